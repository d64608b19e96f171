/* As much of JSON as the lists of vectors need, and where their files are. */

#ifndef PATCHCORE_TESTS_VECTORS_H
#define PATCHCORE_TESTS_VECTORS_H

#include "files.h"

static inline const char *skip_blanks(const char *at) { return at + strspn(at, " \t\r\n"); }

static inline const char *expect(const char *at, char wanted) {
  at = skip_blanks(at);
  REQUIRE(*at == wanted);
  return at + 1;
}

/* A JSON string; the fields that are kept have no escapes, others may have. */
static inline const char *read_string(const char *at, char *text, size_t capacity) {
  size_t len = 0;
  for (at = expect(at, '"'); *at != '"'; at++) {
    REQUIRE(*at != '\0');
    if (*at == '\\') {
      at++;
    }
    if (len + 1 < capacity) {
      text[len++] = *at;
    }
  }
  text[len] = '\0';
  return at + 1;
}

static inline const char *read_number(const char *at, uint64_t *number) {
  char *end = NULL;
  at = skip_blanks(at);
  *number = strtoull(at, &end, 10);
  REQUIRE(end != at);
  return end;
}

static inline const char *vector_path(const char *path) {
  char name[192];
  snprintf(name, sizeof name, "vectors/%s", path);
  return in_tests(name);
}

#endif
