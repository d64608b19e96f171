//! What mixed addends promise: they read back, and no stream makes a reader panic, hang or take more memory than said.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;

/// Copies and addends as they were decoded: what a sink of operations is handed.
#[derive(Default)]
struct Decoded {
    /// Positions, counted in copied bytes, and values.
    addends: Vec<(u64, u8)>,
    copied: u64,
    /// Where in the old file the next byte comes from, if operations go on within one copy.
    from: Option<u64>,
}

impl Decoded {
    fn goes_on(&mut self, from: u64, len: u64) {
        assert!(self.from.is_none_or(|expected| expected == from), "a copy is handed on in order");
        self.copied += len;
        self.from = Some(from + len);
    }
}

impl OperationSink for Decoded {
    fn insert(&mut self, _: &[u8]) -> Result<()> {
        panic!("addends insert nothing");
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.goes_on(from, len);
        Ok(())
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        let values = (self.copied..).zip(addend).filter(|(_, value)| **value != 0);
        self.addends.extend(values.map(|(position, &value)| (position, value)));
        self.goes_on(from, addend.len() as u64);
        Ok(())
    }
}

fn decode(model: Model, bits: u8, start: u64, copies: &[Copied], values: u64, stream: &[u8]) -> Result<Vec<(u64, u8)>> {
    let mut reader = Reader::new(model, bits, start, values, stream)?;
    let mut decoded = Decoded::default();
    for &copy in copies {
        decoded.from = Some(copy.from);
        reader.copy(copy, 0, copy.len, &mut decoded)?;
    }
    reader.finish()?;
    assert_eq!(decoded.copied, copies.iter().map(|copy| copy.len).sum::<u64>());
    Ok(decoded.addends)
}

const MODELS: [Model; 5] =
    [Model::References, Model::Elements(1), Model::Elements(2), Model::Elements(4), Model::Elements(8)];

fn model() -> impl Strategy<Value = Model> {
    proptest::sample::select(&MODELS[..])
}

/// A length: mostly short, sometimes of any size up to a quarter of all offsets.
fn length() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..10u64, 6 => 0..600u64, 1 => 0..9_000u64, 1 => (0..57u32, any::<u16>()).prop_map(|(log, part)| {
        (1u64 << log) + (u64::from(part) << log.saturating_sub(16))
    })]
}

/// Where a segment begins, and its copies with gaps of inserted bytes between them.
#[derive(Clone, Debug)]
struct Place {
    start: u64,
    copies: Vec<Copied>,
}

fn place() -> impl Strategy<Value = Place> {
    let start = prop_oneof![Just(0), 0..100u64, 0..1u64 << 40, (1u64 << 61)..1 << 62];
    let copy = (length(), length(), prop_oneof![Just(0u64), 0..5_000u64, 0..1u64 << 62]);
    (start, proptest::collection::vec(copy, 0..12)).prop_map(|(start, lens)| {
        let mut offset = start;
        let copies = lens.into_iter().map(|(inserted, len, from)| {
            let copy = Copied { offset: offset + inserted, len, from };
            offset = copy.offset + len;
            copy
        });
        Place { start, copies: copies.collect() }
    })
}

impl Place {
    fn copied(&self) -> u64 {
        self.copies.iter().map(|copy| copy.len).sum()
    }

    /// Those of `gaps` and values that lie within the copies.
    fn addends(&self, gaps: &[(u64, u8)]) -> Vec<(u64, u8)> {
        let mut left = self.copied();
        let fits = |&(gap, _): &(u64, u8)| match left.checked_sub(gap).and_then(|left| left.checked_sub(1)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        gaps.iter().copied().filter(fits).collect()
    }
}

fn positions(addends: &[(u64, u8)]) -> Vec<(u64, u8)> {
    let mut next = 0;
    let position = |&(gap, value): &(u64, u8)| {
        next += gap + 1;
        (next - 1, value)
    };
    addends.iter().map(position).collect()
}

fn reads_back(model: Model, bits: u8, place: &Place, addends: &[(u64, u8)]) -> TestCaseResult {
    let stream = encode(model, bits, place.start, &place.copies, addends).unwrap();
    let values = addends.len() as u64;
    let with = |values, stream: &[u8]| decode(model, bits, place.start, &place.copies, values, stream);
    let decoded = with(values, &stream);
    prop_assert!(decoded.as_ref().is_ok_and(|decoded| *decoded == positions(addends)), "{decoded:?}");
    // What nothing needs is left over; what is missing may have led to nothing but the end.
    let longer = [&stream[..], &[0; 5]].concat();
    prop_assert_eq!(with(values, &longer).unwrap_err().status(), Status::Corrupt);
    for missing in [1, stream.len() / 2] {
        if let Err(error) = with(values, &stream[..stream.len() - missing]) {
            prop_assert_eq!(error.status(), Status::Corrupt);
        }
    }
    Ok(())
}

/// Runs as in typed data and in code: the same few values and gaps again and again, with noise among them.
fn gaps() -> impl Strategy<Value = Vec<(u64, u8)>> {
    let any_gap = || (length(), 1..=255u8);
    let loose = proptest::collection::vec(any_gap(), 0..200);
    let pattern = (
        proptest::collection::vec((0..20u64, 1..=255u8), 1..9),
        1..60usize,
        proptest::collection::vec(any_gap(), 0..9),
    )
        .prop_map(|(pattern, times, noise)| {
            let mut gaps = pattern.repeat(times);
            for (index, gap) in noise.into_iter().enumerate() {
                gaps.insert(index * gaps.len() / 9, gap);
            }
            gaps
        });
    prop_oneof![loose, pattern]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn addends_read_back(model in model(), bits in 12..=15u8, place in place(), gaps in gaps()) {
        reads_back(model, bits, &place, &place.addends(&gaps))?;
    }

    #[test]
    fn any_bytes_are_refused_or_read_to_their_end(
        model in model(),
        bits in 12..=13u8,
        place in place(),
        values in prop_oneof![0..300u64, 0..=u64::MAX, Just(1 << 60)],
        stream in proptest::collection::vec(prop_oneof![2 => any::<u8>(), 1 => Just(0), 1 => Just(0xff)], 0..400),
    ) {
        match decode(model, bits, place.start, &place.copies, values, &stream) {
            Ok(decoded) => prop_assert!(decoded.len() as u64 <= values),
            Err(error) => prop_assert_eq!(error.status(), Status::Corrupt),
        }
    }
}

/// Copies of `len` bytes all in all, as long as any.
fn endless(len: u64) -> Place {
    Place { start: 0, copies: vec![Copied { offset: 0, len, from: 0 }] }
}

#[test]
fn addends_read_back_with_as_many_cells_as_there_may_be() {
    let place = Place {
        start: 3,
        copies: vec![Copied { offset: 7, len: 5_000, from: 90 }, Copied { offset: 6_000, len: 5_000, from: 4_000 }],
    };
    let addends: Vec<_> = (0..900).map(|index| (index % 7 + index / 300, (index * 37 % 255) as u8 + 1)).collect();
    for model in MODELS {
        for bits in [MIN_BITS, 18, MAX_BITS] {
            reads_back(model, bits, &place, &addends).unwrap();
        }
    }
}

#[test]
fn the_longest_gaps_read_back() {
    const LAST: u64 = i64::MAX as u64;
    for model in MODELS {
        for start in [0, 1, LAST / 2] {
            let len = LAST - start;
            let place = Place { start, copies: vec![Copied { offset: start, len, from: 0 }] };
            for gaps in [
                vec![(len - 1, 9)],
                vec![(0, 1), (len - 2, 9)],
                vec![(len / 2, 1), (len / 2 - 2, 9)],
                vec![(1 << 61, 1), (3, 2), ((1 << 61) - 9, 3)],
            ] {
                reads_back(model, 12, &place, &place.addends(&gaps)).unwrap();
            }
        }
    }
}

#[test]
fn a_short_stream_is_no_endless_work_however_many_values_it_is_said_to_have() {
    // What a reader takes for the likeliest decision again and again costs the least of a stream.
    for byte in [0, 0x55, 0xff] {
        for model in MODELS {
            let error = decode(model, 12, 0, &endless(1 << 62).copies, 1 << 60, &[byte; 40]).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt);
        }
    }
}

#[test]
fn decoded_addends_per_byte_of_a_stream_are_bounded() {
    // The best stream there can be: one value without end. Every decision takes at least 22 of 65,536 parts.
    let most_per_byte = 8.0 / (1.0 - 22.0 / 65_536.0f64).log2().abs() / 9.0;
    for model in MODELS {
        let addends = vec![(0, 7); 200_000];
        let place = endless(addends.len() as u64);
        let stream = encode(model, 16, 0, &place.copies, &addends).unwrap();
        let per_byte = addends.len() as f64 / stream.len() as f64;
        assert!(per_byte < most_per_byte, "{model:?}: {per_byte} of {most_per_byte}");
    }
}

#[test]
fn values_that_the_copies_have_no_room_for_are_corrupt() {
    let addends: Vec<_> = (0..200).map(|index| (index % 5, index as u8 | 1)).collect();
    let room = addends.iter().map(|(gap, _)| gap + 1).sum::<u64>();
    for model in MODELS {
        let place = endless(room);
        let stream = encode(model, 12, 0, &place.copies, &addends).unwrap();
        assert!(decode(model, 12, 0, &place.copies, 200, &stream).is_ok());
        for less in [1, 7, room / 2, room] {
            let error = decode(model, 12, 0, &endless(room - less).copies, 200, &stream).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt);
        }
        assert_eq!(decode(model, 12, 0, &[], 200, &stream).unwrap_err().status(), Status::Corrupt);
        for values in [0, 100, 201, u64::MAX] {
            let error = decode(model, 12, 0, &place.copies, values, &stream).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt, "{values} values");
        }
    }
}

#[test]
fn only_models_and_numbers_of_cells_that_there_are_are_taken() {
    for code in 0..=255 {
        let known = Model::from_code(code);
        assert_eq!(known.is_some(), MODELS.iter().any(|model| model.code() == code), "{code}");
        assert!(known.is_none_or(|model| model.code() == code));
    }
    for bits in 0..=255 {
        let is_known = (MIN_BITS..=MAX_BITS).contains(&bits);
        let refused = check_bits(bits, u64::MAX).err().map(|error| error.status());
        assert_eq!(refused, (!is_known).then_some(Status::Unsupported), "{bits}");
        if is_known {
            assert!(check_bits(bits, memory(bits)).is_ok());
            assert_eq!(check_bits(bits, memory(bits) - 1).unwrap_err().status(), Status::Corrupt);
        }
    }
}
