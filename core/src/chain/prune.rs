//! A chain without the history before a version.
//!
//! Devices that still run a removed version need not be lost: unless told otherwise, each such version keeps one
//! shortcut to the version where the history now begins. Links that stay are copied byte for byte.

use std::cmp::{Ordering, Reverse};
use std::fs::File;
use std::path::Path;

use super::Chain;
use super::append::Locked;
use super::apply::folder_of;
use super::index::{Index, Link};
use super::write::Writer;
use crate::delta::{self, EncodeOptions};
use crate::error::{Error, Result};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, Section};
use crate::limits::Limits;
use crate::order;
use crate::progress::{Phase, Task, Unit};

/// What a prune did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Links and shortcuts that are gone.
    pub removed_links: usize,
    /// Versions that are gone; none unless dropped.
    pub removed_versions: usize,
    /// Shortcuts that were added.
    pub added_shortcuts: usize,
    /// The size of the chain file before, in bytes.
    pub size_before: u64,
    /// The size of the chain file now, in bytes.
    pub size_after: u64,
}

impl Chain {
    /// Removes the links that lead up to the version `before` from the chain `path`, and puts a shortcut to it in
    /// their place for each version before it. With `drop_versions` those versions and all links from them are gone.
    ///
    /// A branch that leaves the history before that version keeps the links that lead to it.
    pub fn prune(
        path: &Path,
        before: &str,
        drop_versions: bool,
        options: &EncodeOptions,
        limits: &Limits,
        task: &mut Task<'_>,
    ) -> Result<Pruned> {
        let locked = Locked::open(path)?;
        let chain = &locked.chain;
        let first = chain.resolve(before)?;
        let (kept, removed) = if drop_versions {
            chain.index.links.iter().partition(|link| link.from >= first)
        } else {
            partition(&chain.index, first)
        };
        let size_before = chain.source.size();
        if removed.is_empty() && !(drop_versions && first > 0) {
            return Ok(Pruned { size_before, size_after: size_before, ..Pruned::default() });
        }
        let mut pruned = Pruned { removed_links: removed.len(), size_before, ..Pruned::default() };

        let mut file = OutputFile::create(path, OutputOptions::default())?;
        let written = Beside { file: file.reopen()?, path };
        let mut writer = Writer::begin(&mut file)?;
        let mut index = Index { chain_id: chain.index.chain_id.clone(), ..Index::default() };
        task.begin(Phase::Encode, kept.iter().map(|link| link.size).sum(), Unit::Bytes)?;
        for link in kept {
            let offset = writer.link(&chain.delta(link)?, task)?;
            index.links.push(Link { offset, ..link.clone() });
        }
        task.finish()?;
        if drop_versions {
            index.versions = chain.index.versions[first..].to_vec();
            for link in &mut index.links {
                (link.from, link.to) = (link.from - first, link.to - first);
            }
            pruned.removed_versions = first;
        } else {
            index.versions = chain.index.versions.clone();
            let how = (options, limits);
            pruned.added_shortcuts = chain.add_shortcuts(first, &mut index, &mut writer, &written, how, task)?;
        }
        writer.index(&index)?;
        pruned.size_after = written.source()?.size();
        file.commit(task.commit_point())?;
        Ok(pruned)
    }

    /// Writes a shortcut to `first` for each version before it that leads there; `written` reads what the writer wrote.
    /// Going backward, each is one link and the shortcut from where that leads, so that no link is read twice.
    fn add_shortcuts(
        &self,
        first: usize,
        index: &mut Index,
        writer: &mut Writer<'_>,
        written: &Beside<'_>,
        (encode, limits): (&EncodeOptions, &Limits),
        task: &mut Task<'_>,
    ) -> Result<usize> {
        let routes = self.index.routes_to(first);
        let mut added = 0;
        for from in (0..first).rev() {
            task.check()?;
            let step = routes.from(from).and_then(|route| route.first().copied());
            let (Some(step), None) = (step, index.find_link(from, first)) else { continue };
            let step = &self.index.links[step];
            self.verify_link(step, limits, task)?;
            let delta = self.delta(step)?;
            let (offset, size) = match index.find_link(step.to, first) {
                None => (writer.link(&delta, task)?, step.size),
                Some(rest) => {
                    let rest = &index.links[rest];
                    let chain = written.source()?;
                    let rest = Section::new(&chain, rest.offset, rest.size)?;
                    let mut spool = written.spool()?;
                    let header = delta::compose(&[&delta, &rest], &mut spool, encode, limits, task)?;
                    let shortcut = FileSource::from_file(spool, written.path)?;
                    (writer.link(&shortcut, task)?, header.delta_size)
                }
            };
            index.links.push(Link { from, to: first, offset, size, shortcut: true });
            added += 1;
        }
        Ok(added)
    }
}

/// The chain file being written, read while it is.
struct Beside<'a> {
    file: File,
    path: &'a Path,
}

impl Beside<'_> {
    /// What was written so far.
    fn source(&self) -> Result<FileSource> {
        let file = self.file.try_clone().map_err(|e| Error::from(e).in_file(self.path))?;
        FileSource::from_file(file, self.path)
    }

    /// A file without a name on the same file system.
    fn spool(&self) -> Result<File> {
        let folder = folder_of(self.path);
        tempfile::tempfile_in(folder).map_err(|e| Error::from(e).in_file(folder))
    }
}

/// Parts the links into those that stay and those that only lead up to `first`.
fn partition(index: &Index, first: usize) -> (Vec<&Link>, Vec<&Link>) {
    let mut links: Vec<&Link> = index.links.iter().collect();
    order::sort_by_key(&mut links, |link| link.from);
    let mut after = vec![false; index.versions.len()];
    after[first] = true;
    for link in &links {
        after[link.to] |= after[link.from];
    }
    // Versions before `first` from where something is reached that cannot be reached by way of `first`.
    let before = index.routes_to(first);
    let mut needed = vec![false; first];
    order::sort_by_key(&mut links, |link| Reverse(link.to));
    for link in links {
        if link.from < first && link.to != first {
            needed[link.from] |= match needed.get(link.to) {
                Some(&needed) => needed,
                None => !(before.reach(link.from) && after[link.to]),
            };
        }
    }
    index.links.iter().partition(|link| match link.to.cmp(&first) {
        Ordering::Greater => true,
        Ordering::Equal => link.shortcut,
        Ordering::Less => needed[link.to],
    })
}
