//! `info --explain`: where every byte went, as a person reads it and as a program does.

use serde_json::Value;

use crate::support::{Folder, noise};
use written::{Segment, delta};

/// Writes deltas by `core/FORMAT.md`, with raw columns only, so that no change of ours to what is matched or how it is
/// compressed changes what is shown of them.
mod written {
    /// One record: bytes inserted, bytes copied, and the step to where they are copied from.
    pub(super) type Record = (u8, u16, u8);

    #[derive(Default)]
    pub(super) struct Segment<'a> {
        pub(super) output_len: u64,
        pub(super) records: &'a [Record],
        pub(super) literals: usize,
        /// Zeros, runs and values of each lane in turn.
        pub(super) lanes: &'a [&'a [u8]],
        pub(super) has_check: bool,
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let shift = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), shift))
    }

    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 128 {
            bytes.push(number as u8 | 128);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn column(bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() { vec![0] } else { [&[1], &varint(bytes.len() as u64)[..], bytes].concat() }
    }

    /// The frame of a segment, and how many bytes its columns have.
    fn frame(segment: &Segment<'_>) -> (Vec<u8>, usize) {
        let numbers =
            |number: fn(&Record) -> u64| segment.records.iter().flat_map(|record| varint(number(record))).collect();
        let numbers: [Vec<u8>; 3] = [
            numbers(|record| record.0.into()),
            numbers(|record| record.1.into()),
            numbers(|record| 2 * u64::from(record.2)),
        ];
        let literals = vec![7; segment.literals];
        let columns = || numbers.iter().map(Vec::as_slice).chain([&literals[..]]).chain(segment.lanes.iter().copied());
        let mut frame = [varint(segment.output_len), varint(segment.records.len() as u64)].concat();
        frame.extend([segment.lanes.len() as u8 / 3, u8::from(segment.has_check)]);
        frame.extend(vec![0; if segment.has_check { 4 } else { 0 }]);
        columns().for_each(|bytes| frame.extend(column(bytes)));
        frame.extend(crc32(&frame).to_le_bytes());
        (frame, columns().map(<[u8]>::len).sum())
    }

    /// The delta from a version to the next one, each a number and a size.
    pub(super) fn delta(old: (u8, u64), new: (u8, u64), segments: &[Segment<'_>]) -> Vec<u8> {
        let frames: Vec<_> = segments.iter().map(frame).collect();
        let memory = frames.iter().map(|(frame, columns)| frame.len() + columns).max().unwrap_or(0);
        let bytes: Vec<u8> =
            frames.iter().flat_map(|(frame, _)| [varint(frame.len() as u64), frame.clone()].concat()).collect();
        let stream_bytes: usize = frames.iter().map(|(_, columns)| columns).sum();
        let mut header = b"\x8dPCD\r\n\x1a\n\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        header.extend([old.1, new.1].map(u64::to_le_bytes).concat());
        header.extend([[old.0; 32], [new.0; 32]].concat());
        header.extend([(192 << 10) + memory, stream_bytes].map(|number| (number as u64).to_le_bytes()).concat());
        header.extend((frames.len() as u32).to_le_bytes());
        header.extend((bytes.len() as u64 + 132).to_le_bytes());
        header.extend(crc32(&header).to_le_bytes());
        [header, bytes].concat()
    }
}

/// Two deltas and their chain.
fn folder() -> Folder {
    let lanes: [&[u8]; 6] = [&[10, 9], &[3, 1], &[1, 2, 3, 4], &[], &[], &[]];
    let first = Segment {
        output_len: 1_000,
        records: &[(20, 600, 0), (0, 300, 50)],
        literals: 100,
        lanes: &lanes,
        has_check: false,
    };
    let second =
        Segment { output_len: 500, records: &[(30, 470, 0)], literals: 30, has_check: true, ..Segment::default() };
    let third = Segment {
        output_len: 1_200,
        records: &[(200, 1_000, 0)],
        literals: 200,
        has_check: true,
        ..Segment::default()
    };
    let d1 = delta((1, 2_000), (2, 1_500), &[first, second]);
    let d2 = delta((2, 1_500), (3, 1_200), &[third]);
    let folder = Folder::with(&[("d1", &d1), ("d2", &d2)]);
    folder.ok("chain create d1 d2 -o updates.chain");
    folder
}

fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

#[test]
fn a_delta_is_explained_in_tables() {
    insta::assert_snapshot!(folder().ok("info d1 --explain"));
}

#[test]
fn a_chain_is_explained_as_a_whole_and_link_by_link() {
    let folder = folder();
    insta::assert_snapshot!(folder.ok("info updates.chain --explain"));
    folder.ok("chain squash updates.chain -o d --shortcut");
    let rows = folder.ok("chain info updates.chain --explain");
    assert!(rows.lines().last().unwrap().starts_with("  v1→v3 (shortcut)"), "{rows}");
    let verbose = folder.ok_verbose("info updates.chain --explain");
    for (name, delta) in [("v1→v2", "d1"), ("v2→v3", "d2"), ("v1→v3 (shortcut)", "d")] {
        let of_delta = folder.ok(&format!("info {delta} --explain"));
        let tables = &of_delta[of_delta.find("\nWhere the bytes").unwrap()..];
        assert!(verbose.contains(&format!("\n{name}\n{}\n{tables}", "=".repeat(name.chars().count()))), "{verbose}");
    }
}

#[test]
fn a_program_can_add_up_every_byte_of_a_delta_and_of_the_new_file() {
    let folder = folder();
    for name in ["d1", "d2"] {
        let mut object = folder.json(&format!("info {name} --explain"));
        let explanation = object.as_object_mut().unwrap().remove("explanation").unwrap();
        assert_eq!(object, folder.json(&format!("info {name}")), "the rest is what info says without");
        assert_eq!(sum(&explanation["parts"], "delta_bytes"), folder.size(name));
        let made = ["copied_bytes", "inserted_bytes"].map(|field| explanation[field].as_u64().unwrap());
        assert_eq!(made.iter().sum::<u64>(), object["new"]["size"].as_u64().unwrap());
        assert_eq!(sum(&explanation["largest_insertions"], "length"), made[1]);
        assert_eq!(sum(&explanation["largest_segments"], "copied_bytes"), made[0]);
    }
    let explanation = &folder.json("info d1 --explain")["explanation"];
    assert_eq!(explanation["changed_bytes"], 4);
    let longest = &explanation["largest_insertions"][0];
    assert_eq!((&longest["offset"], &longest["length"]), (&920.into(), &110.into()), "both segments together");
    let segments = &explanation["largest_segments"];
    assert_eq!((&segments[0]["has_check"], &segments[1]["has_check"]), (&false.into(), &true.into()));
    assert_eq!((&segments[0]["addends"], &segments[0]["lanes"]), (&"lanes".into(), &2.into()));
}

#[test]
fn a_program_can_add_up_every_byte_of_a_chain() {
    let folder = folder();
    folder.ok("chain squash updates.chain -o d --shortcut");
    let chain = folder.json("info updates.chain --explain");
    assert_eq!(chain, folder.json("chain info updates.chain --explain"));
    let explanation = &chain["explanation"];
    let beside = explanation["records_and_index"].as_u64().unwrap();
    assert_eq!(sum(&explanation["parts"], "delta_bytes") + beside, folder.size("updates.chain"));
    folder.write("torn", &[&folder.read("updates.chain")[..], &[7; 9]].concat());
    assert_eq!(folder.json("info torn --explain")["explanation"]["ignored_tail"], 9);
    assert!(folder.ok("info torn --explain").contains("\n  left by an unfinished append "));
    let links = chain["links"].as_array().unwrap().iter().chain(chain["shortcuts"].as_array().unwrap());
    for (link, name) in links.zip(["d1", "d2", "d"]) {
        assert_eq!(link["explanation"], folder.json(&format!("info {name} --explain"))["explanation"], "{name}");
    }
}

#[test]
fn long_lists_are_cut_and_say_so_unless_all_is_asked_for() {
    let old = noise(1, 60_000);
    let new: Vec<u8> =
        old.chunks(1_000).enumerate().flat_map(|(i, part)| [part, &noise(i as u64 + 2, 90)].concat()).collect();
    let folder = Folder::with(&[("old", &old), ("new", &new)]);
    folder.ok("diff old new -o delta -3");
    let text = folder.ok("info delta --explain");
    assert!(text.contains("\n10 longest of 60 insertions, where nothing"), "{text}");
    assert!(folder.ok_verbose("info delta --explain").contains("\n60 insertions, where nothing"));
    let listed = |page: &str| {
        let page: serde_json::Value = serde_json::from_str(page).unwrap();
        page["explanation"]["largest_insertions"].as_array().unwrap().len()
    };
    assert_eq!(listed(&folder.ok("info delta --explain --json")), 10);
    assert_eq!(listed(&folder.ok_verbose("info delta --explain --json")), 60);
}

#[test]
fn what_is_addends_depends_on_the_level_and_is_told() {
    let v1 = noise(1, 300_000);
    let changed = noise(2, v1.len()).into_iter().zip(noise(3, v1.len()));
    let v2: Vec<u8> = v1.iter().zip(changed).map(|(old, (pick, new))| if pick < 5 { new } else { *old }).collect();
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2)]);
    for (level, rows) in [(3, ["addends, zeros", "addends, values"]), (9, ["addends, ", "  mixing  "])] {
        folder.ok(&format!("diff v1 v2 -o delta -{level}"));
        let text = folder.ok("info delta --explain");
        assert!(rows.iter().all(|row| text.contains(row)), "{text}");
    }
}

#[test]
fn what_is_damaged_or_none_of_ours_is_refused() {
    let folder = folder();
    let delta = folder.read("d1");
    folder.write("cut", &delta[..delta.len() - 1]);
    let mut flipped = delta.clone();
    flipped[delta.len() / 2] ^= 4;
    folder.write("flipped", &flipped);
    let mut chain = folder.read("updates.chain");
    chain[300] ^= 4;
    folder.write("flipped.chain", &chain);
    folder.write("empty", b"");
    folder.write("text", b"neither a delta nor a chain");
    for name in ["cut", "flipped", "flipped.chain", "empty", "text"] {
        let message = folder.fails_with(30, &format!("info {name} --explain")).stderr;
        assert!(message.starts_with(&format!("error: {name}: ")), "{message}");
    }
    folder.fails_with(21, "info missing --explain");
}
