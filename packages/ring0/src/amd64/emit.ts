/** The sections of amd64's header. */
import type { Definition, Section } from '../header.js';
import * as control from './control.js';
import { CPU, CPU_SIZE, INTERRUPT_STACK_SIZE, PLATFORM_WORDS, SWITCH_FLUSH, SWITCH_FULL_RESTORE } from './cpu.js';
import { GATE_SIZE, IDT_SIZE, Ist } from './gates.js';
import { REGISTERS, REGISTERS_SIZE, type Register, registerOffset } from './registers.js';
import { GDT_ENTRIES, KCODE, KDATA, STAR_HIGH, TSS, UCODE32, UCODE64, UDATA } from './segments.js';
import { TSS_IO_MAP, TSS_IST1, TSS_RSP0, TSS_SIZE } from './tss.js';
import { Vector } from './vectors.js';

/** `stackTop` and `PageFault` as `STACK_TOP` and `PAGE_FAULT`; runs of capitals stay together: `SIMDFloating` is `SIMD_FLOATING`. */
function constantCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toUpperCase();
}

/** RFLAGS is called after what it is, not after how wide it was. */
function registerName(register: Register): string {
  return `PTRACE_${register === 'eflags' ? 'FLAGS' : register.toUpperCase()}`;
}

/** Constants of `control.ts` whose names start with `prefix`. */
function controlConstants(prefix: RegExp): Definition[] {
  return Object.entries(control)
    .filter(([name]) => prefix.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]): Definition => [name, value >>> 0]);
}

export function emitAmd64(): Section[] {
  const fields = Object.entries(CPU.offsets).filter(([name]) => name !== 'tssPad');
  return [
    ['struct ring0_cpu', fields.map(([name, at]): Definition => [`CPU_${constantCase(name)}`, at])],
    [
      'Sizes',
      [
        ['CPU_SIZE', CPU_SIZE],
        ['CPU_INTERRUPT_STACK_SIZE', INTERRUPT_STACK_SIZE],
        ['CPU_PLATFORM_WORDS', PLATFORM_WORDS],
        ['GDT_ENTRIES', GDT_ENTRIES],
        ['GATE_SIZE', GATE_SIZE],
        ['IDT_SIZE', IDT_SIZE],
        ['TSS_SIZE', TSS_SIZE],
      ],
    ],
    [
      'struct ring0_tss',
      [
        ['TSS_RSP0', TSS_RSP0],
        ['TSS_IST1', TSS_IST1],
        ['TSS_IO_MAP', TSS_IO_MAP],
      ],
    ],
    [
      'Flags of a switch',
      [
        ['SWITCH_FLUSH', SWITCH_FLUSH],
        ['SWITCH_FULL_RESTORE', SWITCH_FULL_RESTORE],
      ],
    ],
    [
      'Register file: struct user_regs_struct',
      [...REGISTERS.map((register): Definition => [registerName(register), registerOffset(register)]), ['PTRACE_SIZE', REGISTERS_SIZE]],
    ],
    [
      'Selectors, and the upper half of MSR STAR',
      [
        ['SELECTOR_KCODE', KCODE],
        ['SELECTOR_KDATA', KDATA],
        ['SELECTOR_UCODE32', UCODE32],
        ['SELECTOR_UDATA', UDATA],
        ['SELECTOR_UCODE64', UCODE64],
        ['SELECTOR_TSS', TSS],
        ['STAR_HIGH', STAR_HIGH],
      ],
    ],
    ['Vectors', Object.entries(Vector).map(([name, vector]): Definition => [`VECTOR_${constantCase(name)}`, vector])],
    ['Interrupt stacks', Object.entries(Ist).map(([name, ist]): Definition => [`IST_${constantCase(name)}`, ist])],
    ['RFLAGS', controlConstants(/^(RFLAGS_|KERNEL_FLAGS_|USER_FLAGS_|SYSCALL_MASK_VALUE)/)],
    ['Control registers', controlConstants(/^(CR[034]_|EFER_|XCR0_)/)],
    ['Model-specific registers', controlConstants(/^(MSR_|PLATFORM_INFO_|MISC_FEATURES_)/)],
  ];
}
