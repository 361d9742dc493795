//! The identity of a trace: a hash of its records.

use core::fmt;

use crate::codec;
use crate::format::SCHEMA;
use crate::record::{RecordKind, RecordRef};

/// Rows are hashed in portions of a multiple of this many bytes: as many chunks as a processor
/// hashes at once, and never a part of one, after which they would come one by one.
const PORTION: usize = 32 << 10;
/// Keeps this hash apart from all other uses of BLAKE3. Its number is that of the definition.
const CONTEXT: &[u8] = b"fuserig trace stream 1";

/// What two traces have in common exactly when their records are the same.
///
/// The first 16 bytes of BLAKE3 over, for each kind of record present, its number, schema and
/// count and the hash of its records in file order. The header, the sizes of blocks, the codec and
/// the way in which kinds alternate do not matter, so recompressing or repairing a whole file
/// keeps the id.
///
/// ```
/// use fuserig_traces::record::{OpRecord, Record};
/// use fuserig_traces::StreamId;
/// let records = [Record::from(OpRecord { seq_send: 1, ..OpRecord::default() })];
/// let id = StreamId::of(records.iter().map(Record::as_ref));
/// assert_eq!(StreamId::parse(&id.to_string()), Some(id));
/// assert_ne!(StreamId::of([].into_iter()), id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub [u8; 16]);

impl StreamId {
    /// The id of a trace with these records.
    pub fn of<'a>(records: impl Iterator<Item = RecordRef<'a>>) -> StreamId {
        let mut hasher = StreamHasher::new();
        records.for_each(|record| hasher.add(&record));
        hasher.finish()
    }

    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<StreamId> {
        crate::record::PayloadId::parse(text).map(|id| StreamId(id.0))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "StreamId({self})")
    }
}

/// Computes a [`StreamId`] record by record.
#[derive(Debug)]
pub(crate) struct StreamHasher {
    lanes: [Lane; RecordKind::ALL.len()],
}

#[derive(Debug)]
struct Lane {
    hasher: blake3::Hasher,
    pending: Vec<u8>,
    count: u64,
}

impl StreamHasher {
    pub(crate) fn new() -> StreamHasher {
        let lane = |_kind| Lane { hasher: blake3::Hasher::new(), pending: Vec::new(), count: 0 };
        StreamHasher { lanes: RecordKind::ALL.map(lane) }
    }

    pub(crate) fn add(&mut self, record: &RecordRef<'_>) {
        let lane = &mut self.lanes[record.kind().index()];
        codec::put_row(&mut lane.pending, record);
        lane.count += 1;
        let whole = lane.pending.len() / PORTION * PORTION;
        if whole > 0 {
            lane.hasher.update(&lane.pending[..whole]);
            lane.pending.drain(..whole);
        }
    }

    /// Records of each kind so far, in the order of [`RecordKind::ALL`].
    pub(crate) fn counts(&self) -> [u64; RecordKind::ALL.len()] {
        self.lanes.each_ref().map(|lane| lane.count)
    }

    pub(crate) fn finish(&mut self) -> StreamId {
        let mut whole = blake3::Hasher::new();
        whole.update(CONTEXT);
        for (kind, lane) in RecordKind::ALL.iter().zip(&mut self.lanes) {
            if lane.count == 0 {
                continue;
            }
            lane.hasher.update(&lane.pending);
            lane.pending.clear();
            whole.update(&kind.number().to_le_bytes());
            whole.update(&SCHEMA.to_le_bytes());
            whole.update(&lane.count.to_le_bytes());
            whole.update(lane.hasher.finalize().as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&whole.finalize().as_bytes()[..16]);
        StreamId(id)
    }
}
