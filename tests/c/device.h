/* A device in memory: a slot that holds the old image and one for the new, with power cuts, lies and failures. */

#ifndef PATCHCORE_TESTS_DEVICE_H
#define PATCHCORE_TESTS_DEVICE_H

#include "samples.h"

typedef struct device {
  bytes old_file;
  /* The new slot; `written` bytes of it were written, `durable` of these survive a power cut. */
  bytes slot;
  uint64_t written;
  uint64_t durable;
  uint64_t flushes;
  uint64_t bytes_read;
  uint64_t bytes_written;
  uint64_t bytes_read_back;
  /* A write that did not continue the one before, or anything outside of the slots. */
  bool misused;
  /* What is read back is not what was written. */
  bool lies;
  /* Each callback fails with `value` at the call with this number, counted from 1. */
  uint64_t fail_read, fail_write, fail_flush, fail_read_back;
  uint64_t reads, writes, reads_back;
  int value;
} device;

static inline int device_read_old(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  device *self = (device *)user_data;
  self->bytes_read += len;
  if (++self->reads == self->fail_read) {
    return self->value;
  }
  if (offset > self->old_file.len || len > self->old_file.len - offset) {
    self->misused = true;
    return -98;
  }
  memcpy(buffer, self->old_file.data + offset, len);
  return 0;
}

static inline int device_write_new(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  device *self = (device *)user_data;
  if (++self->writes == self->fail_write) {
    return self->value;
  }
  if (offset != self->written || len > self->slot.len - offset) {
    self->misused = true;
    return -97;
  }
  if (len != 0) {
    memcpy(self->slot.data + offset, data, len);
  }
  self->written += len;
  self->bytes_written += len;
  return 0;
}

static inline int device_flush(void *user_data) {
  device *self = (device *)user_data;
  if (++self->flushes == self->fail_flush) {
    return self->value;
  }
  self->durable = self->written;
  return 0;
}

static inline int device_read_new(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  device *self = (device *)user_data;
  self->bytes_read_back += len;
  if (++self->reads_back == self->fail_read_back) {
    return self->value;
  }
  if (offset > self->written || len > self->written - offset) {
    self->misused = true;
    return -96;
  }
  memcpy(buffer, self->slot.data + offset, len);
  if (self->lies && len != 0) {
    buffer[len / 2] ^= 1;
  }
  return 0;
}

static inline device device_with(bytes old_file, size_t slot_len) {
  device made;
  memset(&made, 0, sizeof made);
  made.old_file = old_file;
  made.slot = bytes_new(slot_len);
  return made;
}

static inline void device_free(device *self) { bytes_free(&self->slot); }

/* The power fails: what was not durable is noise, and whoever resumes writes on from what is. */
static inline void cut_power(device *self) {
  for (uint64_t at = self->durable; at < self->slot.len; at++) {
    self->slot.data[at] = (uint8_t)(at * 31 + 7);
  }
  self->written = self->durable;
}

static inline patchcore_device device_callbacks(device *self) {
  patchcore_device made = PATCHCORE_DEVICE_INIT;
  made.user_data = self;
  made.old_size = self->old_file.len;
  made.read_old = device_read_old;
  made.write_new = device_write_new;
  made.flush = device_flush;
  made.read_new = device_read_new;
  return made;
}

static inline bool device_holds(const device *self, bytes wanted) {
  return !self->misused && is_same(self->slot.data, (size_t)self->written, wanted.data, wanted.len);
}

/* Feeds delta[*at..end] in packets until all of it is taken or it fails. */
static inline patchcore_status feed(patchcore_applier *applier, bytes delta, uint64_t *at, uint64_t end, size_t packet,
                                    patchcore_error **error) {
  unsigned idle = 0;
  while (*at < end) {
    const size_t left = (size_t)(end - *at);
    size_t accepted = 0;
    const patchcore_status status =
        patchcore_applier_push(applier, delta.data + *at, left < packet ? left : packet, &accepted, error);
    if (status != PATCHCORE_OK) {
      return status;
    }
    *at += accepted;
    /* A push that takes nothing works; but it must not do so for ever. */
    idle = accepted == 0 ? idle + 1 : 0;
    REQUIRE(idle < 1000000);
  }
  return PATCHCORE_OK;
}

/* Feeds a whole delta and finishes. */
static inline patchcore_status feed_all(patchcore_applier *applier, bytes delta, size_t packet,
                                        patchcore_apply_stats *stats, patchcore_error **error) {
  uint64_t at = 0;
  const patchcore_status status = feed(applier, delta, &at, delta.len, packet, error);
  return status != PATCHCORE_OK ? status : patchcore_applier_finish(applier, stats, error);
}

/* Applies `delta` on a device from the first byte to the last. */
static inline patchcore_status apply_on(device *on, bytes delta, const patchcore_applier_options *options,
                                        size_t packet, patchcore_error **error) {
  const patchcore_device callbacks = device_callbacks(on);
  patchcore_applier *applier = NULL;
  patchcore_status status = patchcore_applier_new(&callbacks, options, &applier, error);
  if (status == PATCHCORE_OK) {
    status = feed_all(applier, delta, packet, NULL, error);
  }
  patchcore_applier_free(applier);
  return status;
}

#endif
