// covers: mmap(EACCES EINVAL EOPNOTSUPP EOVERFLOW) msync(EINVAL ENOMEM) ftruncate pread64 pwrite64 munmap
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int file(void) {
  char name[] = "/tmp/mmap-file-XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  return fd;
}

int main(void) {
  catch_faults();
  const int rw = PROT_READ | PROT_WRITE;
  int fd = file();
  char buffer[64];
  if (ftruncate(fd, 2 * PAGE + 100) < 0) return 1;
  if (pwrite(fd, "first", 5, 0) != 5 || pwrite(fd, "second", 6, PAGE) != 6) return 1;

  char *shared = mmap(NULL, 4 * PAGE, rw, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 4 * PAGE, rw, MAP_PRIVATE, fd, 0);
  say("contents", "%.5s %.6s", shared, shared + PAGE);
  say("private contents", "%.5s %.6s", private, private + PAGE);
  memcpy(shared, "FIRST", 5);
  say("private sees shared stores until its own", "%.5s", private);
  memcpy(private, "mine!", 5);
  say("shared does not see private stores", "%.5s", shared);
  memcpy(shared, "three", 5);
  say("private keeps its own", "%.5s", private);
  buffer[pread(fd, buffer, 5, 0)] = 0;
  say("read sees shared stores", "%s", buffer);
  if (pwrite(fd, "write", 5, PAGE) != 5) return 1;
  say("mapping sees write", "%.5s", shared + PAGE);
  say("past the end, in the page", "%d", shared[2 * PAGE + 200]);
  touch("past the last page: read", shared + 3 * PAGE, READ);
  touch("past the last page: write", shared + 3 * PAGE, WRITE);
  touch("private past the last page", private + 3 * PAGE, READ);
  shared[2 * PAGE + 150] = 'x';
  result("msync", msync(shared, 3 * PAGE, MS_SYNC));
  say("size unchanged by stores past the end", "%ld", (long)lseek(fd, 0, SEEK_END));

  if (ftruncate(fd, PAGE) < 0) return 1;
  touch("shared after truncation", shared + PAGE, READ);
  touch("private after truncation", private + PAGE, READ);
  touch("private copy in the kept page", private, READ);
  if (ftruncate(fd, 2 * PAGE) < 0) return 1;
  say("grown again", "%d %d", shared[PAGE], private[PAGE]);
  if (ftruncate(fd, PAGE + 10) < 0 || ftruncate(fd, 2 * PAGE) < 0) return 1;

  result("msync unaligned", msync(shared + 1, PAGE, MS_SYNC));
  result("msync both", msync(shared, PAGE, MS_SYNC | MS_ASYNC));
  result("msync unknown", msync(shared, PAGE, 64));
  result("msync nothing", msync(shared, 0, MS_SYNC));
  result("msync async", msync(shared, PAGE, MS_ASYNC | MS_INVALIDATE));
  munmap(private, 4 * PAGE);
  result("msync hole", msync(private, PAGE, MS_SYNC));

  char *tail = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
  say("offset", "%d", tail[0] == shared[PAGE]);
  result_ptr("offset past the end maps", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1 << 20));
  result_ptr("offset unaligned", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100));
  result_ptr("offset overflow", (void *)syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, INT64_MAX & ~4095L));
  result_ptr("offset negative", (void *)syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, -4096L));
  result_ptr("file no type", mmap(NULL, PAGE, PROT_READ, 0, fd, 0));
  result_ptr("file growsdown", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0));
  result_ptr("shared validate", mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE, fd, 0));
  result_ptr("shared validate unknown flag", mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x1000000, fd, 0));
  result_ptr("hugetlb on a file", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0));

  char name[64];
  snprintf(name, sizeof name, "/tmp/mmap-mode-%d", getpid());
  close(open(name, O_CREAT | O_RDWR, 0600));
  int ro = open(name, O_RDONLY), wo = open(name, O_WRONLY), append = open(name, O_RDWR | O_APPEND);
  unlink(name);
  result_ptr("read only, shared read", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0));
  result_ptr("read only, shared write", mmap(NULL, PAGE, rw, MAP_SHARED, ro, 0));
  result_ptr("read only, private write", mmap(NULL, PAGE, rw, MAP_PRIVATE, ro, 0));
  result_ptr("write only, private", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0));
  result_ptr("write only, shared write", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, wo, 0));
  result_ptr("append, shared write", mmap(NULL, PAGE, rw, MAP_SHARED, append, 0));
  void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
  result("mprotect of a read-only file", mprotect(p, PAGE, rw));

  /* The mapping outlives the descriptor. */
  close(fd);
  say("after close", "%.5s", shared);
  return 0;
}
