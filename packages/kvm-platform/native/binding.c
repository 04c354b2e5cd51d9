/*
 * Node-API binding. Machines, contexts and address spaces are small integers, looked up in tables and checked, so that no JavaScript value can make
 * native code follow a wild pointer; addresses of host memory (slots, context pages, the kernel area) are trusted, as the package's own TypeScript gives
 * them. A wrong argument throws a TypeError; what the host or KVM refuses is a negative errno.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "kicker.h"
#include "pool.h"
#include "ring0_entry.h"

/* --- Life of a machine --- */

static void close_handle(struct instance *instance, uint32_t id);

/* open(fd): a machine's number, or a string that says why not. fd -1: opens /dev/kvm. */
static napi_value js_open(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t fd;
  if (!begin_call(&call, env, info) || !integer(&call, 0, &fd)) return NULL;
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || napi_create_object(env, &object) != napi_ok) return NULL;
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  if (!integer(&call, 1, &physical) || !integer(&call, 2, &host) || !integer(&call, 3, &length)) return NULL;
  /* SAFETY: the host's memory is a chunk of a memory file, which outlives the machine; KVM checks that the range is one of this process. */
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  for (size_t i = 0; i < 8; i++) {
    if (!integer(&call, i + 1, &v[i])) return NULL;
  }
  /* SAFETY: machine.ts allocated the kernel area in one piece, for the text and each vCPU, and frees it after close(). */
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || !integer(&call, 1, &workers)) return NULL;
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
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
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
  if (!begin_call(&call, env, info) || handle_of(&call) == NULL) return NULL;
  uint32_t id;
  if (napi_get_value_uint32(env, call.arguments[0], &id) == napi_ok) close_handle(call.instance, id);
  return NULL;
}

static void finalize(void *data) {
  struct instance *instance = data;
  for (uint32_t i = 0; i < MAX_MACHINES; i++) {
    if (instance->handles[i] != NULL) close_handle(instance, i);
  }
  free(instance);
}

static bool export_all(napi_env env, napi_value exports, const struct function *functions, struct instance *instance) {
  for (; functions->name != NULL; functions++) {
    napi_value function;
    if (napi_create_function(env, functions->name, NAPI_AUTO_LENGTH, functions->call, instance, &function) != napi_ok) return false;
    if (napi_set_named_property(env, exports, functions->name, function) != napi_ok) return false;
  }
  return true;
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  napi_add_env_cleanup_hook(env, finalize, instance);
  static const struct function life_functions[] = {
      {"open", js_open},
      {"close", js_close},
      {"info", js_info},
      {"addSlot", js_add_slot},
      {"configure", js_configure},
      {"setMode", js_set_mode},
      {"ready", js_ready},
      {"prepare", js_prepare},
      {NULL, NULL},
  };
  if (!export_all(env, exports, life_functions, instance) || !export_all(env, exports, run_functions, instance)) return NULL;
  /* Offsets in the text. */
  set_number(env, exports, "textSize", RING0_EXIT_TEXT_SIZE);
  set_number(env, exports, "vectors", (double)(ring0_exit_vectors - ring0_exit_text));
  set_number(env, exports, "vectorSize", RING0_EXIT_VECTOR_SIZE);
  set_number(env, exports, "bareVectors", (double)(ring0_exit_bare_vectors - ring0_exit_text));
  return exports;
}
