/*
 * Rewriting of call sites, so that a system call needs no signal. A site that makes many calls and looks like the wrapper of a C library,
 *
 *     b8 nr nr nr nr  0f 05      mov $nr, %eax; syscall
 *     ff 24 25 lo hi  0f 05      jmp *0x050fhilo
 *
 * is rewritten in a copy of its page, which this process is shown instead of the original. Only the first five bytes change, in one step (the page is mapped anew), and
 * the last two are the same instruction, so that it does not matter where other threads are, and a call that has to be made again is made at the same place. The kernel
 * knows nothing of copies: whoever reads the program's memory through it sees the original. A copy goes when the kernel maps something else there, or when anybody gets
 * write access to the original.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

#define PAGE UINT64_C(4096)
#define SITE_LENGTH 7
/* Calls after which a site is worth it. */
#define HITS 20
#define HOPELESS UINT32_MAX

/* --- The patch file: the table, then copies of pages --- */

bool patch_open(struct machine *m) {
  m->patch_fd = memfd_create("sbx-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (m->patch_fd < 0 || ftruncate(m->patch_fd, PATCH_SIZE) != 0) return false;
  void *area = mmap(NULL, PATCH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->patch_fd, 0);
  if (area == MAP_FAILED) return false;
  m->patch = area;
  for (uint64_t i = 0; i < SITE_COUNT; i++) {
    const uint64_t entry = STUB_BASE + STUB_ENTRIES + (i << ENTRY_SHIFT);
    memcpy(m->patch + i * sizeof(entry), &entry, sizeof(entry));
  }
  for (uint32_t page = TABLE_SIZE / PAGE; page < PATCH_PAGES; page++) m->free_copies[m->free_copy_count++] = page;
  return true;
}

void patch_close(struct machine *m) {
  if (m->patch != NULL) munmap(m->patch, PATCH_SIZE);
  if (m->patch_fd >= 0) close(m->patch_fd);
}

static uint32_t filter_of(uint64_t offset) { return (uint32_t)(offset / PAGE) % PATCH_FILTER; }

static void drop(struct space *s, uint32_t i) {
  struct machine *m = s->machine;
  m->free_copies[m->free_copy_count++] = s->copies[i].page;
  m->originals[filter_of(s->copies[i].original)]--;
  m->copy_count--;
  s->copies[i] = s->copies[--s->copy_count];
}

void patch_forget(struct space *s, uint64_t start, uint64_t end) {
  for (uint32_t i = s->copy_count; i-- > 0;) {
    if (s->copies[i].addr < end && s->copies[i].addr + PAGE > start) drop(s, i);
  }
  if (start < TABLE_BASE + TABLE_SIZE && end > TABLE_BASE) s->table_mapped = false;
}

/* Shows the process the original of a copy again, at once. */
static void restore(struct space *s, uint32_t i) {
  const struct copy copy = s->copies[i];
  if (ranges_set(&s->ranges, copy.addr, copy.addr + PAGE, copy.original, copy.access)) {
    commands_add(s, COMMAND_MMAP, copy.addr, PAGE, copy.access, MAP_SHARED | MAP_FIXED, FD_MEMORY, copy.original);
    commands_flush(s);
  } else {
    space_kill(s, "no memory");
  }
  /* Flushing may have dropped all mappings, and all copies with them. */
  for (uint32_t k = 0; k < s->copy_count; k++) {
    if (s->copies[k].addr == copy.addr) drop(s, k);
  }
}

void patch_give_way(struct space *s, uint64_t addr, uint64_t length) {
  if (s->no_patches || addr >= TABLE_BASE + TABLE_SIZE || addr + length <= TABLE_BASE) return;
  s->no_patches = true;
  while (s->copy_count > 0) restore(s, s->copy_count - 1);
  if (!s->table_mapped) return;
  s->table_mapped = false;
  if (commands_add(s, COMMAND_MUNMAP, TABLE_BASE, TABLE_SIZE, 0, 0, 0, 0)) commands_flush(s);
}

void patch_writable(struct machine *m, uint64_t offset, uint64_t length) {
  if (m->copy_count == 0) return;
  bool any = length > PATCH_FILTER * PAGE;
  for (uint64_t at = offset; !any && at < offset + length; at += PAGE) any = m->originals[filter_of(at)] != 0;
  for (uint32_t id = 0; any && id < m->space_limit; id++) {
    struct space *s = m->spaces[id];
    for (uint32_t i = s == NULL ? 0 : s->copy_count; i-- > 0;) {
      if (i < s->copy_count && s->copies[i].original >= offset && s->copies[i].original < offset + length) restore(s, i);
    }
  }
}

/* --- Rewriting --- */

/* Whether some process may write to the page of application memory. */
static bool is_writable(const struct machine *m, uint64_t offset) {
  for (uint32_t id = 0; id < m->space_limit; id++) {
    const struct space *s = m->spaces[id];
    if (s == NULL) continue;
    for (size_t i = 0; i < s->ranges.count; i++) {
      const struct range *r = &s->ranges.list[i];
      if ((r->access & ACCESS_WRITE) != 0 && offset - r->offset < r->end - r->start) return true;
    }
  }
  return false;
}

static bool map_table(struct space *s) {
  if (s->table_mapped) return true;
  const size_t at = ranges_find(&s->ranges, TABLE_BASE);
  if (at < s->ranges.count && s->ranges.list[at].start < TABLE_BASE + TABLE_SIZE) return false;
  s->table_mapped = commands_add(s, COMMAND_MMAP, TABLE_BASE, TABLE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, FD_PATCH, 0);
  return s->table_mapped;
}

/* Rewrites the site whose SYSCALL instruction ends at `end`. False: it can't be. */
static bool rewrite(struct space *s, uint64_t end, uint32_t nr) {
  struct machine *m = s->machine;
  const uint64_t start = end - SITE_LENGTH, addr = start & ~(PAGE - 1), within = start % PAGE;
  if (s->no_patches || s->site_count == SITE_COUNT || s->copy_count == COPIES_MOST || m->free_copy_count == 0 || within > PAGE - SITE_LENGTH) return false;
  const size_t at = ranges_find(&s->ranges, addr);
  if (at == s->ranges.count || s->ranges.list[at].start > addr) return false;
  const struct range range = s->ranges.list[at];
  if ((range.access & (ACCESS_WRITE | ACCESS_EXECUTE)) != ACCESS_EXECUTE) return false;
  const uint64_t shown = range.offset + (addr - range.start);
  const bool copied = (shown & PATCH_OFFSET) != 0;
  /* SAFETY: application memory is mapped here as a whole, and a range was checked against its size when it was mapped. */
  const uint8_t *source = copied ? m->patch + (shown & ~PATCH_OFFSET) : m->memory + shown;
  const uint8_t expected[] = {0xb8, (uint8_t)nr, (uint8_t)(nr >> 8), (uint8_t)(nr >> 16), (uint8_t)(nr >> 24), 0x0f, 0x05};
  if (memcmp(source + within, expected, sizeof(expected)) != 0) return false;
  if (!copied && is_writable(m, shown)) return false;
  if (!map_table(s)) return false;

  const uint32_t site = s->site_count++;
  const uint64_t instruction = end - 2;
  s->sites[site] = (struct site){.end = end, .nr = nr};
  memcpy(s->sites[site].code, expected, sizeof(expected));
  memcpy(s->control + CONTROL_SITE_ADDRESSES + site * sizeof(instruction), &instruction, sizeof(instruction));
  memcpy(s->control + CONTROL_SITE_NUMBERS + site * sizeof(nr), &nr, sizeof(nr));
  const uint32_t slot = TABLE_BASE + site * 8;
  const uint8_t jump[] = {0xff, 0x24, 0x25, (uint8_t)slot, (uint8_t)(slot >> 8)};
  const uint32_t page = m->free_copies[--m->free_copy_count];
  uint8_t *copy = m->patch + page * PAGE;
  memcpy(copy, source, PAGE);
  memcpy(copy + within, jump, sizeof(jump));
  if (!ranges_set(&s->ranges, addr, addr + PAGE, PATCH_OFFSET | (page * PAGE), range.access)) {
    m->free_copies[m->free_copy_count++] = page;
    return false;
  }
  commands_add(s, COMMAND_MMAP, addr, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, FD_PATCH, page * PAGE);
  uint64_t original = shown;
  if (copied) {
    /* The older copy may be used again only when nobody can be executing it. */
    if (!commands_flush(s)) return false;
    for (uint32_t i = s->copy_count; i-- > 0;) {
      if (s->copies[i].addr != addr) continue;
      original = s->copies[i].original;
      drop(s, i);
    }
  }
  s->copies[s->copy_count++] = (struct copy){addr, original, page, range.access};
  m->originals[filter_of(original)]++;
  m->copy_count++;
  m->counts[COUNT_SITE]++;
  return true;
}

bool patch_is_stale(struct space *s, const struct site *site) {
  const uint64_t start = site->end - SITE_LENGTH;
  for (uint32_t i = 0; i < s->copy_count; i++) {
    const struct copy *copy = &s->copies[i];
    if (start - copy->addr >= PAGE) continue;
    if (memcmp(s->machine->memory + copy->original + start % PAGE, site->code, SITE_LENGTH) == 0) return false;
    restore(s, i);
    return true;
  }
  return false;
}

void patch_note(struct space *s, uint64_t end, uint32_t nr) {
  if (s->no_patches) return;
  struct heat *heat = &s->heat[(end ^ (end >> 9)) % HEAT_SIZE];
  if (heat->end != end) {
    *heat = (struct heat){end, 1};
    return;
  }
  if (heat->hits == HOPELESS || ++heat->hits < HITS) return;
  heat->hits = rewrite(s, end, nr) ? 0 : HOPELESS;
}
