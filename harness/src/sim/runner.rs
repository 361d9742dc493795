//! One run: clients, a scheduler, and whoever looks on.
//!
//! Each client performs its program call by call, each call step by step; where more than one can
//! move, the scheduler chooses. It refuses to draw anything: what happens is the case and the
//! schedule. What a reader would get wrong: when all are done, every client exits, so that what
//! is left over can be counted; those calls are no part of the history.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{AllocFailures, Errno, Pid, Timespec};
use fuserig_filters::Filter;
use fuserig_sim_fs::MemFs;

use super::action::descriptor;
use super::caught::caught;
use super::corridor::Corridor;
use super::coverage::Tally;
use super::footprint::{Footprint, MountView, Thing, name_hash};
use super::history::mix_result;
use super::power::Power;
use super::stage::{Stage, pid_of};
use super::{
    Action, Balance, CallEntry, Candidate, Case, Coverage, Ending, Mixer, Playback, Processes,
    RunRecord, Schedule, Scheduler, SharedFs, StepRow, Subject, Switch,
};
use crate::crash::Outage;
use crate::fault::{Armed, FaultKind};
use crate::invariant::{Invariant, Seen, Violation, Waiter};
use crate::kernel::Key;
use crate::pipeline::{SeenCalls, Stop};
use crate::report::FilterCall;
use crate::vfs::{Call, Point, Task, Vfs};

/// How long a daemon takes that answers late.
const LATE_SECONDS: i64 = 2;

/// Most steps of one run; reaching it is an ending of its own.
pub const STEPS_MAX: u64 = 1_000_000;

/// Why a case cannot be run.
///
/// ```
/// use fuserig::prelude::*;
/// let case = Case { tree: "/a '".to_owned(), ..Case::default() };
/// let error = fuserig::sim::run(&Subject::without_filter(Abi::V4), &case).unwrap_err();
/// assert!(error.to_string().starts_with("set up the lower tree: "));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The tree text is wrong.
    #[error("set up the lower tree: {0}")]
    Tree(#[from] fuserig_sim_fs::TreeError),
    /// The lower filesystem cannot be mounted on.
    #[error("mount the lower filesystem: {0}")]
    Mount(Errno),
    /// The daemon that has the whole filesystem did not answer INIT with success.
    #[error("begin the session: the filesystem refused INIT")]
    Refused,
}

/// Runs a case with its own schedule.
///
/// # Errors
/// The tree text is wrong, or the lower filesystem refuses to be mounted on.
pub fn run(subject: &Subject, case: &Case) -> Result<RunRecord, SetupError> {
    let start = MemFs::from_tree(&case.tree)?;
    let mut playback = Playback::new(&case.schedule);
    Ok(run_with(subject, case, &start, &mut playback, &mut [], Detail::Calls)?.0)
}

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Calls.
    Calls,
    /// Calls and steps.
    Steps,
}

/// One client in a run.
struct Lane<'v> {
    /// Who calls, and what that one has open.
    processes: Processes,
    /// The process whose call returned last.
    caller: Pid,
    next: usize,
    step: u32,
    task: Option<Task<'v>>,
    /// The task of the call before, for the next one.
    idle: Option<Task<'v>>,
    entry: usize,
    no_memory: bool,
    /// Whether that was met.
    starved: bool,
    hung: bool,
    /// Killed: nobody gets what the call under way returns.
    killed: bool,
    /// The task is what the kernel does for a client that is gone.
    leaving: bool,
    /// The daemon takes its time: others go first until one of their calls has returned.
    late: bool,
}

impl<'v> Lane<'v> {
    fn pid(&self) -> Pid {
        self.processes.pid()
    }

    fn begin(&mut self, vfs: &'v Vfs, call: Call) {
        self.task = Some(match self.idle.take() {
            Some(mut task) => {
                task.begin(call);
                task
            }
            None => vfs.begin_call(self.pid(), call),
        });
    }

    fn can_move(&self, case: &Case, client: usize) -> bool {
        !self.hung
            && match &self.task {
                Some(task) => !task.is_blocked(),
                None => self.next < case.clients[client].actions.len(),
            }
    }

    fn is_done(&self, case: &Case, client: usize) -> bool {
        self.task.is_none() && self.next >= case.clients[client].actions.len()
    }

    fn point(&self) -> Point {
        self.task.as_ref().map_or(Point::Start, Task::point)
    }
}

/// Runs a case with any scheduler.
pub(crate) fn run_with(
    subject: &Subject,
    case: &Case,
    start: &MemFs,
    scheduler: &mut dyn Scheduler,
    invariants: &mut [Box<dyn Invariant>],
    detail: Detail,
) -> Result<(RunRecord, Option<Violation>), SetupError> {
    let mut power = Power::of(subject, case);
    let shared = power.lower(start);
    let armed = Rc::new(RefCell::new(Armed::default()));
    let (filter, tally) = watched(subject, case);
    let seen = (detail == Detail::Steps).then(SeenCalls::default);
    let stage = Stage::set_up(subject, case, &shared, filter, (&armed, &tally, seen.as_ref()))?;
    let mut session = Session {
        case,
        vfs: &stage.front.vfs,
        stage: &stage,
        shared: &shared,
        armed: &armed,
        tally: &tally,
        lanes: lanes(case),
        happened: Vec::new(),
        calls: Vec::with_capacity(case.operations()),
        switches: Vec::new(),
        rows: Vec::new(),
        seen: seen.as_ref(),
        filter_calls: Vec::new(),
        mixer: Mixer::new(0),
        steps: 0,
        current: 0,
        movers: Movers::default(),
        detail,
        still: false,
        asked_always: false,
        power: &mut power,
        initial: start,
        subject,
        footprint: subject.footprint.as_ref(),
    };
    let (mut ending, violation) = session.play_caught(scheduler, invariants);
    let Session { calls, switches, rows, filter_calls, mut mixer, steps, lanes, .. } = session;
    drop(lanes);
    let balance = violation.is_none().then(|| part(&stage, subject, &mut ending)).flatten();
    let violation = at_exit(violation, &mut ending, &tally);
    let lower = power.recovered.take().unwrap_or_else(|| shared.snapshot());
    mix_end(&mut mixer, &lower, switches.len());
    let records = core::mem::take(&mut tally.borrow_mut().records);
    let record = RunRecord {
        calls,
        schedule: Schedule { switches },
        steps,
        rows,
        filter_calls,
        digest: mixer.finish(),
        ending,
        coverage: reached(&tally.borrow(), &stage),
        initial: start.clone(),
        lower,
        balance,
        faults_fired: armed.borrow().fired(),
        asked: tally.borrow().asked,
        asked_at_once: stage.front.vfs.world().connection.most_at_once(),
        records,
        power: power.loss,
        crash_states: power.states,
        crashes_complete: power.complete,
    };
    Ok((record, violation))
}

/// The filter, and what notes what becomes of it.
fn watched(subject: &Subject, case: &Case) -> (Option<Box<dyn Filter>>, Rc<RefCell<Tally>>) {
    let filter = (subject.filter)();
    let corridor = Corridor::new(case.abi, case.fidelity, filter.as_deref());
    (filter, Rc::new(RefCell::new(Tally::new(corridor))))
}

/// What is left when all clients have gone, which touches nothing that matters to an order; none
/// of a run that did not finish.
fn part(stage: &Stage, subject: &Subject, ending: &mut Ending) -> Option<Balance> {
    if !ending.is_finished() {
        return None;
    }
    let kept = subject.footprint.as_ref().map(Footprint::take);
    let left = caught(|| stage.leave());
    subject.footprint.iter().zip(kept).for_each(|(footprint, kept)| footprint.forget_since(kept));
    left.map_err(|message| *ending = Ending::Panicked { at: None, message }).ok()
}

/// Adds the final tree and how often the scheduler switched.
fn mix_end(mixer: &mut Mixer, lower: &MemFs, switches: usize) {
    let digest = lower.digest().0;
    mixer.word(digest as u64);
    mixer.word((digest >> 64) as u64);
    mixer.word(switches as u64);
}

/// What was reached, the code of filters included.
fn reached(tally: &Tally, stage: &Stage) -> Coverage {
    let mut coverage = tally.coverage();
    stage.front.of_filter(|world| {
        let points = world.filters.iter().flat_map(|filter| filter.reached());
        coverage.points.extend(points);
    });
    coverage
}

/// What was wrong, if not before then while the clients left.
fn at_exit(
    violation: Option<Violation>,
    ending: &mut Ending,
    tally: &RefCell<Tally>,
) -> Option<Violation> {
    trapped_at_exit(ending, tally);
    violation.or_else(|| astray_at_exit(tally))
}

/// A filter that was stopped while the clients left.
fn trapped_at_exit(ending: &mut Ending, tally: &RefCell<Tally>) {
    if let (true, Some(trap)) = (ending.is_finished(), tally.borrow_mut().take_trap()) {
        *ending = Ending::Trapped { at: None, trap };
    }
}

/// A request that went another way than the codes of its filter ask for.
fn astray(message: String, at: Option<(usize, usize)>) -> Violation {
    Violation { invariant: "corridor".to_owned(), message, at }
}

/// A request that was made without a lock that it wants.
fn unlocked(message: String, at: Option<(usize, usize)>) -> Violation {
    Violation { invariant: "locked".to_owned(), message, at }
}

/// What was wrong with the way of a request while the clients left.
fn astray_at_exit(tally: &RefCell<Tally>) -> Option<Violation> {
    tally.borrow_mut().take_astray().map(|wrong| astray(wrong, None))
}

fn lanes<'v>(case: &Case) -> Vec<Lane<'v>> {
    let lane = |client| Lane {
        processes: Processes::new(pid_of(client)),
        caller: pid_of(client),
        next: 0,
        step: 0,
        task: None,
        idle: None,
        entry: 0,
        no_memory: false,
        starved: false,
        hung: false,
        killed: false,
        leaving: false,
        late: false,
    };
    (0..case.clients.len()).map(lane).collect()
}

/// Notes what a step touched besides the lower filesystem and the filter.
fn note_step(vfs: &Vfs, pid: Pid, action: &Action, before: &MountView, footprint: &Footprint) {
    before.note_changes(&MountView::of(vfs), footprint);
    if let Some(place) = vfs.awaited_lock(pid) {
        footprint.read(Thing::Lock(place));
    }
    for path in action.paths() {
        for name in path.0.split(|byte| *byte == b'/') {
            footprint.read(Thing::Cached(name_hash(name)));
        }
    }
    for (id, _) in vfs.world().mount.inodes.iter() {
        footprint.read(Thing::Mount(id.index()));
    }
}

/// Who can move.
#[derive(Default)]
struct Movers {
    all: Vec<Candidate>,
    /// Where the client that moved last stands among them.
    place: usize,
    /// Whether the last step changed nothing about the others: its call goes on, and nobody waits
    /// for a lock or a reply.
    as_before: bool,
}

struct Session<'r, 'v> {
    case: &'r Case,
    vfs: &'v Vfs,
    stage: &'v Stage,
    shared: &'r SharedFs,
    armed: &'r Rc<RefCell<Armed>>,
    tally: &'r Rc<RefCell<Tally>>,
    lanes: Vec<Lane<'v>>,
    /// What went wrong in the call that returned last.
    happened: Vec<FaultKind>,
    calls: Vec<CallEntry>,
    switches: Vec<Switch>,
    rows: Vec<StepRow>,
    seen: Option<&'r SeenCalls>,
    filter_calls: Vec<(usize, FilterCall)>,
    mixer: Mixer,
    steps: u64,
    current: usize,
    movers: Movers,
    detail: Detail,
    /// Whether the clock stands still.
    still: bool,
    /// Whether the scheduler is asked where only one client can move, too.
    asked_always: bool,
    power: &'r mut Power,
    initial: &'r MemFs,
    subject: &'r Subject,
    footprint: Option<&'r Footprint>,
}

impl Session<'_, '_> {
    /// As [`Session::play`]; a panic ends the run.
    fn play_caught(
        &mut self,
        scheduler: &mut dyn Scheduler,
        invariants: &mut [Box<dyn Invariant>],
    ) -> (Ending, Option<Violation>) {
        caught(|| self.play(scheduler, invariants)).unwrap_or_else(|message| {
            let at = Some((self.current, self.lanes[self.current].next));
            (Ending::Panicked { at, message }, None)
        })
    }

    fn play(
        &mut self,
        scheduler: &mut dyn Scheduler,
        invariants: &mut [Box<dyn Invariant>],
    ) -> (Ending, Option<Violation>) {
        self.still = scheduler.stops_clock();
        self.asked_always = scheduler.wants_every_step();
        let durable = self.shared.journal().is_some();
        loop {
            if durable && let Some(lost) = self.power_fails(false, invariants) {
                return (Ending::PowerLost, lost);
            }
            if self.steps >= STEPS_MAX {
                return (Ending::StepLimit(self.steps), None);
            }
            self.enable();
            if self.movers.all.is_empty() {
                if self.vfs.wait_for_reply() || self.ends_a_wait() {
                    continue;
                }
                if let Some(lost) = self.power_fails(true, invariants) {
                    return (Ending::PowerLost, lost);
                }
                return (self.nobody_moves(), None);
            }
            let client = self.choose(scheduler);
            self.current = client;
            let action = self.lanes[client].next;
            let returned = self.step(client);
            if let Some(quirk) = self.stage.front.crashed() {
                return (Ending::Crashed(quirk), None);
            }
            if let Some(trap) = self.tally.borrow_mut().take_trap() {
                return (Ending::Trapped { at: Some((client, action)), trap }, None);
            }
            if let Some(wrong) = self.tally.borrow_mut().take_astray() {
                return (Ending::Stopped, Some(astray(wrong, Some((client, action)))));
            }
            if let Some(wrong) = self.vfs.take_unheld() {
                return (Ending::Stopped, Some(unlocked(wrong, Some((client, action)))));
            }
            if returned && let Some(violation) = self.look(client, invariants) {
                return (Ending::Stopped, Some(violation));
            }
        }
    }

    /// Nobody can move: a signal ends the wait of the first client that waits for an advisory lock,
    /// once a call. Whether there is one.
    fn ends_a_wait(&mut self) -> bool {
        let mut busy = self.lanes.iter().filter(|lane| lane.task.is_some());
        let first =
            busy.find(|lane| !self.calls[lane.entry].interrupted && self.vfs.interrupt(lane.pid()));
        first.map(|lane| self.calls[lane.entry].interrupted = true).is_some()
    }

    /// A signal that is due in this call comes as soon as it waits for an advisory lock.
    fn signal(&mut self, client: usize) {
        let lane = &self.lanes[client];
        let (pid, entry) = (lane.pid(), &mut self.calls[lane.entry]);
        let is_signal = |fault: &FaultKind| matches!(fault, FaultKind::Signal | FaultKind::Killed);
        let is_due = self.case.faults.of(client, lane.next).iter().any(is_signal);
        if is_due && !entry.interrupted && self.vfs.interrupt(pid) {
            entry.interrupted = true;
            // Of who is killed it is said once it is gone.
            self.armed.borrow_mut().fire(pid, |fault| *fault == FaultKind::Signal);
        }
    }

    /// The others that wait for an advisory lock.
    fn waiters(&self, client: usize) -> Vec<Waiter<'_>> {
        let others = self.lanes.iter().enumerate().filter(|(other, _)| *other != client);
        let waiter = |(other, lane): (usize, &Lane<'_>)| {
            let waits = lane.task.is_some() && lane.point() == Point::Lock && !lane.leaving;
            let action = self.case.clients[other].actions.get(lane.next).filter(|_| waits)?;
            let fd = action.lock_of()?;
            action.waits().then(|| Waiter {
                pid: lane.pid(),
                fd: descriptor(lane.processes.files(), fd),
                action,
            })
        };
        others.filter_map(waiter).collect()
    }

    /// Loses power at this step, if the case or a search wants it; what is wrong then, if anything
    /// is. A run that goes on gets nothing.
    fn power_fails(
        &mut self,
        last: bool,
        invariants: &[Box<dyn Invariant>],
    ) -> Option<Option<Violation>> {
        let journal = self.shared.journal()?;
        let outage = Outage {
            subject: self.subject,
            case: self.case,
            initial: self.initial,
            before: &self.shared.look(),
            journal: &journal,
            calls: &self.calls,
            step: self.steps,
        };
        self.power.fails(&outage, last, invariants)
    }

    /// Finds out who can move.
    fn enable(&mut self) {
        if self.movers.as_before {
            let (lane, candidate) =
                (&self.lanes[self.current], &mut self.movers.all[self.movers.place]);
            (candidate.step, candidate.point) = (lane.step, lane.point());
            return;
        }
        self.movers.all.clear();
        for (client, lane) in self.lanes.iter().enumerate() {
            if lane.can_move(self.case, client) {
                let (action, step, point) = (lane.next, lane.step, lane.point());
                self.movers.all.push(Candidate { client, action, step, point });
            }
        }
    }

    fn choose(&mut self, scheduler: &mut dyn Scheduler) -> usize {
        if self.movers.all.len() == 1 && !self.asked_always {
            self.movers.place = 0;
            return self.movers.all[0].client;
        }
        let going_on = self.going_on();
        let chosen = scheduler.choose(&self.movers.all, going_on, self.steps);
        self.movers.place = chosen;
        if chosen != going_on {
            let Candidate { client, action, step, .. } = self.movers.all[going_on];
            let to = self.movers.all[chosen].client;
            self.mixer.word((client as u64) << 32 | to as u64);
            self.mixer.word((action as u64) << 32 | u64::from(step));
            self.switches.push(Switch { client, action, step, to });
        }
        self.movers.all[chosen].client
    }

    /// Who moves unless the scheduler says otherwise, as a place among those who can: the same as
    /// before, but nobody whose daemon takes its time while another can move.
    fn going_on(&self) -> usize {
        if self.movers.as_before && self.case.faults.faults.is_empty() {
            return self.movers.place;
        }
        let (mut in_time, mut own) = (None, None);
        for (place, candidate) in self.movers.all.iter().enumerate() {
            let late = self.lanes[candidate.client].late;
            match (candidate.client == self.current, late) {
                (true, false) => return place,
                (true, true) => own = Some(place),
                (false, false) => in_time = in_time.or(Some(place)),
                (false, true) => {}
            }
        }
        in_time.or(own).unwrap_or(0)
    }

    /// A daemon that took its time in this step: the clock has moved on.
    fn note_late(&mut self) {
        let Some(pid) = self.armed.borrow_mut().take_late() else { return };
        let now = self.vfs.world().now;
        self.vfs.advance_to(Timespec { sec: now.sec.saturating_add(LATE_SECONDS), ..now });
        self.lanes.iter_mut().filter(|lane| lane.pid() == pid).for_each(|lane| lane.late = true);
    }

    /// Moves one client by one step; says whether its call returned.
    fn step(&mut self, client: usize) -> bool {
        if self.lanes[client].task.is_none() {
            self.begin(client);
        }
        let lane = &mut self.lanes[client];
        let point = lane.point();
        if lane.no_memory {
            self.stage.front.of_filter(|world| world.alloc_failures = AllocFailures::Always);
        }
        let task = lane.task.as_mut().expect("the call was just begun");
        let result = match self.footprint {
            None => task.step(),
            Some(footprint) => {
                let before = MountView::of(self.vfs);
                let result = task.step();
                let action = &self.case.clients[client].actions[lane.next];
                note_step(self.vfs, lane.processes.pid(), action, &before, footprint);
                if matches!(point, Point::Reply(_)) {
                    // What the kernel keeps of a reply depends on those that came before it.
                    footprint.write(Thing::Daemon);
                }
                result
            }
        };
        if lane.no_memory {
            let refused = self.stage.front.of_filter(|world| {
                world.alloc_failures = AllocFailures::Never;
                core::mem::take(&mut world.allocs_refused)
            });
            if refused > 0 {
                // One fault, however often it is met.
                if !core::mem::replace(&mut lane.starved, true) {
                    self.armed.borrow_mut().note_fired();
                }
            }
        }
        lane.step += 1;
        lane.late = false;
        self.steps += 1;
        let returned = result.is_some();
        self.movers.as_before = !returned && self.nobody_waits(client);
        if !self.case.faults.faults.is_empty() {
            self.note_late();
            if !returned && self.lanes[client].point() == Point::Lock {
                self.signal(client);
            }
            if returned {
                self.lanes.iter_mut().for_each(|lane| lane.late = false);
            }
        }
        if self.detail == Detail::Steps {
            let action = self.lanes[client].next;
            let calls = self.seen.map(SeenCalls::take).unwrap_or_default();
            self.filter_calls.extend(calls.into_iter().map(|call| (self.rows.len(), call)));
            self.rows.push(StepRow { client, action, point, returned });
        }
        match result {
            None => false,
            Some(_) if self.lanes[client].leaving => {
                self.gone(client);
                false
            }
            Some(result) => {
                let is_seen = !self.lanes[client].killed;
                self.finish(client, result);
                is_seen
            }
        }
    }

    /// Whether nobody waits for a lock or a reply after a step of `client`.
    fn nobody_waits(&self, client: usize) -> bool {
        let waits = |lane: &Lane<'_>| matches!(lane.point(), Point::Lock | Point::Reply(_));
        let others = || self.lanes.iter().any(waits);
        !waits(&self.lanes[client]) && (self.movers.as_before || !others())
    }

    fn begin(&mut self, client: usize) {
        let lane = &mut self.lanes[client];
        let faults = self.case.faults.of(client, lane.next);
        lane.no_memory = faults.contains(&FaultKind::NoMemory);
        lane.starved = false;
        lane.killed = faults.contains(&FaultKind::Killed);
        let jump: i64 = faults
            .iter()
            .map(|fault| match fault {
                FaultKind::ClockJump { seconds } => *seconds,
                _ => 0,
            })
            .fold(0, i64::saturating_add);
        if jump != 0 {
            self.armed.borrow_mut().note_fired();
        }
        let now = self.vfs.world().now;
        // A millisecond an action, so that times tell an order.
        let nanos = now.nsec + if self.still { 0 } else { 1_000_000 };
        let carry = i64::from(nanos >= 1_000_000_000);
        let nsec = nanos % 1_000_000_000;
        let sec = now.sec.saturating_add(carry).saturating_add(jump).max(0);
        match jump < 0 {
            true => self.vfs.world_mut().now = Timespec { sec, nsec },
            false => self.vfs.advance_to(Timespec { sec, nsec }),
        }
        if !faults.is_empty() {
            self.armed.borrow_mut().arm(lane.pid(), faults);
        }
        let call = lane.processes.call(&self.case.clients[client].actions[lane.next]);
        lane.begin(self.vfs, call);
        lane.step = 0;
        lane.entry = self.calls.len();
        let (action, begin) = (lane.next, self.steps);
        self.calls.push(CallEntry { client, action, begin, ..CallEntry::default() });
    }

    /// The client that was killed has closed everything; it does nothing more.
    fn gone(&mut self, client: usize) {
        let lane = &mut self.lanes[client];
        lane.task = None;
        lane.next = self.case.clients[client].actions.len();
        lane.step = 0;
    }

    fn finish(&mut self, client: usize, result: crate::vfs::CallResult) {
        let lane = &mut self.lanes[client];
        lane.idle = lane.task.take();
        if !self.case.faults.faults.is_empty() {
            let left = self.armed.borrow_mut().disarm(lane.pid());
            self.happened = self.case.faults.of(client, lane.next);
            self.happened.retain(|fault| !left.contains(fault));
        }
        if self.vfs.stopped(lane.pid()).is_some_and(Stop::is_hang) {
            lane.hung = true;
            return;
        }
        if core::mem::take(&mut lane.killed) {
            self.armed.borrow_mut().note_fired();
            // Whose exit it was is gone already.
            if !self.vfs.has_client(lane.pid()) {
                return self.gone(client);
            }
            lane.leaving = true;
            lane.begin(self.vfs, Call::Exit);
            return;
        }
        lane.caller = lane.pid();
        lane.processes.note(&self.case.clients[client].actions[lane.next], result.value);
        if lane.pid() != lane.caller {
            lane.idle = None;
        }
        self.mixer.word((client as u64) << 32 | lane.next as u64);
        mix_result(&mut self.mixer, &result);
        let entry = &mut self.calls[lane.entry];
        entry.end = Some(self.steps);
        entry.result = Some(result);
        lane.next += 1;
        lane.step = 0;
    }

    /// Shows the call that just returned to the invariants.
    fn look(&self, client: usize, invariants: &mut [Box<dyn Invariant>]) -> Option<Violation> {
        if invariants.is_empty() {
            return None;
        }
        let entry = &self.calls[self.lanes[client].entry];
        let result = entry.result.as_ref()?;
        let action = &self.case.clients[client].actions[entry.action];
        let alone = self
            .lanes
            .iter()
            .enumerate()
            .all(|(other, lane)| other == client || lane.task.is_none());
        let fs = self.shared.look();
        let seen = Seen {
            client,
            pid: self.lanes[client].pid(),
            caller: self.lanes[client].caller,
            number: entry.action,
            action,
            result,
            begin: entry.begin,
            files: self.lanes[client].processes.files(),
            happened: &self.happened,
            interrupted: entry.interrupted,
            waiters: &self.waiters(client),
            alone,
            calls: &self.calls,
            case: self.case,
            lower: &fs,
            vfs: self.vfs,
        };
        invariants.iter_mut().find_map(|invariant| {
            let message = invariant.call(&seen).err()?;
            let at = Some((client, entry.action));
            Some(Violation { invariant: invariant.name().to_owned(), message, at })
        })
    }

    /// Why nobody can move.
    fn nobody_moves(&self) -> Ending {
        let all = self.lanes.iter().enumerate();
        if all.clone().all(|(client, lane)| lane.is_done(self.case, client)) {
            return Ending::Finished;
        }
        let waits: Vec<String> = all
            .clone()
            .filter_map(|(client, lane)| {
                let waiting = self.vfs.why_blocked(lane.pid())?;
                let action = &self.case.clients[client].actions[lane.next];
                Some(format!("client {} in `{action}` waits for {waiting}", client + 1))
            })
            .collect();
        let hung = all.filter(|(_, lane)| lane.hung).find_map(|(client, lane)| {
            let why = match self.vfs.stopped(lane.pid())? {
                Stop::Hang(quirk) => format!("{} {}", quirk.id(), quirk.text()),
                Stop::Unanswered(opcode) => format!("the daemon does not answer {opcode}"),
                Stop::Crash(_) => return None,
            };
            Some((client, why))
        });
        match hung {
            Some((client, why)) if waits.is_empty() => Ending::Hung { client, why },
            Some((client, why)) => {
                let mut waits = waits;
                let client = client + 1;
                waits.push(format!("client {client} never returns and keeps its locks: {why}"));
                Ending::Deadlock(waits)
            }
            None => Ending::Deadlock(waits),
        }
    }
}
