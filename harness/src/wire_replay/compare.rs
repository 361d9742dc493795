//! Two replies side by side.

use fuserig_abi::{Errno, FileKind, FuseAttr, FuseEntryOut};

use super::player::Judgement;
use crate::serve::{Incoming, Listed, Outgoing};

/// One difference: what, recorded, ours.
pub(super) type Difference = (String, String, String);

/// Collects differences of one reply.
#[derive(Debug)]
pub(super) struct Comparison {
    judgement: Judgement,
    pub(super) found: Vec<Difference>,
}

impl Comparison {
    pub(super) fn new(judgement: Judgement) -> Comparison {
        Comparison { judgement, found: Vec::new() }
    }

    /// Notes a difference.
    pub(super) fn differ(&mut self, field: &str, recorded: String, ours: String) {
        self.found.push((field.to_owned(), recorded, ours));
    }

    fn same<T: PartialEq + core::fmt::Debug>(&mut self, field: &str, recorded: T, ours: T) {
        if recorded != ours {
            self.differ(field, format!("{recorded:?}"), format!("{ours:?}"));
        }
    }

    fn octal(&mut self, field: &str, recorded: u32, ours: u32) {
        if recorded != ours {
            self.differ(field, format!("{recorded:#o}"), format!("{ours:#o}"));
        }
    }

    fn is_exact(&self) -> bool {
        self.judgement == Judgement::Exact
    }

    /// Compares replies that are no listings.
    pub(super) fn replies(&mut self, recorded: &Outgoing, ours: &Outgoing, data_known: bool) {
        match (recorded, ours) {
            // A name that is not there may be remembered by the kernel: an entry without a node.
            (Outgoing::Entry(entry), Outgoing::Error(Errno::ENOENT)) if entry.nodeid == 0 => {}
            (Outgoing::Entry(entry), Outgoing::Entry(_)) if entry.nodeid == 0 => {
                self.differ("error", Errno::ENOENT.to_string(), "0".into());
            }
            // Of a lock that somebody else has, whoever waits knows more than who is asked.
            (Outgoing::Error(Errno::EDEADLK), Outgoing::Error(Errno::EAGAIN)) => {}
            (Outgoing::Error(theirs), Outgoing::Error(our)) => self.same("error", *theirs, *our),
            (Outgoing::Error(theirs), _) => self.differ("error", theirs.to_string(), "0".into()),
            (_, Outgoing::Error(our)) => self.differ("error", "0".into(), our.to_string()),
            (Outgoing::Entry(theirs), Outgoing::Entry(our)) => self.entry(theirs, our),
            (Outgoing::Attr(theirs), Outgoing::Attr(our)) => {
                self.attr(&theirs.attr, &our.attr);
                if self.is_exact() {
                    self.same("attr_valid", theirs.attr_valid, our.attr_valid);
                }
            }
            (Outgoing::Create(entry, open), Outgoing::Create(our_entry, our_open)) => {
                self.entry(entry, our_entry);
                if self.is_exact() {
                    self.same("fh", open.fh, our_open.fh);
                    self.same("open_flags", open.open_flags, our_open.open_flags);
                }
            }
            (Outgoing::Open(theirs), Outgoing::Open(our)) => {
                if self.is_exact() {
                    self.same("fh", theirs.fh, our.fh);
                    self.same("open_flags", theirs.open_flags, our.open_flags);
                }
            }
            (Outgoing::Data(theirs), Outgoing::Data(our)) => self.data(theirs, our, data_known),
            (Outgoing::Write(theirs), Outgoing::Write(our)) => {
                self.same("size", theirs.size, our.size);
            }
            (Outgoing::Statfs(theirs), Outgoing::Statfs(our)) => {
                if self.is_exact() {
                    self.same("statfs", theirs.st, our.st);
                }
            }
            (theirs, our) => self.same("reply", theirs, our),
        }
    }

    fn data(&mut self, recorded: &[u8], ours: &[u8], known: bool) {
        if recorded.len() != ours.len() {
            return self.same("length", recorded.len(), ours.len());
        }
        let differs = |(a, b): (&u8, &u8)| a != b;
        if known && let Some(at) = recorded.iter().zip(ours).position(differs) {
            let part = |bytes: &[u8]| {
                let end = bytes.len().min(at + 16);
                format!("\"{}\" at {at}", bytes[at..end].escape_ascii())
            };
            self.differ("data", part(recorded), part(ours));
        }
    }

    pub(super) fn entry(&mut self, recorded: &FuseEntryOut, ours: &FuseEntryOut) {
        if self.is_exact() {
            self.same("nodeid", recorded.nodeid, ours.nodeid);
            self.same("entry_valid", recorded.entry_valid, ours.entry_valid);
            self.same("attr_valid", recorded.attr_valid, ours.attr_valid);
        }
        self.attr(&recorded.attr, &ours.attr);
    }

    fn attr(&mut self, recorded: &FuseAttr, ours: &FuseAttr) {
        if self.is_exact() {
            return self.same("attr", *recorded, *ours);
        }
        self.octal("mode", recorded.mode, ours.mode);
        // A directory of one link is one of a filesystem that does not count.
        let counts =
            recorded.nlink != 1 || FileKind::from_mode(ours.mode) != Some(FileKind::Directory);
        if counts {
            self.same("nlink", recorded.nlink, ours.nlink);
        }
        self.same("uid", recorded.uid, ours.uid);
        self.same("gid", recorded.gid, ours.gid);
        match FileKind::from_mode(ours.mode) {
            // How long a directory is says something of its filesystem, and nothing of its files.
            Some(FileKind::Directory) => {}
            Some(FileKind::CharDevice | FileKind::BlockDevice) => {
                self.same("rdev", recorded.rdev, ours.rdev);
            }
            _ => self.same("size", recorded.size, ours.size),
        }
    }

    /// A recorded record and ours of the same name.
    pub(super) fn listed(&mut self, recorded: &Listed, ours: &Listed) {
        let name = recorded.name.escape_ascii().to_string();
        // DT_UNKNOWN leaves the type to be found out.
        if recorded.kind != 0 && recorded.kind != ours.kind {
            self.differ(&name, format!("type {}", recorded.kind), format!("type {}", ours.kind));
        }
        if let (Some(theirs), Some(our)) = (&recorded.entry, &ours.entry)
            && theirs.nodeid != 0
            && !recorded.is_dot()
        {
            self.entry(theirs, our);
        }
    }
}

/// What the recorded daemon does not do at all, so that it changed nothing: operations that it
/// answered `ENOSYS`, renames with flags that it answered `EINVAL`, as libfuse's examples do, and
/// what it was built without or its filesystem has not, `EOPNOTSUPP`: after it the kernel and
/// programs do without (extended attributes, FALLOCATE, COPY_FILE_RANGE), and every change of a
/// filesystem that takes none, `EROFS`.
pub(super) fn declined(incoming: &Incoming, recorded: &Outgoing) -> Option<&'static str> {
    match (recorded, incoming) {
        (Outgoing::Error(Errno::ENOSYS), _) => Some("the recorded daemon does not do it (ENOSYS)"),
        (
            Outgoing::Error(Errno::EOPNOTSUPP),
            Incoming::Fallocate { .. }
            | Incoming::CopyFileRange { .. }
            | Incoming::Getxattr { .. }
            | Incoming::Setxattr { .. }
            | Incoming::Listxattr { .. }
            | Incoming::Removexattr { .. },
        ) => Some("the recorded daemon does not do it (EOPNOTSUPP)"),
        (Outgoing::Error(Errno::EROFS), _) => Some("the recorded filesystem is read-only (EROFS)"),
        (Outgoing::Error(Errno::EINVAL), Incoming::Rename { flags: Some(1..), .. }) => {
            Some("the recorded daemon knows no flags of rename (EINVAL)")
        }
        (Outgoing::Error(Errno::EINTR), Incoming::Setlkw { .. }) => {
            Some("the caller got a signal while it waited for a lock (EINTR)")
        }
        _ => None,
    }
}
