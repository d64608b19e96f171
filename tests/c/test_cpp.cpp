// patchcore.hpp says what patchcore.h says, owns what it makes, and brings exceptions of callbacks through C unharmed.

#include "device.h"

#include <patchcore.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace fs = std::filesystem;
using patchcore::input;
using patchcore::output;

namespace {

struct history {
  std::vector<patchcore::bytes> versions;
  std::vector<patchcore::bytes> deltas;

  history() {
    bytes first = image(20000, 1);
    versions.emplace_back(first.data, first.data + first.len);
    bytes_free(&first);
    for (unsigned i = 0; i < 3; ++i) {
      patchcore::bytes &last = versions.back();
      bytes next = successor(bytes{last.data(), last.size()}, 30, 100 + i);
      versions.emplace_back(next.data, next.data + next.len);
      bytes_free(&next);
      patchcore::bytes delta;
      patchcore::diff_options options;
      options.level = 1;
      patchcore::diff(input::memory(versions[i]), input::memory(versions[i + 1]), output::memory(delta), options);
      deltas.push_back(delta);
    }
  }

  std::vector<input> inputs() const {
    return {input::memory(deltas[0]), input::memory(deltas[1]), input::memory(deltas[2])};
  }

  patchcore::bytes chain() const {
    patchcore::bytes made;
    patchcore::chain::create(inputs(), output::memory(made));
    return made;
  }
};

const history *all = nullptr;

fs::path path_of(const char *name) { return fs::path(in_folder(name)); }

void write(const fs::path &path, const patchcore::bytes &content) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(content.data()), static_cast<std::streamsize>(content.size()));
}

patchcore::bytes read(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return patchcore::bytes(std::istreambuf_iterator<char>(file), {});
}

// What a callback of a caller may throw: something that is no std::exception.
struct oddity {
  int number;
};

template <typename Function> bool throws_oddity(int number, Function &&function) {
  try {
    function();
  } catch (const oddity &caught) {
    return caught.number == number;
  } catch (const std::exception &caught) {
    std::fprintf(stderr, "  threw %s\n", caught.what());
  }
  return false;
}

template <typename Function> bool fails(patchcore::status wanted, Function &&function) {
  try {
    function();
  } catch (const patchcore::error &error) {
    const bool same = error.status() == wanted && error.status_name() == patchcore::status_name(wanted);
    if (!same) {
      std::fprintf(stderr, "  gave %s: %s\n", std::string(error.status_name()).c_str(), error.what());
    }
    return same;
  }
  std::fprintf(stderr, "  did not fail\n");
  return false;
}

void errors_tell_all_that_c_tells() {
  const fs::path missing = path_of("größe");
  try {
    patchcore::inspect(input(missing));
    CHECK(false);
  } catch (const std::runtime_error &caught) {
    const auto *error = dynamic_cast<const patchcore::error *>(&caught);
    REQUIRE(error != nullptr);
    CHECK(error->status() == patchcore::status::not_found && error->status_name() == "NOT_FOUND");
    CHECK(error->path() == missing && error->system_code() == ENOENT && !error->offset());
    CHECK(!error->callback_value() && error->outcome() == patchcore::outcome::none);
    CHECK(std::string(error->what()).find(missing.string()) != std::string::npos);
    const patchcore::error copy = *error;
    CHECK(copy.path() == missing && std::string(copy.what()) == error->what());
  }
  patchcore::bytes damaged = all->deltas[0];
  damaged[damaged.size() - 8] ^= 1;
  try {
    patchcore::verify(input::memory(damaged));
    CHECK(false);
  } catch (const patchcore::error &error) {
    CHECK(error.status() == patchcore::status::corrupt && error.offset().value_or(0) >= 132 && error.path().empty());
  }
  static_assert(std::is_nothrow_copy_constructible_v<patchcore::error>, "exceptions must not throw when copied");
  CHECK(patchcore::status_name(static_cast<patchcore::status>(999)) == "UNKNOWN");
  CHECK(patchcore::version() == PATCHCORE_VERSION && patchcore::version_number() == patchcore_version_number());
}

void deltas_go_from_and_to_paths_memory_and_functions() {
  const patchcore::bytes &from = all->versions[0], &to = all->versions[1];
  const fs::path old_path = path_of("old"), new_path = path_of("new"), delta_path = path_of("delta");
  write(old_path, from);
  write(new_path, to);
  const patchcore::delta_info made = patchcore::diff(old_path, new_path, delta_path);
  CHECK(made.old_size == from.size() && made.new_size == to.size() && made.delta_size == fs::file_size(delta_path));
  CHECK(made.new_digest == patchcore::digest::of(new_path) && made.old_digest != made.new_digest);
  CHECK(patchcore::kind_of(delta_path) == patchcore::file_kind::delta);

  patchcore::apply(old_path, delta_path, old_path);
  CHECK(read(old_path) == to);
  write(old_path, from);

  patchcore::buffer result;
  const patchcore::apply_stats stats = patchcore::apply(input::memory(from), delta_path, output::memory(result));
  CHECK(patchcore::bytes(result.begin(), result.end()) == to && result.size() == stats.new_size && !result.empty());
  CHECK(stats.new_digest == made.new_digest);
  patchcore::apply(input::memory(from), delta_path, output::memory(result));
  CHECK(patchcore::digest::of(input::memory(result)) == made.new_digest);
  const patchcore::buffer moved = std::move(result);
  CHECK(moved.size() == to.size());

  patchcore::bytes written;
  const auto read_at = [&](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(offset), len, data);
  };
  const auto append = [&](const std::uint8_t *data, std::size_t len) {
    written.insert(written.end(), data, data + len);
  };
  patchcore::apply(input::callback(read_at, from.size()), delta_path, output::callback(append));
  CHECK(written == to);

  CHECK(fails(patchcore::status::invalid_argument,
              [&] { patchcore::diff(old_path, new_path, output::path(delta_path, true)); }));
  patchcore::bytes kept = {1, 2, 3};
  CHECK(
      fails(patchcore::status::source_mismatch, [&] { patchcore::apply(new_path, delta_path, output::memory(kept)); }));
  CHECK(kept == patchcore::bytes({1, 2, 3}));
}

void squash_inspect_verify_and_explain_agree() {
  patchcore::bytes squashed, made;
  patchcore::squash_options options;
  options.level = 1;
  const patchcore::delta_info info = patchcore::squash(all->inputs(), output::memory(squashed), options);
  patchcore::apply(input::memory(all->versions[0]), input::memory(squashed), output::memory(made));
  CHECK(made == all->versions[3]);
  CHECK(patchcore::inspect(input::memory(squashed)).new_digest == info.new_digest);
  const patchcore::verified_delta checked = patchcore::verify(input::memory(squashed));
  CHECK(checked.info.delta_size == squashed.size());
  CHECK(checked.contents.copied_bytes + checked.contents.inserted_bytes == made.size());
  CHECK(fails(patchcore::status::source_mismatch,
              [&] { patchcore::verify(input::memory(squashed), input::memory(all->versions[1])); }));
  patchcore::verify(input::memory(squashed), input::memory(all->versions[0]));
  const patchcore::explanation told = patchcore::explain(input::memory(squashed), 2);
  std::uint64_t sum = 0;
  for (const patchcore::explained_part &part : told.parts) {
    sum += part.delta_bytes;
    CHECK(!part.stream.empty() && !part.codec.empty());
  }
  CHECK(sum == squashed.size() && told.segments.size() == 1 && told.segments[0].output_end == made.size());
  CHECK(told.contents.copies == checked.contents.copies && told.largest_insertions.size() <= told.insertions);
}

void a_chain_does_all_that_c_does() {
  const patchcore::bytes content = all->chain();
  patchcore::chain chain(input::memory(content));
  const patchcore::chain_info info = chain.info();
  CHECK(info.versions == 4 && info.links == 3 && info.shortcuts == 0 && info.chain_id == "chain");
  const std::vector<patchcore::version_info> versions = chain.versions();
  const std::vector<patchcore::link_info> links = chain.links();
  REQUIRE(versions.size() == 4 && links.size() == 3);
  CHECK(versions[2].name == "v3" && versions[2].size == all->versions[2].size());
  CHECK(links[1].from == 1 && links[1].to == 2 && !links[1].shortcut && links[1].size == all->deltas[1].size());
  CHECK(chain.resolve("v2") == 1 && chain.resolve(versions[2].digest.to_hex()) == 2);
  CHECK(chain.find(versions[3].digest) == 3);
  CHECK(chain.route(0, 3) == std::vector<std::uint64_t>({0, 1, 2}) && chain.route(1, 1).empty());
  CHECK(fails(patchcore::status::no_route, [&] { chain.route(1, 0); }));
  CHECK(fails(patchcore::status::unknown_version, [&] { chain.resolve(""); }));

  patchcore::bytes made;
  const input first = input::memory(all->versions[0]);
  const patchcore::chain_apply_stats stats = chain.apply(first, output::memory(made));
  CHECK(made == all->versions[3] && stats.links == 3 && stats.to == 3 && stats.one_pass &&
        stats.new_size == made.size());
  patchcore::apply_options streaming;
  streaming.streaming = true;
  streaming.scratch = path_of("").parent_path();
  chain.apply(first, output::memory(made), "v2", streaming);
  CHECK(made == all->versions[1]);
  CHECK(fails(patchcore::status::unknown_version, [&] { chain.apply(first, output::memory(made), ""); }));
  CHECK(
      fails(patchcore::status::unknown_version, [&] { chain.apply(first, output::memory(made), std::string_view()); }));

  patchcore::bytes squashed;
  chain.squash(output::memory(squashed), "v1", "v3");
  patchcore::apply(first, input::memory(squashed), output::memory(made));
  CHECK(made == all->versions[2]);
  patchcore::bytes link;
  chain.extract_link(1, output::memory(link));
  CHECK(link == all->deltas[1] && chain.verify() == 0);
  CHECK(chain.extract(path_of("links")) == 3 && fs::exists(path_of("links") / "0000_v1_to_v2.delta"));
  CHECK(chain.extract(path_of("some"), "v2", "v3", true) == 1);
  CHECK(chain.explain_link(0, 1).info.delta_size == all->deltas[0].size());

  patchcore::chain moved = std::move(chain);
  CHECK(moved.info().links == 3);
  CHECK(fails(patchcore::status::invalid_argument, [&] { chain.info(); }));
  chain = std::move(moved);
  CHECK(chain.info().links == 3);
  static_assert(!std::is_copy_constructible_v<patchcore::chain> &&
                    std::is_nothrow_move_constructible_v<patchcore::chain>,
                "a chain has one owner");
}

void a_chain_file_is_created_appended_to_and_pruned() {
  const fs::path path = path_of("model.chain");
  patchcore::chain_create_options options;
  options.names = {"1.0", "größe"};
  options.chain_id = "model";
  patchcore::chain::create({input::memory(all->deltas[0])}, path, options);
  CHECK(fails(patchcore::status::invalid_argument,
              [&] { patchcore::chain::create({input::memory(all->deltas[0])}, path); }));
  patchcore::chain::append(path, {input::memory(all->deltas[1])}, "2.0");
  patchcore::chain::append(path, {input::memory(all->deltas[2])});
  patchcore::chain chain{input(path)};
  CHECK(chain.info().chain_id == "model" && chain.version(1).name == "größe" && chain.version(2).name == "2.0");
  const patchcore::prune_stats stats = patchcore::chain::prune(path, "2.0", true);
  CHECK(stats.removed_links == 2 && stats.removed_versions == 2 && stats.size_after < stats.size_before);
  CHECK(patchcore::chain{input(path)}.info().versions == 2);
  CHECK(patchcore::kind_of(path) == patchcore::file_kind::chain);
}

void exceptions_of_inputs_and_outputs_come_out_as_they_were_thrown() {
  const input from = input::memory(all->versions[0]), delta = input::memory(all->deltas[0]);
  const auto throwing = [](std::uint64_t, std::uint8_t *, std::size_t) { throw oddity{1}; };
  const std::uint64_t size = all->versions[0].size();
  patchcore::bytes made;
  CHECK(throws_oddity(1, [&] { patchcore::inspect(input::callback(throwing, 1000)); }));
  CHECK(throws_oddity(1, [&] { patchcore::apply(input::callback(throwing, size), delta, output::memory(made)); }));
  patchcore::apply_options two_threads;
  two_threads.threads = 2;
  CHECK(throws_oddity(
      1, [&] { patchcore::apply(input::callback(throwing, size), delta, path_of("never"), two_threads); }));
  CHECK(!fs::exists(path_of("never")));
  CHECK(throws_oddity(1, [&] { patchcore::digest::of(input::callback(throwing, 10)); }));
  CHECK(throws_oddity(1, [&] { patchcore::chain{input::callback(throwing, 10000)}; }));
  const auto refusing = [](const std::uint8_t *, std::size_t) { throw oddity{2}; };
  CHECK(throws_oddity(2, [&] { patchcore::apply(from, delta, output::callback(refusing)); }));
  CHECK(throws_oddity(2, [&] { patchcore::squash(all->inputs(), output::callback(refusing)); }));
  CHECK(made.empty());
}

void exceptions_of_a_chain_behind_a_function_come_out_of_whoever_used_it() {
  const patchcore::bytes content = all->chain();
  int failing = 0;
  const auto read_at = [&](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
    if (failing != 0) {
      throw oddity{failing};
    }
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), len, data);
  };
  patchcore::bytes made;
  const patchcore::chain chain(input::callback(read_at, content.size()));
  const input first = input::memory(all->versions[0]);
  for (failing = 1; failing < 4; ++failing) {
    CHECK(throws_oddity(failing, [&] { chain.apply(first, output::memory(made)); }));
    CHECK(throws_oddity(failing, [&] { chain.verify(); }));
    CHECK(throws_oddity(failing, [&] { chain.squash(output::memory(made)); }));
    CHECK(throws_oddity(failing, [&] { chain.extract_link(0, output::memory(made)); }));
    CHECK(throws_oddity(failing, [&] { chain.explain_link(0, 1); }));
  }
  failing = 0;
  chain.apply(first, output::memory(made));
  CHECK(made == all->versions[3]);
}

void each_thread_gets_the_exception_that_it_threw() {
  const patchcore::bytes content = all->chain();
  thread_local int number = 0;
  const auto read_at = [&](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
    if (number != 0) {
      throw oddity{number};
    }
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), len, data);
  };
  const patchcore::chain chain(input::callback(read_at, content.size()));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 1; i <= 4; ++i) {
    threads.emplace_back([&, i] {
      number = i;
      for (int round = 0; round < 50; ++round) {
        wrong += throws_oddity(i, [&] { chain.verify(); }) ? 0 : 1;
      }
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
}

void jobs_report_log_cancel_and_throw() {
  const input from = input::memory(all->versions[0]), delta = input::memory(all->deltas[0]);
  patchcore::bytes made;
  patchcore::job job;
  std::size_t events = 0, messages = 0;
  job.progress_changed = [&](const patchcore::progress &at) {
    ++events;
    CHECK(at.done <= at.total && at.unit == patchcore::unit::bytes && patchcore::phase_name(at.phase) != "unknown");
    return true;
  };
  job.log = [&](patchcore::log_level level, std::string_view message) {
    ++messages;
    CHECK(level == patchcore::log_level::debug && !message.empty());
  };
  patchcore::apply(from, delta, output::memory(made), {}, job);
  CHECK(events > 1 && messages > 0 && made == all->versions[1]);

  made.clear();
  job.progress_changed = [](const patchcore::progress &) { return false; };
  CHECK(fails(patchcore::status::cancelled, [&] { patchcore::apply(from, delta, output::memory(made), {}, job); }));
  job.progress_changed = [](const patchcore::progress &) -> bool { throw oddity{3}; };
  CHECK(throws_oddity(3, [&] { patchcore::apply(from, delta, output::memory(made), {}, job); }));
  CHECK(made.empty());
  job.progress_changed = nullptr;
  job.log = [](patchcore::log_level, std::string_view) { throw oddity{4}; };
  CHECK(throws_oddity(4, [&] { patchcore::apply(from, delta, output::memory(made), {}, job); }));

  patchcore::job stopped;
  patchcore::cancel cancel;
  stopped.cancel = &cancel;
  patchcore::verify(delta, {}, stopped);
  std::thread([&] { cancel.request(); }).join();
  CHECK(cancel.is_requested());
  CHECK(fails(patchcore::status::cancelled, [&] { patchcore::verify(delta, {}, stopped); }));
}

void digests_are_values() {
  const patchcore::digest one = patchcore::digest::of(input::memory("abc", 3));
  CHECK(one.to_hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(patchcore::digest::from_hex("sha256:" + one.to_hex()) == one && one != patchcore::digest());
  CHECK(patchcore::digest() < one);
  CHECK(fails(patchcore::status::invalid_argument, [] { patchcore::digest::from_hex("xyz"); }));
}

// A device of functions over two byte vectors.
struct simulated {
  patchcore::bytes slot;
  int fail = 0;

  patchcore::device callbacks() {
    patchcore::device made;
    made.old_size = all->versions[0].size();
    made.read_old = [this](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
      check(1);
      std::copy_n(all->versions[0].begin() + static_cast<std::ptrdiff_t>(offset), len, data);
    };
    made.write_new = [this](std::uint64_t offset, const std::uint8_t *data, std::size_t len) {
      check(2);
      slot.resize(static_cast<std::size_t>(offset));
      slot.insert(slot.end(), data, data + len);
    };
    made.flush = [this] { check(3); };
    made.read_new = [this](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
      check(4);
      std::copy_n(slot.begin() + static_cast<std::ptrdiff_t>(offset), len, data);
    };
    return made;
  }

  void check(int which) const {
    if (fail == which) {
      throw oddity{which};
    }
  }
};

void feed(patchcore::applier &applier, const patchcore::bytes &delta) {
  for (std::size_t at = static_cast<std::size_t>(applier.position().delta_offset); at < delta.size();) {
    at += applier.push(delta.data() + at, std::min<std::size_t>(1024, delta.size() - at));
  }
}

void an_applier_works_resumes_and_throws() {
  const patchcore::bytes &delta = all->deltas[0];
  simulated device;
  patchcore::applier_options options;
  options.max_memory = 16 << 20;
  patchcore::applier applier(device.callbacks(), options);
  CHECK(fails(patchcore::status::invalid_argument, [&] { applier.info(); }));
  std::size_t at = 0;
  while (at < delta.size() / 2) {
    at += applier.push(delta.data() + at, 100);
  }
  CHECK(applier.info().delta_size == delta.size() && applier.position().delta_offset == at);
  const patchcore::bytes checkpoint = applier.checkpoint();
  CHECK(!checkpoint.empty() && checkpoint.size() <= PATCHCORE_CHECKPOINT_SIZE);
  patchcore::applier resumed = patchcore::applier::resume(device.callbacks(), checkpoint, options);
  CHECK(resumed.position().delta_offset <= at);
  feed(resumed, delta);
  CHECK(resumed.finish().new_size == all->versions[1].size() && device.slot == all->versions[1]);
  patchcore::applier moved = std::move(resumed);
  CHECK(moved.position().delta_offset == delta.size());

  patchcore::bytes damaged = checkpoint;
  damaged[5] ^= 1;
  CHECK(fails(patchcore::status::corrupt, [&] { patchcore::applier::resume(device.callbacks(), damaged); }));

  for (int which : {1, 2, 4}) {
    simulated failing;
    patchcore::applier broken(failing.callbacks());
    failing.fail = which;
    CHECK(throws_oddity(which, [&] {
      feed(broken, delta);
      broken.finish();
    }));
  }
  simulated failing;
  patchcore::applier broken(failing.callbacks());
  failing.fail = 3;
  CHECK(throws_oddity(3, [&] { broken.checkpoint(); }));

  patchcore::applier_options signed_only;
  signed_only.public_key = "nonsense";
  signed_only.signature = "nonsense";
  CHECK(fails(patchcore::status::invalid_argument, [&] { patchcore::applier(device.callbacks(), signed_only); }));
}

void a_key_that_is_empty_does_not_turn_the_check_off() {
  simulated device;
  patchcore::applier_options options;
  options.public_key = "";
  CHECK(fails(patchcore::status::invalid_argument, [&] { patchcore::applier(device.callbacks(), options); }));
}

void an_object_may_be_destroyed_in_its_own_callback() {
  const patchcore::bytes &delta = all->deltas[0];
  simulated device;
  std::unique_ptr<patchcore::applier> applier;
  patchcore::device callbacks = device.callbacks();
  auto read_old = callbacks.read_old;
  const std::string held(1000, 'x');
  std::size_t seen = 0;
  callbacks.read_old = [&seen, &applier, read_old, held](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
    applier.reset();
    read_old(offset, data, len);
    seen += held.size();
  };
  applier = std::make_unique<patchcore::applier>(std::move(callbacks));
  applier->push(delta.data(), delta.size());
  CHECK(applier == nullptr && seen >= 1000);
}

void what_was_made_is_freed_although_a_log_throws() {
  const patchcore::bytes &delta = all->deltas[0];
  patchcore::job job;
  job.log = [](patchcore::log_level, std::string_view) { throw oddity{7}; };
  CHECK(throws_oddity(7, [&] { patchcore::explain(patchcore::input::memory(delta), 10, {}, job); }));
}

} // namespace

int main() {
  const history made;
  all = &made;
  RUN(errors_tell_all_that_c_tells);
  RUN(deltas_go_from_and_to_paths_memory_and_functions);
  RUN(squash_inspect_verify_and_explain_agree);
  RUN(a_chain_does_all_that_c_does);
  RUN(a_chain_file_is_created_appended_to_and_pruned);
  RUN(exceptions_of_inputs_and_outputs_come_out_as_they_were_thrown);
  RUN(exceptions_of_a_chain_behind_a_function_come_out_of_whoever_used_it);
  RUN(each_thread_gets_the_exception_that_it_threw);
  RUN(jobs_report_log_cancel_and_throw);
  RUN(digests_are_values);
  RUN(an_applier_works_resumes_and_throws);
  RUN(a_key_that_is_empty_does_not_turn_the_check_off);
  RUN(an_object_may_be_destroyed_in_its_own_callback);
  RUN(what_was_made_is_freed_although_a_log_throws);
  return check_report();
}
