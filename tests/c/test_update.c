/* Files are fetched whole or not at all, and a directory is brought to what a document says, or stays as it was. */

#include "trees.h"

static char root[PATH_MAX], two[PATH_MAX], package[PATH_MAX], full[PATH_MAX];
static uint8_t before[32];

/* Each test begins with an installation of version 1.0.0.1, and the packages that bring 1.0.0.2. */
static void set_up(void) {
  THE_ERROR;
  patchcore_tree_diff_options options = PATCHCORE_TREE_DIFF_OPTIONS_INIT;
  options.version = "1.0.0.2";
  options.version_len = NUL;
  snprintf(root, sizeof root, "%s", tree_of("one", 1));
  snprintf(two, sizeof two, "%s", tree_of("two", 2));
  const char *empty = in_folder("empty");
  REQUIRE(mkdir(empty, 0755) == 0);
  snprintf(package, sizeof package, "%s", package_of("patch.zip", root, two, &options));
  snprintf(full, sizeof full, "%s", package_of("full.zip", empty, two, &options));
  tree_digest(root, before);
  THE_END;
}

static void tear_down(void) {
  remove_tree(in_folder(""));
  REQUIRE(mkdir(in_folder(""), 0755) == 0);
}

static bool is_unchanged(void) {
  uint8_t after[32];
  tree_digest(root, after);
  return same_digest(before, after);
}

static void hash_of(const char *path, char hex[PATCHCORE_DIGEST_HEX_SIZE]) {
  THE_ERROR;
  uint8_t digest[32];
  const patchcore_input input = patchcore_input_path(path);
  MUST(patchcore_digest_of(&input, NULL, digest, &error));
  MUST(patchcore_digest_to_hex(digest, hex, PATCHCORE_DIGEST_HEX_SIZE, &error));
  THE_END;
}

/* `{"url": …, "hash": …}` of one of the packages, which lies beside the document. */
static const char *info_of(const char *path) {
  static char texts[2][1024];
  static size_t next = 0;
  char hex[PATCHCORE_DIGEST_HEX_SIZE];
  char *text = texts[next++ % 2];
  hash_of(path, hex);
  snprintf(text, sizeof texts[0], "{\"url\": \"%s\", \"hash\": \"sha256:%s\", \"version\": \"1.0.0.2\"}",
           strrchr(path, '/') + 1, hex);
  return text;
}

static const char *manifest(void) {
  static char text[4096];
  const char *patch_info = info_of(package), *full_info = info_of(full);
  snprintf(text, sizeof text,
           "{\"version\": \"1.0.0.2\", \"release_date\": \"2026-11-21T00:00:00Z\", \"release_notes\": \"better\",\n"
           " \"platforms\": {\"x86_64\": %s}, \"patch\": {\"x86_64\": %s}}\n",
           full_info, patch_info);
  return text;
}

/* A document whose text is here, and which came from the folder of this test. */
static patchcore_document document_of(const char *json) {
  patchcore_document document = PATCHCORE_DOCUMENT_INIT;
  document.json = json;
  document.json_len = NUL;
  document.base = in_folder("document.json");
  document.base_len = NUL;
  return document;
}

static patchcore_update_options options_for(const char *installed) {
  patchcore_update_options options = PATCHCORE_UPDATE_OPTIONS_INIT;
  options.architecture = "x86_64";
  options.architecture_len = NUL;
  options.installed = installed;
  options.installed_len = installed == NULL ? 0 : NUL;
  return options;
}

static bool is(const char *text, size_t len, const char *wanted) {
  return wanted == NULL ? text == NULL && len == 0 : text != NULL && strcmp(text, wanted) == 0 && len == strlen(wanted);
}

static void a_file_is_fetched_whole_and_verified_or_not_at_all(void) {
  THE_ERROR;
  const char *to = in_folder("fetched");
  const char *const urls[] = {in_folder("none"), package};
  uint8_t digest[32] = {1};
  patchcore_fetch_options options = PATCHCORE_FETCH_OPTIONS_INIT;
  patchcore_fetch_stats stats = PATCHCORE_FETCH_STATS_INIT;
  options.digest = digest;
  EXPECT(PATCHCORE_TARGET_MISMATCH, patchcore_file_fetch(urls, NULL, 2, to, NUL, &options, NULL, &stats, &error));
  CHECK(!exists(to));
  const patchcore_input input = patchcore_input_path(package);
  MUST(patchcore_digest_of(&input, NULL, digest, &error));
  bytes content = read_file(package);
  options.has_size = 1;
  options.size = content.len;
  options.retries = -1;
  EXPECT_OK(patchcore_file_fetch(urls, NULL, 2, to, NUL, &options, NULL, &stats, &error));
  CHECK(stats.size == content.len && stats.transferred == content.len && stats.source == 1);
  CHECK(same_digest(stats.digest, digest) && file_holds(to, content));
  EXPECT_OK(patchcore_file_fetch(urls, NULL, 2, to, NUL, &options, NULL, &stats, &error));
  CHECK(stats.transferred == 0 && stats.source == -1);
  unlink(to);
  options = (patchcore_fetch_options)PATCHCORE_FETCH_OPTIONS_INIT;
  options.max_size = content.len - 1;
  EXPECT(PATCHCORE_LIMIT, patchcore_file_fetch(urls + 1, NULL, 1, to, NUL, &options, NULL, NULL, &error));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_file_fetch(urls, NULL, 1, to, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_fetch(NULL, NULL, 0, to, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_fetch(NULL, NULL, 1, to, NUL, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_fetch(urls, NULL, 1, NULL, 0, NULL, NULL, NULL, &error));
  CHECK(!exists(to));
  bytes_free(&content);
  THE_END;
}

static void a_package_info_is_acted_on_once(void) {
  THE_ERROR;
  const patchcore_document document = document_of(info_of(package));
  patchcore_update_options options = options_for(NULL);
  patchcore_update_report *report = NULL;
  patchcore_update_info info = PATCHCORE_UPDATE_INFO_INIT;
  patchcore_tree_apply_stats applied = PATCHCORE_TREE_APPLY_STATS_INIT;
  patchcore_fetch_stats fetched = PATCHCORE_FETCH_STATS_INIT;

  options.dry_run = 1;
  MUST(patchcore_update_from_package_info(root, NUL, &document, &options, NULL, &report, &error));
  MUST(patchcore_update_report_get_info(report, &info, &error));
  CHECK(info.action == PATCHCORE_UPDATE_DECIDED && strcmp(patchcore_update_name(info.action), "decided") == 0);
  CHECK(info.has_fetched == 0 && info.has_applied == 0 && is(info.to, info.to_len, "1.0.0.2"));
  CHECK(is(info.from, info.from_len, NULL) && is(info.file, info.file_len, NULL) && info.key_id[0] == '\0');
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_update_report_get_applied(report, &applied, &error));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_update_report_get_fetched(report, &fetched, &error));
  patchcore_update_report_free(report);
  CHECK(is_unchanged());

  options.dry_run = 0;
  MUST(patchcore_update_from_package_info(root, NUL, &document, &options, NULL, &report, &error));
  MUST(patchcore_update_report_get_info(report, &info, &error));
  CHECK(info.action == PATCHCORE_UPDATE_APPLIED && strcmp(info.strategy, "patch") == 0);
  CHECK(strcmp(info.reason, "named_package") == 0 && info.has_applied == 1 && info.url_len > 0);
  EXPECT_OK(patchcore_update_report_get_applied(report, &applied, &error));
  CHECK(applied.changed > 5 && applied.kept_count == 0 && patchcore_update_report_kept(report, 0, NULL) == NULL);
  patchcore_update_report_free(report);
  CHECK(same_trees(root, two));

  MUST(patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, &report, &error));
  MUST(patchcore_update_report_get_info(report, &info, &error));
  CHECK(info.action == PATCHCORE_UPDATE_NOTHING && strcmp(info.reason, "up_to_date") == 0);
  CHECK(is(info.from, info.from_len, "1.0.0.2"));
  patchcore_update_report_free(report);
  EXPECT_OK(patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, NULL, &error));
  THE_END;
}

static void what_is_downloaded_is_applied_later_without_the_network(void) {
  THE_ERROR;
  const patchcore_document document = document_of(info_of(package));
  patchcore_update_options options = options_for(NULL);
  patchcore_update_report *report = NULL;
  patchcore_update_info info = PATCHCORE_UPDATE_INFO_INIT;
  patchcore_fetch_stats fetched = PATCHCORE_FETCH_STATS_INIT;
  options.download_only = 1;
  options.cache = in_folder("cache");
  options.cache_len = NUL;
  MUST(patchcore_update_from_package_info(root, NUL, &document, &options, NULL, &report, &error));
  MUST(patchcore_update_report_get_info(report, &info, &error));
  CHECK(info.action == PATCHCORE_UPDATE_DOWNLOADED && info.has_fetched == 1 && info.has_applied == 0);
  bytes content = read_file(package);
  CHECK(info.file != NULL && strlen(info.file) == info.file_len && file_holds(info.file, content));
  EXPECT_OK(patchcore_update_report_get_fetched(report, &fetched, &error));
  CHECK(fetched.size == content.len);
  bytes_free(&content);
  patchcore_update_report_free(report);
  CHECK(is_unchanged());
  unlink(package);
  options.download_only = 0;
  EXPECT_OK(patchcore_update_from_package_info(root, NUL, &document, &options, NULL, NULL, &error));
  CHECK(same_trees(root, two));
  THE_END;
}

static void a_manifest_leads_by_a_patch_or_by_the_full_package_and_says_why(void) {
  THE_ERROR;
  const char *const required[] = {"missing/program"};
  const struct {
    const char *installed, *strategy, *reason;
    int32_t force_full;
    size_t required_count;
  } cases[] = {{"1.0.0.1", "patch", "patch_available", 0, 0},
               {"1.0.0.1", "full", "forced_full", 1, 0},
               {"1.0.0.1", "full", "incomplete_installation", 0, 1},
               {"0.9.0.1", "full", "older_version_core", 0, 0},
               {NULL, "full", "unknown_version", 0, 0},
               {"1.0.0.2", "none", "up_to_date", 0, 0},
               {"1.0.1", "none", "newer_installed", 0, 0}};
  const char *path = in_folder("document.json");
  write_text(path, manifest());
  patchcore_document document = PATCHCORE_DOCUMENT_INIT;
  document.url = path;
  document.url_len = NUL;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    patchcore_update_options options = options_for(cases[i].installed);
    patchcore_update_report *report = NULL;
    patchcore_update_info info = PATCHCORE_UPDATE_INFO_INIT;
    options.dry_run = 1;
    options.force_full = cases[i].force_full;
    options.required = required;
    options.required_count = cases[i].required_count;
    MUST(patchcore_update_from_service_manifest(root, NUL, &document, &options, NULL, &report, &error));
    MUST(patchcore_update_report_get_info(report, &info, &error));
    if (!CHECK(strcmp(info.strategy, cases[i].strategy) == 0 && strcmp(info.reason, cases[i].reason) == 0)) {
      fprintf(stderr, "  %zu: %s, %s\n", i, info.strategy, info.reason);
    }
    CHECK(is(info.from, info.from_len, cases[i].installed) && is(info.to, info.to_len, "1.0.0.2"));
    patchcore_update_report_free(report);
  }
  CHECK(is_unchanged());
  const patchcore_update_options options = options_for("1.0.0.1");
  EXPECT_OK(patchcore_update_from_service_manifest(root, NUL, &document, &options, NULL, NULL, &error));
  CHECK(same_trees(root, two));
  THE_END;
}

static void an_unsigned_package_is_refused_where_a_key_is_demanded(void) {
  THE_ERROR;
  patchcore_buffer made = PATCHCORE_BUFFER_INIT;
  MUST(patchcore_key_create_files(in_folder("key"), NUL, NULL, 0, 0, &made, &error));
  bytes key = bytes_new(made.len + 1);
  memcpy(key.data, made.data, made.len);
  patchcore_buffer_free(&made);
  const char *const keys[] = {(const char *)key.data};
  const patchcore_document document = document_of(info_of(package));
  patchcore_update_options options = options_for(NULL);
  options.public_keys = keys;
  options.public_key_count = 1;
  EXPECT(PATCHCORE_BAD_SIGNATURE,
         patchcore_update_from_package_info(root, NUL, &document, &options, NULL, NULL, &error));
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED && is_unchanged());
  bytes_free(&key);
  THE_END;
}

static void a_conflict_and_a_wrong_hash_leave_the_installation(void) {
  THE_ERROR;
  char json[1024];
  snprintf(json, sizeof json, "%s", info_of(package));
  const patchcore_document document = document_of(json);
  write_text(below(root, "gone"), "mine");
  tree_digest(root, before);
  EXPECT(PATCHCORE_CONFLICT, patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, NULL, &error));
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_UNCHANGED && is_unchanged());
  char *digit = strstr(json, "sha256:") + 10;
  *digit = *digit == '0' ? '1' : '0';
  patchcore_status status = patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, NULL, NULL);
  CHECK(status == PATCHCORE_TARGET_MISMATCH && is_unchanged());
  *digit = 'x';
  status = patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, NULL, NULL);
  CHECK(status != PATCHCORE_OK && is_unchanged());
  strcpy(json, info_of(package));
  patchcore_tree_apply_options apply = PATCHCORE_TREE_APPLY_OPTIONS_INIT;
  apply.overwrite_local = 1;
  patchcore_update_options options = options_for(NULL);
  options.apply = &apply;
  EXPECT_OK(patchcore_update_from_package_info(root, NUL, &document, &options, NULL, NULL, &error));
  CHECK(same_trees(root, two));
  THE_END;
}

static void what_makes_no_sense_is_refused(void) {
  THE_ERROR;
  patchcore_document document = PATCHCORE_DOCUMENT_INIT;
  patchcore_update_info info = PATCHCORE_UPDATE_INFO_INIT;
  patchcore_update_report *report = NULL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_package_info(root, NUL, &document, NULL, NULL, &report, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_update_from_package_info(root, NUL, NULL, NULL, NULL, &report, &error));
  document = document_of("{}");
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_package_info(NULL, 0, &document, NULL, NULL, &report, &error));
  document.url = "here";
  document.url_len = NUL;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_service_manifest(root, NUL, &document, NULL, NULL, &report, &error));
  document = document_of("{}");
  document.base = NULL;
  document.base_len = 0;
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_service_manifest(root, NUL, &document, NULL, NULL, &report, &error));
  document = document_of("no JSON");
  EXPECT(PATCHCORE_CORRUPT, patchcore_update_from_service_manifest(root, NUL, &document, NULL, NULL, &report, &error));
  document = document_of(info_of(package));
  const patchcore_update_options options = options_for("one");
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_update_from_package_info(root, NUL, &document, &options, NULL, &report, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_update_report_get_info(NULL, &info, &error));
  CHECK(report == NULL && is_unchanged());
  patchcore_update_report_free(NULL);
  THE_END;
}

/* What a build without a network says of one. */
static void a_url_of_the_network_is_unsupported_or_not_reached(void) {
  THE_ERROR;
  const char *const urls[] = {"http://127.0.0.1:1/package.zip"};
  const char *to = in_folder("fetched");
  patchcore_fetch_options options = PATCHCORE_FETCH_OPTIONS_INIT;
  options.retries = -1;
  options.proxy = "none";
  options.proxy_len = NUL;
  const patchcore_status status = patchcore_file_fetch(urls, NULL, 1, to, NUL, &options, NULL, NULL, &error);
  CHECK(status == PATCHCORE_NETWORK || status == PATCHCORE_UNSUPPORTED);
  CHECK(status != PATCHCORE_UNSUPPORTED || strstr(patchcore_error_message(error), "no HTTP") != NULL);
  CHECK(!exists(to));
  THE_END;
}

#define RUN_ON_TREES(test) \
  do {                     \
    set_up();              \
    RUN(test);             \
    tear_down();           \
  } while (0)

int main(void) {
  in_folder("");
  RUN_ON_TREES(a_file_is_fetched_whole_and_verified_or_not_at_all);
  RUN_ON_TREES(a_package_info_is_acted_on_once);
  RUN_ON_TREES(what_is_downloaded_is_applied_later_without_the_network);
  RUN_ON_TREES(a_manifest_leads_by_a_patch_or_by_the_full_package_and_says_why);
  RUN_ON_TREES(an_unsigned_package_is_refused_where_a_key_is_demanded);
  RUN_ON_TREES(a_conflict_and_a_wrong_hash_leave_the_installation);
  RUN_ON_TREES(what_makes_no_sense_is_refused);
  RUN_ON_TREES(a_url_of_the_network_is_unsupported_or_not_reached);
  return check_report();
}
