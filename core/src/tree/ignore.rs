//! Which paths of a tree a caller means: the rules of `--exclude` and of `.patchcoreignore`, written as in `.gitignore`.

use crate::error::{Error, Result};

/// The file at the root of a tree whose lines say what is no part of it.
pub(super) const IGNORE_FILE: &str = ".patchcoreignore";

/// Rules in the order in which they were given; the last one that fits decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    glob: String,
    /// The rule takes back what an earlier one said.
    negated: bool,
    /// It means directories only.
    directories: bool,
    /// It means paths from the root, not names anywhere.
    anchored: bool,
}

impl Rules {
    /// Rules as a caller gives them. What can never fit is INVALID_ARGUMENT.
    pub fn new(patterns: &[String]) -> Result<Self> {
        let mut rules = Self::default();
        patterns.iter().try_for_each(|pattern| rules.add(pattern))?;
        Ok(rules)
    }

    /// The rules in the text of a file, one a line; empty lines and those that begin with `#` are none.
    pub fn in_text(text: &str) -> Result<Self> {
        let mut rules = Self::default();
        for line in text.lines() {
            let line = trim_end(line);
            if !line.is_empty() && !line.starts_with('#') {
                rules.add(line)?;
            }
        }
        Ok(rules)
    }

    /// Adds rules that decide before those that are there.
    pub fn extend(&mut self, later: &Self) {
        self.0.extend_from_slice(&later.0);
    }

    /// Whether the rules mean this very path.
    pub fn mean(&self, path: &str, directory: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let fits = |rule: &&Rule| {
            (directory || !rule.directories)
                && fast_glob::glob_match(&rule.glob, if rule.anchored { path } else { name })
        };
        self.0.iter().rev().find(fits).is_some_and(|rule| !rule.negated)
    }

    /// Whether the rules mean this path or a directory on the way to it.
    pub fn cover(&self, path: &str, directory: bool) -> bool {
        path.match_indices('/').any(|(end, _)| self.mean(&path[..end], true)) || self.mean(path, directory)
    }

    fn add(&mut self, pattern: &str) -> Result<()> {
        let (negated, glob) = match pattern.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (directories, glob) = match glob.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, glob),
        };
        let anchored = glob.contains('/');
        let glob = glob.strip_prefix('/').unwrap_or(glob);
        if glob.is_empty() || !is_closed(glob) {
            let message = format!("\"{}\" is no pattern; write it as in .gitignore", pattern.escape_debug());
            return Err(Error::invalid(message));
        }
        // A `!` that is no longer in front would mean the opposite to the matcher, and `\!` is how a name begins with one.
        let glob = if glob.starts_with('!') { format!("\\{glob}") } else { glob.to_owned() };
        self.0.push(Rule { glob, negated, directories, anchored });
        Ok(())
    }
}

/// The line without blanks at its end, unless a backslash keeps them.
fn trim_end(line: &str) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t', '\r']);
    match trimmed.ends_with('\\') && trimmed.len() < line.len() {
        true => &line[..trimmed.len() + 1],
        false => trimmed,
    }
}

/// Whether every bracket and brace is closed; a pattern with an open one would silently never fit.
fn is_closed(glob: &str) -> bool {
    let (mut braces, mut class) = (0, false);
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' if !class => class = true,
            ']' => class = false,
            '{' if !class => braces += 1,
            '}' if !class && braces > 0 => braces -= 1,
            _ => {}
        }
    }
    !class && braces == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore() {
        let rules = Rules::in_text(
            "# a comment\n\n*.log\n!keep.log\n/build\ncache/\ndocs/*.txt\na/**/z\n\\#name\n\\!bang\ntrailing  \n**/deep/er\n",
        )
        .unwrap();
        for (path, directory) in [
            ("x.log", false),
            ("a/b/x.log", false),
            ("build", true),
            ("build", false),
            ("a/cache", true),
            ("docs/a.txt", false),
            ("a/z", false),
            ("a/b/c/z", false),
            ("#name", false),
            ("a/!bang", false),
            ("trailing", false),
            ("deep/er", false),
            ("x/deep/er", false),
        ] {
            assert!(rules.mean(path, directory), "{path}");
        }
        for (path, directory) in [
            ("keep.log", false),
            ("a/keep.log", false),
            ("a/build", false),
            ("cache", false),
            ("docs/a/b.txt", false),
            ("x/docs/a.txt", false),
            ("# a comment", false),
            ("b/z", false),
        ] {
            assert!(!rules.mean(path, directory), "{path}");
        }
    }

    #[test]
    fn what_is_given_later_decides() {
        let mut rules = Rules::in_text("*.dat").unwrap();
        rules.extend(&Rules::new(&["!a.dat".into()]).unwrap());
        assert!(rules.mean("b.dat", false) && !rules.mean("a.dat", false));
    }

    #[test]
    fn a_directory_covers_what_is_in_it() {
        let rules = Rules::new(&["saves/".into(), "*.cfg".into()]).unwrap();
        assert!(rules.cover("saves", true) && rules.cover("a/saves/b/c", false) && rules.cover("a/b.cfg", false));
        assert!(!rules.cover("saves", false) && !rules.cover("saves2/a", false));
    }

    #[test]
    fn a_pattern_that_can_never_fit_is_refused() {
        for pattern in ["", "/", "!", "[a", "{a,b", "a\\"] {
            let error = Rules::new(&[pattern.to_owned()]).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument, "{pattern:?}");
        }
    }
}
