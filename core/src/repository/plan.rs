//! Which packages bring an installation to a version for the fewest bytes.

use crate::error::{Error, Result, Status};
use crate::repository::manifest::{Line, Manifest, NOTHING, Package};
use crate::route::{Edge, Routes};
use crate::version::Version;

/// How an installation gets to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateMeans {
    /// There is nothing to do.
    Nothing,
    /// By the deltas between the versions.
    Deltas,
    /// By a package of a whole version, and deltas from there on if that is an older one.
    Full,
    /// By those files of a package of the whole version that differ from what is installed.
    Repair,
}

impl UpdateMeans {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Deltas => "deltas",
            Self::Full => "full",
            Self::Repair => "repair",
        }
    }
}

/// Why it gets there in that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanReason {
    /// The version is installed already.
    UpToDate,
    /// A newer version is installed than there is.
    NewerInstalled,
    /// Nothing is installed.
    NewInstallation,
    /// The deltas are fewer bytes than the whole version.
    FewestBytes,
    /// The whole version is fewer bytes than the deltas.
    FullIsSmaller,
    /// The repository knows nothing of the version that is installed.
    UnknownVersion,
    /// The repository knows the version that is installed, and the deltas that led on from it are gone.
    NoDeltas,
    /// The caller asked for a repair.
    RepairAsked,
    /// The caller asked for the whole version.
    FullAsked,
    /// Something is missing that every installation has.
    IncompleteInstallation,
}

impl PlanReason {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::NewerInstalled => "newer_installed",
            Self::NewInstallation => "new_installation",
            Self::FewestBytes => "fewest_bytes",
            Self::FullIsSmaller => "full_is_smaller",
            Self::UnknownVersion => "unknown_version",
            Self::NoDeltas => "no_deltas",
            Self::RepairAsked => "repair_asked",
            Self::FullAsked => "forced_full",
            Self::IncompleteInstallation => "incomplete_installation",
        }
    }
}

/// What brings an installation to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatePlan<'a> {
    /// How.
    pub means: UpdateMeans,
    /// Why so.
    pub reason: PlanReason,
    /// The version that is installed, where that is known.
    pub from: Option<Version>,
    /// The version that will be installed.
    pub to: Version,
    /// The packages, in the order in which they are applied.
    pub packages: Vec<&'a Package>,
    /// The bytes of all of them.
    pub bytes: u64,
}

/// Plans the way from the version `from` (nothing at all is 0.0.0; `None` is not known) to the version `to`, the newest
/// unless given, on a machine of `arch`.
///
/// UNKNOWN_VERSION where there is no version `to`, NO_ROUTE where nothing leads to it. An older version than the installed
/// one is planned as if nothing were installed.
pub fn plan<'a>(
    manifest: &'a Manifest,
    from: Option<Version>,
    to: Option<Version>,
    arch: Option<&str>,
) -> Result<UpdatePlan<'a>> {
    let line = manifest.line(arch);
    let latest = line.latest().ok_or_else(|| Error::new(Status::UnknownVersion, "no version is published yet"))?;
    let versions = line.versions();
    let target = to.unwrap_or(latest);
    if !versions.contains(&target) {
        let known: Vec<String> = versions.iter().map(Version::to_string).collect();
        let message = format!("there is no version {target}; there are {}", known.join(", "));
        return Err(Error::new(Status::UnknownVersion, message));
    }
    let nothing = |reason| {
        let plan = UpdatePlan { means: UpdateMeans::Nothing, reason, from, to: target, packages: Vec::new(), bytes: 0 };
        Ok(plan)
    };
    if from == Some(target) {
        return nothing(PlanReason::UpToDate);
    }
    if to.is_none() && from.is_some_and(|from| from > target) {
        return nothing(PlanReason::NewerInstalled);
    }
    let graph = Graph::new(&line);
    let deltas = from.filter(|from| *from != NOTHING).and_then(|from| graph.route(from, target));
    let full = graph.route(NOTHING, target);
    let why_full = match (from, &deltas) {
        (Some(from), _) if from == NOTHING => PlanReason::NewInstallation,
        (Some(_), Some(_)) => PlanReason::FullIsSmaller,
        (Some(from), None) if versions.contains(&from) => PlanReason::NoDeltas,
        (None | Some(_), _) => PlanReason::UnknownVersion,
    };
    let (means, reason, packages) = match (deltas, full) {
        (Some(deltas), full) if full.as_ref().is_none_or(|full| bytes_of(&deltas) <= bytes_of(full)) => {
            (UpdateMeans::Deltas, PlanReason::FewestBytes, deltas)
        }
        (_, Some(full)) => (UpdateMeans::Full, why_full, full),
        (_, None) => {
            let from = from.map_or("an unknown version".to_owned(), |from| from.to_string());
            let message = format!("nothing leads from {from} to {target}: neither deltas nor a package of the whole");
            return Err(Error::new(Status::NoRoute, message));
        }
    };
    let bytes = bytes_of(&packages);
    Ok(UpdatePlan { means, reason, from, to: target, packages, bytes })
}

fn bytes_of(packages: &[&Package]) -> u64 {
    packages.iter().map(|package| package.size).fold(0, u64::saturating_add)
}

/// The versions of a line, the empty directory before all of them, and the packages between.
pub(super) struct Graph<'a> {
    versions: Vec<Version>,
    packages: Vec<&'a Package>,
    edges: Vec<Edge>,
}

impl<'a> Graph<'a> {
    pub fn new(line: &Line<'a>) -> Self {
        let mut versions = line.versions();
        versions.insert(0, NOTHING);
        let ordinal = |version: Version| versions.binary_search(&version).ok();
        let start = |package: &Package| if package.is_full() { NOTHING } else { package.from };
        let edges = line.packages().iter().filter_map(|package| {
            let edge = Edge { from: ordinal(start(package))?, to: ordinal(package.to)?, bytes: package.size };
            (edge.from < edge.to).then_some((*package, edge))
        });
        let (packages, edges) = edges.unzip();
        Self { versions, packages, edges }
    }

    /// The packages with the fewest bytes from one version to another.
    pub fn route(&self, from: Version, to: Version) -> Option<Vec<&'a Package>> {
        let ordinal = |version: Version| self.versions.binary_search(&version).ok();
        let (start, target) = (ordinal(from)?, ordinal(to)?);
        let route = Routes::to(target, &self.edges).from(start)?;
        Some(route.into_iter().map(|edge| self.packages[edge]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// Packages as `FROM TO SIZE`; from 0.0.0 they are full.
    fn manifest(packages: &[&str]) -> Manifest {
        let patches: Vec<_> = packages
            .iter()
            .enumerate()
            .map(|(number, text)| {
                let [from, to, size] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
                serde_json::json!({"from": from, "to": to, "size": size.parse::<u64>().unwrap(),
                    "file": format!("{number}.zip"), "is_combined": from == "0.0.0"})
            })
            .collect();
        Manifest::from_json(serde_json::json!({ "patches": patches }).to_string().as_bytes()).unwrap()
    }

    fn planned(manifest: &Manifest, from: Option<&str>) -> (UpdateMeans, PlanReason, Vec<String>) {
        let plan = plan(manifest, from.map(version), None, None).unwrap();
        assert_eq!(plan.bytes, plan.packages.iter().map(|package| package.size).sum::<u64>());
        (plan.means, plan.reason, plan.packages.iter().map(|package| package.file.clone()).collect())
    }

    fn files(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("{name}.zip")).collect()
    }

    #[test]
    fn the_fewest_bytes_win() {
        let manifest =
            manifest(&["1.0.0 1.0.1 10", "1.0.1 1.0.2 10", "1.0.2 1.0.3 10", "1.0.0 1.0.2 15", "0.0.0 1.0.3 24"]);
        let full = |reason| (UpdateMeans::Full, reason, files(&["4"]));
        let deltas = |names: &[&str]| (UpdateMeans::Deltas, PlanReason::FewestBytes, files(names));
        assert_eq!(planned(&manifest, Some("1.0.2")), deltas(&["2"]));
        assert_eq!(planned(&manifest, Some("1.0.1")), deltas(&["1", "2"]));
        assert_eq!(planned(&manifest, Some("1.0.0")), full(PlanReason::FullIsSmaller));
        assert_eq!(planned(&manifest, Some("0.0.0")), full(PlanReason::NewInstallation));
        assert_eq!(planned(&manifest, Some("0.9.0")), full(PlanReason::UnknownVersion));
        assert_eq!(planned(&manifest, None), full(PlanReason::UnknownVersion));
        let nothing = |reason| (UpdateMeans::Nothing, reason, Vec::new());
        assert_eq!(planned(&manifest, Some("v1.0.3.0")), nothing(PlanReason::UpToDate));
        assert_eq!(planned(&manifest, Some("1.0.4")), nothing(PlanReason::NewerInstalled));
    }

    #[test]
    fn a_version_whose_deltas_are_gone_goes_by_the_whole() {
        let manifest = manifest(&["1.0.0 1.0.1 1", "1.0.2 1.0.3 1", "0.0.0 1.0.3 99"]);
        assert_eq!(planned(&manifest, Some("1.0.0")), (UpdateMeans::Full, PlanReason::NoDeltas, files(&["2"])));
    }

    #[test]
    fn an_older_version_is_reached_where_something_leads_there() {
        let manifest = manifest(&["1.0.0 1.0.1 1", "1.0.1 1.0.2 1", "0.0.0 1.0.0 50"]);
        let to = |from: &str, to: &str| plan(&manifest, Some(version(from)), Some(version(to)), None);
        assert_eq!(to("1.0.0", "1.0.1").unwrap().bytes, 1);
        assert_eq!(to("1.0.2", "1.0.0").unwrap().means, UpdateMeans::Full);
        let from_the_base = to("1.0.2", "1.0.1").unwrap();
        assert_eq!((from_the_base.means, from_the_base.bytes), (UpdateMeans::Full, 51));
        assert_eq!(to("1.0.2", "2.0.0").unwrap_err().status(), Status::UnknownVersion);
        assert_eq!(plan(&Manifest::default(), None, None, None).unwrap_err().status(), Status::UnknownVersion);
    }

    #[test]
    fn without_a_package_of_the_whole_nothing_leads_from_an_unknown_version() {
        let manifest = manifest(&["1.0.0 1.0.1 1"]);
        assert_eq!(plan(&manifest, None, None, None).unwrap_err().status(), Status::NoRoute);
    }
}
