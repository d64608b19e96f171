//! What stands in a tree that a patch does not name.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::Result;
use crate::io::{Folder, Kind};
use crate::progress::{Phase, Task, Unit};
use crate::tree::patch::Patch;
use crate::tree::path::{TreePath, WORK_FOLDER};

/// The paths in the tree at `root` that `patch` does not name, a folder in the place of all that is in it. Names that could be
/// in no tree are told as well as they can be.
pub(super) fn unlisted(root: &Path, patch: &Patch, task: &mut Task<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    // Packages made by others name files only.
    let listed: BTreeSet<TreePath> =
        patch.changes.keys().flat_map(|path| path.ancestors().chain([path.clone()])).collect();
    task.begin(Phase::Scan, 0, Unit::Items)?;
    walk(&Folder::open(root)?, None, &listed, &mut found, task)?;
    task.finish()?;
    found.sort_unstable();
    Ok(found)
}

fn walk(
    folder: &Folder,
    at: Option<&TreePath>,
    listed: &BTreeSet<TreePath>,
    found: &mut Vec<String>,
    task: &mut Task<'_>,
) -> Result<()> {
    for name in folder.all_names()? {
        task.advance(1)?;
        let shown = name.to_string_lossy();
        if at.is_none() && shown.eq_ignore_ascii_case(WORK_FOLDER) {
            continue;
        }
        let text = at.map_or_else(|| shown.clone().into_owned(), |at| format!("{at}/{shown}"));
        let path = name.to_str().and_then(|_| TreePath::parse(&text).ok());
        let is_folder = matches!(folder.entry(&name)?, Some(entry) if entry.kind == Kind::Directory);
        match path.filter(|path| listed.contains(path)) {
            Some(path) if is_folder => walk(&folder.open_folder(&name)?, Some(&path), listed, found, task)?,
            Some(_) => {}
            None => found.push(if is_folder { text + "/" } else { text }),
        }
    }
    Ok(())
}
