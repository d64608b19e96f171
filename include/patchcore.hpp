/// @file
/// libpatchcore for C++17: the functions of patchcore.h with owners, exceptions and `std::function`, and nothing else.
///
/// - Whatever fails throws patchcore::error. An exception thrown inside a callback never crosses C: the operation
///   stops, and the same exception comes out of the function that was called.
/// - Options are structs whose zeros mean the defaults; patchcore.h says what each field does.
/// - A `const` object may be used from several threads at once, any other from one; patchcore::cancel from any.
/// - Memory given as an input is borrowed: for the call, and by a chain or a tree patch until that is destroyed.

#ifndef PATCHCORE_HPP
#define PATCHCORE_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "patchcore.h"

namespace patchcore {

/// Bytes owned by the caller.
using bytes = std::vector<std::uint8_t>;

/// What a caller can act on. A newer library may give a number that has no name here.
enum class status : std::int32_t {
  ok = PATCHCORE_OK,
  invalid_argument = PATCHCORE_INVALID_ARGUMENT,
  unsupported = PATCHCORE_UNSUPPORTED,
  cancelled = PATCHCORE_CANCELLED,
  callback = PATCHCORE_CALLBACK,
  busy = PATCHCORE_BUSY,
  internal = PATCHCORE_INTERNAL,
  no_memory = PATCHCORE_NO_MEMORY,
  io = PATCHCORE_IO,
  not_found = PATCHCORE_NOT_FOUND,
  no_space = PATCHCORE_NO_SPACE,
  network = PATCHCORE_NETWORK,
  timeout = PATCHCORE_TIMEOUT,
  permission = PATCHCORE_PERMISSION,
  corrupt = PATCHCORE_CORRUPT,
  limit = PATCHCORE_LIMIT,
  unsafe_path = PATCHCORE_UNSAFE_PATH,
  source_mismatch = PATCHCORE_SOURCE_MISMATCH,
  target_mismatch = PATCHCORE_TARGET_MISMATCH,
  no_route = PATCHCORE_NO_ROUTE,
  unknown_version = PATCHCORE_UNKNOWN_VERSION,
  ambiguous_version = PATCHCORE_AMBIGUOUS_VERSION,
  conflict = PATCHCORE_CONFLICT,
  not_composable = PATCHCORE_NOT_COMPOSABLE,
  bad_signature = PATCHCORE_BAD_SIGNATURE,
  untrusted_key = PATCHCORE_UNTRUSTED_KEY,
  stale = PATCHCORE_STALE,
};

/// What became of the tree that an operation was about.
enum class outcome : std::int32_t {
  none = PATCHCORE_OUTCOME_NONE,
  unchanged = PATCHCORE_OUTCOME_UNCHANGED,
  rolled_back = PATCHCORE_OUTCOME_ROLLED_BACK,
  rollback_failed = PATCHCORE_OUTCOME_ROLLBACK_FAILED,
};

/// The name of a status, such as `SOURCE_MISMATCH`; `UNKNOWN` for a number that the library does not know.
inline std::string_view status_name(status value) { return patchcore_status_name(static_cast<std::int32_t>(value)); }

/// The version of the library in use, such as `0.1.0`.
inline std::string_view version() { return patchcore_version(); }

/// The version of the library in use as `major << 16 | minor << 8 | patch`.
inline std::uint32_t version_number() { return patchcore_version_number(); }

namespace detail {

/// A struct of patchcore.h with every field at its default.
template <typename Struct> Struct sized() {
  Struct value{};
  value.struct_size = sizeof(Struct);
  return value;
}

template <typename Handle, void (*free_handle)(Handle *)> struct deleter {
  void operator()(Handle *handle) const noexcept { free_handle(handle); }
};

template <typename Handle, void (*free_handle)(Handle *)>
using owned = std::unique_ptr<Handle, deleter<Handle, free_handle>>;

using owned_error = owned<patchcore_error, patchcore_error_free>;
using owned_explanation = owned<patchcore_explanation, patchcore_explanation_free>;

/// Lets `function(Handle **)` make an object, which belongs to `owner` from then on.
template <typename Owner, typename Function> patchcore_status receive(Owner &owner, Function &&function) {
  typename Owner::pointer made = nullptr;
  const patchcore_status status = std::forward<Function>(function)(&made);
  owner.reset(made);
  return status;
}

/// A path as patchcore.h takes it: UTF-8 on Windows, bytes elsewhere.
inline std::string encode_path(const std::filesystem::path &path) {
#ifdef _WIN32
  const auto text = path.u8string();
  return std::string(text.begin(), text.end());
#else
  return path.native();
#endif
}

inline std::filesystem::path decode_path(const char *text, std::size_t len) {
#if !defined(_WIN32)
  return std::filesystem::path(std::string(text, len));
#elif defined(__cpp_char8_t)
  return std::filesystem::path(std::u8string(text, text + len));
#else
  return std::filesystem::u8path(text, text + len);
#endif
}

class call;

/// The exceptions of some callbacks, each kept under the number that its callback returned to C. The number, which the
/// error gives back, tells which of them to rethrow when several threads fail at once.
class exceptions {
public:
  /// Runs a callback. Zero, or the number of what it threw.
  template <typename Function> int guard(Function &&function) noexcept {
    try {
      std::forward<Function>(function)();
      return 0;
    } catch (...) {
      return keep(std::current_exception());
    }
  }

  int keep(std::exception_ptr thrown) noexcept {
    static std::atomic<unsigned> count{0};
    const int number = static_cast<int>(count++ % (std::numeric_limits<int>::max)()) + 1;
    try {
      const std::lock_guard<std::mutex> lock(mutex_);
      thrown_[number] = std::move(thrown);
    } catch (...) {
      // No memory to keep it in: the error with status CALLBACK has to do.
    }
    return number;
  }

  std::exception_ptr take(std::int64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = thrown_.find(number);
    if (found == thrown_.end()) {
      return nullptr;
    }
    std::exception_ptr thrown = std::move(found->second);
    thrown_.erase(found);
    return thrown;
  }

private:
  std::mutex mutex_;
  std::map<std::int64_t, std::exception_ptr> thrown_;
};

} // namespace detail

/// What went wrong, where, and what to do about it; `what()` is the whole line.
class error : public std::runtime_error {
public:
  explicit error(const patchcore_error *from)
      : std::runtime_error(patchcore_error_message(from)),
        status_(static_cast<patchcore::status>(patchcore_error_status(from))),
        outcome_(static_cast<patchcore::outcome>(patchcore_error_outcome(from))) {
    std::size_t len = 0;
    if (const char *path = patchcore_error_path(from, &len)) {
      path_ = std::make_shared<const std::filesystem::path>(detail::decode_path(path, len));
    }
    std::uint64_t offset = 0;
    if (patchcore_error_offset(from, &offset) != 0) {
      offset_ = offset;
    }
    std::int64_t value = 0;
    if (patchcore_error_callback_value(from, &value) != 0) {
      callback_value_ = value;
    }
    std::int32_t code = 0;
    if (patchcore_error_system_code(from, &code) != 0) {
      system_code_ = code;
    }
  }

  /// What a caller can act on.
  patchcore::status status() const noexcept { return status_; }
  /// The name of the status, such as `SOURCE_MISMATCH`.
  std::string_view status_name() const noexcept { return patchcore::status_name(status_); }
  /// The file that the error is about; empty where it is about none.
  std::filesystem::path path() const { return path_ ? *path_ : std::filesystem::path(); }
  /// The byte offset that the error is about.
  std::optional<std::uint64_t> offset() const noexcept { return offset_; }
  /// What a callback returned that failed. Callbacks given as `std::function` throw instead.
  std::optional<std::int64_t> callback_value() const noexcept { return callback_value_; }
  /// `errno` or `GetLastError`, where it was the system that failed.
  std::optional<std::int32_t> system_code() const noexcept { return system_code_; }
  /// What became of the tree, where the operation was about one.
  patchcore::outcome outcome() const noexcept { return outcome_; }

private:
  patchcore::status status_;
  patchcore::outcome outcome_;
  // Shared, because copying an exception must not throw.
  std::shared_ptr<const std::filesystem::path> path_;
  std::optional<std::uint64_t> offset_;
  std::optional<std::int64_t> callback_value_;
  std::optional<std::int32_t> system_code_;
};

/// Bytes that the library allocated; a result that need not be copied.
class buffer {
public:
  buffer() noexcept = default;
  buffer(buffer &&other) noexcept : raw_(std::exchange(other.raw_, patchcore_buffer{nullptr, 0})) {}
  buffer &operator=(buffer &&other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~buffer() { patchcore_buffer_free(&raw_); }

  const std::uint8_t *data() const noexcept { return raw_.data; }
  std::size_t size() const noexcept { return raw_.len; }
  bool empty() const noexcept { return raw_.len == 0; }
  const std::uint8_t *begin() const noexcept { return raw_.data; }
  const std::uint8_t *end() const noexcept { return raw_.len == 0 ? raw_.data : raw_.data + raw_.len; }

  /// The struct of patchcore.h, for a function that fills it.
  patchcore_buffer *handle() noexcept { return &raw_; }

private:
  patchcore_buffer raw_{nullptr, 0};
};

/// Fills exactly `len` bytes from `offset` on, or throws. It may be called on a thread of the library.
using read_at_function = std::function<void(std::uint64_t offset, std::uint8_t *data, std::size_t len)>;

/// Takes the next bytes, or throws.
using write_function = std::function<void(const std::uint8_t *data, std::size_t len)>;

/// Bytes to read: a file, memory, or a function.
class input {
public:
  /// The file `path`.
  input(const std::filesystem::path &path) : path_(detail::encode_path(path)) { raw_.kind = PATCHCORE_INPUT_PATH; }

  /// The file `path`.
  static input path(const std::filesystem::path &path) { return input(path); }

  /// Borrowed memory.
  static input memory(const void *data, std::size_t len) {
    input made;
    made.raw_ = patchcore_input_memory(data, len);
    return made;
  }
  /// Borrowed memory.
  static input memory(const bytes &data) { return memory(data.data(), data.size()); }
  /// Borrowed memory.
  static input memory(const buffer &data) { return memory(data.data(), data.size()); }

  /// `size` bytes that `read_at` gives.
  static input callback(read_at_function read_at, std::uint64_t size) {
    input made;
    made.reader_ = std::make_shared<reader>();
    made.reader_->read_at = std::move(read_at);
    made.raw_ = patchcore_input_callback(&read, made.reader_.get(), size);
    return made;
  }

private:
  struct reader : detail::exceptions {
    read_at_function read_at;
  };

  input() = default;

  static int read(void *user_data, std::uint64_t offset, std::uint8_t *data, std::size_t len) noexcept {
    auto *self = static_cast<reader *>(user_data);
    return self->guard([&] { self->read_at(offset, data, len); });
  }

  patchcore_input raw_ = detail::sized<patchcore_input>();
  std::string path_;
  std::shared_ptr<reader> reader_;

  friend class detail::call;
  friend class chain;
  friend class tree_patch;
};

/// Where a result goes: a file, memory, or a function.
class output {
public:
  /// The file `path`, which appears whole or not at all, and may be the old file itself.
  output(const std::filesystem::path &path) : path_(detail::encode_path(path)) { raw_.kind = PATCHCORE_OUTPUT_PATH; }

  /// The file `path`; with `no_clobber` an existing one is refused.
  static output path(const std::filesystem::path &path, bool no_clobber = false) {
    output made(path);
    made.raw_.no_clobber = no_clobber ? 1 : 0;
    return made;
  }

  /// Replaces the content of `result` on success, and leaves it alone on failure.
  static output memory(buffer &result) {
    output made;
    made.raw_.kind = PATCHCORE_OUTPUT_MEMORY;
    made.buffer_ = &result;
    return made;
  }
  /// Replaces the content of `result` on success, and leaves it alone on failure.
  static output memory(bytes &result) {
    output made;
    made.raw_.kind = PATCHCORE_OUTPUT_MEMORY;
    made.bytes_ = &result;
    return made;
  }

  /// Bytes go to `write` in order; what came before a failure is to be thrown away.
  static output callback(write_function write) {
    output made;
    made.writer_ = std::make_shared<writer>();
    made.writer_->write = std::move(write);
    made.raw_ = patchcore_output_callback(&take, made.writer_.get());
    return made;
  }

private:
  struct writer : detail::exceptions {
    write_function write;
  };

  output() = default;

  static int take(void *user_data, const std::uint8_t *data, std::size_t len) noexcept {
    auto *self = static_cast<writer *>(user_data);
    return self->guard([&] { self->write(data, len); });
  }

  patchcore_output raw_ = detail::sized<patchcore_output>();
  std::string path_;
  buffer *buffer_ = nullptr;
  bytes *bytes_ = nullptr;
  std::shared_ptr<writer> writer_;

  friend class detail::call;
};

/// Stops operations from any thread.
class cancel {
public:
  cancel() : handle_(patchcore_cancel_new()) {
    if (!handle_) {
      throw std::bad_alloc();
    }
  }

  /// Asks to stop; there is no way back. Safe in a signal handler.
  void request() const noexcept { patchcore_cancel_request(handle_.get()); }
  bool is_requested() const noexcept { return patchcore_cancel_is_requested(handle_.get()) != 0; }

  /// The handle of patchcore.h.
  const patchcore_cancel *handle() const noexcept { return handle_.get(); }

private:
  detail::owned<patchcore_cancel, patchcore_cancel_free> handle_;
};

/// What an operation is doing.
enum class phase : std::int32_t {
  hash = PATCHCORE_PHASE_HASH,
  match = PATCHCORE_PHASE_MATCH,
  encode = PATCHCORE_PHASE_ENCODE,
  read = PATCHCORE_PHASE_READ,
  compose = PATCHCORE_PHASE_COMPOSE,
  apply = PATCHCORE_PHASE_APPLY,
  verify = PATCHCORE_PHASE_VERIFY,
  scan = PATCHCORE_PHASE_SCAN,
  pack = PATCHCORE_PHASE_PACK,
  download = PATCHCORE_PHASE_DOWNLOAD,
  stage = PATCHCORE_PHASE_STAGE,
  commit = PATCHCORE_PHASE_COMMIT,
  rollback = PATCHCORE_PHASE_ROLLBACK,
};

/// The name of a phase, such as `hash`; `unknown` for a number that the library does not know.
inline std::string_view phase_name(phase value) { return patchcore_phase_name(static_cast<std::int32_t>(value)); }

/// What progress counts.
enum class unit : std::int32_t { bytes = PATCHCORE_UNIT_BYTES, items = PATCHCORE_UNIT_ITEMS };

/// One progress event.
struct progress {
  patchcore::phase phase;
  patchcore::unit unit;
  std::uint64_t done;
  std::uint64_t total;
};

/// How much a message matters.
enum class log_level : std::int32_t {
  warning = PATCHCORE_LOG_WARNING,
  info = PATCHCORE_LOG_INFO,
  debug = PATCHCORE_LOG_DEBUG,
};

/// How an operation is watched and stopped. The functions are called on the thread that runs the operation.
struct job {
  /// Where it is requested, the operation stops with CANCELLED. Borrowed.
  const patchcore::cancel *cancel = nullptr;
  /// At most ten times a second, and at the end of each phase. `false` stops with CANCELLED.
  std::function<bool(const progress &)> progress_changed;
  /// What the operation decides and what it takes. Where it throws, the operation stops as soon as it can; where that
  /// is after its end, the exception comes out all the same.
  std::function<void(log_level, std::string_view)> log;
};

namespace detail {

/// One call of a function of patchcore.h: makes its arguments, and throws what came of it.
class call {
public:
  call() = default;
  call(const call &) = delete;
  call &operator=(const call &) = delete;
  ~call() { patchcore_buffer_free(&result_); }

  patchcore_input in(const input &from) {
    patchcore_input raw = from.raw_;
    if (raw.kind == PATCHCORE_INPUT_PATH) {
      raw.path = from.path_.data();
      raw.path_len = from.path_.size();
    }
    watch(from.reader_);
    return raw;
  }

  std::vector<patchcore_input> in(const std::vector<input> &from) {
    std::vector<patchcore_input> raw;
    raw.reserve(from.size());
    for (const input &one : from) {
      raw.push_back(in(one));
    }
    return raw;
  }

  patchcore_output out(const output &to) {
    patchcore_output raw = to.raw_;
    if (raw.kind == PATCHCORE_OUTPUT_PATH) {
      raw.path = to.path_.data();
      raw.path_len = to.path_.size();
    }
    if (raw.kind == PATCHCORE_OUTPUT_MEMORY) {
      raw.buffer = &result_;
      buffer_ = to.buffer_;
      bytes_ = to.bytes_;
    }
    watch(to.writer_.get());
    return raw;
  }

  patchcore_job with(const job &task) {
    task_ = &task;
    watch(&job_exceptions_);
    patchcore_job raw = detail::sized<patchcore_job>();
    raw.cancel = task.cancel == nullptr ? nullptr : task.cancel->handle();
    raw.user_data = this;
    if (task.log) {
      raw.log = &log;
    }
    if (task.progress_changed || task.log) {
      raw.progress = &progress_changed;
    }
    return raw;
  }

  /// Callbacks whose exceptions this call may bring out.
  void watch(detail::exceptions *source) {
    if (source != nullptr) {
      watched_.push_back(source);
    }
  }

  /// The same, and they outlive the object that they belong to if one of them destroys it.
  template <typename Source> void watch(const std::shared_ptr<Source> &source) {
    watch(source.get());
    kept_.push_back(source);
  }

  /// Runs `function(patchcore_error **)`, throws where it fails, and delivers what it made in memory.
  template <typename Function> void run(Function &&function) {
    patchcore_error *raw = nullptr;
    const patchcore_status status = std::forward<Function>(function)(&raw);
    const detail::owned_error failure(raw);
    if (log_thrown_) {
      std::rethrow_exception(log_thrown_);
    }
    if (status != PATCHCORE_OK) {
      rethrow(failure.get());
    }
    if (bytes_ != nullptr) {
      const bool nothing = result_.len == 0;
      *bytes_ = nothing ? bytes() : bytes(result_.data, result_.data + result_.len);
    } else if (buffer_ != nullptr) {
      std::swap(*buffer_->handle(), result_);
    }
  }

private:
  [[noreturn]] void rethrow(const patchcore_error *failure) {
    std::int64_t value = 0;
    if (patchcore_error_callback_value(failure, &value) != 0) {
      // Progress fails by negative numbers, since positive ones cancel.
      const std::int64_t number = value < 0 ? -value : value;
      for (detail::exceptions *source : watched_) {
        if (std::exception_ptr thrown = source->take(number)) {
          std::rethrow_exception(thrown);
        }
      }
    }
    throw error(failure);
  }

  static int progress_changed(void *user_data, const patchcore_progress *event) noexcept {
    auto *self = static_cast<call *>(user_data);
    if (self->log_thrown_) {
      return 1;
    }
    if (!self->task_->progress_changed) {
      return 0;
    }
    bool go_on = false;
    const progress shown{static_cast<phase>(event->phase), static_cast<unit>(event->unit), event->done, event->total};
    const int thrown = self->job_exceptions_.guard([&] { go_on = self->task_->progress_changed(shown); });
    return thrown != 0 ? -thrown : (go_on ? 0 : 1);
  }

  static void log(void *user_data, std::int32_t level, const char *message, std::size_t len) noexcept {
    auto *self = static_cast<call *>(user_data);
    if (self->log_thrown_) {
      return;
    }
    try {
      self->task_->log(static_cast<log_level>(level), std::string_view(message, len));
    } catch (...) {
      self->log_thrown_ = std::current_exception();
    }
  }

  const job *task_ = nullptr;
  detail::exceptions job_exceptions_;
  std::exception_ptr log_thrown_;
  std::vector<detail::exceptions *> watched_;
  std::vector<std::shared_ptr<void>> kept_;
  patchcore_buffer result_{nullptr, 0};
  buffer *buffer_ = nullptr;
  bytes *bytes_ = nullptr;
};

} // namespace detail

/// A SHA-256 digest.
struct digest {
  std::array<std::uint8_t, PATCHCORE_DIGEST_SIZE> bytes{};

  /// The digest of what an input holds.
  static digest of(const input &from, const job &task = {}) {
    detail::call c;
    const patchcore_input raw = c.in(from);
    const patchcore_job raw_job = c.with(task);
    digest made;
    c.run([&](patchcore_error **e) { return patchcore_digest_of(&raw, &raw_job, made.bytes.data(), e); });
    return made;
  }

  /// Reads hex in either case, with or without `sha256:`.
  static digest from_hex(std::string_view text) {
    digest made;
    detail::call().run(
        [&](patchcore_error **e) { return patchcore_digest_from_hex(text.data(), text.size(), made.bytes.data(), e); });
    return made;
  }

  /// 64 lower-case hex digits.
  std::string to_hex() const {
    std::array<char, PATCHCORE_DIGEST_HEX_SIZE> text{};
    detail::call().run(
        [&](patchcore_error **e) { return patchcore_digest_to_hex(bytes.data(), text.data(), text.size(), e); });
    return std::string(text.data());
  }

  friend bool operator==(const digest &a, const digest &b) { return a.bytes == b.bytes; }
  friend bool operator!=(const digest &a, const digest &b) { return a.bytes != b.bytes; }
  friend bool operator<(const digest &a, const digest &b) { return a.bytes < b.bytes; }
};

/// What finds the matches between two files.
enum class engine : std::int32_t { automatic = PATCHCORE_ENGINE_AUTO, bsdiff = PATCHCORE_ENGINE_BSDIFF };

/// How a delta is made. See patchcore_diff_options.
struct diff_options {
  std::int32_t level = 0;
  patchcore::engine engine = patchcore::engine::automatic;
  std::uint64_t threads = 0;
  std::uint64_t max_apply_memory = 0;
};

/// How deltas are squashed. See patchcore_squash_options.
struct squash_options {
  std::int32_t level = 0;
  std::uint64_t threads = 0;
  std::uint64_t max_apply_memory = 0;
  std::uint64_t max_memory = 0;
  std::uint64_t max_operations = 0;
};

/// How deltas and chains are applied. See patchcore_apply_options.
struct apply_options {
  std::uint64_t threads = 0;
  std::uint64_t max_memory = 0;
  std::uint64_t max_output = 0;
  bool streaming = false;
  std::filesystem::path scratch;
};

/// What reading may use. See patchcore_limits.
struct limits {
  std::uint64_t max_memory = 0;
};

/// What a delta says about itself.
struct delta_info {
  std::uint64_t old_size;
  std::uint64_t new_size;
  digest old_digest;
  digest new_digest;
  std::uint64_t apply_memory;
  std::uint64_t stream_bytes;
  std::uint64_t segments;
  std::uint64_t delta_size;
};

/// What checking a whole delta counted.
struct delta_contents {
  std::uint64_t copies;
  std::uint64_t copied_bytes;
  std::uint64_t changed_bytes;
  std::uint64_t inserted_bytes;
};

/// A delta that was checked.
struct verified_delta {
  delta_info info;
  delta_contents contents;
};

/// What applying made.
struct apply_stats {
  digest new_digest;
  std::uint64_t new_size;
};

/// What one codec made of one stream. See patchcore_explained_part.
struct explained_part {
  std::string stream;
  std::string codec;
  std::int32_t lane;
  std::int32_t lanes;
  std::uint64_t delta_bytes;
  std::uint64_t decoded_bytes;
  std::int32_t width;
};

/// One segment. See patchcore_explained_segment.
struct explained_segment {
  std::uint64_t output_start, output_end;
  std::uint64_t delta_start, delta_end;
  std::uint64_t copies, copied_bytes, changed_bytes, inserted_bytes;
  std::string addends;
  std::int32_t lanes;
  bool has_check;
  std::uint64_t memory;
  std::int32_t width;
};

/// Bytes from `start` up to `end`.
struct range {
  std::uint64_t start;
  std::uint64_t end;
};

/// Where the bytes of a delta went.
struct explanation {
  delta_info info;
  delta_contents contents;
  std::vector<explained_part> parts;
  /// The largest segments, in the order of the new file.
  std::vector<explained_segment> segments;
  /// How many stretches of the new file are inserted in all.
  std::uint64_t insertions;
  /// The longest of them, longest first.
  std::vector<range> largest_insertions;
};

namespace detail {

inline digest digest_from(const std::uint8_t (&raw)[PATCHCORE_DIGEST_SIZE]) {
  digest made;
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    made.bytes[i] = raw[i];
  }
  return made;
}

inline delta_info convert(const patchcore_delta_info &raw) {
  return {raw.old_size,
          raw.new_size,
          digest_from(raw.old_digest),
          digest_from(raw.new_digest),
          raw.apply_memory,
          raw.stream_bytes,
          raw.segments,
          raw.delta_size};
}

inline delta_contents convert(const patchcore_delta_contents &raw) {
  return {raw.copies, raw.copied_bytes, raw.changed_bytes, raw.inserted_bytes};
}

inline apply_stats convert(const patchcore_apply_stats &raw) { return {digest_from(raw.new_digest), raw.new_size}; }

inline patchcore_squash_options convert(const squash_options &options) {
  auto raw = sized<patchcore_squash_options>();
  raw.level = options.level;
  raw.threads = options.threads;
  raw.max_apply_memory = options.max_apply_memory;
  raw.max_memory = options.max_memory;
  raw.max_operations = options.max_operations;
  return raw;
}

/// `scratch` must outlive the result.
inline patchcore_apply_options convert(const apply_options &options, const std::string &scratch) {
  auto raw = sized<patchcore_apply_options>();
  raw.threads = options.threads;
  raw.max_memory = options.max_memory;
  raw.max_output = options.max_output;
  raw.streaming = options.streaming ? 1 : 0;
  raw.scratch = scratch.empty() ? nullptr : scratch.data();
  raw.scratch_len = scratch.size();
  return raw;
}

inline patchcore_limits convert(const limits &options) {
  auto raw = sized<patchcore_limits>();
  raw.max_memory = options.max_memory;
  return raw;
}

inline explanation convert(const patchcore_explanation *raw) {
  explanation made{};
  auto info = sized<patchcore_delta_info>();
  auto contents = sized<patchcore_delta_contents>();
  call().run([&](patchcore_error **e) { return patchcore_explanation_contents(raw, &info, &contents, e); });
  made.info = convert(info);
  made.contents = convert(contents);
  for (std::size_t i = 0; i < patchcore_explanation_part_count(raw); ++i) {
    auto part = sized<patchcore_explained_part>();
    call().run([&](patchcore_error **e) { return patchcore_explanation_part(raw, i, &part, e); });
    made.parts.push_back(
        {part.stream, part.codec, part.lane, part.lanes, part.delta_bytes, part.decoded_bytes, part.width});
  }
  for (std::size_t i = 0; i < patchcore_explanation_segment_count(raw); ++i) {
    auto s = sized<patchcore_explained_segment>();
    call().run([&](patchcore_error **e) { return patchcore_explanation_segment(raw, i, &s, e); });
    made.segments.push_back({s.output_start, s.output_end, s.delta_start, s.delta_end, s.copies, s.copied_bytes,
                             s.changed_bytes, s.inserted_bytes, s.addends, s.lanes, s.has_check != 0, s.memory,
                             s.width});
  }
  made.insertions = patchcore_explanation_insertions(raw);
  for (std::size_t i = 0; i < patchcore_explanation_insertion_count(raw); ++i) {
    patchcore_range found{0, 0};
    call().run([&](patchcore_error **e) { return patchcore_explanation_insertion(raw, i, &found, e); });
    made.largest_insertions.push_back({found.start, found.end});
  }
  return made;
}

} // namespace detail

/// Writes the delta that turns `old_file` into `new_file`. See patchcore_delta_diff.
inline delta_info diff(const input &old_file, const input &new_file, const output &out,
                       const diff_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_input raw_old = c.in(old_file);
  const patchcore_input raw_new = c.in(new_file);
  const patchcore_output raw_out = c.out(out);
  const patchcore_job raw_job = c.with(task);
  auto raw = detail::sized<patchcore_diff_options>();
  raw.level = options.level;
  raw.engine = static_cast<std::int32_t>(options.engine);
  raw.threads = options.threads;
  raw.max_apply_memory = options.max_apply_memory;
  auto info = detail::sized<patchcore_delta_info>();
  c.run([&](patchcore_error **e) {
    return patchcore_delta_diff(&raw_old, &raw_new, &raw_out, &raw, &raw_job, &info, e);
  });
  return detail::convert(info);
}

/// Writes the new file that `delta` makes of `old_file`. See patchcore_delta_apply.
inline apply_stats apply(const input &old_file, const input &delta, const output &out,
                         const apply_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_input raw_old = c.in(old_file);
  const patchcore_input raw_delta = c.in(delta);
  const patchcore_output raw_out = c.out(out);
  const patchcore_job raw_job = c.with(task);
  const std::string scratch = detail::encode_path(options.scratch);
  const patchcore_apply_options raw = detail::convert(options, scratch);
  auto stats = detail::sized<patchcore_apply_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_delta_apply(&raw_old, &raw_delta, &raw_out, &raw, &raw_job, &stats, e);
  });
  return detail::convert(stats);
}

/// Writes several deltas, each continuing the one before, as one. See patchcore_delta_squash.
inline delta_info squash(const std::vector<input> &deltas, const output &out, const squash_options &options = {},
                         const job &task = {}) {
  detail::call c;
  const std::vector<patchcore_input> raw_deltas = c.in(deltas);
  const patchcore_output raw_out = c.out(out);
  const patchcore_job raw_job = c.with(task);
  const patchcore_squash_options raw = detail::convert(options);
  auto info = detail::sized<patchcore_delta_info>();
  c.run([&](patchcore_error **e) {
    return patchcore_delta_squash(raw_deltas.data(), raw_deltas.size(), &raw_out, &raw, &raw_job, &info, e);
  });
  return detail::convert(info);
}

/// Reads the header of a delta. See patchcore_delta_inspect.
inline delta_info inspect(const input &delta) {
  detail::call c;
  const patchcore_input raw = c.in(delta);
  auto info = detail::sized<patchcore_delta_info>();
  c.run([&](patchcore_error **e) { return patchcore_delta_inspect(&raw, &info, e); });
  return detail::convert(info);
}

namespace detail {

inline verified_delta verify(const input &delta, const input *old_file, const limits &options, const job &task) {
  call c;
  const patchcore_input raw_delta = c.in(delta);
  const patchcore_input raw_old = old_file == nullptr ? sized<patchcore_input>() : c.in(*old_file);
  const patchcore_limits raw = convert(options);
  const patchcore_job raw_job = c.with(task);
  auto info = sized<patchcore_delta_info>();
  auto contents = sized<patchcore_delta_contents>();
  c.run([&](patchcore_error **e) {
    return patchcore_delta_verify(&raw_delta, old_file == nullptr ? nullptr : &raw_old, &raw, &raw_job, &info,
                                  &contents, e);
  });
  return {convert(info), convert(contents)};
}

} // namespace detail

/// Checks all of a delta. See patchcore_delta_verify.
inline verified_delta verify(const input &delta, const limits &options = {}, const job &task = {}) {
  return detail::verify(delta, nullptr, options, task);
}

/// Checks all of a delta, and that it makes the promised file of `old_file`. See patchcore_delta_verify.
inline verified_delta verify(const input &delta, const input &old_file, const limits &options = {},
                             const job &task = {}) {
  return detail::verify(delta, &old_file, options, task);
}

/// Says where the bytes of a delta went, with at most `most` segments and insertions. See patchcore_delta_explain.
inline explanation explain(const input &delta, std::uint64_t most, const limits &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_input raw_delta = c.in(delta);
  const patchcore_limits raw = detail::convert(options);
  const patchcore_job raw_job = c.with(task);
  detail::owned_explanation made;
  c.run([&](patchcore_error **e) {
    return detail::receive(made, [&](patchcore_explanation **out) {
      return patchcore_delta_explain(&raw_delta, most, &raw, &raw_job, out, e);
    });
  });
  return detail::convert(made.get());
}

/// Which of our files something is.
enum class file_kind : std::int32_t { delta = PATCHCORE_FILE_DELTA, chain = PATCHCORE_FILE_CHAIN };

/// Which of our files this is, by its content. See patchcore_file_kind.
inline file_kind kind_of(const input &file) {
  detail::call c;
  const patchcore_input raw = c.in(file);
  std::int32_t kind = 0;
  c.run([&](patchcore_error **e) { return patchcore_file_kind(&raw, &kind, e); });
  return static_cast<file_kind>(kind);
}

/// What a chain says about itself.
struct chain_info {
  std::string chain_id;
  std::uint64_t versions;
  std::uint64_t links;
  std::uint64_t shortcuts;
  std::uint64_t total_size;
  std::uint64_t shortcut_size;
  std::uint64_t overhead;
  std::uint64_t ignored_tail;
};

/// One version of the file.
struct version_info {
  std::string name;
  patchcore::digest digest;
  std::uint64_t size;
};

/// One link; `from` and `to` are ordinals of versions.
struct link_info {
  std::uint64_t from;
  std::uint64_t to;
  std::uint64_t number;
  std::uint64_t offset;
  std::uint64_t size;
  bool shortcut;
};

/// What applying a chain did.
struct chain_apply_stats {
  std::uint64_t from;
  std::uint64_t to;
  std::uint64_t links;
  std::uint64_t delta_bytes;
  bool one_pass;
  digest new_digest;
  std::uint64_t new_size;
};

/// How a chain is made. See patchcore_chain_create_options.
struct chain_create_options {
  std::string chain_id;
  std::vector<std::string> names;
  bool force = false;
};

/// What pruning did.
struct prune_stats {
  std::uint64_t removed_links;
  std::uint64_t removed_versions;
  std::uint64_t added_shortcuts;
  std::uint64_t size_before;
  std::uint64_t size_after;
};

/// A name, a digest or a digest prefix of a version; where there is none, the end of the chain that the function names.
using version_text = std::optional<std::string_view>;

/// A chain as it was when it was opened.
class chain {
public:
  /// Opens a chain; of one behind a function only the index is read. See patchcore_chain_open.
  explicit chain(const input &from) : reader_(from.reader_) {
    detail::call c;
    const patchcore_input raw = c.in(from);
    patchcore_chain *made = nullptr;
    c.run([&](patchcore_error **e) { return patchcore_chain_open(&raw, &made, e); });
    handle_.reset(made);
  }

  /// The handle of patchcore.h.
  const patchcore_chain *handle() const noexcept { return handle_.get(); }

  chain_info info() const {
    auto raw = detail::sized<patchcore_chain_info>();
    run([&](patchcore_error **e) { return patchcore_chain_get_info(handle(), &raw, e); });
    return {std::string(raw.chain_id, raw.chain_id_len),
            raw.versions,
            raw.links,
            raw.shortcuts,
            raw.total_size,
            raw.shortcut_size,
            raw.overhead,
            raw.ignored_tail};
  }

  /// The version with this ordinal.
  version_info version(std::uint64_t ordinal) const {
    auto raw = detail::sized<patchcore_version_info>();
    run([&](patchcore_error **e) { return patchcore_chain_get_version(handle(), ordinal, &raw, e); });
    return {std::string(raw.name, raw.name_len), detail::digest_from(raw.digest), raw.size};
  }

  /// All versions, by their ordinals.
  std::vector<version_info> versions() const {
    std::vector<version_info> all;
    const std::uint64_t count = info().versions;
    for (std::uint64_t i = 0; i < count; ++i) {
      all.push_back(version(i));
    }
    return all;
  }

  /// The link with this index: those of the history come first, then the shortcuts.
  link_info link(std::uint64_t index) const {
    auto raw = detail::sized<patchcore_link_info>();
    run([&](patchcore_error **e) { return patchcore_chain_get_link(handle(), index, &raw, e); });
    return {raw.from, raw.to, raw.number, raw.offset, raw.size, raw.shortcut != 0};
  }

  /// The links of the history, then the shortcuts.
  std::vector<link_info> links() const {
    std::vector<link_info> all;
    const chain_info counts = info();
    for (std::uint64_t i = 0; i < counts.links + counts.shortcuts; ++i) {
      all.push_back(link(i));
    }
    return all;
  }

  /// The ordinal of the version that a name, digest or digest prefix means. See patchcore_chain_resolve.
  std::uint64_t resolve(std::string_view text) const {
    std::uint64_t ordinal = 0;
    run([&](patchcore_error **e) { return patchcore_chain_resolve(handle(), text.data(), text.size(), &ordinal, e); });
    return ordinal;
  }

  /// The ordinal of the version that a file is; SOURCE_MISMATCH where it is none. See patchcore_chain_find.
  std::uint64_t find(const digest &of) const {
    std::uint64_t ordinal = 0;
    run([&](patchcore_error **e) { return patchcore_chain_find(handle(), of.bytes.data(), &ordinal, e); });
    return ordinal;
  }

  /// The indexes of the links with the fewest bytes between two ordinals. See patchcore_chain_route.
  std::vector<std::uint64_t> route(std::uint64_t from, std::uint64_t to) const {
    std::size_t count = 0;
    run([&](patchcore_error **e) { return patchcore_chain_route(handle(), from, to, nullptr, 0, &count, e); });
    std::vector<std::uint64_t> links(count);
    if (count != 0) {
      run([&](patchcore_error **e) {
        return patchcore_chain_route(handle(), from, to, links.data(), links.size(), &count, e);
      });
    }
    return links;
  }

  /// Writes the version `target`, the last one unless given, made of any version. See patchcore_chain_apply.
  chain_apply_stats apply(const input &old_file, const output &out, version_text target = {},
                          const apply_options &options = {}, const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_input raw_old = c.in(old_file);
    const patchcore_output raw_out = c.out(out);
    const patchcore_job raw_job = c.with(task);
    const std::string scratch = detail::encode_path(options.scratch);
    const patchcore_apply_options raw = detail::convert(options, scratch);
    auto stats = detail::sized<patchcore_chain_apply_stats>();
    c.run([&](patchcore_error **e) {
      return patchcore_chain_apply(handle(), &raw_old, data(target), size(target), &raw_out, &raw, &raw_job, &stats, e);
    });
    return {stats.from,          stats.to,
            stats.links,         stats.delta_bytes,
            stats.one_pass != 0, detail::digest_from(stats.new_digest),
            stats.new_size};
  }

  /// Writes the delta from one version, the first unless given, to another, the last unless given. See
  /// patchcore_chain_squash.
  delta_info squash(const output &out, version_text from = {}, version_text to = {}, const squash_options &options = {},
                    const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_output raw_out = c.out(out);
    const patchcore_job raw_job = c.with(task);
    const patchcore_squash_options raw = detail::convert(options);
    auto made = detail::sized<patchcore_delta_info>();
    c.run([&](patchcore_error **e) {
      return patchcore_chain_squash(handle(), data(from), size(from), data(to), size(to), &raw_out, &raw, &raw_job,
                                    &made, e);
    });
    return detail::convert(made);
  }

  /// Writes one link as a delta of its own. See patchcore_chain_extract_link.
  delta_info extract_link(std::uint64_t index, const output &out, const limits &options = {},
                          const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_output raw_out = c.out(out);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    auto made = detail::sized<patchcore_delta_info>();
    c.run([&](patchcore_error **e) {
      return patchcore_chain_extract_link(handle(), index, &raw_out, &raw, &raw_job, &made, e);
    });
    return detail::convert(made);
  }

  /// Writes links as files of `folder` and says how many. See patchcore_chain_extract.
  std::size_t extract(const std::filesystem::path &folder, version_text from = {}, version_text to = {},
                      bool no_clobber = false, const limits &options = {}, const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    const std::string path = detail::encode_path(folder);
    std::size_t count = 0;
    c.run([&](patchcore_error **e) {
      return patchcore_chain_extract(handle(), path.data(), path.size(), data(from), size(from), data(to), size(to),
                                     no_clobber ? 1 : 0, &raw, &raw_job, &count, e);
    });
    return count;
  }

  /// Checks every link and says how many bytes at the end an unfinished append left. See patchcore_chain_verify.
  std::uint64_t verify(const limits &options = {}, const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    std::uint64_t tail = 0;
    c.run([&](patchcore_error **e) { return patchcore_chain_verify(handle(), &raw, &raw_job, &tail, e); });
    return tail;
  }

  /// Says where the bytes of a link went. See patchcore_chain_explain_link.
  explanation explain_link(std::uint64_t index, std::uint64_t most, const limits &options = {},
                           const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    detail::owned_explanation made;
    c.run([&](patchcore_error **e) {
      return detail::receive(made, [&](patchcore_explanation **out) {
        return patchcore_chain_explain_link(handle(), index, most, &raw, &raw_job, out, e);
      });
    });
    return detail::convert(made.get());
  }

  /// Makes a chain of deltas. See patchcore_chain_create.
  static void create(const std::vector<input> &deltas, const output &out, const chain_create_options &options = {},
                     const limits &bounds = {}, const job &task = {}) {
    detail::call c;
    const std::vector<patchcore_input> raw_deltas = c.in(deltas);
    const patchcore_output raw_out = c.out(out);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw_limits = detail::convert(bounds);
    std::vector<const char *> names;
    std::vector<std::size_t> name_lens;
    for (const std::string &name : options.names) {
      names.push_back(name.data());
      name_lens.push_back(name.size());
    }
    auto raw = detail::sized<patchcore_chain_create_options>();
    raw.chain_id = options.chain_id.empty() ? nullptr : options.chain_id.data();
    raw.chain_id_len = options.chain_id.size();
    raw.names = names.data();
    raw.name_lens = name_lens.data();
    raw.name_count = names.size();
    raw.force = options.force ? 1 : 0;
    c.run([&](patchcore_error **e) {
      return patchcore_chain_create(raw_deltas.data(), raw_deltas.size(), &raw_out, &raw, &raw_limits, &raw_job, e);
    });
  }

  /// Appends deltas to a chain file; `name` is that of the version that the last leads to. See patchcore_chain_append.
  static void append(const std::filesystem::path &file, const std::vector<input> &deltas, version_text name = {},
                     const limits &options = {}, const job &task = {}) {
    detail::call c;
    const std::vector<patchcore_input> raw_deltas = c.in(deltas);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    const std::string path = detail::encode_path(file);
    c.run([&](patchcore_error **e) {
      return patchcore_chain_append(path.data(), path.size(), raw_deltas.data(), raw_deltas.size(), data(name),
                                    size(name), &raw, &raw_job, e);
    });
  }

  /// Removes what lies before a version of a chain file. See patchcore_chain_prune.
  static prune_stats prune(const std::filesystem::path &file, std::string_view before, bool drop_versions = false,
                           const squash_options &options = {}, const job &task = {}) {
    detail::call c;
    const patchcore_job raw_job = c.with(task);
    const patchcore_squash_options raw = detail::convert(options);
    const std::string path = detail::encode_path(file);
    auto stats = detail::sized<patchcore_prune_stats>();
    c.run([&](patchcore_error **e) {
      return patchcore_chain_prune(path.data(), path.size(), before.data(), before.size(), drop_versions ? 1 : 0, &raw,
                                   &raw_job, &stats, e);
    });
    return {stats.removed_links, stats.removed_versions, stats.added_shortcuts, stats.size_before, stats.size_after};
  }

private:
  template <typename Function> void run(Function &&function) const {
    detail::call c;
    c.watch(reader_);
    c.run(std::forward<Function>(function));
  }

  // An empty text is given, and no version; only a missing one means the end of the chain.
  static const char *data(const version_text &text) {
    return !text ? nullptr : text->data() == nullptr ? "" : text->data();
  }
  static std::size_t size(const version_text &text) { return text ? text->size() : 0; }

  // Before the handle, which must be gone before what it reads from.
  std::shared_ptr<detail::exceptions> reader_;
  detail::owned<patchcore_chain, patchcore_chain_free> handle_;
};

/// The memory of a device. Each function does all that it is asked for, or throws.
struct device {
  std::uint64_t old_size = 0;
  /// Fills `len` bytes of the old image from `offset` on.
  std::function<void(std::uint64_t offset, std::uint8_t *data, std::size_t len)> read_old;
  /// Writes the next bytes of the new image, which belong at `offset`.
  std::function<void(std::uint64_t offset, const std::uint8_t *data, std::size_t len)> write_new;
  /// Makes all that was written durable; may be empty where no checkpoint is taken.
  std::function<void()> flush;
  /// Fills `len` bytes of the new image from `offset` on; may be empty, except where a signature is required.
  std::function<void(std::uint64_t offset, std::uint8_t *data, std::size_t len)> read_new;
};

/// What an applier may use and must check. See patchcore_applier_options.
struct applier_options {
  std::uint64_t max_memory = 0;
  std::uint64_t max_output = 0;
  std::uint64_t max_work = 0;
  std::optional<std::string> public_key;
  std::optional<std::string> signature;
};

/// Where an applier stands.
struct applier_position {
  /// Bytes of the delta taken: where to go on feeding.
  std::uint64_t delta_offset;
  /// Bytes of the new file written.
  std::uint64_t output_offset;
};

/// Applies a delta that is fed as it arrives. See patchcore_applier_new.
class applier {
public:
  explicit applier(patchcore::device device, const applier_options &options = {})
      : applier(std::move(device), only_state()) {
    const patchcore_device raw_device = describe();
    const patchcore_applier_options raw = convert(options);
    patchcore_applier *made = nullptr;
    run([&](patchcore_error **e) { return patchcore_applier_new(&raw_device, &raw, &made, e); });
    handle_.reset(made);
  }

  /// Goes on from a checkpoint; position() says from where on to feed the delta. See patchcore_applier_resume.
  static applier resume(patchcore::device device, const bytes &checkpoint, const applier_options &options = {}) {
    applier resumed(std::move(device), only_state());
    const patchcore_device raw_device = resumed.describe();
    const patchcore_applier_options raw = convert(options);
    patchcore_applier *made = nullptr;
    resumed.run([&](patchcore_error **e) {
      return patchcore_applier_resume(&raw_device, &raw, checkpoint.data(), checkpoint.size(), &made, nullptr, nullptr,
                                      e);
    });
    resumed.handle_.reset(made);
    return resumed;
  }

  /// Takes some of the next bytes of the delta, does a bounded amount of work, and says how many were taken, which may
  /// be none: call again with the rest. See patchcore_applier_push.
  std::size_t push(const std::uint8_t *data, std::size_t len) {
    std::size_t taken = 0;
    run([&](patchcore_error **e) { return patchcore_applier_push(handle_.get(), data, len, &taken, e); });
    return taken;
  }

  /// Checks the new file; only after this may the slots be swapped. See patchcore_applier_finish.
  apply_stats finish() {
    auto stats = detail::sized<patchcore_apply_stats>();
    run([&](patchcore_error **e) { return patchcore_applier_finish(handle_.get(), &stats, e); });
    return detail::convert(stats);
  }

  /// Flushes and gives a small blob to resume from. See patchcore_applier_checkpoint.
  bytes checkpoint() {
    bytes made(PATCHCORE_CHECKPOINT_SIZE);
    std::size_t len = 0;
    run([&](patchcore_error **e) {
      return patchcore_applier_checkpoint(handle_.get(), made.data(), made.size(), &len, e);
    });
    made.resize(len);
    return made;
  }

  /// What the delta says of itself, once its header has arrived. See patchcore_applier_info.
  delta_info info() const {
    auto raw = detail::sized<patchcore_delta_info>();
    run([&](patchcore_error **e) { return patchcore_applier_info(handle_.get(), &raw, e); });
    return detail::convert(raw);
  }

  applier_position position() const {
    applier_position at{0, 0};
    run([&](patchcore_error **e) {
      return patchcore_applier_position(handle_.get(), &at.delta_offset, &at.output_offset, e);
    });
    return at;
  }

private:
  struct state : detail::exceptions {
    patchcore::device device;
  };

  struct only_state {};

  applier(patchcore::device &&device, only_state) : state_(std::make_shared<state>()) {
    state_->device = std::move(device);
  }

  patchcore_device describe() const {
    auto raw = detail::sized<patchcore_device>();
    const patchcore::device &device = state_->device;
    raw.user_data = state_.get();
    raw.old_size = device.old_size;
    raw.read_old = device.read_old ? &read_old : nullptr;
    raw.write_new = device.write_new ? &write_new : nullptr;
    raw.flush = device.flush ? &flush : nullptr;
    raw.read_new = device.read_new ? &read_new : nullptr;
    return raw;
  }

  /// The texts are borrowed from `options`.
  static patchcore_applier_options convert(const applier_options &options) {
    auto raw = detail::sized<patchcore_applier_options>();
    raw.max_memory = options.max_memory;
    raw.max_output = options.max_output;
    raw.max_work = options.max_work;
    // A key that is there and empty is a mistake that must not turn the check off.
    if (options.public_key) {
      raw.public_key = options.public_key->data();
      raw.public_key_len = options.public_key->size();
    }
    if (options.signature) {
      raw.signature = options.signature->data();
      raw.signature_len = options.signature->size();
    }
    return raw;
  }

  template <typename Function> void run(Function &&function) const {
    detail::call c;
    c.watch(state_);
    c.run(std::forward<Function>(function));
  }

  static int read_old(void *user_data, std::uint64_t offset, std::uint8_t *data, std::size_t len) noexcept {
    auto *self = static_cast<state *>(user_data);
    return self->guard([&] { self->device.read_old(offset, data, len); });
  }
  static int write_new(void *user_data, std::uint64_t offset, const std::uint8_t *data, std::size_t len) noexcept {
    auto *self = static_cast<state *>(user_data);
    return self->guard([&] { self->device.write_new(offset, data, len); });
  }
  static int flush(void *user_data) noexcept {
    auto *self = static_cast<state *>(user_data);
    return self->guard([&] { self->device.flush(); });
  }
  static int read_new(void *user_data, std::uint64_t offset, std::uint8_t *data, std::size_t len) noexcept {
    auto *self = static_cast<state *>(user_data);
    return self->guard([&] { self->device.read_new(offset, data, len); });
  }

  // Before the handle, which must be gone before what it calls.
  std::shared_ptr<state> state_;
  detail::owned<patchcore_applier, patchcore_applier_free> handle_;
};

/// What stands at a path.
enum class item_kind : std::int32_t {
  file = PATCHCORE_ITEM_FILE,
  directory = PATCHCORE_ITEM_DIRECTORY,
  symlink = PATCHCORE_ITEM_SYMLINK,
};

/// What is done to a path.
enum class change_kind : std::int32_t {
  replace = PATCHCORE_CHANGE_REPLACE,
  delta = PATCHCORE_CHANGE_DELTA,
  copy = PATCHCORE_CHANGE_COPY,
  mode = PATCHCORE_CHANGE_MODE,
  directory = PATCHCORE_CHANGE_DIRECTORY,
  symlink = PATCHCORE_CHANGE_SYMLINK,
  remove = PATCHCORE_CHANGE_DELETE,
};

/// What is wrong with what stands in the way of a tree patch.
enum class conflict_reason : std::int32_t {
  modified = PATCHCORE_CONFLICT_MODIFIED,
  source = PATCHCORE_CONFLICT_SOURCE,
  not_empty = PATCHCORE_CONFLICT_NOT_EMPTY,
  no_directory = PATCHCORE_CONFLICT_NO_DIRECTORY,
};

/// How whole files in a package are compressed.
enum class compression : std::int32_t {
  deflate = PATCHCORE_COMPRESSION_DEFLATE,
  stored = PATCHCORE_COMPRESSION_STORED,
  zstd = PATCHCORE_COMPRESSION_ZSTD,
};

/// What an update did.
enum class update_action : std::int32_t {
  nothing = PATCHCORE_UPDATE_NOTHING,
  decided = PATCHCORE_UPDATE_DECIDED,
  downloaded = PATCHCORE_UPDATE_DOWNLOADED,
  applied = PATCHCORE_UPDATE_APPLIED,
};

/// How a file gets to a version of a channel.
enum class means : std::int32_t {
  nothing = PATCHCORE_MEANS_NOTHING,
  squashed = PATCHCORE_MEANS_SQUASHED,
  links = PATCHCORE_MEANS_LINKS,
  full = PATCHCORE_MEANS_FULL,
};

/// The names of these, such as `file`, `replace`, `modified`, `applied`, `unchanged`.
inline std::string_view name(item_kind value) { return patchcore_item_name(static_cast<std::int32_t>(value)); }
inline std::string_view name(change_kind value) { return patchcore_change_name(static_cast<std::int32_t>(value)); }
inline std::string_view name(conflict_reason value) {
  return patchcore_conflict_name(static_cast<std::int32_t>(value));
}
inline std::string_view name(update_action value) { return patchcore_update_name(static_cast<std::int32_t>(value)); }
inline std::string_view name(means value) { return patchcore_means_name(static_cast<std::int32_t>(value)); }
inline std::string_view name(outcome value) { return patchcore_outcome_name(static_cast<std::int32_t>(value)); }

/// How a directory is looked at. See patchcore_scan_options.
struct scan_options {
  std::vector<std::string> exclude;
  bool dereference = false;
  std::uint64_t threads = 0;
};

/// One thing in a directory. Paths in trees are UTF-8 with `/` between names.
struct tree_item {
  std::string path;
  item_kind kind;
  std::uint64_t size;
  std::optional<patchcore::digest> digest;
  bool executable;
  std::optional<std::string> target;
};

/// What stands in a directory.
struct tree_snapshot {
  patchcore::digest digest;
  std::uint64_t size;
  std::vector<tree_item> items;
};

/// How two directories are compared and packed. See patchcore_tree_diff_options.
struct tree_diff_options {
  scan_options scan;
  std::int32_t level = 0;
  std::uint64_t max_apply_memory = 0;
  std::vector<std::string> keep_local;
  std::vector<std::string> replace_directories;
  std::string min_version;
  std::string max_version;
  std::string version;
  patchcore::compression compression = patchcore::compression::deflate;
  bool no_clobber = false;
};

/// How tree patches become one. See patchcore_tree_squash_options.
struct tree_squash_options {
  std::int32_t level = 0;
  std::uint64_t threads = 0;
  std::uint64_t max_apply_memory = 0;
  std::uint64_t max_memory = 0;
  patchcore::compression compression = patchcore::compression::deflate;
  bool no_clobber = false;
};

/// How a tree patch is applied. See patchcore_tree_apply_options.
struct tree_apply_options {
  bool overwrite_local = false;
  bool no_backup = false;
  std::uint64_t threads = 0;
  std::uint64_t max_memory = 0;
};

/// How many paths change, by what is done to them.
using change_counts = std::map<change_kind, std::uint64_t>;

/// What two directories and the patch between them are.
struct tree_diff_stats {
  digest old_tree;
  digest new_tree;
  std::uint64_t new_tree_size;
  std::uint64_t package_size;
  std::uint64_t new_size;
  change_counts changes;
  std::uint64_t unchanged;
};

/// What came of squashing.
struct tree_squash_stats {
  std::uint64_t package_size;
  change_counts changes;
};

/// What a tree patch says about itself. Empty texts are those that it does not say.
struct tree_patch_info {
  std::uint64_t package_size;
  std::optional<digest> old_tree;
  std::optional<digest> new_tree;
  std::string min_version;
  std::string max_version;
  std::string version;
  std::uint64_t new_size;
  change_counts changes;
  std::string key_id;
};

/// What becomes of one path.
struct tree_change {
  std::string path;
  change_kind kind;
  std::uint64_t bytes;
};

/// Something that stands in the way of a patch.
struct tree_conflict {
  std::string path;
  conflict_reason reason;
};

/// What applying a patch would do.
struct tree_plan {
  std::vector<tree_change> actions;
  std::vector<tree_conflict> conflicts;
  std::uint64_t done_before;
  std::vector<std::string> kept;
  std::uint64_t bytes;
};

/// What applying a patch did.
struct tree_apply_stats {
  std::uint64_t changed;
  std::uint64_t done_before;
  std::vector<std::string> kept;
  std::uint64_t bytes;
};

/// How a directory differs from what a patch makes of it.
struct tree_verification {
  bool is_clean;
  std::uint64_t matches;
  std::vector<std::string> missing;
  std::vector<std::string> different;
  std::vector<std::string> unexpected;
};

/// What a tree patch was found to hold.
struct tree_patch_contents {
  std::uint64_t files;
  std::uint64_t deltas;
  std::uint64_t bytes;
};

/// What a directory is known to be.
struct installed_tree {
  std::optional<std::string> version;
  std::optional<digest> tree;
};

/// Whose signature is demanded: with keys, one of them must have signed. See patchcore_trust.
struct trust {
  std::vector<std::string> public_keys;
  /// The text of a `.minisig` file or its base64; what lies beside the file unless given.
  std::optional<std::string> signature;
};

/// How a file is signed. See patchcore_sign_options.
struct sign_options {
  std::optional<std::string> password;
  std::optional<std::string> trusted_comment;
  std::filesystem::path output;
  bool no_clobber = false;
};

/// A signature that was made.
struct signature_file {
  std::filesystem::path path;
  std::string key_id;
  std::string trusted_comment;
};

/// A file whose signature was verified.
struct signed_file {
  patchcore::digest digest;
  std::string key_id;
};

/// Where the parts of the file-operation form go. See patchcore_operation_outputs.
struct operation_outputs {
  std::filesystem::path package;
  std::filesystem::path operations;
  std::filesystem::path package_info;
  std::string url;
};

/// How files are fetched. See patchcore_fetch_options.
struct fetch_options {
  std::optional<std::uint64_t> size;
  std::optional<patchcore::digest> digest;
  std::uint64_t max_size = 0;
  std::uint64_t max_bytes_per_second = 0;
  std::uint64_t idle_timeout_ms = 0;
  /// How often a place is tried again in vain; 5 unless given.
  std::optional<std::uint32_t> retries;
  std::string proxy;
  std::filesystem::path authorities;
};

/// A file that was fetched.
struct fetch_stats {
  std::uint64_t size;
  patchcore::digest digest;
  std::uint64_t transferred;
  /// Which of the places it came from; none where nothing had to come.
  std::optional<std::uint64_t> source;
};

/// The document that says what there is to install.
struct document {
  /// The one at a URL or path.
  static document at(std::string url) { return {std::move(url), {}, {}}; }
  /// The one whose text is here; relative URLs in it lie beside `base`.
  static document of(std::string json, std::string base) { return {{}, std::move(json), std::move(base)}; }

  std::optional<std::string> url;
  std::optional<std::string> json;
  std::optional<std::string> base;
};

/// How a directory is updated. See patchcore_update_options.
struct update_options {
  std::vector<std::string> public_keys;
  std::optional<std::string> installed;
  std::vector<std::string> required;
  bool force_full = false;
  std::optional<std::string> architecture;
  std::filesystem::path cache;
  bool download_only = false;
  bool dry_run = false;
  fetch_options fetch;
  tree_apply_options apply;
  /// From a repository: the version that is wanted; the newest unless given.
  std::optional<std::string> to;
  /// From a repository: patterns of what is never changed or deleted where it is there.
  std::vector<std::string> keep_local;
  /// From a repository: compare the directory with the release and replace what differs.
  bool repair = false;
};

/// How a repository is changed. See patchcore_repository_options.
struct repository_options {
  std::optional<std::string> architecture;
  std::filesystem::path key;
  std::optional<std::string> password;
  bool dry_run = false;
};

/// How a version is published. See patchcore_publish_options.
struct publish_options {
  repository_options change;
  tree_diff_options diff;
  std::optional<std::string> notes;
  std::optional<std::string> expires_at;
  std::uint64_t squash_from = 0;
};

/// What an update did, and why. Empty texts are those that there is nothing to say for.
struct update_report {
  update_action action;
  std::string strategy;
  std::string reason;
  std::string from;
  std::string to;
  std::string url;
  std::filesystem::path file;
  std::optional<fetch_stats> fetched;
  std::string key_id;
  std::optional<tree_apply_stats> applied;
};

/// How a channel is published. See patchcore_channel_publish_options.
struct channel_publish_options {
  std::optional<std::string> family;
  std::optional<std::string> base_url;
  std::optional<std::string> expires_at;
  std::filesystem::path key;
  std::optional<std::string> password;
  bool force = false;
  squash_options squash;
};

/// What a publish did.
struct channel_publish_stats {
  bool changed;
  std::string version;
  patchcore::digest digest;
  std::uint64_t sequence;
  std::uint64_t squashed;
  std::uint64_t written;
  std::uint64_t written_bytes;
  std::uint64_t removed;
};

/// How a file is updated. See patchcore_file_update_options.
struct file_update_options {
  std::vector<std::string> public_keys;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::filesystem::path cache;
  bool force_full = false;
  bool download_only = false;
  bool dry_run = false;
  fetch_options fetch;
  apply_options apply;
};

/// What an update of a file did, and why. Empty texts are those that there is nothing to say for.
struct file_update_stats {
  update_action action;
  patchcore::means means;
  std::string reason;
  std::string from;
  std::optional<patchcore::digest> from_digest;
  std::string to;
  patchcore::digest to_digest;
  std::uint64_t links;
  std::optional<std::uint64_t> planned_bytes;
  std::uint64_t transferred_bytes;
  std::uint64_t sequence;
  std::string key_id;
};

namespace detail {

/// A list of texts as patchcore.h takes it; they are borrowed.
class texts {
public:
  explicit texts(const std::vector<std::string> &from) {
    for (const std::string &text : from) {
      pointers_.push_back(text.data());
      lens_.push_back(text.size());
    }
  }

  const char *const *data() const noexcept { return pointers_.data(); }
  const std::size_t *lens() const noexcept { return lens_.data(); }
  std::size_t size() const noexcept { return pointers_.size(); }

private:
  std::vector<const char *> pointers_;
  std::vector<std::size_t> lens_;
};

/// An empty text is one that is not given; an optional one is given where it is there, also empty.
inline const char *start_of(const std::string &text) { return text.empty() ? nullptr : text.data(); }
inline const char *start_of(const std::optional<std::string> &text) { return text ? text->data() : nullptr; }
inline std::size_t length_of(const std::optional<std::string> &text) { return text ? text->size() : 0; }

inline std::string text_from(const char *text, std::size_t len) {
  return text == nullptr ? std::string() : std::string(text, len);
}

inline change_counts counts_from(const std::uint64_t (&raw)[PATCHCORE_CHANGE_SLOTS]) {
  change_counts counts;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(PATCHCORE_CHANGE_SLOTS); ++i) {
    if (raw[i] != 0) {
      counts[static_cast<change_kind>(i)] = raw[i];
    }
  }
  return counts;
}

inline tree_change convert(const patchcore_tree_change &raw) {
  return {std::string(raw.path, raw.path_len), static_cast<change_kind>(raw.kind), raw.bytes};
}

inline std::optional<installed_tree> convert(const patchcore_installed &raw) {
  if (raw.known == 0) {
    return std::nullopt;
  }
  installed_tree made;
  if (raw.version[0] != '\0') {
    made.version = raw.version;
  }
  if (raw.has_tree != 0) {
    made.tree = digest_from(raw.tree);
  }
  return made;
}

inline patchcore_tree_apply_options convert(const tree_apply_options &options) {
  auto raw = sized<patchcore_tree_apply_options>();
  raw.overwrite_local = options.overwrite_local ? 1 : 0;
  raw.no_backup = options.no_backup ? 1 : 0;
  raw.threads = options.threads;
  raw.max_memory = options.max_memory;
  return raw;
}

inline tree_diff_stats convert(const patchcore_tree_diff_stats &raw) {
  return {digest_from(raw.old_tree),
          digest_from(raw.new_tree),
          raw.new_tree_size,
          raw.package_size,
          raw.new_size,
          counts_from(raw.changes),
          raw.unchanged};
}

inline fetch_stats convert(const patchcore_fetch_stats &raw) {
  fetch_stats made{raw.size, digest_from(raw.digest), raw.transferred, std::nullopt};
  if (raw.source >= 0) {
    made.source = static_cast<std::uint64_t>(raw.source);
  }
  return made;
}

/// What patchcore_tree_diff_options borrows.
class raw_tree_diff_options {
public:
  explicit raw_tree_diff_options(const tree_diff_options &from)
      : exclude_(from.scan.exclude), keep_local_(from.keep_local), replace_directories_(from.replace_directories) {
    raw.exclude = exclude_.data();
    raw.exclude_lens = exclude_.lens();
    raw.exclude_count = exclude_.size();
    raw.keep_local = keep_local_.data();
    raw.keep_local_lens = keep_local_.lens();
    raw.keep_local_count = keep_local_.size();
    raw.replace_directories = replace_directories_.data();
    raw.replace_directories_lens = replace_directories_.lens();
    raw.replace_directories_count = replace_directories_.size();
    raw.min_version = start_of(from.min_version);
    raw.min_version_len = from.min_version.size();
    raw.max_version = start_of(from.max_version);
    raw.max_version_len = from.max_version.size();
    raw.version = start_of(from.version);
    raw.version_len = from.version.size();
    raw.threads = from.scan.threads;
    raw.max_apply_memory = from.max_apply_memory;
    raw.level = from.level;
    raw.compression = static_cast<std::int32_t>(from.compression);
    raw.dereference = from.scan.dereference ? 1 : 0;
    raw.no_clobber = from.no_clobber ? 1 : 0;
  }

  patchcore_tree_diff_options raw = sized<patchcore_tree_diff_options>();

private:
  texts exclude_, keep_local_, replace_directories_;
};

/// What patchcore_trust borrows.
class raw_trust {
public:
  explicit raw_trust(const trust &from) : keys_(from.public_keys) {
    raw.public_keys = keys_.data();
    raw.public_key_lens = keys_.lens();
    raw.public_key_count = keys_.size();
    raw.signature = start_of(from.signature);
    raw.signature_len = length_of(from.signature);
  }

  patchcore_trust raw = sized<patchcore_trust>();

private:
  texts keys_;
};

/// What patchcore_fetch_options borrows.
class raw_fetch_options {
public:
  explicit raw_fetch_options(const fetch_options &from) : authorities_(encode_path(from.authorities)) {
    raw.digest = from.digest ? from.digest->bytes.data() : nullptr;
    raw.has_size = from.size ? 1 : 0;
    raw.size = from.size.value_or(0);
    raw.max_size = from.max_size;
    raw.max_bytes_per_second = from.max_bytes_per_second;
    raw.idle_timeout_ms = from.idle_timeout_ms;
    const std::uint32_t most = (std::numeric_limits<std::int32_t>::max)();
    raw.retries = !from.retries        ? 0
                  : *from.retries == 0 ? -1
                                       : static_cast<std::int32_t>((std::min)(*from.retries, most));
    raw.proxy = start_of(from.proxy);
    raw.proxy_len = from.proxy.size();
    raw.authorities = start_of(authorities_);
    raw.authorities_len = authorities_.size();
  }

  patchcore_fetch_options raw = sized<patchcore_fetch_options>();

private:
  std::string authorities_;
};

using owned_snapshot = owned<patchcore_snapshot, patchcore_snapshot_free>;
using owned_plan = owned<patchcore_tree_plan, patchcore_tree_plan_free>;
using owned_paths = owned<patchcore_paths, patchcore_paths_free>;
using owned_verification = owned<patchcore_tree_verification, patchcore_tree_verification_free>;
using owned_signature = owned<patchcore_signature, patchcore_signature_free>;
using owned_report = owned<patchcore_update_report, patchcore_update_report_free>;

/// Collects `path_at(index, &len)` until there is none.
template <typename Function> std::vector<std::string> paths_from(Function &&path_at) {
  std::vector<std::string> made;
  std::size_t len = 0;
  while (const char *path = path_at(made.size(), &len)) {
    made.emplace_back(path, len);
  }
  return made;
}

} // namespace detail

/// An open tree patch. See patchcore_tree_patch_open. Memory given as an input is borrowed until this is destroyed.
class tree_patch {
public:
  /// Opens a package: a ZIP file, or a `.tar.gz` with the text of its operations. Where `trusted` has keys, one of them
  /// must have signed it.
  explicit tree_patch(const input &from, const trust &trusted = {}, const std::optional<std::string> &operations = {},
                      const job &task = {})
      : reader_(from.reader_) {
    detail::call c;
    const patchcore_input raw = c.in(from);
    const patchcore_job raw_job = c.with(task);
    const detail::raw_trust raw_trusted(trusted);
    c.run([&](patchcore_error **e) {
      return detail::receive(handle_, [&](patchcore_tree_patch **out) {
        return patchcore_tree_patch_open(&raw, detail::start_of(operations), detail::length_of(operations),
                                         &raw_trusted.raw, &raw_job, out, e);
      });
    });
  }

  /// What it says about itself.
  tree_patch_info info() const {
    const patchcore_tree_patch_info raw = raw_info();
    tree_patch_info made{};
    made.package_size = raw.package_size;
    made.new_size = raw.new_size;
    made.min_version = detail::text_from(raw.min_version, raw.min_version_len);
    made.max_version = detail::text_from(raw.max_version, raw.max_version_len);
    made.version = detail::text_from(raw.version, raw.version_len);
    made.changes = detail::counts_from(raw.changes);
    made.key_id = raw.key_id;
    if (raw.has_old_tree != 0) {
      made.old_tree = detail::digest_from(raw.old_tree);
    }
    if (raw.has_new_tree != 0) {
      made.new_tree = detail::digest_from(raw.new_tree);
    }
    return made;
  }

  /// What becomes of which path, in the order of paths.
  std::vector<tree_change> changes() const {
    std::vector<tree_change> made;
    const std::size_t count = raw_info().change_count;
    for (std::size_t i = 0; i < count; ++i) {
      auto raw = detail::sized<patchcore_tree_change>();
      run([&](patchcore_error **e) { return patchcore_tree_patch_get_change(handle(), i, &raw, e); });
      made.push_back(detail::convert(raw));
    }
    return made;
  }

  /// Reads and checks everything in it. See patchcore_tree_patch_verify.
  tree_patch_contents verify(const limits &options = {}, const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_limits raw = detail::convert(options);
    auto made = detail::sized<patchcore_tree_patch_contents>();
    c.run([&](patchcore_error **e) { return patchcore_tree_patch_verify(handle(), &raw, &raw_job, &made, e); });
    return {made.files, made.deltas, made.bytes};
  }

  /// What applying it to the directory `root` would do. Nothing is written. See patchcore_tree_patch_plan.
  tree_plan plan(const std::filesystem::path &root, const tree_apply_options &options = {},
                 const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_tree_apply_options raw = detail::convert(options);
    const std::string path = detail::encode_path(root);
    detail::owned_plan plan;
    c.run([&](patchcore_error **e) {
      return detail::receive(plan, [&](patchcore_tree_plan **out) {
        return patchcore_tree_patch_plan(handle(), path.data(), path.size(), &raw, &raw_job, out, e);
      });
    });
    auto info = detail::sized<patchcore_tree_plan_info>();
    run([&](patchcore_error **e) { return patchcore_tree_plan_get_info(plan.get(), &info, e); });
    tree_plan made{};
    made.done_before = info.done_before;
    made.bytes = info.bytes;
    for (std::size_t i = 0; i < info.action_count; ++i) {
      auto action = detail::sized<patchcore_tree_change>();
      run([&](patchcore_error **e) { return patchcore_tree_plan_get_action(plan.get(), i, &action, e); });
      made.actions.push_back(detail::convert(action));
    }
    for (std::size_t i = 0; i < info.conflict_count; ++i) {
      auto conflict = detail::sized<patchcore_tree_conflict>();
      run([&](patchcore_error **e) { return patchcore_tree_plan_get_conflict(plan.get(), i, &conflict, e); });
      made.conflicts.push_back(
          {std::string(conflict.path, conflict.path_len), static_cast<conflict_reason>(conflict.reason)});
    }
    made.kept = detail::paths_from(
        [&](std::size_t i, std::size_t *len) { return patchcore_tree_plan_kept(plan.get(), i, len); });
    return made;
  }

  /// Applies it to the directory `root`, which is the new one afterwards, or the old one where this throws. See
  /// patchcore_tree_patch_apply.
  tree_apply_stats apply(const std::filesystem::path &root, const tree_apply_options &options = {},
                         const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const patchcore_tree_apply_options raw = detail::convert(options);
    const std::string path = detail::encode_path(root);
    auto stats = detail::sized<patchcore_tree_apply_stats>();
    detail::owned_paths kept;
    c.run([&](patchcore_error **e) {
      return detail::receive(kept, [&](patchcore_paths **out) {
        return patchcore_tree_patch_apply(handle(), path.data(), path.size(), &raw, &raw_job, &stats, out, e);
      });
    });
    return {stats.changed, stats.done_before, detail::paths_from([&](std::size_t i, std::size_t *len) {
              return patchcore_paths_get(kept.get(), i, len);
            }),
            stats.bytes};
  }

  /// In what the directory `root` differs from what it makes. See patchcore_tree_patch_verify_tree.
  tree_verification verify_tree(const std::filesystem::path &root, std::uint64_t threads = 0,
                                const job &task = {}) const {
    detail::call c;
    c.watch(reader_);
    const patchcore_job raw_job = c.with(task);
    const std::string path = detail::encode_path(root);
    detail::owned_verification found;
    c.run([&](patchcore_error **e) {
      return detail::receive(found, [&](patchcore_tree_verification **out) {
        return patchcore_tree_patch_verify_tree(handle(), path.data(), path.size(), threads, &raw_job, out, e);
      });
    });
    auto info = detail::sized<patchcore_tree_verification_info>();
    run([&](patchcore_error **e) { return patchcore_tree_verification_get_info(found.get(), &info, e); });
    tree_verification made{};
    made.is_clean = info.is_clean != 0;
    made.matches = info.matches;
    for (std::size_t i = 0; i < info.difference_count; ++i) {
      auto raw = detail::sized<patchcore_tree_difference>();
      run([&](patchcore_error **e) { return patchcore_tree_verification_get_difference(found.get(), i, &raw, e); });
      std::vector<std::string> &list = raw.kind == PATCHCORE_DIFFERENCE_MISSING     ? made.missing
                                       : raw.kind == PATCHCORE_DIFFERENCE_DIFFERENT ? made.different
                                                                                    : made.unexpected;
      list.emplace_back(raw.path, raw.path_len);
    }
    return made;
  }

  /// The handle of patchcore.h.
  const patchcore_tree_patch *handle() const noexcept { return handle_.get(); }

private:
  patchcore_tree_patch_info raw_info() const {
    auto raw = detail::sized<patchcore_tree_patch_info>();
    run([&](patchcore_error **e) { return patchcore_tree_patch_get_info(handle(), &raw, e); });
    return raw;
  }

  template <typename Function> void run(Function &&function) const {
    detail::call().run(std::forward<Function>(function));
  }

  // Before the handle, which must be gone before what it reads from.
  std::shared_ptr<detail::exceptions> reader_;
  detail::owned<patchcore_tree_patch, patchcore_tree_patch_free> handle_;
};

/// What is done with directories.
namespace tree {

/// What stands in the directory `root`. See patchcore_tree_scan.
inline tree_snapshot scan(const std::filesystem::path &root, const scan_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(root);
  const detail::texts exclude(options.exclude);
  auto raw = detail::sized<patchcore_scan_options>();
  raw.exclude = exclude.data();
  raw.exclude_lens = exclude.lens();
  raw.exclude_count = exclude.size();
  raw.dereference = options.dereference ? 1 : 0;
  raw.threads = options.threads;
  detail::owned_snapshot snapshot;
  c.run([&](patchcore_error **e) {
    return detail::receive(snapshot, [&](patchcore_snapshot **out) {
      return patchcore_tree_scan(path.data(), path.size(), &raw, &raw_job, out, e);
    });
  });
  auto info = detail::sized<patchcore_snapshot_info>();
  detail::call().run([&](patchcore_error **e) { return patchcore_snapshot_get_info(snapshot.get(), &info, e); });
  tree_snapshot made{detail::digest_from(info.digest), info.size, {}};
  for (std::size_t i = 0; i < info.item_count; ++i) {
    auto item = detail::sized<patchcore_tree_item>();
    detail::call().run([&](patchcore_error **e) { return patchcore_snapshot_get_item(snapshot.get(), i, &item, e); });
    tree_item one{std::string(item.path, item.path_len),
                  static_cast<item_kind>(item.kind),
                  item.size,
                  std::nullopt,
                  item.executable != 0,
                  std::nullopt};
    if (one.kind == item_kind::file) {
      one.digest = detail::digest_from(item.digest);
    }
    if (item.target != nullptr) {
      one.target = std::string(item.target, item.target_len);
    }
    made.items.push_back(std::move(one));
  }
  return made;
}

/// Writes the package that turns one directory into another. See patchcore_tree_diff.
inline tree_diff_stats diff(const std::filesystem::path &old_root, const std::filesystem::path &new_root,
                            const std::filesystem::path &package, const tree_diff_options &options = {},
                            const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string from = detail::encode_path(old_root), to = detail::encode_path(new_root);
  const std::string out = detail::encode_path(package);
  const detail::raw_tree_diff_options raw(options);
  auto stats = detail::sized<patchcore_tree_diff_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_tree_diff(from.data(), from.size(), to.data(), to.size(), out.data(), out.size(), &raw.raw,
                               &raw_job, &stats, e);
  });
  return detail::convert(stats);
}

/// The same in the file-operation form. See patchcore_tree_diff_operations.
inline tree_diff_stats diff_operations(const std::filesystem::path &old_root, const std::filesystem::path &new_root,
                                       const operation_outputs &outputs, const tree_diff_options &options = {},
                                       const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string from = detail::encode_path(old_root), to = detail::encode_path(new_root);
  const std::string package = detail::encode_path(outputs.package), info = detail::encode_path(outputs.package_info);
  const std::string operations = detail::encode_path(outputs.operations);
  const detail::raw_tree_diff_options raw(options);
  auto raw_outputs = detail::sized<patchcore_operation_outputs>();
  raw_outputs.package = package.data();
  raw_outputs.package_len = package.size();
  raw_outputs.operations = operations.data();
  raw_outputs.operations_len = operations.size();
  raw_outputs.package_info = detail::start_of(info);
  raw_outputs.package_info_len = info.size();
  raw_outputs.url = detail::start_of(outputs.url);
  raw_outputs.url_len = outputs.url.size();
  auto stats = detail::sized<patchcore_tree_diff_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_tree_diff_operations(from.data(), from.size(), to.data(), to.size(), &raw_outputs, &raw.raw,
                                          &raw_job, &stats, e);
  });
  return detail::convert(stats);
}

/// Writes the package that does what several do one after the other. See patchcore_tree_squash.
inline tree_squash_stats squash(const std::vector<const tree_patch *> &patches, const std::filesystem::path &package,
                                const tree_squash_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  std::vector<const patchcore_tree_patch *> handles;
  for (const tree_patch *patch : patches) {
    handles.push_back(patch == nullptr ? nullptr : patch->handle());
  }
  const std::string out = detail::encode_path(package);
  auto raw = detail::sized<patchcore_tree_squash_options>();
  raw.level = options.level;
  raw.threads = options.threads;
  raw.max_apply_memory = options.max_apply_memory;
  raw.max_memory = options.max_memory;
  raw.compression = static_cast<std::int32_t>(options.compression);
  raw.no_clobber = options.no_clobber ? 1 : 0;
  auto stats = detail::sized<patchcore_tree_squash_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_tree_squash(handles.data(), handles.size(), out.data(), out.size(), &raw, &raw_job, &stats, e);
  });
  return {stats.package_size, detail::counts_from(stats.changes)};
}

/// Takes back the last patch that was applied to the directory `root`. See patchcore_tree_rollback.
inline std::optional<installed_tree> rollback(const std::filesystem::path &root, bool overwrite_local = false,
                                              std::uint64_t threads = 0, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(root);
  auto raw = detail::sized<patchcore_installed>();
  c.run([&](patchcore_error **e) {
    return patchcore_tree_rollback(path.data(), path.size(), overwrite_local ? 1 : 0, threads, &raw_job, &raw, e);
  });
  return detail::convert(raw);
}

/// Finishes what a crash left of a change of the directory `root`. See patchcore_tree_recover.
inline std::optional<installed_tree> recover(const std::filesystem::path &root, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(root);
  auto raw = detail::sized<patchcore_installed>();
  c.run([&](patchcore_error **e) { return patchcore_tree_recover(path.data(), path.size(), &raw_job, &raw, e); });
  return detail::convert(raw);
}

/// What the directory `root` is known to be. See patchcore_tree_installed.
inline std::optional<installed_tree> installed(const std::filesystem::path &root) {
  const std::string path = detail::encode_path(root);
  auto raw = detail::sized<patchcore_installed>();
  detail::call().run([&](patchcore_error **e) { return patchcore_tree_installed(path.data(), path.size(), &raw, e); });
  return detail::convert(raw);
}

/// Gives up the backup of the directory `root`, and says whether there was one. See patchcore_tree_clean.
inline bool clean(const std::filesystem::path &root, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(root);
  std::int32_t had_backup = 0;
  c.run([&](patchcore_error **e) { return patchcore_tree_clean(path.data(), path.size(), &raw_job, &had_backup, e); });
  return had_backup != 0;
}

} // namespace tree

/// Makes a key for signing in the file `path`, and the public one in `path.pub`, whose text is returned. See
/// patchcore_key_create_files.
inline std::string create_key_files(const std::filesystem::path &path, const std::optional<std::string> &password = {},
                                    bool force = false) {
  const std::string raw = detail::encode_path(path);
  buffer text;
  detail::call().run([&](patchcore_error **e) {
    return patchcore_key_create_files(raw.data(), raw.size(), detail::start_of(password), detail::length_of(password),
                                      force ? 1 : 0, text.handle(), e);
  });
  return std::string(text.begin(), text.end());
}

/// The identifier of a public key, as minisign shows it.
inline std::string key_id(std::string_view public_key) {
  std::array<char, PATCHCORE_KEY_ID_SIZE> id{};
  detail::call().run([&](patchcore_error **e) {
    return patchcore_key_id(public_key.data(), public_key.size(), id.data(), id.size(), e);
  });
  return std::string(id.data());
}

/// Signs the file `path` with the secret key in the file `key`. See patchcore_file_sign.
inline signature_file sign_file(const std::filesystem::path &path, const std::filesystem::path &key,
                                const sign_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string file = detail::encode_path(path), secret = detail::encode_path(key);
  const std::string output = detail::encode_path(options.output);
  auto raw = detail::sized<patchcore_sign_options>();
  raw.password = detail::start_of(options.password);
  raw.password_len = detail::length_of(options.password);
  raw.trusted_comment = detail::start_of(options.trusted_comment);
  raw.trusted_comment_len = detail::length_of(options.trusted_comment);
  raw.output = detail::start_of(output);
  raw.output_len = output.size();
  raw.no_clobber = options.no_clobber ? 1 : 0;
  detail::owned_signature signature;
  c.run([&](patchcore_error **e) {
    return detail::receive(signature, [&](patchcore_signature **out) {
      return patchcore_file_sign(file.data(), file.size(), secret.data(), secret.size(), &raw, &raw_job, out, e);
    });
  });
  auto info = detail::sized<patchcore_signature_info>();
  detail::call().run([&](patchcore_error **e) { return patchcore_signature_get_info(signature.get(), &info, e); });
  return {detail::decode_path(info.path, info.path_len), info.key_id,
          std::string(info.trusted_comment, info.trusted_comment_len)};
}

/// Checks that a trusted key signed the file `path`. See patchcore_file_verify.
inline signed_file verify_file(const std::filesystem::path &path, const trust &trusted, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string file = detail::encode_path(path);
  const detail::raw_trust raw(trusted);
  auto made = detail::sized<patchcore_signed_file>();
  c.run([&](patchcore_error **e) {
    return patchcore_file_verify(file.data(), file.size(), &raw.raw, &raw_job, &made, e);
  });
  return {detail::digest_from(made.digest), made.key_id};
}

/// Fetches the file that is at each of `urls` from the first of them that works. See patchcore_file_fetch.
inline fetch_stats fetch(const std::vector<std::string> &urls, const std::filesystem::path &to,
                         const fetch_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const detail::texts places(urls);
  const std::string file = detail::encode_path(to);
  const detail::raw_fetch_options raw(options);
  auto stats = detail::sized<patchcore_fetch_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_file_fetch(places.data(), places.lens(), places.size(), file.data(), file.size(), &raw.raw,
                                &raw_job, &stats, e);
  });
  return detail::convert(stats);
}

namespace detail {

inline update_report report_from(const patchcore_update_report *raw) {
  auto info = sized<patchcore_update_info>();
  call().run([&](patchcore_error **e) { return patchcore_update_report_get_info(raw, &info, e); });
  update_report made{};
  made.action = static_cast<update_action>(info.action);
  made.strategy = info.strategy;
  made.reason = info.reason;
  made.from = text_from(info.from, info.from_len);
  made.to = text_from(info.to, info.to_len);
  made.url = text_from(info.url, info.url_len);
  if (info.file != nullptr) {
    made.file = decode_path(info.file, info.file_len);
  }
  made.key_id = info.key_id;
  if (info.has_fetched != 0) {
    auto stats = sized<patchcore_fetch_stats>();
    call().run([&](patchcore_error **e) { return patchcore_update_report_get_fetched(raw, &stats, e); });
    made.fetched = convert(stats);
  }
  if (info.has_applied != 0) {
    auto stats = sized<patchcore_tree_apply_stats>();
    call().run([&](patchcore_error **e) { return patchcore_update_report_get_applied(raw, &stats, e); });
    made.applied = tree_apply_stats{stats.changed, stats.done_before, paths_from([&](std::size_t i, std::size_t *len) {
                                      return patchcore_update_report_kept(raw, i, len);
                                    }),
                                    stats.bytes};
  }
  return made;
}

/// What patchcore_update_options borrows.
class raw_update_options {
public:
  explicit raw_update_options(const update_options &from)
      : keys_(from.public_keys), required_(from.required), keep_local_(from.keep_local), cache_(encode_path(from.cache)),
        fetch_(from.fetch), apply_(convert(from.apply)) {
    raw.public_keys = keys_.data();
    raw.public_key_lens = keys_.lens();
    raw.public_key_count = keys_.size();
    raw.installed = start_of(from.installed);
    raw.installed_len = length_of(from.installed);
    raw.required = required_.data();
    raw.required_lens = required_.lens();
    raw.required_count = required_.size();
    raw.architecture = start_of(from.architecture);
    raw.architecture_len = length_of(from.architecture);
    raw.cache = start_of(cache_);
    raw.cache_len = cache_.size();
    raw.fetch = &fetch_.raw;
    raw.apply = &apply_;
    raw.force_full = from.force_full ? 1 : 0;
    raw.download_only = from.download_only ? 1 : 0;
    raw.dry_run = from.dry_run ? 1 : 0;
    raw.to = start_of(from.to);
    raw.to_len = length_of(from.to);
    raw.keep_local = keep_local_.data();
    raw.keep_local_lens = keep_local_.lens();
    raw.keep_local_count = keep_local_.size();
    raw.repair = from.repair ? 1 : 0;
  }
  raw_update_options(const raw_update_options &) = delete;
  raw_update_options &operator=(const raw_update_options &) = delete;

  patchcore_update_options raw = sized<patchcore_update_options>();

private:
  texts keys_, required_, keep_local_;
  std::string cache_;
  raw_fetch_options fetch_;
  patchcore_tree_apply_options apply_;
};

/// What patchcore_repository_options borrows.
class raw_repository_options {
public:
  explicit raw_repository_options(const repository_options &from) : key_(encode_path(from.key)) {
    raw.architecture = start_of(from.architecture);
    raw.architecture_len = length_of(from.architecture);
    raw.key = start_of(key_);
    raw.key_len = key_.size();
    raw.password = start_of(from.password);
    raw.password_len = length_of(from.password);
    raw.dry_run = from.dry_run ? 1 : 0;
  }
  raw_repository_options(const raw_repository_options &) = delete;
  raw_repository_options &operator=(const raw_repository_options &) = delete;

  patchcore_repository_options raw = sized<patchcore_repository_options>();

private:
  std::string key_;
};

/// Calls a function that gives a text in a buffer.
template <typename Function> std::string text_of(call &c, Function &&function) {
  buffer text;
  c.run([&](patchcore_error **e) { return function(text.handle(), e); });
  return std::string(text.begin(), text.end());
}

using update_function = decltype(&patchcore_update_from_package_info);

inline update_report update(update_function function, const std::filesystem::path &root, const document &from,
                            const update_options &options, const job &task) {
  call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = encode_path(root);
  auto raw_document = sized<patchcore_document>();
  raw_document.url = start_of(from.url);
  raw_document.url_len = length_of(from.url);
  raw_document.json = start_of(from.json);
  raw_document.json_len = length_of(from.json);
  raw_document.base = start_of(from.base);
  raw_document.base_len = length_of(from.base);
  const raw_update_options raw(options);
  owned_report report;
  c.run([&](patchcore_error **e) {
    return receive(report, [&](patchcore_update_report **out) {
      return function(path.data(), path.size(), &raw_document, &raw.raw, &raw_job, out, e);
    });
  });
  return report_from(report.get());
}

} // namespace detail

/// Applies the one package that `from` announces to the directory `root`. See patchcore_update_from_package_info.
inline update_report update_from_package_info(const std::filesystem::path &root, const document &from,
                                              const update_options &options = {}, const job &task = {}) {
  return detail::update(&patchcore_update_from_package_info, root, from, options, task);
}

/// Brings the directory `root` to the release of a service manifest. See patchcore_update_from_service_manifest.
inline update_report update_from_service_manifest(const std::filesystem::path &root, const document &from,
                                                  const update_options &options = {}, const job &task = {}) {
  return detail::update(&patchcore_update_from_service_manifest, root, from, options, task);
}

/// Brings the directory `root` to the newest version in the repository at `url`, and says what was done as a JSON text. See
/// patchcore_update_from_repository.
inline std::string update_from_repository(const std::filesystem::path &root, std::string_view url,
                                          const update_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(root);
  const detail::raw_update_options raw(options);
  return detail::text_of(c, [&](patchcore_buffer *out, patchcore_error **e) {
    return patchcore_update_from_repository(path.data(), path.size(), url.data(), url.size(), &raw.raw, &raw_job, out, e);
  });
}

/// Versions of a directory as static files. What it says is JSON text, with the fields that patchcore.h names. It may be used
/// from several threads; of two that change it at a time, one is told that it is busy.
class repository {
public:
  /// The repository in the folder `path`, which is looked at with the first call. See also init().
  explicit repository(const std::filesystem::path &path) : path_(detail::encode_path(path)) {}

  /// Makes an empty repository. See patchcore_repository_init.
  static repository init(const std::filesystem::path &path, bool plain = false) {
    repository made(path);
    detail::call().run([&](patchcore_error **e) {
      return patchcore_repository_init(made.path_.data(), made.path_.size(), plain ? 1 : 0, e);
    });
    return made;
  }

  /// The text of its manifest. See patchcore_repository_manifest.
  std::string manifest() const {
    detail::call c;
    return detail::text_of(c, [&](patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_manifest(path_.data(), path_.size(), out, e);
    });
  }

  /// Publishes a directory, or a ZIP file of one, as `version`. See patchcore_repository_publish.
  std::string publish(const std::filesystem::path &source, std::string_view version, const publish_options &options = {},
                      const job &task = {}) const {
    detail::call c;
    const patchcore_job raw_job = c.with(task);
    const std::string from = detail::encode_path(source);
    const detail::raw_repository_options change(options.change);
    const detail::raw_tree_diff_options diff(options.diff);
    auto raw = detail::sized<patchcore_publish_options>();
    raw.change = &change.raw;
    raw.diff = &diff.raw;
    raw.notes = detail::start_of(options.notes);
    raw.notes_len = detail::length_of(options.notes);
    raw.expires_at = detail::start_of(options.expires_at);
    raw.expires_at_len = detail::length_of(options.expires_at);
    raw.squash_from = options.squash_from;
    return detail::text_of(c, [&](patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_publish(path_.data(), path_.size(), from.data(), from.size(), version.data(),
                                          version.size(), &raw, &raw_job, out, e);
    });
  }

  /// What a client at the version `from`, which nobody may know, would download. See patchcore_repository_plan.
  std::string plan(const std::optional<std::string> &from, const std::optional<std::string> &to = {},
                   const std::optional<std::string> &architecture = {}) const {
    using detail::length_of, detail::start_of;
    detail::call c;
    return detail::text_of(c, [&](patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_plan(path_.data(), path_.size(), start_of(from), length_of(from), start_of(to),
                                       length_of(to), start_of(architecture), length_of(architecture), out, e);
    });
  }

  /// Removes the deltas from old versions. See patchcore_repository_prune.
  std::string prune(std::uint64_t keep = 5, const repository_options &options = {}, const job &task = {}) const {
    return change(options, task, [&](auto *raw, auto *raw_job, patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_prune(path_.data(), path_.size(), keep, raw, raw_job, out, e);
    });
  }

  /// Takes a bad version back. See patchcore_repository_withdraw.
  std::string withdraw(std::string_view version, const repository_options &options = {}, const job &task = {}) const {
    return change(options, task, [&](auto *raw, auto *raw_job, patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_withdraw(path_.data(), path_.size(), version.data(), version.size(), raw, raw_job, out,
                                           e);
    });
  }

  /// Makes manifest and archives again from the packages that are there. See patchcore_repository_rebuild.
  std::string rebuild(const repository_options &options = {}, const job &task = {}) const {
    return change(options, task, [&](auto *raw, auto *raw_job, patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_rebuild(path_.data(), path_.size(), raw, raw_job, out, e);
    });
  }

  /// Makes the newest version one that new installations start from. See patchcore_repository_new_base.
  std::string new_base(const repository_options &options = {}, const job &task = {}) const {
    return change(options, task, [&](auto *raw, auto *raw_job, patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_new_base(path_.data(), path_.size(), raw, raw_job, out, e);
    });
  }

  /// Reads every package, and tries every route. See patchcore_repository_verify.
  std::string verify(const std::vector<std::string> &public_keys = {}, const job &task = {}) const {
    const detail::texts keys(public_keys);
    detail::call c;
    const patchcore_job raw_job = c.with(task);
    return detail::text_of(c, [&](patchcore_buffer *out, patchcore_error **e) {
      return patchcore_repository_verify(path_.data(), path_.size(), keys.data(), keys.lens(), keys.size(), &raw_job, out,
                                         e);
    });
  }

private:
  template <typename Function>
  std::string change(const repository_options &options, const job &task, Function &&function) const {
    detail::call c;
    const patchcore_job raw_job = c.with(task);
    const detail::raw_repository_options raw(options);
    return detail::text_of(
        c, [&](patchcore_buffer *out, patchcore_error **e) { return function(&raw.raw, &raw_job, out, e); });
  }

  std::string path_;
};

/// Publishes `latest`, the newest version of `chain`, in `folder`. See patchcore_channel_publish.
inline channel_publish_stats publish_channel(const std::filesystem::path &folder, const std::filesystem::path &chain,
                                             const std::filesystem::path &latest,
                                             const channel_publish_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string into = detail::encode_path(folder), of = detail::encode_path(chain);
  const std::string newest = detail::encode_path(latest), key = detail::encode_path(options.key);
  const patchcore_squash_options squash = detail::convert(options.squash);
  auto raw = detail::sized<patchcore_channel_publish_options>();
  raw.family = detail::start_of(options.family);
  raw.family_len = detail::length_of(options.family);
  raw.base_url = detail::start_of(options.base_url);
  raw.base_url_len = detail::length_of(options.base_url);
  raw.expires_at = detail::start_of(options.expires_at);
  raw.expires_at_len = detail::length_of(options.expires_at);
  raw.key = detail::start_of(key);
  raw.key_len = key.size();
  raw.password = detail::start_of(options.password);
  raw.password_len = detail::length_of(options.password);
  raw.squash = &squash;
  raw.force = options.force ? 1 : 0;
  auto stats = detail::sized<patchcore_channel_publish_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_channel_publish(into.data(), into.size(), of.data(), of.size(), newest.data(), newest.size(), &raw,
                                     &raw_job, &stats, e);
  });
  return {stats.changed != 0, stats.version,  detail::digest_from(stats.digest), stats.sequence, stats.squashed,
          stats.written,      stats.written_bytes, stats.removed};
}

/// Brings `file` to the newest version of the channel at `url` by the fewest bytes. See patchcore_file_update.
inline file_update_stats update_file(const std::filesystem::path &file, const std::string &url,
                                     const file_update_options &options = {}, const job &task = {}) {
  detail::call c;
  const patchcore_job raw_job = c.with(task);
  const std::string path = detail::encode_path(file), cache = detail::encode_path(options.cache);
  const std::string scratch = detail::encode_path(options.apply.scratch);
  const detail::texts keys(options.public_keys);
  const detail::raw_fetch_options fetch(options.fetch);
  const patchcore_apply_options apply = detail::convert(options.apply, scratch);
  auto raw = detail::sized<patchcore_file_update_options>();
  raw.public_keys = keys.data();
  raw.public_key_lens = keys.lens();
  raw.public_key_count = keys.size();
  raw.from = detail::start_of(options.from);
  raw.from_len = detail::length_of(options.from);
  raw.to = detail::start_of(options.to);
  raw.to_len = detail::length_of(options.to);
  raw.cache = detail::start_of(cache);
  raw.cache_len = cache.size();
  raw.fetch = &fetch.raw;
  raw.apply = &apply;
  raw.force_full = options.force_full ? 1 : 0;
  raw.download_only = options.download_only ? 1 : 0;
  raw.dry_run = options.dry_run ? 1 : 0;
  auto stats = detail::sized<patchcore_file_update_stats>();
  c.run([&](patchcore_error **e) {
    return patchcore_file_update(path.data(), path.size(), url.data(), url.size(), &raw, &raw_job, &stats, e);
  });
  file_update_stats made{};
  made.action = static_cast<update_action>(stats.action);
  made.means = static_cast<patchcore::means>(stats.means);
  made.reason = stats.reason;
  made.from = stats.from;
  if (stats.has_from != 0) {
    made.from_digest = detail::digest_from(stats.from_digest);
  }
  made.to = stats.to;
  made.to_digest = detail::digest_from(stats.to_digest);
  made.links = stats.links;
  if (stats.has_planned != 0) {
    made.planned_bytes = stats.planned_bytes;
  }
  made.transferred_bytes = stats.transferred_bytes;
  made.sequence = stats.sequence;
  made.key_id = stats.key_id;
  return made;
}

} // namespace patchcore

#endif // PATCHCORE_HPP
