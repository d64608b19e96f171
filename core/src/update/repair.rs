//! A tree made what a release is, from as few bytes of a whole package as differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, Outcome, Result, Status};
use crate::progress::Task;
use crate::repository::Package;
use crate::transfer::{RemoteFile, RemoteOptions, resolve};
use crate::tree::{self, TreePackage, TreePath};
use crate::update::repository::{Way, promised};
use crate::update::run::UpdateAction;

/// What a repair may replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Whatever differs.
    Everything,
    /// What stands at these paths, and beside it what is missing.
    Only(BTreeSet<TreePath>),
}

/// Installs what differs from the release in `full`, and fetches no other files of it.
///
/// The package is not verified as a whole. Its patch says the digest of every file and is taken only if the digest of the
/// tree, which comes of it, is the one in the manifest; the executor installs nothing that has another digest.
pub(super) fn by_parts(way: &mut Way<'_>, full: &Package, scope: &Scope, task: &mut Task<'_>) -> Result<()> {
    let Some(tree) = full.tree.filter(|_| !way.plain) else {
        let message = format!("nothing says what is in {} but all of it", full.file);
        return Err(Error::new(Status::Unsupported, message));
    };
    let url = resolve(way.base, &full.file)?;
    let remote = RemoteOptions { size: Some(full.size), fetch: way.options.fetch.clone(), ..RemoteOptions::default() };
    let source = Arc::new(RemoteFile::open(&url, remote, task)?);
    let done = TreePackage::read_release(source.clone())
        .and_then(|package| promised(package.making_tree(tree)?, full))
        .and_then(|package| install(way, package, scope, task));
    way.report.downloaded += source.transferred();
    done
}

/// Puts in place what differs from `package`, which makes a whole version.
pub(super) fn install(way: &mut Way<'_>, package: TreePackage, scope: &Scope, task: &mut Task<'_>) -> Result<()> {
    let package = package.keeping(&way.options.keep_local)?;
    let kept_by_pattern: BTreeSet<TreePath> =
        package.patch().changes.iter().filter(|(_, change)| change.keep_local).map(|(path, _)| path.clone()).collect();
    let package = match scope {
        Scope::Everything => package,
        Scope::Only(paths) => package.keeping_where(|path, _| !paths.contains(path)),
    };
    let mut stats = tree::apply(way.root, &package, &way.whole_options(), task)?;
    task.commit_point().go_back();
    stats.kept.retain(|path| kept_by_pattern.contains(path));
    way.add(stats);
    way.report.unlisted = tree::unlisted(way.root, &package, task)?;
    way.report.action = UpdateAction::Applied;
    Ok(())
}

/// Whether the whole package may do what some parts of it did not: the server has no parts, or those that it gave are wrong.
pub(super) fn helps_to_fetch_the_whole(error: &Error) -> bool {
    error.outcome() != Some(Outcome::RollbackFailed)
        && matches!(error.status(), Status::Unsupported | Status::Corrupt | Status::TargetMismatch)
}
