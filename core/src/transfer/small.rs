//! Small things that are held in memory: documents, and parts of files.

use std::ops::Range;

use crate::error::{Error, Result, Status};
use crate::progress::{LogLevel, Task};
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;
use crate::transfer::pace::{pause, wait};
use crate::transfer::source::{self, Failure, Request};

/// Fetches a text of at most `options.max_size` bytes, or 16 MiB if that is less. What is not UTF-8 is CORRUPT.
pub fn fetch_text(url: &str, options: &FetchOptions, task: &mut Task<'_>) -> Result<String> {
    const MOST: u64 = 16 << 20;
    let location = Location::parse(url)?;
    let most = options.max_size.min(MOST);
    let bytes = again(options, task, |task| read(&location, Request::default(), most, options, task))?;
    String::from_utf8(bytes).map_err(|e| {
        Error::corrupt(format!("{location}: this is no UTF-8 text")).at(e.utf8_error().valid_up_to() as u64)
    })
}

/// Fetches a part of what is at `url`. UNSUPPORTED where the server gives only the whole, CORRUPT where it ends early.
pub fn fetch_range(url: &str, range: Range<u64>, options: &FetchOptions, task: &mut Task<'_>) -> Result<Vec<u8>> {
    let location = Location::parse(url)?;
    let len = range.end.saturating_sub(range.start);
    if len > options.max_size {
        return Err(Error::limit(format!("{len} bytes are asked for, and {} are allowed", options.max_size)));
    }
    if len == 0 {
        return Ok(Vec::new());
    }
    let request = Request { start: range.start, end: Some(range.end), ..Request::default() };
    let bytes = again(options, task, |task| read(&location, request, len, options, task))?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(Error::corrupt(format!("{location}: it ends early")).at(range.start + bytes.len() as u64)),
    }
}

fn read(
    location: &Location,
    request: Request<'_>,
    most: u64,
    options: &FetchOptions,
    task: &mut Task<'_>,
) -> Result<Vec<u8>, Failure> {
    let response = source::open(location, request, options, task)?;
    if response.start != request.start {
        let message = format!("{location}: the server gives only the whole file, no part of it");
        return Err(Failure::Elsewhere(Error::new(Status::Unsupported, message)));
    }
    let promised = response.total.filter(|_| request.end.is_none());
    let mut bytes = Vec::new();
    let mut body = response.body;
    while let Some(chunk) = body.next(task)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > most {
            let message = format!("{location}: more than {most} bytes came");
            return Err(Failure::Elsewhere(Error::limit(message)));
        }
    }
    match promised {
        Some(promised) if (bytes.len() as u64) < promised => {
            let message = format!("{location}: only {} of {promised} bytes came", bytes.len());
            Err(Failure::Retry(Error::new(Status::Network, message), None))
        }
        _ => Ok(bytes),
    }
}

fn again<T>(
    options: &FetchOptions,
    task: &mut Task<'_>,
    mut attempt: impl FnMut(&mut Task<'_>) -> Result<T, Failure>,
) -> Result<T> {
    let mut retry = 0;
    loop {
        match attempt(task) {
            Err(Failure::Retry(error, after)) if retry < options.retries => {
                retry += 1;
                let pause = after.unwrap_or_else(|| pause(options.first_pause, retry));
                task.log(LogLevel::Warning, || format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
                wait(pause, task)?;
            }
            result => return result.map_err(Failure::into_error),
        }
    }
}
