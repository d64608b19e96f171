//! From the bytes of a delta to its operations, forward only and in bounded memory.
//!
//! A frame is read whole, its checksum is compared, and only then is anything in it believed as far as its limits go.

use std::io::Read;
use std::ops::Range;

use super::codec::{APPLIER_OVERHEAD, ColumnDecoder};
use super::format::{CHECK_LEN, HEADER_LEN, Header, MAX_VARINT_LEN, read_exact, take_varint};
use super::frame::Segment;
use super::ops::OperationSink;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::progress::Task;

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

/// A segment whose operations were handed on.
pub(super) struct ReplayedSegment<'f> {
    pub(super) segment: Segment<'f>,
    /// Where it lies in the delta, the length of its frame included.
    pub(super) delta: Range<u64>,
    /// The length of its frame.
    pub(super) frame_len: u64,
    /// What of the new file it makes.
    pub(super) output: Range<u64>,
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
        self.replay_each(sink, task, |_, _, _| Ok(()))
    }

    /// [`replay`](Self::replay), with a look at every segment once its operations were handed on.
    pub(super) fn replay_each<S: OperationSink>(
        &mut self,
        sink: &mut S,
        task: &mut Task<'_>,
        mut look: impl FnMut(&mut S, &ReplayedSegment<'_>, &mut Task<'_>) -> Result<()>,
    ) -> Result<()> {
        while self.segments_read < self.header.segments {
            task.check()?;
            let start = self.offset;
            let replayed = self.replay_segment(sink).map_err(|e| e.at(start))?;
            look(sink, &replayed, task)?;
        }
        self.check_end()
    }

    fn replay_segment(&mut self, sink: &mut impl OperationSink) -> Result<ReplayedSegment<'_>> {
        let delta_start = self.offset;
        self.read_frame()?;
        let segment_start = self.produced;
        let room = self.header.apply_memory.saturating_sub(APPLIER_OVERHEAD);
        let budget = room.checked_sub(self.frame.len() as u64).ok_or_else(needs_more_memory)?;
        let segment = Segment::parse(&self.frame, &mut self.decoder, budget)?;
        let produced = segment_start.checked_add(segment.output_len).filter(|&end| end <= self.header.new_size);
        self.produced = produced.ok_or_else(|| Error::corrupt("the segments make more than the new file"))?;
        self.stream_bytes = self.stream_bytes.saturating_add(segment.stream_bytes());
        self.segments_read += 1;
        segment.replay(segment_start, self.header.old_size, sink)?;
        segment.output_check.map_or(Ok(()), |check| sink.output_check(check))?;
        let frame_len = (self.frame.len() + CHECK_LEN) as u64;
        Ok(ReplayedSegment {
            segment,
            delta: delta_start..self.offset,
            frame_len,
            output: segment_start..self.produced,
        })
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
