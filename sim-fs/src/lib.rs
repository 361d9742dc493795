//! The lower filesystem of fuserig.

#![expect(missing_docs, reason = "fields of LowerOp and LowerReply are named after what they are")]

pub mod conformance;
mod host;
mod lock_table;
mod lower;
mod mem;
mod tree;

pub use host::{HostError, HostFs};
pub use lock_table::LockTable;
pub use lower::{
    AttrChanges, DirEntry, FallocateMode, Lock, LockKind, Lower, LowerExt, LowerFh, LowerOp,
    LowerReply, OpenCheck, OpenFlags, RenameFlags, SetTime, Whence, XattrFlags,
};
pub use mem::{
    AtimePolicy, CrashState, Digest, Durability, DurableFs, FallocateProfile, Journal, MemFs,
    MemFsOptions, WalkEntry, posix_acl_check, posix_acl_grants, posix_acl_has_entries,
};
pub use tree::{TreeError, TreeProblem, TreeRow};
