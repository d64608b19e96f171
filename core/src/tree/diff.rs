//! From two directories to a package: per path the cheapest way from the old tree to the new one.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tempfile::SpooledTempFile;

use crate::delta::{self, DiffOptions};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{OutputOptions, ReadAt, SourceReader};
use crate::limits::Limits;
use crate::order;
use crate::progress::{Event, Phase, Task, Unit};
use crate::tree::compare::{Need, Rulebook, candidates, compare};
use crate::tree::item::FileItem;
use crate::tree::join::{Packed, join};
use crate::tree::package::{Compression, DELTA_FOLDER, IN_MEMORY, Payload, Spool};
use crate::tree::parallel::{self, Report};
use crate::tree::patch::{ChangeKind, Content, Patch, Source, VersionRange};
use crate::tree::path::TreePath;
use crate::tree::scan::{Reader, ScanOptions, Snapshot};
use crate::tree::sketch::choose_sources;
use crate::version::Version;

/// How two directories are compared and packed. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct TreeDiffOptions {
    /// How the directories are looked at; its `threads` hold for everything.
    pub scan: ScanOptions,
    /// How deltas are made; the number of threads is that of `scan`.
    pub diff: DiffOptions,
    /// Patterns of what is installed where it is missing and never touched where it is there.
    pub keep_local: Vec<String>,
    /// Patterns of directories that are replaced as a whole where anything in them changes, with what no release listed.
    pub replace_directories: Vec<String>,
    /// The versions that the patch applies to; any where none are given.
    pub applies_to: Option<VersionRange>,
    /// The version that the patch makes.
    pub version: Option<Version>,
    /// How whole files are compressed.
    pub compression: Compression,
    /// How a package that is there already is treated.
    pub output: OutputOptions,
}

/// What two directories and the package between them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDiffStats {
    /// The digest of the old tree.
    pub old_tree: Digest,
    /// The digest of the new tree.
    pub new_tree: Digest,
    /// The bytes of the files of the new tree.
    pub new_tree_size: u64,
    /// The bytes of the package.
    pub package_size: u64,
    /// The bytes of the files that applying it writes.
    pub new_size: u64,
    /// How many paths change, by what is done to them.
    pub changes: BTreeMap<ChangeKind, u64>,
    /// How many paths stay as they are.
    pub unchanged: u64,
}

/// Files of more than so many bytes, old and new together, are compared one at a time, by all threads.
pub(super) const LARGE: u64 = 64 << 20;
/// A delta takes at least so many bytes.
const LEAST_DELTA: u64 = 160;
/// What a delta costs beside its entry: the lines of the patch that say what it is made from.
pub(super) const DELTA_LINES: u64 = 32;

/// Writes the package that turns the tree at `old` into the tree at `new` as `out`.
///
/// The package is the same for any number of threads. Takes 200 bytes of memory per path, 64 MiB, and per thread what a
/// delta between two files takes ([`delta::diff`]).
pub fn diff(
    old: &Path,
    new: &Path,
    out: &Path,
    options: &TreeDiffOptions,
    task: &mut Task<'_>,
) -> Result<TreeDiffStats> {
    TreeDiff::begin(old, new, options, task)?.finish(Vec::new(), out, task)
}

/// Two files between which a delta is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaJob {
    /// The old file.
    pub old: PathBuf,
    /// The new file.
    pub new: PathBuf,
}

/// A [`diff`] that has begun: which files need a delta is known, and those may be made elsewhere.
pub struct TreeDiff {
    old: Snapshot,
    new: Snapshot,
    patch: Patch,
    /// Those with a source are the ones for which a delta is wanted.
    jobs: Vec<Job>,
    options: TreeDiffOptions,
}

impl TreeDiff {
    /// Looks at both directories, and chooses what each new file is to be made from.
    pub fn begin(old: &Path, new: &Path, options: &TreeDiffOptions, task: &mut Task<'_>) -> Result<Self> {
        let old = Snapshot::take(old, &options.scan, task)?;
        let new = Snapshot::take(new, &options.scan, task)?;
        Self::between(old, new, options, task)
    }

    /// [`begin`](Self::begin) for trees that were looked at already.
    pub(crate) fn between(
        old: Snapshot,
        new: Snapshot,
        options: &TreeDiffOptions,
        task: &mut Task<'_>,
    ) -> Result<Self> {
        let rules = Rulebook::new(&options.keep_local, &options.replace_directories)?;
        let (mut patch, mut needs) = compare(&old.tree, &new.tree, &rules, true)?;
        let candidates = candidates(&old.tree, &new.tree, &rules);
        choose_sources(&old, &new, &candidates, &mut needs, options.scan.threads.max(1), task)?;
        patch.applies_to = options.applies_to;
        patch.version = options.version;
        Ok(Self { old, new, patch, jobs: jobs(needs), options: options.clone() })
    }

    /// The files between which deltas are wanted, those with the most bytes first.
    pub fn delta_jobs(&self) -> Vec<DeltaJob> {
        let place = |(job, source): (&Job, &Source)| {
            Some(DeltaJob { old: self.old.place(&source.path)?, new: self.new.place(&job.path)? })
        };
        self.delta_wanted().filter_map(place).collect()
    }

    fn delta_wanted(&self) -> impl Iterator<Item = (&Job, &Source)> {
        self.jobs.iter().filter_map(|job| Some((job, job.source.as_ref()?)))
    }

    /// Writes the package as `out`. `deltas` are those of [`delta_jobs`](Self::delta_jobs), in that order, as [`delta::diff`]
    /// makes them; each is checked. What is not among them is made here.
    pub fn finish(
        self,
        deltas: Vec<Option<Box<dyn ReadAt>>>,
        out: &Path,
        task: &mut Task<'_>,
    ) -> Result<TreeDiffStats> {
        let wanted = self.delta_wanted().map(|(job, _)| job.path.clone());
        let deltas: Deltas = wanted.zip(deltas).filter_map(|(path, delta)| Some((path, delta?))).collect();
        let Self { old, new, mut patch, jobs, options } = self;
        let spool = Spool::new();
        let payloads = make(&old, &new, &jobs, &deltas, &spool, &options, task)?;
        let packed: Vec<Packed<'_>> = jobs
            .iter()
            .zip(&payloads)
            .map(|(job, (content, payload))| Packed {
                job,
                cost: cost(job, content, payload),
                is_whole: *content == Content::Whole,
            })
            .collect();
        let joined = join(&old, &new, &packed, &spool, &options.diff, options.scan.threads.max(1), task)?;
        drop(packed);
        let mut alone = HashMap::with_capacity(jobs.len());
        for (job, (content, payload)) in jobs.into_iter().zip(payloads) {
            alone.insert(job.path.clone(), payload);
            patch.set_content(&job.path, content);
        }
        let payloads_of_joined: Vec<Payload> = joined.iter().map(|made| made.payload).collect();
        for (delta, made) in joined.into_iter().enumerate() {
            made.results.into_iter().for_each(|(path, from)| patch.set_content(&path, Content::Joined { delta, from }));
            patch.joined.push(made.delta);
        }
        patch.number_deltas(DELTA_FOLDER);
        patch.check()?;
        let package_size =
            spool.write(&patch, |path| alone.get(path), &payloads_of_joined, out, options.output, task)?;
        Ok(stats(&old, &new, &patch, package_size))
    }
}

/// Deltas that were made elsewhere, by the paths that they make.
type Deltas = HashMap<TreePath, Box<dyn ReadAt>>;

pub(super) fn stats(old: &Snapshot, new: &Snapshot, patch: &Patch, package_size: u64) -> TreeDiffStats {
    let mut changes = BTreeMap::new();
    for change in patch.changes.values() {
        *changes.entry(change.kind()).or_default() += 1;
    }
    let unchanged = new.tree.items.keys().filter(|path| !patch.changes.contains_key(path)).count() as u64;
    TreeDiffStats {
        old_tree: old.tree.digest(),
        new_tree: new.tree.digest(),
        new_tree_size: new.tree.size(),
        package_size,
        new_size: patch.new_size(),
        changes,
        unchanged,
    }
}

/// A file whose bytes the package has to bring.
pub(super) struct Job {
    pub path: TreePath,
    pub file: FileItem,
    pub source: Option<Source>,
    /// Whether it may be made from old files at all.
    pub may_have_source: bool,
}

impl Job {
    pub fn bytes(&self) -> u64 {
        self.file.size + self.source.as_ref().map_or(0, |source| source.size)
    }

    /// The units of progress that it counts for.
    fn units(&self) -> u64 {
        self.file.size * if self.source.is_some() { 2 } else { 1 }
    }
}

/// The files that `needs` names, the largest first, so that no thread is left alone with one at the end.
fn jobs(needs: BTreeMap<TreePath, Need>) -> Vec<Job> {
    let jobs = needs.into_iter().map(|(path, need)| Job {
        path,
        file: need.file,
        source: need.source.filter(|_| need.file.size >= LEAST_DELTA),
        may_have_source: need.may_have_source,
    });
    let mut jobs: Vec<Job> = jobs.collect();
    order::sort_by(&mut jobs, |a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.path.cmp(&b.path)));
    jobs
}

/// Packs each file for itself.
fn make(
    old: &Snapshot,
    new: &Snapshot,
    jobs: &[Job],
    deltas: &Deltas,
    spool: &Spool,
    options: &TreeDiffOptions,
    task: &mut Task<'_>,
) -> Result<Vec<(Content, Payload)>> {
    let threads = options.scan.threads.max(1);
    task.begin(Phase::Match, jobs.iter().map(Job::units).sum(), Unit::Bytes)?;
    let (large, small) = jobs.split_at(jobs.partition_point(|job| job.bytes() > LARGE));
    let mut made = Vec::with_capacity(jobs.len());
    for (jobs, at_a_time, threads) in [(large, 1, threads), (small, threads, 1)] {
        let mut diff = options.diff;
        diff.encode.threads = threads;
        let prepare = || (old.reader(), new.reader());
        let results = parallel::run(jobs, at_a_time, task, prepare, |(old, new), job, report| {
            Maker { old, new, deltas, spool, diff: &diff, compression: options.compression }.make(job, report)
        })?;
        made.extend(results);
    }
    task.finish()?;
    Ok(made)
}

struct Maker<'a, 'b> {
    old: &'a mut Reader<'b>,
    new: &'a mut Reader<'b>,
    deltas: &'a Deltas,
    spool: &'a Spool,
    diff: &'a DiffOptions,
    compression: Compression,
}

impl Maker<'_, '_> {
    /// Packs a file in the way that takes the fewest bytes.
    fn make(&mut self, job: &Job, report: &mut Report<'_>) -> Result<(Content, Payload)> {
        let new = self.new.open(&job.path)?;
        let mut most = u64::MAX;
        let mut delta = None;
        if let Some(source) = &job.source {
            let mut out = SpooledTempFile::new(IN_MEMORY);
            let old = self.old.open(&source.path)?;
            let header = report.within(job.file.size, share, |task| match self.deltas.get(&job.path) {
                None => delta::diff(&*old, &*new, &mut out, self.diff, task),
                Some(made) => {
                    let limits = Limits { memory: u64::MAX, ..Limits::default() };
                    let header = delta::verify(&**made, Some(&*old), &limits, task)?.header;
                    io::copy(&mut SourceReader::new(&**made), &mut out)?;
                    Ok(header)
                }
            })?;
            if (header.old_digest, header.new_digest) != (source.sha256, job.file.sha256) {
                return Err(changed(&job.path));
            }
            let size = out.seek(SeekFrom::End(0))?;
            most = cost_of_delta(job, source, size).saturating_sub(cost_of_entry(job.path.as_str()));
            delta = Some((source, out));
        }
        let whole = self.spool.add_file(&*new, self.compression, most, &mut |n| report.advance(n))?;
        if let Some((payload, sha256)) = whole {
            return match (payload.size, sha256) == (job.file.size, job.file.sha256) {
                true => Ok((Content::Whole, payload)),
                false => Err(changed(&job.path)),
            };
        }
        let Some((source, mut out)) = delta else { return Err(changed(&job.path)) };
        let payload = self.spool.add_delta(&mut out)?;
        Ok((Content::Delta { entry: String::new(), source: source.clone() }, payload))
    }
}

/// What a file takes in the package.
fn cost(job: &Job, content: &Content, payload: &Payload) -> u64 {
    match content {
        Content::Delta { source, .. } => cost_of_delta(job, source, payload.packed),
        _ => payload.packed + cost_of_entry(job.path.as_str()),
    }
}

/// What an entry costs beside its bytes: two headers.
pub(super) fn cost_of_entry(name: &str) -> u64 {
    76 + 2 * name.len() as u64
}

fn cost_of_delta(job: &Job, source: &Source, size: u64) -> u64 {
    // The lines of another path say its name and a digest that stands nowhere else.
    let lines = if source.path == job.path { 0 } else { 32 + source.path.as_str().len() as u64 / 2 };
    size + cost_of_entry(DELTA_FOLDER) + 8 + DELTA_LINES + lines
}

/// How far the making of a delta is.
pub(super) fn share(event: &Event) -> f64 {
    let part = event.done as f64 / event.total.max(1) as f64;
    let (from, to) = match event.phase {
        Phase::Hash => (0.0, 0.05),
        Phase::Match => (0.05, 0.5),
        Phase::Encode => (0.5, 0.95),
        _ => (0.95, 1.0),
    };
    from + part * (to - from)
}

pub(super) fn changed(path: &TreePath) -> Error {
    Error::new(Status::TargetMismatch, format!("{path} changed while it was read; try again when nobody writes"))
}
