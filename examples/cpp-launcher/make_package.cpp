// The studio's side: makes the package that turns one version of the game's directory into the next, and signs it.
#include <patchcore.hpp>

#include <exception>
#include <iostream>

int main(int count, char **arguments) {
  if (count != 5 && count != 6) {
    std::cerr << "usage: make-package OLD_DIR NEW_DIR PACKAGE VERSION [SECRET_KEY]\n";
    return 2;
  }
  try {
    patchcore::tree_diff_options options;
    options.version = arguments[4];
    options.keep_local = {"settings.ini"}; // players change it, so it is installed once
    const patchcore::tree_diff_stats made = patchcore::tree::diff(arguments[1], arguments[2], arguments[3], options);
    if (count == 6) {
      patchcore::sign_file(arguments[3], arguments[5]);
    }
    std::cout << arguments[3] << ": " << made.package_size << " bytes for " << made.new_size << " bytes of new files\n";
    return 0;
  } catch (const std::exception &failure) {
    std::cerr << "make-package: " << failure.what() << '\n';
    return 1;
  }
}
