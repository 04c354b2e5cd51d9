/* What the files of the binding share: looking up and checking arguments. */
#ifndef SBX_SYSTRAP_BINDING_H
#define SBX_SYSTRAP_BINDING_H

#include <node_api.h>
#include <uv.h>

#include "machine.h"

#define MAX_MACHINES 64
#define MAX_ARGUMENTS 8

/* A machine and what ties it to its environment. The poll handle outlives the machine until libuv has closed it. */
struct handle {
  struct machine *machine;
  napi_env env;
  napi_ref wake;
  napi_async_context async_context;
  uv_loop_t *loop;
  uv_poll_t poll;
};

/* What `switch` is given; reading it from here costs less than Node-API's arguments. */
enum { SWITCH_MACHINE, SWITCH_CONTEXT, SWITCH_SPACE, SWITCH_TIMEOUT, SWITCH_ARGUMENTS };

/* Per environment. */
struct instance {
  struct handle *handles[MAX_MACHINES];
  double switch_arguments[SWITCH_ARGUMENTS];
};

struct call {
  napi_env env;
  size_t count;
  napi_value arguments[MAX_ARGUMENTS];
  struct instance *instance;
};

struct function {
  const char *name;
  napi_callback call;
};

/* Throws a TypeError with code ERR_SBX_NATIVE_ARGUMENT; returns NULL. */
napi_value throw_argument(napi_env env, const char *message);
/* Reads the arguments; false with an exception pending. */
bool begin_call(struct call *call, napi_env env, napi_callback_info info);
/* The next ones throw, and give false or NULL, if argument `i` is none of theirs; the machine is argument 0. */
bool integer(struct call *call, size_t i, int64_t *value);
/* A Float64Array of at least `count` elements; does not throw. */
double *doubles(struct call *call, size_t i, size_t count);
struct handle *handle_of(struct call *call);
struct context *context_of(struct call *call, const struct handle *h, size_t i);
struct space *space_of(struct call *call, const struct handle *h, size_t i);

napi_value number(napi_env env, int64_t value);
napi_value small(napi_env env, int32_t value);
void set_number(napi_env env, napi_value object, const char *name, double value);

/* The functions of binding_run.c, up to one without a name. */
extern const struct function run_functions[];

#endif
