//! Which way is the fewest bytes: a squashed delta, links of the chain, or the file as a whole.

use super::links::RemoteChain;
use super::{Ended, Old, Update, leads};
use crate::chain::Chain;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::progress::{LogLevel, Task};

/// How a file gets to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileMeans {
    /// There is nothing to do.
    Nothing,
    /// By one delta.
    Squashed,
    /// By links of the chain.
    Links,
    /// By the whole file.
    Full,
}

impl FileMeans {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Squashed => "squashed",
            Self::Links => "links",
            Self::Full => "full",
        }
    }
}

/// Why it gets there in that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileReason {
    /// The file is of that version already.
    UpToDate,
    /// There is no file.
    NoFile,
    /// It is fewer bytes than any other way.
    FewestBytes,
    /// The delta was downloaded before.
    DownloadedBefore,
    /// The whole file is fewer bytes than any delta.
    FullIsSmaller,
    /// The channel does not know what the file is.
    UnknownVersion,
    /// The channel knows the version, and no delta leads on from it.
    NoDeltas,
    /// The server gives no parts of files, so that no links can be taken out of the chain.
    NoRanges,
    /// The whole file was asked for.
    ForcedFull,
    /// Another way was tried, and failed.
    OtherWayFailed,
}

impl FileReason {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::NoFile => "no_file",
            Self::FewestBytes => "fewest_bytes",
            Self::DownloadedBefore => "downloaded_before",
            Self::FullIsSmaller => "full_is_smaller",
            Self::UnknownVersion => "unknown_version",
            Self::NoDeltas => "no_deltas",
            Self::NoRanges => "no_ranges",
            Self::ForcedFull => "forced_full",
            Self::OtherWayFailed => "other_way_failed",
        }
    }
}

/// The ways that were not given up yet.
pub(super) struct Ways {
    squashed: bool,
    links: bool,
    forced_full: bool,
}

impl Ways {
    pub fn all(forced_full: bool) -> Self {
        Self { squashed: true, links: true, forced_full }
    }

    /// Gives a way up. False where nothing else is worth a try.
    pub fn give_up(&mut self, means: FileMeans) -> bool {
        match means {
            FileMeans::Squashed => self.squashed = false,
            FileMeans::Links => self.links = false,
            FileMeans::Full | FileMeans::Nothing => return false,
        }
        true
    }
}

/// What is to be done.
pub(super) struct Choice {
    pub means: FileMeans,
    pub reason: FileReason,
    pub from: Option<String>,
    pub from_digest: Option<Digest>,
    pub from_ordinal: usize,
    pub to: String,
    pub to_digest: Digest,
    pub to_ordinal: usize,
    pub links: usize,
    pub bytes: Option<u64>,
}

/// The version that is wanted.
struct Target {
    name: String,
    digest: Digest,
    /// Whether it is the newest, to which more ways lead than the chain.
    is_current: bool,
}

/// What the index of a chain takes where nobody says it.
const USUAL_INDEX: u64 = 64 << 10;

pub(super) fn choose(update: &mut Update<'_>, ways: &Ways, task: &mut Task<'_>) -> Result<Choice, Ended> {
    let target = target(update, task).map_err(|error| (None, error))?;
    let (from_digest, mut from) = start(update, &target, task).map_err(|error| (None, error))?;
    let choice = |means, reason, from, bytes| Choice {
        means,
        reason,
        from,
        from_digest,
        from_ordinal: 0,
        to: target.name.clone(),
        to_digest: target.digest,
        to_ordinal: 0,
        links: 0,
        bytes,
    };
    if from_digest == Some(target.digest) && !ways.forced_full {
        return Ok(choice(FileMeans::Nothing, FileReason::UpToDate, Some(target.name.clone()), Some(0)));
    }
    let manifest = &update.offer.manifest;
    let whole = manifest.current_size;
    let full = |reason, from| -> Result<Choice, Ended> {
        if !target.is_current {
            let message = format!("no links lead to {}, and only the newest version is there as a whole", target.name);
            return Err((None, Error::new(Status::NoRoute, message)));
        }
        let reason = if ways.squashed && ways.links { reason } else { FileReason::OtherWayFailed };
        Ok(choice(FileMeans::Full, reason, from, whole))
    };
    if ways.forced_full {
        return full(FileReason::ForcedFull, from);
    }
    let Some(digest) = from_digest else { return full(FileReason::NoFile, None) };
    let before = choice(FileMeans::Squashed, FileReason::DownloadedBefore, from.clone(), Some(0));
    if ways.squashed && leads(&update.sidecar.delta(from_digest, target.digest), &before) {
        return Ok(before);
    }
    // The publisher offers no delta that is not fewer bytes than the links.
    if ways.squashed
        && target.is_current
        && let Some(patch) = manifest.squashed_from(&digest)
    {
        return match (patch.size, whole) {
            (Some(size), Some(whole)) if whole < size => full(FileReason::FullIsSmaller, from),
            (size, _) => Ok(choice(FileMeans::Squashed, FileReason::FewestBytes, from, size)),
        };
    }
    if !ways.links || manifest.chain_url.is_none() {
        return full(FileReason::NoDeltas, from);
    }
    let index = manifest.chain_index_size.or(manifest.chain_size.map(|size| size.min(USUAL_INDEX)));
    if target.is_current && whole.is_some_and(|whole| whole <= index.unwrap_or(USUAL_INDEX)) {
        return full(FileReason::FullIsSmaller, from);
    }
    let links = match opened(update, task).and_then(|chain| Links::find(chain.chain(), &digest, &target.digest)) {
        Ok(links) => links,
        Err(error) if error.status() == Status::Unsupported && target.is_current => {
            task.log(LogLevel::Warning, || error.to_string());
            return full(FileReason::NoRanges, from);
        }
        Err(error) => return Err((Some(FileMeans::Links), error)),
    };
    let Some(links) = links else { return full(FileReason::UnknownVersion, from) };
    from = from.or(Some(links.name));
    let Some((from_ordinal, count)) = links.route else { return full(FileReason::NoDeltas, from) };
    let Some(chain) = &update.chain else { return full(FileReason::NoDeltas, from) };
    let bytes = chain.transferred() + chain.missing_bytes(from_ordinal, links.to).unwrap_or(u64::MAX);
    if target.is_current && whole.is_some_and(|whole| whole < bytes) {
        return full(FileReason::FullIsSmaller, from);
    }
    let found = choice(FileMeans::Links, FileReason::FewestBytes, from, Some(bytes));
    let reason = if ways.squashed { found.reason } else { FileReason::OtherWayFailed };
    Ok(Choice { from_ordinal, to_ordinal: links.to, links: count, reason, ..found })
}

/// Where in the chain a file and the version that is wanted are.
struct Links {
    name: String,
    to: usize,
    /// The version that the way starts at, and its number of links.
    route: Option<(usize, usize)>,
}

impl Links {
    /// Nothing where the chain does not know the file.
    fn find(chain: &Chain, from: &Digest, to: &Digest) -> Result<Option<Self>> {
        let to = chain.find_digest(to).ok_or_else(|| {
            let message = "the chain does not hold the version that the manifest promises";
            Error::new(Status::TargetMismatch, message)
        })?;
        let Some(latest) = chain.find_digest(from) else { return Ok(None) };
        let same = (0..=latest).rev().filter(|ordinal| chain.versions()[*ordinal].digest == *from);
        let route = same.into_iter().find_map(|ordinal| Some((ordinal, chain.route(ordinal, to).ok()?.len())));
        Ok(Some(Self { name: chain.versions()[latest].name.clone(), to, route }))
    }
}

/// The chain of the channel, opened once.
fn opened<'a>(update: &'a mut Update<'_>, task: &mut Task<'_>) -> Result<&'a RemoteChain> {
    let chain = match update.chain.take() {
        Some(chain) => chain,
        None => RemoteChain::open(update.url, &update.offer.manifest, &update.options.fetch, task)?,
    };
    Ok(update.chain.insert(chain))
}

fn target(update: &mut Update<'_>, task: &mut Task<'_>) -> Result<Target> {
    let manifest = &update.offer.manifest;
    let current = Target { name: manifest.current_version.clone(), digest: manifest.current_hash, is_current: true };
    let Some(text) = &update.options.to else { return Ok(current) };
    if *text == current.name || text.parse() == Ok(current.digest) {
        return Ok(current);
    }
    if update.options.keys.is_some() && manifest.chain_index_hash.is_none() {
        let message = "the manifest signs no versions but the newest (`chain_index_hash`)";
        return Err(Error::new(Status::BadSignature, message));
    }
    let chain = opened(update, task)?.chain();
    let version = &chain.versions()[chain.resolve(text)?];
    match version.digest == current.digest {
        true => Ok(current),
        false => Ok(Target { name: version.name.clone(), digest: version.digest, is_current: false }),
    }
}

/// What the file is: its digest, and its name as far as it is known.
fn start(update: &mut Update<'_>, target: &Target, task: &mut Task<'_>) -> Result<(Option<Digest>, Option<String>)> {
    let Some(text) = &update.options.from else {
        return Ok((update.old.map(|old| old.digest), None));
    };
    let is_digits = |digest: &Digest| text.parse() == Ok(*digest) || text.len() >= 8 && digest.has_prefix(text);
    if let Some(Old { digest, .. }) = update.old.filter(|old| is_digits(&old.digest)) {
        return Ok((Some(*digest), None));
    }
    let (digest, name) = match text.parse::<Digest>() {
        Ok(digest) => (digest, None),
        Err(_) if *text == target.name => (target.digest, Some(target.name.clone())),
        Err(_) => {
            let chain = opened(update, task)?.chain();
            let version = &chain.versions()[chain.resolve(text)?];
            (version.digest, Some(version.name.clone()))
        }
    };
    match update.old {
        Some(old) if old.digest != digest => {
            let message = format!("the file (sha256 {}) is not {text} ({})", old.digest.short(), digest.short());
            Err(Error::new(Status::SourceMismatch, message).in_file(update.file))
        }
        _ => Ok((Some(digest), name)),
    }
}
