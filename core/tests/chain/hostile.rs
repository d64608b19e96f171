//! Chains that somebody built by hand: everything in them is sealed as it should be, and nothing is to be trusted.

use patchcore::chain::Chain;
use patchcore::{Digest, Error, Status};

use crate::{apply, assert_status, diff};

const OLD: &[u8] = b"old bytes";
const NEW: &[u8] = b"new bytes";

/// The parts of a chain with one link, before they are sealed.
struct Forge {
    file_version: u16,
    file_flags: u32,
    /// Kind and payload of the records before the index.
    records: Vec<([u8; 4], Vec<u8>)>,
    version_count: u32,
    link_count: u32,
    chain_id: Vec<u8>,
    versions: Vec<(Digest, u64, Vec<u8>)>,
    links: Vec<[u64; 5]>,
    trailing: Vec<u8>,
    index_len: Option<u64>,
    footer_version: u16,
    footer_flags: u32,
}

impl Forge {
    fn new() -> Self {
        let delta = diff(OLD, NEW);
        let size = delta.len() as u64;
        Self {
            file_version: 1,
            file_flags: 0,
            records: vec![(*b"LINK", delta)],
            version_count: 2,
            link_count: 1,
            chain_id: b"id".to_vec(),
            versions: vec![(Digest::of(OLD), 9, b"v1".to_vec()), (Digest::of(NEW), 9, b"v2".to_vec())],
            links: vec![[0, 1, 24 + 16, size, 0]],
            trailing: Vec::new(),
            index_len: None,
            footer_version: 1,
            footer_flags: 0,
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Result<Chain, Error> {
        let mut forge = Self::new();
        change(&mut forge);
        forge.open()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            sealed(&[b"\x8dPCC\r\n\x1a\n", &self.file_version.to_le_bytes(), &[0; 2], &self.file_flags.to_le_bytes()]);
        bytes.resize(20, 0);
        let mut bytes = sealed(&[&bytes[..16], &[0; 4]]);
        for (kind, payload) in &self.records {
            bytes.extend(sealed(&[kind, &(payload.len() as u64).to_le_bytes()]));
            bytes.extend(payload);
        }
        let index_start = bytes.len() as u64;
        let index = self.index();
        let len = self.index_len.unwrap_or(index.len() as u64);
        bytes.extend(sealed(&[b"INDX", &len.to_le_bytes()]));
        bytes.extend(&index);
        bytes.extend(sealed(&[
            &index_start.to_le_bytes(),
            &crc32fast::hash(&index).to_le_bytes(),
            &self.footer_version.to_le_bytes(),
            &[0; 2],
            &self.footer_flags.to_le_bytes(),
        ]));
        bytes.extend(b"\x8dPCCEND\n");
        bytes
    }

    fn index(&self) -> Vec<u8> {
        let mut index = [self.version_count.to_le_bytes(), self.link_count.to_le_bytes()].concat();
        let put_name = |index: &mut Vec<u8>, name: &[u8]| {
            index.push(name.len() as u8);
            index.extend(name);
        };
        put_name(&mut index, &self.chain_id);
        for (digest, size, name) in &self.versions {
            index.extend(digest.0);
            index.extend(size.to_le_bytes());
            put_name(&mut index, name);
        }
        for [from, to, offset, size, flags] in &self.links {
            index.extend((*from as u32).to_le_bytes());
            index.extend((*to as u32).to_le_bytes());
            index.extend(offset.to_le_bytes());
            index.extend(size.to_le_bytes());
            index.extend((*flags as u32).to_le_bytes());
        }
        index.extend(&self.trailing);
        index
    }

    fn open(&self) -> Result<Chain, Error> {
        Chain::from_source(Box::new(self.bytes()))
    }
}

fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

#[track_caller]
fn assert_corrupt(change: impl FnOnce(&mut Forge)) {
    let error = assert_status(Forge::with(change), Status::Corrupt);
    assert!(error.offset().is_some(), "{error}");
}

#[test]
fn the_forge_makes_good_chains() {
    let chain = Forge::with(|_| {}).unwrap();
    assert_eq!(apply(&chain, OLD, None).unwrap().0, NEW);
    chain.verify(&Default::default(), &mut Default::default()).unwrap();
    let lab = crate::Lab::empty();
    let options = patchcore::chain::CreateOptions { chain_id: Some("id".to_owned()), ..Default::default() };
    lab.create_with(&[diff(OLD, NEW)], &options).unwrap();
    assert_eq!(lab.bytes(), Forge::new().bytes());
}

#[test]
fn counts_that_the_file_cannot_hold_are_corrupt_before_they_size_anything() {
    for count in [u32::MAX, 1 << 31, 1000, 3] {
        assert_corrupt(|forge| forge.version_count = count);
        assert_corrupt(|forge| forge.link_count = count);
        assert_corrupt(|forge| (forge.version_count, forge.link_count) = (count, count));
    }
    assert_corrupt(|forge| forge.link_count = 0);
    assert_corrupt(|forge| {
        (forge.version_count, forge.link_count) = (0, 0);
        forge.versions.clear();
        forge.links.clear();
    });
    assert_corrupt(|forge| forge.trailing = vec![0]);
}

#[test]
fn links_that_lead_back_in_a_loop_or_nowhere_are_corrupt() {
    for (from, to) in [(1, 0), (0, 0), (1, 1), (0, 2), (2, 3), (0, u64::from(u32::MAX))] {
        assert_corrupt(|forge| (forge.links[0][0], forge.links[0][1]) = (from, to));
    }
}

#[test]
fn links_that_lie_where_none_can_are_corrupt() {
    let len = Forge::new().bytes().len() as u64;
    for offset in [0, 8, 23, 24, 39, 41, len - 60, len, len * 2, u64::MAX - 4, u64::MAX] {
        assert_corrupt(|forge| forge.links[0][2] = offset);
    }
    // Into the index, up to its footer, beyond the file, beyond all numbers.
    for size in [Forge::new().links[0][3] + 1, len - 40 - 32, len - 40, len, u64::MAX] {
        assert_corrupt(|forge| forge.links[0][3] = size);
    }
}

#[test]
fn links_that_share_bytes_or_ends_are_corrupt() {
    let two = |forge: &mut Forge, second: [u64; 5]| {
        forge.versions.push((Digest::of(b"third"), 5, b"v3".to_vec()));
        forge.records.push((*b"LINK", diff(NEW, b"third")));
        (forge.version_count, forge.link_count) = (3, 2);
        forge.links.push(second);
    };
    let [_, _, offset, size, _] = Forge::new().links[0];
    let next = offset + size + 16;
    let third = diff(NEW, b"third").len() as u64;
    Forge::with(|forge| two(forge, [1, 2, next, third, 0])).unwrap();
    for (from, to, offset, size, flags) in [
        (1, 2, offset, size, 0),
        (1, 2, offset + 1, size, 0),
        (1, 2, next - 1, third, 0),
        (1, 2, next - 16, third, 0),
        (0, 1, next, third, 0),
        (0, 1, next, third, 1),
    ] {
        assert_corrupt(|forge| two(forge, [from, to, offset, size, flags]));
    }
    // Two links of the history cannot make one version.
    assert_corrupt(|forge| {
        two(forge, [1, 2, next, third, 0]);
        forge.links[0][1] = 2;
    });
}

#[test]
fn names_are_checked_when_they_are_read() {
    for name in [&b""[..], b"a\0b", b"\n", b"\xff\xfe", b"v2", &[0xc3; 200]] {
        assert_corrupt(|forge| forge.versions[0].2 = name.to_vec());
    }
    for id in [&b""[..], b"\x1b[31m", b"\xff"] {
        assert_corrupt(|forge| forge.chain_id = id.to_vec());
    }
}

#[test]
fn a_record_that_claims_another_length_than_the_footer_gives_it_is_no_index() {
    for len in [0, 1, 1 << 40, u64::MAX - 16, u64::MAX] {
        assert_corrupt(|forge| forge.index_len = Some(len));
    }
}

#[test]
fn newer_versions_and_critical_flags_are_unsupported() {
    let unsupported = |change: fn(&mut Forge)| {
        let error = assert_status(Forge::with(change), Status::Unsupported);
        assert!(error.offset().is_some());
    };
    unsupported(|forge| forge.file_version = 2);
    unsupported(|forge| forge.file_flags = 1);
    unsupported(|forge| forge.footer_version = 2);
    unsupported(|forge| forge.footer_flags = 1 << 31);
    unsupported(|forge| forge.links[0][4] = 2);
}

#[test]
fn records_of_unknown_kinds_are_passed_over() {
    let mut forge = Forge::new();
    forge.records.push((*b"NEWS", b"something of a later version".to_vec()));
    let chain = forge.open().unwrap();
    chain.verify(&Default::default(), &mut Default::default()).unwrap();
    let torn = [forge.bytes(), vec![0; 9]].concat();
    assert_eq!(Chain::from_source(Box::new(torn)).unwrap().ignored_tail(), 9);
}

#[test]
fn an_index_that_lists_what_is_no_link_does_not_verify() {
    let verify = |forge: &Forge| forge.open()?.verify(&Default::default(), &mut Default::default());
    let mut forge = Forge::new();
    forge.records[0].0 = *b"NEWS";
    assert_status(verify(&forge), Status::Corrupt);

    // A whole delta inside the payload of another record.
    let mut forge = Forge::new();
    let delta = forge.records[0].1.clone();
    forge.records[0].1 = [&[0; 100][..], &delta].concat();
    forge.links[0][2] += 100;
    assert_status(verify(&forge), Status::Corrupt);
    assert_eq!(apply(&forge.open().unwrap(), OLD, None).unwrap().0, NEW);
}

#[test]
fn an_index_beyond_all_measure_is_refused_unread() {
    /// A terabyte of zeros with the end of a chain behind it.
    struct Giant(Vec<u8>);
    impl patchcore::io::ReadAt for Giant {
        fn size(&self) -> u64 {
            1 << 40
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> patchcore::Result<()> {
            buf.fill(0);
            let tail_start = self.size() - self.0.len() as u64;
            for (i, byte) in buf.iter_mut().enumerate() {
                if let Some(at) = (offset + i as u64).checked_sub(tail_start) {
                    *byte = self.0[at as usize];
                }
            }
            Ok(())
        }
    }
    let mut footer = sealed(&[&24u64.to_le_bytes(), &[0; 4], &[1, 0], &[0; 2], &[0; 4]]);
    footer.extend(b"\x8dPCCEND\n");
    assert_status(Chain::from_source(Box::new(Giant(footer))), Status::Limit);
}
