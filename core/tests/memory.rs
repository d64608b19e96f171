//! No number in a delta makes its readers allocate more than the limits in force.
//!
//! The test runs itself once more as a child whose allocator hands every large block to the kernel, so that the peak
//! of the address space tells what was allocated at most, touched or not.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use patchcore::delta::{self, ApplyOptions, DiffOptions, EncodeOptions, Engine, Header};
use patchcore::io::{FileSource, OutputOptions, ReadAt};
use patchcore::{Error, Limits, Result, Status, Task};

use support::calls::{apply, apply_chain, compose, diff, small, verify};
use support::files::{Noise, Part};
use support::forge::{self, COPY_LENS, Column, Delta, INSERT_LENS, LITERALS, MIXED, Mixed, OVERHEAD, Op, varint};
use support::kinds::Kind;
use support::targets::old_file;

const CHILD: &str = "PATCHCORE_MEMORY_TEST_CHILD";
const MIB: u64 = 1 << 20;
/// What a process may take beside what the limits count.
const SLACK: u64 = MIB;
/// The address space that a second thread takes for its stack, of which it touches little.
const STACK: u64 = 2 * MIB + (256 << 10);
/// What encoding small segments at the fastest level takes.
const ENCODER: u64 = 2 * MIB;

/// The folder that a child was given; `None` in the test itself.
fn given_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs the test `name` once more as a child that is given `folder`, and passes its failure on.
fn run_child(name: &str, folder: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "32768")
        .env("MALLOC_TOP_PAD_", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The address space of this process in bytes: now, and at its peak.
fn address_space() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    };
    (field("VmSize:"), field("VmPeak:"))
}

/// Runs `work` and checks that the address space never grew by more than `most` bytes. It must not have been larger
/// before, so whatever a test needs is to be dropped or kept.
#[track_caller]
fn grows_by_at_most<T>(most: u64, work: impl FnOnce() -> T) -> T {
    let (before, _) = address_space();
    let result = work();
    let (_, peak) = address_space();
    let grown = peak.saturating_sub(before);
    assert!(grown <= most, "grew by {} KiB, {} allowed", grown >> 10, most >> 10);
    result
}

fn one_insert() -> Delta {
    Delta::plain(&old_file(100), &[Op::Insert(vec![7; 64])])
}

/// Deltas that speak of sizes that nobody has.
fn giants() -> Vec<(&'static str, Vec<u8>)> {
    let mut giants = Vec::new();
    for size in [1 << 32, 1 << 40, i64::MAX as u64] {
        let mut delta = one_insert();
        delta.header.new_size = size;
        giants.push(("new file", delta.bytes()));
        let mut delta = one_insert();
        delta.header.old_size = size;
        giants.push(("old file", delta.bytes()));
        let mut delta = one_insert();
        delta.header.stream_bytes = size;
        giants.push(("streams", delta.bytes()));
        let mut delta = one_insert();
        delta.header.delta_size = size;
        giants.push(("delta", delta.bytes()));
        let mut delta = one_insert();
        (delta.header.segments, delta.header.delta_size) = (u32::MAX, size);
        giants.push(("segments", delta.bytes()));
        let mut delta = one_insert();
        (delta.segments[0].output_len, delta.header.new_size) = (size, size);
        giants.push(("segment", delta.fitted()));
        let mut delta = one_insert();
        delta.segments[0].records = size;
        giants.push(("records", delta.fitted()));
        let mut delta = one_insert();
        delta.segments[0].columns[INSERT_LENS] = Column::Raw(varint(size));
        giants.push(("insert", delta.fitted()));
        let mut delta = one_insert();
        delta.segments[0].columns[COPY_LENS] = Column::Raw(varint(size));
        giants.push(("copy", delta.fitted()));
        for memory in [OVERHEAD + 1_000, 11 * MIB, 12 * MIB, u64::MAX] {
            let mut delta = one_insert();
            let frame = zstd::bulk::compress(&[7; 64], 1).unwrap();
            delta.segments[0].columns[LITERALS] = Column::Zstd(size, frame);
            delta.fit();
            delta.header.apply_memory = memory;
            giants.push(("column", delta.bytes()));
            let mut header = one_insert().header;
            (header.apply_memory, header.delta_size) = (memory, u64::MAX);
            giants.push(("frame", [header.bytes(), varint(size), vec![0; 300]].concat()));
        }
    }
    // A frame and columns that fill what the header asks for, and fit no limit together.
    let bomb = zstd::bulk::compress(&vec![0; 11 << 20], 1).unwrap();
    let mut delta = one_insert();
    delta.segments[0].width = 8;
    delta.segments[0].columns = vec![Column::Zstd(11 << 20, bomb); 4 + 3 * 8];
    delta.fit();
    delta.header.apply_memory = 12 * MIB;
    giants.push(("bomb", delta.bytes()));
    giants
}

#[test]
fn giant_numbers_allocate_nothing_beyond_the_limits() {
    if let Some(folder) = given_folder() {
        let old = old_file(100);
        let next = one_insert().bytes();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let delta = std::fs::read(&path).unwrap();
            let what = path.file_name().unwrap().to_string_lossy();
            grows_by_at_most(12 * MIB + SLACK, || read_in_every_way(&what, &old, &delta, &next));
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let all = giants().into_iter().map(|(what, delta)| (what.to_owned(), delta)).chain(slow_giants());
    for (number, (what, delta)) in all.enumerate() {
        std::fs::write(folder.path().join(format!("{number} {what}")), delta).unwrap();
    }
    run_child("giant_numbers_allocate_nothing_beyond_the_limits", folder.path());
}

fn read_in_every_way(what: &str, old: &[u8], delta: &[u8], next: &[u8]) {
    let limits = Limits::streaming();
    let results: [Result<()>; 5] = [
        verify(delta, None, &limits).map(drop),
        verify(delta, Some(old), &limits).map(drop),
        apply(old, delta, &limits).map(drop),
        apply_chain(old, &[delta, next], &limits).map(drop),
        compose(&[delta, next], &small(1), &limits).map(drop),
    ];
    assert!(results[2].is_err(), "{what}");
    // Whether the old file has such a size is nothing that a delta alone can tell.
    for error in results.into_iter().filter_map(Result::err) {
        let refusals = [Status::Corrupt, Status::Limit, Status::SourceMismatch, Status::Unsupported];
        assert!(refusals.contains(&error.status()), "{what}: {error}");
    }
}

#[test]
fn applying_takes_no_more_than_the_limit() {
    if let Some(folder) = given_folder() {
        let old = FileSource::open(&folder.join("a")).unwrap();
        let apply = |name: &str, limits: &Limits, threads| {
            let mut delta = File::open(folder.join(name)).unwrap();
            let options = ApplyOptions { limits: *limits, threads };
            delta::apply(&old, &mut delta, &mut std::io::sink(), &options, &mut Task::new()).unwrap();
            let out = folder.join("out");
            let mut delta = File::open(folder.join(name)).unwrap();
            let output = OutputOptions::default();
            delta::apply_file(&folder.join("a"), &mut delta, &out, &options, output, &mut Task::new()).unwrap();
        };
        for name in ["small", "middle", "whole"] {
            let header = Header::read(&mut File::open(folder.join(name)).unwrap()).unwrap();
            let exactly = Limits { memory: header.apply_memory, ..Limits::default() };
            for (threads, stack) in [(1, 0), (2, STACK)] {
                grows_by_at_most(header.apply_memory + SLACK + stack, || apply(name, &exactly, threads));
                grows_by_at_most(12 * MIB + SLACK + stack, || apply(name, &Limits::streaming(), threads));
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = related(24 << 20);
    std::fs::write(folder.path().join("a"), &a).unwrap();
    for (name, max_apply_memory) in [("small", 256 << 10), ("middle", 2 * MIB), ("whole", 0)] {
        let encode = EncodeOptions { level: 1, threads: 1, max_apply_memory };
        let delta = diff(&a, &b, &DiffOptions { engine: Engine::Auto, encode }).unwrap();
        std::fs::write(folder.path().join(name), delta).unwrap();
    }
    run_child("applying_takes_no_more_than_the_limit", folder.path());
}

#[test]
fn the_slow_codecs_take_no_more_than_the_header_says() {
    if let Some(folder) = given_folder() {
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|path| path.extension().is_some_and(|end| end == "delta"));
        names.sort_by_key(|path| Header::read(&mut File::open(path).unwrap()).unwrap().apply_memory);
        for path in names {
            let header = Header::read(&mut File::open(&path).unwrap()).unwrap();
            let old = FileSource::open(&path.with_extension("old")).unwrap();
            let limits = Limits { memory: header.apply_memory, ..Limits::default() };
            for (threads, stack) in [(1, 0), (2, STACK)] {
                let options = ApplyOptions { limits, threads };
                grows_by_at_most(header.apply_memory + SLACK + stack, || {
                    let mut delta = File::open(&path).unwrap();
                    delta::apply(&old, &mut delta, &mut std::io::sink(), &options, &mut Task::new()).unwrap();
                });
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut lzma, mut mixed) = (0, 0);
    let limits = [256 << 10, MIB, 12 * MIB, u64::MAX];
    let mut pairs: Vec<_> = Kind::one_of_each(400 << 10).iter().map(|kind| (kind.files(2), &limits[..])).collect();
    // Models and dictionaries of megabytes.
    pairs.push((Kind::Numbers { seed: 1, len: 5 << 20, width: 1, stride: 8 }.files(2), &limits[2..3]));
    pairs.push((vec![Vec::new(), Part::Table { seed: 1, len: 3 << 20 }.bytes()], &limits[2..]));
    for (number, (files, limits)) in pairs.into_iter().enumerate() {
        for (level, &max_apply_memory) in
            [6, 9].into_iter().flat_map(|level| limits.iter().map(move |most| (level, most)))
        {
            let encode = EncodeOptions { level, threads: 2, max_apply_memory };
            let delta = diff(&files[0], &files[1], &DiffOptions { engine: Engine::Auto, encode }).unwrap();
            let header = Header::read(&mut &delta[..]).unwrap();
            assert!(header.apply_memory <= max_apply_memory);
            for segment in Delta::read(&delta).unwrap().segments {
                let lens = segment.columns.iter().map(|column| match column {
                    Column::Lzma(len, _) => *len,
                    _ => 0,
                });
                lzma = lens.max().unwrap().max(lzma);
                mixed = segment.mixed.map_or(0, |mixed| mixed.bits).max(mixed);
            }
            let path = folder.path().join(format!("{number}-{level}-{max_apply_memory}.delta"));
            std::fs::write(path.with_extension("old"), &files[0]).unwrap();
            std::fs::write(path, delta).unwrap();
        }
    }
    assert!(lzma > 2 * SLACK && 3 << mixed > 2 * SLACK, "{lzma} bytes by LZMA, mixed with 2^{mixed} cells");
    run_child("the_slow_codecs_take_no_more_than_the_header_says", folder.path());
}

/// Deltas whose LZMA columns and models ask for all that the header says.
fn slow_giants() -> Vec<(String, Vec<u8>)> {
    let mut giants = Vec::new();
    let bomb = forge::lzma(&vec![0; 5 << 20], forge::USUAL);
    for declared in [5 << 20, 5 << 20 | 1, 11 << 20, 1 << 31, u64::from(u32::MAX), 1 << 40, i64::MAX as u64] {
        for memory in [OVERHEAD + 1_000, 11 * MIB, 12 * MIB] {
            let mut delta = one_insert();
            delta.segments[0].columns[LITERALS] = Column::Lzma(declared, bomb.clone());
            delta.fit();
            delta.header.apply_memory = memory;
            giants.push((format!("lzma {declared} {memory}"), delta.bytes()));
        }
    }
    for bits in [12, 20, 21, 22, 24, 25, 63, 255] {
        for width in MIXED {
            let mut delta = Delta::plain(&old_file(100), &[Op::copy(0, 100)]);
            let segment = &mut delta.segments[0];
            segment.columns.truncate(LITERALS + 1);
            (segment.width, segment.mixed) = (width, Some(Mixed { bits, values: 1 << 60, stream: vec![7; 50] }));
            delta.fit();
            delta.header.apply_memory = delta.header.apply_memory.min(12 * MIB);
            giants.push((format!("mixed {width} {bits}"), delta.bytes()));
        }
    }
    giants
}

#[test]
fn composing_and_applying_a_chain_hold_no_more_than_the_limit() {
    if let Some(folder) = given_folder() {
        let source = |name: &str| FileSource::open(&folder.join(name)).unwrap();
        let (a, first, second) = (source("a"), source("first"), source("second"));
        let third = source("third");
        let mut refused = 0;
        for memory in [2, 8, 16, 24, 28, 32, 40, 48, 56].map(|mebibytes| mebibytes * MIB) {
            let limits = Limits { memory, ..Limits::default() };
            let mut out = tempfile::tempfile().unwrap();
            let mut judge = |result: Option<Error>| {
                refused += u32::from(result.is_some());
                assert!(result.is_none_or(|error| error.status() == Status::Limit));
            };
            grows_by_at_most(memory + SLACK, || {
                let mut sink = std::io::sink();
                let links: [&dyn ReadAt; 3] = [&first, &second, &third];
                judge(delta::apply_chain(&a, &links[..2], &mut sink, &limits.into(), &mut Task::new()).err());
                judge(delta::apply_chain(&a, &links, &mut sink, &limits.into(), &mut Task::new()).err());
            });
            grows_by_at_most(memory + SLACK + ENCODER, || {
                let links: [&dyn ReadAt; 3] = [&first, &second, &third];
                judge(delta::compose(&links[..2], &mut out, &small(1), &limits, &mut Task::new()).err());
                judge(delta::compose(&links, &mut out, &small(1), &limits, &mut Task::new()).err());
            });
        }
        // Some of the limits are too small for anything, and one is large enough for everything.
        assert!((8..32).contains(&refused), "{refused} of 36 refused");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = related(24 << 20);
    let deltas = [("first", &a, &b), ("second", &b, &a), ("third", &a, &b)];
    for (name, old, new) in deltas {
        let delta = diff(old, new, &DiffOptions { engine: Engine::Auto, encode: small(1) }).unwrap();
        std::fs::write(folder.path().join(name), delta).unwrap();
    }
    std::fs::write(folder.path().join("a"), &a).unwrap();
    run_child("composing_and_applying_a_chain_hold_no_more_than_the_limit", folder.path());
}

#[test]
fn a_diff_takes_at_most_five_bytes_per_byte_and_64_mebibytes_up_to_level_6() {
    if let Some(folder) = given_folder() {
        for name in ["unlike", "alike"] {
            let source = |name: &str| FileSource::open(&folder.join(name)).unwrap();
            let (old, new) = (source("old"), source(name));
            let most = 5 * (old.size() + new.size()) + 64 * MIB + SLACK;
            for level in [1, 6] {
                let encode = EncodeOptions { level, threads: 1, ..EncodeOptions::default() };
                let options = DiffOptions { engine: Engine::Auto, encode };
                let mut out = tempfile::tempfile().unwrap();
                grows_by_at_most(most, || delta::diff(&old, &new, &mut out, &options, &mut Task::new()).unwrap());
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (old, unlike) = related(24 << 20);
    // A tenth changed: so little that the longest matches are looked for.
    let mut alike = old.clone();
    for (alike, unlike) in alike.chunks_mut(64 << 10).zip(unlike.chunks(64 << 10)) {
        alike[..6 << 10].copy_from_slice(&unlike[..6 << 10]);
    }
    for (name, bytes) in [("old", old), ("unlike", unlike), ("alike", alike)] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    run_child("a_diff_takes_at_most_five_bytes_per_byte_and_64_mebibytes_up_to_level_6", folder.path());
}

/// Two files of `size` bytes: copies from everywhere, with and without addends, among bytes that are new.
fn related(size: usize) -> (Vec<u8>, Vec<u8>) {
    let old = Noise(1).bytes(size);
    let mut new = Noise(2).bytes(size);
    for (i, chunk) in new.chunks_mut(3 << 10).enumerate().filter(|(i, _)| i % 3 > 0) {
        let from = i * 7919 * 1024 % (size - (4 << 10));
        chunk.copy_from_slice(&old[from..from + chunk.len()]);
        chunk.iter_mut().step_by(5).for_each(|byte| *byte = byte.wrapping_add((i % 2) as u8));
    }
    (old, new)
}
