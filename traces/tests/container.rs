//! The container: what is written is read again, whatever it is and however it is laid out.

#[path = "common/arbitrary.rs"]
mod arbitrary;
#[path = "common/load.rs"]
mod load;

use fuserig_traces::record::{Record, RecordKind};
use fuserig_traces::{Header, Trace, TraceReader, TraceWriter, WriteOptions};
use load::Load;
use proptest::prelude::*;

/// The records of each kind, in their order.
fn by_kind(records: &[Record]) -> Vec<Vec<&Record>> {
    let of = |kind| records.iter().filter(|record| record.kind() == kind).collect();
    RecordKind::ALL.into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(arbitrary::cases(256))]
    #[test]
    fn records_survive_every_layout_and_keep_their_stream_id(
        records in arbitrary::records(60),
        zstd_level in prop_oneof![Just(None), Just(Some(1)), Just(Some(3))],
        block_bytes in prop_oneof![Just(1usize), Just(200), Just(192 << 10)],
    ) {
        let trace = Trace { header: Header::default(), records };
        let mut file = Vec::new();
        let options = WriteOptions { zstd_level, block_bytes, ..WriteOptions::default() };
        let summary = trace.write_with(&mut file, options).expect("memory takes it");
        let (back, damage) = Trace::read_damaged(&file[..]).expect("what was written is readable");
        prop_assert!(damage.is_empty(), "{damage:?}");
        prop_assert_eq!(by_kind(&back.records), by_kind(&trace.records));
        prop_assert_eq!(back.stream_id(), summary.stream_id);
        prop_assert_eq!(trace.stream_id(), summary.stream_id);
        prop_assert_eq!(summary.bytes, file.len() as u64);

        let mut sorted = trace.clone();
        sorted.sort();
        prop_assert_eq!(by_kind(&sorted.records), by_kind(&trace.records));
    }
}

fn sample(ops: usize) -> Vec<u8> {
    let mut load = Load::new(7);
    let mut writer = TraceWriter::create(Vec::new(), Header::default()).expect("memory takes it");
    for _ in 0..ops {
        writer.append(load.op()).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").1
}

#[test]
fn an_operation_takes_at_most_twenty_bytes_of_metadata() {
    let ops = 50_000;
    let file = sample(ops);
    let mut reader = TraceReader::open(&file[..]).expect("what was written is readable");
    let (mut blocks, mut raw) = (Vec::new(), 0);
    while let Some(block) = reader.next_block().expect("what was written is readable") {
        blocks.push(block.raw_len());
        raw += block.raw_len();
    }
    blocks.pop(); // The last block is as large as what was left.
    println!("{} bytes for {ops} operations, {raw} before compression", file.len());
    assert!(file.len() <= 20 * ops, "{} bytes for {ops} operations", file.len());
    for raw_len in blocks {
        assert!((64 << 10..=256 << 10).contains(&raw_len), "a block of {raw_len} bytes");
    }
}
