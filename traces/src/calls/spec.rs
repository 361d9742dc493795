//! What a row of the table says.

use super::flags::{self, FlagTable};
use super::{CALLS, CallNr, OutField};

/// One system call: its number, name, arguments and outputs.
///
/// ```
/// use fuserig_traces::calls::{ArgKind, CallNr, CallSpec};
/// let open = CallSpec::by_name("openat").expect("openat is in the table");
/// assert_eq!(open.nr, CallNr::OPENAT);
/// assert_eq!(open.args[1], ("path", ArgKind::Path));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSpec {
    /// Our number.
    pub nr: CallNr,
    /// The name of the most general Linux call with this meaning, or a word of ours.
    pub name: &'static str,
    /// Name and kind of each argument.
    pub args: &'static [(&'static str, ArgKind)],
    /// What it may write besides its result.
    pub outs: &'static [OutField],
}

impl CallSpec {
    /// The row of a number.
    pub fn by_nr(nr: CallNr) -> Option<&'static CallSpec> {
        // Rows stand in number order without gaps from 1 on, which a test pins.
        let index = usize::from(nr.0).checked_sub(1)?;
        CALLS.get(index).filter(|spec| spec.nr == nr)
    }

    /// The row of a name.
    pub fn by_name(name: &str) -> Option<&'static CallSpec> {
        CALLS.iter().find(|spec| spec.name == name)
    }

    /// The place of the argument with that name.
    pub fn arg_index(&self, name: &str) -> Option<usize> {
        self.args.iter().position(|(known, _)| *known == name)
    }
}

/// Which of the three forms of a value a kind of argument uses.
///
/// ```
/// use fuserig_traces::calls::{ArgKind, Shape};
/// assert_eq!(ArgKind::Path.shape(), Shape::Bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `Value::Int`.
    Int,
    /// `Value::UInt`.
    UInt,
    /// `Value::Bytes`.
    Bytes,
}

/// What an argument is, which decides its form and how people read it.
///
/// ```
/// use fuserig_traces::calls::ArgKind;
/// let flags = ArgKind::OpenFlags.flags().expect("open flags have names");
/// assert_eq!(flags.format(0o2000001), "O_WRONLY|O_CLOEXEC");
/// assert_eq!(flags.parse("O_WRONLY|O_CLOEXEC"), Some(0o2000001));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// A file descriptor of the client.
    Fd,
    /// A directory descriptor, or -100 (`AT_FDCWD`).
    DirFd,
    /// A path.
    Path,
    /// A single name: of an extended attribute.
    Name,
    /// Bytes to be written, a link target, an attribute's value.
    Data,
    /// Permission bits, maybe with a file type; octal.
    Mode,
    /// A count of bytes or entries.
    Size,
    /// A position in a file.
    Offset,
    /// A user; -1 leaves it alone.
    Uid,
    /// A group; -1 leaves it alone.
    Gid,
    /// Seconds since the epoch.
    Seconds,
    /// Nanoseconds, or `UTIME_NOW`, or `UTIME_OMIT`.
    Nanoseconds,
    /// A device number as the kernel encodes it for `mknod`.
    Device,
    /// Another client, by number.
    Client,
    /// A plain signed number.
    Int,
    /// A plain unsigned number, shown in hexadecimal.
    Hex,
    /// Flags of open(2).
    OpenFlags,
    /// `AT_*` flags.
    AtFlags,
    /// Flags of renameat2(2).
    RenameFlags,
    /// Mode of fallocate(2).
    FallocateFlags,
    /// Mode of access(2).
    AccessMode,
    /// `SEEK_*`.
    Whence,
    /// Mask of statx(2).
    StatxMask,
    /// Flags of setxattr(2).
    XattrFlags,
    /// Operation of flock(2).
    FlockOp,
    /// Command of fcntl(2) for record locks.
    LockCommand,
    /// `F_RDLCK`, `F_WRLCK`, `F_UNLCK`.
    LockType,
    /// Protection of mmap(2).
    MapProtection,
    /// Flags of mmap(2).
    MapFlags,
    /// What clone(2) shares.
    CloneFlags,
    /// Advice of posix_fadvise(2).
    Advice,
    /// Flags of `RWF_*` in preadv2(2) and pwritev2(2).
    RwFlags,
    /// `RESOLVE_*` of openat2(2).
    ResolveFlags,
    /// 0 or 1.
    Switch,
}

impl ArgKind {
    /// Which form of a value the kind uses.
    pub fn shape(self) -> Shape {
        use ArgKind as K;
        match self {
            K::Fd | K::DirFd | K::Offset | K::Uid | K::Gid | K::Seconds | K::Nanoseconds => {
                Shape::Int
            }
            K::Int | K::Whence => Shape::Int,
            K::Path | K::Name | K::Data => Shape::Bytes,
            K::Mode | K::Size | K::Device | K::Client | K::Hex | K::OpenFlags | K::AtFlags => {
                Shape::UInt
            }
            K::RenameFlags | K::FallocateFlags | K::AccessMode | K::StatxMask => Shape::UInt,
            K::XattrFlags | K::FlockOp | K::LockCommand | K::LockType => Shape::UInt,
            K::MapProtection | K::MapFlags | K::CloneFlags | K::Advice => Shape::UInt,
            K::RwFlags | K::ResolveFlags | K::Switch => Shape::UInt,
        }
    }

    /// The names of the bits or values, for kinds that have them.
    pub fn flags(self) -> Option<&'static FlagTable> {
        use ArgKind as K;
        Some(match self {
            K::OpenFlags => &flags::OPEN,
            K::AtFlags => &flags::AT,
            K::RenameFlags => &flags::RENAME,
            K::FallocateFlags => &flags::FALLOCATE,
            K::AccessMode => &flags::ACCESS,
            K::Whence => &flags::WHENCE,
            K::StatxMask => &flags::STATX,
            K::XattrFlags => &flags::XATTR,
            K::FlockOp => &flags::FLOCK,
            K::LockCommand => &flags::LOCK_COMMAND,
            K::LockType => &flags::LOCK_TYPE,
            K::MapProtection => &flags::MAP_PROTECTION,
            K::MapFlags => &flags::MAP,
            K::CloneFlags => &flags::CLONE,
            K::Advice => &flags::ADVICE,
            K::RwFlags => &flags::RW,
            K::ResolveFlags => &flags::RESOLVE,
            K::Fd | K::DirFd | K::Path | K::Name | K::Data | K::Mode | K::Size | K::Offset => {
                return None;
            }
            K::Uid | K::Gid | K::Seconds | K::Nanoseconds | K::Device | K::Client => return None,
            K::Int | K::Hex | K::Switch => return None,
        })
    }
}
