//! ioctl: what the VFS itself answers, and what it makes of a filesystem that has none.
//!
//! No fuse-bpf of v3 and v4 passes an ioctl on (SEMANTICS 4), so a faithful mount says `ENOTTY` to
//! all that the VFS does not answer. The intended one has the inode flags of the lower filesystem,
//! of which none are ever set. A file that a daemon opened, with nothing below, has the ioctls that
//! the daemon has.

use fuserig_abi::{
    Capabilities, Errno, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS,
    FileKind, Pid,
};

use super::call::{CallResult, Output};
use super::fail::Fail;
use super::system::Vfs;
use crate::kernel::HandleId;
use crate::pipeline::Ordinary;

const FIBMAP: u64 = 1;
const FIGETBSZ: u64 = 2;
const FIONREAD: u64 = 0x541b;
const FIONBIO: u64 = 0x5421;
const FIOQSIZE: u64 = 0x5460;
/// `FICLONE`, `FICLONERANGE` and `FS_IOC_FIEMAP`: no FUSE file shares extents or tells them.
const EXTENTS: [u64; 3] = [0x4004_9409, 0x4020_940d, 0xc020_660b];
/// The flags of a node, which the VFS gets and sets by a way of its own.
const GET_FLAGS: [u64; 2] = [FS_IOC_GETFLAGS as u64, FS_IOC_FSGETXATTR as u64];
const SET_FLAGS: [u64; 2] = [FS_IOC_SETFLAGS as u64, SET_EXTENDED_FLAGS];
/// It changes what a filesystem in memory does not have.
const SET_EXTENDED_FLAGS: u64 = FS_IOC_FSSETXATTR as u64;

impl Vfs {
    /// `do_vfs_ioctl`, then the filesystem's own: a daemon's.
    pub(super) async fn ioctl(
        &self,
        pid: Pid,
        fd: i32,
        request: u64,
        data: &[u8],
    ) -> Result<CallResult, Fail> {
        let (handle, kind) = {
            let state = self.state();
            let handle = state.handle(pid, fd)?.0;
            let inode = state.world.mount.handles[handle].inode;
            (handle, state.world.mount.inodes[inode].kind)
        };
        let regular = kind == FileKind::Regular;
        match request {
            FIGETBSZ | FIONBIO | FIOQSIZE => Ok(CallResult::value(0)),
            FIBMAP if regular => self.block_of(pid, handle, data),
            FIONREAD if regular => Ok(CallResult::value(0)),
            _ if EXTENTS.contains(&request) => Err(Errno::EOPNOTSUPP.into()),
            _ if self.on_path_unasked(pid, |path| path.daemon_has_ioctl(handle)) => {
                self.ioctl_of_daemon(pid, handle, request, data).await
            }
            _ => self.ioctl_of_nobody(request),
        }
    }

    /// `ioctl_fibmap` of a file that stands on no block device: every block is block 0
    /// (`fuse_bmap` of Linux 6.18). A lower filesystem has no such operation. The number of the
    /// block is what the caller handed over, 0 when that is not known.
    fn block_of(&self, pid: Pid, handle: HandleId, data: &[u8]) -> Result<CallResult, Fail> {
        let state = self.state();
        let is_lower = state.world.mount.handles[handle].backing.is_some();
        if !is_lower && !state.client(pid).credentials.capable(Capabilities::SYS_RAWIO) {
            return Err(Errno::EPERM.into());
        }
        let block = data.first_chunk().copied().map_or(0, i32::from_le_bytes);
        if is_lower || block < 0 {
            return Err(Errno::EINVAL.into());
        }
        Ok(CallResult { value: Ok(0), output: Output::Bytes(vec![0; size_of::<i32>()]) })
    }

    /// What nobody but the lower filesystem could answer.
    fn ioctl_of_nobody(&self, request: u64) -> Result<CallResult, Fail> {
        let faithful = self.state().world.faithful();
        match request {
            _ if GET_FLAGS.contains(&request) && !faithful => Ok(CallResult::value(0)),
            SET_EXTENDED_FLAGS if !faithful => Err(Errno::EOPNOTSUPP.into()),
            _ => Err(Errno::ENOTTY.into()),
        }
    }

    async fn ioctl_of_daemon(
        &self,
        pid: Pid,
        handle: HandleId,
        request: u64,
        data: &[u8],
    ) -> Result<CallResult, Fail> {
        self.check_entry(pid)?;
        let sets = SET_FLAGS.contains(&request);
        if sets {
            self.check_owns(pid, handle)?;
        }
        let of_node = sets || GET_FLAGS.contains(&request);
        let ask = async |path: &mut Ordinary<'_>| match of_node {
            true => path.flags_ioctl(handle, request, data).await,
            false => path.ioctl(handle, request, data).await,
        };
        let (value, bytes) = self.on_ordinary_path(pid, 0, ask).await?;
        let output = if bytes.is_empty() { Output::None } else { Output::Bytes(bytes) };
        Ok(CallResult { value: Ok(value), output })
    }

    /// `inode_owner_or_capable`, which the VFS looks at before flags are set.
    fn check_owns(&self, pid: Pid, handle: HandleId) -> Result<(), Fail> {
        let state = self.state();
        let credentials = &state.client(pid).credentials;
        let inode = &state.world.mount.inodes[state.world.mount.handles[handle].inode];
        let owns = credentials.uid == inode.uid || credentials.capable(Capabilities::FOWNER);
        if owns { Ok(()) } else { Err(Errno::EPERM.into()) }
    }
}
