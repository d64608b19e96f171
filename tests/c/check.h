/* What every C test shares to say what failed: a failed check prints its place and the program exits 1. */

#ifndef PATCHCORE_TESTS_CHECK_H
#define PATCHCORE_TESTS_CHECK_H

/* C99 alone has no folders and no threads. It must be known before the first header of the system. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchcore.h"

static int check_failures = 0;
static const char *check_test = "";

static inline bool check_that(bool holds, const char *file, int line, const char *what) {
  if (!holds) {
    check_failures++;
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, check_test, what);
  }
  return holds;
}

/* The status must be `wanted`, and the error must be there, whole and of the same status exactly where it is no OK. */
static inline bool check_status(patchcore_status wanted, patchcore_status status, const patchcore_error *error,
                                const char *file, int line, const char *what) {
  if (status != wanted) {
    check_failures++;
    fprintf(stderr, "%s:%d: %s: %s\n  gave %s (%d) rather than %s: %s\n", file, line, check_test, what,
            patchcore_status_name(status), (int)status, patchcore_status_name(wanted), patchcore_error_message(error));
    return false;
  }
  return check_that((error != NULL) == (status != PATCHCORE_OK), file, line, "an error object exactly on failure") &&
         check_that(patchcore_error_status(error) == status, file, line, "the error has another status") &&
         check_that((patchcore_error_message(error)[0] != '\0') == (error != NULL), file, line, "a message on failure");
}

/* Never evaluates to a crash later on: what a test cannot go on without. */
#define REQUIRE(condition)                                          \
  do {                                                              \
    if (!check_that((condition), __FILE__, __LINE__, #condition)) { \
      exit(1);                                                      \
    }                                                               \
  } while (0)

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)

/* Calls a function that reports to a variable `error`, which holds what it reported until the next EXPECT. */
#define EXPECT(wanted, call)                                         \
  (patchcore_error_free(error), error = NULL, check_result = (call), \
   check_status((wanted), check_result, error, __FILE__, __LINE__, #call))

#define EXPECT_OK(call) EXPECT(PATCHCORE_OK, call)

/* Setting up must work, or what follows makes no sense. */
#define MUST(call)          \
  do {                      \
    if (!EXPECT_OK(call)) { \
      exit(1);              \
    }                       \
  } while (0)

/* What EXPECT needs within a function; its end is THE_END. */
#define THE_ERROR                \
  patchcore_error *error = NULL; \
  patchcore_status check_result = PATCHCORE_OK

#define THE_END (patchcore_error_free(error), (void)check_result)

#define RUN(test)       \
  do {                  \
    check_test = #test; \
    test();             \
  } while (0)

/* AddressSanitizer reserves more addresses than a limit leaves, and its heap is not the library's. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

/* Whether slow cases are left out, as under valgrind. */
static inline bool is_quick(void) { return getenv("PATCHCORE_TEST_QUICK") != NULL; }

static inline int check_report(void) {
  if (check_failures != 0) {
    fprintf(stderr, "%d checks failed\n", check_failures);
  }
  return check_failures == 0 ? 0 : 1;
}

#endif
