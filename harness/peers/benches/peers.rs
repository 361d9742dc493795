//! The simulation next to shuttle, with as many tasks and steps, and next to
//! proptest-state-machine, with the same model and changes.
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fuserig::prelude::*;
use fuserig_peers::{Change, InMemory, Model};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use shuttle::scheduler::RandomScheduler;

const RUNS: u64 = 20;
const OPERATIONS: usize = 200;
const CLIENTS: u64 = 2;

fn simulate() -> Summary {
    Simulation::new(Seed(1))
        .clients(CLIENTS as usize)
        .operations(OPERATIONS)
        .runs(RUNS)
        .scheduler(SchedulerKind::Uniform)
        .run(Subject::without_filter(Abi::V4))
        .or_report()
}

/// Steps of a scheduler that draws who goes on: fuserig's do a part of a system call each,
/// shuttle's nothing.
fn steps(criterion: &mut Criterion) {
    let steps = simulate().steps;
    let mut group = criterion.benchmark_group("steps of two tasks");
    group.throughput(Throughput::Elements(steps));
    group.bench_function("fuserig", |b| b.iter(|| black_box(simulate().digest)));
    group.bench_function("shuttle", |b| {
        let each = steps / RUNS / CLIENTS;
        let task = move || (0..each).for_each(|_| shuttle::thread::yield_now());
        b.iter(|| {
            let scheduler = RandomScheduler::new_from_seed(1, RUNS as usize);
            let runner = shuttle::Runner::new(scheduler, shuttle::Config::default());
            runner.run(move || {
                let tasks = [(); CLIENTS as usize].map(|()| shuttle::thread::spawn(task));
                for task in tasks {
                    task.join().expect("a task that only yields ends");
                }
            })
        });
    });
    group.finish();
}

fn changes() -> Vec<Change> {
    let strategy = Model::sequential_strategy(OPERATIONS);
    let mut runner = TestRunner::deterministic();
    strategy.new_tree(&mut runner).expect("nothing is filtered").current().1
}

/// The same changes of one directory by one client, with the model beside.
fn same_model(criterion: &mut Criterion) {
    let changes = changes();
    let actions = changes.iter().map(|change| change.to_action()).collect();
    let case = Case { clients: vec![Program::of(0, actions)], ..Case::default() };
    let subject = Subject::without_filter(Abi::V4);
    let mut group = criterion.benchmark_group("changes of a directory");
    group.throughput(Throughput::Elements(changes.len() as u64));
    group.bench_function("fuserig", |b| {
        b.iter(|| {
            let run = fuserig::sim::run(&subject, &case).expect("an empty tree");
            let mut model = Model::default();
            for (call, change) in run.calls.iter().zip(&changes) {
                model = Model::apply(model, change);
                let result = call.result.as_ref().expect("the run ended");
                assert_eq!(result.value.err(), model.last, "{change:?}");
            }
        });
    });
    group.bench_function("proptest-state-machine", |b| {
        b.iter(|| {
            let config = Config::default();
            InMemory::test_sequential(config, Model::default(), changes.clone(), None);
        });
    });
    group.finish();
}

criterion_group!(benches, steps, same_model);
criterion_main!(benches);
