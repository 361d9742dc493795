//! The locks that a request is made with, as a table: what `lockdep` is to a real kernel.
//!
//! Linux says for each operation which locks its VFS holds around it and in which order it takes
//! them (Documentation/filesystems/locking.rst and directory-locking.rst). Calls take theirs where
//! they need them; here it is looked at a second time, so that a lock that is left out is found by
//! the first request that goes without, and not by two clients that happen to meet. It refuses to
//! know why a call wants something. What a reader would get wrong: a lock may be held from further
//! out than the call that asks here.

use arrayvec::ArrayVec;
use fuserig_abi::{FileKind, Pid};

use super::locks::{LockMode, RENAME, place_of};
use super::state::State;
use crate::kernel::{DentryId, InodeId, Mount};
use crate::pipeline::Operation;

/// How early a lock is taken beside the others of a request: a lock of a later rank is never taken
/// before one of an earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The lock of all renames between directories.
    Renames,
    /// The directory above the other one, of a rename between two.
    Above,
    /// The directory that is changed.
    Directory,
    /// What its name stands for.
    Named,
}

/// One lock that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    rank: Rank,
    /// None for the lock of all renames.
    inode: Option<InodeId>,
    mode: LockMode,
}

/// All that one request wants: a rename between directories the most.
type All = ArrayVec<Wanted, 5>;

impl Wanted {
    /// The lock of an inode, alone.
    fn alone(rank: Rank, inode: InodeId) -> Wanted {
        Wanted { rank, inode: Some(inode), mode: LockMode::Exclusive }
    }

    /// The lock of a directory, with others that only look.
    fn shared(inode: InodeId) -> Wanted {
        Wanted { rank: Rank::Directory, inode: Some(inode), mode: LockMode::Shared }
    }

    /// Where it is among the locks.
    fn place(&self) -> usize {
        self.inode.map_or(RENAME, place_of)
    }

    /// It in words.
    fn told(&self, mount: &Mount) -> String {
        let Some(inode) = self.inode else { return "the lock of all renames".to_owned() };
        let named = mount.dentries.iter().find(|(_, dentry)| dentry.inode == Some(inode));
        let path = named.map_or(b"a file without a name".to_vec(), |(id, _)| mount.path_of(id));
        let path = path.escape_ascii();
        match self.mode {
            LockMode::Shared => format!("a share in the lock of {path}"),
            LockMode::Exclusive => format!("the lock of {path}"),
        }
    }
}

/// What a request wants to be held.
fn wanted(mount: &Mount, operation: &Operation) -> All {
    let parent = |dentry: DentryId| mount.inode_of(mount.dentries[dentry].parent);
    let inside = |dentry| Wanted::alone(Rank::Directory, parent(dentry));
    let named = |dentry| Wanted::alone(Rank::Named, mount.inode_of(dentry));
    let opened = |handle| mount.handles[handle].inode;
    match *operation {
        // A file without a name is made in no directory (N16).
        Operation::CreateOpen { dentry, .. } if *mount.dentries[dentry].name == *b"/" => All::new(),
        Operation::CreateOpen { dentry, .. }
        | Operation::Mknod { dentry, .. }
        | Operation::Mkdir { dentry, .. }
        | Operation::Symlink { dentry, .. } => all([inside(dentry)]),
        Operation::Rmdir { dentry } | Operation::Unlink { dentry } => {
            all([inside(dentry), named(dentry)])
        }
        Operation::Link { source, dentry } => all([inside(dentry), named(source)]),
        Operation::Rename { old, new, .. } => renamed(mount, old, new),
        Operation::Lookup { dentry } => all([Wanted::shared(parent(dentry))]),
        Operation::Readdir { handle, .. } => all([Wanted::shared(opened(handle))]),
        Operation::Setattr { dentry, .. }
        | Operation::Setxattr { dentry, .. }
        | Operation::Removexattr { dentry, .. } => all([named(dentry)]),
        Operation::WriteIter { handle, .. }
        | Operation::FileFallocate { handle, .. }
        | Operation::CopyFileRange { to: handle, .. } => {
            all([Wanted::alone(Rank::Named, opened(handle))])
        }
        Operation::Open { .. }
        | Operation::Release { .. }
        | Operation::Flush { .. }
        | Operation::Lseek { .. }
        | Operation::Fsync { .. }
        | Operation::Getxattr { .. }
        | Operation::Listxattr { .. }
        | Operation::ReadIter { .. }
        | Operation::Getattr { .. }
        | Operation::Statfs { .. }
        | Operation::GetLink { .. }
        | Operation::Access { .. } => All::new(),
    }
}

fn all<const N: usize>(wanted: [Wanted; N]) -> All {
    wanted.into_iter().collect()
}

/// `lock_rename`, and what moves or is replaced: no directory that stays where it is.
fn renamed(mount: &Mount, old: DentryId, new: DentryId) -> All {
    let (from, to) = (mount.dentries[old].parent, mount.dentries[new].parent);
    let parent = |one, other| {
        let is_above = one != other && mount.is_ancestor(one, other);
        let rank = if is_above { Rank::Above } else { Rank::Directory };
        Wanted::alone(rank, mount.inode_of(one))
    };
    let mut all = All::new();
    all.push(parent(from, to));
    if from != to {
        all.push(parent(to, from));
        all.push(Wanted { rank: Rank::Renames, inode: None, mode: LockMode::Exclusive });
    }
    let named = [mount.dentries[old].inode, mount.dentries[new].inode].into_iter().flatten();
    let is_held = |inode: &InodeId| from != to || mount.inodes[*inode].kind != FileKind::Directory;
    all.extend(named.filter(is_held).map(|inode| Wanted::alone(Rank::Named, inode)));
    all
}

/// What a request is about to be made without, in a sentence; none where it has all that it wants,
/// taken in the right order.
pub(super) fn lacking(state: &State, pid: Pid, operation: &Operation) -> Option<String> {
    let mount = &state.world.mount;
    let op = || operation.op().name();
    let mut taken: ArrayVec<(Wanted, u64), 5> = ArrayVec::new();
    for want in wanted(mount, operation) {
        match state.locks.held(pid, want.place()) {
            Some((LockMode::Shared, _)) if want.mode == LockMode::Exclusive => {
                let lock = want.told(mount);
                return Some(format!("{} is asked for with no more than a share in {lock}", op()));
            }
            Some((_, since)) => taken.push((want, since)),
            None => return Some(format!("{} is asked for without {}", op(), want.told(mount))),
        }
    }
    let is_early = |(want, since): &&(Wanted, u64)| {
        taken.iter().any(|(first, when)| first.rank < want.rank && when > since)
    };
    let (early, _) = taken.iter().find(is_early)?;
    Some(format!("for {}, {} was taken too early", op(), early.told(mount)))
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Credentials, Device, Pid};
    use fuserig_sim_fs::{MemFs, OpenFlags};

    use super::super::{Call, PathAt, Vfs, VfsConfig};
    use super::{DentryId, InodeId, LockMode, Operation, RENAME, lacking, place_of};
    use crate::kernel::{HandleId, World, WorldConfig};
    use crate::pipeline::{Iattr, NoDaemon, NullSink};
    use crate::vfs::locks::Locks;

    const CLIENT: Pid = Pid(1);
    const TREE: &str = "/d/\n/d/f 'x'\n/d/s/\n/e/\n/e/g 'y'";

    /// A mount whose names are all known, since somebody has them open in this order.
    fn mounted() -> Vfs {
        let lower = Box::new(MemFs::from_tree(TREE).expect("a tree"));
        let (daemon, sink) = (Box::new(NoDaemon), Box::new(NullSink));
        let world = World::new(&WorldConfig::default(), lower, None, daemon, sink);
        let vfs = Vfs::new(world.expect("a mount"), &VfsConfig::default());
        vfs.add_client(CLIENT, Credentials::root(), 0o022);
        for path in ["d", "d/f", "d/s", "e", "e/g"] {
            let path = PathAt::cwd(path);
            let open = Call::Open { path, flags: OpenFlags::empty(), mode: 0, fd: None };
            vfs.call(CLIENT, &open).value.expect("it is there");
        }
        vfs
    }

    /// What a test names: dentries and inodes by path, handles by descriptor, and new names.
    struct Names<'v>(&'v Vfs);

    impl Names<'_> {
        fn dentry(&self, path: &str) -> DentryId {
            let state = self.0.state.borrow();
            let mount = &state.world.mount;
            let child = |at, name: &str| mount.dentries[at].children[name.as_bytes()];
            path.split('/').fold(mount.root, child)
        }

        fn inode(&self, path: &str) -> usize {
            place_of(self.inode_id(path))
        }

        fn inode_id(&self, path: &str) -> InodeId {
            let dentry = self.dentry(path);
            self.0.state.borrow().world.mount.inode_of(dentry)
        }

        fn handle(&self, fd: i32) -> HandleId {
            self.0.state.borrow().handle(CLIENT, fd).expect("it is open").0
        }

        fn fresh(&self, directory: &str, name: &str) -> DentryId {
            let parent = self.dentry(directory);
            self.0.state.borrow_mut().world.mount.new_child(parent, name.as_bytes())
        }
    }

    /// Requests, and the places that they want in the order in which they are taken.
    fn requests(at: &Names<'_>) -> Vec<(Operation, Vec<usize>)> {
        let (d, e) = (at.inode("d"), at.inode("e"));
        let (f, g, s) = (at.inode("d/f"), at.inode("e/g"), at.inode("d/s"));
        let new = at.fresh("d", "new");
        let rename = |old: &str, new| Operation::Rename { old: at.dentry(old), new, flags: 0 };
        let (handle, dentry) = (at.handle(1), at.dentry("d/f"));
        let attr = Iattr::default();
        let name = || b"user.a".to_vec();
        vec![
            (Operation::Mkdir { dentry: new, mode: 0 }, vec![d]),
            (Operation::Mknod { dentry: new, mode: 0, rdev: Device::default() }, vec![d]),
            (Operation::Symlink { dentry: new, target: vec![] }, vec![d]),
            (Operation::CreateOpen { dentry: new, flags: 0, mode: 0 }, vec![d]),
            (Operation::Unlink { dentry }, vec![d, f]),
            (Operation::Rmdir { dentry: at.dentry("d/s") }, vec![d, s]),
            (Operation::Link { source: at.dentry("e/g"), dentry: new }, vec![d, g]),
            (rename("d/f", new), vec![d, f]),
            (rename("d/s", new), vec![d]),
            (rename("d/f", at.dentry("e/g")), vec![RENAME, d, e, f, g]),
            (rename("d/f", at.fresh("d/s", "new")), vec![RENAME, d, s, f]),
            (rename("d/s", at.fresh("e", "new")), vec![RENAME, d, e, s]),
            (Operation::Setattr { dentry, attr }, vec![f]),
            (Operation::Removexattr { dentry, name: name() }, vec![f]),
            (Operation::Setxattr { dentry, name: name(), value: vec![], flags: 0 }, vec![f]),
            (Operation::WriteIter { handle, offset: 0, data: vec![], append: false }, vec![f]),
            (Operation::FileFallocate { handle, mode: 0, offset: 0, length: 1 }, vec![f]),
            (copy(at.handle(4), handle), vec![f]),
        ]
    }

    fn copy(from: HandleId, to: HandleId) -> Operation {
        Operation::CopyFileRange { from, from_offset: 0, to, to_offset: 0, length: 1, flags: 0 }
    }

    /// What is said of a request by whoever has taken these places, in this order.
    fn said(
        vfs: &Vfs,
        operation: &Operation,
        taken: impl IntoIterator<Item = usize>,
        mode: LockMode,
    ) -> Option<String> {
        let mut state = vfs.state.borrow_mut();
        state.locks = Locks::default();
        taken.into_iter().for_each(|place| state.locks.take(CLIENT, place, mode));
        lacking(&state, CLIENT, operation)
    }

    #[test]
    fn a_change_wants_its_locks_alone_and_in_order() {
        let vfs = mounted();
        for (operation, places) in requests(&Names(&vfs)) {
            let op = operation.op().name();
            let (all, alone) = (places.iter().copied(), LockMode::Exclusive);
            assert_eq!(said(&vfs, &operation, all.clone(), alone), None, "{op}");
            for left_out in &places {
                let others = all.clone().filter(|place| place != left_out);
                let said = said(&vfs, &operation, others, alone).expect(op);
                assert!(said.contains(" is asked for without the lock of "), "{said}");
            }
            let shared = said(&vfs, &operation, all.clone(), LockMode::Shared).expect(op);
            assert!(shared.contains("no more than a share in the lock of "), "{shared}");
            if places.len() > 1 {
                let early = said(&vfs, &operation, all.rev(), alone).expect(op);
                assert!(early.ends_with(" was taken too early"), "{early}");
            }
        }
    }

    #[test]
    fn who_looks_wants_no_more_than_a_share() {
        let vfs = mounted();
        let at = Names(&vfs);
        let d = at.inode("d");
        for operation in [
            Operation::Lookup { dentry: at.fresh("d", "new") },
            Operation::Readdir { handle: at.handle(0), space: 1 },
        ] {
            let without = said(&vfs, &operation, [], LockMode::Shared).expect("nothing is held");
            assert!(without.ends_with("without a share in the lock of /d"), "{without}");
            for mode in [LockMode::Shared, LockMode::Exclusive] {
                assert_eq!(said(&vfs, &operation, [d], mode), None);
            }
        }
        let read = Operation::ReadIter { handle: at.handle(1), offset: 0, size: 1 };
        let unnamed = Operation::CreateOpen { dentry: at.fresh("d", "/"), flags: 0, mode: 0 };
        for operation in [read, unnamed] {
            assert_eq!(said(&vfs, &operation, [], LockMode::Shared), None);
        }
    }
}
