//! What happens to an upload that is complete: it is published, after those that were complete before.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcore::digest::Hasher;
use patchcore::repository::{PublishOptions, PublishReport};
use patchcore::{Digest, Error, Result, Status};
use serde_json::{Value, json};

use super::store::{Failure, Record, State};
use crate::error::{Answer, Refusal};
use crate::plans::described;
use crate::service::Service;

/// How long to wait before an upload is published again that could not be for a reason that passes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Publishes the uploads that were complete when the service last ended.
pub(crate) fn resume(service: &Arc<Service>) {
    service.uploads.sweep();
    for record in service.uploads.all() {
        let is_whole = service.uploads.offset(&record).is_ok_and(|offset| offset == record.length);
        match record.state {
            State::Received => begin(service.clone(), record.id),
            // Its last bytes came, and there was no time to write that down.
            State::Uploading if is_whole => {
                let received = Record { state: State::Received, ..record };
                if service.uploads.write(&received).is_ok() {
                    begin(service.clone(), received.id);
                }
            }
            _ => {}
        }
    }
}

/// Writes down that all of an upload is there, and publishes it in the background.
pub(super) async fn receive(service: &Arc<Service>, record: Record) -> Answer<()> {
    let received = Record { state: State::Received, ..record };
    let (kept, id) = (service.clone(), received.id.clone());
    tokio::task::spawn_blocking(move || kept.uploads.write(&received)).await??;
    begin(service.clone(), id);
    Ok(())
}

/// Publishes an upload in the background, again and again where that may help.
fn begin(service: Arc<Service>, id: String) {
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let one_at_a_time = service.changes.clone().lock_owned().await;
            let (this, this_id) = (service.clone(), id.clone());
            let done = tokio::task::spawn_blocking(move || run(&this, &this_id)).await;
            drop(one_at_a_time);
            if done.unwrap_or(true) {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    });
}

/// Whether an error may pass by itself, or by what somebody does to this machine.
fn passes(status: Status) -> bool {
    matches!(
        status,
        Status::Busy | Status::Io | Status::NoSpace | Status::Permission | Status::Network | Status::Timeout
    )
}

/// Publishes an upload. False where that is to be tried again.
fn run(service: &Service, id: &str) -> bool {
    let Ok(record) = service.uploads.record(id) else { return true };
    if record.state != State::Received {
        return true;
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
        Err(error) if error.status() == Status::Cancelled => return true,
        Ok(report) => {
            service.metrics.published(took, true);
            service.metrics.left_dead(report.dead_bytes);
            service.say(&format!("published {version} in {:.1} s", took.as_secs_f64()));
            Record { state: State::Published, result: Some(told(&report)), error: None, ..record }
        }
        Err(error) => {
            service.metrics.published(took, false);
            service.say(&format!("could not publish {version}: {error}"));
            let passes = passes(error.status());
            let refusal = Refusal::from(error);
            let failure = Failure { code: refusal.code().to_owned(), message: refusal.message().to_owned() };
            let state = if passes { State::Received } else { State::Failed };
            Record { state, error: Some(failure), ..record }
        }
    };
    let is_over = ended.state != State::Received;
    // The bytes go last: without them a service that starts again could not tell what became of the upload.
    if service.uploads.write(&ended).is_ok() && is_over {
        service.uploads.drop_data(id);
    }
    is_over
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
        expires_at: record.expires_at.clone(),
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
