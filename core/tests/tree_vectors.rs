//! Every tree patch of `tests/vectors/trees.json` makes the tree, or is refused, as it says.

#![allow(missing_docs, reason = "a test binary")]

use std::fs;
use std::path::{Path, PathBuf};

use patchcore::tree::{self, ScanOptions, TreeApplyOptions, TreePackage, TreeSquashOptions};
use patchcore::{Error, Result, Task};
use serde_json::Value;
use tempfile::TempDir;

struct Vector(Value);

impl Vector {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.as_str().unwrap())
    }

    fn file(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|path| folder().join(path))
    }

    /// The old tree, in a folder of its own.
    fn old_tree(&self) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        if let Some(setup) = self.file("setup") {
            apply(&open(&setup, None).unwrap(), root.path()).unwrap();
            fs::remove_dir_all(root.path().join(".patchcore")).unwrap();
        }
        assert_eq!(digest(root.path()), self.text("old_tree").unwrap(), "{}: the old tree", self.name());
        if let Some(path) = self.text("change") {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "changed").unwrap();
        }
        root
    }

    fn name(&self) -> &str {
        self.text("name").unwrap()
    }

    fn judge_status(&self, how: &str, error: Option<&Error>) {
        let status = error.map_or(patchcore::Status::Ok, Error::status);
        let why = error.map(ToString::to_string).unwrap_or_default();
        assert_eq!(status.name(), self.text("status_name").unwrap(), "{}, {how}: {why}", self.name());
        assert_eq!(i64::from(status.code()), self.0["status"].as_i64().unwrap(), "{}", self.name());
        let outcome = error.and_then(Error::outcome).map(patchcore::Outcome::name);
        assert_eq!(outcome, self.text("outcome"), "{}, {how}: {why}", self.name());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn vectors() -> Vec<Vector> {
    let index: Value = serde_json::from_slice(&fs::read(folder().join("trees.json")).unwrap()).unwrap();
    assert_eq!(index["format_version"], 1);
    index["vectors"].as_array().unwrap().iter().cloned().map(Vector).collect()
}

fn open(package: &Path, operations: Option<&Path>) -> Result<TreePackage> {
    TreePackage::open(package, operations, &mut Task::new())
}

fn apply(package: &TreePackage, root: &Path) -> Result<()> {
    tree::apply(root, package, &TreeApplyOptions::default(), &mut Task::new()).map(drop)
}

fn digest(root: &Path) -> String {
    tree::scan(root, &ScanOptions::default(), &mut Task::new()).unwrap().digest().to_string()
}

#[test]
fn every_tree_patch_makes_its_tree_and_back_or_is_refused_and_leaves_it() {
    let (mut made, mut refused) = (0, 0);
    for vector in vectors() {
        let root = vector.old_tree();
        let root = root.path();
        let before = digest(root);
        let file = vector.file("file").unwrap();
        let opened = open(&file, vector.file("operations").as_deref());
        let result = opened.and_then(|package| apply(&package, root).map(|()| package));
        vector.judge_status("applied", result.as_ref().err());
        let Ok(mut package) = result else {
            assert_eq!(digest(root), before, "{}: what is refused leaves the tree", vector.name());
            refused += 1;
            continue;
        };
        let mut between = before;
        if let Some(second) = vector.file("second") {
            between = digest(root);
            package = open(&second, None).unwrap();
            apply(&package, root).unwrap();
        }
        assert_eq!(Some(&*digest(root)), vector.text("new_tree"), "{}", vector.name());
        assert!(tree::verify(root, &package, 1, &mut Task::new()).unwrap().is_clean(), "{}", vector.name());
        assert_eq!(tree::plan(root, &package, &TreeApplyOptions::default(), &mut Task::new()).unwrap().actions, []);
        if Some(&*between) != vector.text("new_tree") {
            tree::rollback(root, false, 1, &mut Task::new()).unwrap();
            assert_eq!(digest(root), between, "{}: rolled back", vector.name());
        }
        made += 1;
    }
    assert!(made > 30 && refused > 60, "{made} made, {refused} refused");
}

#[test]
fn two_tree_patches_squashed_do_what_both_do() {
    let mut squashed = 0;
    for vector in vectors() {
        let Some(second) = vector.file("second") else { continue };
        let root = vector.old_tree();
        let out = tempfile::tempdir().unwrap();
        let out = out.path().join("squashed.zip");
        let [first, second] = [vector.file("file").unwrap(), second].map(|file| open(&file, None).unwrap());
        tree::squash(&[&first, &second], &out, &TreeSquashOptions::default(), &mut Task::new()).unwrap();
        apply(&open(&out, None).unwrap(), root.path()).unwrap();
        assert_eq!(Some(&*digest(root.path())), vector.text("new_tree"), "{}", vector.name());
        squashed += 1;
    }
    assert!(squashed > 0);
}
