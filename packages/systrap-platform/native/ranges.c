#include "ranges.h"

#include <stdlib.h>
#include <string.h>

void ranges_free(struct ranges *r) {
  free(r->list);
  *r = (struct ranges){0};
}

void ranges_clear(struct ranges *r) { r->count = 0; }

size_t ranges_find(const struct ranges *r, uint64_t addr) {
  size_t low = 0, high = r->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (r->list[middle].end > addr) high = middle;
    else low = middle + 1;
  }
  return low;
}

bool ranges_weakens(const struct ranges *r, uint64_t start, uint64_t end, uint64_t offset, uint32_t access) {
  for (size_t i = ranges_find(r, start); i < r->count && r->list[i].start < end; i++) {
    const struct range *range = &r->list[i];
    if ((range->access & ~access) != 0 || range->offset - range->start != offset - start) return true;
  }
  return false;
}

/* Makes room for `more` ranges. */
static bool reserve(struct ranges *r, size_t more) {
  if (r->count + more <= r->limit) return true;
  size_t limit = r->limit == 0 ? 16 : r->limit * 2;
  struct range *list = realloc(r->list, limit * sizeof(*list));
  if (list == NULL) return false;
  r->list = list;
  r->limit = limit;
  return true;
}

/* Whether `b` goes on where `a` ends. */
static bool continues(const struct range *a, const struct range *b) {
  return a->end == b->start && a->access == b->access && a->offset + (a->end - a->start) == b->offset;
}

/* Takes [start, end) out. There is room for one more range. Returns where a range at `start` would be. */
static size_t cut(struct ranges *r, uint64_t start, uint64_t end) {
  size_t first = ranges_find(r, start);
  if (first < r->count && r->list[first].start < start) {
    struct range *range = &r->list[first];
    if (range->end > end) {
      memmove(range + 2, range + 1, (r->count - first - 1) * sizeof(*range));
      range[1] = (struct range){end, range->end, range->offset + (end - range->start), range->access};
      r->count++;
    }
    range->end = start;
    first++;
  }
  size_t last = first;
  while (last < r->count && r->list[last].end <= end) last++;
  if (last < r->count && r->list[last].start < end) {
    r->list[last].offset += end - r->list[last].start;
    r->list[last].start = end;
  }
  memmove(&r->list[first], &r->list[last], (r->count - last) * sizeof(r->list[0]));
  r->count -= last - first;
  return first;
}

bool ranges_set(struct ranges *r, uint64_t start, uint64_t end, uint64_t offset, uint32_t access) {
  if (!reserve(r, 2)) return false;
  size_t at = cut(r, start, end);
  struct range range = {start, end, offset, access};
  if (at > 0 && continues(&r->list[at - 1], &range)) {
    r->list[--at].end = end;
  } else {
    memmove(&r->list[at + 1], &r->list[at], (r->count - at) * sizeof(range));
    r->list[at] = range;
    r->count++;
  }
  if (at + 1 < r->count && continues(&r->list[at], &r->list[at + 1])) {
    r->list[at].end = r->list[at + 1].end;
    memmove(&r->list[at + 1], &r->list[at + 2], (r->count - at - 2) * sizeof(range));
    r->count--;
  }
  return true;
}

void ranges_remove(struct ranges *r, uint64_t start, uint64_t end, uint64_t *forgotten) {
  *forgotten = end;
  if (!reserve(r, 1)) {
    size_t at = ranges_find(r, start);
    if (at < r->count && r->list[at].start < start && r->list[at].end > end) end = *forgotten = r->list[at].end;
  }
  cut(r, start, end);
}
