/* A chain of four versions in memory, which the tests of chains share. */

#ifndef PATCHCORE_TESTS_CHAINS_H
#define PATCHCORE_TESTS_CHAINS_H

#include "samples.h"

enum { VERSIONS = 4, LINKS = 3 };

typedef struct history {
  bytes versions[VERSIONS];
  bytes deltas[LINKS];
  bytes chain;
} history;

static inline history history_of(size_t len) {
  THE_ERROR;
  history made;
  made.versions[0] = image(len, 1);
  for (int i = 0; i < LINKS; i++) {
    made.versions[i + 1] = successor(made.versions[i], 10 + 60 * (size_t)i, 100 + (uint64_t)i);
    made.deltas[i] = delta_of(made.versions[i], made.versions[i + 1], 1, 0);
  }
  patchcore_input inputs[LINKS];
  for (int i = 0; i < LINKS; i++) {
    inputs[i] = input_of(made.deltas[i]);
  }
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  MUST(patchcore_chain_create(inputs, LINKS, &output, NULL, NULL, NULL, &error));
  made.chain = taken(&buffer);
  THE_END;
  return made;
}

static inline void history_free(history *self) {
  for (int i = 0; i < VERSIONS; i++) {
    bytes_free(&self->versions[i]);
  }
  for (int i = 0; i < LINKS; i++) {
    bytes_free(&self->deltas[i]);
  }
  bytes_free(&self->chain);
}

static inline patchcore_chain *open_chain(bytes content) {
  THE_ERROR;
  const patchcore_input input = input_of(content);
  patchcore_chain *chain = NULL;
  MUST(patchcore_chain_open(&input, &chain, &error));
  THE_END;
  return chain;
}

static inline patchcore_link_info link_at(const patchcore_chain *chain, uint64_t index) {
  THE_ERROR;
  patchcore_link_info link = PATCHCORE_LINK_INFO_INIT;
  MUST(patchcore_chain_get_link(chain, index, &link, &error));
  THE_END;
  return link;
}

static inline patchcore_chain_info info_of(const patchcore_chain *chain) {
  THE_ERROR;
  patchcore_chain_info info = PATCHCORE_CHAIN_INFO_INIT;
  MUST(patchcore_chain_get_info(chain, &info, &error));
  THE_END;
  return info;
}

/* Whether `from` becomes `to` where `target` (NULL for the last version) is wanted. */
static inline bool leads(const patchcore_chain *chain, bytes from, const char *target, bytes to) {
  THE_ERROR;
  const patchcore_input old_input = input_of(from);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  const size_t len = target == NULL ? 0 : strlen(target);
  const bool same =
      EXPECT_OK(patchcore_chain_apply(chain, &old_input, target, len, &output, NULL, NULL, NULL, &error)) &&
      holds(&buffer, to);
  patchcore_buffer_free(&buffer);
  THE_END;
  return same;
}

#endif
