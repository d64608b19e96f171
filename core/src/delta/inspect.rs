//! What a delta holds, and whether it is whole.

use super::decode::SegmentReader;
use super::format::Header;
use super::ops::OperationSink;
use crate::error::Result;
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// What a delta holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What the delta says about itself.
    pub header: Header,
    /// Copies from the old file.
    pub copies: u64,
    /// Bytes of the new file that copies make.
    pub copied_bytes: u64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: u64,
    /// Bytes of the new file that the delta brings along.
    pub inserted_bytes: u64,
}

/// Checks a whole delta: every frame, every operation, every length. With `old`, also that it is the file the delta
/// was made for, and that the delta makes the promised file of it.
pub fn verify(
    delta: &dyn ReadAt,
    old: Option<&dyn ReadAt>,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Inspection> {
    let mut reader = SourceReader::new(delta);
    let mut segments = SegmentReader::open(&mut reader, limits)?;
    let mut counter = Counter { copies: 0, copied: 0, changed: 0, inserted: 0, next: None };
    task.begin(Phase::Verify, segments.header().delta_size, Unit::Bytes)?;
    segments.replay(&mut counter, task)?;
    let header = segments.header().clone();
    if let Some(old) = old {
        super::apply(old, &mut SourceReader::new(delta), &mut std::io::sink(), &(*limits).into(), task)?;
    }
    task.finish()?;
    Ok(Inspection {
        header,
        copies: counter.copies,
        copied_bytes: counter.copied,
        changed_bytes: counter.changed,
        inserted_bytes: counter.inserted,
    })
}

struct Counter {
    copies: u64,
    copied: u64,
    changed: u64,
    inserted: u64,
    /// Where the copy so far would go on.
    next: Option<u64>,
}

impl OperationSink for Counter {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.inserted += bytes.len() as u64;
        self.next = None;
        Ok(())
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.copies += u64::from(self.next != Some(from));
        self.copied += len;
        self.next = Some(from + len);
        Ok(())
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        self.changed += addend.iter().filter(|&&byte| byte != 0).count() as u64;
        self.copy(from, addend.len() as u64)
    }
}
