/* The applier for devices makes the new file from packets of any size, within its bounds, or says why it cannot. */

#include "device.h"

#include <pthread.h>

#define KIB ((uint64_t)1024)

static bytes old_file, new_file, delta;

static patchcore_applier *new_applier(device *on, const patchcore_applier_options *options) {
  THE_ERROR;
  const patchcore_device callbacks = device_callbacks(on);
  patchcore_applier *applier = NULL;
  MUST(patchcore_applier_new(&callbacks, options, &applier, &error));
  THE_END;
  return applier;
}

static void packets_of_any_size_make_the_new_file(void) {
  THE_ERROR;
  const size_t packets[] = {1, 7, 131, 132, 133, 1024, SIZE_MAX};
  for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
    device on = device_with(old_file, new_file.len);
    EXPECT_OK(apply_on(&on, delta, NULL, packets[i], &error));
    CHECK(device_holds(&on, new_file));
    device_free(&on);
  }
  THE_END;
}

static void a_small_amount_of_work_for_each_push_makes_the_same_file(void) {
  THE_ERROR;
  const uint64_t works[] = {1, 100, 4096};
  for (size_t i = is_quick() ? 1 : 0; i < sizeof works / sizeof works[0]; i++) {
    patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
    options.max_work = works[i];
    device on = device_with(old_file, new_file.len);
    EXPECT_OK(apply_on(&on, delta, &options, 1024, &error));
    CHECK(device_holds(&on, new_file));
    device_free(&on);
  }
  THE_END;
}

static void finish_tells_what_was_made(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  patchcore_apply_stats stats = PATCHCORE_APPLY_STATS_INIT;
  EXPECT_OK(feed_all(applier, delta, 1024, &stats, &error));
  uint8_t digest[32];
  const patchcore_input new_input = input_of(new_file);
  MUST(patchcore_digest_of(&new_input, NULL, digest, &error));
  CHECK(stats.new_size == new_file.len && memcmp(stats.new_digest, digest, 32) == 0);
  CHECK(on.bytes_read_back >= new_file.len);
  CHECK(on.durable == new_file.len);
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void empty_files_can_be_made_and_be_the_old_one(void) {
  THE_ERROR;
  const bytes empty = {NULL, 0};
  const bytes pairs[3][2] = {{empty, new_file}, {old_file, empty}, {empty, empty}};
  for (size_t i = 0; i < 3; i++) {
    bytes made = delta_of(pairs[i][0], pairs[i][1], 1, 0);
    device on = device_with(pairs[i][0], pairs[i][1].len);
    EXPECT_OK(apply_on(&on, made, NULL, 100, &error));
    CHECK(device_holds(&on, pairs[i][1]));
    device_free(&on);
    bytes_free(&made);
  }
  THE_END;
}

static void what_the_delta_says_is_known_once_its_header_is_here(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_info(applier, &info, &error));
  uint64_t at = 0;
  EXPECT_OK(feed(applier, delta, &at, 131, 131, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_info(applier, &info, &error));
  EXPECT_OK(feed(applier, delta, &at, 132, 1, &error));
  EXPECT_OK(patchcore_applier_info(applier, &info, &error));
  CHECK(info.old_size == old_file.len && info.new_size == new_file.len && info.delta_size == delta.len);
  uint64_t delta_offset = 0, output_offset = 1;
  EXPECT_OK(patchcore_applier_position(applier, &delta_offset, &output_offset, &error));
  CHECK(delta_offset == 132 && output_offset == 0);
  EXPECT_OK(feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT_OK(patchcore_applier_position(applier, &delta_offset, &output_offset, &error));
  CHECK(delta_offset == delta.len && output_offset == new_file.len);
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

/* Feeds up to `at`, takes a checkpoint, loses power, resumes on another applier and goes on to the end. */
static void cut_power_at(uint64_t at, bool lose_later_writes) {
  THE_ERROR;
  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_work = 4 * KIB;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, &options);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  uint64_t fed = 0;
  EXPECT_OK(feed(applier, delta, &fed, at, 1024, &error));
  EXPECT_OK(patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  CHECK(len <= sizeof blob && on.durable == on.written);
  if (lose_later_writes) {
    const uint64_t further = at + 3000 < delta.len ? at + 3000 : delta.len;
    EXPECT_OK(feed(applier, delta, &fed, further, 1024, &error));
  }
  patchcore_applier_free(applier);
  applier = NULL;
  cut_power(&on);

  const patchcore_device callbacks = device_callbacks(&on);
  uint64_t delta_offset = UINT64_MAX, output_offset = UINT64_MAX, position = 0, written = 0;
  if (EXPECT_OK(
          patchcore_applier_resume(&callbacks, &options, blob, len, &applier, &delta_offset, &output_offset, &error))) {
    CHECK(delta_offset <= at && output_offset == on.durable);
    EXPECT_OK(patchcore_applier_position(applier, &position, &written, &error));
    CHECK(position == delta_offset && written == output_offset);
    EXPECT_OK(feed(applier, delta, &delta_offset, delta.len, 1024, &error));
    EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
    if (!CHECK(device_holds(&on, new_file))) {
      fprintf(stderr, "  resumed from a checkpoint at byte %" PRIu64 "\n", at);
    }
  }
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void power_may_fail_after_every_packet(void) {
  const uint64_t step = is_quick() ? 8 * KIB : KIB;
  for (uint64_t at = 0; at < delta.len; at += step) {
    cut_power_at(at, false);
    cut_power_at(at, true);
  }
  cut_power_at(1, false);
  cut_power_at(131, true);
  cut_power_at(132, false);
  cut_power_at(delta.len - 1, false);
  cut_power_at(delta.len, false);
}

/* A device that never stays up for long still gets there: each time it goes on from its last checkpoint. */
static void many_cuts_in_a_row_lead_to_the_new_file_all_the_same(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  const patchcore_device callbacks = device_callbacks(&on);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  uint64_t random = 99, at = 0;
  bool finished = false;
  for (int boots = 0; boots < 500 && !finished; boots++) {
    patchcore_applier *applier = NULL;
    if (len == 0) {
      MUST(patchcore_applier_new(&callbacks, NULL, &applier, &error));
      at = 0;
    } else {
      MUST(patchcore_applier_resume(&callbacks, NULL, blob, len, &applier, &at, NULL, &error));
    }
    const uint64_t stays_up = at + next_random(&random) % delta.len;
    while (at < delta.len && at < stays_up) {
      const uint64_t end = at + 512 < delta.len ? at + 512 : delta.len;
      MUST(feed(applier, delta, &at, end, 512, &error));
      MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
    }
    if (at == delta.len) {
      finished = EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
    }
    patchcore_applier_free(applier);
    if (!finished) {
      cut_power(&on);
    }
  }
  CHECK(finished && device_holds(&on, new_file));
  device_free(&on);
  THE_END;
}

static void what_was_written_before_a_checkpoint_is_not_written_again(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  uint64_t at = 0;
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  MUST(feed(applier, delta, &at, delta.len, 1024, &error));
  MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  patchcore_applier_free(applier);
  on.bytes_written = 0;
  const patchcore_device callbacks = device_callbacks(&on);
  MUST(patchcore_applier_resume(&callbacks, NULL, blob, len, &applier, &at, NULL, &error));
  EXPECT_OK(feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
  CHECK(on.bytes_written == 0 && device_holds(&on, new_file));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void another_old_file_is_told_before_anything_is_written(void) {
  THE_ERROR;
  bytes other = bytes_copy(old_file.data, old_file.len);
  other.data[other.len / 3] ^= 1;
  device on = device_with(other, new_file.len);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, apply_on(&on, delta, NULL, 1024, &error));
  CHECK(on.bytes_written == 0);
  device_free(&on);
  other.len--;
  on = device_with(other, new_file.len);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, apply_on(&on, delta, NULL, 1024, &error));
  CHECK(on.bytes_written == 0);
  device_free(&on);
  other.len++;
  bytes_free(&other);
  THE_END;
}

static void every_damaged_checkpoint_is_refused(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE + 1] = {0};
  size_t len = 0;
  uint64_t at = 0;
  MUST(feed(applier, delta, &at, delta.len / 2, 1024, &error));
  MUST(patchcore_applier_checkpoint(applier, blob, PATCHCORE_CHECKPOINT_SIZE, &len, &error));
  patchcore_applier_free(applier);
  const patchcore_device callbacks = device_callbacks(&on);
  applier = NULL;
  for (size_t bit = 0; bit < 8 * len; bit += is_quick() ? 41 : 1) {
    blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
    const patchcore_status status = patchcore_applier_resume(&callbacks, NULL, blob, len, &applier, NULL, NULL, NULL);
    if (!CHECK(status == PATCHCORE_CORRUPT && applier == NULL)) {
      fprintf(stderr, "  bit %zu gave %s\n", bit, patchcore_status_name(status));
      patchcore_applier_free(applier);
      applier = NULL;
    }
    blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  for (size_t shorter = 0; shorter < len; shorter++) {
    EXPECT(PATCHCORE_CORRUPT, patchcore_applier_resume(&callbacks, NULL, blob, shorter, &applier, NULL, NULL, &error));
  }
  EXPECT(PATCHCORE_CORRUPT, patchcore_applier_resume(&callbacks, NULL, blob, len + 1, &applier, NULL, NULL, &error));
  memset(blob, 0, sizeof blob);
  EXPECT(PATCHCORE_CORRUPT, patchcore_applier_resume(&callbacks, NULL, blob, len, &applier, NULL, NULL, &error));
  CHECK(applier == NULL);
  device_free(&on);
  THE_END;
}

/* What was flashed must be what the checkpoint says, or the new file is not the promised one. */
static void a_checkpoint_of_another_device_or_delta_never_ends_well(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  uint64_t at = 0;
  MUST(feed(applier, delta, &at, delta.len, 1024, &error));
  MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  patchcore_applier_free(applier);
  applier = NULL;
  device other = device_with(new_file, new_file.len);
  const patchcore_device of_other = device_callbacks(&other);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_applier_resume(&of_other, NULL, blob, len, &applier, NULL, NULL, &error));
  CHECK(applier == NULL);
  device_free(&other);

  cut_power(&on);
  on.slot.data[17] ^= 1;
  const patchcore_device callbacks = device_callbacks(&on);
  MUST(patchcore_applier_resume(&callbacks, NULL, blob, len, &applier, &at, NULL, &error));
  EXPECT_OK(feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT(PATCHCORE_TARGET_MISMATCH, patchcore_applier_finish(applier, NULL, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void a_delta_that_ends_early_is_never_finished(void) {
  THE_ERROR;
  for (uint64_t end = 0; end < delta.len; end += 1 + (is_quick() ? delta.len / 9 : delta.len / 200)) {
    device on = device_with(old_file, new_file.len);
    patchcore_applier *applier = new_applier(&on, NULL);
    uint64_t at = 0;
    EXPECT_OK(feed(applier, delta, &at, end, 4096, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_applier_finish(applier, NULL, &error));
    patchcore_applier_free(applier);
    device_free(&on);
  }
  THE_END;
}

static void bytes_behind_the_end_of_a_delta_are_refused(void) {
  THE_ERROR;
  bytes longer = bytes_new(delta.len + 1);
  memcpy(longer.data, delta.data, delta.len);
  const size_t packets[] = {1, 1024, SIZE_MAX};
  for (size_t i = 0; i < 3; i++) {
    device on = device_with(old_file, new_file.len);
    EXPECT(PATCHCORE_CORRUPT, apply_on(&on, longer, NULL, packets[i], &error));
    device_free(&on);
  }
  bytes_free(&longer);
  THE_END;
}

static void every_changed_byte_of_a_delta_is_noticed(void) {
  THE_ERROR;
  bytes changed = bytes_copy(delta.data, delta.len);
  for (size_t at = 0; at < changed.len; at += 1 + (is_quick() ? delta.len / 9 : delta.len / 150)) {
    changed.data[at] ^= 0x10;
    device on = device_with(old_file, new_file.len);
    const patchcore_status status = apply_on(&on, changed, NULL, 1024, NULL);
    /* The optional flags are for others to know, but a checksum lies over them. */
    if (!CHECK(status == PATCHCORE_CORRUPT || (at >= 8 && at < 20 && status == PATCHCORE_UNSUPPORTED))) {
      fprintf(stderr, "  byte %zu gave %s\n", at, patchcore_status_name(status));
    }
    CHECK(!on.misused);
    device_free(&on);
    changed.data[at] ^= 0x10;
  }
  bytes_free(&changed);
  THE_END;
}

static void memory_is_bounded_and_what_needs_more_is_refused_up_front(void) {
  THE_ERROR;
  const size_t len = is_quick() ? 600000 : 3000000;
  bytes large_old = image(len, 5), large_new = image(len, 6);
  bytes greedy = delta_of(large_old, large_new, 1, 0);
  bytes frugal = delta_of(large_old, large_new, 1, 256 * KIB);
  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_memory = 256 * KIB;
  device on = device_with(large_old, large_new.len);
  EXPECT(PATCHCORE_LIMIT, apply_on(&on, greedy, &options, 1024, &error));
  CHECK(on.bytes_written == 0);
  device_free(&on);
  on = device_with(large_old, large_new.len);
  EXPECT_OK(apply_on(&on, frugal, &options, 1024, &error));
  CHECK(device_holds(&on, large_new));
  device_free(&on);
  on = device_with(large_old, large_new.len);
  options.max_memory = 1;
  EXPECT(PATCHCORE_LIMIT, apply_on(&on, frugal, &options, 1024, &error));
  options.max_memory = 0;
  options.max_output = large_new.len - 1;
  EXPECT(PATCHCORE_LIMIT, apply_on(&on, frugal, &options, 1024, &error));
  CHECK(on.bytes_written == 0 && on.writes == 0);
  options.max_output = large_new.len;
  EXPECT_OK(apply_on(&on, frugal, &options, 1024, &error));
  device_free(&on);
  bytes_free(&large_old);
  bytes_free(&large_new);
  bytes_free(&greedy);
  bytes_free(&frugal);
  THE_END;
}

/* A watchdog bites where one push takes too long: none may read or write much more than it was granted. */
static void check_work(bytes from, bytes to, uint64_t memory, uint64_t work, uint64_t allowed) {
  THE_ERROR;
  bytes made = delta_of(from, to, 1, memory);
  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_work = work;
  options.max_memory = memory;
  device on = device_with(from, to.len);
  patchcore_applier *applier = new_applier(&on, &options);
  uint64_t at = 0, pushes = 0, most = 0;
  while (at < made.len) {
    on.bytes_read = on.bytes_written = 0;
    size_t accepted = 0;
    const size_t packet = made.len - at < 1024 ? (size_t)(made.len - at) : 1024;
    MUST(patchcore_applier_push(applier, made.data + at, packet, &accepted, &error));
    at += accepted;
    pushes++;
    const uint64_t moved = on.bytes_read > on.bytes_written ? on.bytes_read : on.bytes_written;
    most = moved > most ? moved : most;
  }
  EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
  CHECK(device_holds(&on, to));
  if (!CHECK(most <= allowed)) {
    fprintf(stderr, "  a push moved %" PRIu64 " bytes, max_work is %" PRIu64 "\n", most, work);
  }
  /* The bound is no excuse for doing next to nothing in each push. */
  if (!CHECK(pushes <= made.len / 1024 + 4 * (from.len + to.len) / work + 16)) {
    fprintf(stderr, "  %" PRIu64 " pushes for %zu bytes\n", pushes, made.len);
  }
  patchcore_applier_free(applier);
  device_free(&on);
  bytes_free(&made);
  THE_END;
}

/* The same records in another order: a copy from somewhere else every few bytes. */
static bytes shuffled(bytes content, size_t record) {
  bytes made = bytes_copy(content.data, content.len);
  uint64_t random = 5;
  for (size_t i = content.len / record - 1; i > 0; i--) {
    const size_t other = next_random(&random) % (i + 1);
    for (size_t at = 0; at < record; at++) {
      const uint8_t kept = made.data[i * record + at];
      made.data[i * record + at] = made.data[other * record + at];
      made.data[other * record + at] = kept;
    }
  }
  return made;
}

static void no_push_does_more_than_a_few_times_its_work(void) {
  const size_t len = is_quick() ? 1 << 20 : 64 << 20;
  bytes same = image(len, 3);
  check_work(same, same, 0, 64 * KIB, 4 * 64 * KIB);
  bytes_free(&same);
  bytes from = image(is_quick() ? 1 << 18 : 2 << 20, 8), to = successor(from, 1000, 9);
  check_work(from, to, 256 * KIB, 16 * KIB, 4 * 16 * KIB);
  bytes_free(&to);
  to = shuffled(from, 32);
  check_work(from, to, 256 * KIB, 16 * KIB, 4 * 16 * KIB);
  bytes_free(&from);
  bytes_free(&to);
}

static void storage_that_reads_back_as_something_else_is_a_target_mismatch(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  on.lies = true;
  EXPECT(PATCHCORE_TARGET_MISMATCH, apply_on(&on, delta, NULL, 1024, &error));
  device_free(&on);
  THE_END;
}

static void a_device_need_not_be_able_to_read_back_or_flush(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_device callbacks = device_callbacks(&on);
  callbacks.flush = NULL;
  callbacks.read_new = NULL;
  patchcore_applier *applier = NULL;
  MUST(patchcore_applier_new(&callbacks, NULL, &applier, &error));
  EXPECT_OK(feed_all(applier, delta, 1024, NULL, &error));
  CHECK(device_holds(&on, new_file) && on.flushes == 0 && on.reads_back == 0);
  patchcore_applier_free(applier);
  MUST(patchcore_applier_new(&callbacks, NULL, &applier, &error));
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void what_a_failing_callback_returned_is_kept(void) {
  THE_ERROR;
  const int values[] = {1, -1, 77, -12345, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    for (int which = 0; which < 4; which++) {
      for (uint64_t call = 1; call <= 2; call++) {
        device on = device_with(old_file, new_file.len);
        on.value = values[i];
        on.fail_read = which == 0 ? call : 0;
        on.fail_write = which == 1 ? call : 0;
        on.fail_read_back = which == 2 ? call : 0;
        on.fail_flush = which == 3 ? 1 : 0;
        EXPECT(PATCHCORE_CALLBACK, apply_on(&on, delta, NULL, 1024, &error));
        CHECK(is_callback_value(error, values[i]));
        device_free(&on);
      }
    }
  }
  device on = device_with(old_file, new_file.len);
  on.fail_flush = 1;
  on.value = -31;
  patchcore_applier *applier = new_applier(&on, NULL);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  EXPECT(PATCHCORE_CALLBACK, patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  CHECK(is_callback_value(error, -31));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void a_failed_applier_stays_failed(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  on.fail_write = 1;
  on.value = 5;
  patchcore_applier *applier = new_applier(&on, NULL);
  uint64_t at = 0;
  size_t accepted = 0, len = 0;
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  EXPECT(PATCHCORE_CALLBACK, feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_push(applier, delta.data + at, 1, &accepted, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_finish(applier, NULL, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void a_checkpoint_needs_room(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  uint64_t at = 0;
  size_t len = 0, needed = 0;
  MUST(feed(applier, delta, &at, delta.len / 2, 1024, &error));
  MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &needed, &error));
  CHECK(needed > 0 && needed <= PATCHCORE_CHECKPOINT_SIZE);
  memset(blob, 0xa5, sizeof blob);
  EXPECT(PATCHCORE_LIMIT, patchcore_applier_checkpoint(applier, blob, needed - 1, &len, &error));
  EXPECT(PATCHCORE_LIMIT, patchcore_applier_checkpoint(applier, blob, 0, &len, &error));
  for (size_t i = 0; i < sizeof blob; i++) {
    REQUIRE(blob[i] == 0xa5);
  }
  EXPECT_OK(patchcore_applier_checkpoint(applier, blob, needed, &len, &error));
  EXPECT_OK(feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void pushing_nothing_is_fine(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  size_t accepted = 9;
  EXPECT_OK(patchcore_applier_push(applier, NULL, 0, &accepted, &error));
  CHECK(accepted == 0);
  EXPECT_OK(feed_all(applier, delta, 1024, NULL, &error));
  EXPECT_OK(patchcore_applier_push(applier, NULL, 0, &accepted, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

typedef struct reentrant {
  device on;
  patchcore_applier *applier;
  int busy;
  int others;
} reentrant;

static void call_back_in(reentrant *self) {
  size_t len = 0;
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE] = {0};
  const patchcore_status given[] = {
      patchcore_applier_push(self->applier, blob, 1, &len, NULL),
      patchcore_applier_finish(self->applier, NULL, NULL),
      patchcore_applier_checkpoint(self->applier, blob, sizeof blob, &len, NULL),
  };
  for (size_t i = 0; i < 3; i++) {
    self->busy += given[i] == PATCHCORE_BUSY;
    self->others += given[i] != PATCHCORE_BUSY;
  }
}

static int reentrant_read(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  call_back_in((reentrant *)user_data);
  return device_read_old(&((reentrant *)user_data)->on, offset, buffer, len);
}

static int reentrant_write(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  call_back_in((reentrant *)user_data);
  return device_write_new(&((reentrant *)user_data)->on, offset, data, len);
}

static int reentrant_flush(void *user_data) {
  call_back_in((reentrant *)user_data);
  return device_flush(&((reentrant *)user_data)->on);
}

static int reentrant_read_new(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  call_back_in((reentrant *)user_data);
  return device_read_new(&((reentrant *)user_data)->on, offset, buffer, len);
}

static patchcore_device reentrant_callbacks(reentrant *self) {
  patchcore_device callbacks = PATCHCORE_DEVICE_INIT;
  callbacks.user_data = self;
  callbacks.old_size = old_file.len;
  callbacks.read_old = reentrant_read;
  callbacks.write_new = reentrant_write;
  callbacks.flush = reentrant_flush;
  callbacks.read_new = reentrant_read_new;
  return callbacks;
}

static void a_callback_that_calls_back_in_is_told_that_the_applier_is_busy(void) {
  THE_ERROR;
  reentrant self = {device_with(old_file, new_file.len), NULL, 0, 0};
  const patchcore_device callbacks = reentrant_callbacks(&self);
  MUST(patchcore_applier_new(&callbacks, NULL, &self.applier, &error));
  EXPECT_OK(feed_all(self.applier, delta, 4096, NULL, &error));
  CHECK(self.busy > 0 && self.others == 0 && device_holds(&self.on, new_file));
  patchcore_applier_free(self.applier);
  device_free(&self.on);
  THE_END;
}

static int freeing_write(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  reentrant *self = (reentrant *)user_data;
  patchcore_applier_free(self->applier);
  self->applier = NULL;
  return device_write_new(&self->on, offset, data, len);
}

static void an_applier_may_be_freed_inside_its_callback(void) {
  THE_ERROR;
  reentrant self = {device_with(old_file, new_file.len), NULL, 0, 0};
  patchcore_device callbacks = PATCHCORE_DEVICE_INIT;
  callbacks.user_data = &self;
  callbacks.old_size = old_file.len;
  callbacks.read_old = reentrant_read;
  callbacks.write_new = freeing_write;
  MUST(patchcore_applier_new(&callbacks, NULL, &self.applier, &error));
  uint64_t at = 0;
  while (at < delta.len && self.applier != NULL) {
    size_t accepted = 0;
    const size_t packet = delta.len - at < 1024 ? (size_t)(delta.len - at) : 1024;
    EXPECT_OK(patchcore_applier_push(self.applier, delta.data + at, packet, &accepted, &error));
    at += accepted;
  }
  CHECK(self.applier == NULL && self.on.written > 0);
  device_free(&self.on);
  THE_END;
}

typedef struct contender {
  patchcore_applier *applier;
  bool failed;
} contender;

static void *push_at_once(void *user_data) {
  contender *self = (contender *)user_data;
  for (int i = 0; i < 1000; i++) {
    size_t accepted = 0;
    const patchcore_status status = patchcore_applier_push(self->applier, NULL, 0, &accepted, NULL);
    self->failed |= status != PATCHCORE_OK && status != PATCHCORE_BUSY;
  }
  return NULL;
}

static void a_second_thread_is_told_that_the_applier_is_busy(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_applier *applier = new_applier(&on, NULL);
  contender other = {applier, false};
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, push_at_once, &other) == 0);
  uint64_t at = 0;
  while (at < delta.len) {
    size_t accepted = 0;
    const size_t packet = delta.len - at < 1024 ? (size_t)(delta.len - at) : 1024;
    const patchcore_status status = patchcore_applier_push(applier, delta.data + at, packet, &accepted, NULL);
    REQUIRE(status == PATCHCORE_OK || (status == PATCHCORE_BUSY && accepted == 0));
    at += accepted;
  }
  pthread_join(thread, NULL);
  CHECK(!other.failed);
  EXPECT_OK(patchcore_applier_finish(applier, NULL, &error));
  CHECK(device_holds(&on, new_file));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

int main(void) {
  old_file = image(120000, 1);
  bytes between = successor(old_file, 300, 2);
  bytes fresh = image(60000, 77);
  new_file = bytes_new(between.len + fresh.len);
  memcpy(new_file.data, between.data, between.len);
  memcpy(new_file.data + between.len, fresh.data, fresh.len);
  delta = delta_of(old_file, new_file, is_quick() ? 1 : 6, 256 * KIB);
  RUN(packets_of_any_size_make_the_new_file);
  RUN(a_small_amount_of_work_for_each_push_makes_the_same_file);
  RUN(finish_tells_what_was_made);
  RUN(empty_files_can_be_made_and_be_the_old_one);
  RUN(what_the_delta_says_is_known_once_its_header_is_here);
  RUN(power_may_fail_after_every_packet);
  RUN(many_cuts_in_a_row_lead_to_the_new_file_all_the_same);
  RUN(what_was_written_before_a_checkpoint_is_not_written_again);
  RUN(another_old_file_is_told_before_anything_is_written);
  RUN(every_damaged_checkpoint_is_refused);
  RUN(a_checkpoint_of_another_device_or_delta_never_ends_well);
  RUN(a_delta_that_ends_early_is_never_finished);
  RUN(bytes_behind_the_end_of_a_delta_are_refused);
  RUN(every_changed_byte_of_a_delta_is_noticed);
  RUN(memory_is_bounded_and_what_needs_more_is_refused_up_front);
  RUN(no_push_does_more_than_a_few_times_its_work);
  RUN(storage_that_reads_back_as_something_else_is_a_target_mismatch);
  RUN(a_device_need_not_be_able_to_read_back_or_flush);
  RUN(what_a_failing_callback_returned_is_kept);
  RUN(a_failed_applier_stays_failed);
  RUN(a_checkpoint_needs_room);
  RUN(pushing_nothing_is_fine);
  RUN(a_callback_that_calls_back_in_is_told_that_the_applier_is_busy);
  RUN(an_applier_may_be_freed_inside_its_callback);
  RUN(a_second_thread_is_told_that_the_applier_is_busy);
  bytes_free(&old_file);
  bytes_free(&between);
  bytes_free(&fresh);
  bytes_free(&new_file);
  bytes_free(&delta);
  return check_report();
}
