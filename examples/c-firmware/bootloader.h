/* The boot loader: starts the slot that holds a whole image and proves itself, else the other one. */
#ifndef BOOTLOADER_H
#define BOOTLOADER_H

#include "flash.h"

#include <patchcore.h>
#include <stdbool.h>

#define BOOTLOADER_TRIES 3u

struct boot_image {
  uint64_t size; /* 0: the slot holds nothing that could be started */
  uint8_t digest[PATCHCORE_DIGEST_SIZE];
};

/* All that has to be known to start; changes as a whole (record.h). */
struct boot_state {
  struct boot_image images[2]; /* of slot A and of slot B */
  uint32_t active;
  uint32_t on_trial; /* 1: the active image has not proved itself yet */
  uint32_t tries_left;
  uint32_t installs;  /* how many images were put in place so far */
  uint32_t fallbacks; /* how many of them were given up again: the server wants to know */
};

/* Picks the slot to start and says so in the boot state. -1: nothing here can be started. */
int bootloader_start(struct boot_state *state);

/* The image that runs has proved itself. */
int bootloader_confirm(struct boot_state *state);

/* Before the first byte of the inactive slot changes: nothing can fall back to it from now on. */
int bootloader_give_up_inactive(struct boot_state *state);

/* The inactive slot holds this image, whole and verified: starts it from the next boot on, on trial. */
int bootloader_install(struct boot_state *state, const struct boot_image *image);

/* In the factory, with the image already in slot A. */
int bootloader_provision(const struct boot_image *image);

static inline enum flash_region bootloader_slot(uint32_t slot) { return slot == 0 ? FLASH_SLOT_A : FLASH_SLOT_B; }

#endif
