//! Operations through the pipeline: getattr, lookup and read in equal parts, without a filter,
//! with a native filter, and with BPF filters on both sides of every operation; replay of the
//! corpus.
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fuserig::kernel::{Handle, World, WorldConfig};
use fuserig::pipeline::{NoDaemon, NullSink, Operation, Run};
use fuserig::replay::{ReplayOptions, Replayer};
use fuserig_abi::{Abi, Caller, Credentials, Fidelity, Pid, Timespec};
use fuserig_filters::engine::vectors::assemble;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::program::{Linked, Program, ProgramKind, StructOpsMap};
use fuserig_filters::{Filter, builtin};
use fuserig_sim_fs::{MemFs, MemFsOptions, OpenFlags};
use fuserig_traces::{PayloadMode, Trace, TraceWriter};

const ROUNDS: u64 = 1000;
const TREE: &str = "/notes.txt 'hello world'\n";

/// A mount with one looked-up and opened file.
struct Bench {
    world: World,
    caller: Caller,
    dentry: fuserig::kernel::DentryId,
    handle: fuserig::kernel::HandleId,
    run: Run,
}

impl Bench {
    fn new(filter: Option<Box<dyn Filter>>) -> Bench {
        let lower = Box::new(MemFs::from_tree(TREE).expect("a good tree"));
        let config = WorldConfig::default();
        let mut world = World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(NullSink))
            .expect("it mounts");
        let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1));
        let root = world.mount.root;
        let dentry = world.mount.new_child(root, b"notes.txt");
        Run::new(&mut world, Operation::Lookup { dentry }, caller.clone(), 0).finish(&mut world);
        let inode = world.mount.inode_of(dentry);
        world.mount.hold_inode(inode);
        let handle = Handle::new(inode, dentry, OpenFlags::empty());
        let handle = world.mount.handles.insert(handle);
        let open = Operation::Open { handle, directory: false };
        let mut run = Run::new(&mut world, open, caller.clone(), 0);
        while run.step(&mut world) == fuserig::pipeline::Progress::Running {}
        assert_eq!(run.take_outcome().error, 0, "the file opens");
        Bench { world, caller, dentry, handle, run }
    }

    fn perform(&mut self, operation: Operation) {
        let who = (&self.caller.credentials, self.caller.pid);
        self.run.renew(&mut self.world, operation, who, 0);
        while self.run.step(&mut self.world) == fuserig::pipeline::Progress::Running {}
        black_box(self.run.take_outcome());
    }

    fn mix(&mut self) {
        for _ in 0..ROUNDS {
            self.perform(Operation::Getattr { dentry: self.dentry, flags: 0 });
            let root = self.world.mount.root;
            let dentry = self.world.mount.new_child(root, b"notes.txt");
            self.perform(Operation::Lookup { dentry });
            self.world.mount.put(dentry);
            self.perform(Operation::ReadIter { handle: self.handle, offset: 0, size: 11 });
        }
    }
}

/// A BPF filter that looks at the node and asks for a postfilter, which looks at it again: two
/// tiny programs for every operation of the mix.
fn tiny() -> Box<dyn Filter> {
    let text = |answer: u32| {
        format!(
            "ldxdw %r2, [%r1]\nldxdw %r3, [%r2]\nmov %r0, {answer}\njeq %r3, 77, out\nout: exit"
        )
    };
    let mut linked = Linked { license: "GPL".to_owned(), ..Linked::default() };
    let mut members = std::collections::BTreeMap::new();
    for operation in ["getattr", "lookup", "read_iter"] {
        for (phase, answer) in [("prefilter", 3), ("postfilter", 0)] {
            let member = format!("{operation}_{phase}");
            members.insert(member.clone(), linked.programs.len());
            linked.programs.push(Program {
                name: member,
                section: "struct_ops/tiny".to_owned(),
                kind: ProgramKind::StructOps,
                insns: assemble(&text(answer)).expect("assembler"),
                functions: Vec::new(),
                lines: Vec::new(),
            });
        }
    }
    linked.struct_ops.push(StructOpsMap {
        symbol: "tiny".to_owned(),
        type_name: "fuse_ops".to_owned(),
        section: ".struct_ops".to_owned(),
        bytes: Vec::new(),
        name: "tiny".to_owned(),
        members,
    });
    Box::new(BpfFilter::new(&linked, None, Abi::V4, Limits::default()).expect("a filter"))
}

fn pipeline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(ROUNDS * 3));
    let mut without = Bench::new(None);
    group.bench_function("mix, no filter", |b| b.iter(|| without.mix()));
    let mut with = Bench::new(Some(builtin("hide:*.jpg").expect("a built-in filter")));
    group.bench_function("mix, native filter (hide)", |b| b.iter(|| with.mix()));
    let mut tiny = Bench::new(Some(tiny()));
    group.bench_function("mix, BPF pre and post (tiny)", |b| b.iter(|| tiny.mix()));
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/corpus/git.frt");
    let bytes = std::fs::read(corpus).expect("the corpus is checked in");
    let trace = Trace::read(&bytes[..]).expect("it is readable");
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(5946));
    for filter in ["none", "hide:*.jpg"] {
        group.bench_function(format!("git corpus, filter {filter}, recorded"), |b| {
            b.iter(|| {
                let options = ReplayOptions {
                    abi: Abi::V4,
                    fidelity: Fidelity::Faithful,
                    filter: (filter != "none").then(|| builtin(filter).expect("built in")),
                    lower: Box::new(MemFs::new(MemFsOptions::default())),
                    payload: PayloadMode::Hash,
                };
                let mut replayer = Replayer::new(&trace.header, options).expect("it mounts");
                let mut writer =
                    TraceWriter::create(Vec::new(), trace.header.clone()).expect("memory");
                let stop = Arc::new(AtomicBool::new(false));
                replayer
                    .run(&trace, Some(&mut writer), &stop, &mut |_, _| {})
                    .expect("it has calls");
                black_box(writer.finish().expect("memory").0)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pipeline, replay);
criterion_main!(benches);
