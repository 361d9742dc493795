//! Bytes of a request's body to a value. Strangers' bytes: every length is checked.

use fuserig_abi::{
    FuseAccessIn, FuseGetattrIn, FuseGetxattrIn, FuseLinkIn, FuseRename2In, FuseRenameIn,
    FuseSetxattrIn, NodeId, Opcode, Unique,
};
use zerocopy::FromBytes;

use super::incoming::{Incoming, LockRange};

/// A body that is not what its opcode promises.
///
/// ```
/// use fuserig::serve::Incoming;
/// use fuserig_abi::Opcode;
/// let error = Incoming::decode(Opcode::LOOKUP, b"no end").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "decode FUSE_LOOKUP: no NUL ends the name at offset 0 of a body of 6 bytes"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A struct does not fit.
    #[error("decode {opcode}: {needed} bytes needed at offset {offset} of the body, {found} left")]
    Short {
        /// The operation.
        opcode: Opcode,
        /// Where the struct begins, in bytes after the header.
        offset: usize,
        /// Its size.
        needed: usize,
        /// Bytes left.
        found: usize,
    },
    /// A name has no end.
    #[error("decode {opcode}: no NUL ends the name at offset {offset} of a body of {length} bytes")]
    Name {
        /// The operation.
        opcode: Opcode,
        /// Where the name begins.
        offset: usize,
        /// Length of the body.
        length: usize,
    },
    /// Bytes behind the last part.
    #[error("decode {opcode}: {extra} bytes follow the end of the body at offset {offset}")]
    Trailing {
        /// The operation.
        opcode: Opcode,
        /// Where they begin.
        offset: usize,
        /// How many.
        extra: usize,
    },
}

/// Whether a terminated name and a value of so many bytes are all that is here.
fn is_name_and_value(rest: &[u8], size: usize) -> bool {
    let end = rest.iter().position(|&byte| byte == 0);
    end.and_then(|end| rest.len().checked_sub(end + 1)) == Some(size)
}

/// A cursor over one body.
struct Body<'a> {
    opcode: Opcode,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Body<'a> {
    fn take(&mut self, needed: usize) -> Result<&'a [u8], DecodeError> {
        let (opcode, offset) = (self.opcode, self.at);
        let rest = &self.bytes[offset..];
        let found = rest.len();
        let short = DecodeError::Short { opcode, offset, needed, found };
        let (head, _) = rest.split_at_checked(needed).ok_or(short)?;
        self.at += needed;
        Ok(head)
    }

    fn value<T: FromBytes>(&mut self) -> Result<T, DecodeError> {
        let bytes = self.take(size_of::<T>())?;
        let Ok(value) = T::read_from_bytes(bytes) else { unreachable!("so many bytes were taken") };
        Ok(value)
    }

    fn name(&mut self) -> Result<Vec<u8>, DecodeError> {
        let rest = &self.bytes[self.at..];
        let length = self.bytes.len();
        let end = rest.iter().position(|&byte| byte == 0);
        let end = end.ok_or(DecodeError::Name { opcode: self.opcode, offset: self.at, length })?;
        self.at += end + 1;
        Ok(rest[..end].to_vec())
    }

    fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes[self.at..].to_vec();
        self.at = self.bytes.len();
        rest
    }

    fn lock(&mut self) -> Result<LockRange, DecodeError> {
        let words: [u64; 4] = self.value()?;
        let tail: [u32; 4] = self.value()?;
        Ok(LockRange {
            fh: words[0],
            owner: words[1],
            start: words[2],
            end: words[3],
            kind: tail[0],
            pid: tail[1],
            flags: tail[2],
        })
    }

    /// SETXATTR grew by 8 bytes with `FUSE_SETXATTR_EXT`, the last of which are zero; the length
    /// tells which it is, for there is one place only where a name may end.
    fn setxattr(&mut self) -> Result<Incoming, DecodeError> {
        const MORE: usize = size_of::<FuseSetxattrIn>() - 8;
        let size: u32 = self.value()?;
        let flags: u32 = self.value()?;
        let rest = &self.bytes[self.at..];
        let fits = |rest| is_name_and_value(rest, size as usize);
        if !fits(rest) && rest.get(MORE..).is_some_and(fits) {
            self.take(MORE)?;
        }
        let name = self.name()?;
        let value = self.take(size as usize)?.to_vec();
        Ok(Incoming::Setxattr { name, value, flags })
    }

    fn forgets(&mut self) -> Result<Incoming, DecodeError> {
        let [count, _]: [u32; 2] = self.value()?;
        let mut nodes = Vec::new();
        for _ in 0..count {
            let [nodeid, nlookup]: [u64; 2] = self.value()?;
            nodes.push((NodeId(nodeid), nlookup));
        }
        Ok(Incoming::BatchForget { nodes })
    }

    fn rename(&mut self, with_flags: bool) -> Result<Incoming, DecodeError> {
        let (newdir, flags) = if with_flags {
            let input: FuseRename2In = self.value()?;
            (input.newdir, Some(input.flags))
        } else {
            (self.value::<FuseRenameIn>()?.newdir, None)
        };
        let (name, new_name) = (self.name()?, self.name()?);
        Ok(Incoming::Rename { name, new_parent: NodeId(newdir), new_name, flags })
    }

    fn about_names(&mut self) -> Result<Option<Incoming>, DecodeError> {
        Ok(Some(match self.opcode {
            Opcode::LOOKUP => Incoming::Lookup { name: self.name()? },
            Opcode::SYMLINK => Incoming::Symlink { name: self.name()?, target: self.name()? },
            Opcode::MKNOD => Incoming::Mknod { input: self.value()?, name: self.name()? },
            Opcode::MKDIR => Incoming::Mkdir { input: self.value()?, name: self.name()? },
            Opcode::UNLINK => Incoming::Unlink { name: self.name()? },
            Opcode::RMDIR => Incoming::Rmdir { name: self.name()? },
            Opcode::RENAME => self.rename(false)?,
            Opcode::RENAME2 => self.rename(true)?,
            Opcode::LINK => {
                let node = NodeId(self.value::<FuseLinkIn>()?.oldnodeid);
                Incoming::Link { node, name: self.name()? }
            }
            Opcode::CREATE => Incoming::Create { input: self.value()?, name: self.name()? },
            Opcode::SETXATTR => self.setxattr()?,
            Opcode::GETXATTR => {
                let size = self.value::<FuseGetxattrIn>()?.size;
                Incoming::Getxattr { name: self.name()?, size }
            }
            Opcode::LISTXATTR => Incoming::Listxattr { size: self.value::<FuseGetxattrIn>()?.size },
            Opcode::REMOVEXATTR => Incoming::Removexattr { name: self.name()? },
            _ => return Ok(None),
        }))
    }

    fn about_files(&mut self) -> Result<Option<Incoming>, DecodeError> {
        Ok(Some(match self.opcode {
            Opcode::OPEN => Incoming::Open { input: self.value()? },
            Opcode::OPENDIR => Incoming::Opendir { input: self.value()? },
            Opcode::READ => Incoming::Read { input: self.value()? },
            Opcode::WRITE => {
                let input: fuserig_abi::FuseWriteIn = self.value()?;
                Incoming::Write { input, data: self.take(input.size as usize)?.to_vec() }
            }
            Opcode::RELEASE => Incoming::Release { input: self.value()? },
            Opcode::RELEASEDIR => Incoming::Releasedir { input: self.value()? },
            Opcode::FSYNC => Incoming::Fsync { input: self.value()? },
            Opcode::FSYNCDIR => Incoming::Fsyncdir { input: self.value()? },
            Opcode::FLUSH => Incoming::Flush { input: self.value()? },
            Opcode::READDIR => Incoming::Readdir { input: self.value()? },
            Opcode::READDIRPLUS => Incoming::Readdirplus { input: self.value()? },
            Opcode::FALLOCATE => Incoming::Fallocate { input: self.value()? },
            Opcode::LSEEK => Incoming::Lseek { input: self.value()? },
            Opcode::COPY_FILE_RANGE => Incoming::CopyFileRange { input: self.value()? },
            Opcode::GETLK => Incoming::Getlk { lock: self.lock()? },
            Opcode::SETLK => Incoming::Setlk { lock: self.lock()? },
            Opcode::SETLKW => Incoming::Setlkw { lock: self.lock()? },
            _ => return Ok(None),
        }))
    }

    fn about_the_rest(&mut self) -> Result<Incoming, DecodeError> {
        Ok(match self.opcode {
            Opcode::FORGET => Incoming::Forget { nlookup: self.value()? },
            Opcode::BATCH_FORGET => self.forgets()?,
            Opcode::GETATTR => {
                let input: FuseGetattrIn = self.value()?;
                Incoming::Getattr { flags: input.getattr_flags, fh: input.fh }
            }
            Opcode::SETATTR => Incoming::Setattr { input: self.value()? },
            Opcode::READLINK => Incoming::Readlink,
            Opcode::STATFS => Incoming::Statfs,
            Opcode::ACCESS => Incoming::Access { mask: self.value::<FuseAccessIn>()?.mask },
            Opcode::INTERRUPT => Incoming::Interrupt { unique: Unique(self.value()?) },
            Opcode::INIT => Incoming::Init { body: self.rest() },
            Opcode::DESTROY => Incoming::Destroy,
            opcode => Incoming::Other { opcode, body: self.rest() },
        })
    }
}

impl Incoming {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is not what the opcode promises, with the offset.
    pub fn decode(opcode: Opcode, body: &[u8]) -> Result<Incoming, DecodeError> {
        let mut body = Body { opcode, bytes: body, at: 0 };
        let incoming = match body.about_names()? {
            Some(incoming) => incoming,
            None => match body.about_files()? {
                Some(incoming) => incoming,
                None => body.about_the_rest()?,
            },
        };
        let extra = body.bytes.len() - body.at;
        if extra > 0 {
            return Err(DecodeError::Trailing { opcode, offset: body.at, extra });
        }
        Ok(incoming)
    }
}
