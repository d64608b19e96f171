//! The chain of a channel where it is: its index, and just the links that are needed.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::chain::Chain;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::progress::{Phase, Task, Unit};
use crate::repository::channel::ChannelManifest;
use crate::transfer::{FetchOptions, RemoteFile, RemoteOptions, resolve};

/// So many bytes between two links are cheaper than another request.
const GAP: u64 = 4 << 10;

/// A chain on a server.
pub(super) struct RemoteChain {
    chain: Chain,
    parts: Arc<Parts>,
}

/// The bytes of a chain file, from the server or from those that were fetched.
struct Parts {
    remote: RemoteFile,
    fetched: OnceLock<Fetched>,
}

/// Ranges of the chain file, one behind the other in a file of this machine.
struct Fetched {
    ranges: Vec<Range<u64>>,
    source: FileSource,
}

/// What a chain reads from; it and who fetches links share one.
struct Shared(Arc<Parts>);

impl RemoteChain {
    /// Opens the chain that `manifest` names; nothing but its index is read. UNSUPPORTED where the server gives only the whole.
    pub fn open(url: &str, manifest: &ChannelManifest, fetch: &FetchOptions, task: &mut Task<'_>) -> Result<Self> {
        let reference = manifest.chain_url.as_deref().unwrap_or_default();
        let options = RemoteOptions {
            size: manifest.chain_size,
            read_ahead: if manifest.chain_size.is_some() { 0 } else { RemoteOptions::default().read_ahead },
            fetch: fetch.clone(),
            ..RemoteOptions::default()
        };
        let remote = RemoteFile::open(&resolve(url, reference)?, options, task)?;
        let parts = Arc::new(Parts { remote, fetched: OnceLock::new() });
        let chain = match manifest.chain_index_size {
            Some(len) => Chain::from_source_with_index(Box::new(Shared(parts.clone())), len),
            None => Chain::from_source(Box::new(Shared(parts.clone()))),
        }?;
        if let Some(promised) = manifest.chain_index_hash {
            let range = chain.index_range();
            let mut index = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
            parts.remote.read_at(range.start, &mut index)?;
            if Digest::of(&index) != promised || Some(range.end) != manifest.chain_size {
                let message = "the index of the chain is not the one that the manifest promises";
                return Err(Error::new(Status::TargetMismatch, message));
            }
        }
        Ok(Self { chain, parts })
    }

    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The bytes that came so far.
    pub fn transferred(&self) -> u64 {
        self.parts.remote.transferred()
    }

    /// The bytes that have to come yet to go from one version to another.
    pub fn missing_bytes(&self, from: usize, to: usize) -> Result<u64> {
        let ranges = self.ranges(from, to)?;
        Ok(ranges.iter().map(|range| self.parts.remote.missing(range.clone())).sum())
    }

    /// Fetches the links from one version to another into a nameless file in `folder`.
    pub fn fetch_links(&mut self, from: usize, to: usize, folder: &Path, task: &mut Task<'_>) -> Result<()> {
        let ranges = self.ranges(from, to)?;
        let in_folder = |e: std::io::Error| Error::from(e).in_file(folder);
        let mut file = tempfile::tempfile_in(folder).map_err(in_folder)?;
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        task.begin(Phase::Download, bytes, Unit::Bytes)?;
        for range in &ranges {
            self.parts.remote.read_into(range.clone(), &mut file, task)?;
        }
        task.finish()?;
        let source = FileSource::from_file(File::try_clone(&file).map_err(in_folder)?, folder)?;
        // Whoever fetched before fetched the same.
        let _ = self.parts.fetched.set(Fetched { ranges, source });
        Ok(())
    }

    /// Where the links lie, in their order in the file, together where they are near one another.
    fn ranges(&self, from: usize, to: usize) -> Result<Vec<Range<u64>>> {
        let mut links: Vec<_> =
            self.chain.route(from, to)?.iter().map(|link| (link.offset, link.offset + link.size)).collect();
        links.sort_unstable();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (start, end) in links {
            match ranges.last_mut() {
                Some(last) if start.saturating_sub(last.end) <= GAP => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        Ok(ranges)
    }
}

impl ReadAt for Shared {
    fn size(&self) -> u64 {
        self.0.remote.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = offset.saturating_add(buf.len() as u64);
        let mut before = 0;
        for range in self.0.fetched.get().map_or(&[][..], |fetched| &fetched.ranges) {
            if range.start <= offset && end <= range.end {
                let fetched = self.0.fetched.get().ok_or_else(|| Error::corrupt("nothing was fetched"))?;
                return fetched.source.read_at(before + (offset - range.start), buf);
            }
            before += range.end - range.start;
        }
        self.0.remote.read_at(offset, buf)
    }
}
