/**
 * Results of an interrupted system call that the signal code turns into a restart or into EINTR, and that programs never see (Linux's include/linux/errno.h).
 */
/** Restart, unless a handler without SA_RESTART ran: then EINTR. */
export const ERESTARTSYS = 512;
/** Restart always. */
export const ERESTARTNOINTR = 513;
/** Restart if no handler ran, else EINTR. */
export const ERESTARTNOHAND = 514;
/** As ERESTARTNOHAND, but restart through restart_syscall, which continues from `task.restartBlock` (timed waits). */
export const ERESTART_RESTARTBLOCK = 516;

/** Whether a result is one of the codes above, negated. */
export function isRestart(result: number): boolean {
  return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}
