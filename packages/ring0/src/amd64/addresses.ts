/**
 * Linear addresses of amd64.
 *
 * An address is a JavaScript number that holds the *sign-extended* 64-bit value: the lower half is 0 … 2^47-1, the upper half is negative,
 * -2^47 … -1 (0xffffffff80000000 is -0x80000000). So every canonical address is exact below 2^53, order and differences are those of the
 * hardware inside a half, and the two 32-bit words that native code wants come from {@link lowWord} and {@link highWord}.
 */

/** Bytes of the smallest page. */
export const PAGE_SIZE = 4096;
/** Bytes of a page that a page-directory entry maps. */
export const HUGE_PAGE_SIZE_2M = 0x200000;
/** Bytes of a page that a page-directory-pointer entry maps. */
export const HUGE_PAGE_SIZE_1G = 0x40000000;

/** Linear-address bits that four levels of tables translate; a host that reports more (57, LA57) is used with this many. */
export const MAX_VIRTUAL_BITS = 48;
/** Where the supervisor-only alias of the kernel area starts: 0xffffffff80000000, which a sign-extended 32-bit displacement reaches. */
export const KERNEL_AREA_ADDRESS = -0x80000000;

/** The bounds of the address space of one CPU model. All fields are immutable. */
export interface AddressLimits {
  /** Linear-address bits in use, at most {@link MAX_VIRTUAL_BITS}. */
  readonly virtualBits: number;
  /** Physical-address bits of the CPU. */
  readonly physicalBits: number;
  /** Bytes of the lower half: `2 ** (virtualBits - 1)`. */
  readonly userspaceSize: number;
  /** Start of the last page of the lower half. */
  readonly maximumUserAddress: number;
  /** First address of the upper half, as a sign-extended (negative) number. */
  readonly kernelStartAddress: number;
}

/**
 * Decodes EAX of CPUID leaf 0x80000008: bits 7:0 physical, bits 15:8 linear address bits (SDM Vol. 2A, CPUID).
 *
 * @param eax the register's value; 0 where the leaf does not exist, which means 36 and 48 bits.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const limits = amd64.addressLimits(0x3027);
 * limits.physicalBits; // 39
 * limits.userspaceSize; // 0x800000000000
 * limits.maximumUserAddress; // 0x7ffffffff000
 */
export function addressLimits(eax: number): AddressLimits {
  const physicalBits = eax & 0xff || 36;
  const virtualBits = Math.min((eax >>> 8) & 0xff || MAX_VIRTUAL_BITS, MAX_VIRTUAL_BITS);
  const userspaceSize = 2 ** (virtualBits - 1);
  return { virtualBits, physicalBits, userspaceSize, maximumUserAddress: userspaceSize - PAGE_SIZE, kernelStartAddress: -userspaceSize };
}

/** Whether a sign-extended address is canonical: bits 63 … virtualBits-1 are equal. @hotpath */
export function isCanonical(address: number, virtualBits: number = MAX_VIRTUAL_BITS): boolean {
  const half = 2 ** (virtualBits - 1);
  return address >= -half && address < half;
}

/** Whether a register's value, of which `high` is bits 63:32, is a canonical address of 48 bits. @hotpath */
export function isCanonicalHigh(high: number): boolean {
  const top = (high | 0) >> 15;
  return top === 0 || top === -1;
}

/** Bits 31:0 of an address, 0 … 2^32-1. ToUint32 is a true modulus, so this is exact for negative addresses and above 2^32. @hotpath */
export function lowWord(address: number): number {
  return address >>> 0;
}

/** Bits 63:32 of an address, 0 … 2^32-1. @hotpath */
export function highWord(address: number): number {
  return Math.floor(address / 0x100000000) >>> 0;
}

/**
 * The sign-extended address of two 32-bit words; exact where the value is canonical, NaN where it is not (never a rounded number).
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * amd64.addressOf(0x80000000, 0xffffffff) === amd64.KERNEL_AREA_ADDRESS; // true
 * amd64.highWord(-0x80000000); // 0xffffffff
 * amd64.lowWord(0x7fff00001000); // 0x1000
 * amd64.isCanonical(0x800000000000); // false
 * Number.isNaN(amd64.addressOf(0, 0x8000)); // true
 */
export function addressOf(low: number, high: number): number {
  return isCanonicalHigh(high) ? (high | 0) * 0x100000000 + (low >>> 0) : Number.NaN;
}
