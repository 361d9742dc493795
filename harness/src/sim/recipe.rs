//! Sequences that programs are known for, which actions drawn one by one seldom make.
//!
//! Something of each kind is renamed onto something of each kind, a file is saved as editors save
//! one, written as a stream, changed and synced, cut into ranges, copied in pieces; a directory
//! moves. What a reader would get wrong: a recipe is a list of actions like any other, so that
//! other clients come in between, and the shrinker takes it apart.

use std::collections::BTreeSet;

use fuserig_sim_fs::OpenFlags;

use super::argument::{directory_mode, file_mode};
use super::draw::{Draw, RENAMES};
use super::generate::Kind;
use super::look::parent_of;
use super::{Action, Text};

/// Sizes that fill pages.
const LARGE: [u32; 6] = [3000, 4096, 5000, 8192, 12_288, 20_000];

/// Flags of an open for reading and writing.
pub(super) const READ_WRITE: u32 = OpenFlags::RDWR.bits();

pub(super) fn open(path: &Text, flags: u32) -> Action {
    Action::Open { path: path.clone(), flags, mode: 0o644 }
}

pub(super) fn write(size: u32) -> Action {
    Action::Write { file: 0, size, fill: b's', offset: None }
}

pub(super) fn stat(path: &Text) -> Action {
    Action::Stat { path: path.clone(), follow: false }
}

pub(super) fn mknod(path: &Text, mode: u32) -> Action {
    Action::Mknod { path: path.clone(), mode, device: 0 }
}

pub(super) const CLOSE: Action = Action::Close { file: 0 };
pub(super) const FSTAT: Action = Action::Fstat { file: 0 };

impl Draw<'_> {
    /// One of them, most often one that calls what the filter has members for.
    pub(super) fn recipe(&mut self, syncs: bool) -> Vec<Action> {
        let wanted = self.focus.len().min(2);
        let mut recipe = self.any_recipe(syncs);
        for _ in 0..3 {
            let kinds: BTreeSet<Kind> = recipe.iter().map(Kind::of).collect();
            let fitting = self.focus.iter().filter(|kind| kinds.contains(kind)).count();
            if fitting >= wanted || self.rng.chance(1, 4) {
                break;
            }
            recipe = self.any_recipe(syncs);
        }
        recipe
    }

    /// One of them; where power may fail, most often one that syncs.
    fn any_recipe(&mut self, syncs: bool) -> Vec<Action> {
        if syncs && self.rng.chance(3, 4) {
            return if self.rng.chance(1, 2) { self.save(syncs) } else { self.change_and_sync() };
        }
        if self.mentions_numbers() && self.rng.chance(1, 8) {
            return self.past_a_number();
        }
        if self.rng.chance(1, 2) {
            return self.habit();
        }
        match self.rng.below(10) {
            0..=2 => self.rename_onto(),
            9 => self.sparse(),
            3 => self.save(syncs),
            4 => self.stream(),
            5 => self.ranges(),
            6 => self.copy_pieces(),
            7 => self.move_directory(),
            _ => self.change_and_sync(),
        }
    }

    /// Makes a file, a directory, or a link.
    pub(super) fn make(&mut self, path: &Text, kind: u64) -> Vec<Action> {
        match kind {
            0 => {
                self.learn_file(path);
                let flags = OpenFlags::CREAT.bits() | READ_WRITE;
                let opened = |mode| Action::Open { path: path.clone(), flags, mode };
                match self.rng.chance(2, 3) {
                    true => vec![opened(0o644), write(7), CLOSE],
                    // Who made it may use it, whatever its mode says.
                    false => {
                        let mode = file_mode(self.rng);
                        vec![opened(mode), write(7), self.use_of_opened(), CLOSE]
                    }
                }
            }
            1 => {
                self.learn_directory(path);
                let mode = if self.rng.chance(2, 3) { 0o755 } else { directory_mode(self.rng) };
                vec![Action::Mkdir { path: path.clone(), mode }]
            }
            _ => {
                self.learn_file(path);
                vec![Action::Symlink { target: Text::from("nowhere"), path: path.clone() }]
            }
        }
    }

    /// Each kind onto each kind: replaced, refused or exchanged.
    fn rename_onto(&mut self) -> Vec<Action> {
        let (old, new) = (self.fresh(), self.fresh());
        let (from, to) = (self.rng.below(3), self.rng.below(3));
        // Half of the time two of a kind, which may replace each other.
        let to = if self.rng.chance(1, 2) { from } else { to };
        let was_there = self.rng.chance(1, 3).then(|| self.known(from)).flatten();
        let mut actions = if was_there.is_some() { Vec::new() } else { self.make(&old, from) };
        let old = was_there.unwrap_or(old);
        actions.extend(self.make(&new, to));
        if to == 1 && self.rng.chance(1, 3) {
            let child = Text([&new.0[..], b"/", &self.unused_name()[..]].concat());
            actions.extend(self.make(&child, 1));
        }
        // Whoever is replaced may have another name, or be open.
        let other = Text(self.unused_name());
        let linked = to != 1 && self.rng.chance(1, 2);
        if linked {
            actions.push(Action::Link { source: new.clone(), path: other.clone() });
        }
        let open_before = to < 2 && self.rng.chance(1, 3);
        if open_before {
            actions
                .push(open(&new, if to == 1 { OpenFlags::DIRECTORY.bits() } else { READ_WRITE }));
        }
        let flags = *self.rng.pick(&RENAMES);
        if flags < 2 {
            self.forget(&old);
        }
        actions.push(Action::Rename { old: old.clone(), new: new.clone(), flags });
        if linked {
            actions.push(stat(&other));
        }
        if open_before {
            actions.extend([FSTAT, CLOSE]);
        }
        actions.extend([stat(&new), stat(&old)]);
        if self.rng.chance(1, 2) {
            actions.extend([stat(&parent_of(&new)), stat(&parent_of(&old))]);
        }
        actions.extend(self.after_rename((&old, from), (&new, to), flags));
        actions
    }

    /// A file or a directory that is there.
    pub(super) fn known(&mut self, kind: u64) -> Option<Text> {
        let known = match kind {
            0 => &self.files,
            1 => &self.directories,
            _ => return None,
        };
        (!known.is_empty()).then(|| Text(self.rng.pick(known).clone()))
    }

    /// What was moved is removed, or what it left is made again.
    fn after_rename(
        &mut self,
        (old, from): (&Text, u64),
        (new, to): (&Text, u64),
        flags: u32,
    ) -> Vec<Action> {
        let removed = |path: &Text, kind: u64| match kind {
            1 => Action::Rmdir { path: path.clone() },
            _ => Action::Unlink { path: path.clone() },
        };
        match self.rng.below(4) {
            0 => vec![removed(new, from)],
            1 if flags == 2 => vec![removed(old, to)],
            1 => self.make(old, from),
            _ => Vec::new(),
        }
    }

    /// A new file takes the place of an old one, as editors and databases do it.
    fn save(&mut self, syncs: bool) -> Vec<Action> {
        let (target, fresh) = (self.file(), self.fresh());
        let size = *self.rng.pick(&LARGE);
        let mut actions = Vec::new();
        if syncs && self.rng.chance(1, 2) {
            // What is replaced was kept safe before.
            let bytes = self.size() as u32;
            let create = OpenFlags::CREAT.bits() | READ_WRITE;
            actions.extend([open(&target, create), write(bytes.max(1)), self.fsync(), CLOSE]);
        }
        actions.extend([open(&fresh, OpenFlags::CREAT.bits() | READ_WRITE), write(size)]);
        let (before, after) = (self.rng.chance(2, 3), self.rng.chance(1, 2));
        if before {
            actions.push(self.fsync());
        }
        let closed = self.rng.chance(1, 2);
        if closed {
            actions.push(CLOSE);
        }
        let flags = *self.rng.pick(&[0, 0, 0, 2]);
        actions.push(Action::Rename { old: fresh, new: target.clone(), flags });
        self.learn_file(&target);
        if after {
            if closed {
                actions.push(open(&target, self.rng.below(2) as u32 * 2));
            }
            actions.push(self.fsync());
        }
        if self.rng.chance(1, 2) {
            actions.extend(sync_directory(&parent_of(&target)));
        }
        actions
    }

    fn fsync(&mut self) -> Action {
        Action::Fsync { file: 0, datasync: self.rng.chance(1, 3) }
    }

    /// A file that is safe or is not is changed in a few ways and synced, by itself or with another
    /// handle.
    fn change_and_sync(&mut self) -> Vec<Action> {
        let (source, path) = (self.file(), self.file());
        let creates = if self.rng.chance(1, 3) { OpenFlags::CREAT.bits() } else { 0 };
        let first = if self.rng.chance(1, 4) { path.clone() } else { source };
        let mut actions = vec![open(&first, 0), open(&path, creates | READ_WRITE)];
        if self.rng.chance(1, 4) {
            let size = *self.rng.pick(&LARGE);
            actions.extend([write(size), self.fsync()]);
        }
        for _ in 0..1 + self.rng.below(3) {
            actions.extend(self.change(&path));
        }
        let datasync = self.rng.chance(1, 3);
        let file = u8::from(first == path && self.rng.chance(1, 2));
        actions.push(Action::Fsync { file, datasync });
        let loses_name = self.rng.chance(1, 4);
        if loses_name || self.rng.chance(1, 2) {
            actions.push(CLOSE);
        }
        if loses_name {
            // It is safe by now.
            actions.push(match self.rng.below(3) {
                0 => Action::Rename { old: path, new: Text(self.unused_name()), flags: 0 },
                1 => Action::Rename { old: self.file(), new: path, flags: 0 },
                _ => Action::Unlink { path },
            });
        }
        actions
    }

    /// A change of the file that was opened last, or of what belongs to it.
    fn change(&mut self, path: &Text) -> Vec<Action> {
        let path = path.clone();
        let size = self.size();
        let (near, mode) = (self.rng.below(3) as i64, *self.rng.pick(&[0, 1, 3, 3, 0x10]));
        let at = if self.rng.chance(1, 2) { near } else { self.position().max(0) & 0xffff };
        vec![match self.rng.below(10) {
            0 => write((size as u32).max(1)),
            1 => Action::Copy { from: 1, to: 0, length: size.max(1), from_at: 0, to_at: at % 3 },
            2 => Action::Write { file: 0, size: 9, fill: b'p', offset: Some(at) },
            3 => Action::Ftruncate { file: 0, size: self.length() },
            4 => {
                // Cut off, and as long as it was, or as long as something else.
                let long = *self.rng.pick(&[3, 5, 4096, 20_000]);
                let cut = Action::Ftruncate { file: 0, size: near };
                return vec![cut, Action::Ftruncate { file: 0, size: long }];
            }
            5 => Action::Fallocate { file: 0, mode, offset: at, length: size as i64 + 1 },
            6 => {
                let (name, value) = (Text::from("user.a"), Text::from("v"));
                Action::Setxattr { path, name, value, flags: 0 }
            }
            7 => {
                let other = Text(self.unused_name());
                let link = Action::Link { source: path, path: other.clone() };
                match self.rng.chance(1, 2) {
                    true => return vec![link, Action::Unlink { path: other }],
                    false => link,
                }
            }
            8 => {
                let new = Text(self.unused_name());
                Action::Rename { old: path, new, flags: 0 }
            }
            _ => Action::Chmod { path, mode: 0o640 },
        }]
    }

    /// What makes a change durable that was drawn by itself.
    pub(super) fn sync(&mut self, action: &Action) -> Vec<Action> {
        match action {
            Action::Write { file, .. }
            | Action::Append { file, .. }
            | Action::Ftruncate { file, .. }
            | Action::Fallocate { file, .. }
            | Action::Sendfile { to: file, .. }
            | Action::Copy { to: file, .. } => {
                vec![Action::Fsync { file: *file, datasync: self.rng.chance(1, 2) }]
            }
            Action::Truncate { path, .. } | Action::Chmod { path, .. } => {
                vec![open(path, 0), self.fsync(), CLOSE]
            }
            Action::Mkdir { path, .. }
            | Action::Mknod { path, .. }
            | Action::Symlink { path, .. }
            | Action::Link { path, .. }
            | Action::Unlink { path }
            | Action::Rmdir { path }
            | Action::Rename { new: path, .. } => sync_directory(&parent_of(path)),
            _ => Vec::new(),
        }
    }

    /// A file is written piece by piece and read back.
    fn stream(&mut self) -> Vec<Action> {
        let path = if self.rng.chance(1, 2) { self.fresh() } else { self.file() };
        self.learn_file(&path);
        let append = if self.rng.chance(1, 3) { OpenFlags::APPEND.bits() } else { 0 };
        let mut actions = vec![open(&path, OpenFlags::CREAT.bits() | append | READ_WRITE)];
        let size = *self.rng.pick(&LARGE);
        actions.extend((0..3 + self.rng.below(6)).map(|_| write(size)));
        let at = i64::from(size) * self.rng.below(3) as i64;
        actions.push(Action::Read { file: 0, size: u64::from(size), offset: Some(at) });
        actions.extend([FSTAT, CLOSE]);
        actions
    }

    /// Ranges of a file of several pages are made holes, zeroed, taken out and put in.
    fn ranges(&mut self) -> Vec<Action> {
        let path = self.file();
        let mut actions = vec![open(&path, OpenFlags::CREAT.bits() | READ_WRITE)];
        // The last page is whole, or it is not.
        actions.push(write(*self.rng.pick(&[20_000, 20_480])));
        for _ in 0..1 + self.rng.below(2) {
            let mode = *self.rng.pick(&[8, 8, 0x20, 0x20, 3, 0x10, 0x11, 0, 1]);
            // Some modes want whole blocks.
            let pages = 1 + self.rng.below(2) as i64;
            let (offset, length) = match self.rng.below(4) {
                0 => (*self.rng.pick(&[1, 5, 4095, 5000]), *self.rng.pick(&[1, 7, 4096, 5000])),
                1 => (20_480 - pages * 4096, pages * 4096),
                _ => (self.rng.below(6) as i64 * 4096, pages * 4096),
            };
            actions.push(Action::Fallocate { file: 0, mode, offset, length });
            actions.push(Action::Read { file: 0, size: 32_768, offset: Some(0) });
        }
        let whence = 3 + self.rng.below(2) as u32;
        actions.extend([Action::Seek { file: 0, offset: 0, whence }, FSTAT, CLOSE]);
        actions
    }

    /// A file has data here and there, and what has data is looked for from everywhere.
    fn sparse(&mut self) -> Vec<Action> {
        let path = if self.rng.chance(1, 2) { self.fresh() } else { self.file() };
        self.learn_file(&path);
        let flags = OpenFlags::CREAT.bits() | OpenFlags::TRUNC.bits() | READ_WRITE;
        let mut actions = vec![open(&path, flags)];
        let mut edges = vec![0];
        for _ in 0..1 + self.rng.below(3) {
            let at = *self.rng.pick(&[0, 1, 100, 4095, 4096, 5000, 8192, 12_288, 20_000]);
            let size = *self.rng.pick(&[1, 10, 4096, 5000]);
            let write = Action::Write { file: 0, size, fill: b'd', offset: Some(at) };
            actions.push(write);
            edges.extend([at, at + i64::from(size)]);
        }
        if self.rng.chance(1, 3) {
            let size = *self.rng.pick(&[1, 4096, 9000, 16_384, 30_000]);
            actions.push(Action::Ftruncate { file: 0, size });
            edges.push(size);
        }
        for _ in 0..3 + self.rng.below(4) {
            let edge = *self.rng.pick(&edges);
            let offset = (edge + self.rng.below(3) as i64 - 1).max(0);
            actions.push(match self.rng.below(7) {
                0 => Action::Read { file: 0, size: 5000, offset: Some(offset) },
                1 => Action::Seek { file: 0, offset: -offset, whence: 2 },
                kind => Action::Seek { file: 0, offset, whence: 3 + (kind % 2) as u32 },
            });
            if self.rng.chance(1, 4) {
                actions.push(Action::Read { file: 0, size: 100, offset: None });
            }
        }
        actions.extend([FSTAT, CLOSE]);
        actions
    }

    /// Where a copy begins.
    pub(super) fn place_of_copy(&mut self) -> i64 {
        match self.rng.below(8) {
            0..=3 => 0,
            4 | 5 => Action::HERE,
            _ => self.position(),
        }
    }

    /// Pieces of one file are copied to another, whose bytes differ by their place.
    fn copy_pieces(&mut self) -> Vec<Action> {
        let (source, target) = (self.file(), self.file());
        let create = OpenFlags::CREAT.bits() | READ_WRITE;
        let fill = |fill| Action::Write { file: 0, size: 3000, fill, offset: None };
        let mut actions = vec![open(&source, create), fill(b'x'), fill(b'y')];
        actions.push(match self.rng.chance(1, 3) {
            // Nothing but a hole behind it, or between two pieces.
            true => Action::Ftruncate { file: 0, size: 16_384 },
            false if self.rng.chance(1, 3) => {
                Action::Write { file: 0, size: 3000, fill: b'z', offset: Some(12_288) }
            }
            false => fill(b'z'),
        });
        actions.push(open(&target, create));
        if self.rng.chance(1, 3) {
            actions.push(Action::Write { file: 0, size: 20_000, fill: b't', offset: Some(0) });
        }
        for _ in 0..1 + self.rng.below(2) {
            let mut at = || *self.rng.pick(&[0, 0, 1, 1500, 3000, 4096, 6000, 9000]);
            let (mut from_at, mut to_at) = (at(), at());
            if self.rng.chance(1, 3) {
                actions.push(Action::Seek { file: 1, offset: from_at, whence: 0 });
                from_at = Action::HERE;
            }
            if self.rng.chance(1, 4) {
                to_at = Action::HERE;
            }
            let length = *self.rng.pick(&[1, 100, 3000, 4096, 20_000]);
            actions.push(Action::Copy { from: 1, to: 0, length, from_at, to_at });
        }
        if self.rng.chance(1, 4) {
            actions.extend(self.sending());
        }
        if self.rng.chance(1, 4) {
            // What lies side by side in one file does not overlap, and what is a byte longer does.
            let length = *self.rng.pick(&[1, 100, 1500, 3000]);
            let (low, high) = (0, length as i64);
            let (from_at, to_at) = if self.rng.chance(1, 2) { (low, high) } else { (high, low) };
            let length = length + u64::from(self.rng.chance(1, 4));
            actions.push(Action::Copy { from: 1, to: 1, length, from_at, to_at });
        }
        actions.extend([Action::Read { file: 0, size: 20_000, offset: Some(0) }, FSTAT]);
        actions
    }

    /// A directory moves from one directory to another, and both are looked at. What it was in may
    /// follow it, and what it is in may not.
    fn move_directory(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut place = |draw: &mut Self| match draw.rng.chance(2, 3) {
            true => draw.directory(),
            false => {
                let made = Text(draw.unused_name());
                actions.extend(draw.make(&made, 1));
                made
            }
        };
        let (from, to) = (place(self), place(self));
        let inside =
            |directory: &Text, name: Vec<u8>| Text([&directory.0[..], b"/", &name[..]].concat());
        let name = self.unused_name();
        let old = inside(&from, name.clone());
        let new = inside(&to, if self.rng.chance(1, 3) { name } else { self.unused_name() });
        actions.extend(self.make(&old, 1));
        if self.rng.chance(1, 3) {
            let child = inside(&old, self.unused_name());
            let kind = self.rng.below(3);
            actions.extend(self.make(&child, kind));
        }
        self.forget(&old);
        self.learn_directory(&new);
        actions.push(Action::Rename { old, new: new.clone(), flags: 0 });
        let up = Text([&new.0[..], b"/.."].concat());
        actions.extend([stat(&from), stat(&to), stat(&new), stat(&up)]);
        if self.rng.chance(1, 2) {
            let old = if self.rng.chance(2, 3) { from } else { to };
            let new = inside(&new, self.unused_name());
            actions.extend([Action::Rename { old, new: new.clone(), flags: 0 }, stat(&new)]);
        }
        actions
    }
}

/// A directory is opened, synced and closed.
fn sync_directory(path: &Text) -> Vec<Action> {
    let fsync = Action::Fsync { file: 0, datasync: false };
    vec![open(path, OpenFlags::DIRECTORY.bits()), fsync, CLOSE]
}
