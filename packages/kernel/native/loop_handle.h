// A handle of libuv's that JavaScript owns, with a callback. It ends when JavaScript closes it, gives up the object, or the environment ends.
#ifndef SBX_LOOP_HANDLE_H
#define SBX_LOOP_HANDLE_H

#include <uv.h>

#include "kernel_native.h"

// Freed when libuv has closed the handle (`closed`) and JavaScript has given up the object (`finalized`), whichever comes last.
struct loop_handle {
  union {
    uv_handle_t any;
    uv_poll_t poll;
    uv_idle_t idle;
  } uv;
  napi_env env;
  napi_ref callback;
  napi_async_cleanup_hook_handle hook;
  bool closing;
  bool closed;
  bool finalized;
};

// Initializes `handle->uv`: 0 or a negative errno.
typedef int (*loop_handle_init)(uv_loop_t *loop, struct loop_handle *handle, int argument);

// A JavaScript object of type `tag` for a new handle; a negative errno where `init` fails; NULL with a pending exception that begins with `what`.
napi_value loop_handle_open(napi_env env, napi_value callback, const napi_type_tag *tag, loop_handle_init init, int argument, const char *what);

// The handle of an object of type `tag`; NULL: it is none, or closed.
struct loop_handle *loop_handle_of(napi_env env, napi_value value, const napi_type_tag *tag);

void loop_handle_close(struct loop_handle *handle);

// Calls the callback, without an argument or with a number. From the event loop.
void loop_handle_call(struct loop_handle *handle);
void loop_handle_call_with(struct loop_handle *handle, int argument);

#endif
