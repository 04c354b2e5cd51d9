/** Page-table entries of amd64: four-level paging with execute-disable (SDM Vol. 3A 4.5, tables 4-15 to 4-20). */
import {
  type EntryFormat,
  FLUSH_NONE,
  FLUSH_OPTIONAL,
  FLUSH_REQUIRED,
  MAP_EXECUTE,
  MAP_GLOBAL,
  MAP_READ,
  MAP_TRACK,
  MAP_TYPE_MASK,
  MAP_TYPE_SHIFT,
  MAP_USER,
  MAP_WRITE,
} from '../entry-format.js';

/** Bits of an entry's low word. */
export const PTE_PRESENT = 1 << 0;
export const PTE_WRITABLE = 1 << 1;
export const PTE_USER = 1 << 2;
export const PTE_WRITE_THROUGH = 1 << 3;
export const PTE_CACHE_DISABLE = 1 << 4;
export const PTE_ACCESSED = 1 << 5;
export const PTE_DIRTY = 1 << 6;
/** PS: above level 1, the entry maps a page. (At level 1 this bit is PAT.) */
export const PTE_HUGE = 1 << 7;
export const PTE_GLOBAL = 1 << 8;
/** Execute-disable, in the high word: bit 63 of the entry. */
export const PTE_NX_HIGH = 0x80000000 | 0;

const ADDRESS_LOW = 0xfffff000 | 0;
const ADDRESS_HIGH = 0x000fffff;
/** PWT and PCD are two bits of the index into the PAT; with its reset value they are 0 WB, 1 WT, 2 UC-, 3 UC (SDM Vol. 3A 12.12.4). */
const TYPE_BITS = PTE_WRITE_THROUGH | PTE_CACHE_DISABLE;

/**
 * Rights of every level are combined by AND, so tables allow everything that their half may allow and the leaf decides. Nothing in the
 * upper half is ever a user page, which its tables enforce once more.
 */
export const amd64Entries: EntryFormat = {
  presentBit: PTE_PRESENT,
  blockMask: PTE_HUGE,
  blockValue: PTE_HUGE,
  accessedBit: PTE_ACCESSED,
  dirtyBit: PTE_DIRTY,

  tableLow(user) {
    return PTE_PRESENT | PTE_WRITABLE | PTE_ACCESSED | (user ? PTE_USER : 0);
  },

  leafLow(options, level) {
    let low = PTE_PRESENT | ((options & MAP_TYPE_MASK) >> (MAP_TYPE_SHIFT - 3));
    if (options & MAP_WRITE) low |= PTE_WRITABLE;
    if (options & MAP_USER) low |= PTE_USER;
    if (options & MAP_GLOBAL) low |= PTE_GLOBAL;
    if ((options & MAP_TRACK) === 0) low |= options & MAP_WRITE ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
    return level > 1 ? low | PTE_HUGE : low;
  },

  leafHigh(options) {
    return options & MAP_EXECUTE ? 0 : PTE_NX_HIGH;
  },

  options(low, high) {
    let options = MAP_READ | ((low & TYPE_BITS) << (MAP_TYPE_SHIFT - 3));
    if (low & PTE_WRITABLE) options |= MAP_WRITE;
    if (low & PTE_USER) options |= MAP_USER;
    if (low & PTE_GLOBAL) options |= MAP_GLOBAL;
    if ((high & PTE_NX_HIGH) === 0) options |= MAP_EXECUTE;
    return options;
  },

  splitLow(low, level) {
    const flags = low & ~ADDRESS_LOW;
    return level === 2 ? flags & ~PTE_HUGE : flags;
  },

  compare(oldLow, oldHigh, newLow, newHigh) {
    if (((oldLow ^ newLow) & ADDRESS_LOW) !== 0 || ((oldHigh ^ newHigh) & ADDRESS_HIGH) !== 0) return FLUSH_REQUIRED;
    const changed = (oldLow ^ newLow) & (PTE_WRITABLE | PTE_USER | PTE_GLOBAL | TYPE_BITS);
    const execute = (oldHigh ^ newHigh) & PTE_NX_HIGH;
    if (changed === 0 && execute === 0) return FLUSH_NONE;
    if (changed & (PTE_GLOBAL | TYPE_BITS)) return FLUSH_REQUIRED;
    const lost = changed & oldLow;
    return lost !== 0 || (newHigh & execute) !== 0 ? FLUSH_REQUIRED : FLUSH_OPTIONAL;
  },
};
