/**
 * Device numbers in the encoding that `struct stat` and mknod(2) use (32 bits: 12 of major, 20 of minor): minor[7:0], major[11:0] << 8, minor[19:8] << 20.
 */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
export function deviceMajor(device: number): number {
  return (device >>> 8) & 0xfff;
}
export function deviceMinor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
