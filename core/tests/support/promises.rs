//! What every delta promises about its result, its size and the memory that it takes.

use patchcore::delta::{DiffOptions, EncodeOptions, Header};
use patchcore::{Digest, Limits, Status};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::calls::{apply, at_level, diff, push, verify};
use super::forge::Delta;

const MIB: u64 = 1 << 20;

/// Everything that holds for each delta that an engine writes.
pub fn check_delta(old: &[u8], new: &[u8], delta: &[u8], options: &EncodeOptions) -> TestCaseResult {
    let header = Header::read(&mut &delta[..]).unwrap();
    prop_assert_eq!(header.old_digest, Digest::of(old));
    prop_assert_eq!(header.new_digest, Digest::of(new));
    prop_assert_eq!(header.delta_size, delta.len() as u64);
    let allowed = if options.max_apply_memory == 0 { 12 * MIB } else { options.max_apply_memory };
    prop_assert!(header.apply_memory <= allowed, "{} of {allowed} bytes to apply", header.apply_memory);

    let exactly = Limits { memory: header.apply_memory, ..Limits::default() };
    let found = verify(delta, Some(old), &exactly).unwrap();
    prop_assert_eq!(found.copied_bytes + found.inserted_bytes, new.len() as u64);
    prop_assert_eq!(&apply(old, delta, &exactly).unwrap()[..], new);
    prop_assert_eq!(&push(old, delta, &exactly).unwrap()[..], new);
    let one_less = Limits { memory: header.apply_memory - 1, ..Limits::default() };
    prop_assert_eq!(apply(old, delta, &one_less).unwrap_err().status(), Status::Limit);
    if !new.is_empty() {
        let short = Limits { output: new.len() as u64 - 1, ..Limits::default() };
        if short.output > 0 {
            prop_assert_eq!(apply(old, delta, &short).unwrap_err().status(), Status::Limit);
        }
    }
    if old == new {
        prop_assert!(delta.len() <= 200, "{} bytes for identical files", delta.len());
    }
    Ok(())
}

/// zstd's own level at each of ours, from 1 on.
const ZSTD_LEVELS: [i32; 9] = [1, 3, 6, 10, 15, 19, 19, 22, 22];

/// A delta takes at most what zstd makes of the new bytes, cut into the same segments, plus 1 KiB, plus 32 bytes a segment.
pub fn check_worst_case(old: &[u8], new: &[u8], level: u8) -> TestCaseResult {
    check_worst_case_of(old, new, &at_level(level))
}

/// The same with other options; `level` must be given.
pub fn check_worst_case_of(old: &[u8], new: &[u8], options: &DiffOptions) -> TestCaseResult {
    let level = options.encode.level;
    let delta = diff(old, new, options).unwrap();
    let header = Header::read(&mut &delta[..]).unwrap();
    let made = apply(old, &delta, &Limits { memory: u64::MAX, ..Limits::default() }).unwrap();
    prop_assert!(made == new);
    let cut = Delta::read(&delta).unwrap();
    let mut start = 0;
    let mut most = 1024 + 32 * header.segments as usize;
    for segment in &cut.segments {
        let end = start + segment.output_len as usize;
        most += zstd::bulk::compress(&new[start..end], ZSTD_LEVELS[usize::from(level) - 1]).unwrap().len();
        start = end;
    }
    prop_assert!(delta.len() <= most, "{} bytes at level {}, {} promised", delta.len(), level, most);
    Ok(())
}
