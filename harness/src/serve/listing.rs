//! READDIR and READDIRPLUS: records of the pipeline into the buffer of a request.

use fuserig_abi::{Errno, FuseDirent, FuseEntryOut, FuseReadIn, NodeId, Timespec};
use zerocopy::{FromBytes, IntoBytes};

use super::incoming::{Head, Incoming};
use super::outgoing::Outgoing;
use super::server::Server;
use crate::kernel::HandleId;
use crate::pipeline::{DirRecord, Operation};

const DIRENT: usize = size_of::<FuseDirent>();
const ENTRY: usize = size_of::<FuseEntryOut>();

/// A record of a directory as a reply carries it.
///
/// ```
/// use fuserig::serve::Listed;
/// let dot = Listed { ino: 1, off: 1, kind: 4, name: b".".to_vec(), entry: None };
/// let mut bytes = Vec::new();
/// dot.encode_into(&mut bytes);
/// assert_eq!(bytes.len(), 32);
/// assert_eq!(Listed::decode_all(&bytes, false), Some(vec![dot]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Inode number.
    pub ino: u64,
    /// Where the next record is (`d_off`).
    pub off: u64,
    /// `DT_*` type.
    pub kind: u32,
    /// Name.
    pub name: Vec<u8>,
    /// What a lookup of the name gives, in READDIRPLUS; nodeid 0 makes it none.
    pub entry: Option<FuseEntryOut>,
}

impl Listed {
    /// Bytes of a record with a name of this length.
    fn size(name_length: usize, plus: bool) -> usize {
        let head = if plus { ENTRY + DIRENT } else { DIRENT };
        (head + name_length).next_multiple_of(8)
    }

    /// Whether it is `.` or `..`, whose entries in READDIRPLUS the kernel does not read (Linux
    /// 6.18, fs/fuse/readdir.c, `fuse_direntplus_link`), so that daemons put anything there.
    pub fn is_dot(&self) -> bool {
        matches!(&self.name[..], b"." | b"..")
    }

    /// Appends the record as the protocol has it.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        if let Some(entry) = &self.entry {
            bytes.extend_from_slice(entry.as_bytes());
        }
        let namelen = u32::try_from(self.name.len()).expect("names are short");
        let head = FuseDirent { ino: self.ino, off: self.off, namelen, r#type: self.kind };
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&self.name);
        bytes.resize(start + (bytes.len() - start).next_multiple_of(8), 0);
    }

    /// Reads all records of a reply, which must be whole.
    pub fn decode_all(bytes: &[u8], plus: bool) -> Option<Vec<Listed>> {
        let mut records = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let size_before = rest.len();
            let mut entry = None;
            if plus {
                let (found, tail) = FuseEntryOut::read_from_prefix(rest).ok()?;
                (entry, rest) = (Some(found), tail);
            }
            let (head, tail) = FuseDirent::read_from_prefix(rest).ok()?;
            let length = usize::try_from(head.namelen).ok()?;
            let name = tail.get(..length)?.to_vec();
            records.push(Listed { ino: head.ino, off: head.off, kind: head.r#type, name, entry });
            let size = Listed::size(length, plus);
            rest = &bytes[bytes.len() - size_before..];
            rest = rest.get(size..)?;
        }
        Some(records)
    }
}

/// Bytes of `getdents64` records asked of the pipeline at once: more than its page yields.
const SPACE: usize = 1 << 16;

impl Server {
    /// Answers a READDIR or READDIRPLUS for a door that fills the reply itself: `accept` takes a
    /// record or gives it back because it does not fit, which ends the listing. The answer has no
    /// records then.
    pub fn handle_listing(
        &mut self,
        head: &Head,
        incoming: &Incoming,
        now: Timespec,
        accept: &mut dyn FnMut(Listed) -> Option<Listed>,
    ) -> Outgoing {
        self.world.now = now;
        let listed = match incoming {
            Incoming::Readdir { input } => self.list(head, input, false, accept),
            Incoming::Readdirplus { input } => self.list(head, input, true, accept),
            _ => Err(Errno::ENOSYS),
        };
        self.world.settle_evictions();
        listed.map_or_else(Outgoing::Error, |()| Outgoing::Records(Vec::new()))
    }

    /// Lists into a reply of at most `input.size` bytes.
    pub(super) fn list_within(
        &mut self,
        head: &Head,
        input: &FuseReadIn,
        plus: bool,
    ) -> Result<Outgoing, Errno> {
        let mut room = input.size as usize;
        let mut records = Vec::new();
        let mut accept =
            |record: Listed| match room.checked_sub(Listed::size(record.name.len(), plus)) {
                Some(left) => {
                    room = left;
                    records.push(record);
                    None
                }
                None => Some(record),
            };
        self.list(head, input, plus, &mut accept)?;
        Ok(Outgoing::Records(records))
    }

    /// Lists until a record is not accepted, or none is left.
    fn list(
        &mut self,
        head: &Head,
        input: &FuseReadIn,
        plus: bool,
        accept: &mut dyn FnMut(Listed) -> Option<Listed>,
    ) -> Result<(), Errno> {
        let handle = self.handle_of(input.fh)?;
        self.world.mount.handles[handle].position = input.offset as i64;
        let mut any = false;
        loop {
            let operation = Operation::Readdir { handle, space: SPACE };
            let outcome = self.operate(head, 0, operation)?;
            let mut records = outcome.records;
            let Some(last) = records.last_mut() else {
                // What was listed before an error counts; the next request will meet it again.
                return match outcome.error {
                    code @ ..0 if !any => Err(super::server::errno(code)),
                    _ => Ok(()),
                };
            };
            last.next = self.world.mount.handles[handle].position;
            for record in records {
                let entry = plus.then(|| self.listed_entry(head, handle, &record.name));
                let DirRecord { ino, next, kind, name } = record;
                let record = Listed { ino, off: next as u64, kind, name, entry };
                if let Some(refused) = accept(record) {
                    self.take_back(&refused);
                    return Ok(());
                }
                any = true;
            }
        }
    }

    /// The entry of one name, or an empty one: for `.` and `..`, and for what a lookup refuses.
    fn listed_entry(&mut self, head: &Head, handle: HandleId, name: &[u8]) -> FuseEntryOut {
        let none = FuseEntryOut::default();
        if matches!(name, b"." | b"..") {
            return none;
        }
        let directory = self.world.mount.handles[handle].dentry;
        self.lookup_in(head, directory, name).unwrap_or(none)
    }

    /// A record that did not fit was looked up for nothing.
    fn take_back(&mut self, record: &Listed) {
        if let Some(entry) = record.entry.filter(|entry| entry.nodeid != 0) {
            self.nodes.forget(&mut self.world.mount, NodeId(entry.nodeid), 1);
        }
    }
}
