//! Names that are two in a package and one on the disk: where case or Unicode's normal forms do not count.
//!
//! Every file system has tables of its own for that, so it is asked itself, in the work folder of the tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result, Status};
use crate::io::Folder;
use crate::tree::journal::{Put, Step, Take};
use crate::tree::path::TreePath;
use crate::tree::reach::Reach;

/// The folder in the work folder in which names are tried.
pub(super) const NAMES: &str = "names";
const PROBE: &str = "probe-\u{e9}";
const OTHER_CASE: &str = "PROBE-\u{e9}";
const OTHER_FORM: &str = "probe-e\u{301}";

/// Checks that all names of the new tree can stand side by side: UNSAFE_PATH names two that cannot.
pub(super) fn check<'a>(root: &Folder, work: &Folder, steps: impl Iterator<Item = &'a Step>) -> Result<()> {
    work.remove_all(NAMES)?;
    work.create_folder(NAMES)?;
    let names = work.open_folder(NAMES)?;
    let checked = if folds(&names)? { check_with(root, &names, steps) } else { Ok(()) };
    work.remove_all(NAMES)?;
    checked
}

/// Whether the file system takes different names for one.
fn folds(names: &Folder) -> Result<bool> {
    drop(names.create_file(PROBE, 0o600)?);
    let folds = names.entry(OTHER_CASE)?.is_some() || names.entry(OTHER_FORM)?.is_some();
    names.remove_file(PROBE)?;
    Ok(folds)
}

fn check_with<'a>(root: &Folder, names: &Folder, steps: impl Iterator<Item = &'a Step>) -> Result<()> {
    let (mut added, mut gone) = (BTreeMap::<_, Vec<&TreePath>>::new(), BTreeSet::new());
    for step in steps {
        match (step.take, step.put) {
            (_, Put::Staged | Put::Directory) => added.entry(step.path.parent()).or_default().push(&step.path),
            (Take::Move | Take::RemoveDirectory(_), _) => drop(gone.insert(&step.path)),
            (Take::Nothing, _) => {}
        }
    }
    let mut reach = Reach::new(root);
    for paths in added.into_values() {
        let mut held = BTreeMap::new();
        if let Some(parent) = reach.parent(paths[0])? {
            for name in parent.names()? {
                let path = sibling(paths[0], &name)?;
                if !gone.contains(&path) && !paths.contains(&&path) {
                    hold(names, &path, &mut held)?;
                }
            }
        }
        for path in paths {
            hold(names, path, &mut held)?;
        }
        for name in names.names()? {
            names.remove_file(&name)?;
        }
    }
    Ok(())
}

fn sibling(path: &TreePath, name: &str) -> Result<TreePath> {
    path.parent().map_or_else(|| TreePath::parse(name), |parent| parent.join(name))
}

/// Takes the name of `path`, which nobody may have taken.
fn hold(names: &Folder, path: &TreePath, held: &mut BTreeMap<String, TreePath>) -> Result<()> {
    if names.entry(path.name())?.is_some() {
        // The one that took it is called otherwise here, or it would be the same path.
        let other = held.values().find(|other| same_when_folded(other.name(), path.name()));
        let other = other.map_or_else(|| "another path".to_owned(), TreePath::to_string);
        let message = format!("{path} and {other} are one name on this file system; rename one of them in the release");
        return Err(Error::new(Status::UnsafePath, message));
    }
    drop(names.create_file(path.name(), 0o600)?);
    held.insert(path.name().to_owned(), path.clone());
    Ok(())
}

fn same_when_folded(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
