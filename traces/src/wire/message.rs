//! Operations back to the bytes that went over the device.

use super::head::{ReplyHead, RequestHead};
use crate::ops::{DataPlace, OpSpec};
use crate::record::{OpFlags, OpRef};

const PREFILTER: u32 = 0x1_0000;
const POSTFILTER: u32 = 0x2_0000;

/// The whole request of an operation; `data` is its file data when they went this way.
///
/// `total_extlen` is not part of the record (see [`super::Pairing`]) and is given by the caller.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::wire::{request_message, RequestHead};
/// let lookup = OpRef { opcode: 1, unique: 4, nodeid: 1, request: b"a\0", ..OpRef::default() };
/// let bytes = request_message(&lookup, &[], 0);
/// assert_eq!(RequestHead::parse(&bytes).map(|head| head.len), Some(42));
/// assert!(bytes.ends_with(b"a\0"));
/// ```
pub fn request_message(op: &OpRef<'_>, data: &[u8], total_extlen: u16) -> Vec<u8> {
    let data = if carries_request_data(op.opcode) { data } else { &[] };
    let mut opcode = u32::from(op.opcode);
    if op.flags.contains(OpFlags::PREFILTER) {
        opcode |= PREFILTER;
    }
    if op.flags.contains(OpFlags::POSTFILTER) {
        opcode |= POSTFILTER;
    }
    let len = RequestHead::LEN + op.request.len() + data.len();
    let head = RequestHead {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        opcode,
        unique: op.unique,
        nodeid: op.nodeid,
        uid: op.uid,
        gid: op.gid,
        pid: op.pid,
        total_extlen,
        padding: 0,
    };
    let mut out = Vec::with_capacity(len);
    head.put(&mut out);
    out.extend_from_slice(op.request);
    out.extend_from_slice(data);
    out
}

/// The whole reply of an operation, or `None` if there is none; `data` is its file data when they
/// went this way.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::wire::{reply_message, ReplyHead};
/// let lookup = OpRef { opcode: 1, unique: 4, seq_reply: 2, result: -2, ..OpRef::default() };
/// let bytes = reply_message(&lookup, &[]).expect("it was answered");
/// assert_eq!(ReplyHead::parse(&bytes), Some(ReplyHead { len: 16, error: -2, unique: 4 }));
/// assert_eq!(reply_message(&OpRef { seq_reply: 0, ..lookup }, &[]), None);
/// ```
pub fn reply_message(op: &OpRef<'_>, data: &[u8]) -> Option<Vec<u8>> {
    let is_notification = op.flags.contains(OpFlags::NOTIFICATION);
    if op.flags.contains(OpFlags::REPLY_UNSEEN) || (op.seq_reply == 0 && !is_notification) {
        return None;
    }
    let data = if carries_request_data(op.opcode) { &[] } else { data };
    let len = ReplyHead::LEN + op.reply.len() + data.len();
    let head = ReplyHead {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        error: i32::try_from(op.result).unwrap_or(0),
        unique: op.unique,
    };
    let mut out = Vec::with_capacity(len);
    head.put(&mut out);
    out.extend_from_slice(op.reply);
    out.extend_from_slice(data);
    Some(out)
}

fn carries_request_data(opcode: u16) -> bool {
    let spec = OpSpec::by_number(opcode);
    spec.is_some_and(|spec| matches!(spec.data, DataPlace::Request { .. }))
}
