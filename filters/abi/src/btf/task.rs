//! The part of `struct task_struct` and `struct cred` that filters read.
//!
//! A kernel's own offsets depend on its configuration, and programs reach them by CO-RE; so any
//! layout will do that has the members. This one is small and fixed, which keeps runs the same
//! everywhere.

use super::build::BtfBuilder;
use super::kind::{BtfKind, TypeId};

/// The integer types that the structs are made of.
pub(super) struct TaskTypes {
    pub(super) int: TypeId,
    pub(super) uint: TypeId,
    pub(super) ulong: TypeId,
    pub(super) char: TypeId,
}

/// Adds `struct task_struct` (72 bytes) and `struct cred` (40 bytes), and returns the first.
pub(super) fn add_task(build: &mut BtfBuilder, types: &TaskTypes) -> TypeId {
    let pid_t = build.add("pid_t", BtfKind::Typedef(types.int));
    let uid_t = build.add("uid_t", BtfKind::Typedef(types.uint));
    let gid_t = build.add("gid_t", BtfKind::Typedef(types.uint));
    let kuid = build.structure("", 4, &[("val", uid_t, 0)]);
    let kuid = build.add("kuid_t", BtfKind::Typedef(kuid));
    let kgid = build.structure("", 4, &[("val", gid_t, 0)]);
    let kgid = build.add("kgid_t", BtfKind::Typedef(kgid));
    let cred = build.structure(
        "cred",
        40,
        &[
            ("usage", types.ulong, 0),
            ("uid", kuid, 8),
            ("gid", kgid, 12),
            ("suid", kuid, 16),
            ("sgid", kgid, 20),
            ("euid", kuid, 24),
            ("egid", kgid, 28),
            ("fsuid", kuid, 32),
            ("fsgid", kgid, 36),
        ],
    );
    let cred = build.add("", BtfKind::Const(cred));
    let cred = build.add("", BtfKind::Ptr(cred));
    let comm = build.add("", BtfKind::Array { element: types.char, index: types.uint, len: 16 });
    let task = build.add("task_struct", BtfKind::Fwd { is_union: false });
    let parent = build.add("", BtfKind::Ptr(task));
    let members = [
        ("flags", types.uint, 0),
        ("__state", types.uint, 4),
        ("pid", pid_t, 8),
        ("tgid", pid_t, 12),
        ("real_parent", parent, 16),
        ("group_leader", parent, 24),
        ("real_cred", cred, 32),
        ("cred", cred, 40),
        ("comm", comm, 48),
        ("start_time", types.ulong, 64),
    ];
    let members = members.map(|(name, of, offset)| build.member(name, of, offset)).to_vec();
    let composite = super::kind::Composite { size: 72, bit_fields: false, members };
    build.set(task, BtfKind::Struct(composite));
    task
}
