//! Trees and filters that several tests use.

use fuserig::prelude::*;
use fuserig::scenario::{self, Scenario};

/// Names to hide beside names to show.
pub(super) const TREE: &str = "/notes.txt 'hi'\n/.secret 'no'\n/d/\n/d/a 'abc'\n/d/.secret 's'\n\
                               /d/x.jpg 'jpg'\n/e/\n/b 'bbb' xattr.user.a='v'";

/// The hide filter as it should be.
pub(super) fn hide_secret() -> impl Filter {
    hide(Patterns::parse(".secret").expect("a name"))
}

/// A simulation that uses the hidden name.
pub(super) fn simulation(seed: u64) -> Simulation {
    Simulation::new(Seed(seed)).name(".secret").clients(2).operations(60).runs(40)
}

/// A filter over the tree.
pub(super) fn over<F: Filter + 'static>(make: impl Fn() -> F + 'static) -> Subject {
    Subject::new(Abi::V4, make).over(TREE)
}

/// No filter, over the common tree.
pub(super) fn unfiltered() -> Subject {
    Subject::without_filter(Abi::V4).over(TREE).named("none")
}

/// In what a scenario is not as it says.
pub(super) fn failures(text: &str) -> Vec<String> {
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let resolve = |spec: &str| builtin(spec).map_err(|error| error.to_string());
    let report = scenario::run(&scenario, Abi::V4, &resolve).expect("it mounts");
    report.failures.iter().map(ToString::to_string).collect()
}
