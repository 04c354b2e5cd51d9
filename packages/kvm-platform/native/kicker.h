/*
 * The thread that ends runs of vCPU 0 on the JavaScript thread: when their time is over, or when the event loop has work; and that makes workers
 * take turns while contexts wait for one.
 *
 * A run costs two stores and a load here; the kicker finds long runs by looking every KICKER_TICK_NS while there are runs, and sleeps when there were none
 * for a while. A run that it found it watches by poll(2) on the event loop's descriptor, using no CPU.
 */
#ifndef SBX_KVM_KICKER_H
#define SBX_KVM_KICKER_H

#include "machine.h"

#define KICKER_TICK_NS 400000

/* `backend_fd` is readable when the event loop has work; -1: none. */
struct kicker *kicker_create(struct machine *m, int backend_fd);
void kicker_destroy(struct kicker *k);
/*
 * A run of vCPU 0 begins: it ends after `timeout_ns`, or at `loop_deadline` (CLOCK_MONOTONIC, ns; UINT64_MAX: none). Returns its sequence number for
 * vcpu_run.
 */
uint64_t kicker_begin(struct kicker *k, struct vcpu *v, uint64_t timeout_ns, uint64_t loop_deadline);
void kicker_end(struct kicker *k);
/* Contexts wait for a worker. */
void kicker_notice(struct kicker *k);

#endif
