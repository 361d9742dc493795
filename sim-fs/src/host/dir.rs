//! Listing a directory of the host.
//!
//! Linux gives each record the position of the *next* one; a [`DirEntry`] carries its own. So the
//! first record has the position that was asked for, and each later one what its predecessor
//! announced.

use std::os::fd::AsFd;

use fuserig_abi::{Errno, FileKind};
use rustix::fs::{RawDir, SeekFrom};

use super::HostFs;
use super::handle::{Handle, On, errno};
use super::nodes::Nodes;
use crate::{DirEntry, LowerFh, LowerReply};

/// Room for a few hundred records a call; one record is at most 280 bytes.
const BUFFER_BYTES: usize = 32 * 1024;
/// Every host has room for one record of the longest name in that.
const BUFFER_BYTES_MIN: usize = 1024;
/// A record with a short name.
const RECORD_BYTES: usize = 32;

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
        rustix::fs::seek(fd, SeekFrom::Start(position)).map_err(errno)?;
        // What is read and not wanted is read again by the next call.
        let bytes = records_max.saturating_mul(RECORD_BYTES).clamp(BUFFER_BYTES_MIN, BUFFER_BYTES);
        let mut buffer = Box::new_uninit_slice(bytes);
        let mut directory = RawDir::new(fd.as_fd(), &mut buffer);
        let device = self.nodes.device(*node);
        let mut entries = Vec::with_capacity(records_max.min(bytes / RECORD_BYTES));
        let (mut end, mut seen) = (position, false);
        while entries.len() < records_max.max(1) {
            let Some(record) = directory.next() else { break };
            let record = record.map_err(errno)?;
            let sight = match record.file_name().to_bytes() {
                b"." => Ok((*node, FileKind::Directory)),
                b".." if *node == Nodes::ROOT => Ok((Nodes::ROOT, FileKind::Directory)),
                name => self.nodes.sight((device, fd.as_fd()), name, record.ino()),
            };
            // A name that somebody removed since the listing is as good as removed before it.
            if let Ok((ino, kind)) = sight {
                let name = record.file_name().to_bytes().to_vec();
                entries.push(DirEntry { position: end, ino, kind, name });
            }
            end = record.next_entry_cookie();
            seen = true;
        }
        if !seen {
            // Only the descriptor knows where the end is.
            end = rustix::fs::tell(fd).map_err(errno)?;
        }
        Ok(LowerReply::Entries { entries, end })
    }
}
