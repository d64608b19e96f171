/* Keys are made, files signed; where a key is demanded nothing that it did not sign is opened. */

#include "trees.h"

static char key[PATH_MAX], package[PATH_MAX], signature_path[PATH_MAX];
static char public_key[256], other_key[256];

static void text_of(patchcore_buffer *buffer, char *text, size_t capacity) {
  REQUIRE(buffer->len < capacity);
  memcpy(text, buffer->data, buffer->len);
  text[buffer->len] = '\0';
  patchcore_buffer_free(buffer);
}

static void set_up(void) {
  THE_ERROR;
  patchcore_buffer made = PATCHCORE_BUFFER_INIT;
  snprintf(key, sizeof key, "%s", in_folder("key"));
  MUST(patchcore_key_create_files(key, NUL, NULL, 0, 0, &made, &error));
  text_of(&made, public_key, sizeof public_key);
  MUST(patchcore_key_create_files(in_folder("other"), NUL, "secret", 6, 0, &made, &error));
  text_of(&made, other_key, sizeof other_key);
  char one[PATH_MAX];
  snprintf(one, sizeof one, "%s", tree_of("one", 1));
  snprintf(package, sizeof package, "%s", package_of("p.zip", one, tree_of("two", 2), NULL));
  snprintf(signature_path, sizeof signature_path, "%s", in_folder("p.zip.minisig"));
  THE_END;
}

static patchcore_trust trust_in(const char *const *keys, size_t count) {
  patchcore_trust trust = PATCHCORE_TRUST_INIT;
  trust.public_keys = keys;
  trust.public_key_count = count;
  return trust;
}

static patchcore_status open_trusting(const patchcore_trust *trust, patchcore_tree_patch **patch,
                                      patchcore_error **error) {
  const patchcore_input input = patchcore_input_path(package);
  return patchcore_tree_patch_open(&input, NULL, 0, trust, NULL, patch, error);
}

static void a_new_key_is_its_owners_alone_and_replaces_none(void) {
  THE_ERROR;
  struct stat status;
  REQUIRE(stat(key, &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  bytes text = read_text(in_folder("key.pub"));
  CHECK(strcmp((const char *)text.data, public_key) == 0);
  bytes_free(&text);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_key_create_files(key, NUL, NULL, 0, 0, NULL, &error));
  const char *forced = in_folder("forced");
  EXPECT_OK(patchcore_key_create_files(forced, NUL, NULL, 0, 0, NULL, &error));
  EXPECT_OK(patchcore_key_create_files(forced, NUL, NULL, 0, 1, NULL, &error));
  THE_END;
}

static void the_identifier_of_a_key_is_what_signatures_name(void) {
  THE_ERROR;
  char id[PATCHCORE_KEY_ID_SIZE], again[PATCHCORE_KEY_ID_SIZE];
  EXPECT_OK(patchcore_key_id(public_key, NUL, id, sizeof id, &error));
  CHECK(strlen(id) == 16 && strstr(public_key, id) != NULL);
  EXPECT_OK(patchcore_key_id(strchr(public_key, '\n') + 1, NUL, again, sizeof again, &error));
  CHECK(strcmp(id, again) == 0);
  EXPECT(PATCHCORE_LIMIT, patchcore_key_id(public_key, NUL, id, sizeof id - 1, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_key_id("no key", NUL, id, sizeof id, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_key_id(NULL, 0, id, sizeof id, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_key_id(public_key, NUL, NULL, sizeof id, &error));
  THE_END;
}

static void what_is_unsigned_is_refused_where_a_key_is_demanded(void) {
  THE_ERROR;
  const char *const keys[] = {public_key};
  const patchcore_trust trust = trust_in(keys, 1);
  patchcore_tree_patch *patch = NULL;
  EXPECT(PATCHCORE_BAD_SIGNATURE, open_trusting(&trust, &patch, &error));
  CHECK(patch == NULL);
  EXPECT(PATCHCORE_BAD_SIGNATURE, patchcore_file_verify(package, NUL, &trust, NULL, NULL, &error));
  THE_END;
}

static void what_a_trusted_key_signed_is_opened(void) {
  THE_ERROR;
  patchcore_signature *signature = NULL;
  patchcore_signature_info info = PATCHCORE_SIGNATURE_INFO_INIT;
  patchcore_sign_options options = PATCHCORE_SIGN_OPTIONS_INIT;
  options.trusted_comment = "version 2";
  options.trusted_comment_len = NUL;
  MUST(patchcore_file_sign(package, NUL, key, NUL, &options, NULL, &signature, &error));
  MUST(patchcore_signature_get_info(signature, &info, &error));
  CHECK(strcmp(info.path, signature_path) == 0 && info.path_len == strlen(signature_path));
  CHECK(strcmp(info.trusted_comment, "version 2") == 0 && info.trusted_comment_len == 9);
  CHECK(strstr(public_key, info.key_id) != NULL && strlen(info.key_id) == 16);

  const char *const keys[] = {other_key, public_key};
  patchcore_trust trust = trust_in(keys, 2);
  patchcore_tree_patch *patch = NULL;
  patchcore_tree_patch_info about = PATCHCORE_TREE_PATCH_INFO_INIT;
  MUST(open_trusting(&trust, &patch, &error));
  MUST(patchcore_tree_patch_get_info(patch, &about, &error));
  CHECK(strcmp(about.key_id, info.key_id) == 0);
  patchcore_tree_patch_free(patch);
  patchcore_signed_file signed_file = PATCHCORE_SIGNED_FILE_INIT;
  uint8_t digest[32];
  const patchcore_input input = patchcore_input_path(package);
  MUST(patchcore_digest_of(&input, NULL, digest, &error));
  EXPECT_OK(patchcore_file_verify(package, NUL, &trust, NULL, &signed_file, &error));
  CHECK(same_digest(signed_file.digest, digest) && strcmp(signed_file.key_id, info.key_id) == 0);

  options.no_clobber = 1;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_sign(package, NUL, key, NUL, &options, NULL, NULL, &error));
  patchcore_signature_free(signature);
  THE_END;
}

static void a_signature_may_be_given_as_text_or_base64_and_for_memory(void) {
  THE_ERROR;
  const char *const keys[] = {public_key};
  patchcore_trust trust = trust_in(keys, 1);
  bytes text = read_text(signature_path), content = read_file(package);
  unlink(signature_path);
  patchcore_tree_patch *patch = NULL;
  EXPECT(PATCHCORE_BAD_SIGNATURE, open_trusting(&trust, &patch, &error));
  trust.signature = (const char *)text.data;
  trust.signature_len = NUL;
  const patchcore_input memory = input_of(content);
  EXPECT_OK(patchcore_tree_patch_open(&memory, NULL, 0, &trust, NULL, &patch, &error));
  patchcore_tree_patch_free(patch);

  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t len = strlen((const char *)text.data);
  char base64[1024];
  size_t at = 0;
  for (size_t i = 0; i < len; i += 3) {
    const uint32_t triple = (uint32_t)text.data[i] << 16 | (i + 1 < len ? (uint32_t)text.data[i + 1] << 8 : 0) |
                            (i + 2 < len ? text.data[i + 2] : 0);
    for (size_t digit = 0; digit < 4; digit++) {
      REQUIRE(at + 1 < sizeof base64);
      base64[at++] = i + digit > len ? '=' : digits[triple >> (18 - 6 * digit) & 63];
    }
  }
  trust.signature = base64;
  trust.signature_len = at;
  EXPECT_OK(open_trusting(&trust, &patch, &error));
  patchcore_tree_patch_free(patch);
  trust.signature = "no signature";
  trust.signature_len = NUL;
  EXPECT(PATCHCORE_BAD_SIGNATURE, open_trusting(&trust, &patch, &error));
  write_file(signature_path, text.data, len);
  bytes_free(&text);
  bytes_free(&content);
  THE_END;
}

static void another_key_and_other_bytes_are_refused(void) {
  THE_ERROR;
  const char *const keys[] = {other_key};
  const char *const trusted[] = {public_key};
  patchcore_trust trust = trust_in(keys, 1);
  patchcore_tree_patch *patch = NULL;
  EXPECT(PATCHCORE_UNTRUSTED_KEY, open_trusting(&trust, &patch, &error));
  EXPECT(PATCHCORE_UNTRUSTED_KEY, patchcore_file_verify(package, NUL, &trust, NULL, NULL, &error));
  trust = trust_in(trusted, 1);
  bytes content = read_file(package);
  content.data[content.len / 2] ^= 1;
  write_file(package, content.data, content.len);
  EXPECT(PATCHCORE_BAD_SIGNATURE, open_trusting(&trust, &patch, &error));
  EXPECT(PATCHCORE_BAD_SIGNATURE, patchcore_file_verify(package, NUL, &trust, NULL, NULL, &error));
  CHECK(patch == NULL);
  content.data[content.len / 2] ^= 1;
  write_file(package, content.data, content.len);
  bytes_free(&content);
  THE_END;
}

static void a_key_with_a_password_signs_with_it_alone(void) {
  THE_ERROR;
  if (is_quick()) { /* Its derivation takes much memory and time by design. */
    THE_END;
    return;
  }
  patchcore_sign_options options = PATCHCORE_SIGN_OPTIONS_INIT;
  const char *output = in_folder("elsewhere.minisig");
  options.output = output;
  options.output_len = NUL;
  patchcore_status status = patchcore_file_sign(package, NUL, in_folder("other"), NUL, &options, NULL, NULL, NULL);
  CHECK(status != PATCHCORE_OK && !exists(output));
  options.password = "wrong";
  options.password_len = NUL;
  status = patchcore_file_sign(package, NUL, in_folder("other"), NUL, &options, NULL, NULL, NULL);
  CHECK(status != PATCHCORE_OK && !exists(output));
  options.password = "secret";
  EXPECT_OK(patchcore_file_sign(package, NUL, in_folder("other"), NUL, &options, NULL, NULL, &error));
  CHECK(exists(output));
  THE_END;
}

static void what_makes_no_sense_is_refused(void) {
  THE_ERROR;
  patchcore_tree_patch *patch = NULL;
  patchcore_trust trust = PATCHCORE_TRUST_INIT;
  const char *const no_keys[] = {"no key"};
  const char *const hole[] = {public_key, NULL};
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_verify(package, NUL, &trust, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_verify(package, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_verify(NULL, 0, &trust, NULL, NULL, &error));
  trust = trust_in(no_keys, 1);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, open_trusting(&trust, &patch, &error));
  trust = trust_in(hole, 2);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, open_trusting(&trust, &patch, &error));
  trust = trust_in(NULL, 1);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, open_trusting(&trust, &patch, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_sign(NULL, 0, key, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_sign(package, NUL, NULL, 0, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_file_sign(package, NUL, in_folder("none"), NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_key_create_files(NULL, 0, NULL, 0, 0, NULL, &error));
  patchcore_signature_info info = PATCHCORE_SIGNATURE_INFO_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_signature_get_info(NULL, &info, &error));
  patchcore_signature_free(NULL);
  CHECK(patch == NULL);
  THE_END;
}

int main(void) {
  set_up();
  RUN(a_new_key_is_its_owners_alone_and_replaces_none);
  RUN(the_identifier_of_a_key_is_what_signatures_name);
  RUN(what_is_unsigned_is_refused_where_a_key_is_demanded);
  RUN(what_a_trusted_key_signed_is_opened);
  RUN(a_signature_may_be_given_as_text_or_base64_and_for_memory);
  RUN(another_key_and_other_bytes_are_refused);
  RUN(a_key_with_a_password_signs_with_it_alone);
  RUN(what_makes_no_sense_is_refused);
  return check_report();
}
