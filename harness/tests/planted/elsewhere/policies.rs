//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use fuserig::prelude::*;
use fuserig_abi::FATTR_SIZE;

use super::super::Planted;
use super::super::more::{changes_little, filter};
use super::super::refused;

/// Flags of a rename that replaces nothing, and of one that loses nothing of what it replaces.
const KEEPING: u32 = 1 | 2;

/// Nothing of that name is removed or renamed. A rename that has flags is another call.
fn keeps_name<const FLAGS: bool>() -> FuseOps {
    fn verdict(names: &[&[u8]]) -> Verdict {
        refused(names.contains(&&b".secret"[..]), Errno::EPERM)
    }
    let keeps = FuseOps::new("keeps")
        .unlink_prefilter(|_, name| verdict(&[name.name()]))
        .rmdir_prefilter(|_, name| verdict(&[name.name()]))
        .rename_prefilter(|_, _, old, new| verdict(&[old.name(), new.name()]));
    match FLAGS {
        true => keeps.rename2_prefilter(|_, _, old, new| verdict(&[old.name(), new.name()])),
        false => keeps,
    }
}

/// Nothing is copied to where it ends behind the first page. A copy ends where it is written, or
/// where it is read.
fn copies_near<const READ: bool>() -> FuseOps {
    FuseOps::new("near").copy_file_range_prefilter(|_, copy| {
        let start = if READ { copy.off_in } else { copy.off_out };
        refused(start.saturating_add(copy.len) > 4096, Errno::EFBIG)
    })
}

/// Nothing is changed. Who asks whether he may write is told so as well, or what is so below.
fn views<const BELOW: bool>() -> FuseOps {
    const WRITE: u32 = 2;
    let views = changes_little()
        .setattr_prefilter(|_, _| Errno::EROFS)
        .removexattr_prefilter(|_, _| Errno::EROFS);
    match BELOW {
        true => views,
        false => {
            views.access_prefilter(|_, access| refused(access.mask & WRITE != 0, Errno::EROFS))
        }
    }
}

/// What is there is not written again: nothing is opened to be written, and no length is set, which
/// takes no open file.
fn writes_new<const LENGTHS: bool>() -> FuseOps {
    const O_ACCMODE: u32 = 0o3;
    let writes = FuseOps::new("new")
        .open_prefilter(|_, open| refused(open.flags & O_ACCMODE != 0, Errno::EPERM));
    match LENGTHS {
        true => writes,
        false => {
            writes.setattr_prefilter(|_, attr| refused(attr.valid & FATTR_SIZE != 0, Errno::EPERM))
        }
    }
}

/// Nothing is lost: no name is removed, and none is renamed over but by who says that nothing is
/// replaced.
fn loses_nothing<const REPLACED: bool>() -> FuseOps {
    let keeps = FuseOps::new("nothing_lost")
        .unlink_prefilter(|_, _| Errno::EPERM)
        .rmdir_prefilter(|_, _| Errno::EPERM);
    match REPLACED {
        true => keeps,
        false => keeps.rename_prefilter(|_, _, _, _| Errno::EPERM).rename2_prefilter(
            |_, rename, _, _| refused(rename.flags & KEEPING == 0, Errno::EPERM),
        ),
    }
}

/// Nobody seeks behind the first page: by where a seek leads, or by the number that it adds.
fn seeks_near<const ADDED: bool>() -> FuseOps {
    FuseOps::new("seeks").lseek_prefilter(|_, _| Verdict::Postfilter).lseek_postfilter(
        |_, seek, out| {
            let at = if ADDED { seek.offset } else { out.offset };
            refused(at.cast_signed() > 4096, Errno::EINVAL)
        },
    )
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a rename with flags is another call", keeps_name::<false>, keeps_name::<true>),
        filter("a copy is judged where it is read", copies_near::<true>, copies_near::<false>),
        filter("who asks is told that he may write", views::<true>, views::<false>),
        filter("to set a length is not to write", writes_new::<true>, writes_new::<false>),
        filter("what is replaced is not removed", loses_nothing::<true>, loses_nothing::<false>),
        filter("a seek is judged by what it adds", seeks_near::<true>, seeks_near::<false>),
    ]
}
