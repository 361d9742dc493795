//! Sending an operation down the corridor, and what the ordinary path makes of USER.

use core::cell::RefMut;
use core::future::Future;
use core::pin::Pin;

use fuserig_abi::{AccessMask, Caller, Capabilities, Errno, FileKind, Op, PAGE_SIZE, Pid};
use fuserig_sim_fs::Whence;

use super::call::{Call, CallResult};
use super::errand::{Errand, OnItsWay};
use super::fail::Fail;
use super::file::PIPE;
use super::state::State;
use super::system::Vfs;
use crate::kernel::{HandleId, InodeId, KnownAcl, StatMask};
use crate::pipeline::{Halt, Operation, Ordinary, Outcome, Stop};

/// `FOPEN_DIRECT_IO`: past the page cache.
const FOPEN_DIRECT_IO: u32 = 1;
/// The errno by which a stopped kernel shows itself to a caller that never returns.
const NEVER_RETURNS: Errno = Errno(i32::MAX);

impl Vfs {
    pub(super) async fn perform_call(&self, pid: Pid, call: &Call) -> CallResult {
        let result = self.dispatch(pid, call).await;
        if let Err(Fail::Stopped(stop)) = result {
            self.stop(pid, stop);
        }
        self.state().world.settle_evictions();
        match (result, call) {
            (Ok(result), _) => result,
            (Err(Fail::Outside), _) => CallResult::from(Errno::ENOENT),
            (Err(Fail::Errno(errno)), _) => CallResult::from(errno),
            // libc turns any success of these into 0; the caller's struct stays as it was.
            (Err(Fail::Wild(_)), Call::Stat { .. }) => CallResult::value(0),
            (Err(Fail::Wild(code)), _) => CallResult::value(code),
            (Err(Fail::Stopped(_)), _) => CallResult::from(NEVER_RETURNS),
        }
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    async fn dispatch(&self, pid: Pid, call: &Call) -> Result<CallResult, Fail> {
        match call {
            Call::Open { path, flags, mode, fd } => self.open(pid, path, *flags, *mode, *fd).await,
            Call::Close { fd } => self.close(pid, *fd).await,
            Call::Read { fd, size, offset } => self.read(pid, *fd, *size, *offset).await,
            Call::Write { fd, data, offset } => self.write(pid, *fd, data, *offset, false).await,
            Call::Append { fd, data, offset } => self.write(pid, *fd, data, *offset, true).await,
            Call::Seek { fd, offset, whence } => self.seek(pid, *fd, *offset, *whence).await,
            Call::Truncate { target, size } => self.truncate(pid, target, *size).await,
            Call::Fallocate { fd, mode, offset, length } => {
                self.fallocate(pid, *fd, *mode, *offset, *length).await
            }
            Call::Fsync { fd, datasync } => self.fsync(pid, *fd, *datasync).await,
            Call::Stat { target, flags } => self.stat(pid, target, *flags).await,
            Call::Statfs { target } => self.statfs(pid, target).await,
            Call::Access { target, mode } => self.access(pid, target, *mode).await,
            Call::Mkdir { path, mode } => self.mkdir(pid, path, *mode).await,
            Call::Mknod { path, mode, rdev } => self.mknod(pid, path, *mode, *rdev).await,
            Call::Symlink { target, path } => self.symlink(pid, target, path).await,
            Call::Link { source, path } => self.link(pid, source, path).await,
            Call::Unlink { path } => self.unlink(pid, path).await,
            Call::Rmdir { path } => self.rmdir(pid, path).await,
            Call::Rename { old, new, flags } => self.rename(pid, old, new, *flags).await,
            Call::Readlink { target, size } => self.readlink(pid, target, *size).await,
            Call::Chmod { target, mode } => self.chmod(pid, target, *mode).await,
            Call::Chown { target, uid, gid } => self.chown(pid, target, *uid, *gid).await,
            Call::Utimens { target, atime, mtime } => {
                self.utimens(pid, target, *atime, *mtime).await
            }
            Call::Getdents { fd, space } => self.getdents(pid, *fd, *space).await,
            Call::Getxattr { target, name, size } => self.getxattr(pid, target, name, *size).await,
            Call::Listxattr { target, size } => self.listxattr(pid, target, *size).await,
            Call::Setxattr { target, name, value, flags } => {
                self.setxattr(pid, target, name, value, *flags).await
            }
            Call::Removexattr { target, name } => self.removexattr(pid, target, name).await,
            Call::CopyFileRange { .. } | Call::Sendfile { .. } => self.copy(pid, call).await,
            Call::Flock { .. }
            | Call::WaitFlock { .. }
            | Call::SetLock { .. }
            | Call::WaitLock { .. }
            | Call::GetLock { .. } => self.advisory_lock(pid, call).await,
            Call::Chdir { target } => self.chdir(pid, target).await,
            Call::Exec { program } => self.exec(pid, program.as_ref()).await,
            Call::CloseRange { first, last, flags } => {
                self.close_range(pid, *first, *last, *flags).await
            }
            Call::Fork { .. } | Call::Munmap { .. } | Call::Exit => self.process(pid, call).await,
            Call::Ioctl { fd, request, data } => self.ioctl(pid, *fd, *request, data).await,
            Call::Dup { fd, to, cloexec } => self.dup(pid, *fd, *to, *cloexec).await,
            Call::SetCloexec { .. }
            | Call::SetFlags { .. }
            | Call::Getcwd
            | Call::Umask { .. }
            | Call::SetCredentials { .. }
            | Call::SetIds { .. }
            | Call::SetGroups { .. }
            | Call::Mmap { .. }
            | Call::Refused { .. }
            | Call::Fadvise { .. } => self.local(pid, call),
        }
    }

    /// Sends an operation through the pipeline, and down the ordinary path when the pipeline
    /// leaves it.
    pub(super) async fn operate(&self, pid: Pid, operation: Operation) -> Result<Outcome, Fail> {
        match self.through_pipeline(pid, operation).await? {
            Ok(outcome) => Ok(outcome),
            Err((number, operation)) => {
                self.prepare_ordinary(pid, &operation).await?;
                self.wait_for_daemon(pid, operation.op()).await;
                self.ordinary(pid, number, &operation).await
            }
        }
    }

    /// As [`Vfs::operate`] of a read into a pipe, which asks for no length and fills the pipe page
    /// by page (`fuse_splice_read`, `filemap_splice_read`).
    pub(super) async fn read_into_pipe(
        &self,
        pid: Pid,
        handle: HandleId,
        offset: u64,
        size: u64,
    ) -> Result<Outcome, Fail> {
        let operation = Operation::ReadIter { handle, offset, size };
        if let Ok(outcome) = self.through_pipeline(pid, operation).await? {
            return Ok(outcome);
        }
        self.wait_for_daemon(pid, Op::ReadIter).await;
        let size = size.min(PIPE - offset % u64::from(PAGE_SIZE));
        let read = async |path: &mut Ordinary<'_>| path.read_by_cache(handle, offset, size).await;
        self.on_ordinary_path(pid, 0, read).await
    }

    /// Runs an operation, giving way between its steps; one that is not handled comes back.
    async fn through_pipeline(
        &self,
        pid: Pid,
        operation: Operation,
    ) -> Result<Result<Outcome, (u64, Operation)>, Fail> {
        let mut errand = self.settled(pid, operation).await?;
        let result = errand.result();
        self.take_back(errand);
        Ok(result)
    }

    /// A request that is done, having given way between its steps.
    async fn settled(&self, pid: Pid, operation: Operation) -> Result<Box<Errand>, Fail> {
        let mut errand = self.errand(pid, operation);
        loop {
            errand = OnItsWay::new(self, errand).await;
            if errand.is_done() {
                break;
            }
            self.wait_for_daemon(pid, errand.op()).await;
            errand.move_on(self);
            if errand.is_done() {
                break;
            }
        }
        let Some(stop) = errand.stop() else { return Ok(errand) };
        self.take_back(errand);
        Err(self.stop(pid, stop))
    }

    /// A request about to enter, in room that is free.
    fn errand(&self, pid: Pid, operation: Operation) -> Box<Errand> {
        let mut state = self.state();
        let spare = state.spare_errands.pop();
        let new = || Box::new(Errand::idle(operation.pipeline_inode(&state.world.mount)));
        let mut errand = spare.unwrap_or_else(new);
        errand.take_up(pid, operation);
        errand
    }

    /// The room of a request that is done.
    fn take_back(&self, errand: Box<Errand>) {
        self.state().spare_errands.push(errand);
    }

    /// The client makes no further request; after a crash nobody does.
    fn stop(&self, pid: Pid, stop: Stop) -> Fail {
        let mut state = self.state();
        state.stopped.insert(pid, stop);
        if let Stop::Crash(quirk) = stop {
            state.world.crashed.get_or_insert(quirk);
        }
        Fail::Stopped(stop)
    }

    /// What the ordinary path does before it sends its request: it clears privileges before it
    /// changes contents (N20), and asks for the length where that decides something.
    async fn prepare_ordinary(&self, pid: Pid, operation: &Operation) -> Result<(), Fail> {
        let (handle, mask, wanted) = match *operation {
            // Past the page cache the daemon is on its own.
            Operation::WriteIter { handle, .. } if self.is_direct(handle) => return Ok(()),
            // `fuse_file_fallocate` refuses what it does not know before anything else.
            Operation::FileFallocate { mode, .. }
                if !self.on_path_unasked(pid, |path| path.passes_on(mode)) =>
            {
                return Ok(());
            }
            Operation::CopyFileRange { to: handle, .. }
            | Operation::FileFallocate { handle, .. }
            | Operation::WriteIter { handle, .. } => {
                // A call of the VFS within a call of the VFS: the future must not contain itself.
                return Box::pin(self.remove_privileges(pid, handle)).await;
            }
            Operation::ReadIter { handle, offset, size } => {
                (handle, StatMask::SIZE, self.reads_attributes(handle, offset.saturating_add(size)))
            }
            Operation::Lseek { handle, whence: Whence::End, .. } => (handle, StatMask::SIZE, true),
            _ => return Ok(()),
        };
        if !wanted {
            return Ok(());
        }
        let (dentry, backed) = {
            let state = self.state();
            let open = &state.world.mount.handles[handle];
            (open.dentry, state.world.mount.inodes[open.inode].backing.is_some())
        };
        if backed {
            // The filter is asked here as well.
            Box::pin(self.getattr(pid, dentry, 0)).await?;
            return Ok(());
        }
        let update = async |path: &mut Ordinary<'_>| {
            let inode = path.inode_behind(handle);
            path.update(inode, mask, Some(handle)).await
        };
        self.on_ordinary_path(pid, 0, update).await.map(|_| ())
    }

    /// `fuse_cache_read_iter`: the length is asked for when the read may go beyond it, and with
    /// `FUSE_AUTO_INVAL_DATA` before every read; never past the page cache.
    fn reads_attributes(&self, handle: HandleId, end: u64) -> bool {
        let state = self.state();
        let mount = &state.world.mount;
        let beyond = end > mount.inodes[mount.handles[handle].inode].size;
        let wanted = state.world.connection.auto_inval_data || beyond;
        wanted && mount.handles[handle].open_flags & FOPEN_DIRECT_IO == 0
    }

    fn is_direct(&self, handle: HandleId) -> bool {
        self.state().world.mount.handles[handle].open_flags & FOPEN_DIRECT_IO != 0
    }

    /// The ordinary request of an operation.
    async fn ordinary(
        &self,
        pid: Pid,
        number: u64,
        operation: &Operation,
    ) -> Result<Outcome, Fail> {
        self.on_ordinary_path(pid, number, async |path| path.serve(operation).await).await
    }

    /// Does something on the ordinary path in the name of a client. It is apart: few calls come
    /// here, and every call would drag its room along.
    pub(super) fn on_ordinary_path<T>(
        &self,
        pid: Pid,
        number: u64,
        work: impl AsyncFnOnce(&mut Ordinary<'_>) -> Result<T, Halt>,
    ) -> Pin<Box<impl Future<Output = Result<T, Fail>>>> {
        Box::pin(async move {
            let (caller, umask) = self.on_whose_behalf(pid);
            let result = work(&mut Ordinary::new(self, &caller, umask, number)).await;
            result.map_err(|halt| match halt {
                Halt::Errno(errno) => Fail::Errno(errno),
                Halt::Stop(stop) => self.stop(pid, stop),
            })
        })
    }

    /// Looks at something there, without asking the daemon.
    pub(super) fn on_path_unasked<T>(
        &self,
        pid: Pid,
        look: impl FnOnce(&mut Ordinary<'_>) -> T,
    ) -> T {
        let (caller, umask) = self.on_whose_behalf(pid);
        look(&mut Ordinary::new(self, &caller, umask, 0))
    }

    fn on_whose_behalf(&self, pid: Pid) -> (Caller, u32) {
        let state = self.state();
        (state.caller(pid), state.umask(pid))
    }

    /// A call that waits for a lock whose holder hangs, or for an advisory lock that nobody can
    /// give back meanwhile.
    pub(super) fn hang_with_holder(&self, pid: Pid) -> CallResult {
        let is_advisory = self.state().locks.advisory(pid).is_some();
        if is_advisory {
            self.state().locks.stop_waiting(pid);
            return CallResult::from(NEVER_RETURNS);
        }
        let holder = self.waiting(pid).and_then(|waiting| waiting.holders.first().copied());
        // Only a client that hangs keeps a lock beyond its call.
        if let Some(stop) = holder.and_then(|holder| self.stopped(holder)) {
            self.stop(pid, stop);
        }
        CallResult::from(NEVER_RETURNS)
    }

    /// As [`Vfs::operate`] for operations whose error is never a count.
    pub(super) async fn operate_checked(
        &self,
        pid: Pid,
        operation: Operation,
    ) -> Result<Outcome, Fail> {
        let outcome = self.operate(pid, operation).await?;
        if outcome.error < 0 { Err(Fail::of(outcome.error)) } else { Ok(outcome) }
    }

    /// `inode_permission` on a FUSE inode.
    pub(super) async fn permission(
        &self,
        pid: Pid,
        inode: InodeId,
        mask: AccessMask,
    ) -> Result<(), Fail> {
        {
            let state = self.state();
            let options = state.world.mount.options;
            let uid = state.client(pid).credentials.uid;
            if !options.allow_other && uid != options.user_id {
                return Err(Errno::EACCES.into());
            }
            if state.world.mount.inodes[inode].bad {
                return Err(Errno::EIO.into());
            }
        }
        match self.filtered_access(pid, inode, mask).await? {
            true => Ok(()),
            false => self.ordinary_permission(pid, inode, mask).await,
        }
    }

    /// Whether the pipeline granted an access; false when it leaves the check to the ordinary
    /// path.
    async fn filtered_access(
        &self,
        pid: Pid,
        inode: InodeId,
        mask: AccessMask,
    ) -> Result<bool, Fail> {
        let errand = self.settled(pid, Operation::Access { inode, mask }).await?;
        let code = errand.code();
        self.take_back(errand);
        match code {
            Some(code) if code < 0 => Err(Fail::of(code)),
            code => Ok(code.is_some()),
        }
    }

    /// `fuse_permission`: mode bits where the mount says so, a request only for access(2) and
    /// chdir, whose own check asks the filter a second time.
    async fn ordinary_permission(
        &self,
        pid: Pid,
        inode: InodeId,
        mask: AccessMask,
    ) -> Result<(), Fail> {
        let (checks, kind) = {
            let state = self.state();
            let checks = state.world.mount.options.default_permissions;
            (checks, state.world.mount.inodes[inode].kind)
        };
        let executes = mask.contains(AccessMask::EXEC) && kind == FileKind::Regular;
        let refreshed = (checks || executes) && self.refresh_access(pid, inode, false).await?;
        if checks {
            return match self.check_mode_bits(pid, inode, mask).await {
                Err(Fail::Errno(Errno::EACCES)) if !refreshed => {
                    self.refresh_access(pid, inode, true).await?;
                    self.check_mode_bits(pid, inode, mask).await
                }
                checked => checked,
            };
        }
        if mask.intersects(AccessMask::ACCESS | AccessMask::CHDIR) {
            if self.filtered_access(pid, inode, mask).await? {
                return Ok(());
            }
            let operation = Operation::Access { inode, mask };
            self.wait_for_daemon(pid, Op::Access).await;
            return self.ordinary(pid, 0, &operation).await.map(|_| ());
        }
        let refused = || self.state().world.mount.inodes[inode].permissions & 0o111 == 0;
        if !executes || !refused() {
            return Ok(());
        }
        if !refreshed {
            self.refresh_access(pid, inode, true).await?;
        }
        if refused() { Err(Errno::EACCES.into()) } else { Ok(()) }
    }

    /// Whether an access list could decide (`acl_permission_check`): not for the owner, not where
    /// the group has no rights, and not where everybody may and no list is known to exist.
    fn may_have_acl(&self, pid: Pid, inode: InodeId, wanted: u32) -> bool {
        let state = self.state();
        let node = &state.world.mount.inodes[inode];
        let kept = state.world.connection.posix_acl && node.backing.is_none();
        let missing = (wanted * 0o111) & !node.permissions;
        let everybody = missing == 0 && node.acl == KnownAcl::None;
        let owner = state.client(pid).credentials.uid == node.uid;
        kept && node.kind != FileKind::Symlink
            && !everybody
            && !owner
            && node.permissions & 0o070 != 0
    }

    /// Asks the daemon for what a permission check looks at, when it is not known any more or in
    /// any case; whether it was asked.
    async fn refresh_access(&self, pid: Pid, inode: InodeId, always: bool) -> Result<bool, Fail> {
        let known = {
            let state = self.state();
            let node = &state.world.mount.inodes[inode];
            let fresh = node.is_fresh(StatMask::ACCESS, state.world.now);
            node.backing.is_some() || fresh && !always
        };
        if !known {
            let refresh = async |path: &mut Ordinary<'_>| path.refresh(inode, None).await;
            self.on_ordinary_path(pid, 0, refresh).await?;
        }
        Ok(!known)
    }

    /// `generic_permission` on what the kernel knows of the inode: an access list or mode bits,
    /// then capabilities.
    async fn check_mode_bits(
        &self,
        pid: Pid,
        inode: InodeId,
        mask: AccessMask,
    ) -> Result<(), Fail> {
        let wanted = mask.bits() & 7;
        let listed = match self.may_have_acl(pid, inode, wanted) {
            true => {
                let grants = async |path: &mut Ordinary<'_>| path.acl_grants(inode, wanted).await;
                self.on_ordinary_path(pid, 0, grants).await?
            }
            false => None,
        };
        let state = self.state();
        let node = &state.world.mount.inodes[inode];
        let credentials = &state.client(pid).credentials;
        let shift = if credentials.uid == node.uid {
            6
        } else if credentials.in_group(node.gid) {
            3
        } else {
            0
        };
        let by_mode = node.permissions >> shift & wanted == wanted;
        if listed.unwrap_or(by_mode) {
            return Ok(());
        }
        let directory = node.kind == FileKind::Directory;
        let executable = directory || node.permissions & 0o111 != 0 || wanted & 1 == 0;
        let search = wanted & 2 == 0 && (directory || wanted & 1 == 0);
        let overridden = credentials.capable(Capabilities::DAC_OVERRIDE) && executable
            || credentials.capable(Capabilities::DAC_READ_SEARCH) && search;
        if overridden { Ok(()) } else { Err(Errno::EACCES.into()) }
    }
}
