#include "loop_handle.h"

#include <stdlib.h>

static void on_close(uv_handle_t *any) {
  struct loop_handle *handle = any->data;
  handle->closed = true;
  // Only now may the environment go on with its end: its loop has no handle of ours any more.
  napi_remove_async_cleanup_hook(handle->hook);
  if (handle->finalized) free(handle);
}

void loop_handle_close(struct loop_handle *handle) {
  if (handle->closing) return;
  handle->closing = true;
  if (handle->callback != NULL) napi_delete_reference(handle->env, handle->callback);
  uv_close(&handle->uv.any, on_close);
}

// The environment ends while the handle is open (a worker is terminated).
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  loop_handle_close(data);
}

// The JavaScript object is gone: so is the handle.
static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct loop_handle *handle = data;
  handle->finalized = true;
  if (handle->closed) free(handle);
  else loop_handle_close(handle);
}

napi_value loop_handle_open(napi_env env, napi_value callback, const napi_type_tag *tag, loop_handle_init init, int argument, const char *what) {
  napi_value object, result;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return sbx_fail(env, what);
  struct loop_handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return sbx_fail(env, what);
  handle->env = env;
  if (napi_add_async_cleanup_hook(env, on_cleanup, handle, &handle->hook) != napi_ok) {
    free(handle);
    return sbx_fail(env, what);
  }
  const int status = init(loop, handle, argument);
  if (status < 0) {
    napi_remove_async_cleanup_hook(handle->hook);
    free(handle);
    return napi_create_int32(env, status, &result) == napi_ok ? result : NULL;
  }
  handle->uv.any.data = handle;
  if (napi_create_reference(env, callback, 1, &handle->callback) != napi_ok || napi_create_object(env, &object) != napi_ok ||
      napi_type_tag_object(env, object, tag) != napi_ok || napi_wrap(env, object, handle, finalize, NULL, NULL) != napi_ok) {
    handle->finalized = true;
    loop_handle_close(handle);
    return sbx_fail(env, what);
  }
  return object;
}

struct loop_handle *loop_handle_of(napi_env env, napi_value value, const napi_type_tag *tag) {
  bool tagged = false;
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(env, value, tag, &tagged) != napi_ok || !tagged) return NULL;
  if (napi_unwrap(env, value, &data) != napi_ok) return NULL;
  struct loop_handle *handle = data;
  return handle->closing ? NULL : handle;
}

static void call(struct loop_handle *handle, size_t argc, const napi_value *argv) {
  napi_env env = handle->env;
  napi_value callback, global, exception, ignored;
  if (napi_get_reference_value(env, handle->callback, &callback) != napi_ok || napi_get_global(env, &global) != napi_ok) return;
  if (napi_make_callback(env, NULL, global, callback, argc, argv, &ignored) != napi_pending_exception) return;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

void loop_handle_call(struct loop_handle *handle) {
  napi_env env = handle->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  call(handle, 0, NULL);
  napi_close_handle_scope(env, scope);
}

void loop_handle_call_with(struct loop_handle *handle, int argument) {
  napi_env env = handle->env;
  napi_handle_scope scope;
  napi_value argv[1];
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_create_int32(env, argument, &argv[0]) == napi_ok) call(handle, 1, argv);
  napi_close_handle_scope(env, scope);
}
