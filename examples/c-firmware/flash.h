/* A simulated NOR flash chip, as unforgiving as a real one, whose power can fail at any operation.
 *
 * Erasing sets a sector to 0xFF, programming only clears bits: programming a place that is not erased ends the process,
 * because it is a mistake of the firmware. The chip may hold operations back until a flush. When power fails, each
 * operation that it held back has happened, or not, or only for its first bytes, whatever became of the others. */
#ifndef FLASH_H
#define FLASH_H

#include <stddef.h>
#include <stdint.h>

#define FLASH_SECTOR_SIZE 4096u

/* Each is a file of its own. */
enum flash_region { FLASH_SLOT_A, FLASH_SLOT_B, FLASH_BOOT_STATE, FLASH_UPDATE_PROGRESS, FLASH_REGION_COUNT };

/* ---- What a driver offers. All return 0, or -1 where the hardware failed or the range is outside the region. ---- */

int flash_read(enum flash_region region, uint64_t offset, void *data, size_t length);

/* Erases the sector that begins at offset. */
int flash_erase(enum flash_region region, uint64_t offset);

/* Programs bytes that may cross sectors; what the chip has not written yet is read back all the same. */
int flash_program(enum flash_region region, uint64_t offset, const void *data, size_t length);

/* On return everything before it is durable. */
int flash_flush(void);

uint64_t flash_size(enum flash_region region);

/* ---- The simulation's side ---- */

struct flash_power {
  const char *directory; /* holds the regions' files */
  uint64_t seed;
  uint32_t slot_cut;   /* power fails at one in so many operations on a slot; 0: never */
  uint32_t record_cut; /* the same for the other regions, where few operations decide everything */
};

/* Makes an empty chip: every region erased. */
int flash_manufacture(const char *directory, uint64_t slot_size);

/* Opens the chip for this process, which is killed when power fails. */
int flash_power_on(const struct flash_power *power);

/* The file of a region, for whoever looks at the chip from outside. */
void flash_path(const char *directory, enum flash_region region, char *path, size_t capacity);

#endif
