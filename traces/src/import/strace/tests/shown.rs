//! What a log shows of its surroundings: the root at the start, groups, sockets, silent closes.

use super::{import, show};
use crate::LowerTraits;
use crate::import::{ImportReport, Note};

fn check(log: &str, expected: &str) -> ImportReport {
    let (calls, report) = import(log);
    let shown: Vec<String> = calls.iter().map(show).collect();
    assert_eq!(shown.join("\n"), expected);
    assert!(report.is_lossless(), "{report}");
    report
}

fn lower(log: &str) -> LowerTraits {
    import(log).1.lower
}

#[test]
fn the_first_stat_of_the_root_tells_what_it_was() {
    let stat = "7 newfstatat(AT_FDCWD</srv/work>, \".\", \
                {st_mode=S_IFDIR|S_ISVTX|0777, st_size=40, ...}, 0) = 0\n";
    let chmod = "7 chmod(\"/srv/work\", 0700) = 0\n";
    let other = "7 stat(\"/srv/work/d\", {st_mode=S_IFDIR|0711, st_size=40, ...}) = 0\n";
    let mode = |log: &str| lower(log).root_mode;
    assert_eq!(mode(stat), Some(0o1777));
    assert_eq!(mode(&format!("{other}{stat}{chmod}")), Some(0o1777));
    assert_eq!(mode(&format!("{chmod}{stat}")), None, "what it was before is not to be seen");
    assert_eq!(mode(other), None);
    let whole = lower(
        "7 openat(AT_FDCWD</>, \"/srv/work\", O_RDONLY) = 3</srv/work>\n\
         7 fstat(3</srv/work>, {st_mode=S_IFDIR|0755, st_uid=5, st_gid=6, ...}) = 0\n",
    );
    assert_eq!((whole.root_uid, whole.root_gid), (Some(5), Some(6)));
}

#[test]
fn a_refused_fallocate_tells_the_kind_of_filesystem() {
    let log = |mode: &str, result: &str| {
        format!(
            "7 openat(AT_FDCWD</srv/work>, \"a\", O_RDWR) = 3</srv/work/a>\n\
             7 fallocate(3</srv/work/a>, {mode}, 0, 4096) = {result}\n"
        )
    };
    let refused = "-1 EOPNOTSUPP (Operation not supported)";
    assert!(lower(&log("FALLOC_FL_ZERO_RANGE", refused)).plain_fallocate);
    assert!(!lower(&log("FALLOC_FL_ZERO_RANGE", "0")).plain_fallocate);
    assert!(!lower(&log("FALLOC_FL_KEEP_SIZE", refused)).plain_fallocate);
}

#[test]
fn groups_and_sockets_are_recorded() {
    check(
        "7 chdir(\"/srv/work\") = 0\n\
         7 setgroups(2, [33, 44]) = 0\n\
         7 setgroups(0, NULL) = 0\n\
         7 bind(3<socket:[9]>, {sa_family=AF_UNIX, sun_path=\"s\"}, 110) = 0\n\
         7 bind(3<socket:[9]>, {sa_family=AF_UNIX, sun_path=@\"abstract\"}, 110) = 0\n\
         7 bind(3<socket:[9]>, {sa_family=AF_UNIX, sun_path=\"/run/s\"}, 110) = 0\n",
        "7 chdir(\"/\") = 0\n\
         7 setgroups(\"!\\x00\\x00\\x00,\\x00\\x00\\x00\") = 0\n\
         7 setgroups(\"\") = 0\n\
         7 mknodat(AT_FDCWD, \"s\", 0o140777, 0x0) = 0 [normalised]",
    );
}

#[test]
fn a_close_that_the_log_does_not_have_is_recorded_where_it_shows() {
    let log = "7 openat(AT_FDCWD</srv/work>, \"a\", O_RDWR) = 3</srv/work/a>\n\
               7 openat(AT_FDCWD</srv/work>, \"b\", O_RDWR) = 3</srv/work/b>\n\
               7 write(3, \"x\", 1) = -1 EBADF (Bad file descriptor)\n";
    let report = check(
        log,
        "7 chdir(\"/\") = 0 [implied]\n\
         7 openat(AT_FDCWD, \"a\", O_RDWR, 0o0) = 3 {path=\"/a\"}\n\
         7 close(3) = 0 [implied]\n\
         7 openat(AT_FDCWD, \"b\", O_RDWR, 0o0) = 3 {path=\"/b\"}\n\
         7 close(3) = 0 [implied]",
    );
    assert_eq!(report.notes[&Note::ClosedUnseen], 2);
}
