//! Applier for devices.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use patchcore_ffi::applier::{Applier, Slot};
use patchcore_ffi::input::ReadAt;
use patchcore_ffi::options::ApplierOptions;
use patchcore_ffi::results::DeltaInfo;
use patchcore_ffi::status::{Error, Result, Status};

use crate::boundary::{boundary, guarded};
use crate::delta::{info_for_c, patchcore_apply_stats, patchcore_delta_info, stats_for_c};
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::input::{Callback, patchcore_read_at_fn};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, UserData, invalid, null};

/// Writes `len` bytes at `offset` of the new file, which is always where the write before ended, or where a resumed applier
/// goes on. Returns 0 when done; any other value stops the applier with PATCHCORE_CALLBACK and is kept in the error.
pub type patchcore_write_at_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, offset: u64, data: *const u8, len: usize) -> c_int>;

/// Makes all that was written durable. Returns 0 when done; any other value stops the applier with PATCHCORE_CALLBACK and is
/// kept in the error.
pub type patchcore_flush_fn = Option<unsafe extern "C" fn(user_data: *mut c_void) -> c_int>;

/// Where a device keeps the old file and the new one. Begin with PATCHCORE_DEVICE_INIT. The callbacks are called on the
/// thread that calls the applier, and only while it is called.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_device {
    /// sizeof(patchcore_device).
    pub struct_size: usize,
    /// Handed to all four callbacks.
    pub user_data: *mut c_void,
    /// The size of the old file in bytes.
    pub old_size: u64,
    /// Reads the old file.
    pub read_old: patchcore_read_at_fn,
    /// Writes the new file.
    pub write_new: patchcore_write_at_fn,
    /// Makes what was written durable; NULL where no checkpoint is taken.
    pub flush: patchcore_flush_fn,
    /// Reads back what was written; NULL where that cannot be done, which a public key forbids. With it, finishing checks what
    /// is really there.
    pub read_new: patchcore_read_at_fn,
}

/// What an applier may use, and whose signature it demands. Begin with PATCHCORE_APPLIER_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_applier_options {
    /// sizeof(patchcore_applier_options).
    pub struct_size: usize,
    /// All bytes of memory that it allocates; 0 is 12 MiB. 256 KiB are enough for a delta that was made with a
    /// `max_apply_memory` of 256 KiB; one that needs more is refused with PATCHCORE_LIMIT before anything is written.
    pub max_memory: u64,
    /// Bytes that the new file may have; 0 and UINT64_MAX are no limit.
    pub max_output: u64,
    /// Bytes that one call of patchcore_applier_push() hashes, decodes into or writes at most, roughly; 0 is 64 KiB.
    pub max_work: u64,
    /// A minisign public key: the text of a .pub file or its second line alone. Given, the new file must be signed by it.
    /// NULL and 0 where no signature is required.
    pub public_key: *const c_char,
    /// The bytes of `public_key`, or PATCHCORE_NUL_TERMINATED.
    pub public_key_len: usize,
    /// The minisign signature of the new file: the text of a .minisig file. NULL and 0 where there is none.
    pub signature: *const c_char,
    /// The bytes of `signature`, or PATCHCORE_NUL_TERMINATED.
    pub signature_len: usize,
}

versioned!(patchcore_device, patchcore_applier_options);

/// Applies one delta that is pushed into it as it arrives; power may fail between any two calls. One whose push or finish has
/// failed is of no use any more, except to be freed, unless the status was PATCHCORE_BUSY or it was finished too early. After
/// PATCHCORE_CALLBACK and after a power cut, resume from the last checkpoint. After PATCHCORE_CORRUPT and
/// PATCHCORE_TARGET_MISMATCH begin anew: what was written before may be wrong already.
pub struct patchcore_applier {
    applier: Mutex<Applier>,
    can_flush: bool,
    /// What others may ask for while a call uses the applier.
    shown: Shown,
}

#[derive(Default)]
struct Shown {
    delta_offset: AtomicU64,
    output_offset: AtomicU64,
    info: OnceLock<DeltaInfo>,
}

impl Shown {
    fn update(&self, applier: &Applier) {
        self.delta_offset.store(applier.delta_offset(), Ordering::Relaxed);
        self.output_offset.store(applier.output_offset(), Ordering::Relaxed);
        if self.info.get().is_none()
            && let Some(info) = applier.info()
        {
            // Whoever else set it knew the same.
            let _ = self.info.set(info);
        }
    }
}

/// A checkpoint is never larger, in bytes.
pub const PATCHCORE_CHECKPOINT_SIZE: usize = 512;

/// Makes an applier for the start of a delta.
///
/// @param device The device, borrowed for the call; what its callbacks use is borrowed until the applier is freed.
/// @param options Limits and signature, borrowed for the call, or NULL.
/// @param out_applier Receives the applier, to be freed with patchcore_applier_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BAD_SIGNATURE where a public key is given and no signature.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_new(
    device: *const patchcore_device,
    options: *const patchcore_applier_options,
    out_applier: *mut *mut patchcore_applier,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_applier, "out_applier")?;
            let (old, new) = open_device(device)?;
            let can_flush = new.flush.is_some();
            let applier = Applier::new(Box::new(old), Box::new(new), &read_options(options)?)?;
            out.put(handle::create(patchcore_applier::new(applier, can_flush)));
            Ok(())
        })
    }
}

/// Takes the next bytes of the delta and does a bounded amount of work, so that a watchdog can be fed between two calls.
///
/// When all bytes of the delta were taken, all of the new file is written.
///
/// @param applier The applier, borrowed.
/// @param data The bytes; borrowed for the call.
/// @param len How many there are; 0 is fine, and work that is left is then done.
/// @param out_taken Receives how many were taken, which may be fewer, also 0: call again with the rest.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the old file is another one and
///         PATCHCORE_LIMIT where the delta needs more than the options allow, both before anything is written.
///
/// Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_push(
    applier: *mut patchcore_applier,
    data: *const u8,
    len: usize,
    out_taken: *mut usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out_taken = OutPointer::required(out_taken, 0, "out_taken")?;
            let applier = handle::share(applier, "applier")?;
            let data = text::bytes(data, len, "data")?;
            let mut locked = applier.lock()?;
            let taken = locked.push(data);
            applier.shown.update(&locked);
            out_taken.put(taken?);
            Ok(())
        })
    }
}

/// Makes sure that everything is there: the digest of what was written, of what reads back where the device can do that, and
/// the signature where one is required. Only after PATCHCORE_OK may the device switch to the new file.
///
/// The new file is read back whole, twice where a signature is required, in pieces of 4 KiB: a watchdog can be fed in `read_new`.
///
/// @param applier The applier, borrowed.
/// @param out_stats Receives what was made, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where the delta ended early (the rest can still be pushed),
///         PATCHCORE_TARGET_MISMATCH where the storage is bad, PATCHCORE_BAD_SIGNATURE or PATCHCORE_UNTRUSTED_KEY where the
///         new file is not to be trusted.
///
/// Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_finish(
    applier: *mut patchcore_applier,
    out_stats: *mut patchcore_apply_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let applier = handle::share(applier, "applier")?;
            let out_stats = Out::new(out_stats, "out_stats")?;
            let stats = applier.lock()?.finish()?;
            out_stats.put(stats_for_c(&stats));
            Ok(())
        })
    }
}

/// Makes what was written durable and gives the few bytes that are needed to go on from here after a power cut. They belong
/// to this version of the library; another one may refuse them.
///
/// @param applier The applier, borrowed.
/// @param out_checkpoint Receives the checkpoint.
/// @param capacity The bytes that `out_checkpoint` has room for; PATCHCORE_CHECKPOINT_SIZE are always enough, and fewer than
///                 are needed is PATCHCORE_LIMIT.
/// @param out_len Receives how many bytes the checkpoint has.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the device has no `flush`.
///
/// Thread-safety: from one thread at a time for one applier; from a callback of its own it is PATCHCORE_BUSY.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_checkpoint(
    applier: *mut patchcore_applier,
    out_checkpoint: *mut u8,
    capacity: usize,
    out_len: *mut usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out_len = OutPointer::required(out_len, 0, "out_len")?;
            let applier = handle::share(applier, "applier")?;
            if out_checkpoint.is_null() {
                return Err(null("out_checkpoint"));
            }
            if !applier.can_flush {
                return Err(invalid(
                    "a checkpoint needs a device with `flush`, or what it relies on may not be durable",
                ));
            }
            let checkpoint = applier.lock()?.checkpoint()?;
            if capacity < checkpoint.len() {
                let message =
                    format!("`out_checkpoint` has room for {capacity} bytes; {} are needed", checkpoint.len());
                return Err(Error::new(Status::Limit, message));
            }
            ptr::copy_nonoverlapping(checkpoint.as_ptr(), out_checkpoint, checkpoint.len());
            out_len.put(checkpoint.len());
            Ok(())
        })
    }
}

/// Makes an applier that goes on from a checkpoint.
///
/// @param device As for patchcore_applier_new(); what was written before the checkpoint must be there.
/// @param options As for patchcore_applier_new().
/// @param checkpoint The checkpoint; borrowed for the call.
/// @param len How many bytes it has.
/// @param out_applier Receives the applier, to be freed with patchcore_applier_free(); NULL on failure.
/// @param out_delta_offset Receives from which byte on the delta is to be fed; or NULL.
/// @param out_output_offset Receives to which byte of the new file the next write goes; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where the checkpoint is damaged: begin anew.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_resume(
    device: *const patchcore_device,
    options: *const patchcore_applier_options,
    checkpoint: *const u8,
    len: usize,
    out_applier: *mut *mut patchcore_applier,
    out_delta_offset: *mut u64,
    out_output_offset: *mut u64,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_applier, "out_applier")?;
            let out_delta_offset = OutPointer::optional(out_delta_offset, 0);
            let out_output_offset = OutPointer::optional(out_output_offset, 0);
            if checkpoint.is_null() {
                return Err(null("checkpoint"));
            }
            let checkpoint = text::bytes(checkpoint, len, "checkpoint")?;
            let (old, new) = open_device(device)?;
            let can_flush = new.flush.is_some();
            let applier = Applier::resume(Box::new(old), Box::new(new), &read_options(options)?, checkpoint)?;
            out_delta_offset.put(applier.delta_offset());
            out_output_offset.put(applier.output_offset());
            out.put(handle::create(patchcore_applier::new(applier, can_flush)));
            Ok(())
        })
    }
}

/// Says what the delta says about itself, once its first 132 bytes have arrived.
///
/// @param applier The applier, borrowed.
/// @param out_info Receives it, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT until then.
///
/// Thread-safety: may be called from any thread at any time; while a push is running it is what was known before that.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_info(
    applier: *const patchcore_applier,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let applier = handle::share(applier, "applier")?;
            let out_info = Out::new(out_info, "out_info")?;
            let info = applier.shown.info.get();
            let info = info.ok_or_else(|| invalid("the header of the delta has not arrived yet; feed more of it"))?;
            out_info.put(info_for_c(info));
            Ok(())
        })
    }
}

/// Says how far an applier is.
///
/// @param applier The applier, borrowed.
/// @param out_delta_offset Receives how many bytes of the delta were taken; or NULL.
/// @param out_output_offset Receives how many bytes of the new file were written; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread at any time; while a push is running it is what was known before that.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_position(
    applier: *const patchcore_applier,
    out_delta_offset: *mut u64,
    out_output_offset: *mut u64,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out_delta_offset = OutPointer::optional(out_delta_offset, 0);
            let out_output_offset = OutPointer::optional(out_output_offset, 0);
            let applier = handle::share(applier, "applier")?;
            out_delta_offset.put(applier.shown.delta_offset.load(Ordering::Relaxed));
            out_output_offset.put(applier.shown.output_offset.load(Ordering::Relaxed));
            Ok(())
        })
    }
}

/// Frees an applier. What was written stays; a call that uses the applier goes on, and its callbacks are called until that
/// is done.
///
/// @param applier The applier, which must not be used any more, or NULL.
///
/// Thread-safety: may be called from any thread, also from a callback of the applier.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_applier_free(applier: *mut patchcore_applier) {
    // SAFETY: NULL, or an applier that is freed once.
    guarded((), || unsafe { handle::release(applier) });
}

impl patchcore_applier {
    fn new(applier: Applier, can_flush: bool) -> Self {
        let shown = Shown::default();
        shown.update(&applier);
        Self { applier: Mutex::new(applier), can_flush, shown }
    }

    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Applier>> {
        handle::lock(&self.applier, "the applier")
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn read_options(options: *const patchcore_applier_options) -> Result<ApplierOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let given = structs::read_or_default(options, "options")?;
        let patchcore_applier_options { max_memory, max_output, max_work, .. } = given;
        let public_key = text::optional(given.public_key, given.public_key_len, "options.public_key")?;
        let signature = text::optional_bytes(given.signature, given.signature_len, "options.signature")?;
        let signature = signature.map(<[u8]>::to_vec);
        Ok(ApplierOptions { max_memory, max_output, max_work, public_key, signature })
    }
}

/// # Safety
/// `device` is NULL or points to a device that keeps what the header demands.
unsafe fn open_device(device: *const patchcore_device) -> Result<(Callback, NewFile)> {
    // SAFETY: the caller's promise.
    let device = unsafe { structs::read(device, "device") }?;
    let user_data = UserData::new(device.user_data);
    let read_at = device.read_old.ok_or_else(|| null("device.read_old"))?;
    let write = device.write_new.ok_or_else(|| null("device.write_new"))?;
    let old = Callback { read_at, user_data, size: device.old_size };
    Ok((old, NewFile { user_data, write, flush: device.flush, read: device.read_new }))
}

/// The new file behind the callbacks of a device.
struct NewFile {
    user_data: UserData,
    write: unsafe extern "C" fn(*mut c_void, u64, *const u8, usize) -> c_int,
    flush: patchcore_flush_fn,
    read: patchcore_read_at_fn,
}

impl Slot for NewFile {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // SAFETY: the header demands of the callback that it can be called from here and only reads `len` bytes.
        match unsafe { (self.write)(self.user_data.get(), offset, bytes.as_ptr(), bytes.len()) } {
            0 => Ok(()),
            value => Err(Error::callback(value.into())),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let Some(flush) = self.flush else { return Ok(()) };
        // SAFETY: the header demands of the callback that it can be called from here.
        match unsafe { flush(self.user_data.get()) } {
            0 => Ok(()),
            value => Err(Error::callback(value.into())),
        }
    }

    fn can_read(&self) -> bool {
        self.read.is_some()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let read_at = self.read.ok_or_else(|| null("device.read_new"))?;
        Callback { read_at, user_data: self.user_data, size: u64::MAX }.read_at(offset, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_fits_what_the_header_says() {
        assert_eq!(PATCHCORE_CHECKPOINT_SIZE, patchcore_ffi::applier::CHECKPOINT_SIZE);
    }
}
