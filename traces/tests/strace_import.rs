//! Imports of whole logs: those of the shared captures, and our own in `tests/strace`.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fuserig_traces::import::{
    ImportReport, LossKind, Note, StraceOptions, import_strace, open_log,
};
use fuserig_traces::record::{CallFlags, CallRecord};

#[path = "common/strace_lines.rs"]
mod strace_lines;

use strace_lines::{COLUMNS, Variation};

const ROOT: &str = "/srv/work";

fn import(path: &Path) -> (Vec<CallRecord>, ImportReport) {
    import_from(open_log(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn import_from(log: impl BufRead) -> (Vec<CallRecord>, ImportReport) {
    let mut calls = Vec::new();
    let mut keep = |call| {
        calls.push(call);
        ControlFlow::Continue(())
    };
    let report = import_strace(log, &StraceOptions::new(ROOT), &mut keep)
        .unwrap_or_else(|error| panic!("{error}"));
    (calls, report)
}

/// What must hold for every log, whatever is in it.
fn check_order(calls: &[CallRecord], report: &ImportReport) {
    assert_eq!(calls.len() as u64, report.recorded);
    let mut last = 0;
    for call in calls {
        assert!(call.seq_send > last, "starts are in order: {call:?}");
        assert!(call.seq_reply > call.seq_send, "a call starts before it returns: {call:?}");
        assert!(report.clients.contains(&call.client), "{call:?}");
        last = call.seq_send;
    }
    let implied = calls.iter().filter(|call| call.flags.contains(CallFlags::IMPLIED)).count();
    assert_eq!(implied as u64, report.implied);
    let outside: u64 = report.outside.values().sum();
    assert_eq!(report.calls, report.inside + report.state + outside);
    assert!(report.root_seen);
}

/// How often each call was recorded, the most frequent first.
fn counts(calls: &[CallRecord]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for call in calls {
        *counts.entry(call.nr.to_string()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), name.clone()));
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(" ")
}

/// Lines, calls, inside, records, clients; then the calls.
fn summary(calls: &[CallRecord], report: &ImportReport) -> String {
    format!(
        "{} lines, {} calls, {} inside, {} of processes, {} records, {} clients: {}",
        report.lines,
        report.calls,
        report.inside,
        report.state,
        report.recorded,
        report.clients.len(),
        counts(calls)
    )
}

#[expect(clippy::disallowed_methods, reason = "the captures lie outside the tree; CI names where")]
fn captures() -> Option<PathBuf> {
    let shared = std::env::var_os("FUSERIG_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    Some(shared.join("captures")).filter(|captures| captures.is_dir())
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says why")]
fn check_capture(name: &str, expected: &str) {
    let Some(captures) = captures() else {
        eprintln!("skipped: no captures; set FUSERIG_SHARED to the directory that has them");
        return;
    };
    let (calls, report) = import(&captures.join(format!("{name}.strace.zst")));
    check_order(&calls, &report);
    assert!(report.is_lossless(), "{report}");
    assert_eq!(report.notes, BTreeMap::new());
    assert_eq!(summary(&calls, &report), expected);
}

#[test]
fn the_shell_session_is_imported_whole() {
    check_capture(
        "shell",
        "2407 lines, 2362 calls, 323 inside, 32 of processes, 370 records, 15 clients: stat \
         69 close 57 openat 37 getxattrat 29 getdents64 24 fcntl_dupfd 16 exec 15 exit 15 \
         fork 14 write 13 copy_file_range 12 statx 11 dup 7 fadvise64 7 set_cloexec 7 \
         fchmodat 6 mkdirat 5 ioctl 4 fchdir 3 umask 3 ftruncate 2 read 2 renameat2 2 \
         set_credentials 2 unlinkat 2 access 1 chdir 1 fstatfs 1 getcwd 1 lseek 1 symlinkat 1",
    );
}

#[test]
fn the_work_of_git_is_imported_whole() {
    check_capture(
        "git",
        "10449 lines, 10123 calls, 5840 inside, 72 of processes, 5946 records, 36 clients: \
         openat 1636 stat 1618 close 669 read 524 access 249 getdents64 180 write 170 getcwd \
         166 mmap 137 lseek 136 unlinkat 127 mkdirat 54 renameat2 52 readlinkat 37 exit 36 \
         exec 35 fork 35 linkat 21 chdir 20 fchmodat 17 utimensat 7 pread64 6 dup 5 fsync 3 \
         set_credentials 2 symlinkat 2 umask 2",
    );
}

#[test]
fn the_work_of_sqlite_is_imported_whole() {
    check_capture(
        "sqlite",
        "959 lines, 840 calls, 253 inside, 8 of processes, 269 records, 5 clients: fcntl_lock \
         65 stat 64 pwrite64 44 fdatasync 20 pread64 17 openat 14 close 13 exit 5 fchown 5 \
         unlinkat 5 exec 4 fork 4 getcwd 3 access 2 set_credentials 2 chdir 1 read 1",
    );
}

/// One of our own logs; the losses by kind, and the notes.
fn check_log(name: &str, expected: &str, losses: &[(LossKind, usize)], notes: &[(Note, u64)]) {
    let path = format!("{}/tests/strace/{name}.strace.zst", env!("CARGO_MANIFEST_DIR"));
    let (calls, report) = import(Path::new(&path));
    check_order(&calls, &report);
    assert_eq!(report.not_understood, []);
    let mut found: BTreeMap<LossKind, usize> = BTreeMap::new();
    for loss in &report.losses {
        *found.entry(loss.kind).or_default() += 1;
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), losses, "{report}");
    assert_eq!(report.notes, notes.iter().copied().collect(), "{report}");
    assert_eq!(summary(&calls, &report), expected);
}

#[test]
fn seldom_calls_are_imported_whole() {
    let notes = [(Note::AbsoluteTarget, 2), (Note::PathRewritten, 4), (Note::LeadsOut, 1)];
    check_log(
        "calls",
        "602 lines, 404 calls, 260 inside, 12 of processes, 283 records, 7 clients: openat 56 \
         close 49 write 49 pread64 46 exit 7 renameat2 7 fork 6 set_credentials 4 stat 4 exec \
         3 fchmodat 3 linkat 3 mkdirat 3 symlinkat 3 chdir 2 fallocate 2 fcntl_setfl 2 getcwd \
         2 getxattrat 2 lseek 2 pwrite64 2 setxattrat 2 unlinkat 2 utimensat 2 \
         copy_file_range 1 dup 1 fadvise64 1 fchdir 1 fcntl_dupfd 1 fcntl_lock 1 fdatasync 1 \
         flock 1 listxattrat 1 mknodat 1 openat2 1 read 1 readahead 1 removexattrat 1 \
         sendfile 1 set_cloexec 1 sync_file_range 1 syncfs 1 truncate 1 umask 1",
        &[],
        &notes,
    );
}

#[test]
fn archives_are_imported_whole() {
    check_log(
        "tar",
        "1850 lines, 1727 calls, 347 inside, 40 of processes, 405 records, 18 clients: stat \
         99 openat 49 close 48 exec 18 exit 18 utimensat 18 fork 17 write 13 fchownat 12 \
         getdents64 12 read 12 mkdirat 10 unlinkat 9 symlinkat 7 fchmod 6 fchmodat 6 fchown 6 \
         set_cloexec 6 dup 5 lseek 5 readlinkat 5 umask 5 ioctl 4 linkat 4 mknodat 4 fchdir 2 \
         set_credentials 2 chdir 1 ftruncate 1 getcwd 1",
        &[],
        &[(Note::AbsoluteTarget, 3), (Note::PathRewritten, 5)],
    );
}

#[test]
fn three_processes_at_once_are_imported_whole() {
    check_log(
        "rsync",
        "2830 lines, 2291 calls, 600 inside, 45 of processes, 628 records, 22 clients: stat \
         178 openat 124 close 111 set_cloexec 43 getdents64 24 exit 22 fork 21 exec 12 umask \
         12 fchmod 10 readlinkat 10 utimensat 8 write 8 chdir 6 fchdir 6 getcwd 6 mkdirat 6 \
         dup 4 read 4 renameat2 4 linkat 3 set_credentials 2 symlinkat 2 unlinkat 2",
        &[],
        &[],
    );
}

#[test]
fn editors_are_imported_whole() {
    check_log(
        "editors",
        "1757 lines, 1711 calls, 445 inside, 42 of processes, 499 records, 16 clients: stat \
         97 openat 64 close 58 read 41 lseek 25 write 25 exec 16 exit 16 getcwd 16 fork 15 \
         unlinkat 14 access 12 umask 11 chdir 7 fchmodat 7 dup 6 fstat 6 renameat2 6 \
         setxattrat 6 ftruncate 5 getxattrat 5 ioctl 5 copy_file_range 4 fsync 4 fadvise64 3 \
         fchdir 3 fchmod 3 readlinkat 3 set_cloexec 3 utimensat 3 fallocate 2 fchown 2 \
         getdents64 2 mkdirat 2 set_credentials 2",
        &[],
        &[],
    );
}

#[test]
fn a_pool_of_threads_is_imported_whole() {
    check_log(
        "node",
        "914 lines, 658 calls, 254 inside, 13 of processes, 283 records, 12 clients: close 54 \
         openat 54 fstat 24 getdents64 24 stat 15 write 14 exit 12 fchmod 12 ftruncate 12 \
         renameat2 12 unlinkat 12 copy_file_range 11 fork 11 read 4 statx 3 exec 2 getcwd 2 \
         set_credentials 2 chdir 1 dup 1 mkdirat 1",
        &[],
        &[],
    );
}

#[test]
fn shared_mappings_are_the_only_losses_of_a_write_ahead_log() {
    check_log(
        "wal",
        "905 lines, 887 calls, 546 inside, 11 of processes, 563 records, 6 clients: \
         fcntl_lock 153 stat 133 pwrite64 75 pread64 34 fdatasync 33 openat 32 close 30 \
         fchown 12 unlinkat 9 ftruncate 7 getcwd 7 exec 6 exit 6 access 5 fork 5 read 5 mmap \
         3 dup 2 ioctl 2 set_credentials 2 chdir 1 write 1",
        &[(LossKind::SharedMapping, 3)],
        &[],
    );
}

#[test]
fn users_and_groups_are_imported_whole() {
    check_log(
        "users",
        "1466 lines, 1384 calls, 160 inside, 72 of processes, 267 records, 28 clients: stat 59 \
         exec 31 exit 28 fork 27 openat 23 close 22 dup 8 umask 8 write 8 fchmodat 7 read 6 \
         set_credentials 6 mkdirat 5 fadvise64 4 unlinkat 4 chdir 3 fchownat 3 access 2 \
         copy_file_range 2 getdents64 2 renameat2 2 setgroups 2 utimensat 2 ioctl 1 linkat 1 \
         set_cloexec 1",
        &[],
        &[(Note::Capabilities, 4)],
    );
}

#[test]
fn programs_below_the_root_are_imported_whole() {
    check_log(
        "programs",
        "1097 lines, 1009 calls, 245 inside, 49 of processes, 330 records, 30 clients: stat 61 \
         close 34 exit 30 openat 30 exec 29 fork 29 getxattrat 20 write 12 read 11 ioctl 10 \
         statx 10 dup 8 lseek 7 access 6 fchmodat 6 fallocate 5 fcntl_dupfd 4 set_cloexec 3 \
         fsync 2 getdents64 2 set_credentials 2 umask 2 chdir 1 fadvise64 1 fstatfs 1 mkdirat \
         1 readlinkat 1 symlinkat 1 truncate 1",
        &[],
        &[(Note::ClosedUnseen, 3)],
    );
}

#[test]
fn another_root_has_nothing_inside() {
    let path = format!("{}/tests/strace/editors.strace.zst", env!("CARGO_MANIFEST_DIR"));
    let log = open_log(Path::new(&path)).expect("the log is part of the tree");
    let mut drop = |_call| ControlFlow::Continue(());
    let report = import_strace(log, &StraceOptions::new("/nowhere"), &mut drop)
        .expect("the log is one of strace");
    assert!(!report.root_seen && report.is_lossless());
    assert_eq!(report.inside, 0);
}

/// A line without the duration of `-T`.
fn without_duration(line: &str) -> &str {
    match line.rsplit_once(" <") {
        Some((front, back)) if back.ends_with('>') && back.starts_with("0.") => front,
        _ => line,
    }
}

/// A line as strace writes it without an option of these logs.
const VARIATIONS: [Variation; 1] = [("without -T", |line| without_duration(line).to_owned())];

#[test]
fn the_same_calls_come_of_every_option_of_strace() {
    // What a call was, without when.
    let told = |calls: &[CallRecord]| {
        let told = calls.iter().map(|call| CallRecord {
            time_ns: 0,
            duration_ns: 0,
            source_line: 0,
            ..call.clone()
        });
        told.collect::<Vec<_>>()
    };
    for name in ["programs", "wal", "users"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/strace/{name}.strace.zst"));
        let mut text = String::new();
        open_log(&path).expect("open").read_to_string(&mut text).expect("the log is text");
        let (calls, plain) = import_from(text.as_bytes());
        for (option, vary) in COLUMNS.into_iter().chain(VARIATIONS) {
            let log: String = text.lines().map(|line| vary(line) + "\n").collect();
            assert!(log != text, "{option} changes something");
            let (varied, report) = import_from(log.as_bytes());
            assert_eq!(report.losses_total, plain.losses_total, "{name}, {option}: {report}");
            assert_eq!(report.not_understood_total, 0, "{name}, {option}: {report}");
            assert!(told(&varied) == told(&calls), "{name}, {option}: the calls differ");
        }
    }
}

#[test]
fn times_without_a_date_are_kept_as_what_they_are() {
    let log = "script started\n7 23:59:59.5 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = \
               3</srv/work/a>\n7 00:00:01 close(3</srv/work/a>) = 0\n";
    let (calls, report) = import_from(log.as_bytes());
    let times: Vec<u64> = calls.iter().map(|call| call.time_ns).collect();
    assert_eq!(times, [0, 0, 1_500_000_000], "a day passes between");
    assert_eq!((report.first_ns, report.not_understood_total), (None, 1));
    let said = report.to_string();
    assert!(said.contains("of the day, without a date"), "{said}");
    assert!(said.contains("line 1: column 7"), "{said}");
}
