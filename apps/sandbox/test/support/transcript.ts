import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { until } from './processes.js';

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
    const ended = () => this.#stream.closed;
    await until(() => pattern.test(this.text) || ended()).catch(() => {});
    if (!pattern.test(this.text))
      throw new Error(`${ended() ? 'the end came before' : 'it never showed'} ${pattern}: ${JSON.stringify(this.text)}`);
  }

  /** Waits for the end: everything. */
  async all(): Promise<string> {
    if (!this.#stream.closed) await once(this.#stream, 'close');
    return this.text;
  }
}
