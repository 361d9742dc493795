//! Chrome trace JSON: what Perfetto and `chrome://tracing` open.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use super::ExportError;
use crate::Trace;
use crate::ops::OpSpec;
use crate::record::{OpRecord, Record, StageRecord};
use crate::text;

/// Writes a trace as Chrome trace JSON: a lane for each client (more than one where its operations
/// overlap), operations and calls as slices, the stages of an operation nested in its slice.
/// Returns the number of slices.
///
/// For looking, not for reading back: bodies appear as text. Stages have no times of their own, so
/// they share the time of their operation evenly, in order. A trace without durations (a
/// simulation's) is drawn by sequence number, a microsecond a step.
///
/// ```
/// use fuserig_traces::export::write_chrome;
/// use fuserig_traces::record::OpRecord;
/// use fuserig_traces::{Header, Trace};
/// let op = OpRecord { opcode: 1, seq_send: 1, seq_reply: 2, pid: 812, ..OpRecord::default() };
/// let trace = Trace { header: Header::default(), records: vec![op.into()] };
/// let mut json = Vec::new();
/// assert_eq!(write_chrome(&trace, &mut json)?, 1);
/// assert!(String::from_utf8_lossy(&json).contains("\"name\":\"LOOKUP\""));
/// # Ok::<(), fuserig_traces::export::ExportError>(())
/// ```
///
/// # Errors
/// When the output cannot be written.
pub fn write_chrome(trace: &Trace, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut stages: BTreeMap<u64, Vec<&StageRecord>> = BTreeMap::new();
    for record in &trace.records {
        if let Record::Stage(stage) = record {
            stages.entry(stage.op_seq).or_default().push(stage);
        }
    }
    let by_sequence = !trace.records.iter().any(has_duration);
    let mut drawing = Drawing { lanes: Lanes::default(), out, first: true, slices: 0 };
    write!(drawing.out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let mut records: Vec<&Record> = trace.records.iter().collect();
    records.sort_by_key(|record| (span(record, by_sequence).0, record.as_ref().seq()));
    for record in records {
        let (start, length) = span(record, by_sequence);
        match record {
            Record::Op(op) => {
                let lane = drawing.lane(op.pid, start, length)?;
                let name = OpSpec::name_of(op.opcode);
                drawing.slice(&name, "op", lane, start, length, op_args(op))?;
                let inside = stages.remove(&op.seq_send).unwrap_or_default();
                drawing.stages(&inside, lane, start, length)?;
            }
            Record::Call(call) => {
                let lane = drawing.lane(call.client, start, length)?;
                let args = json!({ "text": text::record_line(&record.as_ref()) });
                drawing.slice(&call.nr.to_string(), "call", lane, start, length, args)?;
            }
            Record::Stage(_) | Record::Payload(_) | Record::Tree(_) | Record::Note(_) => {}
        }
    }
    writeln!(drawing.out, "\n]}}")?;
    drawing.out.flush()?;
    Ok(drawing.slices)
}

fn has_duration(record: &Record) -> bool {
    match record {
        Record::Op(op) => op.duration_ns > 0,
        Record::Call(call) => call.duration_ns > 0,
        Record::Stage(_) | Record::Payload(_) | Record::Tree(_) | Record::Note(_) => false,
    }
}

/// Start and length of a record in nanoseconds.
fn span(record: &Record, by_sequence: bool) -> (u64, u64) {
    const STEP_NS: u64 = 1_000;
    let (send, reply, time_ns, duration_ns) = match record {
        Record::Op(op) => (op.seq_send, op.seq_reply, op.time_ns, op.duration_ns),
        Record::Call(call) => (call.seq_send, call.seq_reply, call.time_ns, call.duration_ns),
        Record::Stage(_) | Record::Payload(_) | Record::Tree(_) | Record::Note(_) => return (0, 0),
    };
    if by_sequence {
        (send.saturating_mul(STEP_NS), reply.saturating_sub(send).saturating_mul(STEP_NS))
    } else {
        (time_ns, duration_ns)
    }
}

fn op_args(op: &OpRecord) -> Value {
    json!({
        "text": text::record_line(&op.as_ref().into()),
        "unique": op.unique.to_string(),
        "nodeid": op.nodeid.to_string(),
        "result": op.result,
        "flags": op.flags.to_string(),
    })
}

/// Which lanes a client has, and until when each is taken.
#[derive(Debug, Default)]
struct Lanes {
    by_client: BTreeMap<u32, Vec<(u64, u64)>>,
    count: u64,
}

struct Drawing<'a> {
    lanes: Lanes,
    out: &'a mut dyn Write,
    first: bool,
    slices: u64,
}

impl Drawing<'_> {
    fn event(&mut self, event: &Value) -> Result<(), ExportError> {
        let separator = if core::mem::take(&mut self.first) { "\n" } else { ",\n" };
        write!(self.out, "{separator}{event}")?;
        Ok(())
    }

    /// The lane for a slice: the first of its client that is free.
    fn lane(&mut self, client: u32, start: u64, length: u64) -> Result<u64, ExportError> {
        let end = start.saturating_add(length);
        let lanes = self.lanes.by_client.entry(client).or_default();
        if let Some((lane, taken)) = lanes.iter_mut().find(|(_, taken)| *taken <= start) {
            *taken = end;
            return Ok(*lane);
        }
        self.lanes.count += 1;
        let lane = self.lanes.count;
        lanes.push((lane, end));
        let name = match lanes.len() {
            1 => format!("client {client}"),
            more => format!("client {client}, {more} at once"),
        };
        let args = json!({ "name": name });
        let meta = json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": lane, "args": args });
        self.event(&meta)?;
        Ok(lane)
    }

    fn slice(
        &mut self,
        name: &str,
        category: &str,
        lane: u64,
        start: u64,
        length: u64,
        args: Value,
    ) -> Result<(), ExportError> {
        self.slices += 1;
        // Times are microseconds; written by hand, because they are exact and not floating.
        let separator = if core::mem::take(&mut self.first) { "\n" } else { ",\n" };
        write!(
            self.out,
            "{separator}{{\"ph\":\"X\",\"name\":{},\"cat\":\"{category}\",\"pid\":1,\
             \"tid\":{lane},\"ts\":{},\"dur\":{},\"args\":{args}}}",
            Value::from(name),
            micros(start),
            micros(length),
        )?;
        Ok(())
    }

    fn stages(
        &mut self,
        stages: &[&StageRecord],
        lane: u64,
        start: u64,
        length: u64,
    ) -> Result<(), ExportError> {
        let share = length / (stages.len() as u64).max(1);
        for (at, stage) in (0_u64..).zip(stages) {
            let name = format!("P{} {}", stage.step, stage.kind);
            let args = json!({ "text": text::record_line(&stage.as_ref().into()) });
            let begin = start.saturating_add(at.saturating_mul(share));
            self.slice(&name, "stage", lane, begin, share, args)?;
        }
        Ok(())
    }
}

fn micros(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000, ns % 1_000)
}

#[cfg(test)]
mod tests {
    use super::write_chrome;
    use crate::record::{OpRecord, StageKind, StageRecord};
    use crate::{Header, Trace};

    #[test]
    fn overlapping_operations_have_lanes_of_their_own_and_stages_lie_inside() {
        let op = |seq_send, seq_reply, time_ns, duration_ns| OpRecord {
            opcode: 3,
            seq_send,
            seq_reply,
            time_ns,
            duration_ns,
            pid: 7,
            ..OpRecord::default()
        };
        let stage = |kind| StageRecord { op_seq: 1, step: 3, kind, ..StageRecord::default() };
        let records = vec![
            op(1, 4, 0, 9_000).into(),
            op(2, 3, 4_000, 1_000).into(),
            op(5, 6, 20_000, 1).into(),
            stage(StageKind::PREFILTER_CALL).into(),
            stage(StageKind::PREFILTER_RETURN).into(),
        ];
        let mut json = Vec::new();
        write_chrome(&Trace { header: Header::default(), records }, &mut json).expect("in memory");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
        let events = json["traceEvents"].as_array().expect("a list");
        let slices: Vec<String> = events
            .iter()
            .filter(|event| event["ph"] == "X")
            .map(|e| format!("{} {} {} {}", e["name"], e["tid"], e["ts"], e["dur"]))
            .collect();
        let expected = [
            "\"GETATTR\" 1 0.0 9.0",
            "\"P3 prefilter_call\" 1 0.0 4.5",
            "\"P3 prefilter_return\" 1 4.5 4.5",
            "\"GETATTR\" 2 4.0 1.0",
            "\"GETATTR\" 1 20.0 0.001",
        ];
        assert_eq!(slices, expected);
    }
}
