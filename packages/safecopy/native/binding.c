/*
 * Node-API binding of safecopy. A fault is not an exception: functions return how much was done or a negative errno, and
 * leave what happened in `status`. JavaScript exceptions are thrown here, for arguments that are none, and nowhere below.
 */
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/sbx/safecopy.h"

#define CHECK(call)                                                                         \
  do {                                                                                      \
    if ((call) != napi_ok) return NULL;                                                     \
  } while (0)

/* Per environment: memory that JavaScript reads as `status` and `previousHalves`, kept alive by the reference. */
struct instance {
  struct shared {
    double outcome; /* 0, SIGSEGV, SIGBUS or -EINVAL: of the last call */
    double address; /* of the fault or of the misaligned word */
    double alignment;
    uint32_t halves[2];
  } *shared;
  napi_ref keep;
};

static struct shared *shared_of(napi_env env) {
  struct instance *instance;
  if (napi_get_instance_data(env, (void **)&instance) != napi_ok) return NULL;
  return instance->shared;
}

/* The argument as an integer from 0 to 2^53 - 1; 0 with a RangeError or TypeError pending if it is something else. */
static int get_size(napi_env env, napi_value argument, const char *what, uint64_t *size) {
  char message[120];
  double value;
  if (napi_get_value_double(env, argument, &value) != napi_ok) {
    snprintf(message, sizeof(message), "%s must be a number", what);
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return 0;
  }
  if (!(value >= 0 && value <= 9007199254740991.0) || value != (double)(uint64_t)value) {
    snprintf(message, sizeof(message), "%s must be an integer from 0 to 2^53 - 1, not %.17g", what, value);
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
    return 0;
  }
  *size = (uint64_t)value;
  return 1;
}

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
  default: /* an element type that this Node-API does not know */
    return 0;
  }
}

/* The bytes of a typed array; 0 with a TypeError pending if it is none. */
static int get_bytes(napi_env env, napi_value array, char **bytes, uint64_t *length) {
  bool is_array = false;
  napi_typedarray_type type;
  size_t elements;
  void *data;
  if (napi_is_typedarray(env, array, &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, array, &type, &elements, &data, NULL, NULL) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "the buffer must be a typed array");
    return 0;
  }
  *bytes = data;
  *length = elements * element_size(type);
  return 1;
}

/* As get_bytes, for the `length` bytes from `offset`, which must be inside. */
static int get_range(napi_env env, napi_value array, napi_value length_value, napi_value offset_value, char **bytes, uint64_t *length) {
  uint64_t size, offset;
  if (!get_bytes(env, array, bytes, &size)) return 0;
  if (!get_size(env, length_value, "length", length) || !get_size(env, offset_value, "offset", &offset)) return 0;
  if (offset > size || *length > size - offset) {
    char message[120];
    snprintf(message, sizeof(message), "%.0f bytes at offset %.0f are outside of a buffer of %.0f", (double)*length, (double)offset, (double)size);
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
    return 0;
  }
  *bytes += offset;
  return 1;
}

static napi_value report(napi_env env, size_t done, const struct sbx_fault *fault) {
  napi_value result;
  struct shared *shared = shared_of(env);
  if (shared == NULL) return NULL;
  shared->outcome = fault->signal;
  if (fault->signal != 0) shared->address = (double)fault->address;
  CHECK(napi_create_double(env, (double)done, &result));
  return result;
}

/* copyIn(array, source, length, offset): the array is an argument, so its memory lives during the call. */
static napi_value copy_in(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  char *bytes;
  uint64_t source, length;
  struct sbx_fault fault;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[1], "source", &source) || !get_range(env, arguments[0], arguments[2], arguments[3], &bytes, &length)) return NULL;
  /* SAFETY: `source` may be any address: that is what sbx_safe_copy is for. `bytes` is in bounds. */
  return report(env, sbx_safe_copy(bytes, (const void *)(uintptr_t)source, length, &fault), &fault);
}

/* copyOut(destination, array, length, offset). SAFETY: what `destination` overwrites is the caller's responsibility. */
static napi_value copy_out(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  char *bytes;
  uint64_t destination, length;
  struct sbx_fault fault;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "destination", &destination) || !get_range(env, arguments[1], arguments[2], arguments[3], &bytes, &length))
    return NULL;
  return report(env, sbx_safe_copy((void *)(uintptr_t)destination, bytes, length, &fault), &fault);
}

/* copy(destination, source, length) */
static napi_value copy(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  uint64_t destination, source, length;
  struct sbx_fault fault;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "destination", &destination) || !get_size(env, arguments[1], "source", &source) ||
      !get_size(env, arguments[2], "length", &length))
    return NULL;
  return report(env, sbx_safe_copy((void *)(uintptr_t)destination, (const void *)(uintptr_t)source, length, &fault), &fault);
}

/* zeroOut(destination, length) */
static napi_value zero_out(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  uint64_t destination, length;
  struct sbx_fault fault;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "destination", &destination) || !get_size(env, arguments[1], "length", &length)) return NULL;
  return report(env, sbx_safe_zero((void *)(uintptr_t)destination, length, &fault), &fault);
}

/* Notes the outcome of a word operation; -EFAULT or -EINVAL, or 0 if the word was reached. */
static int word_outcome(napi_env env, int outcome, uint64_t address, int alignment) {
  struct shared *shared = shared_of(env);
  if (shared == NULL) return -EFAULT;
  shared->outcome = outcome;
  if (outcome == 0) return 0;
  shared->address = (double)address;
  shared->alignment = alignment;
  return outcome == -EINVAL ? -EINVAL : -EFAULT;
}

static napi_value word_result(napi_env env, int outcome, uint64_t address, uint32_t value) {
  napi_value result;
  outcome = word_outcome(env, outcome, address, 4);
  CHECK(napi_create_double(env, outcome == 0 ? (double)value : outcome, &result));
  return result;
}

static int get_uint32(napi_env env, napi_value argument, uint32_t *value) {
  if (napi_get_value_uint32(env, argument, value) == napi_ok) return 1;
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "the value must be a number");
  return 0;
}

/* loadUint32(address) */
static napi_value load_uint32(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  size_t count = 1;
  uint64_t address;
  uint32_t value = 0;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "address", &address)) return NULL;
  int outcome = sbx_safe_load_uint32((const uint32_t *)(uintptr_t)address, &value);
  return word_result(env, outcome, address, value);
}

/* swapUint32(address, value) */
static napi_value swap_uint32(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  uint64_t address;
  uint32_t value, previous = 0;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "address", &address) || !get_uint32(env, arguments[1], &value)) return NULL;
  int outcome = sbx_safe_swap_uint32((uint32_t *)(uintptr_t)address, value, &previous);
  return word_result(env, outcome, address, previous);
}

/* compareAndSwapUint32(address, expected, desired) */
static napi_value compare_and_swap_uint32(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  uint64_t address;
  uint32_t expected, desired, previous = 0;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "address", &address) || !get_uint32(env, arguments[1], &expected) || !get_uint32(env, arguments[2], &desired))
    return NULL;
  int outcome = sbx_safe_compare_and_swap_uint32((uint32_t *)(uintptr_t)address, expected, desired, &previous);
  return word_result(env, outcome, address, previous);
}

/* swapUint64(address, BigInt): the previous value as a BigInt; negative: an errno. */
static napi_value swap_uint64(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  size_t count = 2;
  uint64_t address, value, previous = 0;
  bool lossless;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "address", &address)) return NULL;
  if (napi_get_value_bigint_uint64(env, arguments[1], &value, &lossless) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "the value must be a BigInt");
    return NULL;
  }
  int outcome = word_outcome(env, sbx_safe_swap_uint64((uint64_t *)(uintptr_t)address, value, &previous), address, 8);
  if (outcome == 0) {
    CHECK(napi_create_bigint_uint64(env, previous, &result));
  } else {
    CHECK(napi_create_bigint_int64(env, outcome, &result));
  }
  return result;
}

/* swapUint64Halves(address, low, high): 0 or a negative errno; the previous value goes to `previousHalves`. */
static napi_value swap_uint64_halves(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  size_t count = 3;
  uint64_t address, previous = 0;
  uint32_t low, high;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_size(env, arguments[0], "address", &address) || !get_uint32(env, arguments[1], &low) || !get_uint32(env, arguments[2], &high)) return NULL;
  int outcome = sbx_safe_swap_uint64((uint64_t *)(uintptr_t)address, (uint64_t)high << 32 | low, &previous);
  outcome = word_outcome(env, outcome, address, 8);
  if (outcome == 0) {
    struct shared *shared = shared_of(env);
    shared->halves[0] = (uint32_t)previous;
    shared->halves[1] = (uint32_t)(previous >> 32);
  }
  CHECK(napi_create_int32(env, outcome, &result));
  return result;
}

/* addressOf(array): where its first byte is. */
static napi_value address_of(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  size_t count = 1;
  char *bytes;
  uint64_t length;
  CHECK(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  if (!get_bytes(env, arguments[0], &bytes, &length)) return NULL;
  CHECK(napi_create_double(env, (double)(uintptr_t)bytes, &result));
  return result;
}

/* install(): 0 or a negative errno. */
static napi_value install(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  CHECK(napi_create_int32(env, sbx_safecopy_install(), &result));
  return result;
}

static void destroy(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

static const struct {
  const char *name;
  napi_callback function;
} functions[] = {
    {"copyIn", copy_in},
    {"copyOut", copy_out},
    {"copy", copy},
    {"zeroOut", zero_out},
    {"loadUint32", load_uint32},
    {"swapUint32", swap_uint32},
    {"compareAndSwapUint32", compare_and_swap_uint32},
    {"swapUint64", swap_uint64},
    {"swapUint64Halves", swap_uint64_halves},
    {"addressOf", address_of},
    {"install", install},
};

/* Environments of one process share the handlers: the first puts them there. */
static atomic_int installed;

NAPI_MODULE_INIT() {
  int expected = 0;
  if (atomic_compare_exchange_strong(&installed, &expected, 1)) {
    int result = sbx_safecopy_install();
    if (result != 0) {
      atomic_store(&installed, 0);
      napi_throw_error(env, "ERR_SBX_SIGNALS", strerror(-result));
      return NULL;
    }
  }

  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  if (napi_set_instance_data(env, instance, destroy, NULL) != napi_ok) {
    free(instance);
    return NULL;
  }
  napi_value buffer, status, halves;
  void *memory;
  CHECK(napi_create_arraybuffer(env, sizeof(struct shared), &memory, &buffer));
  CHECK(napi_create_reference(env, buffer, 1, &instance->keep));
  instance->shared = memory;
  CHECK(napi_create_typedarray(env, napi_float64_array, 3, buffer, 0, &status));
  CHECK(napi_set_named_property(env, exports, "status", status));
  CHECK(napi_create_typedarray(env, napi_uint32_array, 2, buffer, offsetof(struct shared, halves), &halves));
  CHECK(napi_set_named_property(env, exports, "previousHalves", halves));

  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_value function;
    CHECK(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function));
    CHECK(napi_set_named_property(env, exports, functions[i].name, function));
  }
  return exports;
}
