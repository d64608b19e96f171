//! `patchcore info`: what any of our files says about itself.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::delta::Header;
use patchcore::{Error, Result, Status};

use crate::commands::chain;
use crate::context::Context;
use crate::kind::Kind;
use crate::report::{Details, Title, delta_fields};
use crate::text::{Grouped, Share};

/// Show what a delta or a chain says about itself
///
/// The file is told by its content, whatever its name.
#[derive(Args)]
#[command(after_help = "Example: patchcore info v1_to_v2.delta")]
pub(crate) struct Arguments {
    /// A delta or a chain
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    match Kind::of(&arguments.file)? {
        Kind::Delta => show_delta(&arguments.file, context),
        Kind::Chain => chain::info::show(&arguments.file, context),
    }
}

fn show_delta(path: &Path, context: &Context) -> Result<()> {
    let header = read_header(path).map_err(|e| e.in_file(path))?;
    let share = Share { part: header.delta_size, whole: header.new_size };
    let title = format!("Delta: {}", path.display());
    let text = format_args!(
        "{}Size: {} bytes ({share} of the new file)\n{}",
        Title(&title),
        Grouped(header.delta_size),
        Details(&header)
    );
    context.printer.report("delta_info", delta_fields(&header), text)
}

/// Reads the header, which is believed only when it fits the length of the file.
fn read_header(path: &Path) -> Result<Header> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let header = Header::read(&mut file)?;
    if len != header.delta_size {
        let message = format!("the delta has {len} bytes and should have {}; fetch it again", header.delta_size);
        return Err(Error::new(Status::Corrupt, message).at(len.min(header.delta_size)));
    }
    Ok(header)
}
