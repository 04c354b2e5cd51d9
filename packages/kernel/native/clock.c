// The host's clocks without allocation: a number that a function returns to JavaScript is an object of its heap unless it is a small integer, so times are
// stored instead.
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "kernel_native.h"

// Doubles, shared with JavaScript: CLOCK_MONOTONIC in nanoseconds; what CLOCK_REALTIME is ahead of it: whole seconds, and nanoseconds that remain; by how many
// nanoseconds that may be wrong.
enum { MONOTONIC, OFFSET_SECONDS, OFFSET_NANOSECONDS, OFFSET_ERROR, TIMES };

// Attempts; the one during which least time passed is the most exact.
enum { ATTEMPTS = 5 };

static const int64_t SECOND = 1000000000;

// SAFETY: `data` of both functions is the environment's array of doubles, which is freed at its end.
static double *times_of(napi_env env, napi_callback_info info) {
  void *data;
  return napi_get_cb_info(env, info, NULL, NULL, NULL, &data) == napi_ok ? data : NULL;
}

static int64_t monotonic(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

// readMonotonic(): stores the time.
static napi_value read_monotonic(napi_env env, napi_callback_info info) {
  double *times = times_of(env, info);
  if (times != NULL) times[MONOTONIC] = (double)monotonic();
  return NULL;
}

// readRealtimeOffset(): stores the offset and its error.
static napi_value read_realtime_offset(napi_env env, napi_callback_info info) {
  double *times = times_of(env, info);
  if (times == NULL) return NULL;
  int64_t best = INT64_MAX;
  for (int i = 0; i < ATTEMPTS; i++) {
    struct timespec real;
    const int64_t before = monotonic();
    clock_gettime(CLOCK_REALTIME, &real);
    const int64_t took = monotonic() - before;
    if (took >= best) continue;
    best = took;
    int64_t offset = (int64_t)real.tv_sec * SECOND + real.tv_nsec - (before + took / 2);
    int64_t seconds = offset / SECOND - (offset % SECOND < 0);
    times[OFFSET_SECONDS] = (double)seconds;
    times[OFFSET_NANOSECONDS] = (double)(offset - seconds * SECOND);
    times[OFFSET_ERROR] = (double)took;
  }
  return NULL;
}

// The functions, and `times`: the ArrayBuffer where they store.
bool sbx_register_clock(napi_env env, napi_value exports) {
  double *times = calloc(TIMES, sizeof *times);
  napi_value buffer, now, offset;
  if (times == NULL) return false;
  if (napi_add_env_cleanup_hook(env, free, times) != napi_ok) {
    free(times);
    return false;
  }
  return napi_create_external_arraybuffer(env, times, TIMES * sizeof *times, NULL, NULL, &buffer) == napi_ok &&
         napi_create_function(env, "readMonotonic", NAPI_AUTO_LENGTH, read_monotonic, times, &now) == napi_ok &&
         napi_create_function(env, "readRealtimeOffset", NAPI_AUTO_LENGTH, read_realtime_offset, times, &offset) == napi_ok &&
         napi_set_named_property(env, exports, "times", buffer) == napi_ok &&
         napi_set_named_property(env, exports, "readMonotonic", now) == napi_ok &&
         napi_set_named_property(env, exports, "readRealtimeOffset", offset) == napi_ok;
}
