//! What is safe before the power goes: a file is changed in one way or two, and something is
//! called that makes it durable.
//!
//! Each program is as short as a workload of bounded crash testing, and ends with the promise, so
//! that power is lost when nothing has come after it. What a reader would get wrong: which state
//! is legal then, no program here says; the invariants know what was promised.

use fuserig_sim_fs::OpenFlags;

use super::calls::*;
use super::course::Course;
use crate::sim::{Action, Rng, Stamp};

const DSYNC: u32 = OpenFlags::DSYNC.bits();
const SYNC: u32 = DSYNC | OpenFlags::SYNC_METADATA.bits();

/// Bytes of the file before it is changed: more than a page.
const SIZE: u32 = 5000;

/// What makes a change durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    File,
    Data,
    Directory,
    /// A write, or a copy, to a file that was opened so.
    Writing(u32),
}

/// Changes of one kind, and the promises for them. A write through promises bytes alone of what it
/// wrote itself; so of two neighbours in such a list, also of the last and the first, one at least
/// is about the change.
type Chapter = (fn() -> Vec<Change>, &'static [Promise]);

const CHAPTERS: [Chapter; 3] = [
    (of_bytes, &[Promise::File, Promise::Writing(SYNC), Promise::Data, Promise::Writing(DSYNC)]),
    (of_attributes, &[Promise::File, Promise::Writing(SYNC), Promise::Directory]),
    (of_names, &[Promise::Directory, Promise::File, Promise::Writing(SYNC)]),
];

/// What the file holds and how it is are safe.
const SYNCED: Action = Action::Fsync { file: 0, datasync: false };

/// A way to change `d/f`, which the first client has open as its newest file and `d/s` as the one
/// before it, or what is beside it. A stranger has nothing open.
type Change = (usize, Vec<Action>);

/// The owner's.
fn own(actions: impl IntoIterator<Item = Action>) -> Change {
    (0, actions.into_iter().collect())
}

/// A stranger's, who opens the file for it and takes its setuid bit away.
fn strange(change: Action) -> Change {
    (1, vec![open("d/s", RDONLY), open("d/f", RDWR), change])
}

fn of_bytes() -> Vec<Change> {
    vec![
        own([pwrite(9, 3)]),
        own([pwrite(9, 4090)]),
        own([pwrite(9, 9000)]),
        own([append(9)]),
        own([ftruncate(7)]),
        own([ftruncate(9000)]),
        own([ftruncate(0), ftruncate(6000)]),
        own([truncate("d/f", 4096)]),
        own([open("d/f", RDWR | TRUNC), close(0)]),
        own([fallocate(0, 0, 9000)]),
        own([fallocate(1, 4096, 9000)]),
        own([fallocate(3, 10, 4500)]),
        own([fallocate(0x10, 10, 6000)]),
        own([fallocate(0x11, 10, 6000)]),
        own([pwrite(8192, 0), fallocate(8, 0, 4096)]),
        own([fallocate(0x20, 0, 4096)]),
        own([copy(0, 4090, 9)]),
        own([copy_within(0, 6000, 100)]),
        own([copy_within(0, 6000, 5000)]),
    ]
}

fn of_attributes() -> Vec<Change> {
    let at = |sec| Stamp::At { sec, nsec: 7 };
    vec![
        own([chmod("d/f", 0o4640)]),
        own([Action::Fchmod { file: 0, mode: 0o600 }]),
        own([chown("d/f", 3, 4)]),
        own([Action::Fchown { file: 0, uid: LEAVE, gid: 9 }]),
        own([times("d/f", Some(5), Some(6))]),
        own([times("d/f", None, Some(6))]),
        own([Action::Futimens { file: 0, atime: Stamp::Omit, mtime: at(9) }]),
        own([setxattr("d/f", "user.a", 9, 0)]),
        own([removexattr("d/f", "user.old")]),
        own([list_of_one()]),
        // What a change takes along was safe before.
        own([set_capability("d/f"), SYNCED, pwrite(9, 3)]),
        own([set_capability("d/f"), SYNCED, chown("d/f", 3, 4)]),
        own([list_of_one(), SYNCED, Action::Fchmod { file: 0, mode: 0o640 }]),
        strange(pwrite(3, 0)),
        strange(append(3)),
        strange(ftruncate(1)),
        strange(fallocate(0, 0, 9000)),
        strange(copy(0, 0, 5)),
        (1, vec![truncate("d/f", 3)]),
        (1, vec![open("d/f", RDWR | TRUNC)]),
    ]
}

fn of_names() -> Vec<Change> {
    vec![
        own([link("d/f", "d/g")]),
        own([link("d/f", "e/g"), unlink("d/f")]),
        own([rename("d/f", "d/g")]),
        own([rename("d/f", "e/g")]),
        own([rename("d/f", "d/s")]),
        own([rename("d/s", "d/f")]),
        own([rename2("d/f", "d/s", EXCHANGE)]),
        own([rename2("d/f", "e", EXCHANGE)]),
        own([rename("e", "d/e")]),
        own([unlink("d/s")]),
        own([mkdir("d/x", 0o755)]),
        own([mkdir("d/x", 0o755), mkdir("d/x/y", 0o700)]),
        own([rmdir("e")]),
        own([mknod("d/p", 0o010_644, 0)]),
        own([mknod("d/n", 0o020_600, 0x0103)]),
        own([symlink("f", "d/l")]),
        own([open("d/n", CREAT | EXCL | RDWR), write(3), SYNCED, close(0)]),
        own([list_for_all(), mkdir("d/x", 0o770)]),
        own([list_for_all(), open("d/n", CREAT | RDWR), close(0)]),
    ]
}

/// Somebody else may read the file.
fn list_of_one() -> Action {
    let entries = [(1, 6, LEAVE), (2, 4, 7), (4, 4, LEAVE), (16, 6, LEAVE), (32, 0, LEAVE)];
    set_list("d/f", &entries)
}

/// What is made in the directory from now on has a list.
fn list_for_all() -> Action {
    let entries = [(1, 7, LEAVE), (2, 6, 7), (4, 5, LEAVE), (16, 7, LEAVE), (32, 0, LEAVE)];
    set_default("d", &entries)
}

/// Each change with its promises.
fn changes() -> Vec<(Change, &'static [Promise])> {
    let with = |(changes, promises): Chapter| changes().into_iter().map(move |one| (one, promises));
    CHAPTERS.into_iter().flat_map(with).collect()
}

/// The file, safe as it is, and what is around it.
fn before(promise: Promise) -> Vec<Action> {
    let flags = if let Promise::Writing(flags) = promise { flags } else { 0 };
    vec![
        mkdir("d", 0o755),
        mkdir("e", 0o755),
        create("d/s"),
        write(30),
        SYNCED,
        open("d/f", CREAT | RDWR | flags),
        write(SIZE),
        setxattr("d/f", "user.old", 3, 0),
        chmod("d/f", 0o6777),
        SYNCED,
    ]
}

fn after(promise: Promise, rng: &mut Rng) -> Vec<Action> {
    match promise {
        Promise::File => vec![SYNCED],
        Promise::Data => vec![Action::Fsync { file: 0, datasync: true }],
        Promise::Directory => vec![open("d", RDONLY), SYNCED],
        Promise::Writing(_) if rng.chance(1, 2) => vec![copy(0, 11, 9)],
        Promise::Writing(_) => vec![pwrite(5, 2)],
    }
}

/// Which change a course is about, and which of its promises: after each change once, they move on.
fn numbers(number: usize, changes: &[(Change, &[Promise])]) -> (usize, usize) {
    let change = number % changes.len();
    (change, (change + number / changes.len()) % changes[change].1.len())
}

/// A course by its number, of which there is no end: each change after the other, with one of its
/// promises after the other, and now and then another change before or after it.
pub(super) fn numbered(number: usize, rng: &mut Rng) -> Course {
    let changes = changes();
    let (change, promise) = numbers(number, &changes);
    let promise = changes[change].1[promise];
    let mut chosen = vec![&changes[change].0];
    if rng.chance(1, 3) {
        let (other, _) = rng.pick(&changes);
        chosen.insert(rng.index(2), other);
    }
    let strange = chosen.iter().any(|(client, _)| *client > 0);
    let mut course =
        Course::of([root(), member(1000, 1000, &[])].into_iter().take(1 + usize::from(strange)));
    course.by(0, before(promise));
    for (client, actions) in chosen {
        course.by(*client, actions.iter().cloned());
    }
    course.by(0, after(promise, rng));
    course
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sim::Seed;

    #[test]
    fn every_change_meets_each_of_its_promises() {
        let rng = &mut Seed(1).rng();
        let changes = changes();
        let mut met = BTreeSet::new();
        for number in 0..changes.len() * 4 {
            met.insert(numbers(number, &changes));
            assert!(numbered(number, rng).operations() <= 24, "{number} is long");
        }
        let all: usize = changes.iter().map(|(_, promises)| promises.len()).sum();
        assert_eq!(met.len(), all);
    }
}
