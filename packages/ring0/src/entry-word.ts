/** How 64-bit entries are moved, and how addresses are cut up. */

/** Pages in one root entry: 512 GiB. */
export const SPAN = 2 ** 27;
/** Bytes of each half of the linear address space. */
export const HALF = 2 ** 47;
/** Guest-physical addresses stay below this, which keeps bits 62:52 of every entry zero. */
export const MAX_PHYSICAL = 2 ** 52;
/** The level of the root table; leaves are at 1, 2 and 3. */
export const ROOT_LEVEL = 4;

const word = new Int32Array(2);
const double = new Float64Array(word.buffer);

/**
 * Stores a whole entry as one 64-bit word: a CPU sees the old entry or the new one. The word is moved as a double; bits 62:52 of our entries
 * are never set, so it is no NaN, whose other bits an engine may change. @hotpath
 */
export function store(f64: Float64Array, at: number, low: number, high: number): void {
  word[0] = low;
  word[1] = high;
  f64[at] = double[0]!;
}

/** The frame in an entry. @hotpath */
export function frameOf(low: number, high: number): number {
  return (high & 0xfffff) * 0x100000 + (low >>> 12);
}

/** Bits 51:32 of the entry that points to a frame. @hotpath */
export function frameHigh(frame: number): number {
  return Math.floor(frame / 0x100000);
}

/** Bits 11:0 of an address. ToInt32 is a true modulus of 2^32, so the low bits are exact for every address. @hotpath */
export function pageOffset(address: number): number {
  return address & 0xfff;
}

/** Whether a number is that of whole pages: no fraction, and not NaN, which bitwise operators take for whole numbers. @hotpath */
export function isWholePages(bytes: number): boolean {
  return pageOffset(bytes) === 0 && Math.floor(bytes) === bytes;
}

/** The number of an address's page in the whole space, 0 … 2^36-1: the upper half follows the lower. @hotpath */
export function pageNumber(address: number): number {
  return Math.floor((address < 0 ? address + 2 * HALF : address) / 4096);
}
