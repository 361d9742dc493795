//! Nothing leaks in the modelled kernel: no handle, no lower file, no page, no buffer.
//!
//! The modelled kernels leak when a filter answers at the wrong moment (N6, PIPE-2, PIPE-12,
//! BUF-2). The filter is not to blame for the kernel, but its author wants to know. What leaks
//! without the filter as well (OPEN-1) is not counted. What a reader would get wrong: without the
//! filter a run has other steps, so that somebody takes a right away between the two looks of an
//! open in one run and not in the other; an open that is refused beside other calls is not counted
//! either.

use fuserig_abi::Errno;

use super::{End, Invariant};
use crate::kernel::Leaks;
use crate::sim::{Action, Balance, CallEntry, Case, Subject};

/// See [`no_leak`].
///
/// ```
/// use fuserig::invariant::{Invariant, no_leak};
/// assert_eq!(no_leak().name(), "no_leak");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLeak;

/// Nothing is left that nobody can free.
pub fn no_leak() -> NoLeak {
    NoLeak
}

impl Invariant for NoLeak {
    fn name(&self) -> &str {
        "no_leak"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        Some((subject.unfiltered(), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(Balance { leaks, .. }) = end.record.balance else { return Ok(()) };
        if leaks == Leaks::default() {
            return Ok(());
        }
        let own = end.twin.and_then(|twin| twin.balance).unwrap_or_default().leaks;
        let kinds = [
            (leaks.buffers, own.buffers, "private buffers (BUF-2)"),
            (leaks.lower_files, own.lower_files, "lower files that stay open for ever (N6)"),
            (leaks.pages, own.pages, "directory pages (PIPE-12)"),
            (leaks.handles, own.handles + refused_in_company(end), "handle objects (PIPE-2)"),
        ];
        let leaked: Vec<String> = kinds
            .iter()
            .filter(|(count, own, _)| count > own)
            .map(|(count, own, what)| format!("{} {what}", count - own))
            .collect();
        if leaked.is_empty() { Ok(()) } else { Err(format!("leaked {}", leaked.join(", "))) }
    }
}

/// Opens that were refused while another client's call was under way.
fn refused_in_company(end: &End<'_>) -> u64 {
    let last = |call: &CallEntry| call.end.unwrap_or(u64::MAX);
    let calls = &end.record.calls;
    let refused = calls.iter().filter(|call| {
        let action = &end.case.clients[call.client].actions[call.action];
        let errno = call.result.as_ref().and_then(|result| result.value.err());
        matches!(action, Action::Open { .. }) && errno == Some(Errno::EACCES)
    });
    let in_company = refused.filter(|call| {
        let others = calls.iter().filter(|other| other.client != call.client);
        others.into_iter().any(|other| other.begin < last(call) && call.begin < last(other))
    });
    in_company.count() as u64
}
