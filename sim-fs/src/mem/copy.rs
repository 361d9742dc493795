//! `copy_file_range`, as Linux 5.19 and later do it on a filesystem without reflinks: the bytes
//! are copied, holes become zeros.

use fuserig_abi::{Caller, Errno, FileKind};

use super::{
    attr::SIZE_MAX,
    fs::{Handle, MemFs},
};
use crate::{LowerFh, LowerReply, OpenFlags};

/// Linux never copies more at once (`MAX_RW_COUNT`).
const COPY_MAX: u64 = 0x7fff_f000;
/// Copied at a time, so that a copy of gigabytes does not need them in memory twice.
const CHUNK: u64 = 1 << 20;

/// A file and an offset in it.
type At = (LowerFh, u64);

impl MemFs {
    pub(super) fn copy_range_op(
        &mut self,
        caller: &Caller,
        (from, from_offset): At,
        (to, to_offset): At,
        length: u64,
        flags: u32,
    ) -> Result<LowerReply, Errno> {
        let (source, target) = (self.usable_handle(from)?, self.usable_handle(to)?);
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        self.check_copy(source, target)?;
        let overflows = |offset: u64| offset.checked_add(length).is_none();
        if overflows(from_offset) || overflows(to_offset) {
            return Err(Errno::EOVERFLOW);
        }
        if to_offset == SIZE_MAX {
            return Err(Errno::EFBIG);
        }
        if from_offset > SIZE_MAX || to_offset > SIZE_MAX {
            return Err(Errno::EINVAL);
        }
        let available = self.inode(source.ino)?.size.saturating_sub(from_offset);
        let wanted = length.min(available);
        let wanted = wanted.min(SIZE_MAX - to_offset);
        let distance = from_offset.abs_diff(to_offset);
        if source.ino == target.ino && distance < wanted {
            return Err(Errno::EINVAL);
        }
        let wanted = wanted.min(COPY_MAX);
        if wanted == 0 {
            return Ok(LowerReply::Count(0));
        }
        let count = self.writable(target, to_offset, wanted)?;
        let mut done = 0;
        while done < count {
            let mut bytes = vec![0; CHUNK.min(count - done) as usize];
            let contents = self.inode(source.ino)?.contents();
            contents.expect("check_copy lets only files in").read(from_offset + done, &mut bytes);
            self.write_contents(caller, target.ino, to_offset + done, &bytes);
            done += bytes.len() as u64;
        }
        self.touch_atime(source, caller.now);
        Ok(LowerReply::Count(count))
    }

    /// `generic_file_rw_checks`.
    fn check_copy(&self, source: Handle, target: Handle) -> Result<(), Errno> {
        let kinds = [self.inode(source.ino)?.kind, self.inode(target.ino)?.kind];
        if kinds.contains(&FileKind::Directory) {
            return Err(Errno::EISDIR);
        }
        if kinds != [FileKind::Regular; 2] {
            return Err(Errno::EINVAL);
        }
        let appends = target.flags.contains(OpenFlags::APPEND);
        if !source.readable() || !target.writable() || appends {
            return Err(Errno::EBADF);
        }
        Ok(())
    }
}
