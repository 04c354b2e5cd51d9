import { CONTEXT_FIELDS, CONTEXT_REGS, CONTEXT_SIZE, CONTEXT_XSTATE, CONTEXT_XSTATE_SIZE, REG } from './context-layout.js';

/** What the 64-bit accessors give for a value that a JavaScript number cannot hold or that no address can have. */
export const BAD_ADDRESS = -1;
/** Addresses of application memory are below this. */
export const ADDRESS_LIMIT = 2 ** 47;

const TWO_32 = 2 ** 32;
const HIGH_47 = 2 ** 15; // bits 47.. of the high half
const HIGH_53 = 2 ** 21;

/** Word index (32-bit) of the low half of each system-call argument, amd64 order: rdi, rsi, rdx, r10, r8, r9. */
const ARG_WORDS = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9].map((reg) => CONTEXT_REGS / 4 + reg * 2);

/**
 * Typed access to one context page (see context-layout.ts): registers as pairs of 32-bit halves, control words, the extended state. Shared with native
 * code. Where a platform maps the page into the guest its contents are hostile: every accessor gives a bounded value whatever the bits are.
 *
 * @example
 * import { BAD_ADDRESS, CONTEXT_SIZE, ContextPage, REG } from '@sbx/platform';
 *
 * // write(1, 0x400000, 5), as a platform would store it.
 * const page = new ContextPage(new ArrayBuffer(CONTEXT_SIZE), 0, 0);
 * page.setReg(REG.origRax, 1);
 * page.setReg(REG.rdi, 1);
 * page.setReg(REG.rsi, 0x400000);
 * page.setRegPair(REG.rdx, 5, 0x80000000);
 * page.sysno; // 1
 * page.argInt32(0); // 1
 * page.argAddress(1); // 0x400000
 * page.argSize(2) === BAD_ADDRESS; // true: 2^63 + 5
 * page.argUint32(2); // 5
 * page.setResult(-14);
 * page.regHigh(REG.rax); // 0xffffffff: sign-extended
 */
export class ContextPage {
  /** The whole page as 32-bit words. */
  readonly u32: Uint32Array;
  /** The same words as signed numbers. */
  readonly i32: Int32Array;
  /** The extended (FP/SIMD) state, XSAVE format. */
  readonly xstate: Uint8Array;

  /** @param buffer - memory shared with native code @param offset - byte offset of the page in it @param address - its address in this process */
  constructor(
    buffer: ArrayBufferLike,
    offset: number,
    readonly address: number,
  ) {
    this.u32 = new Uint32Array(buffer, offset, CONTEXT_SIZE / 4);
    this.i32 = new Int32Array(buffer, offset, CONTEXT_SIZE / 4);
    this.xstate = new Uint8Array(buffer, offset + CONTEXT_XSTATE, CONTEXT_XSTATE_SIZE);
  }

  /** EVENT_*: how the last run ended. */
  get event(): number {
    return this.u32[CONTEXT_FIELDS.event >> 2];
  }
  /** Signal number of a fault, as signal(7) numbers them. */
  get signo(): number {
    return this.u32[CONTEXT_FIELDS.signo >> 2];
  }
  /** `si_code` of a fault (sigaction(2)). */
  get sigcode(): number {
    return this.i32[CONTEXT_FIELDS.sigcode >> 2];
  }
  /** ACCESS_* of the faulting access, for SIGSEGV and SIGBUS; else 0. */
  get access(): number {
    return this.u32[CONTEXT_FIELDS.access >> 2];
  }
  /** The hardware's error code of a fault (SDM Vol. 3A 6.13). */
  get errorCode(): number {
    return this.u32[CONTEXT_FIELDS.errorCode >> 2];
  }
  /** The hardware's vector of a fault (SDM Vol. 3A table 6-1). */
  get vector(): number {
    return this.u32[CONTEXT_FIELDS.vector >> 2];
  }
  /** The faulting address; BAD_ADDRESS when it is not below 2^47. */
  get faultAddress(): number {
    const high = this.u32[CONTEXT_FIELDS.faultAddressHigh >> 2];
    return high < HIGH_47 ? high * TWO_32 + this.u32[CONTEXT_FIELDS.faultAddressLow >> 2] : BAD_ADDRESS;
  }
  /** FLAG_* bits. */
  get flags(): number {
    return this.u32[CONTEXT_FIELDS.flags >> 2];
  }
  set flags(value: number) {
    this.u32[CONTEXT_FIELDS.flags >> 2] = value;
  }

  /** The system call's number, as the C prototype truncates it (32 bits). */
  get sysno(): number {
    return this.u32[(CONTEXT_REGS >> 2) + REG.origRax * 2];
  }

  /** Argument `i` (0..5) as an address: BAD_ADDRESS when not below 2^47. Every consumer answers EFAULT (or ENOMEM, EINVAL) to that. @hotpath */
  argAddress(i: number): number {
    const word = ARG_WORDS[i];
    const high = this.u32[word + 1];
    return high < HIGH_47 ? high * TWO_32 + this.u32[word] : BAD_ADDRESS;
  }
  /** Argument `i` as a size: BAD_ADDRESS when not below 2^53. @hotpath */
  argSize(i: number): number {
    const word = ARG_WORDS[i];
    const high = this.u32[word + 1];
    return high < HIGH_53 ? high * TWO_32 + this.u32[word] : BAD_ADDRESS;
  }
  /** Argument `i` as a signed 64-bit offset; NaN when it is outside ±2^53. @hotpath */
  argOffset(i: number): number {
    const word = ARG_WORDS[i];
    const high = this.i32[word + 1];
    return high >= -HIGH_53 && high < HIGH_53 ? high * TWO_32 + this.u32[word] : Number.NaN;
  }
  /** Argument `i` as an `int`. @hotpath */
  argInt32(i: number): number {
    return this.i32[ARG_WORDS[i]];
  }
  /** Argument `i` as an `unsigned int`, or the low half of a pair. @hotpath */
  argUint32(i: number): number {
    return this.u32[ARG_WORDS[i]];
  }
  /** The high half of argument `i`. @hotpath */
  argHigh(i: number): number {
    return this.u32[ARG_WORDS[i] + 1];
  }

  /** Stores a system call's result (a number within ±2^53, negative errno for failure) in the return register. @hotpath */
  setResult(value: number): void {
    this.setReg(REG.rax, value);
  }

  /** Register `reg` (REG.*) as a number: BAD_ADDRESS when not below 2^53. */
  reg(reg: number): number {
    const word = (CONTEXT_REGS >> 2) + reg * 2;
    const high = this.u32[word + 1];
    return high < HIGH_53 ? high * TWO_32 + this.u32[word] : BAD_ADDRESS;
  }
  /** Bits 31:0 of register `reg`. */
  regLow(reg: number): number {
    return this.u32[(CONTEXT_REGS >> 2) + reg * 2];
  }
  /** Bits 63:32 of register `reg`. */
  regHigh(reg: number): number {
    return this.u32[(CONTEXT_REGS >> 2) + reg * 2 + 1];
  }
  /** Sets register `reg` to an integer within ±2^53 (sign-extended). @hotpath */
  setReg(reg: number, value: number): void {
    const word = (CONTEXT_REGS >> 2) + reg * 2;
    const high = Math.floor(value / TWO_32);
    this.u32[word] = value - high * TWO_32;
    this.u32[word + 1] = high;
  }
  /** Sets register `reg` to `high * 2^32 + low`; both are taken modulo 2^32. */
  setRegPair(reg: number, low: number, high: number): void {
    const word = (CONTEXT_REGS >> 2) + reg * 2;
    this.u32[word] = low;
    this.u32[word + 1] = high;
  }
}
