/*
 * The operations as compare-and-swap loops in C: the implementation for machines without assembly, and the second opinion
 * in the tests of the assembly. Built on the compiler's __atomic builtins, which are lock-free for 4 and 8 bytes on every
 * 64-bit Linux.
 */
#include "include/sbx/atomicbitops.h"

_Static_assert(__atomic_always_lock_free(4, 0) && __atomic_always_lock_free(8, 0), "signal-safe atomics must be lock-free");

#define BITOP(name, operator, bits)                                                                         \
  uint##bits##_t sbx_portable_fetch_##name##_uint##bits(uint##bits##_t *word, uint##bits##_t value) {       \
    uint##bits##_t previous = __atomic_load_n(word, __ATOMIC_RELAXED);                                      \
    while (!__atomic_compare_exchange_n(word, &previous, previous operator value, 1, __ATOMIC_SEQ_CST,      \
                                        __ATOMIC_RELAXED))                                                  \
      ;                                                                                                     \
    return previous;                                                                                        \
  }

#define COMPARE_AND_SWAP(bits)                                                                              \
  uint##bits##_t sbx_portable_compare_and_swap_uint##bits(uint##bits##_t *word, uint##bits##_t expected,    \
                                                          uint##bits##_t desired) {                         \
    __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
    return expected;                                                                                        \
  }

BITOP(and, &, 32)
BITOP(or, |, 32)
BITOP(xor, ^, 32)
BITOP(and, &, 64)
BITOP(or, |, 64)
BITOP(xor, ^, 64)
COMPARE_AND_SWAP(32)
COMPARE_AND_SWAP(64)

#ifndef SBX_ATOMICBITOPS_ASSEMBLY
#define ALIAS(name, bits)                                                                                   \
  uint##bits##_t sbx_fetch_##name##_uint##bits(uint##bits##_t *word, uint##bits##_t value) {                \
    return sbx_portable_fetch_##name##_uint##bits(word, value);                                             \
  }                                                                                                         \
  void sbx_##name##_uint##bits(uint##bits##_t *word, uint##bits##_t value) {                                \
    sbx_portable_fetch_##name##_uint##bits(word, value);                                                    \
  }

ALIAS(and, 32)
ALIAS(or, 32)
ALIAS(xor, 32)
ALIAS(and, 64)
ALIAS(or, 64)
ALIAS(xor, 64)

uint32_t sbx_compare_and_swap_uint32(uint32_t *word, uint32_t expected, uint32_t desired) {
  return sbx_portable_compare_and_swap_uint32(word, expected, desired);
}
uint64_t sbx_compare_and_swap_uint64(uint64_t *word, uint64_t expected, uint64_t desired) {
  return sbx_portable_compare_and_swap_uint64(word, expected, desired);
}
#undef ALIAS
#endif

#undef BITOP
#undef COMPARE_AND_SWAP
