//! Reads, writes, positions, sizes: what is done to the bytes of a file.
//!
//! Data that the log does not have are never made up: a cut write is recorded with what there is,
//! and marked.

use super::super::args::Data;
use super::super::error::Trouble;
use super::super::paths::Spot;
use super::super::report::LossKind;
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::term::Term;
use super::Translate;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::{CallFlags, Value};

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("read", |session, scene| read(session, scene, Shape::PLAIN)),
    ("readv", |session, scene| read(session, scene, Shape::VECTOR)),
    ("pread64", |session, scene| read(session, scene, Shape::PLAIN_AT)),
    ("pread", |session, scene| read(session, scene, Shape::PLAIN_AT)),
    ("preadv", |session, scene| read(session, scene, Shape::VECTOR_AT)),
    ("preadv2", |session, scene| read(session, scene, Shape::VECTOR_AT)),
    ("write", |session, scene| write(session, scene, Shape::PLAIN)),
    ("writev", |session, scene| write(session, scene, Shape::VECTOR)),
    ("pwrite64", |session, scene| write(session, scene, Shape::PLAIN_AT)),
    ("pwrite", |session, scene| write(session, scene, Shape::PLAIN_AT)),
    ("pwritev", |session, scene| write(session, scene, Shape::VECTOR_AT)),
    ("pwritev2", |session, scene| write(session, scene, Shape::VECTOR_AT)),
    ("lseek", lseek),
    ("_llseek", llseek),
    ("truncate", truncate),
    ("truncate64", truncate),
    ("ftruncate", ftruncate),
    ("ftruncate64", ftruncate),
    ("fallocate", fallocate),
    ("fsync", |session, scene| only_fd(session, scene, CallNr::FSYNC)),
    ("fdatasync", |session, scene| only_fd(session, scene, CallNr::FDATASYNC)),
    ("syncfs", |session, scene| only_fd(session, scene, CallNr::SYNCFS)),
    ("sync", sync),
    ("fadvise64", fadvise),
    ("fadvise64_64", fadvise),
    ("readahead", readahead),
    ("sync_file_range", sync_file_range),
];

/// How a call of the read and write family shows its buffer and its place.
#[derive(Clone, Copy)]
struct Shape {
    is_vector: bool,
    has_offset: bool,
}

impl Shape {
    const PLAIN: Shape = Shape { is_vector: false, has_offset: false };
    const PLAIN_AT: Shape = Shape { is_vector: false, has_offset: true };
    const VECTOR: Shape = Shape { is_vector: true, has_offset: false };
    const VECTOR_AT: Shape = Shape { is_vector: true, has_offset: true };

    /// The offset and the flags of the call; no offset for -1 without flags, which is a plain read
    /// or write at the current position. With flags the row keeps the -1, as preadv2(2) has it.
    fn place(self, scene: &Scene<'_>) -> Result<(Option<i64>, u64), Trouble> {
        if !self.has_offset {
            return Ok((None, 0));
        }
        let flags = scene.call.flags_or_none(4, ArgKind::RwFlags)?;
        let offset = scene.call.int(3)?;
        let is_current = offset == -1 && flags == 0 && scene.call.args.len() > 4;
        Ok(((!is_current).then_some(offset), flags))
    }
}

/// A descriptor of the trace, or what to answer instead.
pub(super) fn inside(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    index: usize,
) -> Result<Result<i64, Outcome>, Trouble> {
    Ok(match session.descriptor(scene, index)? {
        Descriptor::Inside(fd) => Ok(fd),
        Descriptor::Outside => Err(Outcome::Outside),
        Descriptor::Stranger => Err(Outcome::Lost),
    })
}

fn read(session: &mut Session<'_>, scene: &Scene<'_>, shape: Shape) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let call = scene.call;
    let (data, count) = if shape.is_vector {
        call.vector(1)?
    } else {
        // After an error the buffer is an address.
        let data = if call.succeeded() { call.data(1)? } else { None };
        (data, call.uint(2)?)
    };
    let (offset, flags) = shape.place(scene)?;
    let mut args = vec![Value::Int(fd), Value::UInt(count)];
    let nr = match offset {
        Some(offset) => {
            args.extend([Value::Int(offset), Value::UInt(flags)]);
            CallNr::PREAD64
        }
        None => CallNr::READ,
    };
    let draft = Draft::new(nr, args).named_by(call.name);
    let draft = match data.filter(|_| call.succeeded()) {
        Some(data) => with_output(draft, OutField::DATA, data, call.ret.value),
        None => draft,
    };
    session.record(scene, draft)
}

/// Adds bytes that the kernel wrote, and how many there were if the log cut them.
pub(super) fn with_output(draft: Draft, field: OutField, data: Data, length: Option<i64>) -> Draft {
    let length = length.and_then(|length| usize::try_from(length).ok());
    let is_short = length.is_some_and(|length| length > data.bytes.len());
    let mut bytes = data.bytes;
    if let Some(length) = length {
        bytes.truncate(length);
    }
    let draft = draft.out(field, Value::Bytes(bytes));
    if !data.cut && !is_short {
        return draft;
    }
    let draft = draft.mark(CallFlags::TRUNCATED);
    match length {
        Some(length) => draft.out(OutField::FULL_LEN, Value::UInt(length as u64)),
        None => draft,
    }
}

fn write(session: &mut Session<'_>, scene: &Scene<'_>, shape: Shape) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let call = scene.call;
    let (data, count) =
        if shape.is_vector { call.vector(1)? } else { (call.data(1)?, call.uint(2)?) };
    let (offset, flags) = shape.place(scene)?;
    let Some(mut data) = data else {
        // An address: the kernel could not read the buffer, so nothing was written (EFAULT).
        return Ok(Outcome::Quiet);
    };
    data.cut |= (data.bytes.len() as u64) < count;
    let written = call.ret.value.filter(|_| call.succeeded()).unwrap_or(0);
    let is_lost = data.cut && written > i64::try_from(data.bytes.len()).unwrap_or(i64::MAX);
    let mut args = vec![Value::Int(fd), Value::Bytes(data.bytes)];
    let nr = match offset {
        Some(offset) => {
            args.extend([Value::Int(offset), Value::UInt(flags)]);
            CallNr::PWRITE64
        }
        None => CallNr::WRITE,
    };
    let draft = Draft::new(nr, args).named_by(call.name);
    let draft = draft.mark_if(data.cut, CallFlags::TRUNCATED);
    if is_lost {
        let what = format!("{written} bytes to descriptor {fd}");
        session.lose(scene, LossKind::CutData, what);
    }
    session.record(scene, draft)
}

fn lseek(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let whence = scene.call.flags(2, ArgKind::Whence)?;
    let args = [Value::Int(fd), Value::Int(scene.call.int(1)?), whence_value(whence)];
    session.record(scene, Draft::new(CallNr::LSEEK, args))
}

fn whence_value(whence: u64) -> Value {
    Value::Int(whence.cast_signed())
}

/// 32-bit processes: `_llseek(fd, offset, [result], whence)`, or the offset in two halves.
fn llseek(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let arg = scene.call.arg(2)?;
    let result = match Term::parse(arg)? {
        Term::Array { items, .. } => items.first().and_then(Term::int),
        _ => None,
    };
    let whence = scene.call.flags(3, ArgKind::Whence)?;
    let args = [Value::Int(fd), Value::Int(scene.call.int(1)?), whence_value(whence)];
    let mut draft = Draft::new(CallNr::LSEEK, args).named_by(scene.call.name);
    if scene.call.succeeded() {
        let result = result.and_then(super::super::args::signed);
        draft.result = Some(result.ok_or_else(|| Trouble::new(arg.at, "expected the position"))?);
    }
    session.record(scene, draft)
}

fn truncate(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let Spot::Inside(place) = session.spot(scene, None, 0, true)? else {
        return Ok(Outcome::Outside);
    };
    let args = [place.lone_path(), Value::Int(scene.call.int(1)?)];
    let draft = Draft::new(CallNr::TRUNCATE, args).named_by(scene.call.name);
    session.record(scene, draft.mark_if(place.rewritten, CallFlags::NORMALISED))
}

fn ftruncate(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    with_ints(session, scene, CallNr::FTRUNCATE, &[1])
}

/// A descriptor and plain signed numbers.
fn with_ints(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    nr: CallNr,
    indices: &[usize],
) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let mut args = vec![Value::Int(fd)];
    for index in indices {
        args.push(Value::Int(scene.call.int(*index)?));
    }
    session.record(scene, Draft::new(nr, args).named_by(scene.call.name))
}

fn only_fd(session: &mut Session<'_>, scene: &Scene<'_>, nr: CallNr) -> Result<Outcome, Trouble> {
    with_ints(session, scene, nr, &[])
}

fn sync(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    session.record(scene, Draft::new(CallNr::SYNC, [])).map(|_recorded| Outcome::State)
}

fn fallocate(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    // FALLOC_FL_COLLAPSE_RANGE, ZERO_RANGE and INSERT_RANGE.
    const SHIFTING: u64 = 0x8 | 0x10 | 0x20;
    let mode = scene.call.flags(1, ArgKind::FallocateFlags)?;
    if mode & SHIFTING != 0 && scene.call.ret.errno == Some("EOPNOTSUPP") {
        session.report.lower.plain_fallocate = true;
    }
    let args = [
        Value::Int(fd),
        Value::UInt(mode),
        Value::Int(scene.call.int(2)?),
        Value::Int(scene.call.int(3)?),
    ];
    session.record(scene, Draft::new(CallNr::FALLOCATE, args))
}

fn fadvise(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let args = [
        Value::Int(fd),
        Value::Int(scene.call.int(1)?),
        Value::Int(scene.call.int(2)?),
        Value::UInt(scene.call.flags(3, ArgKind::Advice)?),
    ];
    session.record(scene, Draft::new(CallNr::FADVISE64, args))
}

fn readahead(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let args = [Value::Int(fd), Value::Int(scene.call.int(1)?), Value::UInt(scene.call.uint(2)?)];
    session.record(scene, Draft::new(CallNr::READAHEAD, args))
}

fn sync_file_range(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match inside(session, scene, 0)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let arg = scene.call.arg(3)?;
    let flags = arg.text.split(|byte| *byte == b'|').try_fold(0_u64, |flags, part| {
        let bit = match part {
            b"0" => 0,
            b"SYNC_FILE_RANGE_WAIT_BEFORE" => 1,
            b"SYNC_FILE_RANGE_WRITE" => 2,
            b"SYNC_FILE_RANGE_WAIT_AFTER" => 4,
            _ => return Err(Trouble::new(arg.at, "a flag is not known here")),
        };
        Ok(flags | bit)
    })?;
    let args = [
        Value::Int(fd),
        Value::Int(scene.call.int(1)?),
        Value::Int(scene.call.int(2)?),
        Value::UInt(flags),
    ];
    session.record(scene, Draft::new(CallNr::SYNC_FILE_RANGE, args))
}
