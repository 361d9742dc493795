//! Requests, replies and what lies between.

use super::{check, reply, request, try_import};
use crate::import::{FuseStraceOptions, import_fuse_strace};

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const READ: u32 = 15;
const WRITE: u32 = 16;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;

#[test]
fn a_reply_counts_from_when_its_write_begins() {
    let (ask, answer, next) =
        (request(LOOKUP, 4, b"a\0"), reply(-2, 4, b""), request(LOOKUP, 6, b"b\0"));
    check(
        &format!(
            "7 1000000000.000001 read(3, {ask}, 65536) = 42\n\
             7 1000000000.000003 write(3, {answer}, 16 <unfinished ...>\n\
             8 1000000000.000004 read(3, {next}, 65536) = 42\n\
             7 1000000000.000005 <... write resumed>) = 16\n"
        ),
        &[
            "op 1-2 +0ns 2us pid=9 u=0:0 unique=4 LOOKUP 1 \"a\" -> ENOENT",
            "op 3- +3us 0ns pid=9 u=0:0 unique=6 LOOKUP 1 \"b\"",
        ],
        &[],
    );
}

#[test]
fn a_request_is_seen_when_its_read_returns() {
    let (slow, fast) = (request(LOOKUP, 4, b"a\0"), request(LOOKUP, 6, b"b\0"));
    check(
        &format!(
            "7 1000000000.000001 read(3,  <unfinished ...>\n\
             8 1000000000.000002 read(3, {fast}, 65536) = 42 <0.000001>\n\
             7 1000000000.000009 <... read resumed>{slow}, 65536) = 42 <0.000008>\n"
        ),
        &[
            "op 2- +2us 0ns pid=9 u=0:0 unique=6 LOOKUP 1 \"b\"",
            "op 3- +8us 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\"",
        ],
        &[],
    );
}

#[test]
fn buffers_of_a_vector_are_one_message() {
    let ask = request(READ, 4, &[0; 40]);
    let answer = reply(0, 4, b"data");
    let (head, data) = answer.split_at(1 + 16 * 4);
    check(
        &format!(
            "readv(3, [{{iov_base={ask}, iov_len=80}}, {{iov_base=\"\", iov_len=9}}], 2) = 80\n\
             writev(3, [{{iov_base={head}\", iov_len=16}}, {{iov_base=\"{data}, iov_len=4}}], 2) \
             = 20\n"
        ),
        &["op 1-2 +0ns 0ns pid=9 u=0:0 unique=4 READ 1 {} -> 0 data=b\"data\""],
        &[],
    );
}

#[test]
fn requests_without_a_reply_are_complete_at_once() {
    let forget = request(FORGET, 4, &[1, 0, 0, 0, 0, 0, 0, 0]);
    let stale = request(INTERRUPT, 7, &[6, 0, 0, 0, 0, 0, 0, 0]);
    check(
        &format!("read(3, {forget}, 99) = 48\nread(3, {stale}, 99) = 48\n"),
        &[
            "op 1- +0ns 0ns pid=9 u=0:0 unique=4 flags=no_reply FORGET 1 {nlookup=1}",
            "op 2- +0ns 0ns pid=9 u=0:0 unique=7 flags=no_reply INTERRUPT 1 {unique=6}",
        ],
        &[],
    );
}

#[test]
fn an_interrupt_may_be_answered_and_what_it_stopped_is_marked() {
    let ask = request(READ, 6, &[0; 40]);
    let stop = request(INTERRUPT, 7, &[6, 0, 0, 0, 0, 0, 0, 0]);
    let (again, gone) = (reply(-11, 7, b""), reply(-4, 6, b""));
    check(
        &format!(
            "read(3, {ask}, 99) = 80\nread(3, {stop}, 99) = 48\nwrite(3, {again}, 16) = 16\n\
             write(3, {gone}, 16) = -1 ENOENT (No such file or directory)\n"
        ),
        &[
            "op 1-4 +0ns 0ns pid=9 u=0:0 unique=6 flags=interrupted READ 1 {} -> EINTR",
            "op 2-3 +0ns 0ns pid=9 u=0:0 unique=7 INTERRUPT 1 {unique=6} -> EAGAIN",
        ],
        &[],
    );
}

#[test]
fn a_notification_is_an_operation_of_its_own() {
    let (ask, hello) = (request(LOOKUP, 4, b"a\0"), reply(2, 0, &[5; 4]));
    check(
        &format!("read(3, {ask}, 99) = 42\nwrite(3, {hello}, 20) = 20\n"),
        &[
            "op 1- +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\"",
            "op 2- +0ns 0ns pid=0 u=0:0 flags=no_reply|notification op#0 0 -> 2 x\"05050505\"",
        ],
        &[],
    );
}

#[test]
fn data_of_a_write_stand_apart_from_its_struct() {
    let ask = request(WRITE, 4, &[&[0; 40][..], b"hi"].concat());
    check(
        &format!("read(3, {ask}, 99) = 82\n"),
        &["op 1- +0ns 0ns pid=9 u=0:0 unique=4 WRITE 1 {} data=b\"hi\""],
        &[],
    );
    // Before FUSE 7.9 the struct has 24 bytes; INIT says which it is.
    let init = request(INIT, 2, &[7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let old = reply(0, 2, &[7, 0, 0, 0, 8, 0, 0, 0]);
    let ask = request(WRITE, 4, &[&[0; 24][..], b"hi"].concat());
    let log =
        format!("read(3, {init}, 99) = 56\nwrite(3, {old}, 24) = 24\nread(3, {ask}, 99) = 66\n");
    let (records, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    assert!(report.is_lossless());
    let line = crate::text::record_line(&records[1].as_ref());
    assert!(line.ends_with("data=b\"hi\""), "{line}");
}

#[test]
fn what_the_log_does_not_show_is_named_by_line() {
    let ask = request(LOOKUP, 4, b"a\0");
    let seen = "op 1- +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\"";
    let after = |lines: &str, problem: &str| {
        check(&format!("read(3, {ask}, 99) = 42\n{lines}\n"), &[seen], &[problem]);
    };
    after("splice(3, NULL, 6, NULL, 99, 0) = 56", "line 2: moved by splice");
    after(&format!("write(3, {}, 16) = 16", reply(0, 8, b"")), "line 2: a reply without its");
    after(
        &format!("write(3, {}, 16) = -1 EINVAL (Invalid argument)", reply(0, 4, b"")),
        "line 2: refused by the kernel",
    );
    after("write(3, \"\\x10", "line 2: not understood: byte 4 of the arguments: the string");
    after(&format!("write(3, {}, 9 <unfinished ...>", reply(0, 4, b"")), "line 2: the log ends");
    after("read(3, \"\\x28\"..., 99) = 56", "line 2: cut by strace");
}

#[test]
fn a_cut_message_keeps_what_there_is() {
    let whole = request(LOOKUP, 4, b"abc\0");
    let cut = whole.replace("\\x63\\x00", "");
    let log = format!("read(3, {cut}..., 99) = 44\n");
    let (records, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    let line = crate::text::record_line(&records[0].as_ref());
    assert!(line.contains("flags=truncated LOOKUP 1 b\"ab\""), "{line}");
    assert_eq!(
        report.problems[0].to_string(),
        format!("line 1: {}: 42 of 44 bytes of a request", report.problems[0].kind)
    );
}

#[test]
fn a_spliced_reply_ends_its_request_unseen() {
    let ask = request(READ, 4, &[0; 40]);
    check(
        &format!("7 read(3, {ask}, 99) = 80\n7 splice(5, NULL, 3, NULL, 4112, 0) = 4112\n"),
        &["op 1-2 +0ns 0ns pid=9 u=0:0 unique=4 flags=reply_unseen READ 1 {} -> 0"],
        &["line 2: moved by splice"],
    );
}

#[test]
fn other_files_and_other_mounts_are_counted_and_left_out() {
    let init = request(INIT, 2, &[7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let ask = request(LOOKUP, 4, b"a\0");
    let log = format!(
        "read(9, \"hello\", 5) = 5\nread(7</etc/passwd>, {ask}, 99) = 42\n\
         read(3, {init}, 99) = 56\nread(5, {init}, 99) = 56\nread(5, {ask}, 99) = 42\n\
         write(2, \"error\", 5) = 5\n"
    );
    let (records, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    assert_eq!((records.len(), report.other, report.elsewhere), (1, 3, 2));
    assert_eq!(report.connections, 2);
    let options = FuseStraceOptions { connection: 2, ..FuseStraceOptions::default() };
    let mut count = 0;
    let mut sink = |_record| {
        count += 1;
        core::ops::ControlFlow::Continue(())
    };
    import_fuse_strace(log.as_bytes(), &options, &mut sink).expect("the same log");
    assert_eq!(count, 2);
}

#[test]
fn a_clone_of_the_device_belongs_to_its_mount() {
    let init = request(INIT, 2, &[7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (ask, answer) = (request(LOOKUP, 4, b"a\0"), reply(-2, 4, b""));
    let log = format!(
        "read(3, {init}, 99) = 56\nioctl(6, FUSE_DEV_IOC_CLONE, [3]) = 0\n\
         read(5, {init}, 99) = 56\n\
         read(6, {ask}, 99) = 42\nread(5, {ask}, 99) = 42\nwrite(6, {answer}, 16) = 16\n"
    );
    let (records, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    assert_eq!((records.len(), report.elsewhere, report.replies), (2, 2, 1));
}

#[test]
fn a_message_is_joined_with_what_went_through_a_pipe() {
    let ask = request(LOOKUP, 4, b"a\0");
    let log = |read: &str| {
        format!(
            "7 read(3</dev/fuse>, {}, 99) = 42\n7 writev(3, [{{iov_base={}, iov_len=16}}], 1) = 16\n\
             7 splice(3</dev/fuse>, NULL, 6, NULL, 99, 0 <unfinished ...>\n\
             8 close(9) = 0\n7 <... splice resumed>) = 42\n{read}\n",
            request(LOOKUP, 2, b"b\0"),
            reply(-2, 2, b"")
        )
    };
    let first = "op 1-2 +0ns 0ns pid=9 u=0:0 unique=2 LOOKUP 1 \"b\" -> ENOENT";
    let second = "op 4-5 +0ns 0ns pid=9 u=0:0 unique=4 LOOKUP 1 \"a\" -> ENOENT";
    let answer = format!(
        "7 vmsplice(6, [{{iov_base={}, iov_len=16}}], 1, 0) = 16\n\
         7 splice(5, NULL, 3</dev/fuse>, NULL, 16, 0) = 16",
        reply(-2, 4, b"")
    );
    let whole = format!("7 read(5, {ask}, 42) = 42\n{answer}");
    check(&log(&whole), &[first, second], &[]);
    // Nobody is seen to read it: the request is lost, and its reply with it.
    let lost = ["line 5: moved by splice", "line 7: a reply without its"];
    check(&log(&answer), &[first], &lost);
    // Something else is read before.
    let other = format!("7 read(9, \"hello\", 5) = 5\n{whole}");
    check(&log(&other), &[first, second], &[]);
}

#[test]
fn of_a_long_write_the_head_is_read_and_the_data_stay_in_the_pipe() {
    let mut head = request(WRITE, 4, &[0; 40]);
    // The length of the whole message: 80 bytes of heads, 8192 of data.
    head.replace_range(1..17, "\\x50\\x20\\x00\\x00");
    let log = format!(
        "7 splice(3</dev/fuse>, NULL, 6, NULL, 99999, 0) = 8272\n7 read(5, {head}, 80) = 80\n"
    );
    let (records, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    let line = crate::text::record_line(&records[0].as_ref());
    assert!(line.contains("truncated") && line.contains(" WRITE "), "{line}");
    assert!(report.problems[0].to_string().contains("80 of 8272 bytes"), "{report}");
}

#[test]
fn a_log_with_the_usual_limit_of_strings_shows_no_whole_head() {
    let whole = request(LOOKUP, 4, b"abc\0");
    let cut = format!("{}\"...", &whole[..1 + 4 * 32]);
    let log = format!("read(3, {cut}, 99) = 44\nread(5, \"\\x2c\\x00\"..., 44) = 44\n");
    check(&log, &[], &["line 1: cut by strace"]);
}

#[test]
fn what_began_before_the_log_is_no_problem() {
    let (ask, answer) = (request(LOOKUP, 8, b"a\0"), reply(-2, 8, b""));
    let earlier = reply(0, 6, b"");
    let log = format!(
        "7 <... write resumed>) = 16\n\
         8 write(3</dev/fuse>, {earlier}, 16) = 16\n\
         9 <... read resumed>{ask}, 65536) = 42\n\
         9 write(3, {answer}, 16) = 16\n"
    );
    check(&log, &["op 2-3 +0ns 0ns pid=9 u=0:0 unique=8 LOOKUP 1 \"a\" -> ENOENT"], &[]);
    let (_, report) = try_import(log.as_bytes()).expect("the log is one of strace");
    assert_eq!((report.earlier, report.requests, report.replies), (2, 1, 1));
    // Later on it is one.
    check(
        &format!("{log}9 write(3, {}, 16) = 16\n", reply(0, 10, b"")),
        &["op 2-3 +0ns 0ns pid=9 u=0:0 unique=8 LOOKUP 1 \"a\" -> ENOENT"],
        &["line 5: a reply without its request"],
    );
}

#[test]
fn requests_that_may_have_gone_over_io_uring_are_mentioned() {
    // INIT of 7.42 with FUSE_INIT_EXT and the flag of io_uring in the second word, both ways.
    let words = |words: [u32; 16]| words.map(u32::to_le_bytes).concat();
    let flags = |ring: u32| [7, 42, 0, 1 << 30, ring, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let log = |asked: [u32; 16], answered: [u32; 16]| {
        let ask = request(INIT, 2, &words(asked));
        let answer = reply(0, 2, &words(answered));
        let log = format!("read(3, {ask}, 999) = 104\nwrite(3, {answer}, 80) = 80\n");
        try_import(log.as_bytes()).expect("the log is one of strace").1.to_string()
    };
    let mut answer = flags(0);
    (answer[3], answer[7]) = (1 << 30, 0);
    let without = log(flags(1 << 9), answer);
    assert!(!without.contains("io_uring"), "{without}");
    answer[8] = 1 << 9;
    let with = log(flags(1 << 9), answer);
    assert!(with.contains("agreed on io_uring"), "{with}");
}
