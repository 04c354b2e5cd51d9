// covers: timerfd_create(EINVAL) timerfd_settime(EBADF EFAULT EINVAL) timerfd_gettime(EBADF EFAULT EINVAL) read(EAGAIN EFAULT EINVAL)
// Timers read from a descriptor.
#include "../processes.h"
#include <sys/timerfd.h>

static uint64_t count;
static struct itimerspec now, old;
static int ready(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}

static void errors(int fd) {
  CASE("timerfd_create");
  T(timerfd_create(99, 0));
  T(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  T(timerfd_create(CLOCK_MONOTONIC, 1));
  for (int clock = 0; clock < 12; clock++) {
    int made = timerfd_create(clock, 0);
    SAY("clock %d: %d", clock, made < 0 ? errno : 0);
    if (made >= 0) close(made);
  }
  CASE("timerfd_settime");
  struct itimerspec later = {{0, 0}, {1000, 0}};
  T(timerfd_settime(999, 0, &later, NULL));
  T(timerfd_settime(0, 0, &later, NULL));
  T(timerfd_settime(fd, 4, &later, NULL));
  T(timerfd_settime(fd, 0, (void *)8, NULL));
  T(syscall(SYS_timerfd_settime, fd, 0, NULL, NULL));
  T(timerfd_settime(fd, 0, &later, (void *)8));
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1000000000}}, NULL));
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, -1}, {1, 0}}, NULL));
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {-1, 0}}, NULL));
  CASE("timerfd_gettime");
  T(timerfd_gettime(999, &now));
  T(timerfd_gettime(0, &now));
  T(timerfd_gettime(fd, (void *)8));
}

int main(void) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  CASE("new");
  T(fcntl(fd, F_GETFD));
  T(fcntl(fd, F_GETFL));
  T(timerfd_gettime(fd, &now));
  SAY("%ld %ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
  T(read(fd, &count, 8));
  SAY("ready %x", ready(fd));
  errors(fd);
  CASE("setting");
  T(timerfd_settime(fd, 0, &(struct itimerspec){{7, 8}, {1000, 0}}, NULL));
  T(timerfd_gettime(fd, &now));
  SAY("left %d, interval %ld %ld", now.it_value.tv_sec >= 900 && now.it_value.tv_sec < 1000, (long)now.it_interval.tv_sec, now.it_interval.tv_nsec);
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 0}}, &old));
  SAY("old %d, interval %ld", old.it_value.tv_sec >= 900, (long)old.it_interval.tv_sec);
  T(timerfd_gettime(fd, &now));
  SAY("%ld %ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
  CASE("expiring");
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL));
  struct pollfd p = {fd, POLLIN, 0};
  T(poll(&p, 1, 10000));
  T(read(fd, &count, 4));
  T(read(fd, (void *)8, 8));
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL));
  poll(&p, 1, 10000);
  T(read(fd, &count, 16));
  SAY("%lu", count);
  T(read(fd, &count, 8));
  T(timerfd_gettime(fd, &now));
  SAY("%ld %ld", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
  CASE("absolute");
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec -= 1;
  T(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 0}, time}, NULL));
  T(poll(&p, 1, 10000));
  T(read(fd, &count, 8));
  SAY("%lu", count);
  T(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 100000000}, time}, NULL));
  T(poll(&p, 1, 10000));
  T(read(fd, &count, 8));
  SAY("all periods since: %d", count >= 10);
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 0}}, NULL));
  CASE("periodic");
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 10000000}, {0, 10000000}}, NULL));
  long start = now_ms();
  uint64_t sum = 0;
  while (sum < 5 && poll(&p, 1, 10000) == 1 && read(fd, &count, 8) == 8) sum += count;
  SAY("five periods: %d %d", sum >= 5, now_ms() - start >= 45);
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 0}}, NULL));
  CASE("setting drops what expired");
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL));
  poll(&p, 1, 10000);
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {1000, 0}}, NULL));
  T(read(fd, &count, 8));
  SAY("ready %x", ready(fd));
  T(write(fd, &count, 8));
  T(lseek(fd, 0, SEEK_SET));
  close(fd);
  CASE("realtime");
  fd = timerfd_create(CLOCK_REALTIME, 0);
  clock_gettime(CLOCK_REALTIME, &time);
  T(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &(struct itimerspec){{0, 0}, time}, NULL));
  T(read(fd, &count, 8));
  SAY("%lu", count);
  T(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &(struct itimerspec){{0, 0}, {0, 1}}, NULL));
  T(read(fd, &count, 8));
  CASE("waiting");
  start = now_ms();
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 50000000}}, NULL));
  T(read(fd, &count, 8));
  SAY("waited %d", now_ms() - start >= 50);
  CASE("shared with a child");
  T(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 1000000}}, NULL));
  say_end("child", CHILD(T(read(fd, &count, 8)); SAY("%lu", count)));
  T(fcntl(fd, F_SETFL, O_NONBLOCK));
  T(read(fd, &count, 8));
  return 0;
}
