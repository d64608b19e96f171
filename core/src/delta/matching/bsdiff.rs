//! The covers of the `bsdiff` crate, for those who want the classic's own choice.
//!
//! Its patch is never held: a writer reads the control numbers as they come and drops the bytes between them. Its
//! suffix sorting takes sixteen bytes of memory per old byte, hence the windows.

use std::io::{self, Write};

use super::Cover;
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::Task;

/// The longest part of either file that is compared at once.
pub(super) const WINDOW: u64 = 64 << 20;

/// `diff`, `extra` and `seek`: eight bytes each, little-endian, the top bit a sign.
const CONTROL_LEN: usize = 24;

/// What `bsdiff` finds, within windows of at most `window` bytes along the line between the two files' corners.
pub(super) fn find_covers(old: &dyn ReadAt, new: &dyn ReadAt, window: u64, task: &mut Task<'_>) -> Result<Vec<Cover>> {
    let mut covers = Vec::new();
    let mut start = 0;
    while start < new.size() {
        let len = window.min(new.size() - start);
        let old_len = window.min(old.size());
        let centre = (u128::from(start + len / 2) * u128::from(old.size()) / u128::from(new.size())) as u64;
        let old_start = centre.saturating_sub(old_len / 2).min(old.size() - old_len);
        let (mut old_bytes, mut new_bytes) = (vec![0; old_len as usize], vec![0; len as usize]);
        old.read_at(old_start, &mut old_bytes)?;
        new.read_at(start, &mut new_bytes)?;
        let mut reader = PatchReader {
            covers: &mut covers,
            task,
            control: Vec::with_capacity(CONTROL_LEN),
            skip: 0,
            old: old_start,
            new: start,
        };
        bsdiff::diff(&old_bytes, &new_bytes, &mut reader)?;
        start += len;
    }
    Ok(covers)
}

/// Reads a headerless bsdiff patch as it is written and keeps the covers.
struct PatchReader<'a, 'task> {
    covers: &'a mut Vec<Cover>,
    task: &'a mut Task<'task>,
    control: Vec<u8>,
    /// Bytes of difference and extra data that follow before the next control numbers.
    skip: u64,
    old: u64,
    new: u64,
}

impl Write for PatchReader<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let skipped = self.skip.min(rest.len() as u64) as usize;
            self.skip -= skipped as u64;
            rest = &rest[skipped..];
            let (control, after) = rest.split_at(rest.len().min(CONTROL_LEN - self.control.len()));
            if self.skip == 0 {
                self.control.extend_from_slice(control);
                rest = after;
            }
            if self.control.len() == CONTROL_LEN {
                self.take_control()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PatchReader<'_, '_> {
    fn take_control(&mut self) -> Result<()> {
        let mut numbers = self.control.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or_default();
        let (len, extra, seek) = (next(), next(), next());
        self.control.clear();
        if len > 0 {
            self.covers.push(Cover { old: self.old, new: self.new, len });
        }
        self.skip = len + extra;
        self.new += len + extra;
        let distance = seek & (u64::MAX >> 1);
        self.old += len;
        self.old = if seek == distance { self.old + distance } else { self.old - distance };
        self.task.advance(len + extra)
    }
}
