import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SandboxError } from './client/errors.js';

/** The native part (native/addon). Functions return a negative errno when the host refuses. */
export interface Binding {
  /** A pipe: read end, write end. Closed by exec. */
  pipe(): [number, number] | number;
  /** Two connected sockets that keep messages apart. Closed by exec. */
  socketPair(): [number, number] | number;
  /** Sends up to 8 descriptors with a 32-bit number; -EAGAIN: the receiver has to take some first. */
  sendDescriptors(socket: number, number: number, descriptors: readonly number[]): number;
  /** The number and the descriptors of the next message; -EAGAIN: there is none, -ECONNRESET: the sender is gone. */
  receiveDescriptors(socket: number): number[] | number;
  /**
   * Ends this process, with what `describe` returns on stderr and status 125, when the calling thread's event loop does not turn for about `seconds`.
   * `describe` is called in the midst of what JavaScript does then.
   */
  startWatchdog(seconds: number, describe: () => string): void;
}

const require = createRequire(import.meta.url);
// src/ and dist/ are both one level below the package's root.
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Importing the package works on every machine: where there is no native part, the first use says why. */
function load(): Binding {
  let reason = `there is none for ${process.platform}, only for linux`;
  try {
    if (process.platform === 'linux') return require('node-gyp-build')(root);
  } catch (error) {
    reason = (error as Error).message;
  }
  const refuse = () => {
    throw new SandboxError('ERR_SBX_UNSUPPORTED', `@sbx/sandbox needs its native part: ${reason}`);
  };
  return new Proxy({} as Binding, { get: () => refuse });
}

export const binding: Binding = load();
