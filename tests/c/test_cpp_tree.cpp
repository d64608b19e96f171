// Directories in C++: the same as in C, with owners, exceptions and lists.

#include "trees.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

using patchcore::input;
using patchcore::tree_patch;

namespace {

void a_patch_says_what_it_is_and_is_applied_and_taken_back() {
  const house h;
  tree_patch opened{input(h.first)};
  const tree_patch patch = std::move(opened);
  const patchcore::tree_patch_info info = patch.info();
  CHECK(info.old_tree == h.made.old_tree && info.new_tree == digest_of(h.two) && info.version == "1.1.0");
  CHECK(info.min_version == "1.0.0" && info.max_version == "1.0.9" && info.key_id.empty());
  CHECK(info.package_size == fs::file_size(h.first) && info.changes == h.made.changes);
  CHECK(info.changes.at(patchcore::change_kind::delta) == 1);
  const std::vector<patchcore::tree_change> changes = patch.changes();
  const auto is_new = [](const patchcore::tree_change &change) { return change.path == "docs/new"; };
  const auto found = std::find_if(changes.begin(), changes.end(), is_new);
  CHECK(found != changes.end() && found->kind == patchcore::change_kind::replace && found->bytes == 6);
  CHECK(patchcore::name(found->kind) == "replace" && patch.verify().deltas == 1);

  write(h.one / "settings", "mine");
  const patchcore::digest before = digest_of(h.one);
  CHECK(!patchcore::tree::installed(h.one));
  const patchcore::tree_plan plan = patch.plan(h.one);
  CHECK(plan.actions.size() + 1 == changes.size() && plan.conflicts.empty());
  CHECK(plan.kept == std::vector<std::string>{"settings"} && plan.bytes > 0);
  const patchcore::tree_apply_stats stats = patch.apply(h.one);
  CHECK(stats.kept == plan.kept && stats.changed == plan.actions.size() && read(h.one / "settings") == "mine");
  const auto installed = patchcore::tree::installed(h.one);
  CHECK(installed && installed->version == "1.1.0" && installed->tree);
  CHECK(patch.verify_tree(h.one, 2).is_clean && patch.apply(h.one).changed == 0);
  CHECK(patchcore::tree::recover(h.one)->version == "1.1.0");

  fs::remove(h.one / "docs/new");
  write(h.one / "big", "other");
  const patchcore::tree_verification verification = patch.verify_tree(h.one);
  CHECK(!verification.is_clean && verification.missing == std::vector<std::string>{"docs/new"});
  CHECK(verification.different == std::vector<std::string>{"big"} && verification.unexpected.empty());
  patchcore::tree::rollback(h.one, true);
  CHECK(digest_of(h.one) == before && !patchcore::tree::clean(h.one));
}

void a_conflict_is_thrown_with_its_outcome() {
  const house h;
  const tree_patch patch{input(h.first)};
  write(h.one / "gone", "mine");
  const patchcore::digest before = digest_of(h.one);
  CHECK(fails(patchcore::status::conflict, patchcore::outcome::unchanged, [&] { patch.apply(h.one); }));
  CHECK(digest_of(h.one) == before);
  const std::vector<patchcore::tree_conflict> conflicts = patch.plan(h.one).conflicts;
  CHECK(conflicts.size() == 1 && conflicts[0].path == "gone");
  CHECK(patchcore::name(conflicts[0].reason) == "modified");
  patchcore::tree_apply_options options;
  options.overwrite_local = true;
  options.no_backup = true;
  patch.apply(h.one, options);
  CHECK(digest_of(h.one) == digest_of(h.two));
  CHECK(fails(patchcore::status::invalid_argument, patchcore::outcome::unchanged,
              [&] { patchcore::tree::rollback(h.one); }));
}

void exceptions_and_cancellations_leave_the_directory() {
  const house h;
  const patchcore::digest before = digest_of(h.one);
  const bytes content = read_file(h.first.c_str());
  bool broken = false;
  const auto reader = [&](std::uint64_t offset, std::uint8_t *data, std::size_t len) {
    if (broken) {
      throw std::range_error("gone");
    }
    std::copy_n(content.data + offset, len, data);
  };
  const tree_patch patch(input::callback(reader, content.len));
  broken = true;
  try {
    patch.apply(h.one);
    CHECK(false);
  } catch (const std::range_error &) {
  }
  broken = false;
  patchcore::job job;
  job.progress_changed = [](const patchcore::progress &event) { return event.phase != patchcore::phase::stage; };
  CHECK(fails(patchcore::status::cancelled, patchcore::outcome::unchanged, [&] { patch.apply(h.one, {}, job); }));
  job.progress_changed = [](const patchcore::progress &) -> bool { throw std::logic_error("no"); };
  try {
    patch.apply(h.one, {}, job);
    CHECK(false);
  } catch (const std::logic_error &) {
  }
  const patchcore::cancel cancel;
  cancel.request();
  job = patchcore::job();
  job.cancel = &cancel;
  CHECK(fails(patchcore::status::cancelled, patchcore::outcome::unchanged, [&] { patch.apply(h.one, {}, job); }));
  CHECK(digest_of(h.one) == before);
  patch.apply(h.one);
  CHECK(digest_of(h.one) == digest_of(h.two));
  free(content.data);
}

void patches_become_one_and_operations_a_patch() {
  const house h;
  const fs::path squashed = in_folder("squashed.zip");
  const tree_patch first{input(h.first)}, second{input(h.second)};
  CHECK(patchcore::tree::squash({&first, &second}, squashed).package_size == fs::file_size(squashed));
  CHECK(fails(patchcore::status::source_mismatch, patchcore::outcome::none, [&] {
    patchcore::tree::squash({&second, &first}, squashed);
  }));
  CHECK(fails(patchcore::status::invalid_argument, patchcore::outcome::none, [&] {
    patchcore::tree::squash({&second, nullptr}, squashed);
  }));
  tree_patch{input(squashed)}.apply(h.one);
  CHECK(digest_of(h.one) == digest_of(h.three));

  fs::remove(h.three / "link");
  fs::remove(h.two / "link");
  const patchcore::operation_outputs outputs{in_folder("p.tar.gz"), in_folder("operations.json"), {}, {}};
  patchcore::tree::diff_operations(h.two, h.three, outputs);
  tree_patch(input(outputs.package), {}, read(outputs.operations)).apply(h.two);
  CHECK(digest_of(h.two) == digest_of(h.three));
}

void a_snapshot_is_a_list() {
  const house h;
  patchcore::scan_options options;
  options.exclude = {"docs/", "settings"};
  const patchcore::tree_snapshot found = patchcore::tree::scan(h.two, options);
  CHECK(found.items.size() == 4 && found.items[0].path == "big" && found.items[0].digest);
  CHECK(found.items[0].size == 40000 + 13 && !found.items[0].executable && !found.items[0].target);
  CHECK(found.items[1].kind == patchcore::item_kind::symlink && found.items[1].target == "docs/new");
  CHECK(found.items[2].path == "run.sh" && found.items[2].executable && !found.items[1].digest);
}

void only_what_a_trusted_key_signed_is_opened() {
  const house h;
  const fs::path key = in_folder("key");
  const std::string public_key = patchcore::create_key_files(key);
  const patchcore::trust trusted{{public_key}, {}};
  const auto open = [&](const patchcore::trust &trust) { return tree_patch(input(h.first), trust); };
  CHECK(fails(patchcore::status::bad_signature, patchcore::outcome::none, [&] { open(trusted); }));
  patchcore::sign_options options;
  options.trusted_comment = "first";
  const patchcore::signature_file signature = patchcore::sign_file(h.first, key, options);
  CHECK(signature.path == h.first.string() + ".minisig" && signature.trusted_comment == "first");
  CHECK(signature.key_id == patchcore::key_id(public_key) && open(trusted).info().key_id == signature.key_id);
  CHECK(patchcore::verify_file(h.first, trusted).digest == patchcore::digest::of(input(h.first)));
  const std::string text = read(signature.path);
  fs::remove(signature.path);
  CHECK(open({{public_key}, text}).info().key_id == signature.key_id);
  // A signature that is there and empty is a mistake that must not turn the check off.
  CHECK(fails(patchcore::status::bad_signature, patchcore::outcome::none, [&] { open({{public_key}, ""}); }));
  const std::string other = patchcore::create_key_files(in_folder("other"));
  CHECK(fails(patchcore::status::untrusted_key, patchcore::outcome::none, [&] { open({{other}, text}); }));
}

void an_update_fetches_verifies_and_applies() {
  const house h;
  const fs::path copy = in_folder("copy.zip");
  patchcore::fetch_options fetch;
  fetch.digest = patchcore::digest::of(input(h.first));
  fetch.size = fs::file_size(h.first);
  fetch.retries = 0;
  const patchcore::fetch_stats fetched = patchcore::fetch({in_folder("none"), h.first.string()}, copy, fetch);
  CHECK(fetched.source == 1 && fetched.digest == fetch.digest && fetched.transferred == fetched.size);

  const std::string json = "{\"url\": \"first.zip\", \"hash\": \"" + fetch.digest->to_hex() + "\"}";
  const auto document = patchcore::document::of(json, in_folder("info.json"));
  patchcore::update_options options;
  options.dry_run = true;
  patchcore::update_report report = patchcore::update_from_package_info(h.one, document, options);
  CHECK(report.action == patchcore::update_action::decided && !report.applied && report.file.empty());
  options.dry_run = false;
  options.download_only = true;
  options.cache = in_folder("cache");
  report = patchcore::update_from_package_info(h.one, document, options);
  CHECK(report.action == patchcore::update_action::downloaded && fs::exists(report.file));
  CHECK(report.fetched && report.fetched->size == fetch.size);
  options.download_only = false;
  report = patchcore::update_from_package_info(h.one, document, options);
  CHECK(report.applied && report.applied->changed > 5 && report.strategy == "patch");
  CHECK(digest_of(h.one) == digest_of(h.two) && patchcore::name(report.action) == "applied");

  const std::string manifest = "{\"version\": \"1.1.0\", \"release_date\": \"2026-11-21T00:00:00Z\", \"patch\": {}}";
  write(in_folder("manifest.json"), manifest);
  report = patchcore::update_from_service_manifest(h.one, patchcore::document::at(in_folder("manifest.json")));
  CHECK(report.reason == "up_to_date" && report.from == "1.1.0" && report.to == "1.1.0" && report.url.empty());
  write(in_folder("info.json"), "no JSON");
  CHECK(fails(patchcore::status::corrupt, patchcore::outcome::unchanged,
              [&] { patchcore::update_from_package_info(h.one, patchcore::document::at(in_folder("info.json"))); }));
}

} // namespace

int main() {
  in_folder("");
  RUN(a_patch_says_what_it_is_and_is_applied_and_taken_back);
  RUN(a_conflict_is_thrown_with_its_outcome);
  RUN(exceptions_and_cancellations_leave_the_directory);
  RUN(patches_become_one_and_operations_a_patch);
  RUN(a_snapshot_is_a_list);
  RUN(only_what_a_trusted_key_signed_is_opened);
  RUN(an_update_fetches_verifies_and_applies);
  return check_report();
}
