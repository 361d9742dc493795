//! Listing a directory of the host.
//!
//! Linux gives each record the position of the *next* one; a [`DirEntry`] carries its own. So the
//! first record has the position that was asked for, and each later one what its predecessor
//! announced.

use std::os::fd::AsFd;

use fuserig_abi::{Errno, FileKind};

use super::HostFs;
use super::ahead::Told;
use super::handle::{Handle, On, errno};
use super::nodes::Nodes;
use crate::{DirEntry, LowerFh, LowerReply};

/// Entries that room is taken for at once.
const ENTRIES: usize = 256;

impl HostFs {
    pub(super) fn list(
        &mut self,
        fh: LowerFh,
        position: u64,
        records_max: usize,
    ) -> Result<LowerReply, Errno> {
        let Handle { node, kind: FileKind::Directory, on: On::Host(fd), .. } =
            self.handles.usable(fh)?
        else {
            return Err(Errno::ENOTDIR);
        };
        let records_max = records_max.max(1);
        let mut sights = self.nodes.sights(*node, fd.as_fd());
        let ahead = self.listings.entry(fh).or_default();
        let mut entries = Vec::with_capacity(records_max.min(ENTRIES));
        let (mut end, mut seen) = (position, false);
        while entries.len() < records_max
            && ahead.stand_at(end, self.names_changed, fd.as_fd(), &mut self.room)?
        {
            while entries.len() < records_max
                && let Some(Told { position, after, inode, name }) = ahead.next()
            {
                let sight = match name {
                    b"." => Ok((*node, FileKind::Directory)),
                    b".." if *node == Nodes::ROOT => Ok((Nodes::ROOT, FileKind::Directory)),
                    name => sights.of(name, inode),
                };
                // A name that somebody removed since the listing is as good as removed before it.
                if let Ok((ino, kind)) = sight {
                    entries.push(DirEntry { position, ino, kind, name: name.to_vec() });
                }
                (end, seen) = (after, true);
            }
        }
        if !seen {
            // Only the descriptor knows where the end is.
            end = rustix::fs::tell(fd).map_err(errno)?;
        }
        Ok(LowerReply::Entries { entries, end })
    }
}
