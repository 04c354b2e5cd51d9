import {
  EACCES,
  ELOOP,
  ENOENT,
  ENOTDIR,
  EXDEV,
  MS_NOSYMFOLLOW,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '@sbx/abi';
import type { Dentry, DentryCache } from './dentry.js';
import type { Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
import type { MountNamespace } from './mount-namespace.js';
import { MAY_EXEC } from './permission.js';

/** Walk flag: follow a symlink in the last component. The RESOLVE_* bits of openat2(2) are walk flags too. */
export const WALK_FOLLOW = 0x100;
/** The result must be a directory (ENOTDIR). */
export const WALK_DIRECTORY = 0x200;

/** What the last component of a path is. */
export const LAST_NORMAL = 0;
/** "/" alone: the walk is at the root. */
export const LAST_ROOT = 1;
export const LAST_DOT = 2;
export const LAST_DOTDOT = 3;
export type LastKind = 0 | 1 | 2 | 3;

/** Most symlinks that one walk follows. */
const MAX_LINKS = 40;
const SLASH = 47;
const DOT = 46;

/** `#step`: the component is a symlink, in `#link`, and was not followed. */
const IS_LINK = 1;

/**
 * Resolves paths (path_resolution(7), Linux's fs/namei.c in behaviour). One object, reused: the fields are the walk's state and, at the end, its result.
 * Not reentrant, and file systems never walk from inside an operation.
 *
 * Use: `start(…)`, then `lookup(…)` for an existing object, or `parent(…)` for the directory of a name that is to be made, removed or opened.
 */
export class PathWalk {
  /** Where the walk is: its result after `lookup`, the directory after `parent`. */
  mount!: Mount;
  dentry!: Dentry;
  /** How many walks there were: what was seen in the current one need not be asked for again. */
  walks = 0;
  /** After `parent`: the last component, its kind, and whether slashes follow it. */
  last = '';
  lastKind: LastKind = LAST_NORMAL;
  trailingSlash = false;
  /** After `stepLast` gave a symlink: it and where it is. */
  linkDentry: Dentry | null = null;

  #rootMount!: Mount;
  #rootDentry!: Dentry;
  #startMount!: Mount;
  #startDentry!: Dentry;
  #flags = 0;
  #links = 0;
  /** Paths whose rest is still to be walked after the current one (nested symlinks). */
  #texts: string[] = [];
  #positions: number[] = [];
  #depth = 0;

  constructor(
    private readonly cache: DentryCache,
    private readonly namespace: MountNamespace,
  ) {}

  /** Says where relative paths begin. `caller.fs.root` bounds the walk. @hotpath */
  start(mount: Mount, dentry: Dentry): this {
    this.#startMount = mount;
    this.#startDentry = dentry;
    return this;
  }

  /**
   * Walks to the object that `path` names; 0 (`mount`, `dentry`), or -errno. An empty path is the start itself: callers without AT_EMPTY_PATH refuse it
   * before (ENOENT).
   * @hotpath
   */
  lookup(caller: Caller, path: string, flags: number): number {
    let result = this.#begin(caller, path, flags);
    if (result < 0) return result;
    if (path.length === 0) return 0;
    let text = path;
    for (;;) {
      result = this.#walkParent(caller, text);
      if (result < 0) return result;
      const follow = (flags & WALK_FOLLOW) !== 0 || this.trailingSlash;
      result = this.stepLast(caller);
      if (result < 0) return result;
      if (result === IS_LINK && follow) {
        const target = this.followLast(caller);
        if (typeof target === 'number') {
          if (target < 0) return target;
          break;
        }
        text = target;
        continue;
      }
      if (result === IS_LINK) this.dentry = this.linkDentry!;
      break;
    }
    if ((this.trailingSlash || (flags & WALK_DIRECTORY) !== 0) && !isDirectory(this.dentry)) return -ENOTDIR;
    return this.finish();
  }

  /**
   * Walks to the directory that holds the last component of `path`: 0 (`mount`, `dentry`, `last`, `lastKind`, `trailingSlash`), or -errno.
   * An empty path is -ENOENT.
   */
  parent(caller: Caller, path: string, flags: number): number {
    const result = this.#begin(caller, path, flags);
    if (result < 0) return result;
    if (path.length === 0) return -ENOENT;
    return this.#walkParent(caller, path);
  }

  /** After `parent` and `followLast`: walks on with a symlink's text, from the directory that holds the symlink. */
  again(caller: Caller, target: string): number {
    return this.#walkParent(caller, target);
  }

  /**
   * After `parent`: goes to the last component. 0: `mount`, `dentry` are there; 1: it is a symlink, in `linkDentry`, and the walk is still in its directory;
   * or -errno (-ENOENT …).
   * @hotpath
   */
  stepLast(caller: Caller): number {
    if (this.lastKind === LAST_NORMAL) return this.#step(caller, this.last);
    if (this.lastKind === LAST_DOTDOT) return this.#dotDot();
    return 0;
  }

  /** Follows the symlink of `stepLast`: its text, which `again` walks; 0 when it was a magic link and the walk is at its target; or -errno. */
  followLast(caller: Caller): string | number {
    return this.#follow(caller, true);
  }

  /** The last check of RESOLVE_BENEATH and RESOLVE_IN_ROOT: the result is below the start. 0 or -EXDEV. @hotpath */
  finish(): number {
    if ((this.#flags & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0 && !this.#isBelowRoot()) return -EXDEV;
    return 0;
  }

  #begin(caller: Caller, path: string, flags: number): number {
    this.cache.shrink();
    this.walks++;
    this.#flags = flags;
    this.#links = 0;
    this.#depth = 0;
    this.trailingSlash = false;
    this.lastKind = LAST_NORMAL;
    this.last = '';
    const fs = caller.fs;
    if ((flags & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0) {
      this.#rootMount = this.#startMount;
      this.#rootDentry = this.#startDentry;
    } else {
      this.#rootMount = fs.rootMount;
      this.#rootDentry = fs.rootDentry;
    }
    if (path.length > 0 && path.charCodeAt(0) === SLASH) {
      this.mount = this.#startMount;
      this.dentry = this.#startDentry;
      // Before the walk has begun there is no mount that it could leave: NO_XDEV does not object to the root itself.
      if ((flags & RESOLVE_BENEATH) !== 0) return -EXDEV;
      this.mount = this.#rootMount;
      this.dentry = this.#rootDentry;
      return 0;
    }
    this.mount = this.#startMount;
    this.dentry = this.#startDentry;
    return path.length > 0 && !isDirectory(this.dentry) ? -ENOTDIR : 0;
  }

  /** Walks all components of `text` (and of paths on the stack) but the last. The walk stands where `text` begins, unless that is absolute. */
  #walkParent(caller: Caller, text: string): number {
    let position = 0;
    this.lastKind = LAST_ROOT;
    for (;;) {
      let end = text.length;
      while (position < end && text.charCodeAt(position) === SLASH) position++;
      if (position === end) {
        // Only slashes: "/" (or a symlink to it).
        if (this.#depth === 0) return 0;
        this.#depth--;
        text = this.#texts[this.#depth];
        position = this.#positions[this.#depth];
        if (!isDirectory(this.dentry)) return -ENOTDIR;
        continue;
      }
      const inode = this.dentry.inode!;
      const allowed = inode.permission(caller, MAY_EXEC);
      if (allowed < 0) return allowed;
      const begin = position;
      while (position < end && text.charCodeAt(position) !== SLASH) position++;
      end = position;
      const slash = position < text.length;
      while (position < text.length && text.charCodeAt(position) === SLASH) position++;
      const rest = position < text.length;
      const kind = componentKind(text, begin, end);
      if (!rest && this.#depth === 0) {
        this.last = text.substring(begin, end);
        this.lastKind = kind;
        if (slash) this.trailingSlash = true;
        return 0;
      }
      let result: number;
      if (kind === LAST_NORMAL) result = this.#step(caller, text.substring(begin, end));
      else result = kind === LAST_DOTDOT ? this.#dotDot() : 0;
      if (result < 0) return result;
      if (result === IS_LINK) {
        const target = this.#follow(caller, false);
        if (typeof target === 'string') {
          if (rest) {
            this.#texts[this.#depth] = text;
            this.#positions[this.#depth++] = position;
          }
          text = target;
          position = 0;
          continue;
        }
        if (target < 0) return target;
      }
      if (!isDirectory(this.dentry)) return -ENOTDIR;
      if (!rest) {
        this.#depth--;
        text = this.#texts[this.#depth];
        position = this.#positions[this.#depth];
      }
    }
  }

  /** Goes to the child `name`, and through what is mounted there; IS_LINK leaves the walk where it is. */
  #step(caller: Caller, name: string): number {
    const child = this.cache.lookup(caller, this.dentry, name, (this.#flags & RESOLVE_CACHED) !== 0);
    if (typeof child === 'number') return child;
    if (child.mounts === null) {
      if ((child.inode!.mode & S_IFMT) === S_IFLNK) {
        this.linkDentry = child;
        return IS_LINK;
      }
      this.dentry = child;
      return 0;
    }
    return this.#enterMounts(child);
  }

  #enterMounts(child: Dentry): number {
    let mount = this.mount;
    let dentry = child;
    for (;;) {
      const mounted = this.namespace.mountedOn(mount, dentry);
      if (mounted === null) break;
      if ((this.#flags & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
      mount = mounted;
      dentry = mounted.root;
    }
    if ((dentry.inode!.mode & S_IFMT) === S_IFLNK && mount === this.mount) {
      this.linkDentry = dentry;
      return IS_LINK;
    }
    this.mount = mount;
    this.dentry = dentry;
    return 0;
  }

  #dotDot(): number {
    for (;;) {
      if (this.dentry === this.#rootDentry && this.mount === this.#rootMount) {
        if ((this.#flags & RESOLVE_BENEATH) !== 0) return -EXDEV;
        break;
      }
      if (this.dentry !== this.mount.root) {
        // Scoped walks never leave: `finish` would see it, but an object renamed out of its directory must not even be looked at.
        if (this.dentry.parent !== null) this.dentry = this.dentry.parent;
        if ((this.#flags & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0 && !this.#isBelowRoot()) return -EXDEV;
        break;
      }
      const parent = this.mount.parent;
      if (parent === null) break;
      if ((this.#flags & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
      this.dentry = this.mount.mountpoint!;
      this.mount = parent;
    }
    // What is mounted on the directory that ".." leads to covers it.
    if (this.dentry.mounts !== null) {
      for (;;) {
        const mounted = this.namespace.mountedOn(this.mount, this.dentry);
        if (mounted === null) break;
        if ((this.#flags & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
        this.mount = mounted;
        this.dentry = mounted.root;
      }
    }
    return 0;
  }

  /** Follows `linkDentry`: its text, or 0 after a jump. For an absolute text the walk is at the root afterwards. */
  #follow(caller: Caller, trailing: boolean): string | number {
    const inode = this.linkDentry!.inode!;
    if (++this.#links > MAX_LINKS) return -ELOOP;
    if (trailing && !mayFollow(caller, this.dentry.inode!, inode)) return -EACCES;
    if ((this.#flags & RESOLVE_NO_SYMLINKS) !== 0 || (this.mount.flags & MS_NOSYMFOLLOW) !== 0) return -ELOOP;
    const target = inode.followLink(caller);
    if (typeof target === 'number') return target;
    if (typeof target !== 'string') {
      if ((this.#flags & RESOLVE_NO_MAGICLINKS) !== 0) return -ELOOP;
      if ((this.#flags & RESOLVE_NO_XDEV) !== 0 && target.mount !== this.mount) return -EXDEV;
      if ((this.#flags & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0) return -EXDEV;
      this.mount = target.mount;
      this.dentry = target.dentry;
      return 0;
    }
    if (target.length === 0) return -ENOENT;
    if (target.charCodeAt(0) === SLASH) {
      if ((this.#flags & RESOLVE_BENEATH) !== 0) return -EXDEV;
      if ((this.#flags & RESOLVE_NO_XDEV) !== 0 && this.mount !== this.#rootMount) return -EXDEV;
      this.mount = this.#rootMount;
      this.dentry = this.#rootDentry;
    }
    return target;
  }

  #isBelowRoot(): boolean {
    let mount = this.mount;
    let dentry: Dentry = this.dentry;
    for (;;) {
      if (dentry === this.#rootDentry && mount === this.#rootMount) return true;
      if (dentry !== mount.root) {
        if (dentry.parent === null) return false;
        dentry = dentry.parent;
        continue;
      }
      if (mount.parent === null) return false;
      dentry = mount.mountpoint!;
      mount = mount.parent;
    }
  }
}

function isDirectory(dentry: Dentry): boolean {
  return (dentry.inode!.mode & S_IFMT) === S_IFDIR;
}

function componentKind(text: string, begin: number, end: number): LastKind {
  if (text.charCodeAt(begin) !== DOT) return LAST_NORMAL;
  if (end === begin + 1) return LAST_DOT;
  return end === begin + 2 && text.charCodeAt(begin + 1) === DOT ? LAST_DOTDOT : LAST_NORMAL;
}

/** protected_symlinks (proc(5)): in a sticky directory that everybody may write, only the owner's symlinks, or the directory owner's, are followed. */
function mayFollow(caller: Caller, directory: Inode, link: Inode): boolean {
  if (!caller.kernel.vfs.protectedSymlinks) return true;
  if (caller.credentials.fsuid === link.uid) return true;
  if ((directory.mode & 0o1002) !== 0o1002) return true;
  return directory.uid === link.uid;
}
