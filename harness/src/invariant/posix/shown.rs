//! What a call shows of a file is what is there.

use fuserig_abi::{Ino, Stat};

use super::judged::Judged;
use crate::sim::Action;
use crate::vfs::Output;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
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
        ("mode", shown.permissions != is.permissions),
        ("link count", shown.nlink != is.nlink),
        ("owner", (shown.uid, shown.gid) != (is.uid, is.gid)),
        ("length", shown.size != is.size),
        ("mtime", shown.mtime != is.mtime),
        ("ctime", shown.ctime != is.ctime),
    ];
    match words.iter().find(|(_, differs)| *differs) {
        Some((word, _)) => Err(format!("shows another {word} than the file has")),
        None => Ok(()),
    }
}

/// POSIX readlink: what the symlink was made with.
fn link(judged: &Judged<'_>, node: Ino, target: &[u8]) -> Result<(), String> {
    match judged.before.target(node) {
        Some(is) if is != target => Err("gives another target".to_owned()),
        None => Err("reads what is no symlink".to_owned()),
        Some(_) => Ok(()),
    }
}
