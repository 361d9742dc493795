//! Clients, their descriptors, and open files.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Credentials, Errno, Op, Pid};
use fuserig_sim_fs::OpenFlags;

use super::advisory::KeptLocks;
use super::errand::Errand;
use super::locks::Locks;
use crate::kernel::{DentryId, HandleId, Key, Slab, World};
use crate::pipeline::Stop;

macro_rules! state_key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(u32);

        impl Key for $name {
            fn from_index(index: usize) -> Self {
                $name(u32::try_from(index).expect("fewer than 2^32 objects"))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

state_key! {
    /// An open file description.
    FileId
}
state_key! {
    /// A descriptor table, which threads share.
    TableId
}
state_key! {
    /// Working directory and umask, which threads share.
    FsId
}

/// What an open file description does when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKindOpen {
    /// A FUSE file or directory.
    Fuse(HandleId),
    /// `O_PATH`: only a place.
    Path,
    /// A device, pipe or socket: not served by FUSE.
    Special,
}

/// An open file description: what dup and fork share.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) kind: FileKindOpen,
    pub(super) dentry: DentryId,
    pub(super) flags: OpenFlags,
    pub(super) references: u32,
}

/// One slot of a descriptor table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) file: FileId,
    pub(super) cloexec: bool,
}

/// A descriptor table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) slots: BTreeMap<i32, Descriptor>,
    pub(super) users: u32,
}

/// Working directory and umask.
#[derive(Clone, Copy, Debug)]
pub(super) struct FsState {
    pub(super) cwd: DentryId,
    pub(super) umask: u32,
    pub(super) users: u32,
}

/// A simulated process.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) credentials: Credentials,
    pub(super) table: TableId,
    pub(super) fs: FsId,
    /// Mapped files and where each was mapped.
    pub(super) mappings: Vec<(u64, FileId)>,
    /// Whether it has asked for a lock of a range.
    pub(super) locked: bool,
}

/// Everything between system calls and the pipeline.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) clients: BTreeMap<Pid, Client>,
    pub(super) files: Slab<FileId, File>,
    pub(super) tables: Slab<TableId, Table>,
    pub(super) fs: Slab<FsId, FsState>,
    pub(super) mount_point: Vec<u8>,
    /// Clients whose last call never returned.
    pub(super) stopped: BTreeMap<Pid, Stop>,
    pub(super) locks: Locks,
    /// The first request that was made without a lock that it wants, in a sentence.
    pub(super) unheld: Option<String>,
    pub(super) kept_locks: KeptLocks,
    /// Whom the daemon serves while it uses its own mount.
    pub(super) serving: Option<Serving>,
    /// How often a turn with the daemon was asked for.
    pub(super) turns: u64,
    /// Requests that are over, whose room is used again.
    #[expect(clippy::vec_box, reason = "a box is handed on without moving what is in it")]
    pub(super) spare_errands: Vec<Box<Errand>>,
}

/// A request that the daemon serves while it is in a system call on its own mount.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    /// Whose request.
    pub(super) client: Pid,
    /// Of which operation.
    pub(super) op: Op,
    /// The daemon's call, as reports show it.
    pub(super) call: String,
}

impl State {
    pub(super) fn new(world: World, mount_point: &[u8]) -> State {
        State {
            world,
            clients: BTreeMap::new(),
            files: Slab::default(),
            tables: Slab::default(),
            fs: Slab::default(),
            mount_point: mount_point.to_vec(),
            stopped: BTreeMap::new(),
            locks: Locks::default(),
            unheld: None,
            kept_locks: KeptLocks::default(),
            serving: None,
            turns: 0,
            spare_errands: Vec::new(),
        }
    }

    /// Adds a client whose working directory is the root of the mount.
    pub(super) fn add_client(&mut self, pid: Pid, credentials: Credentials, umask: u32) {
        let cwd = self.world.mount.root;
        self.world.mount.hold(cwd);
        let table = self.tables.insert(Table { slots: BTreeMap::new(), users: 1 });
        let fs = self.fs.insert(FsState { cwd, umask, users: 1 });
        self.clients
            .insert(pid, Client { credentials, table, fs, mappings: Vec::new(), locked: false });
    }

    pub(super) fn client(&self, pid: Pid) -> &Client {
        self.clients.get(&pid).expect("a call names a client that was added")
    }

    pub(super) fn client_mut(&mut self, pid: Pid) -> &mut Client {
        self.clients.get_mut(&pid).expect("a call names a client that was added")
    }

    pub(super) fn umask(&self, pid: Pid) -> u32 {
        self.fs[self.client(pid).fs].umask
    }

    pub(super) fn cwd(&self, pid: Pid) -> DentryId {
        self.fs[self.client(pid).fs].cwd
    }

    /// The client as the lower filesystem sees it.
    pub(super) fn caller(&self, pid: Pid) -> Caller {
        Caller::new(self.client(pid).credentials.clone(), pid, self.world.now)
    }

    /// The open file behind a descriptor.
    pub(super) fn file(&self, pid: Pid, fd: i32) -> Result<&File, Errno> {
        Ok(&self.files[self.file_id(pid, fd)?])
    }

    pub(super) fn file_id(&self, pid: Pid, fd: i32) -> Result<FileId, Errno> {
        let table = &self.tables[self.client(pid).table];
        Ok(table.slots.get(&fd).ok_or(Errno::EBADF)?.file)
    }

    /// The FUSE handle behind a descriptor that was opened for I/O.
    pub(super) fn handle(&self, pid: Pid, fd: i32) -> Result<(HandleId, &File), Errno> {
        let file = self.file(pid, fd)?;
        match file.kind {
            FileKindOpen::Fuse(handle) => Ok((handle, file)),
            FileKindOpen::Path => Err(Errno::EBADF),
            FileKindOpen::Special => Err(Errno::ENXIO),
        }
    }

    /// Puts a file into a slot, the given one or the lowest free one.
    pub(super) fn install(
        &mut self,
        pid: Pid,
        file: FileId,
        fd: Option<i32>,
        cloexec: bool,
    ) -> i32 {
        let table = self.client(pid).table;
        let slots = &mut self.tables[table].slots;
        let fd = fd.unwrap_or_else(|| lowest_free(slots));
        slots.insert(fd, Descriptor { file, cloexec });
        fd
    }
}

/// The lowest number that no descriptor has. Most tables have no gap, so that nothing is gone
/// through.
fn lowest_free(slots: &BTreeMap<i32, Descriptor>) -> i32 {
    let count = i32::try_from(slots.len()).expect("as many descriptors as numbers");
    match slots.last_key_value() {
        Some((last, _)) if *last >= count => {
            let gap = (0..).zip(slots.keys()).find(|(free, fd)| free != *fd);
            gap.map_or(count, |(free, _)| free)
        }
        _ => count,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Descriptor, FileId, lowest_free};
    use crate::kernel::Slab;

    #[test]
    fn the_lowest_free_descriptor_is_the_first_that_nobody_has() {
        let file: FileId = Slab::default().insert(());
        // Every set of descriptors below eight, and one far above.
        for held in 0..1_u32 << 9 {
            let fds = (0..9).filter(|bit| held >> bit & 1 == 1);
            let fds = fds.map(|bit| if bit == 8 { 1000 } else { bit });
            let slots: BTreeMap<i32, Descriptor> =
                fds.map(|fd| (fd, Descriptor { file, cloexec: false })).collect();
            let first = (0..).find(|fd| !slots.contains_key(fd));
            assert_eq!(Some(lowest_free(&slots)), first, "{:?}", slots.keys());
        }
    }
}
