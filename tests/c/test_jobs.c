/* A job tells how far it is, can be stopped from anywhere, and outlives the handles that it was started with. */

#include "chains.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static history all;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void pause_for(double seconds) {
  struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

/* A file that is as slow as an old card: 1 ms for each read of up to 4 KiB, more for more. */
typedef struct slow_file {
  uint64_t size;
  double delay;
  uint64_t reads;
} slow_file;

static int read_slowly(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  slow_file *self = (slow_file *)user_data;
  self->reads++;
  pause_for(self->delay * (double)(len + 4095) / 4096);
  for (size_t i = 0; i < len; i++) {
    buffer[i] = (uint8_t)((offset + i) * 2654435761u >> 9);
  }
  return 0;
}

static patchcore_input slow_input(slow_file *file) { return patchcore_input_callback(read_slowly, file, file->size); }

/* What a watcher saw. */
typedef struct watch {
  pthread_t thread;
  bool on_other_thread;
  bool is_wrong;
  size_t events;
  double last_at;
  double shortest;
  patchcore_progress last;
  bool phase_is_done;
  size_t phases;
  int answer;
  size_t answer_at;
  size_t messages;
  size_t debug_messages;
  bool message_is_wrong;
} watch;

static watch new_watch(void) {
  watch made;
  memset(&made, 0, sizeof made);
  made.thread = pthread_self();
  made.shortest = 1e9;
  made.phase_is_done = true;
  return made;
}

static int see_progress(void *user_data, const patchcore_progress *progress) {
  watch *self = (watch *)user_data;
  const double at = now();
  self->on_other_thread |= !pthread_equal(self->thread, pthread_self());
  self->is_wrong |= progress->struct_size < sizeof(patchcore_progress);
  self->is_wrong |= progress->phase < PATCHCORE_PHASE_HASH || progress->phase > PATCHCORE_PHASE_VERIFY;
  self->is_wrong |= strcmp(patchcore_phase_name(progress->phase), "unknown") == 0;
  self->is_wrong |= progress->unit != PATCHCORE_UNIT_BYTES && progress->unit != PATCHCORE_UNIT_ITEMS;
  self->is_wrong |= progress->done > progress->total;
  const bool is_new_phase = self->phase_is_done && progress->done == 0;
  if (is_new_phase || self->events == 0) {
    self->phases++;
  } else {
    self->is_wrong |= progress->phase != self->last.phase || progress->unit != self->last.unit;
    self->is_wrong |= progress->total != self->last.total || progress->done < self->last.done;
    /* The first event of a phase comes at once, and so does the last. */
    if (progress->done != progress->total && at - self->last_at < self->shortest) {
      self->shortest = at - self->last_at;
    }
  }
  self->events++;
  self->last_at = at;
  self->last = *progress;
  self->phase_is_done = progress->done == progress->total;
  return self->events > self->answer_at ? self->answer : 0;
}

static void see_log(void *user_data, int32_t level, const char *message, size_t len) {
  watch *self = (watch *)user_data;
  self->messages++;
  self->debug_messages += level == PATCHCORE_LOG_DEBUG;
  self->on_other_thread |= !pthread_equal(self->thread, pthread_self());
  self->message_is_wrong |= level < PATCHCORE_LOG_WARNING || level > PATCHCORE_LOG_DEBUG;
  self->message_is_wrong |= len == 0 || strlen(message) != len;
}

static patchcore_job job_with(watch *watcher) {
  patchcore_job made = PATCHCORE_JOB_INIT;
  made.progress = see_progress;
  made.log = see_log;
  made.user_data = watcher;
  return made;
}

static void progress_ascends_on_the_callers_thread_at_most_ten_times_a_second(void) {
  THE_ERROR;
  slow_file file = {is_quick() ? 512 << 10 : 2 << 20, 0.001, 0};
  const patchcore_input input = slow_input(&file);
  watch watcher = new_watch();
  const patchcore_job job = job_with(&watcher);
  uint8_t digest[32];
  const double started = now();
  EXPECT_OK(patchcore_digest_of(&input, &job, digest, &error));
  const double took = now() - started;
  CHECK(!watcher.is_wrong && !watcher.on_other_thread && watcher.phases == 1 && watcher.phase_is_done);
  CHECK(watcher.last.phase == PATCHCORE_PHASE_HASH && watcher.last.unit == PATCHCORE_UNIT_BYTES);
  CHECK(watcher.last.done == file.size && watcher.last.total == file.size);
  CHECK(watcher.shortest >= 0.09);
  CHECK(watcher.events >= 3 && (double)watcher.events <= 2 + took * 10 + 1);
  THE_END;
}

static void every_operation_reports_whole_phases_and_logs_them(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]), to = input_of(all.versions[1]);
  const patchcore_input deltas[2] = {input_of(all.deltas[0]), input_of(all.deltas[1])};
  patchcore_chain *chain = open_chain(all.chain);
  for (int operation = 0; operation < 9; operation++) {
    watch watcher = new_watch();
    const patchcore_job job = job_with(&watcher);
    patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
    const patchcore_output output = patchcore_output_memory(&buffer);
    patchcore_explanation *explanation = NULL;
    patchcore_apply_options two_threads = PATCHCORE_APPLY_OPTIONS_INIT;
    two_threads.threads = 2;
    switch (operation) {
    case 0:
      EXPECT_OK(patchcore_delta_diff(&from, &to, &output, NULL, &job, NULL, &error));
      break;
    case 1:
      EXPECT_OK(patchcore_delta_apply(&from, &deltas[0], &output, NULL, &job, NULL, &error));
      break;
    case 2:
      EXPECT_OK(patchcore_delta_apply(&from, &deltas[0], &output, &two_threads, &job, NULL, &error));
      break;
    case 3:
      EXPECT_OK(patchcore_delta_squash(deltas, 2, &output, NULL, &job, NULL, &error));
      break;
    case 4:
      EXPECT_OK(patchcore_delta_verify(&deltas[0], &from, NULL, &job, NULL, NULL, &error));
      break;
    case 5:
      EXPECT_OK(patchcore_delta_explain(&deltas[0], 3, NULL, &job, &explanation, &error));
      break;
    case 6:
      EXPECT_OK(patchcore_chain_apply(chain, &from, NULL, 0, &output, NULL, &job, NULL, &error));
      break;
    case 7:
      EXPECT_OK(patchcore_chain_verify(chain, NULL, &job, NULL, &error));
      break;
    default:
      EXPECT_OK(patchcore_chain_create(deltas, 2, &output, NULL, NULL, &job, &error));
      break;
    }
    if (!CHECK(!watcher.is_wrong && !watcher.on_other_thread && watcher.phases >= 1 && watcher.phase_is_done) ||
        !CHECK(watcher.debug_messages == watcher.phases && !watcher.message_is_wrong)) {
      fprintf(stderr, "  operation %d: %zu phases, %zu debug messages\n", operation, watcher.phases,
              watcher.debug_messages);
    }
    CHECK(operation != 6 || watcher.messages > watcher.debug_messages);
    patchcore_buffer_free(&buffer);
    patchcore_explanation_free(explanation);
  }
  patchcore_chain_free(chain);
  THE_END;
}

static void a_positive_answer_cancels_and_a_negative_one_is_kept(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]), delta_input = input_of(all.deltas[0]);
  const char *folder = in_folder("answers");
  mkdir(folder, 0700);
  const patchcore_output output = patchcore_output_path(in_folder("answers/out"));
  const int answers[] = {1, INT_MAX, -1, -4711, INT_MIN};
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    for (size_t at = 0; at < 3; at++) {
      watch watcher = new_watch();
      watcher.answer = answers[i];
      watcher.answer_at = at;
      const patchcore_job job = job_with(&watcher);
      const patchcore_status wanted = answers[i] > 0 ? PATCHCORE_CANCELLED : PATCHCORE_CALLBACK;
      EXPECT(wanted, patchcore_delta_apply(&from, &delta_input, &output, NULL, &job, NULL, &error));
      CHECK(answers[i] > 0 ? patchcore_error_callback_value(error, NULL) == 0 : is_callback_value(error, answers[i]));
      CHECK(watcher.events == at + 1 && entries_of(folder) == 0);
    }
  }
  THE_END;
}

static void a_request_made_before_stops_every_operation(void) {
  THE_ERROR;
  patchcore_cancel *cancel = patchcore_cancel_new();
  REQUIRE(cancel != NULL && patchcore_cancel_is_requested(cancel) == 0);
  patchcore_cancel_request(cancel);
  patchcore_cancel_request(cancel);
  CHECK(patchcore_cancel_is_requested(cancel) == 1);
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.cancel = cancel;
  const patchcore_input from = input_of(all.versions[0]), to = input_of(all.versions[1]);
  const patchcore_input deltas[2] = {input_of(all.deltas[0]), input_of(all.deltas[1])};
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_explanation *explanation = NULL;
  patchcore_chain *chain = open_chain(all.chain);
  uint8_t digest[32];
  const char *folder = in_folder("cancelled"), *path = file_of("cancelled.chain", all.chain);
  const size_t nul = PATCHCORE_NUL_TERMINATED;
#define CANCELLED(call) EXPECT(PATCHCORE_CANCELLED, call)
  CANCELLED(patchcore_digest_of(&from, &job, digest, &error));
  CANCELLED(patchcore_delta_diff(&from, &to, &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_delta_apply(&from, &deltas[0], &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_delta_squash(deltas, 2, &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_delta_verify(&deltas[0], NULL, NULL, &job, NULL, NULL, &error));
  CANCELLED(patchcore_delta_explain(&deltas[0], 3, NULL, &job, &explanation, &error));
  CANCELLED(patchcore_chain_apply(chain, &from, NULL, 0, &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_chain_squash(chain, NULL, 0, NULL, 0, &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_chain_extract_link(chain, 0, &output, NULL, &job, NULL, &error));
  CANCELLED(patchcore_chain_extract(chain, folder, nul, NULL, 0, NULL, 0, 0, NULL, &job, NULL, &error));
  CANCELLED(patchcore_chain_verify(chain, NULL, &job, NULL, &error));
  CANCELLED(patchcore_chain_explain_link(chain, 0, 3, NULL, &job, &explanation, &error));
  CANCELLED(patchcore_chain_create(deltas, 2, &output, NULL, NULL, &job, &error));
  CANCELLED(patchcore_chain_append(path, nul, deltas, 1, NULL, 0, NULL, &job, &error));
  CANCELLED(patchcore_chain_prune(path, nul, "v3", 2, 0, NULL, &job, NULL, &error));
  CHECK(buffer.data == NULL && explanation == NULL && !exists(folder) && file_holds(path, all.chain));
  patchcore_chain_free(chain);
  patchcore_cancel_free(cancel);
  THE_END;
}

static void *cancel_soon(void *cancel) {
  pause_for(0.05);
  patchcore_cancel_request((const patchcore_cancel *)cancel);
  return NULL;
}

static void another_thread_stops_a_running_job(void) {
  THE_ERROR;
  slow_file old_file = {8 << 20, 0.001, 0}, new_file = {8 << 20, 0.001, 0};
  const patchcore_input from = slow_input(&old_file), to = slow_input(&new_file);
  const char *folder = in_folder("stopped");
  mkdir(folder, 0700);
  const patchcore_output output = patchcore_output_path(in_folder("stopped/out"));
  patchcore_cancel *cancel = patchcore_cancel_new();
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.cancel = cancel;
  pthread_t other;
  REQUIRE(pthread_create(&other, NULL, cancel_soon, cancel) == 0);
  const double started = now();
  EXPECT(PATCHCORE_CANCELLED, patchcore_delta_diff(&from, &to, &output, NULL, &job, NULL, &error));
  /* Reading all of it takes more than 4 s. */
  CHECK(now() - started < 2);
  CHECK(entries_of(folder) == 0 && patchcore_cancel_is_requested(cancel) == 1);
  pthread_join(other, NULL);
  patchcore_cancel_free(cancel);
  THE_END;
}

static const patchcore_cancel *cancel_of_the_alarm = NULL;

static void cancel_by_alarm(int number) {
  (void)number;
  patchcore_cancel_request(cancel_of_the_alarm);
}

static void a_signal_handler_stops_a_running_job(void) {
  THE_ERROR;
  slow_file file = {8 << 20, 0.001, 0};
  const patchcore_input input = slow_input(&file);
  patchcore_cancel *cancel = patchcore_cancel_new();
  cancel_of_the_alarm = cancel;
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = cancel_by_alarm;
  REQUIRE(sigaction(SIGALRM, &action, &before) == 0);
  const struct itimerval timer = {{0, 0}, {0, 50000}};
  REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.cancel = cancel;
  uint8_t digest[32];
  EXPECT(PATCHCORE_CANCELLED, patchcore_digest_of(&input, &job, digest, &error));
  CHECK(file.reads < (8 << 20) / 4096);
  REQUIRE(sigaction(SIGALRM, &before, NULL) == 0);
  patchcore_cancel_free(cancel);
  THE_END;
}

/* Nothing calls back here: the operation itself must look at the flag often enough. */
static void comparing_and_encoding_in_memory_are_stopped_soon(void) {
  THE_ERROR;
  bytes from = image(6 << 20, 31), to = image(6 << 20, 32);
  memcpy(to.data + (2 << 20), from.data, 2 << 20);
  const patchcore_input old_input = input_of(from), new_input = input_of(to);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_diff_options options = PATCHCORE_DIFF_OPTIONS_INIT;
  options.level = 9;
  for (uint64_t threads = 1; threads <= 2; threads++) {
    patchcore_cancel *cancel = patchcore_cancel_new();
    patchcore_job job = PATCHCORE_JOB_INIT;
    job.cancel = cancel;
    options.threads = threads;
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, cancel_soon, cancel) == 0);
    const double started = now();
    EXPECT(PATCHCORE_CANCELLED, patchcore_delta_diff(&old_input, &new_input, &output, &options, &job, NULL, &error));
    if (!CHECK(now() - started < 1.5)) {
      fprintf(stderr, "  it took %.2f s\n", now() - started);
    }
    pthread_join(other, NULL);
    patchcore_cancel_free(cancel);
  }
  CHECK(buffer.data == NULL);
  bytes_free(&from);
  bytes_free(&to);
  THE_END;
}

/* Handles that a job uses are freed under its feet. */
typedef struct freeing {
  patchcore_cancel *cancel;
  patchcore_chain *chain;
  size_t calls;
} freeing;

static int free_the_handles(void *user_data, const patchcore_progress *progress) {
  freeing *self = (freeing *)user_data;
  (void)progress;
  if (self->calls++ == 0) {
    patchcore_chain_free(self->chain);
    patchcore_cancel_free(self->cancel);
  }
  return 0;
}

static void handles_may_be_freed_inside_a_callback_of_the_job_that_uses_them(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  freeing handles = {patchcore_cancel_new(), open_chain(all.chain), 0};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.cancel = handles.cancel;
  job.progress = free_the_handles;
  job.user_data = &handles;
  EXPECT_OK(patchcore_chain_apply(handles.chain, &from, NULL, 0, &output, NULL, &job, NULL, &error));
  CHECK(handles.calls > 1 && holds(&buffer, all.versions[LINKS]));
  patchcore_buffer_free(&buffer);
  THE_END;
}

/* A remote chain whose owner gives up on it in the middle of a request. */
typedef struct leaving {
  source remote;
  patchcore_chain *chain;
} leaving;

static int free_and_read(void *user_data, uint64_t offset, uint8_t *buffer, size_t len) {
  leaving *self = (leaving *)user_data;
  patchcore_chain_free(self->chain);
  self->chain = NULL;
  return read_source(&self->remote, offset, buffer, len);
}

static void a_chain_may_be_freed_inside_its_own_read_at(void) {
  THE_ERROR;
  leaving owner = {{all.chain, 0, 0, 0, 0, false}, NULL};
  const patchcore_input input = patchcore_input_callback(free_and_read, &owner, all.chain.len);
  const patchcore_input from = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  MUST(patchcore_chain_open(&input, &owner.chain, &error));
  EXPECT_OK(patchcore_chain_apply(owner.chain, &from, NULL, 0, &output, NULL, NULL, NULL, &error));
  CHECK(owner.chain == NULL && holds(&buffer, all.versions[LINKS]));
  patchcore_buffer_free(&buffer);
  THE_END;
}

static volatile bool is_running = false;

static int say_running(void *user_data, const patchcore_progress *progress) {
  (void)user_data, (void)progress;
  is_running = true;
  pause_for(0.05);
  return 0;
}

static void *free_when_running(void *user_data) {
  freeing *self = (freeing *)user_data;
  while (!is_running) {
    pause_for(0.001);
  }
  patchcore_chain_free(self->chain);
  patchcore_cancel_free(self->cancel);
  return NULL;
}

static void handles_may_be_freed_by_another_thread_while_a_job_runs(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  freeing handles = {patchcore_cancel_new(), open_chain(all.chain), 0};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.cancel = handles.cancel;
  job.progress = say_running;
  pthread_t other;
  REQUIRE(pthread_create(&other, NULL, free_when_running, &handles) == 0);
  EXPECT_OK(patchcore_chain_apply(handles.chain, &from, NULL, 0, &output, NULL, &job, NULL, &error));
  pthread_join(other, NULL);
  CHECK(holds(&buffer, all.versions[LINKS]));
  patchcore_buffer_free(&buffer);
  THE_END;
}

typedef struct nested {
  const patchcore_chain *chain;
  size_t calls;
  bool failed;
} nested;

static int use_the_chain(void *user_data, const patchcore_progress *progress) {
  nested *self = (nested *)user_data;
  (void)progress;
  self->calls++;
  uint64_t ordinal = 0;
  self->failed |= patchcore_chain_resolve(self->chain, "v2", 2, &ordinal, NULL) != PATCHCORE_OK || ordinal != 1;
  self->failed |= patchcore_chain_verify(self->chain, NULL, NULL, NULL, NULL) != PATCHCORE_OK;
  const patchcore_input from = input_of(all.versions[1]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  self->failed |= patchcore_chain_apply(self->chain, &from, "v3", 2, &output, NULL, NULL, NULL, NULL) != PATCHCORE_OK;
  self->failed |= !holds(&buffer, all.versions[2]);
  patchcore_buffer_free(&buffer);
  return 0;
}

static void a_callback_may_use_the_chain_that_its_job_uses(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]);
  patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
  const patchcore_output output = patchcore_output_memory(&buffer);
  patchcore_chain *chain = open_chain(all.chain);
  nested inner = {chain, 0, false};
  patchcore_job job = PATCHCORE_JOB_INIT;
  job.progress = use_the_chain;
  job.user_data = &inner;
  EXPECT_OK(patchcore_chain_apply(chain, &from, NULL, 0, &output, NULL, &job, NULL, &error));
  CHECK(inner.calls > 0 && !inner.failed && holds(&buffer, all.versions[LINKS]));
  patchcore_buffer_free(&buffer);
  patchcore_chain_free(chain);
  THE_END;
}

typedef struct shared {
  const patchcore_chain *chain;
  int version;
  bool failed;
} shared;

static void *apply_many_times(void *user_data) {
  shared *self = (shared *)user_data;
  const patchcore_input from = input_of(all.versions[self->version]);
  for (int i = 0; i < (is_quick() ? 2 : 20); i++) {
    patchcore_buffer buffer = PATCHCORE_BUFFER_INIT;
    const patchcore_output output = patchcore_output_memory(&buffer);
    self->failed |= patchcore_chain_apply(self->chain, &from, NULL, 0, &output, NULL, NULL, NULL, NULL) != PATCHCORE_OK;
    self->failed |= !holds(&buffer, all.versions[LINKS]);
    patchcore_buffer_free(&buffer);
  }
  return NULL;
}

static void several_threads_use_one_chain_at_once(void) {
  patchcore_chain *chain = open_chain(all.chain);
  pthread_t threads[VERSIONS];
  shared users[VERSIONS];
  for (int i = 0; i < VERSIONS; i++) {
    users[i] = (shared){chain, i, false};
    REQUIRE(pthread_create(&threads[i], NULL, apply_many_times, &users[i]) == 0);
  }
  for (int i = 0; i < VERSIONS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(!users[i].failed);
  }
  patchcore_chain_free(chain);
}

static void a_log_without_progress_and_progress_without_a_log_work(void) {
  THE_ERROR;
  const patchcore_input from = input_of(all.versions[0]), delta_input = input_of(all.deltas[0]);
  for (int which = 0; which < 2; which++) {
    watch watcher = new_watch();
    patchcore_job job = job_with(&watcher);
    if (which == 0) {
      job.progress = NULL;
    } else {
      job.log = NULL;
    }
    EXPECT_OK(patchcore_delta_verify(&delta_input, &from, NULL, &job, NULL, NULL, &error));
    CHECK((watcher.events > 0) == (which == 1) && (watcher.messages > 0) == (which == 0));
  }
  THE_END;
}

int main(void) {
  all = history_of(20000);
  RUN(progress_ascends_on_the_callers_thread_at_most_ten_times_a_second);
  RUN(every_operation_reports_whole_phases_and_logs_them);
  RUN(a_positive_answer_cancels_and_a_negative_one_is_kept);
  RUN(a_request_made_before_stops_every_operation);
  RUN(another_thread_stops_a_running_job);
  RUN(a_signal_handler_stops_a_running_job);
  if (!is_quick()) {
    RUN(comparing_and_encoding_in_memory_are_stopped_soon);
  }
  RUN(handles_may_be_freed_inside_a_callback_of_the_job_that_uses_them);
  RUN(a_chain_may_be_freed_inside_its_own_read_at);
  RUN(handles_may_be_freed_by_another_thread_while_a_job_runs);
  RUN(a_callback_may_use_the_chain_that_its_job_uses);
  RUN(several_threads_use_one_chain_at_once);
  RUN(a_log_without_progress_and_progress_without_a_log_work);
  history_free(&all);
  return check_report();
}
