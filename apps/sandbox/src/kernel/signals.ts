import { constants } from 'node:os';
import { SIG_IGN, SIGINT } from '@sbx/abi';
import { type Kernel, sendToProcessGroup, type ThreadGroup } from '@sbx/kernel';

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGINT'] as const;
/** A second interrupt within this time kills the sandbox. */
const TWICE_MS = 2000;

/** What signals that this process gets mean. */
export interface SignalHandlers {
  /** The caller has a way of interrupting the program twice: Ctrl-C, when that is no key of the program's own terminal. */
  readonly onSecondInterrupt: (() => void) | null;
}

/**
 * Passes the signals that this process gets on to the program: to the foreground group of its terminal, or to its own group. `ignored` are those that the
 * caller ignores: so do we, and so does the program from its start.
 */
export function forwardSignals(kernel: Kernel, program: ThreadGroup, ignored: readonly number[], handlers: SignalHandlers): void {
  ignoreSignals(program, ignored);
  let lastInterrupt = Number.NEGATIVE_INFINITY;
  for (const name of FORWARDED) {
    const signo = constants.signals[name];
    if (ignored.includes(signo)) {
      // Node has set it to its default.
      process.on(name, () => {});
      continue;
    }
    process.on(name, () => {
      if (signo === SIGINT) {
        const now = performance.now();
        if (now - lastInterrupt < TWICE_MS && handlers.onSecondInterrupt !== null) handlers.onSecondInterrupt();
        lastInterrupt = now;
      }
      const foreground = kernel.processGroups.get(program.session.terminal?.foreground ?? 0);
      sendToProcessGroup(foreground ?? program.processGroup, signo);
    });
  }
}

function ignoreSignals(program: ThreadGroup, signals: readonly number[]): void {
  const action = new Uint32Array(8);
  action[0] = SIG_IGN;
  for (const signo of signals) program.signals.actions.set(signo, action);
}
