// covers: madvise(EINVAL ENOMEM) mincore(EFAULT EINVAL ENOMEM)
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void) {
  catch_faults();
  const int rw = PROT_READ | PROT_WRITE;
  char *p = mmap(NULL, 8 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 5, 8 * PAGE);
  result("dontneed", madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
  say("dontneed gives zeroes", "%d %d %d %d", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
  result("dontneed, length not a multiple", madvise(p + 3 * PAGE, 1, MADV_DONTNEED));
  say("whole page", "%d", p[3 * PAGE + 4000]);
  result("free", madvise(p + 4 * PAGE, PAGE, MADV_FREE));
  p[4 * PAGE] = 6;
  say("stores after free stay", "%d", p[4 * PAGE]);
  result("unaligned", madvise(p + 1, PAGE, MADV_DONTNEED));
  result("length 0", madvise(p, 0, MADV_DONTNEED));
  result("unknown advice", madvise(p, PAGE, 9999));
  result("unknown advice, length 0", madvise(p, 0, 77));
  result("negative length", madvise(p, SIZE_MAX - 5000, MADV_DONTNEED));
  const int harmless[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_UNMERGEABLE,
                          MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT};
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
    char name[32];
    snprintf(name, sizeof name, "advice %d", harmless[i]);
    if (harmless[i] == MADV_MERGEABLE || harmless[i] == MADV_UNMERGEABLE || harmless[i] == MADV_HUGEPAGE || harmless[i] == MADV_NOHUGEPAGE) {
      /* Depend on how the kernel was built. */
      madvise(p, PAGE, harmless[i]);
      continue;
    }
    result(name, madvise(p, PAGE, harmless[i]));
  }
  say("contents kept", "%d", p[0]);
  munmap(p + 6 * PAGE, PAGE);
  result("over a hole", madvise(p + 5 * PAGE, 3 * PAGE, MADV_DONTNEED));
  say("hole: both sides done", "%d %d", p[5 * PAGE], p[7 * PAGE]);
  result("populate write", madvise(p, 2 * PAGE, 23));
  result("populate over a hole", madvise(p + 5 * PAGE, 3 * PAGE, 22));
  mprotect(p, PAGE, PROT_READ);
  result("populate write, read only", madvise(p, PAGE, 23));
  mprotect(p, PAGE, PROT_NONE);
  result("populate read, none", madvise(p, PAGE, 22));
  result("remove on private", madvise(p + 2 * PAGE, PAGE, MADV_REMOVE));

  char *shared = mmap(NULL, 4 * PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(shared, 3, 4 * PAGE);
  result("dontneed, shared", madvise(shared, PAGE, MADV_DONTNEED));
  say("shared contents stay", "%d", shared[0]);
  result("free, shared", madvise(shared, PAGE, MADV_FREE));
  result("remove, shared", madvise(shared + PAGE, PAGE, MADV_REMOVE));
  say("removed", "%d %d", shared[PAGE], shared[2 * PAGE]);
  result("wipeonfork, shared", madvise(shared, PAGE, MADV_WIPEONFORK));

  char *fork_area = mmap(NULL, 3 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(fork_area, 1, 3 * PAGE);
  result("dontfork", madvise(fork_area, PAGE, MADV_DONTFORK));
  result("wipeonfork", madvise(fork_area + PAGE, PAGE, MADV_WIPEONFORK));
  IN_CHILD("fork advice", {
    touch("child: dontfork", fork_area, READ);
    say("child: wiped", "%d %d", fork_area[PAGE], fork_area[2 * PAGE]);
  });
  say("parent keeps", "%d %d", fork_area[0], fork_area[PAGE]);
  result("dofork", madvise(fork_area, PAGE, MADV_DOFORK));
  result("keeponfork", madvise(fork_area + PAGE, PAGE, MADV_KEEPONFORK));
  IN_CHILD("fork advice undone", say("child", "%d %d", fork_area[0], fork_area[PAGE]));

  char name[] = "/tmp/madvise-XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  if (write(fd, "file", 4) != 4) return 1;
  char *file = mmap(NULL, PAGE, rw, MAP_PRIVATE, fd, 0);
  file[0] = 'F';
  result("dontneed, private file", madvise(file, PAGE, MADV_DONTNEED));
  say("file again", "%.4s", file);
  result("free, private file", madvise(file, PAGE, MADV_FREE));

  unsigned char vector[8];
  char *fresh = mmap(NULL, 4 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  result("mincore", mincore(fresh, 4 * PAGE, vector));
  say("nothing touched", "%d %d", vector[0] & 1, vector[3] & 1);
  fresh[0] = 1;
  mincore(fresh, 4 * PAGE, vector);
  say("touched", "%d", vector[0] & 1);
  result("mincore unaligned", mincore(fresh + 1, PAGE, vector));
  result("mincore bad vector", mincore(fresh, PAGE, (unsigned char *)8));
  munmap(fresh + 2 * PAGE, PAGE);
  result("mincore hole", mincore(fresh, 4 * PAGE, vector));
  result("mincore beyond", mincore((void *)(1UL << 47), PAGE, vector));
  result("mincore length 0", mincore(fresh, 0, vector));
  return 0;
}
