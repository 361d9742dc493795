//! What a filter decided while a trace was replayed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig_abi::{Abi, Fidelity, Op, Slot};
use fuserig_filters::Filter;
use fuserig_sim_fs::{Lower, MemFs};
use fuserig_traces::calls::CallNr;
use fuserig_traces::record::{Record, RecordKind, StageKind, StageRecord};
use fuserig_traces::{Header, PayloadMode, Trace, TraceWriter};

use crate::kernel::{World, WorldConfig};
use crate::pipeline::{Event, NoDaemon, Sink, What};
use crate::replay::{ReplayOptions, Replayer, empty_lower, lower_options};
use crate::serve::{Server, ServerConfig};
use crate::wire_replay::{
    Judgement, WireReplayer, WireReport, exchanges_of, observe, observed_lower,
};

/// One thing that was decided.
///
/// ```
/// use fuserig::anonymise::Decision;
/// let hidden = Decision { arrival: 3, what: "lookup_prefilter".into(), code: -2 };
/// assert_eq!(hidden.to_string(), "lookup_prefilter -> -2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Number of the call or message, counted from 1.
    pub arrival: u64,
    /// The member, `lower` for the filesystem below, or the call itself.
    pub what: String,
    /// What it returned.
    pub code: i64,
}

impl core::fmt::Display for Decision {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{} -> {}", self.what, self.code)
    }
}

/// All of them, and how many results were not as recorded.
pub(super) struct Decisions {
    pub(super) list: Vec<Decision>,
    pub(super) diverged: u64,
    pub(super) arrivals: u64,
    /// Arrivals of which nobody can say what they did: they rest on a state that the trace does not
    /// show, or the recorder kept only a part of them.
    pub(super) unjudged: u64,
    /// Arrivals with a result that was compared with the recorded one.
    pub(super) judged: u64,
}

/// Whether a replay is one of what was recorded, with the filter that was there, or one of what
/// would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    AsRecorded,
    Otherwise,
}

/// Plays a trace with a filter, and says how far it is. Nothing when the trace has nothing to play.
pub(super) fn decisions(
    trace: &Trace,
    (filter, played): (Option<Box<dyn Filter>>, Played),
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Option<Decisions>, String> {
    let has = |kind: RecordKind| trace.records.iter().any(|record| record.kind() == kind);
    if has(RecordKind::Call) {
        of_calls(trace, filter, watch).map(Some)
    } else if has(RecordKind::Op) {
        of_messages(trace, (filter, played), watch).map(Some)
    } else {
        Ok(None)
    }
}

/// The ABI that a trace is about.
pub(super) fn abi(header: &Header) -> Abi {
    Abi::from_name(&header.abi).unwrap_or(Abi::V4)
}

fn fidelity(header: &Header) -> Fidelity {
    Fidelity::from_name(&header.kernel).unwrap_or(Fidelity::Intended)
}

/// The filesystem that the trace says it began with; none where it says nothing.
fn recorded_lower(trace: &Trace) -> Result<Option<Box<dyn Lower>>, String> {
    let tree = trace.records.iter().find_map(|record| match record {
        Record::Tree(tree) => Some(&tree.text),
        _ => None,
    });
    let Some(text) = tree else { return Ok(None) };
    let text = core::str::from_utf8(text).map_err(|error| error.to_string())?;
    let fs = MemFs::from_tree_with(lower_options(&trace.header.lower), text);
    fs.map(|fs| Some(Box::new(fs) as Box<dyn Lower>)).map_err(|error| error.to_string())
}

fn of_calls(
    trace: &Trace,
    filter: Option<Box<dyn Filter>>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Decisions, String> {
    let options = ReplayOptions {
        abi: abi(&trace.header),
        fidelity: fidelity(&trace.header),
        filter,
        lower: recorded_lower(trace)?.unwrap_or_else(|| Box::new(empty_lower(&trace.header.lower))),
        payload: PayloadMode::None,
    };
    let failed = |error: &dyn core::fmt::Display| error.to_string();
    let mut replayer = Replayer::new(&trace.header, options).map_err(|error| failed(&error))?;
    let mut written = Vec::new();
    let header = Header::default();
    let mut writer = TraceWriter::create(&mut written, header).map_err(|error| failed(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    replayer.run(trace, Some(&mut writer), &stop, watch).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    let mut played = Trace::read(&written[..]).map_err(|error| failed(&error))?;
    played.sort();
    let report = replayer.report();
    let mut list = Vec::new();
    let mut arrival = 0;
    for record in &played.records {
        match record {
            Record::Call(call) => {
                arrival += 1;
                let code = match call.errno {
                    // Clients are numbered anew.
                    0 if call.nr == CallNr::FORK => 0,
                    0 => call.result,
                    errno => -i64::from(errno),
                };
                list.push(Decision { arrival, what: call.nr.to_string(), code });
            }
            Record::Stage(stage) => list.extend(of_stage(arrival, stage)),
            _ => {}
        }
    }
    let crashed = u64::from(report.crash.is_some());
    Ok(Decisions {
        list,
        diverged: report.divergences_total + crashed,
        arrivals: report.calls,
        unjudged: 0,
        judged: report.calls,
    })
}

/// What a stage decided. Its call comes before it in the order of everything.
fn of_stage(arrival: u64, stage: &StageRecord) -> Option<Decision> {
    let what = match stage.kind {
        StageKind::PREFILTER_RETURN | StageKind::POSTFILTER_RETURN => member(stage.slot),
        StageKind::DEFAULT_RETURN => "default_filter".to_owned(),
        StageKind::LOWER_RETURN if stage.code < 0 => "lower".to_owned(),
        StageKind::CRASH => format!("crash {}", String::from_utf8_lossy(&stage.detail)),
        _ => return None,
    };
    Some(Decision { arrival, what, code: stage.code })
}

fn member(slot: u16) -> String {
    let op = Op::ALL.get(usize::from(slot / 2)).map_or("slot", |op| op.name());
    let phase = if slot.is_multiple_of(2) { "prefilter" } else { "postfilter" };
    format!("{op}_{phase}")
}

/// Writes down what members and the lower filesystem return.
#[derive(Debug)]
struct Listener(Rc<RefCell<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    arrival: u64,
    list: Vec<Decision>,
}

impl Sink for Listener {
    fn event(&mut self, event: &Event<'_>) {
        let (what, code) = match &event.what {
            What::Return { slot: Slot::Member(op, phase), code, .. } => {
                let number = op.index() as u16 * 2 + u16::from(*phase == fuserig_abi::Phase::Post);
                (member(number), i64::from(*code))
            }
            What::Return { code, .. } => ("default_filter".to_owned(), i64::from(*code)),
            What::Lower { code } if *code < 0 => ("lower".to_owned(), *code),
            _ => return,
        };
        let heard = &mut *self.0.borrow_mut();
        heard.list.push(Decision { arrival: heard.arrival, what, code });
    }
}

/// The messages of a client, served again. What the trace does not say of the start its replies
/// say, as in `fuserig replay`; decisions on the way to that start are not the trace's.
fn of_messages(
    trace: &Trace,
    (filter, played): (Option<Box<dyn Filter>>, Played),
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Decisions, String> {
    let heard = Rc::new(RefCell::new(Heard::default()));
    let config = WorldConfig {
        abi: abi(&trace.header),
        fidelity: fidelity(&trace.header),
        ..WorldConfig::default()
    };
    let sink = Box::new(Listener(Rc::clone(&heard)));
    let observer = observe(trace);
    let lower = match recorded_lower(trace)? {
        Some(lower) => lower,
        None => Box::new(
            observed_lower(trace, &observer).map_err(|errno| format!("the start: {errno}"))?,
        ),
    };
    let world = World::new(&config, lower, filter, Box::new(NoDaemon), sink)
        .map_err(|errno| format!("mount: {errno}"))?;
    let server = Server::new(world, ServerConfig::default());
    let mut replayer = WireReplayer::new(server, Judgement::Mapped, 1);
    replayer.assume_start(trace, &observer);
    heard.borrow_mut().list.clear();
    let messages = trace.records.iter().filter(|record| record.kind() == RecordKind::Op);
    let total = messages.count() as u64;
    for (arrival, exchange) in (1..).zip(exchanges_of(trace)) {
        watch(arrival - 1, total);
        heard.borrow_mut().arrival = arrival;
        let before = outcome(replayer.report());
        replayer.play(&exchange);
        // Of what would have been, a reply may be as recorded by chance: data are zeros.
        if played == Played::AsRecorded {
            let what = match [0, 1].map(|at| outcome(replayer.report())[at] > before[at]) {
                [true, _] => "reply as recorded",
                [_, true] => "reply not as recorded",
                _ => "reply not judged",
            };
            let decision = Decision { arrival, what: what.to_owned(), code: 0 };
            heard.borrow_mut().list.push(decision);
        }
    }
    let report = replayer.report();
    let (diverged, unjudged) = (report.diverged, report.unjudged());
    let judged = report.equal + diverged;
    let heard = core::mem::take(&mut *heard.borrow_mut());
    Ok(Decisions { list: heard.list, diverged, arrivals: heard.arrival, unjudged, judged })
}

/// Replies that came out equal, and replies that differ.
fn outcome(report: &WireReport) -> [u64; 2] {
    [report.equal, report.diverged]
}
