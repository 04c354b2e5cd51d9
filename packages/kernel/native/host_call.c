// Host system calls for the kernel: the numbers, structures and errno rules are TypeScript's (src/host/), this only makes the call.
//
// SAFETY: pointers come from src/host/ alone. It passes addresses of the transfer buffer made by `hostBuffer` (never freed before the environment
// ends) or of application memory that the caller holds a reference on, with lengths that lie inside; nothing of a guest is taken unchecked.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel_native.h"

#define CALL_ARGS 6

// An argument is a whole number within +-2^53: an address, a descriptor, an offset, a flag. A bigint is what needs all 64 bits (a directory's position).
static bool get_argument(napi_env env, napi_value value, long *out) {
  double d;
  if (napi_get_value_double(env, value, &d) != napi_ok) {
    int64_t wide;
    bool exact;
    if (napi_get_value_bigint_int64(env, value, &wide, &exact) != napi_ok || !exact) return false;
    *out = (long)wide;
    return true;
  }
  if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0)) return false;
  *out = (long)d;
  return true;
}

// Makes the call: its result, or negative errno.
static long call(long number, const long *a) {
  const long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return result == -1 ? -errno : result;
}

// hostCall(number, a, b, c, d, e, f): the result or negative errno. Blocks as the call does.
static napi_value host_call(napi_env env, napi_callback_info info) {
  napi_value argv[CALL_ARGS + 1];
  size_t argc = CALL_ARGS + 1;
  long number;
  long args[CALL_ARGS] = {0};
  napi_value result;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (argc < 1 || !get_argument(env, argv[0], &number)) return sbx_fail(env, "hostCall: bad number");
  for (size_t i = 1; i < argc && i <= CALL_ARGS; i++) {
    if (!get_argument(env, argv[i], &args[i - 1])) return sbx_fail(env, "hostCall: bad argument");
  }
  if (napi_create_double(env, (double)call(number, args), &result) != napi_ok) return NULL;
  return result;
}

// A call under way in the thread pool.
struct async_call {
  napi_async_work work;
  napi_deferred deferred;
  long number;
  long args[CALL_ARGS];
  long result;
};

static void execute(napi_env env, void *data) {
  (void)env;
  struct async_call *c = data;
  c->result = call(c->number, c->args);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct async_call *c = data;
  napi_value value;
  if (napi_create_double(env, status == napi_ok ? (double)c->result : (double)-ECANCELED, &value) == napi_ok) {
    napi_resolve_deferred(env, c->deferred, value);
  }
  napi_delete_async_work(env, c->work);
  free(c);
}

// hostCallAsync(number, …): a promise of the same; the call is made in libuv's thread pool. Buffers must stay as they are until it settles.
static napi_value host_call_async(napi_env env, napi_callback_info info) {
  napi_value argv[CALL_ARGS + 1];
  size_t argc = CALL_ARGS + 1;
  napi_value promise, name;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  struct async_call *c = calloc(1, sizeof *c);
  if (c == NULL) return sbx_fail(env, "hostCallAsync: out of memory");
  bool good = argc >= 1 && get_argument(env, argv[0], &c->number);
  for (size_t i = 1; good && i < argc && i <= CALL_ARGS; i++) good = get_argument(env, argv[i], &c->args[i - 1]);
  if (!good) {
    free(c);
    return sbx_fail(env, "hostCallAsync: bad argument");
  }
  if (napi_create_string_utf8(env, "sbx:hostCall", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_promise(env, &c->deferred, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute, complete, c, &c->work) != napi_ok) {
    free(c);
    return sbx_fail(env, "hostCallAsync: cannot queue");
  }
  if (napi_queue_async_work(env, c->work) != napi_ok) return sbx_fail(env, "hostCallAsync: cannot queue");
  return promise;
}

static void free_buffer(napi_env env, void *data, void *hint) {
  (void)env;
  munmap(data, (size_t)(uintptr_t)hint);
}

// hostBuffer(length): {buffer, address}: memory for arguments and results of calls, at an address that does not change.
static napi_value host_buffer(napi_env env, napi_callback_info info) {
  napi_value argv[1], object, buffer, address;
  size_t argc = 1;
  long length;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (argc < 1 || !get_argument(env, argv[0], &length) || length <= 0 || length > (1L << 30)) return sbx_fail(env, "hostBuffer: bad length");
  void *data = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return sbx_fail(env, "hostBuffer: out of memory");
  if (napi_create_external_arraybuffer(env, data, (size_t)length, free_buffer, (void *)(uintptr_t)length, &buffer) != napi_ok) {
    munmap(data, (size_t)length);
    return sbx_fail(env, "hostBuffer: cannot make an ArrayBuffer");
  }
  if (napi_create_object(env, &object) != napi_ok || napi_create_double(env, (double)(uintptr_t)data, &address) != napi_ok ||
      napi_set_named_property(env, object, "buffer", buffer) != napi_ok ||
      napi_set_named_property(env, object, "address", address) != napi_ok) {
    return NULL;
  }
  return object;
}

bool sbx_register_host_call(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"hostCall", NULL, host_call, NULL, NULL, NULL, napi_default, NULL},
      {"hostCallAsync", NULL, host_call_async, NULL, NULL, NULL, napi_default, NULL},
      {"hostBuffer", NULL, host_buffer, NULL, NULL, NULL, napi_default, NULL},
  };
  return napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties) == napi_ok;
}
