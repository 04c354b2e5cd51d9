// covers: brk prlimit64
#include "../case.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static char *set(char *to) { return (char *)syscall(SYS_brk, to); }

int main(void) {
  catch_faults();
  char *start = set(NULL);
  char *end = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);
  say("query does not move", "%d", set(NULL) == start);
  say("below the start", "%d", set((char *)4096) == start);
  say("grow", "%d", set(end + 64 * PAGE) == end + 64 * PAGE);
  end[0] = 1;
  end[63 * PAGE] = 2;
  say("zeroed", "%d %d", end[PAGE], end[63 * PAGE + 1]);
  touch("past the end", end + 64 * PAGE, READ);
  say("within a page", "%d", set(end + 64 * PAGE + 100) == end + 64 * PAGE + 100);
  touch("rest of the page", end + 64 * PAGE + 4000, WRITE);
  say("shrink", "%d", set(end + PAGE) == end + PAGE);
  touch("after shrinking", end + 2 * PAGE, READ);
  say("kept", "%d", end[0]);
  say("grow again", "%d", set(end + 4 * PAGE) == end + 4 * PAGE);
  say("zero again", "%d", end[3 * PAGE]);
  void *wall = mmap(end + 8 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  say("into a mapping", "%d", set(end + 16 * PAGE) == end + 4 * PAGE);
  munmap(wall, PAGE);
  say("far too much", "%d", set((char *)(1UL << 46)) == end + 4 * PAGE);
  struct rlimit limit = {.rlim_cur = 64 * PAGE, .rlim_max = RLIM_INFINITY};
  setrlimit(RLIMIT_DATA, &limit);
  say("data limit", "%d", set(end + 4096 * PAGE) == end + 4 * PAGE);
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit(RLIMIT_DATA, &limit);
  say("no limit", "%d", set(end + 4096 * PAGE) == end + 4096 * PAGE);
  return 0;
}
