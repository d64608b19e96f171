/* A wrong call is INVALID_ARGUMENT or UNSUPPORTED and changes nothing, whatever is wrong about it. */

#include "samples.h"

#define INVALID(call) EXPECT(PATCHCORE_INVALID_ARGUMENT, call)

static bytes old_file, new_file, delta;
static patchcore_input old_input, new_input, delta_input;
static patchcore_chain *chain;
static const char *chain_path;

static void set_up(void) {
  THE_ERROR;
  old_file = image(5000, 1);
  new_file = successor(old_file, 20, 2);
  delta = delta_of(old_file, new_file, 1, 0);
  old_input = input_of(old_file);
  new_input = input_of(new_file);
  delta_input = input_of(delta);
  chain_path = in_folder("chain");
  const patchcore_output output = patchcore_output_path(chain_path);
  MUST(patchcore_chain_create(&delta_input, 1, &output, NULL, NULL, NULL, &error));
  const patchcore_input input = patchcore_input_path(chain_path);
  MUST(patchcore_chain_open(&input, &chain, &error));
  THE_END;
}

static void tear_down(void) {
  patchcore_chain_free(chain);
  bytes_free(&old_file);
  bytes_free(&new_file);
  bytes_free(&delta);
}

static void every_null_pointer_of_a_digest_function_is_refused(void) {
  THE_ERROR;
  uint8_t digest[32] = {0};
  char hex[PATCHCORE_DIGEST_HEX_SIZE];
  INVALID(patchcore_digest_of(NULL, NULL, digest, &error));
  INVALID(patchcore_digest_of(&old_input, NULL, NULL, &error));
  INVALID(patchcore_digest_to_hex(NULL, hex, sizeof hex, &error));
  INVALID(patchcore_digest_to_hex(digest, NULL, sizeof hex, &error));
  INVALID(patchcore_digest_to_hex(digest, NULL, 0, &error));
  INVALID(patchcore_digest_from_hex(NULL, 64, digest, &error));
  INVALID(patchcore_digest_from_hex(NULL, 0, digest, &error));
  INVALID(patchcore_digest_from_hex(NULL, PATCHCORE_NUL_TERMINATED, digest, &error));
  EXPECT_OK(patchcore_digest_to_hex(digest, hex, sizeof hex, &error));
  INVALID(patchcore_digest_from_hex(hex, 64, NULL, &error));
  THE_END;
}

static void every_null_pointer_of_a_delta_function_is_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_explanation *explanation = NULL;
  int32_t kind = 0;
  INVALID(patchcore_delta_diff(NULL, &new_input, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_diff(&old_input, NULL, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_diff(&old_input, &new_input, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_apply(NULL, &delta_input, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_apply(&old_input, NULL, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_apply(&old_input, &delta_input, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_squash(NULL, 1, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_squash(NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_squash(&delta_input, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_squash(&delta_input, 1, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_inspect(NULL, NULL, &error));
  INVALID(patchcore_delta_verify(NULL, NULL, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_delta_explain(NULL, 1, NULL, NULL, &explanation, &error));
  INVALID(patchcore_delta_explain(&delta_input, 1, NULL, NULL, NULL, &error));
  INVALID(patchcore_file_kind(NULL, &kind, &error));
  INVALID(patchcore_file_kind(&delta_input, NULL, &error));
  CHECK(explanation == NULL && buffer.data == NULL && buffer.len == 0);
  THE_END;
}

static void every_null_pointer_of_an_explanation_function_is_refused(void) {
  THE_ERROR;
  patchcore_explanation *explanation = NULL;
  MUST(patchcore_delta_explain(&delta_input, 5, NULL, NULL, &explanation, &error));
  patchcore_explained_part part = PATCHCORE_EXPLAINED_PART_INIT;
  patchcore_explained_segment segment = PATCHCORE_EXPLAINED_SEGMENT_INIT;
  patchcore_range range = {0, 0};
  INVALID(patchcore_explanation_part(NULL, 0, &part, &error));
  INVALID(patchcore_explanation_part(explanation, 0, NULL, &error));
  INVALID(patchcore_explanation_part(explanation, 1000, &part, &error));
  INVALID(patchcore_explanation_segment(NULL, 0, &segment, &error));
  INVALID(patchcore_explanation_segment(explanation, 0, NULL, &error));
  INVALID(patchcore_explanation_segment(explanation, SIZE_MAX, &segment, &error));
  INVALID(patchcore_explanation_insertion(NULL, 0, &range, &error));
  INVALID(patchcore_explanation_insertion(explanation, 0, NULL, &error));
  INVALID(patchcore_explanation_insertion(explanation, 1000, &range, &error));
  INVALID(patchcore_explanation_contents(NULL, NULL, NULL, &error));
  EXPECT_OK(patchcore_explanation_contents(explanation, NULL, NULL, &error));
  CHECK(patchcore_explanation_part_count(NULL) == 0 && patchcore_explanation_segment_count(NULL) == 0);
  CHECK(patchcore_explanation_insertion_count(NULL) == 0 && patchcore_explanation_insertions(NULL) == 0);
  patchcore_explanation_free(explanation);
  THE_END;
}

static void every_null_pointer_of_a_chain_function_is_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  const patchcore_input input = patchcore_input_path(chain_path);
  patchcore_chain *opened = NULL;
  patchcore_chain_info info = PATCHCORE_CHAIN_INFO_INIT;
  patchcore_version_info version = PATCHCORE_VERSION_INFO_INIT;
  patchcore_link_info link = PATCHCORE_LINK_INFO_INIT;
  patchcore_explanation *explanation = NULL;
  uint64_t ordinal = 0, links[4];
  size_t count = 0;
  const uint8_t digest[32] = {0};
  const char *folder = in_folder("never");

  INVALID(patchcore_chain_open(NULL, &opened, &error));
  INVALID(patchcore_chain_open(&input, NULL, &error));
  INVALID(patchcore_chain_get_info(NULL, &info, &error));
  EXPECT_OK(patchcore_chain_get_info(chain, NULL, &error));
  INVALID(patchcore_chain_get_version(NULL, 0, &version, &error));
  EXPECT_OK(patchcore_chain_get_version(chain, 0, NULL, &error));
  INVALID(patchcore_chain_get_version(chain, 2, &version, &error));
  INVALID(patchcore_chain_get_version(chain, UINT64_MAX, &version, &error));
  INVALID(patchcore_chain_get_link(NULL, 0, &link, &error));
  EXPECT_OK(patchcore_chain_get_link(chain, 0, NULL, &error));
  INVALID(patchcore_chain_get_link(chain, 1, &link, &error));
  INVALID(patchcore_chain_get_link(chain, UINT64_MAX, &link, &error));
  INVALID(patchcore_chain_resolve(NULL, "v1", 2, &ordinal, &error));
  INVALID(patchcore_chain_resolve(chain, NULL, 2, &ordinal, &error));
  INVALID(patchcore_chain_resolve(chain, NULL, 0, &ordinal, &error));
  INVALID(patchcore_chain_resolve(chain, "v1", 2, NULL, &error));
  INVALID(patchcore_chain_find(NULL, digest, &ordinal, &error));
  INVALID(patchcore_chain_find(chain, NULL, &ordinal, &error));
  INVALID(patchcore_chain_find(chain, digest, NULL, &error));
  INVALID(patchcore_chain_route(NULL, 0, 1, links, 4, &count, &error));
  INVALID(patchcore_chain_route(chain, 0, 1, NULL, 4, &count, &error));
  INVALID(patchcore_chain_route(chain, 0, 1, links, 4, NULL, &error));
  INVALID(patchcore_chain_route(chain, 0, 2, links, 4, &count, &error));
  INVALID(patchcore_chain_route(chain, UINT64_MAX, 0, links, 4, &count, &error));
  INVALID(patchcore_chain_apply(NULL, &old_input, NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_apply(chain, NULL, NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_apply(chain, &old_input, NULL, 2, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_apply(chain, &old_input, NULL, 0, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_squash(NULL, NULL, 0, NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_squash(chain, NULL, 2, NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_squash(chain, NULL, 0, NULL, 2, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_squash(chain, NULL, 0, NULL, 0, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract_link(NULL, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract_link(chain, 0, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract_link(chain, 1, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract(NULL, folder, strlen(folder), NULL, 0, NULL, 0, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract(chain, NULL, 1, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract(chain, NULL, 0, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_verify(NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_explain_link(NULL, 0, 1, NULL, NULL, &explanation, &error));
  INVALID(patchcore_chain_explain_link(chain, 0, 1, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_explain_link(chain, 1, 1, NULL, NULL, &explanation, &error));
  INVALID(patchcore_chain_create(NULL, 1, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_create(&delta_input, 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_create(&delta_input, 1, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_append(NULL, 1, &delta_input, 1, NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_chain_append(NULL, 0, &delta_input, 1, NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_chain_append(chain_path, PATCHCORE_NUL_TERMINATED, NULL, 1, NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_chain_append(chain_path, PATCHCORE_NUL_TERMINATED, &delta_input, 0, NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_chain_append(chain_path, PATCHCORE_NUL_TERMINATED, &delta_input, 1, NULL, 2, NULL, NULL, &error));
  INVALID(patchcore_chain_prune(NULL, 1, "v2", 2, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_prune(NULL, 0, "v2", 2, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_prune(chain_path, PATCHCORE_NUL_TERMINATED, NULL, 2, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_prune(chain_path, PATCHCORE_NUL_TERMINATED, NULL, 0, 0, NULL, NULL, NULL, &error));
  CHECK(opened == NULL && explanation == NULL && buffer.data == NULL && !exists(folder));
  THE_END;
}

static int no_read(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  (void)user_data, (void)offset, (void)buffer, (void)len;
  return 1;
}

static int no_write(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  (void)user_data, (void)offset, (void)data, (void)len;
  return 1;
}

static patchcore_device device_of_nothing(void) {
  patchcore_device device = PATCHCORE_DEVICE_INIT;
  device.old_size = 10;
  device.read_old = no_read;
  device.write_new = no_write;
  return device;
}

static void every_null_pointer_of_an_applier_function_is_refused(void) {
  THE_ERROR;
  const patchcore_device device = device_of_nothing();
  patchcore_applier *applier = NULL;
  size_t len = 0;
  uint8_t blob[PATCHCORE_CHECKPOINT_SIZE] = {0};
  INVALID(patchcore_applier_new(NULL, NULL, &applier, &error));
  INVALID(patchcore_applier_new(&device, NULL, NULL, &error));
  patchcore_device broken = device;
  broken.read_old = NULL;
  INVALID(patchcore_applier_new(&broken, NULL, &applier, &error));
  broken = device;
  broken.write_new = NULL;
  INVALID(patchcore_applier_new(&broken, NULL, &applier, &error));
  INVALID(patchcore_applier_resume(NULL, NULL, blob, sizeof blob, &applier, NULL, NULL, &error));
  INVALID(patchcore_applier_resume(&device, NULL, NULL, sizeof blob, &applier, NULL, NULL, &error));
  INVALID(patchcore_applier_resume(&device, NULL, blob, sizeof blob, NULL, NULL, NULL, &error));
  CHECK(applier == NULL);

  MUST(patchcore_applier_new(&device, NULL, &applier, &error));
  INVALID(patchcore_applier_push(NULL, delta.data, delta.len, &len, &error));
  INVALID(patchcore_applier_push(applier, NULL, 1, &len, &error));
  INVALID(patchcore_applier_push(applier, delta.data, 1, NULL, &error));
  INVALID(patchcore_applier_finish(NULL, NULL, &error));
  INVALID(patchcore_applier_checkpoint(NULL, blob, sizeof blob, &len, &error));
  INVALID(patchcore_applier_checkpoint(applier, NULL, sizeof blob, &len, &error));
  INVALID(patchcore_applier_checkpoint(applier, blob, sizeof blob, NULL, &error));
  INVALID(patchcore_applier_info(NULL, NULL, &error));
  INVALID(patchcore_applier_info(applier, NULL, &error));
  INVALID(patchcore_applier_position(NULL, NULL, NULL, &error));
  EXPECT_OK(patchcore_applier_position(applier, NULL, NULL, &error));
  patchcore_applier_free(applier);
  THE_END;
}

static void accessors_and_frees_take_null(void) {
  uint64_t offset = 0;
  int64_t value = 0;
  int32_t code = 0;
  size_t len = 1;
  CHECK(patchcore_error_status(NULL) == PATCHCORE_OK);
  CHECK(strcmp(patchcore_error_message(NULL), "") == 0);
  CHECK(patchcore_error_path(NULL, &len) == NULL && patchcore_error_path(NULL, NULL) == NULL);
  CHECK(patchcore_error_offset(NULL, &offset) == 0 && patchcore_error_offset(NULL, NULL) == 0);
  CHECK(patchcore_error_callback_value(NULL, &value) == 0 && patchcore_error_callback_value(NULL, NULL) == 0);
  CHECK(patchcore_error_system_code(NULL, &code) == 0 && patchcore_error_system_code(NULL, NULL) == 0);
  CHECK(patchcore_error_outcome(NULL) == PATCHCORE_OUTCOME_NONE);
  CHECK(patchcore_cancel_is_requested(NULL) == 0);
  patchcore_cancel_request(NULL);
  patchcore_error_free(NULL);
  patchcore_buffer_free(NULL);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  patchcore_buffer_free(&buffer);
  patchcore_cancel_free(NULL);
  patchcore_explanation_free(NULL);
  patchcore_applier_free(NULL);
  patchcore_chain_free(NULL);
}

static void accessors_take_null_for_what_nobody_wants_to_know(void) {
  THE_ERROR;
  const patchcore_input missing = patchcore_input_path(in_folder("missing"));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_delta_inspect(&missing, NULL, &error));
  CHECK(patchcore_error_path(error, NULL) != NULL);
  CHECK(patchcore_error_system_code(error, NULL) == 1);
  CHECK(patchcore_error_offset(error, NULL) == 0);
  CHECK(patchcore_delta_inspect(&missing, NULL, NULL) == PATCHCORE_NOT_FOUND);
  THE_END;
}

static void success_clears_the_error_variable(void) {
  patchcore_error *error = (patchcore_error *)(void *)&old_input;
  CHECK(patchcore_delta_inspect(&delta_input, NULL, &error) == PATCHCORE_OK);
  CHECK(error == NULL);
}

static void an_input_or_output_that_names_nothing_is_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  for (int32_t kind = -1; kind <= 4; kind++) {
    patchcore_input input = PATCHCORE_INPUT_INIT;
    input.kind = kind;
    if (kind == PATCHCORE_INPUT_MEMORY) {
      input.data_len = 1;
    }
    INVALID(patchcore_delta_inspect(&input, NULL, &error));
    INVALID(patchcore_delta_diff(&old_input, &input, &output, NULL, NULL, NULL, &error));
    patchcore_output nothing = PATCHCORE_OUTPUT_INIT;
    nothing.kind = kind;
    INVALID(patchcore_delta_diff(&old_input, &new_input, &nothing, NULL, NULL, NULL, &error));
    INVALID(patchcore_chain_create(&delta_input, 1, &nothing, NULL, NULL, NULL, &error));
  }
  CHECK(buffer.data == NULL);
  THE_END;
}

static void more_bytes_than_memory_can_hold_are_refused(void) {
  THE_ERROR;
  const patchcore_input input = patchcore_input_memory(delta.data, SIZE_MAX);
  INVALID(patchcore_delta_inspect(&input, NULL, &error));
  const patchcore_device nothing = device_of_nothing();
  patchcore_applier *applier = NULL;
  size_t len = 0;
  MUST(patchcore_applier_new(&nothing, NULL, &applier, &error));
  INVALID(patchcore_applier_push(applier, delta.data, SIZE_MAX, &len, &error));
  patchcore_applier_free(applier);
  THE_END;
}

static int read_zeros(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  (void)user_data, (void)offset;
  memset(buffer, 0, len);
  return 0;
}

/* The first bytes are those of a delta or a chain, all others zeros. */
static int read_start(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  const bytes *start = (const bytes *)user_data;
  memset(buffer, 0, len);
  if (offset < start->len) {
    const size_t left = start->len - (size_t)offset;
    memcpy(buffer, start->data + offset, left < len ? left : len);
  }
  return 0;
}

static void sizes_that_no_file_has_are_no_trouble(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  bytes chain_start = read_file(chain_path);
  chain_start.len = 60;
  const uint64_t sizes[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX, UINT64_MAX - 131};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const patchcore_input zeros = patchcore_input_callback(read_zeros, NULL, sizes[i]);
    const patchcore_input endless_delta = patchcore_input_callback(read_start, &delta, sizes[i]);
    const patchcore_input endless_chain = patchcore_input_callback(read_start, &chain_start, sizes[i]);
    patchcore_chain *opened = NULL;
    int32_t kind = 0;
    EXPECT(PATCHCORE_CORRUPT, patchcore_delta_inspect(&zeros, NULL, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_delta_verify(&zeros, NULL, NULL, NULL, NULL, NULL, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_file_kind(&zeros, &kind, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_chain_open(&zeros, &opened, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_chain_open(&endless_chain, &opened, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_delta_verify(&endless_delta, NULL, NULL, NULL, NULL, NULL, &error));
    EXPECT(PATCHCORE_CORRUPT, patchcore_chain_create(&endless_delta, 1, &output, NULL, NULL, NULL, &error));
    EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_apply(&zeros, &delta_input, &output, NULL, NULL, NULL, &error));
    CHECK(opened == NULL && buffer.data == NULL);
  }
  bytes_free(&chain_start);
  THE_END;
}

static void names_that_are_not_there_are_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  const char *const names[] = {"one", NULL};
  const size_t lens[] = {3, 0};
  patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.name_count = 2;
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  options.names = names;
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  options.name_lens = lens;
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  options.name_count = SIZE_MAX;
  options.names = NULL;
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  options = (patchcore_chain_create_options)PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.chain_id_len = 3;
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  THE_END;
}

static void memory_of_no_bytes_is_an_empty_file(void) {
  THE_ERROR;
  uint8_t digest[32];
  char hex[PATCHCORE_DIGEST_HEX_SIZE];
  const patchcore_input empty = patchcore_input_memory(NULL, 0);
  EXPECT_OK(patchcore_digest_of(&empty, NULL, digest, &error));
  EXPECT_OK(patchcore_digest_to_hex(digest, hex, sizeof hex, &error));
  CHECK(strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0);
  THE_END;
}

static void empty_strings_are_no_names_no_versions_and_no_paths(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  uint64_t ordinal = 7;
  uint8_t digest[32];
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_resolve(chain, "", 0, &ordinal, &error));
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_apply(chain, &old_input, "", 0, &output, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_squash(chain, "", 0, NULL, 0, &output, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_squash(chain, NULL, 0, "", 0, &output, NULL, NULL, NULL, &error));
  INVALID(patchcore_digest_from_hex("", 0, digest, &error));
  patchcore_input input = patchcore_input_path("");
  INVALID(patchcore_delta_inspect(&input, NULL, &error));
  patchcore_output nowhere = patchcore_output_path("");
  INVALID(patchcore_delta_diff(&old_input, &new_input, &nowhere, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_extract(chain, "", 0, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_chain_append("", 0, &delta_input, 1, NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_chain_append(chain_path, PATCHCORE_NUL_TERMINATED, &delta_input, 1, "", 0, NULL, NULL, &error));
  patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.chain_id = "";
  INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  CHECK(ordinal == 0 && buffer.data == NULL);
  THE_END;
}

static void text_that_is_no_utf8_is_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  uint64_t ordinal = 0;
  uint8_t digest[32];
  const char *const bad[] = {"\xff", "v\xc3", "\xed\xa0\x80", "\xc0\xaf", "a\x80z"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const char *text = bad[i];
    const size_t len = strlen(text);
    INVALID(patchcore_chain_resolve(chain, text, len, &ordinal, &error));
    INVALID(patchcore_chain_resolve(chain, text, PATCHCORE_NUL_TERMINATED, &ordinal, &error));
    INVALID(patchcore_chain_apply(chain, &old_input, text, len, &output, NULL, NULL, NULL, &error));
    INVALID(patchcore_chain_squash(chain, text, len, NULL, 0, &output, NULL, NULL, NULL, &error));
    INVALID(patchcore_chain_squash(chain, NULL, 0, text, len, &output, NULL, NULL, NULL, &error));
    INVALID(patchcore_digest_from_hex(text, len, digest, &error));
    INVALID(
        patchcore_chain_append(chain_path, PATCHCORE_NUL_TERMINATED, &delta_input, 1, text, len, NULL, NULL, &error));
    INVALID(patchcore_chain_prune(chain_path, PATCHCORE_NUL_TERMINATED, text, len, 0, NULL, NULL, NULL, &error));
    patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
    options.chain_id = text;
    options.chain_id_len = len;
    INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
    const char *const names[] = {"one", text};
    options = (patchcore_chain_create_options)PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
    options.names = names;
    options.name_count = 2;
    INVALID(patchcore_chain_create(&delta_input, 1, &output, &options, NULL, NULL, &error));
  }
  CHECK(buffer.data == NULL);
  THE_END;
}

#ifndef _WIN32
#ifndef __APPLE__
static void a_path_on_unix_is_bytes(void) {
  THE_ERROR;
  const char *path = in_folder("name-\xff\xfe");
  const patchcore_output output = patchcore_output_path(path);
  EXPECT_OK(patchcore_delta_diff(&old_input, &new_input, &output, NULL, NULL, NULL, &error));
  CHECK(exists(path));
  const patchcore_input input = patchcore_input_path(path);
  EXPECT_OK(patchcore_delta_inspect(&input, NULL, &error));
  unlink(path);
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_delta_inspect(&input, NULL, &error));
  size_t len = 0;
  const char *named = patchcore_error_path(error, &len);
  CHECK(named != NULL && is_same(named, len, path, strlen(path)));
  THE_END;
}
#endif
#endif

static void a_path_with_a_nul_inside_is_refused(void) {
  THE_ERROR;
  patchcore_input input = PATCHCORE_INPUT_INIT;
  input.kind = PATCHCORE_INPUT_PATH;
  input.path = "a\0b";
  input.path_len = 3;
  INVALID(patchcore_delta_inspect(&input, NULL, &error));
  THE_END;
}

static void numbers_out_of_range_are_refused(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  const int32_t levels[] = {-1, 10, 255, 256 + 6, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    patchcore_diff_options diff = PATCHCORE_DIFF_OPTIONS_INIT;
    diff.level = levels[i];
    INVALID(patchcore_delta_diff(&old_input, &new_input, &output, &diff, NULL, NULL, &error));
    patchcore_squash_options squash = PATCHCORE_SQUASH_OPTIONS_INIT;
    squash.level = levels[i];
    INVALID(patchcore_chain_squash(chain, "v1", 2, "v1", 2, &output, &squash, NULL, NULL, &error));
  }
  const int32_t engines[] = {-1, 2, 257, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
    patchcore_diff_options diff = PATCHCORE_DIFF_OPTIONS_INIT;
    diff.engine = engines[i];
    INVALID(patchcore_delta_diff(&old_input, &new_input, &output, &diff, NULL, NULL, &error));
  }
  patchcore_diff_options diff = PATCHCORE_DIFF_OPTIONS_INIT;
  diff.max_apply_memory = 1000;
  INVALID(patchcore_delta_diff(&old_input, &new_input, &output, &diff, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  THE_END;
}

static void names_tell_every_status_and_phase_and_unknown_ones(void) {
  CHECK(strcmp(patchcore_status_name(PATCHCORE_OK), "OK") == 0);
  CHECK(strcmp(patchcore_status_name(PATCHCORE_SOURCE_MISMATCH), "SOURCE_MISMATCH") == 0);
  CHECK(strcmp(patchcore_status_name(PATCHCORE_STALE), "STALE") == 0);
  const patchcore_status unknown[] = {1, 9, 17, 53, 999, -1, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    CHECK(strcmp(patchcore_status_name(unknown[i]), "UNKNOWN") == 0);
  }
  CHECK(strcmp(patchcore_phase_name(PATCHCORE_PHASE_HASH), "hash") == 0);
  CHECK(strcmp(patchcore_phase_name(PATCHCORE_PHASE_VERIFY), "verify") == 0);
  CHECK(strcmp(patchcore_phase_name(0), "unknown") == 0 && strcmp(patchcore_phase_name(-5), "unknown") == 0);
}

static void the_library_is_the_one_of_the_header(void) {
  CHECK(strcmp(patchcore_version(), PATCHCORE_VERSION) == 0);
  CHECK(patchcore_version_number() ==
        (uint32_t)(PATCHCORE_VERSION_MAJOR << 16 | PATCHCORE_VERSION_MINOR << 8 | PATCHCORE_VERSION_PATCH));
}

static void hex_is_read_in_either_case_and_written_in_one(void) {
  THE_ERROR;
  uint8_t digest[32], again[32];
  char hex[PATCHCORE_DIGEST_HEX_SIZE];
  MUST(patchcore_digest_of(&old_input, NULL, digest, &error));
  EXPECT(PATCHCORE_LIMIT, patchcore_digest_to_hex(digest, hex, PATCHCORE_DIGEST_HEX_SIZE - 1, &error));
  EXPECT_OK(patchcore_digest_to_hex(digest, hex, sizeof hex, &error));
  CHECK(strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64);
  char upper[7 + PATCHCORE_DIGEST_HEX_SIZE] = "sha256:";
  for (size_t i = 0; i <= 64; i++) {
    upper[7 + i] = hex[i];
    if (hex[i] >= 'a') {
      upper[7 + i] = (char)(hex[i] - 'a' + 'A');
    }
  }
  EXPECT_OK(patchcore_digest_from_hex(upper, PATCHCORE_NUL_TERMINATED, again, &error));
  CHECK(memcmp(digest, again, 32) == 0);
  EXPECT_OK(patchcore_digest_from_hex(upper + 7, 64, again, &error));
  INVALID(patchcore_digest_from_hex(hex, 63, again, &error));
  hex[5] = 'g';
  INVALID(patchcore_digest_from_hex(hex, 64, again, &error));
  THE_END;
}

int main(void) {
  set_up();
  RUN(every_null_pointer_of_a_digest_function_is_refused);
  RUN(every_null_pointer_of_a_delta_function_is_refused);
  RUN(every_null_pointer_of_an_explanation_function_is_refused);
  RUN(every_null_pointer_of_a_chain_function_is_refused);
  RUN(every_null_pointer_of_an_applier_function_is_refused);
  RUN(accessors_and_frees_take_null);
  RUN(accessors_take_null_for_what_nobody_wants_to_know);
  RUN(success_clears_the_error_variable);
  RUN(an_input_or_output_that_names_nothing_is_refused);
  RUN(more_bytes_than_memory_can_hold_are_refused);
  RUN(sizes_that_no_file_has_are_no_trouble);
  RUN(names_that_are_not_there_are_refused);
  RUN(memory_of_no_bytes_is_an_empty_file);
  RUN(empty_strings_are_no_names_no_versions_and_no_paths);
  RUN(text_that_is_no_utf8_is_refused);
#ifndef _WIN32
#ifndef __APPLE__
  RUN(a_path_on_unix_is_bytes);
#endif
#endif
  RUN(a_path_with_a_nul_inside_is_refused);
  RUN(numbers_out_of_range_are_refused);
  RUN(names_tell_every_status_and_phase_and_unknown_ones);
  RUN(the_library_is_the_one_of_the_header);
  RUN(hex_is_read_in_either_case_and_written_in_one);
  tear_down();
  return check_report();
}
