//! What a patch still has to do to a tree, and what stands in its way. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{Entry, Folder, Kind};
use crate::order;
use crate::progress::{Phase, Task, Unit};
use crate::tree::hashing;
use crate::tree::item::{FileItem, Item};
use crate::tree::journal::{Put, Step, Take};
use crate::tree::patch::{Change, Content, Expected, Patch, Source};
use crate::tree::path::TreePath;
use crate::tree::reach::Reach;

/// What has to be done to a tree.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The steps, and beside each how its new item comes to be.
    pub steps: Vec<(Step, Make)>,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// How many changes are made already.
    pub done: u64,
    /// What is there already and is kept as it is, whatever the patch holds.
    pub kept: Vec<TreePath>,
    /// The bytes of the new items.
    pub bytes: u64,
}

/// How a new item comes to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Make {
    /// There is none, or the journal's step is all it takes.
    Nothing,
    File(FileItem, Content),
    Symlink(String),
    /// A folder with everything in it.
    Directory(Vec<(TreePath, Item, Option<Content>)>),
}

/// Something in the tree that a patch does not expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where it is.
    pub path: TreePath,
    /// What is wrong with it.
    pub reason: ConflictReason,
}

/// Why a path stands in the way of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConflictReason {
    /// It is neither what the patch expects nor what it makes; `--overwrite-local` takes the patch's.
    Modified,
    /// Other files are made from it, and it is not what they were made from.
    Source,
    /// It is a directory that holds something that the patch does not know.
    NotEmpty,
    /// It has to be a directory, since the patch puts something into it.
    NoDirectory,
}

impl ConflictReason {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Source => "source",
            Self::NotEmpty => "not_empty",
            Self::NoDirectory => "no_directory",
        }
    }
}

/// What stands at a path now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Current {
    Absent,
    Directory(u32),
    File { size: u64, entry: Entry },
    Symlink(String),
    Other,
}

/// Compares `patch` with the tree at `root`.
pub(super) fn plan(
    root: &Folder,
    patch: &Patch,
    overwrite_local: bool,
    threads: usize,
    task: &mut Task<'_>,
) -> Result<Plan> {
    Planner::look(root, patch, threads, task)?.plan(patch, overwrite_local)
}

struct Planner<'a> {
    root: &'a Folder,
    current: BTreeMap<TreePath, Current>,
    digests: HashMap<TreePath, Digest>,
}

impl<'a> Planner<'a> {
    /// Looks at every path that the patch names, and hashes the files whose size leaves a doubt.
    fn look(root: &'a Folder, patch: &Patch, threads: usize, task: &mut Task<'_>) -> Result<Self> {
        let mut reach = Reach::new(root);
        let mut current = BTreeMap::new();
        let sources: BTreeSet<&TreePath> = patch
            .changes
            .values()
            .filter_map(|change| change.content.as_ref())
            .flat_map(|content| patch.sources(content))
            .map(|source| &source.path)
            .collect();
        let paths: BTreeSet<&TreePath> = patch.changes.keys().chain(sources.iter().copied()).collect();
        for path in paths {
            current.insert(path.clone(), look(&mut reach, path)?);
        }
        let mut to_hash = Vec::new();
        let mut bytes = 0;
        for (path, there) in &current {
            let Current::File { size, .. } = there else { continue };
            let asked = patch.changes.get(path).is_some_and(|change| {
                let old = change.old_item().and_then(Item::file);
                [old, change.new_file()].into_iter().flatten().any(|file| file.size == *size)
            });
            if asked || sources.contains(path) {
                to_hash.push(path.clone());
                bytes += size;
            }
        }
        task.begin(Phase::Hash, bytes, Unit::Bytes)?;
        let digests = hashing::digests(root, &to_hash, threads, task)?;
        task.finish()?;
        Ok(Self { root, current, digests: to_hash.into_iter().zip(digests).collect() })
    }

    fn plan(&self, patch: &Patch, overwrite_local: bool) -> Result<Plan> {
        let mut plan = Plan::default();
        let mut steps: BTreeMap<TreePath, (Step, Make)> = BTreeMap::new();
        for (path, change) in &patch.changes {
            if self.in_whole_directory(path, patch) {
                continue;
            }
            let there = &self.current[path];
            if change.keep_local && *there != Current::Absent {
                plan.kept.push(path.clone());
                continue;
            }
            if self.is_made(path, change, there, patch)? {
                plan.done += 1;
                continue;
            }
            let same_bytes = match (there, change.new_file()) {
                (Current::File { size, .. }, Some(new)) => {
                    *size == new.size && self.digests.get(path) == Some(&new.sha256)
                }
                _ => false,
            };
            if !same_bytes && !overwrite_local && !self.is_expected(path, &change.old, there) {
                plan.conflicts.push(Conflict { path: path.clone(), reason: ConflictReason::Modified });
                continue;
            }
            match self.step(path, change, there, same_bytes, patch)? {
                Ok(step) => drop(steps.insert(path.clone(), step)),
                Err(conflict) => plan.conflicts.push(conflict),
            }
        }
        self.add_folders_on_the_way(patch, &mut steps, &mut plan)?;
        plan.bytes = steps.values().map(|(_, make)| make.bytes()).fold(0, u64::saturating_add);
        plan.steps = steps.into_values().collect();
        order::sort_by(&mut plan.conflicts, |a, b| a.path.cmp(&b.path));
        plan.conflicts.dedup();
        Ok(plan)
    }

    /// Whether a folder that is replaced as a whole brings `path` along.
    fn in_whole_directory(&self, path: &TreePath, patch: &Patch) -> bool {
        path.ancestors().any(|ancestor| patch.changes.get(&ancestor).is_some_and(|change| change.whole_directory))
    }

    fn is_state(&self, path: &TreePath, there: &Current, item: &Item, modes_count: bool) -> bool {
        match (there, item) {
            (Current::Directory(_), Item::Directory) => true,
            (Current::Symlink(target), Item::Symlink(promised)) => target == promised,
            (Current::File { size, entry }, Item::File(file)) => {
                let same_mode = !modes_count || !cfg!(unix) || entry.is_executable() == file.executable;
                *size == file.size && same_mode && self.digests.get(path) == Some(&file.sha256)
            }
            _ => false,
        }
    }

    fn is_made(&self, path: &TreePath, change: &Change, there: &Current, patch: &Patch) -> Result<bool> {
        Ok(match &change.new {
            None => *there == Current::Absent,
            Some(Item::Directory) if change.whole_directory => self.is_whole(path, there, patch)?,
            Some(item) => self.is_state(path, there, item, true),
        })
    }

    /// Whether the folder at `path` holds what the patch puts into it and nothing else.
    fn is_whole(&self, path: &TreePath, there: &Current, patch: &Patch) -> Result<bool> {
        let Current::Directory(_) = there else { return Ok(false) };
        let Some(parent) =
            Reach::new(self.root).parent(path)?.map(|parent| parent.open_folder(path.name())).transpose()?
        else {
            return Ok(false);
        };
        for name in parent.names()? {
            let inside = path.join(&name)?;
            let Some(change) = patch.changes.get(&inside) else { return Ok(false) };
            if matches!(change.new, Some(Item::Directory)) && !self.is_whole(&inside, &self.current[&inside], patch)? {
                return Ok(false);
            }
        }
        let below = |inside: &&TreePath| inside.is_below(path);
        Ok(patch.changes.keys().filter(below).all(|inside| match &patch.changes[inside].new {
            Some(item) => self.is_state(inside, &self.current[inside], item, true),
            None => self.current[inside] == Current::Absent,
        }))
    }

    fn is_expected(&self, path: &TreePath, old: &Expected, there: &Current) -> bool {
        match old {
            Expected::Anything => true,
            Expected::Absent => *there == Current::Absent,
            // Permissions that somebody changed are no reason not to update a file.
            Expected::Item(item) => self.is_state(path, there, item, false),
        }
    }

    /// What is done at `path`, or why it cannot be.
    fn step(
        &self,
        path: &TreePath,
        change: &Change,
        there: &Current,
        same_bytes: bool,
        patch: &Patch,
    ) -> Result<Result<(Step, Make), Conflict>> {
        let conflict = |path: &TreePath, reason| Ok(Err(Conflict { path: path.clone(), reason }));
        if let (true, Current::File { entry, .. }, Some(new)) = (same_bytes, there, change.new_file()) {
            let put = Put::Mode { old: entry.mode, new: mode_for(new, entry.mode) };
            let step = Step { path: path.clone(), take: Take::Nothing, put, new: change.new.clone() };
            return Ok(Ok((step, Make::Nothing)));
        }
        let make = match (&change.new, &change.content) {
            (None, _) => Make::Nothing,
            (Some(Item::Directory), _) if change.whole_directory => {
                let contents = contents(path, patch);
                let changed = contents
                    .iter()
                    .filter_map(|(_, _, content)| content.as_ref())
                    .find_map(|c| self.changed_source(c, patch));
                if let Some(source) = changed {
                    return conflict(source, ConflictReason::Source);
                }
                Make::Directory(contents)
            }
            (Some(Item::Directory), _) => Make::Nothing,
            (Some(Item::Symlink(target)), _) => Make::Symlink(target.clone()),
            (Some(Item::File(file)), Some(content)) => {
                if let Some(source) = self.changed_source(content, patch) {
                    return conflict(source, ConflictReason::Source);
                }
                Make::File(*file, content.clone())
            }
            // Only the permissions were to change, and the bytes are others: the package does not hold the right ones.
            (Some(Item::File(_)), None) => return conflict(path, ConflictReason::Source),
        };
        let take = match there {
            Current::Absent => Take::Nothing,
            Current::Directory(_) if change.whole_directory => Take::Move,
            Current::Directory(mode) => {
                if change.new.is_some() && !self.will_be_empty(path, patch)? {
                    return conflict(path, ConflictReason::NotEmpty);
                }
                Take::RemoveDirectory(*mode)
            }
            Current::File { .. } | Current::Symlink(_) | Current::Other => Take::Move,
        };
        let put = match &change.new {
            None => Put::Nothing,
            Some(Item::Directory) if !change.whole_directory => Put::Directory,
            Some(_) => Put::Staged,
        };
        Ok(Ok((Step { path: path.clone(), take, put, new: change.new.clone() }, make)))
    }

    /// The old file that `content` is made from, where it is another one than it was.
    fn changed_source<'c>(&self, content: &'c Content, patch: &'c Patch) -> Option<&'c TreePath> {
        let is_there = |source: &&Source| {
            matches!(self.current[&source.path], Current::File { size, .. } if size == source.size)
                && self.digests.get(&source.path) == Some(&source.sha256)
        };
        patch.sources(content).find(|source| !is_there(source)).map(|source| &source.path)
    }

    /// Whether everything in the folder at `path` is deleted by the patch.
    fn will_be_empty(&self, path: &TreePath, patch: &Patch) -> Result<bool> {
        let mut reach = Reach::new(self.root);
        let Some(parent) = reach.parent(path)? else { return Ok(true) };
        for name in parent.open_folder(path.name())?.names()? {
            let inside = path.join(&name)?;
            match patch.changes.get(&inside) {
                Some(change) if change.new.is_none() && !change.keep_local => {}
                _ => return Ok(false),
            }
            let is_folder = matches!(self.current[&inside], Current::Directory(_));
            if is_folder && !patch.changes[&inside].whole_directory && !self.will_be_empty(&inside, patch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Packages made by others name files only; the folders that hold them are made where they are missing.
    fn add_folders_on_the_way(
        &self,
        patch: &Patch,
        steps: &mut BTreeMap<TreePath, (Step, Make)>,
        plan: &mut Plan,
    ) -> Result<()> {
        let wanted: BTreeSet<TreePath> = steps
            .iter()
            .filter(|(_, (step, _))| step.put != Put::Nothing)
            .flat_map(|(path, _)| path.ancestors().collect::<Vec<_>>())
            .filter(|ancestor| !patch.changes.contains_key(ancestor))
            .collect();
        let mut reach = Reach::new(self.root);
        for path in wanted {
            match look(&mut reach, &path)? {
                Current::Directory(_) => {}
                Current::Absent => {
                    let step = Step {
                        path: path.clone(),
                        take: Take::Nothing,
                        put: Put::Directory,
                        new: Some(Item::Directory),
                    };
                    steps.insert(path, (step, Make::Nothing));
                }
                _ => plan.conflicts.push(Conflict { path, reason: ConflictReason::NoDirectory }),
            }
        }
        Ok(())
    }
}

impl Make {
    /// The bytes of the new item.
    pub fn bytes(&self) -> u64 {
        match self {
            Make::File(file, _) => file.size,
            Make::Directory(items) => items.iter().map(|(_, item, _)| item.size()).fold(0, u64::saturating_add),
            Make::Nothing | Make::Symlink(_) => 0,
        }
    }
}

/// Everything that the patch puts below `path`.
fn contents(path: &TreePath, patch: &Patch) -> Vec<(TreePath, Item, Option<Content>)> {
    let below = patch.changes.iter().filter(|(inside, _)| inside.is_below(path));
    below.filter_map(|(inside, change)| Some((inside.clone(), change.new.clone()?, change.content.clone()))).collect()
}

/// The permissions of a file whose owner, and with it whoever may read it, may execute it or not.
pub(super) fn mode_for(file: &FileItem, mode: u32) -> u32 {
    if file.executable { mode | (mode & 0o444) >> 2 | 0o100 } else { mode & !0o111 }
}

fn look(reach: &mut Reach<'_>, path: &TreePath) -> Result<Current> {
    let Some(parent) = reach.parent(path)? else { return Ok(Current::Absent) };
    let Some(entry) = parent.entry(path.name())? else { return Ok(Current::Absent) };
    Ok(match entry.kind {
        Kind::Directory => Current::Directory(entry.mode),
        Kind::File { size } => Current::File { size, entry },
        Kind::Symlink => match parent.read_symlink(path.name()) {
            Ok(target) => Current::Symlink(target),
            Err(e) if e.status() == Status::UnsafePath => Current::Other,
            Err(e) => return Err(e),
        },
        Kind::Other => Current::Other,
    })
}

/// The error that names everything that stands in the way.
pub(super) fn conflict_error(conflicts: &[Conflict]) -> Error {
    let list = |reason: ConflictReason| {
        let paths: Vec<_> = conflicts.iter().filter(|c| c.reason == reason).map(|c| c.path.as_str()).collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    };
    let mut parts = Vec::new();
    if let Some(paths) = list(ConflictReason::Modified) {
        parts.push(format!("changed here, --overwrite-local takes the patch's: {paths}"));
    }
    if let Some(paths) = list(ConflictReason::Source) {
        parts.push(format!(
            "not what the patch was made from, and it does not hold them whole (repair or install in full): {paths}"
        ));
    }
    if let Some(paths) = list(ConflictReason::NotEmpty) {
        parts.push(format!("directories that should go and hold something the patch does not know: {paths}"));
    }
    if let Some(paths) = list(ConflictReason::NoDirectory) {
        parts.push(format!("should be directories: {paths}"));
    }
    Error::new(Status::Conflict, format!("the tree is not what the patch expects; {}", parts.join("; ")))
}
