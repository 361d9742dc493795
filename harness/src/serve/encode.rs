//! Values of requests to the bytes of their body.

use fuserig_abi::{
    FuseAccessIn, FuseGetattrIn, FuseGetxattrIn, FuseLinkIn, FuseRename2In, FuseRenameIn,
};
use zerocopy::{Immutable, IntoBytes};

use super::decode::looks_like_xattr_name;
use super::incoming::{Incoming, LockRange};

fn structure(value: &(impl IntoBytes + Immutable)) -> Vec<u8> {
    value.as_bytes().to_vec()
}

fn named(head: &(impl IntoBytes + Immutable), names: &[&[u8]]) -> Vec<u8> {
    let mut bytes = structure(head);
    for name in names {
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
    bytes
}

fn lock(lock: &LockRange) -> Vec<u8> {
    let mut bytes = structure(&[lock.fh, lock.owner, lock.start, lock.end]);
    bytes.extend_from_slice([lock.kind, lock.pid, lock.flags, 0].as_bytes());
    bytes
}

impl Incoming {
    /// The bytes after the header, as the kernel sends them. SETXATTR takes its short form, but
    /// for a name that only the long form shows to be one.
    pub fn encode(&self) -> Vec<u8> {
        let none: [u8; 0] = [];
        match self {
            Incoming::Lookup { name }
            | Incoming::Unlink { name }
            | Incoming::Rmdir { name }
            | Incoming::Removexattr { name } => named(&none, &[name]),
            Incoming::Symlink { name, target } => named(&none, &[name, target]),
            Incoming::Mknod { input, name } => named(input, &[name]),
            Incoming::Mkdir { input, name } => named(input, &[name]),
            Incoming::Create { input, name } => named(input, &[name]),
            Incoming::Rename { name, new_parent, new_name, flags: None } => {
                named(&FuseRenameIn { newdir: new_parent.0 }, &[name, new_name])
            }
            Incoming::Rename { name, new_parent, new_name, flags: Some(flags) } => {
                let head = FuseRename2In { newdir: new_parent.0, flags: *flags, padding: 0 };
                named(&head, &[name, new_name])
            }
            Incoming::Link { node, name } => named(&FuseLinkIn { oldnodeid: node.0 }, &[name]),
            Incoming::Setxattr { name, value, flags } => {
                let size = u32::try_from(value.len()).unwrap_or(u32::MAX);
                let mut bytes = named(&[size, *flags], &[name]);
                if !looks_like_xattr_name(&bytes[2 * size_of::<u32>()..]) {
                    bytes = named(&[size, *flags, 0, 0], &[name]);
                }
                bytes.extend_from_slice(value);
                bytes
            }
            Incoming::Getxattr { name, size } => {
                named(&FuseGetxattrIn { size: *size, padding: 0 }, &[name])
            }
            Incoming::Listxattr { size } => structure(&FuseGetxattrIn { size: *size, padding: 0 }),
            Incoming::Write { input, data } => {
                let mut bytes = structure(input);
                bytes.extend_from_slice(data);
                bytes
            }
            _ => self.encode_without_names(),
        }
    }

    fn encode_without_names(&self) -> Vec<u8> {
        match self {
            Incoming::Forget { nlookup } => structure(nlookup),
            Incoming::BatchForget { nodes } => {
                let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                let mut bytes = structure(&[count, 0]);
                for (node, nlookup) in nodes {
                    bytes.extend_from_slice([node.0, *nlookup].as_bytes());
                }
                bytes
            }
            Incoming::Getattr { flags, fh } => {
                structure(&FuseGetattrIn { getattr_flags: *flags, dummy: 0, fh: *fh })
            }
            Incoming::Setattr { input } => structure(input),
            Incoming::Open { input } | Incoming::Opendir { input } => structure(input),
            Incoming::Read { input }
            | Incoming::Readdir { input }
            | Incoming::Readdirplus { input } => structure(input),
            Incoming::Release { input } | Incoming::Releasedir { input } => structure(input),
            Incoming::Fsync { input } | Incoming::Fsyncdir { input } => structure(input),
            Incoming::Flush { input } => structure(input),
            Incoming::Access { mask } => structure(&FuseAccessIn { mask: *mask, padding: 0 }),
            Incoming::Fallocate { input } => structure(input),
            Incoming::Lseek { input } => structure(input),
            Incoming::CopyFileRange { input } => structure(input),
            Incoming::Getlk { lock: range }
            | Incoming::Setlk { lock: range }
            | Incoming::Setlkw { lock: range } => lock(range),
            Incoming::Interrupt { unique } => structure(&unique.0),
            Incoming::Init { body } | Incoming::Other { body, .. } => body.clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{
        FuseCreateIn, FuseMkdirIn, FuseMknodIn, FuseOpenIn, FuseReadIn, FuseWriteIn, NodeId, Opcode,
    };

    use super::super::{DecodeError, Incoming, LockRange};

    fn samples() -> Vec<Incoming> {
        let name = || b"a name".to_vec();
        let read = FuseReadIn { fh: 3, offset: 9, size: 4096, ..FuseReadIn::default() };
        let lock = LockRange { fh: 1, owner: 2, start: 3, end: 4, kind: 1, pid: 5, flags: 1 };
        vec![
            Incoming::Lookup { name: name() },
            Incoming::Forget { nlookup: 7 },
            Incoming::BatchForget { nodes: vec![(NodeId(3), 1), (NodeId(4), 2)] },
            Incoming::Getattr { flags: 1, fh: 9 },
            Incoming::Readlink,
            Incoming::Symlink { name: name(), target: b"/to".to_vec() },
            Incoming::Mknod { input: FuseMknodIn { mode: 1, ..Default::default() }, name: name() },
            Incoming::Mkdir { input: FuseMkdirIn { mode: 0o755, umask: 0o22 }, name: name() },
            Incoming::Rename {
                name: name(),
                new_parent: NodeId(5),
                new_name: b"b".to_vec(),
                flags: None,
            },
            Incoming::Rename {
                name: name(),
                new_parent: NodeId(5),
                new_name: b"b".to_vec(),
                flags: Some(2),
            },
            Incoming::Link { node: NodeId(8), name: name() },
            Incoming::Open { input: FuseOpenIn { flags: 2, open_flags: 0 } },
            Incoming::Read { input: read },
            Incoming::Write {
                input: FuseWriteIn { fh: 1, size: 4, ..Default::default() },
                data: b"data".to_vec(),
            },
            Incoming::Setxattr { name: b"user.a".to_vec(), value: b"v.1".to_vec(), flags: 1 },
            Incoming::Setxattr { name: b"nameless".to_vec(), value: b"v.1".to_vec(), flags: 0 },
            Incoming::Setxattr { name: Vec::new(), value: b"a.b\0".to_vec(), flags: 2 },
            Incoming::Getxattr { name: b"user.a".to_vec(), size: 64 },
            Incoming::Readdirplus { input: read },
            Incoming::Create {
                input: FuseCreateIn { flags: 1, mode: 2, umask: 3, open_flags: 4 },
                name: name(),
            },
            Incoming::Setlkw { lock },
            Incoming::Destroy,
            Incoming::Other { opcode: Opcode::IOCTL, body: b"anything".to_vec() },
        ]
    }

    #[test]
    fn requests_survive_the_wire() {
        for incoming in samples() {
            let (opcode, body) = (incoming.opcode(), incoming.encode());
            assert_eq!(Incoming::decode(opcode, &body), Ok(incoming));
        }
    }

    #[test]
    fn a_body_that_is_cut_or_continued_is_refused_with_its_offset() {
        for incoming in samples() {
            let (opcode, body) = (incoming.opcode(), incoming.encode());
            if matches!(incoming, Incoming::Other { .. }) {
                continue;
            }
            for cut in 0..body.len() {
                assert!(Incoming::decode(opcode, &body[..cut]).is_err(), "{incoming:?} at {cut}");
            }
            let mut longer = body.clone();
            longer.push(1);
            let trailing = DecodeError::Trailing { opcode, offset: body.len(), extra: 1 };
            assert_eq!(Incoming::decode(opcode, &longer), Err(trailing));
        }
    }

    #[test]
    fn the_long_form_of_setxattr_is_understood() {
        let mut body = Vec::new();
        for word in [2_u32, 1, 0, 0] {
            body.extend_from_slice(&word.to_le_bytes());
        }
        body.extend_from_slice(b"user.long\0hi");
        let name = b"user.long".to_vec();
        let expected = Incoming::Setxattr { name, value: b"hi".to_vec(), flags: 1 };
        assert_eq!(Incoming::decode(Opcode::SETXATTR, &body), Ok(expected));
    }
}
