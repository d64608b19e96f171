//! What comes over the network, and what need not come again.

use std::fs;
use std::sync::Arc;

use patchcore::repository::UpdateMeans;
use patchcore::update::{UpdateAction, UpdateOptions, update_from_repository};
use patchcore::{Status, Task};

use crate::server::{serve, serve_at_most};
use crate::trees::noise;
use crate::{Lab, names, options, packages, release, version};

const COMBINED: &str = "combined_0.0.0_1.0.3.zip";

#[test]
fn a_file_that_has_grown_is_taken_as_far_as_it_counts() {
    let lab = Lab::new();
    let size = lab.size(COMBINED);
    lab.files.lock().unwrap().get_mut(COMBINED).unwrap().extend(noise(500 << 10, 9));
    // With and without ranges.
    for answer in [true, false] {
        let host = lab.host_with(Arc::new(move |asked, stream, bytes| match answer {
            true => serve(asked, stream, bytes, "\"one\""),
            false => serve(&crate::Asked { headers: Vec::new(), ..asked.clone() }, stream, bytes, "\"one\""),
        }));
        let report = lab.update(&host, &options()).unwrap();
        assert_eq!((report.downloaded, lab.installed()), (size, release(3)));
        fs::remove_dir_all(lab.root()).unwrap();
    }
    let host = lab.host();
    lab.install(3);
    lab.write("readme", "written over");
    let report = lab.update(&host, &UpdateOptions { repair: true, ..options() }).unwrap();
    assert_eq!((report.means, lab.installed()), (UpdateMeans::Repair, release(3)));
}

#[test]
fn a_download_that_broke_goes_on_even_if_the_file_has_grown_meanwhile() {
    let lab = Lab::new();
    let size = lab.size(COMBINED);
    {
        let host = lab.host_with(Arc::new(|asked, stream, bytes| {
            let most = if asked.path.ends_with(".zip") { 300 << 10 } else { usize::MAX };
            if asked.path.ends_with(".zip") && asked.start() > 0 {
                return;
            }
            serve_at_most(asked, stream, bytes, "\"one\"", most);
        }));
        // The same place, so that only the file is another one later.
        lab.fails(Status::Network, &host, &UpdateOptions { cache: Some(lab.path("cache")), ..options() });
    }
    assert_eq!(names(&lab.path("cache")).len(), 2, "{:?}", names(&lab.path("cache")));
    lab.files.lock().unwrap().get_mut(COMBINED).unwrap().extend(noise(1000, 9));
    let host = lab.host_with(Arc::new(|asked, stream, bytes| serve(asked, stream, bytes, "\"two\"")));
    let report = lab.update(&host, &UpdateOptions { cache: Some(lab.path("cache")), ..options() }).unwrap();
    assert!(report.downloaded < size, "{} of {size}", report.downloaded);
    assert_eq!(lab.installed(), release(3));
    // A cache is the caller's: what is there is named and stays.
    let path = report.packages[0].path.clone().unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), size);
}

#[test]
fn what_was_downloaded_is_applied_later_without_a_network() {
    for (number, unknown) in [(1, false), (1, true), (0, false)] {
        let lab = Lab::new();
        if number > 0 {
            lab.install(number);
        }
        if unknown {
            lab.write("readme", "written over");
        }
        let keys = lab.keys();
        let url = {
            let host = lab.host();
            let only = UpdateOptions { download_only: true, keys: keys.clone(), ..options() };
            let report = lab.update(&host, &only).unwrap();
            assert_eq!(report.action, UpdateAction::Downloaded);
            assert!(report.packages.iter().all(|package| package.path.as_ref().unwrap().is_file()));
            if number > 0 {
                assert_eq!(lab.installed()["bin/program"], release(number)["bin/program"]);
            }
            host.url("repo")
        };
        let options = UpdateOptions { keys, ..options() };
        let report = update_from_repository(&lab.root(), &url, &options, &mut Task::new()).unwrap();
        assert_eq!((report.action, report.downloaded), (UpdateAction::Applied, 0));
        assert_eq!(lab.version().as_deref(), Some("1.0.3"));
        assert!(report.signed_by.is_some() && lab.kept().is_empty());
    }
}

#[test]
fn deltas_that_are_there_do_not_come_again() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    lab.update(&host, &UpdateOptions { download_only: true, ..options() }).unwrap();
    assert_eq!(packages(&host).len(), 2);
    let report = lab.update(&host, &options()).unwrap();
    assert_eq!((packages(&host).len(), report.downloaded), (2, 0));
    assert_eq!(lab.installed(), release(3));
}

#[test]
fn a_repository_may_be_a_folder_of_this_machine() {
    let lab = Lab::new();
    let folder = lab.path("repo");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in lab.files.lock().unwrap().iter() {
        fs::write(folder.join(name), bytes).unwrap();
    }
    lab.install(1);
    lab.write("readme", "written over");
    let keys = UpdateOptions { keys: lab.keys(), ..options() };
    let (folder, manifest) = (folder.to_str().unwrap(), folder.join("manifest.json"));
    let report = update_from_repository(&lab.root(), folder, &keys, &mut Task::new()).unwrap();
    assert_eq!(report.means, UpdateMeans::Repair);
    assert!(report.downloaded < lab.size(COMBINED) / 2);
    let url = format!("file://{}", manifest.display());
    let report = update_from_repository(&lab.root(), &url, &keys, &mut Task::new()).unwrap();
    assert_eq!((report.action, report.from), (UpdateAction::Nothing, Some(version("1.0.3"))));
}
