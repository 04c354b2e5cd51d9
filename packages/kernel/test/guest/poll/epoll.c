// covers: epoll_create(EINVAL) epoll_create1(EINVAL EMFILE) epoll_ctl(EBADF EEXIST EFAULT EINVAL ELOOP ENOENT EPERM) epoll_wait(EBADF EFAULT EINVAL) epoll_pwait(EFAULT EINVAL) epoll_pwait2(EBADF EFAULT EINVAL)
// epoll: levels, edges, one shot, nesting, what closing does, errors.
#include "../processes.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct epoll_event events[64];
static int ep;

static int add(int fd, uint32_t what, uint64_t data) { return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){what, {.u64 = data}}); }
static int modify(int fd, uint32_t what, uint64_t data) { return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &(struct epoll_event){what, {.u64 = data}}); }
static int delete(int fd) { return epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL); }
static int by_data(const void *a, const void *b) {
  uint64_t x = ((const struct epoll_event *)a)->data.u64, y = ((const struct epoll_event *)b)->data.u64;
  return x < y ? -1 : x > y;
}
static void poll_now(const char *what) {
  char text[512] = "";
  int n = epoll_wait(ep, events, 64, 0);
  qsort(events, n > 0 ? n : 0, sizeof *events, by_data);
  for (int i = 0; i < n; i++) sprintf(text + strlen(text), " %lu:%x", (unsigned long)events[i].data.u64, events[i].events);
  SAY("%s: %d%s", what, n, text);
}

static void creating(void) {
  CASE("epoll_create");
  OK(ep = syscall(SYS_epoll_create, 1));
  T(fcntl(ep, F_GETFD));
  close(ep);
  T(syscall(SYS_epoll_create, 0));
  T(syscall(SYS_epoll_create, -1));
  CASE("epoll_create1");
  OK(ep = epoll_create1(EPOLL_CLOEXEC));
  T(fcntl(ep, F_GETFD));
  close(ep);
  T(epoll_create1(1));
  T(epoll_create1(-1));
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  struct rlimit low = {3, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  T(epoll_create1(0));
  setrlimit(RLIMIT_NOFILE, &limit);
  OK(ep = epoll_create1(0));
}

static void control(void) {
  CASE("epoll_ctl");
  int ends[2];
  pipe(ends);
  struct epoll_event event = {EPOLLIN, {.u64 = 1}};
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
  T(epoll_ctl(ep, EPOLL_CTL_MOD, ends[1], &event));
  T(epoll_ctl(ep, EPOLL_CTL_DEL, ends[1], &event));
  T(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], NULL));
  T(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], NULL));
  T(epoll_ctl(ep, EPOLL_CTL_ADD, 999, &event));
  T(epoll_ctl(999, EPOLL_CTL_ADD, ends[0], &event));
  T(epoll_ctl(ends[1], EPOLL_CTL_ADD, ends[0], &event));
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event));
  T(epoll_ctl(ep, 99, ends[0], &event));
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], NULL));
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], (void *)8));
  T(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], (void *)8));
  make_file("file", "x");
  int fd = open("file", O_RDWR);
  T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
  close(fd);
  fd = open(".", O_RDONLY);
  T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
  close(fd);
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
  T(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &event));
  event.events = EPOLLIN;
  T(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &event));
  T(delete(ends[0]));
  event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
  T(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
  close(ends[0]), close(ends[1]);
  unlink("file");
}

static void waits(void) {
  CASE("epoll_wait");
  T(epoll_wait(ep, events, 0, 0));
  T(epoll_wait(ep, events, -1, 0));
  T(epoll_wait(ep, events, 1 << 30, 0));
  T(epoll_wait(999, events, 1, 0));
  T(epoll_wait(0, events, 1, 0));
  T(epoll_wait(ep, events, 1, 0));
  T(epoll_wait(ep, (void *)8, 1, 0));
  int ends[2];
  pipe(ends);
  add(ends[1], EPOLLOUT, 5);
  T(epoll_wait(ep, (void *)8, 1, 0));
  T(epoll_wait(ep, events, 1, -1));
  SAY("%x %lu", events[0].events, (unsigned long)events[0].data.u64);
  delete(ends[1]);
  long start = now_ms();
  T(epoll_wait(ep, events, 1, 30));
  SAY("waited %d", now_ms() - start >= 30);
  add(ends[0], EPOLLIN, 6);
  pid_t self = getpid();
  pid_t writer = CHILD(wait_asleep(self); write(ends[1], "x", 1));
  T(epoll_wait(ep, events, 1, -1));
  say_end("writer", writer);
  close(ends[0]), close(ends[1]);
  poll_now("all closed");
  T(lseek(ep, 0, SEEK_SET));
  T(read(ep, events, 8));
  CASE("epoll_pwait");
  sigset_t set;
  sigemptyset(&set);
  T(syscall(SYS_epoll_pwait, ep, events, 1, 0, &set, 8));
  T(syscall(SYS_epoll_pwait, ep, events, 1, 0, &set, 4));
  T(syscall(SYS_epoll_pwait, ep, events, 1, 0, NULL, 4));
  T(syscall(SYS_epoll_pwait, ep, events, 1, 0, 8, 8));
  T(syscall(SYS_epoll_pwait, ep, events, 0, 0, &set, 8));
  CASE("epoll_pwait2");
  struct timespec time = {0, 0};
  T(syscall(SYS_epoll_pwait2, ep, events, 1, &time, NULL, 0));
  time = (struct timespec){0, 20000000};
  T(syscall(SYS_epoll_pwait2, ep, events, 1, &time, &set, 8));
  T(syscall(SYS_epoll_pwait2, ep, events, 1, 8, NULL, 0));
  time = (struct timespec){0, 1000000000};
  T(syscall(SYS_epoll_pwait2, ep, events, 1, &time, NULL, 0));
  time = (struct timespec){-1, 0};
  T(syscall(SYS_epoll_pwait2, ep, events, 1, &time, NULL, 0));
  time = (struct timespec){0, 0};
  T(syscall(SYS_epoll_pwait2, ep, events, 0, &time, NULL, 0));
  T(syscall(SYS_epoll_pwait2, 999, events, 1, &time, NULL, 0));
  T(syscall(SYS_epoll_pwait2, ep, events, 1, &time, &set, 5));
}

static void levels_and_edges(void) {
  CASE("level");
  int ends[2];
  pipe(ends);
  add(ends[0], EPOLLIN, 1);
  poll_now("empty");
  write(ends[1], "abc", 3);
  poll_now("data");
  poll_now("data again");
  read(ends[0], (char[8]){0}, 8);
  poll_now("read");
  CASE("edge");
  T(modify(ends[0], EPOLLIN | EPOLLET, 2));
  poll_now("empty");
  write(ends[1], "a", 1);
  poll_now("data");
  poll_now("once");
  write(ends[1], "b", 1);
  poll_now("more data");
  read(ends[0], (char[8]){0}, 1);
  poll_now("part read");
  T(modify(ends[0], EPOLLIN | EPOLLET, 3));
  poll_now("modified");
  T(delete(ends[0]));
  T(add(ends[0], EPOLLIN | EPOLLET, 4));
  poll_now("added again");
  CASE("one shot");
  T(modify(ends[0], EPOLLIN | EPOLLONESHOT, 5));
  poll_now("first");
  poll_now("disabled");
  write(ends[1], "c", 1);
  poll_now("still disabled");
  T(modify(ends[0], EPOLLIN | EPOLLONESHOT, 6));
  poll_now("enabled again");
  CASE("hang-up");
  T(modify(ends[0], 0, 7));
  poll_now("no events");
  close(ends[1]);
  poll_now("not asked for");
  T(modify(ends[0], EPOLLIN, 8));
  poll_now("with data");
  close(ends[0]);
  poll_now("closed");
  CASE("write end");
  pipe(ends);
  add(ends[1], EPOLLOUT, 1);
  poll_now("room");
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  static char data[65536];
  while (write(ends[1], data, sizeof data) > 0);
  poll_now("full");
  read(ends[0], data, sizeof data);
  poll_now("room again");
  close(ends[0]);
  poll_now("no reader");
  close(ends[1]);
}

static void many(void) {
  CASE("several");
  int fds[8];
  for (int i = 0; i < 8; i++) {
    fds[i] = eventfd(i % 2, 0);
    add(fds[i], EPOLLIN, i);
  }
  poll_now("half of them");
  T(epoll_wait(ep, events, 2, 0));
  unsigned long seen = 1UL << events[0].data.u64 | 1UL << events[1].data.u64;
  T(epoll_wait(ep, events, 2, 0));
  seen |= 1UL << events[0].data.u64 | 1UL << events[1].data.u64;
  SAY("taken in turn: %lx", seen);
  for (int i = 0; i < 8; i++) close(fds[i]);
  CASE("duplicates");
  int fd = eventfd(1, 0), twin = dup(fd);
  T(add(fd, EPOLLIN, 1));
  T(add(twin, EPOLLIN, 2));
  poll_now("both");
  close(fd);
  poll_now("the file is still open");
  T(delete(fd));
  T(add(fd, EPOLLIN, 3));
  T(delete(twin));
  poll_now("one left");
  close(twin);
  poll_now("none left");
  CASE("child");
  fd = eventfd(0, 0);
  T(add(fd, EPOLLIN, 1));
  pid_t child = CHILD(write(fd, &(uint64_t){1}, 8); poll_now("in the child"); delete(fd));
  say_end("child", child);
  poll_now("removed by the child");
  close(fd);
}

static void nested(void) {
  CASE("nested");
  int outer = ep, inner = epoll_create1(0), fd = eventfd(0, 0);
  T(add(inner, EPOLLIN, 1));
  ep = inner;
  T(add(fd, EPOLLIN, 2));
  T(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &(struct epoll_event){.events = EPOLLIN}));
  ep = outer;
  poll_now("outer, nothing");
  write(fd, &(uint64_t){1}, 8);
  poll_now("outer");
  ep = inner;
  poll_now("inner");
  struct pollfd p = {outer, POLLIN | POLLOUT, 0};
  T(poll(&p, 1, 0));
  SAY("%x", p.revents);
  ep = outer;
  close(inner);
  poll_now("inner closed");
  close(fd);
  CASE("too deep");
  int chain[8];
  for (int i = 0; i < 8; i++) chain[i] = epoll_create1(0);
  for (int i = 1; i < 8; i++) {
    ep = chain[i];
    T(add(chain[i - 1], EPOLLIN, i));
  }
  for (int i = 0; i < 8; i++) close(chain[i]);
  ep = outer;
  CASE("EPOLLEXCLUSIVE");
  inner = epoll_create1(0);
  T(add(inner, EPOLLIN | EPOLLEXCLUSIVE, 1));
  close(inner);
}

static void *waiter(void *unused) {
  (void)unused;
  struct epoll_event event;
  int n = epoll_wait(ep, &event, 1, -1);
  SAY("thread: %d %lu", n, (unsigned long)event.data.u64);
  return NULL;
}
static void threads(void) {
  CASE("added while waiting");
  int fd = eventfd(1, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, waiter, NULL);
  sleep_ms(20);
  add(fd, EPOLLIN, 77);
  pthread_join(thread, NULL);
  read(fd, &(uint64_t){0}, 8);
  CASE("modified while waiting");
  pthread_create(&thread, NULL, waiter, NULL);
  sleep_ms(20);
  modify(fd, EPOLLIN | EPOLLOUT, 78);
  pthread_join(thread, NULL);
  close(fd);
}

int main(void) {
  fresh_directory("epoll");
  creating();
  control();
  waits();
  levels_and_edges();
  many();
  nested();
  threads();
  return 0;
}
