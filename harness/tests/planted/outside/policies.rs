//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use std::collections::BTreeMap;

use fuserig::prelude::*;
use fuserig_abi::{FATTR_GID, FATTR_MODE, FATTR_MTIME, FATTR_SIZE, FATTR_UID};

use super::super::Planted;
use super::super::more::{changes_little, filter, give_back, judged, three_open};
use super::super::refused;

const O_ACCMODE: u32 = 0o3;
const O_TRUNC: u32 = 0o1000;
const O_APPEND: u32 = 0o2000;

/// Nothing is changed. Of attributes those are refused that are on a list, or all.
fn views<const TIMES: bool>() -> FuseOps {
    const LISTED: u32 = FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE;
    const WRITE: u32 = 2;
    changes_little()
        .access_prefilter(|_, access| refused(access.mask & WRITE != 0, Errno::EROFS))
        .setattr_prefilter(|_, attr| refused(TIMES || attr.valid & LISTED != 0, Errno::EROFS))
        .removexattr_prefilter(|_, _| Errno::EROFS)
}

/// Attributes are not set here. A server says so with ENOSYS, of which its kernel makes another
/// errno.
fn lacks<const SERVER: bool>() -> FuseOps {
    FuseOps::new("lacks")
        .setxattr_prefilter(|_, _, _, _| if SERVER { Errno::ENOSYS } else { Errno::EOPNOTSUPP })
}

/// What there is in files stays there: who writes appends, and empties nothing.
fn appends<const EMPTIES: bool>() -> FuseOps {
    fn verdict(flags: u32, empties: bool) -> Verdict {
        let writes = flags & O_ACCMODE != 0;
        let loses = writes && flags & O_APPEND == 0 || !empties && flags & O_TRUNC != 0;
        refused(loses, Errno::EPERM)
    }
    FuseOps::new("appends")
        .open_prefilter(|_, open| verdict(open.flags, EMPTIES))
        .create_open_prefilter(|_, create, _| verdict(create.flags, EMPTIES))
        .setattr_prefilter(|_, attr| {
            // A size with a time is part of an open.
            let cut = attr.valid & FATTR_SIZE != 0 && attr.valid & FATTR_MTIME == 0;
            refused(cut, Errno::EPERM)
        })
}

/// Three files are open at a time. One gives its place back when it is closed, which is when its
/// last handle goes; each handle is flushed as well.
fn closes_once<const FLUSHED: bool>() -> FuseOps<u64> {
    three_open()
        .flush_prefilter(|cx, _| give_back(FLUSHED, cx.state))
        .release_prefilter(|cx, _| give_back(true, cx.state))
}

/// How many directories each user has, and whose each of them is.
type Owned = (BTreeMap<u32, u64>, BTreeMap<Vec<u8>, u32>);

/// Each user has two directories that were made since the mount. One that is removed is taken off
/// the account of who made it, or of who removes it.
fn two_each<const REMOVER: bool>() -> FuseOps<Owned> {
    FuseOps::with_state("two", Owned::default())
        .mkdir_prefilter(|cx, _, _| {
            let uid = cx.uid().0;
            let count = cx.state.0.entry(uid).or_default();
            if *count >= 2 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *count += 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, name| {
            let (uid, failed) = (cx.uid().0, cx.error_in().is_some());
            if failed {
                let count = cx.state.0.entry(uid).or_default();
                *count = count.saturating_sub(1);
            } else {
                cx.state.1.insert(name.name().to_vec(), uid);
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|_, _| Verdict::Postfilter)
        .rmdir_postfilter(|cx, name| {
            let uid = cx.uid().0;
            if cx.error_in().is_none()
                && let Some(owner) = cx.state.1.remove(name.name())
            {
                let count = cx.state.0.entry(if REMOVER { uid } else { owner }).or_default();
                *count = count.saturating_sub(1);
            }
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        judged("times are set in a view", views::<false>, views::<true>, || {
            vec![Box::new(invariant::read_only())]
        }),
        filter("an errno is that of a server", lacks::<true>, lacks::<false>),
        filter("who may only append may empty", appends::<true>, appends::<false>),
        filter(
            "a closed file gives its place back twice",
            closes_once::<true>,
            closes_once::<false>,
        ),
        filter("who removes it gets the place", two_each::<true>, two_each::<false>),
    ]
}
