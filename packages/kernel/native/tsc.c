// Pairs of TSC and CLOCK_MONOTONIC, from which the kernel computes what programs' vDSO shows.
#include <stdint.h>
#include <time.h>
#include "kernel_native.h"

#if defined(__x86_64__)
#include <x86intrin.h>

// Attempts; the one during which least time passed is the most exact.
enum { ATTEMPTS = 5 };

static uint64_t monotonic(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Fills `out`: TSC low, high, CLOCK_MONOTONIC (nanoseconds) low, high.
static void sample(uint32_t *out) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < ATTEMPTS; i++) {
    _mm_lfence();
    uint64_t before = __rdtsc();
    _mm_lfence();
    uint64_t now = monotonic();
    _mm_lfence();
    uint64_t after = __rdtsc();
    if (after - before >= best) continue;
    best = after - before;
    uint64_t middle = before + best / 2;
    out[0] = (uint32_t)middle;
    out[1] = (uint32_t)(middle >> 32);
    out[2] = (uint32_t)now;
    out[3] = (uint32_t)(now >> 32);
  }
}
#define HAVE_TSC true
#else
static void sample(uint32_t *out) {
  out[0] = out[1] = out[2] = out[3] = 0;
}
#define HAVE_TSC false
#endif

// tscSample(out: Uint32Array(4)): boolean, false where there is no TSC.
static napi_value tsc_sample(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argument, result;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok || argc < 1 ||
      napi_get_typedarray_info(env, argument, &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint32_array || length < 4) {
    return sbx_fail(env, "tscSample: a Uint32Array of 4");
  }
  // SAFETY: `data` is the array's memory, of at least 4 words, which nothing frees during this call.
  if (HAVE_TSC) sample(data);
  napi_get_boolean(env, HAVE_TSC, &result);
  return result;
}

bool sbx_register_tsc(napi_env env, napi_value exports) {
  napi_value function;
  return napi_create_function(env, "tscSample", NAPI_AUTO_LENGTH, tsc_sample, NULL, &function) == napi_ok &&
         napi_set_named_property(env, exports, "tscSample", function) == napi_ok;
}
