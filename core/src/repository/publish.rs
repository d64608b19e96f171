//! A new version: what changed as a delta, and all of it in the archive, at the cost of what changed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::progress::{LogLevel, Task};
use crate::repository::combined::{self, Written};
use crate::repository::edit::Edit;
use crate::repository::manifest::{Line, Manifest, NOTHING, Package, PackageKind, check_arch};
use crate::repository::release::{Release, bytes_of, listed, listing};
use crate::repository::signed::Signer;
use crate::repository::squashed;
use crate::repository::store::{Store, write_whole};
use crate::tree::{ChangeKind, Growth, PackedRelease, Tree, TreeDiff, TreeDiffOptions, VersionRange, whole_patch};
use crate::version::Version;

/// How a version is published. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// The architecture that the version is for; any unless given.
    pub arch: Option<String>,
    /// What people should know of the version.
    pub notes: Option<String>,
    /// Signs the manifest. A repository that is signed is changed by nobody without one.
    pub signer: Option<Signer>,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
    /// Make a package from each of so many versions before the one before, for hosts that make none on demand.
    pub squash_from: usize,
    /// When clients believe the manifest no longer: RFC 3339, in UTC, or `never`. Unless it is given that stays as it was;
    /// publishing the same again with another moment changes that alone.
    pub expires_at: Option<String>,
    /// How directories are compared and packed.
    pub diff: TreeDiffOptions,
}

/// What publishing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishReport {
    /// Whether anything is other than before.
    pub changed: bool,
    /// The version before.
    pub previous: Option<Version>,
    /// The digest of the directory.
    pub tree: Option<Digest>,
    /// The packages that were made.
    pub packages: Vec<Package>,
    /// The bytes of all that was written for them.
    pub written_bytes: u64,
    /// The bytes of the archive of everything that belong to nothing any more.
    pub dead_bytes: u64,
    /// Whether the archive was written anew, since too much of it was dead.
    pub compacted: bool,
    /// Files that nobody needs any more and that are gone.
    pub removed: Vec<String>,
    /// What its publisher should think about.
    pub warnings: Vec<String>,
}

/// Publishes what `source` holds, a directory or a ZIP file of one, as `version`.
pub(super) fn publish(
    store: &dyn Store,
    source: &Path,
    version: Version,
    options: &PublishOptions,
    task: &mut Task<'_>,
) -> Result<PublishReport> {
    let arch = options.arch.as_deref();
    arch.map(check_arch).transpose()?;
    check_moment(options.expires_at.as_deref())?;
    if version == NOTHING {
        return Err(Error::invalid("0.0.0 is what nothing installed is called; versions begin after it"));
    }
    let mut edit = Edit::begin(store, options.signer.as_ref(), options.dry_run)?;
    let latest = edit.manifest.own_line(arch).latest();
    if let Some(latest) = latest.filter(|latest| version < *latest) {
        return Err(Error::invalid(format!("version {latest} is published already; {version} must be higher")));
    }
    let new = Release::of(source, &options.diff.scan, task)?;
    let mut report = PublishReport { previous: latest, tree: Some(new.snapshot.tree.digest()), ..Default::default() };
    let is_renewed = renew(&mut edit.manifest, options.expires_at.as_deref());
    if latest == Some(version) {
        if edit.manifest.own_line(arch).tree_of(version) != report.tree {
            let message =
                format!("version {version} is published already with other content; give this one a higher version");
            return Err(Error::invalid(message));
        }
        report.changed = is_renewed;
        if is_renewed && !options.dry_run {
            report.removed = edit.commit(true, task)?;
        }
        return Ok(report);
    }
    report.changed = true;
    let publisher = Publisher { store, version, arch, options, new: &new };
    match latest {
        None => publisher.first(&mut edit, &mut report, task)?,
        Some(latest) => publisher.next(latest, &mut edit, &mut report, task)?,
    }
    if options.dry_run {
        return Ok(report);
    }
    report.removed = edit.commit(true, task)?;
    report.warnings.iter().for_each(|warning| task.log(LogLevel::Warning, || warning.clone()));
    Ok(report)
}

/// What stands in the place of a moment where there is none.
const NEVER: &str = "never";

fn check_moment(moment: Option<&str>) -> Result<()> {
    match moment.filter(|moment| *moment != NEVER).map(humantime::parse_rfc3339) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(_)) => Err(Error::invalid("this is no moment, such as 2027-01-31T12:00:00Z, nor \"never\"")),
    }
}

/// Gives the manifest another moment to expire, and says whether it is another one.
fn renew(manifest: &mut Manifest, expires_at: Option<&str>) -> bool {
    let Some(wanted) = expires_at else { return false };
    let wanted = Some(wanted).filter(|moment| *moment != NEVER).map(str::to_owned);
    std::mem::replace(&mut manifest.expires_at, wanted.clone()) != wanted
}

struct Publisher<'a> {
    store: &'a dyn Store,
    version: Version,
    arch: Option<&'a str>,
    options: &'a PublishOptions,
    new: &'a Release,
}

impl Publisher<'_> {
    /// The first version, or one that nothing leads to: a base, and the archive of everything, which is the same file.
    fn first(&self, edit: &mut Edit<'_>, report: &mut PublishReport, task: &mut Task<'_>) -> Result<()> {
        let mut base = self.package(PackageKind::Base, NOTHING);
        let mut combined = self.package(PackageKind::Combined, NOTHING);
        edit.announce([base.file.clone(), combined.file.clone()])?;
        let packed = self.pack(None, edit.manifest.plain, task)?;
        let staged = edit.staged(&base.file);
        let written = combined::write(&staged, &packed, task)?;
        base.size = written.hashes.size;
        base.sha256 = Some(edit.state.remember(&written.hashes));
        base.file_count = packed.entries();
        report.written_bytes = written.written;
        if !self.options.dry_run {
            edit.put(&base.file, &staged, task)?;
            if let Some(folder) = self.store.folder() {
                combined::link(&folder.join(&base.file), &folder.join(&combined.file), &edit.staged(&combined.file))?;
            }
            self.remember_tree(edit, &combined)?;
        }
        (combined.size, combined.sha256, combined.file_count) = (base.size, base.sha256, base.file_count);
        report.packages.push(base);
        if self.store.folder().is_some() {
            report.packages.push(combined);
        }
        edit.state.begin_archive(self.arch);
        edit.manifest.patches.extend(report.packages.iter().cloned());
        Ok(())
    }

    /// A version after `latest`: a delta, and the archive of everything, grown.
    fn next(
        &self,
        latest: Version,
        edit: &mut Edit<'_>,
        report: &mut PublishReport,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let line = edit.manifest.own_line(self.arch);
        let full_size = line.full(latest).map(|package| package.size);
        let before = line.full(latest).cloned();
        let old = match previous(self.store, edit.own_folder().as_deref(), &line, latest, task) {
            Err(error) if error.status() == Status::NoRoute => {
                let message = format!("{error}, so version {} begins anew, without a delta to it", self.version);
                report.warnings.push(message);
                edit.manifest.patches.retain(|package| !(package.is_full() && package.arch.as_deref() == self.arch));
                return self.first(edit, report, task);
            }
            old => old?,
        };
        let mut delta = self.package(PackageKind::Delta, latest);
        delta.from_tree = line.tree_of(latest);
        let mut combined = self.package(PackageKind::Combined, NOTHING);
        edit.announce([delta.file.clone(), combined.file.clone()])?;
        let staged = edit.staged(&delta.file);
        self.write_delta(&mut delta, &old, edit.manifest.plain, &staged, task)?;
        report.written_bytes += delta.size;
        if let Some(full_size) = full_size.filter(|full| delta.size > full / 2) {
            let message = format!(
                "the delta of {} bytes is more than half of the full {full_size}; is everything compressed or shuffled anew in \
                 each release?",
                delta.size
            );
            report.warnings.push(message);
        }
        if self.version.major > latest.major {
            let message = format!(
                "{} begins a new major version; `release new-base` makes it one that new installations start from",
                self.version
            );
            report.warnings.push(message);
        }
        if let Some(folder) = self.store.folder() {
            let archive = old.archive.as_deref().zip(before.as_ref());
            let old_tree = archive.map(|(archive, _)| (archive, &*old.snapshot.tree));
            let packed = self.pack(old_tree, edit.manifest.plain, task)?;
            let written = match (&before, self.options.dry_run) {
                (Some(before), true) => self.foretell(&packed, before, report),
                (Some(before), false) => {
                    let place = folder.join(&combined.file);
                    let staged = edit.staged(&combined.file);
                    Some(combined::grow(folder, before, &place, &staged, &packed, &edit.state, task)?)
                }
                (None, _) => {
                    let staged = edit.staged(&combined.file);
                    let written = combined::write(&staged, &packed, task)?;
                    if !self.options.dry_run {
                        edit.put(&combined.file, &staged, task)?;
                    }
                    Some(written)
                }
            };
            if let Some(written) = &written {
                self.account(&mut combined, &packed, written, edit, report);
                self.remember_tree(edit, &combined)?;
            }
            report.compacted = before.as_ref().is_some_and(|before| combined::is_to_be_compacted(&packed, before.size));
            if let (Some(before), false) = (&before, report.compacted) {
                report.dead_bytes = combined::dead_bytes(&packed, before.size);
            }
            self.replace_combined(edit, combined.clone(), report.compacted);
            match before {
                Some(before) => edit.state.follow(self.arch, before, written.is_some_and(|written| written.grown)),
                None => edit.state.begin_archive(self.arch),
            }
            report.packages.push(combined);
        }
        if !self.options.dry_run {
            edit.put(&delta.file, &staged, task)?;
        }
        edit.manifest.patches.push(delta.clone());
        report.packages.insert(0, delta);
        self.squash(latest, edit, report, task)
    }

    /// Says what growing the archive would write.
    fn foretell(&self, packed: &PackedRelease<'_>, before: &Package, report: &mut PublishReport) -> Option<Written> {
        report.written_bytes += match combined::is_to_be_compacted(packed, before.size) {
            true => packed.layout(None).size,
            false => packed.layout(Some(before.size)).size - before.size,
        };
        None
    }

    fn account(
        &self,
        combined: &mut Package,
        packed: &PackedRelease<'_>,
        written: &Written,
        edit: &mut Edit<'_>,
        report: &mut PublishReport,
    ) {
        combined.size = written.hashes.size;
        combined.sha256 = Some(edit.state.remember(&written.hashes));
        combined.file_count = packed.entries();
        report.written_bytes += written.written;
    }

    /// The archive of the version before makes room, and so does a base that would take space of its own from now on.
    fn replace_combined(&self, edit: &mut Edit<'_>, combined: Package, compacted: bool) {
        let arch = self.arch;
        edit.manifest.patches.retain(|package| {
            let own = package.arch.as_deref() == arch && package.is_full();
            !(own && (package.is_combined || compacted))
        });
        edit.manifest.patches.push(combined);
    }

    /// Makes packages that lead from earlier versions in one step, for hosts that make none on demand.
    fn squash(
        &self,
        latest: Version,
        edit: &mut Edit<'_>,
        report: &mut PublishReport,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let arch = self.arch;
        // Those that lead to the version before are of no use any more.
        edit.manifest.patches.retain(|package| !(package.is_squashed && package.arch.as_deref() == arch));
        if edit.manifest.plain || self.options.squash_from == 0 {
            return Ok(());
        }
        if self.options.dry_run {
            report.warnings.push("squashed packages are not among what is shown".to_owned());
            return Ok(());
        }
        let line = edit.manifest.own_line(arch);
        let versions = line.versions();
        let far: Vec<Version> = versions.into_iter().filter(|version| *version < latest).collect();
        for from in far.iter().rev().take(self.options.squash_from) {
            let line = edit.manifest.own_line(arch);
            let name = Package::file_name(PackageKind::Delta, *from, self.version, arch);
            let staged = edit.staged(&name);
            if let Some(package) = squashed::make(self.store, &line, *from, self.version, arch, &staged, task)? {
                edit.announce([name.clone()])?;
                edit.put(&name, &staged, task)?;
                report.written_bytes += package.size;
                report.packages.push(package.clone());
                edit.manifest.patches.push(package);
            }
        }
        Ok(())
    }

    fn pack<'b>(
        &self,
        old: Option<(&'b crate::tree::ReleaseArchive, &Tree)>,
        plain: bool,
        task: &mut Task<'_>,
    ) -> Result<PackedRelease<'b>> {
        let tree = &*self.new.snapshot.tree;
        let diff = &self.options.diff;
        let mut patch = whole_patch(tree, &diff.keep_local)?;
        patch.version = Some(self.version);
        let patch = (!plain).then_some(patch);
        let growth = Growth::new(old, tree, plain);
        growth.pack(&self.new.snapshot, patch.as_ref(), diff.compression, diff.scan.threads.max(1), task)
    }

    /// Writes the package between two versions.
    fn write_delta(
        &self,
        delta: &mut Package,
        old: &Release,
        plain: bool,
        place: &Path,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let digest = |place: &Path, task: &mut Task<'_>| crate::io::digest(&crate::io::FileSource::open(place)?, task);
        if plain {
            let (old_tree, new_tree) = (&old.snapshot.tree, &self.new.snapshot.tree);
            let changed = new_tree.items.iter().filter(|(path, item)| old_tree.items.get(path) != Some(item));
            let changed = Tree { items: changed.map(|(path, item)| (path.clone(), item.clone())).collect() };
            let gone = old_tree.items.keys().filter(|path| !new_tree.items.contains_key(path));
            delta.deleted = gone.map(ToString::to_string).collect();
            delta.operations = BTreeMap::from([
                (
                    ChangeKind::Replace.name().to_owned(),
                    changed.items.values().filter(|item| item.file().is_some()).count() as u64,
                ),
                (ChangeKind::Delete.name().to_owned(), delta.deleted.len() as u64),
            ]);
            let diff = &self.options.diff;
            let growth = Growth::new(None, &changed, true);
            let packed = growth.pack(&self.new.snapshot, None, diff.compression, diff.scan.threads.max(1), task)?;
            let written = combined::write(place, &packed, task)?;
            delta.size = written.hashes.size;
            delta.sha256 = Some(written.hashes.at_end.finish());
            delta.file_count = packed.entries();
            return Ok(());
        }
        let applies_to = Some(VersionRange { min: delta.from, max: delta.from });
        let diff = TreeDiffOptions { version: Some(self.version), applies_to, ..self.options.diff.clone() };
        let diff = TreeDiff::between(old.snapshot.clone(), self.new.snapshot.clone(), &diff, task)?;
        let stats = diff.finish(Vec::new(), place, task)?;
        task.commit_point().go_back();
        delta.size = stats.package_size;
        delta.sha256 = Some(digest(place, task)?);
        delta.file_count = stats.changes.values().sum();
        delta.operations = stats.changes.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect();
        Ok(())
    }

    /// A package of this version, whose file is not known yet.
    fn package(&self, kind: PackageKind, from: Version) -> Package {
        Package {
            file: Package::file_name(kind, from, self.version, self.arch),
            arch: self.arch.map(str::to_owned),
            tree: Some(self.new.snapshot.tree.digest()),
            notes: self.options.notes.clone(),
            ..Package::new(kind, from, self.version)
        }
    }

    /// An archive of whole files says no digests, so the repository remembers them.
    fn remember_tree(&self, edit: &Edit<'_>, combined: &Package) -> Result<()> {
        match edit.own_folder().filter(|_| edit.manifest.plain && !edit.dry_run) {
            Some(own) => write_whole(&own.join(listing_name(combined)), listing(&self.new.snapshot.tree)?.as_bytes()),
            None => Ok(()),
        }
    }
}

/// The name under which a repository remembers what an archive holds: one for each architecture.
fn listing_name(combined: &Package) -> String {
    format!("listing{}.json", combined.arch.as_ref().map(|arch| format!("_{arch}")).unwrap_or_default())
}

/// The newest version, for the next one to be compared with.
pub(super) fn previous(
    store: &dyn Store,
    own_folder: Option<&Path>,
    line: &Line<'_>,
    latest: Version,
    task: &mut Task<'_>,
) -> Result<Release> {
    let Some(full) = line.full(latest) else { return Release::assembled(store, line, latest, task) };
    let bytes: Result<Box<dyn ReadAt>> = bytes_of(store, full);
    match bytes {
        Ok(bytes) => {
            let listing = own_folder.and_then(|own| std::fs::read(own.join(listing_name(full))).ok());
            let tree = listing.as_deref().and_then(listed).filter(|tree: &Tree| full.tree == Some(tree.digest()));
            Release::in_archive(bytes, full, tree, task)
        }
        Err(error) => {
            task.log(LogLevel::Warning, || format!("{error}; putting version {latest} together from other packages"));
            let others: Vec<&Package> = line.packages().iter().copied().filter(|package| *package != full).collect();
            Release::assembled(store, &Line::of(others), latest, task)
        }
    }
}
