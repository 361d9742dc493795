//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::{nothing, refused};

/// Who holds a lock, and for whom it is kept.
#[derive(Debug, Default)]
struct Lock {
    holder: Option<u32>,
    next: Option<u32>,
}

/// One removes directories at a time. Who is refused comes next, whether he comes again or not, or
/// whoever comes.
fn one_removes<const KEPT: bool>() -> FuseOps<Lock> {
    FuseOps::with_state("one", Lock::default())
        .rmdir_prefilter(|cx, _| {
            let pid = cx.pid().0;
            let kept = cx.state.next.filter(|_| KEPT).is_some_and(|next| next != pid);
            if cx.state.holder.is_some() || kept {
                cx.state.next.get_or_insert(pid);
                return Verdict::Error(Errno::EBUSY);
            }
            *cx.state = Lock { holder: Some(pid), next: None };
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            cx.state.holder = None;
            Verdict::Continue
        })
}

/// A list of names, and which place in it each process goes by.
type List = (Vec<Vec<u8>>, BTreeMap<u32, usize>);

/// Only directories that were made since the mount are removed, which are on a list. Who is done
/// takes off it the name that he removed, or what is where that name was.
fn off_the_list<const PLACE: bool>() -> FuseOps<List> {
    FuseOps::with_state("list", List::default())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            cx.state.0.extend(cx.error_in().is_none().then(|| name.name().to_vec()));
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| {
            let (pid, (list, places)) = (cx.pid().0, &mut *cx.state);
            let Some(place) = list.iter().position(|other| other == name.name()) else {
                return Verdict::Error(Errno::EPERM);
            };
            places.insert(pid, place);
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, name| {
            let (failed, pid) = (cx.error_in().is_some(), cx.pid().0);
            let (list, places) = &mut *cx.state;
            let then = places.remove(&pid).filter(|_| PLACE);
            let now = || list.iter().position(|other| other == name.name());
            let place = then.or_else(now).filter(|place| !failed && *place < list.len());
            if let Some(place) = place {
                list.remove(place);
            }
            Verdict::Continue
        })
}

/// Names that are kept, and of processes that rename one of them whether the new name is one more.
type Kept = (BTreeSet<Vec<u8>>, BTreeMap<u32, bool>);

/// No directory is removed that was made since the mount, whatever it is called by now. Its old
/// name is given up when it has the new one, or before.
fn keeps_renamed<const BEFORE: bool>() -> FuseOps<Kept> {
    FuseOps::with_state("kept", Kept::default())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            cx.state.0.extend(cx.error_in().is_none().then(|| name.name().to_vec()));
            Verdict::Continue
        })
        .rename_prefilter(|cx, _, old, new| {
            let (pid, (kept, moving)) = (cx.pid().0, &mut *cx.state);
            if kept.contains(old.name()) {
                if BEFORE {
                    kept.remove(old.name());
                }
                let more = !BEFORE && kept.insert(new.name().to_vec());
                moving.insert(pid, more);
            }
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, old, new| {
            let (failed, pid) = (cx.error_in().is_some(), cx.pid().0);
            let (kept, moving) = &mut *cx.state;
            match moving.remove(&pid) {
                Some(true) if failed => _ = kept.remove(new.name()),
                Some(_) if failed => _ = kept.insert(old.name().to_vec()),
                Some(_) => {
                    kept.remove(old.name());
                    kept.insert(new.name().to_vec());
                }
                None => {}
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(cx.state.0.contains(name.name()), Errno::EPERM))
}

/// A name is not removed by two at once. There is a lock for each name, or for each length.
fn locks_names<const LENGTH: bool>() -> FuseOps<BTreeSet<Vec<u8>>> {
    fn lock<const LENGTH: bool>(name: &[u8]) -> Vec<u8> {
        if LENGTH { vec![b'x'; name.len()] } else { name.to_vec() }
    }
    fn take(locks: &mut BTreeSet<Vec<u8>>, lock: Vec<u8>) -> Verdict {
        if locks.insert(lock) { Verdict::Postfilter } else { Verdict::Error(Errno::EBUSY) }
    }
    FuseOps::with_state("locks", BTreeSet::new())
        .unlink_prefilter(|cx, name| take(cx.state, lock::<LENGTH>(name.name())))
        .unlink_postfilter(|cx, name| {
            cx.state.remove(&lock::<LENGTH>(name.name()));
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| take(cx.state, lock::<LENGTH>(name.name())))
        .rmdir_postfilter(|cx, name| {
            cx.state.remove(&lock::<LENGTH>(name.name()));
            Verdict::Continue
        })
}

/// One renames at a time. Who comes second is told that it is in use, or to try again, which is
/// nothing that this call can say.
fn one_renames<const AGAIN: bool>() -> FuseOps<bool> {
    FuseOps::with_state("renames", false)
        .rename_prefilter(|cx, _, _, _| match core::mem::replace(cx.state, true) {
            true if AGAIN => Verdict::Error(Errno::EAGAIN),
            true => Verdict::Error(Errno::EBUSY),
            false => Verdict::Postfilter,
        })
        .rename_postfilter(|cx, _, _, _| {
            *cx.state = false;
            Verdict::Continue
        })
}

/// What somebody is removing is in no listing any more, although it may stay.
fn lists_the_rest() -> FuseOps<BTreeMap<u32, Vec<u8>>> {
    FuseOps::with_state("rest", BTreeMap::<u32, Vec<u8>>::new())
        .rmdir_prefilter(|cx, name| {
            let pid = cx.pid().0;
            cx.state.insert(pid, name.name().to_vec());
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            let pid = cx.pid().0;
            cx.state.remove(&pid);
            Verdict::Continue
        })
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, out, entries| {
            if cx.error_in().is_none() {
                let going = |name: &[u8]| cx.state.values().any(|other| other == name);
                let dropped = entries.retain(|entry| !going(entry.name));
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

/// Names that are being made, by process, and those that were made.
type Made = (BTreeMap<u32, Vec<u8>>, BTreeSet<Vec<u8>>);

/// Only directories that were made since the mount are removed. There is space to note all that
/// are being made, or one.
fn notes_made<const ONE: bool>() -> FuseOps<Made> {
    FuseOps::with_state("notes", Made::default())
        .mkdir_prefilter(|cx, _, name| {
            let (pid, waiting) = (cx.pid().0, &mut cx.state.0);
            if !ONE || waiting.is_empty() {
                waiting.insert(pid, name.name().to_vec());
            }
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let (failed, pid) = (cx.error_in().is_some(), cx.pid().0);
            let made = cx.state.0.remove(&pid).filter(|_| !failed);
            cx.state.1.extend(made);
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.1.contains(name.name()), Errno::EPERM))
}

/// A name is not removed while it is in a rename, which takes a lock for each of its names. Who
/// does not get the second gives the first back, or keeps it.
fn locks_both<const KEPT: bool>() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("both", BTreeSet::<Vec<u8>>::new())
        .rename_prefilter(|cx, _, old, new| {
            let (old, new) = (old.name().to_vec(), new.name().to_vec());
            if !cx.state.insert(old.clone()) {
                return Verdict::Error(Errno::EBUSY);
            }
            if old != new && !cx.state.insert(new) {
                if !KEPT {
                    cx.state.remove(&old);
                }
                return Verdict::Error(Errno::EBUSY);
            }
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, old, new| {
            cx.state.remove(old.name());
            cx.state.remove(new.name());
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| match cx.state.insert(name.name().to_vec()) {
            true => Verdict::Postfilter,
            false => Verdict::Error(Errno::EBUSY),
        })
        .rmdir_postfilter(|cx, name| {
            cx.state.remove(name.name());
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    let mut races = vec![
        filter("a lock is kept for who was refused", one_removes::<true>, one_removes::<false>),
        filter("a place in a list is remembered", off_the_list::<true>, off_the_list::<false>),
        filter("what is being renamed has no name", keeps_renamed::<true>, keeps_renamed::<false>),
        filter("names of one length have one lock", locks_names::<true>, locks_names::<false>),
        filter("who comes second is to try again", one_renames::<true>, one_renames::<false>),
        filter("what is being removed is not listed", lists_the_rest, nothing),
        filter("who comes while another waits is lost", notes_made::<true>, notes_made::<false>),
        filter("who gets one of two locks keeps it", locks_both::<true>, locks_both::<false>),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
