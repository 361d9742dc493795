//! The Rust twins of the filters in `filters/bpf`, one function each.
//!
//! Each decides as the object of the same name decides, which a property test compares. Those that
//! existed before ([`crate::hide`], [`crate::redact`], [`crate::readonly`]) are twins as well. What
//! a reader would get wrong: a twin does what the C source does, also where Rust could do more.

use std::collections::BTreeMap;

use fuserig_abi::{Errno, FuseSetattrIn, S_ISGID, S_ISUID, Uid, Verdict};

use super::FuseOps;
use crate::Mentions;

/// `FATTR_MODE` and `FATTR_SIZE`.
const FATTR_MODE: u32 = fuserig_abi::FATTR_MODE;
const FATTR_SIZE: u32 = fuserig_abi::FATTR_SIZE;
/// Puts a hole in between, so that what is behind it moves on.
const FALLOC_FL_INSERT_RANGE: u32 = 0x20;
/// `O_APPEND` of Linux.
const O_APPEND: u32 = 0o2000;
/// Permission of others to read.
const OTHERS_READ: u32 = 0o4;

/// Keeps one user out with EACCES: the twin of `deny_uid.bpf.c`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot, Uid};
/// use fuserig_filters::{Filter, deny_uid};
/// assert!(deny_uid(Uid(1000)).has(Slot::Member(Op::Opendir, Phase::Pre)));
/// ```
pub fn deny_uid(denied: Uid) -> FuseOps<Uid> {
    fn verdict(is_denied: bool) -> Verdict {
        if is_denied { Verdict::Error(Errno::EACCES) } else { Verdict::Continue }
    }
    FuseOps::with_state("deny_uid", denied)
        .mentioning(Mentions::of::<&[u8]>([], [denied.0.into()]))
        .open_prefilter(|cx, _| verdict(cx.uid() == *cx.state))
        .opendir_prefilter(|cx, _| verdict(cx.uid() == *cx.state))
        .create_open_prefilter(|cx, _, _| verdict(cx.uid() == *cx.state))
        .access_prefilter(|cx, _| verdict(cx.uid() == *cx.state))
}

/// What everybody may read is looked up without asking; for the rest the daemon decides: the twin
/// of `media_view.bpf.c`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, media_view};
/// assert!(media_view().has(Slot::Member(Op::Lookup, Phase::Post)));
/// ```
pub fn media_view() -> FuseOps {
    FuseOps::new("media_view").lookup_prefilter(|_, _| Verdict::Postfilter).lookup_postfilter(
        |cx, _, out, _| {
            if cx.error_in().is_some() || out.attr.mode & OTHERS_READ != 0 {
                return Verdict::Continue;
            }
            Verdict::UserPostfilter
        },
    )
}

/// Looks the name `current` up as `v1`: the twin of `alias_lookup.bpf.c`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, alias_lookup};
/// assert!(alias_lookup().has(Slot::Member(Op::Lookup, Phase::Pre)));
/// ```
pub fn alias_lookup() -> FuseOps {
    FuseOps::new("alias_lookup").mentioning(Mentions::of(["current", "v1"], [])).lookup_prefilter(
        |_, name| {
            if name.bytes() != Some(b"current\0") {
                return Ok(Verdict::Continue);
            }
            name.replace_name(b"v1").map(|()| Verdict::Continue)
        },
    )
}

/// What the names of guarded attributes begin with.
const GUARDED: &str = "user.guard.";

/// Guards the attributes `user.guard.*`: the twin of `xattr_guard.bpf.c`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, xattr_guard};
/// assert!(xattr_guard().has(Slot::Member(Op::Removexattr, Phase::Pre)));
/// ```
pub fn xattr_guard() -> FuseOps {
    fn verdict(name: Option<&[u8]>, errno: Errno) -> Verdict {
        match name.is_some_and(|name| name.starts_with(GUARDED.as_bytes())) {
            true => Verdict::Error(errno),
            false => Verdict::Continue,
        }
    }
    FuseOps::new("xattr_guard")
        .mentioning(Mentions::of([GUARDED], []))
        .setxattr_prefilter(|_, _, name, _| verdict(name.bytes(), Errno::EPERM))
        .removexattr_prefilter(|_, name| verdict(name.bytes(), Errno::EPERM))
        .getxattr_prefilter(|_, _, name| verdict(name.bytes(), Errno::ENODATA))
}

/// Files end at `limit` bytes: the twin of `write_limit.bpf.c`, whose limit is 1 MiB. Nobody tells
/// a filter where an append lands, so no file can be opened for appending; nor how long a file is,
/// so none can be made longer by what is put in between (EOPNOTSUPP). The length of a copy between
/// files is often far above what there is to copy: copies are refused with EINVAL, upon which
/// programs read and write.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, write_limit};
/// assert!(write_limit(1 << 20).has(Slot::Member(Op::WriteIter, Phase::Pre)));
/// ```
pub fn write_limit(limit: u64) -> FuseOps<u64> {
    fn verdict(limit: u64, offset: u64, len: u64) -> Verdict {
        let inside = offset <= limit && len <= limit - offset;
        if inside { Verdict::Continue } else { Verdict::Error(Errno::EFBIG) }
    }
    fn appending(flags: u32) -> Verdict {
        match flags & O_APPEND {
            0 => Verdict::Continue,
            _ => Verdict::Error(Errno::EPERM),
        }
    }
    FuseOps::with_state("write_limit", limit)
        .mentioning(Mentions::of::<&[u8]>([], [limit]))
        .open_prefilter(|_, open| appending(open.flags))
        .create_open_prefilter(|_, create, _| appending(create.flags))
        .write_iter_prefilter(|cx, write| verdict(*cx.state, write.offset, write.size.into()))
        .copy_file_range_prefilter(|_, _| Errno::EINVAL)
        .file_fallocate_prefilter(|cx, alloc| match alloc.mode & FALLOC_FL_INSERT_RANGE {
            0 => verdict(*cx.state, alloc.offset, alloc.length),
            _ => Verdict::Error(Errno::EOPNOTSUPP),
        })
        .setattr_prefilter(|cx, attr: &mut FuseSetattrIn| {
            verdict(*cx.state, if attr.valid & FATTR_SIZE != 0 { attr.size } else { 0 }, 0)
        })
}

/// How much each user has created under [`uid_quota`].
///
/// ```
/// use fuserig_filters::uid_quota;
/// assert!(uid_quota(8).state().counts.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidQuota {
    /// What one user may create.
    pub limit: u64,
    /// What each user has created.
    pub counts: BTreeMap<Uid, u64>,
}

impl UidQuota {
    fn charge(&mut self, uid: Uid) -> Verdict {
        // The map of the C source holds so many users.
        const USERS_MAX: usize = 1024;
        let is_full = self.counts.len() == USERS_MAX && !self.counts.contains_key(&uid);
        let count = self.counts.get(&uid).copied().unwrap_or(0);
        if count >= self.limit || is_full {
            return Verdict::Error(Errno::EDQUOT);
        }
        self.counts.insert(uid, count + 1);
        Verdict::Continue
    }
}

/// Each user may create so many files and directories: the twin of `uid_quota.bpf.c`, whose limit
/// is 8.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, uid_quota};
/// assert!(uid_quota(8).has(Slot::Member(Op::Mkdir, Phase::Pre)));
/// ```
pub fn uid_quota(limit: u64) -> FuseOps<UidQuota> {
    FuseOps::with_state("uid_quota", UidQuota { limit, ..UidQuota::default() })
        .create_open_prefilter(|cx, _, _| cx.state.charge(cx.uid()))
        .mknod_prefilter(|cx, _, _| cx.state.charge(cx.uid()))
        .mkdir_prefilter(|cx, _, _| cx.state.charge(cx.uid()))
}

/// Creates nothing that is setuid or setgid: the twin of `strip_setid.bpf.c`.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, strip_setid};
/// assert!(strip_setid().has(Slot::Member(Op::Setattr, Phase::Pre)));
/// ```
pub fn strip_setid() -> FuseOps {
    FuseOps::new("strip_setid")
        .create_open_prefilter(|_, create, _| {
            create.mode &= !(S_ISUID | S_ISGID);
            Verdict::Continue
        })
        .mknod_prefilter(|_, node, _| {
            node.mode &= !(S_ISUID | S_ISGID);
            Verdict::Continue
        })
        .setattr_prefilter(|_, attr| {
            if attr.valid & FATTR_MODE != 0 {
                attr.mode &= !(S_ISUID | S_ISGID);
            }
            Verdict::Continue
        })
}

/// One event of [`audit_ring`], as the ring buffer of the C source holds it.
///
/// ```
/// use fuserig_filters::AuditEvent;
/// assert_eq!(AuditEvent { nodeid: 1, opcode: 14, uid: 0 }.opcode, 14);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The node of the operation.
    pub nodeid: u64,
    /// The FUSE opcode without its phase.
    pub opcode: u32,
    /// The user.
    pub uid: u32,
}

impl AuditEvent {
    /// The record as the reader of the ring gets it.
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.nodeid.to_le_bytes().to_vec();
        bytes.extend(self.opcode.to_le_bytes());
        bytes.extend(self.uid.to_le_bytes());
        bytes
    }
}

/// Reports what is opened, created and removed, and changes nothing: the twin of
/// `audit_ring.bpf.c`. The state is what went into the ring.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, audit_ring};
/// assert!(audit_ring().has(Slot::Member(Op::Unlink, Phase::Pre)));
/// ```
pub fn audit_ring() -> FuseOps<Vec<AuditEvent>> {
    macro_rules! report {
        ($cx:ident) => {{
            let nodeid = $cx.nodeid().0;
            let opcode = $cx.opcode().0 & fuserig_abi::FUSE_OPCODE_FILTER;
            let uid = $cx.uid().0;
            let event = AuditEvent { nodeid, opcode, uid };
            $cx.output("audit_events", event.to_bytes());
            $cx.state.push(event);
            Verdict::Continue
        }};
    }
    FuseOps::with_state("audit_ring", Vec::new())
        .open_prefilter(|cx, _| report!(cx))
        .create_open_prefilter(|cx, _, _| report!(cx))
        .mkdir_prefilter(|cx, _, _| report!(cx))
        .unlink_prefilter(|cx, _| report!(cx))
        .rmdir_prefilter(|cx, _| report!(cx))
}
