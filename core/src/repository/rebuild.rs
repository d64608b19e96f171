//! The manifest and the archive made again from the packages that are there, whoever made those.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result, Status};
use crate::io::digest;
use crate::progress::{LogLevel, Task};
use crate::repository::combined;
use crate::repository::edit::{Edit, EditOptions};
use crate::repository::manifest::{NOTHING, Package, PackageKind};
use crate::repository::plan::Graph;
use crate::repository::publish::previous;
use crate::repository::release::{Release, bytes_of, open_checked};
use crate::repository::store::Store;
use crate::tree::{Compression, Growth, Patch, whole_patch};
use crate::version::Version;

/// What rebuilding found and made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// The newest version.
    pub latest: Option<Version>,
    /// The packages that are in the manifest now.
    pub packages: u64,
    /// Those that it did not name before.
    pub adopted: Vec<String>,
    /// Those that are of no use, and why.
    pub left_out: Vec<(String, String)>,
    /// Those that it named and that are gone.
    pub missing: Vec<String>,
    /// The archives that were made.
    pub made: Vec<String>,
}

/// Makes the manifest and the archives again.
pub(super) fn rebuild(store: &dyn Store, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
    let mut edit = match Edit::begin(store, options.signer.as_ref(), options.dry_run) {
        Err(error) if matches!(error.status(), Status::Corrupt | Status::UnsafePath) => {
            task.log(LogLevel::Warning, || format!("the manifest is of no use, and all of it is made again: {error}"));
            Edit::begin_anew(store, options.signer.as_ref(), options.dry_run)?
        }
        edit => edit?,
    };
    if !edit.known {
        // Which one clients have seen is not known any more; it was less than this.
        edit.manifest.sequence = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    }
    let mut report = RebuildReport::default();
    let mut packages = Vec::new();
    let names: BTreeSet<String> = store.list()?.into_iter().collect();
    report.missing =
        edit.manifest.patches.iter().map(|package| package.file.clone()).filter(|file| !names.contains(file)).collect();
    for name in names {
        let known = edit.manifest.package(&name).cloned();
        if known.is_none() && Package::of_name(&name).is_none() {
            continue;
        }
        // Archives that the manifest gave up stay for whoever still reads them, and are no packages.
        if known.is_none() && edit.state.superseded.contains(&name) {
            continue;
        }
        match look(store, &name, known.clone(), task) {
            Ok((package, plain)) => {
                edit.manifest.plain |= plain;
                if known.is_none() {
                    report.adopted.push(name);
                }
                packages.push(package);
            }
            Err(error) if matches!(error.status(), Status::Io | Status::Cancelled | Status::Permission) => {
                return Err(error);
            }
            Err(error) => report.left_out.push((name, error.message().to_owned())),
        }
    }
    let old_notes: Vec<(Version, Option<String>)> =
        edit.manifest.patches.iter().map(|package| (package.to, package.notes.clone())).collect();
    for package in packages.iter_mut().filter(|package| package.notes.is_none()) {
        package.notes = old_notes
            .iter()
            .find(|(to, notes)| *to == package.to && notes.is_some())
            .and_then(|(_, notes)| notes.clone());
    }
    edit.manifest.patches = packages;
    let architectures: BTreeSet<Option<String>> =
        edit.manifest.patches.iter().map(|package| package.arch.clone()).collect();
    for arch in architectures {
        make_combined(store, &mut edit, arch.as_deref(), &mut report, task)?;
    }
    report.latest = edit.manifest.patches.iter().map(|package| package.to).max();
    report.packages = edit.manifest.patches.len() as u64;
    if !options.dry_run {
        edit.commit(true, task)?;
    }
    Ok(report)
}

/// Finds out what a package is. Says also whether it holds whole files and nothing else.
fn look(store: &dyn Store, name: &str, known: Option<Package>, task: &mut Task<'_>) -> Result<(Package, bool)> {
    let known = known.filter(|known| known.size > 0);
    let mut package = match known {
        Some(known) => known,
        None => Package::of_name(name).ok_or_else(|| Error::invalid("its name says no versions"))?,
    };
    if package.size == 0 {
        package.size = store.open(name)?.size();
    }
    let found = digest(&*bytes_of(store, &package)?, task)?;
    if package.sha256.is_some_and(|promised| promised != found) {
        return Err(Error::corrupt("it is not the file that the manifest named"));
    }
    package.sha256 = Some(found);
    let opened = open_checked(bytes_of(store, &package)?, &package, task)?;
    let patch = opened.patch();
    let plain = patch.new_tree.is_none();
    if !plain {
        package.tree = patch.new_tree;
        package.from_tree = patch.old_tree.filter(|_| !package.is_full());
        if package.operations.is_empty() && !package.is_full() {
            let mut counts = BTreeMap::new();
            for change in patch.changes.values() {
                *counts.entry(change.kind().name().to_owned()).or_default() += 1;
            }
            package.operations = counts;
        }
    }
    if package.file_count == 0 {
        package.file_count = files(patch);
    }
    Ok((package, plain))
}

fn files(patch: &Patch) -> u64 {
    patch.changes.values().filter(|change| change.new_file().is_some()).count() as u64
}

/// Makes the archive of the newest version where there is none.
fn make_combined(
    store: &dyn Store,
    edit: &mut Edit<'_>,
    arch: Option<&str>,
    report: &mut RebuildReport,
    task: &mut Task<'_>,
) -> Result<()> {
    let line = edit.manifest.own_line(arch);
    let Some(latest) = line.latest() else { return Ok(()) };
    if line.full(latest).is_some() || store.folder().is_none() {
        return Ok(());
    }
    if Graph::new(&line).route(NOTHING, latest).is_none() {
        report.left_out.push((
            Package::file_name(PackageKind::Combined, NOTHING, latest, arch),
            "no packages lead from an empty directory to this version".to_owned(),
        ));
        return Ok(());
    }
    let release = Release::assembled(store, &line, latest, task)?;
    let package = Package { arch: arch.map(str::to_owned), ..Package::new(PackageKind::Combined, NOTHING, latest) };
    let package = Package { file: Package::file_name(PackageKind::Combined, NOTHING, latest, arch), ..package };
    write_archive(edit, &release, None, package, report, task)
}

/// Writes an archive and names it in the manifest.
fn write_archive(
    edit: &mut Edit<'_>,
    release: &Release,
    old: Option<&Release>,
    mut package: Package,
    report: &mut RebuildReport,
    task: &mut Task<'_>,
) -> Result<()> {
    report.made.push(package.file.clone());
    if edit.dry_run {
        return Ok(());
    }
    let tree = &*release.snapshot.tree;
    let mut patch = whole_patch(tree, &[])?;
    patch.version = Some(package.to);
    let patch = (!edit.manifest.plain).then_some(&patch);
    let old = old.and_then(|old| Some((old.archive.as_deref()?, &*old.snapshot.tree)));
    let growth = Growth::new(old, tree, edit.manifest.plain);
    let packed = growth.pack(&release.snapshot, patch, Compression::default(), 1, task)?;
    let staged = edit.staged(&package.file);
    let written = combined::write(&staged, &packed, task)?;
    package.size = written.hashes.size;
    package.sha256 = Some(edit.state.remember(&written.hashes));
    package.file_count = packed.entries();
    package.tree = Some(tree.digest());
    edit.announce([package.file.clone()])?;
    edit.put(&package.file, &staged, task)?;
    edit.state.begin_archive(package.arch.as_deref());
    edit.manifest.patches.push(package);
    Ok(())
}

/// Makes the newest version one that new installations start from: a package of all of it without anything dead.
pub(super) fn new_base(store: &dyn Store, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
    let arch = options.arch.as_deref();
    let mut edit = Edit::begin(store, options.signer.as_ref(), options.dry_run)?;
    let line = edit.manifest.own_line(arch);
    let Some(latest) = line.latest() else {
        return Err(Error::new(Status::UnknownVersion, "no version is published yet"));
    };
    let mut report = RebuildReport { latest: Some(latest), ..RebuildReport::default() };
    let file = Package::file_name(PackageKind::Base, NOTHING, latest, arch);
    if edit.manifest.package(&file).is_some() {
        report.packages = edit.manifest.patches.len() as u64;
        return Ok(report);
    }
    let release = previous(store, edit.own_folder().as_deref(), &line, latest, task)?;
    let notes = line.notes(None, latest).into_iter().find(|(version, _)| *version == latest);
    let notes = notes.map(|(_, notes)| notes.to_owned());
    let package =
        Package { file, arch: arch.map(str::to_owned), notes, ..Package::new(PackageKind::Base, NOTHING, latest) };
    // The archive goes too: the base is one, and the next version grows it.
    edit.manifest.patches.retain(|package| !(package.is_full() && package.arch.as_deref() == arch));
    write_archive(&mut edit, &release, Some(&release), package, &mut report, task)?;
    report.packages = edit.manifest.patches.len() as u64;
    if !options.dry_run {
        edit.commit(true, task)?;
    }
    Ok(report)
}
