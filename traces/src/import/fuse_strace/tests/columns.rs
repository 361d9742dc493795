//! The same session under every option of strace.

use super::{check, reply, request};
use crate::import::LogError;

#[test]
fn the_columns_of_a_line_change_nothing_but_times() {
    let (ask, answer) = (request(1, 4, b"a\0"), reply(-2, 4, b""));
    let op =
        |time: &str| format!("op 1-2 +0ns {time} pid=9 u=0:0 unique=4 LOOKUP 1 \"a\" -> ENOENT");
    let run = |first: &str, second: &str, fd: &str, time: &str| {
        let log = format!(
            "{first}read({fd}, {ask}, 65536) = 42\n{second}write({fd}, {answer}, 16) = 16\n"
        );
        check(&log, &[&op(time)], &[]);
    };
    run("", "", "3", "0ns");
    run("7 ", "7 ", "3</dev/fuse>", "0ns");
    run("7 12:00:00 ", "7 12:00:01 ", "3", "1s");
    run("23:59:59.999999 ", "00:00:00.000001 ", "3", "2us");
    run("     0.000009 ", "     0.000002 ", "3", "2us");
    run("[pid 7] 1000000000.1 ", "[pid 8] 1000000000.2 ", "3</dev/fuse<char 10:229>>", "100ms");
    run("7<a daemon> ", "7<a daemon> ", r"3<\x2f\x64\x65\x76\x2f\x66\x75\x73\x65>", "0ns");
}

#[test]
fn messages_of_strace_are_no_problem() {
    let ask = request(1, 4, b"a\0");
    check(
        &format!(
            "strace: Process 7 attached\n7 --- SIGCHLD {{si_signo=SIGCHLD}} ---\n\
             7 read(3, 0x7f, 99) = -1 EINTR (Interrupted system call)\n\
             7 read(3, {ask}, 99) = 42\n7 +++ exited with 0 +++\nstrace: Process 7 detached\n"
        ),
        &["op 1- +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\""],
        &[],
    );
}

#[test]
fn a_log_of_something_else_is_refused_with_its_first_line() {
    let refuse = |log: &str| super::try_import(log.as_bytes()).expect_err("it is no log");
    assert!(matches!(refuse(""), LogError::Empty { .. }));
    let error = refuse("Dear diary,\ntoday nothing.\n");
    assert!(matches!(error, LogError::Foreign { line: 1, .. }), "{error}");
    assert!(error.to_string().contains("strace -f"), "{error}");
    let prose = "All work and no play.\n".repeat(50);
    assert!(matches!(refuse(&prose), LogError::Foreign { line: 1, .. }));
    // A greeting before the log is no reason.
    let ask = request(1, 4, b"a\0");
    check(
        &format!("Script started.\nread(3, {ask}, 99) = 42\n"),
        &["op 1- +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\""],
        &[],
    );
}

#[test]
fn what_stands_around_a_log_is_told_from_its_calls() {
    let ask = request(1, 4, b"a\0");
    let op = "op 1- +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\"";
    // The table of -C.
    let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                 ------ ----------- ----------- --------- --------- ----------------\n\
                 \x20 50.00    0.000010           1        10         2 read\n\
                 100.00    0.000010           1        10           total\n";
    check(&format!("read(3, {ask}, 99) = 42\n{table}"), &[op], &[]);
    // A byte order mark does not hide the first call.
    check(&format!("\u{feff}read(3, {ask}, 99) = 42\r\n"), &[op], &[]);
    // What the daemon prints between the lines is named; what stands before them is counted.
    let log = format!("$ strace ...\nfuse: ready\n7 read(3, {ask}, 99) = 42\nfuse: LOOKUP\n");
    let (records, report) = super::try_import(log.as_bytes()).expect("the log is one of strace");
    assert_eq!((records.len(), report.greeting, report.problems_total()), (1, 2, 1));
    assert!(report.to_string().contains("note: 2 lines before the first of strace"), "{report}");
    assert!(report.problems[0].to_string().starts_with("line 4: not understood"), "{report}");
}
