//! The 32 operations of fuse-bpf and the callbacks of a filter.
//!
//! [`Op`] is the index of every table, [`Slot`] names one callback. Neither knows an argument; the
//! rows of [`crate::AbiTable`] do. A reader would get wrong that the names differ from the opcodes:
//! `create_open` is FUSE_CREATE, `get_link` is FUSE_READLINK (SEMANTICS 4.1).

use core::fmt;

use crate::{FUSE_POSTFILTER, FUSE_PREFILTER, Opcode};

/// The two calls of a filter around the lower step.
///
/// ```
/// use fuserig_abi::Phase;
/// assert_eq!(Phase::Pre.bit(), 0x1_0000);
/// assert_eq!(Phase::Post.suffix(), "_postfilter");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Before the lower step.
    Pre,
    /// After the lower step.
    Post,
}

impl Phase {
    /// Both phases in order.
    pub const ALL: [Phase; 2] = [Phase::Pre, Phase::Post];

    /// The bit in `meta.opcode`.
    pub const fn bit(self) -> u32 {
        match self {
            Phase::Pre => FUSE_PREFILTER,
            Phase::Post => FUSE_POSTFILTER,
        }
    }

    /// What a member's name ends with.
    pub const fn suffix(self) -> &'static str {
        match self {
            Phase::Pre => "_prefilter",
            Phase::Post => "_postfilter",
        }
    }
}

macro_rules! ops {
    ($($variant:ident $name:literal $opcode:ident,)*) => {
        /// An operation that the pipeline filters, in the order of the table (SEMANTICS 4.1).
        ///
        /// ```
        /// use fuserig_abi::{Op, Opcode};
        /// assert_eq!(Op::ALL.len(), 32);
        /// assert_eq!(Op::CreateOpen.opcode(), Opcode::CREATE);
        /// assert_eq!(Op::from_name("get_link"), Some(Op::GetLink));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Op {
            $(
                #[doc = concat!("`", $name, "`, FUSE_", stringify!($opcode), ".")]
                $variant,
            )*
        }

        impl Op {
            /// Every operation in table order; `ALL[op.index()] == op`.
            pub const ALL: [Op; Op::COUNT] = [$(Op::$variant),*];
            /// How many operations there are.
            pub const COUNT: usize = [$($name),*].len();

            /// The name in `struct fuse_ops` without the phase.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Op::$variant => $name,)*
                }
            }

            /// The FUSE opcode of its daemon requests.
            pub const fn opcode(self) -> Opcode {
                match self {
                    $(Op::$variant => Opcode::$opcode,)*
                }
            }

            const fn member_names(self) -> [&'static str; 2] {
                match self {
                    $(Op::$variant => {
                        [concat!($name, "_prefilter"), concat!($name, "_postfilter")]
                    })*
                }
            }
        }
    };
}

ops! {
    Open "open" OPEN,
    Opendir "opendir" OPENDIR,
    CreateOpen "create_open" CREATE,
    Release "release" RELEASE,
    Releasedir "releasedir" RELEASEDIR,
    Flush "flush" FLUSH,
    Lseek "lseek" LSEEK,
    CopyFileRange "copy_file_range" COPY_FILE_RANGE,
    Fsync "fsync" FSYNC,
    DirFsync "dir_fsync" FSYNCDIR,
    Getxattr "getxattr" GETXATTR,
    Listxattr "listxattr" LISTXATTR,
    Setxattr "setxattr" SETXATTR,
    Removexattr "removexattr" REMOVEXATTR,
    ReadIter "read_iter" READ,
    WriteIter "write_iter" WRITE,
    FileFallocate "file_fallocate" FALLOCATE,
    Lookup "lookup" LOOKUP,
    Mknod "mknod" MKNOD,
    Mkdir "mkdir" MKDIR,
    Rmdir "rmdir" RMDIR,
    Rename2 "rename2" RENAME2,
    Rename "rename" RENAME,
    Unlink "unlink" UNLINK,
    Link "link" LINK,
    Getattr "getattr" GETATTR,
    Setattr "setattr" SETATTR,
    Statfs "statfs" STATFS,
    GetLink "get_link" READLINK,
    Symlink "symlink" SYMLINK,
    Readdir "readdir" READDIR,
    Access "access" ACCESS,
}

impl Op {
    /// The position in [`Op::ALL`], below [`Op::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The operation with that name.
    pub fn from_name(name: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.name() == name)
    }

    /// The operation that a FUSE opcode belongs to; phase bits are ignored.
    pub fn of_opcode(opcode: Opcode) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.opcode() == opcode.base())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One callback of a filter.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// let slot = Slot::Member(Op::Mkdir, Phase::Post);
/// assert_eq!(slot.name(), "mkdir_postfilter");
/// assert_eq!(Slot::from_name("default_filter"), Some(Slot::Default));
/// assert_eq!(Slot::from_index(slot.index()), Some(slot));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The prefilter or postfilter of an operation.
    Member(Op, Phase),
    /// The v4 `default_filter`, called with meta only.
    Default,
}

impl Slot {
    /// How many slots there are with the default filter.
    pub const COUNT: usize = Op::COUNT * 2 + 1;

    /// Every slot by [`Slot::index`]: the members in declaration order, then the default filter.
    pub fn all() -> impl Iterator<Item = Slot> {
        (0..Slot::COUNT).filter_map(Slot::from_index)
    }

    /// The name of the member in `struct fuse_ops`.
    pub const fn name(self) -> &'static str {
        match self {
            Slot::Member(op, phase) => op.member_names()[phase as usize],
            Slot::Default => "default_filter",
        }
    }

    /// The slot with that member name.
    pub fn from_name(name: &str) -> Option<Slot> {
        Slot::all().find(|slot| slot.name() == name)
    }

    /// Twice the operation plus one for a postfilter; the default filter comes last. The same in
    /// all ABI versions, unlike the offset.
    pub const fn index(self) -> usize {
        match self {
            Slot::Member(op, phase) => op.index() * 2 + phase as usize,
            Slot::Default => Slot::COUNT - 1,
        }
    }

    /// The inverse of [`Slot::index`].
    pub fn from_index(index: usize) -> Option<Slot> {
        if index == Slot::COUNT - 1 {
            return Some(Slot::Default);
        }
        Some(Slot::Member(*Op::ALL.get(index / 2)?, Phase::ALL[index % 2]))
    }

    /// The operation, unless this is the default filter.
    pub const fn op(self) -> Option<Op> {
        match self {
            Slot::Member(op, _) => Some(op),
            Slot::Default => None,
        }
    }

    /// The phase, unless this is the default filter.
    pub const fn phase(self) -> Option<Phase> {
        match self {
            Slot::Member(_, phase) => Some(phase),
            Slot::Default => None,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Op, Phase, Slot};

    #[test]
    fn every_operation_maps_back_from_name_index_and_opcode() {
        for (index, op) in Op::ALL.into_iter().enumerate() {
            assert_eq!(op.index(), index);
            assert_eq!(Op::from_name(op.name()), Some(op));
            assert_eq!(Op::of_opcode(op.opcode().with_phase(Phase::Post)), Some(op));
        }
        assert_eq!(Op::from_name("create"), None);
    }

    #[test]
    fn every_slot_maps_back_from_name_and_index() {
        let slots: Vec<Slot> = Slot::all().collect();
        assert_eq!(slots.len(), 65);
        for (index, slot) in slots.into_iter().enumerate() {
            assert_eq!(slot.index(), index);
            assert_eq!(Slot::from_name(slot.name()), Some(slot));
            if let (Some(op), Some(phase)) = (slot.op(), slot.phase()) {
                assert_eq!(slot.name(), format!("{}{}", op.name(), phase.suffix()));
            }
        }
        assert_eq!(Slot::from_index(65), None);
        assert_eq!(Slot::from_name("open"), None);
    }
}
