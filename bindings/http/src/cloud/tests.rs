use std::fs;
use std::thread;

use object_store::memory::InMemory;
use object_store::path::Path as Location;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use patchcore::{CancelToken, Task};

use super::*;

fn memory() -> ObjectRepository {
    ObjectRepository::new(Arc::new(InMemory::new()), Location::from("a/prefix"), "s3://bucket/a/prefix")
}

/// A file whose bytes tell where they stand.
fn file(folder: &Path, size: usize) -> (PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..size as u32).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect();
    let path = folder.join("package");
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn an_address_leads_to_a_store_and_anything_else_to_a_folder() {
    let folder = |text: &str| match Place::parse(Path::new(text)).unwrap() {
        Place::Folder(folder) => folder,
        Place::Store(_) => panic!("{text} is a store"),
    };
    assert_eq!(folder("site/game"), Path::new("site/game"));
    #[cfg(unix)]
    assert_eq!(folder("file:///srv/a%20game"), Path::new("/srv/a game"));
    assert!(matches!(Place::parse(Path::new("s3://bucket/prefix")), Ok(Place::Store(_))));
    assert!(matches!(Place::parse(Path::new("gs://bucket")), Ok(Place::Store(_))));
    for wrong in ["https://example.org/x", "ftp://example.org/x", "memory:///", "://"] {
        let error = Place::parse(Path::new(wrong)).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument, "{wrong}: {error}");
    }
}

#[test]
fn a_document_is_replaced_only_in_the_state_that_was_read() {
    let store = memory();
    assert_eq!(store.read("manifest.json").unwrap(), None);
    store.replace("manifest.json", b"one", None).unwrap();
    assert_eq!(store.replace("manifest.json", b"two", None).unwrap_err().status(), Status::Busy);
    let one = store.read("manifest.json").unwrap().unwrap();
    assert_eq!(one.bytes, b"one");
    store.replace("manifest.json", b"two", Some(&one.tag)).unwrap();
    assert_eq!(store.replace("manifest.json", b"three", Some(&one.tag)).unwrap_err().status(), Status::Busy);
    // The answer to this was lost, so that it is asked again.
    store.replace("manifest.json", b"two", Some(&one.tag)).unwrap();
    assert_eq!(store.read("manifest.json").unwrap().unwrap().bytes, b"two");
    store.remove("manifest.json").unwrap();
    store.remove("manifest.json").unwrap();
    assert_eq!(store.replace("manifest.json", b"four", Some(&one.tag)).unwrap_err().status(), Status::Busy);
}

#[test]
fn a_package_in_parts_is_read_back_at_any_offset() {
    let (store, folder) = (memory(), tempfile::tempdir().unwrap());
    for (name, size) in [("base_1.0.0.zip", (8 << 20) + 1), ("delta_1.0.0_1.0.1.zip", 20 << 20), ("empty.zip", 0)] {
        let (path, bytes) = file(folder.path(), size);
        store.put(name, &path, &mut Task::new()).unwrap();
        let source = store.open(name).unwrap();
        assert_eq!(source.size(), size as u64);
        let mut read = vec![0; size];
        for (at, part) in read.chunks_mut(100_000).enumerate() {
            source.read_at(at as u64 * 100_000, part).unwrap();
        }
        assert!(read == bytes, "{name} in order");
        for at in (0..size.saturating_sub(1_000)).rev().step_by(777_777) {
            let mut some = [0; 1_000];
            source.read_at(at as u64, &mut some).unwrap();
            assert!(some == bytes[at..at + 1_000], "{name} from its end at {at}");
        }
        assert_eq!(source.read_at(size as u64, &mut [0]).unwrap_err().status(), Status::Corrupt);
        assert_eq!(source.read_at(u64::MAX, &mut [0]).unwrap_err().status(), Status::Corrupt);
    }
    assert_eq!(store.list().unwrap(), ["base_1.0.0.zip", "delta_1.0.0_1.0.1.zip", "empty.zip"]);
    assert_eq!(store.open("nothing.zip").err().unwrap().status(), Status::NotFound);
}

#[test]
fn a_package_is_not_put_over_that_of_another_publisher() {
    let (store, folder) = (memory(), tempfile::tempdir().unwrap());
    for size in [10, 9 << 20] {
        let (path, bytes) = file(folder.path(), size);
        store.put("delta_1.0.0_1.0.1.zip", &path, &mut Task::new()).unwrap();
        fs::write(&path, vec![0; size]).unwrap();
        let error = store.put("delta_1.0.0_1.0.1.zip", &path, &mut Task::new()).unwrap_err();
        assert_eq!(error.status(), Status::Busy, "{error}");
        let mut read = vec![0; size];
        store.open("delta_1.0.0_1.0.1.zip").unwrap().read_at(0, &mut read).unwrap();
        assert!(read == bytes);
        store.remove("delta_1.0.0_1.0.1.zip").unwrap();
    }
}

#[test]
fn what_was_cancelled_leaves_nothing() {
    let slow = ThrottleConfig { wait_put_per_call: std::time::Duration::from_millis(100), ..ThrottleConfig::default() };
    let slow = ThrottledStore::new(InMemory::new(), slow);
    let store = ObjectRepository::new(Arc::new(slow), Location::default(), "s3://bucket");
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), 80 << 20);
    let cancel = CancelToken::new();
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            while store.list().unwrap().is_empty() {
                thread::yield_now();
            }
            cancel.cancel();
        });
        store.put("base_1.0.0.zip", &path, &mut Task::with_cancel(cancel.clone())).unwrap_err().status()
    });
    assert_eq!(status, Status::Cancelled);
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn requests_may_be_made_within_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = memory();
    runtime.block_on(async { store.replace("manifest.json", b"one", None).unwrap() });
}
