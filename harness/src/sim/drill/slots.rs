//! dup2 and close_range: what a number means, and what goes when it means something else.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;

/// Where a file stands is the same by every number that means it, and what a number meant is
/// closed when it means something else.
pub(super) fn replaced() -> Course {
    let stands = |file| Action::Seek { file, offset: 0, whence: CUR };
    let mut course = Course::alone([create("a"), write(10), create("b"), write(20)]);
    course.by(0, [seek(3, SET), dup2(0, 1), stands(1), write_other(2), stands(0), stands(1)]);
    course.by(0, [read(2), stands(1), Action::Fstat { file: 1 }, pread(40, 0), stat("a")]);
    course.by(0, [dup2(0, 0), stands(0), dup2(1, 0), stands(0), close(1), read(1), stands(0)]);
    // Nobody has it open any more, or somebody still has.
    course.by(0, [create("c"), write(5), unlink("c"), dup2(1, 0), FSTAT, write(3), FSTAT]);
    course
        .by(0, [create("d"), dup(0), write(5), unlink("d"), dup2(2, 0), Action::Fstat { file: 1 }]);
    course.by(0, [set_flags(APPEND), seek(0, SET), write(1), Action::Fstat { file: 2 }]);
    course.by(0, [open(".", DIRECTORY), list(48), dup2(0, 1), list(4096), dup2(2, 0), read(2)]);
    // A range has both its ends, and what is between; an empty one is refused.
    course.by(0, [close_range(0, 2), close_range(2, 1), dup(0), read(1), open("a", RDWR)]);
    course.by(0, [close_range(0, 0), close_range(9, 0), stands(0), close_range(0, 0), dup2(0, 1)]);
    // The number is the one that was asked for, although a lower one is free.
    course.by(0, [create("e"), create("g"), create("h"), close(2), dup2(1, 0), FSTAT]);
    course
}

/// Locks of ranges go with what a number meant, and one of the whole file with the last of them.
pub(super) fn locked() -> Course {
    let lock_other = Action::Lock { file: 1, kind: EXCLUSIVE, start: 0, length: 5, waits: false };
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(9), flock(0, EXCLUSIVE), lock(EXCLUSIVE, 0, 5), create("g")]);
    course.by(1, [open("f", RDWR), flock(0, SHARED), lock(SHARED, 0, 1)]);
    course.by(0, [dup2(0, 1)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 0, 1), flock(0, NONE), lock(NONE, 0, 0)]);
    // Of two that mean it one is enough for the whole, but not for ranges.
    course.by(0, [open("f", RDWR), flock(0, EXCLUSIVE), lock(EXCLUSIVE, 0, 5), dup(0), dup2(2, 0)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 0, 1), lock(NONE, 0, 0)]);
    // A number that is to mean what it means already is left alone.
    course.by(0, [lock_other, dup2(1, 1)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 0, 1)]);
    course.by(0, [dup2(0, 1)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 0, 1), flock(0, NONE), lock(NONE, 0, 0)]);
    course.by(0, [open("f", RDWR), dup(0), flock(0, EXCLUSIVE), lock(EXCLUSIVE, 3, 1)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 3, 1)]);
    course.by(0, [close_range(1, 0)]);
    course.by(1, [flock(0, SHARED), lock(EXCLUSIVE, 0, 0)]);
    course
}
