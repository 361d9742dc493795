//! One recorded request with its reply, and the order in which a session is replayed.

use std::collections::BTreeMap;

use fuserig_abi::{FuseWriteIn, Gid, NodeId, Opcode, Pid, Timespec, Uid, Unique};
use fuserig_traces::Trace;
use fuserig_traces::ops::{DataPlace, OpSpec};
use fuserig_traces::record::{OpFlags, OpRecord, Payload, PayloadId, Record};
use zerocopy::FromBytes;

use crate::serve::{Head, Incoming};

/// A recorded reply.
///
/// ```
/// use fuserig::wire_replay::Replied;
/// let refused = Replied { error: -2, body: Vec::new(), data_known: true };
/// assert!(refused.body.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// `error` of the reply header: 0 or a negative errno.
    pub error: i32,
    /// The bytes after the header, file data included.
    pub body: Vec<u8>,
    /// Whether file data are the recorded ones; otherwise only their length is.
    pub data_known: bool,
}

/// A recorded request and what it was answered with.
///
/// ```
/// use fuserig::serve::Head;
/// use fuserig::wire_replay::Exchange;
/// use fuserig_abi::{Opcode, Timespec};
/// let lookup = Exchange {
///     sequence: 1,
///     head: Head::default(),
///     opcode: Opcode::LOOKUP,
///     body: b"notes.txt\0".to_vec(),
///     data_known: true,
///     reply: None,
///     cut: false,
///     now: Timespec::ZERO,
/// };
/// assert!(lookup.reply.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its place in the recording, for messages.
    pub sequence: u64,
    /// The request's header, with the recorded node number.
    pub head: Head,
    /// The operation.
    pub opcode: Opcode,
    /// The bytes after the header, file data included.
    pub body: Vec<u8>,
    /// Whether file data of the request are the recorded ones; otherwise only their length is.
    pub data_known: bool,
    /// The reply, when the recording has one.
    pub reply: Option<Replied>,
    /// Whether the recorder kept only the beginning of the request or of the reply.
    pub cut: bool,
    /// The instant at which it is replayed.
    pub now: Timespec,
}

impl Exchange {
    /// The exchange that a record of a trace holds. `base` is the instant that its times count
    /// from, and `data` finds the bytes of a payload that is kept apart.
    pub fn from_record<'a>(
        record: &OpRecord,
        base: Timespec,
        data: impl Fn(&Payload) -> Option<&'a [u8]>,
    ) -> Exchange {
        let place = OpSpec::by_number(record.opcode).map_or(DataPlace::None, |spec| spec.data);
        let length = record.payload.len().and_then(|length| usize::try_from(length).ok());
        let inline = match &record.payload {
            Payload::Inline(bytes) => Some(bytes.clone()),
            other => data(other).map(<[u8]>::to_vec),
        };
        let cut = record.flags.contains(OpFlags::TRUNCATED);
        let known = !cut && (inline.is_some() || length.is_none());
        let data = inline.unwrap_or_else(|| vec![0; length.unwrap_or(0)]);
        let (mut body, mut replied) = (record.request.clone(), record.reply.clone());
        match place {
            DataPlace::Request { .. } => body.extend_from_slice(&data),
            DataPlace::Reply => replied.extend_from_slice(&data),
            DataPlace::None => {}
        }
        let unseen = OpFlags::NO_REPLY.with(OpFlags::REPLY_UNSEEN);
        let answered = record.seq_reply != 0 && record.flags.0 & unseen.0 == 0;
        let error = i32::try_from(record.result).unwrap_or(-5);
        Exchange {
            sequence: record.seq_send,
            head: Head {
                unique: Unique(record.unique),
                nodeid: NodeId(record.nodeid),
                uid: Uid(record.uid),
                gid: Gid(record.gid),
                pid: Pid(record.pid),
            },
            opcode: Opcode(u32::from(record.opcode)),
            body,
            data_known: known,
            reply: answered.then_some(Replied { error, body: replied, data_known: known }),
            cut,
            now: after(base, record.time_ns),
        }
    }

    /// The request as a value. A WRITE whose data were cut is one of zeros for the rest.
    pub(super) fn incoming(&self) -> Option<Incoming> {
        Incoming::decode(self.opcode, &self.body).ok().or_else(|| self.padded())
    }

    fn padded(&self) -> Option<Incoming> {
        if !self.cut || self.opcode != Opcode::WRITE {
            return None;
        }
        let (input, data) = FuseWriteIn::read_from_prefix(&self.body).ok()?;
        let size = usize::try_from(input.size).ok().filter(|size| *size <= CUT_WRITE_MAX)?;
        let mut data = data.to_vec();
        data.resize(size, 0);
        Some(Incoming::Write { input, data })
    }
}

/// Longest write that zeros stand in for; a kernel sends no longer one by default.
const CUT_WRITE_MAX: usize = 1 << 20;

fn after(base: Timespec, nanos: u64) -> Timespec {
    let total = i128::from(base.sec) * 1_000_000_000 + i128::from(base.nsec) + i128::from(nanos);
    let (sec, nsec) = (total.div_euclid(1_000_000_000), total.rem_euclid(1_000_000_000));
    Timespec {
        sec: i64::try_from(sec).unwrap_or(i64::MAX),
        nsec: u32::try_from(nsec).expect("a remainder of a second"),
    }
}

/// Operations in the order in which they took effect: by their reply, and by the request where the
/// protocol has no reply or the recording none.
///
/// ```
/// use fuserig::wire_replay::order_of_effects;
/// use fuserig_traces::record::OpRecord;
/// let op = |seq_send, seq_reply| OpRecord { seq_send, seq_reply, ..OpRecord::default() };
/// let (slow, fast) = (op(1, 4), op(2, 3));
/// assert_eq!(order_of_effects([&slow, &fast]), [&fast, &slow]);
/// ```
pub fn order_of_effects<'a>(records: impl IntoIterator<Item = &'a OpRecord>) -> Vec<&'a OpRecord> {
    let mut ordered: Vec<&OpRecord> = records.into_iter().collect();
    ordered.sort_by_key(|op| if op.seq_reply == 0 { op.seq_send } else { op.seq_reply });
    ordered
}

/// The exchanges of a trace in the order in which they took effect, with the payloads that the
/// trace keeps and at the instants that it recorded.
///
/// ```
/// use fuserig::wire_replay::exchanges_of;
/// assert_eq!(exchanges_of(&fuserig_traces::Trace::default()).count(), 0);
/// ```
pub fn exchanges_of(trace: &Trace) -> impl Iterator<Item = Exchange> {
    let base = trace.header.clock.as_ref().and_then(|clock| clock.base_ns);
    let base = base.map_or(Timespec::ZERO, Timespec::from_nanos);
    let mut payloads: BTreeMap<PayloadId, &[u8]> = BTreeMap::new();
    let mut operations = Vec::new();
    for record in &trace.records {
        match record {
            Record::Payload(payload) => drop(payloads.insert(payload.id, &payload.bytes)),
            Record::Op(op) => operations.push(op),
            _ => {}
        }
    }
    order_of_effects(operations).into_iter().map(move |op| {
        Exchange::from_record(op, base, |payload| match payload {
            Payload::Ref { id, .. } => payloads.get(id).copied(),
            _ => None,
        })
    })
}
