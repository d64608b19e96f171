//! Deltas that lie: every row of the project's list of attacks for deltas and for zstd, each with the status that it
//! must give to whoever reads it.

mod support;

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use patchcore::delta::{EncodeOptions, Header};
use patchcore::{Digest, Error, Limits, Result, Status};

use support::calls::{apply, apply_chain, at_level, compose, diff, small, verify};
use support::files::Noise;
use support::forge::{
    self, COPY_LENS, Column, Delta, FROM_STEPS, INSERT_LENS, LITERALS, Layout, OVERHEAD, Op, RUNS, Segment, VALUES,
    ZEROS, put_varint, varint, varints, zigzag,
};
use support::readers::{OLD_SIZE, accepted, old, onward_from, readers, refused, refused_within};
use support::targets::old_file;

/// A delta with everything in it: two segments, inserts, copies forward and back, addends in lanes, zstd.
fn specimen() -> Delta {
    let first = vec![
        Op::Insert(b"in the beginning, in the beginning".to_vec()),
        Op::Copy { from: 10, len: 90, addend: (0..90).map(|i| if i % 4 == 1 { 3 } else { 0 }).collect() },
        Op::copy(0, 120),
    ];
    let second = vec![
        Op::copy(250, 50),
        Op::Insert(b"between".to_vec()),
        Op::Copy { from: 200, len: 40, addend: (0..40).map(|i| if i < 9 { 200 } else { 0 }).collect() },
        Op::Insert(b"end".to_vec()),
    ];
    let wide = Layout { width: 4, compressed: true, check: false, ..Layout::default() };
    Delta::of(&old(), &[(first, wide), (second, Layout::default())])
}

fn specimen_new() -> Vec<u8> {
    apply(&old(), &specimen().bytes(), &Limits::default()).unwrap()
}

/// The specimen with its first segment changed and all that surrounds it made to fit.
fn with_first(change: impl FnOnce(&mut Segment)) -> Vec<u8> {
    let mut delta = specimen();
    change(&mut delta.segments[0]);
    delta.fitted()
}

/// One segment with the operations that these columns describe.
fn with_columns(
    insert_lens: &[u64],
    copy_lens: &[u64],
    from_steps: &[u64],
    literals: &[u8],
    output_len: u64,
) -> Vec<u8> {
    let mut delta = Delta::plain(&old(), &[Op::copy(0, 1)]);
    let segment = &mut delta.segments[0];
    segment.records = copy_lens.len() as u64;
    segment.output_len = output_len;
    delta.header.new_size = output_len;
    segment.columns[INSERT_LENS] = Column::Raw(varints(insert_lens));
    segment.columns[COPY_LENS] = Column::Raw(varints(copy_lens));
    segment.columns[FROM_STEPS] = Column::Raw(varints(from_steps));
    segment.columns[LITERALS] = Column::Raw(literals.to_vec());
    delta.fitted()
}

#[test]
fn the_specimen_is_good() {
    let new = specimen_new();
    accepted(&specimen().bytes(), &new);
    assert_eq!(Delta::read(&specimen().bytes()).unwrap(), specimen());
    assert_eq!(forge::reseal(&specimen().bytes()), specimen().bytes());
    let ours = diff(&old(), &new, &at_level(6)).unwrap();
    assert_eq!(Delta::read(&ours).unwrap().bytes(), ours);
}

#[test]
fn what_is_cut_off_anywhere_is_corrupt() {
    let engine = diff(&old(), &specimen_new(), &at_level(6)).unwrap();
    for delta in [specimen().bytes(), engine] {
        for len in 0..delta.len() {
            refused(&delta[..len], Status::Corrupt);
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let engine = diff(&old(), &specimen_new(), &at_level(6)).unwrap();
    for delta in [specimen().bytes(), engine] {
        for bit in 0..delta.len() * 8 {
            let mut bad = delta.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                8..10 | 12..16 => Status::Unsupported,
                _ => Status::Corrupt,
            };
            refused(&bad, expected);
        }
    }
}

#[test]
fn a_flipped_bit_beneath_the_checksums_never_gives_a_wrong_file() {
    let new = specimen_new();
    let delta = specimen().bytes();
    let mut harmless = 0;
    for bit in 0..delta.len() * 8 {
        let mut bad = delta.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let limits = Limits { output: 1 << 20, ..Limits::streaming() };
        if let Ok(made) = apply(&old(), &forge::reseal(&bad), &limits) {
            assert_eq!(made, new, "bit {bit}");
            harmless += 1;
        }
    }
    // Reserved bytes, optional flags, magic and version (made good again), memory that is more than enough.
    assert!(harmless < 400, "{harmless} flips changed nothing");
}

#[test]
fn what_is_no_delta_is_corrupt() {
    refused(b"", Status::Corrupt);
    refused(b"PK\x03\x04", Status::Corrupt);
    refused(&[0; 4096], Status::Corrupt);
    // A transfer in text mode.
    let mangled: Vec<u8> = specimen().bytes().into_iter().filter(|&byte| byte != b'\r').collect();
    refused(&mangled, Status::Corrupt);
}

#[test]
fn something_after_the_end_is_corrupt() {
    let mut delta = specimen().bytes();
    delta.push(0);
    refused(&delta, Status::Corrupt);
    let mut twice = specimen().bytes();
    twice.extend(specimen().bytes());
    refused(&twice, Status::Corrupt);
}

#[test]
fn an_unknown_critical_flag_or_a_newer_version_is_unsupported_and_says_so_before_damage_is_looked_for() {
    for bit in 0..32 {
        let mut delta = specimen();
        delta.header.critical = 1 << bit;
        let mut bytes = delta.bytes();
        refused(&bytes, Status::Unsupported);
        bytes[100] ^= 1;
        refused(&bytes, Status::Unsupported);
    }
    for version in [0, 2, u16::MAX] {
        let mut delta = specimen();
        delta.header.version = version;
        refused(&delta.bytes(), Status::Unsupported);
    }
}

#[test]
fn an_unknown_optional_flag_is_ignored() {
    for bit in 0..32 {
        let mut delta = specimen();
        delta.header.optional = 1 << bit;
        accepted(&delta.bytes(), &specimen_new());
    }
}

#[test]
fn an_unknown_codec_is_unsupported() {
    for codec in [4, 5, 127, 255] {
        let bytes = with_first(|segment| {
            segment.columns[LITERALS] = Column::Bytes(vec![codec, 0]);
            segment.columns.truncate(LITERALS + 1);
        });
        refused(&bytes, Status::Unsupported);
    }
}

#[test]
fn a_wrong_old_file_is_source_mismatch_before_anything_is_written() {
    let delta = specimen().bytes();
    let mut other = old();
    other[7] ^= 1;
    for wrong in [&other[..], &old()[1..], b""] {
        let mut written = Vec::new();
        let mut task = patchcore::Task::new();
        let error =
            patchcore::delta::apply(&wrong, &mut &delta[..], &mut written, &Limits::default().into(), &mut task)
                .unwrap_err();
        assert_eq!(error.status(), Status::SourceMismatch);
        assert!(written.is_empty());
        let chain = apply_chain(wrong, &[&delta, &delta], &Limits::default()).unwrap_err();
        assert_eq!(chain.status(), Status::SourceMismatch);
        assert_eq!(verify(&delta, Some(wrong), &Limits::default()).unwrap_err().status(), Status::SourceMismatch);
    }
}

#[test]
fn a_digest_that_the_result_does_not_have_is_target_mismatch() {
    let mut delta = specimen();
    delta.header.new_digest[31] ^= 1;
    let bytes = delta.bytes();
    assert_eq!(apply(&old(), &bytes, &Limits::default()).unwrap_err().status(), Status::TargetMismatch);
    assert_eq!(verify(&bytes, Some(&old()), &Limits::default()).unwrap_err().status(), Status::TargetMismatch);
}

#[test]
fn a_segment_that_makes_other_bytes_than_its_check_says_is_corrupt() {
    let mut delta = specimen();
    delta.segments[1].check ^= 1;
    let bytes = delta.fitted();
    for result in [
        apply(&old(), &bytes, &Limits::default()).map(drop),
        verify(&bytes, Some(&old()), &Limits::default()).map(drop),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.status(), Status::Corrupt);
        assert!(error.offset().is_some());
    }
}

#[test]
fn segments_need_no_check_but_whether_one_follows_is_0_or_1() {
    let mut delta = specimen();
    delta.segments[1].has_check = 0;
    accepted(&delta.fitted(), &specimen_new());
    for has_check in [2, 128, 255] {
        let mut delta = specimen();
        delta.segments[1].has_check = has_check;
        refused(&delta.fitted(), Status::Corrupt);
    }
}

#[test]
fn copies_stay_within_the_old_file() {
    let end = OLD_SIZE;
    // (copy length, distance of its start from the one expected, which is 0)
    let bad: &[(u64, i64)] = &[
        (1, end as i64),
        (end + 1, 0),
        (end, 1),
        (1, -1),
        (2, -1),
        (1, i64::MAX),
        (1, i64::MIN),
        (0, end as i64 + 1),
        (0, -1),
        (u64::MAX, 0),
        (u64::MAX, 1),
        (u64::MAX - 299, 300),
        (1 << 63, 0),
    ];
    for &(len, step) in bad {
        for output_len in [len.min(1 << 62), 1] {
            refused(&with_columns(&[0], &[len], &[zigzag(step)], b"", output_len), Status::Corrupt);
        }
    }
    // The second copy is expected where the first one ended.
    refused(&with_columns(&[0, 0], &[end, 1], &[0, 0], b"", end + 1), Status::Corrupt);
    refused(&with_columns(&[0, 0], &[end, 1], &[0, zigzag(-(end as i64) - 1)], b"", end + 1), Status::Corrupt);
}

#[test]
fn copies_may_overlap_and_may_be_empty() {
    let old = old();
    let ops =
        [Op::copy(0, 200), Op::copy(100, 200), Op::copy(150, 0), Op::copy(300, 0), Op::copy(0, 300), Op::copy(0, 300)];
    accepted(&Delta::plain(&old, &ops).bytes(), &forge::make(&old, &ops));
}

#[test]
fn lengths_that_overflow_or_exceed_the_segment_are_corrupt() {
    for len in [2, 300, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
        // Inserts and copies longer than the segment's output, or longer than the literals.
        refused(&with_columns(&[len], &[0], &[0], b"x", 1), Status::Corrupt);
        refused(&with_columns(&[0], &[len], &[0], b"", 1), Status::Corrupt);
        if len <= i64::MAX as u64 {
            refused(&with_columns(&[len], &[0], &[0], b"x", len), Status::Corrupt);
            refused(&with_columns(&[0], &[0], &[0], b"x", len), Status::Corrupt);
        }
    }
    // Two lengths whose sum wraps around to what the segment makes.
    refused(&with_columns(&[u64::MAX, 2], &[0, 0], &[0, 0], b"x", 1), Status::Corrupt);
    refused(&with_columns(&[0, 0], &[u64::MAX, 2], &[0, 0], b"", 1), Status::Corrupt);
    // Segments whose sum wraps around.
    let mut delta = specimen();
    delta.segments[0].output_len = u64::MAX;
    delta.segments[1].output_len = 1;
    refused(&delta.fitted(), Status::Corrupt);
    // Sizes that no file has.
    for size in [1 << 63, u64::MAX] {
        let mut delta = specimen();
        delta.header.old_size = size;
        refused(&delta.bytes(), Status::Corrupt);
        let mut delta = specimen();
        delta.header.new_size = size;
        refused(&delta.bytes(), Status::Corrupt);
    }
}

#[test]
fn segments_make_exactly_the_new_file() {
    for change in [-1i64, 1, i64::MAX / 2] {
        let mut delta = specimen();
        delta.header.new_size = delta.header.new_size.wrapping_add_signed(change);
        refused(&delta.bytes(), Status::Corrupt);
        let bytes = with_first(|segment| segment.output_len = segment.output_len.wrapping_add_signed(change));
        refused(&bytes, Status::Corrupt);
    }
    let mut delta = specimen();
    delta.segments.pop();
    refused(&delta.fitted(), Status::Corrupt);
    let mut delta = specimen();
    delta.segments.swap(0, 1);
    for (reader, result) in readers(&delta.fitted(), &Limits::default()) {
        // The operations are sound, only the bytes that they make are others.
        assert!(result.is_err() || !reader.contains("apply"), "{reader}");
    }
}

#[test]
fn a_header_that_does_not_fit_its_segments_is_corrupt() {
    type Change = fn(&mut forge::Header);
    let changes: [(&str, Change); 8] = [
        ("fewer segments", |header| header.segments -= 1),
        ("more segments", |header| header.segments += 1),
        ("countless segments", |header| header.segments = u32::MAX),
        ("a smaller delta", |header| header.delta_size -= 1),
        ("a larger delta", |header| header.delta_size += 1),
        ("a giant delta", |header| header.delta_size = u64::MAX),
        ("no delta", |header| header.delta_size = 0),
        ("other stream bytes", |header| header.stream_bytes += 1),
    ];
    for (what, change) in changes {
        let mut delta = specimen();
        change(&mut delta.header);
        for (reader, result) in readers(&delta.bytes(), &Limits::default()) {
            assert_eq!(result.expect_err(what).status(), Status::Corrupt, "{what}: {reader}");
        }
    }
    for memory in [0, 1, OVERHEAD - 1, OVERHEAD] {
        let mut delta = specimen();
        delta.header.apply_memory = memory;
        refused(&delta.bytes(), Status::Corrupt);
    }
}

#[test]
fn a_delta_that_asks_for_more_than_the_limits_is_limit() {
    let delta = specimen().bytes();
    let memory = Header::read(&mut &delta[..]).unwrap().apply_memory;
    refused_within(&delta, &Limits { memory: memory - 1, ..Limits::default() }, Status::Limit);
    for asked in [13 << 20, u64::MAX] {
        let mut delta = specimen();
        delta.header.apply_memory = asked;
        refused_within(&delta.bytes(), &Limits::streaming(), Status::Limit);
    }
    let size = specimen().header.new_size;
    refused_within(&delta, &Limits { output: size - 1, ..Limits::default() }, Status::Limit);
    let mut giant = specimen();
    giant.header.new_size = i64::MAX as u64;
    refused_within(&giant.bytes(), &Limits { output: 1 << 30, ..Limits::default() }, Status::Limit);
}

#[test]
fn a_frame_with_a_giant_or_malformed_length_is_corrupt() {
    let header = specimen().header.bytes();
    let lengths = [
        varint(u64::MAX),
        varint(i64::MAX as u64),
        varint(u64::from(u32::MAX)),
        varint(0),
        varint(3),
        varint(4),
        vec![0x80; 10],
        vec![0xff; 10],
        vec![0x80; 9],
    ];
    for length in lengths {
        let mut delta = specimen().header;
        delta.segments = 1;
        delta.delta_size = u64::MAX;
        for header in [&header, &delta.bytes()] {
            refused(&[&header[..], &length, &[0; 64]].concat(), Status::Corrupt);
        }
    }
}

#[test]
fn numbers_that_end_early_or_exceed_64_bits_are_corrupt() {
    let overlong = [vec![0xff; 9], vec![2]].concat();
    for bad in [vec![0x80], vec![0xff; 10], overlong] {
        for column in [INSERT_LENS, COPY_LENS, FROM_STEPS, ZEROS, RUNS] {
            refused(&with_first(|segment| segment.columns[column] = Column::Raw(bad.clone())), Status::Corrupt);
        }
        let mut delta = specimen();
        let body = delta.segments.remove(0).body();
        delta.fit();
        for at in [0, varint(specimen().segments[0].output_len).len()] {
            let spoiled = [&body[..at], &bad, &body[at..]].concat();
            let mut header = specimen().header;
            header.delta_size = u64::MAX;
            refused(&[header.bytes(), forge::frame(&spoiled)].concat(), Status::Corrupt);
        }
    }
}

#[test]
fn columns_hold_exactly_what_the_operations_use() {
    let longer = |column: usize| {
        with_first(move |segment| {
            let mut bytes = segment.columns[column].decoded().unwrap();
            bytes.push(0);
            segment.columns[column] = Column::Raw(bytes);
        })
    };
    let shorter = |column: usize| {
        with_first(move |segment| {
            let mut bytes = segment.columns[column].decoded().unwrap();
            bytes.pop();
            segment.columns[column] = Column::Raw(bytes);
        })
    };
    let used: Vec<_> = {
        let segment = &specimen().segments[0];
        (0..segment.columns.len()).filter(|&column| segment.columns[column] != Column::Empty).collect()
    };
    for column in used {
        refused(&longer(column), Status::Corrupt);
        refused(&shorter(column), Status::Corrupt);
    }
    refused(&with_first(|segment| segment.tail = vec![0]), Status::Corrupt);
    refused(&with_first(|segment| drop(segment.columns.pop())), Status::Corrupt);
    refused(&with_first(|segment| segment.records += 1), Status::Corrupt);
    refused(&with_first(|segment| segment.records -= 1), Status::Corrupt);
    refused(&with_first(|segment| segment.records = u64::MAX), Status::Corrupt);
}

#[test]
fn addends_fit_the_copies_that_they_belong_to() {
    let runs = |zeros: &[u64], runs: &[u64], values: &[u8]| {
        let mut delta = Delta::plain(&old(), &[Op::Copy { from: 0, len: 10, addend: vec![1; 10] }]);
        let columns = &mut delta.segments[0].columns;
        columns[ZEROS] = Column::Raw(varints(zeros));
        columns[RUNS] = Column::Raw(varints(runs));
        columns[VALUES] = Column::Raw(values.to_vec());
        delta.fitted()
    };
    let good = runs(&[0], &[10], &[1; 10]);
    accepted(&good, &apply(&old(), &good, &Limits::default()).unwrap());
    // A run of nothing, beyond its values, beyond its copy, after zeros without end.
    refused(&runs(&[0, 0], &[0, 10], &[1; 10]), Status::Corrupt);
    refused(&runs(&[0], &[11], &[1; 10]), Status::Corrupt);
    refused(&runs(&[0], &[u64::MAX], &[1; 10]), Status::Corrupt);
    refused(&runs(&[1], &[10], &[1; 10]), Status::Corrupt);
    refused(&runs(&[0], &[10], &[1; 11]), Status::Corrupt);
    refused(&runs(&[u64::MAX], &[10], &[1; 10]), Status::Corrupt);
    refused(&runs(&[u64::MAX - 1], &[10], &[1; 10]), Status::Corrupt);
    refused(&runs(&[0, u64::MAX], &[9, 1], &[1; 10]), Status::Corrupt);
    refused(&runs(&[0], &[], &[1; 10]), Status::Corrupt);
    refused(&runs(&[], &[10], &[1; 10]), Status::Corrupt);
    for width in [3, 5, 6, 7, 9, 15, 19, 21, 25, 85, 255] {
        refused(&with_first(|segment| segment.width = width), Status::Unsupported);
    }
    // Lanes without a copy, and more addends than one lane has places.
    let mut delta = Delta::of(&old(), &[(vec![Op::Insert(vec![1; 8])], Layout { width: 8, ..Layout::default() })]);
    delta.segments[0].columns[ZEROS] = Column::Raw(vec![0]);
    delta.segments[0].columns[RUNS] = Column::Raw(vec![1]);
    delta.segments[0].columns[VALUES] = Column::Raw(vec![1]);
    refused(&delta.fitted(), Status::Corrupt);
}

#[test]
fn a_decompression_bomb_is_refused_at_the_size_that_the_delta_declared() {
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
    assert!(bomb.len() < 16 << 10);
    // Larger than the column says.
    for declared in [0, 1, 1 << 10, (64 << 20) - 1] {
        let bytes = with_first(|segment| segment.columns[LITERALS] = Column::Zstd(declared, bomb.clone()));
        refused(&bytes, Status::Corrupt);
    }
    // As large as the column says, and larger than the header says.
    let mut delta = specimen();
    delta.segments[0].columns[LITERALS] = Column::Zstd(64 << 20, bomb.clone());
    delta.fit();
    let asked = delta.header.apply_memory;
    delta.header.apply_memory = 1 << 20;
    refused(&delta.bytes(), Status::Corrupt);
    // As large as both say.
    delta.header.apply_memory = asked;
    refused_within(&delta.bytes(), &Limits::streaming(), Status::Limit);
    // Many columns that only together are too large.
    let mut delta = specimen();
    let part = zstd::bulk::compress(&vec![0; 1 << 20], 19).unwrap();
    delta.segments[0].columns = vec![Column::Zstd(1 << 20, part); 4 + 3 * 4];
    delta.fit();
    delta.header.apply_memory = 8 << 20;
    refused(&delta.bytes(), Status::Corrupt);
}

#[test]
fn a_column_that_declares_more_than_it_holds_is_corrupt() {
    for declared in [35, 1 << 20, 1 << 31, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX] {
        let frame = zstd::bulk::compress(&[7; 34], 19).unwrap();
        let mut delta = specimen();
        delta.segments[0].columns[LITERALS] = Column::Zstd(declared, frame);
        delta.fit();
        delta.header.apply_memory = delta.header.apply_memory.min(4 << 30);
        refused(&delta.bytes(), Status::Corrupt);
        let column = [vec![forge::RAW], varint(declared), vec![7; 34]].concat();
        refused(&with_first(|segment| segment.columns[LITERALS] = Column::Bytes(column)), Status::Corrupt);
    }
}

#[test]
fn a_zstd_frame_that_is_cut_off_or_damaged_or_followed_by_something_is_corrupt() {
    let literals = b"in the beginning, in the beginning";
    let good = zstd::bulk::compress(literals, 19).unwrap();
    let with =
        |frame: Vec<u8>| with_first(|segment| segment.columns[LITERALS] = Column::Zstd(literals.len() as u64, frame));
    accepted(&with(good.clone()), &specimen_new());
    for len in 0..good.len() {
        refused(&with(good[..len].to_vec()), Status::Corrupt);
    }
    refused(&with([&good[..], &[0]].concat()), Status::Corrupt);
    refused(&with([&good[..], &good].concat()), Status::Corrupt);
    refused(&with(vec![0; 34]), Status::Corrupt);
    let new = specimen_new();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(made) = apply(&old(), &with(bad), &Limits::default()) {
            assert_eq!(made, new, "bit {bit}");
        }
    }
}

/// A zstd frame with a window descriptor of its own and one raw block.
fn frame_with_window(descriptor: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, descriptor];
    let block = (content.len() as u32) << 3 | 1;
    frame.extend_from_slice(&block.to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}

#[test]
fn a_zstd_window_allocates_nothing_and_one_that_zstd_lacks_is_corrupt() {
    let literals = b"in the beginning, in the beginning";
    let with = |descriptor: u8| {
        let frame = frame_with_window(descriptor, literals);
        with_first(|segment| segment.columns[LITERALS] = Column::Zstd(literals.len() as u64, frame))
    };
    // 2^10, 2^27 and 2^31 bytes: a column is decoded into its own buffer, so that none is needed.
    for log in [10, 27, 31] {
        accepted(&with((log - 10) << 3), &specimen_new());
    }
    for log in [32, 41] {
        refused(&with((log - 10) << 3), Status::Corrupt);
    }
}

#[test]
fn a_zstd_frame_that_needs_a_dictionary_is_corrupt() {
    let literals = b"in the beginning, in the beginning";
    // Frame header: a dictionary id of one byte, the content size in one byte, one segment.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, literals.len() as u8];
    frame.extend_from_slice(&((literals.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(literals);
    let bytes = with_first(|segment| segment.columns[LITERALS] = Column::Zstd(literals.len() as u64, frame));
    refused(&bytes, Status::Corrupt);
}

/// A delta that copies all of a file of `size` bytes `copies` times over.
fn copies_of_everything(old: Digest, size: u64, new: Digest, copies: u64) -> Vec<u8> {
    let mut delta = Delta::plain(&[], &[]);
    delta.header.old_size = size;
    delta.header.old_digest = old.0;
    delta.header.new_size = size * copies;
    delta.header.new_digest = new.0;
    let segment = &mut delta.segments[0];
    segment.output_len = size * copies;
    segment.records = copies;
    let repeat = |value: u64| Column::zstd(&varint(value).repeat(copies as usize));
    let back = (size as i64).wrapping_neg();
    let mut steps = varint(0);
    (1..copies).for_each(|_| put_varint(&mut steps, zigzag(back)));
    segment.columns[INSERT_LENS] = repeat(0);
    segment.columns[COPY_LENS] = repeat(size);
    segment.columns[FROM_STEPS] = Column::zstd(&steps);
    delta.fitted()
}

/// A delta that takes every second byte of a file, so that no two copies are one.
fn scattered(old: &[u8], copies: usize) -> Vec<u8> {
    let ops: Vec<_> = (0..copies).map(|i| Op::copy(i as u64 * 2 % old.len() as u64, 1)).collect();
    Delta::of(old, &[(ops, Layout { width: 0, compressed: true, ..Layout::default() })]).fitted()
}

/// Fails when `work` has not ended after a time in which it would have ended many times over, had it no more to do
/// than its input and its result are long.
#[track_caller]
fn without_hanging(work: impl FnOnce() + Send + 'static) {
    let (done, wait) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(RecvTimeoutError::Timeout) => panic!("this takes forever"),
        _ => worker.join().unwrap(),
    }
}

#[test]
fn copies_of_everything_times_many_operations_are_limit() {
    let old = old_file(1 << 16);
    let first = scattered(&old, 100_000);
    let middle = Header::read(&mut &first[..]).unwrap();
    let second = copies_of_everything(middle.new_digest, middle.new_size, Digest::of(b"whatever"), 100_000);
    assert!(first.len() + second.len() < 64 << 10);
    let last = onward_from(&Header::read(&mut &second[..]).unwrap());
    without_hanging(move || {
        let options = EncodeOptions { level: 1, ..EncodeOptions::default() };
        let error = compose(&[&first, &second], &options, &Limits::default()).unwrap_err();
        assert_eq!(error.status(), Status::Limit, "{error}");
        // As the first half of a longer composition, where the operations are held in memory.
        let limits = Limits { memory: 64 << 20, ..Limits::default() };
        let error = compose(&[&first, &second, &last], &options, &limits).unwrap_err();
        assert_eq!(error.status(), Status::Limit, "{error}");
    });
}

/// Two places of `middle`, asked for in turn: far from one another, but not so far that the second is looked for from
/// the start.
fn jump_about(old: Vec<u8>, first: Vec<u8>, distance: u64) {
    let middle = apply(&old, &first, &Limits::default()).unwrap();
    let ops: Vec<_> = (0..1_500_000).map(|i| Op::copy(if i % 2 == 0 { 0 } else { distance }, 1)).collect();
    let second = Delta::of(&middle, &[(ops.clone(), Layout { width: 0, compressed: true, ..Layout::default() })]);
    without_hanging(move || {
        let second = second.bytes();
        let composed = compose(&[&first, &second], &small(1), &Limits::default()).unwrap();
        let expected = forge::make(&middle, &ops);
        assert!(apply(&old, &composed, &Limits::default()).unwrap() == expected);
        assert!(apply_chain(&old, &[&first, &second], &Limits::default()).unwrap() == expected);
    });
}

#[test]
fn jumping_about_in_a_delta_costs_no_walk_through_its_operations() {
    let old = old_file(1 << 18);
    let first = scattered(&old, 120_000);
    jump_about(old, first, 65_000);
}

#[test]
fn jumping_about_in_a_delta_costs_no_walk_through_its_addends() {
    let old = old_file(1 << 18);
    let addend = (0..old.len()).map(|i| u8::from(i % 3 == 0)).collect();
    let ops = [Op::Copy { from: 0, len: old.len() as u64, addend }];
    let first = Delta::plain(&old, &ops).bytes();
    jump_about(old, first, 16_200);
}

#[test]
fn links_that_shuffle_bytes_do_not_read_the_old_file_over_and_over() {
    // Each link takes one byte from every kilobyte, then the next from every kilobyte, so that neighbours are never
    // near one another in the file before.
    let size = 1 << 20;
    let ops: Vec<_> = (0..size).map(|i| Op::copy(i * 1024 % size + i * 1024 / size, 1)).collect();
    let mut files = vec![Noise(1).bytes(size as usize)];
    let mut deltas = Vec::new();
    for _ in 0..3 {
        let from = files.last().unwrap();
        let layout = Layout { width: 0, compressed: true, ..Layout::default() };
        deltas.push(Delta::of(from, &[(ops.clone(), layout)]).bytes());
        files.push(forge::make(from, &ops));
    }
    without_hanging(move || {
        let deltas: Vec<_> = deltas.iter().map(|delta| &delta[..]).collect();
        assert!(apply(&files[0], deltas[0], &Limits::default()).unwrap() == files[1]);
        assert!(apply_chain(&files[0], &deltas[..2], &Limits::default()).unwrap() == files[2]);
        assert!(apply_chain(&files[0], &deltas, &Limits::default()).unwrap() == files[3]);
    });
}

#[test]
fn operations_beyond_the_limit_are_limit() {
    let old = old_file(1 << 12);
    let first = scattered(&old, 1_000);
    let middle = apply(&old, &first, &Limits::default()).unwrap();
    let second = Delta::plain(&middle, &vec![Op::copy(0, 1_000); 3]).bytes();
    let limits = |operations| Limits { operations, ..Limits::default() };
    assert_eq!(compose(&[&first, &second], &small(1), &limits(2_999)).unwrap_err().status(), Status::Limit);
    assert!(compose(&[&first, &second], &small(1), &limits(3_100)).is_ok());
}

#[test]
fn operations_that_do_not_fit_the_memory_are_limit() {
    let old = old_file(1 << 16);
    let first = scattered(&old, 30_000);
    let middle = apply(&old, &first, &Limits::default()).unwrap();
    let second = Delta::plain(&middle, &[Op::copy(0, 30_000)]).bytes();
    let limits = |memory| Limits { memory, ..Limits::default() };
    let needs = Header::read(&mut &first[..]).unwrap().apply_memory;
    assert_eq!(compose(&[&first, &second], &small(1), &limits(needs)).unwrap_err().status(), Status::Limit);
    assert_eq!(apply_chain(&old, &[&first, &second], &limits(needs)).unwrap_err().status(), Status::Limit);
    assert!(compose(&[&first, &second], &small(1), &limits(4 << 20)).is_ok());
}

#[test]
fn deltas_that_do_not_continue_one_another_are_source_mismatch() {
    let delta = specimen().bytes();
    let results: [Result<Vec<u8>, Error>; 3] = [
        compose(&[&delta, &delta], &small(1), &Limits::default()),
        compose(&[&delta, &delta, &delta], &small(1), &Limits::default()),
        apply_chain(&old(), &[&delta, &delta], &Limits::default()),
    ];
    for result in results {
        assert_eq!(result.unwrap_err().status(), Status::SourceMismatch);
    }
    // The right digest with another size.
    let mut second = onward_from(&Header::read(&mut &delta[..]).unwrap());
    second = {
        let mut second = Delta::read(&second).unwrap();
        second.header.old_size += 1;
        second.fitted()
    };
    assert_eq!(
        compose(&[&delta, &second], &small(1), &Limits::default()).unwrap_err().status(),
        Status::SourceMismatch
    );
}

#[test]
fn nothing_to_work_on_is_an_invalid_argument() {
    assert_eq!(compose(&[], &small(1), &Limits::default()).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(apply_chain(&old(), &[], &Limits::default()).unwrap_err().status(), Status::InvalidArgument);
    for options in [
        EncodeOptions { level: 10, ..EncodeOptions::default() },
        EncodeOptions { max_apply_memory: 1, ..EncodeOptions::default() },
    ] {
        let delta = specimen().bytes();
        assert_eq!(compose(&[&delta], &options, &Limits::default()).unwrap_err().status(), Status::InvalidArgument);
    }
}

#[test]
fn noise_is_never_a_delta() {
    let mut noise = Noise(5);
    for len in 0..2_000 {
        let bytes = noise.bytes(len);
        assert_eq!(verify(&bytes, None, &Limits::default()).unwrap_err().status(), Status::Corrupt);
        let framed = [specimen().header.bytes(), bytes].concat();
        assert!(verify(&forge::reseal(&framed), None, &Limits::streaming()).is_err());
    }
}
