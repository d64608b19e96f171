//! Outputs for deltas, whose first bytes are written last.

use std::io::{self, Read, Seek, SeekFrom, Write};

use patchcore::CommitPoint;
use patchcore::delta::DeltaFile;
use patchcore::io::{OutputFile, OutputOptions};

use crate::output::{Memory, Output, Written};
use crate::status::Result;

impl Output {
    /// Lets `write` write in any order. What cannot be written so gets the bytes when they are complete; a file appears
    /// when `point` is passed.
    pub(crate) fn write_seeking<T>(
        self,
        point: &CommitPoint,
        write: impl FnOnce(&mut dyn DeltaFile) -> Result<T>,
    ) -> Result<(T, Written)> {
        match self {
            Output::Path { path, no_clobber } => {
                let mut file = OutputFile::create(&path, OutputOptions { no_clobber })?;
                let made = if file.is_direct() { spooled(&mut file, write)? } else { write(&mut file)? };
                file.commit(point)?;
                Ok((made, None))
            }
            Output::Memory => {
                let mut memory = Memory::default();
                let made = write(&mut memory)?;
                Ok((made, Some(memory.into_bytes())))
            }
            Output::Writer(mut writer) => Ok((spooled(&mut writer, write)?, None)),
        }
    }
}

/// Lets `write` fill a file without a name, and copies that to `out`.
fn spooled<T>(out: &mut dyn Write, write: impl FnOnce(&mut dyn DeltaFile) -> Result<T>) -> Result<T> {
    let mut spool = tempfile::tempfile()?;
    let made = write(&mut spool)?;
    spool.rewind()?;
    io::copy(&mut spool, out)?;
    out.flush()?;
    Ok(made)
}

impl Read for Memory {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Seek for Memory {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_memory_and_writer_get_the_same_bytes() {
        let write = |out: &mut dyn DeltaFile| -> Result<()> {
            out.write_all(b"....after")?;
            out.rewind()?;
            Ok(out.write_all(b"long")?)
        };
        let point = CommitPoint::default();
        let folder = tempfile::tempdir().unwrap();
        let [file, written] = ["file", "written"].map(|name| folder.path().join(name));
        let ((), bytes) = Output::Memory.write_seeking(&point, write).unwrap();
        assert_eq!(bytes.as_deref(), Some(&b"longafter"[..]));
        let writer = Output::Writer(Box::new(std::fs::File::create(&written).unwrap()));
        assert_eq!(writer.write_seeking(&point, write).unwrap(), ((), None));
        Output::Path { path: file.clone(), no_clobber: true }.write_seeking(&point, write).unwrap();
        assert_eq!([file, written].map(|path| std::fs::read(path).unwrap()), [b"longafter"; 2]);
    }
}
