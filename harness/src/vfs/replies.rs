//! Giving way between a request and its reply.
//!
//! On the ordinary path a call gives way while its request is with a daemon that takes several at
//! once. What a reader would get wrong: stepping a call that waits for a reply waits for every
//! reply that is outstanding, by the clock of the machine; so a scheduler lets those go on first
//! that can go on without one.

use core::cell::RefMut;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use fuserig_abi::{Errno, Opcode, Pid};

use super::call::{Call, CallResult};
use super::system::Vfs;
use super::task::{Point, Task};
use crate::kernel::World;
use crate::pipeline::{Lender, wait_for_one};

impl Lender for Vfs {
    fn lend(&self) -> RefMut<'_, World> {
        self.world_mut()
    }

    fn has_others(&self) -> bool {
        !self.alone.get()
    }

    fn note_waiting(&self, opcode: Opcode) {
        self.point.set(Point::Reply(opcode));
    }
}

impl Vfs {
    /// Waits until some reply arrives, for a scheduler that finds nobody who can go on without one:
    /// every call under way stands at [`Point::Reply`] or is blocked. When the daemon stays silent,
    /// the calls that wait for it never return, which they find at their next step. False when no
    /// request is under way.
    pub fn wait_for_reply(&self) -> bool {
        wait_for_one(&mut self.world_mut())
    }

    /// Performs system calls of several clients at once, each to its end; their results in the same
    /// order. Each goes as far as it gets before any takes a reply, so that a daemon that takes
    /// several requests has one of each. A call that cannot end, as [`Vfs::call`] has it, hangs.
    ///
    /// # Panics
    /// When a client is named twice: it makes one call at a time.
    pub fn call_together(&self, calls: &[(Pid, Call)]) -> Vec<CallResult> {
        let twice = |place: usize| calls[..place].iter().any(|other| other.0 == calls[place].0);
        assert!(!(0..calls.len()).any(twice), "a client makes one call at a time");
        let begun = calls.iter().map(|(pid, call)| match self.has_client(*pid) {
            true => (Some(self.begin_call(*pid, call.clone())), None),
            false => (None, Some(CallResult::from(Errno::ESRCH))),
        });
        let mut all: Vec<(Option<Task<'_>>, Option<CallResult>)> = begun.collect();
        loop {
            let mut free = Vec::new();
            let mut waiting = Vec::new();
            for (place, (task, result)) in all.iter().enumerate() {
                match task {
                    Some(task) if result.is_none() && !task.is_blocked() => match task.point() {
                        Point::Reply(_) => waiting.push(place),
                        Point::Start | Point::Step(..) | Point::Lock => free.push(place),
                    },
                    _ => {}
                }
            }
            let turn = if free.is_empty() { waiting } else { free };
            if turn.is_empty() && !self.wait_for_reply() {
                break;
            }
            for place in turn {
                let (task, result) = &mut all[place];
                // What another one did meanwhile may be in its way.
                let task = task.as_mut().filter(|task| !task.is_blocked());
                *result = task.and_then(Task::step);
            }
        }
        let pids = calls.iter().map(|(pid, _)| *pid);
        let results = pids.zip(all).map(|(pid, (_, result))| (pid, result));
        results.map(|(pid, result)| result.unwrap_or_else(|| self.hang_with_holder(pid))).collect()
    }

    /// Whether a reply was waited for in vain that the client cannot go on without.
    pub(super) fn waits_in_vain(&self, pid: Pid) -> bool {
        let world = self.world();
        let mut under_way = world.connection.under_way().iter();
        under_way.any(|request| request.client == pid && request.is_late())
    }

    /// Does something to its end, while no other client moves.
    pub(super) fn at_once<T>(&self, work: impl Future<Output = T>) -> T {
        let before = self.alone.replace(true);
        let mut context = Context::from_waker(Waker::noop());
        let done = pin!(work).poll(&mut context);
        self.alone.set(before);
        match done {
            Poll::Ready(done) => done,
            Poll::Pending => unreachable!("nobody gives way who is alone"),
        }
    }
}
