//! What an update knows of a file and keeps beside it: `.NAME.patchcore.json`, and downloads as `.NAME.patchcore-…`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::manifest::Announced;
use crate::cancel::CommitPoint;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::io::{OutputFile, OutputOptions};
use crate::json;

const MARK: &str = ".patchcore";

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// The sequence of the last manifest, by the family that it is of.
    #[serde(default)]
    sequences: BTreeMap<String, u64>,
    /// The manifest that a download goes by, for when there is no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<Kept>,
}

/// A manifest that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The digest of where it was, since that may hold secrets.
    url_sha256: Digest,
    text: String,
    signatures: Vec<(String, String)>,
}

/// The files that belong to one file.
pub(super) struct Sidecar {
    folder: PathBuf,
    /// What all of their names begin with.
    stem: String,
    memory: Memory,
}

impl Sidecar {
    /// Reads what is kept of `file`, beside it or in `cache`.
    pub fn open(file: &Path, cache: Option<&Path>) -> Result<Self> {
        let name = file.file_name().ok_or_else(|| Error::invalid("this names no file").in_file(file))?;
        let folder = match (cache, file.parent()) {
            (Some(cache), _) => cache.to_owned(),
            (None, Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if let Some(cache) = cache {
            fs::create_dir_all(cache).map_err(|e| Error::from(e).in_file(cache))?;
        }
        let mut sidecar =
            Self { folder, stem: format!(".{}{MARK}", name.to_string_lossy()), memory: Memory::default() };
        let path = sidecar.memory_path();
        match fs::read(&path) {
            // Without it an older manifest could be played back, so it is not passed over.
            Ok(text) => {
                sidecar.memory = json::read("what is remembered of the file", &text).map_err(|e| e.in_file(&path))?
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::from(e).in_file(&path)),
        }
        Ok(sidecar)
    }

    /// Where downloads go and intermediate files are made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether an error about `path` is one of this machine.
    pub fn owns(&self, path: &Path) -> bool {
        let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(&self.stem);
        path == self.folder || path.parent() == Some(&self.folder) && path.file_name().is_some_and(is_ours)
    }

    /// Where it is remembered.
    pub fn memory_path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.stem))
    }

    /// Where the delta from one version to another is downloaded to.
    pub fn delta(&self, from: Option<Digest>, to: Digest) -> PathBuf {
        let from = from.map_or_else(|| "none".to_owned(), |digest| digits(&digest));
        self.folder.join(format!("{}-{from}-{}.delta", self.stem, digits(&to)))
    }

    /// Where a version is downloaded to as a whole.
    pub fn whole(&self, to: Digest) -> PathBuf {
        self.folder.join(format!("{}-{}", self.stem, digits(&to)))
    }

    /// The sequence of the last manifest of a family.
    pub fn sequence(&self, family: &str) -> Option<u64> {
        self.memory.sequences.get(family).copied()
    }

    /// The family that the file has followed, if that is another one alone.
    pub fn other_family(&self, family: &str) -> Option<&str> {
        let known = &self.memory.sequences;
        known.keys().next().filter(|_| !known.contains_key(family)).map(String::as_str)
    }

    /// The manifest that was kept of what is at `url`.
    pub fn kept(&self, url: &str) -> Option<(String, Vec<(String, String)>)> {
        let kept = self.memory.manifest.as_ref()?;
        (kept.url_sha256 == Digest::of(url.as_bytes())).then(|| (kept.text.clone(), kept.signatures.clone()))
    }

    /// Remembers a manifest that was accepted; with `keep` all of it.
    pub fn remember(&mut self, offer: &Announced, keep: bool) -> Result<()> {
        let mut memory = Memory { manifest: None, ..self.memory.clone() };
        memory.sequences.insert(offer.manifest.model_family.clone(), offer.manifest.sequence);
        if keep {
            memory.manifest = Some(Kept {
                url_sha256: Digest::of(offer.url.as_bytes()),
                text: offer.text.clone(),
                signatures: offer.signatures.clone(),
            });
        }
        if memory == self.memory {
            return Ok(());
        }
        let mut out = OutputFile::create(&self.memory_path(), OutputOptions::default())?;
        out.write_all(json::pretty(&memory).as_bytes())?;
        out.commit(&CommitPoint::default())?;
        self.memory = memory;
        Ok(())
    }

    /// Removes what was downloaded, which is of no use any more.
    pub fn clear(&self) -> Result<()> {
        let in_folder = |e: std::io::Error| Error::from(e).in_file(&self.folder);
        let prefix = format!("{}-", self.stem);
        for entry in fs::read_dir(&self.folder).map_err(in_folder)? {
            let entry = entry.map_err(in_folder)?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // What stays is removed the next time.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// As many digits as no two versions of one file share.
fn digits(digest: &Digest) -> String {
    digest.to_string()[..16].to_owned()
}
