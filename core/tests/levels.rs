//! What every level and engine promises, on files of the kinds that its codecs are made for: deltas invert, compose
//! exactly, depend on no number of threads, and take no more memory than they say.

mod support;

use patchcore::Limits;
use patchcore::delta::{DiffOptions, EncodeOptions, Engine, MAX_LEVEL, MIN_LEVEL};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use support::calls::{apply, apply_chain, compose, diff};
use support::forge::Delta;
use support::kinds::{Kind, kind};
use support::promises::check_delta;

const MIB: u64 = 1 << 20;

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, max_shrink_time: 60_000, ..ProptestConfig::default() }
}

fn memory() -> impl Strategy<Value = u64> {
    proptest::sample::select(&[256 << 10, MIB, 0, u64::MAX][..])
}

fn encode(level: u8, max_apply_memory: u64) -> EncodeOptions {
    EncodeOptions { level, threads: 1, max_apply_memory }
}

fn every_level_inverts(kind: &Kind, max_apply_memory: u64, engine: Engine) -> TestCaseResult {
    let files = kind.files(2);
    for level in MIN_LEVEL..=MAX_LEVEL {
        let encode = encode(level, max_apply_memory);
        let delta = diff(&files[0], &files[1], &DiffOptions { engine, encode }).unwrap();
        check_delta(&files[0], &files[1], &delta, &encode)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn deltas_of_every_level_invert(kind in kind(60 << 10), memory in memory()) {
        every_level_inverts(&kind, memory, Engine::Auto)?;
        every_level_inverts(&kind, memory, Engine::Bsdiff)?;
    }

    #[test]
    fn deltas_of_any_levels_compose_exactly_and_again_at_any_level(
        kind in kind(40 << 10),
        levels in proptest::collection::vec((MIN_LEVEL..=MAX_LEVEL, memory()), 3),
        again in MIN_LEVEL..=MAX_LEVEL,
        memory in memory(),
    ) {
        let files = kind.files(4);
        let limits = Limits { memory: u64::MAX, ..Limits::default() };
        let deltas: Vec<_> = files.windows(2).zip(levels).map(|(pair, (level, memory))| {
            diff(&pair[0], &pair[1], &DiffOptions { engine: Engine::Auto, encode: encode(level, memory) }).unwrap()
        }).collect();
        let deltas: Vec<&[u8]> = deltas.iter().map(|delta| &delta[..]).collect();
        let encode = encode(again, memory);
        for count in [2, 3] {
            let composed = compose(&deltas[..count], &encode, &limits).unwrap();
            check_delta(&files[0], &files[count], &composed, &encode)?;
            prop_assert!(apply_chain(&files[0], &deltas[..count], &limits).unwrap() == files[count]);
        }
        let head = compose(&deltas[..2], &encode, &limits).unwrap();
        let all = compose(&[&head, deltas[2]], &encode, &limits).unwrap();
        prop_assert!(apply(&files[0], &all, &limits).unwrap() == files[3]);
    }

    #[test]
    fn deltas_of_every_level_are_the_same_for_any_number_of_threads(kind in kind(120 << 10), memory in memory()) {
        let files = kind.files(2);
        for level in MIN_LEVEL..=MAX_LEVEL {
            let with = |threads| EncodeOptions { threads, ..encode(level, memory) };
            let options = |threads| DiffOptions { engine: Engine::Auto, encode: with(threads) };
            let [one, two, four] = [1, 2, 4].map(|threads| diff(&files[0], &files[1], &options(threads)).unwrap());
            prop_assert!(one == two && one == four, "level {}", level);
            let composed = [1, 2, 4].map(|threads| compose(&[&one], &with(threads), &Limits::default()).unwrap());
            prop_assert!(composed[0] == composed[1] && composed[0] == composed[2], "level {}", level);
        }
    }
}

#[test]
fn the_slow_codecs_are_met_by_these_kinds_of_files() {
    let (mut lzma, mut codings) = (0, std::collections::BTreeSet::new());
    for kind in Kind::one_of_each(96 << 10) {
        let files = kind.files(2);
        let options = DiffOptions { engine: Engine::Auto, encode: encode(MAX_LEVEL, 0) };
        let delta = Delta::read(&diff(&files[0], &files[1], &options).unwrap()).unwrap();
        for segment in &delta.segments {
            let is_lzma = |column: &&_| matches!(column, support::forge::Column::Lzma(..));
            lzma += segment.columns.iter().filter(is_lzma).count();
            codings.extend(segment.mixed.as_ref().map(|_| segment.width));
        }
    }
    assert!(lzma > 0 && codings.len() > 2, "{lzma} columns by LZMA, addends mixed in the ways {codings:?}");
}
