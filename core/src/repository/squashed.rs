//! One package in the place of several deltas in a row, made from those alone.

use std::path::Path;

use crate::error::Result;
use crate::io::{FileSource, digest};
use crate::progress::Task;
use crate::repository::manifest::{Line, Package, PackageKind};
use crate::repository::plan::Graph;
use crate::repository::release::open;
use crate::repository::store::Store;
use crate::tree::{TreePackage, TreeSquashOptions, squash};
use crate::version::Version;

/// Makes the package that leads from one version to another as `place`. Nothing where no two deltas lead there, or where it
/// would not be fewer bytes than those.
pub(super) fn make(
    store: &dyn Store,
    line: &Line<'_>,
    from: Version,
    to: Version,
    arch: Option<&str>,
    place: &Path,
    task: &mut Task<'_>,
) -> Result<Option<Package>> {
    let Some(route) = Graph::new(line).route(from, to) else { return Ok(None) };
    let Some(package) = merge(store, &route, arch, place, task)? else { return Ok(None) };
    let apart: u64 = route.iter().map(|package| package.size).sum();
    Ok((package.size < apart).then_some(package))
}

/// [`make`] for deltas that lead on from one another, whatever it takes.
pub(super) fn merge(
    store: &dyn Store,
    route: &[&Package],
    arch: Option<&str>,
    place: &Path,
    task: &mut Task<'_>,
) -> Result<Option<Package>> {
    let (Some(first), Some(last), true) = (route.first(), route.last(), route.len() > 1) else { return Ok(None) };
    let packages = route.iter().map(|package| open(store, package, task)).collect::<Result<Vec<TreePackage>>>()?;
    let packages: Vec<&TreePackage> = packages.iter().collect();
    let stats = squash(&packages, place, &TreeSquashOptions::default(), task)?;
    task.commit_point().go_back();
    let package = Package {
        file: Package::file_name(PackageKind::Delta, first.from, last.to, arch),
        size: stats.package_size,
        sha256: Some(digest(&FileSource::open(place)?, task)?),
        file_count: stats.changes.values().sum(),
        operations: stats.changes.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect(),
        arch: arch.map(str::to_owned),
        tree: last.tree,
        from_tree: first.from_tree,
        notes: last.notes.clone(),
        is_squashed: true,
        ..Package::new(PackageKind::Delta, first.from, last.to)
    };
    Ok(Some(package))
}
