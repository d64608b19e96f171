//! Applying for devices: the delta is fed as it arrives, a bounded amount of work is done in each call, and power may
//! fail between any two.
//!
//! The byte that completes a header or a segment is not reported as taken before all that follows from it is done. So
//! whoever has fed every byte of a delta has got every byte of the new file.

use std::io::{self, Write};

use super::ApplyStats;
use super::applier::{Applier, Check, Workspace, check_new};
use super::apply::buffer_memory;
use super::checkpoint::{Boundary, Checkpoint};
use super::decode::{Decoded, Decoder};
use super::format::{HEADER_LEN, Header, MAX_VARINT_LEN};
use super::frame::Segment;
use super::hashing::{Hashing, check_old_digest, check_old_size};
use super::ops::OperationSink;
use super::replay::{Detached, Replay};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{Direct, ReadAt};
use crate::limits::{DEFAULT_APPLY_MEMORY, Limits, with_capacity};
use crate::progress::Task;

/// What one call hashes or makes at most unless given, in bytes.
const DEFAULT_WORK: u64 = 64 << 10;

/// The old file is hashed and the new one read back in pieces of this many bytes at most.
const PIECE: usize = 4 << 10;

/// Where a device keeps the new file, and makes it durable.
pub trait Slot: Send {
    /// Writes `bytes` at `offset`, which is always where the write before ended, or where a resumed applier goes on.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Makes all that was written durable.
    fn flush(&mut self) -> Result<()>;

    /// Whether what was written can be read back.
    fn can_read(&self) -> bool {
        false
    }

    /// Fills `buf` with what was written at `offset`.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let _ = (offset, buf);
        Err(Error::new(Status::Unsupported, "this slot cannot be read back"))
    }
}

/// What a push applier may use. Zero in any field means its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushOptions {
    /// Bytes of memory; 12 MiB unless given. A delta that needs more is refused before anything is written.
    pub memory: u64,
    /// Bytes that the new file may have; no limit unless given.
    pub output: u64,
    /// Bytes that one call hashes or makes at most; 64 KiB unless given. Decoding a segment, whose size the memory
    /// bounds, comes on top once.
    pub work: u64,
}

/// Applies one delta that is pushed into it.
pub struct PushApplier {
    /// What a push reads of it stays in proportion to what it makes.
    old: Direct,
    new: Box<dyn Slot>,
    limits: Limits,
    work: u64,
    stage: Stage,
    /// Bytes of the delta that were reported as taken, and whether the next one is here already.
    offset: u64,
    has_next: bool,
    failed: bool,
}

enum Stage {
    Header(Vec<u8>),
    /// Finding out whether the old file is the right one.
    Old {
        header: Header,
        hasher: Hasher,
        position: u64,
    },
    Segments(Box<Segments>),
}

struct Segments {
    decoder: Decoder,
    hashing: Hashing,
    /// Missing only after a failure.
    workspace: Option<Workspace>,
    /// Where the segment begins that is being read.
    boundary: Boundary,
    prefix: Vec<u8>,
    frame: Vec<u8>,
    /// How long the frame is once it is all there; `None` as long as that is not known.
    frame_len: Option<u64>,
    open: Option<OpenSegment>,
}

struct OpenSegment {
    segment: Segment,
    /// Where its output begins.
    start: u64,
    replay: Option<Detached>,
}

impl PushApplier {
    /// An applier of a delta from `old` that makes its new file in `new`.
    pub fn new(old: Box<dyn ReadAt>, new: Box<dyn Slot>, options: &PushOptions) -> Result<Self> {
        let memory = if options.memory == 0 { DEFAULT_APPLY_MEMORY } else { options.memory };
        let limits = Limits { memory, output: options.output, ..Limits::default() };
        let work = if options.work == 0 { DEFAULT_WORK } else { options.work };
        let stage = Stage::Header(Vec::with_capacity(HEADER_LEN));
        Ok(Self { old: Direct(old), new, limits, work, stage, offset: 0, has_next: false, failed: false })
    }

    /// Goes on from a checkpoint. Feed the delta from [`delta_offset`](Self::delta_offset) on; the first write goes to
    /// [`output_offset`](Self::output_offset). A damaged checkpoint is CORRUPT: begin anew.
    pub fn resume(old: Box<dyn ReadAt>, new: Box<dyn Slot>, options: &PushOptions, checkpoint: &[u8]) -> Result<Self> {
        let mut applier = Self::new(old, new, options)?;
        if let Some(Checkpoint { header, boundary, durable, hasher }) = Checkpoint::decode(checkpoint)? {
            header.check_limits(&applier.limits)?;
            check_old_size(&applier.old, &header)?;
            let mut segments = Segments::new(header, boundary, Hashing::from(hasher), &applier.limits)?;
            if let Some(workspace) = &mut segments.workspace {
                workspace.resume(boundary.decoded.produced, boundary.check, durable);
            }
            applier.offset = boundary.offset;
            applier.stage = Stage::Segments(Box::new(segments));
        }
        Ok(applier)
    }

    /// Takes in some of the next bytes of the delta and does a bounded amount of work. Returns how many bytes were taken:
    /// maybe fewer than there are, maybe none. The others are to be fed again.
    ///
    /// After a failure the applier is of no use any more; [`resume`](Self::resume) from a checkpoint, or begin anew.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize> {
        self.guarded(|applier| applier.push_some(bytes))
    }

    /// Makes sure, once the whole delta was fed, that the new file is the one it promises: as it was written, and as it is
    /// read back where the slot can do that. What was written is made durable first.
    ///
    /// Called too early it is CORRUPT, and the rest of the delta can still be fed.
    pub fn finish(&mut self) -> Result<ApplyStats> {
        let is_complete = self.segments().is_some_and(Segments::is_done);
        if !self.failed && !is_complete {
            return Err(ends_early(self.offset));
        }
        self.guarded(Self::check_new_file)
    }

    /// Makes what was written durable and returns what [`resume`](Self::resume) needs to go on from here: at most
    /// [`CHECKPOINT_SIZE`](super::CHECKPOINT_SIZE) bytes.
    pub fn checkpoint(&mut self) -> Result<Vec<u8>> {
        self.guarded(|applier| {
            applier.new.flush()?;
            Ok(Checkpoint::encode(applier.segments().and_then(Segments::checkpoint).as_ref()))
        })
    }

    /// What the delta says about itself, once that has arrived.
    pub fn header(&self) -> Option<&Header> {
        match &self.stage {
            Stage::Header(_) => None,
            Stage::Old { header, .. } => Some(header),
            Stage::Segments(segments) => Some(segments.decoder.header()),
        }
    }

    /// How many bytes of the delta were taken, or where a resumed applier has to be fed from.
    pub fn delta_offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the new file were written.
    pub fn output_offset(&self) -> u64 {
        self.segments().and_then(|segments| segments.workspace.as_ref()).map_or(0, Workspace::written)
    }

    fn segments(&self) -> Option<&Segments> {
        match &self.stage {
            Stage::Segments(segments) => Some(segments),
            _ => None,
        }
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.failed {
            return Err(Error::invalid("this applier has failed before; resume from a checkpoint, or begin anew"));
        }
        let result = work(self);
        self.failed = result.is_err();
        result
    }

    fn push_some(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut rest = bytes;
        let mut work = self.work;
        while self.settle(&mut work)? {
            if self.has_next {
                let Some((_, behind)) = rest.split_first() else { break };
                rest = behind;
                self.offset += 1;
                self.has_next = false;
            }
            if rest.is_empty() {
                break;
            }
            let (taken, is_complete) = match &mut self.stage {
                Stage::Header(header) => take_up_to(header, HEADER_LEN as u64, rest),
                Stage::Old { .. } => break,
                Stage::Segments(segments) => segments.take(rest).map_err(|e| e.in_delta_at(self.offset))?,
            };
            let reported = taken - usize::from(is_complete);
            self.has_next = is_complete;
            self.offset += reported as u64;
            rest = &rest[reported..];
        }
        Ok(bytes.len() - rest.len())
    }

    /// Does what can be done with the bytes that are here, at most as much as `work` allows. Says whether all of it is
    /// done.
    fn settle(&mut self, work: &mut u64) -> Result<bool> {
        loop {
            match &mut self.stage {
                Stage::Header(bytes) if bytes.len() < HEADER_LEN => return Ok(true),
                Stage::Header(bytes) => {
                    let header = Header::read(&mut &bytes[..])?;
                    header.check_limits(&self.limits)?;
                    check_old_size(&self.old, &header)?;
                    self.stage = Stage::Old { header, hasher: Hasher::new(), position: 0 };
                }
                Stage::Old { header, hasher, position } => {
                    let mut piece = [0; PIECE];
                    while *position < header.old_size {
                        if *work == 0 {
                            return Ok(false);
                        }
                        let n = (header.old_size - *position).min(PIECE as u64).min(*work);
                        let piece = &mut piece[..n as usize];
                        self.old.read_at(*position, piece)?;
                        hasher.update(piece);
                        *position += n;
                        *work -= n;
                    }
                    check_old_digest(hasher.clone().finish(), header.old_digest)?;
                    let boundary =
                        Boundary { offset: HEADER_LEN as u64, decoded: Decoded::default(), check: Check::default() };
                    let segments = Segments::new(header.clone(), boundary, Hashing::here(), &self.limits)?;
                    self.stage = Stage::Segments(Box::new(segments));
                }
                Stage::Segments(segments) => {
                    let end = self.offset + u64::from(self.has_next);
                    let at = segments.boundary.offset;
                    return segments.settle(&self.old, &mut *self.new, end, work).map_err(|e| e.in_delta_at(at));
                }
            }
        }
    }

    fn check_new_file(&mut self) -> Result<ApplyStats> {
        let (Stage::Segments(segments), offset) = (&mut self.stage, self.offset) else {
            return Err(ends_early(self.offset));
        };
        let (Some(workspace), true) = (&segments.workspace, segments.is_done()) else {
            return Err(ends_early(offset));
        };
        let header = segments.decoder.header();
        let stats = check_new(segments.hashing.hasher().finish(), workspace.written(), header)?;
        self.new.flush()?;
        if self.new.can_read() && hash_back(&mut *self.new, stats.new_size)? != stats.new_digest {
            let message = "the new file reads back as other bytes than were written; the storage is bad";
            return Err(Error::new(Status::TargetMismatch, message));
        }
        Ok(stats)
    }
}

fn ends_early(offset: u64) -> Error {
    Error::corrupt("the delta ends early; feed the rest of it").at(offset)
}

/// The digest of the first `size` bytes in `slot`.
fn hash_back(slot: &mut dyn Slot, size: u64) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let mut piece = [0; PIECE];
    let mut position = 0;
    while position < size {
        let n = (size - position).min(PIECE as u64) as usize;
        slot.read_at(position, &mut piece[..n])?;
        hasher.update(&piece[..n]);
        position += n as u64;
    }
    Ok(hasher.finish())
}

/// Fills `held` up to `len` bytes from the start of `bytes`; says how many were taken and whether that was all of them.
fn take_up_to(held: &mut Vec<u8>, len: u64, bytes: &[u8]) -> (usize, bool) {
    let n = (len - held.len() as u64).min(bytes.len() as u64) as usize;
    held.extend_from_slice(&bytes[..n]);
    (n, held.len() as u64 == len)
}

impl Segments {
    fn new(header: Header, boundary: Boundary, hashing: Hashing, limits: &Limits) -> Result<Self> {
        let memory = buffer_memory(limits.memory(), header.apply_memory);
        Ok(Self {
            decoder: Decoder::resume(header, boundary.decoded)?,
            workspace: Some(Workspace::new(memory, &hashing)?),
            hashing,
            boundary,
            prefix: Vec::with_capacity(MAX_VARINT_LEN),
            frame: Vec::new(),
            frame_len: None,
            open: None,
        })
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        Some(Checkpoint {
            header: self.decoder.header().clone(),
            boundary: self.boundary,
            durable: self.workspace.as_ref()?.written(),
            hasher: self.hashing.hasher(),
        })
    }

    /// Whether all that the delta makes was made.
    fn is_done(&self) -> bool {
        self.decoder.is_done() && self.open.is_none()
    }

    /// Takes bytes of the next frame. Says how many, and whether the frame is whole now.
    fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool)> {
        if self.decoder.is_done() {
            return Err(Error::corrupt("something follows the end of the delta"));
        }
        let Some(len) = self.frame_len else {
            self.prefix.extend_from_slice(&bytes[..1]);
            let Some(len) = self.decoder.frame_len(&self.prefix)? else { return Ok((1, false)) };
            // The decoder has compared the length with the memory that the header says.
            self.frame = with_capacity(usize::try_from(len).unwrap_or(usize::MAX))?;
            self.frame_len = Some(len);
            return Ok((1, len == 0));
        };
        Ok(take_up_to(&mut self.frame, len, bytes))
    }

    /// Makes what the segment that is here makes, at most as much as `work` allows; the delta was read up to `end`.
    fn settle(&mut self, old: &dyn ReadAt, new: &mut dyn Slot, end: u64, work: &mut u64) -> Result<bool> {
        if self.open.is_none() {
            if self.frame_len != Some(self.frame.len() as u64) {
                if self.decoder.is_done() {
                    self.decoder.check_end(end)?;
                }
                return Ok(true);
            }
            let start = self.decoder.decoded().produced;
            let segment = self.decoder.open(&mut self.frame)?;
            // Tables that mixing begins with are as much work as the columns.
            *work = work.saturating_sub(segment.stream_bytes().saturating_add(segment.table_memory()));
            self.open = Some(OpenSegment { segment, start, replay: None });
        }
        if !self.make(old, new, work)? {
            return Ok(false);
        }
        self.open = None;
        self.frame = Vec::new();
        self.frame_len = None;
        self.prefix.clear();
        let check = self.workspace.as_ref().map_or(Check::default(), Workspace::check);
        self.boundary = Boundary { offset: end, decoded: self.decoder.decoded(), check };
        if self.decoder.is_done() {
            self.decoder.check_end(end)?;
        }
        Ok(true)
    }

    /// Hands on operations of the open segment; says whether it has no more.
    fn make(&mut self, old: &dyn ReadAt, new: &mut dyn Slot, work: &mut u64) -> Result<bool> {
        let (Some(open), Some(workspace)) = (&mut self.open, self.workspace.take()) else { return Ok(true) };
        let before = workspace.written();
        let mut out = SlotWriter { slot: new, offset: before };
        let mut task = Task::new();
        let mut applier = Applier::new(old, &mut out, &mut self.hashing, &mut task, workspace);
        let mut replay = match open.replay.take() {
            Some(replay) => replay.attach(&open.segment, &self.frame),
            None => Replay::new(&open.segment, &self.frame, open.start, self.decoder.header().old_size)?,
        };
        let is_done = replay.run(*work, &mut applier)?;
        if is_done {
            open.segment.output_check.map_or(Ok(()), |check| applier.output_check(check))?;
        } else {
            open.replay = Some(replay.detach());
        }
        let workspace = applier.pause()?;
        *work = if is_done { work.saturating_sub(workspace.written() - before) } else { 0 };
        self.workspace = Some(workspace);
        Ok(is_done)
    }
}

struct SlotWriter<'a> {
    slot: &'a mut dyn Slot,
    offset: u64,
}

impl Write for SlotWriter<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.slot.write(self.offset, buf)?;
        self.offset += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
