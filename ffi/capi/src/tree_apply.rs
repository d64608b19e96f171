//! Applying tree patches.

use std::ffi::{CStr, CString, c_char};

use patchcore_ffi::status::{Result, offered};
use patchcore_ffi::tree::{ConflictReason, TreeApplyOptions, TreeApplyStats, TreeConflict, TreePlan, TreeVerification};

use crate::boundary::{boundary, guarded};
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, borrowed, c_string};
use crate::tree::listed;
use crate::tree_patch::{NamedChange, patchcore_tree_change, patchcore_tree_patch};

/// It is neither what the patch expects nor what it makes; `overwrite_local` takes the patch's.
pub const PATCHCORE_CONFLICT_MODIFIED: i32 = 1;
/// Other files are made from it, and it is not what they were made from.
pub const PATCHCORE_CONFLICT_SOURCE: i32 = 2;
/// It is a directory that holds something that the patch does not know.
pub const PATCHCORE_CONFLICT_NOT_EMPTY: i32 = 3;
/// It has to be a directory, since the patch puts something into it.
pub const PATCHCORE_CONFLICT_NO_DIRECTORY: i32 = 4;

const CONFLICTS: &[(i32, ConflictReason, &CStr)] = &[
    (PATCHCORE_CONFLICT_MODIFIED, ConflictReason::Modified, c"modified"),
    (PATCHCORE_CONFLICT_SOURCE, ConflictReason::Source, c"source"),
    (PATCHCORE_CONFLICT_NOT_EMPTY, ConflictReason::NotEmpty, c"not_empty"),
    (PATCHCORE_CONFLICT_NO_DIRECTORY, ConflictReason::NoDirectory, c"no_directory"),
];

/// Says what a reason for a conflict is called.
///
/// @param reason Any number.
/// @return The name, such as "modified", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_conflict_name(reason: i32) -> *const c_char {
    let known = CONFLICTS.iter().find(|(number, ..)| *number == reason);
    known.map_or(c"unknown", |(.., name)| name).as_ptr()
}

/// It should be there and is not.
pub const PATCHCORE_DIFFERENCE_MISSING: i32 = 1;
/// It is there and should be something else.
pub const PATCHCORE_DIFFERENCE_DIFFERENT: i32 = 2;
/// It is there and should not be.
pub const PATCHCORE_DIFFERENCE_UNEXPECTED: i32 = 3;

/// How a tree patch is applied. Begin with PATCHCORE_TREE_APPLY_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_apply_options {
    /// sizeof(patchcore_tree_apply_options).
    pub struct_size: usize,
    /// Not zero: take the patch's side wherever somebody changed the directory.
    pub overwrite_local: i32,
    /// Not zero: keep nothing for a later rollback. An apply that fails still leaves the old directory.
    pub no_backup: i32,
    /// Threads that hash at a time; 0 is 1.
    pub threads: u64,
    /// Bytes of memory that applying a delta may take; 0 is 4 GiB, UINT64_MAX is no limit.
    pub max_memory: u64,
}

/// What applying a tree patch would do, as a whole. Begin with PATCHCORE_TREE_PLAN_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_plan_info {
    /// sizeof(patchcore_tree_plan_info).
    pub struct_size: usize,
    /// How many paths would be changed.
    pub action_count: usize,
    /// How many things stand in the way; with any, applying is PATCHCORE_CONFLICT.
    pub conflict_count: usize,
    /// How many paths are there and would be kept as they are.
    pub kept_count: usize,
    /// Changes that are made already.
    pub done_before: u64,
    /// The bytes of the new files.
    pub bytes: u64,
}

/// Something that stands in the way of a tree patch. Begin with PATCHCORE_TREE_CONFLICT_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_conflict {
    /// sizeof(patchcore_tree_conflict).
    pub struct_size: usize,
    /// Where it is: UTF-8, NUL-terminated, borrowed from the plan.
    pub path: *const c_char,
    /// The bytes of `path`.
    pub path_len: usize,
    /// What is wrong with it: one of PATCHCORE_CONFLICT_*; a newer library may have others.
    pub reason: i32,
}

/// What applying a tree patch did. Begin with PATCHCORE_TREE_APPLY_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_apply_stats {
    /// sizeof(patchcore_tree_apply_stats).
    pub struct_size: usize,
    /// Paths that were changed.
    pub changed: u64,
    /// Changes that were made already.
    pub done_before: u64,
    /// The bytes of the new files.
    pub bytes: u64,
    /// How many paths are there and were kept as they are, since the patch only installs them once.
    pub kept_count: usize,
}

/// How a directory differs from what a tree patch makes of it, as a whole. Begin with PATCHCORE_TREE_VERIFICATION_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_verification_info {
    /// sizeof(patchcore_tree_verification_info).
    pub struct_size: usize,
    /// 1 where the directory is what the patch makes of it, else 0.
    pub is_clean: i32,
    /// How many paths of the patch are as it promises.
    pub matches: u64,
    /// How many are not.
    pub difference_count: usize,
}

/// A path that is not as a tree patch promises. Begin with PATCHCORE_TREE_DIFFERENCE_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_difference {
    /// sizeof(patchcore_tree_difference).
    pub struct_size: usize,
    /// Where it is: UTF-8, NUL-terminated, borrowed from the verification.
    pub path: *const c_char,
    /// The bytes of `path`.
    pub path_len: usize,
    /// What is wrong with it: one of PATCHCORE_DIFFERENCE_*.
    pub kind: i32,
}
versioned!(
    patchcore_tree_apply_options,
    patchcore_tree_plan_info,
    patchcore_tree_conflict,
    patchcore_tree_apply_stats,
    patchcore_tree_verification_info,
    patchcore_tree_difference,
);

/// What applying a tree patch to a directory would do.
pub struct patchcore_tree_plan {
    actions: Vec<NamedChange>,
    conflicts: Vec<(CString, ConflictReason)>,
    kept: Vec<CString>,
    done_before: u64,
    bytes: u64,
}

/// How a directory differs from what a tree patch makes of it.
pub struct patchcore_tree_verification {
    is_clean: bool,
    matches: u64,
    differences: Vec<(CString, i32)>,
}

/// Paths in a directory.
pub struct patchcore_paths(Vec<CString>);

/// Says what applying a tree patch to a directory would do. Nothing is written.
///
/// @param patch The patch, borrowed.
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param options How it would be applied, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_plan Receives the plan, to be freed with patchcore_tree_plan_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where something stands in the way, or the status of the error.
///
/// Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_plan(
    patch: *const patchcore_tree_patch,
    root: *const c_char,
    root_len: usize,
    options: *const patchcore_tree_apply_options,
    job: *const patchcore_job,
    out_plan: *mut *mut patchcore_tree_plan,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_plan, "out_plan")?;
            offered("directories")?;
            let shared = handle::share(patch, "patch")?;
            let root = text::path(root, root_len, "root")?;
            let options = read_options(options, "options")?;
            let mut job = job::read(job)?;
            let TreePlan { actions, conflicts, done_before, kept, bytes } =
                shared.patch.plan(&root, &options, &mut job)?;
            let conflict = |conflict: &TreeConflict| (c_string(&conflict.path), conflict.reason);
            out.put(handle::create(patchcore_tree_plan {
                actions: actions.iter().map(NamedChange::from).collect(),
                conflicts: conflicts.iter().map(conflict).collect(),
                kept: c_strings(&kept),
                done_before,
                bytes,
            }));
            Ok(())
        })
    }
}

/// Says what a plan comes to as a whole.
///
/// @param plan The plan, borrowed.
/// @param out_info Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a plan may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_plan_get_info(
    plan: *const patchcore_tree_plan,
    out_info: *mut patchcore_tree_plan_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_info, "out_info")?;
            let plan = handle::share(plan, "plan")?;
            out.put(patchcore_tree_plan_info {
                struct_size: 0,
                action_count: plan.actions.len(),
                conflict_count: plan.conflicts.len(),
                kept_count: plan.kept.len(),
                done_before: plan.done_before,
                bytes: plan.bytes,
            });
            Ok(())
        })
    }
}

/// Gives one path that would be changed.
///
/// @param plan The plan, borrowed.
/// @param index Which one, from 0 on.
/// @param out_action Receives it; its string is borrowed from the plan.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
///
/// Thread-safety: a plan may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_plan_get_action(
    plan: *const patchcore_tree_plan,
    index: usize,
    out_action: *mut patchcore_tree_change,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_action, "out_action")?;
            let plan = handle::share(plan, "plan")?;
            out.put(listed(&plan.actions, index, "action")?.for_c());
            Ok(())
        })
    }
}

/// Gives one thing that stands in the way.
///
/// @param plan The plan, borrowed.
/// @param index Which one, from 0 on.
/// @param out_conflict Receives it; its string is borrowed from the plan.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
///
/// Thread-safety: a plan may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_plan_get_conflict(
    plan: *const patchcore_tree_plan,
    index: usize,
    out_conflict: *mut patchcore_tree_conflict,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_conflict, "out_conflict")?;
            let plan = handle::share(plan, "plan")?;
            let (path, reason) = listed(&plan.conflicts, index, "conflict")?;
            out.put(patchcore_tree_conflict {
                struct_size: 0,
                path: path.as_ptr(),
                path_len: path.as_bytes().len(),
                reason: CONFLICTS.iter().find(|(_, known, _)| known == reason).map_or(0, |(number, ..)| *number),
            });
            Ok(())
        })
    }
}

/// Gives one path that would be kept as it is.
///
/// @param plan The plan, borrowed, or NULL.
/// @param index Which one, from 0 on.
/// @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
/// @return The path: UTF-8, NUL-terminated, borrowed from the plan; NULL where there is none.
///
/// Thread-safety: a plan may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_plan_kept(
    plan: *const patchcore_tree_plan,
    index: usize,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: NULL, or a plan that was not freed; NULL or valid for writing.
    unsafe { path_at(plan.as_ref().map(|plan| &plan.kept[..]), index, out_len) }
}

/// Frees a plan, and the strings borrowed from it.
///
/// @param plan The plan, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_plan_free(plan: *mut patchcore_tree_plan) {
    // SAFETY: NULL, or a plan that is freed once.
    guarded((), || unsafe { handle::release(plan) });
}

/// Applies a tree patch to a directory: afterwards it is the new one, or with an error the old one, whatever happens.
///
/// What a crash leaves is put right by whatever is done with the directory next, or by patchcore_tree_recover(). A cancellation
/// before the commit leaves the directory as it was; after that it comes too late.
///
/// @param patch The patch, borrowed.
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to apply, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was done, or NULL.
/// @param out_kept Receives the paths that were kept as they are, to be freed with patchcore_paths_free(), NULL on failure; or
///                 NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where the directory was the new one already, or the status of the error: PATCHCORE_CONFLICT,
///         naming all of them, where files are not what the patch was made for. patchcore_error_outcome() says what became of
///         the directory.
///
/// Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread. Of those that
/// change one directory at the same time, in whatever process, all but one get PATCHCORE_BUSY.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_apply(
    patch: *const patchcore_tree_patch,
    root: *const c_char,
    root_len: usize,
    options: *const patchcore_tree_apply_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_tree_apply_stats,
    out_kept: *mut *mut patchcore_paths,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let wants_kept = !out_kept.is_null();
            let out_kept = OutPointer::optional(out_kept, std::ptr::null_mut());
            offered("directories")?;
            let shared = handle::share(patch, "patch")?;
            let root = text::path(root, root_len, "root")?;
            let options = read_options(options, "options")?;
            let mut job = job::read(job)?;
            let out_stats = Out::new(out_stats, "out_stats")?;
            let stats = shared.patch.apply(&root, &options, &mut job)?;
            out_stats.put(stats_for_c(&stats));
            if wants_kept {
                out_kept.put(handle::create(patchcore_paths(c_strings(&stats.kept))));
            }
            Ok(())
        })
    }
}

/// Says how many paths there are.
///
/// @param paths The paths, borrowed, or NULL.
/// @return How many; 0 for NULL.
///
/// Thread-safety: paths may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_paths_count(paths: *const patchcore_paths) -> usize {
    // SAFETY: NULL, or paths that were not freed.
    unsafe { paths.as_ref() }.map_or(0, |paths| paths.0.len())
}

/// Gives one path.
///
/// @param paths The paths, borrowed, or NULL.
/// @param index Which one, from 0 on.
/// @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
/// @return The path: UTF-8, NUL-terminated, valid until the paths are freed; NULL where there is none.
///
/// Thread-safety: paths may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_paths_get(
    paths: *const patchcore_paths,
    index: usize,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: NULL, or paths that were not freed; NULL or valid for writing.
    unsafe { path_at(paths.as_ref().map(|paths| &paths.0[..]), index, out_len) }
}

/// Frees paths.
///
/// @param paths The paths, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads them any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_paths_free(paths: *mut patchcore_paths) {
    // SAFETY: NULL, or paths that are freed once.
    guarded((), || unsafe { handle::release(paths) });
}

/// Says in what a directory differs from what a tree patch makes of it. Nothing is written.
///
/// @param patch The patch, borrowed.
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param threads Threads that hash at a time; 0 is 1.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_verification Receives what was found, to be freed with patchcore_tree_verification_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where the directory differs, or the status of the error.
///
/// Thread-safety: a patch may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_patch_verify_tree(
    patch: *const patchcore_tree_patch,
    root: *const c_char,
    root_len: usize,
    threads: u64,
    job: *const patchcore_job,
    out_verification: *mut *mut patchcore_tree_verification,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_verification, "out_verification")?;
            offered("directories")?;
            let shared = handle::share(patch, "patch")?;
            let root = text::path(root, root_len, "root")?;
            let mut job = job::read(job)?;
            let TreeVerification { is_clean, matches, missing, different, unexpected } =
                shared.patch.verify_tree(&root, threads, &mut job)?;
            let mut differences = Vec::new();
            let lists = [
                (missing, PATCHCORE_DIFFERENCE_MISSING),
                (different, PATCHCORE_DIFFERENCE_DIFFERENT),
                (unexpected, PATCHCORE_DIFFERENCE_UNEXPECTED),
            ];
            for (paths, kind) in lists {
                differences.extend(paths.iter().map(|path| (c_string(path), kind)));
            }
            out.put(handle::create(patchcore_tree_verification { is_clean, matches, differences }));
            Ok(())
        })
    }
}

/// Says what was found as a whole.
///
/// @param verification The verification, borrowed.
/// @param out_info Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a verification may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_verification_get_info(
    verification: *const patchcore_tree_verification,
    out_info: *mut patchcore_tree_verification_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_info, "out_info")?;
            let found = handle::share(verification, "verification")?;
            out.put(patchcore_tree_verification_info {
                struct_size: 0,
                is_clean: found.is_clean.into(),
                matches: found.matches,
                difference_count: found.differences.len(),
            });
            Ok(())
        })
    }
}

/// Gives one path that is not as the patch promises: first what is missing, then what is different, then what is unexpected.
///
/// @param verification The verification, borrowed.
/// @param index Which one, from 0 on.
/// @param out_difference Receives it; its string is borrowed from the verification.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is none.
///
/// Thread-safety: a verification may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_verification_get_difference(
    verification: *const patchcore_tree_verification,
    index: usize,
    out_difference: *mut patchcore_tree_difference,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_difference, "out_difference")?;
            let found = handle::share(verification, "verification")?;
            let (path, kind) = listed(&found.differences, index, "difference")?;
            let (path, path_len) = borrowed(Some(path));
            out.put(patchcore_tree_difference { struct_size: 0, path, path_len, kind: *kind });
            Ok(())
        })
    }
}

/// Frees a verification, and the strings borrowed from it.
///
/// @param verification The verification, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_verification_free(verification: *mut patchcore_tree_verification) {
    // SAFETY: NULL, or a verification that is freed once.
    guarded((), || unsafe { handle::release(verification) });
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
pub(crate) unsafe fn read_options(
    options: *const patchcore_tree_apply_options,
    name: &str,
) -> Result<TreeApplyOptions> {
    // SAFETY: the caller's promise.
    let given = unsafe { structs::read_or_default(options, name) }?;
    let patchcore_tree_apply_options { overwrite_local, no_backup, threads, max_memory, .. } = given;
    Ok(TreeApplyOptions { overwrite_local: overwrite_local != 0, no_backup: no_backup != 0, threads, max_memory })
}

pub(crate) fn stats_for_c(stats: &TreeApplyStats) -> patchcore_tree_apply_stats {
    let &TreeApplyStats { changed, done_before, bytes, .. } = stats;
    patchcore_tree_apply_stats { struct_size: 0, changed, done_before, bytes, kept_count: stats.kept.len() }
}

pub(crate) fn c_strings(texts: &[String]) -> Vec<CString> {
    texts.iter().map(|text| c_string(text)).collect()
}

/// A path of a list for C.
///
/// # Safety
/// `out_len` is NULL or valid for writing.
pub(crate) unsafe fn path_at(paths: Option<&[CString]>, index: usize, out_len: *mut usize) -> *const c_char {
    let (path, len) = borrowed(paths.and_then(|paths| paths.get(index)));
    // SAFETY: the caller's promise.
    if let Some(out_len) = unsafe { out_len.as_mut() } {
        *out_len = len;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_called_as_everywhere_else() {
        assert!(CONFLICTS.iter().all(|(_, reason, name)| name.to_str() == Ok(reason.name())));
        // SAFETY: it is static and ends with a NUL.
        assert_eq!(unsafe { CStr::from_ptr(patchcore_conflict_name(0)) }, c"unknown");
    }
}
