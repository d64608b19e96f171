//! `patchcore chain info`: what a chain holds.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::Result;
use patchcore::chain::{Chain, Link};
use serde_json::{Value, json};

use crate::context::Context;
use crate::report::{Title, file_fields};
use crate::text::Grouped;

/// Show what a chain holds; --verbose lists its links
#[derive(Args)]
#[command(after_help = "Example: patchcore chain info updates.chain --verbose")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    show(&arguments.chain, context)
}

/// Shows a chain; `info` does the same.
pub(crate) fn show(path: &Path, context: &Context) -> Result<()> {
    let chain = Chain::open(path)?;
    let versions = chain.versions().iter().map(|version| {
        let mut fields = file_fields(version.size, &version.digest);
        fields["name"] = version.name.as_str().into();
        fields
    });
    let fields = json!({
        "chain_id": chain.chain_id(),
        "total_size": chain.total_size(),
        "versions": versions.collect::<Vec<_>>(),
        "links": chain.links().map(|link| link_fields(&chain, link)).collect::<Vec<_>>(),
        "shortcuts": chain.shortcuts().map(|link| link_fields(&chain, link)).collect::<Vec<_>>(),
        "shortcut_size": chain.shortcut_size(),
    });
    context.printer.report("chain_info", fields, Page { chain: &chain, verbose: context.printer.verbose() })
}

/// A link in JSON; `from` and `to` are names.
pub(super) fn link_fields(chain: &Chain, link: &Link) -> Value {
    let [from, to] = [link.from, link.to].map(|ordinal| &chain.versions()[ordinal].name);
    json!({ "from": from, "to": to, "size": link.size, "offset": link.offset, "shortcut": link.shortcut })
}

struct Page<'a> {
    chain: &'a Chain,
    verbose: bool,
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = self.chain;
        write!(f, "{}", Title(&format!("Patch Chain: {}", chain.chain_id())))?;
        writeln!(f, "Links: {}", Grouped(chain.links().count() as u64))?;
        writeln!(f, "Total size: {} bytes", Grouped(chain.total_size()))?;
        if self.verbose {
            writeln!(f, "\nChain History:")?;
            chain.links().try_for_each(|link| self.row(f, link.number(), link))?;
            if chain.shortcuts().next().is_some() {
                writeln!(f, "\nShortcuts:")?;
                chain.shortcuts().enumerate().try_for_each(|(number, link)| self.row(f, number, link))?;
            }
        }
        Ok(())
    }
}

impl Page<'_> {
    fn row(&self, f: &mut fmt::Formatter<'_>, number: usize, link: &Link) -> fmt::Result {
        let [from, to] = [link.from, link.to].map(|ordinal| self.chain.versions()[ordinal].digest.short());
        let (size, label) = (Grouped(link.size), self.chain.label(link));
        writeln!(f, "  [{number}] {from} → {to} ({size} bytes) - {label}")
    }
}
