//! Deltas that make several files of a tree: what is in them once, which files they need, what squashing makes of them, and
//! what a package may not say of them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use patchcore::tree::{
    self, Change, Content, Patch, ScanOptions, Source, TreeApplyOptions, TreeDiffOptions, TreePackage, TreePath,
    TreeSquashOptions,
};
use patchcore::{Error, Limits, Outcome, Status, Task};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::archives::{Entry, Zip};
use support::trees::{Node, Nodes, file, folder, nodes, noise, program, read};

const DELTA: &str = ".patchcore/deltas/0";

fn diff_with(old: &Nodes, new: &Nodes, options: &TreeDiffOptions) -> Vec<u8> {
    let (old, new, out) = (folder(old), folder(new), tempfile::tempdir().unwrap());
    let out = out.path().join("p.zip");
    tree::diff(old.path(), new.path(), &out, options, &mut Task::new()).unwrap();
    fs::read(out).unwrap()
}

fn diff(old: &Nodes, new: &Nodes) -> Vec<u8> {
    diff_with(old, new, &TreeDiffOptions::default())
}

fn open(package: &[u8]) -> TreePackage {
    TreePackage::read(Box::new(package.to_vec()), None, &mut Task::new()).unwrap()
}

fn apply(root: &Path, package: &TreePackage) -> Result<tree::TreeApplyStats, Error> {
    tree::apply(root, package, &TreeApplyOptions::default(), &mut Task::new())
}

#[track_caller]
fn makes(package: &[u8], old: &Nodes, new: &Nodes) {
    let package = open(package);
    tree::verify_package(&package, &Limits::default(), &mut Task::new()).unwrap();
    let root = folder(old);
    apply(root.path(), &package).unwrap_or_else(|e| panic!("{e}: {:#?}", package.patch()));
    assert_eq!(&read(root.path()), new);
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

/// The numbers of the sources that a file is made from, by the patch.
fn from<'a>(patch: &'a Patch, of: &str) -> &'a [usize] {
    match &patch.changes[&path(of)].content {
        Some(Content::Joined { from, .. }) => from,
        other => panic!("{of} is {other:?}"),
    }
}

/// Three files that gain the same 6,000 bytes, one that another file was copied into, and a new one.
fn alike() -> (Nodes, Nodes) {
    let gained = noise(6_000, 77);
    let with = |bytes: &[u8], at: usize| [&bytes[..at], &gained[..], &bytes[at..]].concat();
    let [a, b, c, d] = [1, 2, 3, 4].map(|seed| noise(20_000 + 500 * seed as usize, seed));
    let old = nodes(&[("a", file(&a)), ("b", program(&b)), ("in/c", file(&c)), ("d", file(&d)), ("stays", file("x"))]);
    let new = nodes(&[
        ("a", file(with(&a, 100))),
        ("b", program(with(&b, 9_000))),
        ("in/c", file(with(&c, 20_000))),
        ("d", file([&d[..9_000], &a[..3_000], &d[9_000..]].concat())),
        ("in/new", file(with(b"a new file", 3))),
        ("stays", file("x")),
    ]);
    (old, new)
}

#[test]
fn what_several_files_gain_is_in_the_package_once() {
    let (old, new) = alike();
    for level in [1, 6, 9] {
        let mut options = TreeDiffOptions::default();
        options.diff.encode.level = level;
        let package = diff_with(&old, &new, &options);
        assert!(package.len() < 8_500, "{} bytes at level {level}", package.len());
        assert_eq!(open(&package).patch().joined.len(), 1);
        makes(&package, &old, &new);
    }
}

#[test]
fn what_joining_would_save_little_on_stays_apart() {
    let change = |bytes: Vec<u8>| [&bytes[..5_000], b"and so on", &bytes[5_000..]].concat();
    let old = nodes(&[("a", file(noise(9_000, 1))), ("b", file(noise(9_000, 2)))]);
    let new = nodes(&[("a", file(change(noise(9_000, 1)))), ("b", file(change(noise(9_000, 2)))), ("c", file("new"))]);
    let package = diff(&old, &new);
    assert!(open(&package).patch().joined.is_empty());
    makes(&package, &old, &new);
}

#[test]
fn joined_deltas_are_the_same_for_any_number_of_threads() {
    // More than fit one delta.
    let gained = noise(100, 7);
    let [old, new] = [&b""[..], &gained].map(|gained| {
        let file = |n: u64| (format!("{n:04}"), file([&noise(300, n), gained].concat()));
        (1..=1100).map(file).collect::<Nodes>()
    });
    let packages = [1, 2, 5].map(|threads| {
        diff_with(
            &old,
            &new,
            &TreeDiffOptions { scan: ScanOptions { threads, ..Default::default() }, ..Default::default() },
        )
    });
    assert!(packages[0] == packages[1] && packages[0] == packages[2]);
    assert_eq!(open(&packages[0]).patch().joined.len(), 2);
    makes(&packages[0], &old, &new);
}

#[test]
fn a_file_of_a_joined_delta_needs_its_own_sources_only() {
    let (old, new) = alike();
    let package = open(&diff(&old, &new));
    let patch = package.patch();
    let source = |number: &usize| patch.joined[0].sources[*number].path.to_string();
    let sources = |of: &str| from(patch, of).iter().map(source).collect::<Vec<_>>();
    assert_eq!(sources("a"), ["a"]);
    assert_eq!(sources("in/c"), ["in/c"]);
    assert_eq!(sources("d"), ["d", "a"]);
    assert!(sources("in/new").is_empty());

    // All but what is made from another file can be made whatever became of that one.
    let mut partly = old.clone();
    for made in ["b", "in/c", "d"] {
        partly.insert(made.into(), new[made].clone());
    }
    let root = folder(&partly);
    assert_eq!(apply(root.path(), &package).unwrap().done_before, 3);
    assert_eq!(read(root.path()), new);

    // What is new and came to harm is in the delta with all of its bytes.
    fs::remove_file(root.path().join("in/new")).unwrap();
    assert_eq!(apply(root.path(), &package).unwrap().changed, 1);
    assert_eq!(read(root.path()), new);

    partly = old.clone();
    partly.insert("a".into(), new["a"].clone());
    let root = folder(&partly);
    let error = apply(root.path(), &package).unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Status::Conflict, Some(Outcome::Unchanged)));
    assert_eq!(read(root.path()), partly);
    let plan = tree::plan(root.path(), &package, &TreeApplyOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(
        plan.conflicts.iter().map(|c| (c.path.as_str(), c.reason.name())).collect::<Vec<_>>(),
        [("a", "source")]
    );
}

/// What every part of a package is, so that others can be put together of it.
fn parts(package: &[u8]) -> (Value, Vec<u8>) {
    let patch = serde_json::from_str(&open(package).patch().to_json()).unwrap();
    let name = package.windows(DELTA.len()).position(|window| window == DELTA.as_bytes()).unwrap();
    let size = u32::from_le_bytes(package[name - 12..name - 8].try_into().unwrap()) as usize;
    (patch, package[name + DELTA.len()..][..size].to_vec())
}

fn source_at(path: &str) -> Value {
    json!({"path": path, "size": 1, "sha256": "0".repeat(64)})
}

fn put_together(patch: &Value, delta: &[u8]) -> Vec<u8> {
    let patch = Entry::deflated(".patchcore/patch.json", patch.to_string().as_bytes());
    Zip::of(vec![patch, Entry::stored(DELTA, delta)]).bytes()
}

/// Where in `patch.json` the content of a file is said.
fn content<'a>(patch: &'a mut Value, of: &str) -> &'a mut Value {
    let changes = patch["changes"].as_array_mut().unwrap();
    &mut changes.iter_mut().find(|change| change["path"] == of).unwrap()["content"]["joined"]
}

#[test]
fn a_patch_that_makes_no_sense_of_its_joined_deltas_is_refused() {
    let (old, new) = alike();
    let (patch, delta) = parts(&diff(&old, &new));
    makes(&put_together(&patch, &delta), &old, &new);
    let many: Vec<Value> =
        (0..65_537).map(|n| json!({"path": n.to_string(), "size": 0, "sha256": "0".repeat(64)})).collect();
    let huge = json!({"path": "huge", "size": 1u64 << 63, "sha256": "0".repeat(64)});
    type Spoil = Box<dyn Fn(&mut Value)>;
    let spoilt: Vec<(&str, Status, Spoil)> = vec![
        ("no such delta", Status::Corrupt, Box::new(|p| content(p, "a")["delta"] = json!(1))),
        ("a negative number", Status::Corrupt, Box::new(|p| content(p, "a")["delta"] = json!(-1))),
        ("no such source", Status::Corrupt, Box::new(|p| content(p, "a")["from"] = json!([4]))),
        ("a source twice", Status::Corrupt, Box::new(|p| content(p, "a")["from"] = json!([1, 1]))),
        ("sources out of order", Status::Corrupt, Box::new(|p| content(p, "d")["from"] = json!([3, 0]))),
        (
            "a delta for nothing",
            Status::Corrupt,
            Box::new(|p| {
                let unused = json!({"entry": ".patchcore/deltas/1", "sources": []});
                p["joined"].as_array_mut().unwrap().push(unused);
            }),
        ),
        (
            "a path twice",
            Status::Corrupt,
            Box::new(|p| p["joined"][0]["sources"][1] = p["joined"][0]["sources"][0].clone()),
        ),
        ("too large sources", Status::Corrupt, Box::new(move |p| p["joined"][0]["sources"][0] = huge.clone())),
        ("too many sources", Status::Limit, Box::new(move |p| p["joined"][0]["sources"] = json!(many))),
        (
            "a source of ours",
            Status::UnsafePath,
            Box::new(|p| {
                p["joined"][0]["sources"][0] = source_at(".patchcore/state.json");
            }),
        ),
        ("a source elsewhere", Status::Corrupt, Box::new(|p| p["joined"][0]["sources"][0] = source_at("../a"))),
        ("no such change", Status::Corrupt, Box::new(|p| p["joined"][0]["sources"][0] = json!(5))),
        ("a change of what was not there", Status::Corrupt, Box::new(|p| p["joined"][0]["sources"][0] = json!(4))),
        ("an entry elsewhere", Status::Corrupt, Box::new(|p| p["joined"][0]["entry"] = json!("a"))),
        (
            "an entry that is not there",
            Status::Corrupt,
            Box::new(|p| {
                p["joined"][0]["entry"] = json!(".patchcore/deltas/7");
            }),
        ),
        ("no deltas at all", Status::Corrupt, Box::new(|p| p["joined"] = json!([]))),
    ];
    for (what, status, spoil) in spoilt {
        let mut patch = patch.clone();
        spoil(&mut patch);
        let error = TreePackage::read(Box::new(put_together(&patch, &delta)), None, &mut Task::new()).err();
        assert_eq!(error.map(|e| e.status()), Some(status), "{what}");
    }
}

#[test]
fn a_joined_delta_that_is_not_what_the_patch_says_leaves_the_old_tree() {
    let (old, new) = alike();
    let (patch, delta) = parts(&diff(&old, &new));
    type Spoil = fn(&mut Value, &mut Vec<u8>);
    let spoilt: [(&str, Status, Spoil); 5] = [
        ("made from more than it says", Status::Corrupt, |p, _| content(p, "d")["from"] = json!([0])),
        ("made from other files", Status::Corrupt, |p, _| p["joined"][0]["sources"].as_array_mut().unwrap().swap(0, 1)),
        ("made from fewer", Status::Corrupt, |p, _| {
            p["joined"][0]["sources"].as_array_mut().unwrap().pop();
            for of in ["a", "b", "d", "in/c"] {
                content(p, of)["from"] = json!([]);
            }
        }),
        ("cut off", Status::Corrupt, |_, delta| delta.truncate(delta.len() - 1)),
        ("another delta", Status::Corrupt, |_, delta| delta[40] ^= 1),
    ];
    for (what, status, spoil) in spoilt {
        let (mut patch, mut delta) = (patch.clone(), delta.clone());
        spoil(&mut patch, &mut delta);
        let package = open(&put_together(&patch, &delta));
        let verified = tree::verify_package(&package, &Limits::default(), &mut Task::new());
        assert_eq!(verified.unwrap_err().status(), status, "{what}");
        let root = folder(&old);
        let error = apply(root.path(), &package).unwrap_err();
        assert_eq!((error.status(), error.outcome()), (status, Some(Outcome::Unchanged)), "{what}: {error}");
        assert_eq!(read(root.path()), old, "{what}");
    }
}

fn squash(packages: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let out = tempfile::tempdir().unwrap();
    let out: PathBuf = out.path().join("s.zip");
    let packages: Vec<TreePackage> = packages.iter().map(|package| open(package)).collect();
    let packages: Vec<&TreePackage> = packages.iter().collect();
    tree::squash(&packages, &out, &TreeSquashOptions::default(), &mut Task::new())?;
    Ok(fs::read(out).unwrap())
}

#[test]
fn squashing_joined_deltas_keeps_them_small_and_names_old_files_only() {
    let (first, second) = alike();
    let mut third = second.clone();
    let more = noise(5_000, 99);
    for name in ["a", "b", "in/new"] {
        let Some(Node::File(bytes, _)) = third.get_mut(name) else { unreachable!() };
        bytes.extend_from_slice(&more);
    }
    // What the first package makes goes on under another name.
    let moved = third.remove("in/c").unwrap();
    third.insert("in/moved".into(), moved);
    let squashed = squash(&[diff(&first, &second), diff(&second, &third)]).unwrap();
    makes(&squashed, &first, &third);
    assert!(squashed.len() < 20_000, "{} bytes", squashed.len());
    let package = open(&squashed);
    let is_old = |source: &Source| first.contains_key(source.path.as_str());
    assert!(package.patch().joined.iter().all(|joined| joined.sources.iter().all(is_old)));
    assert!(!package.patch().joined.is_empty());

    // One patch alone, and one that is followed by nothing new, stay as they are.
    let alone = diff(&first, &second);
    assert_eq!(squash(std::slice::from_ref(&alone)).unwrap(), alone);
    assert_eq!(squash(&[alone.clone(), diff(&second, &second)]).unwrap(), alone);
}

#[test]
fn what_begins_with_whole_files_is_whole_after_squashing() {
    let (first, second) = alike();
    let nothing = Nodes::new();
    let options = TreeDiffOptions { replace_directories: vec!["in".to_owned()], ..Default::default() };
    let packages = [diff_with(&nothing, &first, &options), diff(&first, &second)];
    let whole = squash(&packages).unwrap();
    makes(&whole, &nothing, &second);
    let changes = open(&whole).patch().changes.clone();
    let is_whole = |change: &Change| change.new_file().is_none() || change.content == Some(Content::Whole);
    assert!(changes.values().all(is_whole), "{changes:#?}");
}

/// A file as numbers of blocks, in a tree of a dozen names.
fn any_tree() -> impl Strategy<Value = Nodes> {
    let blocks = prop::collection::vec(0u64..14, 1..12);
    prop::collection::btree_map(0usize..12, (blocks, any::<bool>()), 0..12).prop_map(|files| {
        let mut tree = Nodes::new();
        for (name, (blocks, executable)) in files {
            let content: Vec<u8> = blocks.iter().flat_map(|seed| noise(300 + 40 * *seed as usize, *seed)).collect();
            let name = if name < 8 { format!("f{name}") } else { format!("in/f{name}") };
            if name.starts_with("in/") {
                tree.insert("in".to_owned(), Node::Folder);
            }
            tree.insert(name, Node::File(content, executable));
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn squashed_joined_deltas_do_what_they_do_in_a_row(
        trees in prop::collection::vec(any_tree(), 2..6),
        whole in prop::collection::vec(any::<bool>(), 5),
    ) {
        let packages: Vec<Vec<u8>> = trees
            .windows(2)
            .zip(whole)
            .map(|(pair, whole)| {
                let replace_directories = if whole { vec!["in".to_owned()] } else { Vec::new() };
                diff_with(&pair[0], &pair[1], &TreeDiffOptions { replace_directories, ..Default::default() })
            })
            .collect();
        for (package, pair) in packages.iter().zip(trees.windows(2)) {
            makes(package, &pair[0], &pair[1]);
        }
        makes(&squash(&packages).unwrap(), &trees[0], trees.last().unwrap());
        // In two steps it comes to the same.
        let (head, tail) = packages.split_at(packages.len() / 2);
        if !head.is_empty() {
            let twice = squash(&[squash(head).unwrap(), squash(tail).unwrap()]).unwrap();
            makes(&twice, &trees[0], trees.last().unwrap());
        }
    }
}
