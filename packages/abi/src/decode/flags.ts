/** Flag words and enumerations as text. */

/** The names of the bits of a flag word, some of which may form a field with values of its own (the access mode of open). */
export interface FlagSet {
  /** Names of bits or of combinations, in the order in which they are printed; combinations come before their parts. */
  readonly bits: Readonly<Record<string, number>>;
  /** Fields: the values that the bits of `mask` may have. */
  readonly fields?: readonly { readonly mask: number; readonly values: Readonly<Record<string, number>> }[];
}

const high = (n: number): number => Math.floor(n / 2 ** 32) >>> 0;

/**
 * A flag word as C source. Bits without a name follow as a hexadecimal number; no bit at all is `'0'`, or the name that the set has for it.
 *
 * @param flags a non-negative number, or a negative one for a 32-bit word read as signed
 *
 * @example
 * import { flagSets, flagsToString } from '@sbx/abi';
 *
 * flagsToString(flagSets.openFlags('amd64'), 0o2000101); // 'O_WRONLY|O_CREAT|O_CLOEXEC'
 * flagsToString(flagSets.protFlags(), 0x103); // 'PROT_READ|PROT_WRITE|0x100'
 * flagsToString(flagSets.protFlags(), 0); // 'PROT_NONE'
 */
export function flagsToString(set: FlagSet, flags: number): string {
  let lo = flags >>> 0;
  let hi = flags < 0 ? 0 : high(flags);
  const names: string[] = [];
  for (const { mask, values } of set.fields ?? []) {
    const value = (lo & mask) >>> 0;
    const found = Object.entries(values).find(([, v]) => v === value);
    if (found) {
      names.push(found[0]);
      lo = (lo & ~mask) >>> 0;
    }
  }
  for (const [name, bits] of Object.entries(set.bits)) {
    const bitsLo = bits >>> 0;
    const bitsHi = high(bits);
    if (bits === 0 || (lo & bitsLo) >>> 0 !== bitsLo || (hi & bitsHi) >>> 0 !== bitsHi) continue;
    names.push(name);
    lo = (lo & ~bitsLo) >>> 0;
    hi = (hi & ~bitsHi) >>> 0;
  }
  if (lo !== 0 || hi !== 0) names.push(`0x${(hi * 2 ** 32 + lo).toString(16)}`);
  if (names.length > 0) return names.join('|');
  return Object.entries(set.bits).find(([, bits]) => bits === 0)?.[0] ?? '0';
}

/**
 * The name of a value of an enumeration, or the number itself, hexadecimal from 256.
 *
 * @example
 * import { enumToString, flagSets } from '@sbx/abi';
 *
 * enumToString(flagSets.clocks(), 1); // 'CLOCK_MONOTONIC'
 * enumToString(flagSets.clocks(), 99); // '99'
 */
export function enumToString(values: Readonly<Record<string, number>>, value: number): string {
  for (const [name, v] of Object.entries(values)) if (v === value) return name;
  return value >= 256 ? `0x${value.toString(16)}` : String(value);
}
