//! What a URL or a path names.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// A URL of `http` or `https`.
    Http(String),
    /// A file of this machine.
    File(PathBuf),
}

impl Location {
    /// Reads a URL of `http`, `https` or `file`, or a path. Another scheme is INVALID_ARGUMENT.
    pub fn parse(text: &str) -> Result<Self> {
        match scheme(text) {
            Some("http" | "https") => Ok(Self::Http(text.to_owned())),
            Some("file") => file_url(text).map(Self::File),
            Some(other) => Err(Error::invalid(format!(
                "URLs of \"{}\" cannot be fetched; use http, https, file or a path",
                other.escape_debug()
            ))),
            None if text.is_empty() => Err(Error::invalid("a URL or a path is needed, and this is empty")),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Location {
    /// Without user and password, which have no place in a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Http(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
                let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                write!(f, "{}://{host}{}", scheme, path.split(['?', '#']).next().unwrap_or_default())
            }
        }
    }
}

/// The scheme, in lower case where it is one of ours. A drive letter is none.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut letters = scheme.bytes();
    let is_scheme = scheme.len() > 1
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let known = ["http", "https", "file"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme));
    // A file name with a colon in it is a path, unless what precedes the colon claims to be a scheme.
    (is_scheme && (known.is_some() || text[scheme.len()..].starts_with("://"))).then(|| known.unwrap_or(scheme))
}

/// `file:///path` and `file://localhost/path`, percent-encoded.
fn file_url(text: &str) -> Result<PathBuf> {
    let wrong = || Error::invalid("a URL of a file is file:///PATH, with bytes as %20 where they need it");
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or_else(wrong)?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(wrong());
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |i: usize| (*tail.get(i)? as char).to_digit(16);
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
            _ => return Err(wrong()),
        }
        rest = &tail[2..];
    }
    let path = String::from_utf8(bytes).map_err(|_| wrong())?;
    // `/C:/x` is how a drive is written in a URL.
    let drive = path.as_bytes().get(2) == Some(&b':') && cfg!(windows);
    Ok(PathBuf::from(if drive { &path[1..] } else { &path }))
}

/// A URL or a path as it may be shown and written down: without user, password and query.
pub(crate) fn without_secrets(url: &str) -> Result<String> {
    Location::parse(url).map(|location| location.to_string())
}

/// What `reference` names when it stands in a document that came from `base`: itself where it is a URL, else beside `base`.
///
/// A document from a network names no files of this machine: that is INVALID_ARGUMENT.
pub fn resolve(base: &str, reference: &str) -> Result<String> {
    let Location::File(path) = Location::parse(reference)? else { return Ok(reference.to_owned()) };
    match Location::parse(base)? {
        Location::Http(_) if scheme(reference).is_some() => {
            Err(Error::invalid("a document from a network cannot name a file of this machine"))
        }
        Location::Http(base) => {
            let from = base.find("://").map_or(0, |at| at + 3);
            let end = base[from..].find(['?', '#']).map_or(base.len(), |at| from + at);
            let host_end = base[from..end].find('/').map_or(end, |at| from + at);
            let folder_end = base[host_end..end].rfind('/').map_or(host_end, |at| host_end + at);
            match reference.strip_prefix('/') {
                Some(_) if reference.starts_with("//") => {
                    Err(Error::invalid("a URL without its scheme cannot be fetched"))
                }
                Some(path) => Ok(format!("{}/{path}", &base[..host_end])),
                None => Ok(format!("{}/{reference}", &base[..folder_end])),
            }
        }
        Location::File(_) if scheme(reference).is_some() || path.is_absolute() => Ok(reference.to_owned()),
        Location::File(base) => {
            let beside = base.parent().unwrap_or(Path::new("")).join(path);
            beside.into_os_string().into_string().map_err(|_| Error::invalid("this path is not UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn urls_and_paths_are_told_apart() {
        for url in ["http://h/a", "HTTPS://h/a"] {
            assert_eq!(Location::parse(url).unwrap(), Location::Http(url.to_owned()));
        }
        for (text, path) in [
            ("a/b.zip", "a/b.zip"),
            ("/a:b", "/a:b"),
            ("C:\\x", "C:\\x"),
            ("a:b", "a:b"),
            ("file:///a/b%20c", "/a/b c"),
            ("file://localhost/a", "/a"),
        ] {
            assert_eq!(Location::parse(text).unwrap(), Location::File(path.into()), "{text}");
        }
        for text in
            ["", "ftp://h/a", "javascript://x", "file:a", "file://host/a", "file:///%zz", "file:///%f", "file:///%ff"]
        {
            assert_eq!(Location::parse(text).unwrap_err().status(), Status::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn what_a_document_names_lies_beside_it() {
        for (base, reference, result) in [
            ("https://h/a/manifest.json?x=/y", "p.zip", "https://h/a/p.zip"),
            ("https://h/a/manifest.json", "/p.zip", "https://h/p.zip"),
            ("https://h", "p.zip", "https://h/p.zip"),
            ("https://h/a/", "https://g/p.zip", "https://g/p.zip"),
            ("dir/manifest.json", "p.zip", "dir/p.zip"),
            ("manifest.json", "p.zip", "p.zip"),
            ("/dir/manifest.json", "/p.zip", "/p.zip"),
            ("manifest.json", "https://g/p.zip", "https://g/p.zip"),
        ] {
            assert_eq!(resolve(base, reference).unwrap(), result);
        }
        assert!(resolve("https://h/m.json", "file:///etc/passwd").is_err());
        assert!(resolve("https://h/m.json", "//g/p").is_err());
    }

    #[test]
    fn messages_tell_no_passwords() {
        let shown = |url: &str| Location::parse(url).unwrap().to_string();
        assert_eq!(shown("https://me:secret@h:8/a?token=secret#x"), "https://h:8/a");
        assert_eq!(shown("https://h?token=secret@x"), "https://h");
    }
}
