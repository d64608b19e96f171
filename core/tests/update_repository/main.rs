//! The way from a release repository to a tree: what is trusted, fetched, applied, repaired and remembered.

#![allow(missing_docs, reason = "a test binary")]

mod network;
mod published;
mod repairs;
#[path = "../support/server.rs"]
mod server;
#[allow(dead_code, reason = "each test binary uses its own part")]
#[path = "../support/trees.rs"]
mod trees;
mod trust;
mod ways;
mod year;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patchcore::transfer::{FetchOptions, Proxy};
use patchcore::tree::{self, TreeDiffOptions};
use patchcore::trust::{KeyPair, SecretKey, TrustedKeys};
use patchcore::update::{RepositoryUpdateReport, UpdateOptions, update_from_repository};
use patchcore::{Digest, Error, Outcome, Result, Status, Task, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Asked, Server, head, serve};
use crate::trees::{Nodes, file, nodes, noise};

/// How a server answers for one file.
type Answer = dyn Fn(&Asked, &mut TcpStream, &[u8]) + Send + Sync;

/// A repository of three versions, and an installation.
struct Lab {
    folder: TempDir,
    signer: KeyPair,
    manifest: Value,
    /// The files of the repository, by name.
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

/// Version `number`: a small file that changes with every version, a large one that changes a little with the last, some that
/// never do, one that goes and one that comes.
fn release(number: u64) -> Nodes {
    let mut other = noise(200 << 10, 3);
    other[500] ^= (number / 3) as u8;
    let mut list = vec![
        ("bin/program", file(format!("program of version {number}"))),
        ("data/large", file(noise(400 << 10, 1))),
        ("data/more", file(noise(300 << 10, 2))),
        ("data/other", file(other)),
        ("readme", file("read me")),
    ];
    list.push(if number < 2 { ("old/gone", file("gone later")) } else { ("new/came", file("came later")) });
    nodes(&list)
}

impl Lab {
    /// A repository with the versions 1.0.1 to 1.0.3, of which nothing is installed.
    fn new() -> Self {
        let lab = Self {
            folder: tempfile::tempdir().unwrap(),
            signer: KeyPair::generate(None).unwrap(),
            manifest: json!({ "latest_version": "1.0.3", "sequence": 7, "patches": [] }),
            files: Arc::default(),
        };
        fs::create_dir(lab.path("empty")).unwrap();
        let mut lab = lab;
        for number in 1..=3 {
            fs::create_dir(lab.path(&number.to_string())).unwrap();
            trees::write(&lab.path(&number.to_string()), &release(number));
        }
        lab.package("empty", "1", "base_1.0.1.zip");
        lab.package("1", "2", "delta_1.0.1_1.0.2.zip");
        lab.package("2", "3", "delta_1.0.2_1.0.3.zip");
        lab.package("empty", "3", "combined_0.0.0_1.0.3.zip");
        lab.publish();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.path("installed")
    }

    /// Makes a package between two folders and names it in the manifest.
    fn package(&mut self, from: &str, to: &str, name: &str) {
        let number = |folder: &str| if folder == "empty" { "0.0.0".to_owned() } else { format!("1.0.{folder}") };
        let out = self.path("package.zip");
        let options = TreeDiffOptions { version: Some(version(&number(to))), ..Default::default() };
        let made = tree::diff(&self.path(from), &self.path(to), &out, &options, &mut Task::new()).unwrap();
        let entry = json!({
            "from": number(from), "to": number(to), "file": name, "is_base": to == "1", "is_combined": from == "empty" && to == "3",
            "notes": format!("notes of {}", number(to)), "tree": made.new_tree.to_string(),
        });
        self.manifest["patches"].as_array_mut().unwrap().push(entry);
        let bytes = fs::read(&out).unwrap();
        fs::remove_file(&out).unwrap();
        self.put(name, bytes);
    }

    /// Puts a file into the repository; the manifest says what it is.
    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        if let Some(entry) = self.entry(name) {
            entry["size"] = bytes.len().into();
            entry["sha256"] = Digest::of(&bytes).to_string().into();
        }
        self.files.lock().unwrap().insert(name.to_owned(), bytes);
    }

    fn entry(&mut self, name: &str) -> Option<&mut Value> {
        self.manifest["patches"].as_array_mut().unwrap().iter_mut().find(|entry| entry["file"] == name)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        self.files.lock().unwrap()[name].clone()
    }

    fn size(&self, name: &str) -> u64 {
        self.file(name).len() as u64
    }

    /// Puts the manifest and its signature into the repository.
    fn publish(&mut self) {
        let text = self.manifest.to_string();
        let signature = sign(&self.signer, text.as_bytes());
        self.put("manifest.json", text.into_bytes());
        self.put("manifest.json.minisig", signature.into_bytes());
    }

    /// A web host of the repository.
    fn host(&self) -> Server {
        self.host_with(Arc::new(|asked, stream, bytes| serve(asked, stream, bytes, "\"one\"")))
    }

    fn host_with(&self, answer: Arc<Answer>) -> Server {
        let files = self.files.clone();
        Server::start(move |asked, stream| {
            let bytes = files.lock().unwrap().get(asked.path.trim_start_matches("/repo/")).cloned();
            match bytes {
                Some(bytes) => answer(asked, stream, &bytes),
                None => head(stream, "404 Not Found", &[("Content-Length", "0")]),
            }
        })
    }

    /// Installs a version by hand, of which nothing is remembered.
    fn install(&self, number: u64) {
        fs::create_dir(self.root()).unwrap();
        trees::write(&self.root(), &release(number));
    }

    fn update(&self, host: &Server, options: &UpdateOptions) -> Result<RepositoryUpdateReport> {
        update_from_repository(&self.root(), &host.url("repo"), options, &mut Task::new())
    }

    /// An update that must fail with this status and leave the installation as it was.
    fn fails(&self, status: Status, host: &Server, options: &UpdateOptions) -> Error {
        let before = self.what_stands_there();
        let error = self.update(host, options).unwrap_err();
        assert_eq!((error.status(), error.outcome()), (status, Some(Outcome::Unchanged)), "{error}");
        assert_eq!(self.what_stands_there(), before);
        error
    }

    fn what_stands_there(&self) -> Option<Nodes> {
        self.root().exists().then(|| self.installed()).filter(|nodes| !nodes.is_empty())
    }

    fn installed(&self) -> Nodes {
        trees::read(&self.root())
    }

    fn version(&self) -> Option<String> {
        tree::installed(&self.root()).unwrap().and_then(|installed| installed.version).map(|v| v.to_string())
    }

    fn write(&self, path: &str, content: &str) {
        fs::write(self.root().join(path), content).unwrap();
    }

    fn keys(&self) -> Option<TrustedKeys> {
        Some(TrustedKeys::new([self.signer.public.clone()]).unwrap())
    }

    /// What was downloaded and is kept.
    fn kept(&self) -> Vec<String> {
        names(&self.root().join(".patchcore/downloads"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sign(signer: &KeyPair, bytes: &[u8]) -> String {
    SecretKey::parse(&signer.secret, None).unwrap().sign(&mut &bytes[..], "a manifest").unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// How often each file was asked for, without manifests and signatures.
fn packages(host: &Server) -> Vec<String> {
    let paths = host.asked().into_iter().map(|asked| asked.path.trim_start_matches("/repo/").to_owned());
    paths.filter(|path| path.ends_with(".zip")).collect()
}

fn options() -> UpdateOptions {
    UpdateOptions {
        fetch: FetchOptions {
            first_pause: Duration::from_millis(1),
            retries: 1,
            proxy: Proxy::Direct,
            ..FetchOptions::default()
        },
        ..UpdateOptions::default()
    }
}
