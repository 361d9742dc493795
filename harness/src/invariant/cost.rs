//! A filter is called a bounded number of times for each system call, on average over a run.

use super::{End, Invariant};

/// See [`cost_bound`].
///
/// ```
/// use fuserig::invariant::{Invariant, cost_bound};
/// assert_eq!(cost_bound(20).name(), "cost_bound");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CostBound {
    calls_max: u64,
}

/// At most so many calls of filter members for each system call.
pub fn cost_bound(calls_max: u64) -> CostBound {
    CostBound { calls_max }
}

impl Invariant for CostBound {
    fn name(&self) -> &str {
        "cost_bound"
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let calls = end.record.calls.len() as u64;
        let made = end.record.coverage.filter_calls;
        if made > self.calls_max.saturating_mul(calls) {
            let most = self.calls_max;
            return Err(format!(
                "{made} filter calls for {calls} system calls; at most {most} each"
            ));
        }
        Ok(())
    }
}
