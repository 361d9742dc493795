//! Lookup entries: what a reply or a filter says about backing and filter (SEMANTICS 7.3).

use fuserig_abi::{Errno, FuseBpfEntryOut, FuseEntryBpfOut, Ino, Pid};
use zerocopy::FromBytes;

use super::device::ENTRY;
use crate::kernel::{FilterId, World};

/// What entries ask for the lower path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum BackingAction {
    /// Nothing.
    #[default]
    Keep,
    /// This lower inode.
    Set(Ino),
    /// None.
    Remove,
}

/// What entries ask for the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum FilterAction {
    /// Nothing: a pipeline lookup inherits, an ordinary one leaves it as it is.
    #[default]
    Keep,
    /// This filter.
    Set(FilterId),
    /// None.
    Remove,
}

/// What a list of entries asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct EntryActions {
    pub(crate) backing: BackingAction,
    pub(crate) filter: FilterAction,
}

impl EntryActions {
    /// Reads the entries of a reply; descriptors are looked up in the table of `pid`. The list
    /// ends with its bytes, and a failure undoes everything.
    ///
    /// # Errors
    /// What 7.3 says about the first bad entry.
    pub(crate) fn parse(world: &World, pid: Pid, list: &[u8]) -> Result<EntryActions, Errno> {
        let mut actions = EntryActions::default();
        for bytes in list.chunks_exact(ENTRY) {
            actions.add(world, pid, bytes)?;
        }
        Ok(actions)
    }

    /// Reads entry storage: up to the first entry of type 0 or the first failure, which is
    /// ignored; what came before it counts (BUF-10).
    pub(crate) fn scan(world: &World, pid: Pid, storage: &[u8]) -> EntryActions {
        let mut actions = EntryActions::default();
        for bytes in storage.chunks_exact(ENTRY) {
            if actions.add(world, pid, bytes).is_err() {
                break;
            }
        }
        actions
    }

    /// What the one entry of Android asks for; descriptors of files and programs are those of
    /// `pid`.
    ///
    /// # Errors
    /// EBADF for a descriptor that is not open, EINVAL for an unknown action.
    pub(crate) fn of_android(
        world: &World,
        pid: Pid,
        entry: &FuseEntryBpfOut,
    ) -> Result<EntryActions, Errno> {
        let backing = match entry.backing_action {
            0 => BackingAction::Keep,
            1 => BackingAction::Remove,
            2 => {
                let ino = world.outside.get(&(pid, entry.backing_fd));
                BackingAction::Set(ino.copied().ok_or(Errno::EBADF)?)
            }
            _ => return Err(Errno::EINVAL),
        };
        let filter = match entry.bpf_action {
            0 => FilterAction::Keep,
            1 => FilterAction::Remove,
            2 => {
                let filter = world.programs.get(&(pid, entry.bpf_fd));
                FilterAction::Set(filter.copied().ok_or(Errno::EBADF)?)
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(EntryActions { backing, filter })
    }

    fn add(&mut self, world: &World, pid: Pid, bytes: &[u8]) -> Result<(), Errno> {
        let entry = FuseBpfEntryOut::read_from_bytes(bytes).expect("chunks are entries");
        if entry.unused != 0 {
            return Err(Errno::EINVAL);
        }
        let fresh_backing = self.backing == BackingAction::Keep;
        let fresh_filter = self.filter == FilterAction::Keep;
        match entry.entry_type {
            1 => {
                let fd = u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes"));
                // The file is taken before it is seen that there was one already. One of the
                // mount itself is refused as a closed one is: a mount cannot stand on itself.
                let ino = world.outside.get(&(pid, fd)).copied().ok_or(Errno::EBADF)?;
                if !fresh_backing {
                    return Err(Errno::EINVAL);
                }
                self.backing = BackingAction::Set(ino);
            }
            2 if fresh_filter => {
                let name = &bytes[8..24];
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                let filter = world.registered(&name[..end]).ok_or(Errno::EINVAL)?;
                self.filter = FilterAction::Set(filter);
            }
            3 if fresh_backing => self.backing = BackingAction::Remove,
            4 if fresh_filter => self.filter = FilterAction::Remove,
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }
}
