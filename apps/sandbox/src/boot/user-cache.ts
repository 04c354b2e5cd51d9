import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** Old code of other versions is deleted after this time, in milliseconds. */
const KEEP = 14 * 86_400_000;

/**
 * What is kept on disk for this user: V8's compiled code of the bundles, and which platform was the fastest. The code runs outside of the sandbox, so it is made
 * before anything that is not trusted runs, and read only from files that nobody else can have written.
 */
export class UserCache {
  constructor(readonly folder: string) {}

  /** The cache of the calling user: `$XDG_CACHE_HOME/sbx/code`, or null where there is no place for one. */
  static ofUser(env: NodeJS.ProcessEnv): UserCache | null {
    const base = env.XDG_CACHE_HOME || (env.HOME ? `${env.HOME}/.cache` : '');
    return path.isAbsolute(base) ? new UserCache(`${base}/sbx/code`) : null;
  }

  /** The entry's bytes, or undefined. */
  read(entry: string): Buffer | undefined {
    let fd: number;
    try {
      fd = openSync(`${this.folder}/${entry}`, 'r');
    } catch {
      return undefined;
    }
    try {
      const { uid, mode, size } = fstatSync(fd);
      if (uid !== process.geteuid!() || (mode & 0o022) !== 0 || size === 0) return undefined;
      // Not from the pool: V8 wants its alignment.
      const bytes = Buffer.allocUnsafeSlow(size);
      return readSync(fd, bytes, 0, size, 0) === size ? bytes : undefined;
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Whether entries can be kept. Makes the folder. */
  get isWritable(): boolean {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      accessSync(this.folder, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  /** Keeps the entry, in one step; silently not where the folder can't be written. */
  write(entry: string, bytes: Uint8Array): void {
    if (!this.isWritable) return;
    const scratch = `${this.folder}/.${entry}.${process.pid}`;
    try {
      writeFileSync(scratch, bytes, { mode: 0o600, flag: 'wx' });
      renameSync(scratch, `${this.folder}/${entry}`);
      this.#deleteOld();
    } catch {
      try {
        unlinkSync(scratch);
      } catch {}
    }
  }

  #deleteOld(): void {
    const limit = Date.now() - KEEP;
    for (const name of readdirSync(this.folder)) {
      const file = `${this.folder}/${name}`;
      if (statSync(file).mtimeMs < limit) unlinkSync(file);
    }
  }
}
