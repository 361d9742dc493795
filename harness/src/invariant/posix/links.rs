//! How many names a file has, and how many directories a directory.

use std::collections::BTreeMap;

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{MemFs, RenameFlags};

use super::judged::Judged;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if !judged.succeeded() || judged.action.only_looks() || !judged.knows_paths() {
        return Ok(());
    }
    let named = judged.paths.iter().flatten();
    let mut touched: Vec<Ino> =
        named.flat_map(|place| [Some(place.directory), place.node]).flatten().collect();
    touched.extend(judged.made().and_then(|(_, made)| made));
    for node in &touched {
        directory_count(judged.after, *node)?;
    }
    // One node may be named twice.
    touched.sort_unstable();
    touched.dedup();
    touched.into_iter().try_for_each(|node| file_count(judged, node))
}

/// A directory has its name, its `.`, and the `..` of every directory in it.
fn directory_count(fs: &MemFs, node: Ino) -> Result<(), String> {
    let Some(stat) = fs.stat(node) else { return Ok(()) };
    // Some filesystems do not count, which is a link count of 1 (man 1 find, -noleaf).
    if stat.kind != FileKind::Directory || stat.nlink < 2 {
        return Ok(());
    }
    let is_directory = |(_, node): &(&[u8], Ino)| {
        fs.stat(*node).is_some_and(|stat| stat.kind == FileKind::Directory)
    };
    let expected = 2 + fs.names_in(node).filter(is_directory).count();
    compare_count(stat.nlink, expected)
}

pub(super) fn compare_count(is: u32, expected: usize) -> Result<(), String> {
    match usize::try_from(is) == Ok(expected) {
        true => Ok(()),
        false => Err(format!("leaves a directory with a link count of {is} instead of {expected}")),
    }
}

/// A file has as many links more as it has got names, and as many fewer as it has lost.
fn file_count(judged: &Judged<'_>, node: Ino) -> Result<(), String> {
    let Some(is) = judged.after.stat(node).filter(|stat| stat.kind != FileKind::Directory) else {
        return Ok(());
    };
    let was = judged.before.stat(node).map_or(0, |stat| stat.nlink);
    let expected = was + gained(judged, node);
    let lost = lost(judged, node);
    match is.nlink + lost == expected {
        true => Ok(()),
        false => {
            let expected = expected.saturating_sub(lost);
            Err(format!("leaves a link count of {} instead of {expected}", is.nlink))
        }
    }
}

fn gained(judged: &Judged<'_>, node: Ino) -> u32 {
    u32::from(judged.made().is_some_and(|(_, made)| made == Some(node)))
}

fn lost(judged: &Judged<'_>, node: Ino) -> u32 {
    let [first, second] = judged.paths.each_ref().map(|place| place.as_ref()?.node);
    let is_lost = match judged.action {
        Action::Unlink { .. } => first == Some(node),
        Action::Rename { flags, .. } => {
            let exchanges = flags & RenameFlags::EXCHANGE.bits() != 0;
            !exchanges && first != second && second == Some(node)
        }
        _ => false,
    };
    u32::from(is_lost)
}

/// Every count of a tree, once a run.
pub(super) fn every_count(fs: &MemFs) -> Result<(), String> {
    let mut names: BTreeMap<Ino, (u32, Vec<u8>)> = BTreeMap::new();
    for entry in fs.walk() {
        let known = names.entry(entry.stat.ino).or_insert((0, entry.path));
        known.0 += 1;
    }
    for (node, (count, path)) in names {
        let Some(stat) = fs.stat(node) else { continue };
        let path = path.escape_ascii();
        if stat.kind == FileKind::Directory {
            directory_count(fs, node).map_err(|wrong| format!("the run {wrong}: {path}"))?;
        } else if stat.nlink != count {
            return Err(format!("{path} has {count} names and a link count of {}", stat.nlink));
        }
    }
    Ok(())
}
