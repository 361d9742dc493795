//! The canonical bytes of one record: what the stream id is a hash of.
//!
//! Columns depend on where blocks end; rows do not. A row is the bincode form of the record's
//! fields in the order below, and that order is part of the format.

use bincode::Encode;

use super::put;
use crate::record::{PayloadRef, RecordRef, ValueRef};

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct OpRow<'a> {
    pub(super) opcode: u16,
    pub(super) flags: u16,
    pub(super) seq_send: u64,
    pub(super) seq_reply: u64,
    pub(super) time_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) unique: u64,
    pub(super) nodeid: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pid: u32,
    pub(super) result: i64,
    pub(super) request: &'a [u8],
    pub(super) reply: &'a [u8],
    pub(super) payload: PayloadRow<'a>,
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) enum PayloadRow<'a> {
    None,
    Len(u64),
    Ref { len: u64, id: [u8; 16] },
    Inline(&'a [u8]),
    Digest { len: u64, digest: [u8; 16] },
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct StageRow<'a> {
    pub(super) op_seq: u64,
    pub(super) step: u8,
    pub(super) kind: u16,
    pub(super) slot: u16,
    pub(super) code: i64,
    pub(super) detail: &'a [u8],
}

/// A call up to its values: the count of arguments and each, the count of outputs and each, follow.
#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct CallRow {
    pub(super) seq_send: u64,
    pub(super) seq_reply: u64,
    pub(super) time_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) client: u32,
    pub(super) nr: u16,
    pub(super) flags: u16,
    pub(super) result: i64,
    pub(super) errno: u16,
    pub(super) source_line: u64,
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) enum ValueRow<'a> {
    Int(i64),
    UInt(u64),
    Bytes(&'a [u8]),
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct PayloadRecordRow<'a> {
    pub(super) id: [u8; 16],
    pub(super) bytes: &'a [u8],
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct TreeRow<'a> {
    pub(super) seq: u64,
    pub(super) label: &'a [u8],
    pub(super) text: &'a [u8],
}

#[derive(Debug, Encode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub(super) struct NoteRow<'a> {
    pub(super) seq: u64,
    pub(super) kind: u16,
    pub(super) count: u64,
    pub(super) text: &'a [u8],
}

fn value_row(value: ValueRef<'_>) -> ValueRow<'_> {
    match value {
        ValueRef::Int(number) => ValueRow::Int(number),
        ValueRef::UInt(number) => ValueRow::UInt(number),
        ValueRef::Bytes(bytes) => ValueRow::Bytes(bytes),
    }
}

fn payload_row(payload: PayloadRef<'_>) -> PayloadRow<'_> {
    match payload {
        PayloadRef::None => PayloadRow::None,
        PayloadRef::Len(len) => PayloadRow::Len(len),
        PayloadRef::Ref { len, id } => PayloadRow::Ref { len, id: id.0 },
        PayloadRef::Inline(bytes) => PayloadRow::Inline(bytes),
        PayloadRef::Digest { len, digest } => PayloadRow::Digest { len, digest: digest.0 },
    }
}

/// Appends the canonical bytes of a record.
pub(crate) fn put_row(out: &mut Vec<u8>, record: &RecordRef<'_>) {
    match record {
        RecordRef::Op(op) => put(
            out,
            OpRow {
                opcode: op.opcode,
                flags: op.flags.0,
                seq_send: op.seq_send,
                seq_reply: op.seq_reply,
                time_ns: op.time_ns,
                duration_ns: op.duration_ns,
                unique: op.unique,
                nodeid: op.nodeid,
                uid: op.uid,
                gid: op.gid,
                pid: op.pid,
                result: op.result,
                request: op.request,
                reply: op.reply,
                payload: payload_row(op.payload),
            },
        ),
        RecordRef::Stage(stage) => put(
            out,
            StageRow {
                op_seq: stage.op_seq,
                step: stage.step,
                kind: stage.kind.0,
                slot: stage.slot,
                code: stage.code,
                detail: stage.detail,
            },
        ),
        RecordRef::Call(call) => {
            let row = CallRow {
                seq_send: call.seq_send,
                seq_reply: call.seq_reply,
                time_ns: call.time_ns,
                duration_ns: call.duration_ns,
                client: call.client,
                nr: call.nr.0,
                flags: call.flags.0,
                result: call.result,
                errno: call.errno,
                source_line: call.source_line,
            };
            put(out, row);
            put(out, call.args.len() as u64);
            call.args.iter().for_each(|value| put(out, value_row(value)));
            put(out, call.out.len() as u64);
            call.out.iter().for_each(|(field, value)| put(out, (field.0, value_row(value))));
        }
        RecordRef::Payload(payload) => {
            put(out, PayloadRecordRow { id: payload.id.0, bytes: payload.bytes });
        }
        RecordRef::Tree(tree) => {
            put(out, TreeRow { seq: tree.seq, label: tree.label.as_bytes(), text: tree.text });
        }
        RecordRef::Note(note) => {
            let (kind, text) = (note.kind.0, note.text.as_bytes());
            put(out, NoteRow { seq: note.seq, kind, count: note.count, text });
        }
    }
}
