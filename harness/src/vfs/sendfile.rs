//! sendfile: out of one file of the mount into another, a pipe full at a time.
//!
//! As `do_sendfile` and `splice_direct_to_actor` of Linux 6.18 have it. Both files are read and
//! written from where they stood at the beginning, and moved on once at the end. What a reader
//! would get wrong: what a write leaves is written again, until one fails or takes nothing.

use fuserig_abi::{Errno, FileKind, Pid};
use fuserig_sim_fs::OpenFlags;

use super::call::CallResult;
use super::fail::Fail;
use super::file::{PIPE, RW_COUNT_MAX, number};
use super::system::Vfs;
use crate::kernel::HandleId;

/// Where it reads and where it writes.
struct Ends {
    source: HandleId,
    from_at: u64,
    target: HandleId,
    to_at: u64,
}

/// `rw_verify_area`: the range does not begin before the file, nor end beyond the largest offset.
fn verified(at: i64, length: u64) -> Result<u64, Fail> {
    let end = at.checked_add_unsigned(length).filter(|_| at >= 0);
    end.map(|_| at.unsigned_abs()).ok_or_else(|| Errno::EINVAL.into())
}

impl Vfs {
    /// `sendfile` between files of the mount.
    pub(super) async fn sendfile(
        &self,
        pid: Pid,
        to: i32,
        (from, offset): (i32, Option<i64>),
        length: u64,
    ) -> Result<CallResult, Fail> {
        let Ends { source, from_at, target, to_at } = self.ends(pid, to, (from, offset), length)?;
        let length = length.min(RW_COUNT_MAX);
        let mut sent = 0_u64;
        while sent < length {
            let got = self.read_for_pipe(pid, source, from_at + sent, length - sent).await;
            let data = match got {
                // A code that is no errno to libc is handed on (N3).
                Ok((code, _)) if code < 0 && sent == 0 => return Ok(CallResult::value(code)),
                Ok((_, data)) if data.is_empty() => break,
                Ok((_, data)) => data,
                Err(fail) if sent == 0 => return Err(fail),
                Err(_) => break,
            };
            let piece = data.len() as u64;
            let taken = match self.drain(pid, to, &data, to_at + sent).await {
                Ok(taken @ 1..) => taken.unsigned_abs(),
                Ok(taken) if sent == 0 => return Ok(CallResult::value(taken)),
                Err(fail) if sent == 0 => return Err(fail),
                _ => break,
            };
            sent += taken;
            if taken < piece {
                break;
            }
        }
        let sent = i64::try_from(sent).unwrap_or(i64::MAX);
        if sent > 0 {
            let handles = &mut self.state().world.mount.handles;
            handles[target].position = to_at.cast_signed() + sent;
            if offset.is_none() {
                handles[source].position = from_at.cast_signed() + sent;
            }
        }
        Ok(CallResult::value(sent))
    }

    /// The checks of `do_sendfile`, of the source before those of the target.
    fn ends(
        &self,
        pid: Pid,
        to: i32,
        (from, offset): (i32, Option<i64>),
        length: u64,
    ) -> Result<Ends, Fail> {
        // What has no position has no place to read from, and no sendfile without one.
        let errno = if offset.is_some() { Errno::ESPIPE } else { Errno::EINVAL };
        self.check_has_positions(pid, from, true, errno)?;
        let (source, position) = self.any_handle(pid, from, false)?;
        let from_at = verified(offset.unwrap_or(position), length)?;
        let (target, position) = self.any_handle(pid, to, true)?;
        let to_at = verified(position, length.min(RW_COUNT_MAX))?;
        let appends = self.state().file(pid, to)?.flags.contains(OpenFlags::APPEND);
        // A directory has nothing to splice from.
        let is_directory = length > 0 && self.kind_of_handle(source) == FileKind::Directory;
        match appends || is_directory {
            true => Err(Errno::EINVAL.into()),
            false => Ok(Ends { source, from_at, target, to_at }),
        }
    }

    async fn read_for_pipe(
        &self,
        pid: Pid,
        source: HandleId,
        at: u64,
        wanted: u64,
    ) -> Result<(i64, Vec<u8>), Fail> {
        let outcome = self.read_into_pipe(pid, source, at, wanted.min(PIPE)).await?;
        Ok((number(&outcome)?, outcome.data))
    }

    /// `iter_file_splice_write`: how much of it was written.
    async fn drain(&self, pid: Pid, to: i32, data: &[u8], at: u64) -> Result<i64, Fail> {
        let mut taken = 0;
        while taken < data.len() {
            let offset = at.cast_signed() + taken as i64;
            let wrote = self.write(pid, to, &data[taken..], Some(offset), false).await;
            match wrote.map(|result| result.number()) {
                Ok(count @ 1..) => {
                    let left = data.len() - taken;
                    taken += usize::try_from(count).unwrap_or(left).min(left);
                }
                failed if taken == 0 => return failed,
                _ => break,
            }
        }
        Ok(taken as i64)
    }
}
