//! Operations, stages, payloads, trees and notes as rows.

use serde_json::{Value, json};

use super::RowError;
use super::body::{body, read_body};
use super::mistake::shown;
use super::value::{
    Object, bytes, read_unsigned, take, take_bytes, take_marks, take_number, take_signed,
    take_text, take_u16, take_u32, take_u64, wide,
};
use crate::ops::OpSpec;
use crate::record::{
    NoteKind, NoteRecord, NoteRef, OpFlags, OpRecord, OpRef, Payload, PayloadDigest, PayloadId,
    PayloadRecord, PayloadRecordRef, PayloadRef, StageKind, StageRecord, StageRef, TreeRecord,
    TreeRef,
};

pub(super) fn op(op: &OpRef<'_>, row: &mut Object) {
    let spec = OpSpec::by_number(op.opcode);
    let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
    put("seq_send", wide(op.seq_send));
    put("seq_reply", wide(op.seq_reply));
    put("time_ns", wide(op.time_ns));
    put("duration_ns", wide(op.duration_ns));
    put("pid", op.pid.into());
    put("uid", op.uid.into());
    put("gid", op.gid.into());
    put("unique", wide(op.unique));
    put("op", OpSpec::name_of(op.opcode).into());
    put("nodeid", wide(op.nodeid));
    put("flags", op.flags.to_string().into());
    put("result", Value::from(op.result));
    put("request", body(spec.map_or(&[], |spec| spec.request), op.request));
    put("reply", body(spec.map_or(&[], |spec| spec.reply), op.reply));
    put(
        "data",
        match op.payload {
            PayloadRef::None => Value::Null,
            PayloadRef::Len(len) => json!({ "len": wide(len) }),
            PayloadRef::Ref { len, id } => json!({ "len": wide(len), "id": id.to_string() }),
            PayloadRef::Digest { len, digest } => {
                json!({ "len": wide(len), "digest": digest.to_string() })
            }
            PayloadRef::Inline(inline) => json!({ "bytes": bytes(inline) }),
        },
    );
}

/// An operation by name or number, `op#77` included.
fn opcode(row: &mut Object) -> Result<u16, RowError> {
    let Some(value) = take(row, "op") else {
        return Err(RowError::new("op", "an operation needs its name or number"));
    };
    let by_name = value.as_str().and_then(|name| {
        let name = name.strip_prefix("FUSE_").unwrap_or(name);
        let numbered = || name.strip_prefix("op#")?.parse().ok();
        OpSpec::by_name(name).map(|spec| spec.number).or_else(numbered)
    });
    let by_number = || read_unsigned(&value).and_then(|number| u16::try_from(number).ok());
    by_name
        .or_else(by_number)
        .ok_or_else(|| RowError::new("op", format!("no operation is called {}", shown(&value))))
}

pub(super) fn read_op(row: &mut Object) -> Result<OpRecord, RowError> {
    let opcode = opcode(row)?;
    let spec = OpSpec::by_number(opcode);
    let marks = OpFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name)).collect::<Vec<_>>();
    Ok(OpRecord {
        opcode,
        flags: OpFlags(take_marks(row, &marks)?),
        seq_send: take_u64(row, "seq_send")?,
        seq_reply: take_u64(row, "seq_reply")?,
        time_ns: take_u64(row, "time_ns")?,
        duration_ns: take_u64(row, "duration_ns")?,
        unique: take_u64(row, "unique")?,
        nodeid: take_u64(row, "nodeid")?,
        uid: take_u32(row, "uid")?,
        gid: take_u32(row, "gid")?,
        pid: take_u32(row, "pid")?,
        result: take_signed(row, "result")?,
        request: read_body("request", spec.map_or(&[], |spec| spec.request), take(row, "request"))?,
        reply: read_body("reply", spec.map_or(&[], |spec| spec.reply), take(row, "reply"))?,
        payload: read_payload(row)?,
    })
}

fn read_payload(row: &mut Object) -> Result<Payload, RowError> {
    let Some(value) = take(row, "data") else { return Ok(Payload::None) };
    let wrong =
        || RowError::new("data", format!("expected len, id, digest or bytes: {}", shown(&value)));
    let Value::Object(mut object) = value.clone() else { return Err(wrong()) };
    if object.contains_key("bytes") {
        return Ok(Payload::Inline(take_bytes(&mut object, "bytes")?));
    }
    let len = take_u64(&mut object, "len")?;
    match (object.remove("id"), object.remove("digest")) {
        (None, None) => Ok(Payload::Len(len)),
        (Some(Value::String(id)), None) => {
            Ok(Payload::Ref { len, id: PayloadId::parse(&id).ok_or_else(wrong)? })
        }
        (None, Some(Value::String(digest))) => {
            Ok(Payload::Digest { len, digest: PayloadDigest::parse(&digest).ok_or_else(wrong)? })
        }
        (Some(_), _) | (_, Some(_)) => Err(wrong()),
    }
}

pub(super) fn stage(stage: &StageRef<'_>, row: &mut Object) {
    let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
    put("seq_send", wide(stage.op_seq));
    put("step", stage.step.into());
    put("stage", stage.kind.to_string().into());
    let slot = Value::from(stage.slot);
    put("slot", if stage.slot == StageRecord::NO_SLOT { Value::Null } else { slot });
    put("result", Value::from(stage.code));
    put("detail", if stage.detail.is_empty() { Value::Null } else { bytes(stage.detail) });
}

pub(super) fn read_stage(row: &mut Object) -> Result<StageRecord, RowError> {
    let word = take_text(row, "stage")?;
    let number = || word.strip_prefix("stage#")?.parse().ok().map(StageKind);
    let kind = StageKind::from_name(&word)
        .or_else(number)
        .ok_or_else(|| RowError::new("stage", format!("no stage is called {word:?}")))?;
    let slot = match row.get("slot") {
        Some(value) if !value.is_null() && value.as_str() != Some("") => take_u16(row, "slot")?,
        _ => {
            row.remove("slot");
            StageRecord::NO_SLOT
        }
    };
    Ok(StageRecord {
        op_seq: take_u64(row, "seq_send")?,
        step: take_number(row, "step", "below 256")?,
        kind,
        slot,
        code: take_signed(row, "result")?,
        detail: take_bytes(row, "detail")?,
    })
}

pub(super) fn payload(payload: &PayloadRecordRef<'_>, row: &mut Object) {
    row.insert("id".to_owned(), payload.id.to_string().into());
    row.insert("detail".to_owned(), bytes(payload.bytes));
}

pub(super) fn read_payload_record(row: &mut Object) -> Result<PayloadRecord, RowError> {
    let content = take_bytes(row, "detail")?;
    match take(row, "id") {
        None => Ok(PayloadRecord::new(content)),
        Some(id) => {
            let id = id.as_str().and_then(PayloadId::parse);
            let id = id.ok_or_else(|| RowError::new("id", "expected 32 hexadecimal digits"))?;
            Ok(PayloadRecord { id, bytes: content })
        }
    }
}

pub(super) fn tree(tree: &TreeRef<'_>, row: &mut Object) {
    row.insert("seq_send".to_owned(), wide(tree.seq));
    row.insert("label".to_owned(), tree.label.into());
    row.insert("detail".to_owned(), bytes(tree.text));
}

pub(super) fn read_tree(row: &mut Object) -> Result<TreeRecord, RowError> {
    Ok(TreeRecord {
        seq: take_u64(row, "seq_send")?,
        label: take_text(row, "label")?,
        text: take_bytes(row, "detail")?,
    })
}

pub(super) fn note(note: &NoteRef<'_>, row: &mut Object) {
    row.insert("seq_send".to_owned(), wide(note.seq));
    row.insert("note".to_owned(), note.kind.to_string().into());
    row.insert("count".to_owned(), wide(note.count));
    row.insert("detail".to_owned(), note.text.into());
}

pub(super) fn read_note(row: &mut Object) -> Result<NoteRecord, RowError> {
    let word = take_text(row, "note")?;
    let number = || word.strip_prefix("note#")?.parse().ok().map(NoteKind);
    let kind = NoteKind::from_name(&word)
        .or_else(number)
        .ok_or_else(|| RowError::new("note", format!("no note is called {word:?}")))?;
    Ok(NoteRecord {
        seq: take_u64(row, "seq_send")?,
        kind,
        count: take_u64(row, "count")?,
        text: String::from_utf8(take_bytes(row, "detail")?)
            .map_err(|_not_text| RowError::new("detail", "a note is text"))?,
    })
}
