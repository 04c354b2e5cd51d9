/** The kinds of scalar and string arguments. */
import { AT_FDCWD } from '../fcntl.js';
import { signalName } from '../signal-name.js';
import { type Call, type Kind, STRING_LIMIT } from './call.js';
import { enumToString, type FlagSet, flagsToString } from './flags.js';
import { address, quote } from './text.js';

export const int: Kind = (c, i) => String(c.i32(i));
export const uint: Kind = (c, i) => String(c.u32(i));
export const long: Kind = (c, i) => String(c.i64(i));
export const size: Kind = (c, i) => String(c.u64(i));
export const hex: Kind = (c, i) => (c.hex(i) === 'NULL' ? '0' : c.hex(i));
export const addr: Kind = (c, i) => c.hex(i);
export const fd: Kind = int;
export const pid: Kind = int;
/** A user or group id: -1 means "leave it". */
export const id: Kind = (c, i) => (c.u32(i) === 0xffffffff ? '-1' : uint(c, i));
/** A directory descriptor of the *at family. */
export const dirfd: Kind = (c, i) => (c.i32(i) === AT_FDCWD ? 'AT_FDCWD' : int(c, i));
export const mode: Kind = (c, i) => `0${c.u32(i).toString(8)}`;
export const signalText = (signo: number): string => signalName(signo) ?? String(signo);
export const signal: Kind = (c, i) => signalText(c.i32(i));

/** A NUL-terminated string that is printed whole: a path. */
export const path: Kind = (c, i) => {
  const s = c.cstring(c.u64(i));
  return s ? quote(s) : c.hex(i);
};
/** Any other NUL-terminated string, cut when long. */
export const string: Kind = (c, i) => {
  const s = c.cstring(c.u64(i), STRING_LIMIT + 1);
  return s ? quote(s, Math.min(s.length, STRING_LIMIT), s.length > STRING_LIMIT) : c.hex(i);
};

function buffer(c: Call, at: number, length: number, otherwise: string): string {
  if (length === 0) return '""';
  const bytes = c.bytes(at, Math.min(length, STRING_LIMIT));
  return bytes ? quote(bytes, bytes.length, length > STRING_LIMIT) : otherwise;
}
/** Bytes that the caller passes; their number is argument `length`. */
export const bytesIn =
  (length: number): Kind =>
  (c, i) =>
    buffer(c, c.u64(i), c.u64(length), c.hex(i));
/** Bytes that the kernel returns; the call's result is their number. */
export const bytesOut: Kind = (c, i) => (c.succeeded ? buffer(c, c.u64(i), c.result!, c.hex(i)) : c.hex(i));
/** A NUL-terminated string that the kernel returns. */
export const stringOut: Kind = (c, i) => (c.succeeded ? path(c, i) : c.hex(i));

/** A flag word of 32 bits. */
export const flags =
  (set: () => FlagSet): Kind =>
  (c, i) =>
    flagsToString(set(), c.u32(i));
/** A flag word of 64 bits. */
export const flags64 =
  (set: () => FlagSet): Kind =>
  (c, i) =>
    flagsToString(set(), c.u64(i));
/** A flag word that differs between architectures. */
export const archFlags =
  (set: (arch: Call['arch']) => FlagSet): Kind =>
  (c, i) =>
    flagsToString(set(c.arch), c.u32(i));
/** One of a set of values. */
export const one =
  (values: () => Readonly<Record<string, number>>): Kind =>
  (c, i) =>
    enumToString(values(), c.i32(i));

/** A null-terminated array of strings (argv). */
export const strings: Kind = (c, i) => {
  const words = c.bytes(c.u64(i), 8 * (STRING_LIMIT + 1));
  if (!words) return c.hex(i);
  const view = new DataView(words.buffer, words.byteOffset, words.length);
  const out: string[] = [];
  for (let at = 0; at + 8 <= view.byteLength; at += 8) {
    const pointer = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    if (pointer === 0) return `[${out.join(', ')}]`;
    const s = c.cstring(pointer, STRING_LIMIT + 1);
    out.push(s ? quote(s, Math.min(s.length, STRING_LIMIT), s.length > STRING_LIMIT) : address(pointer));
  }
  return `[${out.join(', ')}, ...]`;
};
/** envp: only how many there are. */
export const environment: Kind = (c, i) => {
  const start = c.u64(i);
  for (let n = 0; n < 4096; n++) {
    const word = c.bytes(start + 8 * n, 8);
    if (word?.length !== 8) return c.hex(i);
    if (word.every((b) => b === 0)) return `${c.hex(i)} /* ${n} var${n === 1 ? '' : 's'} */`;
  }
  return c.hex(i);
};
/** A signal set of which the size is argument `sizeIndex`, or 8. */
export const sigset: Kind = (c, i) => {
  const bytes = c.bytes(c.u64(i), 8);
  return bytes?.length === 8 ? sigsetText(bytes) : c.hex(i);
};
export const sigsetOut: Kind = (c, i) => (c.succeeded ? sigset(c, i) : c.hex(i));

/** A signal set as strace prints it: `[INT TERM]`, and `~[…]` when more than half of the signals are in it. */
export function sigsetText(bytes: ArrayLike<number>): string {
  const inside: string[] = [];
  const outside: string[] = [];
  for (let signo = 1; signo <= 64; signo++) {
    const name = signalName(signo)!.slice(3);
    const there = ((bytes[(signo - 1) >> 3]! >> ((signo - 1) & 7)) & 1) !== 0;
    (there ? inside : outside).push(name);
  }
  return inside.length > 32 ? `~[${outside.join(' ')}]` : `[${inside.join(' ')}]`;
}
/** An `int` that the kernel returns. */
export const intOut: Kind = (c, i) => {
  const bytes = c.succeeded ? c.bytes(c.u64(i), 4) : undefined;
  return bytes?.length === 4 ? `[${new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)}]` : c.hex(i);
};
/** Two descriptors that the kernel returns. */
export const fdsOut: Kind = (c, i) => {
  const bytes = c.succeeded ? c.bytes(c.u64(i), 8) : undefined;
  if (bytes?.length !== 8) return c.hex(i);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return `[${view.getInt32(0, true)}, ${view.getInt32(4, true)}]`;
};
