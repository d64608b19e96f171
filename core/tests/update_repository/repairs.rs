//! Trees that are not what a delta was made for: what is fetched, what is replaced, and what is left alone.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchcore::repository::{PlanReason, UpdateMeans};
use patchcore::tree::{self, TreeDiffOptions};
use patchcore::update::{UpdateAction, UpdateOptions, update_from_repository};
use patchcore::{CancelToken, Outcome, Status, Task};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::trees::{Node, file};
use crate::{Lab, options, packages, release, version};

const COMBINED: &str = "combined_0.0.0_1.0.3.zip";

fn repair() -> UpdateOptions {
    UpdateOptions { repair: true, ..options() }
}

/// The bytes of packages that were asked for; everything where no part was.
fn asked(lab: &Lab, host: &Server) -> u64 {
    let of_package = |path: &str| path.ends_with(".zip");
    let len = |asked: &crate::Asked| match asked.range() {
        Some((first, Some(last))) => last + 1 - first,
        _ => lab.size(asked.path.trim_start_matches("/repo/")),
    };
    host.asked().iter().filter(|asked| of_package(&asked.path)).map(len).sum()
}

#[test]
fn a_repair_fetches_what_differs_and_hardly_more() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(3);
    let Node::File(mut content, _) = release(3)["data/more"].clone() else { panic!() };
    content[1000] ^= 1;
    fs::write(lab.root().join("data/more"), &content).unwrap();
    fs::remove_file(lab.root().join("readme")).unwrap();
    lab.write("save", "mine");
    let report = lab.update(&host, &repair()).unwrap();
    assert_eq!(
        (report.action, report.means, report.reason),
        (UpdateAction::Applied, UpdateMeans::Repair, PlanReason::RepairAsked)
    );
    assert_eq!((report.applied.unwrap().changed, report.unlisted), (2, vec!["save".to_owned()]));
    let mut expected = release(3);
    expected.insert("save".to_owned(), file("mine"));
    assert_eq!((lab.installed(), lab.version().as_deref()), (expected, Some("1.0.3")));
    // The last bytes, the patch, and the one large file.
    let differs = content.len() as u64;
    assert_eq!(report.downloaded, asked(&lab, &host));
    assert!(report.downloaded < differs + (64 << 10) + 4096, "{}", report.downloaded);
    assert!(lab.size(COMBINED) > 2 * differs);
    assert_eq!(host.asked().len(), 4, "{:?}", host.asked());
    // Now nothing differs.
    let report = lab.update(&host, &repair()).unwrap();
    assert_eq!(report.applied.unwrap().changed, 0);
    assert!(report.downloaded < (64 << 10) + 4096);
}

#[test]
fn neighbours_come_in_one_answer() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(3);
    for path in ["bin/program", "data/large", "data/more", "data/other"] {
        fs::write(lab.root().join(path), "").unwrap();
    }
    lab.update(&host, &repair()).unwrap();
    assert_eq!(lab.installed(), release(3));
    // All of them lie one after the other: the end, the patch, the rest.
    assert_eq!(packages(&host).len(), 3, "{:?}", host.asked());
}

#[test]
fn an_unknown_tree_is_repaired_and_what_no_release_lists_stays() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    lab.write("readme", "written over");
    fs::create_dir(lab.root().join("saves")).unwrap();
    lab.write("saves/one", "mine");
    let report = lab.update(&host, &options()).unwrap();
    assert_eq!((report.means, report.reason), (UpdateMeans::Repair, PlanReason::UnknownVersion));
    assert_eq!((report.from, report.to), (None, version("1.0.3")));
    // A file of an earlier release cannot be told from one of the user's.
    assert_eq!(report.unlisted, ["old/", "saves/"]);
    let mut expected = release(3);
    for (path, node) in [("old", Node::Folder), ("saves", Node::Folder)] {
        expected.insert(path.to_owned(), node);
    }
    expected.insert("old/gone".to_owned(), file("gone later"));
    expected.insert("saves/one".to_owned(), file("mine"));
    assert_eq!(lab.installed(), expected);
    assert!(report.downloaded < lab.size(COMBINED) / 2, "{}", report.downloaded);
    // What was there before can be had again.
    patchcore::tree::rollback(&lab.root(), false, 1, &mut Task::new()).unwrap();
    assert_eq!(fs::read_to_string(lab.root().join("readme")).unwrap(), "written over");
}

#[test]
fn a_host_without_ranges_gives_the_whole() {
    let lab = Lab::new();
    let host = lab.host_with(Arc::new(|_, stream, bytes| {
        head(stream, "200 OK", &[("Content-Length", &bytes.len().to_string())]);
        send(stream, bytes);
    }));
    lab.install(3);
    lab.write("readme", "written over");
    let report = lab.update(&host, &repair()).unwrap();
    assert_eq!(report.means, UpdateMeans::Full);
    assert_eq!(report.fallback.unwrap().status, Status::Unsupported);
    assert_eq!(lab.installed(), release(3));
}

#[test]
fn nothing_that_the_manifest_does_not_vouch_for_is_installed() {
    // Another release in the place of the promised one, and the promised one with a bit that fell over.
    let other = |lab: &Lab| lab.file("base_1.0.1.zip");
    let flipped = |lab: &Lab| {
        let mut bytes = lab.file(COMBINED);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    for make in [&other as &dyn Fn(&Lab) -> Vec<u8>, &flipped] {
        let mut lab = Lab::new();
        let mut bytes = make(&lab);
        bytes.resize(lab.file(COMBINED).len(), 0);
        lab.files.lock().unwrap().insert(COMBINED.to_owned(), bytes);
        lab.publish();
        let host = lab.host();
        lab.install(3);
        for path in ["bin/program", "data/large", "data/more", "data/other"] {
            fs::write(lab.root().join(path), "").unwrap();
        }
        lab.fails(Status::TargetMismatch, &host, &UpdateOptions { keys: lab.keys(), ..repair() });
    }
}

#[test]
fn another_release_in_the_place_of_the_signed_one_is_refused() {
    let mut lab = Lab::new();
    // A package in order, of the right size and version, of which only the tree is not the one that is signed.
    let (out, made) =
        (lab.path("other.zip"), TreeDiffOptions { version: Some(version("1.0.3")), ..Default::default() });
    tree::diff(&lab.path("empty"), &lab.path("1"), &out, &made, &mut Task::new()).unwrap();
    let other = fs::read(out).unwrap();
    lab.entry(COMBINED).unwrap()["size"] = other.len().into();
    lab.files.lock().unwrap().insert(COMBINED.to_owned(), other);
    lab.publish();
    let host = lab.host();
    lab.install(3);
    lab.write("readme", "written over");
    lab.fails(Status::TargetMismatch, &host, &UpdateOptions { keys: lab.keys(), ..repair() });
}

#[test]
fn what_the_user_changed_is_a_conflict_unless_it_may_be_overwritten() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(2);
    lab.update(&host, &UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    lab.write("bin/program", "changed by hand");
    let error = lab.fails(Status::Conflict, &host, &options());
    assert!(error.message().contains("bin/program"), "{error}");
    let mut overwriting = options();
    overwriting.apply.overwrite_local = true;
    let report = lab.update(&host, &overwriting).unwrap();
    assert_eq!((report.means, lab.installed()), (UpdateMeans::Deltas, release(3)));
}

#[test]
fn overwriting_repairs_where_a_delta_has_lost_its_source() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(2);
    lab.update(&host, &UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    // The new one is made from the old one by a delta.
    lab.write("data/other", "changed by hand");
    let before = host.asked().len();
    let mut overwriting = options();
    overwriting.apply.overwrite_local = true;
    let report = lab.update(&host, &overwriting).unwrap();
    match report.means {
        UpdateMeans::Repair => assert_eq!(report.fallback.unwrap().status, Status::Conflict),
        means => panic!("{means:?} {:?}", &host.asked()[before..]),
    }
    assert_eq!(lab.installed(), release(3));
}

#[test]
fn a_missing_file_is_repaired_and_other_changes_stay() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    lab.update(&host, &UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    fs::remove_file(lab.root().join("bin/program")).unwrap();
    fs::remove_file(lab.root().join("data/large")).unwrap();
    lab.write("readme", "changed by hand");
    let report = lab.update(&host, &options()).unwrap();
    assert_eq!(report.means, UpdateMeans::Repair);
    assert_eq!(report.fallback.unwrap().status, Status::Conflict);
    let mut expected = release(3);
    expected.insert("readme".to_owned(), file("changed by hand"));
    assert_eq!((lab.installed(), lab.version().as_deref()), (expected, Some("1.0.3")));
    assert!(report.applied.unwrap().kept.is_empty());
}

#[test]
fn a_missing_file_is_no_leave_to_overwrite_a_changed_one() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    // One is missing for the first delta, and one is changed that only the second one changes.
    fs::remove_file(lab.root().join("bin/program")).unwrap();
    lab.write("data/other", "changed by hand");
    let given = UpdateOptions { installed: Some(version("1.0.1")), ..options() };
    lab.fails(Status::Conflict, &host, &given);
}

#[test]
fn what_fails_on_the_way_leaves_the_tree_at_a_version_and_says_which() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    // Only the second delta changes it.
    lab.write("data/other", "changed by hand");
    let given = UpdateOptions { installed: Some(version("1.0.1")), ..options() };
    let error = lab.update(&host, &given).unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Status::Conflict, Some(Outcome::Unchanged)));
    assert!(error.message().contains("data/other") && error.message().contains("is of version 1.0.2"), "{error}");
    let mut expected = release(2);
    expected.insert("data/other".to_owned(), file("changed by hand"));
    assert_eq!((lab.installed(), lab.version().as_deref()), (expected, Some("1.0.2")));
    // From there it goes on as soon as it may, and nothing that came comes again.
    let keeping = UpdateOptions { keep_local: vec!["data/other".to_owned()], ..options() };
    let report = lab.update(&host, &keeping).unwrap();
    assert_eq!((report.means, report.from, report.downloaded), (UpdateMeans::Deltas, Some(version("1.0.2")), 0));
    assert_eq!(lab.version().as_deref(), Some("1.0.3"));
}

#[test]
fn packages_that_cannot_be_had_are_no_end() {
    let missing = |lab: &mut Lab| drop(lab.files.lock().unwrap().remove("delta_1.0.2_1.0.3.zip"));
    let wrong = |lab: &mut Lab| {
        lab.files.lock().unwrap().get_mut("delta_1.0.2_1.0.3.zip").unwrap()[40] ^= 1;
    };
    for (spoil, status) in [(&missing as &dyn Fn(&mut Lab), Status::NotFound), (&wrong, Status::TargetMismatch)] {
        let mut lab = Lab::new();
        spoil(&mut lab);
        let host = lab.host();
        lab.install(1);
        let report = lab.update(&host, &options()).unwrap();
        assert_eq!(report.means, UpdateMeans::Repair);
        let fallback = report.fallback.unwrap();
        assert_eq!(fallback.status, status);
        assert!(fallback.message.contains("delta_1.0.2_1.0.3.zip"), "{}", fallback.message);
        assert_eq!((packages(&host).last().unwrap().as_str(), lab.version().as_deref()), (COMBINED, Some("1.0.3")));
    }
}

#[test]
fn a_delta_that_is_wrong_in_itself_is_no_leave_to_overwrite_what_it_does_not_change() {
    let lab = Lab::new();
    // One that takes more memory than is granted, and whose patch can be read.
    let mut limited = options();
    limited.apply.limits.memory = 1;
    let host = lab.host();
    lab.install(2);
    lab.update(&host, &UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    lab.write("readme", "changed by hand");
    let report = lab.update(&host, &limited).unwrap();
    assert_eq!((report.means, report.fallback.unwrap().status), (UpdateMeans::Repair, Status::Limit));
    let mut expected = release(3);
    expected.insert("readme".to_owned(), file("changed by hand"));
    assert_eq!(lab.installed(), expected);
}

#[test]
fn what_a_repair_cannot_help_is_an_error() {
    for (answer, status) in [("503 Service Unavailable", Status::Network), ("403 Forbidden", Status::Permission)] {
        let lab = Lab::new();
        let host = lab.host_with(Arc::new(move |asked, stream, bytes| match asked.path.contains("delta") {
            true => head(stream, answer, &[("Content-Length", "0")]),
            false => serve(asked, stream, bytes, "\"one\""),
        }));
        lab.install(1);
        lab.fails(status, &host, &options());
        assert!(!packages(&host).iter().any(|name| name == COMBINED));
    }
}

#[test]
fn what_is_to_be_kept_is_neither_changed_nor_deleted() {
    for repairs in [false, true] {
        let lab = Lab::new();
        let host = lab.host();
        lab.install(1);
        if repairs {
            lab.write("unknown", "");
        }
        lab.write("bin/program", "changed by hand");
        let keeping = UpdateOptions {
            keep_local: vec!["/bin/".to_owned(), "old/*".to_owned()],
            installed: Some(version("1.0.1")).filter(|_| !repairs),
            ..options()
        };
        let report = lab.update(&host, &keeping).unwrap();
        assert_eq!(report.means, if repairs { UpdateMeans::Repair } else { UpdateMeans::Deltas });
        let kept: Vec<String> = report.applied.unwrap().kept.iter().map(ToString::to_string).collect();
        assert!(kept.contains(&"bin/program".to_owned()), "{kept:?}");
        let installed = lab.installed();
        assert_eq!(installed["bin/program"], file("changed by hand"));
        assert_eq!(installed["old/gone"], file("gone later"));
        assert_eq!(
            (&installed["new/came"], &installed["data/other"]),
            (&file("came later"), &release(3)["data/other"])
        );
    }
}

#[test]
fn what_is_kept_and_missing_is_put_in_place() {
    let lab = Lab::new();
    let host = lab.host();
    let keeping = UpdateOptions { keep_local: vec!["readme".to_owned()], ..options() };
    lab.update(&host, &keeping).unwrap();
    assert_eq!(lab.installed(), release(3));
}

#[test]
fn a_connection_that_breaks_in_a_repair_is_taken_up_again() {
    let lab = Lab::new();
    let host = lab.host_with(Arc::new(|asked, stream, bytes| {
        let most = if asked.path.ends_with(".zip") { 50 << 10 } else { usize::MAX };
        serve_at_most(asked, stream, bytes, "\"one\"", most);
    }));
    lab.install(3);
    for path in ["data/large", "data/more", "data/other"] {
        fs::write(lab.root().join(path), "").unwrap();
    }
    let report = lab.update(&host, &repair()).unwrap();
    assert_eq!((report.means, lab.installed()), (UpdateMeans::Repair, release(3)));
    assert!(report.downloaded <= lab.size(COMBINED) + (64 << 10));
}

#[test]
fn a_repair_is_cancelled_at_once_and_leaves_the_tree() {
    let lab = Lab::new();
    let closed = Arc::new(AtomicBool::new(false));
    let waiting = closed.clone();
    let host = lab.host_with(Arc::new(move |asked, stream, bytes| {
        let of_the_middle =
            asked.range().is_some_and(|(first, last)| first > 10_000 && last < Some(bytes.len() as u64 - 1));
        if !of_the_middle {
            return serve(asked, stream, bytes, "\"one\"");
        }
        serve_at_most(asked, stream, bytes, "\"one\"", 100);
        while !waiting.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }));
    lab.install(3);
    fs::write(lab.root().join("data/more"), "").unwrap();
    let before = lab.installed();
    let token = CancelToken::new();
    let (raise, asked) = (token.clone(), host.url("repo"));
    let root = lab.root();
    let began = Instant::now();
    let error = std::thread::scope(|scope| {
        let updating = scope.spawn(|| update_from_repository(&root, &asked, &repair(), &mut Task::with_cancel(token)));
        while host.asked().len() < 4 && !updating.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        raise.cancel();
        updating.join().unwrap().unwrap_err()
    });
    closed.store(true, Ordering::Relaxed);
    assert_eq!((error.status(), error.outcome()), (Status::Cancelled, Some(Outcome::Unchanged)));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(lab.installed(), before);
}
