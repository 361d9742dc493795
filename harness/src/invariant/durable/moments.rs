//! Where nothing is ever lost but the end: after a crash the tree is as it was at one moment.
//!
//! Under `prefix` a crash cuts history off at one point, and under `sync` at the last. A moment is
//! the tree when a call returned; what changes from one to the next may have been on its way, and
//! all else is as at the first of them. What a reader would get wrong: times are not compared, for
//! a call may set them before it does what it is about.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_sim_fs::{Durability, MemFs};

use crate::invariant::Seen;
use crate::sim::Action;

/// The trees that may be found again, the oldest first; none where a policy keeps no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments(Vec<MemFs>);

impl Moments {
    /// The tree at the start is one.
    pub(super) fn begin(durability: Durability, initial: &MemFs) -> Moments {
        match durability {
            Durability::Sync | Durability::Prefix => Moments(vec![initial.clone()]),
            Durability::Ordered | Durability::Loose => Moments::default(),
        }
    }

    /// A call has returned. What was synced is behind.
    pub(super) fn note(&mut self, durability: Durability, seen: &Seen<'_>) {
        let Some(last) = self.0.last() else { return };
        let synced = matches!(seen.action, Action::Fsync { .. })
            && seen.was_alone()
            && seen.result.value.is_ok();
        if synced || durability == Durability::Sync {
            self.0.clear();
        } else if last.digest() == seen.lower.digest() {
            return;
        }
        self.0.push(seen.lower.clone());
    }

    /// What is found that was so at no moment, if anything is.
    pub(super) fn missed(&self, before: &MemFs, recovered: &MemFs) -> Option<String> {
        let digest = recovered.digest();
        if self.0.iter().chain([before]).any(|moment| moment.digest() == digest) {
            return None;
        }
        let found = lines(recovered);
        let trees: Vec<_> = self.0.iter().chain([before]).map(lines).collect();
        let wrong = |pair: &[BTreeMap<String, String>]| {
            let (this, next) = (&pair[0], &pair[1]);
            let paths: BTreeSet<&String> = this.keys().chain(found.keys()).collect();
            let path = paths.into_iter().find(|path| {
                this.get(*path) == next.get(*path) && this.get(*path) != found.get(*path)
            })?;
            let shown = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
            let (was, is) = (shown(this.get(path)), shown(found.get(path)));
            Some(format!("{path} has {is} after the crash, and {was} when the calls returned"))
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
        let text = words.join(" ");
        (path.to_owned(), if text.is_empty() { "nothing more".to_owned() } else { text })
    };
    fs.to_tree().lines().map(timeless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(moments: &[&str], before: &str, recovered: &str) -> Option<String> {
        let tree = |text: &str| MemFs::from_tree(text).expect("a tree");
        let moments = Moments(moments.iter().copied().map(tree).collect());
        moments.missed(&tree(before), &tree(recovered))
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
        assert!(lost.starts_with("/a has nothing after the crash, and 'x'"), "{lost}");
        let later = missed(&all, before, "/a 'x'\n/d/").expect("/b was there before /d");
        assert!(later.starts_with("/b has nothing after"), "{later}");
    }

    #[test]
    fn what_has_returned_is_there_where_every_call_syncs() {
        let now = "/a 'x'\n/b 'y'";
        assert_eq!(missed(&[now], now, now), None);
        assert_eq!(missed(&[now], "/a 'x'\n/b 'yy'", "/a 'x'\n/b ''"), None, "it is under way");
        let lost = missed(&[now], now, "/a 'x'").expect("/b is gone");
        assert_eq!(lost, "/b has nothing after the crash, and 'y' when the calls returned");
    }
}
