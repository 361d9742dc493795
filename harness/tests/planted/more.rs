//! A second series, written to see whether the search that was improved on the first finds others.

use fuserig::prelude::*;
use fuserig_abi::{Caller, Credentials, FATTR_MODE, FATTR_SIZE, FileKind};
use fuserig_sim_fs::{FallocateMode, LowerExt, XattrFlags};

use super::lowers::planted;
use super::races::AtMost;
use super::{Judges, Planted, general};
use super::{nothing, refused};

fn of_attributes() -> Vec<Planted> {
    vec![
        planted("chmod forgets the sticky bit", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, mut changes } => {
                    changes.permissions = changes.permissions.map(|mode| mode & !0o1000);
                    Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
                }
                _ => None,
            })
        }),
        planted("chown also gives the group", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, mut changes } => {
                    let gid = changes.uid.map(|uid| fuserig_abi::Gid(uid.0));
                    changes.gid = gid.or(changes.gid);
                    Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
                }
                _ => None,
            })
        }),
        planted("ordinary users may chown", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { changes, .. } if changes.uid.is_some() => {
                    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                    Some(fs.apply(&root, op))
                }
                _ => None,
            })
        }),
        planted("users read what they may not", || {
            Box::new(|_, caller, op| match *op {
                LowerOp::Access { mask, .. } if caller.credentials.uid.0 == 1001 => {
                    (!mask.contains(fuserig_abi::AccessMask::WRITE)).then_some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("the setgid bit of a directory is not inherited", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Mkdir { .. } => {
                    let reply = fs.apply(caller, op);
                    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                    if let Ok(LowerReply::Stat(stat)) = &reply {
                        let permissions = Some(stat.permissions & !0o2000);
                        let changes =
                            fuserig_sim_fs::AttrChanges { permissions, ..Default::default() };
                        let _ = fs.setattr(&root, stat.ino, changes);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
    ]
}

fn of_space() -> Vec<Planted> {
    vec![
        planted("a punched hole keeps its bytes", || {
            Box::new(|_, _, op| match *op {
                LowerOp::Fallocate { mode, .. } if mode.contains(FallocateMode::PUNCH_HOLE) => {
                    Some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("SEEK_HOLE is one too far", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Seek { whence: fuserig_sim_fs::Whence::Hole, .. } => {
                    Some(fs.apply(caller, op).map(|reply| match reply {
                        LowerReply::Position(at) => LowerReply::Position(at + 1),
                        other => other,
                    }))
                }
                _ => None,
            })
        }),
        planted("a file grows to two pages at most", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, mut changes } => {
                    changes.size = changes.size.map(|size| size.min(8192));
                    Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
                }
                _ => None,
            })
        }),
        planted("a read of a page is a byte short", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Read { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
                    LowerReply::Bytes(mut bytes) if bytes.len() == 4096 => {
                        bytes.pop();
                        LowerReply::Bytes(bytes)
                    }
                    other => other,
                })),
                _ => None,
            })
        }),
        planted("a write behind the second page lands before it", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Write { fh, offset, data } if offset > 8192 => {
                    Some(fs.apply(caller, &LowerOp::Write { fh, offset: offset - 1, data }))
                }
                _ => None,
            })
        }),
    ]
}

fn of_names() -> Vec<Planted> {
    vec![
        planted("a third link is refused", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Link { node, .. } => {
                    let many = fs.getattr(caller, node).is_ok_and(|stat| stat.nlink > 2);
                    many.then_some(Err(Errno::EMLINK))
                }
                _ => None,
            })
        }),
        planted("a directory is listed as a file", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::ReadDir { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
                    LowerReply::Entries { mut entries, end } => {
                        for entry in entries.iter_mut().filter(|entry| entry.name.len() > 4) {
                            entry.kind = FileKind::Regular;
                        }
                        LowerReply::Entries { entries, end }
                    }
                    other => other,
                })),
                _ => None,
            })
        }),
        planted("a fifo is made as a file", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Mknod { parent, name, mode, rdev } if mode & 0o170_000 == 0o010_000 => {
                    let mode = mode & 0o7777 | 0o100_000;
                    Some(fs.apply(caller, &LowerOp::Mknod { parent, name, mode, rdev }))
                }
                _ => None,
            })
        }),
        planted("a directory does not replace an empty one", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { new_parent, new_name, flags, .. } if flags.is_empty() => {
                    let old = fs.lookup(caller, new_parent, new_name).ok()?;
                    (old.kind == FileKind::Directory).then_some(Err(Errno::ENOTEMPTY))
                }
                _ => None,
            })
        }),
    ]
}

fn of_attribute_names() -> Vec<Planted> {
    vec![
        planted("XATTR_REPLACE creates", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::SetXattr { node, name, value, flags } => {
                    let flags = flags - XattrFlags::REPLACE;
                    Some(fs.apply(caller, &LowerOp::SetXattr { node, name, value, flags }))
                }
                _ => None,
            })
        }),
        planted("removing what is not there succeeds", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::RemoveXattr { .. } => match fs.apply(caller, op) {
                    Err(Errno::ENODATA) => Some(Ok(LowerReply::Done)),
                    other => Some(other),
                },
                _ => None,
            })
        }),
        planted("values of attributes are cut at sixteen bytes", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::SetXattr { node, name, value, flags } => {
                    let value = &value[..value.len().min(16)];
                    Some(fs.apply(caller, &LowerOp::SetXattr { node, name, value, flags }))
                }
                _ => None,
            })
        }),
    ]
}

/// A filter with its right twin, and what its author holds true of it.
pub(super) fn judged<F: Filter + 'static, G: Filter + 'static>(
    name: &'static str,
    wrong: fn() -> F,
    right: fn() -> G,
    more: impl Fn() -> Judges + 'static,
) -> Planted {
    let judges = move || general().into_iter().chain(more()).collect();
    Planted {
        kind: "filter",
        name,
        wrong: Subject::new(Abi::V4, wrong),
        right: Subject::new(Abi::V4, right),
        judges: Box::new(judges),
        crashes: None,
    }
}

/// A place is given back, or none.
pub(super) fn give_back(one: bool, places: &mut u64) -> Verdict {
    *places = places.saturating_sub(u64::from(one));
    Verdict::Continue
}

/// Three files are open at a time. Who adds to it says when a place is given back.
pub(super) fn three_open() -> FuseOps<u64> {
    fn take(places: &mut u64) -> Verdict {
        if *places >= 3 {
            return Verdict::Error(Errno::ENFILE);
        }
        *places += 1;
        Verdict::Postfilter
    }
    FuseOps::with_state("places", 0_u64)
        .open_prefilter(|cx, _| take(cx.state))
        .open_postfilter(|cx, _, _| give_back(cx.error_in().is_some(), cx.state))
        .create_open_prefilter(|cx, _, _| take(cx.state))
        .create_open_postfilter(|cx, _, _, _, _| give_back(cx.error_in().is_some(), cx.state))
}

/// Nothing is changed but what is set or taken away of a file's attributes. Who asks whether he may
/// write is told what is so below.
pub(super) fn changes_little() -> FuseOps {
    const O_ACCMODE: u32 = 0o3;
    const O_TRUNC: u32 = 0o1000;
    FuseOps::new("views")
        .open_prefilter(|_, open| refused(open.flags & (O_ACCMODE | O_TRUNC) != 0, Errno::EROFS))
        .create_open_prefilter(|_, _, _| Errno::EROFS)
        .mknod_prefilter(|_, _, _| Errno::EROFS)
        .mkdir_prefilter(|_, _, _| Errno::EROFS)
        .symlink_prefilter(|_, _, _| Errno::EROFS)
        .link_prefilter(|_, _, _| Errno::EROFS)
        .unlink_prefilter(|_, _| Errno::EROFS)
        .rmdir_prefilter(|_, _| Errno::EROFS)
        .rename_prefilter(|_, _, _, _| Errno::EROFS)
        .rename2_prefilter(|_, _, _, _| Errno::EROFS)
        .setxattr_prefilter(|_, _, _, _| Errno::EROFS)
        .write_iter_prefilter(|_, _| Errno::EROFS)
        .file_fallocate_prefilter(|_, _| Errno::EROFS)
        .copy_file_range_prefilter(|_, _| Errno::EROFS)
}

/// A filter that must do as its right twin does.
pub(super) fn filter<F: Filter + 'static, G: Filter + 'static>(
    name: &'static str,
    wrong: fn() -> F,
    right: fn() -> G,
) -> Planted {
    judged(name, wrong, right, move || vec![Box::new(invariant::twins_agree(right))])
}

fn guards_secret() -> FuseOps {
    FuseOps::new("guards")
        .unlink_prefilter(|_, name| refused(name.name() == b".secret", Errno::EPERM))
        .rename2_prefilter(|_, _, old, new| {
            let guarded = old.name() == b".secret" || new.name() == b".secret";
            refused(guarded, Errno::EPERM)
        })
}

fn guards_only_old() -> FuseOps {
    FuseOps::new("guards")
        .unlink_prefilter(|_, name| refused(name.name() == b".secret", Errno::EPERM))
        .rename2_prefilter(|_, _, old, _| refused(old.name() == b".secret", Errno::EPERM))
}

fn guards_prefix() -> FuseOps {
    FuseOps::new("guards")
        .unlink_prefilter(|_, name| refused(name.name().starts_with(b".secret"), Errno::EPERM))
        .rename2_prefilter(|_, _, old, new| {
            let guarded = old.name() == b".secret" || new.name() == b".secret";
            refused(guarded, Errno::EPERM)
        })
}

fn of_filters() -> Vec<Planted> {
    vec![
        filter("the new name of a rename is not guarded", guards_only_old, guards_secret),
        filter("a longer name is guarded, too", guards_prefix, guards_secret),
        filter(
            "long names are refused",
            || {
                FuseOps::new("long")
                    .mkdir_prefilter(|_, _, name| refused(name.name().len() > 100, Errno::EPERM))
            },
            nothing,
        ),
        filter(
            "appending and truncating at once is refused",
            || {
                FuseOps::new("flags")
                    .open_prefilter(|_, open| refused(open.flags & 0o3000 == 0o3000, Errno::EINVAL))
            },
            nothing,
        ),
        filter(
            "the sticky bit cannot be set",
            || {
                FuseOps::new("sticky").setattr_prefilter(|_, attr| {
                    let sticky = attr.valid & FATTR_MODE != 0 && attr.mode & 0o1000 != 0;
                    refused(sticky, Errno::EPERM)
                })
            },
            nothing,
        ),
        filter(
            "a size above two pages becomes two pages",
            || {
                FuseOps::new("sizes").setattr_prefilter(|_, attr| {
                    if attr.valid & FATTR_SIZE != 0 {
                        attr.size = attr.size.min(8192);
                    }
                    Verdict::Continue
                })
            },
            nothing,
        ),
        filter(
            "user 1001 is taken for user 1000",
            || {
                FuseOps::new("users")
                    .mkdir_prefilter(|cx, _, _| refused(cx.uid().0 > 0, Errno::EPERM))
            },
            || {
                FuseOps::new("users")
                    .mkdir_prefilter(|cx, _, _| refused(cx.uid().0 == 1000, Errno::EPERM))
            },
        ),
        filter(
            "opens are counted and never given back",
            || {
                FuseOps::with_state("opens", 0_u32).open_prefilter(|cx, _| {
                    *cx.state += 1;
                    refused(*cx.state > 12, Errno::ENFILE)
                })
            },
            nothing,
        ),
    ]
}

fn of_races() -> Vec<Planted> {
    fn busy() -> FuseOps<bool> {
        FuseOps::with_state("busy", false)
            .mkdir_prefilter(|cx, _, _| match core::mem::replace(cx.state, true) {
                true => Verdict::Error(Errno::EBUSY),
                false => Verdict::Postfilter,
            })
            .mkdir_postfilter(|cx, _, _| {
                *cx.state = false;
                Verdict::Continue
            })
    }
    fn owner() -> FuseOps<u32> {
        FuseOps::with_state("owner", 0)
            .open_prefilter(|cx, _| {
                *cx.state = cx.uid().0;
                Verdict::Postfilter
            })
            .open_postfilter(|cx, _, _| {
                let same = cx.uid().0 == *cx.state;
                refused(!same && cx.error_in().is_none(), Errno::EACCES)
            })
    }
    fn links() -> FuseOps<u64> {
        FuseOps::with_state("links", 2_u64)
            .link_prefilter(|cx, _, _| match *cx.state {
                0 => Verdict::Error(Errno::EDQUOT),
                _ => Verdict::Postfilter,
            })
            .link_postfilter(|cx, _, _| {
                let made = u64::from(cx.error_in().is_none());
                *cx.state = cx.state.saturating_sub(made);
                Verdict::Continue
            })
    }
    fn links_right() -> FuseOps<u64> {
        FuseOps::with_state("links", 2_u64)
            .link_prefilter(|cx, _, _| match *cx.state {
                0 => Verdict::Error(Errno::EDQUOT),
                _ => {
                    *cx.state -= 1;
                    Verdict::Postfilter
                }
            })
            .link_postfilter(|cx, _, _| {
                *cx.state += u64::from(cx.error_in().is_some());
                Verdict::Continue
            })
    }
    vec![
        filter("a second directory at the same time is refused", busy, nothing),
        filter("whoever opened last is taken for the opener", owner, nothing),
        Planted {
            wrong: Subject::new(Abi::V4, links),
            right: Subject::new(Abi::V4, links_right),
            judges: Box::new(|| general().into_iter().chain([AtMost::links(2)]).collect()),
            ..filter("two links pass at the limit", links, links_right)
        },
    ]
}

pub(super) fn all() -> Vec<Planted> {
    [of_attributes(), of_space(), of_names(), of_attribute_names(), of_filters(), of_races()]
        .into_iter()
        .flatten()
        .collect()
}
