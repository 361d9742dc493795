//! From an operation that succeeded to its effects.
//!
//! The filesystem before and after the operation is there to look at, so nothing of the rules of
//! the operations is repeated here.

use fuserig_abi::{FileKind, Ino};

use super::change::{Change, Place};
use super::disk::bare;
use super::effect::{Draft, Key, Kind};
use crate::mem::inode::Inode;
use crate::mem::{MemFs, PAGE_U64};
use crate::{AttrChanges, FallocateMode, LowerFh, LowerOp, LowerReply, OpenFlags, RenameFlags};

/// The filesystem on both sides of an operation.
pub(super) struct Watch<'a> {
    pub(super) before: &'a MemFs,
    pub(super) after: &'a MemFs,
}

/// The node of an open file.
pub(super) fn node_of(fs: &MemFs, fh: LowerFh) -> Option<(Ino, OpenFlags)> {
    fs.handle(fh).ok().map(|handle| (handle.ino, handle.flags))
}

fn child(fs: &MemFs, place: &Place) -> Option<Ino> {
    let directory = fs.inode(place.directory).ok()?.directory()?;
    directory.get(&place.name).map(|entry| entry.ino)
}

fn is_directory(fs: &MemFs, ino: Option<Ino>) -> bool {
    ino.and_then(|ino| fs.inode(ino).ok()).is_some_and(Inode::is_directory)
}

impl Watch<'_> {
    /// What the operation changed on disk; nothing for those that only look.
    pub(super) fn drafts(&self, op: &LowerOp<'_>, reply: &LowerReply) -> Vec<Draft> {
        match (op, reply) {
            (
                LowerOp::Create { parent, name, .. }
                | LowerOp::Mknod { parent, name, .. }
                | LowerOp::Mkdir { parent, name, .. }
                | LowerOp::Symlink { parent, name, .. },
                LowerReply::Stat(stat),
            ) => vec![self.node(stat.ino), self.entry(Place::new(*parent, name))],
            (LowerOp::CreateOpen { parent, name, .. }, LowerReply::Created(stat, _)) => {
                vec![self.node(stat.ino), self.entry(Place::new(*parent, name))]
            }
            (LowerOp::Tmpfile { .. }, LowerReply::Created(stat, _)) => vec![self.node(stat.ino)],
            (
                LowerOp::Link { parent, name, .. }
                | LowerOp::Unlink { parent, name }
                | LowerOp::Rmdir { parent, name },
                _,
            ) => vec![self.entry(Place::new(*parent, name))],
            (LowerOp::Rename { parent, name, new_parent, new_name, flags }, _) => {
                self.rename(Place::new(*parent, name), Place::new(*new_parent, new_name), *flags)
            }
            (LowerOp::Open { node, flags, .. }, _) if flags.contains(OpenFlags::TRUNC) => {
                self.cut(*node, 0).into_iter().collect()
            }
            (LowerOp::Setattr { node, changes }, _) => self.setattr(*node, changes),
            (LowerOp::SetXattr { node, .. } | LowerOp::RemoveXattr { node, .. }, _) => {
                self.attributes(*node).into_iter().collect()
            }
            (LowerOp::Write { fh, data, .. }, LowerReply::Written { count, end }) => {
                let start = end.saturating_sub(*count);
                self.written(*fh, start, &data[..*count as usize])
            }
            (LowerOp::CopyRange { to, to_offset, .. }, LowerReply::Count(count)) => {
                let Some((ino, _)) = node_of(self.after, *to) else { return Vec::new() };
                let mut bytes = vec![0; *count as usize];
                let read = self.after.peek(ino, *to_offset, &mut bytes).unwrap_or(0);
                self.written(*to, *to_offset, &bytes[..read])
            }
            (LowerOp::Fallocate { fh, mode, offset, length }, _) => {
                let Some((ino, _)) = node_of(self.after, *fh) else { return Vec::new() };
                let space = Change::Space { ino, mode: *mode, offset: *offset, length: *length };
                let changes = vec![space, self.times(ino)];
                let mut draft = self.shaped(ino, changes);
                // Linux writes back what is about to move, so that a file is never moved that is
                // not yet as long (xfs and ext4; man 2 fallocate refuses what ends it).
                let moving = FallocateMode::COLLAPSE_RANGE | FallocateMode::INSERT_RANGE;
                let moves = mode.intersects(moving);
                draft.flushes = moves.then_some((ino, offset / PAGE_U64));
                let mut drafts = vec![draft];
                drafts.extend(self.changed_attributes(ino));
                drafts
            }
            _ => Vec::new(),
        }
    }

    fn inode(&self, ino: Ino) -> &Inode {
        self.after.inode(ino).expect("an operation succeeded on it")
    }

    fn times(&self, ino: Ino) -> Change {
        let inode = self.inode(ino);
        Change::Times { ino, mtime: inode.mtime, ctime: inode.ctime }
    }

    fn node(&self, ino: Ino) -> Draft {
        let changes = vec![Change::Node { ino, inode: bare(self.inode(ino)) }];
        let claims = vec![Key::Node(ino), Key::Attributes(ino), Key::Shape(ino)];
        Draft::metadata(changes, claims, Vec::new())
    }

    /// One name leads where it leads now.
    fn entry(&self, place: Place) -> Draft {
        let to = child(self.after, &place);
        let gone = child(self.before, &place).filter(|gone| Some(*gone) != to);
        let needs =
            [Some(place.directory), to, gone].into_iter().flatten().map(Key::Node).collect();
        let entry = Change::Entry { place: place.clone(), to };
        let mut changes = vec![entry, self.times(place.directory)];
        // That it has another name now is a change of what is named as well.
        let named = [to, gone].into_iter().flatten();
        changes
            .extend(named.filter(|ino| self.after.inode(*ino).is_ok()).map(|ino| self.times(ino)));
        let mut draft = Draft::metadata(changes, vec![Key::Entry(place)], needs);
        draft.empties.extend(gone.filter(|gone| is_directory(self.before, Some(*gone))));
        draft
    }

    fn rename(&self, old: Place, new: Place, flags: RenameFlags) -> Vec<Draft> {
        let (moved, replaced) = (child(self.before, &old), child(self.before, &new));
        let mut drafts = Vec::new();
        let left = child(self.after, &old).filter(|left| Some(*left) != replaced);
        if left == moved {
            // Two names of one file: nothing happens.
            return drafts;
        }
        if let Some(whiteout) = left.filter(|_| flags.contains(RenameFlags::WHITEOUT)) {
            drafts.push(self.node(whiteout));
        }
        let moves_directory = is_directory(self.before, moved)
            || flags.contains(RenameFlags::EXCHANGE) && is_directory(self.before, replaced);
        let mut draft = self.entry(old);
        let other = self.entry(new);
        draft.changes.extend(other.changes);
        draft.claims.extend(other.claims);
        draft.needs.extend(other.needs);
        // What has another name now has not gone; only what was replaced has.
        let replaced = replaced.filter(|_| !flags.contains(RenameFlags::EXCHANGE));
        draft.empties =
            replaced.filter(|_| is_directory(self.before, replaced)).into_iter().collect();
        if moves_directory {
            draft.claims.push(Key::Directories);
        }
        drafts.push(draft);
        drafts
    }

    fn shaped(&self, ino: Ino, changes: Vec<Change>) -> Draft {
        Draft::metadata(changes, vec![Key::Shape(ino)], vec![Key::Node(ino)])
    }

    fn cut(&self, ino: Ino, size: u64) -> Option<Draft> {
        let regular = self.inode(ino).kind == FileKind::Regular;
        regular.then(|| self.shaped(ino, vec![Change::Cut { ino, size }, self.times(ino)]))
    }

    fn setattr(&self, ino: Ino, changes: &AttrChanges) -> Vec<Draft> {
        let cut = changes.size.and_then(|size| self.cut(ino, size));
        let timed = changes.atime.is_some() || changes.mtime.is_some();
        // What sets a mode to what it is moves ctime all the same.
        let ctime = self.before.inode(ino).map(|inode| inode.ctime);
        let moved = timed || ctime.is_ok_and(|ctime| ctime != self.inode(ino).ctime);
        let attributes = if moved && cut.is_none() {
            self.attributes(ino)
        } else {
            self.changed_attributes(ino)
        };
        cut.into_iter().chain(attributes).collect()
    }

    fn attributes(&self, ino: Ino) -> Option<Draft> {
        let changes = vec![Change::Attributes { ino, inode: bare(self.inode(ino)) }];
        Some(Draft::metadata(changes, vec![Key::Attributes(ino)], vec![Key::Node(ino)]))
    }

    /// Attributes, when more than times has changed.
    fn changed_attributes(&self, ino: Ino) -> Option<Draft> {
        let (before, after) = (self.before.inode(ino).ok()?, self.inode(ino));
        let xattrs = |inode: &Inode| inode.xattrs.as_ref().map(|xattrs| xattrs.digest());
        let seen = |inode: &Inode| (inode.permissions, inode.uid, inode.gid, xattrs(inode));
        if seen(before) == seen(after) { None } else { self.attributes(ino) }
    }

    /// One effect for each page.
    fn written(&self, fh: LowerFh, start: u64, data: &[u8]) -> Vec<Draft> {
        let Some((ino, _)) = node_of(self.after, fh) else { return Vec::new() };
        if self.inode(ino).kind != FileKind::Regular {
            return Vec::new();
        }
        let known = self.before.inode(ino).ok();
        let size = known.map_or(0, |inode| inode.size);
        let contents = known.and_then(|inode| inode.contents());
        let mut drafts = Vec::new();
        let mut at = start;
        let mut rest = data;
        while !rest.is_empty() {
            let index = at / PAGE_U64;
            let room = ((index + 1) * PAGE_U64 - at) as usize;
            let (part, tail) = rest.split_at(rest.len().min(room));
            let end = at + part.len() as u64;
            let new = contents.is_none_or(|contents| contents.missing_pages(at, 1) > 0);
            let mut needs = vec![Key::Node(ino), Key::Shape(ino)];
            if new || end > size {
                needs.push(Key::Metadata);
            }
            drafts.push(Draft {
                kind: Kind::Data,
                changes: vec![
                    Change::Bytes { ino, offset: at, bytes: part.into() },
                    self.times(ino),
                ],
                claims: vec![Key::Page(ino, index)],
                needs,
                empties: Vec::new(),
                flushes: None,
            });
            (at, rest) = (end, tail);
        }
        drafts.extend(self.changed_attributes(ino));
        drafts
    }
}
