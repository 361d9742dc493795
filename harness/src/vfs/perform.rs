//! Sending an operation down the corridor, and what the ordinary path makes of USER.

use core::cell::RefMut;

use fuserig_abi::{AccessMask, Errno, Op, Pid, Quirk};

use super::call::{Call, CallResult};
use super::fail::Fail;
use super::state::State;
use super::system::Vfs;
use super::task::Yield;
use crate::kernel::{HandleId, InodeId};
use crate::pipeline::{Operation, Outcome, Progress, Run, Stop};

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
            Call::Write { fd, data, offset } => self.write(pid, *fd, data, *offset).await,
            Call::Append { fd, data, moves } => self.append(pid, *fd, data, *moves).await,
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
            Call::Flock { .. } | Call::SetLock { .. } | Call::GetLock { .. } => {
                self.lock(pid, call)
            }
            Call::Chdir { target } => self.chdir(pid, target).await,
            Call::Fork { .. } | Call::Munmap { .. } | Call::Exec | Call::Exit => {
                self.process(pid, call).await
            }
            Call::Dup { fd, to, cloexec } => self.dup(pid, *fd, *to, *cloexec).await,
            Call::SetCloexec { .. }
            | Call::SetFlags { .. }
            | Call::Getcwd
            | Call::Umask { .. }
            | Call::SetCredentials { .. }
            | Call::SetIds { .. }
            | Call::Mmap { .. }
            | Call::Ioctl { .. }
            | Call::Fadvise { .. } => self.local(pid, call),
        }
    }

    /// Sends an operation through the pipeline, giving way between its steps.
    pub(super) async fn operate(&self, pid: Pid, operation: Operation) -> Result<Outcome, Fail> {
        let changed = changed_contents(&operation);
        let mut run = {
            let mut state = self.state();
            let crash = state.world.crashed.map(Stop::Crash);
            if let Some(stop) = crash.or(state.stopped.get(&pid).copied()) {
                return Err(Fail::Stopped(stop));
            }
            let (caller, umask) = (state.caller(pid), state.umask(pid));
            Run::new(&mut state.world, operation, caller, umask)
        };
        while run.step(&mut self.state().world) == Progress::Running {
            Yield::default().await;
        }
        let op = run.op;
        let (outcome, _) = run.into_outcome();
        match outcome.stop {
            Some(stop) => Err(self.stop(pid, stop)),
            None if outcome.handled => Ok(outcome),
            None => self.ordinary(pid, op, changed).await,
        }
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

    /// As [`Vfs::operate`] for operations whose error is never a count.
    pub(super) async fn operate_checked(
        &self,
        pid: Pid,
        operation: Operation,
    ) -> Result<Outcome, Fail> {
        let outcome = self.operate(pid, operation).await?;
        if outcome.error < 0 { Err(Fail::of(outcome.error)) } else { Ok(outcome) }
    }

    /// The ordinary path without a server: every request fails, but for what FUSE serves itself
    /// (KERNEL-OBSERVED N18). `changed` is the file whose contents the request would change.
    async fn ordinary(&self, pid: Pid, op: Op, changed: Option<HandleId>) -> Result<Outcome, Fail> {
        if let Some(handle) = changed {
            // A call of the VFS within a call of the VFS: the future must not contain itself.
            Box::pin(self.remove_privileges(pid, handle)).await?;
        }
        match op {
            // access is remembered as unsupported and then allowed.
            Op::Access => Ok(Outcome {
                handled: true,
                error: 0,
                value: crate::pipeline::Value::Number(0),
                data: Vec::new(),
                records: Vec::new(),
                stop: None,
            }),
            Op::Rename2 => Err(Errno::EINVAL.into()),
            // A forced request is queued for ever; max_write is 0 without INIT (N4, N5).
            Op::Flush => Err(self.stop(pid, Stop::Hang(known("N4")))),
            Op::WriteIter => Err(self.stop(pid, Stop::Hang(known("N5")))),
            _ => Err(Errno::ECONNREFUSED.into()),
        }
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
        let outcome = self.operate_checked(pid, Operation::Access { inode, mask }).await?;
        match outcome.value {
            crate::pipeline::Value::Number(code) if code < 0 => Err(Fail::of(code)),
            _ => Ok(()),
        }
    }
}

/// The file that the ordinary path of an operation changes the contents of, and so asks for
/// privileges to take away first.
fn changed_contents(operation: &Operation) -> Option<HandleId> {
    match *operation {
        Operation::CopyFileRange { to: handle, .. }
        | Operation::FileFallocate { handle, .. }
        | Operation::WriteIter { handle, .. } => Some(handle),
        _ => None,
    }
}

fn known(id: &str) -> Quirk {
    Quirk::from_id(id).expect("quirk ids in the VFS stand in the tables")
}
