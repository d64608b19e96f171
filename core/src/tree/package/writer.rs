//! Writes packages: the same bytes for the same entries.

use std::io::{self, Read, Write};

use crate::error::{Error, Result};
use crate::tree::package::format::{Directory, Entry, Method};

/// Writes a package from its first entry to its last.
pub(super) struct Writer<W> {
    out: W,
    position: u64,
    directory: Vec<u8>,
    entries: u64,
}

/// An entry as it comes, ready to be copied.
pub(super) struct Packed<'a> {
    pub name: &'a str,
    pub method: Method,
    pub crc: u32,
    /// The bytes that `bytes` gives.
    pub packed: u64,
    pub size: u64,
    pub executable: bool,
    pub is_link: bool,
    pub bytes: &'a mut dyn Read,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W) -> Self {
        Self::growing(out, 0, &[])
    }

    /// Goes on at `position` of a package of which the entries `kept` stay where they are, before that.
    pub fn growing(out: W, position: u64, kept: &[&Entry]) -> Self {
        let mut directory = Vec::new();
        kept.iter().for_each(|entry| entry.central(&mut directory));
        Self { out, position, directory, entries: kept.len() as u64 }
    }

    /// Writes one entry.
    pub fn add(&mut self, packed: Packed<'_>) -> Result<()> {
        let entry = Entry {
            name: packed.name.to_owned(),
            method: packed.method,
            crc: packed.crc,
            packed: packed.packed,
            size: packed.size,
            offset: self.position,
            executable: packed.executable,
            is_link: packed.is_link,
        };
        let header = entry.local();
        self.out.write_all(&header)?;
        let copied = io::copy(&mut packed.bytes.take(entry.packed), &mut self.out)?;
        if copied != entry.packed {
            return Err(Error::corrupt("what should be packed ends early"));
        }
        self.position += header.len() as u64 + copied;
        entry.central(&mut self.directory);
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory and the end. Gives the output back and the size of the package.
    pub fn finish(mut self) -> Result<(W, u64)> {
        let directory = Directory { offset: self.position, len: self.directory.len() as u64, entries: self.entries };
        let end = directory.end();
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok((self.out, self.position + directory.len + end.len() as u64))
    }
}
