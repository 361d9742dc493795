//! `quota:BYTES[,FILES]`: counts what each user writes and creates, and answers EDQUOT beyond it.
//!
//! | counted | when | why there |
//! |---|---|---|
//! | bytes written | `write_iter_postfilter`, `out.ret` | the real count; no data pass (READ-3) |
//! | bytes allocated | `file_fallocate_prefilter` | success never shows (PIPE-11) |
//! | files created | postfilters of create_open, mknod, mkdir, symlink | `error_in` is true |
//!
//! The prefilter refuses a write that would go beyond the limit as a whole: a filter cannot make
//! it shorter, because changes of `in.size` are ignored (READ-3). mkdir sets both members, as it
//! must (DISP-2). `copy_file_range` is refused with EINVAL, upon which programs copy by reading
//! and writing: what it wrote cannot be known (PIPE-11, CFR-1), its length is often far above what
//! there is to copy, and EOPNOTSUPP would make the kernel copy through the page cache, past this
//! filter (N17).
//!
//! A reader would get wrong that this is a counter and no ledger: removing, truncating, punching
//! holes and overwriting give nothing back, files that are there already do not count, growing a
//! file by truncate is free, and a failed fallocate counts. Writes that run at the same time are
//! each checked before any is counted, so the sum may go over by all but one of them. A real BPF
//! filter has no helper for the user id (SEMANTICS 6.3).

use std::collections::BTreeMap;

use fuserig_abi::{Errno, Uid, Verdict};

use super::{Cx, FuseOps};
use crate::Mentions;

/// Gives space back: FALLOC_FL_PUNCH_HOLE and FALLOC_FL_COLLAPSE_RANGE of Linux.
const FALLOC_RELEASES: u32 = 0x02 | 0x08;

/// What each user may use.
///
/// ```
/// use fuserig_filters::QuotaLimits;
/// let limits = QuotaLimits::parse("64K,100").expect("well-formed");
/// assert_eq!(limits, QuotaLimits { bytes: 65536, files: Some(100) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes written and allocated.
    pub bytes: u64,
    /// Files of any kind created; `None` counts without a limit.
    pub files: Option<u64>,
}

impl QuotaLimits {
    /// Reads `BYTES` or `BYTES,FILES`: decimal numbers, BYTES possibly with K, M or G behind it for
    /// the powers of 1024.
    ///
    /// # Errors
    /// The part that is no such number, with its position in bytes.
    pub fn parse(text: &str) -> Result<QuotaLimits, LimitError> {
        let (bytes, files) = match text.split_once(',') {
            Some((bytes, files)) => (bytes, Some(files)),
            None => (text, None),
        };
        let (digits, unit) = match bytes.as_bytes() {
            [.., b'K'] => (&bytes[..bytes.len() - 1], 1 << 10),
            [.., b'M'] => (&bytes[..bytes.len() - 1], 1 << 20),
            [.., b'G'] => (&bytes[..bytes.len() - 1], 1 << 30),
            _ => (bytes, 1),
        };
        let number = decimal(digits).and_then(|number| number.checked_mul(unit));
        let number = number.ok_or(LimitError { position: 0 })?;
        let files = match files.map(decimal) {
            Some(None) => return Err(LimitError { position: bytes.len() + 1 }),
            Some(files) => files,
            None => None,
        };
        Ok(QuotaLimits { bytes: number, files })
    }
}

/// Digits only: `u64::from_str` would take a plus sign as well.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A limit that cannot be read.
///
/// ```
/// use fuserig_filters::QuotaLimits;
/// assert_eq!(QuotaLimits::parse("1M,many").unwrap_err().position, 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read limit at byte {position}: no number below 2^64; write BYTES[K|M|G] or BYTES,FILES")]
pub struct LimitError {
    /// Distance from the start in bytes.
    pub position: usize,
}

/// What one user has used.
///
/// ```
/// use fuserig_filters::QuotaCount;
/// assert_eq!(QuotaCount::default(), QuotaCount { bytes: 0, files: 0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct QuotaCount {
    /// Bytes written and allocated.
    pub bytes: u64,
    /// Files created.
    pub files: u64,
}

/// The state of the filter: the limits and what each user has used.
///
/// ```
/// use fuserig_abi::Uid;
/// use fuserig_filters::{QuotaCount, QuotaLimits, quota};
/// let filter = quota(QuotaLimits { bytes: 4096, files: None });
/// assert_eq!(filter.state().of(Uid(1000)), QuotaCount::default());
/// ```
#[derive(Clone, Debug)]
pub struct QuotaUsage {
    limits: QuotaLimits,
    users: BTreeMap<Uid, QuotaCount>,
}

impl QuotaUsage {
    /// What a user has used.
    pub fn of(&self, uid: Uid) -> QuotaCount {
        self.users.get(&uid).copied().unwrap_or_default()
    }

    fn has_bytes(&self, uid: Uid, wanted: u64) -> bool {
        let sum = self.of(uid).bytes.checked_add(wanted);
        sum.is_some_and(|sum| sum <= self.limits.bytes)
    }

    fn has_file(&self, uid: Uid) -> bool {
        self.limits.files.is_none_or(|limit| self.of(uid).files < limit)
    }

    fn charge(&mut self, uid: Uid, bytes: u64, files: u64) {
        let count = self.users.entry(uid).or_default();
        count.bytes = count.bytes.saturating_add(bytes);
        count.files = count.files.saturating_add(files);
    }
}

/// Counts per user and refuses with EDQUOT what goes beyond the limits.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, QuotaLimits, quota};
/// let filter = quota(QuotaLimits { bytes: 1 << 20, files: Some(10) });
/// assert!(filter.has(Slot::Member(Op::WriteIter, Phase::Post)));
/// ```
pub fn quota(limits: QuotaLimits) -> FuseOps<QuotaUsage> {
    FuseOps::with_state("quota", QuotaUsage { limits, users: BTreeMap::new() })
        .mentioning(Mentions::of::<&[u8]>([], [limits.bytes]))
        .write_iter_prefilter(|cx, write| {
            check_bytes(cx, write.size.into())?;
            Ok::<_, Errno>(Verdict::Postfilter)
        })
        .write_iter_postfilter(|cx, _, out| {
            // A negative errno in two's complement is no count.
            let written = i64::try_from(out.ret).map_or(0, i64::unsigned_abs);
            if cx.error_in().is_none() {
                cx.state.charge(cx.uid(), written, 0);
            }
            Verdict::Continue
        })
        .file_fallocate_prefilter(|cx, fallocate| {
            if fallocate.mode & FALLOC_RELEASES == 0 {
                check_bytes(cx, fallocate.length)?;
                cx.state.charge(cx.uid(), fallocate.length, 0);
            }
            Ok::<_, Errno>(Verdict::Continue)
        })
        .copy_file_range_prefilter(|_, _| Errno::EINVAL)
        .create_open_prefilter(|cx, _, _| check_file(cx))
        .create_open_postfilter(|cx, _, _, _, _| charge_file(cx))
        .mknod_prefilter(|cx, _, _| check_file(cx))
        .mknod_postfilter(|cx, _, _| charge_file(cx))
        .mkdir_prefilter(|cx, _, _| check_file(cx))
        .mkdir_postfilter(|cx, _, _| charge_file(cx))
        .symlink_prefilter(|cx, _, _| check_file(cx))
        .symlink_postfilter(|cx, _, _| charge_file(cx))
}

fn check_bytes(cx: &mut Cx<'_, QuotaUsage>, wanted: u64) -> Result<(), Errno> {
    let uid = cx.uid();
    if cx.state.has_bytes(uid, wanted) {
        return Ok(());
    }
    let (used, limit) = (cx.state.of(uid).bytes, cx.state.limits.bytes);
    cx.print(format!("quota: uid {uid} has {used} of {limit} bytes and wants {wanted} more"));
    Err(Errno::EDQUOT)
}

fn check_file(cx: &mut Cx<'_, QuotaUsage>) -> Verdict {
    let uid = cx.uid();
    if cx.state.has_file(uid) {
        return Verdict::Postfilter;
    }
    let used = cx.state.of(uid).files;
    cx.print(format!("quota: uid {uid} has created {used} files and wants one more"));
    Verdict::Error(Errno::EDQUOT)
}

fn charge_file(cx: &mut Cx<'_, QuotaUsage>) -> Verdict {
    if cx.error_in().is_none() {
        cx.state.charge(cx.uid(), 0, 1);
    }
    Verdict::Continue
}
