//! What the fuzzers found stays found: every file of every corpus runs through its target again, on stable and in
//! seconds.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::targets::TARGETS;

macro_rules! replayed {
    ($($target:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];

        /// One test for each target, so that a failure says by its name where to look.
        mod every_input_holds_for {
            $(
                #[test]
                fn $target() {
                    super::replay(stringify!($target));
                }
            )*
        }
    };
}

replayed! { delta_decode delta_apply compose chain_read tree_package tree_operations tree_plain tree_release manifest }

#[test]
fn every_fuzz_target_has_a_body_and_a_corpus_that_is_replayed() {
    let replayed: BTreeSet<_> = REPLAYED.iter().map(|name| (*name).to_owned()).collect();
    let bodies: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(bodies, replayed, "bodies in support::targets, and tests here");
    assert_eq!(names_in("fuzz_targets"), replayed, "fuzz targets, and tests here");
    assert_eq!(names_in("corpus"), replayed, "folders of the corpus, and tests here");
}

/// Runs the body of `target` on each file of its corpus, and says which one it was that failed.
#[track_caller]
fn replay(target: &str) {
    let Some((_, body)) = TARGETS.iter().find(|(name, _)| *name == target) else {
        panic!("{target} has no body in support::targets");
    };
    let inputs = entries(&fuzz_folder().join("corpus").join(target));
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    for path in inputs {
        let input = fs::read(&path).unwrap();
        if let Err(cause) = std::panic::catch_unwind(|| body(&input)) {
            eprintln!("{target} fails for {}", path.display());
            std::panic::resume_unwind(cause);
        }
    }
}

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The names of what lies in a folder, without endings.
fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = entries(&fuzz_folder().join(folder));
    entries.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
