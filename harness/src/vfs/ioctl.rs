//! ioctl: what the VFS itself answers, and what it makes of a filesystem that has none.
//!
//! No fuse-bpf of v3 and v4 passes an ioctl on (SEMANTICS 4), so a faithful mount says `ENOTTY` to
//! all that the VFS does not answer. The intended one has the inode flags of the lower filesystem,
//! of which none are ever set.

use fuserig_abi::{Errno, FileKind, Pid};

use super::call::CallResult;
use super::fail::Fail;
use super::system::Vfs;

const FIBMAP: u64 = 1;
const FIGETBSZ: u64 = 2;
const FIONREAD: u64 = 0x541b;
const FIONBIO: u64 = 0x5421;
const FIOQSIZE: u64 = 0x5460;
/// `FICLONE`, `FICLONERANGE` and `FS_IOC_FIEMAP`: no FUSE file shares extents or tells them.
const EXTENTS: [u64; 3] = [0x4004_9409, 0x4020_940d, 0xc020_660b];
/// `FS_IOC_GETFLAGS` and `FS_IOC_FSGETXATTR`.
const GET_FLAGS: [u64; 2] = [0x8008_6601, 0x801c_581f];
/// `FS_IOC_FSSETXATTR`, which changes what a filesystem in memory does not have.
const SET_EXTENDED_FLAGS: u64 = 0x401c_5820;

impl Vfs {
    /// `do_vfs_ioctl`, then the filesystem's own.
    pub(super) fn ioctl(&self, pid: Pid, fd: i32, request: u64) -> Result<CallResult, Fail> {
        let state = self.state();
        let dentry = state.handle(pid, fd)?.1.dentry;
        let inode = state.world.mount.inode_of(dentry);
        let regular = state.world.mount.inodes[inode].kind == FileKind::Regular;
        match request {
            FIGETBSZ | FIONBIO | FIOQSIZE => Ok(CallResult::value(0)),
            // `bmap` of a file without the operation.
            FIBMAP if regular => Err(Errno::EINVAL.into()),
            FIONREAD if regular => Ok(CallResult::value(0)),
            _ if EXTENTS.contains(&request) => Err(Errno::EOPNOTSUPP.into()),
            _ if GET_FLAGS.contains(&request) && !state.world.faithful() => {
                Ok(CallResult::value(0))
            }
            SET_EXTENDED_FLAGS if !state.world.faithful() => Err(Errno::EOPNOTSUPP.into()),
            _ => Err(Errno::ENOTTY.into()),
        }
    }
}
