//! Options that several verbs share, and how they are read.

use std::ffi::OsString;
use std::num::NonZero;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use patchcore::delta::{MAX_LEVEL, MIN_LEVEL};

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
