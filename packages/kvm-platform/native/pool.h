/*
 * The native threads that run contexts given to `start`, each with a vCPU of its own, made when first needed.
 *
 *   start ──► worker's inbox (the vCPU that has the context's state, or an idle one)      ┌► done (stack) ──► poll
 *        └──► ready (queue), when all are busy ──► next worker that finishes ──► vcpu_run ┘
 *
 * `start`, `poll`, `wait` and `arm` belong to the owner.
 */
#ifndef SBX_KVM_POOL_H
#define SBX_KVM_POOL_H

#include "machine.h"

/* Called by a worker, at most once for each pool_arm that returned true, when there is something to poll. */
typedef void (*pool_wake)(void *data);

struct pool *pool_create(struct machine *m, uint32_t workers, pool_wake wake, void *data);
/* Ends all threads. No context may be running. */
void pool_destroy(struct pool *p);
/* Makes the thread of every worker now, with its vCPU. Returns 0 or -errno. */
int pool_prepare(struct pool *p);

/* Queues the context. Returns 0, or -errno if no thread could be made and there is none. */
int pool_start(struct pool *p, struct context *c, struct space *s);
/* A context that came to an event, or NULL. */
struct context *pool_poll(struct pool *p);
bool pool_wait(struct pool *p, int64_t timeout_ns);
bool pool_arm(struct pool *p);
/* Takes back the wish to be woken. */
void pool_disarm(struct pool *p);
/* Makes workers that ran one context longer than `slice_ns` take the next, if one waits. True if one waits. */
bool pool_preempt(struct pool *p, uint64_t now, uint64_t slice_ns);

#endif
