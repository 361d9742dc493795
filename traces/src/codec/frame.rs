//! The fixed parts of the container: prelude, block head, footer.

use bincode::{BorrowDecode, Encode};

use super::{Input, put};

/// Bytes of a [`Prelude`].
pub(crate) const PRELUDE_LEN: usize = 16;
/// Bytes of a [`BlockHead`].
pub(crate) const BLOCK_HEAD_LEN: usize = 72;
/// Bytes of a [`Footer`].
pub(crate) const FOOTER_LEN: usize = 40;
/// The footer's first bytes.
pub(crate) const FOOTER_SYNC: [u8; 4] = *b"FRT\x1a";

/// What a file begins with; the header's JSON and its checksum follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(crate) struct Prelude {
    pub(crate) magic: [u8; 8],
    pub(crate) major: u16,
    pub(crate) minor: u16,
    pub(crate) header_len: u32,
}

/// What a block begins with; `stored_len` bytes of body follow, then zeros to a multiple of 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, BorrowDecode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(crate) struct BlockHead {
    pub(crate) sync: [u8; 8],
    pub(crate) kind: u16,
    pub(crate) codec: u8,
    pub(crate) flags: u8,
    pub(crate) schema: u16,
    /// Zero; readers do not look.
    pub(crate) reserved: u16,
    pub(crate) raw_len: u32,
    pub(crate) stored_len: u32,
    pub(crate) count: u32,
    /// crc32c of the stored body.
    pub(crate) body_crc: u32,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
    /// Zero; makes the head a multiple of 8.
    pub(crate) reserved_tail: u32,
    /// crc32c of everything above.
    pub(crate) head_crc: u32,
}

/// What a complete file ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(crate) struct Footer {
    pub(crate) sync: [u8; 4],
    /// crc32c of everything below.
    pub(crate) crc: u32,
    pub(crate) index_offset: u64,
    pub(crate) operations: u64,
    pub(crate) stream_id: [u8; 16],
}

impl Prelude {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, *self);
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Prelude> {
        Input::new(bytes).take("prelude").ok()
    }
}

impl BlockHead {
    /// Appends the head with the right checksum.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        put(out, *self);
        let crc_at = out.len() - 4;
        let crc = crc32c::crc32c(&out[start..crc_at]);
        out[crc_at..].copy_from_slice(&crc.to_le_bytes());
    }

    /// The head at the beginning of `bytes`, if its checksum holds.
    pub(crate) fn parse(bytes: &[u8]) -> Option<BlockHead> {
        let bytes = bytes.get(..BLOCK_HEAD_LEN)?;
        let head: BlockHead = Input::new(bytes).take("block head").ok()?;
        let crc = crc32c::crc32c(&bytes[..BLOCK_HEAD_LEN - 4]);
        (head.head_crc == crc).then_some(head)
    }
}

impl Footer {
    /// Appends the footer with the right checksum.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        put(out, *self);
        let crc = crc32c::crc32c(&out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    }

    /// The footer at the beginning of `bytes`, if its checksum holds.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Footer> {
        let bytes = bytes.get(..FOOTER_LEN)?;
        let footer: Footer = Input::new(bytes).take("footer").ok()?;
        let crc = crc32c::crc32c(&bytes[8..]);
        (footer.sync == FOOTER_SYNC && footer.crc == crc).then_some(footer)
    }
}
