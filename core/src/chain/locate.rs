//! Where the last whole index of a chain file is.
//!
//! Normally the footer that ends the file says so: one read of the end, and one more when the index is longer. After
//! an append that did not finish, or while one is running, the end is anything; then the records are walked from the
//! start, by their headers alone, to the last index whose footer and checksum are whole. What lies behind it is ignored.

use super::format::{
    self, FILE_HEADER_LEN, FOOTER_LEN, Footer, MAX_INDEX_LEN, RECORD_HEADER_LEN, RecordHeader, RecordKind,
};
use super::index::Index;
use crate::error::{Error, Result};
use crate::io::ReadAt;

/// What the first read takes from the end of the file: enough for the index of some hundred versions.
pub(super) const WINDOW: u64 = 64 << 10;

/// An index and where it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub index: Index,
    /// Where its record begins.
    pub start: u64,
    /// Where the footer of the index ends: what lies behind it is no part of the chain.
    pub end: u64,
}

/// Finds and reads the last whole index. The first read takes `window` bytes from the end.
pub(super) fn locate(source: &dyn ReadAt, window: u64) -> Result<Located> {
    let size = source.size();
    let window_start = size.saturating_sub(window.max(FOOTER_LEN as u64));
    let mut window = vec![0; (size - window_start) as usize];
    source.read_at(window_start, &mut window)?;
    if window_start == 0 {
        format::check_file_header(&window)?;
    }
    let footer_start = size.saturating_sub(FOOTER_LEN as u64);
    if let Some(footer) = window.last_chunk::<FOOTER_LEN>()
        && let Some(footer) = Footer::decode(footer, footer_start)?
        && let Some(span) = Span::of(footer, footer_start)
    {
        let record = span.read(source, &window, window_start)?;
        if span.is_whole(&record) {
            return span.parse(&record);
        }
    }
    walk(source)
}

/// The bytes of an index record and its footer.
struct Span {
    record_start: u64,
    footer_start: u64,
    check: u32,
}

impl Span {
    /// `None` where a footer at `footer_start` cannot end an index that starts where it says.
    fn of(footer: Footer, footer_start: u64) -> Option<Self> {
        let Footer { index_start: record_start, index_check: check } = footer;
        let payload_start = record_start.checked_add(RECORD_HEADER_LEN as u64)?;
        (record_start >= FILE_HEADER_LEN as u64 && payload_start <= footer_start).then_some(Self {
            record_start,
            footer_start,
            check,
        })
    }

    fn payload_start(&self) -> u64 {
        self.record_start + RECORD_HEADER_LEN as u64
    }

    fn payload_len(&self) -> u64 {
        self.footer_start - self.payload_start()
    }

    /// The whole record; `window` holds the file's bytes from `window_start` on.
    fn read(&self, source: &dyn ReadAt, window: &[u8], window_start: u64) -> Result<Vec<u8>> {
        if self.payload_len() > MAX_INDEX_LEN {
            let message = format!("the index has {} bytes and {MAX_INDEX_LEN} are allowed", self.payload_len());
            return Err(Error::limit(message).at(self.record_start));
        }
        let mut record = vec![0; (self.footer_start - self.record_start) as usize];
        let missing = window_start.saturating_sub(self.record_start).min(record.len() as u64) as usize;
        let (head, tail) = record.split_at_mut(missing);
        if !head.is_empty() {
            source.read_at(self.record_start, head)?;
        }
        let within = (self.record_start + missing as u64).saturating_sub(window_start) as usize;
        tail.copy_from_slice(&window[within..within + tail.len()]);
        Ok(record)
    }

    fn is_whole(&self, record: &[u8]) -> bool {
        let Some((header, payload)) = record.split_first_chunk() else { return false };
        let expected = RecordHeader { kind: RecordKind::Index, len: self.payload_len() };
        RecordHeader::decode(header) == Some(expected) && crc32fast::hash(payload) == self.check
    }

    fn parse(&self, record: &[u8]) -> Result<Located> {
        let index = format::decode_index(&record[RECORD_HEADER_LEN..], self.payload_start())?;
        index
            .validate(FILE_HEADER_LEN as u64, self.record_start, RECORD_HEADER_LEN as u64)
            .map_err(|e| e.at(self.payload_start()))?;
        Ok(Located { index, start: self.record_start, end: self.footer_start + FOOTER_LEN as u64 })
    }
}

/// Finds the last whole index from the start of the file. Every step moves on by a record header at least.
fn walk(source: &dyn ReadAt) -> Result<Located> {
    let mut header = [0; FILE_HEADER_LEN];
    let len = source.size().min(FILE_HEADER_LEN as u64) as usize;
    source.read_at(0, &mut header[..len])?;
    format::check_file_header(&header[..len])?;

    let mut position = FILE_HEADER_LEN as u64;
    let mut last = None;
    while let Some(record) = record_at(source, position)? {
        let payload_end = position + RECORD_HEADER_LEN as u64 + record.len;
        if record.kind != RecordKind::Index {
            position = payload_end;
            continue;
        }
        let Some(footer) = bytes_at::<FOOTER_LEN>(source, payload_end)? else { break };
        if let Some(footer) = Footer::decode(&footer, payload_end)?
            && let Some(span) = Span::of(footer, payload_end)
            && span.record_start == position
            && checksum(source, span.payload_start(), record.len)? == span.check
        {
            last = Some(span);
        }
        position = payload_end + FOOTER_LEN as u64;
    }
    let span = last.ok_or_else(|| Error::corrupt("the chain has no whole index; fetch it again").at(position))?;
    let record = span.read(source, &[], span.footer_start)?;
    span.parse(&record)
}

/// The header of the record at `position`; `None` where the records end.
pub(super) fn record_at(source: &dyn ReadAt, position: u64) -> Result<Option<RecordHeader>> {
    let Some(bytes) = bytes_at::<RECORD_HEADER_LEN>(source, position)? else { return Ok(None) };
    let room = source.size() - position - RECORD_HEADER_LEN as u64;
    Ok(RecordHeader::decode(&bytes).filter(|record| record.len <= room))
}

fn bytes_at<const N: usize>(source: &dyn ReadAt, position: u64) -> Result<Option<[u8; N]>> {
    if position.checked_add(N as u64).is_none_or(|end| end > source.size()) {
        return Ok(None);
    }
    let mut bytes = [0; N];
    source.read_at(position, &mut bytes)?;
    Ok(Some(bytes))
}

fn checksum(source: &dyn ReadAt, mut position: u64, len: u64) -> Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buf = vec![0; len.min(WINDOW) as usize];
    let end = position + len;
    while position < end {
        let n = (end - position).min(buf.len() as u64) as usize;
        source.read_at(position, &mut buf[..n])?;
        hasher.update(&buf[..n]);
        position += n as u64;
    }
    Ok(hasher.finalize())
}
