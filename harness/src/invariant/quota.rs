//! Each user writes and creates as much as a quota allows, and is refused nothing before that.
//!
//! What is judged is what `quota:BYTES,FILES` promises (`fuserig_filters::quota`): bytes written,
//! copied and allocated and files created are counted for ever, and a call that would go beyond the
//! limit fails with EDQUOT. Calls that are under way at the same time are each checked before any
//! is counted. So two sums are kept apart: what calls had certainly used when this one began, and
//! what calls can have used at most until it returned. What a reader would get wrong: a call that
//! creates a file perhaps, `open` with O_CREAT, counts for the second alone.

use fuserig_abi::Errno;

use super::{Invariant, Seen};
use crate::sim::{Action, CallEntry, Program};

/// Gives space back: FALLOC_FL_PUNCH_HOLE and FALLOC_FL_COLLAPSE_RANGE of Linux.
const FALLOC_RELEASES: u32 = 0x02 | 0x08;
const O_CREAT: u32 = 0o100;
const O_EXCL: u32 = 0o200;

/// See [`within_quota`].
///
/// ```
/// use fuserig::invariant::{Invariant, within_quota};
/// assert_eq!(within_quota(4096, Some(2)).name(), "within_quota");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WithinQuota {
    bytes: u64,
    files: Option<u64>,
    counts: Counts,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// Bytes, and files of every kind.
    Everything,
    /// Files and directories, and no symlinks, before it is known whether they can be made.
    Creations,
}

/// No user goes beyond so many bytes written and allocated and files created, and nobody is told
/// EDQUOT before.
///
/// ```
/// use fuserig::prelude::*;
/// let limits = QuotaLimits { bytes: 4096, files: Some(3) };
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, move || quota(limits)))
///     .check(invariant::within_quota(4096, Some(3)))
///     .or_report();
/// ```
pub fn within_quota(bytes: u64, files: Option<u64>) -> WithinQuota {
    WithinQuota { bytes, files, counts: Counts::Everything }
}

/// No user creates more than so many files and directories, and nobody is told EDQUOT before; what
/// `uid_quota:COUNT` promises, which does not count symlinks.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, || fuserig_filters::uid_quota(3)))
///     .check(invariant::creates_at_most(3))
///     .or_report();
/// ```
pub fn creates_at_most(files: u64) -> WithinQuota {
    WithinQuota { bytes: u64::MAX, files: Some(files), counts: Counts::Creations }
}

/// What calls use: bytes, and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Use {
    bytes: u64,
    files: u64,
}

impl Use {
    fn plus(self, other: Use) -> Use {
        Use {
            bytes: self.bytes.saturating_add(other.bytes),
            files: self.files.saturating_add(other.files),
        }
    }
}

fn bytes(count: i64) -> Use {
    Use { bytes: u64::try_from(count).unwrap_or(0), files: 0 }
}

/// What a call wants; none for one that uses nothing up.
fn wanted(action: &Action, counts: Counts) -> Option<Use> {
    let is_counted = match action {
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Open { .. } => true,
        _ => counts == Counts::Everything,
    };
    match action {
        _ if !is_counted => None,
        Action::Write { size, .. } | Action::Append { size, .. } => Some(bytes((*size).into())),
        Action::Copy { length, .. } | Action::Sendfile { length, .. } => {
            Some(bytes(i64::try_from(*length).unwrap_or(i64::MAX)))
        }
        Action::Fallocate { mode, length, .. } if mode & FALLOC_RELEASES == 0 => {
            Some(bytes(*length))
        }
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Symlink { .. } => {
            Some(Use { bytes: 0, files: 1 })
        }
        Action::Open { flags, .. } if flags & O_CREAT != 0 => Some(Use { bytes: 0, files: 1 }),
        _ => None,
    }
}

/// What a call has used at least, and at most.
fn used(action: &Action, call: &CallEntry, counts: Counts) -> (Use, Use) {
    let none = Use::default();
    let Some(wanted) = wanted(action, counts) else { return (none, none) };
    let value = call.result.as_ref().map(|result| result.value);
    match (action, value) {
        (_, Some(Err(_))) if counts == Counts::Creations => (none, wanted),
        // It may have been counted before it failed, or not have come so far.
        (Action::Fallocate { .. } | Action::Open { .. }, Some(Err(_))) | (_, None) => {
            (none, wanted)
        }
        (_, Some(Err(_))) => (none, none),
        (action, Some(Ok(count))) if action.writes() => (bytes(count), bytes(count)),
        (Action::Open { flags, .. }, Some(Ok(_))) if flags & O_EXCL == 0 => (none, wanted),
        (_, Some(Ok(_))) => (wanted, wanted),
    }
}

impl Invariant for WithinQuota {
    fn name(&self) -> &str {
        "within_quota"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Some(wanted) = wanted(seen.action, self.counts) else { return Ok(()) };
        let uid = seen.user().0;
        // Of who calls, and behind it of those who wait for it to exit.
        let first = |program: &Program| vec![program.uid];
        let mut users: Vec<Vec<u32>> = seen.case.clients.iter().map(first).collect();
        let (mut least, mut most) = (Use::default(), Use::default());
        for call in seen.calls {
            let program = &seen.case.clients[call.client];
            let is_this = (call.client, call.action) == (seen.client, seen.number);
            let action = &program.actions[call.action];
            let own = &mut users[call.client];
            match action {
                Action::Become { uid, .. } => own[0] = *uid,
                Action::Fork if call.result.as_ref().is_some_and(|result| result.value.is_ok()) => {
                    own.insert(0, own[0]);
                }
                Action::Exit if own.len() > 1 => drop(own.remove(0)),
                _ => {}
            }
            if is_this || own[0] != uid {
                continue;
            }
            let (at_least, at_most) = used(action, call, self.counts);
            most = most.plus(at_most);
            // A creation is counted in one step with the look at the count.
            let is_counted = |end| end <= seen.begin || self.counts == Counts::Creations;
            if call.end.is_some_and(is_counted) {
                least = least.plus(at_least);
            }
        }
        let files = self.files.unwrap_or(u64::MAX);
        let now = match (seen.action, seen.result.value) {
            (action, Ok(count)) if action.writes() => bytes(count),
            (Action::Open { flags, .. }, Ok(_)) if flags & O_EXCL == 0 => return Ok(()),
            _ => wanted,
        };
        let (before, after) = (least.plus(now), most.plus(wanted));
        // Who uses nothing of what others went beyond at the same time does not go beyond it.
        let beyond =
            (now.bytes > 0 && before.bytes > self.bytes) || (now.files > 0 && before.files > files);
        if seen.result.value.is_ok() && beyond {
            let Use { bytes, files } = before;
            return Err(format!(
                "`{}` goes beyond the quota: user {uid} has {bytes} bytes and {files} files",
                seen.action
            ));
        }
        let faulty = || !seen.case.faults.of(seen.client, seen.number).is_empty();
        let refused = seen.result.value == Err(Errno::EDQUOT);
        if refused && after.bytes <= self.bytes && after.files <= files && !faulty() {
            let Use { bytes, files } = most;
            return Err(format!(
                "`{}` gives EDQUOT, and user {uid} has {bytes} bytes and {files} files at most",
                seen.action
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Errno;

    use super::{Counts, O_CREAT, Use, used};
    use crate::sim::{Action, CallEntry};
    use crate::vfs::CallResult;

    /// It may have made the file before it failed, and the filter has counted it then.
    #[test]
    fn an_open_that_failed_counts_at_most() {
        let counted = |action: &Action, value: Result<i64, Errno>, counts| {
            let result = Some(value.map_or_else(CallResult::from, CallResult::value));
            used(action, &CallEntry { end: Some(9), result, ..CallEntry::default() }, counts)
        };
        let use_of = |action: &Action, value| counted(action, value, Counts::Everything);
        let (none, one) = (Use::default(), Use { bytes: 0, files: 1 });
        let create = Action::Open { path: "a".into(), flags: O_CREAT, mode: 0o644 };
        assert_eq!(use_of(&create, Err(Errno::EIO)), (none, one));
        assert_eq!(use_of(&create, Ok(3)), (none, one), "it may have been there");
        let mkdir = Action::Mkdir { path: "d".into(), mode: 0o755 };
        assert_eq!(use_of(&mkdir, Err(Errno::EIO)), (none, none));
        assert_eq!(use_of(&mkdir, Ok(0)), (one, one));
        let created = |action: &Action, value| counted(action, value, Counts::Creations);
        assert_eq!(created(&mkdir, Err(Errno::EIO)), (none, one));
        assert_eq!(created(&mkdir, Ok(0)), (one, one));
        let symlink = Action::Symlink { target: "t".into(), path: "l".into() };
        assert_eq!(created(&symlink, Ok(0)), (none, none));
    }
}
