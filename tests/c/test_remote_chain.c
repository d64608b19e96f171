/* A chain behind a callback is used as one behind a web server must be: few reads, and only what is needed. */

#include "chains.h"

/* Ranges of a chain that were read. */
typedef struct server {
  bytes content;
  uint64_t calls;
  uint64_t fail_from;
  size_t count;
  patchcore_range ranges[4096];
} server;

static int serve(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  server *self = (server *)user_data;
  self->calls++;
  if (self->fail_from != 0 && self->calls >= self->fail_from) {
    return 404;
  }
  if (offset > self->content.len || len > self->content.len - offset || self->count == 4096) {
    return -1;
  }
  self->ranges[self->count].start = offset;
  self->ranges[self->count].end = offset + len;
  self->count++;
  memcpy(buffer, self->content.data + offset, len);
  return 0;
}

static bool was_touched(const server *self, uint64_t start, uint64_t end) {
  for (size_t i = 0; i < self->count; i++) {
    if (self->ranges[i].start < end && start < self->ranges[i].end) {
      return true;
    }
  }
  return false;
}

static uint64_t bytes_served(const server *self) {
  uint64_t sum = 0;
  for (size_t i = 0; i < self->count; i++) {
    sum += self->ranges[i].end - self->ranges[i].start;
  }
  return sum;
}

static void forget(server *self) {
  self->calls = 0;
  self->count = 0;
}

static server remote;
static history all;

static patchcore_chain *open_remote(bytes content) {
  THE_ERROR;
  memset(&remote, 0, sizeof remote);
  remote.content = content;
  const patchcore_input input = patchcore_input_callback(serve, &remote, content.len);
  patchcore_chain *chain = NULL;
  MUST(patchcore_chain_open(&input, &chain, &error));
  THE_END;
  return chain;
}

static void opening_takes_two_reads_at_most_and_questions_none(void) {
  THE_ERROR;
  patchcore_chain *chain = open_remote(all.chain);
  CHECK(remote.calls <= 2);
  forget(&remote);
  uint64_t links[4], ordinal = 0;
  size_t count = 0;
  CHECK(info_of(chain).links == LINKS && link_at(chain, 1).from == 1);
  EXPECT_OK(patchcore_chain_resolve(chain, "v2", 2, &ordinal, &error));
  EXPECT_OK(patchcore_chain_route(chain, 0, 3, links, 4, &count, &error));
  CHECK(remote.calls == 0);
  patchcore_chain_free(chain);
  THE_END;
}

static void only_the_links_of_the_route_are_fetched(void) {
  for (int from = 0; from < VERSIONS; from++) {
    for (int to = from; to < VERSIONS; to++) {
      patchcore_chain *chain = open_remote(all.chain);
      forget(&remote);
      char target[16];
      snprintf(target, sizeof target, "v%d", to + 1);
      CHECK(leads(chain, all.versions[from], target, all.versions[to]));
      uint64_t needed = 0;
      for (int i = 0; i < LINKS; i++) {
        const patchcore_link_info link = link_at(chain, (uint64_t)i);
        const bool is_needed = i >= from && i < to;
        CHECK(was_touched(&remote, link.offset, link.offset + link.size) == is_needed);
        needed += is_needed ? link.size : 0;
      }
      /* Headers may be read once more. */
      CHECK(bytes_served(&remote) <= needed + LINKS * 132);
      patchcore_chain_free(chain);
    }
  }
}

static void squash_and_extract_fetch_no_other_links_either(void) {
  THE_ERROR;
  patchcore_chain *chain = open_remote(all.chain);
  const patchcore_link_info first = link_at(chain, 0), last = link_at(chain, 2);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  forget(&remote);
  EXPECT_OK(patchcore_chain_squash(chain, "v2", 2, NULL, 0, &output, NULL, NULL, NULL, &error));
  patchcore_buffer_free(&buffer);
  CHECK(!was_touched(&remote, first.offset, first.offset + first.size));
  CHECK(was_touched(&remote, last.offset, last.offset + last.size));
  forget(&remote);
  EXPECT_OK(patchcore_chain_extract_link(chain, 1, &output, NULL, NULL, NULL, &error));
  patchcore_buffer_free(&buffer);
  CHECK(!was_touched(&remote, first.offset, first.offset + first.size));
  CHECK(!was_touched(&remote, last.offset, last.offset + last.size));
  forget(&remote);
  EXPECT_OK(patchcore_chain_verify(chain, NULL, NULL, NULL, &error));
  CHECK(was_touched(&remote, first.offset, first.offset + first.size));
  patchcore_chain_free(chain);
  THE_END;
}

static void a_server_that_fails_is_a_callback_that_fails(void) {
  THE_ERROR;
  patchcore_chain *chain = NULL;
  memset(&remote, 0, sizeof remote);
  remote.content = all.chain;
  remote.fail_from = 1;
  const patchcore_input input = patchcore_input_callback(serve, &remote, all.chain.len);
  EXPECT(PATCHCORE_CALLBACK, patchcore_chain_open(&input, &chain, &error));
  CHECK(chain == NULL && is_callback_value(error, 404));

  const patchcore_input old_input = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  chain = open_remote(all.chain);
  uint64_t reads = 0;
  for (uint64_t fail_from = 1; fail_from < 100; fail_from++) {
    forget(&remote);
    remote.fail_from = fail_from;
    patchcore_error_free(error);
    error = NULL;
    const patchcore_status status =
        patchcore_chain_apply(chain, &old_input, NULL, 0, &output, NULL, NULL, NULL, &error);
    if (status == PATCHCORE_OK) {
      reads = remote.calls;
      break;
    }
    CHECK(status == PATCHCORE_CALLBACK && is_callback_value(error, 404) && buffer.data == NULL);
  }
  /* A chain whose server is back works as before. */
  CHECK(reads >= LINKS && holds(&buffer, all.versions[LINKS]));
  patchcore_buffer_free(&buffer);
  patchcore_chain_free(chain);
  THE_END;
}

static void an_index_larger_than_the_first_read_takes_one_more(void) {
  THE_ERROR;
  enum { MANY = 300 };
  static bytes deltas[MANY];
  static patchcore_input inputs[MANY];
  static char names[MANY + 1][272];
  static const char *name_of[MANY + 1];
  uint8_t number[2] = {0, 0};
  for (int i = 0; i <= MANY; i++) {
    memset(names[i], 'x', 250);
    snprintf(names[i] + 250, 12, "%05d", i);
    name_of[i] = names[i];
  }
  for (int i = 0; i < MANY; i++) {
    const bytes from = bytes_copy(number, 2);
    number[i % 2 == 0 ? 0 : 1]++;
    bytes old_file = from, new_file = bytes_copy(number, 2);
    deltas[i] = delta_of(old_file, new_file, 1, 0);
    inputs[i] = input_of(deltas[i]);
    bytes_free(&old_file);
    bytes_free(&new_file);
  }
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_chain_create_options options = PATCHCORE_CHAIN_CREATE_OPTIONS_INIT;
  options.names = name_of;
  options.name_count = MANY + 1;
  MUST(patchcore_chain_create(inputs, MANY, &output, &options, NULL, NULL, &error));
  bytes content = taken(&buffer);
  patchcore_chain *chain = open_remote(content);
  CHECK(info_of(chain).overhead > 64 << 10);
  CHECK(remote.calls == 2 && info_of(chain).versions == MANY + 1);
  patchcore_chain_free(chain);
  bytes_free(&content);
  for (int i = 0; i < MANY; i++) {
    bytes_free(&deltas[i]);
  }
  THE_END;
}

int main(void) {
  all = history_of(is_quick() ? 12000 : 40000);
  RUN(opening_takes_two_reads_at_most_and_questions_none);
  RUN(only_the_links_of_the_route_are_fetched);
  RUN(squash_and_extract_fetch_no_other_links_either);
  RUN(a_server_that_fails_is_a_callback_that_fails);
  if (!is_quick()) {
    RUN(an_index_larger_than_the_first_read_takes_one_more);
  }
  history_free(&all);
  return check_report();
}
