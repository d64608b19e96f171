//! `patchcore chain info`: what a chain holds.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::chain::{Chain, Link};
use patchcore::delta::Explanation;
use patchcore::{Limits, Result};
use serde_json::{Value, json};

use crate::context::Context;
use crate::explanation::{ExplainOption, Tables, Totals, deltas_table, explanation_fields, most_listed};
use crate::report::{Title, file_fields};
use crate::text::Grouped;

/// Show what a chain holds; --verbose lists its links
#[derive(Args)]
#[command(after_help = "Example: patchcore chain info updates.chain --verbose")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,

    #[command(flatten)]
    explain: ExplainOption,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let show = if arguments.explain.explain { explain } else { show };
    show(&arguments.chain, context)
}

/// Shows a chain; `info` does the same.
pub(crate) fn show(path: &Path, context: &Context) -> Result<()> {
    let chain = Chain::open(path)?;
    let page = Page { chain: &chain, verbose: context.printer.verbose() };
    context.printer.report("chain_info", chain_fields(&chain), page)
}

/// Shows a chain and where its bytes went; `info --explain` does the same.
pub(crate) fn explain(path: &Path, context: &Context) -> Result<()> {
    let chain = Chain::open(path)?;
    let verbose = context.printer.verbose();
    let (explained, _) = context.run(|task| {
        let explain = |link: &Link| {
            let explanation = chain.explain(link, most_listed(verbose), &Limits::default(), task)?;
            let name = chain.label(link);
            Ok((if link.shortcut { format!("{name} (shortcut)") } else { name }, explanation))
        };
        chain.links().chain(chain.shortcuts()).map(explain).collect::<Result<Vec<_>>>()
    })?;
    let totals = Totals::of(explained.iter().map(|(_, explanation)| explanation));
    let mut fields = chain_fields(&chain);
    fields["explanation"] = totals.fields();
    fields["explanation"]["records_and_index"] = chain.overhead().into();
    fields["explanation"]["ignored_tail"] = chain.ignored_tail().into();
    for (name, from) in [("links", 0), ("shortcuts", chain.links().count())] {
        let links = fields[name].as_array_mut().into_iter().flatten();
        for (link, (_, explanation)) in links.zip(&explained[from..]) {
            link["explanation"] = explanation_fields(explanation);
        }
    }
    let page = Page { chain: &chain, verbose };
    context.printer.report("chain_info", fields, Explained { page, totals, links: &explained })
}

fn chain_fields(chain: &Chain) -> Value {
    let versions = chain.versions().iter().map(|version| {
        let mut fields = file_fields(version.size, &version.digest);
        fields["name"] = version.name.as_str().into();
        fields
    });
    json!({
        "chain_id": chain.chain_id(),
        "total_size": chain.total_size(),
        "versions": versions.collect::<Vec<_>>(),
        "links": chain.links().map(|link| link_fields(chain, link)).collect::<Vec<_>>(),
        "shortcuts": chain.shortcuts().map(|link| link_fields(chain, link)).collect::<Vec<_>>(),
        "shortcut_size": chain.shortcut_size(),
    })
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

/// A chain with where its bytes went.
struct Explained<'a> {
    page: Page<'a>,
    totals: Totals,
    links: &'a [(String, Explanation)],
}

impl Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { page, totals, links } = self;
        let mut beside = vec![("records and index of the chain", page.chain.overhead())];
        if page.chain.ignored_tail() > 0 {
            beside.push(("left by an unfinished append", page.chain.ignored_tail()));
        }
        writeln!(f, "{page}\nWhere the bytes of the chain went:\n{}", totals.bytes_table(&beside))?;
        writeln!(f, "Where the new files of all links come from:\n{}", totals.origins_table())?;
        write!(f, "Link by link:\n{}", deltas_table("link", links))?;
        if page.verbose {
            for (name, explanation) in *links {
                write!(f, "\n{}\n{}", Title(name), Tables(explanation))?;
            }
        }
        Ok(())
    }
}
