//! Chains: an open one to read, apply and take apart, and the operations that make or change a chain file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchcore::chain::Link;
use patchcore::io::{FileSource, OutputOptions, Section};

use crate::digest::Digest;
use crate::input::{Input, ReadAt};
use crate::job::{CancelToken, Job};
use crate::kind::{FileKind, kind_of};
use crate::options::{ApplyOptions, CreateOptions, Limits, SquashOptions};
use crate::output::{Output, Written, in_file};
use crate::results::{ChainApplyStats, ChainInfo, DeltaInfo, Explanation, LinkInfo, PruneStats, VersionInfo};
use crate::status::{Error, Result, Status, invalid};

#[cfg(feature = "encode")]
pub use making::{append, create, prune};
#[cfg(not(feature = "encode"))]
pub use only_applies::{append, create, prune};

/// An open chain as it was when it was opened. Clones share it, and any number of threads may use it at once.
#[derive(Clone)]
pub struct Chain(Arc<Opened>);

struct Opened {
    chain: patchcore::chain::Chain,
    /// The chain reads it, too.
    source: Arc<dyn ReadAt>,
    /// The links of the history in its order, then the shortcuts.
    links: Vec<Link>,
}

impl Chain {
    /// Opens a chain. Its index is read in at most two reads, both at the end, unless the end is the trace of an append
    /// that did not finish; what is read later is the links that are used.
    pub fn open(input: Input) -> Result<Self> {
        let Input::Path(path) = input else { return Self::from_source(Arc::from(input.open()?)) };
        loop {
            let source = Arc::new(FileSource::open(&path)?);
            let size = source.size();
            match Self::from_source(source) {
                // Another process may have cut off an unfinished tail between two reads.
                Err(e) if e.status() == Status::Corrupt && FileSource::open(&path)?.size() < size => {}
                result => return result.map_err(|e| e.in_file(&path)),
            }
        }
    }

    fn from_source(source: Arc<dyn ReadAt>) -> Result<Self> {
        let chain = patchcore::chain::Chain::from_source(Box::new(Shared(source.clone())))?;
        let links = chain.links().chain(chain.shortcuts()).cloned().collect();
        Ok(Self(Arc::new(Opened { chain, source, links })))
    }

    /// What the chain holds as a whole.
    pub fn info(&self) -> ChainInfo {
        let Opened { chain, links, .. } = &*self.0;
        let shortcuts = chain.shortcuts().count();
        ChainInfo {
            chain_id: chain.chain_id().to_owned(),
            versions: chain.versions().len() as u64,
            links: (links.len() - shortcuts) as u64,
            shortcuts: shortcuts as u64,
            total_size: chain.total_size(),
            shortcut_size: chain.shortcut_size(),
            overhead: chain.overhead(),
            ignored_tail: chain.ignored_tail(),
        }
    }

    /// The versions, by their ordinals.
    pub fn versions(&self) -> Vec<VersionInfo> {
        self.0.chain.versions().iter().map(VersionInfo::from).collect()
    }

    /// The links of the history in its order, then the shortcuts.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.0.links.iter().map(LinkInfo::from).collect()
    }

    /// The ordinal of the version that a name, a digest or a prefix of one means.
    pub fn resolve(&self, version: &str) -> Result<u64> {
        self.0.chain.resolve(version).map(|ordinal| ordinal as u64)
    }

    /// The ordinal of the latest version with a digest; SOURCE_MISMATCH where there is none.
    pub fn find(&self, digest: &Digest) -> Result<u64> {
        self.0.chain.find_digest(digest).map(|ordinal| ordinal as u64).ok_or_else(|| {
            let message = format!("a file with the sha256 {} is no version of this chain", digest.short());
            Error::new(Status::SourceMismatch, message)
        })
    }

    /// The links with the fewest bytes that lead from one version to another, as indexes into [`links`](Self::links).
    pub fn route(&self, from: u64, to: u64) -> Result<Vec<u64>> {
        let [from, to] = [from, to].map(|ordinal| usize::try_from(ordinal).unwrap_or(usize::MAX));
        let route = self.0.chain.route(from, to)?;
        Ok(route.into_iter().filter_map(|link| self.index_of(link)).collect())
    }

    /// Makes the version `target`, the last one unless given, of an old file that may be any version before it.
    pub fn apply(
        &self,
        old: Input,
        target: Option<&str>,
        output: Output,
        options: &ApplyOptions,
        job: &mut Job,
    ) -> Result<(ChainApplyStats, Written)> {
        let Opened { chain, .. } = &*self.0;
        let target = target.map(|version| chain.resolve(version)).transpose()?;
        let options = options.for_chain();
        let old = old.open()?;
        self.warn_of_tail(job);
        let applied = match output.path() {
            Some((path, output)) => {
                let applied = chain.apply_into_file(&*old, path, target, &options, output, job.task());
                applied.map(|applied| (applied, None))
            }
            None => {
                output.write_forward(&job.commit_point(), |out| chain.apply(&*old, out, target, &options, job.task()))
            }
        };
        let (applied, written) = applied.map_err(|e| match e.status() {
            Status::SourceMismatch => in_file(e, old.path()),
            _ => self.in_chain(e),
        })?;
        Ok((applied.into(), written))
    }

    /// Makes one delta of the links from one version, the first unless given, to another, the last unless given.
    ///
    /// A single link is copied as it is, which a build that only applies does as well.
    pub fn squash(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        output: Output,
        options: &SquashOptions,
        job: &mut Job,
    ) -> Result<(DeltaInfo, Written)> {
        let Opened { chain, .. } = &*self.0;
        let from = from.map_or(Ok(0), |version| chain.resolve(version))?;
        let to = to.map_or(Ok(chain.versions().len() - 1), |version| chain.resolve(version))?;
        let route = chain.route(from, to)?;
        self.warn_of_tail(job);
        match &route[..] {
            [only] => self.copy_link(only, output, options.limits(), job),
            _ => self.compose(from, to, output, options, job),
        }
    }

    #[cfg(feature = "encode")]
    fn compose(
        &self,
        from: usize,
        to: usize,
        output: Output,
        options: &SquashOptions,
        job: &mut Job,
    ) -> Result<(DeltaInfo, Written)> {
        keep_history(&output)?;
        let (encode, limits) = (options.encode()?, options.limits());
        let point = job.commit_point();
        let squash = |out: &mut dyn patchcore::delta::DeltaFile| {
            self.0.chain.squash(from, to, out, &encode, &limits, job.task()).map_err(|e| self.in_chain(e))
        };
        let (squashed, written) = output.write_seeking(&point, squash)?;
        Ok(((&squashed.header).into(), written))
    }

    #[cfg(not(feature = "encode"))]
    fn compose(&self, _: usize, _: usize, _: Output, _: &SquashOptions, _: &mut Job) -> Result<(DeltaInfo, Written)> {
        Err(crate::status::only_applies())
    }

    /// Writes a link as a delta of its own, after checking it.
    pub fn extract_link(
        &self,
        link: u64,
        output: Output,
        limits: &Limits,
        job: &mut Job,
    ) -> Result<(DeltaInfo, Written)> {
        self.copy_link(self.link(link)?, output, limits.for_core(), job)
    }

    /// Writes links as files such as `0000_v1_to_v2.delta` into `folder`, which is made where it is missing: the whole
    /// history, or, where an end is given, the links that lead from one version to the other.
    pub fn extract(
        &self,
        folder: &Path,
        from: Option<&str>,
        to: Option<&str>,
        no_clobber: bool,
        limits: &Limits,
        job: &mut Job,
    ) -> Result<Vec<(LinkInfo, PathBuf)>> {
        self.warn_of_tail(job);
        let output = OutputOptions { no_clobber };
        let extracted = self.0.chain.extract(folder, from, to, &limits.for_core(), output, job.task());
        let files = extracted.map_err(|e| self.in_chain(e))?;
        Ok(files.into_iter().map(|(link, path)| ((&link).into(), path)).collect())
    }

    /// Checks every record and every delta, and returns how many bytes an unfinished append left at the end.
    pub fn verify(&self, limits: &Limits, job: &mut Job) -> Result<u64> {
        self.warn_of_tail(job);
        let verified = self.0.chain.verify(&limits.for_core(), job.task()).map_err(|e| self.in_chain(e))?;
        Ok(verified.ignored_tail)
    }

    /// Checks the delta of a link and says where its bytes went, with `most` of its largest segments and insertions.
    pub fn explain_link(&self, link: u64, most: usize, limits: &Limits, job: &mut Job) -> Result<Explanation> {
        let link = self.link(link)?;
        let explained = self.0.chain.explain(link, most, &limits.for_core(), job.task());
        explained.map(Explanation::from).map_err(|e| self.in_chain(e))
    }

    fn copy_link(
        &self,
        link: &Link,
        output: Output,
        limits: patchcore::Limits,
        job: &mut Job,
    ) -> Result<(DeltaInfo, Written)> {
        keep_history(&output)?;
        let Opened { chain, source, .. } = &*self.0;
        let explained = chain.explain(link, 0, &limits, job.task()).map_err(|e| self.in_chain(e))?;
        let delta = Section::new(&**source, link.offset, link.size)?;
        let ((), written) = output.write_forward(&job.commit_point(), |out| copy(&delta, out, job.cancel_token()))?;
        Ok(((&explained.inspection.header).into(), written))
    }

    fn link(&self, index: u64) -> Result<&Link> {
        let links = &self.0.links;
        usize::try_from(index)
            .ok()
            .and_then(|index| links.get(index))
            .ok_or_else(|| invalid(format!("there is no link {index}; this chain holds {}", links.len())))
    }

    fn index_of(&self, link: &Link) -> Option<u64> {
        self.0.links.iter().position(|known| known == link).map(|index| index as u64)
    }

    fn warn_of_tail(&self, job: &mut Job) {
        let tail = self.0.chain.ignored_tail();
        if tail > 0 {
            job.warn(|| {
                format!("the last {tail} bytes of the chain were left by an unfinished append and are ignored")
            });
        }
    }

    /// Names the chain file of an error about a place in it.
    fn in_chain(&self, error: Error) -> Error {
        match (error.status(), error.offset()) {
            (Status::Corrupt | Status::Unsupported | Status::Limit, Some(_)) => in_file(error, self.0.source.path()),
            _ => error,
        }
    }
}

/// A source that the chain and whoever copies a link both read.
struct Shared(Arc<dyn ReadAt>);

impl ReadAt for Shared {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buf)
    }

    fn path(&self) -> Option<&Path> {
        self.0.path()
    }

    fn short_reads_are_cheap(&self) -> bool {
        self.0.short_reads_are_cheap()
    }
}

/// Fails where a delta would replace a chain: a chain holds history, which is not replaced by accident.
fn keep_history(output: &Output) -> Result<()> {
    let Some((path, _)) = output.path() else { return Ok(()) };
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && kind_of(&FileSource::open(path)?)? == Some(FileKind::Chain)
    {
        return Err(invalid("a chain exists here and its history would be lost; write elsewhere").in_file(path));
    }
    Ok(())
}

fn copy(source: &dyn ReadAt, out: &mut dyn Write, cancel: &CancelToken) -> Result<()> {
    let mut buf = vec![0; source.size().min(128 << 10) as usize];
    let mut position = 0;
    while position < source.size() {
        if cancel.is_cancelled() {
            return Err(Error::new(Status::Cancelled, "cancelled; nothing was changed"));
        }
        let n = (source.size() - position).min(buf.len() as u64) as usize;
        source.read_at(position, &mut buf[..n])?;
        out.write_all(&buf[..n])?;
        position += n as u64;
    }
    Ok(())
}

#[cfg(feature = "encode")]
mod making {
    //! What makes or changes a chain file.

    use super::{CreateOptions, Input, Job, Limits, Output, Path, PruneStats, Result, SquashOptions, Written};
    use crate::input::open_all;

    /// Makes a chain of deltas, each of which must start at a version that those before it brought.
    pub fn create(
        deltas: Vec<Input>,
        output: Output,
        options: &CreateOptions,
        limits: &Limits,
        job: &mut Job,
    ) -> Result<Written> {
        use patchcore::chain::Chain;

        let (options, limits) = (options.for_core(), limits.for_core());
        let opened = open_all(deltas)?;
        let deltas: Vec<_> = opened.iter().map(|delta| &**delta).collect();
        match output.path() {
            Some((path, output)) => Chain::create(path, &deltas, &options, &limits, output, job.task()).map(|()| None),
            None => {
                let point = job.commit_point();
                let create =
                    |out: &mut dyn std::io::Write| Chain::create_to(out, &deltas, &options, &limits, job.task());
                output.write_forward(&point, create).map(|((), written)| written)
            }
        }
    }

    /// Appends deltas to the chain file `path`, all or none; `name` is that of the version that the last one leads to.
    pub fn append(path: &Path, deltas: Vec<Input>, name: Option<&str>, limits: &Limits, job: &mut Job) -> Result<()> {
        let opened = open_all(deltas)?;
        let deltas: Vec<_> = opened.iter().map(|delta| &**delta).collect();
        patchcore::chain::Chain::append(path, &deltas, name, &limits.for_core(), job.task()).map(drop)
    }

    /// Removes the links that lead up to the version `before` from the chain file `path`. Each version before it keeps
    /// one link to it, unless versions are dropped.
    pub fn prune(
        path: &Path,
        before: &str,
        drop_versions: bool,
        options: &SquashOptions,
        job: &mut Job,
    ) -> Result<PruneStats> {
        let (encode, limits) = (options.encode()?, options.limits());
        let pruned = patchcore::chain::Chain::prune(path, before, drop_versions, &encode, &limits, job.task())?;
        Ok(PruneStats {
            removed_links: pruned.removed_links as u64,
            removed_versions: pruned.removed_versions as u64,
            added_shortcuts: pruned.added_shortcuts as u64,
            size_before: pruned.size_before,
            size_after: pruned.size_after,
        })
    }
}

#[cfg(not(feature = "encode"))]
mod only_applies {
    //! The making functions of a build that only applies.

    use super::{CreateOptions, Input, Job, Limits, Output, Path, PruneStats, Result, SquashOptions, Written};
    use crate::status::only_applies;

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn create(_: Vec<Input>, _: Output, _: &CreateOptions, _: &Limits, _: &mut Job) -> Result<Written> {
        Err(only_applies())
    }

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn append(_: &Path, _: Vec<Input>, _: Option<&str>, _: &Limits, _: &mut Job) -> Result<()> {
        Err(only_applies())
    }

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn prune(_: &Path, _: &str, _: bool, _: &SquashOptions, _: &mut Job) -> Result<PruneStats> {
        Err(only_applies())
    }
}
