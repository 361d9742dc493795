//! Looking at what was changed, and using it.
//!
//! A mistake shows only when somebody looks: reads what was written, lists what was renamed, makes
//! something in a directory whose mode was changed. What a reader would get wrong: a look is an
//! action like any other, and may come long after what it looks at.

use fuserig_sim_fs::{OpenFlags, RenameFlags};

use super::draw::Draw;
use super::forking::goes_on;
use super::{Action, Text};

/// The directory that a path names something in.
pub(super) fn parent_of(path: &Text) -> Text {
    let slash = path.0.iter().rposition(|byte| *byte == b'/');
    slash.map_or(Text::from("."), |slash| Text(path.0[..slash].to_vec()))
}

/// The last name of a path.
pub(super) fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// The value of an attribute, or the names of all.
fn look_at_attribute(path: &Text, name: &Text, value: bool) -> Action {
    let (path, name) = (path.clone(), name.clone());
    match value {
        true => Action::Getxattr { path, name, size: 100 },
        false => Action::Listxattr { path, size: 4096 },
    }
}

/// What goes on by one descriptor goes on by the other, which means the same now.
fn use_replaced(file: u8, onto: u8) -> Vec<Action> {
    let write = Action::Write { file: onto, size: 2, fill: b'd', offset: None };
    let next = Action::Read { file, size: 3, offset: None };
    let all = Action::Read { file, size: 20_000, offset: Some(0) };
    vec![write, Action::Fstat { file: onto }, next, all]
}

impl Draw<'_> {
    /// What shows whether an action did what it should.
    pub(super) fn look(&mut self, action: &Action) -> Vec<Action> {
        let stat = |path: &Text| Action::Stat { path: path.clone(), follow: false };
        let read = |file: u8| Action::Read { file, size: 20_000, offset: Some(0) };
        let either = self.rng.chance(1, 2);
        match action {
            Action::Open { flags, .. } if flags & OpenFlags::DIRECTORY.bits() != 0 => {
                let space = if either { 4096 } else { 100 };
                vec![Action::List { file: 0, space }, Action::List { file: 0, space }]
            }
            Action::Open { flags, .. } if flags & 3 != 0 && either => {
                let size = self.size() as u32;
                vec![Action::Write { file: 0, size, fill: b'w', offset: None }, read(0)]
            }
            Action::Open { .. } => vec![read(0)],
            Action::Write { file, offset: Some(at), .. } if either && *at > 0 => {
                let offset = Some(at - at.min(&5));
                vec![Action::Read { file: *file, size: 20_000, offset }]
            }
            Action::Write { file, .. } | Action::Append { file, .. } => {
                vec![read(*file), Action::Fstat { file: *file }]
            }
            Action::Ftruncate { file, .. } | Action::Fallocate { file, .. } => {
                let seek = Action::Seek { file: *file, offset: 0, whence: 3 + u32::from(either) };
                vec![Action::Fstat { file: *file }, read(*file), seek]
            }
            Action::Copy { to, .. } | Action::Sendfile { to, .. } => {
                vec![read(*to), Action::Fstat { file: *to }]
            }
            // Where the file stands now shows in what goes on there.
            Action::Seek { file, .. } if either => {
                vec![Action::Read { file: *file, size: 100, offset: None }]
            }
            Action::Seek { file, .. } => {
                vec![Action::Write { file: *file, size: 2, fill: b'k', offset: None }, read(*file)]
            }
            Action::Fchmod { file, .. }
            | Action::Fchown { file, .. }
            | Action::Futimens { file, .. } => vec![Action::Fstat { file: *file }],
            Action::Truncate { path, .. }
            | Action::Mknod { path, .. }
            | Action::Touch { path }
            | Action::Times { path, .. } => vec![stat(path)],
            Action::Chmod { path, .. } | Action::Chown { path, .. } => self.use_changed(path),
            Action::Mkdir { path, .. } | Action::Rmdir { path } if either => {
                vec![stat(path), stat(&parent_of(path))]
            }
            Action::Mkdir { .. } | Action::Unlink { .. } | Action::Rmdir { .. } => {
                self.list_around(action)
            }
            Action::Symlink { path, .. } => vec![self.look_at_link(path)],
            Action::Link { source, path } => vec![stat(source), stat(path)],
            Action::Rename { .. } if either => self.list_around(action),
            Action::Rename { old, new, .. } if self.rng.chance(1, 2) => {
                vec![stat(&parent_of(new)), stat(&parent_of(old))]
            }
            Action::Rename { old, new, .. } => vec![stat(new), stat(old)],
            Action::Setxattr { path, name, .. } | Action::Removexattr { path, name } => {
                vec![look_at_attribute(path, name, either)]
            }
            Action::Chdir { path } => self.stay(path),
            Action::Dup2 { file, onto } => use_replaced(*file, *onto),
            Action::Dup { .. } | Action::SetFlags { .. } => {
                let write = Action::Write { file: 0, size: 2, fill: b'd', offset: None };
                vec![write, Action::Fstat { file: 1 }, read(1)]
            }
            other => goes_on(other),
        }
    }

    /// Where a symlink leads. With a slash it is what is there that must be a directory.
    fn look_at_link(&mut self, path: &Text) -> Action {
        match self.rng.chance(1, 4) {
            true => {
                let path = Text([&path.0[..], b"/"].concat());
                Action::Stat { path, follow: self.rng.chance(1, 2) }
            }
            false => Action::readlink(path.clone()),
        }
    }

    /// Whoever is in a directory finds it again by way of the one above, also when it was moved
    /// meanwhile.
    fn stay(&mut self, path: &Text) -> Vec<Action> {
        let other = self.directory();
        let found = |path: &Text| {
            let path = Text([b"../", name_of(&path.0)].concat());
            Action::Stat { path, follow: true }
        };
        let from_root = |path: &Text| match path.0.starts_with(b"/") {
            true => path.clone(),
            false => Text([b"/", &path.0[..]].concat()),
        };
        if self.rng.chance(1, 2) {
            return vec![found(path)];
        }
        let flags = RenameFlags::EXCHANGE.bits();
        let (old, new) = match self.rng.chance(1, 2) {
            true => (from_root(path), from_root(&other)),
            false => (from_root(&other), from_root(path)),
        };
        vec![Action::Rename { old, new, flags }, found(&other)]
    }

    /// What has other rights or another owner now is looked at, opened, written to or asked about.
    fn use_changed(&mut self, path: &Text) -> Vec<Action> {
        let stat = Action::Stat { path: path.clone(), follow: false };
        if self.directories.contains(&path.0) && self.rng.chance(2, 3) {
            return self.use_directory(path);
        }
        match self.rng.below(3) {
            0 => {
                let open = Action::Open { path: path.clone(), flags: 2, mode: 0 };
                let write = Action::Write { file: 0, size: 5, fill: b'l', offset: None };
                vec![open, write, stat]
            }
            1 => vec![Action::Access { path: path.clone(), mode: self.rng.below(8) as u32 }],
            _ => vec![stat],
        }
    }

    /// Something is made, or removed, in a directory that has other rights now.
    pub(super) fn use_directory(&mut self, directory: &Text) -> Vec<Action> {
        let name = self.name();
        let path = Text([&directory.0[..], b"/", &name[..]].concat());
        let stat = Action::Stat { path: path.clone(), follow: false };
        let action = match self.rng.below(5) {
            0 => Action::Mkdir { path, mode: 0o777 },
            1 => {
                let flags = OpenFlags::CREAT.bits() | 2;
                Action::Open { path, flags, mode: 0o2755 }
            }
            2 => Action::Unlink { path },
            3 => Action::Rmdir { path },
            _ => {
                let new = self.place();
                Action::Rename { old: path, new, flags: 0 }
            }
        };
        vec![action, stat]
    }

    /// A listing of the directory of the last path.
    pub(super) fn list_around(&mut self, action: &Action) -> Vec<Action> {
        let parent = action.paths().last().map_or(Text::from("."), |path| parent_of(path));
        let flags = OpenFlags::DIRECTORY.bits();
        let open = Action::Open { path: parent, flags, mode: 0 };
        vec![open, Action::List { file: 0, space: 4096 }, Action::Close { file: 0 }]
    }
}
