//! A file that exists only as a delta over another: what several links make, read at any offset.
//!
//! Views stack. Applying a chain reads the last link's old file through the views of the links before it, so every
//! byte of the real old file is read about once and no version in between is ever written.

use std::sync::Mutex;

use super::ops::{Cursor, Operations};
use crate::error::{Error, Result, Status};
use crate::io::{BlockCache, ReadAt};

/// The file that `operations` make of the file beneath.
pub(super) struct View<'a> {
    beneath: &'a dyn ReadAt,
    operations: &'a Operations,
    state: Mutex<State>,
}

struct State {
    cache: BlockCache,
    cursor: Cursor,
}

impl<'a> View<'a> {
    /// A view that caches at most `memory` bytes of the file beneath, unless that is a view, too.
    pub(super) fn new(beneath: &'a dyn ReadAt, operations: &'a Operations, memory: usize) -> Self {
        let state = State { cache: BlockCache::new(memory), cursor: Cursor::default() };
        Self { beneath, operations, state: Mutex::new(state) }
    }
}

impl ReadAt for View<'_> {
    fn size(&self) -> u64 {
        self.operations.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut state = self.state.lock().map_err(|_| Error::new(Status::Internal, "a reader panicked"))?;
        let State { cache, cursor } = &mut *state;
        self.operations.read(cursor, &mut |from, part| cache.read(self.beneath, from, part), offset, buf)
    }

    /// A cache over each view would multiply what scattered copies read by its block length at every level; the one
    /// over the real file is enough.
    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}
