//! However little two files have in common, a delta is hardly larger than the compressed new file.

mod support;

use proptest::prelude::*;

use support::files::{Noise, Part, part, versions};
use support::kinds::{Kind, kind};
use support::promises::check_worst_case;

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, max_shrink_time: 60_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn a_delta_is_never_larger_than_the_compressed_new_file(
        versions in versions(1, 24 << 10),
        unrelated in part(24 << 10),
        level in 1..=9u8,
    ) {
        let files = versions.files();
        check_worst_case(&files[0], &files[1], level)?;
        check_worst_case(&files[1], &unrelated.bytes(), level)?;
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn no_kind_of_file_makes_a_delta_larger_than_the_compressed_new_file(
        kind in kind(100 << 10),
        other in kind(100 << 10),
        level in 1..=9u8,
    ) {
        let files = kind.files(2);
        check_worst_case(&files[0], &files[1], level)?;
        check_worst_case(&other.files(1)[0], &files[0], level)?;
    }
}

#[test]
fn long_files_of_every_kind_cost_no_more_than_zstd_makes_of_them() {
    let kinds = Kind::one_of_each(500 << 10);
    for (kind, other) in kinds.iter().zip(kinds.iter().rev()) {
        let files = kind.files(2);
        for level in [4, 6, 7, 8, 9] {
            check_worst_case(&files[0], &files[1], level).unwrap();
            check_worst_case(&other.files(1)[0], &files[1], level).unwrap();
        }
    }
}

#[test]
fn an_unrelated_new_file_costs_what_zstd_makes_of_it() {
    let old = Part::Random { seed: 1, len: 100_000 }.bytes();
    let news = [
        Part::Random { seed: 2, len: 200_000 },
        Part::Text { seed: 3, len: 200_000 },
        Part::Floats { seed: 4, len: 200_000 },
        Part::Table { seed: 5, len: 200_000 },
        Part::Periodic { seed: 6, period: 1_000, len: 200_000 },
        Part::Zeros { len: 200_000 },
    ];
    for new in news {
        for level in [1, 6] {
            check_worst_case(&old, &new.bytes(), level).unwrap();
            check_worst_case(&[], &new.bytes(), level).unwrap();
        }
    }
}

#[test]
fn similar_bytes_in_the_old_file_never_make_a_delta_larger_than_the_new_file() {
    let noisy = |new: &[u8], stride: usize, seed: u64| -> Vec<u8> {
        let mut noise = Noise(seed);
        new.iter().map(|&byte| if noise.below(stride) == 0 { noise.next() as u8 } else { byte }).collect()
    };
    let news = [
        Part::Text { seed: 3, len: 150_000 },
        Part::Periodic { seed: 6, period: 1_000, len: 150_000 },
        Part::Table { seed: 5, len: 150_000 },
        Part::Zeros { len: 150_000 },
    ];
    for new in news {
        let new = new.bytes();
        for stride in [2, 5, 10, 30, 100] {
            for level in [1, 6] {
                check_worst_case(&noisy(&new, stride, 7), &new, level).unwrap();
            }
        }
    }
}

#[test]
fn what_is_noise_only_in_part_or_only_nearby_still_costs_no_more_than_zstd_makes_of_it() {
    let noise = Part::Random { seed: 9, len: 600 << 10 }.bytes();
    let text = |seed| Part::Text { seed, len: 100_000 }.bytes();
    let news = [
        // Noise in the middle of text.
        [text(1), noise[..100_000].to_vec(), text(2)].concat(),
        // The same noise again, far away.
        noise.repeat(4),
    ];
    for new in &news {
        check_worst_case(b"", new, 6).unwrap();
        // Much of it is in the old file as well, but not so much that it costs less than zstd alone would.
        let mut changes = Noise(77);
        let mut change = |byte: &u8| if changes.below(5) == 0 { changes.next() as u8 } else { *byte };
        let old: Vec<u8> = new.iter().map(&mut change).collect();
        check_worst_case(&old, new, 6).unwrap();
    }
}

#[test]
fn what_codecs_are_chosen_by_on_a_sample_holds_for_the_whole_column() {
    const KIB: usize = 1 << 10;
    let noise = Noise(9).bytes(600 * KIB);
    let mut skew = Noise(5);
    let skew: Vec<u8> = (0..300 * KIB).map(|_| (skew.next() & skew.next()) as u8).collect();
    let table = Part::Table { seed: 1, len: 17 * KIB }.bytes();
    let floats = Part::Floats { seed: 4, len: 17 * KIB }.bytes();
    // What stands at the beginning, in the middle and at the end is unlike all the rest.
    for (piece, filling) in
        [(&table, noise.repeat(4)), (&floats, noise.repeat(4)), (&table, skew.repeat(3)), (&floats, skew)]
    {
        let half = filling.len() / 2;
        let new = [&piece[..], &filling[..half], piece, &filling[half..], piece].concat();
        for level in 1..=9 {
            check_worst_case(b"", &new, level).unwrap();
        }
    }
}
