//! For every history: what a chain makes of a version is the later version, whichever way it takes.

use patchcore::chain::{ApplyOptions, Chain};
use patchcore::{Digest, Limits, Status, Task};
use proptest::prelude::*;

use crate::{Lab, apply, apply_delta, diff, fast, noise, squash};

/// How one version comes from an earlier one.
#[derive(Clone, Debug)]
struct Step {
    /// How many versions back the earlier one is: mostly none, else this is a branch.
    back: usize,
    edit: Edit,
}

#[derive(Clone, Debug)]
enum Edit {
    Nothing,
    Overwrite {
        at: usize,
        len: usize,
        seed: u64,
    },
    Insert {
        at: usize,
        len: usize,
        seed: u64,
    },
    Remove {
        at: usize,
        len: usize,
    },
    Move {
        at: usize,
        len: usize,
    },
    Add {
        at: usize,
        len: usize,
    },
    Replace {
        len: usize,
        seed: u64,
    },
    /// The bytes of an earlier version come back.
    Revert {
        version: usize,
    },
}

impl Edit {
    fn apply(&self, old: &[u8], history: &[Vec<u8>]) -> Vec<u8> {
        let mut new = old.to_vec();
        let range = |at: &usize, len: &usize| {
            let start = at % (old.len() + 1);
            start..(start + len).min(old.len())
        };
        match self {
            Edit::Nothing => {}
            Edit::Overwrite { at, len, seed } => {
                let range = range(at, len);
                let len = range.len();
                new[range].copy_from_slice(&noise(len, *seed));
            }
            Edit::Insert { at, len, seed } => {
                let at = range(at, len).start;
                new.splice(at..at, noise(*len, *seed));
            }
            Edit::Remove { at, len } => drop(new.drain(range(at, len))),
            Edit::Move { at, len } => {
                let moved: Vec<u8> = new.drain(range(at, len)).collect();
                new.extend(moved);
            }
            Edit::Add { at, len } => new[range(at, len)].iter_mut().for_each(|byte| *byte = byte.wrapping_add(3)),
            Edit::Replace { len, seed } => new = noise(*len, *seed),
            Edit::Revert { version } => new = history[version % history.len()].clone(),
        }
        new
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let (at, len, seed) = (|| 0usize..3000, || 0usize..400, || 0u64..4);
    prop_oneof![
        1 => Just(Edit::Nothing),
        4 => (at(), len(), seed()).prop_map(|(at, len, seed)| Edit::Overwrite { at, len, seed }),
        3 => (at(), len(), seed()).prop_map(|(at, len, seed)| Edit::Insert { at, len, seed }),
        3 => (at(), len()).prop_map(|(at, len)| Edit::Remove { at, len }),
        2 => (at(), len()).prop_map(|(at, len)| Edit::Move { at, len }),
        2 => (at(), len()).prop_map(|(at, len)| Edit::Add { at, len }),
        1 => (len(), seed()).prop_map(|(len, seed)| Edit::Replace { len, seed }),
        2 => (0usize..8).prop_map(|version| Edit::Revert { version }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![5 => Just(0usize), 1 => 0usize..4];
    (back, edit()).prop_map(|(back, edit)| Step { back, edit })
}

/// What a chain should hold: the bytes of each version, and which links there are.
struct Model {
    versions: Vec<Vec<u8>>,
    links: Vec<(usize, usize)>,
}

impl Model {
    fn latest(&self, bytes: &[u8]) -> Option<usize> {
        self.versions.iter().rposition(|version| version == bytes)
    }

    /// Says whether the chain takes the delta, and keeps what it then holds.
    fn add(&mut self, old: &[u8], new: Vec<u8>) -> bool {
        let from = self.latest(old).unwrap();
        let to = match self.latest(&new) {
            Some(to) if to > from => to,
            _ => {
                self.versions.push(new);
                self.versions.len() - 1
            }
        };
        let is_new = !self.links.contains(&(from, to));
        self.links.push((from, to));
        is_new
    }

    fn leads(&self, from: usize, to: usize) -> bool {
        from == to || self.links.iter().any(|&(start, next)| start == from && next <= to && self.leads(next, to))
    }

    /// Whether the bytes of a version are those of one from where `to` can be reached.
    fn can_apply(&self, from: usize, to: usize) -> bool {
        let same = |ordinal: &usize| self.versions[*ordinal] == self.versions[from];
        self.versions[from] == self.versions[to] || (0..self.versions.len()).filter(same).any(|v| self.leads(v, to))
    }
}

/// Applies every version to get every other one that `wanted` names, in every way.
fn check(chain: &Chain, model: &Model, wanted: impl Fn(usize, usize) -> bool) -> Result<(), TestCaseError> {
    for from in 0..model.versions.len() {
        for to in 0..model.versions.len() {
            if !wanted(from, to) {
                continue;
            }
            let (old, new) = (&model.versions[from], &model.versions[to]);
            match apply(chain, old, Some(to)) {
                Ok((made, _)) => prop_assert!(model.can_apply(from, to) && made == *new),
                Err(e) => prop_assert!(!model.can_apply(from, to) && e.status() == Status::NoRoute, "{}", e),
            }
            if model.can_apply(from, to) {
                prop_assert_eq!(&streamed(chain, old, to, 0), new);
                prop_assert_eq!(&streamed(chain, old, to, 2 << 20), new);
            }
            match squash(chain, from, to) {
                Ok(delta) => prop_assert!(model.leads(from, to) && apply_delta(old, &delta) == *new),
                Err(e) => prop_assert!(!model.leads(from, to) && e.status() == Status::NoRoute, "{}", e),
            }
        }
    }
    Ok(())
}

fn streamed(chain: &Chain, old: &[u8], to: usize, memory: u64) -> Vec<u8> {
    let limits = Limits { memory, ..Limits::default() };
    let options = ApplyOptions { limits, streaming: true, ..ApplyOptions::default() };
    let mut out = Vec::new();
    chain.apply(&old, &mut out, Some(to), &options, &mut Task::new()).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_way_through_a_history_makes_the_same_version(
        base in (0usize..3000, 0u64..4),
        steps in prop::collection::vec(step(), 1..6),
        cut in 0usize..8,
        shortcuts in prop::collection::vec((0usize..6, 0usize..6), 0..3),
    ) {
        let mut model = Model { versions: vec![noise(base.0, base.1)], links: vec![] };
        let lab = Lab::empty();
        for step in steps {
            let from = model.versions.len().saturating_sub(1 + step.back);
            let old = model.versions[from].clone();
            let new = step.edit.apply(&old, &model.versions);
            let delta = diff(&old, &new);
            let is_new = model.add(&old, new);
            let result = if model.links.len() == 1 {
                lab.create(&[delta])
            } else {
                crate::append(&lab.path, &[delta], None).map(drop)
            };
            match result {
                Ok(()) => prop_assert!(is_new),
                Err(e) => prop_assert!(!is_new && e.status() == Status::InvalidArgument, "{}", e),
            }
        }
        for (from, to) in shortcuts {
            if from < to && to < model.versions.len() && model.leads(from, to) {
                let names = [from, to].map(|ordinal| format!("v{}", ordinal + 1));
                let out = lab.folder.path().join("shortcut");
                let options = patchcore::chain::SquashOptions {
                    from: Some(&names[0]),
                    to: Some(&names[1]),
                    shortcut: true,
                    encode: fast(),
                    ..Default::default()
                };
                Chain::squash_file(&lab.path, &out, &options, Default::default(), &mut Task::new()).unwrap();
                model.links.push((from, to));
            }
        }
        let chain = lab.open();
        prop_assert_eq!(chain.versions().len(), model.versions.len());
        for (version, bytes) in chain.versions().iter().zip(&model.versions) {
            prop_assert_eq!((version.digest, version.size), (Digest::of(bytes), bytes.len() as u64));
        }
        chain.verify(&Limits::default(), &mut Task::new()).unwrap();
        check(&chain, &model, |_, _| true)?;

        let cut = cut % model.versions.len();
        let name = format!("v{}", cut + 1);
        let prune = |drop| {
            Chain::prune(&lab.path, &name, drop, &fast(), &Limits::default(), &mut Task::new()).unwrap();
            let chain = lab.open();
            chain.verify(&Limits::default(), &mut Task::new()).unwrap();
            chain
        };
        // Versions before the cut are still led on from, but no longer led to, unless by the same bytes.
        check(&prune(false), &model, |_, to| to >= cut)?;
        let chain = prune(true);
        let rest = Model {
            versions: model.versions[cut..].to_vec(),
            links: model.links.iter().filter(|link| link.0 >= cut).map(|link| (link.0 - cut, link.1 - cut)).collect(),
        };
        prop_assert_eq!(chain.versions().len(), rest.versions.len());
        check(&chain, &rest, |_, _| true)?;
    }
}
