//! FUSE opcodes with their phase bits.
//!
//! An [`Opcode`] is whatever number was on the wire or in `meta.opcode`; it may name nothing. It
//! refuses to decide: which operation of fuse-bpf an opcode belongs to is [`crate::Op::of_opcode`].
//! A reader would get wrong that FUSE_READDIRPLUS and FUSE_READDIR are one operation here only
//! below the pipeline: the pipeline sends FUSE_READDIR.

use core::fmt;

use crate::{FUSE_OPCODE_FILTER, FUSE_POSTFILTER, FUSE_PREFILTER, Phase};

/// A FUSE opcode, possibly with a phase bit. Every 32-bit value is legal.
///
/// ```
/// use fuserig_abi::{Opcode, Phase};
/// let opcode = Opcode::LOOKUP.with_phase(Phase::Pre);
/// assert_eq!(opcode.0, 0x1_0001);
/// assert_eq!(opcode.to_string(), "FUSE_LOOKUP|PREFILTER");
/// assert_eq!(opcode.base(), Opcode::LOOKUP);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Opcode(pub u32);

macro_rules! opcodes {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl Opcode {
            $(
                #[doc = concat!("`FUSE_", stringify!($name), "`, ", stringify!($value), ".")]
                pub const $name: Opcode = Opcode($value);
            )*

            /// Every opcode that has a name, in the order of numbers.
            pub const ALL: &[Opcode] = &[$(Opcode($value)),*];

            /// The protocol's name of the opcode without phase bits (`FUSE_LOOKUP`), if it has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.base().0 {
                    $($value => Some(concat!("FUSE_", stringify!($name))),)*
                    _ => None,
                }
            }

            /// The opcode with that name, with or without the prefix `FUSE_`.
            pub fn from_name(name: &str) -> Option<Opcode> {
                match name.strip_prefix("FUSE_").unwrap_or(name) {
                    $(stringify!($name) => Some(Opcode($value)),)*
                    _ => None,
                }
            }
        }
    };
}

opcodes! {
    LOOKUP = 1, FORGET = 2, GETATTR = 3, SETATTR = 4, READLINK = 5, SYMLINK = 6, MKNOD = 8,
    MKDIR = 9, UNLINK = 10, RMDIR = 11, RENAME = 12, LINK = 13, OPEN = 14, READ = 15, WRITE = 16,
    STATFS = 17, RELEASE = 18, FSYNC = 20, SETXATTR = 21, GETXATTR = 22, LISTXATTR = 23,
    REMOVEXATTR = 24, FLUSH = 25, INIT = 26, OPENDIR = 27, READDIR = 28, RELEASEDIR = 29,
    FSYNCDIR = 30, GETLK = 31, SETLK = 32, SETLKW = 33, ACCESS = 34, CREATE = 35, INTERRUPT = 36,
    BMAP = 37, DESTROY = 38, IOCTL = 39, POLL = 40, NOTIFY_REPLY = 41, BATCH_FORGET = 42,
    FALLOCATE = 43, READDIRPLUS = 44, RENAME2 = 45, LSEEK = 46, COPY_FILE_RANGE = 47,
    SETUPMAPPING = 48, REMOVEMAPPING = 49, SYNCFS = 50, TMPFILE = 51, STATX = 52,
    CANONICAL_PATH = 2016,
}

impl Opcode {
    /// The opcode without its upper half.
    pub const fn base(self) -> Opcode {
        Opcode(self.0 & FUSE_OPCODE_FILTER)
    }

    /// The opcode with the bit of one phase and no other.
    pub const fn with_phase(self, phase: Phase) -> Opcode {
        Opcode(self.base().0 | phase.bit())
    }

    /// The phase whose bit is set, or `None` when neither or both are.
    pub const fn phase(self) -> Option<Phase> {
        match self.0 & (FUSE_PREFILTER | FUSE_POSTFILTER) {
            FUSE_PREFILTER => Some(Phase::Pre),
            FUSE_POSTFILTER => Some(Phase::Post),
            _ => None,
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "op#{}", self.base().0)?,
        }
        if self.0 & FUSE_PREFILTER != 0 {
            f.write_str("|PREFILTER")?;
        }
        if self.0 & FUSE_POSTFILTER != 0 {
            f.write_str("|POSTFILTER")?;
        }
        let rest = self.0 & !(FUSE_OPCODE_FILTER | FUSE_PREFILTER | FUSE_POSTFILTER);
        if rest != 0 {
            write!(f, "|{rest:#x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Opcode;
    use crate::Phase;

    #[test]
    fn every_name_maps_back_to_its_opcode() {
        for opcode in Opcode::ALL {
            let name = opcode.name().expect("ALL holds named opcodes");
            assert_eq!(Opcode::from_name(name), Some(*opcode), "{name}");
        }
        assert_eq!(Opcode::from_name("LOOKUP"), Some(Opcode::LOOKUP));
        assert_eq!(Opcode::from_name("FUSE_NOTHING"), None);
    }

    #[test]
    fn phase_bits_replace_each_other() {
        let pre = Opcode::OPEN.with_phase(Phase::Pre);
        assert_eq!(pre.phase(), Some(Phase::Pre));
        assert_eq!(pre.with_phase(Phase::Post).0, 0x2_000e);
        assert_eq!(Opcode(0x3_000e).phase(), None);
        assert_eq!(Opcode::OPEN.phase(), None);
    }

    #[test]
    fn numbers_without_a_name_are_printed_as_numbers() {
        assert_eq!(Opcode(7).to_string(), "op#7");
        assert_eq!(Opcode(0x4_0001).to_string(), "FUSE_LOOKUP|0x40000");
        assert_eq!(Opcode(0x3_0001).to_string(), "FUSE_LOOKUP|PREFILTER|POSTFILTER");
    }
}
