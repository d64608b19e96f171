//! What a tree patch promises: per path what must stand there before and what will stand there after.
//!
//! A patch says states, not steps: what is at its new state already needs nothing, and two patches in a row make one by
//! taking the old states of the first and the new states of the second.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::tree::item::{FileItem, Item};
use crate::tree::path::{TreePath, check_link_target};
use crate::version::Version;

/// The version of the format of `patch.json` that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 1;

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

impl Content {
    /// The old file that the bytes are made from.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Content::Whole => None,
            Content::Copy(source) | Content::Delta { source, .. } => Some(source),
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
            (Some(Item::File(_)), Some(Content::Delta { .. })) => ChangeKind::Delta,
        }
    }
}

/// What is done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A file whose bytes are in the package.
    Replace,
    /// A file made from an old one and a delta.
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

/// `patch.json` as it is written. Fields that a reader does not know are passed over; what a reader must know to apply the
/// patch stands in `requires`.
#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    format_version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requires: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old_tree: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new_tree: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applies_to: Option<VersionRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    changes: Vec<DocumentChange>,
}

#[derive(Serialize, Deserialize)]
struct DocumentChange {
    path: String,
    #[serde(flatten)]
    change: Change,
}

const DOCUMENT_TYPE: &str = "tree-patch";

impl Patch {
    /// The text of `patch.json`: the same for the same patch.
    pub fn to_json(&self) -> String {
        let document = Document {
            kind: DOCUMENT_TYPE.to_owned(),
            format_version: FORMAT_VERSION,
            requires: Vec::new(),
            old_tree: self.old_tree,
            new_tree: self.new_tree,
            applies_to: self.applies_to,
            version: self.version,
            changes: self
                .changes
                .iter()
                .map(|(path, change)| DocumentChange { path: path.to_string(), change: change.clone() })
                .collect(),
        };
        serde_json::to_string(&document).expect("plain data has a JSON text")
    }

    /// Reads `patch.json` and checks that it makes sense on its own: CORRUPT, UNSUPPORTED or UNSAFE_PATH otherwise.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let damaged = |e: serde_json::Error| Error::corrupt(format!("patch.json cannot be read: {e}"));
        // A newer format may have put anything into the rest.
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "type")]
            kind: String,
            format_version: u32,
            #[serde(default)]
            requires: Vec<String>,
        }
        let head: Head = serde_json::from_slice(text).map_err(damaged)?;
        if head.kind != DOCUMENT_TYPE {
            return Err(Error::corrupt("patch.json is of another type than tree-patch"));
        }
        if head.format_version != FORMAT_VERSION {
            let message =
                format!("tree patch format version {} is not supported; update patchcore", head.format_version);
            return Err(Error::new(Status::Unsupported, message));
        }
        if let Some(feature) = head.requires.first() {
            let message =
                format!("the tree patch needs \"{}\", which is not known; update patchcore", feature.escape_debug());
            return Err(Error::new(Status::Unsupported, message));
        }
        let document: Document = serde_json::from_slice(text).map_err(damaged)?;
        let mut changes = BTreeMap::new();
        for DocumentChange { path, change } in document.changes {
            match changes.entry(TreePath::parse(&path)?) {
                Entry::Vacant(entry) => entry.insert(change),
                Entry::Occupied(_) => return Err(Error::corrupt(format!("patch.json changes {path} twice"))),
            };
        }
        let patch = Self {
            old_tree: document.old_tree,
            new_tree: document.new_tree,
            applies_to: document.applies_to,
            version: document.version,
            changes,
        };
        patch.check()?;
        Ok(patch)
    }

    /// The bytes of the files that will be written.
    pub fn new_size(&self) -> u64 {
        self.changes
            .values()
            .filter(|change| change.content.is_some())
            .filter_map(Change::new_file)
            .map(|file| file.size)
            .fold(0, u64::saturating_add)
    }

    /// Checks every change on its own and beside the others.
    pub fn check(&self) -> Result<()> {
        for (path, change) in &self.changes {
            let wrong = |why: &str| Err(Error::corrupt(format!("the patch makes no sense at {path}: {why}")));
            if path.is_reserved()
                || change.content.as_ref().and_then(Content::source).is_some_and(|s| s.path.is_reserved())
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
}
