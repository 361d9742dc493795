//! fcntl and flock: who keeps a lock, and who waits for one.
//!
//! A lock is the daemon's where INIT agreed on it, the lower file's where the pipeline opened one,
//! and else the kernel's own: of a daemon that did not ask for locks, of directories, fifos and
//! devices (`fuse_file_lock`, `fuse_file_flock` and `posix_lock_file` of Linux 6.18). Invariant:
//! the kernel tells nobody of a lock that it keeps. What a reader would get wrong: ranges belong
//! to a process, and go when it closes any descriptor of the file; a `flock` belongs to the open
//! file, and goes with the last descriptor of that one.

use std::collections::BTreeMap;

use fuserig_abi::{Abi, Errno, FileKind, Pid};
use fuserig_sim_fs::{Lock, LockKind, LockTable, LowerFh, LowerOp, LowerReply, Whence};

use super::call::{Call, CallResult, Output};
use super::fail::Fail;
use super::locks::Waiting;
use super::state::{FileId, FileKindOpen, State};
use super::system::Vfs;
use super::task::Yield;
use crate::kernel::{InodeId, Key};

/// What one call asks of a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) fd: i32,
    /// Whether it is one of `flock`.
    pub(super) flock: bool,
    /// Whether it only asks who is in the way.
    pub(super) gets: bool,
    /// Whether it waits while somebody is in the way.
    pub(super) waits: bool,
    /// The range relative to `whence` and its length, as given; a `flock` has neither.
    lock: Lock,
    whence: u32,
}

impl Asked {
    /// What the call asks, if it is about a lock.
    pub(super) fn of(call: &Call) -> Option<Asked> {
        let all = |kind| Lock { kind, owner: 0, start: 0, end: u64::MAX };
        let asked = |fd, lock, whence| {
            Some(Asked { fd, flock: false, gets: false, waits: false, lock, whence })
        };
        match *call {
            Call::Flock { fd, kind } => {
                asked(fd, all(kind), 0).map(|asked| Asked { flock: true, ..asked })
            }
            Call::WaitFlock { fd, kind } => {
                asked(fd, all(kind), 0).map(|asked| Asked { flock: true, waits: true, ..asked })
            }
            Call::SetLock { fd, lock, whence } => asked(fd, lock, whence),
            Call::WaitLock { fd, lock, whence } => {
                asked(fd, lock, whence).map(|asked| Asked { waits: true, ..asked })
            }
            Call::GetLock { fd, lock, whence } => {
                asked(fd, lock, whence).map(|asked| Asked { gets: true, ..asked })
            }
            _ => None,
        }
    }
}

/// Who keeps the locks of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    Lower(LowerFh),
    Kernel(InodeId, FileId),
}

/// Who waits for an advisory lock of which file.
#[derive(Clone, Copy, Debug)]
pub(super) struct AwaitedLock {
    pub(super) inode: InodeId,
    asked: Asked,
    /// How many locks had been given back when it began to wait.
    since: u64,
    /// Whether a signal came.
    pub(super) interrupted: bool,
    /// Whose range is in the way; of `flock` nobody looks.
    holder: Option<Pid>,
}

impl AwaitedLock {
    /// The same as a report shows it, of the file at `path`.
    pub(super) fn told(&self, path: Vec<u8>) -> Waiting {
        let exclusive = self.asked.lock.kind == LockKind::Write;
        Waiting { path, exclusive, holders: self.holder.into_iter().collect() }
    }
}

/// The locks that the kernel keeps itself.
#[derive(Debug, Default)]
pub(super) struct KeptLocks {
    /// By the index of the inode; without locks there is no table.
    tables: BTreeMap<usize, LockTable<FileId>>,
    /// Grows whenever a lock may have gone, whoever kept it.
    given_back: u64,
    /// What open files have by `flock`, whoever keeps it.
    flocks: BTreeMap<usize, LockKind>,
    /// How often a lock was asked for or given back, by the index of the inode.
    uses: BTreeMap<usize, u64>,
}

impl KeptLocks {
    /// Whether nothing happened that would let the lock be had, or end the wait for it.
    pub(super) fn blocks(&self, awaited: &AwaitedLock) -> bool {
        self.given_back == awaited.since && !awaited.interrupted
    }

    fn table(&mut self, inode: InodeId) -> &mut LockTable<FileId> {
        *self.uses.entry(inode.index()).or_default() += 1;
        self.tables.entry(inode.index()).or_default()
    }

    fn forget(&mut self, inode: InodeId, forget: impl FnOnce(&mut LockTable<FileId>)) {
        self.given_back += 1;
        let Some(table) = self.tables.get_mut(&inode.index()) else { return };
        forget(table);
        *self.uses.entry(inode.index()).or_default() += 1;
        if table.is_empty() {
            self.tables.remove(&inode.index());
        }
    }
}

impl State {
    /// The inode behind an open file.
    fn inode_of_file(&self, file: FileId) -> InodeId {
        match self.files[file].kind {
            FileKindOpen::Fuse(handle) => self.world.mount.handles[handle].inode,
            FileKindOpen::Path | FileKindOpen::Special => {
                self.world.mount.inode_of(self.files[file].dentry)
            }
        }
    }

    /// `flock_to_posix_lock` and the checks behind it: the lock with absolute bounds, the client
    /// as owner, on a file that is open for it.
    pub(super) fn checked_lock(&self, pid: Pid, asked: &Asked) -> Result<Lock, Fail> {
        let file = self.file_id(pid, asked.fd)?;
        let (reads, writes) = match &self.files[file] {
            open if open.kind == FileKindOpen::Path => return Err(Errno::EBADF.into()),
            open => (open.flags.wants_read(), open.flags.wants_write()),
        };
        let kind = asked.lock.kind;
        if asked.flock {
            let open = kind == LockKind::Unlock || reads || writes;
            return if open { Ok(asked.lock) } else { Err(Errno::EBADF.into()) };
        }
        if asked.gets && kind == LockKind::Unlock {
            return Err(Errno::EINVAL.into());
        }
        let position = match self.files[file].kind {
            FileKindOpen::Fuse(handle) => self.world.mount.handles[handle].position,
            FileKindOpen::Path | FileKindOpen::Special => 0,
        };
        let size = self.world.mount.inodes[self.inode_of_file(file)].size;
        let lock = absolute(asked.lock, asked.whence, position, size, pid)?;
        let allowed = match kind {
            LockKind::Read => reads,
            LockKind::Write => writes,
            LockKind::Unlock => true,
        };
        if asked.gets || allowed { Ok(lock) } else { Err(Errno::EBADF.into()) }
    }

    /// Who keeps the locks where it is not the daemon.
    fn keeper(&self, pid: Pid, asked: &Asked) -> Result<Keeper, Fail> {
        let file = self.file_id(pid, asked.fd)?;
        let inode = self.inode_of_file(file);
        let handle = match self.files[file].kind {
            FileKindOpen::Path => return Err(Errno::EBADF.into()),
            FileKindOpen::Special => return Ok(Keeper::Kernel(inode, file)),
            FileKindOpen::Fuse(handle) => handle,
        };
        let backing = self.world.mount.handles[handle].backing;
        let local = self.world.mount.options.local_locks;
        let connection = &self.world.connection;
        match backing {
            Some(fh) if local || asked.flock && self.world.abi.base() != Abi::V3 => {
                return Ok(Keeper::Lower(fh));
            }
            // It is the server's, and nobody serves it.
            Some(_) => return Err(Errno::ECONNREFUSED.into()),
            None => {}
        }
        let regular = self.world.mount.inodes[inode].kind == FileKind::Regular;
        if regular && !local && connection.refuses {
            return Err(Errno::ECONNREFUSED.into());
        }
        Ok(Keeper::Kernel(inode, file))
    }
}

impl Vfs {
    /// A call about an advisory lock; one that waits gives way until it has it, or a signal came.
    pub(super) async fn advisory_lock(&self, pid: Pid, call: &Call) -> Result<CallResult, Fail> {
        let asked = Asked::of(call).ok_or(Errno::ENOSYS)?;
        if let Some(daemons) = self.lock_of_daemon(pid, call)? {
            return self.ask_about_lock(pid, daemons).await;
        }
        let mut tried = self.try_lock(pid, &asked, true);
        while asked.waits && matches!(tried, Err(Fail::Errno(Errno::EAGAIN))) {
            let awaited = self.awaited(pid, &asked)?;
            self.state().locks.wait_for_advisory(pid, awaited);
            Yield::waiting(self).await;
            if self.state().locks.stop_waiting(pid) {
                return Err(Errno::EINTR.into());
            }
            tried = self.try_lock(pid, &asked, false);
        }
        tried
    }

    /// Asks once. What a `flock` had before goes with the first time that it asks.
    fn try_lock(&self, pid: Pid, asked: &Asked, first: bool) -> Result<CallResult, Fail> {
        let mut guard = self.state();
        let state = &mut *guard;
        let keeper = state.keeper(pid, asked)?;
        let lock = state.checked_lock(pid, asked)?;
        state.client_mut(pid).locked |= !asked.flock;
        let done = match keeper {
            Keeper::Kernel(inode, file) => {
                let table = state.kept_locks.table(inode);
                let done = match (asked.gets, asked.flock) {
                    (true, _) => Ok(Some(table.conflict(&lock).unwrap_or(free(lock)))),
                    // Files count from 0: who owns it is the file alone.
                    (false, true) => {
                        table.flock(lock.kind, file.index() as u64, file).map(|()| None)
                    }
                    (false, false) => table.set(lock, file).map(|()| None),
                };
                if table.is_empty() {
                    state.kept_locks.tables.remove(&inode.index());
                }
                done
            }
            Keeper::Lower(fh) => {
                let op = match (asked.gets, asked.flock) {
                    (true, _) => LowerOp::GetLock { fh, lock },
                    (false, true) => LowerOp::Flock { fh, kind: lock.kind, owner: fh.0 },
                    (false, false) => LowerOp::SetLock { fh, lock },
                };
                let caller = state.caller(pid);
                state.world.lower.apply(&caller, &op).map(|reply| match reply {
                    LowerReply::Lock(lock) => Some(lock),
                    _ => None,
                })
            }
        };
        if !asked.gets && (done.is_ok() || first && asked.flock) {
            state.kept_locks.given_back += 1;
        }
        if asked.flock {
            let file = state.file_id(pid, asked.fd)?.index();
            match done {
                Ok(_) if lock.kind != LockKind::Unlock => {
                    state.kept_locks.flocks.insert(file, lock.kind);
                }
                _ => drop(state.kept_locks.flocks.remove(&file)),
            }
        }
        let output = done?.map_or(Output::None, Output::Lock);
        Ok(CallResult { value: Ok(0), output })
    }

    /// What the client waits for.
    ///
    /// # Errors
    /// `EDEADLK` when whoever is in the way waits for the client, over at most ten others
    /// (`posix_locks_deadlock`).
    fn awaited(&self, pid: Pid, asked: &Asked) -> Result<AwaitedLock, Fail> {
        const ITERATIONS_MAX: usize = 10;
        let holder = self.in_the_way(pid, asked)?;
        // Whoever was in the way when a wait began may have given back since.
        let waits_for = |pid: Pid| {
            let asked = self.state().locks.advisory(pid)?.asked;
            self.in_the_way(pid, &asked).ok()?
        };
        let chain = core::iter::successors(holder, |holder| waits_for(*holder));
        if chain.take(ITERATIONS_MAX).any(|other| other == pid) {
            return Err(Errno::EDEADLK.into());
        }
        let state = self.state();
        let inode = state.inode_of_file(state.file_id(pid, asked.fd)?);
        let since = state.kept_locks.given_back;
        Ok(AwaitedLock { inode, asked: *asked, since, interrupted: false, holder })
    }

    /// Whose range is in the way of what is asked; nobody's is in that of a `flock`.
    fn in_the_way(&self, pid: Pid, asked: &Asked) -> Result<Option<Pid>, Fail> {
        if asked.flock {
            return Ok(None);
        }
        Ok(match self.try_lock(pid, &Asked { gets: true, ..*asked }, false)?.output {
            Output::Lock(lock) if lock.kind != LockKind::Unlock => {
                u32::try_from(lock.owner).ok().map(Pid)
            }
            _ => None,
        })
    }

    /// `locks_remove_posix`: whoever closes a file, the locks of ranges that it has there are gone,
    /// whatever came of the flush.
    pub(super) fn unlock_ranges(&self, pid: Pid, file: FileId) {
        let mut guard = self.state();
        let state = &mut *guard;
        if !state.client(pid).locked || state.files[file].kind == FileKindOpen::Path {
            return;
        }
        let owner = u64::from(pid.0);
        let inode = state.inode_of_file(file);
        state.kept_locks.forget(inode, |table| table.forget_owner(owner));
        let FileKindOpen::Fuse(handle) = state.files[file].kind else { return };
        let Some(fh) = state.world.mount.handles[handle].backing else { return };
        if state.world.mount.options.local_locks {
            let lock = Lock { kind: LockKind::Unlock, owner, start: 0, end: u64::MAX };
            let caller = state.caller(pid);
            // There is nobody to hear of it.
            let _ = state.world.lower.apply(&caller, &LowerOp::SetLock { fh, lock });
        }
    }

    /// The lower file is closed as well, and its locks have gone with it.
    pub(super) fn lower_locks_gone(&self) {
        self.state().kept_locks.given_back += 1;
    }

    /// `locks_remove_file`: the last descriptor of an open file has gone.
    pub(super) fn unlock_file(&self, file: FileId) {
        let mut state = self.state();
        if state.files[file].kind == FileKindOpen::Path {
            return;
        }
        let inode = state.inode_of_file(file);
        state.kept_locks.flocks.remove(&file.index());
        state.kept_locks.forget(inode, |table| table.forget_file(file));
    }
}

impl Vfs {
    /// Notes that the client waits for a lock which it will have when whoever notes it says so.
    /// A `flock` of another kind is given back, as by any call that waits.
    ///
    /// # Errors
    /// `EDEADLK`, and whatever the descriptor or the range deserves; nobody waits then.
    pub(crate) fn begin_wait(&self, pid: Pid, attempt: &Call) -> Result<(), Errno> {
        let Some(asked) = Asked::of(attempt) else { return Ok(()) };
        let noted = self.awaited(pid, &asked).map_err(|fail| match fail {
            Fail::Errno(errno) => errno,
            Fail::Wild(_) | Fail::Outside | Fail::Stopped(_) => Errno::EIO,
        })?;
        if asked.flock {
            let file = self.state().file_id(pid, asked.fd)?.index();
            let had = self.state().kept_locks.flocks.get(&file).copied();
            if had.is_some_and(|kind| kind != asked.lock.kind) {
                self.call(pid, &Call::Flock { fd: asked.fd, kind: LockKind::Unlock });
            }
        }
        self.state().locks.wait_for_advisory(pid, noted);
        Ok(())
    }

    /// A signal comes to a client. Whether it waits for an advisory lock, which `EINTR` ends then
    /// (man 2 flock, man 2 fcntl).
    pub(crate) fn interrupt(&self, pid: Pid) -> bool {
        self.state().locks.interrupt(pid)
    }

    /// Ends what [`Vfs::begin_wait`] noted.
    pub(crate) fn end_wait(&self, pid: Pid) {
        self.state().locks.stop_waiting(pid);
    }

    /// How often locks that the kernel keeps were asked for or given back, by inode.
    pub(crate) fn lock_uses(&self) -> BTreeMap<usize, u64> {
        self.state().kept_locks.uses.clone()
    }
}

fn free(lock: Lock) -> Lock {
    Lock { kind: LockKind::Unlock, ..lock }
}

/// A lock with absolute bounds and the client as owner. `start` is relative as given; `end` is
/// the length as given (0 reaches to any end), as `struct flock` has them.
fn absolute(lock: Lock, whence: u32, position: i64, size: u64, pid: Pid) -> Result<Lock, Fail> {
    let base = match Whence::from_raw(whence) {
        Some(Whence::Set) => 0,
        Some(Whence::Cur) => position,
        Some(Whence::End) => i64::try_from(size).ok().ok_or(Errno::EOVERFLOW)?,
        _ => return Err(Errno::EINVAL.into()),
    };
    let length = lock.end as i64;
    let start = base.checked_add(lock.start as i64).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match length {
        0 => (start, None),
        1.. => (start, Some(start.checked_add(length - 1).ok_or(Errno::EOVERFLOW)?)),
        _ => (start.checked_add(length).ok_or(Errno::EINVAL)?, Some(start - 1)),
    };
    let start = u64::try_from(start).ok().ok_or(Errno::EINVAL)?;
    let end = match end {
        Some(end) => u64::try_from(end).ok().ok_or(Errno::EINVAL)?,
        None => u64::MAX,
    };
    Ok(Lock { kind: lock.kind, owner: u64::from(pid.0), start, end })
}
