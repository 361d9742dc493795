//! Requests and replies, joined.

use std::collections::{BTreeMap, VecDeque};

use super::head::{ReplyHead, RequestHead};
use crate::ops::{DataPlace, OpSpec};
use crate::record::{NoteKind, NoteRecord, OpFlags, OpRecord, Payload};

const FORGET: u16 = 2;
const READ: u16 = 15;
const WRITE: u16 = 16;
const INIT: u16 = 26;
const INTERRUPT: u16 = 36;
const NOTIFY_REPLY: u16 = 41;
const BATCH_FORGET: u16 = 42;
/// Phase bits of fuse-bpf in the opcode.
const PREFILTER: u32 = 0x1_0000;
const POSTFILTER: u32 = 0x2_0000;
/// Requests without a reply that are kept; a kernel has a few thousand at most.
const PENDING_MAX: usize = 1 << 20;
/// `struct fuse_write_in` before FUSE 7.9.
const WRITE_IN_OLD: usize = 24;

/// Which open of the device a message went through. Minted by whoever feeds the messages; a file
/// descriptor in the simplest case.
///
/// ```
/// use fuserig_traces::wire::Channel;
/// assert!(Channel(3) < Channel(4));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel(pub u64);

/// When a message was seen.
///
/// ```
/// use fuserig_traces::wire::Moment;
/// assert_eq!(Moment { seq: 1, time_ns: 0 }.seq, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Its place in the order of everything, from 1.
    pub seq: u64,
    /// Nanoseconds after the base of the header.
    pub time_ns: u64,
}

/// How a write to the device ended.
///
/// ```
/// use fuserig_traces::wire::Written;
/// assert_ne!(Written::Taken, Written::Gone);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The kernel took the reply.
    Taken,
    /// `ENOENT`: the kernel had given up on the request.
    Gone,
}

/// Why a message could not be used.
///
/// ```
/// use fuserig_traces::wire::{Channel, MessageError, Moment, Pairing, Written};
/// let mut pairing = Pairing::default();
/// let reply = [16, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
/// let error = pairing.reply(Channel(3), &reply, 16, Moment::default(), Written::Taken);
/// assert_eq!(error, Err(MessageError::NoRequest { unique: 4 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not even the head is there.
    #[error("{have} bytes are fewer than the head of a message has ({need})")]
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes of the head.
        need: usize,
    },
    /// The length in the head is not that of the message.
    #[error("the head says {says} bytes, the call moved {moved}")]
    Length {
        /// What the head says.
        says: u32,
        /// What the call moved.
        moved: u64,
    },
    /// A reply to nothing.
    #[error("no request with unique {unique} waits for a reply")]
    NoRequest {
        /// What the reply names.
        unique: u64,
    },
    /// A second request under a number that still waits for its reply.
    #[error("unique {unique} is used again before its reply")]
    Again {
        /// The number.
        unique: u64,
    },
    /// Too many requests wait for a reply.
    #[error("more than {PENDING_MAX} requests wait for a reply")]
    TooMany,
}

/// Joins replies with their requests. One connection; any number of channels.
///
/// Operations come out of [`Pairing::take`] when they are complete: at the reply, at once when the
/// protocol has none, and from [`Pairing::finish`] when the source ends first. File data are in
/// the payload, inline. What a record has no field for (the length of extensions) comes as a note
/// with the operation's sequence number, so that nothing is lost.
///
/// ```
/// use fuserig_traces::wire::{Channel, Moment, Pairing, RequestHead, Written};
/// let mut pairing = Pairing::default();
/// let mut lookup = Vec::new();
/// RequestHead { len: 42, opcode: 1, unique: 4, nodeid: 1, ..Default::default() }
///     .put(&mut lookup);
/// lookup.extend_from_slice(b"a\0");
/// pairing.request(Channel(3), &lookup, 42, Moment { seq: 1, time_ns: 10 })?;
/// let reply = [16, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0, 0, 0];
/// pairing.reply(Channel(3), &reply, 16, Moment { seq: 2, time_ns: 15 }, Written::Taken)?;
/// let op = pairing.take().expect("it is complete");
/// assert_eq!((op.seq_send, op.seq_reply, op.result, op.duration_ns), (1, 2, -2, 5));
/// # Ok::<(), fuserig_traces::wire::MessageError>(())
/// ```
#[derive(Debug, Default)]
pub struct Pairing {
    minor: Option<u32>,
    /// By number first: a reply through another descriptor is found without a search.
    pending: BTreeMap<(u64, Channel), OpRecord>,
    /// INTERRUPTs that wait, by the request they are about.
    interrupts: BTreeMap<(u64, Channel), Vec<u64>>,
    done: VecDeque<OpRecord>,
    notes: Vec<NoteRecord>,
}

impl Pairing {
    /// A request was read from `channel`: `bytes` are what is known of it, `moved` is how long it
    /// was.
    ///
    /// # Errors
    /// When it is no request; nothing of it is kept then.
    pub fn request(
        &mut self,
        channel: Channel,
        bytes: &[u8],
        moved: u64,
        moment: Moment,
    ) -> Result<(), MessageError> {
        let need = RequestHead::LEN;
        let head =
            RequestHead::parse(bytes).ok_or(MessageError::Short { have: bytes.len(), need })?;
        if u64::from(head.len) != moved {
            return Err(MessageError::Length { says: head.len, moved });
        }
        if self.pending.len() >= PENDING_MAX {
            return Err(MessageError::TooMany);
        }
        let mut op = self.record(&head, &bytes[need..], moment);
        if (bytes.len() as u64) < moved {
            op.flags = op.flags.with(OpFlags::TRUNCATED);
        }
        if head.total_extlen != 0 || head.padding != 0 || head.opcode >> 18 != 0 {
            self.notes.push(NoteRecord {
                seq: moment.seq,
                kind: NoteKind::ANNOTATION,
                count: u64::from(head.total_extlen),
                text: format!(
                    "fuse_in_header: opcode {:#x}, total_extlen {}, padding {}",
                    head.opcode, head.total_extlen, head.padding
                ),
            });
        }
        match op.opcode {
            FORGET | BATCH_FORGET | NOTIFY_REPLY => self.done.push_back(op),
            // The daemon may answer an INTERRUPT (EAGAIN, ENOSYS) while its target is in flight.
            INTERRUPT if !self.is_pending(channel, interrupted(&op)) => self.done.push_back(op),
            _ => {
                let key = (op.unique, channel);
                if self.pending.contains_key(&key) {
                    return Err(MessageError::Again { unique: op.unique });
                }
                if op.opcode == INTERRUPT {
                    let target = (interrupted(&op), channel);
                    self.interrupts.entry(target).or_default().push(op.unique);
                }
                self.pending.insert(key, op);
            }
        }
        Ok(())
    }

    /// A reply or a notification was written to `channel`.
    ///
    /// # Errors
    /// When it is neither, or nothing waits for it.
    pub fn reply(
        &mut self,
        channel: Channel,
        bytes: &[u8],
        moved: u64,
        moment: Moment,
        written: Written,
    ) -> Result<(), MessageError> {
        let need = ReplyHead::LEN;
        let head =
            ReplyHead::parse(bytes).ok_or(MessageError::Short { have: bytes.len(), need })?;
        if u64::from(head.len) != moved {
            return Err(MessageError::Length { says: head.len, moved });
        }
        let body = &bytes[need..];
        let cut = if (bytes.len() as u64) < moved { OpFlags::TRUNCATED } else { OpFlags(0) };
        if head.unique == 0 {
            self.done.push_back(OpRecord {
                flags: OpFlags::NOTIFICATION.with(OpFlags::NO_REPLY).with(cut),
                seq_send: moment.seq,
                time_ns: moment.time_ns,
                result: i64::from(head.error),
                reply: body.to_vec(),
                ..OpRecord::default()
            });
            return Ok(());
        }
        let key = self
            .find(channel, head.unique)
            .ok_or(MessageError::NoRequest { unique: head.unique })?;
        let Some(mut op) = self.pending.remove(&key) else {
            return Err(MessageError::NoRequest { unique: head.unique });
        };
        // An INTERRUPT that is answered after all.
        op.flags = OpFlags(op.flags.0 & !OpFlags::NO_REPLY.0).with(cut);
        if written == Written::Gone {
            op.flags = op.flags.with(OpFlags::INTERRUPTED);
        }
        op.seq_reply = moment.seq;
        op.duration_ns = moment.time_ns.saturating_sub(op.time_ns);
        op.result = i64::from(head.error);
        if op.opcode == READ && head.error == 0 {
            op.payload = Payload::Inline(body.to_vec());
        } else {
            op.reply = body.to_vec();
        }
        if op.opcode == INIT && head.error == 0 {
            self.minor = super::init_of(&op.request, &op.reply).1;
        }
        let unique = op.unique;
        self.done.push_back(op);
        self.release_interrupts(key.1, unique);
        Ok(())
    }

    /// A reply to `unique` went the other way unseen (splice).
    pub fn reply_unseen(&mut self, channel: Channel, unique: u64, moment: Moment) {
        let Some(mut op) = self.pending.remove(&(unique, channel)) else { return };
        op.flags = op.flags.with(OpFlags::REPLY_UNSEEN);
        op.seq_reply = moment.seq;
        op.duration_ns = moment.time_ns.saturating_sub(op.time_ns);
        self.done.push_back(op);
        self.release_interrupts(channel, unique);
    }

    /// The next operation that is complete, in the order of completion.
    pub fn take(&mut self) -> Option<OpRecord> {
        self.done.pop_front()
    }

    /// The next note on an operation.
    pub fn take_note(&mut self) -> Option<NoteRecord> {
        self.notes.pop()
    }

    /// The source has ended: what waits is in flight, and comes out as such.
    pub fn finish(&mut self) {
        let left = core::mem::take(&mut self.pending);
        self.interrupts.clear();
        self.done.extend(left.into_values());
    }

    /// How many requests wait for a reply.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether a request under that number waits on any channel.
    pub fn is_waiting(&self, unique: u64) -> bool {
        let all = (unique, Channel(0))..=(unique, Channel(u64::MAX));
        self.pending.range(all).next().is_some()
    }

    /// Whether a request under that number waits on that channel.
    pub fn is_pending(&self, channel: Channel, unique: u64) -> bool {
        self.pending.contains_key(&(unique, channel))
    }

    /// Where a request waits for its reply: on its channel, or on the only other one that has it
    /// (a descriptor that was duplicated).
    fn find(&self, channel: Channel, unique: u64) -> Option<(u64, Channel)> {
        if self.is_pending(channel, unique) {
            return Some((unique, channel));
        }
        let all = (unique, Channel(0))..=(unique, Channel(u64::MAX));
        let mut others = self.pending.range(all).map(|(key, _)| *key);
        let found = others.next()?;
        others.next().is_none().then_some(found)
    }

    fn record(&self, head: &RequestHead, body: &[u8], moment: Moment) -> OpRecord {
        let opcode = u16::try_from(head.opcode & 0xffff).unwrap_or(u16::MAX);
        let mut flags = OpFlags(0);
        for (bit, flag) in [(PREFILTER, OpFlags::PREFILTER), (POSTFILTER, OpFlags::POSTFILTER)] {
            if head.opcode & bit != 0 {
                flags = flags.with(flag);
            }
        }
        if matches!(opcode, FORGET | BATCH_FORGET | NOTIFY_REPLY | INTERRUPT) {
            flags = flags.with(OpFlags::NO_REPLY);
        }
        let (request, payload) = match OpSpec::by_number(opcode).map(|spec| spec.data) {
            Some(DataPlace::Request { after }) => {
                let is_old = opcode == WRITE && self.minor.is_some_and(|minor| minor < 9);
                let after = if is_old { WRITE_IN_OLD } else { after };
                let (request, data) = body.split_at(after.min(body.len()));
                (request, Payload::Inline(data.to_vec()))
            }
            Some(DataPlace::None | DataPlace::Reply) | None => (body, Payload::None),
        };
        OpRecord {
            opcode,
            flags,
            seq_send: moment.seq,
            time_ns: moment.time_ns,
            unique: head.unique,
            nodeid: head.nodeid,
            uid: head.uid,
            gid: head.gid,
            pid: head.pid,
            request: request.to_vec(),
            payload,
            ..OpRecord::default()
        }
    }

    /// INTERRUPTs whose target has its reply are complete.
    fn release_interrupts(&mut self, channel: Channel, unique: u64) {
        for interrupt in self.interrupts.remove(&(unique, channel)).unwrap_or_default() {
            self.done.extend(self.pending.remove(&(interrupt, channel)));
        }
    }
}

/// Which request an INTERRUPT is about.
fn interrupted(op: &OpRecord) -> u64 {
    super::bytes::u64_at(&op.request, 0).unwrap_or(0)
}
