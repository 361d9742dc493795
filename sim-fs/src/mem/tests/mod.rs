//! Tests that need the inside of the filesystem, and the properties of the whole.

mod audit;
mod data;
mod metadata;
mod names;
mod positions;
mod properties;
mod script;
mod trees;

use fuserig_abi::{Caller, Credentials, Gid, Ino, Pid, Timespec, Uid};

use super::MemFs;

pub(super) const ROOT: Ino = Ino(1);

/// The super-user at second `sec`.
pub(super) fn root_at(sec: i64) -> Caller {
    Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(sec))
}

pub(super) fn user_at(id: u32, sec: i64) -> Caller {
    Caller::new(Credentials::user(Uid(id), Gid(id)), Pid(id), Timespec::from_secs(sec))
}

pub(super) fn tree(text: &str) -> MemFs {
    MemFs::from_tree(text).expect("the fixture is valid tree text")
}
