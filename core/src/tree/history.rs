//! What several patches in a row do to each path, and where the bytes of each file come from in the end.

use std::collections::BTreeMap;

use crate::error::{Error, Result, Status};
use crate::tree::item::{FileItem, Item};
use crate::tree::patch::{Change, Content, Expected, Patch, Source};
use crate::tree::path::TreePath;

/// Where the bytes of a file come from: a beginning, and the deltas that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub base: Base,
    /// The numbers of packages, and entries of theirs.
    pub deltas: Vec<(usize, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A file of the first tree.
    Old(Source),
    /// A file that a package holds whole.
    Whole { package: usize, entry: String },
}

/// What became of a path so far.
#[derive(Clone, Debug)]
struct Link {
    /// Its content says nothing; the recipe does.
    change: Change,
    /// Nothing where the file of the first tree keeps its bytes, or there is no file.
    recipe: Option<Recipe>,
}

/// What became of all paths so far.
pub(super) struct History {
    links: BTreeMap<TreePath, Link>,
    /// What is promised beside the changes.
    frame: Patch,
    /// The number of patches so far.
    count: usize,
}

impl History {
    pub fn begin(first: &Patch) -> Self {
        let frame = Patch {
            old_tree: first.old_tree,
            new_tree: first.new_tree,
            applies_to: first.applies_to,
            version: first.version,
            changes: BTreeMap::new(),
        };
        let links = first.changes.iter().map(|(path, change)| {
            let recipe = match &change.content {
                None => None,
                Some(Content::Whole) => Some(whole(0, path)),
                Some(Content::Copy(source)) => Some(old(source)),
                Some(Content::Delta { entry, source }) => Some(and_delta(old(source), 0, entry)),
            };
            (path.clone(), Link { change: Change { content: None, ..change.clone() }, recipe })
        });
        Self { links: links.collect(), frame, count: 1 }
    }

    /// Goes on with the next patch.
    pub fn follow(&mut self, patch: &Patch) -> Result<()> {
        if let (Some(made), Some(expected)) = (self.frame.new_tree, patch.old_tree)
            && made != expected
        {
            let message = format!(
                "the packages do not continue one another: one makes the tree {}, the next starts at {}",
                made.short(),
                expected.short()
            );
            return Err(Error::new(Status::SourceMismatch, message));
        }
        let mut links = Vec::with_capacity(patch.changes.len());
        for (path, change) in &patch.changes {
            links.push((path.clone(), self.link(path, change, patch)?));
        }
        // What a directory that goes as a whole held is no longer anybody's.
        for (path, change) in &patch.changes {
            if change.whole_directory {
                let below: Vec<_> = self.links.keys().filter(|other| other.is_below(path)).cloned().collect();
                below.iter().for_each(|other| drop(self.links.remove(other)));
            }
        }
        self.links.extend(links);
        self.tidy();
        self.frame.new_tree = patch.new_tree;
        self.frame.version = patch.version;
        self.count += 1;
        Ok(())
    }

    /// The patch that all make together, whose files have no content yet, and how each file comes to be that has other bytes
    /// than before.
    pub fn finish(self) -> (Patch, BTreeMap<TreePath, Recipe>) {
        let Self { links, frame: mut patch, .. } = self;
        let mut recipes = BTreeMap::new();
        for (path, Link { change, recipe }) in links {
            if let Some(recipe) = recipe {
                recipes.insert(path.clone(), recipe);
            }
            patch.changes.insert(path, change);
        }
        (patch, recipes)
    }

    /// What becomes of a path by what became of it so far and by `change`.
    fn link(&self, path: &TreePath, change: &Change, patch: &Patch) -> Result<Link> {
        let before = self.links.get(path);
        let replaced_with_all = path.ancestors().any(|ancestor| is_whole(patch, &ancestor));
        if !replaced_with_all {
            self.check_continues(path, change, before)?;
        }
        let recipe = self.recipe(path, change)?;
        let mut next = Change { content: None, ..change.clone() };
        if let Some(before) = before {
            // Whatever is there stays; only where nothing is left is it installed.
            if change.keep_local && before.change.new.is_some() {
                return Ok(before.clone());
            }
            next.old = before.change.old.clone();
            next.whole_directory |= before.change.whole_directory;
            next.keep_local = false;
        }
        // What is replaced with all around it has to be said, also where it is what it was.
        if replaced_with_all || self.in_whole(path) {
            next.old = Expected::Anything;
        }
        Ok(Link { change: next, recipe })
    }

    fn check_continues(&self, path: &TreePath, change: &Change, before: Option<&Link>) -> Result<()> {
        let made = match before {
            Some(link) => &link.change.new,
            None if self.in_whole(path) => &None,
            None => return Ok(()),
        };
        let continues = match (&change.old, made) {
            (Expected::Anything, _) => true,
            (Expected::Absent, made) => made.is_none() || change.keep_local,
            (Expected::Item(Item::File(expected)), Some(Item::File(made))) => same_bytes(expected, made),
            (Expected::Item(expected), made) => made.as_ref() == Some(expected),
        };
        if continues { Ok(()) } else { Err(mismatch(path)) }
    }

    fn recipe(&self, path: &TreePath, change: &Change) -> Result<Option<Recipe>> {
        Ok(match &change.content {
            Some(Content::Whole) => Some(whole(self.count, path)),
            Some(Content::Copy(source)) => Some(self.made(source)?),
            Some(Content::Delta { entry, source }) => Some(and_delta(self.made(source)?, self.count, entry)),
            // Other permissions, and the bytes as whoever came before left them.
            None if change.new_file().is_some() => self.links.get(path).and_then(|link| link.recipe.clone()),
            None => None,
        })
    }

    /// How a file comes to be that the next patch takes for an old one.
    fn made(&self, source: &Source) -> Result<Recipe> {
        match self.links.get(&source.path) {
            Some(link) => match link.change.new_file() {
                Some(file) if (file.size, file.sha256) == (source.size, source.sha256) => {
                    Ok(link.recipe.clone().unwrap_or_else(|| old(source)))
                }
                _ => Err(mismatch(&source.path)),
            },
            None if self.in_whole(&source.path) => Err(mismatch(&source.path)),
            None => Ok(old(source)),
        }
    }

    /// Whether a directory that was replaced as a whole holds `path`.
    fn in_whole(&self, path: &TreePath) -> bool {
        path.ancestors().any(|ancestor| self.links.get(&ancestor).is_some_and(|link| link.change.whole_directory))
    }

    /// Drops what comes to nothing, and what only kept the bytes that are there.
    fn tidy(&mut self) {
        let in_whole: Vec<TreePath> = self
            .links
            .iter()
            .filter(|(path, link)| {
                let holder = path.ancestors().filter_map(|ancestor| self.links.get(&ancestor));
                let mut holder = holder.filter(|holder| holder.change.whole_directory).peekable();
                let gone = |holder: &Link| holder.change.new != Some(Item::Directory);
                holder.peek().is_some() && (link.change.new.is_none() || holder.any(gone))
            })
            .map(|(path, _)| path.clone())
            .collect();
        in_whole.iter().for_each(|path| drop(self.links.remove(path)));
        self.links.retain(|_, link| {
            let Change { old, new, whole_directory, keep_local, .. } = &link.change;
            if *whole_directory || *keep_local {
                return true;
            }
            match (old, new) {
                (Expected::Absent, None) => false,
                (Expected::Item(old), Some(new)) => {
                    if let (Item::File(old), Item::File(new)) = (old, new)
                        && same_bytes(old, new)
                    {
                        link.recipe = None;
                    }
                    old != new
                }
                _ => true,
            }
        });
    }
}

fn is_whole(patch: &Patch, path: &TreePath) -> bool {
    patch.changes.get(path).is_some_and(|change| change.whole_directory)
}

fn same_bytes(a: &FileItem, b: &FileItem) -> bool {
    (a.size, a.sha256) == (b.size, b.sha256)
}

fn whole(package: usize, path: &TreePath) -> Recipe {
    Recipe { base: Base::Whole { package, entry: path.to_string() }, deltas: Vec::new() }
}

fn old(source: &Source) -> Recipe {
    Recipe { base: Base::Old(source.clone()), deltas: Vec::new() }
}

fn and_delta(mut recipe: Recipe, package: usize, entry: &str) -> Recipe {
    recipe.deltas.push((package, entry.to_owned()));
    recipe
}

fn mismatch(path: &TreePath) -> Error {
    let message = format!("the packages do not continue one another: {path} is not what the next one starts from");
    Error::new(Status::SourceMismatch, message)
}
