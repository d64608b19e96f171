//! Structs whose caller was compiled with an older or a newer header: `struct_size` says how much of one there is.
//!
//! A field that is added later must begin at or after the size that the struct has now, padding included: older callers
//! leave rubbish in padding.

use std::mem::{MaybeUninit, size_of};
use std::ptr;

use patchcore_ffi::status::{Error, Result, Status};

use crate::text::{invalid, null};

/// A struct that begins with its size.
///
/// # Safety
/// It is `#[repr(C)]`, begins with `struct_size: usize`, and all bytes zero is a value of it.
pub(crate) unsafe trait Versioned: Copy {}

/// Says of structs that they are [`Versioned`]; all of them must be plain C data.
macro_rules! versioned {
    ($($name:ty),* $(,)?) => {
        $(
            const _: () = assert!(std::mem::offset_of!($name, struct_size) == 0);
            // SAFETY: numbers, arrays of numbers, nullable pointers and nullable function pointers, after their size.
            unsafe impl $crate::structs::Versioned for $name {}
        )*
    };
}
pub(crate) use versioned;

/// No struct of any version is larger: what says so was not initialised.
const MAX_STRUCT_SIZE: usize = 4096;

/// A copy of what `pointer` points to, with zeros for the fields that the caller does not know.
///
/// # Safety
/// `pointer` is NULL or points to a struct of as many bytes as its first field says.
pub(crate) unsafe fn read<T: Versioned>(pointer: *const T, name: &str) -> Result<T> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller's promise; the size lies first, so it is there in every version.
    let size = unsafe { checked_size(pointer, name) }?;
    // SAFETY: the caller's promise, and bytes carry no alignment.
    let tail = unsafe {
        let bytes = pointer.cast::<u8>();
        std::slice::from_raw_parts(bytes.add(size.min(size_of::<T>())), size.saturating_sub(size_of::<T>()))
    };
    if tail.iter().any(|&byte| byte != 0) {
        let message = format!("`{name}` sets options that this version of the library does not know; update patchcore");
        return Err(Error::new(Status::Unsupported, message));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes can be read by the caller's promise, and no more than there is room for are written. Zeros are a
    // value of `T`, and so is what a C compiler put there.
    unsafe {
        ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast(), size.min(size_of::<T>()));
        Ok(value.assume_init())
    }
}

/// The same where NULL means all defaults.
///
/// # Safety
/// As for [`read`].
pub(crate) unsafe fn read_or_default<T: Versioned>(pointer: *const T, name: &str) -> Result<T> {
    if pointer.is_null() {
        // SAFETY: zeros are a value of `T`.
        return Ok(unsafe { MaybeUninit::zeroed().assume_init() });
    }
    // SAFETY: the caller's promise.
    unsafe { read(pointer, name) }
}

/// Where a result goes, checked before the work is done. Nothing is written where the caller gave NULL.
pub(crate) struct Out<T> {
    pointer: *mut T,
    size: usize,
}

impl<T: Versioned> Out<T> {
    /// # Safety
    /// `pointer` is NULL or points to a struct of as many bytes as its first field says, which stays there until
    /// [`put`](Self::put).
    pub(crate) unsafe fn new(pointer: *mut T, name: &str) -> Result<Self> {
        // SAFETY: the caller's promise.
        let size = if pointer.is_null() { 0 } else { unsafe { checked_size(pointer, name) }? };
        Ok(Self { pointer, size })
    }

    /// The same where NULL is refused.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub(crate) unsafe fn required(pointer: *mut T, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(null(name));
        }
        // SAFETY: the caller's promise.
        unsafe { Self::new(pointer, name) }
    }

    /// Writes the fields that the caller knows; those that only the caller knows become zero.
    pub(crate) fn put(self, value: T) {
        if self.pointer.is_null() {
            return;
        }
        let first = size_of::<usize>();
        let known = self.size.min(size_of::<T>());
        // SAFETY: the promise of `new`; `known` bytes are both in the value and in the caller's struct. Its first field
        // stays as it is.
        unsafe {
            let out = self.pointer.cast::<u8>();
            let bytes = ptr::from_ref(&value).cast::<u8>();
            ptr::copy_nonoverlapping(bytes.add(first), out.add(first), known - first);
            ptr::write_bytes(out.add(known), 0, self.size - known);
        }
    }
}

/// # Safety
/// `pointer` points to a struct that begins with its size.
unsafe fn checked_size<T: Versioned>(pointer: *const T, name: &str) -> Result<usize> {
    // SAFETY: the caller's promise.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if !(size_of::<usize>()..=MAX_STRUCT_SIZE).contains(&size) {
        return Err(invalid(format!("the struct_size of `{name}` is {size}; initialise it with its _INIT macro")));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Sample {
        struct_size: usize,
        first: u64,
        second: u64,
    }
    versioned!(Sample);

    #[repr(C)]
    struct Newer {
        sample: Sample,
        third: u64,
    }

    const SIZE: usize = size_of::<Sample>();

    fn sample(struct_size: usize) -> Sample {
        Sample { struct_size, first: 1, second: 2 }
    }

    fn read_sample(pointer: *const Sample) -> Result<Sample, Status> {
        // SAFETY: the tests pass structs as large as they say, or sizes that are refused.
        unsafe { read(pointer, "sample") }.map_err(|e| e.status())
    }

    #[test]
    fn a_shorter_struct_gets_defaults_and_a_longer_one_must_not_want_more() {
        let older = sample(SIZE - 8);
        assert_eq!(read_sample(&older), Ok(Sample { second: 0, ..older }));
        let mut newer = Newer { sample: sample(SIZE + 8), third: 0 };
        assert_eq!(read_sample(&raw const newer.sample), Ok(newer.sample));
        newer.third = 1 << 63;
        assert_eq!(read_sample(&raw const newer.sample), Err(Status::Unsupported));
    }

    #[test]
    fn null_and_sizes_that_nobody_meant_are_refused() {
        assert_eq!(read_sample(ptr::null()), Err(Status::InvalidArgument));
        for size in [0, 1, size_of::<usize>() - 1, MAX_STRUCT_SIZE + 1, usize::MAX] {
            assert_eq!(read_sample(&sample(size)), Err(Status::InvalidArgument), "{size}");
            let mut out = sample(size);
            // SAFETY: `out` is a local, and its size is refused before anything is written.
            assert!(unsafe { Out::new(&mut out, "out") }.is_err(), "{size}");
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { read_or_default(ptr::null::<Sample>(), "sample") }.unwrap().first, 0);
    }

    #[test]
    fn a_result_is_written_as_far_as_the_caller_knows_it() {
        let put = |pointer: *mut Sample| {
            // SAFETY: the tests pass structs as large as they say.
            unsafe { Out::new(pointer, "out") }.unwrap().put(Sample { struct_size: SIZE, first: 10, second: 20 });
        };
        let mut older = sample(SIZE - 8);
        put(&mut older);
        assert_eq!(older, Sample { struct_size: SIZE - 8, first: 10, second: 2 });
        let mut newer = Newer { sample: sample(SIZE + 8), third: 3 };
        put(&raw mut newer.sample);
        assert_eq!((newer.sample.second, newer.third), (20, 0));
        assert_eq!(newer.sample.struct_size, SIZE + 8);
        put(ptr::null_mut());
    }
}
