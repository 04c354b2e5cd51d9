/**
 * The per-CPU structure of ring 0: what the entry and exit assembly finds through GS, and what the host side fills in and reads. It lies in
 * the kernel area, is supervisor-only, and is written by one vCPU, or by the host while that vCPU is not in guest mode.
 */
import { layout } from '../layout.js';
import { addressOf, highWord, lowWord } from './addresses.js';
import { IDT_SIZE, Ist } from './gates.js';
import { REGISTERS_SIZE } from './registers.js';
import { GDT_ENTRIES, writeGdt } from './segments.js';
import { TSS_SIZE, Tss64 } from './tss.js';

/** Bytes of each interrupt stack. The stubs of exit mode call no C; where C runs on the main stack this is what must grow. */
export const INTERRUPT_STACK_SIZE = 1024;
/** Words of 64 bits that belong to the platform: the assembly and the host side of one platform agree on their use. */
export const PLATFORM_WORDS = 16;

const u64 = 8;

/** Offsets of the per-CPU structure. The TSS starts four bytes into an eight-byte word, so that its pointers are aligned. */
export const CPU = layout([
  // The linear address of this structure: `mov %gs:0, reg`.
  ['self', u64, u64],
  // What all CPUs of a machine share; opaque here.
  ['kernel', u64, u64],
  // Top of the main interrupt stack.
  ['stackTop', u64, u64],
  // For entry code that has no register free.
  ['scratch', 4 * u64, u64],
  // Of the last exception, and whether ring 3 (1) or ring 0 (0) raised it: if 0, it says nothing about the last fault of ring 3.
  ['errorCode', u64, u64],
  ['errorType', u64, u64],
  // Why ring 0 was entered last: a vector, or Vector.Syscall.
  ['reason', u64, u64],
  // SWITCH_*: how to enter ring 3.
  ['switchFlags', u64, u64],
  // The last exception of each side, apart: one of ring 0 does not overwrite what is still to be read of ring 3's.
  ['userVector', u64, u64],
  ['userErrorCode', u64, u64],
  ['userFaultAddress', u64, u64],
  ['kernelVector', u64, u64],
  ['kernelErrorCode', u64, u64],
  ['kernelFaultAddress', u64, u64],
  ['userCr3', u64, u64],
  ['kernelCr3', u64, u64],
  ['userFsBase', u64, u64],
  ['userGsBase', u64, u64],
  ['kernelFsBase', u64, u64],
  ['userPkru', 4, 4],
  ['kernelPkru', 4, 4],
  // The components that XSAVE and XRSTOR move, and the linear address of each side's area (64-byte aligned).
  ['xstateMask', u64, u64],
  ['userXstate', u64, u64],
  ['kernelXstate', u64, u64],
  // Linear addresses of the hooks that run on the interrupt stack when ring 0 itself executed SYSCALL, or faulted; 0 = halt.
  ['kernelSyscallHook', u64, u64],
  ['kernelExceptionHook', u64, u64],
  ['platform', PLATFORM_WORDS * u64, u64],
  // Register files in ptrace order.
  ['userRegisters', REGISTERS_SIZE, 64],
  ['kernelRegisters', REGISTERS_SIZE, 64],
  ['gdt', GDT_ENTRIES * 8, 64],
  ['tssPad', 4, u64],
  ['tss', TSS_SIZE, 4],
  // Operands of LGDT and LIDT: a 16-bit limit and a 64-bit base.
  ['gdtr', 10, 16],
  ['idtr', 10, 16],
  // Stacks grow down; the tops are stackTop, nmiStack + size, …
  ['mainStack', INTERRUPT_STACK_SIZE, 4096],
  ['nmiStack', INTERRUPT_STACK_SIZE, 64],
  ['doubleFaultStack', INTERRUPT_STACK_SIZE, 64],
  ['machineCheckStack', INTERRUPT_STACK_SIZE, 64],
]);

/** Bytes of a per-CPU structure: whole pages. */
export const CPU_SIZE = CPU.size;

/** Bits of `switchFlags`. */
export const SWITCH_FLUSH = 1 << 0;
export const SWITCH_FULL_RESTORE = 1 << 1;

/** What CR3 is made from: see `PageTables`. */
interface Cr3Source {
  cr3Low(pcid: number): number;
  cr3High(noFlush: boolean): number;
}

/** How a vCPU is to enter ring 3. One object is reused; a platform fills it before each switch. */
export interface SwitchOpts {
  /** Byte offset of the registers in the memory that they are copied from, in ptrace order. */
  registers: number;
  /** Linear address of the extended-state area of the context. */
  floatingPointState: number;
  /** The tables of the application. */
  pageTables: Cr3Source;
  /**
   * The tables of ring 0's own side. They are the same for all applications: a return to ring 0 keeps what the TLB holds under the kernel PCID, which
   * would be wrong under other tables. Whoever changes them flushes.
   */
  kernelTables: Cr3Source;
  /** Drop all TLB entries of the user PCID. */
  flush: boolean;
  /** Enter by IRET, which restores every register, and not by SYSRET, which takes RIP and RFLAGS from RCX and R11. */
  fullRestore: boolean;
  /** 0 where the vCPU has no PCIDs: then every switch flushes. */
  userPCID: number;
  kernelPCID: number;
}

/**
 * Host-side view of one per-CPU structure. Owned by whoever runs the vCPU; to be used while that is not in guest mode.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const words = new Uint32Array(new SharedArrayBuffer(amd64.CPU_SIZE));
 * const cpu = new amd64.Cpu(words, 0, amd64.KERNEL_AREA_ADDRESS);
 * cpu.initialize(0, amd64.KERNEL_AREA_ADDRESS + 0x100000);
 * cpu.addressAt(amd64.CPU.offsets.self) === amd64.KERNEL_AREA_ADDRESS; // true
 * cpu.errorCode().user; // true
 * cpu.setAddress(amd64.CPU.offsets.kernelSyscallHook, -0x1000);
 * cpu.addressAt(amd64.CPU.offsets.kernelSyscallHook); // -0x1000
 */
export class Cpu {
  /** The linear address at which the guest sees the structure. Immutable. */
  readonly address: number;
  readonly #words: Uint32Array;
  readonly #at: number;

  /**
   * @param words memory that holds the structure; @param byteOffset where it starts in it, a multiple of 4096.
   * @param address its linear address in the guest (sign-extended).
   */
  constructor(words: Uint32Array, byteOffset: number, address: number) {
    this.address = address;
    this.#words = words;
    this.#at = byteOffset / 4;
  }

  /** Fills in what does not change: pointers, GDT, TSS with its stacks, descriptor-table registers. `idt` is the IDT's linear address. */
  initialize(kernel: number, idt: number): void {
    const { offsets } = CPU;
    this.#words.fill(0, this.#at, this.#at + CPU_SIZE / 4);
    this.setAddress(offsets.self, this.address);
    this.setAddress(offsets.kernel, kernel);
    this.setAddress(offsets.stackTop, this.#stackTop('mainStack'));
    const gdt = this.#at + offsets.gdt / 4;
    writeGdt(this.#words.subarray(gdt, gdt + GDT_ENTRIES * 2), this.address + offsets.tss, TSS_SIZE - 1);
    const tss = new Tss64(this.#words, this.#at * 4 + offsets.tss);
    tss.reset();
    tss.setRsp(0, this.#stackTop('mainStack'));
    tss.setIst(Ist.Main, this.#stackTop('mainStack'));
    tss.setIst(Ist.NMI, this.#stackTop('nmiStack'));
    tss.setIst(Ist.DoubleFault, this.#stackTop('doubleFaultStack'));
    tss.setIst(Ist.MachineCheck, this.#stackTop('machineCheckStack'));
    this.#setTableRegister(offsets.gdtr, GDT_ENTRIES * 8 - 1, this.address + offsets.gdt);
    this.#setTableRegister(offsets.idtr, IDT_SIZE - 1, idt);
    this.clearErrorCode();
  }

  /** The error code of the last exception, and whether ring 3 raised it. If not, `value` says nothing about the last exception of ring 3. */
  errorCode(): { readonly value: number; readonly user: boolean } {
    const { errorCode, errorType } = CPU.offsets;
    return { value: this.#words[this.#at + errorCode / 4]!, user: this.#words[this.#at + errorType / 4] !== 0 };
  }

  /** As if ring 3 had raised an exception without an error code. */
  clearErrorCode(): void {
    this.setAddress(CPU.offsets.errorCode, 0);
    this.setAddress(CPU.offsets.errorType, 1);
  }

  /** Writes CR3 values, state area and flags of a switch. @hotpath */
  prepareSwitch(opts: SwitchOpts): void {
    const { offsets } = CPU;
    const { pageTables, kernelTables, userPCID, kernelPCID } = opts;
    this.setWords(offsets.userCr3, pageTables.cr3Low(userPCID), pageTables.cr3High(userPCID !== 0 && !opts.flush));
    this.setWords(offsets.kernelCr3, kernelTables.cr3Low(kernelPCID), kernelTables.cr3High(kernelPCID !== 0));
    this.setAddress(offsets.userXstate, opts.floatingPointState);
    this.setWords(offsets.switchFlags, (opts.flush ? SWITCH_FLUSH : 0) | (opts.fullRestore ? SWITCH_FULL_RESTORE : 0), 0);
  }

  /** Stores an address (sign-extended) in a 64-bit field. @hotpath */
  setAddress(offset: number, address: number): void {
    this.setWords(offset, lowWord(address), highWord(address));
  }

  /** Stores both halves of a 64-bit field. @hotpath */
  setWords(offset: number, low: number, high: number): void {
    this.#words[this.#at + offset / 4] = low;
    this.#words[this.#at + offset / 4 + 1] = high;
  }

  /** A 64-bit field as a sign-extended address; NaN where it is not canonical. */
  addressAt(offset: number): number {
    return addressOf(this.#words[this.#at + offset / 4]!, this.#words[this.#at + offset / 4 + 1]!);
  }

  #stackTop(stack: 'mainStack' | 'nmiStack' | 'doubleFaultStack' | 'machineCheckStack'): number {
    return this.address + CPU.offsets[stack] + INTERRUPT_STACK_SIZE;
  }

  /** A 16-bit limit and a 64-bit base at a multiple of 4: three words, the last one half. */
  #setTableRegister(offset: number, limit: number, base: number): void {
    const at = this.#at + offset / 4;
    const low = lowWord(base);
    const high = highWord(base);
    this.#words[at] = (low << 16) | limit;
    this.#words[at + 1] = (high << 16) | (low >>> 16);
    this.#words[at + 2] = high >>> 16;
  }
}
