//! How the bytes of an entry are packed and unpacked.

use std::io::{self, BufReader, Read, Write};

use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::tree::package::format::{Entry, Method};

/// How whole files are compressed in a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// As any ZIP tool reads it.
    #[default]
    Deflate,
    /// Not at all.
    Stored,
    /// Smaller, for tools that know it.
    Zstd,
}

/// The level of zstd in packages, and the most memory that its windows take as a power of two.
const ZSTD_LEVEL: i32 = 19;
const ZSTD_WINDOW_LOG: u32 = 23;
const BUFFER_LEN: usize = 64 << 10;

/// What was packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub size: u64,
    pub packed: u64,
    pub crc: u32,
    pub sha256: Digest,
}

/// Packs everything that `input` gives into `out`, unless that takes more than `most` bytes.
pub(crate) fn pack(
    input: &mut dyn Read,
    compression: Compression,
    most: u64,
    out: &mut dyn Write,
    advance: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Option<Summary>> {
    let mut limited = Limited { out, written: 0, most, full: false };
    let result = match compression {
        Compression::Stored => copy(input, &mut limited, advance),
        Compression::Deflate => {
            let mut encoder = DeflateEncoder::new(&mut limited, flate2::Compression::best());
            copy(input, &mut encoder, advance).and_then(|copied| {
                encoder.finish()?;
                Ok(copied)
            })
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(&mut limited, ZSTD_LEVEL)?;
            encoder.window_log(ZSTD_WINDOW_LOG)?;
            copy(input, &mut encoder, advance).and_then(|copied| {
                encoder.finish()?;
                Ok(copied)
            })
        }
    };
    match result {
        Err(_) if limited.full => Ok(None),
        result => {
            let (size, crc, sha256) = result?;
            Ok(Some(Summary { size, packed: limited.written, crc, sha256 }))
        }
    }
}

impl Compression {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Stored => Method::Stored,
            Self::Deflate => Method::Deflated,
            Self::Zstd => Method::Zstd,
        }
    }
}

fn copy(
    input: &mut dyn Read,
    out: &mut dyn Write,
    advance: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<(u64, u32, Digest)> {
    let (mut size, mut crc, mut hasher) = (0, crc32fast::Hasher::new(), Hasher::new());
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok((size, crc.finalize(), hasher.finish())),
            Ok(n) => {
                out.write_all(&buffer[..n])?;
                crc.update(&buffer[..n]);
                hasher.update(&buffer[..n]);
                size += n as u64;
                advance(n as u64)?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Takes so many bytes and no more.
struct Limited<'a> {
    out: &'a mut dyn Write,
    written: u64,
    most: u64,
    full: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.full || bytes.len() as u64 > self.most - self.written {
            self.full = true;
            return Err(io::Error::other("larger than wanted"));
        }
        let n = self.out.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The content of an entry. It ends only where size and check are those of the header; anything else is CORRUPT.
pub(super) struct Content<'a> {
    decoder: Decoder<'a>,
    name: &'a str,
    left: u64,
    crc: crc32fast::Hasher,
    promised_crc: u32,
    checked: bool,
}

enum Decoder<'a> {
    Stored(Part<'a>),
    Deflated(Box<DeflateDecoder<BufReader<Part<'a>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Part<'a>>>>),
}

impl<'a> Content<'a> {
    /// The content of `entry`, whose bytes begin at `start` of `source`.
    pub fn new(source: &'a dyn ReadAt, entry: &'a Entry, start: u64) -> Result<Self> {
        let part = Part { source, position: start, end: start + entry.packed };
        let buffered = |part| BufReader::with_capacity(BUFFER_LEN.min(entry.packed.max(512) as usize), part);
        let decoder = match entry.method {
            Method::Stored => Decoder::Stored(part),
            Method::Deflated => Decoder::Deflated(Box::new(DeflateDecoder::new(buffered(part)))),
            Method::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(part))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        let crc = crc32fast::Hasher::new();
        Ok(Self { decoder, name: &entry.name, left: entry.size, crc, promised_crc: entry.crc, checked: false })
    }

    /// Reads what nobody wanted and checks the whole.
    pub fn finish(mut self) -> Result<()> {
        let mut buffer = [0; 4 << 10];
        while self.read(&mut buffer)? > 0 {}
        Ok(())
    }

    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.decoder {
            Decoder::Stored(part) => part.read(buffer),
            Decoder::Deflated(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        result.map_err(|e| match e.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            true => e,
            false if needs_a_larger_window(&e) => {
                let name = self.name.escape_debug();
                let message = format!(
                    "\"{name}\" in the package was compressed by zstd with a window of more than {} MiB; compress it again \
                     with a smaller one",
                    (1 << ZSTD_WINDOW_LOG) >> 20
                );
                Error::limit(message).into()
            }
            false => self.damaged("cannot be decompressed").into(),
        })
    }

    fn check(&mut self) -> io::Result<()> {
        if self.decode(&mut [0])? != 0 {
            return Err(self.damaged("holds more than its header says").into());
        }
        let rest = match &self.decoder {
            Decoder::Stored(part) => part.left(),
            Decoder::Deflated(decoder) => unread(decoder.get_ref()),
            Decoder::Zstd(decoder) => unread(decoder.get_ref()),
        };
        if rest != 0 {
            return Err(self.damaged("is followed by bytes that belong to nothing").into());
        }
        if std::mem::take(&mut self.crc).finalize() != self.promised_crc {
            return Err(self.damaged("fails its check").into());
        }
        self.checked = true;
        Ok(())
    }

    fn damaged(&self, why: &str) -> Error {
        Error::new(Status::Corrupt, format!("\"{}\" in the package {why}", self.name.escape_debug()))
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.checked {
            return Ok(0);
        }
        if self.left == 0 {
            self.check()?;
            return Ok(0);
        }
        let most = self.left.min(buffer.len() as u64) as usize;
        let n = self.decode(&mut buffer[..most])?;
        if n == 0 {
            return Err(self.damaged("is shorter than its header says").into());
        }
        self.crc.update(&buffer[..n]);
        self.left -= n as u64;
        Ok(n)
    }
}

/// The library tells its errors by their texts alone, so those are compared, as it words them itself.
fn needs_a_larger_window(error: &io::Error) -> bool {
    use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
    let code = ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge as usize;
    error.to_string() == zstd::zstd_safe::get_error_name(code.wrapping_neg())
}

fn unread(reader: &BufReader<Part<'_>>) -> u64 {
    reader.get_ref().left() + reader.buffer().len() as u64
}

/// Bytes of a source, read from front to back.
struct Part<'a> {
    source: &'a dyn ReadAt,
    position: u64,
    end: u64,
}

impl Part<'_> {
    fn left(&self) -> u64 {
        self.end - self.position
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.left().min(buffer.len() as u64) as usize;
        self.source.read_at(self.position, &mut buffer[..n])?;
        self.position += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(window_log: u32) -> (Vec<u8>, Entry) {
        let content = vec![7; 9 << 20];
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(&content).unwrap();
        let bytes = encoder.finish().unwrap();
        let entry = Entry {
            name: "large".to_owned(),
            method: Method::Zstd,
            crc: crc32fast::hash(&content),
            packed: bytes.len() as u64,
            size: content.len() as u64,
            offset: 0,
            executable: false,
            is_link: false,
        };
        (bytes, entry)
    }

    #[test]
    fn a_window_that_takes_more_memory_than_is_granted_is_a_limit_and_no_damage() {
        let status = |window_log| {
            let (bytes, entry) = compressed(window_log);
            Content::new(&bytes, &entry, 0).and_then(Content::finish).map_err(|e| e.status())
        };
        assert_eq!(status(ZSTD_WINDOW_LOG), Ok(()));
        assert_eq!(status(ZSTD_WINDOW_LOG + 1), Err(Status::Limit));
    }
}
