//! Where an order is kept and only the end is lost: after a crash the tree is as at one moment.
//!
//! Under `prefix` a crash cuts history off at one point, and under `sync` at the last; `ordered`
//! does it with all but the bytes and lengths of files. A moment is the tree when a call returned;
//! what changes from one to the next may have been on its way, and all else is as at the first of
//! them. Where calls overlapped, something may have come and gone in between, and any tree is
//! explained. What a reader would get wrong: times are not compared, for a call may set them before
//! it does what it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fuserig_abi::FileKind;
use fuserig_sim_fs::{Digest, Durability, MemFs, WalkEntry};

use crate::invariant::Seen;
use crate::sim::Action;

/// What is compared, by path.
type View = BTreeMap<String, String>;

/// A tree that may be found again.
#[derive(Clone, Debug)]
struct Moment {
    digest: Digest,
    view: View,
    /// Whether the call that led here overlapped another.
    overlapped: bool,
}

/// Those that may, the oldest first; none where a policy keeps no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments(Vec<Moment>);

impl Moments {
    /// The tree at the start is one.
    pub(super) fn begin(durability: Durability, initial: &MemFs) -> Moments {
        if durability == Durability::Loose {
            return Moments::default();
        }
        let view = view(durability, initial);
        Moments(vec![Moment { digest: initial.digest(), view, overlapped: false }])
    }

    /// A call has returned. What was synced is behind.
    pub(super) fn note(&mut self, durability: Durability, seen: &Seen<'_>) {
        let Some(last) = self.0.last() else { return };
        let overlapped = !seen.was_alone();
        let syncs = match seen.action {
            Action::Fsync { datasync, .. } if seen.result.value.is_ok() && !overlapped => {
                durability != Durability::Ordered || !datasync
            }
            _ => durability == Durability::Sync,
        };
        let digest = seen.lower.digest();
        if !syncs && !overlapped && last.digest == digest {
            return;
        }
        let view = view(durability, seen.lower);
        if syncs {
            self.0.clear();
        } else if !overlapped && last.view == view {
            return;
        }
        self.0.push(Moment { digest, view, overlapped });
    }

    /// What is found that was so at no moment, if anything is; of calls that are still under way
    /// there may be several.
    pub(super) fn missed(
        &self,
        durability: Durability,
        before: &MemFs,
        recovered: &MemFs,
        overlap: bool,
    ) -> Option<String> {
        let digest = recovered.digest();
        let unsure = overlap || self.0.iter().skip(1).any(|moment| moment.overlapped);
        if unsure || self.0.is_empty() || self.0.iter().any(|moment| moment.digest == digest) {
            return None;
        }
        let found = view(durability, recovered);
        let last = view(durability, before);
        let views: Vec<&View> = self.0.iter().map(|moment| &moment.view).chain([&last]).collect();
        if views.contains(&&found) {
            return None;
        }
        let wrong = |pair: &[&View]| {
            let (this, next) = (pair[0], pair[1]);
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
        views.windows(2).map(wrong).reduce(|one, other| one.and(other)).flatten()
    }
}

/// What a policy keeps the order of.
fn view(durability: Durability, fs: &MemFs) -> View {
    match durability {
        Durability::Ordered => metadata(fs),
        Durability::Sync | Durability::Prefix | Durability::Loose => lines(fs),
    }
}

/// What the tree has at each path, in the words of tree text, but for times.
fn lines(fs: &MemFs) -> View {
    let timeless = |line: &str| {
        let (path, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').filter(|word| !word.starts_with("mtime=")).collect();
        (path.to_owned(), words.join(" "))
    };
    fs.to_tree().lines().map(timeless).collect()
}

/// What the tree has at each path, but for times and what a file holds.
fn metadata(fs: &MemFs) -> View {
    let words = |WalkEntry { path, stat, target }: WalkEntry| {
        let mut words = format!("node {} {:?} mode={:04o}", stat.ino, stat.kind, stat.permissions);
        let _ = write!(words, " uid={} gid={}", stat.uid, stat.gid);
        if matches!(stat.kind, FileKind::CharDevice | FileKind::BlockDevice) {
            let _ = write!(words, " {}", stat.rdev);
        }
        if !target.is_empty() {
            let _ = write!(words, " -> {}", target.escape_ascii());
        }
        for (name, value) in fs.xattrs_of(stat.ino) {
            let (name, value) = (name.escape_ascii(), value.escape_ascii());
            let _ = write!(words, " xattr.{name}='{value}'");
        }
        (path.escape_ascii().to_string(), words)
    };
    fs.walk().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(
        policy: Durability,
        moments: &[&str],
        before: &str,
        recovered: &str,
    ) -> Option<String> {
        let tree = |text: &str| MemFs::from_tree(text).expect("a tree");
        let moment = |text: &&str| {
            let tree = tree(text);
            let view = view(policy, &tree);
            Moment { digest: tree.digest(), view, overlapped: false }
        };
        let moments = Moments(moments.iter().map(moment).collect());
        let missed = |overlap| moments.missed(policy, &tree(before), &tree(recovered), overlap);
        assert_eq!(missed(true), None, "nobody can tell");
        missed(false)
    }

    #[test]
    fn history_ends_at_one_point() {
        let missed = |all: &[&str], before, found| missed(Durability::Prefix, all, before, found);
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
        let missed = |all: &[&str], before, found| missed(Durability::Sync, all, before, found);
        let now = "/a 'x'\n/b 'y'";
        assert_eq!(missed(&[now], now, now), None);
        assert_eq!(missed(&[now], "/a 'x'\n/b 'yy'", "/a 'x'\n/b ''"), None, "it is under way");
        let lost = missed(&[now], now, "/a 'x'").expect("/b is gone");
        assert_eq!(lost, "after the crash there is no /b, and when the calls returned `/b 'y'`");
    }

    #[test]
    fn metadata_ends_at_one_point_and_bytes_wherever_they_like() {
        let missed = |all: &[&str], before, found| missed(Durability::Ordered, all, before, found);
        let all = ["/a 'x'", "/a 'y'\n/b 'y'", "/a 'y' mode=0600\n/b 'z'"];
        let before = "/a 'y' mode=0600\n/b 'z'\n/d/";
        for found in ["/a ''", "/a 'xyz'\n/b ''", "/a 'x' mode=0600\n/b 'y'", before] {
            assert_eq!(missed(&all, before, found), None, "{found}");
        }
        let lost = missed(&all, before, "/a 'y'\n/b 'z'\n/d/").expect("a mode that came before");
        assert!(lost.contains("there is `/a node 2 Regular mode=0644 uid=0 gid=0`"), "{lost}");
        assert!(missed(&all, before, "/a 'y' mode=0600").is_some(), "/b came before the mode");
    }
}
