//! Where a path leads: symlinks, names of every length, listings, working directories.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;

/// Symlinks: as many as are followed and one more, in a circle, to nothing, and out of directories.
pub(super) fn symlinks() -> Course {
    let mut course = Course::alone([create("l0")]);
    course.by(0, (1..=41).map(|n| symlink(&format!("l{}", n - 1), &format!("l{n}"))));
    course.by(0, [stat("l40"), stat("l41"), lstat("l41"), open("l40", RDONLY), open("l41", 0)]);
    course.by(0, [mkdir("d", 0o755), symlink("../l0", "d/up"), stat("d/up"), symlink("d", "e")]);
    course.by(0, [stat("e/up"), lstat("e"), lstat("e/")]);
    course
}

/// Symlinks as paths: targets of every length, to themselves, and what does not follow them.
pub(super) fn targets() -> Course {
    let long = "t".repeat(255);
    let path = format!("{}x", "./".repeat(2047));
    let longer = format!("{path}x");
    Course::alone([
        symlink("loop", "loop"),
        stat("loop"),
        lstat("loop"),
        open("loop", CREAT | RDWR),
        symlink("b", "a"),
        symlink("a", "b"),
        stat("a"),
        readlink("a"),
        symlink("", "empty"),
        symlink(&long, "long"),
        readlink("long"),
        readlink_into("long", 254),
        readlink_into("long", 255),
        readlink_into("long", 256),
        readlink_into("a", 0),
        readlink_into("loop", 1),
        lstat("long"),
        symlink(&path, "most"),
        readlink("most"),
        lstat("most"),
        symlink(&longer, "more"),
        symlink("b", "a"),
        create("f"),
        readlink("f"),
        readlink_into("f", 1),
        readlink("absent"),
        readlink_into("absent", 0),
        mkdir("d", 0o755),
        readlink("d"),
        symlink("d", "ld"),
        mkdir("ld", 0o755),
        mkdir("ld/s", 0o755),
        lstat("ld/s/.."),
        rmdir("ld"),
        unlink("ld/s"),
        rmdir("ld/s"),
        chmod("ld", 0o700),
        stat("d"),
        chown("ld", 3, 4),
        lstat("ld"),
        stat("d"),
        rename("ld", "le"),
        lstat("le"),
        truncate("a", 0),
        setxattr("a", "user.x", 3, 0),
        symlink("f", "lf"),
        truncate("lf", 7),
        stat("f"),
        stat("lf/"),
        stat("f/"),
        unlink("lf"),
        stat("f"),
        times("le", Some(5), Some(6)),
        lstat("le"),
        stat("d"),
    ])
}

/// A listing that goes on behind names that were moved before it and are removed during it.
pub(super) fn moved() -> Course {
    let mut course = Course::alone([mkdir("d", 0o755)]);
    course.by(0, ["d/a", "d/b", "d/c", "d/x", "d/y"].map(create));
    course.by(0, [rename("d/a", "d/g"), rename("d/b", "d/h"), rename("d/c", "d/i")]);
    course.by(0, [open("d", DIRECTORY), list(24), list(24), list(24)]);
    for name in ["d/h", "d/g", "d/i"] {
        course.by(0, [unlink(name), list(24)]);
    }
    course.by(0, [list(4096), list(4096), seek(0, SET), list(4096), list(4096)]);
    course
}

/// Names of 255 bytes, of 256, of none, and paths as long as there may be.
pub(super) fn lengths() -> Course {
    let (most, more) = ("n".repeat(255), "n".repeat(256));
    let within = format!("d/{most}");
    let dots = |bytes: usize| format!("{}f", "./".repeat(bytes / 2));
    let (longest, too_long) = (dots(4094), dots(4096));
    let by_one = format!("/{longest}");
    Course::alone([
        create(&most),
        write(3),
        stat(&most),
        create(&more),
        stat(&more),
        mkdir(&more, 0o755),
        mknod(&more, 0o100_644, 0),
        symlink("x", &more),
        unlink(&more),
        rmdir(&more),
        rename(&most, &more),
        rename(&more, "f"),
        link(&most, &more),
        mkdir("d", 0o755),
        rename(&most, &within),
        stat(&within),
        open("d", DIRECTORY),
        list(4096),
        close(0),
        link(&within, "f"),
        stat(&longest),
        stat(&too_long),
        truncate(&longest, 1),
        truncate(&too_long, 2),
        stat(&by_one),
        stat("f"),
        unlink(&within),
        mkdir(&within, 0o755),
        symlink("..", &format!("{within}/up")),
        stat(&format!("{within}/up/{most}")),
        rmdir(&within),
        stat(""),
        create(""),
        mkdir("", 0o755),
        unlink(""),
        rename("f", ""),
        stat("f/x"),
        create("f/x"),
        mkdir("f/x", 0o755),
        unlink("f/x"),
        stat("absent/x"),
        create("absent/x"),
        mkdir("absent/x", 0o755),
        mkdir("s/", 0o755),
        rename("s/", "t/"),
        stat("t/"),
        rename("f", "g/"),
        rmdir("t/"),
        mkdir(".", 0o755),
        mkdir("d/..", 0o755),
        unlink("."),
        rmdir(".."),
    ])
}

/// getdents: buffers that hold one record, names that come and go, and beginning again.
pub(super) fn listings() -> Course {
    let name = |n: u32| format!("d/name-{n}");
    let mut course = Course::alone([mkdir("d", 0o755)]);
    course.by(0, (0..9).map(|n| mknod(&name(n), 0o100_644, 0)));
    course.by(0, [mkdir("d/s", 0o755), symlink("s", "d/l"), mknod("d/p", 0o010_644, 0)]);
    course.by(0, [open("d", DIRECTORY), list(10), list(24), list(40), list(80), list(100)]);
    course.by(0, [unlink(&name(7)), create("d/late"), rename(&name(8), "d/moved"), close(0)]);
    course.by(0, (0..8).map(|_| list(80)));
    course.by(0, [seek(0, SET), list(4096), list(4096), seek(3, SET), list(4096), list(4096)]);
    course.by(0, [close(0), open("d/s", DIRECTORY), list(4096), list(4096), close(0)]);
    course.by(0, [mkdir("e", 0o755), rename("d/s", "e/s"), open("e/s", DIRECTORY), list(4096)]);
    course.by(0, [rmdir("e/s"), seek(0, SET), list(4096), close(0), create("f"), list(4096)]);
    course
}

/// chdir: `..` and names from there, after it was moved, exchanged, removed and closed to others.
pub(super) fn directories() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [mkdir("d", 0o755), mkdir("d/s", 0o777), mkdir("e", 0o755), create("d/f")]);
    course.by(0, [chmod("d/s", 0o777), symlink("d/s", "l"), chdir("d/f"), chdir("absent")]);
    course.by(0, [chdir("l"), stat(".."), stat("../f"), stat("."), create("x"), close(0)]);
    course.by(1, [chdir("d/s"), stat("x"), mkdir("own", 0o700), stat("../s/own"), chdir("own")]);
    course.by(0, [rename("../../d/s", "../../e/t"), stat(".."), stat("../f"), stat("x")]);
    course.by(1, [stat("../x"), stat("../../t"), create("y"), stat(".")]);
    course.by(
        0,
        [
            mkdir("../../d/n", 0o755),
            Action::Rename { old: "../../d/n".into(), new: "../t".into(), flags: EXCHANGE },
        ],
    );
    course.by(0, [stat("../n"), stat(".."), stat("x"), unlink("x"), chdir("own"), rmdir("../own")]);
    course.by(0, [unlink("y"), rmdir("../own"), stat("."), stat(".."), create("z")]);
    course.by(0, [mkdir("z", 0o755), open(".", DIRECTORY), list(4096), close(0), stat("z")]);
    course.by(1, [create("z"), stat(".."), chdir("..")]);
    course.by(0, [chmod("../../n", 0o700), chmod("..", 0o600), chdir("../../..")]);
    course.by(1, [stat("."), stat(".."), stat("own"), create("q"), chdir(".")]);
    course
}
