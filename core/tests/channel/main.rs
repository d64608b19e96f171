//! What a channel promises: whoever has any version gets to the newest by the fewest bytes, whatever happens meanwhile.

#![allow(missing_docs, reason = "a test binary")]

mod hostile;
mod publishing;
#[path = "../support/server.rs"]
mod server;
mod updating;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patchcore::chain::{Chain, CreateOptions};
use patchcore::delta::{self, DiffOptions, EncodeOptions};
use patchcore::io::{OutputOptions, ReadAt};
use patchcore::repository::channel::{ChannelManifest, ChannelPublishOptions, ChannelPublishReport, publish_channel};
use patchcore::transfer::{FetchOptions, Proxy};
use patchcore::update::{FileUpdateOptions, FileUpdateReport, update_file_from_channel};
use patchcore::{Error, Limits, Result, Status, Task};
use tempfile::TempDir;

use crate::server::{Server, head, serve};

/// A chain and its versions, the channel that it is published to, and a device with one of the versions.
struct Lab {
    folder: TempDir,
    versions: Vec<Vec<u8>>,
}

impl Lab {
    /// Of the first `count` versions, all in the chain, none published.
    fn new(count: usize) -> Self {
        Self::of(versions(count))
    }

    fn of(versions: Vec<Vec<u8>>) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap(), versions };
        fs::create_dir(lab.path("device")).unwrap();
        let deltas: Vec<_> = lab.versions.windows(2).map(|pair| diff(&pair[0], &pair[1])).collect();
        create(&lab.path("updates.chain"), &deltas);
        lab
    }

    /// [`new`](Self::new), published.
    fn published(count: usize) -> Self {
        let lab = Self::new(count);
        lab.publish();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn channel(&self, name: &str) -> PathBuf {
        self.path("channel").join(name)
    }

    /// Appends one more version to the chain.
    fn grow(&mut self) {
        let next = step(self.versions.last().unwrap(), self.versions.len());
        let delta = diff(self.versions.last().unwrap(), &next);
        Chain::append(&self.path("updates.chain"), &[&delta], None, &Limits::default(), &mut Task::new()).unwrap();
        self.versions.push(next);
    }

    fn publish(&self) -> ChannelPublishReport {
        self.try_publish(&ChannelPublishOptions::default()).unwrap()
    }

    fn try_publish(&self, options: &ChannelPublishOptions) -> Result<ChannelPublishReport> {
        fs::write(self.path("newest.bin"), self.versions.last().unwrap()).unwrap();
        let (chain, newest) = (self.path("updates.chain"), self.path("newest.bin"));
        publish_channel(&self.path("channel"), &chain, &newest, options, &mut Task::new())
    }

    fn manifest(&self) -> ChannelManifest {
        ChannelManifest::from_json(&fs::read(self.channel("manifest.json")).unwrap()).unwrap()
    }

    fn edit(&self, edit: impl FnOnce(&mut ChannelManifest)) {
        let mut manifest = self.manifest();
        edit(&mut manifest);
        fs::write(self.channel("manifest.json"), manifest.to_json()).unwrap();
    }

    /// The file on the device, which is of this version.
    fn device(&self, version: usize) -> PathBuf {
        let file = self.path("device/model.bin");
        fs::write(&file, &self.versions[version]).unwrap();
        file
    }

    fn update(&self, url: &str) -> Result<FileUpdateReport> {
        update_file_from_channel(&self.path("device/model.bin"), url, &quick(), &mut Task::new())
    }

    #[track_caller]
    fn assert_device(&self, version: usize) {
        assert!(fs::read(self.path("device/model.bin")).unwrap() == self.versions[version]);
        let names = names(&self.path("device"));
        assert!(names.iter().all(|name| name == "model.bin" || name == ".model.bin.patchcore.json"), "{names:?}");
    }

    fn server(&self) -> Host {
        Host::of(&self.path("channel"))
    }
}

/// A web server of a folder, which knows what it sent.
struct Host {
    server: Server,
    sent: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Host {
    fn of(folder: &Path) -> Self {
        let (folder, sent) = (folder.to_owned(), Arc::<Mutex<Vec<_>>>::default());
        let log = sent.clone();
        let server = Server::start(move |asked, stream| {
            let name = asked.path.split('?').next().unwrap().trim_start_matches('/');
            let Ok(bytes) = fs::read(folder.join(name)) else {
                return head(stream, "404 Not Found", &[("Content-Length", "0")]);
            };
            let len = bytes.len() as u64;
            let end = asked.range().and_then(|(_, last)| last).map_or(len, |last| len.min(last + 1));
            let start = asked.last().map_or(asked.start(), |last| len.saturating_sub(last));
            log.lock().unwrap().push((name.to_owned(), end.saturating_sub(start)));
            serve(asked, stream, &bytes, &format!("\"{}\"", patchcore::Digest::of(&bytes)));
        });
        Self { server, sent }
    }

    fn url(&self) -> String {
        self.server.url("")
    }

    /// What was sent since the last time, the manifest apart.
    fn sent(&self) -> Vec<(String, u64)> {
        let mut sent = std::mem::take(&mut *self.sent.lock().unwrap());
        sent.retain(|(name, _)| !name.starts_with("manifest.json"));
        sent
    }

    fn bytes(&self) -> u64 {
        self.sent().iter().map(|(_, bytes)| bytes).sum()
    }
}

fn quick() -> FileUpdateOptions {
    let fetch = FetchOptions {
        first_pause: Duration::from_millis(1),
        retries: 1,
        proxy: Proxy::Direct,
        ..FetchOptions::default()
    };
    FileUpdateOptions { fetch, ..FileUpdateOptions::default() }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn create(path: &Path, deltas: &[Vec<u8>]) {
    let sources: Vec<&dyn ReadAt> = deltas.iter().map(|delta| delta as _).collect();
    let options = CreateOptions { chain_id: Some("model".into()), force: true, ..CreateOptions::default() };
    Chain::create(path, &sources, &options, &Limits::default(), OutputOptions::default(), &mut Task::new()).unwrap();
}

fn diff(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let encode = EncodeOptions { level: 1, ..EncodeOptions::default() };
    delta::diff(&old, &new, &mut out, &DiffOptions { encode, ..DiffOptions::default() }, &mut Task::new()).unwrap();
    out.into_inner()
}

/// Versions that all change the same part, and each one of its own.
fn versions(count: usize) -> Vec<Vec<u8>> {
    let mut versions = vec![noise(1, 200_000)];
    while versions.len() < count {
        versions.push(step(versions.last().unwrap(), versions.len()));
    }
    versions
}

fn step(before: &[u8], number: usize) -> Vec<u8> {
    let mut after = before.to_vec();
    after[1000..3000].copy_from_slice(&noise(100 + number as u64, 2000));
    let own = 10_000 + number * 3000;
    after[own..own + 500].copy_from_slice(&noise(200 + number as u64, 500));
    after.extend(noise(300 + number as u64, 100));
    after
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[track_caller]
fn assert_status<T: std::fmt::Debug>(result: Result<T>, status: Status) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.status(), status, "{error}");
    error
}
