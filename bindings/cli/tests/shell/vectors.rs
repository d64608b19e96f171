//! Every vector of `tests/vectors` through the command: the file that it says, or the status and nothing left behind.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Folder, Outcome};

/// The vectors of one kind.
fn vectors(kind: &str) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&read("vectors.json")).unwrap();
    let of_kind = index["vectors"].as_array().unwrap().iter().filter(|vector| vector["kind"] == kind);
    // The command has no limit on the output.
    let vectors: Vec<_> = of_kind.filter(|vector| vector.get("output_limit").is_none()).cloned().collect();
    assert!(!vectors.is_empty(), "there are no vectors of the kind {kind}");
    vectors
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(folder().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A folder with `old` and `file`, as the vector has them.
fn folder_of(vector: &Value) -> Folder {
    let [old, file] = ["old", "file"].map(|key| read(vector[key].as_str().unwrap()));
    Folder::with(&[("old", &old), ("file", &file)])
}

/// Runs a command that writes `out` or fails as the vector says.
fn run(vector: &Value, line: &str) {
    let folder = folder_of(vector);
    let status = vector["status"].as_i64().unwrap();
    if status != 0 {
        let outcome = folder.fails(line);
        assert_eq!(i64::from(outcome.status), status, "{}: {line}\n{outcome}", vector["name"]);
        return;
    }
    let outcome = folder.run(line);
    assert_eq!(outcome.status, 0, "{}: {line}\n{outcome}", vector["name"]);
    assert!(folder.read("out") == read(vector["new"].as_str().unwrap()), "{}: {line}", vector["name"]);
    assert_eq!(folder.contents().len(), 3, "{}: {line}", vector["name"]);
}

/// The option for the memory limit of a vector: the only one that the command can be given is that of streaming.
fn memory(vector: &Value) -> &'static str {
    match vector.get("memory_limit").map(|limit| limit.as_u64().unwrap()) {
        None => "",
        Some(patchcore::limits::DEFAULT_APPLY_MEMORY) => "--streaming",
        Some(limit) => panic!("{}: the command has no limit of {limit} bytes", vector["name"]),
    }
}

#[test]
fn every_delta_makes_its_file_or_fails_with_its_status() {
    for vector in vectors("delta") {
        let memory = memory(&vector);
        run(&vector, &format!("apply old file -o out {memory}"));
        run(&vector, &format!("apply old file -o out --threads 2 {memory}"));
    }
}

#[test]
fn every_chain_makes_its_file_or_fails_with_its_status() {
    for vector in vectors("chain") {
        let target = vector["version"].as_str().map(|name| format!("--target {name}")).unwrap_or_default();
        run(&vector, &format!("chain apply old file -o out {target}"));
        run(&vector, &format!("chain apply old file -o out --streaming {target}"));
    }
}

#[test]
fn verify_and_info_take_what_apply_takes() {
    for vector in ["delta", "chain"].into_iter().flat_map(vectors).filter(|vector| vector["status"] == 0) {
        let folder = folder_of(&vector);
        for line in ["verify file --old old", "info file"] {
            let outcome: Outcome = folder.run(line);
            assert_eq!(outcome.status, 0, "{}: {line}\n{outcome}", vector["name"]);
        }
    }
}

#[test]
fn every_tree_patch_makes_its_tree_and_back_or_fails_with_its_status() {
    let index: Value = serde_json::from_slice(&read("trees.json")).unwrap();
    let vectors = index["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let text = |key: &str| vector.get(key).map(|value| value.as_str().unwrap());
        let folder = Folder::new();
        for key in ["setup", "file", "operations", "second"] {
            if let Some(path) = text(key) {
                folder.write(key, &read(path));
            }
        }
        std::fs::create_dir(folder.join("tree")).unwrap();
        if text("setup").is_some() {
            folder.ok("tree apply tree setup -q");
        }
        assert_eq!(digest(&folder).as_deref(), text("old_tree"), "{}", vector["name"]);
        if let Some(path) = text("change") {
            let path = folder.join("tree").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "changed").unwrap();
        }
        let before = digest(&folder);
        let operations = if text("operations").is_some() { "--operations operations" } else { "" };
        let status = vector["status"].as_i64().unwrap();
        let applied = folder.run(&format!("tree apply tree file {operations} --json"));
        assert_eq!(i64::from(applied.status), status, "{}: {applied}", vector["name"]);
        if status != 0 {
            assert_eq!(digest(&folder), before, "{}", vector["name"]);
            continue;
        }
        let mut last = format!("file {operations}");
        let mut between = before;
        if text("second").is_some() {
            between = digest(&folder);
            folder.ok("tree apply tree second -q");
            last = "second".to_owned();
        }
        assert_eq!(digest(&folder).as_deref(), text("new_tree"), "{}", vector["name"]);
        folder.ok(&format!("tree verify tree {last} -q"));
        if between.as_deref() != text("new_tree") {
            folder.ok("tree rollback tree -q");
            assert_eq!(digest(&folder), between, "{}", vector["name"]);
        }
    }
}

/// The digest of the folder `tree`.
fn digest(folder: &Folder) -> Option<String> {
    let options = patchcore::tree::ScanOptions::default();
    let tree = patchcore::tree::scan(&folder.join("tree"), &options, &mut patchcore::Task::new()).unwrap();
    Some(tree.digest().to_string())
}
