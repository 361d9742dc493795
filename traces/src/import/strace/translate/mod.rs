//! From a call of Linux to a record of the table: one file a family, one list of names.
//!
//! Each translator first finds out whether the call concerns the root and reads the other
//! arguments only then, so that calls elsewhere need not be understood. What a reader would get
//! wrong: a failed call is recorded like any other (its error is what a replay must give), but a
//! call over the border of the root is recorded only in parts the trace can say.

mod attributes;
mod copies;
mod data;
mod descriptors;
mod names;
mod open;
mod other;
mod process;
mod stat;
mod xattr;

use super::error::Trouble;
use super::session::{Outcome, Scene, Session};

/// Translates one call.
pub(super) type Translate = fn(&mut Session<'_>, &Scene<'_>) -> Result<Outcome, Trouble>;

/// The translator of a call, or `None` for calls without a row in the table.
pub(super) fn translator(name: &str) -> Option<Translate> {
    [
        open::TRANSLATORS,
        descriptors::TRANSLATORS,
        data::TRANSLATORS,
        copies::TRANSLATORS,
        stat::TRANSLATORS,
        names::TRANSLATORS,
        attributes::TRANSLATORS,
        xattr::TRANSLATORS,
        process::TRANSLATORS,
    ]
    .into_iter()
    .flatten()
    .find(|(known, _)| *known == name)
    .map(|(_, translate)| *translate)
}

pub(super) use other::{concerns_root, other};
pub(super) use process::{EXITS, FORKS, shares};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_call_has_two_translators() {
        let mut seen = BTreeSet::new();
        let lists = [
            super::open::TRANSLATORS,
            super::descriptors::TRANSLATORS,
            super::data::TRANSLATORS,
            super::copies::TRANSLATORS,
            super::stat::TRANSLATORS,
            super::names::TRANSLATORS,
            super::attributes::TRANSLATORS,
            super::xattr::TRANSLATORS,
            super::process::TRANSLATORS,
        ];
        for (name, _) in lists.into_iter().flatten() {
            assert!(seen.insert(name), "{name}");
            assert!(super::translator(name).is_some());
        }
        assert!(super::translator("brk").is_none());
    }
}
