// covers: read write(EAGAIN) wait4 poll ppoll select pselect6 epoll_wait(EINTR) clock_nanosleep(EFAULT) futex pause rt_sigsuspend(EFAULT EINVAL) rt_sigtimedwait(EINTR) accept(EAGAIN) recvfrom(EAGAIN EINTR) sendto(EAGAIN) connect flock fcntl openat waitid restart_syscall(EINTR ETIMEDOUT) splice(EAGAIN)
// Calls that a signal interrupts: which are made again, which fail with EINTR, which go on as if nothing had been.
#include "../processes.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* Memory that all processes share: a futex, the pid of a lock's holder, and the number of handled signals. */
static volatile struct {
  int futex, locker, handled;
} *shared;
static void handler(int signo) {
  (void)signo;
  shared->handled++;
}

static int ends[2], full[2], pair[2], fullpair[2], listener, event, poller, busy;
static pid_t victim;
/* Whether a process holds the lock at the begin of each call. */
static int held;

/* A child that waits until its parent sleeps in a call, interrupts it, and if it sleeps on, makes the call possible. */
static pid_t interrupter(int signo, void (*release)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    wait_asleep(victim);
    kill(victim, signo);
    while (shared->handled == 0) sleep_ms(1);
    wait_asleep(victim);
    if (release != NULL) release();
    _exit(0);
  }
  return child;
}

static void feed_pipe(void) { write(ends[1], "x", 1); }
static void drain_pipe(void) {
  static char data[65536];
  read(full[0], data, sizeof data);
}
static void feed_pair(void) { write(pair[1], "x", 1); }
static void drain_pair(void) {
  static char data[1 << 20];
  while (recv(fullpair[1], data, sizeof data, MSG_DONTWAIT) > 0);
}
static void feed_event(void) {
  uint64_t one = 1;
  write(event, &one, 8);
}
static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "restart-socket"};
static void dial(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  connect(fd, (struct sockaddr *)&address, sizeof address);
}
static void open_fifo(void) {
  int fd = open("restart-fifo", O_WRONLY | O_NONBLOCK);
  close(fd);
}

/* One call with a handler with SA_RESTART, and without. */
#define TRY(name, release, call)                                                                                    \
  do {                                                                                                              \
    for (int flags_ = 0; flags_ < 2; flags_++) {                                                                    \
      struct sigaction action_ = {.sa_handler = handler, .sa_flags = flags_ ? SA_RESTART : 0};                      \
      sigaction(SIGUSR1, &action_, NULL);                                                                           \
      shared->handled = 0;                                                                                                  \
      pid_t child_ = interrupter(SIGUSR1, release);                                                                 \
      errno = 0;                                                                                                    \
      long got_ = (long)(call);                                                                                     \
      int error_ = errno;                                                                                           \
      int times_ = shared->handled;                                                                                         \
      SAY("%s, %s: %s %d, handled %s", name, flags_ ? "restart" : "no restart", got_ < 0 ? "error" : "ok", got_ < 0 ? error_ : 0, \
          times_ > 0 ? "yes" : "no");                                                                               \
      kill(child_, SIGKILL);                                                                                        \
      while (waitpid(child_, NULL, 0) < 0 && errno == EINTR);                                                       \
      reset();                                                                                                      \
    }                                                                                                               \
  } while (0)

/* The lock's holder is a process: its pid is in the shared memory. */
static void kill_locker(void) { kill(shared->locker, SIGKILL); }
static void hold_lock(void) {
  struct gate ready = new_gate();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int fd = open("restart-lock", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(fd, F_SETLK, &lock);
    gate_open(ready);
    pause();
    _exit(0);
  }
  gate_pass(ready);
  gate_close(ready);
  shared->locker = child;
}

static void reset(void) {
  shared->futex = 0;
  if (busy > 0) flock(busy, LOCK_EX | LOCK_NB);
  if (shared->locker > 0) {
    kill(shared->locker, SIGKILL);
    waitpid(shared->locker, NULL, 0);
    shared->locker = 0;
    if (held) hold_lock();
  }
  static char data[1 << 20];
  struct pollfd fd = {ends[0], POLLIN, 0};
  while (poll(&fd, 1, 0) > 0 && read(ends[0], data, 1) > 0);
  while (recv(pair[0], data, 1, MSG_DONTWAIT) > 0);
  uint64_t count;
  struct pollfd e = {event, POLLIN, 0};
  if (poll(&e, 1, 0) > 0) read(event, &count, 8);
  fcntl(full[1], F_SETFL, O_NONBLOCK);
  memset(data, 1, 65536);
  while (write(full[1], data, 65536) > 0);
  while (write(full[1], data, 1) > 0);
  fcntl(full[1], F_SETFL, 0);
  while (send(fullpair[0], data, 65536, MSG_DONTWAIT) > 0);
  while (send(fullpair[0], data, 1, MSG_DONTWAIT) > 0);
  int fd2;
  fcntl(listener, F_SETFL, O_NONBLOCK);
  while ((fd2 = accept(listener, NULL, NULL)) >= 0) close(fd2);
  fcntl(listener, F_SETFL, 0);
}

/* A child that exits when its parent waits for it again after a signal. */
static pid_t lingering_child(void) {
  pid_t child = fork();
  if (child == 0) {
    while (shared->handled == 0) sleep_ms(1);
    wait_asleep(victim);
    _exit(0);
  }
  return child;
}
static long wait_child(void) {
  pid_t child = lingering_child();
  long got = waitpid(child, NULL, 0);
  int error = errno;
  while (got < 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR);
  errno = error;
  return got;
}
static long wait_child_id(void) {
  pid_t child = lingering_child();
  siginfo_t info;
  long got = waitid(P_PID, child, &info, WEXITED);
  int error = errno;
  while (got < 0 && waitid(P_PID, child, &info, WEXITED) < 0 && errno == EINTR);
  errno = error;
  return got;
}

static void wake(void) {
  shared->futex = 1;
  syscall(SYS_futex, &shared->futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}
static char byte;
static struct pollfd poll_fd;
static fd_set set;
static struct epoll_event events[1];
/* How long calls with a timeout wait: with handlers for a signal, which comes much sooner. */
static struct timespec soon = {20, 0};

static fd_set *set_of(int fd) {
  FD_ZERO(&set);
  FD_SET(fd, &set);
  return &set;
}
static long do_select(void) {
  struct timeval timeout = {soon.tv_sec, soon.tv_nsec / 1000};
  return select(ends[0] + 1, set_of(ends[0]), NULL, NULL, &timeout);
}
static long do_futex(void) { return syscall(SYS_futex, &shared->futex, FUTEX_WAIT, 0, &soon, NULL, 0) < 0 && errno == ETIMEDOUT ? 0 : -1; }
static long do_futex_forever(void) { return syscall(SYS_futex, &shared->futex, FUTEX_WAIT, 0, NULL, NULL, 0); }
static long do_sigtimedwait(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  long got = sigtimedwait(&wanted, NULL, &soon);
  if (got < 0 && errno == EAGAIN) return 0;
  return got;
}
static long do_flock(void) {
  int fd = open("restart-lock", O_RDWR);
  long got = flock(fd, LOCK_EX);
  int error = errno;
  close(fd);
  errno = error;
  return got;
}
static void unlock(void) { flock(busy, LOCK_UN); }
static long do_setlkw(void) {
  int fd = open("restart-lock", O_RDWR);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  long got = fcntl(fd, F_SETLKW, &lock);
  int error = errno;
  close(fd);
  errno = error;
  return got;
}
static long do_open_fifo(void) {
  int fd = open("restart-fifo", O_RDONLY);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return fd;
}

static void with_handlers(void) {
  CASE("handlers");
  TRY("read pipe", feed_pipe, read(ends[0], &byte, 1));
  TRY("write pipe", drain_pipe, write(full[1], &byte, 1));
  TRY("read socket", feed_pair, read(pair[0], &byte, 1));
  TRY("recv", feed_pair, recv(pair[0], &byte, 1, 0));
  TRY("send", drain_pair, send(fullpair[0], &byte, 1, 0));
  TRY("accept", dial, accept(listener, NULL, NULL));
  TRY("read eventfd", feed_event, read(event, (char[8]){0}, 8));
  TRY("wait4", NULL, wait_child());
  TRY("waitid", NULL, wait_child_id());
  TRY("poll", feed_pipe, poll((poll_fd = (struct pollfd){ends[0], POLLIN, 0}, &poll_fd), 1, -1));
  TRY("poll with timeout", feed_pipe, poll((poll_fd = (struct pollfd){ends[0], POLLIN, 0}, &poll_fd), 1, 10000));
  TRY("ppoll", feed_pipe, ppoll((poll_fd = (struct pollfd){ends[0], POLLIN, 0}, &poll_fd), 1, NULL, NULL));
  TRY("select", feed_pipe, do_select());
  TRY("pselect", feed_pipe, pselect(ends[0] + 1, set_of(ends[0]), NULL, NULL, NULL, NULL));
  TRY("epoll_wait", feed_pipe, epoll_wait(poller, events, 1, -1));
  TRY("nanosleep", NULL, nanosleep(&soon, NULL));
  TRY("clock_nanosleep", NULL, clock_nanosleep(CLOCK_REALTIME, 0, &soon, NULL) == 0 ? 0 : (errno = EINTR, -1));
  TRY("futex with timeout", NULL, do_futex());
  TRY("futex", wake, do_futex_forever());
  TRY("pause", NULL, pause());
  TRY("sigtimedwait", NULL, do_sigtimedwait());
  TRY("open fifo", open_fifo, do_open_fifo());
  busy = open("restart-lock", O_RDWR);
  flock(busy, LOCK_EX);
  TRY("flock", unlock, do_flock());
  close(busy);
  busy = 0;
  held = 1;
  hold_lock();
  TRY("F_SETLKW", kill_locker, do_setlkw());
  held = 0;
  reset();
  TRY("splice", feed_pipe, splice(ends[0], NULL, full[1], NULL, 1, SPLICE_F_NONBLOCK) < 0 && errno == EAGAIN ? 0 : -1);
}

/* Signals without a handler don't end a call: ignored ones never, stops when they are over. */
#define UNTOUCHED(name, signo, release, call)                                          \
  do {                                                                                 \
    fflush(stdout);                                                                    \
    pid_t child_ = fork();                                                             \
    if (child_ == 0) {                                                                 \
      errno = 0;                                                                       \
      long start_ = now_ms();                                                          \
      long got_ = (long)(call);                                                        \
      int error_ = errno;                                                              \
      SAY("%s: %s %d, %s", name, got_ < 0 ? "error" : "ok", got_ < 0 ? error_ : 0, now_ms() - start_ >= 90 ? "late" : "early"); \
      _exit(0);                                                                        \
    }                                                                                  \
    wait_asleep(child_);                                                               \
    kill(child_, signo);                                                               \
    if (signo == SIGSTOP) wait_state(child_, 'T');                                     \
    sleep_ms(100);                                                                     \
    kill(child_, signo == SIGSTOP ? SIGCONT : signo);                                  \
    sleep_ms(20);                                                                      \
    void (*release_)(void) = release;                                                  \
    if (release_ != NULL) release_();                                                  \
    say_end(name, child_);                                                             \
    reset();                                                                           \
  } while (0)

static void nothing(void) {}

static void without_handlers(void) {
  soon = (struct timespec){0, 200000000};
  CASE("ignored");
  signal(SIGUSR1, SIG_IGN);
  UNTOUCHED("read", SIGUSR1, feed_pipe, read(ends[0], &byte, 1));
  UNTOUCHED("poll", SIGUSR1, nothing, poll(NULL, 0, 200));
  UNTOUCHED("epoll_wait", SIGUSR1, nothing, epoll_wait(poller, events, 1, 200));
  UNTOUCHED("nanosleep", SIGUSR1, nothing, nanosleep(&soon, NULL));
  CASE("stopped");
  UNTOUCHED("read", SIGSTOP, feed_pipe, read(ends[0], &byte, 1));
  UNTOUCHED("write", SIGSTOP, drain_pipe, write(full[1], &byte, 1));
  UNTOUCHED("poll", SIGSTOP, nothing, poll(NULL, 0, 200));
  UNTOUCHED("ppoll", SIGSTOP, nothing, ppoll(NULL, 0, &soon, NULL));
  UNTOUCHED("select", SIGSTOP, nothing, do_select());
  UNTOUCHED("epoll_wait", SIGSTOP, nothing, epoll_wait(poller, events, 1, 200));
  UNTOUCHED("nanosleep", SIGSTOP, nothing, nanosleep(&soon, NULL));
  UNTOUCHED("futex", SIGSTOP, nothing, do_futex());
  UNTOUCHED("sigtimedwait", SIGSTOP, nothing, do_sigtimedwait());
  UNTOUCHED("recv", SIGSTOP, feed_pair, recv(pair[0], &byte, 1, 0));
  UNTOUCHED("recv with timeout", SIGSTOP, feed_pair, (setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){5, 0}, 16), recv(pair[0], &byte, 1, 0)));
}

/* SIGALRM every 50 ms, so that one comes while a call sleeps. */
static void alarms(void) { setitimer(ITIMER_REAL, &(struct itimerval){{0, 50000}, {0, 50000}}, NULL); }

/* The time that is left after an interruption. */
static void remaining(void) {
  CASE("remaining");
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGALRM, &action, NULL);
  struct timespec left = {0, 0};
  alarms();
  T(nanosleep(&(struct timespec){10, 0}, &left));
  SAY("left %d", left.tv_sec >= 5 && left.tv_sec <= 9 && left.tv_nsec >= 0 && left.tv_nsec < 1000000000);
  T(nanosleep(&(struct timespec){10, 0}, NULL));
  T(nanosleep(&(struct timespec){10, 0}, (struct timespec *)8));
  left = (struct timespec){77, 77};
  struct timespec when;
  clock_gettime(CLOCK_MONOTONIC, &when);
  when.tv_sec += 10;
  SAY("absolute: %d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, &left));
  SAY("left untouched %d", left.tv_sec == 77 && left.tv_nsec == 77);
  struct timespec timeout = {10, 0};
  T(syscall(SYS_ppoll, NULL, 0, &timeout, NULL, 8));
  SAY("ppoll left %d", timeout.tv_sec >= 5 && timeout.tv_sec <= 9);
  struct timeval tv = {10, 0};
  T(syscall(SYS_select, 0, NULL, NULL, NULL, &tv));
  SAY("select left %d", tv.tv_sec >= 5 && tv.tv_sec <= 9);
  timeout = (struct timespec){10, 0};
  T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &timeout, NULL));
  SAY("pselect left %d", timeout.tv_sec >= 5 && timeout.tv_sec <= 9);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  CASE("restart_syscall");
  T(syscall(SYS_restart_syscall));
}

/* What was moved before the signal is the result. */
static void partial(void) {
  CASE("partial");
  static char data[1 << 20];
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGALRM, &action, NULL);
  int fresh[2];
  if (pipe(fresh) < 0) return;
  alarms();
  T(write(fresh[1], data, sizeof data));
  T(write(fresh[1], data, 1));
  int sockets[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
  write(sockets[1], "abc", 3);
  T(recv(sockets[0], data, 10, MSG_WAITALL));
  SAY("part of a send %d", write(sockets[0], data, sizeof data) > 4096);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void masked(void) {
  CASE("sigsuspend");
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  sigset_t block, empty, now;
  sigemptyset(&block);
  sigemptyset(&empty);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, NULL);
  shared->handled = 0;
  raise(SIGUSR1);
  SAY("handled %d", shared->handled);
  T(sigsuspend(&empty));
  SAY("handled %d", shared->handled);
  sigprocmask(SIG_BLOCK, NULL, &now);
  SAY("blocked again %d", sigismember(&now, SIGUSR1));
  T(syscall(SYS_rt_sigsuspend, &empty, 4));
  T(syscall(SYS_rt_sigsuspend, 8, 8));
  raise(SIGUSR1);
  T(ppoll(NULL, 0, NULL, &empty));
  SAY("handled %d", shared->handled);
  raise(SIGUSR1);
  T(pselect(0, NULL, NULL, NULL, NULL, &empty));
  SAY("handled %d", shared->handled);
  raise(SIGUSR1);
  T(epoll_pwait(poller, events, 1, -1, &empty));
  SAY("handled %d", shared->handled);
  /* Ready at once: the signal stays pending. */
  raise(SIGUSR1);
  feed_pipe();
  poll_fd = (struct pollfd){ends[0], POLLIN, 0};
  T(ppoll(&poll_fd, 1, NULL, &empty));
  SAY("handled %d", shared->handled);
  T(epoll_pwait(poller, events, 1, -1, &empty));
  SAY("handled %d", shared->handled);
  sigprocmask(SIG_UNBLOCK, &block, NULL);
  SAY("handled %d", shared->handled);
}

int main(void) {
  victim = getpid();
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pipe(ends) < 0 || pipe(full) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return 1;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fullpair) < 0) return 1;
  listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 5) < 0) return 1;
  event = eventfd(0, 0);
  poller = epoll_create1(0);
  epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){.events = EPOLLIN});
  mkfifo("restart-fifo", 0600);
  close(open("restart-lock", O_CREAT | O_RDWR, 0600));
  reset();
  with_handlers();
  without_handlers();
  remaining();
  partial();
  masked();
  unlink("restart-socket");
  unlink("restart-fifo");
  unlink("restart-lock");
  return 0;
}
