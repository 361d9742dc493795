//! pcapng: the messages as packets, for Wireshark.

use std::collections::BTreeMap;
use std::io::Write;

use super::ExportError;
use crate::Trace;
use crate::record::{OpFlags, PayloadId, PayloadRef, Record};
use crate::wire::{reply_message, request_message};

/// `LINKTYPE_USER0` of the registry of link types: for private use.
const LINKTYPE_USER0: u16 = 147;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// What stands before each message: version, kind, operation, length of the head, sequence.
const PSEUDO_VERSION: u8 = 1;
const PSEUDO_LEN: u16 = 16;

/// Which message a packet is, in its pseudo head.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Request = 0,
    Reply = 1,
    Notification = 2,
}

/// Writes the messages of a trace as pcapng packets of `LINKTYPE_USER0`, in the order of their
/// sequence numbers. Returns the number of packets.
///
/// A packet is a head of 16 bytes (version 1, kind 0 request, 1 reply or 2 notification; the
/// operation, 16 bits; the length of this head, 16 bits; 16 bits of marks; the sequence number, 64
/// bits; all little-endian) and the message as it was on `/dev/fuse`. System calls, stages and
/// trees have no packets. File data that the trace does not have are zeros of the right length.
///
/// ```
/// use fuserig_traces::export::write_pcapng;
/// use fuserig_traces::record::OpRecord;
/// use fuserig_traces::{Header, Trace};
/// let op = OpRecord { opcode: 3, seq_send: 1, seq_reply: 2, ..OpRecord::default() };
/// let trace = Trace { header: Header::default(), records: vec![op.into()] };
/// let mut file = Vec::new();
/// assert_eq!(write_pcapng(&trace, &mut file)?, 2);
/// assert!(file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
/// # Ok::<(), fuserig_traces::export::ExportError>(())
/// ```
///
/// # Errors
/// When the output cannot be written.
pub fn write_pcapng(trace: &Trace, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut stored: BTreeMap<PayloadId, &[u8]> = BTreeMap::new();
    let mut extensions: BTreeMap<u64, u16> = BTreeMap::new();
    for record in &trace.records {
        match record {
            Record::Payload(payload) => {
                stored.insert(payload.id, &payload.bytes);
            }
            Record::Note(note) if note.text.starts_with("fuse_in_header: ") => {
                extensions.insert(note.seq, u16::try_from(note.count).unwrap_or(0));
            }
            _ => {}
        }
    }
    let base = trace.header.clock.and_then(|clock| clock.base_ns).unwrap_or(0);
    out.write_all(&section())?;
    out.write_all(&interface())?;
    let mut messages: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let mut count = 0_u64;
    for record in &trace.records {
        let Record::Op(op) = record else { continue };
        let op = op.as_ref();
        let data = data_of(&op.payload, &stored);
        let extlen = extensions.get(&op.seq_send).copied().unwrap_or(0);
        let notification = op.flags.contains(OpFlags::NOTIFICATION);
        let time = base.saturating_add(op.time_ns);
        let mut add = |kind: Kind, seq: u64, time: u64, message: &[u8]| {
            count += 1;
            messages.insert((seq, count), packet(kind, op.opcode, op.flags, seq, time, message));
        };
        if !notification {
            add(Kind::Request, op.seq_send, time, &request_message(&op, &data, extlen));
        }
        if let Some(reply) = reply_message(&op, &data) {
            let kind = if notification { Kind::Notification } else { Kind::Reply };
            let seq = if notification { op.seq_send } else { op.seq_reply };
            add(kind, seq, time.saturating_add(op.duration_ns), &reply);
        }
    }
    for message in messages.values() {
        out.write_all(message)?;
    }
    out.flush()?;
    Ok(count)
}

/// The data of an operation, or zeros where only their length is known.
fn data_of(payload: &PayloadRef<'_>, stored: &BTreeMap<PayloadId, &[u8]>) -> Vec<u8> {
    /// A length that a trace only claims is not believed beyond the largest message.
    const DATA_MAX: u64 = 16 << 20;
    let zeros = |len: u64| vec![0; usize::try_from(len.min(DATA_MAX)).unwrap_or(0)];
    match payload {
        PayloadRef::None => Vec::new(),
        PayloadRef::Len(len) | PayloadRef::Digest { len, .. } => zeros(*len),
        PayloadRef::Ref { len, id } => {
            stored.get(id).map_or_else(|| zeros(*len), |bytes| bytes.to_vec())
        }
        PayloadRef::Inline(bytes) => bytes.to_vec(),
    }
}

/// A block: type, length, body padded to four bytes, length again.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = u32::try_from(12 + body.len() + padding).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&[0; 4][..padding]);
    out.extend_from_slice(&len.to_le_bytes());
    out
}

fn section() -> Vec<u8> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    body.extend_from_slice(&(-1_i64).to_le_bytes());
    block(SECTION_HEADER, &body)
}

fn interface() -> Vec<u8> {
    let mut body = LINKTYPE_USER0.to_le_bytes().to_vec();
    body.extend_from_slice(&[0; 2]);
    // No limit on the length of packets.
    body.extend_from_slice(&0_u32.to_le_bytes());
    // Option 9: times are nanoseconds. Option 0 ends the options.
    body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    block(INTERFACE, &body)
}

fn packet(
    kind: Kind,
    opcode: u16,
    flags: OpFlags,
    seq: u64,
    time_ns: u64,
    message: &[u8],
) -> Vec<u8> {
    let mut packet = vec![PSEUDO_VERSION, kind as u8];
    packet.extend_from_slice(&opcode.to_le_bytes());
    packet.extend_from_slice(&PSEUDO_LEN.to_le_bytes());
    packet.extend_from_slice(&flags.0.to_le_bytes());
    packet.extend_from_slice(&seq.to_le_bytes());
    packet.extend_from_slice(message);
    let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let mut body = 0_u32.to_le_bytes().to_vec();
    let (high, low) = (time_ns >> 32, time_ns & 0xffff_ffff);
    for half in [high, low] {
        body.extend_from_slice(&u32::try_from(half).unwrap_or(0).to_le_bytes());
    }
    body.extend_from_slice(&len.to_le_bytes());
    body.extend_from_slice(&len.to_le_bytes());
    body.extend_from_slice(&packet);
    block(PACKET, &body)
}
