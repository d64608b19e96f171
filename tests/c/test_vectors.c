/* Every vector of tests/vectors makes its file, or is refused as it says, whichever way it is applied. */

#include "device.h"
#include "vectors.h"

/* One vector: the fields of its object in vectors.json that matter here. */
typedef struct vector {
  char name[128], kind[16], old_path[128], file_path[128], new_path[128], version[128], status_name[32];
  uint64_t memory_limit, output_limit;
  patchcore_status status;
} vector;

/* The contents of its files. */
typedef struct contents {
  bytes old_file, file, new_file;
} contents;

/* One object with strings and numbers; what is none of the fields below is skipped. */
static const char *read_vector(const char *at, vector *made) {
  memset(made, 0, sizeof *made);
  made->status = -1;
  made->memory_limit = made->output_limit = UINT64_MAX;
  const struct {
    const char *key;
    char *text;
    size_t capacity;
  } texts[] = {{"name", made->name, sizeof made->name},
               {"kind", made->kind, sizeof made->kind},
               {"old", made->old_path, sizeof made->old_path},
               {"file", made->file_path, sizeof made->file_path},
               {"new", made->new_path, sizeof made->new_path},
               {"version", made->version, sizeof made->version},
               {"status_name", made->status_name, sizeof made->status_name}};
  at = expect(at, '{');
  for (;;) {
    char key[64], ignored[512], *text = ignored;
    size_t capacity = sizeof ignored;
    uint64_t number = 0;
    at = expect(read_string(at, key, sizeof key), ':');
    at = skip_blanks(at);
    if (*at == '"') {
      for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].key, key) == 0) {
          text = texts[i].text;
          capacity = texts[i].capacity;
        }
      }
      at = read_string(at, text, capacity);
      REQUIRE(text == ignored || strlen(text) + 1 < capacity);
    } else {
      at = read_number(at, &number);
      made->status = strcmp(key, "status") == 0 ? (patchcore_status)number : made->status;
      made->memory_limit = strcmp(key, "memory_limit") == 0 ? number : made->memory_limit;
      made->output_limit = strcmp(key, "output_limit") == 0 ? number : made->output_limit;
    }
    at = skip_blanks(at);
    if (*at == '}') {
      return at + 1;
    }
    at = expect(at, ',');
  }
}

static bool judge(const vector *v, const char *how, patchcore_status status, const patchcore_error *error, bool same) {
  bool fine = status == v->status && strcmp(patchcore_status_name(status), v->status_name) == 0;
  fine = fine && (status != PATCHCORE_OK || same);
  if (!CHECK(fine)) {
    fprintf(stderr, "  %s, %s: %s rather than %s%s: %s\n", v->name, how, patchcore_status_name(status), v->status_name,
            status == PATCHCORE_OK && !same ? ", and another file" : "", patchcore_error_message(error));
  }
  return fine;
}

static void judge_and_free(const vector *v, const contents *c, const char *how, patchcore_status status,
                           patchcore_buffer *buffer, patchcore_error *error) {
  judge(v, how, status, error, holds(buffer, c->new_file));
  CHECK(status == PATCHCORE_OK || buffer->data == NULL);
  patchcore_buffer_free(buffer);
  patchcore_error_free(error);
}

static patchcore_apply_options options_of(const vector *v, uint64_t threads) {
  patchcore_apply_options made = PATCHCORE_APPLY_OPTIONS_INIT;
  made.threads = threads;
  made.max_memory = v->memory_limit;
  made.max_output = v->output_limit;
  return made;
}

static void apply_from_memory(const vector *v, const contents *c, uint64_t threads) {
  patchcore_error *error = NULL;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_input old_input = input_of(c->old_file), delta_input = input_of(c->file);
  const patchcore_output output = patchcore_output_memory(&buffer);
  const patchcore_apply_options options = options_of(v, threads);
  const patchcore_status status =
      patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error);
  judge_and_free(v, c, threads == 1 ? "memory" : "two threads", status, &buffer, error);
}

static void apply_from_callbacks(const vector *v, const contents *c) {
  patchcore_error *error = NULL;
  source old_source = {c->old_file, 0, 0, 0, 0, false}, delta_source = {c->file, 0, 0, 0, 0, false};
  const patchcore_input old_input = input_from(&old_source), delta_input = input_from(&delta_source);
  sink written = {{NULL, 0}, 0, 0, 0};
  const patchcore_output output = patchcore_output_callback(write_sink, &written);
  const patchcore_apply_options options = options_of(v, 1);
  const patchcore_status status =
      patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error);
  judge(v, "callbacks", status, error,
        is_same(written.content.data, written.content.len, c->new_file.data, c->new_file.len));
  CHECK(!old_source.beyond && !delta_source.beyond);
  bytes_free(&written.content);
  patchcore_error_free(error);
}

static void apply_by_paths(const vector *v, const contents *c) {
  patchcore_error *error = NULL;
  char old_path[PATH_MAX], file_path[PATH_MAX];
  snprintf(old_path, sizeof old_path, "%s", vector_path(v->old_path));
  snprintf(file_path, sizeof file_path, "%s", vector_path(v->file_path));
  const patchcore_input old_input = patchcore_input_path(old_path), delta_input = patchcore_input_path(file_path);
  const char *path = in_folder("vector");
  const patchcore_output output = patchcore_output_path(path);
  const patchcore_apply_options options = options_of(v, 1);
  const patchcore_status status =
      patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error);
  judge(v, "paths", status, error, status == PATCHCORE_OK && file_holds(path, c->new_file));
  CHECK(entries_of(files_folder) == (status == PATCHCORE_OK ? 1u : 0u));
  unlink(path);
  patchcore_error_free(error);
}

static void push(const vector *v, const contents *c, size_t packet, const char *how) {
  patchcore_error *error = NULL;
  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_memory = v->memory_limit;
  options.max_output = v->output_limit;
  device on = device_with(c->old_file, 1 << 20);
  const patchcore_status status = apply_on(&on, c->file, &options, packet, &error);
  judge(v, how, status, error, is_same(on.slot.data, (size_t)on.written, c->new_file.data, c->new_file.len));
  CHECK(!on.misused);
  device_free(&on);
  patchcore_error_free(error);
}

static void verify(const vector *v, const contents *c) {
  patchcore_error *error = NULL;
  const patchcore_input old_input = input_of(c->old_file), delta_input = input_of(c->file);
  patchcore_limits limits = PATCHCORE_LIMITS_INIT;
  limits.max_memory = v->memory_limit;
  const patchcore_status status = patchcore_delta_verify(&delta_input, &old_input, &limits, NULL, NULL, NULL, &error);
  /* Whoever only checks takes no output that could be limited. */
  if (v->output_limit == UINT64_MAX) {
    judge(v, "verify", status, error, true);
  }
  patchcore_error_free(error);
}

static void run_delta(const vector *v, const contents *c) {
  apply_from_memory(v, c, 1);
  push(v, c, 1024, "packets");
  if (is_quick()) {
    return;
  }
  apply_from_memory(v, c, 2);
  apply_from_callbacks(v, c);
  apply_by_paths(v, c);
  verify(v, c);
  push(v, c, 1, "single bytes");
  push(v, c, SIZE_MAX, "all at once");
}

/* Opens the chain in `input` and applies it. */
static void run_chain_of(const vector *v, const contents *c, patchcore_input input, int32_t streaming,
                         const char *how) {
  patchcore_error *error = NULL;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  patchcore_chain *chain = NULL;
  patchcore_status status = patchcore_chain_open(&input, &chain, &error);
  if (status == PATCHCORE_OK) {
    const patchcore_input old_input = input_of(c->old_file);
    const patchcore_output output = patchcore_output_memory(&buffer);
    patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
    options.streaming = streaming;
    const char *version = v->version[0] == '\0' ? NULL : v->version;
    status =
        patchcore_chain_apply(chain, &old_input, version, strlen(v->version), &output, &options, NULL, NULL, &error);
  }
  judge_and_free(v, c, how, status, &buffer, error);
  if (v->status == PATCHCORE_OK && chain != NULL) {
    CHECK(patchcore_chain_verify(chain, NULL, NULL, NULL, NULL) == PATCHCORE_OK);
  }
  patchcore_chain_free(chain);
}

static void run_chain(const vector *v, const contents *c) {
  source remote = {c->file, 0, 0, 0, 0, false};
  run_chain_of(v, c, input_of(c->file), 0, "memory");
  run_chain_of(v, c, input_from(&remote), 1, "read_at, streaming");
  CHECK(!remote.beyond);
  if (!is_quick()) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", vector_path(v->file_path));
    run_chain_of(v, c, patchcore_input_path(path), 0, "path");
  }
}

int main(void) {
  check_test = "vectors";
  bytes json = read_file(in_tests("vectors/vectors.json"));
  bytes text = bytes_new(json.len + 1);
  memcpy(text.data, json.data, json.len);
  const char *at = strstr((const char *)text.data, "\"vectors\"");
  REQUIRE(at != NULL);
  at = expect(expect(at + strlen("\"vectors\""), ':'), '[');
  in_folder("");
  size_t deltas = 0, chains = 0;
  for (;;) {
    vector v;
    at = skip_blanks(read_vector(at, &v));
    const bytes none = {NULL, 0};
    contents c = {read_file(vector_path(v.old_path)), none, none};
    c.file = read_file(vector_path(v.file_path));
    c.new_file = v.new_path[0] == '\0' ? bytes_new(0) : read_file(vector_path(v.new_path));
    if (strcmp(v.kind, "delta") == 0) {
      deltas++;
      run_delta(&v, &c);
    } else {
      REQUIRE(strcmp(v.kind, "chain") == 0);
      chains++;
      run_chain(&v, &c);
    }
    bytes_free(&c.old_file);
    bytes_free(&c.file);
    bytes_free(&c.new_file);
    if (*at == ']') {
      break;
    }
    at = expect(at, ',');
  }
  CHECK(deltas > 100 && chains > 30);
  printf("%zu deltas and %zu chains\n", deltas, chains);
  bytes_free(&json);
  bytes_free(&text);
  return check_report();
}
