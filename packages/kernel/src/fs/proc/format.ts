import type { Kernel } from '../../kernel.js';

/** RLIM_INFINITY and other 64-bit "no limit" values as text. */
export const UNLIMITED = '18446744073709551615';
const TICK = 1e7;
const KIB = 1024;

/** A 64-bit set of bits, given as halves, as 16 hexadecimal digits. */
export function hex64(low: number, high: number): string {
  return hex32(high) + hex32(low);
}
export function hex32(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
/** Nanoseconds as clock ticks of 10 ms (USER_HZ is 100). */
export function ticks(nanoseconds: number): number {
  return Math.floor(nanoseconds / TICK);
}
/** Nanoseconds since the sandbox began. */
export function uptime(kernel: Kernel): number {
  return Math.max(0, kernel.clock.monotonic() - kernel.startTime);
}
/** Nanoseconds as seconds with two decimals. */
export function seconds(nanoseconds: number): string {
  const hundredths = Math.floor(nanoseconds / TICK);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}`;
}
/** "Name:     1234 kB" with the colon in place: a line of meminfo and smaps. */
export function kilobytes(name: string, bytes: number, width = 24): string {
  const value = String(Math.floor(bytes / KIB));
  return `${name}:${value.padStart(width - name.length - 1)} kB\n`;
}

/** Numbers as a list of ranges: 0-3 for CPUs 0 to 3. */
export function firstN(count: number): string {
  return count === 1 ? '0' : `0-${count - 1}`;
}
/** The first `count` bits as a mask in groups of 32 bits. */
export function maskOf(count: number): string {
  const groups: string[] = [];
  for (let left = count; left > 0; left -= 32) {
    const bits = Math.min(left, 32);
    const word = bits === 32 ? 0xffffffff : 2 ** bits - 1;
    groups.unshift(word.toString(16).padStart(left > 32 || groups.length > 0 ? 8 : 0, '0'));
  }
  const top = count % 32 === 0 ? 32 : count % 32;
  groups[0] = (2 ** top - 1).toString(16);
  return groups.map((group, i) => (i === 0 ? group : group.padStart(8, '0'))).join(',');
}

/** A name with what would break a line escaped: newline and backslash, as \ooo. */
export function escapeName(name: string, characters = /[\n\\]/g): string {
  return name.replace(characters, (c) => (c === '\n' ? '\\n' : '\\\\'));
}
/** A path with newlines as octal escapes, as maps shows it. */
export function escapePath(path: string): string {
  return path.replace(/\n/g, '\\012');
}
