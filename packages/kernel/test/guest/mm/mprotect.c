// covers: mprotect(EINVAL ENOMEM) pkey_alloc(EINVAL) pkey_free(EINVAL) pkey_mprotect(EINVAL)
#include "../case.h"
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void) {
  catch_faults();
  const int rw = PROT_READ | PROT_WRITE;
  char *p = mmap(NULL, 8 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 1, 8 * PAGE);
  result("to read", mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
  touch("before", p + PAGE, WRITE);
  touch("inside", p + 2 * PAGE, WRITE);
  touch("inside read", p + 3 * PAGE, READ);
  touch("after", p + 4 * PAGE, WRITE);
  result("back", mprotect(p + 2 * PAGE, 2 * PAGE, rw));
  touch("inside again", p + 2 * PAGE, WRITE);
  say("contents kept", "%d %d", p[3 * PAGE], p[2 * PAGE + 1]);
  result("to none", mprotect(p, PAGE, PROT_NONE));
  touch("none", p, READ);
  result("to read write exec", mprotect(p, PAGE, rw | PROT_EXEC));
  p[0] = (char)0xc3;
  touch("exec", p, EXECUTE);
  result("no exec", mprotect(p, PAGE, rw));
  touch("no longer exec", p, EXECUTE);

  result("length 0", mprotect(p, 0, PROT_NONE));
  result("unaligned", mprotect(p + 1, PAGE, PROT_NONE));
  result("unaligned, length 0", mprotect(p + 1, 0, PROT_NONE));
  result("unknown bit", mprotect(p, PAGE, 0x100));
  result("overflow", mprotect(p, SIZE_MAX - 1000, rw));
  result("both grow", mprotect(p, PAGE, rw | 0x3000000));
  result("growsdown of none", mprotect(p, PAGE, rw | 0x1000000));
  result("growsup of none", mprotect(p, PAGE, rw | 0x2000000));
  munmap(p + 4 * PAGE, PAGE);
  result("hole", mprotect(p + 3 * PAGE, 3 * PAGE, PROT_READ));
  touch("before the hole is changed", p + 3 * PAGE, WRITE);
  touch("after the hole is not", p + 5 * PAGE, WRITE);
  result("starts in a hole", mprotect(p + 4 * PAGE, 2 * PAGE, PROT_READ));
  result("beyond all", mprotect((void *)(1UL << 47), PAGE, PROT_READ));
  result("sem is allowed", mprotect(p, PAGE, rw | 8));

  char *stack = mmap(NULL, 4 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
  result("growsdown", mprotect(stack + 2 * PAGE, PAGE, PROT_READ | 0x1000000));
  touch("growsdown reaches the start", stack, WRITE);
  touch("growsdown ends", stack + 3 * PAGE, WRITE);

  result("pkey_alloc bad flags", syscall(SYS_pkey_alloc, 1, 0));
  result("pkey_alloc bad rights", syscall(SYS_pkey_alloc, 0, 8));
  result("pkey_free unknown", syscall(SYS_pkey_free, 5));
  result("pkey_mprotect without key", syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, -1));
  touch("pkey_mprotect works", p, WRITE);
  result("pkey_mprotect unknown key", syscall(SYS_pkey_mprotect, p, PAGE, rw, 9));
  return 0;
}
