//! Names and numbers of the container: magic, versions, kinds, codecs.
//!
//! Nothing here reads or writes. A reader would get wrong that the version is that of the
//! *container and its records*, not of the program: old files stay readable under it.

use core::fmt;

use crate::record::RecordKind;

/// The first 8 bytes of a trace. High bit, CR LF, ^Z and LF, as PNG has them, so that transfers in
/// text mode are seen at once.
pub(crate) const MAGIC: [u8; 8] = *b"\x89FRT\r\n\x1a\n";
/// The first 8 bytes of a block.
pub(crate) const BLOCK_SYNC: [u8; 8] = *b"\xf5frtblk\n";
/// Blocks, index and footer begin at multiples of this.
pub(crate) const ALIGN: u64 = 8;
/// Longest header, in bytes of JSON. INIT bytes and mount options are a few hundred.
pub(crate) const HEADER_LEN_MAX: u32 = 1 << 22;
/// Most bytes that one record may carry: the largest FUSE message (16 MiB for fuser) with room.
/// A tree that is larger goes into several TREE records, whose texts join.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Block kind of the index.
pub(crate) const KIND_INDEX: u16 = 6;
/// A reader that does not know the block's kind may go on without it.
pub(crate) const FLAG_SKIPPABLE: u8 = 1;
/// The layout version of blocks, and of the rows that the stream id is a hash of.
pub(crate) const SCHEMA: u16 = 1;
/// The layout version of blocks of operations of which some have digests of their data. Its rows
/// are those of schema 1 with one more form of data, so stream ids count it as that.
pub(crate) const OPS_SCHEMA_DIGESTS: u16 = 2;

/// Whether this build reads blocks of that kind and schema.
pub(crate) fn is_known_schema(kind: RecordKind, schema: u16) -> bool {
    schema == SCHEMA || (kind == RecordKind::Op && schema == OPS_SCHEMA_DIGESTS)
}

/// A version of the format. Major must match; a newer minor is read as far as it is known.
///
/// ```
/// use fuserig_traces::FormatVersion;
/// assert_eq!(FormatVersion::CURRENT.to_string(), "1.1");
/// assert!(FormatVersion { major: 1, minor: 7 }.readable());
/// assert!(!FormatVersion { major: 2, minor: 0 }.readable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Differs where old readers would misread.
    pub major: u16,
    /// Differs where old readers miss something.
    pub minor: u16,
}

impl FormatVersion {
    /// What this build writes. The changelog of the format:
    ///
    /// - 1.0: the first. Kinds OPS 1, STAGES 2, PAYLOAD 3, TREE 4, NOTE 5, INDEX 6, CALLS 7, all of
    ///   schema 1; codecs none 0 and zstd 2, with 1 kept for lz4.
    /// - 1.1: data of operations may be kept as a digest (payload kind 4, in mode `hash`); a block
    ///   of OPS that has one is of schema 2, every other is as before. A build that reads 1.0
    ///   refuses such blocks by their schema and reads all others; this build reads all of 1.0.
    ///   Stream ids of files without digests are the same. Rewriting a file of 1.0 keeps its names
    ///   of data as they are, since digests cannot be told from them.
    pub const CURRENT: FormatVersion = FormatVersion { major: 1, minor: 1 };

    /// Whether this build reads it.
    pub fn readable(self) -> bool {
        self.major == FormatVersion::CURRENT.major
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// How a block's body is compressed.
///
/// ```
/// use fuserig_traces::Codec;
/// assert_eq!(Codec::from_number(2), Some(Codec::Zstd));
/// assert_eq!(Codec::Lz4.to_string(), "lz4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// Not at all.
    None,
    /// A number that is kept for lz4; this build neither writes nor reads it.
    Lz4,
    /// zstd.
    Zstd,
}

impl Codec {
    /// The number in a block's head.
    pub fn number(self) -> u8 {
        match self {
            Codec::None => 0,
            Codec::Lz4 => 1,
            Codec::Zstd => 2,
        }
    }

    /// The codec of that number.
    pub fn from_number(number: u8) -> Option<Codec> {
        [Codec::None, Codec::Lz4, Codec::Zstd].into_iter().find(|codec| codec.number() == number)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Codec::None => "none",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        })
    }
}
