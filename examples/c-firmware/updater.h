/* The updater: turns the delta of an offer, packet by packet, into a verified image in the inactive slot.
 *
 * This is the part to copy into a product. It needs a flash driver (flash.h), records that survive a power cut
 * (record.h), a boot loader that can be told what to start next (bootloader.h) and a watchdog. */
#ifndef UPDATER_H
#define UPDATER_H

#include "bootloader.h"
#include "flash.h"

#include <patchcore.h>

/* What the library may allocate; the server makes deltas that fit (max_apply_memory). */
#define UPDATER_MEMORY (256u * 1024u)
/* How much one push may do, roughly: what the watchdog must bear between two kicks. */
#define UPDATER_WORK (32u * 1024u)
/* How much of the new image may have to be made again after a power cut. */
#define UPDATER_CHECKPOINT_EVERY (64u * 1024u)

/* What the server says of an update before its first packet. */
struct update_offer {
  uint64_t delta_size;
  uint8_t delta_digest[PATCHCORE_DIGEST_SIZE];
  const char *signature; /* text of the .minisig file of the new image, or NULL */
};

/* What has to be known to go on after a power cut; saved as a record. */
struct update_progress {
  uint8_t delta_digest[PATCHCORE_DIGEST_SIZE]; /* of which update this is the progress … */
  uint32_t installs;                           /* … since which boot state */
  uint32_t checkpoint_size;
  uint8_t checkpoint[PATCHCORE_CHECKPOINT_SIZE];
  uint8_t sector[FLASH_SECTOR_SIZE]; /* the one that is being filled and not in the slot yet */
};

struct updater {
  struct boot_state *boot;
  enum flash_region old_slot;
  enum flash_region new_slot;
  patchcore_applier *applier;
  uint64_t next_checkpoint; /* when so much of the new image is written */
  uint64_t packet_offset;   /* where in the delta the next packet begins */
  int resumed;              /* 1: goes on where a power cut ended it */
  struct update_progress progress;
};

/* Begins the update on offer, or goes on with it. public_key: a minisign public key (text), or NULL where images are
 * not signed. out_error may be NULL here and below. */
patchcore_status updater_start(struct updater *updater, struct boot_state *boot, const struct update_offer *offer,
                               const char *public_key, patchcore_error **out_error);

/* Takes the packet that begins at packet_offset, and moves packet_offset on. */
patchcore_status updater_take_packet(struct updater *updater, const uint8_t *packet, size_t length,
                                     patchcore_error **out_error);

/* After the last packet: verifies what is really in the slot, and only then has it started at the next boot. */
patchcore_status updater_finish(struct updater *updater, patchcore_error **out_error);

/* In any case, at the end. */
void updater_free(struct updater *updater);

#endif
