//! Speed of appending and decoding, and the bytes that an operation takes.
//!
//! Targets on one core: decode at least 5 M operations/s from zstd blocks with borrowed records,
//! append at least 1 M/s, at most 20 bytes an operation after zstd level 3.

#[path = "../tests/common/load.rs"]
mod load;

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fuserig_traces::record::OpRecord;
use fuserig_traces::{Header, TraceReader, TraceWriter};
use load::Load;

const OPS: usize = 1_000_000;

fn write(ops: &[OpRecord], output: impl io::Write) -> u64 {
    let mut writer = TraceWriter::create(output, Header::default()).expect("the output takes it");
    for op in ops {
        writer.append(op.as_ref()).expect("the output takes it");
    }
    writer.finish().expect("the output takes it").0.bytes
}

fn decode(file: &[u8]) -> (usize, u64) {
    let mut reader = TraceReader::open(file).expect("what was written is readable");
    let (mut count, mut sum) = (0, 0);
    while let Some(block) = reader.next_block().expect("what was written is readable") {
        for op in block.ops() {
            count += 1;
            // Looks at every field, so that none is optimised away.
            sum += u64::from(op.opcode) + op.seq_send + op.seq_reply + op.time_ns;
            sum += op.duration_ns + op.unique + op.nodeid + u64::from(op.uid ^ op.gid ^ op.pid);
            sum += op.request.len() as u64 + u64::from(op.reply.last().copied().unwrap_or(0));
            sum += op.payload.len().unwrap_or(0) + op.result.cast_unsigned();
        }
    }
    (count, sum)
}

fn trace(criterion: &mut Criterion) {
    let mut load = Load::new(1);
    let ops: Vec<OpRecord> = (0..OPS).map(|_| load.op().to_owned()).collect();
    let mut file = Vec::new();
    let bytes = write(&ops, &mut file);
    let hundredths = bytes * 100 / OPS as u64;
    #[expect(clippy::print_stdout, reason = "the figure is one of the targets")]
    {
        println!("{}.{:02} bytes/op", hundredths / 100, hundredths % 100);
    }
    assert_eq!(decode(&file).0, OPS);

    let mut group = criterion.benchmark_group("trace");
    group.throughput(Throughput::Elements(OPS as u64)).sample_size(10);
    group.bench_function("append", |bench| bench.iter(|| write(&ops, io::sink())));
    group.bench_function("decode", |bench| bench.iter(|| decode(black_box(&file))));
    group.finish();
}

criterion_group!(benches, trace);
criterion_main!(benches);
