//! Client operations a second in a simulation of two clients with invariants on and the steps of
//! every run kept in memory; shrinking a failure of 500 operations; every schedule of a race.
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fuserig::prelude::*;
use fuserig::sim::{Fitting, Search, explore_after};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TREE: &str = "/notes.txt 'hello'\n/d/\n/d/a 'abc'\n/b 'bbb'\n/.secret 'no'";
const RUNS: u64 = 20;
/// Runs that cost what runs cost on average, whatever one of them happens to be about.
const MANY_RUNS: u64 = 1000;
const OPERATIONS: usize = 200;

fn hide_secret() -> impl Filter {
    hide(Patterns::parse(".secret").expect("a name"))
}

fn simulation() -> Simulation {
    Simulation::new(Seed(1)).clients(2).operations(OPERATIONS).runs(MANY_RUNS).name(".secret")
}

/// What a search is called, and the search.
type Named = (&'static str, fn() -> Summary);

/// Over nothing that decides.
fn plain() -> Summary {
    simulation().run(Subject::without_filter(Abi::V4).over(TREE)).or_report()
}

fn hidden() -> Summary {
    let campaign = simulation()
        .run(Subject::new(Abi::V4, hide_secret).over(TREE))
        .check(invariant::never_visible(".secret"))
        .check(invariant::errno_envelope())
        .check(invariant::balance());
    campaign.or_report()
}

fn operations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulation");
    let searches: [Named; 2] = [("no filter, no invariant", plain), ("hide, invariants", hidden)];
    for (name, search) in searches {
        // Runs in which clients meet are shorter than others, so what was done is counted.
        group.throughput(Throughput::Elements(search().operations));
        group.bench_function(name, |b| b.iter(|| black_box(search().digest)));
    }
    group.finish();
}

/// What `fuserig check` does with crashes, for runs of which it does 200.
fn crashes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crashes");
    group.sample_size(10).throughput(Throughput::Elements(RUNS));
    group.bench_function("hide, invariants, ordered", |b| {
        b.iter(|| {
            let fitting = Fitting::of("hide:.secret");
            let simulation = Simulation::new(Seed(1)).runs(RUNS).name(".secret");
            let campaign = simulation
                .crashes(Durability::Ordered)
                .run(Subject::new(Abi::V4, hide_secret).over(&fitting.tree))
                .check_all(fitting.invariants)
                .check(invariant::durable(Durability::Ordered))
                .check(invariant::atomic_names());
            black_box(campaign.or_report().crashes)
        });
    });
    group.finish();
}

/// Leaks a name in listings.
fn leaky() -> FuseOps {
    FuseOps::new("leaky").lookup_prefilter(|_, name| match name.name() {
        b".secret" => Verdict::Error(Errno::ENOENT),
        _ => Verdict::Continue,
    })
}

fn shrinking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shrink");
    group.sample_size(10);
    group.bench_function("500 operations", |b| {
        let subject = || Subject::new(Abi::V4, leaky).over(TREE);
        b.iter_batched(
            || Simulation::new(Seed(2)).operations(500).runs(50).name(".secret").run(subject()),
            |campaign| {
                let finding = campaign.check(invariant::never_visible(".secret")).result();
                black_box(finding.expect_err("the name is listed").case.operations())
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn schedules(criterion: &mut Criterion) {
    let open = || Action::Open { path: "b".into(), flags: 2, mode: 0 };
    let write = |fill| Action::Write { file: 0, size: 2, fill, offset: Some(0) };
    let client = |fill| Program::of(0, vec![open(), write(fill)]);
    let clients = vec![client(b'1'), client(b'2'), client(b'3')];
    let case = Case { tree: TREE.to_owned(), clients, ..Case::default() };
    let subject = Subject::without_filter(Abi::V4);
    criterion.bench_function("schedules/three writers, reduced", |b| {
        b.iter(|| explore_after(&subject, &case, (Search::Reduced, 1), 10_000).expect("a tree"));
    });
}

criterion_group!(benches, operations, crashes, shrinking, schedules);
criterion_main!(benches);
