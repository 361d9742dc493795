//! What names may do: made, moved, traded, linked and removed.

use super::calls::*;
use super::course::Course;

/// rename: every kind onto every kind, onto itself, into itself, out of and into directories.
pub(super) fn renames() -> Course {
    Course::alone([
        mkdir("d", 0o755),
        mkdir("e", 0o755),
        create("d/f"),
        write(3),
        create("e/g"),
        stat("e/g"),
        rename("d/f", "e/g"),
        stat("e/g"),
        stat("d/f"),
        FSTAT,
        mkdir("d/s", 0o755),
        mkdir("e/t", 0o755),
        stat("d"),
        stat("e"),
        rename("d/s", "e/t"),
        stat("d"),
        stat("e"),
        stat("e/t/.."),
        mkdir("d/u", 0o755),
        create("d/u/x"),
        rename("e/t", "d/u"),
        rename("d/u", "e/t"),
        stat("e/t/x"),
        rename("e/g", "e/t"),
        rename("e/t", "e/g"),
        rename("e", "e/t/e"),
        rename("e", "e/e"),
        rename("e/t", "e"),
        rename("e/g", "e/g"),
        link("e/g", "d/h"),
        rename("e/g", "d/h"),
        stat("d/h"),
        stat("e/g"),
        rename("absent", "d/h"),
        rename("d/h", "absent/h"),
        rename("d/h", "e/g/x"),
        rename("e/t/.", "d/v"),
        rename("d", "e/t/.."),
        rename2("d/h", "e/g", NOREPLACE),
        rename2("d/h", "d/i", NOREPLACE),
        symlink("../e", "d/l"),
        rename("d/l", "d/i"),
        lstat("d/i"),
        unlink("e/g"),
        stat("d"),
        stat("e"),
    ])
}

/// renameat2 with RENAME_EXCHANGE: kinds, parents, what a directory counts and where it is.
pub(super) fn exchanges() -> Course {
    Course::alone([
        mkdir("d", 0o755),
        mkdir("e", 0o755),
        mkdir("d/s", 0o755),
        create("d/s/x"),
        create("e/f"),
        write(4),
        stat("d"),
        stat("e"),
        stat("d/s"),
        stat("e/f"),
        rename2("d/s", "e/f", EXCHANGE),
        stat("d"),
        stat("e"),
        stat("e/f/.."),
        stat("e/f/x"),
        stat("d/s"),
        FSTAT,
        rename2("d/s", "e/f/x", EXCHANGE),
        stat("d/s"),
        stat("e/f/x"),
        rename2("e", "e/f", EXCHANGE),
        rename2("e/f", "e", EXCHANGE),
        rename2("d/s", "absent", EXCHANGE),
        rename2("absent", "d/s", EXCHANGE),
        rename2("d/s", "d/s", EXCHANGE),
        mkdir("d/t", 0o755),
        chdir("e/f"),
        rename2("../../d/t", "../f", EXCHANGE),
        stat("../t"),
        stat(".."),
        create("../y"),
        stat("x"),
        rename2("x", "../y", EXCHANGE),
        stat("x"),
        rename2("x", "../y", EXCHANGE | NOREPLACE),
        rename2("x", "../y", 8),
        symlink("x", "l"),
        rename2("l", "x", EXCHANGE),
        readlink("x"),
        lstat("l"),
    ])
}

/// link, unlink, mkdir and rmdir: what is counted, and what is still there without a name.
pub(super) fn links() -> Course {
    Course::alone([
        statfs("."),
        create("a"),
        write(5000),
        link("a", "b"),
        stat("a"),
        statfs("."),
        unlink("a"),
        stat("b"),
        link("b", "a"),
        link("b", "a"),
        open("b", RDWR),
        unlink("b"),
        unlink("a"),
        FSTAT,
        statfs("."),
        pwrite(5, 5000),
        pread(6000, 0),
        close(0),
        close(0),
        statfs("."),
        mkdir("d", 0o755),
        mkdir("d", 0o755),
        mkdir("d/s", 0o755),
        stat("d"),
        link("d", "x"),
        unlink("d/s"),
        rmdir("d"),
        create("d/f"),
        rmdir("d/f"),
        rmdir("d/s"),
        stat("d"),
        link("d/f", "d/f"),
        link("absent", "x"),
        link("d/f", "absent/x"),
        symlink("d/f", "l"),
        link("l", "m"),
        lstat("m"),
        stat("d/f"),
        rmdir("d/."),
        rmdir("d/.."),
        unlink("d/f/"),
        unlink("d/f"),
        open("d", DIRECTORY),
        rmdir("d"),
        FSTAT,
        list(4096),
        close(0),
        stat("d"),
        create("d/f"),
        statfs("."),
        mknod("p", 0o010_644, 0),
        link("p", "q"),
        unlink("p"),
        lstat("q"),
        unlink("m"),
        lstat("l"),
    ])
}

/// mknod and open: what there is besides files, and in which ways it is opened.
pub(super) fn kinds() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [mkdir("w", 0o755), chmod("w", 0o777), mknod("w/r", 0o100_640, 0), stat("w/r")]);
    course.by(0, [mknod("w/c", 0o020_666, 0x103), stat("w/c"), mknod("w/b", 0o060_600, 0x12_3456)]);
    course.by(0, [stat("w/b"), mknod("w/p", 0o010_666, 0), mknod("w/s", 0o140_777, 0)]);
    course.by(0, [stat("w/p"), stat("w/s"), mknod("w/r", 0o100_644, 0), mknod("w/z", 0o644, 0)]);
    course.by(0, [mknod("w/d", 0o040_755, 0), truncate("w/p", 0), truncate("w/s", 1)]);
    course.by(0, [open("w/s", RDONLY), chmod("w/p", 0o600), chown("w/c", 5, 6), lstat("w/c")]);
    course.by(1, [mknod("w/v", 0o020_666, 0x103), mknod("w/u", 0o060_666, 0x103)]);
    course.by(1, [mknod("w/x", 0o020_666, 0), stat("w/x"), mknod("w/y", 0o060_666, 0)]);
    course.by(1, [mknod("w/q", 0o010_666, 0), mknod("w/t", 0o140_666, 0), stat("w/q")]);
    course.by(0, [open("w/r", CREAT | EXCL | RDWR), open("w/n", CREAT | EXCL), FSTAT, close(0)]);
    course.by(0, [open("w/r", DIRECTORY), open("w", RDWR), open("w", CREAT), open("w", WRONLY)]);
    course.by(0, [symlink("r", "w/l"), open("w/l", NOFOLLOW), open("w/l", CREAT | EXCL)]);
    course.by(0, [open("w/r", NOFOLLOW), close(0), open("w/l", TRUNC | RDWR), FSTAT, close(0)]);
    course.by(
        0,
        [
            symlink("made", "w/k"),
            open("w/k", RDONLY),
            open("w/k", CREAT | EXCL | RDWR),
            create("w/k"),
            close(0),
        ],
    );
    course.by(0, [chmod("w/r", 0o666), chmod("w", 0o755), open("w", CREAT | DIRECTORY)]);
    course.by(1, [open("w/r", NOATIME), open("w/r", RDONLY), open("w/n", NOATIME | RDWR)]);
    course.by(0, [stat("w/made"), open("w/new/", CREAT), open("w/r/", RDONLY)]);
    course
}

/// Slashes behind names, of directories and of what is none.
pub(super) fn slashes() -> Course {
    Course::alone([
        mkdir("d/", 0o755),
        mkdir("d//", 0o755),
        create("f"),
        stat("f/"),
        lstat("f/"),
        symlink("f", "m"),
        stat("m/"),
        open("m/", RDONLY),
        open("f/", RDONLY),
        open("f/", CREAT),
        open("n/", CREAT | EXCL),
        open("d/", CREAT),
        open("d/", DIRECTORY),
        mknod("n/", 0o100_644, 0),
        mknod("f/", 0o100_644, 0),
        symlink("d", "n/"),
        symlink("d", "l"),
        symlink("d", "l/"),
        mkdir("l/", 0o755),
        lstat("l/"),
        readlink("l/"),
        link("f", "n/"),
        link("f", "d/"),
        link("f/", "n"),
        unlink("f/"),
        unlink("d/"),
        unlink("n/"),
        rmdir("f/"),
        rmdir("l/"),
        rename("f/", "g"),
        rename("f", "g/"),
        rename("f", "d/"),
        rename("f", "f/"),
        rename("l/", "k"),
        rename("d/", "e"),
        rename("e", "d/"),
        mkdir("e/", 0o755),
        rename("d/", "e/"),
        rename2("f/", "e", EXCHANGE),
        rename2("e", "f/", EXCHANGE),
        rename2("f", "e/", EXCHANGE),
        lstat("f"),
        truncate("e/", 0),
        chmod("e/", 0o600),
        chmod("f/", 0o700),
        chdir("f/"),
        stat("../e"),
        mkdir("d/.", 0o755),
        mkdir("./", 0o755),
        unlink(".."),
        unlink("./."),
        rmdir("."),
        rmdir("../f/.."),
        rename(".", "x"),
        rename("../e", ".."),
        rename2("../e", "../.", NOREPLACE),
        link("../e", ".."),
        symlink("x", "."),
        rmdir("../f/"),
        rmdir("../f/"),
        stat("."),
    ])
}
