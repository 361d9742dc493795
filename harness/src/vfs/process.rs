//! Calls on the client itself: descriptors, working directory, identity, fork and exit.

use fuserig_abi::{AccessMask, Capabilities, Errno, Gid, Pid, Uid};
use fuserig_sim_fs::OpenFlags;

use super::call::{Call, CallResult, Output, Target};
use super::fail::Fail;
use super::state::{FileId, FileKindOpen, FsState, Table};
use super::system::Vfs;

/// Status flags that `F_SETFL` may change.
const CHANGEABLE: OpenFlags = OpenFlags::APPEND
    .union(OpenFlags::NONBLOCK)
    .union(OpenFlags::ASYNC)
    .union(OpenFlags::DIRECT)
    .union(OpenFlags::NOATIME);

impl Vfs {
    /// Calls that no filesystem hears of.
    pub(super) fn local(&self, pid: Pid, call: &Call) -> Result<CallResult, Fail> {
        match call {
            Call::SetCloexec { fd, on } => {
                let mut state = self.state();
                let table = state.client(pid).table;
                let slot = state.tables[table].slots.get_mut(fd).ok_or(Errno::EBADF)?;
                slot.cloexec = *on;
            }
            Call::SetFlags { fd, flags } => {
                let mut state = self.state();
                let file = state.file_id(pid, *fd)?;
                // man 2 open: what is but a place takes no flags.
                if state.files[file].kind == FileKindOpen::Path {
                    return Err(Errno::EBADF.into());
                }
                let kept = state.files[file].flags.difference(CHANGEABLE);
                let flags = kept | flags.intersection(CHANGEABLE);
                state.files[file].flags = flags;
                if let FileKindOpen::Fuse(handle) = state.files[file].kind {
                    state.world.mount.handles[handle].flags = flags;
                }
            }
            Call::Getcwd => return self.getcwd(pid),
            Call::Umask { mask } => {
                let mut state = self.state();
                let fs = state.client(pid).fs;
                let old = core::mem::replace(&mut state.fs[fs].umask, mask & 0o777);
                return Ok(CallResult::value(i64::from(old)));
            }
            Call::SetCredentials { credentials } => {
                self.state().client_mut(pid).credentials = credentials.clone();
            }
            Call::SetIds { uid, gid } => {
                let mut state = self.state();
                let credentials = &mut state.client_mut(pid).credentials;
                if let Some(uid) = *uid {
                    credentials.uid = Uid(uid);
                    let root = credentials.uid == Uid::ROOT;
                    credentials.capabilities =
                        if root { Capabilities::all() } else { Capabilities::empty() };
                }
                if let Some(gid) = *gid {
                    credentials.gid = Gid(gid);
                }
            }
            Call::SetGroups { groups } => {
                self.state().client_mut(pid).credentials.groups = groups.as_slice().into();
            }
            Call::Mmap { fd, address, .. } => {
                let mut state = self.state();
                let file = state.file_id(pid, *fd)?;
                state.handle(pid, *fd)?;
                state.files[file].references += 1;
                state.client_mut(pid).mappings.push((*address, file));
            }
            Call::Refused { fd, errno } => {
                self.state().handle(pid, *fd)?;
                return Err((*errno).into());
            }
            Call::Fadvise { fd } => {
                self.state().handle(pid, *fd)?;
            }
            other => unreachable!("{other:?} goes through the mount"),
        }
        Ok(CallResult::value(0))
    }

    fn getcwd(&self, pid: Pid) -> Result<CallResult, Fail> {
        let state = self.state();
        let mount = &state.world.mount;
        let mut at = state.cwd(pid);
        let mut names = Vec::new();
        while at != mount.root {
            let dentry = &mount.dentries[at];
            if !dentry.hashed {
                return Err(Errno::ENOENT.into());
            }
            names.push(dentry.name.clone());
            at = dentry.parent;
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        // The number counts the final NUL.
        let length = i64::try_from(path.len() + 1).unwrap_or(i64::MAX);
        Ok(CallResult { value: Ok(length), output: Output::Bytes(path) })
    }

    pub(super) async fn chdir(&self, pid: Pid, target: &Target) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let allowed = if self.is_directory(dentry) {
            let inode = self.inode_of(dentry);
            self.permission(pid, inode, AccessMask::EXEC | AccessMask::CHDIR).await
        } else {
            Err(Errno::ENOTDIR.into())
        };
        if let Err(errno) = allowed {
            self.put(dentry);
            return Err(errno);
        }
        let mut state = self.state();
        let fs = state.client(pid).fs;
        let old = core::mem::replace(&mut state.fs[fs].cwd, dentry);
        state.world.mount.put(old);
        Ok(CallResult::value(0))
    }

    /// Moves the client's working directory out of the mount, which nobody in the mount hears of.
    pub fn leave_mount(&self, pid: Pid) {
        let mut state = self.state();
        let fs = state.client(pid).fs;
        let root = state.world.mount.root;
        state.world.mount.hold(root);
        let old = core::mem::replace(&mut state.fs[fs].cwd, root);
        state.world.mount.put(old);
        state.world.settle_evictions();
    }

    /// Whether the client keeps the mount busy: by a descriptor, a mapping or its working directory
    /// below the root.
    pub(crate) fn holds_mount(&self, pid: Pid) -> bool {
        let state = self.state();
        let client = state.client(pid);
        let opened = !state.tables[client.table].slots.is_empty() || !client.mappings.is_empty();
        opened || state.fs[client.fs].cwd != state.world.mount.root
    }

    pub(super) async fn dup(
        &self,
        pid: Pid,
        fd: i32,
        to: Option<i32>,
        cloexec: bool,
    ) -> Result<CallResult, Fail> {
        let replaced = {
            let mut state = self.state();
            let file = state.file_id(pid, fd)?;
            if to == Some(fd) {
                return Ok(CallResult::value(i64::from(fd)));
            }
            state.files[file].references += 1;
            let table = state.client(pid).table;
            let replaced = to.and_then(|to| state.tables[table].slots.remove(&to));
            let fd = state.install(pid, file, to, cloexec);
            (replaced, fd)
        };
        let (replaced, fd) = replaced;
        if let Some(slot) = replaced {
            // What dup2 closes on the way reports its errors to nobody.
            let _ = self.close_file(pid, slot.file).await;
        }
        Ok(CallResult::value(i64::from(fd)))
    }

    pub(super) async fn process(&self, pid: Pid, call: &Call) -> Result<CallResult, Fail> {
        match *call {
            Call::Fork { child, share_files, share_fs } => {
                self.fork(pid, child, share_files, share_fs)
            }
            Call::Munmap { address, length } => {
                self.munmap(pid, address, length).await;
                Ok(CallResult::value(0))
            }
            Call::Exit => {
                self.exit(pid).await;
                Ok(CallResult::value(0))
            }
            _ => Err(Errno::ENOSYS.into()),
        }
    }

    fn fork(
        &self,
        pid: Pid,
        child: Pid,
        share_files: bool,
        share_fs: bool,
    ) -> Result<CallResult, Fail> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.clients.contains_key(&child) {
            return Err(Errno::EAGAIN.into());
        }
        let mut copy = state.client(pid).clone();
        if share_files {
            state.tables[copy.table].users += 1;
        } else {
            let slots = state.tables[copy.table].slots.clone();
            for slot in slots.values() {
                state.files[slot.file].references += 1;
            }
            copy.table = state.tables.insert(Table { slots, users: 1 });
        }
        if share_fs {
            state.fs[copy.fs].users += 1;
        } else {
            let FsState { cwd, umask, .. } = state.fs[copy.fs];
            state.world.mount.hold(cwd);
            copy.fs = state.fs.insert(FsState { cwd, umask, users: 1 });
        }
        for &(_, file) in &copy.mappings {
            state.files[file].references += 1;
        }
        state.clients.insert(child, copy);
        Ok(CallResult::value(i64::from(child.0)))
    }

    pub(super) async fn unmap(&self, pid: Pid) {
        let mappings = core::mem::take(&mut self.state().client_mut(pid).mappings);
        for (_, file) in mappings {
            self.drop_file(pid, file).await;
        }
    }

    async fn munmap(&self, pid: Pid, address: u64, length: u64) {
        let gone: Vec<FileId> = {
            let mut state = self.state();
            let mappings = &mut state.client_mut(pid).mappings;
            let inside = |at: u64| at >= address && at - address < length;
            let gone = mappings.iter().filter(|(at, _)| inside(*at)).map(|(_, file)| *file);
            let gone = gone.collect();
            mappings.retain(|(at, _)| !inside(*at));
            gone
        };
        for file in gone {
            self.drop_file(pid, file).await;
        }
    }

    async fn exit(&self, pid: Pid) {
        self.unmap(pid).await;
        let closed: Vec<FileId> = {
            let mut guard = self.state();
            let state = &mut *guard;
            let table = state.client(pid).table;
            state.tables[table].users -= 1;
            if state.tables[table].users == 0 {
                let slots = core::mem::take(&mut state.tables[table].slots);
                slots.into_values().map(|slot| slot.file).collect()
            } else {
                Vec::new()
            }
        };
        for file in closed {
            let _ = self.close_file(pid, file).await;
        }
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(client) = state.clients.remove(&pid) else { return };
        if state.tables[client.table].users == 0 {
            state.tables.remove(client.table);
        }
        state.fs[client.fs].users -= 1;
        if state.fs[client.fs].users == 0 {
            let FsState { cwd, .. } = state.fs.remove(client.fs);
            state.world.mount.put(cwd);
        }
    }
}

impl Vfs {
    /// The first bytes of the client's latest mapping, read from the lower file as a page fault
    /// reads them: without any filter (SEMANTICS 4.4).
    pub fn mapped_bytes(&self, pid: Pid, length: usize) -> Vec<u8> {
        use fuserig_sim_fs::LowerExt;
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(&(_, file)) = state.client(pid).mappings.last() else { return Vec::new() };
        let super::state::FileKindOpen::Fuse(handle) = state.files[file].kind else {
            return Vec::new();
        };
        let Some(fh) = state.world.mount.handles[handle].backing else { return Vec::new() };
        let caller = state.caller(pid);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        state.world.lower.read(&caller, fh, 0, length).unwrap_or_default()
    }
}
