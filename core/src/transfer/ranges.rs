//! A file on a server, read at any offset, so that whoever needs little of it fetches little.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::cancel::CancelToken;
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::progress::Task;
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;
use crate::transfer::pace::{Throttle, pause, wait};
use crate::transfer::source::{self, Body, Failure, Request};

/// So many of the last bytes come first: there a ZIP file says where everything is, and small ones say it all.
const END_LEN: u64 = 64 << 10;

/// So many bytes that nobody wants are cheaper than another request.
const GAP: u64 = 32 << 10;

/// A part of a file on a server, from its first byte on. In memory are its last bytes and what arrives.
///
/// What was announced by [`will_read`](ReadAt::will_read) comes in one answer per stretch, whatever the size of the reads.
/// Nothing here is verified: that is for whoever knows what the bytes should be.
pub(crate) struct RangeSource {
    location: Location,
    size: u64,
    options: FetchOptions,
    cancel: CancelToken,
    state: Mutex<State>,
}

struct State {
    /// Where the last bytes begin, and those bytes.
    end: (u64, Vec<u8>),
    /// What will be read, in order, without small gaps.
    planned: Vec<Range<u64>>,
    answer: Option<Answer>,
    transferred: u64,
    throttle: Throttle,
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

impl RangeSource {
    /// The first `size` bytes of what is at `url`. UNSUPPORTED where the server gives only the whole.
    pub fn open(url: &str, size: u64, options: &FetchOptions, task: &mut Task<'_>) -> Result<Self> {
        let source = Self {
            location: Location::parse(url)?,
            size,
            options: options.clone(),
            cancel: task.cancel_token().clone(),
            state: Mutex::new(State {
                end: (size, Vec::new()),
                planned: Vec::new(),
                answer: None,
                transferred: 0,
                throttle: Throttle::new(options.bytes_per_second),
            }),
        };
        let start = size - size.min(END_LEN);
        let mut end = vec![0; (size - start) as usize];
        let mut state = source.lock();
        source.fill(&mut state, start, &mut end, task)?;
        state.end = (start, end);
        drop(state);
        Ok(source)
    }

    /// The bytes that came.
    pub fn transferred(&self) -> u64 {
        self.lock().transferred
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the server, again and again as long as that brings something.
    fn fill(&self, state: &mut State, offset: u64, buf: &mut [u8], task: &mut Task<'_>) -> Result<()> {
        let (mut done, mut in_vain) = (0, 0);
        while done < buf.len() {
            match self.some(state, offset + done as u64, &mut buf[done..], task) {
                Ok(n) => {
                    done += n;
                    in_vain = 0;
                }
                Err(Failure::Retry(_, after)) if in_vain < self.options.retries => {
                    state.answer = None;
                    in_vain += 1;
                    wait(after.unwrap_or_else(|| pause(self.options.first_pause, in_vain)), task)?;
                }
                Err(failure) => {
                    state.answer = None;
                    return Err(failure.into_error());
                }
            }
        }
        Ok(())
    }

    /// Reads at least one byte at `offset`.
    fn some(&self, state: &mut State, offset: u64, buf: &mut [u8], task: &mut Task<'_>) -> Result<usize, Failure> {
        let mut answer = match state.answer.take() {
            Some(answer) if (answer.position..answer.end).contains(&offset) => answer,
            _ => self.ask(state, offset, buf.len() as u64, task)?,
        };
        loop {
            let ahead = (answer.chunk.len() - answer.used) as u64;
            let skipped = ahead.min(offset - answer.position);
            answer.used += skipped as usize;
            answer.position += skipped;
            let wanted = answer.end - answer.position;
            let n =
                (answer.chunk.len() - answer.used).min(buf.len()).min(usize::try_from(wanted).unwrap_or(usize::MAX));
            if n > 0 {
                buf[..n].copy_from_slice(&answer.chunk[answer.used..answer.used + n]);
                answer.used += n;
                answer.position += n as u64;
                state.answer = (answer.position < answer.end).then_some(answer);
                return Ok(n);
            }
            answer.chunk = match answer.body.next(task)? {
                Some(chunk) => chunk,
                None => {
                    let message = format!("{}: the answer ends at byte {}", self.location, answer.position);
                    return Err(Failure::Retry(Error::new(Status::Network, message), None));
                }
            };
            answer.used = 0;
            state.transferred += answer.chunk.len() as u64;
            state.throttle.after(answer.chunk.len(), task)?;
        }
    }

    /// Asks for all that will be read from `offset` on, which is at least `len` bytes.
    fn ask(&self, state: &State, offset: u64, len: u64, task: &mut Task<'_>) -> Result<Answer, Failure> {
        let planned = state.planned.iter().find(|range| range.contains(&offset)).map_or(0, |range| range.end);
        let end = planned.max(offset + len).min(self.size);
        let request = Request { start: offset, end: Some(end), ..Request::default() };
        let response = source::open(&self.location, request, &self.options, task)?;
        if response.start != offset {
            let message = format!("{}: the server gives only the whole file, no part of it", self.location);
            return Err(Failure::Elsewhere(Error::new(Status::Unsupported, message)));
        }
        if response.total.is_some_and(|total| total < self.size) {
            let message = format!("{}: it has fewer bytes than the {} that were promised", self.location, self.size);
            return Err(Failure::Elsewhere(Error::new(Status::TargetMismatch, message)));
        }
        Ok(Answer { body: response.body, chunk: Vec::new(), used: 0, position: offset, end })
    }
}

impl ReadAt for RangeSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size) {
            return Err(Error::corrupt(format!("{}: it ends early", self.location)).at(self.size));
        }
        let mut state = self.lock();
        let at_end = state.end.0.saturating_sub(offset).min(buf.len() as u64) as usize;
        let (before, last) = buf.split_at_mut(at_end);
        if !before.is_empty() {
            let mut task = Task::with_cancel(self.cancel.clone());
            self.fill(&mut state, offset, before, &mut task)?;
        }
        if !last.is_empty() {
            let start = (offset + at_end as u64 - state.end.0) as usize;
            last.copy_from_slice(&state.end.1[start..start + last.len()]);
        }
        Ok(())
    }

    fn will_read(&self, ranges: &[Range<u64>]) {
        let mut state = self.lock();
        let end = state.end.0;
        let mut ranges: Vec<_> =
            ranges.iter().map(|range| range.start..range.end.min(end)).filter(|range| !range.is_empty()).collect();
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
