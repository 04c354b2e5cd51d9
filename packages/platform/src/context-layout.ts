/**
 * The layout of a context page: the single definition from which the TypeScript offsets below and the C/assembly header
 * (`native/include/context_page.h`, written by `tools/gen`) come. Offsets are bytes from the start of the page.
 */
export const CONTEXT_SIZE = 8192;

/** Control words (32 bits each). */
export const CONTEXT_FIELDS = {
  /** STATE_*: who owns the page now. A futex word. */
  state: 0,
  /** EVENT_*: how the last run ended. */
  event: 4,
  /** Non-zero: `interrupt()` was called and not yet reported. */
  interrupt: 8,
  /** ACCESS_* of the faulting access (SIGSEGV, SIGBUS). */
  access: 12,
  /** Signal number, si_code and address of a fault; the hardware's error code and vector. */
  signo: 16,
  sigcode: 20,
  faultAddressLow: 24,
  faultAddressHigh: 28,
  errorCode: 32,
  vector: 36,
  /** The CPU (vCPU index) that the context last ran on. */
  cpu: 40,
  /** FLAG_*: bits by which kernel and platform tell each other about the page. */
  flags: 44,
  /** The index by which the platform finds the context again. */
  id: 48,
} as const;

/** Byte offset of the general registers: 27 words of 64 bits in the order of `struct user_regs_struct` (amd64). */
export const CONTEXT_REGS = 128;
/** Byte offset of the extended state (XSAVE format, 64-byte aligned) and its greatest length. */
export const CONTEXT_XSTATE = 4096;
export const CONTEXT_XSTATE_SIZE = 4096;

/** Nobody runs the context; the kernel may touch everything in the page. */
export const STATE_IDLE = 0;
/** Handed to the platform by `start` and not yet picked up. */
export const STATE_READY = 1;
/** Running application code. */
export const STATE_RUNNING = 2;
/** An event is in the page; `poll` has not collected it yet. */
export const STATE_EVENT = 3;

/** Flag: FS/GS base and extended state in the page are newer than the CPU's: load them at the next resume. */
export const FLAG_STATE_DIRTY = 1;
/** Flag: FS/GS base and extended state in the page are current. Cleared by a resume. */
export const FLAG_STATE_VALID = 2;
/** Flag: registers were changed such that the fast return (SYSRET) must not be used. */
export const FLAG_FULL_RESTORE = 4;

/** Index of each amd64 register in the register area (as in `struct user_regs_struct`). */
export const REG = {
  r15: 0,
  r14: 1,
  r13: 2,
  r12: 3,
  rbp: 4,
  rbx: 5,
  r11: 6,
  r10: 7,
  r9: 8,
  r8: 9,
  rax: 10,
  rcx: 11,
  rdx: 12,
  rsi: 13,
  rdi: 14,
  origRax: 15,
  rip: 16,
  cs: 17,
  rflags: 18,
  rsp: 19,
  ss: 20,
  fsBase: 21,
  gsBase: 22,
  ds: 23,
  es: 24,
  fs: 25,
  gs: 26,
} as const;
export const REG_COUNT = 27;
