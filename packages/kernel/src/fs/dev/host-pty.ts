import { O_NOCTTY, O_RDWR } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import type { ControllingTerminal } from '../../task/process-group.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { Terminals } from './terminals.js';
import type { MasterSide, Pty } from './tty/pty.js';

/** The size of a new terminal's window, in characters. */
export interface HostPtyOptions {
  readonly columns: number;
  readonly rows: number;
}

/** What the embedding program wants to hear of. Called synchronously from inside the kernel: look at the state later rather than act at once. */
export interface HostPtyEvents {
  /** Programs have written something: `read` gives it; or the last of them has closed the terminal (`disconnected`). */
  onOutput?: () => void;
  /** After `write` took less than it was given: there is room again. */
  onDrain?: () => void;
}

/**
 * The master of a pseudo terminal in the hands of the embedding program: what a terminal emulator is to a shell. Nothing is buffered without bound: input
 * waits with the caller while `write` takes none, output waits in the kernel (and blocks its writers) until `read` fetches it.
 */
export class HostPty implements MasterSide {
  onOutput: () => void;
  onDrain: () => void;
  readonly #pty: Pty;
  readonly #kernel: Kernel;

  /** Use `createPty`. */
  constructor(kernel: Kernel, pty: Pty, events: HostPtyEvents) {
    this.#kernel = kernel;
    this.#pty = pty;
    this.onOutput = events.onOutput ?? (() => {});
    this.onDrain = events.onDrain ?? (() => {});
    pty.locked = false;
    pty.connect(this);
  }

  outputReady(): void {
    this.onOutput();
  }
  inputReady(): void {
    this.onDrain();
  }

  /** The terminal, for `SpawnRequest.terminal`. */
  get terminal(): ControllingTerminal {
    return this.#pty.tty;
  }
  /** Its name for programs. */
  get path(): string {
    return `/dev/pts/${this.#pty.index}`;
  }
  /** Whether programs had the terminal open and no one has it any more. */
  get disconnected(): boolean {
    return this.#pty.slaveGone;
  }
  /** Bytes that `read` would give. */
  get available(): number {
    return this.#pty.output.length;
  }

  /** Opens the terminal as programs do: a description with one reference, for descriptors 0, 1 and 2 of a program (take a reference for each). */
  open(): FileDescription {
    const pty = this.#pty;
    const file = pty.owner.openSlave(this.#kernel.vfs.kernelCaller, pty, O_RDWR | O_NOCTTY);
    if (typeof file === 'number') throw new Error(`HostPty.open: errno ${-file}`);
    return file;
  }

  /** Sends input, as if typed: how many of the bytes were taken. When fewer than all, `onDrain` says when to go on. */
  write(bytes: Uint8Array): number {
    const pty = this.#pty;
    let taken = 0;
    while (taken < bytes.length && !pty.closed) {
      const n = pty.input.write(bytes, taken, bytes.length - taken);
      if (n === 0) break;
      taken += n;
      pty.inputAdded();
    }
    return taken;
  }

  /** Takes output: up to `target.length` bytes; returns how many. */
  read(target: Uint8Array): number {
    const n = this.#pty.output.read(target, 0, target.length);
    if (n > 0) this.#pty.outputTaken();
    return n;
  }

  /** Tells the terminal that its window has another size; the foreground processes get SIGWINCH. */
  resize(columns: number, rows: number): void {
    this.#pty.tty.resize({ columns: columns & 0xffff, rows: rows & 0xffff, xPixels: 0, yPixels: 0 });
  }

  /** Makes it what /dev/console is. */
  makeConsole(): void {
    Terminals.of(this.#kernel).console = this.#pty.tty;
  }

  /** Cuts the line: programs get SIGHUP and errors. */
  close(): void {
    const terminals = Terminals.of(this.#kernel);
    if (terminals.console === this.#pty.tty) terminals.console = null;
    this.#pty.close();
  }
}

/**
 * Makes a pseudo terminal whose master the embedding program has (pty(7)). Throws an `Error` when there are as many as there may be. The root has to be mounted.
 *
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { createPty, HostClock, type HostPty, Kernel, mountStandardFileSystems, TmpfsSuperBlock } from '@sbx/kernel';
 * import { MemoryFile } from '@sbx/platform';
 * import { systrapProvider } from '@sbx/systrap-platform';
 *
 * const MiB = 2 ** 20;
 * const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 16 * MiB });
 * const platform = systrapProvider.create({ memory, kernelMemory, wake: () => kernel.loop.schedule() });
 * const kernel: Kernel = new Kernel({
 *   platform,
 *   clock: new HostClock(),
 *   limits: { tasks: 64, memory: 64 * MiB },
 *   hostname: 'example',
 *   random: (bytes) => randomFillSync(bytes),
 *   log: console.error,
 *   onPanic: console.error,
 * });
 * kernel.vfs.mountRoot(new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice()), 'root');
 * mountStandardFileSystems(kernel);
 *
 * const pty: HostPty = createPty(kernel, { columns: 80, rows: 24 });
 * pty.path; // '/dev/pts/0'
 * const slave = pty.open();
 * pty.write(Buffer.from('ls\r')); // 3
 * const screen = Buffer.alloc(80);
 * const shown = pty.read(screen);
 * screen.toString('latin1', 0, shown); // 'ls\r\n': the terminal echoes
 * slave.decRef();
 * pty.disconnected; // true
 * pty.close();
 * kernel.loop.stop();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export function createPty(kernel: Kernel, options: HostPtyOptions, events: HostPtyEvents = {}): HostPty {
  const pty = Terminals.of(kernel).devpts.create(kernel.vfs.kernelCaller);
  if (typeof pty === 'number') throw new Error(`createPty: errno ${-pty}`);
  const master = new HostPty(kernel, pty, events);
  master.resize(options.columns, options.rows);
  return master;
}
