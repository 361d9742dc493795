//! A directory of the host as a [`Lower`](crate::Lower): the reference arm of every comparison,
//! and the lower of a replay that has to touch real files.
//!
//! What it refuses to do: leave the directory (no symbolic link is followed, no mount point is
//! entered), open a device or a fifo of the host (reads and writes of such handles are answered
//! here), and act with more rights than the caller has, except where the VFS entry point that an
//! operation stands for asks for none.
//!
//! What a reader would get wrong: a node is a descriptor, never a path, so a rename moves a
//! subtree without any bookkeeping here (of files that were let alone for long, while there are
//! more than descriptors, a name in a directory stands for it: `parked`); and the clock is the
//! host's, because the host stamps most times itself. `Caller::now` is ignored throughout, also by
//! [`SetTime::Now`](crate::SetTime::Now).
//!
//! # Process-wide effects
//!
//! [`HostFs::open`] sets the umask of the process to 0 (the mode of a creation is applied as
//! given, and a default ACL replaces the umask, so it cannot be applied afterwards) and raises
//! the soft limit of descriptors to the hard one. Acting as a caller changes the credentials of
//! the calling thread for the length of one operation; Linux then marks the process as not
//! dumpable.
//!
//! # What is not answered as the kernel would
//!
//! - Byte range locks ([`LowerOp::GetLock`](crate::LowerOp::GetLock) and `SetLock`) are
//!   `EOPNOTSUPP`: POSIX locks of the host belong to a process, and this process stands for many
//!   owners. `Flush` therefore has nothing to drop and succeeds. `Flock` works, except on devices
//!   and fifos (`EOPNOTSUPP`).
//! - [`LowerOp::Forget`](crate::LowerOp::Forget) closes the descriptor at once, so the number
//!   answers `ESTALE` until a lookup finds the same file again, under the same number.
//! - Records of a directory carry the number a lookup would give, but the node is addressable
//!   only after that lookup.
//! - A directory that others change while it is listed shows up to a thousand names from before
//!   that, as readdir(3) does; what is changed through this filesystem shows at once.
//! - A change of several attributes is several system calls. When a later one is refused the
//!   earlier ones are undone; only the change time shows it.
//! - Reading a link touches its access time, which `vfs_get_link` does not.

mod ahead;
mod attr;
mod device;
mod dir;
mod dispatch;
mod error;
mod file;
mod fs;
mod handle;
mod identity;
mod names;
mod nodes;
mod open;
mod parked;
mod sights;
mod xattr;

pub use error::HostError;
pub use fs::HostFs;
