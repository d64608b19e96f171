//! Open chains, and jobs about chains.

use napi::bindgen_prelude::Either;
use napi_derive::napi;
use patchcore_ffi::chain;
use patchcore_ffi::digest::parse_digest;
use patchcore_ffi::options::{CreateOptions, Limits};
use patchcore_ffi::status::Result;

use crate::failure::Failure;
use crate::input::{InputArgument, input, inputs};
use crate::job::{Listener, RunningJob, start};
use crate::options::{ApplyOptions, SquashOptions, amount};
use crate::output::{OutputArgument, PathArgument, output, path};
use crate::results::{
    ChainApplyStats, ChainInfo, DeltaInfo, Explanation, ExtractedLink, LinkInfo, Made, PruneStats, VersionInfo, made,
};

/// An answer that takes no time, or why there is none.
type Answer<T> = Either<T, Failure>;

/// A chain as it was when it was opened.
#[napi]
pub struct OpenChain(chain::Chain);

impl From<chain::Chain> for OpenChain {
    fn from(chain: chain::Chain) -> Self {
        Self(chain)
    }
}

/// Opens a chain.
#[napi]
pub fn open_chain(chain: InputArgument, listener: Listener<OpenChain>) -> napi::Result<RunningJob> {
    let chain = input(chain);
    start(listener, move |_| chain::Chain::open(chain))
}

#[napi]
impl OpenChain {
    /// What it holds as a whole.
    #[napi]
    pub fn info(&self) -> ChainInfo {
        self.0.info().into()
    }

    /// The versions, by their ordinals.
    #[napi]
    pub fn versions(&self) -> Vec<VersionInfo> {
        self.0.versions().into_iter().map(VersionInfo::from).collect()
    }

    /// The links of the history in its order, then the shortcuts.
    #[napi]
    pub fn links(&self) -> Vec<LinkInfo> {
        self.0.links().into_iter().map(LinkInfo::from).collect()
    }

    /// The ordinal of the version that a name, a digest or a prefix of one means.
    #[napi]
    pub fn resolve(&self, version: String) -> Answer<f64> {
        answer(self.0.resolve(&version).map(|ordinal| ordinal as f64))
    }

    /// The ordinal of the latest version with a digest.
    #[napi]
    pub fn find(&self, digest: String) -> Answer<f64> {
        answer(parse_digest(&digest).and_then(|digest| self.0.find(&digest)).map(|ordinal| ordinal as f64))
    }

    /// The links with the fewest bytes from one version to another, as indexes of `links`.
    #[napi]
    pub fn route(&self, from: f64, to: f64) -> Answer<Vec<f64>> {
        let route = self.0.route(from as u64, to as u64);
        answer(route.map(|links| links.into_iter().map(|link| link as f64).collect()))
    }

    /// Makes the version `target` of an old file that may be any version before it.
    #[napi]
    pub fn apply(
        &self,
        old: InputArgument,
        target: Option<String>,
        out: Option<OutputArgument>,
        options: ApplyOptions,
        listener: Listener<Made<ChainApplyStats>>,
    ) -> napi::Result<RunningJob> {
        let (chain, old, output) = (self.0.clone(), input(old), output(out));
        start(listener, move |job| chain.apply(old, target.as_deref(), output, &options.into(), job).map(made))
    }

    /// Makes one delta of the links from one version to another.
    #[napi]
    pub fn squash(
        &self,
        from: Option<String>,
        to: Option<String>,
        out: Option<OutputArgument>,
        options: SquashOptions,
        listener: Listener<Made<DeltaInfo>>,
    ) -> napi::Result<RunningJob> {
        let (chain, output) = (self.0.clone(), output(out));
        start(listener, move |job| chain.squash(from.as_deref(), to.as_deref(), output, &options.into(), job).map(made))
    }

    /// Writes a link as a delta of its own.
    #[napi]
    pub fn extract_link(
        &self,
        link: f64,
        out: Option<OutputArgument>,
        max_memory: Option<f64>,
        listener: Listener<Made<DeltaInfo>>,
    ) -> napi::Result<RunningJob> {
        let (chain, output) = (self.0.clone(), output(out));
        let limits = Limits { max_memory: amount(max_memory) };
        start(listener, move |job| chain.extract_link(link as u64, output, &limits, job).map(made))
    }

    /// Writes links as files into a folder.
    #[napi]
    pub fn extract(
        &self,
        folder: PathArgument,
        from: Option<String>,
        to: Option<String>,
        no_clobber: Option<bool>,
        max_memory: Option<f64>,
        listener: Listener<Vec<ExtractedLink>>,
    ) -> napi::Result<RunningJob> {
        let (chain, folder, no_clobber) = (self.0.clone(), path(folder), no_clobber.unwrap_or_default());
        let limits = Limits { max_memory: amount(max_memory) };
        start(listener, move |job| {
            let files = chain.extract(&folder, from.as_deref(), to.as_deref(), no_clobber, &limits, job)?;
            Ok(files.into_iter().map(ExtractedLink::from).collect::<Vec<_>>())
        })
    }

    /// Checks every record and every delta, and says how many bytes an unfinished append left at the end.
    #[napi]
    pub fn verify(&self, max_memory: Option<f64>, listener: Listener<f64>) -> napi::Result<RunningJob> {
        let chain = self.0.clone();
        let limits = Limits { max_memory: amount(max_memory) };
        start(listener, move |job| chain.verify(&limits, job).map(|tail| tail as f64))
    }

    /// Checks the delta of a link and says where its bytes went.
    #[napi]
    pub fn explain_link(
        &self,
        link: f64,
        most: f64,
        max_memory: Option<f64>,
        listener: Listener<Explanation>,
    ) -> napi::Result<RunningJob> {
        let chain = self.0.clone();
        let limits = Limits { max_memory: amount(max_memory) };
        start(listener, move |job| chain.explain_link(link as u64, most as usize, &limits, job))
    }
}

/// Makes a chain of deltas.
#[napi]
pub fn create_chain(
    deltas: Vec<InputArgument>,
    out: Option<OutputArgument>,
    chain_id: Option<String>,
    names: Vec<String>,
    force: Option<bool>,
    max_memory: Option<f64>,
    listener: Listener<Made<()>>,
) -> napi::Result<RunningJob> {
    let (deltas, output) = (inputs(deltas), output(out));
    let options = CreateOptions { chain_id, names, force: force.unwrap_or_default() };
    let limits = Limits { max_memory: amount(max_memory) };
    start(listener, move |job| chain::create(deltas, output, &options, &limits, job).map(|written| made(((), written))))
}

/// Appends deltas to a chain file, all or none.
#[napi]
pub fn append_to_chain(
    file: PathArgument,
    deltas: Vec<InputArgument>,
    name: Option<String>,
    max_memory: Option<f64>,
    listener: Listener<()>,
) -> napi::Result<RunningJob> {
    let (file, deltas) = (path(file), inputs(deltas));
    let limits = Limits { max_memory: amount(max_memory) };
    start(listener, move |job| chain::append(&file, deltas, name.as_deref(), &limits, job))
}

/// Removes the links that lead up to a version from a chain file.
#[napi]
pub fn prune_chain(
    file: PathArgument,
    before: String,
    drop_versions: Option<bool>,
    options: SquashOptions,
    listener: Listener<PruneStats>,
) -> napi::Result<RunningJob> {
    let (file, drop_versions) = (path(file), drop_versions.unwrap_or_default());
    start(listener, move |job| chain::prune(&file, &before, drop_versions, &options.into(), job))
}

fn answer<T>(result: Result<T>) -> Answer<T> {
    match result {
        Ok(known) => Either::A(known),
        Err(error) => Either::B(error.into()),
    }
}
