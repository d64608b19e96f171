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
