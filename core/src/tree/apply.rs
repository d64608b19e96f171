//! The way of a patch into a tree: look, stage, commit; or back.

use std::path::Path;

use crate::error::{Error, Outcome, Result, Status};
use crate::io::{Folder, Kind};
use crate::limits::Limits;
use crate::progress::{LogLevel, Phase, Task, Unit};
use crate::tree::clash;
use crate::tree::hashing;
use crate::tree::item::Item;
use crate::tree::journal::{Journal, Put, Step, Take};
use crate::tree::patch::{ChangeKind, Patch};
use crate::tree::path::TreePath;
use crate::tree::plan::{self, Conflict, ConflictReason, Plan};
use crate::tree::reach::Reach;
use crate::tree::stage::{self, Package};
use crate::tree::work::{FORMAT_VERSION, Installed, Work};

/// How a patch is applied. The default of every field is what most callers want.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeApplyOptions {
    /// Take the patch's side wherever somebody changed the tree.
    pub overwrite_local: bool,
    /// Keep nothing for a later `rollback`. A failing apply still leaves the old tree.
    pub no_backup: bool,
    /// Threads that hash at a time; 1 unless given.
    pub threads: usize,
    /// What applying the deltas in the package may use.
    pub limits: Limits,
}

/// What applying a patch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeApplyStats {
    /// Paths that were changed.
    pub changed: u64,
    /// Changes that were made already.
    pub done_before: u64,
    /// Paths that are there and were kept as they are, since the patch only installs them once.
    pub kept: Vec<TreePath>,
    /// The bytes of the new files.
    pub bytes: u64,
}

/// What applying a patch would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePlan {
    /// What would be done, by path.
    pub actions: Vec<PlannedAction>,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// Changes that are made already.
    pub done_before: u64,
    /// Paths that are there and would be kept as they are.
    pub kept: Vec<TreePath>,
    /// The bytes of the new files.
    pub bytes: u64,
}

impl TreePlan {
    /// The CONFLICT with which applying would fail, if something stands in the way.
    pub fn refusal(&self) -> Option<Error> {
        (!self.conflicts.is_empty()).then(|| plan::conflict_error(&self.conflicts).with_outcome(Outcome::Unchanged))
    }
}

/// One action of a [`TreePlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedAction {
    /// Where.
    pub path: TreePath,
    /// What.
    pub kind: ChangeKind,
    /// The bytes that are written.
    pub bytes: u64,
}

/// Says what applying `patch` to the tree at `root` would do. Nothing is written.
pub(super) fn plan_only(
    root: &Path,
    patch: &Patch,
    options: &TreeApplyOptions,
    task: &mut Task<'_>,
) -> Result<TreePlan> {
    let folder = Folder::open(root)?;
    let plan = plan::plan(&folder, patch, options.overwrite_local, options.threads, task)?;
    let kind = |step: &Step| {
        patch.changes.get(&step.path).map_or(ChangeKind::Directory, |change| match step.put {
            Put::Mode { .. } => ChangeKind::Mode,
            _ => change.kind(),
        })
    };
    Ok(TreePlan {
        actions: plan
            .steps
            .iter()
            .map(|(step, make)| PlannedAction { path: step.path.clone(), kind: kind(step), bytes: make.bytes() })
            .collect(),
        conflicts: plan.conflicts,
        done_before: plan.done,
        kept: plan.kept,
        bytes: plan.bytes,
    })
}

/// Applies `patch`, whose bytes `package` holds, to the tree at `root`: afterwards it is the new one, or with an error the old
/// one, and the error says so.
pub(super) fn apply(
    root: &Path,
    patch: &Patch,
    package: &dyn Package,
    options: &TreeApplyOptions,
    task: &mut Task<'_>,
) -> Result<TreeApplyStats> {
    let mut work = Work::open(root, task).map_err(|e| e.with_outcome(Outcome::Unchanged))?;
    let after = Installed { version: patch.version, tree: patch.new_tree };
    let (plan, steps) = match prepare(&work, patch, package, options, task) {
        Ok(prepared) => prepared,
        Err(error) => {
            if let Err(left) = work.abandon() {
                task.log(LogLevel::Warning, || format!("what was staged is removed at the next apply: {left}"));
            }
            return Err(error.with_outcome(Outcome::Unchanged));
        }
    };
    let stats =
        TreeApplyStats { changed: steps.len() as u64, done_before: plan.done, kept: plan.kept, bytes: plan.bytes };
    if steps.is_empty() {
        work.record(after).map_err(|e| e.with_outcome(Outcome::Unchanged))?;
        return Ok(stats);
    }
    let journal = Journal {
        format_version: FORMAT_VERSION,
        steps,
        keep_backup: !options.no_backup,
        before: work.installed().cloned(),
        after: Some(after),
    };
    if let Err(cancelled) = task.commit_point().pass() {
        work.abandon()?;
        return Err(cancelled.with_outcome(Outcome::Unchanged));
    }
    work.commit(&journal, task)?;
    Ok(stats)
}

/// Everything up to where the tree is touched for the first time.
fn prepare(
    work: &Work,
    patch: &Patch,
    package: &dyn Package,
    options: &TreeApplyOptions,
    task: &mut Task<'_>,
) -> Result<(Plan, Vec<Step>)> {
    check_version(patch, work.installed()).map_err(|e| e.in_file(work.root().path()))?;
    let mut plan = plan::plan(work.root(), patch, options.overwrite_local, options.threads, task)?;
    if !plan.conflicts.is_empty() {
        return Err(plan::conflict_error(&plan.conflicts).in_file(work.root().path()));
    }
    let steps = std::mem::take(&mut plan.steps);
    if steps.is_empty() {
        return Ok((plan, Vec::new()));
    }
    clash::check(work.root(), work.folder(), steps.iter().map(|(step, _)| step))?;
    if let Some(free) = work.root().free_space()
        && free < plan.bytes
    {
        let message = format!("{} more bytes are needed beside the old files; {free} are free", plan.bytes - free);
        return Err(Error::new(Status::NoSpace, message).in_file(work.root().path()));
    }
    let transaction = work.begin()?;
    let staging = stage::Staging { root: work.root(), patch, package, limits: &options.limits };
    staging.stage(transaction.new_items(), &steps, plan.bytes, task)?;
    transaction.sync()?;
    Ok((plan, steps.into_iter().map(|(step, _)| step).collect()))
}

/// Refuses a patch for other versions than the one that is known to be installed. One that makes this version repairs it.
fn check_version(patch: &Patch, installed: Option<&Installed>) -> Result<()> {
    let (Some(range), Some(version)) = (patch.applies_to, installed.and_then(|installed| installed.version)) else {
        return Ok(());
    };
    if range.contains(&version) || patch.version == Some(version) {
        return Ok(());
    }
    let message = format!("the patch applies to versions {} to {}; {version} is installed", range.min, range.max);
    Err(Error::new(Status::SourceMismatch, message))
}

/// Finishes whatever a crash left of a change of the tree at `root`. Says what the tree is known to be.
///
/// Every other operation on a tree begins with this by itself. BUSY where a process is changing the tree right now.
pub fn recover(root: &Path, task: &mut Task<'_>) -> Result<Option<Installed>> {
    if !Work::exists(root)? {
        return Ok(None);
    }
    Ok(Work::open(root, task)?.installed().cloned())
}

/// Records what the tree at `root` was found to be.
pub(crate) fn remember(root: &Path, installed: Installed, task: &mut Task<'_>) -> Result<()> {
    Work::open(root, task)?.record(installed)
}

/// What the tree at `root` is known to be: what the last patch or update that was applied to it made. Nothing is written.
pub fn installed(root: &Path) -> Result<Option<Installed>> {
    Work::read_installed(root)
}

/// Takes back the last patch that was applied to the tree at `root`. What was not in a patch stays as it is.
///
/// INVALID_ARGUMENT where no backup is kept; CONFLICT, naming all of them, where files were changed since, unless
/// `overwrite_local` gives those up.
pub fn rollback(root: &Path, overwrite_local: bool, threads: usize, task: &mut Task<'_>) -> Result<Option<Installed>> {
    let none = || Error::invalid("no backup is kept of an earlier state of this tree").in_file(root);
    let unchanged = |e: Error| e.with_outcome(Outcome::Unchanged);
    if !Work::exists(root).map_err(unchanged)? {
        return Err(unchanged(none()));
    }
    let mut work = Work::open(root, task).map_err(unchanged)?;
    let journal = work.backup().map_err(unchanged)?.ok_or_else(|| unchanged(none()))?;
    if !overwrite_local {
        let changed = changed_since(work.root(), &journal.steps, threads, task).map_err(unchanged)?;
        if !changed.is_empty() {
            return Err(unchanged(plan::conflict_error(&changed).in_file(root)));
        }
    }
    task.commit_point().pass().map_err(unchanged)?;
    work.roll_back(task)?;
    Ok(work.installed().cloned())
}

/// Gives up the backup of the tree at `root` and whatever else of ours is not needed. Says whether there was a backup.
pub fn clean(root: &Path, task: &mut Task<'_>) -> Result<bool> {
    if !Work::exists(root)? {
        return Ok(false);
    }
    let mut work = Work::open(root, task)?;
    task.commit_point().pass()?;
    work.drop_backup()
}

/// The paths that are not what the steps made.
fn changed_since(root: &Folder, steps: &[Step], threads: usize, task: &mut Task<'_>) -> Result<Vec<Conflict>> {
    let mut reach = Reach::new(root);
    let mut changed = Vec::new();
    let (mut files, mut promised) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for step in steps {
        let there = reach.entry(&step.path)?;
        let same = match (&step.new, there.map(|there| there.kind)) {
            (None, None) | (Some(Item::Directory), Some(Kind::Directory)) => true,
            // A directory stayed since it held something that the patch did not know.
            (None, Some(Kind::Directory)) => matches!(step.take, Take::RemoveDirectory(_)),
            (Some(Item::File(file)), Some(Kind::File { size })) if size == file.size => {
                files.push(step.path.clone());
                promised.push(file.sha256);
                bytes += size;
                true
            }
            (Some(Item::Symlink(target)), Some(Kind::Symlink)) => match reach.parent(&step.path)? {
                Some(parent) => parent.read_symlink(step.path.name())? == *target,
                None => false,
            },
            _ => false,
        };
        if !same {
            changed.push(Conflict { path: step.path.clone(), reason: ConflictReason::Modified });
        }
    }
    task.begin(Phase::Hash, bytes, Unit::Bytes)?;
    let digests = hashing::digests(root, &files, threads, task)?;
    task.finish()?;
    for ((path, digest), promised) in files.into_iter().zip(digests).zip(promised) {
        if digest != promised {
            changed.push(Conflict { path, reason: ConflictReason::Modified });
        }
    }
    Ok(changed)
}
