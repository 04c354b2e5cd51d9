/**
 * How an architecture spells a page-table entry. Entries are pairs of 32-bit words (as signed or unsigned numbers alike: only their bits
 * count); tables have four levels of 512 entries of 8 bytes on every architecture that we serve.
 *
 * Levels are counted from the leaves: 1 maps 4 KiB pages, 2 maps 2 MiB, 3 maps 1 GiB, 4 is the root.
 */

/** What a mapping allows; a set of bits. A mapping without READ, WRITE or EXECUTE is no mapping. */
export const MapOptions = {
  Read: 1 << 0,
  Write: 1 << 1,
  Execute: 1 << 2,
  /** Ring 3 (EL0) may use it, too; else only ring 0 (EL1). */
  User: 1 << 3,
  /** The translation is the same in every address space and survives a switch. */
  Global: 1 << 4,
  /**
   * The CPU shall report use: the entry starts with the accessed and dirty bits clear. Without it they are set at once, which saves the
   * CPU a write to the table at first use.
   */
  Track: 1 << 5,
} as const;

export const MAP_READ = MapOptions.Read;
export const MAP_WRITE = MapOptions.Write;
export const MAP_EXECUTE = MapOptions.Execute;
export const MAP_USER = MapOptions.User;
export const MAP_GLOBAL = MapOptions.Global;
export const MAP_TRACK = MapOptions.Track;
/** READ, WRITE and EXECUTE. */
export const MAP_ACCESS = MAP_READ | MAP_WRITE | MAP_EXECUTE;

/** The memory type of a mapping: bits 7:6 of the options. Zero, write-back, is ordinary memory. */
export const MAP_TYPE_SHIFT = 6;
export const MAP_WRITE_BACK = 0 << MAP_TYPE_SHIFT;
export const MAP_WRITE_THROUGH = 1 << MAP_TYPE_SHIFT;
/** Uncached, but a write-combining range of the host wins (UC- on amd64, normal non-cacheable on arm64). */
export const MAP_UNCACHED_MINUS = 2 << MAP_TYPE_SHIFT;
/** Uncached and strongly ordered: device memory. */
export const MAP_UNCACHED = 3 << MAP_TYPE_SHIFT;
export const MAP_TYPE_MASK = 3 << MAP_TYPE_SHIFT;

/** What an operation asks of the TLBs; operations return the greatest that any of their pages needs. */
/** No translation that a CPU may hold has become wrong. */
export const FLUSH_NONE = 0;
/** Only rights were added: a CPU that still holds the old translation faults once more, and that fault drops it (SDM Vol. 3A 4.10.4.3). */
export const FLUSH_OPTIONAL = 1;
/** A translation was removed, narrowed, moved, or changed its page size: flush before anybody relies on that, or reuses the memory. */
export const FLUSH_REQUIRED = 2;

/** One architecture's spelling of entries. All methods are pure. */
export interface EntryFormat {
  /** In the low word: the entry is present. */
  readonly presentBit: number;
  /** Above level 1 an entry is a leaf exactly if `(low & blockMask) === blockValue`. */
  readonly blockMask: number;
  readonly blockValue: number;
  /** In the low word: the CPU has used, has written the page. */
  readonly accessedBit: number;
  readonly dirtyBit: number;
  /** The low word of an entry that points to a table: flags only. */
  tableLow(user: boolean): number;
  /** Flags of a leaf at `level`, low word and high word. */
  leafLow(options: number, level: number): number;
  leafHigh(options: number): number;
  /** The options that a leaf at `level` was made from, without {@link MAP_TRACK}. */
  options(low: number, high: number): number;
  /** The flags (low word, without address) of the leaves, one level lower, that a leaf at `level` is split into. */
  splitLow(low: number, level: number): number;
  /** What replacing one leaf by another of the same level asks of the TLBs; accessed and dirty bits do not count. */
  compare(oldLow: number, oldHigh: number, newLow: number, newHigh: number): number;
}
