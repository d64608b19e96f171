/* The watchdog bites: work between two kicks is counted, and too much of it ends the process. */
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>

static size_t since_kick;
static size_t longest;

void watchdog_kick(void) { since_kick = 0; }

void watchdog_work(size_t bytes) {
  since_kick += bytes;
  if (since_kick > longest) {
    longest = since_kick;
  }
  if (since_kick > WATCHDOG_LIMIT) {
    fprintf(stderr, "watchdog: %zu bytes of flash work without a kick\n", since_kick);
    abort();
  }
}

size_t watchdog_longest(void) { return longest; }
