//! What stands in a directory, and what becomes of it without a patch.

use std::path::Path;

use patchcore::tree::{self, Item, TreePath};

use super::{Installed, ItemKind, ScanOptions, TreeItem, TreeSnapshot};
use crate::job::Job;
use crate::options::threads;
use crate::status::Result;

/// What stands in the directory at `root`.
pub fn scan(root: &Path, options: &ScanOptions, job: &mut Job) -> Result<TreeSnapshot> {
    let found = tree::scan(root, &options.for_core(), job.task())?;
    let item = |(path, item): (&TreePath, &Item)| {
        let (kind, file, target) = match item {
            Item::File(file) => (ItemKind::File, Some(file), None),
            Item::Directory => (ItemKind::Directory, None, None),
            Item::Symlink(target) => (ItemKind::Symlink, None, Some(target.clone())),
        };
        TreeItem {
            path: path.to_string(),
            kind,
            size: item.size(),
            digest: file.map(|file| file.sha256),
            executable: file.is_some_and(|file| file.executable),
            target,
        }
    };
    Ok(TreeSnapshot { digest: found.digest(), size: found.size(), items: found.items.iter().map(item).collect() })
}

/// Takes back the last patch that was applied to the tree at `root`, and says what the tree is known to be then.
///
/// INVALID_ARGUMENT where no backup is kept; CONFLICT where files were changed since, unless `overwrite_local` gives those up.
pub fn rollback(root: &Path, overwrite_local: bool, threads_given: u64, job: &mut Job) -> Result<Option<Installed>> {
    let installed = tree::rollback(root, overwrite_local, threads(threads_given), job.task())?;
    Ok(installed.map(Installed::from))
}

/// Finishes whatever a crash left of a change of the tree at `root`, and says what the tree is known to be.
pub fn recover(root: &Path, job: &mut Job) -> Result<Option<Installed>> {
    Ok(tree::recover(root, job.task())?.map(Installed::from))
}

/// What the tree at `root` is known to be. Nothing is written.
pub fn installed(root: &Path) -> Result<Option<Installed>> {
    Ok(tree::installed(root)?.map(Installed::from))
}

/// Gives up the backup of the tree at `root`, and says whether there was one.
pub fn clean(root: &Path, job: &mut Job) -> Result<bool> {
    tree::clean(root, job.task())
}
