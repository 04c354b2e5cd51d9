/** Packing and unpacking of a wait status, as the macros of wait(2) do it. */

/**
 * Status of a process that called exit(code): the low 8 bits of `code` count.
 *
 * @example
 * import { exitStatus, killedStatus, WCOREDUMP, WEXITSTATUS, WIFEXITED, WIFSIGNALED, WTERMSIG } from '@sbx/abi';
 *
 * exitStatus(3); // 0x300
 * WIFEXITED(0x300); // true
 * WEXITSTATUS(0x300); // 3
 * WIFSIGNALED(killedStatus(11, true)); // true
 * WTERMSIG(killedStatus(11, true)); // 11
 * WCOREDUMP(killedStatus(11, true)); // true
 */
export const exitStatus = (code: number): number => (code & 0xff) << 8;
/** Status of a process that a signal killed. */
export const killedStatus = (signal: number, coreDumped = false): number => (signal & 0x7f) | (coreDumped ? 0x80 : 0);
/** Status of a process that a signal (or ptrace event in bits 8 and up) stopped. */
export const stoppedStatus = (signal: number): number => ((signal << 8) | 0x7f) >>> 0;
/** Status of a process that SIGCONT continued. */
export const CONTINUED_STATUS = 0xffff;

/** Whether the process called exit. */
export const WIFEXITED = (status: number): boolean => (status & 0x7f) === 0;
/** What it gave to exit, if {@link WIFEXITED}. */
export const WEXITSTATUS = (status: number): number => (status >> 8) & 0xff;
/** Whether a signal killed it. */
export const WIFSIGNALED = (status: number): boolean => (status & 0x7f) !== 0 && (status & 0x7f) !== 0x7f;
/** Which signal killed it, if {@link WIFSIGNALED}. */
export const WTERMSIG = (status: number): number => status & 0x7f;
/** Whether it left a core dump, if {@link WIFSIGNALED}. */
export const WCOREDUMP = (status: number): boolean => (status & 0x80) !== 0;
/** Whether a signal stopped it. */
export const WIFSTOPPED = (status: number): boolean => (status & 0xff) === 0x7f;
/** Which signal stopped it, if {@link WIFSTOPPED}. */
export const WSTOPSIG = (status: number): number => (status >> 8) & 0xff;
/** Whether SIGCONT continued it. */
export const WIFCONTINUED = (status: number): boolean => status === CONTINUED_STATUS;
