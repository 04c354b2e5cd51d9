/* The binding's part that runs contexts: spaces, contexts, events, figures. */
#include <string.h>

#include "binding.h"
#include "clock.h"

/* How long a run may go on while JavaScript has work that was there when it began. */
#define OVERDUE_MS 5
#define LEAST_NS 5000000u

/* --- Spaces --- */

static napi_value js_new_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  return number(env, machine_new_space(h->machine));
}

static napi_value js_release_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  for (uint32_t i = 0; i < h->machine->running_count; i++) {
    if (h->machine->running[i]->space == s) return throw_argument(env, "a context runs in the address space");
  }
  space_release(s);
  return NULL;
}

/* Arguments 2 and 3 as a range of guest pages. */
static bool guest_range(struct call *call, int64_t *addr, int64_t *length) {
  if (!integer(call, 2, addr) || !integer(call, 3, length)) return false;
  if (*addr >= 0 && *length > 0 && *addr % 4096 == 0 && *length % 4096 == 0 && *addr <= GUEST_END - *length) return true;
  throw_argument(call->env, "not a range of application addresses");
  return false;
}

/* map(machine, space, addr, length, offset, access, precommit): 0 or -errno. */
static napi_value js_map(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  int64_t addr, length, offset, access, precommit;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL || !guest_range(&call, &addr, &length) ||
      !integer(&call, 4, &offset) || !integer(&call, 5, &access) || !integer(&call, 6, &precommit)) {
    return NULL;
  }
  if (offset < 0 || offset % 4096 != 0 || access <= 0 || access > 7) return throw_argument(env, "an offset and an access were expected");
  return small(env, space_map(s, (uint64_t)addr, (uint64_t)offset, (uint64_t)length, (uint32_t)access, precommit != 0));
}

static napi_value js_unmap(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  int64_t addr, length;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL || !guest_range(&call, &addr, &length)) {
    return NULL;
  }
  space_unmap(s, (uint64_t)addr, (uint64_t)length);
  return NULL;
}

static napi_value js_write_protect(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  int64_t addr, length;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL || !guest_range(&call, &addr, &length)) {
    return NULL;
  }
  space_write_protect(s, (uint64_t)addr, (uint64_t)length);
  return NULL;
}

static napi_value js_claim(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  patch_give_way(s, TABLE_BASE, TABLE_SIZE);
  return NULL;
}

/* refusal(machine): why the last space could not be made. */
static napi_value js_refusal(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  napi_value reason;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  return napi_create_string_utf8(env, h->machine->refusal, NAPI_AUTO_LENGTH, &reason) == napi_ok ? reason : NULL;
}

/* spaceProcess(machine, space): the stub process's number, or why there is none any more. */
static napi_value js_space_process(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  napi_value reason;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  if (!s->dead) return small(env, s->pid);
  return napi_create_string_utf8(env, s->reason, NAPI_AUTO_LENGTH, &reason) == napi_ok ? reason : NULL;
}

/* --- Contexts --- */

static napi_value js_new_context(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t page;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &page)) return NULL;
  if (page <= 0 || page % 64 != 0) return throw_argument(env, "a page's address was expected");
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
  /* The loop's time may be old, where JavaScript has been running for long: the run gets some time all the same. */
  uint64_t deadline = (uv_now(loop) + (uint64_t)timeout) * 1000000u, least = clock_now() + LEAST_NS;
  return deadline > least ? deadline : least;
}

/* An argument of `switch` as an index below `limit`, else `limit`, which nothing has. */
static uint32_t index_of(double value, uint32_t limit) { return value >= 0 && value < limit ? (uint32_t)value : limit; }

/* switch(): runs the context that `switchArguments` says; its page has the event. */
static napi_value js_switch(napi_env env, napi_callback_info info) {
  size_t count = 0;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &count, NULL, NULL, &data) != napi_ok) return NULL;
  const struct instance *instance = data;
  const double *arguments = instance->switch_arguments;
  const uint32_t machine = index_of(arguments[SWITCH_MACHINE], MAX_MACHINES);
  struct handle *h = machine < MAX_MACHINES ? instance->handles[machine] : NULL;
  if (h == NULL) return throw_argument(env, "not a machine");
  struct machine *m = h->machine;
  struct context *c = machine_context(m, index_of(arguments[SWITCH_CONTEXT], m->context_limit));
  if (c == NULL) return throw_argument(env, "not a context");
  struct space *s = machine_space(m, index_of(arguments[SWITCH_SPACE], m->space_limit));
  if (s == NULL) return throw_argument(env, "not an address space");
  if (c->running || h->loop == NULL) return throw_argument(env, "the platform is not ready, or the context runs");
  const double timeout = arguments[SWITCH_TIMEOUT];
  const uint64_t limit = timeout >= 9e18 ? UINT64_MAX : timeout > 0 ? (uint64_t)timeout : 0;
  if (!machine_run(m, c, s, limit)) machine_finish(m, c, limit, loop_deadline(h->loop), uv_backend_fd(h->loop));
  context_collect(c);
  return NULL;
}

static napi_value js_start(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  struct space *s;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
      (s = space_of(&call, h, 2)) == NULL) {
    return NULL;
  }
  if (c->running) return throw_argument(env, "the context runs");
  context_start(c, s);
  return NULL;
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
  struct context *c = machine_poll(h->machine);
  return small(env, c == NULL ? -1 : (int32_t)c->id);
}

static napi_value js_wait(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  double timeout;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (call.count < 2 || napi_get_value_double(env, call.arguments[1], &timeout) != napi_ok) return throw_argument(env, "a timeout was expected");
  int64_t limit = timeout >= 4e18 ? INT64_MAX / 4 : timeout > 0 ? (int64_t)timeout : 0;
  return small(env, machine_wait(h->machine, limit));
}

static napi_value js_arm(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  bool armed = h->loop != NULL && machine_arm(h->machine);
  /* While a wake-up is wanted it keeps the event loop alive. */
  if (armed) uv_ref((uv_handle_t *)&h->poll);
  else if (h->loop != NULL) uv_unref((uv_handle_t *)&h->poll);
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

/* counts(machine, Float64Array): by enum count. */
static napi_value js_counts(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  const size_t count = sizeof(h->machine->counts) / sizeof(h->machine->counts[0]);
  double *sums = doubles(&call, 1, count);
  if (sums == NULL) return throw_argument(env, "a Float64Array was expected");
  for (size_t i = 0; i < count; i++) sums[i] = (double)h->machine->counts[i];
  return NULL;
}

const struct function run_functions[] = {
    {"newSpace", js_new_space},
    {"releaseSpace", js_release_space},
    {"map", js_map},
    {"unmap", js_unmap},
    {"writeProtect", js_write_protect},
    {"claim", js_claim},
    {"refusal", js_refusal},
    {"spaceProcess", js_space_process},
    {"newContext", js_new_context},
    {"releaseContext", js_release_context},
    {"pull", js_pull},
    {"switch", js_switch},
    {"start", js_start},
    {"interrupt", js_interrupt},
    {"poll", js_poll},
    {"wait", js_wait},
    {"arm", js_arm},
    {"failure", js_failure},
    {"counts", js_counts},
    {NULL, NULL},
};
