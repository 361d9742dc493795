//! fork, execve and exit: what is shared, what is copied, and what goes with whom.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;
use crate::sim::Action::{Exec, Exit, Fork};

fn marked(path: &str) -> Action {
    open(path, CREAT | RDWR | CLOEXEC)
}

fn mark(file: u8, on: bool) -> Action {
    Action::SetCloexec { file, on }
}

/// Where a file stands is the same for both, and which numbers are open is each one's own.
pub(super) fn shared() -> Course {
    let stands = |file| Action::Seek { file, offset: 0, whence: CUR };
    let mut course = Course::alone([create("a"), write(10), seek(2, SET), create("b"), Fork]);
    course.by(0, [stands(1), read_other(3), write(4), stands(0), close(0), seek(5, SET), Exit]);
    course.by(0, [stands(0), stands(1), read_other(2), write(1), stands(0), pread(20, 0)]);
    // What the child opens, replaces, duplicates and tells is its own; flags of a file are not.
    course.by(0, [Fork, create("c"), dup(2), dup2(0, 1), write(3), set_flags(APPEND), close(1)]);
    course.by(0, [Exit, stands(0), Action::Fstat { file: 1 }, create("d"), Fork]);
    course.by(
        0,
        [
            set_flags(APPEND),
            Exit,
            seek(0, SET),
            write(2),
            FSTAT,
            Fork,
            unlink("d"),
            close(0),
            Exit,
            FSTAT,
        ],
    );
    // A child of a child of a child, and one more than there may be.
    course.by(0, [Fork, Fork, write(1), Fork, Fork, write(1), close(0), Exit, write(1), FSTAT]);
    course.by(0, [Exit, Exit, stands(0), Exit, stands(0)]);
    course
}

/// Who a child is and where it is, its parent is and does not become.
pub(super) fn standing() -> Course {
    let mut course = Course::alone([mkdir("d", 0o777), mkdir("d/e", 0o777), chdir("d")]);
    course.by(0, [umask(0o077), Fork, mkdir("x", 0o777), stat("x"), umask(0o002), chdir("e")]);
    course.by(0, [mkdir("y", 0o777), stat("../e/y"), becomes(1000, 1000), mkdir("/z", 0o777)]);
    course.by(0, [create("f"), FSTAT, Fork, becomes(0, 0), umask(0), create("g"), FSTAT, Exit]);
    course.by(0, [create("h"), FSTAT, Exit, create("i"), FSTAT, stat("e/y"), stat("x")]);
    course
}

/// Locks of whole files are shared and go with the last, and those of ranges are not inherited and
/// go with the process.
pub(super) fn locked() -> Course {
    let get = |start| Action::GetLock { file: 0, kind: EXCLUSIVE, start, length: 1 };
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(9), flock(0, EXCLUSIVE), lock(EXCLUSIVE, 0, 5), Fork]);
    course.by(1, [open("f", RDWR), flock(0, SHARED), lock(SHARED, 0, 1), lock(SHARED, 5, 1)]);
    // The child has none of the ranges, and what it closes takes none from its parent.
    course.by(0, [lock(SHARED, 0, 1), lock(SHARED, 5, 2), lock(EXCLUSIVE, 7, 1), get(4), Exec]);
    course.by(1, [lock(EXCLUSIVE, 6, 1), lock(EXCLUSIVE, 7, 1), get(0)]);
    course.by(0, [close(0)]);
    course.by(1, [flock(0, SHARED), lock(SHARED, 0, 1), lock(EXCLUSIVE, 5, 3), lock(NONE, 0, 0)]);
    course.by(0, [Exit, lock(EXCLUSIVE, 7, 1), Fork, lock(EXCLUSIVE, 8, 1), dup(0), Exit]);
    course.by(1, [lock(SHARED, 0, 1), lock(SHARED, 7, 1), lock(SHARED, 8, 1), flock(0, SHARED)]);
    // Given back by the child it is given back by all; what the child has goes with the last.
    course.by(0, [Fork, flock(0, NONE)]);
    course.by(1, [flock(0, SHARED), flock(0, NONE)]);
    course.by(0, [flock(0, EXCLUSIVE), Exit]);
    course.by(1, [flock(0, SHARED)]);
    course.by(0, [Fork, lock(SHARED, 20, 1), Exit, close(0)]);
    course.by(1, [flock(0, SHARED), lock(EXCLUSIVE, 0, 0)]);
    course
}

/// Whoever executes a program keeps what is not marked, its locks and where its files stand.
pub(super) fn executed() -> Course {
    let stands = |file| Action::Seek { file, offset: 0, whence: CUR };
    let mut course = Course::of([root(), root()]);
    course.by(0, [marked("a"), write(3), create("b"), write(5), lock(EXCLUSIVE, 0, 2), Exec]);
    course.by(0, [stands(0), FSTAT, pread(9, 0), Exec, stands(0)]);
    course.by(1, [open("b", RDWR), lock(SHARED, 0, 1), lock(SHARED, 2, 1), lock(NONE, 0, 0)]);
    // A duplicate is not marked; neither is what is told so, nor a number with another meaning.
    course.by(0, [marked("c"), dup(0), marked("d"), mark(0, false), marked("e"), dup2(1, 0)]);
    course.by(0, [dup2(3, 3), mark(2, true), flock(2, EXCLUSIVE), Exec, stands(0), stands(1)]);
    course.by(0, [Action::Fstat { file: 2 }, mark(0, true), mark(0, false), Exec, FSTAT]);
    // What is marked and locked closes with its locks, but in who does not execute.
    course.by(0, [marked("b"), Fork, Exec, FSTAT, Exit, FSTAT, stands(0)]);
    course.by(1, [lock(SHARED, 0, 1)]);
    course.by(0, [Exec]);
    course.by(1, [lock(SHARED, 0, 1), lock(NONE, 0, 0)]);
    course
}
