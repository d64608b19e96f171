/* Makes what the device will be offered, through the same library. */
#include "server.h"

#include "firmware_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(patchcore_status status, patchcore_error *error) {
  if (status != PATCHCORE_OK) {
    fprintf(stderr, "c-firmware: %s\n", patchcore_error_message(error));
    exit(1);
  }
}

static void must_be_there(bool there, const char *what) {
  if (!there) {
    fprintf(stderr, "c-firmware: cannot read or hold %s\n", what);
    exit(1);
  }
}

static struct image with_digest(uint8_t *bytes, size_t size) {
  struct image made = {bytes, size, {0}, false};
  patchcore_input input = patchcore_input_memory(bytes, size);
  patchcore_error *error = NULL;

  must(patchcore_digest_of(&input, NULL, made.digest, &error), error);
  return made;
}

struct image server_make_image(size_t size, uint64_t seed, unsigned version) {
  uint8_t *bytes = malloc(size);

  must_be_there(bytes != NULL, "an image");
  firmware_image_make(bytes, size, seed, version);
  return with_digest(bytes, size);
}

/* The bytes of a file and a NUL behind them. */
static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  must_be_there(file != NULL && fseek(file, 0, SEEK_END) == 0, path);

  long end = ftell(file);
  must_be_there(end >= 0 && fseek(file, 0, SEEK_SET) == 0, path);

  char *bytes = malloc((size_t)end + 1);
  must_be_there(bytes != NULL && fread(bytes, 1, (size_t)end, file) == (size_t)end, path);
  fclose(file);
  bytes[end] = '\0';
  *size = (size_t)end;
  return bytes;
}

struct image server_read_image(const char *path) {
  size_t size;
  char *bytes = read_file(path, &size);

  must_be_there(size > 0, path);
  return with_digest((uint8_t *)bytes, size);
}

char *server_read_text(const char *path) {
  size_t size;

  return read_file(path, &size);
}

struct image server_break_image(const struct image *whole) {
  uint8_t *bytes = malloc(whole->size);

  must_be_there(bytes != NULL, "an image");
  memcpy(bytes, whole->bytes, whole->size);
  /* Where the vector table would be. */
  for (size_t i = 0; i < 64 && i < whole->size; i++) {
    bytes[i] ^= 0xA5;
  }
  struct image broken = with_digest(bytes, whole->size);
  broken.crashes = true;
  return broken;
}

void server_make_update(struct update *update, const char *name, const struct image *from, const struct image *to,
                        const char *signature) {
  patchcore_input old_file = patchcore_input_memory(from->bytes, from->size);
  patchcore_input new_file = patchcore_input_memory(to->bytes, to->size);
  patchcore_output output = patchcore_output_memory(&update->delta);
  patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
  patchcore_error *error = NULL;

  update->name = name;
  update->from = from;
  update->to = to;
  options.max_apply_memory = UPDATER_MEMORY;
  must(patchcore_delta_diff(&old_file, &new_file, &output, &options, NULL, NULL, &error), error);

  patchcore_input delta = patchcore_input_memory(update->delta.data, update->delta.len);
  must(patchcore_digest_of(&delta, NULL, update->offer.delta_digest, &error), error);
  update->offer.delta_size = update->delta.len;
  update->offer.signature = signature;
}
