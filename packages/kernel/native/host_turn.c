// A call from libuv's next turn (uv_idle): what setImmediate does, but nothing is allocated on JavaScript's heap for it.
#include "loop_handle.h"

static const napi_type_tag TURN_TAG = {0x2d95c1f06b7e4a38ULL, 0xb40e7a91c35d26f7ULL};

static void on_turn(uv_idle_t *idle) {
  uv_idle_stop(idle);
  loop_handle_call(idle->data);
}

static int init(uv_loop_t *loop, struct loop_handle *handle, int argument) {
  (void)argument;
  return uv_idle_init(loop, &handle->uv.idle);
}

// turnOpen(callback): a handle.
static napi_value turn_open(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (argc < 1) return sbx_fail(env, "turnOpen: no callback");
  return loop_handle_open(env, argv[0], &TURN_TAG, init, 0, "turnOpen: cannot make a handle");
}

// turnRequest(handle): one call in the loop's next turn. Until then it keeps Node alive.
static napi_value turn_request(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct loop_handle *handle = argc < 1 ? NULL : loop_handle_of(env, argv[0], &TURN_TAG);
  if (handle == NULL) return sbx_fail(env, "turnRequest: bad handle");
  uv_idle_start(&handle->uv.idle, on_turn);
  return NULL;
}

// turnClose(handle): no call comes any more.
static napi_value turn_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct loop_handle *handle = argc < 1 ? NULL : loop_handle_of(env, argv[0], &TURN_TAG);
  if (handle != NULL) loop_handle_close(handle);
  return NULL;
}

bool sbx_register_host_turn(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"turnOpen", NULL, turn_open, NULL, NULL, NULL, napi_default, NULL},
      {"turnRequest", NULL, turn_request, NULL, NULL, NULL, napi_default, NULL},
      {"turnClose", NULL, turn_close, NULL, NULL, NULL, napi_default, NULL},
  };
  return napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties) == napi_ok;
}
