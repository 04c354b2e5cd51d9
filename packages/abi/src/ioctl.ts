/**
 * Encoding of ioctl request numbers: `asm-generic/ioctl.h`. From the highest bit: direction (2), size of the argument (14),
 * type (8), number (8). Directions are as the caller sees them: `IOC_READ` means that the kernel writes to the argument.
 */

export const IOC_NONE = 0;
export const IOC_WRITE = 1;
export const IOC_READ = 2;

export const IOC_NRBITS = 8;
export const IOC_TYPEBITS = 8;
export const IOC_SIZEBITS = 14;
export const IOC_DIRBITS = 2;

/**
 * Encodes a request (ioctl(2)); `type` is a number or a one-character string, `size` is bytes, at most 16383. The result is a positive number.
 *
 * @example
 * import { FICLONE, IOC_SIZE, IOC_TYPE, IOW, IOWR } from '@sbx/abi';
 *
 * IOW(0x94, 9, 4) === FICLONE; // true
 * IOC_SIZE(IOWR('X', 120, 4)); // 4
 * String.fromCharCode(IOC_TYPE(IOWR('X', 120, 4))); // 'X'
 */
export function IOC(dir: number, type: number | string, nr: number, size: number): number {
  const t = typeof type === 'string' ? type.charCodeAt(0) : type;
  return (((dir & 3) << 30) | ((size & 0x3fff) << 16) | ((t & 0xff) << 8) | (nr & 0xff)) >>> 0;
}

/** A request without an argument in memory. */
export const IO = (type: number | string, nr: number): number => IOC(IOC_NONE, type, nr, 0);
/** A request that returns `size` bytes. */
export const IOR = (type: number | string, nr: number, size: number): number => IOC(IOC_READ, type, nr, size);
/** A request that takes `size` bytes. */
export const IOW = (type: number | string, nr: number, size: number): number => IOC(IOC_WRITE, type, nr, size);
/** A request that takes and returns `size` bytes. */
export const IOWR = (type: number | string, nr: number, size: number): number => IOC(IOC_READ | IOC_WRITE, type, nr, size);

/** Direction of an encoded request: a combination of {@link IOC_READ} and {@link IOC_WRITE}. */
export const IOC_DIR = (request: number): number => (request >>> 30) & 3;
/** Type byte of an encoded request. */
export const IOC_TYPE = (request: number): number => (request >>> 8) & 0xff;
/** Number of an encoded request within its type. */
export const IOC_NR = (request: number): number => request & 0xff;
/** Bytes of the argument of an encoded request. */
export const IOC_SIZE = (request: number): number => (request >>> 16) & 0x3fff;
