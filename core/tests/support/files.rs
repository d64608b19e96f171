//! Files as they come: parts of different nature, and versions made from them by edits.
//!
//! A recipe is a list of small choices, so that a failing case shrinks to a short one that can be read.

use proptest::prelude::*;

/// A stretch of a file.
#[derive(Clone, Debug)]
pub enum Part {
    Random { seed: u64, len: usize },
    Periodic { seed: u64, period: usize, len: usize },
    Zeros { len: usize },
    Text { seed: u64, len: usize },
    Floats { seed: u64, len: usize },
    Table { seed: u64, len: usize },
}

impl Part {
    pub fn bytes(&self) -> Vec<u8> {
        match *self {
            Part::Random { seed, len } => Noise(seed).bytes(len),
            Part::Periodic { seed, period, len } => {
                let pattern = Noise(seed).bytes(period);
                pattern.into_iter().cycle().take(len).collect()
            }
            Part::Zeros { len } => vec![0; len],
            Part::Text { seed, len } => text(seed, len),
            Part::Floats { seed, len } => {
                let mut noise = Noise(seed);
                let value = move || ((noise.next() >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.2;
                std::iter::repeat_with(value).flat_map(f32::to_le_bytes).take(len).collect()
            }
            Part::Table { seed, len } => {
                let mut noise = Noise(seed);
                let mut address = 0x40_0000u32;
                let step = move || {
                    address += noise.below(64) as u32;
                    address
                };
                std::iter::repeat_with(step).flat_map(u32::to_le_bytes).take(len).collect()
            }
        }
    }
}

/// English-like words, drawn unevenly.
fn text(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "the", "delta", "of", "chain", "and", "bytes", "a", "segment", "in", "copies", "old", "new", "file", "to",
        "route", "every", "version", "is", "one", "pass", "\n",
    ];
    let mut noise = Noise(seed);
    let mut out = Vec::with_capacity(len + 16);
    while out.len() < len {
        let bound = 1 + noise.below(WORDS.len());
        out.extend_from_slice(WORDS[noise.below(bound)].as_bytes());
        out.push(b' ');
    }
    out.truncate(len);
    out
}

/// One step from a version to the next. Places and lengths are fractions of the file, in 65536ths.
#[derive(Clone, Debug)]
pub enum Edit {
    Insert {
        at: u16,
        part: Part,
    },
    Overwrite {
        at: u16,
        part: Part,
    },
    Delete {
        at: u16,
        len: u16,
    },
    Move {
        from: u16,
        len: u16,
        to: u16,
    },
    Duplicate {
        from: u16,
        len: u16,
        to: u16,
    },
    Run {
        at: u16,
        len: u16,
        value: u8,
    },
    /// Every `stride`th byte from `at` on changes by a little.
    Drift {
        at: u16,
        len: u16,
        stride: u8,
        most: u8,
        seed: u64,
    },
    /// All numbers of a table grow by the same amount.
    Rebase {
        at: u16,
        len: u16,
        by: u32,
    },
    /// Bytes at random places change.
    Sprinkle {
        count: u8,
        seed: u64,
    },
    Concatenate,
    Reverse {
        at: u16,
        len: u16,
    },
    Replace {
        parts: Vec<Part>,
    },
}

impl Edit {
    fn apply(&self, file: &mut Vec<u8>) {
        let size = file.len();
        let place = |fraction: u16| (size as u64 * u64::from(fraction) / 65_535) as usize;
        let range = |at: u16, len: u16| place(at)..(place(at) + place(len)).min(size);
        match self {
            Edit::Insert { at, part } => drop(file.splice(place(*at)..place(*at), part.bytes())),
            Edit::Overwrite { at, part } => {
                let bytes = part.bytes();
                let start = place(*at);
                drop(file.splice(start..(start + bytes.len()).min(size), bytes));
            }
            Edit::Delete { at, len } => drop(file.drain(range(*at, *len))),
            Edit::Move { from, len, to } => {
                let moved: Vec<_> = file.drain(range(*from, *len)).collect();
                let to = place(*to).min(file.len());
                file.splice(to..to, moved);
            }
            Edit::Duplicate { from, len, to } => {
                let copied = file[range(*from, *len)].to_vec();
                file.splice(place(*to)..place(*to), copied);
            }
            Edit::Run { at, len, value } => file[range(*at, *len)].fill(*value),
            Edit::Drift { at, len, stride, most, seed } => {
                let mut noise = Noise(*seed);
                let stride = usize::from(*stride).max(1);
                for byte in file[range(*at, *len)].iter_mut().step_by(stride) {
                    *byte = byte.wrapping_add(noise.below(usize::from(*most) + 1) as u8);
                }
            }
            Edit::Rebase { at, len, by } => {
                for word in file[range(*at, *len)].chunks_exact_mut(4) {
                    let number = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                    word.copy_from_slice(&number.wrapping_add(*by).to_le_bytes());
                }
            }
            Edit::Sprinkle { count, seed } => {
                let mut noise = Noise(*seed);
                for _ in 0..if size == 0 { 0 } else { *count } {
                    let at = noise.below(size);
                    file[at] = noise.next() as u8;
                }
            }
            Edit::Concatenate => file.extend_from_within(..),
            Edit::Reverse { at, len } => file[range(*at, *len)].reverse(),
            Edit::Replace { parts } => *file = concat(parts),
        }
    }
}

fn concat(parts: &[Part]) -> Vec<u8> {
    parts.iter().flat_map(Part::bytes).collect()
}

/// A first version and the edits that lead to each later one.
#[derive(Clone, Debug)]
pub struct Versions {
    pub first: Vec<Part>,
    pub steps: Vec<Vec<Edit>>,
    /// No version is longer than this.
    pub most: usize,
}

impl Versions {
    pub fn files(&self) -> Vec<Vec<u8>> {
        let mut file = concat(&self.first);
        let mut files = vec![file.clone()];
        for step in &self.steps {
            for edit in step {
                edit.apply(&mut file);
                file.truncate(self.most);
            }
            files.push(file.clone());
        }
        files
    }
}

/// `count` versions of files of up to about `most` bytes; small ones are as likely as large ones.
pub fn versions(count: impl Into<proptest::collection::SizeRange>, most: usize) -> impl Strategy<Value = Versions> {
    let steps = proptest::collection::vec(proptest::collection::vec(edit(most / 8), 0..6), count);
    (proptest::collection::vec(part(most / 3), 0..5), steps).prop_map(move |(first, steps)| Versions {
        first,
        steps,
        most,
    })
}

pub fn part(most: usize) -> impl Strategy<Value = Part> {
    let seed = any::<u64>();
    prop_oneof![
        (seed, length(most)).prop_map(|(seed, len)| Part::Random { seed, len }),
        (seed, 1..200usize, length(most)).prop_map(|(seed, period, len)| Part::Periodic { seed, period, len }),
        length(most).prop_map(|len| Part::Zeros { len }),
        (seed, length(most)).prop_map(|(seed, len)| Part::Text { seed, len }),
        (seed, length(most)).prop_map(|(seed, len)| Part::Floats { seed, len }),
        (seed, length(most)).prop_map(|(seed, len)| Part::Table { seed, len }),
    ]
}

/// Lengths up to `most`: half of them evenly spread, half of them evenly spread by their logarithm.
fn length(most: usize) -> impl Strategy<Value = usize> {
    let by_logarithm = (0..=most.max(1).ilog2(), any::<u16>()).prop_map(move |(log, fraction)| {
        ((1 << log) * (65_536 + usize::from(fraction)) / 65_536 - usize::from(log == 0)).min(most)
    });
    prop_oneof![0..=most, by_logarithm]
}

fn edit(most: usize) -> impl Strategy<Value = Edit> {
    let at = any::<u16>;
    // Lengths of a few bytes up to the whole file.
    let len = || (0..16u32, any::<u16>()).prop_map(|(shift, fraction)| fraction >> shift);
    prop_oneof![
        3 => (at(), part(most)).prop_map(|(at, part)| Edit::Insert { at, part }),
        3 => (at(), part(most)).prop_map(|(at, part)| Edit::Overwrite { at, part }),
        3 => (at(), len()).prop_map(|(at, len)| Edit::Delete { at, len }),
        3 => (at(), len(), at()).prop_map(|(from, len, to)| Edit::Move { from, len, to }),
        2 => (at(), len(), at()).prop_map(|(from, len, to)| Edit::Duplicate { from, len, to }),
        2 => (at(), len(), any::<u8>()).prop_map(|(at, len, value)| Edit::Run { at, len, value }),
        4 => (at(), len(), 1..9u8, any::<u8>(), any::<u64>())
            .prop_map(|(at, len, stride, most, seed)| Edit::Drift { at, len, stride, most, seed }),
        2 => (at(), len(), any::<u32>()).prop_map(|(at, len, by)| Edit::Rebase { at, len, by }),
        3 => (any::<u8>(), any::<u64>()).prop_map(|(count, seed)| Edit::Sprinkle { count, seed }),
        1 => Just(Edit::Concatenate),
        1 => (at(), len()).prop_map(|(at, len)| Edit::Reverse { at, len }),
        1 => proptest::collection::vec(part(most), 0..3).prop_map(|parts| Edit::Replace { parts }),
    ]
}

/// A small generator of random numbers (splitmix64).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next()).flat_map(u64::to_le_bytes).take(len).collect()
    }
}
