// A line on the terminal that says how far the update is; nothing where stderr is no terminal.
#ifndef PROGRESS_BAR_HPP
#define PROGRESS_BAR_HPP

#include <patchcore.hpp>

#include <chrono>

class progress_bar {
public:
  progress_bar();
  progress_bar(const progress_bar &) = delete;
  progress_bar &operator=(const progress_bar &) = delete;
  ~progress_bar();

  // Shows phase, percent and rate. The library calls this at most ten times a second.
  void show(const patchcore::progress &event);

  // Leaves an empty line to write on.
  void clear();

private:
  using clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool drawn_ = false;
  patchcore::phase phase_{};
  clock::time_point phase_began_;
};

#endif
