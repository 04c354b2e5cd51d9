/*
 * The seccomp filters, in BPF (linux/filter.h, linux/seccomp.h). What is not allowed is SIGSYS (SECCOMP_RET_TRAP). The address of the SYSCALL instruction
 * decides which call it may make, and the arguments are checked. The filter of threads that run guest code is stacked upon the mapper's, so they may do what
 * both allow:
 *
 *   futex(a line, FUTEX_WAIT, any value, no timeout)      sleeps until the sentry resumes a thread
 *   write(FD_DOORBELL, the number 1, 8)                   wakes the sentry
 *   rt_sigprocmask(SIG_SETMASK, a constant, NULL, 8)      sets the mask that they have
 *
 * Guest code may make each of them, by a jump into the stub, and none has an effect that matters.
 */
#define DATA_NR      0
#define DATA_ARCH    4
#define DATA_IP_LOW  8
#define DATA_IP_HIGH 12
#define DATA_LOW(i)  (16 + 8 * (i))
#define DATA_HIGH(i) (20 + 8 * (i))
#define ARCH_X86_64 0xc000003e
#define RET_TRAP    0x00030000
#define RET_ALLOW   0x7fff0000

/* The halves of an address in this text. */
#define LOW(label) (label - text + (STUB_BASE & 0xffffffff))
#define HIGH (STUB_BASE >> 32)
#define LINES_LOW  ((CONTROL_BASE + CONTROL_LINES) & 0xffffffff)
#define LINES_END  (LINES_LOW + (SLOT_COUNT << LINE_SHIFT))

        .macro bpf_load offset
        .short 0x20
        .byte 0, 0
        .long \offset
        .endm
        .macro bpf_return value
        .short 0x06
        .byte 0, 0
        .long \value
        .endm
        /* Goes on if A == k, else to `otherwise`. */
        .macro bpf_equal k, otherwise
        .short 0x15
        .byte 0, (\otherwise - .Lbpf\@) / 8
        .long \k
.Lbpf\@:
        .endm
        /* To `target` if A == k. */
        .macro bpf_if_equal k, target
        .short 0x15
        .byte (\target - .Lbpf\@) / 8, 0
        .long \k
.Lbpf\@:
        .endm
        /* Goes on if A >= k, A < k, else to `otherwise`. */
        .macro bpf_at_least k, otherwise
        .short 0x35
        .byte 0, (\otherwise - .Lbpf\@) / 8
        .long \k
.Lbpf\@:
        .endm
        .macro bpf_below k, otherwise
        .short 0x35
        .byte (\otherwise - .Lbpf\@) / 8, 0
        .long \k
.Lbpf\@:
        .endm
        .macro bpf_argument index, low, high, otherwise
        bpf_load DATA_LOW(\index)
        bpf_equal \low, \otherwise
        bpf_load DATA_HIGH(\index)
        bpf_equal \high, \otherwise
        .endm
        .macro bpf_call nr, otherwise
        bpf_load DATA_NR
        bpf_equal \nr, \otherwise
        .endm
        .macro bpf_begin otherwise
        bpf_load DATA_ARCH
        bpf_equal ARCH_X86_64, \otherwise
        bpf_load DATA_IP_HIGH
        bpf_equal HIGH, \otherwise
        bpf_load DATA_IP_LOW
        .endm
        .balign 8
guest_program:
        bpf_begin guest_trap
        bpf_if_equal LOW(futex_site), guest_futex
        bpf_if_equal LOW(doorbell_site), guest_doorbell
        bpf_if_equal LOW(mask_site), guest_mask_call
guest_trap:
        bpf_return RET_TRAP
guest_futex:
        bpf_call SYS_futex, guest_trap_2
        bpf_load DATA_HIGH(0)
        bpf_equal (CONTROL_BASE >> 32), guest_trap_2
        bpf_load DATA_LOW(0)
        bpf_at_least LINES_LOW, guest_trap_2
        bpf_below LINES_END, guest_trap_2
        bpf_argument 1, 0, 0, guest_trap_2
        bpf_argument 3, 0, 0, guest_trap_2
        bpf_return RET_ALLOW
guest_doorbell:
        bpf_call SYS_write, guest_trap_2
        bpf_argument 0, FD_DOORBELL, 0, guest_trap_2
        bpf_argument 1, LOW(one), HIGH, guest_trap_2
        bpf_argument 2, 8, 0, guest_trap_2
        bpf_return RET_ALLOW
guest_mask_call:
        bpf_call SYS_rt_sigprocmask, guest_trap_2
        bpf_argument 0, SIG_SETMASK, 0, guest_trap_2
        bpf_argument 1, LOW(guest_mask), HIGH, guest_trap_2
        bpf_argument 2, 0, 0, guest_trap_2
        bpf_argument 3, 8, 0, guest_trap_2
        bpf_return RET_ALLOW
guest_trap_2:
        bpf_return RET_TRAP
guest_program_end:

        /* The mapper's: in addition, what commands and the making of threads take. The commands come from the sentry: their arguments are checked so that a
           mistake there can't put anything but application memory into a process. */
mapper_program:
        bpf_begin mapper_trap
        bpf_if_equal LOW(futex_site), mapper_guest_futex
        bpf_if_equal LOW(doorbell_site), mapper_guest_doorbell
        bpf_if_equal LOW(mask_site), mapper_guest_mask
        bpf_if_equal LOW(mapper_futex_site), mapper_futex
        bpf_if_equal LOW(done_site), mapper_done
        bpf_if_equal LOW(mmap_site), mapper_mmap
        bpf_if_equal LOW(munmap_site), mapper_munmap
        bpf_if_equal LOW(mprotect_site), mapper_mprotect
        bpf_if_equal LOW(clone_site), mapper_clone
        bpf_if_equal LOW(sigaltstack_site), mapper_sigaltstack
        bpf_if_equal LOW(seccomp_site), mapper_seccomp
        bpf_if_equal LOW(dispatch_site), mapper_dispatch
mapper_trap:
        bpf_return RET_TRAP
mapper_guest_futex:
        bpf_call SYS_futex, mapper_trap_2
        bpf_return RET_ALLOW
mapper_guest_doorbell:
        bpf_call SYS_write, mapper_trap_2
        bpf_return RET_ALLOW
mapper_guest_mask:
        bpf_call SYS_rt_sigprocmask, mapper_trap_2
        bpf_return RET_ALLOW
mapper_futex:
        bpf_call SYS_futex, mapper_trap_2
        bpf_argument 0, (CONTROL_BASE & 0xffffffff), (CONTROL_BASE >> 32), mapper_trap_2
        bpf_argument 1, 0, 0, mapper_trap_2
        bpf_argument 3, 0, 0, mapper_trap_2
        bpf_return RET_ALLOW
mapper_done:
        bpf_call SYS_write, mapper_trap_2
        bpf_argument 0, FD_DONE, 0, mapper_trap_2
        bpf_load DATA_HIGH(1)
        bpf_equal HIGH, mapper_trap_2
        bpf_load DATA_LOW(1)
        bpf_at_least LOW(errno_values), mapper_trap_2
        bpf_below LOW(left_values_end), mapper_trap_2
        bpf_argument 2, 8, 0, mapper_trap_2
        bpf_return RET_ALLOW
mapper_mmap:
        bpf_call SYS_mmap, mapper_trap_2
        bpf_load DATA_HIGH(3)
        bpf_equal 0, mapper_trap_2
        bpf_load DATA_LOW(3)
        bpf_if_equal MAP_SHARED_FIXED, mapper_mmap_memory
        bpf_equal (MAP_SHARED_FIXED | MAP_POPULATE), mapper_trap_2
mapper_mmap_memory:
        /* Application memory below the stub, or more slots. */
        bpf_load DATA_LOW(4)
        bpf_if_equal FD_CONTEXT, mapper_mmap_slots
        bpf_if_equal FD_PATCH, mapper_mmap_patch
        bpf_equal FD_MEMORY, mapper_trap_2
        bpf_load DATA_HIGH(0)
        bpf_below HIGH, mapper_trap_2
        bpf_return RET_ALLOW
mapper_mmap_patch:
        bpf_load DATA_LOW(2)
        bpf_if_equal PROT_READ, mapper_mmap_patch_address
        bpf_equal (PROT_READ | PROT_EXEC), mapper_trap_2
mapper_mmap_patch_address:
        bpf_load DATA_HIGH(0)
        bpf_below HIGH, mapper_trap_2
        bpf_return RET_ALLOW
mapper_mmap_slots:
        bpf_argument 2, PROT_READ_WRITE, 0, mapper_trap_2
        bpf_load DATA_HIGH(0)
        bpf_equal (SLOT_BASE >> 32), mapper_trap_2
        bpf_load DATA_LOW(0)
        bpf_at_least (SLOT_BASE & 0xffffffff), mapper_trap_2
        bpf_return RET_ALLOW
mapper_munmap:
        bpf_call SYS_munmap, mapper_trap_2
        bpf_load DATA_HIGH(0)
        bpf_below HIGH, mapper_trap_2
        bpf_return RET_ALLOW
mapper_mprotect:
        bpf_call SYS_mprotect, mapper_trap_2
        bpf_load DATA_HIGH(0)
        bpf_below HIGH, mapper_trap_2
        bpf_return RET_ALLOW
mapper_clone:
        bpf_call SYS_clone, mapper_trap_2
        bpf_argument 0, THREAD_FLAGS, 0, mapper_trap_2
        bpf_return RET_ALLOW
mapper_sigaltstack:
        bpf_call SYS_sigaltstack, mapper_trap_2
        bpf_return RET_ALLOW
mapper_seccomp:
        bpf_call SYS_seccomp, mapper_trap_2
        bpf_argument 0, SECCOMP_SET_MODE_FILTER, 0, mapper_trap_2
        bpf_argument 2, LOW(guest_filter), HIGH, mapper_trap_2
        bpf_return RET_ALLOW
mapper_dispatch:
        bpf_call SYS_prctl, mapper_trap_2
        bpf_argument 0, PR_SET_SYSCALL_USER_DISPATCH, 0, mapper_trap_2
        bpf_argument 1, PR_SYS_DISPATCH_ON, 0, mapper_trap_2
        bpf_argument 2, (STUB_BASE & 0xffffffff), HIGH, mapper_trap_2
        bpf_argument 3, STUB_SIZE, 0, mapper_trap_2
        bpf_argument 4, 0, 0, mapper_trap_2
        bpf_return RET_ALLOW
mapper_trap_2:
        bpf_return RET_TRAP
mapper_program_end:

guest_filter:
        .short (guest_program_end - guest_program) / 8
        .zero 6
        .quad guest_program
mapper_filter:
        .short (mapper_program_end - mapper_program) / 8
        .zero 6
        .quad mapper_program
