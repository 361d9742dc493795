//! What an invariant sees, and what it says.

use core::fmt;

use fuserig_abi::{Abi, Fidelity, Pid, Uid};
use fuserig_sim_fs::MemFs;

use crate::crash::Crashed;
use crate::fault::FaultKind;
use crate::sim::{Action, CallEntry, Case, RunRecord, Subject};
use crate::vfs::{CallResult, Vfs};

/// Something that must hold.
///
/// ```
/// use fuserig::invariant::{Invariant, Seen};
///
/// /// No file is ever longer than a page.
/// #[derive(Debug)]
/// struct Short;
/// impl Invariant for Short {
///     fn name(&self) -> &str { "short" }
///     fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
///         match seen.lower.walk().find(|entry| entry.stat.size > 4096) {
///             Some(entry) => Err(format!("{} is too long", entry.path.escape_ascii())),
///             None => Ok(()),
///         }
///     }
/// }
/// assert_eq!(Short.name(), "short");
/// ```
pub trait Invariant: fmt::Debug {
    /// One word, for reports.
    fn name(&self) -> &str;

    /// A run begins over this tree.
    fn begin(&mut self, _initial: &MemFs) {}

    /// A call returned.
    ///
    /// # Errors
    /// What is wrong with it.
    fn call(&mut self, _seen: &Seen<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Power was lost and this is what is found afterwards. One run may show many such disks, each
    /// as if it were the only one.
    ///
    /// # Errors
    /// What is wrong with it.
    fn crash(&self, _crashed: &Crashed<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Another run to compare with, with the schedule of the first.
    fn twin(&self, _subject: &Subject, _case: &Case) -> Option<(Subject, Case)> {
        None
    }

    /// The run is over.
    ///
    /// # Errors
    /// What is wrong with it.
    fn end(&mut self, _end: &End<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// Whether a listing may end before the directory does: the patches of v3 forget that it has more
/// than what was read of it (RDIR-1).
pub(super) fn listings_may_end_early(abi: Abi, fidelity: Fidelity) -> bool {
    abi.base() == Abi::V3 && fidelity == Fidelity::Faithful
}

/// A call that just returned.
///
/// ```
/// use fuserig::invariant::Seen;
/// fn succeeded(seen: &Seen<'_>) -> bool {
///     seen.result.value.is_ok()
/// }
/// # let _ = succeeded;
/// ```
#[derive(Debug)]
pub struct Seen<'a> {
    /// Whose call, counted from 0.
    pub client: usize,
    /// The process that goes on, as the VFS knows it: after a fork the child, after an exit the
    /// parent, and else who called.
    pub pid: Pid,
    /// The process that called; after an exit the VFS knows it no more.
    pub caller: Pid,
    /// Which of the client's actions, counted from 0.
    pub number: usize,
    /// What was asked.
    pub action: &'a Action,
    /// What came back.
    pub result: &'a CallResult,
    /// The step before which the call began.
    pub begin: u64,
    /// The open descriptors of the process that goes on, the newest last.
    pub files: &'a [i32],
    /// Those of its faults that happened.
    pub happened: &'a [FaultKind],
    /// Whether a signal came while it waited for an advisory lock, by a fault or because nobody
    /// could move any more.
    pub interrupted: bool,
    /// The others that wait for an advisory lock now.
    pub waiters: &'a [Waiter<'a>],
    /// Whether no other call is under way.
    pub alone: bool,
    /// Every call so far; those without an end are under way.
    pub calls: &'a [CallEntry],
    /// What is run.
    pub case: &'a Case,
    /// The lower filesystem as it is now.
    pub lower: &'a MemFs,
    /// The system calls' side, for looking.
    pub vfs: &'a Vfs,
}

/// A client that waits for an advisory lock, in a call that has not returned.
///
/// ```
/// use fuserig::invariant::Waiter;
/// use fuserig::sim::Action;
/// use fuserig_abi::Pid;
/// let action = Action::Flock { file: 0, kind: 1, waits: true };
/// let waiter = Waiter { pid: Pid(2), fd: 3, action: &action };
/// assert_eq!(waiter.action.to_string(), "flock #0 exclusive and wait");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Waiter<'a> {
    /// The process.
    pub pid: Pid,
    /// The descriptor that is locked; -1 where nothing is open.
    pub fd: i32,
    /// What is asked.
    pub action: &'a Action,
}

impl Seen<'_> {
    /// The descriptor that an action means by a file; none when nothing is open. What a call
    /// duplicates is named without the duplicate.
    pub fn file(&self, file: u8) -> Option<i32> {
        let duplicates = matches!(self.action, Action::Dup { .. }) && self.result.value.is_ok();
        let count = self.files.len().checked_sub(usize::from(duplicates))?;
        let place = count.checked_sub(1 + usize::from(file).checked_rem(count)?)?;
        self.files.get(place).copied()
    }

    /// Who goes on: a client may become somebody else, and so may its child.
    pub fn user(&self) -> Uid {
        self.vfs.standing(self.pid).0.uid
    }

    /// What this call and those that were under way at any time during it ask for.
    pub fn overlapping(&self) -> impl Iterator<Item = &Action> {
        let at_once = |call: &&CallEntry| call.end.is_none_or(|end| end > self.begin);
        let action = |call: &CallEntry| &self.case.clients[call.client].actions[call.action];
        self.calls.iter().filter(at_once).map(action)
    }

    /// Whether no other call was under way at any time during this one.
    pub fn was_alone(&self) -> bool {
        self.alone
            && self.calls.iter().rev().all(|call| {
                call.client == self.client || call.end.is_some_and(|end| end <= self.begin)
            })
    }
}

/// A run that is over.
///
/// ```
/// use fuserig::invariant::End;
/// fn finished(end: &End<'_>) -> bool {
///     end.record.ending.is_finished()
/// }
/// # let _ = finished;
/// ```
#[derive(Debug)]
pub struct End<'a> {
    /// What was run.
    pub case: &'a Case,
    /// Against what.
    pub subject: &'a Subject,
    /// What happened.
    pub record: &'a RunRecord,
    /// What happened in the twin, when one was asked for.
    pub twin: Option<&'a RunRecord>,
}

/// An invariant that does not hold.
///
/// ```
/// use fuserig::invariant::Violation;
/// let violation = Violation {
///     invariant: "read_only".to_owned(),
///     message: "the tree changed".to_owned(),
///     at: None,
/// };
/// assert_eq!(violation.to_string(), "read_only: the tree changed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: String,
    /// What is wrong.
    pub message: String,
    /// Client and action after which it was seen; none for the end of the run.
    pub at: Option<(usize, usize)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.message)
    }
}
