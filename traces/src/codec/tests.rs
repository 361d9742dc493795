//! Another crate writes the same bytes: bincode can be replaced without touching a file on disk.

use super::column::Column;
use super::row::{
    CallRow, NoteRow, OpRow, PayloadRecordRow, PayloadRow, StageRow, TreeRow, ValueRow,
};
use super::{
    BLOCK_HEAD_LEN, BlockHead, FOOTER_LEN, FOOTER_SYNC, Footer, PRELUDE_LEN, Prelude, put,
};

/// xorshift64: numbers of every size, the same in every run.
fn numbers() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    core::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> (state % 64)
    })
}

macro_rules! same {
    ($make:expr) => {{
        let mut ours = Vec::new();
        put(&mut ours, $make);
        assert_eq!(ours, wincode::serialize(&$make).expect("wincode writes it"));
        ours
    }};
}

#[test]
fn wincode_writes_the_same_rows() {
    let mut numbers = numbers();
    let mut next = || numbers.next().expect("there is no end of numbers");
    let bytes: Vec<u8> = (0..=255).collect();
    for _ in 0..2_000 {
        let (id, text) = ([next() as u8; 16], &bytes[next() as usize % 200..]);
        let payload = |which: u64, len: u64| match which % 5 {
            0 => PayloadRow::None,
            1 => PayloadRow::Len(len),
            2 => PayloadRow::Ref { len, id },
            3 => PayloadRow::Digest { len, digest: id },
            _ => PayloadRow::Inline(text),
        };
        let (which, word) = (next(), next());
        same!(OpRow {
            opcode: word as u16,
            flags: which as u16,
            seq_send: word,
            seq_reply: which,
            time_ns: word,
            duration_ns: which,
            unique: word,
            nodeid: which,
            uid: word as u32,
            gid: which as u32,
            pid: word as u32,
            result: which.cast_signed(),
            request: text,
            reply: &bytes[..which as usize % 200],
            payload: payload(which, word),
        });
        same!(StageRow {
            op_seq: word,
            step: which as u8,
            kind: word as u16,
            slot: which as u16,
            code: word.cast_signed(),
            detail: text,
        });
        same!(CallRow {
            seq_send: word,
            seq_reply: which,
            time_ns: word,
            duration_ns: which,
            client: word as u32,
            nr: which as u16,
            flags: word as u16,
            result: which.cast_signed(),
            errno: word as u16,
            source_line: which,
        });
        same!(match which % 3 {
            0 => ValueRow::Int(word.cast_signed()),
            1 => ValueRow::UInt(word),
            _ => ValueRow::Bytes(text),
        });
        same!(PayloadRecordRow { id, bytes: text });
        same!(TreeRow { seq: word, label: text, text: &bytes });
        same!(NoteRow { seq: word, kind: which as u16, count: word, text });
    }
}

#[test]
fn wincode_reads_and_writes_the_same_frames() {
    let prelude = Prelude { magic: *b"12345678", major: 1, minor: 2, header_len: 3 };
    assert_eq!(same!(prelude).len(), PRELUDE_LEN);
    let head = BlockHead { sync: *b"abcdefgh", kind: 7, last_time: 9, ..BlockHead::default() };
    let bytes = same!(head);
    assert_eq!(bytes.len(), BLOCK_HEAD_LEN);
    assert_eq!(wincode::deserialize::<BlockHead>(&bytes).expect("wincode reads it"), head);
    let footer =
        Footer { sync: FOOTER_SYNC, crc: 1, index_offset: 2, operations: 3, stream_id: [4; 16] };
    assert_eq!(same!(footer).len(), FOOTER_LEN);
}

#[test]
fn wincode_reads_a_column() {
    let mut bytes = Vec::new();
    super::Scratch::default().put(&mut bytes, &[1000, 3, 70_000, 9]);
    let column: Column<'_> = wincode::deserialize(&bytes).expect("wincode reads it");
    let mut values = Vec::new();
    column.expand(4, &mut values);
    assert_eq!(values, [1000, 3, 70_000, 9]);
}
