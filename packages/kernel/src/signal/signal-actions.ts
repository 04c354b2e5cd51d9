import { SA_NODEFER, SA_RESETHAND, SIG_DFL, SIG_IGN } from '@sbx/abi';

/** Fields of one action in the table: handler, flags, restorer, mask, 64 bits each. */
const FIELDS = 8;
const HANDLER = 0;
const FLAGS = 2;
const RESTORER = 4;
const MASK = 6;
/** Size of the kernel's `struct sigaction` on amd64. */
export const SIGACTION_SIZE = 32;

/**
 * The signal actions of a process (sigaction(2)), shared by CLONE_SIGHAND. Stored as the kernel's `struct sigaction` words, so that what a program set is
 * what it reads back.
 */
export class SignalActions {
  #references = 1;
  readonly #words = new Uint32Array(65 * FIELDS);

  /** A copy, for fork. */
  copy(): SignalActions {
    const other = new SignalActions();
    other.#words.set(this.#words);
    return other;
  }

  incRef(): void {
    this.#references++;
  }
  decRef(): void {
    this.#references--;
  }
  get shared(): boolean {
    return this.#references > 1;
  }

  isDefault(signo: number): boolean {
    return this.#handlerIs(signo, SIG_DFL);
  }
  isIgnore(signo: number): boolean {
    return this.#handlerIs(signo, SIG_IGN);
  }
  #handlerIs(signo: number, value: number): boolean {
    const i = signo * FIELDS + HANDLER;
    return this.#words[i] === value && this.#words[i + 1] === 0;
  }

  handlerLow(signo: number): number {
    return this.#words[signo * FIELDS + HANDLER];
  }
  handlerHigh(signo: number): number {
    return this.#words[signo * FIELDS + HANDLER + 1];
  }
  flags(signo: number): number {
    return this.#words[signo * FIELDS + FLAGS];
  }
  restorerLow(signo: number): number {
    return this.#words[signo * FIELDS + RESTORER];
  }
  restorerHigh(signo: number): number {
    return this.#words[signo * FIELDS + RESTORER + 1];
  }
  maskLow(signo: number): number {
    return this.#words[signo * FIELDS + MASK];
  }
  maskHigh(signo: number): number {
    return this.#words[signo * FIELDS + MASK + 1];
  }
  /** Whether the signal itself is blocked while its handler runs. */
  defers(signo: number): boolean {
    return (this.flags(signo) & SA_NODEFER) === 0;
  }

  /** Reads an action as `struct sigaction` words (8). */
  get(signo: number, words: Uint32Array): void {
    words.set(this.#words.subarray(signo * FIELDS, signo * FIELDS + FIELDS));
  }
  set(signo: number, words: Uint32Array): void {
    this.#words.set(words, signo * FIELDS);
  }

  /** SA_RESETHAND: back to the default as the handler is entered. */
  enter(signo: number): void {
    if ((this.flags(signo) & SA_RESETHAND) !== 0) this.#words.fill(0, signo * FIELDS, signo * FIELDS + 2);
  }

  /** execve: handlers are reset, ignored signals stay ignored. */
  resetForExec(): void {
    for (let signo = 1; signo <= 64; signo++) {
      const ignored = this.isIgnore(signo);
      this.#words.fill(0, signo * FIELDS, (signo + 1) * FIELDS);
      if (ignored) this.#words[signo * FIELDS + HANDLER] = SIG_IGN;
    }
  }
  /** CLONE_CLEAR_SIGHAND: every handler that is not SIG_IGN becomes the default (the same as for execve). */
  clearHandlers(): void {
    this.resetForExec();
  }
  /** Makes a signal's action the default (a forced fault signal must not be ignored). */
  setDefault(signo: number): void {
    this.#words.fill(0, signo * FIELDS, signo * FIELDS + FIELDS);
  }
}
