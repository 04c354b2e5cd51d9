import {
  SIGABRT,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGFPE,
  SIGILL,
  SIGQUIT,
  SIGSEGV,
  SIGSTOP,
  SIGSYS,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
  SIGXCPU,
  SIGXFSZ,
} from '@sbx/abi';

/** What a signal does to a process that has no handler for it (signal(7)). */
export const TERMINATE = 0;
export const CORE = 1;
export const IGNORE = 2;
export const STOP = 3;
export const CONTINUE = 4;

const actions = new Uint8Array(65);
for (const signo of [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS]) actions[signo] = CORE;
for (const signo of [SIGCHLD, SIGURG, SIGWINCH]) actions[signo] = IGNORE;
for (const signo of [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]) actions[signo] = STOP;
actions[SIGCONT] = CONTINUE;

export function defaultAction(signo: number): number {
  return actions[signo];
}
