/**
 * How `Context.switch` (or `start`) ended. The values are stored in the context page by native code.
 */
export const EVENT_NONE = 0;
/** The thread invoked a system call: number and arguments are in the context page's registers. */
export const EVENT_SYSCALL = 1;
/** A fault or trap: signal number, code, address and access type are in the context page. */
export const EVENT_SIGNAL = 2;
/** As EVENT_SIGNAL, but check first whether the instruction is CPUID and emulate it. */
export const EVENT_SIGNAL_MAYBE_CPUID = 3;
/** `interrupt()` was called, or the time given to `switch` is over; possibly spurious. */
export const EVENT_INTERRUPT = 4;
/** The CPU is not the requested one, or ran another context since (only where `detectsCPUPreemption`). */
export const EVENT_PREEMPTED = 5;
/** The execution engine failed (a vCPU died): the sandbox must end. `Platform.failure()` has the report. */
export const EVENT_FAILED = 6;
/** Any EVENT_*. */
export type EventKind = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Kind of access, as a bit set: what a mapping permits, and what a faulting instruction wanted. */
export const ACCESS_READ = 1;
export const ACCESS_WRITE = 2;
export const ACCESS_EXECUTE = 4;
