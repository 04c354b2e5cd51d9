// What the files of @sbx/kernel's native part share.
#ifndef SBX_KERNEL_NATIVE_H
#define SBX_KERNEL_NATIVE_H

#include <node_api.h>
#include <stdbool.h>

// Throws a TypeError with code ERR_SBX_NATIVE_ARGUMENT: a wrong argument is a bug of ours.
napi_value sbx_fail(napi_env env, const char *what);

// Each registers its functions on `exports`; false with a pending exception on failure.
bool sbx_register_clock(napi_env env, napi_value exports);
bool sbx_register_host_call(napi_env env, napi_value exports);
bool sbx_register_host_poll(napi_env env, napi_value exports);
bool sbx_register_host_turn(napi_env env, napi_value exports);
bool sbx_register_tsc(napi_env env, napi_value exports);

#endif
