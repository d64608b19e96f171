//! What goes: old deltas, bad releases.

use std::collections::HashSet;
use std::fs::OpenOptions;

use crate::error::{Error, Result, Status};
use crate::io::digest;
use crate::progress::Task;
use crate::repository::combined;
use crate::repository::edit::{Edit, EditOptions};
use crate::repository::manifest::{Line, NOTHING, Package};
use crate::repository::plan::Graph;
use crate::repository::release::bytes_of;
use crate::repository::squashed;
use crate::repository::store::Store;
use crate::version::Version;

/// What pruning removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// The files.
    pub removed: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// How many deltas stay although they are old, since nothing else leads on from where they start.
    pub needed: u64,
}

/// Removes the deltas from versions that are more than `keep` versions behind the newest.
pub(super) fn prune(store: &dyn Store, keep: usize, options: &EditOptions, task: &mut Task<'_>) -> Result<PruneReport> {
    let mut edit = Edit::begin(store, options.signer.as_ref(), options.dry_run)?;
    let line = edit.manifest.own_line(options.arch.as_deref());
    let versions = line.versions();
    let Some(latest) = line.latest() else { return Ok(PruneReport::default()) };
    let oldest = versions.len().checked_sub(keep.saturating_add(1)).map_or(NOTHING, |number| versions[number]);
    let all = line.packages();
    let mut old: HashSet<&str> = all
        .iter()
        .filter(|package| !package.is_full() && package.from < oldest)
        .map(|package| &*package.file)
        .collect();
    let count = old.len();
    let before = Graph::new(&line);
    for version in [NOTHING].into_iter().chain(versions.iter().copied()).filter(|version| *version != latest) {
        let rest: Vec<&Package> = all.iter().copied().filter(|package| !old.contains(&*package.file)).collect();
        let after = Graph::new(&Line::of(rest));
        let leads = |graph: &Graph<'_>, from| graph.route(from, latest).is_some();
        if leads(&after, version) || leads(&after, NOTHING) {
            continue;
        }
        // Nothing else is left for whoever has this version.
        for package in before.route(version, latest).into_iter().flatten() {
            old.remove(&*package.file);
        }
    }
    let gone = |package: &Package| old.contains(&*package.file);
    let removed: Vec<String> = all.iter().filter(|package| gone(package)).map(|package| package.file.clone()).collect();
    let bytes = all.iter().filter(|package| gone(package)).map(|package| package.size).sum();
    let report = PruneReport { removed: removed.clone(), bytes, needed: (count - old.len()) as u64 };
    if !options.dry_run && !removed.is_empty() {
        edit.manifest.patches.retain(|package| !removed.contains(&package.file));
        edit.commit(false, task)?;
    }
    Ok(report)
}

/// What withdrawing a version did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WithdrawReport {
    /// The newest version now.
    pub latest: Option<Version>,
    /// The files that went.
    pub removed: Vec<String>,
    /// The packages that were made in their place.
    pub packages: Vec<Package>,
    /// What its publisher should think about.
    pub warnings: Vec<String>,
}

/// Takes a version back: afterwards nothing leads to it.
pub(super) fn withdraw(
    store: &dyn Store,
    version: Version,
    options: &EditOptions,
    task: &mut Task<'_>,
) -> Result<WithdrawReport> {
    let arch = options.arch.as_deref();
    let mut edit = Edit::begin(store, options.signer.as_ref(), options.dry_run)?;
    let line = edit.manifest.own_line(arch);
    let versions = line.versions();
    if !versions.contains(&version) {
        let known: Vec<String> = versions.iter().map(Version::to_string).collect();
        let message = format!("there is no version {version}; there are {}", known.join(", "));
        return Err(Error::new(Status::UnknownVersion, message));
    }
    let rest: Vec<Version> = versions.iter().copied().filter(|other| *other != version).collect();
    let mut report = WithdrawReport { latest: rest.last().copied(), ..WithdrawReport::default() };
    let touches = |package: &Package| package.to == version || (!package.is_full() && package.from == version);
    let gone: Vec<String> =
        line.packages().iter().filter(|package| touches(package)).map(|package| package.file.clone()).collect();
    let mut new = Vec::new();
    let (before, after) =
        (rest.iter().filter(|other| **other < version).max(), rest.iter().find(|other| **other > version));
    let mut shortened = None;
    match (before, after) {
        (Some(before), Some(after)) => {
            let stays: Vec<&Package> = line.packages().iter().copied().filter(|package| !touches(package)).collect();
            let bridged = Graph::new(&Line::of(stays)).route(*before, *after).is_some();
            if let (false, Some(route)) = (bridged, Graph::new(&line).route(*before, *after)) {
                let name = Package::file_name(crate::repository::PackageKind::Delta, *before, *after, arch);
                let staged = edit.staged(&name);
                if let Some(package) = squashed::merge(store, &route, arch, &staged, task)? {
                    new.push((Package { is_squashed: false, ..package }, staged));
                }
            }
        }
        (Some(before), None) => {
            let known = edit.state.go_back(arch, *before);
            let source = known.as_ref().map(|known| holder(&edit, &line, known, task)).transpose()?.flatten();
            match known.zip(source) {
                Some(found) => shortened = Some(found),
                None if leads_from_nothing(&line, *before, &touches) => {}
                None => report.warnings.push(format!(
                    "nothing makes version {before} for new installations, since its archive is gone; publish a higher version"
                )),
            }
        }
        (None, _) => {}
    }
    let full = |goes| line.packages().iter().any(|package| package.is_full() && touches(package) == goes);
    if store.folder().is_none() && !rest.is_empty() && full(true) && !full(false) {
        let message = format!(
            "new installations begin with version {version}; publish a higher one and make that a base with `release new-base` first"
        );
        return Err(Error::invalid(message));
    }
    report.removed = gone.clone();
    report.packages = new
        .iter()
        .map(|(package, _)| package.clone())
        .chain(shortened.iter().map(|(package, _)| package.clone()))
        .collect();
    if options.dry_run {
        return Ok(report);
    }
    edit.announce(new.iter().map(|(package, _)| package.file.clone()).collect::<Vec<_>>())?;
    edit.manifest.patches.retain(|package| !gone.contains(&package.file));
    for (package, staged) in new {
        edit.put(&package.file, &staged, task)?;
        edit.manifest.patches.push(package);
    }
    let folder = store.folder();
    if let (Some(folder), Some((package, source))) = (folder, &shortened) {
        if *source != package.file {
            edit.announce([package.file.clone()])?;
            combined::link(&folder.join(source), &folder.join(&package.file), &edit.staged(&package.file))?;
        }
        if edit.manifest.package(&package.file).is_none() {
            edit.manifest.patches.push(package.clone());
        }
    }
    edit.commit(false, task)?;
    if let (Some(folder), Some((package, _))) = (folder, shortened) {
        let place = folder.join(&package.file);
        let file = OpenOptions::new().write(true).open(&place).map_err(|e| Error::from(e).in_file(&place))?;
        file.set_len(package.size).and_then(|()| file.sync_all()).map_err(|e| Error::from(e).in_file(&place))?;
    }
    Ok(report)
}

/// The file whose beginning is an archive that came before the newest one: its own while that is there, or else a later one.
fn holder(edit: &Edit<'_>, line: &Line<'_>, archive: &Package, task: &mut Task<'_>) -> Result<Option<String>> {
    let later = line.packages().iter().filter(|package| package.is_full()).map(|package| &package.file);
    let later = later.chain(&edit.state.superseded).filter(|file| Package::of_name(file).is_some_and(|p| p.is_full()));
    let files: Vec<String> = [&archive.file].into_iter().chain(later).cloned().collect();
    for file in files {
        match bytes_of(edit.store, &Package { file: file.clone(), ..archive.clone() }) {
            Ok(bytes) if archive.sha256 == Some(digest(&*bytes, task)?) => return Ok(Some(file)),
            Ok(_) => {}
            Err(e) if matches!(e.status(), Status::NotFound | Status::Corrupt) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// Whether the packages that stay make a version out of nothing.
fn leads_from_nothing(line: &Line<'_>, version: Version, goes: &dyn Fn(&Package) -> bool) -> bool {
    let stay: Vec<&Package> = line.packages().iter().copied().filter(|package| !goes(package)).collect();
    Graph::new(&Line::of(stay)).route(NOTHING, version).is_some()
}
