/**
 * @file patchcore.h
 * patchcore: deltas between two versions of a file, chains of deltas that lead from any version to any later one, and patches of
 * whole directories.
 *
 * @code
 * patchcore_input old_file = patchcore_input_path("firmware-1.bin");
 * patchcore_input delta = patchcore_input_path("1-to-2.delta");
 * patchcore_output output = patchcore_output_path("firmware-2.bin");
 * patchcore_error *error = NULL;
 * if (patchcore_delta_apply(&old_file, &delta, &output, NULL, NULL, NULL, &error) != PATCHCORE_OK) {
 *     fprintf(stderr, "%s\n", patchcore_error_message(error));
 *     patchcore_error_free(error);
 * }
 * @endcode
 *
 * What holds for all functions:
 *
 * Success and failure. A function that can fail returns a patchcore_status. Its last parameter, `out_error`, may be NULL; else
 * it receives an error to free with patchcore_error_free(), or NULL on success. A failed call leaves no trace: files are as
 * they were, objects that it was to return are NULL, numbers are 0, structs and buffers that it was to fill are as they were.
 *
 * Who owns what. What a function takes by pointer is borrowed for the call, unless its comment says otherwise. What it
 * returns belongs to the caller and is freed with the function of its type; freeing NULL is fine. Strings and paths that are
 * borrowed from an object are valid until that object is freed.
 *
 * NULL. A required pointer that is NULL is PATCHCORE_INVALID_ARGUMENT; the comment says where NULL is allowed.
 *
 * Strings go in as a pointer and a length in bytes. PATCHCORE_NUL_TERMINATED as length means: up to the NUL. NULL with length
 * 0 means "not given" where that is allowed. All are UTF-8, except paths on Unix, which are bytes.
 *
 * Structs that begin with `struct_size` are initialised with the macro of their name and _INIT, or with one of the functions
 * that make them. Zero in an option means its default, and NULL for a whole options or job struct means all defaults. So
 * a program keeps working with a newer library, which gives fields that it does not know their defaults, and with an older
 * one, which says PATCHCORE_UNSUPPORTED where a field is set that it does not know. Results are written as far as
 * `struct_size` says.
 *
 * Threads. An object that a function takes as `const` may be used from several threads at once, any other from one at a
 * time. Callbacks are called on the thread that called the library, unless the comment says otherwise. A callback may call
 * the library; using the object whose function it was called from is PATCHCORE_BUSY where that takes it as not `const`.
 * Freeing an object in a callback of its own call is fine.
 *
 * Memory. What input asks for and cannot be had is PATCHCORE_NO_MEMORY. Where not even the few KiB of a call's own can be
 * had, the process ends, as Rust programs do.
 *
 * Callbacks must return: no longjmp() and no C++ exception may leave one.
 *
 * The library writes nothing to the standard streams, unless it has a bug (PATCHCORE_INTERNAL), reads no environment
 * variables except for the folder of temporary files and the proxy of a network, and installs no signal handlers.
 */
#ifndef PATCHCORE_H
#define PATCHCORE_H

#include <stddef.h>
#include <stdint.h>

/** The length of a string that ends with a NUL. */
#define PATCHCORE_NUL_TERMINATED SIZE_MAX

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------------------- */

/** The major version of the library that this header belongs to. */
#define PATCHCORE_VERSION_MAJOR 0
/** The minor version of the library that this header belongs to. */
#define PATCHCORE_VERSION_MINOR 1
/** The patch version of the library that this header belongs to. */
#define PATCHCORE_VERSION_PATCH 0

/**
 * Says which version of the library is in use, which may be newer than this header.
 *
 * @return The version, such as "0.1.0"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_version(void);

/**
 * Says which version of the library is in use as a number that can be compared.
 *
 * @return major << 16 | minor << 8 | patch.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
uint32_t patchcore_version_number(void);

/** The version of the library that this header belongs to. */
#define PATCHCORE_VERSION "0.1.0"

/* ---- Status -------------------------------------------------------------------------------------------------------- */

/**
 * What a function that can fail returns: PATCHCORE_OK or what went wrong. The numbers are never reused; a newer library may
 * return some that this header does not know, so treat an unknown number as a failure.
 */
typedef int32_t patchcore_status;

/** Success. */
#define PATCHCORE_OK 0
/** The call itself is wrong. */
#define PATCHCORE_INVALID_ARGUMENT 10
/** A newer format, flag or option than this version of the library knows. */
#define PATCHCORE_UNSUPPORTED 11
/** The caller cancelled. */
#define PATCHCORE_CANCELLED 12
/** A callback of the caller failed; patchcore_error_callback_value() has its value. */
#define PATCHCORE_CALLBACK 13
/** Another process or call is using it. */
#define PATCHCORE_BUSY 14
/** A bug in patchcore. */
#define PATCHCORE_INTERNAL 15
/** An allocation failed. */
#define PATCHCORE_NO_MEMORY 16
/** The operating system reports an error; see patchcore_error_path() and patchcore_error_system_code(). */
#define PATCHCORE_IO 20
/** A file or folder is missing. */
#define PATCHCORE_NOT_FOUND 21
/** No space is left on the device. */
#define PATCHCORE_NO_SPACE 22
/** The network failed. */
#define PATCHCORE_NETWORK 23
/** Nothing arrived for too long. */
#define PATCHCORE_TIMEOUT 24
/** Not permitted. */
#define PATCHCORE_PERMISSION 25
/** Malformed, truncated or failing its own check; see patchcore_error_offset(). */
#define PATCHCORE_CORRUPT 30
/** Larger than the limits in force allow. */
#define PATCHCORE_LIMIT 31
/** A name that leaves the root or that the platform cannot hold. */
#define PATCHCORE_UNSAFE_PATH 32
/** The old file is not the one that the delta or chain was made for. */
#define PATCHCORE_SOURCE_MISMATCH 40
/** The result is not what was promised. */
#define PATCHCORE_TARGET_MISMATCH 41
/** Both versions are known, and nothing leads from one to the other. */
#define PATCHCORE_NO_ROUTE 42
/** No version fits what was asked for. */
#define PATCHCORE_UNKNOWN_VERSION 43
/** A digest prefix that fits several versions; the message lists them. */
#define PATCHCORE_AMBIGUOUS_VERSION 44
/** The tree holds changes that the patch would overwrite. */
#define PATCHCORE_CONFLICT 45
/** Squashing these needs the old file. */
#define PATCHCORE_NOT_COMPOSABLE 46
/** The signature does not verify. */
#define PATCHCORE_BAD_SIGNATURE 50
/** Signed, but by another key than the trusted one. */
#define PATCHCORE_UNTRUSTED_KEY 51
/** Older than what was already accepted, or expired. */
#define PATCHCORE_STALE 52

/**
 * Says what a status is called.
 *
 * @param status Any number.
 * @return The name, such as "SOURCE_MISMATCH", or "UNKNOWN" for a number that this version does not know; NUL-terminated,
 *         never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_status_name(patchcore_status status);

/* ---- Errors -------------------------------------------------------------------------------------------------------- */

/** The operation was not about a directory tree. */
#define PATCHCORE_OUTCOME_NONE 0
/** The tree is as it was. */
#define PATCHCORE_OUTCOME_UNCHANGED 1
/** The tree was changed and is as it was again. */
#define PATCHCORE_OUTCOME_ROLLED_BACK 2
/** The tree was changed and could not be brought back. */
#define PATCHCORE_OUTCOME_ROLLBACK_FAILED 3

/** What went wrong, where, and what to do about it. Whoever receives one frees it with patchcore_error_free(). */
typedef struct patchcore_error patchcore_error;

/**
 * Says what a caller can act on.
 *
 * @param error The error, borrowed, or NULL.
 * @return The status that the failed function returned as well; PATCHCORE_OK for NULL.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_error_status(const patchcore_error *error);

/**
 * Says in one line what happened and what to do, with file and offset.
 *
 * @param error The error, borrowed, or NULL.
 * @return UTF-8, NUL-terminated, valid until the error is freed; "" for NULL.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
const char *patchcore_error_message(const patchcore_error *error);

/**
 * Says which file an error is about.
 *
 * @param error The error, borrowed, or NULL.
 * @param out_len The length of the path in bytes, 0 where there is none; or NULL.
 * @return The path, NUL-terminated, valid until the error is freed; NULL where the error is about no file.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
const char *patchcore_error_path(const patchcore_error *error, size_t *out_len);

/**
 * Says at which byte of the file, or of the input where that has no path, something is wrong.
 *
 * @param error The error, borrowed, or NULL.
 * @param out_offset The offset, left alone where there is none; or NULL.
 * @return 1 where there is an offset, else 0.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
int32_t patchcore_error_offset(const patchcore_error *error, uint64_t *out_offset);

/**
 * Says with which value a callback of the caller stopped the operation.
 *
 * @param error The error, borrowed, or NULL.
 * @param out_value The value, left alone where there is none; or NULL.
 * @return 1 where there is a value, else 0.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
int32_t patchcore_error_callback_value(const patchcore_error *error, int64_t *out_value);

/**
 * Says which number the operating system gave for what failed: errno, or that of GetLastError().
 *
 * @param error The error, borrowed, or NULL.
 * @param out_code The number, left alone where there is none; or NULL.
 * @return 1 where there is a number, else 0.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
int32_t patchcore_error_system_code(const patchcore_error *error, int32_t *out_code);

/**
 * Says what became of the directory tree that an operation was about; operations on single files are about none.
 *
 * @param error The error, borrowed, or NULL.
 * @return One of PATCHCORE_OUTCOME_*; PATCHCORE_OUTCOME_NONE for NULL.
 *
 * Thread-safety: an error may be read from several threads at once.
 * @since 0.1.0
 */
int32_t patchcore_error_outcome(const patchcore_error *error);

/**
 * Says what an outcome is called.
 *
 * @param outcome Any number.
 * @return The name, such as "rolled_back", "none" for PATCHCORE_OUTCOME_NONE, or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_outcome_name(int32_t outcome);

/**
 * Frees an error.
 *
 * @param error The error, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_error_free(patchcore_error *error);

/* ---- Buffers ------------------------------------------------------------------------------------------------------- */

/** Bytes that the library allocated. Begin with PATCHCORE_BUFFER_INIT, end with patchcore_buffer_free(). */
typedef struct patchcore_buffer {
    /** The bytes; NULL where there are none. */
    uint8_t *data;
    /** How many there are. */
    size_t len;
} patchcore_buffer;

/**
 * Frees the bytes of a buffer and empties it, so that it can be used and freed again.
 *
 * @param buffer A buffer that the library filled, an empty one, or NULL; the struct itself stays the caller's.
 *
 * Thread-safety: from one thread at a time for one buffer.
 * @since 0.1.0
 */
void patchcore_buffer_free(patchcore_buffer *buffer);

/** A buffer without bytes. */
#define PATCHCORE_BUFFER_INIT { NULL, 0 }

/* ---- Input --------------------------------------------------------------------------------------------------------- */

/** The input is the file `path`. */
#define PATCHCORE_INPUT_PATH 1
/** The input is `data_len` bytes at `data`. */
#define PATCHCORE_INPUT_MEMORY 2
/** The input is what `read_at` reads. */
#define PATCHCORE_INPUT_CALLBACK 3

/**
 * Reads `len` bytes from `offset` on into `buffer`, exactly that many; never asks beyond the size that was given.
 *
 * Returns 0 when done; any other value stops the operation with PATCHCORE_CALLBACK and is kept in the error.
 * It must not throw or jump out. It may call the library.
 */
typedef int (*patchcore_read_at_fn)(void *user_data, uint64_t offset, uint8_t *buffer, size_t len);

/**
 * Where bytes come from. Make one with patchcore_input_path(), patchcore_input_memory() or patchcore_input_callback(), or
 * begin with PATCHCORE_INPUT_INIT and set `kind` and the fields that it names.
 */
typedef struct patchcore_input {
    /** sizeof(patchcore_input). */
    size_t struct_size;
    /** One of PATCHCORE_INPUT_*. */
    int32_t kind;
    /** The file; borrowed for the call. */
    const char *path;
    /** The bytes of `path`, or PATCHCORE_NUL_TERMINATED. */
    size_t path_len;
    /**
     * The bytes; borrowed for the call. Those of a chain that patchcore_chain_open() opened, or of a tree patch that
     * patchcore_tree_patch_open() opened, are borrowed until that is freed and no call uses it any more.
     */
    const uint8_t *data;
    /** How many bytes there are at `data`. */
    size_t data_len;
    /**
     * Reads the input. It is called on the thread that called the library, and with options that allow more than one
     * thread on others as well, several at a time; for a chain or a tree patch on every thread that uses it.
     */
    patchcore_read_at_fn read_at;
    /** Handed to `read_at`. */
    void *user_data;
    /** How many bytes `read_at` can read. */
    uint64_t size;
} patchcore_input;

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

/* ---- Output -------------------------------------------------------------------------------------------------------- */

/** The result becomes the file `path`, whole or not at all. */
#define PATCHCORE_OUTPUT_PATH 1
/** The result goes to `buffer`. */
#define PATCHCORE_OUTPUT_MEMORY 2
/** The result is handed to `write`. */
#define PATCHCORE_OUTPUT_CALLBACK 3

/**
 * Takes the next `len` bytes of a result; they are borrowed for the call.
 *
 * Returns 0 when done; any other value stops the operation with PATCHCORE_CALLBACK and is kept in the error.
 * It is called on the thread that called the library. It must not throw or jump out. It may call the library.
 */
typedef int (*patchcore_write_fn)(void *user_data, const uint8_t *data, size_t len);

/**
 * Where a result goes. Make one with patchcore_output_path(), patchcore_output_memory() or patchcore_output_callback(), or
 * begin with PATCHCORE_OUTPUT_INIT and set `kind` and the fields that it names.
 */
typedef struct patchcore_output {
    /** sizeof(patchcore_output). */
    size_t struct_size;
    /** One of PATCHCORE_OUTPUT_*. */
    int32_t kind;
    /** Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT. */
    int32_t no_clobber;
    /**
     * The file; borrowed for the call. It appears when the operation succeeds, and may be the old file itself. A pipe or a
     * device is written directly.
     */
    const char *path;
    /** The bytes of `path`, or PATCHCORE_NUL_TERMINATED. */
    size_t path_len;
    /** Filled when the operation succeeds, else left alone. What it held before is not freed. */
    patchcore_buffer *buffer;
    /** Takes the result from its first byte to its last. What it took before a failure is to be thrown away. */
    patchcore_write_fn write;
    /** Handed to `write`. */
    void *user_data;
} patchcore_output;

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

/* ---- Jobs: progress, log, cancellation ----------------------------------------------------------------------------- */

/** Hashing an input to find out or check what it is. */
#define PATCHCORE_PHASE_HASH 1
/** Looking for what two files have in common. */
#define PATCHCORE_PHASE_MATCH 2
/** Writing a delta or a chain. */
#define PATCHCORE_PHASE_ENCODE 3
/** Reading the operations of a delta. */
#define PATCHCORE_PHASE_READ 4
/** Composing deltas. */
#define PATCHCORE_PHASE_COMPOSE 5
/** Writing a new file. */
#define PATCHCORE_PHASE_APPLY 6
/** Checking what was written or read. */
#define PATCHCORE_PHASE_VERIFY 7
/** Looking through a directory. */
#define PATCHCORE_PHASE_SCAN 8
/** Writing a package. */
#define PATCHCORE_PHASE_PACK 9
/** Fetching a file. */
#define PATCHCORE_PHASE_DOWNLOAD 10
/** Writing the new files of a directory beside the old ones. */
#define PATCHCORE_PHASE_STAGE 11
/** Putting the new files of a directory in place. */
#define PATCHCORE_PHASE_COMMIT 12
/** Putting the old files of a directory back in place. */
#define PATCHCORE_PHASE_ROLLBACK 13
/** `done` and `total` count bytes. */
#define PATCHCORE_UNIT_BYTES 1
/** `done` and `total` count things, such as links. */
#define PATCHCORE_UNIT_ITEMS 2
/** Something is not as it should be, and the operation goes on. */
#define PATCHCORE_LOG_WARNING 1
/** What was decided. */
#define PATCHCORE_LOG_INFO 2
/** What it took. */
#define PATCHCORE_LOG_DEBUG 3

/** A flag that stops operations. It only ever goes from "go on" to "stop". */
typedef struct patchcore_cancel patchcore_cancel;

/** How far an operation is. The library fills it in. */
typedef struct patchcore_progress {
    /** The bytes of this struct that the library filled in. */
    size_t struct_size;
    /** One of PATCHCORE_PHASE_*; a newer library may have others. */
    int32_t phase;
    /** One of PATCHCORE_UNIT_*. */
    int32_t unit;
    /** How much of the phase is done. */
    uint64_t done;
    /** How much there is to do in the phase. */
    uint64_t total;
} patchcore_progress;

/**
 * Takes a report, at most ten times a second; the last one of each phase is always sent. `progress` is borrowed.
 *
 * Returns 0 to go on, a positive value to stop with PATCHCORE_CANCELLED, and a negative value to stop with
 * PATCHCORE_CALLBACK, which is kept in the error. It must not throw or jump out. It may call the library.
 */
typedef int (*patchcore_progress_fn)(void *user_data, const patchcore_progress *progress);

/**
 * Takes a message of `len` bytes; it is UTF-8, also NUL-terminated, and borrowed for the call. `level` is one of
 * PATCHCORE_LOG_*. It must not throw or jump out. It may call the library.
 */
typedef void (*patchcore_log_fn)(void *user_data, int32_t level, const char *message, size_t len);

/**
 * How a running operation speaks with its caller. Begin with PATCHCORE_JOB_INIT; NULL for a whole job is a silent one that
 * nobody stops.
 */
typedef struct patchcore_job {
    /** sizeof(patchcore_job). */
    size_t struct_size;
    /** What stops the operation, borrowed when it begins; or NULL. */
    const patchcore_cancel *cancel;
    /** Called on the thread that called the library; or NULL. */
    patchcore_progress_fn progress;
    /** Called on the thread that called the library; or NULL. */
    patchcore_log_fn log;
    /** Handed to both. */
    void *user_data;
} patchcore_job;

/**
 * Makes a flag that nobody has raised yet.
 *
 * @return The flag, to be freed with patchcore_cancel_free().
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_cancel *patchcore_cancel_new(void);

/**
 * Asks every operation whose job has this flag to stop with PATCHCORE_CANCELLED, now and later.
 *
 * @param cancel The flag, borrowed, or NULL.
 *
 * Thread-safety: may be called from any thread, and from a signal handler.
 * @since 0.1.0
 */
void patchcore_cancel_request(const patchcore_cancel *cancel);

/**
 * Says whether the flag was raised.
 *
 * @param cancel The flag, borrowed, or NULL.
 * @return 1 where it was, else 0; 0 for NULL.
 *
 * Thread-safety: may be called from any thread, and from a signal handler.
 * @since 0.1.0
 */
int32_t patchcore_cancel_is_requested(const patchcore_cancel *cancel);

/**
 * Frees a flag. An operation that runs with it goes on, and can then not be stopped by it any more.
 *
 * @param cancel The flag, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other uses it any more; an operation that runs with it is no user.
 * @since 0.1.0
 */
void patchcore_cancel_free(patchcore_cancel *cancel);

/**
 * Says what a phase is called.
 *
 * @param phase Any number.
 * @return The name, such as "hash", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_phase_name(int32_t phase);

/** A job that nobody watches and nobody stops. */
#define PATCHCORE_JOB_INIT { sizeof(patchcore_job), NULL, NULL, NULL, NULL }

/* ---- Digests ------------------------------------------------------------------------------------------------------- */

/** The bytes of a digest, which is a SHA-256. */
#define PATCHCORE_DIGEST_SIZE 32
/** The bytes of a digest as text: 64 lower-case hex digits and the NUL. */
#define PATCHCORE_DIGEST_HEX_SIZE 65

/**
 * Computes the SHA-256 of an input.
 *
 * @param input The bytes; borrowed for the call.
 * @param job Cancellation, borrowed for the call, or NULL.
 * @param out_digest Receives 32 bytes.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_digest_of(const patchcore_input *input,
                                     const patchcore_job *job,
                                     uint8_t out_digest[32],
                                     patchcore_error **out_error);

/**
 * Writes a digest as text.
 *
 * @param digest 32 bytes; borrowed for the call.
 * @param out_hex Receives 64 lower-case hex digits and a NUL.
 * @param capacity The bytes that `out_hex` has room for; fewer than PATCHCORE_DIGEST_HEX_SIZE are PATCHCORE_LIMIT.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_digest_to_hex(const uint8_t digest[32],
                                         char *out_hex,
                                         size_t capacity,
                                         patchcore_error **out_error);

/**
 * Reads a digest from text: 64 hex digits in either case, with or without "sha256:" before them.
 *
 * @param text The text; borrowed for the call.
 * @param text_len The bytes of `text`, or PATCHCORE_NUL_TERMINATED.
 * @param out_digest Receives 32 bytes.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_digest_from_hex(const char *text,
                                           size_t text_len,
                                           uint8_t out_digest[32],
                                           patchcore_error **out_error);

/* ---- Deltas -------------------------------------------------------------------------------------------------------- */

/** Equal blocks, then a suffix array, matches kept by their cost. */
#define PATCHCORE_ENGINE_AUTO 0
/** The matches that bsdiff finds. */
#define PATCHCORE_ENGINE_BSDIFF 1

/** How two files are compared and their delta is encoded. Begin with PATCHCORE_DIFF_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_diff_options {
    /** sizeof(patchcore_diff_options). */
    size_t struct_size;
    /** 1 (fastest) to 9 (smallest delta); 0 is 6. */
    int32_t level;
    /** One of PATCHCORE_ENGINE_*. */
    int32_t engine;
    /** Worker threads; 0 is 1. The delta is the same for any number. */
    uint64_t threads;
    /** Bytes of memory that applying the delta may take; 0 is 12 MiB, at least 256 KiB. */
    uint64_t max_apply_memory;
} patchcore_diff_options;

/** What a delta says about itself. Begin with PATCHCORE_DELTA_INFO_INIT. */
typedef struct patchcore_delta_info {
    /** sizeof(patchcore_delta_info). */
    size_t struct_size;
    /** The size of the old file in bytes. */
    uint64_t old_size;
    /** The size of the new file in bytes. */
    uint64_t new_size;
    /** The SHA-256 of the old file. */
    uint8_t old_digest[32];
    /** The SHA-256 of the new file. */
    uint8_t new_digest[32];
    /** Bytes of memory that decoding the delta takes, on whatever device. */
    uint64_t apply_memory;
    /** Bytes of all segments after decompression. */
    uint64_t stream_bytes;
    /** The number of segments. */
    uint64_t segments;
    /** The size of the delta in bytes. */
    uint64_t delta_size;
} patchcore_delta_info;

/** How a delta or a chain is applied. Begin with PATCHCORE_APPLY_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_apply_options {
    /** sizeof(patchcore_apply_options). */
    size_t struct_size;
    /** Threads that work at a time, the calling one included; 0 is 1, and more than 2 are not made use of. */
    uint64_t threads;
    /** Bytes of memory that applying may take; 0 is 4 GiB, UINT64_MAX is no limit. */
    uint64_t max_memory;
    /** Bytes that the new file may have; 0 and UINT64_MAX are no limit. */
    uint64_t max_output;
    /**
     * Not zero: `max_memory` is 12 MiB where it is 0, and a chain is applied by way of intermediate files where it takes
     * more.
     */
    int32_t streaming;
    /** The folder for intermediate files; NULL and 0 for that of the output, or the system's where the output is no file. */
    const char *scratch;
    /** The bytes of `scratch`, or PATCHCORE_NUL_TERMINATED. */
    size_t scratch_len;
} patchcore_apply_options;

/** What applying a delta made. Begin with PATCHCORE_APPLY_STATS_INIT. */
typedef struct patchcore_apply_stats {
    /** sizeof(patchcore_apply_stats). */
    size_t struct_size;
    /** The SHA-256 of the new file. */
    uint8_t new_digest[32];
    /** The size of the new file in bytes. */
    uint64_t new_size;
} patchcore_apply_stats;

/** How several deltas become one. Begin with PATCHCORE_SQUASH_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_squash_options {
    /** sizeof(patchcore_squash_options). */
    size_t struct_size;
    /** 1 (fastest) to 9 (smallest delta); 0 is 6. */
    int32_t level;
    /** Worker threads; 0 is 1. The delta is the same for any number. */
    uint64_t threads;
    /** Bytes of memory that applying the delta may take; 0 is 12 MiB, at least 256 KiB. */
    uint64_t max_apply_memory;
    /** Bytes of memory that squashing itself may take; 0 is 4 GiB, UINT64_MAX is no limit. */
    uint64_t max_memory;
    /** Operations that squashing may produce; 0 grows with the deltas, UINT64_MAX is no limit. */
    uint64_t max_operations;
} patchcore_squash_options;

/** What an operation that only reads may use. Begin with PATCHCORE_LIMITS_INIT; NULL is all defaults. */
typedef struct patchcore_limits {
    /** sizeof(patchcore_limits). */
    size_t struct_size;
    /** Bytes of memory; 0 is 4 GiB, UINT64_MAX is no limit. */
    uint64_t max_memory;
} patchcore_limits;

/** What checking a whole delta counted. Begin with PATCHCORE_DELTA_CONTENTS_INIT. */
typedef struct patchcore_delta_contents {
    /** sizeof(patchcore_delta_contents). */
    size_t struct_size;
    /** Copies from the old file. */
    uint64_t copies;
    /** Bytes of the new file that copies make. */
    uint64_t copied_bytes;
    /** Bytes of those that differ from the old file. */
    uint64_t changed_bytes;
    /** Bytes of the new file that the delta brings along. */
    uint64_t inserted_bytes;
} patchcore_delta_contents;

/**
 * Makes the delta that turns one file into another, and applies it once for trial before the output appears.
 *
 * @param old_file The file as it was; borrowed for the call. A path must be a regular file, as for all inputs that are not
 *                 said to be read forward only.
 * @param new_file The file as it is to become; borrowed for the call.
 * @param output Where the delta goes; borrowed for the call. A callback gets it when it is complete, by way of an unnamed
 *               file in the system's folder for those.
 * @param options How to compare and encode, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_info Receives what the delta says about itself, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread, `read_at` on `threads` threads.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_diff(const patchcore_input *old_file,
                                      const patchcore_input *new_file,
                                      const patchcore_output *output,
                                      const patchcore_diff_options *options,
                                      const patchcore_job *job,
                                      patchcore_delta_info *out_info,
                                      patchcore_error **out_error);

/**
 * Makes the new file of the old one and a delta, and verifies it before it appears.
 *
 * @param old_file The old file; borrowed for the call. It is verified before anything is done that cannot be taken back.
 * @param delta The delta, read forward only, so a path may be a pipe; borrowed for the call.
 * @param output Where the new file goes, which may be the old file; borrowed for the call.
 * @param options Limits and threads, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL. Who waits for the other end of a pipe notices
 *            a cancellation when bytes arrive.
 * @param out_stats Receives what was made, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the old file is another one.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread, `read_at` of `old_file` on `threads`
 * threads.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_apply(const patchcore_input *old_file,
                                       const patchcore_input *delta,
                                       const patchcore_output *output,
                                       const patchcore_apply_options *options,
                                       const patchcore_job *job,
                                       patchcore_apply_stats *out_stats,
                                       patchcore_error **out_error);

/**
 * Makes one delta of several, each of which continues the one before; no version of the file is needed.
 *
 * @param deltas The deltas in order; borrowed for the call.
 * @param count How many there are, at least one.
 * @param output Where the delta goes; borrowed for the call.
 * @param options How to encode, and limits; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_info Receives what the new delta says about itself, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where one does not continue the one before,
 *         PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_squash(const patchcore_input *deltas,
                                        size_t count,
                                        const patchcore_output *output,
                                        const patchcore_squash_options *options,
                                        const patchcore_job *job,
                                        patchcore_delta_info *out_info,
                                        patchcore_error **out_error);

/**
 * Reads what a delta says about itself, its header, and nothing else of it.
 *
 * @param delta The delta, read forward only; borrowed for the call.
 * @param out_info Receives what it says, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is no delta.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_inspect(const patchcore_input *delta,
                                         patchcore_delta_info *out_info,
                                         patchcore_error **out_error);

/**
 * Checks every part of a delta; with the old file, also that it makes the promised new one.
 *
 * @param delta The delta; borrowed for the call.
 * @param old_file The old file, borrowed for the call, or NULL.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_info Receives what the delta says about itself, or NULL.
 * @param out_contents Receives what was counted, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_verify(const patchcore_input *delta,
                                        const patchcore_input *old_file,
                                        const patchcore_limits *limits,
                                        const patchcore_job *job,
                                        patchcore_delta_info *out_info,
                                        patchcore_delta_contents *out_contents,
                                        patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_DIFF_OPTIONS_INIT { sizeof(patchcore_diff_options), 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_SQUASH_OPTIONS_INIT { sizeof(patchcore_squash_options), 0, 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_APPLY_OPTIONS_INIT { sizeof(patchcore_apply_options), 0, 0, 0, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_LIMITS_INIT { sizeof(patchcore_limits), 0 }
/** To be filled. */
#define PATCHCORE_DELTA_INFO_INIT { sizeof(patchcore_delta_info), 0, 0, { 0 }, { 0 }, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_DELTA_CONTENTS_INIT { sizeof(patchcore_delta_contents), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_APPLY_STATS_INIT { sizeof(patchcore_apply_stats), { 0 }, 0 }

/* ---- Explanations -------------------------------------------------------------------------------------------------- */

/** Where the bytes of a delta went, and how the new file comes to be. */
typedef struct patchcore_explanation patchcore_explanation;

/** What one codec made of one stream, over all segments of a delta. Begin with PATCHCORE_EXPLAINED_PART_INIT. */
typedef struct patchcore_explained_part {
    /** sizeof(patchcore_explained_part). */
    size_t struct_size;
    /** What the bytes mean, such as "literals"; NUL-terminated, borrowed from the explanation. */
    const char *stream;
    /** How they are coded, such as "zstd"; NUL-terminated, borrowed from the explanation. */
    const char *codec;
    /** Which of the lanes they belong to, from 0 on. */
    int32_t lane;
    /** How many lanes there are; 0 where the stream is none of a lane. */
    int32_t lanes;
    /** Bytes of the delta. */
    uint64_t delta_bytes;
    /** Bytes after decoding. */
    uint64_t decoded_bytes;
    /** The bytes of the numbers that changes belong to, where they are coded as such; else 0. */
    int32_t width;
} patchcore_explained_part;

/** One segment of a delta. Begin with PATCHCORE_EXPLAINED_SEGMENT_INIT. */
typedef struct patchcore_explained_segment {
    /** sizeof(patchcore_explained_segment). */
    size_t struct_size;
    /** Where what it makes begins in the new file. */
    uint64_t output_start;
    /** Where that ends. */
    uint64_t output_end;
    /** Where it begins in the delta. */
    uint64_t delta_start;
    /** Where it ends. */
    uint64_t delta_end;
    /** Its copies. */
    uint64_t copies;
    /** Bytes of its output that copies make. */
    uint64_t copied_bytes;
    /** Bytes of those that differ from the old file. */
    uint64_t changed_bytes;
    /** Bytes of its output that it brings along. */
    uint64_t inserted_bytes;
    /** How the changes are coded, such as "lanes"; NUL-terminated, borrowed from the explanation. */
    const char *addends;
    /** Into how many lanes they are dealt; else 0. */
    int32_t lanes;
    /** 1 where a check of its output follows, else 0. */
    int32_t has_check;
    /** Bytes of memory that applying a delta of such segments takes. */
    uint64_t memory;
    /** The bytes of the numbers that changes belong to, where they are coded as such; else 0. */
    int32_t width;
} patchcore_explained_segment;

/** A range of bytes. */
typedef struct patchcore_range {
    /** The first byte. */
    uint64_t start;
    /** The byte after the last one. */
    uint64_t end;
} patchcore_range;

/**
 * Checks a whole delta and says where its bytes went.
 *
 * @param delta The delta; borrowed for the call.
 * @param most How many of its largest segments and of its longest insertions are listed.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_explanation Receives the explanation, to be freed with patchcore_explanation_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_delta_explain(const patchcore_input *delta,
                                         uint64_t most,
                                         const patchcore_limits *limits,
                                         const patchcore_job *job,
                                         patchcore_explanation **out_explanation,
                                         patchcore_error **out_error);

/**
 * Says how many parts there are; together they are every byte of the delta.
 *
 * @param explanation The explanation, borrowed, or NULL.
 * @return How many; 0 for NULL.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
size_t patchcore_explanation_part_count(const patchcore_explanation *explanation);

/**
 * Gives one part.
 *
 * @param explanation The explanation, borrowed.
 * @param index Which part, from 0 on.
 * @param out_part Receives it; its strings are borrowed from the explanation.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such part.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_explanation_part(const patchcore_explanation *explanation,
                                            size_t index,
                                            patchcore_explained_part *out_part,
                                            patchcore_error **out_error);

/**
 * Says how many segments are listed; how many there are in all is in patchcore_delta_info.
 *
 * @param explanation The explanation, borrowed, or NULL.
 * @return How many; 0 for NULL.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
size_t patchcore_explanation_segment_count(const patchcore_explanation *explanation);

/**
 * Gives one of the segments that take most of the delta, in the order in which they make the new file.
 *
 * @param explanation The explanation, borrowed.
 * @param index Which of those listed, from 0 on.
 * @param out_segment Receives it; its string is borrowed from the explanation.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where no such segment is listed.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_explanation_segment(const patchcore_explanation *explanation,
                                               size_t index,
                                               patchcore_explained_segment *out_segment,
                                               patchcore_error **out_error);

/**
 * Says how many stretches of the new file are inserted, not copied, in all.
 *
 * @param explanation The explanation, borrowed, or NULL.
 * @return How many; 0 for NULL.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
uint64_t patchcore_explanation_insertions(const patchcore_explanation *explanation);

/**
 * Says how many of the insertions are listed.
 *
 * @param explanation The explanation, borrowed, or NULL.
 * @return How many; 0 for NULL.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
size_t patchcore_explanation_insertion_count(const patchcore_explanation *explanation);

/**
 * Gives one of the longest insertions, the longest first.
 *
 * @param explanation The explanation, borrowed.
 * @param index Which of those listed, from 0 on.
 * @param out_range Receives which bytes of the new file it makes.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where no such insertion is listed.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_explanation_insertion(const patchcore_explanation *explanation,
                                                 size_t index,
                                                 patchcore_range *out_range,
                                                 patchcore_error **out_error);

/**
 * Gives what the delta says about itself and what it holds as a whole.
 *
 * @param explanation The explanation, borrowed.
 * @param out_info Receives what the delta says about itself, or NULL.
 * @param out_contents Receives what was counted, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: an explanation may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_explanation_contents(const patchcore_explanation *explanation,
                                                patchcore_delta_info *out_info,
                                                patchcore_delta_contents *out_contents,
                                                patchcore_error **out_error);

/**
 * Frees an explanation, and the strings borrowed from it.
 *
 * @param explanation The explanation, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_explanation_free(patchcore_explanation *explanation);

/** To be filled. */
#define PATCHCORE_EXPLAINED_PART_INIT { sizeof(patchcore_explained_part), NULL, NULL, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_EXPLAINED_SEGMENT_INIT \
    { sizeof(patchcore_explained_segment), 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0 }

/* ---- Applier for devices: fed as bytes arrive ---------------------------------------------------------------------- */

/** A checkpoint is never larger, in bytes. */
#define PATCHCORE_CHECKPOINT_SIZE 512

/**
 * Applies one delta that is pushed into it as it arrives; power may fail between any two calls. One whose push or finish has
 * failed is of no use any more, except to be freed, unless the status was PATCHCORE_BUSY or it was finished too early. After
 * PATCHCORE_CALLBACK and after a power cut, resume from the last checkpoint. After PATCHCORE_CORRUPT and
 * PATCHCORE_TARGET_MISMATCH begin anew: what was written before may be wrong already.
 */
typedef struct patchcore_applier patchcore_applier;

/**
 * Writes `len` bytes at `offset` of the new file, which is always where the write before ended, or where a resumed applier
 * goes on. Returns 0 when done; any other value stops the applier with PATCHCORE_CALLBACK and is kept in the error.
 */
typedef int (*patchcore_write_at_fn)(void *user_data, uint64_t offset, const uint8_t *data, size_t len);

/**
 * Makes all that was written durable. Returns 0 when done; any other value stops the applier with PATCHCORE_CALLBACK and is
 * kept in the error.
 */
typedef int (*patchcore_flush_fn)(void *user_data);

/**
 * Where a device keeps the old file and the new one. Begin with PATCHCORE_DEVICE_INIT. The callbacks are called on the
 * thread that calls the applier, and only while it is called.
 */
typedef struct patchcore_device {
    /** sizeof(patchcore_device). */
    size_t struct_size;
    /** Handed to all four callbacks. */
    void *user_data;
    /** The size of the old file in bytes. */
    uint64_t old_size;
    /** Reads the old file. */
    patchcore_read_at_fn read_old;
    /** Writes the new file. */
    patchcore_write_at_fn write_new;
    /** Makes what was written durable; NULL where no checkpoint is taken. */
    patchcore_flush_fn flush;
    /**
     * Reads back what was written; NULL where that cannot be done, which a public key forbids. With it, finishing checks what
     * is really there.
     */
    patchcore_read_at_fn read_new;
} patchcore_device;

/** What an applier may use, and whose signature it demands. Begin with PATCHCORE_APPLIER_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_applier_options {
    /** sizeof(patchcore_applier_options). */
    size_t struct_size;
    /**
     * All bytes of memory that it allocates; 0 is 12 MiB. 256 KiB are enough for a delta that was made with a
     * `max_apply_memory` of 256 KiB; one that needs more is refused with PATCHCORE_LIMIT before anything is written.
     */
    uint64_t max_memory;
    /** Bytes that the new file may have; 0 and UINT64_MAX are no limit. */
    uint64_t max_output;
    /** Bytes that one call of patchcore_applier_push() hashes, decodes into or writes at most, roughly; 0 is 64 KiB. */
    uint64_t max_work;
    /**
     * A minisign public key: the text of a .pub file or its second line alone. Given, the new file must be signed by it.
     * NULL and 0 where no signature is required.
     */
    const char *public_key;
    /** The bytes of `public_key`, or PATCHCORE_NUL_TERMINATED. */
    size_t public_key_len;
    /** The minisign signature of the new file: the text of a .minisig file. NULL and 0 where there is none. */
    const char *signature;
    /** The bytes of `signature`, or PATCHCORE_NUL_TERMINATED. */
    size_t signature_len;
} patchcore_applier_options;

/**
 * Makes an applier for the start of a delta.
 *
 * @param device The device, borrowed for the call; what its callbacks use is borrowed until the applier is freed.
 * @param options Limits and signature, borrowed for the call, or NULL.
 * @param out_applier Receives the applier, to be freed with patchcore_applier_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BAD_SIGNATURE where a public key is given and no signature.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_new(const patchcore_device *device,
                                       const patchcore_applier_options *options,
                                       patchcore_applier **out_applier,
                                       patchcore_error **out_error);

/**
 * Takes the next bytes of the delta and does a bounded amount of work, so that a watchdog can be fed between two calls.
 *
 * When all bytes of the delta were taken, all of the new file is written.
 *
 * @param applier The applier, borrowed.
 * @param data The bytes; borrowed for the call.
 * @param len How many there are; 0 is fine, and work that is left is then done.
 * @param out_taken Receives how many were taken, which may be fewer, also 0: call again with the rest.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the old file is another one and
 *         PATCHCORE_LIMIT where the delta needs more than the options allow, both before anything is written.
 *
 * Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_push(patchcore_applier *applier,
                                        const uint8_t *data,
                                        size_t len,
                                        size_t *out_taken,
                                        patchcore_error **out_error);

/**
 * Makes sure that everything is there: the digest of what was written, of what reads back where the device can do that, and
 * the signature where one is required. Only after PATCHCORE_OK may the device switch to the new file.
 *
 * The new file is read back whole, twice where a signature is required, in pieces of 4 KiB: a watchdog can be fed in `read_new`.
 *
 * @param applier The applier, borrowed.
 * @param out_stats Receives what was made, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where the delta ended early (the rest can still be pushed),
 *         PATCHCORE_TARGET_MISMATCH where the storage is bad, PATCHCORE_BAD_SIGNATURE or PATCHCORE_UNTRUSTED_KEY where the
 *         new file is not to be trusted.
 *
 * Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_finish(patchcore_applier *applier,
                                          patchcore_apply_stats *out_stats,
                                          patchcore_error **out_error);

/**
 * Makes what was written durable and gives the few bytes that are needed to go on from here after a power cut. They belong
 * to this version of the library; another one may refuse them.
 *
 * @param applier The applier, borrowed.
 * @param out_checkpoint Receives the checkpoint.
 * @param capacity The bytes that `out_checkpoint` has room for; PATCHCORE_CHECKPOINT_SIZE are always enough, and fewer than
 *                 are needed is PATCHCORE_LIMIT.
 * @param out_len Receives how many bytes the checkpoint has.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the device has no `flush`.
 *
 * Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_checkpoint(patchcore_applier *applier,
                                              uint8_t *out_checkpoint,
                                              size_t capacity,
                                              size_t *out_len,
                                              patchcore_error **out_error);

/**
 * Makes an applier that goes on from a checkpoint.
 *
 * @param device As for patchcore_applier_new(); what was written before the checkpoint must be there.
 * @param options As for patchcore_applier_new().
 * @param checkpoint The checkpoint; borrowed for the call.
 * @param len How many bytes it has.
 * @param out_applier Receives the applier, to be freed with patchcore_applier_free(); NULL on failure.
 * @param out_delta_offset Receives from which byte on the delta is to be fed; or NULL.
 * @param out_output_offset Receives to which byte of the new file the next write goes; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where the checkpoint is damaged: begin anew.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_resume(const patchcore_device *device,
                                          const patchcore_applier_options *options,
                                          const uint8_t *checkpoint,
                                          size_t len,
                                          patchcore_applier **out_applier,
                                          uint64_t *out_delta_offset,
                                          uint64_t *out_output_offset,
                                          patchcore_error **out_error);

/**
 * Says what the delta says about itself, once its first 132 bytes have arrived.
 *
 * @param applier The applier, borrowed.
 * @param out_info Receives it, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT until then.
 *
 * Thread-safety: may be called from any thread at any time; while a push is running it is what was known before that.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_info(const patchcore_applier *applier,
                                        patchcore_delta_info *out_info,
                                        patchcore_error **out_error);

/**
 * Says how far an applier is.
 *
 * @param applier The applier, borrowed.
 * @param out_delta_offset Receives how many bytes of the delta were taken; or NULL.
 * @param out_output_offset Receives how many bytes of the new file were written; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread at any time; while a push is running it is what was known before that.
 * @since 0.1.0
 */
patchcore_status patchcore_applier_position(const patchcore_applier *applier,
                                            uint64_t *out_delta_offset,
                                            uint64_t *out_output_offset,
                                            patchcore_error **out_error);

/**
 * Frees an applier. What was written stays; a call that uses the applier goes on, and its callbacks are called until that
 * is done.
 *
 * @param applier The applier, which must not be used any more, or NULL.
 *
 * Thread-safety: may be called from any thread, also from a callback of the applier.
 * @since 0.1.0
 */
void patchcore_applier_free(patchcore_applier *applier);

/** A device without callbacks: `old_size`, `read_old` and `write_new` are to be set. */
#define PATCHCORE_DEVICE_INIT { sizeof(patchcore_device), NULL, 0, NULL, NULL, NULL, NULL }
/** All defaults. */
#define PATCHCORE_APPLIER_OPTIONS_INIT { sizeof(patchcore_applier_options), 0, 0, 0, NULL, 0, NULL, 0 }

/* ---- Chains -------------------------------------------------------------------------------------------------------- */

/** An open chain as it was when it was opened: many versions of one file, and links that lead from each to later ones. */
typedef struct patchcore_chain patchcore_chain;

/** What a chain holds as a whole. Begin with PATCHCORE_CHAIN_INFO_INIT. */
typedef struct patchcore_chain_info {
    /** sizeof(patchcore_chain_info). */
    size_t struct_size;
    /** The name of the chain; UTF-8, NUL-terminated, borrowed from the chain. */
    const char *chain_id;
    /** The bytes of `chain_id`. */
    size_t chain_id_len;
    /** How many versions it holds. */
    uint64_t versions;
    /** How many links its history has. */
    uint64_t links;
    /** How many links span others. */
    uint64_t shortcuts;
    /** Bytes of the links of the history. */
    uint64_t total_size;
    /** Bytes of the shortcuts. */
    uint64_t shortcut_size;
    /** Bytes of the file that are no link. */
    uint64_t overhead;
    /** Bytes that an unfinished append left at the end of the file; they do no harm, and the next append cuts them off. */
    uint64_t ignored_tail;
} patchcore_chain_info;

/** One version of the file that a chain is about. Begin with PATCHCORE_VERSION_INFO_INIT. */
typedef struct patchcore_version_info {
    /** sizeof(patchcore_version_info). */
    size_t struct_size;
    /** Its name; UTF-8, NUL-terminated, borrowed from the chain. */
    const char *name;
    /** The bytes of `name`. */
    size_t name_len;
    /** The SHA-256 of the file. */
    uint8_t digest[32];
    /** The size of the file in bytes. */
    uint64_t size;
} patchcore_version_info;

/** One delta in a chain. Begin with PATCHCORE_LINK_INFO_INIT. */
typedef struct patchcore_link_info {
    /** sizeof(patchcore_link_info). */
    size_t struct_size;
    /** The version that it starts at. */
    uint64_t from;
    /** The version that it leads to. */
    uint64_t to;
    /** Its number in the history: the link that made the second version is number 0. */
    uint64_t number;
    /** Where its delta starts in the chain file. */
    uint64_t offset;
    /** The size of its delta in bytes. */
    uint64_t size;
    /** 1 where it spans other links, 0 where it is part of the history. */
    int32_t shortcut;
} patchcore_link_info;

/**
 * Opens a chain. What others append later does not show.
 *
 * @param input The chain; what it points to is borrowed until the chain is freed and no call uses it any more. With a
 *              callback, the index is read in at most two calls, both near the end, and later only the links that are used,
 *              so a chain on a server can be read by range requests.
 * @param out_chain Receives the chain, to be freed with patchcore_chain_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is no chain.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_open(const patchcore_input *input,
                                      patchcore_chain **out_chain,
                                      patchcore_error **out_error);

/**
 * Frees a chain, and the strings borrowed from it. A call that uses it goes on, and what the chain borrows is borrowed until
 * that call is done.
 *
 * @param chain The chain, which must not be used any more, or NULL.
 *
 * Thread-safety: may be called from any thread, also from a callback of a call that uses the chain.
 * @since 0.1.0
 */
void patchcore_chain_free(patchcore_chain *chain);

/**
 * Says what a chain holds as a whole.
 *
 * @param chain The chain, borrowed.
 * @param out_info Receives it, or NULL; its string is borrowed from the chain.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_get_info(const patchcore_chain *chain,
                                          patchcore_chain_info *out_info,
                                          patchcore_error **out_error);

/**
 * Says what one version is.
 *
 * @param chain The chain, borrowed.
 * @param version The version by its place, from 0 on.
 * @param out_info Receives it, or NULL; its string is borrowed from the chain.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such version.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_get_version(const patchcore_chain *chain,
                                             uint64_t version,
                                             patchcore_version_info *out_info,
                                             patchcore_error **out_error);

/**
 * Says what one link is.
 *
 * @param chain The chain, borrowed.
 * @param link The link by its place: first those of the history in its order, then the shortcuts.
 * @param out_info Receives it, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such link.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_get_link(const patchcore_chain *chain,
                                          uint64_t link,
                                          patchcore_link_info *out_info,
                                          patchcore_error **out_error);

/**
 * Finds the version that a text means: its exact name, or its digest or a prefix of that of at least 4 hex digits.
 *
 * @param chain The chain, borrowed.
 * @param version The text; borrowed for the call.
 * @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
 * @param out_version Receives the version by its place.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION or PATCHCORE_AMBIGUOUS_VERSION where the text
 *         does not mean one version.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_resolve(const patchcore_chain *chain,
                                         const char *version,
                                         size_t version_len,
                                         uint64_t *out_version,
                                         patchcore_error **out_error);

/**
 * Finds the version that a file is; the latest where several have the same bytes.
 *
 * @param chain The chain, borrowed.
 * @param digest The SHA-256 of the file, 32 bytes; borrowed for the call.
 * @param out_version Receives the version by its place.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the file is no version of the chain.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_find(const patchcore_chain *chain,
                                      const uint8_t digest[32],
                                      uint64_t *out_version,
                                      patchcore_error **out_error);

/**
 * Finds the links with the fewest bytes that lead from one version to another.
 *
 * @param chain The chain, borrowed.
 * @param from The version to start at, by its place.
 * @param to The version to lead to, by its place.
 * @param out_links Receives the links by their places, in order; or NULL where `capacity` is 0.
 * @param capacity How many links `out_links` has room for; with 0 and NULL they are only counted, else fewer than there
 *                 are is PATCHCORE_LIMIT.
 * @param out_count Receives how many there are, also with PATCHCORE_LIMIT; 0 where both versions are the same.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_NO_ROUTE where nothing leads there.
 *
 * Thread-safety: a chain may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_route(const patchcore_chain *chain,
                                       uint64_t from,
                                       uint64_t to,
                                       uint64_t *out_links,
                                       size_t capacity,
                                       size_t *out_count,
                                       patchcore_error **out_error);

/** To be filled. */
#define PATCHCORE_CHAIN_INFO_INIT { sizeof(patchcore_chain_info), NULL, 0, 0, 0, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_VERSION_INFO_INIT { sizeof(patchcore_version_info), NULL, 0, { 0 }, 0 }
/** To be filled. */
#define PATCHCORE_LINK_INFO_INIT { sizeof(patchcore_link_info), 0, 0, 0, 0, 0, 0 }

/* ---- Using chains -------------------------------------------------------------------------------------------------- */

/** What applying a chain did. Begin with PATCHCORE_CHAIN_APPLY_STATS_INIT. */
typedef struct patchcore_chain_apply_stats {
    /** sizeof(patchcore_chain_apply_stats). */
    size_t struct_size;
    /** The version that the old file was. */
    uint64_t from;
    /** The version that was made. */
    uint64_t to;
    /** How many links were used; 0 where the old file was at the target already. */
    uint64_t links;
    /** The bytes of those links. */
    uint64_t delta_bytes;
    /** 1 where no intermediate file was made, else 0. */
    int32_t one_pass;
    /** The SHA-256 of the new file. */
    uint8_t new_digest[32];
    /** The size of the new file in bytes. */
    uint64_t new_size;
} patchcore_chain_apply_stats;

/**
 * Brings a file from whatever version it is to a later one, and verifies the result before it appears.
 *
 * @param chain The chain, borrowed.
 * @param old_file The file as it is; borrowed for the call. Its digest says which version it is.
 * @param target The version that is wanted, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the
 *               last one.
 * @param target_len The bytes of `target`, or PATCHCORE_NUL_TERMINATED.
 * @param output Where the new file goes, which may be the old file; borrowed for the call. A file that is at the target
 *               already is copied.
 * @param options Limits and threads, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was done, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the file is no version of the chain.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread, `read_at` of
 * `old_file` on `threads` threads.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_apply(const patchcore_chain *chain,
                                       const patchcore_input *old_file,
                                       const char *target,
                                       size_t target_len,
                                       const patchcore_output *output,
                                       const patchcore_apply_options *options,
                                       const patchcore_job *job,
                                       patchcore_chain_apply_stats *out_stats,
                                       patchcore_error **out_error);

/**
 * Makes one delta of the links between two versions; no version of the file is needed.
 *
 * @param chain The chain, borrowed.
 * @param from The version to start at, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the first.
 * @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
 * @param to The version to lead to, likewise. NULL and 0 for the last.
 * @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
 * @param output Where the delta goes; borrowed for the call. A chain there is not replaced.
 * @param options How to encode where several links are used, and limits; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_info Receives what the delta says about itself, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only, unless a single
 *         link leads there.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_squash(const patchcore_chain *chain,
                                        const char *from,
                                        size_t from_len,
                                        const char *to,
                                        size_t to_len,
                                        const patchcore_output *output,
                                        const patchcore_squash_options *options,
                                        const patchcore_job *job,
                                        patchcore_delta_info *out_info,
                                        patchcore_error **out_error);

/**
 * Writes one link as a delta of its own, after checking it.
 *
 * @param chain The chain, borrowed.
 * @param link The link by its place, as for patchcore_chain_get_link().
 * @param output Where the delta goes; borrowed for the call. A chain there is not replaced.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_info Receives what the delta says about itself, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_extract_link(const patchcore_chain *chain,
                                              uint64_t link,
                                              const patchcore_output *output,
                                              const patchcore_limits *limits,
                                              const patchcore_job *job,
                                              patchcore_delta_info *out_info,
                                              patchcore_error **out_error);

/**
 * Writes links as files such as 0000_v1_to_v2.delta: the whole history, or, where an end is given, the links that lead from
 * one version to the other. All are checked before the first is written, and on failure no file is left.
 *
 * @param chain The chain, borrowed.
 * @param folder The folder, which is made where it is missing; borrowed for the call.
 * @param folder_len The bytes of `folder`, or PATCHCORE_NUL_TERMINATED.
 * @param from The version to start at, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the first.
 * @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
 * @param to The version to lead to, likewise. NULL and 0 for the last.
 * @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
 * @param no_clobber Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_count Receives how many files were written, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_extract(const patchcore_chain *chain,
                                         const char *folder,
                                         size_t folder_len,
                                         const char *from,
                                         size_t from_len,
                                         const char *to,
                                         size_t to_len,
                                         int32_t no_clobber,
                                         const patchcore_limits *limits,
                                         const patchcore_job *job,
                                         size_t *out_count,
                                         patchcore_error **out_error);

/**
 * Checks every record of a chain and every delta in it.
 *
 * @param chain The chain, borrowed.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_ignored_tail Receives how many bytes an unfinished append left at the end, which do no harm; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where something is damaged.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_verify(const patchcore_chain *chain,
                                        const patchcore_limits *limits,
                                        const patchcore_job *job,
                                        uint64_t *out_ignored_tail,
                                        patchcore_error **out_error);

/**
 * Checks the delta of one link and says where its bytes went.
 *
 * @param chain The chain, borrowed.
 * @param link The link by its place, as for patchcore_chain_get_link().
 * @param most How many of its largest segments and of its longest insertions are listed.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_explanation Receives the explanation, to be freed with patchcore_explanation_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_explain_link(const patchcore_chain *chain,
                                              uint64_t link,
                                              uint64_t most,
                                              const patchcore_limits *limits,
                                              const patchcore_job *job,
                                              patchcore_explanation **out_explanation,
                                              patchcore_error **out_error);

/** To be filled. */
#define PATCHCORE_CHAIN_APPLY_STATS_INIT { sizeof(patchcore_chain_apply_stats), 0, 0, 0, 0, 0, { 0 }, 0 }

/* ---- Making and changing chain files ------------------------------------------------------------------------------- */

/**
 * What a new chain is called and whether it may replace another. Begin with PATCHCORE_CHAIN_CREATE_OPTIONS_INIT; NULL is all
 * defaults.
 */
typedef struct patchcore_chain_create_options {
    /** sizeof(patchcore_chain_create_options). */
    size_t struct_size;
    /** The name of the chain; NULL and 0 for that of the file without its extension, or "chain" where there is no file. */
    const char *chain_id;
    /** The bytes of `chain_id`, or PATCHCORE_NUL_TERMINATED. */
    size_t chain_id_len;
    /** The names of the first versions in order; the others are called v1, v2, ... by their places. */
    const char *const *names;
    /** The bytes of each name; NULL where all end with a NUL. */
    const size_t *name_lens;
    /** How many names there are. */
    size_t name_count;
    /** Not zero: an existing chain is replaced, and its history with it. */
    int32_t force;
} patchcore_chain_create_options;

/** What pruning a chain did. Begin with PATCHCORE_PRUNE_STATS_INIT. */
typedef struct patchcore_prune_stats {
    /** sizeof(patchcore_prune_stats). */
    size_t struct_size;
    /** Links and shortcuts that are gone. */
    uint64_t removed_links;
    /** Versions that are gone. */
    uint64_t removed_versions;
    /** Shortcuts that were added. */
    uint64_t added_shortcuts;
    /** The size of the chain file before, in bytes. */
    uint64_t size_before;
    /** The size of the chain file now, in bytes. */
    uint64_t size_after;
} patchcore_prune_stats;

/**
 * Makes a chain of deltas, each of which must start at a version that those before it brought.
 *
 * @param deltas The deltas in order; borrowed for the call. All are checked before anything is written.
 * @param count How many there are, at least one.
 * @param output Where the chain goes; borrowed for the call. A chain there is not replaced unless the options say so.
 * @param options Names, borrowed for the call, or NULL.
 * @param limits What checking the deltas may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_create(const patchcore_input *deltas,
                                        size_t count,
                                        const patchcore_output *output,
                                        const patchcore_chain_create_options *options,
                                        const patchcore_limits *limits,
                                        const patchcore_job *job,
                                        patchcore_error **out_error);

/**
 * Appends deltas to a chain file, all or none. One that leads between two versions that the chain holds, such as
 * patchcore_chain_squash() makes, becomes a shortcut; any other brings a new version.
 *
 * @param path The chain file; borrowed for the call. It is locked meanwhile against other processes that change it; who
 *             reads it sees it as it was, or as it is then.
 * @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
 * @param deltas The deltas in order; borrowed for the call. All are checked before anything is written.
 * @param count How many there are, at least one.
 * @param name The name of the version that the last delta leads to; borrowed for the call. NULL and 0 for the next of v1,
 *             v2, ...
 * @param name_len The bytes of `name`, or PATCHCORE_NUL_TERMINATED.
 * @param limits What checking the deltas may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY while another process changes the chain,
 *         PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_append(const char *path,
                                        size_t path_len,
                                        const patchcore_input *deltas,
                                        size_t count,
                                        const char *name,
                                        size_t name_len,
                                        const patchcore_limits *limits,
                                        const patchcore_job *job,
                                        patchcore_error **out_error);

/**
 * Removes the links that lead up to a version from a chain file. Each version before it keeps one link to it, so that no
 * device is lost, unless versions are dropped.
 *
 * @param path The chain file; borrowed for the call. It is locked meanwhile against other processes that change it, and
 *             replaced at once.
 * @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
 * @param before The version where the history then begins, as for patchcore_chain_resolve(); borrowed for the call.
 * @param before_len The bytes of `before`, or PATCHCORE_NUL_TERMINATED.
 * @param drop_versions Not zero: the versions before it and all links from them are gone.
 * @param options How to encode the links that are kept, and limits; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was done, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY while another process changes the chain,
 *         PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_chain_prune(const char *path,
                                       size_t path_len,
                                       const char *before,
                                       size_t before_len,
                                       int32_t drop_versions,
                                       const patchcore_squash_options *options,
                                       const patchcore_job *job,
                                       patchcore_prune_stats *out_stats,
                                       patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_CHAIN_CREATE_OPTIONS_INIT { sizeof(patchcore_chain_create_options), NULL, 0, NULL, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_PRUNE_STATS_INIT { sizeof(patchcore_prune_stats), 0, 0, 0, 0, 0 }

/* ---- Files --------------------------------------------------------------------------------------------------------- */

/** A delta. */
#define PATCHCORE_FILE_DELTA 1
/** A chain. */
#define PATCHCORE_FILE_CHAIN 2
/** A tree patch: a ZIP file or a .tar.gz, of which only opening it shows whether it is one. */
#define PATCHCORE_FILE_TREE_PATCH 3

/**
 * Says which of our files an input is, by its first bytes.
 *
 * @param input The file; borrowed for the call.
 * @param out_kind Receives one of PATCHCORE_FILE_*; a newer library may know others.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is none of ours.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_file_kind(const patchcore_input *input, int32_t *out_kind, patchcore_error **out_error);

/* ---- Keys and signatures ------------------------------------------------------------------------------------------- */

/** The bytes of a key's identifier as text: 16 hex digits, as minisign shows them, and the NUL. */
#define PATCHCORE_KEY_ID_SIZE 17

/** A signature that was made. */
typedef struct patchcore_signature patchcore_signature;

/** How a file is signed. Begin with PATCHCORE_SIGN_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_sign_options {
    /** sizeof(patchcore_sign_options). */
    size_t struct_size;
    /** The password of the secret key; NULL and 0 where it has none. */
    const char *password;
    /** The bytes of `password`, or PATCHCORE_NUL_TERMINATED. */
    size_t password_len;
    /** What is signed beside the file; NULL and 0 for the time and the name of the file. */
    const char *trusted_comment;
    /** The bytes of `trusted_comment`, or PATCHCORE_NUL_TERMINATED. */
    size_t trusted_comment_len;
    /** The file for the signature; NULL and 0 for FILE.minisig. */
    const char *output;
    /** The bytes of `output`, or PATCHCORE_NUL_TERMINATED. */
    size_t output_len;
    /** Not zero: an existing signature is refused with PATCHCORE_INVALID_ARGUMENT. */
    int32_t no_clobber;
} patchcore_sign_options;

/** What a signature says. Begin with PATCHCORE_SIGNATURE_INFO_INIT. */
typedef struct patchcore_signature_info {
    /** sizeof(patchcore_signature_info). */
    size_t struct_size;
    /** The file that it is in, NUL-terminated, borrowed from the signature. */
    const char *path;
    /** The bytes of `path`. */
    size_t path_len;
    /** What was signed beside the file: UTF-8, NUL-terminated, borrowed from the signature. */
    const char *trusted_comment;
    /** The bytes of `trusted_comment`. */
    size_t trusted_comment_len;
    /** The identifier of the key that made it, NUL-terminated. */
    char key_id[PATCHCORE_KEY_ID_SIZE];
} patchcore_signature_info;

/** Whose signature is demanded of a file. Begin with PATCHCORE_TRUST_INIT. */
typedef struct patchcore_trust {
    /** sizeof(patchcore_trust). */
    size_t struct_size;
    /** Public keys, one of which must have signed: each the text of a .pub file, or its second line alone. */
    const char *const *public_keys;
    /** The bytes of each key; NULL where all end with a NUL. */
    const size_t *public_key_lens;
    /** How many keys there are. */
    size_t public_key_count;
    /** The signature: the text of a .minisig file or its base64; NULL and 0 for what lies beside the file as FILE.minisig. */
    const char *signature;
    /** The bytes of `signature`, or PATCHCORE_NUL_TERMINATED. */
    size_t signature_len;
} patchcore_trust;

/** A file whose signature was verified. Begin with PATCHCORE_SIGNED_FILE_INIT. */
typedef struct patchcore_signed_file {
    /** sizeof(patchcore_signed_file). */
    size_t struct_size;
    /** The SHA-256 of the file. */
    uint8_t digest[PATCHCORE_DIGEST_SIZE];
    /** The identifier of the key that signed it, NUL-terminated. */
    char key_id[PATCHCORE_KEY_ID_SIZE];
} patchcore_signed_file;

/**
 * Makes a new key for signing, as minisign has them: a file with the secret key that only its owner may read, and a file with
 * the public one, which has .pub behind its name.
 *
 * @param path The file for the secret key; borrowed for the call.
 * @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
 * @param password What the secret key is encrypted with, borrowed for the call; NULL and 0 for a key without one.
 * @param password_len The bytes of `password`, or PATCHCORE_NUL_TERMINATED.
 * @param force Not zero: replace existing files, and give up the keys in them.
 * @param out_public_key Receives the text of the public key, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or
 *                       NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where a file exists, PATCHCORE_UNSUPPORTED in
 *         a library built to apply only.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_key_create_files(const char *path,
                                            size_t path_len,
                                            const char *password,
                                            size_t password_len,
                                            int32_t force,
                                            patchcore_buffer *out_public_key,
                                            patchcore_error **out_error);

/**
 * Says which identifier a public key has.
 *
 * @param public_key The text of a .pub file, or its second line alone; borrowed for the call.
 * @param public_key_len The bytes of `public_key`, or PATCHCORE_NUL_TERMINATED.
 * @param out_key_id Receives 16 hex digits and a NUL.
 * @param capacity The bytes that `out_key_id` has room for; fewer than PATCHCORE_KEY_ID_SIZE are PATCHCORE_LIMIT.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the text is no public key.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_key_id(const char *public_key,
                                  size_t public_key_len,
                                  char *out_key_id,
                                  size_t capacity,
                                  patchcore_error **out_error);

/**
 * Signs a file, whose signature the tool minisign verifies as well.
 *
 * @param path The file; borrowed for the call.
 * @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
 * @param key The file with the secret key; borrowed for the call.
 * @param key_len The bytes of `key`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to sign, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_signature Receives the signature, to be freed with patchcore_signature_free(), NULL on failure; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_file_sign(const char *path,
                                     size_t path_len,
                                     const char *key,
                                     size_t key_len,
                                     const patchcore_sign_options *options,
                                     const patchcore_job *job,
                                     patchcore_signature **out_signature,
                                     patchcore_error **out_error);

/**
 * Says what a signature says.
 *
 * @param signature The signature, borrowed.
 * @param out_info Receives it; its strings are borrowed from the signature.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a signature may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_signature_get_info(const patchcore_signature *signature,
                                              patchcore_signature_info *out_info,
                                              patchcore_error **out_error);

/**
 * Frees a signature, and the strings borrowed from it; the file with the signature stays.
 *
 * @param signature The signature, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_signature_free(patchcore_signature *signature);

/**
 * Checks that a trusted key signed a file.
 *
 * @param path The file; borrowed for the call.
 * @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
 * @param trust The keys that are trusted, at least one; borrowed for the call.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_signed Receives which key signed what, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error: PATCHCORE_BAD_SIGNATURE where there is no signature or it does not fit,
 *         PATCHCORE_UNTRUSTED_KEY where another key made it.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_file_verify(const char *path,
                                       size_t path_len,
                                       const patchcore_trust *trust,
                                       const patchcore_job *job,
                                       patchcore_signed_file *out_signed,
                                       patchcore_error **out_error);

/** Nobody is trusted yet: `public_keys` are to be set. */
#define PATCHCORE_TRUST_INIT { sizeof(patchcore_trust), NULL, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_SIGN_OPTIONS_INIT { sizeof(patchcore_sign_options), NULL, 0, NULL, 0, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_SIGNED_FILE_INIT { sizeof(patchcore_signed_file), { 0 }, { 0 } }
/** To be filled. */
#define PATCHCORE_SIGNATURE_INFO_INIT { sizeof(patchcore_signature_info), NULL, 0, NULL, 0, { 0 } }

/* ---- Directories --------------------------------------------------------------------------------------------------- */

/** A regular file. */
#define PATCHCORE_ITEM_FILE 1
/** A directory. */
#define PATCHCORE_ITEM_DIRECTORY 2
/** A symbolic link. */
#define PATCHCORE_ITEM_SYMLINK 3
/** A file whose bytes are in the package. */
#define PATCHCORE_CHANGE_REPLACE 1
/** A file made from an old one and a delta. */
#define PATCHCORE_CHANGE_DELTA 2
/** A file whose bytes are those of an old one: a rename, a move or a copy. */
#define PATCHCORE_CHANGE_COPY 3
/** A file that becomes executable, or no longer is. */
#define PATCHCORE_CHANGE_MODE 4
/** A directory that is made. */
#define PATCHCORE_CHANGE_DIRECTORY 5
/** A symbolic link. */
#define PATCHCORE_CHANGE_SYMLINK 6
/** Something that goes away. */
#define PATCHCORE_CHANGE_DELETE 7
/** How many numbers PATCHCORE_CHANGE_* may come to have in this major version. */
#define PATCHCORE_CHANGE_SLOTS 16
/** The bytes of a version as text with its NUL, at most. */
#define PATCHCORE_VERSION_TEXT_SIZE 96

/** What stood in a directory when it was looked at. */
typedef struct patchcore_snapshot patchcore_snapshot;

/** How a directory is looked at. Begin with PATCHCORE_SCAN_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_scan_options {
    /** sizeof(patchcore_scan_options). */
    size_t struct_size;
    /** Patterns of what is no part of the tree, as in .gitignore; those in a file .patchcoreignore hold as well. */
    const char *const *exclude;
    /** The bytes of each pattern; NULL where all end with a NUL. */
    const size_t *exclude_lens;
    /** How many patterns there are. */
    size_t exclude_count;
    /** Not zero: take what symbolic links point to in the place of the links. */
    int32_t dereference;
    /** Threads that read and hash at a time; 0 is 1. */
    uint64_t threads;
} patchcore_scan_options;

/** What stands in a directory as a whole. Begin with PATCHCORE_SNAPSHOT_INFO_INIT. */
typedef struct patchcore_snapshot_info {
    /** sizeof(patchcore_snapshot_info). */
    size_t struct_size;
    /** The digest that names the tree. */
    uint8_t digest[PATCHCORE_DIGEST_SIZE];
    /** The bytes of all files. */
    uint64_t size;
    /** How many items there are. */
    size_t item_count;
} patchcore_snapshot_info;

/** One thing in a directory. Begin with PATCHCORE_TREE_ITEM_INIT. */
typedef struct patchcore_tree_item {
    /** sizeof(patchcore_tree_item). */
    size_t struct_size;
    /** Where it is: names with "/" between, from the root; UTF-8, NUL-terminated, borrowed from the snapshot. */
    const char *path;
    /** The bytes of `path`. */
    size_t path_len;
    /** One of PATCHCORE_ITEM_*. */
    int32_t kind;
    /** 1 where it is a file that may be executed, else 0. */
    int32_t executable;
    /** The bytes of a file; else 0. */
    uint64_t size;
    /** The SHA-256 of a file; else zeros. */
    uint8_t digest[PATCHCORE_DIGEST_SIZE];
    /** Where a symbolic link points, as `path`; else NULL. */
    const char *target;
    /** The bytes of `target`. */
    size_t target_len;
} patchcore_tree_item;

/** What a directory is known to be. Begin with PATCHCORE_INSTALLED_INIT. */
typedef struct patchcore_installed {
    /** sizeof(patchcore_installed). */
    size_t struct_size;
    /** 1 where anything is known, else 0: no patch was applied to the directory. */
    int32_t known;
    /** 1 where `tree` is known, else 0. */
    int32_t has_tree;
    /** The digest of the tree that was installed last. */
    uint8_t tree[PATCHCORE_DIGEST_SIZE];
    /** The version that was installed last, NUL-terminated; empty where it is not known. */
    char version[PATCHCORE_VERSION_TEXT_SIZE];
} patchcore_installed;

/**
 * Says what a kind of item is called.
 *
 * @param kind Any number.
 * @return The name, such as "directory", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_item_name(int32_t kind);

/**
 * Says what a kind of change is called.
 *
 * @param kind Any number.
 * @return The name, such as "replace", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_change_name(int32_t kind);

/**
 * Looks through a directory and hashes its files.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param options What to look at and how, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_snapshot Receives what stands there, to be freed with patchcore_snapshot_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built without directories.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_scan(const char *root,
                                     size_t root_len,
                                     const patchcore_scan_options *options,
                                     const patchcore_job *job,
                                     patchcore_snapshot **out_snapshot,
                                     patchcore_error **out_error);

/**
 * Says what stands in a directory as a whole.
 *
 * @param snapshot The snapshot, borrowed.
 * @param out_info Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a snapshot may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_snapshot_get_info(const patchcore_snapshot *snapshot,
                                             patchcore_snapshot_info *out_info,
                                             patchcore_error **out_error);

/**
 * Gives one item, in the order of paths.
 *
 * @param snapshot The snapshot, borrowed.
 * @param index Which item, from 0 on.
 * @param out_item Receives it; its strings are borrowed from the snapshot.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such item.
 *
 * Thread-safety: a snapshot may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_snapshot_get_item(const patchcore_snapshot *snapshot,
                                             size_t index,
                                             patchcore_tree_item *out_item,
                                             patchcore_error **out_error);

/**
 * Frees a snapshot, and the strings borrowed from it.
 *
 * @param snapshot The snapshot, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_snapshot_free(patchcore_snapshot *snapshot);

/**
 * Takes back the last patch that was applied to a directory.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param overwrite_local Not zero: give up what somebody changed since the patch was applied.
 * @param threads Threads that hash at a time; 0 is 1.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_installed Receives what the directory is known to be then, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error: PATCHCORE_INVALID_ARGUMENT where no backup is kept, PATCHCORE_CONFLICT
 *         where files were changed since; patchcore_error_outcome() says what became of the directory.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_rollback(const char *root,
                                         size_t root_len,
                                         int32_t overwrite_local,
                                         uint64_t threads,
                                         const patchcore_job *job,
                                         patchcore_installed *out_installed,
                                         patchcore_error **out_error);

/**
 * Finishes what a crash left of a change of a directory: afterwards the directory is the old one or the new one. Applying a
 * patch and taking one back do this first.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_installed Receives what the directory is known to be, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where there was nothing to finish, or the status of the error.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_recover(const char *root,
                                        size_t root_len,
                                        const patchcore_job *job,
                                        patchcore_installed *out_installed,
                                        patchcore_error **out_error);

/**
 * Says what a directory is known to be. Nothing is written.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param out_installed Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where nothing is known, or the status of the error.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_installed(const char *root,
                                          size_t root_len,
                                          patchcore_installed *out_installed,
                                          patchcore_error **out_error);

/**
 * Gives up the backup of a directory: the last patch can then not be taken back any more.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_had_backup Receives 1 where there was one, else 0; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_clean(const char *root,
                                      size_t root_len,
                                      const patchcore_job *job,
                                      int32_t *out_had_backup,
                                      patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_SCAN_OPTIONS_INIT { sizeof(patchcore_scan_options), NULL, NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_SNAPSHOT_INFO_INIT { sizeof(patchcore_snapshot_info), { 0 }, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_ITEM_INIT { sizeof(patchcore_tree_item), NULL, 0, 0, 0, 0, { 0 }, NULL, 0 }
/** To be filled. */
#define PATCHCORE_INSTALLED_INIT { sizeof(patchcore_installed), 0, 0, { 0 }, { 0 } }

/* ---- Tree patches: from one directory to another ------------------------------------------------------------------- */

/** An open tree patch: a package of what turns one directory into another. */
typedef struct patchcore_tree_patch patchcore_tree_patch;

/** What a tree patch says about itself. Begin with PATCHCORE_TREE_PATCH_INFO_INIT. */
typedef struct patchcore_tree_patch_info {
    /** sizeof(patchcore_tree_patch_info). */
    size_t struct_size;
    /** The bytes of the package. */
    uint64_t package_size;
    /** The bytes of the files that applying it writes. */
    uint64_t new_size;
    /** How many paths change. */
    size_t change_count;
    /** How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes. */
    uint64_t changes[PATCHCORE_CHANGE_SLOTS];
    /** 1 where `old_tree` is known, else 0. */
    int32_t has_old_tree;
    /** 1 where `new_tree` is known, else 0. */
    int32_t has_new_tree;
    /** The digest of the tree that it was made from. */
    uint8_t old_tree[PATCHCORE_DIGEST_SIZE];
    /** The digest of the tree that it makes. */
    uint8_t new_tree[PATCHCORE_DIGEST_SIZE];
    /** The lowest version that it applies to, NUL-terminated, borrowed from the patch; NULL where it applies to any. */
    const char *min_version;
    /** The bytes of `min_version`. */
    size_t min_version_len;
    /** The highest version that it applies to, as `min_version`. */
    const char *max_version;
    /** The bytes of `max_version`. */
    size_t max_version_len;
    /** The version that it makes, as `min_version`; NULL where it says none. */
    const char *version;
    /** The bytes of `version`. */
    size_t version_len;
    /** The identifier of the trusted key that signed it, NUL-terminated; empty where no signature was demanded. */
    char key_id[PATCHCORE_KEY_ID_SIZE];
} patchcore_tree_patch_info;

/** What becomes of one path. Begin with PATCHCORE_TREE_CHANGE_INIT. */
typedef struct patchcore_tree_change {
    /** sizeof(patchcore_tree_change). */
    size_t struct_size;
    /** Where: names with "/" between, from the root; UTF-8, NUL-terminated, borrowed from where the change is listed. */
    const char *path;
    /** The bytes of `path`. */
    size_t path_len;
    /** What is done: one of PATCHCORE_CHANGE_*; a newer library may have others. */
    int32_t kind;
    /** The bytes of the new file; 0 where there is none. */
    uint64_t bytes;
} patchcore_tree_change;

/** What checking a whole tree patch counted. Begin with PATCHCORE_TREE_PATCH_CONTENTS_INIT. */
typedef struct patchcore_tree_patch_contents {
    /** sizeof(patchcore_tree_patch_contents). */
    size_t struct_size;
    /** Whole files. */
    uint64_t files;
    /** Deltas. */
    uint64_t deltas;
    /** The bytes of both, unpacked. */
    uint64_t bytes;
} patchcore_tree_patch_contents;

/**
 * Opens a tree patch: a ZIP file, or a .tar.gz with the text of its operations.
 *
 * The file stays open, so that what was checked is what is used: what changes in it after this is PATCHCORE_CORRUPT when it is
 * read.
 *
 * @param input The package; what it points to is borrowed until the patch is freed and no call uses it any more.
 * @param operations The text of the operations of a .tar.gz, which is JSON; borrowed for the call. NULL and 0 for a ZIP file.
 * @param operations_len The bytes of `operations`, or PATCHCORE_NUL_TERMINATED.
 * @param trust Whose signature is demanded, borrowed for the call; NULL or one without keys for nobody's.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_patch Receives the patch, to be freed with patchcore_tree_patch_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error: PATCHCORE_BAD_SIGNATURE or PATCHCORE_UNTRUSTED_KEY where none of the keys
 *         signed it, PATCHCORE_CORRUPT where it is no tree patch, PATCHCORE_UNSAFE_PATH where it would leave the directory.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_open(const patchcore_input *input,
                                           const char *operations,
                                           size_t operations_len,
                                           const patchcore_trust *trust,
                                           const patchcore_job *job,
                                           patchcore_tree_patch **out_patch,
                                           patchcore_error **out_error);

/**
 * Frees a tree patch, and the strings borrowed from it. A call that uses it goes on, and what the patch borrows is borrowed
 * until that call is done.
 *
 * @param patch The patch, which must not be used any more, or NULL.
 *
 * Thread-safety: may be called from any thread, also from a callback of a call that uses the patch.
 * @since 0.1.0
 */
void patchcore_tree_patch_free(patchcore_tree_patch *patch);

/**
 * Says what a tree patch says about itself.
 *
 * @param patch The patch, borrowed.
 * @param out_info Receives it; its strings are borrowed from the patch.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a patch may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_get_info(const patchcore_tree_patch *patch,
                                               patchcore_tree_patch_info *out_info,
                                               patchcore_error **out_error);

/**
 * Gives one change, in the order of paths.
 *
 * @param patch The patch, borrowed.
 * @param index Which change, from 0 on.
 * @param out_change Receives it; its string is borrowed from the patch.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such change.
 *
 * Thread-safety: a patch may be used from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_get_change(const patchcore_tree_patch *patch,
                                                 size_t index,
                                                 patchcore_tree_change *out_change,
                                                 patchcore_error **out_error);

/**
 * Reads everything in a tree patch and checks it.
 *
 * @param patch The patch, borrowed.
 * @param limits What checking may use, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_contents Receives what was counted, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where a file is not the promised one or a delta is
 *         damaged.
 *
 * Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_verify(const patchcore_tree_patch *patch,
                                             const patchcore_limits *limits,
                                             const patchcore_job *job,
                                             patchcore_tree_patch_contents *out_contents,
                                             patchcore_error **out_error);

/** To be filled. */
#define PATCHCORE_TREE_PATCH_INFO_INIT \
    { sizeof(patchcore_tree_patch_info), 0, 0, 0, { 0 }, 0, 0, { 0 }, { 0 }, NULL, 0, NULL, 0, NULL, 0, { 0 } }
/** To be filled. */
#define PATCHCORE_TREE_CHANGE_INIT { sizeof(patchcore_tree_change), NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_PATCH_CONTENTS_INIT { sizeof(patchcore_tree_patch_contents), 0, 0, 0 }

/* ---- Applying tree patches ----------------------------------------------------------------------------------------- */

/** It is neither what the patch expects nor what it makes; `overwrite_local` takes the patch's. */
#define PATCHCORE_CONFLICT_MODIFIED 1
/** Other files are made from it, and it is not what they were made from. */
#define PATCHCORE_CONFLICT_SOURCE 2
/** It is a directory that holds something that the patch does not know. */
#define PATCHCORE_CONFLICT_NOT_EMPTY 3
/** It has to be a directory, since the patch puts something into it. */
#define PATCHCORE_CONFLICT_NO_DIRECTORY 4
/** It should be there and is not. */
#define PATCHCORE_DIFFERENCE_MISSING 1
/** It is there and should be something else. */
#define PATCHCORE_DIFFERENCE_DIFFERENT 2
/** It is there and should not be. */
#define PATCHCORE_DIFFERENCE_UNEXPECTED 3

/** Paths in a directory. */
typedef struct patchcore_paths patchcore_paths;

/** What applying a tree patch to a directory would do. */
typedef struct patchcore_tree_plan patchcore_tree_plan;

/** How a directory differs from what a tree patch makes of it. */
typedef struct patchcore_tree_verification patchcore_tree_verification;

/** How a tree patch is applied. Begin with PATCHCORE_TREE_APPLY_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_tree_apply_options {
    /** sizeof(patchcore_tree_apply_options). */
    size_t struct_size;
    /** Not zero: take the patch's side wherever somebody changed the directory. */
    int32_t overwrite_local;
    /** Not zero: keep nothing for a later rollback. An apply that fails still leaves the old directory. */
    int32_t no_backup;
    /** Threads that hash at a time; 0 is 1. */
    uint64_t threads;
    /** Bytes of memory that applying a delta may take; 0 is 4 GiB, UINT64_MAX is no limit. */
    uint64_t max_memory;
} patchcore_tree_apply_options;

/** What applying a tree patch would do, as a whole. Begin with PATCHCORE_TREE_PLAN_INFO_INIT. */
typedef struct patchcore_tree_plan_info {
    /** sizeof(patchcore_tree_plan_info). */
    size_t struct_size;
    /** How many paths would be changed. */
    size_t action_count;
    /** How many things stand in the way; with any, applying is PATCHCORE_CONFLICT. */
    size_t conflict_count;
    /** How many paths are there and would be kept as they are. */
    size_t kept_count;
    /** Changes that are made already. */
    uint64_t done_before;
    /** The bytes of the new files. */
    uint64_t bytes;
} patchcore_tree_plan_info;

/** Something that stands in the way of a tree patch. Begin with PATCHCORE_TREE_CONFLICT_INIT. */
typedef struct patchcore_tree_conflict {
    /** sizeof(patchcore_tree_conflict). */
    size_t struct_size;
    /** Where it is: UTF-8, NUL-terminated, borrowed from the plan. */
    const char *path;
    /** The bytes of `path`. */
    size_t path_len;
    /** What is wrong with it: one of PATCHCORE_CONFLICT_*; a newer library may have others. */
    int32_t reason;
} patchcore_tree_conflict;

/** What applying a tree patch did. Begin with PATCHCORE_TREE_APPLY_STATS_INIT. */
typedef struct patchcore_tree_apply_stats {
    /** sizeof(patchcore_tree_apply_stats). */
    size_t struct_size;
    /** Paths that were changed. */
    uint64_t changed;
    /** Changes that were made already. */
    uint64_t done_before;
    /** The bytes of the new files. */
    uint64_t bytes;
    /** How many paths are there and were kept as they are, since the patch only installs them once. */
    size_t kept_count;
} patchcore_tree_apply_stats;

/** How a directory differs from what a tree patch makes of it, as a whole. Begin with PATCHCORE_TREE_VERIFICATION_INFO_INIT. */
typedef struct patchcore_tree_verification_info {
    /** sizeof(patchcore_tree_verification_info). */
    size_t struct_size;
    /** 1 where the directory is what the patch makes of it, else 0. */
    int32_t is_clean;
    /** How many paths of the patch are as it promises. */
    uint64_t matches;
    /** How many are not. */
    size_t difference_count;
} patchcore_tree_verification_info;

/** A path that is not as a tree patch promises. Begin with PATCHCORE_TREE_DIFFERENCE_INIT. */
typedef struct patchcore_tree_difference {
    /** sizeof(patchcore_tree_difference). */
    size_t struct_size;
    /** Where it is: UTF-8, NUL-terminated, borrowed from the verification. */
    const char *path;
    /** The bytes of `path`. */
    size_t path_len;
    /** What is wrong with it: one of PATCHCORE_DIFFERENCE_*. */
    int32_t kind;
} patchcore_tree_difference;

/**
 * Says what a reason for a conflict is called.
 *
 * @param reason Any number.
 * @return The name, such as "modified", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_conflict_name(int32_t reason);

/**
 * Says what applying a tree patch to a directory would do. Nothing is written.
 *
 * @param patch The patch, borrowed.
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param options How it would be applied, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_plan Receives the plan, to be freed with patchcore_tree_plan_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where something stands in the way, or the status of the error.
 *
 * Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_plan(const patchcore_tree_patch *patch,
                                           const char *root,
                                           size_t root_len,
                                           const patchcore_tree_apply_options *options,
                                           const patchcore_job *job,
                                           patchcore_tree_plan **out_plan,
                                           patchcore_error **out_error);

/**
 * Says what a plan comes to as a whole.
 *
 * @param plan The plan, borrowed.
 * @param out_info Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a plan may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_plan_get_info(const patchcore_tree_plan *plan,
                                              patchcore_tree_plan_info *out_info,
                                              patchcore_error **out_error);

/**
 * Gives one path that would be changed.
 *
 * @param plan The plan, borrowed.
 * @param index Which one, from 0 on.
 * @param out_action Receives it; its string is borrowed from the plan.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
 *
 * Thread-safety: a plan may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_plan_get_action(const patchcore_tree_plan *plan,
                                                size_t index,
                                                patchcore_tree_change *out_action,
                                                patchcore_error **out_error);

/**
 * Gives one thing that stands in the way.
 *
 * @param plan The plan, borrowed.
 * @param index Which one, from 0 on.
 * @param out_conflict Receives it; its string is borrowed from the plan.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
 *
 * Thread-safety: a plan may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_plan_get_conflict(const patchcore_tree_plan *plan,
                                                  size_t index,
                                                  patchcore_tree_conflict *out_conflict,
                                                  patchcore_error **out_error);

/**
 * Gives one path that would be kept as it is.
 *
 * @param plan The plan, borrowed, or NULL.
 * @param index Which one, from 0 on.
 * @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
 * @return The path: UTF-8, NUL-terminated, borrowed from the plan; NULL where there is none.
 *
 * Thread-safety: a plan may be read from several threads at once.
 * @since 0.1.0
 */
const char *patchcore_tree_plan_kept(const patchcore_tree_plan *plan, size_t index, size_t *out_len);

/**
 * Frees a plan, and the strings borrowed from it.
 *
 * @param plan The plan, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_tree_plan_free(patchcore_tree_plan *plan);

/**
 * Applies a tree patch to a directory: afterwards it is the new one, or with an error the old one, whatever happens.
 *
 * What a crash leaves is put right by whatever is done with the directory next, or by patchcore_tree_recover(). A cancellation
 * before the commit leaves the directory as it was; after that it comes too late.
 *
 * @param patch The patch, borrowed.
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to apply, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was done, or NULL.
 * @param out_kept Receives the paths that were kept as they are, to be freed with patchcore_paths_free(), NULL on failure; or
 *                 NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where the directory was the new one already, or the status of the error: PATCHCORE_CONFLICT,
 *         naming all of them, where files are not what the patch was made for. patchcore_error_outcome() says what became of
 *         the directory.
 *
 * Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread. Of those that
 * change one directory at the same time, in whatever process, all but one get PATCHCORE_BUSY.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_apply(const patchcore_tree_patch *patch,
                                            const char *root,
                                            size_t root_len,
                                            const patchcore_tree_apply_options *options,
                                            const patchcore_job *job,
                                            patchcore_tree_apply_stats *out_stats,
                                            patchcore_paths **out_kept,
                                            patchcore_error **out_error);

/**
 * Says how many paths there are.
 *
 * @param paths The paths, borrowed, or NULL.
 * @return How many; 0 for NULL.
 *
 * Thread-safety: paths may be read from several threads at once.
 * @since 0.1.0
 */
size_t patchcore_paths_count(const patchcore_paths *paths);

/**
 * Gives one path.
 *
 * @param paths The paths, borrowed, or NULL.
 * @param index Which one, from 0 on.
 * @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
 * @return The path: UTF-8, NUL-terminated, valid until the paths are freed; NULL where there is none.
 *
 * Thread-safety: paths may be read from several threads at once.
 * @since 0.1.0
 */
const char *patchcore_paths_get(const patchcore_paths *paths, size_t index, size_t *out_len);

/**
 * Frees paths.
 *
 * @param paths The paths, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads them any more.
 * @since 0.1.0
 */
void patchcore_paths_free(patchcore_paths *paths);

/**
 * Says in what a directory differs from what a tree patch makes of it. Nothing is written.
 *
 * @param patch The patch, borrowed.
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param threads Threads that hash at a time; 0 is 1.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_verification Receives what was found, to be freed with patchcore_tree_verification_free(); NULL on failure.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where the directory differs, or the status of the error.
 *
 * Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_patch_verify_tree(const patchcore_tree_patch *patch,
                                                  const char *root,
                                                  size_t root_len,
                                                  uint64_t threads,
                                                  const patchcore_job *job,
                                                  patchcore_tree_verification **out_verification,
                                                  patchcore_error **out_error);

/**
 * Says what was found as a whole.
 *
 * @param verification The verification, borrowed.
 * @param out_info Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a verification may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_verification_get_info(const patchcore_tree_verification *verification,
                                                      patchcore_tree_verification_info *out_info,
                                                      patchcore_error **out_error);

/**
 * Gives one path that is not as the patch promises: first what is missing, then what is different, then what is unexpected.
 *
 * @param verification The verification, borrowed.
 * @param index Which one, from 0 on.
 * @param out_difference Receives it; its string is borrowed from the verification.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
 *
 * Thread-safety: a verification may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_verification_get_difference(const patchcore_tree_verification *verification,
                                                            size_t index,
                                                            patchcore_tree_difference *out_difference,
                                                            patchcore_error **out_error);

/**
 * Frees a verification, and the strings borrowed from it.
 *
 * @param verification The verification, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_tree_verification_free(patchcore_tree_verification *verification);

/** All defaults. */
#define PATCHCORE_TREE_APPLY_OPTIONS_INIT { sizeof(patchcore_tree_apply_options), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_PLAN_INFO_INIT { sizeof(patchcore_tree_plan_info), 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_CONFLICT_INIT { sizeof(patchcore_tree_conflict), NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_APPLY_STATS_INIT { sizeof(patchcore_tree_apply_stats), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_VERIFICATION_INFO_INIT { sizeof(patchcore_tree_verification_info), 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_DIFFERENCE_INIT { sizeof(patchcore_tree_difference), NULL, 0, 0 }

/* ---- Making tree patches ------------------------------------------------------------------------------------------- */

/** Whole files are compressed as any ZIP tool reads it. */
#define PATCHCORE_COMPRESSION_DEFLATE 0
/** Whole files are not compressed. */
#define PATCHCORE_COMPRESSION_STORED 1
/** Whole files are compressed smaller, for tools that know it. */
#define PATCHCORE_COMPRESSION_ZSTD 2

/** How two directories are compared and packed. Begin with PATCHCORE_TREE_DIFF_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_tree_diff_options {
    /** sizeof(patchcore_tree_diff_options). */
    size_t struct_size;
    /** Patterns of what is no part of the trees, as in .gitignore; those in a file .patchcoreignore hold as well. */
    const char *const *exclude;
    /** The bytes of each pattern; NULL where all end with a NUL. */
    const size_t *exclude_lens;
    /** How many patterns there are. */
    size_t exclude_count;
    /** Patterns of what is installed where it is missing and never touched where it is there. */
    const char *const *keep_local;
    /** The bytes of each pattern; NULL where all end with a NUL. */
    const size_t *keep_local_lens;
    /** How many patterns there are. */
    size_t keep_local_count;
    /** Patterns of directories that are replaced as a whole where anything in them changes. */
    const char *const *replace_directories;
    /** The bytes of each pattern; NULL where all end with a NUL. */
    const size_t *replace_directories_lens;
    /** How many patterns there are. */
    size_t replace_directories_count;
    /** The lowest version that the patch applies to; NULL and 0 for any. */
    const char *min_version;
    /** The bytes of `min_version`, or PATCHCORE_NUL_TERMINATED. */
    size_t min_version_len;
    /** The highest version that the patch applies to; NULL and 0 for `min_version`. */
    const char *max_version;
    /** The bytes of `max_version`, or PATCHCORE_NUL_TERMINATED. */
    size_t max_version_len;
    /** The version that the patch makes; NULL and 0 where it says none. */
    const char *version;
    /** The bytes of `version`, or PATCHCORE_NUL_TERMINATED. */
    size_t version_len;
    /** Threads that work at a time; 0 is 1. The package is the same for any number. */
    uint64_t threads;
    /** Bytes of memory that applying a delta may take; 0 is 12 MiB, at least 256 KiB. */
    uint64_t max_apply_memory;
    /** 1 (fastest) to 9 (smallest deltas); 0 is 6. */
    int32_t level;
    /** How whole files are compressed: one of PATCHCORE_COMPRESSION_*. */
    int32_t compression;
    /** Not zero: take what symbolic links point to in the place of the links. */
    int32_t dereference;
    /** Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT. */
    int32_t no_clobber;
} patchcore_tree_diff_options;

/** What two directories and the patch between them are. Begin with PATCHCORE_TREE_DIFF_STATS_INIT. */
typedef struct patchcore_tree_diff_stats {
    /** sizeof(patchcore_tree_diff_stats). */
    size_t struct_size;
    /** The digest of the old tree. */
    uint8_t old_tree[PATCHCORE_DIGEST_SIZE];
    /** The digest of the new tree. */
    uint8_t new_tree[PATCHCORE_DIGEST_SIZE];
    /** The bytes of the files of the new tree. */
    uint64_t new_tree_size;
    /** The bytes of the package. */
    uint64_t package_size;
    /** The bytes of the files that applying it writes. */
    uint64_t new_size;
    /** How many paths stay as they are. */
    uint64_t unchanged;
    /** How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes. */
    uint64_t changes[PATCHCORE_CHANGE_SLOTS];
} patchcore_tree_diff_stats;

/** Where the parts of the file-operation form go. Begin with PATCHCORE_OPERATION_OUTPUTS_INIT. */
typedef struct patchcore_operation_outputs {
    /** sizeof(patchcore_operation_outputs). */
    size_t struct_size;
    /** The .tar.gz; borrowed for the call. */
    const char *package;
    /** The bytes of `package`, or PATCHCORE_NUL_TERMINATED. */
    size_t package_len;
    /** The file for the operations, which are JSON; borrowed for the call. */
    const char *operations;
    /** The bytes of `operations`, or PATCHCORE_NUL_TERMINATED. */
    size_t operations_len;
    /** The file that announces the package, for patchcore_update_from_package_info(); NULL and 0 for none. */
    const char *package_info;
    /** The bytes of `package_info`, or PATCHCORE_NUL_TERMINATED. */
    size_t package_info_len;
    /** Where the package will be fetched from, for `package_info`; NULL and 0 where there is none. */
    const char *url;
    /** The bytes of `url`, or PATCHCORE_NUL_TERMINATED. */
    size_t url_len;
} patchcore_operation_outputs;

/** How several tree patches become one. Begin with PATCHCORE_TREE_SQUASH_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_tree_squash_options {
    /** sizeof(patchcore_tree_squash_options). */
    size_t struct_size;
    /** Worker threads; 0 is 1. The package is the same for any number. */
    uint64_t threads;
    /** Bytes of memory that applying a delta may take; 0 is 12 MiB, at least 256 KiB. */
    uint64_t max_apply_memory;
    /** Bytes of memory that squashing itself may take; 0 is 4 GiB, UINT64_MAX is no limit. */
    uint64_t max_memory;
    /** 1 (fastest) to 9 (smallest deltas); 0 is 6. */
    int32_t level;
    /** How whole files are compressed: one of PATCHCORE_COMPRESSION_*. */
    int32_t compression;
    /** Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT. */
    int32_t no_clobber;
} patchcore_tree_squash_options;

/** What came of squashing tree patches. Begin with PATCHCORE_TREE_SQUASH_STATS_INIT. */
typedef struct patchcore_tree_squash_stats {
    /** sizeof(patchcore_tree_squash_stats). */
    size_t struct_size;
    /** The bytes of the package. */
    uint64_t package_size;
    /** How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes. */
    uint64_t changes[PATCHCORE_CHANGE_SLOTS];
} patchcore_tree_squash_stats;

/**
 * Makes the tree patch that turns one directory into another: a ZIP file in which whole files lie at their own paths.
 *
 * @param old_root The directory as it was; borrowed for the call.
 * @param old_root_len The bytes of `old_root`, or PATCHCORE_NUL_TERMINATED.
 * @param new_root The directory as it is to become; borrowed for the call.
 * @param new_root_len The bytes of `new_root`, or PATCHCORE_NUL_TERMINATED.
 * @param package The file that appears when the patch is complete; borrowed for the call.
 * @param package_len The bytes of `package`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to compare and pack, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was made, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSAFE_PATH where a link leaves the directory or a name cannot
 *         be kept everywhere, PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_diff(const char *old_root,
                                     size_t old_root_len,
                                     const char *new_root,
                                     size_t new_root_len,
                                     const char *package,
                                     size_t package_len,
                                     const patchcore_tree_diff_options *options,
                                     const patchcore_job *job,
                                     patchcore_tree_diff_stats *out_stats,
                                     patchcore_error **out_error);

/**
 * Makes the same in the file-operation form: a .tar.gz of whole files and whole directories, and beside it the operations that
 * they are for.
 *
 * @param old_root The directory as it was; borrowed for the call.
 * @param old_root_len The bytes of `old_root`, or PATCHCORE_NUL_TERMINATED.
 * @param new_root The directory as it is to become; borrowed for the call.
 * @param new_root_len The bytes of `new_root`, or PATCHCORE_NUL_TERMINATED.
 * @param outputs Where the parts go; borrowed for the call.
 * @param options How to compare and pack, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was made, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_diff_operations(const char *old_root,
                                                size_t old_root_len,
                                                const char *new_root,
                                                size_t new_root_len,
                                                const patchcore_operation_outputs *outputs,
                                                const patchcore_tree_diff_options *options,
                                                const patchcore_job *job,
                                                patchcore_tree_diff_stats *out_stats,
                                                patchcore_error **out_error);

/**
 * Makes one tree patch of several, each of which continues the one before; no directory is needed.
 *
 * @param patches The patches in order; borrowed for the call.
 * @param count How many there are, at least one.
 * @param package The file that appears when the patch is complete; borrowed for the call.
 * @param package_len The bytes of `package`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to encode and pack, and limits; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was made, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where one does not continue the one before,
 *         PATCHCORE_UNSUPPORTED in a library built to apply only.
 *
 * Thread-safety: patches may be used from several threads at once; callbacks are called on the calling thread.
 * @since 0.1.0
 */
patchcore_status patchcore_tree_squash(const patchcore_tree_patch *const *patches,
                                       size_t count,
                                       const char *package,
                                       size_t package_len,
                                       const patchcore_tree_squash_options *options,
                                       const patchcore_job *job,
                                       patchcore_tree_squash_stats *out_stats,
                                       patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_TREE_DIFF_OPTIONS_INIT \
    { sizeof(patchcore_tree_diff_options), NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, \
      0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_DIFF_STATS_INIT { sizeof(patchcore_tree_diff_stats), { 0 }, { 0 }, 0, 0, 0, 0, { 0 } }
/** Outputs that are none yet: `package` and `operations` are to be set. */
#define PATCHCORE_OPERATION_OUTPUTS_INIT { sizeof(patchcore_operation_outputs), NULL, 0, NULL, 0, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_TREE_SQUASH_OPTIONS_INIT { sizeof(patchcore_tree_squash_options), 0, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_SQUASH_STATS_INIT { sizeof(patchcore_tree_squash_stats), 0, { 0 } }

/* ---- Fetching files ------------------------------------------------------------------------------------------------ */

/** How files are fetched. Begin with PATCHCORE_FETCH_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_fetch_options {
    /** sizeof(patchcore_fetch_options). */
    size_t struct_size;
    /** The SHA-256 that the file must have, 32 bytes; NULL where it is not known. */
    const uint8_t *digest;
    /** The size in bytes that the file must have; it counts only where `has_size` is not zero. */
    uint64_t size;
    /** More bytes than this are PATCHCORE_LIMIT; 0 is no limit. */
    uint64_t max_size;
    /** At most so many bytes a second; 0 is as fast as it goes. */
    uint64_t max_bytes_per_second;
    /** Milliseconds after which nothing arriving is PATCHCORE_TIMEOUT; 0 is 300,000. */
    uint64_t idle_timeout_ms;
    /** How often a place is tried again in vain; 0 is 5, less is not at all. */
    int32_t retries;
    /** Not zero: `size` is given. */
    int32_t has_size;
    /** The proxy, or "none"; NULL and 0 for what the environment says. */
    const char *proxy;
    /** The bytes of `proxy`, or PATCHCORE_NUL_TERMINATED. */
    size_t proxy_len;
    /** A PEM file of the authorities whose certificates servers may have; NULL and 0 for those of the web. */
    const char *authorities;
    /** The bytes of `authorities`, or PATCHCORE_NUL_TERMINATED. */
    size_t authorities_len;
} patchcore_fetch_options;

/** A file that was fetched. Begin with PATCHCORE_FETCH_STATS_INIT. */
typedef struct patchcore_fetch_stats {
    /** sizeof(patchcore_fetch_stats). */
    size_t struct_size;
    /** The SHA-256 of the file. */
    uint8_t digest[PATCHCORE_DIGEST_SIZE];
    /** Its size in bytes. */
    uint64_t size;
    /** The bytes that came now; the others were there from an earlier try. */
    uint64_t transferred;
    /** Which of the places it came from last, from 0 on; -1 where nothing had to come. */
    int64_t source;
} patchcore_fetch_stats;

/**
 * Fetches a file from the first of several places that works.
 *
 * What came stays beside the file until that is complete or turns out to be wrong, and the next fetch goes on from there. The
 * file itself appears whole and verified, or not at all.
 *
 * @param urls The places, at least one: URLs of http, https or file, or paths; borrowed for the call.
 * @param url_lens The bytes of each place; NULL where all end with a NUL.
 * @param url_count How many there are.
 * @param to The file; borrowed for the call.
 * @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to fetch, and what is known of the file; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what came, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED for http and https in a library built without.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_file_fetch(const char *const *urls,
                                      const size_t *url_lens,
                                      size_t url_count,
                                      const char *to,
                                      size_t to_len,
                                      const patchcore_fetch_options *options,
                                      const patchcore_job *job,
                                      patchcore_fetch_stats *out_stats,
                                      patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_FETCH_OPTIONS_INIT { sizeof(patchcore_fetch_options), NULL, 0, 0, 0, 0, 0, 0, NULL, 0, NULL, 0 }
/** To be filled. */
#define PATCHCORE_FETCH_STATS_INIT { sizeof(patchcore_fetch_stats), { 0 }, 0, 0, 0 }

/* ---- Updates of directories ---------------------------------------------------------------------------------------- */

/** Nothing is to be done. */
#define PATCHCORE_UPDATE_NOTHING 1
/** Nothing was done, since only the decision was asked for. */
#define PATCHCORE_UPDATE_DECIDED 2
/** The package is there, verified. */
#define PATCHCORE_UPDATE_DOWNLOADED 3
/** The directory is of the new version. */
#define PATCHCORE_UPDATE_APPLIED 4

/** What an update did, and why. */
typedef struct patchcore_update_report patchcore_update_report;

/**
 * The document that says what there is to install. Begin with PATCHCORE_DOCUMENT_INIT, and set either `url` or `json` and
 * `base`.
 */
typedef struct patchcore_document {
    /** sizeof(patchcore_document). */
    size_t struct_size;
    /** The URL or the path that the document is at; NULL and 0 where its text is given. */
    const char *url;
    /** The bytes of `url`, or PATCHCORE_NUL_TERMINATED. */
    size_t url_len;
    /** The text of the document; NULL and 0 where `url` is given. */
    const char *json;
    /** The bytes of `json`, or PATCHCORE_NUL_TERMINATED. */
    size_t json_len;
    /** Where the text came from: the URL or the path that relative URLs in it lie beside. */
    const char *base;
    /** The bytes of `base`, or PATCHCORE_NUL_TERMINATED. */
    size_t base_len;
} patchcore_document;

/** How a directory is updated. Begin with PATCHCORE_UPDATE_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_update_options {
    /** sizeof(patchcore_update_options). */
    size_t struct_size;
    /** Public keys, one of which must have signed the package; without any, only its hash is checked. */
    const char *const *public_keys;
    /** The bytes of each key; NULL where all end with a NUL. */
    const size_t *public_key_lens;
    /** How many keys there are. */
    size_t public_key_count;
    /** The version that is installed; NULL and 0 for what the directory itself remembers. */
    const char *installed;
    /** The bytes of `installed`, or PATCHCORE_NUL_TERMINATED. */
    size_t installed_len;
    /** Paths that every installation has; where one is missing, the full package is taken. */
    const char *const *required;
    /** The bytes of each path; NULL where all end with a NUL. */
    const size_t *required_lens;
    /** How many paths there are. */
    size_t required_count;
    /** The architecture that packages must be for; NULL and 0 for that of this machine. */
    const char *architecture;
    /** The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED. */
    size_t architecture_len;
    /** The folder where packages are kept; NULL and 0 for the work folder of the directory, until they are applied. */
    const char *cache;
    /** The bytes of `cache`, or PATCHCORE_NUL_TERMINATED. */
    size_t cache_len;
    /** How packages are fetched, borrowed for the call, or NULL; size and digest come from the document. */
    const patchcore_fetch_options *fetch;
    /** How packages are applied, borrowed for the call, or NULL. */
    const patchcore_tree_apply_options *apply;
    /** Not zero: take the full package whatever is installed. */
    int32_t force_full;
    /** Not zero: download and verify, and leave the directory as it is. */
    int32_t download_only;
    /** Not zero: decide, and do nothing. */
    int32_t dry_run;
    /** From a repository: the version that is wanted; NULL and 0 for the newest. */
    const char *to;
    /** The bytes of `to`, or PATCHCORE_NUL_TERMINATED. */
    size_t to_len;
    /** From a repository: patterns of what is never changed or deleted where it is there, as in .gitignore. */
    const char *const *keep_local;
    /** The bytes of each pattern; NULL where all end with a NUL. */
    const size_t *keep_local_lens;
    /** How many patterns there are. */
    size_t keep_local_count;
    /** From a repository, not zero: compare the directory with the release and replace what differs. */
    int32_t repair;
} patchcore_update_options;

/**
 * What an update did, and why. Begin with PATCHCORE_UPDATE_INFO_INIT. All strings are NUL-terminated and borrowed from the
 * report.
 */
typedef struct patchcore_update_info {
    /** sizeof(patchcore_update_info). */
    size_t struct_size;
    /** What was done: one of PATCHCORE_UPDATE_*; a newer library may have others. */
    int32_t action;
    /** 1 where a package was fetched: see patchcore_update_report_get_fetched(). Else 0. */
    int32_t has_fetched;
    /** 1 where a package was applied: see patchcore_update_report_get_applied(). Else 0. */
    int32_t has_applied;
    /** Which kind of package was chosen: "none", "patch" or "full". */
    const char *strategy;
    /** Why, such as "up_to_date". */
    const char *reason;
    /** The version that was installed; NULL where that is not known. */
    const char *from;
    /** The bytes of `from`. */
    size_t from_len;
    /** The version that the document leads to; NULL where it does not say. */
    const char *to;
    /** The bytes of `to`. */
    size_t to_len;
    /** Where the package is; NULL where none is needed. */
    const char *url;
    /** The bytes of `url`. */
    size_t url_len;
    /** The file that it was downloaded to; NULL where there is none. */
    const char *file;
    /** The bytes of `file`. */
    size_t file_len;
    /** The identifier of the trusted key that signed the package; empty where no signature was demanded. */
    char key_id[PATCHCORE_KEY_ID_SIZE];
} patchcore_update_info;

/**
 * Says what an action of an update is called.
 *
 * @param action Any number.
 * @return The name, such as "applied", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_update_name(int32_t action);

/**
 * Applies the one package that a document announces to a directory: fetches it, verifies it, applies it, and remembers its
 * version.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param document What announces the package; borrowed for the call.
 * @param options What to demand and how to do it, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done, to be freed with patchcore_update_report_free(), NULL on failure; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where its version is installed already, or the status of the error: PATCHCORE_STALE where the
 *         version is older than the installed one. patchcore_error_outcome() says what became of the directory.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_update_from_package_info(const char *root,
                                                    size_t root_len,
                                                    const patchcore_document *document,
                                                    const patchcore_update_options *options,
                                                    const patchcore_job *job,
                                                    patchcore_update_report **out_report,
                                                    patchcore_error **out_error);

/**
 * Brings a directory to the release of a service manifest, by a patch or by the full package, whichever the installed version
 * calls for.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param document The service manifest; borrowed for the call.
 * @param options What to demand and how to do it, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done, to be freed with patchcore_update_report_free(), NULL on failure; or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_NO_ROUTE where the full
 *         package is needed and the manifest has none for the architecture. patchcore_error_outcome() says what became of
 *         the directory.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_update_from_service_manifest(const char *root,
                                                        size_t root_len,
                                                        const patchcore_document *document,
                                                        const patchcore_update_options *options,
                                                        const patchcore_job *job,
                                                        patchcore_update_report **out_report,
                                                        patchcore_error **out_error);

/**
 * Brings a directory to the newest version in a release repository, or to the one that the options name, for the fewest bytes.
 *
 * A directory that is missing or empty is a new installation. Where nothing leads on from what is installed, or that is
 * unknown, files that differ from the release are fetched alone and replaced.
 *
 * @param root The directory; borrowed for the call.
 * @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
 * @param url The folder of the repository or its manifest.json: a URL or a path; borrowed for the call.
 * @param url_len The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
 * @param options What to demand and how to do it, borrowed, or NULL. Public keys are those of the manifest, which vouches for
 *                everything else.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
 *                   Its fields are those of `patchcore update --url --json`, such as "action", "means", "reason", "from", "to",
 *                   "packages", "downloaded_bytes", "notes" and "fallback".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_STALE where the manifest is
 *         older than one that the directory has seen, or expired; PATCHCORE_CONFLICT where a delta would overwrite what
 *         somebody changed. patchcore_error_outcome() says what became of the directory.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_update_from_repository(const char *root,
                                                  size_t root_len,
                                                  const char *url,
                                                  size_t url_len,
                                                  const patchcore_update_options *options,
                                                  const patchcore_job *job,
                                                  patchcore_buffer *out_report,
                                                  patchcore_error **out_error);

/**
 * Says what an update did as a whole.
 *
 * @param report The report, borrowed.
 * @param out_info Receives it; its strings are borrowed from the report.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error.
 *
 * Thread-safety: a report may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_update_report_get_info(const patchcore_update_report *report,
                                                  patchcore_update_info *out_info,
                                                  patchcore_error **out_error);

/**
 * Says what was fetched for an update.
 *
 * @param report The report, borrowed.
 * @param out_stats Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where nothing was fetched.
 *
 * Thread-safety: a report may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_update_report_get_fetched(const patchcore_update_report *report,
                                                     patchcore_fetch_stats *out_stats,
                                                     patchcore_error **out_error);

/**
 * Says what applying the package of an update did.
 *
 * @param report The report, borrowed.
 * @param out_stats Receives it.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where nothing was applied.
 *
 * Thread-safety: a report may be read from several threads at once.
 * @since 0.1.0
 */
patchcore_status patchcore_update_report_get_applied(const patchcore_update_report *report,
                                                     patchcore_tree_apply_stats *out_stats,
                                                     patchcore_error **out_error);

/**
 * Gives one path that was kept as it is.
 *
 * @param report The report, borrowed, or NULL.
 * @param index Which one, from 0 on.
 * @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
 * @return The path: UTF-8, NUL-terminated, borrowed from the report; NULL where there is none.
 *
 * Thread-safety: a report may be read from several threads at once.
 * @since 0.1.0
 */
const char *patchcore_update_report_kept(const patchcore_update_report *report, size_t index, size_t *out_len);

/**
 * Frees a report, and the strings borrowed from it.
 *
 * @param report The report, which must not be used any more, or NULL.
 *
 * Thread-safety: from one thread, when no other reads it any more.
 * @since 0.1.0
 */
void patchcore_update_report_free(patchcore_update_report *report);

/** A document that is none yet: `url`, or `json` and `base`, are to be set. */
#define PATCHCORE_DOCUMENT_INIT { sizeof(patchcore_document), NULL, 0, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_UPDATE_OPTIONS_INIT \
    { sizeof(patchcore_update_options), NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0, \
      NULL, 0, NULL, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_UPDATE_INFO_INIT \
    { sizeof(patchcore_update_info), 0, 0, 0, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, { 0 } }

/* ---- Release repositories ------------------------------------------------------------------------------------------ */

/** How a repository is changed. Begin with PATCHCORE_REPOSITORY_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_repository_options {
    /** sizeof(patchcore_repository_options). */
    size_t struct_size;
    /** The architecture whose packages are meant; NULL and 0 for those for all. */
    const char *architecture;
    /** The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED. */
    size_t architecture_len;
    /**
     * The file of the secret key that signs the manifest; NULL and 0 for none. A repository that is signed is changed by
     * nobody without one.
     */
    const char *key;
    /** The bytes of `key`, or PATCHCORE_NUL_TERMINATED. */
    size_t key_len;
    /** The password of the key; NULL and 0 where it has none. */
    const char *password;
    /** The bytes of `password`, or PATCHCORE_NUL_TERMINATED. */
    size_t password_len;
    /** Not zero: say what would be done, and do nothing. */
    int32_t dry_run;
} patchcore_repository_options;

/** How a version is published. Begin with PATCHCORE_PUBLISH_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_publish_options {
    /** sizeof(patchcore_publish_options). */
    size_t struct_size;
    /** How the repository is changed, borrowed for the call, or NULL; its architecture is the one that the version is for. */
    const patchcore_repository_options *change;
    /** How directories are compared and packed, borrowed for the call, or NULL; versions are not to be set. */
    const patchcore_tree_diff_options *diff;
    /** What people should know of the version; NULL and 0 for nothing. */
    const char *notes;
    /** The bytes of `notes`, or PATCHCORE_NUL_TERMINATED. */
    size_t notes_len;
    /** When clients believe the manifest no longer, as "2027-01-31T12:00:00Z", or "never"; NULL and 0 for as it was. */
    const char *expires_at;
    /** The bytes of `expires_at`, or PATCHCORE_NUL_TERMINATED. */
    size_t expires_at_len;
    /** Make one package each from so many versions before the last one, for hosts that make none on demand. */
    uint64_t squash_from;
} patchcore_publish_options;

/**
 * Makes an empty repository in a folder.
 *
 * @param repository The folder, which is made where it is missing; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param plain Not zero: packages hold whole files alone, for readers that only unzip.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is one already,
 *         PATCHCORE_UNSUPPORTED, as by all of these functions, in a library that was built without publishing.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_init(const char *repository,
                                           size_t repository_len,
                                           int32_t plain,
                                           patchcore_error **out_error);

/**
 * Gives the manifest of a repository: its versions and packages.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param out_json Receives the JSON text of manifest.json, UTF-8 without a NUL, to be freed with patchcore_buffer_free().
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where there is no repository.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_manifest(const char *repository,
                                               size_t repository_len,
                                               patchcore_buffer *out_json,
                                               patchcore_error **out_error);

/**
 * Publishes a version of a directory, at the cost of what changed since the version before.
 *
 * A version that is there with the same content changes nothing. Whatever happens, readers of the repository see it before or
 * after the change.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param source The directory, or a ZIP file of one; borrowed for the call.
 * @param source_len The bytes of `source`, or PATCHCORE_NUL_TERMINATED.
 * @param version The version that it is, as "1.1.0"; borrowed for the call.
 * @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to compare, pack and sign, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
 *                   Its fields are those of `patchcore release publish --json`, such as "changed", "packages",
 *                   "written_bytes" and "warnings".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the version is lower than the newest or
 *         there with other content, or where the manifest is signed and no key is given; PATCHCORE_BUSY where another process
 *         changes the repository.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_publish(const char *repository,
                                              size_t repository_len,
                                              const char *source,
                                              size_t source_len,
                                              const char *version,
                                              size_t version_len,
                                              const patchcore_publish_options *options,
                                              const patchcore_job *job,
                                              patchcore_buffer *out_report,
                                              patchcore_error **out_error);

/**
 * Says what a client at a version would download.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param from The version that is installed; "0.0.0" is nothing at all, NULL and 0 one that nobody knows.
 * @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
 * @param to The version that is wanted; NULL and 0 for the newest.
 * @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
 * @param architecture The architecture of the client; NULL and 0 for packages that are for all.
 * @param architecture_len The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED.
 * @param out_plan Receives the plan: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL. Its
 *                 fields are "from", "to", "means", "reason", "bytes" and "packages".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION where there is no version `to`,
 *         PATCHCORE_NO_ROUTE where nothing leads to it.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_plan(const char *repository,
                                           size_t repository_len,
                                           const char *from,
                                           size_t from_len,
                                           const char *to,
                                           size_t to_len,
                                           const char *architecture,
                                           size_t architecture_len,
                                           patchcore_buffer *out_plan,
                                           patchcore_error **out_error);

/**
 * Removes the deltas from old versions, but none that is the last way from somewhere to the newest version.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param keep The deltas from so many versions before the newest stay; 5 is a good number.
 * @param options Whose packages, and how to sign; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
 *                   Its fields are "dry_run", "removed", "bytes" and "needed".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_prune(const char *repository,
                                            size_t repository_len,
                                            uint64_t keep,
                                            const patchcore_repository_options *options,
                                            const patchcore_job *job,
                                            patchcore_buffer *out_report,
                                            patchcore_error **out_error);

/**
 * Takes a bad version back: nothing leads to it any more. Whoever has it already is helped by a higher version.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param version The version; borrowed for the call.
 * @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
 * @param options Whose packages, and how to sign; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
 *                   Its fields are "version", "dry_run", "latest_version", "removed", "packages" and "warnings".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION where there is no such version, PATCHCORE_BUSY
 *         where another process changes the repository.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_withdraw(const char *repository,
                                               size_t repository_len,
                                               const char *version,
                                               size_t version_len,
                                               const patchcore_repository_options *options,
                                               const patchcore_job *job,
                                               patchcore_buffer *out_report,
                                               patchcore_error **out_error);

/**
 * Makes manifest and archives again from the packages that are in a folder, whoever made them: then it is a repository.
 *
 * @param repository The folder; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param options Whose packages, and how to sign; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
 *                   Its fields are "dry_run", "latest_version", "packages", "adopted", "left_out", "missing" and "made".
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_rebuild(const char *repository,
                                              size_t repository_len,
                                              const patchcore_repository_options *options,
                                              const patchcore_job *job,
                                              patchcore_buffer *out_report,
                                              patchcore_error **out_error);

/**
 * Makes the newest version one that new installations start from: a package of all of it, without anything out of use.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param options Whose packages, and how to sign; borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was done: JSON text as of patchcore_repository_rebuild(), to be freed with
 *                   patchcore_buffer_free(); or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_new_base(const char *repository,
                                               size_t repository_len,
                                               const patchcore_repository_options *options,
                                               const patchcore_job *job,
                                               patchcore_buffer *out_report,
                                               patchcore_error **out_error);

/**
 * Reads every package, checks the signature of the manifest where keys are given, and tries every route.
 *
 * @param repository The folder of the repository; borrowed for the call.
 * @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
 * @param public_keys Public keys, one of which must have signed the manifest; NULL where none is demanded.
 * @param public_key_lens The bytes of each key; NULL where all end with a NUL.
 * @param public_key_count How many keys there are.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_report Receives what was found: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or
 *                   NULL. Its fields are "packages", "bytes", "key_id", and "problems", an empty list where all is well.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where there are problems, or the status of the error.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_repository_verify(const char *repository,
                                             size_t repository_len,
                                             const char *const *public_keys,
                                             const size_t *public_key_lens,
                                             size_t public_key_count,
                                             const patchcore_job *job,
                                             patchcore_buffer *out_report,
                                             patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_REPOSITORY_OPTIONS_INIT { sizeof(patchcore_repository_options), NULL, 0, NULL, 0, NULL, 0, 0 }
/** All defaults. */
#define PATCHCORE_PUBLISH_OPTIONS_INIT { sizeof(patchcore_publish_options), NULL, NULL, NULL, 0, NULL, 0, 0 }

/* ---- Channels: the versions of one file ---------------------------------------------------------------------------- */

/** The bytes that the name of a version or of a family takes at most, the NUL included. */
#define PATCHCORE_VERSION_NAME_SIZE 256
/** The bytes that a reason takes at most, the NUL included. */
#define PATCHCORE_REASON_SIZE 32
/** There is nothing to do. */
#define PATCHCORE_MEANS_NOTHING 1
/** By one delta. */
#define PATCHCORE_MEANS_SQUASHED 2
/** By links of the chain. */
#define PATCHCORE_MEANS_LINKS 3
/** By the whole file. */
#define PATCHCORE_MEANS_FULL 4

/** How a channel is published. Begin with PATCHCORE_CHANNEL_PUBLISH_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_channel_publish_options {
    /** sizeof(patchcore_channel_publish_options). */
    size_t struct_size;
    /** The name of the file through all its versions; NULL and 0 for the published one, or else that of the chain. */
    const char *family;
    /** The bytes of `family`, or PATCHCORE_NUL_TERMINATED. */
    size_t family_len;
    /** Where the files will be found; NULL and 0 for beside the manifest. */
    const char *base_url;
    /** The bytes of `base_url`, or PATCHCORE_NUL_TERMINATED. */
    size_t base_url_len;
    /** When clients are to believe the manifest no longer, such as "2030-01-31T12:00:00Z"; NULL and 0 for never. */
    const char *expires_at;
    /** The bytes of `expires_at`, or PATCHCORE_NUL_TERMINATED. */
    size_t expires_at_len;
    /** The file of the secret key that signs the manifest; NULL and 0 for no signature. */
    const char *key;
    /** The bytes of `key`, or PATCHCORE_NUL_TERMINATED. */
    size_t key_len;
    /** The password of the key; NULL and 0 where it has none. */
    const char *password;
    /** The bytes of `password`, or PATCHCORE_NUL_TERMINATED. */
    size_t password_len;
    /** How squashed deltas are made, borrowed for the call, or NULL. */
    const patchcore_squash_options *squash;
    /** Not zero: publish also a chain that does not hold the version which is published. */
    int32_t force;
} patchcore_channel_publish_options;

/** What a publish did. Begin with PATCHCORE_CHANNEL_PUBLISH_STATS_INIT. */
typedef struct patchcore_channel_publish_stats {
    /** sizeof(patchcore_channel_publish_stats). */
    size_t struct_size;
    /** The SHA-256 of the newest version. */
    uint8_t digest[PATCHCORE_DIGEST_SIZE];
    /** The name of the newest version, NUL-terminated. */
    char version[PATCHCORE_VERSION_NAME_SIZE];
    /** The number of the manifest, which grows. */
    uint64_t sequence;
    /** How many squashed deltas there are. */
    uint64_t squashed;
    /** How many files were written. */
    uint64_t written;
    /** The bytes that were written, those of the manifest apart. */
    uint64_t written_bytes;
    /** How many files are gone. */
    uint64_t removed;
    /** 1 where anything had to be written, else 0. */
    int32_t changed;
} patchcore_channel_publish_stats;

/** How a file is updated. Begin with PATCHCORE_FILE_UPDATE_OPTIONS_INIT; NULL is all defaults. */
typedef struct patchcore_file_update_options {
    /** sizeof(patchcore_file_update_options). */
    size_t struct_size;
    /** Public keys, one of which must have signed the manifest; without any, only digests are checked. */
    const char *const *public_keys;
    /** The bytes of each key; NULL where all end with a NUL. */
    const size_t *public_key_lens;
    /** How many keys there are. */
    size_t public_key_count;
    /** The version that the file must be: a name, or a SHA-256 or its first digits; NULL and 0 for whatever it is. */
    const char *from;
    /** The bytes of `from`, or PATCHCORE_NUL_TERMINATED. */
    size_t from_len;
    /** The version that is wanted; NULL and 0 for the newest. */
    const char *to;
    /** The bytes of `to`, or PATCHCORE_NUL_TERMINATED. */
    size_t to_len;
    /** The folder for what is downloaded and remembered; NULL and 0 for that of the file. */
    const char *cache;
    /** The bytes of `cache`, or PATCHCORE_NUL_TERMINATED. */
    size_t cache_len;
    /** How everything is fetched, borrowed for the call, or NULL; sizes and digests come from the manifest. */
    const patchcore_fetch_options *fetch;
    /** How deltas are applied, borrowed for the call, or NULL. */
    const patchcore_apply_options *apply;
    /** Not zero: take the file as a whole whatever is there. */
    int32_t force_full;
    /** Not zero: download and verify, and leave the file as it is. */
    int32_t download_only;
    /** Not zero: plan, and do nothing. */
    int32_t dry_run;
} patchcore_file_update_options;

/** What an update of a file did, and why. Begin with PATCHCORE_FILE_UPDATE_STATS_INIT. */
typedef struct patchcore_file_update_stats {
    /** sizeof(patchcore_file_update_stats). */
    size_t struct_size;
    /** What was done: one of PATCHCORE_UPDATE_*; a newer library may have others. */
    int32_t action;
    /** How: one of PATCHCORE_MEANS_*; a newer library may have others. */
    int32_t means;
    /** 1 where `from_digest` says what the file was, 0 where there was none. */
    int32_t has_from;
    /** 1 where `planned_bytes` is known, else 0. */
    int32_t has_planned;
    /** Why, such as "up_to_date", NUL-terminated. */
    char reason[PATCHCORE_REASON_SIZE];
    /** The SHA-256 of the file before. */
    uint8_t from_digest[PATCHCORE_DIGEST_SIZE];
    /** The SHA-256 of the version that it is brought to. */
    uint8_t to_digest[PATCHCORE_DIGEST_SIZE];
    /** How many links of the chain are needed. */
    uint64_t links;
    /** The bytes that have to come, the manifest apart. */
    uint64_t planned_bytes;
    /** The bytes that came now, the manifest apart. */
    uint64_t transferred_bytes;
    /** The number of the manifest. */
    uint64_t sequence;
    /** The name of the version that the file was, NUL-terminated; empty where that is not known. */
    char from[PATCHCORE_VERSION_NAME_SIZE];
    /** The name of the version that it is brought to, NUL-terminated. */
    char to[PATCHCORE_VERSION_NAME_SIZE];
    /** The identifier of the trusted key that signed the manifest; empty where no signature was demanded. */
    char key_id[PATCHCORE_KEY_ID_SIZE];
} patchcore_file_update_stats;

/**
 * Says what a way of updating a file is called.
 *
 * @param means Any number.
 * @return The name, such as "squashed", or "unknown"; NUL-terminated, never freed.
 *
 * Thread-safety: may be called from any thread.
 * @since 0.1.0
 */
const char *patchcore_means_name(int32_t means);

/**
 * Publishes the newest version of a file, and its chain, as static files for any web host. The manifest is written last;
 * publishing the same again changes nothing.
 *
 * @param folder The folder that the web host serves, which is made where it is missing; borrowed for the call.
 * @param folder_len The bytes of `folder`, or PATCHCORE_NUL_TERMINATED.
 * @param chain The chain file; borrowed for the call.
 * @param chain_len The bytes of `chain`, or PATCHCORE_NUL_TERMINATED.
 * @param latest The newest version of the chain, as a whole; borrowed for the call.
 * @param latest_len The bytes of `latest`, or PATCHCORE_NUL_TERMINATED.
 * @param options How to publish, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was done, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, or the status of the error: PATCHCORE_SOURCE_MISMATCH where `latest` is no version of the chain,
 *         PATCHCORE_TARGET_MISMATCH where it is an older one, PATCHCORE_STALE where the chain does not hold what is published,
 *         PATCHCORE_UNSUPPORTED in a library that was built without publishing.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_channel_publish(const char *folder,
                                           size_t folder_len,
                                           const char *chain,
                                           size_t chain_len,
                                           const char *latest,
                                           size_t latest_len,
                                           const patchcore_channel_publish_options *options,
                                           const patchcore_job *job,
                                           patchcore_channel_publish_stats *out_stats,
                                           patchcore_error **out_error);

/**
 * Brings a file to the newest version of a channel by the fewest bytes: a squashed delta, just the links of the chain that it
 * needs, or the whole file. Where there is no file, it is made; whatever fails, it is as it was.
 *
 * @param file The file; borrowed for the call.
 * @param file_len The bytes of `file`, or PATCHCORE_NUL_TERMINATED.
 * @param url The channel: the URL or path of its manifest, or of the folder that this is in; borrowed for the call.
 * @param url_len The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
 * @param options What to demand and how to do it, borrowed, or NULL.
 * @param job Progress, log and cancellation, borrowed for the call, or NULL.
 * @param out_stats Receives what was done, or NULL.
 * @param out_error Receives an error to free, or NULL on success; or NULL.
 * @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_STALE where the manifest has
 *         expired or an older one is played back, PATCHCORE_NO_ROUTE where nothing leads to the version that is wanted.
 *
 * Thread-safety: may be called from any thread; callbacks are called on that thread.
 * @since 0.1.0
 */
patchcore_status patchcore_file_update(const char *file,
                                       size_t file_len,
                                       const char *url,
                                       size_t url_len,
                                       const patchcore_file_update_options *options,
                                       const patchcore_job *job,
                                       patchcore_file_update_stats *out_stats,
                                       patchcore_error **out_error);

/** All defaults. */
#define PATCHCORE_CHANNEL_PUBLISH_OPTIONS_INIT \
    { sizeof(patchcore_channel_publish_options), NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0 }
/** To be filled. */
#define PATCHCORE_CHANNEL_PUBLISH_STATS_INIT \
    { sizeof(patchcore_channel_publish_stats), { 0 }, { 0 }, 0, 0, 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_FILE_UPDATE_OPTIONS_INIT \
    { sizeof(patchcore_file_update_options), NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_FILE_UPDATE_STATS_INIT \
    { sizeof(patchcore_file_update_stats), 0, 0, 0, 0, { 0 }, { 0 }, { 0 }, 0, 0, 0, 0, { 0 }, { 0 }, { 0 } }

#ifdef __cplusplus
}
#endif

#endif /* PATCHCORE_H */
