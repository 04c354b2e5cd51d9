// CLOCK_MONOTONIC without allocation: a number that a function returns to JavaScript is an object of its heap unless it is a small integer, so this one is stored.
#include <stdlib.h>
#include <time.h>

#include "kernel_native.h"

// readMonotonic(): stores the time in nanoseconds.
static napi_value read_monotonic(napi_env env, napi_callback_info info) {
  void *data;
  if (napi_get_cb_info(env, info, NULL, NULL, NULL, &data) != napi_ok) return NULL;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  // SAFETY: `data` is the environment's double, which is freed at its end.
  *(double *)data = (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
  return NULL;
}

// `readMonotonic`, and `monotonicTime`: the ArrayBuffer of one double where it stores the time.
bool sbx_register_clock(napi_env env, napi_value exports) {
  double *time = calloc(1, sizeof *time);
  napi_value buffer, function;
  if (time == NULL) return false;
  if (napi_add_env_cleanup_hook(env, free, time) != napi_ok) {
    free(time);
    return false;
  }
  return napi_create_external_arraybuffer(env, time, sizeof *time, NULL, NULL, &buffer) == napi_ok &&
         napi_create_function(env, "readMonotonic", NAPI_AUTO_LENGTH, read_monotonic, time, &function) == napi_ok &&
         napi_set_named_property(env, exports, "monotonicTime", buffer) == napi_ok &&
         napi_set_named_property(env, exports, "readMonotonic", function) == napi_ok;
}
