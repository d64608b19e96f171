//! Options that several verbs share, and how they are read.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use patchcore::delta::{MAX_LEVEL, MIN_LEVEL};
use patchcore::trust::{PublicKey, TrustedKeys};
use patchcore::{Error, Result};

#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Print all there is to know, and on standard error what each phase took
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to show progress on standard error; `auto` is when that is a terminal
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) progress: When,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Args)]
pub(crate) struct TrustOptions {
    /// Trust the public key in this file; may be given several times
    #[arg(short = 'p', long, value_name = "PUB")]
    public_key_file: Vec<PathBuf>,

    /// Trust this public key: the second line of such a file
    #[arg(short = 'P', long, value_name = "KEY")]
    public_key: Vec<String>,
}

impl TrustOptions {
    /// The keys, if there are any.
    pub(crate) fn keys(&self) -> Result<Option<TrustedKeys>> {
        let mut keys = Vec::new();
        for path in &self.public_key_file {
            keys.push(PublicKey::read(path)?);
        }
        for text in &self.public_key {
            keys.push(PublicKey::parse(text)?);
        }
        if keys.is_empty() { Ok(None) } else { TrustedKeys::new(keys).map(Some) }
    }
}

#[derive(Args)]
pub(crate) struct PasswordOption {
    /// The password of the secret key: the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordOption {
    /// The password, if there is one.
    pub(crate) fn read(&self) -> Result<Option<String>> {
        const LONGEST: u64 = 4 << 10;
        let Some(path) = &self.password_file else { return Ok(None) };
        let in_file = |e: std::io::Error| Error::from(e).in_file(path);
        let mut text = String::new();
        File::open(path).map_err(in_file)?.take(LONGEST).read_to_string(&mut text).map_err(in_file)?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }
}

#[derive(Args)]
pub(crate) struct LevelOption {
    /// 1 (fastest) to 9 (smallest), also as -1 … -9 [default: 6, for squashing 4]
    #[arg(long, value_name = "LEVEL", value_parser = levels())]
    level: Option<u8>,
}

impl LevelOption {
    /// The level for the core, where 0 is the default.
    pub(crate) fn get(&self) -> u8 {
        self.level.unwrap_or_default()
    }
}

fn levels() -> RangedU64ValueParser<u8> {
    RangedU64ValueParser::new().range(u64::from(MIN_LEVEL)..=u64::from(MAX_LEVEL))
}

/// Turns `-6` into `--level=6`, whatever the number, so that one place says which levels there are.
pub(crate) fn with_levels_spelled_out(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut options = true;
    let spell_out = |argument: OsString| {
        options &= argument != "--";
        match argument.to_str().and_then(|text| text.strip_prefix('-')) {
            Some(digits) if options && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("--level={digits}").into()
            }
            _ => argument,
        }
    };
    arguments.into_iter().map(spell_out).collect()
}

/// The number of threads for the core, where the command line has 0 for all cores.
pub(crate) fn threads(option: usize) -> usize {
    match option {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_before_the_double_dash_are_levels() {
        let spelled =
            with_levels_spelled_out(["patchcore", "diff", "-9", "-12", "-", "-q", "--", "-3"].map(OsString::from));
        assert_eq!(spelled, ["patchcore", "diff", "--level=9", "--level=12", "-", "-q", "--", "-3"]);
    }
}
