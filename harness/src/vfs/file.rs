//! Calls on open files: data, positions, records.

use fuserig_abi::{Errno, FileKind, FuseDirent, PAGE_SIZE, Pid};
use fuserig_sim_fs::{OpenFlags, Whence};

use super::call::{Call, CallResult, Output};
use super::fail::Fail;
use super::locks::LockMode;
use super::state::FileKindOpen;
use super::system::Vfs;
use crate::kernel::HandleId;
use crate::pipeline::{DirRecord, Operation, Ordinary, Outcome, Value};

/// Bytes that lie in a pipe at once.
pub(super) const PIPE: u64 = 64 * 1024;
/// Longest name of a file (`NAME_MAX`).
const NAME_MAX: usize = 255;
/// Most bytes one read or write moves (`MAX_RW_COUNT`).
pub(super) const RW_COUNT_MAX: u64 = 0x7fff_f000;
/// The longest that a file can be (`MAX_LFS_FILESIZE`).
const SIZE_MAX: u64 = i64::MAX as u64;

/// A typed number of an outcome whose error may be a positive count.
pub(super) fn number(outcome: &Outcome) -> Result<i64, Fail> {
    let value = match (&outcome.value, outcome.error) {
        (_, error) if error != 0 => error,
        (Value::Number(value), _) => *value,
        _ => 0,
    };
    // Codes outside the errno range are not errors to libc (N3).
    if (-4095..0).contains(&value) { Err(Fail::of(value)) } else { Ok(value) }
}

/// Bytes of records in the buffer of the caller.
fn bytes_of(records: &[DirRecord]) -> usize {
    records.iter().map(DirRecord::caller_bytes).sum()
}

/// Whether the page of these records may have had no room for another one.
fn may_be_full(records: &[DirRecord]) -> bool {
    let header = size_of::<FuseDirent>();
    let used: usize =
        records.iter().map(|record| (header + record.name.len()).next_multiple_of(8)).sum();
    used + header + NAME_MAX > PAGE_SIZE as usize
}

/// `pread` and `pwrite` look at the offset before the descriptor.
fn check_offset(offset: Option<i64>) -> Result<(), Fail> {
    match offset {
        Some(..0) => Err(Errno::EINVAL.into()),
        _ => Ok(()),
    }
}

/// `rw_verify_area`: no read or write reaches beyond the largest offset.
fn check_area(at: u64, size: u64) -> Result<(), Fail> {
    let end = at.checked_add(size.min(RW_COUNT_MAX));
    match end.is_some_and(|end| i64::try_from(end).is_ok()) {
        true => Ok(()),
        false => Err(Errno::EINVAL.into()),
    }
}

impl Vfs {
    pub(super) fn kind_of_handle(&self, handle: HandleId) -> FileKind {
        let state = self.state();
        state.world.mount.inodes[state.world.mount.handles[handle].inode].kind
    }

    fn is_backed(&self, handle: HandleId) -> bool {
        let state = self.state();
        state.world.mount.inodes[state.world.mount.handles[handle].inode].backing.is_some()
    }

    /// A handle open for reading or writing, and its position.
    pub(super) fn any_handle(
        &self,
        pid: Pid,
        fd: i32,
        write: bool,
    ) -> Result<(HandleId, i64), Fail> {
        let (handle, position) = {
            let state = self.state();
            let (handle, file) = state.handle(pid, fd)?;
            let allowed = if write { file.flags.wants_write() } else { file.flags.wants_read() };
            if !allowed {
                return Err(Errno::EBADF.into());
            }
            (handle, state.world.mount.handles[handle].position)
        };
        Ok((handle, position))
    }

    /// As [`Vfs::any_handle`], but no directory.
    fn io_handle(&self, pid: Pid, fd: i32, write: bool) -> Result<(HandleId, i64), Fail> {
        let (handle, position) = self.any_handle(pid, fd, write)?;
        self.check_no_directory(handle)?;
        Ok((handle, position))
    }

    fn check_no_directory(&self, handle: HandleId) -> Result<(), Fail> {
        match self.kind_of_handle(handle) {
            FileKind::Directory => Err(Errno::EISDIR.into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn read(
        &self,
        pid: Pid,
        fd: i32,
        size: u64,
        offset: Option<i64>,
    ) -> Result<CallResult, Fail> {
        check_offset(offset)?;
        self.check_has_positions(pid, fd, offset.is_some(), Errno::ESPIPE)?;
        let (handle, position) = self.any_handle(pid, fd, false)?;
        let at = offset.unwrap_or(position);
        let at = u64::try_from(at).ok().ok_or(Errno::EINVAL)?;
        check_area(at, size)?;
        self.check_no_directory(handle)?;
        let size = size.min(RW_COUNT_MAX);
        let operation = Operation::ReadIter { handle, offset: at, size };
        let outcome = self.operate(pid, operation).await?;
        let count = number(&outcome)?;
        if offset.is_none() {
            let read = i64::try_from(outcome.data.len()).unwrap_or(i64::MAX);
            self.state().world.mount.handles[handle].position = position + read;
        }
        Ok(CallResult { value: Ok(count), output: Output::Bytes(outcome.data) })
    }

    pub(super) async fn write(
        &self,
        pid: Pid,
        fd: i32,
        data: &[u8],
        offset: Option<i64>,
        append: bool,
    ) -> Result<CallResult, Fail> {
        check_offset(offset)?;
        self.check_has_positions(pid, fd, offset.is_some(), Errno::ESPIPE)?;
        let (handle, position) = self.io_handle(pid, fd, true)?;
        let at = offset.unwrap_or(position);
        let at = u64::try_from(at).ok().ok_or(Errno::EINVAL)?;
        let _lock = self.lock_file(pid, handle).await;
        check_area(at, data.len() as u64)?;
        if data.is_empty() && !self.is_backed(handle) {
            return Ok(CallResult::value(0));
        }
        let length = data.len().min(usize::try_from(RW_COUNT_MAX).unwrap_or(usize::MAX));
        let data = data[..length].to_vec();
        let operation = Operation::WriteIter { handle, offset: at, data, append };
        let outcome = self.operate(pid, operation).await?;
        let count = number(&outcome)?;
        if offset.is_none()
            && let Ok(end) = <[u8; 8]>::try_from(&outcome.data[..])
        {
            let end = i64::from_le_bytes(end);
            self.state().world.mount.handles[handle].position = end;
        }
        Ok(CallResult::value(count))
    }

    pub(super) async fn seek(
        &self,
        pid: Pid,
        fd: i32,
        offset: i64,
        whence: u32,
    ) -> Result<CallResult, Fail> {
        self.state().file(pid, fd)?;
        let whence = Whence::from_raw(whence).ok_or(Errno::EINVAL)?;
        self.check_has_positions(pid, fd, true, Errno::ESPIPE)?;
        let handle = self.state().handle(pid, fd)?.0;
        if self.kind_of_handle(handle) == FileKind::Directory {
            return self.seek_directory(handle, offset, whence);
        }
        let outcome = self.operate(pid, Operation::Lseek { handle, offset, whence }).await?;
        number(&outcome).map(CallResult::value)
    }

    /// Directories seek in the VFS alone, within their size or their cookies.
    fn seek_directory(
        &self,
        handle: HandleId,
        offset: i64,
        whence: Whence,
    ) -> Result<CallResult, Fail> {
        let mut state = self.state();
        let inode = state.world.mount.handles[handle].inode;
        let size = i64::try_from(state.world.mount.inodes[inode].size).unwrap_or(i64::MAX);
        let position = &mut state.world.mount.handles[handle].position;
        let to = match whence {
            Whence::Set => Some(offset),
            Whence::Cur => position.checked_add(offset),
            Whence::End => size.checked_add(offset),
            Whence::Data if (0..size).contains(&offset) => Some(offset),
            Whence::Hole if (0..size).contains(&offset) => Some(size),
            Whence::Data | Whence::Hole => return Err(Errno::ENXIO.into()),
        };
        let to = to.filter(|&to| to >= 0).ok_or(Errno::EINVAL)?;
        *position = to;
        Ok(CallResult::value(to))
    }

    pub(super) async fn fallocate(
        &self,
        pid: Pid,
        fd: i32,
        mode: u32,
        offset: i64,
        length: i64,
    ) -> Result<CallResult, Fail> {
        self.state().file(pid, fd)?;
        let (Ok(offset), Ok(length @ 1..)) = (u64::try_from(offset), u64::try_from(length)) else {
            return Err(Errno::EINVAL.into());
        };
        self.check_has_positions(pid, fd, true, Errno::ESPIPE)?;
        let handle = self.io_handle(pid, fd, true)?.0;
        let _lock = self.lock_file(pid, handle).await;
        let operation = Operation::FileFallocate { handle, mode, offset, length };
        let outcome = self.operate(pid, operation).await?;
        let value = number(&outcome)?;
        let grows = mode & 0x01 == 0;
        if grows {
            let mut state = self.state();
            let inode = state.world.mount.handles[handle].inode;
            let inode = &mut state.world.mount.inodes[inode];
            inode.size = inode.size.max(offset.saturating_add(length));
        }
        Ok(CallResult::value(value))
    }

    pub(super) async fn fsync(
        &self,
        pid: Pid,
        fd: i32,
        datasync: bool,
    ) -> Result<CallResult, Fail> {
        self.check_has_positions(pid, fd, true, Errno::EINVAL)?;
        let handle = self.state().handle(pid, fd)?.0;
        let directory = self.kind_of_handle(handle) == FileKind::Directory;
        let outcome = self.operate(pid, Operation::Fsync { handle, datasync, directory }).await?;
        number(&outcome).map(CallResult::value)
    }

    /// Refuses what a fifo cannot do, whoever asks: it has no positions, no space and nothing to
    /// make durable (`pipefifo_fops`). What it carries is not modelled; see [`Vfs::is_special`].
    pub(super) fn check_has_positions(
        &self,
        pid: Pid,
        fd: i32,
        asked: bool,
        errno: Errno,
    ) -> Result<(), Fail> {
        let state = self.state();
        let Ok(file) = state.file(pid, fd) else { return Ok(()) };
        let special = matches!(file.kind, FileKindOpen::Special);
        let inode = state.world.mount.dentries[file.dentry].inode;
        let fifo = inode
            .is_some_and(|inode| special && state.world.mount.inodes[inode].kind == FileKind::Fifo);
        if asked && fifo { Err(errno.into()) } else { Ok(()) }
    }

    pub(super) async fn getdents(&self, pid: Pid, fd: i32, space: u64) -> Result<CallResult, Fail> {
        if matches!(self.state().file(pid, fd)?.kind, FileKindOpen::Special) {
            return Err(Errno::ENOTDIR.into());
        }
        let handle = self.state().handle(pid, fd)?.0;
        if self.kind_of_handle(handle) != FileKind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let dentry = self.state().world.mount.handles[handle].dentry;
        let directory = self.inode_of(dentry);
        let _lock = self.lock(pid, directory, LockMode::Shared).await;
        self.check_alive(dentry)?;
        // The kernel's counter has 32 bits.
        let space = usize::try_from(space & 0xffff_ffff).ok().ok_or(Errno::EINVAL)?;
        let outcome = self.operate(pid, Operation::Readdir { handle, space }).await?;
        if outcome.records.is_empty() {
            let value = number(&outcome)?;
            return Ok(CallResult { value: Ok(value), output: Output::Records(Vec::new()) });
        }
        let mut records = outcome.records;
        let mut page = 0;
        while self.fills_buffers(handle) && may_be_full(&records[page..]) {
            page = records.len();
            let space = space.saturating_sub(bytes_of(&records));
            // An error, or no room for the next record, ends the call with what there is.
            match self.operate(pid, Operation::Readdir { handle, space }).await {
                Ok(more) if !more.records.is_empty() => records.extend(more.records),
                _ => break,
            }
        }
        // What was handed out counts, whatever happened afterwards (N7).
        if let Some(last) = records.last_mut() {
            last.next = self.state().world.mount.handles[handle].position;
        }
        let value = i64::try_from(bytes_of(&records)).unwrap_or(i64::MAX);
        Ok(CallResult { value: Ok(value), output: Output::Records(records) })
    }

    /// Whether a listing goes on until the caller's buffer is full. A fuse-bpf kernel hands out
    /// one page a call; other filesystems, and what was meant, fill the buffer.
    fn fills_buffers(&self, handle: HandleId) -> bool {
        let state = self.state();
        !state.world.faithful() && state.world.mount.handles[handle].backing.is_some()
    }

    pub(super) async fn copy(&self, pid: Pid, call: &Call) -> Result<CallResult, Fail> {
        match *call {
            Call::CopyFileRange { from, from_offset, to, to_offset, length, flags } => {
                if flags != 0 {
                    return Err(Errno::EINVAL.into());
                }
                self.copy_file_range(pid, (from, from_offset), (to, to_offset), length).await
            }
            Call::Sendfile { to, from, offset, length } => {
                self.sendfile(pid, to, (from, offset), length).await
            }
            _ => Err(Errno::ENOSYS.into()),
        }
    }

    async fn copy_file_range(
        &self,
        pid: Pid,
        (from_fd, from_offset): (i32, Option<i64>),
        (to_fd, to_offset): (i32, Option<i64>),
        length: u64,
    ) -> Result<CallResult, Fail> {
        self.check_copy(pid, from_fd, to_fd)?;
        let (from, from_position) = self.io_handle(pid, from_fd, false)?;
        let (to, to_position) = self.io_handle(pid, to_fd, true)?;
        let from_at = from_offset.unwrap_or(from_position);
        let to_at = to_offset.unwrap_or(to_position);
        let (from_at, to_at) = copy_places(from_at, to_at, length)?;
        let _lock = self.lock_file(pid, to).await;
        let length = self.clamp_copy((from, from_at), (to, to_at), length)?;
        if length == 0 {
            return Ok(CallResult::value(0));
        }
        let operation = Operation::CopyFileRange {
            from,
            from_offset: from_at,
            to,
            to_offset: to_at,
            length,
            flags: 0,
        };
        let copied = match self.operate(pid, operation).await {
            Ok(outcome) => number(&outcome),
            Err(fail) => Err(fail),
        };
        let count = match copied {
            // FUSE copies through its page cache when it is told that it cannot copy otherwise;
            // reading into that cache needs a server (N17).
            Err(Fail::Errno(Errno::EOPNOTSUPP | Errno::EXDEV)) => {
                self.splice_copy(pid, (from, from_at), (to, to_at), length).await?
            }
            other => other?,
        };
        let mut state = self.state();
        let mount = &mut state.world.mount;
        let target = mount.handles[to].inode;
        mount.inodes[target].size = mount.inodes[target].size.max(to_at + count as u64);
        if from_offset.is_none() {
            mount.handles[from].position = from_position + count;
        }
        if to_offset.is_none() {
            mount.handles[to].position = to_position + count;
        }
        Ok(CallResult::value(count))
    }

    /// `splice_copy_file_range`: out of the page cache of one file into the other.
    async fn splice_copy(
        &self,
        pid: Pid,
        (from, from_at): (HandleId, u64),
        (to, to_at): (HandleId, u64),
        length: u64,
    ) -> Result<i64, Fail> {
        let mut copied = 0;
        while copied < length {
            let piece = (length - copied).min(PIPE);
            let at = from_at + copied;
            let read = async |path: &mut Ordinary<'_>| path.read(from, at, piece).await;
            let data = match self.on_ordinary_path(pid, 0, read).await {
                Ok(outcome) => outcome.data,
                Err(fail) if copied == 0 => return Err(fail),
                Err(_) => break,
            };
            if data.is_empty() {
                break;
            }
            let offset = to_at + copied;
            let operation = Operation::WriteIter { handle: to, offset, data, append: false };
            let wrote = match self.operate(pid, operation).await {
                Ok(outcome) => number(&outcome),
                Err(fail) => Err(fail),
            };
            match wrote {
                Ok(count @ 1..) => copied += count.unsigned_abs(),
                Err(fail) if copied == 0 => return Err(fail),
                _ => break,
            }
        }
        Ok(i64::try_from(copied).unwrap_or(i64::MAX))
    }

    /// `generic_file_rw_checks`: both ends regular before either may be used, no appending.
    fn check_copy(&self, pid: Pid, from: i32, to: i32) -> Result<(), Fail> {
        let (from, to, append) = {
            let state = self.state();
            let from = state.handle(pid, from)?.0;
            let (to, file) = state.handle(pid, to)?;
            (from, to, file.flags.contains(OpenFlags::APPEND))
        };
        let kinds = [self.kind_of_handle(from), self.kind_of_handle(to)];
        if kinds.contains(&FileKind::Directory) {
            return Err(Errno::EISDIR.into());
        }
        if kinds.iter().any(|&kind| kind != FileKind::Regular) {
            return Err(Errno::EINVAL.into());
        }
        if append { Err(Errno::EBADF.into()) } else { Ok(()) }
    }

    /// `generic_copy_file_checks`: a copy ends at the end of the source and where a file can be no
    /// longer, and may not overlap.
    fn clamp_copy(
        &self,
        (from, from_at): (HandleId, u64),
        (to, to_at): (HandleId, u64),
        length: u64,
    ) -> Result<u64, Fail> {
        let state = self.state();
        let mount = &state.world.mount;
        let size = mount.inodes[mount.handles[from].inode].size;
        let length = length.min(size.saturating_sub(from_at)).min(SIZE_MAX - to_at);
        let same = mount.handles[from].inode == mount.handles[to].inode;
        if same && to_at + length > from_at && to_at < from_at + length {
            return Err(Errno::EINVAL.into());
        }
        Ok(length)
    }
}

/// `generic_copy_file_checks` and `rw_verify_area`, in their order: a copy does not wrap around,
/// does not begin where a file ends at the latest, though it be of nothing, nor before its start.
fn copy_places(from_at: i64, to_at: i64, length: u64) -> Result<(u64, u64), Errno> {
    let length = length.min(SIZE_MAX);
    let wraps = |at: i64| at.cast_unsigned().checked_add(length).is_none();
    if wraps(from_at) || wraps(to_at) {
        return Err(Errno::EOVERFLOW);
    }
    if to_at == i64::MAX {
        return Err(Errno::EFBIG);
    }
    match (u64::try_from(from_at), u64::try_from(to_at)) {
        (Ok(from_at), Ok(to_at)) => Ok((from_at, to_at)),
        _ => Err(Errno::EINVAL),
    }
}
