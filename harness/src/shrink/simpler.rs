//! Simpler forms of one action: smaller sizes, no offsets, plain flags, short names.

use crate::sim::{Action, Stamp, Text};

/// Numbers that are simpler than `value`, the simplest first: what is taken away halves from one
/// to the next, so that a least number is come down to in few steps, however large it is.
fn smaller(value: u64) -> Vec<u64> {
    let halves = (1..u64::BITS).map(|times| value - (value >> times));
    let mut list: Vec<u64> = [0, 1].into_iter().chain(halves).collect();
    list.retain(|other| *other < value);
    list.dedup();
    list
}

/// Shorter spellings of a path: without its first directory, or with short names.
fn shorter(path: &Text) -> Vec<Text> {
    let mut list = Vec::new();
    let long = |name: &&[u8]| name.len() > 1;
    let names: Vec<&[u8]> = path.0.split(|byte| *byte == b'/').collect();
    if names.len() > 1 {
        list.push(Text(names[1..].join(&b'/')));
    }
    if names.iter().any(|name| long(name) && *name != b"..") {
        for place in 0..names.len() {
            if names[place].len() > 1 && names[place] != b".." {
                let mut short = names.clone();
                short[place] = b"a";
                list.push(Text(short.join(&b'/')));
            }
        }
    }
    list
}

/// Every action that is a little simpler, the simplest first. Never the same: it fails as often.
pub(super) fn simpler(action: &Action) -> Vec<Action> {
    let mut list = plainer(action);
    let paths = action.paths().len();
    for place in 0..paths {
        for path in shorter(action.paths()[place]) {
            list.push(with_path(action, place, path));
        }
    }
    list.retain(|simpler| simpler != action);
    list
}

/// The action with one number, mode or value less.
fn plainer(action: &Action) -> Vec<Action> {
    let mut list: Vec<Action> = without_offset(action).into_iter().collect();
    let mut form = action.clone();
    let values: Vec<Vec<u64>> = parts(&mut form).iter().map(Part::simpler).collect();
    for (place, values) in values.into_iter().enumerate() {
        for value in values {
            let mut form = action.clone();
            parts(&mut form)[place].set(value);
            list.push(form);
        }
    }
    list
}

/// The action where the file stands, with the time of the call, or without waiting.
fn without_offset(action: &Action) -> Option<Action> {
    match *action {
        Action::Read { file, size, offset: Some(_) } => {
            Some(Action::Read { file, size, offset: None })
        }
        Action::Write { file, size, fill, offset: Some(_) } => {
            Some(Action::Write { file, size, fill, offset: None })
        }
        Action::Append { file, size, fill } => {
            Some(Action::Write { file, size, fill, offset: None })
        }
        Action::Times { ref path, .. } => Some(Action::Touch { path: path.clone() }),
        Action::Flock { file, kind, waits: true } => {
            Some(Action::Flock { file, kind, waits: false })
        }
        Action::Lock { file, kind, start, length, waits: true } => {
            Some(Action::Lock { file, kind, start, length, waits: false })
        }
        _ => None,
    }
}

/// A part of an action that may be simpler.
enum Part<'a> {
    Long(&'a mut u64),
    Short(&'a mut u32),
    /// A place or a length; negative ones are mistakes on purpose and go to the start at once.
    Place(&'a mut i64),
    File(&'a mut u8),
    /// Some bits of these may be cleared.
    Bits(&'a mut u32, u32),
    /// Simplest when it is that.
    Mode(&'a mut u32, u32),
    /// Simplest when it is that.
    Room(&'a mut u64, u64),
    Value(&'a mut Text),
}

impl Part<'_> {
    /// What it may be instead, the simplest first.
    fn simpler(&self) -> Vec<u64> {
        match self {
            Part::Long(number) => smaller(**number),
            Part::Short(number) => smaller(u64::from(**number)),
            Part::Place(number) if **number < 0 => vec![0],
            Part::Place(number) => smaller(**number as u64),
            Part::File(number) => smaller(u64::from(**number)),
            Part::Bits(bits, some) => {
                let single =
                    (0..u32::BITS).map(|bit| 1 << bit).filter(|bit| **bits & some & bit != 0);
                single.map(|bit: u32| u64::from(**bits & !bit)).collect()
            }
            Part::Mode(mode, plain) => vec![u64::from(*plain); usize::from(**mode != *plain)],
            Part::Room(room, plain) => vec![*plain; usize::from(**room != *plain)],
            Part::Value(value) => smaller(value.0.len() as u64),
        }
    }

    /// Makes it one of those.
    fn set(&mut self, to: u64) {
        match self {
            Part::Long(number) | Part::Room(number, _) => **number = to,
            Part::Short(number) | Part::Bits(number, _) | Part::Mode(number, _) => {
                **number = to as u32;
            }
            Part::Place(number) => **number = to as i64,
            Part::File(number) => **number = to as u8,
            Part::Value(value) => value.0.truncate(to as usize),
        }
    }
}

/// The bits of an `open` that can be left out.
const OPEN_BITS: u32 = (1 << 22) - 1;

/// What is not a path in an action.
fn parts(action: &mut Action) -> Vec<Part<'_>> {
    match action {
        Action::Open { flags, mode, .. } => {
            let creates = *flags & 0o100 != 0;
            let mode = creates.then_some(Part::Mode(mode, 0o644));
            [Part::Bits(flags, OPEN_BITS)].into_iter().chain(mode).collect()
        }
        Action::Read { file, size, offset } => {
            let place = offset.as_mut().map(Part::Place);
            place.into_iter().chain([Part::Long(size), Part::File(file)]).collect()
        }
        Action::Write { file, size, offset, .. } => {
            let place = offset.as_mut().map(Part::Place);
            place.into_iter().chain([Part::Short(size), Part::File(file)]).collect()
        }
        Action::Append { file, size, .. } => vec![Part::Short(size), Part::File(file)],
        Action::Seek { file, offset, .. } => vec![Part::Place(offset), Part::File(file)],
        Action::Truncate { size, .. } => vec![Part::Place(size)],
        Action::Ftruncate { file, size } => vec![Part::Place(size), Part::File(file)],
        Action::Fallocate { file, mode, offset, length } => vec![
            Part::Bits(mode, u32::MAX),
            Part::Place(offset),
            Part::Place(length),
            Part::File(file),
        ],
        Action::Close { file }
        | Action::Fsync { file, .. }
        | Action::Fstat { file }
        | Action::Dup { file }
        | Action::SetCloexec { file, .. }
        | Action::Flock { file, .. } => vec![Part::File(file)],
        Action::Dup2 { file: one, onto: other }
        | Action::CloseRange { first: one, last: other } => {
            vec![Part::File(one), Part::File(other)]
        }
        Action::SetFlags { file, flags } => vec![Part::Bits(flags, OPEN_BITS), Part::File(file)],
        Action::Readlink { space, .. } => vec![Part::Mode(space, 4096)],
        Action::Lock { file, start, length, .. } | Action::GetLock { file, start, length, .. } => {
            vec![Part::Place(start), Part::Place(length), Part::File(file)]
        }
        Action::List { file, space } => vec![Part::File(file), Part::Room(space, 4096)],
        Action::Copy { from, to, length, from_at, to_at } => vec![
            Part::Place(from_at),
            Part::Place(to_at),
            Part::Long(length),
            Part::File(from),
            Part::File(to),
        ],
        Action::Sendfile { from, to, length, from_at } => {
            vec![Part::Place(from_at), Part::Long(length), Part::File(from), Part::File(to)]
        }
        Action::Rename { flags, .. } => vec![Part::Bits(flags, u32::MAX)],
        Action::Mkdir { mode, .. } => vec![Part::Mode(mode, 0o755)],
        Action::Mknod { mode, device, .. } => {
            vec![Part::Bits(mode, 0o7777), Part::Bits(device, u32::MAX)]
        }
        Action::Access { mode, .. } => vec![Part::Bits(mode, u32::MAX)],
        other => parts_of_attributes(other),
    }
}

/// The same of calls on attributes, and of those that say who a client is.
fn parts_of_attributes(action: &mut Action) -> Vec<Part<'_>> {
    match action {
        Action::Chmod { mode, .. } => vec![Part::Bits(mode, 0o7777)],
        Action::Times { atime, mtime, .. } => {
            [atime, mtime].into_iter().flat_map(numbers_of).collect()
        }
        Action::Chown { uid, gid, .. } => vec![Part::Short(uid), Part::Short(gid)],
        Action::Getxattr { size, .. } | Action::Listxattr { size, .. } => {
            vec![Part::Long(size)]
        }
        Action::Setxattr { value, flags, .. } => {
            vec![Part::Value(value), Part::Bits(flags, u32::MAX)]
        }
        Action::Fchmod { file, mode } => vec![Part::Bits(mode, 0o7777), Part::File(file)],
        Action::Fchown { file, uid, gid } => {
            vec![Part::Short(uid), Part::Short(gid), Part::File(file)]
        }
        Action::Futimens { file, atime, mtime } => {
            let times = [atime, mtime].into_iter().flat_map(numbers_of);
            times.chain([Part::File(file)]).collect()
        }
        Action::Umask { mask } => vec![Part::Bits(mask, 0o777)],
        Action::Become { uid, gid } => vec![Part::Short(uid), Part::Short(gid)],
        _ => Vec::new(),
    }
}

/// The numbers of a time that is given.
fn numbers_of(stamp: &mut Stamp) -> Vec<Part<'_>> {
    match stamp {
        Stamp::At { sec, nsec } => vec![Part::Place(sec), Part::Short(nsec)],
        Stamp::Now | Stamp::Omit => Vec::new(),
    }
}

/// The action with another path at one place.
pub(crate) fn with_path(action: &Action, place: usize, to: Text) -> Action {
    let mut action = action.clone();
    match &mut action {
        Action::Link { source, .. } if place == 0 => *source = to,
        Action::Rename { old, .. } if place == 0 => *old = to,
        Action::Rename { new, .. } => *new = to,
        Action::Link { path, .. }
        | Action::Open { path, .. }
        | Action::Truncate { path, .. }
        | Action::Stat { path, .. }
        | Action::Statfs { path }
        | Action::Access { path, .. }
        | Action::Mkdir { path, .. }
        | Action::Mknod { path, .. }
        | Action::Symlink { path, .. }
        | Action::Unlink { path }
        | Action::Rmdir { path }
        | Action::Readlink { path, .. }
        | Action::Chmod { path, .. }
        | Action::Chown { path, .. }
        | Action::Touch { path }
        | Action::Times { path, .. }
        | Action::Getxattr { path, .. }
        | Action::Listxattr { path, .. }
        | Action::Setxattr { path, .. }
        | Action::Removexattr { path, .. }
        | Action::Chdir { path } => *path = to,
        Action::Close { .. }
        | Action::Read { .. }
        | Action::Write { .. }
        | Action::Append { .. }
        | Action::Seek { .. }
        | Action::Ftruncate { .. }
        | Action::Fallocate { .. }
        | Action::Fsync { .. }
        | Action::Fstat { .. }
        | Action::List { .. }
        | Action::Flock { .. }
        | Action::Lock { .. }
        | Action::GetLock { .. }
        | Action::Fchmod { .. }
        | Action::Fchown { .. }
        | Action::Futimens { .. }
        | Action::Umask { .. }
        | Action::Become { .. }
        | Action::Dup { .. }
        | Action::Dup2 { .. }
        | Action::CloseRange { .. }
        | Action::SetFlags { .. }
        | Action::SetCloexec { .. }
        | Action::Fork
        | Action::Exec
        | Action::Exit
        | Action::Sendfile { .. }
        | Action::Copy { .. } => {}
    }
    action
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::MemFs;

    use super::simpler;
    use crate::sim::{Seed, WorkloadConfig};

    /// A cycle would be followed until the shrinker gives up, with everything else left as it is.
    #[test]
    fn whatever_is_taken_there_comes_an_action_that_is_as_simple_as_can_be() {
        let tree = MemFs::from_tree("/d/\n/d/a 'abc'\n/b 'bbb'").expect("well-formed");
        let mut rng = Seed(1).rng();
        let workload = WorkloadConfig { operations: 3000, ..WorkloadConfig::default() };
        let programs = workload.draw(&mut rng, &tree);
        let actions: Vec<_> = programs.into_iter().flat_map(|program| program.actions).collect();
        assert!(actions.len() >= 3000, "{}", actions.len());
        for first in &actions {
            let mut action = first.clone();
            let mut taken = 0;
            loop {
                let list = simpler(&action);
                assert!(!list.contains(&action), "{action:?}");
                if list.is_empty() {
                    break;
                }
                action = rng.pick(&list).clone();
                taken += 1;
                assert!(taken < 1000, "{first:?} is still {action:?}");
            }
        }
    }
}
