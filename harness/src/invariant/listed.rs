//! A name is in no listing, whether or not it can be reached.

use super::matching::Matching;
use super::{Invariant, Seen};

/// See [`never_listed`].
///
/// ```
/// use fuserig::invariant::{Invariant, never_listed};
/// assert_eq!(never_listed(|name| name == b".secret").name(), "never_listed");
/// ```
#[derive(Clone, Debug)]
pub struct NeverListed {
    matches: Matching,
}

/// No listing shows a name that matches.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, || redact(Patterns::parse(".secret").expect("a name")));
/// Simulation::new(Seed(7)).operations(50)
///     .run(subject.over("/notes.txt 'hi'\n/.secret 'no'"))
///     .check(invariant::never_listed(|name| name == b".secret"))
///     .or_report();
/// ```
pub fn never_listed(matches: impl Fn(&[u8]) -> bool + 'static) -> NeverListed {
    NeverListed { matches: Matching::new(matches) }
}

impl Invariant for NeverListed {
    fn name(&self) -> &str {
        "never_listed"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.matches.is_in_none_of(&seen.result.output)
    }
}
