//! A version of the directory as it is needed to publish the next one: what is in it, and its files.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, Prefix, ReadAt};
use crate::progress::Task;
use crate::repository::manifest::{Line, NOTHING, Package};
use crate::repository::plan::Graph;
use crate::repository::store::Store;
use crate::tree::{
    self, FileItem, Item, Patch, ReleaseArchive, ScanOptions, Snapshot, Tree, TreeApplyOptions, TreePackage, TreePath,
    tree_of,
};
use crate::trust::{Promise, Verified};
use crate::version::Version;

/// A version, and whatever holds its files.
pub(super) struct Release {
    pub snapshot: Snapshot,
    /// The archive that its files lie in, where they do.
    pub archive: Option<Arc<ReleaseArchive>>,
    /// A directory that was made for it.
    _unpacked: Option<TempDir>,
}

impl Release {
    /// What `source` holds: a directory, or a ZIP file of one.
    pub fn of(source: &Path, scan: &ScanOptions, task: &mut Task<'_>) -> Result<Self> {
        let metadata = std::fs::metadata(source).map_err(|e| Error::from(e).in_file(source))?;
        if metadata.is_dir() {
            return Ok(Self { snapshot: Snapshot::take(source, scan, task)?, archive: None, _unpacked: None });
        }
        let package = TreePackage::read_whole(Box::new(FileSource::open(source)?), task)?;
        let folder = unpacked()?;
        install(folder.path(), &package, task)?;
        Ok(Self { snapshot: Snapshot::take(folder.path(), scan, task)?, archive: None, _unpacked: Some(folder) })
    }

    /// The version that `package`, an archive of all of it, holds. Its files are read when they are needed.
    pub fn in_archive(
        source: Box<dyn ReadAt>,
        package: &Package,
        listed: Option<Tree>,
        task: &mut Task<'_>,
    ) -> Result<Self> {
        let archive = Arc::new(ReleaseArchive::open(Arc::from(source))?);
        let listed = archive.patch().map(tree_of).or(listed);
        let tree = match listed.filter(|tree| package.tree.is_none_or(|digest| digest == tree.digest())) {
            Some(tree) => tree,
            None => tree_by_content(&archive, task)?,
        };
        if package.tree.is_some_and(|digest| digest != tree.digest()) {
            return Err(Error::corrupt(format!("{} holds another tree than the manifest says", package.file)));
        }
        let snapshot = Snapshot::elsewhere(tree, archive.clone());
        Ok(Self { snapshot, archive: Some(archive), _unpacked: None })
    }

    /// A version put together from packages, in a directory that is made for it.
    pub fn assembled(store: &dyn Store, line: &Line<'_>, version: Version, task: &mut Task<'_>) -> Result<Self> {
        let route = Graph::new(line).route(NOTHING, version).ok_or_else(|| {
            let message =
                format!("nothing leads to version {version}: neither a package of the whole nor deltas from one");
            Error::new(Status::NoRoute, message)
        })?;
        let folder = unpacked()?;
        for package in route {
            install(folder.path(), &open(store, package, task)?, task)?;
        }
        let snapshot = Snapshot::take(folder.path(), &ScanOptions::default(), task)?;
        match line.tree_of(version) {
            Some(digest) if digest != snapshot.tree.digest() => Err(Error::new(
                Status::TargetMismatch,
                format!("the packages make another tree than that of {version}"),
            )),
            _ => Ok(Self { snapshot, archive: None, _unpacked: Some(folder) }),
        }
    }
}

fn unpacked() -> Result<TempDir> {
    tempfile::tempdir().map_err(|e| Error::from(e).in_file(&std::env::temp_dir()))
}

/// Applies a package to a directory that nobody else knows.
fn install(folder: &Path, package: &TreePackage, task: &mut Task<'_>) -> Result<()> {
    let options = TreeApplyOptions { overwrite_local: true, no_backup: true, ..TreeApplyOptions::default() };
    tree::apply(folder, package, &options, task)?;
    task.commit_point().go_back();
    Ok(())
}

/// The bytes of a package that count.
pub(super) fn bytes_of(store: &dyn Store, package: &Package) -> Result<Box<dyn ReadAt>> {
    let source = store.open(&package.file)?;
    if source.size() < package.size {
        let message = format!("{} has {} bytes, and the manifest says {}", package.file, source.size(), package.size);
        return Err(Error::corrupt(message));
    }
    Ok(if source.size() == package.size { source } else { Box::new(Prefix::new(source, package.size)?) })
}

/// Opens a package, after all of it was checked.
pub(super) fn open(store: &dyn Store, package: &Package, task: &mut Task<'_>) -> Result<TreePackage> {
    let named = |e: Error| e.in_file(Path::new(&package.file));
    let promise = Promise { size: Some(package.size), digest: package.sha256 };
    let verified = Verified::check(bytes_of(store, package)?, &promise, None, None, task).map_err(named)?;
    open_checked(Box::new(verified), package, task).map_err(named)
}

/// [`open`] for bytes that are known to be right.
pub(super) fn open_checked(source: Box<dyn ReadAt>, package: &Package, task: &mut Task<'_>) -> Result<TreePackage> {
    let opened = TreePackage::read_whole(source, task)?.making(package.to)?;
    match package.deleted.is_empty() {
        true => Ok(opened),
        false => opened.deleting(package.deleted.iter().map(|path| TreePath::parse(path)).collect::<Result<Vec<_>>>()?),
    }
}

/// What an archive that says no digests makes, by reading all of it.
fn tree_by_content(archive: &ReleaseArchive, task: &mut Task<'_>) -> Result<Tree> {
    archive.tree_by(|_, content| {
        let (mut hasher, mut size, mut buffer) = (Hasher::new(), 0, vec![0; 64 << 10]);
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                n => {
                    hasher.update(&buffer[..n]);
                    size += n as u64;
                    task.advance(0)?;
                }
            }
        }
        Ok(Item::File(FileItem { size, sha256: hasher.finish(), executable: false }))
    })
}

/// The text by which a repository remembers the tree of an archive that says no digests.
pub(super) fn listing(tree: &Tree) -> Result<String> {
    Ok(tree::whole_patch(tree, &[])?.to_json())
}

/// The tree that a [`listing`] names.
pub(super) fn listed(text: &[u8]) -> Option<Tree> {
    Patch::from_json(text).ok().as_ref().map(tree_of)
}
