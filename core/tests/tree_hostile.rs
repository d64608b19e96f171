//! Packages that somebody made to do harm: each is refused with the status that says why, before anything is touched.

mod support;

use patchcore::tree::{self, Patch, TreeApplyOptions, TreePackage, TreePath};
use patchcore::{Error, Outcome, Status, Task};
use support::archives::{Entry, Zip, gzip, package_of, patch_of, tar_entry, tar_file, tar_gz, tar_other, tar_pax};
use support::trees::{Nodes, file, folder, nodes, read};

const FILES: &[(&str, &[u8])] = &[("a", b"one"), ("dir/b", b"two two two two two two two")];

fn open(bytes: Vec<u8>, operations: Option<&str>) -> Result<TreePackage, Error> {
    TreePackage::read(Box::new(bytes), operations.map(str::as_bytes), &mut Task::new())
}

/// Opens a package and applies it to a small tree. Where it is refused, the tree and all around it are as they were.
#[track_caller]
fn attempt(bytes: Vec<u8>, operations: Option<&str>) -> Result<Nodes, Status> {
    let around = folder(&nodes(&[("outside", file("outside")), ("root/stays", file("stays"))]));
    let before = read(around.path());
    let root = around.path().join("root");
    let applied = open(bytes, operations).and_then(|package| {
        tree::apply(&root, &package, &TreeApplyOptions::default(), &mut Task::new()).inspect_err(|e| {
            assert_eq!(e.outcome(), Some(Outcome::Unchanged));
        })
    });
    let after = read(&root);
    let rest: Nodes = read(around.path()).into_iter().filter(|(path, _)| !path.starts_with("root/")).collect();
    assert_eq!(rest, nodes(&[("outside", file("outside")), ("root", support::trees::Node::Folder)]));
    match applied {
        Ok(_) => Ok(after),
        Err(e) => {
            let kept: Nodes =
                read(around.path()).into_iter().filter(|(path, _)| !path.contains(".patchcore")).collect();
            assert_eq!(kept, before, "{e}");
            Err(e.status())
        }
    }
}

#[track_caller]
fn refused(zip: &Zip) -> Status {
    attempt(zip.bytes(), None).unwrap_err()
}

#[test]
fn a_package_made_by_hand_is_applied() {
    let after = attempt(package_of(FILES).bytes(), None).unwrap();
    assert_eq!(after, nodes(&[("a", file("one")), ("dir/b", file(FILES[1].1)), ("stays", file("stays"))]));
}

#[test]
fn names_that_leave_the_root_are_unsafe_wherever_they_stand() {
    let long = "n".repeat(256);
    for name in
        ["../outside", "/outside", "a/../../outside", "", ".", "a//b", "a/", "a\\b", "a\0b", "..", "\\\\host\\a", &long]
    {
        let files: &[(&str, &[u8])] = &[(name, b"x")];
        assert_eq!(refused(&package_of(files)), expected_of_name(name), "{name:?} in both");
        let patch = Entry::deflated(".patchcore/patch.json", patch_of(files).as_bytes());
        assert_eq!(refused(&Zip::of(vec![patch])), Status::UnsafePath, "{name:?} in the patch");
        let operations = serde_json::json!({"replace": {"files": [name]}}).to_string();
        if !matches!(name, "a/") {
            assert_eq!(
                attempt(tar_gz(&[]), Some(&operations)).unwrap_err(),
                Status::UnsafePath,
                "{name:?} in operations"
            );
        }
    }
    for name in ["../outside", "/outside", "a/../../outside", "dir/../.."] {
        let operations = r#"{"replace": {"directories": ["dir"]}}"#;
        let archive = tar_gz(&[tar_other("dir/", b'5', ""), tar_file(name, b"x")]);
        assert_eq!(attempt(archive, Some(operations)).unwrap_err(), Status::UnsafePath, "{name:?} in the archive");
    }
}

fn expected_of_name(name: &str) -> Status {
    // A name that ends with a slash is a folder to ZIP tools, which packages do not hold.
    if name.ends_with('/') { Status::Corrupt } else { Status::UnsafePath }
}

#[test]
fn nothing_is_written_into_the_folder_that_is_ours() {
    for name in [".patchcore/state.json", ".PatchCore/lock", ".patchcore"] {
        assert_eq!(refused(&package_of(&[(name, b"x")])), Status::UnsafePath, "{name}");
        let operations = serde_json::json!({"replace": {"files": [name]}}).to_string();
        assert_eq!(attempt(tar_gz(&[tar_file(name, b"x")]), Some(&operations)).unwrap_err(), Status::UnsafePath);
    }
}

#[test]
fn links_lead_nowhere_but_into_the_tree() {
    for target in ["/etc/passwd", "../outside", "a/../../x", "", "C:\\x"] {
        let patch = serde_json::json!({"type": "tree-patch", "format_version": 1, "changes": [
            {"path": "l", "old": "absent", "new": {"symlink": target}}]});
        let zip = Zip::of(vec![Entry::deflated(".patchcore/patch.json", patch.to_string().as_bytes())]);
        assert_eq!(refused(&zip), Status::UnsafePath, "{target:?}");
        let operations = r#"{"replace": {"directories": ["d"]}}"#;
        let archive = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/../l", b'2', target)]);
        assert_eq!(attempt(archive, Some(operations)).unwrap_err(), Status::UnsafePath, "{target:?}");
        let archive = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/l", b'2', &format!("../{target}"))]);
        if !target.is_empty() && !target.starts_with('/') {
            assert_eq!(attempt(archive, Some(operations)).unwrap_err(), Status::UnsafePath, "{target:?}");
        }
    }
}

#[test]
fn zip_with_two_entries_of_one_name_is_corrupt() {
    let mut zip = package_of(FILES);
    zip.entries.push(Entry::stored("a", b"other"));
    assert_eq!(refused(&zip), Status::Corrupt);
}

#[test]
fn zip_whose_headers_disagree_is_corrupt() {
    let changes: [fn(&mut Entry); 7] = [
        |entry| entry.local.name = b"z".to_vec(),
        |entry| entry.local.method = 0,
        |entry| entry.local.crc ^= 1,
        |entry| entry.local.size += 1,
        |entry| entry.local.packed -= 1,
        |entry| entry.central.size += 1,
        |entry| entry.central.packed += 1,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut zip = package_of(FILES);
        change(&mut zip.entries[1]);
        assert_eq!(refused(&zip), Status::Corrupt, "{number}");
    }
}

#[test]
fn zip_with_bytes_that_belong_to_nothing_is_corrupt() {
    let with = |change: fn(&mut Zip)| {
        let mut zip = package_of(FILES);
        change(&mut zip);
        refused(&zip)
    };
    assert_eq!(with(|zip| zip.after = b"tail".to_vec()), Status::Corrupt);
    assert_eq!(with(|zip| zip.after = package_of(&[("a", b"other")]).bytes()), Status::Corrupt);
    assert_eq!(with(|zip| zip.before = b"PK\x03\x04head".to_vec()), Status::Corrupt);
    assert_eq!(with(|zip| zip.before = b"MZ".to_vec()), Status::Corrupt);
    assert_eq!(with(|zip| zip.between = b"gap".to_vec()), Status::Corrupt);
    assert_eq!(with(|zip| zip.comment = b"comment".to_vec()), Status::Corrupt);
    assert_eq!(with(|zip| zip.entries[1].bytes.extend(b"more")), Status::Corrupt);
}

#[test]
fn zip_with_overlapping_entries_is_corrupt() {
    let mut zip = package_of(FILES);
    zip.entries[2].offset = Some(0);
    assert_eq!(refused(&zip), Status::Corrupt);
    let mut zip = package_of(&[("a", b"one"), ("b", b"one")]);
    zip.entries[2].offset = zip.entries[1].offset;
    zip.entries.swap(1, 2);
    zip.entries[1].offset = Some(5);
    assert_eq!(refused(&zip), Status::Corrupt);
}

#[test]
fn zip_with_counts_and_sizes_that_are_not_there_is_corrupt() {
    for count in [0, 2, 4, 60_000, 65_535] {
        let mut zip = package_of(FILES);
        zip.count = Some(count);
        assert_eq!(refused(&zip), Status::Corrupt, "{count}");
    }
    let mut zip = package_of(FILES);
    zip.entries[2].both(|header| header.packed = u32::MAX - 1);
    assert_eq!(refused(&zip), Status::Corrupt);
}

#[test]
fn zip64_that_disagrees_with_itself_is_corrupt() {
    let extra = |values: &[u64]| {
        let mut extra = [1u16.to_le_bytes(), (8 * values.len() as u16).to_le_bytes()].concat();
        values.iter().for_each(|value| extra.extend(value.to_le_bytes()));
        extra
    };
    for (size, extra) in [
        (u32::MAX, Vec::new()),
        (u32::MAX, extra(&[])),
        (u32::MAX, extra(&[27, 27])),
        (u32::MAX, extra(&[1 << 40])),
        (27, extra(&[27])),
        (27, vec![0x75, 0x70, 0, 0]),
        (27, vec![1]),
    ] {
        let mut zip = package_of(FILES);
        zip.entries[2].both(|header| (header.size, header.extra) = (size, extra.clone()));
        assert_eq!(refused(&zip), Status::Corrupt, "{size} {extra:?}");
    }
    // A ZIP64 end before an end that says other numbers.
    let bytes = package_of(FILES).bytes();
    let end = bytes.len() - 22;
    let mut forged = bytes[..end].to_vec();
    let directory = u32::from_le_bytes(bytes[end + 16..end + 20].try_into().unwrap());
    forged.extend(b"PK\x06\x06");
    forged.extend(44u64.to_le_bytes());
    forged.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [2, 2, end as u64 - u64::from(directory), u64::from(directory)] {
        forged.extend(value.to_le_bytes());
    }
    forged.extend(b"PK\x06\x07\0\0\0\0");
    forged.extend((end as u64).to_le_bytes());
    forged.extend(1u32.to_le_bytes());
    forged.extend(&bytes[end..]);
    assert_eq!(attempt(forged, None).unwrap_err(), Status::Corrupt);
}

#[test]
fn zip_content_that_is_not_what_headers_say_is_corrupt() {
    let with = |change: fn(&mut Entry)| {
        let mut zip = package_of(FILES);
        change(&mut zip.entries[2]);
        refused(&zip)
    };
    assert_eq!(with(|entry| entry.both(|header| header.crc ^= 1)), Status::Corrupt);
    assert_eq!(with(|entry| entry.both(|header| header.size -= 1)), Status::Corrupt);
    assert_eq!(with(|entry| entry.bytes[0] ^= 0xFF), Status::Corrupt);
    assert_eq!(with(|entry| entry.both(|header| header.flags |= 1)), Status::Unsupported);
    assert_eq!(with(|entry| entry.both(|header| header.flags |= 8)), Status::Corrupt);
    assert_eq!(with(|entry| entry.both(|header| header.method = 99)), Status::Unsupported);
    assert_eq!(with(|entry| entry.both(|header| header.name = vec![b'd', 0xFF])), Status::UnsafePath);
}

#[test]
fn zip_entries_that_are_links_or_devices_are_refused() {
    for (kind, status) in [(0o120_000, Status::UnsafePath), (0o060_000, Status::Corrupt), (0o010_000, Status::Corrupt)]
    {
        let mut zip = package_of(FILES);
        zip.entries[1].attributes = (kind | 0o777) << 16;
        assert_eq!(refused(&zip), status);
    }
}

#[test]
fn a_package_holds_what_its_patch_names_and_nothing_else() {
    let mut zip = package_of(FILES);
    zip.entries.push(Entry::stored("extra", b"x"));
    assert_eq!(refused(&zip), Status::Corrupt);
    let mut zip = package_of(FILES);
    zip.entries.remove(2);
    assert_eq!(refused(&zip), Status::Corrupt);
    let mut zip = package_of(FILES);
    zip.entries.remove(0);
    assert_eq!(refused(&zip), Status::Corrupt);
    assert_eq!(attempt(b"PK\x03\x04".to_vec(), None).unwrap_err(), Status::Corrupt);
    assert_eq!(attempt(Vec::new(), None).unwrap_err(), Status::Corrupt);
}

#[test]
fn a_bomb_is_never_unpacked_beyond_what_the_patch_promises() {
    let zeros = vec![0; 10 << 20];
    // More than the patch promises: seen in the headers.
    let mut zip = package_of(&[("a", b"one")]);
    zip.entries[1] = Entry::deflated("a", &zeros);
    assert_eq!(refused(&zip), Status::Corrupt);
    // Headers that promise little: found out at the first byte too many.
    zip.entries[1].both(|header| header.size = 3);
    assert_eq!(refused(&zip), Status::Corrupt);
    // A patch that is enormous by its header.
    let mut zip = package_of(FILES);
    zip.entries[0].both(|header| header.size = 300 << 20);
    assert_eq!(refused(&zip), Status::Limit);
    // A delta cannot be compressed once more.
    let patch = serde_json::json!({"type": "tree-patch", "format_version": 1, "changes": [{
        "path": "stays", "old": "anything",
        "new": {"file": {"size": 6, "sha256": patchcore::Digest::of(b"stayed").to_string()}},
        "content": {"delta": {"entry": ".patchcore/deltas/0", "source":
            {"path": "stays", "size": 5, "sha256": patchcore::Digest::of(b"stays").to_string()}}}}]});
    let patch = Entry::deflated(".patchcore/patch.json", patch.to_string().as_bytes());
    let zip = Zip::of(vec![patch, Entry::deflated(".patchcore/deltas/0", &zeros)]);
    assert_eq!(refused(&zip), Status::Corrupt);
}

#[test]
fn a_package_cut_off_anywhere_is_corrupt() {
    let bytes = package_of(FILES).bytes();
    for len in 0..bytes.len() {
        assert_eq!(open(bytes[..len].to_vec(), None).err().unwrap().status(), Status::Corrupt, "{len}");
    }
}

#[test]
fn no_flipped_bit_of_a_package_makes_another_tree() {
    let bytes = package_of(&FILES[..1]).bytes();
    let whole = attempt(bytes.clone(), None).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if open(flipped.clone(), None).is_ok()
            && let Ok(after) = attempt(flipped, None)
        {
            assert_eq!(after, whole, "bit {bit}");
        }
    }
}

#[test]
fn json_that_is_no_patch_is_refused_with_the_reason() {
    let file = format!(r#"{{"file":{{"size":3,"sha256":"{}"}}}}"#, patchcore::Digest::of(b"one"));
    let change =
        |rest: &str| format!(r#"{{"type":"tree-patch","format_version":1,"changes":[{{"path":"a",{rest}}}]}}"#);
    let deep = "[".repeat(100_000);
    for (text, status) in [
        (String::new(), Status::Corrupt),
        ("[]".to_owned(), Status::Corrupt),
        (deep, Status::Corrupt),
        (r#"{"type":"other","format_version":1,"changes":[]}"#.to_owned(), Status::Corrupt),
        (r#"{"type":"tree-patch","format_version":2,"changes":[]}"#.to_owned(), Status::Unsupported),
        (r#"{"type":"tree-patch","format_version":1,"requires":["x"],"changes":[]}"#.to_owned(), Status::Unsupported),
        (r#"{"type":"tree-patch","format_version":1,"format_version":1,"changes":[]}"#.to_owned(), Status::Corrupt),
        (r#"{"type":"tree-patch","format_version":1,"changes":[],"changes":[]}"#.to_owned(), Status::Corrupt),
        (r#"{"type":"tree-patch","format_version":1,"changes":7}"#.to_owned(), Status::Corrupt),
        (r#"{"type":"tree-patch","format_version":1e99,"changes":[]}"#.to_owned(), Status::Corrupt),
        (change(r#""old":"absent","old":"absent""#), Status::Corrupt),
        (change(&format!(r#""old":"absent","new":{file}"#)), Status::Corrupt),
        (change(&format!(r#""old":"absent","new":{file},"new":{file},"content":"whole""#)), Status::Corrupt),
        (change(r#""old":"absent","new":"directory","content":"whole""#), Status::Corrupt),
        (change(r#""old":"absent","new":{"file":{"size":-1,"sha256":"00"}}"#), Status::Corrupt),
        (change(r#""old":"absent","new":{"file":{"size":18446744073709551616,"sha256":"00"}}"#), Status::Corrupt),
        (change(r#""old":"perhaps""#), Status::Corrupt),
        (
            r#"{"type":"tree-patch","format_version":1,"changes":[{"path":"a","old":"absent"},{"path":"a","old":"absent"}]}"#
                .to_owned(),
            Status::Corrupt,
        ),
    ] {
        let shown: String = text.chars().take(120).collect();
        assert_eq!(Patch::from_json(text.as_bytes()).unwrap_err().status(), status, "{shown}");
    }
    assert_eq!(Patch::from_json(b"{\"type\":\"\xFF\"}").unwrap_err().status(), Status::Corrupt);
    let unknown = r#"{"type":"tree-patch","format_version":1,"later":{"x":[1]},"changes":[{"path":"a","old":"absent","later":1}]}"#;
    let patch = Patch::from_json(unknown.as_bytes()).unwrap();
    assert!(patch.changes.contains_key(&TreePath::parse("a").unwrap()));
    assert_eq!(Patch::from_json(patch.to_json().as_bytes()).unwrap(), patch);
}

const REPLACE_A: &str = r#"{"replace": {"files": ["a"]}}"#;
const REPLACE_D: &str = r#"{"replace": {"directories": ["d"]}}"#;

#[test]
fn operations_are_checked_against_the_archive_before_anything_is_touched() {
    let dir = || tar_other("d/", b'5', "");
    for (operations, entries, status) in [
        ("", vec![], Status::Corrupt),
        ("[1]", vec![], Status::Corrupt),
        ("{}", vec![], Status::InvalidArgument),
        (r#"{"replace":{},"delete":{"files":[]}}"#, vec![], Status::InvalidArgument),
        (r#"{"replace":{"files":["a"],"files":["b"]}}"#, vec![], Status::Corrupt),
        (r#"{"replace":{"files":"a"}}"#, vec![], Status::Corrupt),
        (REPLACE_A, vec![], Status::Corrupt),
        (REPLACE_A, vec![tar_other("a/", b'5', "")], Status::Corrupt),
        (REPLACE_A, vec![tar_file("a", b"1"), tar_file("b", b"2")], Status::Corrupt),
        (REPLACE_A, vec![tar_file("a", b"1"), tar_file("a", b"2")], Status::Corrupt),
        (REPLACE_A, vec![tar_file("a", b"1"), tar_file("./a", b"2")], Status::Corrupt),
        (REPLACE_A, vec![tar_other("a", b'2', "b")], Status::Corrupt),
        (REPLACE_D, vec![tar_file("d", b"1")], Status::Corrupt),
        (REPLACE_D, vec![dir(), tar_file("d2/x", b"1")], Status::Corrupt),
        (REPLACE_D, vec![dir(), tar_other("e/", b'5', "")], Status::Corrupt),
        (r#"{"replace":{"files":["a"]},"delete":{"files":["./a"]}}"#, vec![tar_file("a", b"1")], Status::Corrupt),
        (r#"{"replace":{"files":["d/a"],"directories":["d"]}}"#, vec![dir(), tar_file("d/a", b"1")], Status::Corrupt),
        (
            r#"{"replace":{"files":["d/a"]},"delete":{"directories":["d"]}}"#,
            vec![tar_file("d/a", b"1")],
            Status::Corrupt,
        ),
        (
            r#"{"replace":{"directories":["d"]},"delete":{"files":["d/a"]}}"#,
            vec![dir(), tar_file("d/a", b"1")],
            Status::Corrupt,
        ),
    ] {
        assert_eq!(attempt(tar_gz(&entries), Some(operations)).unwrap_err(), status, "{operations}");
    }
}

#[test]
fn operations_mean_the_same_however_their_paths_are_written() {
    let operations = r#"{"replace": {"files": ["./a"], "directories": ["./d/", "front"]}, "delete": {"files": ["gone"], "directories": ["gone too/"]}, "later": 1}"#;
    let archive = tar_gz(&[
        tar_other("./", b'5', ""),
        tar_file("./a", b"1"),
        tar_other("d", b'5', ""),
        tar_file("d/x/y", b"2"),
        tar_file("front/z", b"3"),
    ]);
    let root = folder(&nodes(&[("front/old", file("")), ("front2/stays", file("")), ("front.txt", file(""))]));
    let package = open(archive, Some(operations)).unwrap();
    tree::apply(root.path(), &package, &TreeApplyOptions::default(), &mut Task::new()).unwrap();
    let expected = nodes(&[
        ("a", file("1")),
        ("d/x/y", file("2")),
        ("front/z", file("3")),
        ("front2/stays", file("")),
        ("front.txt", file("")),
    ]);
    assert_eq!(read(root.path()), expected);
}

#[test]
fn archives_hold_files_directories_and_links_only() {
    for kind in [b'1', b'3', b'4', b'6'] {
        let archive = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/x", kind, "/etc/passwd")]);
        assert_eq!(attempt(archive, Some(REPLACE_D)).unwrap_err(), Status::UnsafePath, "{}", kind as char);
    }
    let through = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/l", b'2', "x"), tar_file("d/l/file", b"1")]);
    assert_eq!(attempt(through, Some(REPLACE_D)).unwrap_err(), Status::UnsafePath);
    let through = tar_gz(&[tar_other("d/", b'5', ""), tar_file("d/l/file", b"1"), tar_other("d/l", b'2', "x")]);
    assert_eq!(attempt(through, Some(REPLACE_D)).unwrap_err(), Status::UnsafePath);
    let renamed = tar_gz(&[tar_other("d/", b'5', ""), tar_pax(&[("path", "d/../../outside")]), tar_file("d/x", b"1")]);
    assert_eq!(attempt(renamed, Some(REPLACE_D)).unwrap_err(), Status::UnsafePath);
    let twice = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/l", b'2', "x"), tar_other("d/l/", b'5', "")]);
    assert_eq!(attempt(twice, Some(REPLACE_D)).unwrap_err(), Status::Corrupt);
    let link = tar_gz(&[tar_other("d/", b'5', ""), tar_other("d/l", b'2', "../stays")]);
    assert!(attempt(link, Some(REPLACE_D)).is_ok());
}

#[test]
fn an_archive_entry_has_one_size_for_every_reader() {
    let file = |size: &str| tar_entry("a", b'0', "", 0o644, size, b"1234");
    for records in [
        &[("size", "4"), ("size", "5")][..],
        &[("size", "1024")],
        &[("size", "0")],
        &[("size", "-1")],
        &[("size", "x")],
    ] {
        let archive = tar_gz(&[tar_pax(records), file("00000000004\0")]);
        assert_eq!(attempt(archive, Some(REPLACE_A)).unwrap_err(), Status::Corrupt, "{records:?}");
    }
    for size in ["-0000000004\0", "99999999999\0", "7777777777777", "\u{7f}00000000000"] {
        let archive = tar_gz(&[file(&size[..size.len().min(12)])]);
        assert_eq!(attempt(archive, Some(REPLACE_A)).unwrap_err(), Status::Corrupt, "{size:?}");
    }
    assert!(attempt(tar_gz(&[tar_pax(&[("size", "4")]), file("00000000004\0")]), Some(REPLACE_A)).is_ok());
    let sized = tar_entry("d/", b'5', "", 0o755, "00000000004\0", b"1234");
    assert_eq!(attempt(tar_gz(&[sized]), Some(REPLACE_D)).unwrap_err(), Status::Corrupt);
}

#[test]
fn archives_that_are_damaged_cut_off_or_followed_by_more_are_corrupt() {
    let whole = tar_gz(&[tar_file("a", &[7; 700])]);
    assert!(attempt(whole.clone(), Some(REPLACE_A)).is_ok());
    for len in 3..whole.len() {
        let status = open(whole[..len].to_vec(), Some(REPLACE_A)).err().unwrap().status();
        assert_eq!(status, Status::Corrupt, "{len}");
    }
    let mut more = whole.clone();
    more.extend(b"more");
    assert_eq!(attempt(more, Some(REPLACE_A)).unwrap_err(), Status::Corrupt);
    let mut hidden = [tar_file("a", b"1"), vec![0; 1024]].concat();
    hidden.extend(tar_file("b", b"2"));
    assert_eq!(attempt(gzip(&hidden), Some(REPLACE_A)).unwrap_err(), Status::Corrupt);
    let mut check = tar_file("a", b"1");
    check[0] = b'b';
    assert_eq!(attempt(gzip(&check), Some(REPLACE_A)).unwrap_err(), Status::Corrupt);
}

#[test]
fn headers_of_an_archive_cannot_fill_the_memory() {
    let name = vec![b'n'; 8 << 20];
    let archive = tar_gz(&[
        tar_entry("././@LongLink", b'L', "", 0o644, &format!("{:011o}\0", name.len()), &name),
        tar_file("a", b"1"),
    ]);
    assert_eq!(attempt(archive, Some(REPLACE_A)).unwrap_err(), Status::Limit);
}
