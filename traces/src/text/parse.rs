//! Lines to records.

use fuserig_abi::Errno;

use super::body::body;
use super::cursor::{Cursor, unsigned};
use super::error::Mistake;
use super::time::time;
use super::values::value;
use crate::calls::{CallNr, CallSpec, OutField};
use crate::ops::OpSpec;
use crate::record::{
    CallFlags, CallRecord, NoteKind, NoteRecord, OpFlags, OpRecord, Payload, PayloadDigest,
    PayloadId, PayloadRecord, Record, StageKind, StageRecord, TreeRecord,
};

/// Reads a record from a line without its end.
pub(super) fn record(line: &str) -> Result<Record, Mistake> {
    let cursor = &mut Cursor::new(line);
    let word = cursor.word();
    let record = match word {
        "op" => Record::from(op(cursor)?),
        "st" => Record::from(stage(cursor)?),
        "call" => Record::from(call(cursor)?),
        "payload" => {
            cursor.expect(" ")?;
            let hint = "an id of 32 hexadecimal digits";
            let id = cursor.parsed(&[' '], hint, PayloadId::parse)?;
            cursor.expect(" ")?;
            Record::from(PayloadRecord { id, bytes: cursor.literal()? })
        }
        "tree" => {
            cursor.expect(" ")?;
            let seq = cursor.number(&[' '], "a sequence number")?;
            let label = string(cursor)?;
            cursor.expect(" ")?;
            Record::from(TreeRecord { seq, label, text: cursor.literal()? })
        }
        "note" => {
            cursor.expect(" ")?;
            let seq = cursor.number(&[' '], "a sequence number")?;
            cursor.expect(" ")?;
            let kind = cursor.parsed(&[' '], "the kind of a note", |word| {
                named(word, "note#", NoteKind::from_name, NoteKind)
            })?;
            cursor.expect(" ")?;
            let count = cursor.number(&[' '], "a count")?;
            Record::from(NoteRecord { seq, kind, count, text: string(cursor)? })
        }
        _ => {
            let what = "expected op, st, call, payload, tree, note or a comment with #";
            return Err(cursor.mistake_at(0, what));
        }
    };
    cursor.end()?;
    Ok(record)
}

/// A name of a table, or a number behind a prefix.
fn named<T>(
    word: &str,
    prefix: &str,
    by_name: impl Fn(&str) -> Option<T>,
    by_number: impl Fn(u16) -> T,
) -> Option<T> {
    match word.strip_prefix(prefix) {
        Some(number) => u16::try_from(unsigned(number)?).ok().map(by_number),
        None => by_name(word),
    }
}

/// A space and a quoted text.
fn string(cursor: &mut Cursor<'_>) -> Result<String, Mistake> {
    cursor.expect(" ")?;
    let at = cursor.at();
    String::from_utf8(cursor.quoted()?)
        .map_err(|_not_utf8| cursor.mistake_at(at, "expected text in UTF-8"))
}

struct Interval {
    seq_send: u64,
    seq_reply: u64,
    time_ns: u64,
    duration_ns: u64,
}

/// ` 17-22 +1.204ms 31us`.
fn interval(cursor: &mut Cursor<'_>) -> Result<Interval, Mistake> {
    cursor.expect(" ")?;
    let seq_send = cursor.number(&['-', ' '], "a sequence number")?;
    cursor.expect("-")?;
    let seq_reply = if cursor.rest().starts_with(' ') {
        0
    } else {
        cursor.number(&[' '], "a sequence number")?
    };
    cursor.expect(" +")?;
    let time_ns = cursor.parsed(&[' '], "a time such as 1.204ms", time)?;
    cursor.expect(" ")?;
    let duration_ns = cursor.parsed(&[' '], "a duration such as 1.5ms", time)?;
    Ok(Interval { seq_send, seq_reply, time_ns, duration_ns })
}

/// Marks by name, the rest as a number, joined by `|`.
fn marks(
    cursor: &mut Cursor<'_>,
    names: impl Iterator<Item = (u16, &'static str)> + Clone,
) -> Result<u16, Mistake> {
    cursor.parsed(&[' '], "marks or numbers joined by |", |word| {
        word.split('|').try_fold(0, |marks, part| {
            let mark = match names.clone().find(|(_, name)| *name == part) {
                Some((mark, _)) => mark,
                None => u16::try_from(unsigned(part)?).ok()?,
            };
            Some(marks | mark)
        })
    })
}

fn op(cursor: &mut Cursor<'_>) -> Result<OpRecord, Mistake> {
    let Interval { seq_send, seq_reply, time_ns, duration_ns } = interval(cursor)?;
    cursor.expect(" pid=")?;
    let pid = cursor.number(&[' '], "a pid")?;
    cursor.expect(" u=")?;
    let uid = cursor.number(&[':', ' '], "a uid")?;
    cursor.expect(":")?;
    let gid = cursor.number(&[' '], "a gid")?;
    let unique = if cursor.eat(" unique=") { cursor.number(&[' '], "a number")? } else { 0 };
    let mut flags = OpFlags::default();
    if cursor.eat(" flags=") {
        flags = OpFlags(marks(cursor, OpFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name)))?);
    }
    cursor.expect(" ")?;
    let opcode = cursor.parsed(&[' '], "an operation such as LOOKUP or op#1", |word| {
        named(word, "op#", |name| OpSpec::by_name(name).map(|spec| spec.number), |number| number)
    })?;
    let spec = OpSpec::by_number(opcode);
    cursor.expect(" ")?;
    let nodeid = cursor.number(&[' '], "a nodeid")?;
    let request = body(cursor, spec.map_or(&[], |spec| spec.request))?;
    let (mut result, mut reply) = (0, Vec::new());
    if cursor.eat(" -> ") {
        result = cursor.result()?;
        reply = body(cursor, spec.map_or(&[], |spec| spec.reply))?;
    }
    let payload = if cursor.eat(" data=") { payload(cursor)? } else { Payload::None };
    Ok(OpRecord {
        opcode,
        flags,
        seq_send,
        seq_reply,
        time_ns,
        duration_ns,
        unique,
        nodeid,
        uid,
        gid,
        pid,
        result,
        request,
        reply,
        payload,
    })
}

fn payload(cursor: &mut Cursor<'_>) -> Result<Payload, Mistake> {
    if cursor.eat("len:") {
        return Ok(Payload::Len(cursor.number(&[' '], "a length")?));
    }
    if cursor.eat("ref:") {
        let len = cursor.number(&[':', ' '], "a length")?;
        cursor.expect(":")?;
        let id = cursor.parsed(&[' '], "an id of 32 hexadecimal digits", PayloadId::parse)?;
        return Ok(Payload::Ref { len, id });
    }
    if cursor.eat("digest:") {
        let len = cursor.number(&[':', ' '], "a length")?;
        cursor.expect(":")?;
        let hint = "a digest of 32 hexadecimal digits";
        let digest = cursor.parsed(&[' '], hint, PayloadDigest::parse)?;
        return Ok(Payload::Digest { len, digest });
    }
    if cursor.at_literal() {
        return Ok(Payload::Inline(cursor.literal()?));
    }
    Err(cursor.mistake("expected len:LENGTH, ref:LENGTH:ID, digest:LENGTH:DIGEST or bytes"))
}

fn stage(cursor: &mut Cursor<'_>) -> Result<StageRecord, Mistake> {
    cursor.expect(" ")?;
    let op_seq = cursor.number(&[' '], "a sequence number")?;
    cursor.expect(" P")?;
    let step = cursor.number(&[' '], "the number of a step")?;
    cursor.expect(" ")?;
    let kind = cursor.parsed(&[' '], "the kind of a stage", |word| {
        named(word, "stage#", StageKind::from_name, StageKind)
    })?;
    let slot = if cursor.eat(" slot=") {
        cursor.number(&[' '], "the number of a slot")?
    } else {
        StageRecord::NO_SLOT
    };
    cursor.expect(" -> ")?;
    let code = cursor.result()?;
    let detail = if cursor.eat(" ") { cursor.literal()? } else { Vec::new() };
    Ok(StageRecord { op_seq, step, kind, slot, code, detail })
}

fn call(cursor: &mut Cursor<'_>) -> Result<CallRecord, Mistake> {
    let Interval { seq_send, seq_reply, time_ns, duration_ns } = interval(cursor)?;
    cursor.expect(" c")?;
    let client = cursor.number(&[' '], "the number of a client")?;
    cursor.expect(" ")?;
    let nr = cursor.parsed(&['(', ' '], "a call such as openat or call#1", |word| {
        named(word, "call#", |name| CallSpec::by_name(name).map(|spec| spec.nr), CallNr)
    })?;
    let kinds = nr.spec().map_or(&[][..], |spec| spec.args);
    cursor.expect("(")?;
    let mut args = Vec::new();
    while !cursor.eat(")") {
        if !args.is_empty() {
            cursor.expect(", ")?;
        }
        args.push(value(cursor, kinds.get(args.len()).map(|(_, kind)| *kind))?);
    }
    cursor.expect(" = ")?;
    let result = cursor.parsed(&[' '], "a number", super::cursor::signed)?;
    let mut errno = 0;
    if cursor.rest().starts_with(" E") {
        cursor.expect(" ")?;
        errno = cursor.parsed(&[' '], "the name of an errno", |word| {
            u16::try_from(Errno::from_name(word)?.0).ok()
        })?;
    }
    let out = if cursor.eat(" {") { outs(cursor)? } else { Vec::new() };
    let mut flags = CallFlags::default();
    if cursor.eat(" flags=") {
        let names = CallFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name));
        flags = CallFlags(marks(cursor, names)?);
    }
    let source_line = if cursor.eat(" line=") { cursor.number(&[' '], "a line")? } else { 0 };
    Ok(CallRecord {
        seq_send,
        seq_reply,
        time_ns,
        duration_ns,
        client,
        nr,
        flags,
        args,
        result,
        errno,
        out,
        source_line,
    })
}

/// `fd: 3, mode: 0644}`.
pub(super) fn outs(
    cursor: &mut Cursor<'_>,
) -> Result<Vec<(OutField, crate::record::Value)>, Mistake> {
    let mut outs = Vec::new();
    loop {
        let field = cursor.parsed(&[':', ' '], "the name of an output", |word| {
            named(word, "out#", OutField::from_name, OutField)
        })?;
        cursor.expect(": ")?;
        outs.push((field, value(cursor, field.kind())?));
        if cursor.eat("}") {
            return Ok(outs);
        }
        cursor.expect(", ")?;
    }
}
