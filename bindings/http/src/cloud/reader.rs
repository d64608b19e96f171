//! An object read at any offset: few requests, since what lies behind a read is fetched with it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use patchcore::io::ReadAt;
use patchcore::{Error, Result, Status};

use super::{failure, wait};

/// What is fetched at least: a request takes as long as this many bytes do.
const SHORTEST: u64 = 256 << 10;
/// What is fetched at most of what nobody has asked for yet.
const LONGEST: u64 = 4 << 20;
/// How many pieces are kept: a reader goes through a directory, and through a few files at once.
const PIECES: usize = 4;

pub(super) struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    pieces: Mutex<VecDeque<Piece>>,
}

struct Piece {
    start: u64,
    bytes: Bytes,
    /// How long the next one is, if it is asked for.
    next: u64,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ObjectReader {
    pub(super) fn new(store: Arc<dyn ObjectStore>, meta: ObjectMeta) -> Self {
        Self { store, meta, pieces: Mutex::default() }
    }

    fn name(&self) -> &str {
        self.meta.location.filename().unwrap_or_default()
    }

    /// Fetches a part of the object that was opened, and of no other one that has its name by now.
    fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        let (store, location): (_, Path) = (self.store.clone(), self.meta.location.clone());
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.meta.e_tag.clone(),
            ..GetOptions::default()
        };
        let bytes = wait(async move { store.get_opts(&location, options).await?.bytes().await })?
            .map_err(|error| failure(&error, self.name()))?;
        match bytes.len() as u64 == range.end - range.start {
            true => Ok(bytes),
            false => Err(Error::new(Status::Network, format!("{}: another part came than was asked for", self.name()))),
        }
    }
}

impl ReadAt for ObjectReader {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.meta.size) {
            let message = format!("{}: the file ends early", self.name());
            return Err(Error::new(Status::Corrupt, message));
        }
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        while !buf.is_empty() {
            let found = pieces.iter().position(|piece| (piece.start..piece.end()).contains(&offset));
            let piece = match found.and_then(|found| pieces.remove(found)) {
                Some(piece) => piece,
                None => {
                    // Who goes on where a piece ended reads all of it.
                    let before = pieces.iter().position(|piece| piece.end() == offset);
                    let ahead = before.and_then(|before| pieces.remove(before)).map_or(SHORTEST, |piece| piece.next);
                    let end = (offset + ahead.max(buf.len() as u64)).min(self.meta.size);
                    let bytes = self.fetch(offset..end)?;
                    Piece { start: offset, bytes, next: (2 * ahead).min(LONGEST) }
                }
            };
            let rest = &piece.bytes[(offset - piece.start) as usize..];
            let count = rest.len().min(buf.len());
            buf[..count].copy_from_slice(&rest[..count]);
            buf = &mut buf[count..];
            offset += count as u64;
            pieces.push_back(piece);
            if pieces.len() > PIECES {
                pieces.pop_front();
            }
        }
        Ok(())
    }
}
