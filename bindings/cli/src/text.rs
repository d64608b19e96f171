//! Numbers as people read and write them.

use std::fmt;
use std::time::Duration;

/// A number with thousands separators: `2,456,789`.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A count and what it counts: `1 link`, `2 links`.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", Grouped(self.0), self.1)
    }
}

/// `part` as a percentage of `whole`: `3.7%`; an empty whole has none.
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole == 0 {
            return f.write_str("—");
        }
        let percent = self.part as f64 * 100.0 / self.whole as f64;
        let decimals = if percent < 0.1 { 3 } else { 1 };
        write!(f, "{percent:.decimals$}%")
    }
}

/// How long something took: `0.31 s`, `12.4 s`, `3 min 05 s`.
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 10.0 {
            write!(f, "{seconds:.2} s")
        } else if seconds < 60.0 {
            write!(f, "{seconds:.1} s")
        } else {
            write!(f, "{} min {:02} s", self.0.as_secs() / 60, self.0.as_secs() % 60)
        }
    }
}

/// Reads a size in bytes, with a binary suffix or without: `256K`, `12M`, `1G`, `262144`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "a size is a number of bytes, or one with K, M or G, such as 12M".to_owned();
    let (digits, shift) = match text.char_indices().last().ok_or_else(wrong)? {
        (end, 'K' | 'k') => (&text[..end], 10),
        (end, 'M' | 'm') => (&text[..end], 20),
        (end, 'G' | 'g') => (&text[..end], 30),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| "the size does not fit 64 bits".to_owned())
}

/// The text without what would steer a terminal: whoever wrote it is somewhere else.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let grouped: Vec<_> =
            [0, 999, 1_000, 2_456_789, 100_000].into_iter().map(|number| Grouped(number).to_string()).collect();
        assert_eq!(grouped, ["0", "999", "1,000", "2,456,789", "100,000"]);
        assert_eq!(Grouped(u64::MAX).to_string(), "18,446,744,073,709,551,615");
    }

    #[test]
    fn small_shares_keep_a_digit_and_an_empty_whole_has_none() {
        let share = |part, whole| Share { part, whole }.to_string();
        assert_eq!(share(37, 1000), "3.7%");
        assert_eq!(share(2, 100_000), "0.002%");
        assert_eq!(share(199, 0), "—");
        assert_eq!(share(3, 2), "150.0%");
    }

    #[test]
    fn times_are_as_precise_as_they_are_short() {
        let took = |millis| Took(Duration::from_millis(millis)).to_string();
        assert_eq!([took(310), took(12_400), took(185_000)], ["0.31 s", "12.4 s", "3 min 05 s"]);
    }

    #[test]
    fn sizes_have_binary_suffixes_and_nothing_else() {
        assert_eq!(parse_size("256K"), Ok(256 << 10));
        assert_eq!(parse_size("12m"), Ok(12 << 20));
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        assert_eq!(parse_size("0"), Ok(0));
        for wrong in ["", "K", "-1", "+1", "1.5M", "1T", "1KB", "½", "99999999999999999999", "17179869184G"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
