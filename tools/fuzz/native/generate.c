#include <string.h>
#include "program.h"
#include "tables.h"

static const int64_t interesting[] = {0, 0, 1, 1, 2, 3, 4, 7, 8, 16, 64, 255, 256, 1000, 4095, 4096, 4097, 65535, 65536, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff,
                                      0x100000000, 0x7fffffffffffffff, (int64_t)0x8000000000000000, -1, -2, -100, -4096};
static const int64_t sizes[] = {0, 1, 2, 8, 16, 100, 255, 256, 1024, 4095, 4096, 4096, 4097, 8192, 16384, 65536, 1 << 20, 0x7fffffff, 0x80000000, -1, 0x7fffffffffffffff};
static const int64_t offsets[] = {0, 0, 1, 8, 100, 4095, 4096, 8192, 65536, 1 << 20, 0x7fffffff, 0x100000000, 0x7fffffffffffffff, -1, -4096};
static const int64_t modes[] = {0, 0400, 0600, 0644, 0755, 0777, 04755, 02755, 01777, 07777, 0170000};
#define PICK(list) list[below(random, sizeof list / sizeof *list)]

static uint64_t make_argument(const struct argument_type *type, uint64_t *random) {
  uint64_t value = 0;
  switch (type->kind) {
    case K_INT:
      return PICK(interesting);
    case K_SIZE:
      return PICK(sizes);
    case K_OFFSET:
      return PICK(offsets);
    case K_MODE:
      return PICK(modes);
    case K_SIGNAL: {
      static const int64_t signals[] = {0, 10, 17, 23, 28, 34, 40, 64, 65, 9, 19};
      return PICK(signals);
    }
    case K_FLAGS:
      for (int n = below(random, 4); n > 0; n--) value |= type->values[below(random, type->count)];
      return below(random, 50) == 0 ? value | 1ULL << below(random, 34) : value;
    case K_ENUM:
      return below(random, 60) == 0 ? (uint64_t)PICK(interesting) : (uint64_t)type->values[below(random, type->count)];
    case K_VALUE:
      return type->values[0];
    default:
      /* execute.c takes what it needs of it. */
      return next_random(random);
  }
}

void score(struct scores *scores, int type, int fresh) {
  /* What was long ago counts less. */
  scores->yield[type] = scores->yield[type] * 0.98f + fresh;
  scores->runs[type] = scores->runs[type] * 0.98f + 1;
}

static int choose_type(const struct scores *scores, uint64_t *random) {
  int best = below(random, CALL_TYPES);
  if (scores == NULL || below(random, 4) == 0) return best;
  for (int i = 0; i < 2; i++) {
    int other = below(random, CALL_TYPES);
    /* One that was never tried has the best prospects. */
    float mine = (scores->yield[best] + 0.5f) / (scores->runs[best] + 0.1f), its = (scores->yield[other] + 0.5f) / (scores->runs[other] + 0.1f);
    if (its > mine) best = other;
  }
  return best;
}

static void make_call(struct call *call, const struct scores *scores, uint64_t *random) {
  call->type = choose_type(scores, random);
  const struct call_type *type = &call_types[call->type];
  memset(call->args, 0, sizeof call->args);
  for (int i = 0; i < type->args; i++) call->args[i] = make_argument(&type->types[i], random);
}

void generate(struct program *program, const struct scores *scores, uint64_t *random) {
  program->count = 1 + below(random, MAX_CALLS);
  for (int i = 0; i < program->count; i++) make_call(&program->calls[i], scores, random);
}

static void insert(struct program *program, int at, const struct call *call) {
  if (program->count == MAX_CALLS) return;
  memmove(&program->calls[at + 1], &program->calls[at], (program->count - at) * sizeof *call);
  program->calls[at] = *call;
  program->count++;
}

static void change_argument(struct call *call, uint64_t *random) {
  const struct call_type *type = &call_types[call->type];
  if (type->args == 0) return;
  int i = below(random, type->args);
  call->args[i] = make_argument(&type->types[i], random);
}

void mutate(struct program *program, const struct program *other, const struct scores *scores, uint64_t *random) {
  struct call call;
  /* What the others lead up to is not lost to long programs. */
  while (program->count > MAX_CALLS - 4) memmove(&program->calls[0], &program->calls[1], --program->count * sizeof call);
  for (int n = 1 + below(random, 3); n > 0; n--) {
    int last = program->count - 1, any = below(random, program->count);
    switch (below(random, 10)) {
      case 0:
      case 1:
        make_call(&call, scores, random);
        insert(program, any, &call);
        break;
      case 2:
        insert(program, any, &other->calls[below(random, other->count)]);
        break;
      case 3:
        for (int i = 0; i < other->count; i++) insert(program, program->count, &other->calls[i]);
        break;
      case 4:
        if (program->count < 2) break;
        memmove(&program->calls[any], &program->calls[any + 1], (last - any) * sizeof call);
        program->count--;
        break;
      case 5:
      case 6:
        change_argument(&program->calls[last], random);
        break;
      case 7:
        /* The same again, on what it has made of the state. */
        insert(program, program->count, &program->calls[last]);
        change_argument(&program->calls[program->count - 1], random);
        break;
      default:
        change_argument(&program->calls[any], random);
    }
  }
  for (int n = below(random, 5); n > 0; n--) {
    make_call(&call, scores, random);
    insert(program, program->count, &call);
  }
}
