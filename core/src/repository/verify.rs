//! Whether everything in a repository is as its manifest says.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::error::{Error, Result, Status};
use crate::io::digest;
use crate::limits::Limits;
use crate::progress::Task;
use crate::repository::edit::{MANIFEST_SIGNATURE, NEXT_MANIFEST_SIGNATURE};
use crate::repository::manifest::{MANIFEST_FILE, Manifest, NOTHING, Package};
use crate::repository::plan::Graph;
use crate::repository::release::{bytes_of, open_checked};
use crate::repository::store::Store;
use crate::tree::{TreePackage, verify_package};
use crate::trust::{PublicKey, Signature, TrustedKeys};

/// Whether everything in a repository is as its manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryVerification {
    /// The packages that were read.
    pub packages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The key that signed the manifest, where keys were given.
    pub signed_by: Option<String>,
    /// What is wrong: with which file, and why.
    pub problems: Vec<(String, String)>,
}

/// Reads every package and tries every route.
pub(super) fn verify(
    store: &dyn Store,
    keys: Option<&TrustedKeys>,
    task: &mut Task<'_>,
) -> Result<RepositoryVerification> {
    let mut found = RepositoryVerification::default();
    let missing = || Error::new(Status::NotFound, "this is no repository: it has no manifest.json");
    let bytes = store.read(MANIFEST_FILE)?.ok_or_else(missing)?.bytes;
    let manifest = Manifest::from_json(&bytes)?;
    let mut problem = |file: &str, why: String| found.problems.push((file.to_owned(), why));
    if let Some(keys) = keys {
        let mut refusal = None;
        for name in [MANIFEST_SIGNATURE, NEXT_MANIFEST_SIGNATURE] {
            let signature = store.read(name)?.map(|document| String::from_utf8_lossy(&document.bytes).into_owned());
            let signature = signature.map(|text| Signature::parse(&text)).transpose();
            match signature.and_then(|signature| signed(keys, signature.as_ref(), &bytes)) {
                Ok(key) => {
                    (found.signed_by, refusal) = (Some(key), None);
                    break;
                }
                Err(error) => drop(refusal.get_or_insert(error)),
            }
        }
        if let Some(error) = refusal {
            problem(MANIFEST_SIGNATURE, error.message().to_owned());
        }
    }
    if let Some(expires) = &manifest.expires_at {
        match humantime::parse_rfc3339(expires) {
            Ok(moment) if moment > SystemTime::now() => {}
            Ok(_) => problem(MANIFEST_FILE, format!("it expired at {expires}; publish again")),
            Err(_) => problem(MANIFEST_FILE, "its expires_at is no moment".to_owned()),
        }
    }
    for package in &manifest.patches {
        match check_package(store, &manifest, package, task) {
            Ok(()) => {
                found.packages += 1;
                found.bytes += package.size;
            }
            Err(error) if error.status() == Status::Cancelled => return Err(error),
            Err(error) => problem(&package.file, error.message().to_owned()),
        }
    }
    let architectures = manifest.patches.iter().map(|package| package.arch.as_deref());
    for arch in architectures.collect::<BTreeSet<_>>() {
        let line = manifest.own_line(arch);
        let graph = Graph::new(&line);
        let Some(latest) = line.latest() else { continue };
        if graph.route(NOTHING, latest).is_none() {
            problem(MANIFEST_FILE, format!("nothing leads from an empty directory to {latest}"));
            for version in line.versions() {
                if graph.route(version, latest).is_none() {
                    problem(MANIFEST_FILE, format!("nothing leads from {version} to {latest}"));
                }
            }
        }
    }
    Ok(found)
}

fn signed(keys: &TrustedKeys, signature: Option<&Signature>, mut bytes: &[u8]) -> Result<String> {
    keys.verify(signature, &mut bytes)?;
    let by =
        keys.keys().iter().find(|key| signature.is_some_and(|signature| key.verify(signature, &mut &*bytes).is_ok()));
    Ok(by.or(keys.keys().first()).map(PublicKey::id).unwrap_or_default())
}

fn check_package(store: &dyn Store, manifest: &Manifest, package: &Package, task: &mut Task<'_>) -> Result<()> {
    let found = digest(&*bytes_of(store, package)?, task)?;
    if package.sha256.is_some_and(|promised| promised != found) {
        return Err(Error::corrupt("it is not the file that the manifest names"));
    }
    let opened: TreePackage = open_checked(bytes_of(store, package)?, package, task)?;
    if manifest.plain {
        return Ok(());
    }
    verify_package(&opened, &Limits::default(), task)?;
    let patch = opened.patch();
    if package.tree.is_some() && patch.new_tree != package.tree {
        return Err(Error::corrupt("it makes another tree than the manifest says"));
    }
    let from = manifest.own_line(package.arch.as_deref()).tree_of(package.from);
    if !package.is_full() && from.is_some() && patch.old_tree.is_some() && patch.old_tree != from {
        return Err(Error::corrupt("it begins with another tree than that of the version that it starts from"));
    }
    Ok(())
}
