//! Every workload of one operation; the benchmark has those of two.

use fuserig::crash::Workloads;
use fuserig::prelude::*;

#[test]
fn every_workload_of_one_operation_survives_every_crash_under_every_policy() {
    for durability in Durability::ALL {
        let subject = Subject::without_filter(Abi::V4);
        let bounded = Workloads::of_one().run(&subject, durability).expect("a good tree");
        println!("{durability}: {} workloads, {} states", bounded.workloads, bounded.states);
        assert_eq!(bounded.violations, [], "{durability}");
        assert!(bounded.complete && bounded.workloads == 108, "{durability}");
    }
}

#[test]
fn a_filter_does_not_get_between_a_sync_and_the_disk() {
    let subject = Subject::new(Abi::V4, Audit::new);
    let bounded = Workloads::of_one().run(&subject, Durability::Ordered).expect("a good tree");
    assert_eq!(bounded.violations, []);
}
