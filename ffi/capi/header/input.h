/** An input that is none yet: `kind` is to be set. */
#define PATCHCORE_INPUT_INIT { sizeof(patchcore_input), 0, NULL, 0, NULL, 0, NULL, NULL, 0 }

/**
 * Makes the input that is a file.
 *
 * @param path The file, NUL-terminated, borrowed as long as the input is used.
 * @return The input.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_input patchcore_input_path(const char *path) {
    patchcore_input input = PATCHCORE_INPUT_INIT;
    input.kind = PATCHCORE_INPUT_PATH;
    input.path = path;
    input.path_len = PATCHCORE_NUL_TERMINATED;
    return input;
}

/**
 * Makes the input that is bytes in memory.
 *
 * @param data The bytes, borrowed as long as the input is used; may be NULL where `len` is 0.
 * @param len How many there are.
 * @return The input.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_input patchcore_input_memory(const void *data, size_t len) {
    patchcore_input input = PATCHCORE_INPUT_INIT;
    input.kind = PATCHCORE_INPUT_MEMORY;
    input.data = (const uint8_t *)data;
    input.data_len = len;
    return input;
}

/**
 * Makes the input that a callback reads.
 *
 * @param read_at The callback.
 * @param user_data Handed to it.
 * @param size How many bytes it can read.
 * @return The input.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
static inline patchcore_input patchcore_input_callback(patchcore_read_at_fn read_at, void *user_data, uint64_t size) {
    patchcore_input input = PATCHCORE_INPUT_INIT;
    input.kind = PATCHCORE_INPUT_CALLBACK;
    input.read_at = read_at;
    input.user_data = user_data;
    input.size = size;
    return input;
}
