//! Trees and filters that several tests use.

use fuserig::prelude::*;

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
