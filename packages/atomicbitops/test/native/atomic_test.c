/*
 * Test of the C entry points, compiled for each architecture: every operation against a model in plain C and against the
 * portable implementation, the returned values, neighbours untouched, and contention between threads without lost updates.
 * Prints what failed; exit status 0 if nothing did.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sbx/atomicbitops.h>

static int failures;

#define EXPECT(condition)                                                       \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);           \
      failures++;                                                               \
    }                                                                           \
  } while (0)

static uint64_t random_state = 0x9e3779b97f4a7c15;
static uint64_t next_random(void) { /* xorshift64 */
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}
/* Random bits, often with the corner values that catch sign extension. */
static uint64_t operand(void) {
  static const uint64_t corners[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x8000000000000000, UINT64_MAX};
  uint64_t value = next_random();
  return value % 4 == 0 ? corners[value / 4 % 8] : value;
}

#define MODEL(bits, name, operator)                                                        \
  do {                                                                                     \
    uint##bits##_t memory[3], copy[3], value = (uint##bits##_t)operand();                  \
    for (int i = 0; i < 3; i++) memory[i] = copy[i] = (uint##bits##_t)operand();           \
    uint##bits##_t before = memory[1], after = (uint##bits##_t)(before operator value);    \
    EXPECT(sbx_fetch_##name##_uint##bits(&memory[1], value) == before);                    \
    EXPECT(memory[1] == after && memory[0] == copy[0] && memory[2] == copy[2]);            \
    EXPECT(sbx_portable_fetch_##name##_uint##bits(&copy[1], value) == before);             \
    EXPECT(memcmp(memory, copy, sizeof(memory)) == 0);                                     \
    memory[1] = before;                                                                    \
    sbx_##name##_uint##bits(&memory[1], value);                                            \
    EXPECT(memcmp(memory, copy, sizeof(memory)) == 0);                                     \
  } while (0)

#define MODEL_SWAP(bits, function)                                                         \
  do {                                                                                     \
    uint##bits##_t memory[3], copy[3], desired = (uint##bits##_t)operand();                \
    for (int i = 0; i < 3; i++) memory[i] = copy[i] = (uint##bits##_t)operand();           \
    uint##bits##_t before = memory[1], other = (uint##bits##_t)operand();                  \
    if (next_random() % 2) other = before ^ (uint##bits##_t)1 << next_random() % bits;     \
    EXPECT(function(&memory[1], other, desired) == before);                                \
    EXPECT(memory[1] == (other == before ? desired : before));                             \
    memory[1] = before;                                                                    \
    EXPECT(function(&memory[1], before, desired) == before);                               \
    EXPECT(memory[1] == desired && memory[0] == copy[0] && memory[2] == copy[2]);          \
  } while (0)

static void test_models(void) {
  for (int i = 0; i < 20000; i++) {
    MODEL(32, and, &);
    MODEL(32, or, |);
    MODEL(32, xor, ^);
    MODEL(64, and, &);
    MODEL(64, or, |);
    MODEL(64, xor, ^);
    MODEL_SWAP(32, sbx_compare_and_swap_uint32);
    MODEL_SWAP(64, sbx_compare_and_swap_uint64);
    MODEL_SWAP(32, sbx_portable_compare_and_swap_uint32);
    MODEL_SWAP(64, sbx_portable_compare_and_swap_uint64);
  }
}

/* Threads share one cache line. A lost update shows up as a wrong final value. */
enum { THREADS = 4, ROUNDS = 20000 };
static struct {
  uint32_t sum32, toggled32, bits32;
  uint64_t sum64, toggled64, bits64;
} shared __attribute__((aligned(64)));

static void *contend(void *argument) {
  unsigned thread = (unsigned)(uintptr_t)argument;
  uint32_t bit32 = 1u << (thread * 7);
  uint64_t bit64 = (uint64_t)1 << (thread * 15 + 2);
  int lost = 0;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    for (uint32_t seen = shared.sum32, found; (found = sbx_compare_and_swap_uint32(&shared.sum32, seen, seen + 1)) != seen; seen = found) {}
    for (uint64_t seen = shared.sum64, found; (found = sbx_compare_and_swap_uint64(&shared.sum64, seen, seen + 0x100000001)) != seen;
         seen = found) {}
    sbx_xor_uint32(&shared.toggled32, i + thread);
    sbx_fetch_xor_uint64(&shared.toggled64, (uint64_t)(i + thread) << 20);
    /* Only this thread changes its bit, so the previous values are known exactly. */
    lost += (sbx_fetch_or_uint32(&shared.bits32, bit32) & bit32) != 0;
    lost += (sbx_fetch_and_uint32(&shared.bits32, ~bit32) & bit32) == 0;
    lost += (sbx_fetch_or_uint64(&shared.bits64, bit64) & bit64) != 0;
    lost += (sbx_portable_fetch_and_uint64(&shared.bits64, ~bit64) & bit64) == 0;
  }
  return (void *)(uintptr_t)lost;
}

static void test_contention(void) {
  pthread_t threads[THREADS];
  memset(&shared, 0, sizeof(shared));
  uint32_t toggled32 = 0;
  uint64_t toggled64 = 0;
  for (uintptr_t t = 0; t < THREADS; t++) {
    EXPECT(pthread_create(&threads[t], NULL, contend, (void *)t) == 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
      toggled32 ^= i + (uint32_t)t;
      toggled64 ^= (uint64_t)(i + t) << 20;
    }
  }
  for (int t = 0; t < THREADS; t++) {
    void *lost;
    pthread_join(threads[t], &lost);
    EXPECT(lost == NULL);
  }
  EXPECT(shared.sum32 == THREADS * ROUNDS);
  EXPECT(shared.sum64 == (uint64_t)THREADS * ROUNDS * 0x100000001);
  EXPECT(shared.toggled32 == toggled32 && shared.toggled64 == toggled64);
  EXPECT(shared.bits32 == 0 && shared.bits64 == 0);
}

/*
 * Store buffering: two threads each store to their own word and then read the other's. Under sequential consistency at
 * least one sees the other's store; with weaker ordering both may read 0. The operations here are both the store and the
 * read (an OR of nothing), so each must be ordered against the next.
 */
static uint32_t flags[2][32], seen[2];
static pthread_barrier_t barrier;
enum { LITMUS_ROUNDS = 2000 };
static void *litmus(void *argument) {
  unsigned self = (unsigned)(uintptr_t)argument;
  for (int i = 0; i < LITMUS_ROUNDS; i++) {
    pthread_barrier_wait(&barrier);
    sbx_or_uint32(&flags[self][0], 1);
    seen[self] = __atomic_load_n(&flags[1 - self][0], __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&barrier);
    if (self == 0) {
      EXPECT(seen[0] || seen[1]);
      flags[0][0] = flags[1][0] = 0;
    }
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static void test_order(void) {
  pthread_t other;
  pthread_barrier_init(&barrier, NULL, 2);
  EXPECT(pthread_create(&other, NULL, litmus, (void *)1) == 0);
  litmus((void *)0);
  pthread_join(other, NULL);
  pthread_barrier_destroy(&barrier);
}

int main(void) {
#if defined(__aarch64__)
  printf("lse=%d\n", sbx_atomic_have_lse);
#endif
  test_models();
  test_contention();
  test_order();
  printf("%d failures\n", failures);
  return failures != 0;
}
