//! Tree patches: from one directory to another.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};

use patchcore_ffi::digest::Digest;
use patchcore_ffi::status::offered;
use patchcore_ffi::tree::{ChangeKind, TreeChange, TreePatch, TreePatchInfo};

use crate::boundary::{boundary, guarded};
use crate::delta::{patchcore_limits, read_limits};
use crate::digest::PATCHCORE_DIGEST_SIZE;
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{Out, versioned};
use crate::text::{self, borrowed, c_string, in_array};
use crate::tree::{CHANGES, PATCHCORE_CHANGE_SLOTS, listed};
use crate::trust::{self, PATCHCORE_KEY_ID_SIZE, patchcore_trust};

/// An open tree patch: a package of what turns one directory into another.
pub struct patchcore_tree_patch {
    pub(crate) patch: TreePatch,
    info: TreePatchInfo,
    versions: [Option<CString>; 3],
    changes: Vec<NamedChange>,
}

/// What a tree patch says about itself. Begin with PATCHCORE_TREE_PATCH_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_patch_info {
    /// sizeof(patchcore_tree_patch_info).
    pub struct_size: usize,
    /// The bytes of the package.
    pub package_size: u64,
    /// The bytes of the files that applying it writes.
    pub new_size: u64,
    /// How many paths change.
    pub change_count: usize,
    /// How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes.
    pub changes: [u64; PATCHCORE_CHANGE_SLOTS],
    /// 1 where `old_tree` is known, else 0.
    pub has_old_tree: i32,
    /// 1 where `new_tree` is known, else 0.
    pub has_new_tree: i32,
    /// The digest of the tree that it was made from.
    pub old_tree: [u8; PATCHCORE_DIGEST_SIZE],
    /// The digest of the tree that it makes.
    pub new_tree: [u8; PATCHCORE_DIGEST_SIZE],
    /// The lowest version that it applies to, NUL-terminated, borrowed from the patch; NULL where it applies to any.
    pub min_version: *const c_char,
    /// The bytes of `min_version`.
    pub min_version_len: usize,
    /// The highest version that it applies to, as `min_version`.
    pub max_version: *const c_char,
    /// The bytes of `max_version`.
    pub max_version_len: usize,
    /// The version that it makes, as `min_version`; NULL where it says none.
    pub version: *const c_char,
    /// The bytes of `version`.
    pub version_len: usize,
    /// The identifier of the trusted key that signed it, NUL-terminated; empty where no signature was demanded.
    pub key_id: [c_char; PATCHCORE_KEY_ID_SIZE],
}

/// What becomes of one path. Begin with PATCHCORE_TREE_CHANGE_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_change {
    /// sizeof(patchcore_tree_change).
    pub struct_size: usize,
    /// Where: names with "/" between, from the root; UTF-8, NUL-terminated, borrowed from where the change is listed.
    pub path: *const c_char,
    /// The bytes of `path`.
    pub path_len: usize,
    /// What is done: one of PATCHCORE_CHANGE_*; a newer library may have others.
    pub kind: i32,
    /// The bytes of the new file; 0 where there is none.
    pub bytes: u64,
}

/// What checking a whole tree patch counted. Begin with PATCHCORE_TREE_PATCH_CONTENTS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_patch_contents {
    /// sizeof(patchcore_tree_patch_contents).
    pub struct_size: usize,
    /// Whole files.
    pub files: u64,
    /// Deltas.
    pub deltas: u64,
    /// The bytes of both, unpacked.
    pub bytes: u64,
}
versioned!(patchcore_tree_patch_info, patchcore_tree_change, patchcore_tree_patch_contents);

/// A change whose path C can borrow.
pub(crate) struct NamedChange {
    path: CString,
    kind: ChangeKind,
    bytes: u64,
}

impl From<&TreeChange> for NamedChange {
    fn from(change: &TreeChange) -> Self {
        Self { path: c_string(&change.path), kind: change.kind, bytes: change.bytes }
    }
}

impl NamedChange {
    pub(crate) fn for_c(&self) -> patchcore_tree_change {
        patchcore_tree_change {
            struct_size: 0,
            path: self.path.as_ptr(),
            path_len: self.path.as_bytes().len(),
            kind: change_number(self.kind),
            bytes: self.bytes,
        }
    }
}

/// Opens a tree patch: a ZIP file, or a .tar.gz with the text of its operations.
///
/// The file stays open, so that what was checked is what is used: what changes in it after this is PATCHCORE_CORRUPT when it is
/// read.
///
/// @param input The package; what it points to is borrowed until the patch is freed and no call uses it any more.
/// @param operations The text of the operations of a .tar.gz, which is JSON; borrowed for the call. NULL and 0 for a ZIP file.
/// @param operations_len The bytes of `operations`, or PATCHCORE_NUL_TERMINATED.
/// @param trust Whose signature is demanded, borrowed for the call; NULL or one without keys for nobody's.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_patch Receives the patch, to be freed with patchcore_tree_patch_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error: PATCHCORE_BAD_SIGNATURE or PATCHCORE_UNTRUSTED_KEY where none of the keys
///         signed it, PATCHCORE_CORRUPT where it is no tree patch, PATCHCORE_UNSAFE_PATH where it would leave the directory.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_open(
    input: *const patchcore_input,
    operations: *const c_char,
    operations_len: usize,
    trust: *const patchcore_trust,
    job: *const patchcore_job,
    out_patch: *mut *mut patchcore_tree_patch,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_patch, "out_patch")?;
            offered("directories")?;
            let input = input::one(input, "input")?;
            let operations = text::optional(operations, operations_len, "operations")?;
            let trust = trust::read(trust)?;
            let mut job = job::read(job)?;
            let patch = TreePatch::open(input, operations.as_deref(), &trust, &mut job)?;
            let info = patch.info();
            let versions = [&info.min_version, &info.max_version, &info.version];
            out.put(handle::create(patchcore_tree_patch {
                versions: versions.map(|version| version.as_deref().map(c_string)),
                changes: patch.changes().iter().map(NamedChange::from).collect(),
                info,
                patch,
            }));
            Ok(())
        })
    }
}

/// Frees a tree patch, and the strings borrowed from it. A call that uses it goes on, and what the patch borrows is borrowed
/// until that call is done.
///
/// @param patch The patch, which must not be used any more, or NULL.
///
/// Thread-safety: may be called from any thread, also from a callback of a call that uses the patch.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_free(patch: *mut patchcore_tree_patch) {
    // SAFETY: NULL, or a patch that is freed once.
    guarded((), || unsafe { handle::release(patch) });
}

/// Says what a tree patch says about itself.
///
/// @param patch The patch, borrowed.
/// @param out_info Receives it; its strings are borrowed from the patch.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a patch may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_get_info(
    patch: *const patchcore_tree_patch,
    out_info: *mut patchcore_tree_patch_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_info, "out_info")?;
            let shared = handle::share(patch, "patch")?;
            let patchcore_tree_patch { info, versions, changes, .. } = &*shared;
            let [min_version, max_version, version] = versions.each_ref().map(|text| borrowed(text.as_ref()));
            let bytes = |digest: Option<Digest>| digest.map_or([0; PATCHCORE_DIGEST_SIZE], |digest| digest.0);
            out.put(patchcore_tree_patch_info {
                struct_size: 0,
                package_size: info.package_size,
                new_size: info.new_size,
                change_count: changes.len(),
                changes: counts_for_c(&info.changes),
                has_old_tree: info.old_tree.is_some().into(),
                has_new_tree: info.new_tree.is_some().into(),
                old_tree: bytes(info.old_tree),
                new_tree: bytes(info.new_tree),
                min_version: min_version.0,
                min_version_len: min_version.1,
                max_version: max_version.0,
                max_version_len: max_version.1,
                version: version.0,
                version_len: version.1,
                key_id: in_array(info.key_id.as_deref().unwrap_or_default()),
            });
            Ok(())
        })
    }
}

/// Gives one change, in the order of paths.
///
/// @param patch The patch, borrowed.
/// @param index Which change, from 0 on.
/// @param out_change Receives it; its string is borrowed from the patch.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such change.
///
/// Thread-safety: a patch may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_get_change(
    patch: *const patchcore_tree_patch,
    index: usize,
    out_change: *mut patchcore_tree_change,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_change, "out_change")?;
            let shared = handle::share(patch, "patch")?;
            out.put(listed(&shared.changes, index, "change")?.for_c());
            Ok(())
        })
    }
}

/// Reads everything in a tree patch and checks it.
///
/// @param patch The patch, borrowed.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_contents Receives what was counted, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where a file is not the promised one or a delta is
///         damaged.
///
/// Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_verify(
    patch: *const patchcore_tree_patch,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_contents: *mut patchcore_tree_patch_contents,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let shared = handle::share(patch, "patch")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_contents, "out_contents")?;
            let found = shared.patch.verify(&limits, &mut job)?;
            let (files, deltas, bytes) = (found.files, found.deltas, found.bytes);
            out.put(patchcore_tree_patch_contents { struct_size: 0, files, deltas, bytes });
            Ok(())
        })
    }
}

fn change_number(kind: ChangeKind) -> i32 {
    CHANGES.iter().find(|(_, known, _)| *known == kind).map_or(0, |(number, ..)| *number)
}

pub(crate) fn counts_for_c(counted: &BTreeMap<ChangeKind, u64>) -> [u64; PATCHCORE_CHANGE_SLOTS] {
    let mut counts = [0; PATCHCORE_CHANGE_SLOTS];
    counted.iter().for_each(|(kind, count)| counts[change_number(*kind) as usize] = *count);
    counts
}
