//! The passes over the axes, and the proof that the result is minimal.

use core::fmt;

use fuserig_sim_fs::MemFs;

use super::names::joint;
use super::simpler::simpler;
use super::tree::plainer;
use crate::crash::CrashSearch;
use crate::invariant::{Invariant, Violation};
use crate::sim::{Action, Case, Detail, Playback, Program, SetupError, Subject, Switch, judge};

/// Runs spent on one finding before it is reported as it is.
const ATTEMPTS_MAX: u64 = 20_000;

/// How the shrinker knows that nothing can be left out.
///
/// ```
/// use fuserig::shrink::Minimality;
/// assert_eq!(Minimality::default().to_string(), "not shown");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Minimality {
    /// Runs that were spent.
    pub attempts: u64,
    /// Single reductions tried at the end, each of which makes the failure go away, by axis:
    /// operations, clients, switches, faults, bytes and names (those of the tree included).
    pub tried: [u64; 5],
    /// Whether all of them were tried.
    pub shown: bool,
}

impl fmt::Display for Minimality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.shown {
            return f.write_str("not shown");
        }
        let [operations, clients, switches, faults, bytes] = self.tried;
        let axes = [
            (operations, "operation"),
            (clients, "client"),
            (switches, "switch"),
            (faults, "fault or crash"),
            (bytes, "line or argument"),
        ];
        let axes: Vec<String> = axes
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{what} ({count})"))
            .collect();
        write!(f, "it passes without any one {}; {} runs", axes.join(", "), self.attempts)
    }
}

struct Work<'a> {
    subject: &'a Subject,
    invariants: &'a mut [Box<dyn Invariant>],
    best: Case,
    violation: Violation,
    attempts: u64,
    start: (String, MemFs),
    /// Where power is lost, when the failure needs that: a smaller case may fail at another step
    /// or in another state, so all of them are tried.
    crashes: Option<CrashSearch>,
}

/// Reduces a failing case.
pub(crate) fn shrink(
    subject: &Subject,
    case: Case,
    violation: Violation,
    invariants: &mut [Box<dyn Invariant>],
) -> Result<(Case, Violation, Minimality), SetupError> {
    let start = (case.tree.clone(), MemFs::from_tree(&case.tree)?);
    let crashes = case.crash.as_ref().map(|crash| CrashSearch::every(crash.durability));
    let mut work = Work { subject, invariants, best: case, violation, attempts: 0, start, crashes };
    work.widen();
    work.unmount();
    loop {
        let mut changed = false;
        changed |= work.operations();
        changed |= work.clients();
        changed |= work.schedule();
        changed |= work.faults();
        changed |= work.bytes();
        if !changed || work.attempts >= ATTEMPTS_MAX {
            break;
        }
    }
    let minimality = work.verify();
    Ok((work.best, work.violation, minimality))
}

impl Work<'_> {
    /// A failure that is not found again where the legal states changed is one of a call under
    /// way, and is looked for wherever one is.
    fn widen(&mut self) {
        if self.crashes.is_some() && self.fails(&self.best.clone()).is_none() {
            self.crashes = self.crashes.map(|search| CrashSearch { begun: true, ..search });
        }
    }

    /// A failure that needs no ordinary mount in front is one without it.
    fn unmount(&mut self) {
        if self.best.mounted && !self.subject.mounted {
            self.accept(&Case { mounted: false, ..self.best.clone() });
        }
    }

    /// Whether the case fails in the same way; its schedule is the one that happened.
    fn fails(&mut self, case: &Case) -> Option<(Case, Violation)> {
        let subject = Subject { crashes: self.crashes, ..self.subject.clone() };
        self.fails_on(&subject, &Case { crash: None, ..case.clone() })
    }

    fn fails_on(&mut self, subject: &Subject, case: &Case) -> Option<(Case, Violation)> {
        if self.attempts >= ATTEMPTS_MAX {
            return None;
        }
        self.attempts += 1;
        if self.start.0 != case.tree {
            // What a daemon has at the start is in its code.
            if subject.served {
                return None;
            }
            let Ok(fs) = MemFs::from_tree(&case.tree) else { return None };
            self.start = (case.tree.clone(), fs);
        }
        let mut playback = Playback::new(&case.schedule);
        let start = self.start.1.clone();
        let detail = Detail::Calls;
        let judged = judge(subject, case, &start, &mut playback, self.invariants, detail);
        let (record, violation) = judged.ok()?;
        let violation = violation.filter(|found| found.invariant == self.violation.invariant)?;
        let crash = record.power.map(|power| power.crash);
        Some((Case { schedule: record.schedule, crash, ..case.clone() }, violation))
    }

    /// Takes a smaller case over when it still fails.
    fn accept(&mut self, case: &Case) -> bool {
        match self.fails(case) {
            Some((case, violation)) => {
                (self.best, self.violation) = (case, violation);
                true
            }
            None => false,
        }
    }

    /// Removes ever smaller ranges of a list; `make` builds the case without a range.
    fn ranges(
        &mut self,
        length: impl Fn(&Case) -> usize,
        make: impl Fn(&Case, usize, usize) -> Case,
    ) -> bool {
        let mut changed = false;
        let mut size = length(&self.best).div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < length(&self.best) {
                let end = (at + size).min(length(&self.best));
                let smaller = make(&self.best, at, end);
                if self.accept(&smaller) {
                    changed = true;
                } else {
                    at = end;
                }
            }
            if size == 1 {
                return changed;
            }
            size = (size / 2).max(1);
        }
    }

    fn operations(&mut self) -> bool {
        self.ranges(Case::operations, without_operations)
    }

    fn clients(&mut self) -> bool {
        let mut changed = false;
        let mut client = self.best.clients.len();
        while client > 0 {
            client -= 1;
            if self.best.clients.len() < 2 || client >= self.best.clients.len() {
                continue;
            }
            let gone = without_client(&self.best, client);
            let merged = (client > 0).then(|| merged(&self.best, client));
            changed |= self.accept(&gone) || merged.is_some_and(|case| self.accept(&case));
        }
        changed
    }

    fn schedule(&mut self) -> bool {
        self.ranges(
            |case| case.schedule.switches.len(),
            |case, from, to| {
                let mut case = case.clone();
                case.schedule.switches.drain(from..to);
                case
            },
        )
    }

    fn faults(&mut self) -> bool {
        self.ranges(
            |case| case.faults.faults.len(),
            |case, from, to| {
                let mut case = case.clone();
                case.faults.faults.drain(from..to);
                case
            },
        )
    }

    fn bytes(&mut self) -> bool {
        let mut changed = self.ranges(|case| case.tree.lines().count(), without_lines);
        changed |= self.plain_lines();
        changed |= self.names();
        for client in 0..self.best.clients.len() {
            for action in 0..self.best.clients[client].actions.len() {
                changed |= self.simplify(client, action);
            }
            for group in (0..self.best.clients[client].groups.len()).rev() {
                let mut case = self.best.clone();
                case.clients[client].groups.remove(group);
                changed |= self.accept(&case);
            }
            if self.best.clients[client].gid.is_some() {
                let mut case = self.best.clone();
                case.clients[client].gid = None;
                changed |= self.accept(&case);
            }
            if self.best.clients[client].uid != 0 {
                let mut case = self.best.clone();
                case.clients[client].uid = 0;
                changed |= self.accept(&case);
            }
        }
        changed
    }

    /// Shortens names and takes directories away, wherever they stand.
    fn names(&mut self) -> bool {
        let mut changed = false;
        while joint(&self.best).iter().any(|case| self.accept(case)) {
            changed = true;
        }
        changed
    }

    /// Leaves attributes and contents out of the lines of the tree.
    fn plain_lines(&mut self) -> bool {
        let mut changed = false;
        let mut line = 0;
        while let Some(text) = self.best.tree.lines().nth(line) {
            let plainer = plainer(text);
            let cases: Vec<Case> =
                plainer.iter().map(|plain| with_line(&self.best, line, plain)).collect();
            match cases.iter().any(|case| self.accept(case)) {
                true => changed = true,
                false => line += 1,
            }
        }
        changed
    }

    fn simplify(&mut self, client: usize, action: usize) -> bool {
        let mut changed = false;
        loop {
            let simple = simpler(&self.best.clients[client].actions[action]);
            let cases: Vec<Case> =
                simple.into_iter().map(|to| with_action(&self.best, client, action, to)).collect();
            if !cases.iter().any(|case| self.accept(case)) {
                return changed;
            }
            changed = true;
        }
    }

    /// Tries every single reduction; none may still fail.
    fn verify(&mut self) -> Minimality {
        let best = self.best.clone();
        let cases = single_reductions(&best);
        let mut tried = [0; 5];
        let mut shown = true;
        if best.crash.is_some() {
            let subject = Subject { crashes: None, ..self.subject.clone() };
            let case = Case { crash: None, ..best.clone() };
            shown &= self.fails_on(&subject, &case).is_none();
            tried[3] += 1;
        }
        for (axis, cases) in cases.iter().enumerate() {
            for case in cases {
                shown &= self.attempts < ATTEMPTS_MAX && self.fails(case).is_none();
                tried[axis] += 1;
            }
        }
        Minimality { attempts: self.attempts, tried, shown }
    }
}

/// Every reduction of a case by one part, ranges of operations first and the largest of those
/// before the smaller.
#[cfg(feature = "proptest")]
pub(crate) fn reductions(case: &Case) -> Vec<Case> {
    let mut list = Vec::new();
    let operations = case.operations();
    let mut size = operations;
    while size > 0 {
        let starts = (0..operations).step_by(size);
        let ends = |from: usize| (from + size).min(operations);
        list.extend(starts.map(|from| without_operations(case, from, ends(from))));
        size /= 2;
    }
    single_reductions(case).into_iter().skip(1).for_each(|axis| list.extend(axis));
    list
}

/// Every case with one part less, by axis: operations, clients, switches, faults, and lines with
/// arguments.
fn single_reductions(best: &Case) -> [Vec<Case>; 5] {
    let mut cases: [Vec<Case>; 5] = Default::default();
    for at in 0..best.operations() {
        cases[0].push(without_operations(best, at, at + 1));
    }
    for client in (0..best.clients.len()).filter(|_| best.clients.len() > 1) {
        cases[1].push(without_client(best, client));
    }
    for at in 0..best.schedule.switches.len() {
        let mut case = best.clone();
        case.schedule.switches.remove(at);
        cases[2].push(case);
    }
    for at in 0..best.faults.faults.len() {
        let mut case = best.clone();
        case.faults.faults.remove(at);
        cases[3].push(case);
    }
    for at in 0..best.tree.lines().count() {
        cases[4].push(without_lines(best, at, at + 1));
    }
    for (at, line) in best.tree.lines().enumerate() {
        cases[4].extend(plainer(line).iter().map(|plain| with_line(best, at, plain)));
    }
    cases[4].extend(joint(best));
    for (client, program) in best.clients.iter().enumerate() {
        for (action, old) in program.actions.iter().enumerate() {
            let simple = simpler(old).into_iter();
            cases[4].extend(simple.map(|to| with_action(best, client, action, to)));
        }
    }
    cases
}

/// Without a range of operations, counted client after client.
fn without_operations(case: &Case, from: usize, to: usize) -> Case {
    let mut places = Vec::new();
    for (client, program) in case.clients.iter().enumerate() {
        places.extend((0..program.actions.len()).map(|action| (client, action)));
    }
    let gone = &places[from..to];
    gone.iter()
        .rev()
        .fold(case.clone(), |case, (client, action)| case.without_action(*client, *action))
}

fn without_client(case: &Case, gone: usize) -> Case {
    let mut case = case.clone();
    case.clients.remove(gone);
    let moved = |client: usize| client - usize::from(client > gone);
    case.schedule.switches.retain(|switch| switch.client != gone && switch.to != gone);
    for switch in &mut case.schedule.switches {
        *switch = Switch { client: moved(switch.client), to: moved(switch.to), ..*switch };
    }
    case.faults.faults.retain(|fault| fault.client != gone);
    for fault in &mut case.faults.faults {
        fault.client = moved(fault.client);
    }
    case
}

/// The actions of one client done by the one before it, behind its own.
fn merged(case: &Case, client: usize) -> Case {
    let mut merged = without_client(case, client);
    let first = merged.clients[client - 1].actions.len();
    merged.clients[client - 1].actions.extend(case.clients[client].actions.iter().cloned());
    for fault in case.faults.faults.iter().filter(|fault| fault.client == client) {
        let moved = crate::fault::Fault {
            client: client - 1,
            action: fault.action + first,
            kind: fault.kind.clone(),
        };
        merged.faults.faults.push(moved);
    }
    merged
}

fn without_lines(case: &Case, from: usize, to: usize) -> Case {
    let lines: Vec<&str> = case.tree.lines().collect();
    let kept = [&lines[..from], &lines[to..]].concat();
    Case { tree: kept.join("\n"), ..case.clone() }
}

/// With another text in one line of the tree.
fn with_line(case: &Case, line: usize, to: &str) -> Case {
    let mut lines: Vec<&str> = case.tree.lines().collect();
    lines[line] = to;
    Case { tree: lines.join("\n"), ..case.clone() }
}

fn with_action(case: &Case, client: usize, action: usize, to: Action) -> Case {
    let mut case = case.clone();
    let Program { actions, .. } = &mut case.clients[client];
    actions[action] = to;
    case
}
