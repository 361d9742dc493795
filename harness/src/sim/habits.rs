//! What a tester of filesystems tries by habit, as sequences.
//!
//! The life of one name that is almost another, attributes up to their edges, a listing that goes
//! on while names come and go, a handle whose file is renamed, replaced or gone, lengths down and
//! up, targets of every length, and what fails again and again. What a reader would get wrong: as
//! with recipes, other clients come in between.

use fuserig_sim_fs::{FallocateMode, OpenFlags};

use super::argument::{self, far, name_length, nasty_name, neighbour};
use super::draw::Draw;
use super::look::parent_of;
use super::recipe::{CLOSE, FSTAT, READ_WRITE, mknod, open, stat, write};
use super::{Action, Text};

pub(super) fn create(path: &Text) -> Action {
    open(path, OpenFlags::CREAT.bits() | READ_WRITE)
}

fn read(size: u64, offset: i64) -> Action {
    Action::Read { file: 0, size, offset: Some(offset) }
}

/// Lengths of values that are near what a length is kept in, or the most that there may be.
const LARGE: [usize; 8] = [300, 4095, 4097, 32_767, 32_768, 40_000, 65_535, 65_536];

impl Draw<'_> {
    /// One of them.
    pub(super) fn habit(&mut self) -> Vec<Action> {
        // What no filter hears of comes where there is none.
        let habits = if self.focus.is_empty() { 34 } else { 30 };
        match self.rng.below(habits) {
            0..=5 => self.life_of_a_name(),
            6 | 7 => self.attributes(),
            8..=11 => self.listing(),
            12 | 13 => self.handle(),
            14 | 15 => self.lengths(),
            16..=19 => self.rights(),
            20 | 21 => self.targets(),
            22 | 23 => self.replaced(),
            24 | 25 => self.inherited(),
            26 if self.focus.is_empty() => self.locking(),
            26 | 28 | 29 => self.without_a_name(),
            27 => self.listed(),
            30 => self.masked(),
            31 => self.in_turn(),
            32 | 33 => self.forking(),
            _ => self.failures(),
        }
    }

    /// A name at which a comparison may go wrong, in the directory of some other.
    fn name_at_an_edge(&mut self) -> Text {
        let name = match self.rng.below(8) {
            0 | 7 => vec![b'e'; name_length(self.rng)],
            1 => self.unused_name(),
            _ => self.almost_a_name(),
        };
        let beside = if self.rng.chance(1, 2) { self.place() } else { Text::from("a") };
        match &parent_of(&beside).0[..] {
            b"." => Text(name),
            parent => Text([parent, b"/", &name[..]].concat()),
        }
    }

    /// Something is made under a name, looked at, changed, moved and removed.
    fn life_of_a_name(&mut self) -> Vec<Action> {
        let path = self.name_at_an_edge();
        let other = self.name_at_an_edge();
        let made = self.rng.below(6);
        let mut actions = match made {
            0 | 1 => self.make(&path, made),
            2 => vec![mknod(&path, 0o100_644)],
            3 => vec![Action::Symlink { target: other.clone(), path: path.clone() }],
            4 => vec![Action::Link { source: self.file(), path: path.clone() }],
            _ => vec![create(&path), CLOSE],
        };
        for _ in 0..1 + self.rng.below(3) {
            let path = path.clone();
            let name = self.attribute();
            let more = match self.rng.below(8) {
                0 => vec![stat(&path)],
                1 => self.list_around(&Action::Unlink { path }),
                2 => vec![Action::Access { path, mode: self.rng.below(8) as u32 }],
                3 => vec![Action::Chmod { path, mode: 0o640 }],
                4 => vec![Action::Getxattr { path, name, size: 100 }],
                5 => vec![open(&path, self.rng.below(3) as u32), FSTAT, CLOSE],
                6 => vec![Action::Truncate { path, size: self.length() }],
                _ => vec![Action::readlink(path)],
            };
            actions.extend(more);
        }
        let mut last = path.clone();
        match self.rng.below(4) {
            0 => {
                let flags = *self.rng.pick(&[0, 0, 1]);
                let new = if self.rng.chance(1, 3) { self.same_name(&path) } else { other };
                actions.push(Action::Rename { old: path, new: new.clone(), flags });
                last = new;
            }
            1 => actions.push(Action::Link { source: path, path: other }),
            _ => {}
        }
        let removal = match made == 1 {
            true => Action::Rmdir { path: last.clone() },
            false => Action::Unlink { path: last.clone() },
        };
        self.forget(&last);
        actions.extend([removal, stat(&last)]);
        actions
    }

    /// Several attributes of one file: set, replaced, listed and read into buffers of every size,
    /// and removed one by one. Then it has other times.
    fn attributes(&mut self) -> Vec<Action> {
        let path = if self.rng.chance(3, 4) { self.file() } else { self.directory() };
        let mut names = vec![argument::attribute(self.rng), self.attribute()];
        names.push(match self.rng.chance(1, 2) {
            true => Text(neighbour(&names[0].0, self.rng)),
            false => Text::from("user.z"),
        });
        let large = *self.rng.pick(&LARGE);
        let sizes = [0, 0, 1, 3, 8, 16, 17, 64, 255, 256, large, large];
        let mut actions = Vec::new();
        for name in &names {
            let size = *self.rng.pick(&sizes);
            let value = Text(vec![b'v'; size]);
            let (name, path) = (name.clone(), path.clone());
            let flags = *self.rng.pick(&[0, 0, 1, 2]);
            let set = Action::Setxattr { path: path.clone(), name: name.clone(), value, flags };
            let room = size as u64;
            let room = *self.rng.pick(&[0, room, room, room.saturating_sub(1), 300]);
            let get = Action::Getxattr { path: path.clone(), name: name.clone(), size: room };
            actions.extend([set, get]);
            if self.rng.chance(1, 2) {
                let value = Text(vec![b'w'; *self.rng.pick(&sizes)]);
                let flags = *self.rng.pick(&[0, 0, 1, 2]);
                let set = Action::Setxattr { path: path.clone(), name: name.clone(), value, flags };
                actions.extend([set, Action::Getxattr { path, name, size: 300 }]);
            }
        }
        let size = *self.rng.pick(&[0, 3, 7, 24, 4096]);
        actions.push(Action::Listxattr { path: path.clone(), size });
        let name = self.rng.pick(&names).clone();
        actions.push(Action::Removexattr { path: path.clone(), name });
        for name in names {
            actions.push(Action::Getxattr { path: path.clone(), name, size: 300 });
        }
        actions.push(Action::Listxattr { path: path.clone(), size: 4096 });
        let (atime, mtime) = (argument::stamp(self.rng), argument::stamp(self.rng));
        actions.extend([Action::Times { path: path.clone(), atime, mtime }, stat(&path)]);
        actions
    }

    /// A directory is listed piece by piece while its names come and go.
    fn listing(&mut self) -> Vec<Action> {
        let directory = self.directory();
        let inside = |name: Vec<u8>| Text([&directory.0[..], b"/", &name[..]].concat());
        let mut paths: Vec<Text> =
            (0..2 + self.rng.below(4)).map(|_| inside(self.unused_name())).collect();
        if self.rng.chance(1, 3) {
            // A record of the longest has the most room to be lost in.
            let length = match self.rng.chance(1, 2) {
                true => 251 + self.rng.index(5),
                false => name_length(self.rng),
            };
            paths.push(inside(vec![b'l'; length]));
        }
        let mut actions = Vec::new();
        for path in &paths {
            let kind = self.rng.below(3);
            actions.extend(self.make(path, kind));
        }
        // Something has the place of what it replaced, which nobody sees who gets it all at once.
        let replaces = self.rng.chance(1, 4);
        if replaces {
            let (old, new) = (paths[1].clone(), paths[0].clone());
            actions.push(Action::Rename { old, new, flags: *self.rng.pick(&[0, 0, 2]) });
        }
        let space = *self.rng.pick(&[24, 64, 64, 100, 4096]);
        let list = Action::List { file: 0, space };
        actions.push(open(&directory, OpenFlags::DIRECTORY.bits()));
        let times = 1 + self.rng.below(if replaces { 5 } else { 2 });
        actions.extend((0..times).map(|_| list.clone()));
        let path = self.rng.pick(&paths).clone();
        actions.push(match self.rng.below(4) {
            0 | 1 => Action::Unlink { path },
            2 => Action::Rename { old: path, new: inside(self.unused_name()), flags: 0 },
            _ => Action::Mkdir { path: inside(self.unused_name()), mode: 0o755 },
        });
        actions.extend((0..1 + self.rng.below(3)).map(|_| list.clone()));
        if self.rng.chance(3, 4) {
            let offset = *self.rng.pick(&[0, 0, 0, 0, 1, 2, 3, 4]);
            actions.push(Action::Seek { file: 0, offset, whence: 0 });
            actions.extend([list, Action::List { file: 0, space: 4096 }]);
        }
        actions.push(CLOSE);
        actions
    }

    /// A file is used through its handle after its name was changed, linked, replaced or removed.
    fn handle(&mut self) -> Vec<Action> {
        let kind = self.rng.below(11) % 9;
        let path = match kind {
            // Its directory moves.
            4 => self.inside_a_directory(),
            _ if self.rng.chance(1, 2) => self.file(),
            _ => self.name_at_an_edge(),
        };
        let (other, size) = (Text(self.unused_name()), self.size() as u32);
        let mut actions = vec![create(&path), write(size.max(1))];
        if self.rng.chance(1, 3) {
            actions.push(read(20_000, 0));
        }
        if self.rng.chance(1, 3) {
            actions.push(Action::Link { source: path.clone(), path: other.clone() });
        }
        let rename = |old: &Text, new: &Text| Action::Rename {
            old: old.clone(),
            new: new.clone(),
            flags: 0,
        };
        let change = match kind {
            0 => Action::Unlink { path: path.clone() },
            1 => rename(&path, &other),
            2 => rename(&other, &path),
            3 => rename(&self.file(), &path),
            4 => rename(&parent_of(&path), &other),
            5 => Action::Chmod { path: path.clone(), mode: 0 },
            6 => Action::Truncate { path: path.clone(), size: self.length() },
            7 => open(&path, OpenFlags::TRUNC.bits() | READ_WRITE),
            _ => open(&path, READ_WRITE),
        };
        let file = u8::from(matches!(change, Action::Open { .. }));
        actions.push(change);
        if file > 0 {
            let size = self.size() as u32;
            actions.push(Action::Write { file: 0, size, fill: b'o', offset: Some(0) });
        }
        let size = self.size();
        actions.push(Action::Read { file, size: 20_000, offset: Some(0) });
        actions.push(Action::Write { file, size: size as u32, fill: b'h', offset: None });
        actions.push(Action::Fstat { file });
        if self.rng.chance(1, 2) {
            actions.push(Action::Ftruncate { file, size: self.length() });
            actions.push(Action::Fstat { file });
        }
        actions.extend([stat(&path), stat(&other), Action::Close { file }]);
        actions.extend([open(&path, 0), read(20_000, 0), CLOSE]);
        actions
    }

    /// A path in a directory that is not the root.
    fn inside_a_directory(&mut self) -> Text {
        let inside = |path: &&Vec<u8>| path.contains(&b'/');
        let files: Vec<Vec<u8>> = self.files.iter().filter(inside).cloned().collect();
        if !files.is_empty() && self.rng.chance(1, 2) {
            return Text(self.rng.pick(&files).clone());
        }
        let name = self.unused_name();
        match self.directories.is_empty() {
            true => Text(name),
            false => Text([&self.rng.pick(&self.directories)[..], b"/", &name[..]].concat()),
        }
    }

    /// Another file, with other contents, takes the name of one that is open, or trades with it.
    fn replaced(&mut self) -> Vec<Action> {
        let (path, other) = (self.name_at_an_edge(), Text(self.unused_name()));
        let size = self.size().max(1) as u32;
        let new = Action::Write { file: 0, size: size / 2 + 1, fill: b'n', offset: None };
        let mut actions = vec![create(&other), new, CLOSE];
        actions.extend([create(&path), write(size), read(20_000, 0)]);
        if self.rng.chance(1, 3) {
            actions.push(Action::Link { source: path.clone(), path: Text(self.unused_name()) });
        }
        let flags = *self.rng.pick(&[0, 0, 0, 2]);
        actions.push(Action::Rename { old: other.clone(), new: path.clone(), flags });
        actions.extend([read(20_000, 0), FSTAT]);
        if self.rng.chance(1, 2) {
            let size = self.size() as u32;
            actions.push(Action::Write { file: 0, size, fill: b'o', offset: Some(0) });
            actions.extend([read(20_000, 0), stat(&path)]);
        }
        actions.extend([CLOSE, open(&path, 0), read(20_000, 0), CLOSE, stat(&other)]);
        actions
    }

    /// A file grows and shrinks, and is read at its end and around the borders of pages.
    fn lengths(&mut self) -> Vec<Action> {
        let path = self.file();
        let append = if self.rng.chance(1, 3) { OpenFlags::APPEND.bits() } else { 0 };
        let mut actions = vec![open(&path, OpenFlags::CREAT.bits() | append | READ_WRITE)];
        let mut size = *self.rng.pick(&[100, 4095, 4096, 4097, 9000]);
        actions.push(write(size));
        for _ in 0..1 + self.rng.below(3) {
            let near = i64::from(*self.rng.pick(&[size, size.saturating_sub(1), size + 1, 4096]));
            let at = if self.rng.chance(1, 6) { far(self.rng) } else { near };
            actions.push(match self.rng.below(7) {
                0 => Action::Write { file: 0, size: 10, fill: b'p', offset: Some(at) },
                1 => Action::Write { file: 0, size: 10, fill: b'g', offset: Some(at + 5000) },
                2 => Action::Seek { file: 0, offset: at, whence: self.rng.below(5) as u32 },
                3 => Action::Truncate { path: path.clone(), size: self.length() },
                4 => Action::Ftruncate { file: 0, size: self.length() },
                _ => {
                    size = *self.rng.pick(&[0, 1, 50, 4096, 8192, 12_288, 12_289]);
                    Action::Ftruncate { file: 0, size: i64::from(size) }
                }
            });
            let (room, offset) = (*self.rng.pick(&[0, 1, 4096, 20_000]), at - 5 * (at > 5) as i64);
            actions.extend([read(room, *self.rng.pick(&[0, offset, at])), FSTAT]);
        }
        let offset = *self.rng.pick(&[0, 1, 4096, 4100, 8192]);
        let whence = 3 + self.rng.below(2) as u32;
        actions.extend([Action::Seek { file: 0, offset, whence }, read(20_000, 0), CLOSE]);
        actions.push(stat(&path));
        actions
    }

    /// Whether the filter mentions numbers.
    pub(super) fn mentions_numbers(&self) -> bool {
        !self.config.numbers.is_empty()
    }

    /// A number of the filter, or one beside it, as a length.
    pub(super) fn near_a_number(&mut self) -> i64 {
        let number = self.number().saturating_sub(1).saturating_add(self.rng.below(3));
        i64::try_from(number & 0xff_ffff_ffff).unwrap_or(0)
    }

    /// A file is as long as a number of the filter says, and then longer in one of the ways.
    pub(super) fn past_a_number(&mut self) -> Vec<Action> {
        let path = if self.rng.chance(1, 2) { self.fresh() } else { self.file() };
        let append = if self.rng.chance(1, 2) { OpenFlags::APPEND.bits() } else { 0 };
        let flags = append | READ_WRITE;
        let size = self.near_a_number();
        let mut actions = vec![open(&path, OpenFlags::CREAT.bits() | flags)];
        actions.push(Action::Ftruncate { file: 0, size });
        if self.rng.chance(1, 3) {
            actions.extend([CLOSE, open(&path, flags)]);
        }
        let more = *self.rng.pick(&[1, 10, 4096]);
        actions.push(match self.rng.below(8) {
            0..=3 => {
                let offset = *self.rng.pick(&[None, None, Some(0), Some(size)]);
                Action::Write { file: 0, size: more, fill: b'n', offset }
            }
            4..=6 => {
                // From before the end, where there is room before it.
                let back = (*self.rng.pick(&[0, 1, 4096, size])).min(size);
                let (zero, keep) = (FallocateMode::ZERO_RANGE, FallocateMode::KEEP_SIZE);
                let mode = *self.rng.pick(&[FallocateMode::empty(), keep, zero, zero | keep]);
                let length = back + i64::from(more);
                let mode = mode.bits();
                Action::Fallocate { file: 0, mode, offset: size - back, length }
            }
            _ => Action::Ftruncate { file: 0, size: size + i64::from(more) },
        });
        actions.extend([FSTAT, CLOSE]);
        actions
    }

    /// Links to targets of every length, to each other, and to nothing.
    fn targets(&mut self) -> Vec<Action> {
        let path = self.fresh();
        let length = name_length(self.rng) + self.rng.index(2);
        let target = match self.rng.below(8) {
            0 => path.clone(),
            1 => Text(self.unused_name()),
            2 => self.place(),
            3 => Text(nasty_name(self.rng)),
            5..=7 => {
                let kind = self.rng.below(2);
                let known = self.known(kind).unwrap_or_else(|| self.place());
                if self.rng.chance(1, 2) {
                    known
                } else {
                    Text(argument::spelled(&known.0, self.rng))
                }
            }
            _ if self.rng.chance(1, 2) => Text(argument::long_target(self.rng)),
            _ => Text(vec![b't'; length]),
        };
        self.learn_file(&path);
        let mut actions = vec![Action::Symlink { target, path: path.clone() }];
        // Links to links.
        let mut last = path.clone();
        for _ in 0..*self.rng.pick(&[0, 0, 1, 1, 2, 4]) {
            let next = Text(self.unused_name());
            actions.push(Action::Symlink { target: last, path: next.clone() });
            last = next;
        }
        actions.push(Action::readlink(path.clone()));
        let flags = if self.rng.chance(1, 2) { OpenFlags::CREAT.bits() | READ_WRITE } else { 0 };
        actions.extend([open(&path, flags), CLOSE, stat(&path)]);
        actions
            .extend([&path, &last].map(|path| Action::Stat { path: path.clone(), follow: true }));
        actions
    }

    /// The same fails again and again, and then what it may have spoilt is used.
    fn failures(&mut self) -> Vec<Action> {
        let full = Text(self.unused_name());
        let child = Text([&full.0[..], b"/x"].concat());
        let kind = self.rng.below(3);
        let mut actions = self.make(&full, 1);
        actions.extend(self.make(&child, kind));
        let directory = kind == 1;
        let fails = match self.rng.below(4) {
            0 | 1 => Action::Rmdir { path: full.clone() },
            2 => Action::Rename { old: Text::from("d"), new: full.clone(), flags: 0 },
            _ => Action::Removexattr { path: full.clone(), name: Text::from("user.none") },
        };
        actions.extend((0..2 + self.rng.below(4)).map(|_| fails.clone()));
        for _ in 0..2 + self.rng.below(5) {
            let path = Text(self.unused_name());
            actions.extend(self.make(&path, u64::from(!matches!(fails, Action::Rename { .. }))));
        }
        actions.push(match directory {
            true => Action::Rmdir { path: child },
            false => Action::Unlink { path: child },
        });
        actions.push(Action::Rmdir { path: full });
        actions
    }
}
