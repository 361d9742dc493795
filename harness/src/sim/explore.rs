//! Every interleaving: depth-first search, plain and with dynamic partial-order reduction.
//!
//! The reduction (Flanagan and Godefroid 2005, with sleep sets) runs a program again and again.
//! After each run it looks for pairs of steps of different clients that touch the same thing, one
//! of them changing it, and that could have come the other way round; only those orders are tried.
//! What a step touches is recorded while it happens (`footprint.rs`), so that nothing is assumed
//! about filters. What a reader would get wrong: the number of executions depends on the program,
//! the set of outcomes must not; a test compares it with plain search.

use std::collections::{BTreeMap, BTreeSet};

use super::footprint::{Footprint, Touches};
use super::{Candidate, Case, Detail, RunRecord, Scheduler, SetupError, Subject};
use crate::invariant::{Invariant, Violation};
use fuserig_sim_fs::MemFs;

/// How thoroughly the interleavings are searched.
///
/// ```
/// use fuserig::sim::Search;
/// assert_ne!(Search::Plain, Search::Reduced);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every schedule.
    Plain,
    /// One schedule of each class that no client can tell apart.
    Reduced,
}

/// What a search found out.
///
/// ```
/// use fuserig::sim::Explored;
/// let explored = Explored::default();
/// assert!(!explored.exhausted && explored.outcomes.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Runs.
    pub executions: u64,
    /// Whether every schedule was covered, and not just as many as the limit allowed.
    pub exhausted: bool,
    /// Digests of what clients and the tree below saw, each once.
    pub outcomes: BTreeSet<u64>,
}

/// A decision of a run: who could move, who did, who must still be tried.
#[derive(Debug, Default)]
struct Node {
    enabled: Vec<usize>,
    chosen: usize,
    /// Clients to try here.
    backtrack: BTreeSet<usize>,
    done: BTreeSet<usize>,
    /// Clients that need not move here, and what they would have touched.
    sleep: Vec<(usize, Touches)>,
    touches: Touches,
}

/// Follows the first decisions of the last run, then goes its own way.
#[derive(Debug)]
struct Guide<'n> {
    nodes: &'n mut Vec<Node>,
    prefix: usize,
    at: usize,
    /// Sleeping clients at the end of the prefix.
    sleep: Vec<(usize, Touches)>,
    footprint: Footprint,
    /// Whether every client that could move sleeps: the rest of the run is covered elsewhere.
    asleep: bool,
    /// Actions of each client that are done before the search begins.
    prologue: usize,
}

impl Guide<'_> {
    /// The step that was decided last is over; what it touched is known.
    fn settle(&mut self) {
        let touches = self.footprint.take();
        if self.at == 0 {
            return;
        }
        let node = &mut self.nodes[self.at - 1];
        node.touches = touches;
        if self.at >= self.prefix {
            let chosen = node.chosen;
            let touches = &node.touches;
            let awake =
                |(client, other): &&(usize, Touches)| *client != chosen && !touches.meets(other);
            self.sleep = self.sleep.iter().filter(awake).cloned().collect();
        }
    }
}

impl Scheduler for Guide<'_> {
    fn choose(&mut self, enabled: &[Candidate], _: usize, _: u64) -> usize {
        let early = enabled.iter().position(|candidate| candidate.action < self.prologue);
        if let Some(early) = early {
            self.footprint.take();
            return early;
        }
        self.settle();
        let clients: Vec<usize> = enabled.iter().map(|candidate| candidate.client).collect();
        if self.at < self.prefix {
            let chosen = self.nodes[self.at].chosen;
            self.at += 1;
            return clients.iter().position(|client| *client == chosen).unwrap_or(0);
        }
        let sleeps = |client: &usize| self.sleep.iter().any(|(other, _)| other == client);
        let awake = clients.iter().position(|client| !sleeps(client));
        self.asleep |= awake.is_none();
        let place = awake.unwrap_or(0);
        let chosen = clients[place];
        self.nodes.push(Node {
            enabled: clients,
            chosen,
            backtrack: BTreeSet::from([chosen]),
            done: BTreeSet::from([chosen]),
            sleep: self.sleep.clone(),
            touches: Touches::default(),
        });
        self.at += 1;
        place
    }

    fn wants_every_step(&self) -> bool {
        true
    }
}

/// Tries every interleaving of a case, or as many as `executions_max`.
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig::sim::{Search, explore};
/// let touch = || vec![Action::Statfs { path: "/".into() }];
/// let client = || Program::of(0, touch());
/// let case = Case { clients: vec![client(), client()], ..Case::default() };
/// let subject = Subject::without_filter(Abi::V4);
/// let reduced = explore(&subject, &case, Search::Reduced, 100_000).expect("a good tree");
/// assert!(reduced.exhausted && reduced.outcomes.len() == 1);
/// ```
///
/// # Errors
/// The tree of the case is not well-formed.
pub fn explore(
    subject: &Subject,
    case: &Case,
    search: Search,
    executions_max: u64,
) -> Result<Explored, SetupError> {
    explore_with(subject, case, (search, 0), executions_max)
}

/// As [`explore`], but the first actions of each client, so many, are over before it begins.
///
/// # Errors
/// The tree of the case is not well-formed.
pub fn explore_after(
    subject: &Subject,
    case: &Case,
    (search, prologue): (Search, usize),
    executions_max: u64,
) -> Result<Explored, SetupError> {
    explore_with(subject, case, (search, prologue), executions_max)
}

/// A search under way: what was decided last, and what is left to try.
#[derive(Debug)]
pub(crate) struct Explorer {
    nodes: Vec<Node>,
    search: Search,
    prologue: usize,
}

/// One execution of a search.
#[derive(Debug)]
pub(crate) struct Execution {
    /// What happened.
    pub(crate) record: RunRecord,
    /// What an invariant says to one of its calls.
    pub(crate) violation: Option<Violation>,
    /// Whether another execution covers the same class of schedules.
    pub(crate) redundant: bool,
}

impl Explorer {
    /// Before the first execution.
    pub(crate) fn new(search: Search, prologue: usize) -> Explorer {
        Explorer { nodes: Vec::new(), search, prologue }
    }

    /// Runs the schedule that is due.
    ///
    /// # Errors
    /// The lower filesystem refuses to be mounted on.
    pub(crate) fn execute(
        &mut self,
        subject: &Subject,
        case: &Case,
        start: &MemFs,
        invariants: &mut [Box<dyn Invariant>],
    ) -> Result<Execution, SetupError> {
        let prefix = self.nodes.len();
        let sleep = self.nodes.last().map(|node| node.sleep.clone()).unwrap_or_default();
        let footprint = Footprint::default();
        let watched = subject.watched(&footprint);
        let (nodes, prologue) = (&mut self.nodes, self.prologue);
        let mut guide = Guide { nodes, prefix, at: 0, sleep, footprint, asleep: false, prologue };
        let detail = Detail::Calls;
        let (record, violation) =
            super::run_with(&watched, case, start, &mut guide, invariants, detail)?;
        guide.settle();
        let redundant = guide.asleep;
        Ok(Execution { record, violation, redundant })
    }

    /// Goes to the next schedule that is to be tried; false when every one is covered.
    pub(crate) fn advance(&mut self) -> bool {
        if self.search == Search::Reduced {
            reverse_races(&mut self.nodes);
        }
        next(&mut self.nodes, self.search)
    }

    /// How many schedules there would be without reduction if every client could always move: the
    /// number of ways to interleave the steps of the last execution; saturates.
    pub(crate) fn interleavings(&self) -> u128 {
        let mut steps: BTreeMap<usize, u128> = BTreeMap::new();
        for node in &self.nodes {
            *steps.entry(node.chosen).or_default() += 1;
        }
        let (mut ways, mut total) = (1_u128, 0_u128);
        for count in steps.into_values() {
            // The binomial of what there is so far and this client, factor by factor.
            for step in 1..=count {
                total += 1;
                let Some(product) = ways.checked_mul(total) else { return u128::MAX };
                ways = product / step;
            }
        }
        ways
    }
}

fn explore_with(
    subject: &Subject,
    case: &Case,
    (search, prologue): (Search, usize),
    executions_max: u64,
) -> Result<Explored, SetupError> {
    let start = MemFs::from_tree(&case.tree)?;
    let mut explored = Explored::default();
    let mut explorer = Explorer::new(search, prologue);
    loop {
        let execution = explorer.execute(subject, case, &start, &mut [])?;
        explored.executions += 1;
        if !execution.redundant {
            explored.outcomes.insert(outcome(&execution.record));
        }
        if !explorer.advance() {
            explored.exhausted = true;
            return Ok(explored);
        }
        if explored.executions >= executions_max {
            return Ok(explored);
        }
    }
}

/// What can be told of a run: results, the tree, the end; not the order of steps.
fn outcome(run: &RunRecord) -> u64 {
    let mut calls: Vec<_> = run.calls.iter().collect();
    calls.sort_by_key(|call| (call.client, call.action));
    let mut mixer = super::Mixer::new(0);
    for call in calls {
        mixer.word((call.client as u64) << 32 | call.action as u64);
        match &call.result {
            Some(result) => super::history::mix_result(&mut mixer, result),
            None => mixer.word(u64::MAX),
        }
    }
    let digest = run.lower.digest().0;
    mixer.word(digest as u64);
    mixer.word((digest >> 64) as u64);
    mixer.word(u64::from(run.ending.is_finished()));
    mixer.finish()
}

/// For each step, the last earlier step of another client that it races with: there the client
/// must be tried first.
fn reverse_races(nodes: &mut [Node]) {
    let clients =
        nodes.iter().flat_map(|node| node.enabled.iter().copied()).max().map_or(0, |m| m + 1);
    // What happened before each step, as the number of steps of each client (vector clocks).
    let mut clocks: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    let mut latest: Vec<Option<usize>> = vec![None; clients];
    for at in 0..nodes.len() {
        let client = nodes[at].chosen;
        let mut clock = latest[client].map_or_else(|| vec![0; clients], |own| clocks[own].clone());
        let mut races = Vec::new();
        for earlier in (0..at).rev() {
            let other = nodes[earlier].chosen;
            if other == client || !nodes[earlier].touches.meets(&nodes[at].touches) {
                continue;
            }
            if clocks[earlier][other] > clock[other] {
                races.push(earlier);
            }
            for (mine, theirs) in clock.iter_mut().zip(&clocks[earlier]) {
                *mine = (*mine).max(*theirs);
            }
        }
        clock[client] = at + 1;
        clocks.push(clock);
        latest[client] = Some(at);
        for earlier in races {
            let node = &mut nodes[earlier];
            if node.enabled.contains(&client) {
                node.backtrack.insert(client);
            } else {
                node.backtrack.extend(node.enabled.iter().copied());
            }
        }
    }
}

/// Goes back to the last decision that has something left to try; false when there is none.
fn next(nodes: &mut Vec<Node>, search: Search) -> bool {
    while let Some(node) = nodes.last_mut() {
        if search == Search::Plain {
            node.backtrack.extend(node.enabled.iter().copied());
        }
        let (chosen, touches) = (node.chosen, node.touches.clone());
        if search == Search::Reduced && !node.sleep.iter().any(|(other, _)| *other == chosen) {
            node.sleep.push((chosen, touches));
        }
        let asleep = |client: &usize| node.sleep.iter().any(|(other, _)| other == client);
        let left = node.backtrack.iter().copied().find(|client| {
            !node.done.contains(client) && (search == Search::Plain || !asleep(client))
        });
        match left {
            Some(client) => {
                node.done.insert(client);
                node.chosen = client;
                return true;
            }
            None => {
                nodes.pop();
            }
        }
    }
    false
}
