//! What the members of a filter cost, and which lines of its source ran.
//!
//! A metered filter notes every call on its way to the filter itself. What a reader would get
//! wrong: costs are instructions and helper calls, never times, so that the same run prints the
//! same figures on every machine; a filter that is not of instructions has calls only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fuserig_abi::{CallArgs, Slot};
use fuserig_filters::engine::LineCount;
use fuserig_filters::{Filter, FilterEnv};
use fuserig_traces::tools::Histogram;

use crate::report::{CodeLine, Source};

/// What one member costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberCost {
    /// How often it was called.
    pub(super) calls: u64,
    /// Instructions of all calls.
    pub(super) instructions: u64,
    /// Instructions of a call; empty for a filter that is not of instructions.
    pub(super) histogram: Histogram,
    /// Helper calls of all calls.
    pub(super) helpers: u64,
}

/// Costs by member, and lines by file and number.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    pub(super) members: BTreeMap<u16, MemberCost>,
    lines: BTreeMap<(String, u32), LineCount>,
}

/// A meter that many filters share.
pub(super) type SharedMeter = Rc<RefCell<Meter>>;

impl Meter {
    /// The sources as far as the object tells.
    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources: Vec<Source> = Vec::new();
        for ((file, _), line) in &self.lines {
            let gone = line.branches.iter().flatten().filter(|count| **count > 0).count() as u64;
            let one = CodeLine {
                line: line.line,
                text: line.text.clone(),
                count: line.count,
                ways: [gone, 2 * line.branches.len() as u64],
            };
            match sources.last_mut().filter(|last| last.file == *file) {
                Some(last) => last.lines.push(one),
                None => sources.push(Source { file: file.clone(), lines: vec![one] }),
            }
        }
        sources
    }

    /// Adds what one filter ran. Programs that share a line are added up; a branch is the same in
    /// every filter of the same object.
    fn add(&mut self, lines: Vec<LineCount>) {
        let mut of_one: BTreeMap<(String, u32), LineCount> = BTreeMap::new();
        for line in lines {
            match of_one.get_mut(&(line.file.clone(), line.line)) {
                Some(known) => {
                    known.count += line.count;
                    known.branches.extend(line.branches);
                }
                None => drop(of_one.insert((line.file.clone(), line.line), line)),
            }
        }
        for (key, line) in of_one {
            match self.lines.get_mut(&key) {
                Some(known) => {
                    known.count += line.count;
                    for (sum, [not_taken, taken]) in known.branches.iter_mut().zip(line.branches) {
                        sum[0] += not_taken;
                        sum[1] += taken;
                    }
                }
                None => drop(self.lines.insert(key, line)),
            }
        }
    }
}

/// A filter whose calls are noted. What its lines ran is added when it goes.
#[derive(Debug)]
pub(super) struct Metered {
    inner: Box<dyn Filter>,
    meter: SharedMeter,
}

impl Metered {
    pub(super) fn new(inner: Box<dyn Filter>, meter: &SharedMeter) -> Metered {
        Metered { inner, meter: Rc::clone(meter) }
    }
}

impl Filter for Metered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        self.inner.has(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let before = (self.inner.executed(), self.inner.helper_calls());
        let code = self.inner.call(slot, args, env);
        let mut meter = self.meter.borrow_mut();
        let number = u16::try_from(slot.index()).expect("an ABI has less than 200 members");
        let member = meter.members.entry(number).or_default();
        member.calls += 1;
        if let (Some(before), Some(after)) = (before.0, self.inner.executed()) {
            member.instructions += after - before;
            member.histogram.add(after - before);
        }
        if let (Some(before), Some(after)) = (before.1, self.inner.helper_calls()) {
            member.helpers += after - before;
        }
        code
    }

    fn executed(&self) -> Option<u64> {
        self.inner.executed()
    }

    fn helper_calls(&self) -> Option<u64> {
        self.inner.helper_calls()
    }

    fn mentions(&self) -> fuserig_filters::Mentions {
        self.inner.mentions()
    }

    fn lines(&self) -> Vec<LineCount> {
        self.inner.lines()
    }

    fn programs(&self) -> usize {
        self.inner.programs()
    }

    fn reached(&self) -> Vec<u64> {
        self.inner.reached()
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let lines = self.inner.lines();
        self.meter.borrow_mut().add(lines);
    }
}
