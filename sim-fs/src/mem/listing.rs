//! Reading a directory.

use fuserig_abi::{Caller, Errno, FileKind};

use super::{directory::END_POSITION, fs::MemFs};
use crate::{DirEntry, LowerFh, LowerReply};

impl MemFs {
    pub(super) fn read_dir_op(
        &mut self,
        caller: &Caller,
        fh: LowerFh,
        position: u64,
        records_max: usize,
    ) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        let (inode, directory) = self.directory(handle.ino)?;
        if inode.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        let dots = [(b".".as_slice(), handle.ino), (b"..", directory.parent)];
        let dots = dots.into_iter().zip(0..).filter(|(_, at)| *at >= position);
        let dots = dots.map(|((name, ino), position)| DirEntry {
            position,
            ino,
            kind: FileKind::Directory,
            name: name.to_vec(),
        });
        let first = if position == END_POSITION { None } else { directory.at(position) };
        let names = core::iter::successors(first, |entry| directory.after(entry));
        let names = names.map(|entry| DirEntry {
            position: entry.position,
            ino: entry.ino,
            kind: entry.kind,
            name: entry.name.to_vec(),
        });
        let mut records = dots.chain(names);
        let entries: Vec<DirEntry> = records.by_ref().take(records_max.max(1)).collect();
        let end = records.next().map_or(END_POSITION, |next| next.position);
        self.touch_atime(handle, caller.now);
        Ok(LowerReply::Entries { entries, end })
    }
}
