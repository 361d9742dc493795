//! Comparing the result of a call with the recorded one.

use fuserig_abi::{Errno, FileKind, S_IFMT, Stat};
use fuserig_traces::calls::{CallNr, OutField};
use fuserig_traces::record::{CallFlags, CallRecord, Value};

use crate::vfs::{CallResult, Output};

/// One thing that differs between a recorded call and its replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs: `result`, `errno`, or an output by name.
    pub what: String,
    /// As recorded.
    pub recorded: String,
    /// As replayed.
    pub replayed: String,
}

/// The outputs that are compared. Node numbers, times, cookies and figures of space are not, for
/// another machine has others.
pub(crate) const JUDGED_OUTPUTS: [OutField; 12] = [
    OutField::MODE,
    OutField::NLINK,
    OutField::UID,
    OutField::GID,
    OutField::SIZE,
    OutField::RDEV,
    OutField::DATA,
    OutField::TARGET,
    OutField::PATH,
    OutField::COUNT,
    OutField::F_NAMELEN,
    OutField::LOCK_TYPE,
];

/// Everything in which a result differs from the record.
pub(crate) fn mismatches(record: &CallRecord, result: &CallResult) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if record.flags.contains(CallFlags::UNFINISHED) {
        return found;
    }
    let errno = result.value.err();
    let recorded_errno = (record.errno != 0).then(|| Errno(i32::from(record.errno)));
    if errno != recorded_errno {
        let text = |errno: Option<Errno>| errno.map_or("success".to_owned(), |e| e.to_string());
        push(&mut found, "errno", text(recorded_errno), text(errno));
        return found;
    }
    if errno.is_none() && !names_by_number(record.nr) && record.result != result.number() {
        push(&mut found, "result", record.result, result.number());
    }
    if errno.is_none() {
        outputs(record, result, &mut found);
    }
    found
}

fn push(
    found: &mut Vec<Mismatch>,
    what: impl Into<String>,
    recorded: impl ToString,
    replayed: impl ToString,
) {
    found.push(Mismatch {
        what: what.into(),
        recorded: recorded.to_string(),
        replayed: replayed.to_string(),
    });
}

/// Calls whose result is a number that the replay takes over: an address.
fn names_by_number(nr: CallNr) -> bool {
    nr == CallNr::MMAP
}

fn outputs(record: &CallRecord, result: &CallResult, found: &mut Vec<Mismatch>) {
    match &result.output {
        Output::Stat(stat) => stat_fields(record, stat, found),
        Output::Bytes(bytes) => {
            for field in [OutField::DATA, OutField::TARGET, OutField::PATH] {
                if let Some(recorded) = record.out_value(field).and_then(Value::as_bytes) {
                    bytes_field(record, field, recorded, bytes, found);
                }
            }
        }
        Output::Records(records) => {
            let number = |value: &Value| value.as_uint();
            if let Some(count) = record.out_value(OutField::COUNT).and_then(number)
                && count != records.len() as u64
            {
                push(found, "count", count, records.len());
            }
        }
        Output::StatFs(figures) => {
            let namelen = record.out_value(OutField::F_NAMELEN).and_then(Value::as_uint);
            if let Some(namelen) = namelen.filter(|&n| n != u64::from(figures.namelen)) {
                push(found, "f_namelen", namelen, figures.namelen);
            }
        }
        Output::Lock(lock) => {
            const F_UNLCK: u64 = 2;
            let recorded = record.out_value(OutField::LOCK_TYPE).and_then(Value::as_uint);
            let free = lock.kind == fuserig_sim_fs::LockKind::Unlock;
            if let Some(kind) = recorded.filter(|&kind| (kind == F_UNLCK) != free) {
                push(found, "lock_type", kind, format!("{:?}", lock.kind));
            }
        }
        Output::None => {}
    }
}

fn bytes_field(
    record: &CallRecord,
    field: OutField,
    recorded: &[u8],
    replayed: &[u8],
    found: &mut Vec<Mismatch>,
) {
    // A read may deliver fewer bytes than the filter claims; the log may have cut its copy.
    let cut = record.flags.contains(CallFlags::TRUNCATED);
    let same = if cut { replayed.starts_with(recorded) } else { replayed == recorded };
    if !same {
        let at = recorded.iter().zip(replayed).position(|(a, b)| a != b);
        let at = at.unwrap_or(recorded.len().min(replayed.len()));
        let show = |bytes: &[u8]| {
            let end = bytes.len().min(at.saturating_add(24));
            let start = at.min(end);
            format!("{} bytes, at {at} \"{}\"", bytes.len(), bytes[start..end].escape_ascii())
        };
        push(found, field.to_string(), show(recorded), show(replayed));
    }
}

fn stat_fields(record: &CallRecord, stat: &Stat, found: &mut Vec<Mismatch>) {
    let directory = stat.kind == FileKind::Directory;
    for (field, value) in &record.out {
        let Some(recorded) = value.as_uint() else { continue };
        let replayed = match *field {
            OutField::MODE if recorded & u64::from(S_IFMT) == 0 => u64::from(stat.permissions),
            OutField::MODE => u64::from(stat.mode()),
            OutField::NLINK => u64::from(stat.nlink),
            OutField::UID => u64::from(stat.uid.0),
            OutField::GID => u64::from(stat.gid.0),
            OutField::SIZE if !directory => stat.size,
            OutField::RDEV if stat.rdev != fuserig_abi::Device::default() => {
                u64::from(stat.rdev.encode())
            }
            _ => continue,
        };
        if recorded != replayed {
            let octal = *field == OutField::MODE;
            let show = |n: u64| if octal { format!("0{n:o}") } else { n.to_string() };
            push(found, field.to_string(), show(recorded), show(replayed));
        }
    }
}

/// The outputs of a result in the form a record keeps them.
pub(crate) fn outputs_of(nr: CallNr, result: &CallResult) -> Vec<(OutField, Value)> {
    if result.value.is_err() {
        return Vec::new();
    }
    match &result.output {
        Output::None => Vec::new(),
        Output::Bytes(bytes) => {
            let field = match nr {
                CallNr::READLINKAT => OutField::TARGET,
                CallNr::GETCWD => OutField::PATH,
                _ => OutField::DATA,
            };
            vec![(field, Value::Bytes(bytes.clone()))]
        }
        Output::Stat(stat) => stat_outputs(stat),
        Output::StatFs(figures) => vec![
            (OutField::F_BSIZE, Value::UInt(u64::from(figures.bsize))),
            (OutField::F_BLOCKS, Value::UInt(figures.blocks)),
            (OutField::F_BFREE, Value::UInt(figures.bfree)),
            (OutField::F_FILES, Value::UInt(figures.files)),
            (OutField::F_FFREE, Value::UInt(figures.ffree)),
            (OutField::F_NAMELEN, Value::UInt(u64::from(figures.namelen))),
        ],
        Output::Records(records) => {
            let count = records.len() as u64;
            let mut out = vec![(OutField::COUNT, Value::UInt(count))];
            for record in records {
                out.push((OutField::NAME, Value::Bytes(record.name.clone())));
                out.push((OutField::TYPE, Value::Int(i64::from(record.kind))));
                out.push((OutField::COOKIE, Value::Int(record.next)));
            }
            out
        }
        Output::Lock(lock) => {
            let kind = match lock.kind {
                fuserig_sim_fs::LockKind::Read => 0,
                fuserig_sim_fs::LockKind::Write => 1,
                fuserig_sim_fs::LockKind::Unlock => 2,
            };
            vec![
                (OutField::LOCK_TYPE, Value::UInt(kind)),
                (OutField::LOCK_START, Value::Int(lock.start as i64)),
            ]
        }
    }
}

fn stat_outputs(stat: &Stat) -> Vec<(OutField, Value)> {
    let number = |field: OutField, value: u64| (field, Value::UInt(value));
    vec![
        number(OutField::MODE, u64::from(stat.mode())),
        number(OutField::NLINK, u64::from(stat.nlink)),
        number(OutField::UID, u64::from(stat.uid.0)),
        number(OutField::GID, u64::from(stat.gid.0)),
        number(OutField::SIZE, stat.size),
        number(OutField::INO, stat.ino.0),
        (OutField::MTIME_SEC, Value::Int(stat.mtime.sec)),
        (OutField::MTIME_NSEC, Value::Int(i64::from(stat.mtime.nsec))),
    ]
}
