//! What every language relies on: operations own what they work on, run on any thread, stop when asked, and speak.

#![cfg(feature = "encode")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use patchcore_ffi::applier::{Applier, Slot};
use patchcore_ffi::chain::{self, Chain};
use patchcore_ffi::delta;
use patchcore_ffi::input::{Input, ReadAt};
use patchcore_ffi::job::{CancelToken, Job, LogLevel, Running, Stop};
use patchcore_ffi::options::{ApplierOptions, ApplyOptions, CreateOptions, DiffOptions, Engine, Limits, SquashOptions};
use patchcore_ffi::output::Output;
use patchcore_ffi::results::Explanation;
use patchcore_ffi::status::{Error, Result, Status};

#[test]
fn all_that_a_language_holds_can_move_to_another_thread() {
    fn moves<T: Send + 'static>() {}
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    moves::<(Input, Output, Job, Applier, Explanation, Error)>();
    moves::<(DiffOptions, SquashOptions, ApplyOptions, CreateOptions, ApplierOptions, Limits, Engine)>();
    moves::<Running>();
    is_shared::<(Chain, CancelToken)>();
}

#[test]
fn bytes_a_file_and_a_writer_get_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let delta = make(0, 1);
    let apply =
        |output| delta::apply(version(0), bytes(&delta), output, &ApplyOptions::default(), &mut Job::new()).unwrap().1;
    assert_eq!(apply(Output::Memory), Some(content(1)));
    assert_eq!(apply(Output::Path { path: path.clone(), no_clobber: false }), None);
    assert_eq!(std::fs::read(&path).unwrap(), content(1));
    let written = Shared::default();
    assert_eq!(apply(Output::Writer(Box::new(written.clone()))), None);
    assert_eq!(*written.0.lock().unwrap(), content(1));
}

#[test]
fn a_callback_of_the_caller_keeps_its_value_wherever_it_fails() {
    let delta = make(0, 1);
    let output = Output::Writer(Box::new(Failing));
    let options = ApplyOptions::default();
    let failed = delta::apply(version(0), bytes(&delta), output, &options, &mut Job::new()).unwrap_err();
    assert_eq!((failed.status(), failed.callback_value()), (Status::Callback, Some(41)));
    let failed =
        delta::apply(Input::Source(Box::new(Failing)), bytes(&delta), Output::Memory, &options, &mut Job::new());
    assert_eq!(failed.unwrap_err().callback_value(), Some(42));
    let mut job = Job::new().on_progress(Box::new(|_| Err(Stop::Callback(43))));
    let failed = delta::apply(version(0), bytes(&delta), Output::Memory, &options, &mut job).unwrap_err();
    assert_eq!(failed.callback_value(), Some(43));
}

#[test]
fn a_job_on_its_own_thread_stops_when_asked() {
    let (said, heard) = std::sync::mpsc::channel();
    let running = Job::new().spawn(Box::new(move |job| {
        while !job.cancel_token().is_cancelled() {
            std::thread::yield_now();
        }
        let made = delta::diff(version(0), version(1), Output::Memory, &DiffOptions::default(), job);
        said.send(status(&made)).unwrap();
    }));
    let running = running.unwrap();
    running.cancel();
    running.wait().unwrap();
    assert_eq!(heard.recv().unwrap(), Status::Cancelled);
}

#[test]
fn who_cancels_in_time_finds_nothing_in_place_and_who_does_not_finds_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let delta = make(0, 1);
    let (mut in_time, mut too_late, mut round) = (0, 0, 0);
    // Later and later, until it was too late a few times.
    while too_late < 20 {
        round += 1;
        let (output, delta) = (Output::Path { path: path.clone(), no_clobber: false }, bytes(&delta));
        let apply = move |job: &mut Job| {
            let _ = delta::apply(version(0), delta, output, &ApplyOptions::default(), job);
        };
        let running = Job::new().spawn(Box::new(apply)).unwrap();
        std::thread::sleep(std::time::Duration::from_micros(round * 20));
        let was_in_time = running.cancel();
        running.wait().unwrap();
        assert_eq!(path.exists(), !was_in_time, "round {round}");
        *(if was_in_time { &mut in_time } else { &mut too_late }) += 1;
        let _ = std::fs::remove_file(&path);
    }
    assert!(in_time > 0);
}

#[test]
fn a_chain_gives_back_the_links_it_was_made_of() {
    let deltas = [make(0, 1), make(1, 2)];
    let bytes_of_chain = chain_of(&deltas);
    let chain = Chain::open(bytes(&bytes_of_chain)).unwrap();
    for (link, delta) in deltas.iter().enumerate() {
        let extracted = chain.extract_link(link as u64, Output::Memory, &Limits::default(), &mut Job::new());
        assert_eq!(extracted.unwrap().1.as_ref(), Some(delta));
    }
    assert_eq!(chain.route(0, 2).unwrap(), [0, 1]);
    let missing = chain.extract_link(2, Output::Memory, &Limits::default(), &mut Job::new());
    assert_eq!(status(&missing), Status::InvalidArgument);
    let (stats, made) =
        chain.apply(version(0), None, Output::Memory, &ApplyOptions::default(), &mut Job::new()).unwrap();
    assert_eq!((stats.links, made), (chain.links(), Some(content(2))));
}

#[test]
fn a_squashed_delta_never_replaces_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let bytes_of_chain = chain_of(&[make(0, 1), make(1, 2)]);
    std::fs::write(&path, &bytes_of_chain).unwrap();
    let chain = Chain::open(Input::Path(path.clone())).unwrap();
    let output = || Output::Path { path: path.clone(), no_clobber: false };
    let squashed = chain.squash(None, None, output(), &SquashOptions::default(), &mut Job::new());
    assert_eq!(status(&squashed), Status::InvalidArgument);
    let extracted = chain.extract_link(0, output(), &Limits::default(), &mut Job::new());
    assert_eq!(status(&extracted), Status::InvalidArgument);
    assert_eq!(std::fs::read(&path).unwrap(), bytes_of_chain);
}

#[test]
fn the_log_warns_of_what_a_chain_ignores() {
    let mut torn = chain_of(&[make(0, 1)]);
    torn.extend(b"unfinished");
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let log = warnings.clone();
    let mut job = Job::new().on_log(Box::new(move |level, message| {
        if level == LogLevel::Warning {
            log.lock().unwrap().push(message.to_owned());
        }
    }));
    assert_eq!(Chain::open(bytes(&torn)).unwrap().verify(&Limits::default(), &mut job).unwrap(), 10);
    let warnings = warnings.lock().unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("last 10 bytes"), "{warnings:?}");
}

#[test]
fn damage_in_a_chain_names_its_file_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let mut damaged = chain_of(&[make(0, 1), make(1, 2)]);
    let link = Chain::open(bytes(&damaged)).unwrap().links()[1];
    damaged[(link.offset + link.size / 2) as usize] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let chain = Chain::open(Input::Path(path.clone())).unwrap();
    for error in [
        chain.verify(&Limits::default(), &mut Job::new()).unwrap_err(),
        chain.explain_link(1, 0, &Limits::default(), &mut Job::new()).unwrap_err(),
        chain.extract_link(1, Output::Memory, &Limits::default(), &mut Job::new()).unwrap_err(),
        chain.apply(version(0), None, Output::Memory, &ApplyOptions::default(), &mut Job::new()).unwrap_err(),
    ] {
        assert_eq!((error.status(), error.path()), (Status::Corrupt, Some(&*path)), "{error}");
        let offset = error.offset().unwrap();
        assert!((link.offset..link.offset + link.size).contains(&offset), "{error}");
    }
}

#[test]
fn an_applier_without_a_signature_that_it_demands_fails_before_it_writes() {
    let key = "RWSYyV517tdc3ZQ++Tkb4vDI6Nt/qbnSZwhN2iD0ZGc5PT0L15zwubsX";
    let with = |public_key: Option<&str>, signature: Option<&[u8]>| {
        let options = ApplierOptions {
            public_key: public_key.map(str::to_owned),
            signature: signature.map(<[u8]>::to_vec),
            ..ApplierOptions::default()
        };
        status(&Applier::new(Box::new(content(0)), Box::new(Flash::default()), &options))
    };
    assert_eq!(with(Some(key), None), Status::BadSignature);
    assert_eq!(with(Some(key), Some(b"\xff")), Status::BadSignature);
    assert_eq!(with(Some("no key"), Some(b"")), Status::InvalidArgument);
    assert_eq!(with(None, Some(b"")), Status::InvalidArgument);
    assert_eq!(with(None, None), Status::Ok);
}

#[test]
fn an_applier_makes_what_apply_makes() {
    let delta = make(0, 1);
    let flash = Flash::default();
    let options = ApplierOptions::default();
    let mut applier = Applier::new(Box::new(content(0)), Box::new(flash.clone()), &options).unwrap();
    assert!(applier.info().is_none());
    let mut rest = &delta[..];
    while !rest.is_empty() {
        let taken = applier.push(&rest[..rest.len().min(100)]).unwrap();
        rest = &rest[taken..];
    }
    assert_eq!(applier.finish().unwrap().new_size, content(1).len() as u64);
    assert_eq!(applier.info().unwrap().delta_size, delta.len() as u64);
    assert_eq!(*flash.0.lock().unwrap(), content(1));
}

fn make(from: u8, to: u8) -> Vec<u8> {
    let options = DiffOptions { level: 1, ..DiffOptions::default() };
    delta::diff(version(from), version(to), Output::Memory, &options, &mut Job::new()).unwrap().1.unwrap()
}

fn chain_of(deltas: &[Vec<u8>]) -> Vec<u8> {
    let deltas = deltas.iter().map(|delta| bytes(delta)).collect();
    let options = CreateOptions::default();
    chain::create(deltas, Output::Memory, &options, &Limits::default(), &mut Job::new()).unwrap().unwrap()
}

fn version(number: u8) -> Input {
    bytes(&content(number))
}

fn content(number: u8) -> Vec<u8> {
    let mut content: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for version in 1..=number {
        content.splice(usize::from(version) * 1_000..usize::from(version) * 1_010, vec![version; 500]);
    }
    content
}

fn bytes(bytes: &[u8]) -> Input {
    Input::Bytes(Arc::new(bytes.to_vec()))
}

fn status<T>(result: &Result<T>) -> Status {
    result.as_ref().map_or_else(Error::status, |_| Status::Ok)
}

/// Where a writer writes to, seen from outside.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Failing;

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(Error::callback(41).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Failing {
    fn size(&self) -> u64 {
        40_000
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> Result<()> {
        Err(Error::callback(42))
    }
}

#[derive(Clone, Default)]
struct Flash(Arc<Mutex<Vec<u8>>>);

impl Slot for Flash {
    fn write(&mut self, _: u64, bytes: &[u8]) -> Result<()> {
        self.0.lock().unwrap().extend(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn can_read(&self) -> bool {
        true
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.lock().unwrap().read_at(offset, buf)
    }
}
