/* The binding's part that runs contexts: spaces, contexts, events, figures. */
#include <string.h>

#include "binding.h"
#include "clock.h"
#include "kicker.h"
#include "pool.h"

/* How long a run may go on while JavaScript has work that was there when it began. */
#define OVERDUE_MS 5

/* --- Spaces and contexts --- */

static napi_value js_new_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t cr3;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &cr3)) return NULL;
  return number(env, machine_new_space(h->machine, (uint64_t)cr3));
}

static napi_value js_release_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  machine_release_space(h->machine, s);
  return NULL;
}

static napi_value js_flush(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  machine_flush(h->machine, s);
  return NULL;
}

/* forget(machine, space or -1, address, length, frames: Uint32Array, count): see machine_forget. 0 or -errno. */
static napi_value js_forget(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t space, address, length, count;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (!integer(&call, 1, &space) || !integer(&call, 2, &address) || !integer(&call, 3, &length) || !integer(&call, 5, &count)) return NULL;
  struct space *s = NULL;
  if (space >= 0 && (s = space_of(&call, h, 1)) == NULL) return NULL;
  napi_typedarray_type type;
  size_t elements;
  void *frames;
  if (napi_get_typedarray_info(env, call.arguments[4], &type, &elements, &frames, NULL, NULL) != napi_ok || type != napi_uint32_array ||
      count < 0 || (size_t)count > elements) {
    return throw_argument(env, "frames: a Uint32Array and a count were expected");
  }
  return small(env, machine_forget(h->machine, s, (uint64_t)address, (uint64_t)length, frames, (uint32_t)count));
}

/* writeProtect(machine, space, address, length): 1 if a flush is needed, 0 or -errno. */
static napi_value js_write_protect(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  int64_t address, length;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  if (!integer(&call, 2, &address) || !integer(&call, 3, &length)) return NULL;
  if (address < 0 || length <= 0 || address % 4096 != 0 || length % 4096 != 0 || address > (INT64_C(1) << 47) - length) {
    return throw_argument(env, "not a range of the lower half");
  }
  return small(env, machine_write_protect(h->machine, s, (uint64_t)address, (uint64_t)length));
}

static napi_value js_new_context(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t page;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &page)) return NULL;
  if (page <= 0 || page % 64 != 0) return throw_argument(env, "a page's address was expected");
  /* SAFETY: kvm-platform.ts allocated CONTEXT_SIZE bytes of kernel memory there, and frees them after releaseContext() or close(). */
  return number(env, machine_new_context(h->machine, (struct context_page *)(uintptr_t)page));
}

static napi_value js_release_context(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
  machine_release_context(h->machine, c);
  return NULL;
}

static napi_value js_pull(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
  context_pull(c);
  return NULL;
}

/* --- Running --- */

/* When the event loop has work of its own next (timers, immediates), CLOCK_MONOTONIC in ns; UINT64_MAX: nothing that only time brings. */
static uint64_t loop_deadline(uv_loop_t *loop) {
  int timeout = uv_backend_timeout(loop);
  if (timeout < 0) return UINT64_MAX;
  if (timeout == 0) {
    /* Nothing keeps the loop alive, a timer is due, or an immediate is pending: also the one whose callback is calling us. */
    if (!uv_loop_alive(loop)) return UINT64_MAX;
    timeout = OVERDUE_MS;
  }
  return (uv_now(loop) + (uint64_t)timeout) * 1000000u;
}

/* switch(machine, context, space, timeoutNs): EVENT_*. */
static napi_value js_switch(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  struct space *s;
  double timeout;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
      (s = space_of(&call, h, 2)) == NULL) {
    return NULL;
  }
  if (call.count < 4 || napi_get_value_double(env, call.arguments[3], &timeout) != napi_ok) return throw_argument(env, "a timeout was expected");
  struct machine *m = h->machine;
  if (h->vcpu0 == NULL || c->page->state != STATE_IDLE) return throw_argument(env, "the machine is not ready, or the context runs");
  int event;
  if (m->kicker != NULL) {
    uint64_t limit = timeout >= 9e18 ? UINT64_MAX : timeout > 0 ? (uint64_t)timeout : 0;
    uint64_t sequence = kicker_begin(m->kicker, h->vcpu0, limit, loop_deadline(h->loop));
    event = vcpu_run(h->vcpu0, c, s, sequence);
    kicker_end(m->kicker);
  } else {
    event = vcpu_run(h->vcpu0, c, s, UINT64_MAX);
  }
  c->page->state = STATE_IDLE;
  return small(env, event);
}

/*
 * measure(machine, context, space, rounds, result: Float64Array): runs a context that makes system calls all the time, and answers each with 0 at once,
 * without JavaScript. result[0] = ns for each, result[1] = ns of it in KVM_RUN. The event that ended it early, or EVENT_SYSCALL.
 */
static napi_value js_measure(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  struct space *s;
  int64_t rounds;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
      (s = space_of(&call, h, 2)) == NULL || !integer(&call, 3, &rounds)) {
    return NULL;
  }
  double *result = doubles(&call, 4, 2);
  if (result == NULL || h->vcpu0 == NULL || rounds <= 0) return throw_argument(env, "rounds and a result were expected");
  struct vcpu *v = h->vcpu0;
  int event = EVENT_SYSCALL;
  for (int timed = 0; timed < 2; timed++) {
    v->timed = timed != 0;
    v->run_ns = 0;
    uint64_t start = clock_now();
    for (int64_t i = 0; i < rounds && event == EVENT_SYSCALL; i++) {
      event = vcpu_run(v, c, s, UINT64_MAX);
      c->page->regs[CONTEXT_INDEX_RAX] = 0;
    }
    result[timed] = (double)(timed ? v->run_ns : clock_now() - start) / (double)rounds;
  }
  v->timed = false;
  c->page->state = STATE_IDLE;
  return small(env, event);
}

/* start(machine, context, space): 0 or -errno. */
static napi_value js_start(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
      (s = space_of(&call, h, 2)) == NULL) {
    return NULL;
  }
  if (h->machine->pool == NULL || c->page->state != STATE_IDLE) return throw_argument(env, "the machine is not ready, or the context runs");
  return small(env, pool_start(h->machine->pool, c, s));
}

static napi_value js_interrupt(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
  context_interrupt(c);
  return NULL;
}

/* poll(machine): a context's number, or -1. */
static napi_value js_poll(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  struct context *c = h->machine->pool == NULL ? NULL : pool_poll(h->machine->pool);
  return small(env, c == NULL ? -1 : (int32_t)c->id);
}

static napi_value js_wait(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  double timeout;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (call.count < 2 || napi_get_value_double(env, call.arguments[1], &timeout) != napi_ok) return throw_argument(env, "a timeout was expected");
  int64_t limit = timeout >= 4e18 ? INT64_MAX / 4 : timeout > 0 ? (int64_t)timeout : 0;
  return small(env, h->machine->pool != NULL && pool_wait(h->machine->pool, limit));
}

static napi_value js_arm(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (h->machine->pool == NULL) return small(env, 0);
  /* While a wake-up is wanted it keeps the event loop alive. */
  uv_ref((uv_handle_t *)&h->async);
  bool armed = pool_arm(h->machine->pool);
  if (!armed) uv_unref((uv_handle_t *)&h->async);
  return small(env, armed);
}

/* failure(machine): the report, or null. */
static napi_value js_failure(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  napi_value result = NULL;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (h->machine->failed) napi_create_string_utf8(env, h->machine->failure, NAPI_AUTO_LENGTH, &result);
  else napi_get_null(env, &result);
  return result;
}

/* counts(machine, Float64Array): sums of the vCPUs' counters, by enum exit_count. */
static napi_value js_counts(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  double *sums = doubles(&call, 1, COUNTS);
  if (sums == NULL) return throw_argument(env, "a Float64Array was expected");
  for (size_t k = 0; k < COUNTS; k++) sums[k] = 0;
  for (uint32_t i = 0; i < h->machine->vcpu_count; i++) {
    const struct vcpu *v = h->machine->vcpus[i];
    for (size_t k = 0; v != NULL && k < COUNTS; k++) sums[k] += (double)v->counts[k];
  }
  return NULL;
}

const struct function run_functions[] = {
    {"newSpace", js_new_space},
    {"releaseSpace", js_release_space},
    {"flush", js_flush},
    {"forget", js_forget},
    {"writeProtect", js_write_protect},
    {"newContext", js_new_context},
    {"releaseContext", js_release_context},
    {"pull", js_pull},
    {"switch", js_switch},
    {"measure", js_measure},
    {"start", js_start},
    {"interrupt", js_interrupt},
    {"poll", js_poll},
    {"wait", js_wait},
    {"arm", js_arm},
    {"failure", js_failure},
    {"counts", js_counts},
    {NULL, NULL},
};
