//! Directories through the facade: made, applied, taken back, signed and updated.

#![cfg(all(feature = "encode", feature = "tree"))]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use patchcore_ffi::digest::Digest;
use patchcore_ffi::input::Input;
use patchcore_ffi::job::{Job, Phase, Progress, Work};
use patchcore_ffi::options::Limits;
use patchcore_ffi::status::Status;
use patchcore_ffi::tree::{
    self, ChangeKind, ItemKind, OperationOutputs, ScanOptions, TreeApplyOptions, TreeDiffOptions, TreePatch,
    TreeSquashOptions,
};
use patchcore_ffi::trust::{self, SignOptions, Trust};
use patchcore_ffi::update::{self, Document, UpdateAction, UpdateOptions};

#[test]
fn a_patch_may_be_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_shared::<TreePatch>();
}

#[test]
fn a_directory_goes_to_the_next_version_and_back() {
    let versions = Versions::new();
    let options = TreeDiffOptions {
        min_version: Some("1.0.0".to_owned()),
        max_version: Some("1.0.9".to_owned()),
        version: Some("v1.1.0".to_owned()),
        ..TreeDiffOptions::default()
    };
    let made =
        tree::diff(&versions.path("one"), &versions.path("two"), &versions.path("p.zip"), &options, &mut Job::new())
            .unwrap();
    let patch = versions.open("p.zip");
    let info = patch.info();
    assert_eq!((info.old_tree, info.new_tree), (Some(made.old_tree), Some(made.new_tree)));
    assert_eq!(info.package_size, fs::metadata(versions.path("p.zip")).unwrap().len());
    assert_eq!((info.min_version.as_deref(), info.max_version.as_deref()), (Some("1.0.0"), Some("1.0.9")));
    assert_eq!(info.version.as_deref(), Some("1.1.0"));
    assert_eq!(info.changes[&ChangeKind::Delta], 1);
    assert_eq!(
        patch.changes().iter().map(|change| &*change.path).collect::<Vec<_>>(),
        ["big", "docs", "docs/new", "gone"]
    );
    assert_eq!(patch.verify(&Limits::default(), &mut Job::new()).unwrap().deltas, 1);

    let root = versions.path("one");
    let before = digest(&root);
    let apply = TreeApplyOptions::default();
    let plan = patch.plan(&root, &apply, &mut Job::new()).unwrap();
    assert!(plan.conflicts.is_empty());
    assert_eq!(plan.actions.len(), 4);
    assert_eq!(patch.apply(&root, &apply, &mut Job::new()).unwrap().changed, 4);
    assert_eq!(digest(&root), made.new_tree);
    assert!(patch.verify_tree(&root, 1, &mut Job::new()).unwrap().is_clean);
    assert_eq!(tree::installed(&root).unwrap().unwrap().version.as_deref(), Some("1.1.0"));
    assert_eq!(patch.apply(&root, &apply, &mut Job::new()).unwrap().changed, 0);

    tree::rollback(&root, false, 1, &mut Job::new()).unwrap();
    assert_eq!(digest(&root), before);
    assert!(!tree::clean(&root, &mut Job::new()).unwrap());
    assert_eq!(tree::recover(&root, &mut Job::new()).unwrap(), tree::installed(&root).unwrap());
}

#[test]
fn what_somebody_changed_is_named_and_kept() {
    let versions = Versions::new();
    versions.diff("one", "two", "p.zip");
    let (root, patch) = (versions.path("one"), versions.open("p.zip"));
    fs::write(root.join("big"), "mine").unwrap();
    let plan = patch.plan(&root, &TreeApplyOptions::default(), &mut Job::new()).unwrap();
    assert_eq!(plan.conflicts.iter().map(|conflict| &*conflict.path).collect::<Vec<_>>(), ["big"]);
    let refused = patch.apply(&root, &TreeApplyOptions::default(), &mut Job::new()).unwrap_err();
    assert_eq!(refused.status(), Status::Conflict);
    assert_eq!(refused.outcome().map(|outcome| outcome.name()), Some("unchanged"));
    assert_eq!(fs::read(root.join("big")).unwrap(), b"mine");
}

#[test]
fn who_stops_a_change_that_has_begun_is_told_to_wait_for_it() {
    let versions = Versions::new();
    versions.diff("one", "two", "p.zip");
    let (patch, before, after) = (versions.open("p.zip"), digest(&versions.path("one")), digest(&versions.path("two")));
    let (root, again) = (versions.path("one"), versions.path("one"));
    let apply = move |job: &mut Job| drop(patch.apply(&root, &TreeApplyOptions::default(), job).unwrap());
    let rollback = move |job: &mut Job| drop(tree::rollback(&again, false, 1, job).unwrap());
    let changes: [(Phase, Work, Digest); 2] =
        [(Phase::Commit, Box::new(apply), after), (Phase::Rollback, Box::new(rollback), before)];
    for (phase, change, expected) in changes {
        let (tell, reached) = channel();
        let (go_on, wait) = channel::<()>();
        let stop_there = move |event: &Progress| {
            if event.phase == phase {
                let _ = tell.send(());
                let _ = wait.recv();
            }
            Ok(())
        };
        let running = Job::new().on_progress(Box::new(stop_there)).spawn(change).unwrap();
        reached.recv().unwrap();
        assert!(!running.cancel(), "{}", phase.name());
        drop(go_on);
        running.wait().unwrap();
        assert_eq!(digest(&versions.path("one")), expected);
    }
}

#[test]
fn patches_in_a_row_become_one() {
    let versions = Versions::new();
    versions.diff("one", "two", "p.zip");
    versions.diff("two", "three", "q.zip");
    let patches = [versions.open("p.zip"), versions.open("q.zip")];
    tree::squash(&patches, &versions.path("r.zip"), &TreeSquashOptions::default(), &mut Job::new()).unwrap();
    let wrong = [patches[1].clone(), patches[0].clone()];
    let refused = tree::squash(&wrong, &versions.path("w.zip"), &TreeSquashOptions::default(), &mut Job::new());
    assert_eq!(refused.unwrap_err().status(), Status::SourceMismatch);
    versions.open("r.zip").apply(&versions.path("one"), &TreeApplyOptions::default(), &mut Job::new()).unwrap();
    assert_eq!(digest(&versions.path("one")), digest(&versions.path("three")));
}

#[test]
fn where_a_signature_is_demanded_nothing_unsigned_is_opened() {
    let versions = Versions::new();
    versions.diff("one", "two", "p.zip");
    let (package, key) = (versions.path("p.zip"), versions.path("key"));
    let public = trust::create_key_files(&key, None, false).unwrap();
    let trust = Trust { public_keys: vec![public.clone()], signature: None };
    let open = |trust: &Trust| TreePatch::open(Input::Path(package.clone()), None, trust, &mut Job::new());
    assert_eq!(open(&trust).err().map(|e| e.status()), Some(Status::BadSignature));
    let made = trust::sign_file(&package, &key, &SignOptions::default(), &mut Job::new()).unwrap();
    assert_eq!(open(&trust).unwrap().info().key_id, Some(made.key_id.clone()));
    assert_eq!(trust::key_id(&public).unwrap(), made.key_id);
    assert_eq!(trust::verify_file(&package, &trust, &mut Job::new()).unwrap().key_id, made.key_id);

    let text = fs::read_to_string(&made.path).unwrap();
    let bytes = Arc::new(fs::read(&package).unwrap());
    let given = Trust { signature: Some(text), ..trust };
    assert!(TreePatch::open(Input::Bytes(bytes), None, &given, &mut Job::new()).is_ok());
    let other = trust::create_key_files(&versions.path("other"), None, false).unwrap();
    let stranger = Trust { public_keys: vec![other], ..given };
    assert_eq!(open(&stranger).err().map(|e| e.status()), Some(Status::UntrustedKey));
    assert_eq!(
        trust::verify_file(&package, &Trust::default(), &mut Job::new()).unwrap_err().status(),
        Status::InvalidArgument
    );
}

#[test]
fn an_update_acts_on_a_document_that_is_here_or_elsewhere() {
    let versions = Versions::new();
    let outputs = OperationOutputs {
        package: versions.path("p.tar.gz"),
        operations: versions.path("operations.json"),
        package_info: Some(versions.path("info.json")),
        url: "p.tar.gz".to_owned(),
    };
    let options = TreeDiffOptions { version: Some("1.1.0".to_owned()), ..TreeDiffOptions::default() };
    let (one, two) = (versions.path("one"), versions.path("two"));
    tree::diff_operations(&one, &two, &outputs, &options, &mut Job::new()).unwrap();
    let url = versions.path("info.json").to_str().unwrap().to_owned();
    let text = Document::Text { json: fs::read_to_string(&url).unwrap(), base: url.clone() };
    let look = UpdateOptions { dry_run: true, ..UpdateOptions::default() };
    let looked = update::update_from_package_info(&one, &text, &look, &mut Job::new()).unwrap();
    assert_eq!((looked.action, looked.to.as_deref()), (UpdateAction::Decided, Some("1.1.0")));
    let options = UpdateOptions::default();
    let report = update::update_from_package_info(&one, &Document::Url(url), &options, &mut Job::new()).unwrap();
    assert_eq!((report.action, report.strategy, report.reason), (UpdateAction::Applied, "patch", "named_package"));
    assert_eq!(digest(&one), digest(&two));
    let again = update::update_from_package_info(&one, &text, &options, &mut Job::new()).unwrap();
    assert_eq!((again.action, again.reason), (UpdateAction::Nothing, "up_to_date"));
}

#[test]
fn a_snapshot_lists_what_stands_there() {
    let versions = Versions::new();
    let options = ScanOptions { exclude: vec!["gone".to_owned()], ..ScanOptions::default() };
    let found = tree::scan(&versions.path("one"), &options, &mut Job::new()).unwrap();
    let items: Vec<_> = found.items.iter().map(|item| (&*item.path, item.kind, item.size)).collect();
    assert_eq!(items, [("big", ItemKind::File, 40_000), ("same", ItemKind::File, 4)]);
    assert_eq!(found.size, 40_004);
}

/// Three versions of a directory.
struct Versions(tempfile::TempDir);

impl Versions {
    fn new() -> Self {
        let versions = Self(tempfile::tempdir().unwrap());
        for (name, inserted) in [("one", ""), ("two", "second"), ("three", "third version")] {
            let root = versions.path(name);
            fs::create_dir(&root).unwrap();
            let mut big: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            big.splice(9_000..9_000 + inserted.len(), inserted.bytes());
            fs::write(root.join("big"), big).unwrap();
            fs::write(root.join("same"), "same").unwrap();
            match inserted {
                "" => fs::write(root.join("gone"), "gone").unwrap(),
                text => {
                    fs::create_dir(root.join("docs")).unwrap();
                    fs::write(root.join("docs/new"), text).unwrap();
                }
            }
        }
        versions
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn diff(&self, old: &str, new: &str, out: &str) {
        let options = TreeDiffOptions::default();
        tree::diff(&self.path(old), &self.path(new), &self.path(out), &options, &mut Job::new()).unwrap();
    }

    fn open(&self, name: &str) -> TreePatch {
        TreePatch::open(Input::Path(self.path(name)), None, &Trust::default(), &mut Job::new()).unwrap()
    }
}

fn digest(root: &Path) -> Digest {
    tree::scan(root, &ScanOptions::default(), &mut Job::new()).unwrap().digest
}
