//! Revalidation of a dentry in use (SEMANTICS 7.7).

use fuserig_abi::{FuseEntryOut, NodeId, Opcode, Quirk};
use fuserig_sim_fs::LowerExt;

use super::Halt;
use super::exchange::{Ordinary, Served, invalid, parse, stat_of};
use super::names::lookup_shape;
use crate::kernel::DentryId;
use crate::pipeline::entries::BackingAction;

/// Whether a dentry may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// As it is, or not at all.
    Known(bool),
    /// The daemon has to say ([`Ordinary::look_again`]).
    Asked,
}

/// Why a walk wants the dentry: some reasons do not trust a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// To walk through it or use it.
    Use,
    /// To create it exclusively, or to rename onto it.
    Replace,
}

impl Ordinary<'_> {
    /// Whether the dentry may be used as it is.
    pub(crate) fn revalidate(&mut self, dentry: DentryId, want: Want) -> Validity {
        let mount = &self.world.mount;
        let state = &mount.dentries[dentry];
        if state.inode.is_some_and(|inode| mount.inodes[inode].bad) {
            return Validity::Known(false);
        }
        if let (Some(path), Some(_)) = (&state.backing, state.inode) {
            let Some(node) = path.node else { return Validity::Known(false) };
            let kernel = self.world.kernel_caller();
            // An unlinked lower inode has lost its name: the lower dentry is unhashed.
            if !self.world.lower.getattr(&kernel, node).is_ok_and(|stat| stat.nlink > 0) {
                return Validity::Known(false);
            }
        }
        let state = &self.world.mount.dentries[dentry];
        if state.cached && state.valid_until > self.world.now && want == Want::Use {
            self.advise_plus(dentry);
            return Validity::Known(true);
        }
        if state.inode.is_none() {
            return Validity::Known(false);
        }
        let parent = self.inode_of(state.parent);
        if self.world.mount.inodes[parent].backing.is_some() {
            self.quirk(Quirk::LOOK_4);
            return Validity::Known(true);
        }
        Validity::Asked
    }

    /// A name that READDIRPLUS brought is used: the next listing should bring its names as well.
    fn advise_plus(&mut self, dentry: DentryId) {
        let mount = &mut self.world.mount;
        let state = &mount.dentries[dentry];
        let Some(inode) = state.inode else { return };
        if core::mem::take(&mut mount.inodes[inode].came_with_listing) {
            let parent = mount.inode_of(mount.dentries[dentry].parent);
            mount.inodes[parent].advise_plus = true;
        }
    }

    /// LOOKUP for a dentry whose parent the daemon serves. A reply with entries is a positive
    /// length, which counts as an error: the dentry goes, whatever they say (ENT-4).
    pub(crate) async fn look_again(&mut self, dentry: DentryId) -> Served<bool> {
        let (nodeid, name) = (self.parent_node(dentry), self.wire_name(dentry));
        let asked =
            self.ask_entries(Opcode::LOOKUP, nodeid, name, lookup_shape(self.world.abi)).await;
        let (reply, entries) = match asked {
            Ok(reply) => reply,
            Err(Halt::Errno(_)) => return Ok(false),
            Err(halt) => return Err(halt),
        };
        if let Some(actions) = entries {
            if !self.world.faithful() {
                let inode = self.inode_of(dentry);
                let backing = self.world.mount.inodes[inode].backing;
                return Ok(backing.is_some_and(|ino| actions.backing == BackingAction::Set(ino)));
            }
            self.quirk(Quirk::ENT_4);
            return Ok(false);
        }
        let entry: FuseEntryOut = parse(&reply);
        let inode = self.inode_of(dentry);
        let state = &self.world.mount.inodes[inode];
        if entry.nodeid == 0 {
            return Ok(false);
        }
        if NodeId(entry.nodeid) != state.nodeid || state.backing.is_some() {
            self.world.daemon.forget(NodeId(entry.nodeid), 1);
            return Ok(false);
        }
        self.world.mount.inodes[inode].nlookup += 1;
        self.world.mount.inodes[inode].forget_acls();
        let until = self.until(entry.attr_valid, entry.attr_valid_nsec);
        let stat = stat_of(&entry.attr);
        let state = &self.world.mount.inodes[inode];
        if invalid(&entry.attr) || stat.kind != state.kind || entry.generation != state.generation {
            return Ok(false);
        }
        self.world.mount.describe(inode, &stat, until, self.asked_at);
        self.keep(dentry, &entry);
        Ok(true)
    }
}
