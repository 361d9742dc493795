//! Calls that wait for a lock while other processes go on.

use fuserig_abi::{Abi, Fidelity};
use fuserig_traces::Trace;

use super::{Played, imported, play};

/// A log of the processes 7, 8 and 9 of which each has `f` open as 3: one line for each row.
/// `..` at an end says that the call does not return in this line, and at a beginning that it does.
fn log_of(rows: &[(u32, &str)]) -> Trace {
    let mut log = "7 1700000000.0 chdir(\"/srv/work\") = 0 <0.1>\n".to_owned();
    let mut clock = 0;
    let mut line = |pid: u32, text: &str| {
        clock += 1;
        log.push_str(&format!("{pid} 1700000001.{clock:06} {text}\n"));
    };
    for child in [8, 9] {
        let fork = format!("clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = {child}");
        line(7, &format!("{fork} <0.000001>"));
    }
    for pid in [7, 8, 9] {
        let open = "openat(AT_FDCWD</srv/work>, \"f\", O_RDWR|O_CREAT, 0644) = 3</srv/work/f>";
        line(pid, &format!("{open} <0.000001>"));
    }
    for (pid, text) in rows {
        match (text.strip_suffix(".."), text.strip_prefix("..")) {
            (Some(begun), _) => line(*pid, &format!("{begun} <unfinished ...>")),
            (None, Some(ended)) => {
                let name = if ended.contains("flock") { "flock" } else { "fcntl" };
                let value = ended.trim_start_matches("flock").trim_start_matches("fcntl");
                line(*pid, &format!("<... {name} resumed>){value} <0.000001>"));
            }
            (None, None) => line(*pid, &format!("{text} <0.000001>")),
        }
    }
    // A log that ends in a call is no whole one.
    imported(log.as_bytes()).0
}

/// `fcntl` of a range, up to its end or so far as it has begun.
fn range(command: &str, kind: &str, start: u64, then: &str) -> String {
    let end = if then == ".." { "" } else { ")" };
    let lock = format!("l_type={kind}, l_whence=SEEK_SET, l_start={start}, l_len=1");
    format!("fcntl(3</srv/work/f>, {command}, {{{lock}}}{end}{then}")
}

fn whole(operation: &str, then: &str) -> String {
    let end = if then == ".." { "" } else { ")" };
    format!("flock(3</srv/work/f>, {operation}{end}{then}")
}

fn played(rows: &[(u32, String)]) -> Played {
    let rows: Vec<(u32, &str)> = rows.iter().map(|(pid, text)| (*pid, &text[..])).collect();
    play(&log_of(&rows), Abi::V4, Fidelity::Intended, None)
}

/// How many divergences a log has, and the first in words.
#[track_caller]
fn check(rows: &[(u32, String)], expected: &[&str]) {
    let report = played(rows).report;
    let said = |found: &fuserig::replay::Divergence| {
        let mismatch = &found.mismatch;
        format!("{}: {}, {}", mismatch.what, mismatch.recorded, mismatch.replayed)
    };
    let found: Vec<String> = report.divergences.iter().map(said).collect();
    assert_eq!(found, expected, "{rows:#?}");
}

const STILL: &str = "lock: the call returned, it waits, for somebody else has the lock";
const AGAIN: &str = "= -1 EAGAIN (Resource temporarily unavailable)";
const SET: &str = "F_SETLK";
const WAIT: &str = "F_SETLKW";
const WRITE: &str = "F_WRLCK";
const NONE: &str = "F_UNLCK";

#[test]
fn who_waits_for_a_range_has_it_when_it_was_given_back() {
    let held = |owner| (owner, range(SET, WRITE, 0, " = 0"));
    let waits = |pid| (pid, range(WAIT, WRITE, 0, ".."));
    let gives = |owner| (owner, range(SET, NONE, 0, " = 0"));
    let has = |pid| (pid, "..fcntl = 0".to_owned());
    let refused = |pid| (pid, range(SET, WRITE, 0, &format!(" {AGAIN}")));
    check(&[held(7), waits(8), gives(7), has(8), refused(7)], &[]);
    // The lock is held in the record no longer, and nobody gave it back.
    check(&[held(7), waits(8), has(8)], &[STILL]);
    // Whoever returns first had it first.
    check(&[held(7), waits(8), waits(9), gives(7), has(9), gives(9), has(8), refused(9)], &[]);
    check(&[held(7), waits(8), waits(9), gives(7), has(9), has(8)], &[STILL]);
    // It was had before it returned, since somebody else was refused.
    check(&[held(7), waits(8), gives(7), refused(9), has(8), gives(8)], &[]);
    // Somebody else came first.
    check(&[held(7), waits(8), gives(7), held(9), gives(9), has(8)], &[]);
    // A call that need not wait says so at once.
    let at_once = |pid| (pid, range(WAIT, WRITE, 0, " = 0"));
    check(&[at_once(7), refused(8), gives(7), at_once(8), refused(9)], &[]);
    check(&[at_once(7), at_once(8)], &[STILL]);
    // One that never returned waits for ever, and a signal ends a wait.
    check(&[held(7), waits(8), refused(9)], &[]);
    let signal = "..fcntl = -1 EINTR (Interrupted system call)".to_owned();
    check(&[held(7), waits(8), (8, signal), refused(8)], &[]);
}

#[test]
fn a_circle_of_waits_is_refused_where_it_was() {
    let set = |pid, at| (pid, range(SET, WRITE, at, " = 0"));
    let waits = |pid, at| (pid, range(WAIT, WRITE, at, ".."));
    let deadlock = " = -1 EDEADLK (Resource deadlock avoided)";
    let refused = |pid, at| (pid, range(WAIT, WRITE, at, deadlock));
    let has = |pid| (pid, "..fcntl = 0".to_owned());
    let close = |pid| (pid, "close(3</srv/work/f>) = 0".to_owned());
    check(&[set(7, 1), set(8, 2), waits(7, 2), refused(8, 1), close(8), has(7)], &[]);
    let said = "errno: EDEADLK, success";
    check(&[set(7, 1), set(8, 2), refused(8, 3)], &[said]);
}

#[test]
fn who_waits_for_a_whole_file_gives_back_what_was_had() {
    let shared = |pid| (pid, whole("LOCK_SH", " = 0"));
    let waits = |pid| (pid, whole("LOCK_EX", ".."));
    let gives = |pid| (pid, whole("LOCK_UN", " = 0"));
    let has = |pid| (pid, "..flock = 0".to_owned());
    let refused = |pid| (pid, whole("LOCK_SH|LOCK_NB", &format!(" {AGAIN}")));
    check(&[shared(7), waits(8), gives(7), has(8), refused(7)], &[]);
    check(&[shared(7), waits(8), has(8)], &[STILL]);
    // Two that share it want it alone: the second has what the first gave back by waiting.
    check(&[shared(7), shared(8), waits(7), waits(8), has(8), gives(8), has(7)], &[]);
}

#[test]
fn a_replay_of_waits_is_a_trace_that_replays() {
    let rows = [
        (7, range(SET, WRITE, 0, " = 0")),
        (8, range(WAIT, WRITE, 0, "..")),
        (7, range(SET, NONE, 0, " = 0")),
        (9, range(SET, WRITE, 0, &format!(" {AGAIN}"))),
        (8, "..fcntl = 0".to_owned()),
    ];
    let first = played(&rows);
    let trace = Trace::read(&first.trace[..]).expect("it was just written");
    let second = play(&trace, Abi::V4, Fidelity::Intended, None);
    assert_eq!((first.report.divergences_total, second.report.divergences_total), (0, 0));
    assert_eq!(first.report.calls, second.report.calls);
    assert_eq!(first.tree, second.tree);
}
