// The launcher: brings the game's directory to the version of a package, or back. At every moment the directory is one
// version or the other, whatever happens; what a crash left is put right by the next start.
#include "player_message.hpp"
#include "progress_bar.hpp"

#include <patchcore.hpp>

#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_interrupted = 130;

const patchcore::cancel interruption;

void interrupt(int) { interruption.request(); }

std::string read_text(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string version_of(const std::optional<patchcore::installed_tree> &installed) {
  return installed && installed->version ? *installed->version : "of an unknown version";
}

void update(const std::filesystem::path &package, const std::filesystem::path &game,
            const std::optional<std::filesystem::path> &public_key) {
  progress_bar bar;
  patchcore::job job;
  job.cancel = &interruption;
  job.progress_changed = [&bar](const patchcore::progress &event) {
    bar.show(event);
    return true;
  };

  std::cout << "Installed: " << version_of(patchcore::tree::recover(game, job)) << '\n';

  // With a key, nothing is unpacked that it did not sign; the signature lies beside the package.
  patchcore::trust trusted;
  if (public_key) {
    trusted.public_keys.push_back(read_text(*public_key));
  }
  const patchcore::tree_patch patch(package, trusted, {}, job);
  const patchcore::tree_patch_info info = patch.info();
  if (!info.key_id.empty()) {
    std::cout << "Signed by: " << info.key_id << '\n';
  }

  const patchcore::tree_plan plan = patch.plan(game, {}, job);
  bar.clear();
  if (plan.actions.empty() && plan.conflicts.empty()) {
    std::cout << "Already up to date.\n";
    return;
  }
  std::cout << "Plan:      " << plan.actions.size() << " changes, " << plan.bytes << " bytes" << std::endl;
  for (const patchcore::tree_conflict &conflict : plan.conflicts) {
    std::cerr << "  " << conflict.path << ": " << patchcore::name(conflict.reason) << '\n';
  }

  const patchcore::tree_apply_stats applied = patch.apply(game, {}, job);
  bar.clear();
  for (const std::string &path : applied.kept) {
    std::cout << "Kept:      " << path << '\n';
  }
  std::cout << "Updated to " << version_of(patchcore::tree::installed(game)) << ".\n";
}

void roll_back(const std::filesystem::path &game) {
  patchcore::job job;
  job.cancel = &interruption;
  std::cout << "Back to the version before: " << version_of(patchcore::tree::rollback(game, false, 0, job)) << ".\n";
}

/// Runs what the arguments say; false where they say nothing.
bool run(const std::vector<std::string> &arguments) {
  if (arguments.size() == 3 && arguments[0] == "update") {
    update(arguments[1], arguments[2], std::nullopt);
  } else if (arguments.size() == 5 && arguments[0] == "update" && arguments[3] == "--key") {
    update(arguments[1], arguments[2], arguments[4]);
  } else if (arguments.size() == 2 && arguments[0] == "rollback") {
    roll_back(arguments[1]);
  } else {
    return false;
  }
  return true;
}

} // namespace

int main(int count, char **arguments) {
  std::signal(SIGINT, interrupt);
  try {
    if (run(std::vector<std::string>(arguments + 1, arguments + count))) {
      return 0;
    }
    std::cerr << "usage: cpp-launcher update PACKAGE GAME_DIR [--key PUBLIC_KEY]\n"
                 "       cpp-launcher rollback GAME_DIR\n";
    return exit_usage;
  } catch (const patchcore::error &failure) {
    std::cerr << player_message(failure) << '\n';
    return failure.status() == patchcore::status::cancelled ? exit_interrupted : static_cast<int>(failure.status());
  } catch (const std::exception &failure) {
    std::cerr << "The update failed: " << failure.what() << '\n';
    return exit_failed;
  }
}
