// One advice for each status that a player can meet; any other one, also of a newer library, gets a general one.
#include "player_message.hpp"

#include <string_view>

namespace {

std::string_view advice(patchcore::status status) {
  switch (status) {
  case patchcore::status::conflict:
    return "Some files of the game were changed, and the update would overwrite them.\n"
           "Put them back, or install the game again.";
  case patchcore::status::bad_signature:
  case patchcore::status::untrusted_key:
    return "The update does not come from the makers of the game. Download it from their site.";
  case patchcore::status::corrupt:
  case patchcore::status::target_mismatch:
    return "The update file is damaged. Download it again.";
  case patchcore::status::unsupported:
    return "This update needs a newer launcher. Update the launcher first.";
  case patchcore::status::unsafe_path:
    return "The update would write outside the game's folder, and was refused.";
  case patchcore::status::invalid_argument:
    return "That cannot be done: there is nothing to go back to, or the update is none.";
  case patchcore::status::not_found:
    return "A file is missing. Install the game again, or download the update again.";
  case patchcore::status::no_space:
    return "The disk is full. The new files need their place beside the old ones until the update is done.";
  case patchcore::status::permission:
    return "The launcher may not change the game. Run it as the user who installed the game.";
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

std::string_view state(patchcore::outcome outcome) {
  switch (outcome) {
  case patchcore::outcome::rolled_back:
    return "The game is as it was again.";
  case patchcore::outcome::rollback_failed:
    return "The game could not be brought back to what it was; start the launcher again.";
  default:
    return "Nothing was changed.";
  }
}

} // namespace

std::string player_message(const patchcore::error &failure) {
  if (failure.status() == patchcore::status::cancelled) {
    return "Cancelled. " + std::string(state(failure.outcome()));
  }
  std::string message(advice(failure.status()));
  message += '\n';
  message += state(failure.outcome());
  message += " (";
  message += failure.status_name();
  message += ": ";
  message += failure.what();
  message += ')';
  return message;
}
