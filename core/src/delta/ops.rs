//! The op model that everything speaks, and operations held in memory.
//!
//! In target order, *copy* gives a range of the old file plus an addend byte by byte (mod 256), *insert* gives bytes.
//! The addend is sparse: where it is zero it costs nothing to hold, to apply or to compose. Neighbouring operations
//! that continue one another mean the same as one long operation, so a producer may cut them wherever it likes.

use super::sparse::{SparseBytes, SparseCursor};
use crate::error::{Error, Result, Status};
use crate::limits::Limits;

/// What consumes operations in target order: the encoder, the applier, or [`Operations`] in memory.
pub(crate) trait OperationSink {
    /// The next bytes of the new file are `bytes`.
    fn insert(&mut self, bytes: &[u8]) -> Result<()>;

    /// The next `len` bytes of the new file are those of the old file from `from` on.
    fn copy(&mut self, from: u64, len: u64) -> Result<()>;

    /// The next bytes of the new file are those of the old file from `from` on plus `addend`, byte by byte.
    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()>;

    /// [`copy`](Self::copy) of `zeros` bytes and, where it leaves off, [`copy_add`](Self::copy_add): sparse addends come in
    /// such pairs, and consumers that see millions of them save half of the calls.
    fn copy_zeros_add(&mut self, from: u64, zeros: u64, addend: &[u8]) -> Result<()> {
        self.copy(from, zeros)?;
        self.copy_add(from + zeros, addend)
    }

    /// `check` is the CRC-32 of the new bytes since the check before. Who has no bytes has no use for it.
    fn output_check(&mut self, check: u32) -> Result<()> {
        let _ = check;
        Ok(())
    }
}

/// The operations of one delta in memory, for access at any offset of its new file.
pub(crate) struct Operations {
    pieces: Vec<Piece>,
    addends: SparseBytes,
    literals: Vec<u8>,
    /// The size of the new file so far.
    len: u64,
    /// Bytes that may be allocated, and those of them that were not yet.
    memory: u64,
    budget: u64,
    count: u64,
}

/// A copy or an insert; it ends where the next one starts.
#[derive(Clone, Copy)]
struct Piece {
    target: u64,
    /// The old offset of a copy, or [`INSERT`] plus the offset in the literals.
    source: u64,
}

/// Marks the source of an insert. Old offsets stay below, since sizes of files are limited to 2^63.
const INSERT: u64 = 1 << 63;

impl Operations {
    /// No operations yet; holding more than `limits` allow will fail with LIMIT.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            pieces: Vec::new(),
            addends: SparseBytes::default(),
            literals: Vec::new(),
            len: 0,
            memory: limits.memory(),
            budget: limits.memory(),
            count: 0,
        }
    }

    /// The size of the file that the operations make.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        self.memory - self.budget
    }

    /// Roughly the number of operations that were taken in.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn extend_copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.count += 1;
        let continues = self.pieces.last().is_some_and(|piece| piece.source + (self.len - piece.target) == from);
        if !continues && len > 0 {
            grow(&mut self.pieces, 1, &mut self.budget)?;
            self.pieces.push(Piece { target: self.len, source: from });
        }
        self.len += len;
        Ok(())
    }

    /// Hands the operations that make new bytes `from..from + len` to `sink`, with `addend` (empty, or `len` bytes)
    /// added to what they make. Returns how many it handed over.
    pub(crate) fn replay_range(
        &self,
        cursor: &mut Cursor,
        from: u64,
        len: u64,
        addend: &[u8],
        sink: &mut (impl OperationSink + ?Sized),
    ) -> Result<u64> {
        let end = from.checked_add(len).filter(|&end| end <= self.len).ok_or_else(beyond)?;
        let mut emitted = 0;
        let mut position = from;
        cursor.seek(self, from);
        while position < end {
            let (piece, piece_end) = cursor.piece_at(self, position);
            let stop = piece_end.min(end);
            let added =
                if addend.is_empty() { addend } else { &addend[(position - from) as usize..(stop - from) as usize] };
            if piece.source >= INSERT {
                let start = (piece.source - INSERT + (position - piece.target)) as usize;
                let literal = &self.literals[start..start + (stop - position) as usize];
                if added.is_empty() {
                    sink.insert(literal)?;
                } else {
                    sink.insert(cursor.sum(literal, added))?;
                }
                emitted += 1;
            } else {
                let source = piece.source + (position - piece.target);
                emitted += self.replay_copy(cursor, position, stop, source, added, sink)?;
            }
            position = stop;
        }
        cursor.position = end;
        Ok(emitted)
    }

    /// Hands over the part `position..stop` of one copy, old bytes from `source` on, with its own addends and `added`.
    fn replay_copy(
        &self,
        cursor: &mut Cursor,
        mut position: u64,
        stop: u64,
        mut source: u64,
        mut added: &[u8],
        sink: &mut (impl OperationSink + ?Sized),
    ) -> Result<u64> {
        let mut emitted = 0;
        while position < stop {
            let (n, own) = match cursor.addends.run_at(&self.addends, position) {
                Some((start, bytes)) if start == position => {
                    let n = bytes.len().min((stop - position) as usize);
                    (n as u64, &bytes[..n])
                }
                Some((start, _)) => (start.min(stop) - position, &[][..]),
                None => (stop - position, &[][..]),
            };
            let head = if added.is_empty() { added } else { added.split_off(..n as usize).unwrap_or_default() };
            match (own.is_empty(), head.is_empty()) {
                (true, true) => sink.copy(source, n)?,
                (true, false) => sink.copy_add(source, head)?,
                (false, true) => sink.copy_add(source, own)?,
                (false, false) => sink.copy_add(source, cursor.sum(own, head))?,
            }
            emitted += 1;
            position += n;
            source += n;
        }
        Ok(emitted)
    }

    /// Fills `buf` with the new bytes from `from` on; `read_old` fills with old ones.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        read_old: &mut dyn FnMut(u64, &mut [u8]) -> Result<()>,
        from: u64,
        buf: &mut [u8],
    ) -> Result<()> {
        let end = from.checked_add(buf.len() as u64).filter(|&end| end <= self.len).ok_or_else(beyond)?;
        let mut position = from;
        cursor.seek(self, from);
        while position < end {
            let (piece, piece_end) = cursor.piece_at(self, position);
            let stop = piece_end.min(end);
            let part = &mut buf[(position - from) as usize..(stop - from) as usize];
            if piece.source >= INSERT {
                let start = (piece.source - INSERT + (position - piece.target)) as usize;
                part.copy_from_slice(&self.literals[start..start + part.len()]);
            } else {
                read_old(piece.source + (position - piece.target), part)?;
                cursor.addends.add_to(&self.addends, position, part);
            }
            position = stop;
        }
        cursor.position = end;
        Ok(())
    }
}

fn beyond() -> Error {
    Error::corrupt("a copy reaches beyond the end of the file that the delta before it makes")
}

impl OperationSink for Operations {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.count += 1;
        if bytes.is_empty() {
            return Ok(());
        }
        if self.pieces.last().is_none_or(|piece| piece.source < INSERT) {
            grow(&mut self.pieces, 1, &mut self.budget)?;
            self.pieces.push(Piece { target: self.len, source: INSERT + self.literals.len() as u64 });
        }
        grow(&mut self.literals, bytes.len(), &mut self.budget)?;
        self.literals.extend_from_slice(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.extend_copy(from, len)
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        self.copy_zeros_add(from, 0, addend)
    }

    #[inline]
    fn copy_zeros_add(&mut self, from: u64, zeros: u64, addend: &[u8]) -> Result<()> {
        let target = self.len + zeros;
        self.extend_copy(from, zeros + addend.len() as u64)?;
        self.addends.push(target, addend, &mut self.budget)
    }
}

/// Makes room for `extra` more elements, paid from `budget` before it is allocated.
#[inline]
pub(super) fn grow<T>(vec: &mut Vec<T>, extra: usize, budget: &mut u64) -> Result<()> {
    if extra <= vec.capacity() - vec.len() { Ok(()) } else { reallocate(vec, extra, budget) }
}

#[cold]
fn reallocate<T>(vec: &mut Vec<T>, extra: usize, budget: &mut u64) -> Result<()> {
    let needed = vec.len() + extra;
    let capacity = needed.max(vec.capacity() * 2).max(64);
    // While the elements move, both the old and the new room are in use.
    let cost = (capacity * size_of::<T>()) as u64;
    if cost > *budget {
        return Err(Error::limit(
            "the operations of the delta do not fit the memory limit; raise it, or apply link by link",
        ));
    }
    *budget -= cost - (vec.capacity() * size_of::<T>()) as u64;
    vec.try_reserve_exact(capacity - vec.len())
        .map_err(|_| Error::new(Status::NoMemory, format!("{cost} bytes could not be allocated")))
}

/// Where a reader of [`Operations`] stands, so that reading on in order needs no search.
#[derive(Default)]
pub(crate) struct Cursor {
    piece: usize,
    position: u64,
    addends: SparseCursor,
    sums: Vec<u8>,
}

impl Cursor {
    fn seek(&mut self, operations: &Operations, position: u64) {
        /// A few pieces are walked, to anywhere else a binary search leads.
        const NEAR: usize = 8;
        let near = operations.pieces.get(self.piece + NEAR).is_none_or(|piece| position < piece.target);
        if position < self.position || !near {
            self.piece = operations.pieces.partition_point(|piece| piece.target <= position).saturating_sub(1);
        }
        self.position = position;
    }

    /// The piece that holds `position`, which lies within the file and not before the position sought, and its end.
    fn piece_at(&mut self, operations: &Operations, position: u64) -> (Piece, u64) {
        loop {
            let end = operations.pieces.get(self.piece + 1).map_or(operations.len, |next| next.target);
            if position < end {
                return (operations.pieces[self.piece], end);
            }
            self.piece += 1;
        }
    }

    fn sum(&mut self, left: &[u8], right: &[u8]) -> &[u8] {
        self.sums.clear();
        self.sums.extend(left.iter().zip(right).map(|(l, r)| l.wrapping_add(*r)));
        &self.sums
    }
}
