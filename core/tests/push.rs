//! A device is fed its delta as it arrives: any packets, any power cuts, bounded work in each call.

mod support;

use patchcore::delta::{CHECKPOINT_SIZE, DiffOptions, EncodeOptions, PushApplier, PushOptions};
use patchcore::{Digest, Error, Limits, Status};
use proptest::prelude::*;

use support::calls::{at_level, compose, diff, small};
use support::files::{Noise, versions};
use support::slot::{Memory, applier, apply, feed};

fn noise(len: usize, seed: u64) -> Vec<u8> {
    Noise(seed).bytes(len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_packets_and_any_bound_on_work_make_the_new_file(
        versions in versions(1, 60 << 10),
        level in 1..=9u8,
        packet in 1..5_000usize,
        work in 1..10_000u64,
    ) {
        let [old, new] = &versions.files()[..] else { unreachable!() };
        let delta = diff(old, new, &DiffOptions { encode: small(level), ..at_level(level) }).unwrap();
        let options = PushOptions { work, ..PushOptions::default() };
        prop_assert_eq!(&apply(old, &delta, packet, &options).unwrap(), new);
    }

    #[test]
    fn power_may_fail_between_any_two_calls(
        versions in versions(2, 90 << 10),
        level in 1..=9u8,
        packet in 1..3_000usize,
        work in 200..20_000u64,
        cuts in proptest::collection::vec((0..12usize, 0..12usize), 0..8),
    ) {
        // The checks of a squashed delta cover several segments.
        let [old, between, new] = &versions.files()[..] else { unreachable!() };
        let options = DiffOptions { encode: small(level), ..at_level(level) };
        let links = [diff(old, between, &options).unwrap(), diff(between, new, &options).unwrap()];
        let delta = compose(&[&links[0], &links[1]], &small(level), &Limits::default()).unwrap();
        let options = PushOptions { work, ..PushOptions::default() };
        let slot = Memory::default();
        let mut applier = applier(old, &slot, &options);
        let mut position = 0;
        let mut kept: Option<Vec<u8>> = None;
        for (calls_before, calls_after) in cuts {
            for call in 0..calls_before + calls_after {
                if call == calls_before {
                    kept = Some(applier.checkpoint().unwrap());
                    prop_assert!(kept.as_ref().unwrap().len() <= CHECKPOINT_SIZE);
                }
                position += applier.push(&delta[position..delta.len().min(position + packet)]).unwrap();
                prop_assert_eq!(applier.delta_offset(), position as u64);
            }
            slot.lose_what_is_not_durable();
            applier = match &kept {
                Some(kept) => {
                    PushApplier::resume(Box::new(old.clone()), Box::new(slot.clone()), &options, kept).unwrap()
                }
                None => self::applier(old, &slot, &options),
            };
            position = applier.delta_offset() as usize;
            prop_assert_eq!(applier.output_offset(), slot.bytes().len() as u64);
        }
        feed(&mut applier, &delta[position..], packet).unwrap();
        applier.finish().unwrap();
        prop_assert_eq!(&slot.bytes(), new);
    }
}

#[test]
fn no_call_makes_much_more_than_it_may() {
    let file = noise(3 << 20, 1);
    let delta = diff(&file, &file, &at_level(6)).unwrap();
    assert!(delta.len() < 200);
    let slot = Memory::default();
    let mut applier = applier(&file, &slot, &PushOptions { work: 10_000, ..PushOptions::default() });
    let mut rest = &delta[..];
    let mut calls = 0;
    while !rest.is_empty() {
        rest = &rest[applier.push(rest).unwrap()..];
        assert!(slot.take_written() <= 10_000);
        calls += 1;
    }
    assert!(calls > 2 * file.len() / 10_000, "{calls}");
    applier.finish().unwrap();
    assert_eq!(slot.bytes(), file);
}

#[test]
fn another_old_file_is_refused_before_anything_is_written() {
    let (old, new) = (noise(50_000, 1), noise(50_000, 2));
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    for wrong in [noise(50_000, 3), noise(49_999, 1)] {
        let slot = Memory::default();
        let error = feed(&mut applier(&wrong, &slot, &PushOptions::default()), &delta, 1024).unwrap_err();
        assert_eq!(error.status(), Status::SourceMismatch);
        assert!(slot.bytes().is_empty());
    }
}

#[test]
fn a_delta_that_needs_more_memory_is_refused_up_front() {
    let (old, new) = (noise(400_000, 1), noise(800_000, 2));
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    let tight = PushOptions { memory: 256 << 10, ..PushOptions::default() };
    assert_eq!(apply(&old, &delta, 1024, &tight).unwrap_err().status(), Status::Limit);
    let encode = EncodeOptions { max_apply_memory: 256 << 10, ..EncodeOptions::default() };
    let fits = diff(&old, &new, &DiffOptions { encode, ..DiffOptions::default() }).unwrap();
    assert_eq!(apply(&old, &fits, 1024, &tight).unwrap(), new);
    let short = PushOptions { output: 1000, ..PushOptions::default() };
    assert_eq!(apply(&old, &fits, 1024, &short).unwrap_err().status(), Status::Limit);
}

#[test]
fn a_delta_that_ends_early_is_corrupt_until_the_rest_is_fed_and_one_that_goes_on_for_good() {
    let (old, new) = (noise(30_000, 1), noise(30_000, 2));
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    for end in [0, 1, 131, 132, 133, delta.len() - 1] {
        let slot = Memory::default();
        let mut applier = applier(&old, &slot, &PushOptions::default());
        feed(&mut applier, &delta[..end], 1024).unwrap();
        assert_eq!(applier.finish().unwrap_err().status(), Status::Corrupt, "{end}");
        feed(&mut applier, &delta[end..], 1024).unwrap();
        assert_eq!(applier.finish().unwrap().new_digest, Digest::of(&new));
    }
    let longer = [&delta[..], b"x"].concat();
    let mut applier = applier(&old, &Memory::default(), &PushOptions::default());
    assert_eq!(feed(&mut applier, &longer, 1024).unwrap_err().status(), Status::Corrupt);
    for failed in [applier.push(b"x").map(drop), applier.checkpoint().map(drop), applier.finish().map(drop)] {
        assert_eq!(failed.unwrap_err().status(), Status::InvalidArgument);
    }
}

#[test]
fn every_flipped_bit_of_a_delta_is_told() {
    let (old, new) = (noise(300, 1), [noise(200, 1), noise(40, 2)].concat());
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    for bit in 0..delta.len() * 8 {
        let mut bad = delta.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(apply(&old, &bad, 7, &PushOptions::default()).is_err(), "bit {bit}");
    }
}

#[test]
fn storage_that_reads_back_other_bytes_is_found_before_the_slots_are_swapped() {
    let (old, new) = (noise(30_000, 1), noise(30_000, 2));
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    for (lies, expected) in [(false, Status::Ok), (true, Status::TargetMismatch)] {
        let slot = Memory::that_reads_back(lies);
        let mut applier = applier(&old, &slot, &PushOptions::default());
        feed(&mut applier, &delta, 1024).unwrap();
        let status = applier.finish().map_or_else(|e| e.status(), |_| Status::Ok);
        assert_eq!(status, expected);
    }
}

#[test]
fn a_checkpoint_of_another_update_is_refused_where_it_shows() {
    let (old, new) = (noise(30_000, 1), noise(30_000, 2));
    let delta = diff(&old, &new, &at_level(6)).unwrap();
    let slot = Memory::default();
    let mut first = applier(&old, &slot, &PushOptions { work: 5_000, ..PushOptions::default() });
    while first.output_offset() == 0 {
        let at = first.delta_offset() as usize;
        first.push(&delta[at..]).unwrap();
    }
    let checkpoint = first.checkpoint().unwrap();
    let resume = |old: Vec<u8>, options: &PushOptions| {
        PushApplier::resume(Box::new(old), Box::new(slot.clone()), options, &checkpoint).map(|_| ()).map_err(status)
    };
    assert_eq!(resume(old.clone(), &PushOptions::default()), Ok(()));
    assert_eq!(resume(noise(29_999, 1), &PushOptions::default()), Err(Status::SourceMismatch));
    let tight = PushOptions { output: 1, ..PushOptions::default() };
    assert_eq!(resume(old, &tight), Err(Status::Limit));
}

fn status(error: Error) -> Status {
    error.status()
}
