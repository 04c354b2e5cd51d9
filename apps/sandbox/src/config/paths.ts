import { realpathSync } from 'node:fs';
import path from 'node:path';

/** Whether `file` is `directory` or lies in it. Both absolute and without `..`. */
export function isWithin(file: string, directory: string): boolean {
  return file === directory || directory === '/' || file.startsWith(`${directory}/`);
}

/** Without symlinks, as far as the path exists. */
export function physicalPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    const parent = path.dirname(file);
    return parent === file ? file : path.join(physicalPath(parent), path.basename(file));
  }
}
