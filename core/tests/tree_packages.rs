//! The laws of tree patches: apply(diff(a, b), a) = b, apply(squash(p, q), a) = apply(q, apply(p, a)); and what packages are
//! to others.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use patchcore::tree::{
    self, ChangeKind, Compression, OperationOutputs, ScanOptions, TreeApplyOptions, TreeDiffOptions, TreeDiffStats,
    TreePackage, TreePath, TreeSquashOptions, VersionRange,
};
use patchcore::{LogLevel, Status, Task};
use proptest::prelude::*;
use support::trees::{Node, Nodes, any_nodes, file, folder, link, nodes, noise, program, read};
use tempfile::TempDir;

/// A folder for packages and what they are made from.
struct Bench {
    folder: TempDir,
    made: usize,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: 0 }
    }

    fn path(&mut self, ending: &str) -> PathBuf {
        self.made += 1;
        self.folder.path().join(format!("{}.{ending}", self.made))
    }

    fn diff(&mut self, old: &Nodes, new: &Nodes, options: &TreeDiffOptions) -> (PathBuf, TreeDiffStats) {
        let (old, new, out) = (folder(old), folder(new), self.path("zip"));
        let stats = tree::diff(old.path(), new.path(), &out, options, &mut Task::new()).unwrap();
        (out, stats)
    }

    fn operations(&mut self, old: &Nodes, new: &Nodes) -> patchcore::Result<(PathBuf, PathBuf)> {
        let (old, new) = (folder(old), folder(new));
        let (package, operations) = (self.path("tar.gz"), self.path("json"));
        let outputs = OperationOutputs { package: &package, operations: &operations, info: None, url: "" };
        tree::diff_operations(old.path(), new.path(), &outputs, &TreeDiffOptions::default(), &mut Task::new())?;
        Ok((package, operations))
    }
}

fn open(package: &Path) -> TreePackage {
    TreePackage::open(package, None, &mut Task::new()).unwrap()
}

fn apply(package: &TreePackage, old: &Nodes) -> Nodes {
    let root = folder(old);
    let result = tree::apply(root.path(), package, &TreeApplyOptions::default(), &mut Task::new());
    result.unwrap_or_else(|e| panic!("{e}: {:#?}", package.patch()));
    assert!(tree::verify(root.path(), package, 1, &mut Task::new()).unwrap().is_clean());
    read(root.path())
}

fn kinds(stats: &TreeDiffStats) -> BTreeMap<&'static str, u64> {
    stats.changes.iter().map(|(kind, count)| (kind.name(), *count)).collect()
}

/// Two trees between which there is a change of every kind.
fn every_kind() -> (Nodes, Nodes) {
    let library = noise(40_000, 1);
    let mut newer = library.clone();
    newer[20_000..20_010].fill(0);
    let mut renamed = noise(30_000, 2);
    let before = renamed.clone();
    renamed.truncate(29_000);
    let old = nodes(&[
        ("bin/run", program("#!/bin/sh\necho old\n")),
        ("bin/tool", file("a tool")),
        ("lib/core.so", file(&library)),
        ("lib/main.1f2e.js", file(&before)),
        ("moved/here.bin", file(noise(5_000, 3))),
        ("gone/deep/file", file("bye")),
        ("gone/empty", Node::Folder),
        ("current", link("bin/run")),
        ("stays", file("as it is")),
        ("was-file", file("file")),
        ("was-folder/x", file("x")),
        ("was-link", link("stays")),
    ]);
    let new = nodes(&[
        ("bin/run", program("#!/bin/sh\necho new\n")),
        ("bin/tool", program("a tool")),
        ("lib/core.so", file(&newer)),
        ("lib/main.77aa.js", file(&renamed)),
        ("elsewhere/here.bin", file(noise(5_000, 3))),
        ("elsewhere/copy.bin", file(noise(5_000, 3))),
        ("fresh/empty", Node::Folder),
        ("fresh/ä b", file("new and strange")),
        ("nothing", file("")),
        ("current", link("bin/tool")),
        ("stays", file("as it is")),
        ("was-file/x", file("x")),
        ("was-folder", link("stays")),
        ("was-link", file("file")),
    ]);
    (old, new)
}

#[test]
fn deltas_that_were_made_elsewhere_are_checked_and_taken() {
    use patchcore::delta;
    use patchcore::io::{FileSource, ReadAt};
    let (old, new) = every_kind();
    let mut bench = Bench::new();
    let options = TreeDiffOptions::default();
    let (alone, _) = bench.diff(&old, &new, &options);
    let (old_root, new_root, out) = (folder(&old), folder(&new), bench.path("zip"));
    let begin = || tree::TreeDiff::begin(old_root.path(), new_root.path(), &options, &mut Task::new()).unwrap();
    let make = |job: &tree::DeltaJob| {
        let [old, new] = [&job.old, &job.new].map(|path| FileSource::open(path).unwrap());
        let mut delta = std::io::Cursor::new(Vec::new());
        delta::diff(&old, &new, &mut delta, &options.diff, &mut Task::new()).unwrap();
        delta.into_inner()
    };
    let boxed = |delta: Vec<u8>| Some(Box::new(delta) as Box<dyn ReadAt>);
    let diff = begin();
    let made: Vec<Vec<u8>> = diff.delta_jobs().iter().map(make).collect();
    assert!(made.len() > 1);
    // All but the first; that one is made here.
    let deltas = made.iter().enumerate().map(|(i, delta)| if i == 0 { None } else { boxed(delta.clone()) }).collect();
    diff.finish(deltas, &out, &mut Task::new()).unwrap();
    assert!(fs::read(&out).unwrap() == fs::read(&alone).unwrap());

    let refused = |delta: Vec<u8>| begin().finish(vec![boxed(delta)], &out, &mut Task::new()).unwrap_err().status();
    let mut damaged = made[0].clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(refused(damaged), Status::Corrupt);
    assert_eq!(refused(made[1].clone()), Status::SourceMismatch);
}

#[test]
fn a_tree_becomes_the_other_by_the_cheapest_change_of_every_path() {
    let (old, new) = every_kind();
    let mut bench = Bench::new();
    for compression in [Compression::Deflate, Compression::Stored, Compression::Zstd] {
        let (package, stats) = bench.diff(&old, &new, &TreeDiffOptions { compression, ..Default::default() });
        let opened = open(&package);
        assert_eq!(apply(&opened, &old), new);
        assert_eq!(opened.size(), stats.package_size);
        let kinds = kinds(&stats);
        for kind in ChangeKind::ALL {
            assert!(kinds.contains_key(kind.name()), "{kind:?} in {kinds:?}");
        }
        assert_eq!((kinds["delta"], kinds["copy"], kinds["mode"]), (2, 4, 1), "{:#?}", opened.patch());
        assert!(stats.package_size < 4_000, "{stats:?}");
        let root = folder(&new);
        let scanned = tree::scan(root.path(), &ScanOptions::default(), &mut Task::new()).unwrap();
        assert_eq!(Some(scanned.digest()), opened.patch().new_tree);
    }
}

#[test]
fn the_package_is_the_same_for_any_number_of_threads_and_every_time() {
    let (old, new) = every_kind();
    let mut bench = Bench::new();
    let mut packages = [1, 1, 4].map(|threads| {
        let scan = ScanOptions { threads, ..Default::default() };
        fs::read(bench.diff(&old, &new, &TreeDiffOptions { scan, ..Default::default() }).0).unwrap()
    });
    packages.sort();
    assert!(packages[0] == packages[2]);
}

#[test]
fn any_zip_tool_lists_tests_and_unpacks_a_package() {
    let (old, new) = every_kind();
    let (package, _) = Bench::new().diff_kept(&old, &new);
    let script = "import sys, zipfile\n\
                  z = zipfile.ZipFile(sys.argv[1])\n\
                  assert z.testzip() is None\n\
                  names = z.namelist()\n\
                  assert names[0] == '.patchcore/patch.json', names\n\
                  assert z.read('bin/run') == b'#!/bin/sh\\necho new\\n'\n\
                  assert z.getinfo('bin/run').external_attr >> 16 == 0o100755\n\
                  assert 'fresh/ä b' in names, names\n";
    let path = package.path().join("package.zip");
    succeeds(Command::new("python3").args(["-c", script]).arg(&path));
    if Command::new("unzip").arg("-v").output().is_ok() {
        succeeds(Command::new("unzip").arg("-tqq").arg(&path));
        let out = tempfile::tempdir().unwrap();
        succeeds(Command::new("unzip").arg("-qq").arg(&path).arg("-d").arg(out.path()));
        let unpacked = read(out.path());
        assert_eq!(unpacked["bin/run"], new["bin/run"]);
        assert_eq!(unpacked["fresh/ä b"], new["fresh/ä b"]);
    }
}

impl Bench {
    /// A folder in which the package is called `package.zip`.
    fn diff_kept(mut self, old: &Nodes, new: &Nodes) -> (TempDir, TreeDiffStats) {
        let (package, stats) = self.diff(old, new, &TreeDiffOptions::default());
        fs::rename(package, self.folder.path().join("package.zip")).unwrap();
        (self.folder, stats)
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn what_is_local_is_installed_once_and_never_touched() {
    let old = nodes(&[("a", file("1")), ("user.cfg", file("default 1")), ("data/old.db", file("old"))]);
    let new = nodes(&[("a", file("2")), ("user.cfg", file("default 2")), ("data/new.db", file("new"))]);
    let keep_local = vec!["user.cfg".to_owned(), "data/".to_owned()];
    let (package, _) = Bench::new().diff_in(&old, &new, &TreeDiffOptions { keep_local, ..Default::default() });
    let package = open(&package.1);
    let mine = nodes(&[("a", file("1")), ("user.cfg", file("mine")), ("data/old.db", file("old and mine"))]);
    let applied = apply(&package, &mine);
    assert_eq!(applied["user.cfg"], file("mine"));
    assert_eq!(applied["data/old.db"], file("old and mine"));
    assert_eq!((&applied["a"], &applied["data/new.db"]), (&file("2"), &file("new")));
    let without = nodes(&[("a", file("1"))]);
    assert_eq!(apply(&package, &without)["user.cfg"], file("default 2"));
}

impl Bench {
    fn diff_in(mut self, old: &Nodes, new: &Nodes, options: &TreeDiffOptions) -> ((TempDir, PathBuf), TreeDiffStats) {
        let (package, stats) = self.diff(old, new, options);
        ((self.folder, package), stats)
    }
}

#[test]
fn a_directory_that_is_replaced_as_a_whole_takes_what_nobody_listed_along() {
    let old = nodes(&[("app/a", file("1")), ("app/b", file("2")), ("app.log", file("log")), ("x/a", file("1"))]);
    let new = nodes(&[("app/a", file("1")), ("app/c/d", file("3")), ("app.log", file("log")), ("x/a", file("2"))]);
    let replace_directories = vec!["/app".to_owned()];
    let mut bench = Bench::new();
    let (package, _) = bench.diff(&old, &new, &TreeDiffOptions { replace_directories, ..Default::default() });
    let package = open(&package);
    let mut mine = old.clone();
    mine.insert("app/cache".into(), file("left over"));
    mine.insert("app/a".into(), file("broken"));
    mine.insert("x/mine".into(), file("stays"));
    let mut expected = new.clone();
    expected.insert("x/mine".into(), file("stays"));
    assert_eq!(apply(&package, &mine), expected);
}

#[test]
fn verify_lists_everything_that_differs_and_a_second_apply_does_the_rest() {
    let (old, new) = every_kind();
    let (package, _) = Bench::new().diff_kept(&old, &new);
    let package = open(&package.path().join("package.zip"));
    let root = folder(&old);
    tree::apply(root.path(), &package, &TreeApplyOptions::default(), &mut Task::new()).unwrap();
    fs::write(root.path().join("fresh/ä b"), "damaged").unwrap();
    fs::remove_file(root.path().join("bin/run")).unwrap();
    fs::create_dir_all(root.path().join("gone/deep")).unwrap();
    let found = tree::verify(root.path(), &package, 2, &mut Task::new()).unwrap();
    let paths = |paths: &[TreePath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(paths(&found.missing), ["bin/run"]);
    assert_eq!(paths(&found.different), ["fresh/ä b"]);
    assert_eq!(paths(&found.unexpected), ["gone", "gone/deep"]);
    assert_eq!(found.matches, package.patch().changes.len() as u64 - 4);
    let options = TreeApplyOptions { overwrite_local: true, ..Default::default() };
    tree::apply(root.path(), &package, &options, &mut Task::new()).unwrap();
    assert_eq!(read(root.path()), new);
}

#[test]
fn versions_travel_with_the_package() {
    let (old, new) = every_kind();
    let range = VersionRange { min: "1.0.0".parse().unwrap(), max: "1.0.9".parse().unwrap() };
    let version = "1.1.0.7".parse().unwrap();
    let options = TreeDiffOptions { applies_to: Some(range), version: Some(version), ..Default::default() };
    let mut bench = Bench::new();
    let package = open(&bench.diff(&old, &new, &options).0);
    assert_eq!((package.patch().applies_to, package.patch().version), (Some(range), Some(version)));
}

#[test]
fn a_scan_leaves_out_what_is_told_to_and_what_is_ours() {
    let root = folder(&nodes(&[
        (".patchcoreignore", file("*.log\n/cache/\n")),
        (".patchcore/state.json", file("ours")),
        ("a.log", file("")),
        ("deep/b.log", file("")),
        ("cache/c", file("")),
        ("deep/cache/d", file("")),
        ("notes.txt", file("")),
    ]));
    let options = ScanOptions { exclude: vec!["*.txt".into()], ..Default::default() };
    let tree = tree::scan(root.path(), &options, &mut Task::new()).unwrap();
    let paths: Vec<_> = tree.items.keys().map(TreePath::as_str).collect();
    assert_eq!(paths, [".patchcoreignore", "deep", "deep/cache", "deep/cache/d"]);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_tree_is_refused_or_followed() {
    let outside = folder(&nodes(&[("blobs/1", program("model")), ("folder/x", file("x"))]));
    let root = folder(&nodes(&[("a/model", link("/nowhere"))]));
    fs::remove_file(root.path().join("a/model")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("blobs/1"), root.path().join("a/model")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("folder"), root.path().join("b")).unwrap();
    let error = tree::scan(root.path(), &ScanOptions::default(), &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::UnsafePath);
    assert!(error.message().contains("--dereference") && error.message().contains("--exclude"), "{error}");
    let options = ScanOptions { dereference: true, threads: 2, ..Default::default() };
    let followed = tree::scan(root.path(), &options, &mut Task::new()).unwrap();
    let copied = folder(&nodes(&[("a/model", program("model")), ("b/x", file("x"))]));
    assert_eq!(followed, tree::scan(copied.path(), &ScanOptions::default(), &mut Task::new()).unwrap());

    // What was followed is packed too.
    let (empty, out) = (folder(&Nodes::new()), tempfile::tempdir().unwrap());
    let package = out.path().join("p.zip");
    let options = TreeDiffOptions { scan: options, ..Default::default() };
    tree::diff(empty.path(), root.path(), &package, &options, &mut Task::new()).unwrap();
    assert_eq!(apply(&open(&package), &Nodes::new()), read(copied.path()));

    std::os::unix::fs::symlink("..", root.path().join("a/up")).unwrap();
    let error = tree::scan(root.path(), &options.scan, &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
}

#[cfg(unix)]
#[test]
fn pipes_are_named_and_names_that_differ_only_in_case_are_said() {
    let root = folder(&nodes(&[("readme", file("1")), ("README", file("2"))]));
    let mut said = Vec::new();
    let mut task = Task::new().logged(|level, message| said.push((level, message.to_owned())));
    tree::scan(root.path(), &ScanOptions::default(), &mut task).unwrap();
    drop(task);
    let warnings: Vec<_> = said.iter().filter(|(level, _)| *level == LogLevel::Warning).collect();
    assert_eq!(warnings.len(), 1, "{said:?}");
    succeeds(Command::new("mkfifo").arg(root.path().join("pipe")));
    let error = tree::scan(root.path(), &ScanOptions::default(), &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("--exclude") && error.path().unwrap().ends_with("pipe"), "{error}");
    let options = ScanOptions { exclude: vec!["pipe".into()], ..Default::default() };
    tree::scan(root.path(), &options, &mut Task::new()).unwrap();
}

#[test]
fn operations_say_the_same_as_a_package() {
    let (mut old, mut new) = every_kind();
    // Links that change on their own are what operations cannot say.
    for path in ["current", "was-folder", "was-link", "was-folder/x"] {
        old.remove(path);
        new.remove(path);
    }
    new.insert("fresh/link".into(), link("empty"));
    let mut bench = Bench::new();
    let (package, operations) = bench.operations(&old, &new).unwrap();
    let opened = TreePackage::open(&package, Some(&operations), &mut Task::new()).unwrap();
    assert_eq!(apply(&opened, &old), new);
    let error = TreePackage::open(&package, None, &mut Task::new()).err().unwrap();
    assert_eq!(error.status(), Status::InvalidArgument);
    let listed = Command::new("tar").arg("-tzf").arg(&package).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("bin/run\n") && listed.contains("was-file/\n"), "{listed}");
}

#[test]
fn a_squashed_package_goes_on_from_what_the_one_before_made() {
    let (old, new) = every_kind();
    let mut bench = Bench::new();
    let first = open(&bench.diff(&old, &new, &TreeDiffOptions::default()).0);
    let out = bench.path("zip");
    let options = TreeSquashOptions::default();
    let error = tree::squash(&[&first, &first], &out, &options, &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::SourceMismatch);
    assert!(!out.exists());
}

#[test]
fn a_squashed_package_keeps_deltas_small() {
    let v = |n: usize| {
        let mut bytes = noise(60_000, 9);
        bytes[n * 1000..n * 1000 + 50].fill(n as u8);
        bytes
    };
    let [one, two, three] = [1, 2, 3].map(|n| nodes(&[("big", file(v(n))), ("moved", file(noise(100, n as u64)))]));
    let mut bench = Bench::new();
    let first = open(&bench.diff(&one, &two, &TreeDiffOptions::default()).0);
    let second = open(&bench.diff(&two, &three, &TreeDiffOptions::default()).0);
    let out = bench.path("zip");
    let stats = tree::squash(&[&first, &second], &out, &TreeSquashOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(apply(&open(&out), &one), three);
    assert_eq!(stats.changes[&ChangeKind::Delta], 1);
    assert!(stats.package_size < 2_000, "{stats:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_makes_the_new_tree_of_the_old_one(old in any_nodes(), new in any_nodes(), whole in any::<bool>()) {
        let replace_directories = if whole { vec!["a".to_owned()] } else { Vec::new() };
        let mut bench = Bench::new();
        let (package, _) = bench.diff(&old, &new, &TreeDiffOptions { replace_directories, ..Default::default() });
        prop_assert_eq!(apply(&open(&package), &old), new);
    }

    #[test]
    fn squashed_patches_do_what_they_do_in_a_row(
        trees in prop::collection::vec(any_nodes(), 3..5),
        whole in prop::collection::vec(any::<bool>(), 4),
    ) {
        let mut bench = Bench::new();
        let packages: Vec<TreePackage> = trees
            .windows(2)
            .zip(whole)
            .map(|(pair, whole)| {
                let replace_directories = if whole { vec!["a".to_owned(), "/b".to_owned()] } else { Vec::new() };
                let options = TreeDiffOptions { replace_directories, ..Default::default() };
                open(&bench.diff(&pair[0], &pair[1], &options).0)
            })
            .collect();
        let out = bench.path("zip");
        let packages: Vec<&TreePackage> = packages.iter().collect();
        tree::squash(&packages, &out, &TreeSquashOptions::default(), &mut Task::new()).unwrap();
        prop_assert_eq!(&apply(&open(&out), &trees[0]), trees.last().unwrap());
    }

    #[test]
    fn operations_make_the_new_tree_of_the_old_one(old in any_nodes(), new in any_nodes()) {
        let mut bench = Bench::new();
        match bench.operations(&old, &new) {
            Ok((package, operations)) => {
                let package = TreePackage::open(&package, Some(&operations), &mut Task::new()).unwrap();
                prop_assert_eq!(apply(&package, &old), new);
            }
            Err(e) => {
                let expected = if old == new { Status::InvalidArgument } else { Status::Unsupported };
                prop_assert_eq!(e.status(), expected);
            }
        }
    }
}
