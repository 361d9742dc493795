//! The ordinary path: what FUSE does with an operation that the pipeline did not serve.
//!
//! One plain request a call, built from the ORIGINAL arguments of the VFS (PIPE-9), and its reply
//! applied to inodes, dentries and handles. It asks no filter and knows no client; what a system
//! call does besides (refreshing attributes, clearing setuid bits) is in [`crate::vfs`]. A reader
//! would get wrong that the page cache used here knows nothing of what the pipeline writes.

mod acl;
mod attr;
mod dir;
mod exchange;
mod file;
mod ioctl;
mod lent;
mod lock;
mod names;
mod pages;
mod poll;
mod revalidate;
mod xattr;

pub(crate) use exchange::{Halt, Ordinary};
pub(crate) use lent::Lender;
pub(crate) use lock::AskedLock;
pub use poll::PollWait;
pub(crate) use revalidate::{Validity, Want};
