//! Records of a directory that the host has told and that nobody has asked for yet.
//!
//! The host is asked for as many records at once as libc asks for, and who lists gets them a page
//! at a time: a question for each page would make the host look for its place again each time, and
//! tell the records that did not fit twice. What was told is given out as long as no name was
//! changed through this filesystem and nobody goes back to the start, so that only what others do
//! to the directory is seen later, as it is by whoever uses readdir(3).

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use fuserig_abi::Errno;
use rustix::fs::{RawDir, SeekFrom};

use super::handle::errno;

/// Room for a thousand records with short names; the longest takes 280 bytes.
const BUFFER_BYTES: usize = 32 * 1024;

/// What the host has told of one open directory.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    records: Vec<Record>,
    /// The names of all records, one after the other.
    names: Vec<u8>,
    /// Which record is given out next.
    next: usize,
    /// Where the descriptor stands, behind the last record. At the end of the directory only the
    /// descriptor knows.
    stands: Option<u64>,
    /// What the count of changed names was when the host was asked.
    changes: u64,
}

#[derive(Debug)]
struct Record {
    position: u64,
    after: u64,
    inode: u64,
    /// Where its name ends in the names of all.
    name_end: usize,
}

/// A record as the host tells it.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// Where it is.
    pub(super) position: u64,
    /// Where the one behind it is.
    pub(super) after: u64,
    /// The host's inode number.
    pub(super) inode: u64,
    pub(super) name: &'a [u8],
}

/// Room for the answer of the host, of which nothing is left afterwards.
pub(super) struct Room(Box<[MaybeUninit<u8>]>);

impl Default for Room {
    fn default() -> Room {
        Room(Box::new_uninit_slice(BUFFER_BYTES))
    }
}

impl core::fmt::Debug for Room {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Room")
    }
}

impl Ahead {
    /// Makes the record at a position the next one; whether there is one. Asks the host where that
    /// record was not told, or may have changed since.
    ///
    /// # Errors
    /// What the host answers.
    pub(super) fn stand_at(
        &mut self,
        position: u64,
        changes: u64,
        directory: BorrowedFd<'_>,
        room: &mut Room,
    ) -> Result<bool, Errno> {
        // From the start everything is told afresh, as rewinddir(3) promises.
        if position != 0 && self.changes == changes && self.goes_to(position) {
            return Ok(true);
        }
        // The host takes note of who goes to the start.
        if position == 0 || self.stands != Some(position) {
            rustix::fs::seek(directory, SeekFrom::Start(position)).map_err(errno)?;
        }
        self.changes = changes;
        self.ask(position, directory, room)?;
        Ok(!self.records.is_empty())
    }

    /// Goes to a record that was told; whether it was.
    fn goes_to(&mut self, position: u64) -> bool {
        let is_next = self.records.get(self.next).is_some_and(|next| next.position == position);
        // Who had no room for all that was given out comes back for the rest.
        let place = || self.records[..self.next].iter().rposition(|told| told.position == position);
        let place = if is_next { Some(self.next) } else { place() };
        self.next = place.unwrap_or(self.next);
        place.is_some()
    }

    /// Takes what the host tells from where the descriptor stands; nothing at the end.
    fn ask(
        &mut self,
        mut position: u64,
        directory: BorrowedFd<'_>,
        room: &mut Room,
    ) -> Result<(), Errno> {
        self.records.clear();
        self.names.clear();
        (self.next, self.stands) = (0, None);
        let mut told = RawDir::new(directory, &mut room.0);
        while let Some(record) = told.next() {
            let record = record.map_err(errno)?;
            self.names.extend_from_slice(record.file_name().to_bytes());
            let (after, name_end) = (record.next_entry_cookie(), self.names.len());
            self.records.push(Record { position, after, inode: record.ino(), name_end });
            (position, self.stands) = (after, Some(after));
            if told.is_buffer_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Gives the next record out; none when the host has to be asked again.
    pub(super) fn next(&mut self) -> Option<Told<'_>> {
        let record = self.records.get(self.next)?;
        let before = self.next.checked_sub(1).map_or(0, |before| self.records[before].name_end);
        self.next += 1;
        let Record { position, after, inode, name_end } = *record;
        Some(Told { position, after, inode, name: &self.names[before..name_end] })
    }
}
