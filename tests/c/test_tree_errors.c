/* A wrong call about directories is INVALID_ARGUMENT and changes nothing; old and new programs agree on the structs. */

#include "trees.h"

#include <stddef.h>

#define INVALID(call) EXPECT(PATCHCORE_INVALID_ARGUMENT, call)

static char root[PATH_MAX], two[PATH_MAX], package[PATH_MAX];
static patchcore_tree_patch *patch;

static void set_up(void) {
  snprintf(root, sizeof root, "%s", tree_of("one", 1));
  snprintf(two, sizeof two, "%s", tree_of("two", 2));
  snprintf(package, sizeof package, "%s", package_of("p.zip", root, two, NULL));
  patch = open_patch(package);
}

static void every_null_pointer_is_refused(void) {
  THE_ERROR;
  patchcore_snapshot *snapshot = NULL;
  patchcore_tree_patch *opened = NULL;
  patchcore_tree_plan *plan = NULL;
  patchcore_tree_verification *verification = NULL;
  patchcore_installed installed = PATCHCORE_INSTALLED_INIT;
  patchcore_snapshot_info snapshot_info = PATCHCORE_SNAPSHOT_INFO_INIT;
  patchcore_tree_item item = PATCHCORE_TREE_ITEM_INIT;
  patchcore_tree_patch_info info = PATCHCORE_TREE_PATCH_INFO_INIT;
  patchcore_tree_change change = PATCHCORE_TREE_CHANGE_INIT;
  patchcore_tree_conflict conflict = PATCHCORE_TREE_CONFLICT_INIT;
  patchcore_tree_plan_info plan_info = PATCHCORE_TREE_PLAN_INFO_INIT;
  patchcore_tree_difference difference = PATCHCORE_TREE_DIFFERENCE_INIT;
  patchcore_tree_verification_info verification_info = PATCHCORE_TREE_VERIFICATION_INFO_INIT;
  patchcore_operation_outputs outputs = PATCHCORE_OPERATION_OUTPUTS_INIT;
  const patchcore_input input = patchcore_input_path(package);
  const char *out = in_folder("out.zip");

  INVALID(patchcore_tree_scan(NULL, 0, NULL, NULL, &snapshot, &error));
  INVALID(patchcore_tree_scan(root, NUL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_scan(root, 0, NULL, NULL, &snapshot, &error));
  INVALID(patchcore_snapshot_get_info(NULL, &snapshot_info, &error));
  INVALID(patchcore_snapshot_get_item(NULL, 0, &item, &error));
  INVALID(patchcore_tree_rollback(NULL, 0, 0, 0, NULL, NULL, &error));
  INVALID(patchcore_tree_recover(NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_tree_installed(NULL, 0, &installed, &error));
  INVALID(patchcore_tree_installed(root, NUL, NULL, &error));
  INVALID(patchcore_tree_clean(NULL, 0, NULL, NULL, &error));
  INVALID(patchcore_tree_patch_open(NULL, NULL, 0, NULL, NULL, &opened, &error));
  INVALID(patchcore_tree_patch_open(&input, NULL, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_patch_open(&input, NULL, 2, NULL, NULL, &opened, &error));
  INVALID(patchcore_tree_patch_get_info(NULL, &info, &error));
  INVALID(patchcore_tree_patch_get_info(patch, NULL, &error));
  INVALID(patchcore_tree_patch_get_change(NULL, 0, &change, &error));
  INVALID(patchcore_tree_patch_get_change(patch, 0, NULL, &error));
  INVALID(patchcore_tree_patch_get_change(patch, SIZE_MAX, &change, &error));
  INVALID(patchcore_tree_patch_verify(NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_patch_plan(NULL, root, NUL, NULL, NULL, &plan, &error));
  INVALID(patchcore_tree_patch_plan(patch, NULL, 0, NULL, NULL, &plan, &error));
  INVALID(patchcore_tree_patch_plan(patch, root, NUL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_plan_get_info(NULL, &plan_info, &error));
  INVALID(patchcore_tree_plan_get_action(NULL, 0, &change, &error));
  INVALID(patchcore_tree_plan_get_conflict(NULL, 0, &conflict, &error));
  INVALID(patchcore_tree_patch_apply(NULL, root, NUL, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_patch_apply(patch, NULL, 0, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_patch_verify_tree(NULL, root, NUL, 0, NULL, &verification, &error));
  INVALID(patchcore_tree_patch_verify_tree(patch, NULL, 0, 0, NULL, &verification, &error));
  INVALID(patchcore_tree_patch_verify_tree(patch, root, NUL, 0, NULL, NULL, &error));
  INVALID(patchcore_tree_verification_get_info(NULL, &verification_info, &error));
  INVALID(patchcore_tree_verification_get_difference(NULL, 0, &difference, &error));
  INVALID(patchcore_tree_diff(NULL, 0, two, NUL, out, NUL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_diff(root, NUL, NULL, 0, out, NUL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_diff(root, NUL, two, NUL, NULL, 0, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_diff_operations(root, NUL, two, NUL, NULL, NULL, NULL, NULL, &error));
  INVALID(patchcore_tree_diff_operations(root, NUL, two, NUL, &outputs, NULL, NULL, NULL, &error));
  outputs.package = out;
  outputs.package_len = NUL;
  INVALID(patchcore_tree_diff_operations(root, NUL, two, NUL, &outputs, NULL, NULL, NULL, &error));

  patchcore_tree_diff_options options = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  options.exclude_count = 1;
  INVALID(patchcore_tree_diff(root, NUL, two, NUL, out, NUL, &options, NULL, NULL, &error));
  CHECK(strstr(patchcore_error_message(error), "options.exclude") != NULL);
  CHECK(snapshot == NULL && opened == NULL && plan == NULL && verification == NULL && !exists(out));
  CHECK(entries_of(root) == 6);
  THE_END;
}

static void what_takes_null_takes_it(void) {
  size_t len = 7;
  CHECK(patchcore_paths_count(NULL) == 0 && patchcore_paths_get(NULL, 0, &len) == NULL && len == 0);
  CHECK(patchcore_tree_plan_kept(NULL, 0, NULL) == NULL && patchcore_update_report_kept(NULL, 0, NULL) == NULL);
  CHECK(patchcore_error_outcome(NULL) == PATCHCORE_OUTCOME_NONE);
  CHECK(patchcore_tree_scan(root, NUL, NULL, NULL, NULL, NULL) == PATCHCORE_INVALID_ARGUMENT);
  patchcore_snapshot_free(NULL);
  patchcore_tree_patch_free(NULL);
  patchcore_tree_plan_free(NULL);
  patchcore_tree_verification_free(NULL);
  patchcore_paths_free(NULL);
  patchcore_update_report_free(NULL);
}

static void numbers_have_names_also_those_that_nobody_knows(void) {
  CHECK(strcmp(patchcore_phase_name(PATCHCORE_PHASE_SCAN), "scan") == 0);
  CHECK(strcmp(patchcore_phase_name(PATCHCORE_PHASE_ROLLBACK), "rollback") == 0);
  CHECK(strcmp(patchcore_change_name(PATCHCORE_CHANGE_DELETE), "delete") == 0);
  CHECK(strcmp(patchcore_conflict_name(PATCHCORE_CONFLICT_NO_DIRECTORY), "no_directory") == 0);
  CHECK(strcmp(patchcore_outcome_name(PATCHCORE_OUTCOME_NONE), "none") == 0);
  for (int32_t number = -1; number < 40; number += 41) {
    CHECK(strcmp(patchcore_change_name(number), "unknown") == 0);
    CHECK(strcmp(patchcore_outcome_name(number), "unknown") == 0);
  }
}

/* A struct of any type with room for the fields of a newer header behind it. */
typedef union room {
  size_t struct_size;
  uint64_t align;
  uint8_t bytes[1024];
} room;

typedef patchcore_status (*attempt)(const void *value, patchcore_error **error);

static patchcore_status with_scan_options(const void *value, patchcore_error **error) {
  patchcore_snapshot *snapshot = NULL;
  const patchcore_status status =
      patchcore_tree_scan(root, NUL, (const patchcore_scan_options *)value, NULL, &snapshot, error);
  patchcore_snapshot_free(snapshot);
  return status;
}

static patchcore_status with_apply_options(const void *value, patchcore_error **error) {
  patchcore_tree_plan *plan = NULL;
  const patchcore_status status = patchcore_tree_patch_plan(
      patch, root, NUL, (const patchcore_tree_apply_options *)value, NULL, &plan, error);
  patchcore_tree_plan_free(plan);
  return status;
}

static patchcore_status with_diff_options(const void *value, patchcore_error **error) {
  return patchcore_tree_diff(root, NUL, two, NUL, in_folder("sizes.zip"), NUL,
                             (const patchcore_tree_diff_options *)value, NULL, NULL, error);
}

static patchcore_status with_squash_options(const void *value, patchcore_error **error) {
  const patchcore_tree_patch *const patches[] = {patch};
  return patchcore_tree_squash(patches, 1, in_folder("sizes.zip"), NUL, (const patchcore_tree_squash_options *)value,
                               NULL, NULL, error);
}

static patchcore_status with_trust(const void *value, patchcore_error **error) {
  patchcore_tree_patch *opened = NULL;
  const patchcore_input input = patchcore_input_path(package);
  const patchcore_status status =
      patchcore_tree_patch_open(&input, NULL, 0, (const patchcore_trust *)value, NULL, &opened, error);
  patchcore_tree_patch_free(opened);
  return status;
}

static patchcore_status with_fetch_options(const void *value, patchcore_error **error) {
  const char *const urls[] = {package};
  return patchcore_file_fetch(urls, NULL, 1, in_folder("fetched"), NUL, (const patchcore_fetch_options *)value, NULL,
                              NULL, error);
}

static void check_sizes(const char *what, attempt try_it, size_t len) {
  THE_ERROR;
  room made;
  bool fine = true;
  const struct {
    patchcore_status wanted;
    size_t said;
    uint8_t tail;
  } cases[] = {{PATCHCORE_OK, len, 0xff},
               {PATCHCORE_OK, sizeof(size_t), 0xff},
               {PATCHCORE_OK, len + 64, 0},
               {PATCHCORE_UNSUPPORTED, len + 1, 1},
               {PATCHCORE_INVALID_ARGUMENT, 0, 0},
               {PATCHCORE_INVALID_ARGUMENT, sizeof(size_t) - 1, 0},
               {PATCHCORE_INVALID_ARGUMENT, SIZE_MAX, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    memset(&made, 0, sizeof made);
    memset(made.bytes + len, cases[i].tail, sizeof made.bytes - len);
    made.struct_size = cases[i].said;
    fine &= EXPECT(cases[i].wanted, try_it(&made, &error));
  }
  if (!fine) {
    fprintf(stderr, "  %s\n", what);
  }
  THE_END;
}

static void every_struct_that_goes_in_may_be_older_or_newer(void) {
  check_sizes("patchcore_scan_options", with_scan_options, sizeof(patchcore_scan_options));
  check_sizes("patchcore_tree_apply_options", with_apply_options, sizeof(patchcore_tree_apply_options));
  check_sizes("patchcore_tree_diff_options", with_diff_options, sizeof(patchcore_tree_diff_options));
  check_sizes("patchcore_tree_squash_options", with_squash_options, sizeof(patchcore_tree_squash_options));
  check_sizes("patchcore_trust", with_trust, sizeof(patchcore_trust));
  check_sizes("patchcore_fetch_options", with_fetch_options, sizeof(patchcore_fetch_options));
}

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

static void results_are_written_up_to_their_size(void) {
  THE_ERROR;
  room made;
  patchcore_tree_patch_info *info = (patchcore_tree_patch_info *)(void *)&made;
  const size_t sizes[] = {sizeof(size_t), END_OF(patchcore_tree_patch_info, package_size),
                          END_OF(patchcore_tree_patch_info, new_tree), sizeof(patchcore_tree_patch_info)};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    memset(&made, 0xa5, sizeof made);
    info->struct_size = sizes[i];
    EXPECT_OK(patchcore_tree_patch_get_info(patch, info, &error));
    CHECK(info->struct_size == sizes[i]);
    for (size_t at = sizes[i]; at < sizeof made.bytes; at++) {
      if (!CHECK(made.bytes[at] == 0xa5)) {
        break;
      }
    }
  }
  /* A result that cannot be written is noticed before anything is done. */
  patchcore_tree_apply_stats stats;
  memset(&stats, 0, sizeof stats);
  INVALID(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, &stats, NULL, &error));
  CHECK(entries_of(root) == 6);
  THE_END;
}

int main(void) {
  set_up();
  RUN(every_null_pointer_is_refused);
  RUN(what_takes_null_takes_it);
  RUN(numbers_have_names_also_those_that_nobody_knows);
  RUN(every_struct_that_goes_in_may_be_older_or_newer);
  RUN(results_are_written_up_to_their_size);
  patchcore_tree_patch_free(patch);
  return check_report();
}
