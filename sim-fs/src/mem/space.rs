//! Space and holes: `fallocate` and `lseek`.

use fuserig_abi::{Caller, Capabilities, Device, Errno, FileKind};

use super::{
    attr::{SIZE_MAX, drop_capability},
    fs::{Handle, MemFs},
    inode::Inode,
    options::FallocateProfile,
    page::PAGE_U64,
    permission::without_privileges,
};
use crate::{FallocateMode, LowerFh, LowerReply, Whence};

/// A byte range as `fallocate` gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Range {
    fn end(self) -> u64 {
        self.offset + self.length
    }

    fn pages(self) -> u64 {
        self.end().div_ceil(PAGE_U64) - self.offset / PAGE_U64
    }

    fn is_aligned(self) -> bool {
        self.offset.is_multiple_of(PAGE_U64) && self.length.is_multiple_of(PAGE_U64)
    }
}

/// The one thing that a call of `fallocate` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Allocate,
    Punch,
    Zero,
    Collapse,
    Insert,
    /// `FALLOC_FL_UNSHARE_RANGE`: past the VFS, but for filesystems that share blocks.
    Unshare,
}

const UNSHARE_RANGE: FallocateMode = FallocateMode::from_bits_retain(0x40);

/// The combinations that `vfs_fallocate` lets through.
fn action(mode: FallocateMode) -> Option<Action> {
    let keeps = mode.contains(FallocateMode::KEEP_SIZE);
    match mode - FallocateMode::KEEP_SIZE {
        rest if rest.is_empty() => Some(Action::Allocate),
        FallocateMode::PUNCH_HOLE if keeps => Some(Action::Punch),
        FallocateMode::ZERO_RANGE => Some(Action::Zero),
        FallocateMode::COLLAPSE_RANGE if !keeps => Some(Action::Collapse),
        FallocateMode::INSERT_RANGE if !keeps => Some(Action::Insert),
        UNSHARE_RANGE => Some(Action::Unshare),
        _ => None,
    }
}

impl MemFs {
    pub(super) fn fallocate_op(
        &mut self,
        caller: &Caller,
        fh: LowerFh,
        mode: FallocateMode,
        range: Range,
    ) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        if range.length == 0 || range.offset > SIZE_MAX || range.length > SIZE_MAX {
            return Err(Errno::EINVAL);
        }
        let action = action(mode).ok_or(Errno::EOPNOTSUPP)?;
        let inode = self.inode(handle.ino)?;
        check_file(handle, inode)?;
        if range.end() > SIZE_MAX {
            return Err(Errno::EFBIG);
        }
        let tmpfs = self.options.fallocate == FallocateProfile::Tmpfs;
        let supported = match action {
            Action::Allocate | Action::Punch => true,
            Action::Zero | Action::Collapse | Action::Insert => !tmpfs,
            Action::Unshare => false,
        };
        if !supported {
            return Err(Errno::EOPNOTSUPP);
        }
        self.check_action(inode, action, range)?;
        let keeps_size = mode.contains(FallocateMode::KEEP_SIZE);
        self.update(handle.ino, |inode| {
            change_space(inode, action, range, keeps_size);
            inode.mtime = caller.now;
            inode.ctime = caller.now;
            if !caller.credentials.capable(Capabilities::FSETID) {
                inode.permissions = without_privileges(inode, &caller.credentials);
            }
            drop_capability(inode);
        });
        Ok(LowerReply::Done)
    }

    /// The rules that depend on the file's length and on free space.
    fn check_action(&self, inode: &Inode, action: Action, range: Range) -> Result<(), Errno> {
        let contents = inode.contents().ok_or(Errno::ENODEV)?;
        match action {
            Action::Punch => Ok(()),
            Action::Allocate | Action::Zero => {
                // First by arithmetic: a range beyond all capacity is not worth walking.
                if range.pages() > self.options.capacity_bytes / PAGE_U64 {
                    return Err(Errno::ENOSPC);
                }
                self.check_pages(contents.missing_pages(range.offset, range.length))
            }
            // man 2 fallocate: aligned, and the range must not reach the end of the file.
            Action::Collapse if !range.is_aligned() || range.end() >= inode.size => {
                Err(Errno::EINVAL)
            }
            Action::Insert if !range.is_aligned() || range.offset >= inode.size => {
                Err(Errno::EINVAL)
            }
            Action::Insert if inode.size > SIZE_MAX - range.length => Err(Errno::EFBIG),
            Action::Collapse | Action::Insert | Action::Unshare => Ok(()),
        }
    }

    pub(super) fn seek_op(
        &mut self,
        fh: LowerFh,
        offset: i64,
        whence: Whence,
        position: u64,
    ) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        let inode = self.inode(handle.ino)?;
        let position = match inode.kind {
            FileKind::Regular => seek_in_file(inode, offset, whence, position)?,
            // tmpfs's directories have no end (`offset_dir_llseek`).
            FileKind::Directory => match whence {
                Whence::Set => moved(0, offset)?,
                Whence::Cur => moved(position, offset)?,
                Whence::End | Whence::Data | Whence::Hole => return Err(Errno::EINVAL),
            },
            FileKind::CharDevice if is_memory_device(inode.rdev) => 0,
            _ => return Err(Errno::ESPIPE),
        };
        Ok(LowerReply::Position(position))
    }
}

/// Does what `fallocate` does to the contents and the length. A file may be shorter here than it
/// was when the action was found to be allowed, because a crash kept less of it.
fn change_space(inode: &mut Inode, action: Action, range: Range, keeps_size: bool) {
    let size = inode.size;
    let contents = inode.contents_mut();
    let (start, end) = (range.offset / PAGE_U64, range.end() / PAGE_U64);
    inode.size = match action {
        Action::Punch => {
            contents.punch(range.offset, range.end());
            size
        }
        // FIDELITY: tmpfs makes zeros, which SEEK_DATA finds, of space that is allocated a
        // second time. No other filesystem does; here it stays without data.
        Action::Allocate | Action::Zero => {
            contents.reserve(range.offset, range.length);
            if action == Action::Zero {
                contents.zero(range.offset, range.end());
            }
            if keeps_size { size } else { size.max(range.end()) }
        }
        Action::Collapse => {
            contents.collapse(start, end);
            size.saturating_sub(range.length)
        }
        Action::Insert => {
            contents.insert_hole(start, end - start);
            size + range.length
        }
        Action::Unshare => unreachable!("no profile supports it"),
    };
}

/// What a `fallocate` that succeeded did, done once more to what a crash left of the file.
pub(super) fn repeat_fallocate(inode: &mut Inode, mode: FallocateMode, range: Range) {
    let action = action(mode).expect("a mode that succeeded is a known one");
    change_space(inode, action, range, mode.contains(FallocateMode::KEEP_SIZE));
}

fn is_memory_device(device: Device) -> bool {
    device.major == 1 && matches!(device.minor, 3 | 5)
}

fn check_file(handle: Handle, inode: &Inode) -> Result<(), Errno> {
    if !handle.writable() {
        return Err(Errno::EBADF);
    }
    match inode.kind {
        FileKind::Regular => Ok(()),
        FileKind::Fifo => Err(Errno::ESPIPE),
        FileKind::Directory => Err(Errno::EISDIR),
        _ => Err(Errno::ENODEV),
    }
}

/// `base`, which must be a position, moved by `offset` to what must be one.
fn moved(base: u64, offset: i64) -> Result<u64, Errno> {
    let valid = |position: &u64| *position <= SIZE_MAX;
    let base = Some(base).filter(valid).ok_or(Errno::EINVAL)?;
    base.checked_add_signed(offset).filter(valid).ok_or(Errno::EINVAL)
}

fn seek_in_file(inode: &Inode, offset: i64, whence: Whence, position: u64) -> Result<u64, Errno> {
    let contents = inode.contents().expect("the caller looked at the kind");
    // Where a hole or data is asked for, the end of the file is already too far.
    let inside = || u64::try_from(offset).ok().filter(|at| *at < inode.size).ok_or(Errno::ENXIO);
    match whence {
        Whence::Set => moved(0, offset),
        Whence::Cur => moved(position, offset),
        Whence::End => moved(inode.size, offset),
        Whence::Data => match contents.next_data(inside()?) {
            Some(data) if data < inode.size => Ok(data),
            Some(_) | None => Err(Errno::ENXIO),
        },
        Whence::Hole => Ok(contents.next_hole(inside()?).min(inode.size)),
    }
}
