/* The updater. The order of what becomes durable is what keeps it safe:
 *
 *   boot state: nothing can fall back to the inactive slot
 *   the slot's sectors, then a checkpoint that counts on them, and so on
 *   the whole image, verified from flash
 *   boot state: start the new slot
 *
 * A sector is programmed when it is full. What fills the last one at a checkpoint is saved with the checkpoint, so
 * every sector is erased once and programmed once, which suits flash with error-correcting words too. */
#include "updater.h"

#include "record.h"
#include "watchdog.h"

#include <string.h>

/* ---- The device, as the library sees it ---- */

static int program_sector(struct updater *updater, uint64_t offset, size_t length) {
  if (flash_erase(updater->new_slot, offset) != 0) {
    return -1;
  }
  return flash_program(updater->new_slot, offset, updater->progress.sector, length);
}

static int read_old(void *user_data, uint64_t offset, uint8_t *data, size_t length) {
  const struct updater *updater = user_data;
  return flash_read(updater->old_slot, offset, data, length);
}

static int write_new(void *user_data, uint64_t offset, const uint8_t *data, size_t length) {
  struct updater *updater = user_data;

  while (length > 0) {
    size_t filled = (size_t)(offset % FLASH_SECTOR_SIZE);
    size_t room = FLASH_SECTOR_SIZE - filled;
    size_t piece = length < room ? length : room;
    memcpy(updater->progress.sector + filled, data, piece);
    if (piece == room && program_sector(updater, offset - filled, FLASH_SECTOR_SIZE) != 0) {
      return -1;
    }
    offset += piece;
    data += piece;
    length -= piece;
  }
  return 0;
}

static int flush(void *user_data) {
  (void)user_data;
  return flash_flush();
}

/* Only for the verification at the end, which reads the whole image in one call: hence the kick. */
static int read_new(void *user_data, uint64_t offset, uint8_t *data, size_t length) {
  const struct updater *updater = user_data;
  watchdog_kick();
  return flash_read(updater->new_slot, offset, data, length);
}

/* ---- Progress that outlives a power cut ---- */

static patchcore_status save_progress(struct updater *updater) {
  return record_save(FLASH_UPDATE_PROGRESS, &updater->progress, sizeof updater->progress) == 0 ? PATCHCORE_OK
                                                                                               : PATCHCORE_IO;
}

static patchcore_status forget_progress(struct updater *updater) {
  memset(&updater->progress, 0, sizeof updater->progress);
  return save_progress(updater);
}

static int has_progress_of(struct updater *updater, const struct update_offer *offer) {
  struct update_progress *progress = &updater->progress;

  return record_load(FLASH_UPDATE_PROGRESS, progress, sizeof *progress) &&
         memcmp(progress->delta_digest, offer->delta_digest, sizeof progress->delta_digest) == 0 &&
         progress->installs == updater->boot->installs && progress->checkpoint_size <= sizeof progress->checkpoint;
}

static patchcore_status save_checkpoint(struct updater *updater, patchcore_error **out_error) {
  struct update_progress *progress = &updater->progress;
  size_t size;
  patchcore_status status = patchcore_applier_checkpoint(updater->applier, progress->checkpoint,
                                                         sizeof progress->checkpoint, &size, out_error);
  if (status != PATCHCORE_OK) {
    return status;
  }
  progress->checkpoint_size = (uint32_t)size;
  return save_progress(updater);
}

/* ---- The update ---- */

static patchcore_status start_anew(struct updater *updater, const struct update_offer *offer,
                                   const patchcore_device *device, const patchcore_applier_options *options,
                                   patchcore_error **out_error) {
  patchcore_status status = patchcore_applier_new(device, options, &updater->applier, out_error);
  if (status != PATCHCORE_OK) {
    return status;
  }
  /* Older progress counts on sectors that are about to be erased. */
  status = forget_progress(updater);
  if (status == PATCHCORE_OK && bootloader_give_up_inactive(updater->boot) != 0) {
    status = PATCHCORE_IO;
  }
  memcpy(updater->progress.delta_digest, offer->delta_digest, sizeof offer->delta_digest);
  updater->progress.installs = updater->boot->installs;
  return status;
}

patchcore_status updater_start(struct updater *updater, struct boot_state *boot, const struct update_offer *offer,
                               const char *public_key, patchcore_error **out_error) {
  memset(updater, 0, sizeof *updater);
  updater->boot = boot;
  updater->old_slot = bootloader_slot(boot->active);
  updater->new_slot = bootloader_slot(1 - boot->active);

  patchcore_device device = PATCHCORE_DEVICE_INIT;
  device.user_data = updater;
  device.old_size = boot->images[boot->active].size;
  device.read_old = read_old;
  device.write_new = write_new;
  device.flush = flush;
  device.read_new = read_new;

  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_memory = UPDATER_MEMORY;
  options.max_output = flash_size(updater->new_slot);
  options.max_work = UPDATER_WORK;
  if (public_key != NULL) {
    options.public_key = public_key;
    options.public_key_len = PATCHCORE_NUL_TERMINATED;
    options.signature = offer->signature;
    options.signature_len = offer->signature == NULL ? 0 : PATCHCORE_NUL_TERMINATED;
  }

  uint64_t written = 0;
  if (has_progress_of(updater, offer) &&
      patchcore_applier_resume(&device, &options, updater->progress.checkpoint, updater->progress.checkpoint_size,
                               &updater->applier, &updater->packet_offset, &written, NULL) == PATCHCORE_OK) {
    updater->resumed = 1;
    updater->next_checkpoint = written + UPDATER_CHECKPOINT_EVERY;
    return PATCHCORE_OK;
  }
  updater->next_checkpoint = UPDATER_CHECKPOINT_EVERY;
  return start_anew(updater, offer, &device, &options, out_error);
}

patchcore_status updater_take_packet(struct updater *updater, const uint8_t *packet, size_t length,
                                     patchcore_error **out_error) {
  while (length > 0) {
    size_t taken;
    uint64_t written;
    watchdog_kick();
    patchcore_status status = patchcore_applier_push(updater->applier, packet, length, &taken, out_error);
    if (status == PATCHCORE_OK) {
      status = patchcore_applier_position(updater->applier, NULL, &written, out_error);
    }
    if (status == PATCHCORE_OK && written >= updater->next_checkpoint) {
      status = save_checkpoint(updater, out_error);
      updater->next_checkpoint = written + UPDATER_CHECKPOINT_EVERY;
    }
    if (status == PATCHCORE_CORRUPT || status == PATCHCORE_TARGET_MISMATCH) {
      /* What was written before may be wrong already. */
      forget_progress(updater);
    }
    if (status != PATCHCORE_OK) {
      return status;
    }
    packet += taken;
    length -= taken;
    updater->packet_offset += taken;
  }
  return PATCHCORE_OK;
}

patchcore_status updater_finish(struct updater *updater, patchcore_error **out_error) {
  uint64_t written;
  patchcore_apply_stats stats = PATCHCORE_APPLY_STATS_INIT;
  struct boot_image image;

  patchcore_status status = patchcore_applier_position(updater->applier, NULL, &written, out_error);
  if (status != PATCHCORE_OK) {
    return status;
  }
  size_t unfinished = (size_t)(written % FLASH_SECTOR_SIZE);
  if ((unfinished > 0 && program_sector(updater, written - unfinished, unfinished) != 0) || flash_flush() != 0) {
    return PATCHCORE_IO;
  }
  status = patchcore_applier_finish(updater->applier, &stats, out_error);
  if (status != PATCHCORE_OK) {
    /* What is in the slot is not the image, so no progress is worth going on from. */
    forget_progress(updater);
    return status;
  }
  image.size = stats.new_size;
  memcpy(image.digest, stats.new_digest, sizeof image.digest);
  return bootloader_install(updater->boot, &image) == 0 ? PATCHCORE_OK : PATCHCORE_IO;
}

void updater_free(struct updater *updater) {
  patchcore_applier_free(updater->applier);
  updater->applier = NULL;
}
