// covers: prlimit64 mmap sigaltstack
#include "../case.h"
#include <alloca.h>
#include <sys/mman.h>
#include <sys/resource.h>

__attribute__((noinline)) static int deep(int depth) {
  volatile char frame[1000];
  frame[0] = (char)depth;
  if (depth == 0) return frame[0];
  return deep(depth - 1) + frame[0] * 0;
}
__attribute__((noinline)) static void touch_below(size_t bytes) {
  volatile char *big = alloca(bytes);
  big[0] = 1;
}

int main(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_STACK, &limit);
  IN_CHILD("within a small limit", touch_below(512 << 10));
  IN_CHILD("beyond a small limit", touch_below(2 << 20));
  limit.rlim_cur = 8 << 20;
  setrlimit(RLIMIT_STACK, &limit);
  say("deep recursion", "%d", deep(4000));
  IN_CHILD("large frame", touch_below(3 << 20));
  IN_CHILD("endless", deep(1 << 30));
  catch_faults();
  IN_CHILD("caught overflow", {
    if (sigsetjmp(fault_return, 1) == 0) deep(1 << 30);
    else say("overflow", "signal %d code %d", fault_info.si_signo, fault_info.si_code);
  });

  /* MAP_GROWSDOWN */
  char *area = mmap(NULL, 1024 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area, 1024 * PAGE);
  char *top = mmap(area + 1000 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  touch("grows by a page", top - 1, WRITE);
  touch("grows by many", top - 300 * PAGE, WRITE);
  say("still there", "%d", top[-1]);
  char *wall = mmap(area + 100 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  touch("up to the gap", wall + PAGE + 256 * PAGE, WRITE);
  touch("into the gap", wall + PAGE + 255 * PAGE, WRITE);
  mprotect(wall, PAGE, PROT_NONE);
  touch("no gap above PROT_NONE", wall + PAGE + 10 * PAGE, WRITE);
  return 0;
}
