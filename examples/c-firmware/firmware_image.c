/* The image generator: a linker in small. Functions get addresses in an order, then their words are written. */
#include "firmware_image.h"

#include "chance.h"

#include <stdlib.h>

#define FLASH_ADDRESS 0x08000000u

struct function {
  uint64_t seed;
  uint32_t words;
  uint32_t address;
  unsigned revision;
};

static size_t put_word(uint8_t *image, size_t offset, uint32_t word) {
  for (int byte = 0; byte < 4; byte++) {
    image[offset++] = (uint8_t)(word >> (8 * byte));
  }
  return offset;
}

/* Every function is the same in all versions, but for one in 40 that each later version revises. */
static struct function describe(uint64_t seed, uint32_t number, unsigned version) {
  struct function made = {seed + number * 0x9E3779B97F4A7C15u, 0, 0, 0};
  uint64_t chance = made.seed;

  made.words = 16 + chance_below(&chance, 128);
  for (unsigned later = 1; later < version; later++) {
    if (chance_below(&chance, 40) == 0) {
      made.revision = later;
      made.words += chance_below(&chance, 8);
    }
  }
  return made;
}

/* Later versions begin with functions that the first one has further behind. */
static uint32_t number_at(uint32_t position, uint32_t count, unsigned version) {
  uint32_t moved = count / 50 * (version - 1);
  uint32_t from = count / 2;

  if (position < moved) {
    return from + position;
  }
  return position < from + moved ? position - moved : position;
}

static size_t put_function(uint8_t *image, size_t offset, const struct function *made, const struct function *all,
                           uint32_t count) {
  static const uint32_t opcodes[] = {0xE3A00000, 0xE5900000, 0xE5800000, 0xE0800000, 0xE2800000, 0xE3500000,
                                     0x0A000000, 0xE1A00000, 0xE92D4000, 0xE8BD8000, 0xE59F0000, 0xE2400000};
  uint64_t chance = made->seed;

  for (uint32_t word = 0; word < made->words; word++) {
    uint64_t drawn = chance_next(&chance);
    const struct function *target = &all[(drawn >> 16) % count];
    uint32_t here = made->address + 4 * word;
    switch (drawn % 16) {
    case 0: /* a call, relative to where it stands */
    case 1:
      offset = put_word(image, offset, 0xEB000000u | (((target->address - here) >> 2) & 0x00FFFFFFu));
      break;
    case 2: /* a pointer */
      offset = put_word(image, offset, target->address);
      break;
    case 3: /* a constant, which a revision changes */
      offset = put_word(image, offset, (uint32_t)(drawn >> 40) + made->revision * 0x101u);
      break;
    default:
      offset = put_word(image, offset, opcodes[(drawn >> 4) % 12] | ((uint32_t)(drawn >> 24) & 0x0000F01Fu));
    }
  }
  return offset;
}

void firmware_image_make(uint8_t *image, size_t size, uint64_t seed, unsigned version) {
  size_t code = size / 4 * 3;
  uint32_t count = (uint32_t)(code / (4 * 100));
  struct function *functions = malloc((count + 1) * sizeof *functions);
  uint64_t chance = seed;
  size_t offset = 0;

  if (functions == NULL) {
    abort();
  }
  for (uint32_t number = 0; number < count; number++) {
    functions[number] = describe(seed, number, version);
  }
  uint32_t address = FLASH_ADDRESS;
  for (uint32_t position = 0; position < count; position++) {
    struct function *placed = &functions[number_at(position, count, version)];
    placed->address = address;
    address += 4 * placed->words;
  }
  for (uint32_t position = 0; position < count; position++) {
    const struct function *placed = &functions[number_at(position, count, version)];
    offset = put_function(image, offset, placed, functions, count);
  }
  /* Data: tables of small numbers, one in 500 of which a version changes. */
  while (offset < size) {
    uint64_t drawn = chance_next(&chance);
    unsigned change = (drawn >> 32) % 500 == 0 ? version : 0;
    image[offset++] = (uint8_t)((drawn & 0x3Fu) + change);
  }
  free(functions);
}
