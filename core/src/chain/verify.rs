//! Whether a chain is whole: every record, every delta, every promise of the index.

use super::format::{FILE_HEADER_LEN, FOOTER_LEN, RECORD_HEADER_LEN, RecordKind};
use super::{Chain, format, locate};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::progress::Task;

/// What checking a chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The deltas that were checked, shortcuts included.
    pub links: usize,
    /// Bytes at the end of the file that an unfinished append left; they do no harm and the next append cuts them off.
    pub ignored_tail: u64,
}

impl Chain {
    /// Checks the file header, the row of records from the first to the index, and every delta as a whole against
    /// the versions that the index says it leads between.
    pub fn verify(&self, limits: &Limits, task: &mut Task<'_>) -> Result<Verified> {
        self.verify_records().map_err(|e| self.in_chain(e))?;
        for link in &self.index.links {
            self.verify_link(link, limits, task)?;
        }
        Ok(Verified { links: self.index.links.len(), ignored_tail: self.ignored_tail() })
    }

    /// The records must lead from the start of the file to the index, as they would have to if its end were torn, and
    /// every link must be one of them.
    fn verify_records(&self) -> Result<()> {
        let mut header = [0; FILE_HEADER_LEN];
        self.source.read_at(0, &mut header)?;
        format::check_file_header(&header)?;
        let mut links: Vec<_> = self.index.links.iter().map(|link| (link.offset, link.size)).collect();
        links.sort_unstable();
        let mut links = links.into_iter().peekable();
        let mut position = FILE_HEADER_LEN as u64;
        while position < self.end {
            let damaged = || Error::corrupt("a record of the chain is damaged").at(position);
            let record = locate::record_at(&*self.source, position)?.ok_or_else(damaged)?;
            let payload = position + RECORD_HEADER_LEN as u64;
            let is_listed = links.next_if_eq(&(payload, record.len)).is_some();
            if is_listed && record.kind != RecordKind::Link {
                return Err(damaged());
            }
            position = payload + record.len;
            if record.kind == RecordKind::Index {
                position += FOOTER_LEN as u64;
            }
        }
        match links.next() {
            Some((offset, _)) => Err(Error::corrupt("the index lists a link that is no record").at(offset)),
            None if position == self.end => Ok(()),
            None => Err(Error::corrupt("the records of the chain do not end with its index").at(position)),
        }
    }
}
