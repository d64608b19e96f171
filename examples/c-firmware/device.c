/* One life of the device: boot, run, ask for an update, take it. */
#include "device.h"

#include "bootloader.h"
#include "updater.h"
#include "watchdog.h"

#include <stdio.h>
#include <string.h>

#define PACKET_SIZE 1024u

/* A radio that brings the packet that begins at this offset of the delta. */
static size_t receive(const struct update *update, uint64_t offset, uint8_t *packet) {
  uint64_t left = update->offer.delta_size - offset;
  size_t length = left < PACKET_SIZE ? (size_t)left : PACKET_SIZE;

  memcpy(packet, update->delta.data + offset, length);
  return length;
}

static patchcore_status take_update(const struct device_world *world, struct boot_state *boot,
                                    struct device_report *report, patchcore_error **error) {
  static struct updater updater;
  const struct update_offer *offer = &world->update->offer;
  uint8_t packet[PACKET_SIZE];

  patchcore_status status = updater_start(&updater, boot, offer, world->public_key, error);
  report->began_update = true;
  report->resumed_update = updater.resumed;
  while (status == PATCHCORE_OK && updater.packet_offset < offer->delta_size) {
    size_t length = receive(world->update, updater.packet_offset, packet);
    status = updater_take_packet(&updater, packet, length, error);
    report->longest_work = watchdog_longest();
  }
  if (status == PATCHCORE_OK) {
    status = updater_finish(&updater, error);
  }
  report->longest_work = watchdog_longest();
  updater_free(&updater);
  return status;
}

static bool runs(const struct boot_state *boot, const struct image *image) {
  return memcmp(boot->images[boot->active].digest, image->digest, sizeof image->digest) == 0;
}

enum device_end device_run(const struct device_world *world, struct device_report *report) {
  struct boot_state boot;

  if (flash_power_on(&world->power) != 0 || bootloader_start(&boot) != 0) {
    return DEVICE_DEAD;
  }
  report->slot = boot.active;
  report->size = boot.images[boot.active].size;
  report->fallbacks = boot.fallbacks;
  report->booted = true;

  /* From here on the firmware of the active slot runs. */
  const struct update *update = world->update;
  if (update != NULL && update->to->crashes && runs(&boot, update->to)) {
    return DEVICE_RESET;
  }
  if (bootloader_confirm(&boot) != 0) {
    return DEVICE_DEAD;
  }
  if (update == NULL || runs(&boot, update->to) || boot.fallbacks != world->fallbacks) {
    return DEVICE_IDLE;
  }

  patchcore_error *error = NULL;
  patchcore_status status = take_update(world, &boot, report, &error);
  if (status != PATCHCORE_OK) {
    fprintf(stderr, "device: %s: %s\n", patchcore_status_name(status), patchcore_error_message(error));
    patchcore_error_free(error);
    report->refused = status;
    return DEVICE_REFUSED;
  }
  return DEVICE_RESET;
}
