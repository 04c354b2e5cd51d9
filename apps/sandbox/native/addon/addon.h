// What the files of the addon share.
#ifndef SBX_ADDON_H
#define SBX_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

// Throws a TypeError with code ERR_SBX_NATIVE_ARGUMENT; NULL, to be returned.
napi_value sbx_fail(napi_env env, const char *what);
// The arguments of a call, exactly `count`; false when there are fewer.
bool sbx_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *argv);
napi_value sbx_number(napi_env env, double value);
// Adds a function to `exports`.
bool sbx_export(napi_env env, napi_value exports, const char *name, napi_callback function);

bool sbx_register_descriptors(napi_env env, napi_value exports);
bool sbx_register_watchdog(napi_env env, napi_value exports);

#endif
