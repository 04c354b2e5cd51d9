// Never makes a system call again, in several threads; the runner kills it.
#include "random.h"

static void *spin(void *unused) {
  for (;;) __asm__ volatile("" ::: "memory");
  return unused;
}
int main(void) {
  signal(SIGTERM, SIG_IGN);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  printf("spinning\n");
  fflush(stdout);
  pthread_t thread;
  for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, spin, NULL);
  spin(NULL);
}
