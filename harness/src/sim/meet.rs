//! Runs in which clients meet: each is where all others wait for it, and they do one kind of thing
//! together, while one of them is held in the middle.
//!
//! Two calls seldom overlap at the one place where it matters when both are drawn and scheduled by
//! chance. Here everything before a meeting happens one after the other, and what the calls need
//! is made before: the file that each removes, the directory that each lists. What a reader would
//! get wrong: locks still hold; whoever waits for one goes on when it is free.

use fuserig_sim_fs::{MemFs, OpenFlags};

use super::draw::{BURSTS, Draw};
use super::generate::Kind;
use super::limits::Hold;
use super::{Action, Candidate, Program, Rng, Scheduler, Text, WorkloadConfig};

/// One run in so many that have nothing else to try is about meetings.
pub(super) const MEETINGS_ONE_IN: u64 = 2;

/// One meeting.
#[derive(Debug)]
struct Meeting {
    /// The first action of each client that belongs to it, and the first that does not any more.
    starts: Vec<usize>,
    ends: Vec<usize>,
    /// Who goes first and is held.
    first: usize,
    hold: Hold,
}

/// Lets clients meet, one meeting after the other.
#[derive(Debug)]
pub(super) struct Meetings {
    meetings: Vec<Meeting>,
    at: usize,
}

/// Programs of clients that meet, and who moves when; none for a client alone.
pub(super) fn draw(
    config: &WorkloadConfig,
    rng: &mut Rng,
    tree: &MemFs,
) -> Option<(Vec<Program>, Meetings)> {
    if config.clients < 2 {
        return None;
    }
    let mut draw = Draw::new(config, rng, tree);
    let mut programs: Vec<Program> = (0..config.clients)
        .map(|client| Program { uid: draw.user(client), actions: Vec::new() })
        .collect();
    // Few kinds, so that what is counted comes to its end.
    let kinds: Vec<Kind> = (0..1 + draw.rng.below(3)).map(|_| draw.conflicting_kind()).collect();
    let mut meetings = Vec::new();
    let length = |programs: &[Program]| programs.iter().map(|one| one.actions.len()).sum::<usize>();
    while length(&programs) < config.operations {
        let kind = *draw.rng.pick(&kinds);
        meetings.push(draw.meeting(kind, &kinds, &mut programs));
    }
    while length(&programs) > config.operations {
        let longest = programs.iter_mut().max_by_key(|program| program.actions.len());
        longest.expect("there are clients").actions.pop();
    }
    Some((programs, Meetings { meetings, at: 0 }))
}

impl Draw<'_> {
    /// What leads to a meeting and what happens there.
    fn meeting(&mut self, kind: Kind, kinds: &[Kind], programs: &mut [Program]) -> Meeting {
        let clients = programs.len();
        // Somebody may do it alone before, so that a limit is met at any of its places.
        if self.rng.chance(1, 3) {
            let client = self.rng.index(clients);
            let (before, action) = self.with_what_it_needs(kind, client);
            programs[client].actions.extend(before);
            programs[client].actions.push(action);
        }
        let same = self.rng.chance(1, 4);
        let shared = self.with_what_it_needs(kind, 0);
        let mut together = Vec::with_capacity(clients);
        for (client, program) in programs.iter_mut().enumerate() {
            let (before, action) = if same {
                shared.clone()
            } else {
                let own = if self.rng.chance(3, 4) { kind } else { *self.rng.pick(kinds) };
                self.with_what_it_needs(own, client)
            };
            program.actions.extend(before);
            together.push(action);
        }
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        for (program, action) in programs.iter_mut().zip(&together) {
            program.actions.push(action.clone());
        }
        let ends = programs.iter().map(|program| program.actions.len()).collect();
        for (program, action) in programs.iter_mut().zip(&together) {
            if self.rng.chance(1, 6) {
                program.actions.extend(self.look(action));
            }
        }
        let first = self.rng.index(clients);
        Meeting { starts, ends, first, hold: Hold::draw(self.rng) }
    }

    /// A path that nobody has used: in the root for the first client, and for each other in a
    /// directory of its own.
    fn own_place(&mut self, client: usize) -> Text {
        let name = self.unused_name();
        let alone = !self.rng.chance(1, 6);
        let place = client.checked_sub(1).filter(|_| alone);
        match place.and_then(|place| self.directories.get(place)) {
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
        let made = |path: &Text| vec![create(path, OpenFlags::CREAT), Action::Close { file: 0 }];
        match kind {
            Kind::Unlink => (made(&path), Action::Unlink { path }),
            Kind::Rmdir => {
                (vec![Action::Mkdir { path: path.clone(), mode: 0o755 }], Action::Rmdir { path })
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
            _ => (Vec::new(), self.alike(kind, client)),
        }
    }

    /// A kind of action that can get in the way of others.
    pub(super) fn conflicting_kind(&mut self) -> Kind {
        if self.rng.chance(1, 8) { self.kind() } else { *self.rng.pick(&BURSTS) }
    }
}

impl Meetings {
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

impl Scheduler for Meetings {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        while let Some(meeting) = self.meetings.get_mut(self.at) {
            let before = |one: &Candidate| one.action < meeting.starts[one.client];
            if let Some(place) = Self::place(enabled, going_on, before) {
                return place;
            }
            let inside = |one: &Candidate| one.action < meeting.ends[one.client];
            let first = enabled.iter().position(|one| one.client == meeting.first && inside(one));
            if let Some(first) = first
                && meeting.hold.goes_on(&enabled[first])
            {
                return first;
            }
            let other = |one: &Candidate| one.client != meeting.first && inside(one);
            if let Some(place) = Self::place(enabled, going_on, other).or(first) {
                return place;
            }
            self.at += 1;
        }
        going_on
    }
}
