//! The vocabulary of fuserig: the words, numbers, layouts and tables of FUSE and fuse-bpf.
//!
//! This crate knows words and tables and nothing else. It runs no filter, touches no filesystem
//! and keeps no state; what it refuses to do is decide. A reader would get wrong that
//! [`NodeId`] (what FUSE speaks) and [`Ino`] (the lower inode) are different things.

mod abi;
mod args;
pub mod btf;
mod buffer;
mod creds;
pub mod description;
pub mod diff;
mod dynptr;
#[cfg(test)]
mod dynptr_tests;
mod errno;
mod header;
mod ids;
mod memory;
mod op;
mod opcode;
mod quirk;
mod reply;
mod request;
mod shim;
pub mod spec;
mod stat;
mod table;
mod time;
mod verdict;
mod wire;

pub use abi::{Abi, Fidelity};
pub use args::{Arg, CALL_ARGS_MAX, CallArgs, MetaInfo, StructArg};
pub use buffer::{BufferFlags, FuseBuffer, Row, Writeable};
pub use creds::{Caller, Capabilities, Credentials};
pub use dynptr::{Access, Dynptr, Pointer};
pub use errno::Errno;
pub use header::c_header;
pub use ids::{Device, Fh, Gid, Ino, NodeId, Pid, Uid, Unique};
pub use memory::{AllocFailures, Arena, BufferEvent, FaultKind, MemoryFault, MemoryId, MemoryKind};
pub use op::{Op, Phase, Slot};
pub use opcode::Opcode;
pub use quirk::{Quirk, QuirkClass};
pub use reply::Reply;
pub use request::{Request, WireError};
pub use shim::{ShimError, c_shim};
pub use stat::{AccessMask, FileKind, S_IALLUGO, S_IFMT, S_ISGID, S_ISUID, S_ISVTX, Stat, StatFs};
pub use table::{
    AbiTable, ArgKind, ArgRow, BufferRow, Dir, ErrorInRule, FamilyRow, FamilySlot, Field, FieldRef,
    IfMissing, OperationArgRow, OperationRow, RequestFlagRow, RequestFlags, ResultType, SizeInputs,
    SizeRule, SlotRow, TableError,
};
pub use time::Timespec;
pub use verdict::{
    BPF_FUSE_CALL_DEFAULT, BPF_FUSE_CONTINUE, BPF_FUSE_POSTFILTER, BPF_FUSE_USER,
    BPF_FUSE_USER_POSTFILTER, BPF_FUSE_USER_PREFILTER, Verdict, android_code, code_label,
};
pub use wire::*;
