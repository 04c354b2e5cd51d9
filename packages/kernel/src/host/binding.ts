import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A poll of a host descriptor; opaque. */
export interface PollHandle {
  readonly brand: 'poll';
}

/** Calls from the event loop; opaque. */
export interface TurnHandle {
  readonly brand: 'turn';
}

/** The native part (native/). Numbers are whole and within ±2^53; a wrong argument throws a TypeError with code `ERR_SBX_NATIVE_ARGUMENT`. */
export interface Binding {
  /** Makes a host system call: its result or a negative errno. Blocks as the call does. The second argument may be a bigint, where all 64 bits count. */
  hostCall(number: number, a?: number, b?: number | bigint, c?: number, d?: number, e?: number, f?: number): number;
  /** The same in libuv's thread pool. Memory that arguments point to must stay as it is until the promise settles. */
  hostCallAsync(number: number, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): Promise<number>;
  /** Memory at an address that does not change, for arguments and results. */
  hostBuffer(length: number): { buffer: ArrayBuffer; address: number };
  /**
   * A poll of a descriptor, which becomes non-blocking; `callback` gets readiness bits (1 readable, 2 writable, 4 hang-up). A negative errno when the file
   * can't be polled.
   */
  pollOpen(fd: number, callback: (events: number) => void): PollHandle | number;
  /** Asks for readiness bits, and keeps Node alive; 0 stops. */
  pollStart(handle: PollHandle, events: number): number;
  pollClose(handle: PollHandle): void;
  /** Calls `callback` from the event loop, once for each `turnRequest`, in its next turn. As setImmediate, but without allocation. */
  turnOpen(callback: () => void): TurnHandle;
  turnRequest(handle: TurnHandle): void;
  turnClose(handle: TurnHandle): void;
  /**
   * Doubles: CLOCK_MONOTONIC in nanoseconds; what CLOCK_REALTIME is ahead of it, in whole seconds, and in nanoseconds that remain; by how many nanoseconds that
   * may be wrong.
   */
  readonly times: ArrayBuffer;
  /** Stores the first of `times`. Allocates nothing. */
  readMonotonic(): void;
  /** Stores the others. */
  readRealtimeOffset(): void;
  /** Reads TSC (low, high) and CLOCK_MONOTONIC (nanoseconds: low, high) of one moment, to some 20 ns. False where there is no TSC. */
  tscSample(out: Uint32Array): boolean;
}

const require = createRequire(import.meta.url);
/** The package's root: src/host/ is two levels below it, dist/ one. */
function packageRoot(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return path.basename(here) === 'host' ? path.dirname(path.dirname(here)) : path.dirname(here);
}

/** Importing the package works on every machine: where there is no native part, the first use says why. */
function load(): Binding {
  let reason = `there is none for ${process.platform}, only for linux`;
  try {
    if (process.platform === 'linux') return require('node-gyp-build')(packageRoot());
  } catch (error) {
    reason = (error as Error).message;
  }
  const refuse = () => {
    throw Object.assign(new Error(`@sbx/kernel needs its native part: ${reason}`), { code: 'ERR_SBX_NATIVE_UNAVAILABLE' });
  };
  const inert = { hostBuffer: (length: number) => ({ buffer: new ArrayBuffer(length), address: 0 }), times: new ArrayBuffer(32) };
  return new Proxy(inert as Binding, { get: (target, name) => Reflect.get(target, name) ?? refuse });
}

export const binding: Binding = load();
