//! Whether a trace is whole and says the same about itself everywhere.

use std::collections::BTreeSet;
use std::io::Read;

use crate::codec::IndexEntry;
use crate::record::{PayloadId, PayloadRef, RecordKind, RecordRef};
use crate::stream_id::StreamHasher;
use crate::{
    DamageReport, FooterInfo, FormatVersion, PayloadMode, StreamId, TraceError, TraceReader,
};

/// Two parts of a trace that do not fit each other.
///
/// ```
/// use fuserig_traces::tools::Problem;
/// let problem = Problem::EndsBeforeStart { seq_send: 9, seq_reply: 4 };
/// assert_eq!(problem.to_string(), "the operation sent as 9 ended as 4, before it began");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The records are not those that the footer was written for.
    #[error("the footer names stream {footer}, the records are stream {found}")]
    StreamId {
        /// What the footer says.
        footer: StreamId,
        /// What the records are.
        found: StreamId,
    },
    /// The footer counts other operations.
    #[error("the footer counts {footer} operations, there are {found}")]
    Operations {
        /// What the footer says.
        footer: u64,
        /// What there is.
        found: u64,
    },
    /// The index does not list the blocks that are there.
    #[error(
        "the index lists {listed} blocks, of which {right} are where it says; there are {found}"
    )]
    Index {
        /// Blocks in the index.
        listed: usize,
        /// Those of them that the file has.
        right: usize,
        /// Blocks in the file.
        found: usize,
    },
    /// A payload is stored under a name that is not its hash.
    #[error("payload {id} holds other bytes, of hash {found}")]
    PayloadHash {
        /// The name.
        id: PayloadId,
        /// The hash of the bytes.
        found: PayloadId,
    },
    /// An operation refers to data that a full trace should have.
    #[error("{count} payloads are referred to and not stored, the first is {first}")]
    PayloadMissing {
        /// How many.
        count: usize,
        /// One of them.
        first: PayloadId,
    },
    /// An interval runs backwards.
    #[error("the operation sent as {seq_send} ended as {seq_reply}, before it began")]
    EndsBeforeStart {
        /// Its start.
        seq_send: u64,
        /// Its end.
        seq_reply: u64,
    },
}

/// Problems that are listed one by one.
const LISTED_MAX: usize = 100;

/// What [`verify`] found.
///
/// ```
/// use fuserig_traces::{tools, Header, TraceWriter};
/// let (_, file) = TraceWriter::create(Vec::new(), Header::default())?.finish()?;
/// let report = tools::verify(&file[..])?;
/// assert!(report.is_whole());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The version of the format.
    pub version: FormatVersion,
    /// Records of each kind, in the order of [`RecordKind::ALL`].
    pub counts: [u64; RecordKind::ALL.len()],
    /// Identity of the records that could be read.
    pub stream_id: StreamId,
    /// What the footer says, if there is one.
    pub footer: Option<FooterInfo>,
    /// What could not be read.
    pub damage: DamageReport,
    /// Blocks of kinds that this build does not know. The stream id then cannot be checked.
    pub skipped_blocks: u64,
    /// What does not fit; the first hundred.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problem_count: u64,
}

impl VerifyReport {
    /// Whether there is neither damage nor a problem.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.problem_count == 0
    }

    fn add(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < LISTED_MAX {
            self.problems.push(problem);
        }
    }
}

/// Reads a whole trace and compares everything that it says twice: checksums, counts, index,
/// stream id, names of payloads.
///
/// # Errors
/// When the input is no trace that this build can read.
pub fn verify<R: Read>(input: R) -> Result<VerifyReport, TraceError> {
    let mut reader = TraceReader::open(input)?;
    reader.keep_index();
    let mut hasher = StreamHasher::new();
    let mut stored = BTreeSet::new();
    let mut referred = BTreeSet::new();
    let mut report = VerifyReport {
        version: reader.version(),
        counts: [0; RecordKind::ALL.len()],
        stream_id: StreamId([0; 16]),
        footer: None,
        damage: DamageReport::default(),
        skipped_blocks: 0,
        problems: Vec::new(),
        problem_count: 0,
    };
    while let Some(block) = reader.next_block()? {
        for record in block.iter() {
            hasher.add(&record);
            match record {
                RecordRef::Op(op) => {
                    if let PayloadRef::Ref { id, .. } = op.payload {
                        referred.insert(id);
                    }
                    check_interval(&mut report, op.seq_send, op.seq_reply);
                }
                RecordRef::Call(call) => {
                    check_interval(&mut report, call.seq_send, call.seq_reply);
                }
                RecordRef::Payload(payload) => {
                    let found = PayloadId::of(payload.bytes);
                    stored.insert(payload.id);
                    if found != payload.id {
                        report.add(Problem::PayloadHash { id: payload.id, found });
                    }
                }
                RecordRef::Stage(_) | RecordRef::Tree(_) | RecordRef::Note(_) => {}
            }
        }
    }
    report.counts = hasher.counts();
    report.stream_id = hasher.finish();
    report.footer = reader.footer();
    report.damage = reader.damage().clone();
    report.skipped_blocks = reader.skipped_blocks();
    if reader.header().payload == PayloadMode::Full {
        let missing: Vec<&PayloadId> = referred.difference(&stored).collect();
        if let Some(first) = missing.first() {
            report.add(Problem::PayloadMissing { count: missing.len(), first: **first });
        }
    }
    let (seen, index) = reader.indexes();
    check_footer(&mut report, seen, index);
    Ok(report)
}

fn check_interval(report: &mut VerifyReport, seq_send: u64, seq_reply: u64) {
    if seq_reply != 0 && seq_reply < seq_send {
        report.add(Problem::EndsBeforeStart { seq_send, seq_reply });
    }
}

fn check_footer(report: &mut VerifyReport, seen: &[IndexEntry], index: &[IndexEntry]) {
    let Some(footer) = report.footer else { return };
    let found: u64 =
        report.counts[RecordKind::Op.index()] + report.counts[RecordKind::Call.index()];
    if footer.operations != found {
        report.add(Problem::Operations { footer: footer.operations, found });
    }
    if footer.stream_id != report.stream_id && report.skipped_blocks == 0 {
        report.add(Problem::StreamId { footer: footer.stream_id, found: report.stream_id });
    }
    // Blocks of unknown kinds stand in the index and were not seen.
    let right = index.iter().filter(|entry| seen.contains_entry(entry)).count();
    let skipped = usize::try_from(report.skipped_blocks).unwrap_or(usize::MAX);
    if right != seen.len() || index.len() != right.saturating_add(skipped) {
        report.add(Problem::Index { listed: index.len(), right, found: seen.len() });
    }
}

/// Search by offset in blocks that were met in that order.
trait ContainsEntry {
    fn contains_entry(&self, entry: &IndexEntry) -> bool;
}

impl ContainsEntry for [IndexEntry] {
    fn contains_entry(&self, entry: &IndexEntry) -> bool {
        self.binary_search_by_key(&entry.offset, |known| known.offset)
            .is_ok_and(|place| self[place] == *entry)
    }
}
