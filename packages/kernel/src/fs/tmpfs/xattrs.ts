import { EEXIST, ENODATA, ENOSPC, EOPNOTSUPP, XATTR_CREATE, XATTR_REPLACE } from '@sbx/abi';

/** What pays for attributes: bytes that count against the file system's size. */
export interface XattrBudget {
  /** Reserves (or, negative, gives back) bytes: 0 or -ENOSPC. */
  chargeMetadata(bytes: number): number;
}

/** Bookkeeping of one attribute besides name and value. */
const OVERHEAD = 64;

/** Extended attributes kept in memory. Names are full ("user.x"). */
export class Xattrs {
  readonly #values = new Map<string, Uint8Array>();

  constructor(private readonly budget: XattrBudget) {}

  get(name: string): Uint8Array | number {
    return this.#values.get(name) ?? (isSupported(name) ? -ENODATA : -EOPNOTSUPP);
  }
  set(name: string, value: Uint8Array, flags: number): number {
    if (!isSupported(name)) return -EOPNOTSUPP;
    const old = this.#values.get(name);
    if ((flags & XATTR_CREATE) !== 0 && old !== undefined) return -EEXIST;
    if ((flags & XATTR_REPLACE) !== 0 && old === undefined) return -ENODATA;
    const before = old === undefined ? 0 : name.length + old.length + OVERHEAD;
    if (this.budget.chargeMetadata(name.length + value.length + OVERHEAD - before) < 0) return -ENOSPC;
    this.#values.set(name, value);
    return 0;
  }
  remove(name: string): number {
    if (!isSupported(name)) return -EOPNOTSUPP;
    const old = this.#values.get(name);
    if (old === undefined) return -ENODATA;
    this.#values.delete(name);
    this.budget.chargeMetadata(-(name.length + old.length + OVERHEAD));
    return 0;
  }
  names(): string[] {
    return [...this.#values.keys()];
  }
  /** The inode goes. */
  clear(): void {
    for (const name of this.names()) this.remove(name);
  }
}

/** "user.", "trusted." and "security." names. (POSIX ACLs, "system.", are not supported.) */
export function isSupported(name: string): boolean {
  return name.startsWith('user.') || name.startsWith('trusted.') || name.startsWith('security.');
}
