// covers: poll(EFAULT EINVAL) ppoll(EFAULT EINVAL)
// libc: glibc musl
// poll and ppoll: what each kind of file reports, timeouts, waiting, errors.
#include "../processes.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const char *text_of(int events) {
  static char text[128];
  static const struct { int bit; const char *name; } names[] = {
      {POLLIN, "IN"}, {POLLPRI, "PRI"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"}, {POLLHUP, "HUP"}, {POLLNVAL, "NVAL"},
      {POLLRDNORM, "RDNORM"}, {POLLRDBAND, "RDBAND"}, {POLLWRNORM, "WRNORM"}, {POLLWRBAND, "WRBAND"}, {POLLRDHUP, "RDHUP"}};
  text[0] = 0;
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (events & names[i].bit) strcat(strcat(text, text[0] ? "|" : ""), names[i].name);
  return text;
}
#define EVERYTHING (POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP)
static void ready(const char *what, int fd) {
  struct pollfd p = {fd, EVERYTHING, -1};
  int n = poll(&p, 1, 0);
  SAY("%s: %d %s", what, n, text_of(p.revents));
}

static void files(void) {
  CASE("regular files");
  make_file("file", "x");
  int fd = open("file", O_RDONLY);
  ready("file", fd);
  close(fd);
  fd = open(".", O_RDONLY);
  ready("directory", fd);
  close(fd);
  fd = open("/dev/null", O_RDONLY);
  ready("null", fd);
  close(fd);
  fd = open("file", O_PATH);
  ready("path", fd);
  close(fd);
  ready("closed", fd);
  ready("negative", -1);
  CASE("pipes");
  static char data[65536];
  int ends[2];
  T(pipe(ends));
  ready("empty, read end", ends[0]);
  ready("empty, write end", ends[1]);
  write(ends[1], data, 1);
  ready("one byte, read end", ends[0]);
  write(ends[1], data, 65535 - 4096);
  ready("not quite full, write end", ends[1]);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], data, 65536) > 0);
  ready("full, write end", ends[1]);
  close(ends[1]);
  ready("data and no writer", ends[0]);
  while (read(ends[0], data, sizeof data) > 0);
  ready("no writer", ends[0]);
  close(ends[0]);
  T(pipe(ends));
  close(ends[0]);
  ready("no reader", ends[1]);
  close(ends[1]);
  CASE("sockets");
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  ready("empty", ends[0]);
  write(ends[1], data, 1);
  ready("one byte", ends[0]);
  shutdown(ends[1], SHUT_WR);
  ready("peer writes no more", ends[0]);
  shutdown(ends[1], SHUT_RD);
  ready("peer reads no more", ends[0]);
  close(ends[1]);
  ready("closed", ends[0]);
  close(ends[0]);
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
  ready("datagrams, empty", ends[0]);
  write(ends[1], data, 1);
  ready("one datagram", ends[0]);
  close(ends[1]);
  ready("datagrams, closed", ends[0]);
  close(ends[0]);
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ready("not connected", fd);
  close(fd);
  fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  ready("datagram socket", fd);
  close(fd);
}

static void several(void) {
  CASE("several");
  int a[2], b[2];
  pipe(a);
  pipe(b);
  write(b[1], "x", 1);
  struct pollfd fds[] = {{a[0], POLLIN, 7}, {b[0], POLLIN, 7}, {-5, POLLIN, 7}, {a[1], POLLOUT, 7}, {a[1], POLLIN, 7}, {999, POLLIN, 7}, {b[0], 0, 7}};
  T(poll(fds, 7, 0));
  for (int i = 0; i < 7; i++) SAY("%d: %s", i, text_of(fds[i].revents));
  T(poll(fds, 3, 1000));
  T(poll(fds, 1, 0));
  T(poll(fds, 0, 0));
  T(poll(NULL, 0, 0));
  T(poll(NULL, 0, 1));
  close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static void errors(void) {
  CASE("errors");
  struct pollfd p = {0, POLLIN, 0};
  T(poll((void *)8, 1, 0));
  T(poll(&p, 1025, 0));
  T(poll(&p, -1, 0));
  T(syscall(SYS_poll, (void *)-1, 0, 0));
  struct rlimit limit = {10, 1024};
  setrlimit(RLIMIT_NOFILE, &limit);
  struct pollfd many[20];
  memset(many, -1, sizeof many);
  T(poll(many, 10, 0));
  T(poll(many, 11, 0));
  limit.rlim_cur = 1024;
  setrlimit(RLIMIT_NOFILE, &limit);
  struct pollfd *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap((char *)shared + 4096, 4096);
  T(poll((struct pollfd *)((char *)shared + 4096) - 1, 2, 0));
  mprotect(shared, 4096, PROT_READ);
  T(poll(shared, 1, 0));
  struct timespec timeout = {0, 0};
  T(syscall(SYS_ppoll, NULL, 0, &timeout, NULL, 0));
  T(syscall(SYS_ppoll, NULL, 0, 8, NULL, 0));
  timeout = (struct timespec){0, 1000000000};
  T(syscall(SYS_ppoll, NULL, 0, &timeout, NULL, 0));
  timeout = (struct timespec){-1, 0};
  T(syscall(SYS_ppoll, NULL, 0, &timeout, NULL, 0));
  timeout = (struct timespec){0, -1};
  T(syscall(SYS_ppoll, NULL, 0, &timeout, NULL, 0));
  timeout = (struct timespec){0, 0};
  sigset_t set;
  sigemptyset(&set);
  T(syscall(SYS_ppoll, NULL, 0, &timeout, &set, 8));
  T(syscall(SYS_ppoll, NULL, 0, &timeout, &set, 7));
  T(syscall(SYS_ppoll, NULL, 0, &timeout, &set, 128));
  T(syscall(SYS_ppoll, NULL, 0, &timeout, 8, 8));
  T(syscall(SYS_ppoll, 8, 1, &timeout, NULL, 8));
}

static void waiting(void) {
  CASE("waiting");
  int ends[2];
  pipe(ends);
  struct pollfd p = {ends[0], POLLIN, 0};
  long start = now_ms();
  T(poll(&p, 1, 50));
  SAY("waited %d", now_ms() - start >= 50);
  start = now_ms();
  struct timespec timeout = {0, 50000000};
  T(syscall(SYS_ppoll, &p, 1, &timeout, NULL, 8));
  SAY("waited %d, left %ld %ld", now_ms() - start >= 50, (long)timeout.tv_sec, timeout.tv_nsec);
  pid_t self = getpid();
  pid_t writer = CHILD(wait_asleep(self); write(ends[1], "x", 1));
  T(poll(&p, 1, -1));
  SAY("%s", text_of(p.revents));
  say_end("writer", writer);
  close(ends[1]);
  read(ends[0], (char[4]){0}, 4);
  T(poll(&p, 1, -1));
  SAY("%s", text_of(p.revents));
  close(ends[0]);
  pipe(ends);
  p = (struct pollfd){ends[0], 0, 0};
  pid_t closer = CHILD(close(ends[0]); wait_asleep(self); SAY("asleep"));
  close(ends[1]);
  T(poll(&p, 1, -1));
  SAY("%s although not asked for", text_of(p.revents));
  kill(closer, SIGKILL);
  waitpid(closer, NULL, 0);
  close(ends[0]);
}

static void handler(int signo) { SAY("handler %d", signo); }
static void masks(void) {
  CASE("ppoll's mask");
  signal(SIGUSR1, handler);
  sigset_t block, none, now;
  sigemptyset(&none);
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, NULL);
  raise(SIGUSR1);
  T(ppoll(NULL, 0, &(struct timespec){0, 0}, NULL));
  T(ppoll(NULL, 0, NULL, &none));
  sigprocmask(SIG_BLOCK, NULL, &now);
  SAY("blocked after %d", sigismember(&now, SIGUSR1));
  raise(SIGUSR1);
  T(ppoll(NULL, 0, &(struct timespec){0, 0}, &none));
  T(syscall(SYS_ppoll, 8, 1, NULL, &none, 8));
  sigprocmask(SIG_UNBLOCK, &block, NULL);
}

int main(void) {
  fresh_directory("poll");
  files();
  several();
  errors();
  waiting();
  masks();
  unlink("file");
  return 0;
}
