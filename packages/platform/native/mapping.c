#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int open_memfd(const char *name) {
  // A file that nobody can execve; kernels before 6.3 do not know the flag.
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

// Maps the whole file at a multiple of `align`: reserves more than is needed, then maps over the aligned part and drops the rest.
static uint8_t *map_aligned(int fd, size_t size, size_t align) {
  size_t reserve = size + align;
  uint8_t *area = mmap(NULL, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) return NULL;
  size_t before = (align - (uintptr_t)area % align) % align;
  uint8_t *base = area + before;
  if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
    int error = errno;
    munmap(area, reserve);
    errno = error;
    return NULL;
  }
  if (before > 0) munmap(area, before);
  if (reserve - before - size > 0) munmap(base + size, reserve - before - size);
  return base;
}

// Whether MADV_POPULATE_WRITE really allocates: kernels before 5.14 refuse it, and emulated ones may accept any advice and do nothing.
static bool can_populate(struct mapping *m) {
  bool works = madvise(m->base, 4096, MADV_POPULATE_WRITE) == 0 && mapping_host_bytes(m) > 0;
  return mapping_punch(m, 0, 4096) == 0 && works;
}

int mapping_create(const char *name, size_t size, size_t align, struct mapping **out) {
  if (sysconf(_SC_PAGESIZE) != 4096) return -EINVAL;  // pages of another size cannot be committed and punched one by one
  struct mapping *m = calloc(1, sizeof *m);
  if (m == NULL) return -ENOMEM;
  m->refs = 1;
  m->size = size;
  m->fd = open_memfd(name);
  if (m->fd < 0) goto fail;
  // The size is set once: a touch of any page of the mapping then finds a hole at worst, never the end of the file.
  if (ftruncate(m->fd, (off_t)size) != 0) goto fail;
  if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) goto fail;
  m->base = map_aligned(m->fd, size, align);
  if (m->base == NULL) goto fail;
  // Advice only: children of this process need none of it, core dumps would be gigabytes, and huge pages help where the host permits them for shmem.
  madvise(m->base, size, MADV_DONTFORK);
  madvise(m->base, size, MADV_DONTDUMP);
  madvise(m->base, size, MADV_HUGEPAGE);
  m->populate = can_populate(m);
  *out = m;
  return 0;
fail:;
  int error = errno;
  if (m->fd >= 0) close(m->fd);
  free(m);
  return -error;
}

void mapping_unmap(struct mapping *m) {
  if (m->base == NULL) return;
  munmap(m->base, m->size);
  close(m->fd);
  m->base = NULL;
  m->fd = -1;
}

void mapping_unref(struct mapping *m) {
  if (--m->refs > 0) return;
  mapping_unmap(m);
  free(m);
}

int mapping_commit(struct mapping *m, size_t offset, size_t length) {
  // Populating allocates and maps in one call: about a fifth cheaper than fallocate followed by a page fault for each page.
  int result;
  do {
    result = m->populate ? madvise(m->base + offset, length, MADV_POPULATE_WRITE)
                         : fallocate(m->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
  } while (result != 0 && (errno == EINTR || errno == EAGAIN));
  // EFAULT is how populate reports what would have been a SIGBUS: no memory, or no space in the file system behind the memfd.
  return result == 0 ? 0 : -ENOMEM;
}

int mapping_punch(struct mapping *m, size_t offset, size_t length) {
  int result;
  do {
    result = fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
}

int64_t mapping_seek(struct mapping *m, size_t offset, int hole) {
  if (offset >= m->size) return (int64_t)m->size;
  off_t found = lseek(m->fd, (off_t)offset, hole ? SEEK_HOLE : SEEK_DATA);
  return found < 0 ? (int64_t)m->size : found;
}

int64_t mapping_host_bytes(struct mapping *m) {
  struct stat st; // as the kernel writes it: so it is in both libcs on 64-bit machines
  // Not fstat(), which newer glibcs bind to a symbol that those before 2.33 lack.
  if (syscall(SYS_fstat, m->fd, &st) != 0) return -errno;
  return (int64_t)st.st_blocks * 512;
}
