//! One workload while it is drawn.
//!
//! It keeps in mind which paths probably exist. After a change it often asks to look at what was
//! changed, now and then it lets all clients do one kind of thing at the same time, most often to
//! the same name, and now and then it follows a recipe (`recipe.rs`). One run in eight is about one
//! kind alone, each client in a directory of its own. What a reader would get wrong: nothing waits
//! for another client; that things happen at the same time is a matter of their places in the
//! programs and of the scheduler.

use std::collections::VecDeque;

use fuserig_abi::Op;
use fuserig_sim_fs::{MemFs, OpenFlags};

use super::argument::{
    self, PLAIN_NAMES, SIZES, around, device, directory_mode, far, file_mode, nasty_name,
    neighbour, new_owner,
};
use super::generate::{KINDS, Kind};
use super::look::name_of;
use super::{Action, Rng, Text, WorkloadConfig};
use crate::shrink::with_path;

/// Flags of renames: none, NOREPLACE and EXCHANGE alike often, and now and then WHITEOUT.
pub(super) const RENAMES: [u32; 13] = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 4];
/// How far before a number, and one behind it, a place is.
const BEFORE: [u64; 8] = [0, 1, 1, 2, 2, 3, 8, 4096];
/// Paths that a model remembers; more would not make conflicts likelier.
const KNOWN_MAX: usize = 64;

pub(super) struct Draw<'a> {
    pub(super) config: &'a WorkloadConfig,
    pub(super) rng: &'a mut Rng,
    weights: Vec<(Kind, u64)>,
    total: u64,
    names: Vec<Vec<u8>>,
    pub(super) directories: Vec<Vec<u8>>,
    pub(super) files: Vec<Vec<u8>>,
    /// What each client does next, before anything new is drawn.
    waiting: Vec<VecDeque<Action>>,
    /// One in so many changes is looked at; one in so many actions begins a burst, and one in so
    /// many names is nasty.
    looks_one_in: u64,
    bursts_one_in: u64,
    nasty_one_in: u64,
    /// One in so many actions begins a recipe.
    recipes_one_in: u64,
    /// What the whole run is about, each client in a directory and with files of its own.
    alike: Option<Kind>,
    /// What calls the members of the filter.
    pub(super) focus: Vec<Kind>,
    /// A name that those who meet have for different things, each in a place of its own.
    pub(super) namesake: Option<Vec<u8>>,
    /// Directories in which everybody may make something, and the users of the clients that meet.
    pub(super) public: Vec<Vec<u8>>,
    pub(super) uids: Vec<u32>,
    /// The next number of a name that nobody has used.
    unused: u32,
    /// Whether clients take turns, so that what begins at the same time is at the same place of
    /// each program.
    turns: bool,
    turn: usize,
}

/// Kinds that can get in each other's way.
pub(super) const BURSTS: [Kind; 14] = [
    Kind::Open,
    Kind::Create,
    Kind::Write,
    Kind::Truncate,
    Kind::Mkdir,
    Kind::Mknod,
    Kind::Symlink,
    Kind::Link,
    Kind::Unlink,
    Kind::Rmdir,
    Kind::Rename,
    Kind::Attributes,
    Kind::List,
    Kind::Xattr,
];

/// Weights of one run. Each kind is left out of one run in four, and its weight varies eightfold;
/// half of the runs are mostly about one or two kinds.
fn weights(rng: &mut Rng, focus: &[Kind]) -> Vec<(Kind, u64)> {
    let mut weights = Vec::with_capacity(KINDS.len());
    for &(kind, weight) in KINDS {
        // No filter hears of a lock, of what a number means, or of whose it is.
        let is_unheard = matches!(kind, Kind::Lock | Kind::Slot | Kind::Process);
        let fits = !is_unheard || focus.is_empty();
        if fits && rng.chance(3, 4) {
            weights.push((kind, weight * (1 << rng.below(4))));
        }
    }
    if weights.len() < 4 {
        weights = KINDS.to_vec();
    }
    if rng.chance(1, 2) {
        let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
        for _ in 0..1 + rng.below(2) {
            weights.push((of_interest(rng, focus), total));
        }
    }
    weights
}

/// A kind that a run may be about: what the filter decides about, what can get in the way of
/// others, or any.
fn of_interest(rng: &mut Rng, focus: &[Kind]) -> Kind {
    if !focus.is_empty() && rng.chance(3, 5) {
        return *rng.pick(focus);
    }
    if rng.chance(3, 4) { *rng.pick(&BURSTS) } else { rng.pick(KINDS).0 }
}

/// The names of one run: those of interest, some of what the filter mentions, and few others, so
/// that clients meet.
fn names(config: &WorkloadConfig, rng: &mut Rng) -> Vec<Vec<u8>> {
    let count = 1 + rng.index(PLAIN_NAMES.len());
    let plain = (0..count).map(|_| rng.pick(&PLAIN_NAMES).as_bytes().to_vec());
    let mut names: Vec<Vec<u8>> = plain.collect();
    // What is made once cannot be made again, so some runs have names enough.
    if rng.chance(1, 4) {
        names.extend((0..16).map(|number| format!("n{number}").into_bytes()));
    }
    for _ in 0..config.words.len().min(4) {
        let word = &rng.pick(&config.words).0;
        names.push(match rng.below(4) {
            0 | 1 => word.clone(),
            2 => around(word, rng),
            _ => neighbour(word, rng),
        });
    }
    // A filter that is about a name may take another for it.
    if !config.names.is_empty() {
        names.push(neighbour(&rng.pick(&config.names).0, rng));
    }
    for _ in 0..rng.below(3) {
        names.push(neighbour(rng.pick(&PLAIN_NAMES).as_bytes(), rng));
    }
    names
}

/// Leaves two at most: in a small world everything happens to the same things.
fn keep_few(rng: &mut Rng, all: &mut Vec<Vec<u8>>) {
    while all.len() > 2 {
        all.swap_remove(rng.index(all.len()));
    }
}

impl<'a> Draw<'a> {
    pub(super) fn new(config: &'a WorkloadConfig, rng: &'a mut Rng, tree: &MemFs) -> Draw<'a> {
        let focus = config.kinds();
        let weights = weights(rng, &focus);
        let total = weights.iter().map(|(_, weight)| weight).sum();
        let mut names = names(config, rng);
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        let mut public = Vec::new();
        for entry in tree.walk().skip(1).take(KNOWN_MAX) {
            let path = entry.path[1..].to_vec();
            if entry.stat.kind == fuserig_abi::FileKind::Directory {
                if entry.stat.permissions & 0o003 == 0o003 {
                    public.push(path.clone());
                }
                directories.push(path);
            } else {
                files.push(path);
            }
        }
        if rng.chance(1, 4) {
            keep_few(rng, &mut names);
            keep_few(rng, &mut directories);
            keep_few(rng, &mut files);
        }
        let looks_one_in = *rng.pick(&[2, 3, 4, 8]);
        let bursts_one_in = *rng.pick(&[4, 8, 16, 1000]);
        let nasty_one_in = *rng.pick(&[6, 16, 32, 64]);
        let recipes_one_in = *rng.pick(&[2, 4, 8, 16]);
        let alike = rng.chance(1, 7).then(|| of_interest(rng, &focus));
        let turns = alike.is_some() || rng.chance(1, 2);
        Draw {
            config,
            rng,
            weights,
            total,
            names,
            directories,
            files,
            waiting: Vec::new(),
            looks_one_in,
            bursts_one_in,
            nasty_one_in,
            recipes_one_in,
            alike,
            focus,
            namesake: None,
            public,
            uids: Vec::new(),
            unused: 0,
            turns,
            turn: 0,
        }
    }

    /// Those of some operations that the filter under test has members for.
    pub(super) fn ops_among(&self, ops: &[Op]) -> Vec<Op> {
        ops.iter().filter(|op| self.config.ops.contains(op)).copied().collect()
    }

    /// The user of a client: the first is the super-user most of the time, others half of it.
    pub(super) fn user(&mut self, client: usize) -> u32 {
        // Clients who do the same thing are most often the same user.
        if self.alike.is_some() && self.rng.chance(3, 4) {
            return 0;
        }
        let root = if client == 0 { (7, 8) } else { (1, 2) };
        if !self.config.users || self.rng.chance(root.0, root.1) { 0 } else { self.somebody() }
    }

    /// A user who is not the super-user, where there are any.
    pub(super) fn stranger(&mut self) -> u32 {
        if self.config.users { self.somebody() } else { 0 }
    }

    fn somebody(&mut self) -> u32 {
        let known = |number: &u64| (1..=65_535).contains(number);
        let numbers = self.config.numbers.iter().filter(|number| known(number)).count();
        if numbers > 0 && self.rng.chance(1, 3) {
            let nth = self.rng.index(numbers);
            let number = self.config.numbers.iter().copied().filter(known).nth(nth);
            let number = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1000);
            // One who is the same in sixteen bits.
            return if self.rng.chance(1, 6) { number + 0x1_0000 } else { number };
        }
        *self.rng.pick(&[1000, 1000, 1001])
    }

    /// The next action, and whose.
    pub(super) fn next(&mut self, clients: usize) -> (usize, Action) {
        if self.waiting.len() < clients {
            self.waiting.resize(clients, VecDeque::new());
        }
        self.turn += 1;
        let client = if self.turns { self.turn % clients } else { self.rng.index(clients) };
        if self.waiting[client].is_empty() && self.rng.chance(1, self.bursts_one_in) {
            self.burst(clients);
        }
        if let Some(action) = self.waiting[client].pop_front() {
            return (client, action);
        }
        if let Some(kind) = self.alike
            && self.rng.chance(7, 8)
        {
            if matches!(kind, Kind::Unlink | Kind::Rmdir | Kind::Rename) && self.rng.chance(3, 4) {
                let (mut before, action) = self.with_what_it_needs(kind, client);
                before.push(action);
                self.waiting[client].extend(before);
                let next = self.waiting[client].pop_front();
                return (client, next.expect("there is one at least"));
            }
            return (client, self.alike(kind, client));
        }
        if self.rng.chance(1, self.recipes_one_in) {
            let recipe = self.recipe(self.config.syncs);
            self.waiting[client].extend(recipe);
            if let Some(action) = self.waiting[client].pop_front() {
                return (client, action);
            }
        }
        let kind = self.kind();
        let action = self.action(kind);
        if self.rng.chance(1, self.looks_one_in) {
            let looks = self.look(&action);
            // Somebody else may look, where no open file is needed for it.
            let handed =
                looks.first().is_some_and(|look| !look.paths().is_empty()) && self.rng.chance(1, 4);
            let whose = if handed { self.rng.index(clients) } else { client };
            self.waiting[whose].extend(looks);
        }
        if self.config.syncs && self.rng.chance(1, 4) {
            let syncs = self.sync(&action);
            self.waiting[client].extend(syncs);
        }
        (client, action)
    }

    /// A name that is almost one of those that matter, or that are there.
    pub(super) fn almost_a_name(&mut self) -> Vec<u8> {
        let config = self.config;
        let word = match self.rng.below(8) {
            0..=3 if !config.names.is_empty() => &self.rng.pick(&config.names).0,
            4 if !config.words.is_empty() => &self.rng.pick(&config.words).0,
            _ => {
                let known = self.rng.chance(1, 2) && !self.files.is_empty();
                let path: Vec<u8> = match known {
                    true => self.rng.pick(&self.files[..]).clone(),
                    false => self.rng.pick(&PLAIN_NAMES).as_bytes().to_vec(),
                };
                return neighbour(name_of(&path), self.rng);
            }
        };
        neighbour(word, self.rng)
    }

    /// A number of the filter, where it mentions any. Those of an object's data come first, and are
    /// limits more often than what code computes with.
    pub(super) fn number(&mut self) -> u64 {
        let numbers = &self.config.numbers[..];
        if self.rng.chance(1, 3) { numbers[0] } else { *self.rng.pick(numbers) }
    }

    /// A length, of any magnitude; most are short.
    pub(super) fn length(&mut self) -> i64 {
        match self.rng.below(12) {
            0 => far(self.rng),
            1 if self.mentions_numbers() => self.near_a_number(),
            _ => self.size() as i64,
        }
    }

    /// What every client of this run does: in a directory of its own, under a new name where
    /// something is made, and else to a file of its own, so that no lock keeps them apart.
    pub(super) fn alike(&mut self, kind: Kind, client: usize) -> Action {
        let action = self.action(kind);
        let places = action.paths().len();
        if places == 0 || self.rng.chance(1, 8) {
            return action;
        }
        let makes = matches!(
            kind,
            Kind::Create | Kind::Mkdir | Kind::Mknod | Kind::Symlink | Kind::Link | Kind::Rename
        );
        let own = |list: &[Vec<u8>]| list.get(client % list.len().max(1)).cloned().map(Text);
        let mut action = action;
        if let (Kind::Link | Kind::Rename, Some(file)) = (kind, own(&self.files)) {
            action = with_path(&action, 0, file);
        }
        let last = match makes {
            true => {
                let name = match self.namesake.clone() {
                    Some(name) if !self.rng.chance(1, 6) => name,
                    _ => self.unused_name(),
                };
                match client.checked_sub(1).and_then(|place| self.directories.get(place)) {
                    Some(directory) => Some(Text([&directory[..], b"/", &name[..]].concat())),
                    None => Some(Text(name)),
                }
            }
            false if self.rng.chance(1, 2) => own(&self.files),
            false => None,
        };
        last.map_or(action.clone(), |last| with_path(&action, places - 1, last))
    }

    /// A name that this workload has not used.
    pub(super) fn unused_name(&mut self) -> Vec<u8> {
        self.unused += 1;
        format!("r{}", self.unused).into_bytes()
    }

    /// Every client does one kind of thing, or two kinds by turns, once or a few times: to one
    /// name, each in a directory of its own, or wherever.
    fn burst(&mut self, clients: usize) {
        let interesting = of_interest(self.rng, &self.focus);
        let one = if self.rng.chance(1, 3) { self.kind() } else { interesting };
        let other = if self.rng.chance(1, 3) { *self.rng.pick(&BURSTS) } else { one };
        let first = self.action(one);
        let how = self.rng.below(3);
        let times = 1 + self.rng.index(3);
        let base = self.rng.index(self.directories.len() + 1);
        for client in 0..clients {
            let kind = if client % 2 == 0 { one } else { other };
            for _ in 0..times {
                let same = how == 0 && kind == one;
                let mut action = if same { first.clone() } else { self.action(kind) };
                let last = action.paths().len().checked_sub(1);
                if let (1, Some(last)) = (how, last) {
                    let to = self.place_in(base + client);
                    action = with_path(&action, last, to);
                }
                // Mostly the same place, but now and then its neighbour.
                if let (0, Some(last)) = (how, last) {
                    if self.rng.chance(1, 4) {
                        let to = self.place();
                        action = with_path(&action, last, to);
                    } else if let (false, Some(place)) = (same, first.paths().pop()) {
                        let place = place.clone();
                        action = with_path(&action, last, place);
                    }
                }
                self.waiting[client].push_back(action);
            }
        }
    }

    /// A name in a directory by its number; beyond those that are known it is the root.
    fn place_in(&mut self, number: usize) -> Text {
        let name = self.name();
        match self.directories.get(number % (self.directories.len() + 1)) {
            Some(directory) => Text([&directory[..], b"/", &name[..]].concat()),
            None => Text(name),
        }
    }

    pub(super) fn kind(&mut self) -> Kind {
        let mut at = self.rng.below(self.total);
        for (kind, weight) in &self.weights {
            if at < *weight {
                return *kind;
            }
            at -= weight;
        }
        Kind::Stat
    }

    pub(super) fn learn_file(&mut self, path: &Text) {
        if self.files.len() < KNOWN_MAX && !self.files.contains(&path.0) {
            self.files.push(path.0.clone());
        }
    }

    pub(super) fn learn_directory(&mut self, path: &Text) {
        if self.directories.len() < KNOWN_MAX && !self.directories.contains(&path.0) {
            self.directories.push(path.0.clone());
        }
    }

    pub(super) fn name(&mut self) -> Vec<u8> {
        if !self.config.names.is_empty() && self.rng.chance(2, 5) {
            return self.rng.pick(&self.config.names).0.clone();
        }
        if self.rng.chance(1, self.nasty_one_in) {
            return nasty_name(self.rng);
        }
        self.rng.pick(&self.names).clone()
    }

    /// A path for something new: most often one that is not known.
    pub(super) fn fresh(&mut self) -> Text {
        let tries = self.rng.below(4);
        let mut path = self.place();
        for _ in 0..tries {
            if !self.files.contains(&path.0) && !self.directories.contains(&path.0) {
                break;
            }
            path = self.place();
        }
        path
    }

    /// What was at a path is gone.
    pub(super) fn forget(&mut self, path: &Text) {
        self.files.retain(|known| *known != path.0);
        self.directories.retain(|known| *known != path.0);
    }

    /// The last name of a path, in some directory.
    pub(super) fn same_name(&mut self, path: &Text) -> Text {
        Text([&self.directory().0[..], b"/", name_of(&path.0)].concat())
    }

    /// A path that need not exist.
    pub(super) fn place(&mut self) -> Text {
        let name = self.name();
        if self.directories.is_empty() || self.rng.chance(1, 2) {
            return Text(name);
        }
        let directory = self.rng.pick(&self.directories);
        let between: &[u8] = if self.rng.chance(1, 40) { b"/../" } else { b"/" };
        Text([&directory[..], between, &name[..]].concat())
    }

    pub(super) fn file(&mut self) -> Text {
        if self.files.is_empty() || self.rng.chance(1, 5) {
            return self.place();
        }
        Text(self.rng.pick(&self.files).clone())
    }

    pub(super) fn directory(&mut self) -> Text {
        if self.directories.is_empty() || self.rng.chance(1, 3) {
            return Text::from(".");
        }
        Text(self.rng.pick(&self.directories).clone())
    }

    pub(super) fn any(&mut self) -> Text {
        if self.rng.chance(1, 4) { self.directory() } else { self.file() }
    }

    pub(super) fn open_file(&mut self) -> u8 {
        // The newest most of the time.
        if self.rng.chance(1, 2) { 0 } else { self.rng.below(3) as u8 }
    }

    pub(super) fn size(&mut self) -> u64 {
        if self.mentions_numbers() && self.rng.chance(1, 4) {
            let number = self.number();
            // What a program writes at once stays affordable.
            return (number.saturating_sub(1) + self.rng.below(3)).min(1 << 17);
        }
        match self.rng.chance(1, 8) {
            true => self.magnitude(16),
            false => *self.rng.pick(&SIZES),
        }
    }

    /// A number of any magnitude below a power of two.
    fn magnitude(&mut self, bits: u64) -> u64 {
        let bits = self.rng.below(bits + 1);
        self.rng.below(1 << bits)
    }

    fn offset(&mut self) -> Option<i64> {
        if !self.rng.chance(1, 3) {
            return None;
        }
        Some(self.position())
    }

    pub(super) fn position(&mut self) -> i64 {
        if self.mentions_numbers() && self.rng.chance(1, 3) {
            // What begins before a number may end behind it.
            let before = *self.rng.pick(&BEFORE);
            let number = self.number();
            let number = number.saturating_add(1).saturating_sub(before);
            return i64::try_from(number).unwrap_or(i64::MAX);
        }
        match self.rng.chance(1, 6) {
            true => self.magnitude(20) as i64,
            false => argument::offset(self.rng),
        }
    }

    pub(super) fn action(&mut self, kind: Kind) -> Action {
        match kind {
            Kind::Open | Kind::Create | Kind::OpenDir => self.on_open(kind),
            Kind::Close
            | Kind::Read
            | Kind::Write
            | Kind::Seek
            | Kind::Truncate
            | Kind::Fallocate
            | Kind::Fsync
            | Kind::List
            | Kind::Lock
            | Kind::Slot
            | Kind::Copy => self.on_file(kind),
            Kind::Process => self.process(),
            Kind::Standing => self.standing(),
            Kind::Stat
            | Kind::Access
            | Kind::Mkdir
            | Kind::Mknod
            | Kind::Symlink
            | Kind::Link
            | Kind::Unlink
            | Kind::Rmdir
            | Kind::Rename
            | Kind::Readlink
            | Kind::Attributes
            | Kind::Xattr
            | Kind::Chdir => self.on_name(kind),
        }
    }

    /// Flags that an open may have besides its access mode, each with its own chance.
    fn open_flags(&mut self) -> u32 {
        const RARE: [OpenFlags; 4] =
            [OpenFlags::NOFOLLOW, OpenFlags::NOATIME, OpenFlags::EXCL, OpenFlags::CLOEXEC];
        const SYNC: [OpenFlags; 2] =
            [OpenFlags::DSYNC, OpenFlags::DSYNC.union(OpenFlags::SYNC_METADATA)];
        let mut flags = self.rng.below(3) as u32;
        for (flag, one_in) in [(OpenFlags::TRUNC, 5), (OpenFlags::APPEND, 5), (OpenFlags::CREAT, 8)]
        {
            if self.rng.chance(1, one_in) {
                flags |= flag.bits();
            }
        }
        if self.rng.chance(1, 8) {
            flags |= self.rng.pick(&RARE).bits();
        }
        if self.config.syncs && self.rng.chance(1, 4) {
            flags |= self.rng.pick(&SYNC).bits();
        }
        flags
    }

    fn on_open(&mut self, kind: Kind) -> Action {
        match kind {
            Kind::Create => {
                let path = self.place();
                self.learn_file(&path);
                let flags = match self.rng.chance(1, 2) {
                    true => 2 | OpenFlags::CREAT.bits(),
                    false => self.open_flags() | OpenFlags::CREAT.bits(),
                };
                let excl = if self.rng.chance(1, 4) { OpenFlags::EXCL.bits() } else { 0 };
                Action::Open { path, flags: flags | excl, mode: file_mode(self.rng) }
            }
            Kind::OpenDir => {
                let flags = OpenFlags::DIRECTORY.bits();
                Action::Open { path: self.directory(), flags, mode: 0 }
            }
            _ => {
                let is_file = !self.rng.chance(1, 10);
                let path = if is_file { self.file() } else { self.directory() };
                let flags = self.open_flags();
                Action::Open { path, flags, mode: file_mode(self.rng) }
            }
        }
    }

    fn on_file(&mut self, kind: Kind) -> Action {
        let file = self.open_file();
        match kind {
            Kind::Close => Action::Close { file },
            Kind::Read => Action::Read { file, size: self.size(), offset: self.offset() },
            Kind::Write => {
                let size = self.size() as u32;
                let fill = b'a' + self.rng.below(26) as u8;
                if self.rng.chance(1, 16) {
                    return Action::Append { file, size, fill };
                }
                Action::Write { file, size, fill, offset: self.offset() }
            }
            Kind::Seek => {
                Action::Seek { file, offset: self.position(), whence: self.rng.below(5) as u32 }
            }
            Kind::Truncate => {
                let size = self.length();
                if self.rng.chance(1, 2) {
                    Action::Truncate { path: self.file(), size }
                } else {
                    Action::Ftruncate { file, size }
                }
            }
            Kind::Fallocate => {
                let mode = *self.rng.pick(&[0, 0, 1, 1, 3, 3, 3, 0x10, 0x11, 8, 0x20]);
                // Some modes want whole blocks.
                let (offset, length) = match self.rng.below(15) {
                    0..6 => {
                        (self.rng.below(4) as i64 * 4096, 4096 + self.rng.below(2) as i64 * 4096)
                    }
                    // In the middle of a block, and of what a short file has.
                    6..10 => (*self.rng.pick(&[1, 2, 3, 4, 4092, 4095]), self.size() as i64),
                    10 => (far(self.rng), self.size() as i64),
                    _ => (self.size() as i64, self.size() as i64),
                };
                Action::Fallocate { file, mode, offset, length }
            }
            Kind::Fsync => Action::Fsync { file, datasync: self.rng.chance(1, 3) },
            Kind::Lock => self.lock(file),
            Kind::Slot => self.on_slots(file),
            Kind::List => {
                let space = *self.rng.pick(&[4096, 4096, 32768, 100, 64, 24]);
                Action::List { file, space }
            }
            _ if self.rng.chance(1, 5) => self.send(file),
            _ => {
                let to = self.open_file();
                let (from_at, to_at) = (self.place_of_copy(), self.place_of_copy());
                Action::Copy { from: file, to, length: self.size(), from_at, to_at }
            }
        }
    }

    fn on_name(&mut self, kind: Kind) -> Action {
        match kind {
            Kind::Access => Action::Access { path: self.any(), mode: self.rng.below(8) as u32 },
            Kind::Mkdir => {
                let path = self.fresh();
                self.learn_directory(&path);
                Action::Mkdir { path, mode: directory_mode(self.rng) }
            }
            Kind::Mknod => {
                let path = self.fresh();
                let types = [0o010_000, 0o100_000, 0o100_000, 0o140_000, 0o020_000, 0o060_000];
                let mode = self.rng.pick(&types) | file_mode(self.rng);
                // Whoever opens a fifo waits for the other side.
                if mode & 0o170_000 == 0o100_000 {
                    self.learn_file(&path);
                }
                Action::Mknod { path, mode, device: device(self.rng) }
            }
            Kind::Symlink => {
                let (mut target, path) = (self.any(), self.fresh());
                if self.rng.chance(1, 3) {
                    target = Text(argument::spelled(&target.0, self.rng));
                }
                if self.rng.chance(1, 10) {
                    target = Text(argument::long_target(self.rng));
                }
                self.learn_file(&path);
                Action::Symlink { target, path }
            }
            Kind::Link => {
                let (source, path) = (self.file(), self.fresh());
                self.learn_file(&path);
                Action::Link { source, path }
            }
            Kind::Unlink => {
                let path = self.file();
                self.forget(&path);
                Action::Unlink { path }
            }
            Kind::Rmdir => {
                let path = self.directory();
                // Half of them are not empty.
                if self.rng.chance(1, 2) {
                    self.forget(&path);
                }
                Action::Rmdir { path }
            }
            Kind::Rename => self.on_rename(),
            Kind::Readlink => Action::readlink(self.file()),
            Kind::Attributes => self.on_attributes(),
            Kind::Xattr => self.on_xattr(),
            Kind::Chdir => Action::Chdir { path: self.directory() },
            _ if self.config.ops.contains(&Op::Statfs) && self.rng.chance(1, 2) => {
                Action::Statfs { path: self.any() }
            }
            _ => match self.rng.below(8) {
                0 | 1 => Action::Statfs { path: self.any() },
                2 => Action::Fstat { file: self.open_file() },
                rest => {
                    let mut path = self.any();
                    if self.rng.chance(1, 24) {
                        path.0.push(b'/');
                    }
                    Action::Stat { path, follow: rest % 2 == 0 }
                }
            },
        }
    }

    fn on_rename(&mut self) -> Action {
        let old = self.any();
        let is_directory = self.directories.contains(&old.0);
        let new = match self.rng.below(5) {
            0 if is_directory => self.directory(),
            0 | 1 => self.any(),
            2 => self.same_name(&old),
            _ => self.fresh(),
        };
        let flags = *self.rng.pick(&RENAMES);
        if flags < 2 {
            self.forget(&old);
        }
        match is_directory {
            true => self.learn_directory(&new),
            false => self.learn_file(&new),
        }
        Action::Rename { old, new, flags }
    }

    fn on_attributes(&mut self) -> Action {
        if self.rng.chance(1, 16) {
            let file = self.open_file();
            return self.attributes_of(file);
        }
        match self.rng.below(7) {
            0 => {
                let path = self.any();
                self.new_times(path)
            }
            1 | 2 => {
                let (uid, gid) = new_owner(self.rng);
                Action::Chown { path: self.any(), uid, gid }
            }
            3 | 4 => {
                let path = self.directory();
                Action::Chmod { path, mode: directory_mode(self.rng) }
            }
            _ => {
                let path = self.any();
                Action::Chmod { path, mode: file_mode(self.rng) }
            }
        }
    }

    /// New times: both now three times in four.
    pub(super) fn new_times(&mut self, path: Text) -> Action {
        if self.rng.chance(3, 4) {
            return Action::Touch { path };
        }
        let (atime, mtime) = (argument::stamp(self.rng), argument::stamp(self.rng));
        Action::Times { path, atime, mtime }
    }
}
