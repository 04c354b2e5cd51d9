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
#define RING0_TOUCH_REGISTERS 15

extern const uint8_t ring0_exit_text[];
extern const uint8_t ring0_exit_syscall[];
extern const uint8_t ring0_exit_vectors[];
extern const uint8_t ring0_exit_bare_vectors[];
extern const uint8_t ring0_enter_iret[];
extern const uint8_t ring0_enter_cr3[];
extern const uint8_t ring0_enter_sysret[];
extern const uint8_t ring0_touch_rax[], ring0_touch_rbx[], ring0_touch_rcx[], ring0_touch_rdx[], ring0_touch_rsi[], ring0_touch_rdi[],
    ring0_touch_rbp[], ring0_touch_r8[], ring0_touch_r9[], ring0_touch_r10[], ring0_touch_r11[], ring0_touch_r12[], ring0_touch_r13[],
    ring0_touch_r14[], ring0_touch_r15[];

#endif /* RING0_ENTRY_H */
