/* Where a public key is given, nothing but bytes that it signed gets past finish. */

#include "device.h"

static bytes old_file, new_file, delta;
static bytes key, other_key, good, of_old, by_other, legacy;

static patchcore_applier_options options_with(bytes public_key, bytes signature) {
  patchcore_applier_options made = PATCHCORE_APPLIER_OPTIONS_INIT;
  made.public_key = (const char *)public_key.data;
  made.public_key_len = public_key.len;
  made.signature = (const char *)signature.data;
  made.signature_len = signature.len;
  return made;
}

static patchcore_status attempt(const patchcore_applier_options *options, patchcore_error **error) {
  device on = device_with(old_file, new_file.len);
  const patchcore_status status = apply_on(&on, delta, options, 1024, error);
  CHECK(!on.misused);
  device_free(&on);
  return status;
}

static void what_the_key_signed_is_accepted(void) {
  THE_ERROR;
  patchcore_applier_options options = options_with(key, good);
  EXPECT_OK(attempt(&options, &error));
  /* The second line alone is the key, too. */
  const char *line = strchr((const char *)key.data, '\n') + 1;
  options.public_key_len -= (size_t)(line - options.public_key);
  options.public_key = line;
  EXPECT_OK(attempt(&options, &error));
  THE_END;
}

static void a_signature_of_other_bytes_is_bad(void) {
  THE_ERROR;
  patchcore_applier_options options = options_with(key, of_old);
  EXPECT(PATCHCORE_BAD_SIGNATURE, attempt(&options, &error));
  options = options_with(key, legacy);
  EXPECT(PATCHCORE_BAD_SIGNATURE, attempt(&options, &error));
  THE_END;
}

static void a_signature_by_another_key_is_not_trusted(void) {
  THE_ERROR;
  patchcore_applier_options options = options_with(key, by_other);
  EXPECT(PATCHCORE_UNTRUSTED_KEY, attempt(&options, &error));
  options = options_with(other_key, good);
  EXPECT(PATCHCORE_UNTRUSTED_KEY, attempt(&options, &error));
  options = options_with(other_key, by_other);
  EXPECT_OK(attempt(&options, &error));
  THE_END;
}

static void every_changed_character_of_a_signature_that_counts_is_noticed(void) {
  THE_ERROR;
  bytes forged = bytes_copy(good.data, good.len);
  const size_t start = (size_t)(strchr((const char *)good.data, '\n') + 1 - (const char *)good.data);
  for (size_t at = start; at < forged.len; at += is_quick() ? 29 : 1) {
    if (forged.data[at] == '\n' || forged.data[at] == '=') {
      continue;
    }
    forged.data[at] = forged.data[at] == 'A' ? 'B' : 'A';
    const patchcore_applier_options options = options_with(key, forged);
    const patchcore_status status = attempt(&options, NULL);
    if (!CHECK(status == PATCHCORE_BAD_SIGNATURE || status == PATCHCORE_UNTRUSTED_KEY)) {
      fprintf(stderr, "  character %zu gave %s\n", at, patchcore_status_name(status));
    }
    forged.data[at] = good.data[at];
  }
  bytes_free(&forged);
  THE_END;
}

static void text_that_is_no_signature_is_a_bad_one(void) {
  THE_ERROR;
  const char *const texts[] = {"x", "\n\n\n\n", "untrusted comment: x\nAAAA\ntrusted comment: x\nAAAA\n", "\xff\xfe"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const bytes text = {(uint8_t *)(size_t)texts[i], strlen(texts[i])};
    const patchcore_applier_options options = options_with(key, text);
    EXPECT(PATCHCORE_BAD_SIGNATURE, attempt(&options, &error));
  }
  THE_END;
}

static void a_key_without_a_signature_fails_closed(void) {
  THE_ERROR;
  const bytes none = {NULL, 0};
  device on = device_with(old_file, new_file.len);
  const patchcore_applier_options options = options_with(key, none);
  EXPECT(PATCHCORE_BAD_SIGNATURE, apply_on(&on, delta, &options, 1024, &error));
  CHECK(on.bytes_written == 0);
  device_free(&on);
  THE_END;
}

static void what_makes_no_sense_is_refused_before_anything_is_written(void) {
  THE_ERROR;
  const bytes none = {NULL, 0};
  patchcore_applier_options options = options_with(none, good);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, attempt(&options, &error));
  const char *const texts[] = {"x", "\n\n", "RWTkdp4/", "\xff\xfe"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const bytes text = {(uint8_t *)(size_t)texts[i], strlen(texts[i])};
    options = options_with(text, good);
    EXPECT(PATCHCORE_INVALID_ARGUMENT, attempt(&options, &error));
  }
  options = options_with(key, good);
  device on = device_with(old_file, new_file.len);
  patchcore_device callbacks = device_callbacks(&on);
  callbacks.read_new = NULL;
  patchcore_applier *applier = NULL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_applier_new(&callbacks, &options, &applier, &error));
  CHECK(applier == NULL && on.writes == 0);
  device_free(&on);
  THE_END;
}

static int lie_after_the_digest(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  device *self = (device *)user_data;
  /* All of the file once for the digest; whoever reads it again gets something else. */
  self->lies = self->bytes_read_back >= self->slot.len;
  return device_read_new(user_data, offset, buffer, len);
}

/* Bytes that change between two looks must not get past either of them. */
static void the_signature_is_checked_over_what_is_read_back(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  patchcore_device callbacks = device_callbacks(&on);
  callbacks.read_new = lie_after_the_digest;
  const patchcore_applier_options options = options_with(key, good);
  patchcore_applier *applier = NULL;
  MUST(patchcore_applier_new(&callbacks, &options, &applier, &error));
  const patchcore_status status = feed_all(applier, delta, 1024, NULL, &error);
  if (on.bytes_read_back > new_file.len) {
    CHECK(status == PATCHCORE_BAD_SIGNATURE || status == PATCHCORE_TARGET_MISMATCH);
  } else {
    CHECK(status == PATCHCORE_OK);
  }
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

static void a_signature_is_required_after_a_resume_as_well(void) {
  THE_ERROR;
  device on = device_with(old_file, new_file.len);
  const patchcore_device callbacks = device_callbacks(&on);
  patchcore_applier_options options = options_with(key, of_old);
  patchcore_applier *applier = NULL;
  MUST(patchcore_applier_new(&callbacks, &options, &applier, &error));
  uint64_t at = 0;
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t len = 0;
  MUST(feed(applier, delta, &at, delta.len / 2, 1024, &error));
  MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &len, &error));
  patchcore_applier_free(applier);
  cut_power(&on);
  MUST(patchcore_applier_resume(&callbacks, &options, blob, len, &applier, &at, NULL, &error));
  MUST(feed(applier, delta, &at, delta.len, 1024, &error));
  EXPECT(PATCHCORE_BAD_SIGNATURE, patchcore_applier_finish(applier, NULL, &error));
  patchcore_applier_free(applier);
  device_free(&on);
  THE_END;
}

int main(void) {
  old_file = read_file(in_tests("vectors/files/code.v1"));
  new_file = read_file(in_tests("vectors/files/code.v2"));
  delta = read_file(in_tests("vectors/deltas/code-level-1.delta"));
  key = read_file(in_tests("c/data/key.pub"));
  other_key = read_file(in_tests("c/data/other.pub"));
  good = read_file(in_tests("c/data/code.v2.minisig"));
  of_old = read_file(in_tests("c/data/code.v1.minisig"));
  by_other = read_file(in_tests("c/data/code.v2.other.minisig"));
  legacy = read_file(in_tests("c/data/code.v2.legacy.minisig"));
  RUN(what_the_key_signed_is_accepted);
  RUN(a_signature_of_other_bytes_is_bad);
  RUN(a_signature_by_another_key_is_not_trusted);
  RUN(every_changed_character_of_a_signature_that_counts_is_noticed);
  RUN(text_that_is_no_signature_is_a_bad_one);
  RUN(a_key_without_a_signature_fails_closed);
  RUN(what_makes_no_sense_is_refused_before_anything_is_written);
  RUN(the_signature_is_checked_over_what_is_read_back);
  RUN(a_signature_is_required_after_a_resume_as_well);
  bytes *const all[] = {&old_file, &new_file, &delta, &key, &other_key, &good, &of_old, &by_other, &legacy};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    bytes_free(all[i]);
  }
  return check_report();
}
