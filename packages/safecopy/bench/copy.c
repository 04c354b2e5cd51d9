/*
 * Throughput of sbx_safe_copy beside memcpy and of sbx_safe_zero beside memset, in one process and in turns, so that both see
 * the same caches and the same neighbours. Prints one line for each size: bytes, then median and 95th percentile in ns for memcpy,
 * copy, memset, zero, then the medians of the ratios copy/memcpy and zero/memset of the same turn. Last line: "fault" and ns for
 * a copy that faults at its first byte.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <sbx/safecopy.h>

enum { SAMPLES = 41, LARGEST = 16 << 20 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static unsigned char *source, *destination;
static void *(*volatile libc_copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile libc_set)(void *, int, size_t) = memset;
static struct sbx_fault fault;

static void run(int which, size_t n, size_t times) {
  for (size_t i = 0; i < times; i++) {
    switch (which) {
    case 0: libc_copy(destination, source, n); break;
    case 1: sbx_safe_copy(destination, source, n, &fault); break;
    case 2: libc_set(destination, 0, n); break;
    default: sbx_safe_zero(destination, n, &fault);
    }
  }
}

int main(void) {
  if (sbx_safecopy_install() != 0) return 1;
  source = mmap(NULL, LARGEST + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  destination = mmap(NULL, LARGEST + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (source == MAP_FAILED || destination == MAP_FAILED) return 1;
  memset(source, 1, LARGEST);
  for (size_t n = 8; n <= LARGEST; n *= 2) {
    size_t times = n < 1024 ? 20000 : n <= 65536 ? (20u << 20) / n : 1 + (48u << 20) / n;
    double samples[4][SAMPLES];
    for (int which = 0; which < 4; which++) run(which, n, times / 8 + 1);
    for (int sample = 0; sample < SAMPLES; sample++) {
      for (int which = 0; which < 4; which++) {
        double start = now();
        run(which, n, times);
        samples[which][sample] = (now() - start) / (double)times;
      }
    }
    double copy_ratio[SAMPLES], zero_ratio[SAMPLES];
    for (int sample = 0; sample < SAMPLES; sample++) {
      copy_ratio[sample] = samples[1][sample] / samples[0][sample];
      zero_ratio[sample] = samples[3][sample] / samples[2][sample];
    }
    qsort(copy_ratio, SAMPLES, sizeof(double), ascending);
    qsort(zero_ratio, SAMPLES, sizeof(double), ascending);
    printf("%zu", n);
    for (int which = 0; which < 4; which++) {
      qsort(samples[which], SAMPLES, sizeof(double), ascending);
      printf(" %.2f %.2f", samples[which][SAMPLES / 2], samples[which][SAMPLES * 95 / 100]);
    }
    printf(" %.3f %.3f\n", copy_ratio[SAMPLES / 2], zero_ratio[SAMPLES / 2]);
  }
  double samples[SAMPLES];
  for (int sample = 0; sample < SAMPLES; sample++) {
    double start = now();
    for (int i = 0; i < 1000; i++) sbx_safe_copy(destination, NULL, 64, &fault);
    samples[sample] = (now() - start) / 1000;
  }
  qsort(samples, SAMPLES, sizeof(double), ascending);
  printf("fault %.0f %.0f\n", samples[SAMPLES / 2], samples[SAMPLES * 95 / 100]);
  return 0;
}
