//! Which of our files this is, told by its first bytes and never by its name.

use std::path::Path;

use patchcore::io::{FileSource, ReadAt};
use patchcore::{Error, Result, Status, chain, delta};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Delta,
    Chain,
    TreePatch,
}

impl Kind {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let file = FileSource::open(path)?;
        let starts_with = |magic: &[u8]| -> Result<bool> {
            let mut start = vec![0; magic.len()];
            if file.size() < magic.len() as u64 {
                return Ok(false);
            }
            file.read_at(0, &mut start)?;
            Ok(start == magic)
        };
        if starts_with(&delta::MAGIC)? {
            Ok(Kind::Delta)
        } else if starts_with(&chain::MAGIC)? {
            Ok(Kind::Chain)
        } else if starts_with(b"PK\x03\x04")? || starts_with(&[0x1F, 0x8B])? {
            Ok(Kind::TreePatch)
        } else {
            Err(Error::new(Status::Corrupt, "neither a delta nor a chain nor a tree patch").in_file(path))
        }
    }
}
