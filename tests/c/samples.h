/* What the tests apply, and the callbacks that they give: versions of a file, sources that count and fail, sinks. */

#ifndef PATCHCORE_TESTS_SAMPLES_H
#define PATCHCORE_TESTS_SAMPLES_H

#include "files.h"

static inline uint32_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33);
}

/* Something between code and noise: a few words, tables that count, stretches of zeros. */
static inline bytes image(size_t len, uint64_t seed) {
  bytes made = bytes_new(len);
  uint64_t state = seed;
  size_t at = 0;
  while (at < len) {
    const uint32_t kind = next_random(&state) % 8;
    size_t end = at + 64 + next_random(&state) % 512;
    end = end < len ? end : len;
    for (uint32_t counter = next_random(&state); at < end; at++, counter += 4) {
      if (kind == 0) {
        made.data[at] = 0;
      } else if (kind == 1) {
        made.data[at] = (uint8_t)(at % 4 == 0 ? counter : 0x12);
      } else if (kind < 5) {
        made.data[at] = (uint8_t) "the quick brown fox jumps"[next_random(&state) % 25];
      } else {
        made.data[at] = (uint8_t)next_random(&state);
      }
    }
  }
  return made;
}

/* The same with `changes` stretches of it changed, and some bytes inserted in front of the second half. */
static inline bytes successor(bytes old, size_t changes, uint64_t seed) {
  uint64_t state = seed;
  const size_t inserted = old.len < 64 ? 0 : 13;
  const size_t middle = old.len / 2;
  bytes made = bytes_new(old.len + inserted);
  memcpy(made.data, old.data, middle);
  memset(made.data + middle, 'i', inserted);
  memcpy(made.data + middle + inserted, old.data + middle, old.len - middle);
  for (size_t i = 0; i < changes && made.len > 0; i++) {
    const size_t start = next_random(&state) % made.len;
    for (size_t at = start; at < made.len && at < start + 5; at++) {
      made.data[at] = (uint8_t)(made.data[at] + 1 + next_random(&state) % 3);
    }
  }
  return made;
}

static inline patchcore_input input_of(bytes content) { return patchcore_input_memory(content.data, content.len); }

static inline bytes taken(patchcore_buffer *buffer) {
  bytes made = bytes_copy(buffer->data, buffer->len);
  patchcore_buffer_free(buffer);
  return made;
}

/* The delta between two files, made for an applier with `memory`, 0 for the default. */
static inline bytes delta_of(bytes old, bytes new_file, int32_t level, uint64_t memory) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_input from = input_of(old), to = input_of(new_file);
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
  options.level = level;
  options.max_apply_memory = memory;
  MUST(patchcore_delta_diff(&from, &to, &output, &options, NULL, NULL, &error));
  THE_END;
  return taken(&buffer);
}

/* Bytes behind a callback that counts, and that fails with `value` at the call `fail_at` (counted from 1). */
typedef struct source {
  bytes content;
  uint64_t calls;
  uint64_t bytes_read;
  uint64_t fail_at;
  int value;
  bool beyond;
} source;

static inline int read_source(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  source *self = (source *)user_data;
  self->calls++;
  self->bytes_read += len;
  if (self->calls == self->fail_at) {
    return self->value;
  }
  if (offset > self->content.len || len > self->content.len - offset) {
    self->beyond = true;
    return -99;
  }
  memcpy(buffer, self->content.data + offset, len);
  return 0;
}

static inline patchcore_input input_from(source *from) {
  return patchcore_input_callback(read_source, from, from->content.len);
}

/* Collects what is written; fails like a source. */
typedef struct sink {
  bytes content;
  uint64_t calls;
  uint64_t fail_at;
  int value;
} sink;

static inline int write_sink(void *user_data, const uint8_t *data, size_t len) {
  sink *self = (sink *)user_data;
  self->calls++;
  if (self->calls == self->fail_at) {
    return self->value;
  }
  if (len == 0) {
    return 0;
  }
  uint8_t *grown = (uint8_t *)realloc(self->content.data, self->content.len + len);
  REQUIRE(grown != NULL);
  memcpy(grown + self->content.len, data, len);
  self->content.data = grown;
  self->content.len += len;
  return 0;
}

/* Whether the error is of a callback that failed with `value`. */
static inline bool is_callback_value(const patchcore_error *error, int64_t value) {
  int64_t kept = 0;
  return patchcore_error_callback_value(error, &kept) == 1 && kept == value;
}

#endif
