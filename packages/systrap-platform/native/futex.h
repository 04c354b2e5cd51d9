/* Waking those who sleep on a 32-bit word of a shared mapping (futex(2)). */
#ifndef SBX_SYSTRAP_FUTEX_H
#define SBX_SYSTRAP_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

#endif
