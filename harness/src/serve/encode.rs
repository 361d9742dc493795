//! Values of requests to the bytes of their body.

use fuserig_abi::{
    FuseAccessIn, FuseGetattrIn, FuseGetxattrIn, FuseLinkIn, FuseRename2In, FuseRenameIn,
};
use zerocopy::{Immutable, IntoBytes};

use super::incoming::{Incoming, LockRange};

fn structure(bytes: &mut Vec<u8>, value: &(impl IntoBytes + Immutable)) {
    bytes.extend_from_slice(value.as_bytes());
}

fn named(bytes: &mut Vec<u8>, head: &(impl IntoBytes + Immutable), names: &[&[u8]]) {
    structure(bytes, head);
    for name in names {
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
}

fn lock(bytes: &mut Vec<u8>, lock: &LockRange) {
    structure(bytes, &[lock.fh, lock.owner, lock.start, lock.end]);
    structure(bytes, &[lock.kind, lock.pid, lock.flags, 0]);
}

impl Incoming {
    /// The bytes after the header, as the kernel sends them. SETXATTR takes its short form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends what [`Incoming::encode`] gives.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        let none: [u8; 0] = [];
        match self {
            Incoming::Lookup { name }
            | Incoming::Unlink { name }
            | Incoming::Rmdir { name }
            | Incoming::Removexattr { name } => named(bytes, &none, &[name]),
            Incoming::Symlink { name, target } => named(bytes, &none, &[name, target]),
            Incoming::Mknod { input, name } => named(bytes, input, &[name]),
            Incoming::Mkdir { input, name } => named(bytes, input, &[name]),
            Incoming::Create { input, name } => named(bytes, input, &[name]),
            Incoming::Rename { name, new_parent, new_name, flags: None } => {
                named(bytes, &FuseRenameIn { newdir: new_parent.0 }, &[name, new_name])
            }
            Incoming::Rename { name, new_parent, new_name, flags: Some(flags) } => {
                let head = FuseRename2In { newdir: new_parent.0, flags: *flags, padding: 0 };
                named(bytes, &head, &[name, new_name])
            }
            Incoming::Link { node, name } => {
                named(bytes, &FuseLinkIn { oldnodeid: node.0 }, &[name])
            }
            Incoming::Setxattr { name, value, flags } => {
                let size = u32::try_from(value.len()).unwrap_or(u32::MAX);
                named(bytes, &[size, *flags], &[name]);
                bytes.extend_from_slice(value);
            }
            Incoming::Getxattr { name, size } => {
                named(bytes, &FuseGetxattrIn { size: *size, padding: 0 }, &[name])
            }
            Incoming::Listxattr { size } => {
                structure(bytes, &FuseGetxattrIn { size: *size, padding: 0 })
            }
            Incoming::Write { input, data } => {
                structure(bytes, input);
                bytes.extend_from_slice(data);
            }
            _ => self.encode_without_names(bytes),
        }
    }

    fn encode_without_names(&self, bytes: &mut Vec<u8>) {
        match self {
            Incoming::Forget { nlookup } => structure(bytes, nlookup),
            Incoming::BatchForget { nodes } => {
                let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                structure(bytes, &[count, 0]);
                nodes.iter().for_each(|(node, nlookup)| structure(bytes, &[node.0, *nlookup]));
            }
            Incoming::Getattr { flags, fh } => {
                structure(bytes, &FuseGetattrIn { getattr_flags: *flags, dummy: 0, fh: *fh })
            }
            Incoming::Setattr { input } => structure(bytes, input),
            Incoming::Open { input } | Incoming::Opendir { input } => structure(bytes, input),
            Incoming::Read { input }
            | Incoming::Readdir { input }
            | Incoming::Readdirplus { input } => structure(bytes, input),
            Incoming::Release { input } | Incoming::Releasedir { input } => structure(bytes, input),
            Incoming::Fsync { input } | Incoming::Fsyncdir { input } => structure(bytes, input),
            Incoming::Flush { input } => structure(bytes, input),
            Incoming::Access { mask } => {
                structure(bytes, &FuseAccessIn { mask: *mask, padding: 0 })
            }
            Incoming::Fallocate { input } => structure(bytes, input),
            Incoming::Lseek { input } => structure(bytes, input),
            Incoming::CopyFileRange { input } => structure(bytes, input),
            Incoming::Getlk { lock: range }
            | Incoming::Setlk { lock: range }
            | Incoming::Setlkw { lock: range } => lock(bytes, range),
            Incoming::Interrupt { unique } => structure(bytes, &unique.0),
            Incoming::Init { body } | Incoming::Other { body, .. } => bytes.extend_from_slice(body),
            _ => {}
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
    fn both_forms_of_setxattr_are_understood_whatever_the_name_is() {
        let names: [&[u8]; 7] =
            [b"user.long", b"a", b"user", b"nodots.", b"\xffuser.a", b"twelve-bytes", b""];
        for (name, value) in names.iter().flat_map(|name| [(name, &b"hi"[..]), (name, b"\0\0")]) {
            for words in [&[2_u32, 1][..], &[2, 1, 0, 0], &[2, 1, 1, 0]] {
                let mut body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                body.extend_from_slice(&[name, &b"\0"[..], value].concat());
                let (name, value) = (name.to_vec(), value.to_vec());
                let expected = Incoming::Setxattr { name, value, flags: 1 };
                assert_eq!(Incoming::decode(Opcode::SETXATTR, &body), Ok(expected), "{body:?}");
            }
        }
    }
}
