//! Lines as such: columns, halves of calls, order, time, and what is no strace.

use super::{import, show, shown, try_import};
use crate::import::{ImportError, Note};

#[test]
fn halves_of_a_call_are_put_together_and_keep_both_places() {
    let log = "\
7 1.000000 chdir(\"/srv/work\") = 0 <0.000001>
7 1000000001.000000 openat(AT_FDCWD</srv/work>, \"f\", O_RDWR) = 3</srv/work/f> <0.000001>
7 1000000002.000000 read(3</srv/work/f>,  <unfinished ...>
8 1000000003.000000 mkdir(\"/srv/work/d\", 0777) = 0 <0.000001>
7 1000000004.000000 <... read resumed>\"abc\", 16) = 3 <2.000000>
"
    .replacen("7 1.000000", "7 1000000000.000000", 1);
    let (calls, report) = import(&log);
    let places: Vec<_> = calls
        .iter()
        .map(|call| (call.nr.to_string(), call.seq_send, call.seq_reply, call.source_line))
        .collect();
    assert_eq!(
        places,
        [
            ("chdir".to_owned(), 1, 2, 1),
            ("openat".to_owned(), 3, 4, 2),
            ("read".to_owned(), 5, 8, 5),
            ("mkdirat".to_owned(), 6, 7, 4),
        ]
    );
    assert_eq!(show(&calls[2]), r#"7 read(3, 16) = 3 {data="abc"}"#);
    assert_eq!((calls[2].time_ns, calls[2].duration_ns), (2_000_000_000, 2_000_000_000));
    assert_eq!((report.lines, report.calls, report.inside), (5, 4, 4));
    assert_eq!(report.notes[&Note::ClientWithoutFork], 1);
    assert!(report.is_lossless());
}

#[test]
fn any_of_the_columns_may_be_missing() {
    let expected = "chdir(\"/\") = 0\nmkdirat(AT_FDCWD, \"d\", 0o777) = 0 [normalised]";
    for prefix in ["7 ", "7 1000000000.000001 ", "1000000000.000001 ", "", "[pid     7] "] {
        let log = format!("{prefix}chdir(\"/srv/work\") = 0\n{prefix}mkdir(\"d\", 0777) = 0\n");
        let client = if prefix.contains('7') { "7 " } else { "0 " };
        let expected = format!("{client}{}", expected.replace('\n', &format!("\n{client}")));
        assert_eq!(shown(&log), expected, "{prefix:?}");
    }
}

#[test]
fn a_terminal_names_the_first_process_late() {
    let log = "\
chdir(\"/srv/work\") = 0
clone(child_stack=NULL, flags=SIGCHLD) = 9
strace: Process 9 attached
[pid     7] mkdir(\"a\", 0777) = 0
[pid     9] mkdir(\"b\", 0777) = 0
[pid     9] +++ exited with 0 +++
mkdir(\"c\", 0777) = 0
";
    assert_eq!(
        shown(log),
        "\
0 chdir(\"/\") = 0
0 fork(9, 0) = 9 [normalised]
0 mkdirat(AT_FDCWD, \"a\", 0o777) = 0 [normalised]
9 mkdirat(AT_FDCWD, \"b\", 0o777) = 0 [normalised]
9 exit(0) = 0 [implied]
0 mkdirat(AT_FDCWD, \"c\", 0o777) = 0 [normalised]"
    );
}

#[test]
fn logs_without_annotations_work_by_their_tables() {
    let log = "\
7 chdir(\"/srv/work\") = 0
7 openat(AT_FDCWD, \"d\", O_RDONLY|O_DIRECTORY) = 3
7 openat(3, \"f\", O_RDWR) = 4
7 write(4, \"x\", 1) = 1
7 write(1, \"x\", 1) = 1
7 close(4) = 0
";
    assert_eq!(
        shown(log),
        "\
7 chdir(\"/\") = 0
7 openat(AT_FDCWD, \"d\", O_RDONLY|O_DIRECTORY, 0o0) = 3
7 openat(3, \"f\", O_RDWR, 0o0) = 4
7 write(4, \"x\") = 1
7 close(4) = 0"
    );
}

#[test]
fn the_start_is_learnt_from_the_first_file_that_was_opened() {
    let log = "\
7 access(\"x\", R_OK) = 0
7 openat(AT_FDCWD, \"d/./f\", O_RDONLY) = 3</srv/work/d/f>
7 access(\"x\", R_OK) = 0
";
    let (calls, report) = import(log);
    let shown: Vec<String> = calls.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "7 chdir(\"/\") = 0 [implied]",
            "7 openat(AT_FDCWD, \"d/./f\", O_RDONLY, 0o0) = 3 {path=\"/d/f\"}",
            "7 access(AT_FDCWD, \"x\", R_OK, 0) = 0",
        ]
    );
    assert_eq!((report.not_understood[0].line, report.not_understood[0].column), (1, 10));
}

#[test]
fn files_that_are_no_strace_are_refused() {
    let refused = |log: &str| try_import(log.as_bytes()).unwrap_err().to_string();
    assert!(refused("hello\n").starts_with("line 1 is not an strace line: column 6"));
    assert!(refused("").starts_with("the log has no lines"));
    assert!(matches!(
        try_import(b"\x28\xb5\x2f\xfd").unwrap_err(),
        ImportError::NotStrace { line: 1, column: 1, .. }
    ));
}

#[test]
fn a_damaged_line_in_the_middle_is_reported_and_skipped() {
    let (calls, report) =
        import("7 chdir(\"/srv/work\") = 0\nhello\n7 sync() = 0\n7 +++ bye +++\n");
    assert_eq!(calls.len(), 2);
    let lines: Vec<_> = report.not_understood.iter().map(|entry| entry.line).collect();
    assert_eq!(lines, [2, 4]);
    let text = report.to_string();
    assert!(text.contains("not understood: line 2: column 6"), "{text}");
}

#[test]
fn a_root_that_never_occurs_is_told() {
    let (_, report) = import("7 unlink(\"/tmp/x\") = 0\n");
    assert!(!report.root_seen);
    assert!(report.to_string().contains("the root does not occur in the log"));
}

#[test]
fn a_resumed_half_without_its_first_is_not_understood() {
    let (_, report) = import("7 chdir(\"/srv/work\") = 0\n7 <... read resumed>\"a\", 1) = 1\n");
    assert_eq!(report.not_understood_total, 1);
    let (calls, report) = import(
        "7 chdir(\"/srv/work\") = 0\n\
         7 fsync(3</srv/work/f> <unfinished ...>\n\
         7 <... read resumed>\"a\", 1) = 1\n\
         7 sync() = 0\n",
    );
    assert_eq!((calls.len(), report.not_understood_total), (2, 1));
}

#[test]
fn the_receiver_can_stop_the_import() {
    let mut taken = 0;
    let mut sink = |_call| {
        taken += 1;
        if taken == 2 {
            core::ops::ControlFlow::Break(())
        } else {
            core::ops::ControlFlow::Continue(())
        }
    };
    let log = "7 sync() = 0\n".repeat(5);
    let options = crate::import::StraceOptions::new("/srv/work");
    let error = crate::import::import_strace(log.as_bytes(), &options, &mut sink).unwrap_err();
    assert!(matches!(error, ImportError::Stopped { line: 2 }));
    assert_eq!(taken, 2);
}
