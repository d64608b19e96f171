//! Where bytes come from: a file, memory, or whatever the caller reads them with.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::status::{Error, Result, invalid};

pub use patchcore::io::ReadAt;

/// Bytes in memory that somebody keeps as long as they are needed.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Where an operation gets bytes from.
pub enum Input {
    /// A file.
    Path(PathBuf),
    /// Bytes in memory.
    Bytes(Bytes),
    /// Whatever can be read at any offset.
    Source(Box<dyn ReadAt>),
}

impl Input {
    /// Opens it for reading at any offset. A path must then be a regular file.
    pub fn open(self) -> Result<Box<dyn ReadAt>> {
        Ok(match self {
            Input::Path(path) => Box::new(patchcore::io::FileSource::open(&path)?),
            Input::Bytes(bytes) => Box::new(InMemory(bytes)),
            Input::Source(source) => source,
        })
    }

    /// Opens it for reading from its start to its end. A path may be a pipe.
    pub(crate) fn open_forward(self) -> Result<Forward> {
        let reader: Box<dyn Read> = match self {
            Input::Path(path) => {
                let in_file = |e: io::Error| Error::from(e).in_file(&path);
                if fs::metadata(&path).map_err(in_file)?.is_dir() {
                    return Err(invalid("this is a directory; name a file").in_file(&path));
                }
                let reader = Box::new(File::open(&path).map_err(in_file)?);
                return Ok(Forward { reader, path: Some(path) });
            }
            Input::Bytes(bytes) => Box::new(SourceReader { source: Box::new(InMemory(bytes)), position: 0 }),
            Input::Source(source) => Box::new(SourceReader { source, position: 0 }),
        };
        Ok(Forward { reader, path: None })
    }
}

/// Opens several inputs for reading at any offset.
#[cfg(feature = "encode")]
pub(crate) fn open_all(inputs: Vec<Input>) -> Result<Vec<Box<dyn ReadAt>>> {
    inputs.into_iter().map(Input::open).collect()
}

/// An input that is read from its start to its end.
pub(crate) struct Forward {
    reader: Box<dyn Read>,
    path: Option<PathBuf>,
}

impl Forward {
    /// The file that errors are about.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl Read for Forward {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf).map_err(|e| match &self.path {
            Some(path) if e.kind() != io::ErrorKind::Interrupted => Error::from(e).in_file(path).into(),
            _ => e,
        })
    }
}

struct InMemory(Bytes);

impl InMemory {
    fn bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl ReadAt for InMemory {
    fn size(&self) -> u64 {
        self.bytes().size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.bytes().read_at(offset, buf)
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

struct SourceReader {
    source: Box<dyn ReadAt>,
    position: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.source.size() - self.position).min(buf.len() as u64) as usize;
        self.source.read_at(self.position, &mut buf[..n])?;
        self.position += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_read_alike_at_any_offset_and_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input");
        let bytes: Vec<u8> = (0..=255).collect();
        fs::write(&path, &bytes).unwrap();
        let inputs = || [Input::Path(path.clone()), Input::Bytes(Arc::new(bytes.clone())), source(&bytes)];
        for input in inputs() {
            let source = input.open().unwrap();
            let mut buf = [0; 3];
            source.read_at(7, &mut buf).unwrap();
            assert_eq!((source.size(), buf), (256, [7, 8, 9]));
        }
        for input in inputs() {
            let mut read = Vec::new();
            input.open_forward().unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
        }
    }

    fn source(bytes: &[u8]) -> Input {
        Input::Source(Box::new(bytes.to_vec()))
    }
}
