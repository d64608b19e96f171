//! A year of weekly releases: clients that update now and then, over a host whose connections break off.

use std::fs;
use std::path::PathBuf;

use patchcore::Task;
use patchcore::repository::{PublishOptions, Repository, UpdateMeans, plan};
use patchcore::update::{UpdateAction, update_from_repository};

use crate::server::{Server, head, serve_at_most};
use crate::trees::{self, Nodes, file, nodes, noise, program};
use crate::{options, version};

const WEEKS: u64 = 52;
const CLIENTS: usize = 6;

/// What is released in a week: a part of one large file is new, small files come and go.
fn release(week: u64) -> Nodes {
    let mut level = noise(150_000, 1);
    for past in 0..=week {
        let at = (past as usize * 2_311) % 140_000;
        level[at..at + 600].copy_from_slice(&noise(600, 1000 + past));
    }
    nodes(&[
        ("bin/game", program(noise(20_000, 50 + week / 10))),
        ("data/level", file(level)),
        ("data/music", file(noise(250_000, 3))),
        ("data/strings", file(format!("week {week}\n").repeat(200))),
        (&format!("data/event-{}", week / 4), file(noise(900, 500 + week / 4))),
    ])
}

#[test]
fn a_year_of_releases_reaches_every_client_for_the_bytes_of_its_plan() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("repo");
    let repository = Repository::init(&path, false).unwrap();
    let host = flaky(path);
    let clients: Vec<PathBuf> = (0..CLIENTS).map(|number| place.path().join(format!("client-{number}"))).collect();
    let mut at = [None; CLIENTS];
    let mut random = 7u64;
    let mut updates = 0;
    for week in 1..=WEEKS {
        let source = trees::folder(&release(week));
        let notes = PublishOptions { notes: Some(format!("week {week}")), ..PublishOptions::default() };
        repository.publish(source.path(), version(&format!("1.{week}.0")), &notes, &mut Task::new()).unwrap();
        let manifest = repository.manifest().unwrap();
        for (number, client) in clients.iter().enumerate() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Some update every other week, others hardly ever; in the end all do.
            if week < WEEKS && !(random >> 40).is_multiple_of(2 + 3 * number as u64) {
                continue;
            }
            let from = at[number].map_or(version("0.0.0"), |week: u64| version(&format!("1.{week}.0")));
            let planned = plan(&manifest, Some(from), None, None).unwrap();
            let report = update_from_repository(client, &host.url("repo/"), &options(), &mut Task::new()).unwrap();
            assert_eq!(report.action, UpdateAction::Applied, "client {number} in week {week}");
            match planned.means {
                UpdateMeans::Full if at[number].is_some() => assert!(report.downloaded <= planned.bytes),
                _ => assert_eq!(report.downloaded, planned.bytes, "client {number} in week {week}"),
            }
            let before = at[number].unwrap_or(0);
            assert_eq!(report.notes.len() as u64, if before == 0 { 1 } else { week - before }, "{:?}", report.notes);
            let mut expected = release(week);
            // What a repair finds and no release that it knows lists, it leaves and tells.
            for path in &report.unlisted {
                expected.insert(path.clone(), trees::read(client)[path].clone());
            }
            assert_eq!(trees::read(client), expected, "client {number} in week {week}");
            at[number] = Some(week);
            updates += 1;
        }
    }
    assert!(updates > 60, "{updates}");
    assert_eq!(repository.verify(None, &mut Task::new()).unwrap().problems, []);
}

/// A host whose connections break off after some 50 KB.
fn flaky(folder: PathBuf) -> Server {
    Server::start(move |asked, stream| match fs::read(folder.join(asked.path.trim_start_matches("/repo/"))) {
        Ok(bytes) => serve_at_most(asked, stream, &bytes, "\"one\"", 50_000),
        Err(_) => head(stream, "404 Not Found", &[("Content-Length", "0")]),
    })
}
