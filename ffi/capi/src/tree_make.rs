//! Making tree patches.

use std::ffi::c_char;
use std::path::PathBuf;

use patchcore_ffi::status::{Result, offered};
use patchcore_ffi::tree::{
    self, Compression, OperationOutputs, ScanOptions, TreeDiffOptions, TreeDiffStats, TreeSquashOptions,
};

use crate::boundary::boundary;
use crate::digest::PATCHCORE_DIGEST_SIZE;
use crate::error::patchcore_error;
use crate::handle;
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, invalid, null};
use crate::tree::PATCHCORE_CHANGE_SLOTS;
use crate::tree_patch::{counts_for_c, patchcore_tree_patch};

/// Whole files are compressed as any ZIP tool reads it.
pub const PATCHCORE_COMPRESSION_DEFLATE: i32 = 0;
/// Whole files are not compressed.
pub const PATCHCORE_COMPRESSION_STORED: i32 = 1;
/// Whole files are compressed smaller, for tools that know it.
pub const PATCHCORE_COMPRESSION_ZSTD: i32 = 2;

/// How two directories are compared and packed. Begin with PATCHCORE_TREE_DIFF_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_diff_options {
    /// sizeof(patchcore_tree_diff_options).
    pub struct_size: usize,
    /// Patterns of what is no part of the trees, as in .gitignore; those in a file .patchcoreignore hold as well.
    pub exclude: *const *const c_char,
    /// The bytes of each pattern; NULL where all end with a NUL.
    pub exclude_lens: *const usize,
    /// How many patterns there are.
    pub exclude_count: usize,
    /// Patterns of what is installed where it is missing and never touched where it is there.
    pub keep_local: *const *const c_char,
    /// The bytes of each pattern; NULL where all end with a NUL.
    pub keep_local_lens: *const usize,
    /// How many patterns there are.
    pub keep_local_count: usize,
    /// Patterns of directories that are replaced as a whole where anything in them changes.
    pub replace_directories: *const *const c_char,
    /// The bytes of each pattern; NULL where all end with a NUL.
    pub replace_directories_lens: *const usize,
    /// How many patterns there are.
    pub replace_directories_count: usize,
    /// The lowest version that the patch applies to; NULL and 0 for any.
    pub min_version: *const c_char,
    /// The bytes of `min_version`, or PATCHCORE_NUL_TERMINATED.
    pub min_version_len: usize,
    /// The highest version that the patch applies to; NULL and 0 for `min_version`.
    pub max_version: *const c_char,
    /// The bytes of `max_version`, or PATCHCORE_NUL_TERMINATED.
    pub max_version_len: usize,
    /// The version that the patch makes; NULL and 0 where it says none.
    pub version: *const c_char,
    /// The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
    pub version_len: usize,
    /// Threads that work at a time; 0 is 1. The package is the same for any number.
    pub threads: u64,
    /// Bytes of memory that applying a delta may take; 0 is 12 MiB, at least 256 KiB.
    pub max_apply_memory: u64,
    /// 1 (fastest) to 9 (smallest deltas); 0 is 6.
    pub level: i32,
    /// How whole files are compressed: one of PATCHCORE_COMPRESSION_*.
    pub compression: i32,
    /// Not zero: take what symbolic links point to in the place of the links.
    pub dereference: i32,
    /// Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT.
    pub no_clobber: i32,
}

/// What two directories and the patch between them are. Begin with PATCHCORE_TREE_DIFF_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_diff_stats {
    /// sizeof(patchcore_tree_diff_stats).
    pub struct_size: usize,
    /// The digest of the old tree.
    pub old_tree: [u8; PATCHCORE_DIGEST_SIZE],
    /// The digest of the new tree.
    pub new_tree: [u8; PATCHCORE_DIGEST_SIZE],
    /// The bytes of the files of the new tree.
    pub new_tree_size: u64,
    /// The bytes of the package.
    pub package_size: u64,
    /// The bytes of the files that applying it writes.
    pub new_size: u64,
    /// How many paths stay as they are.
    pub unchanged: u64,
    /// How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes.
    pub changes: [u64; PATCHCORE_CHANGE_SLOTS],
}

/// Where the parts of the file-operation form go. Begin with PATCHCORE_OPERATION_OUTPUTS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_operation_outputs {
    /// sizeof(patchcore_operation_outputs).
    pub struct_size: usize,
    /// The .tar.gz; borrowed for the call.
    pub package: *const c_char,
    /// The bytes of `package`, or PATCHCORE_NUL_TERMINATED.
    pub package_len: usize,
    /// The file for the operations, which are JSON; borrowed for the call.
    pub operations: *const c_char,
    /// The bytes of `operations`, or PATCHCORE_NUL_TERMINATED.
    pub operations_len: usize,
    /// The file that announces the package, for patchcore_update_from_package_info(); NULL and 0 for none.
    pub package_info: *const c_char,
    /// The bytes of `package_info`, or PATCHCORE_NUL_TERMINATED.
    pub package_info_len: usize,
    /// Where the package will be fetched from, for `package_info`; NULL and 0 where there is none.
    pub url: *const c_char,
    /// The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
    pub url_len: usize,
}

/// How several tree patches become one. Begin with PATCHCORE_TREE_SQUASH_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_squash_options {
    /// sizeof(patchcore_tree_squash_options).
    pub struct_size: usize,
    /// Worker threads; 0 is 1. The package is the same for any number.
    pub threads: u64,
    /// Bytes of memory that applying a delta may take; 0 is 12 MiB, at least 256 KiB.
    pub max_apply_memory: u64,
    /// Bytes of memory that squashing itself may take; 0 is 4 GiB, UINT64_MAX is no limit.
    pub max_memory: u64,
    /// 1 (fastest) to 9 (smallest deltas); 0 is 6.
    pub level: i32,
    /// How whole files are compressed: one of PATCHCORE_COMPRESSION_*.
    pub compression: i32,
    /// Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT.
    pub no_clobber: i32,
}

/// What came of squashing tree patches. Begin with PATCHCORE_TREE_SQUASH_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_tree_squash_stats {
    /// sizeof(patchcore_tree_squash_stats).
    pub struct_size: usize,
    /// The bytes of the package.
    pub package_size: u64,
    /// How many paths change, by what is done to them: the numbers PATCHCORE_CHANGE_* are the indexes.
    pub changes: [u64; PATCHCORE_CHANGE_SLOTS],
}
versioned!(
    patchcore_tree_diff_options,
    patchcore_tree_diff_stats,
    patchcore_operation_outputs,
    patchcore_tree_squash_options,
    patchcore_tree_squash_stats,
);

/// Makes the tree patch that turns one directory into another: a ZIP file in which whole files lie at their own paths.
///
/// @param old_root The directory as it was; borrowed for the call.
/// @param old_root_len The bytes of `old_root`, or PATCHCORE_NUL_TERMINATED.
/// @param new_root The directory as it is to become; borrowed for the call.
/// @param new_root_len The bytes of `new_root`, or PATCHCORE_NUL_TERMINATED.
/// @param package The file that appears when the patch is complete; borrowed for the call.
/// @param package_len The bytes of `package`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to compare and pack, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was made, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSAFE_PATH where a link leaves the directory or a name cannot
///         be kept everywhere, PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_diff(
    old_root: *const c_char,
    old_root_len: usize,
    new_root: *const c_char,
    new_root_len: usize,
    package: *const c_char,
    package_len: usize,
    options: *const patchcore_tree_diff_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_tree_diff_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let old = text::path(old_root, old_root_len, "old_root")?;
            let new = text::path(new_root, new_root_len, "new_root")?;
            let package = text::path(package, package_len, "package")?;
            let options = diff_options(options)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            out.put(stats_for_c(&tree::diff(&old, &new, &package, &options, &mut job)?));
            Ok(())
        })
    }
}

/// Makes the same in the file-operation form: a .tar.gz of whole files and whole directories, and beside it the operations that
/// they are for.
///
/// @param old_root The directory as it was; borrowed for the call.
/// @param old_root_len The bytes of `old_root`, or PATCHCORE_NUL_TERMINATED.
/// @param new_root The directory as it is to become; borrowed for the call.
/// @param new_root_len The bytes of `new_root`, or PATCHCORE_NUL_TERMINATED.
/// @param outputs Where the parts go; borrowed for the call.
/// @param options How to compare and pack, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was made, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_diff_operations(
    old_root: *const c_char,
    old_root_len: usize,
    new_root: *const c_char,
    new_root_len: usize,
    outputs: *const patchcore_operation_outputs,
    options: *const patchcore_tree_diff_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_tree_diff_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let old = text::path(old_root, old_root_len, "old_root")?;
            let new = text::path(new_root, new_root_len, "new_root")?;
            let outputs = operation_outputs(outputs)?;
            let options = diff_options(options)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            out.put(stats_for_c(&tree::diff_operations(&old, &new, &outputs, &options, &mut job)?));
            Ok(())
        })
    }
}

/// Makes one tree patch of several, each of which continues the one before; no directory is needed.
///
/// @param patches The patches in order; borrowed for the call.
/// @param count How many there are, at least one.
/// @param package The file that appears when the patch is complete; borrowed for the call.
/// @param package_len The bytes of `package`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to encode and pack, and limits; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was made, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where one does not continue the one before,
///         PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: patches may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_tree_squash(
    patches: *const *const patchcore_tree_patch,
    count: usize,
    package: *const c_char,
    package_len: usize,
    options: *const patchcore_tree_squash_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_tree_squash_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            if patches.is_null() && count > 0 {
                return Err(null("patches"));
            }
            let mut opened = Vec::new();
            for index in 0..count {
                let patch = handle::share(patches.add(index).read(), &format!("patches[{index}]"))?;
                opened.push(patch.patch.clone());
            }
            let package = text::path(package, package_len, "package")?;
            let given = structs::read_or_default(options, "options")?;
            let options = TreeSquashOptions {
                level: given.level,
                threads: given.threads,
                max_apply_memory: given.max_apply_memory,
                max_memory: given.max_memory,
                compression: compression(given.compression)?,
                no_clobber: given.no_clobber != 0,
            };
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            let stats = tree::squash(&opened, &package, &options, &mut job)?;
            let (package_size, changes) = (stats.package_size, counts_for_c(&stats.changes));
            out.put(patchcore_tree_squash_stats { struct_size: 0, package_size, changes });
            Ok(())
        })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
pub(crate) unsafe fn diff_options(options: *const patchcore_tree_diff_options) -> Result<TreeDiffOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        let exclude = text::several(o.exclude, o.exclude_lens, o.exclude_count, "options.exclude")?;
        let keep_local = text::several(o.keep_local, o.keep_local_lens, o.keep_local_count, "options.keep_local")?;
        let replace_directories = text::several(
            o.replace_directories,
            o.replace_directories_lens,
            o.replace_directories_count,
            "options.replace_directories",
        )?;
        Ok(TreeDiffOptions {
            scan: ScanOptions { exclude, dereference: o.dereference != 0, threads: o.threads },
            level: o.level,
            max_apply_memory: o.max_apply_memory,
            keep_local,
            replace_directories,
            min_version: text::optional(o.min_version, o.min_version_len, "options.min_version")?,
            max_version: text::optional(o.max_version, o.max_version_len, "options.max_version")?,
            version: text::optional(o.version, o.version_len, "options.version")?,
            compression: compression(o.compression)?,
            no_clobber: o.no_clobber != 0,
        })
    }
}

/// # Safety
/// `outputs` is NULL or points to outputs that keep what the header demands.
unsafe fn operation_outputs(outputs: *const patchcore_operation_outputs) -> Result<OperationOutputs> {
    // SAFETY: the caller's promise.
    unsafe {
        let given = structs::read(outputs, "outputs")?;
        let package = text::path(given.package, given.package_len, "outputs.package")?;
        let operations = text::path(given.operations, given.operations_len, "outputs.operations")?;
        let package_info: Option<PathBuf> =
            text::optional_path(given.package_info, given.package_info_len, "outputs.package_info")?;
        let url = text::optional(given.url, given.url_len, "outputs.url")?.unwrap_or_default();
        Ok(OperationOutputs { package, operations, package_info, url })
    }
}

fn compression(number: i32) -> Result<Compression> {
    Ok(match number {
        PATCHCORE_COMPRESSION_DEFLATE => Compression::Deflate,
        PATCHCORE_COMPRESSION_STORED => Compression::Stored,
        PATCHCORE_COMPRESSION_ZSTD => Compression::Zstd,
        other => {
            let message = format!("`options.compression` is {other}, which is none of PATCHCORE_COMPRESSION_*");
            return Err(invalid(message));
        }
    })
}

fn stats_for_c(stats: &TreeDiffStats) -> patchcore_tree_diff_stats {
    patchcore_tree_diff_stats {
        struct_size: 0,
        old_tree: stats.old_tree.0,
        new_tree: stats.new_tree.0,
        new_tree_size: stats.new_tree_size,
        package_size: stats.package_size,
        new_size: stats.new_size,
        unchanged: stats.unchanged,
        changes: counts_for_c(&stats.changes),
    }
}
