//! Files of the kinds that slow codecs are made for, each with versions that differ as versions of that kind do.

use proptest::prelude::*;

use super::files::{Noise, Part};

/// A kind of file, its size in bytes, and what its bytes and its changes are drawn from.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Instructions with references of four bytes relative to their place; functions move and their targets shift.
    Executable { seed: u64, len: usize },
    /// Numbers of `width` bytes, of which one in `stride` changes by a little.
    Numbers { seed: u64, len: usize, width: usize, stride: usize },
    /// Words, some of which are exchanged.
    Text { seed: u64, len: usize },
    /// Blocks of a few bytes, put together anew.
    Pieces { seed: u64, len: usize },
    /// Numbers beside noise beside text.
    Mixture { seed: u64, len: usize },
}

pub fn kind(most: usize) -> impl Strategy<Value = Kind> {
    let (seed, len) = (any::<u64>(), 0..=most);
    let width = proptest::sample::select(&[1, 2, 4, 8][..]);
    prop_oneof![
        3 => (seed, len.clone()).prop_map(|(seed, len)| Kind::Executable { seed, len }),
        3 => (seed, len.clone(), width, 1..40usize)
            .prop_map(|(seed, len, width, stride)| Kind::Numbers { seed, len, width, stride }),
        1 => (seed, len.clone()).prop_map(|(seed, len)| Kind::Text { seed, len }),
        1 => (seed, len.clone()).prop_map(|(seed, len)| Kind::Pieces { seed, len }),
        2 => (seed, len).prop_map(|(seed, len)| Kind::Mixture { seed, len }),
    ]
}

impl Kind {
    pub fn one_of_each(len: usize) -> Vec<Kind> {
        let numbers = [(1, 16), (2, 9), (4, 5), (8, 3)];
        let numbers = numbers.map(|(width, stride)| Kind::Numbers { seed: 1, len, width, stride });
        let others = [
            Kind::Executable { seed: 1, len },
            Kind::Text { seed: 1, len },
            Kind::Pieces { seed: 1, len },
            Kind::Mixture { seed: 1, len },
        ];
        numbers.into_iter().chain(others).collect()
    }

    /// `count` versions, each made from the one before.
    pub fn files(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|version| self.version(version)).collect()
    }

    fn version(&self, version: usize) -> Vec<u8> {
        match *self {
            Kind::Executable { seed, len } => executable(seed, len, version),
            Kind::Numbers { seed, len, width, stride } => numbers(seed, len, width, stride, version),
            Kind::Text { seed, len } => {
                let mut noise = Noise(seed);
                let mut words: Vec<_> =
                    (0..len / 40).map(|_| Part::Text { seed: noise.next(), len: 40 }.bytes()).collect();
                for step in 0..version {
                    let mut noise = Noise(seed ^ (0x77 + step as u64));
                    for _ in 0..words.len() / 20 {
                        let at = noise.below(words.len());
                        words[at] = Part::Text { seed: noise.next(), len: noise.below(60) }.bytes();
                    }
                }
                words.concat()
            }
            Kind::Pieces { seed, len } => {
                let mut noise = Noise(seed);
                let source = noise.bytes(len / 4 + 64);
                let mut order = Noise(seed ^ version as u64);
                let mut file = Vec::new();
                while file.len() < len {
                    let from = order.below(source.len() - 48);
                    file.extend_from_slice(&source[from..from + 8 + order.below(40)]);
                }
                file
            }
            Kind::Mixture { seed, len } => {
                let part = len / 4;
                let noise = Noise(seed ^ 5).bytes(part);
                let text = Kind::Text { seed, len: part }.version(version);
                let code = executable(seed, part, version);
                [code, noise, numbers(seed, part / 2, 4, 7, version), text, numbers(seed, part / 2, 2, 3, version)]
                    .concat()
            }
        }
    }
}

/// Functions of up to 64 instructions; in each version some have grown, so that all behind them move, and references
/// still lead to the functions that they led to.
fn executable(seed: u64, len: usize, version: usize) -> Vec<u8> {
    let mut noise = Noise(seed);
    let mut functions: Vec<Vec<(u32, Option<usize>)>> = Vec::new();
    let mut instructions = len / 5;
    while instructions > 0 {
        let count = (1 + noise.below(64)).min(instructions);
        instructions -= count;
        let targets = 1 + len / 160;
        let instruction = |noise: &mut Noise| {
            let target = (noise.below(3) == 0).then(|| noise.below(targets));
            ((noise.next() & noise.next()) as u32, target)
        };
        functions.push((0..count).map(|_| instruction(&mut noise)).collect());
    }
    for step in 0..version {
        let mut noise = Noise(seed ^ (0x99 + step as u64));
        for _ in 0..functions.len().min(1 + noise.below(4)) {
            let at = noise.below(functions.len());
            let grown = (0..1 + noise.below(9)).map(|_| (noise.next() as u32, None));
            functions[at].extend(grown);
        }
    }
    let starts: Vec<usize> = functions
        .iter()
        .scan(0, |next, function| {
            *next += function.len() * 5;
            Some(*next - function.len() * 5)
        })
        .collect();
    let mut file: Vec<u8> = Vec::new();
    for (code, target) in functions.iter().flatten() {
        file.push(*code as u8);
        let argument = match target {
            Some(target) => (starts[target % starts.len()] as u32).wrapping_sub(file.len() as u32 + 4),
            None => code >> 8,
        };
        file.extend_from_slice(&argument.to_le_bytes());
    }
    file
}

fn numbers(seed: u64, len: usize, width: usize, stride: usize, version: usize) -> Vec<u8> {
    let mut noise = Noise(seed);
    let mut numbers: Vec<u64> = (0..len / width).map(|_| noise.next() >> (64 - 8 * width)).collect();
    for step in 0..version {
        let mut noise = Noise(seed ^ (0x55 + step as u64));
        for number in &mut numbers {
            if noise.below(stride) == 0 {
                *number = number.wrapping_add(noise.below(1 << (3 * width).min(12)) as u64).wrapping_sub(4);
            }
        }
    }
    numbers.iter().flat_map(|number| number.to_le_bytes()[..width].to_vec()).collect()
}
