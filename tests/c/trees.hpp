// What the C++ tests of directories share.

#ifndef PATCHCORE_TEST_TREES_HPP
#define PATCHCORE_TEST_TREES_HPP

#include "trees.h"

#include <patchcore.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace fs = std::filesystem;
template <typename Function> inline bool fails(patchcore::status wanted, patchcore::outcome outcome, Function &&function) {
  try {
    function();
  } catch (const patchcore::error &error) {
    const bool same = error.status() == wanted && error.outcome() == outcome;
    if (!same) {
      std::fprintf(stderr, "  gave %s: %s\n", std::string(patchcore::name(error.outcome())).c_str(), error.what());
    }
    return same;
  }
  std::fprintf(stderr, "  did not fail\n");
  return false;
}

inline std::string read(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void write(const fs::path &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }

/// Three versions of a directory, and the patches between them; all are gone when this is.
struct house {
  house() : one(tree_of("one", 1)), two(tree_of("two", 2)), three(tree_of("three", 3)) {
    patchcore::tree_diff_options options;
    options.version = "1.1.0";
    options.min_version = "1.0.0";
    options.max_version = "1.0.9";
    options.keep_local = {"settings"};
    write(two / "settings", "factory");
    write(three / "settings", "factory");
    made = patchcore::tree::diff(one, two, first, options);
    patchcore::tree::diff(two, three, second);
  }
  ~house() { remove_folder(), mkdir(in_folder(""), 0755); }
  house(const house &) = delete;
  house &operator=(const house &) = delete;

  fs::path one, two, three;
  fs::path first = in_folder("first.zip"), second = in_folder("second.zip");
  patchcore::tree_diff_stats made{};
};

inline patchcore::digest digest_of(const fs::path &root) { return patchcore::tree::scan(root).digest; }

#endif
