//! Updates of directories.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};

use patchcore_ffi::job::Job;
use patchcore_ffi::status::{Error, Result, Status, offered};
use patchcore_ffi::update::{self, Document, UpdateAction, UpdateOptions, UpdateReport};

use crate::boundary::{boundary, guarded};
use crate::buffer::patchcore_buffer;
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::job::{self, patchcore_job};
use crate::repository::give;
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, borrowed, c_path, c_string, in_array, invalid};
use crate::transfer::{self, patchcore_fetch_options, patchcore_fetch_stats};
use crate::tree_apply::{self, c_strings, patchcore_tree_apply_options, patchcore_tree_apply_stats, path_at};
use crate::trust::PATCHCORE_KEY_ID_SIZE;

/// Nothing is to be done.
pub const PATCHCORE_UPDATE_NOTHING: i32 = 1;
/// Nothing was done, since only the decision was asked for.
pub const PATCHCORE_UPDATE_DECIDED: i32 = 2;
/// The package is there, verified.
pub const PATCHCORE_UPDATE_DOWNLOADED: i32 = 3;
/// The directory is of the new version.
pub const PATCHCORE_UPDATE_APPLIED: i32 = 4;

const ACTIONS: &[(i32, UpdateAction, &CStr)] = &[
    (PATCHCORE_UPDATE_NOTHING, UpdateAction::Nothing, c"nothing"),
    (PATCHCORE_UPDATE_DECIDED, UpdateAction::Decided, c"decided"),
    (PATCHCORE_UPDATE_DOWNLOADED, UpdateAction::Downloaded, c"downloaded"),
    (PATCHCORE_UPDATE_APPLIED, UpdateAction::Applied, c"applied"),
];

/// Says what an action of an update is called.
///
/// @param action Any number.
/// @return The name, such as "applied", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_update_name(action: i32) -> *const c_char {
    let known = ACTIONS.iter().find(|(number, ..)| *number == action);
    known.map_or(c"unknown", |(.., name)| name).as_ptr()
}

/// The document that says what there is to install. Begin with PATCHCORE_DOCUMENT_INIT, and set either `url` or `json` and
/// `base`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_document {
    /// sizeof(patchcore_document).
    pub struct_size: usize,
    /// The URL or the path that the document is at; NULL and 0 where its text is given.
    pub url: *const c_char,
    /// The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
    pub url_len: usize,
    /// The text of the document; NULL and 0 where `url` is given.
    pub json: *const c_char,
    /// The bytes of `json`, or PATCHCORE_NUL_TERMINATED.
    pub json_len: usize,
    /// Where the text came from: the URL or the path that relative URLs in it lie beside.
    pub base: *const c_char,
    /// The bytes of `base`, or PATCHCORE_NUL_TERMINATED.
    pub base_len: usize,
}

/// How a directory is updated. Begin with PATCHCORE_UPDATE_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_update_options {
    /// sizeof(patchcore_update_options).
    pub struct_size: usize,
    /// Public keys, one of which must have signed the package; without any, only its hash is checked.
    pub public_keys: *const *const c_char,
    /// The bytes of each key; NULL where all end with a NUL.
    pub public_key_lens: *const usize,
    /// How many keys there are.
    pub public_key_count: usize,
    /// The version that is installed; NULL and 0 for what the directory itself remembers.
    pub installed: *const c_char,
    /// The bytes of `installed`, or PATCHCORE_NUL_TERMINATED.
    pub installed_len: usize,
    /// Paths that every installation has; where one is missing, the full package is taken.
    pub required: *const *const c_char,
    /// The bytes of each path; NULL where all end with a NUL.
    pub required_lens: *const usize,
    /// How many paths there are.
    pub required_count: usize,
    /// The architecture that packages must be for; NULL and 0 for that of this machine.
    pub architecture: *const c_char,
    /// The bytes of `architecture`, or PATCHCORE_NUL_TERMINATED.
    pub architecture_len: usize,
    /// The folder where packages are kept; NULL and 0 for the work folder of the directory, until they are applied.
    pub cache: *const c_char,
    /// The bytes of `cache`, or PATCHCORE_NUL_TERMINATED.
    pub cache_len: usize,
    /// How packages are fetched, borrowed for the call, or NULL; size and digest come from the document.
    pub fetch: *const patchcore_fetch_options,
    /// How packages are applied, borrowed for the call, or NULL.
    pub apply: *const patchcore_tree_apply_options,
    /// Not zero: take the full package whatever is installed.
    pub force_full: i32,
    /// Not zero: download and verify, and leave the directory as it is.
    pub download_only: i32,
    /// Not zero: decide, and do nothing.
    pub dry_run: i32,
    /// From a repository: the version that is wanted; NULL and 0 for the newest.
    pub to: *const c_char,
    /// The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
    pub to_len: usize,
    /// From a repository: patterns of what is never changed or deleted where it is there, as in .gitignore.
    pub keep_local: *const *const c_char,
    /// The bytes of each pattern; NULL where all end with a NUL.
    pub keep_local_lens: *const usize,
    /// How many patterns there are.
    pub keep_local_count: usize,
    /// From a repository, not zero: compare the directory with the release and replace what differs.
    pub repair: i32,
}

/// What an update did, and why. Begin with PATCHCORE_UPDATE_INFO_INIT. All strings are NUL-terminated and borrowed from the
/// report.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_update_info {
    /// sizeof(patchcore_update_info).
    pub struct_size: usize,
    /// What was done: one of PATCHCORE_UPDATE_*; a newer library may have others.
    pub action: i32,
    /// 1 where a package was fetched: see patchcore_update_report_get_fetched(). Else 0.
    pub has_fetched: i32,
    /// 1 where a package was applied: see patchcore_update_report_get_applied(). Else 0.
    pub has_applied: i32,
    /// Which kind of package was chosen: "none", "patch" or "full".
    pub strategy: *const c_char,
    /// Why, such as "up_to_date".
    pub reason: *const c_char,
    /// The version that was installed; NULL where that is not known.
    pub from: *const c_char,
    /// The bytes of `from`.
    pub from_len: usize,
    /// The version that the document leads to; NULL where it does not say.
    pub to: *const c_char,
    /// The bytes of `to`.
    pub to_len: usize,
    /// Where the package is; NULL where none is needed.
    pub url: *const c_char,
    /// The bytes of `url`.
    pub url_len: usize,
    /// The file that it was downloaded to; NULL where there is none.
    pub file: *const c_char,
    /// The bytes of `file`.
    pub file_len: usize,
    /// The identifier of the trusted key that signed the package; empty where no signature was demanded.
    pub key_id: [c_char; PATCHCORE_KEY_ID_SIZE],
}
versioned!(patchcore_document, patchcore_update_options, patchcore_update_info);

/// What an update did, and why.
pub struct patchcore_update_report {
    report: UpdateReport,
    strategy: CString,
    reason: CString,
    from: Option<CString>,
    to: Option<CString>,
    url: Option<CString>,
    file: Option<CString>,
    kept: Vec<CString>,
}

impl patchcore_update_report {
    fn of(report: UpdateReport) -> Self {
        Self {
            strategy: c_string(report.strategy),
            reason: c_string(report.reason),
            from: report.from.as_deref().map(c_string),
            to: report.to.as_deref().map(c_string),
            url: report.url.as_deref().map(c_string),
            file: report.file.as_deref().map(c_path),
            kept: report.applied.as_ref().map(|stats| c_strings(&stats.kept)).unwrap_or_default(),
            report,
        }
    }
}

/// Applies the one package that a document announces to a directory: fetches it, verifies it, applies it, and remembers its
/// version.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param document What announces the package; borrowed for the call.
/// @param options What to demand and how to do it, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done, to be freed with patchcore_update_report_free(), NULL on failure; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where its version is installed already, or the status of the error: PATCHCORE_STALE where the
///         version is older than the installed one. patchcore_error_outcome() says what became of the directory.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_from_package_info(
    root: *const c_char,
    root_len: usize,
    document: *const patchcore_document,
    options: *const patchcore_update_options,
    job: *const patchcore_job,
    out_report: *mut *mut patchcore_update_report,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    let arguments = Arguments { root, root_len, document, options, job };
    // SAFETY: the caller keeps what the header demands.
    unsafe { boundary(out_error, || arguments.run(update::update_from_package_info, out_report)) }
}

/// Brings a directory to the release of a service manifest, by a patch or by the full package, whichever the installed version
/// calls for.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param document The service manifest; borrowed for the call.
/// @param options What to demand and how to do it, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done, to be freed with patchcore_update_report_free(), NULL on failure; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_NO_ROUTE where the full
///         package is needed and the manifest has none for the architecture. patchcore_error_outcome() says what became of
///         the directory.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_from_service_manifest(
    root: *const c_char,
    root_len: usize,
    document: *const patchcore_document,
    options: *const patchcore_update_options,
    job: *const patchcore_job,
    out_report: *mut *mut patchcore_update_report,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    let arguments = Arguments { root, root_len, document, options, job };
    // SAFETY: the caller keeps what the header demands.
    unsafe { boundary(out_error, || arguments.run(update::update_from_service_manifest, out_report)) }
}

/// Brings a directory to the newest version in a release repository, or to the one that the options name, for the fewest bytes.
///
/// A directory that is missing or empty is a new installation. Where nothing leads on from what is installed, or that is
/// unknown, files that differ from the release are fetched alone and replaced.
///
/// @param root The directory; borrowed for the call.
/// @param root_len The bytes of `root`, or PATCHCORE_NUL_TERMINATED.
/// @param url The folder of the repository or its manifest.json: a URL or a path; borrowed for the call.
/// @param url_len The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
/// @param options What to demand and how to do it, borrowed, or NULL. Public keys are those of the manifest, which vouches for
///                everything else.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_report Receives what was done: JSON text, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or NULL.
///                   Its fields are those of `patchcore update --url --json`, such as "action", "means", "reason", "from", "to",
///                   "packages", "downloaded_bytes", "notes" and "fallback".
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_STALE where the manifest is
///         older than one that the directory has seen, or expired; PATCHCORE_CONFLICT where a delta would overwrite what
///         somebody changed. patchcore_error_outcome() says what became of the directory.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_from_repository(
    root: *const c_char,
    root_len: usize,
    url: *const c_char,
    url_len: usize,
    options: *const patchcore_update_options,
    job: *const patchcore_job,
    out_report: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let root = text::path(root, root_len, "root")?;
            let url = text::required(url, url_len, "url")?;
            let options = read_options(options)?;
            let mut job = job::read(job)?;
            give(update::update_from_repository(&root, &url, &options, &mut job)?, out_report);
            Ok(())
        })
    }
}

/// What both updates by a document take.
struct Arguments {
    root: *const c_char,
    root_len: usize,
    document: *const patchcore_document,
    options: *const patchcore_update_options,
    job: *const patchcore_job,
}

type Update = fn(&Path, &Document, &UpdateOptions, &mut Job) -> Result<UpdateReport>;

impl Arguments {
    /// # Safety
    /// All pointers keep what the header demands.
    unsafe fn run(&self, update: Update, out_report: *mut *mut patchcore_update_report) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            let wants_report = !out_report.is_null();
            let out = OutPointer::optional(out_report, std::ptr::null_mut());
            offered("directories")?;
            let root = text::path(self.root, self.root_len, "root")?;
            let document = read_document(self.document)?;
            let options = read_options(self.options)?;
            let mut job = job::read(self.job)?;
            let report = update(&root, &document, &options, &mut job)?;
            if wants_report {
                out.put(handle::create(patchcore_update_report::of(report)));
            }
            Ok(())
        }
    }
}

/// Says what an update did as a whole.
///
/// @param report The report, borrowed.
/// @param out_info Receives it; its strings are borrowed from the report.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a report may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_report_get_info(
    report: *const patchcore_update_report,
    out_info: *mut patchcore_update_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_info, "out_info")?;
            let shared = handle::share(report, "report")?;
            let patchcore_update_report { report, strategy, reason, from, to, url, file, .. } = &*shared;
            let [from, to, url, file] = [from, to, url, file].map(|text| borrowed(text.as_ref()));
            out.put(patchcore_update_info {
                struct_size: 0,
                action: action_for_c(report.action),
                has_fetched: report.fetched.is_some().into(),
                has_applied: report.applied.is_some().into(),
                strategy: strategy.as_ptr(),
                reason: reason.as_ptr(),
                from: from.0,
                from_len: from.1,
                to: to.0,
                to_len: to.1,
                url: url.0,
                url_len: url.1,
                file: file.0,
                file_len: file.1,
                key_id: in_array(report.key_id.as_deref().unwrap_or_default()),
            });
            Ok(())
        })
    }
}

/// Says what was fetched for an update.
///
/// @param report The report, borrowed.
/// @param out_stats Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where nothing was fetched.
///
/// Thread-safety: a report may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_report_get_fetched(
    report: *const patchcore_update_report,
    out_stats: *mut patchcore_fetch_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_stats, "out_stats")?;
            let shared = handle::share(report, "report")?;
            out.put(transfer::stats_for_c(shared.report.fetched.as_ref().ok_or_else(|| none("fetched"))?));
            Ok(())
        })
    }
}

/// Says what applying the package of an update did.
///
/// @param report The report, borrowed.
/// @param out_stats Receives it.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_NOT_FOUND where nothing was applied.
///
/// Thread-safety: a report may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_report_get_applied(
    report: *const patchcore_update_report,
    out_stats: *mut patchcore_tree_apply_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("directories")?;
            let out = Out::required(out_stats, "out_stats")?;
            let shared = handle::share(report, "report")?;
            out.put(tree_apply::stats_for_c(shared.report.applied.as_ref().ok_or_else(|| none("applied"))?));
            Ok(())
        })
    }
}

/// Gives one path that was kept as it is.
///
/// @param report The report, borrowed, or NULL.
/// @param index Which one, from 0 on.
/// @param out_len Receives the bytes of the path, 0 where there is none; or NULL.
/// @return The path: UTF-8, NUL-terminated, borrowed from the report; NULL where there is none.
///
/// Thread-safety: a report may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_report_kept(
    report: *const patchcore_update_report,
    index: usize,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: NULL, or a report that was not freed; NULL or valid for writing.
    unsafe { path_at(report.as_ref().map(|report| &report.kept[..]), index, out_len) }
}

/// Frees a report, and the strings borrowed from it.
///
/// @param report The report, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_update_report_free(report: *mut patchcore_update_report) {
    // SAFETY: NULL, or a report that is freed once.
    guarded((), || unsafe { handle::release(report) });
}

pub(crate) fn action_for_c(action: UpdateAction) -> i32 {
    ACTIONS.iter().find(|(_, known, _)| *known == action).map_or(0, |(number, ..)| *number)
}

/// # Safety
/// `document` is NULL or points to one that keeps what the header demands.
unsafe fn read_document(document: *const patchcore_document) -> Result<Document> {
    // SAFETY: the caller's promise.
    let (url, json, base) = unsafe {
        let given = structs::read(document, "document")?;
        let url = text::optional(given.url, given.url_len, "document.url")?;
        let json = text::optional(given.json, given.json_len, "document.json")?;
        (url, json, text::optional(given.base, given.base_len, "document.base")?)
    };
    match (url, json, base) {
        (Some(url), None, None) => Ok(Document::Url(url)),
        (None, Some(json), Some(base)) => Ok(Document::Text { json, base }),
        _ => Err(invalid("`document` needs either `url`, or `json` and `base`")),
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn read_options(options: *const patchcore_update_options) -> Result<UpdateOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        let cache: Option<PathBuf> = text::optional_path(o.cache, o.cache_len, "options.cache")?;
        Ok(UpdateOptions {
            public_keys: text::several(o.public_keys, o.public_key_lens, o.public_key_count, "options.public_keys")?,
            installed: text::optional(o.installed, o.installed_len, "options.installed")?,
            required: text::several(o.required, o.required_lens, o.required_count, "options.required")?,
            to: text::optional(o.to, o.to_len, "options.to")?,
            repair: o.repair != 0,
            keep_local: text::several(o.keep_local, o.keep_local_lens, o.keep_local_count, "options.keep_local")?,
            force_full: o.force_full != 0,
            architecture: text::optional(o.architecture, o.architecture_len, "options.architecture")?,
            cache,
            download_only: o.download_only != 0,
            dry_run: o.dry_run != 0,
            fetch: transfer::read_options(o.fetch, "options.fetch")?,
            apply: tree_apply::read_options(o.apply, "options.apply")?,
        })
    }
}

fn none(what: &str) -> Error {
    Error::new(Status::NotFound, format!("nothing was {what} by this update"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_called_as_everywhere_else() {
        assert!(ACTIONS.iter().all(|(_, action, name)| name.to_str() == Ok(action.name())));
        // SAFETY: it is static and ends with a NUL.
        assert_eq!(unsafe { CStr::from_ptr(patchcore_update_name(0)) }, c"unknown");
    }
}
