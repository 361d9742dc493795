//! sendfile: what is sent, from where to where, and who stands where afterwards.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;

const HERE: i64 = Action::HERE;

/// From an offset, or from where the source stands; in pieces, to the end, and into itself.
pub(super) fn files() -> Course {
    let seek_other = |offset, whence| Action::Seek { file: 1, offset, whence };
    let itself = |from_at, length| Action::Sendfile { from: 0, to: 0, length, from_at };
    let mut course = Course::alone([create("a"), write(3000), pwrite(3000, 3000), create("b")]);
    course.by(0, [write(100), send(0, 50), seek(0, CUR), seek_other(0, CUR), send(HERE, 20)]);
    course.by(0, [seek_other(10, SET), send(HERE, 20), seek_other(0, CUR), seek(0, CUR), FSTAT]);
    course.by(0, [seek(5, SET), send(2990, 20), send(HERE, 20_000), seek_other(0, CUR), FSTAT]);
    course.by(0, [send(HERE, 5), send(6000, 5), send(0, 0), send(-5, 5), pread(20_000, 0)]);
    // More than a pipe holds, beyond the end of the target.
    course.by(0, [ftruncate(0), seek_other(0, SET), Action::Ftruncate { file: 1, size: 100_000 }]);
    course.by(0, [seek(4096, SET), send(HERE, 90_000), seek(0, CUR), seek_other(0, CUR), FSTAT]);
    course.by(0, [pread(20_000, 0), seek(0, SET), itself(HERE, 50), itself(5000, 10)]);
    course.by(0, [seek(0, CUR), ftruncate(20), seek(20, SET), itself(0, 7), pread(40, 0)]);
    // Who may not read, write or append.
    course.by(0, [open("b", RDONLY), send(0, 5), close(0), open("b", WRONLY | APPEND), send(0, 5)]);
    course.by(0, [send(0, 0), set_flags(0), send(0, 5), itself(0, 5), close(0)]);
    course.by(0, [open(".", DIRECTORY), send(0, 5), open("b", RDWR), send(HERE, 5), FSTAT]);
    course
}
