//! Records on their way out: sequence numbers, and the order of starts.
//!
//! Every start and every return of a call takes a number from one counter, in the order of the
//! lines: strace prints `<unfinished ...>` as soon as anything happens between the two, so the
//! lines are the order that the tracer saw. Records leave in the order of their starts, because
//! that is how a trace is replayed: the `fork` before the calls of its child, although the child's
//! lines come first. What a reader would get wrong: a call that blocks for long holds back
//! everything behind it only up to [`HELD_MAX`]; it then comes late.

use core::ops::ControlFlow;
use std::collections::{BTreeMap, BTreeSet};

use crate::record::{CallRecord, Value};

/// Records held back behind a call that has not returned.
const HELD_MAX: usize = 65_536;
/// Bytes of data in them.
const HELD_BYTES_MAX: usize = 64 << 20;

/// Numbers, orders and hands out records.
pub(super) struct Emitter<'a> {
    sink: &'a mut dyn FnMut(CallRecord) -> ControlFlow<()>,
    last: u64,
    begun: BTreeSet<u64>,
    held: BTreeMap<u64, CallRecord>,
    held_bytes: usize,
    stopped: bool,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(CallRecord) -> ControlFlow<()>) -> Emitter<'a> {
        Emitter {
            sink,
            last: 0,
            begun: BTreeSet::new(),
            held: BTreeMap::new(),
            held_bytes: 0,
            stopped: false,
        }
    }

    /// The next number, from 1.
    pub(super) fn tick(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A call has started that will perhaps be recorded.
    pub(super) fn begin(&mut self) -> u64 {
        let seq = self.tick();
        self.begun.insert(seq);
        seq
    }

    /// The call that started at `seq` is recorded by now, or never will be.
    pub(super) fn end(&mut self, seq: u64) {
        self.begun.remove(&seq);
        self.flush();
    }

    /// Takes a record whose `seq_send` is set.
    pub(super) fn push(&mut self, record: CallRecord) {
        debug_assert!(fits_its_row(&record), "{record:?} must have the arguments of its row");
        self.held_bytes += size(&record);
        self.held.insert(record.seq_send, record);
        self.flush();
    }

    /// Hands out the rest.
    pub(super) fn finish(&mut self) {
        self.begun.clear();
        self.flush();
    }

    /// Whether the receiver asked to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    fn flush(&mut self) {
        while let Some((seq, _)) = self.held.first_key_value() {
            let waits = self.begun.first().is_some_and(|begun| begun < seq);
            let is_full = self.held.len() > HELD_MAX || self.held_bytes > HELD_BYTES_MAX;
            if waits && !is_full {
                return;
            }
            let Some((_, record)) = self.held.pop_first() else { return };
            self.held_bytes -= size(&record);
            if !self.stopped {
                self.stopped = (self.sink)(record).is_break();
            }
        }
    }
}

fn size(record: &CallRecord) -> usize {
    let bytes = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
    let args: usize = record.args.iter().map(bytes).sum();
    args + record.out.iter().map(|(_, value)| bytes(value)).sum::<usize>()
}

/// Whether the arguments have the number and the form that the table of calls asks for.
fn fits_its_row(record: &CallRecord) -> bool {
    use crate::calls::{ArgKind, Shape};
    let fits = |kind: ArgKind, value: &Value| match kind.shape() {
        Shape::Int => matches!(value, Value::Int(_)),
        Shape::UInt => matches!(value, Value::UInt(_)),
        Shape::Bytes => matches!(value, Value::Bytes(_)),
    };
    let Some(spec) = record.nr.spec() else { return false };
    let args = spec.args.len() == record.args.len()
        && spec.args.iter().zip(&record.args).all(|((_, kind), value)| fits(*kind, value));
    args && record.out.iter().all(|(field, value)| {
        spec.outs.contains(field) && field.kind().is_some_and(|kind| fits(kind, value))
    })
}

#[cfg(test)]
mod tests {
    use core::ops::ControlFlow;

    use super::{Emitter, HELD_MAX};
    use crate::calls::CallNr;
    use crate::record::CallRecord;

    fn sync(seq_send: u64) -> CallRecord {
        CallRecord { seq_send, nr: CallNr::SYNC, ..CallRecord::default() }
    }

    #[test]
    fn records_leave_in_the_order_of_their_starts() {
        let mut seen = Vec::new();
        let mut sink = |record: CallRecord| {
            seen.push(record.seq_send);
            ControlFlow::Continue(())
        };
        let mut emitter = Emitter::new(&mut sink);
        let slow = emitter.begin();
        for _ in 0..2 {
            let seq = emitter.tick();
            emitter.push(sync(seq));
        }
        emitter.push(sync(slow));
        emitter.end(slow);
        emitter.finish();
        assert_eq!(seen, [1, 2, 3]);
    }

    #[test]
    fn a_call_that_blocks_holds_back_a_bounded_number() {
        let mut count = 0_usize;
        let mut sink = |_record: CallRecord| {
            count += 1;
            ControlFlow::Continue(())
        };
        let mut emitter = Emitter::new(&mut sink);
        emitter.begin();
        for _ in 0..HELD_MAX + 5 {
            let seq = emitter.tick();
            emitter.push(sync(seq));
        }
        assert_eq!(emitter.held.len(), HELD_MAX);
        drop(emitter);
        assert_eq!(count, 5);
    }
}
