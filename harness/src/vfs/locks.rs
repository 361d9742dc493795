//! Inode locks: what may happen at the same time, and who waits for whom.
//!
//! The kernel's VFS holds a directory shared for lookup and listing and exclusively for changes,
//! and a file exclusively for writes and attribute changes; renames between two directories hold
//! one lock of the mount besides. Two lookups of one name in one directory take turns
//! (`d_alloc_parallel`). It refuses to be fair: who gets a free lock is the scheduler's choice.
//!
//! What a reader would get wrong: a client that hangs keeps its locks, so that whoever needs one
//! of them hangs as well. That is how a daemon that uses its own mount becomes a deadlock.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuserig_abi::{Op, Pid};

use super::advisory::{AwaitedLock, KeptLocks};
use super::system::Vfs;
use super::task::Yield;
use crate::kernel::{DentryId, HandleId, InodeId, Key};
use crate::pipeline::DAEMON;

/// How a lock is held.
///
/// ```
/// use fuserig::vfs::LockMode;
/// assert_ne!(LockMode::Shared, LockMode::Exclusive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// With others that hold it shared.
    Shared,
    /// Alone.
    Exclusive,
}

/// What a client waits for, and who has it.
///
/// ```
/// use fuserig::vfs::Waiting;
/// use fuserig_abi::Pid;
/// let waiting = Waiting { path: b"/d".to_vec(), exclusive: true, holders: vec![Pid(2)] };
/// assert_eq!(waiting.to_string(), "/d exclusively, held by client 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The locked directory or file, as a path of the mount.
    pub path: Vec<u8>,
    /// Whether it is wanted exclusively.
    pub exclusive: bool,
    /// Who holds it; nobody where it is a `flock`, which no process has.
    pub holders: Vec<Pid>,
}

impl core::fmt::Display for Waiting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let how = if self.exclusive { "exclusively" } else { "shared" };
        let name = |pid: &Pid| match *pid {
            DAEMON => "the daemon".to_owned(),
            Pid(pid) => format!("client {pid}"),
        };
        let holders: Vec<String> = self.holders.iter().map(name).collect();
        let holders = match holders.is_empty() {
            true => "somebody else".to_owned(),
            false => holders.join(", "),
        };
        write!(f, "{} {how}, held by {holders}", self.path.escape_ascii())
    }
}

/// Place of the lock that renames between directories take (`s_vfs_rename_mutex`).
pub(super) const RENAME: usize = 0;

/// Place of the lock of an inode.
pub(super) fn place_of(inode: InodeId) -> usize {
    inode.index() + 1
}

#[derive(Clone, Debug, Default)]
struct Word {
    holders: Vec<Pid>,
    exclusive: bool,
    /// How many locks had been taken when it was, by whoever came last.
    since: u64,
}

#[derive(Clone, Debug)]
enum Wait {
    Lock {
        place: usize,
        mode: LockMode,
    },
    Name {
        parent: DentryId,
        name: Arc<[u8]>,
    },
    /// A turn with the daemon.
    Daemon {
        op: Op,
    },
    /// A lock of `fcntl` or `flock`.
    Advisory(AwaitedLock),
}

/// Every lock, and who waits.
#[derive(Debug, Default)]
pub(super) struct Locks {
    words: Vec<Word>,
    /// How many were taken so far.
    taken: u64,
    /// Lookups that are under way.
    lookups: Vec<(Pid, DentryId, Arc<[u8]>)>,
    waiting: Vec<(Pid, Wait)>,
}

impl Locks {
    fn word(&mut self, place: usize) -> &mut Word {
        if place >= self.words.len() {
            self.words.resize_with(place + 1, Word::default);
        }
        &mut self.words[place]
    }

    fn free_for(&self, place: usize, mode: LockMode) -> bool {
        self.words.get(place).is_none_or(|word| match mode {
            LockMode::Shared => word.holders.is_empty() || !word.exclusive,
            LockMode::Exclusive => word.holders.is_empty(),
        })
    }

    /// A client takes a lock that is free for it.
    pub(super) fn take(&mut self, pid: Pid, place: usize, mode: LockMode) {
        self.taken += 1;
        let since = self.taken;
        let word = self.word(place);
        word.holders.push(pid);
        (word.exclusive, word.since) = (mode == LockMode::Exclusive, since);
    }

    /// How a client holds a lock, if it does, and how many had been taken when it was.
    pub(super) fn held(&self, pid: Pid, place: usize) -> Option<(LockMode, u64)> {
        let word = self.words.get(place).filter(|word| word.holders.contains(&pid))?;
        let mode = if word.exclusive { LockMode::Exclusive } else { LockMode::Shared };
        Some((mode, word.since))
    }

    fn looked_up(&self, parent: DentryId, name: &[u8]) -> Option<Pid> {
        let same = |entry: &&(Pid, DentryId, Arc<[u8]>)| entry.1 == parent && *entry.2 == *name;
        self.lookups.iter().find(same).map(|entry| entry.0)
    }

    /// Whether a client waits for something that is not free.
    pub(super) fn blocked(&self, pid: Pid, kept: &KeptLocks, daemon_is_busy: bool) -> bool {
        let wait = self.waiting.iter().find(|(waiter, _)| *waiter == pid);
        wait.is_some_and(|(_, wait)| match wait {
            Wait::Lock { place, mode } => !self.free_for(*place, *mode),
            Wait::Name { parent, name } => self.looked_up(*parent, name).is_some(),
            Wait::Daemon { .. } => daemon_is_busy,
            Wait::Advisory(awaited) => kept.blocks(awaited),
        })
    }

    /// A request waits for its turn with the daemon.
    pub(super) fn wait_for_daemon(&mut self, pid: Pid, op: Op) {
        self.waiting.push((pid, Wait::Daemon { op }));
    }

    /// The operation that the client waits with for a turn with the daemon.
    pub(super) fn daemon_request(&self, pid: Pid) -> Option<Op> {
        self.waiting.iter().find_map(|(waiter, wait)| match wait {
            Wait::Daemon { op } if *waiter == pid => Some(*op),
            Wait::Daemon { .. } | Wait::Lock { .. } | Wait::Name { .. } | Wait::Advisory(_) => None,
        })
    }

    /// A call waits for an advisory lock.
    pub(super) fn wait_for_advisory(&mut self, pid: Pid, awaited: AwaitedLock) {
        self.waiting.push((pid, Wait::Advisory(awaited)));
    }

    /// The advisory lock that the client waits for.
    pub(super) fn advisory(&self, pid: Pid) -> Option<&AwaitedLock> {
        self.waiting.iter().find_map(|(waiter, wait)| match wait {
            Wait::Advisory(awaited) if *waiter == pid => Some(awaited),
            _ => None,
        })
    }

    /// A signal comes to the client; whether it waits for an advisory lock.
    pub(super) fn interrupt(&mut self, pid: Pid) -> bool {
        self.waiting.iter_mut().any(|(waiter, wait)| match wait {
            Wait::Advisory(awaited) if *waiter == pid => {
                awaited.interrupted = true;
                true
            }
            _ => false,
        })
    }

    /// The client waits no more; whether a signal is why.
    pub(super) fn stop_waiting(&mut self, pid: Pid) -> bool {
        let interrupted = self.advisory(pid).is_some_and(|awaited| awaited.interrupted);
        self.waiting.retain(|(waiter, _)| *waiter != pid);
        interrupted
    }
}

/// A held lock; dropping it lets go, unless its client hangs.
#[derive(Debug)]
pub(super) struct Guard<'v> {
    vfs: &'v Vfs,
    pid: Pid,
    /// None when the client held the lock already.
    place: Option<usize>,
    inode: Option<InodeId>,
    /// Whether somebody else held it first, so that things may have changed.
    pub(super) waited: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut state = self.vfs.state();
        if state.stopped.get(&self.pid).is_some_and(|stop| stop.is_hang()) {
            return;
        }
        let word = state.locks.word(place);
        word.holders.retain(|holder| *holder != self.pid);
        word.exclusive = false;
        if let Some(inode) = self.inode {
            state.world.mount.put_inode(inode);
        }
    }
}

/// The turn to look a name up; dropping it lets the next one try.
#[derive(Debug)]
pub(super) struct Turn<'v> {
    vfs: &'v Vfs,
    pid: Pid,
    /// Whether somebody else looked the name up meanwhile.
    pub(super) waited: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.vfs.state();
        if !state.stopped.get(&self.pid).is_some_and(|stop| stop.is_hang()) {
            state.locks.lookups.retain(|(pid, _, _)| *pid != self.pid);
        }
    }
}

impl Vfs {
    /// Takes the lock of an inode, waiting for it if need be.
    pub(super) async fn lock(&self, pid: Pid, inode: InodeId, mode: LockMode) -> Guard<'_> {
        self.lock_place(pid, place_of(inode), Some(inode), mode).await
    }

    /// As [`Vfs::lock`], exclusively.
    pub(super) async fn lock_exclusive(&self, pid: Pid, inode: InodeId) -> Guard<'_> {
        self.lock(pid, inode, LockMode::Exclusive).await
    }

    /// The file behind a handle, exclusively.
    pub(super) async fn lock_file(&self, pid: Pid, handle: HandleId) -> Guard<'_> {
        let inode = self.state().world.mount.handles[handle].inode;
        self.lock_exclusive(pid, inode).await
    }

    /// `lock_rename`: both directories, the ancestor first, and the mutex when they differ.
    pub(super) async fn lock_rename(
        &self,
        pid: Pid,
        old: DentryId,
        new: DentryId,
    ) -> [Option<Guard<'_>>; 3] {
        let (first, second) = (self.inode_of(old), self.inode_of(new));
        if first == second {
            return [Some(self.lock_exclusive(pid, first).await), None, None];
        }
        let mutex = self.lock_place(pid, RENAME, None, LockMode::Exclusive).await;
        let below = self.state().world.mount.is_ancestor(new, old);
        let (first, second) = if below { (second, first) } else { (first, second) };
        let one = self.lock_exclusive(pid, first).await;
        let two = self.lock_exclusive(pid, second).await;
        // Dropped in this order: the directories, then the mutex.
        [Some(two), Some(one), Some(mutex)]
    }

    async fn lock_place(
        &self,
        pid: Pid,
        place: usize,
        inode: Option<InodeId>,
        mode: LockMode,
    ) -> Guard<'_> {
        {
            let mut state = self.state();
            if state.locks.word(place).holders.contains(&pid) {
                return Guard { vfs: self, pid, place: None, inode: None, waited: false };
            }
            if let Some(inode) = inode {
                state.world.mount.hold_inode(inode);
            }
        }
        let mut waited = false;
        loop {
            {
                let mut state = self.state();
                if state.locks.free_for(place, mode) {
                    state.locks.take(pid, place, mode);
                    return Guard { vfs: self, pid, place: Some(place), inode, waited };
                }
                state.locks.waiting.push((pid, Wait::Lock { place, mode }));
            }
            Yield::waiting(self).await;
            self.state().locks.stop_waiting(pid);
            waited = true;
        }
    }

    /// Waits until nobody else looks the name up in the directory.
    pub(super) async fn turn(&self, pid: Pid, parent: DentryId, name: &Arc<[u8]>) -> Turn<'_> {
        let mut waited = false;
        loop {
            {
                let mut state = self.state();
                let name = Arc::clone(name);
                if state.locks.looked_up(parent, &name).is_none() {
                    state.locks.lookups.push((pid, parent, name));
                    return Turn { vfs: self, pid, waited };
                }
                state.locks.waiting.push((pid, Wait::Name { parent, name }));
            }
            Yield::waiting(self).await;
            self.state().locks.stop_waiting(pid);
            waited = true;
        }
    }

    /// Who holds which lock, and the names that are being looked up.
    pub(crate) fn lock_view(&self) -> (BTreeMap<usize, Vec<u32>>, Vec<u64>) {
        let state = self.state();
        let held =
            state.locks.words.iter().enumerate().filter(|(_, word)| !word.holders.is_empty());
        let locks = held.map(|(place, word)| {
            (place, word.holders.iter().map(|pid| pid.0).collect::<Vec<u32>>())
        });
        let lookups = state.locks.lookups.iter().map(|(_, _, name)| crate::sim::name_hash(name));
        (locks.collect(), lookups.collect())
    }

    /// The lock that the client waits for.
    pub(crate) fn awaited_lock(&self, pid: Pid) -> Option<usize> {
        let state = self.state();
        state.locks.waiting.iter().find_map(|(waiter, wait)| match wait {
            Wait::Lock { place, .. } if *waiter == pid => Some(*place),
            _ => None,
        })
    }

    /// Whether the client's call cannot go on until somebody else does.
    pub fn is_blocked(&self, pid: Pid) -> bool {
        self.state().is_blocked(pid)
    }

    /// The lock that the client waits for, when it is blocked; [`Vfs::why_blocked`] has words for
    /// every reason.
    pub fn waiting(&self, pid: Pid) -> Option<Waiting> {
        let state = self.state();
        if !state.locks.blocked(pid, &state.kept_locks, state.serving.is_some()) {
            return None;
        }
        let (_, wait) = state.locks.waiting.iter().find(|(waiter, _)| *waiter == pid)?;
        let mount = &state.world.mount;
        let path_of = |inode: InodeId| {
            let named = mount.dentries.iter().find(|(_, dentry)| dentry.inode == Some(inode));
            named.map_or(b"an unnamed file".to_vec(), |(id, _)| mount.path_of(id))
        };
        Some(match wait {
            Wait::Lock { place: RENAME, .. } => {
                let holders = state.locks.words[RENAME].holders.clone();
                Waiting { path: b"the renames of the mount".to_vec(), exclusive: true, holders }
            }
            Wait::Lock { place, mode } => {
                let path = path_of(InodeId::from_index(place - 1));
                let holders = state.locks.words[*place].holders.clone();
                Waiting { path, exclusive: *mode == LockMode::Exclusive, holders }
            }
            Wait::Name { parent, name } => {
                let mut path = mount.path_of(*parent);
                if path != b"/" {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                let holders = state.locks.looked_up(*parent, name).into_iter().collect();
                Waiting { path, exclusive: true, holders }
            }
            Wait::Advisory(awaited) => awaited.told(path_of(awaited.inode)),
            Wait::Daemon { .. } => return None,
        })
    }
}
