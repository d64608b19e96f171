//! One file brought to the version that a channel offers, by the fewest bytes.
//!
//! What the update knows of a file lies beside it, hidden: the sequence of the last manifest, and what was downloaded and not used
//! yet. A way that turns out to be gone or wrong is given up for the next one, down to the file as a whole.

mod links;
mod manifest;
mod plan;
mod sidecar;

pub use manifest::announces_file;
pub use plan::{FileMeans, FileReason};

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::chain;
use crate::delta::{self, Header};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, SourceReader, digest, put_in_place};
use crate::limits::{DEFAULT_APPLY_MEMORY, Limits};
use crate::progress::{LogLevel, Task};
use crate::repository::channel::ChannelManifest;
use crate::transfer::{FetchOptions, fetch, resolve};
use crate::trust::{PublicKey, TrustedKeys};
use crate::update::run::UpdateAction;
use links::RemoteChain;
use manifest::{Announced, announced, manifest_url};
use plan::{Choice, Ways, choose};
use sidecar::Sidecar;

/// How a file is updated. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct FileUpdateOptions {
    /// One of these must have signed the manifest; without any, nothing is checked but digests.
    pub keys: Option<TrustedKeys>,
    /// The version that the file must be: a name, or a digest or the beginning of one. A plan may start from any version.
    pub from: Option<String>,
    /// The version that is wanted, named in the same way; the newest unless given.
    pub to: Option<String>,
    /// Take the file as a whole whatever is there.
    pub force_full: bool,
    /// The folder for what is downloaded and remembered; that of the file unless given.
    pub cache: Option<PathBuf>,
    /// Download and verify, and leave the file as it is.
    pub download_only: bool,
    /// Plan, and do nothing.
    pub dry_run: bool,
    /// How everything is fetched; sizes and digests come from the manifest.
    pub fetch: FetchOptions,
    /// What applying may use.
    pub limits: Limits,
    /// Threads that apply at a time; 1 unless given.
    pub threads: usize,
    /// Bound the memory of applying, by default to what a delta may ask an applier for.
    pub streaming: bool,
}

/// What an update of a file did, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpdateReport {
    /// What was done.
    pub action: UpdateAction,
    /// How the file gets to the version.
    pub means: FileMeans,
    /// Why so.
    pub reason: FileReason,
    /// The name of the file through all its versions.
    pub family: String,
    /// The name of the version that the file was, where that is known.
    pub from: Option<String>,
    /// The SHA-256 of the file before, where there was one.
    pub from_digest: Option<Digest>,
    /// The name of the version that it is brought to.
    pub to: String,
    /// The SHA-256 of that version.
    pub to_digest: Digest,
    /// How many links of the chain are needed.
    pub links: usize,
    /// The bytes that have to come, the manifest apart, where somebody says so.
    pub planned_bytes: Option<u64>,
    /// The bytes that came now, the manifest apart; what came earlier is not counted.
    pub transferred_bytes: u64,
    /// Where it was downloaded to.
    pub file: Option<PathBuf>,
    /// The sequence of the manifest.
    pub sequence: u64,
    /// The trusted key that signed the manifest, where one was required.
    pub signed_by: Option<PublicKey>,
}

/// Brings `file` to the newest version of the channel at `url`, or to the one that `options` name. `url` is that of the manifest
/// or of the folder that it is in. Where there is no file, it is made.
///
/// STALE where the manifest has expired or is older than one that was accepted before; NO_ROUTE where nothing leads to the version
/// that is wanted; BUSY while another process updates the file. Whatever fails, the file is as it was.
pub fn update_file_from_channel(
    file: &Path,
    url: &str,
    options: &FileUpdateOptions,
    task: &mut Task<'_>,
) -> Result<FileUpdateReport> {
    let url = manifest_url(url);
    let mut sidecar = Sidecar::open(file, options.cache.as_deref())?;
    let old = Old::look(file, options, task)?;
    let mut offer = announced(&url, &sidecar, options, task)?;
    let mut asked_again = false;
    let mut ways = Ways::all(options.force_full);
    let mut failure = None;
    let mut transferred = 0;
    loop {
        let mut update =
            Update { file, url: &url, sidecar: &sidecar, old: old.as_ref(), offer: &offer, options, chain: None };
        let result = update.run(&ways, task);
        transferred += update.chain_bytes();
        match result {
            Ok(mut report) => {
                report.transferred_bytes += transferred;
                if !options.dry_run {
                    sidecar.remember(&offer, report.action == UpdateAction::Downloaded)?;
                }
                return Ok(report);
            }
            Err((Some(means), error)) if is_worth_another_way(&error, file, &sidecar) => {
                // The channel may have gone on meanwhile.
                if !asked_again {
                    asked_again = true;
                    let now = announced(&url, &sidecar, options, task)?;
                    if now.text != offer.text {
                        offer = now;
                        continue;
                    }
                }
                if !ways.give_up(means) {
                    return Err(error);
                }
                task.log(LogLevel::Warning, || format!("{error}; trying another way than {}", means.name()));
                failure = Some(error);
            }
            // Where no other way is left, it matters why the first one failed.
            Err((None, error)) if error.status() == Status::NoRoute => return Err(failure.unwrap_or(error)),
            Err((_, error)) => return Err(error),
        }
    }
}

/// Whether what failed says that this way leads nowhere, and not that nothing does.
fn is_worth_another_way(error: &Error, file: &Path, sidecar: &Sidecar) -> bool {
    let of_this_machine = error.path().is_some_and(|path| path == file || sidecar.owns(path));
    !of_this_machine
        && matches!(
            error.status(),
            Status::NotFound
                | Status::Permission
                | Status::Unsupported
                | Status::Corrupt
                | Status::Limit
                | Status::SourceMismatch
                | Status::TargetMismatch
        )
}

/// The file before the update.
struct Old {
    source: FileSource,
    digest: Digest,
}

impl Old {
    /// Nothing where there is no file. A plan from a version that is only named needs none.
    fn look(file: &Path, options: &FileUpdateOptions, task: &mut Task<'_>) -> Result<Option<Self>> {
        if options.dry_run && options.from.is_some() {
            return Ok(None);
        }
        let source = match FileSource::open(file) {
            Ok(source) => source,
            Err(e) if e.status() == Status::NotFound && options.from.is_none() => return Ok(None),
            Err(e) => return Err(e),
        };
        let digest = digest(&source, task)?;
        Ok(Some(Self { source, digest }))
    }
}

/// One attempt by what one manifest says.
struct Update<'a> {
    file: &'a Path,
    url: &'a str,
    sidecar: &'a Sidecar,
    old: Option<&'a Old>,
    offer: &'a Announced,
    options: &'a FileUpdateOptions,
    chain: Option<RemoteChain>,
}

/// An error, and the way that it ended.
type Ended = (Option<FileMeans>, Error);

impl Update<'_> {
    fn manifest(&self) -> &ChannelManifest {
        &self.offer.manifest
    }

    fn chain_bytes(&self) -> u64 {
        self.chain.as_ref().map_or(0, RemoteChain::transferred)
    }

    fn run(&mut self, ways: &Ways, task: &mut Task<'_>) -> Result<FileUpdateReport, Ended> {
        let choice = self.choose(ways, task)?;
        let mut report = FileUpdateReport {
            action: UpdateAction::Nothing,
            means: choice.means,
            reason: choice.reason,
            family: self.manifest().model_family.clone(),
            from: choice.from.clone(),
            from_digest: choice.from_digest,
            to: choice.to.clone(),
            to_digest: choice.to_digest,
            links: choice.links,
            planned_bytes: choice.bytes,
            transferred_bytes: 0,
            file: None,
            sequence: self.manifest().sequence,
            signed_by: self.offer.signed_by.clone(),
        };
        task.log(LogLevel::Info, || format!("{}: {}", choice.means.name(), choice.reason.name()));
        if choice.means == FileMeans::Nothing {
            return Ok(report);
        }
        if self.options.dry_run {
            report.action = UpdateAction::Decided;
            return Ok(report);
        }
        self.carry_out(&choice, &mut report, task).map_err(|error| (Some(choice.means), error))?;
        Ok(report)
    }

    fn carry_out(&mut self, choice: &Choice, report: &mut FileUpdateReport, task: &mut Task<'_>) -> Result<()> {
        let download = match choice.means {
            FileMeans::Full => self.fetch_whole(choice, report, task)?,
            FileMeans::Squashed => self.fetch_squashed(choice, report, task)?,
            _ => {
                let place = self.sidecar.delta(choice.from_digest, choice.to_digest);
                let done = self.by_links(choice, &place, task)?;
                report.action = if done { UpdateAction::Applied } else { UpdateAction::Downloaded };
                report.file = (!done).then_some(place);
                return if done { self.sidecar.clear() } else { Ok(()) };
            }
        };
        if self.options.download_only {
            report.action = UpdateAction::Downloaded;
            report.file = Some(download);
            return Ok(());
        }
        // What was fetched is in its place, and nothing else is changed yet.
        task.commit_point().go_back();
        match choice.means {
            FileMeans::Full => put_in_place(&download, self.file, task.commit_point())?,
            _ => self.apply(&download, choice, task)?,
        }
        report.action = UpdateAction::Applied;
        self.sidecar.clear()
    }

    fn fetch_whole(&self, choice: &Choice, report: &mut FileUpdateReport, task: &mut Task<'_>) -> Result<PathBuf> {
        let manifest = self.manifest();
        let url = manifest.current_url.as_deref().ok_or_else(|| {
            let message =
                "the manifest does not say where the whole file is (`current_url`), and nothing else leads there";
            Error::new(Status::NoRoute, message)
        })?;
        let to = self.sidecar.whole(choice.to_digest);
        let fetching =
            FetchOptions { size: manifest.current_size, digest: Some(choice.to_digest), ..self.options.fetch.clone() };
        let fetched = fetch(&[resolve(self.url, url)?], &to, &fetching, task)?;
        report.transferred_bytes = fetched.transferred;
        Ok(to)
    }

    fn fetch_squashed(&self, choice: &Choice, report: &mut FileUpdateReport, task: &mut Task<'_>) -> Result<PathBuf> {
        let to = self.sidecar.delta(choice.from_digest, choice.to_digest);
        if choice.reason == FileReason::DownloadedBefore {
            return Ok(to);
        }
        let patch = choice.from_digest.and_then(|digest| self.manifest().squashed_from(&digest));
        let patch = patch.ok_or_else(|| Error::new(Status::NoRoute, "there is no such delta any more"))?;
        let fetching = FetchOptions { size: patch.size, digest: patch.hash, ..self.options.fetch.clone() };
        let fetched = fetch(&[resolve(self.url, patch.url)?], &to, &fetching, task)?;
        report.transferred_bytes = fetched.transferred;
        if !leads(&to, choice) {
            // What the error says matters, not whether the file could be removed.
            let _ = std::fs::remove_file(&to);
            let message =
                "the delta that the manifest names does not lead from this file to the version that it promises";
            return Err(Error::new(Status::TargetMismatch, message));
        }
        Ok(to)
    }

    /// Applies a delta that [`leads`] to where it should.
    fn apply(&self, delta: &Path, choice: &Choice, task: &mut Task<'_>) -> Result<()> {
        let old = self.old_source()?;
        let delta = FileSource::open(delta)?;
        let limits = match self.options.limits.memory {
            0 if self.options.streaming => Limits { memory: DEFAULT_APPLY_MEMORY, ..self.options.limits },
            _ => self.options.limits,
        };
        let options = delta::ApplyOptions { limits, threads: self.options.threads };
        let mut out = OutputFile::create(self.file, OutputOptions::default())?;
        let stats = delta::apply_chain_to_known(old, &[&delta], &mut out, &options, task)?;
        if stats.new_digest != choice.to_digest {
            return Err(Error::new(Status::TargetMismatch, "the delta makes another file than was promised"));
        }
        out.flush()?;
        out.commit(task.commit_point())
    }

    /// Fetches the links and applies them, or makes one delta of them at `place` where only that is wanted; says whether it
    /// was the former.
    fn by_links(&mut self, choice: &Choice, place: &Path, task: &mut Task<'_>) -> Result<bool> {
        let scratch = self.sidecar.folder();
        let Some(chain) = &mut self.chain else {
            return Err(Error::new(Status::NoRoute, "there is no chain to take links from"));
        };
        let (from, to) = (choice.from_ordinal, choice.to_ordinal);
        chain.fetch_links(from, to, scratch, task)?;
        if self.options.download_only {
            let limits = &self.options.limits;
            let mut out = OutputFile::create(place, OutputOptions::default())?;
            chain.chain().squash(from, to, &mut out, &delta::EncodeOptions::default(), limits, task)?;
            out.commit(task.commit_point())?;
            return Ok(false);
        }
        let old = self.old.map(|old| &old.source as &dyn ReadAt);
        let old = old.ok_or_else(|| Error::new(Status::NotFound, "there is no file to update"))?;
        let options = chain::ApplyOptions {
            limits: self.options.limits,
            threads: self.options.threads,
            streaming: self.options.streaming,
            scratch: Some(scratch),
        };
        let mut out = OutputFile::create(self.file, OutputOptions::default())?;
        let applied = chain.chain().apply(old, &mut out, Some(to), &options, task)?;
        if applied.new_digest != choice.to_digest {
            return Err(Error::new(Status::TargetMismatch, "the links make another file than was promised"));
        }
        out.commit(task.commit_point())?;
        Ok(true)
    }

    fn old_source(&self) -> Result<&dyn ReadAt> {
        let source = self.old.map(|old| &old.source as &dyn ReadAt);
        source.ok_or_else(|| Error::new(Status::NotFound, "there is no file to update"))
    }

    fn choose(&mut self, ways: &Ways, task: &mut Task<'_>) -> Result<Choice, Ended> {
        choose(self, ways, task)
    }
}

/// Whether the delta at `path` leads from the one version to the other.
fn leads(path: &Path, choice: &Choice) -> bool {
    let header = FileSource::open(path).and_then(|delta| Header::read(&mut SourceReader::of_beginning(&delta)));
    header.is_ok_and(|header| Some(header.old_digest) == choice.from_digest && header.new_digest == choice.to_digest)
}
