/*
 * Access to memory that may fault, without dying.
 *
 * Each function is assembly with known ranges of instructions. A handler for SIGSEGV and SIGBUS that finds the interrupted
 * instruction in such a range makes the function return early; everything else goes to the handler that was there before
 * (sbx/signal_chain.h). Call sbx_safecopy_install() once before the first use; without it a fault is an ordinary fault.
 *
 * The functions may be called on any thread, on any stack and in signal handlers, as long as SIGSEGV and SIGBUS are not
 * blocked (the kernel kills a process that faults while the signal is blocked). They take no locks and do not allocate.
 *
 * To use them in another addon: add the include directory (`require('@sbx/safecopy/native').include_dir`), give the addon
 * one assembly file that contains `#include <sbx/safecopy.S>` and one C file that contains `#include <sbx/safecopy.c>`.
 * All symbols are hidden: each addon has its own copy with its own handler, and the handlers call each other.
 */
#ifndef SBX_SAFECOPY_H
#define SBX_SAFECOPY_H

#include <stddef.h>
#include <stdint.h>

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(SBX_SAFECOPY_PORTABLE)
#define SBX_SAFECOPY_ASSEMBLY 1
#endif

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(hidden)

/* Why an operation ended early. The layout is known to the assembly. */
struct sbx_fault {
  uint64_t address; /* the first byte that could not be accessed; valid if signal is not 0 */
  int32_t signal;   /* SIGSEGV, SIGBUS, or 0: nothing faulted */
};

/*
 * Puts the handlers of SIGSEGV and SIGBUS in front of those that are installed. Returns 0 or a negative errno. May be called
 * again at any time, from any thread (not from a signal handler): it does nothing where our handler is in front already, and
 * puts it in front again where somebody installed another one since, which then gets what is not ours.
 * -ENOSPC: too many others came in between (16 for each signal).
 */
int sbx_safecopy_install(void);

/*
 * Copies up to n bytes and returns how many: all, or exactly those before the first that can't be read or written; then
 * *fault says why. Nothing after them is written. The ranges should not overlap: if they do, what is copied is unspecified.
 */
size_t sbx_safe_copy(void *dst, const void *src, size_t n, struct sbx_fault *fault);

/* Writes up to n zero bytes; otherwise like sbx_safe_copy. */
size_t sbx_safe_zero(void *dst, size_t n, struct sbx_fault *fault);

/*
 * Operations on one word, atomic and sequentially consistent. Return 0, the signal (SIGSEGV, SIGBUS) if the word can't be
 * accessed (nothing was done), or -EINVAL, before memory is touched, if its address is not a multiple of its size.
 */
int sbx_safe_load_uint32(const uint32_t *word, uint32_t *value);
int sbx_safe_swap_uint32(uint32_t *word, uint32_t value, uint32_t *previous);
int sbx_safe_swap_uint64(uint64_t *word, uint64_t value, uint64_t *previous);
/* Stores `desired` if the word is `expected`. *previous = what it was: equal to `expected` exactly if stored. */
int sbx_safe_compare_and_swap_uint32(uint32_t *word, uint32_t expected, uint32_t desired, uint32_t *previous);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
