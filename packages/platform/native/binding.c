// The N-API surface of @sbx/platform. Only src/binding.ts calls it. Functions return a number (negative errno for failure) where the caller can do
// something about it, and throw a TypeError for a wrong argument, which is a bug of ours.
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mapping.h"

static const napi_type_tag FILE_TAG = {0x5b1d6f0c9a3e4721ULL, 0x8c44f2a7d05be613ULL};

// What a handle wraps. Owned by the JavaScript thread of `env`.
struct file {
  struct mapping *mapping;
  napi_env env;
  // The ArrayBuffers made so far, kept alive until destroy() or the end of the handle.
  napi_ref *chunks;
  size_t count;
};

static napi_value fail(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_SBX_NATIVE_ARGUMENT", what);
  return NULL;
}

static napi_value number(napi_env env, double value) {
  napi_value result;
  if (napi_create_double(env, value, &result) != napi_ok) return NULL;
  return result;
}

// A whole number in [0, 2^53).
static bool get_size(napi_env env, napi_value value, size_t *out) {
  double d;
  if (napi_get_value_double(env, value, &d) != napi_ok) return false;
  if (!(d >= 0 && d < 9007199254740992.0)) return false;
  *out = (size_t)d;
  return (double)*out == d;
}

// The file behind a handle made by create(), or NULL once it was destroyed.
static struct file *get_file(napi_env env, napi_value value) {
  bool tagged = false;
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(env, value, &FILE_TAG, &tagged) != napi_ok || !tagged) return NULL;
  if (napi_unwrap(env, value, &data) != napi_ok) return NULL;
  struct file *file = data;
  return file->mapping->base == NULL ? NULL : file;
}

static struct mapping *get_mapping(napi_env env, napi_value value) {
  struct file *file = get_file(env, value);
  return file == NULL ? NULL : file->mapping;
}

// Arguments (handle, offset, length) with the range inside the mapping.
static struct mapping *get_range(napi_env env, napi_callback_info info, size_t *offset, size_t *length) {
  napi_value argv[3];
  size_t argc = 3;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 3) return NULL;
  struct mapping *m = get_mapping(env, argv[0]);
  if (m == NULL || !get_size(env, argv[1], offset) || !get_size(env, argv[2], length)) return NULL;
  if (*offset > m->size || *length > m->size - *offset) return NULL;
  return m;
}

static void release_buffers(struct file *file, bool detach) {
  for (size_t i = 0; i < file->count; i++) {
    napi_value buffer;
    if (detach && napi_get_reference_value(file->env, file->chunks[i], &buffer) == napi_ok && buffer != NULL) napi_detach_arraybuffer(file->env, buffer);
    napi_delete_reference(file->env, file->chunks[i]);
  }
  file->count = 0;
}

// The handle was collected, or the environment ends. Views may outlive the handle: then their ArrayBuffers keep the mapping.
static void finalize_file(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct file *file = data;
  release_buffers(file, false);
  mapping_unref(file->mapping);
  free(file->chunks);
  free(file);
}

static void finalize_chunk(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  mapping_unref(hint);
}

// create(name, size, align) -> handle | -errno
static napi_value create(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3;
  char name[128];
  size_t size;
  size_t align;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 3) return fail(env, "create(name, size, align)");
  if (napi_get_value_string_utf8(env, argv[0], name, sizeof name, NULL) != napi_ok) return fail(env, "name");
  if (!get_size(env, argv[1], &size) || size == 0 || size % 4096 != 0) return fail(env, "size");
  if (!get_size(env, argv[2], &align) || align < 4096 || (align & (align - 1)) != 0) return fail(env, "align");
  struct file *file = calloc(1, sizeof *file);
  if (file == NULL) return number(env, -ENOMEM);
  file->env = env;
  int error = mapping_create(name, size, align, &file->mapping);
  if (error < 0) {
    free(file);
    return number(env, error);
  }
  napi_value handle;
  if (napi_create_object(env, &handle) != napi_ok || napi_type_tag_object(env, handle, &FILE_TAG) != napi_ok ||
      napi_wrap(env, handle, file, finalize_file, NULL, NULL) != napi_ok) {
    mapping_unref(file->mapping);
    free(file);
    return fail(env, "handle");
  }
  return handle;
}

// base(handle) -> address of the first byte
static napi_value base(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1) return fail(env, "base(handle)");
  struct mapping *m = get_mapping(env, argv[0]);
  return m == NULL ? fail(env, "handle") : number(env, (double)(uintptr_t)m->base);
}

// fd(handle) -> descriptor; owned by the mapping
static napi_value fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1) return fail(env, "fd(handle)");
  struct mapping *m = get_mapping(env, argv[0]);
  return m == NULL ? fail(env, "handle") : number(env, m->fd);
}

// chunk(handle, offset, length) -> ArrayBuffer over the range. The caller makes at most one for each range.
static napi_value chunk(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3;
  size_t offset;
  size_t length;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 3) return fail(env, "chunk(handle, offset, length)");
  struct file *file = get_file(env, argv[0]);
  if (file == NULL || !get_size(env, argv[1], &offset) || !get_size(env, argv[2], &length)) return fail(env, "chunk(handle, offset, length)");
  struct mapping *m = file->mapping;
  if (length == 0 || offset > m->size || length > m->size - offset) return fail(env, "range");
  napi_ref *chunks = realloc(file->chunks, (file->count + 1) * sizeof *chunks);
  if (chunks == NULL) return fail(env, "out of memory");
  file->chunks = chunks;
  napi_value buffer;
  m->refs++;
  // SAFETY: the range lies in the mapping, which the ArrayBuffer's reference keeps; destroy() detaches every ArrayBuffer before it unmaps.
  if (napi_create_external_arraybuffer(env, m->base + offset, length, finalize_chunk, m, &buffer) != napi_ok) {
    mapping_unref(m);
    return fail(env, "this Node.js has no external ArrayBuffers");
  }
  if (napi_create_reference(env, buffer, 1, &chunks[file->count]) != napi_ok) return fail(env, "reference");
  file->count++;
  return buffer;
}

// destroy(handle): detaches every ArrayBuffer (its length and that of its views becomes 0), unmaps and closes
static napi_value destroy(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1) return fail(env, "destroy(handle)");
  struct file *file = get_file(env, argv[0]);
  if (file == NULL) return fail(env, "handle");
  release_buffers(file, true);
  mapping_unmap(file->mapping);
  return NULL;
}

// commit(handle, offset, length) -> 0 | -ENOMEM
static napi_value commit(napi_env env, napi_callback_info info) {
  size_t offset;
  size_t length;
  struct mapping *m = get_range(env, info, &offset, &length);
  return m == NULL ? fail(env, "commit(handle, offset, length)") : number(env, mapping_commit(m, offset, length));
}

// punch(handle, offset, length) -> 0 | -errno
static napi_value punch(napi_env env, napi_callback_info info) {
  size_t offset;
  size_t length;
  struct mapping *m = get_range(env, info, &offset, &length);
  return m == NULL ? fail(env, "punch(handle, offset, length)") : number(env, mapping_punch(m, offset, length));
}

// seek(handle, offset, hole) -> offset
static napi_value seek(napi_env env, napi_callback_info info) {
  size_t offset;
  size_t hole;
  struct mapping *m = get_range(env, info, &offset, &hole);
  return m == NULL ? fail(env, "seek(handle, offset, hole)") : number(env, (double)mapping_seek(m, offset, hole != 0));
}

// hostBytes(handle) -> bytes of host memory | -errno
static napi_value host_bytes(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1) return fail(env, "hostBytes(handle)");
  struct mapping *m = get_mapping(env, argv[0]);
  return m == NULL ? fail(env, "handle") : number(env, (double)mapping_host_bytes(m));
}

// copy(handle, to, from, length): memmove inside the mapping
static napi_value copy(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4;
  size_t to;
  size_t from;
  size_t length;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 4) return fail(env, "copy(handle, to, from, length)");
  struct mapping *m = get_mapping(env, argv[0]);
  if (m == NULL || !get_size(env, argv[1], &to) || !get_size(env, argv[2], &from) || !get_size(env, argv[3], &length)) {
    return fail(env, "copy(handle, to, from, length)");
  }
  if (to > m->size || from > m->size || length > m->size - to || length > m->size - from) return fail(env, "range");
  // SAFETY: both ranges were checked to lie in the mapping; holes in it are filled by the host.
  memmove(m->base + to, m->base + from, length);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"create", NULL, create, NULL, NULL, NULL, napi_enumerable, NULL},
      {"base", NULL, base, NULL, NULL, NULL, napi_enumerable, NULL},
      {"fd", NULL, fd, NULL, NULL, NULL, napi_enumerable, NULL},
      {"chunk", NULL, chunk, NULL, NULL, NULL, napi_enumerable, NULL},
      {"destroy", NULL, destroy, NULL, NULL, NULL, napi_enumerable, NULL},
      {"commit", NULL, commit, NULL, NULL, NULL, napi_enumerable, NULL},
      {"punch", NULL, punch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"seek", NULL, seek, NULL, NULL, NULL, napi_enumerable, NULL},
      {"hostBytes", NULL, host_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"copy", NULL, copy, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}
