// covers: sysinfo(EFAULT) getrusage(EFAULT EINVAL) times(EFAULT) getcpu(EFAULT) arch_prctl(EFAULT EINVAL EPERM) prlimit64(EFAULT EINVAL ESRCH)
// What has been used: time, memory; where a thread runs; its segment bases.
#include "../processes.h"
#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

static volatile unsigned long sink;
/* Computes for some time. */
static void burn(long ms) {
  struct timespec now;
  do {
    for (int i = 0; i < 100000; i++) sink += i;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

static void memory(void) {
  CASE("sysinfo");
  struct sysinfo info;
  memset(&info, 0x55, sizeof info);
  T(sysinfo(&info));
  unsigned long unit = info.mem_unit;
  SAY("total %d, free %d, processes %d, uptime %d", info.totalram * unit > 1 << 20, info.freeram <= info.totalram, info.procs > 0, info.uptime >= 0);
  T(syscall(SYS_sysinfo, 8));
  T(syscall(SYS_sysinfo, NULL));
}

static void usage(void) {
  CASE("getrusage");
  struct rusage use;
  burn(30);
  T(getrusage(RUSAGE_SELF, &use));
  SAY("time %d, memory %d", use.ru_utime.tv_sec * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec > 20000, use.ru_maxrss > 100);
  T(getrusage(RUSAGE_THREAD, &use));
  T(getrusage(RUSAGE_CHILDREN, &use));
  SAY("no children yet: %ld %ld", (long)use.ru_utime.tv_sec + use.ru_utime.tv_usec, use.ru_maxrss);
  say_end("child", CHILD({
            char *space = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(space, 1, 32 << 20);
            T(getrusage(RUSAGE_CHILDREN, &use));
            burn(30);
          }));
  T(getrusage(RUSAGE_CHILDREN, &use));
  SAY("child: time %d, memory %d", use.ru_utime.tv_usec + use.ru_stime.tv_usec > 20000, use.ru_maxrss >= 32 << 10);
  T(getrusage(2, &use));
  T(getrusage(-2, &use));
  T(syscall(SYS_getrusage, RUSAGE_SELF, 8));
  CASE("times");
  struct tms times_used;
  OK(times(&times_used));
  SAY("own %d, children's %d", times_used.tms_utime + times_used.tms_stime >= 2, times_used.tms_cutime + times_used.tms_cstime >= 2);
  OK(syscall(SYS_times, NULL));
  T(syscall(SYS_times, 8));
  clock_t before = times(&times_used);
  sleep_ms(60);
  /* The host counts in ticks of its own, which may be longer. */
  SAY("ticks %d", times(&times_used) - before >= 5);
}

static void processor(void) {
  CASE("getcpu");
  unsigned cpu = 999, node = 999;
  T(syscall(SYS_getcpu, &cpu, &node, NULL));
  SAY("%d %d", cpu < 1024, node < 64);
  T(syscall(SYS_getcpu, NULL, NULL, NULL));
  T(syscall(SYS_getcpu, 8, NULL, NULL));
  T(syscall(SYS_getcpu, NULL, 8, NULL));
}

static void bases(void) {
  CASE("arch_prctl");
  unsigned long base = 0, same = 0;
  T(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
  __asm__("mov %%fs:0, %0" : "=r"(same));
  SAY("thread pointer %d", base == same);
  T(syscall(SYS_arch_prctl, ARCH_SET_FS, base));
  T(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
  SAY("gs %lx", base);
  static unsigned long slots[2] = {11, 22};
  T(syscall(SYS_arch_prctl, ARCH_SET_GS, slots));
  __asm__("mov %%gs:8, %0" : "=r"(same));
  SAY("through gs %lu", same);
  T(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
  SAY("gs %d", base == (unsigned long)slots);
  say_end("child", CHILD(__asm__("mov %%gs:0, %0" : "=r"(same)); SAY("inherited %lu", same)));
  T(syscall(SYS_arch_prctl, ARCH_GET_FS, 8));
  T(syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 47));
  T(syscall(SYS_arch_prctl, ARCH_SET_FS, -1L));
  T(syscall(SYS_arch_prctl, 0x7777, 0));
  T(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));
}

static void limits(void) {
  CASE("prlimit64");
  struct rlimit old, limit = {100, 200};
  T(syscall(SYS_prlimit64, 0, RLIMIT_MSGQUEUE, &limit, &old));
  T(syscall(SYS_prlimit64, 0, RLIMIT_MSGQUEUE, NULL, &old));
  SAY("%lu %lu", old.rlim_cur, old.rlim_max);
  T(syscall(SYS_prlimit64, 0, 16, NULL, &old));
  T(syscall(SYS_prlimit64, 0, -1, NULL, &old));
  T(syscall(SYS_prlimit64, 1234567, RLIMIT_CORE, NULL, &old));
  T(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, NULL));
  T(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, 8));
  limit = (struct rlimit){201, 200};
  T(syscall(SYS_prlimit64, 0, RLIMIT_MSGQUEUE, &limit, NULL));
}

int main(void) {
  memory();
  usage();
  processor();
  bases();
  limits();
  return 0;
}
