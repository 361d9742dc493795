//! Random histories on the simulation and on a directory of the host, step by step: every answer
//! and the final trees must agree. The kernel is right; each disagreement that was found is a case
//! of `conformance/cases` today.

#[path = "../common/mod.rs"]
mod common;

mod actions;
mod bind;
mod pair;
mod tree;

use std::path::Path;

use common::{host_directory, skipped};
use fuserig_sim_fs::{AtimePolicy, FallocateProfile, MemFs, MemFsOptions};
use pair::Pair;
use proptest::prelude::{ProptestConfig, Strategy, TestCaseError, proptest};
use proptest::test_runner::{RngSeed, TestRunner};
use tree::Host;

/// Performs a history on both; `base` is where the host's directory is made, and `arm` which
/// filesystem must be there, if any in particular.
fn agree(
    history: &[actions::Step],
    base: &Path,
    arm: Option<&str>,
    options: MemFsOptions,
) -> Result<(), TestCaseError> {
    let mut host = match host_directory(base) {
        Ok(host) if arm.is_none_or(|arm| arm == host.arm) => host,
        Ok(host) => {
            skipped(&format!("{} is {}", base.display(), host.arm));
            return Ok(());
        }
        Err(reason) => {
            skipped(&reason);
            return Ok(());
        }
    };
    let kind = if host.arm == "tmpfs" { Host::Tmpfs } else { Host::Other };
    let mut simulated = MemFs::new(options);
    let mut pair = Pair::new(&mut simulated, &mut host.fs, kind);
    for step in history {
        pair.step(step).map_err(TestCaseError::fail)?;
    }
    pair.compare_trees().map_err(TestCaseError::fail)
}

/// Bounded, and the same on every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_251_124),
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(2500))]

    #[test]
    fn the_simulation_and_tmpfs_agree_on_every_history(history in actions::history(80)) {
        let options =
            MemFsOptions { fallocate: FallocateProfile::Tmpfs, ..MemFsOptions::default() };
        agree(&history, Path::new("/dev/shm"), Some("tmpfs"), options)?;
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn the_simulation_and_ext4_agree_on_contents(history in actions::file_history(60)) {
        agree(&history, &std::env::temp_dir(), Some("ext4"), MemFsOptions::default())?;
    }
}

/// Whether histories tell these two simulations apart.
fn told_apart(
    histories: impl Strategy<Value = Vec<actions::Step>>,
    left: MemFsOptions,
    right: MemFsOptions,
) -> bool {
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 0, ..config(300) };
    let found = TestRunner::new(config).run(&histories, |history| {
        let (mut left, mut right) = (MemFs::new(left), MemFs::new(right));
        let mut pair = Pair::new(&mut left, &mut right, Host::Tmpfs);
        history.iter().try_for_each(|step| pair.step(step)).map_err(TestCaseError::fail)?;
        pair.compare_trees().map_err(TestCaseError::fail)
    });
    found.is_err()
}

#[test]
fn filesystems_that_differ_are_told_apart() {
    let same = MemFsOptions::default();
    assert!(!told_apart(actions::history(80), same, same), "nothing differs");
    let different = [
        MemFsOptions { capacity_bytes: 100 * 4096, ..same },
        MemFsOptions { inodes_max: 8, ..same },
        MemFsOptions { links_max: 3, ..same },
        MemFsOptions { directory_atime: AtimePolicy::Noatime, ..same },
        MemFsOptions { root_permissions: 0o777, ..same },
    ];
    for options in different {
        assert!(told_apart(actions::history(80), same, options), "nothing notices {options:?}");
    }
    let tmpfs = MemFsOptions { fallocate: FallocateProfile::Tmpfs, ..same };
    assert!(told_apart(actions::file_history(60), same, tmpfs), "nothing notices {tmpfs:?}");
}
