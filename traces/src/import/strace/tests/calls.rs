//! Single calls: one line of a log, one record.

use super::{import, show, unbroken};
use crate::import::{LossKind, Note};

/// A client in `/srv/work` that has the file `/f` at 3 and the directory `/d` at 4.
const BEFORE: &str = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"f\", O_RDWR) = 3</srv/work/f>
7 openat(AT_FDCWD</srv/work>, \"d\", O_RDONLY|O_DIRECTORY) = 4</srv/work/d>
";

/// The records of one more line, or `outside`, `quiet`, `loss: ...`, `?: ...` when there is none.
fn after(line: &str) -> String {
    let (calls, report) = import(&format!("{BEFORE}7 {line}\n"));
    let (before, _) = import(BEFORE);
    let new: Vec<String> = calls[before.len()..].iter().map(show).collect();
    let mut shown = new.join("\n");
    for loss in &report.losses {
        shown.push_str(&format!("\nloss {:?}", loss.kind));
    }
    for entry in &report.not_understood {
        shown.push_str(&format!("\n? {}: {}", entry.column, entry.why));
    }
    if shown.is_empty() {
        shown = if report.without_effect.is_empty() { "outside" } else { "quiet" }.to_owned();
    }
    shown.trim_start().to_owned()
}

fn check(line: &str, expected: &str) {
    let (line, expected) = (&unbroken(line), &unbroken(expected));
    let found = after(line);
    let found = found.strip_prefix("7 ").unwrap_or(&found).replace("\n7 ", "\n");
    assert_eq!(&found, expected, "{line}");
}

#[test]
fn opens_become_openat() {
    check(
        r#"openat(AT_FDCWD</srv/work>, "a\tb", O_WRONLY|O_CREAT|O_TRUNC, 0666) =
          5</srv/work/a\tb>"#,
        r#"openat(AT_FDCWD, "a\tb", O_WRONLY|O_CREAT|O_TRUNC, 0o666) = 5 {path="/a\tb"}"#,
    );
    check(
        r#"open("/srv/work/./a", O_RDONLY) = -1 ENOENT (No such file or directory)"#,
        r#"openat(AT_FDCWD, "/./a", O_RDONLY, 0o0) = -1 ENOENT [normalised]"#,
    );
    check(
        r#"creat("a", 0600) = 5</srv/work/a>"#,
        r#"openat(AT_FDCWD, "a", O_WRONLY|O_CREAT|O_TRUNC, 0o600) = 5 {path="/a"} [normalised]"#,
    );
    check(
        r#"openat(4</srv/work/d>, "x", O_RDONLY|O_CLOEXEC) = 5</srv/work/d/x>"#,
        r#"openat(4, "x", O_RDONLY|O_CLOEXEC, 0o0) = 5 {path="/d/x"}"#,
    );
    check(
        r#"openat2(4</srv/work/d>, "x", {flags=O_RDONLY, resolve=RESOLVE_BENEATH}, 24) =
          5</srv/work/d/x>"#,
        r#"openat2(4, "x", O_RDONLY, 0o0, RESOLVE_BENEATH) = 5 {path="/d/x"}"#,
    );
    check(
        r#"openat(AT_FDCWD</srv/work>, ".", O_RDWR|O_TMPFILE, 0600) = 5</srv/work/#65>(deleted)"#,
        r##"openat(AT_FDCWD, ".", O_RDWR|O_TMPFILE, 0o600) = 5 {path="/#65"}"##,
    );
}

#[test]
fn the_annotation_overrules_the_path() {
    check(r#"openat(AT_FDCWD</srv/work>, "link", O_RDONLY) = 5</etc/passwd>"#, "outside");
    check(
        r#"openat(AT_FDCWD</srv/work>, "/tmp/link", O_RDONLY) = 5</srv/work/a>"#,
        r#"openat(AT_FDCWD, "/a", O_RDONLY, 0o0) = 5 {path="/a"} [normalised]"#,
    );
    check(
        r#"openat(AT_FDCWD</srv/work>, "/tmp/d", O_RDWR|O_TMPFILE, 0600) =
          5</srv/work/d/#9>(deleted)"#,
        r##"openat(AT_FDCWD, "/d", O_RDWR|O_TMPFILE, 0o600) = 5 {path="/d/#9"} [normalised]"##,
    );
    check(
        r#"openat(AT_FDCWD</srv/work>, "../../etc/passwd", O_RDONLY) = 5</etc/passwd>"#,
        "outside",
    );
    check(
        r#"openat(AT_FDCWD</srv/work>, "../work/a", O_RDONLY) = 5</srv/work/a>"#,
        r#"openat(AT_FDCWD, "/a", O_RDONLY, 0o0) = 5 {path="/a"}"#,
    );
}

#[test]
fn reads_and_writes_carry_their_data() {
    check(
        r#"read(3</srv/work/f>, "a\0\377", 4096) = 3"#,
        r#"read(3, 4096) = 3
          {data="a\x00\xff"}"#,
    );
    check(
        "read(3</srv/work/f>, 0x7ffc, 4096) = -1 EISDIR (Is a directory)",
        "read(3, 4096) = -1 EISDIR",
    );
    check(
        r#"read(3</srv/work/f>, "ab"..., 4096) = 70"#,
        r#"read(3, 4096) = 70 {data="ab" full_len=70} [truncated]"#,
    );
    check(
        r#"preadv2(3</srv/work/f>, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=9}], 2,
          99, 0) = 3"#,
        r#"pread64(3, 11, 99, 0) = 3 {data="abc"} [normalised]"#,
    );
    check(r#"write(3</srv/work/f>, "hi\n", 3) = 3"#, r#"write(3, "hi\n") = 3"#);
    check(
        r#"pwritev(3</srv/work/f>, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2, 7)
          = 3"#,
        r#"pwrite64(3, "abc", 7, 0) = 3 [normalised]"#,
    );
    check(
        r#"pwritev2(3</srv/work/f>, [{iov_base="ab", iov_len=2}], 1, -1, RWF_APPEND) = 2"#,
        r#"pwrite64(3, "ab", -1, RWF_APPEND) = 2 [normalised]"#,
    );
    check(
        r#"pwritev2(3</srv/work/f>, [{iov_base="ab", iov_len=2}], 1, -1, 0) = 2"#,
        r#"write(3, "ab") = 2 [normalised]"#,
    );
    check(
        r#"write(3</srv/work/f>, "ab"..., 70) = 70"#,
        "write(3, \"ab\") = 70 [truncated]\nloss CutData",
    );
    check("write(3</srv/work/f>, 0x10, 3) = -1 EFAULT (Bad address)", "quiet");
    check(r#"write(1</dev/null>, "hi\n", 3) = 3"#, "outside");
    check(r#"write(1, "hi\n", 3) = 3"#, "outside");
}

#[test]
fn positions_and_sizes_are_kept() {
    check("lseek(3</srv/work/f>, -1, SEEK_END) = 4", "lseek(3, -1, SEEK_END) = 4");
    check(
        "_llseek(3</srv/work/f>, 5, [5], SEEK_SET) = 0",
        "lseek(3, 5, SEEK_SET) = 5 [normalised]",
    );
    check("ftruncate(3</srv/work/f>, 0) = 0", "ftruncate(3, 0) = 0");
    check(r#"truncate("f", 5) = 0"#, r#"truncate("f", 5) = 0"#);
    check(
        "fallocate(3</srv/work/f>, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = 0",
        "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = 0",
    );
    check(
        "fadvise64(3</srv/work/f>, 0, 0, POSIX_FADV_DONTNEED) = 0",
        "fadvise64(3, 0, 0, POSIX_FADV_DONTNEED) = 0",
    );
    check(
        "sync_file_range(3</srv/work/f>, 0, 9, SYNC_FILE_RANGE_WRITE) = 0",
        "sync_file_range(3, 0, 9, 0x2) = 0",
    );
    check("fsync(3</srv/work/f>) = 0", "fsync(3) = 0");
    check("sync() = 0", "sync() = 0");
}

#[test]
fn copies_are_kept_where_both_sides_are_in_the_trace() {
    check(
        "copy_file_range(3</srv/work/f>, [10] => [60], 4</srv/work/d>, NULL, 50, 0) = 50",
        "copy_file_range(3, 10, 4, -1, 50, 0x0) = 50 {off_in=60}",
    );
    check(
        "sendfile(4</srv/work/d>, 3</srv/work/f>, [0] => [600], 8388608) = 600",
        "sendfile(4, 3, 0, 8388608) = 600 {off_in=600}",
    );
    check(
        "sendfile(1<socket:[7]>, 3</srv/work/f>, NULL, 100) = 60",
        r#"read(3, 100) = 60 {data="" full_len=60} [truncated|normalised]"#,
    );
    check(
        "sendfile(3</srv/work/f>, 5</etc/passwd>, NULL, 100) = 60",
        "write(3, \"\") = 60 [truncated|normalised]\nloss ForeignData",
    );
    check(
        "copy_file_range(5</etc/passwd>, NULL, 3</srv/work/f>, NULL, 9, 0) = -1 EXDEV (x)",
        "quiet",
    );
    check(
        "splice(6<pipe:[1]>, NULL, 3</srv/work/f>, NULL, 9, 0) = 9",
        "write(3, \"\") = 9 [truncated|normalised]\nloss ForeignData",
    );
    check(
        "splice(6<pipe:[1]>, NULL, 3</srv/work/f>, [7], 9, 0) = 9",
        "pwrite64(3, \"\", 7, 0) = 9 [truncated|normalised]\nloss ForeignData",
    );
    check(
        "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</srv/work/f>, 0x1000) = 0x7f0000000000",
        "mmap(3, 4096, PROT_READ, MAP_PRIVATE, 4096) = 139637976727552",
    );
    check(
        "mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/work/f>, 0) = 0x1000",
        "mmap(3, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 0) = 4096\nloss SharedMapping",
    );
    check("ioctl(3</srv/work/f>, BTRFS_IOC_CLONE or FICLONE, 4) = 0", "loss NoRecord");
}

#[test]
fn questions_carry_their_answers() {
    check(
        r#"newfstatat(AT_FDCWD</srv/work>, "f", {st_mode=S_IFREG|0644, st_size=12, ...},
          AT_SYMLINK_NOFOLLOW) = 0"#,
        r#"stat(AT_FDCWD, "f", AT_SYMLINK_NOFOLLOW) = 0 {mode=0o100644 size=12}"#,
    );
    check(
        r#"lstat("f", {st_dev=makedev(0, 0x1b), st_ino=7, st_mode=S_IFCHR|S_ISUID|0644,
          st_nlink=2, st_uid=0, st_gid=5, st_rdev=makedev(0x1, 0x3), st_mtime=9 /* 1970 */,
          st_mtime_nsec=1}) = 0"#,
        r#"stat(AT_FDCWD, "f", AT_SYMLINK_NOFOLLOW) = 0 {mode=0o24644 nlink=2 uid=0 gid=5 ino=7
          dev=0x1b rdev=0x103 mtime_sec=9 mtime_nsec=1} [normalised]"#,
    );
    check(
        r#"newfstatat(3</srv/work/f>, "", {st_mode=S_IFREG|0644, st_size=1, ...}, AT_EMPTY_PATH)
          = 0"#,
        r#"stat(3, "", AT_EMPTY_PATH) = 0 {mode=0o100644 size=1}"#,
    );
    check(
        r#"statx(AT_FDCWD</srv/work>, "f", AT_STATX_SYNC_AS_STAT, STATX_ALL,
          {stx_mask=STATX_BASIC_STATS|STATX_MNT_ID, stx_attributes=0, stx_mode=S_IFREG|0600,
          stx_size=3, stx_dev_major=8, stx_dev_minor=1, stx_mtime={tv_sec=1, tv_nsec=2} /* 1970
          */}) = 0"#,
        r#"statx(AT_FDCWD, "f", 0, STATX_ALL) = 0 {mask=STATX_BASIC_STATS|STATX_MNT_ID
          attributes=0x0 mode=0o100600 size=3 dev=0x801 mtime_sec=1 mtime_nsec=2}"#,
    );
    check(
        r#"statfs(".", {f_type=TMPFS_MAGIC, f_bsize=4096, f_fsid={val=[0x1, 0x2]},
          f_flags=ST_VALID|ST_RELATIME}) = 0"#,
        r#"statfs(".") = 0 {f_bsize=4096 f_type=0x1021994 f_flags=0x1020}"#,
    );
    check(r#"access("f", R_OK|X_OK) = 0"#, r#"access(AT_FDCWD, "f", R_OK|X_OK, 0) = 0"#);
    check(
        r#"faccessat2(4</srv/work/d>, "x", F_OK, AT_EACCESS) = -1 EACCES (Permission denied)"#,
        r#"access(4, "x", 0, AT_REMOVEDIR) = -1 EACCES [normalised]"#,
    );
    check(
        "getdents64(4</srv/work/d>, 0x55 /* 4 entries */, 32768) = 112",
        "getdents64(4, 32768) = 112 {count=4}",
    );
    check(
        r#"getdents64(4</srv/work/d>, [{d_ino=1, d_off=2, d_reclen=24, d_type=DT_DIR,
          d_name="."}], 32768) = 24"#,
        r#"getdents64(4, 32768) = 24 {count=1 name="." type=4 cookie=2 ino=1}"#,
    );
    check(
        r#"readlink("l", "f", 1023) = 1"#,
        r#"readlinkat(AT_FDCWD, "l", 1023) = 1 {target="f"} [normalised]"#,
    );
}

#[test]
fn names_are_changed_by_the_general_calls() {
    check(
        r#"mkdir("/srv/work/n/", 0777) = 0"#,
        r#"mkdirat(AT_FDCWD, "/n/", 0o777) = 0 [normalised]"#,
    );
    check(
        r#"mknodat(4</srv/work/d>, "p", S_IFIFO|0666) = 0"#,
        r#"mknodat(4, "p", 0o10666, 0x0) = 0"#,
    );
    check(
        r#"mknod("n", S_IFCHR|0666, makedev(0x1, 0x3)) = 0"#,
        r#"mknodat(AT_FDCWD, "n", 0o20666, 0x103) = 0 [normalised]"#,
    );
    check(r#"symlinkat("../x", 4</srv/work/d>, "l") = 0"#, r#"symlinkat("../x", 4, "l") = 0"#);
    check(r#"link("f", "g") = 0"#, r#"linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0) = 0 [normalised]"#);
    check(
        r#"rmdir("d") = -1 ENOTEMPTY (x)"#,
        r#"unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = -1 ENOTEMPTY [normalised]"#,
    );
    check(r#"unlinkat(4</srv/work/d>, "x", 0) = 0"#, r#"unlinkat(4, "x", 0) = 0"#);
    check(
        r#"renameat2(AT_FDCWD</srv/work>, "f", 4</srv/work/d>, "f", RENAME_NOREPLACE) = 0"#,
        r#"renameat2(AT_FDCWD, "f", 4, "f", RENAME_NOREPLACE) = 0"#,
    );
    check(r#"rename("/srv/work/f", "/tmp/f") = -1 EXDEV (Invalid cross-device link)"#, "quiet");
    check(r#"rename("/tmp/f", "/srv/work/f") = 0"#, "loss AcrossRoot");
    check(r#"rename("/tmp/f", "/tmp/g") = 0"#, "outside");
}

#[test]
fn attributes_are_changed_by_the_general_calls() {
    check(r#"chmod("f", 0100755) = 0"#, r#"fchmodat(AT_FDCWD, "f", 0o100755, 0) = 0 [normalised]"#);
    check(
        r#"fchmodat2(4</srv/work/d>, "x", 0600, AT_SYMLINK_NOFOLLOW) = 0"#,
        r#"fchmodat(4, "x", 0o600, AT_SYMLINK_NOFOLLOW) = 0 [normalised]"#,
    );
    check(
        r#"lchown("f", 1, -1) = 0"#,
        r#"fchownat(AT_FDCWD, "f", 1, -1, AT_SYMLINK_NOFOLLOW) = 0 [normalised]"#,
    );
    check("fchown(3</srv/work/f>, 4294967295, 5) = 0", "fchown(3, -1, 5) = 0");
    check(
        "utimensat(3</srv/work/f>, NULL, [{tv_sec=1, tv_nsec=2} /* 1970 */, UTIME_OMIT], 0) = 0",
        r#"utimensat(3, "", 1, 2, 0, 1073741822, AT_EMPTY_PATH) = 0 [normalised]"#,
    );
    check(
        r#"utimensat(AT_FDCWD</srv/work>, "f", NULL, 0) = 0"#,
        r#"utimensat(AT_FDCWD, "f", 0, 1073741823, 0, 1073741823, 0) = 0"#,
    );
    check(
        r#"utimes("f", [{tv_sec=1, tv_usec=2}, {tv_sec=3, tv_usec=4}]) = 0"#,
        r#"utimensat(AT_FDCWD, "f", 1, 2000, 3, 4000, 0) = 0 [normalised]"#,
    );
    check(
        r#"utime("f", {actime=1 /* 1970 */, modtime=2}) = 0"#,
        r#"utimensat(AT_FDCWD, "f", 1, 0, 2, 0, 0) = 0 [normalised]"#,
    );
    check(
        r#"fsetxattr(3</srv/work/f>, "user.a", "b\0", 2, XATTR_CREATE) = 0"#,
        r#"setxattrat(3, "", AT_EMPTY_PATH, "user.a", "b\x00", XATTR_CREATE) = 0 [normalised]"#,
    );
    check(
        r#"lgetxattr("f", "user.a", "b", 255) = 1"#,
        r#"getxattrat(AT_FDCWD, "f", AT_SYMLINK_NOFOLLOW, "user.a", 255) = 1 {data="b"}
          [normalised]"#,
    );
    check(
        r#"getxattr("f", "user.a", NULL, 0) = 7"#,
        r#"getxattrat(AT_FDCWD, "f", 0, "user.a", 0) = 7 [normalised]"#,
    );
    check(
        r#"listxattr("f", "user.a\0user.b\0", 256) = 14"#,
        r#"listxattrat(AT_FDCWD, "f", 0, 256) = 14 {data="user.a\x00user.b\x00"} [normalised]"#,
    );
    check(
        r#"removexattr("f", "user.a") = -1 ENODATA (No data available)"#,
        r#"removexattrat(AT_FDCWD, "f", 0, "user.a") = -1 ENODATA [normalised]"#,
    );
}

#[test]
fn descriptors_are_duplicated_marked_and_locked() {
    check("dup(3</srv/work/f>) = 5</srv/work/f>", "dup(3, -1) = 5");
    check(
        "dup3(3</srv/work/f>, 9, O_CLOEXEC) = 9</srv/work/f>",
        "dup(3, 9) = 9 [normalised]\nset_cloexec(9, 1) = 0 [implied]",
    );
    check("dup2(0</dev/null>, 3</srv/work/f>) = 3</dev/null>", "close(3) = 0 [implied]");
    check(
        "fcntl(3</srv/work/f>, F_DUPFD_CLOEXEC, 10) = 10</srv/work/f>",
        "fcntl_dupfd(3, 10, 1) = 10",
    );
    check("fcntl(3</srv/work/f>, F_SETFD, FD_CLOEXEC) = 0", "set_cloexec(3, 1) = 0");
    check("ioctl(3</srv/work/f>, FIONCLEX) = 0", "set_cloexec(3, 0) = 0");
    check(
        "fcntl(3</srv/work/f>, F_SETFL, O_RDONLY|O_APPEND|O_LARGEFILE) = 0",
        "fcntl_setfl(3, O_RDONLY|O_APPEND|0x8000) = 0",
    );
    check("fcntl(3</srv/work/f>, F_GETFL) = 0x8000 (flags O_RDONLY|O_LARGEFILE)", "quiet");
    check(
        "fcntl(3</srv/work/f>, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1073741824,
          l_len=1}) = 0",
        "fcntl_lock(3, F_SETLK, F_WRLCK, SEEK_SET, 1073741824, 1) = 0",
    );
    check("fcntl(3</srv/work/f>, F_GETLK, {l_type=F_UNLCK, l_pid=0}) = 0", "quiet");
    check("flock(3</srv/work/f>, LOCK_EX|LOCK_NB) = 0", "flock(3, LOCK_EX|LOCK_NB) = 0");
    check(
        "ioctl(3</srv/work/f>, TCGETS, 0x7ffd) = -1 ENOTTY (Inappropriate ioctl for device)",
        "ioctl(3, 0x5401) = -1 ENOTTY",
    );
    check("close_range(3, 4294967295, 0) = 0", "close_range(3, 4294967295, 0x0) = 0");
    check("close_range(9, 4294967295, 0) = 0", "outside");
    check(
        "poll([{fd=3</srv/work/f>, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN}])",
        "outside",
    );
}

#[test]
fn paths_of_proc_become_the_descriptor() {
    check(
        r#"chmod("/proc/self/fd/3", 0644) = 0"#,
        r#"fchmodat(3, "", 0o644, AT_EMPTY_PATH) = 0 [normalised]"#,
    );
    check(
        r#"linkat(AT_FDCWD</srv/work>, "/proc/self/fd/3", AT_FDCWD</srv/work>, "new",
          AT_SYMLINK_FOLLOW) = 0"#,
        r#"linkat(3, "", AT_FDCWD, "new", AT_EMPTY_PATH) = 0 [normalised]"#,
    );
    check(
        r#"stat("/proc/7/fd/4/x", {st_mode=S_IFREG|0644, st_size=1, ...}) = 0"#,
        r#"stat(4, "x", 0) = 0 {mode=0o100644 size=1} [normalised]"#,
    );
    check(
        r#"openat(AT_FDCWD</srv/work>, "/dev/fd/3", O_RDONLY) = 5</srv/work/f>"#,
        r#"openat(AT_FDCWD, "/f", O_RDONLY, 0o0) = 5 {path="/f"} [normalised]"#,
    );
    check(r#"lstat("/proc/self/fd/3", {st_mode=S_IFLNK|0700, st_size=64, ...}) = 0"#, "outside");
    check(r#"readlink("/proc/self/fd/3", "/srv/work/f", 4095) = 11"#, "outside");
}

#[test]
fn what_is_not_understood_is_named_with_its_column() {
    check(r#"mkdir("n", S_IBOGUS) = 0"#, "? 14: expected a file mode");
    check(r#"open("f", O_BOGUS) = 5</srv/work/f>"#, "? 13: the flag `O_BOGUS` is not known here");
    check("lseek(3</srv/work/f>, x, SEEK_SET) = 0", "? 25: expected a number");
    check("fcntl(3</srv/work/f>, F_BOGUS) = 0", "? 25: the command of fcntl is not known here");
    check("fsync(3</srv/work/f>) = -1 EBOGUS (x)", "? 3: the error `EBOGUS` has no number here");
    check("fsync(3</srv/work/f>) = -1 ERRNO_524 (Unknown error 524)", "fsync(3) = -1 E524");
    check("fsync(3</srv/work/f> = 0", "? 27: the arguments have no `)`");
    check(r#"unlink("a"...) = 0"#, "? 10: the string is cut; record with `-s 1048576`");
}

#[test]
fn calls_without_a_row_are_outside_only_if_they_look_it() {
    check("brk(NULL) = 0x55", "outside");
    check("newcall(3</srv/work/f>) = 0", "loss NoRecord");
    check("newcall(3</srv/work/f>) = -1 ENOSYS (Function not implemented)", "quiet");
    check(r#"mount("tmpfs", "/srv/work/d", "tmpfs", 0, NULL) = 0"#, "loss Namespace");
    check("pidfd_getfd(9<anon_inode:[pidfd]>, 3, 0) = 8</srv/work/f>", "loss NoRecord");
    check("io_uring_setup(32, {flags=0}) = 5<anon_inode:[io_uring]>", "loss NoRecord");
    check(r#"inotify_add_watch(5<anon_inode:inotify>, "/srv/work/d", IN_CREATE) = 1"#, "quiet");
}

#[test]
fn paths_through_absolute_links_are_rewritten() {
    let log = format!(
        "{BEFORE}\
         7 symlink(\"/srv/work/d\", \"in\") = 0\n\
         7 symlink(\"/usr\", \"out\") = 0\n\
         7 stat(\"in/x\", {{st_mode=S_IFREG|0644, st_size=1, ...}}) = 0\n\
         7 lstat(\"in\", {{st_mode=S_IFLNK|0777, st_size=11, ...}}) = 0\n\
         7 stat(\"out/bin\", {{st_mode=S_IFDIR|0755, st_size=1, ...}}) = 0\n"
    );
    let (calls, report) = import(&log);
    let shown: Vec<String> = calls[calls.len() - 2..]
        .iter()
        .map(|call| show(call).replace("[normalised]", "[n]"))
        .collect();
    assert_eq!(
        shown,
        [
            r#"7 stat(AT_FDCWD, "/d/x", 0) = 0 {mode=0o100644 size=1} [n]"#,
            r#"7 stat(AT_FDCWD, "in", AT_SYMLINK_NOFOLLOW) = 0 {mode=0o120777 size=11} [n]"#,
        ]
    );
    assert_eq!(report.notes[&Note::AbsoluteTarget], 2);
    assert_eq!(report.notes[&Note::LeadsOut], 1);
    assert_eq!(report.notes[&Note::PathRewritten], 1);
}

#[test]
fn an_inherited_descriptor_is_one_loss() {
    let log = format!(
        "{BEFORE}\
         7 write(1</srv/work/out>, \"a\", 1) = 1\n\
         7 write(1</srv/work/out>, \"b\", 1) = 1\n\
         7 dup2(1</srv/work/out>, 2</dev/null>) = 2</srv/work/out>\n\
         7 write(2</srv/work/out>, \"c\", 1) = 1\n"
    );
    let (_, report) = import(&log);
    let kinds: Vec<LossKind> = report.losses.iter().map(|loss| loss.kind).collect();
    assert_eq!(kinds, [LossKind::InheritedDescriptor]);
    assert_eq!(report.inside, 3 + 4);
}

#[test]
fn a_descriptor_that_changed_its_file_is_a_contradiction() {
    check(r#"read(3</etc/passwd>, "r", 1) = 1"#, "close(3) = 0 [implied]\nloss Contradiction");
    check("read(3, 0x7ffd, 1) = -1 EBADF (Bad file descriptor)", "close(3) = 0 [implied]");
}
