//! Calls that are held between two steps, and what goes wrong in a call.
//!
//! What a reader would get wrong: as long as no call is held, a call is performed at once. While
//! one is, others may have to wait for a lock that it has; then the file is wrong, for it says that
//! they go first.

use fuserig_abi::{AllocFailures, Errno, Pid, Timespec};
use fuserig_traces::text::CallForm;

use super::runner::Stage;
use crate::fault::FaultKind;
use crate::pipeline::Stop;
use crate::replay::issue_call;
use crate::vfs::{Call, CallResult, Task};

/// How much later it is when a daemon has answered late, as in a simulation.
const LATE_SECONDS: i64 = 2;

/// How much later each call on a served mount is than the one before, as in a simulation.
const CALL_NANOS: u32 = 1_000_000;
/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// A call that is held.
#[derive(Debug)]
pub(super) struct UnderWay<'v> {
    task: Task<'v>,
    call: Call,
    form: CallForm,
    taken: u32,
}

impl<'g> Stage<'g> {
    /// What will go wrong in the client's next call.
    pub(super) fn arm(&mut self, pid: Pid, faults: &[FaultKind]) {
        if faults.is_empty() {
            return;
        }
        for fault in faults {
            match fault {
                FaultKind::NoMemory => {
                    self.starved.insert(pid);
                }
                FaultKind::Killed => {
                    self.killed.insert(pid);
                }
                FaultKind::ClockJump { seconds } => self.jump(*seconds),
                FaultKind::Lower { .. }
                | FaultKind::ShortRead { .. }
                | FaultKind::ShortWrite { .. }
                | FaultKind::Signal
                | FaultKind::Daemon { .. } => {}
            }
        }
        self.armed.borrow_mut().arm(pid, faults.to_vec());
    }

    fn jump(&self, seconds: i64) {
        let now = self.vfs.world().now;
        let sec = now.sec.saturating_add(seconds).max(0);
        self.vfs.world_mut().now = Timespec { sec, ..now };
    }

    /// The client has no call under way any more: every fault must have happened, and a client
    /// that was killed is gone.
    pub(super) fn returned(&mut self, pid: Pid) {
        for fault in self.armed.borrow_mut().disarm(pid) {
            let happened = match &fault {
                // No memory is missed in silence when nobody asks for any.
                FaultKind::NoMemory | FaultKind::ClockJump { .. } | FaultKind::Killed => true,
                FaultKind::Lower { .. }
                | FaultKind::ShortRead { .. }
                | FaultKind::ShortWrite { .. }
                | FaultKind::Signal
                | FaultKind::Daemon { .. } => false,
            };
            if !happened {
                let line = self.line;
                let what = format!("this fault did not happen: {fault}");
                self.report.failures.push(super::Failure { line, what });
            }
        }
        self.starved.remove(&pid);
        if self.killed.contains(&pid) && !self.stopped {
            self.perform(pid, &Call::Exit);
            self.killed.remove(&pid);
        }
    }

    /// Performs a call to its end.
    pub(super) fn perform(&mut self, pid: Pid, call: &Call) -> CallResult {
        if self.under_way.is_empty() && self.starved.is_empty() {
            self.tick();
            let result = self.vfs.call(pid, call);
            self.note_late();
            self.note_process(pid, call, &result);
            return result;
        }
        if !self.vfs.has_client(pid) {
            return CallResult::from(Errno::ESRCH);
        }
        let mut task = self.begin_call(pid, call.clone());
        loop {
            if let Some(result) = self.take_step(pid, &mut task) {
                self.note_process(pid, call, &result);
                return result;
            }
            if task.is_blocked() {
                self.wait(pid);
                return CallResult::from(Errno::EDEADLK);
            }
        }
    }

    /// A child goes on in the place of whoever forked it, and that one when the child has exited.
    fn note_process(&mut self, pid: Pid, call: &Call, result: &CallResult) {
        let next = match call {
            Call::Fork { child, .. } if result.value.is_ok() => {
                self.parents.insert(*child, pid);
                *child
            }
            Call::Exit => match self.parents.remove(&pid) {
                Some(parent) => parent,
                None => return,
            },
            _ => return,
        };
        if let Some(caller) = self.callers.iter_mut().find(|caller| **caller == pid) {
            *caller = next;
        }
    }

    /// Begins a call, whose steps the caller then takes.
    pub(super) fn begin_call(&self, pid: Pid, call: Call) -> Task<'g> {
        self.tick();
        self.vfs.begin_call(pid, call)
    }

    /// A kernel in front of a server forgets with time, as it does in a simulation.
    fn tick(&self) {
        if self.front.server().is_some() {
            let now = self.vfs.world().now;
            let nanos = now.nsec + CALL_NANOS;
            let (sec, nsec) = (now.sec.saturating_add(i64::from(nanos / SECOND)), nanos % SECOND);
            self.vfs.advance_to(Timespec { sec, nsec });
        }
    }

    /// How the client's last call stopped a modelled kernel, when it never returned.
    pub(super) fn stop_of(&self, pid: Pid) -> Option<Stop> {
        self.vfs.stopped(pid).or_else(|| self.front.crashed().map(Stop::Crash))
    }

    /// Nobody moves any more: the call waits for one that is held.
    fn wait(&mut self, pid: Pid) {
        let why = self.vfs.why_blocked(pid).unwrap_or_else(|| "somebody".to_owned());
        self.fail(self.line, format!("the call waits for {why}; let that go on first"));
        self.stopped = true;
    }

    fn take_step(&mut self, pid: Pid, task: &mut Task<'g>) -> Option<CallResult> {
        let starved = self.starved.contains(&pid);
        if starved {
            self.front.of_filter(|world| world.alloc_failures = AllocFailures::Always);
        }
        let result = task.step();
        if starved {
            self.front.of_filter(|world| world.alloc_failures = AllocFailures::Never);
        }
        self.note_late();
        result
    }

    fn note_late(&self) {
        let late = self.armed.borrow_mut().take_late();
        if late.is_some() {
            let now = self.vfs.world().now;
            let sec = now.sec.saturating_add(LATE_SECONDS);
            self.vfs.advance_to(Timespec { sec, ..now });
        }
    }

    /// Begins a call and holds it after some steps.
    pub(super) fn hold(&mut self, client: usize, pid: Pid, steps: u32, form: &CallForm) {
        let call = match issue_call(&form.record) {
            Ok(Some(call)) => call,
            Ok(None) => return self.fail(self.line, "this is no call of a client"),
            Err(error) => return self.fail(self.line, error.to_string()),
        };
        if !self.vfs.has_client(pid) {
            return self.fail(self.line, "the client is gone");
        }
        let task = self.begin_call(pid, call.clone());
        self.under_way.insert(client, UnderWay { task, call, form: form.clone(), taken: 0 });
        self.go_on(client, pid, Some(steps));
    }

    /// Lets a call that is held go on, for some steps or to its end.
    pub(super) fn go_on(&mut self, client: usize, pid: Pid, steps: Option<u32>) {
        let Some(mut call) = self.under_way.remove(&client) else {
            return self.fail(self.line, "the client has no call under way");
        };
        let end = steps.map(|steps| call.taken.saturating_add(steps));
        while end.is_none_or(|end| call.taken < end) {
            if call.task.is_blocked() {
                return self.wait(pid);
            }
            call.taken += 1;
            let Some(result) = self.take_step(pid, &mut call.task) else { continue };
            if end.is_some() {
                let what = format!("the call returned in its step {}", call.taken);
                self.fail(self.line, what);
            }
            self.note_process(pid, &call.call, &result);
            return self.judge(self.line, pid, &call.form, &result);
        }
        self.under_way.insert(client, call);
    }
}
