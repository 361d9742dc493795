//! Calls that wait for a lock, while others make theirs.
//!
//! A trace does not say when the kernel gave a lock to whoever waited: only that it was asked for,
//! and that the call returned. So a wait has its lock where its return was recorded, or before
//! that where somebody else was refused one or told of one, if it can be had there. A wait that
//! returned in the record and cannot return here is a difference. What a reader would get wrong:
//! of several that wait for one lock, it is not the first to ask that has it, but the first to
//! return. Invariant: no wait asks while it holds what it asks for.

use fuserig_abi::{Errno, Pid};
use fuserig_traces::calls::{CallNr, OutField};
use fuserig_traces::record::{CallFlags, CallRecord, Value};

use crate::vfs::{Call, CallResult, Vfs};

/// A call under way.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) record: CallRecord,
    /// Number of the arrival, counted from 1.
    pub(super) arrival: u64,
    /// Where the call starts in the order of the replay.
    pub(super) seq_send: u64,
    /// The same without waiting.
    attempt: Call,
    /// What it will return, once it is known.
    result: Option<CallResult>,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As any call.
    Returned(CallResult),
    /// A signal ended it, in the record and so here.
    Signal(CallResult),
    /// It returned in the record, and somebody has the lock here.
    StillWaits,
    /// It never returned in the record.
    Unfinished,
}

/// Everybody who waits, in the order in which they returned.
#[derive(Debug, Default)]
pub(super) struct Waits {
    pending: Vec<Wait>,
}

/// The same call without waiting, for one that waits.
pub(super) fn attempt_of(call: &Call) -> Option<Call> {
    match *call {
        Call::WaitFlock { fd, kind } => Some(Call::Flock { fd, kind }),
        Call::WaitLock { fd, lock, whence } => Some(Call::SetLock { fd, lock, whence }),
        _ => None,
    }
}

/// Where the call returned; behind everything when it did not.
fn returned_at(record: &CallRecord) -> u64 {
    let returned = !record.flags.contains(CallFlags::UNFINISHED) && record.seq_reply != 0;
    if returned { record.seq_reply } else { u64::MAX }
}

/// Whether a call was refused a lock, or told of one.
fn met_a_lock(record: &CallRecord) -> bool {
    const F_UNLCK: u64 = 2;
    let refused = [Errno::EAGAIN, Errno::EACCES].map(|errno| errno.0);
    let told = record.out_value(OutField::LOCK_TYPE).and_then(Value::as_uint);
    matches!(record.nr, CallNr::FLOCK | CallNr::FCNTL_LOCK)
        && (refused.contains(&i32::from(record.errno)) || told.is_some_and(|kind| kind != F_UNLCK))
}

impl Waits {
    /// A call begins to wait. `attempt` is what [`attempt_of`] gives for it.
    pub(super) fn begin(
        &mut self,
        vfs: &Vfs,
        attempt: Call,
        record: &CallRecord,
        (arrival, seq_send): (u64, u64),
    ) {
        let refused = vfs.begin_wait(Pid(record.client), &attempt).err();
        let result = refused.map(CallResult::from);
        let wait = Wait { record: record.clone(), arrival, seq_send, attempt, result };
        let at = returned_at(record);
        let place = self.pending.partition_point(|other| returned_at(&other.record) <= at);
        self.pending.insert(place, wait);
    }

    /// Before a call is made: where it met a lock, whoever waits and can have one has it.
    pub(super) fn before(&mut self, vfs: &Vfs, record: &CallRecord) {
        if met_a_lock(record) {
            self.pending.iter_mut().for_each(|wait| wait.ask(vfs));
        }
    }

    /// The next one that returned before a position of the record.
    pub(super) fn ended_before(&mut self, vfs: &Vfs, position: u64) -> Option<(Wait, End)> {
        let first = self.pending.first()?;
        let at = returned_at(&first.record);
        if at >= position && !(at == u64::MAX && position == u64::MAX) {
            return None;
        }
        let mut wait = self.pending.remove(0);
        let end = wait.end(vfs);
        vfs.end_wait(Pid(wait.record.client));
        Some((wait, end))
    }
}

impl Wait {
    /// Asks for the lock, if that can make a difference.
    fn ask(&mut self, vfs: &Vfs) {
        let ended = returned_at(&self.record) == u64::MAX || self.record.errno != 0;
        if self.result.is_some() || ended {
            return;
        }
        let pid = Pid(self.record.client);
        let result = vfs.call(pid, &self.attempt);
        if result.value != Err(Errno::EAGAIN) {
            vfs.end_wait(pid);
            self.result = Some(result);
        }
    }

    fn end(&mut self, vfs: &Vfs) -> End {
        let errno = Errno(i32::from(self.record.errno));
        if returned_at(&self.record) == u64::MAX {
            return End::Unfinished;
        }
        if errno == Errno::EINTR && self.result.is_none() {
            return End::Signal(CallResult::from(errno));
        }
        let tried = self.result.take().unwrap_or_else(|| {
            let pid = Pid(self.record.client);
            vfs.call(pid, &self.attempt)
        });
        if tried.value == Err(Errno::EAGAIN) && errno != Errno::EAGAIN {
            return End::StillWaits;
        }
        End::Returned(tried)
    }
}
