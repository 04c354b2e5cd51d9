/*
 * Node-API binding of the atomic operations: for each implementation an object with one JavaScript function per operation.
 * JavaScript exceptions are thrown here and nowhere below.
 *
 * Arguments of every function: a target, which is `array, index` or `address`, then the operand (compare-and-swap: expected,
 * desired). 64-bit operands are BigInts, or in the functions named ...Halves two numbers each, low half first; their result
 * goes to the two words of `previousHalves`. Everything is checked before the word is touched.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/sbx/atomicbitops.h"

#define CHECK(call)                                                                         \
  do {                                                                                      \
    if ((call) != napi_ok) return NULL;                                                     \
  } while (0)

enum operands { FETCH_32, SWAP_32, FETCH_64, SWAP_64, FETCH_HALVES, SWAP_HALVES };

struct operation {
  const char *name;
  enum operands operands;
  union {
    uint32_t (*fetch32)(uint32_t *, uint32_t);
    uint32_t (*swap32)(uint32_t *, uint32_t, uint32_t);
    uint64_t (*fetch64)(uint64_t *, uint64_t);
    uint64_t (*swap64)(uint64_t *, uint64_t, uint64_t);
  };
};

#define BITOP(prefix, js, c)                                                                                \
  {.name = js "Uint32", .operands = FETCH_32, .fetch32 = prefix##fetch_##c##_uint32},                       \
  {.name = js "Uint64", .operands = FETCH_64, .fetch64 = prefix##fetch_##c##_uint64},                       \
  {.name = js "Uint64Halves", .operands = FETCH_HALVES, .fetch64 = prefix##fetch_##c##_uint64}
#define OPERATIONS(prefix)                                                                                  \
  {BITOP(prefix, "and", and),                                                                               \
   BITOP(prefix, "or", or),                                                                                 \
   BITOP(prefix, "xor", xor),                                                                               \
   {.name = "compareAndSwapUint32", .operands = SWAP_32, .swap32 = prefix##compare_and_swap_uint32},        \
   {.name = "compareAndSwapUint64", .operands = SWAP_64, .swap64 = prefix##compare_and_swap_uint64},        \
   {.name = "compareAndSwapUint64Halves", .operands = SWAP_HALVES, .swap64 = prefix##compare_and_swap_uint64}}

#ifdef SBX_ATOMICBITOPS_ASSEMBLY
static const struct operation assembly_operations[] = OPERATIONS(sbx_);
#endif
static const struct operation portable_operations[] = OPERATIONS(sbx_portable_);
enum { OPERATION_COUNT = sizeof(portable_operations) / sizeof(portable_operations[0]) };

/* Per environment: the memory of `previousHalves`, kept alive by the reference. */
struct instance {
  uint32_t *halves;
  napi_ref keep;
};

/* User-space addresses of amd64 and arm64 (48-bit) are below 2^48; page 0 is never mapped. */
static const double first_address = 4096, end_of_addresses = 281474976710656.0;

static int is_integer(double value) { return value >= 0 && value <= 9007199254740991.0 && value == (double)(uint64_t)value; }

static size_t element_size(napi_typedarray_type type) {
  switch (type) {
  case napi_int8_array:
  case napi_uint8_array:
  case napi_uint8_clamped_array:
    return 1;
  case napi_int16_array:
  case napi_uint16_array:
    return 2;
  case napi_int32_array:
  case napi_uint32_array:
  case napi_float32_array:
    return 4;
  case napi_float64_array:
  case napi_bigint64_array:
  case napi_biguint64_array:
    return 8;
  default: /* an element type that this Node-API does not know: a quantity that no index satisfies */
    return 0;
  }
}

static void *throw_range(napi_env env, const char *format, double first, double second) {
  char message[160];
  snprintf(message, sizeof(message), format, first, second);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
  return NULL;
}

/* The address of word `index` of a typed array, in bounds, or NULL with an exception pending. */
static void *array_word(napi_env env, napi_value array, napi_value index_value, size_t width) {
  bool is_array = false;
  napi_typedarray_type type;
  size_t length;
  void *data;
  double index;
  if (napi_is_typedarray(env, array, &is_array) != napi_ok || !is_array || napi_get_value_double(env, index_value, &index) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "the target must be a typed array and an index, or an address");
    return NULL;
  }
  CHECK(napi_get_typedarray_info(env, array, &type, &length, &data, NULL, NULL));
  size_t size = element_size(type);
  /* A detached array has length 0 here. The product can't overflow: it is a size of memory that exists. */
  if (!is_integer(index) || index >= (double)length || (length - (size_t)index) * size < width)
    return throw_range(env, "index %.17g is out of range for an array of %.0f elements", index, (double)length);
  return (char *)data + (size_t)index * size;
}

/* The address of the target at arguments[0]: aligned and in bounds, or NULL with an exception pending. */
static void *target_word(napi_env env, const napi_value *arguments, int is_address, size_t width) {
  void *word;
  if (is_address) {
    double value;
    CHECK(napi_get_value_double(env, arguments[0], &value));
    if (!is_integer(value) || value < first_address || value > end_of_addresses - (double)width)
      return throw_range(env, "%.17g is not the address of a word of %.0f bytes", value, (double)width);
    word = (void *)(uintptr_t)value;
  } else {
    word = array_word(env, arguments[0], arguments[1], width);
    if (word == NULL) return NULL;
  }
  if ((uintptr_t)word % width != 0)
    return throw_range(env, "address %.0f is misaligned: the word needs a multiple of %.0f", (double)(uintptr_t)word, (double)width);
  return word;
}

/* Reads `count` operands (each two numbers if they are halves) as 64-bit values; 0, with an exception pending, if one is of a wrong type. */
static int get_operands(napi_env env, const napi_value *arguments, enum operands kind, int count, uint64_t *operands) {
  for (int i = 0; i < count; i++) {
    uint32_t low = 0, high = 0;
    bool lossless;
    napi_status status;
    switch (kind) {
    case FETCH_64:
    case SWAP_64:
      status = napi_get_value_bigint_uint64(env, arguments[i], &operands[i], &lossless);
      break;
    case FETCH_HALVES:
    case SWAP_HALVES:
      status = napi_get_value_uint32(env, arguments[2 * i], &low);
      if (status == napi_ok) status = napi_get_value_uint32(env, arguments[2 * i + 1], &high);
      operands[i] = (uint64_t)high << 32 | low;
      break;
    default:
      status = napi_get_value_uint32(env, arguments[i], &low);
      operands[i] = low;
    }
    if (status != napi_ok) {
      const char *expected = kind == FETCH_64 || kind == SWAP_64 ? "operands must be BigInts" : "operands must be numbers";
      napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", expected);
      return 0;
    }
  }
  return 1;
}

/*
 * SAFETY: a word inside a typed array lives during the call, because the array is an argument and nothing here runs
 * JavaScript, which could detach it; that a raw address is mapped and alive is the caller's promise.
 */
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[6], result = NULL;
  size_t count = 6;
  void *data;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, &data));
  const struct operation *operation = data;
  enum operands kind = operation->operands;

  napi_valuetype type;
  CHECK(napi_typeof(env, arguments[0], &type));
  int is_address = type == napi_number;
  int swaps = kind == SWAP_32 || kind == SWAP_64 || kind == SWAP_HALVES;
  void *word = target_word(env, arguments, is_address, kind == FETCH_32 || kind == SWAP_32 ? 4 : 8);
  if (word == NULL) return NULL;
  uint64_t operands[2];
  if (!get_operands(env, arguments + (is_address ? 1 : 2), kind, swaps ? 2 : 1, operands)) return NULL;

  uint64_t previous;
  switch (kind) {
  case FETCH_32:
    napi_create_uint32(env, operation->fetch32(word, (uint32_t)operands[0]), &result);
    return result;
  case SWAP_32:
    napi_create_uint32(env, operation->swap32(word, (uint32_t)operands[0], (uint32_t)operands[1]), &result);
    return result;
  case FETCH_64:
    napi_create_bigint_uint64(env, operation->fetch64(word, operands[0]), &result);
    return result;
  case SWAP_64:
    napi_create_bigint_uint64(env, operation->swap64(word, operands[0], operands[1]), &result);
    return result;
  case FETCH_HALVES:
    previous = operation->fetch64(word, operands[0]);
    break;
  default:
    previous = operation->swap64(word, operands[0], operands[1]);
  }
  struct instance *instance;
  CHECK(napi_get_instance_data(env, (void **)&instance));
  instance->halves[0] = (uint32_t)previous;
  instance->halves[1] = (uint32_t)(previous >> 32);
  return NULL;
}

/* addressOf(array, index = 0): where that element is in memory. Valid while the array's buffer lives and is not detached. */
static napi_value address_of(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  size_t count = 2;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (count < 2) CHECK(napi_create_uint32(env, 0, &arguments[1]));
  void *word = array_word(env, arguments[0], arguments[1], 1);
  if (word == NULL) return NULL;
  CHECK(napi_create_double(env, (double)(uintptr_t)word, &result));
  return result;
}

static napi_value implementation(napi_env env, const struct operation *operations) {
  napi_value object;
  CHECK(napi_create_object(env, &object));
  for (int i = 0; i < OPERATION_COUNT; i++) {
    napi_value function;
    CHECK(napi_create_function(env, operations[i].name, NAPI_AUTO_LENGTH, call, (void *)&operations[i], &function));
    CHECK(napi_set_named_property(env, object, operations[i].name, function));
  }
  return object;
}

static void destroy(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  if (napi_set_instance_data(env, instance, destroy, NULL) != napi_ok) {
    free(instance);
    return NULL;
  }
  napi_value buffer, halves, function, object;
  void *memory;
  CHECK(napi_create_arraybuffer(env, 8, &memory, &buffer));
  CHECK(napi_create_typedarray(env, napi_uint32_array, 2, buffer, 0, &halves));
  CHECK(napi_create_reference(env, buffer, 1, &instance->keep));
  instance->halves = memory;
  CHECK(napi_set_named_property(env, exports, "previousHalves", halves));

  CHECK(napi_create_function(env, "addressOf", NAPI_AUTO_LENGTH, address_of, NULL, &function));
  CHECK(napi_set_named_property(env, exports, "addressOf", function));
#ifdef SBX_ATOMICBITOPS_ASSEMBLY
  object = implementation(env, assembly_operations);
  if (object == NULL) return NULL;
  CHECK(napi_set_named_property(env, exports, "assembly", object));
#endif
  object = implementation(env, portable_operations);
  if (object == NULL) return NULL;
  CHECK(napi_set_named_property(env, exports, "portable", object));
  return exports;
}
