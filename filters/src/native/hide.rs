//! `hide:PATTERN`: names that nobody can find, list, create or remove.
//!
//! `lookup_prefilter` answers -ENOENT, and that alone makes every path to the name fail. Creating
//! it fails the same way, with ENOENT and not EEXIST, because the kernel needs a negative entry
//! from the lookup first (LOOK-5). The members that take a name answer alike: an entry that is in
//! use reaches them without a lookup (LOOK-4), and both ways must look the same to the caller.
//! `readdir_postfilter` drops the records.
//!
//! Worked around: a postfilter runs only when its prefilter asks for it (PIPE-10); after a failed
//! lower step the page holds old memory, so `error_in` comes first; a page that lost all of its
//! records would read as the end of the directory, so it asks for another pass (RDIR-2).
//!
//! A reader would get wrong what stays visible: link counts, the size of the directory, and the
//! ENOTEMPTY of a directory that looks empty. A hard link made before keeps its other name.

use fuserig_abi::{Errno, Verdict};

use super::{FuseOps, Patterns};

/// Hides the names that match.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, Patterns, hide};
/// let filter = hide(Patterns::parse(".*").expect("well-formed"));
/// assert!(filter.has(Slot::Member(Op::Readdir, Phase::Post)));
/// ```
pub fn hide(patterns: Patterns) -> FuseOps<Patterns> {
    let mentions = patterns.mentions();
    FuseOps::with_state("hide", patterns)
        .mentioning(mentions)
        .lookup_prefilter(|cx, name| verdict(cx.state, &[name.name()]))
        .create_open_prefilter(|cx, _, name| verdict(cx.state, &[name.name()]))
        .mknod_prefilter(|cx, _, name| verdict(cx.state, &[name.name()]))
        .mkdir_prefilter(|cx, _, name| verdict(cx.state, &[name.name()]))
        .symlink_prefilter(|cx, name, _| verdict(cx.state, &[name.name()]))
        .link_prefilter(|cx, _, name| verdict(cx.state, &[name.name()]))
        .unlink_prefilter(|cx, name| verdict(cx.state, &[name.name()]))
        .rmdir_prefilter(|cx, name| verdict(cx.state, &[name.name()]))
        .rename_prefilter(|cx, _, old, new| verdict(cx.state, &[old.name(), new.name()]))
        .rename2_prefilter(|cx, _, old, new| verdict(cx.state, &[old.name(), new.name()]))
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, out, entries| {
            if cx.error_in().is_some() {
                return Verdict::Continue;
            }
            let dropped = entries.retain(|entry| !cx.state.matches(entry.name));
            if dropped > 0 && entries.is_empty() {
                out.again = 1;
            }
            Verdict::Continue
        })
}

fn verdict(patterns: &Patterns, names: &[&[u8]]) -> Verdict {
    if names.iter().any(|name| patterns.matches(name)) {
        return Verdict::Error(Errno::ENOENT);
    }
    Verdict::Continue
}
