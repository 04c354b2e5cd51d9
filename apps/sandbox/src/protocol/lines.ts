/** Cuts a stream of bytes into lines of JSON. The other side is not trusted to send any that end. */
export class JsonLines {
  #pieces: Buffer[] = [];
  #length = 0;

  /** @param limit - longest line in bytes */
  constructor(readonly limit: number) {}

  /** The values of the lines that `bytes` completes. Throws a SyntaxError for what is not JSON, a RangeError for a line that is too long. */
  push(bytes: Buffer): unknown[] {
    const values: unknown[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#add(bytes.subarray(start, end));
      values.push(JSON.parse(this.#take()));
      start = end + 1;
    }
    this.#add(bytes.subarray(start));
    return values;
  }

  #add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    if (this.#length > this.limit) throw new RangeError(`a message of more than ${this.limit} bytes`);
    this.#pieces.push(piece);
  }

  #take(): string {
    const text = Buffer.concat(this.#pieces).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    return text;
  }
}

/** A value as a line. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
