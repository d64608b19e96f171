//! Jobs: progress, log, cancellation.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;

use patchcore_ffi::job::{CancelToken, Job, LogLevel, Phase, Progress, Stop, Unit};
use patchcore_ffi::status::Result;

use crate::boundary::guarded;
use crate::handle;
use crate::structs::{self, versioned};
use crate::text::UserData;

/// A flag that stops operations. It only ever goes from "go on" to "stop".
pub struct patchcore_cancel(CancelToken);

/// Makes a flag that nobody has raised yet.
///
/// @return The flag, to be freed with patchcore_cancel_free().
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_cancel_new() -> *mut patchcore_cancel {
    guarded(std::ptr::null_mut(), || handle::create(patchcore_cancel(CancelToken::new())))
}

/// Asks every operation whose job has this flag to stop with PATCHCORE_CANCELLED, now and later.
///
/// @param cancel The flag, borrowed, or NULL.
///
/// Thread-safety: may be called from any thread, and from a signal handler.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_cancel_request(cancel: *const patchcore_cancel) {
    // SAFETY: NULL, or a flag that was not freed.
    if let Some(patchcore_cancel(token)) = unsafe { cancel.as_ref() } {
        token.cancel();
    }
}

/// Says whether the flag was raised.
///
/// @param cancel The flag, borrowed, or NULL.
/// @return 1 where it was, else 0; 0 for NULL.
///
/// Thread-safety: may be called from any thread, and from a signal handler.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_cancel_is_requested(cancel: *const patchcore_cancel) -> i32 {
    // SAFETY: NULL, or a flag that was not freed.
    unsafe { cancel.as_ref() }.is_some_and(|patchcore_cancel(token)| token.is_cancelled()).into()
}

/// Frees a flag. An operation that runs with it goes on, and can then not be stopped by it any more.
///
/// @param cancel The flag, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other uses it any more; an operation that runs with it is no user.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_cancel_free(cancel: *mut patchcore_cancel) {
    // SAFETY: NULL, or a flag that is freed once.
    unsafe { handle::release(cancel) };
}

/// Hashing an input to find out or check what it is.
pub const PATCHCORE_PHASE_HASH: i32 = 1;
/// Looking for what two files have in common.
pub const PATCHCORE_PHASE_MATCH: i32 = 2;
/// Writing a delta or a chain.
pub const PATCHCORE_PHASE_ENCODE: i32 = 3;
/// Reading the operations of a delta.
pub const PATCHCORE_PHASE_READ: i32 = 4;
/// Composing deltas.
pub const PATCHCORE_PHASE_COMPOSE: i32 = 5;
/// Writing a new file.
pub const PATCHCORE_PHASE_APPLY: i32 = 6;
/// Checking what was written or read.
pub const PATCHCORE_PHASE_VERIFY: i32 = 7;
/// Looking through a directory.
pub const PATCHCORE_PHASE_SCAN: i32 = 8;
/// Writing a package.
pub const PATCHCORE_PHASE_PACK: i32 = 9;
/// Fetching a file.
pub const PATCHCORE_PHASE_DOWNLOAD: i32 = 10;
/// Writing the new files of a directory beside the old ones.
pub const PATCHCORE_PHASE_STAGE: i32 = 11;
/// Putting the new files of a directory in place.
pub const PATCHCORE_PHASE_COMMIT: i32 = 12;
/// Putting the old files of a directory back in place.
pub const PATCHCORE_PHASE_ROLLBACK: i32 = 13;

/// `done` and `total` count bytes.
pub const PATCHCORE_UNIT_BYTES: i32 = 1;
/// `done` and `total` count things, such as links.
pub const PATCHCORE_UNIT_ITEMS: i32 = 2;

const PHASES: &[(i32, Phase, &CStr)] = &[
    (PATCHCORE_PHASE_HASH, Phase::Hash, c"hash"),
    (PATCHCORE_PHASE_MATCH, Phase::Match, c"match"),
    (PATCHCORE_PHASE_ENCODE, Phase::Encode, c"encode"),
    (PATCHCORE_PHASE_READ, Phase::Read, c"read"),
    (PATCHCORE_PHASE_COMPOSE, Phase::Compose, c"compose"),
    (PATCHCORE_PHASE_APPLY, Phase::Apply, c"apply"),
    (PATCHCORE_PHASE_VERIFY, Phase::Verify, c"verify"),
    (PATCHCORE_PHASE_SCAN, Phase::Scan, c"scan"),
    (PATCHCORE_PHASE_PACK, Phase::Pack, c"pack"),
    (PATCHCORE_PHASE_DOWNLOAD, Phase::Download, c"download"),
    (PATCHCORE_PHASE_STAGE, Phase::Stage, c"stage"),
    (PATCHCORE_PHASE_COMMIT, Phase::Commit, c"commit"),
    (PATCHCORE_PHASE_ROLLBACK, Phase::Rollback, c"rollback"),
];

/// Says what a phase is called.
///
/// @param phase Any number.
/// @return The name, such as "hash", or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_phase_name(phase: i32) -> *const c_char {
    let known = PHASES.iter().find(|(number, ..)| *number == phase);
    known.map_or(c"unknown", |(.., name)| name).as_ptr()
}

/// How far an operation is. The library fills it in.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_progress {
    /// The bytes of this struct that the library filled in.
    pub struct_size: usize,
    /// One of PATCHCORE_PHASE_*; a newer library may have others.
    pub phase: i32,
    /// One of PATCHCORE_UNIT_*.
    pub unit: i32,
    /// How much of the phase is done.
    pub done: u64,
    /// How much there is to do in the phase.
    pub total: u64,
}

/// Takes a report, at most ten times a second; the last one of each phase is always sent. `progress` is borrowed.
///
/// Returns 0 to go on, a positive value to stop with PATCHCORE_CANCELLED, and a negative value to stop with
/// PATCHCORE_CALLBACK, which is kept in the error. It must not throw or jump out. It may call the library.
pub type patchcore_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const patchcore_progress) -> c_int>;

/// Something is not as it should be, and the operation goes on.
pub const PATCHCORE_LOG_WARNING: i32 = 1;
/// What was decided.
pub const PATCHCORE_LOG_INFO: i32 = 2;
/// What it took.
pub const PATCHCORE_LOG_DEBUG: i32 = 3;

/// Takes a message of `len` bytes; it is UTF-8, also NUL-terminated, and borrowed for the call. `level` is one of
/// PATCHCORE_LOG_*. It must not throw or jump out. It may call the library.
pub type patchcore_log_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char, len: usize)>;

/// How a running operation speaks with its caller. Begin with PATCHCORE_JOB_INIT; NULL for a whole job is a silent one that
/// nobody stops.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_job {
    /// sizeof(patchcore_job).
    pub struct_size: usize,
    /// What stops the operation, borrowed when it begins; or NULL.
    pub cancel: *const patchcore_cancel,
    /// Called on the thread that called the library; or NULL.
    pub progress: patchcore_progress_fn,
    /// Called on the thread that called the library; or NULL.
    pub log: patchcore_log_fn,
    /// Handed to both.
    pub user_data: *mut c_void,
}
versioned!(patchcore_job);

/// # Safety
/// `job` is NULL or points to a job that keeps what the header demands.
pub(crate) unsafe fn read(job: *const patchcore_job) -> Result<Job> {
    // SAFETY: the caller's promise.
    let given = unsafe { structs::read_or_default(job, "job") }?;
    // SAFETY: NULL, or a flag that was not freed before this call began.
    let cancel = unsafe { given.cancel.as_ref() };
    let mut job = cancel.map_or_else(Job::new, |patchcore_cancel(token)| Job::with_cancel(token.clone()));
    let user_data = UserData::new(given.user_data);
    if let Some(progress) = given.progress {
        job = job.on_progress(Box::new(move |event| {
            let event = for_c(event);
            // SAFETY: the header demands of the callback that it can be called from here.
            match unsafe { progress(user_data.get(), &event) } {
                0 => Ok(()),
                value if value > 0 => Err(Stop::Cancelled),
                value => Err(Stop::Callback(value.into())),
            }
        }));
    }
    if let Some(log) = given.log {
        job = job.on_log(Box::new(move |level, message| {
            let mut text = message.as_bytes().to_vec();
            text.push(0);
            // SAFETY: the header demands of the callback that it can be called from here.
            unsafe { log(user_data.get(), level_number(level), text.as_ptr().cast(), message.len()) };
        }));
    }
    Ok(job)
}

fn for_c(event: &Progress) -> patchcore_progress {
    patchcore_progress {
        struct_size: size_of::<patchcore_progress>(),
        phase: PHASES.iter().find(|(_, phase, _)| *phase == event.phase).map_or(0, |(number, ..)| *number),
        unit: match event.unit {
            Unit::Items => PATCHCORE_UNIT_ITEMS,
            _ => PATCHCORE_UNIT_BYTES,
        },
        done: event.done,
        total: event.total,
    }
}

fn level_number(level: LogLevel) -> i32 {
    match level {
        LogLevel::Warning => PATCHCORE_LOG_WARNING,
        LogLevel::Info => PATCHCORE_LOG_INFO,
        _ => PATCHCORE_LOG_DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_called_as_everywhere_else() {
        for (number, phase, _) in PHASES {
            // SAFETY: it is static and ends with a NUL.
            let name = unsafe { CStr::from_ptr(patchcore_phase_name(*number)) };
            assert_eq!(name.to_str(), Ok(phase.name()));
        }
        // SAFETY: as above.
        assert_eq!(unsafe { CStr::from_ptr(patchcore_phase_name(0)) }, c"unknown");
    }

    #[test]
    fn a_flag_that_is_freed_still_stops_the_job_that_has_it() {
        // SAFETY: the flag is new, and freed once.
        let job = unsafe {
            let cancel = patchcore_cancel_new();
            let mut given: patchcore_job = std::mem::zeroed();
            given.struct_size = size_of::<patchcore_job>();
            given.cancel = cancel;
            let job = read(&given).unwrap();
            patchcore_cancel_request(cancel);
            patchcore_cancel_free(cancel);
            job
        };
        assert!(job.cancel_token().is_cancelled());
    }
}
