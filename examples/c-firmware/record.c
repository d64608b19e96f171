/* Records: two copies in turn, each with a sequence number and a checksum. */
#include "record.h"

#include <string.h>

struct header {
  uint32_t size;
  uint32_t sequence;
  uint32_t checksum; /* CRC-32 of size, sequence and payload */
};

static uint32_t crc32_update(uint32_t crc, const void *data, size_t length) {
  const uint8_t *bytes = data;

  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
  }
  return crc;
}

static uint32_t checksum_start(const struct header *header) {
  uint32_t crc = crc32_update(0xFFFFFFFFu, &header->size, sizeof header->size);
  return crc32_update(crc, &header->sequence, sizeof header->sequence);
}

static uint64_t copy_offset(int copy, size_t size) {
  size_t sectors = (sizeof(struct header) + size + FLASH_SECTOR_SIZE - 1) / FLASH_SECTOR_SIZE;
  return (uint64_t)copy * sectors * FLASH_SECTOR_SIZE;
}

static bool copy_is_whole(enum flash_region region, int copy, size_t size, struct header *found) {
  uint64_t offset = copy_offset(copy, size);
  uint8_t piece[256];

  if (flash_read(region, offset, found, sizeof *found) != 0 || found->size != size) {
    return false;
  }
  offset += sizeof *found;
  uint32_t crc = checksum_start(found);
  for (size_t left = size; left > 0;) {
    size_t length = left < sizeof piece ? left : sizeof piece;
    if (flash_read(region, offset, piece, length) != 0) {
      return false;
    }
    crc = crc32_update(crc, piece, length);
    offset += length;
    left -= length;
  }
  return crc == found->checksum;
}

/* Which copy counts, 0 or 1; -1: none. */
static int newest_copy(enum flash_region region, size_t size, uint32_t *sequence) {
  int newest = -1;

  for (int copy = 0; copy < 2; copy++) {
    struct header found;
    /* The difference, not the order of the numbers, so that a sequence may wrap around. */
    if (copy_is_whole(region, copy, size, &found) && (newest < 0 || (int32_t)(found.sequence - *sequence) > 0)) {
      newest = copy;
      *sequence = found.sequence;
    }
  }
  return newest;
}

bool record_load(enum flash_region region, void *payload, size_t size) {
  uint32_t sequence = 0;
  int copy = newest_copy(region, size, &sequence);

  return copy >= 0 && flash_read(region, copy_offset(copy, size) + sizeof(struct header), payload, size) == 0;
}

int record_save(enum flash_region region, const void *payload, size_t size) {
  uint32_t sequence = 0;
  int copy = newest_copy(region, size, &sequence) == 0 ? 1 : 0;
  uint64_t start = copy_offset(copy, size);
  uint64_t end = copy_offset(copy + 1, size);
  struct header next = {(uint32_t)size, sequence + 1, 0};

  next.checksum = crc32_update(checksum_start(&next), payload, size);
  for (uint64_t sector = start; sector < end; sector += FLASH_SECTOR_SIZE) {
    if (flash_erase(region, sector) != 0) {
      return -1;
    }
  }
  if (flash_program(region, start, &next, sizeof next) != 0 ||
      flash_program(region, start + sizeof next, payload, size) != 0) {
    return -1;
  }
  return flash_flush();
}
