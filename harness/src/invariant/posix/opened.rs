//! Tests of what an open may give, and of what everybody may make.

use fuserig_abi::{Errno, Ino};
use fuserig_sim_fs::OpenFlags;

use super::tests::{Check, right, wrong};
use crate::sim::Action;

fn open(path: &str, flags: OpenFlags) -> Action {
    Action::Open { path: path.into(), flags: flags.bits(), mode: 0o644 }
}

#[test]
fn a_directory_is_not_opened_where_a_file_may_be_made() {
    let check = |flags, value| Check::default().judge(open("d", flags), value, |_| {});
    right(check(OpenFlags::CREAT, Err(Errno::EISDIR)));
    right(check(OpenFlags::empty(), Ok(3)));
    wrong(check(OpenFlags::CREAT, Ok(3)), "opens a directory where it may make a file");
}

#[test]
fn only_the_owner_keeps_access_times() {
    let check = |user, mistaken: Vec<Ino>| {
        let check = Check { user, mistaken, ..Check::default() };
        check.judge(open("f", OpenFlags::NOATIME), Ok(3), |_| {})
    };
    right(check(0, Vec::new()));
    wrong(check(1000, Vec::new()), "keeps the access time of what is somebody else's");
}

#[test]
fn the_lowest_descriptor_is_given() {
    let check = |skips_descriptor| {
        let check = Check { skips_descriptor, ..Check::default() };
        check.judge(open("f", OpenFlags::empty()), Ok(3), |_| {})
    };
    right(check(false));
    wrong(check(true), "has not the lowest descriptor that is free");
}

#[test]
fn everybody_makes_whiteouts_and_nobody_else_devices() {
    let check = |mode, device| {
        let action = Action::Mknod { path: "t/n".into(), mode, device };
        Check { user: 1000, ..Check::default() }.judge(action, Err(Errno::EPERM), |_| {})
    };
    right(check(0o020_644, 0x103));
    right(check(0o060_644, 0));
    wrong(check(0o020_644, 0), "there is no reason for it");
}
