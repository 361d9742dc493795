//! The names that an invariant is about.

use core::fmt;
use std::rc::Rc;

use crate::vfs::Output;

/// Says of a name whether it is meant.
type Predicate = dyn Fn(&[u8]) -> bool;

/// A predicate on names, shared by the copies of an invariant.
#[derive(Clone)]
pub(super) struct Matching(Rc<Predicate>);

impl Matching {
    pub(super) fn new(matches: impl Fn(&[u8]) -> bool + 'static) -> Matching {
        Matching(Rc::new(matches))
    }

    pub(super) fn is(&self, name: &[u8]) -> bool {
        (self.0)(name)
    }

    /// The first component of a path that matches.
    pub(super) fn component<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let names = path.split(|byte| *byte == b'/');
        names.filter(|name| !name.is_empty()).find(|name| self.is(name))
    }

    /// A listing must show no such name.
    pub(super) fn is_in_none_of(&self, output: &Output) -> Result<(), String> {
        let Output::Records(records) = output else { return Ok(()) };
        match records.iter().find(|record| self.is(&record.name)) {
            Some(record) => Err(format!("a listing shows {}", record.name.escape_ascii())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matching(..)")
    }
}
