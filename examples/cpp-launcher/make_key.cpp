// The studio's side, once: makes the key that packages are signed with, and KEY.pub, which the launcher is given.
#include <patchcore.hpp>

#include <exception>
#include <iostream>

int main(int count, char **arguments) {
  if (count != 2) {
    std::cerr << "usage: make-key KEY\n";
    return 2;
  }
  try {
    std::cout << patchcore::create_key_files(arguments[1]);
    return 0;
  } catch (const std::exception &failure) {
    std::cerr << "make-key: " << failure.what() << '\n';
    return 1;
  }
}
