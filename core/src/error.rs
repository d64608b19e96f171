//! What can go wrong, as a caller can act on it.
//!
//! One [`Status`] per thing a caller can do something about; the C constant, the Python class, the Node code and the
//! exit status are derived from the table here. The message says what happened and what to do; path and offset say
//! where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal,)*) => {
        /// What a caller can act on. The numbers are stable and never reused; callers must tolerate unknown ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Status { $($(#[$doc])* $variant = $code,)* }

        impl Status {
            /// Every status, in the order of their numbers.
            pub const ALL: &'static [Status] = &[$(Status::$variant,)*];

            /// The name that every face derives its own from, such as `SOURCE_MISMATCH`.
            pub fn name(self) -> &'static str {
                match self { $(Status::$variant => $name,)* }
            }
        }
    };
}

statuses! {
    /// Success.
    Ok = 0 "OK",
    /// The call itself is wrong.
    InvalidArgument = 10 "INVALID_ARGUMENT",
    /// A newer format, flag or option.
    Unsupported = 11 "UNSUPPORTED",
    /// The caller cancelled.
    Cancelled = 12 "CANCELLED",
    /// A caller's callback failed; its value is kept.
    Callback = 13 "CALLBACK",
    /// Another process holds the lock.
    Busy = 14 "BUSY",
    /// A bug of ours.
    Internal = 15 "INTERNAL",
    /// An allocation failed.
    NoMemory = 16 "NO_MEMORY",
    /// An operating system error, with the path.
    Io = 20 "IO",
    /// A file or directory is missing.
    NotFound = 21 "NOT_FOUND",
    /// No space left on the device.
    NoSpace = 22 "NO_SPACE",
    /// The network failed.
    Network = 23 "NETWORK",
    /// Nothing arrived for too long.
    Timeout = 24 "TIMEOUT",
    /// Not permitted.
    Permission = 25 "PERMISSION",
    /// Malformed, truncated or failing its own check; with the offset.
    Corrupt = 30 "CORRUPT",
    /// Larger than the limits in force allow.
    Limit = 31 "LIMIT",
    /// A name that leaves the root or that the platform cannot hold.
    UnsafePath = 32 "UNSAFE_PATH",
    /// The old file or tree is not the one this was made for.
    SourceMismatch = 40 "SOURCE_MISMATCH",
    /// The result is not what was promised.
    TargetMismatch = 41 "TARGET_MISMATCH",
    /// Both versions are known, nothing leads from one to the other.
    NoRoute = 42 "NO_ROUTE",
    /// No version fits what was asked for.
    UnknownVersion = 43 "UNKNOWN_VERSION",
    /// A prefix that fits several versions; the message lists them.
    AmbiguousVersion = 44 "AMBIGUOUS_VERSION",
    /// The tree holds changes that the patch would overwrite.
    Conflict = 45 "CONFLICT",
    /// Squashing these needs the old file.
    NotComposable = 46 "NOT_COMPOSABLE",
    /// The signature does not verify.
    BadSignature = 50 "BAD_SIGNATURE",
    /// Signed, but by no trusted key.
    UntrustedKey = 51 "UNTRUSTED_KEY",
    /// Older than what was already accepted, or expired.
    Stale = 52 "STALE",
}

impl Status {
    /// The stable number.
    pub fn code(self) -> i32 {
        self as i32
    }
}

/// What became of a tree that an operation was to change and that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing in it was touched.
    Unchanged,
    /// It was changed in part, and is again as it was.
    RolledBack,
    /// It was changed in part and could not be brought back; `tree recover` tries again.
    RollbackFailed,
}

impl Outcome {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
        }
    }
}

/// What went wrong, where, and what to do about it.
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    status: Status,
    message: String,
    path: Option<PathBuf>,
    offset: Option<u64>,
    callback_value: Option<i64>,
    outcome: Option<Outcome>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of the given status with a message that says what happened and what to do.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            status,
            message: message.into(),
            path: None,
            offset: None,
            callback_value: None,
            outcome: None,
            source: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Status::Corrupt, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(Status::Limit, message)
    }

    /// A caller's callback failed with `value`, which is kept.
    pub fn callback(value: i64) -> Self {
        let mut error = Self::new(Status::Callback, "the caller's callback failed");
        error.0.callback_value = Some(value);
        error
    }

    /// Names the file that the error is about, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.0.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Names the byte offset that the error is about, unless one is named already.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// [`at`](Self::at), for what is wrong with the bytes of a delta; other errors have nothing to do with where in the delta
    /// they came up.
    #[must_use]
    pub(crate) fn in_delta_at(self, offset: u64) -> Self {
        match self.status() {
            Status::Corrupt | Status::Unsupported | Status::Limit => self.at(offset),
            _ => self,
        }
    }

    /// Counts the byte offset, if one is named, from `start` bytes earlier: what is a part of a file says where in it.
    #[must_use]
    pub(crate) fn counted_from(mut self, start: u64) -> Self {
        self.0.offset = self.0.offset.map(|offset| start.saturating_add(offset));
        self
    }

    /// Says what became of the tree, unless that is said already.
    #[must_use]
    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome.get_or_insert(outcome);
        self
    }

    /// What a caller can act on.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// What happened and what to do, without path and offset.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that the error is about.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The byte offset in that file (or in the input, where that has no path).
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The value that a caller's callback stopped the operation with.
    pub fn callback_value(&self) -> Option<i64> {
        self.0.callback_value
    }

    /// What became of the tree, where the operation was to change one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.outcome
    }

    /// The operating system's number for what failed, where it was the system that said so.
    pub fn system_code(&self) -> Option<i32> {
        self.0.source.as_ref()?.downcast_ref::<io::Error>()?.raw_os_error()
    }
}

impl From<io::Error> for Error {
    /// The kind decides the status; one of our own errors that travelled inside an `io::Error` comes out as it was.
    fn from(source: io::Error) -> Self {
        let source = match source.downcast::<Error>() {
            Ok(ours) => return ours,
            Err(source) => source,
        };
        let status = match source.kind() {
            io::ErrorKind::NotFound => Status::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Status::Permission,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Status::NoSpace,
            io::ErrorKind::OutOfMemory => Status::NoMemory,
            _ => Status::Io,
        };
        let mut error = Self::new(status, source.to_string());
        error.0.source = Some(Box::new(source));
        error
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(self.message())?;
        match self.offset() {
            Some(offset) => write!(f, " (at byte {offset})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_error_survives_a_trip_through_an_io_error() {
        let error = Error::corrupt("bad").at(7).in_file(Path::new("x"));
        let back = Error::from(io::Error::from(error));
        assert_eq!(back.status(), Status::Corrupt);
        assert_eq!(back.to_string(), "x: bad (at byte 7)");
    }

    #[test]
    fn numbers_are_unique_and_ascend() {
        assert!(Status::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }
}
