//! One fault at one place, and faults drawn from the seed.

use fuserig::prelude::*;

fn main() {
    // The disk is full exactly when the second action of the first client writes.
    let full = FaultKind::Lower { op: "write".to_owned(), errno: Errno::ENOSPC.0 };
    let case = Case {
        tree: "/a 'x'".to_owned(),
        clients: vec![Program::of(
            0,
            vec![
                Action::Open { path: "a".into(), flags: 2, mode: 0 },
                Action::Write { file: 0, size: 4, fill: b'y', offset: None },
            ],
        )],
        faults: FaultPlan { faults: vec![Fault { client: 0, action: 1, kind: full }] },
        ..Case::default()
    };
    let record = fuserig::sim::run(&Subject::without_filter(Abi::V4), &case).expect("a good tree");
    let result = record.calls[1].result.as_ref().expect("it returned");
    assert_eq!(result.value, Err(Errno::ENOSPC));
    assert_eq!(record.faults_fired, 1);

    // Or about one in eight operations.
    Simulation::new(Seed(5))
        .faults(8)
        .run(Subject::new(Abi::V4, Audit::new).over("/a 'x'\n/d/"))
        .check(invariant::transparent())
        .or_report();
}
