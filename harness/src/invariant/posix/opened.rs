//! What an open or a duplicate gives: man 2 open, man 2 dup.
//!
//! The number is the lowest that is free, a directory is not opened where a file may be made, and
//! only the owner keeps access times. What a reader would get wrong: where a name leads is judged
//! in `names`, and who may read and write in `rights`.

use fuserig_abi::{FileKind, Uid};
use fuserig_sim_fs::OpenFlags;

use super::judged::Judged;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if judged.skips_descriptor {
        return Err("has not the lowest descriptor that is free".to_owned());
    }
    let Action::Open { flags, .. } = judged.action else { return Ok(()) };
    let flags = OpenFlags::from_bits_retain(*flags);
    let node = judged.paths[0].as_ref().and_then(|place| place.node);
    let Some(node) = node.filter(|_| judged.succeeded() && !flags.contains(OpenFlags::PATH)) else {
        return Ok(());
    };
    let Some(stat) = judged.before.stat(node) else { return Ok(()) };
    if flags.contains(OpenFlags::CREAT) && stat.kind == FileKind::Directory {
        return Err("opens a directory where it may make a file".to_owned());
    }
    let is_stranger = ![Uid::ROOT, stat.uid].contains(&judged.credentials.uid);
    let is_known = !judged.mistaken.contains(&node);
    if flags.contains(OpenFlags::NOATIME) && is_stranger && is_known {
        return Err("keeps the access time of what is somebody else's".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Errno, Ino};

    use super::super::tests::{Check, node, right, wrong};
    use super::*;

    fn open(path: &str, flags: OpenFlags) -> Action {
        Action::Open { path: path.into(), flags: flags.bits(), mode: 0o644 }
    }

    #[test]
    fn a_directory_is_not_opened_where_a_file_may_be_made() {
        let check = |flags, value| Check::default().judge(open("d", flags), value, |_| {});
        right(check(OpenFlags::CREAT, Err(Errno::EISDIR)));
        right(check(OpenFlags::empty(), Ok(3)));
        wrong(check(OpenFlags::CREAT, Ok(3)), "opens a directory where it may make a file");
    }

    #[test]
    fn only_the_owner_keeps_access_times() {
        let check = |user, mistaken: Vec<Ino>| {
            let check = Check { user, mistaken, ..Check::default() };
            check.judge(open("f", OpenFlags::NOATIME), Ok(3), |_| {})
        };
        right(check(0, Vec::new()));
        let tree = fuserig_sim_fs::MemFs::from_tree(Check::default().tree).expect("a tree");
        right(check(1000, vec![node(&tree, "/f")]));
        wrong(check(1000, Vec::new()), "keeps the access time of what is somebody else's");
    }

    #[test]
    fn the_lowest_descriptor_is_given() {
        let check = |skips_descriptor| {
            let check = Check { skips_descriptor, ..Check::default() };
            check.judge(open("f", OpenFlags::empty()), Ok(3), |_| {})
        };
        right(check(false));
        wrong(check(true), "has not the lowest descriptor that is free");
    }
}
