// Draws over its own line. The rate is that of the current phase, since phases differ much.
#include "progress_bar.hpp"

#include <cstdio>
#include <string>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace {

constexpr int width = 30;

bool stderr_is_a_terminal() {
#ifdef _WIN32
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(STDERR_FILENO) != 0;
#endif
}

} // namespace

progress_bar::progress_bar() : on_terminal_(stderr_is_a_terminal()) {}

progress_bar::~progress_bar() { clear(); }

void progress_bar::show(const patchcore::progress &event) {
  if (!on_terminal_ || event.total == 0) {
    return;
  }
  const clock::time_point now = clock::now();
  if (!drawn_ || event.phase != phase_) {
    phase_ = event.phase;
    phase_began_ = now;
  }

  const double done = static_cast<double>(event.done) / static_cast<double>(event.total);
  const int filled = static_cast<int>(done * width);
  const std::string name(patchcore::phase_name(event.phase));
  std::fprintf(stderr, "\r\033[K%-8s [%s%s] %3d %%", name.c_str(), std::string(filled, '#').c_str(),
               std::string(width - filled, ' ').c_str(), static_cast<int>(done * 100));

  const double seconds = std::chrono::duration<double>(now - phase_began_).count();
  if (event.unit == patchcore::unit::bytes && seconds > 0) {
    std::fprintf(stderr, "  %.1f MB/s", static_cast<double>(event.done) / seconds / 1e6);
  }
  std::fflush(stderr);
  drawn_ = true;
}

void progress_bar::clear() {
  if (drawn_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    drawn_ = false;
  }
}
