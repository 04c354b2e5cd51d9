// covers: clock_gettime(EFAULT EINVAL) clock_getres(EFAULT EINVAL) clock_settime(EFAULT EINVAL) gettimeofday(EFAULT) time(EFAULT) adjtimex(EFAULT) clock_adjtime(EFAULT EINVAL EOPNOTSUPP)
// Clocks: which there are, that they go forward and agree, errors. By system calls, not the vDSO.
#include "../processes.h"
#include <sys/time.h>
#include <sys/timex.h>

static long get(int clock, struct timespec *now) { return syscall(SYS_clock_gettime, clock, now); }
static long long ns(const struct timespec *t) { return t->tv_sec * 1000000000LL + t->tv_nsec; }

static void reading(void) {
  CASE("clock_gettime");
  struct timespec now, again;
  for (int clock = 0; clock < 16; clock++) {
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue; /* where there is a clock that runs on battery */
    long got = get(clock, &now);
    SAY("clock %d: %d, sane %d", clock, got < 0 ? errno : 0, got < 0 || (now.tv_nsec >= 0 && now.tv_nsec < 1000000000));
  }
  int forward = 1;
  for (int i = 0; i < 200; i++) {
    get(CLOCK_MONOTONIC, &now);
    get(CLOCK_MONOTONIC, &again);
    forward &= ns(&again) >= ns(&now);
  }
  SAY("forward %d", forward);
  get(CLOCK_MONOTONIC, &now);
  sleep_ms(20);
  get(CLOCK_MONOTONIC, &again);
  SAY("moves %d", ns(&again) - ns(&now) >= 20000000);
  get(CLOCK_REALTIME, &now);
  struct timespec coarse;
  get(CLOCK_REALTIME_COARSE, &coarse);
  SAY("coarse %d", llabs(ns(&coarse) - ns(&now)) < 5000000000LL);
  T(get(-1, &now));
  T(get(100, &now));
  T(get(CLOCK_REALTIME, (void *)8));
  T(get(100, (void *)8));
  CASE("processor time");
  T(get(CLOCK_PROCESS_CPUTIME_ID, &now));
  T(get(CLOCK_THREAD_CPUTIME_ID, &again));
  sleep_ms(30);
  struct timespec later;
  get(CLOCK_PROCESS_CPUTIME_ID, &later);
  SAY("sleep does not count %d", ns(&later) - ns(&now) < 25000000);
  clockid_t clock;
  T(clock_getcpuclockid(0, &clock));
  T(clock_gettime(clock, &now));
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate));
  T(clock_getcpuclockid(child, &clock));
  T(get(clock, &now));
  gate_open(gate);
  say_end("child", child);
  T(get(clock, &now));
  SAY("no such process %d", clock_getcpuclockid(1234567, &clock));
  T(get((~1234567u << 3) | 2, &now));
}

static void resolutions(void) {
  CASE("clock_getres");
  struct timespec step;
  for (int clock = 0; clock < 12; clock++) {
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue; /* where there is a clock that runs on battery */
    step = (struct timespec){0, 0};
    long got = syscall(SYS_clock_getres, clock, &step);
    SAY("clock %d: %d, coarse %d", clock, got < 0 ? errno : 0, step.tv_nsec > 1);
  }
  T(syscall(SYS_clock_getres, CLOCK_REALTIME, NULL));
  T(syscall(SYS_clock_getres, 100, NULL));
  T(syscall(SYS_clock_getres, -1, &step));
  T(syscall(SYS_clock_getres, CLOCK_REALTIME, 8));
}

static void setting(void) {
  CASE("clock_settime");
  struct timespec time = {1, 0};
  T(clock_settime(CLOCK_MONOTONIC, &time));
  T(clock_settime(CLOCK_PROCESS_CPUTIME_ID, &time));
  T(clock_settime(100, &time));
  T(syscall(SYS_clock_settime, CLOCK_REALTIME, 8));
  CASE("clock_adjtime");
  struct timex timex = {.modes = 0};
  OK(syscall(SYS_adjtimex, &timex));
  SAY("tick %ld", timex.tick);
  timex.modes = 0;
  OK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex));
  T(syscall(SYS_adjtimex, 8));
  T(syscall(SYS_clock_adjtime, CLOCK_REALTIME, 8));
  timex.modes = 0;
  T(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &timex));
  T(syscall(SYS_clock_adjtime, 100, &timex));
}

static void old_calls(void) {
  CASE("gettimeofday");
  struct timeval now;
  struct timespec real;
  struct timezone zone = {7, 7};
  T(syscall(SYS_gettimeofday, &now, NULL));
  get(CLOCK_REALTIME, &real);
  SAY("agrees %d", real.tv_sec - now.tv_sec < 10 && now.tv_usec < 1000000);
  T(syscall(SYS_gettimeofday, &now, &zone));
  SAY("zone %d %d", zone.tz_minuteswest, zone.tz_dsttime);
  T(syscall(SYS_gettimeofday, NULL, NULL));
  T(syscall(SYS_gettimeofday, 8, NULL));
  T(syscall(SYS_gettimeofday, NULL, 8));
  CASE("time");
  time_t seconds = 0;
  long got = syscall(SYS_time, &seconds);
  SAY("same %d, agrees %d", got == seconds, got - now.tv_sec < 10);
  OK(syscall(SYS_time, NULL));
  T(syscall(SYS_time, 8));
}

int main(void) {
  reading();
  resolutions();
  setting();
  old_calls();
  return 0;
}
