/*
 * An addon for the tests: mappings to fault on, crashes, and a copy of safecopy of its own whose handlers can be installed
 * before Node installs its own (put it into LD_PRELOAD with SBX_TEST_EARLY set).
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sbx/safecopy.h>

#define PAGE 4096

__attribute__((constructor)) static void early(void) {
  if (getenv("SBX_TEST_EARLY") != NULL && sbx_safecopy_install() != 0) abort();
}

static int64_t arguments[4];
static void get_arguments(napi_env env, napi_callback_info info) {
  napi_value values[4];
  size_t count = 4;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  for (size_t i = 0; i < 4; i++)
    if (napi_get_value_int64(env, values[i], &arguments[i]) != napi_ok) arguments[i] = 0;
}
static napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

/* reserve(length): address space without access. */
static napi_value reserve(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  void *memory = mmap(NULL, (size_t)arguments[0], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return number(env, memory == MAP_FAILED ? -1 : (double)(uintptr_t)memory);
}
/* map(address, length, protection): new anonymous memory; protection 1 = read, 2 = write. */
static napi_value map(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  void *memory = mmap((void *)(uintptr_t)arguments[0], (size_t)arguments[1], (int)arguments[2], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return number(env, memory == MAP_FAILED ? -1 : 0);
}
/* protect(address, length, protection) */
static napi_value protect(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  return number(env, mprotect((void *)(uintptr_t)arguments[0], (size_t)arguments[1], (int)arguments[2]));
}
/* unmap(address, length) */
static napi_value unmap(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  return number(env, munmap((void *)(uintptr_t)arguments[0], (size_t)arguments[1]));
}
/* mapFile(address, length, fileLength): a file of that length, shared, readable and writable; returns its descriptor. */
static napi_value map_file(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  int file = (int)syscall(SYS_memfd_create, "test", 0);
  if (file < 0 || ftruncate(file, arguments[2]) != 0) return number(env, -1);
  void *memory = mmap((void *)(uintptr_t)arguments[0], (size_t)arguments[1], PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  return number(env, memory == MAP_FAILED ? -1 : file);
}
/* crash(address): an ordinary load. */
static napi_value crash(napi_env env, napi_callback_info info) {
  get_arguments(env, info);
  return number(env, *(volatile char *)(uintptr_t)arguments[0]);
}
/* ownCopy(address): how many of 16 bytes this addon's own safecopy can read there. */
static napi_value own_copy(napi_env env, napi_callback_info info) {
  char buffer[16];
  struct sbx_fault fault;
  get_arguments(env, info);
  return number(env, (double)sbx_safe_copy(buffer, (void *)(uintptr_t)arguments[0], sizeof(buffer), &fault));
}
/* ownInstall() */
static napi_value own_install(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, sbx_safecopy_install());
}
/* handlerOf(signal): the address of the handler that is in front. */
static napi_value handler_of(napi_env env, napi_callback_info info) {
  struct sigaction action;
  get_arguments(env, info);
  sigaction((int)arguments[0], NULL, &action);
  return number(env, (double)(uintptr_t)action.sa_sigaction);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"reserve", reserve}, {"map", map}, {"protect", protect}, {"unmap", unmap}, {"mapFile", map_file},
                   {"crash", crash}, {"ownCopy", own_copy}, {"ownInstall", own_install}, {"handlerOf", handler_of}};
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
