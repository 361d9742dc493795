//! `redact:PATTERN`: matching names are shown as `xxxx` in listings.
//!
//! Only listings change: whoever knows a name can still use it, because lookup is left alone. The
//! postfilter rewrites the page in place, which is the whole point of the example: the length of a
//! name stays, so no record moves and no size changes. `out` stays as it is.
//!
//! Worked around: the prefilter must ask for the postfilter (PIPE-10), and after a failed lower
//! step the page holds old memory, so `error_in` comes first.
//!
//! A reader would get wrong uniqueness: two names of one length both become the same name, so a
//! redacted listing may show a name twice, and the name it shows does not exist.

use fuserig_abi::Verdict;

use super::{FuseOps, Patterns};

/// Shows the names that match as so many `x`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, Patterns, redact};
/// let filter = redact(Patterns::parse("*.key").expect("well-formed"));
/// assert!(filter.has(Slot::Member(Op::Readdir, Phase::Post)));
/// assert!(!filter.has(Slot::Member(Op::Lookup, Phase::Pre)));
/// ```
pub fn redact(patterns: Patterns) -> FuseOps<Patterns> {
    let mentions = patterns.mentions();
    FuseOps::with_state("redact", patterns)
        .mentioning(mentions)
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, _, entries| {
            if cx.error_in().is_none() {
                entries.edit_names(|name| {
                    if cx.state.matches(name) {
                        name.fill(b'x');
                    }
                });
            }
            Verdict::Continue
        })
}
