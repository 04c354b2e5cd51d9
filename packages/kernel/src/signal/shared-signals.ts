import { PendingSignals } from './pending-signals.js';
import type { SignalActions } from './signal-actions.js';

/** What the threads of a process share of signals: the actions (perhaps with other processes: CLONE_SIGHAND) and the process-wide queue. */
export class SharedSignals {
  readonly pending = new PendingSignals();
  constructor(public actions: SignalActions) {}
}
