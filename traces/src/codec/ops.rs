//! The body of an OPS block.

use super::pool::{Origin, Pool, PoolView};
use super::{
    CodecError, Extent, Input, Scratch, Span, gap, put, put_bytes, ungap, unzigzag, zigzag,
};
use crate::format::{OPS_SCHEMA_DIGESTS, SCHEMA};
use crate::record::{OpFlags, OpRef, PayloadDigest, PayloadId, PayloadRef};

/// What an operation takes in a block besides its bodies; columns that hardly change cost little.
const OP_BYTES: usize = 16;

const PAYLOAD_NONE: u64 = 0;
const PAYLOAD_LEN: u64 = 1;
const PAYLOAD_REF: u64 = 2;
const PAYLOAD_INLINE: u64 = 3;
/// From schema 2 on; its 16 bytes stand among the ids.
const PAYLOAD_DIGEST: u64 = 4;

/// The columns of plain numbers, in the order in which they are stored.
const NUMBERS: [(&str, u64); 12] = [
    ("opcode", u16::MAX as u64),
    ("flags", u16::MAX as u64),
    ("seq_send", u64::MAX),
    ("seq_reply", u64::MAX),
    ("time_ns", u64::MAX),
    ("duration_ns", u64::MAX),
    ("unique", u64::MAX),
    ("nodeid", u64::MAX),
    ("uid", u32::MAX as u64),
    ("gid", u32::MAX as u64),
    ("pid", u32::MAX as u64),
    ("result", u64::MAX),
];

/// Collects operations for a block.
#[derive(Debug)]
pub(crate) struct OpsBuilder {
    pub(crate) extent: Extent,
    /// For each operation its [`NUMBERS`].
    rows: Vec<[u64; NUMBERS.len()]>,
    requests: Vec<u64>,
    replies: Vec<u64>,
    pool: Pool,
    payload_kinds: Vec<u64>,
    payload_lens: Vec<u64>,
    payload_ids: Vec<u8>,
    payload_bytes: Vec<u8>,
    has_digests: bool,
}

impl OpsBuilder {
    pub(crate) fn new() -> OpsBuilder {
        OpsBuilder {
            extent: Extent::default(),
            rows: Vec::new(),
            requests: Vec::new(),
            replies: Vec::new(),
            pool: Pool::new(),
            payload_kinds: Vec::new(),
            payload_lens: Vec::new(),
            payload_ids: Vec::new(),
            payload_bytes: Vec::new(),
            has_digests: false,
        }
    }

    pub(crate) fn push(&mut self, op: &OpRef<'_>) {
        self.rows.push([
            u64::from(op.opcode),
            u64::from(op.flags.0),
            op.seq_send,
            gap(op.seq_send, op.seq_reply),
            op.time_ns,
            op.duration_ns,
            op.unique,
            op.nodeid,
            u64::from(op.uid),
            u64::from(op.gid),
            u64::from(op.pid),
            zigzag(op.result),
        ]);
        let request = Origin { number: op.opcode, reply: false };
        let (request, request_bytes) = self.pool.add(request, op.request);
        let reply = Origin { number: op.opcode, reply: true };
        let (reply, reply_bytes) = self.pool.add(reply, op.reply);
        self.requests.push(request);
        self.replies.push(reply);
        let payload_bytes = self.push_payload(op.payload);
        let bytes = OP_BYTES + request_bytes + reply_bytes + payload_bytes;
        self.extent.add(op.seq_send, op.time_ns, bytes);
    }

    fn push_payload(&mut self, payload: PayloadRef<'_>) -> usize {
        let (kind, len, bytes) = match payload {
            PayloadRef::None => (PAYLOAD_NONE, 0, 0),
            PayloadRef::Len(len) => (PAYLOAD_LEN, len, 2),
            PayloadRef::Ref { len, id } => {
                self.payload_ids.extend_from_slice(&id.0);
                (PAYLOAD_REF, len, 18)
            }
            PayloadRef::Inline(bytes) => {
                self.payload_bytes.extend_from_slice(bytes);
                (PAYLOAD_INLINE, bytes.len() as u64, bytes.len())
            }
            PayloadRef::Digest { len, digest } => {
                self.has_digests = true;
                self.payload_ids.extend_from_slice(&digest.0);
                (PAYLOAD_DIGEST, len, 18)
            }
        };
        self.payload_kinds.push(kind);
        self.payload_lens.push(len);
        bytes
    }

    /// The schema of the block so far: the oldest that can hold it, so that older readers read what
    /// they know.
    pub(crate) fn schema(&self) -> u16 {
        if self.has_digests { OPS_SCHEMA_DIGESTS } else { SCHEMA }
    }

    /// Appends the block's body and starts over.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        for column in 0..NUMBERS.len() {
            scratch.values.clear();
            scratch.values.extend(self.rows.iter().map(|row| row[column]));
            scratch.put_values(out);
        }
        self.rows.clear();
        self.pool.put(out, scratch);
        self.pool.clear();
        scratch.put(out, &self.payload_kinds);
        scratch.put(out, &self.payload_lens);
        put_bytes(out, &self.payload_ids);
        put_bytes(out, &self.payload_bytes);
        for column in [&mut self.payload_kinds, &mut self.payload_lens] {
            column.clear();
        }
        self.payload_ids.clear();
        self.payload_bytes.clear();
        scratch.put(out, &self.requests);
        scratch.put(out, &self.replies);
        self.requests.clear();
        self.replies.clear();
        self.has_digests = false;
        self.extent = Extent::default();
    }
}

/// The operations of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct OpsColumns {
    count: usize,
    numbers: [Vec<u64>; NUMBERS.len()],
    pool: PoolView,
    codes: [Vec<u64>; 2],
    requests: Vec<Span>,
    replies: Vec<Span>,
    /// No operation of the block carries data; the other payload columns are then not looked at.
    no_payloads: bool,
    payload_kinds: Vec<u64>,
    payload_lens: Vec<u64>,
    /// For a reference the place of its id in the block, for a digest that of its bytes, for inline
    /// data that of the data.
    payload_starts: Vec<u32>,
}

impl OpsColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>, schema: u16) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        self.count = count;
        for (column, (name, max)) in self.numbers.iter_mut().zip(NUMBERS) {
            input.take_narrow(count, max, name, column)?;
        }
        let [_, _, sends, replies, ..] = &mut self.numbers;
        for (reply, send) in replies.iter_mut().zip(sends) {
            *reply = ungap(*send, *reply);
        }
        self.pool.take(input)?;
        self.take_payloads(input, count, schema)?;
        self.take_bodies(input, count)?;
        Ok(count)
    }

    fn take_bodies(&mut self, input: &mut Input<'_>, count: usize) -> Result<(), CodecError> {
        let [requests, replies] = &mut self.codes;
        input.take_column(count, "request bodies", requests)?;
        input.take_column(count, "reply bodies", replies)?;
        let mut resolver = self.pool.resolver();
        self.requests.clear();
        self.replies.clear();
        for (request, reply) in requests.iter().zip(replies) {
            let request = resolver.resolve(*request);
            let reply = resolver.resolve(*reply);
            let (Some(request), Some(reply)) = (request, reply) else {
                return Err(input.error("bodies", "name a string that the block does not have"));
            };
            self.requests.push(request);
            self.replies.push(reply);
        }
        Ok(())
    }

    fn take_payloads(
        &mut self,
        input: &mut Input<'_>,
        count: usize,
        schema: u16,
    ) -> Result<(), CodecError> {
        let last = if schema < OPS_SCHEMA_DIGESTS { PAYLOAD_INLINE } else { PAYLOAD_DIGEST };
        input.take_narrow(count, last, "payload kinds", &mut self.payload_kinds)?;
        input.take_column(count, "payload lengths", &mut self.payload_lens)?;
        let ids = input.take_span("payload ids")?;
        let bytes = input.take_span("payload bytes")?;
        self.no_payloads = self.payload_kinds.iter().all(|&kind| kind == PAYLOAD_NONE);
        self.payload_starts.clear();
        let (mut next_id, mut next_byte) = (u64::from(ids.start), u64::from(bytes.start));
        let (ids_end, bytes_end) = (next_id + u64::from(ids.len), next_byte + u64::from(bytes.len));
        if !self.no_payloads {
            for (&kind, &len) in self.payload_kinds.iter().zip(&self.payload_lens) {
                let start = match kind {
                    PAYLOAD_REF | PAYLOAD_DIGEST => {
                        next_id += 16;
                        next_id - 16
                    }
                    PAYLOAD_INLINE if len > bytes_end - next_byte => {
                        return Err(input.error("payload bytes", "end before their lengths do"));
                    }
                    PAYLOAD_INLINE => {
                        next_byte += len;
                        next_byte - len
                    }
                    _ => 0,
                };
                self.payload_starts.push(start as u32);
            }
        }
        if next_id != ids_end || next_byte != bytes_end {
            return Err(input.error("payloads", "are not as many as the kinds say"));
        }
        Ok(())
    }

    /// The operation at `index`; `raw` is the block's body.
    pub(crate) fn get<'a>(&'a self, raw: &'a [u8], index: usize) -> OpRef<'a> {
        let number = |column: usize| self.numbers[column][index];
        OpRef {
            opcode: number(0) as u16,
            flags: OpFlags(number(1) as u16),
            seq_send: number(2),
            seq_reply: number(3),
            time_ns: number(4),
            duration_ns: number(5),
            unique: number(6),
            nodeid: number(7),
            uid: number(8) as u32,
            gid: number(9) as u32,
            pid: number(10) as u32,
            result: unzigzag(number(11)),
            request: self.requests[index].of(&self.pool.arena),
            reply: self.replies[index].of(&self.pool.arena),
            payload: if self.no_payloads { PayloadRef::None } else { self.payload(raw, index) },
        }
    }

    fn payload<'a>(&self, raw: &'a [u8], index: usize) -> PayloadRef<'a> {
        let len = self.payload_lens[index];
        let start = self.payload_starts[index];
        match self.payload_kinds[index] {
            PAYLOAD_LEN => PayloadRef::Len(len),
            kind @ (PAYLOAD_REF | PAYLOAD_DIGEST) => {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(Span { start, len: 16 }.of(raw));
                if kind == PAYLOAD_REF {
                    PayloadRef::Ref { len, id: PayloadId(bytes) }
                } else {
                    PayloadRef::Digest { len, digest: PayloadDigest(bytes) }
                }
            }
            PAYLOAD_INLINE => PayloadRef::Inline(Span { start, len: len as u32 }.of(raw)),
            _ => PayloadRef::None,
        }
    }
}
