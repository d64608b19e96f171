/* Chance that a seed repeats: the same run, cut for cut, from the same --seed. */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

/* SplitMix64: the next number of a sequence. */
static inline uint64_t chance_next(uint64_t *state) {
  uint64_t number = *state += 0x9E3779B97F4A7C15u;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

/* One of 0 … bound - 1. */
static inline uint32_t chance_below(uint64_t *state, uint32_t bound) {
  return (uint32_t)((chance_next(state) >> 32) % bound);
}

#endif
