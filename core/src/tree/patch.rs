//! What a tree patch promises: per path what must stand there before and what will stand there after.
//!
//! A patch says states, not steps: what is at its new state already needs nothing, and two patches in a row make one by
//! taking the old states of the first and the new states of the second.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::delta::{Ends, Joint};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::order;
use crate::tree::item::{FileItem, Item};
use crate::tree::path::{TreePath, check_link_target};
use crate::version::Version;

/// The version of the format of `patch.json` that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// So many files at most are the sources of a joined delta, and as many are made by it.
pub const MOST_JOINED: usize = 1 << 16;

/// A patch from one tree to another, without the bytes that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The digest of the tree that it was made from, where that is known.
    pub old_tree: Option<Digest>,
    /// The digest of the tree that it makes, where that is known.
    pub new_tree: Option<Digest>,
    /// The versions that it applies to; any where none are given.
    pub applies_to: Option<VersionRange>,
    /// The version that it makes.
    pub version: Option<Version>,
    /// What changes, by path.
    pub changes: BTreeMap<TreePath, Change>,
    /// The deltas that make several files, by their numbers.
    pub joined: Vec<JoinedDelta>,
    /// The package grew from an earlier one: bytes that belong to no entry may lie between its entries.
    pub grown: bool,
}

/// A delta that makes several files at a time: its old file is all sources, one after the other, and its new file all files
/// whose content names it, the largest first and those of one size by their paths.
///
/// What several files gain alike is then in the package once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedDelta {
    /// The entry of the package.
    pub entry: String,
    /// The old files.
    pub sources: Vec<Source>,
}

/// Versions from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// The lowest.
    pub min: Version,
    /// The highest.
    pub max: Version,
}

impl VersionRange {
    /// Whether it holds `version`.
    pub fn contains(&self, version: &Version) -> bool {
        (self.min..=self.max).contains(version)
    }
}

/// What must stand at a path before a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Nothing.
    Absent,
    /// Whatever there is, or nothing.
    Anything,
    /// Exactly this.
    #[serde(untagged)]
    Item(Item),
}

/// What becomes of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What must stand there before.
    pub old: Expected,
    /// What stands there after; nothing where it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Item>,
    /// Where the bytes of a new file come from; nothing where the old file keeps its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// A directory goes with everything in it, also what no release listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole_directory: bool,
    /// It is installed where there is nothing, and never touched where there is something.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_local: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Where the bytes of a new file come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The entry of the package at the file's own path.
    Whole,
    /// A file of the old tree.
    Copy(Source),
    /// A delta in the package and a file of the old tree.
    Delta {
        /// The entry of the package.
        entry: String,
        /// The old file.
        source: Source,
    },
    /// A delta in the package that makes other files, too.
    Joined {
        /// The number of the delta in [`Patch::joined`].
        delta: usize,
        /// The numbers of those of its sources that this file is made from, in order; the others may be gone or changed.
        from: Vec<usize>,
    },
}

/// A file of the old tree that others are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub path: TreePath,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    pub sha256: Digest,
}

impl JoinedDelta {
    /// The files at both ends of the delta that makes `results`.
    pub(super) fn ends(&self, results: &[(&TreePath, &FileItem)]) -> Ends {
        Ends {
            old: Joint::new(self.sources.iter().map(|source| (source.size, source.sha256))),
            new: Joint::new(results.iter().map(|(_, file)| (file.size, file.sha256))),
        }
    }
}

impl Change {
    /// The file that will be there.
    pub fn new_file(&self) -> Option<&FileItem> {
        self.new.as_ref().and_then(Item::file)
    }

    /// The item that must be there, where it is one.
    pub fn old_item(&self) -> Option<&Item> {
        match &self.old {
            Expected::Item(item) => Some(item),
            Expected::Absent | Expected::Anything => None,
        }
    }

    /// What people call it.
    pub fn kind(&self) -> ChangeKind {
        match (&self.new, &self.content) {
            (None, _) => ChangeKind::Delete,
            (Some(Item::Directory), _) => ChangeKind::Directory,
            (Some(Item::Symlink(_)), _) => ChangeKind::Symlink,
            (Some(Item::File(_)), None) => ChangeKind::Mode,
            (Some(Item::File(_)), Some(Content::Whole)) => ChangeKind::Replace,
            (Some(Item::File(_)), Some(Content::Copy(_))) => ChangeKind::Copy,
            (Some(Item::File(_)), Some(Content::Delta { .. } | Content::Joined { .. })) => ChangeKind::Delta,
        }
    }
}

/// What is done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A file whose bytes are in the package.
    Replace,
    /// A file made from old ones and a delta.
    Delta,
    /// A file whose bytes are those of an old one: a rename, a move or a copy.
    Copy,
    /// A file that becomes executable, or no longer is.
    Mode,
    /// A directory that is made.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Something that goes away.
    Delete,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: &'static [ChangeKind] =
        &[Self::Replace, Self::Delta, Self::Copy, Self::Mode, Self::Directory, Self::Symlink, Self::Delete];

    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Delta => "delta",
            Self::Copy => "copy",
            Self::Mode => "mode",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Delete => "delete",
        }
    }
}

impl Patch {
    /// The bytes of the files that will be written.
    pub fn new_size(&self) -> u64 {
        self.changes
            .values()
            .filter(|change| change.content.is_some())
            .filter_map(Change::new_file)
            .map(|file| file.size)
            .fold(0, u64::saturating_add)
    }

    /// The old files that a file is made from.
    pub fn sources<'a>(&'a self, content: &'a Content) -> impl Iterator<Item = &'a Source> {
        let (one, joined) = match content {
            Content::Whole => (None, None),
            Content::Copy(source) | Content::Delta { source, .. } => (Some(source), None),
            Content::Joined { delta, from } => (None, self.joined.get(*delta).map(|joined| (joined, from))),
        };
        let several =
            joined.into_iter().flat_map(|(joined, from)| from.iter().filter_map(|at| joined.sources.get(*at)));
        one.into_iter().chain(several)
    }

    /// Says where the bytes of `path` come from, if it changes.
    pub(super) fn set_content(&mut self, path: &TreePath, content: Content) {
        if let Some(change) = self.changes.get_mut(path) {
            change.content = Some(content);
        }
    }

    /// Names the entries of all deltas by numbers: first those that make several files, then the others by their paths.
    pub(super) fn number_deltas(&mut self, folder: &str) {
        let of_joined = self.joined.iter_mut().map(|joined| &mut joined.entry);
        let of_one = self.changes.values_mut().filter_map(|change| match &mut change.content {
            Some(Content::Delta { entry, .. }) => Some(entry),
            _ => None,
        });
        of_joined.chain(of_one).enumerate().for_each(|(number, entry)| *entry = format!("{folder}{number}"));
    }

    /// The files that each of the joined deltas makes, in the order in which it makes them.
    pub fn results(&self) -> Vec<Vec<(&TreePath, &FileItem)>> {
        let mut results: Vec<Vec<(&TreePath, &FileItem)>> = vec![Vec::new(); self.joined.len()];
        for (path, change) in &self.changes {
            if let (Some(Content::Joined { delta, .. }), Some(file)) = (&change.content, change.new_file())
                && let Some(results) = results.get_mut(*delta)
            {
                results.push((path, file));
            }
        }
        results.iter_mut().for_each(|results| order::sort_by_key(results, |(_, file)| Reverse(file.size)));
        results
    }

    /// Checks every change on its own and beside the others.
    pub fn check(&self) -> Result<()> {
        self.check_joined()?;
        for (path, change) in &self.changes {
            let wrong = |why: &str| Err(Error::corrupt(format!("the patch makes no sense at {path}: {why}")));
            if path.is_reserved()
                || change.content.iter().any(|content| self.sources(content).any(|source| source.path.is_reserved()))
            {
                let message =
                    format!("{path} lies in the folder that belongs to patchcore; leave it out with --exclude");
                return Err(Error::new(Status::UnsafePath, message));
            }
            match (&change.new, &change.content) {
                (Some(Item::File(new)), None) => match change.old_item() {
                    Some(Item::File(old)) if (old.size, old.sha256) == (new.size, new.sha256) => {}
                    _ => return wrong("nothing says where its bytes come from"),
                },
                (Some(Item::File(new)), Some(Content::Copy(source))) => {
                    if (source.size, source.sha256) != (new.size, new.sha256) {
                        return wrong("it is a copy of another file");
                    }
                }
                (Some(Item::File(_)), Some(_)) | (_, None) => {}
                (_, Some(_)) => return wrong("only files have bytes"),
            }
            if let Some(Item::Symlink(target)) = &change.new {
                check_link_target(path, target)?;
            }
            for ancestor in path.ancestors() {
                match self.changes.get(&ancestor) {
                    Some(Change { new: None | Some(Item::File(_) | Item::Symlink(_)), .. }) if change.new.is_some() => {
                        return wrong("what should hold it will be no directory");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
    fn check_joined(&self) -> Result<()> {
        for (number, joined) in self.joined.iter().enumerate() {
            let wrong = |why: &str| Err(Error::corrupt(format!("the joined delta {number} of the patch {why}")));
            if joined.sources.len() > MOST_JOINED {
                return Err(Error::limit(format!("the joined delta {number} has more than {MOST_JOINED} sources")));
            }
            let mut paths: Vec<_> = joined.sources.iter().map(|source| &source.path).collect();
            paths.sort_unstable();
            if paths.windows(2).any(|pair| pair[0] == pair[1]) {
                return wrong("has a source twice");
            }
            if paths.iter().any(|path| path.is_reserved()) {
                let message = format!("the joined delta {number} is made from what belongs to patchcore");
                return Err(Error::new(Status::UnsafePath, message));
            }
            if joined_size(joined.sources.iter().map(|source| source.size)).is_none() {
                return wrong("has too large sources");
            }
        }
        for (number, results) in self.results().iter().enumerate() {
            let wrong = |why: &str| Err(Error::corrupt(format!("the joined delta {number} of the patch {why}")));
            if results.is_empty() {
                return wrong("makes nothing");
            }
            if results.len() > MOST_JOINED {
                return Err(Error::limit(format!("the joined delta {number} makes more than {MOST_JOINED} files")));
            }
            if joined_size(results.iter().map(|(_, file)| file.size)).is_none() {
                return wrong("makes too large files");
            }
        }
        for (path, change) in &self.changes {
            let Some(Content::Joined { delta, from }) = &change.content else { continue };
            let wrong = |why: &str| Err(Error::corrupt(format!("the patch makes no sense at {path}: {why}")));
            let Some(joined) = self.joined.get(*delta) else { return wrong("there is no such joined delta") };
            if from.windows(2).any(|pair| pair[0] >= pair[1])
                || from.last().is_some_and(|&at| at >= joined.sources.len())
            {
                return wrong("its sources are none of the joined delta's, or in no order");
            }
        }
        Ok(())
    }
}

/// The size of files of these sizes, one after the other; `None` where no delta could be of such a size.
fn joined_size(mut sizes: impl Iterator<Item = u64>) -> Option<u64> {
    sizes.try_fold(0u64, |sum, size| sum.checked_add(size).filter(|&sum| sum < 1 << 63))
}
