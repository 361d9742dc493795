//! What is known about a file: times, extended attributes, and what a filesystem has left.

use super::calls::*;
use super::course::Course;
use crate::sim::{Action, Stamp};

/// Which times each change moves, of what it changes and of the directory.
pub(super) fn changes() -> Course {
    let look = |path: &str| [stat(path), stat("d")];
    let mut course = Course::alone([mkdir("d", 0o755), stat("d"), create("d/f")]);
    for change in [
        write(3),
        write(0),
        ftruncate(3),
        pread(3, 0),
        pread(0, 0),
        truncate("d/f", 3),
        fallocate(0, 0, 5000),
        fallocate(1, 0, 9000),
        chmod("d/f", 0o600),
        chown("d/f", 3, 4),
        chown("d/f", LEAVE, LEAVE),
        setxattr("d/f", "user.a", 3, 0),
        removexattr("d/f", "user.a"),
        link("d/f", "d/g"),
        rename("d/g", "d/h"),
        rename("d/f", "d/h"),
        unlink("d/h"),
    ] {
        course.by(0, [change]);
        course.by(0, look("d/f"));
    }
    course.by(0, [FSTAT, mkdir("d/s", 0o755), stat("d"), rmdir("d/s"), stat("d")]);
    course
}

/// The same of renames from one directory to another, of symlinks, and of what is read.
pub(super) fn moves() -> Course {
    Course::alone([
        mkdir("d", 0o755),
        mkdir("e", 0o755),
        create("d/f"),
        write(3),
        create("e/g"),
        stat("d"),
        rename("d/f", "e/f"),
        stat("d"),
        stat("e"),
        stat("e/f"),
        rename2("e/f", "e/g", EXCHANGE),
        stat("e/f"),
        stat("e/g"),
        stat("e"),
        symlink("f", "d/l"),
        lstat("d/l"),
        readlink("d/l"),
        lstat("d/l"),
        stat("d"),
        open("d", DIRECTORY),
        list(4096),
        stat("d"),
        times("d", Some(5), Some(5)),
        list(4096),
        seek(0, SET),
        list(4096),
        stat("d"),
        close(0),
        times("e/f", Some(9), Some(9)),
        open("e/f", RDONLY),
        read(5),
        stat("e/f"),
        read(5),
        stat("e/f"),
        times("e/f", Some(1), None),
        stat("e/f"),
        open("e/f", NOATIME),
        read(5),
        stat("e/f"),
        open("e/f", RDWR | TRUNC),
        stat("e/f"),
        open("e/f", CREAT | RDWR),
        stat("e"),
        mknod("e/p", 0o010_644, 0),
        stat("e"),
    ])
}

/// utimensat: what may be asked for, and by whom.
pub(super) fn stamps() -> Course {
    let at = |sec, nsec| Stamp::At { sec, nsec };
    let set = |atime, mtime| Action::Times { path: "w/f".into(), atime, mtime };
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [mkdir("w", 0o755), chmod("w", 0o777), create("w/f"), chmod("w/f", 0o666)]);
    course.by(0, [times("w/f", Some(100), Some(200)), stat("w/f"), times("w/f", None, Some(7))]);
    course.by(0, [stat("w/f"), times("w/f", None, None), stat("w/f"), set(at(-5, 3), at(0, 0))]);
    course.by(0, [stat("w/f"), set(at(4_000_000_000, 999_999_999), at(1, 1)), stat("w/f")]);
    course.by(0, [set(at(1, 1_000_000_000), Stamp::Omit), set(Stamp::Omit, Stamp::Now)]);
    course.by(0, [stat("w/f"), set(Stamp::Now, Stamp::Omit), stat("w/f")]);
    course.by(0, [set(at(9, 1), Stamp::Now), stat("w/f"), set(Stamp::Now, at(8, 2)), stat("w/f")]);
    // Who may write it may say that it is now, and who owns it may say anything.
    course.by(
        1,
        [touch("w/f"), stat("w/f"), times("w/f", Some(1), Some(2)), set(Stamp::Now, Stamp::Omit)],
    );
    course.by(1, [times("w/f", None, None), open("w/f", NOATIME), open("w/f", RDWR)]);
    course.by(1, [Action::Futimens { file: 0, atime: Stamp::Now, mtime: Stamp::Now }, stat("w/f")]);
    course.by(0, [chmod("w/f", 0o644)]);
    course.by(1, [touch("w/f"), stat("w/f")]);
    course.by(0, [chmod("w/f", 0o400), chown("w/f", 1000, 5)]);
    course.by(1, [touch("w/f"), times("w/f", Some(3), Some(4)), stat("w/f"), stat("w/f")]);
    course.by(1, [open("w/f", NOATIME), read(1), stat("w/f"), touch("w"), touch("absent")]);
    course
}

/// Extended attributes: what may be set on what by whom, sizes, and lists of names.
pub(super) fn attributes() -> Course {
    let (most, more) = (format!("user.{}", "n".repeat(250)), format!("user.{}", "n".repeat(251)));
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [create("f"), chmod("f", 0o666), setxattr("f", "user.a", 5, 2)]);
    course.by(0, [setxattr("f", "user.a", 5, 1), setxattr("f", "user.a", 6, 1)]);
    course.by(0, [getxattr("f", "user.a", 0), getxattr("f", "user.a", 5)]);
    course.by(0, [getxattr("f", "user.a", 4), setxattr("f", "user.a", 9, 2)]);
    course.by(0, [getxattr("f", "user.a", 100), setxattr("f", "user.ab", 0, 0)]);
    course.by(0, [getxattr("f", "user.ab", 10), getxattr("f", "user.ab", 0), listxattr("f", 0)]);
    course.by(0, [listxattr("f", 15), listxattr("f", 14), listxattr("f", 100)]);
    course.by(0, [setxattr("f", &most, 3, 0), getxattr("f", &most, 3), setxattr("f", &more, 3, 0)]);
    course.by(0, [removexattr("f", &most), removexattr("f", &most), setxattr("f", "user.", 3, 0)]);
    course.by(0, [setxattr("f", "user.l", 65_536, 0), setxattr("f", "user.l", 65_537, 0)]);
    course.by(0, [getxattr("f", "user.l", 65_536), setxattr("f", "user.a", 3, 3)]);
    course.by(0, [setxattr("f", "trusted.t", 4, 0), setxattr("f", "security.s", 4, 0)]);
    course
        .by(0, [setxattr("f", "other.o", 4, 0), setxattr("f", "nodot", 4, 0), listxattr("f", 99)]);
    course.by(1, [listxattr("f", 100), getxattr("f", "trusted.t", 10), getxattr("f", "user.a", 9)]);
    course.by(1, [setxattr("f", "trusted.t", 4, 0), removexattr("f", "trusted.t")]);
    course.by(1, [setxattr("f", "security.s", 4, 0), getxattr("f", "security.s", 9)]);
    course.by(1, [setxattr("f", "user.u", 4, 0), removexattr("f", "user.u")]);
    course.by(0, [chmod("f", 0o600), mknod("p", 0o010_666, 0), setxattr("p", "user.a", 3, 0)]);
    course.by(1, [getxattr("f", "user.a", 9), setxattr("f", "user.u", 4, 0), listxattr("f", 99)]);
    course
        .by(0, [setxattr("p", "trusted.a", 3, 0), getxattr("p", "user.a", 3), listxattr("p", 99)]);
    course.by(0, [mkdir("t", 0o777), chmod("t", 0o1777), setxattr("t", "user.a", 3, 0)]);
    course.by(1, [setxattr("t", "user.b", 3, 0), getxattr("t", "user.a", 3)]);
    course.by(0, [chmod("t", 0o777), unlink("f"), getxattr("f", "user.a", 9)]);
    course.by(1, [setxattr("t", "user.b", 3, 0), listxattr("t", 99)]);
    course
}

/// statfs: what is taken and given back by all that takes and gives back.
pub(super) fn room() -> Course {
    let mut actions = vec![statfs(".")];
    for change in [
        create("f"),
        write(5000),
        fallocate(1, 8192, 8192),
        fallocate(3, 0, 4096),
        ftruncate(100),
        mkdir("d", 0o755),
        link("f", "g"),
        symlink("f", "l"),
        mknod("p", 0o010_644, 0),
        unlink("f"),
        rename("p", "q"),
        rename("q", "g"),
        close(0),
        rmdir("d"),
        unlink("l"),
        unlink("g"),
        unlink("g"),
        create("a"),
        open("a", RDONLY),
        link("a", "b"),
        open("b", RDONLY),
        unlink("a"),
        unlink("b"),
        close(0),
        close(0),
        close(0),
        create("c"),
        create("e"),
        rename("e", "c"),
        close(0),
        close(0),
    ] {
        actions.extend([change, statfs(".")]);
    }
    Course::alone(actions)
}
