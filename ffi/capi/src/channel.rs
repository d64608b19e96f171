//! Channels of one file.

use std::ffi::{CStr, c_char};

use patchcore_ffi::channel::{self, ChannelPublishOptions, FileUpdateOptions, FileUpdateReport};
use patchcore_ffi::status::{Result, offered, publishing_offered};

use crate::boundary::boundary;
use crate::delta::{self, patchcore_apply_options, patchcore_squash_options};
use crate::digest::PATCHCORE_DIGEST_SIZE;
use crate::error::patchcore_error;
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, in_array};
use crate::transfer::{self, patchcore_fetch_options};
use crate::trust::PATCHCORE_KEY_ID_SIZE;
use crate::update::action_for_c;

/// The bytes that the name of a version or of a family takes at most, the NUL included.
pub const PATCHCORE_VERSION_NAME_SIZE: usize = 256;
/// The bytes that a reason takes at most, the NUL included.
pub const PATCHCORE_REASON_SIZE: usize = 32;

/// There is nothing to do.
pub const PATCHCORE_MEANS_NOTHING: i32 = 1;
/// By one delta.
pub const PATCHCORE_MEANS_SQUASHED: i32 = 2;
/// By links of the chain.
pub const PATCHCORE_MEANS_LINKS: i32 = 3;
/// By the whole file.
pub const PATCHCORE_MEANS_FULL: i32 = 4;

const MEANS: &[(i32, &CStr)] = &[
    (PATCHCORE_MEANS_NOTHING, c"none"),
    (PATCHCORE_MEANS_SQUASHED, c"squashed"),
    (PATCHCORE_MEANS_LINKS, c"links"),
    (PATCHCORE_MEANS_FULL, c"full"),
];

/// Says what a way of updating a file is called.
///
/// @param means Any number.
/// @return The name, such as "squashed", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_means_name(means: i32) -> *const c_char {
    let known = MEANS.iter().find(|(number, _)| *number == means);
    known.map_or(c"unknown", |(_, name)| name).as_ptr()
}

/// How a channel is published. Begin with PATCHCORE_CHANNEL_PUBLISH_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_channel_publish_options {
    /// sizeof(patchcore_channel_publish_options).
    pub struct_size: usize,
    /// The name of the file through all its versions; NULL and 0 for the published one, or else that of the chain.
    pub family: *const c_char,
    /// The bytes of `family`, or PATCHCORE_NUL_TERMINATED.
    pub family_len: usize,
    /// Where the files will be found; NULL and 0 for beside the manifest.
    pub base_url: *const c_char,
    /// The bytes of `base_url`, or PATCHCORE_NUL_TERMINATED.
    pub base_url_len: usize,
    /// When clients are to believe the manifest no longer, such as "2030-01-31T12:00:00Z"; NULL and 0 for never.
    pub expires_at: *const c_char,
    /// The bytes of `expires_at`, or PATCHCORE_NUL_TERMINATED.
    pub expires_at_len: usize,
    /// The file of the secret key that signs the manifest; NULL and 0 for no signature.
    pub key: *const c_char,
    /// The bytes of `key`, or PATCHCORE_NUL_TERMINATED.
    pub key_len: usize,
    /// The password of the key; NULL and 0 where it has none.
    pub password: *const c_char,
    /// The bytes of `password`, or PATCHCORE_NUL_TERMINATED.
    pub password_len: usize,
    /// How squashed deltas are made, borrowed for the call, or NULL.
    pub squash: *const patchcore_squash_options,
    /// Not zero: publish also a chain that does not hold the version which is published.
    pub force: i32,
}

/// What a publish did. Begin with PATCHCORE_CHANNEL_PUBLISH_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_channel_publish_stats {
    /// sizeof(patchcore_channel_publish_stats).
    pub struct_size: usize,
    /// The SHA-256 of the newest version.
    pub digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// The name of the newest version, NUL-terminated.
    pub version: [c_char; PATCHCORE_VERSION_NAME_SIZE],
    /// The number of the manifest, which grows.
    pub sequence: u64,
    /// How many squashed deltas there are.
    pub squashed: u64,
    /// How many files were written.
    pub written: u64,
    /// The bytes that were written, those of the manifest apart.
    pub written_bytes: u64,
    /// How many files are gone.
    pub removed: u64,
    /// 1 where anything had to be written, else 0.
    pub changed: i32,
}

/// How a file is updated. Begin with PATCHCORE_FILE_UPDATE_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_file_update_options {
    /// sizeof(patchcore_file_update_options).
    pub struct_size: usize,
    /// Public keys, one of which must have signed the manifest; without any, only digests are checked.
    pub public_keys: *const *const c_char,
    /// The bytes of each key; NULL where all end with a NUL.
    pub public_key_lens: *const usize,
    /// How many keys there are.
    pub public_key_count: usize,
    /// The version that the file must be: a name, or a SHA-256 or its first digits; NULL and 0 for whatever it is.
    pub from: *const c_char,
    /// The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
    pub from_len: usize,
    /// The version that is wanted; NULL and 0 for the newest.
    pub to: *const c_char,
    /// The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
    pub to_len: usize,
    /// The folder for what is downloaded and remembered; NULL and 0 for that of the file.
    pub cache: *const c_char,
    /// The bytes of `cache`, or PATCHCORE_NUL_TERMINATED.
    pub cache_len: usize,
    /// How everything is fetched, borrowed for the call, or NULL; sizes and digests come from the manifest.
    pub fetch: *const patchcore_fetch_options,
    /// How deltas are applied, borrowed for the call, or NULL.
    pub apply: *const patchcore_apply_options,
    /// Not zero: take the file as a whole whatever is there.
    pub force_full: i32,
    /// Not zero: download and verify, and leave the file as it is.
    pub download_only: i32,
    /// Not zero: plan, and do nothing.
    pub dry_run: i32,
}

/// What an update of a file did, and why. Begin with PATCHCORE_FILE_UPDATE_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_file_update_stats {
    /// sizeof(patchcore_file_update_stats).
    pub struct_size: usize,
    /// What was done: one of PATCHCORE_UPDATE_*; a newer library may have others.
    pub action: i32,
    /// How: one of PATCHCORE_MEANS_*; a newer library may have others.
    pub means: i32,
    /// 1 where `from_digest` says what the file was, 0 where there was none.
    pub has_from: i32,
    /// 1 where `planned_bytes` is known, else 0.
    pub has_planned: i32,
    /// Why, such as "up_to_date", NUL-terminated.
    pub reason: [c_char; PATCHCORE_REASON_SIZE],
    /// The SHA-256 of the file before.
    pub from_digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// The SHA-256 of the version that it is brought to.
    pub to_digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// How many links of the chain are needed.
    pub links: u64,
    /// The bytes that have to come, the manifest apart.
    pub planned_bytes: u64,
    /// The bytes that came now, the manifest apart.
    pub transferred_bytes: u64,
    /// The number of the manifest.
    pub sequence: u64,
    /// The name of the version that the file was, NUL-terminated; empty where that is not known.
    pub from: [c_char; PATCHCORE_VERSION_NAME_SIZE],
    /// The name of the version that it is brought to, NUL-terminated.
    pub to: [c_char; PATCHCORE_VERSION_NAME_SIZE],
    /// The identifier of the trusted key that signed the manifest; empty where no signature was demanded.
    pub key_id: [c_char; PATCHCORE_KEY_ID_SIZE],
}
versioned!(
    patchcore_channel_publish_options,
    patchcore_channel_publish_stats,
    patchcore_file_update_options,
    patchcore_file_update_stats
);

/// Publishes the newest version of a file, and its chain, as static files for any web host. The manifest is written last;
/// publishing the same again changes nothing.
///
/// @param folder The folder that the web host serves, which is made where it is missing; borrowed for the call.
/// @param folder_len The bytes of `folder`, or PATCHCORE_NUL_TERMINATED.
/// @param chain The chain file; borrowed for the call.
/// @param chain_len The bytes of `chain`, or PATCHCORE_NUL_TERMINATED.
/// @param latest The newest version of the chain, as a whole; borrowed for the call.
/// @param latest_len The bytes of `latest`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to publish, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was done, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error: PATCHCORE_SOURCE_MISMATCH where `latest` is no version of the chain,
///         PATCHCORE_TARGET_MISMATCH where it is an older one, PATCHCORE_STALE where the chain does not hold what is published,
///         PATCHCORE_UNSUPPORTED in a library that was built without publishing.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_channel_publish(
    folder: *const c_char,
    folder_len: usize,
    chain: *const c_char,
    chain_len: usize,
    latest: *const c_char,
    latest_len: usize,
    options: *const patchcore_channel_publish_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_channel_publish_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            publishing_offered()?;
            let folder = text::path(folder, folder_len, "folder")?;
            let chain = text::path(chain, chain_len, "chain")?;
            let latest = text::path(latest, latest_len, "latest")?;
            let options = publish_options(options)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            let stats = channel::publish(&folder, &chain, &latest, &options, &mut job)?;
            out.put(patchcore_channel_publish_stats {
                struct_size: 0,
                digest: stats.digest.0,
                version: in_array(&stats.version),
                sequence: stats.sequence,
                squashed: stats.squashed,
                written: stats.written.len() as u64,
                written_bytes: stats.written_bytes,
                removed: stats.removed.len() as u64,
                changed: stats.changed.into(),
            });
            Ok(())
        })
    }
}

/// Brings a file to the newest version of a channel by the fewest bytes: a squashed delta, just the links of the chain that it
/// needs, or the whole file. Where there is no file, it is made; whatever fails, it is as it was.
///
/// @param file The file; borrowed for the call.
/// @param file_len The bytes of `file`, or PATCHCORE_NUL_TERMINATED.
/// @param url The channel: the URL or path of its manifest, or of the folder that this is in; borrowed for the call.
/// @param url_len The bytes of `url`, or PATCHCORE_NUL_TERMINATED.
/// @param options What to demand and how to do it, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was done, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, also where nothing is to be done, or the status of the error: PATCHCORE_STALE where the manifest has
///         expired or an older one is played back, PATCHCORE_NO_ROUTE where nothing leads to the version that is wanted.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_file_update(
    file: *const c_char,
    file_len: usize,
    url: *const c_char,
    url_len: usize,
    options: *const patchcore_file_update_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_file_update_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("downloads")?;
            let file = text::path(file, file_len, "file")?;
            let url = text::required(url, url_len, "url")?;
            let options = update_options(options)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            out.put(stats_for_c(&channel::update_file(&file, &url, &options, &mut job)?));
            Ok(())
        })
    }
}

fn stats_for_c(report: &FileUpdateReport) -> patchcore_file_update_stats {
    let means = MEANS.iter().find(|(_, name)| name.to_bytes() == report.means.as_bytes());
    patchcore_file_update_stats {
        struct_size: 0,
        action: action_for_c(report.action),
        means: means.map_or(0, |(number, _)| *number),
        has_from: report.from_digest.is_some().into(),
        has_planned: report.planned_bytes.is_some().into(),
        reason: in_array(report.reason),
        from_digest: report.from_digest.map_or([0; PATCHCORE_DIGEST_SIZE], |digest| digest.0),
        to_digest: report.to_digest.0,
        links: report.links,
        planned_bytes: report.planned_bytes.unwrap_or_default(),
        transferred_bytes: report.transferred_bytes,
        sequence: report.sequence,
        from: in_array(report.from.as_deref().unwrap_or_default()),
        to: in_array(&report.to),
        key_id: in_array(report.key_id.as_deref().unwrap_or_default()),
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn publish_options(options: *const patchcore_channel_publish_options) -> Result<ChannelPublishOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        Ok(ChannelPublishOptions {
            family: text::optional(o.family, o.family_len, "options.family")?,
            base_url: text::optional(o.base_url, o.base_url_len, "options.base_url")?,
            expires_at: text::optional(o.expires_at, o.expires_at_len, "options.expires_at")?,
            key: text::optional_path(o.key, o.key_len, "options.key")?,
            password: text::optional(o.password, o.password_len, "options.password")?,
            force: o.force != 0,
            squash: delta::squash_options(o.squash)?,
        })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn update_options(options: *const patchcore_file_update_options) -> Result<FileUpdateOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        Ok(FileUpdateOptions {
            public_keys: text::several(o.public_keys, o.public_key_lens, o.public_key_count, "options.public_keys")?,
            from: text::optional(o.from, o.from_len, "options.from")?,
            to: text::optional(o.to, o.to_len, "options.to")?,
            force_full: o.force_full != 0,
            cache: text::optional_path(o.cache, o.cache_len, "options.cache")?,
            download_only: o.download_only != 0,
            dry_run: o.dry_run != 0,
            fetch: transfer::read_options(o.fetch, "options.fetch")?,
            apply: delta::apply_options(o.apply)?,
        })
    }
}
