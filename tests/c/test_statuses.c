/* Every status that deltas and chains can give is given for its cause, with what a caller needs to act on it.
 *
 * Not here, because nothing in deltas and chains can cause them: NETWORK, TIMEOUT, UNSAFE_PATH, CONFLICT and STALE;
 * INTERNAL, which is a bug of ours; and NOT_COMPOSABLE, which no delta of this format version is. */

#include "chains.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

static history all;
static patchcore_input old_input, delta_input;

static bool names_path(const patchcore_error *error, const char *path) {
  size_t len = 0;
  const char *named = patchcore_error_path(error, &len);
  return named != NULL && is_same(named, len, path, strlen(path)) &&
         strstr(patchcore_error_message(error), path) != NULL;
}

static bool has_system_code(const patchcore_error *error, int32_t wanted) {
  int32_t code = 0;
  return patchcore_error_system_code(error, &code) == 1 && code == wanted;
}

static void ok(void) {
  THE_ERROR;
  EXPECT_OK(patchcore_delta_inspect(&delta_input, NULL, &error));
  CHECK(error == NULL);
  THE_END;
}

static void invalid_argument(void) {
  THE_ERROR;
  EXPECT(PATCHCORE_INVALID_ARGUMENT, patchcore_delta_inspect(NULL, NULL, &error));
  /* The message says which argument. */
  CHECK(strstr(patchcore_error_message(error), "delta") != NULL);
  CHECK(patchcore_error_outcome(error) == PATCHCORE_OUTCOME_NONE && patchcore_error_path(error, NULL) == NULL);
  THE_END;
}

static void unsupported(void) {
  THE_ERROR;
  bytes newer = bytes_copy(all.deltas[0].data, all.deltas[0].len);
  newer.data[8] = 2;
  const patchcore_input input = patchcore_input_path(file_of("newer.delta", newer));
  EXPECT(PATCHCORE_UNSUPPORTED, patchcore_delta_inspect(&input, NULL, &error));
  uint64_t offset = 0;
  CHECK(names_path(error, in_folder("newer.delta")));
  CHECK(patchcore_error_offset(error, &offset) == 1 && offset == 8);
  bytes_free(&newer);
  THE_END;
}

static int cancelling(void *user_data, const patchcore_progress *progress) {
  (void)progress;
  return *(int *)user_data;
}

static void cancelled_and_callback(void) {
  THE_ERROR;
  int answer = 1;
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.progress = cancelling;
  job.user_data = &answer;
  EXPECT(PATCHCORE_CANCELLED, patchcore_delta_verify(&delta_input, NULL, NULL, &job, NULL, NULL, &error));
  answer = -5;
  EXPECT(PATCHCORE_CALLBACK, patchcore_delta_verify(&delta_input, NULL, NULL, &job, NULL, NULL, &error));
  CHECK(is_callback_value(error, -5));
  THE_END;
}

static void busy(void) {
  THE_ERROR;
  const char *path = file_of("locked.chain", all.chain);
  const int lock = open(path, O_RDWR);
  REQUIRE(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
  EXPECT(PATCHCORE_BUSY,
         patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, &delta_input, 1, NULL, 0, NULL, NULL, &error));
  CHECK(names_path(error, path));
  EXPECT(PATCHCORE_BUSY, patchcore_chain_prune(path, PATCHCORE_NUL_TERMINATED, "v2", 2, 0, NULL, NULL, NULL, &error));
  close(lock);
  CHECK(file_holds(path, all.chain));
  EXPECT_OK(patchcore_chain_prune(path, PATCHCORE_NUL_TERMINATED, "v2", 2, 0, NULL, NULL, NULL, &error));
  THE_END;
}

#if defined(__linux__) && !defined(HAS_ADDRESS_SANITIZER)
/* In a child of its own, which has less memory left than the delta takes: it exits with the status. */
static int apply_with_little_memory(const char *old_path, const char *delta_path) {
  const patchcore_input from = patchcore_input_path(old_path), delta = patchcore_input_path(delta_path);
  const patchcore_output output = patchcore_output_path("/dev/null");
  FILE *statm = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (statm == NULL || fscanf(statm, "%lu", &pages) != 1) {
    return 255;
  }
  fclose(statm);
  const rlim_t room = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)(24 << 20);
  const struct rlimit limit = {room, room};
  if (setrlimit(RLIMIT_AS, &limit) != 0) {
    return 255;
  }
  return (int)patchcore_delta_apply(&from, &delta, &output, NULL, NULL, NULL, NULL);
}

static int read_zeros(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  (void)user_data;
  (void)offset;
  memset(buffer, 0, len);
  return 0;
}

static int write_nowhere(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  (void)user_data;
  (void)offset;
  (void)data;
  (void)len;
  return 0;
}

/* In a child of its own, which has `room` more bytes of memory: it exits with the status. */
static int push_with_little_memory(bytes delta, uint64_t old_size, rlim_t room) {
  FILE *statm = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (statm == NULL || fscanf(statm, "%lu", &pages) != 1) {
    return 255;
  }
  fclose(statm);
  const rlim_t all_of_it = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + room;
  const struct rlimit limit = {all_of_it, all_of_it};
  if (setrlimit(RLIMIT_AS, &limit) != 0) {
    return 255;
  }
  patchcore_device device = PATCHCORE_DEVICE_INIT;
  device.old_size = old_size;
  device.read_old = read_zeros;
  device.write_new = write_nowhere;
  patchcore_applier *applier = NULL;
  patchcore_status status = patchcore_applier_new(&device, NULL, &applier, NULL);
  for (size_t at = 0, taken = 0; status == PATCHCORE_OK && at < delta.len; at += taken) {
    const size_t piece = delta.len - at < 1024 ? delta.len - at : 1024;
    status = patchcore_applier_push(applier, delta.data + at, piece, &taken, NULL);
  }
  return (int)(status == PATCHCORE_OK ? patchcore_applier_finish(applier, NULL, NULL) : status);
}

/* Wherever memory ends, a device gets a status. */
static void an_applier_without_memory(void) {
  if (is_quick()) {
    return;
  }
  /* Small pieces of memory come from where large ones do, so that none of them is there by chance. */
  mallopt(M_MMAP_THRESHOLD, 64 << 10);
  mallopt(M_TRIM_THRESHOLD, 64 << 10);
  bytes old = bytes_new(4 << 20), new = bytes_new(4 << 20);
  memset(old.data, 0, old.len);
  memset(new.data, 0, new.len);
  uint32_t random = 1;
  for (size_t i = 0; i < new.len; i += 1 + random % 16) {
    random = random * 1664525 + 1013904223;
    new.data[i] = (uint8_t)(random >> 24) & 3;
  }
  for (int level = 3; level <= 9; level += 6) {
    bytes delta = delta_of(old, new, level, 0);
    int no_memory = 0, ok = 0;
    for (rlim_t room = 0; room <= 14 << 20; room += 256 << 10) {
      const pid_t child = fork();
      if (child == 0) {
        _exit(push_with_little_memory(delta, old.len, room));
      }
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      const int exited = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      no_memory += exited == PATCHCORE_NO_MEMORY;
      ok += exited == PATCHCORE_OK;
      if (!CHECK(exited == PATCHCORE_NO_MEMORY || exited == PATCHCORE_OK)) {
        fprintf(stderr, "  level %d with %lu KiB more: the child ended with %#x\n", level, (unsigned long)room >> 10,
                (unsigned)status);
      }
    }
    CHECK(no_memory > 0 && ok > 0);
    bytes_free(&delta);
  }
  bytes_free(&old);
  bytes_free(&new);
}

static void no_memory(void) {
  if (is_quick()) {
    return;
  }
  /* Literals that decode to 64 MiB at once. */
  const bytes empty = {NULL, 0};
  bytes large = bytes_new(64 << 20);
  for (size_t i = 0; i < large.len; i++) {
    large.data[i] = "abcdefgh"[i * i / 7 % 8];
  }
  bytes delta = delta_of(empty, large, 1, (uint64_t)1 << 30);
  const char *old_path = file_of("empty", empty), *delta_path = file_of("large.delta", delta);
  bytes_free(&large);
  bytes_free(&delta);
  const pid_t child = fork();
  if (child == 0) {
    _exit(apply_with_little_memory(old_path, delta_path));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PATCHCORE_NO_MEMORY)) {
    fprintf(stderr, "  the child ended with %#x\n", (unsigned)status);
  }
}
#endif

static void io(void) {
  THE_ERROR;
  const char *path = in_folder("circle");
  REQUIRE(symlink("circle", path) == 0);
  const patchcore_input input = patchcore_input_path(path);
  EXPECT(PATCHCORE_IO, patchcore_delta_inspect(&input, NULL, &error));
  CHECK(names_path(error, path) && has_system_code(error, ELOOP));
  THE_END;
}

static void not_found(void) {
  THE_ERROR;
  const char *path = in_folder("no/such/file");
  const patchcore_input input = patchcore_input_path(path);
  patchcore_chain *chain = NULL;
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_delta_inspect(&input, NULL, &error));
  CHECK(names_path(error, path) && has_system_code(error, ENOENT));
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_chain_open(&input, &chain, &error));
  CHECK(names_path(error, path) && chain == NULL);
  const patchcore_output output = patchcore_output_path(path);
  EXPECT(PATCHCORE_NOT_FOUND, patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(names_path(error, path));
  EXPECT(PATCHCORE_NOT_FOUND,
         patchcore_chain_append(path, PATCHCORE_NUL_TERMINATED, &delta_input, 1, NULL, 0, NULL, NULL, &error));
  CHECK(names_path(error, path));
  THE_END;
}

static void no_space(void) {
#ifdef __linux__
  THE_ERROR;
  const patchcore_output output = patchcore_output_path("/dev/full");
  EXPECT(PATCHCORE_NO_SPACE, patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(names_path(error, "/dev/full") && has_system_code(error, ENOSPC));
  const patchcore_input new_input = input_of(all.versions[1]);
  EXPECT(PATCHCORE_NO_SPACE, patchcore_delta_diff(&old_input, &new_input, &output, NULL, NULL, NULL, &error));
  CHECK(names_path(error, "/dev/full") && has_system_code(error, ENOSPC));
  THE_END;
#endif
}

static void permission(void) {
  THE_ERROR;
  const char *folder = in_folder("closed");
  REQUIRE(mkdir(folder, 0700) == 0);
  const char *path = file_of("closed/file", all.deltas[0]);
  const patchcore_input input = patchcore_input_path(path);
  const patchcore_output output = patchcore_output_path(in_folder("closed/out"));
  REQUIRE(chmod(folder, 0) == 0);
  /* Nothing is closed to root. */
  const bool is_root = geteuid() == 0;
  REQUIRE(!is_root || seteuid(65534) == 0);
  EXPECT(PATCHCORE_PERMISSION, patchcore_delta_inspect(&input, NULL, &error));
  CHECK(names_path(error, path) && has_system_code(error, EACCES));
  EXPECT(PATCHCORE_PERMISSION, patchcore_delta_apply(&old_input, &delta_input, &output, NULL, NULL, NULL, &error));
  REQUIRE(!is_root || seteuid(0) == 0);
  REQUIRE(chmod(folder, 0700) == 0);
  CHECK(entries_of(folder) == 1);
  THE_END;
}

static void corrupt(void) {
  THE_ERROR;
  bytes damaged = bytes_copy(all.deltas[0].data, all.deltas[0].len);
  damaged.data[damaged.len - 9] ^= 4;
  const char *path = file_of("damaged.delta", damaged);
  const patchcore_input input = patchcore_input_path(path);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  uint64_t offset = 0;
  EXPECT(PATCHCORE_CORRUPT, patchcore_delta_verify(&input, NULL, NULL, NULL, NULL, NULL, &error));
  CHECK(names_path(error, path) && patchcore_error_offset(error, &offset) == 1 && offset >= 132);
  EXPECT(PATCHCORE_CORRUPT, patchcore_delta_apply(&old_input, &input, &output, NULL, NULL, NULL, &error));
  CHECK(names_path(error, path) && patchcore_error_offset(error, &offset) == 1 && offset >= 132);
  const patchcore_input short_input = patchcore_input_memory(damaged.data, 50);
  EXPECT(PATCHCORE_CORRUPT, patchcore_delta_inspect(&short_input, NULL, &error));
  patchcore_chain *chain = NULL;
  EXPECT(PATCHCORE_CORRUPT, patchcore_chain_open(&delta_input, &chain, &error));
  int32_t kind = 9;
  EXPECT(PATCHCORE_CORRUPT, patchcore_file_kind(&old_input, &kind, &error));
  const patchcore_input empty = patchcore_input_memory(NULL, 0);
  EXPECT(PATCHCORE_CORRUPT, patchcore_file_kind(&empty, &kind, &error));
  CHECK(buffer.data == NULL && chain == NULL && kind == 0);
  bytes_free(&damaged);
  THE_END;
}

static void limit(void) {
  THE_ERROR;
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_apply_options options = PATCHCORE_APPLY_OPTIONS_INIT;
  options.max_output = 100;
  EXPECT(PATCHCORE_LIMIT, patchcore_delta_apply(&old_input, &delta_input, &output, &options, NULL, NULL, &error));
  CHECK(strstr(patchcore_error_message(error), "100") != NULL && buffer.data == NULL);
  THE_END;
}

static void source_mismatch(void) {
  THE_ERROR;
  const char *path = file_of("another", all.versions[2]);
  const patchcore_input another = patchcore_input_path(path);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_delta_apply(&another, &delta_input, &output, NULL, NULL, NULL, &error));
  CHECK(names_path(error, path));
  bytes stranger = image(100, 4711);
  const patchcore_input stranger_input = input_of(stranger);
  patchcore_chain *chain = open_chain(all.chain);
  EXPECT(PATCHCORE_SOURCE_MISMATCH,
         patchcore_chain_apply(chain, &stranger_input, NULL, 0, &output, NULL, NULL, NULL, &error));
  uint8_t digest[32];
  uint64_t ordinal = 0;
  MUST(patchcore_digest_of(&stranger_input, NULL, digest, &error));
  EXPECT(PATCHCORE_SOURCE_MISMATCH, patchcore_chain_find(chain, digest, &ordinal, &error));
  CHECK(buffer.data == NULL);
  patchcore_chain_free(chain);
  bytes_free(&stranger);
  THE_END;
}

static void target_mismatch(void) {
  THE_ERROR;
  bytes content = read_file(in_tests("vectors/files/numbers.v1"));
  const patchcore_input numbers = input_of(content);
  const char *wrong = in_tests("vectors/deltas/wrong-new-digest.delta");
  const patchcore_input delta = patchcore_input_path(wrong);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  EXPECT(PATCHCORE_TARGET_MISMATCH, patchcore_delta_apply(&numbers, &delta, &output, NULL, NULL, NULL, &error));
  EXPECT(PATCHCORE_TARGET_MISMATCH, patchcore_delta_verify(&delta, &numbers, NULL, NULL, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  bytes_free(&content);
  THE_END;
}

static void no_route(void) {
  THE_ERROR;
  const patchcore_input latest = input_of(all.versions[LINKS]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_chain *chain = open_chain(all.chain);
  EXPECT(PATCHCORE_NO_ROUTE, patchcore_chain_apply(chain, &latest, "v1", 2, &output, NULL, NULL, NULL, &error));
  CHECK(strstr(patchcore_error_message(error), "v1") != NULL && buffer.data == NULL);
  patchcore_chain_free(chain);
  THE_END;
}

static void unknown_version(void) {
  THE_ERROR;
  patchcore_chain *chain = open_chain(all.chain);
  uint64_t ordinal = 0;
  EXPECT(PATCHCORE_UNKNOWN_VERSION, patchcore_chain_resolve(chain, "2.0", 3, &ordinal, &error));
  /* The message says what there is. */
  CHECK(strstr(patchcore_error_message(error), "2.0") != NULL && strstr(patchcore_error_message(error), "v3") != NULL);
  patchcore_chain_free(chain);
  THE_END;
}

/* Two files of four bytes whose digests begin with the same four hex digits. */
static void find_alike(uint8_t first[4], uint8_t second[4], char prefix[5]) {
  THE_ERROR;
  static int16_t seen[65536];
  memset(seen, -1, sizeof seen);
  for (int16_t i = 0; i < INT16_MAX; i++) {
    uint8_t digest[32];
    const uint8_t content[4] = {(uint8_t)i, (uint8_t)(i >> 8), 0, 0};
    const patchcore_input input = patchcore_input_memory(content, 4);
    MUST(patchcore_digest_of(&input, NULL, digest, &error));
    const int start = digest[0] << 8 | digest[1];
    if (seen[start] >= 0) {
      const uint8_t other[4] = {(uint8_t)seen[start], (uint8_t)(seen[start] >> 8), 0, 0};
      memcpy(first, other, 4);
      memcpy(second, content, 4);
      snprintf(prefix, 5, "%04x", (unsigned)start & 0xffff);
      break;
    }
    seen[start] = i;
  }
  THE_END;
}

static void ambiguous_version(void) {
  THE_ERROR;
  uint8_t first[4] = {0}, second[4] = {0};
  char prefix[5] = "";
  find_alike(first, second, prefix);
  bytes old_file = bytes_copy(first, 4), new_file = bytes_copy(second, 4);
  bytes delta = delta_of(old_file, new_file, 1, 0);
  const patchcore_input input = input_of(delta);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  MUST(patchcore_chain_create(&input, 1, &output, NULL, NULL, NULL, &error));
  bytes content = taken(&buffer);
  patchcore_chain *chain = open_chain(content);
  uint64_t ordinal = 0;
  EXPECT(PATCHCORE_AMBIGUOUS_VERSION, patchcore_chain_resolve(chain, prefix, 4, &ordinal, &error));
  /* The message lists them. */
  CHECK(strstr(patchcore_error_message(error), "v1") != NULL && strstr(patchcore_error_message(error), "v2") != NULL);
  const patchcore_input from = input_of(old_file);
  EXPECT(PATCHCORE_AMBIGUOUS_VERSION,
         patchcore_chain_apply(chain, &from, prefix, 4, &output, NULL, NULL, NULL, &error));
  CHECK(buffer.data == NULL);
  patchcore_chain_free(chain);
  bytes_free(&content);
  bytes_free(&delta);
  bytes_free(&old_file);
  bytes_free(&new_file);
  THE_END;
}

static void bad_signature_and_untrusted_key(void) {
  THE_ERROR;
  bytes from = read_file(in_tests("vectors/files/code.v1")), to = read_file(in_tests("vectors/files/code.v2"));
  bytes delta = read_file(in_tests("vectors/deltas/code-level-1.delta"));
  bytes key = read_file(in_tests("c/data/key.pub"));
  const char *const signatures[] = {"c/data/code.v1.minisig", "c/data/code.v2.other.minisig", "c/data/code.v2.minisig"};
  const patchcore_status wanted[] = {PATCHCORE_BAD_SIGNATURE, PATCHCORE_UNTRUSTED_KEY, PATCHCORE_OK};
  for (size_t i = 0; i < 3; i++) {
    bytes signature = read_file(in_tests(signatures[i]));
    patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
    options.public_key = (const char *)key.data;
    options.public_key_len = key.len;
    options.signature = (const char *)signature.data;
    options.signature_len = signature.len;
    device on = device_with(from, to.len);
    EXPECT(wanted[i], apply_on(&on, delta, &options, 1024, &error));
    device_free(&on);
    bytes_free(&signature);
  }
  bytes_free(&from);
  bytes_free(&to);
  bytes_free(&delta);
  bytes_free(&key);
  THE_END;
}

int main(void) {
  all = history_of(12000);
  old_input = input_of(all.versions[0]);
  delta_input = input_of(all.deltas[0]);
  RUN(ok);
  RUN(invalid_argument);
  RUN(unsupported);
  RUN(cancelled_and_callback);
  RUN(busy);
#if defined(__linux__) && !defined(HAS_ADDRESS_SANITIZER)
  RUN(no_memory);
  RUN(an_applier_without_memory);
#endif
  RUN(io);
  RUN(not_found);
  RUN(no_space);
  RUN(permission);
  RUN(corrupt);
  RUN(limit);
  RUN(source_mismatch);
  RUN(target_mismatch);
  RUN(no_route);
  RUN(unknown_version);
  RUN(ambiguous_version);
  RUN(bad_signature_and_untrusted_key);
  history_free(&all);
  return check_report();
}
