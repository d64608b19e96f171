//! Which part of a representation a request wants, and whether it has it already (RFC 9110, sections 13 and 14).

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, header};

/// What a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Whole,
    Part(Range<u64>),
    /// The range lies beyond the end.
    Unsatisfiable,
    NotModified,
    PreconditionFailed,
}

/// What is asked for of `size` bytes with this entity tag that were last modified then.
pub(crate) fn wanted(headers: &HeaderMap, size: u64, tag: &str, modified: SystemTime) -> Wanted {
    let modified = whole_seconds(modified);
    if let Some(tags) = text(headers, header::IF_MATCH) {
        if !lists(tags, |listed| listed == tag) {
            return Wanted::PreconditionFailed;
        }
    } else if date(headers, header::IF_UNMODIFIED_SINCE).is_some_and(|date| modified > date) {
        return Wanted::PreconditionFailed;
    }
    if let Some(tags) = text(headers, header::IF_NONE_MATCH) {
        if lists(tags, |listed| listed.trim_start_matches("W/") == tag) {
            return Wanted::NotModified;
        }
    } else if date(headers, header::IF_MODIFIED_SINCE).is_some_and(|date| modified <= date) {
        return Wanted::NotModified;
    }
    let same = match text(headers, header::IF_RANGE) {
        None => true,
        Some(validator) if validator.starts_with('"') => validator == tag,
        // A date is only as good as a tag where it is exactly ours.
        Some(_) => date(headers, header::IF_RANGE) == Some(modified),
    };
    match text(headers, header::RANGE) {
        Some(ranges) if same => range(ranges, size),
        _ => Wanted::Whole,
    }
}

/// Reads `bytes=…`. Whoever wants several parts at once, or says it wrong, gets the whole, as the standard allows.
fn range(text: &str, size: u64) -> Wanted {
    let Some((unit, range)) = text.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    match (first.is_empty(), number(first), number(last)) {
        (false, Some(first), Some(last)) if first > last => Wanted::Whole,
        (false, Some(first), last) if last.is_some() || last_is_open(range) => {
            if first >= size {
                return Wanted::Unsatisfiable;
            }
            Wanted::Part(first..last.map_or(size, |last| last.saturating_add(1).min(size)))
        }
        (true, _, Some(0)) => Wanted::Unsatisfiable,
        (true, _, Some(_)) if size == 0 => Wanted::Unsatisfiable,
        (true, _, Some(last)) => Wanted::Part(size.saturating_sub(last)..size),
        _ => Wanted::Whole,
    }
}

fn last_is_open(range: &str) -> bool {
    range.trim().ends_with('-')
}

/// A number that is too large for us lies beyond every end, like the largest one.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether a list of entity tags is `*` or holds one that fits.
fn lists(tags: &str, fits: impl Fn(&str) -> bool) -> bool {
    tags.split(',').map(str::trim).any(|listed| listed == "*" || fits(listed))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

/// The dates of HTTP know no smaller parts.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |duration| duration.as_secs());
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Whether the answer may be compressed by gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(accepted) = text(headers, header::ACCEPT_ENCODING) else { return false };
    let quality = |name: &str| {
        accepted.split(',').find_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let found = parts.next()?.eq_ignore_ascii_case(name);
            found.then(|| parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0))
        })
    };
    quality("gzip").or_else(|| quality("*")).is_some_and(|quality| quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";
    const DATE: &str = "Sat, 21 Nov 2026 22:39:06 GMT";

    fn asked(pairs: &[(HeaderName, &str)]) -> Wanted {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let modified = httpdate::parse_http_date(DATE).unwrap() + Duration::from_millis(7);
        wanted(&headers, 100, TAG, modified)
    }

    #[test]
    fn one_range_is_a_part_and_anything_else_the_whole() {
        for (text, expected) in [
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-1000", Wanted::Part(90..100)),
            ("bytes=90-99999999999999999999", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("Bytes = 5-5", Wanted::Part(5..6)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=9-5", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=1-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=--1", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("items=0-9", Wanted::Whole),
            ("0-9", Wanted::Whole),
        ] {
            assert_eq!(asked(&[(header::RANGE, text)]), expected, "{text}");
        }
    }

    #[test]
    fn a_range_is_only_of_what_the_client_began_with() {
        for (validator, fits) in [
            (TAG, true),
            ("\"other\"", false),
            ("W/\"abc\"", false),
            (DATE, true),
            ("Sat, 21 Nov 2026 22:39:07 GMT", false),
            ("nonsense", false),
        ] {
            let expected = if fits { Wanted::Part(0..10) } else { Wanted::Whole };
            assert_eq!(asked(&[(header::RANGE, "bytes=0-9"), (header::IF_RANGE, validator)]), expected, "{validator}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for tags in [TAG, "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(asked(&[(header::IF_NONE_MATCH, tags)]), Wanted::NotModified, "{tags}");
        }
        assert_eq!(asked(&[(header::IF_MODIFIED_SINCE, DATE)]), Wanted::NotModified);
        assert_eq!(asked(&[(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, DATE)]), Wanted::Whole);
        assert_eq!(asked(&[(header::IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 22:39:05 GMT")]), Wanted::Whole);
        assert_eq!(asked(&[(header::IF_MATCH, "\"x\"")]), Wanted::PreconditionFailed);
        assert_eq!(asked(&[(header::IF_MATCH, "\"x\", \"abc\"")]), Wanted::Whole);
        assert_eq!(
            asked(&[(header::IF_UNMODIFIED_SINCE, "Sat, 21 Nov 2026 22:39:05 GMT")]),
            Wanted::PreconditionFailed
        );
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let accepts =
            |text: &str| accepts_gzip(&[(header::ACCEPT_ENCODING, text.parse().unwrap())].into_iter().collect());
        assert!(accepts("gzip") && accepts("br, GZIP;q=0.5") && accepts("*"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts("gzip;q=0, *") && !accepts_gzip(&HeaderMap::new()));
    }
}
