//! Versions of a release: `major.minor.patch` with an optional fourth number, the build.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A version of three or four numbers. In text `v1.2.3` and `1.2.3` are one version, and so are `1.2.3` and `1.2.3.0`.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// The fourth number, where one is written.
    pub build: Option<u64>,
}

impl Version {
    /// The first three numbers: what releases share that can be patched into one another.
    pub fn core(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }

    fn key(&self) -> (u64, u64, u64, u64) {
        (self.major, self.minor, self.patch, self.build.unwrap_or(0))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.build.map_or(Ok(()), |build| write!(f, ".{build}"))
    }
}

impl FromStr for Version {
    type Err = Error;

    /// Reads three or four numbers with dots between, `v` before them or not. What is none is INVALID_ARGUMENT.
    fn from_str(text: &str) -> Result<Self, Error> {
        let none = || {
            Error::invalid(format!(
                "\"{}\" is no version; versions are three or four numbers, such as 1.4.0 or 1.4.0.2",
                text.escape_debug()
            ))
        };
        let digits = text.trim();
        let digits = digits.strip_prefix(['v', 'V']).unwrap_or(digits);
        let numbers = digits
            .split('.')
            .map(|number| match number.bytes().all(|byte| byte.is_ascii_digit()) {
                true => number.parse().map_err(|_| none()),
                false => Err(none()),
            })
            .collect::<Result<Vec<u64>, Error>>()?;
        match numbers[..] {
            [major, minor, patch] => Ok(Self { major, minor, patch, build: None }),
            [major, minor, patch, build] => Ok(Self { major, minor, patch, build: Some(build) }),
            _ => Err(none()),
        }
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_compare_number_by_number() {
        assert!(version("1.9.0") < version("1.10.0"));
        assert!(version("1.2.3") < version("v1.2.3.1"));
        assert_eq!(version("1.2.3"), version("v1.2.3.0"));
        assert_eq!(version("1.2.3.4").core(), (1, 2, 3));
    }

    #[test]
    fn a_version_is_written_as_it_was_read() {
        for text in ["0.0.0", "1.2.3", "1.2.3.0", "18446744073709551615.0.1"] {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in
            ["", "1", "1.2", "1.2.3.4.5", "1..2", "1.2.x", "1.2.-3", "1.2.+3", "18446744073709551616.0.0", "1.2.3-rc1"]
        {
            assert_eq!(text.parse::<Version>().unwrap_err().status(), Status::InvalidArgument, "{text}");
        }
    }
}
