//! No data that was written is lost or altered, and what is read is what is there.
//!
//! A write that reported success is looked for below at once, and again at the end unless
//! something else touched the file since. What a reader would get wrong: a call that overlaps
//! another on the same file is judged by neither, because both orders are right.

use std::collections::BTreeMap;

use fuserig_abi::Ino;
use fuserig_sim_fs::MemFs;

use super::appended::Appended;
use super::{End, Invariant, Seen};
use crate::sim::Action;
use crate::vfs::Output;

/// Most bytes of a file that is compared; a longer one is a hole made by a huge offset.
const BYTES_MAX: usize = (1 << 16) - 1;

/// See [`no_data_lost`].
///
/// ```
/// use fuserig::invariant::{Invariant, no_data_lost};
/// assert_eq!(no_data_lost().name(), "no_data_lost");
/// ```
#[derive(Clone, Debug, Default)]
pub struct NoDataLost {
    /// What each file must contain; none when nobody can tell.
    contents: BTreeMap<Ino, Option<Vec<u8>>>,
    appended: Appended,
}

/// What was written stays written, and reads tell the truth.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40)
///     .run(Subject::without_filter(Abi::V4).over("/a 'x'"))
///     .check(invariant::no_data_lost())
///     .or_report();
/// ```
pub fn no_data_lost() -> NoDataLost {
    NoDataLost::default()
}

/// The contents of a file that has at most so many bytes.
pub(super) fn contents(fs: &MemFs, node: Ino, bytes_max: usize) -> Option<Vec<u8>> {
    let size = usize::try_from(fs.stat(node)?.size).ok().filter(|size| *size <= bytes_max)?;
    let mut bytes = vec![0; size];
    fs.peek(node, 0, &mut bytes).is_ok().then_some(bytes)
}

impl NoDataLost {
    fn written(&mut self, seen: &Seen<'_>, inode: Ino) -> Result<(), String> {
        let now = contents(seen.lower, inode, BYTES_MAX);
        let before = self.contents.insert(inode, now.clone()).flatten();
        let (size, fill, offset) = match seen.action {
            Action::Write { size, fill, offset, .. } => (size, fill, *offset),
            Action::Append { size, fill, .. } => (size, fill, None),
            _ => return Ok(()),
        };
        let (Ok(count), Some(now)) = (seen.result.value, now) else { return Ok(()) };
        let count = usize::try_from(count).unwrap_or(0);
        if count > *size as usize {
            return Err(format!("`{}` reports {count} bytes", seen.action));
        }
        if count == 0 {
            return Ok(());
        }
        let at = match offset {
            Some(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
            None => return self.appended_or_moved(seen, &now, count, *fill, before.as_deref()),
        };
        let appended = now.ends_with(&vec![*fill; count]);
        let there = now.get(at..at.saturating_add(count));
        if there.is_some_and(|there| there.iter().all(|byte| byte == fill)) || appended {
            return Ok(());
        }
        Err(format!("`{}` reports {count} bytes that are not there", seen.action))
    }

    /// A write at the position of the file: its bytes are somewhere, and every other byte is as
    /// it was.
    fn appended_or_moved(
        &self,
        seen: &Seen<'_>,
        now: &[u8],
        count: usize,
        fill: u8,
        before: Option<&[u8]>,
    ) -> Result<(), String> {
        let there = now.windows(count).any(|window| window.iter().all(|byte| *byte == fill));
        if !there {
            return Err(format!("`{}` reports {count} bytes that are not there", seen.action));
        }
        let Some(before) = before else { return Ok(()) };
        let changed = now.iter().zip(before).filter(|(now, before)| now != before).count();
        if changed > count || now.len() < before.len() {
            return Err(format!("`{}` changed more than it wrote", seen.action));
        }
        Ok(())
    }

    /// Names come and go, bytes stay: also those of a file that is open and has no name any more.
    fn renamed(&self, seen: &Seen<'_>) -> Result<(), String> {
        let known =
            self.contents.iter().filter_map(|(inode, known)| Some((*inode, known.as_ref()?)));
        for (inode, known) in known {
            let now = contents(seen.lower, inode, BYTES_MAX);
            if seen.lower.stat(inode).is_some() && now.as_ref() != Some(known) {
                return Err(format!("`{}` changed the bytes of inode {inode}", seen.action));
            }
        }
        Ok(())
    }

    fn read(&self, seen: &Seen<'_>, inode: Ino) -> Result<(), String> {
        let (Output::Bytes(bytes), Action::Read { offset: Some(at), .. }) =
            (&seen.result.output, seen.action)
        else {
            return Ok(());
        };
        let Some(now) = contents(seen.lower, inode, BYTES_MAX) else { return Ok(()) };
        let at = usize::try_from(*at).unwrap_or(usize::MAX).min(now.len());
        let end = at.saturating_add(bytes.len()).min(now.len());
        if now[at..end] == bytes[..] {
            return Ok(());
        }
        Err(format!("`{}` returns bytes that are not in the file", seen.action))
    }
}

/// The file that an action writes to or reads from.
fn file_of(seen: &Seen<'_>) -> Option<Ino> {
    let file = match seen.action {
        Action::Write { file, .. }
        | Action::Append { file, .. }
        | Action::Read { file, .. }
        | Action::Ftruncate { file, .. }
        | Action::Fallocate { file, .. } => *file,
        Action::Copy { to, .. } | Action::Sendfile { to, .. } => *to,
        _ => return None,
    };
    if seen.files.is_empty() {
        return None;
    }
    let fd = seen.files[seen.files.len() - 1 - usize::from(file) % seen.files.len()];
    seen.vfs.lower_inode(seen.pid, fd)
}

impl Invariant for NoDataLost {
    fn name(&self) -> &str {
        "no_data_lost"
    }

    fn begin(&mut self, initial: &MemFs) {
        self.contents.clear();
        self.appended.begin(initial);
        for entry in initial.walk() {
            if entry.stat.kind == fuserig_abi::FileKind::Regular {
                self.contents.insert(entry.stat.ino, contents(initial, entry.stat.ino, BYTES_MAX));
            }
        }
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.appended.judge(seen)?;
        if !seen.was_alone() {
            self.contents.values_mut().for_each(|known| *known = None);
            return Ok(());
        }
        if seen.action.changes_names() && !matches!(seen.action, Action::Open { .. }) {
            return self.renamed(seen);
        }
        match seen.action {
            // Truncations by name and on open: what is there now is what must stay.
            Action::Truncate { .. } | Action::Open { .. } if seen.result.value.is_ok() => {
                for (inode, known) in &mut self.contents {
                    *known = contents(seen.lower, *inode, BYTES_MAX);
                }
                Ok(())
            }
            Action::Read { .. } => file_of(seen).map_or(Ok(()), |inode| self.read(seen, inode)),
            _ => file_of(seen).map_or(Ok(()), |inode| self.written(seen, inode)),
        }
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        // A client that was killed in a call may have done what the call asks for.
        let is_cut = end.record.calls.iter().any(|call| call.result.is_none());
        if !end.record.ending.is_finished() || is_cut {
            return Ok(());
        }
        for entry in end.record.lower.walk() {
            let Some(Some(known)) = self.contents.get(&entry.stat.ino) else { continue };
            let now = contents(&end.record.lower, entry.stat.ino, BYTES_MAX);
            if now.is_some_and(|now| now != *known) {
                return Err(format!("{} lost what was written", entry.path.escape_ascii()));
            }
        }
        Ok(())
    }
}
