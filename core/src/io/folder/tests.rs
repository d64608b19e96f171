//! Both kinds of handles do the same, whichever of them this system uses.

use std::fs;
use std::io::{ErrorKind, Read, Write};

use super::{Kind, handles, paths};

macro_rules! same_for {
    ($($name:ident: $module:ident,)*) => {$(
        mod $name {
            use super::*;

            fn opened() -> (tempfile::TempDir, $module::Handle) {
                let folder = tempfile::tempdir().unwrap();
                let handle = $module::Handle::open(folder.path()).unwrap();
                (folder, handle)
            }

            #[test]
            fn what_is_made_is_found_moved_and_removed() {
                let (_folder, root) = opened();
                root.create_folder("d").unwrap();
                root.create_file("f", 0o666).unwrap().write_all(b"four").unwrap();
                root.create_symlink("l", "d").unwrap();
                let kinds = ["d", "f", "l"].map(|name| root.entry(name).unwrap().kind);
                assert_eq!(kinds, [Kind::Directory, Kind::File { size: 4 }, Kind::Symlink]);
                assert_eq!(root.read_symlink("l").unwrap(), "d");
                let mut names = root.names().unwrap();
                names.sort();
                assert_eq!(names, ["d", "f", "l"]);

                let inner = root.open_folder("d").unwrap();
                root.rename("f", &inner, "g").unwrap();
                let mut text = String::new();
                inner.open_file("g").unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text, "four");
                root.sync().unwrap();
                assert_eq!(root.remove_folder("d").unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
                inner.remove_file("g").unwrap();
                root.remove_folder("d").unwrap();
                root.remove_file("l").unwrap();
                assert!(root.names().unwrap().is_empty());
                assert_eq!(root.entry("f").unwrap_err().kind(), ErrorKind::NotFound);
            }

            #[test]
            fn only_replacing_replaces() {
                let (_folder, root) = opened();
                for (name, text) in [("a", b"a"), ("b", b"b")] {
                    root.create_file(name, 0o666).unwrap().write_all(text).unwrap();
                }
                assert_eq!(root.create_file("a", 0o666).unwrap_err().kind(), ErrorKind::AlreadyExists);
                assert_eq!(root.rename("a", &root, "b").unwrap_err().kind(), ErrorKind::AlreadyExists);
                root.replace("a", "b").unwrap();
                assert_eq!(root.names().unwrap(), ["b"]);
            }

            #[test]
            fn no_link_is_followed() {
                let (folder, root) = opened();
                fs::create_dir(folder.path().join("d")).unwrap();
                fs::write(folder.path().join("f"), "f").unwrap();
                root.create_symlink("to-d", "d").unwrap();
                root.create_symlink("to-f", "f").unwrap();
                assert!(root.open_folder("to-d").err().unwrap().kind() == ErrorKind::NotADirectory);
                assert!(root.open_folder("f").err().unwrap().kind() == ErrorKind::NotADirectory);
                assert!(root.open_file("to-f").is_err() && root.open_file("d").is_err());
                root.remove_file("to-d").unwrap();
                assert!(folder.path().join("d").is_dir());
            }

            #[test]
            fn permissions_are_set() {
                let (_folder, root) = opened();
                root.create_file("f", 0o666).unwrap();
                root.set_mode("f", 0o751).unwrap();
                let entry = root.entry("f").unwrap();
                assert_eq!(entry.mode, 0o751);
                assert!(entry.is_executable());
                root.set_mode("f", 0o640).unwrap();
                assert!(!root.entry("f").unwrap().is_executable());
            }
        }
    )*};
}

same_for! { by_handles: handles, by_paths: paths, }

#[test]
fn free_space_is_known_where_the_system_says_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(handles::Handle::open(folder.path()).unwrap().free_space().is_some_and(|free| free > 0));
    assert_eq!(paths::Handle::open(folder.path()).unwrap().free_space(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_is_known_to_write_is_synced_as_a_whole() {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
    assert!(handles::Handle::open(folder.path()).unwrap().sync_file_system().unwrap());
    // What stands in the memory of the kernel is no file system of files.
    assert!(!handles::Handle::open(std::path::Path::new("/proc")).unwrap().sync_file_system().unwrap());
    assert!(!paths::Handle::open(folder.path()).unwrap().sync_file_system().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_an_error_that_shows_it_and_no_obstacle_to_removal() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::write(folder.path().join("d").join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
    let root = super::Folder::open(folder.path()).unwrap();
    let error = root.open_folder("d").unwrap().names().unwrap_err();
    assert_eq!(error.status(), crate::error::Status::UnsafePath);
    assert!(error.message().contains(r"a\xff"), "{error}");
    root.remove_all("d").unwrap();
    assert!(root.names().unwrap().is_empty());
}
