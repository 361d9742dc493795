//! IOCTL: what the VFS does not know of a file of a daemon, and the flags of its node.
//!
//! The number of a request says how many bytes go and come, and a daemon can ask for no others:
//! what may is CUSE, which is not modelled. For the flags of a node (`chattr`) the kernel opens the
//! file for itself. Source: FUSE protocol 7.11 and 7.18 (directories), linux/ioctl.h for the
//! numbers, as Linux 6.18 was seen to send it.

use fuserig_abi::{
    Errno, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FileKind,
    NodeId, Opcode,
};
use fuserig_sim_fs::OpenFlags;

use super::Halt;
use super::exchange::{Ordinary, Served};
use crate::kernel::{Handle, HandleId};
use crate::pipeline::device::Shape;

/// `FUSE_IOCTL_RETRY`: only CUSE may ask for other bytes.
const RETRY: u32 = 1 << 2;
/// `FUSE_IOCTL_DIR`: the file is a directory.
const DIRECTORY: u32 = 1 << 4;
/// The first version of the protocol that knows ioctls of directories.
const DIRECTORY_MINOR: u32 = 18;
/// `struct fuse_ioctl_out`.
const IOCTL_OUT: usize = 16;
/// Those whose numbers say `long` and mean `int`.
const INT_FLAGS: [u32; 2] = [FS_IOC_GETFLAGS, FS_IOC_SETFLAGS];

/// What an ioctl gave: its result, and the bytes for the caller.
pub(crate) type IoctlReply = (i64, Vec<u8>);

/// Bytes that a request number has go to the file, and come back.
fn sizes(request: u32) -> (usize, usize) {
    let named = (request >> 16 & 0x3fff) as usize;
    let size = if INT_FLAGS.contains(&request) { 4 } else { named };
    let by = |bit: u32| if request >> 30 & bit == 0 { 0 } else { size };
    (by(1), by(2))
}

impl Ordinary<'_> {
    /// Whether ioctls of the open file go to a daemon: one that it opened, with no lower file.
    pub(crate) fn daemon_has_ioctl(&self, handle: HandleId) -> bool {
        let state = &self.world.mount.handles[handle];
        let lower =
            state.backing.is_some() || self.world.mount.inodes[state.inode].backing.is_some();
        !lower && !self.world.connection.refuses
    }

    /// `fuse_do_ioctl`: `data` is what the argument points to, and zeros where it is shorter.
    pub(crate) async fn ioctl(
        &mut self,
        handle: HandleId,
        request: u64,
        data: &[u8],
    ) -> Served<IoctlReply> {
        if self.is_directory(handle) && self.world.connection.minor < DIRECTORY_MINOR {
            return Err(Errno::ENOTTY.into());
        }
        let inode = self.handle_inode(handle);
        if self.world.mount.inodes[inode].bad {
            return Err(Errno::EIO.into());
        }
        self.send_ioctl(handle, request as u32, data, true).await
    }

    /// `fuse_fileattr_get` and `fuse_fileattr_set`, the latter behind the former.
    pub(crate) async fn flags_ioctl(
        &mut self,
        handle: HandleId,
        request: u64,
        data: &[u8],
    ) -> Served<IoctlReply> {
        let request = request as u32;
        // Flags are asked for before they are changed.
        if [FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR].contains(&request) {
            self.own_ioctl(handle, FS_IOC_FSGETXATTR, &[]).await?;
        }
        self.own_ioctl(handle, request, data).await
    }

    /// `fuse_priv_ioctl`: on a file that the kernel opens for itself and closes.
    async fn own_ioctl(
        &mut self,
        other: HandleId,
        request: u32,
        data: &[u8],
    ) -> Served<IoctlReply> {
        let inode = self.handle_inode(other);
        if self.world.mount.inodes[inode].bad {
            return Err(Errno::EIO.into());
        }
        let directory = self.is_directory(other);
        let dentry = self.world.mount.handles[other].dentry;
        let own = Handle::new(inode, dentry, OpenFlags::empty());
        let handle = self.world.mount.handles.insert(own);
        // What is cached stays, whatever the daemon says about this file.
        let answered = match self.send_open(handle, directory).await {
            Ok(()) => {
                let answered = self.send_ioctl(handle, request, data, false).await;
                self.release(handle, directory).await.and(answered)
            }
            Err(halt) => Err(halt),
        };
        self.world.mount.handles.remove(handle);
        answered
    }

    fn is_directory(&self, handle: HandleId) -> bool {
        self.world.mount.inodes[self.handle_inode(handle)].kind == FileKind::Directory
    }

    /// One request. An ioctl that a daemon does not know is one that the file does not have.
    async fn send_ioctl(
        &mut self,
        handle: HandleId,
        request: u32,
        data: &[u8],
        variable: bool,
    ) -> Served<IoctlReply> {
        let state = &self.world.mount.handles[handle];
        let (fh, nodeid): (u64, NodeId) = (state.fh.0, state.nodeid);
        let flags = if self.is_directory(handle) { DIRECTORY } else { 0 };
        let (goes, comes) = sizes(request);
        let mut body = Vec::with_capacity(32 + goes);
        body.extend(fh.to_le_bytes());
        body.extend(flags.to_le_bytes());
        body.extend(request.to_le_bytes());
        // FIDELITY: the kernel names the caller's address here, of which the model has none.
        body.extend(0_u64.to_le_bytes());
        body.extend((goes as u32).to_le_bytes());
        body.extend((comes as u32).to_le_bytes());
        body.extend(data.iter().copied().chain(core::iter::repeat(0)).take(goes));
        let sizes = vec![IOCTL_OUT as u32, comes as u32];
        let shape = Shape { sizes, variable, ..Shape::default() };
        let reply = match self.ask(Opcode::IOCTL, nodeid, body, shape).await {
            Err(Halt::Errno(Errno::ENOSYS)) => return Err(Errno::ENOTTY.into()),
            reply => reply?,
        };
        let word = |at: usize| {
            let bytes = reply[at..at + 4].try_into().expect("the device checked the length");
            u32::from_le_bytes(bytes)
        };
        if word(4) & RETRY != 0 {
            return Err(Errno::EIO.into());
        }
        match word(0) as i32 {
            result if result == Errno::ENOSYS.negative() => Err(Errno::ENOTTY.into()),
            result @ -4095..0 => Err(Errno(-result).into()),
            result => Ok((i64::from(result), reply[IOCTL_OUT..].to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn a_request_number_says_how_many_bytes_go_and_come() {
        let table = [
            (0x5413, (0, 0)),
            (0xc008_7a01, (8, 8)),
            (0x4008_7a01, (8, 0)),
            (0x802c_542a, (0, 44)),
            (0x8008_6601, (0, 4)),
            (0x4008_6602, (4, 0)),
        ];
        for (request, expected) in table {
            assert_eq!(sizes(request), expected, "{request:x}");
        }
    }
}
