//! Directories.

use std::ffi::{CStr, CString, c_char};

use patchcore_ffi::digest::Digest;
use patchcore_ffi::status::{Result, offered};
use patchcore_ffi::tree::{self, ChangeKind, Installed, ItemKind, ScanOptions, TreeItem, TreeSnapshot};

use crate::boundary::{boundary, guarded};
use crate::digest::PATCHCORE_DIGEST_SIZE;
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, borrowed, c_string, in_array, invalid};

/// A regular file.
pub const PATCHCORE_ITEM_FILE: i32 = 1;
/// A directory.
pub const PATCHCORE_ITEM_DIRECTORY: i32 = 2;
/// A symbolic link.
pub const PATCHCORE_ITEM_SYMLINK: i32 = 3;

const ITEMS: &[(i32, ItemKind, &CStr)] = &[
    (PATCHCORE_ITEM_FILE, ItemKind::File, c"file"),
    (PATCHCORE_ITEM_DIRECTORY, ItemKind::Directory, c"directory"),
    (PATCHCORE_ITEM_SYMLINK, ItemKind::Symlink, c"symlink"),
];

/// A file whose bytes are in the package.
pub const PATCHCORE_CHANGE_REPLACE: i32 = 1;
/// A file made from an old one and a delta.
pub const PATCHCORE_CHANGE_DELTA: i32 = 2;
/// A file whose bytes are those of an old one: a rename, a move or a copy.
pub const PATCHCORE_CHANGE_COPY: i32 = 3;
/// A file that becomes executable, or no longer is.
pub const PATCHCORE_CHANGE_MODE: i32 = 4;
/// A directory that is made.
pub const PATCHCORE_CHANGE_DIRECTORY: i32 = 5;
/// A symbolic link.
pub const PATCHCORE_CHANGE_SYMLINK: i32 = 6;
/// Something that goes away.
pub const PATCHCORE_CHANGE_DELETE: i32 = 7;
/// How many numbers PATCHCORE_CHANGE_* may come to have in this major version.
pub const PATCHCORE_CHANGE_SLOTS: usize = 16;

pub(crate) const CHANGES: &[(i32, ChangeKind, &CStr)] = &[
    (PATCHCORE_CHANGE_REPLACE, ChangeKind::Replace, c"replace"),
    (PATCHCORE_CHANGE_DELTA, ChangeKind::Delta, c"delta"),
    (PATCHCORE_CHANGE_COPY, ChangeKind::Copy, c"copy"),
    (PATCHCORE_CHANGE_MODE, ChangeKind::Mode, c"mode"),
    (PATCHCORE_CHANGE_DIRECTORY, ChangeKind::Directory, c"directory"),
    (PATCHCORE_CHANGE_SYMLINK, ChangeKind::Symlink, c"symlink"),
    (PATCHCORE_CHANGE_DELETE, ChangeKind::Delete, c"delete"),
];

/// Says what a kind of item is called.
///
/// @param kind Any number.
/// @return The name, such as "directory", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_item_name(kind: i32) -> *const c_char {
    let known = ITEMS.iter().find(|(number, ..)| *number == kind);
    known.map_or(c"unknown", |(.., name)| name).as_ptr()
}

/// Says what a kind of change is called.
///
/// @param kind Any number.
/// @return The name, such as "replace", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_change_name(kind: i32) -> *const c_char {
    let known = CHANGES.iter().find(|(number, ..)| *number == kind);
    known.map_or(c"unknown", |(.., name)| name).as_ptr()
}

/// How a directory is looked at. Begin with PATCHCORE_SCAN_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_scan_options {
    /// sizeof(patchcore_scan_options).
    pub struct_size: usize,
    /// Patterns of what is no part of the tree, as in .gitignore; those in a file .patchcoreignore hold as well.
    pub exclude: *const *const c_char,
    /// The bytes of each pattern; NULL where all end with a NUL.
    pub exclude_lens: *const usize,
    /// How many patterns there are.
    pub exclude_count: usize,
    /// Not zero: take what symbolic links point to in the place of the links.
    pub dereference: i32,
    /// Threads that read and hash at a time; 0 is 1.
    pub threads: u64,
}

/// What stands in a directory as a whole. Begin with PATCHCORE_SNAPSHOT_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_snapshot_info {
    /// sizeof(patchcore_snapshot_info).
    pub struct_size: usize,
    /// The digest that names the tree.
    pub digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// The bytes of all files.
    pub size: u64,
    /// How many items there are.
    pub item_count: usize,
}

/// One thing in a directory. Begin with PATCHCORE_TREE_ITEM_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_item {
    /// sizeof(patchcore_tree_item).
    pub struct_size: usize,
    /// Where it is: names with "/" between, from the root; UTF-8, NUL-terminated, borrowed from the snapshot.
    pub path: *const c_char,
    /// The bytes of `path`.
    pub path_len: usize,
    /// One of PATCHCORE_ITEM_*.
    pub kind: i32,
    /// 1 where it is a file that may be executed, else 0.
    pub executable: i32,
    /// The bytes of a file; else 0.
    pub size: u64,
    /// The SHA-256 of a file; else zeros.
    pub digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// Where a symbolic link points, as `path`; else NULL.
    pub target: *const c_char,
    /// The bytes of `target`.
    pub target_len: usize,
}

/// The bytes of a version as text with its NUL, at most.
pub const PATCHCORE_VERSION_TEXT_SIZE: usize = 96;

/// What a directory is known to be. Begin with PATCHCORE_INSTALLED_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_installed {
    /// sizeof(patchcore_installed).
    pub struct_size: usize,
    /// 1 where anything is known, else 0: no patch was applied to the directory.
    pub known: i32,
    /// 1 where `tree` is known, else 0.
    pub has_tree: i32,
    /// The digest of the tree that was installed last.
    pub tree: [u8; PATCHCORE_DIGEST_SIZE],
    /// The version that was installed last, NUL-terminated; empty where it is not known.
    pub version: [c_char; PATCHCORE_VERSION_TEXT_SIZE],
}
versioned!(patchcore_scan_options, patchcore_snapshot_info, patchcore_tree_item, patchcore_installed);

/// What stood in a directory when it was looked at.
pub struct patchcore_snapshot {
    snapshot: TreeSnapshot,
    names: Vec<(CString, Option<CString>)>,
}

/// Looks through a directory and hashes its files.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param options What to look at and how, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_snapshot Receives what stands there, to be freed with patchcore_snapshot_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built without directories.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_scan(
    root: *const c_char,
    root_len: usize,
    options: *const patchcore_scan_options,
    job: *const patchcore_job,
    out_snapshot: *mut *mut patchcore_snapshot,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_snapshot, "out_snapshot")?;
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let options = scan_options(structs::read_or_default(options, "options")?)?;
            let mut job = job::read(job)?;
            let snapshot = tree::scan(&root, &options, &mut job)?;
            let names = |item: &TreeItem| (c_string(&item.path), item.target.as_deref().map(c_string));
            let names = snapshot.items.iter().map(names).collect();
            out.put(handle::create(patchcore_snapshot { snapshot, names }));
            Ok(())
        })
    }
}

/// Says what stands in a directory as a whole.
///
/// @param snapshot The snapshot, borrowed.
/// @param out_info Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a snapshot may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_snapshot_get_info(
    snapshot: *const patchcore_snapshot,
    out_info: *mut patchcore_snapshot_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_info, "out_info")?;
            let snapshot = &handle::share(snapshot, "snapshot")?.snapshot;
            let Digest(digest) = snapshot.digest;
            let item_count = snapshot.items.len();
            out.put(patchcore_snapshot_info { struct_size: 0, digest, size: snapshot.size, item_count });
            Ok(())
        })
    }
}

/// Gives one item, in the order of paths.
///
/// @param snapshot The snapshot, borrowed.
/// @param index Which item, from 0 on.
/// @param out_item Receives it; its strings are borrowed from the snapshot.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such item.
///
/// Thread-safety: a snapshot may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_snapshot_get_item(
    snapshot: *const patchcore_snapshot,
    index: usize,
    out_item: *mut patchcore_tree_item,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_item, "out_item")?;
            let shared = handle::share(snapshot, "snapshot")?;
            let item = listed(&shared.snapshot.items, index, "item")?;
            let (path, target) = listed(&shared.names, index, "item")?;
            let (target, target_len) = borrowed(target.as_ref());
            out.put(patchcore_tree_item {
                struct_size: 0,
                path: path.as_ptr(),
                path_len: path.as_bytes().len(),
                kind: ITEMS.iter().find(|(_, kind, _)| *kind == item.kind).map_or(0, |(number, ..)| *number),
                executable: item.executable.into(),
                size: item.size,
                digest: item.digest.map_or([0; PATCHCORE_DIGEST_SIZE], |digest| digest.0),
                target,
                target_len,
            });
            Ok(())
        })
    }
}

/// Frees a snapshot, and the strings borrowed from it.
///
/// @param snapshot The snapshot, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_snapshot_free(snapshot: *mut patchcore_snapshot) {
    // SAFETY: NULL, or a snapshot that is freed once.
    guarded((), || unsafe { handle::release(snapshot) });
}

/// Takes back the last patch that was applied to a directory.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param overwrite_local Not zero: give up what somebody changed since the patch was applied.
/// @param threads Threads that hash at a time; 0 is 1.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_installed Receives what the directory is known to be then, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error: PATCHCORE_INVALID_ARGUMENT where no backup is kept, PATCHCORE_CONFLICT
///         where files were changed since; patchcore_error_outcome() says what became of the directory.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_rollback(
    root: *const c_char,
    root_len: usize,
    overwrite_local: i32,
    threads: u64,
    job: *const patchcore_job,
    out_installed: *mut patchcore_installed,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let mut job = job::read(job)?;
            let out = Out::new(out_installed, "out_installed")?;
            out.put(installed_for_c(tree::rollback(&root, overwrite_local != 0, threads, &mut job)?));
            Ok(())
        })
    }
}

/// Finishes what a crash left of a change of a directory: afterwards the directory is the old one or the new one. Applying a
/// patch and taking one back do this first.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_installed Receives what the directory is known to be, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where there was nothing to finish, or the status of the error.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_recover(
    root: *const c_char,
    root_len: usize,
    job: *const patchcore_job,
    out_installed: *mut patchcore_installed,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let mut job = job::read(job)?;
            let out = Out::new(out_installed, "out_installed")?;
            out.put(installed_for_c(tree::recover(&root, &mut job)?));
            Ok(())
        })
    }
}

/// Says what a directory is known to be. Nothing is written.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param out_installed Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where nothing is known, or the status of the error.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_installed(
    root: *const c_char,
    root_len: usize,
    out_installed: *mut patchcore_installed,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let out = Out::required(out_installed, "out_installed")?;
            out.put(installed_for_c(tree::installed(&root)?));
            Ok(())
        })
    }
}

/// Gives up the backup of a directory: the last patch can then not be taken back any more.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_had_backup Receives 1 where there was one, else 0; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_clean(
    root: *const c_char,
    root_len: usize,
    job: *const patchcore_job,
    out_had_backup: *mut i32,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::optional(out_had_backup, 0);
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let mut job = job::read(job)?;
            out.put(tree::clean(&root, &mut job)?.into());
            Ok(())
        })
    }
}

/// # Safety
/// The pointers of `given` keep what the header demands.
unsafe fn scan_options(given: patchcore_scan_options) -> Result<ScanOptions> {
    let patchcore_scan_options { exclude, exclude_lens, exclude_count, dereference, threads, .. } = given;
    // SAFETY: the caller's promise.
    let exclude = unsafe { text::several(exclude, exclude_lens, exclude_count, "options.exclude") }?;
    Ok(ScanOptions { exclude, dereference: dereference != 0, threads })
}

fn installed_for_c(installed: Option<Installed>) -> patchcore_installed {
    let known = installed.is_some().into();
    let (version, tree) = installed.map_or((None, None), |installed| (installed.version, installed.tree));
    patchcore_installed {
        struct_size: 0,
        known,
        has_tree: tree.is_some().into(),
        tree: tree.map_or([0; PATCHCORE_DIGEST_SIZE], |digest| digest.0),
        version: in_array(&version.unwrap_or_default()),
    }
}

/// An element of a list by its place.
pub(crate) fn listed<'a, T>(items: &'a [T], index: usize, what: &str) -> Result<&'a T> {
    items.get(index).ok_or_else(|| invalid(format!("there is no {what} {index}, only {}", items.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_changes_are_called_as_everywhere_else_and_nothing_is_missing() {
        assert!(ITEMS.iter().map(|(_, kind, _)| *kind).eq(ItemKind::ALL.iter().copied()));
        assert!(ITEMS.iter().all(|(_, kind, name)| name.to_str() == Ok(kind.name())));
        assert!(CHANGES.iter().map(|(_, kind, _)| *kind).eq(ChangeKind::ALL.iter().copied()));
        assert!(CHANGES.iter().all(|(_, kind, name)| name.to_str() == Ok(kind.name())));
        assert!(CHANGES.iter().all(|(number, ..)| (*number as usize) < PATCHCORE_CHANGE_SLOTS));
        // SAFETY: both are static and end with a NUL.
        unsafe {
            assert_eq!(CStr::from_ptr(patchcore_item_name(PATCHCORE_ITEM_SYMLINK)), c"symlink");
            assert_eq!(CStr::from_ptr(patchcore_change_name(-1)), c"unknown");
        }
    }

    #[test]
    fn the_longest_version_has_room() {
        let longest = format!("{0}.{0}.{0}.{0}", u64::MAX);
        assert!(longest.len() < PATCHCORE_VERSION_TEXT_SIZE);
    }
}
