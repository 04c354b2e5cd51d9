import { hostArch, type SyscallName, syscallNumber } from '@sbx/abi';
import { binding } from './binding.js';

/** Size of the transfer buffer: paths, structures and directory entries; file contents go straight to application memory where there is one. */
export const HOST_BUFFER_SIZE = 256 * 1024;
const transfer = binding.hostBuffer(HOST_BUFFER_SIZE);

/** The transfer buffer: arguments and results of one host call at a time. It has a fixed address, {@link hostAddress}. */
export const hostBytes = new Uint8Array(transfer.buffer);
export const hostBuffer = Buffer.from(transfer.buffer);
export const hostView = new DataView(transfer.buffer);
export const hostWords = new Uint32Array(transfer.buffer);
/** Its address, for calls. */
export const hostAddress = transfer.address;

/*
 * Who uses which part:
 *
 *     0 first path | 8 KiB second path | 16 KiB struct stat, statx, statfs … | 20 KiB iovecs | 24 KiB msghdr, pollfd … | 32 KiB data to the end
 */
export const PATH_AT = 0;
export const PATH2_AT = 8192;
export const STRUCT_AT = 16384;
export const IOVEC_AT = 20480;
export const MISC_AT = 24576;
export const DATA_AT = 32768;
/** Bytes of the data part. */
export const DATA_SIZE = HOST_BUFFER_SIZE - DATA_AT;

/** The host's number of a system call (syscalls(2)). Throws an `Error` where the host's architecture has none of that name. */
export function hostNumber(name: SyscallName): number {
  const number = syscallNumber(hostArch, name);
  if (number === undefined) throw new Error(`the host has no system call ${name}`);
  return number;
}

/**
 * Makes a host system call by number: its result, or a negative errno. Blocks as the call does. What pointers among the arguments point to is the caller's
 * responsibility; for those there is the transfer buffer.
 *
 * @example
 * import { hostAddress, hostBytes, hostCall, hostNumber } from '@sbx/kernel';
 *
 * hostCall(hostNumber('getpid')) === process.pid; // true
 * hostCall(hostNumber('getcwd'), hostAddress, 4096) > 0; // true
 * Buffer.from(hostBytes.subarray(0, hostBytes.indexOf(0))).toString() === process.cwd(); // true
 * hostCall(hostNumber('close'), -1); // -9: -EBADF
 */
export const hostCall = binding.hostCall;
/** The same in the thread pool, for calls that may be slow. */
export const hostCallAsync = binding.hostCallAsync;

/** Puts a byte string with its terminating zero at `offset` of the transfer buffer and returns its address. It has at most PATH_MAX bytes. */
export function putPath(path: string, offset = PATH_AT): number {
  const { length } = path;
  if (length > 20) hostBuffer.write(path, offset, length, 'latin1');
  else for (let i = 0; i < length; i++) hostBytes[offset + i] = path.charCodeAt(i);
  hostBytes[offset + length] = 0;
  return hostAddress + offset;
}

/** Stores an integer within 0 to 2^53 as 64 bits at a multiple of 8 in the transfer buffer. @hotpath */
export function put64(offset: number, value: number): void {
  const word = offset >>> 2;
  const high = Math.floor(value / 2 ** 32);
  hostWords[word] = value - high * 2 ** 32;
  hostWords[word + 1] = high;
}
