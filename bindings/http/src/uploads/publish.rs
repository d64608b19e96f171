//! What happens to an upload that is complete: it is published, after those that were complete before.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use patchcore::digest::Hasher;
use patchcore::repository::{PublishOptions, PublishReport};
use patchcore::{Digest, Error, Result, Status};
use serde_json::{Value, json};

use super::store::{Failure, Record, State};
use crate::error::Refusal;
use crate::plans::described;
use crate::service::Service;

/// Publishes the uploads that were complete when the service last ended.
pub(crate) fn resume(service: &Arc<Service>) {
    service.uploads.sweep();
    for record in waiting(service) {
        begin(service.clone(), record.id);
    }
}

/// The uploads that are complete and not published.
fn waiting(service: &Service) -> Vec<Record> {
    service.uploads.all().into_iter().filter(|record| record.state == State::Received).collect()
}

/// Publishes an upload in the background.
pub(super) fn begin(service: Arc<Service>, id: String) {
    tokio::spawn(async move {
        let _one_at_a_time = service.changes.clone().lock_owned().await;
        let _ = tokio::task::spawn_blocking(move || run(&service, &id)).await;
    });
}

fn run(service: &Service, id: &str) {
    let Ok(record) = service.uploads.record(id) else { return };
    if record.state != State::Received {
        return;
    }
    service.set_publishing(Some(id.to_owned()));
    let began = Instant::now();
    let published = publish(service, &record);
    service.current.refresh();
    let took = began.elapsed();
    service.set_publishing(None);
    let version = record.version;
    let ended = match published {
        // The service ends: the next one goes on.
        Err(error) if error.status() == Status::Cancelled => return,
        Ok(report) => {
            service.metrics.published(took, true);
            service.metrics.left_dead(report.dead_bytes);
            service.say(&format!("published {version} in {:.1} s", took.as_secs_f64()));
            Record { state: State::Published, result: Some(told(&report)), ..record }
        }
        Err(error) => {
            service.metrics.published(took, false);
            service.say(&format!("could not publish {version}: {error}"));
            let refusal = Refusal::from(error);
            let failure = Failure { code: refusal.code().to_owned(), message: refusal.message().to_owned() };
            Record { state: State::Failed, error: Some(failure), ..record }
        }
    };
    // The bytes go last: without them a service that starts again could not tell what became of the upload.
    if service.uploads.write(&ended).is_ok() {
        service.uploads.drop_data(id);
    }
}

fn publish(service: &Service, record: &Record) -> Result<PublishReport> {
    let file = service.uploads.data(&record.id);
    if let Some(promised) = record.sha256
        && digest_of(&file)? != promised
    {
        let message = "what arrived is not what its sender said it would be: its SHA-256 differs";
        return Err(Error::new(Status::Corrupt, message));
    }
    let options = PublishOptions {
        arch: record.arch.clone(),
        notes: record.notes.clone(),
        signer: service.options.signer.clone(),
        ..PublishOptions::default()
    };
    service.repository.publish(&file, record.version, &options, &mut service.task())
}

fn digest_of(path: &Path) -> Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// What publishing did, for whoever asks.
fn told(report: &PublishReport) -> Value {
    let packages: Vec<Value> = report.packages.iter().map(described).collect();
    json!({
        "changed": report.changed,
        "previous": report.previous,
        "packages": packages,
        "written_bytes": report.written_bytes,
        "dead_bytes": report.dead_bytes,
        "warnings": report.warnings,
    })
}
