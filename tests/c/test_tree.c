/* A directory goes from one version to another and back, whole at every moment, and whatever somebody changed stays. */

#include "trees.h"

static const char *root, *two, *package;
static patchcore_tree_patch *patch;

/* Each test begins with a directory of the first version, one of the second, and the patch between them. */
static void set_up(void) {
  static char first[PATH_MAX], second[PATH_MAX], between[PATH_MAX];
  snprintf(first, sizeof first, "%s", tree_of("one", 1));
  snprintf(second, sizeof second, "%s", tree_of("two", 2));
  root = first;
  two = second;
  patchcore_tree_diff_options options = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  options.min_version = "1.0.0";
  options.min_version_len = NUL;
  options.version = "v1.1.0";
  options.version_len = NUL;
  snprintf(between, sizeof between, "%s", package_of("p.zip", root, two, &options));
  package = between;
  patch = open_patch(package);
}

static void tear_down(void) {
  patchcore_tree_patch_free(patch);
  patch = NULL;
  remove_tree(root);
  remove_tree(two);
  unlink(package);
}

static void a_patch_says_what_it_is_and_what_it_changes(void) {
  THE_ERROR;
  patchcore_tree_patch_info info = PATCHCORE_TREE_PATCH_INFO_INIT;
  patchcore_tree_patch_contents contents = PATCHCORE_TREE_PATCH_CONTENTS_INIT;
  uint8_t digest[32];
  int32_t kind = 0;
  const patchcore_input input = patchcore_input_path(package);
  EXPECT_OK(patchcore_file_kind(&input, &kind, &error));
  CHECK(kind == PATCHCORE_FILE_TREE_PATCH);
  MUST(patchcore_tree_patch_get_info(patch, &info, &error));
  CHECK(info.has_old_tree == 1 && tree_digest(root, digest) && same_digest(digest, info.old_tree));
  CHECK(info.has_new_tree == 1 && tree_digest(two, digest) && same_digest(digest, info.new_tree));
  CHECK(strcmp(info.min_version, "1.0.0") == 0 && info.min_version_len == 5);
  CHECK(strcmp(info.max_version, "1.0.0") == 0 && strcmp(info.version, "1.1.0") == 0);
  CHECK(info.key_id[0] == '\0' && info.new_size > 0 && info.package_size > 0);
  CHECK(info.changes[PATCHCORE_CHANGE_DELTA] == 1 && info.changes[PATCHCORE_CHANGE_MODE] == 1);
  CHECK(info.changes[PATCHCORE_CHANGE_COPY] == 1 && info.changes[PATCHCORE_CHANGE_SYMLINK] == 1);

  uint64_t counted[PATCHCORE_CHANGE_SLOTS] = {0};
  for (size_t i = 0; i < info.change_count; i++) {
    patchcore_tree_change change = PATCHCORE_TREE_CHANGE_INIT;
    MUST(patchcore_tree_patch_get_change(patch, i, &change, &error));
    CHECK(strlen(change.path) == change.path_len && change.kind > 0 && change.kind < PATCHCORE_CHANGE_SLOTS);
    CHECK(strcmp(patchcore_change_name(change.kind), "unknown") != 0);
    counted[change.kind]++;
    if (strcmp(change.path, "docs/new") == 0) {
      CHECK(change.kind == PATCHCORE_CHANGE_REPLACE && change.bytes == 6);
    }
  }
  CHECK(memcmp(counted, info.changes, sizeof counted) == 0);
  patchcore_tree_change none = PATCHCORE_TREE_CHANGE_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_patch_get_change(patch, info.change_count, &none, &error));
  CHECK(none.path == NULL);

  EXPECT_OK(patchcore_tree_patch_verify(patch, NULL, NULL, &contents, &error));
  CHECK(contents.deltas == 1 && contents.files == 1 && contents.bytes > 6);
  THE_END;
}

static void a_plan_says_what_would_be_done_and_does_nothing(void) {
  THE_ERROR;
  patchcore_tree_plan *plan = NULL;
  patchcore_tree_plan_info info = PATCHCORE_TREE_PLAN_INFO_INIT;
  patchcore_tree_patch_info about = PATCHCORE_TREE_PATCH_INFO_INIT;
  uint8_t before[32], after[32];
  tree_digest(root, before);
  MUST(patchcore_tree_patch_get_info(patch, &about, &error));
  MUST(patchcore_tree_patch_plan(patch, root, NUL, NULL, NULL, &plan, &error));
  MUST(patchcore_tree_plan_get_info(plan, &info, &error));
  CHECK(info.action_count == about.change_count && info.bytes > 0);
  CHECK(info.conflict_count == 0 && info.kept_count == 0 && info.done_before == 0);
  for (size_t i = 0; i < info.action_count; i++) {
    patchcore_tree_change action = PATCHCORE_TREE_CHANGE_INIT;
    EXPECT_OK(patchcore_tree_plan_get_action(plan, i, &action, &error));
    CHECK(strlen(action.path) == action.path_len && action.kind != 0);
  }
  size_t len = 7;
  CHECK(patchcore_tree_plan_kept(plan, 0, &len) == NULL && len == 0);
  patchcore_tree_plan_free(plan);
  tree_digest(root, after);
  CHECK(same_digest(before, after) && entries_of(root) == 6);
  THE_END;
}

static void a_directory_goes_to_the_next_version_and_back(void) {
  THE_ERROR;
  patchcore_tree_apply_stats stats = PATCHCORE_TREE_APPLY_STATS_INIT;
  patchcore_installed installed = PATCHCORE_INSTALLED_INIT;
  patchcore_tree_verification *verification = NULL;
  patchcore_tree_verification_info found = PATCHCORE_TREE_VERIFICATION_INFO_INIT;
  uint8_t before[32], after[32];
  int32_t had_backup = 7;
  tree_digest(root, before);
  EXPECT_OK(patchcore_tree_installed(root, NUL, &installed, &error));
  CHECK(installed.known == 0 && installed.has_tree == 0 && installed.version[0] == '\0');

  MUST(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, &stats, NULL, &error));
  CHECK(stats.changed > 5 && stats.done_before == 0 && stats.bytes > 0 && stats.kept_count == 0);
  CHECK(same_trees(root, two) && !exists(below(root, "gone")) && holds_text(below(root, "docs/new"), "second"));
  EXPECT_OK(patchcore_tree_installed(root, NUL, &installed, &error));
  tree_digest(root, after);
  CHECK(installed.known == 1 && installed.has_tree == 1 && same_digest(installed.tree, after));
  CHECK(strcmp(installed.version, "1.1.0") == 0);

  MUST(patchcore_tree_patch_verify_tree(patch, root, NUL, 2, NULL, &verification, &error));
  MUST(patchcore_tree_verification_get_info(verification, &found, &error));
  CHECK(found.is_clean == 1 && found.difference_count == 0 && found.matches > 0);
  patchcore_tree_verification_free(verification);

  EXPECT_OK(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, &stats, NULL, &error));
  CHECK(stats.changed == 0 && stats.done_before > 0);
  EXPECT_OK(patchcore_tree_recover(root, NUL, NULL, &installed, &error));
  CHECK(strcmp(installed.version, "1.1.0") == 0);

  EXPECT_OK(patchcore_tree_rollback(root, NUL, 0, 1, NULL, &installed, &error));
  tree_digest(root, after);
  CHECK(same_digest(before, after));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_rollback(root, NUL, 0, 1, NULL, NULL, &error));
  EXPECT_OK(patchcore_tree_clean(root, NUL, NULL, &had_backup, &error));
  CHECK(had_backup == 0);
  THE_END;
}

static void a_backup_that_is_given_up_or_not_kept_cannot_be_taken_back(void) {
  THE_ERROR;
  int32_t had_backup = 0;
  MUST(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, NULL, NULL, &error));
  EXPECT_OK(patchcore_tree_clean(root, NUL, NULL, &had_backup, &error));
  CHECK(had_backup == 1);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_rollback(root, NUL, 0, 1, NULL, NULL, &error));
  CHECK(same_trees(root, two));

  const char *again = tree_of("again", 1);
  patchcore_tree_apply_options options = PATCHCORE_TREE_APPLY_OPTIONS_INIT;
  options.no_backup = 1;
  MUST(patchcore_tree_patch_apply(patch, again, NUL, &options, NULL, NULL, NULL, &error));
  CHECK(same_trees(again, two));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_rollback(again, NUL, 0, 1, NULL, NULL, &error));
  remove_tree(again);
  THE_END;
}

static void a_conflict_names_all_paths_and_leaves_the_directory(void) {
  THE_ERROR;
  write_text(below(root, "big"), "mine");
  write_text(below(root, "gone"), "mine too");
  uint8_t before[32], after[32];
  tree_digest(root, before);
  EXPECT(PATCHCORE_CONFLICT, patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, NULL, NULL, &error));
  CHECK(strstr(patchcore_error_message(error), "big") != NULL);
  CHECK(strstr(patchcore_error_message(error), "gone") != NULL);
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED);
  CHECK(strcmp(patchcore_outcome_name(patchcore_error_outcome(error)), "unchanged") == 0);
  tree_digest(root, after);
  CHECK(same_digest(before, after));

  patchcore_tree_plan *plan = NULL;
  patchcore_tree_plan_info info = PATCHCORE_TREE_PLAN_INFO_INIT;
  MUST(patchcore_tree_patch_plan(patch, root, NUL, NULL, NULL, &plan, &error));
  MUST(patchcore_tree_plan_get_info(plan, &info, &error));
  CHECK(info.conflict_count == 2);
  const char *const names[] = {"big", "gone"};
  for (size_t i = 0; i < info.conflict_count; i++) {
    patchcore_tree_conflict conflict = PATCHCORE_TREE_CONFLICT_INIT;
    MUST(patchcore_tree_plan_get_conflict(plan, i, &conflict, &error));
    CHECK(strcmp(conflict.path, names[i]) == 0 && conflict.path_len == strlen(names[i]));
    CHECK(strcmp(patchcore_conflict_name(conflict.reason), "unknown") != 0);
  }
  patchcore_tree_conflict none = PATCHCORE_TREE_CONFLICT_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_plan_get_conflict(plan, 2, &none, &error));
  patchcore_tree_plan_free(plan);
  THE_END;
}

static void whoever_says_so_gives_up_local_changes(void) {
  THE_ERROR;
  patchcore_tree_apply_options options = PATCHCORE_TREE_APPLY_OPTIONS_INIT;
  options.overwrite_local = 1;
  write_text(below(root, "gone"), "mine");
  EXPECT_OK(patchcore_tree_patch_apply(patch, root, NUL, &options, NULL, NULL, NULL, &error));
  CHECK(same_trees(root, two));
  write_text(below(root, "docs/new"), "mine again");
  EXPECT(PATCHCORE_CONFLICT, patchcore_tree_rollback(root, NUL, 0, 1, NULL, NULL, &error));
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED);
  EXPECT_OK(patchcore_tree_rollback(root, NUL, 1, 1, NULL, NULL, &error));
  CHECK(holds_text(below(root, "gone"), "mine") && !exists(below(root, "docs")));
  THE_END;
}

static void a_verification_lists_what_is_wrong(void) {
  THE_ERROR;
  MUST(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, NULL, NULL, &error));
  unlink(below(root, "docs/new"));
  write_text(below(root, "big"), "broken");
  write_text(below(root, "gone"), "back");
  patchcore_tree_verification *verification = NULL;
  patchcore_tree_verification_info found = PATCHCORE_TREE_VERIFICATION_INFO_INIT;
  MUST(patchcore_tree_patch_verify_tree(patch, root, NUL, 1, NULL, &verification, &error));
  MUST(patchcore_tree_verification_get_info(verification, &found, &error));
  CHECK(found.is_clean == 0 && found.difference_count == 3);
  const char *const names[] = {"docs/new", "big", "gone"};
  for (size_t i = 0; i < found.difference_count; i++) {
    patchcore_tree_difference difference = PATCHCORE_TREE_DIFFERENCE_INIT;
    MUST(patchcore_tree_verification_get_difference(verification, i, &difference, &error));
    CHECK(difference.kind == (int32_t)i + 1 && strcmp(difference.path, names[i]) == 0);
  }
  patchcore_tree_difference none = PATCHCORE_TREE_DIFFERENCE_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_verification_get_difference(verification, found.difference_count, &none, &error));
  patchcore_tree_verification_free(verification);
  THE_END;
}

static void a_patch_from_memory_and_from_a_callback_does_the_same(void) {
  THE_ERROR;
  bytes content = read_file(package);
  source from = {content, 0, 0, 0, 0, false};
  const patchcore_input inputs[] = {input_of(content), input_from(&from)};
  for (size_t i = 0; i < 2; i++) {
    const char *tree = tree_of("other", 1);
    patchcore_tree_patch *other = NULL;
    MUST(patchcore_tree_patch_open(&inputs[i], NULL, 0, NULL, NULL, &other, &error));
    EXPECT_OK(patchcore_tree_patch_apply(other, tree, NUL, NULL, NULL, NULL, NULL, &error));
    CHECK(same_trees(tree, two));
    patchcore_tree_patch_free(other);
    remove_tree(tree);
  }
  CHECK(from.calls > 0 && !from.beyond);
  /* A callback that fails leaves the directory as it was. */
  patchcore_tree_patch *failing = NULL;
  MUST(patchcore_tree_patch_open(&inputs[1], NULL, 0, NULL, NULL, &failing, &error));
  from.fail_at = from.calls + 1;
  from.value = 42;
  uint8_t before[32], after[32];
  tree_digest(root, before);
  EXPECT(PATCHCORE_CALLBACK, patchcore_tree_patch_apply(failing, root, NUL, NULL, NULL, NULL, NULL, &error));
  CHECK(is_callback_value(error, 42) && patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED);
  tree_digest(root, after);
  CHECK(same_digest(before, after));
  patchcore_tree_patch_free(failing);
  bytes_free(&content);
  THE_END;
}

static void a_damaged_package_is_corrupt_and_changes_nothing(void) {
  THE_ERROR;
  bytes content = read_file(package);
  uint8_t before[32], after[32];
  tree_digest(root, before);
  size_t noticed = 0;
  for (size_t at = 0; at < content.len; at += is_quick() ? 499 : 97) {
    content.data[at] ^= 0xff;
    patchcore_tree_patch *damaged = NULL;
    const patchcore_input input = input_of(content);
    patchcore_status status = patchcore_tree_patch_open(&input, NULL, 0, NULL, NULL, &damaged, NULL);
    CHECK((damaged == NULL) == (status != PATCHCORE_OK));
    if (status == PATCHCORE_OK) {
      status = patchcore_tree_patch_apply(damaged, root, NUL, NULL, NULL, NULL, NULL, NULL);
    }
    patchcore_tree_patch_free(damaged);
    noticed += status != PATCHCORE_OK;
    content.data[at] ^= 0xff;
    tree_digest(root, after);
    if (status == PATCHCORE_OK) {
      CHECK(same_trees(root, two));
      MUST(patchcore_tree_rollback(root, NUL, 0, 1, NULL, NULL, &error));
    } else {
      CHECK(same_digest(before, after));
    }
  }
  CHECK(noticed > 0);
  bytes_free(&content);
  THE_END;
}

typedef struct watched {
  bool phases[PATCHCORE_PHASE_ROLLBACK + 1];
  int32_t stop_at;
  int answer;
  patchcore_tree_patch *to_free;
} watched;

static int watch(void *user_data, const patchcore_progress *progress) {
  watched *self = (watched *)user_data;
  CHECK(progress->done <= progress->total);
  if (progress->phase > 0 && progress->phase <= PATCHCORE_PHASE_ROLLBACK) {
    self->phases[progress->phase] = true;
  }
  patchcore_tree_patch_free(self->to_free);
  self->to_free = NULL;
  return progress->phase == self->stop_at ? self->answer : 0;
}

static void progress_names_its_phases_and_stops_the_work_before_the_commit(void) {
  THE_ERROR;
  uint8_t before[32], after[32];
  tree_digest(root, before);
  watched seen = {{false}, 0, 0, NULL};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.progress = watch;
  job.user_data = &seen;
  seen.stop_at = PATCHCORE_PHASE_STAGE;
  seen.answer = 1;
  EXPECT(PATCHCORE_CANCELLED, patchcore_tree_patch_apply(patch, root, NUL, NULL, &job, NULL, NULL, &error));
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED);
  tree_digest(root, after);
  CHECK(same_digest(before, after));
  seen.answer = -5;
  EXPECT(PATCHCORE_CALLBACK, patchcore_tree_patch_apply(patch, root, NUL, NULL, &job, NULL, NULL, &error));
  CHECK(is_callback_value(error, -5));
  tree_digest(root, after);
  CHECK(same_digest(before, after));

  seen.stop_at = 0;
  EXPECT_OK(patchcore_tree_patch_apply(patch, root, NUL, NULL, &job, NULL, NULL, &error));
  CHECK(seen.phases[PATCHCORE_PHASE_STAGE] && seen.phases[PATCHCORE_PHASE_COMMIT]);
  EXPECT_OK(patchcore_tree_rollback(root, NUL, 0, 1, &job, NULL, &error));
  CHECK(seen.phases[PATCHCORE_PHASE_ROLLBACK]);
  const char *made = in_folder("q.zip");
  EXPECT_OK(patchcore_tree_diff(root, NUL, two, NUL, made, NUL, NULL, &job, NULL, &error));
  CHECK(seen.phases[PATCHCORE_PHASE_SCAN] && seen.phases[PATCHCORE_PHASE_PACK]);
  unlink(made);

  patchcore_cancel *cancel = patchcore_cancel_new();
  job.cancel = cancel;
  patchcore_cancel_request(cancel);
  EXPECT(PATCHCORE_CANCELLED, patchcore_tree_patch_apply(patch, root, NUL, NULL, &job, NULL, NULL, &error));
  EXPECT(PATCHCORE_CANCELLED, patchcore_tree_diff(root, NUL, two, NUL, made, NUL, NULL, &job, NULL, &error));
  CHECK(!exists(made));
  patchcore_cancel_free(cancel);
  tree_digest(root, after);
  CHECK(same_digest(before, after));
  THE_END;
}

static void a_patch_that_is_freed_while_it_is_applied_is_applied_to_its_end(void) {
  THE_ERROR;
  watched seen = {{false}, 0, 0, patch};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.progress = watch;
  job.user_data = &seen;
  EXPECT_OK(patchcore_tree_patch_apply(patch, root, NUL, NULL, &job, NULL, NULL, &error));
  CHECK(seen.to_free == NULL && same_trees(root, two));
  patch = NULL;
  THE_END;
}

#define RUN_ON_TREES(test) \
  do {                     \
    set_up();              \
    RUN(test);             \
    tear_down();           \
  } while (0)

int main(void) {
  RUN_ON_TREES(a_patch_says_what_it_is_and_what_it_changes);
  RUN_ON_TREES(a_plan_says_what_would_be_done_and_does_nothing);
  RUN_ON_TREES(a_directory_goes_to_the_next_version_and_back);
  RUN_ON_TREES(a_backup_that_is_given_up_or_not_kept_cannot_be_taken_back);
  RUN_ON_TREES(a_conflict_names_all_paths_and_leaves_the_directory);
  RUN_ON_TREES(whoever_says_so_gives_up_local_changes);
  RUN_ON_TREES(a_verification_lists_what_is_wrong);
  RUN_ON_TREES(a_patch_from_memory_and_from_a_callback_does_the_same);
  RUN_ON_TREES(a_damaged_package_is_corrupt_and_changes_nothing);
  RUN_ON_TREES(progress_names_its_phases_and_stops_the_work_before_the_commit);
  RUN_ON_TREES(a_patch_that_is_freed_while_it_is_applied_is_applied_to_its_end);
  return check_report();
}
