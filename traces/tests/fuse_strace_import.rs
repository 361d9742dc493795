//! Imports of whole logs of daemons, in `tests/fuse_strace`.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fuserig_traces::import::{FuseStraceOptions, FuseStraceReport, import_fuse_strace, open_log};
use fuserig_traces::record::{OpFlags, OpRecord, PayloadId, PayloadRef, Record};
use fuserig_traces::wire::{reply_message, request_message};
use fuserig_traces::{Header, PayloadMode, Trace, text};

#[path = "common/strace_lines.rs"]
mod strace_lines;

use strace_lines::{COLUMNS, Variation, columns};

fn log_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuse_strace").join(name)
}

fn import(path: &Path, options: &FuseStraceOptions) -> (Vec<Record>, FuseStraceReport) {
    import_from(open_log(path).expect("the log is beside the test"), options)
}

fn import_from(log: impl BufRead, options: &FuseStraceOptions) -> (Vec<Record>, FuseStraceReport) {
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    let report = import_fuse_strace(log, options, &mut keep).expect("the log is one of strace");
    (records, report)
}

fn operations(records: &[Record]) -> Vec<&OpRecord> {
    records
        .iter()
        .filter_map(|record| if let Record::Op(op) = record { Some(op) } else { None })
        .collect()
}

/// Every message of the records as bytes: requests, then replies.
fn messages(records: &[Record]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut stored: BTreeMap<PayloadId, &[u8]> = BTreeMap::new();
    for record in records {
        if let Record::Payload(payload) = record {
            stored.insert(payload.id, &payload.bytes);
        }
    }
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for op in operations(records) {
        let op = op.as_ref();
        let data = match op.payload {
            PayloadRef::Inline(bytes) => bytes,
            PayloadRef::Ref { id, .. } => stored[&id],
            PayloadRef::None | PayloadRef::Len(_) | PayloadRef::Digest { .. } => &[],
        };
        if !op.flags.contains(OpFlags::NOTIFICATION) {
            requests.push(request_message(&op, data, 0));
        }
        replies.extend(reply_message(&op, data));
    }
    (requests, replies)
}

/// The messages of a log by another way: every run of `\xNN` on the lines of a call, joined.
fn messages_by_hand(path: &Path) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut text = String::new();
    open_log(path).expect("open").read_to_string(&mut text).expect("the log is text");
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| line.contains("\\x")) {
        let message: Vec<u8> = line
            .split("\\x")
            .skip(1)
            .map(|digits| u8::from_str_radix(&digits[..2], 16).expect("two digits"))
            .collect();
        let list = if line.contains("read") { &mut requests } else { &mut replies };
        list.push(message);
    }
    (requests, replies)
}

fn sorted(mut messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    messages.sort();
    messages
}

#[test]
fn every_byte_of_every_message_is_in_the_records() {
    let path = log_path("shell.strace.zst");
    let (records, report) = import(&path, &FuseStraceOptions::default());
    assert!(report.is_lossless(), "{report}");
    let (requests, replies) = messages(&records);
    let (requests_by_hand, replies_by_hand) = messages_by_hand(&path);
    assert_eq!(requests.len() as u64, report.requests);
    assert_eq!(replies.len() as u64, report.replies);
    assert!(sorted(requests) == sorted(requests_by_hand), "the requests differ");
    assert!(sorted(replies) == sorted(replies_by_hand), "the replies differ");
}

#[test]
fn the_report_counts_what_the_log_has() {
    let (records, report) = import(&log_path("shell.strace.zst"), &FuseStraceOptions::default());
    let got = format!(
        "{} lines, {} calls, {} idle, {} requests, {} replies, {} in flight, {} given up, \
         {} notifications, {} mounts, {} descriptors",
        report.lines,
        report.calls,
        report.idle,
        report.requests,
        report.replies,
        report.in_flight,
        report.interrupted,
        report.notifications,
        report.connections,
        report.descriptors,
    );
    let expected = "2581 lines, 1603 calls, 5 idle, 800 requests, 798 replies, 0 in flight, \
                    0 given up, 0 notifications, 1 mounts, 1 descriptors";
    assert_eq!(got, expected);
    let mut header = Header::default();
    report.survey.fill(&mut header);
    let init = header.init.take().expect("the log begins with INIT");
    assert_eq!((init.request.len(), init.reply.len()), (2 * 64, 2 * 64));
    assert_eq!(
        init.flags.join(" "),
        "async_read atomic_o_trunc export_support big_writes auto_inval_data do_readdirplus readdirplus_auto async_dio max_pages init_ext"
    );
    assert_eq!(
        header.to_json(),
        r#"{"fuse_minor":45,"timeouts":{"entry_ns":"0","attr_ns":"0","negative_ns":"0"},"cache":"through"}"#
    );
    let mut last = 0;
    for op in operations(&records) {
        assert!(op.seq_send > last, "requests are in order: {op:?}");
        assert!(op.seq_reply == 0 || op.seq_reply > op.seq_send, "{op:?}");
        last = op.seq_send;
    }
}

#[test]
fn the_text_twin_loses_nothing() {
    let (records, _) = import(&log_path("shell.strace.zst"), &FuseStraceOptions::default());
    let trace = Trace { header: Header::default(), records };
    let back = text::parse(&text::print(&trace)).expect("what is printed is readable");
    let mut sorted = trace;
    sorted.sort();
    assert!(back == sorted, "the twin differs");
}

#[test]
fn other_payload_modes_keep_everything_else() {
    let path = log_path("shell.strace.zst");
    let (full, _) = import(&path, &FuseStraceOptions::default());
    for payload in [PayloadMode::None, PayloadMode::Len, PayloadMode::Hash] {
        let options = FuseStraceOptions { payload, ..FuseStraceOptions::default() };
        let (records, _) = import(&path, &options);
        assert!(!records.iter().any(|record| matches!(record, Record::Payload(_))));
        let (full, records) = (operations(&full), operations(&records));
        assert_eq!(full.len(), records.len());
        for (one, other) in full.iter().zip(&records) {
            assert_eq!((&one.request, &one.reply), (&other.request, &other.reply));
            let expected = if payload == PayloadMode::None { None } else { one.payload.len() };
            assert_eq!(other.payload.len(), expected);
        }
    }
}

/// The text of a log.
fn log_text(name: &str) -> String {
    let mut text = String::new();
    open_log(&log_path(name)).expect("open").read_to_string(&mut text).expect("the log is text");
    text
}

/// One whole read of a message: its bytes in quotes, and how many they are.
fn whole_read(rest: &str) -> Option<(&str, &str)> {
    let (bytes, rest) = rest.strip_prefix("read(3, ")?.split_once(", ")?;
    Some((bytes, rest.split_once(" = ")?.1)).filter(|(bytes, _)| bytes.ends_with('"'))
}

fn is_graphic(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}

/// A line with the escapes of C for its bytes: letters, octal numbers as short as may be, and
/// hexadecimal ones where `hex` says so.
fn unescaped(line: &str, hex: fn(u8) -> bool) -> String {
    let mut parts = line.split("\\x").peekable();
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        let byte = u8::from_str_radix(&part[..2], 16).expect("two digits");
        let digit_next =
            part.len() == 2 && parts.peek().is_some_and(|next| ("30"..="39").contains(&&next[..2]));
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            _ if hex(byte) => out.push_str(&format!("\\x{byte:02x}")),
            _ if is_graphic(byte) => out.push(char::from(byte)),
            _ if digit_next => out.push_str(&format!("\\{byte:03o}")),
            _ => out.push_str(&format!("\\{byte:o}")),
        }
        out.push_str(&part[2..]);
    }
    out
}

/// A line as strace writes it under other options, or as another daemon causes it.
const VARIATIONS: [Variation; 7] = [
    ("-T", |line| match line.contains(" = ") {
        true => format!("{line} <0.000012>"),
        false => line.to_owned(),
    }),
    ("-yy", |line| line.replace("(3,", "(3</dev/fuse<char 10:229>>,")),
    ("neither -x nor -xx", |line| unescaped(line, |byte| byte == 0x7f)),
    ("-x", |line| unescaped(line, |byte| !(0x07..0x0e).contains(&byte) && !is_graphic(byte))),
    ("a call in two halves, as several threads have it", |line| {
        let (pid, time, rest) = columns(line);
        if let Some((bytes, moved)) = whole_read(rest) {
            return format!(
                "{pid}  {time} read(3,  <unfinished ...>\n\
                 {pid}  {time} <... read resumed>{bytes}, 99999) = {moved}"
            );
        }
        let whole = rest.strip_prefix("writev(3, ").and_then(|rest| rest.rsplit_once(") = "));
        let Some((vector, moved)) = whole else { return line.to_owned() };
        format!(
            "{pid}  {time} writev(3, {vector} <unfinished ...>\n\
             {pid}  {time} <... writev resumed>) = {moved}"
        )
    }),
    ("readv", |line| {
        let (pid, time, rest) = columns(line);
        let Some((bytes, moved)) = whole_read(rest) else { return line.to_owned() };
        let vector = format!("[{{iov_base={bytes}, iov_len=99999}}]");
        format!("{pid}  {time} readv(3, {vector}, 1) = {moved}")
    }),
    ("splice and vmsplice", |line| {
        let (pid, time, rest) = columns(line);
        if let Some((bytes, moved)) = whole_read(rest) {
            return format!(
                "{pid}  {time} splice(3</dev/fuse>, NULL, 6, NULL, 99999, 0) = {moved}\n\
                 {pid}  {time} read(5, {bytes}, 99999) = {moved}"
            );
        }
        let whole = rest.strip_prefix("writev(3, ").and_then(|rest| rest.rsplit_once(") = "));
        let Some((vector, moved)) = whole else { return line.to_owned() };
        format!(
            "{pid}  {time} vmsplice(6, {vector}, 0) = {moved}\n\
             {pid}  {time} splice(5, NULL, 3</dev/fuse>, NULL, {moved}, 0) = {moved}"
        )
    }),
];

#[test]
fn the_same_messages_come_of_every_option_of_strace_and_every_way_through_the_kernel() {
    let text = log_text("shell.strace.zst");
    let (records, _) = import_from(text.as_bytes(), &FuseStraceOptions::default());
    let expected = messages(&records);
    for (name, vary) in COLUMNS.into_iter().chain(VARIATIONS) {
        let log: String = text.lines().map(|line| vary(line) + "\n").collect();
        assert!(log != text, "{name} changes something");
        let (records, report) = import_from(log.as_bytes(), &FuseStraceOptions::default());
        assert!(report.is_lossless(), "{name}: {report}");
        assert_eq!((report.requests, report.replies), (800, 798), "{name}");
        assert!(messages(&records) == expected, "{name}: the messages differ");
    }
}

#[test]
fn whatever_of_its_head_a_log_lacks_the_rest_is_whole() {
    let text = log_text("attached_hl.strace.zst");
    let lines: Vec<&str> = text.lines().collect();
    let (all, report) = import_from(text.as_bytes(), &FuseStraceOptions::default());
    assert!(report.is_lossless() && report.earlier == 0, "{report}");
    let all = messages(&all);
    for head in (1..lines.len() - 20).step_by(37) {
        let rest = lines[head..].join("\n") + "\n";
        let (records, report) = import_from(rest.as_bytes(), &FuseStraceOptions::default());
        assert!(report.is_lossless(), "from line {head}: {report}");
        // A daemon of five threads has so much in flight at most: a call and a reply each.
        assert!(report.earlier <= 10, "from line {head}: {report}");
        let (requests, replies) = messages(&records);
        assert!(all.0.ends_with(&requests), "from line {head}: other requests");
        assert!(replies.iter().all(|reply| all.1.contains(reply)), "from line {head}");
    }
}

#[test]
fn a_log_that_begins_after_the_mount_or_ends_within_a_line_says_what_is_missing() {
    let text = log_text("shell.strace.zst");
    let later: String = text.lines().skip(400).map(|line| line.to_owned() + "\n").collect();
    let (_, report) = import_from(later.as_bytes(), &FuseStraceOptions::default());
    let said = report.to_string();
    assert!(said.contains("no INIT: the log begins after the mount"), "{said}");
    assert!(said.contains("FUSE 7.28 or newer is assumed; in use: do_readdirplus"), "{said}");
    assert!(report.is_lossless(), "{said}");
    let mut header = Header::default();
    report.survey.fill(&mut header);
    assert!(header.init.is_some_and(|init| init.is_assumed()), "{said}");
    let torn = &text[..text.len() / 2];
    let (_, report) = import_from(torn.as_bytes(), &FuseStraceOptions::default());
    let lines = torn.lines().count() as u64;
    assert_eq!((report.problems_total(), report.problems[0].line), (1, lines), "{report}");
    let cut: String = text
        .lines()
        .map(|line| match line.split_once("\\x") {
            Some((front, rest)) if rest.len() > 4 * 32 && line.contains("read") => {
                let (head, behind) = rest.split_at(4 * 32 - 2);
                format!(
                    "{front}\\x{head}\"...{}\n",
                    &behind[behind.find('"').expect("a quote") + 1..]
                )
            }
            _ => line.to_owned() + "\n",
        })
        .collect();
    let (records, report) = import_from(cut.as_bytes(), &FuseStraceOptions::default());
    assert!(records.is_empty() && report.requests == 0, "{report}");
    assert!(report.problems_total() >= 800, "{report}");
    assert!(report.problems[0].to_string().contains("record with a larger `-s`"), "{report}");
}
