//! From the bytes of a delta to its operations, forward only and in bounded memory.
//!
//! A frame is read whole, its checksum is compared, and only then is anything in it believed as far as its limits go.

use std::borrow::Cow;
use std::io::Read;

use super::codec::{APPLIER_OVERHEAD, ColumnDecoder};
use super::format::{CHECK_LEN, HEADER_LEN, Header, MAX_VARINT_LEN, read_exact, take_varint, unzigzag};
use super::lanes::{AddendReader, LaneReader, WIDTHS};
use super::ops::OperationSink;
use crate::error::{Error, Result};
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// Reads the segments of a delta one after the other.
pub(crate) struct SegmentReader<'r> {
    delta: &'r mut dyn Read,
    header: Header,
    decoder: ColumnDecoder,
    frame: Vec<u8>,
    /// Bytes read from the delta so far.
    offset: u64,
    segments_read: u32,
    /// Bytes of the new file that the segments so far make.
    produced: u64,
    stream_bytes: u64,
}

impl<'r> SegmentReader<'r> {
    /// Reads the header and checks it against `limits`.
    pub(crate) fn open(delta: &'r mut dyn Read, limits: &Limits) -> Result<Self> {
        let header = Header::read(delta)?;
        header.check_limits(limits)?;
        Ok(Self {
            delta,
            header,
            decoder: ColumnDecoder::new()?,
            frame: Vec::new(),
            offset: HEADER_LEN as u64,
            segments_read: 0,
            produced: 0,
            stream_bytes: 0,
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Hands the operations of every segment to `sink` and checks that the delta ends where it says.
    pub(crate) fn replay(&mut self, sink: &mut impl OperationSink, task: &mut Task<'_>) -> Result<()> {
        while self.segments_read < self.header.segments {
            task.check()?;
            let start = self.offset;
            self.replay_segment(sink).map_err(|e| e.at(start))?;
        }
        self.check_end()
    }

    fn replay_segment(&mut self, sink: &mut impl OperationSink) -> Result<()> {
        self.read_frame()?;
        let segment_start = self.produced;
        let room = self.header.apply_memory.saturating_sub(APPLIER_OVERHEAD);
        let mut budget = room.checked_sub(self.frame.len() as u64).ok_or_else(needs_more_memory)?;
        let segment = Segment::parse(&self.frame, &mut self.decoder, &mut budget)?;
        let produced = segment_start.checked_add(segment.output_len).filter(|&end| end <= self.header.new_size);
        self.produced = produced.ok_or_else(|| Error::corrupt("the segments make more than the new file"))?;
        self.stream_bytes += segment.stream_bytes();
        self.segments_read += 1;
        segment.replay(segment_start, self.header.old_size, sink)?;
        segment.output_check.map_or(Ok(()), |check| sink.output_check(check))
    }

    /// Reads the next frame; its memory grows with the bytes that arrive, not with what its length claims.
    fn read_frame(&mut self) -> Result<()> {
        let mut prefix = [0; MAX_VARINT_LEN];
        let mut prefix_len = 0;
        let frame_len = loop {
            if prefix_len == MAX_VARINT_LEN {
                return Err(Error::corrupt("the length of a segment is malformed"));
            }
            read_exact(self.delta, &mut prefix[prefix_len..=prefix_len], self.offset)?;
            prefix_len += 1;
            self.offset += 1;
            if let Some(len) = take_varint(&mut &prefix[..prefix_len]) {
                break len;
            }
        };
        let room = self.header.apply_memory.saturating_sub(APPLIER_OVERHEAD);
        if frame_len > room || frame_len > self.header.delta_size {
            return Err(needs_more_memory());
        }
        self.frame.clear();
        let read = (&mut *self.delta).take(frame_len).read_to_end(&mut self.frame)? as u64;
        self.offset += read;
        if read < frame_len {
            return Err(Error::corrupt("the delta ends early; fetch it again").at(self.offset));
        }
        let (body, check) =
            self.frame.split_last_chunk::<CHECK_LEN>().ok_or_else(|| Error::corrupt("a segment is too short"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(Error::corrupt("a segment is damaged; fetch the delta again"));
        }
        self.frame.truncate(frame_len as usize - CHECK_LEN);
        Ok(())
    }

    fn check_end(&mut self) -> Result<()> {
        if self.produced != self.header.new_size {
            return Err(Error::corrupt("the segments make less than the new file").at(self.offset));
        }
        if self.stream_bytes != self.header.stream_bytes || self.offset != self.header.delta_size {
            return Err(Error::corrupt("the header of the delta does not fit its segments").at(self.offset));
        }
        if self.delta.read(&mut [0])? != 0 {
            return Err(Error::corrupt("something follows the end of the delta").at(self.offset));
        }
        Ok(())
    }
}

fn needs_more_memory() -> Error {
    Error::corrupt("a segment needs more memory than the header of the delta says")
}

/// The columns of one segment. `core/FORMAT.md` says what each means.
struct Segment<'f> {
    output_len: u64,
    /// The CRC-32 of the output since the last segment that has one.
    output_check: Option<u32>,
    records: u64,
    insert_lens: Cow<'f, [u8]>,
    copy_lens: Cow<'f, [u8]>,
    from_steps: Cow<'f, [u8]>,
    literals: Cow<'f, [u8]>,
    /// Zeros, runs and values of each lane in turn.
    lanes: Vec<Cow<'f, [u8]>>,
}

impl<'f> Segment<'f> {
    fn parse(frame: &'f [u8], decoder: &mut ColumnDecoder, budget: &mut u64) -> Result<Self> {
        let damaged = || Error::corrupt("a segment is malformed");
        let mut rest = frame;
        let output_len = take_varint(&mut rest).ok_or_else(damaged)?;
        let records = take_varint(&mut rest).ok_or_else(damaged)?;
        let [width, has_check] = *super::codec::take(&mut rest, 2).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        if (width != 0 && !WIDTHS.contains(&width)) || has_check > 1 {
            return Err(damaged());
        }
        let output_check = match has_check {
            0 => None,
            _ => {
                let (check, tail) = rest.split_first_chunk().ok_or_else(damaged)?;
                rest = tail;
                Some(u32::from_le_bytes(*check))
            }
        };
        let mut column = || decoder.decode(&mut rest, budget);
        let segment = Self {
            output_len,
            output_check,
            records,
            insert_lens: column()?,
            copy_lens: column()?,
            from_steps: column()?,
            literals: column()?,
            lanes: (0..3 * usize::from(width)).map(|_| column()).collect::<Result<_>>()?,
        };
        if rest.is_empty() { Ok(segment) } else { Err(damaged()) }
    }

    fn stream_bytes(&self) -> u64 {
        let control = [&self.insert_lens, &self.copy_lens, &self.from_steps, &self.literals];
        control.into_iter().chain(&self.lanes).map(|column| column.len() as u64).sum()
    }

    /// Hands the operations to `sink`. Every length is checked against what the segment makes and every offset
    /// against the old file before it is used.
    fn replay(&self, start: u64, old_size: u64, sink: &mut impl OperationSink) -> Result<()> {
        let damaged = || Error::corrupt("the operations of a segment do not fit it");
        let [mut insert_lens, mut copy_lens, mut from_steps, mut literals] =
            [&self.insert_lens[..], &self.copy_lens, &self.from_steps, &self.literals];
        let lanes = self.lanes.chunks_exact(3).map(|lane| LaneReader::new(&lane[0], &lane[1], &lane[2])).collect();
        let mut addends = AddendReader::new(lanes);
        let mut left = self.output_len;
        let mut insert = |len: u64, left: &mut u64, sink: &mut dyn OperationSink| {
            *left = left.checked_sub(len).ok_or_else(damaged)?;
            match super::codec::take(&mut literals, len) {
                Some([]) => Ok(()),
                Some(bytes) => sink.insert(bytes),
                None => Err(damaged()),
            }
        };
        let mut predicted = start;
        for _ in 0..self.records {
            insert(take_varint(&mut insert_lens).ok_or_else(damaged)?, &mut left, sink)?;
            let len = take_varint(&mut copy_lens).ok_or_else(damaged)?;
            let step = unzigzag(take_varint(&mut from_steps).ok_or_else(damaged)?);
            let from = predicted.checked_add_signed(step).ok_or_else(damaged)?;
            let from_end = from.checked_add(len).filter(|&end| end <= old_size).ok_or_else(damaged)?;
            let offset = start + (self.output_len - left);
            left = left.checked_sub(len).ok_or_else(damaged)?;
            addends.copy(from, offset, len, sink)?;
            predicted = from_end;
        }
        insert(left, &mut left.clone(), sink)?;
        addends.finish()?;
        if insert_lens.is_empty() && copy_lens.is_empty() && from_steps.is_empty() && literals.is_empty() {
            Ok(())
        } else {
            Err(damaged())
        }
    }
}

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
    let mut reader = SourceReader::new(delta);
    let mut segments = SegmentReader::open(&mut reader, limits)?;
    let mut counter = Counter { copies: 0, copied: 0, changed: 0, inserted: 0, next: None };
    task.begin(Phase::Verify, segments.header().delta_size, Unit::Bytes)?;
    segments.replay(&mut counter, task)?;
    let header = segments.header().clone();
    if let Some(old) = old {
        super::apply(old, &mut SourceReader::new(delta), &mut std::io::sink(), &(*limits).into(), task)?;
    }
    task.finish()?;
    Ok(Inspection {
        header,
        copies: counter.copies,
        copied_bytes: counter.copied,
        changed_bytes: counter.changed,
        inserted_bytes: counter.inserted,
    })
}

struct Counter {
    copies: u64,
    copied: u64,
    changed: u64,
    inserted: u64,
    /// Where the copy so far would go on.
    next: Option<u64>,
}

impl OperationSink for Counter {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.inserted += bytes.len() as u64;
        self.next = None;
        Ok(())
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.copies += u64::from(self.next != Some(from));
        self.copied += len;
        self.next = Some(from + len);
        Ok(())
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        self.changed += addend.iter().filter(|&&byte| byte != 0).count() as u64;
        self.copy(from, addend.len() as u64)
    }
}
