/** How a program ended. */
export class ExitStatus {
  private constructor(
    /** What it gave to exit(2), or null. */
    readonly code: number | null,
    /** The signal that ended it, or null. */
    readonly signo: number | null,
  ) {}

  /** From a wait status as wait(2) has it. */
  static fromWait(status: number): ExitStatus {
    const signo = status & 0x7f;
    return signo === 0 ? new ExitStatus((status >>> 8) & 0xff, null) : new ExitStatus(null, signo);
  }

  /** What a shell shows as $?. */
  get shellStatus(): number {
    return this.code ?? 128 + this.signo!;
  }
}
