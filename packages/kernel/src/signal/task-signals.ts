import { SS_DISABLE } from '@sbx/abi';
import { WaitQueue } from '../wait/wait-queue.js';
import { PendingSignals } from './pending-signals.js';

/** A thread's own signal state: mask, private queue, alternate stack. */
export class TaskSignals {
  readonly pending = new PendingSignals();
  /** Woken (EPOLLIN) when a signal is queued for the task or its process: signalfd and sigtimedwait wait here. */
  readonly arrival = new WaitQueue();
  /** Blocked signals. SIGKILL and SIGSTOP are never in it. */
  blockedLow = 0;
  blockedHigh = 0;
  /** The mask to go back to after the current system call (sigsuspend, ppoll, pselect, epoll_pwait), when `restoreMask`. */
  savedLow = 0;
  savedHigh = 0;
  restoreMask = false;
  /** Signals that sigtimedwait waits for: they wake the task though blocked. */
  awaitedLow = 0;
  awaitedHigh = 0;
  /** Alternate stack (sigaltstack(2)). */
  altStackAddress = 0;
  altStackSize = 0;
  altStackFlags = SS_DISABLE;

  /** A new thread or process: mask is inherited, pending signals are not; the alternate stack only by fork. */
  inherit(from: TaskSignals, keepAltStack: boolean): void {
    this.blockedLow = from.blockedLow;
    this.blockedHigh = from.blockedHigh;
    if (!keepAltStack) return;
    this.altStackAddress = from.altStackAddress;
    this.altStackSize = from.altStackSize;
    this.altStackFlags = from.altStackFlags;
  }

  /** Replaces the mask; SIGKILL and SIGSTOP can't be blocked. */
  setBlocked(low: number, high: number): void {
    this.blockedLow = (low & ~0x40100) >>> 0;
    this.blockedHigh = high >>> 0;
  }
  /** Replaces the mask until the current system call has returned and its signals were delivered. */
  setTemporaryMask(low: number, high: number): void {
    this.savedLow = this.blockedLow;
    this.savedHigh = this.blockedHigh;
    this.restoreMask = true;
    this.setBlocked(low, high);
  }
  /** Ends the temporary mask, if there is one. */
  restoreSavedMask(): void {
    if (!this.restoreMask) return;
    this.restoreMask = false;
    this.setBlocked(this.savedLow, this.savedHigh);
  }
  disableAltStack(): void {
    this.altStackAddress = 0;
    this.altStackSize = 0;
    this.altStackFlags = SS_DISABLE;
  }
}
