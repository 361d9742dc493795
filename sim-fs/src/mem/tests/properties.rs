//! Properties of the whole filesystem under random operations.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{
    audit::audit,
    script::{ACTIONS, Driver, steps},
};
use crate::{MemFs, MemFsOptions};

/// Small enough that both limits are met now and then.
fn options() -> MemFsOptions {
    MemFsOptions { capacity_bytes: 40 * 4096, inodes_max: 25, ..MemFsOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_keeps_the_tables_and_the_digest_right(steps in steps(100)) {
        let mut driver = Driver::new(MemFs::new(options()));
        for step in steps {
            driver.run(step);
            audit(&driver.fs);
        }
        driver.let_go();
        audit(&driver.fs);
        let mut named: Vec<_> = driver.fs.walk().map(|entry| entry.stat.ino).collect();
        named.sort();
        named.dedup();
        prop_assert_eq!(driver.fs.node_count(), named.len() as u64, "nodes without names are gone");
    }

    #[test]
    fn a_fork_never_sees_changes_of_another(steps in steps(80), at in 0..80_usize) {
        let mut driver = Driver::new(MemFs::new(options()));
        let (before, after) = steps.split_at(at.min(steps.len()));
        for step in before {
            driver.run(*step);
        }
        let kept = driver.fs.clone();
        let shown = format!("{:?}", kept.walk().collect::<Vec<_>>());
        let (text, digest) = (kept.to_tree(), kept.digest());
        for step in after {
            driver.run(*step);
        }
        prop_assert_eq!(format!("{:?}", kept.walk().collect::<Vec<_>>()), shown);
        prop_assert_eq!(kept.to_tree(), text);
        prop_assert_eq!(kept.digest(), digest);
        audit(&kept);
    }

    #[test]
    fn text_keeps_exactly_what_the_digest_is_over(steps in steps(80)) {
        let mut driver = Driver::new(MemFs::new(options()));
        for step in steps {
            driver.run(step);
        }
        let text = driver.fs.to_tree();
        let copy = MemFs::from_tree_with(options(), &text);
        let copy = copy.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(copy.to_tree(), text.clone());
        prop_assert_eq!(copy.digest(), driver.fs.digest(), "{}", text);
        audit(&copy);
    }

    #[test]
    fn the_same_operations_give_the_same_filesystem(steps in steps(100)) {
        let mut one = Driver::new(MemFs::new(options()));
        let mut other = Driver::new(MemFs::new(options()));
        for step in &steps {
            one.run(*step);
            let _fork = other.fs.clone();
            other.run(*step);
        }
        prop_assert_eq!(one.fs.digest(), other.fs.digest());
        prop_assert_eq!(one.fs.walk().collect::<Vec<_>>(), other.fs.walk().collect::<Vec<_>>());
        prop_assert_eq!(one.nodes, other.nodes);
    }
}

#[test]
fn the_random_operations_succeed_often_enough_to_mean_something() {
    let mut runner = TestRunner::deterministic();
    let mut succeeded = [0; ACTIONS];
    for _ in 0..128 {
        let mut driver = Driver::new(MemFs::new(options()));
        let steps = steps(100).new_tree(&mut runner).expect("the strategy rejects nothing");
        for step in steps.current() {
            driver.run(step);
        }
        for (sum, count) in succeeded.iter_mut().zip(driver.succeeded) {
            *sum += count;
        }
    }
    assert!(succeeded.iter().all(|count| *count >= 10), "successes by action: {succeeded:?}");
}
