//! The kernel side of a FUSE mount: inodes, dentries, handles, and the world they live in.
//!
//! This module keeps state and counts references; it decides nothing. What happens to a request
//! is decided in [`crate::pipeline`], which requests a system call makes in [`crate::vfs`]. A
//! reader would get wrong that a FUSE inode and its lower inode are different things with
//! different lives: several FUSE inodes may stand on one lower inode (LOOK-1).

mod ahead;
mod connection;
mod dentry;
mod handle;
mod inode;
mod mount;
mod notice;
mod notified;
mod root;
mod slab;
mod under_way;
mod world;

pub use ahead::{ReadAhead, Window};
pub(crate) use connection::INIT_OUT;
pub use connection::{Connection, Unknown};
pub use dentry::{BackingPath, Dentry};
pub use handle::Handle;
pub use inode::{CachedPage, FuseInode, KnownAcl, StatMask};
pub use mount::{Evicted, Leaks, Mount, MountOptions};
pub use notice::Notice;
pub use root::{MountRefused, RootDir, RootOptions, Server};
pub use slab::{DentryId, HandleId, InodeId, Key, Slab};
pub(crate) use under_way::Found;
pub use under_way::UnderWay;
pub use world::{FilterId, World, WorldConfig};
