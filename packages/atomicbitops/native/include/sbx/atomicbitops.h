/*
 * Atomic bitwise operations and compare-and-swap on naturally aligned words of shared memory.
 *
 * Every operation is sequentially consistent with JavaScript's Atomics, with C11 atomics and with the same operation
 * on another CPU. None allocates, locks, calls out or uses stack beyond its return address: all may be used in a
 * signal handler and on any stack. The caller guarantees that the word is mapped, writable and naturally aligned;
 * a fault is an ordinary fault (for memory that may fault use @sbx/safecopy).
 *
 * To use them in another addon: add the include directory (`require('@sbx/atomicbitops/native').include_dir`), give the
 * addon one assembly file that contains `#include <sbx/atomicbitops.S>` and, if the portable functions are wanted or the
 * machine is neither amd64 nor arm64, one C file that contains `#include <sbx/atomicbitops_portable.c>`.
 * All symbols are hidden, so that each addon has its own copy and none can collide.
 */
#ifndef SBX_ATOMICBITOPS_H
#define SBX_ATOMICBITOPS_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define SBX_ATOMICBITOPS_ASSEMBLY 1
#endif

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(hidden)

/* *word = *word OP value; return what was there before. */
uint32_t sbx_fetch_and_uint32(uint32_t *word, uint32_t value);
uint32_t sbx_fetch_or_uint32(uint32_t *word, uint32_t value);
uint32_t sbx_fetch_xor_uint32(uint32_t *word, uint32_t value);
uint64_t sbx_fetch_and_uint64(uint64_t *word, uint64_t value);
uint64_t sbx_fetch_or_uint64(uint64_t *word, uint64_t value);
uint64_t sbx_fetch_xor_uint64(uint64_t *word, uint64_t value);

/* The same where the previous value is of no interest: one LOCK instruction on amd64. */
void sbx_and_uint32(uint32_t *word, uint32_t value);
void sbx_or_uint32(uint32_t *word, uint32_t value);
void sbx_xor_uint32(uint32_t *word, uint32_t value);
void sbx_and_uint64(uint64_t *word, uint64_t value);
void sbx_or_uint64(uint64_t *word, uint64_t value);
void sbx_xor_uint64(uint64_t *word, uint64_t value);

/* If *word == expected then *word = desired; return what was there before: equal to `expected` exactly if stored. */
uint32_t sbx_compare_and_swap_uint32(uint32_t *word, uint32_t expected, uint32_t desired);
uint64_t sbx_compare_and_swap_uint64(uint64_t *word, uint64_t expected, uint64_t desired);

/* Compare-and-swap loops in C, for machines without assembly and to test the assembly against. */
uint32_t sbx_portable_fetch_and_uint32(uint32_t *word, uint32_t value);
uint32_t sbx_portable_fetch_or_uint32(uint32_t *word, uint32_t value);
uint32_t sbx_portable_fetch_xor_uint32(uint32_t *word, uint32_t value);
uint64_t sbx_portable_fetch_and_uint64(uint64_t *word, uint64_t value);
uint64_t sbx_portable_fetch_or_uint64(uint64_t *word, uint64_t value);
uint64_t sbx_portable_fetch_xor_uint64(uint64_t *word, uint64_t value);
uint32_t sbx_portable_compare_and_swap_uint32(uint32_t *word, uint32_t expected, uint32_t desired);
uint64_t sbx_portable_compare_and_swap_uint64(uint64_t *word, uint64_t expected, uint64_t desired);

#if defined(__aarch64__)
/*
 * 1 if the CPU has the atomic instructions of ARMv8.1 (LSE). Set once, by a constructor, from AT_HWCAP; read by every
 * operation. 0 (exclusive load and store) is right on every CPU, so that use before the constructor ran is safe.
 */
extern uint8_t sbx_atomic_have_lse;
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
