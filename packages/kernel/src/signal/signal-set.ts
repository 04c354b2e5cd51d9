/** Sets of signals as lo/hi pairs of 32 bits: bit `signo - 1`. */

/** The bit of `signo` in the low half, or 0. */
export function lowBit(signo: number): number {
  return signo <= 32 ? (1 << (signo - 1)) >>> 0 : 0;
}
/** The bit of `signo` in the high half, or 0. */
export function highBit(signo: number): number {
  return signo > 32 ? (1 << (signo - 33)) >>> 0 : 0;
}
/** The lowest signal number of the set, or 0 when it is empty. */
export function lowestSignal(low: number, high: number): number {
  if (low !== 0) return 32 - Math.clz32(low & -low);
  if (high !== 0) return 64 - Math.clz32(high & -high);
  return 0;
}
