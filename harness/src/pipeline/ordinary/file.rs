//! open, release, flush, lseek, copy_file_range, fsync, fallocate.

use fuserig_abi::{
    Errno, FUSE_RELEASE_FLOCK_UNLOCK, Fh, FuseCopyFileRangeIn, FuseFallocateIn, FuseFlushIn,
    FuseFsyncIn, FuseLseekIn, FuseLseekOut, FuseOpenIn, FuseOpenOut, FuseReleaseIn, FuseWriteOut,
    Opcode,
};
use fuserig_sim_fs::{OpenFlags, Whence};

use super::Halt;
use super::exchange::{Ordinary, Served, body, number, parse};
use super::lock::flock_owner;
use crate::kernel::{HandleId, StatMask};
use crate::pipeline::Operation;
use crate::pipeline::device::{Asking, Shape};

/// `FOPEN_KEEP_CACHE`: what was read before stays.
const KEEP_CACHE: u32 = 1 << 1;
/// `FOPEN_NOFLUSH`: close sends nothing.
const NOFLUSH: u32 = 1 << 5;
/// Modes of fallocate that FUSE passes on: keep the size, punch a hole, zero a range.
const FALLOCATE_MODES: u32 = 0x01 | 0x02 | 0x10;
const KEEP_SIZE: u32 = 0x01;

impl Ordinary<'_> {
    /// `fuse_file_open`. A daemon that knows no OPEN is not asked again, and files open all the
    /// same.
    pub(super) async fn open(&mut self, handle: HandleId, directory: bool) -> Served {
        self.send_open(handle, directory).await?;
        let state = &self.world.mount.handles[handle];
        let (inode, flags) = (state.inode, state.open_flags);
        if flags & KEEP_CACHE == 0 {
            self.drop_pages(inode);
        }
        Ok(number(0))
    }

    /// What the file is to the daemon; what is cached of it stays.
    pub(super) async fn send_open(&mut self, handle: HandleId, directory: bool) -> Served<()> {
        let unknown = &self.world.connection.unknown;
        let known = if directory { !unknown.opendir } else { !unknown.open };
        let inode = self.handle_inode(handle);
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let mut out = FuseOpenOut { open_flags: KEEP_CACHE, ..FuseOpenOut::default() };
        if known {
            let mut hidden = OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY;
            hidden.set(OpenFlags::TRUNC, !self.world.connection.atomic_o_trunc);
            let flags = self.world.mount.handles[handle].flags.difference(hidden).bits();
            let opcode = if directory { Opcode::OPENDIR } else { Opcode::OPEN };
            let shape = Shape::fixed(size_of::<FuseOpenOut>());
            let head = FuseOpenIn { flags, open_flags: 0 };
            match self.ask(opcode, nodeid, body(&head, &[]), shape).await {
                Ok(reply) => out = parse(&reply),
                Err(Halt::Errno(Errno::ENOSYS)) if directory => {
                    self.world.connection.unknown.opendir = true;
                }
                Err(Halt::Errno(Errno::ENOSYS)) => self.world.connection.unknown.open = true,
                Err(halt) => return Err(halt),
            }
        }
        let state = &mut self.world.mount.handles[handle];
        (state.fh, state.nodeid, state.open_flags) = (Fh(out.fh), nodeid, out.open_flags);
        Ok(())
    }

    /// RELEASE, whose reply nobody waits for.
    pub(super) async fn release(&mut self, handle: HandleId, directory: bool) -> Served {
        let state = &self.world.mount.handles[handle];
        let (fh, nodeid, flags) = (state.fh.0, state.nodeid, state.flags.bits());
        let (release_flags, lock_owner) = match state.flocked {
            true => (FUSE_RELEASE_FLOCK_UNLOCK, flock_owner(handle)),
            false => (0, 0),
        };
        let unknown = &self.world.connection.unknown;
        let silent = if directory { unknown.opendir } else { unknown.open };
        self.world.mount.handles[handle].private = false;
        if silent {
            return Ok(number(0));
        }
        let opcode = if directory { Opcode::RELEASEDIR } else { Opcode::RELEASE };
        let head = FuseReleaseIn { fh, flags, release_flags, lock_owner };
        // Whoever lets go of a file last need not be whose file it was: the request is nobody's.
        let kernel = self.world.kernel_caller();
        let mut asking = Asking::new(self.number(), &kernel, opcode, nodeid, body(&head, &[]));
        (asking.forced, asking.background) = (true, true);
        match self.settle(asking).await {
            Ok(_) | Err(Halt::Errno(_)) => Ok(number(0)),
            Err(halt) => Err(halt),
        }
    }

    /// FLUSH, which is sent whatever happens to the caller (N4).
    pub(super) async fn flush(&mut self, handle: HandleId) -> Served {
        let state = &self.world.mount.handles[handle];
        if state.open_flags & NOFLUSH != 0 || self.world.connection.unknown.flush {
            return Ok(number(0));
        }
        let (fh, lock_owner) = (state.fh.0, self.lock_owner());
        let nodeid = self.world.mount.inodes[state.inode].nodeid;
        let head = FuseFlushIn { fh, lock_owner, ..FuseFlushIn::default() };
        let mut asking = self.asking(Opcode::FLUSH, nodeid, body(&head, &[]));
        asking.forced = true;
        match self.settle(asking).await {
            Err(Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.flush = true;
                Ok(number(0))
            }
            other => other.map(|_| number(0)),
        }
    }

    /// `fuse_file_llseek` after the caller refreshed the length for SEEK_END.
    pub(super) async fn lseek(&mut self, handle: HandleId, offset: i64, whence: Whence) -> Served {
        let inode = self.handle_inode(handle);
        let size = i64::try_from(self.world.mount.inodes[inode].size).unwrap_or(i64::MAX);
        let position = self.world.mount.handles[handle].position;
        let to = match whence {
            Whence::Set => offset,
            Whence::Cur if offset == 0 => return Ok(number(position)),
            // A sum beyond all positions is a negative one to `vfs_setpos`.
            Whence::Cur => position.checked_add(offset).ok_or(Errno::EINVAL)?,
            Whence::End => size.checked_add(offset).ok_or(Errno::EINVAL)?,
            Whence::Data | Whence::Hole => self.seek_data(handle, offset, whence, size).await?,
        };
        if to < 0 {
            return Err(Errno::EINVAL.into());
        }
        self.world.mount.handles[handle].position = to;
        Ok(number(to))
    }

    async fn seek_data(
        &mut self,
        handle: HandleId,
        offset: i64,
        whence: Whence,
        size: i64,
    ) -> Served<i64> {
        if !self.world.connection.unknown.lseek {
            let state = &self.world.mount.handles[handle];
            let (fh, nodeid) = (state.fh.0, state.nodeid);
            let (offset, whence) = (offset as u64, whence.raw());
            let head = FuseLseekIn { fh, offset, whence, padding: 0 };
            let shape = Shape::fixed(size_of::<FuseLseekOut>());
            match self.ask(Opcode::LSEEK, nodeid, body(&head, &[]), shape).await {
                Ok(reply) => return Ok(parse::<FuseLseekOut>(&reply).offset as i64),
                Err(Halt::Errno(Errno::ENOSYS)) => self.world.connection.unknown.lseek = true,
                Err(halt) => return Err(halt),
            }
        }
        match whence {
            _ if !(0..size).contains(&offset) => Err(Errno::ENXIO.into()),
            Whence::Hole => Ok(size),
            _ => Ok(offset),
        }
    }

    pub(super) async fn copy_file_range(&mut self, operation: &Operation) -> Served {
        let &Operation::CopyFileRange { from, from_offset, to, to_offset, length, flags } =
            operation
        else {
            unreachable!("the caller matched copy_file_range")
        };
        if self.world.connection.unknown.copy_file_range {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let (source, target) = (&self.world.mount.handles[from], &self.world.mount.handles[to]);
        let head = FuseCopyFileRangeIn {
            fh_in: source.fh.0,
            off_in: from_offset,
            nodeid_out: target.nodeid.0,
            fh_out: target.fh.0,
            off_out: to_offset,
            len: length,
            flags: u64::from(flags),
        };
        let nodeid = source.nodeid;
        let shape = Shape::fixed(size_of::<FuseWriteOut>());
        match self.ask(Opcode::COPY_FILE_RANGE, nodeid, body(&head, &[]), shape).await {
            Ok(reply) => {
                let count = u64::from(parse::<FuseWriteOut>(&reply).size);
                let inode = self.handle_inode(to);
                self.grow(inode, to_offset.saturating_add(count));
                self.forget_pages(inode, to_offset, count);
                Ok(number(count as i64))
            }
            Err(Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.copy_file_range = true;
                Err(Errno::EOPNOTSUPP.into())
            }
            Err(halt) => Err(halt),
        }
    }

    pub(super) async fn fsync(
        &mut self,
        handle: HandleId,
        datasync: bool,
        directory: bool,
    ) -> Served {
        let unknown = &self.world.connection.unknown;
        if if directory { unknown.fsyncdir } else { unknown.fsync } {
            return Ok(number(0));
        }
        let state = &self.world.mount.handles[handle];
        let fh = state.fh.0;
        let nodeid = self.world.mount.inodes[state.inode].nodeid;
        let head = FuseFsyncIn { fh, fsync_flags: u32::from(datasync), padding: 0 };
        let opcode = if directory { Opcode::FSYNCDIR } else { Opcode::FSYNC };
        match self.tell(opcode, nodeid, body(&head, &[])).await {
            Err(Halt::Errno(Errno::ENOSYS)) => {
                let unknown = &mut self.world.connection.unknown;
                *(if directory { &mut unknown.fsyncdir } else { &mut unknown.fsync }) = true;
                Ok(number(0))
            }
            other => other.map(|()| number(0)),
        }
    }

    /// Whether `fuse_file_fallocate` asks the daemon at all, before it clears any privilege.
    pub(crate) fn passes_on(&self, mode: u32) -> bool {
        mode & !FALLOCATE_MODES == 0 && !self.world.connection.unknown.fallocate
    }

    pub(super) async fn fallocate(
        &mut self,
        handle: HandleId,
        mode: u32,
        offset: u64,
        length: u64,
    ) -> Served {
        if !self.passes_on(mode) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let state = &self.world.mount.handles[handle];
        let (fh, nodeid) = (state.fh.0, state.nodeid);
        let head = FuseFallocateIn { fh, offset, length, mode, padding: 0 };
        match self.tell(Opcode::FALLOCATE, nodeid, body(&head, &[])).await {
            Ok(()) => {
                let inode = self.handle_inode(handle);
                if mode & KEEP_SIZE == 0 {
                    self.grow(inode, offset.saturating_add(length));
                }
                self.invalidate(self.handle_inode(handle), StatMask::CONTENTS);
                if mode & !KEEP_SIZE != 0 {
                    self.drop_pages(inode);
                }
                Ok(number(0))
            }
            Err(Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.fallocate = true;
                Err(Errno::EOPNOTSUPP.into())
            }
            Err(halt) => Err(halt),
        }
    }
}
