//! `patchcore info`: what any of our files says about itself.

use std::fmt::{self, Display};
use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::delta::{self, Header};
use patchcore::io::FileSource;
use patchcore::{Error, Limits, Result, Status};

use crate::commands::{chain, tree};
use crate::context::Context;
use crate::explanation::{ExplainOption, Tables, explanation_fields, most_listed};
use crate::kind::Kind;
use crate::report::{Details, Title, delta_fields};
use crate::text::{Grouped, Share};

/// Show what a delta, a chain or a tree patch says about itself
///
/// The file is told by its content, whatever its name.
#[derive(Args)]
#[command(after_help = "Example: patchcore info v1_to_v2.delta")]
pub(crate) struct Arguments {
    /// A delta, a chain or a tree patch
    file: PathBuf,

    /// The operations that belong to a tree patch in a .tar.gz
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,

    #[command(flatten)]
    explain: ExplainOption,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    match (Kind::of(&arguments.file)?, arguments.explain.explain) {
        (Kind::Delta, false) => show_delta(&arguments.file, context),
        (Kind::Delta, true) => explain_delta(&arguments.file, context),
        (Kind::Chain, false) => chain::info::show(&arguments.file, context),
        (Kind::Chain, true) => chain::info::explain(&arguments.file, context),
        (Kind::TreePatch, false) => tree::package::show(&arguments.file, arguments.operations.as_deref(), context),
        (Kind::TreePatch, true) => {
            let message = "only deltas and chains are explained; `info -v` lists what a tree patch does";
            Err(Error::new(Status::InvalidArgument, message).in_file(&arguments.file))
        }
    }
}

fn show_delta(path: &Path, context: &Context) -> Result<()> {
    let header = read_header(path).map_err(|e| e.in_file(path))?;
    context.printer.report("delta_info", delta_fields(&header), Page { path, header: &header })
}

fn explain_delta(path: &Path, context: &Context) -> Result<()> {
    let most = most_listed(context.printer.verbose());
    let (explanation, _) = context.run(|task| {
        delta::explain(&FileSource::open(path)?, most, &Limits::default(), task).map_err(|e| e.in_file(path))
    })?;
    let header = &explanation.inspection.header;
    let mut fields = delta_fields(header);
    fields["explanation"] = explanation_fields(&explanation);
    let text = format_args!("{}\n{}", Page { path, header }, Tables(&explanation));
    context.printer.report("delta_info", fields, text)
}

/// What the header of a delta says.
struct Page<'a> {
    path: &'a Path,
    header: &'a Header,
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { path, header } = self;
        let share = Share { part: header.delta_size, whole: header.new_size };
        write!(f, "{}", Title(&format!("Delta: {}", path.display())))?;
        writeln!(f, "Size: {} bytes ({share} of the new file)", Grouped(header.delta_size))?;
        write!(f, "{}", Details(header))
    }
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
