/*
 * Node-API binding. Machines, contexts and address spaces are small integers, looked up in tables and checked, so that no JavaScript value can make native code
 * follow a wild pointer; addresses of context pages are trusted, as the package's own TypeScript gives them. A wrong argument throws a TypeError; what the host
 * refuses is a negative errno.
 */
#include "binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- Life of a machine --- */

static void close_handle(struct instance *instance, uint32_t id);

/* open(memoryFd, memory, zygoteSocket, patches, looks): a machine's number, or a string that says why not. zygoteSocket -1: makes a zygote. */
static napi_value js_open(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t memory_fd, memory, zygote, patches, looks;
  if (!begin_call(&call, env, info) || !integer(&call, 0, &memory_fd) || !integer(&call, 1, &memory) || !integer(&call, 2, &zygote) ||
      !integer(&call, 3, &patches) || !integer(&call, 4, &looks)) {
    return NULL;
  }
  uint32_t id = 0;
  while (id < MAX_MACHINES && call.instance->handles[id] != NULL) id++;
  char reason[REASON_SIZE] = "too many platforms in one process";
  struct handle *h = id < MAX_MACHINES ? calloc(1, sizeof(*h)) : NULL;
  if (h != NULL && (h->machine = machine_open((int)memory_fd, (const uint8_t *)(uintptr_t)memory, (int)zygote, patches != 0, looks != 0, reason, sizeof(reason))) != NULL) {
    h->env = env;
    call.instance->handles[id] = h;
    return small(env, (int32_t)id);
  }
  free(h);
  napi_value text;
  return napi_create_string_utf8(env, reason, NAPI_AUTO_LENGTH, &text) == napi_ok ? text : NULL;
}

/* info(machine): what the CPU has. */
static napi_value js_info(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  napi_value object;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL || napi_create_object(env, &object) != napi_ok) return NULL;
  set_number(env, object, "xsaveSize", h->machine->xsave_size);
  set_number(env, object, "xfeatures", (double)h->machine->xfeatures);
  set_number(env, object, "maxUserAddress", (double)GUEST_END);
  set_number(env, object, "minUserAddress", (double)GUEST_MIN);
  set_number(env, object, "tableStart", (double)TABLE_BASE);
  set_number(env, object, "tableEnd", (double)(TABLE_BASE + TABLE_SIZE));
  return object;
}

static void call_wake(struct handle *h) {
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

/* The doorbell rang, or a process died. */
static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct handle *h = poll->data;
  struct machine *m = h->machine;
  if (m == NULL) return;
  machine_notice(m);
  if (!m->armed || !(m->failed || machine_has_event(m))) return;
  machine_disarm(m);
  uv_unref((uv_handle_t *)&h->poll);
  call_wake(h);
}

/* ready(machine, wake): ties the machine to the event loop. 0 or -errno. */
static napi_value js_ready(napi_env env, napi_callback_info info) {
  struct call call;
  struct handle *h;
  if (!begin_call(&call, env, info) || (h = handle_of(&call)) == NULL) return NULL;
  napi_valuetype type = napi_undefined;
  if (call.count < 2 || napi_typeof(env, call.arguments[1], &type) != napi_ok || type != napi_function || h->loop != NULL) {
    return throw_argument(env, "a function was expected, once");
  }
  napi_value name;
  if (napi_get_uv_event_loop(env, &h->loop) != napi_ok || uv_poll_init(h->loop, &h->poll, h->machine->epoll) != 0) {
    h->loop = NULL;
    return small(env, -ENOMEM);
  }
  h->poll.data = h;
  uv_unref((uv_handle_t *)&h->poll);
  if (uv_poll_start(&h->poll, UV_READABLE, on_poll) != 0 || napi_create_reference(env, call.arguments[1], 1, &h->wake) != napi_ok ||
      napi_create_string_utf8(env, "sbx:systrap", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, NULL, name, &h->async_context) != napi_ok) {
    return small(env, -ENOMEM);
  }
  return small(env, 0);
}

static void free_handle(uv_handle_t *poll) { free(poll->data); }

static void close_handle(struct instance *instance, uint32_t id) {
  struct handle *h = instance->handles[id];
  instance->handles[id] = NULL;
  /* Before its descriptor is closed. */
  if (h->loop != NULL) uv_poll_stop(&h->poll);
  machine_close(h->machine);
  h->machine = NULL;
  if (h->wake != NULL) napi_delete_reference(h->env, h->wake);
  if (h->async_context != NULL) napi_async_destroy(h->env, h->async_context);
  if (h->loop != NULL) uv_close((uv_handle_t *)&h->poll, free_handle);
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

static bool export_switch_arguments(napi_env env, napi_value exports, struct instance *instance) {
  napi_value buffer;
  return napi_create_external_arraybuffer(env, instance->switch_arguments, sizeof(instance->switch_arguments), NULL, NULL, &buffer) == napi_ok &&
         napi_set_named_property(env, exports, "switchArguments", buffer) == napi_ok;
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  napi_add_env_cleanup_hook(env, finalize, instance);
  static const struct function life_functions[] = {{"open", js_open}, {"close", js_close}, {"info", js_info}, {"ready", js_ready}, {NULL, NULL}};
  if (!export_all(env, exports, life_functions, instance) || !export_all(env, exports, run_functions, instance)) return NULL;
  if (!export_switch_arguments(env, exports, instance)) return NULL;
  return exports;
}
