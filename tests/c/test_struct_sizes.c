/* A program and a library of different ages agree on structs by their size: shorter is old, longer must be empty. */

#include "samples.h"

#include <stddef.h>

static bytes old_file, new_file, delta;
static patchcore_input old_input, new_input, delta_input;

/* A struct of any type with room for the fields of a newer header behind it. */
typedef union room {
  size_t struct_size;
  uint64_t align;
  uint8_t bytes[512];
} room;

/* Makes `made` the struct `value` of `len` bytes, which says it has `said`, with `tail` in what a newer one has. */
static const void *resized(room *made, const void *value, size_t len, size_t said, uint8_t tail) {
  memset(made, 0, sizeof *made);
  memcpy(made->bytes, value, len);
  memset(made->bytes + len, tail, sizeof made->bytes - len);
  made->struct_size = said;
  return made;
}

typedef patchcore_status (*attempt)(const void *value, patchcore_error **error);

static patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;

static patchcore_output to_memory(void) {
  patchcore_buffer_free(&buffer);
  return patchcore_output_memory(&buffer);
}

static patchcore_status with_input(const void *value, patchcore_error **error) {
  return patchcore_delta_inspect((const patchcore_input *)value, NULL, error);
}

static patchcore_status with_output(const void *value, patchcore_error **error) {
  patchcore_buffer_free(&buffer);
  return patchcore_delta_diff(&old_input, &new_input, (const patchcore_output *)value, NULL, NULL, NULL, error);
}

static patchcore_status with_job(const void *value, patchcore_error **error) {
  return patchcore_delta_verify(&delta_input, NULL, NULL, (const patchcore_job *)value, NULL, NULL, error);
}

static patchcore_status with_diff_options(const void *value, patchcore_error **error) {
  const patchcore_output output = to_memory();
  return patchcore_delta_diff(&old_input, &new_input, &output, (const patchcore_diff_options *)value, NULL, NULL,
                              error);
}

static patchcore_status with_squash_options(const void *value, patchcore_error **error) {
  const patchcore_output output = to_memory();
  const patchcore_squash_options *options = (const patchcore_squash_options *)value;
  return patchcore_delta_squash(&delta_input, 1, &output, options, NULL, NULL, error);
}

static patchcore_status with_apply_options(const void *value, patchcore_error **error) {
  const patchcore_output output = to_memory();
  const patchcore_apply_options *options = (const patchcore_apply_options *)value;
  return patchcore_delta_apply(&old_input, &delta_input, &output, options, NULL, NULL, error);
}

static patchcore_status with_limits(const void *value, patchcore_error **error) {
  return patchcore_delta_verify(&delta_input, NULL, (const patchcore_limits *)value, NULL, NULL, NULL, error);
}

static patchcore_status with_create_options(const void *value, patchcore_error **error) {
  const patchcore_output output = to_memory();
  const patchcore_chain_create_options *options = (const patchcore_chain_create_options *)value;
  return patchcore_chain_create(&delta_input, 1, &output, options, NULL, NULL, error);
}

static int no_read(void *user_data, uint64_t offset, uint8_t *data, size_t len) {
  (void)user_data, (void)offset, (void)data, (void)len;
  return 1;
}

static int no_write(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  (void)user_data, (void)offset, (void)data, (void)len;
  return 1;
}

static patchcore_device device_of_nothing(void) {
  patchcore_device device = PATCHCORE_DEVICE_INIT;
  device.read_old = no_read;
  device.write_new = no_write;
  return device;
}

static patchcore_status with_device(const void *value, patchcore_error **error) {
  patchcore_applier *applier = NULL;
  const patchcore_status status = patchcore_applier_new((const patchcore_device *)value, NULL, &applier, error);
  patchcore_applier_free(applier);
  return status;
}

static patchcore_status with_applier_options(const void *value, patchcore_error **error) {
  const patchcore_device device = device_of_nothing();
  patchcore_applier *applier = NULL;
  const patchcore_status status =
      patchcore_applier_new(&device, (const patchcore_applier_options *)value, &applier, error);
  patchcore_applier_free(applier);
  return status;
}

/* `least`: how much of the struct must be there for the call to make sense. */
static void check_sizes(const char *what, attempt try_it, const void *value, size_t len, size_t least) {
  THE_ERROR;
  room made;
  bool fine = true;
  fine &= EXPECT_OK(try_it(resized(&made, value, len, len, 0xff), &error));
  fine &= EXPECT(PATCHCORE_INVALID_ARGUMENT, try_it(resized(&made, value, len, 0, 0), &error));
  fine &= EXPECT(PATCHCORE_INVALID_ARGUMENT, try_it(resized(&made, value, len, 1, 0), &error));
  fine &= EXPECT(PATCHCORE_INVALID_ARGUMENT, try_it(resized(&made, value, len, sizeof(size_t) - 1, 0), &error));
  fine &= EXPECT_OK(try_it(resized(&made, value, len, least, 0), &error));
  fine &= EXPECT_OK(try_it(resized(&made, value, len, len + 1, 0), &error));
  fine &= EXPECT_OK(try_it(resized(&made, value, len, len + 64, 0), &error));
  fine &= EXPECT(PATCHCORE_UNSUPPORTED, try_it(resized(&made, value, len, len + 64, 1), &error));
  resized(&made, value, len, len + 64, 0);
  made.bytes[len + 63] = 1;
  fine &= EXPECT(PATCHCORE_UNSUPPORTED, try_it(&made, &error));
  if (!fine) {
    fprintf(stderr, "  the struct was %s\n", what);
  }
  THE_END;
}

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

static void every_struct_that_goes_in_may_be_older_or_newer(void) {
  const patchcore_job job = PATCHCORE_JOB_INIT;
  const patchcore_diff_options diff = PATCHCORE_DIFF_OPTIONS_INIT;
  const patchcore_squash_options squash = PATCHCORE_SQUASH_OPTIONS_INIT;
  const patchcore_apply_options apply = PATCHCORE_APPLY_OPTIONS_INIT;
  const patchcore_limits limits = PATCHCORE_LIMITS_INIT;
  const patchcore_chain_create_options create = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  const patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  const patchcore_device device = device_of_nothing();
  const patchcore_output output = patchcore_output_memory(&buffer);
  const size_t head = sizeof(size_t);
  check_sizes("patchcore_input", with_input, &delta_input, sizeof delta_input, END_OF(patchcore_input, data_len));
  check_sizes("patchcore_output", with_output, &output, sizeof output, END_OF(patchcore_output, buffer));
  check_sizes("patchcore_job", with_job, &job, sizeof job, head);
  check_sizes("patchcore_diff_options", with_diff_options, &diff, sizeof diff, head);
  check_sizes("patchcore_squash_options", with_squash_options, &squash, sizeof squash, head);
  check_sizes("patchcore_apply_options", with_apply_options, &apply, sizeof apply, head);
  check_sizes("patchcore_limits", with_limits, &limits, sizeof limits, head);
  check_sizes("patchcore_chain_create_options", with_create_options, &create, sizeof create, head);
  check_sizes("patchcore_device", with_device, &device, sizeof device, END_OF(patchcore_device, write_new));
  check_sizes("patchcore_applier_options", with_applier_options, &options, sizeof options, head);
  patchcore_buffer_free(&buffer);
}

static void fields_behind_the_size_given_are_not_looked_at(void) {
  THE_ERROR;
  const patchcore_output output = to_memory();
  patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
  options.max_apply_memory = 1; /* would be refused */
  options.struct_size = offsetof(patchcore_diff_options, max_apply_memory);
  EXPECT_OK(patchcore_delta_diff(&old_input, &new_input, &output, &options, NULL, NULL, &error));
  patchcore_buffer_free(&buffer);
  THE_END;
}

/* An input as a newer header may have it. */
typedef struct newer_input {
  patchcore_input known;
  uint64_t newer;
} newer_input;

static void inputs_of_an_array_lie_as_far_apart_as_they_say(void) {
  THE_ERROR;
  bytes last_file = successor(new_file, 10, 9);
  bytes second = delta_of(new_file, last_file, 1, 0);
  newer_input deltas[2] = {{delta_input, 0}, {input_of(second), 0}};
  deltas[0].known.struct_size = deltas[1].known.struct_size = sizeof(newer_input);
  const patchcore_output output = to_memory();
  EXPECT_OK(patchcore_delta_squash(&deltas[0].known, 2, &output, NULL, NULL, NULL, &error));
  bytes squashed = taken(&buffer);
  const patchcore_input squashed_input = input_of(squashed);
  const patchcore_output again = to_memory();
  EXPECT_OK(patchcore_delta_apply(&old_input, &squashed_input, &again, NULL, NULL, NULL, &error));
  CHECK(holds(&buffer, last_file));
  patchcore_buffer_free(&buffer);
  deltas[1].known.struct_size = sizeof(patchcore_input);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_squash(&deltas[0].known, 2, &output, NULL, NULL, NULL, &error));
  deltas[0].known.struct_size = 0;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_squash(&deltas[0].known, 2, &output, NULL, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  bytes_free(&squashed);
  bytes_free(&second);
  bytes_free(&last_file);
  THE_END;
}

/* An info struct is written up to the size that the caller says, and not a byte further. */
static void info_structs_are_written_up_to_their_size(void) {
  THE_ERROR;
  room made;
  patchcore_delta_info *info = (patchcore_delta_info *)(void *)&made;
  const size_t sizes[] = {sizeof(size_t), offsetof(patchcore_delta_info, old_digest),
                          END_OF(patchcore_delta_info, new_digest), sizeof(patchcore_delta_info)};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    memset(&made, 0xa5, sizeof made);
    info->struct_size = sizes[i];
    EXPECT_OK(patchcore_delta_inspect(&delta_input, info, &error));
    for (size_t at = sizes[i]; at < sizeof made.bytes; at++) {
      if (!CHECK(made.bytes[at] == 0xa5)) {
        break;
      }
    }
    CHECK(info->struct_size == sizes[i]);
    CHECK(sizes[i] < END_OF(patchcore_delta_info, new_size) || info->old_size == old_file.len);
  }
  memset(&made, 0xa5, sizeof made);
  info->struct_size = sizeof made;
  EXPECT_OK(patchcore_delta_inspect(&delta_input, info, &error));
  CHECK(info->new_size == new_file.len && info->delta_size == delta.len);
  info->struct_size = sizeof(size_t) - 1;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_inspect(&delta_input, info, &error));
  info->struct_size = 0;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_inspect(&delta_input, info, &error));
  patchcore_apply_stats stats = {0, {0}, 0};
  const patchcore_output output = to_memory();
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, &stats, &error));
  CHECK(buffer.data == NULL);
  THE_END;
}

int main(void) {
  old_file = image(3000, 1);
  new_file = successor(old_file, 20, 2);
  delta = delta_of(old_file, new_file, 1, 0);
  old_input = input_of(old_file);
  new_input = input_of(new_file);
  delta_input = input_of(delta);
  RUN(every_struct_that_goes_in_may_be_older_or_newer);
  RUN(fields_behind_the_size_given_are_not_looked_at);
  RUN(inputs_of_an_array_lie_as_far_apart_as_they_say);
  RUN(info_structs_are_written_up_to_their_size);
  bytes_free(&old_file);
  bytes_free(&new_file);
  bytes_free(&delta);
  return check_report();
}
