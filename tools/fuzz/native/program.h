/* Programs: sequences of system calls with typed arguments. */
#ifndef SBX_FUZZ_PROGRAM_H
#define SBX_FUZZ_PROGRAM_H
#include <stdint.h>
#include <stdio.h>

#define MAX_CALLS 16
#define MAX_ARGS 6

struct call {
  uint16_t type; /* index into call_types */
  /* What the generator chose: a value, or, for pointers and descriptors, what execute.c makes of it. */
  uint64_t args[MAX_ARGS];
};
struct program {
  int count;
  struct call calls[MAX_CALLS];
};

/* random.c */
uint64_t next_random(uint64_t *state);
/* A number below `bound`. */
static inline uint32_t below(uint64_t *state, uint32_t bound) { return (uint32_t)(next_random(state) >> 33) % bound; }

/* generate.c */
#define MAX_TYPES 512
/* How much new code each type of call has reached lately, and how often it was made. */
struct scores {
  float yield[MAX_TYPES], runs[MAX_TYPES];
};
/* A call of this type reached `fresh` new blocks. */
void score(struct scores *scores, int type, int fresh);
/* With scores, calls that reach new code are made more often; NULL: all alike. */
void generate(struct program *program, const struct scores *scores, uint64_t *random);
/* Changes a program that ends with the call that reached something. `other`: a program from which calls may be taken. */
void mutate(struct program *program, const struct program *other, const struct scores *scores, uint64_t *random);

/* execute.c */
void prepare_execution(void);
/* The calls that were made. `seen(i)` is called after call i. */
void execute(const struct program *program, void (*seen)(int index));

/* text.c: a program is a line for each call, "name argument ...", and an empty line. */
int write_program(char *text, int size, const struct program *program);
/* Reads the next program of a text and moves it on; 0 at the end. */
int read_program(const char **text, struct program *program);
#endif
