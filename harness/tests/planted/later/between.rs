//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, VecDeque};

use fuserig::prelude::*;
use fuserig_abi::Opcode;

use super::super::more::filter;
use super::super::races::AtMost;
use super::super::refused;
use super::super::{Planted, general};

const O_ACCMODE: u32 = 3;

/// At most two files are opened for writing. Whether this one is, the call itself says, or what
/// was noted for the user.
fn two_writers<const NOTED: bool>() -> FuseOps<(u64, BTreeMap<u32, bool>)> {
    FuseOps::with_state("writers", (0_u64, BTreeMap::new()))
        .open_prefilter(|cx, arg| {
            let (uid, writes) = (cx.uid().0, arg.flags & O_ACCMODE != 0);
            if writes && cx.state.0 >= 2 {
                return Verdict::Error(Errno::ENFILE);
            }
            cx.state.1.insert(uid, writes);
            Verdict::Postfilter
        })
        .open_postfilter(|cx, arg, _| {
            let noted = cx.state.1.get(&cx.uid().0).copied();
            let writes = match NOTED {
                true => noted.unwrap_or_default(),
                false => arg.flags & O_ACCMODE != 0,
            };
            cx.state.0 += u64::from(writes && cx.error_in().is_none());
            Verdict::Continue
        })
}

/// One rename at a time. A removal may say that it is over, when both end alike.
fn one_rename<const REMOVALS: bool>() -> FuseOps<bool> {
    let renames = FuseOps::with_state("renames", false)
        .rename_prefilter(|cx, _, _, _| match core::mem::replace(cx.state, true) {
            true => Verdict::Error(Errno::EBUSY),
            false => Verdict::Postfilter,
        })
        .rename_postfilter(|cx, _, _, _| {
            *cx.state = false;
            Verdict::Continue
        });
    match REMOVALS {
        true => renames.unlink_prefilter(|_, _| Verdict::Postfilter).unlink_postfilter(|cx, _| {
            *cx.state = false;
            Verdict::Continue
        }),
        false => renames,
    }
}

/// Two directories are removed. Who fails takes back what it added, or restores what it found.
fn two_removed<const RESTORES: bool>() -> FuseOps<(u64, BTreeMap<u32, u64>)> {
    FuseOps::with_state("removed", (0_u64, BTreeMap::new()))
        .rmdir_prefilter(|cx, _| {
            let (pid, removed) = (cx.pid().0, cx.state.0);
            if removed >= 2 {
                return Verdict::Error(Errno::EPERM);
            }
            cx.state.1.insert(pid, removed);
            cx.state.0 += 1;
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            let found = cx.state.1.remove(&cx.pid().0).unwrap_or_default();
            if cx.error_in().is_some() {
                cx.state.0 = if RESTORES { found } else { cx.state.0 - 1 };
            }
            Verdict::Continue
        })
}

/// One directory is made at a time. Who is refused is not under way.
fn one_made<const REFUSED: bool>() -> FuseOps<u64> {
    FuseOps::with_state("made", 0)
        .mkdir_prefilter(|cx, _, _| {
            let busy = *cx.state > 0;
            *cx.state += u64::from(REFUSED || !busy);
            if busy { Verdict::Error(Errno::EDQUOT) } else { Verdict::Postfilter }
        })
        .mkdir_postfilter(|cx, _, _| {
            *cx.state -= 1;
            Verdict::Continue
        })
}

/// Nobody reads the attribute. What was asked for first is thought to be answered first.
fn in_order() -> FuseOps<VecDeque<bool>> {
    FuseOps::with_state("order", VecDeque::new())
        .getxattr_prefilter(|cx, _, name| {
            cx.state.push_back(name.name() == b"user.a");
            Verdict::Postfilter
        })
        .getxattr_postfilter(|cx, _, _, _, _| {
            refused(cx.state.pop_front() == Some(true), Errno::ENODATA)
        })
}

fn by_name() -> FuseOps {
    FuseOps::new("name")
        .getxattr_prefilter(|_, _, _| Verdict::Postfilter)
        .getxattr_postfilter(|_, _, name, _, _| refused(name.name() == b"user.a", Errno::ENODATA))
}

/// Nothing is unlinked while files are open: as many as were opened, or some.
fn none_is_open<const SOME: bool>() -> FuseOps<u64> {
    fn done(open: &mut u64, failed: bool, some: bool) -> Verdict {
        *open = match (failed, some) {
            (true, _) => *open,
            (false, true) => 1,
            (false, false) => *open + 1,
        };
        Verdict::Continue
    }
    FuseOps::with_state("open", 0)
        .open_prefilter(|_, _| Verdict::Postfilter)
        .open_postfilter(|cx, _, _| {
            let failed = cx.error_in().is_some();
            done(cx.state, failed, SOME)
        })
        .create_open_prefilter(|_, _, _| Verdict::Postfilter)
        .create_open_postfilter(|cx, _, _, _, _| {
            let failed = cx.error_in().is_some();
            done(cx.state, failed, SOME)
        })
        .releasedir_prefilter(|cx, _| {
            let file = cx.opcode().0 & 0xffff == Opcode::RELEASE.0;
            *cx.state = cx.state.saturating_sub(u64::from(file));
            Verdict::Continue
        })
        .unlink_prefilter(|cx, _| refused(*cx.state > 0, Errno::EBUSY))
}

pub(super) fn all() -> Vec<Planted> {
    fn removed(action: &Action) -> bool {
        matches!(action, Action::Rmdir { .. })
    }
    let restores =
        filter("who fails restores what was before", two_removed::<true>, two_removed::<false>);
    let mut races = vec![
        filter("the opens of a user are taken for one", two_writers::<true>, two_writers::<false>),
        filter("a removal ends the rename of another", one_rename::<true>, one_rename::<false>),
        Planted {
            judges: Box::new(|| {
                let two: Box<dyn Invariant> = Box::new(AtMost::of(removed, 2));
                general().into_iter().chain([two]).collect()
            }),
            ..restores
        },
        filter("who is refused is never done", one_made::<true>, one_made::<false>),
        filter("who asks first is answered first", in_order, by_name),
        filter("one of two closes and none is open", none_is_open::<true>, none_is_open::<false>),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
