//! The rows of the decision table by name, and the answer of one call.

use crate::{MemoryFault, MemoryId};

/// A row of the decision table of `get_writeable`. W6 and W7 never decide: W6 only replaces the
/// requested size and W7 cannot be reached.
///
/// ```
/// use fuserig_abi::Row;
/// assert_eq!(Row::W12.name(), "W12");
/// assert_eq!(Row::ALL.len(), 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// Refused: the buffer is immutable.
    W1,
    /// In place: the size shrinks to what was asked for.
    W2,
    /// In place: the size is fixed.
    W3,
    /// Refused: above the maximum.
    W4,
    /// Refused: a fixed size cannot grow.
    W5,
    /// The requested size was replaced by the buffer's; a later row decides.
    W6,
    /// Refused: above the maximum. Unreachable.
    W7,
    /// In place within the allocation: the size stays.
    W8,
    /// In place within the allocation: the size becomes what was asked for.
    W9,
    /// Refused: the allocation failed.
    W10,
    /// A new allocation with the old bytes: the size stays.
    W11,
    /// A new zeroed allocation: the size becomes what was asked for.
    W12,
}

impl Row {
    /// Every row in order.
    pub const ALL: [Row; 12] = [
        Row::W1,
        Row::W2,
        Row::W3,
        Row::W4,
        Row::W5,
        Row::W6,
        Row::W7,
        Row::W8,
        Row::W9,
        Row::W10,
        Row::W11,
        Row::W12,
    ];

    /// The name in the tables.
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; 12] =
            ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11", "W12"];
        NAMES[self as usize]
    }
}

/// The answer of [`crate::FuseBuffer::get_writeable`].
///
/// ```
/// use fuserig_abi::{Arena, FuseBuffer, Row};
/// let mut arena = Arena::new();
/// let mut name = FuseBuffer::immutable_name(&mut arena, "name", b"abc");
/// let answer = name.get_writeable(&mut arena, 4, true);
/// assert_eq!((answer.row, answer.memory), (Row::W1, None));
/// assert!(name.data.is_some(), "only the kfunc stores the NULL");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writeable {
    /// The row that decided.
    pub row: Row,
    /// Whether W6 replaced the requested size on the way.
    pub through_w6: bool,
    /// What may be written to; `None` is the kernel's NULL.
    pub memory: Option<MemoryId>,
    /// The kernel's own copy touched memory that is not there: a NULL source is a crash, a source
    /// that is too short leaves undetermined bytes in the copy.
    pub fault: Option<MemoryFault>,
}
