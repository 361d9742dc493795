//! Operations that wait for the writer of a trace, as small as they can be.

use fuserig_abi::Opcode;
use fuserig_traces::record::{OpFlags, OpRef, PayloadDigest, PayloadRef};

use crate::serve::Outgoing;

/// A request that is being answered, as it will be recorded.
#[derive(Debug, Default)]
pub(super) struct Started {
    pub(super) facts: Facts,
    pub(super) request: Vec<u8>,
    /// Data of which the bytes are kept; of others the facts have a summary.
    pub(super) data: Vec<u8>,
}

impl Started {
    /// Whether the data of the answer are those of a file.
    pub(super) fn reads(&self) -> bool {
        self.facts.opcode == number(Opcode::READ)
    }
}

/// The fields of an [`OpRef`] that are not bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) seq_send: u64,
    pub(super) seq_reply: u64,
    pub(super) time_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) unique: u64,
    pub(super) nodeid: u64,
    pub(super) caller: Caller,
    pub(super) result: i32,
    pub(super) opcode: u16,
    /// Whether the protocol has no answer; then there is neither `seq_reply` nor `duration_ns`.
    pub(super) unanswered: bool,
    pub(super) summary: Summary,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pid: u32,
}

/// What is kept of data instead of their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Summary {
    /// Nothing.
    #[default]
    Nothing,
    /// How many bytes they are.
    Length(u32),
    /// This, and a digest.
    Digest(u32, PayloadDigest),
}

/// Data of so many bytes is handed on as it is and not copied.
pub(super) const LONG: usize = 16 << 10;
/// Room that a batch keeps when it is empty again.
const BYTES_KEPT: usize = 4 << 20;

/// An operation in a batch, of whose bytes are its reply, its request and what is [`Kept`] of its
/// data, in this order.
///
/// It is as large as a line of a processor's cache, and lies in one, because a batch goes from one
/// processor's cache to another's: what that costs the pipeline grows with the lines. So what comes
/// after a request is a distance to it, and who asks is told once for many.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Entry {
    seq_send: u64,
    time_ns: u64,
    unique: u64,
    nodeid: u64,
    /// From `seq_send` to the reply's, or [`FAR`].
    until_reply: u32,
    /// Nanoseconds, or [`FAR`].
    duration: u32,
    /// Which of the batch's callers.
    caller: u32,
    result: i32,
    reply: u32,
    request: u32,
    /// Bytes of data, as far as `kept` says it.
    length: u32,
    opcode: u16,
    unanswered: bool,
    kept: Kept,
}

const _: () = assert!(size_of::<Entry>() == 64, "it has a line of its own");

/// In the place of both distances of an entry: they are too long for it, and the batch has them.
pub(super) const FAR: u32 = u32::MAX;

/// What is kept of an operation's data.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Nothing.
    Nothing,
    /// How many bytes they are.
    Length,
    /// This, and a digest, which is behind the request.
    Digest,
    /// So many bytes, which are behind the request.
    Short,
    /// The next of those that were handed on.
    Long,
}

/// The size of a digest.
const DIGEST: u32 = size_of::<PayloadDigest>() as u32;

/// Operations for the writer, in the order of their replies.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    /// Those who ask, each as often as somebody else asked before.
    callers: Vec<Caller>,
    bytes: Vec<u8>,
    long: Vec<Vec<u8>>,
    /// Bytes of what was handed on.
    long_bytes: usize,
    /// `seq_reply` and `duration_ns` where they are [`FAR`].
    far: Vec<(u64, u64)>,
}

/// An operation as the writer finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    pub(super) op: OpRef<'a>,
    /// Data of which the bytes are kept; of others the operation has a summary.
    pub(super) data: &'a [u8],
}

impl Batch {
    /// Appends an operation with its reply; none where the reply is data, which it has already.
    pub(super) fn append(&mut self, started: &mut Started, outgoing: Option<Outgoing>) {
        let before = self.bytes.len();
        if let Some(outgoing) = outgoing {
            outgoing.encode_into(&mut self.bytes);
            if let Outgoing::Records(records) = outgoing {
                set_size(
                    &mut started.request,
                    listing_size(self.bytes.len() - before, records.is_empty()),
                );
            }
        }
        let reply = length(self.bytes.len() - before);
        self.bytes.extend_from_slice(&started.request);
        let (kept, length_of_data) = self.keep(started);
        let facts = &started.facts;
        let (until_reply, duration) = self.distances(facts);
        let caller = self.caller(facts.caller);
        self.entries.push(Entry {
            seq_send: facts.seq_send,
            time_ns: facts.time_ns,
            unique: facts.unique,
            nodeid: facts.nodeid,
            until_reply,
            duration,
            caller,
            result: facts.result,
            reply,
            request: length(started.request.len()),
            length: length_of_data,
            opcode: facts.opcode,
            unanswered: facts.unanswered,
            kept,
        });
    }

    /// Takes what is to be kept of an operation's data.
    fn keep(&mut self, started: &mut Started) -> (Kept, u32) {
        if started.data.len() >= LONG {
            self.long_bytes += started.data.len();
            self.long.push(core::mem::take(&mut started.data));
            return (Kept::Long, 0);
        }
        if !started.data.is_empty() {
            self.bytes.extend_from_slice(&started.data);
            return (Kept::Short, length(started.data.len()));
        }
        match started.facts.summary {
            Summary::Nothing => (Kept::Nothing, 0),
            Summary::Length(length) => (Kept::Length, length),
            Summary::Digest(length, digest) => {
                self.bytes.extend_from_slice(&digest.0);
                (Kept::Digest, length)
            }
        }
    }

    /// How far reply and end are behind their request.
    fn distances(&mut self, facts: &Facts) -> (u32, u32) {
        if facts.unanswered {
            return (0, 0);
        }
        let near = |distance: u64| u32::try_from(distance).ok().filter(|near| *near != FAR);
        let until_reply = facts.seq_reply.checked_sub(facts.seq_send).and_then(near);
        if let (Some(until_reply), Some(duration)) = (until_reply, near(facts.duration_ns)) {
            return (until_reply, duration);
        }
        self.far.push((facts.seq_reply, facts.duration_ns));
        (FAR, FAR)
    }

    /// Which of the callers this is.
    fn caller(&mut self, caller: Caller) -> u32 {
        if self.callers.last() != Some(&caller) {
            self.callers.push(caller);
        }
        // Never more than there are operations.
        length(self.callers.len() - 1)
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.long_bytes
    }

    /// The operations.
    pub(super) fn operations(&self) -> impl Iterator<Item = Taken<'_>> {
        let (mut bytes, mut long, mut far) = (&self.bytes[..], self.long.iter(), self.far.iter());
        let mut next = move |length: u32| {
            let (front, behind) = bytes.split_at(length as usize);
            bytes = behind;
            front
        };
        self.entries.iter().map(move |entry| {
            let (reply, request) = (next(entry.reply), next(entry.request));
            let len = u64::from(entry.length);
            let (payload, data) = match entry.kept {
                Kept::Nothing => (PayloadRef::None, &[][..]),
                Kept::Length => (PayloadRef::Len(len), &[][..]),
                Kept::Digest => {
                    let digest = next(DIGEST).try_into().expect("so many bytes were asked for");
                    (PayloadRef::Digest { len, digest: PayloadDigest(digest) }, &[][..])
                }
                Kept::Short => (PayloadRef::None, next(entry.length)),
                Kept::Long => {
                    let data = long.next().expect("each was handed on with its entry");
                    (PayloadRef::None, &data[..])
                }
            };
            let (seq_reply, duration_ns) = match entry.until_reply {
                _ if entry.unanswered => (0, 0),
                FAR => *far.next().expect("each is there with its entry"),
                near => (entry.seq_send + u64::from(near), entry.duration.into()),
            };
            let caller = self.callers[entry.caller as usize];
            let op = OpRef {
                opcode: entry.opcode,
                flags: flags(entry.unanswered),
                seq_send: entry.seq_send,
                seq_reply,
                time_ns: entry.time_ns,
                duration_ns,
                unique: entry.unique,
                nodeid: entry.nodeid,
                uid: caller.uid,
                gid: caller.gid,
                pid: caller.pid,
                result: entry.result.into(),
                request,
                reply,
                payload,
            };
            Taken { op, data }
        })
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.callers.clear();
        self.far.clear();
        self.long.clear();
        self.long_bytes = 0;
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
    }
}

pub(super) fn number(opcode: Opcode) -> u16 {
    u16::try_from(opcode.0).unwrap_or(u16::MAX)
}

fn flags(unanswered: bool) -> OpFlags {
    let flags = OpFlags::default();
    if unanswered { flags.with(OpFlags::NO_REPLY) } else { flags }
}

/// Of a part of a message, all of which are far shorter.
pub(super) fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a message has less than 4 GiB")
}

/// How large the reply to a listing may have been, of which fuser does not say it. One that was
/// filled ends here; one that was not ended the directory, and a page holds it as well.
fn listing_size(used: usize, is_end: bool) -> usize {
    let whole = is_end || used.next_multiple_of(4096) - used > 512;
    if whole { used.next_multiple_of(4096).max(4096) } else { used }
}

/// Writes `size` of a `struct fuse_read_in`.
fn set_size(request: &mut [u8], size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(field) = request.get_mut(16..20) {
        field.copy_from_slice(&size);
    }
}
