// Usage: bomb PROCESSES|THREADS. Every process (thread) makes as many more as it gets, until there can be no more; then all are killed.
#include "random.h"
#include <sys/mman.h>

static volatile struct {
  int made, refused, error;
} *shared;

static void count(int made) {
  if (made) __sync_fetch_and_add(&shared->made, 1);
  else {
    shared->error = errno;
    __sync_fetch_and_add(&shared->refused, 1);
  }
}
static void *rest(void *unused) {
  pause();
  return unused;
}

static void processes(void) {
  for (;;) {
    pid_t pid = fork();
    if (pid != 0) count(pid > 0);
    if (pid < 0) pause();
  }
}
static void threads(void) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (;;) {
    pthread_t thread;
    errno = pthread_create(&thread, &small, rest, NULL);
    count(errno == 0);
    if (errno != 0) pause();
  }
}

int main(int argc, char **argv) {
  int with_threads = argc > 1 && strcmp(argv[1], "threads") == 0;
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t first = fork();
  if (first == 0) {
    setsid();
    if (with_threads) threads();
    else processes();
  }
  // All of them have been refused, or nothing has happened for a while.
  for (int before = -1, quiet = 0; quiet < 50; sleep_ms(10)) {
    quiet = shared->refused > 0 && before == shared->made ? quiet + 1 : 0;
    before = shared->made;
  }
  kill(-first, SIGKILL);
  int status;
  waitpid(first, &status, 0);
  fprintf(stderr, "%d made, %d refused\n", shared->made, shared->refused);
  printf("error %d, %s\n", shared->error, status_text(status));
  return 0;
}
