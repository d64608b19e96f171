/* With a library that only applies, a program applies as ever, and is told UNSUPPORTED where it makes a delta or works on a
 * directory. It was linked with the whole library, so this also shows that one stands in for the other. */

#include <patchcore.h>

#include <stdio.h>
#include <string.h>

/* $1: the old file, $2: the delta, $3: the new file */
int main(int count, char **arguments) {
  patchcore_buffer made = PATCHCORE_BUFFER_INIT;
  patchcore_buffer delta = PATCHCORE_BUFFER_INIT;
  patchcore_output output = patchcore_output_memory(&made);
  patchcore_tree_patch *patch = NULL;
  patchcore_error *error = NULL;
  patchcore_input old_file, delta_file, new_file, made_file;
  uint8_t wanted[32], digest[32];

  if (count != 4) {
    return 2;
  }
  old_file = patchcore_input_path(arguments[1]);
  delta_file = patchcore_input_path(arguments[2]);
  new_file = patchcore_input_path(arguments[3]);

  if (patchcore_delta_apply(&old_file, &delta_file, &output, NULL, NULL, NULL, &error) != PATCHCORE_OK) {
    fprintf(stderr, "apply: %s\n", patchcore_error_message(error));
    return 1;
  }
  made_file = patchcore_input_memory(made.data, made.len);
  if (patchcore_digest_of(&new_file, NULL, wanted, NULL) != PATCHCORE_OK ||
      patchcore_digest_of(&made_file, NULL, digest, NULL) != PATCHCORE_OK || memcmp(wanted, digest, sizeof wanted) != 0) {
    fprintf(stderr, "another file was made\n");
    return 1;
  }
  patchcore_buffer_free(&made);

  output = patchcore_output_memory(&delta);
  if (patchcore_delta_diff(&old_file, &new_file, &output, NULL, NULL, NULL, &error) != PATCHCORE_UNSUPPORTED) {
    fprintf(stderr, "diff: %s\n", error == NULL ? "made a delta" : patchcore_error_message(error));
    return 1;
  }
  printf("diff: %s\n", patchcore_error_message(error));
  patchcore_error_free(error);
  error = NULL;

  if (patchcore_tree_patch_open(&old_file, NULL, 0, NULL, NULL, &patch, &error) != PATCHCORE_UNSUPPORTED ||
      patch != NULL || patchcore_tree_recover(".", PATCHCORE_NUL_TERMINATED, NULL, NULL, NULL) != PATCHCORE_UNSUPPORTED) {
    fprintf(stderr, "directories: %s\n", error == NULL ? "are there" : patchcore_error_message(error));
    return 1;
  }
  printf("directories: %s\n", patchcore_error_message(error));
  patchcore_error_free(error);
  return 0;
}
