//! The command line, so that `npx libpatchcore` is `patchcore`.

use std::env::args_os;
use std::ffi::OsString;

use napi_derive::napi;

/// Runs one command line on this thread and returns the exit status.
#[napi]
pub fn run_command_line(arguments: Vec<String>) -> u8 {
    let arguments = as_given(arguments);
    patchcore_cli::run(std::iter::once(OsString::from("patchcore")).chain(arguments))
}

/// The arguments as the system has them: a file name that is no UTF-8 would not survive a trip through JavaScript.
fn as_given(arguments: Vec<String>) -> Vec<OsString> {
    let all: Vec<_> = args_os().collect();
    let given = all.get(all.len().saturating_sub(arguments.len())..).unwrap_or_default();
    let same = given.len() == arguments.len()
        && given.iter().zip(&arguments).all(|(given, argument)| given.to_string_lossy() == argument.as_str());
    if same { given.to_vec() } else { arguments.into_iter().map(OsString::from).collect() }
}
