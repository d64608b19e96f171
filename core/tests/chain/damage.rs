//! Chains that were torn or damaged on the way.

use patchcore::chain::Chain;
use patchcore::{Digest, Limits, Result, Status, Task};

use crate::{Lab, apply, assert_status, noise, squash};

fn open(bytes: &[u8]) -> Result<Chain> {
    Chain::from_source(Box::new(bytes.to_vec()))
}

fn verify(chain: &Chain) -> Result<u64> {
    Ok(chain.verify(&Limits::default(), &mut Task::new())?.ignored_tail)
}

/// A chain before and after an append.
fn before_and_after() -> (Vec<u8>, Vec<u8>) {
    let lab = Lab::new(&[b"one", b"two"]);
    let before = lab.bytes();
    lab.append(b"two", b"three").unwrap();
    (before, lab.bytes())
}

#[track_caller]
fn assert_is_before(bytes: &[u8], tail: usize) {
    let chain = open(bytes).unwrap();
    assert_eq!((chain.versions().len(), chain.ignored_tail()), (2, tail as u64));
    assert_eq!(apply(&chain, b"one", None).unwrap().0, b"two");
    assert_eq!(verify(&chain).unwrap(), tail as u64);
}

#[test]
fn an_append_torn_at_any_byte_leaves_the_old_chain() {
    let (before, after) = before_and_after();
    for len in before.len()..after.len() {
        assert_is_before(&after[..len], len - before.len());
        // The size of the file may be durable before its bytes are.
        let mut zeros = after[..len].to_vec();
        zeros.resize(after.len(), 0);
        assert_is_before(&zeros, after.len() - before.len());
    }
    assert_eq!(open(&after).unwrap().versions().len(), 3);
}

#[test]
fn a_new_chain_torn_at_any_byte_is_corrupt() {
    let (before, _) = before_and_after();
    for len in 0..before.len() {
        let error = assert_status(open(&before[..len]), Status::Corrupt);
        assert!(error.offset().is_some_and(|offset| offset <= len as u64));
    }
}

#[test]
fn anything_behind_the_last_footer_is_ignored() {
    let (before, after) = before_and_after();
    let old_tail = &before[24..];
    let second = &after[before.len()..];
    for garbage in [&[0][..], &[0xff; 40], &noise(100_000, 3), old_tail, &second[1..], &[old_tail, second].concat()] {
        assert_is_before(&[&before[..], garbage].concat(), garbage.len());
    }
}

#[test]
fn the_next_append_repairs_a_torn_tail() {
    let (before, after) = before_and_after();
    let lab = Lab::empty();
    let lens = (before.len()..after.len()).step_by(13);
    for len in lens.chain([after.len() - 1]) {
        std::fs::write(&lab.path, &after[..len]).unwrap();
        lab.append(b"two", b"three").unwrap();
        assert_eq!(lab.bytes(), after);
    }
    std::fs::write(&lab.path, [&before[..], &noise(100_000, 3)].concat()).unwrap();
    lab.append(b"two", b"three").unwrap();
    assert_eq!(lab.bytes(), after);
}

#[test]
fn a_refused_append_does_not_touch_a_torn_tail() {
    let (_, after) = before_and_after();
    let lab = Lab::empty();
    std::fs::write(&lab.path, &after[..after.len() - 1]).unwrap();
    assert_status(lab.append(b"one", b"two"), Status::InvalidArgument);
    assert_eq!(lab.bytes(), &after[..after.len() - 1]);
}

#[test]
fn every_flipped_bit_of_a_new_chain_is_found() {
    let (good, _) = before_and_after();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = match open(&bad) {
            Err(error) => error,
            Ok(chain) => verify(&chain).unwrap_err(),
        };
        assert!(matches!(error.status(), Status::Corrupt | Status::Unsupported), "bit {bit}: {error}");
        assert!(error.offset().is_some(), "bit {bit}: {error}");
    }
}

#[test]
fn a_flipped_bit_in_the_last_index_or_footer_leaves_the_index_before() {
    let (before, after) = before_and_after();
    let link = open(&after).unwrap().links().last().unwrap().clone();
    let link_end = (link.offset + link.size) as usize;
    for bit in link_end * 8..after.len() * 8 {
        let mut bad = after.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_is_before(&bad, after.len() - before.len());
    }
}

#[test]
fn a_damaged_link_is_named_by_its_place_in_the_file() {
    let lab = Lab::new(&[&noise(500, 1), &noise(500, 2), &noise(500, 3)]);
    let good = lab.bytes();
    let links: Vec<_> = lab.open().links().cloned().collect();
    for link in &links {
        let place = link.offset..link.offset + link.size;
        for at in place.clone() {
            let mut bad = good.clone();
            bad[at as usize] ^= 0x10;
            let chain = open(&bad).unwrap();
            for error in [
                verify(&chain).unwrap_err(),
                apply(&chain, &noise(500, 1), None).unwrap_err(),
                squash(&chain, 0, 2).unwrap_err(),
                squash(&chain, link.from, link.to).unwrap_err(),
            ] {
                assert!(matches!(error.status(), Status::Corrupt | Status::Unsupported), "byte {at}: {error}");
                assert!(error.offset().is_some_and(|offset| place.contains(&offset) || offset == place.end), "{error}");
            }
        }
    }
}

#[test]
fn a_link_between_other_versions_than_the_index_says_is_corrupt() {
    let lab = Lab::new(&[b"aaa", b"bbb", b"ccc"]);
    let links: Vec<_> = lab.open().links().cloned().collect();
    assert_eq!(links[0].size, links[1].size);
    let mut bytes = lab.bytes();
    let range = |i: usize| links[i].offset as usize..(links[i].offset + links[i].size) as usize;
    let second = bytes[range(1)].to_vec();
    bytes[range(0)].copy_from_slice(&second);
    let chain = open(&bytes).unwrap();
    assert_status(verify(&chain), Status::Corrupt);
    assert_status(squash(&chain, 0, 1), Status::Corrupt);
    let error = assert_status(apply(&chain, b"aaa", None), Status::Corrupt);
    assert_eq!(error.offset(), Some(links[0].offset));
    assert_eq!(apply(&chain, b"bbb", None).unwrap().0, b"ccc");
    assert_eq!(chain.find_digest(&Digest::of(b"aaa")), Some(0));
}
