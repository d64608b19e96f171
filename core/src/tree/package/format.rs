//! The parts of a ZIP file as APPNOTE.TXT has them, as far as packages use them.
//!
//! Reader and writer are ours, since a package is refused unless there is only one way to read it: every byte belongs to
//! exactly one header, entry or directory, and what is said twice is said alike. A reader made for any ZIP file looks for the
//! way that works.

use crate::error::{Error, Result, Status};
use crate::io::ReadAt;

pub(super) const LOCAL_LEN: usize = 30;
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const END_LEN: usize = 22;
pub(super) const END64_LEN: usize = 56;
pub(super) const LOCATOR_LEN: usize = 20;
/// All that may stand behind a directory, with the longest comment.
pub(super) const MAX_TAIL: usize = END_LEN + LOCATOR_LEN + END64_LEN + u16::MAX as usize;

pub(super) const LOCAL: u32 = 0x0403_4B50;
pub(super) const CENTRAL: u32 = 0x0201_4B50;
const END: u32 = 0x0605_4B50;
const END64: u32 = 0x0606_4B50;
const LOCATOR: u32 = 0x0706_4B50;

pub(super) const ZIP64_EXTRA: u16 = 1;
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;
pub(super) const ENCRYPTED: u16 = 1;
/// What a deflater says of how hard it tried.
const EFFORT: u16 = 0b110;
/// 1 January 1980, midnight: the first moment that a ZIP file can name.
const DATE: u16 = 0x21;
const TIME: u16 = 0;
/// Attributes are those of Unix.
const MADE_BY: u16 = 3 << 8 | VERSION_ZSTD;
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const VERSION_ZSTD: u16 = 63;

const MAX16: u16 = u16::MAX;
pub(super) const MAX32: u32 = u32::MAX;

/// How the bytes of an entry are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
    Zstd,
}

impl Method {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflated => 8,
            Self::Zstd => 93,
        }
    }

    pub(super) fn of(code: u16) -> Result<Self> {
        match code {
            0 => Ok(Self::Stored),
            8 => Ok(Self::Deflated),
            93 => Ok(Self::Zstd),
            _ => Err(Error::new(Status::Unsupported, format!("an entry is compressed by method {code}"))),
        }
    }
}

/// What headers say of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub method: Method,
    pub crc: u32,
    /// The bytes in the package.
    pub packed: u64,
    /// The bytes of the content.
    pub size: u64,
    /// Where its local header is.
    pub offset: u64,
    pub executable: bool,
    /// Its content is where a symbolic link points.
    pub is_link: bool,
}

impl Entry {
    fn version(&self, zip64: bool) -> u16 {
        match (self.method, zip64) {
            (Method::Zstd, _) => VERSION_ZSTD,
            (_, true) => VERSION_ZIP64,
            (_, false) => VERSION,
        }
    }

    /// The header before its bytes.
    pub fn local(&self) -> Vec<u8> {
        let zip64 = self.size >= u64::from(MAX32) || self.packed >= u64::from(MAX32);
        let mut out = Vec::with_capacity(LOCAL_LEN + self.name.len());
        out.extend(LOCAL.to_le_bytes());
        self.common(&mut out, zip64, if zip64 { [MAX32; 2] } else { [self.packed as u32, self.size as u32] });
        out.extend(if zip64 { 20u16 } else { 0 }.to_le_bytes());
        out.extend(self.name.as_bytes());
        if zip64 {
            extra(&mut out, &[self.size, self.packed]);
        }
        out
    }

    /// The entry of the directory.
    pub fn central(&self, out: &mut Vec<u8>) {
        let [size, packed, offset] = [self.size, self.packed, self.offset].map(|value| u32::try_from(value).ok());
        let fits = |value: Option<u32>| value.filter(|value| *value != MAX32);
        // The local header tells both sizes as soon as one does not fit; the same rule here keeps the two alike.
        let sizes_fit = fits(size).is_some() && fits(packed).is_some();
        let mut large = Vec::new();
        if !sizes_fit {
            large.extend([self.size, self.packed]);
        }
        if fits(offset).is_none() {
            large.push(self.offset);
        }
        out.extend(CENTRAL.to_le_bytes());
        out.extend(MADE_BY.to_le_bytes());
        let sizes = if sizes_fit { [self.packed as u32, self.size as u32] } else { [MAX32; 2] };
        self.common(out, !sizes_fit, sizes);
        let extra_len = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        out.extend(extra_len.to_le_bytes());
        // No comment, the first disk, no internal attributes.
        out.extend([0; 6]);
        let mode: u32 = match (self.is_link, self.name.ends_with('/'), self.executable) {
            (true, ..) => 0o120_777,
            (false, true, _) => 0o040_755,
            (false, false, true) => 0o100_755,
            (false, false, false) => 0o100_644,
        };
        out.extend((mode << 16).to_le_bytes());
        out.extend(fits(offset).unwrap_or(MAX32).to_le_bytes());
        out.extend(self.name.as_bytes());
        if !large.is_empty() {
            extra(out, &large);
        }
    }

    fn common(&self, out: &mut Vec<u8>, zip64: bool, [packed, size]: [u32; 2]) {
        for value in [self.version(zip64), UTF8, self.method.code(), TIME, DATE] {
            out.extend(value.to_le_bytes());
        }
        for value in [self.crc, packed, size] {
            out.extend(value.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
    }
}

fn extra(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(ZIP64_EXTRA.to_le_bytes());
    out.extend((8 * values.len() as u16).to_le_bytes());
    values.iter().for_each(|value| out.extend(value.to_le_bytes()));
}

/// Where the directory is, and how many entries it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub offset: u64,
    pub len: u64,
    pub entries: u64,
}

impl Directory {
    /// All that follows the directory.
    pub fn end(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let entries = u16::try_from(self.entries).unwrap_or(MAX16);
        let [len, offset] = [self.len, self.offset].map(|value| u32::try_from(value).unwrap_or(MAX32));
        if entries == MAX16 || len == MAX32 || offset == MAX32 {
            out.extend(END64.to_le_bytes());
            out.extend((END64_LEN as u64 - 12).to_le_bytes());
            out.extend(MADE_BY.to_le_bytes());
            out.extend(VERSION_ZIP64.to_le_bytes());
            out.extend([0; 8]);
            for value in [self.entries, self.entries, self.len, self.offset] {
                out.extend(value.to_le_bytes());
            }
            out.extend(LOCATOR.to_le_bytes());
            out.extend([0; 4]);
            out.extend((self.offset + self.len).to_le_bytes());
            out.extend(1u32.to_le_bytes());
        }
        out.extend(END.to_le_bytes());
        out.extend([0; 4]);
        out.extend(entries.to_le_bytes());
        out.extend(entries.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend([0; 2]);
        out
    }

    /// Reads the last bytes of a file of `size` bytes: `tail` is what [`END_LEN`], [`LOCATOR_LEN`] and [`END64_LEN`] cover,
    /// or the whole of a shorter file.
    pub fn parse(tail: &[u8], size: u64) -> Result<Self> {
        let damaged = |why: &str| Error::corrupt(format!("this is no whole package: {why}"));
        let start = tail.len().checked_sub(END_LEN).ok_or_else(|| damaged("it is too short"))?;
        let mut end = Fields(&tail[start..]);
        if end.u32() != END {
            return Err(damaged("it does not end with the end of a ZIP file"));
        }
        let disks = (end.u16(), end.u16());
        let (here, entries, len, offset, comment) = (end.u16(), end.u16(), end.u32(), end.u32(), end.u16());
        if disks != (0, 0) || here != entries || comment != 0 {
            return Err(damaged("its end record is not one of a package"));
        }
        let directory = Self { offset: offset.into(), len: len.into(), entries: entries.into() };
        let mut ends = size - END_LEN as u64;
        let directory = if entries == MAX16 || len == MAX32 || offset == MAX32 {
            let large =
                start.checked_sub(LOCATOR_LEN + END64_LEN).ok_or_else(|| damaged("its ZIP64 end is missing"))?;
            ends -= (LOCATOR_LEN + END64_LEN) as u64;
            let found =
                Self::parse_large(&tail[large..start], ends).ok_or_else(|| damaged("its ZIP64 end is wrong"))?;
            let agree = |small: u64, most: u64, value: u64| small == value || small == most;
            let agrees = agree(directory.entries, MAX16.into(), found.entries)
                && agree(directory.len, MAX32.into(), found.len)
                && agree(directory.offset, MAX32.into(), found.offset);
            if !agrees {
                return Err(damaged("its two end records disagree"));
            }
            found
        } else {
            directory
        };
        if directory.offset.checked_add(directory.len) != Some(ends) {
            return Err(damaged("something stands between its directory and its end"));
        }
        match directory.entries.checked_mul(CENTRAL_LEN as u64) {
            Some(least) if least <= directory.len => Ok(directory),
            _ => Err(damaged("its directory is too short for its entries")),
        }
    }

    /// [`parse`](Self::parse) for a file that others made, which may end with a comment.
    pub fn find(tail: &[u8], size: u64) -> Result<Self> {
        let is_end = |start: &usize| {
            let mut comment = Fields(&tail[start + END_LEN - 2..]);
            tail[*start..].starts_with(&END.to_le_bytes()) && start + END_LEN + usize::from(comment.u16()) == tail.len()
        };
        let last = tail.len().checked_sub(END_LEN);
        let start = last.and_then(|last| (0..=last).rev().find(is_end));
        let Some(start) = start else {
            return Err(Error::corrupt("this is no ZIP file: it does not end with a directory"));
        };
        let comment_len = tail.len() - start - END_LEN;
        let mut tail = tail[..start + END_LEN].to_vec();
        tail[start + END_LEN - 2..].fill(0);
        Self::parse(&tail, size - comment_len as u64)
    }

    /// The record and the locator that points to it, which stands at `offset` itself.
    fn parse_large(bytes: &[u8], offset: u64) -> Option<Self> {
        let mut end = Fields(bytes);
        let head = (end.u32(), end.u64()) == (END64, END64_LEN as u64 - 12);
        let _versions = (end.u16(), end.u16());
        let disks = (end.u32(), end.u32());
        let (here, entries, len, start) = (end.u64(), end.u64(), end.u64(), end.u64());
        let locator = (end.u32(), end.u32(), end.u64(), end.u32()) == (LOCATOR, 0, offset, 1);
        (head && locator && disks == (0, 0) && here == entries).then_some(Self { offset: start, len, entries })
    }
}

/// What both headers of an entry say.
struct Common {
    version: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    name_len: usize,
    extra_len: usize,
}

impl Common {
    fn parse(fields: &mut Fields<'_>) -> Result<Self> {
        let (version, flags, method) = (fields.u16(), fields.u16(), fields.u16());
        let _moment = (fields.u16(), fields.u16());
        if flags & ENCRYPTED != 0 {
            return Err(Error::new(Status::Unsupported, "an entry is encrypted"));
        }
        if flags & !(UTF8 | EFFORT) != 0 {
            return Err(Error::corrupt("an entry has flags that packages do not have"));
        }
        let (crc, packed, size) = (fields.u32(), fields.u32(), fields.u32());
        let (name_len, extra_len) = (fields.u16().into(), fields.u16().into());
        Ok(Self { version: version & 0xFF, method, crc, packed, size, name_len, extra_len })
    }
}

/// Reads one entry of the directory from the start of `bytes`, and says how long it is.
pub(super) fn parse_central(bytes: &[u8]) -> Result<(Entry, usize)> {
    let short = || Error::corrupt("the directory of the package ends early");
    let mut fields = Fields(bytes.get(..CENTRAL_LEN).ok_or_else(short)?);
    if fields.u32() != CENTRAL {
        return Err(Error::corrupt("the directory of the package is damaged"));
    }
    let made_by = fields.u16();
    let common = Common::parse(&mut fields)?;
    let (comment, disk, _internal, attributes, offset) =
        (fields.u16(), fields.u16(), fields.u16(), fields.u32(), fields.u32());
    if comment != 0 || disk != 0 {
        return Err(Error::corrupt("the directory of the package has what packages do not have"));
    }
    let len = CENTRAL_LEN + common.name_len + common.extra_len;
    let rest = bytes.get(CENTRAL_LEN..len).ok_or_else(short)?;
    let (name, extra) = rest.split_at(common.name_len);
    let [size, packed, offset] = large(extra, [common.size, common.packed, offset])?;
    let name = name_of(name)?;
    let mode = if made_by >> 8 == 3 { attributes >> 16 } else { 0 };
    match mode & 0o170_000 {
        0 | 0o100_000 => {}
        0o120_000 => {
            let message = format!("\"{}\" is a link in the package", name.escape_debug());
            return Err(Error::new(Status::UnsafePath, message));
        }
        _ => return Err(Error::corrupt(format!("\"{}\" in the package is no file", name.escape_debug()))),
    }
    let method = Method::of(common.method)?;
    let executable = mode & 0o100 != 0;
    let entry = Entry { name, method, crc: common.crc, packed, size, offset, executable, is_link: false };
    Ok((entry, len))
}

/// Checks that the header at the start of `bytes` says what the directory says of `entry`. Gives its length, or how many
/// bytes it takes to see it whole.
pub(super) fn check_local(bytes: &[u8], entry: &Entry) -> Result<Result<usize, usize>> {
    if bytes.len() < LOCAL_LEN {
        return Ok(Err(LOCAL_LEN));
    }
    let disagree = || {
        let message = format!("the two headers of \"{}\" in the package disagree", entry.name.escape_debug());
        Error::corrupt(message).at(entry.offset)
    };
    let mut fields = Fields(bytes);
    if fields.u32() != LOCAL {
        return Err(Error::corrupt("the header of an entry is damaged").at(entry.offset));
    }
    let common = Common::parse(&mut fields).map_err(|e| e.at(entry.offset))?;
    let len = LOCAL_LEN + common.name_len + common.extra_len;
    let Some(rest) = bytes.get(LOCAL_LEN..len) else { return Ok(Err(len)) };
    let (name, extra) = rest.split_at(common.name_len);
    let [size, packed, _] = large(extra, [common.size, common.packed, 0])?;
    let same = name == entry.name.as_bytes()
        && common.method == entry.method.code()
        && common.version <= VERSION_ZSTD
        && (common.crc, packed, size) == (entry.crc, entry.packed, entry.size);
    if same { Ok(Ok(len)) } else { Err(disagree()) }
}

pub(super) fn name_of(bytes: &[u8]) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(Error::new(Status::UnsafePath, "a name in the package is not UTF-8")),
    }
}

/// The values that stand in the ZIP64 field where the small ones say so. There is no other field in a package: some give an
/// entry another name.
pub(super) fn large(extra: &[u8], small: [u32; 3]) -> Result<[u64; 3]> {
    let wrong = || Error::corrupt("an entry of the package has ZIP64 sizes that are wrong");
    let wanted = small.iter().filter(|value| **value == MAX32).count();
    let mut fields = Fields(extra);
    match (extra.len(), wanted) {
        (0, 0) => return Ok(small.map(u64::from)),
        (0..4, _) => return Err(wrong()),
        (len, 1..) if len == 4 + 8 * wanted => {}
        _ => return Err(wrong()),
    }
    if (fields.u16(), usize::from(fields.u16())) != (ZIP64_EXTRA, 8 * wanted) {
        return Err(wrong());
    }
    Ok(small.map(|value| if value == MAX32 { fields.u64() } else { value.into() }))
}

/// A part of a source, of which the next bytes are at hand.
pub(super) struct Window<'a> {
    source: &'a dyn ReadAt,
    /// Where the next byte is.
    start: u64,
    end: u64,
    bytes: Vec<u8>,
    used: usize,
}

impl<'a> Window<'a> {
    pub fn new(source: &'a dyn ReadAt, start: u64, end: u64) -> Self {
        Self { source, start, end, bytes: Vec::new(), used: 0 }
    }

    /// Where the next byte is.
    pub fn position(&self) -> u64 {
        self.start
    }

    pub fn is_at_end(&self) -> bool {
        self.start == self.end
    }

    /// At least all of the next entry of the directory, or what is left.
    pub fn ahead(&mut self) -> Result<&[u8]> {
        const LONGEST: usize = CENTRAL_LEN + 3 * u16::MAX as usize;
        const BUFFER_LEN: usize = 64 << 10;
        let left = self.end - self.start;
        let have = self.bytes.len() - self.used;
        if have < LONGEST && (have as u64) < left {
            self.bytes.drain(..self.used);
            self.used = 0;
            self.bytes.resize(left.min((LONGEST + BUFFER_LEN) as u64) as usize, 0);
            self.source.read_at(self.start + have as u64, &mut self.bytes[have..])?;
        }
        Ok(&self.bytes[self.used..])
    }

    pub fn advance(&mut self, len: usize) {
        self.used += len;
        self.start += len as u64;
    }
}

/// Reads numbers from the front; what is missing is 0, so lengths are checked before.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let n = N.min(self.0.len());
        bytes[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        bytes
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u64, packed: u64, offset: u64) -> Entry {
        Entry {
            name: "a/ä".into(),
            method: Method::Deflated,
            crc: 7,
            packed,
            size,
            offset,
            executable: true,
            is_link: false,
        }
    }

    #[test]
    fn headers_read_back_small_and_large() {
        let large = u64::from(u32::MAX);
        for entry in [
            entry(10, 5, 0),
            entry(large, 5, 0),
            entry(large + 9, large + 1, large),
            entry(10, 5, large * 3),
            entry(large - 1, 1, large - 1),
        ] {
            let mut central = Vec::new();
            entry.central(&mut central);
            assert_eq!(parse_central(&central).unwrap(), (entry.clone(), central.len()));
            let local = entry.local();
            assert_eq!(check_local(&local, &entry).unwrap(), Ok(local.len()));
            let other = Entry { crc: 8, ..entry.clone() };
            assert_eq!(check_local(&local, &other).unwrap_err().status(), Status::Corrupt);
        }
    }

    #[test]
    fn ends_read_back_small_and_large() {
        for (offset, entries) in [(100, 2), (100, 65_534), (100, 65_535), (100, 70_000), (1 << 40, 1)] {
            let directory = Directory { offset, len: entries * 50, entries };
            let end = directory.end();
            let size = offset + directory.len + end.len() as u64;
            let long = end.len() > END_LEN;
            assert_eq!(long, entries >= 65_535 || offset > u64::from(u32::MAX));
            assert_eq!(Directory::parse(&end, size).unwrap(), directory);
            assert_eq!(Directory::parse(&end, size + 1).unwrap_err().status(), Status::Corrupt);
        }
    }
}
