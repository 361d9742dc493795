//! Opening: existing nodes, new names, unnamed files.

use std::os::fd::{AsRawFd, OwnedFd};

use fuserig_abi::{Caller, Capabilities, Errno, FileKind, Ino, Stat};
use rustix::fs::{Access, AtFlags, Mode, OFlags};

use super::HostFs;
use super::handle::{Handle, On, errno, host_flags, mode_bits};
use super::identity::As;
use super::names::FOUND;
use crate::{LowerFh, OpenCheck, OpenFlags};

impl HostFs {
    pub(super) fn open_node(
        &mut self,
        caller: &Caller,
        node: Ino,
        flags: OpenFlags,
        check: OpenCheck,
    ) -> Result<LowerFh, Errno> {
        let kind = self.nodes.get(node)?.kind;
        let who = match check {
            OpenCheck::Permission => As::Caller(caller),
            OpenCheck::Granted => As::Ourselves,
        };
        if flags.contains(OpenFlags::DIRECTORY) && kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OpenFlags::PATH) {
            let (name, held) = (self.proc_name(node)?, OFlags::PATH | OFlags::CLOEXEC);
            let fd = rustix::fs::openat(&self.proc, name, held, Mode::empty()).map_err(errno)?;
            return Ok(self.handles.insert(Handle { node, kind, flags, on: On::Host(fd) }));
        }
        match kind {
            FileKind::Symlink => Err(Errno::ELOOP),
            FileKind::Regular | FileKind::Directory => {
                let name = self.proc_name(node)?;
                // Truncation clears setuid for who has not CAP_FSETID, so it stays the caller's.
                let truncates = flags.contains(OpenFlags::TRUNC) && kind == FileKind::Regular;
                let granted = check == OpenCheck::Granted && truncates;
                let oflags = host_flags(if granted { flags - OpenFlags::TRUNC } else { flags });
                let fd = self.identity.run(who, || {
                    rustix::fs::openat(&self.proc, name, oflags, Mode::empty()).map_err(errno)
                })?;
                if granted {
                    self.change_size(As::Caller(caller), node, 0)?;
                }
                Ok(self.handles.insert(Handle { node, kind, flags, on: On::Host(fd) }))
            }
            FileKind::Fifo | FileKind::CharDevice | FileKind::BlockDevice | FileKind::Socket => {
                self.open_special(caller, who, node, flags)
            }
        }
    }

    /// Makes the checks of `may_open` and nothing else, see [`super::device`].
    fn open_special(
        &mut self,
        caller: &Caller,
        who: As<'_>,
        node: Ino,
        flags: OpenFlags,
    ) -> Result<LowerFh, Errno> {
        let stat = self.nodes.stat(node)?;
        let (readable, writable) = match flags.access_mode() {
            3 => (true, true),
            _ => (flags.wants_read(), flags.wants_write()),
        };
        let truncates = flags.contains(OpenFlags::TRUNC);
        let mut access = Access::EXISTS;
        access.set(Access::READ_OK, readable);
        access.set(Access::WRITE_OK, writable || truncates);
        self.check_rights(who, node, access)?;
        let owner =
            caller.credentials.uid == stat.uid || caller.credentials.capable(Capabilities::FOWNER);
        if flags.contains(OpenFlags::NOATIME) && matches!(who, As::Caller(_)) && !owner {
            return Err(Errno::EPERM);
        }
        if stat.kind == FileKind::Socket {
            return Err(Errno::ENXIO);
        }
        let on = On::Device(stat.rdev);
        Ok(self.handles.insert(Handle { node, kind: stat.kind, flags, on }))
    }

    pub(super) fn create_and_open(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
        flags: OpenFlags,
    ) -> Result<(Stat, LowerFh), Errno> {
        // Linux before 6.4 made a file and then complained.
        if flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let directory = self.place(parent, name)?;
        let oflags = host_flags(flags) | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let fd = self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::openat(directory, name, oflags, mode_bits(mode)).map_err(errno)
        })?;
        let opened = self.opened(fd, flags, Some((parent, name)));
        self.keep_or_remove(parent, name, AtFlags::empty(), opened)
    }

    pub(super) fn open_unnamed(
        &mut self,
        caller: &Caller,
        parent: Ino,
        mode: u32,
        flags: OpenFlags,
    ) -> Result<(Stat, LowerFh), Errno> {
        let directory = self.nodes.directory(parent)?;
        let mut oflags = host_flags(flags) | OFlags::TMPFILE;
        oflags.set(OFlags::EXCL, flags.contains(OpenFlags::EXCL));
        let fd = self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::openat(directory, ".", oflags, mode_bits(mode)).map_err(errno)
        })?;
        self.opened(fd, flags, None)
    }

    /// Takes in a file that was created by opening it. The node comes from the descriptor, so no
    /// name can be exchanged in between.
    fn opened(
        &mut self,
        fd: OwnedFd,
        flags: OpenFlags,
        place: Option<(Ino, &[u8])>,
    ) -> Result<(Stat, LowerFh), Errno> {
        let name = fd.as_raw_fd().to_string();
        let held = OFlags::PATH | OFlags::CLOEXEC;
        let node = rustix::fs::openat(&self.proc, name, held, Mode::empty()).map_err(errno)?;
        let stat = self.nodes.adopt(node, place)?;
        // A creation always opens.
        let flags = flags - OpenFlags::PATH;
        let handle = Handle { node: stat.ino, kind: stat.kind, flags, on: On::Host(fd) };
        Ok((stat, self.handles.insert(handle)))
    }
}
