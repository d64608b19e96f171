/* Every tree patch of tests/vectors makes its directory and takes it back, or is refused as it says and leaves it. */

#include "trees.h"
#include "vectors.h"

/* One vector: the fields of its object in trees.json that matter here. */
typedef struct vector {
  char name[128], setup[128], old_tree[80], file[128], operations[128], second[128], change[128], outcome[32];
  char status_name[32], new_tree[80];
  patchcore_status status;
} vector;

static const char *read_vector(const char *at, vector *made) {
  memset(made, 0, sizeof *made);
  made->status = -1;
  const struct {
    const char *key;
    char *text;
    size_t capacity;
  } texts[] = {{"name", made->name, sizeof made->name},
               {"setup", made->setup, sizeof made->setup},
               {"old_tree", made->old_tree, sizeof made->old_tree},
               {"file", made->file, sizeof made->file},
               {"operations", made->operations, sizeof made->operations},
               {"second", made->second, sizeof made->second},
               {"change", made->change, sizeof made->change},
               {"outcome", made->outcome, sizeof made->outcome},
               {"status_name", made->status_name, sizeof made->status_name},
               {"new_tree", made->new_tree, sizeof made->new_tree}};
  at = expect(at, '{');
  for (;;) {
    char key[64], ignored[512], *text = ignored;
    size_t capacity = sizeof ignored;
    uint64_t number = 0;
    at = skip_blanks(expect(read_string(at, key, sizeof key), ':'));
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
    }
    at = skip_blanks(at);
    if (*at == '}') {
      return at + 1;
    }
    at = expect(at, ',');
  }
}

static bool is_tree(const char *root, const char *wanted) {
  THE_ERROR;
  uint8_t digest[32];
  char hex[PATCHCORE_DIGEST_HEX_SIZE];
  tree_digest(root, digest);
  MUST(patchcore_digest_to_hex(digest, hex, sizeof hex, &error));
  THE_END;
  return strcmp(hex, wanted) == 0;
}

static patchcore_status open_vector(const char *file, const char *operations_file, patchcore_tree_patch **patch,
                                    patchcore_error **error) {
  bytes operations = {NULL, 0};
  if (operations_file[0] != '\0') {
    operations = read_file(vector_path(operations_file));
  }
  const patchcore_input input = patchcore_input_path(vector_path(file));
  const patchcore_status status =
      patchcore_tree_patch_open(&input, (const char *)operations.data, operations.len, NULL, NULL, patch, error);
  bytes_free(&operations);
  return status;
}

/* The old tree of a vector, before anything in it was changed. */
static void make_old_tree(const char *root, const vector *v) {
  THE_ERROR;
  REQUIRE(mkdir(root, 0755) == 0);
  if (v->setup[0] != '\0') {
    patchcore_tree_patch *setup = NULL;
    MUST(open_vector(v->setup, "", &setup, &error));
    MUST(patchcore_tree_patch_apply(setup, root, NUL, NULL, NULL, NULL, NULL, &error));
    patchcore_tree_patch_free(setup);
    remove_tree(below(root, ".patchcore"));
  }
  CHECK(is_tree(root, v->old_tree));
  if (v->change[0] != '\0') {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", below(root, v->change));
    for (char *at = path + strlen(root) + 1; *at != '\0'; at++) {
      if (*at == '/') {
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
      }
    }
    write_text(path, "changed");
  }
  THE_END;
}

static bool judge(const vector *v, const char *how, patchcore_status status, const patchcore_error *error) {
  const int32_t outcome = patchcore_error_outcome(error);
  const char *outcome_name = outcome == PATCHCORE_OUTCOME_NONE ? "" : patchcore_outcome_name(outcome);
  bool fine = status == v->status && strcmp(patchcore_status_name(status), v->status_name) == 0;
  fine = fine && strcmp(outcome_name, v->outcome) == 0;
  if (!CHECK(fine)) {
    fprintf(stderr, "  %s, %s: %s %s rather than %s %s: %s\n", v->name, how, patchcore_status_name(status),
            outcome_name, v->status_name, v->outcome, patchcore_error_message(error));
  }
  return fine;
}

static bool is_clean(const patchcore_tree_patch *patch, const char *root) {
  THE_ERROR;
  patchcore_tree_verification *verification = NULL;
  patchcore_tree_verification_info info = PATCHCORE_TREE_VERIFICATION_INFO_INIT;
  EXPECT_OK(patchcore_tree_patch_verify_tree(patch, root, NUL, 1, NULL, &verification, &error));
  EXPECT_OK(patchcore_tree_verification_get_info(verification, &info, &error));
  patchcore_tree_verification_free(verification);
  THE_END;
  return info.is_clean == 1;
}

static bool run(const vector *v) {
  THE_ERROR;
  const char *root = in_folder("tree");
  char between[PATCHCORE_DIGEST_HEX_SIZE];
  uint8_t before[32], after[32];
  make_old_tree(root, v);
  tree_digest(root, before);
  patchcore_tree_patch *patch = NULL, *second = NULL;
  patchcore_error *failure = NULL;
  patchcore_status status = open_vector(v->file, v->operations, &patch, &failure);
  if (status == PATCHCORE_OK) {
    status = patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, NULL, NULL, &failure);
  }
  judge(v, "applied", status, failure);
  patchcore_error_free(failure);
  if (status == PATCHCORE_OK) {
    if (v->second[0] != '\0') {
      tree_digest(root, before);
      MUST(open_vector(v->second, "", &second, &error));
      EXPECT_OK(patchcore_tree_patch_apply(second, root, NUL, NULL, NULL, NULL, NULL, &error));
    }
    MUST(patchcore_digest_to_hex(before, between, sizeof between, &error));
    if (!CHECK(is_tree(root, v->new_tree)) || !CHECK(is_clean(second != NULL ? second : patch, root))) {
      fprintf(stderr, "  %s: another tree\n", v->name);
    }
    if (strcmp(between, v->new_tree) != 0) {
      EXPECT_OK(patchcore_tree_rollback(root, NUL, 0, 1, NULL, NULL, &error));
    }
  }
  tree_digest(root, after);
  if (!CHECK(same_digest(before, after))) {
    fprintf(stderr, "  %s: not the tree that it was\n", v->name);
  }
  remove_tree(root);

  if (second != NULL) {
    const patchcore_tree_patch *const both[] = {patch, second};
    const char *squashed = in_folder("squashed.zip");
    MUST(patchcore_tree_squash(both, 2, squashed, NUL, NULL, NULL, NULL, &error));
    make_old_tree(root, v);
    patchcore_tree_patch *one = open_patch(squashed);
    EXPECT_OK(patchcore_tree_patch_apply(one, root, NUL, NULL, NULL, NULL, NULL, &error));
    CHECK(is_tree(root, v->new_tree));
    patchcore_tree_patch_free(one);
    remove_tree(root);
    unlink(squashed);
  }
  patchcore_tree_patch_free(patch);
  patchcore_tree_patch_free(second);
  THE_END;
  return status == PATCHCORE_OK;
}

int main(void) {
  check_test = "trees";
  bytes text = read_text(in_tests("vectors/trees.json"));
  const char *at = strstr((const char *)text.data, "\"vectors\"");
  REQUIRE(at != NULL);
  at = expect(expect(at + strlen("\"vectors\""), ':'), '[');
  size_t made = 0, refused = 0, number = 0;
  for (;;) {
    vector v;
    at = skip_blanks(read_vector(at, &v));
    /* What is refused is refused early and cheap; of the others one in four is enough where each takes long. */
    if (!is_quick() || v.status != PATCHCORE_OK || number++ % 4 == 0 || v.second[0] != '\0') {
      const bool success = run(&v);
      made += success;
      refused += !success;
    }
    if (*at == ']') {
      break;
    }
    at = expect(at, ',');
  }
  CHECK(refused > 60 && made > (is_quick() ? 5 : 30));
  printf("%zu trees made and taken back, %zu packages refused\n", made, refused);
  bytes_free(&text);
  return check_report();
}
