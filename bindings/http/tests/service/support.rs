//! A repository in a folder of its own, and requests to the service over it.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use patchcore::Digest;
use patchcore::repository::Repository;
use patchcore_http::{AdminToken, ServiceOptions, router};
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct Sample {
    pub folder: tempfile::TempDir,
    pub router: Router,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the error that it is.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Bytes that look like nothing in particular.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Writes a package of those bytes, and says what the manifest says of it.
pub fn package(folder: &Path, file: &str, from: &str, to: &str, bytes: &[u8]) -> Value {
    fs::write(folder.join(file), bytes).unwrap();
    json!({
        "from": from, "to": to, "file": file, "size": bytes.len(), "file_count": 1,
        "is_base": file.starts_with("base"), "is_combined": file.starts_with("combined"),
        "sha256": Digest::of(bytes), "created_at": "2026-11-21T10:00:00Z", "notes": format!("What is new in {to}"),
    })
}

pub fn write_manifest(folder: &Path, latest: &str, sequence: u64, patches: Vec<Value>) {
    let manifest = json!({
        "latest_version": latest, "generated_at": "2026-11-21T10:00:00Z", "sequence": sequence, "patches": patches,
    });
    let new = folder.join("manifest.new");
    fs::write(&new, manifest.to_string()).unwrap();
    fs::rename(new, folder.join("manifest.json")).unwrap();
}

impl Sample {
    /// Versions 1.0.0 to 1.0.3, whose packages are bytes that are no packages: handing them out is all that is asked for.
    pub fn new() -> Self {
        Self::with(ServiceOptions::default())
    }

    pub fn with(options: ServiceOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let mut patches = vec![package(at, "base_1.0.0.zip", "0.0.0", "1.0.0", &bytes(1, 5_000))];
        for patch in 0..3 {
            let (from, to) = (format!("1.0.{patch}"), format!("1.0.{}", patch + 1));
            let file = format!("delta_{from}_{to}.zip");
            patches.push(package(at, &file, &from, &to, &bytes(patch, 100)));
        }
        patches.push(package(at, COMBINED, "0.0.0", "1.0.3", &bytes(9, 5_200)));
        write_manifest(at, "1.0.3", 4, patches);
        fs::write(at.join("secret.txt"), "nobody's business").unwrap();
        fs::create_dir_all(at.join(".patchcore")).unwrap();
        fs::write(at.join(".patchcore/lock"), "").unwrap();
        let router = router(Repository::open(at).unwrap(), options).unwrap();
        Self { folder, router }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        send(&self.router, request).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request(Method::GET, path, headers, Body::empty())).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(request(Method::POST, path, &[("content-type", "application/json")], body.into())).await
    }
}

pub const COMBINED: &str = "combined_0.0.0_1.0.3.zip";

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(body).unwrap()
}

pub async fn send_to(router: Router, request: Request<Body>) -> Reply {
    send(&router, request).await
}

pub async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status, headers: parts.headers, body }
}

/// A repository that is published to.
impl Sample {
    /// Without any version, for whoever knows [`TOKEN`].
    pub fn empty(max_upload: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Repository::init(folder.path(), false).unwrap();
        let router = publishing_router(folder.path(), max_upload);
        Self { folder, router }
    }

    /// The service after it ended and began again.
    pub fn restart(&mut self) {
        self.router = publishing_router(self.folder.path(), None);
    }
}

fn publishing_router(folder: &Path, max_upload: Option<u64>) -> Router {
    let admin_token = Some(AdminToken::new(TOKEN).unwrap());
    let options = ServiceOptions { admin_token, max_upload, ..ServiceOptions::default() };
    router(Repository::open(folder).unwrap(), options).unwrap()
}

pub const TOKEN: &str = "a-token-that-nobody-guesses";
pub const AUTHORIZATION: (&str, &str) = ("authorization", "Bearer a-token-that-nobody-guesses");

/// A ZIP file of these files, uncompressed.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in files {
        let mut common = Vec::new();
        for number in [20_u16, 0, 0, 0, 0x21] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc32fast::hash(bytes), bytes.len() as u32, bytes.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((archive.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(*bytes);
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([files.len() as u16; 2].map(u16::to_le_bytes).concat());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive
}
