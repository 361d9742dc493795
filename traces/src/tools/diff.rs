//! The first difference between two traces, and how many there are.
//!
//! Records of one kind are compared in order, the n-th with the n-th: a trace is what happened, so
//! a record more or less is a difference from there on. How the files are laid out does not
//! matter, and data are compared as far as both traces keep them.

use std::collections::VecDeque;
use std::io::Read;

use crate::record::{Record, RecordKind};
use crate::{TraceError, TraceReader, text};

/// What to leave out of a comparison.
///
/// ```
/// use fuserig_traces::tools::DiffOptions;
/// assert!(!DiffOptions::default().ignore_times);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// Times and durations, which no two recordings share.
    pub ignore_times: bool,
    /// Lines of the log that a call was imported from.
    pub ignore_lines: bool,
}

/// The first pair of records that differs.
///
/// ```
/// use fuserig_traces::record::RecordKind;
/// use fuserig_traces::tools::Divergence;
/// let divergence = Divergence {
///     kind: RecordKind::Op,
///     index: 3,
///     seq: 17,
///     left: Some("op 17- ...".into()),
///     right: None,
/// };
/// assert!(divergence.to_string().starts_with("op record 3 (seq 17)"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Their kind.
    pub kind: RecordKind,
    /// How many records of the kind are before them.
    pub index: u64,
    /// The smaller of their sequence numbers.
    pub seq: u64,
    /// The record of the left trace as text, if it has one.
    pub left: Option<String>,
    /// The record of the right trace as text, if it has one.
    pub right: Option<String>,
}

impl core::fmt::Display for Divergence {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let none = "(no record)";
        writeln!(out, "{} record {} (seq {})", self.kind, self.index, self.seq)?;
        writeln!(out, "- {}", self.left.as_deref().unwrap_or(none))?;
        write!(out, "+ {}", self.right.as_deref().unwrap_or(none))
    }
}

/// How the records of one kind compare.
///
/// ```
/// use fuserig_traces::tools::KindTotals;
/// let totals = KindTotals { equal: 3, differing: 0, left_only: 1, right_only: 0 };
/// assert!(!totals.agree());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindTotals {
    /// Pairs that are the same, their data as far as both traces keep them.
    pub equal: u64,
    /// Pairs that are not.
    pub differing: u64,
    /// Records without a counterpart on the right.
    pub left_only: u64,
    /// Records without a counterpart on the left.
    pub right_only: u64,
}

impl KindTotals {
    /// Whether every record has a counterpart that is the same.
    pub fn agree(&self) -> bool {
        self.differing == 0 && self.left_only == 0 && self.right_only == 0
    }
}

/// What [`diff`] found.
///
/// ```
/// use fuserig_traces::{tools, Header, TraceWriter};
/// let (_, file) = TraceWriter::create(Vec::new(), Header::default())?.finish()?;
/// let report = tools::diff(&file[..], &file[..])?;
/// assert!(report.agree() && report.divergence.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiffReport {
    /// The first difference: of all kinds' first ones that with the smallest sequence number.
    pub divergence: Option<Divergence>,
    /// For each kind, in the order of [`RecordKind::ALL`].
    pub totals: [KindTotals; RecordKind::ALL.len()],
    /// Damaged places on the left; records in them were not compared.
    pub left_damage: u64,
    /// Damaged places on the right.
    pub right_damage: u64,
}

impl DiffReport {
    /// Whether all records are the same and none could be missed.
    pub fn agree(&self) -> bool {
        self.totals.iter().all(KindTotals::agree) && self.left_damage + self.right_damage == 0
    }
}

/// Compares two traces completely.
///
/// # Errors
/// When one of them cannot be read.
pub fn diff<A: Read, B: Read>(left: A, right: B) -> Result<DiffReport, TraceError> {
    diff_with(left, right, DiffOptions::default())
}

/// Compares two traces.
///
/// # Errors
/// When one of them cannot be read.
pub fn diff_with<A: Read, B: Read>(
    left: A,
    right: B,
    options: DiffOptions,
) -> Result<DiffReport, TraceError> {
    let mut left = Side::open(left, options)?;
    let mut right = Side::open(right, options)?;
    let mut comparison = Comparison::default();
    loop {
        // The side that lags reads on, so that few records wait for their counterparts.
        let more = if left.taken <= right.taken && !left.ended || right.ended {
            left.advance()?
        } else {
            right.advance()?
        };
        for kind in RecordKind::ALL {
            let (lefts, rights) = (&mut left.queues[kind.index()], &mut right.queues[kind.index()]);
            while let (Some(one), Some(other)) = (lefts.front(), rights.front()) {
                comparison.pair(kind, one, other);
                lefts.pop_front();
                rights.pop_front();
            }
        }
        if !more && left.ended && right.ended {
            break;
        }
    }
    for kind in RecordKind::ALL {
        let lone = (&left.queues[kind.index()], &right.queues[kind.index()]);
        comparison.lone(kind, lone.0, lone.1);
    }
    let mut report = comparison.report;
    report.divergence = comparison.first.into_iter().flatten().min_by_key(|first| first.seq);
    report.left_damage = left.reader.damage().count();
    report.right_damage = right.reader.damage().count();
    Ok(report)
}

/// One trace, and its records that wait for their counterparts.
struct Side<R> {
    reader: TraceReader<R>,
    options: DiffOptions,
    queues: [VecDeque<Record>; RecordKind::ALL.len()],
    taken: u64,
    ended: bool,
}

impl<R: Read> Side<R> {
    fn open(input: R, options: DiffOptions) -> Result<Side<R>, TraceError> {
        let reader = TraceReader::open(input)?;
        Ok(Side { reader, options, queues: Default::default(), taken: 0, ended: false })
    }

    /// Takes the next block; returns whether there was one.
    fn advance(&mut self) -> Result<bool, TraceError> {
        let Some(block) = self.reader.next_block()? else {
            self.ended = true;
            return Ok(false);
        };
        let queue = &mut self.queues[block.kind().index()];
        for record in block.iter() {
            let mut record = record.to_owned();
            mask(&mut record, self.options);
            queue.push_back(record);
        }
        self.taken += block.len() as u64;
        Ok(true)
    }
}

/// Clears what is not compared.
fn mask(record: &mut Record, options: DiffOptions) {
    match record {
        Record::Op(op) if options.ignore_times => (op.time_ns, op.duration_ns) = (0, 0),
        Record::Call(call) => {
            if options.ignore_times {
                (call.time_ns, call.duration_ns) = (0, 0);
            }
            if options.ignore_lines {
                call.source_line = 0;
            }
        }
        Record::Op(_)
        | Record::Stage(_)
        | Record::Payload(_)
        | Record::Tree(_)
        | Record::Note(_) => {}
    }
}

#[derive(Default)]
struct Comparison {
    report: DiffReport,
    first: [Option<Divergence>; RecordKind::ALL.len()],
}

impl Comparison {
    fn pair(&mut self, kind: RecordKind, left: &Record, right: &Record) {
        let same = match (left, right) {
            (Record::Op(one), Record::Op(two)) => one.as_ref().agrees(&two.as_ref()),
            _ => left == right,
        };
        if same {
            self.report.totals[kind.index()].equal += 1;
        } else {
            self.note(kind, Some(left), Some(right));
            self.report.totals[kind.index()].differing += 1;
        }
    }

    fn lone(&mut self, kind: RecordKind, left: &VecDeque<Record>, right: &VecDeque<Record>) {
        if !left.is_empty() || !right.is_empty() {
            self.note(kind, left.front(), right.front());
        }
        let totals = &mut self.report.totals[kind.index()];
        totals.left_only += left.len() as u64;
        totals.right_only += right.len() as u64;
    }

    /// Remembers the first difference of a kind.
    fn note(&mut self, kind: RecordKind, left: Option<&Record>, right: Option<&Record>) {
        let first = &mut self.first[kind.index()];
        if first.is_some() {
            return;
        }
        let totals = self.report.totals[kind.index()];
        let seqs = left.into_iter().chain(right).map(|record| record.as_ref().seq());
        let line = |record: &Record| text::record_line(&record.as_ref());
        *first = Some(Divergence {
            kind,
            index: totals.equal + totals.differing,
            seq: seqs.min().unwrap_or(0),
            left: left.map(line),
            right: right.map(line),
        });
    }
}
