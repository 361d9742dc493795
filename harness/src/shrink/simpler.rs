//! Simpler forms of one action: smaller sizes, no offsets, plain flags, short names.

use crate::sim::{Action, Text};

/// Numbers that are simpler than `value`, the simplest first.
fn smaller(value: u64) -> Vec<u64> {
    let mut list: Vec<u64> = [0, 1, value / 2, value.saturating_sub(1)].to_vec();
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

fn each<T>(values: Vec<T>, make: impl Fn(T) -> Action) -> Vec<Action> {
    values.into_iter().map(make).collect()
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

fn plainer(action: &Action) -> Vec<Action> {
    match action.clone() {
        Action::Open { path, flags, mode } => {
            let bits = (2..22).map(|bit| flags & !(1 << bit)).filter(|less| *less != flags);
            let mut less: Vec<u32> = bits.collect();
            if flags & 3 != 0 {
                less.push(flags & !3);
            }
            let mut list = each(less, |flags| Action::Open { path: path.clone(), flags, mode });
            if mode != 0o644 && flags & 0o100 != 0 {
                list.push(Action::Open { path, flags, mode: 0o644 });
            }
            list
        }
        Action::Read { file, size, offset } => {
            let mut list = each(smaller(size), |size| Action::Read { file, size, offset });
            if offset.is_some() {
                list.insert(0, Action::Read { file, size, offset: None });
            }
            if file > 0 {
                list.push(Action::Read { file: 0, size, offset });
            }
            list
        }
        Action::Write { file, size, fill, offset } => {
            let sizes = smaller(u64::from(size));
            let mut list =
                each(sizes, |size| Action::Write { file, size: size as u32, fill, offset });
            if offset.is_some() {
                list.insert(0, Action::Write { file, size, fill, offset: None });
            }
            if file > 0 {
                list.push(Action::Write { file: 0, size, fill, offset });
            }
            list
        }
        Action::Truncate { path, size } if size > 0 => each(smaller(size as u64), |size| {
            Action::Truncate { path: path.clone(), size: size as i64 }
        }),
        Action::Ftruncate { file, size } if size > 0 => {
            each(smaller(size as u64), |size| Action::Ftruncate { file, size: size as i64 })
        }
        Action::Rename { old, new, flags } if flags != 0 => {
            vec![Action::Rename { old, new, flags: 0 }]
        }
        Action::Mkdir { path, mode } if mode != 0o755 => vec![Action::Mkdir { path, mode: 0o755 }],
        Action::Setxattr { path, name, value, flags } => {
            let lengths = smaller(value.0.len() as u64);
            each(lengths, |length| {
                let value = Text(value.0[..length as usize].to_vec());
                Action::Setxattr { path: path.clone(), name: name.clone(), value, flags }
            })
        }
        copy @ Action::Copy { .. } => plainer_copy(&copy),
        Action::List { file, space } => {
            vec![Action::List { file: 0, space }, Action::List { file, space: 4096 }]
        }
        _ => Vec::new(),
    }
}

/// Copies that begin at the start, or are shorter.
fn plainer_copy(action: &Action) -> Vec<Action> {
    let Action::Copy { from, to, length, from_at, to_at } = *action else { return Vec::new() };
    let places = [(0, to_at), (from_at, 0)];
    let places = places.into_iter().filter(|places| *places != (from_at, to_at)).collect();
    let at = |(from_at, to_at)| Action::Copy { from, to, length, from_at, to_at };
    let mut list = each(places, at);
    let shorter = |length| Action::Copy { from, to, length, from_at, to_at };
    list.extend(each(smaller(length), shorter));
    list
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
        | Action::Readlink { path }
        | Action::Chmod { path, .. }
        | Action::Chown { path, .. }
        | Action::Touch { path }
        | Action::Getxattr { path, .. }
        | Action::Listxattr { path, .. }
        | Action::Setxattr { path, .. }
        | Action::Removexattr { path, .. }
        | Action::Chdir { path } => *path = to,
        Action::Close { .. }
        | Action::Read { .. }
        | Action::Write { .. }
        | Action::Seek { .. }
        | Action::Ftruncate { .. }
        | Action::Fallocate { .. }
        | Action::Fsync { .. }
        | Action::Fstat { .. }
        | Action::List { .. }
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
