//! Objects behind opaque pointers, counted: each call holds its own share, so freeing one meanwhile is safe.

use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use patchcore_ffi::status::{Error, Result, Status};

use crate::text::null;

/// Makes an object that C holds one share of.
pub(crate) fn create<T: Send + Sync>(value: T) -> *mut T {
    Arc::into_raw(Arc::new(value)).cast_mut()
}

/// A share of its own for a call.
///
/// # Safety
/// `handle` is NULL or comes from [`create`] and was not [`release`]d before this call began.
pub(crate) unsafe fn share<T: Send + Sync>(handle: *const T, name: &str) -> Result<Arc<T>> {
    if handle.is_null() {
        return Err(null(name));
    }
    // SAFETY: the share that C holds keeps the count above zero until here.
    unsafe {
        Arc::increment_strong_count(handle);
        Ok(Arc::from_raw(handle))
    }
}

/// Gives up the share that C holds.
///
/// # Safety
/// `handle` is NULL or comes from [`create`], and is released once.
pub(crate) unsafe fn release<T: Send + Sync>(handle: *const T) {
    if !handle.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(handle) });
    }
}

/// What only one call at a time may use. Who calls back in from a callback is refused instead of waiting for ever.
pub(crate) fn lock<'a, T>(mutex: &'a Mutex<T>, what: &str) -> Result<MutexGuard<'a, T>> {
    mutex.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => Error::new(
            Status::Busy,
            format!("{what} is in use: by another thread, or by the call whose callback this comes from"),
        ),
        TryLockError::Poisoned(_) => {
            Error::new(Status::Internal, format!("{what} was left half changed by a bug; free it and start anew"))
        }
    })
}

/// A pointer through which a result is returned. It is NULL or zero until then, also where the call fails.
pub(crate) struct OutPointer<T>(*mut T);

impl<T> OutPointer<*mut T> {
    /// # Safety
    /// `pointer` is NULL or valid for writing until [`put`](Self::put).
    pub(crate) unsafe fn handle(pointer: *mut *mut T, name: &str) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::required(pointer, ptr::null_mut(), name) }
    }
}

impl<T> OutPointer<T> {
    /// Sets it to `empty` for now; NULL is refused.
    ///
    /// # Safety
    /// `pointer` is NULL or valid for writing until [`put`](Self::put).
    pub(crate) unsafe fn required(pointer: *mut T, empty: T, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(null(name));
        }
        // SAFETY: the caller's promise.
        Ok(unsafe { Self::optional(pointer, empty) })
    }

    /// The same where nothing is returned through NULL.
    ///
    /// # Safety
    /// As for [`required`](Self::required).
    pub(crate) unsafe fn optional(pointer: *mut T, empty: T) -> Self {
        let out = Self(pointer);
        out.write(empty);
        out
    }

    pub(crate) fn put(self, value: T) {
        self.write(value);
    }

    fn write(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the promise that made this.
            unsafe { self.0.write(value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_freed_during_a_call_lives_until_its_end() {
        let drops = Arc::new(AtomicUsize::new(0));
        let handle = create(Counted(drops.clone()));
        // SAFETY: the handle is new, and released once.
        let call = unsafe {
            let call = share(handle, "handle").unwrap();
            release(handle);
            call
        };
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        drop(call);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn null_is_refused_for_use_and_fine_to_free() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(share::<Counted>(ptr::null(), "chain").err().unwrap().message(), "`chain` is NULL");
            release::<Counted>(ptr::null());
        }
    }

    #[test]
    fn a_second_use_meanwhile_is_busy() {
        let mutex = Mutex::new(());
        let first = lock(&mutex, "it").unwrap();
        assert_eq!(lock(&mutex, "it").err().unwrap().status(), Status::Busy);
        drop(first);
        assert!(lock(&mutex, "it").is_ok());
    }
}
