//! A request on its way, moved on without waking the system call that waits for it.
//!
//! Between a request's entering and its end a system call has nothing to do, and waking it means to
//! go down and up through a dozen futures. So the innermost of them hands its request to the task,
//! which performs a step of it at a time and wakes the call when the request is done, or when it
//! has to wait for its turn with the daemon.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use fuserig_abi::{Op, Pid};

use super::held;
use super::system::Vfs;
use super::task::Point;
use crate::kernel::InodeId;
use crate::pipeline::{Operation, Outcome, Progress, Run, Step, Stop};

/// A request on its way, and its room when it is done.
#[derive(Debug)]
pub(super) struct Errand {
    run: Run,
    pid: Pid,
    /// What is asked, until the request enters.
    operation: Option<Operation>,
    /// Why the request did not enter.
    refused: Option<Stop>,
    done: bool,
}

impl Errand {
    /// Room for requests.
    pub(super) fn idle(inode: InodeId) -> Errand {
        let run = Run::idle(inode);
        Errand { run, pid: Pid(0), operation: None, refused: None, done: true }
    }

    /// Takes up a request that is about to enter.
    pub(super) fn take_up(&mut self, pid: Pid, operation: Operation) {
        (self.pid, self.operation) = (pid, Some(operation));
        (self.refused, self.done) = (None, false);
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// What is asked, once the request has entered.
    pub(super) fn op(&self) -> Op {
        self.run.op
    }

    /// Whether the request waits for its turn with the daemon before the next step.
    pub(super) fn asks_daemon(&self) -> bool {
        self.operation.is_none() && self.run.asks_daemon()
    }

    pub(super) fn point(&self) -> Point {
        match &self.operation {
            Some(operation) => Point::Step(operation.op(), Step::Enter),
            None => Point::Step(self.run.op, self.run.at()),
        }
    }

    /// Goes on to the next point where another client may move, or to the end.
    pub(super) fn move_on(&mut self, vfs: &Vfs) {
        let state = &mut *vfs.state();
        if let Some(operation) = self.operation.take() {
            let crash = state.world.crashed.map(Stop::Crash);
            self.refused = crash.or(state.stopped.get(&self.pid).copied());
            if self.refused.is_some() {
                self.done = true;
                return;
            }
            if state.unheld.is_none() {
                state.unheld = held::lacking(state, self.pid, &operation);
            }
            let client = &state.clients[&self.pid];
            let (who, umask) = ((&client.credentials, self.pid), state.fs[client.fs].umask);
            self.run.renew(&mut state.world, operation, who, umask);
        }
        self.done = self.run.step(&mut state.world) == Progress::Done;
    }

    /// What stopped the modelled kernel in it, or keeps it from entering.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.refused.or(self.run.stopped())
    }

    /// What came of it; the operation with its number when the pipeline leaves it.
    pub(super) fn result(&mut self) -> Result<Outcome, (u64, Operation)> {
        match self.run.was_handled() {
            true => Ok(self.run.take_outcome()),
            false => Err((self.run.number, self.run.take_operation())),
        }
    }

    /// What came of a request that leaves nothing but a number; none when the pipeline leaves it.
    pub(super) fn code(&self) -> Option<i64> {
        self.run.was_handled().then(|| self.run.code())
    }
}

/// The system call's side: it waits until its request is done or asks the daemon.
#[derive(Debug)]
pub(super) struct OnItsWay<'v> {
    vfs: &'v Vfs,
    errand: Option<Box<Errand>>,
}

impl<'v> OnItsWay<'v> {
    pub(super) fn new(vfs: &'v Vfs, errand: Box<Errand>) -> OnItsWay<'v> {
        OnItsWay { vfs, errand: Some(errand) }
    }
}

impl Future for OnItsWay<'_> {
    type Output = Box<Errand>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Box<Errand>> {
        let Some(mut errand) = self.errand.take() else {
            let errand = self.vfs.on_its_way.take();
            return Poll::Ready(errand.expect("the task gives back what it was handed"));
        };
        if self.vfs.alone.get() {
            while !errand.is_done() && !errand.asks_daemon() {
                errand.move_on(self.vfs);
            }
            return Poll::Ready(errand);
        }
        self.vfs.point.set(errand.point());
        self.vfs.on_its_way.replace(Some(errand));
        Poll::Pending
    }
}
