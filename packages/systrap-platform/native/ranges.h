/* What is mapped in an address space: disjoint ranges in order. */
#ifndef SBX_SYSTRAP_RANGES_H
#define SBX_SYSTRAP_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
  uint64_t start, end;
  /* Offset in application memory of `start`. */
  uint64_t offset;
  uint32_t access;
};

struct ranges {
  struct range *list;
  size_t count, limit;
};

void ranges_free(struct ranges *r);
void ranges_clear(struct ranges *r);
/* The index of the first range that ends above `addr`; `count` if there is none. */
size_t ranges_find(const struct ranges *r, uint64_t addr);
/* Whether something of [start, end) is mapped such that it loses access or changes when `offset` is mapped at `start` with `access`. */
bool ranges_weakens(const struct ranges *r, uint64_t start, uint64_t end, uint64_t offset, uint32_t access);
/* Replaces what is in [start, end). False: out of memory, and nothing changed. */
bool ranges_set(struct ranges *r, uint64_t start, uint64_t end, uint64_t offset, uint32_t access);
/* Removes what is in [start, end). Where one range has to become two and there is no memory for it, the upper part is forgotten as well, and *forgotten
   says up to where. */
void ranges_remove(struct ranges *r, uint64_t start, uint64_t end, uint64_t *forgotten);

#endif
