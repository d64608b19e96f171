//! A file that stays where it is: any of its bytes, read over a network when they are wanted.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::progress::{LogLevel, Task};
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;
use crate::transfer::pace::{Throttle, pause, wait};
use crate::transfer::source::{self, Body, Failure, Request, Response};

/// What is read at least with every request unless the caller says otherwise, in bytes.
pub const DEFAULT_READ_AHEAD: u64 = 64 << 10;

/// What is kept of what was read unless the caller says otherwise, in bytes.
pub const DEFAULT_CACHE: u64 = 4 << 20;

/// So many bytes that nobody wants are cheaper than another request.
const GAP: u64 = 32 << 10;

/// How a remote file is read. The default of every field is what most callers want.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Only the first so many bytes count, and they stay the same whatever is put behind them. Unless it is given, the
    /// server is asked for the size, and a file that changes is refused.
    pub size: Option<u64>,
    /// How many bytes are read at least with a request, at the end of the file those before; 0 is no more than what is asked for.
    pub read_ahead: u64,
    /// How many of the bytes that were read are kept.
    pub cache: u64,
    /// How they are fetched; what it says of a size and a digest has no meaning here.
    pub fetch: FetchOptions,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { size: None, read_ahead: DEFAULT_READ_AHEAD, cache: DEFAULT_CACHE, fetch: FetchOptions::default() }
    }
}

/// A file at a URL or a path, read in parts.
///
/// Every part is of the same file: where the server has another one by now, reading fails with TARGET_MISMATCH. A server that
/// gives only whole files is UNSUPPORTED. A part that breaks off is resumed where it broke. What was announced by
/// [`will_read`](ReadAt::will_read) comes in one answer per stretch, whatever the size of the reads, and is not kept.
pub struct RemoteFile {
    location: Location,
    options: RemoteOptions,
    size: u64,
    cancel: CancelToken,
    state: Mutex<State>,
}

struct State {
    /// What the server said of the file that the parts come from.
    seen: Option<Seen>,
    /// What was read and is kept, the oldest first. No two of them overlap.
    kept: VecDeque<Piece>,
    kept_bytes: u64,
    /// What will be read, in order, without small gaps.
    planned: Vec<Range<u64>>,
    answer: Option<Answer>,
    transferred: u64,
    requests: u64,
    throttle: Throttle,
}

#[derive(Clone, Debug)]
struct Seen {
    validator: Option<String>,
    total: Option<u64>,
}

/// An answer that is being read.
struct Answer {
    body: Box<dyn Body>,
    chunk: Vec<u8>,
    used: usize,
    /// Where the next byte is from.
    position: u64,
    end: u64,
}

impl Answer {
    /// What came and was not read yet.
    fn rest(&self) -> &[u8] {
        &self.chunk[self.used..]
    }

    fn advance(&mut self, n: usize) {
        self.used += n;
        self.position += n as u64;
    }
}

struct Piece {
    start: u64,
    bytes: Vec<u8>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl RemoteFile {
    /// Opens what is at `url`. Where its size is not given, its last bytes are read to learn it. Reading stops when the token
    /// of `task` is raised.
    pub fn open(url: &str, options: RemoteOptions, task: &mut Task<'_>) -> Result<Self> {
        let state = State {
            seen: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            planned: Vec::new(),
            answer: None,
            transferred: 0,
            requests: 0,
            throttle: Throttle::new(options.fetch.bytes_per_second),
        };
        let mut file = Self {
            location: Location::parse(url)?,
            size: options.size.unwrap_or(0),
            cancel: task.cancel_token().clone(),
            options,
            state: Mutex::new(state),
        };
        if file.options.size.is_none() {
            file.size = file.read_end(task)?;
        }
        Ok(file)
    }

    /// Writes the bytes of `range` to `out` as they come. Progress is that of `task`, by bytes; nothing more is kept.
    pub fn read_into(&self, range: Range<u64>, out: &mut dyn Write, task: &mut Task<'_>) -> Result<()> {
        if range.start > range.end || range.end > self.size {
            return Err(self.ends_early());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut position = range.start;
        while position < range.end {
            let next = match state.kept.iter().find(|piece| (piece.start..piece.end()).contains(&position)) {
                Some(piece) => {
                    let next = piece.end().min(range.end);
                    let within = (position - piece.start) as usize..(next - piece.start) as usize;
                    out.write_all(&piece.bytes[within])?;
                    task.advance(next - position)?;
                    next
                }
                None => {
                    let next = state.start_of_next(position).unwrap_or(range.end).min(range.end);
                    self.stream(position..next, &mut state, &mut |bytes| Ok(out.write_all(bytes)?), task)?;
                    next
                }
            };
            position = next;
        }
        Ok(())
    }

    /// How many bytes of `range` have to come, since they are not at hand.
    pub fn missing(&self, range: Range<u64>) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at_hand = |piece: &Piece| piece.end().min(range.end).saturating_sub(piece.start.max(range.start));
        (range.end.saturating_sub(range.start)).saturating_sub(state.kept.iter().map(at_hand).sum())
    }

    /// The bytes that came so far.
    pub fn transferred(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).transferred
    }

    /// How often the server was asked so far.
    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).requests
    }

    /// Reads the end of the file, keeps it, and returns the size of the whole.
    fn read_end(&mut self, task: &mut Task<'_>) -> Result<u64> {
        let wanted = self.options.read_ahead.max(1);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut retry = 0;
        let (seen, piece) = loop {
            state.requests += 1;
            match self.attempt_end(wanted, task) {
                Err(Failure::Retry(error, after)) if retry < self.options.fetch.retries => {
                    retry += 1;
                    self.pause(error, after, retry, task)?;
                }
                result => break result.map_err(Failure::into_error)?,
            }
        };
        state.transferred += piece.bytes.len() as u64;
        let size = piece.end();
        state.seen = Some(seen);
        state.keep(piece, self.options.cache);
        Ok(size)
    }

    fn attempt_end(&self, wanted: u64, task: &mut Task<'_>) -> Result<(Seen, Piece), Failure> {
        let request = Request { last: Some(wanted), ..Request::default() };
        let response = source::open(&self.location, request, &self.options.fetch, task).map_err(final_mismatch)?;
        let Some(total) = response.total else { return Err(self.only_whole()) };
        if response.start != total.saturating_sub(wanted) {
            return Err(self.only_whole());
        }
        let seen = Seen { validator: response.validator, total: Some(total) };
        let mut piece = Piece { start: response.start, bytes: Vec::new() };
        let mut body = response.body;
        while let Some(chunk) = body.next(task)? {
            if (piece.bytes.len() + chunk.len()) as u64 > total - response.start {
                return Err(self.changed());
            }
            piece.bytes.extend_from_slice(&chunk);
        }
        match piece.end() == total {
            true => Ok((seen, piece)),
            false => Err(self.broke_off()),
        }
    }

    /// Gets the bytes of `range` in order, again and again as long as that helps.
    fn stream(
        &self,
        range: Range<u64>,
        state: &mut State,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let mut position = range.start;
        let mut in_vain = 0;
        while position < range.end {
            let before = position;
            let result = self.attempt(&mut position, range.end, state, out, task);
            if position > before {
                in_vain = 0;
            }
            match result {
                Err(Failure::Retry(error, after)) if in_vain < self.options.fetch.retries => {
                    in_vain += 1;
                    self.pause(error, after, in_vain, task)?;
                }
                result => result.map_err(Failure::into_error)?,
            }
        }
        Ok(())
    }

    fn attempt(
        &self,
        position: &mut u64,
        end: u64,
        state: &mut State,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
        task: &mut Task<'_>,
    ) -> Result<(), Failure> {
        let began = *position;
        let mut answer = match state.answer.take() {
            Some(answer) if (answer.position..answer.end).contains(position) => answer,
            _ => {
                let end = end.max(state.planned_from(*position).unwrap_or(end)).min(self.size);
                let body = self.ask(*position, end, state, task)?.body;
                Answer { body, chunk: Vec::new(), used: 0, position: *position, end }
            }
        };
        while *position < end {
            if answer.rest().is_empty() {
                let Some(mut chunk) = answer.body.next(task)? else {
                    // A server may give less at a time than it is asked for.
                    return if *position > began { Ok(()) } else { Err(self.broke_off()) };
                };
                chunk.truncate(usize::try_from(answer.end - answer.position).unwrap_or(usize::MAX));
                state.transferred += chunk.len() as u64;
                state.throttle.after(chunk.len(), task)?;
                (answer.chunk, answer.used) = (chunk, 0);
            }
            let unwanted = (*position - answer.position).min(answer.rest().len() as u64);
            answer.advance(unwanted as usize);
            let wanted = usize::try_from(end - *position).unwrap_or(usize::MAX);
            let n = answer.rest().len().min(wanted);
            out(&answer.rest()[..n])?;
            answer.advance(n);
            *position += n as u64;
            task.advance(n as u64)?;
        }
        state.answer = (answer.position < answer.end).then_some(answer);
        Ok(())
    }

    /// An answer that starts at `start` and is of the file that was seen before.
    fn ask(&self, start: u64, end: u64, state: &mut State, task: &mut Task<'_>) -> Result<Response, Failure> {
        const MOST_CHANGES: usize = 3;
        let mut seen = state.seen.clone();
        for _ in 0..=MOST_CHANGES {
            let validator = seen.as_ref().and_then(|seen| seen.validator.as_deref());
            let request = Request { start, end: Some(end), validator, last: None };
            state.requests += 1;
            let response = source::open(&self.location, request, &self.options.fetch, task).map_err(final_mismatch)?;
            let now = Seen { validator: response.validator.clone(), total: response.total };
            let changed = seen.as_ref().is_some_and(|seen| seen.differs(&now));
            let shrunk = now.total.is_some_and(|total| total < self.size);
            // What may have grown is the same file under another name.
            if shrunk || changed && self.options.size.is_none() {
                return Err(self.changed());
            }
            if response.start == start {
                state.seen = Some(now);
                return Ok(response);
            }
            if !changed {
                return Err(self.only_whole());
            }
            seen = Some(now);
        }
        Err(self.changed())
    }

    fn pause(&self, error: Error, after: Option<Duration>, retry: u32, task: &mut Task<'_>) -> Result<()> {
        let pause = after.unwrap_or_else(|| pause(self.options.fetch.first_pause, retry));
        task.log(LogLevel::Warning, || format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
        wait(pause, task)
    }

    fn changed(&self) -> Failure {
        let message = format!("{}: it changed while it was read; try again", self.location);
        Failure::Elsewhere(Error::new(Status::TargetMismatch, message))
    }

    fn only_whole(&self) -> Failure {
        let message = format!("{}: the server gives only the whole file, no part of it", self.location);
        Failure::Elsewhere(Error::new(Status::Unsupported, message))
    }

    fn broke_off(&self) -> Failure {
        Failure::Retry(Error::new(Status::Network, format!("{}: the answer breaks off", self.location)), None)
    }

    fn ends_early(&self) -> Error {
        Error::corrupt(format!("{}: it ends early", self.location)).at(self.size)
    }
}

impl ReadAt for RemoteFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size) {
            return Err(self.ends_early());
        }
        let mut task = Task::with_cancel(self.cancel.clone());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !buf.is_empty() {
            if let Some(piece) = state.kept.iter().find(|piece| (piece.start..piece.end()).contains(&offset)) {
                let within = &piece.bytes[(offset - piece.start) as usize..];
                let n = within.len().min(buf.len());
                buf[..n].copy_from_slice(&within[..n]);
                buf = &mut buf[n..];
                offset += n as u64;
                continue;
            }
            let planned = state.planned_from(offset);
            let free = state.start_of_next(offset).into_iter().chain(planned).min().unwrap_or(self.size).min(self.size);
            let n = (buf.len() as u64).min(free - offset);
            let more = n.max(self.options.read_ahead.min(free - offset));
            if planned.is_some() || more > self.options.cache {
                let (now, rest) = std::mem::take(&mut buf).split_at_mut(n as usize);
                let mut filled = 0;
                let mut fill = |bytes: &[u8]| {
                    now[filled..filled + bytes.len()].copy_from_slice(bytes);
                    filled += bytes.len();
                    Ok(())
                };
                self.stream(offset..offset + n, &mut state, &mut fill, &mut task)?;
                buf = rest;
                offset += n;
                continue;
            }
            let at_end = self.size.saturating_sub(self.options.read_ahead).max(state.end_of_last(offset));
            let start = if free == self.size { offset.min(at_end) } else { offset };
            let mut bytes = Vec::new();
            let mut gather = |chunk: &[u8]| {
                bytes.extend_from_slice(chunk);
                Ok(())
            };
            self.stream(start..offset + more, &mut state, &mut gather, &mut task)?;
            state.keep(Piece { start, bytes }, self.options.cache);
        }
        Ok(())
    }

    fn will_read(&self, ranges: &[Range<u64>]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at_hand = state.kept.iter().find(|piece| piece.end() == self.size).map_or(self.size, |piece| piece.start);
        let mut ranges: Vec<_> =
            ranges.iter().map(|range| range.start..range.end.min(at_hand)).filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        state.planned.clear();
        for range in ranges {
            match state.planned.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
                _ => state.planned.push(range),
            }
        }
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

impl State {
    /// Where the next bytes that are at hand begin.
    fn start_of_next(&self, position: u64) -> Option<u64> {
        self.kept.iter().map(|piece| piece.start).filter(|start| *start > position).min()
    }

    /// Where the last bytes before `position` end that are at hand.
    fn end_of_last(&self, position: u64) -> u64 {
        self.kept.iter().map(Piece::end).filter(|end| *end <= position).max().unwrap_or(0)
    }

    /// Where what will be read ends, if `position` is in the middle of that.
    fn planned_from(&self, position: u64) -> Option<u64> {
        self.planned.iter().find(|range| range.contains(&position)).map(|range| range.end)
    }

    /// Keeps a piece, and drops the oldest ones where there are too many bytes.
    fn keep(&mut self, piece: Piece, most: u64) {
        self.kept_bytes += piece.bytes.len() as u64;
        self.kept.push_back(piece);
        while self.kept_bytes > most && self.kept.len() > 1 {
            let oldest = self.kept.pop_front();
            self.kept_bytes -= oldest.map_or(0, |piece| piece.bytes.len() as u64);
        }
    }
}

impl Seen {
    fn differs(&self, other: &Self) -> bool {
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        differ(&self.validator, &other.validator)
            || matches!((self.total, other.total), (Some(before), Some(now)) if before != now)
    }
}

/// A server that has no such part, or sends another one, does not do better the next time.
fn final_mismatch(failure: Failure) -> Failure {
    match failure {
        Failure::Retry(error, _) if error.status() == Status::TargetMismatch => Failure::Elsewhere(error),
        other => other,
    }
}
