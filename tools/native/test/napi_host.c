/*
 * Just enough of Node-API to load an addon without Node and to call its functions: what proves that a build for musl, or for
 * another architecture, works where no Node for it is at hand.
 *
 *   napi_host MODULE [FUNCTION ARGUMENT... [, FUNCTION ARGUMENT...]...]
 *
 * FUNCTION is a path in the exports (assembly.orUint32). An argument is a number, a BigInt (5n), @ for a Uint32Array of 16 words
 * that all calls share, or & for the address of its first byte (&8: 8 bytes on). Each call prints its result, or what it threw;
 * without calls the names of the exports are printed. Values live until the end.
 */
#define NAPI_VERSION 8
#include <dlfcn.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { UNDEFINED, NUMBER, BIGINT, STRING, OBJECT, FUNCTION, ARRAY_BUFFER, TYPED_ARRAY };

struct property {
  char *name;
  napi_value value;
  struct property *next;
};

struct napi_value__ {
  enum type type;
  double number;
  uint64_t bits;
  char *string;
  struct property *properties;
  napi_callback function;
  void *data;
  /* Of an array buffer or typed array. */
  unsigned char *memory;
  size_t length; /* bytes, or elements */
  napi_typedarray_type element;
};

struct napi_callback_info__ {
  size_t count;
  napi_value *arguments;
  void *data;
};

static void *instance_data;
static char *thrown;

static void *allocate(size_t size) {
  void *memory = calloc(1, size == 0 ? 1 : size);
  if (memory == NULL) abort();
  return memory;
}

static napi_value make(enum type type) {
  napi_value value = allocate(sizeof(*value));
  value->type = type;
  return value;
}

#define ENV napi_env env
#define API napi_status NAPI_CDECL
#define UNUSED (void)env

/* Creating values. */
API napi_get_undefined(ENV, napi_value *result) { UNUSED; *result = make(UNDEFINED); return napi_ok; }
API napi_get_null(ENV, napi_value *result) { UNUSED; *result = make(UNDEFINED); return napi_ok; }
API napi_get_boolean(ENV, bool value, napi_value *result) { UNUSED; *result = make(NUMBER); (*result)->number = value; return napi_ok; }
API napi_create_object(ENV, napi_value *result) { UNUSED; *result = make(OBJECT); return napi_ok; }
API napi_create_array(ENV, napi_value *result) { UNUSED; *result = make(OBJECT); return napi_ok; }
API napi_create_array_with_length(ENV, size_t length, napi_value *result) { (void)length; return napi_create_object(env, result); }
API napi_create_double(ENV, double value, napi_value *result) { UNUSED; *result = make(NUMBER); (*result)->number = value; return napi_ok; }
API napi_create_uint32(ENV, uint32_t value, napi_value *result) { return napi_create_double(env, value, result); }
API napi_create_int32(ENV, int32_t value, napi_value *result) { return napi_create_double(env, value, result); }
API napi_create_int64(ENV, int64_t value, napi_value *result) { return napi_create_double(env, (double)value, result); }
API napi_create_bigint_uint64(ENV, uint64_t value, napi_value *result) { UNUSED; *result = make(BIGINT); (*result)->bits = value; return napi_ok; }
API napi_create_bigint_int64(ENV, int64_t value, napi_value *result) { return napi_create_bigint_uint64(env, (uint64_t)value, result); }
API napi_create_string_utf8(ENV, const char *text, size_t length, napi_value *result) {
  UNUSED;
  *result = make(STRING);
  if (length == NAPI_AUTO_LENGTH) length = strlen(text);
  (*result)->string = allocate(length + 1);
  memcpy((*result)->string, text, length);
  return napi_ok;
}
API napi_create_string_latin1(ENV, const char *text, size_t length, napi_value *result) { return napi_create_string_utf8(env, text, length, result); }
API napi_create_function(ENV, const char *name, size_t length, napi_callback function, void *data, napi_value *result) {
  UNUSED;
  (void)name, (void)length;
  *result = make(FUNCTION);
  (*result)->function = function;
  (*result)->data = data;
  return napi_ok;
}
API napi_create_arraybuffer(ENV, size_t length, void **data, napi_value *result) {
  UNUSED;
  *result = make(ARRAY_BUFFER);
  (*result)->memory = allocate(length);
  (*result)->length = length;
  if (data != NULL) *data = (*result)->memory;
  return napi_ok;
}
API napi_create_external_arraybuffer(ENV, void *data, size_t length, napi_finalize finalize, void *hint, napi_value *result) {
  UNUSED;
  (void)finalize, (void)hint;
  *result = make(ARRAY_BUFFER);
  (*result)->memory = data;
  (*result)->length = length;
  return napi_ok;
}
API napi_create_typedarray(ENV, napi_typedarray_type type, size_t length, napi_value buffer, size_t offset, napi_value *result) {
  UNUSED;
  *result = make(TYPED_ARRAY);
  (*result)->memory = buffer->memory + offset;
  (*result)->length = length;
  (*result)->element = type;
  return napi_ok;
}

/* Properties. */
static napi_value find(napi_value object, const char *name) {
  for (struct property *property = object->properties; property != NULL; property = property->next)
    if (strcmp(property->name, name) == 0) return property->value;
  return NULL;
}
API napi_set_named_property(ENV, napi_value object, const char *name, napi_value value) {
  UNUSED;
  struct property *property = allocate(sizeof(*property));
  property->name = strdup(name);
  property->value = value;
  property->next = object->properties;
  object->properties = property;
  return napi_ok;
}
API napi_set_property(ENV, napi_value object, napi_value key, napi_value value) { return napi_set_named_property(env, object, key->string, value); }
API napi_set_element(ENV, napi_value object, uint32_t index, napi_value value) {
  char name[12];
  snprintf(name, sizeof(name), "%u", index);
  return napi_set_named_property(env, object, name, value);
}
API napi_define_properties(ENV, napi_value object, size_t count, const napi_property_descriptor *properties) {
  for (size_t i = 0; i < count; i++) {
    napi_value value = properties[i].value;
    if (properties[i].method != NULL) napi_create_function(env, properties[i].utf8name, 0, properties[i].method, properties[i].data, &value);
    if (value != NULL) napi_set_named_property(env, object, properties[i].utf8name, value);
  }
  return napi_ok;
}
API napi_define_class(ENV, const char *name, size_t length, napi_callback constructor, void *data, size_t count,
                      const napi_property_descriptor *properties, napi_value *result) {
  (void)count, (void)properties;
  return napi_create_function(env, name, length, constructor, data, result);
}

/* Reading values. */
API napi_typeof(ENV, napi_value value, napi_valuetype *result) {
  UNUSED;
  static const napi_valuetype types[] = {napi_undefined, napi_number, napi_bigint, napi_string, napi_object, napi_function, napi_object, napi_object};
  *result = types[value->type];
  return napi_ok;
}
API napi_get_value_double(ENV, napi_value value, double *result) {
  UNUSED;
  if (value->type != NUMBER) return napi_number_expected;
  *result = value->number;
  return napi_ok;
}
API napi_get_value_int64(ENV, napi_value value, int64_t *result) {
  double number;
  napi_status status = napi_get_value_double(env, value, &number);
  if (status == napi_ok) *result = (int64_t)number;
  return status;
}
API napi_get_value_uint32(ENV, napi_value value, uint32_t *result) {
  int64_t number;
  napi_status status = napi_get_value_int64(env, value, &number);
  if (status == napi_ok) *result = (uint32_t)number;
  return status;
}
API napi_get_value_int32(ENV, napi_value value, int32_t *result) { return napi_get_value_uint32(env, value, (uint32_t *)result); }
API napi_get_value_bigint_uint64(ENV, napi_value value, uint64_t *result, bool *lossless) {
  UNUSED;
  if (value->type != BIGINT) return napi_bigint_expected;
  *result = value->bits;
  *lossless = true;
  return napi_ok;
}
API napi_is_typedarray(ENV, napi_value value, bool *result) { UNUSED; *result = value->type == TYPED_ARRAY; return napi_ok; }
API napi_get_typedarray_info(ENV, napi_value array, napi_typedarray_type *type, size_t *length, void **data, napi_value *buffer, size_t *offset) {
  UNUSED;
  (void)buffer, (void)offset;
  if (array->type != TYPED_ARRAY) return napi_invalid_arg;
  if (type != NULL) *type = array->element;
  if (length != NULL) *length = array->length;
  if (data != NULL) *data = array->memory;
  return napi_ok;
}
API napi_get_cb_info(ENV, napi_callback_info info, size_t *count, napi_value *arguments, napi_value *self, void **data) {
  size_t capacity = count == NULL ? 0 : *count;
  for (size_t i = 0; i < capacity; i++) {
    if (i < info->count) arguments[i] = info->arguments[i];
    else napi_get_undefined(env, &arguments[i]);
  }
  if (count != NULL) *count = info->count;
  if (self != NULL) napi_get_undefined(env, self);
  if (data != NULL) *data = info->data;
  return napi_ok;
}

/* Errors, lifetimes, the environment. */
static napi_status throw(const char *type, const char *code, const char *message) {
  thrown = allocate(strlen(type) + strlen(message) + (code == NULL ? 0 : strlen(code)) + 8);
  sprintf(thrown, "%s [%s]: %s", type, code == NULL ? "" : code, message);
  return napi_ok;
}
API napi_throw_error(ENV, const char *code, const char *message) { UNUSED; return throw("Error", code, message); }
API napi_throw_type_error(ENV, const char *code, const char *message) { UNUSED; return throw("TypeError", code, message); }
API napi_throw_range_error(ENV, const char *code, const char *message) { UNUSED; return throw("RangeError", code, message); }
API napi_is_exception_pending(ENV, bool *result) { UNUSED; *result = thrown != NULL; return napi_ok; }
API napi_create_reference(ENV, napi_value value, uint32_t count, napi_ref *result) { UNUSED; (void)count; *result = (napi_ref)value; return napi_ok; }
API napi_get_reference_value(ENV, napi_ref reference, napi_value *result) { UNUSED; *result = (napi_value)reference; return napi_ok; }
API napi_delete_reference(ENV, napi_ref reference) { UNUSED; (void)reference; return napi_ok; }
API napi_set_instance_data(ENV, void *data, napi_finalize finalize, void *hint) { UNUSED; (void)finalize, (void)hint; instance_data = data; return napi_ok; }
API napi_get_instance_data(ENV, void **data) { UNUSED; *data = instance_data; return napi_ok; }
API napi_add_env_cleanup_hook(ENV, void (*hook)(void *), void *data) { UNUSED; (void)hook, (void)data; return napi_ok; }
API napi_type_tag_object(ENV, napi_value value, const napi_type_tag *tag) { UNUSED; (void)value, (void)tag; return napi_ok; }

static napi_value shared_array;

static napi_value parse(const char *text) {
  napi_value value = make(NUMBER);
  if (text[0] == '@') return shared_array;
  if (text[0] == '&') {
    value->number = (double)((uintptr_t)shared_array->memory + strtoul(text + 1, NULL, 0));
  } else if (text[0] != '\0' && text[strlen(text) - 1] == 'n') {
    value->type = BIGINT;
    value->bits = strtoull(text, NULL, 0);
  } else {
    value->number = strtod(text, NULL);
  }
  return value;
}

static void print(napi_value value) {
  if (thrown != NULL) {
    printf("%s\n", thrown);
    thrown = NULL;
  } else if (value == NULL || value->type == UNDEFINED) {
    printf("undefined\n");
  } else if (value->type == NUMBER) {
    printf("%.17g\n", value->number);
  } else if (value->type == BIGINT) {
    printf("%llun\n", (unsigned long long)value->bits);
  } else if (value->type == TYPED_ARRAY && value->element == napi_uint32_array) {
    for (size_t i = 0; i < value->length; i++) printf("%u%c", ((uint32_t *)(void *)value->memory)[i], i + 1 < value->length ? ' ' : '\n');
  } else {
    printf("%s\n", value->type == STRING ? value->string : value->type == FUNCTION ? "function" : "object");
  }
}

int main(int count, char **words) {
  if (count < 2) return 2;
  void *module = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  napi_value (*init)(napi_env, napi_value);
  *(void **)&init = dlsym(module, "napi_register_module_v1");
  if (init == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  napi_value buffer, exports = make(OBJECT);
  napi_create_arraybuffer(NULL, 64, NULL, &buffer);
  napi_create_typedarray(NULL, napi_uint32_array, 16, buffer, 0, &shared_array);
  napi_value result = init(NULL, exports);
  if (thrown != NULL || result == NULL) {
    fprintf(stderr, "the module did not initialise: %s\n", thrown == NULL ? "no exports" : thrown);
    return 1;
  }
  if (count == 2) {
    for (struct property *property = result->properties; property != NULL; property = property->next) printf("%s\n", property->name);
  }
  for (int i = 2; i < count; i++) {
    napi_value function = result, arguments[8];
    for (char *name = strtok(words[i], "."); name != NULL && function != NULL; name = strtok(NULL, ".")) function = find(function, name);
    size_t used = 0;
    while (++i < count && strcmp(words[i], ",") != 0 && used < 8) arguments[used++] = parse(words[i]);
    if (function == NULL || function->type != FUNCTION) {
      print(function);
      continue;
    }
    struct napi_callback_info__ info = {used, arguments, function->data};
    print(function->function(NULL, &info));
  }
  return 0;
}
