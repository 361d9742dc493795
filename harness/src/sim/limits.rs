//! What succeeds until a limit is reached, tried again by all clients at once.
//!
//! A limit that is looked at and taken from in two steps is wrong only where two calls stand at it
//! together, which a drawn program seldom brings about. So when a call is refused after others of
//! its kind had succeeded, the run is done again up to the last that succeeded, and there all
//! clients do it at once, in many orders. What a reader would get wrong: nothing here knows what
//! the limit is about; a refusal that is none costs a few runs.

use std::collections::{BTreeMap, VecDeque};

use fuserig_abi::{Errno, FileKind, Op, Opcode};
use fuserig_sim_fs::OpenFlags;

use super::{Action, Candidate, Playback, Program, Rng, RunRecord, Scheduler, Text, corpus};
use crate::pipeline::Step;
use crate::shrink::with_path;
use crate::vfs::Point;

/// How often a limit of one kind of call is tried, where its errno speaks of one and else.
const TIMES: [u32; 2] = [4, 1];
/// Runs for each time.
const RUNS: u32 = 24;
/// Points of the request itself that a call passes before the others begin: most requests have two,
/// before the lower operation and before what follows it.
const POINTS: [u64; 8] = [0, 0, 0, 1, 1, 1, 2, 3];
/// Most steps that it passes.
const STEPS_MAX: u64 = 40;
/// Most limits that wait for their turn.
const WAITING_MAX: usize = 8;

/// Errnos that speak of a limit, or of somebody who is there already.
const OF_LIMITS: [Errno; 10] = [
    Errno::EDQUOT,
    Errno::ENOSPC,
    Errno::EMLINK,
    Errno::EMFILE,
    Errno::ENFILE,
    Errno::EFBIG,
    Errno::EBUSY,
    Errno::EAGAIN,
    Errno::ENOMEM,
    Errno::EUSERS,
];

/// The run up to a limit.
#[derive(Clone, Debug)]
struct Limit {
    /// The programs up to the last call that succeeded, without it.
    before: Vec<Program>,
    playback: Playback,
    /// That call, and whose it was.
    last: Action,
    client: usize,
    directories: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
    runs_left: u32,
}

/// Limits that were reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// How often each kind of call was seen to reach one.
    times: BTreeMap<(u64, i32), u32>,
    waiting: VecDeque<Limit>,
}

impl Limits {
    /// Notes what a run reached.
    pub(super) fn learn(&mut self, programs: &[Program], record: &RunRecord) {
        if programs.len() < 2 || self.waiting.len() >= WAITING_MAX {
            return;
        }
        let action = |call: usize| {
            let call = &record.calls[call];
            programs.get(call.client)?.actions.get(call.action)
        };
        for (place, call) in record.calls.iter().enumerate() {
            let Some(Err(errno)) = call.result.as_ref().map(|result| result.value) else {
                continue;
            };
            let speaks = OF_LIMITS.contains(&errno);
            let decided = || record.coverage.verdicts.keys().any(|(_, code)| *code == -errno.0);
            if !speaks && (errno == Errno::ENOENT || !decided()) {
                continue;
            }
            let Some(refused) = action(place) else { continue };
            let taken = |earlier: &usize| {
                let result = record.calls[*earlier].result.as_ref();
                result.is_some_and(|result| result.value.is_ok())
                    && action(*earlier).is_some_and(|other| is_alike(other, refused))
            };
            let Some(last) = (0..place).rev().find(taken) else { continue };
            let times = self.times.entry((corpus::kind(refused), errno.0)).or_default();
            *times += 1;
            if *times <= TIMES[usize::from(!speaks)] {
                self.waiting.extend(Limit::of(programs, record, last));
                return;
            }
        }
    }

    /// The programs of a run that tries a limit, and who moves when.
    pub(super) fn draw(&mut self, rng: &mut Rng) -> Option<(Vec<Program>, AtOnce)> {
        let limit = self.waiting.front_mut()?;
        let drawn = limit.draw(rng);
        limit.runs_left -= 1;
        if limit.runs_left == 0 {
            self.waiting.pop_front();
        }
        Some(drawn)
    }
}

/// Whether two calls are of one kind.
fn is_alike(one: &Action, other: &Action) -> bool {
    let creates = |action: &Action| match action {
        Action::Open { flags, .. } => flags & OpenFlags::CREAT.bits(),
        _ => 0,
    };
    core::mem::discriminant(one) == core::mem::discriminant(other) && creates(one) == creates(other)
}

impl Limit {
    fn of(programs: &[Program], record: &RunRecord, last: usize) -> Option<Limit> {
        let mut before = programs.to_vec();
        for (client, program) in before.iter_mut().enumerate() {
            let done = record.calls[..last].iter().filter(|call| call.client == client).count();
            program.actions.truncate(done);
        }
        let call = &record.calls[last];
        let last = programs.get(call.client)?.actions.get(call.action)?.clone();
        let (mut directories, mut files) = (vec![Vec::new()], Vec::new());
        for entry in record.lower.walk().skip(1) {
            let path = entry.path[1..].to_vec();
            match entry.stat.kind {
                FileKind::Directory => directories.push(path),
                _ => files.push(path),
            }
        }
        let playback = Playback::new(&record.schedule);
        let client = call.client;
        Some(Limit { before, playback, last, client, directories, files, runs_left: RUNS })
    }

    fn draw(&self, rng: &mut Rng) -> (Vec<Program>, AtOnce) {
        let mut programs = self.before.clone();
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        let Program { uid, gid, groups, .. } = &programs[self.client];
        let (uid, gid, groups) = (*uid, *gid, groups.clone());
        let again = rng.below(2);
        for (client, program) in programs.iter_mut().enumerate() {
            let first = client == self.client;
            if !first && rng.chance(3, 4) {
                (program.uid, program.gid) = (uid, gid);
                program.groups.clone_from(&groups);
            }
            let own = if first { self.last.clone() } else { self.elsewhere(client, rng) };
            program.actions.push(own);
            for _ in 0..again {
                let more = self.elsewhere(client, rng);
                program.actions.push(more);
            }
        }
        let hold = Hold::draw(rng);
        let first = match rng.chance(3, 4) {
            true => self.client,
            false => rng.index(programs.len()),
        };
        let playback = self.playback.clone();
        (programs, AtOnce { playback, starts, first, hold })
    }

    /// The last call, as another client does it: something of its own, most often in another
    /// directory, whose lock is not in the way.
    fn elsewhere(&self, client: usize, rng: &mut Rng) -> Action {
        let mut action = self.last.clone();
        let file = |rng: &mut Rng| match self.files.is_empty() {
            true => Text::from("a"),
            false => Text(rng.pick(&self.files).clone()),
        };
        let makes = match &action {
            Action::Open { flags, .. } => flags & OpenFlags::CREAT.bits() != 0,
            Action::Mkdir { .. }
            | Action::Mknod { .. }
            | Action::Symlink { .. }
            | Action::Link { .. }
            | Action::Rename { .. } => true,
            _ => false,
        };
        let places = action.paths().len();
        if places == 2 && rng.chance(3, 4) {
            action = with_path(&action, 0, file(rng));
        }
        let Some(last) = places.checked_sub(1) else { return action };
        let to = match makes {
            true => {
                let directory = rng.pick(&self.directories).clone();
                let name = format!("l{client}{}", rng.below(100)).into_bytes();
                let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
                Text([&directory[..], slash, &name[..]].concat())
            }
            false if rng.chance(1, 2) => file(rng),
            false => return action,
        };
        with_path(&action, last, to)
    }
}

/// Where the one that goes first is held.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// Before the lower operation or the postfilter of what is no part of a walk, after so many of
    /// these.
    AtPoint(u64),
    /// After so many steps.
    AfterSteps(u64),
}

/// A call that is held until the others can do no more.
#[derive(Debug)]
pub(super) struct Hold {
    held: Held,
    passed: u64,
}

impl Hold {
    /// Somewhere.
    pub(super) fn draw(rng: &mut Rng) -> Hold {
        let held = match rng.chance(3, 4) {
            true => Held::AtPoint(*rng.pick(&POINTS)),
            false => Held::AfterSteps(1 + rng.below(STEPS_MAX)),
        };
        Hold { held, passed: 0 }
    }

    /// Whether the one that goes first is not yet where it is held.
    pub(super) fn goes_on(&mut self, first: &Candidate) -> bool {
        match self.held {
            Held::AfterSteps(steps) => u64::from(first.step) < steps,
            Held::AtPoint(points) => {
                let counts = match first.point {
                    Point::Step(op, Step::Lower | Step::Stop) => {
                        !matches!(op, Op::Lookup | Op::Access | Op::Getattr)
                    }
                    Point::Reply(opcode) => {
                        ![Opcode::LOOKUP, Opcode::ACCESS, Opcode::GETATTR].contains(&opcode)
                    }
                    Point::Step(..) | Point::Start | Point::Lock => false,
                };
                let here = counts && self.passed >= points;
                self.passed += u64::from(counts && !here);
                !here
            }
        }
    }
}

/// Plays a schedule up to a place of each program, where everybody waits for everybody. Then one
/// goes first, and is held after some steps until the others can do no more.
#[derive(Debug)]
pub(super) struct AtOnce {
    playback: Playback,
    starts: Vec<usize>,
    first: usize,
    hold: Hold,
}

impl AtOnce {
    fn is_before(&self, candidate: &Candidate) -> bool {
        self.starts.get(candidate.client).is_some_and(|start| candidate.action < *start)
    }
}

impl Scheduler for AtOnce {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, step: u64) -> usize {
        if let Some(place) = enabled.iter().position(|candidate| self.is_before(candidate)) {
            let chosen = self.playback.choose(enabled, going_on, step);
            return if self.is_before(&enabled[chosen]) { chosen } else { place };
        }
        let first = enabled.iter().position(|candidate| candidate.client == self.first);
        let Some(first) = first else { return going_on };
        let start = self.starts.get(self.first).copied().unwrap_or(0);
        if enabled[first].action == start && self.hold.goes_on(&enabled[first]) {
            return first;
        }
        match enabled[going_on].client == self.first {
            true => (0..enabled.len()).find(|other| *other != first).unwrap_or(first),
            false => going_on,
        }
    }
}
