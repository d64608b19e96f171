// Release repositories in C++: the same as in C, with owners, exceptions and lists.

#include "trees.hpp"

#include <stdexcept>

namespace {

void a_repository_is_published_and_updated_from() {
  const house h;
  const auto has = [](const std::string &json, const char *piece) { return json.find(piece) != std::string::npos; };
  const auto site = patchcore::repository::init(in_folder("site"));
  site.publish(h.one, "1.0.0");
  const fs::path installed = in_folder("installed");
  CHECK(has(patchcore::update_from_repository(installed, in_folder("site")), "\"new_installation\""));
  patchcore::publish_options options;
  options.notes = "Faster";
  options.diff.level = 1;
  int events = 0;
  patchcore::job task;
  task.progress_changed = [&](const patchcore::progress &) { return ++events > 0; };
  CHECK(has(site.publish(h.two, "1.1.0", options, task), "\"previous\":\"1.0.0\"") && events > 0);
  CHECK(has(site.plan("1.0.0"), "\"means\":\"deltas\"") && has(site.manifest(), "\"notes\": \"Faster\""));
  patchcore::update_options update;
  update.to = "1.1.0";
  CHECK(has(patchcore::update_from_repository(installed, in_folder("site"), update), "\"action\":\"applied\""));
  CHECK(digest_of(installed) == digest_of(h.two));
  write(installed / "big", "spoilt");
  update.repair = true;
  CHECK(has(patchcore::update_from_repository(installed, in_folder("site"), update), "\"means\":\"repair\""));
  CHECK(digest_of(installed) == digest_of(h.two));
  CHECK(has(site.withdraw("1.1.0"), "\"latest_version\":\"1.0.0\"") && has(site.prune(), "\"removed\":[]"));
  CHECK(has(site.new_base(), "\"latest_version\":\"1.0.0\"") && has(site.rebuild(), "\"missing\":[]"));
  CHECK(has(site.verify(), "\"problems\":[]"));
  const auto none = patchcore::outcome::none;
  CHECK(fails(patchcore::status::invalid_argument, none, [&] { site.publish(h.two, "0.1.0"); }));
  task.progress_changed = [](const patchcore::progress &) -> bool { throw std::runtime_error("mine"); };
  try {
    site.publish(h.three, "2.0.0", {}, task);
    CHECK(!"it threw nothing");
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "mine");
  }
  CHECK(fails(patchcore::status::not_found, none, [&] { patchcore::repository(h.one).manifest(); }));
}

} // namespace

int main() {
  in_folder("");
  RUN(a_repository_is_published_and_updated_from);
  return check_report();
}
