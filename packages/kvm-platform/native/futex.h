/* Sleeping on a 32-bit word of this process (futex(2)). */
#ifndef SBX_KVM_FUTEX_H
#define SBX_KVM_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while the word is `value`, at most `timeout_ns` (negative: for ever). May return early. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns) {
  struct timespec t = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns < 0 ? NULL : &t, NULL, 0);
}

static inline void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0); }

#endif
