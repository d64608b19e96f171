//! What versions and chains may be called, and how their names become file names.
//!
//! A name is shown to people and typed by them; it never is a path. Where one becomes part of a file name, everything
//! but letters, digits and `.-_+` is replaced, so that no name can leave a folder, hide a file or meet a device.

use super::index::{Link, Version};

const MAX_NAME_LEN: usize = 255;

/// What two names, a number and an extension leave of the 255 bytes that file systems allow, halved.
const MAX_FILE_NAME_PART: usize = 80;

/// Says what is wrong with a name, as the end of a sentence.
pub(super) fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > MAX_NAME_LEN {
        return Err(format!("has {} bytes, at most {MAX_NAME_LEN} are allowed", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("contains a control character".to_owned());
    }
    Ok(())
}

/// The name of the version that comes next when none is given: `v` and one more than the number of versions, or one
/// more than the highest such name in use, so that names go on counting after a prune.
pub(super) fn default_name(versions: &[Version]) -> String {
    let numbers = versions.iter().filter_map(|version| version.name.strip_prefix('v')?.parse::<u32>().ok());
    let highest = numbers.map(u64::from).max().unwrap_or(0);
    format!("v{}", highest.max(versions.len() as u64) + 1)
}

/// The name of the file that a link is extracted to.
pub(super) fn file_name(link: &Link, versions: &[Version]) -> String {
    let [from, to] = [link.from, link.to].map(|ordinal| file_name_part(&versions[ordinal].name));
    format!("{:04}_{from}_to_{to}.delta", link.number())
}

fn file_name_part(name: &str) -> String {
    let mut part = String::new();
    for c in name.chars() {
        let c = if c.is_alphanumeric() || ".-_+".contains(c) { c } else { '_' };
        if part.len() + c.len_utf8() > MAX_FILE_NAME_PART {
            break;
        }
        part.push(c);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn versions(names: &[&str]) -> Vec<Version> {
        let version = |name: &&str| Version { name: (*name).to_owned(), digest: Digest::of(b""), size: 0 };
        names.iter().map(version).collect()
    }

    #[test]
    fn default_names_count_on_and_never_meet_one_in_use() {
        assert_eq!(default_name(&versions(&[])), "v1");
        assert_eq!(default_name(&versions(&["v1", "v2"])), "v3");
        assert_eq!(default_name(&versions(&["1.0", "1.1"])), "v3");
        assert_eq!(default_name(&versions(&["v7", "v3"])), "v8");
        assert_eq!(default_name(&versions(&["v4294967295"])), "v4294967296");
        assert_eq!(default_name(&versions(&["v99999999999999999999"])), "v2");
    }

    #[test]
    fn file_names_never_leave_their_folder() {
        let file = |from: &str, to: &str| {
            let link = Link { from: 0, to: 1, offset: 0, size: 0, shortcut: false };
            file_name(&link, &versions(&[from, to]))
        };
        assert_eq!(file("v1", "v2"), "0000_v1_to_v2.delta");
        assert_eq!(file("../x", "a/b"), "0000_.._x_to_a_b.delta");
        assert_eq!(file("C:\\a", "CON"), "0000_C__a_to_CON.delta");
        assert_eq!(file("a b:c", "größe 2. "), "0000_a_b_c_to_größe_2._.delta");
        let long = "ü".repeat(127);
        assert!(file(&long, &long).len() < 255);
    }

    #[test]
    fn names_are_short_visible_text() {
        assert!(check("2024-01 release/β").is_ok());
        for bad in ["", "a\nb", "\0", "\u{85}", &"x".repeat(256)] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
