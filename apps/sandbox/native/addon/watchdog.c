// Ends this process when its JavaScript thread makes no progress: an endless loop in the kernel (a bug, or a program's input that we treat in exponential
// time) would otherwise hold the sandbox for ever, for nothing that runs on that thread could notice.
//
// A native thread sends a message to the event loop (uv_async) once a second and counts the seconds without an answer. It counts its own wake-ups, not the
// clock: a process that was stopped, or a machine that slept, loses no time. When the count reaches the limit it wants to know what JavaScript does. Node-API
// has no call for that; V8's Isolate::RequestInterrupt has, which runs a function on the JavaScript thread at the next loop or call. It is looked up by name,
// because the process is at its end anyway: if it is not there, or does not come because the thread is in a host call, the report says less.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "addon.h"

enum { EXIT_SBX = 125, TICK_MS = 1000, PATIENCE_MS = 2000, REPORT_SIZE = 65536 };

struct watchdog {
  napi_env env;
  // Gives the report as a string. Called on the JavaScript thread only.
  napi_ref describe;
  uv_async_t ping;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  // Under the mutex: the thread has to end.
  bool stop;
  // Seconds without progress that are too many.
  uint32_t limit;
  atomic_uint sent, answered;
  void *isolate;
  void (*request_interrupt)(void *isolate, void (*callback)(void *isolate, void *data), void *data);
};

static void on_ping(uv_async_t *ping) {
  struct watchdog *w = ping->data;
  atomic_store(&w->answered, atomic_load(&w->sent));
}

// Writes the report and ends the process, with whatever exit handlers there are left alone.
_Noreturn static void die(struct watchdog *w, const char *where) {
  char text[256];
  const int n = snprintf(text, sizeof text, "sbx: the sandbox's kernel made no progress for %u seconds, which is a bug in sbx\n", w->limit);
  // Nobody may read it: then it is lost.
  if (write(STDERR_FILENO, text, (size_t)n) < 0 || write(STDERR_FILENO, where, strlen(where)) < 0 || write(STDERR_FILENO, "\n", 1) < 0) _exit(EXIT_SBX);
  _exit(EXIT_SBX);
}

// On the JavaScript thread, in the midst of what it does.
static void on_interrupt(void *isolate, void *data) {
  (void)isolate;
  struct watchdog *w = data;
  napi_handle_scope scope;
  napi_value describe, global, report;
  static char text[REPORT_SIZE];
  size_t length;
  if (napi_open_handle_scope(w->env, &scope) == napi_ok && napi_get_reference_value(w->env, w->describe, &describe) == napi_ok &&
      napi_get_global(w->env, &global) == napi_ok && napi_call_function(w->env, global, describe, 0, NULL, &report) == napi_ok &&
      napi_get_value_string_utf8(w->env, report, text, sizeof text, &length) == napi_ok) {
    die(w, text);
  }
  die(w, "(no report could be made)");
}

static void sleep_ms(long ms) {
  struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

// Waits for a tick; true: the thread has to end.
static bool tick(struct watchdog *w) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += TICK_MS / 1000;
  pthread_mutex_lock(&w->mutex);
  if (!w->stop) pthread_cond_timedwait(&w->changed, &w->mutex, &until);
  const bool stop = w->stop;
  pthread_mutex_unlock(&w->mutex);
  return stop;
}

static void *run(void *data) {
  struct watchdog *w = data;
  uint32_t missed = 0;
  while (!tick(w)) {
    if (atomic_load(&w->answered) == atomic_load(&w->sent)) {
      missed = 0;
      atomic_fetch_add(&w->sent, 1);
      uv_async_send(&w->ping);
    } else if (++missed >= w->limit) {
      if (w->request_interrupt != NULL && w->isolate != NULL) w->request_interrupt(w->isolate, on_interrupt, w);
      sleep_ms(PATIENCE_MS);
      die(w, "its JavaScript thread is in native code or in a call of the host's kernel");
    }
  }
  return NULL;
}

static void on_closed(uv_handle_t *ping) {
  struct watchdog *w = ping->data;
  pthread_mutex_destroy(&w->mutex);
  pthread_cond_destroy(&w->changed);
  free(w);
}

// The environment ends.
static void stop(void *data) {
  struct watchdog *w = data;
  pthread_mutex_lock(&w->mutex);
  w->stop = true;
  pthread_cond_signal(&w->changed);
  pthread_mutex_unlock(&w->mutex);
  pthread_join(w->thread, NULL);
  napi_delete_reference(w->env, w->describe);
  uv_close((uv_handle_t *)&w->ping, on_closed);
}

// The thread takes no signals: they are the JavaScript thread's.
static bool start_thread(struct watchdog *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&w->thread, NULL, run, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error == 0;
}

// startWatchdog(seconds, describe): watches the calling thread until its environment ends.
static napi_value start_watchdog(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  uint32_t limit;
  uv_loop_t *loop;
  napi_valuetype type;
  if (!sbx_arguments(env, info, 2, argv) || napi_get_value_uint32(env, argv[0], &limit) != napi_ok || limit == 0 ||
      napi_typeof(env, argv[1], &type) != napi_ok || type != napi_function) {
    return sbx_fail(env, "startWatchdog(seconds, describe)");
  }
  struct watchdog *w = calloc(1, sizeof *w);
  if (w == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok || napi_create_reference(env, argv[1], 1, &w->describe) != napi_ok ||
      uv_async_init(loop, &w->ping, on_ping) != 0) {
    free(w);
    return sbx_fail(env, "startWatchdog: out of memory");
  }
  w->env = env;
  w->limit = limit;
  w->ping.data = w;
  uv_unref((uv_handle_t *)&w->ping);
  pthread_mutex_init(&w->mutex, NULL);
  pthread_cond_init(&w->changed, NULL);
  // SAFETY: v8::Isolate::GetCurrent() and v8::Isolate::RequestInterrupt(callback, data), by their names in the C++ ABI; both have been as they are since V8 3.
  void *(*get_current)(void);
  *(void **)&get_current = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
  *(void **)&w->request_interrupt = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate16RequestInterruptEPFvPS0_PvES2_");
  w->isolate = get_current == NULL ? NULL : get_current();
  if (!start_thread(w)) {
    uv_close((uv_handle_t *)&w->ping, on_closed);
    return sbx_fail(env, "startWatchdog: no thread");
  }
  napi_add_env_cleanup_hook(env, stop, w);
  return NULL;
}

bool sbx_register_watchdog(napi_env env, napi_value exports) {
  return sbx_export(env, exports, "startWatchdog", start_watchdog);
}
