//! Copies between files, and mappings: bytes that move without showing in the log.
//!
//! A copy whose two sides are below the root needs no data, for the replay has them. A copy to the
//! outside is to its source a read; a copy from the outside is a write whose bytes are lost.

use super::super::args::signed;
use super::super::error::Trouble;
use super::super::report::LossKind;
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::term::Term;
use super::Translate;
use super::data::inside;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::{CallFlags, Value};

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("copy_file_range", copy_file_range),
    ("sendfile", sendfile),
    ("sendfile64", sendfile),
    ("splice", splice),
    ("tee", pipes),
    ("vmsplice", pipes),
    ("mmap", mmap),
    ("mmap2", mmap),
];

/// Which arguments of a copy are what.
#[derive(Clone, Copy)]
struct Places {
    /// Offset in the source.
    offset: usize,
    /// Bytes to copy.
    length: usize,
    /// Offset in the target, for calls that have one.
    target: Option<usize>,
}

/// `copy_file_range` and `splice`.
const RANGE: Places = Places { offset: 1, length: 4, target: Some(3) };
const SENDFILE: Places = Places { offset: 2, length: 3, target: None };

/// An offset by reference: `NULL`, `[0]`, `[0] => [600]`.
struct Position {
    before: i64,
    after: Option<i64>,
}

fn position(scene: &Scene<'_>, index: usize) -> Result<Position, Trouble> {
    let arg = scene.call.arg(index)?;
    let wrong = || Trouble::new(arg.at, "expected `NULL` or `[offset]`");
    let single = |term: &Term<'_>| match term {
        Term::Array { items, .. } if items.len() == 1 => items[0].int().and_then(signed),
        _ => None,
    };
    match Term::parse(arg)? {
        Term::Name(b"NULL", _) => Ok(Position { before: -1, after: None }),
        Term::Change(before, after) => {
            let before = single(&before).ok_or_else(wrong)?;
            Ok(Position { before, after: Some(single(&after).ok_or_else(wrong)?) })
        }
        term => {
            let before = single(&term).ok_or_else(wrong)?;
            Ok(Position { before, after: Some(before) })
        }
    }
}

fn copy_file_range(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let (source, target) = (session.descriptor(scene, 0)?, session.descriptor(scene, 2)?);
    let (fd_in, fd_out) = match both(session, scene, source, target, RANGE)? {
        Ok(pair) => pair,
        Err(outcome) => return Ok(outcome),
    };
    let (off_in, off_out) = (position(scene, 1)?, position(scene, 3)?);
    let args = [
        Value::Int(fd_in),
        Value::Int(off_in.before),
        Value::Int(fd_out),
        Value::Int(off_out.before),
        Value::UInt(scene.call.uint(4)?),
        Value::UInt(scene.call.uint(5)?),
    ];
    let mut draft = Draft::new(CallNr::COPY_FILE_RANGE, args);
    for (field, after) in [(OutField::OFF_IN, off_in.after), (OutField::OFF_OUT, off_out.after)] {
        if let Some(after) = after.filter(|_| scene.call.succeeded()) {
            draft = draft.out(field, Value::Int(after));
        }
    }
    session.record(scene, draft)
}

fn sendfile(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let (target, source) = (session.descriptor(scene, 0)?, session.descriptor(scene, 1)?);
    let (fd_in, fd_out) = match both(session, scene, source, target, SENDFILE)? {
        Ok(pair) => pair,
        Err(outcome) => return Ok(outcome),
    };
    let offset = position(scene, 2)?;
    let args = [
        Value::Int(fd_out),
        Value::Int(fd_in),
        Value::Int(offset.before),
        Value::UInt(scene.call.uint(3)?),
    ];
    let mut draft = Draft::new(CallNr::SENDFILE, args).named_by(scene.call.name);
    if let Some(after) = offset.after.filter(|_| scene.call.succeeded()) {
        draft = draft.out(OutField::OFF_IN, Value::Int(after));
    }
    session.record(scene, draft)
}

fn splice(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let (source, target) = (session.descriptor(scene, 0)?, session.descriptor(scene, 2)?);
    match both(session, scene, source, target, RANGE)? {
        // One end of a splice is a pipe; a fifo below the root is beyond the table.
        Ok(_) => session.lost(scene, LossKind::NoRecord, "between files below the root"),
        Err(outcome) => Ok(outcome),
    }
}

/// The descriptors of a copy, when both are in the trace. A copy to the outside is recorded as
/// the read that it is to the source; a copy from the outside is a loss.
fn both(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    source: Descriptor,
    target: Descriptor,
    Places { offset, length, target: place }: Places,
) -> Result<Result<(i64, i64), Outcome>, Trouble> {
    let copied = scene.call.ret.value.filter(|_| scene.call.succeeded()).unwrap_or(0);
    Ok(match (source, target) {
        (Descriptor::Inside(fd_in), Descriptor::Inside(fd_out)) => Ok((fd_in, fd_out)),
        (Descriptor::Outside, Descriptor::Outside) => Err(Outcome::Outside),
        // Nothing was copied: the two sides met and parted.
        (_, Descriptor::Inside(_)) | (Descriptor::Inside(_), _) if copied <= 0 => {
            Err(Outcome::Quiet)
        }
        (_, Descriptor::Inside(fd)) => Err(from_outside(session, scene, fd, place)?),
        (Descriptor::Inside(fd), _) => {
            let from = position(scene, offset)?;
            let count = scene.call.uint(length)?;
            let mut args = vec![Value::Int(fd), Value::UInt(count)];
            let nr = if from.after.is_some() {
                args.extend([Value::Int(from.before), Value::UInt(0)]);
                CallNr::PREAD64
            } else {
                CallNr::READ
            };
            let full = OutField::FULL_LEN;
            let draft = Draft::new(nr, args)
                .mark(CallFlags::NORMALISED)
                .mark(CallFlags::TRUNCATED)
                .out(OutField::DATA, Value::Bytes(Vec::new()))
                .out(full, Value::UInt(copied.cast_unsigned()));
            Err(session.record(scene, draft)?)
        }
        (Descriptor::Stranger, _) | (_, Descriptor::Stranger) => Err(Outcome::Lost),
    })
}

/// What comes from the outside is a write of so many bytes, of which the log has none.
fn from_outside(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    fd: i64,
    place: Option<usize>,
) -> Result<Outcome, Trouble> {
    let copied = scene.call.ret.value.unwrap_or(0);
    session.lose(scene, LossKind::ForeignData, format!("{copied} bytes to descriptor {fd}"));
    let offset = match place {
        Some(index) => position(scene, index)?.before,
        None => -1,
    };
    let mut args = vec![Value::Int(fd), Value::Bytes(Vec::new())];
    let nr = if offset < 0 {
        CallNr::WRITE
    } else {
        args.extend([Value::Int(offset), Value::UInt(0)]);
        CallNr::PWRITE64
    };
    let draft = Draft::new(nr, args).mark(CallFlags::NORMALISED).mark(CallFlags::TRUNCATED);
    session.record(scene, draft)
}

fn pipes(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    for index in [0, 1] {
        if let Ok(Descriptor::Inside(fd)) = session.descriptor(scene, index) {
            let what = format!("descriptor {fd}");
            return session.lost(scene, LossKind::NoRecord, what);
        }
    }
    Ok(Outcome::Outside)
}

fn mmap(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    const PROT_WRITE: u64 = 2;
    const MAP_TYPE: u64 = 0xf;
    const MAP_PRIVATE: u64 = 2;
    let fd = match inside(session, scene, 4)? {
        Ok(fd) => fd,
        Err(outcome) => return Ok(outcome),
    };
    let call = scene.call;
    let protection = call.flags(2, ArgKind::MapProtection)?;
    let flags = call.flags(3, ArgKind::MapFlags)?;
    if call.succeeded() && protection & PROT_WRITE != 0 && flags & MAP_TYPE != MAP_PRIVATE {
        let path = session.tasks.open(scene.pid, fd).map(|open| open.path.clone());
        let what = path.unwrap_or_default().escape_ascii().to_string();
        session.lose(scene, LossKind::SharedMapping, what);
    }
    let args = [
        Value::Int(fd),
        Value::UInt(call.uint(1)?),
        Value::UInt(protection),
        Value::UInt(flags),
        Value::Int(call.int(5)?),
    ];
    session.record(scene, Draft::new(CallNr::MMAP, args).named_by(call.name))
}
