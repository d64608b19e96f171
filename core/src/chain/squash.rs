//! Several links as one delta, without any version of the file.

use std::io;
use std::path::Path;

use super::append::Locked;
use super::create::refuse_chain;
use super::index::Place;
use super::{Chain, Link, write};
use crate::delta::{self, DeltaFile, EncodeOptions, Header};
use crate::error::{Error, Result};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// What of a chain file is squashed, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct SquashOptions<'a> {
    /// The version to start at: the first one unless given.
    pub from: Option<&'a str>,
    /// The version to lead to: the last one unless given.
    pub to: Option<&'a str>,
    /// Keep the delta in the chain, too, beside the links that it spans.
    pub shortcut: bool,
    /// How the delta is encoded.
    pub encode: EncodeOptions,
    /// What squashing may use.
    pub limits: Limits,
}

/// What squashing made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Squashed {
    /// The ordinal of the version that the delta starts at.
    pub from: usize,
    /// The ordinal of the version that it leads to.
    pub to: usize,
    /// The links that it was made of, in order; none for the delta from a version to itself.
    pub links: Vec<Link>,
    /// What the delta says about itself.
    pub header: Header,
    /// Whether the chain now holds it as a shortcut and did not before.
    pub stored: bool,
}

impl Chain {
    /// Writes to `out`, an empty file, the delta from one version to a later one (or to itself).
    ///
    /// A single link is copied as it is; several are composed and encoded as `options` say.
    pub fn squash(
        &self,
        from: usize,
        to: usize,
        out: &mut dyn DeltaFile,
        options: &EncodeOptions,
        limits: &Limits,
        task: &mut Task<'_>,
    ) -> Result<Squashed> {
        let route = self.route(from, to)?;
        let deltas = self.deltas(&route)?;
        let header = match &deltas[..] {
            [] => {
                let version = &self.index.versions[to];
                delta::identity(version.digest, version.size, out, options)?
            }
            [(header, only)] => {
                self.verify_link(route[0], limits, task)?;
                task.begin(Phase::Encode, only.size(), Unit::Bytes)?;
                write::copy(only, out, task)?;
                task.finish()?;
                header.clone()
            }
            _ => {
                let sources: Vec<&dyn ReadAt> = deltas.iter().map(|(_, delta)| delta as _).collect();
                delta::compose(&sources, out, options, limits, task).map_err(|e| self.blame(e, &route, limits, task))?
            }
        };
        let links = route.into_iter().cloned().collect();
        Ok(Squashed { from, to, links, header, stored: false })
    }

    /// Squashes a part of the chain `path` as the file `out`.
    pub fn squash_file(
        path: &Path,
        out: &Path,
        options: &SquashOptions<'_>,
        output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<Squashed> {
        let SquashOptions { shortcut, encode, limits, .. } = options;
        let in_out = |e: io::Error| Error::from(e).in_file(out);
        refuse_chain(out)?;
        let mut locked = if *shortcut { Some(Locked::open(path)?) } else { None };
        let opened;
        let chain = match &locked {
            Some(locked) => &locked.chain,
            None => {
                opened = Self::open(path)?;
                &opened
            }
        };
        let (from, to) = chain.range(options.from, options.to)?;
        if *shortcut && from == to {
            return Err(Error::invalid("a shortcut leads from one version to a later one, not to itself"));
        }
        let mut file = OutputFile::create(out, output)?;
        // What goes into a pipe is made elsewhere, since a delta is not written from its start to its end.
        let mut spool = if file.is_direct() { Some(tempfile::tempfile().map_err(in_out)?) } else { None };
        let squash = |out: &mut dyn DeltaFile, task: &mut Task<'_>| chain.squash(from, to, out, encode, limits, task);
        let (mut squashed, written) = match &mut spool {
            Some(spool) => (squash(spool, task)?, spool.try_clone().map_err(in_out)?),
            None => (squash(&mut file, task)?, file.reopen()?),
        };
        let delta = FileSource::from_file(written, out)?;
        if let Some(locked) = &mut locked {
            squashed.stored = locked.add_shortcut(&squashed, &delta, task)?;
        }
        if spool.is_some() {
            write::copy(&delta, &mut file, task)?;
        }
        file.commit(task.commit_point())?;
        Ok(squashed)
    }
}

impl Locked {
    /// Appends a squashed delta as a shortcut, unless there is a link between its versions already.
    fn add_shortcut(&mut self, squashed: &Squashed, delta: &dyn ReadAt, task: &mut Task<'_>) -> Result<bool> {
        let Squashed { from, to, .. } = *squashed;
        if self.chain.index.find_link(from, to).is_some() {
            return Ok(false);
        }
        let place = Place { from, to, shortcut: true };
        let index = self.chain.index.clone();
        self.append(index, &[place], &[delta], task)?;
        Ok(true)
    }
}
