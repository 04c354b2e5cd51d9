// covers: sched_yield sched_setscheduler(EFAULT EINVAL EPERM ESRCH) sched_getscheduler(EINVAL ESRCH) sched_setparam(EINVAL ESRCH) sched_getparam(EFAULT EINVAL ESRCH) sched_get_priority_max(EINVAL) sched_get_priority_min(EINVAL) sched_rr_get_interval(EFAULT EINVAL ESRCH) sched_setattr(E2BIG EFAULT EINVAL ESRCH) sched_getattr(EFAULT EINVAL ESRCH) sched_getaffinity(EFAULT EINVAL ESRCH) sched_setaffinity(EFAULT EINVAL ESRCH) getpriority(EINVAL ESRCH) setpriority(EACCES EINVAL EPERM ESRCH)
// Scheduling policies, priorities and CPUs, as a program can read and set them.
#include "../processes.h"
#include <sys/resource.h>

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};

static void policies(void) {
  CASE("policies");
  T(sched_yield());
  T(sched_getscheduler(0));
  T(sched_getscheduler(-1));
  T(sched_getscheduler(1234567));
  struct sched_param param = {99};
  T(sched_getparam(0, &param));
  SAY("%d", param.sched_priority);
  T(syscall(SYS_sched_getparam, 0, NULL));
  T(syscall(SYS_sched_getparam, 0, 8));
  T(syscall(SYS_sched_getparam, -1, &param));
  T(syscall(SYS_sched_getparam, 1234567, &param));
  for (int policy = -1; policy < 7; policy++) {
    SAY("policy %d", policy);
    T(sched_get_priority_max(policy));
    T(sched_get_priority_min(policy));
  }
  param.sched_priority = 0;
  T(sched_setscheduler(0, SCHED_BATCH, &param));
  T(sched_getscheduler(0));
  T(sched_setscheduler(0, SCHED_OTHER, &param));
  T(sched_setscheduler(0, 99, &param));
  T(sched_setscheduler(0, -1, &param));
  T(sched_setscheduler(-1, SCHED_OTHER, &param));
  T(sched_setscheduler(1234567, SCHED_OTHER, &param));
  T(sched_setscheduler(0, SCHED_OTHER, NULL));
  T(sched_setscheduler(0, SCHED_OTHER, (void *)8));
  param.sched_priority = 1;
  T(sched_setscheduler(0, SCHED_OTHER, &param));
  T(sched_setparam(0, &param));
  param.sched_priority = 0;
  T(sched_setparam(0, &param));
  T(sched_setparam(0, NULL));
  T(sched_setparam(-1, &param));
  T(sched_setparam(1234567, &param));
  param.sched_priority = 100;
  T(sched_setscheduler(0, SCHED_FIFO, &param));
  param.sched_priority = 0;
  T(sched_setscheduler(0, SCHED_FIFO, &param));
  struct timespec interval;
  T(sched_rr_get_interval(0, &interval));
  T(sched_rr_get_interval(-1, &interval));
  T(sched_rr_get_interval(1234567, &interval));
  T(syscall(SYS_sched_rr_get_interval, 0, 8));
  say_end("user", CHILD({
            drop_privileges();
            param.sched_priority = 5;
            T(sched_setscheduler(0, SCHED_FIFO, &param));
            T(sched_setscheduler(getppid(), SCHED_BATCH, &(struct sched_param){0}));
            T(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}));
            T(sched_getscheduler(0));
            T(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &(struct sched_param){0}));
            T(sched_getscheduler(0));
            say_end("reset on fork", CHILD(T(sched_getscheduler(0))));
            T(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}));
          }));
}

static void attributes(void) {
  CASE("attributes");
  struct attributes a;
  memset(&a, 0x55, sizeof a);
  T(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
  SAY("size %u policy %u flags %lu nice %d priority %u", a.size, a.policy, (unsigned long)a.flags, a.nice, a.priority);
  memset(&a, 0, sizeof a);
  T(syscall(SYS_sched_getattr, 0, &a, 48, 0));
  SAY("size %u", a.size);
  T(syscall(SYS_sched_getattr, 0, &a, 47, 0));
  T(syscall(SYS_sched_getattr, 0, &a, 8192, 0));
  T(syscall(SYS_sched_getattr, 0, NULL, sizeof a, 0));
  T(syscall(SYS_sched_getattr, 0, 8, sizeof a, 0));
  T(syscall(SYS_sched_getattr, 0, &a, sizeof a, 1));
  T(syscall(SYS_sched_getattr, -1, &a, sizeof a, 0));
  T(syscall(SYS_sched_getattr, 1234567, &a, sizeof a, 0));
  a = (struct attributes){.size = 48, .policy = SCHED_BATCH, .nice = 4};
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  T(sched_getscheduler(0));
  T(getpriority(PRIO_PROCESS, 0));
  T(syscall(SYS_sched_setattr, 0, &a, 1));
  T(syscall(SYS_sched_setattr, 0, NULL, 0));
  T(syscall(SYS_sched_setattr, 0, 8, 0));
  T(syscall(SYS_sched_setattr, -1, &a, 0));
  T(syscall(SYS_sched_setattr, 1234567, &a, 0));
  a.size = 40;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  SAY("size the kernel knows %u", a.size);
  a = (struct attributes){.size = 48, .policy = 77};
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  a = (struct attributes){.size = 48, .policy = SCHED_OTHER, .priority = 3};
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  a = (struct attributes){.size = 48, .policy = SCHED_OTHER, .flags = 1ULL << 40};
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  char big[128] = {0};
  *(struct attributes *)big = (struct attributes){.size = 128, .policy = SCHED_OTHER};
  T(syscall(SYS_sched_setattr, 0, big, 0));
  big[127] = 1;
  T(syscall(SYS_sched_setattr, 0, big, 0));
  a = (struct attributes){.size = 48, .policy = SCHED_OTHER};
  T(syscall(SYS_sched_setattr, 0, &a, 0));
}

static void affinity(void) {
  CASE("affinity");
  cpu_set_t set;
  CPU_ZERO(&set);
  SAY("more than nothing: %d", syscall(SYS_sched_getaffinity, 0, sizeof set, &set) >= 8);
  SAY("CPUs: %d", CPU_COUNT(&set) > 0);
  T(syscall(SYS_sched_getaffinity, 0, 0, &set));
  T(syscall(SYS_sched_getaffinity, 0, 9, &set));
  T(syscall(SYS_sched_getaffinity, 0, sizeof set, 8));
  T(syscall(SYS_sched_getaffinity, 1234567, sizeof set, &set));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) {
      CPU_SET(cpu, &one);
      break;
    }
  T(sched_setaffinity(0, sizeof one, &one));
  cpu_set_t got;
  CPU_ZERO(&got);
  sched_getaffinity(0, sizeof got, &got);
  SAY("as set %d", CPU_EQUAL(&one, &got));
  say_end("child", CHILD({
            CPU_ZERO(&got);
            sched_getaffinity(0, sizeof got, &got);
            SAY("inherited %d", CPU_EQUAL(&one, &got));
          }));
  T(sched_setaffinity(0, sizeof set, &set));
  CPU_ZERO(&one);
  T(sched_setaffinity(0, sizeof one, &one));
  CPU_SET(1000, &one);
  T(sched_setaffinity(0, sizeof one, &one));
  T(syscall(SYS_sched_setaffinity, 0, 8, 8));
  T(syscall(SYS_sched_setaffinity, 1234567, sizeof set, &set));
  T(syscall(SYS_sched_setaffinity, 0, 0, &set));
}

static void nice_values(void) {
  CASE("nice");
  errno = 0;
  SAY("%d", getpriority(PRIO_PROCESS, 0));
  SAY("raw %ld", syscall(SYS_getpriority, PRIO_PROCESS, 0));
  T(setpriority(PRIO_PROCESS, 0, 5));
  SAY("%d", getpriority(PRIO_PROCESS, 0));
  SAY("raw %ld", syscall(SYS_getpriority, PRIO_PROCESS, 0));
  T(setpriority(PRIO_PROCESS, 0, 100));
  SAY("%d", getpriority(PRIO_PROCESS, 0));
  T(getpriority(99, 0));
  T(getpriority(-1, 0));
  T(getpriority(PRIO_PROCESS, 1234567));
  T(getpriority(PRIO_PGRP, 1234567));
  T(getpriority(PRIO_USER, 1234567));
  T(setpriority(99, 0, 0));
  T(setpriority(PRIO_PROCESS, 1234567, 0));
  T(setpriority(PRIO_PGRP, 0, 3));
  T(getpriority(PRIO_PGRP, 0));
  T(getpriority(PRIO_PGRP, getpgrp()));
  say_end("user", CHILD({
            drop_privileges();
            T(setpriority(PRIO_PROCESS, 0, 2));
            T(setpriority(PRIO_PROCESS, 0, 4));
            T(setpriority(PRIO_PROCESS, getppid(), 4));
            T(setpriority(PRIO_USER, 0, 6));
            T(getpriority(PRIO_USER, 0));
            T(setpriority(PRIO_PGRP, 0, 7));
            T(nice(-1));
            T(nice(1));
          }));
}

int main(void) {
  policies();
  attributes();
  affinity();
  nice_values();
  return 0;
}
