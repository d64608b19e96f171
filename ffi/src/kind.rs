//! Which of our files this is, told by its first bytes and never by its name.

use patchcore::{chain, delta};

use crate::input::{Input, ReadAt};
use crate::output::in_file;
use crate::status::{Error, Result, Status};

/// A kind of file that patchcore makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// From one version of a file to another.
    Delta,
    /// Several deltas in one file.
    Chain,
    /// From one version of a directory to another: a ZIP file or a `.tar.gz`, of which only opening it shows whether it is one.
    TreePatch,
}

/// Says which kind of file an input is; CORRUPT where it is none of ours.
pub fn file_kind(input: Input) -> Result<FileKind> {
    let source = input.open()?;
    let found = kind_of(&*source).map_err(|e| in_file(e, source.path()))?;
    found.ok_or_else(|| {
        in_file(Error::new(Status::Corrupt, "neither a delta nor a chain nor a tree patch").at(0), source.path())
    })
}

pub(crate) fn kind_of(source: &dyn ReadAt) -> Result<Option<FileKind>> {
    const KINDS: [(&[u8], FileKind); 4] = [
        (&delta::MAGIC, FileKind::Delta),
        (&chain::MAGIC, FileKind::Chain),
        (b"PK\x03\x04", FileKind::TreePatch),
        (&[0x1F, 0x8B], FileKind::TreePatch),
    ];
    for (magic, kind) in KINDS {
        let mut start = vec![0; magic.len()];
        if source.size() >= magic.len() as u64 {
            source.read_at(0, &mut start)?;
        }
        if start == magic {
            return Ok(Some(kind));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_file_is_told_by_its_first_bytes_and_a_short_one_is_none() {
        let kind = |bytes: &[u8]| file_kind(Input::Bytes(Arc::new(bytes.to_vec()))).map_err(|e| e.status());
        assert_eq!(kind(&delta::MAGIC), Ok(FileKind::Delta));
        assert_eq!(kind(&[&chain::MAGIC[..], b"more"].concat()), Ok(FileKind::Chain));
        assert_eq!(kind(b"PK\x03\x04more"), Ok(FileKind::TreePatch));
        assert_eq!(kind(&chain::MAGIC[..7]), Err(Status::Corrupt));
        assert_eq!(kind(b""), Err(Status::Corrupt));
    }
}
