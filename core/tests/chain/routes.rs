//! From any version to any later one: applied, squashed, extracted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchcore::chain::{ApplyOptions, Chain, CreateOptions, SquashOptions};
use patchcore::delta::{self, DiffOptions, EncodeOptions};
use patchcore::io::{OutputOptions, ReadAt};
use patchcore::{Digest, Limits, Result, Status, Task};

use crate::{Lab, append, apply, apply_delta, assert_status, diff, entries, fast, noise, squash};

/// Four versions that have most of their bytes in common.
fn versions() -> Vec<Vec<u8>> {
    let mut versions = vec![noise(20_000, 7)];
    for i in 1..4 {
        let mut next = versions[i - 1].clone();
        next[i * 1000..i * 1000 + 300].fill(i as u8);
        next.extend(noise(100, i as u64));
        versions.push(next);
    }
    versions
}

fn lab() -> (Lab, Vec<Vec<u8>>) {
    let versions = versions();
    let lab = Lab::new(&versions.iter().map(Vec::as_slice).collect::<Vec<_>>());
    (lab, versions)
}

#[test]
fn every_version_leads_to_every_later_one_and_says_by_which_links() {
    let (lab, versions) = lab();
    let chain = lab.open();
    let labels = ["v1→v2", "v2→v3", "v3→v4"];
    for from in 0..4 {
        for to in from..4 {
            let (new, links) = apply(&chain, &versions[from], Some(to)).unwrap();
            assert_eq!(new, versions[to]);
            assert_eq!(links, labels[from..to]);
            assert_eq!(apply_delta(&versions[from], &squash(&chain, from, to).unwrap()), versions[to]);
        }
    }
    assert_eq!(apply(&chain, &versions[1], None).unwrap().0, versions[3]);
}

#[test]
fn a_way_back_is_no_route_and_a_stranger_no_version() {
    let (lab, versions) = lab();
    let chain = lab.open();
    assert_status(apply(&chain, &versions[2], Some(0)), Status::NoRoute);
    assert_status(squash(&chain, 2, 0), Status::NoRoute);
    let mut out = Vec::new();
    let result = chain.apply(&b"stranger".as_slice(), &mut out, None, &Default::default(), &mut Task::new());
    let error = assert_status(result, Status::SourceMismatch);
    assert!(error.message().contains("v4 ("), "{error}");
    assert!(out.is_empty());
    assert_status(apply(&chain, &versions[0], Some(4)), Status::InvalidArgument);
    assert_status(squash(&chain, 0, 4), Status::InvalidArgument);
}

#[test]
fn a_revert_is_a_way_forward() {
    let lab = Lab::new(&[b"one", b"two", b"one", b"three"]);
    let chain = lab.open();
    assert_eq!(apply(&chain, b"one", None).unwrap(), (b"three".to_vec(), vec!["v3→v4".to_owned()]));
    assert_eq!(apply(&chain, b"one", Some(1)).unwrap(), (b"two".to_vec(), vec!["v1→v2".to_owned()]));
    assert_eq!(apply(&chain, b"one", Some(2)).unwrap(), (b"one".to_vec(), vec![]));
    assert_eq!(apply(&chain, b"one", Some(0)).unwrap(), (b"one".to_vec(), vec![]));
    assert_eq!(chain.resolve(&Digest::of(b"one").short()).unwrap(), 2);
}

#[test]
fn branches_part_and_do_not_meet_again() {
    let lab = Lab::new(&[b"one", b"two"]);
    lab.append(b"one", b"one b").unwrap();
    let chain = lab.open();
    assert_eq!(apply(&chain, b"one", None).unwrap().0, b"one b");
    assert_status(apply(&chain, b"two", None), Status::NoRoute);
}

#[test]
fn a_shortcut_is_taken_where_it_has_fewer_bytes() {
    let [a, b, c] = [noise(3000, 1), noise(3000, 2), noise(3000, 1)[..2990].to_vec()];
    let lab = Lab::new(&[&a, &b, &c]);
    lab.append(&a, &c).unwrap();
    assert_eq!(apply(&lab.open(), &a, None).unwrap().1, ["v1→v3"]);

    // Made for an applier with little memory, a delta has many segments and is larger than two with one each.
    let noise = noise(2 << 20, 5);
    let [a, b, c] = [&noise[..10], &noise[..1 << 20], &noise];
    let lab = Lab::new(&[a, b, c]);
    let encode = EncodeOptions { max_apply_memory: 256 << 10, ..fast() };
    let mut big = std::io::Cursor::new(Vec::new());
    let options = DiffOptions { encode, ..DiffOptions::default() };
    let header = delta::diff(&a, &c, &mut big, &options, &mut Task::new()).unwrap();
    assert!(header.delta_size > lab.open().total_size());
    let big = big.into_inner();
    assert!(append(&lab.path, &[big], None).unwrap().links[0].shortcut);
    assert_eq!(apply(&lab.open(), a, None).unwrap().1, ["v1→v2", "v2→v3"]);
}

#[test]
fn a_stored_squash_is_a_shortcut_and_stored_once() {
    let (lab, versions) = lab();
    let before = lab.bytes();
    let out = lab.folder.path().join("v1_to_v4.tflp");
    let options = SquashOptions { shortcut: true, encode: fast(), ..SquashOptions::default() };
    let squash = || Chain::squash_file(&lab.path, &out, &options, OutputOptions::default(), &mut Task::new());
    let squashed = squash().unwrap();
    assert!(squashed.stored);
    assert_eq!((squashed.from, squashed.to, squashed.links.len()), (0, 3, 3));
    assert!(lab.bytes().starts_with(&before));
    let chain = lab.open();
    let shortcut = chain.shortcuts().next().unwrap();
    assert_eq!((shortcut.from, shortcut.to, shortcut.size), (0, 3, squashed.header.delta_size));
    assert_eq!(apply_delta(&versions[0], &std::fs::read(&out).unwrap()), versions[3]);
    assert_eq!(apply(&chain, &versions[0], None).unwrap().0, versions[3]);
    chain.verify(&Limits::default(), &mut Task::new()).unwrap();

    let before = lab.bytes();
    assert!(!squash().unwrap().stored);
    assert_eq!(lab.bytes(), before);
}

#[test]
fn a_squash_of_one_link_is_the_link_and_of_none_an_identity() {
    let (lab, versions) = lab();
    let chain = lab.open();
    assert_eq!(squash(&chain, 1, 2).unwrap(), diff(&versions[1], &versions[2]));
    let identity = squash(&chain, 1, 1).unwrap();
    assert!(identity.len() < 200);
    assert_eq!(apply_delta(&versions[1], &identity), versions[1]);
    let empty = Lab::new(&[b"", b"x"]).open();
    assert_eq!(apply_delta(b"", &squash(&empty, 0, 0).unwrap()), b"");
}

#[test]
fn a_squash_names_its_ends_and_never_replaces_a_chain() {
    let (lab, versions) = lab();
    let out = lab.folder.path().join("out");
    let v3 = Digest::of(&versions[2]).short().to_uppercase();
    let options = SquashOptions { from: Some("v2"), to: Some(&v3), encode: fast(), ..SquashOptions::default() };
    let run = |out, options: &SquashOptions<'_>| {
        Chain::squash_file(&lab.path, out, options, OutputOptions::default(), &mut Task::new())
    };
    assert_eq!(run(&out, &options).unwrap().links.len(), 1);
    std::fs::remove_file(&out).unwrap();
    for (from, to, status) in [
        (Some("ffffffff"), None, Status::UnknownVersion),
        (None, Some("v9"), Status::UnknownVersion),
        (Some("v3"), Some("v1"), Status::NoRoute),
    ] {
        assert_status(run(&out, &SquashOptions { from, to, ..options }), status);
    }
    let itself = SquashOptions { from: Some("v2"), to: Some("v2"), shortcut: true, ..options };
    assert_status(run(&out, &itself), Status::InvalidArgument);
    let before = lab.bytes();
    assert_status(run(&lab.path, &options), Status::InvalidArgument);
    assert_eq!(lab.bytes(), before);
    assert_eq!(lab.entries(), ["updates.mchn"]);
}

fn extract(chain: &Chain, folder: &std::path::Path, from: Option<&str>, to: Option<&str>) -> Result<Vec<String>> {
    let (limits, output) = (Limits::default(), OutputOptions::default());
    let files = chain.extract(folder, from, to, &limits, output, &mut Task::new())?;
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    Ok(files.iter().map(|(_, path)| name(path)).collect())
}

#[test]
fn extract_writes_the_history_or_the_way_between_two_versions() {
    let (lab, versions) = lab();
    append(&lab.path, &[diff(&versions[0], &versions[3])], None).unwrap();
    let chain = lab.open();
    let folder = lab.folder.path().join("a/b");
    let all = ["0000_v1_to_v2.delta", "0001_v2_to_v3.delta", "0002_v3_to_v4.delta"];
    assert_eq!(extract(&chain, &folder, None, None).unwrap(), all);
    assert_eq!(entries(&folder), all);
    let second = std::fs::read(folder.join(all[1])).unwrap();
    assert_eq!(second, diff(&versions[1], &versions[2]));
    let folder = lab.folder.path().join("c");
    assert_eq!(extract(&chain, &folder, Some("v2"), Some("v3")).unwrap(), all[1..2]);
    assert_eq!(extract(&chain, &folder, Some("v2"), None).unwrap(), all[1..]);
    assert_eq!(extract(&chain, &folder, None, Some("v4")).unwrap(), all);
    assert_status(extract(&chain, &folder, Some("v3"), Some("v2")), Status::NoRoute);
    assert_eq!(entries(&folder), all);
}

#[test]
fn extracted_names_never_leave_the_folder() {
    let lab = Lab::empty();
    let names = ["../x", "a/b", "CON", "C:\\windows", "..", "a:stream", "dot. "];
    let contents: Vec<Vec<u8>> = (0..names.len()).map(|i| vec![i as u8; 10]).collect();
    let deltas: Vec<_> = contents.windows(2).map(|pair| diff(&pair[0], &pair[1])).collect();
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    lab.create_with(&deltas, &CreateOptions { names, ..CreateOptions::default() }).unwrap();
    let folder = lab.folder.path().join("out");
    let files = extract(&lab.open(), &folder, None, None).unwrap();
    assert_eq!(files[0], "0000_.._x_to_a_b.delta");
    assert_eq!(files[5], "0005_a_stream_to_dot._.delta");
    assert_eq!(entries(&folder), files);
    assert_eq!(lab.entries(), ["out", "updates.mchn"]);
}

#[test]
fn a_failed_extract_leaves_nothing_behind() {
    let (lab, _) = lab();
    let chain = lab.open();
    let last = chain.links().last().unwrap().clone();
    let mut bytes = lab.bytes();
    bytes[(last.offset + last.size / 2) as usize] ^= 1;
    std::fs::write(&lab.path, &bytes).unwrap();
    let folder = lab.folder.path().join("out");
    assert_status(extract(&lab.open(), &folder, None, None), Status::Corrupt);
    assert_eq!(lab.entries(), ["updates.mchn"]);

    // A directory in the place of the second file stops the work half-way.
    let (lab, _) = self::lab();
    let folder = lab.folder.path().join("out");
    std::fs::create_dir_all(folder.join("0001_v2_to_v3.delta")).unwrap();
    assert_status(extract(&lab.open(), &folder, None, None), Status::InvalidArgument);
    assert_eq!(entries(&folder), ["0001_v2_to_v3.delta"]);
}

#[test]
fn apply_file_may_replace_the_old_file_and_leaves_no_trace() {
    let (lab, versions) = lab();
    let chain = lab.open();
    let model = lab.folder.path().join("model");
    std::fs::write(&model, &versions[1]).unwrap();
    let run = |options: &ApplyOptions<'_>, target| {
        chain.apply_file(&model, &model, target, options, OutputOptions::default(), &mut Task::new())
    };
    let applied = run(&ApplyOptions::default(), None).unwrap();
    assert_eq!((applied.from, applied.to, applied.one_pass), (1, 3, true));
    assert_eq!((applied.new_digest, applied.new_size), (Digest::of(&versions[3]), versions[3].len() as u64));
    assert_eq!(std::fs::read(&model).unwrap(), versions[3]);
    assert!(run(&ApplyOptions::default(), None).unwrap().links.is_empty());
    assert_status(run(&ApplyOptions::default(), Some(1)), Status::NoRoute);
    std::fs::write(&model, b"stranger").unwrap();
    let error = assert_status(run(&ApplyOptions::default(), None), Status::SourceMismatch);
    assert_eq!(error.path(), Some(model.as_path()));
    assert_eq!(std::fs::read(&model).unwrap(), b"stranger");
    assert_eq!(lab.entries(), ["model", "updates.mchn"]);
}

#[test]
fn a_streaming_apply_takes_one_pass_where_it_fits_and_else_goes_link_by_link() {
    let (lab, versions) = lab();
    let chain = lab.open();
    let run = |memory, output| {
        let limits = Limits { memory, output, ..Limits::default() };
        let options =
            ApplyOptions { limits, streaming: true, scratch: Some(lab.folder.path()), ..ApplyOptions::default() };
        let mut out = Vec::new();
        let applied = chain.apply(&versions[0].as_slice(), &mut out, None, &options, &mut Task::new())?;
        assert_eq!(out, versions[3]);
        Ok(applied.one_pass)
    };
    assert!(run(0, 0).unwrap());
    let most = chain.links().map(|link| {
        let delta = &lab.bytes()[link.offset as usize..];
        patchcore::delta::Header::read(&mut &delta[..]).unwrap().apply_memory
    });
    let most = most.max().unwrap();
    assert!(!run(most, 0).unwrap());
    assert_status(run(most - 1, 0), Status::Limit);
    // Intermediate files may be larger than the result is allowed to be, the result may not.
    assert!(!run(most, versions[3].len() as u64).unwrap());
    assert_status(run(most, versions[3].len() as u64 - 1), Status::Limit);
    assert_eq!(lab.entries(), ["updates.mchn"]);
}

/// Counts the reads of a remote file.
struct Remote {
    bytes: Vec<u8>,
    reads: Arc<AtomicUsize>,
}

impl ReadAt for Remote {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.read_at(offset, buf)
    }
}

#[test]
fn the_index_takes_at_most_two_reads() {
    let (a, b) = (noise(100_000, 1), noise(100_000, 2));
    let small = Lab::new(&[&a, &b]);
    let long = Lab::empty();
    let deltas: Vec<_> = (0..300u64).map(|i| diff(&i.to_le_bytes(), &(i + 1).to_le_bytes())).collect();
    let names = (0..=300).map(|i| format!("{i:0>250}")).collect();
    long.create_with(&deltas, &CreateOptions { names, ..CreateOptions::default() }).unwrap();
    for (lab, most) in [(small, 1), (long, 2)] {
        let reads = Arc::new(AtomicUsize::new(0));
        let remote = Remote { bytes: lab.bytes(), reads: Arc::clone(&reads) };
        let chain = Chain::from_source(Box::new(remote)).unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), most);
        assert_eq!(chain.versions(), lab.open().versions());
    }
}
