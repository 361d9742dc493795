//! A filter as clang made it, judged by what it promises and by its twin in Rust.

use fuserig::prelude::*;
use fuserig_filters::engine::{BpfFilter, Limits};

const OBJECT: &[u8] = include_bytes!("../../filters/bpf/read_only.o");

fn read_only() -> BpfFilter {
    BpfFilter::load(OBJECT, None, Abi::V4, Limits::default()).expect("a filter for v4")
}

fn main() {
    let summary = Simulation::new(Seed(2))
        .run(Subject::new(Abi::V4, read_only).over("/notes.txt 'hi'\n/d/\n/d/a 'a'"))
        .check(invariant::read_only())
        .check(invariant::twins_agree(readonly))
        .or_report();
    assert!(summary.coverage.filter_calls > 0, "the object was called");
}
