//! Forgetting history without losing devices.

use patchcore::chain::{Chain, Pruned};
use patchcore::{Limits, Result, Status, Task};

use crate::{Lab, apply, apply_delta, assert_status, fast, noise, squash};

fn prune(lab: &Lab, before: &str, drop: bool) -> Result<Pruned> {
    Chain::prune(&lab.path, before, drop, &fast(), &Limits::default(), &mut Task::new())
}

fn labels(chain: &Chain) -> (Vec<String>, Vec<String>) {
    let mut shortcuts: Vec<_> = chain.shortcuts().map(|link| chain.label(link)).collect();
    shortcuts.sort();
    (chain.links().map(|link| chain.label(link)).collect(), shortcuts)
}

fn versions() -> Vec<Vec<u8>> {
    (0..5).map(|i| [noise(2000, 1), noise(50, 2 + i)].concat()).collect()
}

fn lab() -> (Lab, Vec<Vec<u8>>) {
    let versions = versions();
    (Lab::new(&versions.iter().map(Vec::as_slice).collect::<Vec<_>>()), versions)
}

#[test]
fn each_version_before_keeps_a_shortcut() {
    let (lab, versions) = lab();
    let kept: Vec<_> = lab.open().links().skip(2).map(|link| bytes_of(&lab, link)).collect();
    let pruned = prune(&lab, "v3", false).unwrap();
    assert_eq!((pruned.removed_links, pruned.removed_versions, pruned.added_shortcuts), (2, 0, 2));
    assert_eq!(pruned.size_after, lab.bytes().len() as u64);
    let chain = lab.open();
    assert_eq!(labels(&chain), (words("v3→v4 v4→v5"), words("v1→v3 v2→v3")));
    assert_eq!(chain.links().map(|link| bytes_of(&lab, link)).collect::<Vec<_>>(), kept);
    for from in 0..5 {
        for to in from.max(2)..5 {
            assert_eq!(apply(&chain, &versions[from], Some(to)).unwrap().0, versions[to]);
            assert_eq!(apply_delta(&versions[from], &squash(&chain, from, to).unwrap()), versions[to]);
        }
    }
    assert_status(apply(&chain, &versions[0], Some(1)), Status::NoRoute);
    chain.verify(&Limits::default(), &mut Task::new()).unwrap();
    assert_eq!(lab.entries(), ["updates.mchn"]);
}

fn bytes_of(lab: &Lab, link: &patchcore::chain::Link) -> Vec<u8> {
    lab.bytes()[link.offset as usize..(link.offset + link.size) as usize].to_vec()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn pruning_again_moves_the_shortcuts_on() {
    let (lab, versions) = lab();
    prune(&lab, "v3", false).unwrap();
    let before = lab.bytes();
    assert_eq!(prune(&lab, "v3", false).unwrap().removed_links, 0);
    assert_eq!(prune(&lab, "v1", false).unwrap().removed_links, 0);
    assert_eq!(prune(&lab, "v1", true).unwrap().removed_versions, 0);
    assert_eq!(lab.bytes(), before);
    prune(&lab, "v5", false).unwrap();
    let chain = lab.open();
    assert_eq!(labels(&chain), (vec![], words("v1→v5 v2→v5 v3→v5 v4→v5")));
    for old in &versions {
        assert_eq!(apply(&chain, old, None).unwrap().0, versions[4]);
    }
}

#[test]
fn dropped_versions_are_gone_and_names_go_on_counting() {
    let (lab, versions) = lab();
    let pruned = prune(&lab, "v3", true).unwrap();
    assert_eq!((pruned.removed_links, pruned.removed_versions, pruned.added_shortcuts), (2, 2, 0));
    assert!(pruned.size_after < pruned.size_before);
    let chain = lab.open();
    assert_eq!(labels(&chain), (words("v3→v4 v4→v5"), vec![]));
    assert_status(apply(&chain, &versions[0], None), Status::SourceMismatch);
    assert_status(chain.resolve("v1"), Status::UnknownVersion);
    assert_eq!(apply(&chain, &versions[2], None).unwrap().0, versions[4]);
    assert_eq!(lab.append(&versions[4], b"six").unwrap().chain.versions()[3].name, "v6");
    prune(&lab, "v6", true).unwrap();
    let chain = lab.open();
    assert_eq!((chain.versions().len(), chain.total_size()), (1, 0));
    assert_eq!(apply(&chain, b"six", None).unwrap().0, b"six");
    lab.append(b"six", b"seven").unwrap();
}

#[test]
fn a_branch_that_leaves_before_keeps_the_links_that_lead_to_it() {
    let (lab, versions) = lab();
    lab.append(&versions[1], b"branch").unwrap();
    prune(&lab, "v4", false).unwrap();
    let chain = lab.open();
    assert_eq!(labels(&chain), (words("v1→v2 v4→v5 v2→v6"), words("v1→v4 v2→v4 v3→v4")));
    assert_eq!(apply(&chain, &versions[0], None).unwrap().0, b"branch");
    assert_eq!(apply(&chain, &versions[0], Some(4)).unwrap().0, versions[4]);
}

#[test]
fn a_shortcut_past_the_cut_stays() {
    let (lab, versions) = lab();
    lab.append(&versions[0], &versions[4]).unwrap();
    prune(&lab, "v3", false).unwrap();
    assert_eq!(labels(&lab.open()).1, words("v1→v3 v1→v5 v2→v3"));
}

#[test]
fn an_unknown_version_or_a_damaged_link_leaves_the_chain_as_it_was() {
    let (lab, _) = lab();
    let before = lab.bytes();
    assert_status(prune(&lab, "v9", false), Status::UnknownVersion);
    assert_eq!(lab.bytes(), before);
    let first = lab.open().links().next().unwrap().clone();
    let mut bad = before;
    bad[(first.offset + first.size / 2) as usize] ^= 1;
    std::fs::write(&lab.path, &bad).unwrap();
    assert_status(prune(&lab, "v3", false), Status::Corrupt);
    assert_eq!(lab.bytes(), bad);
    assert_eq!(lab.entries(), ["updates.mchn"]);
}

#[cfg(unix)]
#[test]
fn an_append_that_waited_for_a_prune_does_not_write_to_the_old_file() {
    use std::os::unix::fs::MetadataExt;
    let (lab, versions) = lab();
    let inode = || std::fs::metadata(&lab.path).unwrap().ino();
    let old = std::fs::File::open(&lab.path).unwrap();
    let before = inode();
    prune(&lab, "v3", false).unwrap();
    assert_ne!(inode(), before);
    let size = old.metadata().unwrap().len();
    lab.append(&versions[4], b"six").unwrap();
    assert_eq!(old.metadata().unwrap().len(), size);
    assert_eq!(apply(&lab.open(), &versions[0], None).unwrap().0, b"six");
}
