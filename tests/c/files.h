/* A folder that is gone when the test ends, and whole files in it. */

#ifndef PATCHCORE_TESTS_FILES_H
#define PATCHCORE_TESTS_FILES_H

#include "check.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct bytes {
  uint8_t *data;
  size_t len;
} bytes;

static inline bytes bytes_new(size_t len) {
  bytes made = {(uint8_t *)calloc(len == 0 ? 1 : len, 1), len};
  REQUIRE(made.data != NULL);
  return made;
}

static inline bytes bytes_copy(const void *data, size_t len) {
  bytes made = bytes_new(len);
  if (len != 0) {
    memcpy(made.data, data, len);
  }
  return made;
}

static inline void bytes_free(bytes *value) {
  free(value->data);
  value->data = NULL;
  value->len = 0;
}

static inline bool is_same(const void *a, size_t a_len, const void *b, size_t b_len) {
  return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static inline bool holds(const patchcore_buffer *buffer, bytes wanted) {
  return is_same(buffer->data, buffer->len, wanted.data, wanted.len);
}

static char files_folder[PATH_MAX];

static inline void remove_tree(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) {
    return;
  }
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    char child[PATH_MAX];
    if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) >= PATH_MAX) {
      continue;
    }
    struct stat status;
    if (lstat(child, &status) == 0 && S_ISDIR(status.st_mode)) {
      remove_tree(child);
    } else {
      unlink(child);
    }
  }
  closedir(folder);
  rmdir(path);
}

static inline void remove_folder(void) { remove_tree(files_folder); }

/* The path of `name` in the folder of this test; good for the next 31 calls. */
static inline const char *in_folder(const char *name) {
  static char paths[32][PATH_MAX];
  static size_t next = 0;
  if (files_folder[0] == '\0') {
    const char *parent = getenv("TMPDIR");
    snprintf(files_folder, sizeof files_folder, "%s/patchcore-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    REQUIRE(mkdtemp(files_folder) != NULL);
    atexit(remove_folder);
  }
  char *path = paths[next++ % 32];
  REQUIRE(snprintf(path, PATH_MAX, "%s/%s", files_folder, name) < PATH_MAX);
  return path;
}

static inline bool exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

/* How many entries the folder holds: what a failed operation left is one too many. */
static inline size_t entries_of(const char *path) {
  DIR *folder = opendir(path);
  REQUIRE(folder != NULL);
  size_t count = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  }
  closedir(folder);
  return count;
}

static inline bytes read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "%s cannot be read\n", path);
  }
  REQUIRE(file != NULL);
  REQUIRE(fseek(file, 0, SEEK_END) == 0);
  const long len = ftell(file);
  REQUIRE(len >= 0 && fseek(file, 0, SEEK_SET) == 0);
  bytes content = bytes_new((size_t)len);
  REQUIRE(fread(content.data, 1, content.len, file) == content.len);
  fclose(file);
  return content;
}

static inline void write_file(const char *path, const void *data, size_t len) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file != NULL);
  REQUIRE(len == 0 || fwrite(data, 1, len, file) == len);
  REQUIRE(fclose(file) == 0);
}

static inline bool file_holds(const char *path, bytes wanted) {
  bytes content = read_file(path);
  const bool same = is_same(content.data, content.len, wanted.data, wanted.len);
  bytes_free(&content);
  return same;
}

#ifndef PATCHCORE_REPOSITORY
#define PATCHCORE_REPOSITORY "."
#endif

/* The path of a file of the repository below `tests`. */
static inline const char *in_tests(const char *name) {
  static char path[PATH_MAX];
  REQUIRE(snprintf(path, sizeof path, "%s/tests/%s", PATCHCORE_REPOSITORY, name) < PATH_MAX);
  return path;
}

/* Writes `content` as `name` in the folder of this test. */
static inline const char *file_of(const char *name, bytes content) {
  const char *path = in_folder(name);
  write_file(path, content.data, content.len);
  return path;
}

#endif
