//! Where results go: a file that appears whole or not at all, memory, or whatever the caller takes them with.

use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use patchcore::CommitPoint;
use patchcore::io::{OutputFile, OutputOptions};

use crate::status::{Error, Result};

/// Where an operation writes its result.
pub enum Output {
    /// A file, which appears whole or not at all.
    Path {
        /// The file.
        path: PathBuf,
        /// Whether an existing file is refused.
        no_clobber: bool,
    },
    /// The bytes are returned beside the result.
    Memory,
    /// The bytes are written from the first to the last. What was written before a failure is to be thrown away.
    Writer(Box<dyn Write + Send>),
}

/// The bytes of a result, where they go to memory.
pub type Written = Option<Vec<u8>>;

impl Output {
    /// The file that it is, and how that is to be written.
    pub(crate) fn path(&self) -> Option<(&Path, OutputOptions)> {
        match self {
            Output::Path { path, no_clobber } => Some((path, OutputOptions { no_clobber: *no_clobber })),
            Output::Memory | Output::Writer(_) => None,
        }
    }

    /// Lets `write` write from the first byte to the last. A file appears when `point` is passed.
    pub(crate) fn write_forward<T>(
        self,
        point: &CommitPoint,
        write: impl FnOnce(&mut dyn Write) -> Result<T>,
    ) -> Result<(T, Written)> {
        match self {
            Output::Path { path, no_clobber } => {
                let mut file = OutputFile::create(&path, OutputOptions { no_clobber })?;
                let made = write(&mut file)?;
                file.commit(point)?;
                Ok((made, None))
            }
            Output::Memory => {
                let mut memory = Memory::default();
                let made = write(&mut memory)?;
                Ok((made, Some(memory.into_bytes())))
            }
            Output::Writer(mut writer) => {
                let made = write(&mut writer)?;
                writer.flush()?;
                Ok((made, None))
            }
        }
    }
}

/// A file in memory that fails where memory ends, instead of ending the process.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) Cursor<Vec<u8>>);

impl Memory {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

impl Write for Memory {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let position = usize::try_from(self.0.position()).unwrap_or(usize::MAX);
        let bytes = self.0.get_mut();
        let missing = position.saturating_add(buf.len()).saturating_sub(bytes.len());
        bytes.try_reserve(missing).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Names the file of an error, where there is one.
pub(crate) fn in_file(error: Error, path: Option<&Path>) -> Error {
    match path {
        Some(path) => error.in_file(path),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let mut memory = Memory::default();
        memory.0.set_position(u64::MAX / 2);
        assert_eq!(Error::from(memory.write_all(b"x").unwrap_err()).status(), Status::NoMemory);
    }
}
