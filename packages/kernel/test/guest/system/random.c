// covers: getrandom(EFAULT EINVAL)
// libc: glibc musl
// Random bytes.
#include "../processes.h"
#include <sys/mman.h>
#include <sys/random.h>

static unsigned char bytes[1 << 20], more[1 << 20];

int main(void) {
  CASE("getrandom");
  T(getrandom(bytes, 16, 0));
  T(getrandom(more, 16, 0));
  SAY("differ %d", memcmp(bytes, more, 16) != 0);
  T(getrandom(bytes, 256, GRND_NONBLOCK));
  T(getrandom(bytes, 64, GRND_RANDOM));
  T(syscall(SYS_getrandom, bytes, 64, 4));
  T(getrandom(bytes, 0, 0));
  T(getrandom(NULL, 0, 0));
  T(getrandom(bytes, sizeof bytes, 0));
  unsigned counts[256] = {0};
  for (size_t i = 0; i < sizeof bytes; i++) counts[bytes[i]]++;
  int even = 1;
  for (int i = 0; i < 256; i++) even &= counts[i] > 3000 && counts[i] < 5400;
  SAY("evenly spread %d", even);
  CASE("errors");
  T(getrandom(bytes, 16, 8));
  T(getrandom(bytes, 16, -1));
  T(syscall(SYS_getrandom, bytes, 16, 2 | 4));
  T(getrandom((void *)8, 16, 0));
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  T(getrandom(page + 4096 - 100, 50, 0));
  mprotect(page, 4096, PROT_READ);
  T(getrandom(page, 50, 0));
  return 0;
}
