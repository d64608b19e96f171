//! Records in the order in which they go into a chain file.

use std::io::Write;

use super::format::{self, FOOTER_LEN, Footer, RECORD_HEADER_LEN, RecordHeader, RecordKind};
use super::index::Index;
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::Task;

/// Writes records behind one another and knows where each one lies.
pub(super) struct Writer<'a> {
    out: &'a mut dyn Write,
    position: u64,
}

impl<'a> Writer<'a> {
    /// Starts a new chain.
    pub fn begin(out: &'a mut dyn Write) -> Result<Self> {
        let header = format::file_header();
        out.write_all(&header)?;
        Ok(Self { out, position: header.len() as u64 })
    }

    /// Goes on at `position`, where the cursor of `out` stands.
    pub fn resume(out: &'a mut dyn Write, position: u64) -> Self {
        Self { out, position }
    }

    /// Writes the record of a link and returns where its delta starts. `task` advances by the delta's size.
    pub fn link(&mut self, delta: &dyn ReadAt, task: &mut Task<'_>) -> Result<u64> {
        self.out.write_all(&RecordHeader::encode(RecordKind::Link, delta.size()))?;
        copy(delta, self.out, task)?;
        let start = self.position + RECORD_HEADER_LEN as u64;
        self.position = start + delta.size();
        Ok(start)
    }

    /// Writes the record of an index and its footer.
    pub fn index(&mut self, index: &Index) -> Result<()> {
        let payload = format::encode_index(index)?;
        let footer = Footer { index_start: self.position, index_check: crc32fast::hash(&payload) };
        self.out.write_all(&RecordHeader::encode(RecordKind::Index, payload.len() as u64))?;
        self.out.write_all(&payload)?;
        self.out.write_all(&footer.encode())?;
        self.position += (RECORD_HEADER_LEN + payload.len() + FOOTER_LEN) as u64;
        Ok(())
    }
}

/// Copies all of `source` to `out`. `task` advances by its size.
pub(super) fn copy(source: &dyn ReadAt, out: &mut dyn Write, task: &mut Task<'_>) -> Result<()> {
    let mut buf = vec![0; source.size().min(128 << 10) as usize];
    let mut position = 0;
    while position < source.size() {
        let n = (source.size() - position).min(buf.len() as u64) as usize;
        source.read_at(position, &mut buf[..n])?;
        out.write_all(&buf[..n])?;
        position += n as u64;
        task.advance(n as u64)?;
    }
    Ok(())
}
