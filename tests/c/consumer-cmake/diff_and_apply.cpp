// The program of diff_and_apply.c in C++.

#include <patchcore.hpp>

#include <exception>
#include <iostream>
#include <string_view>

int main() {
  constexpr std::string_view old_text = "The quick brown fox jumps over the lazy dog.";
  constexpr std::string_view new_text = "The quick brown fox jumps over the lazy cat.";
  try {
    const auto old_file = patchcore::input::memory(old_text.data(), old_text.size());
    const auto new_file = patchcore::input::memory(new_text.data(), new_text.size());
    patchcore::bytes delta, result;
    patchcore::diff(old_file, new_file, patchcore::output::memory(delta));
    patchcore::apply(old_file, patchcore::input::memory(delta), patchcore::output::memory(result));
    const bool same = std::string_view(reinterpret_cast<const char *>(result.data()), result.size()) == new_text;
    std::cout << "libpatchcore " << patchcore::version() << (same ? ": the new file was made\n" : ": something else was made\n");
    return same ? 0 : 1;
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
