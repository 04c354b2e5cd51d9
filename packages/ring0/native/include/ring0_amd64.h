/*
 * Structures of ring 0 on amd64 for C, and the proof that the compiler lays them out as ring0_offsets_amd64.h says, which is generated from
 * the definitions that TypeScript uses. Nothing here has code or state.
 */
#ifndef RING0_AMD64_H
#define RING0_AMD64_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ring0_offsets_amd64.h"

/* The register file in ptrace order: struct user_regs_struct. */
struct ring0_registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
  uint64_t rax, rcx, rdx, rsi, rdi, orig_rax;
  uint64_t rip, cs, flags, rsp, ss;
  uint64_t fs_base, gs_base, ds, es, fs, gs;
};

/* One gate of the IDT (SDM Vol. 3A figure 6-8). */
struct ring0_gate {
  uint32_t words[4];
};

/* The 64-bit task-state segment (SDM Vol. 3A figure 8-11). */
struct ring0_tss {
  uint32_t reserved0;
  uint64_t rsp[3];
  uint64_t reserved1;
  uint64_t ist[7];
  uint64_t reserved2;
  uint16_t reserved3;
  uint16_t io_map;
} __attribute__((packed));

/* The operand of LGDT and LIDT. */
struct ring0_table_register {
  uint16_t limit;
  uint64_t base;
} __attribute__((packed));

/* The per-CPU structure; src/amd64/cpu.ts says what each field is. */
struct ring0_cpu {
  uint64_t self;
  uint64_t kernel;
  uint64_t stack_top;
  uint64_t scratch[4];
  uint64_t error_code;
  uint64_t error_type;
  uint64_t reason;
  uint64_t switch_flags;
  uint64_t user_vector;
  uint64_t user_error_code;
  uint64_t user_fault_address;
  uint64_t kernel_vector;
  uint64_t kernel_error_code;
  uint64_t kernel_fault_address;
  uint64_t user_cr3;
  uint64_t kernel_cr3;
  uint64_t user_fs_base;
  uint64_t user_gs_base;
  uint64_t kernel_fs_base;
  uint32_t user_pkru;
  uint32_t kernel_pkru;
  uint64_t xstate_mask;
  uint64_t user_xstate;
  uint64_t kernel_xstate;
  uint64_t kernel_syscall_hook;
  uint64_t kernel_exception_hook;
  uint64_t platform[CPU_PLATFORM_WORDS];
  _Alignas(64) struct ring0_registers user_registers;
  _Alignas(64) struct ring0_registers kernel_registers;
  _Alignas(64) uint64_t gdt[GDT_ENTRIES];
  uint32_t tss_pad;
  struct ring0_tss tss;
  _Alignas(16) struct ring0_table_register gdtr;
  _Alignas(16) struct ring0_table_register idtr;
  _Alignas(4096) uint8_t main_stack[CPU_INTERRUPT_STACK_SIZE];
  uint8_t nmi_stack[CPU_INTERRUPT_STACK_SIZE];
  uint8_t double_fault_stack[CPU_INTERRUPT_STACK_SIZE];
  uint8_t machine_check_stack[CPU_INTERRUPT_STACK_SIZE];
};

#define RING0_OFFSET(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " is not where the generated header says")
#define RING0_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "the size of " #type " is not what the generated header says")

RING0_OFFSET(ring0_registers, r15, PTRACE_R15);
RING0_OFFSET(ring0_registers, r14, PTRACE_R14);
RING0_OFFSET(ring0_registers, r13, PTRACE_R13);
RING0_OFFSET(ring0_registers, r12, PTRACE_R12);
RING0_OFFSET(ring0_registers, rbp, PTRACE_RBP);
RING0_OFFSET(ring0_registers, rbx, PTRACE_RBX);
RING0_OFFSET(ring0_registers, r11, PTRACE_R11);
RING0_OFFSET(ring0_registers, r10, PTRACE_R10);
RING0_OFFSET(ring0_registers, r9, PTRACE_R9);
RING0_OFFSET(ring0_registers, r8, PTRACE_R8);
RING0_OFFSET(ring0_registers, rax, PTRACE_RAX);
RING0_OFFSET(ring0_registers, rcx, PTRACE_RCX);
RING0_OFFSET(ring0_registers, rdx, PTRACE_RDX);
RING0_OFFSET(ring0_registers, rsi, PTRACE_RSI);
RING0_OFFSET(ring0_registers, rdi, PTRACE_RDI);
RING0_OFFSET(ring0_registers, orig_rax, PTRACE_ORIG_RAX);
RING0_OFFSET(ring0_registers, rip, PTRACE_RIP);
RING0_OFFSET(ring0_registers, cs, PTRACE_CS);
RING0_OFFSET(ring0_registers, flags, PTRACE_FLAGS);
RING0_OFFSET(ring0_registers, rsp, PTRACE_RSP);
RING0_OFFSET(ring0_registers, ss, PTRACE_SS);
RING0_OFFSET(ring0_registers, fs_base, PTRACE_FS_BASE);
RING0_OFFSET(ring0_registers, gs_base, PTRACE_GS_BASE);
RING0_OFFSET(ring0_registers, ds, PTRACE_DS);
RING0_OFFSET(ring0_registers, es, PTRACE_ES);
RING0_OFFSET(ring0_registers, fs, PTRACE_FS);
RING0_OFFSET(ring0_registers, gs, PTRACE_GS);
RING0_SIZE(ring0_registers, PTRACE_SIZE);

RING0_SIZE(ring0_gate, GATE_SIZE);

RING0_OFFSET(ring0_tss, rsp, TSS_RSP0);
RING0_OFFSET(ring0_tss, ist, TSS_IST1);
RING0_OFFSET(ring0_tss, io_map, TSS_IO_MAP);
RING0_SIZE(ring0_tss, TSS_SIZE);

RING0_OFFSET(ring0_cpu, self, CPU_SELF);
RING0_OFFSET(ring0_cpu, kernel, CPU_KERNEL);
RING0_OFFSET(ring0_cpu, stack_top, CPU_STACK_TOP);
RING0_OFFSET(ring0_cpu, scratch, CPU_SCRATCH);
RING0_OFFSET(ring0_cpu, error_code, CPU_ERROR_CODE);
RING0_OFFSET(ring0_cpu, error_type, CPU_ERROR_TYPE);
RING0_OFFSET(ring0_cpu, reason, CPU_REASON);
RING0_OFFSET(ring0_cpu, switch_flags, CPU_SWITCH_FLAGS);
RING0_OFFSET(ring0_cpu, user_vector, CPU_USER_VECTOR);
RING0_OFFSET(ring0_cpu, user_error_code, CPU_USER_ERROR_CODE);
RING0_OFFSET(ring0_cpu, user_fault_address, CPU_USER_FAULT_ADDRESS);
RING0_OFFSET(ring0_cpu, kernel_vector, CPU_KERNEL_VECTOR);
RING0_OFFSET(ring0_cpu, kernel_error_code, CPU_KERNEL_ERROR_CODE);
RING0_OFFSET(ring0_cpu, kernel_fault_address, CPU_KERNEL_FAULT_ADDRESS);
RING0_OFFSET(ring0_cpu, user_cr3, CPU_USER_CR3);
RING0_OFFSET(ring0_cpu, kernel_cr3, CPU_KERNEL_CR3);
RING0_OFFSET(ring0_cpu, user_fs_base, CPU_USER_FS_BASE);
RING0_OFFSET(ring0_cpu, user_gs_base, CPU_USER_GS_BASE);
RING0_OFFSET(ring0_cpu, kernel_fs_base, CPU_KERNEL_FS_BASE);
RING0_OFFSET(ring0_cpu, user_pkru, CPU_USER_PKRU);
RING0_OFFSET(ring0_cpu, kernel_pkru, CPU_KERNEL_PKRU);
RING0_OFFSET(ring0_cpu, xstate_mask, CPU_XSTATE_MASK);
RING0_OFFSET(ring0_cpu, user_xstate, CPU_USER_XSTATE);
RING0_OFFSET(ring0_cpu, kernel_xstate, CPU_KERNEL_XSTATE);
RING0_OFFSET(ring0_cpu, kernel_syscall_hook, CPU_KERNEL_SYSCALL_HOOK);
RING0_OFFSET(ring0_cpu, kernel_exception_hook, CPU_KERNEL_EXCEPTION_HOOK);
RING0_OFFSET(ring0_cpu, platform, CPU_PLATFORM);
RING0_OFFSET(ring0_cpu, user_registers, CPU_USER_REGISTERS);
RING0_OFFSET(ring0_cpu, kernel_registers, CPU_KERNEL_REGISTERS);
RING0_OFFSET(ring0_cpu, gdt, CPU_GDT);
RING0_OFFSET(ring0_cpu, tss, CPU_TSS);
RING0_OFFSET(ring0_cpu, gdtr, CPU_GDTR);
RING0_OFFSET(ring0_cpu, idtr, CPU_IDTR);
RING0_OFFSET(ring0_cpu, main_stack, CPU_MAIN_STACK);
RING0_OFFSET(ring0_cpu, nmi_stack, CPU_NMI_STACK);
RING0_OFFSET(ring0_cpu, double_fault_stack, CPU_DOUBLE_FAULT_STACK);
RING0_OFFSET(ring0_cpu, machine_check_stack, CPU_MACHINE_CHECK_STACK);
RING0_SIZE(ring0_cpu, CPU_SIZE);

#undef RING0_OFFSET
#undef RING0_SIZE

#endif /* RING0_AMD64_H */
