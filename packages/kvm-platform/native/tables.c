/*
 * What the native part does with page tables (@sbx/ring0 makes and edits them): reading them for reports, taking rights away in bulk, and telling a
 * KVM that shadows them what has changed.
 */
#include <errno.h>
#include <string.h>

#include "vcpu.h"

#define PAGE 4096u
#define PTE_PRESENT 1u
#define PTE_WRITABLE 2u
#define PTE_HUGE 0x80u
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)
#define USER_LIMIT (UINT64_C(1) << 47)

/* Bytes that one entry of a table of `level` (1 ... 4) maps. */
static uint64_t span(int level) { return UINT64_C(1) << (12 + 9 * (level - 1)); }
static uint32_t slot_of(uint64_t address, int level) { return (uint32_t)(address / span(level)) & 511; }

static uint64_t *table_at(const struct machine *m, uint64_t physical) { return machine_physical(m, physical, PAGE); }

static bool is_leaf(uint64_t entry, int level) { return level == 1 || (level < 4 && (entry & PTE_HUGE) != 0); }

/* The leaf that maps `address`, and its level; 0: none. */
static uint64_t find_leaf(const struct machine *m, uint64_t cr3, uint64_t address, int *level) {
  uint64_t table = cr3 & PTE_ADDRESS;
  for (*level = 4;; --*level) {
    const uint64_t *entries = table_at(m, table);
    if (entries == NULL) return 0;
    uint64_t entry = __atomic_load_n(&entries[slot_of(address, *level)], __ATOMIC_RELAXED);
    if ((entry & PTE_PRESENT) == 0) return 0;
    if (is_leaf(entry, *level)) return entry;
    table = entry & PTE_ADDRESS;
  }
}

size_t machine_peek(const struct machine *m, const struct space *s, uint64_t address, void *to, size_t length) {
  size_t done = 0;
  while (done < length && address + done < USER_LIMIT) {
    int level;
    uint64_t at = address + done;
    uint64_t entry = find_leaf(m, s->cr3, at, &level);
    if (entry == 0) break;
    uint64_t offset = at % span(level);
    uint64_t left = span(level) - offset;
    size_t n = length - done < left ? length - done : (size_t)left;
    const void *from = machine_physical(m, (entry & PTE_ADDRESS & ~(span(level) - 1)) + offset, n);
    if (from == NULL) break;
    /* SAFETY: `from` has `n` bytes of one slot; other threads of the application may change them meanwhile, and any values will do. */
    memcpy((char *)to + done, from, n);
    done += n;
  }
  return done;
}

/* --- What a shadowing KVM must forget, collected so that few entries into ring 0 are needed --- */

/* More entries of one table than this are forgotten with the whole table: then the CPU walks the table anew for all of its pages. */
#define FEW_ENTRIES 12

struct batch {
  struct machine *m;
  struct vcpu *v;
  uint32_t counts[2];
  uint64_t physical[2][60];
};

static int begin(struct batch *b, struct machine *m) {
  int error = 0;
  *b = (struct batch){.m = m};
  if (m->shadow && (b->v = vcpu_acquire(m, 0, &error)) == NULL) return error;
  return 0;
}

static int flush_kind(struct batch *b, bool whole) {
  uint32_t count = b->counts[whole];
  b->counts[whole] = 0;
  return count == 0 ? 0 : vcpu_forget(b->v, b->physical[whole], count, whole);
}

static int add(struct batch *b, bool whole, uint64_t physical) {
  if (b->v == NULL) return 0;
  b->physical[whole][b->counts[whole]++] = physical;
  return b->counts[whole] == sizeof(b->physical[0]) / sizeof(b->physical[0][0]) ? flush_kind(b, whole) : 0;
}

/* The entries [first, end) of a table. */
static int add_entries(struct batch *b, uint64_t table, uint32_t first, uint32_t end) {
  if (end - first > FEW_ENTRIES) return add(b, true, table);
  for (uint32_t i = first; i < end; i++) {
    int error = add(b, false, table + i * 8);
    if (error < 0) return error;
  }
  return 0;
}

static int finish(struct batch *b) {
  int error = flush_kind(b, false);
  return error < 0 ? error : flush_kind(b, true);
}

static int forget_range(struct batch *b, uint64_t table, int level, uint64_t start, uint64_t end) {
  const uint32_t first = slot_of(start, level), last = slot_of(end - 1, level);
  if (level == 1) return add_entries(b, table, first, last + 1);
  const uint64_t *entries = table_at(b->m, table);
  if (entries == NULL) return -EIO;
  for (uint32_t slot = first; slot <= last; slot++) {
    uint64_t from = slot == first ? start : start - start % span(level) + (slot - first) * span(level);
    uint64_t to = slot == last ? end : start - start % span(level) + (slot - first + 1) * span(level);
    uint64_t entry = entries[slot];
    int error;
    if ((entry & PTE_PRESENT) != 0 && !is_leaf(entry, level)) error = forget_range(b, entry & PTE_ADDRESS, level - 1, from, to);
    /* A large page, or what was one until now. */
    else error = level < 4 ? add(b, false, table + slot * 8) : 0;
    if (error < 0) return error;
  }
  return 0;
}

int machine_forget(struct machine *m, const struct space *s, uint64_t address, uint64_t length, const uint32_t *frames, uint32_t count) {
  if (!m->shadow) return 0;
  struct batch b;
  int error = begin(&b, m);
  if (error >= 0 && s != NULL && length > 0) error = forget_range(&b, s->cr3 & PTE_ADDRESS, 4, address, address + length);
  for (uint32_t i = 0; error >= 0 && i < count; i++) error = add(&b, true, (uint64_t)frames[i] * PAGE);
  return error < 0 ? error : finish(&b);
}

/* --- Write protection --- */

static int protect_range(struct batch *b, uint64_t table, int level, uint64_t start, uint64_t end) {
  const uint32_t first = slot_of(start, level), last = slot_of(end - 1, level);
  uint64_t *entries = table_at(b->m, table);
  if (entries == NULL) return -EIO;
  /* The changed entries lie in [low, high). */
  uint32_t low = 512, high = 0;
  int changed = 0;
  for (uint32_t slot = first; slot <= last; slot++) {
    uint64_t entry = entries[slot];
    if ((entry & PTE_PRESENT) == 0) continue;
    if (is_leaf(entry, level)) {
      if ((entry & PTE_WRITABLE) == 0) continue;
      /* Atomically: a CPU may set the dirty bit at the same moment. */
      __atomic_fetch_and(&entries[slot], ~(uint64_t)PTE_WRITABLE, __ATOMIC_SEQ_CST);
      if (low == 512) low = slot;
      high = slot + 1;
      changed = 1;
      continue;
    }
    uint64_t base = start - start % span(level) + (slot - first) * span(level);
    int result = protect_range(b, entry & PTE_ADDRESS, level - 1, slot == first ? start : base, slot == last ? end : base + span(level));
    if (result < 0) return result;
    changed |= result;
  }
  int error = low < high ? add_entries(b, table, low, high) : 0;
  return error < 0 ? error : changed;
}

int machine_write_protect(struct machine *m, const struct space *s, uint64_t address, uint64_t length) {
  struct batch b;
  int error = begin(&b, m);
  if (error < 0) return error;
  int changed = protect_range(&b, s->cr3 & PTE_ADDRESS, 4, address, address + length);
  error = finish(&b);
  return error < 0 ? error : changed;
}
