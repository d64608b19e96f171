//! What a channel announces, checked: signed, not expired, not older than what was accepted before.

use std::time::SystemTime;

use super::FileUpdateOptions;
use super::sidecar::Sidecar;
use crate::error::{Error, Result, Status};
use crate::progress::{LogLevel, Task};
use crate::repository::channel::ChannelManifest;
use crate::repository::{MANIFEST_FILE, Manifest, check_signed};
use crate::transfer::{FetchOptions, fetch_text};
use crate::trust::PublicKey;

/// How often a manifest is read again that was replaced while its signature was fetched.
const MOST_TRIES: usize = 3;

/// A manifest, checked.
pub(super) struct Announced {
    pub manifest: ChannelManifest,
    /// Its text, and those of its signatures by their suffixes.
    pub text: String,
    pub signatures: Vec<(String, String)>,
    pub signed_by: Option<PublicKey>,
    pub url: String,
}

/// The URL of the manifest, where that of its folder may be given.
pub(super) fn manifest_url(url: &str) -> String {
    let end = if url.contains("://") { url.find(['?', '#']).unwrap_or(url.len()) } else { url.len() };
    let (path, query) = url.split_at(end);
    match path.to_ascii_lowercase().ends_with(".json") {
        true => url.to_owned(),
        false => format!("{}/{MANIFEST_FILE}{query}", path.trim_end_matches('/')),
    }
}

/// Whether what is published at `url` is a channel of one file rather than releases of a directory.
pub fn announces_file(url: &str, options: &FetchOptions, task: &mut Task<'_>) -> Result<bool> {
    let text = fetch_text(&manifest_url(url), options, task)?;
    Ok(ChannelManifest::is_one(text.as_bytes()))
}

fn with_suffix(url: &str, suffix: &str) -> String {
    let end = if url.contains("://") { url.find(['?', '#']).unwrap_or(url.len()) } else { url.len() };
    let (path, query) = url.split_at(end);
    format!("{path}{suffix}{query}")
}

/// Gets the manifest at `url`. Where the network fails, one that was kept by an update that only downloaded is taken.
pub(super) fn announced(
    url: &str,
    sidecar: &Sidecar,
    options: &FileUpdateOptions,
    task: &mut Task<'_>,
) -> Result<Announced> {
    let announced = match fetched(url, options, task) {
        Ok(announced) => announced,
        Err(error) if matches!(error.status(), Status::Network | Status::Timeout) => match sidecar.kept(url) {
            Some((text, signatures)) => {
                task.log(LogLevel::Warning, || format!("{error}; going by the manifest that was kept"));
                let given = signatures.clone();
                let mut signature = |suffix: &str| {
                    Ok(given.iter().find(|(known, _)| known == suffix).map(|(_, signature)| signature.clone()))
                };
                checked(url, text, options, &mut signature, task)?
            }
            None => return Err(error),
        },
        Err(error) => return Err(error),
    };
    let manifest = &announced.manifest;
    if let Some(known) = sidecar.sequence(&manifest.model_family).filter(|known| *known > manifest.sequence) {
        let message = format!(
            "the manifest is number {} of {}, and number {known} was accepted before; this server is behind, or somebody \
             plays back an old one",
            manifest.sequence, manifest.model_family
        );
        return Err(Error::new(Status::Stale, message));
    }
    if let (Some(_), Some(family)) = (&announced.signed_by, sidecar.other_family(&manifest.model_family)) {
        let message = format!(
            "the manifest is of {}, and this file has followed {family}; one key signs both. To follow the other, remove what is \
             remembered: {}",
            manifest.model_family,
            sidecar.memory_path().display()
        );
        return Err(Error::new(Status::TargetMismatch, message));
    }
    if let Some(text) = &manifest.expires_at {
        let until = humantime::parse_rfc3339(text)
            .map_err(|_| Error::corrupt("the manifest says when it expires in a way that cannot be read"))?;
        if until < SystemTime::now() {
            let message = format!("the manifest was to be believed until {text}; whoever publishes has to renew it");
            return Err(Error::new(Status::Stale, message));
        }
    }
    Ok(announced)
}

fn fetched(url: &str, options: &FileUpdateOptions, task: &mut Task<'_>) -> Result<Announced> {
    let mut before = None;
    for _ in 0..MOST_TRIES {
        let text = fetch_text(url, &options.fetch, task)?;
        let mut signature = |suffix: &str| match fetch_text(&with_suffix(url, suffix), &options.fetch, &mut Task::new())
        {
            Ok(text) => Ok(Some(text)),
            // Some hosts refuse what is not there.
            Err(e) if matches!(e.status(), Status::NotFound | Status::Permission) => Ok(None),
            Err(e) => Err(e),
        };
        match checked(url, text.clone(), options, &mut signature, task) {
            // Both may have been replaced between the two answers.
            Err(error) if matches!(error.status(), Status::BadSignature | Status::UntrustedKey) => {
                match before.replace((text.clone(), error)) {
                    Some((same, error)) if same == text => return Err(error),
                    _ => {}
                }
            }
            result => return result,
        }
    }
    Err(before.map_or_else(|| Error::new(Status::BadSignature, "the manifest is not signed"), |(_, error)| error))
}

fn checked(
    url: &str,
    text: String,
    options: &FileUpdateOptions,
    signature: &mut dyn FnMut(&str) -> Result<Option<String>>,
    task: &mut Task<'_>,
) -> Result<Announced> {
    let mut signatures = Vec::new();
    let mut kept = |suffix: &str| {
        let text = signature(suffix)?;
        signatures.extend(text.iter().map(|text| (suffix.to_owned(), text.clone())));
        Ok(text)
    };
    let signed_by = match &options.keys {
        Some(keys) => Some(check_signed(text.as_bytes(), keys, &mut kept, task)?),
        None => None,
    };
    let manifest =
        ChannelManifest::from_json(text.as_bytes()).map_err(|error| match Manifest::from_json(text.as_bytes()) {
            Ok(releases) if !releases.patches.is_empty() => {
                Error::invalid("what is published there is releases of a directory, and a file was named to update")
            }
            _ => error,
        })?;
    Ok(Announced { manifest, text, signatures, signed_by, url: url.to_owned() })
}
