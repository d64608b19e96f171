/* Deltas are made, applied, squashed, checked and explained alike from paths, memory and callbacks. */

#include "samples.h"

#include <fcntl.h>
#include <pthread.h>

static bytes old_file, new_file, last_file;

enum { BY_PATH, BY_MEMORY, BY_CALLBACK, WAYS };

/* One input in each of the ways; the source must outlive it. */
static patchcore_input input_by(int way, const char *name, bytes content, source *from) {
  memset(from, 0, sizeof *from);
  from->content = content;
  switch (way) {
  case BY_PATH:
    return patchcore_input_path(file_of(name, content));
  case BY_MEMORY:
    return input_of(content);
  default:
    return input_from(from);
  }
}

/* One output in each of the ways, and what came out. */
typedef struct result {
  int way;
  const char *path;
  patchcore_buffer buffer;
  sink written;
} result;

static patchcore_output output_by(int way, result *into) {
  memset(into, 0, sizeof *into);
  into->way = way;
  into->path = in_folder("result");
  unlink(into->path);
  switch (way) {
  case BY_PATH:
    return patchcore_output_path(into->path);
  case BY_MEMORY:
    return patchcore_output_memory(&into->buffer);
  default:
    return patchcore_output_callback(write_sink, &into->written);
  }
}

static bytes content_of(result *from) {
  switch (from->way) {
  case BY_PATH:
    return read_file(from->path);
  case BY_MEMORY:
    return taken(&from->buffer);
  default:
    return from->written.content.data == NULL ? bytes_new(0) : from->written.content;
  }
}

static bool makes(bytes from, bytes delta, bytes wanted) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_input old_input = input_of(from), delta_input = input_of(delta);
  const patchcore_output output = patchcore_output_memory(&buffer);
  const bool same = EXPECT_OK(patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error)) &&
                    holds(&buffer, wanted);
  patchcore_buffer_free(&buffer);
  THE_END;
  return same;
}

static void diff_and_apply_take_and_give_every_kind_of_input_and_output(void) {
  THE_ERROR;
  for (int way = 0; way < WAYS * WAYS * WAYS; way++) {
    source first, second;
    result into;
    const patchcore_input from = input_by(way % WAYS, "first", old_file, &first);
    const patchcore_input to = input_by(way / WAYS % WAYS, "second", new_file, &second);
    const patchcore_output delta_out = output_by(way / WAYS / WAYS, &into);
    patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
    options.level = 1;
    patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
    MUST(patchcore_delta_diff(&from, &to, &delta_out, &options, NULL, &info, &error));
    bytes delta = content_of(&into);
    CHECK(info.old_size == old_file.len && info.new_size == new_file.len && info.delta_size == delta.len);
    CHECK(makes(old_file, delta, new_file));

    const patchcore_input old_input = input_by(way % WAYS, "first", old_file, &first);
    const patchcore_input delta_input = input_by(way / WAYS % WAYS, "second", delta, &second);
    const patchcore_output new_out = output_by(way / WAYS / WAYS, &into);
    patchcore_apply_stats stats = PATCHCORE_APPLY_STATS_INIT;
    MUST(patchcore_delta_apply(&old_input, &delta_input, &new_out, NULL, NULL, &stats, &error));
    bytes made = content_of(&into);
    CHECK(is_same(made.data, made.len, new_file.data, new_file.len));
    CHECK(stats.new_size == new_file.len && memcmp(stats.new_digest, info.new_digest, 32) == 0);
    CHECK(!first.beyond && !second.beyond);
    bytes_free(&made);
    bytes_free(&delta);
  }
  THE_END;
}

static void squash_takes_and_gives_every_kind_and_makes_the_last_file_of_the_first(void) {
  THE_ERROR;
  bytes one = delta_of(old_file, new_file, 1, 0), two = delta_of(new_file, last_file, 1, 0);
  for (int way = 0; way < WAYS * WAYS; way++) {
    source first, second;
    result into;
    const patchcore_input deltas[2] = {input_by(way % WAYS, "first", one, &first),
                                       input_by((way + 1) % WAYS, "second", two, &second)};
    const patchcore_output output = output_by(way / WAYS, &into);
    patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
    MUST(patchcore_delta_squash(deltas, 2, &output, NULL, NULL, &info, &error));
    bytes squashed = content_of(&into);
    CHECK(makes(old_file, squashed, last_file));
    CHECK(info.old_size == old_file.len && info.new_size == last_file.len && info.delta_size == squashed.len);
    bytes_free(&squashed);
  }
  const patchcore_input wrong_way[2] = {input_of(two), input_of(one)};
  result into;
  const patchcore_output output = output_by(BY_MEMORY, &into);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_squash(wrong_way, 2, &output, NULL, NULL, NULL, &error));
  CHECK(into.buffer.data == NULL);
  bytes_free(&one);
  bytes_free(&two);
  THE_END;
}

static void inspect_and_verify_say_the_same_of_every_kind_of_input(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  for (int way = 0; way < WAYS; way++) {
    source first, second;
    const patchcore_input delta_input = input_by(way, "first", delta, &first);
    const patchcore_input old_input = input_by(way, "second", old_file, &second);
    patchcore_delta_info seen = PATCHCORE_DELTA_INFO_INIT, verified = seen, with_old = seen;
    patchcore_delta_contents contents = PATCHCORE_DELTA_CONTENTS_INIT;
    EXPECT_OK(patchcore_delta_inspect(&delta_input, &seen, &error));
    if (way == BY_CALLBACK) {
      CHECK(first.bytes_read < 1024);
    }
    EXPECT_OK(patchcore_delta_verify(&delta_input, NULL, NULL, NULL, &verified, &contents, &error));
    EXPECT_OK(patchcore_delta_verify(&delta_input, &old_input, NULL, NULL, &with_old, NULL, &error));
    CHECK(memcmp(&seen, &verified, sizeof seen) == 0 && memcmp(&seen, &with_old, sizeof seen) == 0);
    CHECK(seen.segments >= 1 && seen.apply_memory > 0 && seen.delta_size == delta.len);
    CHECK(contents.copied_bytes + contents.inserted_bytes == new_file.len && contents.copies > 0);
    CHECK(contents.changed_bytes <= contents.copied_bytes);
    int32_t kind = 0;
    EXPECT_OK(patchcore_file_kind(&delta_input, &kind, &error));
    CHECK(kind == PATCHCORE_FILE_DELTA);
  }
  const patchcore_input delta_input = input_of(delta), new_input = input_of(new_file);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_verify(&delta_input, &new_input, NULL, NULL, NULL, NULL, &error));
  bytes_free(&delta);
  THE_END;
}

static void every_level_and_engine_makes_the_same_file(void) {
  THE_ERROR;
  for (int32_t level = is_quick() ? 9 : 0; level <= 9; level++) {
    bytes delta = delta_of(old_file, new_file, level, 0);
    CHECK(makes(old_file, delta, new_file));
    bytes_free(&delta);
  }
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_input from = input_of(old_file), to = input_of(new_file);
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
  options.engine = PATCHCORE_ENGINE_BSDIFF;
  options.threads = 2;
  EXPECT_OK(patchcore_delta_diff(&from, &to, &output, &options, NULL, NULL, &error));
  bytes delta = taken(&buffer);
  CHECK(makes(old_file, delta, new_file));
  bytes_free(&delta);
  THE_END;
}

static void empty_files_have_deltas(void) {
  const bytes empty = {NULL, 0};
  const bytes pairs[4][2] = {{empty, new_file}, {old_file, empty}, {empty, empty}, {old_file, old_file}};
  for (size_t i = 0; i < 4; i++) {
    bytes delta = delta_of(pairs[i][0], pairs[i][1], 0, 0);
    CHECK(makes(pairs[i][0], delta, pairs[i][1]));
    CHECK(i == 0 || delta.len < 200);
    bytes_free(&delta);
  }
}

static void limits_hold(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  const patchcore_input old_input = input_of(old_file), delta_input = input_of(delta);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
  options.max_output = new_file.len - 1;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error));
  options.max_output = 0;
  options.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error));
  patchcore_limits limits = PATCHCORE_LIMITS_INIT;
  limits.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_verify(&delta_input, NULL, &limits, NULL, NULL, NULL, &error));
  patchcore_explanation *explanation = NULL;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_explain(&delta_input, 5, &limits, NULL, &explanation, &error));
  CHECK(explanation == NULL);
  bytes second = delta_of(new_file, last_file, 1, 0);
  const patchcore_input deltas[2] = {delta_input, input_of(second)};
  patchcore_squash_options squash = PATCHCORE_SQUASH_OPTIONS_INIT;
  squash.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_squash(deltas, 2, &output, &squash, NULL, NULL, &error));
  squash.max_memory = 0;
  squash.max_operations = 1;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_squash(deltas, 2, &output, &squash, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  options.max_memory = UINT64_MAX;
  options.max_output = UINT64_MAX;
  options.threads = 2;
  EXPECT_OK(patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error));
  CHECK(holds(&buffer, new_file));
  patchcore_buffer_free(&buffer);
  bytes_free(&second);
  bytes_free(&delta);
  THE_END;
}

static void the_memory_that_a_delta_is_made_for_stands_in_it(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 256 << 10);
  const patchcore_input delta_input = input_of(delta);
  patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
  EXPECT_OK(patchcore_delta_inspect(&delta_input, &info, &error));
  CHECK(info.apply_memory <= 256 << 10);
  bytes_free(&delta);
  THE_END;
}

static void an_existing_file_is_replaced_or_refused_as_asked(void) {
  THE_ERROR;
  const patchcore_input from = input_of(old_file), to = input_of(new_file);
  const char *path = file_of("existing", last_file);
  patchcore_output output = patchcore_output_path(path);
  output.no_clobber = 1;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_diff(&from, &to, &output, NULL, NULL, NULL, &error));
  CHECK(file_holds(path, last_file));
  output.no_clobber = 0;
  EXPECT_OK(patchcore_delta_diff(&from, &to, &output, NULL, NULL, NULL, &error));
  CHECK(!file_holds(path, last_file));
  THE_END;
}

static void the_new_file_may_take_the_place_of_the_old_one(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  const char *path = file_of("in-place", old_file);
  const patchcore_input old_input = patchcore_input_path(path), delta_input = input_of(delta);
  const patchcore_output output = patchcore_output_path(path);
  EXPECT_OK(patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(file_holds(path, new_file));
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(file_holds(path, new_file));
  size_t len = 0;
  const char *named = patchcore_error_path(error, &len);
  CHECK(named != NULL && strcmp(named, path) == 0 && len == strlen(path));
  bytes_free(&delta);
  THE_END;
}

static void a_squashed_delta_may_take_the_place_of_one_that_it_is_made_of(void) {
  THE_ERROR;
  bytes one = delta_of(old_file, new_file, 1, 0), two = delta_of(new_file, last_file, 1, 0);
  const char *path = file_of("one.delta", one);
  const patchcore_input deltas[2] = {patchcore_input_path(path), input_of(two)};
  const patchcore_output output = patchcore_output_path(path);
  EXPECT_OK(patchcore_delta_squash(deltas, 2, &output, NULL, NULL, NULL, &error));
  bytes squashed = read_file(path);
  CHECK(makes(old_file, squashed, last_file));
  bytes_free(&squashed);
  bytes_free(&one);
  bytes_free(&two);
  THE_END;
}

static void a_failed_apply_leaves_nothing_behind(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  delta.data[delta.len - 10] ^= 1;
  const char *folder = in_folder("clean");
  REQUIRE(mkdir(folder, 0700) == 0);
  const patchcore_input old_input = input_of(old_file), delta_input = input_of(delta);
  const patchcore_output output = patchcore_output_path(in_folder("clean/out"));
  for (uint64_t threads = 1; threads <= 2; threads++) {
    patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
    options.threads = threads;
    EXPECT(PATCHCORE_CORRUPT, patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error));
    uint64_t offset = 0;
    CHECK(patchcore_error_offset(error, &offset) == 1 && offset < delta.len);
    CHECK(entries_of(folder) == 0);
  }
  bytes_free(&delta);
  THE_END;
}

/* Whoever gets bytes by a callback cannot be asked to give them back. */
static void nothing_is_written_to_a_callback_before_the_old_file_is_known_to_be_right(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  const patchcore_input wrong = input_of(last_file), delta_input = input_of(delta);
  sink written = {{NULL, 0}, 0, 0, 0};
  const patchcore_output output = patchcore_output_callback(write_sink, &written);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_apply(&wrong, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(written.content.len == 0);
  bytes_free(&written.content);
  bytes_free(&delta);
  THE_END;
}

static void what_a_failing_callback_returned_is_kept(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 1, 0);
  const int values[] = {1, -1, 4711, INT_MIN, INT_MAX};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
    const patchcore_output output = patchcore_output_memory(&buffer);
    source failing = {old_file, 0, 0, 1, values[i], false};
    source fine = {delta, 0, 0, 0, 0, false};
    patchcore_input bad = input_from(&failing), good = input_from(&fine);
    for (uint64_t threads = 1; threads <= 2; threads++) {
      patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
      options.threads = threads;
      failing.calls = 0;
      EXPECT(PATCHCORE_CALLBACK, patchcore_delta_apply(&bad, &good, &output, &options, NULL, NULL, &error));
      CHECK(is_callback_value(error, values[i]));
    }
    failing.calls = 0;
    EXPECT(PATCHCORE_CALLBACK, patchcore_delta_diff(&bad, &good, &output, NULL, NULL, NULL, &error));
    CHECK(is_callback_value(error, values[i]));
    failing.calls = 0;
    failing.content = delta;
    bad = input_from(&failing);
    EXPECT(PATCHCORE_CALLBACK, patchcore_delta_inspect(&bad, NULL, &error));
    CHECK(is_callback_value(error, values[i]));
    failing.calls = 0;
    EXPECT(PATCHCORE_CALLBACK, patchcore_delta_verify(&bad, NULL, NULL, NULL, NULL, NULL, &error));
    CHECK(is_callback_value(error, values[i]));
    failing.calls = 0;
    uint8_t digest[32];
    EXPECT(PATCHCORE_CALLBACK, patchcore_digest_of(&bad, NULL, digest, &error));
    CHECK(is_callback_value(error, values[i]));
    CHECK(buffer.data == NULL);

    sink full = {{NULL, 0}, 0, 1, values[i]};
    const patchcore_output to_full = patchcore_output_callback(write_sink, &full);
    const patchcore_input old_input = input_of(old_file), new_input = input_of(new_file);
    const patchcore_input delta_input = input_of(delta);
    EXPECT(PATCHCORE_CALLBACK, patchcore_delta_apply(&old_input, &delta_input, &to_full, NULL, NULL, NULL, &error));
    CHECK(is_callback_value(error, values[i]));
    full.calls = 0;
    EXPECT(PATCHCORE_CALLBACK, patchcore_delta_diff(&old_input, &new_input, &to_full, NULL, NULL, NULL, &error));
    CHECK(is_callback_value(error, values[i]));
    bytes_free(&full.content);
  }
  bytes_free(&delta);
  THE_END;
}

static void an_explanation_accounts_for_every_byte(void) {
  THE_ERROR;
  bytes delta = delta_of(old_file, new_file, 6, 0);
  const patchcore_input delta_input = input_of(delta);
  patchcore_explanation *explanation = NULL;
  MUST(patchcore_delta_explain(&delta_input, 3, NULL, NULL, &explanation, &error));
  patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
  patchcore_delta_contents contents = PATCHCORE_DELTA_CONTENTS_INIT;
  EXPECT_OK(patchcore_explanation_contents(explanation, &info, &contents, &error));
  uint64_t sum = 0, decoded = 0;
  CHECK(patchcore_explanation_part_count(explanation) >= 2);
  for (size_t i = 0; i < patchcore_explanation_part_count(explanation); i++) {
    patchcore_explained_part part = PATCHCORE_EXPLAINED_PART_INIT;
    MUST(patchcore_explanation_part(explanation, i, &part, &error));
    CHECK(part.stream[0] != '\0' && part.codec[0] != '\0');
    CHECK(i != 0 || strcmp(part.stream, "header") == 0);
    sum += part.delta_bytes;
    decoded += part.decoded_bytes;
  }
  CHECK(sum == delta.len && decoded == info.stream_bytes && info.delta_size == delta.len);
  CHECK(contents.copied_bytes + contents.inserted_bytes == new_file.len);
  const size_t segments = patchcore_explanation_segment_count(explanation);
  CHECK(segments >= 1 && segments <= 3);
  for (size_t i = 0; i < segments; i++) {
    patchcore_explained_segment segment = PATCHCORE_EXPLAINED_SEGMENT_INIT;
    MUST(patchcore_explanation_segment(explanation, i, &segment, &error));
    CHECK(segment.output_start < segment.output_end && segment.output_end <= new_file.len);
    CHECK(segment.delta_start < segment.delta_end && segment.delta_end <= delta.len);
    CHECK(segment.copied_bytes + segment.inserted_bytes == segment.output_end - segment.output_start);
    CHECK(segment.addends != NULL && segment.addends[0] != '\0' && segment.memory <= info.apply_memory);
  }
  const size_t listed = patchcore_explanation_insertion_count(explanation);
  CHECK(listed <= 3 && listed <= patchcore_explanation_insertions(explanation) && listed >= 1);
  uint64_t before = UINT64_MAX;
  for (size_t i = 0; i < listed; i++) {
    patchcore_range range = {0, 0};
    MUST(patchcore_explanation_insertion(explanation, i, &range, &error));
    CHECK(range.start < range.end && range.end <= new_file.len && range.end - range.start <= before);
    before = range.end - range.start;
  }
  patchcore_explanation_free(explanation);
  MUST(patchcore_delta_explain(&delta_input, 0, NULL, NULL, &explanation, &error));
  CHECK(patchcore_explanation_segment_count(explanation) == 0 && patchcore_explanation_part_count(explanation) > 0);
  patchcore_explanation_free(explanation);
  bytes_free(&delta);
  THE_END;
}

typedef struct piped {
  const char *path;
  bytes content;
  bool is_written;
} piped;

static void *write_into_pipe(void *user_data) {
  piped *self = (piped *)user_data;
  const int end = open(self->path, O_WRONLY);
  self->is_written = write(end, self->content.data, self->content.len) == (ssize_t)self->content.len;
  close(end);
  return NULL;
}

static void a_delta_may_come_from_a_pipe_and_the_new_file_go_into_one(void) {
  THE_ERROR;
  bytes small = image(2000, 50), small_new = successor(small, 3, 51);
  bytes delta = delta_of(small, small_new, 1, 0);
  const char *path = in_folder("pipe");
  REQUIRE(mkfifo(path, 0600) == 0);
  piped content = {path, delta, false};
  pthread_t writer;
  REQUIRE(pthread_create(&writer, NULL, write_into_pipe, &content) == 0);
  const patchcore_input old_input = input_of(small), delta_input = patchcore_input_path(path);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  EXPECT_OK(patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(holds(&buffer, small_new));
  patchcore_buffer_free(&buffer);
  pthread_join(writer, NULL);
  CHECK(content.is_written);

  const int both = open(path, O_RDWR);
  REQUIRE(both >= 0 && small_new.len < 4096);
  const patchcore_input from_memory = input_of(delta);
  const patchcore_output to_pipe = patchcore_output_path(path);
  EXPECT_OK(patchcore_delta_apply(&old_input, &from_memory, &to_pipe, NULL, NULL, NULL, &error));
  uint8_t got[4096];
  const ssize_t len = read(both, got, sizeof got);
  CHECK(len >= 0 && is_same(got, (size_t)len, small_new.data, small_new.len));
  close(both);
  bytes_free(&delta);
  bytes_free(&small);
  bytes_free(&small_new);
  THE_END;
}

int main(void) {
  old_file = image(is_quick() ? 12000 : 60000, 1);
  new_file = successor(old_file, 150, 2);
  /* Something to insert. */
  memcpy(new_file.data + 2000,
         "a few bytes that stood nowhere in the file before; they have to be inserted as they are", 88);
  last_file = successor(new_file, 150, 3);
  RUN(diff_and_apply_take_and_give_every_kind_of_input_and_output);
  RUN(squash_takes_and_gives_every_kind_and_makes_the_last_file_of_the_first);
  RUN(inspect_and_verify_say_the_same_of_every_kind_of_input);
  RUN(every_level_and_engine_makes_the_same_file);
  RUN(empty_files_have_deltas);
  RUN(limits_hold);
  RUN(the_memory_that_a_delta_is_made_for_stands_in_it);
  RUN(an_existing_file_is_replaced_or_refused_as_asked);
  RUN(the_new_file_may_take_the_place_of_the_old_one);
  RUN(a_squashed_delta_may_take_the_place_of_one_that_it_is_made_of);
  RUN(a_failed_apply_leaves_nothing_behind);
  RUN(nothing_is_written_to_a_callback_before_the_old_file_is_known_to_be_right);
  RUN(what_a_failing_callback_returned_is_kept);
  RUN(an_explanation_accounts_for_every_byte);
  RUN(a_delta_may_come_from_a_pipe_and_the_new_file_go_into_one);
  bytes_free(&old_file);
  bytes_free(&new_file);
  bytes_free(&last_file);
  return check_report();
}
