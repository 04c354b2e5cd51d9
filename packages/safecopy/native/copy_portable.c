/*
 * The functions in portable C, for machines without assembly: included by safecopy.c. A fault jumps out of the handler to
 * the last recovery point of the thread; to save the signal mask each call costs a system call.
 */
#include <setjmp.h>

/* A recovery point on the stack of the function that may fault. Points nest: a signal handler may copy in the middle of a copy. */
struct recovery {
  sigjmp_buf environment;
  struct recovery *outer;
};
/*
 * The handler must not allocate, as in glibc a first access of the default model may; musl has all of it allocated when it loads a
 * library, and refuses a loaded library with the other model.
 */
#ifdef __GLIBC__
static _Thread_local struct recovery *volatile innermost __attribute__((tls_model("initial-exec")));
#else
static _Thread_local struct recovery *volatile innermost;
#endif

static int redirect(int signal, siginfo_t *info, ucontext_t *context) {
  (void)info, (void)context;
  struct recovery *recovery = innermost;
  if (recovery == NULL) return 0;
  innermost = recovery->outer;
  siglongjmp(recovery->environment, signal);
}

static void prepare(void) {}

/* Runs `statement`; the value is 0, or the signal if it faulted. Variables that it changes and that are read after must be volatile. */
#define RECOVERING(recovery, statement)                          \
  ({                                                             \
    int caught_ = sigsetjmp((recovery).environment, 1);          \
    if (caught_ == 0) {                                          \
      (recovery).outer = innermost;                              \
      innermost = &(recovery);                                   \
      atomic_signal_fence(memory_order_seq_cst);                 \
      statement;                                                 \
      atomic_signal_fence(memory_order_seq_cst);                 \
      innermost = (recovery).outer;                              \
    }                                                            \
    caught_;                                                     \
  })

/* Wild addresses are what these functions are for. */
#define WILD __attribute__((no_sanitize("address", "undefined")))

/* What one access can take: a word where both sides are aligned, for a page boundary does not cut it, else a byte. */
static int word_fits(uintptr_t to, uintptr_t from, size_t left) { return left >= 8 && to % 8 == 0 && from % 8 == 0; }

WILD size_t sbx_safe_copy(void *dst, const void *src, size_t n, struct sbx_fault *fault) {
  struct recovery recovery;
  const volatile uintptr_t to = (uintptr_t)dst, from = (uintptr_t)src;
  volatile size_t done = 0;
  volatile int writing = 0;
  int signal = RECOVERING(recovery, {
    while (done < n) {
      writing = 0;
      if (word_fits(to + done, from + done, n - done)) {
        uint64_t word = *(const volatile uint64_t *)(from + done);
        writing = 1;
        *(volatile uint64_t *)(to + done) = word;
        done += 8;
      } else {
        unsigned char byte = *(const volatile unsigned char *)(from + done);
        writing = 1;
        *(volatile unsigned char *)(to + done) = byte;
        done++;
      }
    }
  });
  fault->signal = signal;
  if (signal != 0) fault->address = (writing ? to : from) + done;
  return done;
}

WILD size_t sbx_safe_zero(void *dst, size_t n, struct sbx_fault *fault) {
  struct recovery recovery;
  const volatile uintptr_t to = (uintptr_t)dst;
  volatile size_t done = 0;
  int signal = RECOVERING(recovery, {
    while (done < n) {
      if (word_fits(to + done, 0, n - done)) {
        *(volatile uint64_t *)(to + done) = 0;
        done += 8;
      } else {
        *(volatile unsigned char *)(to + done) = 0;
        done++;
      }
    }
  });
  fault->signal = signal;
  if (signal != 0) fault->address = to + done;
  return done;
}

WILD int sbx_safe_load_uint32(const uint32_t *word, uint32_t *value) {
  struct recovery recovery;
  if ((uintptr_t)word % 4 != 0) return -EINVAL;
  return RECOVERING(recovery, *value = __atomic_load_n(word, __ATOMIC_SEQ_CST));
}

WILD int sbx_safe_swap_uint32(uint32_t *word, uint32_t value, uint32_t *previous) {
  struct recovery recovery;
  if ((uintptr_t)word % 4 != 0) return -EINVAL;
  return RECOVERING(recovery, *previous = __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST));
}

WILD int sbx_safe_swap_uint64(uint64_t *word, uint64_t value, uint64_t *previous) {
  struct recovery recovery;
  if ((uintptr_t)word % 8 != 0) return -EINVAL;
  return RECOVERING(recovery, *previous = __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST));
}

WILD int sbx_safe_compare_and_swap_uint32(uint32_t *word, uint32_t expected, uint32_t desired, uint32_t *previous) {
  struct recovery recovery;
  if ((uintptr_t)word % 4 != 0) return -EINVAL;
  return RECOVERING(recovery, {
    __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    *previous = expected;
  });
}

#undef RECOVERING
#undef WILD
