/* One virtual CPU: making it, the state that it holds for a context, running it. */
#ifndef SBX_KVM_VCPU_H
#define SBX_KVM_VCPU_H

#include "machine.h"

/* The signal that makes a thread leave KVM_RUN. Node, V8 and libuv use no real-time signals. Ignored by threads that run no vCPU. */
#define KICK_SIGNAL (SIGRTMIN + 8)

/* What vcpu_run returns beside EVENT_*: a worker was asked to let another context run. The context's page holds its state. */
#define RUN_PREEMPTED (-1)

/* Installs the (process-wide) handler of KICK_SIGNAL; harmless when repeated. Returns 0 or -errno. */
int vcpu_install_kick(void);

/* vCPU `index` of the machine, made if need be by the calling thread, which is to run it. NULL with an errno in *error. */
struct vcpu *vcpu_acquire(struct machine *m, uint32_t index, int *error);
void vcpu_free(struct vcpu *v);
/* Says that the calling thread runs this vCPU from now on: kicks go to it. */
void vcpu_adopt(struct vcpu *v);

/*
 * Runs `c` in `s` on `v` until something happens, and returns EVENT_* (also in the page) or RUN_PREEMPTED. Ends with EVENT_INTERRUPT when
 * vcpu.stop becomes `sequence`. Called by the thread that adopted `v`.
 */
int vcpu_run(struct vcpu *v, struct context *c, struct space *s, uint64_t sequence);

/* Makes the vCPU leave guest mode if it is in it, or not enter it without looking at its requests again. Any thread. */
void vcpu_kick(struct vcpu *v);
/* Waits until the vCPU has left guest mode once since `state` was read. */
void vcpu_wait_left(struct vcpu *v, uint32_t state);

/* The machine's mode (bare, window, ...) has changed: makes a vCPU that runs nothing follow. Returns 0 or -errno. */
int vcpu_mode_changed(struct vcpu *v);

/* Context.interrupt. Any thread. */
void context_interrupt(struct context *c);
/* Brings FS/GS base and extended state of `c`, which does not run, to its page; it stays where it is. Any thread. */
void context_pull(struct context *c);
/* As above, and no vCPU holds it afterwards. */
void context_evict(struct context *c);
/*
 * Makes `v`, which runs nothing, hold `c`, with the extended state of its page. Called by the thread that adopted `v`. Returns 0 or what KVM says about a
 * state that the CPU would refuse; then no vCPU holds it.
 */
int vcpu_take_up(struct vcpu *v, struct context *c);

/*
 * (forget.c) Makes a KVM that shadows page tables forget what it knew of `count` entries, or (`whole`) tables; guest-physical addresses. `v` runs nothing; the
 * context that it holds keeps its state. Called by the thread that adopted `v`. Returns 0 or -EIO.
 */
int vcpu_forget(struct vcpu *v, const uint64_t *physical, uint32_t count, bool whole);

/* Flat code and stack segments of ring 0 or 3. */
void vcpu_set_ring(struct kvm_sregs *s, int ring);

/* Fault decoding (fault.c): writes signal, code, address and access of an exception of ring 3 to the page; returns EVENT_SIGNAL. */
int fault_decode(struct vcpu *v, struct context *c, const struct space *s, uint32_t vector, uint32_t error_code, uint64_t cr2);
/* The page's event is the signal. */
int fault_signal(struct context_page *page, int signo, int code, uint64_t address, uint32_t access);

/* Records why the vCPU died, with what is known of it, and returns EVENT_FAILED (report.c). The first report stays. */
int report_failure(struct vcpu *v, const struct context *c, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As above, where no vCPU is to be described. */
void report_machine_failure(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
