//! What an explanation promises: no byte of a delta is missing or counted twice, whatever the delta, and no delta makes it
//! longer than asked for.

mod support;

use patchcore::delta::{
    AddendCoding, Codec, DiffOptions, EncodeOptions, Engine, ExplainedSegment, Explanation, Header, MAX_LEVEL,
    MIN_LEVEL, Stream, explain,
};
use patchcore::{Limits, Result, Status, Task};
use proptest::prelude::*;

use support::calls::{at_level, compose, diff, small, verify};
use support::files::{Noise, versions};
use support::forge::{Delta, Layout, OVERHEAD, Op, varint};
use support::targets::old_file;

fn explained(delta: &[u8], most: usize) -> Result<Explanation> {
    explain(&delta, most, &Limits::default(), &mut Task::new())
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.sum()
}

/// Everything that holds for the explanation of any whole delta.
#[track_caller]
fn check(delta: &[u8]) -> Explanation {
    let all = explained(delta, usize::MAX).unwrap();
    let Explanation { inspection, parts, largest_segments: segments, insertions, largest_insertions } = &all;
    let header = Header::read(&mut &delta[..]).unwrap();
    assert_eq!(*inspection, verify(delta, None, &Limits::default()).unwrap());

    assert_eq!(sum(parts.iter().map(|part| part.delta_bytes)), delta.len() as u64);
    assert_eq!(sum(parts.iter().map(|part| part.decoded_bytes)), header.stream_bytes);
    assert!(parts.windows(2).all(|pair| (pair[0].stream, pair[0].codec) < (pair[1].stream, pair[1].codec)));
    let literals = parts.iter().filter(|part| part.stream == Stream::Literals);
    assert_eq!(sum(literals.map(|part| part.decoded_bytes)), inspection.inserted_bytes);

    // What holds the segments together is known but for the marks of empty columns.
    let (mut least, mut columns) = (0, 0);
    let (mut delta_end, mut output_end) = (132, 0);
    for segment in segments {
        let len = segment.delta.end - segment.delta.start;
        let frame_len = (1..=10).map(|prefix| len - prefix).find(|&frame| varint(frame).len() as u64 + frame == len);
        let numbers = [frame_len.unwrap(), segment.output.end - segment.output.start, segment.copies];
        least += sum(numbers.map(|number| varint(number).len() as u64).into_iter());
        least += if segment.has_check { 10 } else { 6 };
        columns += if let AddendCoding::Lanes(lanes) = segment.addends { 4 + 3 * u64::from(lanes) } else { 4 };
        assert_eq!((segment.delta.start, segment.output.start), (delta_end, output_end));
        (delta_end, output_end) = (segment.delta.end, segment.output.end);
        assert_eq!(segment.copied_bytes + segment.inserted_bytes, segment.output.end - segment.output.start);
        assert!(segment.changed_bytes <= segment.copied_bytes && segment.memory <= header.apply_memory);
        assert!(segment.addends != AddendCoding::None || segment.changed_bytes == 0);
    }
    assert_eq!((delta_end, output_end, segments.len()), (header.delta_size, header.new_size, header.segments as usize));
    let frames = sum(parts.iter().filter(|part| part.stream == Stream::Frames).map(|part| part.delta_bytes));
    assert!((least..=least + columns).contains(&frames), "{frames} bytes of frames are not from {least} up");
    let over_all = |count: fn(&ExplainedSegment) -> u64| sum(segments.iter().map(count));
    assert_eq!(over_all(|segment| segment.changed_bytes), inspection.changed_bytes);
    assert_eq!(over_all(|segment| segment.inserted_bytes), inspection.inserted_bytes);
    assert!(over_all(|segment| segment.copies) >= inspection.copies);

    assert_eq!(largest_insertions.len() as u64, *insertions);
    assert_eq!(sum(largest_insertions.iter().map(|range| range.end - range.start)), inspection.inserted_bytes);
    let mut ranges = largest_insertions.clone();
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "insertions that touch are one");
    all
}

/// Also what holds for deltas that our encoder wrote.
#[track_caller]
fn check_own(delta: &[u8]) -> Explanation {
    let all = check(delta);
    let most = all.largest_segments.iter().map(|segment| segment.memory).max();
    assert_eq!(most.unwrap_or(OVERHEAD), all.inspection.header.apply_memory);
    all
}

fn options() -> impl Strategy<Value = DiffOptions> {
    let engine = prop_oneof![3 => Just(Engine::Auto), 1 => Just(Engine::Bsdiff)];
    let memory = prop_oneof![2 => Just(256 << 10), 1 => Just(0)];
    (engine, MIN_LEVEL..=MAX_LEVEL, memory).prop_map(|(engine, level, max_apply_memory)| DiffOptions {
        engine,
        encode: EncodeOptions { level, threads: 1, max_apply_memory },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_of_a_delta_is_explained_once(versions in versions(2, 40 << 10), options in options()) {
        let files = versions.files();
        let first = diff(&files[0], &files[1], &options).unwrap();
        let second = diff(&files[1], &files[2], &options).unwrap();
        let squashed = compose(&[&first, &second], &options.encode, &Limits::default()).unwrap();
        for delta in [first, second, squashed] {
            check_own(&delta);
        }
    }
}

/// Two versions of half a megabyte: numbers of which many change a little, a part that is new, a part that moved.
fn pair() -> [Vec<u8>; 2] {
    let old = Noise(1).bytes(500_000);
    let mut new = old.clone();
    let changes = Noise(3).bytes(300_000);
    for (byte, change) in new.iter_mut().zip(changes).skip(1).step_by(4) {
        *byte = byte.wrapping_add(change % 3);
    }
    new.splice(310_000..312_000, Noise(2).bytes(9_000));
    new[400_000..].rotate_left(7_000);
    [old, new]
}

#[test]
fn every_byte_is_explained_at_every_level_and_in_many_segments() {
    let [old, new] = pair();
    for level in MIN_LEVEL..=MAX_LEVEL {
        let whole = check_own(&diff(&old, &new, &at_level(level)).unwrap());
        assert!((49_000..51_000).contains(&whole.inspection.changed_bytes), "level {level}");
        let options = DiffOptions { encode: small(level), ..at_level(level) };
        let delta = diff(&old, &new, &options).unwrap();
        assert!(check_own(&delta).largest_segments.len() > 1, "level {level}");
        let squashed = compose(&[&delta, &diff(&new, &old, &options).unwrap()], &small(level), &Limits::default());
        check_own(&squashed.unwrap());
    }
}

#[test]
fn streams_and_codecs_are_told_apart() {
    let [old, new] = pair();
    let codecs = |level: u8, wanted: fn(Stream) -> bool| -> Vec<Codec> {
        let parts = check_own(&diff(&old, &new, &at_level(level)).unwrap()).parts;
        parts.iter().filter(|part| wanted(part.stream)).map(|part| part.codec).collect()
    };
    let lanes = |stream| matches!(stream, Stream::Zeros(_) | Stream::Runs(_) | Stream::Values(_));
    let mixed = |stream| matches!(stream, Stream::References | Stream::Elements(_));
    assert!(codecs(3, lanes).contains(&Codec::Zstd) && codecs(3, mixed).is_empty());
    assert!(codecs(9, lanes).is_empty() && codecs(9, mixed) == [Codec::Mixing]);
    assert_eq!(codecs(3, |stream| stream == Stream::Header), [Codec::Raw]);
    let noise = |stream| stream == Stream::Literals;
    assert_eq!(codecs(3, noise), [Codec::Raw]);
}

#[test]
fn insertions_go_on_across_segments_and_the_longest_are_listed_first() {
    let insert = |len: u64| Op::Insert(Noise(len).bytes(len as usize));
    let first = vec![insert(5), Op::copy(0, 10), insert(7)];
    let second = vec![insert(4), Op::copy(0, 10), Op::copy(10, 5), insert(5)];
    let plain = Layout::default();
    let delta = Delta::of(&old_file(100), &[(first, plain), (vec![], plain), (second, plain)]).bytes();
    let all = check(&delta);
    assert_eq!(all.largest_insertions, [15..26, 0..5, 41..46]);
    assert_eq!(all.inspection.copies, 2, "a copy that goes on where another ended is one with it");
    let two = explained(&delta, 2).unwrap();
    assert_eq!((two.insertions, &two.largest_insertions[..]), (3, &[15..26, 0..5][..]));
    assert_eq!(two.largest_segments, [all.largest_segments[0].clone(), all.largest_segments[2].clone()]);
    assert_eq!(two.parts, all.parts);
    let none = explained(&delta, 0).unwrap();
    assert!(none.largest_segments.is_empty() && none.largest_insertions.is_empty() && none.insertions == 3);
}

#[test]
fn no_delta_makes_an_explanation_longer_than_asked_for() {
    let segment = || (vec![Op::Insert(vec![7]), Op::copy(0, 1)], Layout::default());
    let segments: Vec<_> = (0..5_000).map(|_| segment()).collect();
    let delta = Delta::of(&old_file(100), &segments).bytes();
    let explanation = explained(&delta, 10).unwrap();
    assert_eq!((explanation.insertions, explanation.inspection.header.segments), (5_000, 5_000));
    assert_eq!(explanation.largest_insertions.len(), 10);
    assert_eq!(explanation.largest_segments.len(), 10);
    assert!(explanation.parts.len() < 200);
}

#[test]
fn a_damaged_delta_is_refused_and_not_explained() {
    let [old, new] = pair();
    let delta = diff(&old, &new, &at_level(1)).unwrap();
    for len in [0, 7, 131, 132, 140, delta.len() / 2, delta.len() - 1] {
        assert_eq!(explained(&delta[..len], 10).unwrap_err().status(), Status::Corrupt, "cut to {len}");
    }
    for at in [133, delta.len() / 2, delta.len() - 1] {
        let mut flipped = delta.clone();
        flipped[at] ^= 8;
        assert_eq!(explained(&flipped, 10).unwrap_err().status(), Status::Corrupt, "byte {at}");
    }
    assert_eq!(explained(&[&delta[..], &[0]].concat(), 10).unwrap_err().status(), Status::Corrupt);
    let tight = Limits { memory: 1, ..Limits::default() };
    assert_eq!(explain(&&delta[..], 10, &tight, &mut Task::new()).unwrap_err().status(), Status::Limit);
}
