// covers: nanosleep(EFAULT EINVAL) clock_nanosleep(EFAULT EINVAL EOPNOTSUPP)
// Sleeping: for a time, until a time, on which clocks, with which errors.
#include "../processes.h"

static long nap(long seconds, long nanoseconds) {
  struct timespec time = {seconds, nanoseconds};
  return syscall(SYS_nanosleep, &time, NULL);
}
static long nap_on(int clock, int flags, long seconds, long nanoseconds) {
  struct timespec time = {seconds, nanoseconds};
  return syscall(SYS_clock_nanosleep, clock, flags, &time, NULL);
}
static volatile int done;
static void *burn(void *unused) {
  while (!done);
  return unused;
}
static void handler(int signo) { (void)signo; }

int main(void) {
  CASE("nanosleep");
  long start = now_ms();
  T(nap(0, 30000000));
  SAY("slept %d", now_ms() - start >= 30);
  T(nap(0, 0));
  T(nap(0, 1));
  T(nap(0, 999999));
  T(nap(0, 1000000000));
  T(nap(0, -1));
  T(nap(-1, 0));
  T(syscall(SYS_nanosleep, 8, NULL));
  T(syscall(SYS_nanosleep, NULL, NULL));
  CASE("clock_nanosleep");
  for (int clock = 0; clock < 13; clock++) {
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue; /* where there is a clock that runs on battery */
    start = now_ms();
    long got = nap_on(clock, 0, 0, clock == CLOCK_PROCESS_CPUTIME_ID ? 0 : 2000000);
    SAY("clock %d: %d", clock, got < 0 ? errno : 0);
  }
  start = now_ms();
  T(nap_on(CLOCK_MONOTONIC, 0, 0, 30000000));
  SAY("slept %d", now_ms() - start >= 30);
  T(nap_on(100, 0, 0, 1));
  T(nap_on(CLOCK_MONOTONIC, 0, 0, 1000000000));
  T(nap_on(CLOCK_MONOTONIC, 0, -1, 0));
  T(nap_on(CLOCK_MONOTONIC, 2, 0, 1));
  T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, 8, NULL));
  CASE("until");
  struct timespec when;
  clock_gettime(CLOCK_MONOTONIC, &when);
  start = now_ms();
  when.tv_nsec += 40000000;
  if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
  T(nap_on(CLOCK_MONOTONIC, TIMER_ABSTIME, when.tv_sec, when.tv_nsec));
  SAY("slept %d", now_ms() - start >= 39);
  T(nap_on(CLOCK_MONOTONIC, TIMER_ABSTIME, 0, 0));
  T(nap_on(CLOCK_REALTIME, TIMER_ABSTIME, 1000, 0));
  clock_gettime(CLOCK_REALTIME, &when);
  T(nap_on(CLOCK_REALTIME, TIMER_ABSTIME, when.tv_sec, when.tv_nsec));
  CASE("processor time");
  pthread_t thread;
  pthread_create(&thread, NULL, burn, NULL);
  T(nap_on(CLOCK_PROCESS_CPUTIME_ID, 0, 0, 30000000));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &when);
  SAY("passed %d", when.tv_sec > 0 || when.tv_nsec >= 30000000);
  done = 1;
  pthread_join(thread, NULL);
  T(nap_on(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, 0, 1));
  T(nap_on(CLOCK_THREAD_CPUTIME_ID, 0, 0, 1));
  T(nap_on((~0u << 3) | 6, 0, 0, 1));
  T(nap_on((~1234567u << 3) | 2, 0, 0, 1));
  CASE("interrupted");
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  pid_t self = getpid();
  struct timespec left = {0, 0};
  pid_t child = CHILD(wait_asleep(self); kill(self, SIGUSR1));
  T(syscall(SYS_nanosleep, &(struct timespec){100, 0}, &left));
  SAY("left %d", left.tv_sec >= 50 && left.tv_sec <= 99);
  say_end("child", child);
  child = CHILD(wait_asleep(self); kill(self, SIGUSR1));
  T(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &(struct timespec){100, 0}, &left));
  SAY("left %d", left.tv_sec >= 50 && left.tv_sec <= 99);
  say_end("child", child);
  child = CHILD(wait_asleep(self); kill(self, SIGUSR1));
  T(syscall(SYS_nanosleep, &(struct timespec){100, 0}, 8));
  say_end("child", child);
  left = (struct timespec){7, 7};
  clock_gettime(CLOCK_MONOTONIC, &when);
  when.tv_sec += 100;
  child = CHILD(wait_asleep(self); kill(self, SIGUSR1));
  T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &when, &left));
  SAY("left %ld %ld", (long)left.tv_sec, left.tv_nsec);
  say_end("child", child);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  child = CHILD(wait_asleep(self); kill(self, SIGUSR1));
  T(syscall(SYS_nanosleep, &(struct timespec){100, 0}, NULL));
  say_end("child", child);
  return 0;
}
