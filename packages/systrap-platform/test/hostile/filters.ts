/** What a seccomp filter allows, read from its BPF program (linux/filter.h, linux/seccomp.h) by following every path through it. */

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const INSTRUCTION_SIZE = 8;
const WORDS = 16;
const NR = 0;
const ARCH = 1;
const IP = 2;
const ARGUMENTS = 4;
const ARCH_X86_64 = 0xc000003e;

/** A bound of one 32-bit word of `struct seccomp_data`. */
interface Bound {
  min: number;
  max: number;
}

/** The values that an argument may have, both ends included. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

/** One system call that a filter allows. */
export interface Rule {
  readonly nr: number;
  /** The address after the only SYSCALL instruction that may make it. */
  readonly ip: bigint;
  readonly args: readonly Range[];
}

export const ANY: Range = { min: 0n, max: 2n ** 64n - 1n };

/** Reads the program of a `struct sock_fprog` at `address` of a text that begins at `base`. */
export function readProgram(text: Buffer, base: bigint, address: bigint): Buffer {
  const at = Number(address - base);
  const length = text.readUInt16LE(at) * INSTRUCTION_SIZE;
  const start = Number(text.readBigUInt64LE(at + 8) - base);
  return text.subarray(start, start + length);
}

/** Where a text has a `struct sock_fprog` whose program is in the text. */
export function findPrograms(text: Buffer, base: bigint): bigint[] {
  const found: bigint[] = [];
  for (let at = 0; at + 16 <= text.length; at += 8) {
    const length = BigInt(text.readUInt16LE(at));
    const start = text.readBigUInt64LE(at + 8) - base;
    const end = start + length * BigInt(INSTRUCTION_SIZE);
    if (length === 0n || text.readUIntLE(at + 2, 6) !== 0 || start < 0n || end > BigInt(text.length)) continue;
    if (text.readUInt16LE(Number(start)) === LOAD && text.readUInt32LE(Number(start) + 4) === 4 * ARCH) found.push(base + BigInt(at));
  }
  return found;
}

/** What the program allows; an instruction that is not known throws. Paths that need a word to differ from a value count as if it need not: never too little. */
export function allowed(program: Buffer): Rule[] {
  const rules: Rule[] = [];
  const follow = (pc: number, word: number, bounds: Bound[]): void => {
    const at = pc * INSTRUCTION_SIZE;
    const code = program.readUInt16LE(at);
    const k = program.readUInt32LE(at + 4);
    if (code === RETURN) {
      if (k === ALLOW) rules.push(toRule(bounds));
      return;
    }
    if (code === LOAD) {
      if (k % 4 !== 0 || k / 4 >= WORDS) throw new Error(`load of ${k}`);
      follow(pc + 1, k / 4, bounds);
      return;
    }
    if (code !== JUMP_EQUAL && code !== JUMP_AT_LEAST) throw new Error(`BPF instruction ${code}`);
    const { min, max } = bounds[word]!;
    const branch = (offset: number, bound: Bound) => {
      if (bound.min <= bound.max) follow(pc + 1 + offset, word, bounds.with(word, bound));
    };
    branch(program[at + 2]!, { min: Math.max(min, k), max: code === JUMP_EQUAL ? Math.min(max, k) : max });
    if (code === JUMP_AT_LEAST) branch(program[at + 3]!, { min, max: Math.min(max, k - 1) });
    else if (min !== k || max !== k) branch(program[at + 3]!, { min, max });
  };
  follow(
    0,
    0,
    Array.from({ length: WORDS }, () => ({ min: 0, max: 0xffffffff })),
  );
  return rules;
}

function toRule(bounds: Bound[]): Rule {
  const [nr, arch, ip] = [bounds[NR]!, bounds[ARCH]!, range(bounds, IP)];
  if (nr.min !== nr.max || arch.min !== ARCH_X86_64 || arch.max !== ARCH_X86_64 || ip.min !== ip.max) {
    throw new Error(`a system call is allowed without regard to its number, architecture or place: ${JSON.stringify(bounds)}`);
  }
  return { nr: nr.min, ip: ip.min, args: Array.from({ length: 6 }, (_, i) => range(bounds, ARGUMENTS + 2 * i)) };
}

function range(bounds: Bound[], word: number): Range {
  const [low, high] = [bounds[word]!, bounds[word + 1]!];
  const shifted = { min: BigInt(high.min) << 32n, max: BigInt(high.max) << 32n };
  // Only where the high half is one value do the bounds of the low half bound the whole.
  if (shifted.min !== shifted.max) return { min: shifted.min, max: shifted.max | 0xffffffffn };
  return { min: shifted.min | BigInt(low.min), max: shifted.max | BigInt(low.max) };
}

/** What both filters allow: a system call passes only if every filter of the thread lets it. */
export function both(some: readonly Rule[], others: readonly Rule[]): Rule[] {
  return some.flatMap((a) =>
    others
      .filter((b) => a.nr === b.nr && a.ip === b.ip)
      .map((b) => ({ ...a, args: a.args.map((range, i) => intersection(range, b.args[i]!)) }))
      .filter(({ args }) => args.every(({ min, max }) => min <= max)),
  );
}

function intersection(a: Range, b: Range): Range {
  return { min: a.min > b.min ? a.min : b.min, max: a.max < b.max ? a.max : b.max };
}

/** How the README writes it: arguments after the last that is checked are left out. */
export function describe({ nr, args }: Rule, text: Range, names: Readonly<Record<number, string>>): string {
  const words = args.map((range) => describeRange(range, text));
  while (words.at(-1) === 'any') words.pop();
  return `${names[nr] ?? nr}(${words.join(', ')})`;
}

function describeRange({ min, max }: Range, text: Range): string {
  const number = (value: bigint) => (value < 4096n ? `${value}` : `0x${value.toString(16)}`);
  if (min === ANY.min && max === ANY.max) return 'any';
  if (min >= text.min && max <= text.max) return min === max ? 'a constant' : 'a table';
  if (min === max) return number(min);
  return min === 0n ? `up to ${number(max)}` : `${number(min)} to ${number(max)}`;
}
