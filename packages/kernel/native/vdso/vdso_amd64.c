// The vDSO for amd64: what Linux's exports, version LINUX_2.6. Runs in programs, reads the parameter page below it, and makes the system call when that page
// says so or the clock is none that it knows.
//
// Built without libc and without relocations: see vdso_amd64.lds and gen.config.ts, which keeps the result in src/vdso/image.ts.
#include <stddef.h>
#include <stdint.h>
#include "vvar.h"

#define EXPORT __attribute__((visibility("default")))
#define NSEC_PER_SEC 1000000000u

// Numbers of the system calls (asm/unistd_64.h).
enum { SYS_gettimeofday = 96, SYS_time = 201, SYS_clock_gettime = 228, SYS_clock_getres = 229, SYS_getcpu = 309 };
// Clocks (linux/time.h).
enum { REALTIME = 0, MONOTONIC = 1, MONOTONIC_RAW = 4, REALTIME_COARSE = 5, MONOTONIC_COARSE = 6, BOOTTIME = 7, TAI = 11 };

struct timespec {
  int64_t seconds;
  int64_t nanoseconds;
};
struct timeval {
  int64_t seconds;
  int64_t microseconds;
};
struct timezone {
  int32_t minutes_west;
  int32_t dst;
};

// The page before the image (vdso_amd64.lds).
extern const unsigned char vvar_page[] __attribute__((visibility("hidden")));

static inline uint32_t load32(size_t offset) {
  return *(const volatile uint32_t *)(vvar_page + offset);
}
static inline uint64_t load64(size_t offset) {
  return *(const volatile uint64_t *)(vvar_page + offset);
}

static inline long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

// The TSC, read neither before what precedes it nor after what follows.
static inline uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

// CLOCK_MONOTONIC and CLOCK_REALTIME of one moment. False: the kernel must be asked.
static inline int read_clocks(uint64_t *monotonic, uint64_t *seconds, uint64_t *nanoseconds) {
  for (;;) {
    uint32_t sequence = load32(VVAR_SEQUENCE);
    if (sequence & 1) {
      __asm__ volatile("pause");
      continue;
    }
    if (load32(VVAR_MODE) != VVAR_MODE_TSC) return 0;
    uint64_t base = load64(VVAR_TSC);
    uint64_t now = read_tsc();
    // A CPU whose TSC is behind the one that the kernel looked at.
    uint64_t delta = now > base ? now - base : 0;
    uint64_t elapsed = (uint64_t)((unsigned __int128)delta * load64(VVAR_MULTIPLIER) >> 32);
    *monotonic = load64(VVAR_MONOTONIC) + elapsed;
    *seconds = load64(VVAR_REAL_SECONDS);
    *nanoseconds = load64(VVAR_REAL_NANOSECONDS) + elapsed;
    __asm__ volatile("" : : : "memory");
    if (load32(VVAR_SEQUENCE) == sequence) return 1;
  }
}

EXPORT int __vdso_clock_gettime(int32_t clock, struct timespec *out) {
  uint64_t monotonic, seconds, nanoseconds;
  if ((uint32_t)clock > TAI || !(1u << clock & (1u << REALTIME | 1u << MONOTONIC | 1u << MONOTONIC_RAW | 1u << REALTIME_COARSE | 1u << MONOTONIC_COARSE |
                                               1u << BOOTTIME | 1u << TAI)) ||
      !read_clocks(&monotonic, &seconds, &nanoseconds)) {
    return (int)system_call(SYS_clock_gettime, clock, (long)out, 0);
  }
  if (clock != REALTIME && clock != REALTIME_COARSE && clock != TAI) {
    seconds = 0;
    nanoseconds = clock == BOOTTIME ? monotonic + load64(VVAR_BOOTTIME_OFFSET) : monotonic;
  }
  out->seconds = (int64_t)(seconds + nanoseconds / NSEC_PER_SEC);
  out->nanoseconds = (int64_t)(nanoseconds % NSEC_PER_SEC);
  return 0;
}

EXPORT int __vdso_gettimeofday(struct timeval *out, struct timezone *zone) {
  uint64_t monotonic, seconds, nanoseconds;
  if (zone != NULL || !read_clocks(&monotonic, &seconds, &nanoseconds)) return (int)system_call(SYS_gettimeofday, (long)out, (long)zone, 0);
  if (out == NULL) return 0;
  out->seconds = (int64_t)(seconds + nanoseconds / NSEC_PER_SEC);
  out->microseconds = (int64_t)(nanoseconds % NSEC_PER_SEC / 1000);
  return 0;
}

EXPORT int64_t __vdso_time(int64_t *out) {
  uint64_t monotonic, seconds, nanoseconds;
  if (!read_clocks(&monotonic, &seconds, &nanoseconds)) return system_call(SYS_time, (long)out, 0, 0);
  int64_t now = (int64_t)(seconds + nanoseconds / NSEC_PER_SEC);
  if (out != NULL) *out = now;
  return now;
}

EXPORT int __vdso_clock_getres(int32_t clock, struct timespec *out) {
  return (int)system_call(SYS_clock_getres, clock, (long)out, 0);
}

EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused) {
  return system_call(SYS_getcpu, (long)cpu, (long)node, (long)unused);
}

int clock_gettime(int32_t clock, struct timespec *out) __attribute__((weak, alias("__vdso_clock_gettime"), visibility("default")));
int gettimeofday(struct timeval *out, struct timezone *zone) __attribute__((weak, alias("__vdso_gettimeofday"), visibility("default")));
int64_t time(int64_t *out) __attribute__((weak, alias("__vdso_time"), visibility("default")));
int clock_getres(int32_t clock, struct timespec *out) __attribute__((weak, alias("__vdso_clock_getres"), visibility("default")));
long getcpu(unsigned *cpu, unsigned *node, void *unused) __attribute__((weak, alias("__vdso_getcpu"), visibility("default")));
