//! Which package leads an installation to the newest release: a patch, the full one, or none.

use crate::error::{Error, Result, Status};
use crate::update::manifest::{PackageInfo, ServiceManifest};
use crate::version::Version;

/// What is known of an installation, and what its owner wants.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// The version that is installed; nothing where that is unknown.
    pub version: Option<Version>,
    /// What must be there and is not.
    pub missing: Vec<String>,
    /// Take the full package whatever else is true.
    pub force_full: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy<'a> {
    /// Nothing.
    None,
    /// This patch is applied.
    Patch(&'a PackageInfo),
    /// This full package is installed.
    Full(&'a PackageInfo),
}

impl<'a> Strategy<'a> {
    /// The name shown to people and in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Strategy::None => "none",
            Strategy::Patch(_) => "patch",
            Strategy::Full(_) => "full",
        }
    }

    /// The package, where one is needed.
    pub fn package(&self) -> Option<&'a PackageInfo> {
        match self {
            Strategy::None => None,
            Strategy::Patch(package) | Strategy::Full(package) => Some(package),
        }
    }
}

/// Why it is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The full package was asked for.
    ForcedFull,
    /// Something that must be there is missing.
    IncompleteInstallation,
    /// Nobody knows which version is installed.
    UnknownVersion,
    /// The newest release is installed already.
    UpToDate,
    /// Something newer than the newest release is installed.
    NewerInstalled,
    /// Only the build is older, and there is a patch for it.
    PatchAvailable,
    /// Only the build is older, and there is no patch for this architecture.
    NoPatchForArchitecture,
    /// More than the build is older.
    OlderVersionCore,
    /// One package was named, and it is applied whatever is installed.
    NamedPackage,
}

impl Reason {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Reason::ForcedFull => "forced_full",
            Reason::IncompleteInstallation => "incomplete_installation",
            Reason::UnknownVersion => "unknown_version",
            Reason::UpToDate => "up_to_date",
            Reason::NewerInstalled => "newer_installed",
            Reason::PatchAvailable => "patch_available",
            Reason::NoPatchForArchitecture => "no_patch_for_architecture",
            Reason::OlderVersionCore => "older_version_core",
            Reason::NamedPackage => "named_package",
        }
    }
}

/// What is to be done, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// What.
    pub strategy: Strategy<'a>,
    /// Why.
    pub reason: Reason,
}

/// Decides what brings `installation` to the release of `manifest` on a machine of `architecture`.
///
/// NO_ROUTE where the full package is needed and the manifest has none for the architecture.
pub fn decide<'a>(
    manifest: &'a ServiceManifest,
    installation: &Installation,
    architecture: &str,
) -> Result<Decision<'a>> {
    let full = |reason| match manifest.full(architecture) {
        Some(package) => Ok(Decision { strategy: Strategy::Full(package), reason }),
        None => Err(no_full_package(manifest, architecture)),
    };
    let nothing = |reason| Ok(Decision { strategy: Strategy::None, reason });
    if installation.force_full {
        return full(Reason::ForcedFull);
    }
    if !installation.missing.is_empty() {
        return full(Reason::IncompleteInstallation);
    }
    let Some(installed) = installation.version else { return full(Reason::UnknownVersion) };
    if installed == manifest.version {
        return nothing(Reason::UpToDate);
    }
    if installed > manifest.version {
        return nothing(Reason::NewerInstalled);
    }
    if installed.core() != manifest.version.core() {
        return full(Reason::OlderVersionCore);
    }
    match manifest.patch(architecture) {
        Some(package) => Ok(Decision { strategy: Strategy::Patch(package), reason: Reason::PatchAvailable }),
        None => full(Reason::NoPatchForArchitecture),
    }
}

fn no_full_package(manifest: &ServiceManifest, architecture: &str) -> Error {
    let known = manifest.architectures();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!(
        "the manifest has no full package of {} for \"{}\"; it names these architectures: {known}",
        manifest.version,
        architecture.escape_debug()
    );
    Error::new(Status::NoRoute, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn manifest(version: &str) -> ServiceManifest {
        let text = format!(
            r#"{{"version": "{version}", "release_date": "2025-01-12T10:00:00Z", "release_notes": "", "future": [],
                "packages": {{"full": {{"url": "all.zip", "hash": "{HASH}", "signature": "", "size": 3}}, "patch": null}},
                "platforms": {{"x86_64": {{"url": "x.zip", "signature": "s"}}, "aarch64": null}},
                "patch": {{"x86_64": {{"url": "x.tar.gz", "hash": "SHA256:{}", "signature": null, "notes": "n",
                    "operations": {{"replace": {{"files": ["a"], "directories": []}}, "delete": null}}}}}}}}"#,
            HASH.to_uppercase()
        );
        ServiceManifest::from_json(text.as_bytes()).unwrap()
    }

    fn installation(version: &str) -> Installation {
        Installation { version: Some(version.parse().unwrap()), ..Installation::default() }
    }

    fn decided(manifest: &ServiceManifest, installation: &Installation, architecture: &str) -> (String, Reason) {
        let decision = decide(manifest, installation, architecture).unwrap();
        let url = decision.strategy.package().map_or("", |package| &package.url);
        (format!("{} {url}", decision.strategy.name()), decision.reason)
    }

    #[test]
    fn decisions_are_made_in_one_order() {
        let manifest = manifest("1.2.3.4");
        let forced = |version| Installation { force_full: true, missing: vec!["a".into()], ..installation(version) };
        let incomplete = |version| Installation { missing: vec!["a".into()], ..installation(version) };
        for (installation, architecture, strategy, reason) in [
            (forced("1.2.3.4"), "x86_64", "full x.zip", Reason::ForcedFull),
            (incomplete("1.2.3.4"), "x86_64", "full x.zip", Reason::IncompleteInstallation),
            (incomplete("9.0.0"), "x86_64", "full x.zip", Reason::IncompleteInstallation),
            (Installation::default(), "x86_64", "full x.zip", Reason::UnknownVersion),
            (installation("v1.2.3.4"), "x86_64", "none ", Reason::UpToDate),
            (installation("1.2.3.5"), "x86_64", "none ", Reason::NewerInstalled),
            (installation("2.0.0"), "x86_64", "none ", Reason::NewerInstalled),
            (installation("1.2.3.3"), "x86_64", "patch x.tar.gz", Reason::PatchAvailable),
            (installation("1.2.3"), "x86_64", "patch x.tar.gz", Reason::PatchAvailable),
            (installation("1.2.3.3"), "aarch64", "full all.zip", Reason::NoPatchForArchitecture),
            (installation("1.2.2.9"), "x86_64", "full x.zip", Reason::OlderVersionCore),
            (installation("1.2.2"), "riscv64", "full all.zip", Reason::OlderVersionCore),
        ] {
            assert_eq!(decided(&manifest, &installation, architecture), (strategy.to_owned(), reason));
        }
    }

    #[test]
    fn a_release_and_its_first_build_are_one() {
        assert_eq!(decided(&manifest("1.2.3"), &installation("1.2.3.0"), "x86_64").1, Reason::UpToDate);
        assert_eq!(decided(&manifest("1.2.3"), &installation("1.2.3.1"), "x86_64").1, Reason::NewerInstalled);
    }

    #[test]
    fn without_a_package_there_is_no_route() {
        let text = br#"{"version": "v1.2.3", "patch": {"x86_64": {"url": "a"}}}"#;
        let manifest = ServiceManifest::from_json(text).unwrap();
        let error = decide(&manifest, &installation("1.2.2"), "x86_64").unwrap_err();
        assert_eq!(error.status(), Status::NoRoute);
        assert!(error.message().contains("x86_64"), "{error}");
        assert_eq!(decide(&manifest, &installation("1.2.3"), "x86_64").unwrap().reason, Reason::UpToDate);
    }

    #[test]
    fn a_hash_is_read_however_it_is_written() {
        let digest = HASH.parse().unwrap();
        for hash in [HASH.to_owned(), format!("sha256:{HASH}"), format!("Sha256:{}", HASH.to_uppercase())] {
            let text = format!(r#"{{"url": "a", "hash": "{hash}"}}"#);
            assert_eq!(PackageInfo::from_json(text.as_bytes()).unwrap().hash, Some(digest));
        }
        for hash in ["", "external", "md5:00", &HASH[1..], &format!("sha256:sha256:{HASH}")] {
            let text = format!(r#"{{"url": "a", "hash": "{hash}"}}"#);
            assert_eq!(PackageInfo::from_json(text.as_bytes()).unwrap_err().status(), Status::Corrupt, "{hash}");
        }
    }

    #[test]
    fn documents_that_two_readers_could_understand_differently_are_corrupt() {
        let deep = format!(r#"{{"url": "a", "x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let huge = format!(r#"{{"url": "a", "size": 1{}}}"#, "0".repeat(400));
        for text in [
            &b""[..],
            b"[]",
            br#"["a"]"#,
            b"null",
            b"{",
            b"{}",
            br#"{"url": 7}"#,
            br#"{"url": "a", "url": "b"}"#,
            br#"{"url": "a", "x": {"y": 1, "y": 2}}"#,
            br#"{"url": "a", "size": -1}"#,
            br#"{"url": "a", "size": 1.5}"#,
            br#"{"url": "a", "size": "1"}"#,
            br#"{"url": "a", "size": 18446744073709551616}"#,
            br#"{"url": "a", "version": "1"}"#,
            br#"{"url": "a", "operations": []}"#,
            br#"{"url": "a", "operations": {"replace": {"files": "a"}}}"#,
            br#"{"url": "a"} {}"#,
            b"{\"url\": \"\xff\"}",
            deep.as_bytes(),
            huge.as_bytes(),
        ] {
            let error = PackageInfo::from_json(text).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt, "{}", String::from_utf8_lossy(&text[..text.len().min(80)]));
            assert!(ServiceManifest::from_json(text).is_err());
        }
        let unknown = br#"{"url": "a", "future": {"deep": [1, 2.5, null, true]}, "size": 18446744073709551615}"#;
        assert_eq!(PackageInfo::from_json(unknown).unwrap().size, Some(u64::MAX));
    }
}
