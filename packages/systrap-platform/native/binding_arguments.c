/* Arguments and results of the binding: see binding.h. */
#include "binding.h"

napi_value throw_argument(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_SBX_NATIVE_ARGUMENT", message);
  return NULL;
}

bool begin_call(struct call *call, napi_env env, napi_callback_info info) {
  call->env = env;
  call->count = MAX_ARGUMENTS;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &call->count, call->arguments, NULL, &data) != napi_ok) return false;
  call->instance = data;
  return true;
}

/* Argument `i` as an integer; 0 and an exception if it is no number. */
bool integer(struct call *call, size_t i, int64_t *value) {
  if (i < call->count && napi_get_value_int64(call->env, call->arguments[i], value) == napi_ok) return true;
  throw_argument(call->env, "a number was expected");
  return false;
}

/* Argument `i`, a Float64Array of at least `count` elements; NULL if it isn't. */
double *doubles(struct call *call, size_t i, size_t count) {
  napi_typedarray_type type;
  size_t elements;
  void *data;
  if (i >= call->count || napi_get_typedarray_info(call->env, call->arguments[i], &type, &elements, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_float64_array && elements >= count ? data : NULL;
}

struct handle *handle_of(struct call *call) {
  uint32_t id;
  if (call->count > 0 && napi_get_value_uint32(call->env, call->arguments[0], &id) == napi_ok && id < MAX_MACHINES &&
      call->instance->handles[id] != NULL) {
    return call->instance->handles[id];
  }
  throw_argument(call->env, "not a machine");
  return NULL;
}

struct context *context_of(struct call *call, const struct handle *h, size_t i) {
  uint32_t id;
  struct context *c = NULL;
  if (i < call->count && napi_get_value_uint32(call->env, call->arguments[i], &id) == napi_ok) c = machine_context(h->machine, id);
  if (c == NULL) throw_argument(call->env, "not a context");
  return c;
}

struct space *space_of(struct call *call, const struct handle *h, size_t i) {
  uint32_t id;
  struct space *s = NULL;
  if (i < call->count && napi_get_value_uint32(call->env, call->arguments[i], &id) == napi_ok) s = machine_space(h->machine, id);
  if (s == NULL) throw_argument(call->env, "not an address space");
  return s;
}

napi_value number(napi_env env, int64_t value) {
  napi_value result;
  return napi_create_int64(env, value, &result) == napi_ok ? result : NULL;
}

napi_value small(napi_env env, int32_t value) {
  napi_value result;
  return napi_create_int32(env, value, &result) == napi_ok ? result : NULL;
}

void set_number(napi_env env, napi_value object, const char *name, double value) {
  napi_value v;
  if (napi_create_double(env, value, &v) == napi_ok) napi_set_named_property(env, object, name, v);
}
