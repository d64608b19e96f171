//! ZIP and tar files in which anything can be wrong.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use patchcore::Digest;

/// An entry of a ZIP file: what each of its two headers says.
#[derive(Clone, Debug)]
pub struct Entry {
    pub local: Header,
    pub central: Header,
    pub bytes: Vec<u8>,
    /// Where the directory says that it is, if not where it is.
    pub offset: Option<u32>,
    pub attributes: u32,
}

#[derive(Clone, Debug)]
pub struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

impl Entry {
    pub fn stored(name: &str, bytes: &[u8]) -> Self {
        let header = Header {
            name: name.into(),
            flags: 1 << 11,
            method: 0,
            crc: crc32fast::hash(bytes),
            packed: bytes.len() as u32,
            size: bytes.len() as u32,
            extra: Vec::new(),
        };
        let attributes = 0o100_644 << 16;
        Self { local: header.clone(), central: header, bytes: bytes.to_vec(), offset: None, attributes }
    }

    pub fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let mut entry = Self::stored(name, bytes);
        entry.both(|header| (header.method, header.packed) = (8, packed.len() as u32));
        entry.bytes = packed;
        entry
    }

    /// Changes what both headers say.
    pub fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }
}

/// A ZIP file.
#[derive(Clone, Debug, Default)]
pub struct Zip {
    pub entries: Vec<Entry>,
    pub before: Vec<u8>,
    pub between: Vec<u8>,
    pub after: Vec<u8>,
    /// How many entries the end says there are, if not as many as there are.
    pub count: Option<u16>,
    pub comment: Vec<u8>,
}

impl Zip {
    pub fn of(entries: Vec<Entry>) -> Self {
        Self { entries, ..Self::default() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (mut out, mut directory) = (self.before.clone(), Vec::new());
        for entry in &self.entries {
            let offset = entry.offset.unwrap_or(out.len() as u32);
            out.extend(b"PK\x03\x04");
            header(&mut out, &entry.local);
            out.extend((entry.local.extra.len() as u16).to_le_bytes());
            out.extend(&entry.local.name);
            out.extend(&entry.local.extra);
            out.extend(&entry.bytes);
            directory.extend(b"PK\x01\x02\x14\x03");
            header(&mut directory, &entry.central);
            directory.extend((entry.central.extra.len() as u16).to_le_bytes());
            directory.extend([0; 6]);
            directory.extend(entry.attributes.to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.central.name);
            directory.extend(&entry.central.extra);
        }
        out.extend(&self.between);
        let start = out.len() as u32;
        out.extend(&directory);
        let count = self.count.unwrap_or(self.entries.len() as u16);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend((self.comment.len() as u16).to_le_bytes());
        out.extend(&self.comment);
        out.extend(&self.after);
        out
    }
}

fn header(out: &mut Vec<u8>, header: &Header) {
    for value in [20, header.flags, header.method, 0, 0x21] {
        out.extend(value.to_le_bytes());
    }
    for value in [header.crc, header.packed, header.size] {
        out.extend(value.to_le_bytes());
    }
    out.extend((header.name.len() as u16).to_le_bytes());
}

/// The text of a patch that puts these whole files where nothing is.
pub fn patch_of(files: &[(&str, &[u8])]) -> String {
    let changes: Vec<_> = files
        .iter()
        .map(|(path, bytes)| {
            serde_json::json!({
                "path": path,
                "old": "absent",
                "new": {"file": {"size": bytes.len(), "sha256": Digest::of(bytes).to_string()}},
                "content": "whole",
            })
        })
        .collect();
    serde_json::json!({"type": "tree-patch", "format_version": 1, "changes": changes}).to_string()
}

/// A package that puts these whole files where nothing is.
pub fn package_of(files: &[(&str, &[u8])]) -> Zip {
    let patch = Entry::deflated(".patchcore/patch.json", patch_of(files).as_bytes());
    let files = files.iter().map(|(path, bytes)| Entry::deflated(path, bytes));
    Zip::of(std::iter::once(patch).chain(files).collect())
}

/// One entry of a tar file with a header that fits, whatever is in it.
pub fn tar_entry(name: &str, kind: u8, link: &str, mode: u32, size: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, size.as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// A file in a tar file.
pub fn tar_file(name: &str, content: &[u8]) -> Vec<u8> {
    tar_entry(name, b'0', "", 0o644, &format!("{:011o}\0", content.len()), content)
}

/// Anything without content in a tar file.
pub fn tar_other(name: &str, kind: u8, link: &str) -> Vec<u8> {
    tar_entry(name, kind, link, 0o755, "00000000000\0", b"")
}

/// An extended header for the entry that follows.
pub fn tar_pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut len = rest.len() + 1;
        while format!("{len}{rest}").len() != len {
            len += 1;
        }
        text.push_str(&format!("{len}{rest}"));
    }
    tar_entry("pax", b'x', "", 0o644, &format!("{:011o}\0", text.len()), text.as_bytes())
}

/// The `.tar.gz` of these entries.
pub fn tar_gz(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = entries.concat();
    tar.extend([0; 1024]);
    gzip(&tar)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
