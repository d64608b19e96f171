//! The laws of covers, on pairs that are built from edits, whole and in windows far smaller than the files.

use proptest::prelude::*;

use super::*;
use crate::cancel::CancelToken;
use crate::error::Status;

const TINY: Limits = Limits { old: 6 << 10, new: 2 << 10 };

fn covers_within(old: &[u8], new: &[u8], level: u8, limits: Limits) -> Vec<Cover> {
    let covers = find_in_windows(&old, &new, level, limits, &mut Task::new()).unwrap();
    check(old, new, &covers);
    covers
}

fn check(old: &[u8], new: &[u8], covers: &[Cover]) {
    let mut end = 0;
    for cover in covers {
        assert!(cover.len > 0 && cover.new >= end, "{cover:?} begins before {end}");
        assert!(
            cover.old_end() <= old.len() as u64 && cover.new_end() <= new.len() as u64,
            "{cover:?} reaches too far"
        );
        end = cover.new_end();
    }
}

/// How many bytes of `new` the covers give without an addend.
fn equal_bytes(old: &[u8], new: &[u8], covers: &[Cover]) -> usize {
    let equal = |cover: &Cover| {
        let old = &old[cover.old as usize..][..cover.len as usize];
        cover.len as usize - bytes::differences(old, &new[cover.new as usize..][..cover.len as usize])
    };
    covers.iter().map(equal).sum()
}

/// Noise without any repetition.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[derive(Clone, Debug)]
enum Edit {
    Keep(usize),
    Skip(usize),
    Jump(usize),
    Insert(Vec<u8>),
    Run(u8, usize),
    Noisy(usize, u8),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (1usize..3000).prop_map(Edit::Keep),
        (1usize..500).prop_map(Edit::Skip),
        any::<usize>().prop_map(Edit::Jump),
        prop::collection::vec(any::<u8>(), 1..200).prop_map(Edit::Insert),
        (any::<u8>(), 1usize..2000).prop_map(|(byte, len)| Edit::Run(byte, len)),
        (1usize..2000, 2u8..9).prop_map(|(len, every)| Edit::Noisy(len, every)),
    ];
    prop::collection::vec(edit, 0..12)
}

fn edited(old: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut new = Vec::new();
    let mut from = 0;
    for edit in edits {
        let part = |from: usize, len: usize| &old[from.min(old.len())..(from + len).min(old.len())];
        match edit {
            Edit::Keep(len) => {
                new.extend_from_slice(part(from, *len));
                from += len;
            }
            Edit::Skip(len) => from += len,
            Edit::Jump(to) => from = to % (old.len() + 1),
            Edit::Insert(bytes) => new.extend_from_slice(bytes),
            Edit::Run(byte, len) => new.resize(new.len() + len, *byte),
            Edit::Noisy(len, every) => {
                let changed =
                    |(index, byte): (usize, &u8)| byte.wrapping_add(u8::from(index % usize::from(*every) == 0));
                new.extend(part(from, *len).iter().enumerate().map(changed));
                from += len;
            }
        }
    }
    new
}

fn old_file() -> impl Strategy<Value = Vec<u8>> {
    (0usize..12_000, any::<u64>(), prop_oneof![Just(0u8), Just(1), Just(3), Just(255)])
        .prop_map(|(len, seed, mask)| noise(len, seed).into_iter().map(|byte| byte & mask).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn covers_are_sorted_disjoint_and_inside_both_files(old in old_file(), edits in edits()) {
        let new = edited(&old, &edits);
        for level in [1, 6] {
            covers_within(&old, &new, level, Limits::DEFAULT);
            covers_within(&old, &new, level, TINY);
        }
    }

    #[test]
    fn the_classic_engine_gives_the_same_kind_of_covers(old in old_file(), edits in edits()) {
        let new = edited(&old, &edits);
        for window in [bsdiff::WINDOW, 1 << 10] {
            let covers = bsdiff::find_covers(&old, &new, window, &mut Task::new()).unwrap();
            check(&old, &new, &covers);
        }
    }
}

#[test]
fn identical_files_are_one_cover() {
    for len in [1, 511, 100_000] {
        let file = noise(len, 1);
        for level in [1, 6] {
            let covers = covers_within(&file, &file, level, TINY);
            assert_eq!(covers, [Cover { old: 0, new: 0, len: len as u64 }]);
        }
    }
    assert_eq!(covers_within(b"", b"", 6, TINY), []);
    assert_eq!(covers_within(b"", b"new", 6, TINY), []);
    assert_eq!(covers_within(b"old", b"", 6, TINY), []);
}

#[test]
fn a_moved_block_is_found_wherever_it_lies() {
    let (a, b, c) = (noise(5_000, 1), noise(3_000, 2), noise(40_000, 3));
    let old = [&a[..], &b, &c].concat();
    let new = [&a[..], &c, &b].concat();
    for (level, limits) in [(1, Limits::DEFAULT), (6, Limits::DEFAULT), (6, TINY)] {
        let covers = covers_within(&old, &new, level, limits);
        assert_eq!(equal_bytes(&old, &new, &covers), new.len());
        assert_eq!(covers.len(), 3);
    }
}

#[test]
fn a_short_change_keeps_its_diagonal() {
    let old = noise(200_000, 1);
    let mut new = old.clone();
    for position in [10_000, 10_001, 90_000, 90_040] {
        new[position] ^= 0x55;
    }
    new.splice(150_000..150_000, noise(77, 2));
    for level in [1, 6] {
        let covers = covers_within(&old, &new, level, TINY);
        assert_eq!(equal_bytes(&old, &new, &covers), old.len() - 4);
        assert_eq!(covers.len(), 2);
    }
}

#[test]
fn a_small_window_finds_what_equal_blocks_around_it_point_to() {
    // The second half moves to the front, further than a window of the old file reaches, with changes inside it that
    // leave no equal block between them.
    let old = noise(400_000, 1);
    let mut moved = old[200_000..].to_vec();
    for position in (50_000..53_000).step_by(100) {
        moved[position] ^= 1;
    }
    let new = [&moved[..], &old[..200_000]].concat();
    let covers = covers_within(&old, &new, 6, TINY);
    assert_eq!(covers.len(), 2);
    assert_eq!(equal_bytes(&old, &new, &covers), new.len() - 30);
}

#[test]
fn swapped_halves_are_found_with_no_long_equal_stretch_and_no_window_that_holds_both() {
    let old = noise(400_000, 1);
    let mut new = [&old[200_000..], &old[..200_000]].concat();
    new.iter_mut().step_by(97).for_each(|byte| *byte ^= 1);
    for level in [1, 6] {
        let covers = covers_within(&old, &new, level, TINY);
        // What is lost lies where tiny windows cut.
        assert!(equal_bytes(&old, &new, &covers) > new.len() * 9 / 10, "level {level}");
    }
}

#[test]
fn retrained_weights_stay_on_their_diagonal() {
    // Of each four bytes the last one stays, the third moves a little and the others are noise, behind a header that
    // has grown.
    let mut old = noise(300_000, 1);
    let mut new = noise(300_000, 2);
    for index in (3..old.len()).step_by(4) {
        old[index] &= 3;
        new[index] = old[index];
        new[index - 1] = old[index - 1].wrapping_add(new[index - 1] & 1);
    }
    let (header, longer) = (noise(1000, 3), noise(1048, 4));
    let old = [&header[..], &old].concat();
    let new = [&longer[..], &new].concat();
    // Also where windows cut them and only the files' ends tell the diagonal.
    for limits in [Limits::DEFAULT, Limits { old: 192 << 10, new: 64 << 10 }] {
        let covers = covers_within(&old, &new, 6, limits);
        assert!(covers.iter().all(|cover| cover.old + 48 == cover.new), "{covers:?}");
        assert!(equal_bytes(&old, &new, &covers) >= 100_000);
    }
}

#[test]
fn runs_and_periods_cost_no_more_than_other_files() {
    // Quadratic work on these would take hours.
    let zeros = vec![0u8; 4 << 20];
    let mut dotted = zeros.clone();
    dotted.iter_mut().step_by(997).for_each(|byte| *byte = 1);
    let period: Vec<u8> = b"ab".iter().copied().cycle().take(4 << 20).collect();
    let mut shifted = period[1..].to_vec();
    shifted.iter_mut().step_by(1009).for_each(|byte| *byte = b'c');
    for (old, new) in [(&zeros, &dotted), (&dotted, &zeros), (&period, &shifted), (&shifted, &period)] {
        for level in [1, 6] {
            covers_within(old, new, level, Limits::DEFAULT);
        }
    }
}

#[test]
fn a_raised_token_stops_the_search() {
    let (old, new) = (noise(300_000, 1), noise(300_000, 2));
    for engine in [Engine::Auto, Engine::Bsdiff] {
        let token = CancelToken::new();
        token.cancel();
        let error = find_covers(&old, &new, engine, 6, &mut Task::with_cancel(token)).unwrap_err();
        assert_eq!(error.status(), Status::Cancelled);
    }
}
