//! What sendfile makes of bytes, lengths and positions: man 2 sendfile.
//!
//! It is a copy that reads from an offset, or from where the source stands, and writes to where the
//! target stands. What a reader would get wrong: who sends a file into itself, where the two
//! ranges meet, may read what was just written.

use fuserig_abi::{Errno, FileKind};
use fuserig_sim_fs::OpenFlags;

use super::bytes;
use super::judged::{Judged, OpenFile};
use super::refusals::{FAR, lacks_room};
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let Action::Sendfile { from_at, length, .. } = *judged.action else { return Ok(()) };
    let (Some(source), Some(target)) = (judged.source, judged.file) else { return Ok(()) };
    let count = judged.result.value.unwrap_or(0);
    positions(count, source, target, from_at)?;
    if !judged.succeeded() {
        return Ok(());
    }
    if target.flags.contains(OpenFlags::APPEND) {
        return Err("sends to a file that is open to append".to_owned());
    }
    if !source.flags.wants_read() || !target.flags.wants_write() {
        return Err("sends by a file that is not open for it".to_owned());
    }
    let size = judged.before.stat(source.node).map_or(0, |stat| stat.size);
    if !meet(source, target, (from_at, length), size) {
        bytes::copy(judged, length, from_at, Action::HERE)?;
    }
    Ok(())
}

/// Whether a file of that size is sent into itself so that the two ranges may have a byte in
/// common, or that it may have got longer before all was read.
fn meet(source: OpenFile, target: OpenFile, (from_at, length): (i64, u64), size: u64) -> bool {
    let from = if from_at == Action::HERE { source.positions.0 } else { Some(from_at) };
    let (Some(from), Some(to)) = (from, target.positions.0) else { return true };
    let is_there = from.checked_add_unsigned(length).is_some_and(|end| end.unsigned_abs() <= size);
    source.node == target.node && (from.abs_diff(to) < length || !is_there)
}

/// The target moves on by what was sent, and so does the source where no offset is given.
fn positions(count: i64, source: OpenFile, target: OpenFile, from_at: i64) -> Result<(), String> {
    // One open file for both has one position.
    let is_one = source.description == target.description;
    for (word, moves, file) in
        [("source", is_one || from_at == Action::HERE, source), ("target", true, target)]
    {
        let (Some(was), Some(is)) = file.positions else { continue };
        let expected = was.saturating_add(if moves { count } else { 0 });
        if is != expected {
            return Err(format!("leaves the {word} at {is} instead of {expected}"));
        }
    }
    Ok(())
}

/// What it may be refused for, and whether that holds; none where nothing can be said.
pub(super) fn refusals(
    judged: &Judged<'_>,
    (source, target): (OpenFile, OpenFile),
    (from_at, length): (i64, u64),
) -> Option<[(Errno, bool); 4]> {
    let (from, to) = (judged.before.stat(source.node)?, judged.before.stat(target.node)?);
    let known = [FileKind::Regular, FileKind::Directory];
    if source.flags.contains(OpenFlags::PATH) || !known.contains(&from.kind) {
        return None;
    }
    let (from_at, to_at) = judged.copy_places(from_at, Action::HERE)?;
    let usable = source.flags.wants_read() && target.flags.wants_write();
    let appends = target.flags.contains(OpenFlags::APPEND);
    let far = [from_at, to_at].into_iter().any(|at| !(0..FAR).contains(&at)) || length > FAR as u64;
    let special = [from.kind, to.kind].iter().any(|kind| *kind != FileKind::Regular);
    Some([
        (Errno::EBADF, !usable),
        (Errno::EINVAL, appends || special || far),
        (Errno::EFBIG, far),
        (Errno::ENOSPC, lacks_room(judged, length.min(from.size))),
    ])
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Ino;
    use fuserig_sim_fs::MemFs;

    use super::super::tests::{Check, LATER, NOW, put, right, wrong};
    use super::*;

    fn send(from_at: i64, length: u64) -> Action {
        Action::Sendfile { from: 1, to: 0, length, from_at }
    }

    fn sends(
        (from_at, length): (i64, u64),
        positions: (i64, i64),
        change: impl FnOnce(&mut MemFs),
    ) -> Result<(), String> {
        let check = Check { positions, source: "/d/x", ..Check::default() };
        check.judge(send(from_at, length), Ok(1), change)
    }

    #[test]
    fn it_writes_where_the_target_stands() {
        let here = Action::HERE;
        right(sends((0, 1), (2, 3), put(NOW, 2, b"x")));
        wrong(sends((0, 1), (2, 3), put(NOW, 0, b"x")), "at 0, where 0x68");
        wrong(sends((0, 1), (2, 2), put(NOW, 2, b"x")), "at 2 instead of 3");
        right(sends((here, 1), (0, 1), put(NOW, 0, b"x")));
        wrong(sends((0, 1), (2, 3), put(LATER, 2, b"x")), "does not move");
        wrong(sends((0, 0), (2, 3), put(NOW, 2, b"x")), "which the source has not");
    }

    fn at(description: u64, was: i64, is: i64) -> OpenFile {
        let positions = (Some(was), Some(is));
        OpenFile { description, node: Ino(5), flags: OpenFlags::RDWR, positions }
    }

    #[test]
    fn the_source_moves_on_where_no_offset_is_given() {
        let target = at(2, 7, 10);
        right(positions(3, at(1, 0, 3), target, Action::HERE));
        right(positions(3, at(1, 0, 0), target, 0));
        wrong(positions(3, at(1, 0, 0), target, Action::HERE), "leaves the source at 0");
        wrong(positions(3, at(1, 0, 3), target, 0), "leaves the source at 3 instead of 0");
        wrong(positions(2, at(1, 0, 0), target, 0), "leaves the target at 10 instead of 9");
        right(positions(3, at(2, 7, 10), target, 0));
    }

    #[test]
    fn what_meets_itself_is_not_judged() {
        assert!(meet(at(1, 0, 0), at(2, 7, 7), (Action::HERE, 8), 20));
        assert!(!meet(at(1, 0, 0), at(2, 7, 7), (Action::HERE, 7), 20));
        assert!(meet(at(1, 0, 0), at(2, 7, 7), (Action::HERE, 7), 6), "it gets longer");
        assert!(meet(at(1, 0, 0), at(2, 7, 7), (9, 3), 20));
        assert!(!meet(at(1, 0, 0), OpenFile { node: Ino(6), ..at(2, 0, 0) }, (0, 3), 1));
    }

    #[test]
    fn it_is_refused_for_a_reason() {
        let refused = |flags, errno, from_at| {
            let check = Check { flags, source: "/d/x", ..Check::default() };
            check.judge(send(from_at, 1), Err(errno), |_| {})
        };
        let appends = OpenFlags::RDWR | OpenFlags::APPEND;
        right(refused(appends, Errno::EINVAL, 0));
        right(refused(OpenFlags::RDWR, Errno::EINVAL, -2));
        right(refused(OpenFlags::WRONLY, Errno::EBADF, 0));
        wrong(refused(OpenFlags::RDWR, Errno::EINVAL, 0), "no reason for it");
        wrong(refused(OpenFlags::RDWR, Errno::EBADF, 0), "no reason for it");
        let check = Check { flags: appends, source: "/d/x", positions: (2, 3), ..Check::default() };
        wrong(check.judge(send(0, 1), Ok(1), put(NOW, 2, b"x")), "open to append");
    }
}
