//! What a call shows of a file is what is there.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{Caller, Credentials, Ino, NAME_MAX, Pid, Stat, StatFs, Timespec};
use fuserig_sim_fs::{Lower, LowerExt, MemFs};

use super::judged::Judged;
use crate::sim::Action;
use crate::vfs::Output;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if let (Action::Statfs { .. }, Output::StatFs(shown)) = (judged.action, &judged.result.output) {
        return figures(judged, shown);
    }
    let node = match judged.action {
        Action::Stat { .. } | Action::Readlink { .. } => judged.node(),
        Action::Fstat { .. } => judged.file.map(|file| file.node),
        _ => return Ok(()),
    };
    let place = judged.paths[0].as_ref();
    if judged.succeeded() && place.is_some_and(|place| place.node.is_none()) {
        return Err("finds what is not there".to_owned());
    }
    let Some(node) = node else { return Ok(()) };
    if judged.errno() == Some(fuserig_abi::Errno::ENOENT) {
        return Err("does not find what is there".to_owned());
    }
    match &judged.result.output {
        Output::Stat(shown) => attributes(judged, node, shown),
        Output::Bytes(target) if judged.succeeded() => link(judged, node, target),
        _ => Ok(()),
    }
}

/// POSIX stat: the attributes of the file.
fn attributes(judged: &Judged<'_>, node: Ino, shown: &Stat) -> Result<(), String> {
    let Some(is) = judged.after.stat(node) else { return Ok(()) };
    let words = [
        ("type", shown.kind != is.kind),
        ("device", shown.rdev != is.rdev),
        ("mode", shown.permissions != is.permissions),
        ("link count", shown.nlink != is.nlink),
        ("owner", (shown.uid, shown.gid) != (is.uid, is.gid)),
        ("length", shown.size != is.size),
        ("mtime", shown.mtime != is.mtime),
        ("ctime", shown.ctime != is.ctime),
    ];
    match words.iter().find(|(_, differs)| *differs) {
        Some((word, _)) => Err(format!("shows another {word} than the file has")),
        // What is shown is what was just asked, and it is what decides who may do what from now on.
        None if judged.mistaken.contains(&node) => {
            Err("shows the owner and the mode, and the kernel goes by others".to_owned())
        }
        None => Ok(()),
    }
}

/// man 2 statfs: the numbers of the filesystem, in order, and as many nodes as there are. As on
/// tmpfs each further link takes one more.
fn figures(judged: &Judged<'_>, shown: &StatFs) -> Result<(), String> {
    let Some(is) = free(judged) else { return Ok(()) };
    let fs = judged.after;
    let options = fs.options();
    let words = [
        ("blocks", shown.blocks != is.blocks),
        ("free blocks", shown.bfree != is.bfree),
        ("available blocks", shown.bavail != is.bavail),
        ("nodes", shown.files != is.files || shown.files != options.inodes_max),
        ("free nodes", shown.ffree != is.ffree),
        ("length of a block", shown.bsize != is.bsize || shown.frsize != is.frsize),
        ("longest name", shown.namelen != NAME_MAX),
    ];
    if let Some((word, _)) = words.iter().find(|(_, differs)| *differs) {
        return Err(format!("shows another number than there is: {word}"));
    }
    let bytes = shown.blocks.saturating_mul(u64::from(shown.frsize));
    if bytes > options.capacity_bytes || shown.bfree > shown.blocks || shown.bavail > shown.bfree {
        return Err("shows more space than there is".to_owned());
    }
    let used = nodes_used(fs);
    match shown.files.checked_sub(shown.ffree) == Some(used) {
        true => Ok(()),
        false => {
            Err(format!("shows {} of {} nodes free, and {used} are used", shown.ffree, shown.files))
        }
    }
}

/// As [`figures`], of what is left when nobody asks any more; a node without a name that nobody can
/// have open is one that nobody gets rid of.
pub(super) fn nodes_in_the_end(fs: &MemFs, all_have_gone: bool) -> Result<(), String> {
    let (used, most) = (nodes_used(fs), fs.options().inodes_max);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::default());
    let shown = fs.clone().statfs(&caller, fs.root()).ok();
    if let Some(free) = shown.map(|shown| shown.ffree).filter(|free| free + used != most) {
        return Err(format!("in the end {free} of {most} nodes are free, and {used} are used"));
    }
    blocks_in_the_end(fs, shown.as_ref())?;
    let named: BTreeSet<Ino> = fs.walk().map(|entry| entry.stat.ino).chain([fs.root()]).collect();
    match fs.node_count() - named.len() as u64 {
        lost if lost > 0 && all_have_gone => {
            Err(format!("in the end {lost} nodes have no name, and nobody has them open"))
        }
        _ => Ok(()),
    }
}

/// man 2 statfs: a block is free, or some file has it. A file without a name has what nobody sees.
pub(super) fn blocks_in_the_end(fs: &MemFs, shown: Option<&StatFs>) -> Result<(), String> {
    let stats = fs.walk().map(|entry| entry.stat).chain(fs.stat(fs.root()));
    let named: BTreeMap<Ino, Stat> = stats.map(|stat| (stat.ino, stat)).collect();
    let Some(shown) = shown.filter(|_| fs.node_count() == named.len() as u64) else {
        return Ok(());
    };
    let sectors: u64 = named.values().map(|stat| stat.blocks).sum();
    let (used, block) = (512 * sectors, u64::from(shown.frsize));
    match (shown.blocks - shown.bfree) * block == used {
        true => Ok(()),
        false => Err(format!(
            "in the end {} of {} blocks are free, and {} are used",
            shown.bfree,
            shown.blocks,
            used / block
        )),
    }
}

/// What the tree says of itself.
fn free(judged: &Judged<'_>) -> Option<StatFs> {
    let caller = Caller::new(judged.credentials.clone(), Pid(1), judged.now);
    judged.after.clone().statfs(&caller, judged.after.root()).ok()
}

/// Nodes, and names beyond the first of each.
fn nodes_used(fs: &MemFs) -> u64 {
    let (mut names, mut nodes) = (0, BTreeSet::new());
    for entry in fs.walk() {
        names += 1;
        nodes.insert(entry.stat.ino);
    }
    fs.node_count() + names - nodes.len() as u64
}

/// POSIX readlink: what the symlink was made with, as much of it as there is room for.
fn link(judged: &Judged<'_>, node: Ino, target: &[u8]) -> Result<(), String> {
    let Action::Readlink { space, .. } = judged.action else { return Ok(()) };
    let room = *space as usize;
    match judged.before.target(node) {
        _ if room == 0 => Err("reads a target into no room".to_owned()),
        Some(is) if is[..is.len().min(room)] != *target => Err("gives another target".to_owned()),
        Some(_) if judged.count() != Some(target.len() as u64) => {
            Err("reports another length than it gives".to_owned())
        }
        None => Err("reads what is no symlink".to_owned()),
        Some(_) => Ok(()),
    }
}
