/* A chain brings any version to any later one, and says what it holds; in files it grows and shrinks at once or not. */

#include "chains.h"

static history all;
static patchcore_chain *chain;

static void a_chain_says_what_it_holds(void) {
  THE_ERROR;
  const patchcore_chain_info info = info_of(chain);
  CHECK(info.versions == VERSIONS && info.links == LINKS && info.shortcuts == 0 && info.shortcut_size == 0);
  CHECK(info.chain_id_len == strlen("chain") && strcmp(info.chain_id, "chain") == 0);
  CHECK(info.ignored_tail == 0 && info.total_size + info.overhead == all.chain.len);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < LINKS; i++) {
    const patchcore_link_info link = link_at(chain, i);
    CHECK(link.from == i && link.to == i + 1 && link.number == i && link.shortcut == 0);
    CHECK(link.size == all.deltas[i].len);
    CHECK(is_same(all.chain.data + link.offset, (size_t)link.size, all.deltas[i].data, all.deltas[i].len));
    sum += link.size;
  }
  CHECK(sum == info.total_size);
  for (uint64_t i = 0; i < VERSIONS; i++) {
    patchcore_version_info version = PATCHCORE_VERSION_INFO_INIT;
    MUST(patchcore_chain_get_version(chain, i, &version, &error));
    char name[16];
    snprintf(name, sizeof name, "v%d", (int)i + 1);
    uint8_t digest[32];
    const patchcore_input input = input_of(all.versions[i]);
    MUST(patchcore_digest_of(&input, NULL, digest, &error));
    CHECK(strcmp(version.name, name) == 0 && version.name_len == 2 && version.size == all.versions[i].len);
    CHECK(memcmp(version.digest, digest, 32) == 0);
    uint64_t ordinal = 99;
    EXPECT_OK(patchcore_chain_find(chain, digest, &ordinal, &error));
    CHECK(ordinal == i);
  }
  THE_END;
}

static void versions_are_meant_by_name_digest_or_prefix(void) {
  THE_ERROR;
  patchcore_version_info version = PATCHCORE_VERSION_INFO_INIT;
  MUST(patchcore_chain_get_version(chain, 2, &version, &error));
  char text[7 + PATCHCORE_DIGEST_HEX_SIZE] = "sha256:";
  MUST(patchcore_digest_to_hex(version.digest, text + 7, PATCHCORE_DIGEST_HEX_SIZE, &error));
  const struct {
    const char *text;
    size_t len;
  } same[] = {{"v3", 2},
              {"v3...", 2},
              {text + 7, 64},
              {text, 7 + 64},
              {text + 7, 8},
              {text + 7, 4},
              {text, PATCHCORE_NUL_TERMINATED},
              {"v3", PATCHCORE_NUL_TERMINATED}};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    uint64_t ordinal = 99;
    EXPECT_OK(patchcore_chain_resolve(chain, same[i].text, same[i].len, &ordinal, &error));
    CHECK(ordinal == 2);
  }
  uint64_t ordinal = 99;
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_resolve(chain, text + 7, 3, &ordinal, &error));
  ordinal = 99;
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_resolve(chain, "v5", 2, &ordinal, &error));
  /* What a failure leaves behind is no version that was asked for before. */
  CHECK(ordinal == 0);
  THE_END;
}

static void every_version_leads_to_itself_and_every_later_one(void) {
  THE_ERROR;
  for (int from = 0; from < VERSIONS; from++) {
    for (int to = from; to < VERSIONS; to++) {
      char target[16];
      snprintf(target, sizeof target, "v%d", to + 1);
      CHECK(leads(chain, all.versions[from], target, all.versions[to]));
    }
    CHECK(leads(chain, all.versions[from], NULL, all.versions[LINKS]));
  }
  const patchcore_input old_input = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_chain_apply_stats stats = PATCHCORE_CHAIN_APPLY_STATS_INIT;
  for (int32_t streaming = 0; streaming <= 1; streaming++) {
    patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
    options.streaming = streaming;
    options.scratch = in_folder("");
    options.scratch_len = PATCHCORE_NUL_TERMINATED;
    EXPECT_OK(patchcore_chain_apply(chain, &old_input, NULL, 0, &output, &options, NULL, &stats, &error));
    CHECK(stats.from == 0 && stats.to == LINKS && stats.links == LINKS && stats.new_size == all.versions[LINKS].len);
    CHECK(stats.delta_bytes == all.deltas[0].len + all.deltas[1].len + all.deltas[2].len && stats.one_pass == 1);
    CHECK(holds(&buffer, all.versions[LINKS]));
    patchcore_buffer_free(&buffer);
  }
  THE_END;
}

static void apply_writes_to_files_and_callbacks_as_well(void) {
  THE_ERROR;
  const char *path = file_of("game", all.versions[1]);
  const patchcore_input by_path = patchcore_input_path(path);
  const patchcore_output in_place = patchcore_output_path(path);
  EXPECT_OK(patchcore_chain_apply(chain, &by_path, NULL, 0, &in_place, NULL, NULL, NULL, &error));
  CHECK(file_holds(path, all.versions[LINKS]));
  EXPECT_OK(patchcore_chain_apply(chain, &by_path, NULL, 0, &in_place, NULL, NULL, NULL, &error));
  CHECK(file_holds(path, all.versions[LINKS]));
  source from = {all.versions[0], 0, 0, 0, 0, false};
  sink to = {{NULL, 0}, 0, 0, 0};
  const patchcore_input by_callback = input_from(&from);
  const patchcore_output to_callback = patchcore_output_callback(write_sink, &to);
  EXPECT_OK(patchcore_chain_apply(chain, &by_callback, "v2", 2, &to_callback, NULL, NULL, NULL, &error));
  CHECK(is_same(to.content.data, to.content.len, all.versions[1].data, all.versions[1].len));
  bytes_free(&to.content);
  THE_END;
}

static void a_route_is_told_to_whoever_has_room(void) {
  THE_ERROR;
  uint64_t links[8] = {99, 99, 99, 99, 99, 99, 99, 99};
  size_t count = 99;
  EXPECT_OK(patchcore_chain_route(chain, 0, LINKS, NULL, 0, &count, &error));
  CHECK(count == LINKS);
  count = 99;
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_route(chain, 0, LINKS, links, LINKS - 1, &count, &error));
  CHECK(count == LINKS);
  EXPECT_OK(patchcore_chain_route(chain, 0, LINKS, links, 8, &count, &error));
  CHECK(count == LINKS && links[0] == 0 && links[1] == 1 && links[2] == 2 && links[3] == 99);
  EXPECT_OK(patchcore_chain_route(chain, 2, 2, links, 8, &count, &error));
  CHECK(count == 0);
  EXPECT(PATCHCORE_NO_ROUTE, patchcore_chain_route(chain, 2, 1, links, 8, &count, &error));
  THE_END;
}

static void squash_makes_one_delta_of_a_range(void) {
  THE_ERROR;
  const struct {
    const char *from, *to;
    int first, last;
  } ranges[] = {{NULL, NULL, 0, 3}, {"v2", NULL, 1, 3}, {NULL, "v3", 0, 2}, {"v2", "v3", 1, 2}, {"v3", "v3", 2, 2}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
    const patchcore_output output = patchcore_output_memory(&buffer);
    const size_t from_len = ranges[i].from == NULL ? 0 : 2, to_len = ranges[i].to == NULL ? 0 : 2;
    patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
    MUST(patchcore_chain_squash(chain, ranges[i].from, from_len, ranges[i].to, to_len, &output, NULL, NULL, &info,
                                &error));
    bytes delta = taken(&buffer);
    CHECK(info.delta_size == delta.len);
    const patchcore_input old_input = input_of(all.versions[ranges[i].first]), delta_input = input_of(delta);
    EXPECT_OK(patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
    CHECK(holds(&buffer, all.versions[ranges[i].last]));
    patchcore_buffer_free(&buffer);
    bytes_free(&delta);
  }
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  EXPECT(PATCHCORE_NO_ROUTE, patchcore_chain_squash(chain, "v3", 2, "v1", 2, &output, NULL, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  THE_END;
}

static void links_come_out_as_they_went_in(void) {
  THE_ERROR;
  for (uint64_t i = 0; i < LINKS; i++) {
    patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
    const patchcore_output output = patchcore_output_memory(&buffer);
    patchcore_delta_info info = PATCHCORE_DELTA_INFO_INIT;
    EXPECT_OK(patchcore_chain_extract_link(chain, i, &output, NULL, NULL, &info, &error));
    CHECK(holds(&buffer, all.deltas[i]) && info.delta_size == all.deltas[i].len);
    patchcore_buffer_free(&buffer);
  }
  const char *folder = in_folder("extracted");
  size_t count = 0;
  EXPECT_OK(patchcore_chain_extract(chain, folder, strlen(folder), NULL, 0, NULL, 0, 0, NULL, NULL, &count, &error));
  CHECK(count == LINKS && entries_of(folder) == LINKS);
  CHECK(file_holds(in_folder("extracted/0000_v1_to_v2.delta"), all.deltas[0]));
  CHECK(file_holds(in_folder("extracted/0002_v3_to_v4.delta"), all.deltas[2]));
  EXPECT(PATCHCORE_INVALID_ARGUMENT,
         patchcore_chain_extract(chain, folder, strlen(folder), NULL, 0, NULL, 0, 1, NULL, NULL, &count, &error));
  EXPECT_OK(patchcore_chain_extract(chain, folder, strlen(folder), NULL, 0, NULL, 0, 0, NULL, NULL, NULL, &error));
  const char *part = in_folder("part");
  EXPECT_OK(
      patchcore_chain_extract(chain, part, PATCHCORE_NUL_TERMINATED, "v2", 2, "v3", 2, 1, NULL, NULL, &count, &error));
  CHECK(count == 1 && file_holds(in_folder("part/0001_v2_to_v3.delta"), all.deltas[1]));
  THE_END;
}

static void a_link_is_explained_like_its_delta(void) {
  THE_ERROR;
  patchcore_explanation *of_link = NULL, *of_delta = NULL;
  const patchcore_input delta_input = input_of(all.deltas[1]);
  MUST(patchcore_chain_explain_link(chain, 1, 4, NULL, NULL, &of_link, &error));
  MUST(patchcore_delta_explain(&delta_input, 4, NULL, NULL, &of_delta, &error));
  patchcore_delta_contents a = PATCHCORE_DELTA_CONTENTS_INIT, b = PATCHCORE_DELTA_CONTENTS_INIT;
  EXPECT_OK(patchcore_explanation_contents(of_link, NULL, &a, &error));
  EXPECT_OK(patchcore_explanation_contents(of_delta, NULL, &b, &error));
  CHECK(memcmp(&a, &b, sizeof a) == 0 && a.copied_bytes > 0);
  CHECK(patchcore_explanation_part_count(of_link) == patchcore_explanation_part_count(of_delta));
  patchcore_explanation_free(of_link);
  patchcore_explanation_free(of_delta);
  THE_END;
}

static void verify_finds_a_damaged_link_and_says_where(void) {
  THE_ERROR;
  uint64_t tail = 99;
  EXPECT_OK(patchcore_chain_verify(chain, NULL, NULL, &tail, &error));
  CHECK(tail == 0);
  bytes damaged = bytes_copy(all.chain.data, all.chain.len);
  const patchcore_link_info link = link_at(chain, 1);
  damaged.data[link.offset + link.size - 5] ^= 1;
  patchcore_chain *broken = open_chain(damaged);
  EXPECT(PATCHCORE_CORRUPT, patchcore_chain_verify(broken, NULL, NULL, &tail, &error));
  uint64_t offset = 0;
  CHECK(patchcore_error_offset(error, &offset) == 1 && offset >= link.offset && offset < link.offset + link.size);
  patchcore_chain_free(broken);
  bytes_free(&damaged);
  THE_END;
}

static void a_torn_tail_is_ignored_and_told(void) {
  THE_ERROR;
  bytes torn = bytes_new(all.chain.len + 100);
  memcpy(torn.data, all.chain.data, all.chain.len);
  memset(torn.data + all.chain.len, 0x5a, 100);
  patchcore_chain *opened = open_chain(torn);
  uint64_t tail = 0;
  CHECK(info_of(opened).ignored_tail == 100 && leads(opened, all.versions[0], NULL, all.versions[LINKS]));
  EXPECT_OK(patchcore_chain_verify(opened, NULL, NULL, &tail, &error));
  CHECK(tail == 100);
  patchcore_chain_free(opened);
  bytes_free(&torn);
  THE_END;
}

static const char *chain_file(const char *name) {
  THE_ERROR;
  const char *path = in_folder(name);
  const patchcore_input input = input_of(all.deltas[0]);
  const patchcore_output output = patchcore_output_path(path);
  patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.force = 1;
  MUST(patchcore_chain_create(&input, 1, &output, &options, NULL, NULL, &error));
  THE_END;
  return path;
}

static patchcore_chain *open_file(const char *path) {
  THE_ERROR;
  const patchcore_input input = patchcore_input_path(path);
  patchcore_chain *opened = NULL;
  MUST(patchcore_chain_open(&input, &opened, &error));
  int32_t kind = 0;
  MUST(patchcore_file_kind(&input, &kind, &error));
  CHECK(kind == PATCHCORE_FILE_CHAIN);
  THE_END;
  return opened;
}

static void a_chain_is_created_with_names_and_an_id(void) {
  THE_ERROR;
  const patchcore_input inputs[2] = {input_of(all.deltas[0]), input_of(all.deltas[1])};
  const char *const names[] = {"1.0", "1.1", "größe..."};
  const size_t lens[] = {3, 3, strlen("größe")};
  patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.chain_id = "my-model!";
  options.chain_id_len = strlen("my-model");
  options.names = names;
  options.name_lens = lens;
  options.name_count = 3;
  const char *path = in_folder("named.chain");
  const patchcore_output output = patchcore_output_path(path);
  MUST(patchcore_chain_create(inputs, 2, &output, &options, NULL, NULL, &error));
  patchcore_chain *opened = open_file(path);
  const patchcore_chain_info info = info_of(opened);
  CHECK(info.chain_id_len == 8 && strcmp(info.chain_id, "my-model") == 0);
  CHECK(leads(opened, all.versions[0], "größe", all.versions[2]));
  CHECK(leads(opened, all.versions[0], "1.1", all.versions[1]));
  patchcore_chain_free(opened);

  /* What holds history is not replaced unless that is meant. */
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_chain_create(inputs, 1, &output, NULL, NULL, NULL, &error));
  options.name_lens = NULL;
  options.name_count = 2;
  options.force = 1;
  EXPECT_OK(patchcore_chain_create(inputs, 1, &output, &options, NULL, NULL, &error));
  opened = open_file(path);
  CHECK(info_of(opened).versions == 2 && leads(opened, all.versions[0], "1.1", all.versions[1]));
  patchcore_chain_free(opened);
  options.name_count = 3;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_chain_create(inputs, 1, &output, &options, NULL, NULL, &error));
  const char *const twice[] = {"same", "same"};
  options.names = twice;
  options.name_count = 2;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_chain_create(inputs, 1, &output, &options, NULL, NULL, &error));
  THE_END;
}

static void an_id_unless_given_is_that_of_the_file(void) {
  patchcore_chain *opened = open_file(chain_file("model.chain"));
  CHECK(strcmp(info_of(opened).chain_id, "model") == 0);
  patchcore_chain_free(opened);
}

static void a_chain_grows_and_open_handles_stay_as_they_were(void) {
  THE_ERROR;
  const char *path = chain_file("growing.chain");
  patchcore_chain *before = open_file(path);
  const patchcore_input rest[2] = {input_of(all.deltas[1]), input_of(all.deltas[2])};
  MUST(patchcore_chain_append(path, strlen(path), rest, 2, "latest", 6, NULL, NULL, &error));
  CHECK(info_of(before).versions == 2);
  CHECK(leads(before, all.versions[0], NULL, all.versions[1]));
  patchcore_chain_free(before);
  patchcore_chain *after = open_file(path);
  CHECK(info_of(after).versions == VERSIONS && leads(after, all.versions[0], "latest", all.versions[LINKS]));

  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  MUST(patchcore_chain_squash(after, NULL, 0, NULL, 0, &output, NULL, NULL, NULL, &error));
  patchcore_chain_free(after);
  bytes squashed = taken(&buffer);
  const patchcore_input shortcut = input_of(squashed);
  MUST(patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, &shortcut, 1, NULL, 0, NULL, NULL, &error));
  after = open_file(path);
  const patchcore_chain_info info = info_of(after);
  CHECK(info.links == LINKS && info.shortcuts == 1 && info.versions == VERSIONS && info.shortcut_size == squashed.len);
  const patchcore_link_info last = link_at(after, LINKS);
  CHECK(last.shortcut == 1 && last.from == 0 && last.to == LINKS);
  uint64_t links[4];
  size_t count = 0;
  EXPECT_OK(patchcore_chain_route(after, 0, LINKS, links, 4, &count, &error));
  CHECK(count == 1 ? links[0] == LINKS : count == LINKS);
  patchcore_chain_free(after);
  bytes_free(&squashed);
  THE_END;
}

static void a_delta_that_continues_nothing_changes_nothing(void) {
  THE_ERROR;
  const char *path = chain_file("unchanged.chain");
  bytes before = read_file(path);
  const patchcore_input stranger = input_of(all.deltas[2]), garbage = input_of(all.versions[0]);
  EXPECT(PATCHCORE_SOURCE_MISMATCH,
         patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, &stranger, 1, NULL, 0, NULL, NULL, &error));
  EXPECT(PATCHCORE_CORRUPT,
         patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, &garbage, 1, NULL, 0, NULL, NULL, &error));
  CHECK(file_holds(path, before));
  bytes_free(&before);
  THE_END;
}

static void prune_removes_what_is_old_and_keeps_a_way(void) {
  THE_ERROR;
  const patchcore_input rest[2] = {input_of(all.deltas[1]), input_of(all.deltas[2])};
  for (int32_t drop = 0; drop <= 1; drop++) {
    const char *path = chain_file("pruned.chain");
    MUST(patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, rest, 2, NULL, 0, NULL, NULL, &error));
    bytes before = read_file(path);
    patchcore_prune_stats stats = PATCHCORE_PRUNE_STATS_INIT;
    MUST(patchcore_chain_prune(path, PATCHCORE_NUL_TERMINATED, "v3", 2, drop, NULL, NULL, &stats, &error));
    CHECK(stats.removed_links == 2 && stats.size_before == before.len && stats.size_after < before.len + 1000);
    CHECK(stats.removed_versions == (drop ? 2u : 0u) || !drop);
    patchcore_chain *opened = open_file(path);
    CHECK(leads(opened, all.versions[2], NULL, all.versions[LINKS]));
    uint64_t ordinal = 0;
    if (drop) {
      EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_resolve(opened, "v1", 2, &ordinal, &error));
    } else {
      CHECK(stats.added_shortcuts > 0 && leads(opened, all.versions[0], NULL, all.versions[LINKS]));
    }
    patchcore_chain_free(opened);
    bytes_free(&before);
  }
  const char *path = in_folder("pruned.chain");
  EXPECT(PATCHCORE_UNKNOWN_VERSION,
         patchcore_chain_prune(path, PATCHCORE_NUL_TERMINATED, "v9", 2, 0, NULL, NULL, NULL, &error));
  THE_END;
}

static void errors_of_a_chain_file_name_it(void) {
  THE_ERROR;
  const char *path = chain_file("damaged.chain");
  bytes content = read_file(path);
  content.data[100] ^= 1;
  write_file(path, content.data, content.len);
  patchcore_chain *opened = open_file(path);
  EXPECT(PATCHCORE_CORRUPT, patchcore_chain_verify(opened, NULL, NULL, NULL, &error));
  CHECK(patchcore_error_path(error, NULL) != NULL && strcmp(patchcore_error_path(error, NULL), path) == 0);
  CHECK(strstr(patchcore_error_message(error), path) != NULL && patchcore_error_offset(error, NULL) == 1);
  patchcore_chain_free(opened);
  bytes_free(&content);
  THE_END;
}

static void limits_hold(void) {
  THE_ERROR;
  const patchcore_input old_input = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_apply_options apply = PATCHCORE_APPLY_OPTIONS_INIT;
  apply.max_output = all.versions[LINKS].len - 1;
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_apply(chain, &old_input, NULL, 0, &output, &apply, NULL, NULL, &error));
  apply.max_output = 0;
  apply.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_apply(chain, &old_input, NULL, 0, &output, &apply, NULL, NULL, &error));
  patchcore_limits limits = PATCHCORE_LIMITS_INIT;
  limits.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_verify(chain, &limits, NULL, NULL, &error));
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_extract_link(chain, 0, &output, &limits, NULL, NULL, &error));
  patchcore_squash_options squash = PATCHCORE_SQUASH_OPTIONS_INIT;
  squash.max_memory = 1000;
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_squash(chain, NULL, 0, NULL, 0, &output, &squash, NULL, NULL, &error));
  const patchcore_input input = input_of(all.deltas[0]);
  EXPECT(PATCHCORE_LIMIT, patchcore_chain_create(&input, 1, &output, NULL, &limits, NULL, &error));
  CHECK(buffer.data == NULL);
  THE_END;
}

int main(void) {
  all = history_of(is_quick() ? 12000 : 40000);
  chain = open_chain(all.chain);
  RUN(a_chain_says_what_it_holds);
  RUN(versions_are_meant_by_name_digest_or_prefix);
  RUN(every_version_leads_to_itself_and_every_later_one);
  RUN(apply_writes_to_files_and_callbacks_as_well);
  RUN(a_route_is_told_to_whoever_has_room);
  RUN(squash_makes_one_delta_of_a_range);
  RUN(links_come_out_as_they_went_in);
  RUN(a_link_is_explained_like_its_delta);
  RUN(verify_finds_a_damaged_link_and_says_where);
  RUN(a_torn_tail_is_ignored_and_told);
  RUN(a_chain_is_created_with_names_and_an_id);
  RUN(an_id_unless_given_is_that_of_the_file);
  RUN(a_chain_grows_and_open_handles_stay_as_they_were);
  RUN(a_delta_that_continues_nothing_changes_nothing);
  RUN(prune_removes_what_is_old_and_keeps_a_way);
  RUN(errors_of_a_chain_file_name_it);
  RUN(limits_hold);
  patchcore_chain_free(chain);
  history_free(&all);
  return check_report();
}
