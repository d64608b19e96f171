//! Repositories in no folder: nothing is appended to, nobody holds a lock, and yet no release is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use patchcore::io::ReadAt;
use patchcore::repository::{
    EditOptions, PublishOptions, PublishReport, Repository, Signer, Store, StoredDocument, UpdateMeans, plan,
};
use patchcore::trust::{KeyPair, SecretKey, TrustedKeys};
use patchcore::{Digest, Error, Result, Status, Task};

use crate::publish::{check, installed, publish, release, version};
use crate::trees::folder;

type Files = Arc<Mutex<BTreeMap<String, Arc<[u8]>>>>;

/// Files in memory, by the promises of a store.
#[derive(Clone, Default)]
struct Memory {
    files: Files,
    /// Whether it replaces whatever is there, as servers do that know no conditions.
    careless: bool,
    /// Publishers that wait for one another after each has read the manifest.
    together: Option<(Arc<Barrier>, Arc<AtomicUsize>)>,
}

impl Memory {
    fn names(&self) -> BTreeSet<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }
}

fn busy() -> Error {
    Error::new(Status::Busy, "somebody else was faster")
}

impl Store for Memory {
    fn read(&self, name: &str) -> Result<Option<StoredDocument>> {
        let bytes = self.files.lock().unwrap().get(name).cloned();
        if let (Some((barrier, reads)), "manifest.json") = (&self.together, name)
            && reads.fetch_add(1, Ordering::SeqCst) == 1
        {
            barrier.wait();
        }
        Ok(bytes.map(|bytes| StoredDocument { tag: Digest::of(&bytes).to_string(), bytes: bytes.to_vec() }))
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: Option<&str>) -> Result<()> {
        let mut files = self.files.lock().unwrap();
        let there = files.get(name).map(|bytes| Digest::of(bytes).to_string());
        if there.as_deref() != expected && !self.careless {
            return Err(busy());
        }
        files.insert(name.to_owned(), bytes.into());
        Ok(())
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadAt>> {
        let bytes = self.files.lock().unwrap().get(name).cloned();
        let bytes = bytes.ok_or_else(|| Error::new(Status::NotFound, format!("{name} is not there")))?;
        Ok(Box::new(bytes.to_vec()))
    }

    fn put(&self, name: &str, file: &Path, _: &mut Task<'_>) -> Result<()> {
        let mut files = self.files.lock().unwrap();
        match files.contains_key(name) {
            true => Err(busy()),
            false => {
                files.insert(name.to_owned(), fs::read(file)?.into());
                Ok(())
            }
        }
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.files.lock().unwrap().remove(name);
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>> {
        Ok(self.names().into_iter().collect())
    }
}

fn elsewhere(versions: u64, plain: bool) -> (Memory, Repository) {
    let store = Memory::default();
    let repository = Repository::init_on(Arc::new(store.clone()), plain).unwrap();
    for number in 1..=versions {
        publish(&repository, number, &PublishOptions::default()).unwrap();
    }
    (store, repository)
}

/// Everything that the manifest names is there and right, and nothing else is.
fn whole(store: &Memory, repository: &Repository) {
    check(repository);
    assert_eq!(repository.verify(None, &mut Task::new()).unwrap().problems, []);
    let manifest = repository.manifest().unwrap();
    let named = manifest.patches.iter().map(|package| package.file.clone());
    let superseded = manifest.other.get("superseded").and_then(|names| names.as_array()).cloned().unwrap_or_default();
    let superseded = superseded.iter().map(|name| name.as_str().unwrap().to_owned());
    let known: BTreeSet<String> = named.chain(superseded).chain(["manifest.json".to_owned()]).collect();
    assert_eq!(store.names(), known);
}

fn unpacked(repository: &Repository) -> crate::trees::Nodes {
    let manifest = repository.manifest().unwrap();
    let planned = plan(&manifest, None, None, None).unwrap();
    assert_eq!(planned.means, UpdateMeans::Full);
    installed(repository, &planned.packages)
}

#[test]
fn the_first_version_is_a_base_and_all_others_are_deltas() {
    for plain in [false, true] {
        let (store, repository) = elsewhere(4, plain);
        let files = [
            "base_1.0.1.zip",
            "delta_1.0.1_1.0.2.zip",
            "delta_1.0.2_1.0.3.zip",
            "delta_1.0.3_1.0.4.zip",
            "manifest.json",
        ];
        assert_eq!(store.names(), files.map(str::to_owned).into());
        whole(&store, &repository);
        assert_eq!(unpacked(&repository), release(4));
        let again = publish(&repository, 4, &PublishOptions::default()).unwrap();
        assert!(!again.changed);
        let manifest = repository.manifest().unwrap();
        let planned = plan(&manifest, Some(version("1.0.3")), None, None).unwrap();
        assert_eq!((planned.means, planned.packages.len()), (UpdateMeans::Deltas, 1));
        let combined = repository.ensure_combined(None, &mut Task::new()).unwrap();
        assert_eq!(installed(&repository, &[&combined]), release(4));
    }
}

#[test]
fn squashed_packages_are_made_where_nobody_makes_them_on_demand() {
    let (store, repository) = elsewhere(3, false);
    let options = PublishOptions { squash_from: 2, ..PublishOptions::default() };
    let report = publish(&repository, 4, &options).unwrap();
    assert!(report.packages.iter().any(|package| package.file == "delta_1.0.2_1.0.4.zip"));
    publish(&repository, 5, &options).unwrap();
    publish(&repository, 6, &options).unwrap();
    assert!(!store.names().contains("delta_1.0.2_1.0.4.zip"), "it goes when nobody has read of it for a publish");
    whole(&store, &repository);
}

#[test]
fn a_new_base_takes_the_place_of_the_old_one_and_lets_old_deltas_go() {
    let (store, repository) = elsewhere(5, false);
    let kept = repository.prune(1, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!((kept.removed.len(), kept.needed), (0, 3), "new installations need them");
    repository.new_base(&EditOptions::default(), &mut Task::new()).unwrap();
    assert!(store.names().contains("base_1.0.1.zip"), "for those who have read the manifest before");
    whole(&store, &repository);
    let pruned = repository.prune(1, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(pruned.removed.len(), 3);
    publish(&repository, 6, &PublishOptions::default()).unwrap();
    assert_eq!(unpacked(&repository), release(6));
    let files = ["base_1.0.5.zip", "delta_1.0.4_1.0.5.zip", "delta_1.0.5_1.0.6.zip", "manifest.json"];
    assert_eq!(store.names(), files.map(str::to_owned).into());
    whole(&store, &repository);
}

#[test]
fn a_version_is_withdrawn_unless_new_installations_begin_with_it() {
    let (store, repository) = elsewhere(4, false);
    let options = EditOptions::default();
    let error = repository.withdraw(version("1.0.1"), &options, &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    let report = repository.withdraw(version("1.0.4"), &options, &mut Task::new()).unwrap();
    assert_eq!((report.latest, report.warnings), (Some(version("1.0.3")), Vec::new()));
    assert_eq!(unpacked(&repository), release(3));
    repository.withdraw(version("1.0.2"), &options, &mut Task::new()).unwrap();
    assert_eq!(unpacked(&repository), release(3));
    publish(&repository, 4, &PublishOptions::default()).unwrap();
    assert_eq!(unpacked(&repository), release(4));
    whole(&store, &repository);
}

#[test]
fn a_lost_manifest_is_made_again_from_the_packages() {
    let (store, repository) = elsewhere(3, false);
    store.remove("manifest.json").unwrap();
    let report = Repository::rebuild_on(&store, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!((report.adopted.len(), report.latest), (3, Some(version("1.0.3"))));
    assert_eq!(unpacked(&repository), release(3));
    whole(&store, &repository);
}

/// Two publishers who have both read the manifest before either of them writes.
fn race(
    store: &Memory,
    numbers: [u64; 2],
    versions: [&str; 2],
    options: &PublishOptions,
) -> [Result<PublishReport>; 2] {
    let barrier = Arc::new(Barrier::new(2));
    let publishers = [0, 1].map(|at| {
        let store = Memory { together: Some((barrier.clone(), Arc::default())), ..store.clone() };
        let (source, version, options) = (folder(&release(numbers[at])), version(versions[at]), options.clone());
        thread::spawn(move || {
            let repository = Repository::on(Arc::new(store))?;
            repository.publish(source.path(), version, &options, &mut Task::new())
        })
    });
    publishers.map(|publisher| publisher.join().unwrap())
}

#[test]
fn of_two_publishers_one_wins_and_the_other_leaves_nothing() {
    for (round, versions) in [["1.0.9", "1.0.9"], ["1.0.8", "1.0.9"]].into_iter().cycle().take(20).enumerate() {
        let (store, repository) = elsewhere(2, false);
        let before = repository.manifest().unwrap();
        let done = race(&store, [8, 9], versions, &PublishOptions::default());
        let won = done.iter().position(Result::is_ok).unwrap_or_else(|| panic!("round {round}: nobody won: {done:?}"));
        let lost = done[1 - won].as_ref().expect_err("both won");
        assert_eq!(lost.status(), Status::Busy, "round {round}: {lost}");
        let manifest = repository.manifest().unwrap();
        assert_eq!(manifest.latest_version, Some(version(versions[won])));
        assert_eq!(manifest.sequence, before.sequence + 1);
        assert_eq!(unpacked(&repository), release([8, 9][won]), "round {round}");
        whole(&store, &repository);
    }
}

#[test]
fn a_signature_fits_whoever_wins() {
    let pair = KeyPair::generate(None).unwrap();
    let key = SecretKey::parse(&pair.secret, None).unwrap();
    let signer = Signer::try_from(key).unwrap();
    let keys = TrustedKeys::new([signer.public_key().clone()]).unwrap();
    let options = PublishOptions { signer: Some(signer), ..PublishOptions::default() };
    for _ in 0..10 {
        let store = Memory::default();
        let repository = Repository::init_on(Arc::new(store.clone()), false).unwrap();
        publish(&repository, 1, &options).unwrap();
        let done = race(&store, [8, 9], ["1.0.8", "1.0.9"], &options);
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
        publish(&repository, 10, &options).unwrap();
        assert_eq!(repository.verify(Some(&keys), &mut Task::new()).unwrap().problems, []);
    }
}

#[test]
fn a_store_that_replaces_whatever_is_there_is_refused() {
    let store = Memory { careless: true, ..Memory::default() };
    let error = Repository::init_on(Arc::new(store.clone()), false).err().unwrap();
    assert_eq!(error.status(), Status::Unsupported, "{error}");
    assert!(store.names().is_empty());
    let (_, repository) = elsewhere(0, false);
    let again = Repository::init_on(repository.store().clone(), false).err().unwrap();
    assert_eq!(again.status(), Status::InvalidArgument);
}
