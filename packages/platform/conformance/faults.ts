import { readFileSync } from 'node:fs';
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import { CODE, DATA, DATA_PAGES, type GuestLabel, READ_ONLY, UNMAPPED } from './layout.js';

export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGSEGV = 11;
export const SI_KERNEL = 0x80;
/** TF, the flag of RFLAGS that makes a thread step singly. */
export const TRAP_FLAG = 0x100;
const TRAP_BRKPT = 1;

/** A 64-bit register value: a number, or a bigint where it does not fit. */
export type Value = number | bigint;

/** One fault: what the guest does, and what Linux reports for it (checked against the host by test/linux-faults.test.ts). */
export interface FaultCase {
  readonly name: string;
  readonly entry: GuestLabel;
  readonly rdi?: Value;
  readonly rsp?: Value;
  /** Where the guest starts, instead of `entry`. */
  readonly rip?: Value;
  /** What is in the first bytes at DATA. */
  readonly data?: readonly number[];
  readonly signo: number;
  /** si_code. Left out for page faults: there the kernel's own mappings decide between MAPERR and ACCERR. */
  readonly code?: number;
  /** The instruction pointer of the event; left out where processors differ. */
  readonly pc?: GuestLabel | Value;
  /** si_addr; 'pc' for the instruction pointer of the event. */
  readonly address: Value | 'pc';
  /** ACCESS_* bit of a page fault. */
  readonly access?: number;
  /** The processor's exception vector; left out where processors differ. */
  readonly vector?: number;
  /** Set where QEMU's emulated processor (TCG) does something else than real ones do. */
  readonly realCpuOnly?: true;
  /** Set where the host's Linux may do something else because of how it was configured. */
  readonly hostMayDiffer?: true;
}

/** Whether this processor is QEMU's emulation, which lacks some faults. */
export const CPU_IS_EMULATED = /^model name\s*: QEMU TCG/m.test(readFileSync('/proc/cpuinfo', 'latin1'));

const END_OF_DATA = DATA + DATA_PAGES * 4096;
const KERNEL_HALF = 0xffff_8000_0000_0000n;
const KERNEL_IMAGE = 0xffff_ffff_8000_0000n;
const NON_CANONICAL = 0x0123_4567_89ab_cdefn;

const pageFault = (
  name: string,
  entry: GuestLabel,
  rdi: Value,
  access: number,
  pc?: GuestLabel | Value,
  address: Value = rdi,
): FaultCase => ({
  name,
  entry,
  rdi,
  signo: SIGSEGV,
  pc: pc ?? (`${entry}_pc` as GuestLabel),
  address,
  access,
  vector: 14,
});
const protection = (name: string, entry: GuestLabel): FaultCase => ({
  name,
  entry,
  signo: SIGSEGV,
  code: SI_KERNEL,
  pc: `${entry}_pc` as GuestLabel,
  address: 0,
  vector: 13,
});

export const FAULTS: readonly FaultCase[] = [
  pageFault('read of an unmapped page', 'load_rdi', UNMAPPED + 0x123, ACCESS_READ),
  pageFault('read of page 0', 'load_rdi', 0, ACCESS_READ),
  pageFault('write to an unmapped page', 'store_rdi', UNMAPPED + 0xff8, ACCESS_WRITE),
  pageFault('read-modify-write of an unmapped page', 'add_rdi', UNMAPPED, ACCESS_WRITE),
  pageFault('write to a read-only page', 'store_rdi', READ_ONLY + 8, ACCESS_WRITE),
  pageFault('read-modify-write of a read-only page', 'add_rdi', READ_ONLY + 16, ACCESS_WRITE),
  pageFault('write to code', 'store_rdi', CODE + 8, ACCESS_WRITE),
  pageFault('execution of an unmapped page', 'jump_rdi', UNMAPPED + 0x10, ACCESS_EXECUTE, UNMAPPED + 0x10),
  pageFault('execution of data', 'jump_rdi', DATA + 0x40, ACCESS_EXECUTE, DATA + 0x40),
  pageFault('execution of a read-only page', 'jump_rdi', READ_ONLY, ACCESS_EXECUTE, READ_ONLY),
  pageFault('read across the end of a mapping', 'load_rdi', END_OF_DATA - 3, ACCESS_READ, undefined, END_OF_DATA),
  pageFault('write across the end of a mapping', 'store_rdi', END_OF_DATA - 1, ACCESS_WRITE, undefined, END_OF_DATA),
  pageFault("read of the kernel's half", 'load_rdi', KERNEL_HALF, ACCESS_READ),
  pageFault('read of a kernel image', 'load_rdi', KERNEL_IMAGE, ACCESS_READ),
  pageFault('write to a kernel image', 'store_rdi', KERNEL_IMAGE + 0x1000n, ACCESS_WRITE),
  pageFault('execution of a kernel image', 'jump_rdi', KERNEL_IMAGE, ACCESS_EXECUTE, KERNEL_IMAGE),
  pageFault('read of the last byte of the address space', 'load_rdi', 0xffff_ffff_ffff_fff8n, ACCESS_READ),
  { ...pageFault('push without a stack', 'push_stack', 0, ACCESS_WRITE, undefined, UNMAPPED + 0xff8), rsp: UNMAPPED + 0x1000 },
  { ...protection('read of a non-canonical address', 'load_rdi'), rdi: NON_CANONICAL },
  { ...protection('write to a non-canonical address', 'store_rdi'), rdi: 0x8000_0000_0000n },
  { ...protection('jump to a non-canonical address', 'jump_rdi'), rdi: NON_CANONICAL, pc: undefined },
  { name: 'start at a non-canonical address', entry: 'nops', rip: NON_CANONICAL, signo: SIGSEGV, code: SI_KERNEL, address: 0 },
  { ...protection('push on a non-canonical stack', 'push_stack'), rsp: NON_CANONICAL, signo: SIGBUS, vector: 12, realCpuOnly: true },
  { ...protection('read of a non-canonical stack', 'load_stack'), rsp: NON_CANONICAL, signo: SIGBUS, vector: 12, realCpuOnly: true },
  { name: 'division by zero', entry: 'divide_error', signo: SIGFPE, code: 1, pc: 'divide_error_pc', address: 'pc', vector: 0 },
  { name: 'breakpoint (int3)', entry: 'breakpoint', signo: SIGTRAP, code: SI_KERNEL, pc: 'breakpoint_end', address: 0, vector: 3 },
  { name: 'breakpoint (int 3)', entry: 'int_3', signo: SIGTRAP, code: SI_KERNEL, pc: 'int_3_end', address: 0, vector: 3 },
  {
    name: 'int1',
    entry: 'icebp',
    signo: SIGTRAP,
    code: TRAP_BRKPT,
    // Before or after the instruction: hypervisors differ.
    address: 'pc',
    vector: 1,
    realCpuOnly: true,
  },
  { name: 'overflow (int 4)', entry: 'overflow', signo: SIGSEGV, code: SI_KERNEL, pc: 'overflow_end', address: 0, vector: 4 },
  { name: 'invalid opcode', entry: 'invalid_opcode', signo: SIGILL, code: 2, pc: 'invalid_opcode_pc', address: 'pc', vector: 6 },
  protection('hlt', 'privileged_hlt'),
  protection('cli', 'privileged_cli'),
  protection('in', 'privileged_in'),
  protection('mov from cr3', 'privileged_cr'),
  protection('rdmsr', 'privileged_rdmsr'),
  { ...protection('lgdt', 'privileged_lgdt'), rdi: DATA },
  { ...protection('int 0x80 without 32-bit emulation', 'int_80'), hostMayDiffer: true },
  protection('int 0x21', 'int_21'),
  protection('a kernel selector in ds', 'bad_selector'),
  {
    name: 'x87 division by zero',
    entry: 'x87_error',
    rdi: DATA,
    data: [0x7b, 0x03],
    signo: SIGFPE,
    code: 3,
    pc: 'x87_error_pc',
    address: 'pc',
    vector: 16,
  },
  {
    name: 'SSE division by zero',
    entry: 'simd_error',
    rdi: DATA,
    data: [0x80, 0x1d, 0, 0],
    signo: SIGFPE,
    code: 3,
    pc: 'simd_error_pc',
    address: 'pc',
    vector: 19,
    realCpuOnly: true,
  },
  {
    name: 'alignment check',
    entry: 'alignment',
    rdi: DATA,
    signo: SIGBUS,
    code: 1,
    pc: 'alignment_pc',
    address: 0,
    vector: 17,
    realCpuOnly: true,
  },
];
