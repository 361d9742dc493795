//! A list of versions: every filter on every kernel that may meet it.

use super::{AbiDiff, Direction, Loader, Rungs};
use crate::spec::AbiSpec;

/// One pair of a list of versions.
///
/// ```
/// use fuserig_abi::diff::Chain;
/// use fuserig_abi::spec::AbiSpec;
/// let specs = ["v3", "v4", "v3"].map(|name| AbiSpec::built_in(name).expect("built in"));
/// let chain = Chain::of(&specs);
/// let whole = chain.steps.iter().find(|step| (step.from, step.to) == (0, 2)).expect("a pair");
/// assert!(whole.diff.changes.is_empty(), "what came went again");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStep {
    /// Index of the older version.
    pub from: usize,
    /// Index of the newer version.
    pub to: usize,
    /// What changed between them.
    pub diff: AbiDiff,
}

/// All pairs of a list of versions, the oldest first.
///
/// ```
/// use fuserig_abi::diff::{Chain, Loader, Rungs};
/// use fuserig_abi::spec::AbiSpec;
/// let specs = ["v3", "v4"].map(|name| AbiSpec::built_in(name).expect("built in"));
/// let chain = Chain::of(&specs);
/// assert_eq!(chain.filter_on_kernel(1, 1, Loader::ByName), Rungs::empty());
/// assert!(chain.filter_on_kernel(1, 0, Loader::ByName).contains(Rungs::LOAD));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The names of the versions.
    pub names: Vec<String>,
    /// Every pair, older first.
    pub steps: Vec<ChainStep>,
}

impl Chain {
    /// Compares every version with every later one. Pairs are compared themselves and not added
    /// up: what came and went again in between breaks nobody who skips it.
    pub fn of(specs: &[AbiSpec]) -> Chain {
        let mut steps = Vec::new();
        for (to, newer) in specs.iter().enumerate() {
            for (from, older) in specs.iter().enumerate().take(to) {
                steps.push(ChainStep { from, to, diff: AbiDiff::between(older, newer) });
            }
        }
        steps.sort_by_key(|step| (step.from, step.to));
        Chain { names: specs.iter().map(|spec| spec.name.clone()).collect(), steps }
    }

    /// Where filters made for one version fail on the kernel of another, by index.
    pub fn filter_on_kernel(&self, filter: usize, kernel: usize, loader: Loader) -> Rungs {
        let direction = if filter < kernel { Direction::Forward } else { Direction::Backward };
        let (from, to) = (filter.min(kernel), filter.max(kernel));
        let step = self.steps.iter().find(|step| (step.from, step.to) == (from, to));
        step.map_or(Rungs::empty(), |step| step.diff.rungs(direction, loader))
    }
}
