// covers: timer_create(EFAULT EINVAL EOPNOTSUPP) timer_settime(EFAULT EINVAL) timer_gettime(EFAULT EINVAL) timer_getoverrun(EINVAL) timer_delete(EINVAL) getitimer(EFAULT EINVAL) setitimer(EFAULT EINVAL) alarm
// POSIX timers, interval timers, alarm: arming, expiring, what the signal says, errors.
#include "../processes.h"
#include <sys/time.h>

static sigset_t set;
static siginfo_t got;
static int signal_of(void) {
  memset(&got, 0, sizeof got);
  return sigtimedwait(&set, &got, &(struct timespec){20, 0});
}
static int pending(void) { return sigtimedwait(&set, &got, &(struct timespec){0, 0}); }
typedef int ktimer;
static ktimer timer;
static long create(int clock, struct sigevent *event, void *id) { return syscall(SYS_timer_create, clock, event, id); }
static long arm(ktimer id, int flags, long sec, long nsec, long isec, long insec, struct itimerspec *old) {
  struct itimerspec value = {{isec, insec}, {sec, nsec}};
  return syscall(SYS_timer_settime, id, flags, &value, old);
}

static void creating(void) {
  CASE("timer_create");
  for (int clock = 0; clock < 12; clock++) {
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue; /* where there is a clock that runs on battery */
    long made = create(clock, NULL, &timer);
    SAY("clock %d: %d", clock, made < 0 ? errno : 0);
    if (made == 0) syscall(SYS_timer_delete, timer);
  }
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  T(create(100, &event, &timer));
  T(create(-1, &event, &timer));
  T(create(CLOCK_MONOTONIC, (void *)8, &timer));
  T(create(CLOCK_MONOTONIC, &event, (void *)8));
  event.sigev_signo = 0;
  T(create(CLOCK_MONOTONIC, &event, &timer));
  event.sigev_signo = 65;
  T(create(CLOCK_MONOTONIC, &event, &timer));
  event = (struct sigevent){.sigev_notify = 77, .sigev_signo = SIGUSR1};
  T(create(CLOCK_MONOTONIC, &event, &timer));
  event = (struct sigevent){.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event._sigev_un._tid = 1234567;
  T(create(CLOCK_MONOTONIC, &event, &timer));
  event._sigev_un._tid = gettid();
  T(create(CLOCK_MONOTONIC, &event, &timer));
  T(syscall(SYS_timer_delete, timer));
  CASE("no such timer");
  struct itimerspec value;
  T(syscall(SYS_timer_delete, timer));
  T(syscall(SYS_timer_gettime, 12345, &value));
  T(syscall(SYS_timer_getoverrun, 12345));
  T(arm(12345, 0, 1, 0, 0, 0, NULL));
  T(syscall(SYS_timer_delete, -1));
}

static void expiring(void) {
  CASE("timer_settime");
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711};
  T(create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec value, old;
  T(syscall(SYS_timer_gettime, timer, &value));
  SAY("disarmed %ld %ld", (long)value.it_value.tv_sec, value.it_value.tv_nsec);
  T(arm(timer, 0, 0, 1000000, 0, 0, NULL));
  T(signal_of() == SIGUSR1);
  SAY("code %d timer %d value %d overrun %d", got.si_code, got.si_timerid == timer, got.si_int, got.si_overrun);
  T(arm(timer, 0, 1000, 0, 5, 6, &old));
  SAY("old %ld", (long)old.it_value.tv_sec);
  T(syscall(SYS_timer_gettime, timer, &value));
  SAY("%d interval %ld %ld", value.it_value.tv_sec >= 900, (long)value.it_interval.tv_sec, value.it_interval.tv_nsec);
  T(arm(timer, 0, 0, 0, 7, 7, &old));
  SAY("old %d interval %ld", old.it_value.tv_sec >= 900, (long)old.it_interval.tv_sec);
  T(syscall(SYS_timer_gettime, timer, &value));
  SAY("disarmed %ld", (long)value.it_value.tv_sec);
  T(arm(timer, 0, 0, 1000000000, 0, 0, NULL));
  T(arm(timer, 0, -1, 0, 0, 0, NULL));
  T(arm(timer, 0, 1, 0, 0, -1, NULL));
  T(syscall(SYS_timer_settime, timer, 0, 8, NULL));
  T(syscall(SYS_timer_settime, timer, 0, NULL, NULL));
  T(syscall(SYS_timer_settime, timer, 0, &value, 8));
  T(syscall(SYS_timer_gettime, timer, 8));
  CASE("absolute");
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  T(arm(timer, TIMER_ABSTIME, now.tv_sec - 1, 0, 0, 0, NULL));
  T(signal_of() == SIGUSR1);
  CASE("timer_getoverrun");
  /* It expired about ten times since the clock began. */
  long interval = now.tv_sec / 10 + 1;
  T(arm(timer, TIMER_ABSTIME, 0, 1, interval, 0, NULL) == 0);
  T(signal_of() == SIGUSR1);
  SAY("missed some %d, the same %d", got.si_overrun >= now.tv_sec / interval - 1, syscall(SYS_timer_getoverrun, timer) == got.si_overrun);
  T(arm(timer, 0, 0, 0, 0, 0, NULL));
  T(syscall(SYS_timer_delete, timer));
  CASE("no signal");
  event.sigev_notify = SIGEV_NONE;
  T(create(CLOCK_MONOTONIC, &event, &timer));
  T(arm(timer, 0, 0, 1000000, 0, 0, NULL));
  sleep_ms(5);
  T(pending());
  T(syscall(SYS_timer_gettime, timer, &value));
  SAY("over %ld %ld", (long)value.it_value.tv_sec, value.it_value.tv_nsec);
  T(syscall(SYS_timer_delete, timer));
  CASE("processor time");
  event.sigev_notify = SIGEV_SIGNAL;
  T(create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
  T(arm(timer, 0, 0, 20000000, 0, 0, NULL));
  while (pending() != SIGUSR1);
  SAY("code %d", got.si_code);
  T(syscall(SYS_timer_delete, timer));
  CASE("without an event");
  T(create(CLOCK_REALTIME, NULL, &timer));
  T(arm(timer, 0, 0, 1000000, 0, 0, NULL));
  T(signal_of() == SIGALRM);
  SAY("code %d, value is the timer %d", got.si_code, got.si_int == timer);
  CASE("children");
  T(arm(timer, 0, 1000, 0, 0, 0, NULL));
  say_end("child", CHILD(T(syscall(SYS_timer_gettime, timer, &value))));
  T(syscall(SYS_timer_delete, timer));
}

static void intervals(void) {
  CASE("getitimer");
  struct itimerval value, old;
  for (int which = 0; which < 3; which++) {
    T(getitimer(which, &value));
    SAY("%ld %ld", (long)value.it_value.tv_sec, (long)value.it_interval.tv_sec);
  }
  T(getitimer(3, &value));
  T(getitimer(-1, &value));
  T(getitimer(0, (void *)8));
  CASE("setitimer");
  T(setitimer(ITIMER_REAL, &(struct itimerval){{3, 4}, {1000, 0}}, NULL));
  T(getitimer(ITIMER_REAL, &value));
  SAY("%d interval %ld %ld", value.it_value.tv_sec >= 900, (long)value.it_interval.tv_sec, (long)value.it_interval.tv_usec);
  say_end("child", CHILD(T(getitimer(ITIMER_REAL, &value)); SAY("not inherited %ld", (long)value.it_value.tv_sec)));
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000}}, &old));
  SAY("old %d", old.it_value.tv_sec >= 900);
  T(signal_of() == SIGALRM);
  SAY("code %d", got.si_code);
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL));
  T(signal_of() == SIGALRM);
  T(signal_of() == SIGALRM);
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
  while (pending() > 0);
  T(setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0, 0}, {0, 10000}}, NULL));
  for (volatile long i = 0; pending() != SIGVTALRM; i++);
  T(setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 10000}}, NULL));
  for (volatile long i = 0; pending() != SIGPROF; i++);
  T(setitimer(3, &value, NULL));
  T(setitimer(ITIMER_REAL, (void *)8, NULL));
  T(syscall(SYS_setitimer, ITIMER_REAL, NULL, NULL));
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000000}}, NULL));
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, -1}, {1, 0}}, NULL));
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {-1, 0}}, NULL));
  T(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {1000, 0}}, (void *)8));
  CASE("alarm");
  OK(syscall(SYS_alarm, 100));
  SAY("left %d", syscall(SYS_alarm, 200) >= 50);
  T(getitimer(ITIMER_REAL, &value));
  SAY("the same timer %d", value.it_value.tv_sec >= 150);
  SAY("left %d", syscall(SYS_alarm, 0) >= 150);
  T(syscall(SYS_alarm, 0));
  say_end("killed", CHILD({
            sigprocmask(SIG_UNBLOCK, &set, NULL);
            ualarm(1000, 0);
            pause();
          }));
}

int main(void) {
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGALRM);
  sigaddset(&set, SIGVTALRM);
  sigaddset(&set, SIGPROF);
  sigprocmask(SIG_BLOCK, &set, NULL);
  creating();
  expiring();
  intervals();
  return 0;
}
