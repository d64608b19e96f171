//! The bytes of a chain file: file header, record headers, index, footer. `core/FORMAT.md` describes them.
//!
//! The footer repeats version and flags of the file header, so that a reader who starts at the end needs nothing from
//! the start.

use super::index::{Index, Link, Version};
use super::names;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};

/// The first bytes of every chain. A byte above 127 and both line ends show a transfer that mangled text.
pub const MAGIC: [u8; 8] = *b"\x8dPCC\r\n\x1a\n";
/// The format version that this crate writes and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;

const END_MAGIC: [u8; 8] = *b"\x8dPCCEND\n";

pub(super) const FILE_HEADER_LEN: usize = 24;
pub(super) const RECORD_HEADER_LEN: usize = 16;
pub(super) const FOOTER_LEN: usize = 32;

/// The longest index that is read or written: some hundred thousand versions.
pub(super) const MAX_INDEX_LEN: u64 = 64 << 20;

const KNOWN_CRITICAL_FLAGS: u32 = 0;
const SHORTCUT: u32 = 1;

/// Counts of versions and links, and a chain id of one byte.
const MIN_INDEX_LEN: usize = 4 + 4 + 1 + 1;
/// With a name of one byte.
const MIN_VERSION_LEN: usize = 32 + 8 + 1 + 1;
const LINK_LEN: usize = 4 + 4 + 8 + 8 + 4;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A delta, exactly as its file.
    Link,
    /// A complete index; a footer follows.
    Index,
    /// Something of a later version that a reader may pass over.
    Unknown,
}

/// What stands before the payload of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub kind: RecordKind,
    pub len: u64,
}

impl RecordHeader {
    pub fn encode(kind: RecordKind, len: u64) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0; RECORD_HEADER_LEN];
        bytes[..4].copy_from_slice(match kind {
            RecordKind::Index => b"INDX",
            RecordKind::Link | RecordKind::Unknown => b"LINK",
        });
        bytes[4..12].copy_from_slice(&len.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    /// `None` where the checksum does not fit: here the records end.
    pub fn decode(bytes: &[u8; RECORD_HEADER_LEN]) -> Option<Self> {
        let kind = match &bytes[..4] {
            b"LINK" => RecordKind::Link,
            b"INDX" => RecordKind::Index,
            _ => RecordKind::Unknown,
        };
        is_sealed(bytes).then(|| Self { kind, len: u64::from_le_bytes(array(bytes, 4)) })
    }
}

pub(super) fn file_header() -> [u8; FILE_HEADER_LEN] {
    let mut bytes = [0; FILE_HEADER_LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    seal(&mut bytes);
    bytes
}

/// Checks the first bytes of a file in the order magic, version, flags, checksum.
pub(super) fn check_file_header(bytes: &[u8]) -> Result<()> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Error::corrupt("this is no chain file").at(0));
    }
    let header = bytes.first_chunk::<FILE_HEADER_LEN>().ok_or_else(|| {
        Error::corrupt("the chain ends within its first bytes; fetch it again").at(bytes.len() as u64)
    })?;
    check_version(u16::from_le_bytes(array(header, 8)), 8)?;
    check_flags(u32::from_le_bytes(array(header, 12)), 12)?;
    if !is_sealed(header) {
        return Err(Error::corrupt("the header of the chain is damaged").at(FILE_HEADER_LEN as u64 - 4));
    }
    Ok(())
}

fn check_version(version: u16, offset: u64) -> Result<()> {
    if version == FORMAT_VERSION {
        return Ok(());
    }
    let message = format!("chain format version {version} is not supported; update patchcore");
    Err(Error::new(Status::Unsupported, message).at(offset))
}

fn check_flags(critical: u32, offset: u64) -> Result<()> {
    if critical & !KNOWN_CRITICAL_FLAGS == 0 {
        return Ok(());
    }
    let message = format!("the chain needs features that this version lacks (flags {critical:#x}); update patchcore");
    Err(Error::new(Status::Unsupported, message).at(offset))
}

/// Says where the index before it starts and what its payload's checksum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub index_start: u64,
    pub index_check: u32,
}

impl Footer {
    pub fn encode(self) -> [u8; FOOTER_LEN] {
        let mut bytes = [0; FOOTER_LEN];
        bytes[..8].copy_from_slice(&self.index_start.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.index_check.to_le_bytes());
        bytes[12..14].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        seal(&mut bytes[..24]);
        bytes[24..].copy_from_slice(&END_MAGIC);
        bytes
    }

    /// The footer at `offset`; `None` where these bytes are no whole footer, an error where it asks for more than
    /// this version of the format can give.
    pub fn decode(bytes: &[u8; FOOTER_LEN], offset: u64) -> Result<Option<Self>> {
        if bytes[24..] != END_MAGIC || !is_sealed(&bytes[..24]) {
            return Ok(None);
        }
        check_version(u16::from_le_bytes(array(bytes, 12)), offset + 12)?;
        check_flags(u32::from_le_bytes(array(bytes, 16)), offset + 16)?;
        let index_start = u64::from_le_bytes(array(bytes, 0));
        let index_check = u32::from_le_bytes(array(bytes, 8));
        Ok(Some(Self { index_start, index_check }))
    }
}

/// The payload of an index record.
pub(super) fn encode_index(index: &Index) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.extend(count(index.versions.len())?);
    out.extend(count(index.links.len())?);
    put_name(&mut out, &index.chain_id);
    for version in &index.versions {
        out.extend(version.digest.0);
        out.extend(version.size.to_le_bytes());
        put_name(&mut out, &version.name);
    }
    for link in &index.links {
        out.extend(count(link.from)?);
        out.extend(count(link.to)?);
        out.extend(link.offset.to_le_bytes());
        out.extend(link.size.to_le_bytes());
        out.extend((if link.shortcut { SHORTCUT } else { 0 }).to_le_bytes());
    }
    if out.len() as u64 > MAX_INDEX_LEN {
        return Err(Error::limit(format!("the index would have {} bytes and {MAX_INDEX_LEN} are allowed", out.len())));
    }
    Ok(out)
}

fn count(n: usize) -> Result<[u8; 4]> {
    let n = u32::try_from(n).map_err(|_| Error::limit("a chain holds at most 4,294,967,295 versions and links"))?;
    Ok(n.to_le_bytes())
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    debug_assert!(names::check(name).is_ok());
    out.push(name.len() as u8);
    out.extend(name.as_bytes());
}

/// Reads the payload of an index record that starts at `payload_start`. Counts are checked against the bytes that
/// are there before anything is allocated for them.
pub(super) fn decode_index(payload: &[u8], payload_start: u64) -> Result<Index> {
    let mut cursor = Cursor { bytes: payload, position: 0, start: payload_start };
    read_index(&mut cursor).map_err(|e| e.at(cursor.offset()))
}

fn read_index(cursor: &mut Cursor<'_>) -> Result<Index> {
    let versions = cursor.u32()? as usize;
    let links = cursor.u32()? as usize;
    let least = versions as u64 * MIN_VERSION_LEN as u64 + links as u64 * LINK_LEN as u64 + MIN_INDEX_LEN as u64;
    if least > cursor.bytes.len() as u64 {
        return Err(Error::corrupt(format!(
            "the index claims {versions} versions and {links} links and is too short for them"
        ))
        .at(cursor.start));
    }
    let chain_id = cursor.name()?;
    let versions = (0..versions).map(|_| {
        Ok(Version { digest: Digest(cursor.take()?), size: u64::from_le_bytes(cursor.take()?), name: cursor.name()? })
    });
    let versions = versions.collect::<Result<Vec<_>>>()?;
    let links = (0..links).map(|_| {
        let (from, to) = (cursor.u32()? as usize, cursor.u32()? as usize);
        let (offset, size) = (u64::from_le_bytes(cursor.take()?), u64::from_le_bytes(cursor.take()?));
        let flags = cursor.u32()?;
        if flags & !SHORTCUT != 0 {
            let message = format!("a link has flags ({flags:#x}) that this version lacks; update patchcore");
            return Err(Error::new(Status::Unsupported, message).at(cursor.offset() - 4));
        }
        Ok(Link { from, to, offset, size, shortcut: flags & SHORTCUT != 0 })
    });
    let links = links.collect::<Result<Vec<_>>>()?;
    if cursor.position != cursor.bytes.len() {
        return Err(Error::corrupt("the index goes on after its last link"));
    }
    Ok(Index { chain_id, versions, links })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where the bytes start in the file.
    start: u64,
}

impl<'a> Cursor<'a> {
    fn offset(&self) -> u64 {
        self.start + self.position as u64
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.position..];
        let slice = rest.get(..len).ok_or_else(|| Error::corrupt("the index ends early"))?;
        self.position += len;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(array(self.slice(N)?, 0))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn name(&mut self) -> Result<String> {
        let [len] = self.take()?;
        let name = std::str::from_utf8(self.slice(len.into())?).map_err(|_| Error::corrupt("a name is not UTF-8"))?;
        names::check(name).map_err(|why| Error::corrupt(format!("a name in the index {why}")))?;
        Ok(name.to_owned())
    }
}

/// Puts the checksum of everything before them into the last four bytes.
fn seal(bytes: &mut [u8]) {
    let (body, check) = bytes.split_at_mut(bytes.len() - 4);
    check.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
}

fn is_sealed(bytes: &[u8]) -> bool {
    let (body, check) = bytes.split_at(bytes.len() - 4);
    crc32fast::hash(body).to_le_bytes() == check
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[start..start + N]);
    field
}
