//! What the fuzz target and the mutation tests run: every reader of this crate on any bytes.
//!
//! Panics only when the crate breaks a promise. Hidden, because it is for tests.

use crate::codec::{BLOCK_HEAD_LEN, BlockHead};
use crate::format::BLOCK_SYNC;

use crate::stream_id::StreamHasher;
use crate::{ReadLimits, ReadOptions, Trace, TraceReader, text};

/// Enough to reach every branch, and few enough that a hostile file does not take seconds.
const RECORDS_MAX: u64 = 20_000;
/// Records of a block that also go through the text twin.
const LINES_MAX: usize = 10;

/// Reads `bytes` as a trace, as a trace whose checksums are right, and as a text twin; every record
/// that comes out must survive the text twin.
pub fn fuzz_entry(bytes: &[u8]) {
    container(bytes, LINES_MAX);
    let mut mended = bytes.to_vec();
    if mend_checksums(&mut mended) {
        container(&mended, LINES_MAX);
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        twin(text);
    }
}

/// The part of [`fuzz_entry`] that reads a trace whose checksums are right: where most of the code
/// is, and most of the ways to get it wrong.
pub fn fuzz_mended(bytes: &mut [u8]) {
    mend_checksums(bytes);
    container(bytes, 1);
}

fn container(bytes: &[u8], lines: usize) {
    let limits = ReadLimits { block_bytes: 1 << 22, records: RECORDS_MAX };
    let options = ReadOptions { limits, without_header: true };
    let Ok(mut reader) = TraceReader::open_with(bytes, options) else { return };
    let mut hasher = StreamHasher::new();
    while let Ok(Some(block)) = reader.next_block() {
        for (index, record) in block.iter().enumerate() {
            hasher.add(&record);
            if index < lines {
                let line = text::record_line(&record);
                let back = text::parse_line(&line);
                let same = back.as_ref().is_ok_and(|back| back.as_ref() == record);
                assert!(same, "the text twin lost something of {line}: {back:?}");
            }
        }
    }
    hasher.finish();
    assert!(reader.damage().lost_bytes() <= bytes.len() as u64, "more is lost than there was");
}

/// Every text that parses must survive printing.
fn twin(text: &str) {
    let Ok(mut trace) = text::parse(text) else { return };
    let printed = text::print(&trace);
    let back = text::parse(&printed);
    trace.sort();
    let same = back.as_ref().is_ok_and(|back: &Trace| *back == trace);
    assert!(same, "printing lost something of {printed}: {back:?}");
}

/// Puts right checksums on everything that begins like a block, so that what is behind them is
/// reached; returns whether there was any.
pub fn mend_checksums(bytes: &mut [u8]) -> bool {
    let mut any = false;
    let mut at = 0;
    while at + BLOCK_HEAD_LEN <= bytes.len() {
        if bytes[at..at + BLOCK_SYNC.len()] != BLOCK_SYNC {
            at += 1;
            continue;
        }
        any = true;
        let (head, body) = bytes[at..].split_at_mut(BLOCK_HEAD_LEN);
        // The fields by their places: a head with a wrong checksum cannot be parsed.
        let stored_len: [u8; 4] = head[20..24].try_into().expect("four bytes");
        let stored_len = (u32::from_le_bytes(stored_len) as usize).min(body.len());
        head[28..32].copy_from_slice(&crc32c::crc32c(&body[..stored_len]).to_le_bytes());
        let crc = crc32c::crc32c(&head[..BLOCK_HEAD_LEN - 4]);
        head[BLOCK_HEAD_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        assert!(BlockHead::parse(head).is_some(), "the checksum was just computed");
        at += BLOCK_HEAD_LEN;
    }
    any
}
