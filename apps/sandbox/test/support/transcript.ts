import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** All that comes from a stream. */
export class Transcript {
  text = '';
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
    });
  }

  /** Waits until there is something in it. */
  async shows(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) {
      if (this.#stream.closed) throw new Error(`the end came before ${pattern}: ${JSON.stringify(this.text)}`);
      await Promise.race([once(this.#stream, 'data'), once(this.#stream, 'close')]);
    }
  }

  /** Waits for the end: everything. */
  async all(): Promise<string> {
    if (!this.#stream.closed) await once(this.#stream, 'close');
    return this.text;
  }
}
