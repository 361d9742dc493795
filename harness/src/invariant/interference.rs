//! Hidden names make no difference at all: with and without them, every client sees the same.
//!
//! The twin runs over the tree without the hidden names. Link counts, listings, errnos and sizes
//! must agree. What a reader would get wrong: this is stronger than a filter can be that only
//! hides; `hide` fails it as soon as somebody removes a directory that looks empty.

use super::matching::Matching;
use super::{End, Invariant};
use crate::invariant::twin::compare_results;
use crate::sim::{Case, Compared, Subject, Text};

/// See [`no_interference`].
///
/// ```
/// use fuserig::invariant::{Invariant, no_interference};
/// assert_eq!(no_interference(|name| name == b".s").name(), "no_interference");
/// ```
#[derive(Clone, Debug)]
pub struct NoInterference {
    matches: Matching,
}

/// Nothing that a client sees depends on the names that match.
pub fn no_interference(matches: impl Fn(&[u8]) -> bool + 'static) -> NoInterference {
    NoInterference { matches: Matching::new(matches) }
}

impl NoInterference {
    fn hides(&self, line: &str) -> bool {
        let path = line.split_whitespace().next().unwrap_or("");
        let path = Text::parse(path).unwrap_or_default();
        self.matches.component(&path.0).is_some()
    }
}

impl Invariant for NoInterference {
    fn name(&self) -> &str {
        "no_interference"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        let lines: Vec<&str> = case.tree.lines().filter(|line| !self.hides(line)).collect();
        Some((subject.clone(), Case { tree: lines.join("\n"), ..case.clone() }))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(twin) = end.twin else { return Ok(()) };
        let words = ("with the hidden names", "without them");
        compare_results(end, twin, words, Compared::State)
    }
}
