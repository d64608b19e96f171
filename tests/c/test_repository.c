/* A repository in a folder: versions published, planned, pruned and taken back, and a directory updated from it. */

#include "trees.h"

static char site[PATH_MAX], one[PATH_MAX], two[PATH_MAX], three[PATH_MAX], installed[PATH_MAX];

/* Each test begins with three versions of a directory, and the first of them published. */
static void set_up(void) {
  THE_ERROR;
  snprintf(site, sizeof site, "%s", in_folder("site"));
  snprintf(installed, sizeof installed, "%s", in_folder("installed"));
  snprintf(one, sizeof one, "%s", tree_of("one", 1));
  snprintf(two, sizeof two, "%s", tree_of("two", 2));
  snprintf(three, sizeof three, "%s", tree_of("three", 3));
  MUST(patchcore_repository_init(site, NUL, 0, &error));
  MUST(patchcore_repository_publish(site, NUL, one, NUL, "1.0.0", NUL, NULL, NULL, NULL, &error));
  THE_END;
}

static void tear_down(void) {
  remove_tree(in_folder(""));
  REQUIRE(mkdir(in_folder(""), 0755) == 0);
}

/* Whether the JSON text holds each of two pieces, of which the second may be NULL; the text is freed. */
static bool says(patchcore_buffer *json, const char *first, const char *second) {
  static char text[1 << 16];
  REQUIRE(json->data != NULL && json->len < sizeof text);
  memcpy(text, json->data, json->len);
  text[json->len] = '\0';
  patchcore_buffer_free(json);
  const bool holds = strstr(text, first) != NULL && (second == NULL || strstr(text, second) != NULL);
  if (!holds) {
    fprintf(stderr, "%s\n", text);
  }
  return holds;
}

static void what_is_published_is_what_an_update_installs(void) {
  THE_ERROR;
  patchcore_buffer json = PATCHCORE_BUFFER_INIT;
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"action\":\"applied\"", "\"reason\":\"new_installation\"") && same_trees(installed, one));

  patchcore_repository_options change = PATCHCORE_REPOSITORY_OPTIONS_INIT;
  patchcore_tree_diff_options diff = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  patchcore_publish_options options = PATCHCORE_PUBLISH_OPTIONS_INIT;
  diff.level = 9;
  options.change = &change;
  options.diff = &diff;
  options.notes = "Faster, and smaller";
  options.notes_len = strlen("Faster");
  change.dry_run = 1;
  EXPECT_OK(patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, &options, NULL, &json, &error));
  CHECK(says(&json, "\"dry_run\":true", "\"changed\":true"));
  EXPECT_OK(patchcore_repository_manifest(site, NUL, &json, &error));
  CHECK(says(&json, "\"latest_version\": \"1.0.0\"", NULL));
  change.dry_run = 0;
  EXPECT_OK(patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, &options, NULL, &json, &error));
  CHECK(says(&json, "delta_1.0.0_1.1.0.zip", "\"previous\":\"1.0.0\""));
  EXPECT_OK(patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, &options, NULL, &json, &error));
  CHECK(says(&json, "\"changed\":false", NULL));

  EXPECT_OK(patchcore_repository_plan(site, NUL, "1.0.0", NUL, NULL, 0, NULL, 0, &json, &error));
  CHECK(says(&json, "\"means\":\"deltas\"", "\"to\":\"1.1.0\""));
  EXPECT_OK(patchcore_repository_plan(site, NUL, NULL, 0, NULL, 0, NULL, 0, &json, &error));
  CHECK(says(&json, "\"from\":null", "\"reason\":\"unknown_version\""));

  patchcore_update_options update = PATCHCORE_UPDATE_OPTIONS_INIT;
  update.dry_run = 1;
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, &update, NULL, &json, &error));
  CHECK(says(&json, "\"action\":\"decided\"", "\"means\":\"deltas\"") && same_trees(installed, one));
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"text\":\"Faster\"", "\"to\":\"1.1.0\"") && same_trees(installed, two));
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, NULL, NULL, NULL, &error));
  THE_END;
}

static void a_repair_leaves_alone_what_is_to_be_kept(void) {
  THE_ERROR;
  patchcore_buffer json = PATCHCORE_BUFFER_INIT;
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, NULL, NULL, NULL, &error));
  write_text(below(installed, "big"), "spoilt");
  write_text(below(installed, "same"), "mine");
  const char *const keep[] = {"same"};
  patchcore_update_options options = PATCHCORE_UPDATE_OPTIONS_INIT;
  options.keep_local = keep;
  options.keep_local_count = 1;
  options.repair = 1;
  options.to = "1.0.0";
  options.to_len = NUL;
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, &options, NULL, &json, &error));
  CHECK(says(&json, "\"means\":\"repair\"", "\"kept\":[\"same\"]") && holds_text(below(installed, "same"), "mine"));
  write_text(below(installed, "same"), "same");
  CHECK(same_trees(installed, one));
  THE_END;
}

static void old_deltas_and_bad_versions_go_and_all_can_be_made_again(void) {
  THE_ERROR;
  patchcore_buffer json = PATCHCORE_BUFFER_INIT;
  MUST(patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, NULL, NULL, NULL, &error));
  MUST(patchcore_repository_publish(site, NUL, three, NUL, "1.2.0", NUL, NULL, NULL, NULL, &error));
  EXPECT_OK(patchcore_repository_withdraw(site, NUL, "1.2.0", NUL, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"latest_version\":\"1.1.0\"", "delta_1.1.0_1.2.0.zip"));
  EXPECT(PATCHCORE_UNKNOWN_VERSION,
         patchcore_repository_withdraw(site, NUL, "1.2.0", NUL, NULL, NULL, NULL, &error));
  MUST(patchcore_repository_publish(site, NUL, three, NUL, "1.3.0", NUL, NULL, NULL, NULL, &error));
  EXPECT_OK(patchcore_repository_prune(site, NUL, 1, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"removed\":[\"delta_1.0.0_1.1.0.zip\"]", NULL));
  EXPECT_OK(patchcore_repository_new_base(site, NUL, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"latest_version\":\"1.3.0\"", NULL));
  EXPECT_OK(patchcore_repository_rebuild(site, NUL, NULL, NULL, &json, &error));
  CHECK(says(&json, "\"missing\":[]", NULL));
  EXPECT_OK(patchcore_repository_verify(site, NUL, NULL, NULL, 0, NULL, &json, &error));
  CHECK(says(&json, "\"problems\":[]", "\"key_id\":null"));
  THE_END;
}

static void a_signed_repository_is_changed_with_its_key(void) {
  THE_ERROR;
  patchcore_buffer key = PATCHCORE_BUFFER_INIT, json = PATCHCORE_BUFFER_INIT;
  char secret[PATH_MAX];
  snprintf(secret, sizeof secret, "%s", in_folder("key"));
  MUST(patchcore_key_create_files(secret, NUL, NULL, 0, 0, &key, &error));
  patchcore_repository_options change = PATCHCORE_REPOSITORY_OPTIONS_INIT;
  patchcore_publish_options options = PATCHCORE_PUBLISH_OPTIONS_INIT;
  options.change = &change;
  change.key = secret;
  change.key_len = NUL;
  EXPECT_OK(patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, &options, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_repository_publish(site, NUL, three, NUL, "1.2.0", NUL, NULL, NULL, NULL, &error));
  const char *const keys[] = {(const char *)key.data};
  patchcore_update_options update = PATCHCORE_UPDATE_OPTIONS_INIT;
  update.public_keys = keys;
  update.public_key_lens = &key.len;
  update.public_key_count = 1;
  EXPECT_OK(patchcore_update_from_repository(installed, NUL, site, NUL, &update, NULL, NULL, &error));
  EXPECT_OK(patchcore_repository_verify(site, NUL, keys, &key.len, 1, NULL, &json, &error));
  CHECK(says(&json, "\"problems\":[]", "\"key_id\":\""));
  patchcore_buffer_free(&key);
  THE_END;
}

static int stop(void *user_data, const patchcore_progress *progress) {
  (void)progress;
  return *(const int *)user_data;
}

static void failures_have_their_status_and_change_nothing(void) {
  THE_ERROR;
  int answer = 1;
  patchcore_buffer json = {(uint8_t *)&answer, 7};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.progress = stop;
  job.user_data = &answer;
  EXPECT(PATCHCORE_CANCELLED, patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, NULL, &job, &json, &error));
  CHECK(json.len == 7);
  answer = -9;
  EXPECT(PATCHCORE_CALLBACK, patchcore_repository_publish(site, NUL, two, NUL, "1.1.0", NUL, NULL, &job, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_repository_publish(site, NUL, two, NUL, "0.9.0", NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_repository_publish(site, NUL, two, NUL, "1.0.0", NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_repository_publish(site, NUL, two, NUL, NULL, 0, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_repository_init(site, NUL, 0, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_repository_init(NULL, 0, 0, &error));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_repository_manifest(one, NUL, &json, &error));
  EXPECT(PATCHCORE_UNKNOWN_VERSION,
         patchcore_repository_plan(site, NUL, NULL, 0, "7.0.0", NUL, NULL, 0, NULL, &error));
  EXPECT(PATCHCORE_NOT_FOUND,
         patchcore_update_from_repository(installed, NUL, in_folder("none"), NUL, NULL, NULL, NULL, &error));
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED);
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_repository(installed, NUL, NULL, 0, NULL, NULL, NULL, &error));
  patchcore_buffer text = PATCHCORE_BUFFER_INIT;
  MUST(patchcore_repository_manifest(site, NUL, &text, &error));
  CHECK(says(&text, "\"latest_version\": \"1.0.0\"", "\"sequence\": 1"));
  THE_END;
}

#define TEST(test) \
  do {             \
    set_up();      \
    RUN(test);     \
    tear_down();   \
  } while (0)

int main(void) {
  in_folder("");
  TEST(what_is_published_is_what_an_update_installs);
  TEST(a_repair_leaves_alone_what_is_to_be_kept);
  TEST(old_deltas_and_bad_versions_go_and_all_can_be_made_again);
  TEST(a_signed_repository_is_changed_with_its_key);
  TEST(failures_have_their_status_and_change_nothing);
  return check_report();
}
