//! Replies as values.

use fuserig_abi::{
    Errno, FuseAttrOut, FuseEntryOut, FuseGetxattrOut, FuseLseekOut, FuseOpenOut, FuseStatfsOut,
    FuseWriteOut, Opcode,
};
use zerocopy::{FromBytes, IntoBytes};

use super::incoming::LockRange;
use super::listing::Listed;

/// What a request is answered with.
///
/// ```
/// use fuserig::serve::Outgoing;
/// use fuserig_abi::Errno;
/// assert_eq!(Outgoing::Error(Errno::ENOENT).result(), -2);
/// assert_eq!(Outgoing::Data(b"hi".to_vec()).encode(), b"hi");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Nothing is sent.
    Nothing,
    /// Success without a body.
    Done,
    /// Failure.
    Error(Errno),
    /// A name was found or made.
    Entry(FuseEntryOut),
    /// Attributes.
    Attr(FuseAttrOut),
    /// An open file.
    Open(FuseOpenOut),
    /// A file that was made and opened.
    Create(FuseEntryOut, FuseOpenOut),
    /// Data, a link target, an extended attribute.
    Data(Vec<u8>),
    /// Records of a directory; with entries for READDIRPLUS.
    Records(Vec<Listed>),
    /// Bytes written or copied.
    Write(FuseWriteOut),
    /// Filesystem figures.
    Statfs(FuseStatfsOut),
    /// The length of an extended attribute or of their list.
    Length(FuseGetxattrOut),
    /// A position.
    Lseek(FuseLseekOut),
    /// A lock.
    Lock(LockRange),
}

impl Outgoing {
    /// The `error` of the reply header: 0 or a negative errno. A number that the kernel would
    /// refuse at the device becomes `EIO`.
    pub fn result(&self) -> i32 {
        match self {
            Outgoing::Error(errno) if (1..512).contains(&errno.0) => errno.negative(),
            Outgoing::Error(_) => Errno::EIO.negative(),
            _ => 0,
        }
    }

    /// The bytes after the reply header.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends what [`Outgoing::encode`] gives.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        match self {
            Outgoing::Nothing | Outgoing::Done | Outgoing::Error(_) => {}
            Outgoing::Entry(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Attr(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Open(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Create(entry, open) => {
                bytes.extend_from_slice(entry.as_bytes());
                bytes.extend_from_slice(open.as_bytes());
            }
            Outgoing::Data(data) => bytes.extend_from_slice(data),
            Outgoing::Records(records) => {
                records.iter().for_each(|record| record.encode_into(bytes));
            }
            Outgoing::Write(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Statfs(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Length(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Lseek(out) => bytes.extend_from_slice(out.as_bytes()),
            Outgoing::Lock(lock) => {
                bytes.extend_from_slice([lock.start, lock.end].as_bytes());
                bytes.extend_from_slice([lock.kind, lock.pid].as_bytes());
            }
        }
    }

    /// Reads the body of a reply to `opcode`, for a client. `length_asked` says that a GETXATTR or
    /// LISTXATTR had size 0. None when the body is not what the opcode promises.
    pub fn decode(opcode: Opcode, length_asked: bool, error: i32, body: &[u8]) -> Option<Outgoing> {
        if error != 0 {
            return body.is_empty().then_some(Outgoing::Error(Errno(error.wrapping_neg())));
        }
        Some(match opcode {
            Opcode::LOOKUP | Opcode::SYMLINK | Opcode::MKNOD | Opcode::MKDIR | Opcode::LINK => {
                Outgoing::Entry(whole(body)?)
            }
            Opcode::GETATTR | Opcode::SETATTR => Outgoing::Attr(whole(body)?),
            Opcode::OPEN | Opcode::OPENDIR => Outgoing::Open(whole(body)?),
            Opcode::CREATE => {
                let (entry, open) = body.split_at_checked(size_of::<FuseEntryOut>())?;
                Outgoing::Create(whole(entry)?, whole(open)?)
            }
            Opcode::READ | Opcode::READLINK => Outgoing::Data(body.to_vec()),
            Opcode::GETXATTR | Opcode::LISTXATTR if length_asked => Outgoing::Length(whole(body)?),
            Opcode::GETXATTR | Opcode::LISTXATTR => Outgoing::Data(body.to_vec()),
            Opcode::READDIR => Outgoing::Records(Listed::decode_all(body, false)?),
            Opcode::READDIRPLUS => Outgoing::Records(Listed::decode_all(body, true)?),
            Opcode::WRITE | Opcode::COPY_FILE_RANGE => Outgoing::Write(whole(body)?),
            Opcode::STATFS => Outgoing::Statfs(whole(body)?),
            Opcode::LSEEK => Outgoing::Lseek(whole(body)?),
            Opcode::GETLK => {
                let (range, rest) = <[u64; 2]>::read_from_prefix(body).ok()?;
                let [kind, pid] = <[u32; 2]>::read_from_bytes(rest).ok()?;
                let [start, end] = range;
                Outgoing::Lock(LockRange { start, end, kind, pid, ..LockRange::default() })
            }
            _ if body.is_empty() => Outgoing::Done,
            _ => return None,
        })
    }
}

fn whole<T: FromBytes>(body: &[u8]) -> Option<T> {
    T::read_from_bytes(body).ok()
}
