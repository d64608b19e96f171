// The launcher: says which version of the game is installed and what an update takes, then brings the file to the
// wanted version. The file is replaced in one step at the end, so it is whole at every moment, whatever happens.
#include "player_message.hpp"
#include "progress_bar.hpp"

#include <patchcore.hpp>

#include <csignal>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_interrupted = 130;

const patchcore::cancel interruption;

void interrupt(int) { interruption.request(); }

struct request {
  std::filesystem::path chain;
  std::filesystem::path game_file;
  std::optional<std::string> target; // the latest version unless given
};

std::optional<request> read_arguments(int count, char **arguments) {
  if (count == 3) {
    return request{arguments[1], arguments[2], std::nullopt};
  }
  if (count == 5 && std::string_view(arguments[3]) == "--target") {
    return request{arguments[1], arguments[2], arguments[4]};
  }
  return std::nullopt;
}

void update(const request &wanted) {
  progress_bar bar;
  patchcore::job job;
  job.cancel = &interruption;
  job.progress_changed = [&bar](const patchcore::progress &event) {
    bar.show(event);
    return true;
  };

  const patchcore::chain chain(wanted.chain);
  const std::uint64_t target = wanted.target ? chain.resolve(*wanted.target) : chain.info().versions - 1;
  const std::uint64_t installed = chain.find(patchcore::digest::of(wanted.game_file, job));
  bar.clear();

  const patchcore::version_info from = chain.version(installed);
  const patchcore::version_info to = chain.version(target);
  std::cout << "Installed: " << from.name << '\n';
  if (from.digest == to.digest) {
    std::cout << "Already up to date.\n";
    return;
  }

  std::string route = from.name;
  std::uint64_t bytes = 0;
  for (const std::uint64_t index : chain.route(installed, target)) {
    const patchcore::link_info link = chain.link(index);
    route += " -> " + chain.version(link.to).name;
    bytes += link.size;
  }
  std::cout << "Route:     " << route << " (" << bytes << " bytes)" << std::endl;

  patchcore::apply_options options;
  options.threads = 2;
  chain.apply(wanted.game_file, wanted.game_file, to.name, options, job);
  bar.clear();
  std::cout << "Updated to " << to.name << " (" << to.size << " bytes).\n";
}

} // namespace

int main(int count, char **arguments) {
  const std::optional<request> wanted = read_arguments(count, arguments);
  if (!wanted) {
    std::cerr << "usage: cpp-launcher CHAIN GAME_FILE [--target VERSION]\n";
    return exit_usage;
  }

  std::signal(SIGINT, interrupt);
  try {
    update(*wanted);
    return 0;
  } catch (const patchcore::error &failure) {
    std::cerr << player_message(failure) << '\n';
    return failure.status() == patchcore::status::cancelled ? exit_interrupted : static_cast<int>(failure.status());
  } catch (const std::exception &failure) {
    std::cerr << "The update failed: " << failure.what() << '\n';
    return exit_failed;
  }
}
