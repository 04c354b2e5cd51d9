// covers: mlock(ENOMEM EPERM) mlock2(EINVAL) munlock(ENOMEM) mlockall(EINVAL ENOMEM EPERM) munlockall prlimit64
#include "../case.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int main(void) {
  const int rw = PROT_READ | PROT_WRITE;
  /* Limits bind those without privilege. */
  struct rlimit limit = {.rlim_cur = 8 * PAGE, .rlim_max = 8 * PAGE};
  setrlimit(RLIMIT_MEMLOCK, &limit);
  if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) return 1;
  char *p = mmap(NULL, 32 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  result("within the limit", mlock(p, 4 * PAGE));
  result("again, counted once", mlock(p, 8 * PAGE));
  result("over the limit", mlock(p, 9 * PAGE));
  result("another page", mlock(p + 16 * PAGE, 1));
  result("unlock", munlock(p, 8 * PAGE));
  result("another page now", mlock(p + 16 * PAGE + 5, 1));
  result("unlock it", munlock(p + 16 * PAGE, PAGE));
  result("onfault", mlock2(p, 2 * PAGE, MLOCK_ONFAULT));
  result("unknown flag", mlock2(p, PAGE, 8));
  result("dontneed of locked", madvise(p, PAGE, MADV_DONTNEED));
  result("length 0", mlock(p, 0));
  munmap(p + 20 * PAGE, PAGE);
  result("hole", mlock(p + 19 * PAGE, 3 * PAGE));
  result("unlock hole", munlock(p + 19 * PAGE, 3 * PAGE));
  result("unlock nothing mapped", munlock(p + 20 * PAGE, PAGE));
  result("lock none", (mprotect(p + 24 * PAGE, PAGE, PROT_NONE), mlock(p + 24 * PAGE, PAGE)));
  munlock(p, 20 * PAGE);
  munlock(p + 21 * PAGE, 11 * PAGE);
  result_ptr("mmap locked over the limit", mmap(NULL, 9 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
  void *q = mmap(NULL, 2 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
  result_ptr("mmap locked", q);
  result_ptr("grow locked over the limit", mremap(q, 2 * PAGE, 20 * PAGE, MREMAP_MAYMOVE));
  result("msync invalidate of locked", msync(q, PAGE, MS_INVALIDATE));
  result("mlockall flags 0", mlockall(0));
  result("mlockall unknown", mlockall(16));
  result("mlockall onfault alone", mlockall(MCL_ONFAULT));
  result("mlockall current over the limit", mlockall(MCL_CURRENT));
  result("mlockall future", mlockall(MCL_FUTURE));
  result_ptr("future mapping over the limit", mmap(NULL, 32 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  result("munlockall", munlockall());
  result_ptr("no longer locked", mmap(NULL, 32 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  limit.rlim_cur = limit.rlim_max = 0;
  setrlimit(RLIMIT_MEMLOCK, &limit);
  result("no right at all", mlock(p, PAGE));
  result("no right, mlockall", mlockall(MCL_CURRENT));
  result_ptr("no right, mmap", mmap(NULL, PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
  return 0;
}
