//! Which files one delta makes together: what they gain alike is then in the package once, and each costs less beside its
//! bytes.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use crate::delta::{self, ApplyOptions, DiffOptions, Ends};
use crate::digest::Hasher;
use crate::error::Result;
use crate::io::{Joined, ReadAt, digest};
use crate::limits::Limits;
use crate::order;
use crate::progress::{Phase, Task, Unit};
use crate::tree::diff::{DELTA_LINES, Job, LARGE, changed, cost_of_entry, share};
use crate::tree::item::FileItem;
use crate::tree::package::{DELTA_FOLDER, IN_MEMORY, Payload, Spool};
use crate::tree::parallel::{self, Report};
use crate::tree::patch::{JoinedDelta, Source};
use crate::tree::path::TreePath;
use crate::tree::pool::Pool;
use crate::tree::scan::{Reader, Snapshot};
use crate::tree::sketch::gained;

/// A file of more bytes that no old file helps with stays whole, so that it can be restored from the package.
const MOST_WHOLE: u64 = 64 << 10;
/// A joined delta makes so many files at most: whoever needs one of them reads all of it.
const MOST_FILES: usize = 1024;
/// Files that take at most so many bytes are always tried together. Others only if one part in so many of what they gained,
/// and so many samples of it, was gained by others, too: nothing else of them could be in the package once.
const CHEAP: u64 = 64 << 10;
const SAMPLED: u64 = 16 << 10;
const ALIKE: usize = 16;
const LEAST_SHARED: usize = 4;
/// Files from so many bytes on are joined with others as large; smaller ones with those beside them.
const LARGE_ALIKE: u64 = 64 << 10;
/// A file of its own can be made or restored whatever became of others. What gives that up saves so many bytes at least, and
/// one part in so many.
const LEAST_GAIN: u64 = 1 << 10;
const LEAST_SHARE: u64 = 8;
/// What a file of a joined delta takes in the lines of the patch, roughly: its numbers, and its source.
const JOINED_LINES: u64 = 24;

/// A file whose bytes were packed for it alone.
pub(super) struct Packed<'a> {
    pub job: &'a Job,
    /// What it takes in the package.
    pub cost: u64,
    pub is_whole: bool,
}

/// A delta that makes several files.
pub(super) struct Made {
    pub delta: JoinedDelta,
    pub payload: Payload,
    /// Its files, and which of its sources each is made from.
    pub results: Vec<(TreePath, Vec<usize>)>,
}

/// Makes those joined deltas of `packed` files that take fewer bytes than what was packed for each alone.
pub(super) fn join(
    old: &Snapshot,
    new: &Snapshot,
    packed: &[Packed<'_>],
    spool: &Spool,
    diff: &DiffOptions,
    threads: usize,
    task: &mut Task<'_>,
) -> Result<Vec<Made>> {
    let alike = alike(old, new, packed, threads, task)?;
    let groups = groups(packed, &alike);
    task.begin(Phase::Match, groups.iter().flatten().map(|packed| packed.job.bytes()).sum(), Unit::Bytes)?;
    let at_a_time = threads.min(groups.len()).max(1);
    let mut diff = *diff;
    diff.encode.threads = if at_a_time == 1 { threads } else { 1 };
    let prepare = || (old.reader(), new.reader());
    let made = parallel::run(&groups, at_a_time, task, prepare, |(old, new), group, report| {
        Joiner { old, new, spool, diff: &diff }.make(group, report)
    })?;
    task.finish()?;
    Ok(made.into_iter().flatten().collect())
}

/// Of the files that take much, those that gained something that another one gained, too.
fn alike<'a>(
    old: &Snapshot,
    new: &Snapshot,
    packed: &'a [Packed<'_>],
    threads: usize,
    task: &mut Task<'_>,
) -> Result<HashSet<&'a TreePath>> {
    let sampled =
        packed.iter().filter(|packed| packed.cost > SAMPLED && !packed.is_whole && packed.job.bytes() <= LARGE);
    let (costs, jobs): (Vec<u64>, Vec<&Job>) = sampled.map(|packed| (packed.cost, packed.job)).unzip();
    if jobs.len() < 2 || costs.iter().all(|cost| *cost <= CHEAP) {
        return Ok(HashSet::new());
    }
    task.begin(Phase::Match, jobs.iter().map(|job| job.bytes()).sum(), Unit::Bytes)?;
    let prepare = || (old.reader(), new.reader());
    let gained = parallel::run(&jobs, threads, task, prepare, |(old, new), job, report| {
        let old = job.source.as_ref().map(|source| old.open(&source.path)).transpose()?;
        let new = new.open(&job.path)?;
        let gained = report.unnoticed(|task| gained(old.as_deref(), &*new, task))?;
        report.advance(job.bytes())?;
        Ok(gained)
    })?;
    task.finish()?;
    let mut files: HashMap<u64, u32> = HashMap::new();
    gained.iter().flatten().for_each(|sample| *files.entry(*sample).or_default() += 1);
    let is_alike = |gained: &Vec<u64>| {
        let shared = gained.iter().filter(|sample| files[*sample] > 1).count();
        shared >= LEAST_SHARED && shared >= gained.len() / ALIKE
    };
    Ok(jobs.iter().zip(&gained).filter(|(_, gained)| is_alike(gained)).map(|(job, _)| &job.path).collect())
}

/// The files that are tried together, the largest first, as a joined delta has them.
fn groups<'a, 'b>(packed: &'a [Packed<'b>], alike: &HashSet<&TreePath>) -> Vec<Vec<&'a Packed<'b>>> {
    let joinable = |packed: &&Packed<'_>| {
        let Packed { job, is_whole, .. } = packed;
        job.may_have_source
            && job.file.size > 0
            && job.bytes() <= LARGE
            && !(*is_whole && job.file.size > MOST_WHOLE)
            && (packed.cost <= CHEAP || alike.contains(&job.path))
    };
    let mut files: Vec<_> = packed.iter().filter(joinable).collect();
    order::sort_by(&mut files, |a, b| {
        let least = |packed: &Packed<'_>| match packed.job.file.size {
            size if size >= LARGE_ALIKE => Reverse(size),
            _ => Reverse(0),
        };
        least(a).cmp(&least(b)).then_with(|| a.job.path.cmp(&b.job.path))
    });
    let mut groups: Vec<Vec<&Packed<'_>>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        match groups.last_mut() {
            Some(group) if group.len() < MOST_FILES && bytes + file.job.bytes() <= LARGE => group.push(file),
            _ => {
                groups.push(vec![file]);
                bytes = 0;
            }
        }
        bytes += file.job.bytes();
    }
    groups.retain(|group| group.len() > 1);
    let key = |packed: &&Packed<'_>| (Reverse(packed.job.file.size), packed.job.path.clone());
    groups.iter_mut().for_each(|group| order::sort_by_key(group, key));
    groups
}

struct Joiner<'a, 'b> {
    old: &'a mut Reader<'b>,
    new: &'a mut Reader<'b>,
    spool: &'a Spool,
    diff: &'a DiffOptions,
}

impl Joiner<'_, '_> {
    /// The delta that makes all files of `group`, where that is less than what was packed.
    fn make(&mut self, group: &Vec<&Packed<'_>>, report: &mut Report<'_>) -> Result<Option<Made>> {
        let units = group.iter().map(|packed| packed.job.bytes()).sum();
        let sources = sources(group);
        let results: Vec<(&TreePath, &FileItem)> =
            group.iter().map(|packed| (&packed.job.path, &packed.job.file)).collect();
        let delta = JoinedDelta { entry: String::new(), sources };
        let ends = delta.ends(&results);
        let Self { old, new, .. } = self;
        let old_files = Pool::new(|number: usize| old.open(&delta.sources[number].path));
        let new_files = Pool::new(|number: usize| new.open(results[number].0));
        let sizes = delta.sources.iter().map(|source| source.size).enumerate();
        let old = Joined::new(sizes.map(|(number, size)| (size, Some(old_files.file(number, size)))))?;
        let sizes = results.iter().map(|(_, file)| file.size).enumerate();
        let new = Joined::new(sizes.map(|(number, size)| (size, Some(new_files.file(number, size)))))?;
        let mut out = SpooledTempFile::new(IN_MEMORY);
        let header =
            report.within(units, share, |task| delta::diff_joined(&old, &new, &ends, &mut out, self.diff, task))?;
        let alone: u64 = group.iter().map(|packed| packed.cost).sum();
        let together =
            header.delta_size + cost_of_entry(DELTA_FOLDER) + DELTA_LINES + JOINED_LINES * group.len() as u64;
        let saved = alone.saturating_sub(together);
        if saved < LEAST_GAIN || saved < alone / LEAST_SHARE {
            return Ok(None);
        }
        let from = report.unnoticed(|task| {
            for (number, source) in delta.sources.iter().enumerate() {
                if digest(&old_files.file(number, source.size), task)? != source.sha256 {
                    return Err(changed(&source.path));
                }
            }
            try_out(&old, &results, &ends, &mut out, task)
        })?;
        let payload = self.spool.add_delta(&mut out)?;
        let results = results.iter().zip(from).map(|((path, _), from)| ((*path).clone(), from)).collect();
        Ok(Some(Made { delta, payload, results }))
    }
}

/// Applies a delta once, so that none is ever handed out that does not work. Says which sources each file is made from.
fn try_out(
    old: &dyn ReadAt,
    results: &[(&TreePath, &FileItem)],
    ends: &Ends,
    delta: &mut SpooledTempFile,
    task: &mut Task<'_>,
) -> Result<Vec<Vec<usize>>> {
    let options = ApplyOptions::from(Limits { memory: u64::MAX, ..Limits::default() });
    delta.seek(SeekFrom::Start(0))?;
    let from = delta::sources_of_joined(&mut BufReader::new(&mut *delta), ends, &options.limits, task)?;
    delta.seek(SeekFrom::Start(0))?;
    let wanted: Vec<Option<&[usize]>> = from.iter().map(|from| Some(&from[..])).collect();
    let mut check = Check { results, at: 0, size: 0, hasher: Hasher::new(), wrong: None };
    delta::apply_joined(old, &mut BufReader::new(delta), ends, &wanted, &mut check, &options, task)?;
    match check.wrong.or(results.get(check.at).map(|(path, _)| (*path).clone())) {
        None => Ok(from),
        Some(path) => Err(changed(&path)),
    }
}

/// The old files of a group, the largest first.
fn sources(group: &[&Packed<'_>]) -> Vec<Source> {
    let mut sources: Vec<&Source> = group.iter().filter_map(|packed| packed.job.source.as_ref()).collect();
    order::sort_by_key(&mut sources, |source| (Reverse(source.size), source.path.clone()));
    sources.dedup();
    sources.into_iter().cloned().collect()
}

/// Compares files that come one after the other with what they should be.
struct Check<'a> {
    results: &'a [(&'a TreePath, &'a FileItem)],
    /// The file that comes now, and what came of it.
    at: usize,
    size: u64,
    hasher: Hasher,
    wrong: Option<TreePath>,
}

impl Write for Check<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((path, file)) = self.results.get(self.at) else { return Ok(0) };
        let n = bytes.len().min((file.size - self.size) as usize);
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        if self.size == file.size {
            if std::mem::take(&mut self.hasher).finish() != file.sha256 {
                self.wrong.get_or_insert_with(|| (*path).clone());
            }
            (self.at, self.size) = (self.at + 1, 0);
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
