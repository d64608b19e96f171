//! Strings, paths and byte ranges as C passes them: a pointer and a length.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use patchcore_ffi::status::{Error, Result, Status};

/// The length that stands for "up to the NUL"; the header defines it as `PATCHCORE_NUL_TERMINATED`.
pub(crate) const NUL_TERMINATED: usize = usize::MAX;

/// What a caller gave for its callbacks, to be handed back to them.
#[derive(Clone, Copy)]
pub(crate) struct UserData(*mut c_void);

// SAFETY: the library never looks behind it. The header says from which threads callbacks are called; what they do with it
// there is the caller's to know.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(pointer: *mut c_void) -> Self {
        Self(pointer)
    }

    pub(crate) fn get(self) -> *mut c_void {
        self.0
    }
}

/// That the call itself is wrong.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArgument, message)
}

/// That a pointer is NULL and must not be.
pub(crate) fn null(name: &str) -> Error {
    invalid(format!("`{name}` is NULL"))
}

/// The bytes at `data`; NULL stands for none.
///
/// # Safety
/// `data` is NULL, or `len` bytes can be read there as long as `'a` lasts.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if data.is_null() && len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null(name));
    }
    if isize::try_from(len).is_err() {
        return Err(invalid(format!("`{name}` is said to have {len} bytes, more than memory can hold")));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// The bytes of a string; `None` where NULL and 0 say that it is not given.
///
/// # Safety
/// `text` is NULL, or `len` bytes can be read there, or, where `len` says so, bytes up to a NUL.
pub(crate) unsafe fn optional_bytes<'a>(text: *const c_char, len: usize, name: &str) -> Result<Option<&'a [u8]>> {
    if text.is_null() {
        return if len == 0 { Ok(None) } else { Err(null(name)) };
    }
    if len == NUL_TERMINATED {
        // SAFETY: the caller's promise.
        return Ok(Some(unsafe { CStr::from_ptr(text) }.to_bytes()));
    }
    // SAFETY: the caller's promise.
    unsafe { bytes(text.cast(), len, name) }.map(Some)
}

/// A string that may be left out.
///
/// # Safety
/// As for any string: `text` is NULL, or `len` bytes can be read there, or, where `len` says so, bytes up to a NUL.
pub(crate) unsafe fn optional(text: *const c_char, len: usize, name: &str) -> Result<Option<String>> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { optional_bytes(text, len, name) }?;
    let string = bytes.map(|bytes| std::str::from_utf8(bytes).map(str::to_owned)).transpose();
    string.map_err(|_| invalid(format!("`{name}` is no UTF-8")))
}

/// A string that must be given.
///
/// # Safety
/// As for [`optional`].
pub(crate) unsafe fn required(text: *const c_char, len: usize, name: &str) -> Result<String> {
    // SAFETY: the caller's promise.
    unsafe { optional(text, len, name) }?.ok_or_else(|| null(name))
}

/// Strings that are given as an array of pointers and one of lengths, which is NULL where all end with a NUL.
///
/// # Safety
/// `texts` is NULL or points to `count` strings, and `lens` is NULL or points to as many lengths.
pub(crate) unsafe fn several(
    texts: *const *const c_char,
    lens: *const usize,
    count: usize,
    name: &str,
) -> Result<Vec<String>> {
    if texts.is_null() && count > 0 {
        return Err(null(name));
    }
    let mut read = Vec::new();
    for index in 0..count {
        // SAFETY: the caller's promise.
        unsafe {
            let len = if lens.is_null() { NUL_TERMINATED } else { lens.add(index).read() };
            read.push(required(texts.add(index).read(), len, &format!("{name}[{index}]"))?);
        }
    }
    Ok(read)
}

/// A path that may be left out. On Unix its bytes mean what they are, elsewhere they are UTF-8.
///
/// # Safety
/// As for [`optional`].
pub(crate) unsafe fn optional_path(text: *const c_char, len: usize, name: &str) -> Result<Option<PathBuf>> {
    // SAFETY: the caller's promise.
    let Some(bytes) = (unsafe { optional_bytes(text, len, name) })? else { return Ok(None) };
    if bytes.is_empty() {
        return Err(invalid(format!("`{name}` is empty")));
    }
    if bytes.contains(&0) {
        return Err(invalid(format!("`{name}` has a NUL inside, which no file name can have")));
    }
    path_of(bytes, name).map(Some)
}

/// A path that must be given.
///
/// # Safety
/// As for [`optional`].
pub(crate) unsafe fn path(text: *const c_char, len: usize, name: &str) -> Result<PathBuf> {
    // SAFETY: the caller's promise.
    unsafe { optional_path(text, len, name) }?.ok_or_else(|| null(name))
}

#[cfg(unix)]
fn path_of(bytes: &[u8], _: &str) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8], name: &str) -> Result<PathBuf> {
    std::str::from_utf8(bytes).map(PathBuf::from).map_err(|_| invalid(format!("`{name}` is no UTF-8")))
}

/// A string for C; what C could not see behind a NUL becomes visible.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default())
}

/// A path for C, as callers give paths.
#[cfg(unix)]
pub(crate) fn c_path(path: &Path) -> CString {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// A path for C, as callers give paths.
#[cfg(not(unix))]
pub(crate) fn c_path(path: &Path) -> CString {
    c_string(&path.to_string_lossy())
}

/// A string of an object as C borrows it: NULL and 0 where there is none.
pub(crate) fn borrowed(text: Option<&CString>) -> (*const c_char, usize) {
    text.map_or((ptr::null(), 0), |text| (text.as_ptr(), text.as_bytes().len()))
}

/// A string in an array, cut where the array ends, with zeros behind it.
pub(crate) fn in_array<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut array = [0; SIZE];
    let room = SIZE.saturating_sub(1);
    array.iter_mut().zip(text.bytes().take(room)).for_each(|(place, byte)| *place = byte as c_char);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], len: usize) -> Result<Option<String>, String> {
        // SAFETY: the tests pass lengths within `bytes`, which end with a NUL where they should.
        unsafe { optional(bytes.as_ptr().cast(), len, "name") }.map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_string_ends_where_its_length_or_its_nul_says() {
        assert_eq!(text(b"v12\0", 2), Ok(Some("v1".to_owned())));
        assert_eq!(text(b"v12\0", NUL_TERMINATED), Ok(Some("v12".to_owned())));
        assert_eq!(text(b"v12\0", 0), Ok(Some(String::new())));
        assert_eq!(text(b"\xff", 1), Err("`name` is no UTF-8".to_owned()));
        assert!(text(b"x", usize::MAX - 1).is_err());
    }

    #[test]
    fn null_is_not_given_only_with_length_zero() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(optional(ptr::null(), 0, "name").unwrap(), None);
            assert_eq!(optional(ptr::null(), NUL_TERMINATED, "name").unwrap_err().message(), "`name` is NULL");
            assert_eq!(required(ptr::null(), 0, "name").unwrap_err().message(), "`name` is NULL");
            assert_eq!(bytes(ptr::null(), 1, "data").unwrap_err().message(), "`data` is NULL");
            assert_eq!(bytes(ptr::null(), 0, "data").unwrap(), b"");
        }
    }

    #[test]
    fn a_path_is_never_empty_and_has_no_nul() {
        let path = |bytes: &[u8]| {
            // SAFETY: the length is that of `bytes`.
            unsafe { path(bytes.as_ptr().cast(), bytes.len(), "path") }.map_err(|e| e.status())
        };
        assert_eq!(path(b"a/b"), Ok(PathBuf::from("a/b")));
        assert_eq!(path(b""), Err(Status::InvalidArgument));
        assert_eq!(path(b"a\0b"), Err(Status::InvalidArgument));
        #[cfg(unix)]
        assert!(path(b"\xff\xfe").is_ok());
    }

    #[test]
    fn strings_of_an_array_have_their_own_lengths_or_end_with_a_nul() {
        let texts = [c"one".as_ptr(), c"two".as_ptr()];
        let lens = [2, NUL_TERMINATED];
        // SAFETY: both arrays have two elements.
        unsafe {
            assert_eq!(several(texts.as_ptr(), ptr::null(), 2, "names").unwrap(), ["one", "two"]);
            assert_eq!(several(texts.as_ptr(), lens.as_ptr(), 2, "names").unwrap(), ["on", "two"]);
            assert!(several(ptr::null(), ptr::null(), 0, "names").unwrap().is_empty());
            assert_eq!(several(ptr::null(), ptr::null(), 1, "names").unwrap_err().message(), "`names` is NULL");
            let hole = [c"one".as_ptr(), ptr::null()];
            let refused = several(hole.as_ptr(), ptr::null(), 2, "names").unwrap_err();
            assert_eq!(refused.message(), "`names[1]` is NULL");
        }
    }

    #[test]
    fn a_string_in_an_array_ends_with_a_nul() {
        assert_eq!(in_array::<4>("ab"), [b'a' as c_char, b'b' as c_char, 0, 0]);
        assert_eq!(in_array::<2>("ab"), [b'a' as c_char, 0]);
    }

    #[test]
    fn a_string_for_c_hides_nothing() {
        assert_eq!(c_string("a\0b").to_str(), Ok("a\u{fffd}b"));
    }
}
