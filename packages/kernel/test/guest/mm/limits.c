// covers: mmap(ENOMEM) mremap(ENOMEM) mprotect(ENOMEM) prlimit64
#include "../case.h"
#include <sys/mman.h>
#include <sys/resource.h>

int main(void) {
  const int rw = PROT_READ | PROT_WRITE;
  const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
  struct rlimit limit = {.rlim_cur = 64 << 20, .rlim_max = RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &limit);
  char *p = mmap(NULL, 32 << 20, PROT_NONE, anon, -1, 0);
  result_ptr("within RLIMIT_AS", p);
  result_ptr("over RLIMIT_AS", mmap(NULL, 40 << 20, PROT_NONE, anon, -1, 0));
  result_ptr("in place of another", mmap(p, 32 << 20, PROT_NONE, anon | MAP_FIXED, -1, 0));
  result_ptr("mremap over RLIMIT_AS", mremap(p, 32 << 20, 80 << 20, MREMAP_MAYMOVE));
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = 16 << 20;
  setrlimit(RLIMIT_DATA, &limit);
  result_ptr("over RLIMIT_DATA", mmap(NULL, 24 << 20, rw, anon, -1, 0));
  result_ptr("read only is no data", mmap(NULL, 24 << 20, PROT_READ, anon, -1, 0));
  result_ptr("shared is no data", mmap(NULL, 24 << 20, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  result("mprotect makes data", mprotect(p, 24 << 20, rw));
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit(RLIMIT_DATA, &limit);
  result("mprotect without limit", mprotect(p, 24 << 20, rw));

  /* max_map_count: every second page of a mapping with another protection. */
  char *many = mmap(NULL, 140000 * PAGE, PROT_NONE, anon | MAP_NORESERVE, -1, 0);
  int made = 0;
  for (int i = 0; i < 140000; i += 2, made++)
    if (mprotect(many + i * PAGE, PAGE, PROT_READ) < 0) break;
  say("max_map_count", "%d errno %d", made > 32000 && made < 33000, made == 70000 ? 0 : errno);
  result("munmap that would split", munmap(many + 100001 * PAGE, PAGE));
  result("munmap of all", munmap(many, 140000 * PAGE));
  return 0;
}
