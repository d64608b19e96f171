//! The manifest of a repository: where it is, who signed it, and whether it is still to be believed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::progress::{LogLevel, Task};
use crate::repository::{MANIFEST_FILE, Manifest};
use crate::transfer::{fetch_text, resolve, without_secrets};
use crate::trust::{Promise, PublicKey, Signature, TrustedKeys, Verified};
use crate::update::run::{UpdateOptions, place, store};

/// So often at most is a manifest fetched whose publisher replaces it meanwhile.
const TRIES: usize = 3;

/// A manifest, and what is known of it.
pub(super) struct Announcement {
    pub manifest: Manifest,
    /// Where it is; packages lie beside it.
    pub base: String,
    /// What the repository is called where its manifests are remembered.
    pub repository: String,
    /// The trusted key that signed it, where one was required.
    pub signed_by: Option<PublicKey>,
}

/// What was fetched, as it is kept for a time without a network.
struct Texts {
    manifest: String,
    signature: Option<String>,
}

impl Announcement {
    /// Fetches the manifest of the repository at `url`, a folder or the manifest in it, for the tree at `root`.
    ///
    /// One that has expired is STALE. An update that only downloads keeps it beside the packages, and where the network fails
    /// that one is taken.
    pub fn fetch(root: &Path, url: &str, options: &UpdateOptions, task: &mut Task<'_>) -> Result<Self> {
        let repository = name_of(url)?;
        let base = manifest_url(url);
        let kept = format!("repository-{}", Digest::of(base.as_bytes()));
        let (texts, signed_by) = match fetch_texts(&base, options, task) {
            Ok(fetched) => fetched,
            Err(error) if matches!(error.status(), Status::Network | Status::Timeout) => {
                let folder = place(root, options);
                let Ok(manifest) = fs::read_to_string(folder.join(&kept)) else { return Err(error) };
                let signature = fs::read_to_string(folder.join(format!("{kept}.minisig"))).ok();
                task.log(LogLevel::Warning, || format!("{error}; going by the manifest that was downloaded before"));
                let signed_by = options.keys.as_ref().map(|keys| signer(keys, signature.as_deref(), &manifest, task));
                (Texts { manifest, signature }, signed_by.transpose()?)
            }
            Err(error) => return Err(error),
        };
        let manifest = Manifest::from_json(texts.manifest.as_bytes())?;
        if manifest.other.contains_key("model_family") {
            let message = "this repository has versions of one file; name that file in the place of a directory";
            return Err(Error::invalid(message));
        }
        refuse_expired(&manifest)?;
        if options.download_only && !options.dry_run && root.is_dir() {
            texts.keep(&store(root, options)?.join(&kept))?;
        }
        Ok(Self { manifest, base, repository, signed_by })
    }
}

impl Texts {
    fn keep(&self, path: &Path) -> Result<()> {
        let write = |path: &Path, text: &str| fs::write(path, text).map_err(|e| Error::from(e).in_file(path));
        write(path, &self.manifest)?;
        self.signature.as_ref().map_or(Ok(()), |signature| write(&path.with_extension("minisig"), signature))
    }
}

/// Fetches the manifest at `base`, and where a signature is required the one that fits it.
///
/// Whoever publishes replaces two files, so there are moments at which the signature of the new manifest has another name, or at
/// which the manifest was fetched before and the signature after.
fn fetch_texts(base: &str, options: &UpdateOptions, task: &mut Task<'_>) -> Result<(Texts, Option<PublicKey>)> {
    let mut manifest = fetch_text(base, &options.fetch, task)?;
    let Some(keys) = &options.keys else { return Ok((Texts { manifest, signature: None }, None)) };
    let end = base.find(['?', '#']).filter(|_| base.contains("://")).unwrap_or(base.len());
    let name = base[..end].rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or(MANIFEST_FILE);
    let mut refusal = None;
    for _ in 0..TRIES {
        for suffix in ["minisig", "minisig.next"] {
            match fetch_text(&resolve(base, &format!("{name}.{suffix}"))?, &options.fetch, task) {
                Ok(signature) => match signer(keys, Some(&signature), &manifest, task) {
                    Ok(key) => return Ok((Texts { manifest, signature: Some(signature) }, Some(key))),
                    Err(error) => drop(refusal.get_or_insert(error)),
                },
                // Some hosts forbid what is not there.
                Err(error) if matches!(error.status(), Status::NotFound | Status::Permission) => {}
                Err(error) => return Err(error),
            }
        }
        let now = fetch_text(base, &options.fetch, task)?;
        if now == manifest {
            break;
        }
        manifest = now;
    }
    Err(refusal.unwrap_or_else(|| {
        let message = format!("the repository must be signed, and there is no {name}.minisig beside its manifest");
        Error::new(Status::BadSignature, message)
    }))
}

/// The trusted key that signed the text.
fn signer(keys: &TrustedKeys, signature: Option<&str>, text: &str, task: &mut Task<'_>) -> Result<PublicKey> {
    let signature = signature.map(Signature::parse).transpose()?;
    let bytes = text.as_bytes().to_vec();
    let verified = Verified::check(bytes, &Promise::default(), Some(keys), signature.as_ref(), task)?;
    verified.signed_by().cloned().ok_or_else(|| Error::new(Status::BadSignature, "a signature is required"))
}

fn refuse_expired(manifest: &Manifest) -> Result<()> {
    let Some(text) = &manifest.expires_at else { return Ok(()) };
    let expires = humantime::parse_rfc3339(text.trim()).map_err(|_| {
        let message = format!("the manifest expires at \"{}\", which is no time of RFC 3339", text.escape_debug());
        Error::corrupt(message)
    })?;
    if SystemTime::now() >= expires {
        let message = format!(
            "the manifest expired at {}; either an old one is offered, or its publisher has to renew it",
            text.escape_debug()
        );
        return Err(Error::new(Status::Stale, message));
    }
    Ok(())
}

/// Where the manifest of the repository at `url` is.
fn manifest_url(url: &str) -> String {
    if !url.contains("://") {
        let path = Path::new(url);
        let is_manifest = path.extension().is_some_and(|extension| extension == "json") && !path.is_dir();
        return if is_manifest { url.to_owned() } else { format!("{}/{MANIFEST_FILE}", url.trim_end_matches('/')) };
    }
    let (path, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    if path.ends_with(".json") {
        url.to_owned()
    } else {
        format!("{}/{MANIFEST_FILE}{query}", path.trim_end_matches('/'))
    }
}

/// What the repository at `url` is called: its manifest's place, without what is secret in it.
fn name_of(url: &str) -> Result<String> {
    let shown = without_secrets(url)?;
    let base = manifest_url(&shown);
    let whole = if base.contains("://") { None } else { fs::canonicalize(&base).ok() };
    Ok(whole.map_or(base, |path| path.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_its_manifest_are_one_repository() {
        for url in ["https://h/a", "https://h/a/", "https://h/a/manifest.json"] {
            assert_eq!(manifest_url(url), "https://h/a/manifest.json");
            assert_eq!(name_of(url).unwrap(), "https://h/a/manifest.json");
        }
        assert_eq!(manifest_url("https://h"), "https://h/manifest.json");
        assert_eq!(manifest_url("https://h/a?key=/x"), "https://h/a/manifest.json?key=/x");
        assert_eq!(name_of("https://me:secret@h/a?key=secret").unwrap(), "https://h/a/manifest.json");
        assert_eq!(manifest_url("repo"), "repo/manifest.json");
        assert_eq!(manifest_url("repo/other.json"), "repo/other.json");
        assert_eq!(manifest_url("/"), "/manifest.json");
    }
}
