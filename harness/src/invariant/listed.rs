//! A name is in no listing, whether or not it can be reached.

use core::fmt;
use std::rc::Rc;

use super::{Invariant, Seen};
use crate::vfs::Output;

type Matches = Rc<dyn Fn(&[u8]) -> bool>;

/// See [`never_listed`].
///
/// ```
/// use fuserig::invariant::{Invariant, never_listed};
/// assert_eq!(never_listed(|name| name == b".secret").name(), "never_listed");
/// ```
#[derive(Clone)]
pub struct NeverListed {
    matches: Matches,
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
    NeverListed { matches: Rc::new(matches) }
}

impl fmt::Debug for NeverListed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeverListed").finish_non_exhaustive()
    }
}

impl Invariant for NeverListed {
    fn name(&self) -> &str {
        "never_listed"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Output::Records(records) = &seen.result.output else { return Ok(()) };
        match records.iter().find(|record| (self.matches)(&record.name)) {
            Some(record) => Err(format!("a listing shows {}", record.name.escape_ascii())),
            None => Ok(()),
        }
    }
}
