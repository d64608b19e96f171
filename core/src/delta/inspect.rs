//! Whether a delta is whole, and what it is made of.

use super::format::Header;
use crate::error::Result;
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::Task;

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
    let inspection = super::explain(delta, 0, limits, task)?.inspection;
    if let Some(old) = old {
        super::apply(old, &mut SourceReader::new(delta), &mut std::io::sink(), &(*limits).into(), task)?;
        task.finish()?;
    }
    Ok(inspection)
}
