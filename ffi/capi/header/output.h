/** An output that is none yet: `kind` is to be set. */
#define PATCHCORE_OUTPUT_INIT { sizeof(patchcore_output), 0, 0, NULL, 0, NULL, NULL, NULL }

/**
 * Makes the output that is a file, which replaces an existing one.
 *
 * @param path The file, NUL-terminated, borrowed as long as the output is used.
 * @return The output.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_output patchcore_output_path(const char *path) {
    patchcore_output output = PATCHCORE_OUTPUT_INIT;
    output.kind = PATCHCORE_OUTPUT_PATH;
    output.path = path;
    output.path_len = PATCHCORE_NUL_TERMINATED;
    return output;
}

/**
 * Makes the output that is memory.
 *
 * @param buffer What receives the bytes; to be freed with patchcore_buffer_free().
 * @return The output.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_output patchcore_output_memory(patchcore_buffer *buffer) {
    patchcore_output output = PATCHCORE_OUTPUT_INIT;
    output.kind = PATCHCORE_OUTPUT_MEMORY;
    output.buffer = buffer;
    return output;
}

/**
 * Makes the output that a callback takes.
 *
 * @param write The callback.
 * @param user_data Handed to it.
 * @return The output.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_output patchcore_output_callback(patchcore_write_fn write, void *user_data) {
    patchcore_output output = PATCHCORE_OUTPUT_INIT;
    output.kind = PATCHCORE_OUTPUT_CALLBACK;
    output.write = write;
    output.user_data = user_data;
    return output;
}
