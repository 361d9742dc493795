//! Where nothing is ever lost but the end: after a crash the tree is as it was at one moment.
//!
//! Under `prefix` a crash cuts history off at one point, and under `sync` at the last. A moment is
//! the tree when a call returned; what changes from one to the next may have been on its way, and
//! all else is as at the first of them. Where calls overlapped, something may have come and gone in
//! between, and any tree is explained. What a reader would get wrong: times are not compared, for a
//! call may set them before it does what it is about.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_sim_fs::{Durability, MemFs};

use crate::invariant::Seen;
use crate::sim::Action;

/// A tree that may be found again.
#[derive(Clone, Debug)]
struct Moment {
    tree: MemFs,
    /// Whether the call that led here overlapped another.
    overlapped: bool,
}

/// Those that may, the oldest first; none where a policy keeps no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments(Vec<Moment>);

impl Moments {
    /// The tree at the start is one.
    pub(super) fn begin(durability: Durability, initial: &MemFs) -> Moments {
        match durability {
            Durability::Sync | Durability::Prefix => {
                Moments(vec![Moment { tree: initial.clone(), overlapped: false }])
            }
            Durability::Ordered | Durability::Loose => Moments::default(),
        }
    }

    /// A call has returned. What was synced is behind.
    pub(super) fn note(&mut self, durability: Durability, seen: &Seen<'_>) {
        let Some(last) = self.0.last() else { return };
        let overlapped = !seen.was_alone();
        let syncs = matches!(seen.action, Action::Fsync { .. }) && seen.result.value.is_ok();
        if syncs && !overlapped || durability == Durability::Sync {
            self.0.clear();
        } else if !overlapped && last.tree.digest() == seen.lower.digest() {
            return;
        }
        self.0.push(Moment { tree: seen.lower.clone(), overlapped });
    }

    /// What is found that was so at no moment, if anything is; of calls that are still under way
    /// there may be several.
    pub(super) fn missed(
        &self,
        before: &MemFs,
        recovered: &MemFs,
        overlap: bool,
    ) -> Option<String> {
        let digest = recovered.digest();
        let all = || self.0.iter().map(|moment| &moment.tree).chain([before]);
        let unsure = overlap || self.0.iter().skip(1).any(|moment| moment.overlapped);
        if unsure || all().any(|tree| tree.digest() == digest) {
            return None;
        }
        let found = lines(recovered);
        let trees: Vec<_> = all().map(lines).collect();
        let wrong = |pair: &[BTreeMap<String, String>]| {
            let (this, next) = (&pair[0], &pair[1]);
            let paths: BTreeSet<&String> = this.keys().chain(found.keys()).collect();
            let path = paths.into_iter().find(|path| {
                this.get(*path) == next.get(*path) && this.get(*path) != found.get(*path)
            })?;
            let shown = |words: Option<&String>| match words {
                Some(words) => format!("`{}`", format!("{path} {words}").trim_end()),
                None => format!("no {path}"),
            };
            let (was, is) = (shown(this.get(path)), shown(found.get(path)));
            Some(format!("after the crash there is {is}, and when the calls returned {was}"))
        };
        // The last moment says what should be there where no other explains it.
        trees.windows(2).map(wrong).reduce(|one, other| one.and(other)).flatten()
    }
}

/// What the tree has at each path, in the words of tree text, but for times.
fn lines(fs: &MemFs) -> BTreeMap<String, String> {
    let timeless = |line: &str| {
        let (path, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').filter(|word| !word.starts_with("mtime=")).collect();
        (path.to_owned(), words.join(" "))
    };
    fs.to_tree().lines().map(timeless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(moments: &[&str], before: &str, recovered: &str) -> Option<String> {
        let tree = |text: &str| MemFs::from_tree(text).expect("a tree");
        let moment = |text: &&str| Moment { tree: tree(text), overlapped: false };
        let moments = Moments(moments.iter().map(moment).collect());
        assert_eq!(moments.missed(&tree(before), &tree(recovered), true), None, "nobody can tell");
        moments.missed(&tree(before), &tree(recovered), false)
    }

    #[test]
    fn history_ends_at_one_point() {
        let all = ["/a 'x'", "/a 'x'\n/b 'y'", "/a 'x'\n/b 'z'"];
        let before = "/a 'x'\n/b 'z'\n/d/";
        for found in ["/a 'x'", "/a 'x'\n/b 'y'", "/a 'x'\n/b 'z'", before] {
            assert_eq!(missed(&all, before, found), None, "{found}");
        }
        // A file that is being made may be empty.
        assert_eq!(missed(&all, before, "/a 'x'\n/b ''"), None);
        let lost = missed(&all, before, "/b 'y'").expect("/a was there before /b");
        assert!(lost.starts_with("after the crash there is no /a, and when"), "{lost}");
        let later = missed(&all, before, "/a 'x'\n/d/").expect("/b was there before /d");
        assert!(later.starts_with("after the crash there is no /b, "), "{later}");
    }

    #[test]
    fn what_has_returned_is_there_where_every_call_syncs() {
        let now = "/a 'x'\n/b 'y'";
        assert_eq!(missed(&[now], now, now), None);
        assert_eq!(missed(&[now], "/a 'x'\n/b 'yy'", "/a 'x'\n/b ''"), None, "it is under way");
        let lost = missed(&[now], now, "/a 'x'").expect("/b is gone");
        assert_eq!(lost, "after the crash there is no /b, and when the calls returned `/b 'y'`");
    }
}
