//! The text twin: everything both ways, and mistakes with their place.

#[path = "common/arbitrary.rs"]
mod arbitrary;

use fuserig_traces::text::{self, Renumber};
use fuserig_traces::{Header, Trace};
use proptest::prelude::*;

proptest! {
    #![proptest_config(arbitrary::cases(512))]
    #[test]
    fn parsing_what_was_printed_gives_the_same_trace(records in arbitrary::records(30)) {
        let header = Header { abi: "v4".into(), seed: Some(u64::MAX), ..Header::default() };
        let mut trace = Trace { header, records };
        let twin = text::print(&trace);
        let back = text::parse(&twin).map_err(|error| format!("{error}\n{twin}"));
        trace.sort();
        prop_assert!(twin.is_ascii());
        prop_assert_eq!(back.expect("what was printed is readable"), trace);
    }
}

/// Lines that people write come back as they are.
fn same(line: &str) {
    let trace = text::parse(&format!("# frt 1.0 {{}}\n{line}\n")).expect("the lines are right");
    assert_eq!(trace.records.len(), 1);
    assert_eq!(text::record_line(&trace.records[0].as_ref()), line);
}

fn same_op(rest: &str) {
    same(&format!("op 1-2 +0ns 1us pid=1 u=0:0 {rest}"));
}

fn same_call(rest: &str) {
    same(&format!("call 30-31 +2ms 4us c2 {rest}"));
}

#[test]
fn lines_come_back_as_they_were_written() {
    same(r#"op 17-22 +1.204ms 31us pid=812 u=0:0 unique=34 LOOKUP 1 "a\tb" -> ENOENT"#);
    same(r#"op 18-20 +1.3ms 9us pid=812 u=0:0 READ 5 {fh=3 size=4096} -> 0 data=len:4096"#);
    same(r#"op 18- +1.3ms 0ns pid=812 u=0:0 flags=prefilter|0x400 op#77 5 x"0001""#);
    same_op(r#"MKDIR 1 {mode=0755 umask=022} "d" -> 0 {nodeid=5 ino=5 mode=040755 nlink=2}"#);
    same_op(r#"RENAME2 1 {newdir=1 flags=0x1} "a" "b" -> EEXIST"#);
    same_op(r#"SETXATTR 5 {size=2} "user.a" b"hi" -> 0"#);
    same_op(r#"SETXATTR 5 ext{size=2 setxattr_flags=0x1} "user.a" b"hi" -> 0"#);
    same_op(r#"GETATTR 5 {} -> 0 {attr_valid=1 ino=5 mode=0100644}"#);
    same_op(r#"WRITE 5 {fh=1 size=2} -> 0 {size=2} data=b"hi""#);
    same(r#"st 17 P3 prefilter_return slot=8 -> ENOENT"#);
    same(r#"st 17 P14 stage#99 -> 12 b"why""#);
    same_call(r#"openat(AT_FDCWD, "a\tb", O_RDONLY|O_CLOEXEC, 0) = 3 {path: "/a\tb"}"#);
    same_call(r#"openat(4, "x", O_WRONLY|O_CREAT, 0666) = -1 EACCES flags=normalised line=7"#);
    same_call(r#"utimensat(4, "x", 1, UTIME_NOW, 1, UTIME_OMIT, AT_SYMLINK_NOFOLLOW) = 0"#);
    same_call(r#"write(3, b"hello\n") = 6"#);
    same_call(r#"lseek(3, -5, SEEK_END) = 1"#);
    same(r#"call 30- +2ms 0ns c2 call#900(i:-1, u:7, b"x") = 0 flags=unfinished"#);
    same(r#"payload ea8f163db38682925e4491c5e58d4bb3 b"hello""#);
    same(r#"tree 0 "lower" "/a 'hi'\n""#);
    same(r#"note 0 loss 3 "replies the recorder had no room for""#);
}

fn wrong(line: &str, column: usize, what: &str) {
    let error = text::parse(&format!("# frt 1.0 {{}}\n{line}\n")).expect_err(line).to_string();
    assert_eq!(error, format!("read text trace, line 2 column {column}: {what}"));
}

#[test]
fn a_mistake_is_reported_with_its_place() {
    let kinds = "expected op, st, call, payload, tree, note or a comment with #";
    wrong("bogus 1", 1, kinds);
    wrong("op 1-2 +1ms soon", 13, "expected a duration such as 1.5ms");
    wrong("op 1-2 1ms 2ms", 7, "expected \" +\"");
    wrong("op x-2 +1ms 2ms", 4, "expected a sequence number");
    wrong("op 1-2 +1ms 2ms pid=-1", 21, "expected a pid");
    wrong("op 1-2 +1ms 2ms pid=4294967296", 21, "expected a pid");
    let op = |rest: &str| format!("op 1-2 +0ns 1us pid=1 u=0:0 {rest}");
    wrong(&op("LOKUP 1"), 29, "expected an operation such as LOOKUP or op#1");
    wrong(&op("LOOKUP 1 {a=1}"), 37, "this operation has no such body; write bytes as x\"...\"");
    wrong(&op("LOOKUP 1 \"a"), 40, "expected a closing quote");
    wrong(&op("LOOKUP 1 \"\\z\""), 39, "expected one of \\\\ \\\" \\n \\t \\r \\xNN");
    wrong(&op("LOOKUP 1 x\"abc\""), 42, "expected pairs of hexadecimal digits, then \"");
    wrong(&op("OPEN 1 {flags=1 flags=2}"), 45, "no field \"flags\" here, or given twice");
    wrong(&op("OPEN 1 {fh=1}"), 37, "no field \"fh\" here, or given twice");
    wrong(&op("OPEN 1 {flags=0x100000000}"), 37, "expected a number of 4 bytes");
    wrong(&op("OPEN 1 {flags=1} -> ENOTHING"), 49, "expected a number or the name of an errno");
    wrong(
        &op("OPEN 1 {flags=1} -> 0 data=?"),
        56,
        "expected len:LENGTH, ref:LENGTH:ID, digest:LENGTH:DIGEST or bytes",
    );
    wrong(&op("OPEN 1 {flags=1} -> 0 {fh=1} more"), 57, "expected the end of the line");
    wrong("call 1-2 +0ns 1us c1 open()", 22, "expected a call such as openat or call#1");
    let flags = "expected flag names or numbers joined by |";
    wrong("call 1-2 +0ns 1us c1 openat(AT_FDCWD, \"a\", O_WHAT, 0) = 3", 44, flags);
    let unknown = "expected i:NUMBER, u:NUMBER or bytes: the kind is not known";
    wrong("call 1-2 +0ns 1us c1 close(3, 4) = 0", 31, unknown);
    wrong("payload 12 b\"\"", 9, "expected an id of 32 hexadecimal digits");
    wrong("note 0 story 0 \"\\xff\"", 16, "expected text in UTF-8");
    wrong("st 1 P300 result -> 0", 7, "expected the number of a step");
}

#[test]
fn snapshots_show_no_number_that_differs_between_runs() {
    let twin = |unique: u64, node: u64, fh: u64, time: &str| {
        let lines = format!(
            "# frt 1.0 {{}}\n\
             op 1-2 +{time} 1us pid=1 u=0:0 unique={unique} LOOKUP 1 \"a\" -> 0 \
             {{nodeid={node} ino=7 mtime={unique} mode=0100644}}\n\
             op 3-4 +{time} 1us pid=1 u=0:0 unique={} OPEN {node} {{flags=0x8}} -> 0 {{fh={fh}}}\n\
             op 5-6 +{time} 1us pid=1 u=0:0 unique={} READ {node} {{fh={fh} size=10}} -> 0\n",
            unique + 2,
            unique + 4
        );
        let mut trace = text::parse(&lines).expect("the lines are right");
        let mut renumber = Renumber::default();
        trace.records.iter_mut().for_each(|record| renumber.record(record));
        text::print(&trace)
    };
    let one = twin(900, 12, 0x7f00_1234, "5ms");
    assert_eq!(one, twin(44, 30, 5, "7s"));
    insta::assert_snapshot!(one, @r#"
    # frt 1.1 {}
    op 1-2 +0ns 0ns pid=1 u=0:0 unique=1 LOOKUP 1 "a" -> 0 {nodeid=2 ino=7 mode=0100644}
    op 3-4 +0ns 0ns pid=1 u=0:0 unique=2 OPEN 2 {flags=0x8} -> 0 {fh=1}
    op 5-6 +0ns 0ns pid=1 u=0:0 unique=3 READ 2 {fh=1 size=10} -> 0
    "#);
}

#[test]
fn a_first_line_that_is_no_header_is_reported() {
    let first = |line: &str| text::parse(line).expect_err(line).to_string();
    let expected = "read text trace, line 1 column 1: expected a first line # frt 1.0 {...}";
    assert_eq!(first(""), expected);
    assert_eq!(first("op 1-2"), expected);
    assert_eq!(
        first("# frt 2.0 {}"),
        "read text trace, line 1 column 7: unknown format version 2.0 (this build reads 1.x)"
    );
    assert!(
        first("# frt 1.0 {\"tool\": 7}").starts_with("read text trace, line 1 column 20: header:")
    );
}
