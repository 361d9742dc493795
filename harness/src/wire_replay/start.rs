//! What a replay of a trace takes for its start.

use fuserig_abi::{Errno, Opcode};
use fuserig_sim_fs::MemFs;
use fuserig_traces::Trace;
use fuserig_traces::record::{OpFlags, OpRecord, Record};

use super::exchange::exchanges_of;
use super::infer::Observer;
use super::player::WireReplayer;
use crate::replay::lower_options;

/// Whether a trace begins after INIT, or has lost a part of a message.
///
/// ```
/// use fuserig::wire_replay::is_partial;
/// use fuserig_traces::Trace;
/// assert!(is_partial(&Trace::default()));
/// ```
pub fn is_partial(trace: &Trace) -> bool {
    let init = trace.header.init.as_ref().is_some_and(|init| !init.is_assumed());
    let is_init = |op: &OpRecord| u32::from(op.opcode) == Opcode::INIT.0;
    let mut ops = trace.records.iter().filter_map(|record| match record {
        Record::Op(op) => Some(op),
        _ => None,
    });
    let whole = init || ops.clone().any(is_init);
    !whole || ops.any(|op| op.flags.contains(OpFlags::TRUNCATED))
}

/// What the replies of a trace say of the start.
///
/// ```
/// use fuserig::wire_replay::observe;
/// use fuserig_traces::Trace;
/// assert_eq!(observe(&Trace::default()).known(), 1);
/// ```
pub fn observe(trace: &Trace) -> Observer {
    let mut observer = if is_partial(trace) { Observer::of_a_part() } else { Observer::default() };
    exchanges_of(trace).for_each(|exchange| observer.see(&exchange));
    observer
}

/// The filesystem that an observed trace started with, as far as it can be told.
///
/// # Errors
/// When it does not fit into the filesystem in memory.
pub fn observed_lower(trace: &Trace, observer: &Observer) -> Result<MemFs, Errno> {
    observer.build(lower_options(&trace.header.lower))
}

impl WireReplayer {
    /// Prepares what an observed trace has from before its beginning.
    pub fn assume_start(&mut self, trace: &Trace, observer: &Observer) {
        if let Some(first) = exchanges_of(trace).next() {
            self.assume(&observer.unseen(), first.now);
        }
    }
}
