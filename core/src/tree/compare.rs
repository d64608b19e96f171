//! What differs between two trees, said as a patch that still lacks the bytes of its files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::digest::Digest;
use crate::error::Result;
use crate::tree::ignore::Rules;
use crate::tree::item::{FileItem, Item, Tree};
use crate::tree::patch::{Change, Content, Expected, Patch, Source};
use crate::tree::path::TreePath;
use crate::tree::similar::Similar;

/// A new file whose bytes the package has to bring, and the old file that they may be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub file: FileItem,
    pub source: Option<Source>,
    /// Whether it may be made from an old file at all.
    pub may_have_source: bool,
}

/// Which paths are treated in another way than all.
pub(super) struct Rulebook {
    keep_local: Rules,
    replace_directories: Rules,
}

impl Rulebook {
    pub fn new(keep_local: &[String], replace_directories: &[String]) -> Result<Self> {
        Ok(Self { keep_local: Rules::new(keep_local)?, replace_directories: Rules::new(replace_directories)? })
    }
}

/// The old files that others may be made from and that do not stay as they are: what is new is probably in them.
pub(super) fn candidates(old: &Tree, new: &Tree, rules: &Rulebook) -> Vec<(TreePath, FileItem)> {
    let changed = old.items.iter().filter(|(path, item)| new.items.get(path) != Some(item));
    let usable = changed.filter(|(path, _)| !rules.keep_local.cover(path.as_str(), false));
    usable.filter_map(|(path, item)| Some((path.clone(), *item.file()?))).collect()
}

/// The patch from `old` to `new`, and which of its files need bytes; these have no content yet. Without `sources` nothing
/// is made from old files.
pub(super) fn compare(
    old: &Tree,
    new: &Tree,
    rules: &Rulebook,
    sources: bool,
) -> Result<(Patch, BTreeMap<TreePath, Need>)> {
    let mut comparison = Comparison {
        old,
        new,
        rules,
        sources,
        by_digest: HashMap::new(),
        similar: Similar::new(old, new, |path| !rules.keep_local.cover(path.as_str(), false)),
        whole: BTreeSet::new(),
        patch: Patch { old_tree: Some(old.digest()), new_tree: Some(new.digest()), ..Patch::default() },
        needs: BTreeMap::new(),
    };
    comparison.find_whole_directories();
    comparison.index_digests();
    let paths: BTreeSet<&TreePath> = old.items.keys().chain(new.items.keys()).collect();
    paths.into_iter().for_each(|path| comparison.path(path));
    Ok((comparison.patch, comparison.needs))
}

struct Comparison<'a> {
    old: &'a Tree,
    new: &'a Tree,
    rules: &'a Rulebook,
    sources: bool,
    by_digest: HashMap<Digest, Vec<&'a TreePath>>,
    similar: Similar<'a>,
    /// The directories that are replaced as a whole.
    whole: BTreeSet<TreePath>,
    patch: Patch,
    needs: BTreeMap<TreePath, Need>,
}

impl<'a> Comparison<'a> {
    fn find_whole_directories(&mut self) {
        for (path, item) in self.old.items.iter().chain(&self.new.items) {
            let meant = *item == Item::Directory && self.rules.replace_directories.mean(path.as_str(), true);
            // A directory that becomes something else is no directory that could be replaced.
            let possible = matches!(self.new.items.get(path), None | Some(Item::Directory));
            if meant && possible && !self.is_in_whole(path) && self.differs_below(path) {
                self.whole.insert(path.clone());
            }
        }
        let inner: Vec<_> = self.whole.iter().filter(|path| self.is_in_whole(path)).cloned().collect();
        self.whole.retain(|path| !inner.contains(path));
    }

    fn is_in_whole(&self, path: &TreePath) -> bool {
        !self.whole.is_empty() && path.ancestors().any(|ancestor| self.whole.contains(&ancestor))
    }

    fn differs_below(&self, path: &TreePath) -> bool {
        self.old.items.get(path) != self.new.items.get(path) || !below(self.old, path).eq(below(self.new, path))
    }

    /// Which old files have the content of a new one.
    fn index_digests(&mut self) {
        if !self.sources {
            return;
        }
        let wanted = self.new.items.iter().filter(|(path, item)| self.old.items.get(path) != Some(item));
        let wanted: Vec<Digest> = wanted.filter_map(|(_, item)| Some(item.file()?.sha256)).collect();
        self.by_digest.extend(wanted.into_iter().map(|digest| (digest, Vec::new())));
        for (path, item) in &self.old.items {
            let Item::File(file) = item else { continue };
            // A file that is the user's own is no source to rely on, and an empty one needs none.
            if file.size == 0 || self.rules.keep_local.cover(path.as_str(), false) {
                continue;
            }
            if let Some(paths) = self.by_digest.get_mut(&file.sha256) {
                paths.push(path);
            }
        }
    }

    fn path(&mut self, path: &TreePath) {
        let (old, new) = (self.old.items.get(path), self.new.items.get(path));
        if self.whole.contains(path) {
            self.change(path, Expected::Anything, new.cloned(), |change| change.whole_directory = true);
            return;
        }
        if self.is_in_whole(path) {
            // All of it is in the package: it must not matter what was there before.
            if let Some(item) = new {
                self.change(path, Expected::Anything, Some(item.clone()), |_| {});
                self.need(path, item, None, false);
            }
            return;
        }
        if old == new {
            return;
        }
        let directory = matches!(new.or(old), Some(Item::Directory));
        if self.rules.keep_local.cover(path.as_str(), directory) {
            if let Some(item) = new {
                self.change(path, Expected::Absent, Some(item.clone()), |change| change.keep_local = true);
                self.need(path, item, None, false);
            }
            return;
        }
        let expected = old.map_or(Expected::Absent, |item| Expected::Item(item.clone()));
        self.change(path, expected, new.cloned(), |_| {});
        let Some(Item::File(file)) = new else { return };
        if let Some(Item::File(before)) = old
            && (before.size, before.sha256) == (file.size, file.sha256)
            && self.sources
        {
            return;
        }
        if let Some(source) = self.copy_of(path, file) {
            if let Some(change) = self.patch.changes.get_mut(path) {
                change.content = Some(Content::Copy(source));
            }
            return;
        }
        let source = match old {
            _ if !self.sources => None,
            Some(Item::File(before)) if before.size > 0 => Some(source_of(path, before)),
            Some(Item::File(_)) => None,
            _ => self.similar.to(path, file).map(|(path, before)| source_of(path, before)),
        };
        self.need(path, &Item::File(*file), source, self.sources);
    }

    fn change(&mut self, path: &TreePath, old: Expected, new: Option<Item>, set: impl FnOnce(&mut Change)) {
        let mut change = Change { old, new, content: None, whole_directory: false, keep_local: false };
        set(&mut change);
        self.patch.changes.insert(path.clone(), change);
    }

    fn need(&mut self, path: &TreePath, item: &Item, source: Option<Source>, may_have_source: bool) {
        if let Item::File(file) = item {
            let need = Need { file: *file, source, may_have_source };
            self.needs.insert(path.clone(), need);
        }
    }

    /// The old file that holds the very same bytes; of several the one with the same name.
    fn copy_of(&self, path: &TreePath, file: &FileItem) -> Option<Source> {
        let paths = self.by_digest.get(&file.sha256)?;
        let namesake = paths.iter().find(|old| old.name() == path.name());
        namesake.or(paths.first()).map(|old| source_of(old, file))
    }
}

fn source_of(path: &TreePath, file: &FileItem) -> Source {
    Source { path: path.clone(), size: file.size, sha256: file.sha256 }
}

/// What is in the directory `path`, at any depth.
fn below<'a>(tree: &'a Tree, path: &'a TreePath) -> impl Iterator<Item = (&'a TreePath, &'a Item)> {
    // Other names may stand between a directory and what is in it, but not far.
    tree.items
        .range(path.clone()..)
        .take_while(move |(other, _)| other.as_str().starts_with(path.as_str()))
        .filter(move |(other, _)| other.is_below(path))
}
