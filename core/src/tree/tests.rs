//! The executor on small trees that have every kind of change, broken off in every way that a test within one process can.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::apply::{self, TreeApplyOptions, TreeApplyStats};
use super::patch::{Change, Content, Expected, Patch, Source};
use super::stage::Package;
use super::*;
use crate::digest::Digest;
use crate::error::{Outcome, Result, Status};
use crate::progress::{Phase, Stop, Task};

/// Entries of a package in memory.
#[derive(Default)]
struct Entries(BTreeMap<String, Vec<u8>>);

impl Package for Entries {
    fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        self.0.iter().filter(|(name, _)| wanted(name)).try_for_each(|(name, bytes)| visit(name, &mut bytes.as_slice()))
    }
}

/// A tree as a test writes it down: `Some` content is a file, executable where it begins with `#!`; `None` is a folder; `-> x`
/// is a link.
type Listing = BTreeMap<String, Option<String>>;

fn listing(items: &[(&str, Option<&str>)]) -> Listing {
    items.iter().map(|(path, content)| ((*path).to_owned(), content.map(str::to_owned))).collect()
}

fn item(content: Option<&String>) -> Item {
    match content {
        None => Item::Directory,
        Some(text) => match text.strip_prefix("-> ") {
            Some(target) => Item::Symlink(target.to_owned()),
            None => Item::File(FileItem {
                size: text.len() as u64,
                sha256: Digest::of(text.as_bytes()),
                executable: text.starts_with("#!"),
            }),
        },
    }
}

fn write(root: &Path, listing: &Listing) {
    for (path, content) in listing {
        let path = root.join(path);
        match content {
            None => fs::create_dir_all(&path).unwrap(),
            Some(text) => match text.strip_prefix("-> ") {
                #[cfg(unix)]
                Some(target) => std::os::unix::fs::symlink(target, &path).unwrap(),
                #[cfg(not(unix))]
                Some(_) => unreachable!(),
                None => {
                    fs::write(&path, text).unwrap();
                    #[cfg(unix)]
                    set_mode(&path, if text.starts_with("#!") { 0o755 } else { 0o644 });
                }
            },
        }
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What is in the tree, our own folder apart.
fn read(root: &Path) -> Listing {
    fn below(root: &Path, prefix: &str, found: &mut Listing) {
        for entry in fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            let kind = entry.file_type().unwrap();
            if name == WORK_FOLDER {
                continue;
            }
            if kind.is_symlink() {
                found.insert(name, Some(format!("-> {}", fs::read_link(entry.path()).unwrap().display())));
            } else if kind.is_dir() {
                below(&entry.path(), &format!("{name}/"), found);
                found.insert(name, None);
            } else {
                let text = fs::read_to_string(entry.path()).unwrap();
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    let mode = entry.metadata().unwrap().permissions().mode();
                    assert_eq!(mode & 0o100 != 0, text.starts_with("#!"), "{name} has mode {mode:o}");
                }
                found.insert(name, Some(text));
            }
        }
    }
    let mut found = Listing::new();
    below(root, "", &mut found);
    found
}

/// The patch from one listing to another, whole files only, and what it needs.
fn patch(old: &Listing, new: &Listing) -> (Patch, Entries) {
    let (mut patch, mut entries) = (Patch::default(), Entries::default());
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for path in paths {
        let (before, after) = (old.get(path), new.get(path));
        if before == after {
            continue;
        }
        let new = after.map(|content| item(content.as_ref()));
        let content = matches!(new, Some(Item::File(_))).then_some(Content::Whole);
        if let (Some(Content::Whole), Some(Some(text))) = (&content, after) {
            entries.0.insert(path.clone(), text.clone().into_bytes());
        }
        let old = before.map_or(Expected::Absent, |content| Expected::Item(item(content.as_ref())));
        let change = Change { old, new, content, whole_directory: false, keep_local: false };
        patch.changes.insert(TreePath::parse(path).unwrap(), change);
    }
    patch.check().unwrap();
    (patch, entries)
}

/// Two trees whose difference has every kind of change.
fn old_and_new() -> (Listing, Listing) {
    let old = listing(&[
        ("changed", Some("old")),
        ("deep", None),
        ("deep/er", None),
        ("deep/er/file", Some("goes with its folders")),
        ("empty", None),
        ("file-to-folder", Some("a file")),
        ("folder-to-file", None),
        ("folder-to-file/inside", Some("goes")),
        ("gone", Some("goes")),
        ("link", Some("-> changed")),
        ("link-to-file", Some("-> changed")),
        ("same", Some("same")),
        ("script", Some("#!old")),
        ("stays", None),
        ("stays/inside", Some("old inside")),
    ]);
    let new = listing(&[
        ("changed", Some("new and longer")),
        ("file-to-folder", None),
        ("file-to-folder/inside", Some("new")),
        ("folder-to-file", Some("a file now")),
        ("fresh", Some("new")),
        ("link", Some("-> same")),
        ("link-to-file", Some("no link any more")),
        ("made", None),
        ("made/deep", None),
        ("made/deep/file", Some("new")),
        ("made/link", Some("-> deep/file")),
        ("same", Some("same")),
        ("script", Some("#!new")),
        ("stays", None),
        ("stays/fresh", Some("-> inside")),
        ("stays/inside", Some("new inside")),
    ]);
    (old, new)
}

fn tree(listing: &Listing) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), listing);
    folder
}

fn run(root: &Path, patch: &(Patch, Entries), options: &TreeApplyOptions) -> Result<TreeApplyStats> {
    apply::apply(root, &patch.0, &patch.1, options, &mut Task::new())
}

fn apply(root: &Path, patch: &(Patch, Entries)) -> Result<TreeApplyStats> {
    run(root, patch, &TreeApplyOptions::default())
}

fn failure(result: Result<impl std::fmt::Debug>) -> (Status, Option<Outcome>) {
    let error = result.unwrap_err();
    (error.status(), error.outcome())
}

#[test]
fn every_kind_of_change_is_made_and_taken_back() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    let root = folder.path();
    let stats = apply(root, &patch).unwrap();
    assert_eq!(read(root), new);
    assert_eq!((stats.changed, stats.done_before), (patch.0.changes.len() as u64, 0));

    let again = apply(root, &patch).unwrap();
    assert_eq!((again.changed, again.done_before), (0, patch.0.changes.len() as u64));

    rollback(root, false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(root), old);
    assert_eq!(
        failure(rollback(root, false, 1, &mut Task::new())),
        (Status::InvalidArgument, Some(Outcome::Unchanged))
    );
}

#[test]
fn what_no_release_listed_stays() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    let root = folder.path();
    let saved = listing(&[("deep/saved", Some("mine")), ("mine", None), ("mine/too", Some("mine"))]);
    write(root, &saved);
    apply(root, &patch).unwrap();
    let mut expected = new.clone();
    expected.extend(saved.clone());
    expected.insert("deep".into(), None);
    assert_eq!(read(root), expected);
    write(root, &listing(&[("made/deep/mine", Some("mine"))]));
    rollback(root, false, 1, &mut Task::new()).unwrap();
    let mut expected = old.clone();
    expected.extend(saved);
    expected.extend(listing(&[("made", None), ("made/deep", None), ("made/deep/mine", Some("mine"))]));
    assert_eq!(read(root), expected);
}

#[test]
fn a_changed_tree_is_a_conflict_that_names_all_of_it_and_can_be_overruled() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    let root = folder.path();
    fs::write(root.join("changed"), "mine").unwrap();
    fs::write(root.join("made"), "mine").unwrap();
    let before = read(root);
    let error = apply(root, &patch).unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Status::Conflict, Some(Outcome::Unchanged)));
    assert!(error.message().contains("changed, made"), "{error}");
    assert_eq!(read(root), before);

    let plan = apply::plan_only(root, &patch.0, &TreeApplyOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(plan.conflicts.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["changed", "made"]);

    run(root, &patch, &TreeApplyOptions { overwrite_local: true, ..Default::default() }).unwrap();
    assert_eq!(read(root), new);
    rollback(root, false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(root), before);
}

#[test]
fn a_folder_that_holds_more_than_the_patch_knows_never_becomes_a_file() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    write(folder.path(), &listing(&[("folder-to-file/mine", Some("mine"))]));
    let before = read(folder.path());
    let options = TreeApplyOptions { overwrite_local: true, ..Default::default() };
    assert_eq!(failure(run(folder.path(), &patch, &options)), (Status::Conflict, Some(Outcome::Unchanged)));
    assert_eq!(read(folder.path()), before);
}

#[test]
fn a_tree_that_is_partly_new_gets_just_the_rest() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    fs::write(folder.path().join("changed"), "new and longer").unwrap();
    fs::remove_file(folder.path().join("gone")).unwrap();
    let stats = apply(folder.path(), &patch).unwrap();
    assert_eq!(read(folder.path()), new);
    assert_eq!(stats.done_before, 2);
}

#[test]
fn copies_and_deltas_are_made_from_the_old_files_even_if_those_go() {
    let text = "a file of some length that moves and changes a little\n".repeat(40);
    let edited = text.replacen("little", "lot", 1);
    let old = listing(&[("a", Some(&text)), ("b", Some("b"))]);
    let new = listing(&[("b", Some(&text)), ("c", Some(&edited))]);
    let (mut patch, mut entries) = patch(&old, &new);
    let source =
        Source { path: TreePath::parse("a").unwrap(), size: text.len() as u64, sha256: Digest::of(text.as_bytes()) };
    let mut delta = std::io::Cursor::new(Vec::new());
    crate::delta::diff(&text.as_bytes(), &edited.as_bytes(), &mut delta, &Default::default(), &mut Task::new())
        .unwrap();
    entries.0 = BTreeMap::from([(".patchcore/deltas/0".to_owned(), delta.into_inner())]);
    for (path, content) in [
        ("b", Content::Copy(source.clone())),
        ("c", Content::Delta { entry: ".patchcore/deltas/0".to_owned(), source }),
    ] {
        patch.changes.get_mut(&TreePath::parse(path).unwrap()).unwrap().content = Some(content);
    }
    let patch = (Patch::from_json(patch.to_json().as_bytes()).unwrap(), entries);
    let folder = tree(&old);
    apply(folder.path(), &patch).unwrap();
    assert_eq!(read(folder.path()), new);

    let folder = tree(&old);
    fs::write(folder.path().join("a"), "another").unwrap();
    assert_eq!(failure(apply(folder.path(), &patch)), (Status::Conflict, Some(Outcome::Unchanged)));
}

#[test]
fn a_whole_directory_goes_with_everything_in_it() {
    let old = listing(&[
        ("front", None),
        ("front/a", Some("old")),
        ("front2", None),
        ("front2/a", Some("mine")),
        ("x", None),
        ("x/y", Some("y")),
    ]);
    let new = listing(&[
        ("front", None),
        ("front/b", None),
        ("front/b/c", Some("#!new")),
        ("front2", None),
        ("front2/a", Some("mine")),
    ]);
    let (mut patch, entries) = patch(&old, &new);
    patch.changes.remove(&TreePath::parse("x/y").unwrap());
    patch.changes.remove(&TreePath::parse("front/a").unwrap());
    for path in ["front", "x"] {
        let new = (path == "front").then_some(Item::Directory);
        let change = Change { old: Expected::Anything, new, content: None, whole_directory: true, keep_local: false };
        patch.changes.insert(TreePath::parse(path).unwrap(), change);
    }
    let patch = (patch, entries);
    let folder = tree(&old);
    write(folder.path(), &listing(&[("front/mine", Some("mine")), ("x/mine", Some("mine"))]));
    let before = read(folder.path());
    apply(folder.path(), &patch).unwrap();
    assert_eq!(read(folder.path()), new);
    assert_eq!(apply(folder.path(), &patch).unwrap().changed, 0);
    rollback(folder.path(), false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(folder.path()), before);
}

#[test]
fn what_is_installed_once_is_never_touched_again() {
    let (old, new) = (listing(&[]), listing(&[("settings", Some("default"))]));
    let mut patch = patch(&old, &new);
    patch.0.changes.values_mut().for_each(|change| change.keep_local = true);
    let folder = tree(&old);
    assert_eq!(apply(folder.path(), &patch).unwrap().changed, 1);
    fs::write(folder.path().join("settings"), "mine").unwrap();
    let stats = apply(folder.path(), &patch).unwrap();
    assert_eq!((stats.changed, stats.kept.len()), (0, 1));
    assert_eq!(read(folder.path()), listing(&[("settings", Some("mine"))]));
}

#[test]
fn a_package_that_does_not_keep_its_promise_leaves_the_old_tree() {
    let (old, new) = old_and_new();
    let folder = tree(&old);
    for (status, spoil) in [
        (
            Status::TargetMismatch,
            (|entries: &mut Entries| entries.0.get_mut("changed").unwrap()[0] ^= 1) as fn(&mut Entries),
        ),
        (Status::TargetMismatch, |entries| _ = entries.0.get_mut("changed").unwrap().pop()),
        (Status::Corrupt, |entries| entries.0.get_mut("changed").unwrap().push(0)),
        (Status::Corrupt, |entries| _ = entries.0.remove("changed")),
    ] {
        let mut patch = patch(&old, &new);
        spoil(&mut patch.1);
        assert_eq!(failure(apply(folder.path(), &patch)), (status, Some(Outcome::Unchanged)));
        assert_eq!(read(folder.path()), old);
        assert_eq!(work_folder(folder.path()), ["lock"]);
    }
}

fn work_folder(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(root.join(WORK_FOLDER)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn cancelling_before_the_commit_changes_nothing_and_after_it_began_is_too_late() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    for phase in [Phase::Hash, Phase::Stage, Phase::Commit] {
        let folder = tree(&old);
        let mut task =
            Task::new().observed(move |event| if event.phase == phase { Err(Stop::Callback(-3)) } else { Ok(()) });
        let result = apply::apply(folder.path(), &patch.0, &patch.1, &TreeApplyOptions::default(), &mut task);
        if phase == Phase::Commit {
            result.unwrap();
            assert_eq!(read(folder.path()), new);
        } else {
            assert_eq!(failure(result), (Status::Callback, Some(Outcome::Unchanged)));
            assert_eq!(read(folder.path()), old);
        }
    }
}

#[test]
fn who_cancels_a_rollback_knows_whether_that_came_in_time() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    for phase in [Phase::Hash, Phase::Rollback] {
        let folder = tree(&old);
        apply(folder.path(), &patch).unwrap();
        let task = Task::new();
        let point = task.commit_point().clone();
        let mut in_time = None;
        let mut task = task.observed(|event| {
            if event.phase == phase {
                in_time.get_or_insert_with(|| point.cancel());
            }
            Ok(())
        });
        let result = apply::rollback(folder.path(), false, 1, &mut task);
        drop(task);
        assert_eq!(in_time, Some(phase == Phase::Hash));
        match in_time {
            Some(true) => assert_eq!(failure(result), (Status::Cancelled, Some(Outcome::Unchanged))),
            _ => assert_eq!(result.unwrap(), None),
        }
        assert_eq!(read(folder.path()), if in_time == Some(true) { new.clone() } else { old.clone() });
    }
}

#[test]
fn one_process_at_a_time_changes_a_tree() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    let folder = tree(&old);
    let held = super::work::Work::open(folder.path(), &mut Task::new()).unwrap();
    assert_eq!(failure(apply(folder.path(), &patch)), (Status::Busy, Some(Outcome::Unchanged)));
    drop(held);
    apply(folder.path(), &patch).unwrap();
}

#[test]
fn the_backup_is_kept_for_one_generation_and_only_if_wanted() {
    let (old, new) = old_and_new();
    let third = listing(&[("same", Some("third"))]);
    let folder = tree(&old);
    let root = folder.path();
    apply(root, &patch(&old, &new)).unwrap();
    apply(root, &patch(&new, &third)).unwrap();
    rollback(root, false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(root), new);
    assert_eq!(
        failure(rollback(root, false, 1, &mut Task::new())),
        (Status::InvalidArgument, Some(Outcome::Unchanged))
    );

    run(root, &patch(&new, &third), &TreeApplyOptions { no_backup: true, ..Default::default() }).unwrap();
    assert_eq!(work_folder(root), ["lock", "state.json"]);
    assert_eq!(
        failure(rollback(root, false, 1, &mut Task::new())),
        (Status::InvalidArgument, Some(Outcome::Unchanged))
    );

    apply(root, &patch(&third, &old)).unwrap();
    assert!(clean(root, &mut Task::new()).unwrap());
    assert!(!clean(root, &mut Task::new()).unwrap());
    assert_eq!(work_folder(root), ["lock", "state.json"]);
    assert_eq!(read(root), old);
}

#[test]
fn a_rollback_does_not_take_changes_made_since_along() {
    let (old, new) = old_and_new();
    let folder = tree(&old);
    apply(folder.path(), &patch(&old, &new)).unwrap();
    fs::write(folder.path().join("changed"), "new and edited").unwrap();
    let error = rollback(folder.path(), false, 1, &mut Task::new()).unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Status::Conflict, Some(Outcome::Unchanged)));
    assert!(error.message().contains(": changed"), "{error}");
    rollback(folder.path(), true, 1, &mut Task::new()).unwrap();
    assert_eq!(read(folder.path()), old);
}

#[test]
fn the_version_and_digest_of_the_last_patch_are_remembered() {
    let (old, new) = old_and_new();
    let mut patch = patch(&old, &new);
    let folder = tree(&old);
    assert_eq!(installed(folder.path()).unwrap(), None);
    patch.0.version = Some("1.2.3".parse().unwrap());
    patch.0.new_tree = Some(Digest::of(b"tree"));
    apply(folder.path(), &patch).unwrap();
    let expected = Installed { version: patch.0.version, tree: patch.0.new_tree };
    assert_eq!(installed(folder.path()).unwrap(), Some(expected.clone()));
    assert_eq!(recover(folder.path(), &mut Task::new()).unwrap(), Some(expected));
    rollback(folder.path(), false, 1, &mut Task::new()).unwrap();
    assert_eq!(installed(folder.path()).unwrap(), None);
}

#[test]
fn a_patch_for_other_versions_is_refused_and_one_that_makes_this_version_repairs() {
    let version = |text: &str| text.parse().unwrap();
    let (old, new) = old_and_new();
    let mut first = patch(&old, &new);
    first.0.applies_to = Some(VersionRange { min: version("1.0.0"), max: version("1.1.0") });
    first.0.version = Some(version("1.2.0"));
    let folder = tree(&old);
    apply(folder.path(), &first).unwrap();
    fs::remove_file(folder.path().join("fresh")).unwrap();
    apply(folder.path(), &first).unwrap();
    assert_eq!(read(folder.path()), new);

    let mut second = patch(&new, &old);
    second.0.applies_to = first.0.applies_to;
    second.0.version = Some(version("1.3.0"));
    assert_eq!(failure(apply(folder.path(), &second)), (Status::SourceMismatch, Some(Outcome::Unchanged)));
    assert_eq!(read(folder.path()), new);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_way_is_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("d")).unwrap();
    fs::write(outside.path().join("d/file"), "outside").unwrap();
    let old = listing(&[("d", None), ("d/file", Some("outside"))]);
    let new = listing(&[("d", None), ("d/file", Some("inside")), ("d/more", Some("more"))]);
    let patch = patch(&old, &new);
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("d"), folder.path().join("d")).unwrap();
    for overwrite_local in [false, true] {
        let options = TreeApplyOptions { overwrite_local, ..Default::default() };
        assert_eq!(failure(run(folder.path(), &patch, &options)), (Status::Conflict, Some(Outcome::Unchanged)));
    }
    assert_eq!(fs::read(outside.path().join("d/file")).unwrap(), b"outside");
    assert!(!outside.path().join("d/more").exists());
}

#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_permissions_and_a_folder_gets_them_back() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let (old, new) = (
        listing(&[("a", Some("old")), ("d", None), ("s", Some("#!x"))]),
        listing(&[("a", Some("#!new")), ("s", Some("no script"))]),
    );
    let folder = tree(&old);
    let root = folder.path();
    set_mode(&root.join("a"), 0o640);
    set_mode(&root.join("s"), 0o750);
    set_mode(&root.join("d"), 0o2770);
    apply(root, &patch(&old, &new)).unwrap();
    assert_eq!((mode(&root.join("a")), mode(&root.join("s"))), (0o750, 0o640));
    rollback(root, false, 1, &mut Task::new()).unwrap();
    assert_eq!((mode(&root.join("a")), mode(&root.join("s")), mode(&root.join("d"))), (0o640, 0o750, 0o2770));
}

#[cfg(unix)]
#[test]
fn permissions_change_without_the_bytes() {
    let folder = tree(&listing(&[("tool", Some("x"))]));
    let file = FileItem { size: 1, sha256: Digest::of(b"x"), executable: true };
    let change = Change {
        old: Expected::Item(Item::File(FileItem { executable: false, ..file })),
        new: Some(Item::File(file)),
        content: None,
        whole_directory: false,
        keep_local: false,
    };
    let patch = Patch { changes: BTreeMap::from([(TreePath::parse("tool").unwrap(), change)]), ..Default::default() };
    let patch = (patch, Entries::default());
    apply(folder.path(), &patch).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let mode = || fs::metadata(folder.path().join("tool")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o755);
    rollback(folder.path(), false, 1, &mut Task::new()).unwrap();
    assert_eq!(mode(), 0o644);
}

#[test]
fn what_appears_in_the_way_during_the_commit_is_kept_and_the_tree_is_as_it_was() {
    let (old, new) = old_and_new();
    let patch = patch(&old, &new);
    for path in ["fresh", "stays/fresh", "changed"] {
        let folder = tree(&old);
        let root = folder.path();
        let block = root.join(path);
        let mut events = 0;
        let mut task = Task::new().observed(|event| {
            // The end of the first half: everything old was taken away.
            if event.phase == Phase::Commit {
                events += 1;
                if !block.exists() {
                    fs::create_dir(&block).unwrap();
                }
            }
            Ok(())
        });
        let result = apply::apply(root, &patch.0, &patch.1, &TreeApplyOptions::default(), &mut task);
        drop(task);
        assert!(events > 0);
        if path == "changed" {
            // It stood there when the commit began, so nothing appeared.
            result.unwrap();
            assert_eq!(read(root), new);
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::RolledBack), "{path}: {error}");
        let mut expected = old.clone();
        expected.insert(path.to_owned(), None);
        assert_eq!(read(root), expected, "{path}");
        assert_eq!(work_folder(root), ["lock"]);
    }
}

#[test]
fn what_a_crash_left_of_the_work_itself_is_removed_by_whoever_comes_next() {
    let (old, new) = old_and_new();
    let folder = tree(&old);
    let root = folder.path();
    apply(root, &patch(&old, &new)).unwrap();
    let work = root.join(WORK_FOLDER);
    fs::create_dir_all(work.join("names/inner")).unwrap();
    fs::write(work.join("state.json.tmp"), "half a sta").unwrap();
    fs::create_dir_all(work.join("2/new")).unwrap();
    fs::write(work.join("2/journal.json.tmp"), "half a jour").unwrap();
    recover(root, &mut Task::new()).unwrap();
    assert_eq!(work_folder(root), ["1", "lock", "state.json"]);
    assert_eq!(read(root), new);
}

#[test]
fn a_rollback_that_something_stands_in_the_way_of_leaves_the_tree_as_it_was() {
    let (old, new) = old_and_new();
    let folder = tree(&old);
    let root = folder.path();
    apply(root, &patch(&old, &new)).unwrap();
    let removed = old.iter().find(|(path, item)| item.is_none() && !new.contains_key(*path)).unwrap().0;
    fs::write(root.join(removed), "mine").unwrap();
    let before = read(root);
    for overwrite_local in [false, true] {
        let error = rollback(root, overwrite_local, 1, &mut Task::new()).unwrap_err();
        assert_eq!(error.status(), Status::Conflict);
        let outcome = if overwrite_local { Outcome::RolledBack } else { Outcome::Unchanged };
        assert_eq!(error.outcome(), Some(outcome));
        assert_eq!(read(root), before);
    }
    fs::remove_file(root.join(removed)).unwrap();
    rollback(root, false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(root), old);
}
