/* The least that a C test needs: EXPECT counts and prints failures, main returns `failures != 0`. */
#ifndef EXPECT_H
#define EXPECT_H
#include <stdio.h>
#include <stdlib.h>

extern int failures;

#define EXPECT(condition)                                                                 \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 20)                        \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                   \
    }                                                                                     \
  } while (0)

/* For what the test cannot go on without. */
#define MUST(condition)                                                                   \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                     \
      perror("");                                                                         \
      exit(2);                                                                            \
    }                                                                                     \
  } while (0)
#endif
