//! Four clients under PCT, which finds orderings of a given depth with a known chance.

use fuserig::prelude::*;

fn main() {
    let summary = Simulation::new(Seed(3))
        .clients(4)
        .operations(120)
        .scheduler(SchedulerKind::Pct { depth: 3 })
        .run(Subject::new(Abi::V4, readonly).over("/a 'x'\n/d/\n/d/b 'y'"))
        .check(invariant::read_only())
        .check(invariant::balance())
        .or_report();
    assert!(summary.steps > summary.operations);
}
