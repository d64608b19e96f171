//! What each fuzz target does with its input; `core/fuzz` feeds it, and the stable tests replay what it found.

use std::sync::Arc;

use patchcore::chain::{ApplyOptions, Chain};
use patchcore::delta::{EncodeOptions, Header, MAX_LEVEL, MIN_LEVEL};
use patchcore::repository::channel::ChannelManifest;
use patchcore::repository::{Manifest, plan};
use patchcore::tree::{self, Content, Patch, TreeApplyOptions, TreePackage};
use patchcore::{Digest, Limits, Outcome, Status, Task};

use super::archives::{Entry, Zip, gzip};
use super::calls::{apply, apply_chain, compose as compose_deltas, push, small, verify};
use super::forge::{Delta, Layout, Op, make, reseal};

/// What a target does with one input.
pub type Body = fn(&[u8]);

/// The name of each target, which is also the folder of its corpus, and its body.
pub const TARGETS: &[(&str, Body)] = &[
    ("delta_decode", delta_decode),
    ("delta_apply", delta_apply),
    ("compose", compose),
    ("chain_read", chain_read),
    ("tree_package", tree_package),
    ("tree_operations", tree_operations),
    ("tree_plain", tree_plain),
    ("tree_release", tree_release),
    ("manifest", manifest),
];

/// Enough for what a fuzzer writes, little enough for a bomb to be felt.
const LIMITS: Limits = Limits { memory: 4 << 20, operations: 1 << 16, output: 1 << 20 };

/// Reads bytes as a delta: as they are, and once more with checksums that fit.
pub fn delta_decode(data: &[u8]) {
    for bytes in [data, &reseal(data)] {
        let header = Header::read(&mut &bytes[..]);
        match verify(bytes, None, &LIMITS) {
            Ok(found) => {
                assert_eq!(found.header, header.unwrap());
                assert_eq!(found.copied_bytes + found.inserted_bytes, found.header.new_size);
                assert!(found.changed_bytes <= found.copied_bytes);
                assert_eq!(found.header.delta_size, bytes.len() as u64);
            }
            Err(e) => assert_refused(e.status()),
        }
    }
}

/// Applies bytes as a delta to a file of the size that it asks for, with every promise that can be kept kept, so that
/// whatever decodes is applied to its end.
pub fn delta_apply(data: &[u8]) {
    let Some(mut delta) = Delta::read(&reseal(data)) else { return };
    let old = old_file(delta.header.old_size % (64 << 10));
    let Some(new_size) = delta.segments.iter().try_fold(0u64, |sum, segment| sum.checked_add(segment.output_len))
    else {
        return;
    };
    delta.header.old_size = old.len() as u64;
    delta.header.old_digest = Digest::of(&old).0;
    delta.header.new_size = new_size;
    let Some((last, others)) = delta.segments.split_last_mut() else { return };
    others.iter_mut().filter(|segment| segment.has_check == 1).for_each(|segment| segment.has_check = 0);
    (last.has_check, last.check) = (1, 0);

    if delta.header.optional & COUNT_VALUES != 0 {
        count_values(&mut delta, &old);
    }
    // The first time tells what the operations make; the second time that is what the delta promises.
    let new = trial(&delta, &old).0;
    if let Some(last) = delta.segments.last_mut() {
        last.check = crc32fast::hash(&new);
    }
    delta.header.new_digest = Digest::of(&new).0;
    let header = delta.header.clone();
    let bytes = delta.fitted();
    match apply(&old, &bytes, &LIMITS) {
        Ok(made) => {
            assert_eq!(made, new);
            assert_eq!(push(&old, &bytes, &LIMITS).unwrap(), new);
            assert!(verify(&bytes, Some(&old), &LIMITS).is_ok());
            let encode = if header.optional & COMPOSE_BY_MIXING != 0 { MIXING } else { small(MIN_LEVEL) };
            match compose_deltas(&[&bytes], &encode, &LIMITS) {
                Ok(again) => assert_eq!(apply(&old, &again, &LIMITS).unwrap(), new),
                Err(e) => assert_eq!(e.status(), Status::Limit),
            }
        }
        Err(e) => {
            assert_refused(e.status());
            assert_eq!(push(&old, &bytes, &LIMITS).unwrap_err().status(), e.status());
            assert!(!matches!(e.status(), Status::SourceMismatch | Status::TargetMismatch), "{e}");
        }
    }
}

/// Optional flags, which readers ignore, by which an input of [`delta_apply`] asks for more.
const COUNT_VALUES: u32 = 1;
const COMPOSE_BY_MIXING: u32 = 2;

/// The slowest codecs, with enough memory for them.
const MIXING: EncodeOptions = EncodeOptions { level: MAX_LEVEL, threads: 1, max_apply_memory: 1 << 20 };

/// What `delta` makes of `old` as far as it gets, and whether it gets to the end but for the digest.
fn trial(delta: &Delta, old: &[u8]) -> (Vec<u8>, bool) {
    let mut new = Vec::new();
    let mut trial = delta.clone();
    trial.segments.iter_mut().for_each(|segment| segment.has_check = 0);
    let trial = trial.fitted();
    let result = patchcore::delta::apply(&old, &mut &trial[..], &mut new, &LIMITS.into(), &mut Task::new());
    (new, !result.is_err_and(|error| error.status() == Status::Corrupt))
}

/// Finds a number of values with which the first stream of mixed addends decodes, if it is short: any bytes are a stream
/// of some values.
fn count_values(delta: &mut Delta, old: &[u8]) {
    const SHORT: usize = 32;
    let Some(at) = delta.segments.iter().position(|segment| segment.mixed.is_some()) else { return };
    for values in 1..=4 * SHORT as u64 {
        let segment = &mut delta.segments[at];
        let Some(mixed) = segment.mixed.as_mut().filter(|mixed| mixed.stream.len() <= SHORT && mixed.bits <= 14) else {
            return;
        };
        mixed.values = values;
        if trial(delta, old).1 {
            return;
        }
    }
}

/// Composes deltas that the bytes describe and compares with what the definition of the operations makes; or, where
/// the first byte is odd, composes two deltas that are made of the bytes themselves.
pub fn compose(data: &[u8]) {
    let Some((&mode, script)) = data.split_first() else { return };
    if mode % 2 == 1 {
        return compose_raw(script);
    }
    let mut script = Script(script);
    let old = old_file(script.number(1 << 14));
    let mut files = vec![old];
    let mut deltas = Vec::new();
    for _ in 0..2 + mode / 2 % 3 {
        let from = &files[files.len() - 1];
        let segments = script.segments(from.len() as u64);
        let ops: Vec<_> = segments.iter().flat_map(|(ops, _)| ops.iter().cloned()).collect();
        deltas.push(Delta::of(from, &segments).fitted());
        files.push(make(from, &ops));
    }
    let (old, new) = (&files[0], &files[files.len() - 1]);
    for (delta, pair) in deltas.iter().zip(files.windows(2)) {
        assert_eq!(apply(&pair[0], delta, &Limits::default()).unwrap(), pair[1]);
    }
    let deltas: Vec<&[u8]> = deltas.iter().map(|delta| &delta[..]).collect();
    let encode = if mode & 0x80 != 0 { MIXING } else { small(MIN_LEVEL) };
    let composed = compose_deltas(&deltas, &encode, &Limits::default()).unwrap();
    assert_eq!(&apply(old, &composed, &Limits::default()).unwrap(), new);
    assert_eq!(&apply_chain(old, &deltas, &Limits::default()).unwrap(), new);
    let (head, tail) = deltas.split_at(deltas.len() / 2);
    let halves = [head, tail].map(|half| compose_deltas(half, &encode, &Limits::default()).unwrap());
    let composed = compose_deltas(&[&halves[0], &halves[1]], &encode, &Limits::default()).unwrap();
    assert_eq!(&apply(old, &composed, &Limits::default()).unwrap(), new);
}

fn compose_raw(data: &[u8]) {
    let (first, second) = data.split_at(data.len() / 2);
    let (Some(first), Some(mut second)) = (Delta::read(&reseal(first)), Delta::read(&reseal(second))) else { return };
    second.header.old_digest = first.header.new_digest;
    second.header.old_size = first.header.new_size;
    let deltas = [first.fitted(), second.fitted()];
    match compose_deltas(&[&deltas[0], &deltas[1]], &small(1), &LIMITS) {
        Ok(composed) => {
            let wide = Limits::default();
            let found = verify(&composed, None, &wide).unwrap();
            let both = deltas.map(|delta| verify(&delta, None, &wide).unwrap().header);
            assert_eq!(found.header.new_size, both[1].new_size);
            assert_eq!(found.header.old_size, both[0].old_size);
        }
        Err(e) => assert_refused(e.status()),
    }
}

/// Reads bytes as a chain: as they are, and once more as the index of a chain whose seals all fit.
pub fn chain_read(data: &[u8]) {
    for bytes in [data.to_vec(), chain_around(data)] {
        match Chain::from_source(Box::new(bytes)) {
            Ok(chain) => walk(&chain),
            Err(e) => assert_refused(e.status()),
        }
    }
}

/// A chain file that holds nothing but `index`.
fn chain_around(index: &[u8]) -> Vec<u8> {
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }
    let version = patchcore::chain::FORMAT_VERSION.to_le_bytes();
    let mut bytes = sealed([&patchcore::chain::MAGIC[..], &version, &[0; 10]].concat());
    let start = bytes.len() as u64;
    bytes.extend(sealed([&b"INDX"[..], &(index.len() as u64).to_le_bytes()].concat()));
    bytes.extend(index);
    let check = crc32fast::hash(index).to_le_bytes();
    bytes.extend(sealed([&start.to_le_bytes()[..], &check, &version, &[0; 6]].concat()));
    bytes.extend(b"\x8dPCCEND\n");
    bytes
}

/// Asks a chain that opened for everything that it can be asked without a file.
fn walk(chain: &Chain) {
    let last = chain.versions().len() - 1;
    for link in chain.links().chain(chain.shortcuts()) {
        assert!(link.from <= last && link.to <= last && !chain.label(link).is_empty());
    }
    for version in chain.versions().iter().take(16) {
        assert!(chain.resolve(&version.digest.to_string()).is_ok());
        assert!(chain.find_digest(&version.digest).is_some());
    }
    for from in 0..=last.min(16) {
        if let Ok(route) = chain.route(from, last) {
            assert!(route.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }
    if let Err(e) = chain.verify(&LIMITS, &mut Task::new()) {
        assert_refused(e.status());
    }
    let old = old_file(chain.versions()[0].size % (64 << 10));
    let options = ApplyOptions { limits: LIMITS, ..ApplyOptions::default() };
    let made = chain.apply(&old, &mut Vec::new(), None, &options, &mut Task::new());
    if let Err(e) = made {
        assert_refused(e.status());
    }
}

fn assert_refused(status: Status) {
    let usual = [Status::Corrupt, Status::Unsupported, Status::Limit, Status::SourceMismatch, Status::TargetMismatch];
    assert!(usual.contains(&status), "bad input is {status:?}");
}

/// A file with some structure, of the size that a delta asks for.
pub fn old_file(size: u64) -> Vec<u8> {
    (0..size).map(|i| (i * 7 + i / 251 * 31 + i / 4096) as u8).collect()
}

/// Bytes read as choices; when they end, every choice is 0.
struct Script<'d>(&'d [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    /// A number below `bound`, 0 where there is none.
    fn number(&mut self, bound: u64) -> u64 {
        let number = u64::from(self.byte()) | u64::from(self.byte()) << 8;
        number.checked_rem(bound).unwrap_or_default()
    }

    fn segments(&mut self, old_size: u64) -> Vec<(Vec<Op>, Layout)> {
        const MOST_BYTES: u64 = 48 << 10;
        let mut segments = Vec::new();
        let mut ops = Vec::new();
        let (mut made, mut next) = (0, 0);
        loop {
            let kind = self.byte();
            match kind % 16 {
                // The end of the script is the end of the delta.
                0 => break,
                1..4 => {
                    let len = u64::from(self.byte() % 24);
                    ops.push(Op::Insert((0..len).map(|_| self.byte()).collect()));
                    made += len;
                }
                4 => {
                    let len = self.number(MOST_BYTES / 2);
                    let step = u64::from(self.byte());
                    ops.push(Op::Insert((0..len).map(|i| (i * step + i / 97) as u8).collect()));
                    made += len;
                }
                15 => {
                    let layout = self.layout();
                    segments.push((std::mem::take(&mut ops), layout));
                }
                kind => {
                    let from = if kind == 5 { next } else { self.number(old_size + 1) };
                    let len = match kind {
                        6 | 7 => old_size - from,
                        8 => u64::from(self.byte()),
                        _ => self.number(old_size + 1),
                    };
                    let len = len.min(old_size.saturating_sub(from));
                    let addend = if kind < 10 { Vec::new() } else { self.addend(len as usize) };
                    ops.push(Op::Copy { from, len, addend });
                    next = from + len;
                    made += len;
                }
            }
            if made > MOST_BYTES {
                break;
            }
        }
        if !ops.is_empty() {
            let layout = self.layout();
            segments.push((ops, layout));
        }
        segments
    }

    /// An addend that is zero but for bytes at even distances from a first one on.
    fn addend(&mut self, len: usize) -> Vec<u8> {
        let mut addend = vec![0; len];
        let start = self.number(len as u64) as usize;
        let stride = usize::from(self.byte() % 32) + 1;
        let count = usize::from(self.byte());
        let value = self.byte();
        for (i, byte) in addend.iter_mut().skip(start).step_by(stride).take(count).enumerate() {
            *byte = value.wrapping_mul(i as u8 | 1);
        }
        addend
    }

    fn layout(&mut self) -> Layout {
        let choice = self.byte();
        Layout {
            width: [1, 2, 4, 8][usize::from(choice % 4)],
            merge: [0, 1, 8, 64][usize::from(choice / 4 % 4)],
            compressed: choice & 16 != 0,
            lzma: choice & 64 != 0,
            check: choice & 32 == 0,
        }
    }
}

/// A good delta that `choices` describe, for others to spoil.
pub fn specimen(choices: &[u8]) -> Vec<u8> {
    let mut script = Script(choices);
    let old = old_file(script.number(1 << 12));
    Delta::of(&old, &script.segments(old.len() as u64)).fitted()
}

/// Reads bytes as a package, as the patch of a package, and as that patch beside the rest as the bytes of an entry.
pub fn tree_package(data: &[u8]) {
    apply_to_a_tree(TreePackage::read(Box::new(data.to_vec()), None, &mut Task::new()));
    let (text, content) = split(data);
    if let Ok(patch) = Patch::from_json(text) {
        assert_eq!(Patch::from_json(patch.to_json().as_bytes()).unwrap(), patch);
        let mut zip = Zip::of(vec![Entry::deflated(".patchcore/patch.json", text)]);
        for (path, change) in patch.changes.iter().take(16) {
            if change.content == Some(Content::Whole) {
                zip.entries.push(Entry::stored(path.as_str(), content));
            }
        }
        apply_to_a_tree(TreePackage::read(Box::new(zip.bytes()), None, &mut Task::new()));
    }
}

/// Reads bytes as the archive of a whole release, which may have grown, from wherever it lies.
pub fn tree_release(data: &[u8]) {
    apply_to_a_tree(TreePackage::read_release(Arc::new(data.to_vec())));
}

/// Reads bytes as the manifests of releases and of a channel, and plans by them.
pub fn manifest(data: &[u8]) {
    if let Ok(channel) = ChannelManifest::from_json(data) {
        assert_eq!(ChannelManifest::from_json(channel.to_json().as_bytes()).unwrap(), channel);
    }
    let Ok(manifest) = Manifest::from_json(data) else { return };
    assert_eq!(Manifest::from_json(manifest.to_json().as_bytes()).unwrap(), manifest);
    let versions = manifest.line(None).versions();
    for from in versions.iter().copied().map(Some).take(16).chain([None]) {
        let Ok(planned) = plan(&manifest, from, None, None) else { continue };
        let mut at = from;
        for package in &planned.packages {
            assert!(package.is_full() || at == Some(package.from), "{planned:?}");
            at = Some(package.to);
        }
        assert!(planned.packages.is_empty() || at == Some(planned.to), "{planned:?}");
        assert_eq!(
            planned.bytes,
            planned.packages.iter().fold(0, |sum: u64, package| sum.saturating_add(package.size))
        );
    }
}

/// Reads bytes as operations and the tar file that belongs to them, whose headers get checksums that fit.
pub fn tree_operations(data: &[u8]) {
    let (text, content) = split(data);
    let mut tar = content.to_vec();
    for header in tar.chunks_exact_mut(512).filter(|header| header[257..262] == *b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    apply_to_a_tree(TreePackage::read(Box::new(gzip(&tar)), Some(text), &mut Task::new()));
}

/// Reads bytes as a ZIP file or a tar file that anybody made.
pub fn tree_plain(data: &[u8]) {
    apply_to_a_tree(TreePackage::read_whole(Box::new(data.to_vec()), &mut Task::new()));
}

/// The text up to the first line break, and what follows.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// Applies what could be opened to a small tree: it is another one afterwards, or as it was, and nothing around it changed.
fn apply_to_a_tree(package: patchcore::Result<TreePackage>) {
    let package = match package {
        Ok(package) => package,
        Err(e) => {
            let expected = [
                Status::Corrupt,
                Status::Limit,
                Status::Unsupported,
                Status::UnsafePath,
                // Operations that do nothing, a package that needs operations or must not have any.
                Status::InvalidArgument,
            ];
            assert!(expected.contains(&e.status()), "{e}");
            return;
        }
    };
    let around = tempfile::tempdir().unwrap();
    let root = around.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a"), "a").unwrap();
    if let Err(e) = tree::apply(&root, &package, &TreeApplyOptions::default(), &mut Task::new()) {
        assert_eq!(e.outcome(), Some(Outcome::Unchanged), "{e}");
        assert_eq!(std::fs::read(root.join("a")).unwrap(), b"a");
    }
    assert_eq!(std::fs::read_dir(around.path()).unwrap().count(), 1);
}
