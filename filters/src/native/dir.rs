//! The directory buffer: records in order, and two changes that keep it well-formed.
//!
//! It fixes records and nothing else. What a reader would get wrong: `fuse_read_out` stays with
//! the filter. `out.offset` is where the listing goes on and is right as it is, also when the last
//! record was dropped. `out.again` is not: a page from which every record was dropped looks like
//! the end of the directory, so such a filter must set it, which runs the pipeline once more
//! (RDIR-2: allowed, because the lower step did produce records).

use fuserig_abi::{FUSE_NAME_MAX, FuseDirent};
use zerocopy::FromBytes;

use super::BufferMut;

const HEADER: usize = size_of::<FuseDirent>();

/// One record of a directory buffer. Source: SEMANTICS 3.5.
///
/// ```
/// use fuserig_filters::DirEntry;
/// let entry = DirEntry { ino: 7, off: 2, kind: 8, name: b".profile" };
/// assert!(entry.name.starts_with(b"."));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'b> {
    /// Inode number of the lower filesystem.
    pub ino: u64,
    /// Position of this record in the lower directory, not the one behind it.
    pub off: u64,
    /// `DT_*` type.
    pub kind: u32,
    /// The name without a NUL, 1 to 1024 bytes. A slash in it is the pipeline's to refuse.
    pub name: &'b [u8],
}

/// Walks records as the pipeline does: up to the first that is cut off, has no name, or a name of
/// more than 1024 bytes (RDIR-3). Total for any bytes.
///
/// ```
/// use fuserig_filters::Entries;
/// assert_eq!(Entries::new(&[0; 100]).next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Entries<'b> {
    rest: &'b [u8],
}

impl<'b> Entries<'b> {
    /// The records at the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Entries<'b> {
        Entries { rest: bytes }
    }

    /// What is behind the records walked so far: nothing at the end of a well-formed buffer.
    pub fn rest(&self) -> &'b [u8] {
        self.rest
    }
}

impl<'b> Iterator for Entries<'b> {
    type Item = DirEntry<'b>;

    fn next(&mut self) -> Option<DirEntry<'b>> {
        let (header, _) = FuseDirent::read_from_prefix(self.rest).ok()?;
        if header.namelen == 0 || header.namelen > FUSE_NAME_MAX {
            return None;
        }
        let end = HEADER + header.namelen as usize;
        let (record, rest) = self.rest.split_at_checked(end.next_multiple_of(8))?;
        self.rest = rest;
        let FuseDirent { ino, off, r#type: kind, .. } = header;
        Some(DirEntry { ino, off, kind, name: &record[HEADER..end] })
    }
}

/// The directory buffer of a readdir postfilter: records of at most 4096 bytes together. When the
/// lower step failed (`error_in`) it holds old memory, so look there first (SEMANTICS 2.5).
/// Source: SEMANTICS 3.5 and 4.3 readdir.
///
/// ```
/// use fuserig_abi::Verdict;
/// use fuserig_filters::FuseOps;
/// let hide_dotfiles = FuseOps::new("hide_dotfiles")
///     .readdir_prefilter(|_, _| Verdict::Postfilter)
///     .readdir_postfilter(|cx, _, out, entries| {
///         if cx.error_in().is_none() {
///             let dropped = entries.retain(|entry| !entry.name.starts_with(b"."));
///             out.again = u32::from(dropped > 0 && entries.is_empty());
///         }
///         Verdict::Continue
///     });
/// # let _ = hide_dotfiles;
/// ```
#[derive(Debug)]
pub struct DirBuffer<'a> {
    buffer: BufferMut<'a>,
}

impl<'a> DirBuffer<'a> {
    pub(super) fn new(buffer: BufferMut<'a>) -> DirBuffer<'a> {
        DirBuffer { buffer }
    }

    /// The records.
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(self.buffer.bytes().unwrap_or(&[]))
    }

    /// The size of all records in bytes.
    pub fn len(&self) -> u32 {
        self.buffer.len()
    }

    /// Whether there is no record and no remnant of one.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The buffer behind the records, for changes of any other kind. More than 4096 bytes asked
    /// of it crash the modelled kernels (BUF-12).
    pub fn buffer(&mut self) -> &mut BufferMut<'a> {
        &mut self.buffer
    }

    /// Keeps the records for which `keep` is true, in their order and with their padding, and
    /// sets the size. Says how many it dropped; dropping none leaves the buffer unmodified. What
    /// cannot be read as records stays behind them, so that the pipeline judges it as before.
    pub fn retain(&mut self, mut keep: impl FnMut(&DirEntry<'_>) -> bool) -> usize {
        let mut kept = Vec::new();
        let mut dropped = 0;
        let mut entries = self.entries();
        loop {
            let before = entries.rest();
            let Some(entry) = entries.next() else { break };
            if keep(&entry) {
                kept.extend_from_slice(&before[..before.len() - entries.rest().len()]);
            } else {
                dropped += 1;
            }
        }
        kept.extend_from_slice(entries.rest());
        if dropped > 0 {
            self.store(&kept);
        }
        dropped
    }

    /// Lets `edit` change names in place, which keeps their lengths. Says how many changed;
    /// changing none leaves the buffer unmodified. A name that becomes one with a slash fails the
    /// whole listing with EIO (RDIR-3).
    pub fn edit_names(&mut self, mut edit: impl FnMut(&mut [u8])) -> usize {
        let mut bytes = self.buffer.bytes().unwrap_or(&[]).to_vec();
        let mut changed = 0;
        let mut entries = self.entries();
        loop {
            let start = bytes.len() - entries.rest().len();
            let Some(entry) = entries.next() else { break };
            let first = start + HEADER;
            let name = &mut bytes[first..first + entry.name.len()];
            edit(name);
            changed += usize::from(name != entry.name);
        }
        if changed > 0 {
            self.store(&bytes);
        }
        changed
    }

    /// Stores at most as many bytes as there were, which is row W2: in place, always granted.
    fn store(&mut self, bytes: &[u8]) {
        self.buffer.replace(bytes).expect("no longer than before, in memory that was just read");
    }
}
