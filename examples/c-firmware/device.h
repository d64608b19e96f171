/* The device: what happens between power on and the next reset. */
#ifndef DEVICE_H
#define DEVICE_H

#include "flash.h"
#include "server.h"

#include <patchcore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is around the device: its power, its server, and the key that was put in it in the factory. */
struct device_world {
  struct flash_power power;
  const struct update *update; /* on offer; NULL: none */
  uint32_t fallbacks;          /* the server withdraws its offer when the device says that it fell back more often */
  const char *public_key;
};

/* What somebody outside sees of it, also when its power failed. */
struct device_report {
  bool booted;
  uint32_t slot;
  uint64_t size;
  uint32_t fallbacks;
  bool began_update;
  bool resumed_update;
  size_t longest_work;
  patchcore_status refused; /* why the update was given up */
};

enum device_end {
  DEVICE_IDLE = 0,  /* runs, and there is nothing to do */
  DEVICE_RESET = 1, /* wants to start again: after an update, or because it crashed */
  DEVICE_DEAD = 2,  /* nothing to start, or its flash failed: must never happen */
  DEVICE_REFUSED = 3
};

enum device_end device_run(const struct device_world *world, struct device_report *report);

#endif
