//! Where the bytes of a chain went.

use super::{Chain, Link};
use crate::delta::{self, Explanation};
use crate::error::{Result, Status};
use crate::limits::Limits;
use crate::progress::Task;

impl Chain {
    /// Checks the whole delta of a link and says where its bytes went, with `most` of its largest segments and insertions.
    /// See [`delta::explain`].
    pub fn explain(&self, link: &Link, most: usize, limits: &Limits, task: &mut Task<'_>) -> Result<Explanation> {
        self.deltas(&[link])?;
        delta::explain(&self.delta(link)?, most, limits, task).map_err(|e| match e.status() {
            Status::Corrupt | Status::Unsupported | Status::Limit => self.in_link(e, link),
            _ => e,
        })
    }

    /// How many bytes of the chain file are no link: the headers of its records, indexes, and what lies between links. An
    /// unfinished append at the end is not counted.
    pub fn overhead(&self) -> u64 {
        self.end.saturating_sub(self.total_size().saturating_add(self.shortcut_size()))
    }
}
