//! Deltas that lie in LZMA columns and in mixed addends, each with the status that it must give to whoever reads it.

mod support;

use patchcore::delta::Header;
use patchcore::{Limits, Status};

use support::calls::{apply, at_level, diff};
use support::files::Noise;
use support::forge::{self, COPY_LENS, Column, Delta, LITERALS, MIXED, Mixed, OVERHEAD, Op, Segment, USUAL, varint};
use support::readers::{OLD_SIZE, accepted, old, refused, refused_within};

const WORDS: &[u8] = b"in the beginning there was the beginning, and in the end there was the end";

/// A delta whose literals are an LZMA column.
fn with_lzma(column: Column) -> Delta {
    let mut delta = Delta::plain(&old(), &[Op::Insert(WORDS.to_vec()), Op::copy(5, 60)]);
    delta.segments[0].columns[LITERALS] = column;
    delta.fit();
    delta
}

fn new_by_lzma() -> Vec<u8> {
    [WORDS, &old()[5..65]].concat()
}

/// What every property makes of the words.
fn stream(properties: u8) -> Vec<u8> {
    forge::lzma(WORDS, properties)
}

#[test]
fn every_property_of_lzma_that_there_is_is_taken_and_no_other() {
    for properties in 0..=255u8 {
        let [lc, lp, pb] = [properties % 9, properties / 9 % 5, properties / 45];
        let is_good = lc + lp <= 4 && pb <= 4;
        let mut encoded = stream(if is_good { properties } else { USUAL });
        encoded[0] = properties;
        let delta = with_lzma(Column::Lzma(WORDS.len() as u64, encoded)).bytes();
        if is_good {
            assert_eq!(apply(&old(), &delta, &Limits::default()).unwrap(), new_by_lzma(), "properties {properties}");
        } else {
            refused(&delta, Status::Corrupt);
        }
    }
}

#[test]
fn an_lzma_stream_that_is_cut_off_or_damaged_or_followed_by_something_is_corrupt() {
    let good = stream(USUAL);
    let with = |encoded: &[u8]| with_lzma(Column::Lzma(WORDS.len() as u64, encoded.to_vec())).bytes();
    accepted(&with(&good), &new_by_lzma());
    // The last bytes are the end marker.
    for len in 0..good.len() {
        refused(&with(&good[..len]), Status::Corrupt);
    }
    for tail in [&[0][..], &[0xff; 5], &good, &good[1..]] {
        refused(&with(&[&good, tail].concat()), Status::Corrupt);
    }
    // The first byte of every stream is 0.
    for first in [1, 0x5d, 0xff] {
        let mut bad = good.clone();
        bad[1] = first;
        refused(&with(&bad), Status::Corrupt);
    }
    let new = new_by_lzma();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(made) = apply(&old(), &with(&bad), &Limits::default()) {
            assert_eq!(made, new, "bit {bit}");
        }
    }
    let mut noise = Noise(8);
    for len in 0..300 {
        let bad = [vec![USUAL, 0], noise.bytes(len)].concat();
        refused(&with(&bad), Status::Corrupt);
    }
}

#[test]
fn an_lzma_column_decodes_to_exactly_what_it_declares() {
    let len = WORDS.len() as u64;
    for declared in [0, 1, len - 1, len + 1, 4_095, 4_096, 4_097, 1 << 20] {
        refused(&with_lzma(Column::Lzma(declared, stream(USUAL))).bytes(), Status::Corrupt);
    }
    // Lengths that no memory holds, with headers that ask for less, for the same, and for all there is.
    for declared in [1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX] {
        let mut delta = with_lzma(Column::Lzma(declared, stream(USUAL)));
        refused_within(&delta.bytes(), &Limits::streaming(), Status::Limit);
        delta.header.apply_memory = 12 << 20;
        refused_within(&delta.bytes(), &Limits::streaming(), Status::Corrupt);
    }
    // The encoded length says more than there is, or nothing.
    for encoded in [stream(USUAL).len() as u64 + 1, 1 << 40, u64::MAX, 0] {
        let column = [vec![forge::LZMA], varint(len), varint(encoded), stream(USUAL)].concat();
        refused(&with_lzma(Column::Bytes(column)).bytes(), Status::Corrupt);
    }
}

#[test]
fn an_lzma_bomb_is_refused_at_the_size_that_the_delta_declared() {
    let bomb = forge::lzma(&vec![0; 16 << 20], USUAL);
    assert!(bomb.len() < 8 << 10);
    for declared in [0, 1, 1 << 10, (16 << 20) - 1] {
        refused(&with_lzma(Column::Lzma(declared, bomb.clone())).bytes(), Status::Corrupt);
    }
    let delta = with_lzma(Column::Lzma(16 << 20, bomb));
    refused_within(&delta.bytes(), &Limits::streaming(), Status::Limit);
}

#[test]
fn the_dictionary_of_lzma_counts_as_memory() {
    for words in [WORDS.to_vec(), WORDS.repeat(700)] {
        let mut delta = Delta::plain(&old(), &[Op::Insert(words.clone())]);
        delta.segments[0].columns[LITERALS] = Column::lzma(&words);
        delta.fit();
        accepted(&delta.bytes(), &words);
        let memory = delta.header.apply_memory;
        let len = words.len() as u64;
        let body = delta.segments[0].body().len() as u64;
        let columns = delta.segments[0].columns.iter().map(|column| column.decoded().unwrap().len() as u64);
        assert_eq!(memory, OVERHEAD + body + 4 + columns.sum::<u64>() + 65_536 + len.max(4_096));
        refused_within(&delta.bytes(), &Limits { memory: memory - 1, ..Limits::default() }, Status::Limit);
        delta.header.apply_memory = memory - 1 - never_held(&delta.segments[0]);
        refused(&delta.bytes(), Status::Corrupt);
    }
}

/// What the header counts and our reader does not hold: the checksum of a frame, and columns that lie in it as they are.
fn never_held(segment: &Segment) -> u64 {
    let raw = |column: &Column| if let Column::Raw(bytes) = column { bytes.len() as u64 } else { 0 };
    4 + segment.columns.iter().map(raw).sum::<u64>()
}

/// What our encoder makes of a file with so many small changes that it mixes their addends, and the new file.
fn mixed() -> (Delta, Vec<u8>) {
    let mut new = old();
    let mut noise = Noise(1);
    for byte in new.iter_mut().step_by(15) {
        *byte = byte.wrapping_add(1 + noise.below(255) as u8);
    }
    let delta = Delta::read(&diff(&old(), &new, &at_level(9)).unwrap()).unwrap();
    assert!(delta.segments[0].mixed.is_some());
    (delta, new)
}

fn with_mixed(change: impl FnOnce(&mut Segment, &mut Mixed)) -> Vec<u8> {
    let (mut delta, _) = mixed();
    let segment = &mut delta.segments[0];
    let mut mixed = segment.mixed.take().unwrap();
    change(segment, &mut mixed);
    segment.mixed.get_or_insert(mixed);
    delta.fitted()
}

#[test]
fn what_our_encoder_mixes_is_taken() {
    let (delta, new) = mixed();
    accepted(&delta.clone().fitted(), &new);
    let header = delta.header.clone();
    assert_eq!(Delta::read(&delta.clone().fitted()).unwrap().header, header, "both writers count alike");
}

#[test]
fn a_number_of_cells_that_no_reader_has_is_unsupported() {
    for bits in (0..12).chain(25..64).chain([64, 65, 127, 128, 255]) {
        let (mut delta, _) = mixed();
        delta.segments[0].mixed.as_mut().unwrap().bits = bits;
        delta.fit();
        delta.header.apply_memory = delta.header.apply_memory.min(64 << 20);
        refused(&delta.bytes(), Status::Unsupported);
    }
}

#[test]
fn the_cells_count_as_memory() {
    let (mut delta, new) = mixed();
    accepted(&delta.bytes(), &new);
    let memory = delta.header.apply_memory;
    refused_within(&delta.bytes(), &Limits { memory: memory - 1, ..Limits::default() }, Status::Limit);
    delta.header.apply_memory = memory - 1 - never_held(&delta.segments[0]);
    refused(&delta.bytes(), Status::Corrupt);
    for bits in 12..=24 {
        let (mut delta, _) = mixed();
        delta.segments[0].mixed.as_mut().unwrap().bits = bits;
        delta.fit();
        delta.header.apply_memory -= 1 + never_held(&delta.segments[0]);
        refused(&delta.bytes(), Status::Corrupt);
    }
}

#[test]
fn as_many_values_as_are_coded_and_as_long_a_stream() {
    let values = mixed().0.segments[0].mixed.as_ref().unwrap().values;
    for wrong in [0, values / 2, 2 * values, 1 << 32, 1 << 60, u64::MAX] {
        refused(&with_mixed(|_, mixed| mixed.values = wrong), Status::Corrupt);
    }
    // One value more or less may decode, but never to the file that is promised.
    for wrong in [values - 1, values + 1] {
        let error = apply(&old(), &with_mixed(|_, mixed| mixed.values = wrong), &Limits::default()).unwrap_err();
        assert!([Status::Corrupt, Status::TargetMismatch].contains(&error.status()), "{error}");
    }
    // Up to four zeros are there in any case.
    for len in 5..200 {
        refused(&with_mixed(|_, mixed| mixed.stream.extend(vec![0; len])), Status::Corrupt);
    }
    let len = mixed().0.segments[0].mixed.as_ref().unwrap().stream.len();
    for kept in 0..len.saturating_sub(8) {
        let cut = with_mixed(|_, mixed| mixed.stream.truncate(kept));
        assert!(apply(&old(), &cut, &Limits::default()).is_err(), "{kept} of {len} bytes");
    }
    // The header counts one byte for each value.
    let (mut delta, _) = mixed();
    delta.header.stream_bytes -= 1;
    refused(&delta.bytes(), Status::Corrupt);
}

#[test]
fn a_stream_of_mixed_addends_that_says_it_is_longer_than_its_frame_is_corrupt() {
    for len in [1, 100, 1 << 40, u64::MAX] {
        let said = |segment: &mut Segment, mixed: &mut Mixed| {
            let body = [vec![mixed.bits], varint(mixed.values), varint(mixed.stream.len() as u64 + len.min(1 << 62))];
            segment.tail = [body.concat(), mixed.stream.clone()].concat();
        };
        let (mut delta, _) = mixed();
        let segment = &mut delta.segments[0];
        let mut mixed = segment.mixed.take().unwrap();
        said(segment, &mut mixed);
        refused(&delta.fitted(), Status::Corrupt);
    }
    // Nothing at all, and only a part of the fields.
    for tail in [vec![], vec![16], vec![16, 0x80], vec![16, 1], vec![16, 1, 0x80]] {
        let (mut delta, _) = mixed();
        (delta.segments[0].mixed, delta.segments[0].tail) = (None, tail);
        delta.fit();
        delta.header.apply_memory = 1 << 20;
        refused(&delta.bytes(), Status::Corrupt);
    }
    refused(&with_mixed(|segment, _| segment.tail = vec![0]), Status::Corrupt);
}

#[test]
fn mixed_addends_need_copies_that_have_room_for_them() {
    for width in MIXED {
        // No copy, and a copy that is too short.
        for ops in [vec![Op::Insert(vec![1; 8])], vec![Op::copy(0, 3)], vec![Op::copy(0, 0)]] {
            let mut delta = Delta::of(&old(), &[(ops, forge::Layout { width: 0, ..Default::default() })]);
            let (from, _) = mixed();
            (delta.segments[0].width, delta.segments[0].mixed) = (width, from.segments[0].mixed.clone());
            refused(&delta.fitted(), Status::Corrupt);
        }
    }
    // Copies that lie elsewhere, or are shorter than what their addends need.
    let lens = |segment: &Segment| segment.columns[COPY_LENS].decoded().unwrap();
    refused(
        &with_mixed(|segment, _| {
            let mut bytes = lens(segment);
            bytes[0] -= 1;
            segment.columns[COPY_LENS] = Column::Raw(bytes);
        }),
        Status::Corrupt,
    );
}

#[test]
fn another_model_than_the_one_that_wrote_them_never_gives_another_file() {
    let (good, new) = mixed();
    let written = good.segments[0].width;
    for width in MIXED {
        let delta = with_mixed(|segment, _| segment.width = width);
        match apply(&old(), &delta, &Limits::default()) {
            Ok(made) => assert!(width == written && made == new),
            Err(error) => assert!([Status::Corrupt, Status::TargetMismatch].contains(&error.status()), "{error}"),
        }
    }
    let stream = good.segments[0].mixed.as_ref().unwrap().stream.clone();
    for bit in 0..stream.len() * 8 {
        let delta = with_mixed(|_, mixed| mixed.stream[bit / 8] ^= 1 << (bit % 8));
        if let Ok(made) = apply(&old(), &delta, &Limits::default()) {
            assert_eq!(made, new, "bit {bit}");
        }
    }
    let mut noise = Noise(5);
    for len in 0..200 {
        let stream = noise.bytes(len);
        let values = noise.below(2 * len + 2) as u64;
        let delta = with_mixed(|_, mixed| (mixed.stream, mixed.values) = (stream, values));
        if let Ok(made) = apply(&old(), &delta, &Limits::default()) {
            assert_eq!(made, new);
        }
    }
}

#[test]
fn a_few_bytes_that_speak_of_endless_addends_are_soon_refused() {
    // A file of 2^62 bytes that nobody has: to check and to compose its deltas needs none of it.
    let size = 1u64 << 62;
    for width in MIXED {
        for byte in [0, 0xff] {
            let mut delta = Delta::of(&[], &[(vec![], forge::Layout { width: 0, ..Default::default() })]);
            (delta.header.old_size, delta.header.new_size) = (size, size);
            let segment = &mut delta.segments[0];
            (segment.output_len, segment.records, segment.width) = (size, 1, width);
            segment.columns =
                [varint(0), varint(size), varint(0)].map(Column::Raw).into_iter().chain([Column::Empty]).collect();
            segment.mixed = Some(Mixed { bits: 12, values: 1 << 60, stream: vec![byte; 64] });
            let bytes = delta.fitted();
            assert!(Header::read(&mut &bytes[..]).is_ok());
            let error = support::calls::verify(&bytes, None, &Limits::default()).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt, "coding {width}, {byte:#x}: {error}");
            let error = support::calls::compose(&[&bytes], &support::calls::small(1), &Limits::default()).unwrap_err();
            assert!([Status::Corrupt, Status::Limit].contains(&error.status()), "coding {width}: {error}");
        }
    }
    assert_eq!(OLD_SIZE, old().len() as u64);
}
