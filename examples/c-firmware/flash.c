/* The simulated chip: files for regions, a short queue of operations held back, and what a power cut makes of them. */
#include "flash.h"

#include "chance.h"
#include "watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_MOST 8
#define RECORD_REGION_SECTORS 4u

static const char *const region_names[FLASH_REGION_COUNT] = {"slot-a", "slot-b", "boot-state", "update-progress"};

/* One sector at most: erased, or programmed with data. */
struct operation {
  enum flash_region region;
  uint64_t offset;
  size_t length;
  bool erase;
  uint8_t data[FLASH_SECTOR_SIZE];
};

static struct {
  int files[FLASH_REGION_COUNT];
  uint64_t sizes[FLASH_REGION_COUNT];
  struct operation held[HELD_MOST];
  size_t held_count;
  uint32_t cut_one_in[FLASH_REGION_COUNT];
  uint64_t chance;
} chip;

/* The physics: what the first `landed` bytes of an operation do to `bytes`, which are those of its region from `offset`
 * on. */
static void act(const struct operation *operation, size_t landed, uint64_t offset, uint8_t *bytes, size_t length) {
  uint64_t start = operation->offset > offset ? operation->offset : offset;
  uint64_t end = operation->offset + landed < offset + length ? operation->offset + landed : offset + length;

  for (uint64_t at = start; at < end; at++) {
    if (operation->erase) {
      bytes[at - offset] = 0xFF;
    } else {
      bytes[at - offset] &= operation->data[at - operation->offset];
    }
  }
}

static int land(const struct operation *operation, size_t landed) {
  uint8_t bytes[FLASH_SECTOR_SIZE];
  int file = chip.files[operation->region];

  if (pread(file, bytes, landed, (off_t)operation->offset) != (ssize_t)landed) {
    return -1;
  }
  act(operation, landed, operation->offset, bytes, landed);
  return pwrite(file, bytes, landed, (off_t)operation->offset) == (ssize_t)landed ? 0 : -1;
}

static void power_may_fail(enum flash_region region) {
  uint32_t one_in = chip.cut_one_in[region];

  if (one_in == 0 || chance_below(&chip.chance, one_in) != 0) {
    return;
  }
  for (size_t i = 0; i < chip.held_count; i++) {
    const struct operation *held = &chip.held[i];
    switch (chance_below(&chip.chance, 3)) {
    case 0:
      break;
    case 1:
      land(held, chance_below(&chip.chance, (uint32_t)held->length));
      break;
    default:
      land(held, held->length);
    }
  }
  raise(SIGKILL);
}

/* Takes an operation into the queue, where a power cut finds it. */
static int hold(enum flash_region region, uint64_t offset, const void *data, size_t length) {
  if (chip.held_count == HELD_MOST) {
    if (land(&chip.held[0], chip.held[0].length) != 0) {
      return -1;
    }
    chip.held_count--;
    memmove(&chip.held[0], &chip.held[1], chip.held_count * sizeof chip.held[0]);
  }

  struct operation *next = &chip.held[chip.held_count++];
  next->region = region;
  next->offset = offset;
  next->length = length;
  next->erase = data == NULL;
  if (data != NULL) {
    memcpy(next->data, data, length);
  }
  watchdog_work(length);
  power_may_fail(region);
  return 0;
}

static bool is_inside(enum flash_region region, uint64_t offset, size_t length) {
  return offset <= chip.sizes[region] && length <= chip.sizes[region] - offset;
}

/* What the firmware would read: what is written, and what is held back. */
static int see(enum flash_region region, uint64_t offset, void *data, size_t length) {
  if (!is_inside(region, offset, length) || pread(chip.files[region], data, length, (off_t)offset) != (ssize_t)length) {
    return -1;
  }
  for (size_t i = 0; i < chip.held_count; i++) {
    if (chip.held[i].region == region) {
      act(&chip.held[i], chip.held[i].length, offset, data, length);
    }
  }
  return 0;
}

int flash_read(enum flash_region region, uint64_t offset, void *data, size_t length) {
  watchdog_work(length);
  return see(region, offset, data, length);
}

int flash_erase(enum flash_region region, uint64_t offset) {
  if (offset % FLASH_SECTOR_SIZE != 0 || !is_inside(region, offset, FLASH_SECTOR_SIZE)) {
    return -1;
  }
  return hold(region, offset, NULL, FLASH_SECTOR_SIZE);
}

static void must_be_erased(enum flash_region region, uint64_t offset, size_t length) {
  uint8_t bytes[FLASH_SECTOR_SIZE];

  if (see(region, offset, bytes, length) != 0) {
    return;
  }
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != 0xFF) {
      fprintf(stderr, "flash: %s programmed at %llu without an erase\n", region_names[region],
              (unsigned long long)(offset + i));
      abort();
    }
  }
}

int flash_program(enum flash_region region, uint64_t offset, const void *data, size_t length) {
  const uint8_t *bytes = data;

  if (!is_inside(region, offset, length)) {
    return -1;
  }
  while (length > 0) {
    size_t room = FLASH_SECTOR_SIZE - (size_t)(offset % FLASH_SECTOR_SIZE);
    size_t piece = length < room ? length : room;
    must_be_erased(region, offset, piece);
    if (hold(region, offset, bytes, piece) != 0) {
      return -1;
    }
    offset += piece;
    bytes += piece;
    length -= piece;
  }
  return 0;
}

int flash_flush(void) {
  if (chip.held_count == 0) {
    return 0;
  }
  power_may_fail(chip.held[chip.held_count - 1].region);
  for (size_t i = 0; i < chip.held_count; i++) {
    if (land(&chip.held[i], chip.held[i].length) != 0) {
      return -1;
    }
  }
  chip.held_count = 0;
  return 0;
}

uint64_t flash_size(enum flash_region region) { return chip.sizes[region]; }

void flash_path(const char *directory, enum flash_region region, char *path, size_t capacity) {
  snprintf(path, capacity, "%s/%s", directory, region_names[region]);
}

int flash_manufacture(const char *directory, uint64_t slot_size) {
  uint8_t erased[FLASH_SECTOR_SIZE];
  memset(erased, 0xFF, sizeof erased);

  for (int region = 0; region < FLASH_REGION_COUNT; region++) {
    char path[4096];
    bool is_slot = region == FLASH_SLOT_A || region == FLASH_SLOT_B;
    uint64_t sectors = is_slot ? slot_size / FLASH_SECTOR_SIZE : RECORD_REGION_SECTORS;

    flash_path(directory, (enum flash_region)region, path, sizeof path);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
      return -1;
    }
    while (sectors > 0 && fwrite(erased, sizeof erased, 1, file) == 1) {
      sectors--;
    }
    if (fclose(file) != 0 || sectors > 0) {
      return -1;
    }
  }
  return 0;
}

int flash_power_on(const struct flash_power *power) {
  chip.held_count = 0;
  chip.chance = power->seed;
  for (int region = 0; region < FLASH_REGION_COUNT; region++) {
    char path[4096];
    struct stat status;
    bool is_slot = region == FLASH_SLOT_A || region == FLASH_SLOT_B;

    flash_path(power->directory, (enum flash_region)region, path, sizeof path);
    chip.files[region] = open(path, O_RDWR);
    if (chip.files[region] < 0 || fstat(chip.files[region], &status) != 0) {
      return -1;
    }
    chip.sizes[region] = (uint64_t)status.st_size;
    chip.cut_one_in[region] = is_slot ? power->slot_cut : power->record_cut;
  }
  return 0;
}
