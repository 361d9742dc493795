//! open and close: permission, creation, truncation, descriptors.

use fuserig_abi::{AccessMask, Errno, FileKind, Pid, Quirk, S_IALLUGO};
use fuserig_sim_fs::{LowerExt, OpenFlags};

use super::call::{CallResult, PathAt};
use super::fail::Fail;
use super::state::{File, FileId, FileKindOpen};
use super::system::Vfs;
use super::walk::{Last, Parent};
use crate::kernel::{DentryId, Handle, HandleId, InodeId};
use crate::pipeline::{AttrValid, Operation, Outcome, Value, Want};

const TMPFILE: OpenFlags = OpenFlags::TMPFILE_ONLY.union(OpenFlags::DIRECTORY);

/// What the walk of an open ended in.
enum Found {
    /// A dentry that existed.
    Existing(DentryId),
    /// A file that this open created.
    Created(HandleId),
}

/// `ACC_MODE` with the additions that open makes.
fn access_mask(flags: OpenFlags) -> AccessMask {
    let mut mask = match flags.access_mode() {
        0 => AccessMask::READ,
        1 => AccessMask::WRITE,
        2 => AccessMask::READ | AccessMask::WRITE,
        _ => AccessMask::READ | AccessMask::WRITE,
    };
    if flags.contains(OpenFlags::TRUNC) {
        mask |= AccessMask::WRITE;
    }
    if flags.contains(OpenFlags::APPEND) {
        mask |= AccessMask::APPEND;
    }
    mask
}

impl Vfs {
    pub(super) async fn open(
        &self,
        pid: Pid,
        path: &PathAt,
        flags: OpenFlags,
        mode: u32,
        fd: Option<i32>,
    ) -> Result<CallResult, Fail> {
        // A 64-bit kernel sets LARGEFILE on every open.
        let flags = flags | OpenFlags::LARGEFILE;
        let cloexec = flags.contains(OpenFlags::CLOEXEC);
        let flags = flags.difference(OpenFlags::CLOEXEC);
        let file = self.open_any(pid, path, flags, mode).await.map_err(Fail::as_pointer)?;
        let fd = self.state().install(pid, file, fd, cloexec);
        Ok(CallResult::value(i64::from(fd)))
    }

    async fn open_any(
        &self,
        pid: Pid,
        path: &PathAt,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<FileId, Fail> {
        // `build_open_flags`: O_PATH forgets what does not go with it, a file without a name must
        // be writable, and no directory is created (before 6.4 a file was made, then ENOTDIR).
        let path_only = flags.contains(OpenFlags::PATH);
        let unwritable =
            flags.contains(TMPFILE) && !flags.intersects(OpenFlags::WRONLY.union(OpenFlags::RDWR));
        let creates = OpenFlags::CREAT.union(OpenFlags::DIRECTORY);
        if !path_only && (unwritable || flags.contains(creates)) {
            return Err(Errno::EINVAL.into());
        }
        if path_only {
            self.open_path(pid, path, flags).await
        } else if flags.contains(TMPFILE) {
            self.open_tmpfile(pid, path, flags, mode).await
        } else {
            self.open_file(pid, path, flags, mode).await
        }
    }

    async fn open_path(&self, pid: Pid, path: &PathAt, flags: OpenFlags) -> Result<FileId, Fail> {
        let dentry = self.walk(pid, path, !flags.contains(OpenFlags::NOFOLLOW)).await?;
        if flags.contains(OpenFlags::DIRECTORY) && !self.is_directory(dentry) {
            self.put(dentry);
            return Err(Errno::ENOTDIR.into());
        }
        Ok(self.insert_file(FileKindOpen::Path, dentry, flags))
    }

    /// `O_TMPFILE`. Faithfully it goes through create_open with a dentry that has no lower path
    /// and fails with EBADF (KERNEL-OBSERVED N16).
    async fn open_tmpfile(
        &self,
        pid: Pid,
        path: &PathAt,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<FileId, Fail> {
        let directory = self.walk(pid, path, true).await?;
        let opened = self.tmpfile_in(pid, directory, flags, mode).await;
        self.put(directory);
        opened
    }

    async fn tmpfile_in(
        &self,
        pid: Pid,
        directory: DentryId,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<FileId, Fail> {
        if !self.is_directory(directory) {
            return Err(Errno::ENOTDIR.into());
        }
        let inode = self.inode_of(directory);
        self.permission(pid, inode, AccessMask::WRITE | AccessMask::EXEC).await?;
        let mode = (mode & S_IALLUGO) | FileKind::Regular.type_bits();
        if self.state().world.faithful() {
            self.on_path_unasked(pid, |path| path.quirk(Quirk::N16));
            let dentry = self.state().world.mount.new_child(directory, b"/");
            let operation = Operation::CreateOpen { dentry, flags: flags.bits(), mode };
            let created = self.operate_checked(pid, operation).await;
            self.put(dentry);
            return match created?.value {
                Value::Handle(handle) => Ok(self.file_of_handle(handle, flags)),
                _ => Err(Errno::EIO.into()),
            };
        }
        self.lower_tmpfile(pid, directory, flags, mode)
    }

    /// What a kernel without the mistake would do: an unnamed file below.
    fn lower_tmpfile(
        &self,
        pid: Pid,
        directory: DentryId,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<FileId, Fail> {
        let mut guard = self.state();
        let state = &mut *guard;
        let caller = state.caller(pid);
        let mode = mode & !(state.umask(pid) & 0o777) & S_IALLUGO;
        let parent = state.world.mount.inode_of(directory);
        let ino = state.world.mount.inodes[parent].backing.ok_or(Errno::EOPNOTSUPP)?;
        let filter = state.world.mount.inodes[parent].filter;
        let (stat, fh) = state.world.lower.tmpfile(&caller, ino, mode, flags)?;
        let mount = &mut state.world.mount;
        let dentry = mount.new_child(directory, format!("#{}", stat.ino).as_bytes());
        let inode = mount.inode_for(fuserig_abi::NodeId(0), &stat);
        mount.inodes[inode].filter = filter;
        mount.dentries[dentry].inode = Some(inode);
        mount.dentries[dentry].backing = Some(crate::kernel::BackingPath {
            parent: ino,
            name: mount.dentries[dentry].name.clone(),
            node: Some(stat.ino),
        });
        let mut handle = Handle::new(inode, dentry, flags);
        handle.backing = Some(fh);
        mount.hold_inode(inode);
        let handle = mount.handles.insert(handle);
        drop(guard);
        Ok(self.insert_file(FileKindOpen::Fuse(handle), dentry, flags))
    }

    async fn open_file(
        &self,
        pid: Pid,
        path: &PathAt,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<FileId, Fail> {
        match self.find_for_open(pid, path, flags, mode).await? {
            Found::Created(handle) => {
                let file = self.file_of_handle(handle, flags);
                let inode = self.state().world.mount.handles[handle].inode;
                match self.permission(pid, inode, AccessMask::OPEN).await {
                    Ok(()) => Ok(file),
                    Err(errno) => {
                        self.drop_file(pid, file).await;
                        Err(errno)
                    }
                }
            }
            Found::Existing(dentry) => {
                let opened = self.open_existing(pid, dentry, flags).await;
                if opened.is_err() {
                    self.put(dentry);
                }
                opened
            }
        }
    }

    /// Walks to the file, following and creating as the flags say.
    async fn find_for_open(
        &self,
        pid: Pid,
        path: &PathAt,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Found, Fail> {
        let create = flags.contains(OpenFlags::CREAT);
        let exclusive = create && flags.contains(OpenFlags::EXCL);
        let follow = !exclusive && !flags.contains(OpenFlags::NOFOLLOW);
        let mut parent = self.walk_parent(pid, path).await?;
        // Of the path or of any symlink that it ends in.
        let mut slashes = false;
        loop {
            let found = self.open_last(pid, &parent, flags, mode).await;
            self.let_go(parent.held.take());
            let found = match found {
                Ok(found) => found,
                Err(errno) => {
                    self.put(parent.dentry);
                    return Err(errno);
                }
            };
            slashes |= matches!(parent.last, Last::Name { slashes: true, .. });
            match found {
                Found::Existing(link)
                    if self.kind_of(link) == FileKind::Symlink && (follow || slashes) =>
                {
                    let Parent { dentry, symlinks, .. } = parent;
                    parent = self.follow_last(pid, dentry, link, symlinks).await?;
                }
                found => {
                    self.put(parent.dentry);
                    return self.check_found(found, flags, slashes);
                }
            }
        }
    }

    fn check_found(&self, found: Found, flags: OpenFlags, slashes: bool) -> Result<Found, Fail> {
        let Found::Existing(dentry) = found else { return Ok(found) };
        let refused = if flags.contains(OpenFlags::CREAT | OpenFlags::EXCL) {
            Some(Errno::EEXIST)
        } else if flags.contains(OpenFlags::CREAT) && self.is_directory(dentry) {
            Some(Errno::EISDIR)
        } else if (flags.contains(OpenFlags::DIRECTORY) || slashes) && !self.is_directory(dentry) {
            // A symlink that is not followed is no directory either; open says ELOOP below.
            Some(Errno::ENOTDIR)
        } else {
            None
        };
        match refused {
            Some(errno) => {
                self.put(dentry);
                Err(errno.into())
            }
            None => Ok(found),
        }
    }

    /// `lookup_open`: the last component, created when it is absent and the flags ask for it.
    async fn open_last(
        &self,
        pid: Pid,
        parent: &Parent<'_>,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Found, Fail> {
        let directory = parent.dentry;
        let (name, slashes) = match &parent.last {
            Last::Name { name, slashes } => (name, *slashes),
            Last::DotDot => {
                let mut state = self.state();
                let above = state.world.mount.dentries[directory].parent;
                state.world.mount.hold(above);
                return Ok(Found::Existing(above));
            }
            Last::Dot | Last::Root => {
                self.state().world.mount.hold(directory);
                return Ok(Found::Existing(directory));
            }
        };
        if !flags.contains(OpenFlags::CREAT) {
            return self.lookup_positive(pid, directory, name).await.map(Found::Existing);
        }
        if slashes {
            return Err(Errno::EISDIR.into());
        }
        let exclusive = flags.contains(OpenFlags::EXCL);
        let want = if exclusive { Want::Replace } else { Want::Use };
        if let Some(cached) = self.cached(pid, directory, name, want).await?
            && !self.drop_negative(cached)
        {
            return Ok(Found::Existing(cached));
        }
        let inode = self.inode_of(directory);
        let lock = self.lock_exclusive(pid, inode).await;
        if lock.waited
            && let Some(cached) = self.cached(pid, directory, name, want).await?
            && !self.drop_negative(cached)
        {
            return Ok(Found::Existing(cached));
        }
        let may = self.permission(pid, inode, AccessMask::WRITE | AccessMask::EXEC).await;
        let dentry = self.lookup(pid, directory, name).await?;
        if !self.is_negative(dentry) {
            return Ok(Found::Existing(dentry));
        }
        let created = match may {
            Ok(()) => self.create_open(pid, dentry, flags, mode).await,
            Err(errno) => Err(errno),
        };
        self.put(dentry);
        created
    }

    /// A name known to be absent is looked up again before it is created; true when it was one.
    fn drop_negative(&self, dentry: DentryId) -> bool {
        let negative = self.is_negative(dentry);
        if negative {
            self.state().world.mount.unhash(dentry);
            self.put(dentry);
        }
        negative
    }

    async fn create_open(
        &self,
        pid: Pid,
        dentry: DentryId,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Found, Fail> {
        let mode = (mode & S_IALLUGO) | FileKind::Regular.type_bits();
        self.state().world.mount.dentries[dentry].in_lookup = true;
        let created = self.create_or_mknod(pid, dentry, flags, mode).await;
        self.state().world.mount.dentries[dentry].in_lookup = false;
        let outcome = created?;
        match outcome.value {
            Value::Handle(handle) if outcome.error < 0 => {
                // The file was opened before the postfilter said no; it is closed again.
                let file = self.file_of_handle(handle, flags);
                self.drop_file(pid, file).await;
                Err(Fail::of(outcome.error))
            }
            Value::Handle(handle) => Ok(Found::Created(handle)),
            _ if outcome.error < 0 => Err(Fail::of(outcome.error)),
            // Made by mknod: what was made is opened next.
            _ if !self.is_negative(dentry) => {
                self.state().world.mount.hold(dentry);
                Ok(Found::Existing(dentry))
            }
            _ => Err(Errno::EIO.into()),
        }
    }

    /// `fuse_atomic_open` on a negative dentry: ENOSYS is remembered and makes it mknod instead,
    /// which no kernel survived (NEW-5, N2).
    async fn create_or_mknod(
        &self,
        pid: Pid,
        dentry: DentryId,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<Outcome, Fail> {
        let refused = self.state().world.connection.unknown.create;
        if !refused {
            // `lookup_open`: what this open must make has nothing to empty.
            let exclusive = OpenFlags::CREAT | OpenFlags::EXCL;
            let emptied =
                if flags.contains(exclusive) { OpenFlags::TRUNC } else { OpenFlags::empty() };
            let flags = flags.difference(emptied);
            let operation = Operation::CreateOpen { dentry, flags: flags.bits(), mode };
            match self.operate(pid, operation).await {
                Ok(outcome) if outcome.error != i64::from(Errno::ENOSYS.negative()) => {
                    return Ok(outcome);
                }
                Ok(_) | Err(Fail::Errno(Errno::ENOSYS)) => {}
                Err(fail) => return Err(fail),
            }
            self.state().world.connection.unknown.create = true;
        }
        let rdev = fuserig_abi::Device::default();
        self.operate_checked(pid, Operation::Mknod { dentry, mode, rdev }).await
    }

    /// `do_open` of something that existed. On success the file owns the reference.
    async fn open_existing(
        &self,
        pid: Pid,
        dentry: DentryId,
        flags: OpenFlags,
    ) -> Result<FileId, Fail> {
        let kind = self.kind_of(dentry);
        match kind {
            FileKind::Symlink => return Err(Errno::ELOOP.into()),
            FileKind::Directory if access_mask(flags).contains(AccessMask::WRITE) => {
                return Err(Errno::EISDIR.into());
            }
            FileKind::CharDevice | FileKind::BlockDevice
                if self.state().world.mount.options.nodev =>
            {
                return Err(Errno::EACCES.into());
            }
            _ => {}
        }
        let inode = self.inode_of(dentry);
        self.permission(pid, inode, access_mask(flags) | AccessMask::OPEN).await?;
        self.check_noatime(pid, dentry, flags)?;
        match kind {
            FileKind::Regular | FileKind::Directory => {}
            FileKind::Socket => return Err(Errno::ENXIO.into()),
            FileKind::Fifo if self.lacks_reader(inode, flags) => return Err(Errno::ENXIO.into()),
            _ => return Ok(self.insert_file(FileKindOpen::Special, dentry, flags)),
        }
        let file = self.open_handle(pid, dentry, flags, kind == FileKind::Directory).await?;
        if flags.contains(OpenFlags::TRUNC) && kind == FileKind::Regular {
            // The file owns the reference from here on; the caller drops its own on an error.
            self.state().world.mount.hold(dentry);
            let valid = AttrValid::MTIME | AttrValid::CTIME | AttrValid::FILE | AttrValid::OPEN;
            let FileKindOpen::Fuse(handle) = self.state().files[file].kind else {
                return Err(Errno::EIO.into());
            };
            let truncated = self.do_truncate(pid, dentry, 0, valid, Some(handle)).await;
            if let Err(errno) = truncated {
                self.drop_file(pid, file).await;
                return Err(errno);
            }
            self.put(dentry);
        }
        Ok(file)
    }

    /// Whether a fifo is opened for writing without waiting, while nobody has it open to read.
    fn lacks_reader(&self, inode: InodeId, flags: OpenFlags) -> bool {
        let impatient = flags.contains(OpenFlags::NONBLOCK) && !flags.wants_read();
        let state = self.state();
        let reads = |file: &File| {
            matches!(file.kind, FileKindOpen::Special)
                && file.flags.wants_read()
                && state.world.mount.dentries[file.dentry].inode == Some(inode)
        };
        impatient && !state.files.iter().any(|(_, file)| reads(file))
    }

    /// Opens a file or directory that permission was given for. On success the file owns the
    /// reference on the dentry.
    pub(super) async fn open_handle(
        &self,
        pid: Pid,
        dentry: DentryId,
        flags: OpenFlags,
        directory: bool,
    ) -> Result<FileId, Fail> {
        let handle = {
            let mut state = self.state();
            let inode = state.world.mount.inode_of(dentry);
            state.world.mount.hold_inode(inode);
            state.world.mount.handles.insert(Handle::new(inode, dentry, flags))
        };
        if let Err(errno) = self.operate_checked(pid, Operation::Open { handle, directory }).await {
            self.discard_handle(handle);
            return Err(errno);
        }
        Ok(self.insert_file(FileKindOpen::Fuse(handle), dentry, flags))
    }

    fn check_noatime(&self, pid: Pid, dentry: DentryId, flags: OpenFlags) -> Result<(), Fail> {
        if !flags.contains(OpenFlags::NOATIME) {
            return Ok(());
        }
        let state = self.state();
        let inode = &state.world.mount.inodes[state.world.mount.inode_of(dentry)];
        let credentials = &state.client(pid).credentials;
        if credentials.uid == inode.uid || credentials.capable(fuserig_abi::Capabilities::FOWNER) {
            Ok(())
        } else {
            Err(Errno::EPERM.into())
        }
    }

    /// A handle whose open failed. A lower file that was opened before a postfilter said no stays
    /// open for ever (N6).
    fn discard_handle(&self, handle: HandleId) {
        let mut state = self.state();
        let inode = state.world.mount.handles[handle].inode;
        if let Some(fh) = state.world.mount.handles.remove(handle).backing {
            if state.world.faithful() {
                state.world.mount.leaks.lower_files += 1;
            } else {
                let kernel = state.world.kernel_caller();
                // A lower file that cannot be released is gone all the same.
                let _ = state.world.lower.release(&kernel, fh);
            }
        }
        state.world.mount.put_inode(inode);
    }

    /// The open file of a handle that create made; the handle's dentry reference becomes its own.
    fn file_of_handle(&self, handle: HandleId, flags: OpenFlags) -> FileId {
        let dentry = self.state().world.mount.handles[handle].dentry;
        self.insert_file(FileKindOpen::Fuse(handle), dentry, flags)
    }

    /// An open file description with one reference; it takes over the reference on the dentry.
    fn insert_file(&self, kind: FileKindOpen, dentry: DentryId, flags: OpenFlags) -> FileId {
        const USED_UP: OpenFlags = OpenFlags::CREAT
            .union(OpenFlags::EXCL)
            .union(OpenFlags::NOCTTY)
            .union(OpenFlags::TRUNC);
        let flags = flags.difference(USED_UP);
        let mut state = self.state();
        if let FileKindOpen::Fuse(handle) = kind {
            state.world.mount.handles[handle].flags = flags;
        }
        state.files.insert(File { kind, dentry, flags, references: 1 })
    }

    pub(super) async fn close(&self, pid: Pid, fd: i32) -> Result<CallResult, Fail> {
        let file = {
            let mut state = self.state();
            let table = state.client(pid).table;
            let slot = state.tables[table].slots.remove(&fd).ok_or(Errno::EBADF)?;
            slot.file
        };
        let flushed = self.close_file(pid, file).await;
        flushed.map(|()| CallResult::value(0)).map_err(|fail| match fail {
            // A restart makes no sense for close: the caller sees EINTR (N17).
            Fail::Errno(Errno(512..=516)) => Fail::Errno(Errno::EINTR),
            fail => fail,
        })
    }

    /// `filp_close`: flush, then drop the reference.
    pub(super) async fn close_file(&self, pid: Pid, file: FileId) -> Result<(), Fail> {
        let flush = {
            let state = self.state();
            match state.files[file].kind {
                FileKindOpen::Fuse(handle) => {
                    let inode = state.world.mount.handles[handle].inode;
                    let kind = state.world.mount.inodes[inode].kind;
                    (kind == FileKind::Regular).then_some(handle)
                }
                FileKindOpen::Path | FileKindOpen::Special => None,
            }
        };
        let flushed = match flush {
            Some(handle) => {
                let flushed = self.operate_checked(pid, Operation::Flush { handle }).await;
                self.unlock_ranges(pid, file);
                flushed
            }
            None => {
                self.unlock_ranges(pid, file);
                self.drop_file(pid, file).await;
                return Ok(());
            }
        };
        self.drop_file(pid, file).await;
        flushed.map(|_| ())
    }

    /// Drops a reference on an open file; the last one releases it.
    pub(super) async fn drop_file(&self, pid: Pid, file: FileId) {
        let last = {
            let mut state = self.state();
            let open = &mut state.files[file];
            open.references -= 1;
            if open.references > 0 {
                return;
            }
            drop(state);
            self.unlock_file(file);
            self.state().files.remove(file)
        };
        if let FileKindOpen::Fuse(handle) = last.kind {
            let directory = self.is_directory(last.dentry);
            // The VFS ignores what release returns.
            let _ = self.operate(pid, Operation::Release { handle, directory }).await;
            self.lower_locks_gone();
            let mut state = self.state();
            let released = state.world.mount.handles.remove(handle);
            if released.private
                && state.world.abi.base() == fuserig_abi::Abi::V3
                && state.world.faithful()
            {
                state.world.mount.leaks.handles += 1;
            }
            state.world.mount.put_inode(released.inode);
        }
        self.put(last.dentry);
    }
}
