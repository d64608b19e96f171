/* The simulation: a device takes update after update while its power fails at random, and after every failure somebody
 * outside compares what it started with what it may start: exactly the old image or exactly the new one. */
#include "bootloader.h"
#include "chance.h"
#include "device.h"
#include "flash.h"
#include "server.h"
#include "watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Power fails once in so many flash operations. An update of 1 MB takes some 500 operations on its slot, and few on
 * records, which is where a mistake would show. */
#define SLOT_CUT 150u
#define RECORD_CUT 12u
/* More than an update, its reboot and every try of a bad image can take. */
#define RESETS_MOST 10u

static const char usage[] = "usage: c-firmware [--cuts N] [--seed S] [--size BYTES] [--directory DIR]\n"
                            "                  [--public-key FILE --signature FILE] [OLD_IMAGE NEW_IMAGE]\n"
                            "\n"
                            "  --cuts N           stop after N power cuts (1000)\n"
                            "  --seed S           another run, repeatable (1)\n"
                            "  --size BYTES       of the images that it makes where none are given (1000000)\n"
                            "  --directory DIR    for the simulated flash (one in /tmp, removed at the end)\n"
                            "  --public-key FILE  a minisign public key: the device takes nothing that is not signed\n"
                            "  --signature FILE   the minisign signature of NEW_IMAGE\n";

struct settings {
  unsigned long cuts;
  uint64_t seed;
  size_t size;
  const char *directory;
  const char *public_key;
  const char *signature;
  const char *old_image;
  const char *new_image;
};

struct simulation {
  const char *directory;
  const char *public_key;
  unsigned long cuts_wanted;
  uint64_t chance;
  struct device_report *report; /* shared with the device's process */
  uint32_t device_fallbacks;    /* as the device last said */
  unsigned long cuts, boots, installs, begun, resumed, fallbacks, wrong;
  size_t longest_work;
};

static void fail(const char *message) {
  fprintf(stderr, "c-firmware: %s\n", message);
  exit(1);
}

/* ---- Looking at the device from outside ---- */

static bool slot_holds(const struct simulation *simulation, uint32_t slot, uint64_t size, const struct image *image) {
  char path[2048];
  bool same = size == image->size;
  uint8_t *bytes = malloc(image->size + 1);

  flash_path(simulation->directory, bootloader_slot(slot), path, sizeof path);
  FILE *file = fopen(path, "rb");
  if (bytes == NULL || file == NULL) {
    fail("cannot look at the flash");
  }
  same = same && fread(bytes, 1, image->size, file) == image->size && memcmp(bytes, image->bytes, image->size) == 0;
  fclose(file);
  free(bytes);
  return same;
}

static bool device_holds(const struct simulation *simulation, const struct image *image) {
  return slot_holds(simulation, simulation->report->slot, simulation->report->size, image);
}

/* One bit of the active slot changes, as flash does when it is old. */
static void rot_active_slot(struct simulation *simulation) {
  char path[2048];

  flash_path(simulation->directory, bootloader_slot(simulation->report->slot), path, sizeof path);
  FILE *file = fopen(path, "r+b");
  long offset = (long)chance_below(&simulation->chance, (uint32_t)simulation->report->size);
  int byte = file != NULL && fseek(file, offset, SEEK_SET) == 0 ? fgetc(file) : EOF;
  if (byte == EOF || fseek(file, offset, SEEK_SET) != 0 ||
      fputc(byte ^ (1 << chance_below(&simulation->chance, 8)), file) == EOF || fclose(file) != 0) {
    fail("cannot change the flash");
  }
}

/* ---- The device's lives ---- */

static struct flash_power steady_power(const struct simulation *simulation) {
  struct flash_power power = {simulation->directory, 0, 0, 0};
  return power;
}

static struct flash_power unsteady_power(struct simulation *simulation) {
  struct flash_power power = {simulation->directory, chance_next(&simulation->chance), SLOT_CUT, RECORD_CUT};
  return power;
}

/* Runs the device in a process of its own until it ends by itself or its power fails. */
static enum device_end power_on(struct simulation *simulation, const struct update *update, uint32_t fallbacks,
                                bool *cut) {
  struct device_world world = {steady_power(simulation), update, fallbacks, simulation->public_key};
  int status = 0;

  if (simulation->cuts < simulation->cuts_wanted) {
    world.power = unsteady_power(simulation);
  }
  memset(simulation->report, 0, sizeof *simulation->report);
  pid_t device = fork();
  if (device == 0) {
    _exit(device_run(&world, simulation->report));
  }
  if (device < 0 || waitpid(device, &status, 0) != device) {
    fail("cannot run the device");
  }

  *cut = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  simulation->cuts += *cut;
  simulation->boots += simulation->report->booted;
  simulation->begun += simulation->report->began_update && !simulation->report->resumed_update;
  simulation->resumed += simulation->report->resumed_update;
  if (simulation->report->longest_work > simulation->longest_work) {
    simulation->longest_work = simulation->report->longest_work;
  }
  if (!*cut && !WIFEXITED(status)) {
    fail("the firmware crashed");
  }
  return *cut ? DEVICE_RESET : (enum device_end)WEXITSTATUS(status);
}

/* From the factory: the first image in slot A, nothing in slot B. */
static void manufacture(struct simulation *simulation, const struct image *first, uint64_t slot_size) {
  struct flash_power power = steady_power(simulation);
  struct boot_image image;
  bool done = flash_manufacture(simulation->directory, slot_size) == 0 && flash_power_on(&power) == 0;

  for (size_t at = 0; done && at < first->size; at += FLASH_SECTOR_SIZE) {
    size_t left = first->size - at;
    done = flash_program(FLASH_SLOT_A, at, first->bytes + at, left < FLASH_SECTOR_SIZE ? left : FLASH_SECTOR_SIZE) == 0;
    watchdog_kick();
  }
  image.size = first->size;
  memcpy(image.digest, first->digest, sizeof image.digest);
  if (!done || bootloader_provision(&image) != 0) {
    fail("cannot make the device's flash");
  }
  simulation->device_fallbacks = 0;
}

/* Powers the device on again and again until it has nothing left to do. Whatever it starts must be `from` or `to`.
 * Returns the image that it runs in the end, or NULL after a wrong one. */
static const struct image *live(struct simulation *simulation, const struct update *update, const struct image *from,
                                const struct image *to) {
  uint32_t fallbacks = simulation->device_fallbacks;
  unsigned resets = 0;
  enum device_end end;

  do {
    bool cut;
    end = power_on(simulation, update, fallbacks, &cut);
    bool booted = simulation->report->booted;
    bool correct = booted ? device_holds(simulation, from) || device_holds(simulation, to) : cut;
    if (!correct) {
      simulation->wrong++;
      fprintf(stderr, "WRONG SLOT after power cut %lu (%s)\n", simulation->cuts, update ? update->name : "no update");
      return NULL;
    }
    resets += !cut;
    if (resets > RESETS_MOST) {
      fail("the device resets for ever");
    }
    if (booted) {
      simulation->fallbacks += simulation->report->fallbacks - simulation->device_fallbacks;
      simulation->device_fallbacks = simulation->report->fallbacks;
    }
  } while (end == DEVICE_RESET);
  if (end != DEVICE_IDLE) {
    fprintf(stderr, "c-firmware: the device does not take the update \"%s\" and runs what it ran\n", update->name);
    exit(simulation->report->refused);
  }
  return device_holds(simulation, to) ? to : from;
}

/* The server offers an update until the device has it. A fallback ends an offer; where the image is good, it was only
 * the power that failed during each of its tries, and the server offers it again. */
static const struct image *roll_out(struct simulation *simulation, const struct update *update) {
  const struct image *running;

  do {
    running = live(simulation, update, update->from, update->to);
  } while (running == update->from && !update->to->crashes);
  simulation->installs += running == update->to;
  return running;
}

/* ---- The run ---- */

struct plan {
  struct update updates[3];
  size_t update_count;
  uint64_t slot_size;
};

static void make_plan(struct plan *plan, const struct settings *settings, struct image images[3]) {
  char *signature = settings->signature ? server_read_text(settings->signature) : NULL;

  if (settings->new_image) {
    images[0] = server_read_image(settings->old_image);
    images[1] = server_read_image(settings->new_image);
  } else {
    images[0] = server_make_image(settings->size, settings->seed, 1);
    images[1] = server_make_image(settings->size, settings->seed, 2);
  }
  images[2] = server_break_image(&images[1]);

  server_make_update(&plan->updates[0], "old to new", &images[0], &images[1], signature);
  plan->update_count = 1;
  if (settings->public_key == NULL) { /* else these are not signed */
    server_make_update(&plan->updates[1], "new to old", &images[1], &images[0], NULL);
    server_make_update(&plan->updates[2], "old to one that crashes", &images[0], &images[2], NULL);
    plan->update_count = 3;
  }

  size_t largest = images[0].size > images[1].size ? images[0].size : images[1].size;
  plan->slot_size = (largest / FLASH_SECTOR_SIZE + 1) * FLASH_SECTOR_SIZE;
}

/* Update after update, until power was cut often enough and each update was tried. */
static void run(struct simulation *simulation, const struct plan *plan) {
  const struct image *running = NULL;

  for (size_t round = 0; round < 2 * plan->update_count || simulation->cuts < simulation->cuts_wanted; round++) {
    const struct update *update = &plan->updates[round % plan->update_count];
    if (running != update->from) {
      manufacture(simulation, update->from, plan->slot_size);
    }
    running = roll_out(simulation, update);
    /* Every second time, the new slot also goes bad later. */
    if (running == update->to && round / plan->update_count % 2 == 1) {
      rot_active_slot(simulation);
      running = live(simulation, NULL, update->from, update->from);
    }
  }
}

static uint64_t number(const char *text) {
  char *end;
  uint64_t value = strtoull(text, &end, 10);

  if (*text < '0' || *text > '9' || *end != '\0') {
    fprintf(stderr, "c-firmware: %s is no number\n%s", text, usage);
    exit(2);
  }
  return value;
}

static struct settings read_arguments(int count, char **arguments) {
  struct settings settings = {1000, 1, 1000000, NULL, NULL, NULL, NULL, NULL};
  int at = 1;

  for (; at + 1 < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
    const char *name = arguments[at], *value = arguments[at + 1];
    if (strcmp(name, "--cuts") == 0) {
      settings.cuts = (unsigned long)number(value);
    } else if (strcmp(name, "--seed") == 0) {
      settings.seed = number(value);
    } else if (strcmp(name, "--size") == 0) {
      settings.size = (size_t)number(value);
    } else if (strcmp(name, "--directory") == 0) {
      settings.directory = value;
    } else if (strcmp(name, "--public-key") == 0) {
      settings.public_key = value;
    } else if (strcmp(name, "--signature") == 0) {
      settings.signature = value;
    } else {
      break;
    }
  }
  if (at + 2 == count) {
    settings.old_image = arguments[at++];
    settings.new_image = arguments[at++];
  }
  if (at != count || settings.size < 65536 || (settings.public_key && !settings.new_image)) {
    fputs(usage, stderr);
    exit(2);
  }
  return settings;
}

/* Where the flash is unless a directory is given; goes with the process. */
static char temporary_directory[] = "/tmp/c-firmware-XXXXXX";

static void remove_temporary_directory(void) {
  char path[2048];

  for (int region = 0; region < FLASH_REGION_COUNT; region++) {
    flash_path(temporary_directory, (enum flash_region)region, path, sizeof path);
    remove(path);
  }
  rmdir(temporary_directory);
}

static const char *make_temporary_directory(void) {
  if (mkdtemp(temporary_directory) == NULL || atexit(remove_temporary_directory) != 0) {
    fail("cannot make a directory in /tmp");
  }
  return temporary_directory;
}

int main(int count, char **arguments) {
  struct settings settings = read_arguments(count, arguments);
  struct simulation simulation;
  static struct plan plan;
  static struct image images[3];

  memset(&simulation, 0, sizeof simulation);
  simulation.cuts_wanted = settings.cuts;
  simulation.chance = settings.seed;
  simulation.public_key = settings.public_key ? server_read_text(settings.public_key) : NULL;
  simulation.report = mmap(NULL, sizeof *simulation.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  simulation.directory = settings.directory ? settings.directory : make_temporary_directory();
  if (simulation.report == MAP_FAILED) {
    fail("cannot share memory with the device");
  }

  make_plan(&plan, &settings, images);
  run(&simulation, &plan);

  printf("%lu power cuts, %lu boots, %lu updates installed (images of %zu bytes, delta of %zu): %lu wrong slots\n"
         "updates begun %lu times and resumed %lu times, %lu fallbacks, at most %zu KiB of flash work between two "
         "watchdog kicks\n",
         simulation.cuts, simulation.boots, simulation.installs, images[1].size, plan.updates[0].delta.len,
         simulation.wrong, simulation.begun, simulation.resumed, simulation.fallbacks, simulation.longest_work / 1024);
  return simulation.wrong == 0 ? 0 : 1;
}
