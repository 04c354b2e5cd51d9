import { readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { SentryError } from '../sentry/sentry-error.js';
import { decodeBytes, isLossy, toByteString } from './byte-string.js';

/** Whether `file` is `directory` or lies in it. Both absolute and without `..`. */
export function isWithin(file: string, directory: string): boolean {
  return file === directory || directory === '/' || file.startsWith(`${directory}/`);
}

/** A path of the host as node:fs wants it: bytes where it is no UTF-8. */
export function hostPath(file: string): string | Buffer {
  return /[\udc80-\udcff]/u.test(file) ? Buffer.from(toByteString(file), 'latin1') : file;
}

/** This process's working directory. Throws a `SentryError` where it is gone. */
export function currentDirectory(): string {
  try {
    const directory = process.cwd();
    return isLossy(directory) ? decodeBytes(readlinkSync('/proc/self/cwd', 'buffer')) : directory;
  } catch {
    throw new SentryError('ERR_SBX_MOUNT', 'the working directory does not exist any more: cd to another');
  }
}

/** Without symlinks, as far as the path exists. */
export function physicalPath(file: string): string {
  try {
    const name = hostPath(file);
    if (typeof name === 'string') {
      const real = realpathSync(name);
      if (!isLossy(real)) return real;
    }
    // Only the native variant takes and gives bytes.
    return decodeBytes(realpathSync.native(name, 'buffer'));
  } catch {
    const parent = path.dirname(file);
    return parent === file ? file : path.join(physicalPath(parent), path.basename(file));
  }
}
