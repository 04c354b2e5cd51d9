/** How a program ended, and what it printed. */
export interface Outcome {
  /** `exit 0`, `signal 11`. */
  readonly end: string;
  /** Standard output, as latin1. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Text of a wait status (wait(2)). */
export function describeEnd(status: number): string {
  return (status & 0x7f) === 0 ? `exit ${(status >> 8) & 0xff}` : `signal ${status & 0x7f}`;
}

/** The part that is compared: the end and the output, as one text, so that a difference is shown as a diff of lines. */
export function comparable({ end, stdout }: Outcome): string {
  return `${stdout}${stdout === '' || stdout.endsWith('\n') ? '' : '\n'}${end}\n`;
}
