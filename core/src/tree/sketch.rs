//! Which old file a large new one has most in common with, told by samples of their content: code moves from one file to
//! another, and names do not say so.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::{Event, Phase, Task, Unit};
use crate::tree::compare::Need;
use crate::tree::item::FileItem;
use crate::tree::parallel;
use crate::tree::patch::Source;
use crate::tree::path::TreePath;
use crate::tree::scan::Snapshot;

/// Smaller files are not worth the look.
const LEAST_SIZE: u64 = 64 << 10;
/// How many samples stand for a file at most.
const MOST_SAMPLES: usize = 512;
/// How many samples of what a file gained are kept at most.
const MOST_GAINED: usize = 4096;
/// One place in so many is a sample.
const RATE_BITS: u32 = 10;
/// How much more another file must have in common, in hundredths, than the one at the same path or with the same name.
const LEAST_GAIN: usize = 10;
const BUFFER_LEN: usize = 128 << 10;

/// Gives each of `needs` that may be made from an old file the one among `candidates` that is most like it.
pub(super) fn choose_sources(
    old: &Snapshot,
    new: &Snapshot,
    candidates: &[(TreePath, FileItem)],
    needs: &mut BTreeMap<TreePath, Need>,
    threads: usize,
    task: &mut Task<'_>,
) -> Result<()> {
    let wanted = needs.iter_mut().filter(|(_, need)| need.may_have_source && need.file.size >= LEAST_SIZE);
    let mut wanted: Vec<(&TreePath, &mut Need)> = wanted.collect();
    let candidates: Vec<_> = candidates.iter().filter(|(_, file)| file.size >= LEAST_SIZE).collect();
    let only_itself = wanted.len() == 1
        && candidates.len() == 1
        && wanted[0].1.source.as_ref().is_some_and(|source| source.path == candidates[0].0);
    if wanted.is_empty() || candidates.is_empty() || only_itself {
        return Ok(());
    }
    let jobs = candidates.iter().map(|(path, file)| (true, path.clone(), file.size));
    let jobs: Vec<_> = jobs.chain(wanted.iter().map(|(path, need)| (false, (*path).clone(), need.file.size))).collect();
    task.begin(Phase::Match, jobs.iter().map(|(.., size)| *size).sum(), Unit::Bytes)?;
    let gear = gear();
    let prepare = || (old.reader(), new.reader());
    let sketches = parallel::run(&jobs, threads, task, prepare, |(old, new), (is_old, path, size), report| {
        let file = if *is_old { old.open(path)? } else { new.open(path)? };
        let share = |event: &Event| event.done as f64 / event.total.max(1) as f64;
        report.within(*size, share, |task| sketch(&*file, &gear, MOST_SAMPLES, task))
    })?;
    task.finish()?;
    let (old_sketches, new_sketches) = sketches.split_at(candidates.len());
    for ((_, need), sketch) in wanted.iter_mut().zip(new_sketches) {
        let scored = candidates.iter().zip(old_sketches).map(|(candidate, old)| (common(sketch, old), *candidate));
        let scored: Vec<_> = scored.collect();
        let given = need.source.as_ref().map(|source| &source.path);
        let now = scored.iter().find(|(_, (path, _))| Some(path) == given).map_or(0, |(score, _)| *score);
        // Of several that are alike, the first by its path.
        let best = scored.iter().rev().max_by_key(|(score, _)| *score);
        if let Some((score, (path, file))) = best
            && *score >= now + LEAST_GAIN
        {
            need.source = Some(Source { path: path.clone(), size: file.size, sha256: file.sha256 });
        }
    }
    Ok(())
}

/// Samples of what a new file gained over the old one: the smallest ones, so that those of two files can be compared.
pub(super) fn gained(old: Option<&dyn ReadAt>, new: &dyn ReadAt, task: &mut Task<'_>) -> Result<Vec<u64>> {
    let gear = gear();
    let old = old.map(|old| sketch(old, &gear, usize::MAX, task)).transpose()?.unwrap_or_default();
    let new = sketch(new, &gear, usize::MAX, task)?;
    Ok(new.difference(&old).take(MOST_GAINED).copied().collect())
}

/// The smallest hashes of places that the content chooses, at most so many.
fn sketch(file: &dyn ReadAt, gear: &[u64; 256], most: usize, task: &mut Task<'_>) -> Result<BTreeSet<u64>> {
    task.begin(Phase::Match, file.size(), Unit::Bytes)?;
    let (mut samples, mut hash, mut position) = (BTreeSet::new(), 0u64, 0);
    let mut buffer = vec![0; BUFFER_LEN];
    while position < file.size() {
        let n = (file.size() - position).min(buffer.len() as u64) as usize;
        file.read_at(position, &mut buffer[..n])?;
        for byte in &buffer[..n] {
            // Every byte leaves the hash after 64 more, so it is that of the last 64.
            hash = (hash << 1).wrapping_add(gear[usize::from(*byte)]);
            if hash >> (64 - RATE_BITS) == 0 {
                let sample = mix(hash);
                let fits = samples.len() < most || samples.last().is_some_and(|last| sample < *last);
                if fits && samples.insert(sample) && samples.len() > most {
                    samples.pop_last();
                }
            }
        }
        position += n as u64;
        task.advance(n as u64)?;
    }
    Ok(samples)
}

/// How much of the new file is in the old one, in hundredths.
fn common(new: &BTreeSet<u64>, old: &BTreeSet<u64>) -> usize {
    // Beyond the largest sample of a full sketch nothing is known of its file.
    let known = |sketch: &BTreeSet<u64>| match sketch.last() {
        Some(last) if sketch.len() == MOST_SAMPLES => *last,
        _ => u64::MAX,
    };
    let known = known(new).min(known(old));
    let (mut all, mut shared) = (0, 0);
    for sample in new.range(..=known) {
        all += 1;
        shared += usize::from(old.contains(sample));
    }
    100 * shared / usize::max(all, 1)
}

/// A number without pattern for each byte.
fn gear() -> [u64; 256] {
    std::array::from_fn(|byte| mix(byte as u64 + 1))
}

/// SplitMix64: spreads every bit over all others.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_tell_how_much_of_a_file_is_in_another() {
        let mut state = 1;
        let mut noise = |len: usize| -> Vec<u8> {
            (0..len)
                .map(|_| {
                    state = mix(state + 1);
                    state as u8
                })
                .collect()
        };
        let (a, b) = (noise(800_000), noise(800_000));
        let half = [&a[300_000..700_000], &noise(400_000)[..]].concat();
        let [a, b, half] = [a, b, half].map(|bytes| sketch(&bytes, &gear(), MOST_SAMPLES, &mut Task::new()).unwrap());
        assert_eq!(common(&a, &a), 100);
        assert_eq!(common(&a, &b), 0);
        assert!((40..60).contains(&common(&half, &a)), "{}", common(&half, &a));
    }

    #[test]
    fn what_two_files_gained_alike_has_the_same_samples() {
        let mut state = 7;
        let mut noise = |len: usize| -> Vec<u8> {
            (0..len)
                .map(|_| {
                    state = mix(state + 1);
                    state as u8
                })
                .collect()
        };
        let (a, b, more) = (noise(300_000), noise(200_000), noise(50_000));
        let gained = |old: &Vec<u8>, new: Vec<u8>| gained(Some(old), &new, &mut Task::new()).unwrap();
        let by_a = gained(&a, [&a[..100_000], &more, &a[100_000..]].concat());
        let by_b = gained(&b, [&b[..], &more].concat());
        assert!(by_a.len() > 20 && by_a.iter().filter(|sample| by_b.contains(sample)).count() > 20);
        assert!(gained(&a, a.clone()).is_empty());
    }
}
