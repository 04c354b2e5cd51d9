import { SIGBUS, SIGFPE, SIGILL, SIGRTMIN, SIGSEGV, SIGSYS, SIGTRAP } from '@sbx/abi';
import type { SignalInfo } from './signal-info.js';
import { highBit, lowBit, lowestSignal } from './signal-set.js';

/** Signals of the task's own doing are taken first, as in Linux (SYNCHRONOUS_MASK). */
const SYNCHRONOUS = lowBit(SIGSEGV) | lowBit(SIGBUS) | lowBit(SIGILL) | lowBit(SIGTRAP) | lowBit(SIGFPE) | lowBit(SIGSYS);

/** A queue of pending signals: of one task, or of a process. Standard signals are kept once, realtime signals are queued. */
export class PendingSignals {
  low = 0;
  high = 0;
  /** Infos by signal number; realtime signals have lists. */
  readonly #infos: SignalInfo[][] = [];
  /** Infos held: what RLIMIT_SIGPENDING counts. */
  queued = 0;

  has(signo: number): boolean {
    return ((this.low & lowBit(signo)) | (this.high & highBit(signo))) !== 0;
  }

  /** Adds a signal. A standard signal that is pending already is dropped. */
  add(info: SignalInfo): void {
    const signo = info.signo;
    if (this.has(signo) && signo < SIGRTMIN) return;
    this.low = (this.low | lowBit(signo)) >>> 0;
    this.high = (this.high | highBit(signo)) >>> 0;
    (this.#infos[signo] ??= []).push(info);
    this.queued++;
  }

  /** Takes the next signal outside the blocked set, or null. */
  take(blockedLow: number, blockedHigh: number): SignalInfo | null {
    const low = this.low & ~blockedLow;
    const high = this.high & ~blockedHigh;
    const synchronous = low & SYNCHRONOUS;
    const signo = lowestSignal(synchronous !== 0 ? synchronous : low, high);
    return signo === 0 ? null : this.takeSignal(signo);
  }

  /** Takes one instance of a pending signal. */
  takeSignal(signo: number): SignalInfo {
    const infos = this.#infos[signo];
    const info = infos.shift()!;
    this.queued--;
    if (infos.length === 0) this.#clear(signo);
    return info;
  }

  /** Drops all instances of a signal. */
  discard(signo: number): void {
    if (!this.has(signo)) return;
    this.queued -= this.#infos[signo].length;
    this.#infos[signo].length = 0;
    this.#clear(signo);
  }

  #clear(signo: number): void {
    this.low = (this.low & ~lowBit(signo)) >>> 0;
    this.high = (this.high & ~highBit(signo)) >>> 0;
  }
}
