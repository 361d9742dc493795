//! The replayer: one arrival after the other, judged and recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fuserig_abi::{Abi, Credentials, Errno, Fidelity, Gid, Pid, Timespec, Uid};
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{CallFlags, CallRecord, Payload, PayloadRef, Record, StageKind};
use fuserig_traces::{FirstClient, Header, PayloadMode, Trace, TraceWriter, WriteError, text};

use super::compare::{Mismatch, mismatches, outputs_of};
use super::convert::{Issue, issue};
use super::recorder::{Recorder, Tape};
use super::unseen::{self, Unseen};
use super::waits::{End, Wait, Waits, attempt_of};
use crate::kernel::{Leaks, MountOptions, World, WorldConfig};
use crate::pipeline::{NoDaemon, SeeingSink, SeenCalls, Sink};
use crate::report::FilterCall;
use crate::vfs::{Call, CallResult, Vfs, VfsConfig};

/// Divergences kept with all their text; beyond them only the number counts.
const DIVERGENCES_MAX: usize = 10_000;

/// Whether what was recorded is a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Judge {
    /// Every difference is a divergence.
    #[default]
    Recorded,
    /// Differences are shown and judged by nobody.
    Nobody,
}

/// How a trace is replayed.
#[derive(Debug)]
pub struct ReplayOptions {
    /// The modelled ABI version.
    pub abi: Abi,
    /// Whether the modelled kernel makes its mistakes.
    pub fidelity: Fidelity,
    /// The filter at the root of the mount.
    pub filter: Option<Box<dyn Filter>>,
    /// The filesystem below, holding the initial tree.
    pub lower: Box<dyn Lower>,
    /// How much of file data the new trace keeps.
    pub payload: PayloadMode,
}

/// A request to stop, from a signal handler.
pub type StopFlag = Arc<AtomicBool>;

/// Why a replay cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The lower filesystem cannot be mounted on.
    #[error("mount the lower filesystem: {0}")]
    Mount(Errno),
    /// The trace has no arrivals.
    #[error("replay: the trace has no system calls to issue; import a log or record a run first")]
    NothingToReplay,
    /// The new trace cannot be written; what was written stays readable.
    #[error("write the new trace: {0}")]
    Write(#[from] WriteError),
}

/// A difference between the record and the replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Number of the arrival, counted from 1.
    pub arrival: u64,
    /// Line of the log the arrival came from; 0 for none.
    pub line: u64,
    /// The arrival as text.
    pub call: String,
    /// What differs.
    pub mismatch: Mismatch,
    /// Stages of the requests that the call caused, in order, when filters are watched.
    pub stages: Vec<String>,
    /// The calls of filters in it, when they are watched.
    pub filter_calls: Vec<FilterCall>,
}

/// Different traps that a report keeps.
const TRAPS_MAX: usize = 8;

/// What came of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// System calls issued.
    pub calls: u64,
    /// Requests that entered the pipeline.
    pub requests: u64,
    /// Calls of filter members, by member number and code.
    pub verdicts: BTreeMap<(u16, i64), u64>,
    /// Quirks that were hit, by id.
    pub quirks: BTreeMap<String, u64>,
    /// Lines that the filter printed.
    pub printed: u64,
    /// How often an engine stopped the filter.
    pub traps_total: u64,
    /// The first different traps, as people read them.
    pub traps: Vec<String>,
    /// The first differences.
    pub divergences: Vec<Divergence>,
    /// How many differences there are.
    pub divergences_total: u64,
    /// Calls with at least one difference.
    pub calls_changed: u64,
    /// Calls on fifos and devices, or refused before any filesystem was asked, whose results are
    /// taken over from the record.
    pub beyond: u64,
    /// Bytes that only a recorded read showed, put below the pipeline before the read.
    pub unseen_bytes: u64,
    /// What leaked in the modelled kernel.
    pub leaks: Leaks,
    /// Whether a request to stop ended the replay before the trace did.
    pub stopped: bool,
    /// The crash that ended the replay, by quirk id.
    pub crash: Option<String>,
}

/// Replays the system calls of a trace.
#[derive(Debug)]
pub struct Replayer {
    vfs: Vfs,
    tape: Rc<RefCell<Tape>>,
    base: Timespec,
    first_client: FirstClient,
    expected: Expected,
    unseen: Unseen,
    waits: Waits,
    /// The calls of filters, when they are watched.
    seen: Option<SeenCalls>,
    report: ReplayReport,
}

/// Requests and stages that the trace holds, in the order they must come again.
#[derive(Debug, Default)]
struct Expected {
    operations: VecDeque<Record>,
    stages: VecDeque<Record>,
    has_requests: bool,
    diverged: bool,
    /// What the trace kept of data.
    payload: PayloadMode,
}

impl Expected {
    /// What was recorded in place of a record, when it is something else.
    fn instead_of(&mut self, record: &Record) -> Option<(&'static str, Option<Record>)> {
        if !self.has_requests || self.diverged {
            return None;
        }
        let (what, recorded) = match record {
            Record::Op(_) => ("request", self.operations.pop_front()),
            Record::Stage(_) => ("stage", self.stages.pop_front()),
            _ => return None,
        };
        let came_again = match (&recorded, record) {
            (Some(Record::Op(recorded)), Record::Op(op)) => {
                let mut op = op.as_ref();
                if self.payload == PayloadMode::None && recorded.payload == Payload::None {
                    op.payload = PayloadRef::None;
                }
                recorded.as_ref().agrees(&op)
            }
            (recorded, record) => recorded.as_ref() == Some(record),
        };
        (!came_again).then_some((what, recorded))
    }
}

impl Replayer {
    /// A replayer for a trace with this header.
    ///
    /// # Errors
    /// The lower filesystem refuses to be mounted on.
    pub fn new(header: &Header, options: ReplayOptions) -> Result<Replayer, ReplayError> {
        Replayer::make(header, options, None)
    }

    /// As [`Replayer::new`]; each difference then tells what filters were shown and what they
    /// answered, which makes a replay slower.
    ///
    /// # Errors
    /// The lower filesystem refuses to be mounted on.
    pub fn watching(header: &Header, options: ReplayOptions) -> Result<Replayer, ReplayError> {
        Replayer::make(header, options, Some(SeenCalls::default()))
    }

    fn make(
        header: &Header,
        options: ReplayOptions,
        seen: Option<SeenCalls>,
    ) -> Result<Replayer, ReplayError> {
        let base_ns = header.clock.and_then(|clock| clock.base_ns);
        let base = base_ns.map_or(WorldConfig::default().start, Timespec::from_nanos);
        let tape = Rc::new(RefCell::new(Tape::new(options.payload, base)));
        let config = WorldConfig {
            abi: options.abi,
            fidelity: options.fidelity,
            options: MountOptions {
                allow_other: true,
                local_locks: true,
                ..MountOptions::default()
            },
            start: base,
        };
        let recorder = Recorder { tape: Rc::clone(&tape) };
        let sink: Box<dyn Sink> = match &seen {
            Some(seen) => {
                Box::new(SeeingSink { inner: recorder, abi: options.abi, seen: seen.clone() })
            }
            None => Box::new(recorder),
        };
        let world = World::new(&config, options.lower, options.filter, Box::new(NoDaemon), sink)
            .map_err(ReplayError::Mount)?;
        let root = header.source.as_ref().map(|source| source.root.clone()).unwrap_or_default();
        let vfs = Vfs::new(world, &VfsConfig { mount_point: root.into_bytes() });
        Ok(Replayer {
            vfs,
            tape,
            base,
            first_client: header.first_client.unwrap_or_default(),
            expected: Expected::default(),
            unseen: Unseen::default(),
            waits: Waits::default(),
            seen,
            report: ReplayReport::default(),
        })
    }

    /// Issues every arrival of `trace` and writes what happens to `output`.
    ///
    /// # Errors
    /// A trace without arrivals, or an output that cannot be written.
    pub fn run<W: Write>(
        &mut self,
        trace: &Trace,
        output: Option<&mut TraceWriter<W>>,
        stop: &StopFlag,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), ReplayError> {
        let mut output = output;
        let mut arrivals: Vec<&CallRecord> = Vec::new();
        for record in &trace.records {
            match record {
                Record::Call(call) => arrivals.push(call),
                Record::Op(_) => self.expected.operations.push_back(record.clone()),
                Record::Stage(_) => self.expected.stages.push_back(record.clone()),
                Record::Tree(tree) => {
                    if let Some(writer) = &mut output {
                        writer.append(tree.as_ref())?;
                    }
                }
                Record::Payload(_) | Record::Note(_) => {}
            }
        }
        if arrivals.is_empty() {
            return Err(ReplayError::NothingToReplay);
        }
        self.expected.has_requests = !self.expected.operations.is_empty();
        self.expected.payload = trace.header.payload;
        if self.expected.has_requests {
            self.tape.borrow_mut().hold_data();
        }
        arrivals.sort_by_key(|call| call.seq_send);
        let total = arrivals.len() as u64;
        for call in arrivals {
            if stop.load(Ordering::Relaxed) {
                self.report.stopped = true;
                break;
            }
            self.end_waits(call.seq_send, &mut output)?;
            self.arrive(call, &mut output)?;
            progress(self.report.calls, total);
            if self.report.crash.is_some() {
                break;
            }
        }
        if !self.report.stopped && self.report.crash.is_none() {
            self.end_waits(u64::MAX, &mut output)?;
        }
        self.missing_requests();
        self.report.leaks = self.vfs.world().mount.leaks;
        Ok(())
    }

    /// What came of it so far.
    pub fn report(&self) -> &ReplayReport {
        &self.report
    }

    /// The VFS with everything in the state the replay left it in.
    pub fn into_vfs(self) -> Vfs {
        self.vfs
    }

    fn arrive<W: Write>(
        &mut self,
        call: &CallRecord,
        output: &mut Option<&mut TraceWriter<W>>,
    ) -> Result<(), ReplayError> {
        self.report.calls += 1;
        let seq_send = self.tape.borrow_mut().next();
        self.waits.before(&self.vfs, call);
        let Some(result) = self.perform(call, seq_send) else { return Ok(()) };
        let seq_reply = self.tape.borrow_mut().next();
        let mut records = self.tape.borrow_mut().take();
        for record in &mut records {
            self.count(record);
            self.expect(record);
        }
        self.explain(&records);
        if let Some(writer) = output {
            for record in &records {
                writer.append(record.as_ref())?;
            }
            writer.append(replayed(call, (seq_send, seq_reply), &result).as_ref())?;
        }
        Ok(())
    }

    /// Calls that waited, and returned before a position of the record.
    fn end_waits<W: Write>(
        &mut self,
        position: u64,
        output: &mut Option<&mut TraceWriter<W>>,
    ) -> Result<(), ReplayError> {
        while let Some((wait, end)) = self.waits.ended_before(&self.vfs, position) {
            let result = self.judge_wait(&wait, end);
            let seq_reply = self.tape.borrow_mut().next();
            if let (Some(writer), Some(result)) = (output.as_mut(), result) {
                let seqs = (wait.seq_send, seq_reply);
                writer.append(replayed(&wait.record, seqs, &result).as_ref())?;
            }
        }
        Ok(())
    }

    /// What a wait returned; nothing when it never did.
    fn judge_wait(&mut self, wait: &Wait, end: End) -> Option<CallResult> {
        let found = match &end {
            End::Returned(result) => mismatches(&wait.record, result),
            End::Signal(_) | End::Unfinished => Vec::new(),
            End::StillWaits => vec![Mismatch {
                what: "lock".to_owned(),
                recorded: "the call returned".to_owned(),
                replayed: "it waits, for somebody else has the lock".to_owned(),
            }],
        };
        if !found.is_empty() {
            let record = &wait.record;
            self.diverge_at(wait.arrival, record.source_line, call_text(record), found);
        }
        match end {
            End::Returned(result) | End::Signal(result) => Some(result),
            End::StillWaits | End::Unfinished => None,
        }
    }

    /// Issues one call and notes every difference.
    /// Nothing comes of one that waits for a lock until it has it.
    fn perform(&mut self, record: &CallRecord, seq_send: u64) -> Option<CallResult> {
        let pid = Pid(record.client);
        let offset = i128::from(self.base.sec) * 1_000_000_000 + i128::from(self.base.nsec);
        let instant = offset + i128::from(record.time_ns);
        self.vfs.advance_to(Timespec::from_nanos(u64::try_from(instant).unwrap_or(0)));
        if !self.vfs.has_client(pid) {
            let FirstClient { uid, gid, umask } = self.first_client;
            let credentials = match uid {
                0 => Credentials { gid: Gid(gid), ..Credentials::root() },
                _ => Credentials::user(Uid(uid), Gid(gid)),
            };
            self.vfs.add_client(pid, credentials, umask);
        }
        Some(match issue(record) {
            Ok(Issue::Call(Call::Fork { child, .. })) if self.vfs.has_client(child) => {
                CallResult::value(i64::from(child.0))
            }
            Ok(Issue::Call(call)) => {
                if let Some(attempt) = attempt_of(&call) {
                    let place = (self.report.calls, seq_send);
                    self.waits.begin(&self.vfs, attempt, record, place);
                    return None;
                }
                self.issue_call(record, pid, &call)
            }
            Ok(Issue::Nothing) => CallResult::value(0),
            Err(error) => {
                let mismatch = Mismatch {
                    what: "arrival".to_owned(),
                    recorded: record.nr.to_string(),
                    replayed: error.to_string(),
                };
                self.diverge(record.source_line, call_text(record), vec![mismatch]);
                CallResult::from(Errno::ENOSYS)
            }
        })
    }

    fn issue_call(&mut self, record: &CallRecord, pid: Pid, call: &Call) -> CallResult {
        let in_log = !self.expected.has_requests;
        if let Some(result) = unseen::beyond(&self.vfs, pid, record, call, in_log) {
            self.report.beyond += 1;
            return result;
        }
        self.report.unseen_bytes += self.unseen.before(&self.vfs, pid, record, call);
        let result = self.vfs.call(pid, call);
        self.unseen.after(&self.vfs, pid, record, call);
        self.judge(record, &result);
        self.undo_open(record, &result, pid);
        result
    }

    /// A descriptor that the recorded call did not get must not get in the way of later ones.
    fn undo_open(&self, record: &CallRecord, result: &CallResult, pid: Pid) {
        use fuserig_traces::calls::CallNr;
        let opens = matches!(record.nr, CallNr::OPENAT | CallNr::OPENAT2);
        if let (true, Ok(fd)) = (opens && record.errno != 0, result.value) {
            let fd = i32::try_from(fd).unwrap_or(-1);
            self.vfs.call(pid, &Call::Close { fd });
        }
    }

    fn judge(&mut self, record: &CallRecord, result: &CallResult) {
        let found = mismatches(record, result);
        if !found.is_empty() {
            self.diverge(record.source_line, call_text(record), found);
        }
        let crashed = self.vfs.world().crashed;
        if let Some(quirk) = crashed {
            self.report.crash.get_or_insert_with(|| quirk.id().to_owned());
        }
    }

    fn diverge(&mut self, line: u64, call: String, found: Vec<Mismatch>) {
        self.diverge_at(self.report.calls, line, call, found);
    }

    fn diverge_at(&mut self, arrival: u64, line: u64, call: String, found: Vec<Mismatch>) {
        self.report.calls_changed += 1;
        for mismatch in found {
            self.report.divergences_total += 1;
            if self.report.divergences.len() < DIVERGENCES_MAX {
                self.report.divergences.push(Divergence {
                    arrival,
                    line,
                    call: call.clone(),
                    mismatch,
                    stages: Vec::new(),
                    filter_calls: Vec::new(),
                });
            }
        }
    }

    /// Gives the differences of the call that just ended what it caused.
    fn explain(&mut self, records: &[Record]) {
        let Some(calls) = self.seen.as_ref().map(SeenCalls::take) else { return };
        let arrival = self.report.calls;
        let found = self.report.divergences.iter_mut().rev();
        for divergence in found.take_while(|divergence| divergence.arrival == arrival) {
            let mut operation = String::new();
            let texts = records.iter().filter_map(|record| stage_text(record, &mut operation));
            divergence.stages = texts.collect();
            divergence.filter_calls.clone_from(&calls);
        }
    }

    fn count(&mut self, record: &Record) {
        match record {
            Record::Op(_) => self.report.requests += 1,
            Record::Stage(stage) => match stage.kind {
                StageKind::PREFILTER_RETURN
                | StageKind::POSTFILTER_RETURN
                | StageKind::DEFAULT_RETURN => {
                    *self.report.verdicts.entry((stage.slot, stage.code)).or_default() += 1;
                }
                StageKind::QUIRK => {
                    let id = String::from_utf8_lossy(&stage.detail).into_owned();
                    *self.report.quirks.entry(id).or_default() += 1;
                }
                StageKind::PRINTK => self.report.printed += 1,
                StageKind::TRAP => {
                    self.report.traps_total += 1;
                    let text = String::from_utf8_lossy(&stage.detail).into_owned();
                    let is_new = !self.report.traps.contains(&text);
                    if is_new && self.report.traps.len() < TRAPS_MAX {
                        self.report.traps.push(text);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// A trace that holds requests and stages must see each of them again. What the replay keeps
    /// of data is made afterwards: the trace may have kept something else of them.
    fn expect(&mut self, record: &mut Record) {
        let other = self.expected.instead_of(record);
        self.tape.borrow().summarise(record);
        let Some((what, recorded)) = other else { return };
        // Everything after the first one follows from it.
        self.expected.diverged = true;
        let text = |record: &Record| text::record_line(&record.as_ref());
        let mismatch = Mismatch {
            what: what.to_owned(),
            recorded: recorded.as_ref().map_or("nothing".to_owned(), text),
            replayed: text(record),
        };
        let arrival = format!("arrival {}", self.report.calls);
        self.diverge(0, arrival, vec![mismatch]);
    }

    fn missing_requests(&mut self) {
        let ended = self.report.stopped || self.report.crash.is_some();
        if self.expected.diverged || !self.expected.has_requests || ended {
            return;
        }
        let left = self.expected.operations.pop_front().or(self.expected.stages.pop_front());
        if let Some(record) = left {
            let mismatch = Mismatch {
                what: "request".to_owned(),
                recorded: text::record_line(&record.as_ref()),
                replayed: "nothing".to_owned(),
            };
            self.diverge(0, "the end of the trace".to_owned(), vec![mismatch]);
        }
    }
}

/// A call as it went in the replay.
fn replayed(
    call: &CallRecord,
    (seq_send, seq_reply): (u64, u64),
    result: &CallResult,
) -> CallRecord {
    CallRecord {
        seq_send,
        seq_reply,
        result: result.number(),
        errno: match result.value {
            Ok(_) => 0,
            Err(errno) => u16::try_from(errno.0).unwrap_or(u16::MAX),
        },
        out: outputs_of(call.nr, result),
        flags: CallFlags(call.flags.0 & !CallFlags::TRUNCATED.0 & !CallFlags::UNFINISHED.0),
        ..call.clone()
    }
}

/// An operation or a stage of it in a few words.
fn stage_text(record: &Record, operation: &mut String) -> Option<String> {
    Some(match record {
        Record::Op(op) => {
            *operation = OpSpec::name_of(op.opcode).to_string();
            format!("{operation} enter")
        }
        Record::Stage(stage) => match stage.kind {
            StageKind::QUIRK | StageKind::CRASH => {
                format!("{operation} {} {}", stage.kind, String::from_utf8_lossy(&stage.detail))
            }
            kind => format!("{operation} {kind} {}", stage.code),
        },
        Record::Call(_) | Record::Tree(_) | Record::Payload(_) | Record::Note(_) => return None,
    })
}

/// The line of the text twin without its result.
fn call_text(record: &CallRecord) -> String {
    text::record_line(&Record::Call(record.clone()).as_ref())
}
