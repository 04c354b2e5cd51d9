// covers: mmap(EACCES EBADF EEXIST EINVAL ENODEV ENOMEM) munmap(EINVAL)
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void *raw(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
  return (void *)syscall(SYS_mmap, addr, length, prot, flags, fd, offset);
}

int main(void) {
  catch_faults();
  const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
  const int rw = PROT_READ | PROT_WRITE;
  unsigned char *p = mmap(NULL, 5 * PAGE, rw, anon, -1, 0);
  int zero = 1;
  for (size_t i = 0; i < 5 * PAGE; i++) zero &= p[i] == 0;
  say("anonymous is zero", "%d", zero);
  memset(p, 7, 5 * PAGE);

  result_ptr("fixed replaces", mmap(p + PAGE, PAGE, rw, anon | MAP_FIXED, -1, 0));
  say("fixed replaces: contents", "%d %d %d", p[0], p[PAGE], p[2 * PAGE]);
  result_ptr("noreplace on mapped", mmap(p + PAGE, PAGE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0));
  result("munmap one", munmap(p + PAGE, 1));
  touch("read unmapped", p + PAGE, READ);
  void *at = mmap(p + PAGE, PAGE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0);
  say("noreplace on free", "%s", at == p + PAGE ? "there" : "elsewhere");
  munmap(p + PAGE, PAGE);
  at = mmap(p + PAGE, PAGE, rw, anon, -1, 0);
  say("hint on free", "%s", at == p + PAGE ? "there" : "elsewhere");
  at = mmap(p + PAGE, PAGE, rw, anon, -1, 0);
  say("hint on taken", "%s", at == p + PAGE ? "there" : "elsewhere");
  munmap(at, PAGE);
  at = mmap(p + PAGE + 123, PAGE, rw, anon, -1, 0);
  say("unaligned hint", "%s", ((uintptr_t)at & 4095) == 0 ? "aligned" : "unaligned");
  munmap(at, PAGE);

  result_ptr("length 0", raw(NULL, 0, rw, anon, -1, 0));
  result_ptr("length huge", raw(NULL, SIZE_MAX, rw, anon, -1, 0));
  result_ptr("length 2^47", raw(NULL, 1UL << 47, rw, anon, -1, 0));
  result_ptr("length negative", raw(NULL, 1UL << 63, rw, anon, -1, 0));
  result_ptr("fixed unaligned", raw(p + 1, PAGE, rw, anon | MAP_FIXED, -1, 0));
  result_ptr("fixed too high", raw((void *)(1UL << 47), PAGE, rw, anon | MAP_FIXED, -1, 0));
  result_ptr("fixed last page", raw((void *)((1UL << 47) - PAGE), PAGE, rw, anon | MAP_FIXED, -1, 0));
  result_ptr("fixed kernel address", raw((void *)(UINT64_MAX << 47), PAGE, rw, anon | MAP_FIXED, -1, 0));
  result_ptr("hint too high", raw((void *)(1UL << 55), PAGE, rw, anon, -1, 0));
  result_ptr("no type", raw(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0));
  result_ptr("shared validate anonymous", raw(NULL, PAGE, rw, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
  result_ptr("offset unaligned", raw(NULL, PAGE, rw, anon, -1, 1));
  result_ptr("bad fd", raw(NULL, PAGE, rw, MAP_PRIVATE, -1, 0));
  result_ptr("bad fd, length 0", raw(NULL, 0, rw, MAP_PRIVATE, 999, 0));
  result_ptr("anonymous with bad fd", raw(NULL, PAGE, rw, anon, 999, 0));
  result_ptr("hugetlb odd size", raw(NULL, PAGE, rw, anon | MAP_HUGETLB | (13 << 26), -1, 0));
  result_ptr("shared growsdown", raw(NULL, PAGE, rw, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
  result_ptr("stack norereserve populate", raw(NULL, PAGE, rw, anon | MAP_STACK | MAP_NORESERVE | MAP_POPULATE, -1, 0));
  result_ptr("unknown flag bits are ignored", raw(NULL, PAGE, rw, anon | 0x8000000, -1, 0));
  at = raw(NULL, PAGE, rw, anon | 0x40, -1, 0);
  say("32bit", "%s", (uintptr_t)at < (1UL << 31) ? "low" : "high");

  int fds[2];
  if (pipe(fds) < 0) return 1;
  result_ptr("pipe", raw(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0));
  result_ptr("pipe, write end", raw(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[1], 0));
  int dir = open("/", O_RDONLY | O_DIRECTORY);
  result_ptr("directory", raw(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0));
  int path = open("/", O_PATH);
  result_ptr("O_PATH", raw(NULL, PAGE, PROT_READ, MAP_PRIVATE, path, 0));

  result("munmap unaligned", munmap(p + 1, PAGE));
  result("munmap length 0", munmap(p, 0));
  result("munmap too high", munmap((void *)(1UL << 47), PAGE));
  result("munmap end too high", munmap(p, 1UL << 47));
  result("munmap of nothing", munmap(p + 5 * PAGE - 5 * PAGE, 5 * PAGE));
  result("munmap again", munmap(p, 5 * PAGE));
  touch("write unmapped", p, WRITE);
  touch("null", NULL, READ);
  touch("kernel half", (void *)(UINT64_MAX << 47), READ);

  p = mmap(NULL, 3 * PAGE, PROT_NONE, anon, -1, 0);
  touch("none: read", p, READ);
  p = mmap(NULL, 3 * PAGE, PROT_READ, anon, -1, 0);
  touch("read only: read", p, READ);
  touch("read only: write", p + PAGE, WRITE);
  touch("no exec: execute", p, EXECUTE);
  p = mmap(NULL, 3 * PAGE, PROT_WRITE, anon, -1, 0);
  touch("write only: write", p, WRITE);
  touch("write only: read", p, READ);
  p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, anon, -1, 0);
  p[0] = 0xc3;
  touch("exec: execute", p, EXECUTE);
  return 0;
}
