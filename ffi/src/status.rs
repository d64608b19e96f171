//! Errors and their numbers: the core's one table, and names for numbers that come from elsewhere.

pub use patchcore::{Error, Outcome, Result, Status};

/// The name of a status number, such as `SOURCE_MISMATCH`; `UNKNOWN` for one that this version does not know.
pub fn status_name(code: i32) -> &'static str {
    Status::ALL.iter().find(|status| status.code() == code).map_or("UNKNOWN", |status| status.name())
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArgument, message)
}

/// What the making functions say in a build that only applies.
#[cfg(not(feature = "encode"))]
pub(crate) fn only_applies() -> Error {
    Error::new(Status::Unsupported, "this build of patchcore only applies")
}

/// Fails with UNSUPPORTED in a build without directories, which has none of `what` either: directories themselves, keys and
/// signatures of files, downloads. A face that asks this first leaves all of it out.
#[inline(always)]
pub fn offered(what: &str) -> Result<()> {
    if cfg!(feature = "tree") { Ok(()) } else { Err(absent(what)) }
}

/// Fails with UNSUPPORTED in a build that publishes nothing. A face that asks this first leaves all of that out.
#[inline(always)]
pub fn publishing_offered() -> Result<()> {
    if cfg!(feature = "publish") { Ok(()) } else { Err(no_publishing()) }
}

/// What a build that publishes nothing says.
pub(crate) fn no_publishing() -> Error {
    absent("publishing (in CMake: -DPATCHCORE_PUBLISH=ON)")
}

/// What a build without `what` says.
pub(crate) fn absent(what: &str) -> Error {
    Error::new(Status::Unsupported, format!("this build of patchcore has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_name_and_an_unknown_number_has_one_too() {
        assert!(Status::ALL.iter().all(|status| status_name(status.code()) == status.name()));
        assert_eq!(status_name(0), "OK");
        assert_eq!([status_name(-1), status_name(9_999)], ["UNKNOWN"; 2]);
    }
}
