//! Uploads on the disk: a record of what is coming, and the bytes that have come.
//!
//! What has come is as long as its file, so there is no number that could be wrong after a crash; nothing is acknowledged before
//! it is on the disk.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use patchcore::io::{OutputFile, OutputOptions};
use patchcore::{CommitPoint, Digest, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::error::{Answer, Refusal};

/// How long an upload that nobody goes on with is kept, and what became of one that ended.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long whoever takes over an upload waits for the one before to let go of it.
const HANDOVER: Duration = Duration::from_secs(10);

/// What is known of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// The bytes that it will have.
    pub(crate) length: u64,
    pub(crate) version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    /// What its bytes are to be, where its sender says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<String>,
    /// What its sender said of it, as it was said.
    pub(crate) metadata: String,
    pub(crate) created_at: String,
    pub(crate) state: State,
    /// What publishing it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// Why it could not be published, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Failure>,
}

/// Why an upload could not be published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Bytes are missing.
    Uploading,
    /// All of it is there, and waits for its turn or is being published.
    Received,
    Published,
    Failed,
}

/// The uploads of a repository.
pub(crate) struct Uploads {
    folder: PathBuf,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

/// Lets one writer at a time into an upload.
struct Gate {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Counts those who want in: a client that lost its connection comes again while we still wait for its bytes.
    wanted: watch::Sender<u64>,
}

/// Who may write to an upload.
pub(crate) struct Turn {
    _guard: OwnedMutexGuard<()>,
    wanted: watch::Receiver<u64>,
}

impl Turn {
    /// Ends when somebody else wants in.
    pub(crate) async fn is_wanted(&mut self) {
        if self.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Uploads {
    pub(crate) fn new(repository: &Path) -> Self {
        Self { folder: repository.join(".patchcore/uploads"), gates: Mutex::default() }
    }

    /// Begins an upload.
    pub(crate) fn create(&self, record: &Record) -> Answer<()> {
        fs::create_dir_all(&self.folder)?;
        File::options().write(true).create_new(true).open(self.data(&record.id))?;
        self.write(record)
    }

    /// What is known of an upload.
    pub(crate) fn record(&self, id: &str) -> Answer<Record> {
        let unknown = || Refusal::not_found("there is no such upload");
        if !is_id(id) {
            return Err(unknown());
        }
        let text = fs::read(self.record_file(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => unknown(),
            _ => error.into(),
        })?;
        serde_json::from_slice(&text).map_err(|_| Refusal::internal("the record of the upload is damaged"))
    }

    /// Writes down what is known, so that a crash leaves what was known before or now.
    pub(crate) fn write(&self, record: &Record) -> Answer<()> {
        let text = serde_json::to_string(record).map_err(|_| Refusal::internal("a record has no text"))?;
        let mut output = OutputFile::create(&self.record_file(&record.id), OutputOptions::default())?;
        output.write_all(text.as_bytes())?;
        Ok(output.commit(&CommitPoint::default())?)
    }

    /// The bytes that have come.
    pub(crate) fn offset(&self, record: &Record) -> Answer<u64> {
        match record.state {
            State::Uploading => Ok(fs::metadata(self.data(&record.id))?.len().min(record.length)),
            _ => Ok(record.length),
        }
    }

    /// When an upload was last worked on.
    pub(crate) fn touched(&self, id: &str) -> SystemTime {
        let modified = |path: PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let newest = modified(self.data(id)).max(modified(self.record_file(id)));
        newest.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Opens an upload to go on with it.
    pub(crate) fn open(&self, id: &str) -> Answer<File> {
        Ok(OpenOptions::new().append(true).open(self.data(id))?)
    }

    /// Where the bytes of an upload are.
    pub(crate) fn data(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.zip"))
    }

    fn record_file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Forgets the bytes of an upload that was dealt with.
    pub(crate) fn drop_data(&self, id: &str) {
        let _ = fs::remove_file(self.data(id));
    }

    /// Forgets an upload.
    pub(crate) fn remove(&self, id: &str) -> Answer<()> {
        self.drop_data(id);
        fs::remove_file(self.record_file(id))?;
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// All uploads, the oldest first.
    pub(crate) fn all(&self) -> Vec<Record> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let ids = names.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
        let mut records: Vec<Record> = ids.filter_map(|id| self.record(&id).ok()).collect();
        records.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        records
    }

    /// Forgets uploads that nobody went on with for long, what became of those that ended long ago, and bytes without a record.
    pub(crate) fn sweep(&self) {
        let old = |touched: SystemTime| touched.elapsed().is_ok_and(|age| age > KEPT);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((id, _)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            // Records that are being written have names of their own.
            let touched = match is_id(id) {
                true => self.touched(id),
                false => {
                    entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or_else(|_| SystemTime::now())
                }
            };
            if !old(touched) {
                continue;
            }
            match self.record(id) {
                Ok(record) if record.state == State::Received => {}
                Ok(_) => drop(self.remove(id)),
                Err(_) => drop(fs::remove_file(entry.path())),
            }
        }
    }

    /// Waits for being the only one who writes to an upload; who did so before gives way.
    pub(crate) async fn turn(&self, id: &str) -> Answer<Turn> {
        let gate = self.gates.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_default().clone();
        gate.wanted.send_modify(|count| *count += 1);
        let mut wanted = gate.wanted.subscribe();
        wanted.mark_unchanged();
        match tokio::time::timeout(HANDOVER, gate.lock.clone().lock_owned()).await {
            Ok(guard) => Ok(Turn { _guard: guard, wanted }),
            Err(_) => {
                let message = "somebody else is writing to this upload; try again";
                Err(Refusal::new(axum::http::StatusCode::LOCKED, "BUSY", message))
            }
        }
    }
}

/// Whether this is the name of an upload, which is one on every file system.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Default for Gate {
    fn default() -> Self {
        Self { lock: Arc::default(), wanted: watch::channel(0).0 }
    }
}
