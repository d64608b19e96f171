//! ZIP files that others made, as packages of a whole release.

mod support;

use patchcore::tree::{self, TreeApplyOptions, TreePackage};
use patchcore::{Result, Status, Stop, Task};
use support::archives::{Entry, Zip, package_of};
use support::trees::{Nodes, file, folder, link, nodes, program, read};

/// What tools write: folders, links, programs, sizes behind the content, extra fields, gaps and a comment.
fn release() -> Zip {
    let mut folder = Entry::stored("bin/", b"");
    folder.attributes = 0o040_755 << 16;
    let mut run = Entry::deflated("bin/run", b"#!/bin/sh\necho a release\n");
    run.attributes = 0o100_755 << 16;
    run.both(|header| header.flags |= 1 << 3);
    (run.local.crc, run.local.packed, run.local.size) = (0, 0, 0);
    run.bytes.extend(b"PK\x07\x08 sizes");
    let mut latest = Entry::stored("latest", b"bin/run");
    latest.attributes = 0o120_777 << 16;
    let mut read_me = Entry::stored("read me", b"text");
    read_me.local.extra = b"UT\x05\0\x01\0\0\0\0".to_vec();
    read_me.central.extra = b"UT\x01\0\x01".to_vec();
    let mut zip = Zip::of(vec![folder, run, latest, read_me]);
    zip.between = b"a gap".to_vec();
    zip.comment = b"a comment with PK\x05\x06 in it".to_vec();
    zip
}

fn open(zip: &Zip) -> Result<TreePackage> {
    TreePackage::read_whole(Box::new(zip.bytes()), &mut Task::new())
}

fn refused(change: impl Fn(&mut Zip)) -> Status {
    let mut zip = release();
    change(&mut zip);
    open(&zip).err().expect("it is refused").status()
}

fn after() -> Nodes {
    nodes(&[
        ("bin/run", program("#!/bin/sh\necho a release\n")),
        ("latest", link("bin/run")),
        ("mine", file("mine")),
        ("read me", file("text")),
    ])
}

#[test]
fn a_zip_file_of_whole_files_is_a_release_whoever_made_it() {
    let old = nodes(&[("bin/run", file("other")), ("mine", file("mine")), ("read me", file("text"))]);
    let root = folder(&old);
    let package = open(&release()).unwrap();
    let stats = tree::apply(root.path(), &package, &TreeApplyOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(read(root.path()), after());
    assert_eq!((stats.changed, stats.done_before), (2, 2));
    assert!(tree::verify(root.path(), &package, 1, &mut Task::new()).unwrap().is_clean());
    tree::rollback(root.path(), false, 1, &mut Task::new()).unwrap();
    assert_eq!(read(root.path()), old);
}

#[test]
fn a_package_of_ours_is_taken_as_strictly_as_ever() {
    let mut zip = package_of(&[("a", b"one")]);
    assert!(open(&zip).is_ok());
    zip.comment = b"comment".to_vec();
    assert_eq!(open(&zip).err().unwrap().status(), Status::Corrupt);
}

#[test]
fn what_leads_out_of_the_tree_is_unsafe_there_too() {
    for name in ["../x", "/x", "a/../../x", "a\\b", ".patchcore/lock", "C\0"] {
        let rename = |zip: &mut Zip| zip.entries[3].both(|header| header.name = name.into());
        assert_eq!(refused(rename), Status::UnsafePath, "{name:?}");
    }
    for target in ["../x", "/etc/passwd", ""] {
        let point = |zip: &mut Zip| {
            let mut link = Entry::stored("latest", target.as_bytes());
            link.attributes = 0o120_777 << 16;
            zip.entries[2] = link;
        };
        assert_eq!(refused(point), Status::UnsafePath, "{target:?}");
    }
    assert_eq!(refused(|zip| zip.entries[3].attributes = 0o010_644 << 16), Status::UnsafePath);
}

#[test]
fn what_could_be_understood_in_two_ways_is_corrupt() {
    assert_eq!(refused(|zip| zip.entries[3].local.name = b"read ma".to_vec()), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[3].local.method = 8), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries.push(Entry::stored("read me", b"other"))), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries.push(Entry::stored("./read me", b"other"))), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[3].offset = Some(0)), Status::Corrupt);
    assert_eq!(refused(|zip| zip.count = Some(3)), Status::Corrupt);
    assert_eq!(refused(|zip| zip.after = b"tail".to_vec()), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[3].central.crc ^= 1), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[3].central.size += 1), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[1].central.packed += 1_000), Status::Corrupt);
    assert_eq!(refused(|zip| zip.entries[3].central.extra = b"up\x05\0\x01\0\0\0\0".to_vec()), Status::Corrupt);
    let entry_for_two = |zip: &mut Zip| {
        let mut twin = zip.entries[3].clone();
        twin.central.name = b"twin me".to_vec();
        twin.offset = Some(first_byte_of(zip, 3));
        zip.entries.push(twin);
    };
    assert_eq!(refused(entry_for_two), Status::Corrupt);
}

/// Where the header of an entry begins.
fn first_byte_of(zip: &Zip, number: usize) -> u32 {
    let headers = zip.entries[..number].iter().map(|entry| 30 + entry.local.name.len() + entry.local.extra.len());
    let bytes = zip.entries[..number].iter().map(|entry| entry.bytes.len());
    (headers.sum::<usize>() + bytes.sum::<usize>()) as u32
}

#[test]
fn what_cannot_be_read_is_told_apart_from_damage() {
    assert_eq!(refused(|zip| zip.entries[3].both(|header| header.flags |= 1)), Status::Unsupported);
    assert_eq!(refused(|zip| zip.entries[3].both(|header| header.method = 12)), Status::Unsupported);
}

#[test]
fn the_reading_of_one_huge_file_can_be_stopped() {
    let zip = Zip::of(vec![Entry::deflated("zeros", &vec![0; 256 << 20])]);
    let mut read = 0;
    let mut task = Task::new().observed(|event| {
        read = event.done;
        if event.done > 0 { Err(Stop::Cancelled) } else { Ok(()) }
    });
    let result = TreePackage::read_whole(Box::new(zip.bytes()), &mut task);
    drop(task);
    assert_eq!(result.err().map(|e| e.status()), Some(Status::Cancelled));
    assert!(read > 0 && read < 256 << 20, "{read}");
}
