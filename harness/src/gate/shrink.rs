//! The smallest part of a trace that still shows a difference for the same cause.

use fuserig_traces::Trace;
use fuserig_traces::record::{CallRecord, Record};

use super::behaviour::{Arms, BehaviourError, cause, line};

/// How often both arms are played; what is left then is the example.
const PLAYS_MAX: u32 = 200;
/// Lines of an example that are shown.
const LINES_MAX: usize = 40;

/// Removes ever smaller runs of calls before the one at `index`, as long as the cause stays.
pub(super) fn shrink(
    trace: &Trace,
    arms: &Arms<'_>,
    wanted: &str,
    index: usize,
) -> Result<String, BehaviourError> {
    let mut calls: Vec<CallRecord> = trace
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Call(call) => Some(call.clone()),
            _ => None,
        })
        .collect();
    calls.sort_by_key(|call| call.seq_send);
    calls.truncate(index + 1);
    let mut plays = 0;
    let mut size = calls.len() / 2;
    while size > 0 {
        let mut end = calls.len().saturating_sub(1);
        while end > 0 && plays < PLAYS_MAX {
            let start = end.saturating_sub(size);
            let shorter: Vec<CallRecord> =
                calls[..start].iter().chain(&calls[end..]).cloned().collect();
            plays += 1;
            if shows(trace, &shorter, arms, wanted)? {
                calls = shorter;
            }
            end = start;
        }
        size /= 2;
    }
    let mut lines: Vec<String> = calls.into_iter().map(|call| line(&Record::Call(call))).collect();
    if lines.len() > LINES_MAX {
        let hidden = lines.len() - LINES_MAX;
        lines.drain(..hidden);
        lines.insert(0, format!("# {hidden} calls before these"));
    }
    Ok(lines.join("\n"))
}

/// Whether the last call still differs for the cause.
fn shows(
    trace: &Trace,
    calls: &[CallRecord],
    arms: &Arms<'_>,
    wanted: &str,
) -> Result<bool, BehaviourError> {
    let records = calls.iter().cloned().map(Record::Call).collect();
    let part = Trace { header: trace.header.clone(), records };
    let [old, new] = [arms.play(&part, 0)?, arms.play(&part, 1)?];
    let last = old.last().zip(new.last());
    let same_length = old.len() == calls.len() && new.len() == calls.len();
    let found = last.filter(|_| same_length).and_then(|(old, new)| cause(old, new));
    Ok(found.is_some_and(|(cause, _)| cause == wanted))
}
