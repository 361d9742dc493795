//! `readonly`: nothing below can be changed, and everything can be read.
//!
//! Every member that would change something answers -EROFS in its prefilter, so the lower step
//! never runs (a postfilter comes too late, PIPE-13). `open` is refused for writing and truncating,
//! `access` for the write bit (N20), so that access(2) and the checks of a path walk agree with
//! what would happen. Nothing here changes an argument: clearing bits of setattr.valid would set
//! attributes to 0 instead of keeping them (SATTR-1).
//!
//! Differences from a mount that is read-only, which a filter cannot remove:
//! - `access` tells no file type, and nodes rarely have a usable id (SEMANTICS 7.6), so FIFOs,
//!   sockets and devices cannot be opened for writing either;
//! - names are looked up first, so unlink, rmdir and rename of a missing name give ENOENT, where a
//!   read-only mount says EROFS at once;
//! - `copy_file_range` is refused by the filter of its source (SEMANTICS 4.3), so it cannot be used
//!   to copy from here to elsewhere either.
//!
//! A reader would get wrong what the pipeline never shows a filter: reads still move access times
//! of the lower filesystem, and flock and POSIX locks pass by (SEMANTICS 4.4).

use fuserig_abi::{AccessMask, Errno, Verdict};

use super::FuseOps;

/// `O_ACCMODE` of Linux; 0 behind it is O_RDONLY, and 3 asks for both kinds of permission.
const O_ACCMODE: u32 = 3;
/// `O_TRUNC` of Linux.
const O_TRUNC: u32 = 0o1000;

/// Refuses every change with EROFS.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{Filter, readonly};
/// assert!(readonly().has(Slot::Member(Op::Unlink, Phase::Pre)));
/// assert!(!readonly().has(Slot::Member(Op::ReadIter, Phase::Pre)));
/// ```
pub fn readonly() -> FuseOps {
    FuseOps::new("readonly")
        .open_prefilter(|_, open| refused_if(open.flags & (O_ACCMODE | O_TRUNC) != 0))
        .access_prefilter(|_, access| refused_if(access.mask & AccessMask::WRITE.bits() != 0))
        .create_open_prefilter(|_, _, _| Errno::EROFS)
        .mknod_prefilter(|_, _, _| Errno::EROFS)
        .mkdir_prefilter(|_, _, _| Errno::EROFS)
        .symlink_prefilter(|_, _, _| Errno::EROFS)
        .link_prefilter(|_, _, _| Errno::EROFS)
        .rename_prefilter(|_, _, _, _| Errno::EROFS)
        .rename2_prefilter(|_, _, _, _| Errno::EROFS)
        .unlink_prefilter(|_, _| Errno::EROFS)
        .rmdir_prefilter(|_, _| Errno::EROFS)
        .setattr_prefilter(|_, _| Errno::EROFS)
        .setxattr_prefilter(|_, _, _, _| Errno::EROFS)
        .removexattr_prefilter(|_, _| Errno::EROFS)
        .write_iter_prefilter(|_, _| Errno::EROFS)
        .file_fallocate_prefilter(|_, _| Errno::EROFS)
        .copy_file_range_prefilter(|_, _| Errno::EROFS)
}

fn refused_if(changes: bool) -> Verdict {
    if changes { Verdict::Error(Errno::EROFS) } else { Verdict::Continue }
}
