// Tests of native/mapping.c: prints nothing and exits with 0 when all is as it should be.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../native/mapping.h"

#define MIB (1024ul * 1024)

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
      exit(1);                                                              \
    }                                                                       \
  } while (0)

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 64; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void contents_and_holes(void) {
  struct mapping *m;
  CHECK(mapping_create("test", 64 * MIB, 2 * MIB, &m) == 0);
  CHECK((uintptr_t)m->base % (2 * MIB) == 0);
  CHECK((fcntl(m->fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(mapping_host_bytes(m) == 0);
  CHECK(mapping_seek(m, 0, 0) == (int64_t)(64 * MIB));

  CHECK(mapping_commit(m, 8192, 4096) == 0);
  CHECK(mapping_host_bytes(m) >= 4096);
  for (size_t i = 0; i < 4096; i++) CHECK(m->base[8192 + i] == 0);
  memset(m->base + 8192, 0x5a, 4096);
  CHECK(mapping_commit(m, 4096, 12288) == 0);
  CHECK(m->base[8192] == 0x5a && m->base[8191] == 0 && m->base[12288] == 0);
  CHECK(mapping_seek(m, 0, 0) <= 4096);
  CHECK(mapping_seek(m, 64 * MIB, 0) == (int64_t)(64 * MIB));

  CHECK(mapping_punch(m, 8192, 4096) == 0);
  CHECK(m->base[8192] == 0);  // the touch makes a new page
  CHECK(mapping_commit(m, 64 * MIB - 4096, 4096) == 0);
  m->base[64 * MIB - 1] = 1;
  CHECK(mapping_punch(m, 0, 64 * MIB) == 0);
  CHECK(mapping_host_bytes(m) == 0);
  mapping_unref(m);
}

static void size_is_sealed(void) {
  struct mapping *m;
  CHECK(mapping_create("test", MIB, 4096, &m) == 0);
  CHECK(ftruncate(m->fd, 0) != 0);
  CHECK(ftruncate(m->fd, (off_t)(2 * MIB)) != 0);
  CHECK(fcntl(m->fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
  // A second mapping of the descriptor, as a stub's, sees the same bytes.
  CHECK(mapping_commit(m, 0, 4096) == 0);
  uint8_t *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
  CHECK(other != MAP_FAILED);
  other[7] = 9;
  CHECK(m->base[7] == 9);
  munmap(other, 4096);
  mapping_unref(m);
}

static void references_and_failures(void) {
  int before = open_descriptors();
  struct mapping *m;
  CHECK(mapping_create("test", MIB, 4096, &m) == 0);
  m->refs++;
  mapping_unref(m);
  CHECK(m->base != NULL);
  mapping_unmap(m);
  mapping_unmap(m);
  CHECK(m->base == NULL && m->fd == -1);
  mapping_unref(m);
  CHECK(mapping_create("huge", (size_t)1 << 60, 4096, &m) < 0);
  CHECK(open_descriptors() == before);
}

// The way of kernels without MADV_POPULATE_WRITE.
static void fallocate_instead(void) {
  struct mapping *m;
  CHECK(mapping_create("test", MIB, 4096, &m) == 0);
  m->populate = false;
  CHECK(mapping_commit(m, 4096, 8192) == 0);
  CHECK(mapping_host_bytes(m) >= 8192);
  memset(m->base + 4096, 1, 8192);
  CHECK(mapping_punch(m, 4096, 8192) == 0);
  CHECK(mapping_host_bytes(m) == 0);
  mapping_unref(m);
}

int main(void) {
  contents_and_holes();
  fallocate_instead();
  size_is_sealed();
  references_and_failures();
  return 0;
}
