//! Does it decide the same? One trace, one filter, two ABIs, and every step compared.
//!
//! Both runs make the mistakes of their kernel (faithful), because those are what differs. A
//! difference is attributed to one cause: a quirk, the default filter, dispatch, a decision, a
//! buffer rule, or nothing but the result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig_abi::{Abi, Fidelity, Slot};
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;
use fuserig_traces::record::{CallRecord, OpRecord, Record, StageKind, StageRecord};
use fuserig_traces::{PayloadMode, Trace, TraceError, TraceWriter, WriteError, text};

use super::shrink::shrink;
use crate::replay::{ReplayError, ReplayOptions, Replayer};
use crate::report::{Finding, FindingClass, Severity};

/// Why a trace cannot be replayed under two ABIs.
///
/// ```
/// use fuserig::gate::BehaviourError;
/// use fuserig::replay::ReplayError;
/// let error = BehaviourError::from(ReplayError::NothingToReplay);
/// assert!(error.to_string().contains("no system calls"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum BehaviourError {
    /// The replay cannot begin.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The trace of a run cannot be written.
    #[error("keep the run: {0}")]
    Write(#[from] WriteError),
    /// The trace of a run cannot be read.
    #[error("read the run: {0}")]
    Read(#[from] TraceError),
}

/// What makes the two runs: a filter and a lower filesystem, made anew each time.
pub(super) struct Arms<'a> {
    pub(super) filter: &'a dyn Fn(Abi) -> Option<Box<dyn Filter>>,
    pub(super) lower: &'a dyn Fn() -> Box<dyn Lower>,
    pub(super) abis: [Abi; 2],
    /// Is told how many calls of how many were replayed, again and again from 0.
    pub(super) watch: &'a dyn Fn(u64, u64),
}

/// Calls that differ for one cause.
///
/// ```
/// use fuserig::gate::BehaviourGroup;
/// let group = BehaviourGroup { calls: 2, old: "0".into(), ..BehaviourGroup::default() };
/// assert_eq!(group.calls, 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BehaviourGroup {
    /// How many.
    pub calls: u64,
    /// The smallest example, as lines of a trace.
    pub example: String,
    /// What the first one saw on the old ABI.
    pub old: String,
    /// What the first one saw on the new ABI.
    pub new: String,
}

/// What differs between two ABIs for one filter on one trace.
///
/// ```
/// use fuserig::gate::BehaviourDiff;
/// assert_eq!(BehaviourDiff::default().changed(), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BehaviourDiff {
    /// Calls that were issued in both runs.
    pub calls: u64,
    /// The differing ones by cause.
    pub groups: BTreeMap<String, BehaviourGroup>,
    /// The call after which one of the runs ended, when they did not end together.
    pub ended: Option<u64>,
}

impl BehaviourDiff {
    /// How many calls differ.
    pub fn changed(&self) -> u64 {
        self.groups.values().map(|group| group.calls).sum()
    }
}

/// Replays a trace under two ABIs and compares every call, request and stage. `watch` is told how
/// many calls of how many a replay has done; the count begins anew with each replay.
///
/// # Errors
/// The lower filesystem cannot be mounted on, or the trace has nothing to replay.
pub fn behaviour(
    trace: &Trace,
    filter: &dyn Fn(Abi) -> Option<Box<dyn Filter>>,
    lower: &dyn Fn() -> Box<dyn Lower>,
    abis: [Abi; 2],
    watch: &dyn Fn(u64, u64),
) -> Result<BehaviourDiff, BehaviourError> {
    let arms = Arms { filter, lower, abis, watch };
    let [old, new] = [arms.play(trace, 0)?, arms.play(trace, 1)?];
    let mut diff =
        BehaviourDiff { calls: old.len().min(new.len()) as u64, ..BehaviourDiff::default() };
    if old.len() != new.len() {
        diff.ended = Some(diff.calls);
    }
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (was, is)) in old.iter().zip(&new).enumerate() {
        let Some((cause, sides)) = cause(was, is) else { continue };
        let group = diff.groups.entry(cause.clone()).or_default();
        group.calls += 1;
        if group.calls == 1 {
            first.insert(cause, index);
            [group.old, group.new] = sides;
        }
    }
    for (cause, index) in first {
        let example = shrink(trace, &arms, &cause, index)?;
        diff.groups.entry(cause).or_default().example = example;
    }
    Ok(diff)
}

/// One call with all that it caused.
#[derive(Debug)]
pub(super) struct Seen {
    call: CallRecord,
    ops: Vec<OpRecord>,
    stages: Vec<StageRecord>,
}

impl Arms<'_> {
    /// The run of one arm, call by call.
    pub(super) fn play(&self, trace: &Trace, arm: usize) -> Result<Vec<Seen>, BehaviourError> {
        let options = ReplayOptions {
            abi: self.abis[arm],
            fidelity: Fidelity::Faithful,
            filter: (self.filter)(self.abis[arm]),
            lower: (self.lower)(),
            payload: PayloadMode::Hash,
        };
        let mut replayer = Replayer::new(&trace.header, options)?;
        let mut writer = TraceWriter::create(Vec::new(), trace.header.clone())?;
        let never = Arc::new(AtomicBool::new(false));
        replayer
            .run(trace, Some(&mut writer), &never, &mut |done, total| (self.watch)(done, total))?;
        let bytes = writer.finish()?.1;
        Ok(by_call(Trace::read(bytes.as_slice())?.records))
    }
}

/// Each call with the requests that began while it ran, and their stages; in the order of arrival.
fn by_call(records: Vec<Record>) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let (mut ops, mut stages) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Op(op) => ops.push(op),
            Record::Stage(stage) => stages.push(stage),
            Record::Call(call) => seen.push(Seen { call, ops: Vec::new(), stages: Vec::new() }),
            Record::Tree(_) | Record::Payload(_) | Record::Note(_) => {}
        }
    }
    seen.sort_by_key(|seen| seen.call.seq_send);
    let begun = |seen: &[Seen], seq: u64| {
        seen.partition_point(|seen| seen.call.seq_send <= seq).checked_sub(1)
    };
    for op in ops {
        if let Some(index) = begun(&seen, op.seq_send) {
            seen[index].ops.push(op);
        }
    }
    for stage in stages {
        if let Some(index) = begun(&seen, stage.op_seq) {
            seen[index].stages.push(stage);
        }
    }
    seen
}

/// Why two runs of a call differ, and what each saw; nothing when they do not.
pub(super) fn cause(old: &Seen, new: &Seen) -> Option<(String, [String; 2])> {
    let both = |of: &dyn Fn(&Seen) -> String| [of(old), of(new)];
    let quirks = both(&quirks);
    if quirks[0] != quirks[1] {
        let known: Vec<&str> = quirks[0].split(' ').collect();
        let news = quirks[1].split(' ').filter(|quirk| !known.contains(quirk));
        let is: Vec<&str> = quirks[1].split(' ').collect();
        let gone = known.iter().copied().filter(|quirk| !is.contains(quirk));
        let names: Vec<&str> = gone.chain(news).filter(|name| !name.is_empty()).collect();
        if let Some(name) = names.first() {
            return Some((format!("quirk {name}"), both(&told)));
        }
    }
    for (name, of) in [
        ("default_filter", &defaults as &dyn Fn(&Seen) -> String),
        ("dispatch", &members),
        ("decision", &verdicts),
        ("buffer rule", &buffers),
        ("arguments", &arguments),
        ("result", &result),
        ("events", &events),
    ] {
        let sides = both(of);
        if sides[0] != sides[1] {
            let told = both(&told);
            let sides = if told[0] == told[1] { sides } else { told };
            return Some((name.to_owned(), sides));
        }
    }
    None
}

fn stages(
    seen: &Seen,
    is: impl Fn(StageKind) -> bool,
    show: impl Fn(&StageRecord) -> String,
) -> String {
    let shown = seen.stages.iter().filter(|stage| is(stage.kind)).map(show);
    shown.collect::<Vec<_>>().join(" ")
}

fn detail(stage: &StageRecord) -> String {
    stage.detail.escape_ascii().to_string()
}

fn quirks(seen: &Seen) -> String {
    stages(seen, |kind| kind == StageKind::QUIRK || kind == StageKind::CRASH, detail)
}

fn defaults(seen: &Seen) -> String {
    let is = |kind| kind == StageKind::DEFAULT_CALL || kind == StageKind::DEFAULT_RETURN;
    stages(seen, is, |stage| format!("{}={}", stage.kind, stage.code))
}

fn members(seen: &Seen) -> String {
    let is = |kind| kind == StageKind::PREFILTER_CALL || kind == StageKind::POSTFILTER_CALL;
    stages(seen, is, |stage| stage.slot.to_string())
}

fn verdicts(seen: &Seen) -> String {
    let is = |kind| kind == StageKind::PREFILTER_RETURN || kind == StageKind::POSTFILTER_RETURN;
    stages(seen, is, |stage| format!("{}={}", stage.slot, stage.code))
}

fn buffers(seen: &Seen) -> String {
    let is = |kind| kind == StageKind::BUFFER_ROW || kind == StageKind::BUFFER_FREED;
    stages(seen, is, |stage| format!("{}:{}", stage.code, detail(stage)))
}

fn arguments(seen: &Seen) -> String {
    let shown = seen.ops.iter().map(|op| {
        let bytes = |bytes: &[u8]| bytes.escape_ascii().to_string();
        format!("{}:{}:{}:{}", op.opcode, op.nodeid, bytes(&op.request), bytes(&op.reply))
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn result(seen: &Seen) -> String {
    let call = &seen.call;
    format!("{} errno {} {:?}", call.result, call.errno, call.out)
}

fn events(seen: &Seen) -> String {
    let show = |stage: &StageRecord| format!("{}:{}:{}", stage.kind, stage.code, detail(stage));
    stages(seen, |_| true, show)
}

/// A call as people tell it: result, quirks, and what the filter said.
fn told(seen: &Seen) -> String {
    let call = &seen.call;
    let outcome = match call.errno {
        0 => call.result.to_string(),
        errno => format!("-1 errno {errno}"),
    };
    let mut text = format!("{} = {outcome}", call.nr);
    let is = |kind| {
        kind == StageKind::PREFILTER_RETURN
            || kind == StageKind::POSTFILTER_RETURN
            || kind == StageKind::DEFAULT_RETURN
    };
    let named = |stage: &StageRecord| {
        let slot = Slot::all().find(|slot| slot.index() == usize::from(stage.slot));
        let name = slot.map_or("default_filter", |slot| slot.name());
        format!("{name}={}", stage.code)
    };
    for (label, part) in [("filter", stages(seen, is, named)), ("quirks", quirks(seen))] {
        if !part.is_empty() {
            text.push_str(&format!("; {label} {part}"));
        }
    }
    text
}

/// A line of the example.
pub(super) fn line(record: &Record) -> String {
    text::record_line(&record.as_ref())
}

/// One finding a cause.
///
/// ```
/// use fuserig::gate::{BehaviourDiff, behaviour_findings};
/// use fuserig_abi::Abi;
/// let none = BehaviourDiff::default();
/// assert_eq!(behaviour_findings(&none, "hide", "git.frt", [Abi::V3, Abi::V4]), []);
/// ```
pub fn behaviour_findings(
    diff: &BehaviourDiff,
    filter: &str,
    trace: &str,
    abis: [Abi; 2],
) -> Vec<Finding> {
    let found = diff.groups.iter().map(|(cause, group)| {
        let subject = format!("{filter}/{trace}/{}", cause.replace(' ', "-"));
        let calls = if group.calls == 1 { "call" } else { "calls" };
        let title = format!("{} {calls} of {} differ: {cause}", group.calls, diff.calls);
        Finding::new(FindingClass::Divergence, "behaviour", subject, title)
            .severity(Severity::Error)
            .between((abis[0].name(), &group.old), (abis[1].name(), &group.new))
            .case("trace", &group.example)
            .reproduce(format!(
                "fuserig replay {trace} --filter {filter} --abi {} --fidelity faithful \
                 --against none",
                abis[1]
            ))
    });
    found.collect()
}
