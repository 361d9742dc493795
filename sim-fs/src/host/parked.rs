//! More files than descriptors: some are parked, and only the name is kept that they had.
//!
//! A kernel holds every file that it has looked up, and a process has some thousand descriptors. So
//! when half of these are in use the nodes that were found first are asked whether they are still
//! under the name that they were found by, and give their descriptor back if so. Who needs one
//! again opens it by that name and looks whether it is the same file. Directories are never parked,
//! and nothing that has no name. What a reader would get wrong: what somebody moves or removes
//! behind our back while it is parked is lost (`ESTALE`); what is moved or removed through us is
//! woken before, and not parked again until it is looked up.

use std::os::fd::AsFd;

use fuserig_abi::{Errno, FileKind, Ino};
use rustix::fs::Statx;

use super::names::hold;
use super::nodes::{Node, Nodes, describe, describe_name, key};
use crate::LowerOp;

/// How many of the nodes have descriptors, and how many may.
#[derive(Debug)]
pub(super) struct Parking {
    /// Nodes with a descriptor, and nodes without.
    pub(super) opened: usize,
    pub(super) parked: usize,
    opened_max: usize,
    /// The last node that was asked.
    last: Ino,
}

impl Parking {
    pub(super) fn new(opened_max: usize) -> Parking {
        Parking { opened: 0, parked: 0, opened_max, last: Ino(0) }
    }
}

impl Nodes {
    /// Parks some where too many are open.
    pub(super) fn keep_few_open(&mut self) {
        if self.parking.opened > self.parking.opened_max {
            self.park();
        }
    }

    /// Parks a quarter of what is open, as far as that can be; whether any was.
    pub(super) fn park(&mut self) -> bool {
        let wanted = self.parking.opened / 4 + 1;
        let last = self.parking.last;
        let (behind, before) = (self.held.range(..=last), self.held.range(Ino(last.0 + 1)..));
        let can_go = |(ino, node): &(&Ino, &Node)| self.can_be_parked(**ino, node);
        let going: Vec<Ino> =
            before.chain(behind).filter(can_go).take(wanted).map(|(ino, _)| *ino).collect();
        for ino in &going {
            let Some(node) = self.held.get_mut(ino) else { continue };
            node.fd = None;
            let key = node.key;
            self.unpin(key);
            self.parking.opened -= 1;
            self.parking.parked += 1;
            self.parking.last = *ino;
        }
        if going.len() < wanted {
            // Not to ask all of them again before there are as many more.
            let enough = self.parking.opened + self.parking.opened / 4;
            self.parking.opened_max = self.parking.opened_max.max(enough);
        }
        !going.is_empty()
    }

    /// Whether it is found again under its name.
    fn can_be_parked(&self, ino: Ino, node: &Node) -> bool {
        let is_candidate = node.fd.is_some() && !self.orphans.contains(&ino);
        is_candidate && self.describe_by_name(node).is_ok()
    }

    fn describe_by_name(&self, node: &Node) -> Result<Statx, Errno> {
        let (parent, name) = node.name.as_ref().ok_or(Errno::ESTALE)?;
        let described = describe_name(self.directory(*parent)?, name)?;
        if key(&described) == node.key { Ok(described) } else { Err(Errno::ESTALE) }
    }

    /// The attributes of what is parked; `ESTALE` when it is not where it was.
    pub(super) fn describe_parked(&self, ino: Ino) -> Result<Statx, Errno> {
        self.describe_by_name(self.get(ino)?).or(Err(Errno::ESTALE))
    }

    /// Gives what an operation is about its descriptor back.
    ///
    /// # Errors
    /// `ESTALE` for what is not where it was; `EMFILE` and `ENFILE`.
    pub(super) fn wake_for(&mut self, op: &LowerOp<'_>) -> Result<(), Errno> {
        if self.parking.parked == 0 {
            return Ok(());
        }
        match *op {
            LowerOp::Setattr { node, .. }
            | LowerOp::Access { node, .. }
            | LowerOp::Link { node, .. }
            | LowerOp::Readlink { node }
            | LowerOp::Statfs { node }
            | LowerOp::GetXattr { node, .. }
            | LowerOp::ListXattr { node, .. }
            | LowerOp::SetXattr { node, .. }
            | LowerOp::RemoveXattr { node, .. }
            | LowerOp::Open { node, .. } => self.wake(node),
            LowerOp::Unlink { parent, name } => self.wake_named(parent, name),
            LowerOp::Rename { parent, name, new_parent, new_name, .. } => {
                self.wake_named(parent, name)?;
                self.wake_named(new_parent, new_name)
            }
            _ => Ok(()),
        }
    }

    fn wake(&mut self, ino: Ino) -> Result<(), Errno> {
        let Some(node) = self.held.get(&ino).filter(|node| node.fd.is_none()) else {
            return Ok(());
        };
        let (parent, name) = node.name.as_ref().ok_or(Errno::ESTALE)?;
        let stale = |errno| match errno {
            Errno::EMFILE | Errno::ENFILE => errno,
            _ => Errno::ESTALE,
        };
        let fd = hold(self.directory(*parent)?, name).map_err(stale)?;
        if key(&describe(fd.as_fd())?) != node.key {
            return Err(Errno::ESTALE);
        }
        self.adopt(fd, None)?;
        self.parking.parked -= 1;
        Ok(())
    }

    /// Wakes what has a name that is about to go. What is wrong with the name the operation tells.
    fn wake_named(&mut self, parent: Ino, name: &[u8]) -> Result<(), Errno> {
        let Ok(described) = self.directory(parent).and_then(|at| describe_name(at, name)) else {
            return Ok(());
        };
        let Some(ino) = self.number(&described) else { return Ok(()) };
        self.found_at(ino, parent, name);
        self.wake(ino)
    }

    /// Takes note of a name of what is held: the one that is kept may be one that it has no more.
    pub(super) fn found_at(&mut self, ino: Ino, parent: Ino, name: &[u8]) {
        if self.parking.parked == 0 {
            return;
        }
        let node = self.held.get_mut(&ino).filter(|node| node.kind != FileKind::Directory);
        if let Some(kept) = node.map(|node| &mut node.name)
            && kept.as_ref().is_none_or(|(at, kept)| (*at, &**kept) != (parent, name))
        {
            *kept = Some((parent, name.into()));
        }
    }
}
