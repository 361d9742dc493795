//! One FUSE operation: request, reply, and the interval between them.

use core::fmt;

use super::{Payload, PayloadRef};

/// Marks on an operation. Bits without a name here are kept.
///
/// ```
/// use fuserig_traces::record::OpFlags;
/// let flags = OpFlags::PREFILTER.with(OpFlags::INTERRUPTED);
/// assert!(flags.contains(OpFlags::PREFILTER));
/// assert!(!flags.contains(OpFlags::POSTFILTER));
/// assert_eq!(flags.to_string(), "prefilter|interrupted");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpFlags(pub u16);

impl OpFlags {
    /// The request is the prefilter call of a fuse-bpf daemon (phase bit 16 of the wire opcode).
    pub const PREFILTER: OpFlags = OpFlags(1);
    /// The request is the postfilter call of a fuse-bpf daemon (phase bit 17).
    pub const POSTFILTER: OpFlags = OpFlags(2);
    /// The protocol has no reply for this request (FORGET, BATCH_FORGET, INTERRUPT).
    pub const NO_REPLY: OpFlags = OpFlags(4);
    /// The kernel gave up on the request; writing the reply met `ENOENT`.
    pub const INTERRUPTED: OpFlags = OpFlags(8);
    /// The source of the trace did not show the reply, although there was one.
    pub const REPLY_UNSEEN: OpFlags = OpFlags(16);
    /// Request or reply are shorter here than on the wire (a log cut them).
    pub const TRUNCATED: OpFlags = OpFlags(32);
    /// A notification of the daemon (`unique` 0): opcode 0, its code as `result`, its body as
    /// `reply`. Nobody asked for it and nobody answers it, so `NO_REPLY` is set as well.
    pub const NOTIFICATION: OpFlags = OpFlags(64);

    /// Bit and name of every mark, in bit order.
    pub const NAMES: &'static [(OpFlags, &'static str)] = &[
        (OpFlags::PREFILTER, "prefilter"),
        (OpFlags::POSTFILTER, "postfilter"),
        (OpFlags::NO_REPLY, "no_reply"),
        (OpFlags::INTERRUPTED, "interrupted"),
        (OpFlags::REPLY_UNSEEN, "reply_unseen"),
        (OpFlags::TRUNCATED, "truncated"),
        (OpFlags::NOTIFICATION, "notification"),
    ];

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: OpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These marks and those of `other`.
    #[must_use]
    pub fn with(self, other: OpFlags) -> OpFlags {
        OpFlags(self.0 | other.0)
    }
}

impl fmt::Display for OpFlags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = OpFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name));
        fmt_bits(out, self.0, names)
    }
}

/// Writes `a|b|0x40`: names first, then what has no name; nothing for zero.
pub(super) fn fmt_bits(
    out: &mut fmt::Formatter<'_>,
    bits: u16,
    names: impl Iterator<Item = (u16, &'static str)>,
) -> fmt::Result {
    let mut rest = bits;
    let mut separator = "";
    for (bit, name) in names {
        if rest & bit != 0 {
            write!(out, "{separator}{name}")?;
            rest &= !bit;
            separator = "|";
        }
    }
    if rest != 0 {
        write!(out, "{separator}{rest:#x}")?;
    }
    Ok(())
}

/// One FUSE operation as it went over the wire (block kind OPS).
///
/// `seq_send` and `seq_reply` come from one counter, so two operations overlapped exactly when
/// their intervals do; every legal interleaving can be rebuilt from them. Times are nanoseconds
/// after the base that the header names. Bodies are verbatim wire bytes *without* the FUSE headers
/// (man 4 fuse; `struct fuse_in_header`, `struct fuse_out_header`) and without file data, which is
/// the [`Payload`].
///
/// ```
/// use fuserig_traces::record::OpRecord;
/// let lookup = OpRecord {
///     opcode: 1,
///     seq_send: 17,
///     nodeid: 1,
///     request: b"notes.txt\0".to_vec(),
///     result: -2,
///     ..OpRecord::default()
/// };
/// assert!(lookup.in_flight());
/// assert_eq!(lookup.as_ref().to_owned(), lookup);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpRecord {
    /// The FUSE number of the operation, without phase bits (those are in `flags`).
    pub opcode: u16,
    /// Marks.
    pub flags: OpFlags,
    /// Position of the request in the order of everything.
    pub seq_send: u64,
    /// Position of the reply, in the same counter; 0 while still in flight at the end of the trace.
    pub seq_reply: u64,
    /// When the request was seen, in nanoseconds after the base of the header.
    pub time_ns: u64,
    /// From request to reply, in nanoseconds.
    pub duration_ns: u64,
    /// `unique` of the FUSE header: minted by the kernel, names the request until its reply.
    pub unique: u64,
    /// The node that the request is about; minted by the daemon.
    pub nodeid: u64,
    /// Caller's uid in the mount's user namespace.
    pub uid: u32,
    /// Caller's gid.
    pub gid: u32,
    /// Caller's pid; 0 for the kernel's own requests.
    pub pid: u32,
    /// `error` of the reply header: 0 or a negative errno (other numbers are kept).
    pub result: i64,
    /// Request bytes after `fuse_in_header`, without file data.
    pub request: Vec<u8>,
    /// Reply bytes after `fuse_out_header`, without file data.
    pub reply: Vec<u8>,
    /// File data that the operation carried, in the form that the payload mode asks for.
    pub payload: Payload,
}

/// An [`OpRecord`] that borrows its bytes. Cheap to copy.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// let getattr = OpRef { opcode: 3, seq_send: 1, seq_reply: 2, ..OpRef::default() };
/// assert!(!getattr.in_flight());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpRef<'a> {
    /// See [`OpRecord::opcode`].
    pub opcode: u16,
    /// See [`OpRecord::flags`].
    pub flags: OpFlags,
    /// See [`OpRecord::seq_send`].
    pub seq_send: u64,
    /// See [`OpRecord::seq_reply`].
    pub seq_reply: u64,
    /// See [`OpRecord::time_ns`].
    pub time_ns: u64,
    /// See [`OpRecord::duration_ns`].
    pub duration_ns: u64,
    /// See [`OpRecord::unique`].
    pub unique: u64,
    /// See [`OpRecord::nodeid`].
    pub nodeid: u64,
    /// See [`OpRecord::uid`].
    pub uid: u32,
    /// See [`OpRecord::gid`].
    pub gid: u32,
    /// See [`OpRecord::pid`].
    pub pid: u32,
    /// See [`OpRecord::result`].
    pub result: i64,
    /// See [`OpRecord::request`].
    pub request: &'a [u8],
    /// See [`OpRecord::reply`].
    pub reply: &'a [u8],
    /// See [`OpRecord::payload`].
    pub payload: PayloadRef<'a>,
}

impl OpRecord {
    /// Borrows the record.
    pub fn as_ref(&self) -> OpRef<'_> {
        OpRef {
            opcode: self.opcode,
            flags: self.flags,
            seq_send: self.seq_send,
            seq_reply: self.seq_reply,
            time_ns: self.time_ns,
            duration_ns: self.duration_ns,
            unique: self.unique,
            nodeid: self.nodeid,
            uid: self.uid,
            gid: self.gid,
            pid: self.pid,
            result: self.result,
            request: &self.request,
            reply: &self.reply,
            payload: self.payload.as_ref(),
        }
    }

    /// Whether the trace ended before the reply.
    pub fn in_flight(&self) -> bool {
        self.as_ref().in_flight()
    }
}

impl OpRef<'_> {
    /// Whether both can be the same operation: all is equal but the forms in which data are kept,
    /// and those agree, see [`PayloadRef::agrees`].
    ///
    /// ```
    /// use fuserig_traces::record::{OpRef, PayloadRef};
    /// let bytes = OpRef { payload: PayloadRef::Inline(b"hello"), ..OpRef::default() };
    /// let length = OpRef { payload: PayloadRef::Len(5), ..OpRef::default() };
    /// assert!(bytes != length && bytes.agrees(&length));
    /// ```
    pub fn agrees(&self, other: &OpRef<'_>) -> bool {
        let payload = PayloadRef::None;
        OpRef { payload, ..*self } == OpRef { payload, ..*other }
            && self.payload.agrees(&other.payload)
    }

    /// Copies the record.
    pub fn to_owned(&self) -> OpRecord {
        OpRecord {
            opcode: self.opcode,
            flags: self.flags,
            seq_send: self.seq_send,
            seq_reply: self.seq_reply,
            time_ns: self.time_ns,
            duration_ns: self.duration_ns,
            unique: self.unique,
            nodeid: self.nodeid,
            uid: self.uid,
            gid: self.gid,
            pid: self.pid,
            result: self.result,
            request: self.request.to_vec(),
            reply: self.reply.to_vec(),
            payload: self.payload.to_owned(),
        }
    }

    /// Whether the trace ended before the reply.
    pub fn in_flight(&self) -> bool {
        self.seq_reply == 0 && !self.flags.contains(OpFlags::NO_REPLY)
    }
}
