//! The delta that `apply` reads forward only: a file, a pipe, or standard input.
//!
//! Reading a pipe can wait for ever, and Ctrl-C must end that too. So a pipe is read by a thread of its own, and the
//! operation waits for it and for the cancel token together.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use patchcore::{CancelToken, Error, Result, Status};

const CHUNK: usize = 64 << 10;
const CHUNKS_AHEAD: usize = 2;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Opens `path` for reading forward; `-` is standard input.
pub(crate) fn open(path: &Path, cancel: &CancelToken) -> Result<Box<dyn Read>> {
    let in_file = |e: io::Error| Error::from(e).in_file(path);
    if is_stdin(path) {
        return Ok(Box::new(PipeReader::start(Source::Stdin, cancel)?));
    }
    let metadata = fs::metadata(path).map_err(in_file)?;
    if metadata.is_dir() {
        return Err(Error::new(Status::InvalidArgument, "this is a directory; name a delta file").in_file(path));
    }
    if metadata.is_file() {
        return Ok(Box::new(File::open(path).map_err(in_file)?));
    }
    Ok(Box::new(PipeReader::start(Source::Path(path.to_owned()), cancel)?))
}

/// The delta as errors name it.
pub(crate) fn name(path: &Path) -> &Path {
    if is_stdin(path) { Path::new("standard input") } else { path }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

enum Source {
    Stdin,
    Path(PathBuf),
}

struct PipeReader {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    position: usize,
    cancel: CancelToken,
}

impl PipeReader {
    fn start(source: Source, cancel: &CancelToken) -> Result<Self> {
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        thread::Builder::new().name("input".into()).spawn(move || source.pump(&sender))?;
        Ok(Self { chunks, chunk: Vec::new(), position: 0, cancel: cancel.clone() })
    }

    fn next_chunk(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.chunks.recv_timeout(POLL_INTERVAL) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => {
                    return Err(Error::new(Status::Cancelled, "cancelled; nothing was changed").into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.position == self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.position = 0;
        }
        let n = (&self.chunk[self.position..]).read(buf)?;
        self.position += n;
        Ok(n)
    }
}

impl Source {
    /// Sends what there is to read until its end, an error, or until nobody wants it any more.
    fn pump(self, chunks: &SyncSender<io::Result<Vec<u8>>>) {
        let (mut reader, path): (Box<dyn Read>, _) = match self {
            Source::Stdin => (Box::new(io::stdin()), PathBuf::from("standard input")),
            Source::Path(path) => match File::open(&path) {
                Ok(file) => (Box::new(file), path),
                Err(e) => {
                    let _ = chunks.send(Err(Error::from(e).in_file(&path).into()));
                    return;
                }
            },
        };
        loop {
            let mut chunk = vec![0; CHUNK];
            let result = match reader.read(&mut chunk) {
                Ok(0) => return,
                Ok(n) => {
                    chunk.truncate(n);
                    Ok(chunk)
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => Err(Error::from(e).in_file(&path).into()),
            };
            let failed = result.is_err();
            if chunks.send(result).is_err() || failed {
                return;
            }
        }
    }
}
