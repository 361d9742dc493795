//! Nobody swallows an error: what failed below, or what the daemon refused, is what the caller
//! hears.
//!
//! It looks at calls in which a fault of the plan happened. It refuses to judge lookups, of which a
//! call may do several and some in vain. What a reader would get wrong: a short read or write is
//! no error, nor is a call that did a part of its work before it failed.

use fuserig_abi::Errno;

use super::{Invariant, Seen};
use crate::fault::{DaemonFault, FaultKind, is_for};
use crate::sim::Action;

/// See [`tells_errors`].
///
/// ```
/// use fuserig::invariant::{Invariant, tells_errors};
/// assert_eq!(tells_errors().name(), "tells_errors");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TellsErrors;

/// A call in which the lower operation that it is for fails, or that the daemon refuses, fails
/// with that errno.
pub fn tells_errors() -> TellsErrors {
    TellsErrors
}

/// Whether a call may have done a part of its work, and say so, when it met the error.
fn did_a_part(seen: &Seen<'_>) -> bool {
    let Ok(done) = seen.result.value else { return false };
    match seen.action {
        Action::Read { size, .. } => done > 0 && done.unsigned_abs() < *size,
        Action::Write { size, .. } | Action::Append { size, .. } => {
            done > 0 && done < i64::from(*size)
        }
        Action::Copy { length, .. } | Action::Sendfile { length, .. } => {
            done > 0 && done.unsigned_abs() < *length
        }
        Action::List { .. } => done > 0,
        _ => false,
    }
}

/// Whether an ordinary kernel may have read ahead in vain: of that nobody hears, and who wants the
/// page has it read again.
fn is_of_read_ahead(fault: &FaultKind, seen: &Seen<'_>) -> bool {
    matches!(fault, FaultKind::Lower { op, .. } if op == "read") && seen.result.value.is_ok()
}

/// What the caller must hear, and whose word it is.
fn told(fault: &FaultKind, action: &Action) -> Option<(Errno, &'static str)> {
    match fault {
        FaultKind::Lower { op, errno } if is_for(action).contains(&op.as_str()) => {
            Some((Errno(*errno), "the filesystem below"))
        }
        FaultKind::Daemon { fault: DaemonFault::Refuses { errno } } => {
            // What comes of giving a file back nobody hears.
            let heard = !action.closes();
            heard.then_some((Errno(*errno), "the daemon"))
        }
        _ => None,
    }
}

impl Invariant for TellsErrors {
    fn name(&self) -> &str {
        "tells_errors"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let [fault] = seen.happened else { return Ok(()) };
        if seen.case.mounted && is_of_read_ahead(fault, seen) {
            return Ok(());
        }
        let Some((errno, who)) = told(fault, seen.action) else { return Ok(()) };
        match seen.result.value {
            Err(other) if other == errno => Ok(()),
            _ if did_a_part(seen) => Ok(()),
            Err(other) => {
                Err(format!("`{}` fails with {other}; {who} failed with {errno}", seen.action))
            }
            Ok(_) => Err(format!("`{}` succeeds; {who} failed with {errno}", seen.action)),
        }
    }
}
