//! The bytes of a file as the body of an answer: in large pieces, without a copy in between and without holding up other
//! requests while a disk is slow.

use std::fs::File;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};
use patchcore::io::ReadAt;
use tokio::task::JoinHandle;

/// The bytes that are read at once. Larger pieces were not faster, and each slow client has a few of them in memory.
const PIECE: usize = 256 << 10;

/// Where bytes come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A file of ours.
    File(Arc<File>),
    /// Wherever else packages are kept.
    Other(Arc<dyn ReadAt>),
}

/// A part of a file.
pub(crate) struct FileBody {
    source: Source,
    range: Range<u64>,
    reading: Option<JoinHandle<patchcore::Result<BytesMut>>>,
    /// Pieces that were sent, whose memory is used again.
    sent: Vec<Bytes>,
}

impl FileBody {
    pub(crate) fn new(source: Source, range: Range<u64>) -> Self {
        Self { source, range, reading: None, sent: Vec::new() }
    }

    /// Memory for the next piece.
    fn buffer(&mut self) -> BytesMut {
        let length = self.remaining().min(PIECE as u64) as usize;
        let free = self.sent.iter().position(Bytes::is_unique);
        let free = free.and_then(|index| self.sent.swap_remove(index).try_into_mut().ok());
        let mut buffer = free.unwrap_or_else(|| BytesMut::zeroed(length));
        buffer.resize(length, 0);
        buffer
    }

    fn remaining(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    fn send(&mut self, buffer: BytesMut) -> Frame<Bytes> {
        let piece = buffer.freeze();
        self.range.start += piece.len() as u64;
        if self.range.start < self.range.end {
            self.sent.push(piece.clone());
        }
        Frame::data(piece)
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = patchcore::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, patchcore::Error>>> {
        let this = self.get_mut();
        if this.remaining() == 0 {
            return Poll::Ready(None);
        }
        if this.reading.is_none() {
            let mut buffer = this.buffer();
            let offset = this.range.start;
            if let Source::File(file) = &this.source {
                let read = read_cached(file, offset, &mut buffer);
                if read > 0 {
                    buffer.truncate(read);
                    return Poll::Ready(Some(Ok(this.send(buffer))));
                }
            }
            let source = this.source.clone();
            this.reading = Some(tokio::task::spawn_blocking(move || {
                match source {
                    Source::File(file) => read_exact_at(&file, offset, &mut buffer)?,
                    Source::Other(source) => source.read_at(offset, &mut buffer)?,
                }
                Ok(buffer)
            }));
        }
        let Some(reading) = &mut this.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context));
        this.reading = None;
        Poll::Ready(Some(match read {
            Ok(Ok(buffer)) => Ok(this.send(buffer)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(patchcore::Error::new(patchcore::Status::Internal, "reading was broken off")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

/// Reads what the system has in memory, and nothing where it would have to wait for a disk.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, offset: u64, buffer: &mut [u8]) -> usize {
    use rustix::io::{ReadWriteFlags, preadv2};
    preadv2(file, &mut [std::io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, _: &mut [u8]) -> usize {
    0
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> std::io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                offset += read as u64;
                buffer = &mut buffer[read..];
            }
        }
    }
    Ok(())
}
