/*
 * The text of ring 0 in exit mode (entry_amd64.S): bytes to copy into a machine's kernel area, executable and read-only for ring 0, and the
 * offsets of its entry points. None of it may be called in this process.
 */
#ifndef RING0_ENTRY_H
#define RING0_ENTRY_H

#include <stdint.h>

#define RING0_EXIT_TEXT_SIZE 0x2000u
/* Bytes between the handlers of two vectors. */
#define RING0_EXIT_VECTOR_SIZE 16u
#define RING0_FORGET_COUNT 15

extern const uint8_t ring0_exit_text[];
extern const uint8_t ring0_exit_syscall[];
extern const uint8_t ring0_exit_vectors[];
extern const uint8_t ring0_exit_bare_vectors[];
extern const uint8_t ring0_enter_iret[];
extern const uint8_t ring0_enter_cr3[];
extern const uint8_t ring0_enter_sysret[];
/* The list of X(register) in the order in which ring0_forget_* and ring0_forget_all_* use them. */
#define RING0_FORGET_REGISTERS(X) \
  X(rax) X(rbx) X(rcx) X(rdx) X(rsi) X(rdi) X(rbp) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15)
#define RING0_DECLARE(register) extern const uint8_t ring0_forget_##register[], ring0_forget_all_##register[];
RING0_FORGET_REGISTERS(RING0_DECLARE)
#undef RING0_DECLARE

#endif /* RING0_ENTRY_H */
