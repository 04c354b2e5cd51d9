// Usage: hog KIND. Takes memory of a kind until there is none: the taker is refused or killed, and everything is there again afterwards.
#include "random.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void anonymous(void) {
  for (;;) {
    char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED) _exit(errno);
    memset(more, 1, 1 << 20);
  }
}
static void family(void) {
  for (int i = 0; i < 4; i++)
    if (fork() == 0) anonymous();
  while (wait(NULL) > 0);
}
static void file(void) {
  static char data[1 << 20];
  int fd = open("hog", O_CREAT | O_WRONLY, 0600);
  while (write(fd, data, sizeof data) > 0);
  int error = errno;
  unlink("hog");
  _exit(error);
}
static void memory_file(void) {
  int fd = memfd_create("hog", 0);
  ftruncate(fd, 1L << 40);
  char *all = mmap(NULL, 1L << 40, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (all == MAP_FAILED) _exit(errno);
  for (long at = 0;; at += 4096) all[at] = 1;
}
static void pipes(void) {
  static char data[1 << 16];
  int ends[2];
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){1 << 20, 1 << 20});
  while (pipe2(ends, O_NONBLOCK) == 0) {
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    while (write(ends[1], data, sizeof data) > 0);
  }
  _exit(errno);
}
static void sockets(void) {
  static char data[1 << 16];
  int ends[2];
  while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0)
    while (write(ends[0], data, sizeof data) > 0);
  _exit(errno);
}
static void locked(void) {
  setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
  if (mlockall(MCL_FUTURE) < 0) _exit(errno);
  while (mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  _exit(errno);
}
static void stack(int depth) {
  volatile char big[1 << 16];
  big[0] = depth;
  big[sizeof big - 1] = big[0];
  if (depth >= 0) stack(depth + 1);
  big[1] = 0;
}
static void stacks(void) {
  setrlimit(RLIMIT_STACK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
  if (fork() == 0) stack(0);
  wait(NULL);
}

int main(int argc, char **argv) {
  static const struct { const char *name; void (*take)(void); } kinds[] = {
      {"anonymous", anonymous}, {"family", family}, {"file", file}, {"memfd", memory_file}, {"pipes", pipes}, {"sockets", sockets}, {"locked", locked}, {"stacks", stacks}};
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (argc > 1 && strcmp(argv[1], kinds[i].name) != 0) continue;
    pid_t taker = fork();
    if (taker == 0) {
      setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
      kinds[i].take();
      _exit(0);
    }
    int status = 0;
    if (waitpid(taker, &status, 0) != taker) printf("lost\n");
    fprintf(stderr, "%s: %s\n", kinds[i].name, status_text(status));
    char *space = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (space == MAP_FAILED) printf("%s: no memory afterwards\n", kinds[i].name);
    else memset(space, 1, 16 << 20), munmap(space, 16 << 20);
  }
  printf("done\n");
  return 0;
}
