//! Recording a run: events of the pipeline become records of a trace, converted by hand.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Arg, CallArgs, Caller, Op, Slot, Timespec};
use fuserig_traces::PayloadMode;
use fuserig_traces::record::{OpRecord, Payload, Record, StageKind, StageRecord};

use crate::pipeline::{Event, Sink, Step, What};

/// What the replayer and the sink share: the counter of the interval order, the records not yet
/// taken, and the base of the clock.
#[derive(Debug)]
pub(super) struct Tape {
    sequence: u64,
    records: Vec<Record>,
    /// Where the record of the running operation stands, and its number.
    running: Option<(u64, usize)>,
    payload: PayloadMode,
    /// Whether records hold their data as they are, for a comparison, and not what the mode keeps.
    holds_data: bool,
    base: Timespec,
}

impl Tape {
    pub(super) fn new(payload: PayloadMode, base: Timespec) -> Tape {
        let (records, running, holds_data) = (Vec::new(), None, false);
        Tape { sequence: 0, records, running, payload, holds_data, base }
    }

    /// The next number of the interval order.
    pub(super) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// From now on records hold their data until [`Tape::summarise`].
    pub(super) fn hold_data(&mut self) {
        self.holds_data = true;
    }

    /// Leaves of a record's data what the mode keeps.
    pub(super) fn summarise(&self, record: &mut Record) {
        if let Record::Op(op) = record
            && let Payload::Inline(data) = &op.payload
            && let Some(summary) = self.payload.summary(data)
        {
            op.payload = summary.to_owned();
        }
    }

    /// Takes the records made since the last call.
    pub(super) fn take(&mut self) -> Vec<Record> {
        self.running = None;
        core::mem::take(&mut self.records)
    }

    fn time(&self, now: Timespec) -> u64 {
        let nanos = |t: Timespec| i128::from(t.sec) * 1_000_000_000 + i128::from(t.nsec);
        u64::try_from(nanos(now) - nanos(self.base)).unwrap_or(0)
    }

    /// A stage belongs to the operation that is running, by its sequence number.
    fn stage(&mut self, step: Step, kind: StageKind, slot: u16, code: i64, detail: Vec<u8>) {
        let Some((_, index)) = self.running else { return };
        let Record::Op(op) = &self.records[index] else { return };
        let op_seq = op.seq_send;
        let stage = StageRecord { op_seq, step: step.number(), kind, slot, code, detail };
        self.records.push(Record::Stage(stage));
    }

    fn keep(&self, data: &[u8]) -> Payload {
        if data.is_empty() {
            return Payload::None;
        }
        let summary = if self.holds_data { None } else { self.payload.summary(data) };
        summary.map_or_else(|| Payload::Inline(data.to_vec()), |summary| summary.to_owned())
    }
}

/// The sink of a recorded run.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) tape: Rc<RefCell<Tape>>,
}

impl Sink for Recorder {
    fn event(&mut self, event: &Event<'_>) {
        let tape = &mut *self.tape.borrow_mut();
        match event.what {
            What::Request { op, caller, args, data } => {
                request(tape, event, op, caller, args, data);
            }
            What::Result { handled, value, args, data } => {
                finish(tape, handled, value, args, data);
            }
            What::Buffers { freed, leaked } => {
                for (kind, count) in
                    [(StageKind::BUFFER_FREED, freed), (StageKind::BUFFER_LEAKED, leaked)]
                {
                    if count > 0 {
                        let none = StageRecord::NO_SLOT;
                        tape.stage(event.step, kind, none, i64::from(count), Vec::new());
                    }
                }
            }
            _ => {
                if let Some((kind, slot, code, detail)) = stage_of(tape, event) {
                    tape.stage(event.step, kind, slot, code, detail);
                }
            }
        }
    }
}

/// The stage an event within an operation becomes.
fn stage_of(tape: &Tape, event: &Event<'_>) -> Option<(StageKind, u16, i64, Vec<u8>)> {
    let none = StageRecord::NO_SLOT;
    Some(match event.what {
        What::Request { .. } | What::Result { .. } | What::Buffers { .. } => return None,
        What::Call { slot, args } => {
            let error_in = i64::from(args.meta.error_in as i32);
            (call_kind(event.step, slot), number(slot), error_in, Vec::new())
        }
        What::Return { slot, code, args } => {
            let detail = changed(tape, args);
            (return_kind(event.step, slot), number(slot), i64::from(code), detail)
        }
        What::Print { line } => (StageKind::PRINTK, none, 0, line.as_bytes().to_vec()),
        What::Output { map, bytes } => {
            let detail = [map.as_bytes(), b"\0", bytes].concat();
            (StageKind::OUTPUT, none, bytes.len() as i64, detail)
        }
        What::Trap { trap } => {
            let slot = Slot::from_name(&trap.member).map_or(none, number);
            (StageKind::TRAP, slot, i64::from(trap.insn), trap.to_string().into_bytes())
        }
        What::Lower { code } => (StageKind::LOWER_RETURN, none, code, Vec::new()),
        What::DaemonRequest { opcode, body, .. } => {
            (StageKind::DAEMON_REQUEST, none, i64::from(opcode), body.to_vec())
        }
        What::DaemonReply { error, body, refused: None } => {
            (StageKind::DAEMON_REPLY, none, i64::from(error), body.to_vec())
        }
        // A reply that the device refused changed nothing but the fate of its request.
        What::DaemonReply { refused: Some(_), .. } | What::Forget { .. } => return None,
        What::Finalize { code } => (StageKind::FINALIZE, none, code, Vec::new()),
        What::Quirk { quirk } => (StageKind::QUIRK, none, 0, quirk.id().as_bytes().to_vec()),
        What::Crash { quirk } => (StageKind::CRASH, none, 0, quirk.id().as_bytes().to_vec()),
    })
}

fn request(
    tape: &mut Tape,
    event: &Event<'_>,
    op: Op,
    caller: &Caller,
    args: &CallArgs,
    data: &[u8],
) {
    if tape.running.is_some_and(|(number, _)| number == event.operation) {
        tape.stage(event.step, StageKind::AGAIN, StageRecord::NO_SLOT, 0, Vec::new());
        return;
    }
    let seq_send = tape.next();
    let record = OpRecord {
        opcode: u16::try_from(op.opcode().0).unwrap_or(u16::MAX),
        seq_send,
        time_ns: tape.time(caller.now),
        unique: event.operation * 2,
        nodeid: args.meta.nodeid,
        uid: caller.credentials.uid.0,
        gid: caller.credentials.gid.0,
        pid: caller.pid.0,
        request: body(args.ins(), args),
        payload: tape.keep(data),
        ..OpRecord::default()
    };
    tape.running = Some((event.operation, tape.records.len()));
    tape.records.push(Record::Op(record));
}

fn finish(tape: &mut Tape, handled: bool, value: i64, args: &CallArgs, data: &[u8]) {
    let Some((_, index)) = tape.running else { return };
    let seq_reply = tape.next();
    let payload = tape.keep(data);
    if let Record::Op(op) = &mut tape.records[index] {
        op.seq_reply = seq_reply;
        op.result = value;
        op.reply = body(args.outs(), args);
        if matches!(op.payload, Payload::None) {
            op.payload = payload;
        }
    }
    let code = i64::from(handled);
    tape.stage(Step::Result, StageKind::RESULT, StageRecord::NO_SLOT, code, Vec::new());
}

/// The wire form of arguments: structs in full, buffers at their size. What cannot be read
/// (a NULL buffer) has no bytes.
fn body(list: &[Arg], args: &CallArgs) -> Vec<u8> {
    let mut bytes = Vec::new();
    for arg in list {
        match arg {
            Arg::None => {}
            Arg::Struct(arg) => bytes.extend_from_slice(arg.bytes()),
            Arg::Buffer(buffer) => {
                bytes.extend_from_slice(buffer.bytes(&args.arena).unwrap_or(&[]));
            }
        }
    }
    bytes
}

/// In arguments that a filter changed, so that the trace shows what it did; nothing otherwise.
fn changed(tape: &Tape, args: &CallArgs) -> Vec<u8> {
    let Some((_, index)) = tape.running else { return Vec::new() };
    let Record::Op(op) = &tape.records[index] else { return Vec::new() };
    let now = body(args.ins(), args);
    if now == op.request { Vec::new() } else { now }
}

fn number(slot: Slot) -> u16 {
    u16::try_from(slot.index()).unwrap_or(StageRecord::NO_SLOT)
}

fn call_kind(step: Step, slot: Slot) -> StageKind {
    match (slot, step) {
        (Slot::Default, _) => StageKind::DEFAULT_CALL,
        (Slot::Member(..), Step::Prefilter) => StageKind::PREFILTER_CALL,
        (Slot::Member(..), _) => StageKind::POSTFILTER_CALL,
    }
}

fn return_kind(step: Step, slot: Slot) -> StageKind {
    match (slot, step) {
        (Slot::Default, _) => StageKind::DEFAULT_RETURN,
        (Slot::Member(..), Step::Prefilter) => StageKind::PREFILTER_RETURN,
        (Slot::Member(..), _) => StageKind::POSTFILTER_RETURN,
    }
}
