//! What a run reached: members called, codes returned, quirks hit, errnos from below.
//!
//! Numbers of a run go into those of a campaign. It judges nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use fuserig_abi::{Op, Quirk, Slot};
use fuserig_filters::engine::Trap;

use super::corridor::Corridor;
use crate::pipeline::{Event, Sink, What};

/// What was reached.
///
/// ```
/// use fuserig::sim::Coverage;
/// let mut coverage = Coverage::default();
/// assert_eq!(coverage.merge(&Coverage::default()), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Requests that entered the pipeline.
    pub requests: u64,
    /// Calls of filter members.
    pub filter_calls: u64,
    /// Member and code, and how often.
    pub verdicts: BTreeMap<(u16, i32), u64>,
    /// Quirks that were hit, by id, and how often.
    pub quirks: BTreeMap<&'static str, u64>,
    /// Request kinds and the sign of the lower result.
    pub lower: BTreeSet<(u16, i64)>,
    /// Members with their codes, and what was returned next; only codes that are not CONTINUE, so
    /// that the order of decisions stands out.
    pub pairs: BTreeSet<(u64, u64)>,
    /// Places in the code of a BPF filter: instructions that ran, jumps taken and not taken.
    pub points: BTreeSet<u64>,
    /// How often an engine stopped the filter.
    pub traps: u64,
}

impl Coverage {
    /// Adds what another run reached; says how many things are new.
    pub fn merge(&mut self, other: &Coverage) -> usize {
        let mut new = 0;
        self.requests += other.requests;
        self.filter_calls += other.filter_calls;
        self.traps += other.traps;
        for (verdict, count) in &other.verdicts {
            new += usize::from(!self.verdicts.contains_key(verdict));
            *self.verdicts.entry(*verdict).or_default() += count;
        }
        for (quirk, count) in &other.quirks {
            new += usize::from(!self.quirks.contains_key(quirk));
            *self.quirks.entry(quirk).or_default() += count;
        }
        for lower in &other.lower {
            new += usize::from(self.lower.insert(*lower));
        }
        for pair in &other.pairs {
            new += usize::from(self.pairs.insert(*pair));
        }
        for point in &other.points {
            new += usize::from(self.points.insert(*point));
        }
        new
    }

    /// The members that were called.
    pub fn slots(&self) -> BTreeSet<Slot> {
        let slot = |(slot, _): &(u16, i32)| Slot::from_index(usize::from(*slot));
        self.verdicts.keys().filter_map(slot).collect()
    }
}

/// What a run has reached so far, as cheap to add to as events are frequent.
#[derive(Debug)]
pub(super) struct Tally {
    /// What is rare, counted where it belongs.
    rare: Coverage,
    /// By the place of the quirk.
    quirks: [u64; Quirk::ALL.len()],
    /// How often each member answered CONTINUE.
    continued: [u64; Slot::COUNT],
    /// The kinds of request whose lower step succeeded.
    served: [bool; Op::COUNT],
    /// The request that is under way, for `lower`.
    op: Op,
    /// Requests that the daemon got.
    pub(super) asked: u64,
    /// What filters gave to readers.
    pub(super) records: Vec<Vec<u8>>,
    /// The decision before this one, for `pairs`.
    last: u64,
    /// The first trap that the run has not judged yet.
    trap: Option<Box<Trap>>,
    /// The way that each request goes.
    corridor: Corridor,
    /// What was first wrong with one.
    astray: Option<String>,
}

impl Tally {
    /// Nothing was reached yet.
    pub(super) fn new(corridor: Corridor) -> Tally {
        Tally {
            rare: Coverage::default(),
            quirks: [0; Quirk::ALL.len()],
            continued: [0; Slot::COUNT],
            served: [false; Op::COUNT],
            op: Op::ALL[0],
            asked: 0,
            records: Vec::new(),
            last: 0,
            trap: None,
            corridor,
            astray: None,
        }
    }

    /// The trap that nobody has judged yet.
    pub(super) fn take_trap(&mut self) -> Option<Box<Trap>> {
        self.trap.take()
    }

    /// What was wrong with the way of a request, once.
    pub(super) fn take_astray(&mut self) -> Option<String> {
        self.astray.take()
    }

    /// Everything that was counted.
    pub(super) fn coverage(&self) -> Coverage {
        let mut coverage = self.rare.clone();
        let quirks = Quirk::ALL.iter().map(|quirk| (quirk.id(), self.quirks[quirk.index()]));
        coverage.quirks.extend(quirks.filter(|(_, count)| *count > 0));
        let continued = self.continued.iter().enumerate().filter(|(_, count)| **count > 0);
        coverage.verdicts.extend(continued.map(|(slot, count)| ((slot as u16, 0), *count)));
        let served = self.served.iter().enumerate().filter(|(_, served)| **served);
        coverage.lower.extend(served.map(|(op, _)| (op as u16, 0)));
        coverage
    }

    fn decided(&mut self, slot: Slot, code: i32) {
        self.rare.filter_calls += 1;
        if code == 0 {
            self.continued[slot.index()] += 1;
            return;
        }
        *self.rare.verdicts.entry((slot.index() as u16, code)).or_default() += 1;
        let decision = (slot.index() as u64) << 32 | u64::from(code as u32);
        let before = core::mem::replace(&mut self.last, decision);
        self.rare.pairs.insert((before, decision));
    }

    fn lower_returned(&mut self, code: i64) {
        if code >= 0 {
            self.served[self.op.index()] = true;
        } else {
            self.rare.lower.insert((self.op.index() as u16, code));
        }
    }
}

/// The sink that fills it.
#[derive(Debug)]
pub(super) struct Counter(pub(super) Rc<RefCell<Tally>>);

impl Sink for Counter {
    fn event(&mut self, event: &Event<'_>) {
        let tally = &mut *self.0.borrow_mut();
        let wrong = tally.corridor.event(event);
        tally.astray = tally.astray.take().or(wrong);
        match event.what {
            What::Request { op, .. } => {
                tally.rare.requests += 1;
                tally.op = op;
            }
            What::Return { slot, code, .. } => tally.decided(slot, code),
            What::Quirk { quirk } | What::Crash { quirk } => tally.quirks[quirk.index()] += 1,
            What::DaemonRequest { .. } => tally.asked += 1,
            What::Output { bytes, .. } => tally.records.push(bytes.to_vec()),
            What::Lower { code } => tally.lower_returned(code),
            What::Trap { trap } => {
                tally.rare.traps += 1;
                tally.trap.get_or_insert_with(|| Box::new(trap.clone()));
            }
            What::Call { .. }
            | What::Print { .. }
            | What::Forget { .. }
            | What::DaemonReply { .. }
            | What::Finalize { .. }
            | What::Buffers { .. }
            | What::Result { .. } => {}
        }
    }
}
