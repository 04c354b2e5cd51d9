// The N-API surface of @sbx/kernel. Only src/host/binding.ts loads it.
#include "kernel_native.h"

napi_value sbx_fail(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_SBX_NATIVE_ARGUMENT", what);
  return NULL;
}

static napi_value init(napi_env env, napi_value exports) {
  if (!sbx_register_clock(env, exports)) return NULL;
  if (!sbx_register_host_call(env, exports)) return NULL;
  if (!sbx_register_host_poll(env, exports)) return NULL;
  if (!sbx_register_host_turn(env, exports)) return NULL;
  if (!sbx_register_tsc(env, exports)) return NULL;
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
