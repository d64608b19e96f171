/* Small directories in three versions, and what the tests of directories ask about them. */

#ifndef PATCHCORE_TESTS_TREES_H
#define PATCHCORE_TESTS_TREES_H

#include "samples.h"

#define NUL PATCHCORE_NUL_TERMINATED

/* The path of `name` below a directory of this test; good for the next 31 calls. */
static inline const char *below(const char *root, const char *name) {
  char joined[PATH_MAX];
  REQUIRE(snprintf(joined, sizeof joined, "%s/%s", root, name) < PATH_MAX);
  return in_folder(joined + strlen(in_folder("")));
}

static inline void write_text(const char *path, const char *text) { write_file(path, text, strlen(text)); }

static inline bool holds_text(const char *path, const char *text) {
  if (!exists(path)) {
    return false;
  }
  bytes content = read_file(path);
  const bool same = is_same(content.data, content.len, text, strlen(text));
  bytes_free(&content);
  return same;
}

static inline bytes read_text(const char *path) {
  bytes content = read_file(path);
  bytes text = bytes_new(content.len + 1);
  memcpy(text.data, content.data, content.len);
  bytes_free(&content);
  return text;
}

/* Version 1, 2 or 3 of a directory: a file that changes a little, one that stays, one that goes away, one that moves,
 * one that is new, a folder that is made and one that goes, a script that becomes executable, a link. */
static inline const char *tree_of(const char *name, int version) {
  static char root[PATH_MAX];
  snprintf(root, sizeof root, "%s", in_folder(name));
  REQUIRE(mkdir(root, 0755) == 0);
  bytes big = image(40000, 7);
  for (int at = 1; at < version; at++) {
    bytes next = successor(big, 5, (uint64_t)at);
    bytes_free(&big);
    big = next;
  }
  write_file(below(root, "big"), big.data, big.len);
  bytes_free(&big);
  write_text(below(root, "same"), "same");
  write_text(below(root, "run.sh"), "#!/bin/sh\n");
  bytes moved = image(9000, 9);
  if (version == 1) {
    write_text(below(root, "gone"), "gone");
    write_file(below(root, "here"), moved.data, moved.len);
    REQUIRE(mkdir(below(root, "old"), 0755) == 0);
    write_text(below(root, "old/note"), "old");
  } else {
    REQUIRE(chmod(below(root, "run.sh"), 0755) == 0);
    REQUIRE(mkdir(below(root, "docs"), 0755) == 0);
    write_text(below(root, "docs/new"), version == 2 ? "second" : "third version");
    write_file(below(root, "docs/there"), moved.data, moved.len);
    REQUIRE(symlink("docs/new", below(root, "link")) == 0);
  }
  bytes_free(&moved);
  return root;
}

/* The digest that names the directory. */
static inline bool tree_digest(const char *root, uint8_t digest[32]) {
  THE_ERROR;
  patchcore_snapshot *snapshot = NULL;
  patchcore_snapshot_info info = PATCHCORE_SNAPSHOT_INFO_INIT;
  MUST(patchcore_tree_scan(root, NUL, NULL, NULL, &snapshot, &error));
  MUST(patchcore_snapshot_get_info(snapshot, &info, &error));
  memcpy(digest, info.digest, 32);
  patchcore_snapshot_free(snapshot);
  THE_END;
  return true;
}

static inline bool same_digest(const uint8_t a[32], const uint8_t b[32]) { return memcmp(a, b, 32) == 0; }

static inline bool same_trees(const char *a, const char *b) {
  uint8_t first[32], second[32];
  return tree_digest(a, first) && tree_digest(b, second) && same_digest(first, second);
}

/* The package between two directories, made with `options`, which may be NULL. */
static inline const char *package_of(const char *name, const char *old_root, const char *new_root,
                                     const patchcore_tree_diff_options *options) {
  THE_ERROR;
  const char *package = in_folder(name);
  MUST(patchcore_tree_diff(old_root, NUL, new_root, NUL, package, NUL, options, NULL, NULL, &error));
  THE_END;
  return package;
}

static inline patchcore_tree_patch *open_patch(const char *package) {
  THE_ERROR;
  patchcore_tree_patch *patch = NULL;
  const patchcore_input input = patchcore_input_path(package);
  MUST(patchcore_tree_patch_open(&input, NULL, 0, NULL, NULL, &patch, &error));
  THE_END;
  return patch;
}

#endif
