//! What is in a trace, in numbers.

use core::fmt;
use std::collections::BTreeMap;
use std::io::Read;

use crate::calls::CallNr;
use crate::ops::{OPS, OpSpec};
use crate::record::{CallFlags, NoteKind, RecordKind, RecordRef, StageKind};
use crate::stream_id::StreamHasher;
use crate::text::put_time;
use crate::tools::Statistics;
use crate::{
    Anonymisation, DamageReport, FooterInfo, FormatVersion, Header, StreamId, TraceError,
    TraceReader,
};

/// How often an operation or a call occurs.
///
/// ```
/// use fuserig_traces::tools::OpCount;
/// assert_eq!(OpCount::default().count, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpCount {
    /// All of them.
    pub count: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that had not ended when the trace did.
    pub in_flight: u64,
}

/// What `trace info` shows.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::tools::Info;
/// use fuserig_traces::{Header, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(OpRef { opcode: 3, seq_send: 1, ..OpRef::default() })?;
/// let (_, file) = writer.finish()?;
/// let info = Info::of(&file[..])?;
/// assert_eq!(info.ops[&3].in_flight, 1);
/// assert!(info.to_string().contains("GETATTR"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Info {
    /// The version of the format.
    pub version: FormatVersion,
    /// What the trace says about itself.
    pub header: Header,
    /// Identity of the records that could be read.
    pub stream_id: StreamId,
    /// Records of each kind, in the order of [`RecordKind::ALL`].
    pub counts: [u64; RecordKind::ALL.len()],
    /// FUSE operations by opcode.
    pub ops: BTreeMap<u16, OpCount>,
    /// System calls by number.
    pub calls: BTreeMap<CallNr, OpCount>,
    /// Stages by kind.
    pub stages: BTreeMap<StageKind, u64>,
    /// Blocks that hold records.
    pub blocks: u64,
    /// Their bytes before compression.
    pub raw_bytes: u64,
    /// Their bytes in the file.
    pub stored_bytes: u64,
    /// Bytes of file data that operations carried, as far as their lengths are known.
    pub data_bytes: u64,
    /// Bytes of file data that system calls moved.
    pub call_bytes: u64,
    /// Smallest and largest sequence number of an operation or call.
    pub seqs: Option<(u64, u64)>,
    /// Earliest start and latest start of an operation or call, in nanoseconds after the base.
    pub times_ns: Option<(u64, u64)>,
    /// What the footer says, if there is one.
    pub footer: Option<FooterInfo>,
    /// What could not be read.
    pub damage: DamageReport,
    /// Operations that the notes of the trace say were lost, for want of room or otherwise; the
    /// most that a number holds when they say more.
    pub lost: u64,
    /// Blocks of kinds that this build does not know.
    pub skipped_blocks: u64,
    /// Durations, hot paths and decisions.
    pub statistics: Statistics,
}

/// Calls whose result is a number of bytes of file data.
const DATA_CALLS: [CallNr; 6] = [
    CallNr::READ,
    CallNr::PREAD64,
    CallNr::WRITE,
    CallNr::PWRITE64,
    CallNr::COPY_FILE_RANGE,
    CallNr::SENDFILE,
];

impl Info {
    /// Reads a trace and counts.
    ///
    /// # Errors
    /// When the input is no trace that this build can read.
    pub fn of<R: Read>(input: R) -> Result<Info, TraceError> {
        let mut reader = TraceReader::open(input)?;
        let mut hasher = StreamHasher::new();
        let mut info = Info {
            version: reader.version(),
            header: reader.header().clone(),
            stream_id: StreamId([0; 16]),
            counts: [0; RecordKind::ALL.len()],
            ops: BTreeMap::new(),
            calls: BTreeMap::new(),
            stages: BTreeMap::new(),
            blocks: 0,
            raw_bytes: 0,
            stored_bytes: 0,
            data_bytes: 0,
            call_bytes: 0,
            seqs: None,
            times_ns: None,
            footer: None,
            damage: DamageReport::default(),
            lost: 0,
            skipped_blocks: 0,
            statistics: Statistics::default(),
        };
        while let Some(block) = reader.next_block()? {
            info.blocks += 1;
            info.raw_bytes += block.raw_len();
            info.stored_bytes += block.stored_len();
            for record in block.iter() {
                hasher.add(&record);
                info.add(&record);
            }
        }
        info.counts = hasher.counts();
        info.stream_id = hasher.finish();
        info.footer = reader.footer();
        info.damage = reader.damage().clone();
        info.skipped_blocks = reader.skipped_blocks();
        Ok(info)
    }

    fn add(&mut self, record: &RecordRef<'_>) {
        match record {
            RecordRef::Op(op) => {
                self.statistics.add_op(op);
                let entry = self.ops.entry(op.opcode).or_default();
                entry.count += 1;
                entry.failed += u64::from(op.result < 0);
                entry.in_flight += u64::from(op.in_flight());
                self.widen(op.seq_send, op.time_ns);
                self.data_bytes = self.data_bytes.saturating_add(op.payload.len().unwrap_or(0));
            }
            RecordRef::Call(call) => {
                self.statistics.add_call(call);
                let entry = self.calls.entry(call.nr).or_default();
                entry.count += 1;
                entry.failed += u64::from(call.errno != 0);
                let unfinished = call.flags.contains(CallFlags::UNFINISHED);
                entry.in_flight += u64::from(call.seq_reply == 0 || unfinished);
                self.widen(call.seq_send, call.time_ns);
                if DATA_CALLS.contains(&call.nr) && call.errno == 0 {
                    let moved = u64::try_from(call.result).unwrap_or(0);
                    self.call_bytes = self.call_bytes.saturating_add(moved);
                }
            }
            RecordRef::Stage(stage) => {
                self.statistics.add_stage(stage);
                *self.stages.entry(stage.kind).or_default() += 1;
            }
            RecordRef::Note(note) if note.kind == NoteKind::LOSS => {
                self.lost = self.lost.saturating_add(note.count);
            }
            RecordRef::Payload(_) | RecordRef::Tree(_) | RecordRef::Note(_) => {}
        }
    }

    fn widen(&mut self, seq: u64, time: u64) {
        let wider = |range: Option<(u64, u64)>, value: u64| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        };
        self.seqs = wider(self.seqs, seq);
        self.times_ns = wider(self.times_ns, time);
    }

    /// Operations of the protocol that do not occur, by name: what the trace does not test. Empty
    /// for a trace without operations.
    pub fn absent(&self) -> Vec<&'static str> {
        if self.ops.is_empty() {
            return Vec::new();
        }
        let absent = OPS.iter().filter(|spec| !self.ops.contains_key(&spec.number));
        absent.map(|spec| spec.name).collect()
    }

    /// Operations and calls that had not ended when the trace did.
    pub fn in_flight(&self) -> u64 {
        let all = self.ops.values().chain(self.calls.values());
        all.map(|entry| entry.in_flight).sum()
    }
}

impl fmt::Display for Info {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |out: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            writeln!(out, "{name:<16} {value}")
        };
        row(out, "format", &self.version)?;
        row(out, "stream", &self.stream_id)?;
        self.fmt_header(out)?;
        for (kind, count) in RecordKind::ALL.iter().zip(self.counts) {
            if count > 0 {
                row(out, &format!("{kind} records"), &count)?;
            }
        }
        let sizes = format!(
            "{} blocks, {} bytes, {} before compression",
            self.blocks, self.stored_bytes, self.raw_bytes
        );
        row(out, "size", &sizes)?;
        row(
            out,
            "data",
            &format!(
                "{}, {} bytes in requests, {} in calls",
                self.header.payload.name(),
                self.data_bytes,
                self.call_bytes
            ),
        )?;
        if let (Some((low, high)), Some((first, last))) = (self.seqs, self.times_ns) {
            row(out, "sequence", &format!("{low} to {high}"))?;
            row(out, "time", &format!("{} to {}", time(first), time(last)))?;
        }
        row(out, "in flight", &self.in_flight())?;
        if self.lost > 0 {
            row(out, "lost", &format!("{} operations, as a note says", self.lost))?;
        }
        let ops = self.ops.iter().map(|(opcode, entry)| (OpSpec::name_of(*opcode), entry));
        fmt_counts(out, "operation", ops)?;
        let calls = self.calls.iter().map(|(nr, entry)| (nr.to_string(), entry));
        fmt_counts(out, "call", calls)?;
        if !self.stages.is_empty() {
            writeln!(out, "\n{:<20} {:>10}", "stage", "count")?;
            for (kind, count) in &self.stages {
                writeln!(out, "{:<20} {count:>10}", kind.to_string())?;
            }
        }
        write!(out, "{}", self.statistics)?;
        let absent = self.absent();
        if !absent.is_empty() {
            writeln!(out, "\n{} of {} operations do not occur:", absent.len(), OPS.len())?;
            absent.chunks(6).try_for_each(|names| writeln!(out, "  {}", names.join(", ")))?;
        }
        let missing = self.header.cannot_appear();
        if !missing.is_empty() {
            writeln!(out, "\ncannot appear in this trace:")?;
            missing.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        if !self.damage.is_empty() {
            writeln!(out, "\ndamage, {} bytes lost:", self.damage.lost_bytes())?;
            self.damage.listed().iter().try_for_each(|damage| writeln!(out, "  {damage}"))?;
        }
        if self.skipped_blocks > 0 {
            writeln!(out, "\n{} blocks of unknown kinds were skipped", self.skipped_blocks)?;
        }
        Ok(())
    }
}

impl Info {
    fn fmt_header(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        let tool = format!("{} {}", header.tool, header.tool_version);
        let source = header.source.as_ref();
        let missing: Vec<&str> =
            source.into_iter().flat_map(|source| source.fidelity.missing()).collect();
        let assumed = header.init.as_ref().filter(|init| init.is_assumed());
        let begins = assumed.map(|init| format!("after INIT; in use: {}", init.flags.join(" ")));
        let anonymised = header.anonymisation.as_ref().map(|anonymisation| {
            let Anonymisation { policy, filters, unproven } = anonymisation;
            let gap = match unproven {
                0 => String::new(),
                unproven => format!("; nothing is proven for {unproven} arrivals"),
            };
            format!("{policy}; decide as before: {}{gap}", filters.join(" "))
        });
        let rows = [
            ("tool", tool.trim().to_owned()),
            ("abi", header.abi.clone()),
            ("source", source.map(|source| source.what.clone()).unwrap_or_default()),
            ("begins", begins.unwrap_or_default()),
            ("source lacks", missing.join(", ")),
            ("mount options", header.mount_options.join(",")),
            ("lower", header.lower.to_string()),
            ("anonymised", anonymised.unwrap_or_default()),
        ];
        let rows = rows.iter().filter(|(_, value)| !value.is_empty());
        rows.into_iter().try_for_each(|(name, value)| writeln!(out, "{name:<16} {value}"))
    }
}

fn time(ns: u64) -> String {
    let mut out = String::new();
    put_time(&mut out, ns);
    out
}

fn fmt_counts<'a>(
    out: &mut fmt::Formatter<'_>,
    what: &str,
    rows: impl Iterator<Item = (String, &'a OpCount)>,
) -> fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        writeln!(out, "\n{what:<20} {:>10} {:>10} {:>10}", "count", "failed", "in flight")?;
    }
    rows.into_iter().try_for_each(|(name, entry)| {
        let OpCount { count, failed, in_flight } = entry;
        writeln!(out, "{name:<20} {count:>10} {failed:>10} {in_flight:>10}")
    })
}
