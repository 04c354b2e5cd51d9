// Whether the kernel still does what programs need: processes, threads, pipes, files, memory, signals, time.
#include "../processes.h"
#include <sys/mman.h>

static volatile sig_atomic_t handled;
static void handler(int signo) { handled = signo; }
static void *thread(void *argument) {
  *(int *)argument = 42;
  return NULL;
}
static void check(int fine, const char *what) {
  if (fine) return;
  printf("not alive: %s, errno %d\n", what, errno);
  exit(1);
}

int main(void) {
  int ends[2], status = 0, value = 0;
  char text[16] = "";
  check(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) _exit(write(ends[1], "hello", 5) == 5 ? 7 : 1);
  check(child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "child");
  check(read(ends[0], text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0, "read");
  pthread_t other;
  check(pthread_create(&other, NULL, thread, &value) == 0 && pthread_join(other, NULL) == 0 && value == 42, "thread");
  unsigned char *space = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(space != MAP_FAILED, "mmap");
  for (int i = 0; i < 8 << 20; i += 4096) check(space[i] == 0, "fresh memory is zero");
  memset(space, 0x5a, 8 << 20);
  check(munmap(space, 8 << 20) == 0, "munmap");
  check(mkdir("probe", 0700) == 0 || errno == EEXIST, "mkdir");
  int fd = open("probe/file", O_CREAT | O_RDWR | O_TRUNC, 0600);
  check(fd >= 0 && write(fd, "content", 7) == 7 && pread(fd, text, 16, 0) == 7 && memcmp(text, "content", 7) == 0, "file");
  check(unlink("probe/file") == 0 && rmdir("probe") == 0, "unlink");
  signal(SIGUSR1, handler);
  check(raise(SIGUSR1) == 0 && handled == SIGUSR1, "signal");
  long start = now_ms();
  sleep_ms(20);
  check(now_ms() - start >= 20, "sleep");
  printf("alive\n");
  return 0;
}
