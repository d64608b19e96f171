//! A new version of the file for everybody: what it takes is written first, the manifest last.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::chain::{Chain, Version};
use crate::delta::EncodeOptions;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt, Section, digest, hash};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};
use crate::repository::channel::manifest::{ChannelManifest, check_text, prefix_lens};
use crate::repository::channel::place::Place;
use crate::repository::channel::squash::squash_all;
use crate::repository::manifest::MANIFEST_FILE;
use crate::repository::signed::{Signer, is_signed, is_signed_by, read_signed, replace_signed};

/// How a channel is published. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct ChannelPublishOptions {
    /// The name of the file through all its versions; what the channel is called already, or else the chain, unless given.
    pub family: Option<String>,
    /// Where the files will be found; beside the manifest unless given.
    pub base_url: Option<String>,
    /// When clients are to believe the manifest no longer: RFC 3339, in UTC.
    pub expires_at: Option<String>,
    /// Signs the manifest. A channel that is signed is published to by nobody without one.
    pub signer: Option<Signer>,
    /// Publish also what does not follow from what is published.
    pub force: bool,
    /// How squashed deltas are encoded.
    pub encode: EncodeOptions,
    /// What publishing may use.
    pub limits: Limits,
}

/// What a publish did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPublishReport {
    /// Whether anything had to be written; publishing the same again writes nothing.
    pub changed: bool,
    /// What the channel offers now.
    pub manifest: ChannelManifest,
    /// The files that were written, or written to.
    pub written: Vec<String>,
    /// The bytes that were written, those of the manifest apart.
    pub written_bytes: u64,
    /// The files that are not needed any more and are gone.
    pub removed: Vec<String>,
}

/// Publishes `latest`, the newest version of `chain`, in `folder`, which is made where it is missing.
///
/// SOURCE_MISMATCH where `latest` is no version of the chain, TARGET_MISMATCH where it is an older one; STALE where the version
/// that is published is none of the chain; BUSY while another process publishes.
pub fn publish_channel(
    folder: &Path,
    chain: &Path,
    latest: &Path,
    options: &ChannelPublishOptions,
    task: &mut Task<'_>,
) -> Result<ChannelPublishReport> {
    check_options(options)?;
    let chain_file = chain;
    let source = FileSource::open(chain_file)?;
    // From the same handle: what is at the path may be replaced meanwhile.
    let chain = Chain::from_source(Box::new(source.try_clone()?)).map_err(|e| e.in_file(chain_file))?;
    let newest = &chain.versions()[chain.versions().len() - 1];
    check_latest(&chain, newest, latest, task)?;
    let mut place = Place::open(folder)?;
    let manifest_path = place.path(MANIFEST_FILE);
    let text = read_signed(&manifest_path, options.signer.as_ref())?;
    let before = text.as_deref().map(read_manifest).transpose().map_err(|e| e.in_file(&manifest_path))?;
    if options.signer.is_none() && is_signed(&manifest_path) {
        let message = "the manifest is signed, and a changed one would not be; give the key with --key";
        return Err(Error::invalid(message).in_file(&manifest_path));
    }
    if let Some(before) = before.as_ref().filter(|_| !options.force)
        && chain.find_digest(&before.current_hash).is_none()
    {
        let message = format!(
            "{} ({}) is published, and the chain does not hold it; take the chain that was published and append to it",
            before.current_version,
            before.current_hash.short()
        );
        return Err(Error::new(Status::Stale, message).in_file(chain_file));
    }
    let publish = Publish { chain: &chain, newest, source: &source, options, before: before.as_ref() };
    let mut report = ChannelPublishReport {
        changed: false,
        manifest: publish.manifest(chain_file, latest)?,
        written: Vec::new(),
        written_bytes: 0,
        removed: Vec::new(),
    };
    publish.write_files(&mut place, chain_file, latest, &mut report, task)?;
    let same = before.as_ref().is_some_and(|before| {
        let now = &report.manifest;
        *before
            == ChannelManifest { sequence: before.sequence, generated_at: before.generated_at.clone(), ..now.clone() }
    });
    let signed = match (&options.signer, &text) {
        (Some(signer), Some(text)) => is_signed_by(&manifest_path, text, signer)?,
        (signer, _) => signer.is_none(),
    };
    if let (true, true, Some(before)) = (same, signed, &before) {
        report.manifest = before.clone();
    } else {
        report.manifest.sequence = before.as_ref().map_or(0, |before| before.sequence).saturating_add(1);
        report.manifest.generated_at = Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string());
        let text = report.manifest.to_json();
        replace_signed(&manifest_path, text.as_bytes(), options.signer.as_ref(), task.commit_point())?;
        report.written.push(MANIFEST_FILE.to_owned());
    }
    report.removed = place.retain(&names_in(&report.manifest))?;
    report.changed = !report.written.is_empty();
    Ok(report)
}

fn check_options(options: &ChannelPublishOptions) -> Result<()> {
    if let Some(family) = &options.family {
        check_text(family).map_err(|e| Error::invalid(e.message()))?;
    }
    if let Some(url) = &options.base_url
        && (url.contains(['?', '#']) || url.chars().any(|c| c.is_control() || c == ' '))
    {
        return Err(Error::invalid("a base URL is that of a folder, such as https://example.com/models/"));
    }
    if let Some(time) = &options.expires_at {
        humantime::parse_rfc3339(time).map_err(|_| {
            Error::invalid(format!("\"{}\" is no time such as 2030-01-31T12:00:00Z", time.escape_debug()))
        })?;
    }
    Ok(())
}

fn check_latest(chain: &Chain, newest: &Version, latest: &Path, task: &mut Task<'_>) -> Result<()> {
    let found = digest(&FileSource::open(latest)?, task)?;
    if found == newest.digest {
        return Ok(());
    }
    let (name, short) = (&newest.name, newest.digest.short());
    let error = match chain.find_digest(&found) {
        Some(older) => {
            let older = &chain.versions()[older].name;
            let message =
                format!("this is {older}, and the newest version of the chain is {name} ({short}); name that one");
            Error::new(Status::TargetMismatch, message)
        }
        None => {
            let message = format!(
                "this file (sha256 {}) is no version of the chain, whose newest is {name} ({short}); append the delta that \
                 leads to it first, with `chain append`",
                found.short()
            );
            Error::new(Status::SourceMismatch, message)
        }
    };
    Err(error.in_file(latest))
}

fn read_manifest(text: &[u8]) -> Result<ChannelManifest> {
    match ChannelManifest::from_json(text) {
        Err(_) if crate::repository::Manifest::from_json(text).is_ok_and(|other| !other.patches.is_empty()) => {
            Err(Error::invalid("this folder holds releases of a directory; publish a chain to another one"))
        }
        result => result,
    }
}

/// The names of the files that a manifest refers to, and of what only people look for.
fn names_in(manifest: &ChannelManifest) -> BTreeSet<String> {
    let urls = manifest.squashed_patches.values().chain(&manifest.chain_url).chain(&manifest.current_url);
    let mut names: BTreeSet<String> = urls.map(|url| name_of(url).to_owned()).collect();
    names.extend(manifest.current_url.as_deref().map(|url| alias(name_of(url))));
    names
}

fn name_of(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// The name of the newest version, whichever that is.
fn alias(name: &str) -> String {
    match name.split_once('.') {
        Some((_, extension)) => format!("latest.{extension}"),
        None => "latest".to_owned(),
    }
}

/// A name for a web host: letters, digits, `.`, `_`, `-` and `+`.
fn plain(name: &str) -> String {
    const MOST: usize = 80;
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-+".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(MOST).collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    }
}

/// One publish, once it is clear that it may be done.
struct Publish<'a> {
    chain: &'a Chain,
    newest: &'a Version,
    source: &'a FileSource,
    options: &'a ChannelPublishOptions,
    before: Option<&'a ChannelManifest>,
}

impl Publish<'_> {
    fn url(&self, name: &str) -> String {
        match self.options.base_url.as_deref() {
            Some(base) => format!("{}/{name}", base.trim_end_matches('/')),
            None => name.to_owned(),
        }
    }

    /// What will be offered, without squashed deltas.
    fn manifest(&self, chain_file: &Path, latest: &Path) -> Result<ChannelManifest> {
        let family = self.options.family.clone().or_else(|| self.before.map(|before| before.model_family.clone()));
        let extension = latest.extension().map(|extension| format!(".{}", plain(&extension.to_string_lossy())));
        let current = format!("latest_{}{}", self.newest.digest.short(), extension.unwrap_or_default());
        let index = self.chain.index_range();
        let index_hash =
            hash(&Section::new(self.source, index.start, index.end.saturating_sub(index.start))?, &mut Task::new())?;
        Ok(ChannelManifest {
            model_family: family.unwrap_or_else(|| self.chain.chain_id().to_owned()),
            current_version: self.newest.name.clone(),
            current_hash: self.newest.digest,
            current_size: Some(self.newest.size),
            current_url: Some(self.url(&current)),
            chain_url: Some(self.url(&chain_name(chain_file))),
            chain_size: Some(index.end),
            chain_index_size: Some(index.end - index.start),
            chain_index_hash: Some(index_hash),
            squashed_patches: Default::default(),
            squashed_sizes: Default::default(),
            squashed_hashes: Default::default(),
            sequence: 0,
            generated_at: None,
            expires_at: self.options.expires_at.clone(),
            other: self.before.map(|before| before.other.clone()).unwrap_or_default(),
        })
    }

    /// Writes all but the manifest, each file only where it is not there already.
    fn write_files(
        &self,
        place: &mut Place,
        chain_file: &Path,
        latest: &Path,
        report: &mut ChannelPublishReport,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let squashes = self.squashes(place, report, task)?;
        let chain_name = chain_name(chain_file);
        let current = report.manifest.current_url.as_deref().map(name_of).unwrap_or_default().to_owned();
        let alias = alias(&current);
        let own_chain = is_same_file(chain_file, &place.path(&chain_name));
        let mut names: Vec<String> = squashes.iter().map(|(_, name)| name.clone()).collect();
        names.extend([current.clone(), alias.clone()]);
        names.extend((!own_chain).then(|| chain_name.clone()));
        place.announce(names)?;
        if !own_chain {
            self.write_chain(place, &chain_name, report, task)?;
        }
        if place.size(&current) != Some(self.newest.size) {
            self.copy(&FileSource::open(latest)?, Some(self.newest.digest), place, &current, report, task)
                .map_err(|e| e.in_file(latest))?;
        }
        let is_current = self.before.is_some_and(|before| before.current_hash == self.newest.digest);
        if !is_current || place.size(&alias) != Some(self.newest.size) {
            place.put_again(&current, &alias)?;
            report.written.push(alias);
        }
        for (made, name) in squashes {
            fs::rename(&made, place.staged(&name)).map_err(|e| Error::from(e).in_file(&made))?;
            place.put(&name)?;
            report.written.push(name);
        }
        Ok(())
    }

    /// Enters the squashed deltas into the manifest. Returns those that have to be put in place, and their names.
    fn squashes(
        &self,
        place: &Place,
        report: &mut ChannelPublishReport,
        task: &mut Task<'_>,
    ) -> Result<Vec<(std::path::PathBuf, String)>> {
        let manifest = &mut report.manifest;
        if let Some(before) = self.before.filter(|before| {
            before.current_hash == manifest.current_hash
                && before.chain_index_hash == manifest.chain_index_hash
                && before.chain_size == manifest.chain_size
                && before.squashed_patches.iter().all(|(prefix, url)| {
                    let size = before.squashed_sizes.get(prefix).copied();
                    size.is_some() && place.size(name_of(url)) == size && *url == self.url(name_of(url))
                })
        }) {
            manifest.squashed_patches = before.squashed_patches.clone();
            manifest.squashed_sizes = before.squashed_sizes.clone();
            manifest.squashed_hashes = before.squashed_hashes.clone();
            return Ok(Vec::new());
        }
        let folder = place.staged("squashes");
        fs::create_dir(&folder).map_err(|e| Error::from(e).in_file(&folder))?;
        let versions = self.chain.versions();
        let digests: Vec<Digest> = versions.iter().map(|version| version.digest).collect();
        let lens = prefix_lens(&digests);
        let mut names = BTreeSet::new();
        let mut made = Vec::new();
        for squash in squash_all(self.chain, &folder, &self.options.encode, &self.options.limits, task)? {
            let version = &versions[squash.from];
            let prefix = version.digest.to_string()[..lens[&version.digest]].to_owned();
            let mut name = format!("{}_to_latest.delta", plain(&version.name));
            if !names.insert(name.clone()) {
                name = format!("{}_{prefix}_to_latest.delta", plain(&version.name));
            }
            manifest.squashed_patches.insert(prefix.clone(), self.url(&name));
            manifest.squashed_sizes.insert(prefix.clone(), squash.size);
            manifest.squashed_hashes.insert(prefix, squash.hash);
            report.written_bytes += squash.size;
            made.push((squash.path, name));
        }
        Ok(made)
    }

    /// Brings the published chain to the state of the given one: by what is new in it, or as a whole.
    fn write_chain(
        &self,
        place: &Place,
        name: &str,
        report: &mut ChannelPublishReport,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let path = place.path(name);
        let end = self.chain.index_range().end;
        let common = self.common(&path, name)?;
        if common == Some(end) {
            // What a publish that was killed put behind it is of no use.
            if place.size(name) != Some(end) {
                let file = OpenOptions::new().write(true).open(&path).map_err(|e| Error::from(e).in_file(&path))?;
                file.set_len(end).map_err(|e| Error::from(e).in_file(&path))?;
            }
            return Ok(());
        }
        let links: Vec<_> = self.chain.links().chain(self.chain.shortcuts()).cloned().collect();
        for link in links.iter().filter(|link| link.offset >= common.unwrap_or(0)) {
            self.chain.explain(link, 0, &self.options.limits, task)?;
        }
        let Some(common) = common else {
            let whole = Section::new(self.source, 0, end)?;
            return self.copy(&whole, None, place, name, report, task);
        };
        let in_file = |e: std::io::Error| Error::from(e).in_file(&path);
        let mut file = OpenOptions::new().write(true).open(&path).map_err(in_file)?;
        file.set_len(common).map_err(in_file)?;
        file.seek(SeekFrom::Start(common)).map_err(in_file)?;
        copy(&Section::new(self.source, common, end - common)?, &mut file, task).map_err(|e| e.in_file(&path))?;
        file.sync_all().map_err(in_file)?;
        report.written_bytes += end - common;
        report.written.push(name.to_owned());
        Ok(())
    }

    /// How many bytes the published chain has that the given one begins with, where it only has to grow. Both have the same index
    /// in the same place then, which says what lies before it.
    fn common(&self, path: &Path, name: &str) -> Result<Option<u64>> {
        let Some(before) = self.before else { return Ok(None) };
        let (Some(url), Some(size), Some(index_size), Some(index_hash)) =
            (&before.chain_url, before.chain_size, before.chain_index_size, before.chain_index_hash)
        else {
            return Ok(None);
        };
        if name_of(url) != name || size > self.source.size() {
            return Ok(None);
        }
        let published = match FileSource::open(path) {
            Ok(published) if published.size() >= size => published,
            Ok(_) => return Ok(None),
            Err(e) if e.status() == Status::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let start = size - index_size;
        for source in [&published as &dyn ReadAt, self.source] {
            if hash(&Section::new(source, start, index_size)?, &mut Task::new())? != index_hash {
                return Ok(None);
            }
        }
        Ok(Some(size))
    }

    /// Puts a copy of `source` in place, which must have the digest `wanted`.
    fn copy(
        &self,
        source: &dyn ReadAt,
        wanted: Option<Digest>,
        place: &Place,
        name: &str,
        report: &mut ChannelPublishReport,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let staged = place.staged(name);
        let mut file = File::create(&staged).map_err(|e| Error::from(e).in_file(&staged))?;
        let copied = copy(source, &mut file, task)?;
        if wanted.is_some_and(|wanted| wanted != copied) {
            return Err(Error::new(Status::TargetMismatch, "the file changed while it was read"));
        }
        place.put(name)?;
        report.written_bytes += source.size();
        report.written.push(name.to_owned());
        Ok(())
    }
}

/// The name that a chain is published under.
fn chain_name(chain_file: &Path) -> String {
    let name = plain(&chain_file.file_name().unwrap_or_default().to_string_lossy());
    let reserved = name.is_empty() || name.starts_with("latest") || name.starts_with(MANIFEST_FILE);
    match reserved || name.ends_with("_to_latest.delta") {
        true => format!("chain_{name}"),
        false => name,
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Copies all of `source` and returns its digest.
fn copy(source: &dyn ReadAt, out: &mut dyn Write, task: &mut Task<'_>) -> Result<Digest> {
    task.begin(Phase::Pack, source.size(), Unit::Bytes)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut position = 0;
    while position < source.size() {
        let n = (source.size() - position).min(buffer.len() as u64) as usize;
        source.read_at(position, &mut buffer[..n])?;
        hasher.update(&buffer[..n]);
        out.write_all(&buffer[..n])?;
        position += n as u64;
        task.advance(n as u64)?;
    }
    task.finish()?;
    Ok(hasher.finish())
}
