//! Filesystems that are wrong on purpose: the conformance cases must catch every one of them, or
//! they check nothing.

use fuserig_abi::{Caller, Credentials, Errno, Ino, StatFs};
use fuserig_sim_fs::conformance::{Verdict, builtin, run};
use fuserig_sim_fs::{
    FallocateMode, Lower, LowerOp, LowerReply, MemFs, OpenFlags, RenameFlags, Whence,
};

/// What a wrong filesystem does with an operation; `None` leaves it to the right one.
type Bug = fn(&mut MemFs, &Caller, &LowerOp<'_>) -> Option<Result<LowerReply, Errno>>;

/// A simulation with one bug.
#[derive(Debug)]
struct Wrong {
    right: MemFs,
    bug: Bug,
}

impl Lower for Wrong {
    fn root(&self) -> Ino {
        self.right.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        (self.bug)(&mut self.right, caller, op).unwrap_or_else(|| self.right.apply(caller, op))
    }
}

/// The cases that a bug makes fail must be some.
#[track_caller]
fn caught(bug: Bug) {
    let found = builtin().into_iter().flat_map(|(_, cases)| cases).any(|case| {
        let mut wrong = Wrong { right: MemFs::default(), bug };
        matches!(run(&case, "mem", &mut wrong), Verdict::Failed(_) | Verdict::Broken(_))
    });
    assert!(found, "no case fails on this filesystem");
}

/// The operation as the super-user, who may do everything.
fn as_root(fs: &mut MemFs, caller: &Caller, op: &LowerOp<'_>) -> Option<Result<LowerReply, Errno>> {
    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
    Some(fs.apply(&root, op))
}

#[test]
fn a_filesystem_without_bugs_is_not_caught() {
    let failed = builtin().into_iter().flat_map(|(_, cases)| cases).find_map(|case| {
        let mut fine = Wrong { right: MemFs::default(), bug: |_, _, _| None };
        match run(&case, "mem", &mut fine) {
            Verdict::Passed | Verdict::Skipped(_) => None,
            failed => Some(failed),
        }
    });
    assert_eq!(failed, None);
}

#[test]
fn missing_permission_checks_are_caught() {
    caught(|fs, caller, op| match op {
        LowerOp::Lookup { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Unlink { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Rename { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Setattr { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Open { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Access { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::Tmpfile { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::ListXattr { .. } => as_root(fs, caller, op),
        _ => None,
    });
    caught(|fs, caller, op| match op {
        LowerOp::SetXattr { .. } => as_root(fs, caller, op),
        _ => None,
    });
}

#[test]
fn a_write_that_keeps_setuid_is_caught() {
    caught(|fs, caller, op| match op {
        LowerOp::Write { .. } => as_root(fs, caller, op),
        _ => None,
    });
}

#[test]
fn open_flags_that_are_ignored_are_caught() {
    const IGNORED: [Bug; 5] = [
        |fs, caller, op| without(OpenFlags::APPEND, fs, caller, op),
        |fs, caller, op| without(OpenFlags::TRUNC, fs, caller, op),
        |fs, caller, op| without(OpenFlags::DIRECTORY, fs, caller, op),
        |fs, caller, op| without(OpenFlags::NOATIME, fs, caller, op),
        |fs, caller, op| without(OpenFlags::PATH, fs, caller, op),
    ];
    IGNORED.into_iter().for_each(caught);
    caught(|fs, caller, op| match *op {
        LowerOp::Tmpfile { parent, mode, flags } => {
            let flags = flags - OpenFlags::EXCL;
            Some(fs.apply(caller, &LowerOp::Tmpfile { parent, mode, flags }))
        }
        _ => None,
    });
}

fn without(
    ignored: OpenFlags,
    fs: &mut MemFs,
    caller: &Caller,
    op: &LowerOp<'_>,
) -> Option<Result<LowerReply, Errno>> {
    match *op {
        LowerOp::Open { node, flags, check } => {
            Some(fs.apply(caller, &LowerOp::Open { node, flags: flags - ignored, check }))
        }
        _ => None,
    }
}

#[test]
fn rename_flags_that_are_ignored_are_caught() {
    const IGNORED: [Bug; 3] = [
        |fs, caller, op| rename_without(RenameFlags::NOREPLACE, fs, caller, op),
        |fs, caller, op| rename_without(RenameFlags::EXCHANGE, fs, caller, op),
        |fs, caller, op| rename_without(RenameFlags::WHITEOUT, fs, caller, op),
    ];
    IGNORED.into_iter().for_each(caught);
}

fn rename_without(
    ignored: RenameFlags,
    fs: &mut MemFs,
    caller: &Caller,
    op: &LowerOp<'_>,
) -> Option<Result<LowerReply, Errno>> {
    match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags } => {
            let flags = flags - ignored;
            Some(fs.apply(caller, &LowerOp::Rename { parent, name, new_parent, new_name, flags }))
        }
        _ => None,
    }
}

#[test]
fn operations_that_only_pretend_are_caught() {
    const PRETENDED: [Bug; 8] = [
        |_, _, op| matches!(op, LowerOp::Forget { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::Release { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::Flush { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::Fsync { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::Flock { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::SetLock { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| matches!(op, LowerOp::RemoveXattr { .. }).then_some(Ok(LowerReply::Done)),
        |_, _, op| match op {
            LowerOp::Fallocate { mode, .. } if mode.contains(FallocateMode::PUNCH_HOLE) => {
                Some(Ok(LowerReply::Done))
            }
            _ => None,
        },
    ];
    PRETENDED.into_iter().for_each(caught);
}

#[test]
fn wrong_answers_are_caught() {
    const WRONG: [Bug; 8] = [
        // A read past the end that gives a byte.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::Read { .. }, Ok(LowerReply::Bytes(data))) if data.is_empty() => {
                Some(Ok(LowerReply::Bytes(vec![0])))
            }
            (_, reply) => Some(reply),
        },
        // A listing that loses its last record.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::ReadDir { .. }, Ok(LowerReply::Entries { mut entries, end })) => {
                entries.pop();
                Some(Ok(LowerReply::Entries { entries, end }))
            }
            (_, reply) => Some(reply),
        },
        // A hole where data is.
        |fs, caller, op| match *op {
            LowerOp::Seek { fh, offset, whence: Whence::Hole, position } => Some(
                fs.apply(caller, &LowerOp::Seek { fh, offset, whence: Whence::Data, position }),
            ),
            _ => None,
        },
        // A copy that stops early.
        |fs, caller, op| match *op {
            LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags } => {
                let length = length.saturating_sub(1);
                let op = LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags };
                Some(fs.apply(caller, &op))
            }
            _ => None,
        },
        // The old POSIX errno for a directory that is not empty.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::Rmdir { .. }, Err(Errno::ENOTEMPTY)) => Some(Err(Errno::EEXIST)),
            (_, reply) => Some(reply),
        },
        // The POSIX errno for unlinking a directory.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::Unlink { .. }, Err(Errno::EISDIR)) => Some(Err(Errno::EPERM)),
            (_, reply) => Some(reply),
        },
        // A length of an attribute that counts a terminator.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::GetXattr { .. }, Ok(LowerReply::Count(count))) => {
                Some(Ok(LowerReply::Count(count + 1)))
            }
            (_, reply) => Some(reply),
        },
        // A filesystem without a limit for names.
        |fs, caller, op| match (op, fs.apply(caller, op)) {
            (LowerOp::Statfs { .. }, Ok(LowerReply::StatFs(figures))) => {
                Some(Ok(LowerReply::StatFs(StatFs { namelen: 0, ..figures })))
            }
            (_, reply) => Some(reply),
        },
    ];
    WRONG.into_iter().for_each(caught);
}
