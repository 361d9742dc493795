//! One seed, one trace: the stream ids of the corpus are the same in debug and release, on any
//! machine. The numbers change only when what is recorded changes, which is a breaking change.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig::replay::{ReplayOptions, Replayer};
use fuserig_abi::{Abi, Fidelity};
use fuserig_filters::builtin;
use fuserig_sim_fs::{MemFs, MemFsOptions};
use fuserig_traces::{PayloadMode, StreamId, Trace, TraceWriter};
use support::corpus_bytes;

fn stream_id(name: &str, filter: &str) -> StreamId {
    let trace = Trace::read(&corpus_bytes(name)[..]).expect("the corpus is readable");
    let options = ReplayOptions {
        abi: Abi::V4,
        fidelity: Fidelity::Faithful,
        filter: (filter != "none").then(|| builtin(filter).expect("a built-in filter")),
        lower: Box::new(MemFs::new(MemFsOptions::default())),
        payload: PayloadMode::Hash,
    };
    let mut replayer = Replayer::new(&trace.header, options).expect("the lower mounts");
    let mut writer =
        TraceWriter::create(Vec::new(), trace.header.clone()).expect("memory takes it");
    let stop = Arc::new(AtomicBool::new(false));
    replayer.run(&trace, Some(&mut writer), &stop, &mut |_, _| {}).expect("it has calls");
    writer.finish().expect("memory takes it").0.stream_id
}

#[test]
fn stream_ids_are_the_same_everywhere() {
    let ids: Vec<String> =
        [("shell", "none"), ("shell", "hide:*.jpg"), ("sqlite", "audit"), ("git", "none")]
            .iter()
            .map(|(name, filter)| {
                let id = stream_id(name, filter);
                assert_eq!(id, stream_id(name, filter), "{name} {filter}: the same run twice");
                format!("{name} {filter} {id}")
            })
            .collect();
    insta::assert_snapshot!(ids.join("\n"), @r"
    shell none ddc88f9131cac5f4247bf47d9a062c5b
    shell hide:*.jpg 427497d4429d6876531a7dcf7e17e6d1
    sqlite audit efaa6c0a7f2f62f230a0d0b4a4bad0a6
    git none 93de941f252708b8cbc40b832313cd78
    ");
}
