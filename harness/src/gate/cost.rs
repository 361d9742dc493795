//! What does it cost? One trace, one filter, two ABIs: calls and instructions of every member, and
//! the members that one version needs and the other does not.
//!
//! The trace is replayed once for the counts, and once more for each member that ran, without that
//! member. A member that changes nothing by its absence - no result, no byte of a reply, no request
//! more or fewer - decides nothing. What a reader would get wrong: what a filter prints or counts
//! in its maps is no decision, so a filter that only watches decides nothing on any version; and a
//! trace says only what happened in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fuserig_abi::{Abi, CallArgs, Slot};
use fuserig_filters::{Filter, FilterEnv};
use fuserig_sim_fs::Lower;
use fuserig_traces::Trace;
use fuserig_traces::record::Record;

use super::BehaviourError;
use super::review::play;

/// What one member costs during a trace.
///
/// ```
/// use fuserig::gate::MemberCost;
/// let cost = MemberCost { calls: 2, instructions: Some(30), decides: true };
/// assert_eq!(cost.instructions, Some(30));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberCost {
    /// How often it ran.
    pub calls: u64,
    /// Instructions it executed, where the filter is of instructions.
    pub instructions: Option<u64>,
    /// Whether any operation is answered or ends otherwise without it.
    pub decides: bool,
}

/// What a filter costs under one ABI.
///
/// ```
/// use fuserig::gate::CostArm;
/// let arm = CostArm::default();
/// assert_eq!((arm.calls(), arm.instructions()), (0, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostArm {
    /// Operations of the pipeline.
    pub operations: u64,
    /// Programs that are loaded.
    pub programs: usize,
    /// The members that ran.
    pub members: BTreeMap<Slot, MemberCost>,
}

impl CostArm {
    /// Calls of all members.
    pub fn calls(&self) -> u64 {
        self.members.values().map(|member| member.calls).sum()
    }

    /// Instructions of all members; none where no member is of instructions.
    pub fn instructions(&self) -> Option<u64> {
        self.members.values().filter_map(|member| member.instructions).reduce(|a, b| a + b)
    }

    /// Adds what another trace cost.
    pub fn add(&mut self, other: &CostArm) {
        self.operations += other.operations;
        self.programs = other.programs;
        for (slot, cost) in &other.members {
            let sum = self.members.entry(*slot).or_default();
            sum.calls += cost.calls;
            sum.instructions = match (sum.instructions, cost.instructions) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
            sum.decides |= cost.decides;
        }
    }
}

/// What a filter costs under two ABIs, the older first.
///
/// ```
/// use fuserig::gate::CostDiff;
/// assert!(CostDiff::default().unnecessary().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostDiff {
    /// The older and the newer.
    pub arms: [CostArm; 2],
}

impl CostDiff {
    /// Members that ran on either version, in the order of the table.
    pub fn slots(&self) -> Vec<Slot> {
        Slot::all()
            .filter(|slot| self.arms.iter().any(|arm| arm.members.contains_key(slot)))
            .collect()
    }

    /// Members that decide something on the older version and nothing on the newer one.
    pub fn unnecessary(&self) -> Vec<Slot> {
        let decides = |arm: usize, slot: &Slot| {
            self.arms[arm].members.get(slot).is_some_and(|member| member.decides)
        };
        self.slots().into_iter().filter(|slot| decides(0, slot) && !decides(1, slot)).collect()
    }

    /// Members that decide nothing on either version.
    pub fn idle(&self) -> Vec<Slot> {
        let decides = |slot: &Slot| {
            self.arms.iter().any(|arm| arm.members.get(slot).is_some_and(|member| member.decides))
        };
        self.slots().into_iter().filter(|slot| !decides(slot)).collect()
    }
}

/// Replays a trace with a filter under two ABIs and counts. `watch` is told how many calls of how
/// many a replay has done; the count begins anew with each replay.
///
/// # Errors
/// The lower filesystem cannot be mounted on, or the trace has nothing to replay.
pub fn cost(
    trace: &Trace,
    filter: &dyn Fn(Abi) -> Option<Box<dyn Filter>>,
    lower: &dyn Fn() -> Box<dyn Lower>,
    abis: [Abi; 2],
    watch: &dyn Fn(u64, u64),
) -> Result<CostDiff, BehaviourError> {
    let mut diff = CostDiff::default();
    for (arm, abi) in diff.arms.iter_mut().zip(abis) {
        let counts = Counts::default();
        let run = |without: Option<Slot>, counts: &Counts| {
            let metered = filter(abi).map(|inner| -> Box<dyn Filter> {
                Box::new(Metered { inner, without, counts: Rc::clone(counts) })
            });
            play(trace, abi, metered, lower(), watch)
        };
        let (whole, records) = run(None, &counts)?;
        let told = ends(&records);
        arm.operations = told.len() as u64;
        arm.programs = whole.programs;
        arm.members = counts.take();
        for (slot, member) in &mut arm.members {
            member.decides = ends(&run(Some(*slot), &Counts::default())?.1) != told;
        }
    }
    Ok(diff)
}

/// What each operation ended in, in the order of arrival, whoever decided it.
fn ends(records: &[Record]) -> Vec<(u64, u16, i64, &[u8])> {
    let mut ends: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Op(op) => Some((op.seq_send, op.opcode, op.result, op.reply.as_slice())),
            Record::Call(_)
            | Record::Stage(_)
            | Record::Tree(_)
            | Record::Payload(_)
            | Record::Note(_) => None,
        })
        .collect();
    ends.sort_unstable();
    // When an operation arrived depends on how many stages were recorded before it.
    for (index, end) in ends.iter_mut().enumerate() {
        end.0 = index as u64;
    }
    ends
}

/// What ran, shared with the filter that the replay owns.
type Counts = Rc<RefCell<BTreeMap<Slot, MemberCost>>>;

/// A filter that counts, and may lack a member.
#[derive(Debug)]
struct Metered {
    inner: Box<dyn Filter>,
    without: Option<Slot>,
    counts: Counts,
}

impl Filter for Metered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        self.without != Some(slot) && self.inner.has(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let before = self.inner.executed();
        let code = self.inner.call(slot, args, env);
        let mut counts = self.counts.borrow_mut();
        let member = counts.entry(slot).or_default();
        member.calls += 1;
        if let (Some(before), Some(after)) = (before, self.inner.executed()) {
            *member.instructions.get_or_insert(0) += after - before;
        }
        code
    }

    fn executed(&self) -> Option<u64> {
        self.inner.executed()
    }

    fn programs(&self) -> usize {
        self.inner.programs()
    }

    fn reached(&self) -> Vec<u64> {
        self.inner.reached()
    }
}
