//! Compression of block bodies and of logs: the only module that names zstd.

use std::io::{self, BufRead, Read};

use zstd::zstd_safe;

/// What is decompressed into at first, however much a block claims: this and
/// [`EXPANSION`] times the bytes that are really there.
const FIRST_ROOM: usize = 1 << 20;
/// Few blocks expand by more; those are tried again with more room.
const EXPANSION: usize = 64;

/// Compresses blocks, with one context for all.
pub(crate) struct Compressor {
    context: zstd::bulk::Compressor<'static>,
}

/// Decompresses blocks, with one context for all.
pub(crate) struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
}

impl Compressor {
    pub(crate) fn new(level: i32) -> io::Result<Compressor> {
        Ok(Compressor { context: zstd::bulk::Compressor::new(level)? })
    }

    /// Replaces `stored` by the compressed form of `raw`.
    pub(crate) fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> io::Result<()> {
        stored.clear();
        stored.reserve(zstd_safe::compress_bound(raw.len()));
        self.context.compress_to_buffer(raw, stored)?;
        Ok(())
    }
}

impl Decompressor {
    pub(crate) fn new() -> io::Result<Decompressor> {
        Ok(Decompressor { context: zstd::bulk::Decompressor::new()? })
    }

    /// Replaces `raw` by the decompressed form of `stored`, which must be `raw_len` bytes.
    ///
    /// Room grows with what the data turn out to hold, not with what the block claims.
    pub(crate) fn decompress(
        &mut self,
        stored: &[u8],
        raw_len: usize,
        raw: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        // The frame repeats its length. A second opinion, before any memory is taken.
        if zstd_safe::get_frame_content_size(stored).ok().flatten() != Some(raw_len as u64) {
            return Err("is compressed from another length than the block says");
        }
        let mut room = raw_len.min(FIRST_ROOM + EXPANSION * stored.len());
        loop {
            raw.clear();
            raw.reserve(room);
            match self.context.decompress_to_buffer(stored, raw) {
                Ok(len) if len == raw_len => return Ok(()),
                Ok(_) => return Err("decompresses to another length than the block says"),
                Err(_) if room < raw_len => room = raw_len.min(room.saturating_mul(8)),
                Err(_) => return Err("does not decompress"),
            }
        }
    }
}

/// Reads what a stream of zstd frames holds, such as a packed log.
pub(crate) fn unpack<R: BufRead>(packed: R) -> io::Result<impl Read> {
    zstd::Decoder::with_buffer(packed)
}

impl core::fmt::Debug for Compressor {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Compressor")
    }
}

impl core::fmt::Debug for Decompressor {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Decompressor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(raw: &[u8]) -> Vec<u8> {
        let mut stored = Vec::new();
        let mut compressor = Compressor::new(3).expect("there is memory for a context");
        compressor.compress(raw, &mut stored).expect("there is memory for the result");
        stored
    }

    #[test]
    fn a_block_that_expands_a_lot_is_decompressed_in_growing_room() {
        let raw = vec![7; 20 << 20];
        let mut back = Vec::new();
        let mut decompressor = Decompressor::new().expect("there is memory for a context");
        let stored = compressed(&raw);
        assert!(stored.len() * EXPANSION + FIRST_ROOM < raw.len(), "the case must grow");
        assert_eq!(decompressor.decompress(&stored, raw.len(), &mut back), Ok(()));
        assert!(back == raw);
    }

    #[test]
    fn a_length_that_is_not_true_takes_no_memory() {
        let stored = compressed(b"small");
        let mut back = Vec::new();
        let mut decompressor = Decompressor::new().expect("there is memory for a context");
        for claimed in [0, 4, 6, 1 << 40] {
            assert!(decompressor.decompress(&stored, claimed, &mut back).is_err());
        }
        assert_eq!(back.capacity(), 0);
        assert!(decompressor.decompress(b"no zstd at all", 5, &mut back).is_err());
    }
}
