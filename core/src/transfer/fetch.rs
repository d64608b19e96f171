//! The way of one file: place by place, try by try, until it is whole and right.

use std::path::Path;
use std::time::Duration;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt, digest};
use crate::progress::{LogLevel, Phase, Task, Unit};
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;
use crate::transfer::pace::{Throttle, pause, wait};
use crate::transfer::partial::Partial;
use crate::transfer::source::{self, Failure, Request};

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
    /// The bytes that came now; the others were there from an earlier try.
    pub transferred: u64,
    /// Which of the places it came from last; `None` where nothing had to come.
    pub source: Option<usize>,
}

/// Fetches the file that is at each of `urls` into `to`, from the first of them that works. URLs are of `http`, `https` or
/// `file`, or paths.
///
/// What came stays beside `to`, as `to.partial`, until it is complete or turns out to be wrong; the next fetch goes on from
/// there. `to` itself appears whole and verified or not at all. If it is there already and has the digest that is wanted,
/// nothing is fetched.
///
/// With [`prefix`](FetchOptions::prefix) the file is what the first bytes of a longer one are.
///
/// NETWORK, TIMEOUT, NOT_FOUND or PERMISSION where no place gives it; TARGET_MISMATCH where what it gives has another size or
/// digest; LIMIT where it is too large; BUSY where another process fetches it.
pub fn fetch<U: AsRef<str>>(urls: &[U], to: &Path, options: &FetchOptions, task: &mut Task<'_>) -> Result<Fetched> {
    let locations = urls.iter().map(|url| Location::parse(url.as_ref())).collect::<Result<Vec<_>>>()?;
    if locations.is_empty() {
        return Err(Error::invalid("a place to fetch from is needed, and there is none"));
    }
    if options.prefix && options.size.is_none() {
        return Err(Error::invalid("the beginning of a file is wanted, and nothing says how much of it"));
    }
    if let Some(size) = options.size.filter(|size| *size > options.max_size) {
        return Err(too_large(size, options));
    }
    if let Some(there) = already_there(to, options, task)? {
        return Ok(there);
    }
    let partial = Partial::open(to, options, task)?;
    let mut way = Way {
        furthest: partial.len(),
        partial,
        options,
        transferred: 0,
        throttle: Throttle::new(options.bytes_per_second),
    };
    task.begin(Phase::Download, options.size.or(way.partial.total()).unwrap_or(u64::MAX), Unit::Bytes)?;
    let mut failure = None;
    for (number, location) in locations.iter().enumerate() {
        match way.follow(location, task) {
            Ok(()) => {
                task.set(way.partial.len(), way.partial.len())?;
                task.finish()?;
                let fetched = Fetched {
                    size: way.partial.len(),
                    digest: way.partial.digest(),
                    transferred: way.transferred,
                    source: Some(number),
                };
                if let Err(cancelled) = task.commit_point().pass() {
                    way.partial.keep();
                    return Err(cancelled);
                }
                way.partial.finish()?;
                return Ok(fetched);
            }
            Err(Failure::Stop(error)) => {
                way.partial.keep();
                return Err(error);
            }
            Err(other) => {
                let error = other.into_error();
                task.log(LogLevel::Warning, || error.to_string());
                failure = Some(error);
            }
        }
    }
    way.partial.keep();
    Err(failure.unwrap_or_else(|| Error::invalid("a place to fetch from is needed, and there is none")))
}

fn already_there(to: &Path, options: &FetchOptions, task: &mut Task<'_>) -> Result<Option<Fetched>> {
    let Some(wanted) = options.digest else { return Ok(None) };
    let source = match FileSource::open(to) {
        Ok(source) => source,
        Err(e) if e.status() == Status::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let size = source.size();
    let same = options.size.is_none_or(|wanted| wanted == size) && digest(&source, task)? == wanted;
    Ok(same.then_some(Fetched { size, digest: wanted, transferred: 0, source: None }))
}

/// A fetch under way.
struct Way<'a> {
    partial: Partial,
    options: &'a FetchOptions,
    transferred: u64,
    /// The most bytes that were ever there: a server whose file changes again and again makes no progress.
    furthest: u64,
    throttle: Throttle,
}

impl Way<'_> {
    /// Gets all that is missing from one place, again and again as long as that helps.
    fn follow(&mut self, location: &Location, task: &mut Task<'_>) -> Result<(), Failure> {
        let mut in_vain = 0;
        let mut ranges = true;
        loop {
            let result = self.attempt(location, &mut ranges, task);
            if self.partial.len() > self.furthest {
                self.furthest = self.partial.len();
                in_vain = 0;
            }
            match result {
                Err(Failure::Retry(error, _)) if in_vain == self.options.retries => {
                    return Err(Failure::Elsewhere(error));
                }
                Err(Failure::Retry(error, after)) => {
                    in_vain += 1;
                    let pause = after.unwrap_or_else(|| pause(self.options.first_pause, in_vain));
                    task.log(LogLevel::Warning, || format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
                    wait(pause, task)?;
                }
                result => return result,
            }
        }
    }

    fn attempt(&mut self, location: &Location, ranges: &mut bool, task: &mut Task<'_>) -> Result<(), Failure> {
        if self.partial.len() > 0 && !(*ranges && self.partial.may_continue_from(location)) {
            self.restart(task)?;
        }
        let resumed = self.partial.len();
        if resumed > 0 && self.options.size.or(self.partial.total()) == Some(resumed) {
            return self.check(location, true);
        }
        // A file that grew has another validator and the same beginning, of which the digest tells.
        let validator = self.partial.validator(location).filter(|_| !self.grows_freely()).map(str::to_owned);
        let end = self.options.size.filter(|_| self.options.prefix);
        let request = Request { start: resumed, end, validator: validator.as_deref(), ..Request::default() };
        let response = match source::open(location, request, self.options, task) {
            // The place may have another file by now, or another idea of ranges.
            Err(Failure::Retry(error, _)) if resumed > 0 && error.status() == Status::TargetMismatch => {
                *ranges = false;
                return Err(Failure::Retry(error, Some(Duration::ZERO)));
            }
            result => result?,
        };
        let changed = resumed > 0
            && !self.grows_freely()
            && (validator.is_some() && response.validator.is_some() && response.validator != validator
                || matches!((response.total, self.partial.total()), (Some(now), Some(before)) if now != before));
        if response.start > 0 && changed {
            *ranges = false;
            return Err(Failure::Retry(mismatch(location, "it changed while it was fetched"), Some(Duration::ZERO)));
        }
        if response.start == 0 && resumed > 0 {
            self.restart(task)?;
        }
        self.admit(location, response.total)?;
        let total = if self.options.prefix { self.options.size } else { response.total };
        self.partial.comes_from(location, response.validator, total)?;
        let total = self.options.size.or(response.total);
        task.set(self.partial.len(), total.unwrap_or(u64::MAX))?;
        let mut body = response.body;
        while !(self.options.prefix && total == Some(self.partial.len()))
            && let Some(mut chunk) = body.next(task)?
        {
            if let (true, Some(total)) = (self.options.prefix, total) {
                chunk.truncate(usize::try_from(total - self.partial.len()).unwrap_or(usize::MAX));
            }
            self.admit_more(location, chunk.len() as u64, total)?;
            self.partial.write(&chunk)?;
            self.transferred += chunk.len() as u64;
            task.advance(chunk.len() as u64)?;
            self.throttle.after(chunk.len(), task)?;
        }
        match total {
            Some(total) if self.partial.len() < total => {
                let message = format!("{location}: only {} of {total} bytes came", self.partial.len());
                Err(Failure::Retry(Error::new(Status::Network, message), None))
            }
            _ => self.check(location, response.start > 0),
        }
    }

    /// Whether what is there may be longer than what is wanted, and nothing but the digest says what that is.
    fn grows_freely(&self) -> bool {
        self.options.prefix && self.options.digest.is_some()
    }

    /// Refuses what will be too large or is another file, before it comes.
    fn admit(&mut self, location: &Location, total: Option<u64>) -> Result<(), Failure> {
        match (total, self.options.size) {
            (Some(total), Some(size)) if total < size || total > size && !self.options.prefix => {
                Err(Failure::Elsewhere(mismatch(location, &format!("it has {total} bytes instead of {size}"))))
            }
            (Some(total), None) if total > self.options.max_size => {
                Err(Failure::Elsewhere(too_large(total, self.options)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses more bytes than there may be. What is there then is of no use.
    fn admit_more(&mut self, location: &Location, more: u64, total: Option<u64>) -> Result<(), Failure> {
        let len = self.partial.len() + more;
        let error = match total {
            Some(total) if len > total => mismatch(location, &format!("more than its {total} bytes came")),
            None if len > self.options.max_size => too_large(len, self.options),
            _ => return Ok(()),
        };
        self.partial.restart()?;
        Err(Failure::Elsewhere(error))
    }

    /// Checks what is complete. What is wrong is dropped, and tried once more where a part of it is from earlier.
    fn check(&mut self, location: &Location, resumed: bool) -> Result<(), Failure> {
        let digest = self.partial.digest();
        let Some(wanted) = self.options.digest.filter(|wanted| *wanted != digest) else { return Ok(()) };
        self.partial.restart()?;
        let error = mismatch(location, &format!("its SHA-256 is {digest} instead of {wanted}"));
        Err(match resumed {
            true => Failure::Retry(error, Some(Duration::ZERO)),
            false => Failure::Elsewhere(error),
        })
    }

    fn restart(&mut self, task: &mut Task<'_>) -> Result<()> {
        self.partial.restart()?;
        task.set(0, self.options.size.unwrap_or(u64::MAX))
    }
}

fn mismatch(location: &Location, why: &str) -> Error {
    Error::new(Status::TargetMismatch, format!("{location}: this is not the file that was promised: {why}"))
}

fn too_large(size: u64, options: &FetchOptions) -> Error {
    Error::limit(format!("at least {size} bytes would come, and {} are allowed", options.max_size))
}
