//! Imports of whole logs of daemons, in `tests/fuse_strace`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fuserig_traces::import::{FuseStraceOptions, FuseStraceReport, import_fuse_strace, open_log};
use fuserig_traces::record::{OpFlags, OpRecord, PayloadId, PayloadRef, Record};
use fuserig_traces::wire::{reply_message, request_message};
use fuserig_traces::{Header, PayloadMode, Trace, text};

fn log_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuse_strace").join(name)
}

fn import(path: &Path, options: &FuseStraceOptions) -> (Vec<Record>, FuseStraceReport) {
    let log = open_log(path).expect("the log is beside the test");
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
            PayloadRef::None | PayloadRef::Len(_) => &[],
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
