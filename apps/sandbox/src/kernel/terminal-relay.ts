import { EAGAIN, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from '@sbx/abi';
import {
  createPty,
  type FileDescription,
  type HostPty,
  IoBuffer,
  type Kernel,
  ResourceLimits,
  type Task,
  type WaitEntry,
} from '@sbx/kernel';
import type { TerminalSize } from '../protocol/messages.js';

const PIECE = 16384;
/** How much goes one way before the other one, and the rest of the event loop, gets its turn. */
const TURN = 8;
/** How often it is looked whether the program's last words have been taken. */
const DRAIN_MS = 5;
/** What a terminal understands as the end of its input. */
const END_OF_FILE = Buffer.from([4]);
/** Files are used without a task: there is nobody whom a closed pipe could tell by a signal, and no limit on a file's size. */
const nobody = { kernel: { signalTask() {} }, threadGroup: { limits: new ResourceLimits() } } as unknown as Task;

/**
 * Connects a program's terminal with two files of the host, which is what a terminal emulator does with a window: what comes from `input` is typed, what the
 * program writes goes to `output`. Nothing is buffered but one piece a way.
 */
export class TerminalRelay {
  readonly pty: HostPty;
  readonly #input: FileDescription;
  readonly #output: FileDescription;
  readonly #typed = new Piece();
  readonly #written = new Piece();
  readonly #inputReady: WaitEntry;
  readonly #outputReady: WaitEntry;
  #inputEnded = false;
  #scheduled = false;
  #closed = false;

  /** @param input - what is typed, @param output - where the program's output goes: both belong to the relay */
  constructor(kernel: Kernel, input: FileDescription, output: FileDescription, size: TerminalSize) {
    this.#input = input;
    this.#output = output;
    this.#inputReady = this.#waiter(EPOLLIN);
    this.#outputReady = this.#waiter(EPOLLOUT);
    const schedule = () => this.#schedule();
    this.pty = createPty(kernel, size, { onOutput: schedule, onDrain: schedule });
    this.#schedule();
  }

  /** The terminal for a program: its descriptors 0, 1 and 2. */
  open(): FileDescription[] {
    const file = this.pty.open();
    file.incRef();
    file.incRef();
    return [file, file, file];
  }

  /** Cuts the line. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [file, entry] of [
      [this.#input, this.#inputReady],
      [this.#output, this.#outputReady],
    ] as const) {
      entry.queue?.remove(entry);
      file.decRef();
    }
    this.pty.close();
  }

  /** The program has ended: waits until what it wrote has been taken, then closes. */
  async finish(): Promise<void> {
    while (!this.#closed && (this.#written.length > 0 || this.pty.available > 0))
      await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    this.close();
  }

  #waiter(events: number): WaitEntry {
    const onWake = () => {
      entry.queue?.remove(entry);
      this.#schedule();
    };
    const entry: WaitEntry = { events: events | EPOLLERR | EPOLLHUP, exclusive: false, onWake, queue: null, next: null, previous: null };
    return entry;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      let more = true;
      for (let i = 0; i < TURN && more; i++) more = [this.#moveInput(), this.#moveOutput()].includes(true);
      if (more) this.#schedule();
    });
  }

  /** One piece from the host to the terminal. True: there may be more. */
  #moveInput(): boolean {
    const piece = this.#typed;
    if (piece.length === 0 && !this.#inputEnded) {
      const n = piece.readFrom(this.#input);
      if (n === -EAGAIN) this.#await(this.#input, this.#inputReady);
      else if (n <= 0) {
        this.#inputEnded = true;
        piece.set(END_OF_FILE);
      }
    }
    if (piece.length === 0) return false;
    const taken = this.pty.write(piece.bytes);
    piece.drop(taken);
    return piece.length === 0 && !this.#inputEnded;
  }

  /** One piece from the terminal to the host. True: there may be more. */
  #moveOutput(): boolean {
    const piece = this.#written;
    if (piece.length === 0) piece.fill((target) => this.pty.read(target));
    if (piece.length === 0) return false;
    const n = piece.writeTo(this.#output);
    if (n === -EAGAIN) this.#await(this.#output, this.#outputReady);
    // The window is closed.
    else if (n < 0) this.pty.close();
    return n > 0;
  }

  #await(file: FileDescription, entry: WaitEntry): void {
    const queue = file.waitQueue;
    if (queue === null || entry.queue !== null) return;
    queue.add(entry);
    // It may have become ready in between.
    if ((file.poll() & entry.events) !== 0) entry.onWake(entry.events);
  }
}

/** Bytes on their way. */
class Piece {
  readonly #buffer = new Uint8Array(PIECE);
  readonly #io = new IoBuffer();
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }
  set(bytes: Uint8Array): void {
    this.#buffer.set(bytes);
    this.#start = 0;
    this.#end = bytes.length;
  }
  drop(count: number): void {
    this.#start += count;
  }
  /** `read` puts bytes into what it is given and returns how many. */
  fill(read: (target: Uint8Array) => number): void {
    this.#start = 0;
    this.#end = read(this.#buffer);
  }
  /** Bytes, 0 at the end, or -errno. */
  readFrom(file: FileDescription): number {
    const n = file.read(nobody, this.#io.setKernel(this.#buffer), -1) as number;
    this.#start = 0;
    this.#end = Math.max(n, 0);
    return n;
  }
  writeTo(file: FileDescription): number {
    const n = file.write(nobody, this.#io.setKernel(this.bytes), -1) as number;
    if (n > 0) this.#start += n;
    return n;
  }
}
