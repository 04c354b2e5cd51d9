import { MEMORY_PAGE_CACHE, type Memory } from '@sbx/platform';
import { addReclaimer, type Reclaimer } from '../../mm/reclaim.js';

/** Part of application memory that the page cache may take while programs have not asked for it. */
const SHARE = 4;

/** A file with cached pages. */
export interface CachedPages {
  /** Frees pages that nobody maps and that hold nothing unwritten; returns the bytes. */
  dropUnused(): number;
  next: CachedPages | null;
  previous: CachedPages | null;
  /** In the list of the cache. */
  listed: boolean;
}

const cacheOf = new WeakMap<Memory, PageCache>();

/** All files with cached pages, least recently filled first: whose pages go when memory is short, or when the cache has its share. */
export class PageCache implements Reclaimer {
  #first: CachedPages | null = null;
  #last: CachedPages | null = null;
  readonly #most: number;

  private constructor(
    readonly memory: Memory,
    limit: number,
  ) {
    this.#most = Math.floor(limit / SHARE);
    addReclaimer(memory, this);
  }

  /** The cache in `memory`. @param limit - bytes that the sandbox may use */
  static of(memory: Memory, limit: number): PageCache {
    let cache = cacheOf.get(memory);
    if (cache === undefined) cacheOf.set(memory, (cache = new PageCache(memory, limit)));
    return cache;
  }

  /** Pages for `file`: the offset in application memory of a contiguous run, or -ENOMEM. */
  allocate(file: CachedPages, length: number): number {
    this.#touch(file);
    if (this.memory.usage(MEMORY_PAGE_CACHE) + length > this.#most) this.reclaim(Math.floor(this.#most / 8));
    let offset = this.memory.allocate(length, MEMORY_PAGE_CACHE);
    while (offset < 0 && this.reclaim(length) > 0) offset = this.memory.allocate(length, MEMORY_PAGE_CACHE);
    return offset;
  }

  reclaim(bytes: number): number {
    let freed = 0;
    let file = this.#first;
    // Each file is looked at once; those that keep pages stay where they are.
    while (file !== null && freed < bytes) {
      const next: CachedPages | null = file.next;
      freed += file.dropUnused();
      file = next;
    }
    return freed;
  }

  /** The file has no pages any more. */
  forget(file: CachedPages): void {
    if (!file.listed) return;
    if (file.previous === null) this.#first = file.next;
    else file.previous.next = file.next;
    if (file.next === null) this.#last = file.previous;
    else file.next.previous = file.previous;
    file.next = file.previous = null;
    file.listed = false;
  }

  /** Moves the file to the end of the list. */
  #touch(file: CachedPages): void {
    if (file === this.#last) return;
    this.forget(file);
    file.previous = this.#last;
    if (this.#last === null) this.#first = file;
    else this.#last.next = file;
    this.#last = file;
    file.listed = true;
  }
}
