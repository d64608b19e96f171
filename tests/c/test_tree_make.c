/* Looking through directories, and making patches of them: what the options say is done, and patches in a row become
 * one. */

#include "trees.h"

static void a_snapshot_lists_what_stands_there(void) {
  THE_ERROR;
  const char *root = tree_of("scanned", 2);
  patchcore_snapshot *snapshot = NULL;
  patchcore_snapshot_info info = PATCHCORE_SNAPSHOT_INFO_INIT;
  MUST(patchcore_tree_scan(root, NUL, NULL, NULL, &snapshot, &error));
  MUST(patchcore_snapshot_get_info(snapshot, &info, &error));
  const char *const paths[] = {"big", "docs", "docs/new", "docs/there", "link", "run.sh", "same"};
  REQUIRE(info.item_count == sizeof paths / sizeof paths[0]);
  uint64_t size = 0;
  for (size_t i = 0; i < info.item_count; i++) {
    patchcore_tree_item item = PATCHCORE_TREE_ITEM_INIT;
    MUST(patchcore_snapshot_get_item(snapshot, i, &item, &error));
    CHECK(strcmp(item.path, paths[i]) == 0 && item.path_len == strlen(paths[i]));
    const bool is_link = i == 4, is_directory = i == 1;
    CHECK(item.kind == (is_link        ? PATCHCORE_ITEM_SYMLINK
                        : is_directory ? PATCHCORE_ITEM_DIRECTORY
                                       : PATCHCORE_ITEM_FILE));
    CHECK(strcmp(patchcore_item_name(item.kind), is_link ? "symlink" : is_directory ? "directory" : "file") == 0);
    CHECK((item.target != NULL) == is_link && (item.executable == 1) == (i == 5));
    if (is_link) {
      CHECK(strcmp(item.target, "docs/new") == 0 && item.target_len == 8);
    }
    if (item.kind == PATCHCORE_ITEM_FILE) {
      uint8_t digest[32];
      const patchcore_input file = patchcore_input_path(below(root, item.path));
      MUST(patchcore_digest_of(&file, NULL, digest, &error));
      CHECK(same_digest(digest, item.digest));
    }
    size += item.size;
  }
  CHECK(size == info.size && size > 40000);
  patchcore_tree_item none = PATCHCORE_TREE_ITEM_INIT;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_snapshot_get_item(snapshot, info.item_count, &none, &error));
  patchcore_snapshot_free(snapshot);
  remove_tree(root);
  THE_END;
}

static void what_is_excluded_is_no_part_of_the_tree(void) {
  THE_ERROR;
  const char *root = tree_of("scanned", 2);
  const char *const patterns[] = {"docs/", "*.shXXX", "link"};
  const size_t lens[] = {NUL, 4, 4};
  patchcore_scan_options options = PATCHCORE_SCAN_OPTIONS_INIT;
  options.exclude = patterns;
  options.exclude_lens = lens;
  options.exclude_count = 3;
  options.threads = 2;
  patchcore_snapshot *snapshot = NULL;
  patchcore_snapshot_info info = PATCHCORE_SNAPSHOT_INFO_INIT;
  MUST(patchcore_tree_scan(root, NUL, &options, NULL, &snapshot, &error));
  MUST(patchcore_snapshot_get_info(snapshot, &info, &error));
  CHECK(info.item_count == 2);
  patchcore_snapshot_free(snapshot);
  remove_tree(root);
  THE_END;
}

static void a_link_that_leaves_the_directory_is_unsafe_unless_what_it_points_to_is_taken(void) {
  THE_ERROR;
  write_text(in_folder("outside"), "from outside");
  const char *root = tree_of("scanned", 1);
  REQUIRE(symlink("../outside", below(root, "in")) == 0);
  patchcore_snapshot *snapshot = NULL;
  EXPECT(PATCHCORE_UNSAFE_PATH, patchcore_tree_scan(root, NUL, NULL, NULL, &snapshot, &error));
  CHECK(snapshot == NULL);
  patchcore_scan_options options = PATCHCORE_SCAN_OPTIONS_INIT;
  options.dereference = 1;
  MUST(patchcore_tree_scan(root, NUL, &options, NULL, &snapshot, &error));
  patchcore_snapshot_info info = PATCHCORE_SNAPSHOT_INFO_INIT;
  MUST(patchcore_snapshot_get_info(snapshot, &info, &error));
  bool found = false;
  for (size_t i = 0; i < info.item_count; i++) {
    patchcore_tree_item item = PATCHCORE_TREE_ITEM_INIT;
    MUST(patchcore_snapshot_get_item(snapshot, i, &item, &error));
    found |= strcmp(item.path, "in") == 0 && item.kind == PATCHCORE_ITEM_FILE && item.size == 12;
  }
  CHECK(found);
  patchcore_snapshot_free(snapshot);
  remove_tree(root);
  THE_END;
}

static void what_is_kept_local_is_installed_once_and_named(void) {
  THE_ERROR;
  const char *root = tree_of("one", 1);
  char old_root[PATH_MAX];
  snprintf(old_root, sizeof old_root, "%s", root);
  const char *new_root = tree_of("two", 2);
  write_text(below(new_root, "settings"), "factory");
  const char *const patterns[] = {"settings"};
  patchcore_tree_diff_options options = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  options.keep_local = patterns;
  options.keep_local_count = 1;
  options.compression = PATCHCORE_COMPRESSION_ZSTD;
  options.level = 1;
  options.threads = 2;
  patchcore_tree_patch *patch = open_patch(package_of("p.zip", old_root, new_root, &options));
  write_text(below(old_root, "settings"), "mine");
  patchcore_tree_plan *plan = NULL;
  size_t len = 0;
  MUST(patchcore_tree_patch_plan(patch, old_root, NUL, NULL, NULL, &plan, &error));
  const char *kept = patchcore_tree_plan_kept(plan, 0, &len);
  CHECK(kept != NULL && strcmp(kept, "settings") == 0 && len == 8 && patchcore_tree_plan_kept(plan, 1, NULL) == NULL);
  patchcore_tree_plan_free(plan);
  patchcore_tree_apply_stats stats = PATCHCORE_TREE_APPLY_STATS_INIT;
  patchcore_paths *paths = NULL;
  EXPECT_OK(patchcore_tree_patch_apply(patch, old_root, NUL, NULL, NULL, &stats, &paths, &error));
  CHECK(stats.kept_count == 1 && patchcore_paths_count(paths) == 1);
  kept = patchcore_paths_get(paths, 0, &len);
  CHECK(kept != NULL && strcmp(kept, "settings") == 0 && len == 8);
  CHECK(patchcore_paths_get(paths, 1, &len) == NULL && len == 0);
  CHECK(holds_text(below(old_root, "settings"), "mine"));
  patchcore_paths_free(paths);
  patchcore_tree_patch_free(patch);
  unlink(in_folder("p.zip"));
  remove_tree(old_root);
  remove_tree(new_root);
  THE_END;
}

static void what_makes_no_sense_leaves_no_package(void) {
  THE_ERROR;
  char old_root[PATH_MAX];
  snprintf(old_root, sizeof old_root, "%s", tree_of("one", 1));
  const char *new_root = tree_of("two", 2);
  const char *package = in_folder("p.zip");
  patchcore_tree_diff_options options = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  options.compression = 3;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, NULL, &error));
  options.compression = PATCHCORE_COMPRESSION_STORED;
  options.level = 10;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, NULL, &error));
  options.level = 0;
  options.max_version = "1.0.0";
  options.max_version_len = NUL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, NULL, &error));
  options.max_version = NULL;
  options.max_version_len = 0;
  options.version = "one";
  options.version_len = NUL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, NULL, &error));
  CHECK(!exists(package));
  options.version = NULL;
  options.version_len = 0;
  patchcore_tree_diff_stats stats = PATCHCORE_TREE_DIFF_STATS_INIT;
  EXPECT_OK(patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, &stats, &error));
  CHECK(stats.changes[PATCHCORE_CHANGE_DELETE] == 4 && stats.unchanged == 1 && stats.new_tree_size > 40000);
  bytes content = read_file(package);
  CHECK(stats.package_size == content.len && stats.new_size > 0);
  bytes_free(&content);
  options.no_clobber = 1;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, &options, NULL, NULL, &error));
  EXPECT(PATCHCORE_NOT_FOUND,
         patchcore_tree_diff(in_folder("none"), NUL, new_root, NUL, in_folder("q.zip"), NUL, NULL, NULL, NULL, &error));
  CHECK(!exists(in_folder("q.zip")));
  unlink(package);
  remove_tree(old_root);
  remove_tree(new_root);
  THE_END;
}

static void patches_in_a_row_become_one(void) {
  THE_ERROR;
  char trees[3][PATH_MAX];
  const char *const names[] = {"one", "two", "three"};
  for (int i = 0; i < 3; i++) {
    snprintf(trees[i], PATH_MAX, "%s", tree_of(names[i], i + 1));
  }
  patchcore_tree_patch *const first = open_patch(package_of("p.zip", trees[0], trees[1], NULL));
  patchcore_tree_patch *const second = open_patch(package_of("q.zip", trees[1], trees[2], NULL));
  const patchcore_tree_patch *const in_order[] = {first, second};
  const patchcore_tree_patch *const wrong[] = {second, first};
  const patchcore_tree_patch *const hole[] = {first, NULL};
  const char *squashed = in_folder("r.zip");
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_tree_squash(wrong, 2, squashed, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_squash(hole, 2, squashed, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_squash(NULL, 2, squashed, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_squash(NULL, 0, squashed, NUL, NULL, NULL, NULL, &error));
  CHECK(!exists(squashed));
  patchcore_tree_squash_options options = PATCHCORE_TREE_SQUASH_OPTIONS_INIT;
  options.level = 3;
  options.compression = 7;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_squash(in_order, 2, squashed, NUL, &options, NULL, NULL, &error));
  options.compression = PATCHCORE_COMPRESSION_DEFLATE;
  options.no_clobber = 1;
  patchcore_tree_squash_stats stats = PATCHCORE_TREE_SQUASH_STATS_INIT;
  EXPECT_OK(patchcore_tree_squash(in_order, 2, squashed, NUL, &options, NULL, &stats, &error));
  CHECK(stats.package_size > 0 && stats.changes[PATCHCORE_CHANGE_DELTA] == 1);
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_squash(in_order, 2, squashed, NUL, &options, NULL, NULL, &error));
  patchcore_tree_patch *both = open_patch(squashed);
  EXPECT_OK(patchcore_tree_patch_apply(both, trees[0], NUL, NULL, NULL, NULL, NULL, &error));
  CHECK(same_trees(trees[0], trees[2]));
  patchcore_tree_patch_free(both);
  patchcore_tree_patch_free(first);
  patchcore_tree_patch_free(second);
  for (int i = 0; i < 3; i++) {
    remove_tree(trees[i]);
  }
  unlink(in_folder("p.zip"));
  unlink(in_folder("q.zip"));
  unlink(squashed);
  THE_END;
}

static void the_file_operation_form_goes_both_ways(void) {
  THE_ERROR;
  char root[PATH_MAX], two[PATH_MAX];
  snprintf(root, sizeof root, "%s", tree_of("one", 1));
  snprintf(two, sizeof two, "%s", tree_of("two", 2));
  /* It has no links. */
  unlink(below(two, "link"));
  patchcore_operation_outputs outputs = PATCHCORE_OPERATION_OUTPUTS_INIT;
  outputs.package = in_folder("p.tar.gz");
  outputs.package_len = NUL;
  outputs.operations = in_folder("operations.json");
  outputs.operations_len = NUL;
  patchcore_tree_diff_stats stats = PATCHCORE_TREE_DIFF_STATS_INIT;
  MUST(patchcore_tree_diff_operations(root, NUL, two, NUL, &outputs, NULL, NULL, &stats, &error));
  CHECK(stats.package_size > 0 && stats.changes[PATCHCORE_CHANGE_DELTA] == 0);
  bytes operations = read_text(outputs.operations);
  const patchcore_input input = patchcore_input_path(outputs.package);
  patchcore_tree_patch *patch = NULL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_tree_patch_open(&input, NULL, 0, NULL, NULL, &patch, &error));
  CHECK(patch == NULL);
  MUST(patchcore_tree_patch_open(&input, (const char *)operations.data, NUL, NULL, NULL, &patch, &error));
  EXPECT_OK(patchcore_tree_patch_apply(patch, root, NUL, NULL, NULL, NULL, NULL, &error));
  CHECK(same_trees(root, two));
  patchcore_tree_patch_free(patch);
  bytes_free(&operations);
  unlink(outputs.package);
  unlink(outputs.operations);
  remove_tree(root);
  remove_tree(two);
  THE_END;
}

int main(void) {
  RUN(a_snapshot_lists_what_stands_there);
  RUN(what_is_excluded_is_no_part_of_the_tree);
  RUN(a_link_that_leaves_the_directory_is_unsafe_unless_what_it_points_to_is_taken);
  RUN(what_is_kept_local_is_installed_once_and_named);
  RUN(what_makes_no_sense_leaves_no_package);
  RUN(patches_in_a_row_become_one);
  RUN(the_file_operation_form_goes_both_ways);
  return check_report();
}
