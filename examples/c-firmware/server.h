/* The server's side: images, and deltas that a device with little memory can apply. */
#ifndef SERVER_H
#define SERVER_H

#include "updater.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
  uint8_t *bytes;
  size_t size;
  uint8_t digest[PATCHCORE_DIGEST_SIZE];
  bool crashes; /* verified, signed and all, but it does not run */
};

struct update {
  const char *name;
  const struct image *from;
  const struct image *to;
  patchcore_buffer delta;
  struct update_offer offer;
};

/* Every function here ends the process with a message when it fails: without a server there is nothing to show. */

struct image server_make_image(size_t size, uint64_t seed, unsigned version);
struct image server_read_image(const char *path);
struct image server_break_image(const struct image *whole);
void server_make_update(struct update *update, const char *name, const struct image *from, const struct image *to,
                        const char *signature);

/* The text of a key or signature file. */
char *server_read_text(const char *path);

#endif
