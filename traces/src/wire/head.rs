//! The heads of requests and replies.

use super::bytes::{u16_at, u32_at, u64_at};

/// `struct fuse_in_header`, which begins every request (FUSE protocol 7.0; the extension length
/// since 7.38).
///
/// ```
/// use fuserig_traces::wire::RequestHead;
/// let head = RequestHead { len: 56, opcode: 3, unique: 4, nodeid: 1, ..RequestHead::default() };
/// let mut bytes = Vec::new();
/// head.put(&mut bytes);
/// assert_eq!(bytes.len(), RequestHead::LEN);
/// assert_eq!(RequestHead::parse(&bytes), Some(head));
/// assert_eq!(RequestHead::parse(&bytes[..39]), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// Length of the whole request in bytes.
    pub len: u32,
    /// The operation, with the phase bits of fuse-bpf.
    pub opcode: u32,
    /// Identity of the request, minted by the kernel.
    pub unique: u64,
    /// The node that it is about.
    pub nodeid: u64,
    /// User id of the caller.
    pub uid: u32,
    /// Group id of the caller.
    pub gid: u32,
    /// Process id of the caller; 0 for the kernel's own requests.
    pub pid: u32,
    /// Length of the extensions behind the arguments, in units of 8 bytes.
    pub total_extlen: u16,
    /// Unused by every kernel so far.
    pub padding: u16,
}

impl RequestHead {
    /// Its length in bytes.
    pub const LEN: usize = 40;

    /// Reads the head of a message; `None` when the message is shorter.
    pub fn parse(message: &[u8]) -> Option<RequestHead> {
        Some(RequestHead {
            len: u32_at(message, 0)?,
            opcode: u32_at(message, 4)?,
            unique: u64_at(message, 8)?,
            nodeid: u64_at(message, 16)?,
            uid: u32_at(message, 24)?,
            gid: u32_at(message, 28)?,
            pid: u32_at(message, 32)?,
            total_extlen: u16_at(message, 36)?,
            padding: u16_at(message, 38)?,
        })
    }

    /// Appends the head.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.opcode.to_le_bytes());
        out.extend_from_slice(&self.unique.to_le_bytes());
        out.extend_from_slice(&self.nodeid.to_le_bytes());
        out.extend_from_slice(&self.uid.to_le_bytes());
        out.extend_from_slice(&self.gid.to_le_bytes());
        out.extend_from_slice(&self.pid.to_le_bytes());
        out.extend_from_slice(&self.total_extlen.to_le_bytes());
        out.extend_from_slice(&self.padding.to_le_bytes());
    }

    /// Whether a read of `moved` bytes that begins so can be a request: the length agrees, the
    /// operation is one that some kernel sends, and what is unused is zero. Ordinary file data
    /// practically never pass.
    pub fn is_plausible(&self, moved: u64) -> bool {
        /// Phase bits of fuse-bpf, and the numbers of CUSE and of Android.
        const PHASES: u32 = 0x3_0000;
        const OPCODE_MAX: u32 = 64;
        let base = self.opcode & !PHASES;
        let known = (1..=OPCODE_MAX).contains(&base) || base == 4096 || base == 2016;
        u64::from(self.len) == moved && known && self.padding == 0 && self.unique != 0
    }
}

/// `struct fuse_out_header`, which begins every reply and every notification (FUSE protocol 7.0).
///
/// ```
/// use fuserig_traces::wire::ReplyHead;
/// let head = ReplyHead { len: 16, error: -2, unique: 4 };
/// let mut bytes = Vec::new();
/// head.put(&mut bytes);
/// assert_eq!(ReplyHead::parse(&bytes), Some(head));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// Length of the whole reply in bytes.
    pub len: u32,
    /// Zero or a negative errno; the code of a notification, which is positive.
    pub error: i32,
    /// The request that is answered; 0 for a notification.
    pub unique: u64,
}

impl ReplyHead {
    /// Its length in bytes.
    pub const LEN: usize = 16;

    /// Reads the head of a message; `None` when the message is shorter.
    pub fn parse(message: &[u8]) -> Option<ReplyHead> {
        Some(ReplyHead {
            len: u32_at(message, 0)?,
            error: u32_at(message, 4)?.cast_signed(),
            unique: u64_at(message, 8)?,
        })
    }

    /// Appends the head.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.error.to_le_bytes());
        out.extend_from_slice(&self.unique.to_le_bytes());
    }
}
