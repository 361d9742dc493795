//! What is wrong inside a file that can be read all the same.

use core::fmt;

/// What happened to a part of a file.
///
/// ```
/// use fuserig_traces::DamageKind;
/// assert_eq!(DamageKind::BodyChecksum.to_string(), "block does not match its checksum");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The header was unreadable; the trace was read without it. Only with
    /// `ReadOptions::without_header`.
    Header,
    /// Bytes that are no block.
    NotABlock,
    /// A block whose body does not match its checksum.
    BodyChecksum,
    /// The file ends inside a block.
    Cut,
    /// Checksums hold, but the content is not what the kind asks for.
    Undecodable(String),
    /// A block above the reader's limits.
    TooLarge,
    /// The file ends without a footer: its writer did not finish.
    NoFooter,
    /// Bytes after the footer.
    AfterFooter,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            DamageKind::Header => "header is unreadable",
            DamageKind::NotABlock => "bytes are no block",
            DamageKind::BodyChecksum => "block does not match its checksum",
            DamageKind::Cut => "file ends inside a block",
            DamageKind::Undecodable(why) => return write!(out, "block is undecodable: {why}"),
            DamageKind::TooLarge => "block is larger than the limit",
            DamageKind::NoFooter => "file ends without a footer",
            DamageKind::AfterFooter => "bytes follow the footer",
        })
    }
}

/// A part of a file that was left out.
///
/// ```
/// use fuserig_traces::{Damage, DamageKind};
/// let damage = Damage { offset: 4096, len: 12, kind: DamageKind::Cut };
/// assert_eq!(damage.to_string(), "byte 4096, 12 bytes lost: file ends inside a block");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes were left out.
    pub len: u64,
    /// What happened.
    pub kind: DamageKind,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "byte {}, {} bytes lost: {}", self.offset, self.len, self.kind)
    }
}

/// How many are listed one by one. Memory must not grow with what a stranger broke.
const LISTED_MAX: usize = 1000;

/// All damage of a file: a list that is cut at some length, and totals that are not.
///
/// ```
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let writer = TraceWriter::create(Vec::new(), Header::default()).expect("memory takes it");
/// let (_, file) = writer.finish().expect("memory takes it");
/// let mut reader = TraceReader::open(&file[..file.len() - 1]).expect("the header is whole");
/// while let Some(_block) = reader.next_block().expect("damage is no error") {}
/// assert_eq!(reader.damage().lost_bytes(), 39);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamageReport {
    listed: Vec<Damage>,
    count: u64,
    lost_bytes: u64,
}

impl DamageReport {
    pub(super) fn add(&mut self, offset: u64, len: u64, kind: DamageKind) {
        self.count += 1;
        self.lost_bytes = self.lost_bytes.saturating_add(len);
        if self.listed.len() < LISTED_MAX {
            self.listed.push(Damage { offset, len, kind });
        }
    }

    /// The first thousand, in file order.
    pub fn listed(&self) -> &[Damage] {
        &self.listed
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many bytes were left out.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
