//! Runs in which clients meet: each is where all others wait for it, and they do one thing each,
//! while one of them is held in the middle.
//!
//! Two calls seldom overlap at the one place where it matters when both are drawn and scheduled by
//! chance. Here one pair of kinds of call after the other is tried, each over a fresh world: what
//! the calls need is made before, everything before the meeting happens one after the other, and
//! what follows shows what the filter counted. Some are a relay instead (`relay.rs`). What a reader
//! would get wrong: locks still hold; whoever waits for one goes on when it is free.

use std::collections::VecDeque;

use fuserig_abi::Op;
use fuserig_sim_fs::{MemFs, OpenFlags};

use super::draw::{BURSTS, Draw};
use super::generate::Kind;
use super::limits::Hold;
use super::look::name_of;
use super::recipe::mknod;
use super::{Action, Candidate, Program, Rng, Scheduler, Text, WorkloadConfig};

/// What the others do, besides what can be held.
const OBSERVERS: [Kind; 3] = [Kind::Stat, Kind::Read, Kind::Close];
/// What a filter has members for that cares for directories.
const MAKES_DIRECTORIES: [Kind; 2] = [Kind::Mkdir, Kind::Rmdir];
/// From one pair to the next: a prime above the number of pairs, so that each gets its turn.
const STRIDE: u64 = 7919;

/// One meeting.
#[derive(Debug)]
pub(super) struct Meeting {
    /// The first action of each client that belongs to it, and the first that does not any more.
    pub(super) starts: Vec<usize>,
    pub(super) ends: Vec<usize>,
    /// Who goes first and is held.
    pub(super) first: usize,
    pub(super) hold: Hold,
    /// Whose turn it is before, by client and the number of its action, where that is laid down.
    pub(super) turns: VecDeque<(usize, usize)>,
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
    let mut programs: Vec<Program> =
        (0..config.clients).map(|client| Program::of(draw.user(client), Vec::new())).collect();
    // Who may not do it meets nobody.
    match draw.rng.below(8) {
        0..=4 => programs.iter_mut().for_each(|program| program.uid = 0),
        5 | 6 => draw.mix(&mut programs),
        _ => {}
    }
    draw.regroup(&mut programs);
    draw.uids = programs.iter().map(|program| program.uid).collect();
    // Where there is no filter, who may do what is worth more than who does it when.
    let nobody_decides = draw.focus.is_empty() && !config.syncs;
    let relays = if nobody_decides { 11 } else { 5 };
    if draw.rng.chance(relays, 20) {
        return Some(draw.relay(config, programs));
    }
    if nobody_decides && draw.rng.chance(1, 2) {
        let mut meeting = draw.same(&mut programs);
        meeting.shorten(config.operations / config.clients, &mut programs);
        return Some((programs, meeting));
    }
    let kinds = pair(number, if draw.focus.is_empty() { &BURSTS } else { &draw.focus });
    // Others may have done it before, so that a limit is met at any of its places.
    for _ in 0..draw.rng.below(2) {
        draw.alone(kinds, &mut programs);
    }
    // Or be ready for it, and do it after the meeting.
    let later = if draw.rng.chance(1, 4) { draw.prepared(kinds, &mut programs) } else { None };
    let mut meeting = match draw.rng.chance(1, 16) {
        true => draw.appending(&mut programs),
        false => draw.meeting(kinds, &mut programs),
    };
    draw.aftermath(&meeting, &mut programs);
    if let Some((client, action)) = later {
        programs[client].actions.push(action);
    }
    // What comes late enough is met in the few that are long.
    let most = if draw.rng.chance(1, 6) { 16 } else { 4 };
    for _ in 0..draw.rng.below(most) {
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

/// What makes a directory not empty.
fn child_of(directory: &Text) -> Action {
    Action::Mkdir { path: Text([&directory.0[..], b"/x"].concat()), mode: 0o755 }
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
        if self.rng.chance(1, 4)
            && let Some(word) = self.mentioned()
        {
            return word;
        }
        let directories = matches!(kind, Kind::Mkdir | Kind::Rmdir) || self.rng.chance(1, 4);
        let known = if directories { &self.directories } else { &self.files };
        if known.is_empty() || self.rng.chance(1, 3) {
            return self.unused_name();
        }
        let path = self.rng.pick(known);
        name_of(path).to_vec()
    }

    /// A name that the filter mentions or is about.
    fn mentioned(&mut self) -> Option<Vec<u8>> {
        let (names, words) = (&self.config.names, &self.config.words);
        let nth = self.rng.index(names.len() + words.len());
        let name = names.iter().chain(words).nth(nth)?;
        (name.0.len() < 256 && !name.0.contains(&b'/')).then(|| name.0.clone())
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

    /// Somebody gets ready for something of one of the kinds; who, and what is to be done later.
    fn prepared(
        &mut self,
        kinds: (Kind, Kind),
        programs: &mut [Program],
    ) -> Option<(usize, Action)> {
        let client = self.rng.index(programs.len());
        let kind = if self.rng.chance(1, 2) { kinds.0 } else { kinds.1 };
        let (before, action) = self.with_what_it_needs(kind, client);
        programs[client].actions.extend(before);
        // Who opened something else meanwhile would mean another file.
        (!action.paths().is_empty()).then_some((client, action))
    }

    /// What was done at a meeting is looked at, or taken back.
    fn aftermath(&mut self, meeting: &Meeting, programs: &mut [Program]) {
        for (client, program) in programs.iter_mut().enumerate() {
            let done = program.actions[meeting.starts[client]..meeting.ends[client]].to_vec();
            for action in done {
                program.actions.extend(match self.rng.below(6) {
                    0 => self.look(&action),
                    1 | 2 => undo(&action).into_iter().collect(),
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
            for mut kind in own.into_iter().take(1 + self.rng.index(3)) {
                if !self.focus.is_empty() && self.rng.chance(1, 6) {
                    kind = *self.rng.pick(&self.focus);
                }
                let (before, action) = self.with_what_it_needs(kind, client);
                program.actions.extend(before);
                actions.push(action);
            }
            if self.rng.chance(1, 6) {
                // What is done is taken back while the first one is still in the middle.
                let taken_back = actions.first().and_then(undo);
                actions.splice(1..1, taken_back);
            }
            together.push(actions);
        }
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        for (program, actions) in programs.iter_mut().zip(together) {
            program.actions.extend(actions);
        }
        self.namesake = None;
        let ends = programs.iter().map(|program| program.actions.len()).collect();
        let hold = Hold::draw(self.rng);
        Meeting { starts, ends, first, hold, turns: VecDeque::new() }
    }

    /// Everybody appends to one file at the same time.
    fn appending(&mut self, programs: &mut [Program]) -> Meeting {
        let path = self.file();
        // To the end by the way it was opened, or by each call.
        let by_call = self.rng.chance(1, 4);
        let mut flags = OpenFlags::CREAT | OpenFlags::WRONLY;
        flags.set(OpenFlags::APPEND, !by_call);
        let flags = flags.bits();
        for program in &mut *programs {
            program.actions.push(Action::Open { path: path.clone(), flags, mode: 0o666 });
        }
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        for (fill, program) in (b'a'..).zip(&mut *programs) {
            let size = 1 + self.rng.below(9) as u32;
            let write = match by_call {
                true => Action::Append { file: 0, size, fill },
                false => Action::Write { file: 0, size, fill, offset: None },
            };
            let times = 1 + self.rng.index(2);
            program.actions.extend(std::iter::repeat_n(write, times));
        }
        let ends = programs.iter().map(|program| program.actions.len()).collect();
        let first = self.rng.index(programs.len());
        Meeting { starts, ends, first, hold: Hold::draw(self.rng), turns: VecDeque::new() }
    }

    /// A path that most often nobody has used: in the root for the first client, and for each other
    /// in a directory of its own; for who is not the super-user most often where everybody may.
    fn own_place(&mut self, client: usize) -> Text {
        let name = match (&self.namesake, self.rng.below(6)) {
            (Some(name), 0..=4) => name.clone(),
            (_, 0) => self.almost_a_name(),
            (_, 1) => self.name(),
            (_, 2) => self.mentioned().unwrap_or_else(|| self.unused_name()),
            _ => self.unused_name(),
        };
        let alone = !self.rng.chance(1, 6);
        let place = client.checked_sub(1).filter(|_| alone);
        let stranger = self.uids.get(client).is_some_and(|uid| *uid != 0);
        let directory = match stranger && !self.public.is_empty() && self.rng.chance(3, 4) {
            true => Some(self.rng.pick(&self.public)),
            false => place.and_then(|place| self.directories.get(place)),
        };
        let inside = |directory: &Vec<u8>| Text([&directory[..], b"/", &name[..]].concat());
        let path = directory.map_or_else(|| Text(name.clone()), inside);
        // Where something has that name, nothing can be made.
        let is_taken = self.files.contains(&path.0) || self.directories.contains(&path.0);
        if is_taken && !self.directories.is_empty() && self.rng.chance(3, 4) {
            return inside(self.rng.pick(&self.directories));
        }
        path
    }

    /// What a call takes away that nobody made for it: what was there before is as good, most of
    /// all what has the name that is shared.
    fn what_is_there(&mut self, kind: Kind) -> Option<Text> {
        let known = match kind {
            Kind::Unlink | Kind::Rename => &self.files,
            Kind::Rmdir => &self.directories,
            _ => return None,
        };
        let shared = self.namesake.as_ref().and_then(|name| {
            known.iter().find(|path| name_of(path) == name).map(|path| Text(path.clone()))
        });
        match shared {
            Some(path) if self.rng.chance(1, 2) => Some(path),
            _ if !self.rng.chance(1, 6) => None,
            _ if kind == Kind::Rmdir => Some(self.directory()),
            _ => Some(self.file()),
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
            false => vec![mknod(path, 0o100_644)],
        };
        let there = self.what_is_there(kind);
        match (kind, there) {
            (Kind::Unlink, Some(path)) => (Vec::new(), Action::Unlink { path }),
            (Kind::Rmdir, Some(path)) => (Vec::new(), Action::Rmdir { path }),
            (Kind::Unlink, None) => (made(&path), Action::Unlink { path }),
            (Kind::Rmdir, None) => {
                let mut before = vec![Action::Mkdir { path: path.clone(), mode: 0o755 }];
                // One that is not empty is asked for all the same.
                before.extend(self.rng.chance(1, 3).then(|| child_of(&path)));
                (before, Action::Rmdir { path })
            }
            (Kind::Rename, there) => {
                // One of the two has the name that is shared.
                let namesake = self.namesake.take();
                let other = self.own_place(client);
                self.namesake = namesake;
                let (old, new) = match self.rng.chance(1, 2) {
                    true => (path, other),
                    false => (other, path),
                };
                let make = |path: &Text| Action::Mkdir { path: path.clone(), mode: 0o755 };
                let moves_directories =
                    self.focus.iter().any(|kind| MAKES_DIRECTORIES.contains(kind));
                let before = match there {
                    Some(_) => Vec::new(),
                    // In the way is a directory that is not empty.
                    None if self.rng.chance(1, 6) => vec![make(&old), make(&new), child_of(&new)],
                    None if moves_directories && self.rng.chance(1, 3) => vec![make(&old)],
                    None => made(&old),
                };
                (before, Action::Rename { old: there.unwrap_or(old), new, flags: 0 })
            }
            (Kind::Link, _) => {
                let source = self.file();
                (Vec::new(), Action::Link { source, path })
            }
            (Kind::List | Kind::OpenDir, _) => {
                let directory = self.directory();
                let opened = create(&directory, OpenFlags::DIRECTORY);
                let space = *self.rng.pick(&[4096, 4096, 100]);
                (vec![opened], Action::List { file: 0, space })
            }
            (Kind::Read | Kind::Write | Kind::Truncate | Kind::Fallocate | Kind::Fsync, _) => {
                let path = if self.rng.chance(1, 2) { self.file() } else { path };
                let opened = create(&path, OpenFlags::CREAT | OpenFlags::RDWR);
                (vec![opened], self.on_opened(kind))
            }
            (Kind::Xattr, _) => self.attribute_and_what_it_needs(path),
            (Kind::Close, _) => {
                (vec![create(&self.file(), OpenFlags::RDWR)], Action::Close { file: 0 })
            }
            _ => (Vec::new(), self.alike(kind, client)),
        }
    }

    /// What is done with the file that was opened last.
    fn on_opened(&mut self, kind: Kind) -> Action {
        let length = self.size();
        match kind {
            Kind::Read => Action::Read { file: 0, size: length, offset: None },
            Kind::Write => Action::Write { file: 0, size: length as u32, fill: b'm', offset: None },
            Kind::Truncate => Action::Ftruncate { file: 0, size: length as i64 },
            Kind::Fsync => Action::Fsync { file: 0, datasync: false },
            _ => Action::Fallocate { file: 0, mode: 0, offset: 0, length: length as i64 + 1 },
        }
    }

    /// A call about an attribute that a file has, and what gives it to the file.
    fn attribute_and_what_it_needs(&mut self, path: Text) -> (Vec<Action>, Action) {
        let path = if self.rng.chance(2, 3) { self.file() } else { path };
        let name = match &self.namesake {
            Some(_) => Text::from("user.a"),
            None => self.attribute(),
        };
        let value = Text(vec![b'm'; self.rng.index(9)]);
        let set = Action::Setxattr { path: path.clone(), name: name.clone(), value, flags: 0 };
        let ops = [Op::Getxattr, Op::Listxattr, Op::Setxattr, Op::Removexattr];
        let mut wanted = self.ops_among(&ops);
        if wanted.is_empty() || self.rng.chance(1, 4) {
            wanted = ops.to_vec();
        }
        let action = match self.rng.pick(&wanted) {
            Op::Getxattr => {
                Action::Getxattr { path, name, size: *self.rng.pick(&[0, 3, 100, 100]) }
            }
            Op::Listxattr => Action::Listxattr { path, size: 4096 },
            Op::Setxattr => return (Vec::new(), set),
            _ => Action::Removexattr { path, name },
        };
        (if self.rng.chance(1, 2) { vec![set] } else { Vec::new() }, action)
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
    /// Nobody meets anybody: each does what it does when it is its turn.
    pub(super) fn of_turns(
        turns: VecDeque<(usize, usize)>,
        programs: &[Program],
        rng: &mut Rng,
    ) -> Meeting {
        let starts: Vec<usize> = programs.iter().map(|program| program.actions.len()).collect();
        Meeting { ends: starts.clone(), starts, first: 0, hold: Hold::draw(rng), turns }
    }

    /// No client does more than so much.
    fn shorten(&mut self, most: usize, programs: &mut [Program]) {
        for (client, program) in programs.iter_mut().enumerate() {
            program.actions.truncate(most);
            self.starts[client] = self.starts[client].min(program.actions.len());
            self.ends[client] = self.ends[client].min(program.actions.len());
        }
    }

    /// Whose turn it is; who cannot move loses it.
    fn turn(&mut self, enabled: &[Candidate]) -> Option<usize> {
        while let Some((client, action)) = self.turns.front().copied() {
            let place = enabled.iter().position(|one| one.client == client && one.action <= action);
            if place.is_some() {
                return place;
            }
            self.turns.pop_front();
        }
        None
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
        if let Some(place) = self.turn(enabled) {
            return place;
        }
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
