/*
 * Node-API binding. Machines, contexts and address spaces are small integers, looked up in tables and checked, so that no JavaScript value can make
 * native code follow a wild pointer; addresses of host memory (slots, context pages, the kernel area) are trusted, as the package's own TypeScript gives
 * them. A wrong argument throws a TypeError; what the host or KVM refuses is a negative errno.
 */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "clock.h"
#include "kicker.h"
#include "pool.h"
#include "ring0_entry.h"
#include "vcpu.h"

#define MAX_MACHINES 64
#define MAX_ARGUMENTS 9
/* How long a run may go on while JavaScript has work that was there when it began. */
#define OVERDUE_MS 5

/* A machine and what ties it to its environment. The async handle outlives the machine until libuv has closed it. */
struct handle {
  struct machine *machine;
  struct vcpu *vcpu0;
  napi_env env;
  napi_ref wake;
  napi_async_context async_context;
  uv_loop_t *loop;
  uv_async_t async;
};

/* Per environment. */
struct instance {
  struct handle *handles[MAX_MACHINES];
};

struct call {
  napi_env env;
  size_t count;
  napi_value arguments[MAX_ARGUMENTS];
  struct instance *instance;
};

static napi_value throw_argument(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_SBX_NATIVE_ARGUMENT", message);
  return NULL;
}

static bool begin(struct call *call, napi_env env, napi_callback_info info) {
  call->env = env;
  call->count = MAX_ARGUMENTS;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &call->count, call->arguments, NULL, &data) != napi_ok) return false;
  call->instance = data;
  return true;
}

/* Argument `i` as an integer; 0 and an exception if it is no number. */
static bool integer(struct call *call, size_t i, int64_t *value) {
  if (i < call->count && napi_get_value_int64(call->env, call->arguments[i], value) == napi_ok) return true;
  throw_argument(call->env, "a number was expected");
  return false;
}

/* Argument `i`, a Float64Array of at least `count` elements; NULL if it isn't. */
static double *doubles(struct call *call, size_t i, size_t count) {
  napi_typedarray_type type;
  size_t elements;
  void *data;
  if (i >= call->count || napi_get_typedarray_info(call->env, call->arguments[i], &type, &elements, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_float64_array && elements >= count ? data : NULL;
}

static struct handle *handle_of(struct call *call) {
  uint32_t id;
  if (call->count > 0 && napi_get_value_uint32(call->env, call->arguments[0], &id) == napi_ok && id < MAX_MACHINES &&
      call->instance->handles[id] != NULL) {
    return call->instance->handles[id];
  }
  throw_argument(call->env, "not a machine");
  return NULL;
}

static struct context *context_of(struct call *call, const struct handle *h, size_t i) {
  uint32_t id;
  struct context *c = NULL;
  if (i < call->count && napi_get_value_uint32(call->env, call->arguments[i], &id) == napi_ok) c = machine_context(h->machine, id);
  if (c == NULL) throw_argument(call->env, "not a context");
  return c;
}

static struct space *space_of(struct call *call, const struct handle *h, size_t i) {
  uint32_t id;
  struct space *s = NULL;
  if (i < call->count && napi_get_value_uint32(call->env, call->arguments[i], &id) == napi_ok) s = machine_space(h->machine, id);
  if (s == NULL) throw_argument(call->env, "not an address space");
  return s;
}

static napi_value number(napi_env env, int64_t value) {
  napi_value result;
  return napi_create_int64(env, value, &result) == napi_ok ? result : NULL;
}

static napi_value small(napi_env env, int32_t value) {
  napi_value result;
  return napi_create_int32(env, value, &result) == napi_ok ? result : NULL;
}

static void set_number(napi_env env, napi_value object, const char *name, double value) {
  napi_value v;
  if (napi_create_double(env, value, &v) == napi_ok) napi_set_named_property(env, object, name, v);
}

/* --- Life of a machine --- */

static void close_handle(struct instance *instance, uint32_t id);

/* open(fd): a machine's number, or a string that says why not. fd -1: opens /dev/kvm. */
static napi_value js_open(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t fd;
  if (!begin(&call, env, info) || !integer(&call, 0, &fd)) return NULL;
  uint32_t id = 0;
  while (id < MAX_MACHINES && call.instance->handles[id] != NULL) id++;
  char reason[256] = "too many virtual machines in one process";
  struct handle *h = id < MAX_MACHINES ? calloc(1, sizeof(*h)) : NULL;
  if (h != NULL && (h->machine = machine_open((int)fd, reason, sizeof(reason))) != NULL) {
    h->env = env;
    call.instance->handles[id] = h;
    return small(env, (int32_t)id);
  }
  free(h);
  napi_value text;
  return napi_create_string_utf8(env, reason, NAPI_AUTO_LENGTH, &text) == napi_ok ? text : NULL;
}

static const struct kvm_cpuid_entry2 *cpuid_leaf(const struct machine *m, uint32_t function) {
  for (uint32_t i = 0; i < m->cpuid->header.nent; i++) {
    if (m->cpuid->entries[i].function == function && m->cpuid->entries[i].index == 0) return &m->cpuid->entries[i];
  }
  return NULL;
}

/* Bytes of the XSAVE area (standard format) that the components in `xcr0` take (SDM Vol. 1 13.4.3). */
static uint32_t xsave_size(const struct machine *m) {
  uint32_t size = 576;
  for (uint32_t i = 0; i < m->cpuid->header.nent; i++) {
    const struct kvm_cpuid_entry2 *e = &m->cpuid->entries[i];
    if (e->function == 0xd && e->index >= 2 && e->index < 63 && (m->xcr0 >> e->index & 1) && e->eax + e->ebx > size) size = e->eax + e->ebx;
  }
  return size;
}

/* info(machine): what the CPU and the KVM have. */
static napi_value js_info(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  napi_value object;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || napi_create_object(env, &object) != napi_ok) return NULL;
  const struct machine *m = h->machine;
  const struct kvm_cpuid_entry2 *sizes = cpuid_leaf(m, 0x80000008), *features = cpuid_leaf(m, 0x80000001);
  set_number(env, object, "addressSizes", sizes == NULL ? 0 : sizes->eax);
  set_number(env, object, "gigabytePages", features != NULL && (features->edx >> 26 & 1));
  set_number(env, object, "maxVcpus", m->max_vcpus);
  set_number(env, object, "cr4", (double)m->cr4);
  set_number(env, object, "xcr0", (double)m->xcr0);
  set_number(env, object, "xsaveSize", xsave_size(m));
  set_number(env, object, "syscallFaults", m->syscall_faults);
  set_number(env, object, "bare", m->bare);
  set_number(env, object, "window", m->window);
  set_number(env, object, "shadow", m->shadow);
  return object;
}

/* addSlot(machine, guestPhysical, hostAddress, length): 0 or -errno. */
static napi_value js_add_slot(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t physical, host, length;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (!integer(&call, 1, &physical) || !integer(&call, 2, &host) || !integer(&call, 3, &length)) return NULL;
  return small(env, machine_add_slot(h->machine, (uint64_t)physical, (uint64_t)host, (uint64_t)length));
}

/*
 * configure(machine, text, idt, cpus, hostCpus, bootCr3, tables, tablesPhysical): where the kernel area is; copies the text to `hostText` and makes
 * vCPU 0 on the calling thread. 0 or -errno.
 */
static napi_value js_configure(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t v[8];
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  for (size_t i = 0; i < 8; i++) {
    if (!integer(&call, i + 1, &v[i])) return NULL;
  }
  memcpy((void *)(uintptr_t)v[7], ring0_exit_text, RING0_EXIT_TEXT_SIZE);
  h->machine->area = (struct kernel_area){.text = (uint64_t)v[0],
                                          .idt = (uint64_t)v[1],
                                          .cpus = (uint64_t)v[2],
                                          .host_cpus = (struct ring0_cpu *)(uintptr_t)v[3],
                                          .boot_cr3 = (uint64_t)v[4],
                                          .tables = (uint64_t)v[5],
                                          .tables_physical = (uint64_t)v[6]};
  int error = 0;
  h->vcpu0 = vcpu_acquire(h->machine, 0, &error);
  if (h->vcpu0 == NULL) return small(env, error);
  vcpu_adopt(h->vcpu0);
  return small(env, 0);
}

/* setMode(machine, syscallFaults, bare, window, shadow): what calibration found. Only vCPU 0 may exist. 0 or -errno. */
static napi_value js_set_mode(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t v[4];
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  for (size_t i = 0; i < 4; i++) {
    if (!integer(&call, i + 1, &v[i])) return NULL;
  }
  struct machine *m = h->machine;
  m->syscall_faults = v[0] != 0;
  m->bare = v[1] != 0;
  m->window = v[2] != 0;
  m->shadow = v[3] != 0;
  return small(env, vcpu_mode_changed(h->vcpu0));
}

static void on_async(uv_async_t *async) {
  struct handle *h = async->data;
  uv_unref((uv_handle_t *)async);
  if (h->machine == NULL) return;
  napi_handle_scope scope;
  if (napi_open_handle_scope(h->env, &scope) != napi_ok) return;
  napi_value callback, receiver, result;
  if (napi_get_reference_value(h->env, h->wake, &callback) == napi_ok && napi_get_global(h->env, &receiver) == napi_ok) {
    napi_status status = napi_make_callback(h->env, h->async_context, receiver, callback, 0, NULL, &result);
    if (status == napi_pending_exception) {
      napi_value exception;
      napi_get_and_clear_last_exception(h->env, &exception);
      napi_fatal_exception(h->env, exception);
    }
  }
  napi_close_handle_scope(h->env, scope);
}

/* From a worker. */
static void wake_owner(void *data) {
  struct handle *h = data;
  uv_async_send(&h->async);
}

/* run(machine, workers, wake): makes pool and kicker. 0 or -errno. */
static napi_value js_ready(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t workers;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &workers)) return NULL;
  napi_valuetype type = napi_undefined;
  if (call.count < 3 || napi_typeof(env, call.arguments[2], &type) != napi_ok || type != napi_function || workers < 1 ||
      workers >= h->machine->max_vcpus || h->loop != NULL) {
    return throw_argument(env, "workers and a function were expected, once");
  }
  struct machine *m = h->machine;
  napi_value name;
  if (napi_get_uv_event_loop(env, &h->loop) != napi_ok || uv_async_init(h->loop, &h->async, on_async) != 0) {
    h->loop = NULL;
    return small(env, -ENOMEM);
  }
  h->async.data = h;
  uv_unref((uv_handle_t *)&h->async);
  if (napi_create_reference(env, call.arguments[2], 1, &h->wake) != napi_ok ||
      napi_create_string_utf8(env, "sbx:kvm", NAPI_AUTO_LENGTH, &name) != napi_ok || napi_async_init(env, NULL, name, &h->async_context) != napi_ok) {
    return small(env, -ENOMEM);
  }
  m->pool = pool_create(m, (uint32_t)workers, wake_owner, h);
  if (m->pool == NULL) return small(env, -ENOMEM);
  m->kicker = kicker_create(m, uv_backend_fd(h->loop));
  return small(env, m->kicker == NULL ? -EAGAIN : 0);
}

/* prepare(machine): makes all threads and their vCPUs. 0 or -errno. */
static napi_value js_prepare(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  return small(env, h->machine->pool == NULL ? -EINVAL : pool_prepare(h->machine->pool));
}

static void free_handle(uv_handle_t *async) { free(async->data); }

static void close_handle(struct instance *instance, uint32_t id) {
  struct handle *h = instance->handles[id];
  instance->handles[id] = NULL;
  if (h->vcpu0 != NULL) vcpu_adopt(NULL);
  machine_close(h->machine);
  h->machine = NULL;
  if (h->wake != NULL) napi_delete_reference(h->env, h->wake);
  if (h->async_context != NULL) napi_async_destroy(h->env, h->async_context);
  if (h->loop != NULL) uv_close((uv_handle_t *)&h->async, free_handle);
  else free(h);
}

static napi_value js_close(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info) || handle_of(&call) == NULL) return NULL;
  uint32_t id;
  if (napi_get_value_uint32(env, call.arguments[0], &id) == napi_ok) close_handle(call.instance, id);
  return NULL;
}

/* --- Spaces and contexts --- */

static napi_value js_new_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t cr3;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &cr3)) return NULL;
  return number(env, machine_new_space(h->machine, (uint64_t)cr3));
}

static napi_value js_release_space(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  machine_release_space(h->machine, s);
  return NULL;
}

static napi_value js_flush(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct space *s;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
  machine_flush(h->machine, s);
  return NULL;
}

/* forget(machine, space or -1, address, length, frames: Uint32Array, count): see machine_forget. 0 or -errno. */
static napi_value js_forget(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  int64_t space, address, length, count;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (s = space_of(&call, h, 1)) == NULL) return NULL;
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &page)) return NULL;
  if (page <= 0 || page % 64 != 0) return throw_argument(env, "a page's address was expected");
  return number(env, machine_new_context(h->machine, (struct context_page *)(uintptr_t)page));
}

static napi_value js_release_context(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
  machine_release_context(h->machine, c);
  return NULL;
}

static napi_value js_pull(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  struct context *c;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL ||
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL || (c = context_of(&call, h, 1)) == NULL) return NULL;
  context_interrupt(c);
  return NULL;
}

/* poll(machine): a context's number, or -1. */
static napi_value js_poll(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  struct context *c = h->machine->pool == NULL ? NULL : pool_poll(h->machine->pool);
  return small(env, c == NULL ? -1 : (int32_t)c->id);
}

static napi_value js_wait(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  double timeout;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (call.count < 2 || napi_get_value_double(env, call.arguments[1], &timeout) != napi_ok) return throw_argument(env, "a timeout was expected");
  int64_t limit = timeout >= 4e18 ? INT64_MAX / 4 : timeout > 0 ? (int64_t)timeout : 0;
  return small(env, h->machine->pool != NULL && pool_wait(h->machine->pool, limit));
}

static napi_value js_arm(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
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
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (h->machine->failed) napi_create_string_utf8(env, h->machine->failure, NAPI_AUTO_LENGTH, &result);
  else napi_get_null(env, &result);
  return result;
}

/* counts(machine, Float64Array): sums of the vCPUs' counters, by enum exit_count. */
static napi_value js_counts(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  double *sums = doubles(&call, 1, COUNTS);
  if (sums == NULL) return throw_argument(env, "a Float64Array was expected");
  for (size_t k = 0; k < COUNTS; k++) sums[k] = 0;
  for (uint32_t i = 0; i < h->machine->vcpu_count; i++) {
    const struct vcpu *v = h->machine->vcpus[i];
    for (size_t k = 0; v != NULL && k < COUNTS; k++) sums[k] += (double)v->counts[k];
  }
  return NULL;
}

static void finalize(void *data) {
  struct instance *instance = data;
  for (uint32_t i = 0; i < MAX_MACHINES; i++) {
    if (instance->handles[i] != NULL) close_handle(instance, i);
  }
  free(instance);
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  napi_add_env_cleanup_hook(env, finalize, instance);
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"open", js_open},
                   {"close", js_close},
                   {"info", js_info},
                   {"addSlot", js_add_slot},
                   {"configure", js_configure},
                   {"setMode", js_set_mode},
                   {"ready", js_ready},
                   {"prepare", js_prepare},
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
                   {"counts", js_counts}};
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, instance, &function) != napi_ok) return NULL;
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  /* Offsets in the text. */
  set_number(env, exports, "textSize", RING0_EXIT_TEXT_SIZE);
  set_number(env, exports, "vectors", (double)(ring0_exit_vectors - ring0_exit_text));
  set_number(env, exports, "vectorSize", RING0_EXIT_VECTOR_SIZE);
  set_number(env, exports, "bareVectors", (double)(ring0_exit_bare_vectors - ring0_exit_text));
  return exports;
}
