//! The nodes and open files that a request names.

use fuserig_abi::{FATTR_FH, FileKind};

use crate::serve::Incoming;

/// `FUSE_GETATTR_FH`.
const GETATTR_FH: u32 = 1;
const O_ACCMODE: u32 = 3;
const O_RDWR: u32 = 2;
/// What an open does once: `O_CREAT`, `O_EXCL`, `O_TRUNC`.
const AT_OPEN: u32 = 0o100 | 0o200 | 0o1000;

/// How a request uses an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileUse {
    /// The recorded node.
    pub(super) node: u64,
    /// The recorded handle.
    pub(super) fh: u64,
    /// It is a directory.
    pub(super) directory: bool,
    /// The open flags, as far as requests say them.
    pub(super) flags: Option<u32>,
    /// The handle is given back.
    pub(super) closes: bool,
}

impl FileUse {
    fn new(node: u64, fh: u64) -> FileUse {
        FileUse { node, fh, directory: false, flags: None, closes: false }
    }

    /// Another use of the same handle.
    pub(super) fn merge(&mut self, other: &FileUse) {
        self.directory |= other.directory;
        self.flags = self.flags.or(other.flags);
    }

    /// Flags to open it by. Requests that do not say them may come by any; and a kernel that keeps
    /// pages reads by a handle that was opened for writing alone.
    pub(super) fn open_flags(&self) -> u32 {
        if self.directory {
            return self.flags.unwrap_or(0) & !(AT_OPEN | O_ACCMODE);
        }
        self.flags.unwrap_or(0) & !(AT_OPEN | O_ACCMODE) | O_RDWR
    }
}

/// A file that go-fuse opens on its own mount, so that the kernel learns that it cannot be polled
/// (`pollHackName` in fuse/poll.go). It can be looked up, and no listing has it.
pub(super) const POLL_HACK: &[u8] = b".go-fuse-epoll-hack";

/// Whether a name is one under which libfuse keeps a file that was removed while it was open
/// (`hide_node` in lib/fuse.c: `.fuse_hidden` and two numbers in hexadecimal). The client did not
/// ask for it, and no other server has it.
pub(super) fn is_hidden_name(name: &[u8]) -> bool {
    let number = name.strip_prefix(b".fuse_hidden").unwrap_or(b"");
    number.len() >= 16 && number.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a request is about such a name.
pub(super) fn is_about_hidden(incoming: &Incoming) -> bool {
    match incoming {
        Incoming::Lookup { name } | Incoming::Unlink { name } | Incoming::Link { name, .. } => {
            is_hidden_name(name)
        }
        Incoming::Rename { name, new_name, .. } => is_hidden_name(name) || is_hidden_name(new_name),
        _ => false,
    }
}

/// The open files that a request on `node` names.
pub(super) fn file_uses(node: u64, incoming: &Incoming) -> Vec<FileUse> {
    let plain = |fh: u64| vec![FileUse::new(node, fh)];
    let with = |fh: u64, flags: u32| vec![FileUse { flags: Some(flags), ..FileUse::new(node, fh) }];
    let directory = |fh: u64| vec![FileUse { directory: true, ..FileUse::new(node, fh) }];
    let closed = |fh: u64, flags: u32, directory: bool| {
        let flags = Some(flags);
        vec![FileUse { directory, flags, closes: true, ..FileUse::new(node, fh) }]
    };
    match incoming {
        Incoming::Getattr { flags, fh } if flags & GETATTR_FH != 0 => plain(*fh),
        Incoming::Setattr { input } if input.valid & FATTR_FH != 0 => plain(input.fh),
        Incoming::Read { input } => with(input.fh, input.flags),
        Incoming::Write { input, .. } => with(input.fh, input.flags),
        Incoming::Readdir { input } | Incoming::Readdirplus { input } => directory(input.fh),
        Incoming::Release { input } => closed(input.fh, input.flags, false),
        Incoming::Releasedir { input } => closed(input.fh, input.flags, true),
        Incoming::Fsync { input } => plain(input.fh),
        Incoming::Fsyncdir { input } => directory(input.fh),
        Incoming::Flush { input } => plain(input.fh),
        Incoming::Fallocate { input } => plain(input.fh),
        Incoming::Lseek { input } => plain(input.fh),
        Incoming::Getlk { lock } | Incoming::Setlk { lock } | Incoming::Setlkw { lock } => {
            plain(lock.fh)
        }
        Incoming::CopyFileRange { input } => {
            vec![FileUse::new(node, input.fh_in), FileUse::new(input.nodeid_out, input.fh_out)]
        }
        _ => Vec::new(),
    }
}

/// The nodes that a request on `node` names, and what they must be for it.
pub(super) fn nodes_used(node: u64, incoming: &Incoming) -> Vec<(u64, Option<FileKind>)> {
    use FileKind::{Directory, Regular, Symlink};
    match incoming {
        Incoming::Lookup { name } if name == b"." || name == b".." => vec![(node, None)],
        Incoming::Lookup { .. }
        | Incoming::Symlink { .. }
        | Incoming::Mknod { .. }
        | Incoming::Mkdir { .. }
        | Incoming::Unlink { .. }
        | Incoming::Rmdir { .. }
        | Incoming::Create { .. }
        | Incoming::Opendir { .. }
        | Incoming::Readdir { .. }
        | Incoming::Readdirplus { .. }
        | Incoming::Releasedir { .. }
        | Incoming::Fsyncdir { .. } => vec![(node, Some(Directory))],
        Incoming::Rename { new_parent, .. } => {
            vec![(node, Some(Directory)), (new_parent.0, Some(Directory))]
        }
        Incoming::Link { node: linked, .. } => vec![(node, Some(Directory)), (linked.0, None)],
        Incoming::Readlink => vec![(node, Some(Symlink))],
        Incoming::CopyFileRange { input } => {
            vec![(node, Some(Regular)), (input.nodeid_out, Some(Regular))]
        }
        Incoming::Open { .. }
        | Incoming::Read { .. }
        | Incoming::Write { .. }
        | Incoming::Release { .. }
        | Incoming::Flush { .. }
        | Incoming::Fsync { .. }
        | Incoming::Fallocate { .. }
        | Incoming::Lseek { .. } => vec![(node, Some(Regular))],
        Incoming::Getattr { .. }
        | Incoming::Setattr { .. }
        | Incoming::Statfs
        | Incoming::Setxattr { .. }
        | Incoming::Getxattr { .. }
        | Incoming::Listxattr { .. }
        | Incoming::Removexattr { .. }
        | Incoming::Access { .. }
        | Incoming::Getlk { .. }
        | Incoming::Setlk { .. }
        | Incoming::Setlkw { .. } => vec![(node, None)],
        Incoming::Forget { .. }
        | Incoming::BatchForget { .. }
        | Incoming::Interrupt { .. }
        | Incoming::Init { .. }
        | Incoming::Destroy
        | Incoming::Other { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_hidden_name;

    #[test]
    fn names_of_hidden_files_are_told_from_others() {
        assert!(is_hidden_name(b".fuse_hidden0000000c00000001"));
        for name in [&b".fuse_hidden"[..], b".fuse_hidden000000000000000g", b"fuse_hidden00"] {
            assert!(!is_hidden_name(name), "{}", name.escape_ascii());
        }
    }
}
