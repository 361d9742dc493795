//! The same cases on every arm: the simulation, tmpfs, and whatever holds the temporary files.

mod common;

use std::path::Path;

use common::{host_directory, skipped};
use fuserig_sim_fs::conformance::{Verdict, builtin, run};
use fuserig_sim_fs::{FallocateProfile, MemFs, MemFsOptions};

/// Runs every case, each in a filesystem of its own, and fails with all failures at once.
#[track_caller]
fn check(mut arm: impl FnMut(&fuserig_sim_fs::conformance::Case) -> Verdict) {
    let mut failures = Vec::new();
    let mut passed = 0;
    for (file, cases) in builtin() {
        for case in cases {
            match arm(&case) {
                Verdict::Passed => passed += 1,
                Verdict::Skipped(reason) => skipped(&format!("{file}: {}: {reason}", case.name)),
                Verdict::Failed(failure) => failures.push(format!("{file}: {failure}")),
                Verdict::Broken(error) => failures.push(format!("{file}: {error}")),
            }
        }
    }
    assert!(failures.is_empty(), "{passed} passed, failed:\n{}", failures.join("\n"));
    assert!(passed > 200, "only {passed} cases ran");
}

/// Runs every case on a directory of the host, if it can be had.
#[track_caller]
fn check_host(base: &Path) {
    if let Err(reason) = host_directory(base) {
        return skipped(&reason);
    }
    check(|case| {
        let mut host = host_directory(base).expect("there was one a moment ago");
        run(case, host.arm, &mut host.fs)
    });
}

#[test]
fn every_case_holds_in_the_simulation() {
    check(|case| run(case, "mem", &mut MemFs::new(MemFsOptions::default())));
}

#[test]
fn every_case_holds_in_the_simulation_of_tmpfs() {
    let options = MemFsOptions { fallocate: FallocateProfile::Tmpfs, ..MemFsOptions::default() };
    // Range locks are the one thing in which this arm is no tmpfs of the host.
    check(|case| match case.only.first().map(String::as_str) {
        Some("mem") => run(case, "mem", &mut MemFs::new(options)),
        _ if case.skip.iter().any(|(arm, _)| arm == "mem") => {
            Verdict::Skipped("the simulation has range locks".to_owned())
        }
        _ => run(case, "tmpfs", &mut MemFs::new(options)),
    });
}

#[test]
fn every_case_holds_on_tmpfs() {
    check_host(Path::new("/dev/shm"));
}

#[test]
fn every_case_holds_on_the_filesystem_of_temporary_files() {
    check_host(&std::env::temp_dir());
}
