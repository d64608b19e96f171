/* Boot decisions. Each of them is one save of the boot state, so that a power cut leaves the one before or the one
 * after. */
#include "bootloader.h"

#include "record.h"
#include "watchdog.h"

#include <string.h>

static int save(const struct boot_state *state) { return record_save(FLASH_BOOT_STATE, state, sizeof *state); }

static int read_slot(void *region, uint64_t offset, uint8_t *data, size_t length) {
  watchdog_kick();
  return flash_read(*(enum flash_region *)region, offset, data, length);
}

static bool is_whole(const struct boot_state *state, uint32_t slot) {
  const struct boot_image *image = &state->images[slot];
  enum flash_region region = bootloader_slot(slot);
  uint8_t digest[PATCHCORE_DIGEST_SIZE];

  if (image->size == 0) {
    return false;
  }
  patchcore_input input = patchcore_input_callback(read_slot, &region, image->size);
  return patchcore_digest_of(&input, NULL, digest, NULL) == PATCHCORE_OK &&
         memcmp(digest, image->digest, sizeof digest) == 0;
}

int bootloader_start(struct boot_state *state) {
  if (!record_load(FLASH_BOOT_STATE, state, sizeof *state)) {
    return -1;
  }

  uint32_t other = 1 - state->active;
  bool failed_its_trial = state->on_trial && state->tries_left == 0;
  bool active_is_whole = is_whole(state, state->active);

  if (active_is_whole && !failed_its_trial) {
    if (!state->on_trial) {
      return 0;
    }
    /* Counted before the image runs: it may never come back. */
    state->tries_left--;
    return save(state);
  }
  if (!is_whole(state, other)) {
    return active_is_whole ? 0 : -1;
  }
  state->images[state->active].size = 0;
  state->active = other;
  state->on_trial = 0;
  state->fallbacks++;
  return save(state);
}

int bootloader_confirm(struct boot_state *state) {
  if (!state->on_trial) {
    return 0;
  }
  state->on_trial = 0;
  return save(state);
}

int bootloader_give_up_inactive(struct boot_state *state) {
  uint32_t inactive = 1 - state->active;

  if (state->images[inactive].size == 0) {
    return 0;
  }
  state->images[inactive].size = 0;
  return save(state);
}

int bootloader_install(struct boot_state *state, const struct boot_image *image) {
  uint32_t slot = 1 - state->active;

  state->images[slot] = *image;
  state->active = slot;
  state->on_trial = 1;
  state->tries_left = BOOTLOADER_TRIES;
  state->installs++;
  return save(state);
}

int bootloader_provision(const struct boot_image *image) {
  struct boot_state state;

  memset(&state, 0, sizeof state);
  state.images[0] = *image;
  return save(&state);
}
