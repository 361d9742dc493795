//! Filters written in Rust: the typed builder [`FuseOps`] and worked examples.
//!
//! A native filter stands at the same seam as a BPF object and gets no more than one: the typed
//! views offer only what the modelled kernels accept. It refuses to protect the author from the
//! ABI: a verdict that crashes a kernel (DISP-2, USER-1) crashes the modelled one too. A reader
//! would get wrong that a postfilter member alone never runs: only a prefilter that answers
//! `Verdict::Postfilter` leads to it (PIPE-10).

mod answer;
mod audit;
mod buffer;
mod builtin;
mod cx;
mod dir;
mod given;
mod hide;
mod library;
mod members;
#[cfg(test)]
mod members_tests;
mod name;
mod ops;
mod pattern;
mod quota;
mod readonly;
mod redact;
mod selftests;
mod table;
mod twins;

pub use answer::Answer;
pub use audit::Audit;
pub use buffer::{Buffer, BufferMut, RwView};
pub use builtin::{Builtin, UnknownFilter, builtin, builtins};
pub use cx::Cx;
pub use dir::{DirBuffer, DirEntry, Entries};
pub use hide::hide;
pub use library::{
    AuditEvent, UidQuota, alias_lookup, audit_ring, deny_uid, media_view, strip_setid, uid_quota,
    write_limit, xattr_guard,
};
pub use name::{FilterName, RegisterError};
pub use ops::FuseOps;
pub use pattern::{PatternError, PatternProblem, Patterns};
pub use quota::{LimitError, QuotaCount, QuotaLimits, QuotaUsage, quota};
pub use readonly::readonly;
pub use redact::redact;
pub use selftests::selftest;
pub use twins::{twin_of_builtin, twin_of_object};
