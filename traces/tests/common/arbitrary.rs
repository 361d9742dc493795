//! Arbitrary records: every number in every field, and the likely ones more often.

use fuserig_traces::calls::{CallNr, OutField};
use fuserig_traces::record::{
    CallFlags, CallRecord, NoteKind, NoteRecord, OpFlags, OpRecord, Payload, PayloadDigest,
    PayloadId, PayloadRecord, Record, StageKind, StageRecord, TreeRecord, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn number() -> BoxedStrategy<u64> {
    prop_oneof![
        3 => 0u64..50,
        2 => any::<u32>().prop_map(u64::from),
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ]
    .boxed()
}

fn signed() -> BoxedStrategy<i64> {
    prop_oneof![
        3 => -200i64..200,
        1 => any::<i64>(),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => 0x3fff_fff0i64..0x4000_0002,
    ]
    .boxed()
}

fn bytes() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => "[a-z./\"\\\\ -]{0,12}".prop_map(String::into_bytes),
        2 => "[a-c]{1,3}\0".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..40),
        1 => vec(prop_oneof![Just(0u8), any::<u8>()], 0..150),
        // Lengths of FUSE structs, mostly zeros: typed views print these as fields.
        2 => (proptest::sample::select(vec![8usize, 16, 24, 40, 64, 104, 128]),
              vec(any::<(u8, u8)>(), 0..6))
            .prop_map(|(len, set)| {
                let mut bytes = vec![0; len];
                for (at, value) in set {
                    bytes[usize::from(at) % len] = value;
                }
                bytes
            }),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{0,20}", any::<String>()].boxed()
}

fn payload() -> BoxedStrategy<Payload> {
    prop_oneof![
        3 => Just(Payload::None),
        1 => number().prop_map(Payload::Len),
        1 => (number(), any::<[u8; 16]>())
            .prop_map(|(len, id)| Payload::Ref { len, id: PayloadId(id) }),
        1 => (number(), any::<[u8; 16]>())
            .prop_map(|(len, digest)| Payload::Digest { len, digest: PayloadDigest(digest) }),
        1 => bytes().prop_map(Payload::Inline),
    ]
    .boxed()
}

prop_compose! {
    fn op()(
        opcode in prop_oneof![4 => 0u16..55, 1 => any::<u16>()],
        flags in prop_oneof![3 => Just(0), 1 => 0u16..80, 1 => any::<u16>()],
        seqs in (number(), number(), number(), number()),
        ids in (number(), number(), any::<u32>(), any::<u32>(), any::<u32>()),
        result in signed(),
        request in bytes(),
        reply in bytes(),
        payload in payload(),
    ) -> OpRecord {
        let (seq_send, seq_reply, time_ns, duration_ns) = seqs;
        let (unique, nodeid, uid, gid, pid) = ids;
        OpRecord {
            opcode, flags: OpFlags(flags), seq_send, seq_reply, time_ns, duration_ns, unique,
            nodeid, uid, gid, pid, result, request, reply, payload,
        }
    }
}

prop_compose! {
    fn stage()(
        op_seq in number(),
        step in any::<u8>(),
        kind in prop_oneof![3 => 0u16..30, 1 => any::<u16>()],
        slot in prop_oneof![Just(0xffff), 0u16..100],
        code in signed(),
        detail in bytes(),
    ) -> StageRecord {
        StageRecord { op_seq, step, kind: StageKind(kind), slot, code, detail }
    }
}

fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        signed().prop_map(Value::Int),
        number().prop_map(Value::UInt),
        bytes().prop_map(Value::Bytes),
    ]
    .boxed()
}

prop_compose! {
    fn call()(
        seqs in (number(), number(), number(), number()),
        client in any::<u32>(),
        nr in prop_oneof![5 => 0u16..75, 1 => any::<u16>()],
        flags in prop_oneof![3 => Just(0), 1 => any::<u16>()],
        args in vec(value(), 0..8),
        result in signed(),
        errno in prop_oneof![3 => Just(0), 2 => 0u16..140, 1 => any::<u16>()],
        out in vec((prop_oneof![0u16..60, any::<u16>()], value()), 0..4),
        source_line in number(),
    ) -> CallRecord {
        let (seq_send, seq_reply, time_ns, duration_ns) = seqs;
        let out = out.into_iter().map(|(field, value)| (OutField(field), value)).collect();
        CallRecord {
            seq_send, seq_reply, time_ns, duration_ns, client, nr: CallNr(nr),
            flags: CallFlags(flags), args, result, errno, out, source_line,
        }
    }
}

/// A call whose arguments have the forms that its row asks for.
fn proper_call() -> impl Strategy<Value = CallRecord> {
    (call(), vec((signed(), number(), bytes()), 8)).prop_map(|(mut call, values)| {
        use fuserig_traces::calls::Shape;
        if let Some(spec) = call.nr.spec() {
            let pairs = spec.args.iter().zip(values);
            call.args = pairs
                .map(|((_, kind), (int, uint, bytes))| match kind.shape() {
                    Shape::Int => Value::Int(int),
                    Shape::UInt => Value::UInt(uint),
                    Shape::Bytes => Value::Bytes(bytes),
                })
                .collect();
        }
        call
    })
}

/// Any record.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        6 => op().prop_map(Record::from).boxed(),
        3 => stage().prop_map(Record::from).boxed(),
        2 => call().prop_map(Record::from).boxed(),
        3 => proper_call().prop_map(Record::from).boxed(),
        1 => bytes().prop_map(|bytes| Record::from(PayloadRecord::new(bytes))),
        1 => (any::<[u8; 16]>(), bytes())
            .prop_map(|(id, bytes)| Record::from(PayloadRecord { id: PayloadId(id), bytes })),
        1 => (number(), text(), bytes())
            .prop_map(|(seq, label, text)| Record::from(TreeRecord { seq, label, text })),
        1 => (number(), any::<u16>(), number(), text()).prop_map(|(seq, kind, count, text)| {
            Record::from(NoteRecord { seq, kind: NoteKind(kind % 7), count, text })
        }),
    ]
}

/// Property tests draw the same cases in every run and on every machine. What they find is kept as
/// a case of its own, not as a seed.
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}

/// Any records, in any order.
pub(crate) fn records(max: usize) -> impl Strategy<Value = Vec<Record>> {
    vec(record(), 0..max)
}
