/*
 * Test of the C entry points of safecopy, compiled for each architecture: faults at every offset of a page edge, bytes and
 * addresses exact; SIGBUS; read-only, non-canonical and vanishing memory; use from signal handlers and threads.
 * Argument: step between the offsets that are tried (1 = all; an emulator wants fewer, and from 100 on also those near the
 * edge are thinned out); then, on amd64, the way of copying that is tried instead of the one for this CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <sbx/safecopy.h>

#include "expect.h"

int failures;
static size_t step = 1;
enum { PAGE = 4096 };
/* Where emulated pages are larger than real ones, an edge at PAGE would not be one. */
#define EDGE ((size_t)sysconf(_SC_PAGESIZE))

static unsigned char *map(size_t length, int protection) {
  void *memory = mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MUST(memory != MAP_FAILED);
  return memory;
}

/* Four pages, of which the last two are replaced by what no access survives; returns the edge between. */
static unsigned char *edge_of(int kind) {
  unsigned char *memory = map(4 * EDGE, PROT_READ | PROT_WRITE);
  unsigned char *edge = memory + 2 * EDGE;
  for (size_t i = 0; i < 2 * EDGE; i++) memory[i] = (unsigned char)(i * 7 + i / 256);
  if (kind == SIGSEGV) {
    MUST(munmap(edge, 2 * EDGE) == 0);
    /* Nobody else may map something there. */
    MUST(mmap(edge, 2 * EDGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == edge);
  } else {
    int file = (int)syscall(SYS_memfd_create, "edge", 0);
    MUST(file >= 0 && ftruncate(file, (off_t)(2 * EDGE)) == 0);
    MUST(pwrite(file, memory, 2 * EDGE, 0) == (ssize_t)(2 * EDGE));
    MUST(mmap(memory, 4 * EDGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == memory);
    close(file);
  }
  return edge;
}

/* Copies that start `before` bytes before an edge and want to go `beyond` bytes past it. */
static void test_copy_edges(int kind) {
  unsigned char *edge = edge_of(kind), *edge2 = edge_of(kind);
  unsigned char *buffer = map(8 * EDGE, PROT_READ | PROT_WRITE), *expected = map(8 * EDGE, PROT_READ | PROT_WRITE);
  static const size_t beyonds[] = {0, 1, 2, 3, 7, 8, 15, 16, 31, 33, 63, 64, 65, 127, 128, 129, 255, 257, 700, PAGE};
  unsigned round = 0;
  size_t dense = 1 + step / 100;
  for (size_t before = 0; before <= EDGE; before += before < 300 || before > EDGE - 140 ? dense : step) {
    for (size_t b = 0; b < sizeof(beyonds) / sizeof(beyonds[0]); b++) {
      /* All of them near the sizes where the code takes different paths, few of them elsewhere. */
      if (before > 300 && b % 7 != before % 7) continue;
      size_t n = before + beyonds[b], shift = round++ % 65;
      struct sbx_fault fault = {1, 1};

      /* The source ends. */
      memset(buffer, 0x5a, n + 200);
      size_t done = sbx_safe_copy(buffer + shift, edge - before, n, &fault);
      memset(expected, 0x5a, n + 200);
      memcpy(expected + shift, edge - before, before);
      EXPECT(done == before);
      EXPECT(fault.signal == (n > before ? kind : 0));
      EXPECT(n == before || fault.address == (uintptr_t)edge);
      EXPECT(memcmp(buffer, expected, n + 200) == 0);

      /* The destination ends. */
      for (size_t i = 0; i < n; i++) buffer[shift + i] = (unsigned char)(i ^ before);
      memset(edge - before, 0, before);
      unsigned char guard = before < EDGE ? edge[-(ptrdiff_t)before - 1] : 0;
      fault = (struct sbx_fault){1, 1};
      done = sbx_safe_copy(edge - before, buffer + shift, n, &fault);
      EXPECT(done == before);
      EXPECT(fault.signal == (n > before ? kind : 0));
      EXPECT(n == before || fault.address == (uintptr_t)edge);
      EXPECT(memcmp(edge - before, buffer + shift, before) == 0);
      EXPECT(before == EDGE || edge[-(ptrdiff_t)before - 1] == guard);

      /* Both end; the source a little earlier: then the destination is not written after that. */
      size_t less = before < 40 ? before : before - round % 40;
      unsigned char marker[41];
      memset(marker, 0xa5, sizeof(marker));
      memset(edge2 - before, 0xa5, before);
      done = sbx_safe_copy(edge2 - before, edge - less, n, &fault);
      EXPECT(done == (n < less ? n : less));
      EXPECT(n <= less || (fault.signal == kind && (fault.address == (uintptr_t)edge || less == before)));
      EXPECT(memcmp(edge2 - before, edge - less, done) == 0);
      EXPECT(memcmp(edge2 - (before - less), marker, before - less) == 0);

      /* Zeroing. */
      memset(edge - before, 0xff, before);
      fault = (struct sbx_fault){1, 1};
      done = sbx_safe_zero(edge - before, n, &fault);
      memset(expected, 0, before);
      EXPECT(done == before);
      EXPECT(fault.signal == (n > before ? kind : 0));
      EXPECT(n == before || fault.address == (uintptr_t)edge);
      EXPECT(memcmp(edge - before, expected, before) == 0);
      EXPECT(before == EDGE || edge[-(ptrdiff_t)before - 1] == guard);
      for (size_t i = 0; i < before; i++) edge[-(ptrdiff_t)i - 1] = (unsigned char)(i * 13);
    }
  }
  munmap(edge - 2 * EDGE, 4 * EDGE);
  munmap(edge2 - 2 * EDGE, 4 * EDGE);
  munmap(buffer, 8 * EDGE);
  munmap(expected, 8 * EDGE);
}

/* Memory that begins to exist in the middle: nothing is done, nothing of the existing part is written. */
static void test_begins_unmapped(void) {
  unsigned char *memory = map(2 * EDGE, PROT_READ | PROT_WRITE), *other = map(2 * EDGE, PROT_READ | PROT_WRITE);
  memset(memory, 0x11, 2 * EDGE);
  memset(other, 0x22, 2 * EDGE);
  MUST(mprotect(memory, EDGE, PROT_NONE) == 0);
  for (size_t before = 1; before < 300; before += 1 + step / 100) {
    for (size_t n = before; n < before + 300; n += 1 + n % 5) {
      struct sbx_fault fault;
      unsigned char *start = memory + EDGE - before;
      EXPECT(sbx_safe_copy(start, other, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == (uintptr_t)start);
      EXPECT(sbx_safe_zero(start, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == (uintptr_t)start);
      EXPECT(sbx_safe_copy(other, start, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == (uintptr_t)start);
    }
  }
  for (size_t i = 0; i < EDGE; i++) EXPECT(memory[EDGE + i] == 0x11 && other[i] == 0x22);
  munmap(memory, 2 * EDGE);
  munmap(other, 2 * EDGE);
}

/* Every size and alignment without a fault, and the large sizes with one in the middle. */
static void test_sizes(void) {
  size_t limit = 20u << 20;
  unsigned char *from = map(limit + EDGE, PROT_READ | PROT_WRITE), *to = map(limit + EDGE, PROT_READ | PROT_WRITE);
  for (size_t i = 0; i < limit; i++) from[i] = (unsigned char)(i * 31 + i / 251);
  struct sbx_fault fault;
  for (size_t n = 0; n < 1200; n++) {
    for (size_t shift = 0; shift < 64; shift += 1 + n % 7) {
      size_t other = (shift * 5 + n) % 64;
      memset(to, 0xee, n + 200);
      EXPECT(sbx_safe_copy(to + 64 + shift, from + other, n, &fault) == n && fault.signal == 0);
      EXPECT(memcmp(to + 64 + shift, from + other, n) == 0);
      EXPECT(to[63 + shift] == 0xee && to[64 + shift + n] == 0xee);
      EXPECT(sbx_safe_zero(to + 64 + shift, n, &fault) == n && fault.signal == 0);
      int dirty = 0;
      for (size_t i = 0; i < n; i++) dirty |= to[64 + shift + i];
      EXPECT(dirty == 0 && to[63 + shift] == 0xee && to[64 + shift + n] == 0xee);
    }
  }
  for (size_t n = 2048; n <= limit - 64; n = n * 9 / 4) {
    size_t shift = n % 61;
    memset(to, 0, limit);
    EXPECT(sbx_safe_copy(to + shift, from + 3, n, &fault) == n && fault.signal == 0);
    EXPECT(memcmp(to + shift, from + 3, n) == 0 && to[shift + n] == 0);
    EXPECT(sbx_safe_zero(to + shift, n - 1, &fault) == n - 1 && fault.signal == 0);
    int dirty = 0;
    for (size_t i = 0; i < n - 1; i++) dirty |= to[shift + i];
    EXPECT(dirty == 0 && to[shift + n - 1] == from[3 + n - 1]);

    size_t hole = n / 2 / EDGE * EDGE;
    MUST(mprotect(from + hole, EDGE, PROT_NONE) == 0);
    size_t expected = hole > 3 ? hole - 3 : 0;
    EXPECT(sbx_safe_copy(to + shift, from + 3, n, &fault) == expected || hole == 0);
    EXPECT(hole == 0 || (fault.signal == SIGSEGV && fault.address == (uintptr_t)from + hole));
    EXPECT(hole == 0 || memcmp(to + shift, from + 3, expected) == 0);
    MUST(mprotect(from + hole, EDGE, PROT_READ | PROT_WRITE) == 0);
  }
  munmap(from, limit + EDGE);
  munmap(to, limit + EDGE);
}

/* Read-only pages: reading works, writing faults at the first byte, and the word operations change nothing. */
static void test_read_only(void) {
  unsigned char *memory = map(2 * EDGE, PROT_READ | PROT_WRITE), buffer[256];
  memset(memory, 0x33, 2 * EDGE);
  memset(buffer, 0x44, sizeof(buffer));
  MUST(mprotect(memory + EDGE, EDGE, PROT_READ) == 0);
  struct sbx_fault fault;
  EXPECT(sbx_safe_copy(memory + EDGE - 100, buffer, 256, &fault) == 100);
  EXPECT(fault.signal == SIGSEGV && fault.address == (uintptr_t)memory + EDGE);
  EXPECT(memory[EDGE - 1] == 0x44 && memory[EDGE] == 0x33);
  EXPECT(sbx_safe_zero(memory + EDGE - 3, 64, &fault) == 3 && fault.signal == SIGSEGV && fault.address == (uintptr_t)memory + EDGE);
  EXPECT(sbx_safe_copy(buffer, memory + EDGE, 256, &fault) == 256 && fault.signal == 0 && buffer[255] == 0x33);

  uint32_t word = 9, *read_only = (uint32_t *)(memory + EDGE);
  uint64_t wide = 9;
  EXPECT(sbx_safe_load_uint32(read_only, &word) == 0 && word == 0x33333333);
  word = 9;
  EXPECT(sbx_safe_swap_uint32(read_only, 1, &word) == SIGSEGV && word == 9);
  EXPECT(sbx_safe_swap_uint64((uint64_t *)(void *)read_only, 1, &wide) == SIGSEGV && wide == 9);
  EXPECT(sbx_safe_compare_and_swap_uint32(read_only, 0x33333333, 1, &word) == SIGSEGV && word == 9);
  EXPECT(sbx_safe_compare_and_swap_uint32(read_only, 5, 1, &word) == SIGSEGV && word == 9);
  EXPECT(*read_only == 0x33333333);
  munmap(memory, 2 * EDGE);
}

static void test_words(void) {
  unsigned char *edge = edge_of(SIGBUS), *none = edge_of(SIGSEGV);
  uint32_t words[4] = {1, 2, 3, 4}, previous = 77;
  uint64_t wide[2] = {5, 6}, previous_wide = 77;
  EXPECT(sbx_safe_load_uint32(&words[1], &previous) == 0 && previous == 2);
  EXPECT(sbx_safe_swap_uint32(&words[1], 0xfffffff0, &previous) == 0 && previous == 2 && words[1] == 0xfffffff0);
  EXPECT(sbx_safe_swap_uint64(&wide[1], 0xf000000000000001, &previous_wide) == 0 && previous_wide == 6 && wide[1] == 0xf000000000000001);
  EXPECT(sbx_safe_compare_and_swap_uint32(&words[1], 0xfffffff0, 8, &previous) == 0 && previous == 0xfffffff0 && words[1] == 8);
  EXPECT(sbx_safe_compare_and_swap_uint32(&words[1], 0xfffffff0, 9, &previous) == 0 && previous == 8 && words[1] == 8);
  EXPECT(words[0] == 1 && words[2] == 3 && wide[0] == 5);

  previous = 77, previous_wide = 77;
  for (size_t offset = 1; offset < 8; offset++) {
    /* Checked before memory is touched: the same answer where a fault would follow. */
    char *targets[] = {(char *)words + offset, (char *)edge + offset, (char *)offset};
    for (int t = 0; t < 3; t++) {
      void *target = targets[t];
      EXPECT(sbx_safe_swap_uint64(target, 1, &previous_wide) == -EINVAL);
      if (offset % 4 == 0) continue;
      EXPECT(sbx_safe_load_uint32(target, &previous) == -EINVAL);
      EXPECT(sbx_safe_swap_uint32(target, 1, &previous) == -EINVAL);
      EXPECT(sbx_safe_compare_and_swap_uint32(target, 1, 1, &previous) == -EINVAL);
    }
  }
  void *bad[] = {edge, none, edge + 8, none + PAGE};
  for (int i = 0; i < 4; i++) {
    int signal = i % 2 == 0 ? SIGBUS : SIGSEGV;
    EXPECT(sbx_safe_load_uint32(bad[i], &previous) == signal);
    EXPECT(sbx_safe_swap_uint32(bad[i], 1, &previous) == signal);
    EXPECT(sbx_safe_swap_uint64(bad[i], 1, &previous_wide) == signal);
    EXPECT(sbx_safe_compare_and_swap_uint32(bad[i], 1, 1, &previous) == signal);
  }
  EXPECT(previous == 77 && previous_wide == 77);
  EXPECT(words[0] == 1 && words[1] == 8);
  munmap(edge - 2 * EDGE, 4 * EDGE);
  munmap(none - 2 * EDGE, 4 * EDGE);
}

/* Addresses that no process can have. Some of them fault without telling their address (si_addr 0 on amd64). */
static void test_impossible_addresses(void) {
  static const uint64_t addresses[] = {0, 1, 8, PAGE, 0x0000800000000000, 0x00007ffffffff000, 0x1000000000000000, 0x8000000000000000,
                                       0xffff800000000000, 0xffffffff80000000, 0xffffffffffffff00};
  unsigned char buffer[200];
  memset(buffer, 0x66, sizeof(buffer));
  for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
    for (size_t n = 1; n <= 200; n += 33) {
      void *address = (void *)(uintptr_t)addresses[i];
      struct sbx_fault fault = {1, 0};
      EXPECT(sbx_safe_copy(buffer, address, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == addresses[i]);
      EXPECT(sbx_safe_copy(address, buffer, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == addresses[i]);
      EXPECT(sbx_safe_zero(address, n, &fault) == 0 && fault.signal == SIGSEGV && fault.address == addresses[i]);
      uint32_t word;
      if (addresses[i] % 4 == 0) EXPECT(sbx_safe_load_uint32(address, &word) == SIGSEGV);
    }
  }
  EXPECT(buffer[0] == 0x66 && buffer[199] == 0x66);
}

/* A thread takes the second half of the memory away and gives it back, while another copies across. */
static unsigned char *vanishing;
static size_t vanishing_size;
static int vanishing_file;
static atomic_bool stop;
/* Rounds of copies so far. */
static atomic_uint rounds;

/*
 * Lets a state of the memory be for a while: mostly so short that copies are struck in the middle, each fourth time until a round of copies has
 * begun and ended, so that however slow copying is, and however threads are scheduled, some see nothing but this state.
 */
static void linger(unsigned i) {
  if (i % 4 == 0) {
    unsigned seen = atomic_load(&rounds);
    while (atomic_load(&rounds) - seen < 2 && !atomic_load(&stop)) sched_yield();
  } else {
    for (volatile unsigned spin = 0; spin < i % 3000; spin++) {}
  }
}

static void *make_vanish(void *how) {
  unsigned char *half = vanishing + vanishing_size / 2;
  for (unsigned i = 0; !atomic_load(&stop); i++) {
    if (how == NULL) {
      MUST(mmap(half, vanishing_size / 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == half);
      linger(i);
      MUST(mmap(half, vanishing_size / 2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, vanishing_file, (off_t)(vanishing_size / 2)) == half);
    } else {
      MUST(ftruncate(vanishing_file, (off_t)(vanishing_size / 2)) == 0);
      linger(i);
      MUST(ftruncate(vanishing_file, (off_t)vanishing_size) == 0);
    }
    linger(i + 2);
  }
  return NULL;
}

static void test_vanishing(int kind) {
  size_t n = vanishing_size = 64 * EDGE;
  vanishing_file = (int)syscall(SYS_memfd_create, "vanishing", 0);
  MUST(vanishing_file >= 0 && ftruncate(vanishing_file, (off_t)n) == 0);
  vanishing = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, vanishing_file, 0);
  MUST(vanishing != MAP_FAILED);
  unsigned char *buffer = map(n, PROT_READ | PROT_WRITE);
  memset(vanishing, 0x77, n / 2);
  atomic_store(&stop, false);
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, make_vanish, kind == SIGBUS ? &stop : NULL) == 0);
  size_t faulted = 0, whole = 0;
  while (faulted < 50 || whole < 50) {
    struct sbx_fault fault;
    size_t done = sbx_safe_copy(buffer + 5, vanishing + 1, n - 6, &fault);
    EXPECT(done >= n / 2 - 1 && (done == n - 6) == (fault.signal == 0));
    EXPECT(fault.signal == 0 || (fault.signal == kind && fault.address == (uintptr_t)vanishing + 1 + done));
    EXPECT(buffer[5] == 0x77 && buffer[n / 2 + 3] == 0x77);
    if (done == n - 6) whole++; else faulted++;
    done = sbx_safe_copy(vanishing + 3, buffer, n - 6, &fault);
    EXPECT(done >= n / 2 - 3 && (fault.signal == 0 || (fault.signal == kind && fault.address == (uintptr_t)vanishing + 3 + done)));
    memset(vanishing, 0x77, n / 2);
    done = sbx_safe_zero(vanishing + n / 2, n / 2, &fault);
    EXPECT(fault.signal == 0 || (fault.signal == kind && fault.address == (uintptr_t)vanishing + n / 2 + done));
    atomic_fetch_add(&rounds, 1);
  }
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  close(vanishing_file);
  munmap(vanishing, n);
  munmap(buffer, n);
}

/* Copies in a signal handler, in the middle of other copies, both with faults. */
static unsigned char *alarm_edge;
static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
  (void)signal;
  unsigned char buffer[64];
  struct sbx_fault fault;
  EXPECT(sbx_safe_copy(buffer, alarm_edge - 7, 64, &fault) == 7 && fault.address == (uintptr_t)alarm_edge);
  alarms++;
}

static void test_in_handler(void) {
  alarm_edge = edge_of(SIGSEGV);
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  MUST(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval timer = {{0, 500}, {0, 500}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  unsigned char buffer[300];
  for (size_t i = 0; alarms < 200; i++) {
    struct sbx_fault fault;
    size_t before = i % 200;
    EXPECT(sbx_safe_copy(buffer, alarm_edge - before, 300, &fault) == before && fault.signal == SIGSEGV && fault.address == (uintptr_t)alarm_edge);
    EXPECT(memcmp(buffer, alarm_edge - before, before) == 0);
  }
  memset(&timer, 0, sizeof(timer));
  setitimer(ITIMER_REAL, &timer, NULL);
  munmap(alarm_edge - 2 * EDGE, 4 * EDGE);
}

/* Threads that fault at the same time, and lose no update of a shared word. */
static uint32_t shared_word;
static uint64_t shared_wide;
enum { THREADS = 4, ROUNDS = 3000 };
static void *fault_and_count(void *argument) {
  unsigned char *edge = argument;
  unsigned char buffer[100];
  uint64_t sum = 0;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    struct sbx_fault fault;
    size_t before = i % 90;
    EXPECT(sbx_safe_copy(buffer, edge - before, 100, &fault) == before && fault.address == (uintptr_t)edge);
    uint32_t seen = 0, found;
    while (sbx_safe_compare_and_swap_uint32(&shared_word, seen, seen + 1, &found) == 0 && found != seen) seen = found;
    /* A value passes from hand to hand; what is still there at the end is all that is missing. */
    uint64_t previous;
    EXPECT(sbx_safe_swap_uint64(&shared_wide, sum + 1, &previous) == 0);
    sum = previous;
  }
  return (void *)(uintptr_t)sum;
}

static void test_threads(void) {
  unsigned char *edge = edge_of(SIGSEGV);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) MUST(pthread_create(&threads[i], NULL, fault_and_count, edge) == 0);
  uint64_t sum = 0;
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (uintptr_t)result;
  }
  EXPECT(shared_word == THREADS * ROUNDS);
  EXPECT(sum + shared_wide == THREADS * ROUNDS);
  munmap(edge - 2 * EDGE, 4 * EDGE);
}

#if defined(__x86_64__) && defined(SBX_SAFECOPY_ASSEMBLY)
#pragma GCC visibility push(hidden)
extern uint8_t sbx_safecopy_have_avx;
extern size_t sbx_safecopy_string_begin, sbx_safecopy_zero_string_begin, sbx_safecopy_string_end;
#pragma GCC visibility pop

/* Makes the assembly take the way that it takes on another CPU: "sse", "avx" or "string" (from 129 bytes up, for all sizes). */
static void choose(const char *way) {
  int string = strcmp(way, "string") == 0;
  sbx_safecopy_string_begin = sbx_safecopy_zero_string_begin = string ? 129 : SIZE_MAX;
  sbx_safecopy_string_end = string ? SIZE_MAX : 0;
  if (strcmp(way, "sse") == 0) sbx_safecopy_have_avx = 0;
}
#else
static void choose(const char *way) { (void)way; }
#endif

int main(int count, char **arguments) {
  if (count > 1) step = strtoul(arguments[1], NULL, 10);
  MUST(sbx_safecopy_install() == 0);
  if (count > 2) choose(arguments[2]);
  test_sizes();
  test_copy_edges(SIGSEGV);
  test_copy_edges(SIGBUS);
  test_begins_unmapped();
  test_read_only();
  test_words();
  test_impossible_addresses();
  test_vanishing(SIGSEGV);
  test_vanishing(SIGBUS);
  test_in_handler();
  test_threads();
  printf("%d failures\n", failures);
  return failures != 0;
}
