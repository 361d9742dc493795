//! The type information of two kernels, about 120,000 types each, compared over given roots: both
//! are read, the roots described, and every rule of `abi diff` run.
//!
//! One side is the running kernel, the other a copy in which a member has another name.
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fuserig_abi::btf::Btf;
use fuserig_abi::diff::AbiDiff;
use fuserig_abi::spec::{AbiSpec, BtfSelection};

const ROOTS: [&str; 8] = [
    "tcp_congestion_ops",
    "bpf_dummy_ops",
    "sched_ext_ops",
    "fuse_init_out",
    "fuse_attr_out",
    "fuse_entry_out",
    "sock",
    "task_struct",
];

fn describe(btf: &Btf, name: &str) -> AbiSpec {
    let roots = ROOTS.map(str::to_owned).to_vec();
    AbiSpec::from_btf(btf, name, &BtfSelection { roots, depth: 1 }).expect("a kernel").0
}

fn compare(old: &[u8], new: &[u8]) -> AbiDiff {
    let [old, new] = [old, new].map(|bytes| Btf::read(bytes).expect("a kernel's BTF"));
    AbiDiff::between(&describe(&old, "old"), &describe(&new, "new"))
}

/// The bytes with every `from` replaced by a `to` of the same length.
fn renamed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
        bytes[at + found..at + found + to.len()].copy_from_slice(to);
        at += found + to.len();
    }
    bytes
}

#[expect(clippy::print_stdout, reason = "how large the kernels are belongs to the figures")]
fn kernels(c: &mut Criterion) {
    let Ok(running) = std::fs::read("/sys/kernel/btf/vmlinux") else {
        println!("skipped: compare kernels: this kernel shows no BTF");
        return;
    };
    let btf = Btf::read(&running).expect("a kernel's BTF");
    let copy = renamed(&btf.to_bytes(), b"\0cong_avoid\0", b"\0cong_evade\0");
    let changes = compare(&running, &copy).changes.len();
    assert!(changes > 0, "a member was renamed");
    println!("running kernel: {} types; with a copy: {changes} changes", btf.len());
    let mut group = c.benchmark_group("abi/vmlinux");
    group.sample_size(10);
    group.bench_function("running kernel and a changed copy", |b| {
        b.iter(|| black_box(compare(&running, &copy)));
    });
    group.bench_function("read one", |b| b.iter(|| black_box(Btf::read(&running))));
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
