//! How fast the engine is, in bytes of the new file per second, so that a change can be weighed on any machine: each
//! step alone, on generated files like the two kinds that matter, and the digest below which nothing can go.
//!
//! `cargo bench -p patchcore --bench engine [NAME]`

use std::io::Cursor;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use patchcore::delta::{self, ApplyOptions, DiffOptions, EncodeOptions};
use patchcore::io::ReadAt;
use patchcore::repository::{Manifest, plan};
use patchcore::{Digest, Limits, Task};

/// The size of every file, give or take a few percent for code.
const SIZE: usize = 4 << 20;

fn main() {
    divan::main();
}

/// Four versions of a file, and the deltas from each to the next.
struct Versions {
    files: Vec<Vec<u8>>,
    deltas: Vec<Vec<u8>>,
}

impl Versions {
    fn of(version: fn(usize) -> Vec<u8>) -> Self {
        let files: Vec<_> = (0..4).map(version).collect();
        let deltas = files.windows(2).map(|pair| make_delta(&pair[0], &pair[1], 0)).collect();
        Self { files, deltas }
    }

    fn deltas(&self) -> Vec<&dyn ReadAt> {
        self.deltas.iter().map(|delta| delta as _).collect()
    }
}

static CODE: LazyLock<Versions> = LazyLock::new(|| Versions::of(code));
static FLOATS: LazyLock<Versions> = LazyLock::new(|| Versions::of(floats));

/// The names under which the kinds of files are benched.
const KINDS: [&str; 2] = ["code", "floats"];

fn versions(kind: &str) -> &'static Versions {
    if kind == "code" { &CODE } else { &FLOATS }
}

/// Functions of common instructions that call one another by relative address. From one version to the next some of
/// them grow, so that everything behind them moves and the addresses in what stayed change.
fn code(version: usize) -> Vec<u8> {
    const INSTRUCTIONS: &[&[u8]] = &[
        b"\x48\x89\xe5",
        b"\x48\x83\xec\x20",
        b"\x48\x8b\x45\xf8",
        b"\x89\xc7",
        b"\x31\xc0",
        b"\x48\x89\x45\xf0",
        b"\x0f\xb6\x00",
        b"\x83\xc0\x01",
        b"\x48\x85\xc0",
        b"\x74\x0c",
        b"\x8b\x4d\xec",
        b"\x48\x8d\x04\x8a",
    ];
    const FUNCTION: usize = 256;
    let count = SIZE / FUNCTION;
    let mut start = 0;
    let starts: Vec<_> = (0..count)
        .map(|number| {
            let grown = (1..=version).filter(|&step| grows(number, step)).count();
            let next = start + FUNCTION + 16 * grown;
            std::mem::replace(&mut start, next)
        })
        .collect();
    let mut out = Vec::with_capacity(start);
    for number in 0..count {
        let mut choices = Lcg(number as u64);
        let end = starts.get(number + 1).copied().unwrap_or(start);
        out.push(0x55);
        while out.len() + 12 < end {
            match choices.below(6) {
                0 => {
                    let near = (number + choices.below(400)).saturating_sub(200).min(count - 1);
                    let target = starts[if choices.below(3) == 0 { choices.below(count) } else { near }];
                    let distance = target.wrapping_sub(out.len() + 5) as i32;
                    out.push(0xe8);
                    out.extend(distance.to_le_bytes());
                }
                1 => {
                    out.extend(b"\x48\x8b\x80");
                    out.extend((choices.below(64) as u32 * 8).to_le_bytes());
                }
                _ => {
                    let among = 1 + choices.below(INSTRUCTIONS.len());
                    out.extend(INSTRUCTIONS[choices.below(among)]);
                }
            }
        }
        out.extend(b"\xc9\xc3");
        out.resize(end, 0xcc);
    }
    out
}

/// Whether a function grows in the step to a version: one in fifty does.
fn grows(function: usize, version: usize) -> bool {
    Lcg((function * 16 + version) as u64).below(50) == 0
}

/// Weights that are trained a little further in every version: each changes by up to a thousandth of their spread.
fn floats(version: usize) -> Vec<u8> {
    let mut weights = Lcg(1);
    let mut steps: Vec<_> = (0..version).map(|step| Lcg(1_000 + step as u64)).collect();
    let value = || {
        let spread: f32 = (0..4).map(|_| weights.unit()).sum();
        spread * 0.05 + steps.iter_mut().map(|step| step.unit() * 5e-5).sum::<f32>()
    };
    std::iter::repeat_with(value).take(SIZE / 4).flat_map(f32::to_le_bytes).collect()
}

/// Random numbers that are the same everywhere: a linear congruential generator, its bits mixed.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = self.0 ^ self.0 >> 33;
        (mixed.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 32) as u32
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    /// Evenly between -1 and 1.
    fn unit(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 31) as f32 - 1.0
    }
}

fn make_delta(old: &[u8], new: &[u8], level: u8) -> Vec<u8> {
    let encode = EncodeOptions { level, ..EncodeOptions::default() };
    let options = DiffOptions { encode, ..DiffOptions::default() };
    let mut out = Cursor::new(Vec::new());
    delta::diff(&old, &new, &mut out, &options, &mut Task::new()).unwrap();
    out.into_inner()
}

fn bytes(file: &[u8]) -> BytesCount {
    BytesCount::new(file.len())
}

/// Matching, encoding and the trial.
#[divan::bench(args = [("code", 1), ("code", 6), ("floats", 1), ("floats", 6)].map(Level), sample_count = 5)]
fn diff(bencher: Bencher, Level((kind, level)): Level) {
    let files = &versions(kind).files;
    bencher.counter(bytes(&files[1])).bench(|| make_delta(&files[0], black_box(&files[1]), level));
}

/// One delta, in memory.
#[divan::bench(args = KINDS, sample_count = 20)]
fn apply(bencher: Bencher, kind: &str) {
    let Versions { files, deltas } = versions(kind);
    bencher.counter(bytes(&files[1])).bench(|| {
        let mut out = Vec::with_capacity(files[1].len());
        delta::apply(&&files[0][..], &mut &deltas[0][..], &mut out, &ApplyOptions::default(), &mut Task::new())
            .unwrap();
        out
    });
}

/// Three deltas in one pass.
#[divan::bench(args = KINDS, sample_count = 20)]
fn apply_chain(bencher: Bencher, kind: &str) {
    let versions = versions(kind);
    let (old, new) = (&&versions.files[0][..], &versions.files[3]);
    let deltas = versions.deltas();
    bencher.counter(bytes(new)).bench_local(|| {
        let mut out = Vec::with_capacity(new.len());
        delta::apply_chain(old, &deltas, &mut out, &ApplyOptions::default(), &mut Task::new()).unwrap();
        out
    });
}

/// Three deltas into one.
#[divan::bench(args = KINDS, sample_count = 5)]
fn compose(bencher: Bencher, kind: &str) {
    let versions = versions(kind);
    let deltas = versions.deltas();
    bencher.counter(bytes(&versions.files[3])).bench_local(|| {
        let mut out = Cursor::new(Vec::new());
        delta::compose(&deltas, &mut out, &EncodeOptions::default(), &Limits::default(), &mut Task::new()).unwrap();
        out
    });
}

/// One delta to its end, without a file.
#[divan::bench(args = KINDS, sample_count = 20)]
fn decode(bencher: Bencher, kind: &str) {
    let Versions { files, deltas } = versions(kind);
    bencher
        .counter(bytes(&files[1]))
        .bench(|| delta::verify(black_box(&deltas[0]), None, &Limits::default(), &mut Task::new()).unwrap());
}

/// What every apply does at least twice: once for the old file, once for the new one.
#[divan::bench(sample_count = 20)]
fn sha256(bencher: Bencher) {
    let file = &FLOATS.files[0];
    bencher.counter(bytes(file)).bench(|| Digest::of(black_box(file)));
}

/// A kind of files and a level, shown as both.
#[derive(Clone, Copy)]
struct Level((&'static str, u8));

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Level((kind, level)) = self;
        write!(f, "{kind} {level}")
    }
}

/// A manifest of 1,000 versions: each with its delta, a base every hundred, and packages that squash ten deltas.
fn manifest() -> String {
    let package = |kind: &str, from: &str, to: usize, size: usize| {
        let file = format!("{kind}_{from}_1.0.{to}.zip");
        let sha256 = Digest::of(file.as_bytes());
        format!(
            r#"{{"from": "{from}", "to": "1.0.{to}", "file": "{file}", "size": {size}, "is_base": {}, "sha256": "{sha256}",
                "tree": "{sha256}", "notes": "What is new in version {to}, in a sentence or two."}}"#,
            kind == "base"
        )
    };
    let mut packages = vec![package("base", "0.0.0", 1, 100_000_000)];
    for to in 2..=1000 {
        packages.push(package("delta", &format!("1.0.{}", to - 1), to, 1_000_000 + to));
        if to % 10 == 0 && to > 10 {
            packages.push(package("delta", &format!("1.0.{}", to - 10), to, 5_000_000));
        }
        if to % 100 == 0 {
            packages.push(package("base", "0.0.0", to, 100_000_000));
        }
    }
    format!(r#"{{"latest_version": "1.0.1000", "patches": [{}]}}"#, packages.join(","))
}

/// What a client or the service does for an answer: read the manifest and find the fewest bytes.
#[divan::bench]
fn plan_an_update_among_1000_versions(bencher: Bencher) {
    let text = manifest();
    let from = "1.0.7".parse().unwrap();
    bencher.bench(|| {
        let manifest = Manifest::from_json(text.as_bytes()).unwrap();
        plan(black_box(&manifest), Some(from), None, None).unwrap().bytes
    });
}
