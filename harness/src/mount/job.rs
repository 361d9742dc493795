//! A request on its way to the pipeline, with the way back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use fuser::{
    Errno, FileAttr, FileHandle, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLock, ReplyLseek,
    ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
};
use fuserig_abi::{FileKind, FuseEntryOut};

use super::convert;
use crate::serve::{Head, Incoming, Listed, Outgoing};

/// One request.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) head: Head,
    pub(super) incoming: Incoming,
    pub(super) reply: ReplyTo,
    /// Its place in the order of everything that was received and answered.
    pub(super) sequence: u64,
}

/// fuser's ways to answer. Dropping one unanswered sends `EIO`.
#[derive(Debug)]
pub(super) enum ReplyTo {
    Nobody,
    Empty(ReplyEmpty),
    Entry(ReplyEntry),
    Attr(ReplyAttr),
    Data(ReplyData),
    Open(ReplyOpen),
    Create(ReplyCreate),
    Write(ReplyWrite),
    Statfs(ReplyStatfs),
    Xattr(ReplyXattr),
    Lseek(ReplyLseek),
    Lock(ReplyLock),
    Directory(ReplyDirectory),
    DirectoryPlus(ReplyDirectoryPlus),
}

impl ReplyTo {
    /// Sends the answer, or `EIO` for one that does not fit the question.
    pub(super) fn send(self, outgoing: &Outgoing) {
        if let Outgoing::Error(_) = outgoing {
            return self.refuse(Errno::from_i32(outgoing.result().wrapping_neg()));
        }
        match (self, outgoing) {
            (ReplyTo::Nobody, _) => {}
            (ReplyTo::Empty(reply), Outgoing::Done) => reply.ok(),
            (ReplyTo::Entry(reply), Outgoing::Entry(out)) => {
                let (entry, attr) = validity(out);
                reply.entry_with_ttls(
                    &attr,
                    &entry,
                    &convert::attr(&out.attr),
                    Generation(out.generation),
                );
            }
            (ReplyTo::Attr(reply), Outgoing::Attr(out)) => {
                let valid = convert::duration(out.attr_valid, out.attr_valid_nsec);
                reply.attr(&valid, &convert::attr(&out.attr));
            }
            (ReplyTo::Data(reply), Outgoing::Data(bytes)) => reply.data(bytes),
            (ReplyTo::Open(reply), Outgoing::Open(out)) => {
                reply.opened(FileHandle(out.fh), FopenFlags::from_bits_retain(out.open_flags));
            }
            (ReplyTo::Create(reply), Outgoing::Create(entry, open)) => {
                let (valid, _) = validity(entry);
                let flags = FopenFlags::from_bits_retain(open.open_flags);
                let attr = convert::attr(&entry.attr);
                reply.created(
                    &valid,
                    &attr,
                    Generation(entry.generation),
                    FileHandle(open.fh),
                    flags,
                );
            }
            (ReplyTo::Write(reply), Outgoing::Write(out)) => reply.written(out.size),
            (ReplyTo::Statfs(reply), Outgoing::Statfs(out)) => {
                let st = &out.st;
                reply.statfs(
                    st.blocks, st.bfree, st.bavail, st.files, st.ffree, st.bsize, st.namelen,
                    st.frsize,
                );
            }
            (ReplyTo::Xattr(reply), Outgoing::Length(out)) => reply.size(out.size),
            (ReplyTo::Xattr(reply), Outgoing::Data(bytes)) => reply.data(bytes),
            (ReplyTo::Lseek(reply), Outgoing::Lseek(out)) => reply.offset(out.offset as i64),
            (ReplyTo::Lock(reply), Outgoing::Lock(lock)) => {
                reply.locked(lock.start, lock.end, lock.kind as i32, lock.pid);
            }
            (ReplyTo::Directory(reply), Outgoing::Records(_)) => reply.ok(),
            (ReplyTo::DirectoryPlus(reply), Outgoing::Records(_)) => reply.ok(),
            (reply, _) => reply.refuse(Errno::EIO),
        }
    }

    fn refuse(self, errno: Errno) {
        match self {
            ReplyTo::Nobody => {}
            ReplyTo::Empty(reply) => reply.error(errno),
            ReplyTo::Entry(reply) => reply.error(errno),
            ReplyTo::Attr(reply) => reply.error(errno),
            ReplyTo::Data(reply) => reply.error(errno),
            ReplyTo::Open(reply) => reply.error(errno),
            ReplyTo::Create(reply) => reply.error(errno),
            ReplyTo::Write(reply) => reply.error(errno),
            ReplyTo::Statfs(reply) => reply.error(errno),
            ReplyTo::Xattr(reply) => reply.error(errno),
            ReplyTo::Lseek(reply) => reply.error(errno),
            ReplyTo::Lock(reply) => reply.error(errno),
            ReplyTo::Directory(reply) => reply.error(errno),
            ReplyTo::DirectoryPlus(reply) => reply.error(errno),
        }
    }

    /// Adds a record to a listing; false when it does not fit, or this is no listing.
    pub(super) fn accept(&mut self, record: &Listed) -> bool {
        let name = OsStr::from_bytes(&record.name);
        let kind = FileKind::from_dirent_type(record.kind);
        match self {
            ReplyTo::Directory(reply) => {
                !reply.add(INodeNo(record.ino), record.off, convert::kind(kind), name)
            }
            ReplyTo::DirectoryPlus(reply) => {
                let entry = record.entry.unwrap_or_default();
                let (valid, _) = validity(&entry);
                let nodeid = INodeNo(entry.nodeid);
                let attr = plus_attr(record, kind, &entry);
                !reply.add(nodeid, record.off, name, &valid, &attr, Generation(entry.generation))
            }
            _ => false,
        }
    }
}

/// fuser takes number and type of the record from the attributes, also where there is no entry.
fn plus_attr(record: &Listed, kind: Option<FileKind>, entry: &FuseEntryOut) -> FileAttr {
    if entry.nodeid != 0 {
        return convert::attr(&entry.attr);
    }
    let attr = convert::attr(&entry.attr);
    FileAttr { ino: INodeNo(record.ino), kind: convert::kind(kind), ..attr }
}

fn validity(entry: &FuseEntryOut) -> (std::time::Duration, std::time::Duration) {
    (
        convert::duration(entry.entry_valid, entry.entry_valid_nsec),
        convert::duration(entry.attr_valid, entry.attr_valid_nsec),
    )
}
