//! Records to lines.

use core::fmt::Write;

use fuserig_abi::Errno;

use super::body::put_body;
use super::cursor::put_result;
use super::literal::{put_bytes, put_quoted};
use super::time::put_time;
use super::values::put_value;
use crate::ops::OpSpec;
use crate::record::{
    CallFlags, CallRef, OpFlags, OpRef, PayloadRef, RecordRef, StageRecord, StageRef,
};
use crate::{FormatVersion, Header, Trace};

/// A whole trace as text: the header, then a line for each record, kinds merged by sequence
/// number.
///
/// ```
/// use fuserig_traces::record::NoteRecord;
/// use fuserig_traces::{text, Header, Trace};
/// let note = NoteRecord { text: "hello".into(), ..NoteRecord::default() };
/// let trace = Trace { header: Header::default(), records: vec![note.into()] };
/// assert_eq!(text::print(&trace), "# frt 1.1 {}\nnote 0 note#0 0 \"hello\"\n");
/// ```
pub fn print(trace: &Trace) -> String {
    let mut trace = trace.clone();
    trace.sort();
    let mut out = header_line(&trace.header);
    out.push('\n');
    for record in &trace.records {
        put_record(&mut out, &record.as_ref());
        out.push('\n');
    }
    out
}

/// The first line of a text twin.
///
/// ```
/// use fuserig_traces::{text, Header};
/// let header = Header { abi: "v4".into(), ..Header::default() };
/// assert_eq!(text::header_line(&header), r#"# frt 1.1 {"abi":"v4"}"#);
/// ```
pub fn header_line(header: &Header) -> String {
    format!("# frt {} {}", FormatVersion::CURRENT, header.to_json())
}

/// One record as a line, without the line's end.
///
/// ```
/// use fuserig_traces::record::{OpRef, RecordRef};
/// use fuserig_traces::text;
/// let lookup = OpRef {
///     opcode: 1,
///     seq_send: 17,
///     seq_reply: 22,
///     time_ns: 1_204_000,
///     duration_ns: 31_000,
///     nodeid: 1,
///     pid: 812,
///     result: -2,
///     request: b"a\tb\0",
///     ..OpRef::default()
/// };
/// let line = r#"op 17-22 +1.204ms 31us pid=812 u=0:0 LOOKUP 1 "a\tb" -> ENOENT"#;
/// assert_eq!(text::record_line(&RecordRef::Op(lookup)), line);
/// ```
pub fn record_line(record: &RecordRef<'_>) -> String {
    let mut out = String::new();
    put_record(&mut out, record);
    out
}

/// `write!` to a string.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {
        write!($out, $($format)*).expect("a string takes everything")
    };
}

pub(super) fn put_record(out: &mut String, record: &RecordRef<'_>) {
    match record {
        RecordRef::Op(op) => put_op(out, op),
        RecordRef::Stage(stage) => put_stage(out, stage),
        RecordRef::Call(call) => put_call(out, call),
        RecordRef::Payload(payload) => {
            put!(out, "payload {} ", payload.id);
            put_bytes(out, payload.bytes);
        }
        RecordRef::Tree(tree) => {
            put!(out, "tree {} ", tree.seq);
            put_quoted(out, tree.label.as_bytes());
            out.push(' ');
            put_quoted(out, tree.text);
        }
        RecordRef::Note(note) => {
            put!(out, "note {} {} {} ", note.seq, note.kind, note.count);
            put_quoted(out, note.text.as_bytes());
        }
    }
}

/// `17-22 +1.204ms 31us`, or `17- ...` without an end.
fn put_interval(out: &mut String, send: u64, reply: u64, time_ns: u64, duration_ns: u64) {
    put!(out, "{send}-");
    if reply != 0 {
        put!(out, "{reply}");
    }
    out.push_str(" +");
    put_time(out, time_ns);
    out.push(' ');
    put_time(out, duration_ns);
}

fn put_op(out: &mut String, op: &OpRef<'_>) {
    out.push_str("op ");
    put_interval(out, op.seq_send, op.seq_reply, op.time_ns, op.duration_ns);
    put!(out, " pid={} u={}:{}", op.pid, op.uid, op.gid);
    if op.unique != 0 {
        put!(out, " unique={}", op.unique);
    }
    if op.flags != OpFlags::default() {
        put!(out, " flags={}", op.flags);
    }
    let spec = OpSpec::by_number(op.opcode);
    put!(out, " {} {}", OpSpec::name_of(op.opcode), op.nodeid);
    put_body(out, spec.map_or(&[], |spec| spec.request), op.request);
    if op.seq_reply != 0 || op.result != 0 || !op.reply.is_empty() {
        out.push_str(" -> ");
        put_result(out, op.result);
        put_body(out, spec.map_or(&[], |spec| spec.reply), op.reply);
    }
    match op.payload {
        PayloadRef::None => {}
        PayloadRef::Len(len) => put!(out, " data=len:{len}"),
        PayloadRef::Ref { len, id } => put!(out, " data=ref:{len}:{id}"),
        PayloadRef::Digest { len, digest } => put!(out, " data=digest:{len}:{digest}"),
        PayloadRef::Inline(bytes) => {
            out.push_str(" data=");
            put_bytes(out, bytes);
        }
    }
}

fn put_stage(out: &mut String, stage: &StageRef<'_>) {
    put!(out, "st {} P{} {}", stage.op_seq, stage.step, stage.kind);
    if stage.slot != StageRecord::NO_SLOT {
        put!(out, " slot={}", stage.slot);
    }
    out.push_str(" -> ");
    put_result(out, stage.code);
    if !stage.detail.is_empty() {
        out.push(' ');
        put_bytes(out, stage.detail);
    }
}

fn put_call(out: &mut String, call: &CallRef<'_>) {
    out.push_str("call ");
    put_interval(out, call.seq_send, call.seq_reply, call.time_ns, call.duration_ns);
    put!(out, " c{} {}(", call.client, call.nr);
    let spec = call.nr.spec();
    for (index, value) in call.args.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        let kind = spec.and_then(|spec| spec.args.get(index)).map(|(_, kind)| *kind);
        put_value(out, kind, value);
    }
    put!(out, ") = {}", call.result);
    if call.errno != 0 {
        put!(out, " {}", Errno(i32::from(call.errno)));
    }
    if !call.out.is_empty() {
        let mut separator = " {";
        for (field, value) in call.out.iter() {
            put!(out, "{separator}{field}: ");
            put_value(out, field.kind(), value);
            separator = ", ";
        }
        out.push('}');
    }
    if call.flags != CallFlags::default() {
        put!(out, " flags={}", call.flags);
    }
    if call.source_line != 0 {
        put!(out, " line={}", call.source_line);
    }
}
