/* A channel in a folder: published, and a file brought to the newest version by the fewest bytes. */

#include "chains.h"

static history all;

static patchcore_file_update_stats update(const char *file, const patchcore_file_update_options *options) {
  THE_ERROR;
  patchcore_file_update_stats stats = PATCHCORE_FILE_UPDATE_STATS_INIT;
  char path[PATH_MAX], url[PATH_MAX];
  snprintf(path, sizeof path, "%s", in_folder(file));
  snprintf(url, sizeof url, "%s", in_folder("public"));
  EXPECT_OK(patchcore_file_update(path, PATCHCORE_NUL_TERMINATED, url, PATCHCORE_NUL_TERMINATED, options, NULL, &stats,
                                  &error));
  THE_END;
  return stats;
}

static patchcore_status publish(const char *latest, patchcore_channel_publish_stats *stats, patchcore_error **error) {
  patchcore_channel_publish_options options = PATCHCORE_CHANNEL_PUBLISH_OPTIONS_INIT;
  options.family = "my-model";
  options.family_len = PATCHCORE_NUL_TERMINATED;
  char folder[PATH_MAX], chain[PATH_MAX], newest[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", in_folder("public"));
  snprintf(chain, sizeof chain, "%s", in_folder("model.chain"));
  snprintf(newest, sizeof newest, "%s", in_folder(latest));
  return patchcore_channel_publish(folder, PATCHCORE_NUL_TERMINATED, chain, strlen(chain), newest,
                                   PATCHCORE_NUL_TERMINATED, &options, NULL, stats, error);
}

static void every_version_gets_to_the_newest(void) {
  THE_ERROR;
  patchcore_channel_publish_stats made = PATCHCORE_CHANNEL_PUBLISH_STATS_INIT;
  EXPECT_OK(publish("v4", &made, &error));
  CHECK(made.changed == 1 && made.squashed == 2 && made.sequence == 1 && made.written_bytes > 0);
  CHECK(strcmp(made.version, "v4") == 0);
  EXPECT_OK(publish("v4", &made, &error));
  CHECK(made.changed == 0 && made.written == 0 && made.written_bytes == 0);

  const int32_t means[VERSIONS] = {PATCHCORE_MEANS_SQUASHED, PATCHCORE_MEANS_SQUASHED, PATCHCORE_MEANS_LINKS,
                                   PATCHCORE_MEANS_NOTHING};
  for (int i = 0; i < VERSIONS; i++) {
    write_file(in_folder("model"), all.versions[i].data, all.versions[i].len);
    patchcore_file_update_options options = PATCHCORE_FILE_UPDATE_OPTIONS_INIT;
    options.dry_run = 1;
    const patchcore_file_update_stats planned = update("model", &options);
    CHECK(planned.means == means[i] && planned.has_planned == 1);
    /* Which links there are stands in the chain. */
    const int reads_chain = planned.means == PATCHCORE_MEANS_LINKS;
    CHECK(reads_chain ? planned.transferred_bytes < planned.planned_bytes : planned.transferred_bytes == 0);
    const patchcore_file_update_stats done = update("model", NULL);
    CHECK(done.means == means[i] && done.transferred_bytes == planned.planned_bytes && done.has_from == 1);
    CHECK(strcmp(done.to, "v4") == 0 && done.sequence == 1 && done.key_id[0] == '\0');
    CHECK(done.action == (i == VERSIONS - 1 ? PATCHCORE_UPDATE_NOTHING : PATCHCORE_UPDATE_APPLIED));
    CHECK(file_holds(in_folder("model"), all.versions[VERSIONS - 1]));
  }
  const patchcore_file_update_stats made_new = update("new", NULL);
  CHECK(made_new.means == PATCHCORE_MEANS_FULL && made_new.has_from == 0);
  CHECK(strcmp(made_new.reason, "no_file") == 0);
  CHECK(strcmp(patchcore_means_name(made_new.means), "full") == 0);
  CHECK(strcmp(patchcore_means_name(-1), "unknown") == 0);
  CHECK(file_holds(in_folder("new"), all.versions[VERSIONS - 1]));
  THE_END;
}

static void failures_have_their_status(void) {
  THE_ERROR;
  EXPECT(PATCHCORE_TARGET_MISMATCH, publish("v3", NULL, &error));
  EXPECT(PATCHCORE_SOURCE_MISMATCH, publish("model.chain", NULL, &error));
  EXPECT(PATCHCORE_NOT_FOUND, publish("missing", NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_update(NULL, 0, "a", 1, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_file_update("a", 1, NULL, 0, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_channel_publish(NULL, 0, "a", 1, "b", 1, NULL, NULL, NULL, &error));
  char file[PATH_MAX];
  snprintf(file, sizeof file, "%s", in_folder("model"));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_file_update(file, PATCHCORE_NUL_TERMINATED, in_folder("nowhere"),
                                                    PATCHCORE_NUL_TERMINATED, NULL, NULL, NULL, &error));
  THE_END;
}

int main(void) {
  all = history_of(is_quick() ? 12000 : 40000);
  write_file(in_folder("model.chain"), all.chain.data, all.chain.len);
  for (int i = 0; i < VERSIONS; i++) {
    char name[3] = {'v', (char)('1' + i), '\0'};
    write_file(in_folder(name), all.versions[i].data, all.versions[i].len);
  }
  RUN(every_version_gets_to_the_newest);
  RUN(failures_have_their_status);
  history_free(&all);
  return check_report();
}
