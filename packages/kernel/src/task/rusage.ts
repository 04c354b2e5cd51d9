/** Size of `struct rusage` (getrusage(2)). */
export const RUSAGE_SIZE = 144;
const NANOSECONDS = 1e9;

/** Writes a `struct rusage`: times in nanoseconds, the peak resident set in KiB, context switches. */
export function encodeRusage(
  bytes: Uint8Array,
  userTime: number,
  systemTime: number,
  maxRss: number,
  voluntary: number,
  involuntary: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, RUSAGE_SIZE);
  bytes.fill(0, 0, RUSAGE_SIZE);
  putTime(view, 0, userTime);
  putTime(view, 16, systemTime);
  put64(view, 32, maxRss);
  put64(view, 128, voluntary);
  put64(view, 136, involuntary);
}

function putTime(view: DataView, offset: number, time: number): void {
  put64(view, offset, Math.floor(time / NANOSECONDS));
  put64(view, offset + 8, Math.floor((time % NANOSECONDS) / 1000));
}
function put64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}
