//! Version.

use std::ffi::c_char;

/// The major version of the library that this header belongs to.
pub const PATCHCORE_VERSION_MAJOR: u32 = 0;
/// The minor version of the library that this header belongs to.
pub const PATCHCORE_VERSION_MINOR: u32 = 1;
/// The patch version of the library that this header belongs to.
pub const PATCHCORE_VERSION_PATCH: u32 = 0;

/// Says which version of the library is in use, which may be newer than this header.
///
/// @return The version, such as "0.1.0"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Says which version of the library is in use as a number that can be compared.
///
/// @return major << 16 | minor << 8 | patch.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_version_number() -> u32 {
    PATCHCORE_VERSION_MAJOR << 16 | PATCHCORE_VERSION_MINOR << 8 | PATCHCORE_VERSION_PATCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_numbers_are_those_of_the_package() {
        let numbers = [PATCHCORE_VERSION_MAJOR, PATCHCORE_VERSION_MINOR, PATCHCORE_VERSION_PATCH];
        let text = numbers.map(|number| number.to_string()).join(".");
        // SAFETY: it is static and ends with a NUL.
        let version = unsafe { CStr::from_ptr(patchcore_version()) };
        assert_eq!(version.to_str(), Ok(&*text));
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(patchcore_version_number(), 0x0000_0100);
    }
}
