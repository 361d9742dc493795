//! Notifications: messages that a daemon sends unasked, and what they do to the caches
//! (`fuse_notify` of Linux 6.12).
//!
//! They arrive as a reply with `unique` 0 whose error is the code. What a reader would get wrong:
//! a notification only makes the kernel forget or know; nothing is asked of the daemon before the
//! next system call needs it, so its effect shows in the requests that follow.

use fuserig_abi::{Errno, NodeId};

const POLL: i32 = 1;
const INVAL_INODE: i32 = 2;
const INVAL_ENTRY: i32 = 3;
const STORE: i32 = 4;
const RETRIEVE: i32 = 5;
const DELETE: i32 = 6;
/// `FUSE_NAME_MAX`.
const NAME_MAX: usize = 1024;
/// `FUSE_EXPIRE_ONLY`: the name is asked about again before it is used, and does not go.
const EXPIRE_ONLY: u32 = 1;

/// A notification as the kernel reads it.
///
/// ```
/// use fuserig::kernel::Notice;
/// use fuserig_abi::{Errno, NodeId};
///
/// let mut body = 7_u64.to_le_bytes().to_vec();
/// body.extend(0_i64.to_le_bytes());
/// body.extend((-1_i64).to_le_bytes());
/// let all_of_it = Notice::InvalInode { node: NodeId(7), offset: 0, length: -1 };
/// assert_eq!(Notice::decode(2, &body), Ok(all_of_it));
/// assert_eq!(Notice::decode(2, &body[1..]), Err(Errno::EINVAL));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// `FUSE_NOTIFY_POLL`: somebody who polls should look again.
    Poll {
        /// The `kh` of a POLL request.
        kh: u64,
    },
    /// `FUSE_NOTIFY_INVAL_INODE`: attributes are not known any more, nor are pages of a range.
    InvalInode {
        /// The file.
        node: NodeId,
        /// Where the range begins, in bytes; a negative one leaves the pages alone.
        offset: i64,
        /// Its length in bytes; 0 or less means to the end.
        length: i64,
    },
    /// `FUSE_NOTIFY_INVAL_ENTRY`: a name is not known any more.
    InvalEntry {
        /// The directory.
        parent: NodeId,
        /// The name.
        name: &'a [u8],
        /// It only is to be asked about again (`FUSE_EXPIRE_ONLY`).
        expire_only: bool,
    },
    /// `FUSE_NOTIFY_STORE`: contents for the page cache.
    Store {
        /// The file.
        node: NodeId,
        /// Where they go, in bytes.
        offset: u64,
        /// The contents.
        data: &'a [u8],
    },
    /// `FUSE_NOTIFY_RETRIEVE`: contents of the page cache are wanted.
    Retrieve {
        /// The `unique` of the answer.
        unique: u64,
        /// The file.
        node: NodeId,
        /// Where they begin, in bytes.
        offset: u64,
        /// How many bytes at most.
        size: u32,
    },
    /// `FUSE_NOTIFY_DELETE`: a name is gone, and so is what it named.
    Delete {
        /// The directory.
        parent: NodeId,
        /// What the name should name.
        child: NodeId,
        /// The name.
        name: &'a [u8],
    },
}

impl<'a> Notice<'a> {
    /// Reads the bytes after the header of a notification.
    ///
    /// # Errors
    /// What `write` on the device returns: EINVAL for an unknown code and for a length that is
    /// not that of the code, ENAMETOOLONG for a name beyond `FUSE_NAME_MAX`.
    pub fn decode(code: i32, body: &'a [u8]) -> Result<Notice<'a>, Errno> {
        let word = |at: usize| {
            let bytes = body.get(at..at + 8).ok_or(Errno::EINVAL)?;
            Ok::<u64, Errno>(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
        };
        let half = |at: usize| {
            let bytes = body.get(at..at + 4).ok_or(Errno::EINVAL)?;
            Ok::<u32, Errno>(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
        };
        let of_length = |length: usize| {
            if body.len() == length { Ok(()) } else { Err(Errno::EINVAL) }
        };
        match code {
            POLL => {
                of_length(8)?;
                Ok(Notice::Poll { kh: word(0)? })
            }
            INVAL_INODE => {
                of_length(24)?;
                let (node, offset) = (NodeId(word(0)?), word(8)? as i64);
                Ok(Notice::InvalInode { node, offset, length: word(16)? as i64 })
            }
            INVAL_ENTRY => {
                let (parent, expire_only) = (NodeId(word(0)?), half(12)? & EXPIRE_ONLY != 0);
                let name = name(&body[16..], half(8)?)?;
                Ok(Notice::InvalEntry { parent, name, expire_only })
            }
            STORE => {
                let (node, offset, size) = (NodeId(word(0)?), word(8)?, half(16)?);
                let data = body.get(24..).ok_or(Errno::EINVAL)?;
                let fits = data.len() == size as usize;
                let ends = offset.checked_add(u64::from(size)).is_some_and(|end| end >> 63 == 0);
                if fits && ends {
                    Ok(Notice::Store { node, offset, data })
                } else {
                    Err(Errno::EINVAL)
                }
            }
            RETRIEVE => {
                of_length(32)?;
                let (unique, node) = (word(0)?, NodeId(word(8)?));
                Ok(Notice::Retrieve { unique, node, offset: word(16)?, size: half(24)? })
            }
            DELETE => {
                let (parent, child) = (NodeId(word(0)?), NodeId(word(8)?));
                let name = name(body.get(24..).ok_or(Errno::EINVAL)?, half(16)?)?;
                Ok(Notice::Delete { parent, child, name })
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

/// A name of a given length and the byte that ends it, whatever that is.
fn name(bytes: &[u8], length: u32) -> Result<&[u8], Errno> {
    let length = length as usize;
    if length > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    if bytes.len() == length + 1 { Ok(&bytes[..length]) } else { Err(Errno::EINVAL) }
}
