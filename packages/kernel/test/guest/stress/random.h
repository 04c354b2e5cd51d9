/* Seeded random numbers (xorshift64*), and telling the runner how things went. */
#ifndef RANDOM_H
#define RANDOM_H
#include "../processes.h"

static _Thread_local uint64_t random_state = 1;
__attribute__((unused)) static void seed_random(uint64_t seed) { random_state = seed * 0x9e3779b97f4a7c15UL + 1; }
__attribute__((unused)) static uint64_t random64(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1dUL;
}
/* Below n. */
__attribute__((unused)) static uint64_t below(uint64_t n) { return random64() % n; }
/* A number of a size that is itself random. */
__attribute__((unused)) static uint64_t any_size(void) { return random64() >> below(64); }
#endif
