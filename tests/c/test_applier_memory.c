/* An applier that was granted 256 KiB takes no more than these and 64 KiB: measured with valgrind's massif.
 *
 * Without arguments the program makes the files, runs itself under massif as `apply FOLDER` and judges what massif saw.
 * That second run has its files on disk, so that the heap is the library's. Without massif it is skipped. */

#include "device.h"

#include <fcntl.h>
#include <sys/wait.h>

#ifdef HAS_ADDRESS_SANITIZER
#define CAN_MEASURE false
#else
#define CAN_MEASURE true
#endif

#define GRANTED (256 << 10)
#define ALLOWED (GRANTED + (64 << 10))

enum { IMAGE_SIZE = 4000000 };

static int read_file_at(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  return pread(*(int *)user_data, buffer, len, (off_t)offset) == (ssize_t)len ? 0 : 1;
}

static int write_file_at(void *user_data, uint64_t offset, const uint8_t *data, size_t len) {
  return pwrite(((int *)user_data)[1], data, len, (off_t)offset) == (ssize_t)len ? 0 : 1;
}

static int flush_file(void *user_data) { return fsync(((int *)user_data)[1]); }

static int read_back_at(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  return pread(((int *)user_data)[1], buffer, len, (off_t)offset) == (ssize_t)len ? 0 : 1;
}

static int open_in(const char *folder, const char *name, int flags) {
  char path[PATH_MAX];
  REQUIRE(snprintf(path, sizeof path, "%s/%s", folder, name) < PATH_MAX);
  const int file = open(path, flags, 0600);
  REQUIRE(file >= 0);
  return file;
}

/* What the device does: packets of 1 KiB, and a checkpoint now and then. */
static int apply_in(const char *folder) {
  THE_ERROR;
  int files[2] = {open_in(folder, "old", O_RDONLY), open_in(folder, "new", O_RDWR | O_CREAT | O_TRUNC)};
  const int delta = open_in(folder, "delta", O_RDONLY);
  patchcore_device device = PATCHCORE_DEVICE_INIT;
  device.user_data = files;
  device.old_size = (uint64_t)lseek(files[0], 0, SEEK_END);
  device.read_old = read_file_at;
  device.write_new = write_file_at;
  device.flush = flush_file;
  device.read_new = read_back_at;
  patchcore_applier_options options = PATCHCORE_APPLIER_OPTIONS_INIT;
  options.max_memory = GRANTED;
  patchcore_applier *applier = NULL;
  MUST(patchcore_applier_new(&device, &options, &applier, &error));
  uint8_t packet[1024], blob[PATCHCORE_CHECKPOINT_SIZE];
  size_t count = 0, checkpoint_len = 0;
  for (ssize_t len = read(delta, packet, sizeof packet); len > 0; len = read(delta, packet, sizeof packet)) {
    for (size_t at = 0; at < (size_t)len;) {
      size_t accepted = 0;
      MUST(patchcore_applier_push(applier, packet + at, (size_t)len - at, &accepted, &error));
      at += accepted;
    }
    if (++count % 64 == 0) {
      MUST(patchcore_applier_checkpoint(applier, blob, sizeof blob, &checkpoint_len, &error));
    }
  }
  MUST(patchcore_applier_finish(applier, NULL, &error));
  patchcore_applier_free(applier);
  close(files[0]);
  close(files[1]);
  close(delta);
  THE_END;
  return check_report();
}

/* Runs `apply FOLDER` under massif, which writes `report`. */
static bool run_under_massif(const char *program, const char *folder, const char *report) {
  char out[PATH_MAX + 32];
  snprintf(out, sizeof out, "--massif-out-file=%s", report);
  const pid_t child = fork();
  if (child == 0) {
    execlp("valgrind", "valgrind", "-q", "--tool=massif", out, program, "apply", folder, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
  if (WEXITSTATUS(status) == 127) {
    return false;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  return true;
}

/* The largest heap of all snapshots, with what the allocator adds. */
static uint64_t peak_of(const char *report) {
  FILE *file = fopen(report, "r");
  REQUIRE(file != NULL);
  char line[1024];
  uint64_t peak = 0, heap = 0, extra = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "mem_heap_B=%" SCNu64, &heap) == 1) {
      continue;
    }
    if (sscanf(line, "mem_heap_extra_B=%" SCNu64, &extra) == 1 && heap + extra > peak) {
      peak = heap + extra;
    }
  }
  fclose(file);
  return peak;
}

static void measure(const char *program, int32_t level, bytes old_file, bytes new_file) {
  bytes delta = delta_of(old_file, new_file, level, GRANTED);
  file_of("old", old_file);
  file_of("delta", delta);
  const char *report = in_folder("massif.out");
  if (run_under_massif(program, files_folder, report)) {
    const uint64_t peak = peak_of(report);
    printf("level %d: a delta of %zu bytes applied with a peak heap of %" PRIu64 " bytes; %d are allowed\n", (int)level,
           delta.len, peak, ALLOWED);
    CHECK(peak > 4096 && peak <= ALLOWED);
    CHECK(file_holds(in_folder("new"), new_file));
  } else {
    printf("skipped: there is no valgrind\n");
  }
  bytes_free(&delta);
}

int main(int argc, char **argv) {
  check_test = "applier_memory";
  if (argc == 3 && strcmp(argv[1], "apply") == 0) {
    return apply_in(argv[2]);
  }
  if (!CAN_MEASURE || is_quick()) {
    printf("skipped\n");
    return 0;
  }
  bytes old_file = image(IMAGE_SIZE, 21), new_file = successor(old_file, 4000, 22);
  /* A part that has nothing to do with the old image. */
  bytes fresh = image(300000, 23);
  memcpy(new_file.data + 1000000, fresh.data, fresh.len);
  measure(argv[0], 6, old_file, new_file);
  measure(argv[0], 9, old_file, new_file);
  /* Nothing in common: literals alone. */
  bytes unrelated = image(IMAGE_SIZE / 2, 24);
  measure(argv[0], 6, old_file, unrelated);
  bytes_free(&unrelated);
  bytes_free(&fresh);
  bytes_free(&old_file);
  bytes_free(&new_file);
  return check_report();
}
