// Readiness of one host descriptor from libuv's loop (uv_poll). Used for epoll sets of our own only: uv_poll makes the open file description non-blocking,
// which must not happen to descriptors that are shared with the caller's shell (src/host/poller.ts).
#include <stdlib.h>
#include <uv.h>

#include "kernel_native.h"

static const napi_type_tag POLL_TAG = {0x6a0f4b7de9124c53ULL, 0x9be1c6d2047f38a5ULL};

// Freed when libuv has closed the handle (`closed`) and JavaScript has given up the object (`finalized`), whichever comes last.
struct host_poll {
  uv_poll_t handle;
  napi_env env;
  napi_ref callback;
  napi_async_cleanup_hook_handle hook;
  bool closing;
  bool closed;
  bool finalized;
};

static void on_event(uv_poll_t *handle, int status, int events) {
  struct host_poll *p = handle->data;
  napi_handle_scope scope;
  napi_value callback, global, argv[1], ignored;
  // An error (EBADF, hang-up) is reported as readable and writable: the next read or write gets it.
  if (status < 0) events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
  if (napi_open_handle_scope(p->env, &scope) != napi_ok) return;
  if (napi_get_reference_value(p->env, p->callback, &callback) == napi_ok && napi_get_global(p->env, &global) == napi_ok &&
      napi_create_int32(p->env, events, &argv[0]) == napi_ok) {
    napi_make_callback(p->env, NULL, global, callback, 1, argv, &ignored);
  }
  napi_close_handle_scope(p->env, scope);
}

static void on_close(uv_handle_t *handle) {
  struct host_poll *p = handle->data;
  p->closed = true;
  // Only now may the environment go on with its end: its loop has no handle of ours any more.
  napi_remove_async_cleanup_hook(p->hook);
  if (p->finalized) free(p);
}

static void close_poll(struct host_poll *p) {
  if (p->closing) return;
  p->closing = true;
  if (p->callback != NULL) napi_delete_reference(p->env, p->callback);
  uv_close((uv_handle_t *)&p->handle, on_close);
}

// The environment ends while the poll is open (a worker is terminated).
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_poll(data);
}

// The JavaScript object is gone: so is the poll.
static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct host_poll *p = data;
  p->finalized = true;
  if (p->closed) {
    free(p);
    return;
  }
  close_poll(p);
}

static struct host_poll *unwrap(napi_env env, napi_value value) {
  bool tagged = false;
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(env, value, &POLL_TAG, &tagged) != napi_ok || !tagged) return NULL;
  return napi_unwrap(env, value, &data) == napi_ok ? data : NULL;
}

// pollOpen(fd, callback): a handle, or a negative errno (EPERM: the file can't be polled).
static napi_value poll_open(napi_env env, napi_callback_info info) {
  napi_value argv[2], object, result;
  size_t argc = 2;
  int32_t fd;
  uv_loop_t *loop;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (argc < 2 || napi_get_value_int32(env, argv[0], &fd) != napi_ok) return sbx_fail(env, "pollOpen: bad descriptor");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return sbx_fail(env, "pollOpen: no loop");
  struct host_poll *p = calloc(1, sizeof *p);
  if (p == NULL) return sbx_fail(env, "pollOpen: out of memory");
  p->env = env;
  p->handle.data = p;
  if (napi_add_async_cleanup_hook(env, on_cleanup, p, &p->hook) != napi_ok) {
    free(p);
    return sbx_fail(env, "pollOpen: cannot register");
  }
  const int status = uv_poll_init(loop, &p->handle, fd);
  if (status < 0) {
    napi_remove_async_cleanup_hook(p->hook);
    free(p);
    return napi_create_int32(env, status, &result) == napi_ok ? result : NULL;
  }
  if (napi_create_reference(env, argv[1], 1, &p->callback) != napi_ok || napi_create_object(env, &object) != napi_ok ||
      napi_type_tag_object(env, object, &POLL_TAG) != napi_ok || napi_wrap(env, object, p, finalize, NULL, NULL) != napi_ok) {
    p->finalized = true;
    close_poll(p);
    return sbx_fail(env, "pollOpen: cannot make a handle");
  }
  return object;
}

// pollStart(handle, events): asks for callbacks on UV_READABLE 1, UV_WRITABLE 2, UV_DISCONNECT 4; 0 stops. While it asks, it keeps Node alive.
static napi_value poll_start(napi_env env, napi_callback_info info) {
  napi_value argv[2], result;
  size_t argc = 2;
  int32_t events;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct host_poll *p = argc < 2 ? NULL : unwrap(env, argv[0]);
  if (p == NULL || p->closing || napi_get_value_int32(env, argv[1], &events) != napi_ok) return sbx_fail(env, "pollStart: bad handle");
  const int status = events == 0 ? uv_poll_stop(&p->handle) : uv_poll_start(&p->handle, events, on_event);
  return napi_create_int32(env, status, &result) == napi_ok ? result : NULL;
}

// pollClose(handle). The descriptor itself stays open, and may be closed afterwards.
static napi_value poll_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct host_poll *p = argc < 1 ? NULL : unwrap(env, argv[0]);
  if (p == NULL) return sbx_fail(env, "pollClose: bad handle");
  close_poll(p);
  return NULL;
}

bool sbx_register_host_poll(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"pollOpen", NULL, poll_open, NULL, NULL, NULL, napi_default, NULL},
      {"pollStart", NULL, poll_start, NULL, NULL, NULL, napi_default, NULL},
      {"pollClose", NULL, poll_close, NULL, NULL, NULL, napi_default, NULL},
  };
  return napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties) == napi_ok;
}
