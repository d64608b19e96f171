//! From a release repository on any web host to a tree of one of its versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Outcome, Result, Status};
use crate::io::FileSource;
use crate::progress::{LogLevel, Task};
use crate::repository::{Line, Package, PlanReason, UpdateMeans, plan};
use crate::transfer::{FetchOptions, clear, fetch, resolve};
use crate::tree::{
    self, ConflictReason, Installed, ScanOptions, TreeApplyOptions, TreeApplyStats, TreePackage, TreePath,
};
use crate::trust::{Promise, PublicKey, Verified};
use crate::update::announcement::Announcement;
use crate::update::repair::{self, Scope};
use crate::update::run::{UpdateAction, UpdateOptions, canonical, look, place, store, unchanged};
use crate::version::Version;

/// What is installed in an empty directory.
const NOTHING: Version = Version { major: 0, minor: 0, patch: 0, build: None };

/// A package that an update takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatePackage {
    /// Its name within the repository.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it was downloaded to, where it was and is still there.
    pub path: Option<PathBuf>,
}

/// Why the planned way was left for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The kind of what went wrong.
    pub status: Status,
    /// What went wrong.
    pub message: String,
}

impl Fallback {
    pub(super) fn from(error: &Error) -> Self {
        Self { status: error.status(), message: error.to_string() }
    }
}

/// What an update from a repository did, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUpdateReport {
    /// What was done.
    pub action: UpdateAction,
    /// How.
    pub means: UpdateMeans,
    /// Why so.
    pub reason: PlanReason,
    /// The version that was installed, where that is known.
    pub from: Option<Version>,
    /// The version that is wanted.
    pub to: Version,
    /// The packages that were taken, in order.
    pub packages: Vec<UpdatePackage>,
    /// The bytes of packages that came over the network.
    pub downloaded: u64,
    /// What people should know of each version on the way.
    pub notes: Vec<(Version, String)>,
    /// Why the planned way was left, where it was.
    pub fallback: Option<Fallback>,
    /// The trusted key that signed the manifest, where one was required.
    pub signed_by: Option<PublicKey>,
    /// What applying the packages did, all of them together.
    pub applied: Option<TreeApplyStats>,
    /// After a whole version was installed: what stands in the tree and is no part of it, a folder in the place of all in it.
    pub unlisted: Vec<String>,
}

/// Brings the tree at `root` to the newest version in the repository at `url`, or to `options.to`, for the fewest bytes.
///
/// `url` is the folder of the repository or its `manifest.json`. With keys, one of them must have signed the manifest, and
/// everything else is vouched for by the manifest. A manifest that is older than one which the tree has seen, or expired, is
/// STALE.
///
/// What is installed is what the tree remembers, else the version whose tree it is. An empty directory, or one that is
/// missing and is made, is nothing at all.
///
/// Deltas are applied one after the other, each whole or not at all, and refuse to overwrite what somebody changed (CONFLICT)
/// unless `apply.overwrite_local` says so. Where nothing leads on from what is installed, or that is unknown, the tree is
/// repaired: files that differ from the release are fetched out of the newest full package and replaced, whoever changed
/// them, apart from what `keep_local` means. What the release does not list stays and is reported. That can hold files which
/// an earlier release listed: once a delta was not taken, nothing says which those are.
///
/// Where deltas cannot be had or do not fit, a repair takes their place. Files that are missing are repaired too, and then
/// nothing is touched but those and what the deltas change. What a repair cannot help, such as a full disk, is an error.
pub fn update_from_repository(
    root: &Path,
    url: &str,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<RepositoryUpdateReport> {
    update(root, url, options, task).map_err(unchanged)
}

fn update(root: &Path, url: &str, options: &UpdateOptions, task: &mut Task<'_>) -> Result<RepositoryUpdateReport> {
    tree::check_patterns(&options.keep_local)?;
    if !options.dry_run && options.cache.is_none() && options.download_only {
        make_root(root)?;
    }
    let announcement = Announcement::fetch(root, url, options, task)?;
    let Announcement { manifest, base, repository, signed_by } = &announcement;
    let is_there = match options.dry_run {
        true => root.is_dir(),
        false => make_root(root).map(|()| true)?,
    };
    match (is_there, options.dry_run) {
        (false, _) => {}
        (true, true) => tree::check_sequence(root, repository, manifest.sequence)?,
        (true, false) => tree::accept_sequence(root, repository, manifest.sequence, task)?,
    }
    let architecture = canonical(options.architecture.as_deref().unwrap_or(std::env::consts::ARCH));
    let line = manifest.line(Some(architecture));
    let (from, missing) = match is_there {
        true => installed(root, &line, options, task)?,
        false => (options.installed.or(Some(NOTHING)), false),
    };
    let is_new = from == Some(NOTHING);
    let whole = match () {
        () if options.force_full => Some(PlanReason::FullAsked),
        () if options.repair && !is_new => Some(PlanReason::RepairAsked),
        () if missing && !is_new => Some(PlanReason::IncompleteInstallation),
        () => None,
    };
    let latest = line.latest();
    if whole.is_some() && options.to.is_none() && from > latest {
        let (from, latest) = (from.unwrap_or(NOTHING), latest.unwrap_or(NOTHING));
        let message = format!("{from} is installed and the newest version is {latest}; name the one that is wanted");
        return Err(Error::new(Status::Stale, message));
    }
    let mut planned = plan(manifest, from.filter(|_| whole.is_none()), options.to, Some(architecture))?;
    planned.reason = whole.unwrap_or(planned.reason);
    // Of one package that can be read in parts hardly more comes than what differs from what is there.
    if planned.means == UpdateMeans::Full && !is_new && !options.force_full {
        planned.means = UpdateMeans::Repair;
        if let Some(full) = line.full(planned.to) {
            planned.packages = vec![full];
        }
    }
    let since = from.filter(|from| *from != NOTHING);
    let notes = match since {
        Some(from) => line.notes(Some(from), planned.to),
        None => line.notes(None, planned.to).into_iter().filter(|(version, _)| *version == planned.to).collect(),
    };
    let mut report = RepositoryUpdateReport {
        action: UpdateAction::Nothing,
        means: planned.means,
        reason: planned.reason,
        from,
        to: planned.to,
        packages: packages(&planned.packages),
        downloaded: 0,
        notes: notes.into_iter().map(|(version, text)| (version, text.to_owned())).collect(),
        fallback: None,
        signed_by: signed_by.clone(),
        applied: None,
        unlisted: Vec::new(),
    };
    task.log(LogLevel::Info, || format!("{}: {}", planned.means.name(), planned.reason.name()));
    if planned.means == UpdateMeans::Nothing {
        return Ok(report);
    }
    if options.dry_run {
        report.action = UpdateAction::Decided;
        return Ok(report);
    }
    let mut way = Way { root, base, plain: manifest.plain, options, report: &mut report };
    match (planned.means, planned.packages.as_slice()) {
        (UpdateMeans::Deltas, deltas) => {
            if let Err((error, scope)) = way.by_deltas(0, deltas, task) {
                let (Some(full), Some(scope)) = (line.full(planned.to), scope) else { return Err(error) };
                task.log(LogLevel::Warning, || format!("{error}; repairing"));
                way.report.fallback = Some(Fallback::from(&error));
                way.report.means = UpdateMeans::Repair;
                way.report.packages = packages(&[full]);
                way.by_the_whole(full, &scope, task)?;
            }
        }
        (_, [full, deltas @ ..]) => {
            way.by_the_whole(full, &Scope::Everything, task)?;
            way.by_deltas(1, deltas, task).map_err(|(error, _)| error)?;
        }
        (_, []) => {}
    }
    if report.action == UpdateAction::Applied && options.cache.is_none() {
        report.packages.iter_mut().for_each(|package| package.path = None);
        // What was fetched for earlier versions has no purpose any more either.
        if let Err(left) = clear(&place(root, options))
            && left.status() != Status::NotFound
        {
            task.log(LogLevel::Warning, || format!("what was downloaded stays: {left}"));
        }
    }
    Ok(report)
}

fn packages(packages: &[&Package]) -> Vec<UpdatePackage> {
    let package = |package: &&Package| UpdatePackage { file: package.file.clone(), size: package.size, path: None };
    packages.iter().map(package).collect()
}

fn make_root(root: &Path) -> Result<()> {
    fs::create_dir_all(root).map_err(|e| Error::from(e).in_file(root))
}

/// The version that is installed, where that is known, and whether something required is missing.
fn installed(
    root: &Path,
    line: &Line<'_>,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<(Option<Version>, bool)> {
    let looked = look(root, options, task)?;
    let missing = !looked.missing.is_empty();
    let remembered = tree::installed(root)?.and_then(|installed| installed.tree);
    let known = |version: &Version| line.versions().contains(version);
    match (looked.version, remembered.and_then(|tree| line.version_of(&tree))) {
        // Packages of other makers say nothing of their version, and a tree may have been installed under another name.
        (Some(version), Some(same)) if options.installed.is_none() && !known(&version) => {
            return Ok((Some(same), missing));
        }
        (Some(version), _) => return Ok((Some(version), missing)),
        (None, Some(same)) => return Ok((Some(same), missing)),
        (None, None) => {}
    }
    if is_empty(root)? {
        return Ok((Some(NOTHING), false));
    }
    let scan = ScanOptions { threads: options.apply.threads, ..ScanOptions::default() };
    let digest = match tree::scan(root, &scan, task) {
        Ok(tree) => tree.digest(),
        // What can be in no tree makes it none of ours.
        Err(error) if matches!(error.status(), Status::UnsafePath | Status::InvalidArgument) => {
            task.log(LogLevel::Info, || error.to_string());
            return Ok((None, missing));
        }
        Err(error) => return Err(error),
    };
    let Some(version) = line.version_of(&digest) else { return Ok((None, missing)) };
    if !options.dry_run {
        tree::remember(root, Installed { version: Some(version), tree: Some(digest) }, task)?;
    }
    Ok((Some(version), missing))
}

fn is_empty(root: &Path) -> Result<bool> {
    let in_root = |e: std::io::Error| Error::from(e).in_file(root);
    for entry in fs::read_dir(root).map_err(in_root)? {
        if !entry.map_err(in_root)?.file_name().eq_ignore_ascii_case(tree::WORK_FOLDER) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An update under way.
pub(super) struct Way<'a> {
    pub root: &'a Path,
    pub base: &'a str,
    pub plain: bool,
    pub options: &'a UpdateOptions,
    pub report: &'a mut RepositoryUpdateReport,
}

impl Way<'_> {
    /// Fetches all deltas, of which the first one is the package of number `first`, and applies them. What fails says how far a
    /// repair may go that helps, if one does.
    fn by_deltas(
        &mut self,
        first: usize,
        deltas: &[&Package],
        task: &mut Task<'_>,
    ) -> Result<(), (Error, Option<Scope>)> {
        let mut files = Vec::new();
        for (number, delta) in deltas.iter().enumerate() {
            let file = self.download(delta, task).map_err(|error| {
                let helps = matches!(error.status(), Status::NotFound | Status::TargetMismatch | Status::Corrupt);
                (error, helps.then_some(Scope::Everything))
            })?;
            self.report.packages[first + number].path = Some(file.clone());
            files.push(file);
        }
        if self.options.download_only {
            self.report.action = UpdateAction::Downloaded;
            return Ok(());
        }
        for number in 0..deltas.len() {
            self.apply_delta(deltas[number], &files[number], task).map_err(|error| {
                let scope = self.scope_of_repair(&error, &deltas[number..], &files[number..], task);
                let told = match first + number {
                    0 => error,
                    _ => stopped_at(error, deltas[number].from),
                };
                (told, scope)
            })?;
        }
        self.report.action = UpdateAction::Applied;
        Ok(())
    }

    fn apply_delta(&mut self, delta: &Package, file: &Path, task: &mut Task<'_>) -> Result<()> {
        let package = self.open(delta, file, false, task)?.keeping(&self.options.keep_local)?;
        let stats = tree::apply(self.root, &package, &self.options.apply, task)?;
        task.commit_point().go_back();
        self.add(stats);
        Ok(())
    }

    /// How far a repair may go once a delta cannot be applied; `None` where none helps or something of the user's would be lost.
    fn scope_of_repair(
        &self,
        error: &Error,
        deltas: &[&Package],
        files: &[PathBuf],
        task: &mut Task<'_>,
    ) -> Option<Scope> {
        if error.outcome() == Some(Outcome::RollbackFailed) {
            return None;
        }
        match error.status() {
            Status::Conflict | Status::SourceMismatch if self.options.apply.overwrite_local => Some(Scope::Everything),
            Status::Conflict => self.what_they_change(deltas, files, task).unwrap_or(None),
            // The tree is right and the delta is not, if that much of it can be read.
            Status::TargetMismatch | Status::Corrupt | Status::Unsupported | Status::Limit => {
                self.what_they_change(deltas, files, task).unwrap_or(Some(Scope::Everything))
            }
            Status::NotFound | Status::SourceMismatch => Some(Scope::Everything),
            _ => None,
        }
    }

    /// All that the deltas change, where nothing but missing files stands in their way.
    fn what_they_change(&self, deltas: &[&Package], files: &[PathBuf], task: &mut Task<'_>) -> Result<Option<Scope>> {
        let mut changed: BTreeSet<TreePath> = BTreeSet::new();
        for (delta, file) in deltas.iter().zip(files) {
            let package = self.open(delta, file, false, task)?.keeping(&self.options.keep_local)?;
            let plan = tree::plan(self.root, &package, &self.options.apply, task)?;
            for conflict in plan.conflicts.iter().filter(|conflict| !changed.contains(&conflict.path)) {
                let at_a_file = matches!(conflict.reason, ConflictReason::Modified | ConflictReason::Source);
                if !at_a_file || fs::symlink_metadata(conflict.path.below(self.root)).is_ok() {
                    return Ok(None);
                }
            }
            changed.extend(package.patch().changes.keys().cloned());
        }
        Ok(Some(Scope::Only(changed)))
    }

    /// Installs the version that `full` holds: what differs, where that can be fetched alone, else all of it.
    fn by_the_whole(&mut self, full: &Package, scope: &Scope, task: &mut Task<'_>) -> Result<()> {
        if self.report.means == UpdateMeans::Repair && !self.options.download_only && !self.is_here(full) {
            match repair::by_parts(self, full, scope, task) {
                Ok(()) => return Ok(()),
                Err(error) if repair::helps_to_fetch_the_whole(&error) => {
                    task.log(LogLevel::Warning, || format!("{error}; fetching the whole package"));
                    self.report.fallback.get_or_insert_with(|| Fallback::from(&error));
                    self.report.means = UpdateMeans::Full;
                }
                Err(error) => return Err(error),
            }
        }
        let file = self.download(full, task)?;
        self.report.packages[0].path = Some(file.clone());
        if self.options.download_only {
            self.report.action = UpdateAction::Downloaded;
            return Ok(());
        }
        let package = self.open(full, &file, true, task)?;
        repair::install(self, package, scope, task)
    }

    /// Gets a package, and nothing of it that is here already.
    fn download(&mut self, package: &Package, task: &mut Task<'_>) -> Result<PathBuf> {
        let digest = digest_of(package)?;
        let url = resolve(self.base, &package.file)?;
        let file = store(self.root, self.options)?.join(format!("package-{digest}"));
        let fetching =
            FetchOptions { size: Some(package.size), prefix: true, digest: Some(digest), ..self.options.fetch.clone() };
        self.report.downloaded += fetch(&[url], &file, &fetching, task)?.transferred;
        // The package is in place, the tree is not touched yet.
        task.commit_point().go_back();
        Ok(file)
    }

    /// Whether all of a package was downloaded before.
    fn is_here(&self, package: &Package) -> bool {
        let file = package.sha256.map(|digest| place(self.root, self.options).join(format!("package-{digest}")));
        file.is_some_and(|file| file.is_file())
    }

    /// Opens a package that was downloaded, as what the manifest says that it is.
    fn open(&self, package: &Package, file: &Path, whole: bool, task: &mut Task<'_>) -> Result<TreePackage> {
        let promise = Promise { size: Some(package.size), digest: Some(digest_of(package)?) };
        let source = Box::new(Verified::check(FileSource::open(file)?, &promise, None, None, task)?);
        let opened = match whole || self.plain {
            true => TreePackage::read_whole(source, task),
            false => TreePackage::read(source, None, task),
        };
        opened.and_then(|opened| promised(opened, package)).map_err(|e| e.in_file(file))
    }

    pub(super) fn add(&mut self, stats: TreeApplyStats) {
        let sum = self.report.applied.get_or_insert_default();
        sum.changed += stats.changed;
        sum.done_before += stats.done_before;
        sum.bytes = sum.bytes.saturating_add(stats.bytes);
        sum.kept.extend(stats.kept);
        sum.kept.sort_unstable();
        sum.kept.dedup();
    }

    /// How a package of a whole version is applied: it is what its files are, whatever stands there now.
    pub(super) fn whole_options(&self) -> TreeApplyOptions {
        TreeApplyOptions { overwrite_local: true, ..self.options.apply }
    }
}

/// The package as the manifest has it: version, tree, and what is deleted.
pub(super) fn promised(opened: TreePackage, package: &Package) -> Result<TreePackage> {
    let deleted = package.deleted.iter().map(|path| TreePath::parse(path.trim_end_matches('/')));
    let opened = opened.making(package.to)?.deleting(deleted.collect::<Result<Vec<_>>>()?)?;
    match package.tree {
        Some(tree) => opened.making_tree(tree),
        None => Ok(opened),
    }
}

pub(super) fn digest_of(package: &Package) -> Result<crate::digest::Digest> {
    package.sha256.ok_or_else(|| {
        Error::corrupt(format!(
            "the manifest gives no SHA-256 of {}, so nothing says which bytes are right",
            package.file
        ))
    })
}

/// The error with the version that the tree is of meanwhile.
fn stopped_at(error: Error, version: Version) -> Error {
    if error.callback_value().is_some() {
        return error;
    }
    let message = format!("{}; the deltas before went well, and the tree is of version {version}", error.message());
    let mut told = Error::new(error.status(), message);
    if let Some(path) = error.path() {
        told = told.in_file(path);
    }
    match error.outcome() {
        Some(outcome) => told.with_outcome(outcome),
        None => told,
    }
}
