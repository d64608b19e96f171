/* A program as users write it: makes a delta in memory, applies it, compares. */

#include <patchcore.h>

#include <stdio.h>
#include <string.h>

static const char old_text[] = "The quick brown fox jumps over the lazy dog, and then the dog goes back to sleep.";
static const char new_text[] = "The quick brown fox jumps over the lazy cat, and then the cat goes back to sleep.";

static int check(const char *what, patchcore_status status, patchcore_error *error) {
  if (status != PATCHCORE_OK) {
    fprintf(stderr, "%s: %s\n", what, patchcore_error_message(error));
    patchcore_error_free(error);
  }
  return status == PATCHCORE_OK;
}

int main(void) {
  patchcore_buffer delta = PATCHCORE_BUFFER_INIT;
  patchcore_buffer result = PATCHCORE_BUFFER_INIT;
  patchcore_error *error = NULL;
  int ok;

  patchcore_input old_file = patchcore_input_memory(old_text, sizeof old_text);
  patchcore_input new_file = patchcore_input_memory(new_text, sizeof new_text);
  patchcore_output output = patchcore_output_memory(&delta);
  ok = check("diff", patchcore_delta_diff(&old_file, &new_file, &output, NULL, NULL, NULL, &error), error);

  if (ok) {
    patchcore_input delta_file = patchcore_input_memory(delta.data, delta.len);
    output = patchcore_output_memory(&result);
    ok = check("apply", patchcore_delta_apply(&old_file, &delta_file, &output, NULL, NULL, NULL, &error), error);
  }
  if (ok) {
    ok = result.len == sizeof new_text && memcmp(result.data, new_text, sizeof new_text) == 0 &&
         strcmp(patchcore_version(), PATCHCORE_VERSION) == 0;
    printf("libpatchcore %s: %s\n", patchcore_version(), ok ? "the new file was made" : "something else was made");
  }
  patchcore_buffer_free(&delta);
  patchcore_buffer_free(&result);
  return ok ? 0 : 1;
}
