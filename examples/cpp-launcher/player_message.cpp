// One advice for each status that a player can meet; any other one, also of a newer library, gets a general one.
#include "player_message.hpp"

#include <string_view>

namespace {

std::string_view advice(patchcore::status status) {
  switch (status) {
  case patchcore::status::source_mismatch:
    return "The game file was modified, or is of a version that this update does not know.\n"
           "Verify the game files, or install the game again.";
  case patchcore::status::corrupt:
  case patchcore::status::target_mismatch:
    return "The update file is damaged. Download it again.";
  case patchcore::status::unsupported:
    return "This update needs a newer launcher. Update the launcher first.";
  case patchcore::status::unknown_version:
  case patchcore::status::ambiguous_version:
    return "This update has no such version. Leave out --target for the latest.";
  case patchcore::status::no_route:
    return "There is no way from the installed version to that one. To go back, install the game again.";
  case patchcore::status::not_found:
    return "A file is missing. Install the game again, or download the update again.";
  case patchcore::status::no_space:
    return "The disk is full. The new file needs its place beside the old one until the update is done.";
  case patchcore::status::permission:
    return "The launcher may not change the game file. Run it as the user who installed the game.";
  case patchcore::status::busy:
    return "Another program is updating the game. Wait for it to end.";
  case patchcore::status::no_memory:
    return "There is not enough memory. Close other programs and try again.";
  case patchcore::status::io:
    return "A file cannot be read or written. Check the disk and try again.";
  default:
    return "The update failed. Try again; if it fails again, report the line below.";
  }
}

} // namespace

std::string player_message(const patchcore::error &failure) {
  if (failure.status() == patchcore::status::cancelled) {
    return "Cancelled. The game file is as it was.";
  }
  std::string message(advice(failure.status()));
  message += "\nNothing was changed. (";
  message += failure.status_name();
  message += ": ";
  message += failure.what();
  message += ')';
  return message;
}
