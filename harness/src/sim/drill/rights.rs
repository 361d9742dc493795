//! Who may do what: modes, groups, lists, sticky directories, and bits that a change takes away.

use super::calls::*;
use super::course::Course;
use crate::sim::Action;
use crate::sim::acl_tag::{GROUP, MASK, OTHER, OWNER, OWNING_GROUP, USER};

/// The id of an entry that names nobody.
const NOBODY: u32 = u32::MAX;

/// Every class of user, by mode: the owner, the group, a further group, and others.
pub(super) fn modes() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course
        .by(0, [mkdir("w", 0o755), create("w/f"), write(9), mkdir("w/d", 0o755), create("w/d/x")]);
    for (uid, gid, mode) in
        [(1000, 7, 0o077), (7, 1000, 0o707), (7, 50, 0o606), (7, 50, 0o060), (7, 7, 0o006)]
    {
        course.by(0, [chown("w/f", uid, gid), chmod("w/f", mode)]);
        course.by(1, [open("w/f", RDONLY), open("w/f", RDWR), access("w/f", 6)]);
    }
    course.by(0, [chown("w/f", 7, 50), chmod("w/f", 0o640)]);
    course.by(1, [open("w/f", RDONLY), read(5), open("w/f", RDONLY | TRUNC), truncate("w/f", 1)]);
    course.by(0, [chown("w/f", 7, 7), chmod("w/f", 0o002)]);
    course.by(1, [truncate("w/f", 1), open("w/f", WRONLY), access("w/f", 2), access("w/f", 4)]);
    // Who has it open goes on with it.
    course.by(0, [chmod("w/f", 0)]);
    course.by(1, [write(2), open("w/f", WRONLY), becomes(7, 9), access("w/f", 4), stat("w/f")]);
    course.by(0, [chmod("w/f", 0o400)]);
    course.by(1, [access("w/f", 4), access("w/f", 2), chmod("w/f", 0o600), truncate("w/f", 0)]);
    course
}

/// Directories: to search, to read and to write are three rights.
pub(super) fn directories() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course.by(0, [mkdir("d", 0o755), create("d/f"), mkdir("d/s", 0o777), chmod("d", 0o704)]);
    course.by(1, [stat("d/f"), open("d", DIRECTORY), list(4096), create("d/n"), chdir("d")]);
    course.by(0, [chmod("d", 0o701)]);
    course.by(1, [stat("d/f"), open("d", DIRECTORY), unlink("d/f"), stat("d/s/.."), chdir("d/s")]);
    course.by(0, [chmod("d", 0o702)]);
    course.by(1, [create("../n"), stat("../f"), stat("."), mkdir("../m", 0o755)]);
    course.by(0, [chmod("d", 0o703), chown("d", 7, 50)]);
    course.by(1, [create("../n"), unlink("../f")]);
    course.by(0, [chmod("d", 0o730)]);
    course.by(1, [create("../n"), unlink("../f"), rename("../n", "../o"), link("../o", "../p")]);
    course.by(1, [symlink("x", "../l"), mknod("../q", 0o100_600, 0), mkdir("../m", 0o700)]);
    course.by(1, [rename("../s", "../t"), rmdir("../m"), open("..", DIRECTORY), access("..", 3)]);
    course.by(0, [chmod("d", 0o755)]);
    course.by(
        1,
        [unlink("../o"), rename("../t", "../u"), access("..", 2), setxattr("..", "user.a", 3, 0)],
    );
    course.by(0, [mkdir("v", 0o777), chmod("v", 0o777), mkdir("v/own", 0o755), chmod("d", 0o777)]);
    // A directory that moves has to be written, for its `..`.
    course.by(1, [rename("../../v/own", "../own"), rename("../../v/own", "../../v/w")]);
    course
}

/// The sticky bit: who removes and moves what there.
pub(super) fn sticky() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [mkdir("t", 0o755), chmod("t", 0o1777), mkdir("u", 0o755), chmod("u", 0o777)]);
    course.by(0, [create("t/a"), create("t/b"), mkdir("t/s", 0o777), chown("t/b", 1000, 5)]);
    course.by(0, [mkdir("t/m", 0o777), chown("t/m", 1000, 5), chmod("t/a", 0o777)]);
    course.by(1, [unlink("t/a"), rename("t/a", "t/c"), rename("t/a", "u/a"), rmdir("t/s")]);
    course.by(1, [create("t/own"), rename("t/own", "t/a"), rename("t/own", "t/b"), stat("t/b")]);
    course.by(1, [rename("t/b", "u/b"), rename("u/b", "t/b"), rename("t/s", "u/s")]);
    course.by(1, [rename2("t/b", "t/a", EXCHANGE), rename2("t/b", "t/m", EXCHANGE)]);
    course.by(1, [link("t/b", "t/l"), unlink("t/l"), unlink("t/m"), rmdir("t/m"), rmdir("t/b")]);
    course.by(0, [chown("t", 1000, 5)]);
    course.by(1, [rename("t/s", "t/r"), unlink("t/a"), rmdir("t/r"), stat("t")]);
    course.by(1, [becomes(1001, 1001), create("t/other"), unlink("t/b"), unlink("t/other")]);
    course
}

/// chmod and chown: who may, what they take away, and the group that one is not in.
pub(super) fn owners() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course.by(0, [mkdir("w", 0o755), chmod("w", 0o777), create("w/r"), close(0)]);
    course.by(1, [create("w/f"), chmod("w/f", 0o6755), chown("w/f", LEAVE, 50), stat("w/f")]);
    course.by(1, [chmod("w/f", 0o6745), chown("w/f", LEAVE, LEAVE), chown("w/f", 1000, LEAVE)]);
    course.by(1, [chown("w/f", LEAVE, 51), chown("w/f", 1001, LEAVE), chmod("w/r", 0o600)]);
    course.by(1, [chown("w/r", LEAVE, LEAVE), chown("w/r", 1000, 1000), chown("w/f", 1001, 50)]);
    course.by(0, [chown("w/f", LEAVE, 60), stat("w/f")]);
    course.by(1, [chmod("w/f", 0o2755), stat("w/f"), chmod("w/f", 0o4711), stat("w/f")]);
    course.by(0, [chmod("w/f", 0o6777), chown("w/f", 1000, 60), chmod("w/f", 0o6767)]);
    course.by(0, [chown("w/f", 0, LEAVE), stat("w/f"), chmod("w/f", 0o7777), stat("w/f")]);
    course.by(0, [mkdir("w/d", 0o755), chmod("w/d", 0o6755), chown("w/d", 1000, 60)]);
    course.by(1, [stat("w/d"), chmod("w/d", 0o2755), stat("w/d"), chown("w/d", LEAVE, 50)]);
    course.by(1, [chmod("w/d", 0o3755), stat("w/d"), mkdir("w/d/s", 0o755), create("w/d/f")]);
    course.by(1, [Action::Fchmod { file: 0, mode: 0o600 }, FSTAT]);
    course.by(1, [Action::Fchown { file: 0, uid: LEAVE, gid: 1000 }, FSTAT, unlink("w/d/f")]);
    course.by(1, [Action::Fchmod { file: 0, mode: 0o4755 }, FSTAT, chmod("absent", 0)]);
    course
}

/// What changes a program: setuid goes, and setgid unless it is no program and one is of the group.
pub(super) fn programs() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course.by(0, [mkdir("w", 0o755), chmod("w", 0o777)]);
    let changes = [
        vec![open("f", RDWR), write(1), close(0)],
        vec![truncate("f", 5)],
        vec![open("f", RDWR), ftruncate(7), close(0)],
        vec![open("f", RDWR | TRUNC), close(0)],
        vec![open("f", RDWR), fallocate(0, 0, 20), close(0)],
        vec![open("g", RDWR), open("f", RDWR), copy(0, 0, 3), close(0), close(0)],
    ];
    let modes =
        [(50, 0o6644), (60, 0o2644), (50, 0o2654), (60, 0o4755), (60, 0o6666), (50, 0o7777)];
    course.by(0, [create("g"), write(9), close(0), chown("g", 1000, 1000), create("f"), write(9)]);
    for (change, (gid, mode)) in changes.into_iter().zip(modes) {
        course.by(0, [chown("f", 1000, gid), chmod("f", mode)]);
        course.by(1, change);
        course.by(1, [stat("f")]);
    }
    // What one class may execute the super-user may.
    for mode in [0o100, 0o010, 0o001, 0] {
        course.by(0, [chmod("f", mode), access("f", 1)]);
    }
    // The super-user takes nothing away, and who writes nothing neither.
    course.by(0, [chmod("f", 0o6755), pwrite(1, 0), truncate("f", 2), stat("f")]);
    course.by(
        1,
        [open("f", RDWR), write(0), stat("f"), append(1), stat("f"), setxattr("f", "user.a", 3, 0)],
    );
    course
}

/// What a program may do whoever runs it: it goes with its contents and its owner, not its mode.
pub(super) fn capabilities() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[])]);
    course.by(0, [create("f"), write(9), setxattr("f", "user.a", 3, 0), set_capability("f")]);
    course.by(0, [get_capability("f"), listxattr("f", 100), write(0), get_capability("f")]);
    for change in [pwrite(1, 0), fallocate(0, 0, 10), ftruncate(3), chown("f", 1000, 50)] {
        course.by(0, [set_capability("f"), change, get_capability("f")]);
    }
    course.by(0, [set_capability("f"), chmod("f", 0o700), get_capability("f")]);
    course.by(1, [set_capability("f"), get_capability("f"), open("f", RDWR), write(1), stat("f")]);
    course.by(1, [get_capability("f"), removexattr("f", "security.capability")]);
    course.by(0, [set_capability("f"), open("f", RDWR | TRUNC), get_capability("f")]);
    course.by(0, [getxattr("f", "user.a", 9), mkdir("d", 0o755), set_capability("d")]);
    course
}

/// The setgid bit, which a list, a new length and a new owner take from some and leave to others.
pub(super) fn setgid() -> Course {
    let list = [
        (OWNER, 7, NOBODY),
        (USER, 7, 5),
        (OWNING_GROUP, 5, NOBODY),
        (MASK, 7, NOBODY),
        (OTHER, 5, NOBODY),
    ];
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    for (group, mode) in [(77, 0o2755), (50, 0o2755), (77, 0o2644), (50, 0o2644)] {
        course.by(0, [create("f"), chown("f", 1000, group), chmod("f", mode)]);
        course.by(1, [set_list("f", &list), stat("f"), remove_list("f")]);
        course.by(0, [chmod("f", mode)]);
        course.by(1, [truncate("f", 3), stat("f"), chown("f", 1000, 50)]);
        course.by(0, [chmod("f", mode), chown("f", 5, NOBODY), unlink("f")]);
    }
    course
}

/// What is made: the mode without the mask, the group of a setgid directory, and the owner.
pub(super) fn made() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course.by(0, [mkdir("g", 0o755), chown("g", 5, 60), chmod("g", 0o2777), umask(0)]);
    course.by(1, [create("g/f"), mkdir("g/d", 0o755), mknod("g/p", 0o010_644, 0)]);
    course
        .by(1, [symlink("f", "g/l"), mknod("g/r", 0o102_755, 0), open_with("g/x", CREAT, 0o2711)]);
    course.by(1, [stat("g/f"), stat("g/d"), stat("g/p"), lstat("g/l"), stat("g/r"), stat("g/x")]);
    course.by(1, [mkdir("g/d/e", 0o700), stat("g/d/e"), create("g/d/e/y"), stat("g/d/e/y")]);
    course.by(1, [umask(0o077), mkdir("g/m", 0o777), create("g/n"), mknod("g/o", 0o010_666, 0)]);
    course.by(1, [symlink("f", "g/k"), lstat("g/k"), stat("g/m"), umask(0o777), create("g/z")]);
    course.by(1, [umask(0), mkdir("g/q", 0o7777), stat("g/q"), open_with("g/w", CREAT, 0o7777)]);
    course.by(0, [mkdir("g/root", 0o7777), stat("g/root"), create("g/by"), stat("g/by")]);
    course.by(0, [open_with("g/own", CREAT | RDWR, 0), write(3), close(0), becomes(1000, 50)]);
    course.by(0, [open_with("g/v", CREAT | RDWR, 0o2770), stat("g/v"), open("g/own", RDONLY)]);
    course.by(0, [open_with("g/ro", CREAT | RDWR, 0o444), write(3), open("g/ro", RDWR)]);
    // Where the directory hands no group on, the maker's own is no stranger to him.
    course.by(0, [becomes(0, 0), chmod("g", 0o777)]);
    course.by(1, [open_with("g/s", CREAT, 0o2755), mkdir("g/t", 0o2755), stat("g/s"), stat("g/t")]);
    course
}

/// Lists: users, groups, the mask, and which of several entries counts.
pub(super) fn lists() -> Course {
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    let tries = || [open("f", RDONLY), open("f", WRONLY), access("f", 6), stat("f")];
    course.by(0, [create("f"), write(5), chown("f", 7, 50), chmod("f", 0o660)]);
    // The mask limits the owning group.
    let masked = |mask| {
        [
            (OWNER, 6, NOBODY),
            (USER, 7, 8),
            (OWNING_GROUP, 7, NOBODY),
            (MASK, mask, NOBODY),
            (OTHER, 7, NOBODY),
        ]
    };
    course.by(0, [set_list("f", &masked(4))]);
    course.by(1, tries());
    course.by(0, [chmod("f", 0o606)]);
    course.by(0, get_lists("f"));
    course.by(1, tries());
    // A user's own entry, which the mask limits and nothing else makes more of.
    let user = [
        (OWNER, 6, NOBODY),
        (USER, 6, 1000),
        (OWNING_GROUP, 6, NOBODY),
        (MASK, 2, NOBODY),
        (OTHER, 6, NOBODY),
    ];
    course.by(0, [set_list("f", &user)]);
    course.by(1, tries());
    // One of the groups is enough; none of them is not others.
    let groups = [
        (OWNER, 0, NOBODY),
        (OWNING_GROUP, 0, NOBODY),
        (GROUP, 4, 50),
        (GROUP, 2, 1000),
        (MASK, 7, NOBODY),
        (OTHER, 7, NOBODY),
    ];
    course.by(0, [set_list("f", &groups)]);
    course.by(1, tries());
    course.by(0, [chmod("f", 0o670), stat("f")]);
    course.by(0, get_lists("f"));
    course.by(1, [chmod("f", 0o777), set_list("f", &masked(7)), becomes(7, 7), chmod("f", 0o640)]);
    course.by(1, get_lists("f"));
    course.by(
        0,
        [set_list("f", &[(OWNER, 6, NOBODY), (OWNING_GROUP, 4, NOBODY), (OTHER, 0, NOBODY)])],
    );
    course.by(0, get_lists("f"));
    course.by(0, [stat("f"), set_list("f", &masked(7)[..3]), remove_list("f"), remove_list("f")]);
    course
}

/// Lists that a directory gives to what is made in it, and that count instead of the mask.
pub(super) fn defaults() -> Course {
    let short = [(OWNER, 7, NOBODY), (OWNING_GROUP, 5, NOBODY), (OTHER, 4, NOBODY)];
    let long = [
        (OWNER, 7, NOBODY),
        (USER, 6, 1000),
        (OWNING_GROUP, 7, NOBODY),
        (GROUP, 5, 50),
        (MASK, 6, NOBODY),
        (OTHER, 1, NOBODY),
    ];
    let mut course = Course::of([root(), member(1000, 1000, &[50])]);
    course.by(0, [mkdir("d", 0o755), chmod("d", 0o777), set_default("d", &short), umask(0o077)]);
    course.by(0, [mkdir("d/s", 0o777), create("d/f"), mknod("d/p", 0o010_666, 0), stat("d/f")]);
    course.by(0, get_lists("d/s"));
    course.by(0, get_lists("d/f"));
    course.by(0, [mkdir("d/s/t", 0o700), stat("d/s/t")]);
    course.by(0, get_lists("d/s/t"));
    course.by(0, [set_default("d", &long), stat("d"), mkdir("d/u", 0o750), symlink("f", "d/l")]);
    course.by(0, get_lists("d/u"));
    course.by(1, [umask(0o027), create("d/g"), stat("d/g"), access("d/f", 2), access("d/u", 7)]);
    course.by(1, get_lists("d/g"));
    course.by(0, [set_default("d/f", &long), remove_default("d/f"), set_list("d", &long)]);
    course.by(0, [remove_default("d")]);
    course.by(0, get_lists("d"));
    course.by(0, [mkdir("d/v", 0o777), stat("d/v"), remove_default("d"), listxattr("d/u", 200)]);
    course.by(0, get_lists("d/v"));
    course.by(0, [chmod("d/u", 0o700)]);
    course.by(0, get_lists("d/u"));
    course.by(1, [create("d/u/x"), set_default("d", &short), remove_default("d/u")]);
    course
}
