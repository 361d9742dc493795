//! Runs in which clients meet: each is where all others wait for it, and they do one thing each,
//! while one of them is held in the middle.
//!
//! Two calls seldom overlap at the one place where it matters when both are drawn and scheduled by
//! chance. Here one pair of kinds of call after the other is tried, each over a fresh world: what
//! the calls need is made before, everything before the meeting happens one after the other, and
//! what follows shows what the filter counted. Some are a relay instead: one client after the
//! other, who goes on with what was begun, or does the same as another user. What a reader would
//! get wrong: locks still hold; whoever waits for one goes on when it is free.

use fuserig_sim_fs::{MemFs, OpenFlags};

use super::draw::{BURSTS, Draw};
use super::generate::Kind;
use super::limits::Hold;
use super::{Action, Candidate, Program, Rng, Scheduler, Text, WorkloadConfig};

/// What the others do, besides what can be held.
const OBSERVERS: [Kind; 3] = [Kind::Stat, Kind::Read, Kind::Close];
/// From one pair to the next: a prime above the number of pairs, so that each gets its turn.
const STRIDE: u64 = 7919;

/// One meeting.
#[derive(Debug)]
pub(super) struct Meeting {
    /// The first action of each client that belongs to it, and the first that does not any more.
    starts: Vec<usize>,
    ends: Vec<usize>,
    /// Who goes first and is held.
    first: usize,
    hold: Hold,
}

/// The kinds of a meeting by its number: one that is held, and one that the others do.
fn pair(number: u64, held: &[Kind]) -> (Kind, Kind) {
    let others: Vec<Kind> = held.iter().chain(held).chain(&OBSERVERS).copied().collect();
    let place = (number * STRIDE % (held.len() * others.len()) as u64) as usize;
    (held[place / others.len()], others[place % others.len()])
}

/// Programs of clients that meet, and who moves when; none for a client alone.
pub(super) fn draw(
    config: &WorkloadConfig,
    rng: &mut Rng,
    tree: &MemFs,
    number: u64,
) -> Option<(Vec<Program>, Meeting)> {
    if config.clients < 2 {
        return None;
    }
    let mut draw = Draw::new(config, rng, tree);
    let mut programs: Vec<Program> = (0..config.clients)
        .map(|client| Program { uid: draw.user(client), actions: Vec::new() })
        .collect();
    // Who may not do it meets nobody.
    match draw.rng.below(6) {
        0..=3 => programs.iter_mut().for_each(|program| program.uid = 0),
        4 => draw.mix(&mut programs),
        _ => {}
    }
    draw.uids = programs.iter().map(|program| program.uid).collect();
    if draw.rng.chance(1, 5) {
        return Some(draw.relay(config.operations / config.clients, programs));
    }
    let kinds = pair(number, if draw.focus.is_empty() { &BURSTS } else { &draw.focus });
    // Others may have done it before, so that a limit is met at any of its places.
    for _ in 0..draw.rng.below(3) {
        draw.alone(kinds, &mut programs);
    }
    let mut meeting = draw.meeting(kinds, &mut programs);
    draw.aftermath(&meeting, &mut programs);
    for _ in 0..draw.rng.below(7) {
        let other = match draw.rng.chance(1, 4) && !draw.focus.is_empty() {
            true => *draw.rng.pick(&draw.focus),
            false => kinds.1,
        };
        draw.alone((kinds.0, other), &mut programs);
    }
    meeting.shorten(config.operations / config.clients, &mut programs);
    Some((programs, meeting))
}

/// What takes back what a call did.
fn undo(action: &Action) -> Option<Action> {
    Some(match action.clone() {
        Action::Mkdir { path, .. } => Action::Rmdir { path },
        Action::Open { flags, path, .. } if flags & OpenFlags::CREAT.bits() != 0 => {
            Action::Unlink { path }
        }
        Action::Open { .. } => Action::Close { file: 0 },
        Action::Mknod { path, .. } | Action::Symlink { path, .. } | Action::Link { path, .. } => {
            Action::Unlink { path }
        }
        Action::Rename { old, new, flags } => Action::Rename { old: new, new: old, flags },
        Action::Setxattr { path, name, .. } => Action::Removexattr { path, name },
        _ => return None,
    })
}

impl Draw<'_> {
    /// One client is the super-user, and the others are not.
    fn mix(&mut self, programs: &mut [Program]) {
        let root = self.rng.index(programs.len());
        for (client, program) in programs.iter_mut().enumerate() {
            program.uid = if client == root { 0 } else { self.stranger() };
        }
    }

    /// A name that something has, most often something that calls of a kind are about, or that
    /// nothing has.
    fn some_name(&mut self, kind: Kind) -> Vec<u8> {
        let directories = matches!(kind, Kind::Mkdir | Kind::Rmdir) || self.rng.chance(1, 4);
        let known = if directories { &self.directories } else { &self.files };
        if known.is_empty() || self.rng.chance(1, 3) {
            return self.unused_name();
        }
        let path = self.rng.pick(known);
        path.rsplit(|byte| *byte == b'/').next().unwrap_or(path).to_vec()
    }

    /// Somebody does something of one of the kinds.
    fn alone(&mut self, kinds: (Kind, Kind), programs: &mut [Program]) {
        let client = self.rng.index(programs.len());
        let kind = if self.rng.chance(1, 2) { kinds.0 } else { kinds.1 };
        let (before, action) = self.with_what_it_needs(kind, client);
        let looks = if self.rng.chance(1, 6) { self.look(&action) } else { Vec::new() };
        let actions = &mut programs[client].actions;
        actions.extend(before);
        actions.push(action);
        actions.extend(looks);
    }

    /// One client does what somebody does by habit, and the next goes on with it, or does the same
    /// once more; nobody meets anybody.
    fn relay(&mut self, most: usize, mut programs: Vec<Program>) -> (Vec<Program>, Meeting) {
        let about_rights = self.rng.chance(1, 3);
        for (client, program) in programs.iter_mut().enumerate().skip(1) {
            if about_rights {
                program.uid = self.stranger();
            } else if self.rng.chance(1, 2) {
                program.uid = self.user(client);
            }
        }
        let actions = match about_rights {
            true if self.rng.chance(1, 2) => self.rights(),
            true => self.inherited(),
            false => self.recipe(false),
        };
        let again = self.rng.chance(1, 2);
        let named = |(_, action): &(usize, &Action)| !action.paths().is_empty();
        let places: Vec<usize> =
            actions.iter().enumerate().skip(1).filter(named).map(|(place, _)| place).collect();
        let place = if places.is_empty() { actions.len() } else { *self.rng.pick(&places) };
        for (client, program) in programs.iter_mut().enumerate() {
            program.actions = match (again, client) {
                (true, _) => actions.clone(),
                (false, 0) => actions[..place].to_vec(),
                (false, _) => actions[place..].to_vec(),
            };
        }
        let ends: Vec<usize> = programs.iter().map(|program| program.actions.len()).collect();
        let hold = Hold::draw(self.rng);
        let mut meeting = Meeting { starts: ends.clone(), ends, first: 0, hold };
        meeting.shorten(most, &mut programs);
        (programs, meeting)
    }

    /// What was done at a meeting is looked at, or taken back.
    fn aftermath(&mut self, meeting: &Meeting, programs: &mut [Program]) {
        for (client, program) in programs.iter_mut().enumerate() {
            let done = program.actions[meeting.starts[client]..meeting.ends[client]].to_vec();
            for action in done {
                program.actions.extend(match self.rng.below(4) {
                    0 => self.look(&action),
                    1 => undo(&action).into_iter().collect(),
                    _ => Vec::new(),
                });
            }
        }
    }

    /// What leads to a meeting and what happens there: one is held, and each other does something
    /// of the second kind or of both by turns, or looks at what the first one changes.
    fn meeting(&mut self, kinds: (Kind, Kind), programs: &mut [Program]) -> Meeting {
        let first = self.rng.index(programs.len());
        self.namesake = if self.rng.chance(1, 2) { Some(self.some_name(kinds.1)) } else { None };
        let (before, held) = self.with_what_it_needs(kinds.0, first);
        programs[first].actions.extend(before.clone());
        let looks = self.rng.chance(1, 6);
        let mut together = Vec::with_capacity(programs.len());
        for (client, program) in programs.iter_mut().enumerate() {
            if client == first {
                together.push(vec![held.clone()]);
                continue;
            }
            if looks {
                together.push(self.observe(&before, &held));
                continue;
            }
            let mut actions = Vec::new();
            let own = match self.rng.chance(1, 3) {
                true => [kinds.0, kinds.1, kinds.1],
                false => [kinds.1, kinds.0, kinds.1],
            };
            for kind in own.into_iter().take(1 + self.rng.index(3)) {
                let (before, action) = self.with_what_it_needs(kind, client);
                program.actions.extend(before);
                actions.push(action);
            }
            together.push(actions);
        }
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        for (program, actions) in programs.iter_mut().zip(together) {
            program.actions.extend(actions);
        }
        self.namesake = None;
        let ends = programs.iter().map(|program| program.actions.len()).collect();
        Meeting { starts, ends, first, hold: Hold::draw(self.rng) }
    }

    /// A path that most often nobody has used: in the root for the first client, and for each other
    /// in a directory of its own; for who is not the super-user most often where everybody may.
    fn own_place(&mut self, client: usize) -> Text {
        let name = match (&self.namesake, self.rng.below(6)) {
            (Some(name), 0..=4) => name.clone(),
            (_, 0) => self.almost_a_name(),
            (_, 1) => self.name(),
            _ => self.unused_name(),
        };
        let alone = !self.rng.chance(1, 6);
        let place = client.checked_sub(1).filter(|_| alone);
        let stranger = self.uids.get(client).is_some_and(|uid| *uid != 0);
        let directory = match stranger && !self.public.is_empty() && self.rng.chance(3, 4) {
            true => Some(self.rng.pick(&self.public)),
            false => place.and_then(|place| self.directories.get(place)),
        };
        match directory {
            Some(directory) => Text([&directory[..], b"/", &name[..]].concat()),
            None => Text(name),
        }
    }

    /// Something of a kind that succeeds, and what must be there before.
    pub(super) fn with_what_it_needs(
        &mut self,
        kind: Kind,
        client: usize,
    ) -> (Vec<Action>, Action) {
        let path = self.own_place(client);
        let create = |path: &Text, flags: OpenFlags| Action::Open {
            path: path.clone(),
            flags: flags.bits(),
            mode: 0o644,
        };
        let opened = self.rng.chance(1, 3);
        let made = |path: &Text| match opened {
            true => vec![create(path, OpenFlags::CREAT), Action::Close { file: 0 }],
            false => vec![Action::Mknod { path: path.clone(), mode: 0o100_644 }],
        };
        match kind {
            Kind::Unlink => (made(&path), Action::Unlink { path }),
            Kind::Rmdir => {
                let mut before = vec![Action::Mkdir { path: path.clone(), mode: 0o755 }];
                // One that is not empty is asked for all the same.
                if self.rng.chance(1, 4) {
                    let child = Text([&path.0[..], b"/x"].concat());
                    before.push(Action::Mkdir { path: child, mode: 0o755 });
                }
                (before, Action::Rmdir { path })
            }
            Kind::Rename => {
                let new = self.own_place(client);
                (made(&path), Action::Rename { old: path, new, flags: 0 })
            }
            Kind::Link => {
                let source = self.file();
                (Vec::new(), Action::Link { source, path })
            }
            Kind::List | Kind::OpenDir => {
                let directory = self.directory();
                let opened = create(&directory, OpenFlags::DIRECTORY);
                let space = *self.rng.pick(&[4096, 4096, 100]);
                (vec![opened], Action::List { file: 0, space })
            }
            Kind::Read | Kind::Write | Kind::Truncate | Kind::Fallocate | Kind::Fsync => {
                let path = if self.rng.chance(1, 2) { self.file() } else { path };
                let opened = create(&path, OpenFlags::CREAT | OpenFlags::RDWR);
                let length = self.size();
                let action = match kind {
                    Kind::Read => Action::Read { file: 0, size: length, offset: None },
                    Kind::Write => {
                        Action::Write { file: 0, size: length as u32, fill: b'm', offset: None }
                    }
                    Kind::Truncate => Action::Ftruncate { file: 0, size: length as i64 },
                    Kind::Fsync => Action::Fsync { file: 0, datasync: false },
                    _ => {
                        let length = length as i64 + 1;
                        Action::Fallocate { file: 0, mode: 0, offset: 0, length }
                    }
                };
                (vec![opened], action)
            }
            Kind::Close => (vec![create(&self.file(), OpenFlags::RDWR)], Action::Close { file: 0 }),
            _ => (Vec::new(), self.alike(kind, client)),
        }
    }

    /// What somebody else sees of a thing while it is changed, after what was done before.
    fn observe(&mut self, before: &[Action], change: &Action) -> Vec<Action> {
        let named = before.iter().chain([change]).rev().find(|action| !action.paths().is_empty());
        let paths: Vec<Text> =
            named.map_or_else(Vec::new, Action::paths).into_iter().cloned().collect();
        let path = match paths.is_empty() {
            true => self.file(),
            false => self.rng.pick(&paths).clone(),
        };
        let open =
            |path: &Text, flags: u32| Action::Open { path: path.clone(), flags, mode: 0o644 };
        match self.rng.below(6) {
            0 | 1 => vec![Action::Stat { path, follow: false }],
            2 => vec![open(&path, 0), Action::Read { file: 0, size: 20_000, offset: Some(0) }],
            3 => self.list_around(change),
            4 => vec![open(&path, 2), Action::Fstat { file: 0 }],
            _ => match self.look(change) {
                looks if looks.is_empty() => vec![Action::Stat { path, follow: true }],
                looks => looks,
            },
        }
    }
}

impl Meeting {
    /// No client does more than so much.
    fn shorten(&mut self, most: usize, programs: &mut [Program]) {
        for (client, program) in programs.iter_mut().enumerate() {
            program.actions.truncate(most);
            self.starts[client] = self.starts[client].min(program.actions.len());
            self.ends[client] = self.ends[client].min(program.actions.len());
        }
    }

    /// The next place of a candidate that `wanted` accepts, the one that goes on if it does.
    fn place(
        enabled: &[Candidate],
        going_on: usize,
        wanted: impl Fn(&Candidate) -> bool,
    ) -> Option<usize> {
        match enabled.get(going_on).is_some_and(&wanted) {
            true => Some(going_on),
            false => enabled.iter().position(wanted),
        }
    }
}

impl Scheduler for Meeting {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        let before = |one: &Candidate| one.action < self.starts[one.client];
        if let Some(place) = Self::place(enabled, going_on, before) {
            return place;
        }
        let inside = |one: &Candidate| one.action < self.ends[one.client];
        let first = enabled.iter().position(|one| one.client == self.first && inside(one));
        if let Some(first) = first
            && self.hold.goes_on(&enabled[first])
        {
            return first;
        }
        let other = |one: &Candidate| one.client != self.first && inside(one);
        Self::place(enabled, going_on, other).or(first).unwrap_or(going_on)
    }
}
