// The studio's side: makes a chain of the versions of a file, oldest first, named v1, v2, …
#include <patchcore.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <vector>

int main(int count, char **arguments) {
  if (count < 4) {
    std::cerr << "usage: make-chain CHAIN VERSION VERSION...\n";
    return 2;
  }
  try {
    std::vector<patchcore::buffer> deltas(static_cast<std::size_t>(count) - 3);
    std::vector<patchcore::input> links;
    char **version = arguments + 2;
    for (patchcore::buffer &delta : deltas) {
      patchcore::diff(patchcore::input::path(version[0]), patchcore::input::path(version[1]),
                      patchcore::output::memory(delta));
      links.push_back(patchcore::input::memory(delta));
      ++version;
    }
    patchcore::chain::create(links, patchcore::output::path(arguments[1]));
    return 0;
  } catch (const std::exception &failure) {
    std::cerr << "make-chain: " << failure.what() << '\n';
    return 1;
  }
}
