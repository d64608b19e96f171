//! Inputs that once made matching hang, overrun or crawl, each with the promise that it broke.

mod support;

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use patchcore::Limits;

use support::calls::{apply, at_level, diff};
use support::files::Noise;

/// The shortest block that is looked for where no suffix array is built, and where one is.
const SHORT_BLOCK: usize = 24;
const BLOCK: usize = 512;

/// Makes the delta, applies it, and returns its size; fails where that has not ended after many times its due.
#[track_caller]
fn round_trip(old: &[u8], new: &[u8], level: u8) -> usize {
    let (done, wait) = std::sync::mpsc::channel();
    let (old, new) = (old.to_vec(), new.to_vec());
    let worker = std::thread::spawn(move || {
        let delta = diff(&old, &new, &at_level(level)).unwrap();
        assert!(apply(&old, &delta, &Limits::default()).unwrap() == new, "the delta makes another file");
        let _ = done.send(());
        delta.len()
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(RecvTimeoutError::Timeout) => panic!("this takes forever"),
        // The worker either has an answer or fails with its own message.
        _ => worker.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)),
    }
}

#[test]
fn an_old_file_of_exactly_one_block_is_searched_to_an_end() {
    let new = Noise(1).bytes(64 << 10);
    for (level, block) in [(1, SHORT_BLOCK), (6, BLOCK)] {
        for len in [block - 1, block, block + 1, block * 3 / 2, 2 * block - 1, 2 * block] {
            let size = round_trip(&Noise(2).bytes(len), &new, level);
            assert!(size < new.len() + 400, "{len} bytes at level {level}: {size}");
        }
    }
}

#[test]
fn one_block_is_found_in_noise() {
    for (level, block) in [(1, SHORT_BLOCK), (6, BLOCK)] {
        let old = Noise(2).bytes(block * 3 / 2);
        let noise = Noise(1).bytes(64 << 10);
        let new = [&noise[..30_001], &old[..], &noise[30_001..]].concat();
        let without = round_trip(b"", &new, level);
        let with = round_trip(&old, &new, level);
        assert!(with < without, "level {level}: {with} bytes with the block, {without} without");
    }
}

#[test]
fn an_old_file_shorter_than_a_word_goes_with_any_new_file() {
    let noise = Noise(3).bytes(5_000);
    for old_len in 0..8 {
        let old = &noise[1_000..1_000 + old_len];
        let mut news: Vec<_> = (0..20).map(|len| noise[..len].to_vec()).collect();
        news.extend([noise.clone(), vec![0; 5_000], old.repeat(700), [&noise[..999], old].concat()]);
        for new in &news {
            for level in [1, 3, 6, 9] {
                round_trip(old, new, level);
            }
        }
    }
}

#[test]
fn a_match_at_the_very_end_of_the_old_file_is_found() {
    for (level, least) in [(1, 2 * BLOCK), (3, 32), (6, 32), (9, 32)] {
        let old = Noise(4).bytes(40_000);
        for len in [least, least + 1, 3_001] {
            let end = &old[old.len() - len..];
            let noise = Noise(5).bytes(20_000);
            // Before noise, behind it and between, so that neither end of the new file gives it away.
            for at in [0, 1, 10_007, noise.len()] {
                let new = [&noise[..at], end, &noise[at..]].concat();
                let size = round_trip(&old, &new, level);
                let most = noise.len() + 400;
                assert!(size < most, "{len} bytes at {at}, level {level}: {size}");
            }
        }
    }
}

const LONG: usize = 4 << 20;

/// 16 bytes changed, 1 inserted, 3 removed.
fn edited(file: &[u8]) -> Vec<u8> {
    let mut new = file.to_vec();
    let mut noise = Noise(6);
    for _ in 0..16 {
        let at = noise.below(new.len());
        new[at] = new[at].wrapping_add(1 + noise.below(255) as u8);
    }
    new.insert(LONG / 3, b'!');
    new.drain(LONG / 2..LONG / 2 + 3);
    new
}

#[track_caller]
fn is_small_and_soon_done(old: &[u8], new: &[u8]) {
    for level in [1, 6, 9] {
        let size = round_trip(old, new, level);
        assert!(size < 4_000, "level {level}: {size}");
    }
}

#[test]
fn megabytes_of_zeros_with_edits_are_done_in_seconds() {
    let zeros = vec![0; LONG];
    let new = edited(&zeros);
    is_small_and_soon_done(&zeros, &new);
    is_small_and_soon_done(&new, &zeros);
    is_small_and_soon_done(&new, &edited(&new));
}

#[test]
fn megabytes_of_a_pair_of_bytes_are_done_in_seconds() {
    let pairs = b"ab".repeat(LONG / 2);
    is_small_and_soon_done(&pairs, &edited(&pairs));
    is_small_and_soon_done(&edited(&pairs), &pairs);
    is_small_and_soon_done(&pairs, &[b"b", &pairs[..]].concat());
}

#[test]
fn megabytes_of_a_long_period_are_done_in_seconds() {
    let periods = Noise(7).bytes(64 << 10).repeat(LONG >> 16);
    is_small_and_soon_done(&periods, &edited(&periods));
    is_small_and_soon_done(&edited(&periods), &periods);
    is_small_and_soon_done(&periods, &[&periods[12_345..], &periods[..]].concat());
}
