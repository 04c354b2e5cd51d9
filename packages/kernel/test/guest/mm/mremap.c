// covers: mremap(EFAULT EINVAL ENOMEM)
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void *raw(void *addr, size_t old, size_t new, unsigned long flags, void *to) {
  return (void *)syscall(SYS_mremap, addr, old, new, flags, to);
}

int main(void) {
  catch_faults();
  const int rw = PROT_READ | PROT_WRITE;
  const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
  char *p = mmap(NULL, 16 * PAGE, rw, anon, -1, 0);
  for (int i = 0; i < 16; i++) p[i * PAGE] = (char)(i + 1);
  say("shrink in place", "%d", mremap(p, 16 * PAGE, 8 * PAGE, 0) == p);
  touch("cut off", p + 8 * PAGE, READ);
  say("grow in place", "%d", mremap(p, 8 * PAGE, 12 * PAGE, 0) == p);
  say("grown part is zero", "%d %d", p[7 * PAGE], p[8 * PAGE]);
  char *block = mmap(p + 12 * PAGE, PAGE, rw, anon | MAP_FIXED, -1, 0);
  result_ptr("cannot grow", mremap(p, 12 * PAGE, 20 * PAGE, 0));
  char *q = mremap(p, 12 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
  say("moved", "%d %d %d %d", q != p, q[0], q[7 * PAGE], q[19 * PAGE]);
  touch("old place", p, READ);
  char *to = mmap(NULL, 32 * PAGE, PROT_NONE, anon, -1, 0);
  p = mremap(q, 20 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  say("fixed", "%d %d", p == to, p[3 * PAGE]);
  touch("beyond the fixed", to + 20 * PAGE, READ);
  say("from the middle", "%d", mremap(p + 4 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 24 * PAGE) == to + 24 * PAGE);
  say("middle moved", "%d", to[24 * PAGE]);
  touch("middle is gone", p + 4 * PAGE, READ);

  result_ptr("unknown flag", raw(p, PAGE, PAGE, 8, NULL));
  result_ptr("fixed without maymove", raw(p, PAGE, PAGE, MREMAP_FIXED, to));
  result_ptr("unaligned", raw(p + 1, PAGE, PAGE, 0, NULL));
  result_ptr("new length 0", raw(p, PAGE, 0, 0, NULL));
  result_ptr("unmapped", raw(p + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL));
  result_ptr("longer than the mapping", raw(p, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE, NULL));
  result_ptr("old length 0, private", raw(p, 0, PAGE, MREMAP_MAYMOVE, NULL));
  result_ptr("fixed unaligned", raw(p, PAGE, PAGE, 3, to + 1));
  result_ptr("fixed overlaps", raw(p, 2 * PAGE, 2 * PAGE, 3, p + PAGE));
  result_ptr("fixed too high", raw(p, PAGE, PAGE, 3, (void *)(1UL << 47)));
  result_ptr("huge", raw(p, PAGE, 1UL << 46, MREMAP_MAYMOVE, NULL) == (void *)-1 ? (void *)-1 : p);
  result_ptr("dontunmap with other length", raw(p, PAGE, 2 * PAGE, 5, NULL));
  result_ptr("dontunmap without maymove", raw(p, PAGE, PAGE, 4, NULL));
  q = raw(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4, NULL);
  say("dontunmap", "%d %d", q[0], q[PAGE]);
  say("dontunmap leaves zeroes", "%d %d", p[0], p[PAGE]);

  char *shared = mmap(NULL, 2 * PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared[0] = 9;
  char *second = mremap(shared, 0, 2 * PAGE, MREMAP_MAYMOVE);
  say("old length 0, shared: a second mapping", "%d", second != shared && second[0] == 9);
  second[PAGE] = 8;
  say("second mapping shares", "%d", shared[PAGE]);
  char *larger = mremap(shared, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
  touch("shared anonymous past its size", larger + 3 * PAGE, READ);
  munmap(block, PAGE);
  return 0;
}
