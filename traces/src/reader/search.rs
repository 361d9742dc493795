//! Finding the next block behind something that is none.
//!
//! A head with a right checksum is believed. So the blocks of another trace that lies, stored as
//! plain bytes, inside a damaged block are taken for blocks of this one; the stream id then does
//! not fit the footer, which `verify` reports.

use std::io::Read;

use super::{DamageKind, TraceReader};
use crate::TraceError;
use crate::codec::{BLOCK_HEAD_LEN, BlockHead, FOOTER_SYNC, Footer};
use crate::format::BLOCK_SYNC;

impl<R: Read> TraceReader<R> {
    /// Moves to the next place after this one where a block or the footer begins, or to the end.
    pub(super) fn resync(&mut self, kind: DamageKind) -> Result<(), TraceError> {
        let from = self.window.offset();
        let mut skip = 1;
        loop {
            self.window.consume(skip);
            let more = self.fill(BLOCK_HEAD_LEN)?;
            let bytes = self.window.bytes();
            // A start that is cut by the end of the file is no start: nothing can follow it.
            let last = if more { bytes.len() - BLOCK_HEAD_LEN + 1 } else { bytes.len() };
            let found = (0..last).find(|&at| is_whole_start(&bytes[at..]));
            skip = found.unwrap_or(last);
            if found.is_some() || !more {
                self.window.consume(skip);
                self.damage.add(from, self.window.offset() - from, kind);
                return Ok(());
            }
        }
    }
}

/// The head at the beginning of `bytes`, if it is one with a right checksum.
pub(super) fn parse_head(bytes: &[u8]) -> Option<BlockHead> {
    BlockHead::parse(bytes).filter(|head| head.sync == BLOCK_SYNC)
}

/// Whether a block or a footer may begin here.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    // Almost all places are ruled out by their first byte.
    if bytes[0] != BLOCK_SYNC[0] && bytes[0] != FOOTER_SYNC[0] {
        return false;
    }
    let begins = |sync: &[u8]| {
        let len = sync.len().min(bytes.len());
        bytes[..len] == sync[..len]
    };
    begins(&BLOCK_SYNC) || begins(&FOOTER_SYNC)
}

/// Whether a head or footer with a right checksum is here.
fn is_whole_start(bytes: &[u8]) -> bool {
    is_start(bytes) && (parse_head(bytes).is_some() || Footer::parse(bytes).is_some())
}
