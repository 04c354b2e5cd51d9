import { hostAddress, hostBytes, hostCall, hostNumber } from '@sbx/kernel';

const SYS_GETRANDOM = hostNumber('getrandom');
/** Never interrupted, and never short, up to this (getrandom(2)). */
const PIECE = 256;

/** Fills `bytes` from the host's random source. (Node's crypto takes longer to load than the rest of the start.) */
export function fillRandomly(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const length = Math.min(PIECE, bytes.length - at);
    if (hostCall(SYS_GETRANDOM, hostAddress, length, 0) !== length) throw new Error('the host has no random numbers');
    bytes.set(hostBytes.subarray(0, length), at);
  }
  hostBytes.fill(0, 0, PIECE);
}
