//! Tasks: forks, threads, execve, exits, directories, users.

use super::{import, shown};
use crate::import::{LossKind, Note};

fn check(log: &str, expected: &str) {
    assert_eq!(shown(log), expected, "{log}");
}

#[test]
fn a_child_inherits_and_execve_closes() {
    check(
        "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY|O_CLOEXEC) = 3</srv/work/a>
7 openat(AT_FDCWD</srv/work>, \"b\", O_RDONLY) = 4</srv/work/b>
7 fork() = 8
8 execve(\"/bin/cat\", [\"cat\"], 0x7ffd /* 2 vars */) = 0
8 openat(AT_FDCWD</srv/work>, \"/etc/ld.so.cache\", O_RDONLY) = 3</etc/ld.so.cache>
8 read(3</etc/ld.so.cache>, \"x\", 1) = 1
8 read(4</srv/work/b>, \"x\", 1) = 1
8 exit_group(0) = ?
8 +++ exited with 3 +++
7 read(3</srv/work/a>, \"x\", 1) = 1
",
        "\
7 chdir(\"/\") = 0
7 openat(AT_FDCWD, \"a\", O_RDONLY|O_CLOEXEC, 0o0) = 3 {path=\"/a\"}
7 openat(AT_FDCWD, \"b\", O_RDONLY, 0o0) = 4 {path=\"/b\"}
7 fork(8, 0) = 8
8 exec(\"\") = 0
8 read(4, 1) = 1 {data=\"x\"}
8 exit(3) = 0 [implied]
7 read(3, 1) = 1 {data=\"x\"}",
    );
}

#[test]
fn a_child_may_come_before_its_fork_returns() {
    // Two forks are under way; only the lines that come tell whose child is whose.
    let log = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = 3</srv/work/a>
7 clone(child_stack=NULL, flags=SIGCHLD) = 8
8 close(3</srv/work/a>) = 0
7 vfork( <unfinished ...>
8 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>
9 read(3</srv/work/a>, \"x\", 1) = 1
10 mkdir(\"d\", 0777) = 0
8 <... clone resumed>, child_tidptr=0x7f29f122fa10) = 10
7 <... vfork resumed>) = 9
";
    let (_, report) = import(log);
    assert!(report.is_lossless());
    assert_eq!(report.notes.get(&Note::ClientWithoutFork), None);
    check(
        log,
        "\
7 chdir(\"/\") = 0
7 openat(AT_FDCWD, \"a\", O_RDONLY, 0o0) = 3 {path=\"/a\"}
7 fork(8, 0) = 8 [normalised]
8 close(3) = 0
7 fork(9, CLONE_VM) = 9 [normalised]
8 fork(10, 0) = 10 [normalised]
9 read(3, 1) = 1 {data=\"x\"}
10 mkdirat(AT_FDCWD, \"d\", 0o777) = 0 [normalised]",
    );
}

#[test]
fn threads_share_descriptors_and_directory() {
    check(
        "\
7 chdir(\"/srv/work\") = 0
7 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, tls=1} => {tls=2}, 88) = 8
8 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = 3</srv/work/a>
8 chdir(\"d\") = 0
7 close(3</srv/work/a>) = 0
7 mkdir(\"x\", 0777) = 0
8 exit(0) = ?
8 +++ exited with 0 +++
",
        "\
7 chdir(\"/\") = 0
7 fork(8, CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 8 [normalised]
8 openat(AT_FDCWD, \"a\", O_RDONLY, 0o0) = 3 {path=\"/a\"}
8 chdir(\"d\") = 0
7 close(3) = 0
7 mkdirat(AT_FDCWD, \"x\", 0o777) = 0 [normalised]
8 exit(0) = 0 [implied]",
    );
}

#[test]
fn a_thread_that_execs_goes_on_as_its_leader() {
    check(
        "\
7 chdir(\"/srv/work\") = 0
7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 8
7 wait4(-1,  <unfinished ...>
8 execve(\"/bin/true\", [\"true\"], 0x7ffd <unfinished ...>
7 <... wait4 resumed> <unfinished ...>) = ?
7 +++ superseded by execve in pid 8 +++
7 <... execve resumed>) = 0
7 sync() = 0
",
        "\
7 chdir(\"/\") = 0
7 fork(8, CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 8 [normalised]
7 exec(\"\") = 0
8 exit(0) = 0 [implied]
7 sync() = 0",
    );
}

#[test]
fn directories_are_told_once_and_only_inside() {
    check(
        "\
7 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = -1 ENOENT (No such file or directory)
7 chdir(\"d\") = 0
7 access(\"x\", F_OK) = -1 ENOENT (No such file or directory)
7 faccessat(AT_FDCWD</srv/work/d>, \"x\", F_OK) = -1 ENOENT (No such file or directory)
7 chdir(\"/tmp\") = 0
7 access(\"x\", F_OK) = -1 ENOENT (No such file or directory)
7 chdir(\"../srv/work\") = 0
7 getcwd(\"/srv/work\", 4096) = 10
7 openat(AT_FDCWD</srv/work>, \"d\", O_RDONLY) = 3</srv/work/d>
7 fchdir(3</srv/work/d>) = 0
7 getcwd(\"/srv/work/d\", 4096) = 12
",
        "\
7 chdir(\"/\") = 0 [implied]
7 openat(AT_FDCWD, \"a\", O_RDONLY, 0o0) = -1 ENOENT
7 chdir(\"d\") = 0
7 access(AT_FDCWD, \"x\", 0, 0) = -1 ENOENT
7 access(AT_FDCWD, \"x\", 0, 0) = -1 ENOENT [normalised]
7 chdir(\"/\") = 0
7 getcwd(4096) = 2 {path=\"/\"} [normalised]
7 openat(AT_FDCWD, \"d\", O_RDONLY, 0o0) = 3 {path=\"/d\"}
7 fchdir(3) = 0
7 getcwd(4096) = 3 {path=\"/d\"} [normalised]",
    );
}

#[test]
fn a_chdir_through_an_outside_link_is_put_right_by_the_next_annotation() {
    check(
        "\
7 chdir(\"/tmp/link\") = 0
7 openat(AT_FDCWD</srv/work/d>, \"a\", O_RDONLY) = 3</srv/work/d/a>
",
        "\
7 chdir(\"/d\") = 0 [implied]
7 openat(AT_FDCWD, \"a\", O_RDONLY, 0o0) = 3 {path=\"/d/a\"}",
    );
}

#[test]
fn users_and_masks_are_state_of_the_client() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 geteuid() = 1000
7 getegid() = 1000
7 geteuid() = 1000
7 umask(077) = 022
7 fork() = 8
8 geteuid() = 1000
8 setresuid(-1, 0, -1) = 0
8 setfsuid(5) = 0
8 setgid(7) = -1 EPERM (Operation not permitted)
";
    check(
        log,
        "\
7 chdir(\"/\") = 0
7 set_credentials(1000, -1) = 0 [implied]
7 set_credentials(-1, 1000) = 0 [implied]
7 umask(0o77) = 18 {mask_old=0o22}
7 fork(8, 0) = 8
8 set_credentials(0, -1) = 0 [normalised]
8 set_credentials(5, -1) = 0 [normalised]",
    );
    let (_, report) = import(log);
    assert_eq!((report.uid_initial, report.gid_initial), (Some(1000), Some(1000)));
    assert_eq!(report.umask_initial, Some(0o22));
}

#[test]
fn programs_below_the_root_are_named() {
    check(
        "\
7 chdir(\"/srv/work\") = 0
7 execve(\"./tool\", [\"./tool\"], 0x7ffd /* 2 vars */) = -1 EACCES (Permission denied)
7 execve(\"/bin/none\", [\"none\"], 0x7ffd /* 2 vars */) = -1 ENOENT (No such file or directory)
7 execve(\"./tool\", [\"./tool\"], 0x7ffd /* 2 vars */) = 0
",
        "\
7 chdir(\"/\") = 0
7 exec(\"./tool\") = -1 EACCES
7 exec(\"./tool\") = 0",
    );
}

#[test]
fn a_process_that_dies_in_a_call_leaves_a_loss_only_inside() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"f\", O_RDWR) = 3</srv/work/f>
7 fork() = 8
8 read(0<pipe:[7]>,  <unfinished ...>
7 write(3</srv/work/f>, \"abc\", 3 <unfinished ...>
8 <... read resumed> <unfinished ...>) = ?
8 +++ killed by SIGKILL +++
7 +++ killed by SIGKILL +++
";
    let (_, report) = import(log);
    let losses: Vec<_> = report.losses.iter().map(|loss| (loss.line, loss.kind)).collect();
    assert_eq!(losses, [(8, LossKind::NoResult)]);
    assert_eq!(report.notes[&Note::InFlight], 2);
}

#[test]
fn an_interrupted_call_is_no_call() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"fifo\", O_RDONLY) = ? ERESTARTSYS (To be restarted)
7 --- SIGALRM {si_signo=SIGALRM} ---
7 openat(AT_FDCWD</srv/work>, \"fifo\", O_RDONLY) = 3</srv/work/fifo>
";
    let (calls, report) = import(log);
    assert_eq!(calls.len(), 2);
    assert_eq!(report.notes[&Note::Restarted], 1);
    assert!(report.is_lossless());
}

#[test]
fn a_new_root_of_a_process_is_a_loss() {
    let (_, report) = import("7 chdir(\"/srv/work\") = 0\n7 chroot(\"/srv/work\") = 0\n");
    assert_eq!(report.losses[0].kind, LossKind::Namespace);
}

#[test]
fn a_number_that_a_close_sets_free_may_return_before_the_close() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = 3</srv/work/a>
7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 8
8 openat(AT_FDCWD</srv/work>, \"b\", O_RDONLY <unfinished ...>
7 close(3</srv/work/a> <unfinished ...>
8 <... openat resumed>) = 3</srv/work/b>
7 <... close resumed>) = 0
8 read(3</srv/work/b>, \"x\", 1) = 1
";
    let (_, report) = import(log);
    assert!(report.is_lossless(), "{report}");
    check(
        log,
        "\
7 chdir(\"/\") = 0
7 openat(AT_FDCWD, \"a\", O_RDONLY, 0o0) = 3 {path=\"/a\"}
7 fork(8, CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 8 [normalised]
7 close(3) = 0
8 openat(AT_FDCWD, \"b\", O_RDONLY, 0o0) = 3 {path=\"/b\"}
8 read(3, 1) = 1 {data=\"x\"}",
    );
}

#[test]
fn an_exit_reaches_from_its_call_to_the_last_line() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 fork() = 8
7 exit_group(0) = ?
8 mkdir(\"d\", 0777) = 0
7 +++ exited with 0 +++
";
    let (calls, _) = import(log);
    let places: Vec<_> = calls[2..]
        .iter()
        .map(|call| (call.nr.to_string(), call.seq_send, call.seq_reply))
        .collect();
    assert_eq!(places, [("exit".to_owned(), 5, 8), ("mkdirat".to_owned(), 6, 7)]);
}
