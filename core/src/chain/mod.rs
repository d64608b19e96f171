//! Many versions of one file in one file: deltas strung together, and the way from any version to any later one.
//!
//! A chain file only ever grows at its end. Its last whole index says which versions and links it holds; whatever
//! follows it is the trace of an append that did not finish, and ignored. Nothing but `prune` and a forced `create`
//! replaces a chain, and both do it at once.
//!
//! ```text
//! append          place (index) ─► write ─► chain file
//! apply, squash   chain file ─► locate (index) ─► route ─► links ─► delta
//! ```

mod append;
mod apply;
mod create;
mod explain;
mod extract;
mod format;
mod index;
mod locate;
mod names;
mod prune;
mod squash;
mod verify;
mod write;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use append::Appended;
pub use apply::{Applied, ApplyOptions};
pub use create::CreateOptions;
pub use format::{FORMAT_VERSION, MAGIC};
pub use index::{Link, Version};
pub use prune::Pruned;
pub use squash::{SquashOptions, Squashed};
pub use verify::Verified;

use crate::delta::Header;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt, Section, SourceReader};
use crate::limits::Limits;
use crate::progress::Task;
use index::Index;

/// A chain opened for reading, as it was at that moment.
pub struct Chain {
    source: Box<dyn ReadAt>,
    path: Option<PathBuf>,
    index: Index,
    /// Where the record of the last whole index begins.
    index_start: u64,
    /// Where the footer of the last whole index ends.
    end: u64,
}

impl Chain {
    /// Opens the chain file `path`.
    pub fn open(path: &Path) -> Result<Self> {
        loop {
            let source = FileSource::open(path)?;
            let size = source.size();
            match Self::from_source(Box::new(source)) {
                Ok(chain) => return Ok(Self { path: Some(path.to_owned()), ..chain }),
                // Another process may have cut off an unfinished tail between two reads.
                Err(e) if e.status() == Status::Corrupt && FileSource::open(path)?.size() < size => {}
                Err(e) => return Err(e.in_file(path)),
            }
        }
    }

    /// Opens a chain that lies elsewhere. Its index is read in at most two reads, both at the end, unless the end is
    /// the trace of an append that did not finish.
    pub fn from_source(source: Box<dyn ReadAt>) -> Result<Self> {
        Self::from_source_with_index(source, locate::WINDOW)
    }

    /// [`from_source`](Self::from_source) where the index is known to take the last `len` bytes: no more than those are read.
    /// Where it is not so, reading goes on as if nothing were known.
    pub fn from_source_with_index(source: Box<dyn ReadAt>, len: u64) -> Result<Self> {
        let locate::Located { index, start: index_start, end } = locate::locate(&*source, len.min(locate::WINDOW))?;
        Ok(Self { source, path: None, index, index_start, end })
    }

    /// Where the index lies in the file. A chain that grows has the same bytes up to its end.
    pub fn index_range(&self) -> Range<u64> {
        self.index_start..self.end
    }

    /// The name of the chain.
    pub fn chain_id(&self) -> &str {
        &self.index.chain_id
    }

    /// The versions, by their ordinals.
    pub fn versions(&self) -> &[Version] {
        &self.index.versions
    }

    /// The links of the history, in its order.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.index.links.iter().filter(|link| !link.shortcut)
    }

    /// The links that span others.
    pub fn shortcuts(&self) -> impl Iterator<Item = &Link> {
        self.index.links.iter().filter(|link| link.shortcut)
    }

    /// The sum of the sizes of the links of the history, in bytes.
    pub fn total_size(&self) -> u64 {
        self.links().map(|link| link.size).sum()
    }

    /// The sum of the sizes of the shortcuts, in bytes.
    pub fn shortcut_size(&self) -> u64 {
        self.shortcuts().map(|link| link.size).sum()
    }

    /// How many bytes at the end of the file an unfinished append left; they are ignored.
    pub fn ignored_tail(&self) -> u64 {
        self.source.size() - self.end
    }

    /// How a link is shown: `v1→v2`.
    pub fn label(&self, link: &Link) -> String {
        self.index.label(link.from, link.to)
    }

    /// The ordinal of the version that `text` means: its exact name, or its digest or a prefix of that of at least
    /// 4 hex digits, in either case, with or without `sha256:`. A digest that several versions share means the latest.
    pub fn resolve(&self, text: &str) -> Result<usize> {
        self.index.resolve(text)
    }

    /// The latest version with this digest.
    pub fn find_digest(&self, digest: &Digest) -> Option<usize> {
        self.index.find_digest(digest)
    }

    /// The links with the fewest bytes that lead from one version to another; none where they are the same.
    pub fn route(&self, from: usize, to: usize) -> Result<Vec<&Link>> {
        let count = self.index.versions.len();
        if let Some(missing) = [from, to].into_iter().find(|&ordinal| ordinal >= count) {
            return Err(Error::invalid(format!("there is no version {missing}; this chain holds {count}")));
        }
        let route = self.index.routes_to(to).from(from).ok_or_else(|| self.index.no_route(from, to))?;
        Ok(route.into_iter().map(|i| &self.index.links[i]).collect())
    }

    /// The ordinals that two texts mean; the first version and the last one unless given.
    fn range(&self, from: Option<&str>, to: Option<&str>) -> Result<(usize, usize)> {
        let from = from.map_or(Ok(0), |text| self.resolve(text))?;
        let to = to.map_or(Ok(self.index.versions.len() - 1), |text| self.resolve(text))?;
        Ok((from, to))
    }

    /// The delta of a link.
    pub(crate) fn delta(&self, link: &Link) -> Result<Section<'_>> {
        Section::new(&*self.source, link.offset, link.size)
    }

    /// The deltas of a route and what they say about themselves, which must be what the index says.
    fn deltas(&self, route: &[&Link]) -> Result<Vec<(Header, Section<'_>)>> {
        let deltas = route.iter().map(|link| {
            let delta = self.delta(link)?;
            let header = Header::read(&mut SourceReader::of_beginning(&delta))
                .and_then(|header| self.index.check_link(link, &header).map(|()| header))
                .map_err(|e| self.in_link(e, link))?;
            Ok((header, delta))
        });
        deltas.collect()
    }

    /// Turns an offset within the delta of a link into one within the chain file, and says where the link lies when
    /// it is damaged and nothing is said.
    fn in_link(&self, error: Error, link: &Link) -> Error {
        if error.path().is_some() {
            return error;
        }
        let error = error.counted_from(link.offset);
        match error.status() {
            Status::Corrupt | Status::Unsupported | Status::Limit => self.in_chain(error.at(link.offset)),
            _ => self.in_chain(error),
        }
    }

    fn in_chain(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        }
    }

    /// Says of an error that several links together gave which of them is damaged, where one is.
    fn blame(&self, error: Error, route: &[&Link], limits: &Limits, task: &mut Task<'_>) -> Error {
        if error.status() != Status::Corrupt || error.path().is_some() {
            return error;
        }
        let damage = route.iter().find_map(|link| self.verify_link(link, limits, task).err());
        damage.unwrap_or(error)
    }

    /// Checks the whole delta of a link.
    fn verify_link(&self, link: &Link, limits: &Limits, task: &mut Task<'_>) -> Result<()> {
        self.explain(link, 0, limits, task).map(drop)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("path", &self.path).field("index", &self.index).field("end", &self.end).finish()
    }
}
