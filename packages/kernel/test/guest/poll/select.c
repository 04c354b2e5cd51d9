// covers: select(EBADF EFAULT EINVAL) pselect6(EBADF EFAULT EINVAL)
// libc: glibc musl
// select and pselect6: sets, timeouts, bad arguments.
#pragma GCC diagnostic ignored "-Wrestrict"
#include "../processes.h"
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>

static fd_set in, out, except;
static void sets(const char *what) {
  char text[256] = "";
  for (int fd = 0; fd < FD_SETSIZE; fd++) {
    if (FD_ISSET(fd, &in)) sprintf(text + strlen(text), " in%d", fd);
    if (FD_ISSET(fd, &out)) sprintf(text + strlen(text), " out%d", fd);
    if (FD_ISSET(fd, &except)) sprintf(text + strlen(text), " except%d", fd);
  }
  SAY("%s:%s", what, text);
}
static void clear(void) {
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_ZERO(&except);
}
static struct timeval none = {0, 0};

static void readiness(void) {
  CASE("readiness");
  int pipes[2], pair[2];
  pipe(pipes);
  dup2(pipes[0], 50), dup2(pipes[1], 51);
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  dup2(pair[0], 60), dup2(pair[1], 200);
  close(pipes[0]), close(pipes[1]), close(pair[0]), close(pair[1]);
  clear();
  FD_SET(50, &in), FD_SET(51, &out), FD_SET(60, &in), FD_SET(60, &out), FD_SET(60, &except), FD_SET(200, &in);
  T(select(201, &in, &out, &except, &none));
  sets("nothing to read");
  write(51, "x", 1);
  write(200, "x", 1);
  clear();
  FD_SET(50, &in), FD_SET(51, &out), FD_SET(60, &in), FD_SET(60, &out), FD_SET(60, &except), FD_SET(200, &in);
  T(select(201, &in, &out, &except, &none));
  sets("data");
  FD_SET(200, &out);
  T(select(200, &in, &out, NULL, &none));
  sets("up to the number only");
  clear();
  FD_SET(50, &in);
  fd_set *same = &in;
  T(select(51, &in, same, NULL, &none));
  sets("one set twice");
  close(51);
  clear();
  FD_SET(50, &in), FD_SET(50, &except);
  T(select(51, &in, NULL, &except, &none));
  sets("hang-up");
  read(50, (char[4]){0}, 4);
  FD_SET(50, &in);
  T(select(51, &in, NULL, NULL, NULL));
  sets("end of file");
  close(200);
  clear();
  FD_SET(60, &in), FD_SET(60, &out);
  T(select(61, &in, &out, NULL, NULL));
  sets("peer closed");
}

static void errors(void) {
  CASE("errors");
  struct timeval time = {0, 0};
  T(select(-1, NULL, NULL, NULL, &time));
  T(select(0, NULL, NULL, NULL, &time));
  clear();
  FD_SET(30, &in);
  T(syscall(SYS_select, 31, &in, NULL, NULL, &time));
  sets("untouched");
  T(select(30, &in, NULL, NULL, &time));
  T(select(71, (void *)8, NULL, NULL, &time));
  T(select(71, NULL, (void *)8, NULL, &time));
  T(select(71, NULL, NULL, (void *)8, &time));
  T(syscall(SYS_select, 0, NULL, NULL, NULL, 8));
  time = (struct timeval){-1, 0};
  T(syscall(SYS_select, 0, NULL, NULL, NULL, &time));
  time = (struct timeval){0, -1};
  T(syscall(SYS_select, 0, NULL, NULL, NULL, &time));
  /* Microseconds may be more than a second's. */
  long start = now_ms();
  time = (struct timeval){0, 1100000};
  T(syscall(SYS_select, 0, NULL, NULL, NULL, &time));
  SAY("more than a second %d", now_ms() - start >= 1100);
  clear();
  T(select(1000000, &in, NULL, NULL, &none));
  FD_SET(900, &in);
  T(select(1024, &in, NULL, NULL, &none));
  sets("beyond the table");
}

static void waiting(void) {
  CASE("waiting");
  struct timeval time = {0, 50000};
  long start = now_ms();
  T(select(0, NULL, NULL, NULL, &time));
  SAY("waited %d, left %ld %ld", now_ms() - start >= 50, (long)time.tv_sec, (long)time.tv_usec);
  int ends[2];
  pipe(ends);
  pid_t self = getpid();
  pid_t writer = CHILD(wait_asleep(self); write(ends[1], "x", 1));
  clear();
  FD_SET(ends[0], &in);
  T(select(ends[0] + 1, &in, NULL, NULL, NULL));
  SAY("ready %d", FD_ISSET(ends[0], &in) != 0);
  say_end("writer", writer);
  close(ends[0]), close(ends[1]);
}

static void handler(int signo) { SAY("handler %d", signo); }
static void pselect_cases(void) {
  CASE("pselect6");
  signal(SIGUSR1, handler);
  sigset_t block, empty;
  sigemptyset(&empty);
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, NULL);
  raise(SIGUSR1);
  struct timespec time = {0, 0};
  struct { void *set; size_t size; } mask = {&empty, 8};
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &mask));
  raise(SIGUSR1);
  mask.size = 4;
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, &mask));
  mask.size = 8;
  mask.set = (void *)8;
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, &mask));
  mask.set = NULL;
  mask.size = 99;
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, &mask));
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, 8));
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, NULL));
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, 8, NULL));
  T(syscall(SYS_pselect6, -1, NULL, NULL, NULL, &time, NULL));
  time.tv_nsec = 1000000000;
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, NULL));
  time = (struct timespec){0, 20000000};
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, NULL));
  SAY("left %ld %ld", (long)time.tv_sec, time.tv_nsec);
  clear();
  FD_SET(30, &in);
  mask.set = &empty;
  mask.size = 8;
  T(syscall(SYS_pselect6, 31, &in, NULL, NULL, &time, &mask));
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  SAY("blocked after %d", sigismember(&now, SIGUSR1));
  sigprocmask(SIG_UNBLOCK, &block, NULL);
}

int main(void) {
  readiness();
  errors();
  waiting();
  pselect_cases();
  return 0;
}
