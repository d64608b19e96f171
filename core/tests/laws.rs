//! The laws of deltas, on files as they come: apply(diff(a, b), a) = b, apply(compose(d1, d2), a) = c, and what every
//! delta promises about its size and about the memory that it takes.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use patchcore::delta::{self, DiffOptions, EncodeOptions, Engine, Header, MAX_LEVEL, MIN_LEVEL};
use patchcore::io::ReadAt;
use patchcore::{CancelToken, Digest, Error, Limits, Result, Status, Task};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use support::calls::{apply, apply_chain, at_level, compose, diff, small};
use support::files::{Noise, Part, versions};
use support::forge::{self, Delta, Segment};
use support::promises::check_delta;
use support::targets;

const MIB: u64 = 1 << 20;

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, max_shrink_time: 60_000, ..ProptestConfig::default() }
}

/// The fast levels often, the slow ones now and then.
fn level() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(MIN_LEVEL), 4 => 2..=5u8, 1 => 6..=MAX_LEVEL]
}

fn options() -> impl Strategy<Value = DiffOptions> {
    let engine = prop_oneof![3 => Just(Engine::Auto), 1 => Just(Engine::Bsdiff)];
    let memory = prop_oneof![2 => Just(256 << 10), 1 => Just(400 << 10), 1 => Just(0)];
    (engine, level(), 1..3usize, memory).prop_map(|(engine, level, threads, max_apply_memory)| DiffOptions {
        engine,
        encode: EncodeOptions { level, threads, max_apply_memory },
    })
}

fn diff_inverts(old: &[u8], new: &[u8], options: &DiffOptions) -> TestCaseResult {
    let delta = diff(old, new, options).unwrap();
    check_delta(old, new, &delta, &options.encode)
}

proptest! {
    #![proptest_config(cases(900))]

    #[test]
    fn applying_a_diff_gives_the_new_file(versions in versions(1, 6 << 10), options in options()) {
        let files = versions.files();
        diff_inverts(&files[0], &files[1], &options)?;
        diff_inverts(&files[1], &files[0], &options)?;
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn applying_a_diff_of_several_segments_gives_the_new_file(
        versions in versions(1, 200 << 10),
        options in options(),
    ) {
        let files = versions.files();
        diff_inverts(b"", &files[0], &options)?;
        diff_inverts(&files[0], &files[1], &options)?;
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn the_bytes_of_a_delta_do_not_depend_on_the_number_of_threads(
        versions in versions(2, 100 << 10),
        options in options(),
    ) {
        let files = versions.files();
        let with = |threads| EncodeOptions { threads, ..options.encode };
        let delta = |i: usize, threads| {
            diff(&files[i], &files[i + 1], &DiffOptions { encode: with(threads), ..options }).unwrap()
        };
        let (first, second) = (delta(0, 1), delta(1, 1));
        prop_assert!(first == delta(0, 4));
        let composed = |threads| compose(&[&first, &second], &with(threads), &Limits::default()).unwrap();
        prop_assert!(composed(1) == composed(4));
    }
}

/// Composes the deltas between `files` in every way and compares with the last file.
fn composing_is_exact(files: &[Vec<u8>], options: &[DiffOptions], encode: &EncodeOptions) -> TestCaseResult {
    let limits = Limits::default();
    let (old, new) = (&files[0], &files[files.len() - 1]);
    let deltas: Vec<_> =
        files.windows(2).zip(options).map(|(pair, options)| diff(&pair[0], &pair[1], options).unwrap()).collect();
    let deltas: Vec<&[u8]> = deltas.iter().map(|delta| &delta[..]).collect();
    prop_assert!(apply_chain(old, &deltas, &limits).unwrap() == *new);
    let all = compose(&deltas, encode, &limits).unwrap();
    check_delta(old, new, &all, encode)?;
    for at in 1..deltas.len() {
        let (head, tail) = deltas.split_at(at);
        let head = compose(head, encode, &limits).unwrap();
        let tail = compose(tail, encode, &limits).unwrap();
        check_delta(old, new, &compose(&[&head, &tail], encode, &limits).unwrap(), encode)?;
        prop_assert!(apply_chain(old, &[&head, &tail], &limits).unwrap() == *new);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn composing_deltas_is_exact(
        versions in versions(2..=4, 4 << 10),
        options in proptest::collection::vec(options(), 4),
        encode in options(),
    ) {
        composing_is_exact(&versions.files(), &options, &encode.encode)?;
    }
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn composing_deltas_of_several_segments_is_exact(
        versions in versions(2..=3, 120 << 10),
        options in proptest::collection::vec(options(), 3),
        encode in options(),
    ) {
        composing_is_exact(&versions.files(), &options, &encode.encode)?;
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn composing_any_operations_is_exact(script in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut script = script;
        if let Some(mode) = script.first_mut() {
            *mode &= !1;
        }
        targets::compose(&script);
    }

    #[test]
    fn whatever_bytes_say_is_refused_or_applied_as_defined(
        choices in proptest::collection::vec(any::<u8>(), 0..300),
        seed in any::<u64>(),
    ) {
        let specimen = targets::specimen(&choices);
        let mut noise = Noise(seed);
        let mutant = mutate(&specimen, &mut noise);
        targets::delta_decode(&mutant);
        targets::delta_apply(&mutant);
    }
}

/// One of the ways in which a file goes wrong, or somebody makes it go wrong.
fn mutate(bytes: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=noise.below(3) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = noise.below(bytes.len());
        match noise.below(8) {
            0 => bytes[at] ^= 1 << noise.below(8),
            1 => bytes[at] = noise.next() as u8,
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][noise.below(5)],
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..at, noise.bytes(1))),
            5 => drop(bytes.remove(at)),
            6 => {
                // A number of ten bytes: the largest there is.
                bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
            }
            _ => {
                let from = noise.below(bytes.len());
                let end = (from + noise.below(40)).min(bytes.len());
                let spliced = bytes[from..end].to_vec();
                bytes.splice(at..at, spliced);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_mutated_delta_never_gives_another_file(
        versions in versions(1, 3 << 10),
        options in options(),
        seed in any::<u64>(),
    ) {
        let files = versions.files();
        let delta = diff(&files[0], &files[1], &options).unwrap();
        let mut noise = Noise(seed);
        for _ in 0..8 {
            let mutant = mutate(&delta, &mut noise);
            never_another_file(&files, &mutant, mutant == delta)?;
            let resealed = forge::reseal(&mutant);
            never_another_file(&files, &resealed, false)?;
            let beneath = mutate_a_column(&delta, &mut noise);
            never_another_file(&files, &beneath, false)?;
        }
    }
}

fn never_another_file(files: &[Vec<u8>], delta: &[u8], intact: bool) -> TestCaseResult {
    let limits = Limits { memory: 12 * MIB, output: MIB, ..Limits::default() };
    match apply(&files[0], delta, &limits) {
        Ok(made) => {
            let promised = Header::read(&mut &delta[..]).unwrap();
            prop_assert_eq!(promised.new_digest, Digest::of(&made));
            prop_assert_eq!(promised.new_size, made.len() as u64);
            prop_assert_eq!(made, &files[1][..]);
        }
        Err(e) => {
            prop_assert!(!intact);
            let refusals =
                [Status::Corrupt, Status::Unsupported, Status::Limit, Status::SourceMismatch, Status::TargetMismatch];
            prop_assert!(refusals.contains(&e.status()), "{e}");
            prop_assert!(e.status() != Status::Corrupt || e.offset().is_some(), "no offset: {e}");
        }
    }
    Ok(())
}

/// Changes the decoded bytes of one column and makes everything around it fit again.
fn mutate_a_column(delta: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut delta = Delta::read(delta).unwrap();
    if !delta.segments.is_empty() {
        let at = noise.below(delta.segments.len());
        let Segment { columns, .. } = &mut delta.segments[at];
        let at = noise.below(columns.len());
        let decoded = columns[at].decoded().unwrap();
        columns[at] = match noise.below(2) {
            0 => forge::Column::Raw(mutate(&decoded, noise)),
            _ => forge::Column::zstd(&mutate(&decoded, noise)),
        };
    }
    delta.fitted()
}

/// Reads like the bytes that it holds and raises a token at one of the reads.
struct Tripwire<'a> {
    bytes: &'a [u8],
    reads: &'a AtomicUsize,
    at: usize,
    token: CancelToken,
}

impl Tripwire<'_> {
    fn step(&self) {
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.at {
            self.token.cancel();
        }
    }
}

impl ReadAt for Tripwire<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.step();
        self.bytes.read_at(offset, buf)
    }
}

/// Runs `operation` once to count its reads, and once more with the token raised at one of them. Its last read may
/// be too late for anything to be cancelled.
fn cancelled_at_any_read<'i, T>(
    inputs: &[&'i [u8]],
    moment: u16,
    operation: impl Fn(&[Tripwire<'_>], &mut Task<'_>) -> Result<T>,
) -> TestCaseResult {
    let run = |at: usize| {
        let reads = AtomicUsize::new(0);
        let token = CancelToken::new();
        let wire = |bytes: &&'i [u8]| Tripwire { bytes, reads: &reads, at, token: token.clone() };
        let wires: Vec<_> = inputs.iter().map(wire).collect();
        let result = operation(&wires, &mut Task::with_cancel(token.clone()));
        let status = result.as_ref().err().map(Error::status);
        (reads.load(Ordering::Relaxed), status)
    };
    let (reads, status) = run(usize::MAX);
    prop_assert_eq!(status, None);
    if reads > 1 {
        let at = (reads - 1) * usize::from(moment) / 65_536;
        prop_assert_eq!(run(at).1, Some(Status::Cancelled), "raised at read {} of {}", at, reads);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn a_raised_token_cancels_at_any_moment(
        versions in versions(2, 40 << 10),
        options in options(),
        moment in any::<u16>(),
    ) {
        let files = versions.files();
        let deltas = [0, 1].map(|i| diff(&files[i], &files[i + 1], &options).unwrap());
        cancelled_at_any_read(&[&files[0], &files[1]], moment, |inputs, task| {
            delta::diff(&inputs[0], &inputs[1], &mut std::io::Cursor::new(Vec::new()), &options, task)
        })?;
        cancelled_at_any_read(&[&files[0]], moment, |inputs, task| {
            delta::apply(&inputs[0], &mut &deltas[0][..], &mut std::io::sink(), &Limits::default().into(), task)
        })?;
        cancelled_at_any_read(&[&deltas[0], &deltas[1]], moment, |inputs, task| {
            let deltas: Vec<&dyn ReadAt> = inputs.iter().map(|input| input as _).collect();
            let mut out = std::io::Cursor::new(Vec::new());
            delta::compose(&deltas, &mut out, &options.encode, &Limits::default(), task)
        })?;
        cancelled_at_any_read(&[&files[0], &deltas[0], &deltas[1]], moment, |inputs, task| {
            let deltas: Vec<&dyn ReadAt> = inputs[1..].iter().map(|input| input as _).collect();
            delta::apply_chain(&inputs[0], &deltas, &mut std::io::sink(), &Limits::default().into(), task)
        })?;
    }
}

#[test]
fn a_token_raised_before_the_start_cancels_everything() {
    let old = Part::Text { seed: 1, len: 500 }.bytes();
    let new = Part::Text { seed: 2, len: 500 }.bytes();
    let forth = diff(&old, &new, &at_level(1)).unwrap();
    let back = diff(&new, &old, &at_level(1)).unwrap();
    let token = CancelToken::new();
    token.cancel();
    let task = || Task::with_cancel(token.clone());
    let limits = Limits::default();
    let mut out = std::io::Cursor::new(Vec::new());
    let mut written = Vec::new();
    let deltas: [&dyn ReadAt; 2] = [&forth, &back];
    let results = [
        delta::diff(&old, &new, &mut out, &at_level(1), &mut task()).map(drop),
        delta::apply(&old, &mut &forth[..], &mut written, &limits.into(), &mut task()).map(drop),
        delta::apply_chain(&old, &deltas, &mut written, &limits.into(), &mut task()).map(drop),
        delta::compose(&deltas, &mut out, &small(1), &limits, &mut task()).map(drop),
        delta::compose(&deltas[..1], &mut out, &small(1), &limits, &mut task()).map(drop),
        delta::verify(&forth, None, &limits, &mut task()).map(drop),
    ];
    for result in results {
        assert_eq!(result.unwrap_err().status(), Status::Cancelled);
    }
    assert!(written.is_empty());
}

#[test]
fn files_of_any_size_are_the_same_to_themselves_in_200_bytes() {
    for size in [0, 1, 2, 15, 16, 17, 4_095, 65_536, 1 << 20, 20 << 20] {
        let file = Noise(size as u64).bytes(size);
        for engine in [Engine::Auto, Engine::Bsdiff] {
            let options = DiffOptions { engine, encode: small(1) };
            let delta = diff(&file, &file, &options).unwrap();
            assert!(delta.len() <= 200, "{} bytes for {size} identical ones", delta.len());
            assert!(apply(&file, &delta, &Limits::streaming()).unwrap() == file);
        }
    }
}
