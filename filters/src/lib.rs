//! Filters for fuse-bpf.
//!
//! This crate knows the vocabulary of `fuserig-abi` and nothing of filesystems, traces or the
//! pipeline that calls it. A reader would get wrong who may call [`Filter::call`]: the pipeline,
//! and nobody else.

mod android;
pub mod engine;
mod filter;
mod grouped;
mod mentions;
mod native;
pub mod object;
pub mod program;
pub mod vet;

pub use android::{
    ANDROID_BACKING, ANDROID_POST_FILTER, ANDROID_USER_FILTER, AndroidCall, AndroidProgram,
};
pub use filter::{Filter, FilterEnv, Touch};
pub use grouped::{Family, GroupedCall, GroupedOps, GroupedSlot, present};
pub use mentions::Mentions;
pub use native::{
    Answer, Audit, AuditEvent, Buffer, BufferMut, Builtin, Cx, DirBuffer, DirEntry, Entries,
    FilterName, FuseOps, LimitError, PatternError, PatternProblem, Patterns, QuotaCount,
    QuotaLimits, QuotaUsage, RegisterError, RwView, UidQuota, UnknownFilter, alias_lookup,
    audit_ring, builtin, builtins, deny_uid, hide, media_view, quota, readonly, redact, selftest,
    strip_setid, twin_of_builtin, twin_of_object, uid_quota, write_limit, xattr_guard,
};
