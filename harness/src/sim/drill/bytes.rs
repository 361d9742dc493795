//! What a file holds: lengths, ends, space, holes and copies.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;

/// `FALLOC_FL_*`.
const KEEP_SIZE: u32 = 1;
const PUNCH: u32 = 3;
const COLLAPSE: u32 = 8;
const ZERO: u32 = 16;
const INSERT: u32 = 32;

/// pread, pwrite, truncate and ftruncate at the borders of pages and of the file.
pub(super) fn lengths() -> Course {
    Course::alone([
        create("f"),
        write(5),
        FSTAT,
        pwrite(10, 4090),
        pread(8192, 0),
        ftruncate(4096),
        FSTAT,
        ftruncate(4100),
        pread(100, 4090),
        ftruncate(3),
        ftruncate(100),
        pread(200, 0),
        seek(0, CUR),
        seek(2, SET),
        write(3),
        read(3),
        seek(-2, END),
        read(10),
        pread(5, 100),
        pread(5, 5000),
        pread(0, 0),
        pwrite(0, 9000),
        FSTAT,
        pwrite(4096, 4096),
        pwrite(4097, 4095),
        pread(16_384, 0),
        ftruncate(8191),
        pread(10, 8185),
        ftruncate(-1),
        pwrite(1, -1),
        truncate("f", 4096),
        FSTAT,
        truncate("f", 4096),
        truncate("f", -1),
        truncate("absent", 0),
        truncate(".", 0),
        close(0),
        open("f", RDONLY),
        ftruncate(0),
        write(1),
        read(10_000),
        close(0),
        open("f", WRONLY),
        pread(1, 0),
        pwrite(2, 1),
        close(0),
        open("f", RDWR | TRUNC),
        FSTAT,
        read(5),
        pwrite(3, 10_000),
        pread(20_000, 0),
        close(0),
        read(1),
        stat("f"),
    ])
}

/// O_APPEND and RWF_APPEND: the end is where the file ends now, whoever moved it.
pub(super) fn ends() -> Course {
    let mut course = Course::of([root(), root()]);
    course.by(0, [create("f"), write(5), open("f", RDWR | APPEND), write(3), seek(0, CUR)]);
    course.by(1, [open("f", RDWR), pwrite(4, 4094), pread(9000, 0)]);
    course.by(0, [write(2), seek(0, CUR), pwrite(3, 0), seek(0, CUR), pread(9000, 0)]);
    course.by(0, [seek(1, SET), read(2), write(1), seek(0, CUR), read(5)]);
    course.by(1, [append(7), seek(0, CUR), write(2), seek(0, CUR), pread(9000, 0)]);
    course.by(0, [ftruncate(2), write(4), pread(10, 0), ftruncate(4096), append(1), FSTAT]);
    course.by(1, [seek(0, END), write(2), append(4), pread(5000, 4000), close(0)]);
    course.by(0, [write(0), append(0), FSTAT, close(0), seek(0, CUR), write(1), pread(9000, 0)]);
    course.by(0, [open("f", WRONLY | APPEND | TRUNC), FSTAT, write(3), close(0), stat("f")]);
    course
}

/// fallocate: what is reserved, taken out, put in, zeroed and made a hole.
pub(super) fn space() -> Course {
    Course::alone([
        create("f"),
        write(3),
        fallocate(KEEP_SIZE, 0, 8192),
        FSTAT,
        seek(0, HOLE),
        ftruncate(3),
        FSTAT,
        fallocate(0, 0, 8192),
        FSTAT,
        seek(0, DATA),
        seek(3, HOLE),
        seek(4096, DATA),
        pwrite(4096, 4096),
        fallocate(PUNCH, 4097, 4094),
        pread(9000, 0),
        // To the end of a page, and from its start.
        pwrite(4096, 4096),
        fallocate(PUNCH, 4100, 4092),
        pread(9000, 0),
        pwrite(4096, 4096),
        fallocate(ZERO, 4100, 4092),
        fallocate(PUNCH, 4096, 2),
        pread(9000, 0),
        fallocate(PUNCH, 0, 4096),
        FSTAT,
        fallocate(PUNCH, 8000, 9000),
        FSTAT,
        fallocate(2, 0, 10),
        pwrite(12_288, 0),
        fallocate(ZERO, 5, 10),
        fallocate(ZERO, 12_000, 2000),
        FSTAT,
        fallocate(ZERO | KEEP_SIZE, 13_000, 9000),
        FSTAT,
        pread(20_000, 0),
        fallocate(COLLAPSE, 4096, 4096),
        pread(20_000, 0),
        fallocate(COLLAPSE, 4096, 9_999),
        fallocate(COLLAPSE, 0, 8_388_608),
        fallocate(INSERT, 4096, 4096),
        pread(20_000, 0),
        fallocate(INSERT, 5, 4096),
        fallocate(INSERT, 1_048_576, 4096),
        fallocate(0, 0, 0),
        fallocate(0, -1, 10),
        fallocate(0, 10, -1),
        fallocate(0, i64::MAX - 5, 10),
        fallocate(64, 0, 10),
        close(0),
        open("f", RDONLY),
        fallocate(0, 0, 10),
        close(0),
        open(".", DIRECTORY),
        fallocate(0, 0, 10),
        close(0),
        open("f", RDWR | TRUNC),
        fallocate(KEEP_SIZE, 4000, 200),
        FSTAT,
        ftruncate(8192),
        fallocate(INSERT, 8192, 4096),
        fallocate(COLLAPSE, 4096, 4096),
        FSTAT,
    ])
}

/// lseek: what is data and what is a hole, from before, at and behind each border.
pub(super) fn holes() -> Course {
    Course::alone([
        create("f"),
        seek(0, DATA),
        seek(0, HOLE),
        fallocate(0, 0, 8192),
        seek(0, HOLE),
        seek(0, DATA),
        ftruncate(0),
        pwrite(100, 8192),
        seek(0, DATA),
        seek(0, HOLE),
        seek(8191, DATA),
        seek(8192, HOLE),
        seek(8291, HOLE),
        seek(8292, HOLE),
        seek(8292, DATA),
        seek(9000, HOLE),
        ftruncate(20_000),
        seek(8292, DATA),
        seek(8192, HOLE),
        seek(19_999, HOLE),
        seek(20_000, HOLE),
        pwrite(1, 16_384),
        seek(12_288, DATA),
        seek(12_288, HOLE),
        seek(-1, DATA),
        seek(-1, HOLE),
        seek(-1, SET),
        seek(5, CUR),
        seek(-6, CUR),
        seek(0, CUR),
        seek(-20_000, END),
        seek(-20_001, END),
        seek(1, END),
        read(5),
        write(2),
        seek(0, CUR),
        seek(0, 9),
        FSTAT,
        close(0),
        open(".", DIRECTORY),
        seek(0, END),
        seek(0, CUR),
        list(4096),
        seek(0, SET),
        list(4096),
        close(0),
    ])
}

/// copy_file_range: between files and within one, from places and from where a file stands.
pub(super) fn copies() -> Course {
    const HERE: i64 = Action::HERE;
    let within = [
        copy_within(0, 3000, 3000),
        copy_within(3000, 0, 3000),
        copy_within(0, 2999, 3000),
        copy_within(2999, 0, 3000),
        copy_within(0, 0, 0),
        pread(20_000, 0),
        FSTAT,
    ];
    let mut course = Course::alone([create("a"), write(3000), pwrite(3000, 3000), create("b")]);
    course.by(0, [write(9000), copy(0, 0, 100), copy(2900, 100, 200), copy(5990, 8990, 100)]);
    course.by(0, [FSTAT, copy(6000, 0, 10), copy(7000, 0, 10), FSTAT, copy(0, 20_000, 5)]);
    course.by(0, [pread(30_000, 0), seek(10, SET), copy(0, HERE, 20), seek(0, CUR)]);
    course.by(0, [Action::Seek { file: 1, offset: 5, whence: SET }, copy(HERE, 0, 7)]);
    course.by(0, [Action::Seek { file: 1, offset: 0, whence: CUR }, copy(HERE, HERE, 4)]);
    course.by(0, [seek(0, CUR), Action::Seek { file: 1, offset: 0, whence: CUR }]);
    course.by(0, [ftruncate(0), copy(0, 4096, 6000), pread(20_000, 0), FSTAT]);
    course.by(0, within);
    course.by(0, [open("b", RDONLY), copy(0, 0, 5), close(0), open("b", WRONLY | APPEND)]);
    course.by(0, [copy(0, 0, 5), close(0), open(".", DIRECTORY), copy(0, 0, 5)]);
    course.by(0, [Action::Copy { from: 0, to: 1, length: 5, from_at: 0, to_at: 0 }, close(0)]);
    course.by(0, [open("b", WRONLY), copy_within(0, 5, 2), copy(-5, 0, 2), close(0), stat("b")]);
    course
}

/// dup: where a file stands is the same by every duplicate, and goes on by one when the other is
/// closed; a directory is listed on by the other.
pub(super) fn descriptors() -> Course {
    let fstat_other = Action::Fstat { file: 1 };
    let seek_other = |offset, whence| Action::Seek { file: 1, offset, whence };
    let mut course = Course::alone([create("a"), write(10), seek(2, SET), dup(0), read(3)]);
    course.by(0, [read_other(2), seek(0, CUR), seek_other(0, CUR), seek_other(1, SET), write(2)]);
    course.by(0, [seek_other(0, CUR), write_other(1), seek(0, CUR), FSTAT, fstat_other.clone()]);
    // Another that is opened stands where it was left.
    course.by(0, [open("a", RDWR), read(1), read_other(1), seek(0, CUR), seek_other(0, CUR)]);
    course.by(0, [dup(1), write(2), seek_other(0, CUR), ftruncate(9), fstat_other, close(1)]);
    course.by(0, [seek(0, CUR), close(0), seek(0, CUR), read_other(1), close(0), seek(0, CUR)]);
    course.by(0, [write(3), unlink("a"), dup(0), FSTAT, close(1), write(2), pread(40, 0), FSTAT]);
    course.by(0, [close(0), dup(0), close(0), mkdir("d", 0o755), create("d/a"), create("d/b")]);
    course.by(0, [open("d", DIRECTORY), dup(0), list(48), close(0), list(4096), list(4096)]);
    course.by(0, [seek(0, SET), dup(0), list(4096), close(1), list(4096)]);
    course
}

/// `F_SETFL`: what is written goes to the end from then on, by every duplicate, until that is
/// taken back; what cannot be changed stays as it was opened.
pub(super) fn flags() -> Course {
    let seek_other = |offset, whence| Action::Seek { file: 1, offset, whence };
    let set_other = |flags| Action::SetFlags { file: 1, flags };
    let mut course = Course::alone([create("a"), write(10), dup(0)]);
    course.by(0, [seek(3, SET), set_flags(APPEND), write(4), seek(0, CUR), FSTAT]);
    course.by(0, [seek(1, SET), write_other(2), seek_other(0, CUR), pwrite(3, 0), FSTAT]);
    course.by(0, [pread(40, 0), seek(2, SET), read(1), set_other(0), write(2), seek(0, CUR)]);
    course.by(0, [write_other(1), pwrite(1, 0), FSTAT, pread(40, 0)]);
    course.by(0, [set_flags(WRONLY | TRUNC | APPEND), FSTAT, pread(5, 0), append(2)]);
    course.by(0, [close(1), seek(4, SET), write(3), seek(0, CUR), dup(0), set_flags(RDWR)]);
    course.by(0, [close(1), seek(0, SET), write(1), pread(40, 0), copy_within(0, 20, 3)]);
    course.by(0, [set_flags(APPEND), copy_within(0, 30, 3), ftruncate(12), write(1), FSTAT]);
    // A flag that was given to open can be taken away, and who opened on its own has its own.
    course.by(0, [open("a", RDWR | APPEND), write(5), open("a", WRONLY), set_flags(0), write(1)]);
    course.by(0, [write_other(1), FSTAT, set_other(0), seek_other(0, SET), write_other(1)]);
    course.by(
        0,
        [
            set_other(APPEND),
            set_flags(APPEND),
            set_other(0),
            Action::Read { file: 1, size: 9, offset: Some(0) },
            FSTAT,
        ],
    );
    course.by(0, [close(0), close(0), close(0), set_flags(APPEND), stat("a")]);
    course
}
