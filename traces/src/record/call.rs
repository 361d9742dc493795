//! One system call of a client.

use core::fmt;

use super::op::fmt_bits;
use super::value::{Outs, Value, Values};
use crate::calls::{CallNr, OutField};

/// Marks on a system call. Bits without a name here are kept.
///
/// ```
/// use fuserig_traces::record::CallFlags;
/// assert_eq!(CallFlags::UNFINISHED.to_string(), "unfinished");
/// assert!(CallFlags(3).contains(CallFlags::TRUNCATED));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallFlags(pub u16);

impl CallFlags {
    /// The log ends, or the process died, before the call returned; `result` means nothing.
    pub const UNFINISHED: CallFlags = CallFlags(1);
    /// The log cut an argument or an output; what is here is its beginning.
    pub const TRUNCATED: CallFlags = CallFlags(2);
    /// The call came from another one with the same meaning (`creat` became `openat`).
    pub const NORMALISED: CallFlags = CallFlags(4);
    /// A signal stopped the call and the kernel starts it again (`ERESTARTSYS`).
    pub const RESTARTED: CallFlags = CallFlags(8);
    /// The importer added the call; it is in no log (the first `chdir` of a client).
    pub const IMPLIED: CallFlags = CallFlags(16);

    /// Bit and name of every mark, in bit order.
    pub const NAMES: &'static [(CallFlags, &'static str)] = &[
        (CallFlags::UNFINISHED, "unfinished"),
        (CallFlags::TRUNCATED, "truncated"),
        (CallFlags::NORMALISED, "normalised"),
        (CallFlags::RESTARTED, "restarted"),
        (CallFlags::IMPLIED, "implied"),
    ];

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: CallFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These marks and those of `other`.
    #[must_use]
    pub fn with(self, other: CallFlags) -> CallFlags {
        CallFlags(self.0 | other.0)
    }
}

impl fmt::Display for CallFlags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CallFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name));
        fmt_bits(out, self.0, names)
    }
}

/// One system call of a client, as imported from a log or issued by a simulated client (block
/// kind CALLS). Arguments and outputs are those of its row in [`crate::calls`].
///
/// ```
/// use fuserig_traces::calls::{CallNr, OutField};
/// use fuserig_traces::record::{CallRecord, Value};
/// let open = CallRecord {
///     seq_send: 17,
///     seq_reply: 18,
///     client: 2,
///     nr: CallNr::OPENAT,
///     args: vec![Value::Int(-100), "notes.txt".into(), Value::UInt(0), Value::UInt(0)],
///     result: 3,
///     ..CallRecord::default()
/// };
/// assert_eq!(open.nr.spec().map(|spec| spec.name), Some("openat"));
/// assert_eq!(open.out_value(OutField::DATA), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRecord {
    /// Position of the call's start in the order of everything.
    pub seq_send: u64,
    /// Position of its return, in the same counter; 0 when it did not return.
    pub seq_reply: u64,
    /// When it started, in nanoseconds after the base of the header.
    pub time_ns: u64,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// Who called: the pid of a log, or the number of a simulated client.
    pub client: u32,
    /// Which call, as a number of our own table.
    pub nr: CallNr,
    /// Marks.
    pub flags: CallFlags,
    /// The arguments, in the order of the table's row.
    pub args: Vec<Value>,
    /// What the call returned; -1 with `errno` set when it failed.
    pub result: i64,
    /// The error number, 0 for none (man 3 errno).
    pub errno: u16,
    /// What the call wrote besides its result.
    pub out: Vec<(OutField, Value)>,
    /// Line of the log, counted from 1; 0 for none.
    pub source_line: u64,
}

impl CallRecord {
    /// The first output under `field`.
    pub fn out_value(&self, field: OutField) -> Option<&Value> {
        self.out.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }
}

/// A [`CallRecord`] that borrows its values. Cheap to copy.
///
/// ```
/// use fuserig_traces::calls::CallNr;
/// use fuserig_traces::record::{CallRecord, CallRef};
/// let sync = CallRecord { nr: CallNr::FSYNC, args: vec![3i64.into()], ..CallRecord::default() };
/// let view: CallRef<'_> = sync.as_ref();
/// assert_eq!(view.args.get(0).and_then(|fd| fd.as_int()), Some(3));
/// assert_eq!(view.to_owned(), sync);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallRef<'a> {
    /// See [`CallRecord::seq_send`].
    pub seq_send: u64,
    /// See [`CallRecord::seq_reply`].
    pub seq_reply: u64,
    /// See [`CallRecord::time_ns`].
    pub time_ns: u64,
    /// See [`CallRecord::duration_ns`].
    pub duration_ns: u64,
    /// See [`CallRecord::client`].
    pub client: u32,
    /// See [`CallRecord::nr`].
    pub nr: CallNr,
    /// See [`CallRecord::flags`].
    pub flags: CallFlags,
    /// See [`CallRecord::args`].
    pub args: Values<'a>,
    /// See [`CallRecord::result`].
    pub result: i64,
    /// See [`CallRecord::errno`].
    pub errno: u16,
    /// See [`CallRecord::out`].
    pub out: Outs<'a>,
    /// See [`CallRecord::source_line`].
    pub source_line: u64,
}

impl CallRecord {
    /// Borrows the record.
    pub fn as_ref(&self) -> CallRef<'_> {
        CallRef {
            seq_send: self.seq_send,
            seq_reply: self.seq_reply,
            time_ns: self.time_ns,
            duration_ns: self.duration_ns,
            client: self.client,
            nr: self.nr,
            flags: self.flags,
            args: Values::from(self.args.as_slice()),
            result: self.result,
            errno: self.errno,
            out: Outs::from(self.out.as_slice()),
            source_line: self.source_line,
        }
    }
}

impl CallRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> CallRecord {
        CallRecord {
            seq_send: self.seq_send,
            seq_reply: self.seq_reply,
            time_ns: self.time_ns,
            duration_ns: self.duration_ns,
            client: self.client,
            nr: self.nr,
            flags: self.flags,
            args: self.args.iter().map(|value| value.to_owned()).collect(),
            result: self.result,
            errno: self.errno,
            out: self.out.iter().map(|(field, value)| (field, value.to_owned())).collect(),
            source_line: self.source_line,
        }
    }
}
