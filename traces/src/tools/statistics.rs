//! How long operations took, where they went, and what filters decided.

use core::fmt;
use std::collections::BTreeMap;

use fuserig_abi::Slot;

use crate::calls::{ArgKind, CallNr};
use crate::ops::OpSpec;
use crate::record::{CallRef, OpFlags, OpRef, StageKind, StageRef, ValueRef};
use crate::text::put_time;

/// Paths and nodes that are told apart; beyond them, new ones are counted together.
const NODES_MAX: usize = 1 << 20;
/// Longest way from a node to the root that is followed.
const DEPTH_MAX: usize = 64;
/// Rows of the table of hot paths.
const HOT_MAX: usize = 10;

/// Durations in nanoseconds, or other counts, by powers of two.
///
/// ```
/// use fuserig_traces::tools::Histogram;
/// let mut histogram = Histogram::default();
/// (0..99).for_each(|_| histogram.add(1_000));
/// histogram.add(1_000_000);
/// assert_eq!(histogram.at_most(50), 1_023);
/// assert_eq!((histogram.at_most(100), histogram.largest()), (1_000_000, 1_000_000));
/// let mut both = Histogram::default();
/// both.merge(&histogram);
/// both.merge(&histogram);
/// assert_eq!((both.count(), both.largest()), (200, 1_000_000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; 65],
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: [0; 65], largest: 0 }
    }
}

impl Histogram {
    /// Counts a duration in nanoseconds.
    pub fn add(&mut self, ns: u64) {
        self.buckets[64 - ns.leading_zeros() as usize] += 1;
        self.largest = self.largest.max(ns);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += count;
        }
        self.largest = self.largest.max(other.largest);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The longest.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// What so many percent took at most: the upper end of their bucket, and never more than the
    /// longest.
    pub fn at_most(&self, percent: u64) -> u64 {
        let rank = self.count().saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bits, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let end = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
                return end.min(self.largest);
            }
        }
        self.largest
    }

    /// The buckets that are not empty: upper end in nanoseconds, and count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bits, count)| (if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }, *count))
    }
}

/// What `trace info` shows beyond the counts.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::tools::Statistics;
/// let mut statistics = Statistics::default();
/// let reply = 5_u64.to_le_bytes();
/// let lookup = OpRef {
///     opcode: 1, nodeid: 1, seq_reply: 2, request: b"a\0", reply: &reply, ..OpRef::default()
/// };
/// statistics.add_op(&lookup);
/// statistics.add_op(&OpRef { opcode: 3, nodeid: 5, ..OpRef::default() });
/// assert_eq!(statistics.hot_paths(), [("/a".to_owned(), 2)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Durations of operations that ended, by opcode.
    pub ops: BTreeMap<u16, Histogram>,
    /// Durations of calls that ended.
    pub calls: BTreeMap<CallNr, Histogram>,
    /// What members of filters returned, by slot number and code.
    pub decisions: BTreeMap<(u16, i64), u64>,
    /// Errors, by operation and errno.
    pub errors: BTreeMap<(u16, i64), u64>,
    nodes: BTreeMap<u64, (u64, Vec<u8>)>,
    /// How often each node, and each name in one, was asked for.
    visits: BTreeMap<(u64, Vec<u8>), u64>,
    paths: BTreeMap<Vec<u8>, u64>,
}

impl Statistics {
    /// Counts an operation.
    pub fn add_op(&mut self, op: &OpRef<'_>) {
        if op.flags.contains(OpFlags::NOTIFICATION) {
            return;
        }
        if op.seq_reply != 0 {
            self.ops.entry(op.opcode).or_default().add(op.duration_ns);
        }
        if op.result < 0 {
            *self.errors.entry((op.opcode, op.result)).or_default() += 1;
        }
        let name = named(op);
        let visit = (op.nodeid, name.unwrap_or_default().to_vec());
        if self.visits.len() < NODES_MAX || self.visits.contains_key(&visit) {
            *self.visits.entry(visit).or_default() += 1;
        }
        // Replies that mint a node begin with its number.
        const MINTING: [&str; 7] =
            ["LOOKUP", "MKNOD", "MKDIR", "SYMLINK", "CREATE", "LINK", "TMPFILE"];
        let mints = OpSpec::by_number(op.opcode).is_some_and(|spec| MINTING.contains(&spec.name));
        let minted = op.reply.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
        if let (true, 0, Some(node), Some(name)) = (mints, op.result, minted, name)
            && self.nodes.len() < NODES_MAX
            && node != 0
        {
            self.nodes.insert(node, (op.nodeid, name.to_vec()));
        }
    }

    /// Counts a system call.
    pub fn add_call(&mut self, call: &CallRef<'_>) {
        if call.seq_reply != 0 {
            self.calls.entry(call.nr).or_default().add(call.duration_ns);
        }
        let kinds = call.nr.spec().map_or(&[][..], |spec| spec.args);
        for ((_, kind), value) in kinds.iter().zip(call.args.iter()) {
            if let (ArgKind::Path, ValueRef::Bytes(path)) = (kind, value)
                && !path.is_empty()
                && (self.paths.len() < NODES_MAX || self.paths.contains_key(path))
            {
                *self.paths.entry(path.to_vec()).or_default() += 1;
            }
        }
    }

    /// Counts what a member of a filter returned.
    pub fn add_stage(&mut self, stage: &StageRef<'_>) {
        let returns =
            [StageKind::PREFILTER_RETURN, StageKind::POSTFILTER_RETURN, StageKind::DEFAULT_RETURN];
        if returns.contains(&stage.kind) {
            *self.decisions.entry((stage.slot, stage.code)).or_default() += 1;
        }
    }

    /// The paths that were asked for most, the most frequent first: those of nodes, and those
    /// that system calls name.
    pub fn hot_paths(&self) -> Vec<(String, u64)> {
        let mut counts: BTreeMap<Vec<u8>, u64> = self.paths.clone();
        for ((node, name), count) in &self.visits {
            *counts.entry(self.path(*node, name)).or_default() += count;
        }
        let mut hot: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
        hot.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        hot.truncate(HOT_MAX);
        hot.into_iter().map(|(path, count)| (path.escape_ascii().to_string(), count)).collect()
    }

    fn path(&self, node: u64, name: &[u8]) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = Vec::new();
        if !name.is_empty() {
            parts.push(name);
        }
        let mut at = node;
        let stranger = format!("<node {node}>");
        while at > 1 && parts.len() < DEPTH_MAX {
            match self.nodes.get(&at) {
                Some((parent, name)) => {
                    parts.push(name);
                    at = *parent;
                }
                None => {
                    parts.push(stranger.as_bytes());
                    break;
                }
            }
        }
        let mut path = Vec::new();
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() { b"/".to_vec() } else { path }
    }
}

/// The first name of a request.
fn named<'a>(op: &OpRef<'a>) -> Option<&'a [u8]> {
    use crate::ops::{Layout, Segment};
    let spec = OpSpec::by_number(op.opcode)?;
    let (layout, parts) = Layout::find(spec.request, op.request)?;
    let at = layout.segments.iter().position(|segment| matches!(segment, Segment::Name))?;
    parts.get(at).copied()
}

impl fmt::Display for Statistics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ops = self.ops.iter().map(|(opcode, times)| (OpSpec::name_of(*opcode), times));
        let calls = self.calls.iter().map(|(nr, times)| (nr.to_string(), times));
        let rows: Vec<(String, &Histogram)> =
            ops.chain(calls).filter(|(_, times)| times.largest() > 0).collect();
        if !rows.is_empty() {
            writeln!(
                out,
                "\n{:<20} {:>10} {:>10} {:>10} {:>10}",
                "took at most", "50 %", "90 %", "99 %", "all"
            )?;
        }
        for (name, times) in rows {
            let percent = |percent| time(times.at_most(percent));
            let all = time(times.largest());
            writeln!(
                out,
                "{name:<20} {:>10} {:>10} {:>10} {all:>10}",
                percent(50),
                percent(90),
                percent(99)
            )?;
        }
        if !self.decisions.is_empty() {
            writeln!(out, "\n{:<32} {:>8} {:>10}", "decision", "code", "count")?;
        }
        for ((slot, code), count) in &self.decisions {
            let name = Slot::from_index(usize::from(*slot)).map_or("-", Slot::name);
            writeln!(out, "{name:<32} {code:>8} {count:>10}")?;
        }
        let hot = self.hot_paths();
        if !hot.is_empty() {
            writeln!(out, "\n{:>10} hot path", "count")?;
        }
        hot.iter().try_for_each(|(path, count)| writeln!(out, "{count:>10} {path}"))
    }
}

/// A duration of at most four figures, for columns.
fn time(ns: u64) -> String {
    let unit = match ns {
        0..10_000 => 1,
        10_000..10_000_000 => 1_000,
        10_000_000..10_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    let mut out = String::new();
    put_time(&mut out, ns / unit * unit);
    out
}
