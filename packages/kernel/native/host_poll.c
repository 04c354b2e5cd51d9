// Readiness of one host descriptor from libuv's loop (uv_poll). Used for epoll sets of our own only: uv_poll makes the open file description non-blocking,
// which must not happen to descriptors that are shared with the caller's shell (src/host/poller.ts).
#include "loop_handle.h"

static const napi_type_tag POLL_TAG = {0x6a0f4b7de9124c53ULL, 0x9be1c6d2047f38a5ULL};

static void on_event(uv_poll_t *poll, int status, int events) {
  // An error (EBADF, hang-up) is reported as readable and writable: the next read or write gets it.
  loop_handle_call_with(poll->data, status < 0 ? UV_READABLE | UV_WRITABLE | UV_DISCONNECT : events);
}

static int init(uv_loop_t *loop, struct loop_handle *handle, int fd) { return uv_poll_init(loop, &handle->uv.poll, fd); }

// pollOpen(fd, callback): a handle, or a negative errno (EPERM: the file can't be polled).
static napi_value poll_open(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2;
  int32_t fd;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (argc < 2 || napi_get_value_int32(env, argv[0], &fd) != napi_ok) return sbx_fail(env, "pollOpen: bad descriptor");
  return loop_handle_open(env, argv[1], &POLL_TAG, init, fd, "pollOpen: cannot make a handle");
}

// pollStart(handle, events): asks for callbacks on UV_READABLE 1, UV_WRITABLE 2, UV_DISCONNECT 4; 0 stops. While it asks, it keeps Node alive.
static napi_value poll_start(napi_env env, napi_callback_info info) {
  napi_value argv[2], result;
  size_t argc = 2;
  int32_t events;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct loop_handle *handle = argc < 2 ? NULL : loop_handle_of(env, argv[0], &POLL_TAG);
  if (handle == NULL || napi_get_value_int32(env, argv[1], &events) != napi_ok) return sbx_fail(env, "pollStart: bad handle");
  uv_poll_t *poll = &handle->uv.poll;
  const int status = events == 0 ? uv_poll_stop(poll) : uv_poll_start(poll, events, on_event);
  return napi_create_int32(env, status, &result) == napi_ok ? result : NULL;
}

// pollClose(handle). The descriptor itself stays open, and may be closed afterwards.
static napi_value poll_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct loop_handle *handle = argc < 1 ? NULL : loop_handle_of(env, argv[0], &POLL_TAG);
  if (handle != NULL) loop_handle_close(handle);
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
