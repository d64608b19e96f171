/* The header needs no other one, stands being included twice, and compiles as C and as C++; so do its macros and inline
 * functions once they are used. */

#include "patchcore.h"
#include "patchcore.h"

patchcore_status header_test(patchcore_buffer *buffer);

patchcore_status header_test(patchcore_buffer *buffer) {
  patchcore_buffer empty = PATCHCORE_BUFFER_INIT;
  patchcore_input nothing = PATCHCORE_INPUT_INIT;
  patchcore_output nowhere = PATCHCORE_OUTPUT_INIT;
  patchcore_input old_file = patchcore_input_memory("old", 3);
  patchcore_output output = patchcore_output_memory(buffer);
  *buffer = empty;
  if (nothing.struct_size != old_file.struct_size || nowhere.struct_size != output.struct_size) {
    return PATCHCORE_INTERNAL;
  }
  return patchcore_delta_apply(&old_file, &nothing, &output, NULL, NULL, NULL, NULL);
}
