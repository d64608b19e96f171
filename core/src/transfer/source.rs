//! Where bytes come from: the one door to files and networks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::io::{FileSource, ReadAt};
use crate::progress::Task;
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;

/// How many bytes arrive at a time.
pub(super) const CHUNK_LEN: usize = 64 << 10;

/// Why bytes do not come, as far as it matters for what is done next.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing helps: the caller stopped, or the disk is full.
    Stop(Error),
    /// The same place may do better, after this time if it said so.
    Retry(Error, Option<Duration>),
    /// Only another place may do better.
    Elsewhere(Error),
}

impl Failure {
    pub fn into_error(self) -> Error {
        match self {
            Self::Stop(error) | Self::Retry(error, _) | Self::Elsewhere(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    /// The first byte wanted.
    pub start: u64,
    /// The byte after the last one wanted; up to the end where there is none.
    pub end: Option<u64>,
    /// What the rest must be the rest of; otherwise all of it is wanted again.
    pub validator: Option<&'a str>,
    /// The last so many bytes are wanted, wherever they start, in the place of all the above.
    pub last: Option<u64>,
}

/// What came of it.
pub(super) struct Response {
    /// The offset of the first byte that comes: what was asked for, or 0 where all of it comes.
    pub start: u64,
    /// The size of the whole, where it is known.
    pub total: Option<u64>,
    /// What names these bytes rather than later ones under the same name.
    pub validator: Option<String>,
    /// The bytes.
    pub body: Box<dyn Body>,
}

/// Bytes on their way.
pub(super) trait Body: Send {
    /// The next bytes; none at the end. The task is polled while waiting.
    fn next(&mut self, task: &mut Task<'_>) -> Result<Option<Vec<u8>>, Failure>;
}

/// Asks for the bytes at `location`.
pub(super) fn open(
    location: &Location,
    request: Request<'_>,
    options: &FetchOptions,
    task: &mut Task<'_>,
) -> Result<Response, Failure> {
    match location {
        Location::File(path) => open_file(path, request),
        #[cfg(feature = "http")]
        Location::Http(url) => crate::transfer::http::open(url, location, request, options, task),
        #[cfg(not(feature = "http"))]
        Location::Http(_) => {
            let _ = (options, task);
            let message =
                format!("{location}: this build of patchcore has no HTTP client; download it and name the file");
            Err(Failure::Elsewhere(Error::new(crate::error::Status::Unsupported, message)))
        }
    }
}

fn open_file(path: &Path, request: Request<'_>) -> Result<Response, Failure> {
    let in_file = |e: std::io::Error| Failure::Elsewhere(Error::from(e).in_file(path));
    let size = FileSource::open(path).map_err(Failure::Elsewhere)?.size();
    let mut file = File::open(path).map_err(in_file)?;
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let validator = modified.map(|time| format!("{size} {}", time.as_nanos()));
    let same = request.validator.is_none_or(|wanted| validator.as_deref() == Some(wanted));
    let start = match request.last {
        Some(last) => size.saturating_sub(last),
        None if same && request.start <= size => request.start,
        None => 0,
    };
    file.seek(SeekFrom::Start(start)).map_err(in_file)?;
    let end = request.end.filter(|_| start == request.start).unwrap_or(size).min(size);
    let body = FileBody { file, path: path.to_owned(), left: end.saturating_sub(start) };
    Ok(Response { start, total: Some(size), validator, body: Box::new(body) })
}

struct FileBody {
    file: File,
    path: std::path::PathBuf,
    left: u64,
}

impl Body for FileBody {
    fn next(&mut self, task: &mut Task<'_>) -> Result<Option<Vec<u8>>, Failure> {
        task.check()?;
        let mut chunk = vec![0; self.left.min(CHUNK_LEN as u64) as usize];
        if chunk.is_empty() {
            return Ok(None);
        }
        let n = loop {
            match self.file.read(&mut chunk) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result.map_err(|e| Failure::Elsewhere(Error::from(e).in_file(&self.path)))?,
            }
        };
        chunk.truncate(n);
        self.left -= n as u64;
        Ok((n > 0).then_some(chunk))
    }
}
