//! What several patches in a row do to each path, and where the bytes of each file come from in the end.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::delta::{Ends, Joint};
use crate::error::{Error, Result, Status};
use crate::tree::item::{FileItem, Item};
use crate::tree::patch::{Change, Content, Expected, Patch, Source};
use crate::tree::path::TreePath;

/// Where the bytes of a file come from.
#[derive(Clone, Debug)]
pub(super) enum Recipe {
    /// A file of the first tree.
    Old(Source),
    /// A file that a package holds whole.
    Whole {
        /// The number of the package.
        package: usize,
        entry: String,
    },
    /// One of the files that a delta makes, by its number.
    Part(Rc<DeltaRecipe>, usize),
}

/// What a delta is applied to.
#[derive(Debug)]
pub(super) struct DeltaRecipe {
    /// The number of the package that holds it.
    pub package: usize,
    pub entry: String,
    /// How its sources come to be.
    pub sources: Vec<Recipe>,
    pub ends: Ends,
}

/// What became of a path so far.
#[derive(Clone, Debug)]
struct Link {
    /// Its content says nothing; the recipe does.
    change: Change,
    /// Nothing where the file of the first tree keeps its bytes, or there is no file.
    recipe: Option<Recipe>,
}

/// Recipes by the paths of their files.
type Joined = BTreeMap<TreePath, Recipe>;

/// What became of all paths so far.
pub(super) struct History {
    links: BTreeMap<TreePath, Link>,
    /// What is promised beside the changes.
    frame: Patch,
    /// The number of patches so far.
    count: usize,
}

impl History {
    /// Begins with the first patch.
    pub fn begin(first: &Patch) -> Result<Self> {
        let frame = Patch { changes: BTreeMap::new(), joined: Vec::new(), ..first.clone() };
        let mut history = Self { links: BTreeMap::new(), frame, count: 0 };
        let joined = history.joined(first)?;
        let mut links = Vec::with_capacity(first.changes.len());
        for (path, change) in &first.changes {
            let recipe = history.recipe(path, change, &joined)?;
            links.push((path.clone(), Link { change: Change { content: None, ..change.clone() }, recipe }));
        }
        history.links.extend(links);
        history.count = 1;
        Ok(history)
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
        let joined = self.joined(patch)?;
        let mut links = Vec::with_capacity(patch.changes.len());
        for (path, change) in &patch.changes {
            links.push((path.clone(), self.link(path, change, patch, &joined)?));
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
    fn link(&self, path: &TreePath, change: &Change, patch: &Patch, joined: &Joined) -> Result<Link> {
        let before = self.links.get(path);
        let replaced_with_all = path.ancestors().any(|ancestor| is_whole(patch, &ancestor));
        if !replaced_with_all {
            self.check_continues(path, change, before)?;
        }
        let recipe = self.recipe(path, change, joined)?;
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

    fn recipe(&self, path: &TreePath, change: &Change, joined: &Joined) -> Result<Option<Recipe>> {
        Ok(match &change.content {
            Some(Content::Whole) => Some(Recipe::Whole { package: self.count, entry: path.to_string() }),
            Some(Content::Copy(source)) => Some(self.made(source)?),
            Some(Content::Delta { entry, source }) => {
                let ends = Ends {
                    old: Joint::new([(source.size, source.sha256)]),
                    new: Joint::new(change.new_file().map(|file| (file.size, file.sha256))),
                };
                let sources = vec![self.made(source)?];
                let delta = DeltaRecipe { package: self.count, entry: entry.clone(), sources, ends };
                Some(Recipe::Part(Rc::new(delta), 0))
            }
            Some(Content::Joined { .. }) => joined.get(path).cloned(),
            // Other permissions, and the bytes as whoever came before left them.
            None if change.new_file().is_some() => self.links.get(path).and_then(|link| link.recipe.clone()),
            None => None,
        })
    }

    /// How the files come to be that the joined deltas of `patch` make.
    fn joined(&self, patch: &Patch) -> Result<Joined> {
        let mut recipes = Joined::new();
        for (joined, results) in patch.joined.iter().zip(patch.results()) {
            let sources = joined.sources.iter().map(|source| self.made(source)).collect::<Result<_>>()?;
            let entry = joined.entry.clone();
            let delta = Rc::new(DeltaRecipe { package: self.count, entry, sources, ends: joined.ends(&results) });
            let parts = results.iter().enumerate();
            recipes.extend(parts.map(|(number, (path, _))| ((*path).clone(), Recipe::Part(delta.clone(), number))));
        }
        Ok(recipes)
    }

    /// How a file comes to be that the next patch takes for an old one.
    fn made(&self, source: &Source) -> Result<Recipe> {
        match self.links.get(&source.path) {
            Some(link) => match link.change.new_file() {
                Some(file) if (file.size, file.sha256) == (source.size, source.sha256) => {
                    Ok(link.recipe.clone().unwrap_or_else(|| Recipe::Old(source.clone())))
                }
                _ => Err(mismatch(&source.path)),
            },
            None if self.in_whole(&source.path) => Err(mismatch(&source.path)),
            None => Ok(Recipe::Old(source.clone())),
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

fn mismatch(path: &TreePath) -> Error {
    let message = format!("the packages do not continue one another: {path} is not what the next one starts from");
    Error::new(Status::SourceMismatch, message)
}
