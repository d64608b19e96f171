//! Versions that come over HTTP: uploads that survive lost connections and restarts, by the tus protocol 1.0.
//!
//! An upload that is complete is published in the background, after the client has its last answer: making a delta takes
//! longer than clients wait. What became of it is at the address of the upload.

mod publish;
mod store;

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use patchcore::Version;
use serde_json::{Value, json};

pub(crate) use publish::resume;
use store::{KEPT, Record, Turn};
pub(crate) use store::{State as UploadState, Uploads};

use crate::cache::json_answer;
use crate::error::{Answer, Refusal};
use crate::server::IDLE_PATIENCE;
use crate::service::Service;

pub(crate) const PLACE: &str = "/admin/cache/patches/uploads";

const PROTOCOL: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration";
const BYTES: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// The bytes that are gathered before they are written.
const PIECE: usize = 1 << 20;
/// The bytes after which what was written is also put on the disk, so that the end of a large upload does not wait for all.
const SYNCED_EVERY: u64 = 64 << 20;

/// `OPTIONS`: what can be done here.
pub(crate) async fn options(State(service): State<Arc<Service>>) -> Response {
    let mut answer = (StatusCode::NO_CONTENT, [(TUS_VERSION, PROTOCOL), (TUS_EXTENSION, EXTENSIONS)]).into_response();
    if let Some(most) = service.options.max_upload {
        answer.headers_mut().insert(TUS_MAX_SIZE, most.into());
    }
    resumable(answer)
}

/// `GET` of all uploads.
pub(crate) async fn list(State(service): State<Arc<Service>>) -> Answer {
    let described = tokio::task::spawn_blocking(move || -> Answer<Vec<Value>> {
        service.uploads.all().iter().map(|record| described(&service, record)).collect()
    });
    Ok(json_answer(json!({"uploads": described.await??}).to_string()))
}

/// `POST`: the beginning of an upload.
pub(crate) async fn create(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    check_protocol(&headers)?;
    let record = announced(&service, &headers)?;
    let (kept, new) = (service.clone(), record.clone());
    let created = tokio::task::spawn_blocking(move || {
        kept.uploads.sweep();
        kept.uploads.create(&new)
    });
    created.await??;
    let place = HeaderValue::try_from(format!("{PLACE}/{}", record.id)).map_err(|_| Refusal::internal("no header"))?;
    let mut answer = StatusCode::CREATED.into_response();
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == BYTES) || record.length == 0 {
        let offset = append(&service, &record, 0, body).await?;
        answer.headers_mut().insert(UPLOAD_OFFSET, offset.into());
    }
    answer.headers_mut().insert(header::LOCATION, place);
    expires(&service, &record, &mut answer);
    Ok(resumable(answer))
}

/// `HEAD`: how far an upload is.
pub(crate) async fn head(State(service): State<Arc<Service>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    check_protocol(&headers)?;
    let mut record = service.uploads.record(&id)?;
    if record.state == UploadState::Uploading {
        // Whoever asks wants to go on: what still comes over a connection that he gave up would make the answer wrong.
        drop(service.uploads.turn(&id).await?);
        record = service.uploads.record(&id)?;
    }
    let mut answer = ([(header::CACHE_CONTROL, "no-store")], ()).into_response();
    answer.headers_mut().insert(UPLOAD_OFFSET, service.uploads.offset(&record)?.into());
    answer.headers_mut().insert(UPLOAD_LENGTH, record.length.into());
    if let Ok(metadata) = HeaderValue::try_from(&record.metadata)
        && !metadata.is_empty()
    {
        answer.headers_mut().insert(UPLOAD_METADATA, metadata);
    }
    expires(&service, &record, &mut answer);
    Ok(resumable(answer))
}

/// `GET`: how far an upload is, and what became of it.
pub(crate) async fn get(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Answer {
    let record = service.uploads.record(&id)?;
    Ok(json_answer(described(&service, &record)?.to_string()))
}

/// `PATCH`: more of it.
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    check_protocol(&headers)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != BYTES) {
        let message = format!("what is uploaded is {BYTES}");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", message));
    }
    let offset = number(&headers, UPLOAD_OFFSET)?;
    let record = service.uploads.record(&id)?;
    let offset = append(&service, &record, offset, body).await?;
    let mut answer = (StatusCode::NO_CONTENT, [(UPLOAD_OFFSET, HeaderValue::from(offset))]).into_response();
    expires(&service, &record, &mut answer);
    Ok(resumable(answer))
}

/// `DELETE`: forgets an upload.
pub(crate) async fn delete(State(service): State<Arc<Service>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    check_protocol(&headers)?;
    service.uploads.record(&id)?;
    let turn = service.uploads.turn(&id).await?;
    // Its state may have changed while the one who wrote to it let go of it.
    if service.uploads.record(&id)?.state == UploadState::Received {
        let message = "the upload is complete and about to be published";
        return Err(Refusal::new(StatusCode::CONFLICT, "CONFLICT", message));
    }
    service.uploads.remove(&id)?;
    drop(turn);
    Ok(resumable(StatusCode::NO_CONTENT.into_response()))
}

/// `POST` to an upload, by clients that can send no other methods.
pub(crate) async fn overridden(
    state: State<Arc<Service>>,
    path: Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    match headers.get("x-http-method-override").and_then(|method| Method::from_bytes(method.as_bytes()).ok()) {
        Some(Method::PATCH) => patch(state, path, headers, body).await,
        Some(Method::DELETE) => delete(state, path, headers).await,
        Some(Method::HEAD) => head(state, path, headers).await,
        _ => {
            let message = "that cannot be done here";
            Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message))
        }
    }
}

/// Takes in what comes, and says how far the upload is then. When all of it is there it is published.
async fn append(service: &Arc<Service>, record: &Record, offset: u64, body: Body) -> Answer<u64> {
    let turn = service.uploads.turn(&record.id).await?;
    // Whoever had the turn before may have written, or even finished.
    let record = service.uploads.record(&record.id)?;
    let there = service.uploads.offset(&record)?;
    if offset != there {
        let message = format!("the upload goes on at {there}, not at {offset}");
        let refusal = Refusal::new(StatusCode::CONFLICT, "CONFLICT", message);
        return Err(refusal.with_header(UPLOAD_OFFSET, there.into()));
    }
    let missing = record.length - there;
    let too_much = || Refusal::too_large(format!("the upload has {} bytes in all", record.length));
    if axum::body::HttpBody::size_hint(&body).lower() > missing {
        return Err(too_much());
    }
    if record.state != UploadState::Uploading {
        return Ok(there);
    }
    let writer = Writer { file: service.uploads.open(&record.id)?, turn, unsynced: 0 };
    let service = service.clone();
    // A client that hangs up after its last byte does not end this: then it would never learn that all of it is there.
    let received = tokio::spawn(async move {
        let (written, writer, broken) = receive(writer, body, missing).await?;
        let there = there + written;
        if let Some(broken) = broken {
            return Err(broken);
        }
        if there == record.length {
            publish::receive(&service, record).await?;
        }
        drop(writer);
        Ok(there)
    });
    received.await?
}

/// An upload that is being written to. It keeps its turn until a write that has begun is over, whoever still waits for it.
struct Writer {
    file: File,
    turn: Turn,
    unsynced: u64,
}

impl Writer {
    async fn write(mut self, bytes: Vec<u8>, sync: bool) -> Answer<Self> {
        let written = tokio::task::spawn_blocking(move || -> Answer<Self> {
            self.file.write_all(&bytes)?;
            self.unsynced += bytes.len() as u64;
            if sync || self.unsynced >= SYNCED_EVERY {
                self.file.sync_data()?;
                self.unsynced = 0;
            }
            Ok(self)
        });
        written.await?
    }
}

/// Writes down at most `most` bytes of a body: how many came, and why no more did where it was not the end.
async fn receive(mut writer: Writer, mut body: Body, most: u64) -> Answer<(u64, Writer, Option<Refusal>)> {
    let mut gathered = Vec::new();
    let mut received = 0;
    let broken = loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout(IDLE_PATIENCE, body.frame()) => frame,
            () = writer.turn.is_wanted() => {
                break Some(Refusal::new(StatusCode::LOCKED, "BUSY", "the upload goes on over another connection"));
            }
        };
        let data = match frame {
            Ok(None) => break None,
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(_))) => break Some(Refusal::bad_request("the request ends early")),
            Err(_) => {
                break Some(Refusal::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "nothing has come for too long"));
            }
        };
        received += data.len() as u64;
        if received > most {
            received -= data.len() as u64;
            break Some(Refusal::too_large("the request has more bytes than the upload lacks"));
        }
        gathered.extend_from_slice(&data);
        if gathered.len() >= PIECE {
            writer = writer.write(std::mem::take(&mut gathered), false).await?;
        }
    };
    // What came before a connection broke counts: nobody needs to send it again.
    let writer = writer.write(gathered, true).await?;
    Ok((received, writer, broken))
}

/// Reads what a client says of the upload that it begins.
fn announced(service: &Service, headers: &HeaderMap) -> Answer<Record> {
    let length = number(headers, UPLOAD_LENGTH)?;
    if let Some(most) = service.options.max_upload.filter(|most| length > *most) {
        return Err(Refusal::too_large(format!("uploads have at most {most} bytes here")));
    }
    let raw = headers.get(UPLOAD_METADATA).map_or(Ok(""), HeaderValue::to_str);
    let raw = raw.map_err(|_| Refusal::bad_request("Upload-Metadata is no plain text"))?;
    let mut record = Record {
        id: identifier()?,
        length,
        version: crate::plans::NOTHING,
        arch: None,
        notes: None,
        filename: None,
        sha256: None,
        expires_at: None,
        metadata: raw.to_owned(),
        created_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        state: UploadState::Uploading,
        result: None,
        error: None,
    };
    let mut version = None;
    for (name, value) in metadata(raw)? {
        match name {
            "version" => version = Some(value.parse::<Version>().map_err(Refusal::from)?),
            "arch" if !value.is_empty() => record.arch = Some(architecture(value)?),
            "notes" if !value.is_empty() => record.notes = Some(value),
            "filename" => record.filename = Some(value),
            "expires_at" if !value.is_empty() => record.expires_at = Some(value),
            "sha256" => {
                let digest = value.parse().map_err(|error| Refusal::bad_request(format!("sha256: {error}")))?;
                record.sha256 = Some(digest);
            }
            _ => {}
        }
    }
    record.version = version.filter(|version| *version != crate::plans::NOTHING).ok_or_else(|| {
        Refusal::bad_request(
            "Upload-Metadata says no version, such as \"version MS4wLjE=\": the name, and 1.0.1 in base64",
        )
    })?;
    let line = service.current.last();
    let own =
        line.manifest.patches.iter().filter(|package| package.arch == record.arch).map(|package| package.to).max();
    match own {
        Some(latest) if record.version < latest => {
            let message = format!("version {latest} is published already; {} must be higher", record.version);
            Err(Refusal::new(StatusCode::CONFLICT, "CONFLICT", message))
        }
        _ => Ok(record),
    }
}

fn architecture(name: String) -> Answer<String> {
    let plain = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if plain { Ok(name) } else { Err(Refusal::bad_request("arch is letters, digits, _ and -")) }
}

/// A name that nobody can guess.
fn identifier() -> Answer<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Refusal::internal("the system has no random numbers"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads names with values in base64, with commas between.
fn metadata(text: &str) -> Answer<Vec<(&str, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = pairs.map(|pair| {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let bytes = base64(value.trim()).and_then(|bytes| String::from_utf8(bytes).ok());
        let value = bytes.ok_or_else(|| {
            Refusal::bad_request(format!(
                "Upload-Metadata: the value of \"{}\" is no text in base64",
                name.escape_debug()
            ))
        })?;
        Ok((name, value))
    });
    read.collect()
}

/// Reads standard base64, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        match group.len() {
            1 => return None,
            whole => bytes.extend_from_slice(&bits.to_be_bytes()[1..whole]),
        }
    }
    Some(bytes)
}

/// An upload as its publisher is told of it.
fn described(service: &Service, record: &Record) -> Answer<Value> {
    let offset = service.uploads.offset(record)?;
    let state = match record.state {
        UploadState::Uploading => "uploading",
        UploadState::Received if service.is_publishing(&record.id) => "publishing",
        UploadState::Received => "received",
        UploadState::Published => "published",
        UploadState::Failed => "failed",
    };
    Ok(json!({
        "id": record.id,
        "url": format!("{PLACE}/{}", record.id),
        "state": state,
        "offset": offset,
        "length": record.length,
        "version": record.version,
        "arch": record.arch,
        "notes": record.notes,
        "filename": record.filename,
        "created_at": record.created_at,
        "result": record.result,
        "error": record.error,
    }))
}

fn check_protocol(headers: &HeaderMap) -> Answer<()> {
    if headers.get(TUS_RESUMABLE).is_some_and(|version| version == PROTOCOL) {
        return Ok(());
    }
    let message = format!("uploads go by tus {PROTOCOL}: the header Tus-Resumable is to say so");
    let refusal = Refusal::new(StatusCode::PRECONDITION_FAILED, "UNSUPPORTED", message);
    Err(refusal.with_header(TUS_VERSION, HeaderValue::from_static(PROTOCOL)))
}

fn number(headers: &HeaderMap, name: HeaderName) -> Answer<u64> {
    let text = headers.get(&name).and_then(|value| value.to_str().ok()).filter(|text| !text.starts_with('+'));
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| Refusal::bad_request(format!("the header {name} is to be a number of bytes")))
}

fn expires(service: &Service, record: &Record, answer: &mut Response) {
    let at = httpdate::fmt_http_date(service.uploads.touched(&record.id) + KEPT);
    if let Ok(at) = HeaderValue::try_from(at) {
        answer.headers_mut().insert(UPLOAD_EXPIRES, at);
    }
}

fn resumable(mut answer: Response) -> Response {
    answer.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(PROTOCOL));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_names_with_values_in_base64() {
        let read = metadata("version MS4wLjE=,notes TsO8 , empty,filename YS56aXA").unwrap();
        assert_eq!(
            read,
            [("version", "1.0.1"), ("notes", "Nü"), ("empty", ""), ("filename", "a.zip")]
                .map(|(a, b)| (a, b.to_owned()))
        );
        for bad in ["version !", "version M", "version MS4w LjE=", "notes /w=="] {
            assert!(metadata(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn base64_reads_every_length() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(base64("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
    }
}
