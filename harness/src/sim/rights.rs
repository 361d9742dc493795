//! Which groups clients have, and sequences about who may do what: bits that a change takes away,
//! what a directory gives to what is made in it, and who tries what with a thing of somebody else.
//!
//! What a reader would get wrong: most of it should fail. A filesystem that lets too much pass is
//! found by the calls that it lets pass, and what is changed by them.

use fuserig_sim_fs::OpenFlags;

use super::argument::{directory_mode, file_mode, owner, stamp};
use super::draw::Draw;
use super::habits::create;
use super::recipe::{CLOSE, FSTAT, READ_WRITE, mknod, open, stat, write};
use super::{Action, Program, Text};

/// Modes with bits that a change of owner or of contents takes away.
const SPECIAL_MODES: [u32; 8] = [0o4755, 0o2777, 0o6777, 0o6711, 0o2644, 0o1777, 0o4711, 0o4666];
/// Modes of directories in which somebody else may do something.
const SHARED_MODES: [u32; 6] = [0o777, 0o777, 0o1777, 0o1777, 0o2777, 0o3777];

/// A thing of somebody, made by the super-user, and what somebody else tries with it.
pub(super) struct Trial {
    pub(super) made: Vec<Action>,
    pub(super) tried: Vec<Action>,
}

impl Draw<'_> {
    /// Bits that a change of owner or of contents takes away, and who may do what then.
    pub(super) fn rights(&mut self) -> Vec<Action> {
        let is_own = self.rng.chance(1, 2);
        let path = match self.rng.below(4) {
            0 => self.directory(),
            _ if is_own => self.fresh(),
            _ => self.file(),
        };
        let mode = *self.rng.pick(&SPECIAL_MODES);
        let mode = if self.rng.chance(1, 4) { file_mode(self.rng) } else { mode };
        // It may be made with them.
        let made = is_own && self.rng.chance(1, 2);
        let mut actions = match (is_own, made) {
            (true, true) => vec![mknod(&path, 0o100_000 | mode)],
            (true, false) => vec![create(&path), CLOSE],
            _ => Vec::new(),
        };
        if !made {
            actions.push(Action::Chmod { path: path.clone(), mode });
        }
        if self.rng.chance(1, 2) {
            let mode = self.rng.below(8) as u32;
            actions.extend([stat(&path), Action::Access { path: path.clone(), mode }]);
        }
        let (uid, gid) = (owner(self.rng), owner(self.rng));
        actions.extend(match self.rng.below(7) {
            0 | 1 if self.rng.chance(1, 2) => {
                let mode = file_mode(self.rng);
                let chown = Action::Chown { path: path.clone(), uid, gid };
                vec![chown, Action::Chmod { path: path.clone(), mode }]
            }
            0 | 1 => vec![Action::Chown { path: path.clone(), uid, gid }],
            2 => vec![open(&path, READ_WRITE), write(5), CLOSE],
            3 => match self.rng.below(3) {
                0 => {
                    let shortens = Action::Ftruncate { file: 0, size: self.length() };
                    vec![open(&path, READ_WRITE), shortens, CLOSE]
                }
                1 => vec![open(&path, READ_WRITE | OpenFlags::TRUNC.bits()), CLOSE],
                _ => vec![Action::Truncate { path: path.clone(), size: self.length() }],
            },
            4 => {
                let (mode, length) = (*self.rng.pick(&[0, 1, 3, 16]), self.size() as i64 + 1);
                let space = Action::Fallocate { file: 0, mode, offset: 0, length };
                vec![open(&path, READ_WRITE), space, CLOSE]
            }
            5 => {
                let copy = Action::Copy { from: 1, to: 0, length: 9, from_at: 0, to_at: 0 };
                vec![open(&self.file(), 0), open(&path, READ_WRITE), copy, CLOSE, CLOSE]
            }
            _ => vec![Action::Chmod { path: path.clone(), mode: 0o640 }],
        });
        if self.directories.contains(&path.0) {
            actions.extend(self.use_directory(&path));
        }
        let mode = self.rng.below(8) as u32;
        actions.extend([stat(&path), Action::Access { path: path.clone(), mode }]);
        actions.extend([open(&path, self.rng.below(3) as u32), FSTAT, CLOSE]);
        actions
    }

    /// A directory gives what it has to what is made in it: its group, and who may remove what.
    pub(super) fn inherited(&mut self) -> Vec<Action> {
        let path = self.directory();
        let (uid, gid) = (owner(self.rng), owner(self.rng));
        let mode = 0o777 | *self.rng.pick(&[0o2000, 0o2000, 0o3000, 0o1000]);
        let mut actions = vec![Action::Chown { path: path.clone(), uid, gid }];
        actions.push(Action::Chmod { path: path.clone(), mode });
        for kind in 0..3 {
            let inside = Text([&path.0[..], b"/", &self.unused_name()[..]].concat());
            actions.extend(match self.rng.below(4) {
                0 => vec![mknod(&inside, 0o100_640)],
                _ => self.make(&inside, kind),
            });
            actions.push(stat(&inside));
            let to = self.fresh();
            actions.extend(match self.rng.below(4) {
                0 => vec![Action::Rename { old: inside, new: to.clone(), flags: 0 }, stat(&to)],
                1 => vec![Action::Unlink { path: inside }],
                _ => Vec::new(),
            });
        }
        actions
    }

    /// The root, or where a client is, which are used without a lookup of any name.
    pub(super) fn without_a_name(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        for _ in 0..2 + self.rng.below(3) {
            let path = Text::from(*self.rng.pick(&[".", "/", "."]));
            actions.extend(match self.rng.below(9) {
                0..=3 => vec![Action::Access { path, mode: self.rng.below(8) as u32 }],
                4 => {
                    let opened = open(&path, OpenFlags::DIRECTORY.bits());
                    vec![opened, Action::List { file: 0, space: 4096 }, CLOSE]
                }
                5 => vec![Action::Listxattr { path, size: 100 }],
                6 => vec![Action::Getxattr { path, name: Text::from("user.a"), size: 10 }],
                7 => vec![Action::Chmod { path, mode: 0o777 }],
                _ => vec![stat(&path)],
            });
        }
        actions
    }

    /// Gives some clients, in one run of four, a group that has not the number of their user, and
    /// more groups besides. Few filters ask for groups, so that without one it is one run of two.
    pub(super) fn regroup(&mut self, programs: &mut [Program]) {
        let one_in = if self.focus.is_empty() { 2 } else { 4 };
        if !self.config.users || !self.rng.chance(1, one_in) {
            return;
        }
        for client in 0..programs.len() {
            if self.rng.chance(2, 3) {
                let gid = self.some_group(programs);
                programs[client].gid = (gid != programs[client].uid).then_some(gid);
            }
            if self.rng.chance(1, 2) {
                let count = 1 + self.rng.index(3);
                programs[client].groups = (0..count).map(|_| self.some_group(programs)).collect();
            }
        }
    }

    /// A group: that of some client's user, so that who takes one for the other is found out, or
    /// any.
    fn some_group(&mut self, programs: &[Program]) -> u32 {
        match self.rng.below(4) {
            0 => programs[self.rng.index(programs.len())].uid,
            1 => self.stranger(),
            _ => owner(self.rng),
        }
    }

    /// One of the groups of a program.
    pub(super) fn group_of(&mut self, program: &Program) -> u32 {
        match program.groups.is_empty() || self.rng.chance(1, 3) {
            true => program.group(),
            false => *self.rng.pick(&program.groups),
        }
    }

    /// What somebody, by user and group, tries with a thing that another made, in a directory of a
    /// third perhaps.
    pub(super) fn trial(&mut self, (user, group): (u32, u32)) -> Trial {
        // No filter hears of a list's rights.
        let rare = if self.focus.is_empty() { 2 } else { 4 };
        let directory = match self.rng.chance(1, 3) || self.directories.is_empty() {
            true => Text(self.unused_name()),
            false => Text(self.rng.pick(&self.directories).clone()),
        };
        let mut made = vec![Action::Mkdir { path: directory.clone(), mode: 0o755 }];
        if self.rng.chance(2, 3) {
            let (uid, gid) = (self.of(user), self.of(group));
            made.push(Action::Chown { path: directory.clone(), uid, gid });
        }
        let mode = match self.rng.chance(1, 4) {
            true => directory_mode(self.rng),
            false => *self.rng.pick(&SHARED_MODES),
        };
        made.push(Action::Chmod { path: directory.clone(), mode });
        let path = Text([&directory.0[..], b"/", &self.unused_name()[..]].concat());
        let kind = self.rng.below(5);
        made.extend(match kind {
            0..=2 => vec![create(&path), write(7), CLOSE],
            3 => vec![Action::Mkdir { path: path.clone(), mode: 0o755 }],
            _ => vec![Action::Symlink { target: self.file(), path: path.clone() }],
        });
        if kind < 4 {
            if self.rng.chance(2, 3) {
                let (uid, gid) = (self.of(user), self.of(group));
                made.push(Action::Chown { path: path.clone(), uid, gid });
            }
            let mode = match self.rng.below(3) {
                0 => *self.rng.pick(&SPECIAL_MODES),
                1 => self.rng.below(0o1000) as u32,
                _ => file_mode(self.rng),
            };
            made.push(Action::Chmod { path: path.clone(), mode });
            if self.rng.chance(1, 2 * rare) {
                made.push(self.set_list(&path, false, (user, group)));
            }
        }
        if self.rng.chance(1, 4 * rare) {
            let default = self.rng.chance(1, 2);
            made.push(self.set_list(&directory, default, (user, group)));
        }
        let mut tried = Vec::new();
        for _ in 0..3 + self.rng.below(4) {
            tried.extend(self.attempt(&path, &directory, (user, group)));
        }
        tried.extend([stat(&path), stat(&directory)]);
        // Whoever has moved finds nothing else that was made.
        if kind == 3 && self.rng.chance(1, 2) {
            tried.push(Action::Chdir { path });
        }
        Trial { made, tried }
    }

    /// The user or group, that of the super-user, or another.
    fn of(&mut self, user: u32) -> u32 {
        match self.rng.below(5) {
            0 | 1 => user,
            2 => 0,
            _ => owner(self.rng),
        }
    }

    /// One thing that a user tries with a path in a directory.
    fn attempt(&mut self, path: &Text, directory: &Text, (user, group): (u32, u32)) -> Vec<Action> {
        let path = path.clone();
        let beside =
            |draw: &mut Self| Text([&directory.0[..], b"/", &draw.unused_name()[..]].concat());
        let name = Text::from("user.a");
        match self.rng.below(16) {
            0 => vec![Action::Access { path, mode: self.rng.below(8) as u32 }],
            1..=4 => self.use_opened(&path),
            5 => vec![Action::Truncate { path, size: self.size() as i64 }],
            6 => vec![Action::Chmod { path, mode: file_mode(self.rng) }],
            7 => {
                let uid = match self.rng.below(6) {
                    0 => u32::MAX,
                    1..=3 => user,
                    _ => owner(self.rng),
                };
                vec![Action::Chown { path, uid, gid: self.of(group) }]
            }
            8 if self.rng.chance(1, 2) => vec![Action::Touch { path }],
            8 => {
                let (atime, mtime) = (stamp(self.rng), stamp(self.rng));
                vec![Action::Times { path, atime, mtime }]
            }
            9 => {
                let (path, value) = (path.clone(), Text::from("v"));
                vec![Action::Setxattr { path, name, value, flags: 0 }]
            }
            10 => vec![Action::Unlink { path }],
            11 => vec![Action::Rmdir { path }],
            12 => {
                let own = beside(self);
                let new =
                    if self.rng.chance(1, 2) { own.clone() } else { Text(self.unused_name()) };
                match self.rng.below(3) {
                    0 => {
                        vec![create(&own), CLOSE, Action::Rename { old: own, new: path, flags: 0 }]
                    }
                    _ => vec![Action::Rename { old: path, new, flags: 0 }],
                }
            }
            13 => vec![Action::Link { source: path, path: beside(self) }],
            14 => self.list_around(&Action::Unlink { path }),
            _ => {
                let own = beside(self);
                let mode = file_mode(self.rng);
                match self.rng.below(3) {
                    0 => vec![Action::Mkdir { path: own.clone(), mode }, stat(&own)],
                    1 => {
                        let kind = *self.rng.pick(&[0o100_000, 0o100_000, 0o010_000, 0o140_000]);
                        vec![mknod(&own, kind | mode), stat(&own)]
                    }
                    _ => {
                        // Who made it may use it, whatever its mode says.
                        let flags = OpenFlags::CREAT.bits() | READ_WRITE;
                        let opened = Action::Open { path: own.clone(), flags, mode };
                        vec![opened, self.use_of_opened(), CLOSE, stat(&own)]
                    }
                }
            }
        }
    }

    /// A path is opened in some way, and the file is used.
    fn use_opened(&mut self, path: &Text) -> Vec<Action> {
        let truncates = if self.rng.chance(1, 6) { OpenFlags::TRUNC.bits() } else { 0 };
        let flags = *self.rng.pick(&[0, 1, 2, 2]) | truncates;
        vec![open(path, flags), self.use_of_opened(), CLOSE, stat(path)]
    }

    /// Something that is done with the file that was opened last.
    pub(super) fn use_of_opened(&mut self) -> Action {
        match self.rng.below(6) {
            0 => Action::Read { file: 0, size: 100, offset: None },
            1 | 2 => write(5),
            3 => Action::Ftruncate { file: 0, size: self.rng.below(9) as i64 },
            4 => {
                let mode = *self.rng.pick(&[0, 1, 3, 16]);
                Action::Fallocate { file: 0, mode, offset: 0, length: 9 }
            }
            _ => FSTAT,
        }
    }
}
