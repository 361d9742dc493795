//! Many runs from one seed, judged.
//!
//! A [`Simulation`] says what to draw, a [`Campaign`] against what and who judges. What a reader
//! would get wrong: nothing runs before `result` or `or_report`.

use fuserig_abi::Slot;
use fuserig_sim_fs::{Durability, MemFs};

use super::caught::caught;
use super::crowd::{self, Crowd};
use super::drill;
use super::finding::{Class, Finding, Summary};
use super::limits::Limits;
use super::meet::{self, Meeting};
use super::turns::{Turn, Turns};
use super::{
    Action, Bound, Case, Corpus, Detail, Ending, Mixer, Pct, Playback, Program, RandomWalk, Rng,
    RunRecord, Schedule, Scheduler, SchedulerKind, Seed, Serial, SetupError, Subject, Text,
    WorkloadConfig, run_with,
};
use crate::crash::CrashSearch;
use crate::fault::{DaemonFault, FaultKind, FaultPlan};
use crate::invariant::{End, Invariant, Violation};
use crate::shrink::{self, Minimality};

/// Every how many runs one is run again and compared.
const TWICE_EVERY: u64 = 64;

/// Of sixteen runs, how many are not about clients that meet or take turns: where members of a
/// filter are in the middle of calls, where none are, and where it is the losses of power that
/// matter.
const OTHERS_OF_SIXTEEN: (u64, u64, u64) = (3, 5, 12);

/// One run in so many is a course of the manual, until all were gone through; and where power is
/// lost, one that ends with a promise, of which there is no end.
const COURSE_EVERY: (u64, u64) = (4, 2);

/// Where some runs are behind an ordinary mount, one in so many is, besides the courses that are
/// gone through a second time there.
const MOUNTED_EVERY: u64 = 8;

/// One run in so many has a directory that takes several pages to list: of the others, where most
/// are about clients that meet, and of all, where none is.
const CROWDED_ONE_IN: (u64, u64) = (8, 16);

/// Executions of one program that an exhaustive search allows unless told otherwise.
const EXECUTIONS_MAX: u64 = 10_000;

/// What to draw and how often.
///
/// ```
/// use fuserig::prelude::*;
/// let summary = Simulation::new(Seed(7)).clients(2).operations(50).runs(4)
///     .run(Subject::new(Abi::V4, readonly).over("/notes.txt 'hi'"))
///     .check(invariant::read_only())
///     .or_report();
/// assert!(summary.runs == 4 && summary.operations <= 200);
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    pub(crate) seed: Seed,
    pub(crate) workload: WorkloadConfig,
    pub(crate) runs: u64,
    pub(crate) operations_max: u64,
    pub(crate) scheduler: SchedulerKind,
    pub(crate) faults: Option<u64>,
    pub(crate) executions_max: u64,
    pub(crate) crashes: Option<Durability>,
    pub(crate) corpus: Option<Corpus>,
    pub(crate) case: Option<Case>,
    /// Whether some runs are behind an ordinary mount.
    mounts: bool,
    /// What alone is drawn.
    only: Option<fn(&Action) -> bool>,
    /// Limits that runs reached.
    limits: Limits,
    /// Meetings that were drawn.
    meetings: u64,
    /// What the command line required besides, for the command that reproduces a finding.
    pub(crate) required: Vec<String>,
}

impl Simulation {
    /// Sixteen runs of two clients and 64 operations from this seed.
    pub fn new(seed: Seed) -> Simulation {
        Simulation {
            seed,
            workload: WorkloadConfig::default(),
            runs: 16,
            operations_max: u64::MAX,
            scheduler: SchedulerKind::default(),
            faults: None,
            executions_max: EXECUTIONS_MAX,
            crashes: None,
            corpus: None,
            case: None,
            mounts: false,
            only: None,
            limits: Limits::default(),
            meetings: 0,
            required: Vec::new(),
        }
    }

    /// Guided by coverage: programs that reach something new are kept and varied. Begins with
    /// those of a corpus.
    #[must_use]
    pub fn guided(mut self, corpus: Corpus) -> Simulation {
        self.corpus = Some(corpus);
        self
    }

    /// Most executions of one program with [`SchedulerKind::Exhaustive`]; a program that has more
    /// schedules is reported as bounded. Default 10,000.
    #[must_use]
    pub fn executions_max(mut self, executions: u64) -> Simulation {
        self.executions_max = executions.max(1);
        self
    }

    /// One stored case, exactly as it is; with [`SchedulerKind::Exhaustive`] in every order.
    pub fn of_case(case: Case) -> Simulation {
        Simulation { case: Some(case), runs: 1, ..Simulation::new(Seed(0)) }
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(mut self, clients: usize) -> Simulation {
        self.workload.clients = clients;
        self
    }

    /// How many operations a run has at most, over all clients. Runs in which clients meet are
    /// shorter, and one that tries a limit which an earlier one reached goes no further than that.
    #[must_use]
    pub fn operations(mut self, operations: usize) -> Simulation {
        self.workload.operations = operations;
        self
    }

    /// How many runs there are.
    #[must_use]
    pub fn runs(mut self, runs: u64) -> Simulation {
        self.runs = runs;
        self
    }

    /// No run begins once so many operations were done, over all runs. Runs may be shorter than
    /// [`Simulation::operations`] says, so that their number alone does not tell.
    #[must_use]
    pub fn operations_max(mut self, operations: u64) -> Simulation {
        self.operations_max = operations;
        self
    }

    /// A name that workloads use often.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Simulation {
        self.workload.names.push(name.into());
        self
    }

    /// Every client is the super-user: for filesystems that leave permissions to nobody.
    #[must_use]
    pub fn as_root(mut self) -> Simulation {
        self.workload.users = false;
        self
    }

    /// Draws only actions that `keep` says yes to, for a filesystem that does not have all of
    /// them, or not for every argument; shrinking may still make one simpler. No run is then about
    /// clients that meet, limits, or large directories, which need actions of their own.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// Simulation::new(Seed(1)).as_root()
    ///     .only(|action| matches!(action, Action::Mkdir { .. } | Action::Stat { .. }))
    ///     .run(Subject::without_filter(Abi::V4))
    ///     .check(invariant::posix())
    ///     .or_report();
    /// ```
    #[must_use]
    pub fn only(mut self, keep: fn(&Action) -> bool) -> Simulation {
        self.only = Some(keep);
        self
    }

    /// Who moves when.
    #[must_use]
    pub fn scheduler(mut self, scheduler: SchedulerKind) -> Simulation {
        self.scheduler = scheduler;
        self
    }

    /// About one fault in so many operations.
    #[must_use]
    pub fn faults(mut self, one_in: u64) -> Simulation {
        self.faults = Some(one_in);
        self
    }

    /// Loses power now and then: at some steps of each run, some of the legal states are mounted
    /// and judged.
    #[must_use]
    pub fn crashes(mut self, durability: Durability) -> Simulation {
        self.crashes = Some(durability);
        self.workload.syncs = true;
        self
    }

    /// Some runs, one in eight and the courses a second time, are behind an ordinary mount, as all
    /// of [`Subject::mounted`] are; with the scheduler that draws, and no other. `fuzz none` does
    /// so.
    ///
    /// Whoever looks at the world of the modelled kernel there sees that of the kernel in front.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let subject = Subject::without_filter(Abi::V4).over("/a 'x'");
    /// Simulation::new(Seed(1)).operations(20).mounting().run(subject)
    ///     .check(invariant::posix())
    ///     .or_report();
    /// ```
    #[must_use]
    pub fn mounting(mut self) -> Simulation {
        self.mounts = true;
        self
    }

    /// Whether a run is behind an ordinary mount although not all of them are.
    fn is_mounted(&self, run: u64) -> bool {
        let is_drawn = self.scheduler == SchedulerKind::Random;
        let again = self.course_due(run).is_some_and(|number| number / drill::COUNT == 1);
        self.mounts && is_drawn && (again || run % MOUNTED_EVERY == 2)
    }

    /// The number of the course that is due.
    fn course_due(&self, run: u64) -> Option<usize> {
        let every = if self.workload.syncs { COURSE_EVERY.1 } else { COURSE_EVERY.0 };
        let is_due = self.scheduler == SchedulerKind::Random && run % every == 1;
        is_due.then(|| usize::try_from(run / every).ok()).flatten()
    }

    /// Whether a run is one in which clients meet or take turns, which are short.
    fn is_about_meeting(&self, run: u64) -> bool {
        if self.only.is_some() {
            return false;
        }
        let others = match (self.workload.syncs, self.workload.ops.is_empty()) {
            (true, _) => OTHERS_OF_SIXTEEN.2,
            (false, true) => OTHERS_OF_SIXTEEN.1,
            (false, false) => OTHERS_OF_SIXTEEN.0,
        };
        run % 16 >= others
    }

    /// A course, where there is no filter that knows better what to try, and not where only some
    /// actions are wanted. Where power is lost it is a short one that ends with a promise: of
    /// others too many states are legal to look at all of them.
    fn course(&self, run: u64, rng: &mut Rng) -> Option<(Vec<Program>, Meeting)> {
        let (workload, number) = (&self.workload, self.course_due(run)?);
        if !workload.ops.is_empty() || self.only.is_some() {
            return None;
        }
        if workload.syncs {
            return drill::draw_safe(number, workload, rng);
        }
        let rounds = if self.mounts { 2 } else { 1 };
        let is_left = number < rounds * drill::COUNT;
        is_left.then(|| drill::draw(number % drill::COUNT, workload, rng)).flatten()
    }

    /// A directory that is large, now and then: not where every legal state of a tree is looked at
    /// or every schedule tried, which would cost too much, nor while programs wait that were given.
    fn crowd(&self, seed: Seed, tree: &str) -> Option<Crowd> {
        let is_given = self.corpus.as_ref().is_some_and(Corpus::is_waiting);
        if self.workload.syncs
            || self.only.is_some()
            || self.scheduler == SchedulerKind::Exhaustive
            || is_given
        {
            return None;
        }
        let meets = self.scheduler == SchedulerKind::Random && self.workload.clients > 1;
        let one_in = if meets { CROWDED_ONE_IN.0 } else { CROWDED_ONE_IN.1 };
        let mut rng = seed.fork("crowd").rng();
        if rng.chance(1, one_in) { crowd::draw(&self.workload, &mut rng, tree) } else { None }
    }

    /// Against what.
    pub fn run(self, mut subject: Subject) -> Campaign {
        if let Some(durability) = self.crashes {
            subject.crashes = Some(CrashSearch::some(durability, self.seed.fork("crashes")));
        }
        subject.mounted |= self.case.as_ref().is_some_and(|case| case.mounted);
        Campaign {
            simulation: self,
            subject,
            invariants: Vec::new(),
            shrinks: true,
            beside: Vec::new(),
        }
    }
}

/// A simulation against a subject.
///
/// ```
/// use fuserig::prelude::*;
/// let campaign = Simulation::new(Seed(1)).run(Subject::without_filter(Abi::V4));
/// assert!(campaign.check(invariant::balance()).result().is_ok());
/// ```
#[derive(Debug)]
pub struct Campaign {
    pub(super) simulation: Simulation,
    pub(super) subject: Subject,
    pub(super) invariants: Vec<Box<dyn Invariant>>,
    /// Whether what is found is made smaller.
    pub(super) shrinks: bool,
    /// Campaigns of which one run in so many is, before its own.
    pub(super) beside: Vec<(u64, Campaign)>,
}

impl Campaign {
    /// Also judged by this.
    #[must_use]
    pub fn check(mut self, invariant: impl Invariant + 'static) -> Campaign {
        self.invariants.push(Box::new(invariant));
        self
    }

    /// Also judged by these.
    #[must_use]
    pub fn check_all(mut self, invariants: Vec<Box<dyn Invariant>>) -> Campaign {
        self.invariants.extend(invariants);
        self
    }

    /// Runs until something is found or all is done.
    ///
    /// # Errors
    /// The first finding, shrunk.
    ///
    /// # Panics
    /// When the tree of the subject is not well-formed, or nothing was to be run.
    pub fn result(mut self) -> Result<Summary, Box<Finding>> {
        match self.go(&mut |_| true) {
            Ok(Ok(summary)) => Ok(summary),
            Ok(Err(finding)) => Err(finding),
            Err(error) => panic!("{error}"),
        }
    }

    /// What is found stays as it is found: sooner told, and as long as the run was until then.
    #[must_use]
    pub fn unshrunk(mut self) -> Campaign {
        self.shrinks = false;
        self
    }

    /// What does not hold, not shrunk: for who makes cases smaller otherwise.
    ///
    /// # Panics
    /// As [`Campaign::result`].
    pub fn violation(self) -> Option<Violation> {
        self.unshrunk().result().err().map(|finding| finding.violation)
    }

    /// As [`Campaign::result`], and the corpus can be looked at afterwards.
    ///
    /// # Errors
    /// The first finding, shrunk.
    ///
    /// # Panics
    /// As [`Campaign::result`].
    pub fn run_guided(&mut self) -> Result<Summary, Box<Finding>> {
        match self.go(&mut |_| true) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// The programs that reached something, when the simulation is guided.
    pub fn corpus(&self) -> &Corpus {
        const NONE: &Corpus = &Corpus::empty();
        self.simulation.corpus.as_ref().unwrap_or(NONE)
    }

    /// As [`Campaign::result`], but a finding is printed and panics.
    ///
    /// # Panics
    /// With the report, when something was found.
    #[track_caller]
    pub fn or_report(self) -> Summary {
        match self.result() {
            Ok(summary) => summary,
            Err(finding) => panic!("\n{finding}"),
        }
    }

    /// Runs as long as `go_on` says, which sees the summary so far.
    pub(crate) fn go(
        &mut self,
        go_on: &mut dyn FnMut(&Summary) -> bool,
    ) -> Result<Result<Summary, Box<Finding>>, SetupError> {
        assert!(self.simulation.runs > 0, "a simulation of no runs judges nothing");
        let mut turns = Turns::of(self)?;
        let mut mixer = Mixer::new(0);
        let mut summary = Summary { scheduler: self.simulation.scheduler, ..Summary::default() };
        for run in 0..self.simulation.runs {
            if !go_on(&summary) || summary.operations >= self.simulation.operations_max {
                break;
            }
            let (other, turn) = turns.next(run);
            let campaign = match other {
                Some(other) => &mut self.beside[other].1,
                None => &mut *self,
            };
            if let Some(finding) = campaign.one(turn, &mut summary, &mut mixer)? {
                return Ok(Err(Box::new(Finding { run, ..finding })));
            }
        }
        summary.digest = mixer.finish();
        Ok(Ok(summary))
    }

    /// The tree that its runs begin with, unless a run has one of its own.
    pub(super) fn tree(&self) -> &str {
        match &self.simulation.case {
            Some(case) => &case.tree,
            None => &self.subject.tree,
        }
    }

    /// One run, and what is found in it.
    fn one(
        &mut self,
        Turn { number, plain }: Turn<'_>,
        summary: &mut Summary,
        mixer: &mut Mixer,
    ) -> Result<Option<Finding>, SetupError> {
        let (mut case, at_once) = self.draw(number, plain);
        let start = match case.tree == self.tree() {
            true => plain.clone(),
            false => MemFs::from_tree(&case.tree)?,
        };
        if self.simulation.scheduler == SchedulerKind::Exhaustive {
            if let Some((case, violation)) = self.every_schedule(case, &start, summary)? {
                return self.report(case, violation).map(Some);
            }
            mixer.word(summary.digest);
            return Ok(None);
        }
        self.bound(number, &case, &start, summary)?;
        let mut scheduler = match at_once {
            Some(scheduler) => scheduler,
            None => self.scheduler_of(number, &case, summary.bound),
        };
        let (subject, detail) = (&self.subject, Detail::Calls);
        let judged = judge(subject, &case, &start, &mut *scheduler, &mut self.invariants, detail)?;
        let (record, violation) = judged;
        case.schedule = record.schedule.clone();
        case.crash = record.power.as_ref().map(|power| power.crash.clone());
        self.learn(&case, &record);
        summary.runs += 1;
        summary.add(&record);
        mixer.word(record.digest);
        let violation = match violation {
            // Which of two threads of a daemon was faster is no part of the case.
            None if is_repeated(number) && record.asked_at_once < 2 => {
                self.again(&case, &start, &record, Playback::new)?
            }
            violation => violation,
        };
        violation.map(|violation| self.report(case, violation)).transpose()
    }

    /// What the filter mentions is what workloads should try.
    pub(super) fn ask_filter(&mut self) {
        if self.simulation.case.is_some() {
            return;
        }
        // A daemon that keeps locks itself may let a client wait for ever.
        self.simulation.workload.waits &= !self.subject.served;
        if let Some(filter) = (self.subject.filter)() {
            let workload = core::mem::take(&mut self.simulation.workload);
            self.simulation.workload = workload.mentioning(filter.mentions());
            let ops = Slot::all().filter(|slot| filter.has(*slot)).filter_map(|slot| match slot {
                Slot::Member(op, _) => Some(op),
                Slot::Default => None,
            });
            self.simulation.workload.ops = ops.collect();
        }
    }

    /// What a run reached guides those that come.
    fn learn(&mut self, case: &Case, record: &RunRecord) {
        // What was found in a tree of its own is not there in others, and a mount has other steps.
        if case.mounted != self.subject.mounted {
            return;
        }
        if self.simulation.case.is_none() && case.tree != self.subject.tree {
            return;
        }
        if let Some(corpus) = &mut self.simulation.corpus {
            corpus.learn(&case.clients, record);
        }
        let stored = self.simulation.case.is_some();
        if self.simulation.scheduler == SchedulerKind::Random && !stored {
            self.simulation.limits.learn(&case.clients, record);
        }
    }

    /// The case of one run, and who moves when if that belongs to it.
    fn draw(&mut self, run: u64, start: &MemFs) -> (Case, Option<Box<dyn Scheduler>>) {
        let simulation = &mut self.simulation;
        if let Some(case) = &simulation.case {
            return (Case { mounted: self.subject.mounted, ..case.clone() }, None);
        }
        let seed = simulation.seed.number(run);
        let mut rng = seed.fork("workload").rng();
        let mut scheduler: Option<Box<dyn Scheduler>> = None;
        let mut clients = Vec::new();
        if let Some((programs, turns)) = simulation.course(run, &mut rng) {
            scheduler = Some(Box::new(turns));
            clients = programs;
        } else if simulation.scheduler == SchedulerKind::Random && simulation.is_about_meeting(run)
        {
            if rng.chance(3, 8)
                && let Some((programs, at_once)) = simulation.limits.draw(&mut rng)
            {
                return (self.case_of(programs), Some(Box::new(at_once)));
            }
            let number = simulation.meetings;
            if let Some((programs, meeting)) =
                meet::draw(&simulation.workload, &mut rng, start, number)
            {
                simulation.meetings += 1;
                scheduler = Some(Box::new(meeting));
                clients = programs;
            }
        }
        let mut tree = None;
        if scheduler.is_none() {
            // What a daemon has at the start is in its code.
            let crowd = match self.subject.served {
                true => None,
                false => simulation.crowd(seed, &self.subject.tree),
            };
            clients = match (&mut simulation.corpus, simulation.only) {
                (Some(corpus), _) => corpus.draw(&simulation.workload, &mut rng, start),
                (None, Some(keep)) => simulation.workload.draw_only(&mut rng, start, keep),
                (None, None) => simulation.workload.draw(&mut rng, start),
            };
            if let Some(keep) = simulation.only {
                clients.iter_mut().for_each(|program| program.actions.retain(keep));
            }
            if let Some(crowd) = crowd {
                crowd.join(&mut clients, &mut rng);
                tree = Some(crowd.tree);
            }
        }
        let faults = match simulation.faults {
            Some(one_in) => FaultPlan::draw(&mut seed.fork("faults").rng(), &clients, one_in),
            None => FaultPlan::default(),
        };
        let mounted = self.subject.mounted || self.simulation.is_mounted(run);
        let mut case = Case { faults, mounted, ..self.case_of(clients) };
        case.tree = tree.unwrap_or(case.tree);
        (case, scheduler)
    }

    /// Programs as a case of this campaign, without faults and forced switches.
    pub fn case_of(&self, programs: Vec<Program>) -> Case {
        Case {
            filter: self.subject.spec.clone(),
            abi: self.subject.abi,
            fidelity: self.subject.fidelity,
            mounted: self.subject.mounted,
            tree: self.subject.tree.clone(),
            clients: programs,
            ..Case::default()
        }
    }

    /// The bound of PCT, whose `k` is half as much again as the steps of the first program when
    /// one client runs after the other.
    fn bound(
        &self,
        run: u64,
        case: &Case,
        start: &MemFs,
        summary: &mut Summary,
    ) -> Result<(), SetupError> {
        let SchedulerKind::Pct { depth } = self.simulation.scheduler else { return Ok(()) };
        if run > 0 || self.simulation.case.is_some() {
            return Ok(());
        }
        let detail = Detail::Calls;
        let (record, _) = run_with(&self.subject, case, start, &mut Serial, &mut [], detail)?;
        let (clients, steps) = (case.clients.len() as u64, record.steps + record.steps / 2);
        summary.bound = Some(Bound { clients, steps: steps.max(1), depth });
        Ok(())
    }

    fn scheduler_of(&self, run: u64, case: &Case, bound: Option<Bound>) -> Box<dyn Scheduler> {
        if self.simulation.case.is_some() {
            return Box::new(Playback::new(&case.schedule));
        }
        let seed = self.simulation.seed.number(run).fork("schedule");
        match self.simulation.scheduler {
            SchedulerKind::Serial => Box::new(Serial),
            SchedulerKind::Random => SchedulerKind::random(seed),
            SchedulerKind::Uniform => Box::new(RandomWalk::new(seed, 1, 1)),
            SchedulerKind::Pct { depth } => {
                let steps = bound.map_or(1, |bound| bound.steps);
                Box::new(Pct::new(seed, case.clients.len(), depth, steps))
            }
            SchedulerKind::Exhaustive => Box::new(Serial),
        }
    }

    /// The same case once more must be the same run.
    pub(super) fn again(
        &self,
        case: &Case,
        start: &MemFs,
        record: &RunRecord,
        replay: fn(&Schedule) -> Playback,
    ) -> Result<Option<Violation>, SetupError> {
        let mut playback = replay(&case.schedule);
        let detail = Detail::Calls;
        let (second, _) = run_with(&self.subject, case, start, &mut playback, &mut [], detail)?;
        if second.digest == record.digest {
            return Ok(None);
        }
        let differs = record.calls.iter().zip(&second.calls).find(|(one, other)| one != other);
        let at = differs.map(|(call, _)| (call.client, call.action));
        let message = "the same case ran differently the second time; the filter depends on \
                       something outside it"
            .to_owned();
        Ok(Some(Violation { invariant: "deterministic".to_owned(), message, at }))
    }

    /// What is known of a finding, but for the run, which the caller counts.
    fn report(&mut self, case: Case, violation: Violation) -> Result<Finding, SetupError> {
        let operations_found = case.operations();
        let class = Class::of(&violation.invariant);
        let stable = class != Class::Nondeterminism && self.shrinks;
        let (case, violation, minimality) = if stable {
            shrink::shrink(&self.subject, case, violation, &mut self.invariants)?
        } else {
            (case, violation, Minimality::default())
        };
        let mut playback = Playback::new(&case.schedule);
        let start = MemFs::from_tree(&case.tree)?;
        let judged = judge(
            &self.subject,
            &case,
            &start,
            &mut playback,
            &mut self.invariants,
            Detail::Steps,
        )?;
        let seed = self.simulation.seed;
        let record = Box::new(judged.0);
        let required = self.simulation.required.clone();
        Ok(Finding {
            required,
            class,
            violation,
            case,
            record,
            seed,
            run: 0,
            operations_found,
            minimality,
        })
    }
}

/// Whether a run is done twice: one in so many, of every kind, because what a run is about comes in
/// turns; and, for who does but a few, some of the first.
fn is_repeated(run: u64) -> bool {
    run < 16 && run.is_power_of_two() || run % TWICE_EVERY == run / TWICE_EVERY % TWICE_EVERY
}

/// Runs a case and judges it: the ending first, then each invariant, then its twin.
pub(crate) fn judge(
    subject: &Subject,
    case: &Case,
    start: &MemFs,
    scheduler: &mut dyn Scheduler,
    invariants: &mut [Box<dyn Invariant>],
    detail: Detail,
) -> Result<(RunRecord, Option<Violation>), SetupError> {
    for invariant in &mut *invariants {
        invariant.begin(start);
    }
    let (record, violation) = run_with(subject, case, start, scheduler, invariants, detail)?;
    let violation = match violation {
        Some(violation) => Some(violation),
        None => judge_record(subject, case, start, &record, invariants, Playback::new)?,
    };
    Ok((record, violation))
}

/// Judges a run that is over; `replay` makes the scheduler that a twin runs with.
pub(super) fn judge_record(
    subject: &Subject,
    case: &Case,
    start: &MemFs,
    record: &RunRecord,
    invariants: &mut [Box<dyn Invariant>],
    replay: fn(&Schedule) -> Playback,
) -> Result<Option<Violation>, SetupError> {
    let violation = bad_ending(&record.ending, case);
    // After a loss of power there is no end to compare with.
    if violation.is_some() || record.ending == Ending::PowerLost {
        return Ok(violation);
    }
    for invariant in invariants {
        let twin = match invariant.twin(subject, case) {
            Some((other, other_case)) => {
                let start = if other_case.tree == case.tree {
                    start.clone()
                } else {
                    MemFs::from_tree(&other_case.tree)?
                };
                let mut playback = replay(&record.schedule);
                let detail = Detail::Calls;
                Some(run_with(&other, &other_case, &start, &mut playback, &mut [], detail)?.0)
            }
            None => None,
        };
        let end = End { case, subject, record, twin: twin.as_ref() };
        let (name, message) = match caught(|| invariant.end(&end)) {
            Ok(Ok(())) => continue,
            Ok(Err(message)) => (invariant.name(), message),
            Err(message) => ("no_panic", message),
        };
        return Ok(Some(Violation { invariant: name.to_owned(), message, at: None }));
    }
    Ok(None)
}

/// What no filter may bring about.
fn bad_ending(ending: &Ending, case: &Case) -> Option<Violation> {
    let violation = |invariant: &str, message: String| {
        Some(Violation { invariant: invariant.to_owned(), message, at: None })
    };
    match ending {
        Ending::Finished | Ending::PowerLost | Ending::Stopped => None,
        Ending::Crashed(quirk) => {
            let message = format!("the modelled kernel crashed: {} {}", quirk.id(), quirk.text());
            violation("no_crash", message)
        }
        Ending::Hung { client, why } => {
            let never = FaultKind::Daemon { fault: DaemonFault::Never };
            if case.faults.faults.iter().any(|fault| fault.kind == never) {
                return None;
            }
            let client = client + 1;
            violation("no_hang", format!("a call of client {client} never returns: {why}"))
        }
        Ending::Trapped { at, trap } => {
            let invariant = "no_trap".to_owned();
            Some(Violation { invariant, message: trap.summary(), at: *at })
        }
        Ending::Panicked { at, message } => {
            let (invariant, message) = ("no_panic".to_owned(), message.clone());
            Some(Violation { invariant, message, at: *at })
        }
        Ending::Deadlock(waits) => violation("no_deadlock", waits.join("; ")),
        Ending::StepLimit(steps) => {
            violation("step_limit", format!("the run did not end within {steps} steps"))
        }
    }
}
