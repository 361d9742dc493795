//! The question of the review of v3 28/37: does one member for a family of operations decide as one
//! member for each, how many programs does that save, and what does a call cost?
//!
//! The same trace is replayed twice, over v3 and over v3-grouped, with one filter that is adapted
//! to the ABI it is not made for. What counts as a decision is every code other than CONTINUE and
//! what the operation ended in; a member that runs only because its family does (GRP-2) decides
//! nothing. What a reader would get wrong: instructions are counted by the interpreter, for
//! filters of instructions only.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig_abi::description::{BUILT_IN, Description};
use fuserig_abi::{Abi, Fidelity};
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;
use fuserig_traces::record::{OpRecord, Record, StageKind, StageRecord};
use fuserig_traces::{PayloadMode, Trace, TraceWriter};

use super::BehaviourError;
use crate::replay::{ReplayOptions, Replayer};

/// Most members of a struct_ops struct before v3 26/37 raised it to 128.
const MEMBERS_MAX: u64 = 64;

/// What a filter costs under one ABI.
///
/// ```
/// use fuserig::gate::ReviewArm;
/// let arm = ReviewArm { programs: 4, calls: 30, instructions: Some(900) };
/// assert_eq!(arm.instructions, Some(900));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewArm {
    /// Programs that are loaded.
    pub programs: usize,
    /// Calls of members during the trace.
    pub calls: u64,
    /// Instructions executed during the trace, where there are any.
    pub instructions: Option<u64>,
}

/// What one filter does under both ABIs on one trace.
///
/// ```
/// use fuserig::gate::ReviewRow;
/// assert_eq!(ReviewRow::default().differing, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewRow {
    /// Operations of the pipeline that were compared.
    pub operations: u64,
    /// Those with another decision or another end.
    pub differing: u64,
    /// The first of them: what it was on v3, and what on v3-grouped.
    pub example: Option<[String; 2]>,
    /// Under v3.
    pub v3: ReviewArm,
    /// Under v3-grouped.
    pub grouped: ReviewArm,
}

/// How many members the struct of an ABI has, and whether kernels before v3 26/37 took so many.
///
/// ```
/// use fuserig::gate::member_counts;
/// let counts = member_counts();
/// let v3 = counts.iter().find(|count| count.abi == "v3").expect("built in");
/// assert_eq!((v3.callbacks, v3.members, v3.exceeds), (64, 65, true));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberCount {
    /// The ABI.
    pub abi: String,
    /// The struct.
    pub structure: String,
    /// Members that are callbacks.
    pub callbacks: usize,
    /// All members, the name among them.
    pub members: u64,
    /// Whether that is more than 64.
    pub exceeds: bool,
}

/// The lint on the number of members, for every ABI whose filters are a struct.
pub fn member_counts() -> Vec<MemberCount> {
    let counts = BUILT_IN.iter().filter_map(|(name, text)| {
        let one = Description::parse(text).expect("a test reads every built-in table");
        let members = one.attach.members?;
        Some(MemberCount {
            abi: (*name).to_owned(),
            structure: one.attach.r#struct.clone(),
            callbacks: one.ops.len(),
            members,
            exceeds: members > MEMBERS_MAX,
        })
    });
    counts.collect()
}

/// Replays a trace with a filter under v3 and under v3-grouped and compares every operation.
/// `watch` is told how many calls of how many a replay has done; it is played twice.
///
/// # Errors
/// The lower filesystem cannot be mounted on, or the trace has nothing to replay.
pub fn review(
    trace: &Trace,
    filter: &dyn Fn(Abi) -> Option<Box<dyn Filter>>,
    lower: &dyn Fn() -> Box<dyn Lower>,
    watch: &dyn Fn(u64, u64),
) -> Result<ReviewRow, BehaviourError> {
    let (v3, old) = play(trace, Abi::V3, filter(Abi::V3), lower(), watch)?;
    let (grouped, new) = play(trace, Abi::V3Grouped, filter(Abi::V3Grouped), lower(), watch)?;
    let [old, new] = [operations(&old), operations(&new)];
    let operations = old.len().max(new.len()) as u64;
    let mut row = ReviewRow { operations, v3, grouped, ..ReviewRow::default() };
    for index in 0..old.len().max(new.len()) {
        let sides = [old.get(index), new.get(index)];
        if sides[0] != sides[1] {
            row.differing += 1;
            let told = |side: Option<&String>| side.map_or("nothing", String::as_str).to_owned();
            row.example.get_or_insert_with(|| sides.map(told));
        }
    }
    Ok(row)
}

/// One arm: its costs, and what was recorded.
pub(super) fn play(
    trace: &Trace,
    abi: Abi,
    filter: Option<Box<dyn Filter>>,
    lower: Box<dyn Lower>,
    watch: &dyn Fn(u64, u64),
) -> Result<(ReviewArm, Vec<Record>), BehaviourError> {
    let programs = filter.as_ref().map_or(0, |filter| filter.programs());
    let fidelity = Fidelity::Faithful;
    let options = ReplayOptions { abi, fidelity, filter, lower, payload: PayloadMode::Hash };
    let mut replayer = Replayer::new(&trace.header, options)?;
    let mut writer = TraceWriter::create(Vec::new(), trace.header.clone())?;
    let never = Arc::new(AtomicBool::new(false));
    replayer.run(trace, Some(&mut writer), &never, &mut |done, total| watch(done, total))?;
    let vfs = replayer.into_vfs();
    let instructions = vfs.world().filters.first().and_then(|filter| filter.executed());
    let bytes = writer.finish()?.1;
    let records = Trace::read(bytes.as_slice())?.records;
    let is_call = |kind| kind == StageKind::PREFILTER_CALL || kind == StageKind::POSTFILTER_CALL;
    let calls = records.iter().filter(|record| match record {
        Record::Stage(stage) => is_call(stage.kind),
        _ => false,
    });
    let arm = ReviewArm { programs, calls: calls.count() as u64, instructions };
    Ok((arm, records))
}

/// Each operation in the order of its arrival: what was asked, decided and answered.
fn operations(records: &[Record]) -> Vec<String> {
    let mut ops: Vec<&OpRecord> = Vec::new();
    let mut decided: Vec<&StageRecord> = Vec::new();
    for record in records {
        match record {
            Record::Op(op) => ops.push(op),
            Record::Stage(stage) if is_decision(stage) => decided.push(stage),
            Record::Stage(_)
            | Record::Call(_)
            | Record::Tree(_)
            | Record::Payload(_)
            | Record::Note(_) => {}
        }
    }
    ops.sort_by_key(|op| op.seq_send);
    let told = ops.into_iter().map(|op| {
        let own = decided.iter().filter(|stage| stage.op_seq == op.seq_send);
        let codes: Vec<String> =
            own.map(|stage| format!("{}={}", stage.slot, stage.code)).collect();
        let reply = op.reply.escape_ascii();
        format!("opcode {} [{}] -> {} {reply}", op.opcode, codes.join(" "), op.result)
    });
    told.collect()
}

fn is_decision(stage: &StageRecord) -> bool {
    let is_return =
        stage.kind == StageKind::PREFILTER_RETURN || stage.kind == StageKind::POSTFILTER_RETURN;
    is_return && stage.code != 0
}
