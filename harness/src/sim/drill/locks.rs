//! Locks of whole files and of ranges, by one and by two.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;
use crate::sim::Action::{Exit, Fork};

/// flock: what may be had beside what, conversions that succeed and fail, and who gives up what.
pub(super) fn whole() -> Course {
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), flock(0, SHARED)]);
    course.by(1, [open("f", RDONLY), flock(0, SHARED)]);
    // A conversion that fails has given up what there was.
    course.by(0, [flock(0, EXCLUSIVE)]);
    course.by(1, [flock(0, EXCLUSIVE)]);
    course.by(0, [flock(0, SHARED), flock(0, NONE), flock(0, NONE)]);
    course.by(1, [flock(0, SHARED)]);
    course.by(0, [flock(0, SHARED)]);
    course.by(1, [flock(0, NONE)]);
    course.by(0, [flock(0, EXCLUSIVE)]);
    // Two descriptors of one process are two.
    course.by(0, [open("f", RDWR), flock(0, SHARED), flock(1, SHARED), flock(0, SHARED)]);
    course.by(0, [flock(0, EXCLUSIVE), flock(1, EXCLUSIVE), flock(1, NONE), flock(0, EXCLUSIVE)]);
    course.by(1, [flock(0, SHARED)]);
    course.by(0, [close(0)]);
    course.by(1, [flock(0, SHARED), open("f", RDONLY), flock(0, SHARED), close(1)]);
    course.by(0, [flock(0, EXCLUSIVE)]);
    course.by(1, [close(0)]);
    course.by(0, [flock(0, EXCLUSIVE)]);
    // Ranges and whole files do not see each other.
    course.by(1, [open("f", RDWR), lock(EXCLUSIVE, 0, 10)]);
    course.by(0, [lock(SHARED, 0, 1), lock(SHARED, 10, 1), unlink("f"), flock(0, SHARED)]);
    course.by(1, [flock(0, SHARED), create("f"), flock(0, EXCLUSIVE)]);
    course.by(0, [close(0), flock(0, SHARED)]);
    course
}

/// fcntl: ranges that touch, overlap, join and are split, up to the end of all.
pub(super) fn ranges() -> Course {
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(20), lock(EXCLUSIVE, 5, 5)]);
    course.by(1, [open("f", RDWR), lock(SHARED, 9, 1), lock(SHARED, 5, 1), lock(SHARED, 4, 1)]);
    course.by(1, [lock(EXCLUSIVE, 10, 1), lock(EXCLUSIVE, 4, 2), lock(EXCLUSIVE, 0, 0)]);
    // The middle of a range is given back, or becomes of another kind.
    course.by(0, [lock(NONE, 7, 1), lock(EXCLUSIVE, 10, 2)]);
    course.by(1, [lock(EXCLUSIVE, 7, 1), lock(EXCLUSIVE, 6, 1), lock(EXCLUSIVE, 8, 1)]);
    course.by(0, [lock(SHARED, 8, 2)]);
    course.by(1, [lock(SHARED, 8, 1), lock(EXCLUSIVE, 8, 1), lock(SHARED, 9, 1)]);
    course.by(0, [lock(EXCLUSIVE, 9, 1), lock(EXCLUSIVE, 8, 1), lock(NONE, 0, 0)]);
    course.by(1, [lock(NONE, 0, 0), lock(SHARED, 100, 0)]);
    course.by(0, [lock(EXCLUSIVE, i64::MAX, 1), lock(SHARED, i64::MAX, 1), lock(SHARED, 0, 50)]);
    course.by(0, [lock(EXCLUSIVE, 99, 1), lock(EXCLUSIVE, 99, 2), lock(EXCLUSIVE, 100, -1)]);
    course.by(0, [lock(EXCLUSIVE, 3, -4), lock(EXCLUSIVE, -1, 1), lock(SHARED, i64::MAX, 2)]);
    course.by(1, [lock(SHARED, 98, 1), lock(EXCLUSIVE, 98, 1), lock(SHARED, 49, 1)]);
    course.by(1, [lock(EXCLUSIVE, 49, 1), lock(EXCLUSIVE, 50, 1)]);
    // One within another's kind splits it, and what is around stays as it was.
    course.by(1, [lock(NONE, 0, 0)]);
    course.by(0, [lock(NONE, 0, 0), lock(SHARED, 0, 100), lock(EXCLUSIVE, 40, 20)]);
    course.by(1, [lock(SHARED, 0, 40), lock(SHARED, 60, 40), lock(SHARED, 59, 1)]);
    course.by(1, [lock(NONE, 0, 0)]);
    course.by(0, [lock(NONE, 0, 0), lock(SHARED, 0, 50)]);
    course.by(1, [lock(SHARED, 100, 0)]);
    // All of a process are gone when it closes any descriptor of the file.
    course.by(0, [open("f", RDONLY), lock(EXCLUSIVE, 60, 1), lock(SHARED, 60, 1), close(0)]);
    course.by(1, [lock(EXCLUSIVE, 0, 100), open("f", WRONLY), lock(SHARED, 0, 1)]);
    course.by(0, [lock(SHARED, 0, 1), lock(NONE, 0, 0)]);
    course.by(1, [close(1)]);
    course.by(0, [lock(EXCLUSIVE, 0, 0), close(0)]);
    course.by(1, [lock(EXCLUSIVE, 0, 0)]);
    course
}

/// dup: a lock of the whole file is had by every duplicate, and goes with the last; ranges go with
/// the first that is closed.
pub(super) fn shared() -> Course {
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(20), flock(0, EXCLUSIVE), dup(0), flock(0, SHARED)]);
    course.by(0, [flock(1, EXCLUSIVE), close(0)]);
    course.by(1, [open("f", RDWR), flock(0, SHARED), flock(0, EXCLUSIVE)]);
    course.by(0, [dup(0), close(1)]);
    course.by(1, [flock(0, SHARED)]);
    // Given back by one it is given back by all.
    course.by(0, [dup(0), flock(1, NONE)]);
    course.by(1, [flock(0, SHARED)]);
    course.by(0, [flock(0, EXCLUSIVE), flock(1, SHARED), close(0)]);
    course.by(1, [flock(0, EXCLUSIVE)]);
    course.by(0, [close(0)]);
    course.by(1, [flock(0, EXCLUSIVE)]);
    // Another that is opened is another, and is left alone by who closes a duplicate.
    course.by(0, [create("f"), open("f", RDWR), dup(1), flock(0, SHARED)]);
    course.by(1, [flock(0, SHARED)]);
    course.by(0, [flock(0, SHARED), flock(1, SHARED), close(1)]);
    course.by(1, [flock(0, EXCLUSIVE)]);
    course.by(0, [close(0)]);
    course.by(1, [flock(0, EXCLUSIVE), flock(0, NONE)]);
    // Ranges are the process's, and go with whichever it closes.
    course.by(0, [dup(0), lock(EXCLUSIVE, 0, 10)]);
    course.by(1, [lock(SHARED, 5, 1), lock(SHARED, 10, 1), dup(0), lock(SHARED, 9, 1)]);
    course.by(0, [flock(1, EXCLUSIVE), close(0)]);
    course.by(1, [lock(EXCLUSIVE, 0, 5), flock(0, SHARED), lock(EXCLUSIVE, 0, 20), close(1)]);
    course.by(0, [lock(EXCLUSIVE, 0, 0), close(0), dup(0), flock(0, SHARED)]);
    course.by(1, [flock(0, EXCLUSIVE), close(0)]);
    course
}

/// `F_GETLK`: who is in the way of what, whatever the file is open for, and who is in nobody's.
pub(super) fn asked() -> Course {
    let get = |kind, start, length| Action::GetLock { file: 0, kind, start, length };
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), get(EXCLUSIVE, 0, 0), lock(EXCLUSIVE, 5, 5), get(EXCLUSIVE, 0, 0)]);
    course.by(1, [open("f", RDONLY), get(SHARED, 0, 0), get(SHARED, 0, 5), get(SHARED, 4, 2)]);
    course
        .by(1, [get(EXCLUSIVE, 9, 1), get(EXCLUSIVE, 10, 1), get(NONE, 5, 1), get(SHARED, -1, 1)]);
    course.by(1, [get(SHARED, 10, -5), get(SHARED, 5, -5), get(SHARED, i64::MAX, 2)]);
    // Ranges side by side are one, and one within another is two beside it.
    course.by(0, [lock(EXCLUSIVE, 10, 3), lock(SHARED, 7, 1)]);
    course
        .by(1, [get(EXCLUSIVE, 12, 1), get(SHARED, 7, 1), get(EXCLUSIVE, 7, 1), get(SHARED, 0, 6)]);
    course.by(1, [lock(SHARED, 7, 1), get(EXCLUSIVE, 7, 1), lock(SHARED, 20, 0)]);
    // From the left as well, and between two.
    course.by(0, [lock(EXCLUSIVE, 3, 2), lock(EXCLUSIVE, 0, 2)]);
    course.by(1, [get(EXCLUSIVE, 6, 1), get(SHARED, 1, 1)]);
    course.by(0, [lock(EXCLUSIVE, 2, 1)]);
    course.by(1, [get(SHARED, 2, 1)]);
    course.by(
        0,
        [get(EXCLUSIVE, 7, 1), get(SHARED, 7, 1), get(EXCLUSIVE, 30, 1), get(SHARED, 30, 1)],
    );
    course.by(0, [flock(0, EXCLUSIVE), lock(NONE, 0, 0)]);
    course.by(1, [get(EXCLUSIVE, 0, 0), close(0)]);
    course.by(0, [get(EXCLUSIVE, 0, 0)]);
    course
}

/// `F_SETLKW`: whoever waits has the lock when it is given back, when the file is closed and when
/// its process exits, and of those who wait for each other in a ring the last is refused.
pub(super) fn awaited() -> Course {
    let wait = |kind, start, length| waiting(lock(kind, start, length));
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(20), lock(EXCLUSIVE, 0, 10)]);
    course.by(1, [open("f", RDWR), wait(EXCLUSIVE, 20, 1), wait(SHARED, 5, 1)]);
    // Part of it, and another kind of it.
    course.by(0, [lock(NONE, 0, 5), lock(NONE, 5, 1)]);
    course.by(1, [wait(EXCLUSIVE, 6, 2)]);
    course.by(0, [lock(SHARED, 0, 10)]);
    course.by(0, [lock(NONE, 7, 1), lock(NONE, 6, 1)]);
    course.by(1, [lock(NONE, 0, 0), wait(SHARED, 0, 0)]);
    course.by(0, [lock(SHARED, 0, 0)]);
    course.by(1, [wait(EXCLUSIVE, 0, 1)]);
    course.by(0, [dup(0), close(0)]);
    course.by(1, [lock(EXCLUSIVE, 0, 10)]);
    course.by(0, [wait(SHARED, 9, 2)]);
    course.by(1, [close(0), open("f", RDWR)]);
    // A child that exits, and one that closes what it never locked.
    course.by(0, [lock(NONE, 0, 0), Fork, lock(EXCLUSIVE, 0, 0)]);
    course.by(1, [wait(SHARED, 3, 3)]);
    course.by(0, [Exit, wait(EXCLUSIVE, 3, 1)]);
    course.by(1, [lock(NONE, 0, 0), wait(EXCLUSIVE, 3, 1)]);
    course.by(0, [Fork, close(0), Exit, lock(NONE, 3, 1)]);
    // Two who wait for each other: the second is refused, and the first has it in the end.
    course.by(1, [lock(NONE, 0, 0), lock(EXCLUSIVE, 0, 1)]);
    course.by(0, [lock(EXCLUSIVE, 1, 1), wait(EXCLUSIVE, 0, 1)]);
    course.by(1, [wait(SHARED, 1, 1), lock(SHARED, 1, 1), lock(NONE, 0, 1)]);
    course.by(0, [lock(NONE, 0, 0)]);
    // Who waits for somebody that waits for nobody is no ring.
    course.by(1, [wait(EXCLUSIVE, 1, 1), lock(NONE, 0, 0)]);
    course
}

/// Three who wait for each other in a ring, and two readers behind a writer.
pub(super) fn in_rings() -> Course {
    let wait = |kind, start, length| waiting(lock(kind, start, length));
    let mut course = Course::of([root(), root(), root()]);
    course.by(0, [create("f"), lock(EXCLUSIVE, 0, 1)]);
    course.by(1, [open("f", RDWR), lock(EXCLUSIVE, 1, 1)]);
    course.by(2, [open("f", RDWR), lock(EXCLUSIVE, 2, 1)]);
    // A chain, and what closes it.
    course.by(1, [wait(EXCLUSIVE, 2, 1)]);
    course.by(0, [wait(EXCLUSIVE, 1, 1)]);
    course.by(2, [wait(EXCLUSIVE, 0, 1), lock(SHARED, 0, 1), lock(NONE, 2, 1)]);
    course.by(1, [lock(NONE, 1, 1)]);
    course.by(0, [lock(NONE, 0, 0)]);
    course.by(1, [lock(NONE, 0, 0)]);
    // Both readers have it at once, and then the writer when both have given it back.
    course.by(0, [lock(EXCLUSIVE, 0, 0)]);
    course.by(1, [wait(SHARED, 0, 4)]);
    course.by(2, [wait(SHARED, 3, 4)]);
    course.by(0, [lock(NONE, 0, 0), wait(EXCLUSIVE, 3, 1)]);
    course.by(1, [close(0)]);
    course.by(2, [Fork, Exit, close(0)]);
    course.by(0, [lock(NONE, 0, 0)]);
    course
}

/// `flock` that waits: what is had of another kind is given back first, by whatever descriptor, and
/// of rings nobody knows.
pub(super) fn awaited_whole() -> Course {
    let wait = |file, kind| waiting(flock(file, kind));
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), wait(0, SHARED), wait(0, EXCLUSIVE), wait(0, EXCLUSIVE)]);
    course.by(1, [open("f", RDWR), wait(0, SHARED)]);
    // By a conversion, by giving back, by the last that is closed, and by who is gone.
    course.by(0, [flock(0, SHARED)]);
    course.by(1, [wait(0, EXCLUSIVE)]);
    course.by(0, [flock(0, NONE)]);
    course.by(0, [wait(0, SHARED)]);
    course.by(1, [dup(0), close(0), close(0), open("f", RDWR), wait(0, EXCLUSIVE)]);
    course.by(0, [open("f", RDWR), close(1), close(0), open("f", RDWR)]);
    course.by(1, [flock(0, NONE)]);
    course.by(0, [Fork, open("f", RDWR), flock(0, EXCLUSIVE)]);
    course.by(1, [wait(0, SHARED)]);
    course.by(0, [Exit, flock(0, SHARED)]);
    // One that waits has given back what it had, so that another has what it could not have.
    course.by(1, [open("f", RDWR), flock(0, SHARED)]);
    course.by(0, [wait(0, EXCLUSIVE)]);
    course.by(1, [flock(1, NONE), flock(0, EXCLUSIVE), flock(0, NONE)]);
    course.by(0, [flock(0, SHARED)]);
    course.by(1, [flock(0, SHARED), wait(0, EXCLUSIVE)]);
    course.by(0, [flock(0, EXCLUSIVE), flock(0, NONE)]);
    course
}
