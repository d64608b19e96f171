//! Which packages are taken, and what becomes of the tree.

use std::fs;

use patchcore::repository::{PlanReason, UpdateMeans};
use patchcore::update::{UpdateAction, UpdateOptions};

use crate::{Lab, options, packages, release, version};

#[test]
fn an_empty_or_missing_directory_gets_the_newest_version() {
    for exists in [false, true] {
        let lab = Lab::new();
        let host = lab.host();
        if exists {
            fs::create_dir(lab.root()).unwrap();
        }
        let report = lab.update(&host, &options()).unwrap();
        assert_eq!(
            (report.action, report.means, report.reason),
            (UpdateAction::Applied, UpdateMeans::Full, PlanReason::NewInstallation)
        );
        assert_eq!((report.from, report.to), (Some(version("0.0.0")), version("1.0.3")));
        assert_eq!(report.downloaded, lab.size("combined_0.0.0_1.0.3.zip"));
        assert_eq!(report.notes, [(version("1.0.3"), "notes of 1.0.3".to_owned())]);
        assert_eq!((lab.installed(), lab.version().as_deref()), (release(3), Some("1.0.3")));
        assert!(report.unlisted.is_empty() && lab.kept().is_empty());
    }
}

#[test]
fn a_version_is_recognised_and_led_on_by_its_deltas_in_order() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(1);
    let report = lab.update(&host, &options()).unwrap();
    assert_eq!(
        (report.action, report.means, report.reason),
        (UpdateAction::Applied, UpdateMeans::Deltas, PlanReason::FewestBytes)
    );
    assert_eq!((report.from, report.to), (Some(version("1.0.1")), version("1.0.3")));
    assert_eq!(packages(&host), ["delta_1.0.1_1.0.2.zip", "delta_1.0.2_1.0.3.zip"]);
    let bytes = lab.size("delta_1.0.1_1.0.2.zip") + lab.size("delta_1.0.2_1.0.3.zip");
    assert_eq!((report.downloaded, report.packages.iter().map(|p| p.size).sum::<u64>()), (bytes, bytes));
    let notes: Vec<_> = report.notes.iter().map(|(version, text)| format!("{version} {text}")).collect();
    assert_eq!(notes, ["1.0.2 notes of 1.0.2", "1.0.3 notes of 1.0.3"]);
    assert_eq!((lab.installed(), lab.version().as_deref()), (release(3), Some("1.0.3")));
    assert!(lab.kept().is_empty() && report.fallback.is_none());
}

#[test]
fn what_is_up_to_date_is_left_alone() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(3);
    for _ in 0..2 {
        let report = lab.update(&host, &options()).unwrap();
        assert_eq!((report.action, report.reason), (UpdateAction::Nothing, PlanReason::UpToDate));
        assert_eq!((lab.version().as_deref(), report.downloaded), (Some("1.0.3"), 0));
    }
    assert_eq!((lab.installed(), packages(&host).len()), (release(3), 0));
}

#[test]
fn what_is_incomplete_is_made_whole_and_the_whole_comes_where_it_is_asked_for() {
    let lab = Lab::new();
    let host = lab.host();
    lab.install(3);
    lab.update(&host, &options()).unwrap();
    fs::remove_file(lab.root().join("readme")).unwrap();
    let required = UpdateOptions { required: vec!["readme".to_owned()], ..options() };
    let report = lab.update(&host, &required).unwrap();
    assert_eq!((report.means, report.reason), (UpdateMeans::Repair, PlanReason::IncompleteInstallation));
    assert_eq!(lab.installed(), release(3));
    assert_eq!(lab.update(&host, &required).unwrap().action, UpdateAction::Nothing);
    let report = lab.update(&host, &UpdateOptions { force_full: true, ..options() }).unwrap();
    assert_eq!((report.means, report.reason), (UpdateMeans::Full, PlanReason::FullAsked));
    assert_eq!(report.downloaded, lab.size("combined_0.0.0_1.0.3.zip"));
}

#[test]
fn a_look_alone_touches_nothing() {
    let lab = Lab::new();
    let host = lab.host();
    let dry = UpdateOptions { dry_run: true, ..options() };
    let report = lab.update(&host, &dry).unwrap();
    assert_eq!((report.action, report.means), (UpdateAction::Decided, UpdateMeans::Full));
    assert!(!lab.root().exists());
    lab.install(1);
    let report = lab.update(&host, &dry).unwrap();
    assert_eq!((report.action, report.means), (UpdateAction::Decided, UpdateMeans::Deltas));
    assert_eq!(report.packages.len(), 2);
    assert!(!lab.root().join(".patchcore").exists() && packages(&host).is_empty());
}
