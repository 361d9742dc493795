//! What `trace info`, `verify`, `repair` and `diff` find.

use fuserig_traces::record::{
    NoteKind, NoteRef, OpRef, PayloadId, PayloadRecordRef, PayloadRef, RecordKind, RecordRef,
};
use fuserig_traces::tools::{self, DiffOptions, Info};
use fuserig_traces::{Header, PayloadMode, Trace, TraceWriter, WriteOptions, text};

fn everything() -> Trace {
    text::parse(include_str!("golden/everything.txt")).expect("the golden text is right")
}

fn write(trace: &Trace) -> Vec<u8> {
    let mut file = Vec::new();
    trace.write(&mut file).expect("memory takes it");
    file
}

#[test]
fn info_shows_what_is_there_and_what_cannot_be() {
    let options = WriteOptions { zstd_level: None, ..WriteOptions::default() };
    let mut file = Vec::new();
    everything().write_with(&mut file, options).expect("memory takes it");
    let info = Info::of(&file[..]).expect("what was written is readable");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/traces"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("info_of_everything", info.to_string()));
}

#[test]
fn what_was_lost_is_added_up_to_the_most_that_there_is() {
    let lost = |counts: &[u64]| {
        let mut writer = TraceWriter::create(Vec::new(), Header::default()).expect("memory");
        for count in counts {
            let (kind, count) = (NoteKind::LOSS, *count);
            let note = NoteRef { kind, count, ..NoteRef::default() };
            writer.append(RecordRef::Note(note)).expect("memory takes it");
        }
        let story = NoteRef { kind: NoteKind::STORY, count: 5, ..NoteRef::default() };
        writer.append(RecordRef::Note(story)).expect("memory takes it");
        let (_, file) = writer.finish().expect("memory takes it");
        Info::of(&file[..]).expect("what was written is readable").lost
    };
    assert_eq!(lost(&[]), 0);
    assert_eq!(lost(&[3, 4]), 7);
    assert_eq!(lost(&[u64::MAX, 4]), u64::MAX, "a trace may say anything");
}

/// The problems that `verify` has with a trace of these records under a header.
fn problems(payload: PayloadMode, records: &[RecordRef<'_>]) -> Vec<String> {
    let header = Header { payload, ..Header::default() };
    let mut writer = TraceWriter::create(Vec::new(), header).expect("memory takes it");
    for record in records {
        writer.append(*record).expect("memory takes it");
    }
    let (_, file) = writer.finish().expect("memory takes it");
    let report = tools::verify(&file[..]).expect("what was written is readable");
    assert_eq!(report.is_whole(), report.problems.is_empty());
    report.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn verify_names_what_does_not_fit() {
    let id = PayloadId::of(b"hello");
    let payload = PayloadRef::Ref { len: 5, id };
    let read = RecordRef::Op(OpRef { opcode: 15, payload, ..OpRef::default() });
    let stored = RecordRef::Payload(PayloadRecordRef { id, bytes: b"hello" });
    assert_eq!(problems(PayloadMode::Full, &[stored, read]), [""; 0]);
    assert_eq!(problems(PayloadMode::Hash, &[read]), [""; 0]);
    assert_eq!(
        problems(PayloadMode::Full, &[read]),
        [format!("1 payloads are referred to and not stored, the first is {id}")]
    );
    let other = PayloadId::of(b"HELLO");
    let wrong = RecordRef::Payload(PayloadRecordRef { id, bytes: b"HELLO" });
    assert_eq!(
        problems(PayloadMode::Full, &[wrong, read]),
        [format!("payload {id} holds other bytes, of hash {other}")]
    );
    let backwards = RecordRef::Op(OpRef { seq_send: 9, seq_reply: 4, ..OpRef::default() });
    assert_eq!(
        problems(PayloadMode::None, &[backwards]),
        ["the operation sent as 9 ended as 4, before it began"]
    );
}

#[test]
fn verify_sees_a_block_that_is_gone_although_every_checksum_holds() {
    let options = WriteOptions { block_bytes: 1, ..WriteOptions::default() };
    let mut file = Vec::new();
    everything().write_with(&mut file, options).expect("memory takes it");
    let sync = b"\xf5frtblk\n";
    let starts: Vec<usize> =
        (0..file.len() - 8).filter(|&at| file[at..].starts_with(sync)).collect();
    file.drain(starts[3]..starts[4]);
    let report = tools::verify(&file[..]).expect("the file is a trace");
    assert!(report.damage.is_empty(), "{:?}", report.damage);
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|problem| problem.starts_with("the footer names stream")));
    assert!(problems.iter().any(|problem| problem.starts_with("the index lists")));
}

#[test]
fn repair_keeps_the_stream_if_nothing_is_lost_and_says_so_if_something_is() {
    let file = write(&everything());
    let whole = tools::verify(&file[..]).expect("the file is a trace");

    let (report, repaired) = tools::repair(&file[..file.len() - 60], Vec::new()).expect("readable");
    assert!(!report.header_lost && report.records_lost);
    assert_eq!(report.summary.records(), whole.counts.iter().sum::<u64>() + 1);
    assert!(tools::verify(&repaired[..]).expect("the file is a trace").is_whole());

    let (report, _) = tools::repair(&file[..file.len() - 40], Vec::new()).expect("readable");
    assert!(!report.records_lost);
    assert_eq!(report.summary.stream_id, whole.stream_id);

    let mut headless = file.clone();
    headless[20] ^= 0xff;
    let (report, repaired) = tools::repair(&headless[..], Vec::new()).expect("readable");
    assert!(report.header_lost && report.records_lost);
    let notes = Trace::read(&repaired[..]).expect("what was repaired is readable");
    let lines: Vec<String> =
        notes.records.iter().map(|record| text::record_line(&record.as_ref())).collect();
    let said = lines.iter().filter(|line| line.starts_with("note 0 repair")).count();
    assert_eq!(said, 1, "{lines:#?}");
}

#[test]
fn diff_shows_the_first_difference_and_counts_all() {
    let one = everything();
    let mut other = one.clone();
    let mut lines = 0;
    for record in &mut other.records {
        if let fuserig_traces::record::Record::Op(op) = record {
            op.time_ns += 1;
            lines += 1;
            if lines > 2 {
                op.result = -5;
            }
        }
    }
    other.records.pop();
    let report = tools::diff(&write(&one)[..], &write(&one)[..]).expect("both are readable");
    assert!(report.agree());

    let report = tools::diff(&write(&one)[..], &write(&other)[..]).expect("both are readable");
    let divergence = report.divergence.as_ref().expect("times differ");
    assert_eq!((divergence.kind, divergence.index, divergence.seq), (RecordKind::Op, 0, 1));

    let options = DiffOptions { ignore_times: true, ..DiffOptions::default() };
    let report =
        tools::diff_with(&write(&one)[..], &write(&other)[..], options).expect("both are readable");
    let divergence = report.divergence.as_ref().expect("results differ");
    insta::assert_snapshot!(divergence.to_string(), @r"
    op record 2 (seq 5)
    - op 5-6 +0ns 0ns pid=1 u=0:0 flags=prefilter OPEN 5 {flags=0x8000} -> 0 {fh=3}
    + op 5-6 +0ns 0ns pid=1 u=0:0 flags=prefilter OPEN 5 {flags=0x8000} -> EIO {fh=3}
    ");
    let ops = report.totals[0];
    assert_eq!((ops.equal, ops.differing, ops.left_only, ops.right_only), (2, 9, 1, 0));
    assert!(!report.agree());
}

#[test]
fn diff_compares_data_as_far_as_both_keep_them() {
    let file = |mode: PayloadMode, data: &[u8]| {
        let header = Header { payload: mode, ..Header::default() };
        let mut writer = TraceWriter::create(Vec::new(), header).expect("memory takes it");
        let payload = writer.payload(data).expect("memory takes it");
        writer.append(OpRef { opcode: 15, payload, ..OpRef::default() }).expect("memory takes it");
        writer.finish().expect("memory takes it").1
    };
    let check = |one: (PayloadMode, &[u8]), other: (PayloadMode, &[u8]), agree: bool| {
        let report = tools::diff(&file(one.0, one.1)[..], &file(other.0, other.1)[..]);
        assert_eq!(report.expect("both are readable").agree(), agree, "{one:?} {other:?}");
    };
    use PayloadMode::{Full, Hash, Len};
    check((Full, b"hello"), (Hash, b"hello"), true);
    check((Full, b"hello"), (Hash, b"HELLO"), false);
    check((Hash, b"hello"), (Hash, b"HELLO"), false);
    check((Hash, b"hello"), (Len, b"HELLO"), true);
    check((Hash, b"hello"), (Len, b"hi"), false);
}

#[test]
fn diff_does_not_see_how_files_are_laid_out() {
    let trace = everything();
    let mut small = Vec::new();
    let options = WriteOptions { zstd_level: None, block_bytes: 1, ..WriteOptions::default() };
    trace.write_with(&mut small, options).expect("memory takes it");
    let report = tools::diff(&small[..], &write(&trace)[..]).expect("both are readable");
    assert!(report.agree(), "{report:?}");
}
