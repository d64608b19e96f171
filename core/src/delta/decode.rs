//! From the bytes of a delta to its operations, forward only and in bounded memory.
//!
//! A frame is read whole, its checksum is compared, and only then is anything in it believed as far as its limits go.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use super::codec::{APPLIER_OVERHEAD, ColumnDecoder};
use super::format::{CHECK_LEN, HEADER_LEN, Header, MAX_VARINT_LEN, read_exact, take_varint};
use super::frame::Segment;
use super::ops::OperationSink;
use super::replay::Replay;
use crate::error::{Error, Result};
use crate::limits::{Limits, reserve};
use crate::progress::Task;

/// How much of a frame is read first; then as much again as there is.
const FIRST_PIECE_LEN: u64 = 64 << 10;

/// Turns frames into segments and knows what was decoded of a delta so far, however its bytes arrive.
pub(super) struct Decoder {
    header: Header,
    columns: ColumnDecoder,
    decoded: Decoded,
}

/// How far a decoder is. What it stands for was checked when it was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) segments: u32,
    /// Bytes of the new file that the segments so far make.
    pub(super) produced: u64,
    pub(super) stream_bytes: u64,
}

impl Decoder {
    pub(super) fn new(header: Header) -> Result<Self> {
        Self::resume(header, Decoded::default())
    }

    /// A decoder of the rest of a delta.
    pub(super) fn resume(header: Header, decoded: Decoded) -> Result<Self> {
        Ok(Self { header, columns: ColumnDecoder::new()?, decoded })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn decoded(&self) -> Decoded {
        self.decoded
    }

    /// Whether no segment is left.
    pub(super) fn is_done(&self) -> bool {
        self.decoded.segments == self.header.segments
    }

    /// The length of the next frame, of which `prefix` are the first bytes; `None` where it goes on behind them.
    pub(super) fn frame_len(&self, prefix: &[u8]) -> Result<Option<u64>> {
        let Some(len) = take_varint(&mut &prefix[..]) else {
            return match prefix.len() {
                MAX_VARINT_LEN.. => Err(Error::corrupt("the length of a segment is malformed")),
                _ => Ok(None),
            };
        };
        if len > self.room() || len > self.header.delta_size {
            return Err(needs_more_memory());
        }
        Ok(Some(len))
    }

    /// What a frame and its decoded columns may take, in bytes.
    fn room(&self) -> u64 {
        self.header.apply_memory.saturating_sub(APPLIER_OVERHEAD)
    }

    /// Checks a whole frame, takes its checksum off, and decodes its columns.
    pub(super) fn open(&mut self, frame: &mut Vec<u8>) -> Result<Segment> {
        let (body, check) =
            frame.split_last_chunk::<CHECK_LEN>().ok_or_else(|| Error::corrupt("a segment is too short"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(Error::corrupt("a segment is damaged; fetch the delta again"));
        }
        frame.truncate(frame.len() - CHECK_LEN);
        let budget = self.room().checked_sub(frame.len() as u64).ok_or_else(needs_more_memory)?;
        let segment = Segment::parse(frame, &mut self.columns, budget)?;
        let produced = self.decoded.produced.checked_add(segment.output_len);
        let produced = produced.filter(|&end| end <= self.header.new_size);
        self.decoded = Decoded {
            segments: self.decoded.segments + 1,
            produced: produced.ok_or_else(|| Error::corrupt("the segments make more than the new file"))?,
            stream_bytes: self.decoded.stream_bytes.saturating_add(segment.stream_bytes()),
        };
        Ok(segment)
    }

    /// Checks, behind the last segment, that the whole delta of `delta_size` bytes is what its header says.
    pub(super) fn check_end(&self, delta_size: u64) -> Result<()> {
        if self.decoded.produced != self.header.new_size {
            return Err(Error::corrupt("the segments make less than the new file").at(delta_size));
        }
        if self.decoded.stream_bytes != self.header.stream_bytes || delta_size != self.header.delta_size {
            return Err(Error::corrupt("the header of the delta does not fit its segments").at(delta_size));
        }
        Ok(())
    }
}

/// Reads the segments of a delta one after the other.
pub(crate) struct SegmentReader<'r> {
    delta: &'r mut dyn Read,
    decoder: Decoder,
    frame: Vec<u8>,
    /// Bytes read from the delta so far.
    offset: u64,
}

/// A segment whose operations were handed on.
pub(super) struct ReplayedSegment {
    pub(super) segment: Segment,
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
        Ok(Self { delta, decoder: Decoder::new(header)?, frame: Vec::new(), offset: HEADER_LEN as u64 })
    }

    pub(crate) fn header(&self) -> &Header {
        self.decoder.header()
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
        mut look: impl FnMut(&mut S, &ReplayedSegment, &mut Task<'_>) -> Result<()>,
    ) -> Result<()> {
        while !self.decoder.is_done() {
            task.check()?;
            let start = self.offset;
            let replayed = self.replay_segment(sink, task).map_err(|e| e.in_delta_at(start))?;
            look(sink, &replayed, task)?;
        }
        self.decoder.check_end(self.offset)?;
        if self.delta.read(&mut [0])? != 0 {
            return Err(Error::corrupt("something follows the end of the delta").at(self.offset));
        }
        Ok(())
    }

    fn replay_segment(&mut self, sink: &mut impl OperationSink, task: &Task<'_>) -> Result<ReplayedSegment> {
        let delta_start = self.offset;
        self.read_frame(task)?;
        let frame_len = self.frame.len() as u64;
        let start = self.decoder.decoded.produced;
        let segment = self.decoder.open(&mut self.frame)?;
        Replay::new(&segment, &self.frame, start, self.header().old_size)?.run(u64::MAX, sink)?;
        segment.output_check.map_or(Ok(()), |check| sink.output_check(check))?;
        Ok(ReplayedSegment {
            segment,
            delta: delta_start..self.offset,
            frame_len,
            output: start..self.decoder.decoded.produced,
        })
    }

    /// Reads the next frame; its memory grows with the bytes that arrive, not with what its length claims.
    fn read_frame(&mut self, task: &Task<'_>) -> Result<()> {
        let mut prefix = [0; MAX_VARINT_LEN];
        let mut prefix_len = 0;
        let frame_len = loop {
            if let Some(len) = self.decoder.frame_len(&prefix[..prefix_len])? {
                break len;
            }
            read_exact(self.delta, &mut prefix[prefix_len..=prefix_len], self.offset)?;
            prefix_len += 1;
            self.offset += 1;
        };
        self.frame.clear();
        let mut piece = FIRST_PIECE_LEN;
        while (self.frame.len() as u64) < frame_len {
            task.check()?;
            let len = piece.min(frame_len - self.frame.len() as u64) as usize;
            let filled = self.frame.len();
            reserve(&mut self.frame, len)?;
            self.frame.resize(filled + len, 0);
            let read = read_up_to(self.delta, &mut self.frame[filled..])?;
            self.offset += read as u64;
            if read < len {
                return Err(Error::corrupt("the delta ends early; fetch it again").at(self.offset));
            }
            piece = self.frame.len() as u64;
        }
        Ok(())
    }
}

/// Fills `buf` as far as there are bytes; says how far.
fn read_up_to(delta: &mut dyn Read, buf: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match delta.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(filled)
}

fn needs_more_memory() -> Error {
    Error::corrupt("a segment needs more memory than the header of the delta says")
}
