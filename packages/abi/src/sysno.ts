/**
 * System-call tables: name to number and back, for each architecture.
 */
import { sysno as amd64 } from './arch/amd64/sysno.js';
import { sysno as arm64 } from './arch/arm64/sysno.js';
import type { Arch } from './host.js';

/** Every system call that one of the architectures has. */
export type SyscallName = keyof typeof amd64 | keyof typeof arm64;

/** Name to number. A name that an architecture lacks (`open` on arm64) is missing. */
export const syscallNumbers: Readonly<Record<Arch, Readonly<Partial<Record<SyscallName, number>>>>> = { amd64, arm64 };

const inverted: Partial<Record<Arch, readonly (SyscallName | undefined)[]>> = {};

/**
 * Names by number; numbers without a call are `undefined`. Made at the first use; shared, so not to be changed. See syscalls(2).
 *
 * @example
 * import { syscallName, syscallNames, syscallNumber } from '@sbx/abi';
 *
 * syscallNames('amd64')[0]; // 'read'
 * syscallName('arm64', 63); // 'read'
 * syscallNumber('amd64', 'openat'); // 257
 * syscallNumber('arm64', 'open'); // undefined: openat(2) does its work
 */
export function syscallNames(arch: Arch): readonly (SyscallName | undefined)[] {
  let names = inverted[arch];
  if (names === undefined) {
    const table = Object.entries(syscallNumbers[arch]) as [SyscallName, number][];
    const found: (SyscallName | undefined)[] = new Array(Math.max(...table.map(([, number]) => number)) + 1).fill(undefined);
    for (const [name, number] of table) found[number] = name;
    names = inverted[arch] = found;
  }
  return names;
}

/** The number of a call, or `undefined` where the architecture lacks it. */
export function syscallNumber(arch: Arch, name: SyscallName): number | undefined {
  return syscallNumbers[arch][name];
}

/** The name of a call, or `undefined` for a number that Linux 6.1 does not use. */
export function syscallName(arch: Arch, number: number): SyscallName | undefined {
  return syscallNames(arch)[number];
}
