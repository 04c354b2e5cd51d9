import { syscallNumber, type SyscallName } from '@sbx/abi';
import { binding } from './binding.js';

/** Size of the transfer buffer: paths, structures and directory entries; file contents go straight to application memory. */
export const HOST_BUFFER_SIZE = 256 * 1024;
const transfer = binding.hostBuffer(HOST_BUFFER_SIZE);

/** The transfer buffer: arguments and results of one host call at a time. */
export const hostBytes = new Uint8Array(transfer.buffer);
export const hostView = new DataView(transfer.buffer);
/** Its address, for calls. */
export const hostAddress = transfer.address;

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** The host's number of a system call. */
export function hostNumber(name: SyscallName): number {
  const number = syscallNumber(arch, name);
  if (number === undefined) throw new Error(`the host has no system call ${name}`);
  return number;
}

/** Makes a host system call by number: its result, or a negative errno. Blocks as the call does. */
export const hostCall = binding.hostCall;
/** The same in the thread pool, for calls that may be slow. */
export const hostCallAsync = binding.hostCallAsync;

/** Puts a byte string with its terminating zero at `offset` of the transfer buffer and returns its address. */
export function putPath(path: string, offset = 0): number {
  for (let i = 0; i < path.length; i++) hostBytes[offset + i] = path.charCodeAt(i);
  hostBytes[offset + path.length] = 0;
  return hostAddress + offset;
}
