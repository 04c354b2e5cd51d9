// The N-API surface of @sbx/sandbox. Only src/binding.ts loads it.
#include "addon.h"

napi_value sbx_fail(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_SBX_NATIVE_ARGUMENT", what);
  return NULL;
}

bool sbx_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *argv) {
  size_t argc = count;
  return napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == napi_ok && argc >= count;
}

napi_value sbx_number(napi_env env, double value) {
  napi_value result;
  return napi_create_double(env, value, &result) == napi_ok ? result : NULL;
}

bool sbx_export(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

static napi_value init(napi_env env, napi_value exports) {
  if (!sbx_register_descriptors(env, exports) || !sbx_register_watchdog(env, exports)) return NULL;
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
