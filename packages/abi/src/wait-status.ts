/** Packing and unpacking of a wait status, as the macros of wait(2) do it. */

/** Status of a process that called exit(code). */
export const exitStatus = (code: number): number => (code & 0xff) << 8;
/** Status of a process that a signal killed. */
export const killedStatus = (signal: number, coreDumped = false): number => (signal & 0x7f) | (coreDumped ? 0x80 : 0);
/** Status of a process that a signal (or ptrace event in bits 8 and up) stopped. */
export const stoppedStatus = (signal: number): number => ((signal << 8) | 0x7f) >>> 0;
/** Status of a process that SIGCONT continued. */
export const CONTINUED_STATUS = 0xffff;

export const WIFEXITED = (status: number): boolean => (status & 0x7f) === 0;
export const WEXITSTATUS = (status: number): number => (status >> 8) & 0xff;
export const WIFSIGNALED = (status: number): boolean => (status & 0x7f) !== 0 && (status & 0x7f) !== 0x7f;
export const WTERMSIG = (status: number): number => status & 0x7f;
export const WCOREDUMP = (status: number): boolean => (status & 0x80) !== 0;
export const WIFSTOPPED = (status: number): boolean => (status & 0xff) === 0x7f;
export const WSTOPSIG = (status: number): number => (status >> 8) & 0xff;
export const WIFCONTINUED = (status: number): boolean => status === CONTINUED_STATUS;
