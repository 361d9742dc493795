//! Lower filesystems that get the order wrong: found by random runs, and the right one is not.

use fuserig::prelude::*;
use fuserig_abi::{Caller, Ino};
use fuserig_sim_fs::{OpenCheck, OpenFlags, RenameFlags};

type Boxed = Box<dyn Lower>;

/// What a wrong filesystem does instead; none for what is right in it.
type Bug = fn(&mut Boxed, &Caller, &LowerOp<'_>) -> Option<Result<LowerReply, Errno>>;

/// A filesystem with one bug.
#[derive(Debug)]
struct Wrong {
    inner: Boxed,
    bug: Bug,
}

impl Lower for Wrong {
    fn root(&self) -> Ino {
        self.inner.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match (self.bug)(&mut self.inner, caller, op) {
            Some(reply) => reply,
            None => self.inner.apply(caller, op),
        }
    }
}

const TREE: &str = "/a 'aaaa'\n/d/\n/d/b 'bb'\n/notes.txt 'hi'\n/e/";

fn campaign(runs: u64, subject: Subject, durability: Durability) -> Result<Summary, Box<Finding>> {
    Simulation::new(Seed(1))
        .clients(2)
        .runs(runs)
        .crashes(durability)
        .run(subject.over(TREE))
        .check(invariant::durable(durability))
        .check(invariant::atomic_names())
        .result()
}

fn found(bug: Bug, durability: Durability) -> Finding {
    let wrong = move |inner| -> Boxed { Box::new(Wrong { inner, bug }) };
    let subject = Subject::without_filter(Abi::V4).lower(wrong);
    let finding = *campaign(312, subject, durability).expect_err("it is wrong on purpose");
    assert!(finding.case.crash.is_some(), "it takes a crash to see it: {finding}");
    assert!(finding.minimality.shown, "{finding}");
    finding
}

#[test]
fn the_right_filesystem_keeps_its_promises_under_every_policy() {
    for durability in Durability::ALL {
        let summary = campaign(60, Subject::without_filter(Abi::V4), durability)
            .unwrap_or_else(|finding| panic!("{finding}"));
        println!("{durability}: {summary}");
        assert!(summary.crashes > summary.runs, "{durability}: {summary}");
    }
}

#[test]
fn an_fsync_that_does_nothing_is_found() {
    let finding = found(
        |_, _, op| matches!(op, LowerOp::Fsync { .. }).then_some(Ok(LowerReply::Done)),
        Durability::Ordered,
    );
    assert_eq!(finding.violation.invariant, "durable");
    assert!(finding.case.operations() <= 4, "{finding}");
}

#[test]
fn an_fsync_that_forgets_the_data_is_found() {
    let metadata: Bug = |fs, caller, op| {
        let LowerOp::Fsync { .. } = op else { return None };
        let (node, check) = (fs.root(), OpenCheck::Permission);
        let open = LowerOp::Open { node, flags: OpenFlags::DIRECTORY, check };
        let Ok(LowerReply::Opened(fh)) = fs.apply(caller, &open) else { return None };
        let _ = fs.apply(caller, &LowerOp::Fsync { fh, datasync: false });
        Some(fs.apply(caller, &LowerOp::Release { fh }))
    };
    let finding = found(metadata, Durability::Ordered);
    assert!(finding.violation.message.starts_with("byte "), "{finding}");
}

#[test]
fn an_fsync_that_is_an_fdatasync_is_found() {
    let lazy: Bug = |fs, caller, op| match *op {
        LowerOp::Fsync { fh, .. } => Some(fs.apply(caller, &LowerOp::Fsync { fh, datasync: true })),
        _ => None,
    };
    let finding = found(lazy, Durability::Ordered);
    assert_eq!(finding.violation.invariant, "durable");
    // Bytes are there; what is lost is a name, or that one is gone.
    assert!(!finding.violation.message.starts_with("byte "), "{finding}");
}

/// A write to a file that was opened with O_SYNC is as durable as one that fsync came after, and
/// so is everything that a write through it stands for.
#[test]
fn a_file_that_writes_through_and_is_opened_as_if_it_did_not_is_found() {
    let lazy: Bug = |fs, caller, op| match *op {
        LowerOp::Open { node, flags, check } => {
            let flags = flags - OpenFlags::SYNC_METADATA;
            Some(fs.apply(caller, &LowerOp::Open { node, flags, check }))
        }
        _ => None,
    };
    let finding = found(lazy, Durability::Ordered);
    assert_eq!(finding.violation.invariant, "durable");
}

fn lookup(fs: &mut Boxed, caller: &Caller, parent: Ino, name: &[u8]) -> Option<Ino> {
    match fs.apply(caller, &LowerOp::Lookup { parent, name }) {
        Ok(LowerReply::Stat(stat)) => Some(stat.ino),
        _ => None,
    }
}

/// A name in a directory.
type Place<'o> = (Ino, &'o [u8]);

/// The two names of a plain rename of one file over another, and the first file.
fn replaces<'o>(
    fs: &mut Boxed,
    caller: &Caller,
    op: &LowerOp<'o>,
) -> Option<(Place<'o>, Place<'o>, Ino)> {
    let LowerOp::Rename { parent, name, new_parent, new_name, flags } = *op else { return None };
    let old = lookup(fs, caller, parent, name)?;
    let new = lookup(fs, caller, new_parent, new_name)?;
    let plain = flags == RenameFlags::empty() && old != new;
    plain.then_some(((parent, name), (new_parent, new_name), old))
}

#[test]
fn a_rename_that_first_unlinks_what_it_replaces_is_found() {
    let finding = found(
        |fs, caller, op| {
            let (_, (parent, name), _) = replaces(fs, caller, op)?;
            let _ = fs.apply(caller, &LowerOp::Unlink { parent, name });
            None
        },
        Durability::Ordered,
    );
    assert_eq!(finding.violation.invariant, "atomic_names");
    assert!(finding.case.operations() <= 4, "{finding}");
}

#[test]
fn a_rename_that_is_a_link_and_an_unlink_is_found() {
    let finding = found(
        |fs, caller, op| {
            let (old, new, node) = replaces(fs, caller, op)?;
            let steps = [
                LowerOp::Unlink { parent: new.0, name: new.1 },
                LowerOp::Link { node, parent: new.0, name: new.1 },
                LowerOp::Unlink { parent: old.0, name: old.1 },
            ];
            steps
                .iter()
                .find_map(|step| fs.apply(caller, step).err().map(Err))
                .or(Some(Ok(LowerReply::Done)))
        },
        Durability::Loose,
    );
    assert_eq!(finding.violation.invariant, "atomic_names");
}
