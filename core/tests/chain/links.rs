//! What a chain takes in and what it refuses.

use patchcore::Status;
use patchcore::chain::{Chain, CreateOptions, MAGIC};

use crate::{Lab, append, assert_status, diff, entries, noise};

#[test]
fn a_chain_holds_its_versions_and_links() {
    let lab = Lab::new(&[b"one", b"two two"]);
    let deltas = [diff(b"two two", b"three"), diff(b"three", b"four")];
    let appended = append(&lab.path, &deltas, Some("final")).unwrap();
    let chain = lab.open();
    assert_eq!(chain.chain_id(), "updates");
    let versions: Vec<_> = chain.versions().iter().map(|version| (version.name.as_str(), version.size)).collect();
    assert_eq!(versions, [("v1", 3), ("v2", 7), ("v3", 5), ("final", 4)]);
    let labels: Vec<_> = chain.links().map(|link| chain.label(link)).collect();
    assert_eq!(labels, ["v1→v2", "v2→v3", "v3→final"]);
    assert_eq!(appended.links.iter().collect::<Vec<_>>(), chain.links().skip(1).collect::<Vec<_>>());
    assert_eq!(chain.total_size(), (diff(b"one", b"two two").len() + deltas[0].len() + deltas[1].len()) as u64);
    assert_eq!((chain.shortcuts().count(), chain.shortcut_size(), chain.ignored_tail()), (0, 0, 0));
}

#[test]
fn an_append_leaves_earlier_bytes_as_they_are_and_adds_the_link_and_an_index() {
    let [a, b, c] = [1, 2, 3].map(|seed| noise(50_000, seed));
    let lab = Lab::new(&[&a, &b]);
    let before = lab.bytes();
    let delta = diff(&b, &c);
    append(&lab.path, std::slice::from_ref(&delta), None).unwrap();
    let after = lab.bytes();
    assert!(after.starts_with(&before));
    assert!(after.len() - before.len() < delta.len() + 400);
}

#[test]
fn a_link_that_starts_at_no_version_is_refused_and_the_head_named() {
    let lab = Lab::new(&[b"a", b"b"]);
    let before = lab.bytes();
    let error = assert_status(lab.append(b"x", b"c"), Status::SourceMismatch);
    assert!(error.message().contains("the head is v2"), "{error}");
    assert_status(append(&lab.path, &[diff(b"b", b"c"), diff(b"x", b"y")], None), Status::SourceMismatch);
    assert_eq!(lab.bytes(), before);
    assert_status(Lab::empty().create(&[diff(b"a", b"b"), diff(b"c", b"d")]), Status::SourceMismatch);
}

#[test]
fn a_duplicate_is_refused_wherever_it_is() {
    let lab = Lab::new(&[b"a", b"b", b"c"]);
    let before = lab.bytes();
    assert_status(lab.append(b"a", b"b"), Status::InvalidArgument);
    assert_status(append(&lab.path, &[diff(b"c", b"d"), diff(b"c", b"d")], None), Status::InvalidArgument);
    assert_eq!(lab.bytes(), before);
    assert_status(Lab::empty().create(&[diff(b"a", b"b"), diff(b"a", b"b")]), Status::InvalidArgument);
}

#[test]
fn an_identical_release_is_a_new_version() {
    let lab = Lab::new(&[b"a", b"b"]);
    lab.append(b"b", b"b").unwrap();
    lab.append(b"b", b"b").unwrap();
    let chain = lab.open();
    assert_eq!(chain.versions().len(), 4);
    assert_eq!(chain.find_digest(&patchcore::Digest::of(b"b")), Some(3));
}

#[test]
fn a_delta_between_versions_that_are_there_becomes_a_shortcut() {
    let lab = Lab::new(&[b"a", b"b", b"c"]);
    let appended = lab.append(b"a", b"c").unwrap();
    assert!(appended.links[0].shortcut);
    assert_eq!((appended.chain.versions().len(), appended.chain.links().count()), (3, 2));
    assert_eq!(appended.chain.shortcut_size(), appended.links[0].size);
    assert_status(lab.append_named(b"b", b"c", "x"), Status::InvalidArgument);
    assert_status(lab.append(b"a", b"c"), Status::InvalidArgument);
}

#[test]
fn a_shortcut_takes_no_name() {
    let lab = Lab::new(&[b"a", b"b", b"c"]);
    let before = lab.bytes();
    assert_status(lab.append_named(b"a", b"c", "x"), Status::InvalidArgument);
    assert_eq!(lab.bytes(), before);
}

#[test]
fn names_are_unique_short_visible_text() {
    let lab = Lab::new(&[b"a", b"b"]);
    lab.append_named(b"b", b"c", "release 1").unwrap();
    for bad in ["release 1", "v1", "", "a\nb", &"x".repeat(256)] {
        assert_status(lab.append_named(b"c", b"d", bad), Status::InvalidArgument);
    }
    let appended = lab.append(b"c", b"d").unwrap();
    assert_eq!(appended.chain.versions()[3].name, "v4");
}

#[test]
fn create_takes_names_and_an_id() {
    let lab = Lab::empty();
    let options = |names: &[&str], id: &str| CreateOptions {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        chain_id: Some(id.to_owned()),
        force: true,
    };
    let deltas = [diff(b"a", b"b"), diff(b"b", b"c")];
    lab.create_with(&deltas, &options(&["1.0", "1.1"], "my-model")).unwrap();
    let chain = lab.open();
    assert_eq!(chain.chain_id(), "my-model");
    assert_eq!(chain.versions().iter().map(|version| &*version.name).collect::<Vec<_>>(), ["1.0", "1.1", "v3"]);
    for (names, id) in [(&["a", "b", "c", "d"][..], "x"), (&["a", "a"], "x"), (&[], ""), (&[], "a\0")] {
        assert_status(lab.create_with(&deltas, &options(names, id)), Status::InvalidArgument);
    }
    assert_eq!(lab.open().chain_id(), "my-model");
}

#[test]
fn create_replaces_a_chain_only_when_forced() {
    let lab = Lab::new(&[b"a", b"b"]);
    let before = lab.bytes();
    assert_status(lab.create(&[diff(b"c", b"d")]), Status::InvalidArgument);
    assert_eq!(lab.bytes(), before);
    lab.create_with(&[diff(b"c", b"d")], &CreateOptions { force: true, ..CreateOptions::default() }).unwrap();
    assert_eq!(lab.open().find_digest(&patchcore::Digest::of(b"d")), Some(1));
    // What is no chain is replaced like any output.
    std::fs::write(&lab.path, &MAGIC[..7]).unwrap();
    lab.create(&[diff(b"a", b"b")]).unwrap();
    assert_eq!(lab.entries(), ["updates.mchn"]);
}

#[test]
fn a_chain_of_nothing_or_of_no_deltas_is_refused() {
    let lab = Lab::empty();
    assert_status(lab.create(&[]), Status::InvalidArgument);
    assert_status(lab.create(&[b"no delta".to_vec()]), Status::Corrupt);
    let delta = diff(b"a", b"b");
    assert_status(lab.create(&[delta[..delta.len() - 1].to_vec()]), Status::Corrupt);
    assert_status(lab.create(&[[&delta[..], b"x"].concat()]), Status::Corrupt);
    assert_eq!(entries(lab.folder.path()).len(), 0);
    assert_status(Chain::open(&lab.path), Status::NotFound);
    assert_status(append(&lab.path, &[delta], None), Status::NotFound);
}

#[test]
fn while_one_appends_another_is_told_to_wait() {
    let lab = Lab::new(&[b"a", b"b"]);
    let file = std::fs::File::open(&lab.path).unwrap();
    file.try_lock().unwrap();
    assert_status(lab.append(b"b", b"c"), Status::Busy);
    let (encode, limits) = Default::default();
    let prune = || Chain::prune(&lab.path, "v2", false, &encode, &limits, &mut patchcore::Task::new());
    assert_status(prune(), Status::Busy);
    // Readers are not kept from reading.
    assert_eq!(lab.open().versions().len(), 2);
    drop(file);
    lab.append(b"b", b"c").unwrap();
}

#[test]
fn a_cancelled_append_leaves_the_chain_as_it_was() {
    let lab = Lab::new(&[b"a", b"b"]);
    let before = lab.bytes();
    let delta = diff(b"b", b"c");
    for stop_at in 0..8 {
        let mut events = 0;
        let mut task = patchcore::Task::new().observed(|_| {
            events += 1;
            if events > stop_at { Err(patchcore::Stop::Cancelled) } else { Ok(()) }
        });
        match Chain::append(&lab.path, &[&delta], None, &Default::default(), &mut task) {
            Err(e) => {
                assert_eq!(e.status(), Status::Cancelled);
                assert_eq!(lab.bytes(), before);
            }
            Ok(_) => return,
        }
    }
    panic!("eight events for one small delta");
}
