/** System calls as text, the way strace(1) prints them. */
import type { GuestMemory } from '../codec/guest-memory.js';
import { errnoMessage, errnoName } from '../errno.js';
import type { Arch } from '../host.js';
import { type SyscallName, syscallName } from '../sysno.js';
import { Call } from './call.js';
import { addr } from './kinds.js';
import { signatureOf } from './signatures.js';

/** What {@link decodeSyscall} may use. */
export interface DecodeOptions {
  /** Memory that pointers point to; without it they are printed as addresses. */
  readonly memory?: GuestMemory;
  /** Result of the call, if it has returned: then what it wrote to memory is printed too. */
  readonly result?: number;
}

/**
 * A system call as C source: `openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC)`. Never fails, whatever the arguments are.
 *
 * @param call its name, or its number
 * @param args the six argument registers as twelve 32-bit halves, the low half of each first
 *
 * @example
 * import { argumentWords, decodeSyscall } from '@sbx/abi';
 *
 * decodeSyscall('amd64', 'mmap', argumentWords(0, 8192, 3, 0x22, -1, 0)); // 'mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)'
 * decodeSyscall('arm64', 57, argumentWords(3)); // 'close(3)'
 */
export function decodeSyscall(arch: Arch, call: SyscallName | number, args: ArrayLike<number>, options: DecodeOptions = {}): string {
  const name = typeof call === 'number' ? syscallName(arch, call) : call;
  const c = new Call(arch, args, options.memory, options.result);
  const signature = name === undefined ? undefined : signatureOf(name);
  const kinds = typeof signature === 'function' ? signature(c) : (signature ?? [addr, addr, addr, addr, addr, addr]);
  return `${name ?? `syscall_${call}`}(${kinds.map((kind, i) => kind(c, i)).join(', ')})`;
}

/** Calls whose result is an address. */
const addresses: ReadonlySet<string> = new Set(['brk', 'mmap', 'mremap', 'shmat']);

/**
 * A result as strace prints it: `3`, `0x7f0000000000`, `-1 ENOENT (No such file or directory)`, `? ERESTARTSYS (…)`.
 *
 * @example
 * import { resultToString } from '@sbx/abi';
 *
 * resultToString('read', 512); // '512'
 * resultToString('mmap', 0x7f0000000000); // '0x7f0000000000'
 * resultToString('read', -9); // '-1 EBADF (Bad file descriptor)'
 */
export function resultToString(name: string, result: number): string {
  if (result >= 0) return addresses.has(name) ? `0x${result.toString(16)}` : String(result);
  const error = errnoName(result);
  if (error === undefined) return String(result);
  return `${result <= -512 ? '?' : '-1'} ${error} (${errnoMessage(result)})`;
}

/**
 * A call that has returned, with its result: `close(3) = 0`.
 *
 * @example
 * import { argumentWords, traceLine } from '@sbx/abi';
 *
 * traceLine('amd64', 'close', argumentWords(3), 0); // 'close(3) = 0'
 */
export function traceLine(arch: Arch, call: SyscallName | number, args: ArrayLike<number>, result: number, memory?: GuestMemory): string {
  const name = typeof call === 'number' ? (syscallName(arch, call) ?? '') : call;
  return `${decodeSyscall(arch, call, args, memory ? { memory, result } : { result })} = ${resultToString(name, result)}`;
}

/** Twelve halves from numbers, for tests and for callers that have numbers: negative ones are sign-extended. */
export function argumentWords(...args: readonly number[]): Uint32Array {
  const words = new Uint32Array(12);
  args.forEach((n, i) => {
    words[2 * i] = n >>> 0;
    words[2 * i + 1] = Math.floor(n / 2 ** 32);
  });
  return words;
}
