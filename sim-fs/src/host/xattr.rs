//! Extended attributes. Linux has no descriptor form for `O_PATH`, so these go through the
//! node's name in `/proc/self/fd`, which leads to the node itself, also when it is a symbolic link.

use fuserig_abi::{Caller, Errno, Ino};

use super::HostFs;
use super::handle::errno;
use super::identity::As;
use crate::{LowerReply, XattrFlags};

/// `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`: the kernel itself clamps larger buffers to this.
const SIZE_MAX: usize = 65536;

impl HostFs {
    fn xattr_path(&self, node: Ino) -> Result<String, Errno> {
        Ok(format!("/proc/self/fd/{}", self.proc_name(node)?))
    }

    pub(super) fn xattr_value(
        &self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
        size_max: usize,
    ) -> Result<LowerReply, Errno> {
        let path = self.xattr_path(node)?;
        self.identity.run(As::Caller(caller), || {
            sized(size_max, |buffer| match buffer {
                None => rustix::fs::getxattr_query(path.as_str(), name),
                Some(buffer) => rustix::fs::getxattr(path.as_str(), name, buffer),
            })
        })
    }

    pub(super) fn xattr_names(
        &self,
        caller: &Caller,
        node: Ino,
        size_max: usize,
    ) -> Result<LowerReply, Errno> {
        let path = self.xattr_path(node)?;
        self.identity.run(As::Caller(caller), || {
            sized(size_max, |buffer| match buffer {
                None => rustix::fs::listxattr_query(path.as_str()),
                Some(buffer) => rustix::fs::listxattr(path.as_str(), buffer),
            })
        })
    }

    pub(super) fn xattr_set(
        &self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<(), Errno> {
        let path = self.xattr_path(node)?;
        let flags = rustix::fs::XattrFlags::from_bits_retain(flags.bits());
        self.identity.run(As::Caller(caller), || {
            rustix::fs::setxattr(path.as_str(), name, value, flags).map_err(errno)
        })
    }

    pub(super) fn xattr_remove(
        &self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
    ) -> Result<(), Errno> {
        let path = self.xattr_path(node)?;
        self.identity
            .run(As::Caller(caller), || rustix::fs::removexattr(path.as_str(), name).map_err(errno))
    }
}

/// Asks for the length when there is no room, for the bytes otherwise.
fn sized(
    size_max: usize,
    ask: impl Fn(Option<&mut [u8]>) -> rustix::io::Result<usize>,
) -> Result<LowerReply, Errno> {
    if size_max == 0 {
        return Ok(LowerReply::Count(ask(None).map_err(errno)? as u64));
    }
    let mut buffer = vec![0; size_max.min(SIZE_MAX)];
    let length = ask(Some(&mut buffer)).map_err(errno)?;
    buffer.truncate(length);
    Ok(LowerReply::Bytes(buffer))
}
