//! An object store as core's `Store`: every file is an object, and whoever creates a name owns it.
//!
//! There is no lock. The manifest is replaced only if it is the one that was read, so of two publishers one wins. Packages are
//! created and not replaced, so that a publisher who will lose cannot touch those of the one who wins; one that is larger than a
//! request is announced first by an object that is empty.

use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Error as Failure, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion, WriteMultipart,
};
use patchcore::io::ReadAt;
use patchcore::repository::{Store, StoredDocument};
use patchcore::{Error, Result, Status, Task};

use super::reader::ObjectReader;
use super::{failure, wait};

/// What is put in one request, and how much each part of something larger has at least.
const PART: u64 = 8 << 20;
/// Stores take 10,000 parts.
const MOST_PARTS: u64 = 9_000;
/// How many parts are on their way at once: with the one being read, what of a package is in memory.
const PARTS_AT_ONCE: usize = 3;
/// A package that is in no manifest belongs to a publisher who is still at work; one that is older was left by one who was
/// killed.
const AT_WORK: Duration = Duration::from_secs(15 * 60);
/// How often who puts a large package says that it still does.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2 * 60);

/// A repository in an object store.
pub(super) struct ObjectRepository {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    address: String,
}

impl ObjectRepository {
    /// The objects of `store` beneath `prefix`, which errors call `address`.
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: Path, address: &str) -> Self {
        Self { store, prefix, address: address.trim_end_matches('/').to_owned() }
    }

    fn location(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    fn named(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Does something with the object of this name.
    fn with<T, F>(&self, name: &str, work: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F) -> Result<Result<T, Failure>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        wait(work(self.store.clone(), self.location(name)))
    }

    fn failed<T>(&self, name: &str, done: Result<T, Failure>) -> Result<T> {
        done.map_err(|error| failure(&error, &self.named(name)))
    }

    fn write(&self, name: &str, bytes: Bytes, mode: PutMode) -> Result<Result<UpdateVersion, Failure>> {
        self.with(name, |store, location| async move {
            Ok(store.put_opts(&location, PutPayload::from(bytes), mode.into()).await?.into())
        })
    }

    fn head(&self, name: &str) -> Result<Result<ObjectMeta, Failure>> {
        self.with(name, |store, location| async move { store.head(&location).await })
    }

    /// Makes `name` ours with these bytes.
    fn claim(&self, name: &str, bytes: Bytes) -> Result<UpdateVersion> {
        match self.write(name, bytes.clone(), PutMode::Create)? {
            Err(Failure::AlreadyExists { .. }) => {}
            done => return self.failed(name, done.map_err(unconditional)),
        }
        let there = self.head(name)?;
        let there = self.failed(name, there)?;
        let age = SystemTime::now().duration_since(there.last_modified.into()).unwrap_or_default();
        if age < AT_WORK {
            let message = format!(
                "{}: another publisher put this {} s ago; try again when it is done, or, if it was killed, in {} minutes",
                self.named(name),
                age.as_secs(),
                (AT_WORK - age).as_secs().div_ceil(60)
            );
            return Err(Error::new(Status::Busy, message));
        }
        let left = UpdateVersion { e_tag: there.e_tag, version: there.version };
        let done = self.write(name, bytes, PutMode::Update(left))?;
        self.failed(name, done.map_err(unconditional))
    }

    /// Puts a file in parts, under a name that is ours.
    fn put_parts(&self, name: &str, file: &mut Reading, ours: UpdateVersion, task: &mut Task<'_>) -> Result<()> {
        let part = PART.max(file.size.div_ceil(MOST_PARTS));
        let begun = self.with(name, |store, location| async move { store.put_multipart(&location).await })?;
        let mut upload = WriteMultipart::new_with_chunk_size(self.failed(name, begun)?, part as usize);
        let mut claim = Claim { ours, said: Instant::now() };
        loop {
            let bytes = match self.still_ours(name, &mut claim, task).and_then(|()| file.next(part)) {
                Ok(bytes) => bytes,
                Err(error) => {
                    // Parts that belong to nothing cost what the package would.
                    let _ = wait(upload.abort());
                    return Err(error);
                }
            };
            // Whatever fails in there aborts the upload itself.
            let done = match bytes {
                Some(bytes) => wait(send(upload, bytes))?,
                None => return self.failed(name, wait(upload.finish())?.map(drop)),
            };
            upload = self.failed(name, done)?;
        }
    }

    /// Now and then shows others that somebody is at work, and finds out whether they thought otherwise.
    fn still_ours(&self, name: &str, claim: &mut Claim, task: &Task<'_>) -> Result<()> {
        task.check()?;
        if claim.said.elapsed() >= SIGN_OF_LIFE {
            let done = self.write(name, Bytes::new(), PutMode::Update(claim.ours.clone()))?;
            *claim = Claim { ours: self.failed(name, done)?, said: Instant::now() };
        }
        Ok(())
    }
}

/// A name that is ours as long as its object is the one that we put.
struct Claim {
    ours: UpdateVersion,
    said: Instant,
}

/// The file that is being put.
struct Reading {
    file: File,
    size: u64,
}

impl Reading {
    fn next(&mut self, length: u64) -> Result<Option<Bytes>> {
        let mut bytes = Vec::with_capacity(length.min(self.size) as usize);
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }
}

/// Sends one more part as soon as few enough are on their way.
async fn send(mut upload: WriteMultipart, part: Bytes) -> Result<WriteMultipart, Failure> {
    if let Err(error) = upload.wait_for_capacity(PARTS_AT_ONCE).await {
        let _ = upload.abort().await;
        return Err(error);
    }
    upload.put(part);
    Ok(upload)
}

impl Store for ObjectRepository {
    fn read(&self, name: &str) -> Result<Option<StoredDocument>> {
        let read = self.with(name, |store, location| async move {
            let found = store.get(&location).await?;
            let tag = tag(found.meta.e_tag.as_deref(), found.meta.version.as_deref());
            Ok(StoredDocument { tag, bytes: found.bytes().await?.into() })
        })?;
        match read {
            Err(Failure::NotFound { .. }) => Ok(None),
            read => self.failed(name, read).map(Some),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: Option<&str>) -> Result<()> {
        let mode = expected.map_or(PutMode::Create, |tag| PutMode::Update(version(tag)));
        match self.write(name, Bytes::copy_from_slice(bytes), mode)? {
            Ok(_) => Ok(()),
            // Without an object to be replaced, what is not there is the bucket.
            Err(error @ Failure::NotFound { .. }) if expected.is_none() => self.failed(name, Err(error)),
            Err(Failure::AlreadyExists { .. } | Failure::Precondition { .. } | Failure::NotFound { .. }) => {
                // A request that was repeated since its answer was lost finds what it did itself.
                match self.read(name)? {
                    Some(document) if document.bytes == bytes && Some(&*document.tag) != expected => Ok(()),
                    _ => {
                        let message = format!("{}: somebody else published meanwhile; try again", self.named(name));
                        Err(Error::new(Status::Busy, message))
                    }
                }
            }
            done => self.failed(name, done.map(drop).map_err(unconditional)),
        }
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadAt>> {
        let meta = self.head(name)?;
        Ok(Box::new(ObjectReader::new(self.store.clone(), self.failed(name, meta)?)))
    }

    fn put(&self, name: &str, file: &FilePath, task: &mut Task<'_>) -> Result<()> {
        task.check()?;
        let file = File::open(file)?;
        let mut file = Reading { size: file.metadata()?.len(), file };
        if file.size <= PART {
            let bytes = file.next(PART)?.unwrap_or_default();
            return self.claim(name, bytes).map(drop);
        }
        let ours = self.claim(name, Bytes::new())?;
        self.put_parts(name, &mut file, ours, task).inspect_err(|error| {
            // Somebody else's by now, or ours and in the way of whoever tries next.
            if error.status() != Status::Busy {
                let _ = self.remove(name);
            }
        })
    }

    fn remove(&self, name: &str) -> Result<()> {
        match self.with(name, |store, location| async move { store.delete(&location).await })? {
            Err(Failure::NotFound { .. }) => Ok(()),
            done => self.failed(name, done),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let (store, prefix) = (self.store.clone(), self.prefix.clone());
        let listed = wait(async move { store.list_with_delimiter(Some(&prefix)).await })?;
        let objects = self.failed("", listed)?.objects;
        let mut names: Vec<String> =
            objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// The tag of an object in a state: some stores name that by an entity tag, some by a version, some by both.
fn tag(e_tag: Option<&str>, version: Option<&str>) -> String {
    format!("{}\n{}", e_tag.unwrap_or_default(), version.unwrap_or_default())
}

fn version(tag: &str) -> UpdateVersion {
    let (e_tag, version) = tag.split_once('\n').unwrap_or((tag, ""));
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpdateVersion { e_tag: given(e_tag), version: given(version) }
}

/// Says what to do where a store replaces objects whatever they are.
fn unconditional(error: Failure) -> Failure {
    match error {
        Failure::NotImplemented { .. } | Failure::NotSupported { .. } => Failure::NotSupported {
            source: format!(
                "it does not replace an object only if it is the one that was read, so that of two publishers one would lose a \
                 release; publish to a folder and copy that, packages first and manifest.json last ({error})"
            )
            .into(),
        },
        error => error,
    }
}
