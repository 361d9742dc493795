//! Which translator takes which call.

use super::super::error::Trouble;
use super::super::session::{Outcome, Scene, Session};
use super::{attributes, copies, data, descriptors, names, open, process, stat, xattr};

/// Translates one call.
pub(super) type Translate = fn(&mut Session<'_>, &Scene<'_>) -> Result<Outcome, Trouble>;

/// The translator of a call, or `None` for calls without a row in the table.
pub(in crate::import::strace) fn translator(name: &str) -> Option<Translate> {
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
