//! Between the protocol's structs and fuser's types, which hide some of it.

use std::time::Duration;

use fuser::{FileAttr, FileType, INodeNo, TimeOrNow};
use fuserig_abi::{FileKind, FuseAttr, S_IALLUGO, Timespec};

#[expect(clippy::disallowed_types, reason = "fuser's attributes carry it; no clock is read")]
type Stamp = std::time::SystemTime;

/// An instant of the protocol as fuser takes it in replies.
fn stamp(sec: u64, nsec: u32) -> Stamp {
    let (epoch, sec) = (std::time::UNIX_EPOCH, sec as i64);
    let fraction = Duration::new(0, nsec.min(999_999_999));
    let whole = Duration::from_secs(sec.unsigned_abs());
    let moved = if sec < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
    moved.and_then(|moved| moved.checked_add(fraction)).unwrap_or(epoch)
}

/// An instant as fuser hands it on from a SETATTR. fuser 0.18 adds the nanoseconds of an instant
/// before 1970 to its distance from the epoch instead of taking them away; this undoes it.
fn instant(stamp: Stamp) -> Timespec {
    match stamp.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => Timespec {
            sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            nsec: after.subsec_nanos(),
        },
        Err(error) => {
            let before = error.duration();
            let sec = i64::try_from(before.as_secs()).map_or(i64::MIN, |sec| -sec);
            Timespec { sec, nsec: before.subsec_nanos() }
        }
    }
}

/// What SETATTR says of a time: now, or an instant.
pub(super) fn time(time: TimeOrNow) -> Option<Timespec> {
    match time {
        TimeOrNow::Now => None,
        TimeOrNow::SpecificTime(at) => Some(instant(at)),
    }
}

/// The change time of a SETATTR.
pub(super) fn change_time(at: Stamp) -> Timespec {
    instant(at)
}

/// Attributes for a reply.
pub(super) fn attr(attr: &FuseAttr) -> FileAttr {
    let changed = stamp(attr.ctime, attr.ctimensec);
    FileAttr {
        ino: INodeNo(attr.ino),
        size: attr.size,
        blocks: attr.blocks,
        atime: stamp(attr.atime, attr.atimensec),
        mtime: stamp(attr.mtime, attr.mtimensec),
        ctime: changed,
        crtime: changed,
        kind: kind(FileKind::from_mode(attr.mode)),
        perm: u16::try_from(attr.mode & S_IALLUGO).expect("twelve bits"),
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: attr.rdev,
        blksize: attr.blksize,
        flags: attr.flags,
    }
}

/// A type; the pipeline never makes up one that Linux does not have.
pub(super) fn kind(kind: Option<FileKind>) -> FileType {
    match kind {
        Some(FileKind::Fifo) => FileType::NamedPipe,
        Some(FileKind::CharDevice) => FileType::CharDevice,
        Some(FileKind::Directory) => FileType::Directory,
        Some(FileKind::BlockDevice) => FileType::BlockDevice,
        Some(FileKind::Symlink) => FileType::Symlink,
        Some(FileKind::Socket) => FileType::Socket,
        Some(FileKind::Regular) | None => FileType::RegularFile,
    }
}

/// A validity as a duration.
pub(super) fn duration(sec: u64, nsec: u32) -> Duration {
    Duration::new(sec, nsec.min(999_999_999))
}

#[cfg(test)]
mod tests {
    use super::{duration, instant, stamp};
    use fuserig_abi::Timespec;

    #[test]
    fn an_instant_before_the_epoch_survives_the_way_fuser_reads_it() {
        // fuser: epoch - (seconds, nanoseconds), with the seconds made positive.
        let read_by_fuser = std::time::UNIX_EPOCH - duration(2, 300);
        assert_eq!(instant(read_by_fuser), Timespec { sec: -2, nsec: 300 });
        let after = std::time::UNIX_EPOCH + duration(7, 9);
        assert_eq!(instant(after), Timespec { sec: 7, nsec: 9 });
    }

    #[test]
    fn nanoseconds_count_forward_also_before_the_epoch() {
        let at = stamp((-2_i64) as u64, 300);
        assert_eq!(at, std::time::UNIX_EPOCH - duration(2, 0) + duration(0, 300));
    }
}
