//! Release repositories.

use std::ffi::c_char;
use std::path::Path;

use patchcore_ffi::job::Job;
use patchcore_ffi::repository::{self, PublishOptions, RepositoryOptions};
use patchcore_ffi::status::{Result, publishing_offered};

use crate::boundary::boundary;
use crate::buffer::patchcore_buffer;
use crate::error::patchcore_error;
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, versioned};
use crate::text;
use crate::tree_make::{self, patchcore_tree_diff_options};

/// How a repository is changed. Begin with PATCHCORE_REPOSITORY_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_repository_options {
    /// sizeof(patchcore_repository_options).
    pub struct_size: usize,
    /// The architecture whose packages are meant; NULL and 0 for those for all.
    pub architecture: *const c_char,
    /// The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED.
    pub architecture_len: usize,
    /// The file of the secret key that signs the manifest; NULL and 0 for none. A repository that is signed is changed by
    /// nobody without one.
    pub key: *const c_char,
    /// The bytes of `key`, or PATCHCORE_NUL_TERMINATED.
    pub key_len: usize,
    /// The password of the key; NULL and 0 where it has none.
    pub password: *const c_char,
    /// The bytes of `password`, or PATCHCORE_NUL_TERMINATED.
    pub password_len: usize,
    /// Not zero: say what would be done, and do nothing.
    pub dry_run: i32,
}

/// How a version is published. Begin with PATCHCORE_PUBLISH_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_publish_options {
    /// sizeof(patchcore_publish_options).
    pub struct_size: usize,
    /// How the repository is changed, borrowed for the call, or NULL; its architecture is the one that the version is for.
    pub change: *const patchcore_repository_options,
    /// How directories are compared and packed, borrowed for the call, or NULL; versions are not to be set.
    pub diff: *const patchcore_tree_diff_options,
    /// What people should know of the version; NULL and 0 for nothing.
    pub notes: *const c_char,
    /// The bytes of `notes`, or PATCHCORE_NUL_TERMINATED.
    pub notes_len: usize,
    /// When clients believe the manifest no longer, as "2027-01-31T12:00:00Z", or "never"; NULL and 0 for as it was.
    pub expires_at: *const c_char,
    /// The bytes of `expires_at`, or PATCHCORE_NUL_TERMINATED.
    pub expires_at_len: usize,
    /// Make one package each from so many versions before the last one, for hosts that make none on demand.
    pub squash_from: u64,
}
versioned!(patchcore_repository_options, patchcore_publish_options);

/// Makes an empty repository in a folder.
///
/// @param repository The folder, which is made where it is missing; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param plain Not zero: packages hold whole files alone, for readers that only unzip.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is one already,
///         PATCHCORE_UNSUPPORTED, as by all of these functions, in a library that was built without publishing.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_init(
    repository: *const c_char,
    repository_len: usize,
    plain: i32,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            repository::init(&text::path(repository, repository_len, "repository")?, plain != 0)
        })
    }
}

/// Gives the manifest of a repository: its versions and packages.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param out_json Receives the JSON text of manifest.json, UTF-8 without a NUL, to be freed with patchcore_buffer_free().
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where there is no repository.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_manifest(
    repository: *const c_char,
    repository_len: usize,
    out_json: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            reported((repository, repository_len), None, out_json, |repository, _| repository::manifest(repository))
        })
    }
}

/// Publishes a version of a directory, at the cost of what changed since the version before.
///
/// A version that is there with the same content changes nothing. Whatever happens, readers of the repository see it before or
/// after the change.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param source The directory, or a ZIP file of one; borrowed for the call.
/// @param source_len The bytes of `source`, or PATCHCORE_NUL_TERMINATED.
/// @param version The version that it is, as "1.1.0"; borrowed for the call.
/// @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to compare, pack and sign, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
///                   Its fields are those of `patchcore release publish --json`, such as "changed", "packages",
///                   "written_bytes" and "warnings".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the version is lower than the newest or
///         there with other content, or where the manifest is signed and no key is given; PATCHCORE_BUSY where another process
///         changes the repository.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_publish(
    repository: *const c_char,
    repository_len: usize,
    source: *const c_char,
    source_len: usize,
    version: *const c_char,
    version_len: usize,
    options: *const patchcore_publish_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let source = text::path(source, source_len, "source")?;
            let version = text::required(version, version_len, "version")?;
            let options = publish_options(options)?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::publish(repository, &source, &version, &options, job)
            })
        })
    }
}

/// Says what a client at a version would download.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param from The version that is installed; "0.0.0" is nothing at all, NULL and 0 one that nobody knows.
/// @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
/// @param to The version that is wanted; NULL and 0 for the newest.
/// @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
/// @param architecture The architecture of the client; NULL and 0 for packages that are for all.
/// @param architecture_len The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED.
/// @param out_plan Receives the plan: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL. Its
///                 fields are "from", "to", "means", "reason", "bytes" and "packages".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION where there is no version `to`,
///         PATCHCORE_NO_ROUTE where nothing leads to it.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_plan(
    repository: *const c_char,
    repository_len: usize,
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
    architecture: *const c_char,
    architecture_len: usize,
    out_plan: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let from = text::optional(from, from_len, "from")?;
            let to = text::optional(to, to_len, "to")?;
            let architecture = text::optional(architecture, architecture_len, "architecture")?;
            reported((repository, repository_len), None, out_plan, |repository, _| {
                repository::plan(repository, from.as_deref(), to.as_deref(), architecture.as_deref())
            })
        })
    }
}

/// Removes the deltas from old versions, but none that is the last way from somewhere to the newest version.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param keep The deltas from so many versions before the newest stay; 5 is a good number.
/// @param options Whose packages, and how to sign; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
///                   Its fields are "dry_run", "removed", "bytes" and "needed".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_prune(
    repository: *const c_char,
    repository_len: usize,
    keep: u64,
    options: *const patchcore_repository_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let options = read_options(options, "options")?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::prune(repository, keep, &options, job)
            })
        })
    }
}

/// Takes a bad version back: nothing leads to it any more. Whoever has it already is helped by a higher version.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param version The version; borrowed for the call.
/// @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
/// @param options Whose packages, and how to sign; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
///                   Its fields are "version", "dry_run", "latest_version", "removed", "packages" and "warnings".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION where there is no such version, PATCHCORE_BUSY
///         where another process changes the repository.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_withdraw(
    repository: *const c_char,
    repository_len: usize,
    version: *const c_char,
    version_len: usize,
    options: *const patchcore_repository_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let version = text::required(version, version_len, "version")?;
            let options = read_options(options, "options")?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::withdraw(repository, &version, &options, job)
            })
        })
    }
}

/// Makes manifest and archives again from the packages that are in a folder, whoever made them: then it is a repository.
///
/// @param repository The folder; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param options Whose packages, and how to sign; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
///                   Its fields are "dry_run", "latest_version", "packages", "adopted", "left_out", "missing" and "made".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_rebuild(
    repository: *const c_char,
    repository_len: usize,
    options: *const patchcore_repository_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let options = read_options(options, "options")?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::rebuild(repository, &options, job)
            })
        })
    }
}

/// Makes the newest version one that new installations start from: a package of all of it, without anything out of use.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param options Whose packages, and how to sign; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text as of patchcore_repository_rebuild(), to be freed with
///                   patchcore_buffer_free(); or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY where another process changes the repository.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_new_base(
    repository: *const c_char,
    repository_len: usize,
    options: *const patchcore_repository_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let options = read_options(options, "options")?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::new_base(repository, &options, job)
            })
        })
    }
}

/// Reads every package, checks the signature of the manifest where keys are given, and tries every route.
///
/// @param repository The folder of the repository; borrowed for the call.
/// @param repository_len The bytes of `repository`, or PATCHCORE_NUL_TERMINATED.
/// @param public_keys Public keys, one of which must have signed the manifest; NULL where none is demanded.
/// @param public_key_lens The bytes of each key; NULL where all end with a NUL.
/// @param public_key_count How many keys there are.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was found: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or
///                   NULL. Its fields are "packages", "bytes", "key_id", and "problems", an empty list where all is well.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where there are problems, or the status of the error.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_repository_verify(
    repository: *const c_char,
    repository_len: usize,
    public_keys: *const *const c_char,
    public_key_lens: *const usize,
    public_key_count: usize,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let keys = text::several(public_keys, public_key_lens, public_key_count, "public_keys")?;
            reported((repository, repository_len), Some(job), out_report, |repository, job| {
                repository::verify(repository, &keys, job)
            })
        })
    }
}

/// Runs `work` on the repository, and gives C the text that comes of it. The buffer stays as it is where it fails.
///
/// # Safety
/// All pointers keep what the header demands.
unsafe fn reported(
    (repository, repository_len): (*const c_char, usize),
    job: Option<*const patchcore_job>,
    out: *mut patchcore_buffer,
    work: impl FnOnce(&Path, &mut Job) -> Result<String>,
) -> Result<()> {
    publishing_offered()?;
    // SAFETY: the caller's promise.
    unsafe {
        let repository = text::path(repository, repository_len, "repository")?;
        let mut job = job::read(job.unwrap_or(std::ptr::null()))?;
        let report = work(&repository, &mut job)?;
        give(report, out);
    }
    Ok(())
}

/// Gives C a text, which it need not want.
///
/// # Safety
/// `out` is NULL or valid for writing.
pub(crate) unsafe fn give(text: String, out: *mut patchcore_buffer) {
    if !out.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out.write(patchcore_buffer::of(text.into_bytes())) };
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn read_options(options: *const patchcore_repository_options, name: &str) -> Result<RepositoryOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, name)?;
        Ok(RepositoryOptions {
            architecture: text::optional(o.architecture, o.architecture_len, "options.architecture")?,
            key: text::optional_path(o.key, o.key_len, "options.key")?,
            password: text::optional(o.password, o.password_len, "options.password")?,
            dry_run: o.dry_run != 0,
        })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn publish_options(options: *const patchcore_publish_options) -> Result<PublishOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        Ok(PublishOptions {
            change: read_options(o.change, "options.change")?,
            notes: text::optional(o.notes, o.notes_len, "options.notes")?,
            expires_at: text::optional(o.expires_at, o.expires_at_len, "options.expires_at")?,
            squash_from: o.squash_from,
            diff: tree_make::diff_options(o.diff)?,
        })
    }
}
