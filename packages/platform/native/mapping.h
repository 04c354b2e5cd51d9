// A memory file's backing: one memfd of fixed (sparse) size, mapped once, shared and writable, into this process.
#ifndef SBX_PLATFORM_MAPPING_H
#define SBX_PLATFORM_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
  uint8_t *base;   // immutable until mapping_unmap
  size_t size;     // immutable
  int fd;          // immutable until mapping_unmap
  bool populate;   // immutable: MADV_POPULATE_WRITE works here
  uint32_t refs;   // owned by the JavaScript thread: the handle and every ArrayBuffer hold one
};

// Makes a memfd of `size` bytes (a multiple of the page size), none of it allocated, and maps it at a multiple of `align` (a power of two, at least
// the page size). Size and seals are final: no later call can shrink or grow the file. Returns 0 and sets *out (one reference), or negative errno.
int mapping_create(const char *name, size_t size, size_t align, struct mapping **out);

// Ends the mapping and closes the descriptor; the struct lives on until its last reference. Idempotent.
void mapping_unmap(struct mapping *m);

// Drops a reference; the last one unmaps and frees.
void mapping_unref(struct mapping *m);

// Allocates host memory for every page of the range and enters it into this process's page tables. Contents of pages that had memory are kept, others
// are zero. Returns 0, or -ENOMEM (then nothing is promised about which pages have memory).
int mapping_commit(struct mapping *m, size_t offset, size_t length);

// Gives the range's memory back to the host; it reads as zeroes afterwards. Returns 0 or negative errno.
int mapping_punch(struct mapping *m, size_t offset, size_t length);

// The first offset at or after `offset` that has memory (hole = 0) or has none (hole = 1), as lseek's SEEK_DATA and SEEK_HOLE; the file's size when
// there is none.
int64_t mapping_seek(struct mapping *m, size_t offset, int hole);

// Bytes of host memory in use (st_blocks), or negative errno.
int64_t mapping_host_bytes(struct mapping *m);

#endif
